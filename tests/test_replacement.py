"""The replacement plan: what is decided holds, what is put off stays a hazard, and the figures agree with a second
reckoning that shares no line with the first."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from repository import facilities as room
from repository import replacement
from repository.access import Actor, Refused, Role
from repository.facilities import Category, Condition, ConditionEntry, Facility, Move, Reason, ServiceStatus
from repository.grids import Community, Grid
from repository.maintenance import Outcome, Status, WorkOrder
from repository.metrics import State
from repository.replacement import Band, band, facility_reliability, replacement_review
from repository.store import Conflict, Invalid, Store
from tests.conftest import NOW, once

TODAY = date(2026, 4, 2)
SHANGHAI = "Asia/Shanghai"
HERE = NOW.astimezone(ZoneInfo(SHANGHAI))
FIT, PROPERTY = Category.FITNESS, Category.PROPERTY
UP, DOWN, GONE = ServiceStatus.IN_SERVICE, ServiceStatus.OUT_OF_ORDER, ServiceStatus.RETIRED


@pytest.fixture
@once
def community(store: Store, admin: Actor) -> str:
    """D with two grids."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    for grid in ("g1", "g2"):
        store.insert(admin, Grid(id=grid, community_id="D", code=grid, name=grid))
    return "D"


def stand(store: Store, admin: Actor, code: str, **over: Any) -> Facility:
    """A facility in D, as it is given."""
    values = {"id": code, "community_id": "D", "code": code, "name": code, "category": FIT, "grid_id": "g1"}
    return store.insert(admin, Facility(**{**values, **over}))


def review(store: Store, admin: Actor, **over: Any) -> replacement.Replacement:
    """The answer as of the tests' now."""
    return replacement_review(store, admin, "D", **{"now": HERE, **over})


def years(store: Store, admin: Actor) -> dict[str, tuple[int | None, int, Move]]:
    """Due, planned and how, by code."""
    return {item.code: (item.due, item.year, item.move) for item in review(store, admin).items}


# --- decisions
def test_a_replacement_is_brought_forward_put_off_and_taken_back(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "OLD", installed_on=date(2010, 1, 1), replacement_cost_cents=500_00)
    stand(store, admin, "NEW", installed_on=date(2021, 6, 1), replacement_cost_cents=300_00)
    assert years(store, admin) == {"OLD": (2026, 2026, Move.AS_DUE), "NEW": (2029, 2029, Move.AS_DUE)}

    room.plan_replacement(store, admin, community, "OLD", 1, year=2028, reason="资金未到位", cost_cents=450_00)
    forward = room.plan_replacement(store, admin, community, "NEW", 1, year=2027)

    assert years(store, admin) == {"NEW": (2029, 2027, Move.FORWARD), "OLD": (2026, 2028, Move.DEFERRED)}
    found = room.inventory(store, admin, community, on=TODAY)
    assert [(need.year, need.overdue, need.cost_cents, need.deferred) for need in found.plan] == [
        (2027, False, 300_00, 0),
        (2028, True, 450_00, 1),
    ]
    assert found.next_year.value == 300_00
    assert [(each.code, each.reasons) for each in found.dangers] == [("OLD", (Reason.PAST_LIFE,))]
    (old,) = review(store, admin).deferred
    assert (old.reason, old.decided_by, old.cost_cents, old.overdue) == ("资金未到位", "测试员", 450_00, True)

    room.take_back_plan(store, admin, community, "OLD", 2)
    room.take_back_plan(store, admin, community, "NEW", forward.revision)
    assert years(store, admin) == {"OLD": (2026, 2026, Move.AS_DUE), "NEW": (2029, 2029, Move.AS_DUE)}
    assert [each.year for each in room.facility(store, admin, community, "OLD").replacement_plan] == [2028, None]
    with pytest.raises(Invalid):
        room.take_back_plan(store, admin, community, "OLD", 3)


def test_putting_off_needs_a_reason_and_a_year_that_is_not_over(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "A", installed_on=date(2010, 1, 1))
    stand(store, admin, "R", installed_on=date(2010, 1, 1), status=GONE)

    for year, reason, field in ((2027, "  ", "reason"), (2025, "早了", "year"), (2300, "太远", "year")):
        with pytest.raises(Invalid) as caught:
            room.plan_replacement(store, admin, community, "A", 1, year=year, reason=reason)
        assert set(caught.value.problems) == {field}
    with pytest.raises(Invalid):
        room.plan_replacement(store, admin, community, "R", 1, year=2027, reason="x")
    room.plan_replacement(store, admin, community, "A", 1, year=2026)
    with pytest.raises(Conflict):
        room.plan_replacement(store, admin, community, "A", 1, year=2027, reason="x")
    assert years(store, admin)["A"] == (2026, 2026, Move.SET)


def test_who_may_not_change_facilities_may_not_change_the_plan(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "A", installed_on=date(2010, 1, 1))
    worker = Actor("w", "网格员", Role.GRID_WORKER)
    manager = Actor("f", "设施主管", Role.FACILITY_MANAGER, grids=frozenset({"g1"}))

    with pytest.raises(Refused):
        room.plan_replacement(store, worker, community, "A", 1, year=2027, reason="x")
    assert room.plan_replacement(store, manager, community, "A", 1, year=2027, reason="x").revision == 2
    with pytest.raises(Refused):
        room.take_back_plan(store, worker, community, "A", 2)


def test_a_decision_ends_with_a_renewal_and_a_missed_year_falls_due(store: Store, admin: Actor, community: str) -> None:
    decided = {"at": datetime(2024, 3, 1, tzinfo=UTC), "by": "x", "year": 2025, "instead_of": 2024, "reason": "x"}
    stand(store, admin, "A", installed_on=date(2016, 1, 1), replacement_plan=(decided,))
    stand(store, admin, "B", installed_on=date(2016, 1, 1), renewed_on=date(2025, 1, 1), replacement_plan=(decided,))
    stand(store, admin, "C", installed_on=date(2015, 1, 1), replacement_plan=({**decided, "year": 2040},))

    found = {item.code: item for item in review(store, admin).items}

    assert (found["A"].year, found["A"].missed, found["A"].overdue) == (2026, True, True)
    assert "B" not in found, "it lasts until 2033"
    assert (found["C"].year, found["C"].move) == (2040, Move.DEFERRED), "beyond the five years, and still told"


def test_a_renewal_known_by_its_year_ends_a_decision_unless_it_was_known_then(
    store: Store, admin: Actor, community: str
) -> None:
    decided = {"at": datetime(2026, 3, 1, 1, tzinfo=UTC), "by": "x", "year": 2026, "instead_of": 2024, "reason": "x"}
    plan = (decided,)
    built = date(2016, 1, 1)
    known = {"renewed_on": date(2026, 1, 1), "renewed_precision": "year"}
    stand(store, admin, "YEAR", installed_on=built, replacement_plan=plan, **known)
    stand(store, admin, "DAY", installed_on=built, replacement_plan=plan, renewed_on=date(2026, 3, 1))
    stand(store, admin, "BEFORE", installed_on=built, replacement_plan=plan, renewed_on=date(2026, 2, 28))
    stand(store, admin, "NEW", installed_on=built, **known)
    room.plan_replacement(store, admin, community, "NEW", 1, year=2028)

    found = years(store, admin)

    assert found.keys() == {"BEFORE", "NEW"}, "the others last until 2034"
    assert (found["BEFORE"][1:], found["NEW"][1:]) == ((2026, Move.DEFERRED), (2028, Move.FORWARD))


# --- FCI
def test_the_condition_index_is_what_was_put_off_by_what_all_is_worth(
    store: Store, admin: Actor, community: str
) -> None:
    young = date(2024, 1, 1)
    stand(store, admin, "A", site="公园", installed_on=date(2010, 1, 1), replacement_cost_cents=100_00)  # past life
    stand(store, admin, "B", site="公园", installed_on=young, condition="5", replacement_cost_cents=50_00)
    stand(store, admin, "C", site="公园", installed_on=young, replacement_cost_cents=600_00)
    stand(store, admin, "D", grid_id="g2", condition="2", replacement_cost_cents=250_00, category=PROPERTY)
    stand(store, admin, "E", grid_id="g2", installed_on=date(2010, 1, 1))  # no price
    stand(store, admin, "F", grid_id="g2", replacement_cost_cents=77_00)  # neither age nor condition
    stand(store, admin, "R", installed_on=date(2010, 1, 1), status=GONE, replacement_cost_cents=99_00)
    order = {"community_id": "D", "fault": "loose", "grid_id": "g1", "reported_at": NOW}
    store.insert(admin, WorkOrder(number="1", facility_id="C", cost_cents=20_00, **order))
    store.insert(admin, WorkOrder(number="2", facility_id="A", cost_cents=11_00, **order))  # it is replaced anyway
    store.insert(
        admin,
        WorkOrder(number="3", facility_id="C", cost_cents=7_00, status=Status.CLOSED, outcome="completed",
                  ended_at=NOW, **order),
    )  # fmt: skip
    room.plan_replacement(store, admin, community, "A", 1, year=2029, reason="x")  # put off is not done

    found = review(store, admin)

    total = sum(found.backlog.values(), replacement.Backlog())
    assert (total.worth_cents, total.renewal_cents, total.repair_cents) == (1000_00, 150_00, 20_00)
    assert (total.n, total.due, total.unpriced, total.unjudged) == (4, 2, 1, 1)
    assert (found.fci.value, found.fci.n, found.fci.state) == (0.17, 4, State.OFF_TARGET)
    assert found.backlog["g1", FIT, "公园"].fci == 170 / 750
    assert found.backlog["g2", PROPERTY, None].fci == 0
    assert found.backlog["g2", FIT, None].fci is None
    bounds = (0, 0.05, 0.0501, 0.1, 0.11, 0.3, 0.31, None)
    assert [band(each) for each in bounds] == [
        Band.GOOD, Band.GOOD, Band.FAIR, Band.FAIR, Band.POOR, Band.POOR, Band.CRITICAL, None,
    ]  # fmt: skip


def test_grids_and_categories_cut_the_plan(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "A", installed_on=date(2010, 1, 1))
    stand(store, admin, "B", installed_on=date(2010, 1, 1), grid_id="g2")
    stand(store, admin, "C", installed_on=date(2005, 1, 1), grid_id="g2", category=PROPERTY)
    worker = Actor("w", "网格员", Role.GRID_WORKER, frozenset({"D"}), frozenset({"g2"}))

    assert [item.code for item in review(store, worker).items] == ["B", "C"]
    assert [item.code for item in review(store, admin, category=FIT).items] == ["A", "B"]
    assert review(store, worker, grids=frozenset({"g1"})).items == ()


# --- against a second reckoning
def at(day: date, hour: int = 4) -> datetime:
    """A moment of that day, noon in Shanghai."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def a_past(rng: Random) -> tuple[list[Facility], list[WorkOrder]]:
    """Twenty walkers, some past their life, renewed, retired or shut now and then; three years and more of orders."""
    facilities, orders = [], []
    for number in range(20):
        installed = date(2012, 1, 1) + timedelta(days=rng.randrange(4_900))
        day = max(installed, date(2022, 1, 1)) + timedelta(days=rng.randrange(200))
        status, history = UP, [ConditionEntry(at=at(day), by="x", condition=Condition.FAIR, status=UP)]
        while (day := day + timedelta(days=rng.randrange(20, 400))) < TODAY and number % 3:
            status = DOWN if status is UP else UP
            history.append(ConditionEntry(at=at(day), by="x", status=status))
        if number in (4, 5):
            status = GONE
            history.append(ConditionEntry(at=at(date(2026, 2, 11)), by="x", status=GONE))
            history = sorted(history, key=lambda entry: entry.at)
            history = [entry for entry in history if entry.at <= history[-1].at]
        facilities.append(
            Facility(
                id=f"F{number}", community_id="D", code=f"F{number}", name="x", category=FIT, kind="walker",
                grid_id="g1", installed_on=installed, status=status, condition_history=tuple(history),
                renewed_on=date(2024, 5, 17) if number in (7, 8) else None,
            )
        )  # fmt: skip
    for number in range(400):
        reported = at(date(2022, 11, 20) + timedelta(days=rng.randrange(1_228)), rng.randrange(8))
        outcome = rng.choice([None, Outcome.COMPLETED, Outcome.REFERRED, Outcome.CANCELLED, Outcome.DUPLICATE])
        orders.append(
            WorkOrder(
                community_id="D", number=str(number), fault="loose", facility_id=f"F{rng.randrange(20)}",
                grid_id=rng.choice(["g1", "g2"]), reported_at=reported,
                kind=rng.choice(["corrective", "preventive", "inspection"]),
                cost_cents=rng.choice([None, rng.randrange(90_000)]), outcome=outcome,
                status=Status.CLOSED if outcome else Status.REPORTED, ended_at=NOW if outcome else None,
            )
        )  # fmt: skip
    return facilities, orders


def test_failures_outages_and_the_cost_of_waiting_are_as_pandas_reckons_them(
    store: Store, admin: Actor, community: str
) -> None:
    facilities, orders = a_past(Random(5))
    store.write(admin, lambda write: [write.insert(record) for record in [*facilities, *orders]])

    found = review(store, admin)

    months = pd.period_range("2023-04", "2026-04", freq="M")  # 36 whole ones and this one
    told = pd.DataFrame([dict(order) for order in orders])
    told = told[(told.kind != "preventive") & ~told.outcome.isin(["cancelled", "duplicate", "rejected"])]
    told["month"] = told.reported_at.dt.tz_convert(SHANGHAI).dt.tz_localize(None).dt.to_period("M")
    items = pd.DataFrame([{"id": each.id, "month": month, "facility": each} for each in facilities for month in months])
    items["first"] = items.month.dt.start_time
    items["next"] = (items.month + 1).dt.start_time
    installed = pd.to_datetime([each.installed_on for each in items.facility])
    renewed = pd.to_datetime([each.renewed_on for each in items.facility])
    retired = pd.Series([pd.Timestamp("2026-02-11") if f.status is GONE else pd.NaT for f in items.facility])
    began = installed.where(~(renewed <= items["first"]), renewed)
    items["old"] = [one + pd.DateOffset(years=8) < first for one, first in zip(began, items["first"], strict=True)]
    whole = (installed <= items["first"]) & ~(items.next > retired)
    sums = told.groupby(["facility_id", "month"]).agg(n=("number", "size"), cost=("cost_cents", "sum"))
    items = items.join(sums, on=["id", "month"])
    compared = items[whole & (items.month < pd.Period("2026-04"))]
    rate = {}
    for old, part in compared.groupby("old"):
        side = found.waiting[FIT, "walker"].old if old else found.waiting[FIT, "walker"].young
        assert (side.items, side.months) == (part.id.nunique(), len(part))
        assert (side.repairs, side.cost_cents) == (part.n.sum(), part.cost.sum())
        rate[old] = part.cost.sum() * 12 / len(part)
    assert found.waiting[FIT, "walker"].yearly_cents == max(0, round(rate[True] - rate[False]))

    failures = service = noted = down = 0.0
    for each in facilities:
        until = (
            pd.Timestamp("2026-02-11", tz=SHANGHAI) if each.status is GONE else pd.Timestamp(NOW).tz_convert(SHANGHAI)
        )
        first = pd.Timestamp(each.installed_on)
        first = first if first.is_month_start else first + pd.offsets.MonthBegin()
        since = max(first, pd.Timestamp("2023-04-01")).tz_localize(SHANGHAI)
        own = told[(told.facility_id == each.id) & (told.reported_at >= since)]
        clock = pd.date_range(since, until, freq="h", inclusive="left")
        state = pd.Series(
            [h.status for h in each.condition_history], [pd.Timestamp(h.at) for h in each.condition_history]
        )
        shut = state.reindex(clock.tz_convert("UTC"), method="ffill") == DOWN
        failures, service = failures + len(own), service + len(clock) - shut.sum()
        watched = clock[clock >= pd.Timestamp(each.condition_history[0].at)]
        noted, down = noted + len(watched), down + shut.sum()
    kind = found.reliability[FIT, "walker"]
    assert (kind.items, kind.noted, kind.failures) == (20, 20, failures)
    assert kind.service_hours == pytest.approx(service, rel=1e-3)
    assert kind.noted_hours == pytest.approx(noted, rel=1e-3)
    assert kind.down_hours == pytest.approx(down, rel=2e-3)
    assert kind.mtbf == pytest.approx(service / failures, rel=1e-3)
    assert kind.availability == pytest.approx(1 - down / noted, rel=1e-3)
    one_by_one = [facility_reliability(store, admin, community, each.id, now=HERE)[2] for each in facilities]
    assert sum(one_by_one, replacement.Reliability()) == kind


def test_what_means_nothing_is_no_data(store: Store, admin: Actor, community: str) -> None:
    looked = ConditionEntry(at=at(date(2025, 1, 10)), by="x", condition=Condition.GOOD, status=UP)
    stand(store, admin, "A", kind="walker", installed_on=date(2024, 1, 1), condition_history=(looked,))
    stand(store, admin, "B", kind="walker", installed_on=date(2024, 1, 1))
    for number, code in enumerate(("A", "B", "B")):
        order = WorkOrder(
            community_id="D", number=str(number), fault="loose", facility_id=code, grid_id="g1",
            reported_at=at(date(2025, 3, 1 + number)),
        )  # fmt: skip
        store.insert(admin, order)

    once, never_shut, _rests = facility_reliability(store, admin, community, "A", now=HERE)
    twice, unwatched, rests = facility_reliability(store, admin, community, "B", now=HERE)

    assert (once.value, once.n, once.enough) == (None, 1, False)
    assert never_shut.value is None, "that no outage was noted is not 100 %"
    assert (twice.n, unwatched.value, rests.noted) == (2, None, 0)
    assert twice.value == pytest.approx(rests.service_hours / 2)
    assert rests.service_hours == pytest.approx((NOW - datetime(2025, 2, 28, 16, tzinfo=UTC)).total_seconds() / 3600)
    assert review(store, admin).waiting[FIT, "walker"].yearly_cents is None
    assert review(store, admin).since == date(2025, 3, 1)


def test_very_many_work_orders_are_counted_over_fewer_months(
    store: Store, admin: Actor, community: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest whole months that hold no more than the bound, one at least, whoever asks."""
    stand(store, admin, "BAR", installed_on=date(2024, 1, 1))
    number = 0
    for month, many in ((11, 9), (12, 2), (1, 4), (2, 3), (3, 2), (4, 1)):
        for _ in range(many):
            number += 1
            at = datetime(2025 if month > 10 else 2026, month, 1, 9, tzinfo=ZoneInfo(SHANGHAI))
            order = WorkOrder(
                community_id="D", number=f"W-{number}", fault="loose", reported_at=at, facility_id="BAR", grid_id="g1"
            )
            store.insert(admin, order)

    def counted(actor: Actor = admin) -> tuple[date | None, int]:
        found = replacement_review(store, actor, "D", now=HERE)
        _mtbf, _availability, one = facility_reliability(store, actor, "D", "BAR", now=HERE)
        assert one == found.reliability[FIT, None]
        return found.since, one.failures

    assert counted() == (date(2025, 11, 1), 21)
    for most, first, failures in ((12, date(2025, 12, 1), 12), (11, date(2026, 1, 1), 10), (0, date(2026, 3, 1), 3)):
        monkeypatch.setattr(replacement, "MOST_ORDERS", most)
        assert counted() == (first, failures)
    elsewhere = Actor("w", "网格员", Role.GRID_WORKER, frozenset({"D"}), frozenset({"g2"}))
    assert replacement_review(store, elsewhere, "D", now=HERE).since == date(2026, 3, 1)
