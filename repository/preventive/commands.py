"""Plans, and the work orders they make ahead of time. Generating again makes nothing twice: a plan, a facility and a
day have one order, which a unique index holds against whoever generates at the same moment."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from repository.access import Actor, Operation, require, scope
from repository.accounts import first_to_see, sees
from repository.due import put_off, told
from repository.facilities import Facility, ServiceStatus, follows_retirement
from repository.filters import Is
from repository.grids import Grid
from repository.maintenance import (
    NEVER_OWED,
    OPEN,
    Event,
    Outcome,
    Status,
    WorkKind,
    WorkOrder,
    leave_undone,
    number_text,
    numbered,
    require_seen,
    said,
)
from repository.preventive.records import NOT_BEGUN, Basis, MaintenancePlan, to_make
from repository.record import midnight
from repository.store import Conflict, Duplicate, Invalid, NotFound, Store, Write, build
from repository.words import Message, msg

Document = dict[str, Any]

CHUNK = 500  # orders to a transaction: some MB, far from what the embedded server's cache bears
AHEAD_MOST = timedelta(days=400)


@dataclass(frozen=True)
class Generated:
    """How many orders a run made, of how many that were due or ahead, and how many it ended because their facility was
    retired, as a sheet or an older version may have left them."""

    made: int
    wanted: int
    ended: int = 0


# --- plans
def add_plan(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> MaintenancePlan:
    """Enter a plan; that of one facility belongs to its grid and category. Raises Invalid, Refused."""

    def work(write: Write) -> MaintenancePlan:
        given = {**values, **_place(write, community_id, values), "community_id": community_id}
        return write.insert(_checked(write, build(MaintenancePlan, given)))

    return store.write(actor, work, key=key)


def edit_plan(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> MaintenancePlan:
    """Change a plan; orders that were made already stay as they are. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> MaintenancePlan:
        plan = write.read(MaintenancePlan, community_id, id)
        wanted = {**changes, **_place(write, community_id, {**dict(plan), **changes})}
        _checked(write, build(MaintenancePlan, {**dict(plan), **wanted}))
        return write.update(MaintenancePlan, community_id, id, revision, wanted)

    return store.write(actor, work)


def remove_plan(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a plan that made no order; one that is over is taken out of use instead. Raises InUse, Conflict,
    NotFound, Refused."""
    store.delete(actor, MaintenancePlan, community_id, id, revision)


def _place(write: Write, community_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    if not (id := values.get("facility_id")):
        return {}
    facility = write.referred(Facility, community_id, "facility_id", id)
    return {"grid_id": facility.grid_id, "category": facility.category, "kind": facility.kind}


def _checked(write: Write, plan: MaintenancePlan) -> MaintenancePlan:
    who = {"assignee_id": plan.assignee_id, "company_id": plan.company_id}
    require_seen(write, plan.community_id, plan.grid_id, **who)
    if plan.facility_id is None and plan.category is None:
        raise Invalid({"category": Message(msg("Choose a facility, or a category for all of a kind"))})
    return plan


# --- generating
@dataclass(frozen=True)
class _Wanted:
    """An order to be made."""

    plan: MaintenancePlan
    facility: Document
    on: date

    @property
    def key(self) -> tuple[str, str, date]:
        return self.plan.id, self.facility["_id"], self.on


def generate(store: Store, actor: Actor, community_id: str, *, until: date | None = None) -> Generated:
    """Make the orders of all plans that fall due within their lead time, or up to ``until`` (AHEAD_MOST from today at
    most); end what is planned for retired facilities.

    In transactions of CHUNK orders each: a run that is killed has made some of them whole and the rest not at all, and
    the next run, or one beside it, makes just those. Raises Refused, Unavailable and what ``Store.write`` raises.
    """
    require(actor, Operation.CREATE, WorkOrder.collection)
    require(actor, Operation.UPDATE, MaintenancePlan.collection)  # who runs the plans may have them make orders
    zone = store.zone(community_id)
    leads = {grid.id: grid.responsible_id for grid in store.find(actor, Grid, community_id)}
    made = wanted = 0
    for missing in _lacking(store, actor, community_id, until):
        chunk: list[_Wanted] = []
        for one in missing:
            chunk.append(one)
            wanted += 1
            if len(chunk) == CHUNK:
                made += _make(store, actor, community_id, chunk, leads, zone)
                chunk = []
        made += _make(store, actor, community_id, chunk, leads, zone)
    return Generated(made, wanted, _end_with_the_retired(store, actor, community_id))


def lacking(store: Store, actor: Actor, community_id: str, *, until: date) -> int:
    """How many orders would ``generate`` make up to a day? Raises Invalid, Refused, Unavailable."""
    return sum(1 for missing in _lacking(store, actor, community_id, until) for _one in missing)


def check_ahead(until: date, today: date) -> None:
    """Can orders be made up to this day? Raises Invalid."""
    if until < today:
        raise Invalid({"until": Message(msg("This lies in the past"))})
    if until > today + AHEAD_MOST:
        raise Invalid({"until": Message(msg("At most {n} days ahead"), {"n": AHEAD_MOST.days})})


def _lacking(store: Store, actor: Actor, community_id: str, until: date | None) -> Iterator[Iterator[_Wanted]]:
    """Plan by plan, the orders that are not made yet."""
    zone = store.zone(community_id)
    today = store.clock().astimezone(zone).date()
    if until is not None:
        check_ahead(until, today)
    plans = store.find(actor, MaintenancePlan, community_id, {"active": True}, limit=1000)
    if not plans:
        return
    fields = ("category", "kind", "grid_id", "site", "responsible_id", "name", "installed_on")
    standing = store.aggregate(
        actor,
        Facility,
        community_id,
        [{"$project": dict.fromkeys(fields, 1)}],
        filter={"status": Is(ne=ServiceStatus.RETIRED.value)},
    )
    for plan in plans:
        horizon = max(today + timedelta(days=plan.lead_days), until or today)
        yield _missing(store, actor, community_id, plan, standing, today, horizon, zone)


def _missing(
    store: Store,
    actor: Actor,
    community_id: str,
    plan: MaintenancePlan,
    standing: Sequence[Document],
    today: date,
    until: date,
    zone: ZoneInfo,
) -> Iterator[_Wanted]:
    """The orders the plan lacks, facility by facility."""
    covered = [row for row in standing if plan.covers(row["_id"], row["category"], row.get("kind"), row.get("grid_id"))]
    if not covered:
        return
    newest = _newest(store, actor, community_id, plan)
    there: dict[str, set[date]] = defaultdict(set)
    if plan.basis is Basis.CALENDAR:
        since = datetime.combine(today - timedelta(days=400), time(), UTC)
        rows = store.aggregate(
            actor,
            WorkOrder,
            community_id,
            [{"$project": {"_id": 0, "facility_id": 1, "scheduled_for": 1}}],
            filter={"plan_id": plan.id, "scheduled_for": Is(gte=since)},
        )
        for row in rows:
            there[row.get("facility_id", "")].add(row["scheduled_for"].date())
    for facility in covered:
        last = newest.get(facility["_id"])
        day = last["scheduled_for"].date() if last else None
        ended = last.get("ended_at") if last else None
        completed = last is not None and last.get("outcome") == Outcome.COMPLETED and ended is not None
        base = ended.astimezone(zone).date() if completed and ended else day
        is_open = last is not None and last["status"] in OPEN
        stood_on = facility["installed_on"].date() if facility.get("installed_on") else None
        for on in to_make(plan, today, until, day, base, stood_on, is_open=is_open):
            if on not in there[facility["_id"]]:
                yield _Wanted(plan, facility, on)


def _newest(store: Store, actor: Actor, community_id: str, plan: MaintenancePlan) -> dict[str, Document]:
    """By facility the newest order of the plan: one look into the index for each, however many there were."""
    kept = ("scheduled_for", "ended_at", "outcome", "status")
    rows = store.aggregate(
        actor,
        WorkOrder,
        community_id,
        [
            {"$sort": {"community_id": -1, "plan_id": -1, "facility_id": -1, "scheduled_for": -1}},
            {"$group": {"_id": "$facility_id", **{name: {"$first": f"${name}"} for name in kept}}},
        ],
        filter={"plan_id": plan.id},
    )
    return {row["_id"]: row for row in rows if row["_id"] is not None}


def _make(
    store: Store,
    actor: Actor,
    community_id: str,
    chunk: Sequence[_Wanted],
    leads: Mapping[str, str | None],
    zone: ZoneInfo,
) -> int:
    """Write a chunk as one transaction; returns how many it made. What somebody else made meanwhile is left out."""
    left = list(chunk)
    while left:

        def work(write: Write, first: int, left: Sequence[_Wanted] = left) -> int:
            first_of = cache(partial(first_to_see, store, community_id, session=write.session))
            known = cache(partial(sees, write, community_id))
            orders = [
                _order(one, community_id, number_text(first + place), write.at, actor, leads, zone, first_of, known)
                for place, one in enumerate(left)
            ]
            write.insert_many(orders)
            return len(orders)

        try:
            return numbered(store, actor, community_id, len(left), work)
        except Duplicate:
            still = _without_those_made(store, actor, community_id, left)
            if len(still) == len(left):
                raise
            left = still
    return 0


def _without_those_made(store: Store, actor: Actor, community_id: str, wanted: Sequence[_Wanted]) -> list[_Wanted]:
    rows = store.aggregate(
        actor,
        WorkOrder,
        community_id,
        [{"$project": {"plan_id": 1, "facility_id": 1, "scheduled_for": 1}}],
        filter={
            "plan_id": wanted[0].plan.id,
            "facility_id": Is(among=sorted({one.facility["_id"] for one in wanted})),
            "scheduled_for": Is(gte=datetime.combine(min(one.on for one in wanted), time(), UTC)),
        },
    )
    there = {(row["plan_id"], row["facility_id"], row["scheduled_for"].date()) for row in rows}
    return [one for one in wanted if one.key not in there]


def _order(
    one: _Wanted,
    community_id: str,
    number: str,
    at: datetime,
    actor: Actor,
    leads: Mapping[str, str | None],
    zone: ZoneInfo,
    first_of: Callable[[str | None, tuple[str | None, ...]], str | None],
    sees: Callable[..., bool],
) -> WorkOrder:
    plan, facility = one.plan, one.facility
    grid = facility.get("grid_id")
    # whoever cannot see it any more is not given it
    assignee = first_of(grid, (plan.assignee_id, facility.get("responsible_id"), leads.get(grid or "")))
    company = plan.company_id if plan.company_id and sees(grid, company_id=plan.company_id) else None
    due = max(at, _end_of(one.on, zone))  # made late, it is due at once, and judged by the day it was scheduled for
    return WorkOrder(
        community_id=community_id,
        number=number,
        fault=plan.name,
        facility_id=facility["_id"],
        place=facility.get("site"),
        grid_id=facility.get("grid_id"),
        category=facility["category"],
        priority=plan.priority,
        kind=WorkKind.PREVENTIVE,
        plan_id=plan.id,
        scheduled_for=one.on,
        grace_days=plan.grace_days,
        reported_at=at,
        due_at=due,
        assignee_id=assignee,
        assigned_at=at if assignee or company else None,
        company_id=company,
        estimated_hours=plan.estimated_hours,
        description=plan.instructions,
        events=(Event(at=at, by=actor.name, by_id=actor.id, status=Status.REPORTED),),
    )


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) - timedelta(minutes=1)


# --- with a facility that is retired
PLANNED: Mapping[str, Any] = {
    "is_open": True,
    "kind": WorkKind.PREVENTIVE.value,
    "status": Is(among=sorted(NOT_BEGUN)),
}
"""Orders that end with their facility."""


@follows_retirement
def _follow(write: Write, facility: Facility, why: str) -> None:
    """What is planned for a facility and nobody has begun ends with it, with the reason, and is owed again where its
    retirement is taken back. What was scheduled for a day to come was never owed (see ``NEVER_OWED``); what is past its
    day was, and counts as not done. What is out of the actor's reach ends with the next ``generate`` of the server."""
    today = write.at.astimezone(write.store.zone(facility.community_id)).date()
    gone = facility.status is ServiceStatus.RETIRED
    what = PLANNED if gone else {"outcome": NEVER_OWED, "scheduled_for": Is(gte=midnight(today))}
    where = {**scope(write.actor, WorkOrder, facility.community_id), "facility_id": facility.id, **what}
    for found in list(write.store.db[WorkOrder.collection].find(where, {"_id": 1}, session=write.session)):
        with suppress(NotFound):  # an import is just bringing it
            order = write.read(WorkOrder, facility.community_id, found["_id"])
            past = order.scheduled_for is not None and order.scheduled_for < today
            if gone:
                outcome = Outcome.CANCELLED if past else Outcome.WITHDRAWN
                leave_undone(write, order, f"{facility.code} {why or '✕'}", outcome=outcome, following=Facility)
            else:
                _owe_again(write, order, f"{facility.code} {why or '✓'}")


def _owe_again(write: Write, order: WorkOrder, note: str) -> None:
    """An order that was never owed stands again where it stood: nothing had ended."""
    stood = next((event.status for event in reversed(order.events) if event.status in OPEN), Status.REPORTED)
    again = order.model_copy(update={"status": stood, "ended_at": None, "outcome": None})
    changes = {name: getattr(again, name) for name in ("status", "ended_at", "outcome")} | {"is_open": True}
    changes["events"] = (*order.events, said(write, again, note))
    write.update(WorkOrder, order.community_id, order.id, order.revision, changes, following=Facility)


def _end_with_the_retired(store: Store, actor: Actor, community_id: str) -> int:
    """The same for all that were retired otherwise: by a sheet, or by an older version. Returns how many ended."""
    retired = {"status": ServiceStatus.RETIRED.value}
    rows = store.aggregate(actor, Facility, community_id, [{"$project": {"_id": 1}}], filter=retired)
    if not rows:
        return 0
    planned = {**PLANNED, "facility_id": Is(among=[row["_id"] for row in rows])}
    left = store.aggregate(actor, WorkOrder, community_id, [{"$sortByCount": "$facility_id"}], filter=planned)

    def end(write: Write, id: str) -> None:
        facility = write.read(Facility, community_id, id)
        if facility.status is ServiceStatus.RETIRED:
            _follow(write, facility, "")

    for row in left:
        store.write(actor, partial(end, id=row["_id"]))
    return sum(row["count"] for row in left)


# --- not as planned
def skip(
    store: Store, actor: Actor, community_id: str, order_id: str, revision: int, reason: str, *, key: str | None = None
) -> WorkOrder:
    """Leave a preventive order out, with the reason: it counts as due and not done, and is not made again. Raises
    Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> WorkOrder:
        return leave_undone(write, _planned(write, community_id, order_id, revision, reason), reason)

    return store.write(actor, work, key=key)


def postpone(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    to: date,
    reason: str,
    *,
    key: str | None = None,
) -> WorkOrder:
    """Give a preventive order more time, with the reason. It is due later, but goes on to be judged by the day it was
    scheduled for (M8, M9). Raises Invalid, Conflict, NotFound, Refused."""
    zone = store.zone(community_id)
    due = _end_of(to, zone)

    def work(write: Write) -> WorkOrder:
        order = _planned(write, community_id, order_id, revision, reason)
        if due <= write.at:
            raise Invalid({"to": Message(msg("This lies in the past"))})
        changes = {
            "due_at": due,
            "events": (*order.events, said(write, order, told(reason, zone, (order.due_at, due)))),
        }
        changes |= put_off(order.postponements, order.due_at, due, write.at)
        return write.update(WorkOrder, community_id, order_id, revision, changes)

    return store.write(actor, work, key=key)


def _planned(write: Write, community_id: str, order_id: str, revision: int, reason: str) -> WorkOrder:
    """The preventive order that is not to be done as planned."""
    if not (reason or "").strip():
        raise Invalid({"reason": Message(msg("Say why"))})
    order = write.read(WorkOrder, community_id, order_id)
    if order.revision != revision:
        raise Conflict(order)  # whatever it has become meanwhile, show that
    if order.kind is not WorkKind.PREVENTIVE or order.status not in OPEN:
        raise Invalid({"": Message(msg("Only an open preventive order can be postponed or skipped."))})
    return order
