"""Inspections: what is due, what a failed item does, and until when a facility stays out of service."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repository import facilities, photos, recount
from repository import inspections as room
from repository.access import Actor, Refused, Role, anybody
from repository.facilities import Condition, Facility, ServiceStatus
from repository.inspections import (
    Checklist,
    ChecklistItem,
    Inspection,
    InspectionKind,
    InspectionPlan,
    ItemResult,
    Verdict,
    copied,
    with_orders,
)
from repository.inspections.records import MOST_DUE_DAYS
from repository.maintenance import (
    STANDING,
    Outcome,
    Status,
    WorkKind,
    WorkOrder,
    comment,
    delete,
    edit,
    log_repair,
    merge,
    move,
)
from repository.metrics import Period
from repository.store import Conflict, InUse, Invalid, NotFound, Store
from tests.conftest import NOW, once
from tests.pages import picture

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 4, 2)
PASS, FAIL, SKIP = Verdict
ITEMS = (
    ChecklistItem(text="立柱牢固", fault="loose", dangerous=True),
    ChecklistItem(text="把手完好", fault="broken", dangerous=True),
    ChecklistItem(text="标牌清晰"),
)
OTHER = Actor("other", "赵验收", Role.FACILITY_MANAGER)


@pytest.fixture
@once
def rounds(yard: Store, admin: Actor) -> Checklist:
    """A weekly checklist of three items for fitness equipment, due since Monday 2026-03-02."""
    made = room.add_checklist(
        yard, admin, "d", {"name": "日常巡检", "category": "fitness", "items": ITEMS, "inspection_kind": "routine"}
    )
    plan = {"name": "每周", "checklist_id": made.id, "every_days": 7, "since": date(2026, 3, 2)}
    room.add_plan(yard, admin, "d", plan)
    return made


def at(day: date, hour: int = 10) -> datetime:
    """A moment in the community."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)


def inspect(
    store: Store, who: Actor, checklist: Checklist, *verdicts: Verdict, facility: str = "d-F-01", **more: Any
) -> Inspection:
    """Record one with these verdicts, the rest in order."""
    full = [*verdicts, *[PASS] * (len(checklist.items) - len(verdicts))]
    return room.record_inspection(store, who, "d", facility, checklist.id, copied(checklist.items, full), **more)


def machine(store: Store, who: Actor, id: str = "d-F-01") -> Facility:
    """How it stands."""
    return store.get(who, Facility, "d", id)


def order_of(store: Store, who: Actor, inspection: Inspection, item: int = 0) -> WorkOrder:
    """The work order of an item."""
    id = inspection.results[item].order_id
    assert id is not None
    return store.get(who, WorkOrder, "d", id)


def orders(store: Store, who: Actor) -> list[WorkOrder]:
    """All of them, oldest first."""
    return store.find(who, WorkOrder, "d", sort=[("number", 1)])


# --- what a failed item does
def test_a_failed_item_opens_an_order_linked_both_ways(yard: Store, mender: Actor, rounds: Checklist) -> None:
    done = inspect(yard, mender, rounds, PASS, PASS, FAIL)
    order = order_of(yard, mender, done, 2)
    assert (order.kind, order.inspection_id, order.facility_id) == (WorkKind.INSPECTION, done.id, "d-F-01")
    assert (order.description, order.source, order.dangerous) == ("标牌清晰", "inspection", False)
    assert (done.failed, done.stopped, [result.order_id for result in done.results][:2]) == (1, False, [None, None])
    assert machine(yard, mender).status is ServiceStatus.IN_SERVICE


def test_a_dangerous_one_stops_the_facility_in_the_same_transaction(
    yard: Store, mender: Actor, admin: Actor, rounds: Checklist
) -> None:
    done = inspect(yard, mender, rounds, FAIL, FAIL, condition=Condition.VERY_POOR)
    first, second = order_of(yard, mender, done, 0), order_of(yard, mender, done, 1)
    assert (first.dangerous, first.priority, first.fault) == (True, "urgent", "loose")
    assert first.number != second.number
    stands = machine(yard, mender)
    assert (done.stopped, stands.status, stands.condition) == (True, ServiceStatus.OUT_OF_ORDER, Condition.VERY_POOR)
    assert stands.condition_history[-1].status is ServiceStatus.OUT_OF_ORDER
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize(
    ("to", "facts"), [(Status.REJECTED, {"note": "没事"}), (Status.CLOSED, {"outcome": "referred"})]
)
def test_a_danger_that_an_inspection_found_is_not_waved_away(
    yard: Store, mender: Actor, rounds: Checklist, to: Status, facts: dict[str, Any]
) -> None:
    order = order_of(yard, mender, inspect(yard, mender, rounds, FAIL))
    with pytest.raises(Invalid) as refused:
        move(yard, mender, "d", order.id, order.revision, to, **facts)
    assert list(refused.value.problems) == ["status"]
    none = edit(yard, mender, "d", order.id, order.revision, {"dangerous": False})
    assert move(yard, mender, "d", order.id, none.revision, to, **facts).status is to


def test_the_same_item_again_is_linked_and_opens_no_second_order(yard: Store, mender: Actor, rounds: Checklist) -> None:
    before = inspect(yard, mender, rounds, PASS, PASS, FAIL)
    again = inspect(yard, mender, rounds, PASS, PASS, FAIL)
    assert again.results[2].order_id == before.results[2].order_id
    assert again.results[2].linked
    assert len(orders(yard, mender)) == 1
    assert order_of(yard, mender, again, 2).events[-1].note == "标牌清晰"


def test_a_report_of_the_same_fault_is_linked_and_becomes_dangerous(
    yard: Store, mender: Actor, rounds: Checklist
) -> None:
    told = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    done = inspect(yard, mender, rounds, FAIL, FAIL)
    linked = order_of(yard, mender, done)
    assert (linked.id, linked.dangerous, linked.inspection_id) == (told.id, True, done.id)
    assert linked.due_at is not None
    assert told.due_at is not None
    assert linked.due_at <= told.due_at
    assert len(orders(yard, mender)) == 2, "the other item is another fault"


def test_not_mended_after_all_reopens_the_order(yard: Store, mender: Actor, rounds: Checklist) -> None:
    done = inspect(yard, mender, rounds, FAIL)
    order = order_of(yard, mender, done)
    move(yard, mender, "d", order.id, order.revision, Status.DONE)
    again = inspect(yard, OTHER, rounds, FAIL)
    order = order_of(yard, mender, again)
    assert (order.status, len(order.reopenings)) == (Status.REOPENED, 1)
    assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER


# --- photos of an item
def with_photos(store: Store, who: Actor, checklist: Checklist, *ids: str, **more: Any) -> Inspection:
    """The last item is not in order, and these photos show it."""
    *before, last = copied(checklist.items, [PASS, PASS, FAIL])
    shown = [*before, last.model_copy(update={"photos": ids})]
    return room.record_inspection(store, who, "d", "d-F-01", checklist.id, shown, **more)


def seen(store: Store, who: Actor, record: Inspection | WorkOrder) -> list[str]:
    return [one.id for one in photos.thumbnails(store, who, "d", type(record), record.id)]


def test_an_item_s_photos_are_in_the_record_and_in_the_order_it_opens(
    yard: Store, mender: Actor, rounds: Checklist
) -> None:
    ids = [photos.keep(yard, mender, "d", picture()) for _ in range(2)]
    done = with_photos(yard, mender, rounds, *ids)
    order = order_of(yard, mender, done, 2)
    assert [result.photos for result in done.results] == [(), (), tuple(ids)]
    assert seen(yard, mender, done) == seen(yard, mender, order) == ids
    assert photos.photo(yard, mender, "d", Inspection, done.id, ids[0])[:2] == b"\xff\xd8"
    elsewhere = Actor("g", "g", Role.GRID_WORKER, grids=frozenset({"d-g2"}))
    with pytest.raises(NotFound):
        photos.photo(yard, elsewhere, "d", Inspection, done.id, ids[0])


def test_a_standing_order_gets_the_photos_too_up_to_what_it_holds(
    yard: Store, mender: Actor, rounds: Checklist
) -> None:
    order = order_of(yard, mender, inspect(yard, mender, rounds, PASS, PASS, FAIL), 2)
    first = [photos.keep(yard, mender, "d", picture((9, 9))) for _ in range(photos.MOST - 1)]
    comment(yard, mender, "d", order.id, "", photos=first)
    again = [photos.keep(yard, mender, "d", picture((9, 9))) for _ in range(2)]
    done = with_photos(yard, mender, rounds, *again)
    assert seen(yard, mender, order) == [*first, again[0]]
    assert seen(yard, mender, done) == again


def test_an_inspection_takes_only_photos_of_its_own_and_all_or_nothing(
    yard: Store, mender: Actor, rounds: Checklist
) -> None:
    theirs = photos.keep(yard, OTHER, "d", picture())
    with pytest.raises(Invalid):
        with_photos(yard, mender, rounds, theirs)
    assert orders(yard, mender) == []
    assert yard.count(mender, Inspection, "d") == 0


def test_a_photo_is_swept_when_neither_inspection_nor_order_names_it(
    yard: Store, mender: Actor, admin: Actor, rounds: Checklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = photos.keep(yard, mender, "d", picture())
    done = with_photos(yard, mender, rounds, id)
    order = order_of(yard, mender, done, 2)
    twice = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    stays = merge(yard, mender, "d", order.id, order.revision, twice.id)

    def swept() -> int:
        with monkeypatch.context() as later:
            later.setattr(yard, "clock", lambda: NOW + timedelta(days=2))
            return photos.sweep(yard, admin)

    merged = yard.get(admin, WorkOrder, "d", order.id)
    delete(yard, admin, "d", merged.id, merged.revision)
    room.remove_inspection(yard, admin, "d", done.id, done.revision)
    assert (swept(), seen(yard, mender, stays)) == (0, [id]), "the order that stays has it still"
    delete(yard, admin, "d", stays.id, stays.revision)
    assert swept() == 1
    assert yard.db[photos.CHUNKS].count_documents({}) == 0


def test_the_photo_of_a_deleted_order_stays_in_the_inspection(
    yard: Store, mender: Actor, admin: Actor, rounds: Checklist
) -> None:
    id = photos.keep(yard, mender, "d", picture())
    done = with_photos(yard, mender, rounds, id)
    order = order_of(yard, mender, done, 2)
    delete(yard, admin, "d", order.id, order.revision)
    assert yard.db[photos.FILES].count_documents({"metadata.loose_at": {"$exists": True}}) == 0
    assert seen(yard, mender, done) == [id]


# --- until somebody has looked again
def test_an_inspection_passed_by_somebody_else_brings_it_back(yard: Store, mender: Actor, rounds: Checklist) -> None:
    order = order_of(yard, mender, inspect(yard, OTHER, rounds, FAIL))
    move(yard, mender, "d", order.id, order.revision, Status.DONE)
    assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER, "done is not verified"
    inspect(yard, mender, rounds)
    assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER, "who mended it does not verify it"
    inspect(yard, OTHER, rounds)
    stands = yard.get(mender, WorkOrder, "d", order.id)
    assert (stands.status, stands.outcome) == (Status.VERIFIED, Outcome.COMPLETED)
    assert machine(yard, mender).status is ServiceStatus.IN_SERVICE


def test_an_inspection_entered_late_passes_nothing_that_was_found_after_it(
    yard: Store, mender: Actor, rounds: Checklist
) -> None:
    order = order_of(yard, mender, inspect(yard, mender, rounds, FAIL))
    inspect(yard, OTHER, rounds, done_at=NOW - timedelta(days=3))
    assert yard.get(mender, WorkOrder, "d", order.id).status is Status.REPORTED
    assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER


@pytest.mark.parametrize("shared", [False, True])
def test_who_found_a_danger_does_not_say_alone_that_it_is_gone(
    yard: Store, mender: Actor, rounds: Checklist, shared: bool
) -> None:
    role = anybody(Role.FACILITY_MANAGER, "设施")
    finder, other = (role.named("d-li", "李"), role.named("d-zhao", "赵")) if shared else (OTHER, mender)
    inspect(yard, finder, rounds, FAIL)
    for again in (finder, role):
        inspect(yard, again, rounds)
        assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER
    inspect(yard, other, rounds)
    stands = ServiceStatus.IN_SERVICE if shared else ServiceStatus.OUT_OF_ORDER
    assert machine(yard, mender).status is stands, "nor whoever it was given to"


def test_what_is_not_applicable_verifies_nothing(yard: Store, mender: Actor, rounds: Checklist) -> None:
    order = order_of(yard, mender, inspect(yard, OTHER, rounds, FAIL))
    inspect(yard, OTHER, rounds, SKIP)
    assert yard.get(mender, WorkOrder, "d", order.id).status is Status.REPORTED
    assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER


def test_one_of_two_dangers_verified_leaves_it_out_of_service(yard: Store, mender: Actor, rounds: Checklist) -> None:
    done = inspect(yard, OTHER, rounds, FAIL, FAIL)
    first, second = order_of(yard, mender, done, 0), order_of(yard, mender, done, 1)
    for order in (first, second):
        move(yard, mender, "d", order.id, order.revision, Status.DONE)
    move(yard, OTHER, "d", first.id, first.revision + 1, Status.VERIFIED)
    assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER, "the other one is done and not verified"
    back = move(yard, OTHER, "d", second.id, second.revision + 1, Status.VERIFIED)
    assert machine(yard, mender).status is ServiceStatus.IN_SERVICE
    move(yard, OTHER, "d", second.id, back.revision, Status.REOPENED)
    assert machine(yard, mender).status is ServiceStatus.OUT_OF_ORDER, "not mended after all"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_facility_is_out_of_service_exactly_while_a_danger_stands(
    yard: Store, admin: Actor, mender: Actor, rounds: Checklist, data: Any
) -> None:
    for name in ("work_orders", "inspections", "monthly_counts"):
        yard.db[name].delete_many({"community_id": "d"})
    machines = ("d-F-01", "d-F-02")
    as_new = {"$set": {"status": "in_service", "condition_history": []}}
    yard.db["facilities"].update_many({"_id": {"$in": list(machines)}}, as_new)
    yard._places.clear()
    for _ in range(data.draw(st.integers(4, 12))):
        who = data.draw(st.sampled_from([mender, OTHER]))
        known = orders(yard, admin)
        standing = [order for order in known if order.status in STANDING]
        steps = ["inspect", "report"] + ["delete", "danger", "elsewhere"] * bool(known)
        step = data.draw(st.sampled_from(steps + ["done", "verify", "merge", "reject"] * bool(standing)))
        with suppress(Invalid, InUse):  # a step that cannot be changes nothing
            if step == "inspect":
                drawn = data.draw(st.lists(st.sampled_from(list(Verdict)), min_size=3, max_size=3))
                inspect(yard, who, rounds, *drawn)
            elif step == "report":
                danger = data.draw(st.booleans())
                log_repair(yard, who, "d", fault="loose", facility_id="d-F-01", dangerous=danger)
            elif step in ("delete", "danger", "elsewhere"):
                order = data.draw(st.sampled_from(known))
                to = next(id for id in machines if id != order.facility_id)
                change = {"facility_id": to} if step == "elsewhere" else {"dangerous": not order.dangerous}
                if step == "delete":
                    delete(yard, admin, "d", order.id, order.revision)
                else:
                    edit(yard, who, "d", order.id, order.revision, change)
            elif step == "merge":
                order, into = data.draw(st.sampled_from(standing)), data.draw(st.sampled_from(standing))
                merge(yard, who, "d", order.id, order.revision, into.id)
            elif step == "reject":
                order = data.draw(st.sampled_from(standing))
                move(yard, who, "d", order.id, order.revision, Status.REJECTED, note="没有危险")
            else:
                order = data.draw(st.sampled_from(standing))
                to = Status.DONE
                if order.status is Status.DONE:
                    to = Status.VERIFIED if step == "verify" else Status.REOPENED
                move(yard, who, "d", order.id, order.revision, to)
        stands = {each.facility_id for each in orders(yard, admin) if each.dangerous and each.status in STANDING}
        for id in machines:
            wanted = ServiceStatus.OUT_OF_ORDER if id in stands else ServiceStatus.IN_SERVICE
            assert machine(yard, admin, id).status is wanted, step
    assert recount.check(yard, admin, "d") == []
    by_item = [
        (result.text, result.order_id)
        for each in yard.find(admin, Inspection, "d")
        for result in each.results
        if result.verdict is FAIL
    ]
    assert all(order_id for _text, order_id in by_item)


# --- saved once, or not at all
def test_a_second_press_saves_nothing_twice(yard: Store, mender: Actor, rounds: Checklist) -> None:
    first = inspect(yard, mender, rounds, FAIL, key="press")
    assert inspect(yard, mender, rounds, FAIL, key="press").id == first.id
    assert len(orders(yard, mender)) == 1
    assert yard.count(mender, Inspection, "d") == 1


def test_what_cannot_be_leaves_nothing_behind(yard: Store, mender: Actor, rounds: Checklist) -> None:
    for more in ({"done_at": NOW + timedelta(hours=1)}, {"facility": "d-nowhere"}):
        with pytest.raises(Exception, match=r"second look|not there"):
            inspect(yard, mender, rounds, FAIL, **more)
    with pytest.raises(Invalid):
        room.record_inspection(yard, mender, "d", "d-F-01", rounds.id, [])
    with pytest.raises(Refused):
        inspect(yard, Actor("v", "看", Role.VIEWER), rounds, FAIL)
    assert (yard.count(mender, Inspection, "d"), orders(yard, mender)) == (0, [])


def test_a_grid_worker_inspects_in_their_grid_only(yard: Store, rounds: Checklist) -> None:
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    done = inspect(yard, worker, rounds, FAIL, condition=Condition.POOR)
    assert machine(yard, worker).status is ServiceStatus.OUT_OF_ORDER
    assert done.grid_id == "d-g1"
    with pytest.raises(Refused):
        inspect(yard, worker, rounds, facility="d-F-02")


def test_items_stay_as_they_stood_when_the_checklist_changes(
    yard: Store, admin: Actor, mender: Actor, rounds: Checklist
) -> None:
    done = inspect(yard, mender, rounds, PASS, PASS, FAIL)
    room.edit_checklist(yard, admin, "d", rounds.id, 1, {"items": ITEMS[:1]})
    assert [result.text for result in yard.get(admin, Inspection, "d", done.id).results] == [i.text for i in ITEMS]
    with pytest.raises(Conflict):
        room.edit_checklist(yard, admin, "d", rounds.id, 1, {"name": "x"})
    with pytest.raises(InUse):
        room.remove_checklist(yard, admin, "d", rounds.id, 2)


# --- what is due
def test_due_days_follow_the_last_inspection_and_missed_ones_count(
    yard: Store, mender: Actor, rounds: Checklist
) -> None:
    (first, second) = room.dues(yard, mender, "d", today=TODAY)
    assert {first.facility_id, second.facility_id} == {"d-F-01", "d-F-02"}
    assert (first.due_on, first.last_on, first.overdue_days) == (date(2026, 3, 2), None, 31)
    inspect(yard, mender, rounds, done_at=at(date(2026, 3, 20)))
    late = yard.find(mender, Inspection, "d")[0]
    assert late.due_days == (date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16))
    due = {each.facility_id: each for each in room.dues(yard, mender, "d", today=TODAY)}
    assert (due["d-F-01"].due_on, due["d-F-01"].last_on) == (date(2026, 3, 27), date(2026, 3, 20))


def test_a_machine_owes_no_checks_from_before_it_stood(
    yard: Store, admin: Actor, mender: Actor, rounds: Checklist
) -> None:
    old = machine(yard, mender)
    new = facilities.replace(yard, admin, "d", old.id, old.revision, code="F-03", installed_on=date(2026, 3, 20))
    due = {each.facility_id: each for each in room.dues(yard, mender, "d", today=TODAY)}
    assert (due[new.id].due_on, due[new.id].overdue_days) == (date(2026, 3, 20), 13)
    done = inspect(yard, mender, rounds, facility=new.id, done_at=at(date(2026, 4, 1)))
    assert done.due_days == (date(2026, 3, 20), date(2026, 3, 27))


def test_what_is_neglected_for_long_counts_in_the_current_month(
    yard: Store, admin: Actor, mender: Actor, rounds: Checklist
) -> None:
    own = {"name": "每天", "checklist_id": rounds.id, "every_days": 1, "since": date(2025, 9, 1)}
    room.add_plan(yard, admin, "d", {**own, "facility_id": "d-F-02"})
    march = room.rounds(yard, mender, "d", Period.of("2026-03"), frozenset({"d-g2"}), today=TODAY)
    assert (march.on_time.n, march.on_time.value) == (31, 0)
    late = inspect(yard, mender, rounds, facility="d-F-02", done_at=at(TODAY - timedelta(days=1)))
    assert (len(late.due_days), late.due_days[-1]) == (MOST_DUE_DAYS, TODAY - timedelta(days=2))
    march = room.rounds(yard, mender, "d", Period.of("2026-03"), frozenset({"d-g2"}), today=TODAY)
    assert (march.on_time.n, march.on_time.value) == (31, 0), "what waited and what is answered late count the same"


def test_an_extra_inspection_answers_no_due_day(yard: Store, mender: Actor, rounds: Checklist) -> None:
    inspect(yard, mender, rounds, done_at=at(date(2026, 3, 2)))
    inspect(yard, mender, rounds, done_at=at(date(2026, 3, 4)))
    inspect(yard, mender, rounds, done_at=at(date(2026, 3, 10)))
    answered = {each.done_on: each.due_days for each in yard.find(mender, Inspection, "d")}
    assert answered[date(2026, 3, 4)] == ()
    assert answered[date(2026, 3, 10)] == (date(2026, 3, 11),)


def test_a_facility_of_its_own_plan_goes_by_that(yard: Store, admin: Actor, mender: Actor, rounds: Checklist) -> None:
    own = {"name": "每天", "checklist_id": rounds.id, "every_days": 1, "since": TODAY, "facility_id": "d-F-02"}
    plan = room.add_plan(yard, admin, "d", own)
    assert plan.grid_id == "d-g2"
    due = {each.facility_id: each for each in room.dues(yard, mender, "d", today=TODAY)}
    assert (due["d-F-02"].every_days, due["d-F-01"].every_days, len(due)) == (1, 7, 2)
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    assert [each.facility_id for each in room.dues(yard, worker, "d", today=TODAY)] == ["d-F-01"]
    assert [each.name for each in room.plans(yard, worker, "d")] == ["每周"]


def test_a_plan_of_a_machine_that_is_gone_is_refused_beside_it(yard: Store, admin: Actor, rounds: Checklist) -> None:
    own = {"name": "每天", "checklist_id": rounds.id, "every_days": 1, "since": TODAY, "facility_id": "gone"}
    with pytest.raises(Invalid) as told:
        room.add_plan(yard, admin, "d", own)
    assert told.value.problems.keys() == {"facility_id"}


def test_the_last_inspection_costs_one_look_into_the_index(yard: Store, mender: Actor, rounds: Checklist) -> None:
    for days in range(8):
        inspect(yard, mender, rounds, done_at=at(date(2026, 3, 2) + timedelta(days=days)))
    plan = yard.db.command(
        "explain",
        {
            "aggregate": "inspections",
            "pipeline": [
                {"$match": {"community_id": "d", "checklist_id": rounds.id}},
                {"$sort": {"community_id": -1, "checklist_id": -1, "facility_id": -1, "done_at": -1}},
                {"$group": {"_id": "$facility_id", "on": {"$first": "$done_at"}}},
            ],
            "cursor": {},
        },
        verbosity="queryPlanner",
    )
    assert "DISTINCT_SCAN" in repr(plan)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.integers(-40, 31), min_size=1, max_size=12), quarter=st.booleans())
def test_on_time_is_what_pandas_counts(
    yard: Store, admin: Actor, mender: Actor, rounds: Checklist, days: list[int], quarter: bool
) -> None:
    for name in ("inspections", "monthly_counts"):
        yard.db[name].delete_many({"community_id": "d"})
    yard._places.clear()
    for day in days:
        inspect(yard, mender, rounds, done_at=at(date(2026, 3, 2) + timedelta(days=day)))
    period = Period.of("2026Q1") if quarter else Period.of("2026-03")
    found = room.rounds(yard, admin, "d", period, today=TODAY)

    done = pd.DataFrame(
        [
            {"due": due, "kept": place == 0 and each.done_on <= due}
            for each in yard.find(admin, Inspection, "d")
            for place, due in enumerate(each.due_days)
        ],
        columns=["due", "kept"],
    )
    waiting = pd.DataFrame(
        [
            {"due": each.due_on + timedelta(days=7 * step), "kept": False}
            for each in room.dues(yard, admin, "d", today=TODAY)
            for step in range(20)
            if each.due_on + timedelta(days=7 * step) < TODAY
        ],
        columns=["due", "kept"],
    )
    rows = pd.concat([done, waiting])
    rows = rows[(rows["due"] >= period.first) & (rows["due"] <= period.last)]
    assert found.on_time.n == len(rows)
    assert found.on_time.value == (None if rows.empty else pytest.approx(rows["kept"].astype(bool).mean()))
    assert recount.check(yard, admin, "d") == []


def test_counters_are_rebuilt_month_by_month(yard: Store, admin: Actor, mender: Actor, rounds: Checklist) -> None:
    inspect(yard, mender, rounds, FAIL, done_at=at(date(2026, 4, 1)))
    yard.db["monthly_counts"].update_many({"subject": "inspections"}, {"$set": {"total": {"due": 99}}})
    assert recount.check(yard, admin, "d")
    recount.rebuild(yard, admin, "d")
    assert recount.check(yard, admin, "d") == []


# --- checklists to begin with
def test_standard_checklists_are_entered_once_and_are_ones_own(yard: Store, admin: Actor) -> None:
    made = room.enter_standard_checklists(yard, admin, "d", since=TODAY)
    assert {each.inspection_kind for each in made} == set(InspectionKind)
    assert len(yard.find(admin, InspectionPlan, "d")) == len(made) == len(room.CHECKLISTS)
    assert room.enter_standard_checklists(yard, admin, "d", since=TODAY) == ()
    assert len({each.checklist_id for each in room.dues(yard, admin, "d", today=TODAY)}) == 3
    changed = room.edit_checklist(yard, admin, "d", made[0].id, 1, {"name": "我们自己的"})
    assert changed.name == "我们自己的"


def test_what_stands_before_a_facility(yard: Store, admin: Actor, mender: Actor, rounds: Checklist) -> None:
    room.add_checklist(yard, admin, "d", {"name": "电梯", "category": "property", "kind": "lift"})
    done = inspect(yard, mender, rounds, PASS, PASS, FAIL)
    order = order_of(yard, mender, done, 2)
    task = room.task(yard, mender, "d", code="F-01", today=TODAY)
    assert [each.name for each in task.checklists] == ["日常巡检"]
    assert task.orders == {"标牌清晰": order.number}
    assert task.due[rounds.id].last_on == TODAY
    found, its = room.inspection(yard, mender, "d", done.id)
    assert (found.id, its[order.id].number) == (done.id, order.number)
    assert [each.id for each in room.inspections_of(yard, mender, "d", "d-F-01")] == [done.id]


def test_the_form_foretells_what_is_linked_and_what_is_opened(yard: Store, mender: Actor, rounds: Checklist) -> None:
    before = inspect(yard, mender, rounds, PASS, PASS, FAIL)
    told = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    known = room.task(yard, mender, "d", code="F-01", today=TODAY).known
    foretold = with_orders(copied(ITEMS, [FAIL, FAIL, FAIL]), known)
    assert [result.linked for result in foretold] == [True, False, True], "what the form says is what is saved"
    saved = inspect(yard, OTHER, rounds, FAIL, FAIL, FAIL)
    assert [result.linked for result in saved.results] == [True, False, True]
    assert [result.order_id for result in foretold][::2] == [told.id, before.results[2].order_id]


def test_item_results_are_never_more_than_a_record_bears() -> None:
    results: Callable[[int], list[ItemResult]] = lambda n: [ItemResult(text="x", verdict=PASS)] * n  # noqa: E731
    facts = {"community_id": "d", "name": "x", "inspection_kind": "routine", "facility_id": "f", "category": "fitness"}
    facts |= {"checklist_id": "c", "done_at": NOW, "done_on": TODAY, "inspector": "x"}
    Inspection(**facts, results=results(60))
    with pytest.raises(ValueError, match="at most 60"):
        Inspection(**facts, results=results(61))
