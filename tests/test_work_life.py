"""The further life of a work order: repeats, rework, time on hold, merging, remarks, hours and parts, many at once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import maintenance, photos, recount
from repository.access import Actor, Refused, Role, anybody
from repository.accounts import add_user
from repository.facilities import Facility, ServiceStatus, put_back_in_service, put_out_of_order
from repository.hazards import Hazard, State, rectify, report_hazard
from repository.maintenance import (
    Event,
    Outcome,
    Priority,
    SparePart,
    Status,
    WorkOrder,
    add_effort,
    assign,
    change_many,
    comment,
    delete,
    edit,
    held_seconds,
    log_repair,
    merge,
    move,
    my_work,
    new_work,
    notice,
    verify_many,
)
from repository.maintenance.commands import moved
from repository.metrics import Period
from repository.organizations import Organization, add_organization
from repository.preventive import add_plan, generate, postpone, skip
from repository.store import Conflict, Invalid, OutcomeUnknown, Store
from tests.conftest import NOW
from tests.pages import picture
from tests.test_maintenance import HOUR, facility

OTHER = Actor("other", "赵验收", Role.FACILITY_MANAGER)


def mended(store: Store, who: Actor, days_ago: int, fault: str = "loose", facility_id: str = "d-F-01") -> WorkOrder:
    """An order that was reported and mended so many days ago."""
    then = NOW - timedelta(days=days_ago)
    order = log_repair(store, who, "d", fault=fault, facility_id=facility_id, reported_at=then)
    return move(store, who, "d", order.id, order.revision, Status.DONE, at=then + HOUR)


def month(store: Store, period: str = "2026-04") -> dict[str, int]:
    """The month's counters."""
    found = {each["period"]: each["total"] for each in store.counters("d", "work_orders", "month")}
    return found.get(period, {})


# --- what did not last
@pytest.mark.parametrize(
    ("days_ago", "fault", "machine", "repeat"),
    [
        (29, "loose", "d-F-01", True),
        (31, "loose", "d-F-01", False),
        (29, "noise", "d-F-01", False),
        (29, "loose", "d-F-02", False),
    ],
)
def test_the_same_fault_within_thirty_days_is_a_repeat(
    yard: Store,
    mender: Actor,
    days_ago: int,
    fault: str,
    machine: str,
    repeat: bool,
) -> None:
    before = mended(yard, mender, days_ago, fault, machine)
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    assert order.repeat_of == (before.id if repeat else None)
    assert month(yard).get("repeat", 0) == repeat


def test_two_other_faults_are_not_the_same(yard: Store, mender: Actor) -> None:
    mended(yard, mender, 3, "other")
    assert log_repair(yard, mender, "d", fault="other", facility_id="d-F-01").repeat_of is None


def test_a_place_without_a_facility_has_no_repeats(yard: Store, mender: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", place="东门", reported_at=NOW - 3 * HOUR)
    move(yard, mender, "d", order.id, 1, Status.DONE, at=NOW - 2 * HOUR)
    assert log_repair(yard, mender, "d", fault="loose", place="东门").repeat_of is None


def test_not_fixed_is_rework_and_a_cancelled_one_opened_again_is_not(
    yard: Store,
    mender: Actor,
    admin: Actor,
) -> None:
    order = mended(yard, mender, 1)
    move(yard, OTHER, "d", order.id, order.revision, Status.REOPENED, note="还在晃")
    cancelled = log_repair(yard, mender, "d", fault="noise", place="东门")
    closed = move(yard, mender, "d", cancelled.id, 1, Status.CLOSED, outcome=Outcome.CANCELLED)
    move(yard, mender, "d", closed.id, closed.revision, Status.REOPENED)
    assert (month(yard)["reopened"], month(yard)["rework"]) == (2, 1)
    assert recount.check(yard, admin, "d") == []


def test_who_did_the_work_is_known_by_account_not_by_name(yard: Store, mender: Actor) -> None:
    done = mended(yard, Actor("u1", "王芳", Role.FACILITY_MANAGER), 1)
    namesake = Actor("u2", "王芳", Role.FACILITY_MANAGER)
    with pytest.raises(Invalid):
        move(yard, Actor("u1", "改了名", Role.ADMIN), "d", done.id, done.revision, Status.VERIFIED)
    assert move(yard, namesake, "d", done.id, done.revision, Status.VERIFIED).status is Status.VERIFIED


def test_whoever_worked_on_it_does_not_verify_it(yard: Store, mender: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    helped = add_effort(yard, mender, "d", order.id, 1, hours=2, person_id="d-zhao")
    done = move(yard, mender, "d", order.id, helped.revision, Status.DONE)
    with pytest.raises(Invalid):
        move(yard, replace(OTHER, people=("d-zhao",)), "d", done.id, done.revision, Status.VERIFIED)
    assert move(yard, OTHER, "d", done.id, done.revision, Status.VERIFIED).status is Status.VERIFIED


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        (("w:in_progress", "x:done"), "wx"),
        (("w:in_progress", "x:on_hold", "y:in_progress", "z:done"), "wyz"),
        (("x:done", "w:remark"), "x"),
        (("w:in_progress", "z:remark", "x:done", "y:remark"), "wx"),
        (("w:in_progress", "x:done", "y:reopened", "z:done"), "z"),
        (("w:done", "y:reopened", "x:in_progress", "y:remark", "x:done", "w:remark"), "x"),
    ],
)
def test_whoever_began_or_did_the_work_since_it_was_reopened_does_not_verify_it(
    yard: Store, mender: Actor, steps: tuple[str, ...], kept: str
) -> None:
    """Each letter is a manager; a remark makes nobody a doer and lets no doer off, whichever step it stands after."""
    who = {letter: Actor(letter, letter, Role.FACILITY_MANAGER) for letter in "wxyz"}
    order = log_repair(yard, mender, "d", fault="loose", place="东门")
    for step in steps:
        letter, _, what = step.partition(":")
        if what == "remark":
            order = comment(yard, who[letter], "d", order.id, "看过")
        else:
            facts = {"hold_reason": "等配件"} if what == "on_hold" else {}
            order = move(yard, who[letter], "d", order.id, order.revision, what, **facts)
    for letter, actor in who.items():
        if letter in kept:
            with pytest.raises(Invalid, match="second look") as own:
                moved(order, Status.VERIFIED, at=NOW, by=actor)
            assert set(own.value.problems) == {"status"}
        else:
            assert moved(order, Status.VERIFIED, at=NOW, by=actor)["status"] is Status.VERIFIED


# --- time on hold
@given(st.lists(st.tuples(st.sampled_from(list(Status)), st.integers(0, 10_000)), max_size=12), st.integers(0, 10_000))
def test_time_on_hold_is_what_lies_between_hold_and_the_next_step(steps: list[tuple[Status, int]], rest: int) -> None:
    at, events, expected, lasting = NOW, [], 0, 0
    for place, (status, seconds) in enumerate(steps):
        events.append(Event(at=at, by="x", status=status))
        last = place == len(steps) - 1
        length = rest if last else seconds
        lasting = lasting + length if status is Status.ON_HOLD else 0
        expected += length if status is Status.ON_HOLD else 0
        at += timedelta(seconds=length)
    assert held_seconds(events, at) == expected
    assert held_seconds(events, None) == expected - lasting, "what still lasts does not count yet"


def test_held_time_is_kept_apart_and_stops_no_clock(yard: Store, mender: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", reported_at=NOW - 10 * HOUR)
    order = move(yard, mender, "d", order.id, 1, Status.ON_HOLD, at=NOW - 8 * HOUR, hold_reason="等配件")
    due = order.due_at
    order = move(yard, mender, "d", order.id, 2, Status.IN_PROGRESS, at=NOW - 3 * HOUR)
    order = move(yard, mender, "d", order.id, 3, Status.DONE, at=NOW - HOUR)
    assert (order.held_seconds, order.repair_seconds, order.due_at) == (5 * 3600, 9 * 3600, due)
    assert (month(yard)["held_n"], month(yard)["held_seconds"]) == (1, 5 * 3600)


# --- merging
def test_a_duplicate_is_merged_into_the_one_that_stays(yard: Store, mender: Actor, admin: Actor) -> None:
    p1, p2 = (photos.keep(yard, mender, "d", picture()) for _ in range(2))
    stays = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=[p1])
    twice = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=[p2], dangerous=True)
    kept = merge(yard, mender, "d", twice.id, twice.revision, stays.id, key="press")
    assert merge(yard, mender, "d", twice.id, twice.revision, stays.id, key="press") == kept
    gone = yard.get(admin, WorkOrder, "d", twice.id)
    assert (gone.status, gone.outcome, gone.merged_into) == (Status.CLOSED, Outcome.DUPLICATE, stays.id)
    assert (kept.photos, kept.dangerous, kept.priority) == ((p1, p2), True, Priority.URGENT)
    assert kept.due_at == twice.due_at
    assert twice.number in (kept.events[-1].note or "")
    assert recount.check(yard, admin, "d") == []


def test_a_merged_danger_stops_the_machine_it_is_at(yard: Store, mender: Actor, admin: Actor) -> None:
    stays = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    there = log_repair(yard, mender, "d", fault="loose", place="单杠旁", dangerous=True)
    stays = merge(yard, mender, "d", there.id, there.revision, stays.id)
    assert yard.get(admin, Facility, "d", "d-F-01").status is ServiceStatus.OUT_OF_ORDER
    other = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-02", dangerous=True)
    merge(yard, mender, "d", other.id, other.revision, stays.id)
    assert yard.get(admin, Facility, "d", "d-F-02").status is ServiceStatus.IN_SERVICE, "the danger is elsewhere"
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize("why", ["another danger", "by hand", "only it knows the machine"])
def test_a_machine_stays_down_when_the_merged_danger_was_not_all(
    yard: Store, mender: Actor, admin: Actor, why: str
) -> None:
    if why == "by hand":
        machine = facility(yard, mender)
        put_out_of_order(yard, mender, "d", machine.id, machine.revision, note="等厂家")
    here = {"place": "东门"} if why == "only it knows the machine" else {"facility_id": "d-F-02"}
    stays = log_repair(yard, mender, "d", fault="loose", **here)
    wrong = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True)
    if why == "another danger":
        log_repair(yard, mender, "d", fault="electric", facility_id="d-F-01", dangerous=True)
    stays = merge(yard, mender, "d", wrong.id, wrong.revision, stays.id)
    assert facility(yard, mender).status is ServiceStatus.OUT_OF_ORDER
    if why == "only it knows the machine":
        done = move(yard, mender, "d", stays.id, stays.revision, Status.DONE)
        move(yard, OTHER, "d", done.id, done.revision, Status.VERIFIED)
        assert facility(yard, mender).status is ServiceStatus.IN_SERVICE
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_danger_that_was_written_to_the_wrong_machine_goes_to_the_right_one(
    yard: Store, mender: Actor, admin: Actor, by_hand: bool
) -> None:
    if by_hand:
        machine = facility(yard, mender)
        put_out_of_order(yard, mender, "d", machine.id, machine.revision, note="等厂家")
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True)
    edit(yard, mender, "d", order.id, order.revision, {"facility_id": "d-F-02"})
    stands = {id: yard.get(admin, Facility, "d", id).status for id in ("d-F-01", "d-F-02")}
    first = ServiceStatus.OUT_OF_ORDER if by_hand else ServiceStatus.IN_SERVICE
    assert stands == {"d-F-01": first, "d-F-02": ServiceStatus.OUT_OF_ORDER}
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize("how", ["it is none", "deleted"])
@pytest.mark.parametrize("first", [True, False])
def test_a_danger_that_is_none_lets_its_machine_go_with_the_last_one(
    yard: Store, mender: Actor, admin: Actor, how: str, first: bool
) -> None:
    order, other = (log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True) for _ in "ab")
    for gone in (order, other) if first else (other, order):
        assert facility(yard, mender).status is ServiceStatus.OUT_OF_ORDER
        if how == "deleted":
            delete(yard, admin, "d", gone.id, gone.revision)
        else:
            edit(yard, mender, "d", gone.id, gone.revision, {"dangerous": False})
    assert facility(yard, mender).status is ServiceStatus.IN_SERVICE
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize(
    ("to", "facts", "stands"),
    [
        (Status.REJECTED, {"note": "恶作剧"}, ServiceStatus.IN_SERVICE),
        (Status.CLOSED, {"outcome": Outcome.CANCELLED}, ServiceStatus.IN_SERVICE),
        (Status.CLOSED, {"outcome": Outcome.REFERRED}, ServiceStatus.OUT_OF_ORDER),
    ],
)
def test_a_reported_danger_that_was_none_lets_its_machine_go(
    yard: Store, mender: Actor, admin: Actor, to: Status, facts: dict[str, Any], stands: ServiceStatus
) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True)
    over = move(yard, mender, "d", order.id, 1, to, **facts)
    assert facility(yard, mender).status is stands
    move(yard, mender, "d", order.id, over.revision, Status.REOPENED)
    assert facility(yard, mender).status is ServiceStatus.OUT_OF_ORDER
    assert recount.check(yard, admin, "d") == []


def test_that_it_had_been_dangerous_stops_nothing_any_more(yard: Store, mender: Actor, admin: Actor) -> None:
    done = mended(yard, mender, 1)
    yard.db["work_orders"].update_one({"_id": done.id}, {"$unset": {"due_at": ""}})
    waiting = edit(yard, admin, "d", done.id, done.revision, {"dangerous": True})
    assert (waiting.due_at, facility(yard, mender).status) == (None, ServiceStatus.OUT_OF_ORDER), "done: not looked at"
    none = edit(yard, admin, "d", done.id, waiting.revision, {"dangerous": False})
    verified = move(yard, OTHER, "d", done.id, none.revision, Status.VERIFIED)
    told = edit(yard, admin, "d", done.id, verified.revision, {"dangerous": True})
    assert (told.due_at, told.priority) == (None, waiting.priority)
    assert facility(yard, mender).status is ServiceStatus.IN_SERVICE
    deleted = delete(yard, admin, "d", done.id, told.revision)
    assert (deleted.dangerous, facility(yard, mender).status) == (True, ServiceStatus.IN_SERVICE)


def test_what_was_stopped_by_hand_waits_for_more_than_the_repair_of_a_danger(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    machine = facility(yard, mender)
    put_out_of_order(yard, mender, "d", machine.id, machine.revision, note="等厂家")
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True)
    done = move(yard, mender, "d", order.id, order.revision, Status.DONE)
    move(yard, OTHER, "d", done.id, done.revision, Status.VERIFIED)
    stands = facility(yard, mender)
    assert (stands.status, stands.condition_history[-1].note) == (ServiceStatus.OUT_OF_ORDER, "等厂家")
    put_back_in_service(yard, mender, "d", stands.id, stands.revision)
    assert facility(yard, mender).status is ServiceStatus.IN_SERVICE


def test_a_stop_of_an_older_version_is_known_by_the_number_in_its_note(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True)
    yard.db["facilities"].update_one({"_id": "d-F-01"}, {"$unset": {"condition_history.$[].order_id": ""}})
    edit(yard, mender, "d", order.id, order.revision, {"dangerous": False})
    assert facility(yard, mender).status is ServiceStatus.IN_SERVICE


def test_what_cannot_be_merged_is_refused(yard: Store, mender: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", place="东门")
    done = mended(yard, mender, 1)
    for id, into in ((order.id, order.id), (order.id, done.id), (done.id, order.id)):
        with pytest.raises(Invalid):
            merge(yard, mender, "d", id, 1 if id == order.id else done.revision, into)
    other = log_repair(yard, mender, "d", fault="loose", place="东门")
    edited = comment(yard, mender, "d", order.id, "看过了")
    with pytest.raises(Conflict):
        merge(yard, mender, "d", order.id, edited.revision - 1, other.id)
    assert yard.get(mender, WorkOrder, "d", other.id).revision == 1


# --- remarks, hours, parts
@pytest.mark.parametrize("text", ["a\x0bb", "长" * 4001], ids=["an invisible sign", "too long"])
def test_a_remark_that_cannot_be_kept_is_said_whatever_it_is_a_remark_on(
    yard: Store, mender: Actor, admin: Actor, text: str
) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    given = log_repair(yard, mender, "d", fault="loose", place="东门", assignee_id="d-li")
    given = assign(yard, mender, "d", given.id, given.revision, "d-wang")
    add_plan(yard, admin, "d", {"name": "保养", "every": 14, "since": NOW.date(), "facility_id": "d-F-01"})
    generate(yard, admin, "d")
    planned = yard.find(admin, WorkOrder, "d", {"kind": "preventive"})[0]
    danger = report_hazard(yard, mender, "d", {"what": "电线外露", "place": "东门"})
    machine = facility(yard, mender)
    steps = [
        lambda: move(yard, mender, "d", order.id, order.revision, Status.DONE, note=text),
        lambda: move(yard, mender, "d", order.id, order.revision, Status.ON_HOLD, hold_reason=text),
        lambda: assign(yard, mender, "d", given.id, given.revision, "d-li", note=text),
        lambda: merge(yard, mender, "d", given.id, given.revision, order.id, note=text),
        lambda: add_effort(yard, mender, "d", order.id, order.revision, hours=1, note=text),
        lambda: add_effort(yard, mender, "d", order.id, order.revision, hours=10_001),
        lambda: comment(yard, mender, "d", order.id, text),
        lambda: postpone(yard, admin, "d", planned.id, planned.revision, NOW.date() + timedelta(days=30), text),
        lambda: skip(yard, admin, "d", planned.id, planned.revision, text),
        lambda: rectify(yard, mender, "d", danger.id, danger.revision, note=text),
        lambda: put_out_of_order(yard, mender, "d", machine.id, machine.revision, note=text),
    ]
    for place, step in enumerate(steps):
        with pytest.raises(Invalid) as refused:
            step()
        assert set(refused.value.problems) <= {"note", "hold_reason", "hours"}, place
    assert [each.revision for each in (facility(yard, mender), yard.get(admin, WorkOrder, "d", order.id))] == [1, 1]


def test_remarks_never_meet_a_conflict_and_hours_name_who(yard: Store, mender: Actor, admin: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    comment(yard, OTHER, "d", order.id, "钥匙在物业")
    comment(yard, mender, "d", order.id, "", photos=[photos.keep(yard, mender, "d", picture())])
    with pytest.raises(Invalid):
        comment(yard, mender, "d", order.id, "  ")
    bolts = SparePart(name="螺栓", quantity=4, unit_cost_cents=250)
    order = add_effort(yard, mender, "d", order.id, 3, hours=1.5, person_id="d-wang", parts=[bolts], cost_cents=300)
    order = add_effort(yard, mender, "d", order.id, 4, hours=0.5, person_id="d-li")
    assert (order.actual_hours, order.cost_cents) == (2.0, 1300)
    assert [(each.person_id, each.hours) for each in order.labour] == [("d-wang", 1.5), ("d-li", 0.5)]
    assert [event.note for event in order.events] == [None, "钥匙在物业"]
    with pytest.raises(Invalid) as refused:
        add_effort(yard, mender, "d", order.id, 5, hours=1, person_id="nobody")
    assert set(refused.value.problems) == {"person_id"}
    assert recount.check(yard, admin, "d") == []


def test_whoever_gets_it_has_not_seen_it_yet(yard: Store, mender: Actor) -> None:
    order = log_repair(yard, OTHER, "d", fault="loose", facility_id="d-F-01")
    assert (order.assigned_at, order.noticed_at, order.is_new) == (NOW, None, True)
    assert new_work(yard, OTHER, "d", ["d-wang"]) == 1
    with pytest.raises(Refused, match="somebody else"):
        notice(yard, OTHER, "d", [order.id])
    (seen,) = notice(yard, mender, "d", [order.id])
    assert (seen.noticed_at, seen.is_new, new_work(yard, mender, "d", ["d-wang"])) == (NOW, False, 0)
    assert notice(yard, mender, "d", [order.id])[0].revision == seen.revision, "once is enough"
    again = assign(yard, mender, "d", order.id, 2, "d-li")
    assert (again.assignee_id, again.noticed_at) == ("d-li", None)
    assert (new_work(yard, OTHER, "d", ["d-li"]), new_work(yard, OTHER, "d", [])) == (1, 0)


def test_whoever_may_only_look_says_that_they_have_seen_their_own(yard: Store, admin: Actor) -> None:
    order = log_repair(yard, OTHER, "d", fault="loose", facility_id="d-F-01")
    viewer = Actor("v", "看", Role.VIEWER)
    for whose in ((), ("d-li",)):
        with pytest.raises(Refused, match="somebody else"):
            notice(yard, replace(viewer, people=whose), "d", [order.id])
    assert not notice(yard, replace(viewer, people=("d-wang",)), "d", [order.id])[0].is_new
    with pytest.raises(Refused):
        move(yard, replace(viewer, people=("d-wang",)), "d", order.id, 2, Status.ACCEPTED)
    assert recount.check(yard, admin, "d") == []


def test_whoever_takes_or_moves_their_own_work_has_seen_it(yard: Store, mender: Actor) -> None:
    own = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    assert (own.assignee_id, own.noticed_at) == ("d-wang", NOW)
    given = log_repair(yard, OTHER, "d", fault="noise", facility_id="d-F-01")
    assert move(yard, OTHER, "d", given.id, 1, Status.ACCEPTED).is_new, "others do not see it for them"
    assert not move(yard, mender, "d", given.id, 2, Status.IN_PROGRESS).is_new
    assert edit(yard, OTHER, "d", given.id, 3, {"assignee_id": "d-li"}).is_new
    assert not edit(yard, mender, "d", given.id, 4, {"assignee_id": "d-wang"}).is_new
    done = move(yard, OTHER, "d", given.id, 5, Status.DONE)
    with pytest.raises(Invalid) as own_work:
        move(yard, mender, "d", done.id, 6, Status.VERIFIED)
    assert set(own_work.value.problems) == {"status"}


def test_a_company_gets_work_and_sees_it(yard: Store, mender: Actor, admin: Actor) -> None:
    company = add_organization(yard, admin, "d", {"name": "和顺物业"})
    there = Actor("desk", "和顺", Role.FACILITY_MANAGER, companies=(company.id,))
    order = log_repair(yard, mender, "d", fault="loose", place="1 栋")
    with pytest.raises(Invalid) as nobody:
        assign(yard, mender, "d", order.id, 1)
    assert set(nobody.value.problems) == {"assignee_id"}
    with pytest.raises(Invalid) as wrong:
        assign(yard, mender, "d", order.id, 1, company_id="nobody")
    assert set(wrong.value.problems) == {"company_id"}
    given = assign(yard, mender, "d", order.id, 1, company_id=company.id)
    assert (given.status, given.company_id, given.assignee_id) == (Status.ASSIGNED, company.id, None)
    assert new_work(yard, there, "d", ["d-wang"], there.companies) == 1
    assert [row.order.id for row in my_work(yard, there, "d", (), there.companies, now=NOW).rows] == [order.id]
    assert not notice(yard, there, "d", [order.id])[0].is_new


def test_what_is_new_is_found_by_narrow_indexes(yard: Store, mender: Actor, admin: Actor) -> None:
    """The frame asks at every run: what else is open must cost nothing."""
    both = {"company_id": add_organization(yard, admin, "d", {"name": "和顺物业"}).id}
    for n in range(3):
        log_repair(yard, OTHER, "d", fault="loose", place=f"{n} 栋", assignee_id="d-wang", also=both)
    seen = [log_repair(yard, OTHER, "d", fault="loose", place="x", assignee_id="d-wang").id for _ in range(20)]
    notice(yard, mender, "d", seen)
    yard.db.command("profile", 2)
    try:
        assert new_work(yard, mender, "d", ["d-wang"], [both["company_id"]]) == 3
    finally:
        yard.db.command("profile", 0)
    asked = list(yard.db["system.profile"].find({"command.aggregate": "work_orders"}))
    yard.db["system.profile"].drop()
    assert len(asked) == 2
    assert all("noticed_at" in one["planSummary"] and one["keysExamined"] <= 4 for one in asked), asked


# --- who cannot see it
@pytest.fixture
def bound(yard: Store, admin: Actor) -> Store:
    """li has an account for the first grid only, zhao one for it and one for all; a company has one for the second."""
    company = add_organization(yard, admin, "d", {"id": "firm", "name": "和顺物业"})
    for login, facts in {
        "li": {"people": ["d-li"], "grids": ["d-g1"]},
        "zhao": {"people": ["d-zhao"], "grids": ["d-g1"]},
        "boss": {"people": ["d-zhao"]},
        "gone": {"people": ["d-wang"], "grids": ["d-g1"], "active": False},
        "firm": {"companies": [company.id], "grids": ["d-g2"]},
    }.items():
        add_user(yard, admin, {"login": login, "name": login, "role": Role.GRID_WORKER, **facts})
    return yard


def test_nobody_is_given_what_they_cannot_see(bound: Store, mender: Actor, admin: Actor) -> None:
    near, far = (log_repair(bound, mender, "d", fault="loose", facility_id=f"d-F-0{n}") for n in (1, 2))
    firm = bound.find(admin, Organization, "d", {"name": "和顺物业"})[0].id
    for give in (
        lambda who: assign(bound, mender, "d", far.id, far.revision, **who),
        lambda who: move(bound, mender, "d", far.id, far.revision, Status.ASSIGNED, **who),
        lambda who: edit(bound, mender, "d", far.id, far.revision, who),
        lambda who: log_repair(bound, mender, "d", fault="loose", facility_id="d-F-02", **who),
    ):
        with pytest.raises(Invalid, match="second look") as refused:
            give({"assignee_id": "d-li"})
        assert "would not see it" in str(refused.value.problems["assignee_id"].text)
    with pytest.raises(Invalid):
        assign(bound, mender, "d", near.id, near.revision, company_id=firm)
    told = change_many(bound, mender, "d", {far.id: 1, near.id: 1}, {"assignee_id": "d-li"})
    assert (told.done, set(told.left)) == ((near.id,), {far.id})
    with pytest.raises(Invalid):
        edit(bound, mender, "d", near.id, 2, {"facility_id": "d-F-02"})
    place = log_repair(bound, mender, "d", fault="loose", place="东门")
    with pytest.raises(Invalid):
        assign(bound, mender, "d", place.id, 1, "d-li")
    assert assign(bound, mender, "d", far.id, 1, "d-zhao", company_id=firm).company_id == firm


def test_what_falls_to_somebody_who_cannot_see_it_falls_to_the_next(bound: Store, mender: Actor, admin: Actor) -> None:
    bound.db["facilities"].update_one({"_id": "d-F-02"}, {"$set": {"responsible_id": "d-li"}})
    bound.db["grids"].update_one({"_id": "d-g2"}, {"$set": {"responsible_id": (lead := "d-zhao")}})
    order = log_repair(bound, mender, "d", fault="loose", facility_id="d-F-02")
    assert order.assignee_id == lead
    facts = {"name": "保养", "every": 1, "unit": "months", "since": NOW.date(), "category": "fitness"}
    with pytest.raises(Invalid):
        add_plan(bound, admin, "d", {**facts, "assignee_id": "d-li"})
    with pytest.raises(Invalid):
        add_plan(bound, admin, "d", {**facts, "facility_id": "d-F-02", "assignee_id": "d-li"})
    add_plan(bound, admin, "d", facts)
    generate(bound, admin, "d")
    made = {one.facility_id: one.assignee_id for one in bound.find(admin, WorkOrder, "d", {"kind": "preventive"})}
    assert made["d-F-02"] == lead


# --- many at once
def test_many_are_changed_and_the_rest_named(yard: Store, mender: Actor) -> None:
    orders = [log_repair(yard, mender, "d", fault="loose", place=f"{n} 栋") for n in range(3)]
    comment(yard, mender, "d", orders[1].id, "有人先改了")
    wanted = {order.id: order.revision for order in orders}
    told = change_many(yard, mender, "d", wanted, {"assignee_id": "d-li", "priority": Priority.URGENT})
    assert set(told.done) == {orders[0].id, orders[2].id}
    assert set(told.left) == {orders[1].id}
    found = yard.get(mender, WorkOrder, "d", orders[0].id)
    assert (found.assignee_id, found.status, found.priority) == ("d-li", Status.ASSIGNED, Priority.URGENT)
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    assert not change_many(yard, worker, "d", wanted, {"priority": Priority.LOW}).done
    with pytest.raises(Refused):
        comment(yard, Actor("v", "看", Role.VIEWER), "d", orders[0].id, "x")
    assert facility(yard, mender) is not None


def test_what_is_left_of_many_is_left_wholly(yard: Store, mender: Actor) -> None:
    """One whose due day cannot be is not given to anybody either; one that is over is not changed with the others."""
    stays, over = (log_repair(yard, mender, "d", fault="loose", place=f"{n} 栋") for n in range(2))
    over = move(yard, OTHER, "d", over.id, over.revision, Status.DONE)
    wanted = {stays.id: stays.revision, over.id: over.revision}
    before = stays.reported_at - timedelta(days=1)
    told = change_many(yard, mender, "d", wanted, {"assignee_id": "d-li", "due_at": before})
    assert (told.done, set(told.left)) == ((), set(wanted))
    assert yard.get(mender, WorkOrder, "d", stays.id) == stays
    told = change_many(yard, mender, "d", wanted, {"due_at": over.reported_at + timedelta(days=365)}, reason="x")
    assert (told.done, set(told.left)) == ((stays.id,), {over.id})
    assert yard.get(mender, WorkOrder, "d", over.id).due_at == over.due_at


def test_many_end_where_the_database_is_gone(yard: Store, mender: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200 orders each would wait its twenty seconds."""
    orders = [log_repair(yard, mender, "d", fault="loose", place=f"{n} 栋") for n in range(4)]
    comment(yard, mender, "d", orders[0].id, "有人先改了")
    write, tried = yard.write, []

    def gone(actor: Actor, work: Any, **facts: Any) -> Any:
        tried.append(work)
        if len(tried) > 2:
            raise OutcomeUnknown("gone")
        return write(actor, work, **facts)

    monkeypatch.setattr(yard, "write", gone)
    wanted = {order.id: order.revision for order in orders}
    told = change_many(yard, mender, "d", wanted, {"priority": Priority.LOW}, reason="不急")
    assert (told.done, len(tried)) == ((orders[1].id,), 3)
    words = [str(told.left[orders[place].id]).split(":", maxsplit=1)[0] for place in (0, 2, 3)]
    assert words == ["王师傅 changed it meanwhile; look at it.", "gone", "Not tried"]


def test_one_too_many_is_named(yard: Store, mender: Actor) -> None:
    wanted = {f"none-{n}": 1 for n in range(201)}
    told = change_many(yard, mender, "d", wanted, {"priority": Priority.LOW})
    assert set(told.left) == set(wanted)


def test_many_go_to_a_company_at_once(yard: Store, mender: Actor, admin: Actor) -> None:
    company = add_organization(yard, admin, "d", {"name": "和顺物业"})
    orders = [log_repair(yard, mender, "d", fault="loose", place=f"{n} 栋") for n in range(2)]
    wanted = {order.id: order.revision for order in orders}
    told = change_many(yard, mender, "d", wanted, {"company_id": company.id})
    assert (len(told.done), told.left) == (2, {})
    found = yard.get(mender, WorkOrder, "d", orders[0].id)
    assert (found.company_id, found.status, found.is_new) == (company.id, Status.ASSIGNED, True)


def test_those_that_are_done_are_verified_at_once_and_the_rest_named(yard: Store, mender: Actor, admin: Actor) -> None:
    """Each by itself and wholly: the danger of one lets its machine go, the hazard of another is re-checked."""
    danger = report_hazard(yard, mender, "d", {"what": "电线外露", "place": "东门"})
    facts = ({"facility_id": "d-F-01", "dangerous": True}, {"also": {"hazard_id": danger.id}}, {}, {}, {}, {})
    orders = [log_repair(yard, mender, "d", fault="loose", **({"place": "东门"} | each)) for each in facts]
    began = move(yard, OTHER, "d", orders[2].id, orders[2].revision, Status.IN_PROGRESS)
    orders[2] = move(yard, mender, "d", began.id, began.revision, Status.DONE)
    for place in (0, 1, 3, 4):
        orders[place] = move(yard, mender, "d", orders[place].id, orders[place].revision, Status.DONE)
    comment(yard, mender, "d", orders[3].id, "有人先改了")
    worked = add_effort(yard, mender, "d", orders[4].id, orders[4].revision, hours=1, person_id="d-zhao")
    orders[4] = worked
    seen = {order.id: order.revision for order in orders}
    told = verify_many(yard, replace(OTHER, people=("d-zhao",)), "d", seen, note="看过")
    assert told.done == (orders[0].id, orders[1].id)
    words = {place: str(told.left[orders[place].id]) for place in range(2, 6)}
    assert words[2] == words[4] == "Somebody else must verify this: 赵验收 did or began the work."
    assert (words[3], words[5]) == (
        "王师傅 changed it meanwhile; look at it.",
        "A work order that is “Reported” cannot become “Verified”.",
    )
    stands = [yard.get(admin, WorkOrder, "d", order.id) for order in orders]
    assert [(each.status, each.events[-1].note) for each in stands[:2]] == [(Status.VERIFIED, "看过")] * 2
    assert [each.status for each in stands[2:]] == [*[Status.DONE] * 3, Status.REPORTED]
    assert facility(yard, mender).status is ServiceStatus.IN_SERVICE
    assert yard.get(admin, Hazard, "d", danger.id).state is State.RECHECKED
    nobody = verify_many(yard, anybody(Role.ADMIN, "x"), "d", {orders[3].id: stands[3].revision})
    assert (nobody.done, len(nobody.left)) == ((), 1)
    with pytest.raises(Refused):
        verify_many(yard, Actor("v", "看", Role.VIEWER), "d", seen)
    assert recount.check(yard, admin, "d") == []


# --- the due time
def test_a_due_time_is_put_off_on_record_and_never_taken_away_or_moved_afterwards(yard: Store, mender: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", reported_at=NOW - timedelta(days=10))
    assert order.due_at is not None
    with pytest.raises(Invalid) as none:
        edit(yard, mender, "d", order.id, 1, {"due_at": None})
    later = edit(yard, mender, "d", order.id, 1, {"due_at": NOW + HOUR}, reason="等配件")
    done = move(yard, mender, "d", order.id, later.revision, Status.DONE)
    with pytest.raises(Invalid) as over:
        edit(yard, mender, "d", order.id, done.revision, {"due_at": NOW + 2 * HOUR}, reason="x")
    assert [list(each.value.problems) for each in (none, over)] == [["due_at"], ["due_at"]]
    assert [each.due_before for each in later.postponements] == [order.due_at]
    assert edit(yard, mender, "d", order.id, done.revision, {"description": "紧固"}).due_at == NOW + HOUR
    assert (month(yard)["late"], month(yard).get("on_time", 0), month(yard)["postponed"]) == (1, 0, 1), "it was late"


def test_nothing_is_in_time_by_being_taken_off_the_list(yard: Store, mender: Actor, admin: Actor) -> None:
    """M2: of six that were not mended none counts as on time, and those that were late already stay so."""
    lead, firm = "d-li", add_organization(yard, admin, "d", {"name": "和顺物业"})
    old = {"reported_at": NOW - timedelta(days=10)}
    made = [
        log_repair(yard, mender, "d", fault="loose", place=f"{n} 栋", assignee_id=lead, **facts)
        for n, facts in enumerate([{}, {}, {}, {}, old, old])
    ]
    made = [edit(yard, mender, "d", order.id, 1, {"company_id": firm.id}) for order in made]
    first, *rest = made
    move(yard, mender, "d", first.id, first.revision, Status.DONE)
    for order, outcome in zip(rest, ("cancelled", "referred", "rejected", "cancelled", "rejected"), strict=True):
        to = Status.REJECTED if outcome == "rejected" else Status.CLOSED
        how = {} if outcome == "rejected" else {"outcome": outcome}
        move(yard, mender, "d", order.id, order.revision, to, note="不修了", **how)
    assert (month(yard)["on_time"], month(yard)["late"], month(yard)["ended"]) == (1, 2, 6)
    work = maintenance.work_of(yard, admin, "d", [lead], NOW.date(), NOW.date(), now=NOW)[lead]
    assert (work.handled, work.on_time, work.late, work.share_on_time) == (1, 1, 2, pytest.approx(1 / 3))
    period = Period.of("2026-04")
    (score,) = maintenance.company_scores(yard, admin, "d", period, now=NOW).scores
    assert (score.on_time.n, score.on_time.value) == (3, pytest.approx(1 / 3))
    listed = maintenance.work_behind(yard, admin, "d", period, figure="timed", now=NOW)
    assert {row.order.id for row in listed.rows} == {first.id, *(order.id for order in rest[-2:])}
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize("many", [False, True])
def test_another_priority_brings_its_own_due_time_unless_somebody_had_set_one(
    yard: Store, mender: Actor, many: bool
) -> None:
    def put(order: WorkOrder, **changes: Any) -> WorkOrder:
        if not many:
            return edit(yard, mender, "d", order.id, order.revision, changes, reason="x")
        assert change_many(yard, mender, "d", {order.id: order.revision}, changes, reason="x").done
        return yard.get(mender, WorkOrder, "d", order.id)

    low = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", priority="low", reported_at=NOW - HOUR)
    urgent = put(low, priority=Priority.URGENT)
    assert (urgent.due_at, urgent.postponements) == (NOW + 24 * HOUR, ()), "known only now, so from now on"
    normal = log_repair(yard, mender, "d", fault="noise", facility_id="d-F-01")
    again = put(normal, priority=Priority.LOW)
    promise = log_repair(yard, mender, "d", fault="dead", facility_id="d-F-01", priority="low")
    assert (again.due_at, [each.due_before for each in again.postponements]) == (promise.due_at, [normal.due_at])
    own = put(promise, due_at=NOW + 2 * HOUR)
    urgent = put(own, priority=Priority.URGENT)
    assert put(urgent, priority=Priority.LOW).due_at == NOW + 2 * HOUR
