"""The activities' figures against pandas on the raw rows: seeded random data with every decoy we could think of."""

import math
from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import contributions, recount
from repository.access import Actor, Role
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    Figures,
    Format,
    Group,
    calendar,
    diversity,
    figures,
    upcoming,
)
from repository.disclosure import EVERYTHING, OFF_THE_LATTICE, Crowd, Withheld, lattice, levels, siblings
from repository.grids import Community, Grid, Population
from repository.metrics import Period, State
from repository.overview import crowd
from repository.people import AgeBand, Sex
from repository.record import Record
from repository.store import Store
from tests.conftest import NOW

HERE, THERE = "c1", "c2"
GRIDS = ("g1", "g2", "g.3")  # a dot: names in counters' paths must survive it
RESIDENTS = {"g1": 400, "g2": 300, "g.3": 200}
TODAY = date(2026, 4, 2)
POPULATION = {(age, sex): 40 + 10 * n for n, (age, sex) in enumerate((age, sex) for age in AgeBand for sex in Sex)}
PERIODS = ("2026-03", "2026-04", "2025-11", "2026Q1", "2026Q2", "2025Q4", "2025", "2026", "2024", "ever")
RANGES = ("2026-02..2026-04", "2025-02..2025-06", "2024-07..2025-06", "2023-01..2026-04")


def save(store: Store, actor: Actor, records: Sequence[Record]) -> None:
    for start in range(0, len(records), 300):
        chunk = records[start : start + 300]
        store.write(actor, lambda write, chunk=chunk: [write.insert(record) for record in chunk])


def place(store: Store, actor: Actor, community: str) -> None:
    people = tuple(Population(age_band=age, sex=sex, count=n) for (age, sex), n in POPULATION.items())
    save(
        store,
        actor,
        [
            Community(id=community, community_id=community, code=community, name="D", residents=900, population=people),
            *(
                Grid(id=f"{community}-{grid}", community_id=community, code=grid, name=f"{grid} 网格", residents=n)
                for grid, n in RESIDENTS.items()
            ),
        ],
    )


def random_rows(community: str, rng: Random, activities: int) -> tuple[list[Activity], list[Attendance]]:
    """Activities over three years, some cancelled, planned, counted by heads only; residents who move, age, or never
    say who they are."""
    held: list[Activity] = []
    came: list[Attendance] = []
    forms = [*(["lecture"] * 6), "performance", "clinic", "sport", "茶话会.特别"]
    crowd = [
        {
            "resident": f"R-{n:04d}",
            "age_band": rng.choice([None, *AgeBand]),
            "sex": rng.choice([None, *Sex, *Sex]),
            "grid_id": rng.choice([None, *(f"{community}-{grid}" for grid in GRIDS)]),
        }
        for n in range(60)
    ]
    for n in range(activities):
        day = date(2023, 6, 1) + timedelta(days=rng.randrange(1100))
        status = rng.choice([*(["held"] * 8), "cancelled"]) if day <= TODAY else "planned"
        activity = Activity(
            id=f"{community}-a{n}",
            community_id=community,
            name=f"活动 {n}",
            held_on=day,
            status=status,
            format=rng.choice(forms),
            grid_id=rng.choice([None, *(f"{community}-{grid}" for grid in GRIDS)]),
            sessions=rng.choice([1, 1, 1, 2, 3]),
            headcount=rng.choice([None, None, 0, 12, 40]) if status == "held" else None,
        )
        held.append(activity)
        if status != "held" or rng.random() < 0.2:
            continue
        for who in rng.sample(crowd, rng.randrange(1, 14)):
            if rng.random() < 0.02:
                who["grid_id"] = f"{community}-{rng.choice(GRIDS)}"
            if rng.random() < 0.02:
                who["age_band"] = rng.choice(list(AgeBand))
            came.append(
                Attendance(community_id=community, activity_id=activity.id, held_on=day, format=activity.format, **who)
            )
    return held, came


def frame(rows: Sequence[Record]) -> pd.DataFrame:
    found = pd.DataFrame([dict(row) for row in rows])
    found["month"] = [f"{day:%Y-%m}" for day in found["held_on"]]
    found["quarter"] = [f"{day:%Y}Q{(day.month + 2) // 3}" for day in found["held_on"]]
    found["year"] = [f"{day:%Y}" for day in found["held_on"]]
    found["ever"] = "ever"
    found["grid_id"] = found["grid_id"].astype(object).where(found["grid_id"].notna(), None)
    return found


_CUT: dict[tuple[int, str, frozenset[str] | None], tuple[pd.DataFrame, pd.DataFrame]] = {}
"""What was cut out of which rows: the same is asked for again and again, and nothing changes it."""


def within(rows: pd.DataFrame, period: str, grids: frozenset[str] | None) -> pd.DataFrame:
    if (known := _CUT.get((id(rows), period, grids))) is None:
        whole = Period.of(period)
        cut = rows[rows["month"].isin(whole.months) if whole.kind == "range" else rows[whole.kind] == period]
        cut = cut if grids is None else cut[cut["grid_id"].isin(grids)]
        known = _CUT[id(rows), period, grids] = cut, rows  # which are kept, so that no others get their id
    return known[0]


def distinct(rows: pd.DataFrame, grids: frozenset[str] | None) -> int:
    """Distinct people; over several grids each grid's, added up."""
    return int(rows.groupby("grid_id")["resident"].nunique().sum()) if grids else int(rows["resident"].nunique())


def kept_back(came: pd.DataFrame, period: str) -> Withheld:
    """What may not be told of a period and its siblings, from the raw rows."""
    if not siblings(period):
        return OFF_THE_LATTICE
    own, *above = (crowds_of(came, level) for level in levels(period))
    return lattice(own, above=above)


def crowds_of(came: pd.DataFrame, periods: Sequence[str]) -> dict[str, Crowd]:
    """Who came in each period, from the raw rows."""
    crowds = {}
    for each in periods:
        rows = within(came, each, None)
        rows = rows.assign(**{name: rows[name].fillna("") for name in ("age_band", "sex", "grid_id")})
        if rows.empty:
            continue
        traits = ["age_band", "sex"]
        first = came.groupby("resident")[Period.of(each).kind].min()
        grids: dict[str, dict[str, int]] = {}
        both: dict[str, dict[tuple[str, str], int]] = {}
        for grid, own in rows[rows["grid_id"] != ""].groupby("grid_id"):
            times = own.groupby("resident").size()
            grids[grid] = {
                "unique": len(times),
                "repeat": int((times >= 2).sum()),
                "new": int((first[times.index] == each).sum()),
            }
            both[grid] = own.drop_duplicates(["resident", *traits]).groupby(traits).size().to_dict()
        groups = rows.drop_duplicates(["resident", *traits]).groupby(traits).size().to_dict()
        crowds[each] = Crowd(grids, groups, both)
    return crowds


def check_groups(
    groups: Sequence[Group], people: dict[str, int], population: dict[str, int], withheld: Collection[str]
) -> None:
    n = sum(people.get(group.key, 0) for group in groups)
    for group in groups:
        count = people.get(group.key, 0)
        assert group.population == population[group.key]
        fair = population[group.key] / sum(population.values())
        assert group.population_share == pytest.approx(fair)
        if group.key in withheld:
            assert group.withheld
            assert group.people is group.share is group.representation is group.rate is None
            continue
        assert group.people == count
        assert count == 0 or count >= 5
        assert group.rate == pytest.approx(count / population[group.key])
        if n < 5:
            assert group.share is group.representation is None
            continue
        assert group.share == pytest.approx(count / n)
        assert group.representation == pytest.approx(count / n / fair)


def expect(
    found: Figures,
    held: pd.DataFrame,
    came: pd.DataFrame,
    period: str,
    grids: frozenset[str] | None,
    kept: Callable[[str], Withheld],
) -> None:
    """Every figure of ``found``, computed again from the raw rows of the community."""
    mine, took_part = within(held, period, grids), within(came, period, grids)
    took_place = mine[mine["status"] == "held"]
    assert found.held.value == took_place["sessions"].sum()
    assert found.cancelled == mine[mine["status"] == "cancelled"]["sessions"].sum()
    assert found.heads == took_place["headcount"].fillna(0).sum()
    assert found.counted == took_place["headcount"].notna().sum()
    assert found.uncounted == took_place["headcount"].isna().sum()
    residents = 900 if grids is None else sum(RESIDENTS[grid.split("-", 1)[1]] for grid in grids)
    assert found.residents == residents
    n = distinct(took_part, grids)

    def secret(of: str, which: str = "grids") -> bool:
        """Whether the number of people of the grids chosen is withheld; of a range, in any of its months."""
        if Period.of(of).kind == "range":
            return any(secret(month) for month in Period.of(of).months)
        return any(grid in getattr(kept(of), which) for grid in within(came, of, grids)["grid_id"].unique() if grids)

    assert found.withheld is secret(period)
    assert found.untold is (Period.of(period).kind == "range")
    if found.untold:
        for value in (found.participants, found.participation, found.repeat, found.newcomers):
            assert (value.value, value.n if value is not found.participation else 0) == (None, 0)
            assert value.why
            assert value.target is value.state is None, "nothing is wanted of what is never told"
    if secret(period):
        assert found.registered is found.participants.value is found.participation.value is found.visits.value is None
        assert found.repeat.value is found.newcomers.value is None
    elif not len(took_part) and len(took_place):
        assert found.participants.value is found.participation.value is found.registered is None
        assert found.repeat.value is found.newcomers.value is None
    elif found.untold:
        assert found.registered == len(took_part)
        assert found.visits.value == len(took_part) + found.heads
    else:
        assert found.registered == len(took_part)
        assert found.participants.value == found.participation.detail == n
        assert found.participation.value == pytest.approx(n / residents)
        assert found.visits.value == len(took_part) + found.heads
        key = ["resident", "grid_id"] if grids else ["resident"]
        times = took_part.groupby(key).size()
        again = (times >= 2).sum() / n if n and not secret(period, "repeat_of") else None
        assert found.repeat.value == (None if again is None else pytest.approx(again))
        first = came.groupby("resident")[Period.of(period).kind].min()
        new = distinct(took_part[took_part["resident"].map(first) == period], grids)
        unsaid = period == "ever" or not n or secret(period, "new_of")
        assert found.newcomers.value == (None if unsaid else pytest.approx(new / n))
    assert found.participation.estimated is (grids is not None and len(grids) > 1)

    sessions = took_place.groupby("format")["sessions"].sum()
    parts = sessions / sessions.sum()
    entropy = float(-(parts * parts.map(math.log)).sum()) if len(sessions) else None
    assert found.variety.diversity.richness == len(sessions)
    if entropy is None:
        assert found.variety.effective.value is None
    else:
        assert found.variety.diversity.entropy == pytest.approx(entropy, abs=1e-9)
        assert found.variety.effective.value == pytest.approx(math.exp(entropy))
        even = entropy / math.log(len(sessions)) if len(sessions) > 1 else 0
        assert found.variety.diversity.evenness == pytest.approx(even, abs=1e-9)
        assert found.variety.commonest_share == pytest.approx(parts.max())
    everywhere = within(held, "ever", grids)
    ever_held = everywhere[everywhere["status"] == "held"]
    last = ever_held.groupby("format")["month"].max()
    before = within(held, Period.of(period).previous.key, grids)
    before = before[before["status"] == "held"].groupby("format")["sessions"].sum()
    planned = everywhere[(everywhere["status"] == "planned") & (everywhere["month"] >= f"{TODAY:%Y-%m}")]
    planned = planned.groupby("format")["sessions"].sum()
    by_format = {form.format: form for form in found.variety.formats}
    assert by_format.keys() == {*map(str, Format), *last.index, *planned.index}
    for word, form in by_format.items():
        assert form.sessions == sessions.get(word, 0)
        assert form.before == (0 if period == "ever" else before.get(word, 0))
        assert form.planned == planned.get(word, 0)
        assert form.last_held == last.get(word)

    for row in found.months:
        here = within(held, row.month, grids)
        here = here[here["status"] == "held"]
        visits = within(came, row.month, grids)
        assert row.events == here["sessions"].sum()
        assert row.heads == here["headcount"].fillna(0).sum()
        if secret(row.month):
            assert row.registered is row.people is None
            continue
        assert row.registered == len(visits)
        assert row.people == (None if len(here) and not len(visits) else distinct(visits, grids))
    assert len(found.months) == 12

    hidden, one = kept(period), next(iter(grids)) if grids and len(grids) == 1 else None
    pairs: Collection[str] = [f"{age}_{sex}" for age in AgeBand for sex in Sex if age in hidden.pyramid]
    ages, sexes = hidden.ages, hidden.sexes
    if grids:
        pairs = EVERYTHING
        ages = frozenset() if one is not None and one not in hidden.ages_of else EVERYTHING
        sexes = frozenset() if one is not None and one not in hidden.sexes_of else EVERYTHING
    for groups, columns, secrets in (
        (found.pyramid, ["age_band", "sex"], pairs),
        (found.ages, ["age_band"], ages),
        (found.sexes, ["sex"], sexes),
    ):
        # a resident counts once in every (age band, sex, grid) they came as
        once = took_part.drop_duplicates(["resident", "age_band", "sex", *(["grid_id"] if grids else [])])
        once = once.dropna(subset=columns)
        people = {str(key): int(n) for key, n in once[columns].agg("_".join, axis=1).value_counts().items()}
        lives: dict[str, int] = {}
        for (age, sex), number in POPULATION.items():
            word = "_".join(str({"age_band": age, "sex": sex}[column]) for column in columns)
            lives[word] = lives.get(word, 0) + number
        check_groups(groups, people, lives, secrets)
    all_grids = within(came, period, None).groupby("grid_id")["resident"].nunique().to_dict()
    homes = {f"{HERE}-{grid}": n for grid, n in RESIDENTS.items()}
    check_groups(found.grids, all_grids, homes, hidden.grids)


def test_figures_are_what_pandas_gives_on_the_raw_rows(store: Store, admin: Actor) -> None:
    rng = Random(20260402)
    for community in (HERE, THERE):  # the other community is a decoy
        place(store, admin, community)
    held, came = random_rows(HERE, rng, 170)
    save(store, admin, [*held, *came])
    for rows in random_rows(THERE, rng, 30):
        save(store, admin, rows)
    assert not recount.check(store, admin, HERE)
    raw_held, raw_came = frame(held), frame(came)
    known: dict[tuple[str, ...], Withheld] = {}

    def kept(period: str) -> Withheld:
        if siblings(period) not in known:
            known[siblings(period)] = kept_back(raw_came, period)
        return known[siblings(period)]

    one, two = frozenset({"c1-g1"}), frozenset({"c1-g1", "c1-g.3"})
    for period in (*PERIODS, *RANGES):
        for grids in (None, one, two, frozenset({"c1-g2"})):
            found = figures(store, admin, HERE, Period.of(period), grids=grids)
            expect(found, raw_held, raw_came, period, grids, kept)
    # a grid worker sees their own grid whatever they ask for
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=one)
    narrow = figures(store, worker, HERE, Period.of("2025"))
    assert narrow.participants == figures(store, admin, HERE, Period.of("2025"), grids=one).participants
    assert [group.key for group in narrow.grids] == ["c1-g1"]

    for period in ("2025", "2026Q1", "ever", RANGES[0]):
        for grids in (None, one):
            listed = calendar(store, admin, HERE, Period.of(period), grids=grids, limit=1000)
            mine = within(raw_held, period, grids)
            counts = raw_came["activity_id"].value_counts()
            assert {row.activity.id: row.registered for row in listed.rows} == {
                id: counts.get(id, 0) for id in mine["id"]
            }
            silent = mine[(mine["status"] == "held") & mine["headcount"].isna() & ~mine["id"].isin(counts.index)]
            assert listed.unrecorded == len(silent)
            days = [row.activity.held_on for row in listed.rows]
            assert days == sorted(days, reverse=True)
            assert not listed.more
    short = calendar(store, admin, HERE, Period.of("ever"), limit=10)
    assert len(short.rows) == 10
    assert short.more
    ahead = upcoming(store, admin, HERE, limit=100)
    assert [row.held_on for row in ahead] == sorted(
        row.held_on for row in held if row.status is ActivityStatus.PLANNED and row.held_on >= TODAY
    )


def test_what_moved_the_visits_says_nothing_of_a_grid_that_is_not_told_by_itself(store: Store, admin: Actor) -> None:
    rng = Random(20260403)
    place(store, admin, HERE)
    held, came = random_rows(HERE, rng, 120)
    save(store, admin, [*held, *came])
    homes = {f"{HERE}-{grid}" for grid in GRIDS}
    hidden = 0
    for key in ("2026-03", "2026-02", "2025-11", "2026Q1", "2025Q4", "2025Q2", "2025", *RANGES[:3]):
        secret: set[str] = set()
        for period in (Period.of(key).previous, Period.of(key)):
            made = contributions.made_of(store, admin, HERE, period, "visits", now=NOW)
            alone = {
                grid: figures(store, admin, HERE, period, grids=frozenset({grid}), now=NOW).visits for grid in homes
            }
            assert made.few == {grid for grid, value in alone.items() if value.value is None}
            told = {grid: n for grid, (n, _of) in made.by[contributions.By.GRID].items() if grid}
            assert told == {grid: value.value for grid, value in alone.items() if value.value is not None}
            secret |= made.few
        found = contributions.moved(store, admin, HERE, Period.of(key), "visits", now=NOW)
        if found is None:
            continue
        for parts in found.by.values():
            assert sum(each.total for each in parts) == found.change
        grids = {each.part for each in found.by.get(contributions.By.GRID, ())}
        assert grids.isdisjoint(secret)
        hidden += bool(secret) and contributions.OTHERS in grids
    assert hidden, "the decoys are there"


def test_where_only_heads_were_counted_people_are_unknown(store: Store, admin: Actor) -> None:
    place(store, admin, HERE)
    for day, heads in ((date(2026, 1, 10), 30), (date(2026, 2, 10), None), (date(2026, 2, 11), 0)):
        row = {"community_id": HERE, "name": "x", "held_on": day, "format": "lecture", "headcount": heads}
        store.insert(admin, Activity(**row))
    found = figures(store, admin, HERE, Period.of("2026Q1"))
    assert (found.held.value, found.visits.value, found.counted, found.uncounted) == (3, 30, 2, 1)
    assert found.participants.value is found.participation.value is found.newcomers.value is found.repeat.value is None
    assert found.participation.state is State.UNKNOWN
    assert found.visits.detail is None  # visits a head: nobody knows
    assert calendar(store, admin, HERE, Period.of("2026Q1")).unrecorded == 1
    february = figures(store, admin, HERE, Period.of("2026-02"))
    assert february.visits.value == 0  # somebody counted: nobody came
    store.insert(admin, Activity(community_id=HERE, name="x", held_on=date(2025, 5, 1), format="clinic"))
    assert figures(store, admin, HERE, Period.of("2025-05")).visits.value is None  # held, nobody counted


def test_an_empty_community_has_no_data_rather_than_zeros(store: Store, admin: Actor) -> None:
    store.insert(admin, Community(id=HERE, community_id=HERE, code=HERE, name="D"))
    found = figures(store, admin, HERE, Period.of("2026Q2"))
    assert found.held.value == 0
    for value in (found.participants, found.participation, found.repeat, found.newcomers, found.variety.effective):
        assert value.value is None
    assert found.residents is None
    assert all(group.population_share is None for group in (*found.ages, *found.grids))
    assert not found.variety.alarm
    assert [form.last_held for form in found.variety.formats] == [None] * len(Format)


def test_of_a_time_before_all_activities_there_is_no_data_and_later_nobody_came(store: Store, admin: Actor) -> None:
    """Of a grid too that holds none itself, and on Overview, which reads no months of long ago."""
    place(store, admin, HERE)
    for month, grid in (("2023-03", "g2"), ("2023-04", "g1"), ("2026-03", "g1")):
        if month == "2026-03":  # until then nothing was held for years
            for grids in (None, frozenset({"c1-g1"}), frozenset({"c1-g2"})):
                quarter = Period.of("2026Q1")
                full = figures(store, admin, HERE, quarter, grids=grids).participation
                brief = crowd(store, admin, HERE, quarter, grids, now=NOW).figures.participation
                assert full.value == brief.value == 0
                assert full.state is brief.state is State.OFF_TARGET
        day = date(int(month[:4]), int(month[5:]), 10)
        held = Activity(community_id=HERE, name="x", held_on=day, format="lecture", grid_id="c1-g1")
        came = [
            Attendance(
                community_id=HERE, activity_id=held.id, held_on=day, format="lecture", resident=f"R-{grid}{n}",
                grid_id=f"c1-{grid}", age_band=None, sex=None,
            )
            for n in range(20)
        ]  # fmt: skip
        save(store, admin, [held, *came])
    other = frozenset({"c1-g2"})
    for month, people in (("2023-02", None), ("2023-03", 20), ("2023-04", 0), ("2026-03", 0), ("2026-05", None)):
        assert figures(store, admin, HERE, Period.of(month), grids=other).participants.value == people, month


def test_sameness_counts_the_months_below_target(store: Store, admin: Actor) -> None:
    place(store, admin, HERE)
    rows = [("2025-07", form) for form in ("lecture", "clinic", "sport", "craft", "market")]  # varied: ends the run
    rows += [(month, "lecture") for month in ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03") for _ in range(3)]
    rows += [("2026-03", "clinic")]
    for month, form in rows:
        day = date(int(month[:4]), int(month[5:]), 3)
        store.insert(admin, Activity(community_id=HERE, name="x", held_on=day, format=form))
    found = figures(store, admin, HERE, Period.of("2026Q1")).variety
    # windows of three months: until November 2025 fewer than five sessions lie in one, from December on all are alike
    assert found.months_below == 4
    assert found.alarm
    assert found.commonest is not None
    assert (found.commonest.format, found.commonest.sessions, found.commonest.before) == ("lecture", 9, 6)
    assert found.commonest_share == pytest.approx(0.9)
    assert found.effective.state is State.OFF_TARGET
    assert found.effective.since == "2025-12"
    assert next(form for form in found.formats if form.format == "sport").last_held == "2025-07"
    assert next(form for form in found.formats if form.format == "deliberation").last_held is None
    assert not figures(store, admin, HERE, Period.of("2025Q3")).variety.alarm


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 200), max_size=8))
def test_diversity_rules(sessions: dict[str, int]) -> None:
    found = diversity(sessions)
    if not sum(sessions.values()):
        assert found.effective is found.evenness is found.entropy is None
        return
    assert found.effective is not None
    assert found.evenness is not None
    assert 1 - 1e-9 <= found.effective <= found.richness + 1e-9
    assert 0 <= found.evenness <= 1 + 1e-9
    if found.richness == 1:
        assert (found.effective, found.evenness) == (1, 0)
    doubled = diversity({key: 2 * n for key, n in sessions.items()})
    assert doubled.effective == pytest.approx(found.effective)


def test_evenly_held_formats_count_in_full() -> None:
    found = diversity({"a": 4, "b": 4, "c": 4, "d": 0})
    assert found.effective == pytest.approx(3)
    assert found.evenness == pytest.approx(1)
