"""Counters equal the records after any mix of operations, through any path, and under concurrent writers."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from repository import recount, rollups
from repository.access import Actor, Role
from repository.activities import Activity, Attendance
from repository.grids import Community, Grid
from repository.maintenance import OPEN, Outcome, Priority, Status, WorkKind, WorkOrder
from repository.metrics import Period, PeriodTrouble
from repository.people import AgeBand, Sex
from repository.store import Store, Unavailable, Write
from tests.test_record import AT, a_work_order

ACTOR = Actor("tester", "测试员", Role.ADMIN)


@pytest.fixture(autouse=True)
def unreferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters are what is tried here: the records may name grids and activities that are not there."""
    monkeypatch.setattr(Write, "_require_named", lambda _write: None)


MOMENTS = st.integers(-40_000, 40_000).map(lambda minutes: AT + timedelta(minutes=minutes))
GRIDS = st.sampled_from([None, "g1", "g2"])
CATEGORIES = st.sampled_from(["fitness", "a.b", "$x", "%", "Bulky Items", "环境卫生"])


@st.composite
def order_facts(draw: st.DrawFn) -> dict[str, Any]:
    """Anything a work order may hold, absurd moments and old endings included."""
    status = draw(st.sampled_from(Status))
    reported = draw(MOMENTS)
    ended = None if status in OPEN else draw(MOMENTS)
    reopenings = []
    at = reported
    for _ in range(draw(st.integers(0, 2))):
        end = at + timedelta(hours=draw(st.integers(0, 300)))
        at = end + timedelta(hours=draw(st.integers(0, 300)))
        outcome = draw(st.sampled_from(Outcome))
        reopenings.append({"ended_at": end, "reopened_at": at, "outcome": outcome})
    return {
        "status": status,
        "reported_at": reported,
        "responded_at": draw(st.none() | MOMENTS),
        "due_at": draw(st.none() | MOMENTS | st.just(datetime(9999, 1, 1, tzinfo=UTC))),
        "ended_at": ended,
        "outcome": draw(st.sampled_from(Outcome)) if ended else None,
        "reopenings": tuple(reopenings),
        "grid_id": draw(GRIDS),
        "category": draw(CATEGORIES),
        "priority": draw(st.sampled_from(Priority)),
        "dangerous": draw(st.booleans()),
        "estimated_hours": draw(st.none() | st.floats(0, 50)),
        "actual_hours": draw(st.none() | st.floats(0, 50)),
        "cost_cents": draw(st.none() | st.integers(0, 10**9)),
        "facility_id": draw(st.sampled_from([None, "f1", "f.$2"])),
        "assignee_id": draw(st.sampled_from([None, "p1", "p%.2"])),
        "kind": draw(st.sampled_from(WorkKind)),
    }


class Mix(RuleBasedStateMachine):
    """Insert, edit, delete, attend and leave in any order; two communities, so that one is the other's decoy."""

    store: Store

    @initialize()
    def begin(self) -> None:
        from tests.conftest import empty

        empty(self.store)
        self.count = 0
        self.changed = "D"
        for id, zone in (("D", "Asia/Shanghai"), ("E", "America/Los_Angeles")):
            self.store.insert(ACTOR, Community(id=id, community_id=id, code=id, name=id, time_zone=zone))
        self.records: list[WorkOrder | Activity | Attendance] = []

    def number(self) -> str:
        self.count += 1
        return f"W-{self.count}"

    def keep(self, record: WorkOrder | Activity | Attendance) -> None:
        self.records.append(record)
        self.changed = record.community_id

    @rule(community=st.sampled_from("DE"), facts=order_facts())
    def report(self, community: str, facts: dict[str, Any]) -> None:
        self.keep(self.store.insert(ACTOR, a_work_order(community_id=community, number=self.number(), **facts)))

    @rule(
        community=st.sampled_from("DE"),
        day=st.dates(date(2025, 11, 1), date(2026, 6, 1)),
        heads=st.none() | st.integers(0, 500),
        status=st.sampled_from(["held", "planned", "cancelled"]),
        form=CATEGORIES,
        grid=GRIDS,
    )
    def hold(self, community: str, day: date, heads: int | None, status: str, form: str, grid: str | None) -> None:
        activity = Activity(
            community_id=community, name="x", held_on=day, status=status, format=form, headcount=heads, grid_id=grid
        )
        self.keep(self.store.insert(ACTOR, activity))

    @rule(
        community=st.sampled_from("DE"),
        resident=st.sampled_from(["r1", "r.2", "$r3"]),
        day=st.dates(date(2025, 11, 1), date(2026, 6, 1)),
        band=st.none() | st.sampled_from(AgeBand),
        sex=st.none() | st.sampled_from(Sex),
        grid=GRIDS,
    )
    def attend(self, community: str, resident: str, day: date, band: Any, sex: Any, grid: str | None) -> None:
        attendance = Attendance(
            community_id=community,
            activity_id=self.number(),
            resident=resident,
            held_on=day,
            format="lecture",
            age_band=band,
            sex=sex,
            grid_id=grid,
        )
        self.keep(self.store.insert(ACTOR, attendance))

    @precondition(lambda self: self.records)
    @rule(data=st.data(), facts=order_facts(), day=st.dates(date(2025, 11, 1), date(2026, 6, 1)), grid=GRIDS)
    def edit(self, data: st.DataObject, facts: dict[str, Any], day: date, grid: str | None) -> None:
        index = data.draw(st.integers(0, len(self.records) - 1))
        record = self.records[index]
        self.changed = record.community_id
        changes = facts if isinstance(record, WorkOrder) else {"held_on": day, "grid_id": grid}
        self.records[index] = self.store.update(
            ACTOR, type(record), record.community_id, record.id, record.revision, changes
        )

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        record = self.records.pop(data.draw(st.integers(0, len(self.records) - 1)))
        self.changed = record.community_id
        self.store.delete(ACTOR, type(record), record.community_id, record.id, record.revision)

    @precondition(lambda self: self.records)
    @rule(community=st.sampled_from("DE"))
    def rebuild(self, community: str) -> None:
        recount.rebuild(self.store, ACTOR, community)
        self.changed = community

    @invariant()
    def counters_equal_records(self) -> None:
        """Of the one that was written to; of the other, its decoy, at the end."""
        if hasattr(self, "records"):
            assert recount.check(self.store, ACTOR, self.changed) == []

    def teardown(self) -> None:
        for community in ("D", "E"):
            assert recount.check(self.store, ACTOR, community) == []


def test_counters_equal_records_after_any_mix(store: Store) -> None:
    Mix.store = store
    run_state_machine_as_test(
        Mix,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def test_the_check_finds_what_was_tampered_with_and_a_rebuild_mends_it(store: Store) -> None:
    store.insert(ACTOR, Community(id="D", community_id="D", code="D", name="D"))
    store.insert(ACTOR, Grid(id="g1", community_id="D", code="1", name="1"))
    store.insert(ACTOR, a_work_order(grid_id="g1"))
    store.insert(
        ACTOR, Attendance(community_id="D", activity_id="a", resident="r", held_on=AT.date(), format="lecture")
    )
    store.db[rollups.COUNTS].update_many({"level": "month"}, {"$inc": {"total.opened": 7, "by_grid.g9.opened": 1}})
    store.db[rollups.COUNTS].delete_one({"level": "cell"})
    store.db[rollups.COUNTS].update_one({"subject": rollups.SEEN}, {"$set": {"months": {"2020-01": {"75+_f|": 3}}}})

    wrong = recount.check(store, ACTOR, "D")
    assert {difference.path for difference in wrong} >= {"total.opened", "by_grid.g9.opened", "r"}

    steps = recount.rebuild(store, ACTOR, "D")
    assert recount.check(store, ACTOR, "D") == []
    entry = store.db["audit"].find_one({"operation": "recount"})
    assert entry is not None
    assert (entry["community_id"], entry["actor_id"], entry["after"]) == ("D", ACTOR.id, {"steps": steps})


def test_a_rebuild_among_writers_loses_nothing(store: Store) -> None:
    store.insert(ACTOR, Community(id="D", community_id="D", code="D", name="D"))
    stop = threading.Event()
    failures: list[Exception] = []

    def work(worker: int) -> None:
        number = 0
        try:
            while not stop.is_set() and number < 60:
                number += 1
                order = store.insert(ACTOR, a_work_order(number=f"{worker}-{number}", category=f"c{number % 3}"))
                if number % 2:
                    store.delete(ACTOR, WorkOrder, "D", order.id, 1)
        except Exception as error:  # noqa: BLE001 (told below)
            failures.append(error)

    writers = [threading.Thread(target=work, args=(worker,)) for worker in range(3)]
    for writer in writers:
        writer.start()
    for _ in range(6):
        recount.rebuild(store, ACTOR, "D")
    stop.set()
    for writer in writers:
        writer.join()

    assert failures == []
    assert recount.check(store, ACTOR, "D") == []


@given(st.integers(0, 10**9))
def test_a_duration_lies_in_its_bin(seconds: int) -> None:
    low, high = rollups.bin_bounds(rollups.duration_bin(seconds))

    assert low - 1 <= seconds < high + 1
    assert seconds == 0 or high / max(low, 1) < 61


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=60))
def test_the_estimated_median_is_within_a_bin_of_the_true_one(durations: list[int]) -> None:
    true = sorted(durations)[(len(durations) - 1) // 2]
    bins = Counter(rollups.duration_bin(seconds) for seconds in durations)

    estimate = rollups.estimated_median(bins)

    assert estimate is not None
    low, high = rollups.bin_bounds(rollups.duration_bin(true))
    assert low <= estimate <= high


@given(st.text(max_size=30))
def test_any_word_can_be_part_of_a_path(word: str) -> None:
    key = rollups.path_key(word)

    assert rollups.path_word(key) == word
    assert key
    assert "." not in key
    assert "\0" not in key
    assert not key.startswith("$")


def test_distinct_people_by_hand() -> None:
    """One resident: twice in January (grid g1), once in April after moving to g2."""
    atoms = rollups.people_atoms({"2026-01": {"60-74_f|g1": 2}, "2026-04": {"60-74_f|g2": 1}, "2025-12": {"x|g1": 0}})
    counts = {(period, grid, group, name): n for (_, _, period, grid, group, name), n in atoms.items()}

    assert counts["2026-01", "", "", "unique"] == counts["2026-01", "", "", "repeat"] == 1
    assert counts["2026-01", "", "", "new"] == 1
    assert ("2026-04", "", "", "new") not in counts
    assert ("2026-04", "", "", "repeat") not in counts
    assert counts["2026", "", "", "unique"] == counts["2026", "", "", "repeat"] == 1
    assert counts["2026", "g1", "", "unique"] == counts["2026", "g2", "", "unique"] == 1
    assert counts["2026Q2", "g2", "", "unique"] == 1
    assert counts["ever", "", "60-74_f", "unique"] == 1
    assert ("2025-12", "", "", "unique") not in counts


def test_what_a_resident_does_over_time_by_hand() -> None:
    """Came in December and January, helped to organise in January, volunteered in March, came once more in May."""
    months = {
        "2025-12": {"60-74_f|g1": 1},
        "2026-01": {"60-74_f|g1": 1, "co_organiser:60-74_f|g1": 1},
        "2026-03": {"volunteer:60-74_f|g1": 2},
        "2026-05": {"60-74_f|g1": 1},
    }
    formats = {"2025|lecture|60-74": 1, "2026|a|b|60-74": 4, "2026|sport|60-74": 0}
    atoms = rollups.people_atoms({**months, rollups.REGISTERED: {"2026-03/2026-04": 1}, rollups.FORMATS: formats})
    assert {atom for atom in atoms if atom[0] == "formats"} == {
        ("formats", "people", "2025", "", "lecture|60-74", "unique"),
        ("formats", "people", "2026", "", "a|b|60-74", "unique"),
    }
    assert set(atoms.values()) == {1}
    people, of_g1 = (
        {(atom[2], atom[5]) for atom in atoms if atom[0] == "residents" and atom[3] == grid and not atom[4]}
        for grid in ("", "g1")
    )
    in_all = {"to_co_organiser", "to_volunteer", "active"}
    assert of_g1 == {(period, name) for period, name in people if name not in in_all}
    moved = rollups.people_atoms({"2025-12": {"_|g1": 1, "_|g2": 1}, "2026-01": {"_|g2": 1, "volunteer:_|g3": 1}})
    theirs = {(atom[2], atom[3], atom[5]) for atom in moved if atom[5] in ("stayed", "volunteer", "soon", "after_0")}
    assert {one for one in theirs if one[0] in ("2025-12", "2026-01")} == {
        ("2025-12", "", "after_0"), ("2025-12", "g1", "after_0"), ("2025-12", "g2", "after_0"),
        ("2025-12", "", "soon"), ("2025-12", "g1", "soon"), ("2025-12", "g2", "soon"),
        ("2026-01", "", "stayed"), ("2026-01", "g2", "stayed"),
        ("2026-01", "", "volunteer"), ("2026-01", "g3", "volunteer"),
    }  # fmt: skip
    stayed = {period for period, name in people if name == "stayed"}
    assert stayed == {"2026-01", "2026Q1", "2026Q2", "2026"}
    assert {period for period, name in people if name == "co_organiser"} == {"2026-01"}
    assert {period for period, name in people if name == "to_co_organiser"} == {"2026-01", "2026Q1", "2026", "ever"}
    for name in ("volunteer", "to_volunteer", "active"):
        assert {period for period, each in people if each == name} == {"2026-03", "2026Q1", "2026", "ever"}
    assert {atom[5] for atom in atoms if atom[:4] == ("cohorts", "people", "2025-12", "")} == {
        "after_0", "after_1", "after_3", "after_5", "soon"
    }  # fmt: skip
    assert ("residents", "people", "2026-03", "g1", "60-74_f", "unique") in atoms
    assert rollups.people_atoms({rollups.REGISTERED: {"2026-03/": 1}}) == {}


CELLS = st.sampled_from(["60-74_f|g1", "60-74_f|g2", "75+_f|", "60-74_f|g1", "volunteer:60-74_f|g1",
                         "co_organiser:75+_f|"])  # fmt: skip
SPANS = st.dictionaries(st.sampled_from(["2024-03/", "2024-03/2025-01", "2025-11/"]), st.just(1), max_size=2)
VISITS = st.dictionaries(
    # neighbours by month, quarter and year, and gaps between them
    st.sampled_from(["2022-11", "2022-12", "2023-01", "2023-05", "2024-02", "2024-12", "2025-01", "2026-03"]),
    st.dictionaries(CELLS, st.integers(0, 3), min_size=1, max_size=2),
    max_size=5,
)


REACHED = st.dictionaries(st.sampled_from(["2024|lecture|60-74", "2025|lecture|60-74"]), st.integers(0, 2))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VISITS, SPANS, VISITS.map(lambda months: dict(list(months.items())[:2])), st.none() | SPANS, REACHED, REACHED)
def test_what_one_more_visit_changes_is_all_that_differs(
    months: dict[str, Any],
    spans: dict[str, int],
    more: dict[str, Any],
    others: dict[str, int] | None,
    reached: dict[str, int],
    then: dict[str, int],
) -> None:
    """... found from the periods that can differ, is what all periods of both states tell."""
    before = {**months, rollups.REGISTERED: spans, rollups.FORMATS: reached}
    after = {**months, **more, rollups.REGISTERED: spans, rollups.FORMATS: then}
    after |= {} if others is None else {rollups.REGISTERED: others}
    whole = rollups.people_atoms(after)
    whole.subtract(rollups.people_atoms(before))

    found = rollups.people_change(before, after)
    assert {atom: n for atom, n in found.items() if n} == {atom: n for atom, n in whole.items() if n}
    assert not any(rollups.people_change(before, before).values())


def test_month_bounds_follow_the_zone() -> None:
    start, end = rollups.month_bounds("2026-12", ZoneInfo("Asia/Shanghai"))

    assert (start, end) == (datetime(2026, 11, 30, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC))


def test_only_an_administrator_rebuilds(store: Store) -> None:
    with pytest.raises(Exception, match="role"):
        recount.rebuild(store, Actor("v", "v", Role.VIEWER), "D")


@pytest.mark.parametrize(
    "key", ["0001", "9999", "0001-01", "9999Q4", "2026-13", "2026-0", "٢٠٢٦", "2026-0１", "2026Q５", ""]
)
def test_a_period_has_neighbours_and_is_spelt_in_plain_digits(key: str) -> None:
    with pytest.raises(PeriodTrouble):
        Period.of(key)
    for edge in ("1000", "8999", "1000-01", "8999-12", "1000Q1", "8999Q4"):
        assert Period.of(edge).first <= Period.of(edge).last


def test_a_rebuild_that_an_import_stops_does_not_say_that_nothing_was_changed(store: Store) -> None:
    """Earlier months are made anew by then."""
    store.insert(ACTOR, Community(id="D", community_id="D", code="D", name="D"))
    store.insert(ACTOR, a_work_order(community_id="D"))
    flying = {"_id": "b", "community_id": "D", "in_flight": True, "running": True}
    store.db["import_batches"].insert_one(flying, bypass_document_validation=True)
    with pytest.raises(Unavailable, match="not all made anew") as stopped:
        recount.rebuild(store, ACTOR, "D")
    assert "Nothing was changed" not in str(stopped.value)
