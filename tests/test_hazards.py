"""The hazard register: levels and deadlines, rectified and re-checked by somebody else, S1 against pandas."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repository import hazards as room
from repository import photos, recount
from repository.access import Actor, Role, anybody, is_shared
from repository.hazards import Hazard, Level, State, Step
from repository.maintenance import (
    Status,
    WorkOrder,
    delete,
    edit,
    hazard_review,
    hazards_over,
    log_repair,
    merge,
    move,
    standing_dangers,
    urgent,
)
from repository.metrics import Period
from repository.store import Conflict, InUse, Invalid, Store
from repository.worktime import worktime
from tests.conftest import NOW
from tests.pages import picture

QUARTER = Period.of("2026Q2")
OTHER = Actor("other", "赵复查", Role.FACILITY_MANAGER)


def found(store: Store, who: Actor, **values: Any) -> Hazard:
    """A hazard at the gate."""
    return room.report_hazard(store, who, "d", {"what": "电线外露", "place": "东门", **values})


def test_the_deadline_comes_from_the_level_in_working_or_calendar_days(yard: Store, mender: Actor) -> None:
    # Thursday 2026-04-02; 4 to 6 April are the Qingming holiday
    general, major = found(yard, mender), found(yard, mender, level="major")
    assert (general.deadline_on, major.deadline_on) == (date(2026, 4, 14), date(2026, 4, 5))
    assert found(yard, mender, deadline_on=date(2026, 5, 1)).deadline_on == date(2026, 5, 1)
    with pytest.raises(Invalid):
        found(yard, mender, deadline_on=date(2026, 4, 1))
    with pytest.raises(Invalid):
        found(yard, mender, found_at=NOW + timedelta(hours=1))
    with pytest.raises(Invalid):
        room.edit_hazard(yard, mender, "d", general.id, general.revision, {"deadline_on": date(2026, 4, 1)})
    times = worktime(yard, mender, "d")
    assert room.deadline(Level.GENERAL, date(2026, 4, 7), times) == date(2026, 4, 16)


def test_a_deadline_that_is_put_off_is_on_record_and_judged_by_the_first_one(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    long_ago = NOW - timedelta(days=30)
    first = date(2026, 3, 20)
    hazard = found(yard, mender, level="major", found_at=long_ago, deadline_on=first)
    late = date(2026, 5, 1)
    for reason in (None, "  "):
        with pytest.raises(Invalid) as unsaid:
            room.edit_hazard(yard, mender, "d", hazard.id, 1, {"deadline_on": late}, reason=reason)
        assert set(unsaid.value.problems) == {"reason"}
    assert yard.get(admin, Hazard, "d", hazard.id) == hazard
    put = room.edit_hazard(yard, mender, "d", hazard.id, 1, {"deadline_on": late, "measures": "围挡"}, reason="等市政")
    step = put.events[-1]
    assert (step.step, step.deadline_before, step.deadline_after) == (Step.CHANGED, first, late)
    assert (step.at, step.by, step.by_id, step.note) == (NOW, mender.name, mender.id, "等市政")
    assert (put.deadline_on, put.owed_on, put.measures) == (late, first, "围挡")
    review = hazard_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.overdue.value, review.put_off, review.standing[0].overdue_days) == (1, 1, 13)
    assert [each.overdue_days for each in urgent(yard, admin, "d", now=NOW).late] == [13]
    assert flow(yard, "postponed") == {"2026-04": 1}
    sooner = room.edit_hazard(yard, mender, "d", hazard.id, put.revision, {"deadline_on": date(2026, 3, 15)})
    assert (sooner.owed_on, sooner.events[-1].note) == (date(2026, 3, 15), None), "sooner needs no reason"
    done = room.rectify(yard, mender, "d", hazard.id, sooner.revision)
    over = room.recheck(yard, OTHER, "d", hazard.id, done.revision, passed=True)
    with pytest.raises(Invalid) as judged:
        room.edit_hazard(yard, mender, "d", hazard.id, over.revision, {"deadline_on": late}, reason="补记")
    assert set(judged.value.problems) == {"deadline_on"}
    with pytest.raises(Conflict):
        room.edit_hazard(yard, mender, "d", hazard.id, put.revision, {"deadline_on": late})
    assert room.edit_hazard(yard, mender, "d", hazard.id, over.revision, {"measures": "已修"}).events == over.events
    assert recount.check(yard, admin, "d") == []


def test_another_level_is_on_record_and_playing_down_is_told_beside_the_figure(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    hazard = found(yard, mender, deadline_on=date(2026, 5, 20))
    grave = room.edit_hazard(yard, mender, "d", hazard.id, 1, {"level": Level.MAJOR})
    step = grave.events[-1]
    assert (step.level_before, step.level_after, step.deadline_after) == (Level.GENERAL, Level.MAJOR, date(2026, 4, 5))
    assert grave.deadline_on == grave.owed_on == date(2026, 4, 5), "known only now, so from today on"
    with pytest.raises(Invalid) as unsaid:
        room.edit_hazard(yard, mender, "d", hazard.id, 2, {"level": Level.GENERAL})
    assert set(unsaid.value.problems) == {"reason"}
    mild = room.edit_hazard(yard, mender, "d", hazard.id, 2, {"level": Level.GENERAL}, reason="断电了")
    assert (mild.deadline_on, mild.events[-1].deadline_after) == (date(2026, 4, 5), None), "put off only if asked for"
    review = hazard_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.major.n, review.lowered, review.put_off) == (0, 1, 0)
    own = room.edit_hazard(yard, mender, "d", hazard.id, 3, {"level": Level.MAJOR, "deadline_on": date(2026, 4, 3)})
    assert own.deadline_on == date(2026, 4, 3)
    assert flow(yard, "lowered") == {"2026-04": 1}
    assert recount.check(yard, admin, "d") == []


def test_a_dangerous_order_that_is_put_off_is_judged_in_the_register_by_its_first_due_day(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    order = log_repair(
        yard, mender, "d", fault="loose", place="东门", dangerous=True, reported_at=NOW - timedelta(days=9)
    )
    edit(yard, mender, "d", order.id, order.revision, {"due_at": NOW + timedelta(days=9)}, reason="等配件")
    review = hazard_review(yard, admin, "d", QUARTER, now=NOW)
    (danger,) = review.standing
    assert (danger.overdue_days, danger.promised_on, danger.deadline_on) == (8, date(2026, 3, 25), date(2026, 4, 11))
    assert (review.overdue.value, review.put_off) == (1, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.tuples(st.integers(2, 28), st.sampled_from([None, *Level])), max_size=6))
def test_no_row_of_changes_puts_off_what_was_promised_first(
    yard: Store, mender: Actor, days: list[tuple[int, Level | None]]
) -> None:
    hazard = found(yard, mender, deadline_on=date(2026, 4, 14))
    known = [hazard.deadline_on]
    for day, level in days:
        changes = {"deadline_on": date(2026, 4, day)} | ({"level": level} if level else {})
        hazard = room.edit_hazard(yard, mender, "d", hazard.id, hazard.revision, changes, reason="x")
        known.append(hazard.deadline_on)
        assert hazard.owed_on <= min(known[0], hazard.deadline_on)
    told = [(event.deadline_before, event.deadline_after) for event in hazard.events if event.deadline_after]
    assert told == [pair for pair in pairwise(known) if pair[0] != pair[1]], "no change is left out of the story"


def flow(store: Store, name: str) -> dict[str, int]:
    """One counter of hazards by month."""
    found = store.counters("d", "hazards", "month")
    return {each["period"]: each["total"][name] for each in found if each["total"].get(name)}


def test_a_hazard_has_a_place_and_its_facilitys_grid(yard: Store, mender: Actor) -> None:
    assert found(yard, mender, facility_id="d-F-02", place=None).grid_id == "d-g2"
    for wrong in ({"place": " "}, {"facility_id": "e-F-01"}):
        with pytest.raises(Invalid):
            found(yard, mender, **wrong)
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    assert found(yard, worker).grid_id == "d-g1"


def test_somebody_else_looks_again_and_what_is_still_wrong_is_open_once_more(yard: Store, mender: Actor) -> None:
    hazard = found(yard, mender)
    with pytest.raises(Invalid):
        room.recheck(yard, OTHER, "d", hazard.id, 1, passed=True)
    hazard = room.rectify(yard, mender, "d", hazard.id, 1, note="已包扎")
    assert (hazard.state, hazard.rectified_at) == (State.RECTIFIED, NOW)
    with pytest.raises(Invalid, match="second look") as refused:
        room.recheck(yard, mender, "d", hazard.id, 2, passed=True)
    assert "state" in refused.value.problems
    with pytest.raises(Invalid):
        room.recheck(yard, OTHER, "d", hazard.id, 2, passed=False)
    hazard = room.recheck(yard, OTHER, "d", hazard.id, 2, passed=False, note="又松开了")
    assert (hazard.state, hazard.rectified_at) == (State.FOUND, None)
    hazard = room.rectify(yard, mender, "d", hazard.id, 3)
    with pytest.raises(Conflict):
        room.recheck(yard, OTHER, "d", hazard.id, 3, passed=True)
    hazard = room.recheck(yard, OTHER, "d", hazard.id, 4, passed=True)
    assert (hazard.state, hazard.rechecked_at) == (State.RECHECKED, NOW)
    assert [event.step for event in hazard.events] == ["found", "rectified", "failed", "rectified", "rechecked"]
    over, total = hazards_over(yard, mender, "d", limit=1)
    assert ([each.id for each in over], total) == ([hazard.id], 1)


def test_one_that_a_sheet_brought_rectified_can_be_looked_at(yard: Store, mender: Actor) -> None:
    facts = {
        "what": "井盖松动",
        "place": "东门",
        "found_at": NOW,
        "deadline_on": date(2026, 4, 9),
        "state": "rectified",
    }
    hazard = yard.insert(mender, Hazard.model_validate({"community_id": "d", **facts}))
    assert room.recheck(yard, mender, "d", hazard.id, 1, passed=True).state is State.RECHECKED


def test_a_linked_order_carries_the_hazard_along(yard: Store, mender: Actor, admin: Actor) -> None:
    hazard = found(yard, mender, facility_id="d-F-01", level="major")
    order = log_repair(
        yard, mender, "d", fault="electric", facility_id="d-F-01", dangerous=True, also={"hazard_id": hazard.id}
    )
    stands = yard.get(admin, Hazard, "d", hazard.id)
    assert stands.order_id == order.id
    with pytest.raises(Invalid):
        log_repair(yard, mender, "d", fault="x", facility_id="d-F-01", also={"hazard_id": hazard.id})
    with pytest.raises(InUse):
        room.remove_hazard(yard, admin, "d", hazard.id, stands.revision)
    order = move(yard, mender, "d", order.id, order.revision, Status.DONE)
    assert yard.get(admin, Hazard, "d", hazard.id).state is State.RECTIFIED
    order = move(yard, OTHER, "d", order.id, order.revision, Status.REOPENED)
    assert yard.get(admin, Hazard, "d", hazard.id).state is State.FOUND
    order = move(yard, mender, "d", order.id, order.revision, Status.DONE)
    order = move(yard, OTHER, "d", order.id, order.revision, Status.VERIFIED)
    assert yard.get(admin, Hazard, "d", hazard.id).state is State.RECHECKED
    review = hazard_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.rectified.n, review.rectified.value, review.major.n) == (1, 1.0, 1), "one hazard, not two"
    assert review.standing == ()
    assert recount.check(yard, admin, "d") == []


def test_a_merged_order_takes_its_hazard_along(yard: Store, mender: Actor, admin: Actor) -> None:
    hazard = found(yard, mender, facility_id="d-F-01", level="major")
    stays = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    twice = log_repair(
        yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True, also={"hazard_id": hazard.id}
    )
    stays = merge(yard, mender, "d", twice.id, twice.revision, stays.id)
    assert hazard_review(yard, admin, "d", QUARTER, now=NOW).rectified.n == 1, "one hazard, not two"
    stays = move(yard, mender, "d", stays.id, stays.revision, Status.DONE)
    move(yard, OTHER, "d", stays.id, stays.revision, Status.VERIFIED)
    stands = yard.get(admin, Hazard, "d", hazard.id)
    assert (stands.state, stands.order_id) == (State.RECHECKED, stays.id)
    review = hazard_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.rectified.n, review.rectified.value, review.standing) == (1, 1.0, ())
    merged = yard.get(admin, WorkOrder, "d", twice.id)
    move(yard, mender, "d", merged.id, merged.revision, Status.REOPENED)
    assert yard.get(admin, Hazard, "d", hazard.id).state is State.RECHECKED, "it is another order's by now"
    assert recount.check(yard, admin, "d") == []


def test_orders_of_two_hazards_are_not_merged(yard: Store, mender: Actor, admin: Actor) -> None:
    """The one hazard would be left with an order that is over."""
    orders = [
        log_repair(yard, mender, "d", fault="loose", place="东门", also={"hazard_id": found(yard, mender).id})
        for _ in range(2)
    ]
    with pytest.raises(Invalid) as refused:
        merge(yard, mender, "d", orders[0].id, orders[0].revision, orders[1].id)
    assert set(refused.value.problems) == {"into_id"}
    assert all(yard.get(admin, WorkOrder, "d", order.id) == order for order in orders)


def test_where_nobody_signs_in_who_looks_again_says_who_they_are(yard: Store) -> None:
    manager, worker = (anybody(role, "x") for role in (Role.FACILITY_MANAGER, Role.ADMIN))
    hazard = found(yard, manager)
    hazard = room.rectify(yard, manager.named("d-wang", "王"), "d", hazard.id, 1)
    for nobody_else in (manager, worker, worker.named("d-wang", "王")):
        with pytest.raises(Invalid) as refused:
            room.recheck(yard, nobody_else, "d", hazard.id, 2, passed=True)
        assert set(refused.value.problems) == {"state"}
    over = room.recheck(yard, manager.named("d-li", "李"), "d", hazard.id, 2, passed=True)
    assert (over.state, over.events[-1].by) == (State.RECHECKED, "李")
    assert is_shared(over.events[-1].by_id), "nobody checked that it is them"


def test_an_order_entered_by_mistake_lets_its_hazard_go(yard: Store, mender: Actor, admin: Actor) -> None:
    hazard = found(yard, mender, facility_id="d-F-01")
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", also={"hazard_id": hazard.id})
    delete(yard, admin, "d", order.id, order.revision)
    stands = yard.get(admin, Hazard, "d", hazard.id)
    assert (stands.order_id, stands.state) == (None, State.FOUND)
    room.remove_hazard(yard, admin, "d", hazard.id, stands.revision)
    assert recount.check(yard, admin, "d") == []


def test_a_hazard_takes_only_photos_of_its_own(yard: Store, mender: Actor, admin: Actor) -> None:
    theirs, mine = (photos.keep(yard, who, "d", picture()) for who in (mender, OTHER))
    log_repair(yard, mender, "d", fault="loose", facility_id="d-F-02", photos=[theirs])
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    with pytest.raises(Invalid):
        found(yard, worker, photos=[theirs])
    hazard = found(yard, OTHER, photos=[mine])
    assert [one.id for one in photos.thumbnails(yard, admin, "d", Hazard, hazard.id)] == [mine]
    room.remove_hazard(yard, admin, "d", hazard.id, hazard.revision)
    assert yard.db[photos.FILES].count_documents({"metadata.loose_at": {"$exists": True}}) == 1


def test_a_dangerous_order_is_a_hazard_by_itself(yard: Store, mender: Actor, admin: Actor) -> None:
    long_ago = NOW - timedelta(days=20)
    order = log_repair(
        yard,
        mender,
        "d",
        fault="loose",
        facility_id="d-F-01",
        dangerous=True,
        reported_at=long_ago,
        description="立柱晃",
    )
    found(yard, mender, found_at=long_ago, deadline_on=date(2026, 3, 20))
    found(yard, mender)
    standing = standing_dangers(yard, admin, "d", now=NOW)
    assert [(each.what, each.level, each.number) for each in standing] == [
        ("立柱晃", Level.MAJOR, order.number),
        ("电线外露", Level.GENERAL, None),
        ("电线外露", Level.GENERAL, None),
    ]
    review = hazard_review(yard, admin, "d", Period.of("2026Q1"), now=NOW)
    assert (review.overdue.value, review.overdue.detail, review.overdue.n) == (2, 1, 3)
    assert (review.rectified.value, review.rectified.n) == (0, 2)
    assert hazard_review(yard, admin, "d", QUARTER, frozenset({"d-g2"}), now=NOW).standing == ()


def test_a_leader_hears_of_what_an_inspection_shut_and_of_major_hazards_that_are_late(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    def dangerous(facility: str, days: int, inspection: str | None = None) -> str:
        at = NOW - timedelta(days=days)
        order = log_repair(
            yard, mender, "d", fault="loose", facility_id=f"d-F-{facility}", reported_at=at, dangerous=True
        )
        if inspection:
            yard.db["work_orders"].update_one({"_id": order.id}, {"$set": {"inspection_id": inspection}})
        return order.id

    dangerous("01", 30)
    shut = [dangerous("02", 3, "i2"), dangerous("01", 9, "i1")]
    mended = yard.get(admin, WorkOrder, "d", shut[0])
    for day, level in ((1, Level.MAJOR), (20, Level.MAJOR), (9, Level.GENERAL), (12, Level.MAJOR)):
        found(
            yard, mender, level=level, found_at=NOW - timedelta(days=30), deadline_on=(NOW - timedelta(days=day)).date()
        )
    found(yard, mender, level=Level.MAJOR, deadline_on=NOW.date())
    told = urgent(yard, admin, "d", now=NOW)
    assert [each.id for each in told.stopped] == shut[::-1]
    assert [each.overdue_days for each in told.late] == [20, 12]  # two are told, the longest due first
    assert {*told.stopped, *told.late} <= set(standing_dangers(yard, admin, "d", now=NOW))
    done = move(yard, mender, "d", mended.id, mended.revision, Status.DONE)
    move(yard, OTHER, "d", done.id, done.revision, Status.VERIFIED)
    assert [each.id for each in urgent(yard, admin, "d", now=NOW).stopped] == [shut[1]]
    nothing = urgent(yard, admin, "d", frozenset({"d-g9"}), now=NOW)
    assert (nothing.stopped, nothing.late, nothing.overdue) == ((), (), ())


def test_a_danger_that_was_none_is_no_hazard(yard: Store, mender: Actor, admin: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", dangerous=True)
    move(yard, mender, "d", order.id, order.revision, Status.REJECTED, note="看错了")
    review = hazard_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.rectified.value, review.rectified.n) == (None, 0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.sampled_from(list(Level)), st.integers(0, 180), st.integers(0, 3)), max_size=12
    )
)
def test_s1_is_what_pandas_counts_on_raw_rows(
    yard: Store, mender: Actor, admin: Actor, rows: list[tuple[bool, Level, int, int]]
) -> None:
    for name in ("hazards", "work_orders", "monthly_counts"):
        yard.db[name].delete_many({"community_id": "d"})
    yard._places.clear()
    for is_order, level, age, steps in rows:
        at = NOW - timedelta(days=age)
        if is_order:
            order = log_repair(yard, mender, "d", fault="x", place="y", dangerous=True, reported_at=at)
            for step in (Status.DONE, Status.VERIFIED, Status.CLOSED)[:steps]:
                who = OTHER if step is not Status.DONE else mender
                order = move(yard, who, "d", order.id, order.revision, step)
            continue
        hazard = found(yard, mender, level=level, found_at=at)
        if steps:
            hazard = room.rectify(yard, mender, "d", hazard.id, 1)
        if steps > 1:
            room.recheck(yard, OTHER, "d", hazard.id, 2, passed=steps == 2, note="x")
    period = Period.of("2026Q1")
    review = hazard_review(yard, admin, "d", period, now=NOW)

    raw = [(each["found_at"], each["level"], each["state"] == "rechecked") for each in yard.db["hazards"].find({})] + [
        (each["reported_at"], "major", each["status"] in ("verified", "closed"))
        for each in yard.db[WorkOrder.collection].find({"dangerous": True})
    ]
    table = pd.DataFrame(raw, columns=["at", "level", "over"])
    table["day"] = pd.to_datetime(table["at"], utc=True).dt.tz_convert("Asia/Shanghai").dt.date
    table = table[(table["day"] >= period.first) & (table["day"] <= period.last)]
    major = table[table["level"] == "major"]
    for value, part in ((review.rectified, table), (review.major, major)):
        assert value.n == len(part)
        assert value.value == (None if part.empty else pytest.approx(part["over"].astype(bool).mean()))
    assert recount.check(yard, admin, "d") == []


def test_counters_are_rebuilt(yard: Store, mender: Actor, admin: Actor) -> None:
    found(yard, mender, found_at=datetime(2026, 2, 28, 20, tzinfo=UTC))
    yard.db["monthly_counts"].delete_many({"subject": "hazards"})
    assert recount.check(yard, admin, "d")
    recount.rebuild(yard, admin, "d")
    assert recount.check(yard, admin, "d") == []
