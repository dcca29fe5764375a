"""What Overview says by itself, over thousands of states that the data could be in: good grammar in both languages,
each claim true of the figures it was made from, and no claim that rests on too little."""

import re
from collections import Counter
from types import SimpleNamespace as Some
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import i18n
from repository import activities, facilities, maintenance, overview, projects, requests, staff
from repository.activities.metrics import EFFECTIVE_FORMATS, PARTICIPANTS, PARTICIPATION
from repository.facilities.metrics import GOOD_ORDER
from repository.grids import COVERAGE, GRID_POSTS, POSTS, SAFETY_TIERS, Grid, Staffing, Tier, Vacancy
from repository.maintenance.metrics import ON_TIME, OVERDUE_ORDERS
from repository.meetings.queries import Glance as MeetingsGlance
from repository.metrics import METRICS, UNTOLD, Metric, Period, State, Value, last_months
from repository.overview import concerns, lines
from repository.requests.themes import Glance as RequestsGlance
from repository.requests.themes import Theme
from repository.words import Message

GRIDS = [Grid(id=f"g{n}", community_id="d", code=str(n), name=f"{n} 号网格", responsible_id=f"p{n}") for n in (1, 2, 3)]
NAMES = {"p1": "王芳", "p3": "李敏"}
MANY = settings(max_examples=700)
COUNT = st.integers(0, 3) | st.integers(0, 4_000)


def share(metric: Metric) -> st.SearchStrategy[Value]:
    """A share and what it is one of; small numbers, at which a state must not be claimed, among them."""
    of = COUNT.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    return of.map(lambda of: Value(metric, of[0] / of[1] if of[1] else None, of[1]))


def counted(metric: Metric, n: int, before: list[int]) -> Value:
    return Value(metric, n, n, [(f"2026-{month:02d}", value) for month, value in enumerate([*before, n], 1)])


def both(message: Message | None) -> list[str]:
    """The sentence in both languages; each has all it needs and nothing that is not said."""
    if message is None:
        return []
    said = []
    for language in ("zh", "en"):
        with i18n.speaking(language):
            text = i18n.say(message)
        assert text == text.strip()
        assert text
        for slip in ("{", "}", "None", "  ", "nan", "inf", "..", ",.", "；。", "，，"):
            assert slip not in text, text
        assert not re.search(r"岁 ?岁|件 ?件|years? years?", text), text
        said.append(text)
    _in_good_english(said[1])
    return said


def _in_good_english(text: str) -> None:
    """One of something is one; any other number of it are many; what follows agrees."""
    kinds = "required|action|stationed|key|more|other|group|grid|safety|residents’"
    for number, noun in re.findall(rf"(?<!of )(?<![\d,.–-])(\d[\d,]*) (?:(?:{kinds}) )*([a-z]+)", text):
        if noun in (
            "of",
            "in",
            "to",
            "overdue",
            "past",
            "ended",
            "open",
            "took",
            "d",
            "was",
            "were",
            "before",
            "is",
            "are",
        ):
            continue
        many = noun.endswith("s") or noun == "people"
        assert (number == "1") != many, text
    for number, verb in re.findall(
        r"(?<!of )(?<![\d,])(\d[\d,]*) (?:more |required )?[a-z]* ?(was|were|is|are)\b", text
    ):
        assert (number == "1") == (verb in ("was", "is")), text
    for number, verb in re.findall(r"(?<![\d,])([\d,]+) of [\d,]+ [a-z ]*?(takes?|lacks?|is|are)\b", text):
        assert (number == "1") == (verb in ("takes", "lacks", "is")), text


def numbers(text: str) -> list[int]:
    without_names = re.sub(r"\d 号网格", "", text)
    return [int(found.replace(",", "")) for found in re.findall(r"(?<![A-Za-z])\d[\d,]*", without_names)]


@MANY
@given(
    st.lists(st.tuples(st.sampled_from(["g1", "g2", "g3", ""]), COUNT), unique_by=lambda row: row[0], max_size=4),
    st.lists(COUNT, min_size=0, max_size=5),
    share(ON_TIME),
    share(GOOD_ORDER),
    st.lists(st.sampled_from(["g1", "g2", "g3", None]), max_size=4),
    st.none() | st.tuples(st.sampled_from([*maintenance.WorkCategory, "雨棚"]), COUNT.filter(bool)),
)
def test_of_repairs_and_facilities(
    rows: list[tuple[str, int]],
    before: list[int],
    on_time: Value,
    good: Value,
    dangers: list[str | None],
    kind: tuple[str, int] | None,
) -> None:
    overdue = sum(n for _grid, n in rows)
    work: Any = Some(
        overdue=counted(OVERDUE_ORDERS, overdue, before),
        on_time=on_time,
        grids=tuple(Some(grid_id=grid, overdue=n) for grid, n in rows),
        kind=kind and (str(kind[0]), kind[1]),
    )
    estate: Any = Some(good_order=good, dangers=tuple(Some(grid_id=grid) for grid in dangers))
    found = concerns.facilities_concern(GRIDS, work, estate, NAMES)
    finding, why = both(found.finding)[1], both(found.why)[1]
    both(found.link)
    told = numbers(finding)
    if not overdue:
        assert finding.startswith("No repair is overdue")
        assert told == ([before[-3], 3] if len(before) > 2 and before[-3] else [])
    elif "rose" in finding or "fell" in finding:
        first, last, months = told
        assert (first, last, months) == (before[-3], overdue, 3)
        assert ("rose" in finding) == (first < last)
        assert first != last
    else:
        assert told == [overdue]
    worst = max((n for grid, n in rows if grid), default=0)
    of_kind = [kind[1]] if kind else []
    where = Counter(filter(None, dangers))
    most = [] if worst or not where else [max(where.values())]
    hazardous = [n for n in (len(dangers),) if n] + [n for n in most if n < len(dangers)]
    assert numbers(why) == [*([worst] if worst else []), *of_kind, *hazardous]
    assert ("no facility is hazardous" in why.lower()) == (not dangers)
    if most:
        grid = next(each for each in GRIDS if each.name in why)
        assert where[grid.id] == most[0]
        assert found.who == tuple(filter(None, [NAMES.get(grid.responsible_id or "")]))
    elif not worst:
        assert found.who == ()
    if kind:
        name = kind[0].label if isinstance(kind[0], maintenance.WorkCategory) else kind[0]
        assert re.search(rf"category “{name}” (has )?{kind[1]:,}\b", why), why
        assert (name if name == "雨棚" else "类") in both(found.why)[0]
    if worst:
        grid = next(each for each in GRIDS if each.name in why)
        assert (grid.id, worst) in rows
        assert found.who == tuple(filter(None, [NAMES.get(grid.responsible_id or "")]))
    states = [value.state for value in (work.overdue, on_time, good) if value.state]
    assert found.state == overview.worst(states)
    if on_time.n < ON_TIME.minimum_n and good.n < GOOD_ORDER.minimum_n and not overdue:
        assert found.state is State.UNKNOWN, "nothing is claimed of so few"


def test_where_no_repair_was_ever_entered_none_is_said_to_be_in_time() -> None:
    nothing: Any = Some(
        overdue=Value(OVERDUE_ORDERS, None, 0), on_time=Value(ON_TIME, None, 0), grids=(), kind=None
    )  # fmt: skip
    found = concerns.facilities_concern(GRIDS, nothing, Some(good_order=Value(GOOD_ORDER, None, 0), dangers=()), NAMES)  # type: ignore[arg-type]
    assert both(found.finding)[1] == "No repair is on record yet"


@st.composite
def posts(draw: st.DrawFn) -> Staffing:
    """As many vacancies of any kind as there may be, and places of the network that these explain, or do not."""
    places = st.tuples(st.sampled_from(list(Tier)), st.sampled_from(["g1", "g2", "g3", None]))
    days = st.none() | st.integers(0, 400)
    empty = draw(st.lists(st.tuples(places, days), max_size=9))
    cells = st.tuples(st.sampled_from(SAFETY_TIERS), st.sampled_from(["g1", "g2", "g3"]))
    gaps = draw(st.sets(cells, max_size=5))
    return Staffing(
        filled=draw(share(POSTS)),
        coverage=draw(share(COVERAGE)),
        by_grid={},
        by_tier={},
        cells=dict.fromkeys(gaps, ()),
        vacancies=tuple(Vacancy(tier, grid, None, None, ago) for (tier, grid), ago in empty),
        before=draw(st.none() | st.dictionaries(st.sampled_from(list(Tier)), st.integers(0, 4))),
    )


@settings(max_examples=1500)
@given(posts())
def test_of_the_team_and_the_network(posts: Staffing) -> None:
    found = concerns.team_concern(GRIDS, posts, NAMES)
    finding, (chinese, why) = both(found.finding)[1], both(found.why)
    empty, n = posts.vacancies, len(posts.vacancies)
    own = any(each.tier in GRID_POSTS for each in empty)
    if "rose" in finding or "fell" in finding:
        first, last, months = numbers(finding)
        before = posts.before or {}
        assert first == sum(m for tier, m in before.items() if own or tier not in GRID_POSTS)
        assert (last, months) == (n, 3)
        assert ("rose" in finding) == (first < last)
        assert ("safety network" in finding) != own
    elif n:
        assert numbers(finding) == [n]
        assert ("safety network" in finding) != own
        assert posts.before is None or n == sum(m for t, m in posts.before.items() if own or t not in GRID_POSTS)
    elif posts.gaps:
        assert numbers(finding) == [len(posts.gaps)]
    else:
        was = sum((posts.before or {}).values())
        assert numbers(finding) == ([was, 3] if was else [])
        assert why == "The three-tier safety network covers every grid."
    assert finding not in why
    assert "post" not in why, "what lacks may be an officer where every post is filled"
    # nothing is left out of the second sentence, and nothing told twice
    places: dict[str | None, int] = Counter(each.grid_id for each in empty) or Counter(
        grid for _tier, grid in posts.gaps
    )
    amounts = [int(m) for m in re.findall(r"(\d+) (?:safety|grid|residents)", why)]
    rest = [int(m) for m in re.findall(r"and (\d+) more (?:is|are) missing", why)]
    assert sum(amounts + rest) == sum(places.values())
    named = [each for each in GRIDS if f"{each.name} lacks" in why]
    everywhere = re.findall(r"(?<!more )(?:is|are) missing", why)
    assert len(named) + len(everywhere) == min(2, len(places))
    largest = sorted(places.values(), reverse=True)[:2]
    assert sorted([*(places[each.id] for each in named), *([places[None]] if everywhere else [])]) == largest[::-1]
    for each in named:
        assert f"{each.name}缺 " in chinese
    other = re.findall(r"(\d+) other places?", why)
    explained = {(each.tier, each.grid_id) for each in empty}
    left = [gap for gap in posts.gaps if gap not in explained and (gap[0], None) not in explained]
    assert other == ([str(len(left))] if empty and left else [])
    for days in map(int, re.findall(r"\((\d+) days?\)", why)):
        assert days in [each.days for each in empty]
        assert days
    assert (
        found.who
        == tuple(
            name
            for each in sorted(named, key=lambda grid: why.index(grid.name))
            if (name := NAMES.get(each.responsible_id or ""))
        )
        or len(places) > 2
    )
    assert len(found.who) <= 2
    assert set(found.who) <= {NAMES.get(each.responsible_id or "") for each in GRIDS if each.id in places}


def test_of_one_grid_its_name_is_not_told() -> None:
    work: Any = Some(overdue=counted(OVERDUE_ORDERS, 0, []), on_time=Value(ON_TIME, None, 0), grids=(), kind=None)
    estate: Any = Some(good_order=Value(GOOD_ORDER, None, 0), dangers=(Some(grid_id="g1"),))
    found = concerns.facilities_concern(GRIDS[:1], work, estate, NAMES)
    assert (both(found.why)[1], found.who) == ("1 facility is hazardous.", ("王芳",))
    found = concerns.facilities_concern(GRIDS, work, estate, NAMES)
    assert (both(found.why)[1], found.who) == ("1 facility is hazardous, in 1 号网格.", ("王芳",))


@pytest.mark.parametrize(
    ("people", "held", "told"),
    [
        (3, 1, "3 residents took part."),
        (None, 1, "Who came was not registered one by one."),
        (None, 0, "No visit is on record."),
    ],
)
def test_who_came_is_told_where_nobody_knows_how_many_live_there(people: int | None, held: int, told: str) -> None:
    crowd: Any = Some(
        period=QUARTER, held=Some(value=held), withheld=False, ages=(), grids=(),
        variety=Some(formats=(), effective=Value(EFFECTIVE_FORMATS, None, 0)),
        participation=Value(PARTICIPATION, None, 0), participants=Value(PARTICIPANTS, people, people or 0),
    )  # fmt: skip
    assert both(concerns.participation_concern(GRIDS, crowd, (), NAMES).why)[1] == told


QUARTER = Period.of("2026Q2")


def course(told: list[int | None], residents: int) -> list[tuple[str, float | None]]:
    """A share of the residents in each month up to the quarter's end."""
    months = last_months(QUARTER.last, len(told))
    return [(month, None if n is None else n / residents) for month, n in zip(months, told, strict=True)]


@settings(max_examples=1500)
@given(
    COUNT,
    st.lists(st.tuples(COUNT, COUNT), min_size=1, max_size=4),
    st.integers(1, 20_000),
    st.lists(st.none() | COUNT, max_size=8),
    share(EFFECTIVE_FORMATS),
    st.lists(st.tuples(st.floats(0, 1) | st.none(), st.floats(0, 1) | st.none()), max_size=4),
    st.lists(st.sampled_from([None, 0, *range(1, 91, 6)]), min_size=3, max_size=3),
    st.sampled_from(["withheld", "untold", "not registered", "", ""]),
    st.lists(st.sampled_from(["p1", "p2", "p3"]), unique=True),
    st.sampled_from([1, 2, 3, 3]),
)
def test_of_participation(
    people: int,
    sessions: list[tuple[int, int]],
    residents: int,
    told: list[int | None],
    effective: Value,
    groups: list[tuple[float | None, float | None]],
    by_grid: list[int | None],
    silent: str,
    organizers: list[str],
    seen: int,
) -> None:
    words = [*activities.Format, "义诊"]
    formats = [Some(format=str(words[place]), sessions=n, before=m) for place, (n, m) in enumerate(sessions)]
    bands = [
        Some(label=f"{18 + place}–{35 + place}", share=a, population_share=b) for place, (a, b) in enumerate(groups)
    ]
    known = silent in ("", "withheld")
    crowd: Any = Some(
        period=QUARTER,
        held=Some(value=sum(n for n, _m in sessions)),
        variety=Some(formats=formats, effective=effective),
        participation=Value(
            PARTICIPATION,
            people / residents if known else None,
            residents,
            course(told, residents),
            why=UNTOLD if silent == "untold" else "",
        ),
        participants=Value(PARTICIPANTS, people if known else None, people),
        ages=bands,
        grids=[
            Some(key=grid.id, rate=None if n is None else n / 90, population=90)
            for grid, n in zip(GRIDS, by_grid, strict=True)
        ],
        withheld=silent == "withheld",
    )
    there = GRIDS[:seen]
    found = concerns.participation_concern(there, crowd, organizers, NAMES)
    finding, why = both(found.finding)[1], both(found.why)[1]
    held, before = sum(n for n, _m in sessions), sum(m for _n, m in sessions)
    most = max(sessions, key=lambda each: each[0])
    past = [before] if before else []
    if not held:
        assert numbers(finding) == past
    elif "of one kind" in finding:
        assert numbers(finding) == [most[0], held, *([most[1]] if before else []), *past]
        assert most[0] * 2 > held > 1
    else:
        assert numbers(finding) == [held, sum(n > 0 for n, _m in sessions), *past]
    if silent:
        assert numbers(why) == [], "a number that is withheld is told nowhere"
        assert "lowest" not in why
        assert "before" not in why
    else:
        assert numbers(why)[0] == people
        then = [n for n in told[:-3][-3:] if n is not None]
        told_before = re.findall(r"\((\d[\d,]*) before\)", why)
        assert [int(n.replace(",", "")) for n in told_before] == ([then[-1]] if then and then[-1] else [])
    if "of the population" in why:
        assert people >= PARTICIPATION.minimum_n
    few = [n for n in by_grid[:seen] if n is not None]
    least = next((each for each in there if f"lowest rate in {each.name}" in why), None)
    if least:
        assert people >= PARTICIPATION.minimum_n
        assert len(few) == seen > 1, "of a grid that may not be told nobody knows whether it is the least"
        assert by_grid[GRIDS.index(least)] == min(few)
        assert few.count(min(few)) == 1
        assert found.state is not State.ON_TARGET
    if found.state in (State.ON_TARGET, State.ACCEPTED):
        assert found.who == ()
    else:
        first = [NAMES[id] for id in organizers if id in NAMES][:1]
        lead = [NAMES[least.responsible_id or ""]] if least and least.responsible_id in NAMES else []
        alone = ["王芳"] if seen == 1 and not first else []
        assert found.who == tuple(dict.fromkeys([*first, *(lead or alone)]))


@MANY
@given(share(METRICS["U1"]), *[COUNT] * 5, *[st.integers(0, 30)] * 3)
def test_of_the_systems(
    part: Value, unmatched: int, unclear: int, open_: int, missing: int, late: int, gaps: int, without: int, more: int
) -> None:
    missing %= 4
    of = {key: Value(METRICS[key], n, n) for key, n in (("U2_unmatched", unmatched), ("U3_unclear", unclear))}
    line = lines._organizations(
        projects.CoConstructionGlance(Some(participation=part, unmatched=of["U2_unmatched"]), of["U3_unclear"])  # type: ignore[arg-type]
    )
    finding = both(line.finding)[1]
    assert numbers(finding) == ([round((part.value or 0) * part.n), part.n] if part.n else [])
    if part.n:
        assert numbers(both(line.more)[1]) == [unmatched, unclear]

    carried = Value(METRICS["T2_carried"], 0, late)
    found = lines._meetings(MeetingsGlance((None,) * missing, late, carried, None, None, True))  # type: ignore[arg-type]
    assert numbers(both(found.finding)[1]) == [n for n in (missing, late) if n]
    assert (found.state is State.OFF_TARGET) >= bool(missing)

    overdue = min(late, open_)
    of_late = Value(METRICS["requests_overdue"], overdue, open_)
    rising = Theme("", requests.Topic.LIFT.value, more + 1, more, more, 0) if without else None
    kind = ("parking" if gaps else "广场舞", min(overdue, gaps + 1)) if overdue else None
    asked = lines._requests(RequestsGlance(open_, overdue, of_late, rising, kind))
    assert numbers(both(asked.finding)[1]) == ([overdue, open_] if open_ else [])
    told = [*([kind[1]] if kind and kind[1] < overdue else []), *([more + 1, 31, more] if rising else [])]
    assert [n for text in both(asked.more)[1:] for n in numbers(text)] == told

    size = gaps + more
    file: Any = Some(
        size=size, gaps=Some(n=gaps if size > 4 else None), gaps_value=Value(METRICS["C2_gaps"], gaps, size),
        key_posts=without + more, without_successor=without, succession=Value(METRICS["C2_succession"], 0.5, more),
    )  # fmt: skip
    team = lines._team(file)
    assert numbers(both(team.finding)[1]) == ([] if not size else [size] if size <= 4 else [gaps, size])
    if team.more:
        assert numbers(both(team.more)[1]) == [without, without + more]


def test_the_rooms_are_those_the_overview_reads() -> None:
    """The stand-ins above have what the real answers have."""
    assert {"overdue", "on_time", "grids", "kind"} <= maintenance.WorkGlance.__dataclass_fields__.keys()
    assert {"good_order", "dangers"} <= facilities.EstateGlance.__dataclass_fields__.keys()
    assert {"period", "held", "variety", "participation", "participants", "ages", "grids", "withheld"} <= (
        activities.Figures.__dataclass_fields__.keys()
    )
    assert {"size", "gaps", "gaps_value", "key_posts", "without_successor", "succession"} <= (
        staff.StaffGlance.__dataclass_fields__.keys()
    )
