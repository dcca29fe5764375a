"""Lists of work orders, one order's story, and what the repair form needs to know. Every list is bounded and reads an
index; how many there are is counted from the counters or from index keys."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from repository.access import Actor, Operation, may, reach, require, scope
from repository.accounts import first_to_see
from repository.facilities import Facility, ServiceStatus
from repository.filters import Is
from repository.grids import Community, Grid
from repository.maintenance.commands import Promises
from repository.maintenance.records import (
    BY_DUE,
    NEW_TO_A_COMPANY,
    NEW_TO_A_PERSON,
    OPEN,
    TRANSITIONS,
    Priority,
    Status,
    WorkCategory,
    WorkOrder,
)
from repository.people import Person
from repository.record import Choice, Record
from repository.store import NotFound, Store, Wanted
from repository.words import msg

Document = dict[str, Any]

PAGE_ROWS = 50
SEARCHED = 5_000  # newest orders that a search of all orders looks through
MANY = 1_000  # a list counts no further: how many are open in all, the figures say
MINE = 200  # of my own orders that are put in order
_NEVER = datetime.max.replace(tzinfo=UTC)
_RANK = {Priority.URGENT: 0, Priority.NORMAL: 1, Priority.LOW: 2}


class Show(Choice):
    """Which work orders a list shows."""

    OPEN = "open", msg("Open")
    OVERDUE = "overdue", msg("Overdue")
    ON_HOLD = "on_hold", msg("On hold")
    TO_VERIFY = "to_verify", msg("To be verified")
    ALL = "all", msg("All")


@dataclass(frozen=True)
class WorkRow:
    """One work order as a list shows it, its references by name. ``overdue_days`` counts begun days, 0 if not overdue;
    ``due_today`` is only said of open ones."""

    order: WorkOrder
    facility: str | None
    grid: str | None
    assignee: str | None
    overdue_days: int
    due_today: bool


@dataclass(frozen=True)
class WorkList:
    """What is to be done, and in which order? Overdue first (the longest overdue on top), then what is due today, then
    the rest by due day; ``total`` and ``overdue`` count all that match, not only these rows, but stop at MANY."""

    rows: tuple[WorkRow, ...]
    total: int
    overdue: int


@dataclass(frozen=True)
class Story:
    """What happened to this work order, and what may be done with it next?"""

    row: WorkRow
    facility: Facility | None
    moves: tuple[Status, ...]
    alike: tuple[WorkOrder, ...]
    """Other open orders on the same facility, newest first."""


@dataclass(frozen=True)
class Promise:
    """Who gets a repair reported here now, and by when is it answered and mended? ``provisional``: the holidays of that
    year are not known yet."""

    assignee_id: str | None
    assignee: str | None
    answer_by: datetime
    due_by: datetime
    provisional: bool


@dataclass(frozen=True)
class FacilityBrief:
    """What does somebody who stands before a facility want to see of it before reporting a fault?"""

    facility: Facility
    grid: str | None
    last_reported_at: datetime | None
    open: int


# --- lists
def work_list(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    now: datetime,
    show: Show | str = Show.OPEN,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    priority: Priority | str | None = None,
    assignee_id: str | None = None,
    search: str = "",
    page: int = 1,
    rows: int = PAGE_ROWS,
) -> WorkList:
    """Which work orders match, what comes first? See Show; ``search`` looks in number, fault, place, description and
    facility. All orders come newest first, and a search of them looks through the newest SEARCHED, and through all
    numbers that begin so."""
    shown = Show(show)
    search = "".join(char if char.isprintable() else " " for char in search)  # the server takes no NUL in a pattern
    where: Document = {}
    if category is not None:
        where["category"] = category
    if priority is not None:
        where["priority"] = str(priority)
    if assignee_id is not None:
        where["assignee_id"] = assignee_id
    if shown is Show.ALL or (shown is Show.TO_VERIFY and search.strip()):
        if shown is Show.TO_VERIFY:
            where["status"] = Status.DONE.value
        return _newest(store, actor, community_id, where, search, grids, now, page, rows)
    where |= _matching(store, actor, community_id, search)
    order = [("due_at", 1)]
    if shown is Show.TO_VERIFY:
        where["status"] = Status.DONE.value
        order = [("ended_at", 1)]
    else:
        where["is_open"] = True
        if shown is Show.OVERDUE:
            where["due_at"] = Is(lt=now)
        elif shown is Show.ON_HOLD:
            where["status"] = Status.ON_HOLD.value
    total, late = _count(store, actor, community_id, where, grids, now)
    skip = (page - 1) * rows
    if shown in (Show.OPEN, Show.ON_HOLD):
        orders = _with_undated_last(store, actor, community_id, where, grids, skip, rows)
    else:
        orders = store.find(actor, WorkOrder, community_id, where, grids=grids, sort=order, skip=skip, limit=rows)
    return WorkList(_rows(store, actor, community_id, _in_order(orders, now), now), total, late)


def my_work(
    store: Store,
    actor: Actor,
    community_id: str,
    people: Sequence[str],
    companies: Sequence[str] = (),
    *,
    now: datetime,
    limit: int = MINE,
) -> WorkList:
    """What was given to these people or companies, and what of it comes first? Overdue, then due today, then by
    priority. Looks at the first ``limit`` by due time that each of the two has, and counts no others."""
    found: dict[str, WorkOrder] = {}
    for field, _keys, ids in _whose(people, companies):
        where = {"is_open": True, field: Is(among=ids)}
        orders = _with_undated_last(store, actor, community_id, where, None, 0, limit)
        found |= {order.id: order for order in orders}
    rows = _rows(store, actor, community_id, _in_order(found.values(), now, urgent_first=True), now)
    return WorkList(rows, len(rows), sum(row.overdue_days > 0 for row in rows))


def new_work(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], companies: Sequence[str] = ()
) -> int:
    """How many open orders were given to these people or companies that they have not seen yet? Stops at MANY."""
    found: set[str] = set()
    for field, keys, ids in _whose(people, companies):
        where = {"is_open": True, field: Is(among=ids), "noticed_at": None, "assigned_at": Is(exists=True)}
        first: list[Document] = [{"$limit": MANY}, {"$project": {"_id": 1}}]
        documents = store.aggregate(actor, WorkOrder, community_id, first, filter=where, index=keys)
        found |= {document["_id"] for document in documents}
    return min(len(found), MANY)


def _whose(people: Sequence[str], companies: Sequence[str]) -> list[tuple[str, tuple[str, ...], list[str]]]:
    """The fields by which an order is somebody's, each with its index and ids; asked one after the other, since the
    server finds no partial index for "either"."""
    both = ("assignee_id", NEW_TO_A_PERSON, list(people)), ("company_id", NEW_TO_A_COMPANY, list(companies))
    return [one for one in both if one[2]]


def _with_undated_last(
    store: Store,
    actor: Actor,
    community_id: str,
    where: Mapping[str, Any],
    grids: frozenset[str] | None,
    skip: int,
    rows: int,
) -> list[WorkOrder]:
    """By due time; orders without one after all others (an index sorts a missing value first)."""
    dated = {**where, "due_at": Is(gt=datetime(1, 1, 2, tzinfo=UTC))}
    orders = store.find(actor, WorkOrder, community_id, dated, grids=grids, sort=[("due_at", 1)], skip=skip, limit=rows)
    if len(orders) < rows:
        before = store.count(actor, WorkOrder, community_id, dated, grids=grids) if skip else 0
        orders += store.find(
            actor,
            WorkOrder,
            community_id,
            {**where, "due_at": None},
            grids=grids,
            sort=[("reported_at", 1)],
            skip=max(0, skip - before),
            limit=rows - len(orders),
        )
    return orders


def _newest(
    store: Store,
    actor: Actor,
    community_id: str,
    where: Mapping[str, Any],
    search: str,
    grids: frozenset[str] | None,
    now: datetime,
    page: int,
    rows: int,
) -> WorkList:
    """Newest first. Searching and counting stop at a bound: no list may cost more with every year."""
    newest: list[Document] = [{"$sort": {"reported_at": -1}}]
    numbered: list[WorkOrder] = []
    if search.strip():
        newest += [{"$limit": SEARCHED}, {"$match": _matching(store, actor, community_id, search)}]
        if page == 1 and len(search.split()) == 1:
            begins = {**where, "number": Is(regex="^" + re.escape(search.strip()[:60]))}
            numbered = store.find(actor, WorkOrder, community_id, begins, grids=grids, limit=rows)
    newest += [{"$limit": MANY}, {"$project": {"_id": 1}}]
    found = [
        document["_id"]
        for document in store.aggregate(actor, WorkOrder, community_id, newest, filter=where, grids=grids)
    ]
    some = found[(page - 1) * rows : page * rows]
    orders = store.find(
        actor, WorkOrder, community_id, {"_id": Is(among=some)}, grids=grids, sort=[("reported_at", -1)]
    )
    older = [order for order in numbered if order.id not in set(found)]
    orders = (orders + older)[:rows]
    return WorkList(_rows(store, actor, community_id, orders, now), len(found) + len(older), 0)


def _count(
    store: Store,
    actor: Actor,
    community_id: str,
    where: Mapping[str, Any],
    grids: frozenset[str] | None,
    now: datetime,
) -> tuple[int, int]:
    """How many match and how many of these are overdue, up to MANY, the longest overdue counted first."""
    late = {
        "$and": [{"$eq": ["$is_open", True]}, {"$gt": ["$due_at", None]}, {"$lt": ["$due_at", now.astimezone(UTC)]}]
    }
    pipeline: list[Document] = [{"$limit": MANY}, {"$group": {"_id": late, "n": {"$sum": 1}}}]
    found = store.aggregate(
        actor,
        WorkOrder,
        community_id,
        pipeline,
        filter=where,
        grids=grids,
        index=BY_DUE if where.keys() <= set(BY_DUE) else None,
    )
    counted = {group["_id"]: int(group["n"]) for group in found}
    return sum(counted.values()), counted.get(True, 0)


def _matching(store: Store, actor: Actor, community_id: str, search: str) -> Document:
    """A filter for what somebody typed into a search box: every word must occur somewhere."""
    clauses = []
    for word in search.split()[:5]:
        pattern = Is(regex=re.escape(word[:60]), options="i")
        either: list[Document] = [{name: pattern} for name in ("number", "fault", "place", "description")]
        facilities = store.find(
            actor, Facility, community_id, {"$or": [{"name": pattern}, {"code": pattern}]}, limit=200
        )
        if facilities:
            either.append({"facility_id": Is(among=[facility.id for facility in facilities])})
        clauses.append({"$or": either})
    return {"$and": clauses} if clauses else {}


def _in_order(orders: Iterable[WorkOrder], now: datetime, *, urgent_first: bool = False) -> list[WorkOrder]:
    """Overdue first, the longest on top; then due today and then the rest, the more urgent first on the same day, or
    ``urgent_first`` whatever the day."""

    def key(order: WorkOrder) -> tuple[Any, ...]:
        due, rank = order.due_at, _RANK[order.priority]
        if due is not None and due < now:
            return (0, due, rank)
        if due is None:
            return (2, rank, _NEVER) if urgent_first else (3, order.reported_at, 0)
        day = due.astimezone(now.tzinfo).date()
        if day == now.date():
            return (1, rank, due)
        then = datetime.combine(day, time(), UTC)
        return (2, rank, then) if urgent_first else (2, then, rank)

    return sorted(orders, key=key)


def _rows(
    store: Store, actor: Actor, community_id: str, orders: Sequence[WorkOrder], now: datetime
) -> tuple[WorkRow, ...]:
    """Orders with the names of what they point at, looked up once each."""

    names = _names(
        store,
        actor,
        community_id,
        {
            Facility: {order.facility_id for order in orders},
            Grid: {order.grid_id for order in orders},
            Person: {order.assignee_id for order in orders},
        },
    )
    today = now.date()
    return tuple(
        WorkRow(
            order=order,
            facility=names.get(order.facility_id or "", order.facility_id),
            grid=names.get(order.grid_id or "", order.grid_id),
            assignee=names.get(order.assignee_id or "", order.assignee_id),
            overdue_days=_overdue_days(order, now),
            due_today=bool(
                order.status in OPEN
                and order.due_at
                and order.due_at >= now
                and order.due_at.astimezone(now.tzinfo).date() == today
            ),
        )
        for order in orders
    )


def _names(
    store: Store, actor: Actor, community_id: str, wanted: Mapping[type[Record], set[str | None]]
) -> dict[str, str]:
    """Names by id, of several collections in one question. A name is no secret: the orders are cut to the reach."""
    own = {"$project": {"name": 1}}

    def of(record: type[Record]) -> Document:
        return {"community_id": community_id, "_id": Is(among=sorted(filter(None, wanted[record])))}

    first, *others = [record for record, ids in wanted.items() if any(ids)] or [Person]
    union = [
        {"$unionWith": {"coll": record.collection, "pipeline": [{"$match": of(record)}, own]}} for record in others
    ]
    everywhere = replace(actor, grids=None)
    found = store.aggregate(everywhere, first, community_id, [own, *union], filter=of(first))
    return {document["_id"]: document["name"] for document in found}


def _overdue_days(order: WorkOrder, now: datetime) -> int:
    if order.status not in OPEN or order.due_at is None or order.due_at >= now:
        return 0
    return -((order.due_at - now) // timedelta(days=1))


# --- one order
def work_story(store: Store, actor: Actor, community_id: str, order_id: str, *, now: datetime) -> Story:
    """What happened to this work order, and what may be done with it next? Raises NotFound."""
    order = store.get(actor, WorkOrder, community_id, order_id)
    facility = None
    alike: tuple[WorkOrder, ...] = ()
    if order.facility_id:
        found = store.find(actor, Facility, community_id, {"_id": order.facility_id}, limit=1)
        facility = found[0] if found else None
        others = open_orders_like(store, actor, community_id, order.facility_id)
        alike = tuple(other for other in others if other.id != order.id)
    moves = (
        tuple(status for status in Status if status in TRANSITIONS[order.status])
        if may(actor, Operation.UPDATE, WorkOrder.collection)
        else ()
    )
    return Story(_rows(store, actor, community_id, [order], now)[0], facility, moves, alike)


def work_story_if_any(store: Store, actor: Actor, community_id: str, order_id: str, *, now: datetime) -> Story | None:
    """As ``work_story``; None for an order that is not there any more, or not in the actor's reach: an old link."""
    try:
        return work_story(store, actor, community_id, order_id, now=now)
    except NotFound:
        return None


def open_orders_like(
    store: Store, actor: Actor, community_id: str, facility_id: str, fault: str | None = None
) -> list[WorkOrder]:
    """Is this fault reported already? Open orders on the facility (with the same fault, if one is named), newest
    first: they are offered before a second one is opened, which nobody is kept from."""
    where: Document = {"facility_id": facility_id, "is_open": True}
    if fault is not None:
        where["fault"] = fault
    return store.find(actor, WorkOrder, community_id, where, sort=[("reported_at", -1)], limit=20)


# --- for the repair form
def promise(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    facility: Facility | None = None,
    grid_id: str | None = None,
    priority: Priority = Priority.NORMAL,
    now: datetime,
) -> Promise:
    """Who gets a repair reported here now, and by when is it answered and mended?"""
    responsible = facility.responsible_id if facility else None
    where = facility.grid_id if facility else grid_id
    communities, grids, people = store.together(
        actor,
        community_id,
        [
            Wanted(Community),
            Wanted(Grid, fields=("responsible_id",)),
            Wanted(Person, scope(actor, Person, community_id) | {"$and": [{"_id": responsible}]}),
        ],
    )
    lead = next((grid.get("responsible_id") for grid in grids if grid["_id"] == where), None)
    assignee = first_to_see(store, community_id, where, (responsible, lead))
    names = {person["_id"]: person["name"] for person in people}
    if assignee and assignee not in names:
        names |= {one.id: one.name for one in store.find(actor, Person, community_id, {"_id": assignee}, limit=1)}
    community = Community.from_document(communities[0]) if communities else None
    promises = Promises.of(store, actor, community_id, community=community)
    answer_by, due_by = promises.moments(priority, str(facility.category if facility else WorkCategory.OTHER), now)
    unsure = promises.times.provisional(due_by.astimezone(promises.times.zone).date())
    return Promise(assignee, names.get(assignee or ""), answer_by, due_by, unsure)


def facility_brief(
    store: Store, actor: Actor, community_id: str, *, code: str | None = None, facility_id: str | None = None
) -> FacilityBrief | None:
    """What stands here, by the code on its label or its id? None if nothing does."""
    where: Document = {"code": code} if code is not None else {"_id": facility_id}
    found = store.find(actor, Facility, community_id, where, limit=1)
    if not found:
        return None
    facility = found[0]
    last = store.find(actor, WorkOrder, community_id, {"facility_id": facility.id}, sort=[("reported_at", -1)], limit=1)
    grid = store.find(actor, Grid, community_id, {"_id": facility.grid_id}, limit=1) if facility.grid_id else []
    return FacilityBrief(
        facility,
        grid[0].name if grid else facility.grid_id,
        last[0].reported_at if last else None,
        store.count(actor, WorkOrder, community_id, {"facility_id": facility.id, "is_open": True}),
    )


def reportable(store: Store, actor: Actor, community_id: str) -> dict[str, str]:
    """What can be reported as broken: name, site and code by id of facilities that are not retired, by name."""
    found = store.aggregate(
        actor,
        Facility,
        community_id,
        [
            {"$match": {"status": {"$ne": ServiceStatus.RETIRED.value}}},
            {"$project": {"name": 1, "site": 1, "code": 1}},
            {"$sort": {"name": 1, "code": 1}},
            {"$limit": 20_000},
        ],
    )
    return {
        document["_id"]: " · ".join(filter(None, (document["name"], document.get("site"), document["code"])))
        for document in found
    }


def work_categories(store: Store, actor: Actor, community_id: str) -> tuple[str, ...]:
    """Which categories do the work orders in reach have, or had once? For the filter; by name. Costs one look into an
    index per category; for some grids, their counters."""
    seen = reach(actor, community_id)
    if seen is None:
        found = store.aggregate(actor, WorkOrder, community_id, [{"$group": {"_id": "$category"}}])
        return tuple(sorted(document["_id"] for document in found))
    require(actor, Operation.READ, WorkOrder.collection)
    cells = store.counters(community_id, "work_orders", "cell", {"grid": Is(among=sorted(seen))}, {"category": 1})
    return tuple(sorted({cell["category"] for cell in cells}))
