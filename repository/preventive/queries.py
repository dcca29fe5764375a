"""What is coming, and how well the plans are kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from repository import flows
from repository.access import Actor
from repository.facilities import Facility, ServiceStatus
from repository.filters import Is
from repository.maintenance import OPEN, Outcome, WorkKind, WorkOrder
from repository.metrics import Period, Value, last_months, ratio
from repository.preventive import metrics
from repository.preventive.commands import PLANNED
from repository.preventive.records import GRACE_MOST, NOT_BEGUN, Basis, MaintenancePlan
from repository.record import midnight
from repository.store import Store
from repository.targets import judged

Document = dict[str, Any]

AHEAD_DAYS = 30
LISTED = 500
NAMED = 6
SERIES_MONTHS = 12
FLOWS = ("scheduled", "as_scheduled", "preventive_due", "preventive_met", "preventive_minutes", "actual_minutes")


@dataclass(frozen=True)
class Foreseen:
    """A due day for which the orders are not made yet: how many there will be."""

    on: date
    plan_id: str
    plan: str
    facilities: int
    hours: float | None


@dataclass(frozen=True)
class PreventiveReview:
    """How well is preventive maintenance kept, and what is coming?"""

    compliance: Value
    schedule: Value
    planned: Value
    """``detail`` is the preventive hours."""
    coming: Value
    """``detail`` is how many of them are past their day."""
    orders: tuple[WorkOrder, ...]
    """Open preventive orders up to AHEAD_DAYS from now, the longest overdue first; LISTED at most."""
    foreseen: tuple[Foreseen, ...]


@dataclass(frozen=True)
class Upkeep:
    """One plan of one facility: when it was last done, and when it is due next (None: an order is being waited for)."""

    plan: MaintenancePlan
    last_on: date | None
    next_on: date | None
    order: WorkOrder | None
    """The open one, if there is one."""


@dataclass(frozen=True)
class Leaving:
    """What becomes of a facility's open work orders when it is retired?"""

    ends: int
    """Preventive ones that nobody has begun."""
    stays: tuple[WorkOrder, ...]
    """The others, the longest open first; NAMED at most."""
    staying: int


def leaving(store: Store, actor: Actor, community_id: str, facility_id: str) -> Leaving:
    """Which open orders end with a facility, and which stay with it? Raises Refused, Unavailable."""
    here: Document = {"facility_id": facility_id, "is_open": True}
    others = {"$or": [{"kind": Is(ne=WorkKind.PREVENTIVE.value)}, {"status": Is(among=sorted(OPEN - NOT_BEGUN))}]}
    found = store.find(actor, WorkOrder, community_id, {**here, **others}, sort=[("reported_at", 1)], limit=NAMED)
    staying = store.count(actor, WorkOrder, community_id, {**here, **others}) if len(found) == NAMED else len(found)
    return Leaving(store.count(actor, WorkOrder, community_id, {**here, **PLANNED}), tuple(found), staying)


def plans(store: Store, actor: Actor, community_id: str) -> list[MaintenancePlan]:
    """All plans in reach, by name: those for all grids too. Raises Refused, Unavailable."""
    found = store.find(replace(actor, grids=None), MaintenancePlan, community_id, sort=[("name", 1)], limit=1000)
    return [plan for plan in found if actor.grids is None or plan.grid_id is None or plan.grid_id in actor.grids]


@judged
def review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    today: date,
) -> PreventiveReview:
    """How well were the plans kept in the period, and what do the next AHEAD_DAYS days bring? Raises Refused,
    Unavailable."""
    months = last_months(min(today, period.last), SERIES_MONTHS)
    first = min(months[0], f"{period.first:%Y-%m}")
    flow = flows.by_month(
        store,
        actor,
        community_id,
        "work_orders",
        FLOWS,
        months=[first, f"{period.last:%Y-%m}"],
        grids=grids,
        category=category,
    )
    undecided, unscheduled = _undecided(store, actor, community_id, grids, category, today, period.last)

    def met(chosen: Sequence[str]) -> tuple[int, int]:
        due = sum(flow[month]["preventive_due"] - undecided[month] for month in chosen if month in flow)
        return sum(flow[month]["preventive_met"] for month in chosen if month in flow), due

    def kept(chosen: Sequence[str]) -> tuple[int, int]:
        due = sum(flow[month]["scheduled"] - unscheduled[month] for month in chosen if month in flow)
        return sum(flow[month]["as_scheduled"] for month in chosen if month in flow), due

    def planned(chosen: Sequence[str]) -> tuple[int, int]:
        minutes = sum(flow[month]["actual_minutes"] for month in chosen if month in flow)
        return sum(flow[month]["preventive_minutes"] for month in chosen if month in flow), minutes

    own = [month for month in flow if month in set(period.months)]
    orders, total, late = _orders(store, actor, community_id, grids, category, today)
    (done, due), (punctual, scheduled), (minutes, all_minutes) = met(own), kept(own), planned(own)
    return PreventiveReview(
        compliance=Value(metrics.COMPLIANCE, ratio(done, due), due, [(m, ratio(*met([m]))) for m in months]),
        schedule=Value(
            metrics.SCHEDULE, ratio(punctual, scheduled), scheduled, [(m, ratio(*kept([m]))) for m in months]
        ),
        planned=Value(
            metrics.PLANNED,
            ratio(minutes, all_minutes),
            round(all_minutes / 60),
            [(m, ratio(*planned([m]))) for m in months],
        ),
        coming=Value(metrics.COMING, total, total, detail=late),
        orders=orders,
        foreseen=_foreseen(store, actor, community_id, grids, category, today),
    )


@dataclass(frozen=True)
class Kept:
    """What the orders of one grid and category did for the metrics M8, M9 and M10: each part, and what it is of."""

    met: int
    due: int
    as_scheduled: int
    scheduled: int
    preventive_minutes: int
    minutes: int


def kept_in_cells(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    today: date,
) -> dict[tuple[str, str], Kept]:
    """(grid, category) -> how well the plans were kept there in the period: what ``review`` tells, told apart. Raises
    Refused, Unavailable."""
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    cells = flows.in_cells(store, actor, community_id, "work_orders", FLOWS, first=first, last=last, grids=grids)
    place = {"grid": "$grid_id", "category": "$category"}
    graced, ahead = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for group in _waiting(store, actor, community_id, grids, None, today, period.last, place):
        key, n = group["_id"], group["n"]
        if first <= key["month"] <= last:
            cell = key.get("grid") or "", key["category"]
            graced[cell] += n if key["graced"] else 0
            ahead[cell] += n if key["ahead"] else 0
    return {
        cell: Kept(
            met=of["preventive_met"],
            due=of["preventive_due"] - graced[cell],
            as_scheduled=of["as_scheduled"],
            scheduled=of["scheduled"] - ahead[cell],
            preventive_minutes=of["preventive_minutes"],
            minutes=of["actual_minutes"],
        )
        for cell, of in cells.items()
    }


def _undecided(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None,
    category: str | None,
    today: date,
    last: date,
) -> tuple[Counter[str], Counter[str]]:
    """By month, the open scheduled orders of which it is not settled yet whether they will be done in time: with their
    grace, and by their day."""
    with_grace, by_day = Counter[str](), Counter[str]()
    for group in _waiting(store, actor, community_id, grids, category, today, last):
        key = group["_id"]
        with_grace[key["month"]] += group["n"] if key["graced"] else 0
        by_day[key["month"]] += group["n"] if key["ahead"] else 0
    return with_grace, by_day


def _waiting(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None,
    category: str | None,
    today: date,
    last: date,
    place: Mapping[str, str] = MappingProxyType({}),
) -> list[Document]:
    """The same, in groups: of a ``month``, still within their grace (``graced``) or before their day (``ahead``), and
    of one ``place``."""
    where: Document = {
        "is_open": True,
        "scheduled_for": Is(gte=midnight(today - timedelta(days=GRACE_MOST)), lte=midnight(last)),
    }
    where |= {} if category is None else {"category": category}
    bound = {"$dateAdd": {"startDate": "$scheduled_for", "unit": "day", "amount": {"$ifNull": ["$grace_days", 0]}}}
    preventive = {"$eq": ["$kind", WorkKind.PREVENTIVE.value]}
    kinds = {
        "month": {"$dateToString": {"date": "$scheduled_for", "format": "%Y-%m"}},
        "graced": {"$and": [preventive, {"$gte": [bound, midnight(today)]}]},
        "ahead": {"$gte": ["$scheduled_for", midnight(today)]},
        **place,
    }
    groups = [{"$group": {"_id": kinds, "n": {"$sum": 1}}}]
    return store.aggregate(actor, WorkOrder, community_id, groups, filter=where, grids=grids)


def _orders(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None, category: str | None, today: date
) -> tuple[tuple[WorkOrder, ...], int, int]:
    where: Document = {
        "is_open": True,
        "kind": WorkKind.PREVENTIVE.value,
        "scheduled_for": Is(lte=midnight(today + timedelta(days=AHEAD_DAYS))),
    }
    where |= {} if category is None else {"category": category}
    found = store.find(
        actor, WorkOrder, community_id, where, grids=grids, sort=[("scheduled_for", 1), ("number", 1)], limit=LISTED
    )
    total = len(found) if len(found) < LISTED else store.count(actor, WorkOrder, community_id, where, grids=grids)
    late = sum(order.scheduled_for is not None and order.scheduled_for < today for order in found)
    if late == LISTED:  # the longest overdue come first: only then are there late ones that are not listed
        where["scheduled_for"] = Is(lt=midnight(today))
        late = store.count(actor, WorkOrder, community_id, where, grids=grids)
    return tuple(found), total, late


def _foreseen(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None, category: str | None, today: date
) -> tuple[Foreseen, ...]:
    """Due days of the next AHEAD_DAYS days whose orders are not made yet, of plans counted from the calendar. Some
    that lie beyond the lead time are made all the same, by whoever generated up to a day or with a longer lead."""
    known = [plan for plan in plans(store, actor, community_id) if plan.active and plan.basis is Basis.CALENDAR]
    if not known:
        return ()
    where: Document = {"status": Is(ne=ServiceStatus.RETIRED.value)}
    where |= {} if category is None else {"category": category}
    fields = {"category": 1, "kind": 1, "grid_id": 1, "installed_on": 1}
    standing = store.aggregate(actor, Facility, community_id, [{"$project": fields}], filter=where, grids=grids)
    last = today + timedelta(days=AHEAD_DAYS)
    rows = store.aggregate(
        replace(actor, grids=None),  # made while the facility stood in another grid, it is made too
        WorkOrder,
        community_id,
        [{"$group": {"_id": {"plan": "$plan_id", "on": "$scheduled_for"}, "of": {"$addToSet": "$facility_id"}}}],
        filter={
            "plan_id": Is(among=sorted(plan.id for plan in known)),
            "scheduled_for": Is(gt=midnight(today), lte=midnight(last)),
        },
    )
    made = {(row["_id"]["plan"], row["_id"]["on"].date()): frozenset(row["of"]) for row in rows}
    found = []
    for plan in known:
        covered = [
            (row["_id"], row["installed_on"].date() if row.get("installed_on") else plan.since)
            for row in standing
            if plan.covers(row["_id"], row["category"], row.get("kind"), row.get("grid_id"))
        ]
        first = today + timedelta(days=plan.lead_days + 1)
        for on in plan.due_days(max(first, plan.since), last) if covered else ():
            there = made.get((plan.id, on), frozenset())
            count = sum(stood_on <= on and id not in there for id, stood_on in covered)
            if not count:
                continue
            hours = None if plan.estimated_hours is None else plan.estimated_hours * count
            found.append(Foreseen(on, plan.id, plan.name, count, hours))
    return tuple(sorted(found, key=lambda each: (each.on, each.plan)))


def upkeep(store: Store, actor: Actor, community_id: str, facility_id: str, *, today: date) -> list[Upkeep]:
    """The plans that cover a facility, with what was done last and what is due next. Raises NotFound, Refused,
    Unavailable."""
    facility = store.get(actor, Facility, community_id, facility_id)
    place = (facility.id, facility.category.value, facility.kind, facility.grid_id)
    zone = store.zone(community_id)
    found = []
    for plan in plans(store, actor, community_id):
        if not plan.active or not plan.covers(*place):
            continue
        own = {"plan_id": plan.id, "facility_id": facility.id}
        orders = store.find(actor, WorkOrder, community_id, own, sort=[("scheduled_for", -1)], limit=24)
        done = [order for order in orders if order.outcome is Outcome.COMPLETED and order.ended_at]
        last = max((order.ended_at.astimezone(zone).date() for order in done if order.ended_at), default=None)
        waiting = min(
            (order for order in orders if order.is_open),
            key=lambda order: order.scheduled_for or date.max,
            default=None,
        )
        if waiting is not None:
            coming = waiting.scheduled_for
        elif plan.basis is Basis.COMPLETION:
            coming = plan.after(last) if last else plan.first_due(facility.installed_on)
        else:
            begun = max(plan.since, facility.installed_on or plan.since)
            first = max(begun, today, *(o.scheduled_for + timedelta(days=1) for o in orders if o.scheduled_for))
            coming = next(iter(plan.due_days(first, first + timedelta(days=3700))), None)
        found.append(Upkeep(plan, last, coming, waiting))
    return sorted(found, key=lambda each: (each.next_on or date.max, each.plan.name))
