"""What is due, what was found, and what stands because of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pymongo

from repository import flows
from repository.access import Actor, Operation, require
from repository.facilities import Facility, ServiceStatus
from repository.filters import Is
from repository.inspections import metrics
from repository.inspections.commands import _standing
from repository.inspections.records import (
    Checklist,
    Inspection,
    InspectionKind,
    InspectionPlan,
    Known,
    missed,
)
from repository.maintenance import WorkOrder
from repository.metrics import Period, Value, last_months, ratio
from repository.store import READ_SECONDS, NotFound, Store, Wanted, our_errors
from repository.targets import judged
from repository.words import msg

Document = dict[str, Any]

LISTED = 500  # due inspections named one by one
FLOWS = ("due", "on_time", "done", "failed")
SERIES_MONTHS = 12


@dataclass(frozen=True)
class Due:
    """One facility's next inspection after one checklist: when, how late, when the last one was, and whose it is."""

    facility_id: str
    code: str
    name: str
    site: str | None
    grid_id: str | None
    category: str
    kind: InspectionKind
    checklist_id: str
    checklist: str
    plan_id: str
    every_days: int
    due_on: date
    last_on: date | None
    overdue_days: int
    """0 if it is not overdue."""
    inspector_id: str | None


@dataclass(frozen=True)
class Rounds:
    """What the page of inspections shows: figures of the period, what is due, what was found lately."""

    on_time: Value
    overdue: Value
    """``detail`` is how many are due within the next seven days."""
    failed: Value
    due: tuple[Due, ...]
    """Overdue first, then by due day; LISTED at most."""
    total: int
    """How many there are in all."""
    lately: tuple[Inspection, ...]
    """Newest first."""


@dataclass(frozen=True)
class Task:
    """What somebody who stands before a facility with a checklist needs: its items, what is known already, and the last
    time."""

    facility: Facility
    checklists: tuple[Checklist, ...]
    """Those that fit, the one that is due first on top."""
    due: Mapping[str, Due]
    """By checklist, where a plan demands it."""
    known: tuple[Known, ...]
    """What stands here: ``with_orders`` says for which items of what is found."""

    @property
    def orders(self) -> dict[str, str]:
        """Text of an item -> number of the order that stands for it."""
        return {text: each.order.number for each in reversed(self.known) for text in each.items}


# --- what is due
def dues(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    today: date,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    facility_id: str | None = None,
    overdue: bool = False,
    within: Sequence[Sequence[Document]] | None = None,
) -> list[Due]:
    """The next inspection of every facility that a plan covers, or of those that are ``overdue``, the longest overdue
    first. ``within``: if the facilities, what is ``wanted`` and then ``lasts_wanted`` were read already. Raises
    Refused, Unavailable."""
    require(actor, Operation.READ, Inspection.collection)
    if within is None:
        plans = store.find(_with_all_grids(actor), InspectionPlan, community_id, {"active": True}, limit=500)
        if not plans:
            return []
        named = {"_id": Is(among=sorted({plan.checklist_id for plan in plans})), "active": True}
        checklists = store.find(actor, Checklist, community_id, named)
        where: Document = {"status": Is(ne=ServiceStatus.RETIRED.value)}
        where |= {} if category is None else {"category": category}
        where |= {} if facility_id is None else {"_id": facility_id}
        fields = ("code", "name", "category", "kind", "grid_id", "site", "installed_on")
        standing: Sequence[Document] = store.aggregate(
            actor, Facility, community_id, [{"$project": dict.fromkeys(fields, 1)}], filter=where, grids=grids
        )
    else:
        plans = [InspectionPlan.from_document(plan) for plan in within[1]]
        checklists = [Checklist.from_document(checklist) for checklist in within[2]]
        standing = [row for row in within[0] if row["status"] != ServiceStatus.RETIRED.value]
    by_list: dict[str, list[InspectionPlan]] = defaultdict(list)
    for plan in plans:
        by_list[plan.checklist_id].append(plan)
    lists = {each.id: each for each in checklists if each.id in by_list}
    if within is None:
        asked = _lasts_wanted(community_id, list(lists), facility_id)
        read: Sequence[Sequence[Document]] = store.together(actor, community_id, asked) if asked else ()
    else:
        read = within[3:]
    zone = store.zone(community_id)
    lasts = {(row["list"], row["_id"]): row["on"].astimezone(zone).date() for each in read for row in each}
    found = []
    alike: dict[tuple[str, str | None, str | None], list[Document]] = defaultdict(list)  # what the same plans cover
    for row in standing:
        alike[row["category"], row.get("kind"), row.get("grid_id")].append(row)
    for checklist_id, checklist in lists.items():
        own = sorted(by_list[checklist_id], key=lambda plan: plan.narrowness, reverse=True)
        own_plan = {plan.facility_id: plan for plan in reversed(own) if plan.facility_id}
        general = [plan for plan in own if plan.facility_id is None]
        for sort, rows in alike.items():
            covering = next((plan for plan in general if plan.covers(checklist, "", *sort)), None)
            for row in rows if covering or own_plan else ():
                demanded = own_plan.get(row["_id"], covering)
                if demanded is None:
                    continue
                last_on, installed = lasts.get((checklist_id, row["_id"])), row.get("installed_on")
                due_on = demanded.next_due(last_on, installed.date() if installed else None)
                if due_on < today or not overdue:
                    found.append(_due(row, checklist, demanded, last_on, due_on, today))
    return sorted(found, key=lambda due: (due.due_on, due.kind, due.code))


def wanted(community_id: str) -> list[Wanted]:
    """What ``dues`` reads beside the facilities."""
    where = {"community_id": community_id, "active": True}
    return [Wanted(InspectionPlan, where), Wanted(Checklist, where)]


def lasts_wanted(community_id: str, plans: Sequence[Document], checklists: Sequence[Document]) -> list[Wanted]:
    """What ``dues`` reads when it knows which checklists are in use."""
    used = {plan["checklist_id"] for plan in plans}
    return _lasts_wanted(community_id, [each["_id"] for each in checklists if each["_id"] in used])


def _lasts_wanted(community_id: str, checklists: Sequence[str], facility_id: str | None = None) -> list[Wanted]:
    """Of each checklist the day on which each facility was last inspected, also while it stood in another grid: one
    look into the index for each pair, however many there were."""

    def steps(checklist_id: str) -> tuple[Document, ...]:
        return (
            {"$sort": {"community_id": -1, "checklist_id": -1, "facility_id": -1, "done_at": -1}},
            {"$group": {"_id": "$facility_id", "on": {"$first": "$done_at"}}},
            {"$set": {"list": checklist_id}},
        )

    own = {"community_id": community_id} | ({} if facility_id is None else {"facility_id": facility_id})
    return [Wanted(Inspection, {**own, "checklist_id": one}, steps=steps(one)) for one in checklists]


def _with_all_grids(actor: Actor) -> Actor:
    """The same reader with all grids in view: a plan for all grids is anybody's to know."""
    return replace(actor, grids=None)


def _due(
    row: Document, checklist: Checklist, plan: InspectionPlan, last_on: date | None, due_on: date, today: date
) -> Due:
    return Due(
        facility_id=row["_id"],
        code=row["code"],
        name=row["name"],
        site=row.get("site"),
        grid_id=row.get("grid_id"),
        category=row["category"],
        kind=checklist.inspection_kind,
        checklist_id=checklist.id,
        checklist=checklist.name,
        plan_id=plan.id,
        every_days=plan.every_days,
        due_on=due_on,
        last_on=last_on,
        overdue_days=max(0, (today - due_on).days),
        inspector_id=plan.inspector_id,
    )


# --- the page
@judged
def rounds(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    today: date,
) -> Rounds:
    """How punctual are the inspections of the period, what is due, and what did they find? The figures of a period are
    of all categories. Raises Refused, Unavailable."""
    found = dues(store, actor, community_id, today=today, grids=grids, category=category)
    everything = found if category is None else dues(store, actor, community_id, today=today, grids=grids)
    months = last_months(min(today, period.last), SERIES_MONTHS)
    first = min(months[0], f"{period.first:%Y-%m}")
    flow = flows.by_month(
        store, actor, community_id, "inspections", FLOWS, months=[first, f"{period.last:%Y-%m}"], grids=grids
    )
    open_days: Counter[str] = Counter()
    for each in everything:
        for day in missed(each.due_on, each.every_days, today):
            open_days[f"{day:%Y-%m}"] += 1

    def of(chosen: Sequence[str]) -> tuple[int, int]:
        due = sum(flow[month]["due"] + open_days[month] for month in chosen if month in flow or month in open_days)
        return sum(flow[month]["on_time"] for month in chosen if month in flow), due

    own = [month for month in flow.keys() | open_days.keys() if month in set(period.months)]
    kept, due = of(own)
    done = sum(flow[month]["done"] for month in own if month in flow)
    faulty = sum(flow[month]["failed"] for month in own if month in flow)
    overdue = sum(each.overdue_days > 0 for each in found)
    soon = sum(0 <= (each.due_on - today).days <= 7 for each in found)
    where: Document = {} if category is None else {"category": category}
    lately = store.find(actor, Inspection, community_id, where, grids=grids, sort=[("done_at", -1)], limit=50)
    return Rounds(
        on_time=Value(metrics.ON_TIME, ratio(kept, due), due, [(month, ratio(*of([month]))) for month in months]),
        overdue=Value(metrics.OVERDUE, overdue if found else None, len(found), detail=soon),
        failed=Value(metrics.FAILED, ratio(faulty, done), done),
        due=tuple(found[:LISTED]),
        total=len(found),
        lately=tuple(lately),
    )


# --- one facility
def task(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    today: date,
    facility_id: str | None = None,
    code: str | None = None,
) -> Task:
    """What is to be looked at here, and what is known already? Raises NotFound, Refused, Unavailable."""
    where: Document = {"_id": facility_id} if code is None else {"code": code}
    there = store.find(actor, Facility, community_id, where, limit=1)
    if not there:
        raise NotFound(msg("No facility bears the code {code}. Look at the label again."), code=code or "")
    facility = there[0]
    due = {each.checklist_id: each for each in dues(store, actor, community_id, today=today, facility_id=facility.id)}
    fitting = {"category": facility.category.value, "active": True, "kind": Is(among=[None, facility.kind])}
    also = {"$or": [fitting, {"_id": Is(among=sorted(due))}]}
    lists = store.find(actor, Checklist, community_id, also, sort=[("name", 1)], limit=100)
    lists.sort(key=lambda each: (due[each.id].due_on if each.id in due else date.max, each.name))
    require(actor, Operation.READ, WorkOrder.collection)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        return Task(facility, tuple(lists), due, _standing(store, facility))


def made_by(
    store: Store, actor: Actor, community_id: str, inspectors: Sequence[str], first: datetime, last: datetime
) -> dict[str, int]:
    """How many inspections each of these people, by name, made from one moment to before another. An inspection keeps
    the name under which it was made. Raises Refused, Unavailable."""
    where = {"inspector": Is(among=sorted(set(inspectors))), "done_at": Is(gte=first, lt=last)}
    count = {"$group": {"_id": "$inspector", "n": {"$sum": 1}}}
    by_inspector = ("community_id", "inspector", "done_at")
    rows = store.aggregate(actor, Inspection, community_id, [count], filter=where, index=by_inspector)
    return {row["_id"]: int(row["n"]) for row in rows}


def inspections_of(
    store: Store, actor: Actor, community_id: str, facility_id: str, *, limit: int = 10
) -> list[Inspection]:
    """A facility's inspections, newest first. Raises Refused, Unavailable."""
    where = {"facility_id": facility_id}
    return store.find(actor, Inspection, community_id, where, sort=[("done_at", -1)], limit=limit)


def inspection(store: Store, actor: Actor, community_id: str, id: str) -> tuple[Inspection, dict[str, WorkOrder]]:
    """One inspection and the work orders it opened or met, by id. Raises NotFound, Refused, Unavailable."""
    found = store.get(actor, Inspection, community_id, id)
    ids = sorted({result.order_id for result in found.results if result.order_id})
    orders = store.find(actor, WorkOrder, community_id, {"_id": Is(among=ids)}, limit=len(ids)) if ids else []
    return found, {order.id: order for order in orders}


# --- the registers of what stands behind
def checklists(store: Store, actor: Actor, community_id: str) -> list[Checklist]:
    """All checklists, by name. Raises Refused, Unavailable."""
    return store.find(actor, Checklist, community_id, sort=[("name", 1)], limit=500)


def checklist_names(store: Store, actor: Actor, community_id: str) -> dict[str, str]:
    """Their names by id. Raises Refused, Unavailable."""
    return {each.id: each.name for each in checklists(store, actor, community_id)}


def plans(store: Store, actor: Actor, community_id: str) -> list[InspectionPlan]:
    """All plans in reach, by name: those for all grids too. Raises Refused, Unavailable."""
    found = store.find(_with_all_grids(actor), InspectionPlan, community_id, sort=[("name", 1)], limit=500)
    return [plan for plan in found if actor.grids is None or plan.grid_id is None or plan.grid_id in actor.grids]
