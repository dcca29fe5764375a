"""Residents over time: who comes again, who moves up, whom formats reach; volunteers, and who comes without a code."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest

from dashboard import tables
from repository import importer, recount, residents
from repository.access import Actor, Refused, Role
from repository.activities import (
    Activity,
    Attendance,
    PartTaken,
    add_activity,
    correct_attendance,
    edit_activity,
    flow_runs,
    moved_up,
    reach_of_formats,
    record_attendance,
    record_attendances,
    residents_of_grid,
    residents_review,
)
from repository.disclosure import small_returns, together
from repository.grids import Community, Grid
from repository.metrics import Period
from repository.people import AgeBand, Sex
from repository.store import Duplicate, Invalid, Store
from seed.estate import grid_id
from tests.conftest import NOW, once

C = "c1"
ADMIN = Actor("a", "管理员", Role.ADMIN)
K = 5
Visit = Callable[..., Any]
DEEP = ("involve", "collaborate", "empower")


# --- figures
@pytest.fixture(scope="module")
def demo(demo_uri: str) -> Store:
    return Store.connect(demo_uri, clock=lambda: NOW)


def rows_of(demo: Store) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Attendances, activities and registrations of the demonstration as they are stored."""
    came, held, staff = (pd.DataFrame(demo.db[name].find({})) for name in ("attendances", "activities", "volunteers"))
    for rows in (came, held):
        rows["month"] = rows["held_on"].dt.strftime("%Y-%m")
        rows["quarter"] = rows["held_on"].dt.year.astype(str) + "Q" + rows["held_on"].dt.quarter.astype(str)
        rows["year"] = rows["held_on"].dt.strftime("%Y")
    return came, held, staff


def test_figures_are_what_pandas_gives_on_the_raw_rows(demo: Store) -> None:
    """Months, quarters and years: who comes again, how far residents go, how deep, what it costs, who volunteers."""
    came, held, staff = rows_of(demo)
    (home,) = (one["_id"] for one in demo.communities(ADMIN))
    held = held[held["status"] == "held"]
    rank = {"co_organiser": 1, "volunteer": 2}
    came["step"] = came["role"].map(rank).fillna(0)
    first = came.groupby("resident")["month"].min()
    spans = {
        row.resident: (f"{row.since:%Y-%m}", f"{row.until:%Y-%m}" if pd.notna(row.until) else "9999")
        for row in staff.itertuples()
    }
    told = 0
    for key in ("2026-03", "2026-02", "2026Q1", "2025Q2", "2025", "2024"):
        period = Period.of(key)
        found = residents_review(demo, ADMIN, home, period, now=NOW)
        assert found is not None
        own, before = (came[came[period.kind] == each.key] for each in (period, period.previous))
        now, then = set(own["resident"]), set(before["resident"])
        new = {one for one in now if period.first <= date.fromisoformat(f"{first[one]}-01") <= period.last}
        coming = found.comings
        assert coming is not None
        assert (coming.people, coming.before) == (len(now), len(then))
        if coming.new is not None:
            told += 1
            back = len(now) - len(new) - len(now & then)
            parts = (len(new), len(now & then), back, len(then - now))
            assert (coming.new, coming.stayed, coming.back, coming.lapsed) == parts
            assert not any(0 < n < K for n in parts)
            assert found.lapsed.value == pytest.approx(len(then - now) / len(then))
        furthest = own.groupby("resident")["step"].max()
        steps = [int((furthest == step).sum()) for step in (0, 1, 2)]
        assert [rung.people in (None, n) for rung, n in zip(found.rungs[1:], steps, strict=True)] == [True] * 3
        assert not any(0 < (rung.people or 0) < K for rung in found.rungs)
        assert found.rungs[0].people == 9102 - len(now)
        risen = _risen(came, period)
        for rung in found.rungs[2:]:
            n = len(risen[rung.step])
            assert rung.risen in (None, n)
            assert not 0 < (rung.risen or 0) < K
        events = held[held[period.kind] == key]
        for depth in found.depths:
            at = events[events["level"] == depth.level]
            assert (depth.sessions, depth.heads) == (at["sessions"].sum(), at["headcount"].fillna(0).sum())
            assert depth.visits == own["activity_id"].isin(at["_id"]).sum()
        deep = sum(depth.visits + depth.heads for depth in found.depths if depth.level in DEEP)
        assert found.deep.value == pytest.approx(deep / (len(own) + events["headcount"].fillna(0).sum()))
        assert found.satisfied.value == pytest.approx(events["satisfied"].sum() / events["answers"].sum())
        assert found.cost.value == pytest.approx(events["spend_cents"].sum() / len(now))
        assert found.unpriced == events["spend_cents"].isna().sum()
        service = own[own["role"] == "volunteer"]
        served = service["resident"].nunique()
        assert found.served == found.rungs[3].people  # its number is that step's
        assert found.served in (None, served)
        if found.served:
            assert found.hours.value == pytest.approx(service["hours"].sum() / served)
            assert found.timed == service["hours"].notna().sum()
        active = {
            row.resident
            for row in service.itertuples()
            if spans.get(row.resident, ("9", "0"))[0] <= row.month <= spans[row.resident][1]
        }
        there = sum(start <= f"{period.last:%Y-%m}" and end >= f"{period.first:%Y-%m}" for start, end in spans.values())
        if found.active.value is not None:
            assert (found.active.value, found.active.n) == (pytest.approx(len(active) / there), there)
        else:
            assert found.active.n == 0  # withheld with the step, or with a sibling's
    assert told >= 4
    assert recount.check(demo, ADMIN, home) == []


def _risen(came: pd.DataFrame, period: Period) -> dict[str, set[str]]:
    """Residents who reached a step for the first time in the period, month by month in plain Python."""
    risen: dict[str, set[str]] = {"co_organiser": set(), "volunteer": set()}
    more = came[came["step"] > 0].groupby(["resident", "month"])["step"].max().reset_index()
    for resident, months in more.sort_values("month").groupby("resident"):
        so_far = 0
        for row in months.itertuples():
            inside = f"{period.first:%Y-%m}" <= row.month <= f"{period.last:%Y-%m}"
            if row.step > so_far and inside:
                risen["volunteer" if row.step == 2 else "co_organiser"].add(resident)
            so_far = max(so_far, int(row.step))
    return risen


def test_retention_by_month_of_first_coming(demo: Store) -> None:
    came, _held, _staff = rows_of(demo)
    (home,) = (one["_id"] for one in demo.communities(ADMIN))
    first = came.groupby("resident")["month"].min()
    months = sorted(came["month"].unique())
    table = {
        start: {
            later: int(n)
            for later, n in came[came["resident"].map(first) == start].groupby("month")["resident"].nunique().items()
        }
        for start in months
    }
    for key in ("2024", "2026Q1"):  # the crowd of the first year, and the few who came lately
        found = residents_review(demo, ADMIN, home, Period.of(key), now=NOW)
        assert found is not None
        assert len(found.cohorts) == 13
        shown = 0
        for cohort in found.cohorts:
            size = table[cohort.month][cohort.month]
            assert cohort.size == (None if size < K else size)
            later = [month for month in months if month > cohort.month][:12]
            for place, (share, month) in enumerate(zip(cohort.shares, later, strict=False), 1):
                n = table[cohort.month].get(month, 0)
                if place in cohort.few:
                    assert share is None
                    continue
                shown += n >= K
                assert n == 0 or n >= K
                assert share == pytest.approx(n / size)
        assert shown >= (15 if key == "2024" else 0)
    assert found.retained_in.key == "2025"  # of December 2025 the third month is over
    size, again = kept(came, "2025")
    assert (found.retained.n, found.retained.value) == (size, pytest.approx(again / size))


def kept(came: pd.DataFrame, year: str) -> tuple[int, int]:
    """Of those who first came in the year, how many came again in one of the three months after."""
    months = came.groupby("resident")["month"].agg(lambda own: {pd.Period(month, "M").ordinal for month in own})
    first = months.map(min)
    of_year = first.map(lambda month: str(pd.Period(ordinal=month, freq="M").year)) == year
    soon = [bool({n + 1, n + 2, n + 3} & own) for n, own in zip(first[of_year], months[of_year], strict=True)]
    return len(soon), sum(soon)


def test_of_one_grid_is_told_what_no_other_grid_gives_away(demo: Store) -> None:
    """Against pandas, of every grid: as of the community where it may be told, and of all grids or of none."""
    came, _held, _staff = rows_of(demo)
    (home,) = (one["_id"] for one in demo.communities(ADMIN))
    grids = sorted(came["grid_id"].dropna().unique())
    came["step"] = came["role"].map({"co_organiser": 1, "volunteer": 2}).fillna(0)
    came["year_first"] = came.groupby("resident")["month"].transform("min").str[:4]
    told: dict[str, int] = {}
    for key in ("2024", "2025", "2025Q2", "2026-02"):
        period = Period.of(key)
        found = [residents_of_grid(demo, ADMIN, home, period, grids=frozenset({grid}), now=NOW) for grid in grids]
        for grid, one in zip(grids, found, strict=True):
            assert one is not None
            assert one.comings is not None
            lives = came[came["grid_id"] == grid]
            own, before = (set(lives[lives[each.kind] == each.key]["resident"]) for each in (period, period.previous))
            assert one.comings.people in (None, len(own))
            assert not 0 < (one.comings.people or 0) < K
            assert one.rungs[0].people in (None, (one.residents or 0) - len(own))
            parts = (one.comings.stayed, one.comings.lapsed)
            if one.comings.lapsed is not None:
                told[f"{key} comings"] = told.get(f"{key} comings", 0) + 1
                assert parts == (len(own & before), len(before - own))
                assert one.lapsed_in != period or one.lapsed.value == pytest.approx(len(before - own) / len(before))
            furthest = lives[lives[period.kind] == key].groupby("resident")["step"].max()
            for step, rung in enumerate(one.rungs[1:]):
                assert rung.risen is None
                if rung.people is not None:
                    told[f"{key} rungs"] = told.get(f"{key} rungs", 0) + 1
                    assert rung.people == (furthest == step).sum()
            if one.retained.value is not None:
                told[f"{key} kept"] = told.get(f"{key} kept", 0) + 1
                first = came.loc[came.groupby("resident")["month"].idxmin()].set_index("resident")["grid_id"]
                size, again = kept(came[came["resident"].map(first) == grid], one.retained_in.key)
                assert (one.retained.n, one.retained.value) == (size, pytest.approx(again / size))
    assert told == dict.fromkeys(["2024 comings", "2024 kept", "2025 comings", "2025Q2 comings"], len(grids))
    some = frozenset(grids[:2])
    assert residents_of_grid(demo, ADMIN, home, Period.of("2025"), grids=some, now=NOW) is None
    assert residents_of_grid(demo, ADMIN, home, Period.of("2025"), now=NOW) is None


def test_the_demonstration_tells_its_story(demo: Store) -> None:
    """The same lecture seven times; the young came to one market; three became volunteers, by code for who may."""
    came, held, _staff = rows_of(demo)
    (home,) = (one["_id"] for one in demo.communities(ADMIN))
    quarter = Period.of("2026Q1")
    longest = flow_runs(demo, ADMIN, home, quarter, now=NOW)
    lectures = held[(held["format"] == "lecture") & (held["status"] == "held")].sort_values("held_on")
    assert longest.longest.value == longest.runs[0].length == lectures["flow"].notna().sum() == 7
    assert longest.runs[0].first == lectures["held_on"].iloc[-7].date()
    assert all(run.length < 3 for run in longest.runs[1:])

    reached = {one.format: one for one in reach_of_formats(demo, ADMIN, home, now=NOW)}
    for form, one in reached.items():
        own = came[(came["format"] == form) & came["age_band"].notna()]
        assert one.year == (own["year"].max() if len(own) else None)
        ages = own[own["year"] == one.year].drop_duplicates(["resident", "age_band"])["age_band"].value_counts()
        assert one.people == ages.sum()
        for age, share in one.shares.items():
            n = int(ages.get(age, 0))
            assert share is None or ((n == 0 or n >= K) and share == pytest.approx(n / one.people))
    young = AgeBand.A18
    assert (reached["market"].shares[young] or 0) > 10 * (reached["lecture"].shares[young] or 0) > 0
    assert reached["deliberation"].year is None

    moved = moved_up(demo, ADMIN, home, quarter)
    came["step"] = came["role"].map({"co_organiser": 1, "volunteer": 2}).fillna(0)
    assert {(one.resident, one.step) for one in moved} == {
        (resident, step) for step, own in _risen(came, quarter).items() for resident in own
    }
    newest = came["held_on"].max().strftime("%Y-%m")
    assert sum(one.step == "volunteer" and one.month == newest for one in moved) >= 3
    review = residents_review(demo, ADMIN, home, quarter, now=NOW)
    assert review is not None
    assert {rung.step: rung.risen for rung in review.rungs}["volunteer"] is None  # three: too few for everybody
    with pytest.raises(Refused):
        moved_up(demo, Actor("v", "看客", Role.VIEWER), home, quarter)
    of_a_grid = Actor("g", "网格员", Role.GRID_WORKER, grids=frozenset({f"{home}-none"}))
    assert residents_review(demo, of_a_grid, home, quarter, now=NOW) is None
    assert moved_up(demo, of_a_grid, home, quarter) == reach_of_formats(demo, of_a_grid, home, now=NOW) == ()


def test_small_returns_are_withheld_with_what_they_could_be_worked_out_from() -> None:
    table = {"01": {"01": 20, "02": 3, "03": 9}, "02": {"02": 20, "03": 4}, "03": {"03": 30}}
    everybody = {"01": 20, "02": 23, "03": 43}  # nobody came first before the table begins
    # of March the four are what 43 leaves: the nine are withheld with them
    assert small_returns(table, everybody) == {("01", "02"), ("01", "03"), ("02", "03")}
    assert ("01", "03") not in small_returns(table, {**everybody, "03": 90})  # others hide the four
    assert small_returns({"01": {"01": 20, "02": 17}}, {"02": 99}) == {("01", "02")}  # all but three came
    assert small_returns({"01": {"01": 4, "02": 0}}, {"02": 99}) == {("01", "02")}
    assert not together([{"stayed": 9, "back": 0}, {"stayed": 4}])
    assert together([{"stayed": 9, "back": 0}])


# --- what is entered
@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    store.insert(admin, Community(id=C, community_id=C, code="D", name="D 社区", residents=900))
    for grid in ("g1", "g2"):
        store.insert(admin, Grid(id=grid, community_id=C, code=grid[1], name=f"{grid[1]} 号网格", residents=450))
    return store


def held(store: Store, actor: Actor, day: str = "2026-03-10", **values: object) -> Activity:
    return add_activity(store, actor, C, {"name": "清洁家园", "held_on": day, "format": "volunteering", **values})


def counts(store: Store, subject: str, period: str) -> dict[str, int]:
    found = store.db["monthly_counts"].find_one({"subject": subject, "period": period, "level": {"$ne": "cell"}})
    return {name: n for name, n in (found or {}).get("total", {}).items() if n}


def test_parts_hours_and_registrations_are_counted_whatever_changes(here: Store, admin: Actor) -> None:
    """Entered one by one and as a list, corrected, moved, imported: the counters are what the records give."""
    first = held(here, admin, "2026-01-10", level="inform", name="讲座")
    for code in ("R-AAAA", "R-CCCC", "R-DDDD"):
        record_attendance(here, admin, C, first.id, resident=code, accept_new=True, age_band=AgeBand.A18)
    activity = held(here, admin, level="involve", answers=10, satisfied=9)
    entered = record_attendances(
        here, admin, C, activity.id, "R-AAAA 志愿者 2小时\nR-CCCC co-organiser\nR-DDDD 3h\nR-DDDD x"
    )
    assert [(one.resident, one.role, one.hours, one.level) for one in entered.saved] == [
        ("R-AAAA", PartTaken.VOLUNTEER, 2.0, "involve"), ("R-CCCC", PartTaken.CO_ORGANISER, None, "involve")
    ]  # fmt: skip
    assert [problem.number for problem in entered.problems] == [3, 4]  # hours are a volunteer's
    with pytest.raises(Invalid) as wrong:
        record_attendance(here, admin, C, activity.id, resident="R-DDDD", role=PartTaken.PARTICIPANT, hours=2)
    assert wrong.value.problems.keys() == {"hours"}
    plain = record_attendance(here, admin, C, activity.id, resident="R-DDDD", role=PartTaken.PARTICIPANT)
    assert "role" not in here.db["attendances"].find_one({"_id": plain.id})
    with pytest.raises(Invalid) as wrong:
        edit_activity(here, admin, C, activity.id, activity.revision, {"answers": 5, "satisfied": 6})
    assert wrong.value.problems.keys() == {"satisfied"}

    month = counts(here, "residents", "2026-03")
    assert month == {"unique": 3, "volunteer": 1, "co_organiser": 1, "to_volunteer": 1, "to_co_organiser": 1}
    quarter = counts(here, "residents", "2026Q1")
    assert (quarter["unique"], quarter["new"], quarter["repeat"], quarter["volunteer"]) == (3, 3, 3, 1)
    assert counts(here, "cohorts", "2026-01") == {"after_0": 3, "after_2": 3, "soon": 3}
    assert counts(here, "attendances", "2026-03")["service_minutes"] == 120

    made = residents.register_volunteer(here, admin, C, {"resident": "raaaa", "since": "2026-03-05", "grid_id": "g1"})
    assert made.resident == "R-AAAA"
    assert counts(here, "residents", "2026-03")["active"] == 1
    with pytest.raises(Duplicate):
        residents.register_volunteer(here, admin, C, {"resident": "R-AAAA", "since": "2026-03-06"})
    with pytest.raises(Invalid):
        residents.edit_volunteer(here, admin, C, made.id, made.revision, {"until": "2026-03-01"})
    ended = residents.edit_volunteer(here, admin, C, made.id, made.revision, {"until": "2026-03-09"})
    later = residents.edit_volunteer(
        here, admin, C, made.id, ended.revision, {"since": "2026-02-01", "until": "2026-02-20"}
    )
    assert "active" not in counts(here, "residents", "2026-03")  # served after the last day
    assert residents.volunteers(here, admin, C, on=date(2026, 3, 1)) == []
    assert residents.volunteers(here, admin, C, on=date(2026, 2, 20)) == [later]

    correct_attendance(here, admin, C, plain.id, plain.revision, {"role": "volunteer", "hours": 1.5})
    level = edit_activity(here, admin, C, activity.id, activity.revision, {"held_on": "2026-02-03", "level": None})
    assert {one["level"] for one in here.db["attendances"].find({"level": {"$exists": True}})} == {"inform"}
    assert counts(here, "attendances", "2026-02")["service_minutes"] == 210
    edit_activity(here, admin, C, activity.id, level.revision, {"level": "empower"})
    assert counts(here, "attendances", "2026-02")["level_empower"] == 3
    assert counts(here, "residents", "2026-02")["active"] == 1

    for text, record in (
        ("活动,居民代码,角色,服务时长\n清洁家园,R-FFFF,志愿者,4\n", Attendance),
        ("居民代码,注册日期\nR-FFFF,2026-01-01\n", residents.Volunteer),
    ):
        sheet = importer.Sheet(text.encode(), "表.csv")
        mapping = importer.propose(record, sheet, (str,))
        preview = importer.preview(here, admin, C, sheet, mapping, languages=(str,))
        batch = importer.commit(here, admin, preview, patience=0)
        assert batch is not None
        assert (batch.new, batch.rejected) == (1, 0)
    assert recount.check(here, admin, C) == []
    here.db["monthly_counts"].update_one({"subject": "seen", "resident": "R-FFFF"}, {"$set": {"months": {}}})
    assert recount.check(here, admin, C)
    recount.rebuild(here, admin, C)
    assert recount.check(here, admin, C) == []


def test_who_comes_without_a_code_is_recognised_and_nothing_plain_is_kept(here: Store, admin: Actor) -> None:
    """By card, of which the database and its audit hold a digest; by building, for who may, on record each time."""
    activity = held(here, admin)
    for code, grid in (("R-AAAA", "g1"), ("R-CCCC", "g2"), ("R-DDDD", "g1")):
        record_attendance(
            here,
            admin,
            C,
            activity.id,
            resident=code,
            accept_new=True,
            age_band=AgeBand.A60,
            sex=Sex.FEMALE,
            grid_id=grid,
        )
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"g1"}))
    viewer = Actor("v", "看客", Role.VIEWER)
    number = "8812 0045-7731"
    with pytest.raises(Invalid) as wrong:
        residents.keep_card(here, admin, C, "R-AAAA", card="510502199001011234")
    assert wrong.value.problems.keys() == {"card"}
    with pytest.raises(Invalid) as wrong:
        residents.keep_card(here, admin, C, "R-AAAA", building="5")
    assert wrong.value.problems.keys() == {"grid_id"}
    kept = residents.keep_card(here, worker, C, "raaaa", card=number, building="５ 号楼", grid_id="g1")
    assert kept.card is kept.building is None
    residents.keep_card(here, admin, C, "R-CCCC", building="5栋", grid_id="g2")
    residents.keep_card(here, admin, C, "R-FFFF", building="5", grid_id="g1")  # never came
    with pytest.raises(Invalid) as wrong:
        residents.keep_card(here, admin, C, "R-CCCC", card="881200457731")
    assert wrong.value.problems.keys() == {"card"}

    assert residents.resident_of_card(here, worker, C, "８８12-0045 7731") == "R-AAAA"
    assert residents.resident_of_card(here, worker, C, "88120045773") is None
    other = Actor("o", "另一格", Role.GRID_WORKER, grids=frozenset({"g2"}))
    assert residents.resident_of_card(here, other, C, number) is None
    with pytest.raises(Refused):
        residents.resident_of_card(here, viewer, C, number)

    before = here.db["audit"].count_documents({"operation": "reveal"})
    (seen,) = residents.look_up(here, worker, C, "g1", "5幢")
    assert (seen.resident, seen.age_band, seen.sex) == ("R-AAAA", AgeBand.A60, Sex.FEMALE)
    assert residents.look_up(here, admin, C, "g1", "6") == ()
    with pytest.raises(Refused):
        residents.look_up(here, worker, C, "g2", "5")
    with pytest.raises(Refused):
        residents.look_up(here, viewer, C, "g1", "5")
    looks = list(here.db["audit"].find({"operation": "reveal"}))
    assert len(looks) - before == 2
    assert looks[-2]["actor_name"] == "网格员"
    assert looks[-2]["after"] == {"grid_id": "g1", "building": "5", "found": 2}

    everything = str([list(here.db[name].find()) for name in here.db.list_collection_names()])
    assert "881200457731" not in everything
    trail = str(list(here.db["audit"].find({"collection": "resident_cards", "operation": {"$ne": "reveal"}})))
    assert here.db["resident_cards"].find_one({"resident": "R-AAAA"})["card"] not in trail
    assert "'building': '5'" not in trail
    stands = residents.card_of(here, admin, C, "R-AAAA")
    assert stands is not None
    residents.forget_card(here, admin, C, stands.id, stands.revision)
    assert residents.resident_of_card(here, admin, C, number) is None


def test_what_was_never_tried_here_is_looked_for_next_door_and_else_said_to_be_unknown(
    here: Store, admin: Actor
) -> None:
    here.insert(admin, Community(id="c2", community_id="c2", code="E", name="E 社区", smallest_group=6))
    for there, form, many in ((C, "lecture", 3), ("c2", "market", 7), ("c2", "sport", 5)):
        values = {"name": "x", "held_on": "2025-05-01", "format": form}
        activity = add_activity(here, admin, there, values)
        for age, n in ((AgeBand.A18, many), (AgeBand.A60, 20), (AgeBand.A75, 9)):
            lines = "\n".join(f"new {age}" for _ in range(n))
            assert not record_attendances(here, admin, there, activity.id, lines).problems
    found = {one.format: one for one in reach_of_formats(here, admin, C)}
    assert (found["lecture"].elsewhere, found["lecture"].people) == (False, 32)
    assert found["lecture"].shares[AgeBand.A18] is None  # three, and with them the next smallest
    assert found["lecture"].shares[AgeBand.A60] == pytest.approx(20 / 32)
    assert found["lecture"].shares[AgeBand.A75] is None
    assert (found["market"].elsewhere, found["market"].year) == (True, "2025")
    assert found["market"].shares[AgeBand.A18] == pytest.approx(7 / 36)
    assert found["sport"].shares[AgeBand.A18] is None  # five: enough here, too few there
    assert found["clinic"].year is None
    of_c1 = Actor("o", "本社区", Role.EDITOR, communities=frozenset({C}))
    assert {one.format: one.year for one in reach_of_formats(here, of_c1, C)}["market"] is None


# --- the page
def said(at: Any) -> str:
    """Everything the page says."""
    kinds = ("title", "header", "markdown", "caption", "success", "warning", "error", "info")
    return "\n".join(element.value for kind in kinds for element in getattr(at, kind)).replace("\\", "")


def test_the_part_tells_the_story_and_shows_codes_to_those_alone_who_may(demo_uri: str, visit: Visit) -> None:
    told = {
        "zh": ("“讲座”连续 7 次流程相同", "18–35 岁很少来", "便民集市", "从未试办过", "登记在册的志愿者"),
        "en": ("“Lecture” ran the same way 7 times in a row", "not held for a year", "Never tried within reach"),
    }
    for language, words in told.items():
        at = visit(demo_uri, "activities", lang=language, part="residents", period="2026Q1")
        assert not at.exception
        for word in words:
            assert word in said(at), word
    assert "R-" in said(at)
    viewer = visit(demo_uri, "activities", lang="zh", part="residents", period="2026Q1", role="viewer")
    assert not viewer.exception
    assert "“讲座”连续 7 次流程相同" in said(viewer)
    assert "R-" not in said(viewer)
    of_all_time = visit(demo_uri, "activities", lang="zh", part="residents", period="ever")
    assert not of_all_time.exception
    assert "按整月、整季、整年显示" in said(of_all_time)
    one_grid = visit(demo_uri, "activities", lang="zh", part="residents", grid=grid_id("3"))
    assert not one_grid.exception
    assert "各网格的数字都不公布" in said(one_grid)
    assert "人没有再来" in said(
        visit(demo_uri, "activities", lang="zh", part="residents", grid=grid_id("3"), period="2025")
    )


def test_a_resident_is_found_by_card_and_recorded_as_a_volunteer(
    here: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    before = held(here, admin, "2026-03-01")
    record_attendance(here, admin, C, before.id, resident="R-AAAA", accept_new=True, age_band=AgeBand.A60, grid_id="g1")
    residents.keep_card(here, admin, C, "R-AAAA", card="88120045", building="5", grid_id="g1")
    activity = held(here, admin)

    at = visit(mongodb_uri, "activities", lang="zh", activity=activity.id)
    key = next(one.key for one in at.text_input if one.key.startswith("rec-card-"))
    at.text_input(key=key).set_value("8812 0045").run()
    at.button(key=f"do_{key}").click().run()
    assert not at.exception
    assert at.text_input(key=key.replace("rec-card", "att-code")).value == "R-AAAA"
    at.segmented_control("att-part-0-R-AAAA").set_value(PartTaken.VOLUNTEER).run()
    hours = next(one for one in at.number_input if one.key.startswith("att-hours-"))
    hours.set_value(2.5).run()
    at.button(key="do_attendance").click().run()
    assert not at.exception
    (made,) = here.find(admin, Attendance, C, {"activity_id": activity.id})
    assert (made.resident, made.role, made.hours, made.age_band) == ("R-AAAA", PartTaken.VOLUNTEER, 2.5, AgeBand.A60)

    # what they are recognised by the next time takes the place of what was kept
    at.session_state[tables.selection_key("att-rows-1", [made.id])] = {
        "selection": {"rows": [0], "columns": [], "cells": []}
    }
    at.run()
    at.text_input(key=f"keep-card-1-{made.id}").set_value("5555 6666").run()
    at.button(key=f"do_keep-1-{made.id}").click().run()
    assert not at.exception
    assert any("R-AAAA" in one.value.replace("\\", "") for one in at.success)
    assert residents.resident_of_card(here, admin, C, "55556666") == "R-AAAA"
    assert residents.resident_of_card(here, admin, C, "88120045") is None
    # and who of a building came before, by code
    key = next(one.key for one in at.text_input if one.key.startswith("rec-building-"))
    at.text_input(key=key).set_value("5 号楼").run()
    at.button(key=f"do_{key}").click().run()
    at.button(key=f"{key.replace('building-', '')}-R-AAAA").click().run()
    assert not at.exception
    assert at.text_input(key=key.replace("rec-building", "att-code")).value == "R-AAAA"

    at = visit(mongodb_uri, "activities", lang="en", part="residents", volunteer="new")
    at.text_input(key=next(one.key for one in at.text_input if "resident" in one.key)).set_value("raaaa").run()
    next(one for one in at.button if one.key and one.key.startswith("do_volunteer-new")).click().run()
    assert not at.exception
    (volunteer,) = residents.volunteers(here, admin, C)
    assert (volunteer.resident, volunteer.since) == ("R-AAAA", NOW.date())
