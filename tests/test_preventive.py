"""Preventive maintenance: due days, generating that makes nothing twice, M8 to M10 against pandas on raw rows."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from repository import facilities, recount
from repository import preventive as room
from repository.access import Actor, Refused, Role
from repository.facilities import Category, Facility
from repository.filters import Is
from repository.maintenance import (
    Behind,
    Outcome,
    Status,
    WorkKind,
    WorkOrder,
    add_effort,
    assign,
    log_repair,
    move,
    work_behind,
)
from repository.metrics import Period
from repository.preventive import Basis, MaintenancePlan, Unit, commands
from repository.store import Conflict, InUse, Invalid, Store
from tests.conftest import NOW

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 4, 2)
QUARTER = Period.of("2026Q2")
OTHER = Actor("other", "赵", Role.FACILITY_MANAGER)


class Killed(BaseException):
    """The process ends here."""


def a_plan(**values: Any) -> MaintenancePlan:
    """A plan that is stored nowhere."""
    return MaintenancePlan(**{"community_id": "d", "name": "润滑", "category": "fitness", "since": TODAY, **values})


def plan(store: Store, who: Actor, **values: Any) -> MaintenancePlan:
    """Oil both machines every week from today on."""
    facts = {"name": "润滑", "category": "fitness", "every": 1, "unit": "weeks", "since": TODAY, **values}
    return room.add_plan(store, who, "d", facts)


def orders(store: Store, **where: Any) -> list[WorkOrder]:
    """The preventive orders, by day and facility."""
    found = store.db["work_orders"].find({"kind": "preventive", **where})
    return sorted(map(WorkOrder.from_document, found), key=lambda each: (each.scheduled_for, each.facility_id))


def days(found: list[WorkOrder], facility: str = "d-F-01") -> list[date | None]:
    """For which days one facility has an order."""
    return [each.scheduled_for for each in found if each.facility_id == facility]


# --- due days
def test_due_days_of_a_calendar() -> None:
    monthly = a_plan(unit=Unit.MONTHS, since=date(2026, 1, 31))
    assert list(monthly.due_days(date(2026, 2, 1), date(2026, 4, 30))) == [
        date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30),
    ]  # fmt: skip
    spring = a_plan(months=("9", "3"), since=date(2026, 3, 15))
    assert list(spring.due_days(date(2026, 1, 1), date(2027, 3, 31))) == [
        date(2026, 3, 15), date(2026, 9, 15), date(2027, 3, 15),
    ]  # fmt: skip
    assert spring.grace_days == 28
    assert a_plan(every=10, unit=Unit.DAYS).grace_days == 2
    assert a_plan(unit=Unit.MONTHS).grace_days == 6
    with pytest.raises(ValueError, match="counted from the calendar"):
        a_plan(basis=Basis.COMPLETION, months=("3",))


@given(
    every=st.integers(1, 40),
    unit=st.sampled_from(list(Unit)),
    since=st.dates(date(2020, 1, 1), date(2027, 12, 31)),
    first=st.dates(date(2019, 1, 1), date(2028, 12, 31)),
    length=st.integers(0, 400),
)
def test_a_window_shows_what_the_whole_calendar_has_there(
    every: int, unit: Unit, since: date, first: date, length: int
) -> None:
    made = a_plan(every=every, unit=unit, since=since)
    last = first + timedelta(days=length)
    whole = [day for day in made.due_days(since, max(last, since)) if first <= day <= last]
    assert list(made.due_days(first, last)) == whole
    assert whole == sorted(set(whole))


# --- generating
def test_orders_are_made_ahead_of_time_and_not_twice(yard: Store, admin: Actor) -> None:
    made = plan(yard, admin, lead_days=14, estimated_hours=1.5, instructions="加油，检查轴承", assignee_id="d-zhao")
    assert room.generate(yard, admin, "d") == room.Generated(6, 6)
    assert room.generate(yard, admin, "d") == room.Generated(0, 0)
    found = orders(yard)
    assert days(found) == [TODAY, date(2026, 4, 9), date(2026, 4, 16)]
    first = found[0]
    assert (first.kind, first.plan_id, first.fault) == (WorkKind.PREVENTIVE, made.id, "润滑")
    assert (first.estimated_hours, first.description, first.assignee_id) == (1.5, "加油，检查轴承", "d-zhao")
    assert first.due_at == datetime(2026, 4, 2, 15, 59, tzinfo=UTC)
    assert len({each.number for each in found}) == 6
    assert yard.db["audit"].count_documents({"collection": "work_orders", "operation": "create"}) == 6
    assert log_repair(yard, admin, "d", fault="x", place="y").number == "W-00007"
    assert recount.check(yard, admin, "d") == []


def test_a_year_ahead_and_then_the_usual_way_makes_nothing_twice(yard: Store, admin: Actor) -> None:
    plan(yard, admin, unit="months", every=3)
    room.generate(yard, admin, "d", until=date(2027, 4, 1))
    assert days(orders(yard)) == [TODAY, date(2026, 7, 2), date(2026, 10, 2), date(2027, 1, 2)]
    assert room.generate(yard, admin, "d").made == 0
    with pytest.raises(Invalid):
        room.generate(yard, admin, "d", until=date(2028, 4, 1))


def test_what_was_missed_while_nothing_ran_is_owed_once(yard: Store, admin: Actor) -> None:
    plan(yard, admin, since=date(2025, 4, 3), lead_days=0)
    room.generate(yard, admin, "d")
    assert days(orders(yard)) == [date(2026, 3, 26), TODAY]


def test_counted_from_the_completion_the_next_one_waits_for_the_last(yard: Store, admin: Actor, mender: Actor) -> None:
    plan(yard, admin, basis="completion", every=5, unit="days", lead_days=30, facility_id="d-F-01")
    room.generate(yard, admin, "d", until=date(2026, 12, 31))
    (order,) = orders(yard)
    assert order.scheduled_for == TODAY
    move(yard, mender, "d", order.id, 1, Status.DONE)
    room.generate(yard, admin, "d")
    second = orders(yard)[-1]
    assert second.scheduled_for == date(2026, 4, 7)
    room.skip(yard, mender, "d", second.id, 1, "停用中")
    room.generate(yard, admin, "d")
    assert days(orders(yard)) == [TODAY, date(2026, 4, 7), date(2026, 4, 12)]


def test_a_machine_owes_nothing_from_before_it_stood(yard: Store, admin: Actor) -> None:
    yard.update(admin, Facility, "d", "d-F-01", 1, {"installed_on": TODAY})
    yard.update(admin, Facility, "d", "d-F-02", 1, {"installed_on": date(2026, 3, 20)})
    plan(yard, admin, since=date(2024, 1, 1), unit="months")
    yearly = plan(
        yard, admin, name="大修", since=date(2024, 1, 1), unit="months", every=12, basis="completion", lead_days=0
    )
    room.generate(yard, admin, "d")
    assert [(each.facility_id, each.scheduled_for) for each in orders(yard)] == [("d-F-02", date(2026, 4, 1))]
    assert yearly.first_due(date(2026, 3, 20)) == date(2027, 3, 20)
    assert yearly.first_due(date(2020, 3, 20)) == yearly.since
    kept = {each.plan.name: each.next_on for each in room.upkeep(yard, admin, "d", "d-F-01", today=TODAY)}
    assert kept == {"润滑": date(2026, 5, 1), "大修": date(2027, 4, 2)}
    kept = {each.plan.name: each.next_on for each in room.upkeep(yard, admin, "d", "d-F-02", today=TODAY)}
    assert kept == {"润滑": date(2026, 4, 1), "大修": date(2027, 3, 20)}


def test_several_plans_new_and_retired_machines(yard: Store, admin: Actor) -> None:
    plan(yard, admin, lead_days=0)
    plan(yard, admin, name="紧固", lead_days=0, grid_id="d-g1")
    plan(yard, admin, name="停用的计划", active=False)
    room.generate(yard, admin, "d")
    assert Counter(each.fault for each in orders(yard)) == {"润滑": 2, "紧固": 1}
    yard.insert(admin, Facility(id="new", community_id="d", code="N", name="新", category=Category.FITNESS))
    yard.update(admin, Facility, "d", "d-F-01", 1, {"status": "retired"})
    assert room.generate(yard, admin, "d").made == 1
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    assert {each.name for each in room.plans(yard, worker, "d")} == {"润滑", "紧固", "停用的计划"}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plans=st.lists(
        st.tuples(st.sampled_from(list(Basis)), st.integers(1, 9), st.integers(-30, 20), st.integers(0, 40)),
        min_size=1,
        max_size=3,
    ),
    steps=st.lists(st.sampled_from(["generate", "ahead", "killed", "two", "done", "skip", "tomorrow"]), max_size=8),
)
def test_however_often_and_however_it_ends_nothing_is_made_twice(
    yard: Store, admin: Actor, mender: Actor, plans: list[tuple[Basis, int, int, int]], steps: list[str]
) -> None:
    for name in ("work_orders", "maintenance_plans", "monthly_counts"):
        yard.db[name].delete_many({"community_id": "d"})
    yard._places.clear()
    now = [NOW]
    store = Store(yard.client, yard.db.name, lambda: now[0])
    for basis, every, start, lead in plans:
        since = TODAY + timedelta(days=start)
        plan(store, admin, basis=basis, every=every, unit="days", since=since, lead_days=lead)
    for step in steps:
        still = [order for order in orders(store) if order.is_open]
        if step == "tomorrow":
            now[0] += timedelta(days=1)
        elif step in ("done", "skip") and still:
            if step == "done":
                move(store, mender, "d", still[0].id, still[0].revision, Status.DONE)
            else:
                room.skip(store, mender, "d", still[0].id, still[0].revision, "停用")
        elif step == "killed":
            killed(store, admin)
        elif step == "two":
            at_once(store, admin)
        else:
            room.generate(store, admin, "d", until=TODAY + timedelta(days=50) if step == "ahead" else None)
    room.generate(store, admin, "d")
    assert room.generate(store, admin, "d") == room.Generated(0, 0)
    found = orders(store)
    keys = Counter((each.plan_id, each.facility_id, each.scheduled_for) for each in found)
    assert set(keys.values()) <= {1}
    assert len({each.number for each in found}) == len(found)
    floating = {each.id for each in store.find(admin, MaintenancePlan, "d", {"basis": "completion"})}
    waiting = Counter((each.plan_id, each.facility_id) for each in found if each.is_open and each.plan_id in floating)
    assert set(waiting.values()) <= {1}, "one at a time where the next counts from the last"
    assert recount.check(store, admin, "d") == []


def killed(store: Store, admin: Actor) -> None:
    """A run in chunks of two that ends in the middle of its second transaction."""
    whole, chunks = commands.CHUNK, iter([False, True])
    real = commands._order

    def dies(*facts: Any) -> WorkOrder:
        if commands.CHUNK == 2 and next(chunks, True):
            raise Killed
        return real(*facts)

    commands.CHUNK, commands._order = 2, dies  # type: ignore[assignment]
    try:
        room.generate(store, admin, "d")
    except Killed:
        pass
    finally:
        commands.CHUNK, commands._order = whole, real


def at_once(store: Store, admin: Actor) -> None:
    """Two runs at the same moment."""
    gate, wrong = threading.Barrier(2), []

    def run() -> None:
        try:
            gate.wait(5)
            room.generate(store, admin, "d")
        except Exception as error:  # noqa: BLE001 (told below)
            wrong.append(error)

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert wrong == []


# --- with a facility that is retired
@pytest.mark.parametrize("how", ["retire", "replace", "edit", "sheet"])
def test_what_is_planned_ends_with_a_facility_that_is_retired(
    yard: Store, admin: Actor, mender: Actor, how: str
) -> None:
    """What nobody has begun, and of that only what is past its day was ever owed; a repair stays. Taken back, all that
    was not owed yet stands again where it stood, and nothing is made twice."""
    plan(yard, admin, since=date(2026, 3, 26), lead_days=0)
    week = timedelta(days=7)
    room.generate(Store(yard.client, yard.db.name, lambda: NOW - week), admin, "d", until=TODAY + 4 * week)
    past, today, first, second, third, last = [each for each in orders(yard) if each.facility_id == "d-F-01"]
    begun = move(yard, OTHER, "d", first.id, first.revision, Status.IN_PROGRESS)
    given_on = assign(yard, OTHER, "d", second.id, second.revision, "d-li")
    repair = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    before = figures(yard, admin)
    left = room.leaving(yard, admin, "d", "d-F-01")
    assert (left.ends, [each.id for each in left.stays], left.staying) == (5, [begun.id, repair.id], 2)

    machine, why = yard.get(admin, Facility, "d", "d-F-01"), "✕"
    if how == "retire":
        why = "锈穿"
        facilities.retire(yard, mender, "d", machine.id, machine.revision, note=why)
    elif how == "replace":
        facilities.replace(yard, admin, "d", machine.id, machine.revision, code="F-03", installed_on=TODAY)
        why = "→ F-03"
    elif how == "edit":
        facilities.edit_facility(yard, admin, "d", machine.id, machine.revision, {"status": "retired"})
    else:
        yard.update(admin, Facility, "d", machine.id, machine.revision, {"status": "retired"})
        assert [each.is_open for each in orders(yard, facility_id="d-F-01")] == [True] * 6
        assert room.generate(yard, admin, "d") == room.Generated(0, 0, ended=5)
        assert room.generate(yard, admin, "d") == room.Generated(0, 0)
    gone = {each.id: each for each in orders(yard, facility_id="d-F-01")}
    assert gone[past.id].outcome is Outcome.CANCELLED
    assert [gone[one.id].outcome for one in (today, given_on, third, last)] == [Outcome.WITHDRAWN] * 4
    assert {gone[one.id].events[-1].note for one in (past, today, given_on, third, last)} == {f"F-01 {why}"}
    assert [gone[begun.id], yard.get(admin, WorkOrder, "d", repair.id)] == [begun, repair]
    after = figures(yard, admin)
    assert before["due"] - after["due"] == before["scheduled"] - after["scheduled"] == 4, "the past one stays owed"
    assert (after["on_time"], after["late"] - before["late"]) == (0, 1), "nobody is on time by taking things down"
    timed = work_behind(yard, admin, "d", QUARTER, figure=Behind.TIMED, now=NOW).total
    assert timed == after["on_time"] + after["late"] + after["overdue"]
    assert recount.check(yard, admin, "d") == []
    assert room.leaving(yard, admin, "d", "d-F-01").ends == 0

    machine = yard.get(admin, Facility, "d", "d-F-01")
    facilities.edit_facility(yard, admin, "d", machine.id, machine.revision, {"status": "in_service"})
    back = {each.id: each for each in orders(yard, facility_id="d-F-01")}
    assert [back[one.id].status for one in (today, given_on, third, last)] == [
        Status.REPORTED, Status.ASSIGNED, Status.REPORTED, Status.REPORTED,
    ]  # fmt: skip
    assert [back[past.id].outcome, back[last.id].outcome, back[last.id].ended_at] == [Outcome.CANCELLED, None, None]
    assert figures(yard, admin) | {"late": 0, "overdue": 0} == before | {"late": 0, "overdue": 0}
    assert room.lacking(yard, admin, "d", until=TODAY + 4 * week) == (5 if how == "replace" else 0)
    assert recount.check(yard, admin, "d") == []


def figures(store: Store, admin: Actor) -> dict[str, int]:
    """What the counters and the figures say of April's orders and those before."""
    sums = Counter[str]()
    for each in store.counters("d", "work_orders", "month"):
        sums.update({name: n for name, n in each["total"].items() if isinstance(n, int)})
    names = {"due": "preventive_due", "scheduled": "scheduled", "on_time": "on_time", "late": "late"}
    overdue = store.count(admin, WorkOrder, "d", {"is_open": True, "due_at": Is(lt=NOW)})
    return {key: sums[name] for key, name in names.items()} | {"overdue": overdue}


def test_a_year_is_counted_before_it_is_made_and_once_made_lacks_nothing(yard: Store, admin: Actor) -> None:
    plan(yard, admin, lead_days=0)
    plan(yard, admin, name="大修", basis="completion", unit="months", every=3, facility_id="d-F-01")
    plan(yard, admin, name="停用的计划", active=False)
    room.generate(yard, admin, "d")
    year = TODAY + timedelta(days=365)
    lacking = room.lacking(yard, admin, "d", until=year)
    assert lacking == 2 * 52
    assert yard.count(admin, WorkOrder, "d", {}) == 3, "counting makes nothing"
    assert room.generate(yard, admin, "d", until=year).made == lacking
    assert room.lacking(yard, admin, "d", until=year) == 0
    with pytest.raises(Invalid):
        room.lacking(yard, admin, "d", until=TODAY + room.AHEAD_MOST + timedelta(days=1))
    with pytest.raises(Invalid):
        room.generate(yard, admin, "d", until=TODAY - timedelta(days=1))


def test_who_may_not_make_orders_makes_none(yard: Store, admin: Actor) -> None:
    made = plan(yard, admin)
    with pytest.raises(Refused):
        room.generate(yard, Actor("v", "看", Role.VIEWER), "d")
    room.generate(yard, admin, "d")
    with pytest.raises(InUse):
        room.remove_plan(yard, admin, "d", made.id, made.revision)


def test_a_plan_says_of_what_and_a_facilitys_own_belongs_to_its_grid(yard: Store, admin: Actor) -> None:
    with pytest.raises(Invalid):
        plan(yard, admin, category=None)
    own = plan(yard, admin, category=None, facility_id="d-F-02")
    assert (own.grid_id, own.category) == ("d-g2", Category.FITNESS)
    with pytest.raises(Invalid):
        room.edit_plan(yard, admin, "d", own.id, own.revision, {"facility_id": None, "category": None})
    assert room.edit_plan(yard, admin, "d", own.id, own.revision, {"facility_id": "d-F-01"}).grid_id == "d-g1"


# --- not as planned
def test_skipped_and_postponed_need_a_reason_and_are_still_judged_by_their_day(
    yard: Store, admin: Actor, mender: Actor
) -> None:
    plan(yard, admin, every=10, unit="days", lead_days=0)
    room.generate(yard, admin, "d")
    first, second = orders(yard)
    for call in (
        lambda: room.skip(yard, mender, "d", first.id, 1, " "),
        lambda: room.postpone(yard, mender, "d", first.id, 1, TODAY + timedelta(days=3), ""),
        lambda: room.postpone(yard, mender, "d", first.id, 1, TODAY - timedelta(days=3), "晚"),
        lambda: room.postpone(yard, mender, "d", first.id, 1, date(2999, 12, 31), "晚"),
    ):
        with pytest.raises(Invalid):
            call()
    later = room.postpone(yard, mender, "d", first.id, 1, TODAY + timedelta(days=30), "等油到货")
    assert (later.scheduled_for, later.due_at) == (TODAY, datetime(2026, 5, 2, 15, 59, tzinfo=UTC))
    assert "等油到货" in (later.events[-1].note or "")
    assert [each.due_before for each in later.postponements] == [first.due_at]
    gone = room.skip(yard, mender, "d", second.id, 1, "已停用")
    assert (gone.outcome, gone.events[-1].note) == (Outcome.CANCELLED, "已停用")
    repair = log_repair(yard, mender, "d", fault="x", place="y")
    with pytest.raises(Invalid):
        room.skip(yard, mender, "d", repair.id, 1, "不行")
    after = room.review(yard, admin, "d", QUARTER, today=date(2026, 4, 20))
    assert (after.compliance.value, after.compliance.n) == (0, 2)


def test_a_second_press_skips_once_and_whoever_was_slower_is_told_of_the_other(
    yard: Store, admin: Actor, mender: Actor
) -> None:
    plan(yard, admin, every=10, unit="days", lead_days=0)
    room.generate(yard, admin, "d")
    first, second = orders(yard)
    skipped = room.skip(yard, mender, "d", first.id, 1, "停用中", key="press")
    assert room.skip(yard, mender, "d", first.id, 1, "停用中", key="press") == skipped
    move(yard, mender, "d", second.id, 1, Status.DONE)
    for slower in (
        lambda: room.skip(yard, admin, "d", second.id, 1, "停用中"),
        lambda: room.postpone(yard, admin, "d", second.id, 1, TODAY + timedelta(days=3), "等油到货"),
    ):
        with pytest.raises(Conflict):
            slower()


def test_a_preventive_order_is_no_failure(yard: Store, admin: Actor, mender: Actor) -> None:
    plan(yard, admin, lead_days=0)
    room.generate(yard, admin, "d")
    done = move(yard, mender, "d", orders(yard)[0].id, 1, Status.DONE)
    assert (done.repair_seconds, done.respond_seconds) == (None, None)


# --- the figures
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-120, 40), st.integers(0, 28), st.one_of(st.none(), st.integers(-5, 40)), st.integers(0, 4)
        ),
        max_size=14,
    ),
    period=st.sampled_from(["2026Q1", "2026Q2", "2026-03", "2026-04", "2026", "ever"]),
    grid=st.sampled_from([None, "d-g1"]),
)
def test_m8_m9_m10_are_what_pandas_counts_on_raw_rows(
    yard: Store,
    admin: Actor,
    rows: list[tuple[int, int, int | None, int]],
    period: str,
    grid: str | None,
) -> None:
    for name in ("work_orders", "maintenance_plans", "monthly_counts"):
        yard.db[name].delete_many({"community_id": "d"})
    yard._places.clear()
    for place, (offset, grace, took, hours) in enumerate(rows):
        day = TODAY + timedelta(days=offset)
        ended = None if took is None else datetime.combine(day + timedelta(days=took), time(11), SHANGHAI)
        skipped = hours == 4
        facts: dict[str, Any] = {"status": "reported"}
        if ended is not None and ended <= NOW:
            facts = {"ended_at": ended, "status": "done", "is_open": False, "outcome": "completed"}
            facts["actual_hours"] = hours
            if skipped:
                facts |= {"status": "closed", "outcome": "cancelled"}
        kind = "corrective" if place % 5 == 4 else "preventive"
        more: dict[str, Any] = {"grace_days": grace} if kind == "preventive" else {}
        if place % 7 != 6:
            more["scheduled_for"] = day
        yard.insert(
            admin,
            WorkOrder(
                community_id="d", number=str(place), fault="x", kind=kind, grid_id=f"d-g{place % 2 + 1}",
                reported_at=datetime.combine(day - timedelta(days=9), time(9), SHANGHAI), category="fitness",
                **more, **facts,
            ),
        )  # fmt: skip
    asked = Period.of(period)
    found = room.review(yard, admin, "d", asked, frozenset({grid}) if grid else None, today=TODAY)

    raw = [
        {
            "day": each["scheduled_for"].date().toordinal() if "scheduled_for" in each else -1,
            "end": each["ended_at"].astimezone(SHANGHAI).date().toordinal() if "ended_at" in each else 10**7,
            "done": each.get("outcome") == "completed",
            "grace": each.get("grace_days", 0),
            "hours": float(each.get("actual_hours", 0)),
            "preventive": each["kind"] == "preventive",
        }
        for each in yard.db["work_orders"].find({"grid_id": grid} if grid else {})
    ]
    table = pd.DataFrame(raw, columns=["day", "end", "done", "grace", "hours", "preventive"])
    first, last, today = asked.first.toordinal(), asked.last.toordinal(), TODAY.toordinal()
    inside, over = table["day"].between(first, last), table["end"] < 10**7
    due = table[inside & table["preventive"].astype(bool) & (over | (table["day"] + table["grace"] < today))]
    scheduled = table[inside & (over | (table["day"] < today))]
    met = due["done"].astype(bool) & (due["end"] - due["day"] <= due["grace"])
    compare(found.compliance, met.sum(), len(due))
    punctual = scheduled["done"].astype(bool) & (scheduled["end"] <= scheduled["day"])
    compare(found.schedule, punctual.sum(), len(scheduled))
    worked = table[table["end"].between(first, last)]
    all_hours = worked["hours"].sum()
    share = worked["hours"][worked["preventive"].astype(bool)].sum() / all_hours if all_hours else None
    assert found.planned.value == (None if share is None else pytest.approx(share))
    assert recount.check(yard, admin, "d") == []


def compare(value: Any, part: int, whole: int) -> None:
    """A share and what it is a share of."""
    assert value.n == whole
    assert value.value == (pytest.approx(part / whole) if whole else None)


def test_what_comes_in_the_next_thirty_days(yard: Store, admin: Actor, mender: Actor) -> None:
    plan(yard, admin, lead_days=7, estimated_hours=2)
    room.generate(yard, admin, "d")
    found = room.review(yard, admin, "d", QUARTER, today=TODAY + timedelta(days=1))
    assert (found.coming.value, found.coming.detail) == (4, 2)
    assert [(each.on, each.facilities, each.hours) for each in found.foreseen] == [
        (date(2026, 4, day), 2, 4.0) for day in (16, 23, 30)
    ]
    move(yard, mender, "d", found.orders[0].id, 1, Status.DONE)
    (kept,) = room.upkeep(yard, admin, "d", found.orders[0].facility_id or "", today=TODAY)
    assert (kept.last_on, kept.next_on) == (TODAY, date(2026, 4, 9))


def test_what_is_made_is_not_foreseen_as_well(yard: Store, admin: Actor, mender: Actor) -> None:
    made = plan(yard, admin, lead_days=21)
    room.generate(yard, admin, "d")
    done = next(order for order in orders(yard) if order.scheduled_for == date(2026, 4, 16))
    move(yard, mender, "d", done.id, 1, Status.DONE)
    room.edit_plan(yard, admin, "d", made.id, made.revision, {"lead_days": 0})
    yard.insert(
        admin,
        Facility(
            id="new", community_id="d", code="N", name="新", category=Category.FITNESS, installed_on=date(2026, 4, 20)
        ),
    )
    found = room.review(yard, admin, "d", QUARTER, today=TODAY)
    assert [(each.on.day, each.facilities) for each in found.foreseen] == [(23, 1), (30, 3)]


def test_hours_of_preventive_work_are_the_planned_share(yard: Store, admin: Actor, mender: Actor) -> None:
    plan(yard, admin, lead_days=0)
    room.generate(yard, admin, "d")
    repair = log_repair(yard, mender, "d", fault="x", place="y")
    for order, hours in ((orders(yard)[0], 1), (repair, 3)):
        worked = add_effort(yard, mender, "d", order.id, 1, hours=hours)
        move(yard, mender, "d", order.id, worked.revision, Status.DONE)
    found = room.review(yard, admin, "d", QUARTER, today=TODAY)
    assert (found.planned.value, found.planned.n) == (0.25, 4)
