"""What can be done to a work order, and the lists that show what is to be done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository import recount
from repository.access import Actor, Refused, Role
from repository.accounts import add_user
from repository.facilities import Facility, ServiceStatus
from repository.maintenance import (
    OPEN,
    TRANSITIONS,
    Outcome,
    Priority,
    Show,
    Status,
    WorkOrder,
    add_effort,
    assign,
    correct,
    delete,
    edit,
    facility_brief,
    log_repair,
    move,
    my_work,
    open_orders_like,
    promise,
    reportable,
    work_categories,
    work_list,
    work_story,
)
from repository.maintenance.commands import CLOSING, moved
from repository.store import Conflict, Duplicate, Invalid, NotFound, Store, build
from tests.conftest import once

NOW = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
LOCAL = NOW.astimezone(SHANGHAI)
HOUR = timedelta(hours=1)


def facility(store: Store, admin: Actor, id: str = "d-F-01") -> Facility:
    return store.get(admin, Facility, "d", id)


# --- logging
def test_a_repair_takes_place_and_people_from_the_facility(yard, mender, admin):
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", description="左侧立柱")
    assert (order.number, order.grid_id, order.category, order.place) == ("W-00001", "d-g1", "fitness", "体育公园")
    assert (order.status, order.is_open, order.priority) == (Status.REPORTED, True, Priority.NORMAL)
    # three working days later: 4 to 6 April are Tomb-sweeping Day and its weekend
    assert (order.reported_at, order.due_at) == (NOW, datetime(2026, 4, 8, 8, 30, tzinfo=UTC))
    assert order.assignee_id == "d-wang"
    assert [(event.at, event.by, event.status) for event in order.events] == [(NOW, "王师傅", Status.REPORTED)]
    second = log_repair(yard, mender, "d", fault="noise", facility_id="d-F-02", priority="low")
    assert (second.number, second.assignee_id) == ("W-00002", "d-li")
    assert second.due_at == datetime(2026, 4, 17, 8, 30, tzinfo=UTC), "ten working days"
    assert log_repair(yard, mender, "e", fault="noise", place="门口").number == "W-00001"
    assert facility(yard, admin).status is ServiceStatus.IN_SERVICE


def test_a_danger_stops_the_machine_in_the_same_transaction(yard, admin):
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    order = log_repair(yard, worker, "d", fault="broken", facility_id="d-F-01", dangerous=True, priority="low")
    assert (order.priority, order.due_at) == (Priority.URGENT, NOW + 24 * HOUR)
    stopped = facility(yard, admin)
    assert stopped.status is ServiceStatus.OUT_OF_ORDER
    assert stopped.condition_history[-1].note == order.number
    with pytest.raises(Refused):  # the same worker may not change facilities otherwise
        yard.update(worker, Facility, "d", "d-F-01", stopped.revision, {"name": "x"})
    entries = list(yard.db["audit"].find({"actor_id": "w"}))
    assert [(entry["collection"], entry["operation"]) for entry in entries] == [
        ("work_orders", "create"),
        ("facilities", "update"),
    ]
    assert facility(yard, admin, "d-F-02").status is ServiceStatus.IN_SERVICE


def test_a_verified_repair_puts_the_machine_back_unless_another_danger_is_open(yard, mender, admin):
    first = log_repair(yard, admin, "d", fault="broken", facility_id="d-F-01", dangerous=True)
    second = log_repair(yard, admin, "d", fault="loose", facility_id="d-F-01", dangerous=True)
    for order, expected in ((first, ServiceStatus.OUT_OF_ORDER), (second, ServiceStatus.IN_SERVICE)):
        done = move(yard, mender, "d", order.id, order.revision, Status.DONE)
        assert facility(yard, admin).status is ServiceStatus.OUT_OF_ORDER
        move(yard, admin, "d", done.id, done.revision, Status.VERIFIED)
        assert facility(yard, admin).status is expected


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"fault": "loose"}, "place"),
        ({"fault": "loose", "place": "  "}, "place"),
        ({"fault": None, "place": "门口"}, "fault"),
        ({"fault": "x" * 300, "place": "门口"}, "fault"),
        ({"fault": "loose", "facility_id": "e-F-01"}, "facility_id"),  # the neighbour's
        ({"fault": "loose", "place": "门口", "assignee_id": "nobody"}, "assignee_id"),
        ({"fault": "loose", "place": "门口", "reported_at": NOW + timedelta(seconds=1)}, "reported_at"),
        ({"fault": "loose", "place": "门口", "due_at": NOW - HOUR}, "due_at"),
        ({"fault": "loose", "place": "门口", "reported_at": datetime(2026, 1, 1)}, "reported_at"),  # noqa: DTZ001
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_written(yard, mender, values, field):
    with pytest.raises(Invalid) as caught:
        log_repair(yard, mender, "d", **values)
    assert list(caught.value.problems) == [field]
    assert yard.db["work_orders"].count_documents({}) == 0


def test_a_double_click_makes_one_order(yard, mender):
    first = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True, key="once")
    again = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True, key="once")
    assert again == first
    assert yard.db["work_orders"].count_documents({}) == 1


def test_numbers_pass_over_those_an_import_brought(yard, mender, admin):
    for number in ("W-00001", "W-00007"):
        yard.insert(admin, WorkOrder(community_id="d", number=number, fault="x", place="y", reported_at=NOW))
    assert log_repair(yard, mender, "d", fault="loose", place="门口").number == "W-00008"


def test_reach_and_role_bound_who_may_log(yard):
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    assert log_repair(yard, worker, "d", fault="loose", place="门口").grid_id == "d-g1"
    with pytest.raises(Refused):
        log_repair(yard, worker, "d", fault="loose", facility_id="d-F-02")
    with pytest.raises(Invalid, match="second look") as caught:
        log_repair(yard, replace(worker, grids=frozenset({"d-g1", "d-g2"})), "d", fault="loose", place="门口")
    assert list(caught.value.problems) == ["grid_id"]
    with pytest.raises(Refused):
        log_repair(yard, Actor("v", "v", Role.VIEWER), "d", fault="loose", place="门口")


def test_open_orders_alike_are_offered_and_do_not_block(yard, mender):
    first = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", reported_at=NOW - HOUR)
    second = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    noisy = log_repair(yard, mender, "d", fault="noise", facility_id="d-F-01")
    log_repair(yard, mender, "d", fault="loose", facility_id="d-F-02")
    assert [order.id for order in open_orders_like(yard, mender, "d", "d-F-01", "loose")] == [second.id, first.id]
    move(yard, mender, "d", second.id, 1, Status.CLOSED, outcome=Outcome.DUPLICATE)
    assert [order.id for order in open_orders_like(yard, mender, "d", "d-F-01", "loose")] == [first.id]
    assert {order.id for order in open_orders_like(yard, mender, "d", "d-F-01")} == {first.id, noisy.id}


# --- moving
def test_the_whole_life(yard, mender, admin):
    def at(hours: int) -> datetime:
        return NOW - timedelta(hours=100 - hours)

    order = log_repair(yard, admin, "d", fault="loose", facility_id="d-F-01", reported_at=at(0))
    for to, hours, facts in (
        (Status.ACCEPTED, 2, {}),
        (Status.ASSIGNED, 3, {"assignee_id": "d-zhao"}),
        (Status.IN_PROGRESS, 4, {}),
        (Status.ON_HOLD, 5, {"hold_reason": "等配件"}),
        (Status.IN_PROGRESS, 50, {}),
        (Status.DONE, 60, {"actual_hours": 3.5, "cost_cents": 12_000}),
    ):
        order = move(yard, mender, "d", order.id, order.revision, to, at=at(hours), **facts)
        assert order.is_open == (to in OPEN)
        assert order.hold_reason == facts.get("hold_reason")
    assert (order.responded_at, order.ended_at, order.outcome) == (at(2), at(60), Outcome.COMPLETED)
    assert (order.repair_seconds, order.respond_seconds) == (60 * 3600, 2 * 3600)
    assert (order.assignee_id, order.actual_hours, order.cost_cents) == ("d-zhao", 3.5, 12_000)
    assert [event.note for event in order.events if event.status is Status.ON_HOLD] == ["等配件"]

    with pytest.raises(Invalid) as caught:  # who did it may not verify it
        move(yard, mender, "d", order.id, order.revision, Status.VERIFIED)
    assert list(caught.value.problems) == ["status"]
    reopened = move(yard, admin, "d", order.id, order.revision, Status.REOPENED, at=at(70), note="又松了")
    assert (reopened.is_open, reopened.ended_at, reopened.outcome) == (True, None, None)
    (past,) = reopened.reopenings
    assert (past.ended_at, past.reopened_at, past.outcome) == (at(60), at(70), Outcome.COMPLETED)
    assert reopened.responded_at == at(2)
    done = move(yard, mender, "d", order.id, reopened.revision, Status.DONE, at=at(80))
    verified = move(yard, admin, "d", order.id, done.revision, Status.VERIFIED)
    closed = move(yard, admin, "d", order.id, verified.revision, Status.CLOSED)
    assert (closed.ended_at, closed.outcome, closed.is_open) == (at(80), Outcome.COMPLETED, False)
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize(
    ("to", "facts", "field"),
    [
        (Status.ON_HOLD, {}, "hold_reason"),
        (Status.REJECTED, {}, "note"),
        (Status.CLOSED, {}, "outcome"),
        (Status.CLOSED, {"outcome": "completed"}, "outcome"),  # a repair that was made is "done"
        (Status.VERIFIED, {}, "status"),
        (Status.REOPENED, {}, "status"),
        (Status.DONE, {"at": NOW - 2 * HOUR}, "at"),  # before the report
        (Status.DONE, {"at": NOW + HOUR}, "at"),
        (Status.DONE, {"actual_hours": -1}, "actual_hours"),
        (Status.ASSIGNED, {"assignee_id": "e-li"}, "assignee_id"),
    ],
)
def test_a_step_that_cannot_be_is_explained(yard, mender, to, facts, field):
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", reported_at=NOW - HOUR)
    with pytest.raises(Invalid) as caught:
        move(yard, mender, "d", order.id, order.revision, to, **facts)
    assert list(caught.value.problems) == [field]
    assert yard.get(mender, WorkOrder, "d", order.id) == order


@pytest.mark.parametrize("outcome", sorted(CLOSING))
def test_unfinished_work_ends_with_an_outcome_and_no_repair_time(yard, mender, outcome):
    order = log_repair(yard, mender, "d", fault="loose", place="门口")
    closed = move(yard, mender, "d", order.id, 1, Status.CLOSED, outcome=outcome)
    assert (closed.outcome, closed.ended_at, closed.is_open, closed.repair_seconds) == (outcome, NOW, False, None)
    assert closed.responded_at is None  # nobody has answered it


def test_a_stale_revision_conflicts(yard, mender):
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    now = assign(yard, mender, "d", order.id, 1, "d-zhao")
    with pytest.raises(Conflict) as caught:
        move(yard, mender, "d", order.id, 1, Status.DONE)
    assert caught.value.current == now


def test_assigning_again_keeps_the_story(yard, mender):
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    order = assign(yard, mender, "d", order.id, 1, "d-zhao")
    order = assign(yard, mender, "d", order.id, 2, "d-li", note="赵休假")
    assert (order.status, order.assignee_id) == (Status.ASSIGNED, "d-li")
    assert [event.status for event in order.events] == [Status.REPORTED, Status.ASSIGNED, Status.ASSIGNED]
    done = move(yard, mender, "d", order.id, 3, Status.DONE)
    with pytest.raises(Invalid):
        assign(yard, mender, "d", order.id, done.revision, "d-zhao")


def test_effort_adds_up(yard, mender):
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    order = add_effort(yard, mender, "d", order.id, 1, hours=1.5, cost_cents=3000, note="换螺栓")
    order = add_effort(yard, mender, "d", order.id, 2, hours=0.7)
    assert (order.actual_hours, order.cost_cents) == (2.2, 3000)
    assert order.events[-1].note == "换螺栓"
    for facts in ({}, {"hours": -1}, {"cost_cents": -1, "hours": 2}):
        with pytest.raises(Invalid):
            add_effort(yard, mender, "d", order.id, 3, **facts)


# --- putting right
def test_editing_plain_fields(yard, mender, admin):
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    order = edit(yard, mender, "d", order.id, 1, {"facility_id": "d-F-02", "fault": "noise"})
    assert (order.grid_id, order.category, order.fault) == ("d-g2", "fitness", "noise")
    order = edit(yard, mender, "d", order.id, 2, {"dangerous": True})
    assert (order.priority, order.due_at) == (Priority.URGENT, NOW + 24 * HOUR)
    assert facility(yard, admin, "d-F-02").status is ServiceStatus.OUT_OF_ORDER
    with pytest.raises(TypeError):
        edit(yard, mender, "d", order.id, 3, {"status": "done"})
    for changes, field in (
        ({"due_at": NOW - HOUR}, "due_at"),
        ({"facility_id": None, "place": None}, "place"),
        ({"assignee_id": "nobody"}, "assignee_id"),
    ):
        with pytest.raises(Invalid) as caught:
            edit(yard, mender, "d", order.id, 3, changes)
        assert list(caught.value.problems) == [field]
    with pytest.raises(Conflict):
        edit(yard, mender, "d", order.id, 2, {"fault": "x"})


def test_a_doubtful_import_can_still_be_edited_and_corrected(yard, mender, admin):
    odd = yard.insert(
        admin,
        WorkOrder(
            community_id="d",
            number="A-1",
            fault="x",
            place="y",
            reported_at=NOW - HOUR,
            ended_at=NOW - 3 * HOUR,
            status=Status.CLOSED,
            outcome=Outcome.COMPLETED,
        ),
    )
    assert odd.flags
    odd = edit(yard, mender, "d", odd.id, 1, {"fault": "灯不亮"})
    with pytest.raises(Invalid) as caught:
        correct(yard, mender, "d", odd.id, 2, {"ended_at": NOW + HOUR}, "记错了")
    assert list(caught.value.problems) == ["ended_at"]
    with pytest.raises(Invalid):
        correct(yard, mender, "d", odd.id, 2, {"ended_at": None, "outcome": None}, "记错了")
    right = correct(yard, mender, "d", odd.id, 2, {"ended_at": NOW}, "记错了")
    assert (right.flags, right.repair_seconds) == ((), 3600)
    assert recount.check(yard, admin, "d") == []


def test_correcting_the_report_moves_the_first_step(yard, mender):
    order = log_repair(yard, mender, "d", fault="loose", place="门口")
    order = correct(yard, mender, "d", order.id, 1, {"reported_at": NOW - 5 * HOUR, "number": "X-9"}, "抄错")
    assert (order.events[0].at, order.number) == (NOW - 5 * HOUR, "X-9")
    assert order.events[-1].note == "2026-04-02 16:30 → 2026-04-02 11:30, W-00001 → X-9：抄错"
    log_repair(yard, mender, "d", fault="loose", place="门口")
    with pytest.raises(Duplicate):
        correct(yard, mender, "d", order.id, 2, {"number": "W-00002"}, "抄错")


def test_reopening_what_ended_nobody_knows_when(yard, mender, admin):
    order = yard.insert(
        admin,
        WorkOrder(community_id="d", number="A", fault="x", place="y", reported_at=NOW, status=Status.CLOSED),
    )
    opened = move(yard, mender, "d", order.id, 1, Status.REOPENED)
    assert (opened.is_open, opened.reopenings) == (True, ())
    assert recount.check(yard, admin, "d") == []


def test_deleting_leaves_no_trace_in_the_figures(yard, mender, admin):
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    with pytest.raises(Refused):
        delete(yard, mender, "d", order.id, 1)
    delete(yard, admin, "d", order.id, 1)
    with pytest.raises(NotFound):
        work_story(yard, admin, "d", order.id, now=LOCAL)
    assert recount.check(yard, admin, "d") == []


# --- the rules, on random walks
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(list(Status)), st.integers(0, 10**6), st.sampled_from(list(Outcome))), max_size=25
    )
)
@settings(max_examples=150, deadline=None)
def test_any_walk_keeps_status_ending_and_story_in_step(steps):
    order = WorkOrder(
        community_id="d", number="1", fault="x", place="y", reported_at=NOW - timedelta(days=300), assignee_id="d-li"
    )
    clock = order.reported_at
    for turn, (to, seconds, outcome) in enumerate(steps):
        clock += timedelta(seconds=seconds)
        by = Actor(str(turn), f"第 {turn} 人", Role.EDITOR)
        facts = {"note": "因为", "hold_reason": "等配件" if to is Status.ON_HOLD else None, "outcome": outcome}
        allowed = to in TRANSITIONS[order.status] and not (
            to is Status.CLOSED and order.is_open and outcome not in CLOSING
        )
        if not allowed:
            with pytest.raises(Invalid):
                moved(order, to, at=clock, by=by, **facts)
            continue
        before, order = order, build(WorkOrder, {**dict(order), **moved(order, to, at=clock, by=by, **facts)})
        assert order.is_open == (order.status in OPEN) == order.to_document()["is_open"]
        assert (order.outcome is None) == order.is_open == (order.ended_at is None)
        assert (order.hold_reason is None) == (order.status is not Status.ON_HOLD)
        moments = [event.at for event in order.events]
        assert moments == sorted(moments)
        assert order.events[:-1] == before.events
        assert order.events[-1].status is order.status
        spells = [moment for past in order.reopenings for moment in (past.ended_at, past.reopened_at)]
        assert spells == sorted(spells)
        assert len(order.reopenings) == sum(event.status is Status.REOPENED for event in order.events)
        assert before.responded_at is None or order.responded_at == before.responded_at
        if order.ended_at:
            assert order.reported_at <= order.ended_at <= clock
            assert not order.reopenings or order.reopenings[-1].reopened_at <= order.ended_at
        net: dict[str, int] = {}
        for (_, level, _, _, _, name), n in WorkOrder.contributions(order.to_document(), SHANGHAI):
            net[f"{level}.{name}"] = net.get(f"{level}.{name}", 0) + n
        flows = net.get("month.opened", 0) + net.get("month.reopened", 0) - net.get("month.ended", 0)
        assert flows == net.get("stock.open", 0) == int(order.is_open)
        failed = net.get("month.rework", 0) - net.get("month.rework_verified", 0)
        waits = net.get("month.ended_completed", 0) - failed - net.get("month.verified", 0)
        assert waits == net.get("stock.to_verify", 0) == int(order.status is Status.DONE)


# --- lists
@pytest.fixture
@once
def busy(yard: Store, admin: Actor) -> Store:
    """Six open orders of Li's in an order of urgency that their names say, others' and ended ones between them."""

    def order(number: str, due: timedelta | None, **facts: object) -> None:
        values = {"assignee_id": "d-li", "grid_id": "d-g1", "category": "fitness", "priority": Priority.NORMAL}
        values |= {"due_at": None if due is None else NOW + due, "fault": "灯不亮", "place": "门口"} | facts
        reported = NOW - timedelta(days=30)
        yard.insert(admin, WorkOrder(community_id="d", number=number, reported_at=reported, **values))

    order("5-tomorrow", timedelta(hours=20))
    order("1-oldest", timedelta(days=-9))
    order("3-today-urgent", timedelta(hours=5), priority=Priority.URGENT)
    order("6-undated", None, facility_id="d-F-01")
    order("4-today", timedelta(hours=2))
    order("2-late", timedelta(minutes=-1), status=Status.ON_HOLD, hold_reason="等配件")
    order("others", timedelta(days=-20), assignee_id="d-zhao", grid_id="d-g2", category="property")
    ended = {"status": Status.DONE, "ended_at": NOW - HOUR, "outcome": Outcome.COMPLETED}
    order("ended", timedelta(days=-20), **ended)
    yard.insert(
        admin,
        WorkOrder(
            community_id="e", number="decoy", fault="x", place="y", assignee_id="e-li", reported_at=NOW, due_at=NOW
        ),
    )
    return yard


def numbers(found) -> list[str]:
    return [row.order.number for row in found.rows]


def test_my_work_overdue_first_then_today_then_priority(busy, mender):
    found = my_work(busy, mender, "d", ["d-li"], now=LOCAL)
    assert numbers(found) == ["1-oldest", "2-late", "3-today-urgent", "4-today", "5-tomorrow", "6-undated"]
    assert (found.total, found.overdue) == (6, 2)
    assert [row.overdue_days for row in found.rows] == [9, 1, 0, 0, 0, 0]
    assert [row.due_today for row in found.rows] == [False, False, True, True, False, False]
    last = found.rows[-1]
    assert (last.facility, last.grid, last.assignee) == ("单杠", "1 号网格", "li")


def test_pages_follow_each_other_without_gap_or_repeat(busy, mender):
    pages = [work_list(busy, mender, "d", now=LOCAL, page=page, rows=2, assignee_id="d-li") for page in (1, 2, 3, 4)]
    assert [len(page.rows) for page in pages] == [2, 2, 2, 0]
    assert len({number for page in pages for number in numbers(page)}) == 6
    assert numbers(pages[0]) == ["1-oldest", "2-late"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"show": Show.OVERDUE}, {"others", "1-oldest", "2-late"}),
        ({"show": "on_hold"}, {"2-late"}),
        ({"show": Show.TO_VERIFY}, {"ended"}),
        ({"show": Show.ALL, "search": "ended"}, {"ended"}),
        ({"category": "property"}, {"others"}),
        ({"grids": frozenset({"d-g2"})}, {"others"}),
        ({"priority": "urgent"}, {"3-today-urgent"}),
        ({"search": "单杠"}, {"6-undated"}),
        ({"search": "灯 today"}, {"3-today-urgent", "4-today"}),
        ({"search": ".*"}, set()),
        ({"show": "all", "search": "3-tod"}, {"3-today-urgent"}),
        ({"show": "all", "category": "property"}, {"others"}),
    ],
)
def test_filters(busy, mender, facts, expected):
    found = work_list(busy, mender, "d", now=LOCAL, **facts)
    assert set(numbers(found)) == expected
    assert found.total == len(expected)


def test_all_orders_come_newest_first_and_are_counted(busy, mender):
    log_repair(busy, mender, "d", fault="loose", place="门口")
    found = work_list(busy, mender, "d", now=LOCAL, show="all", rows=3)
    assert (numbers(found)[0], len(found.rows), found.total) == ("W-00001", 3, 9)


def test_a_grid_worker_lists_own_grids_only(busy):
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g2"}))
    for show in Show:
        assert set(numbers(work_list(busy, worker, "d", now=LOCAL, show=show))) <= {"others"}
    hidden = busy.db["work_orders"].find_one({"number": "1-oldest"})["_id"]
    with pytest.raises(NotFound):
        work_story(busy, worker, "d", hidden, now=LOCAL)


def test_the_story_says_what_may_come_next(busy, mender):
    order = log_repair(busy, mender, "d", fault="loose", facility_id="d-F-01")
    story = work_story(busy, mender, "d", order.id, now=LOCAL)
    assert set(story.moves) == TRANSITIONS[Status.REPORTED]
    assert [other.number for other in story.alike] == ["6-undated"]
    assert (story.facility.id, story.row.assignee) == ("d-F-01", "wang")
    assert work_story(busy, Actor("v", "v", Role.VIEWER), "d", order.id, now=LOCAL).moves == ()


def test_the_repair_form_names_who_gets_the_order(busy, mender, admin):
    facility = facility_brief(busy, mender, "d", code="F-01").facility
    elsewhere = {"role": "facility_manager", "communities": ("d",), "grids": ("d-g2",)}
    add_user(busy, admin, {**elsewhere, "login": "wang", "name": "王", "people": ("d-wang",)})
    kept = promise(busy, mender, "d", facility=facility, now=NOW)
    assert kept.assignee == "li"
    assert log_repair(busy, mender, "d", fault="loose", facility_id="d-F-01").assignee_id == "d-li"
    add_user(busy, admin, {**elsewhere, "login": "li", "name": "李", "people": ("d-li",)})
    assert promise(busy, mender, "d", facility=facility, now=NOW).assignee is None


def test_what_the_repair_form_asks(busy, mender):
    brief = facility_brief(busy, mender, "d", code="F-01")
    assert (brief.facility.id, brief.grid, brief.open) == ("d-F-01", "1 号网格", 1)
    assert brief.last_reported_at == NOW - timedelta(days=30)
    assert facility_brief(busy, mender, "d", code="nothing") is None
    kept = promise(busy, mender, "d", facility=brief.facility, priority=Priority.URGENT, now=NOW)
    assert (kept.assignee, kept.answer_by, kept.due_by) == ("wang", NOW + 2 * HOUR, NOW + 24 * HOUR)
    assert not kept.provisional
    assert promise(busy, mender, "d", grid_id="d-g2", now=NOW).assignee == "li"
    assert promise(busy, mender, "d", now=NOW).assignee is None
    assert promise(busy, mender, "d", now=datetime(2026, 12, 30, tzinfo=UTC)).provisional
    assert reportable(busy, mender, "d") == {"d-F-01": "单杠 · 体育公园 · F-01", "d-F-02": "单杠 · 体育公园 · F-02"}
    assert work_categories(busy, mender, "d") == ("fitness", "property")
