"""What can be done to a work order. Each command is one transaction and names its actor; a stale ``revision`` raises
Conflict, a value that cannot be raises Invalid with the problem beside its field."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from repository.access import Actor, Operation, Refused, reach, require
from repository.facilities import Facility, ServiceStatus, with_history
from repository.grids import Grid
from repository.maintenance.records import (
    DUE_HOURS,
    OPEN,
    TRANSITIONS,
    Event,
    Outcome,
    Priority,
    Reopening,
    Status,
    WorkOrder,
)
from repository.people import Person, drop_contact, keep_contact
from repository.record import Record
from repository.store import Duplicate, Invalid, NotFound, Store, Write, build
from repository.words import Message, msg

R = TypeVar("R", bound=Record)

SERIES = "work_orders"  # of numbers
ANSWERS = frozenset(
    {Status.ACCEPTED, Status.ASSIGNED, Status.IN_PROGRESS, Status.ON_HOLD, Status.DONE, Status.REJECTED}
)
"""The steps that answer a report: the first of them stops the clock of M4."""

CLOSING = frozenset({Outcome.CANCELLED, Outcome.REFERRED, Outcome.DUPLICATE})
"""How an order can be closed without being done."""

EDITABLE = frozenset(
    {
        "fault",
        "facility_id",
        "place",
        "grid_id",
        "category",
        "priority",
        "source",
        "dangerous",
        "due_at",
        "assignee_id",
        "estimated_hours",
        "actual_hours",
        "cost_cents",
        "description",
    }
)
"""What ``edit`` may change; status and moments have commands of their own."""

CORRECTABLE = frozenset({"number", "reported_at", "responded_at", "due_at", "ended_at", "outcome"})
"""What ``correct`` may put right."""


# --- entering
def log_repair(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    fault: str | None,
    facility_id: str | None = None,
    place: str | None = None,
    grid_id: str | None = None,
    category: str | None = None,
    priority: Priority | str | None = None,
    source: str | None = None,
    dangerous: bool = False,
    reported_at: datetime | None = None,
    due_at: datetime | None = None,
    assignee_id: str | None = None,
    estimated_hours: float | None = None,
    description: str | None = None,
    caller_name: str | None = None,
    caller_phone: str | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Open a work order on a facility, or on a place that has none; returns it with its number.

    Grid and category come from the facility, the assignee is who answers for the facility, else for the grid. Due is
    reported + DUE_HOURS of the priority unless given. A dangerous fault is urgent and puts the facility out of order
    in the same transaction. ``caller_name`` and ``caller_phone`` are whom to call back; they are kept apart (see
    ``people.Contact``). ``reported_at`` may lie in the past. The same ``key`` opens one order only.
    """
    require(actor, Operation.CREATE, WorkOrder.collection)

    def work(write: Write) -> WorkOrder:
        facility = _referred(write, Facility, community_id, "facility_id", facility_id)
        where = (facility.grid_id if facility else None) or grid_id or _only_grid(actor)
        if actor.grids is not None and where is None:
            raise Invalid({"grid_id": Message(msg("Choose the grid"))})
        if facility is None and not (place or "").strip():
            raise Invalid({"place": Message(msg("Say where: choose a facility or write the place"))})
        _referred(write, Person, community_id, "assignee_id", assignee_id)
        at = reported_at or write.at
        urgency = Priority.URGENT if dangerous else priority or Priority.NORMAL
        values: dict[str, Any] = {
            "community_id": community_id,
            "number": numbers[-1],
            "fault": fault or "",
            "facility_id": facility.id if facility else None,
            "place": place or (facility.site if facility else None),
            "grid_id": where,
            "priority": urgency,
            "source": source,
            "dangerous": dangerous,
            "reported_at": at,
            "due_at": due_at,
            "assignee_id": assignee_id or _responsible(write, community_id, facility, where),
            "estimated_hours": estimated_hours,
            "description": description or None,
        }
        if category or facility:
            values["category"] = category or str(facility.category if facility else "")
        order = build(WorkOrder, values)
        first = Event(at=order.reported_at, by=actor.name, status=Status.REPORTED)
        due = order.due_at or order.reported_at + timedelta(hours=DUE_HOURS[order.priority])
        order = order.model_copy(update={"due_at": due, "events": (first,)})
        _check_moments(order, write.at)
        made = write.insert(order)
        keep_contact(write, community_id, made.id, made.grid_id, name=caller_name, phone=caller_phone)
        if dangerous and facility:
            _stop(write, facility, made)
        return made

    _require_place(store, actor, community_id, facility_id, grid_id)
    numbers: list[str] = []
    for _ in range(20):
        numbers.append(f"W-{store.next_number(actor, community_id, SERIES):05d}")
        try:
            return store.write(actor, work, key=key)
        except Duplicate as duplicate:
            if "number" not in duplicate.fields:
                raise
            _skip_taken(store, actor, community_id)
    raise Invalid({"number": Message(msg("No free number was found; give this order a number of your own."))})


def _require_place(store: Store, actor: Actor, community_id: str, facility_id: str | None, grid_id: str | None) -> None:
    """Raise Refused where the order would lie out of reach: asked before a number is taken for it, which stays taken.
    What else may be wrong with the place, the write finds."""
    seen = reach(actor, community_id)
    if seen is None:
        return
    named = {"_id": facility_id}
    there = store.find(replace(actor, grids=None), Facility, community_id, named, limit=1) if facility_id else []
    where = there[0].grid_id if there else grid_id
    if where is not None and where not in seen:
        raise Refused(msg("This belongs to a grid that is not in your charge. Nothing was changed."))


def _only_grid(actor: Actor) -> str | None:
    return next(iter(actor.grids)) if actor.grids is not None and len(actor.grids) == 1 else None


def _referred(write: Write, record: type[R], community_id: str, field: str, id: str | None) -> R | None:
    """The record a field points at; a problem beside that field when there is none."""
    if id is None:
        return None
    try:
        return write.read(record, community_id, id)
    except NotFound:
        raise Invalid({field: Message(msg("Choose one of the list"))}) from None


def _responsible(write: Write, community_id: str, facility: Facility | None, grid_id: str | None) -> str | None:
    if facility and facility.responsible_id:
        return facility.responsible_id
    if grid_id is None:
        return None
    try:
        return write.read(Grid, community_id, grid_id).responsible_id
    except NotFound:
        return None


def _skip_taken(store: Store, actor: Actor, community_id: str) -> None:
    """Move the series past the numbers an import brought."""
    taken = store.db[WorkOrder.collection].find_one(
        {"community_id": community_id, "number": {"$regex": r"^W-\d+$"}}, {"number": 1}, sort=[("number", -1)]
    )
    reached = store.next_number(actor, community_id, SERIES)
    if taken and (ahead := int(taken["number"][2:]) - reached) > 0:
        store.next_number(actor, community_id, SERIES, ahead)


# --- moving along
def move(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    to: Status | str,
    *,
    at: datetime | None = None,
    note: str | None = None,
    hold_reason: str | None = None,
    outcome: Outcome | str | None = None,
    assignee_id: str | None = None,
    actual_hours: float | None = None,
    cost_cents: int | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Take a work order to another status, as TRANSITIONS allows; ``at`` defaults to now and keeps the story in order.

    On hold needs ``hold_reason``, assigned somebody to do it, rejected a ``note``, closing unfinished work an
    ``outcome``. Done ends the clock; who did the work may not verify it. Reopening keeps the ending in
    ``reopenings``. A verified repair puts a facility that its danger had stopped back in service.
    """
    target = Status(to)

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        _referred(write, Person, community_id, "assignee_id", assignee_id)
        changes = moved(
            order,
            target,
            at=at or _now(order, write.at),
            by=actor,
            note=note,
            hold_reason=hold_reason,
            outcome=Outcome(outcome) if outcome else None,
            assignee_id=assignee_id,
        )
        if changes["events"][-1].at > write.at and at is not None:
            raise Invalid({"at": Message(msg("This lies in the future"))})
        if actual_hours is not None:
            changes["actual_hours"] = actual_hours
        if cost_cents is not None:
            changes["cost_cents"] = cost_cents
        changed = write.update(WorkOrder, community_id, order_id, revision, changes)
        if target is Status.VERIFIED and order.dangerous:
            _restore(write, changed)
        return changed

    return store.write(actor, work, key=key)


def moved(
    order: WorkOrder,
    to: Status,
    *,
    at: datetime,
    by: Actor,
    note: str | None = None,
    hold_reason: str | None = None,
    outcome: Outcome | None = None,
    assignee_id: str | None = None,
) -> dict[str, Any]:
    """The fields that change when ``order`` goes to ``to``. Pure. Raises Invalid for a step that cannot be."""
    if to not in TRANSITIONS[order.status]:
        raise Invalid(
            {
                "status": Message(
                    msg("A work order that is “{now}” cannot become “{then}”."),
                    {"now": Message(order.status.label), "then": Message(to.label)},
                )
            }
        )
    if at < max([order.reported_at, *(event.at for event in order.events)]):
        raise Invalid({"at": Message(msg("This lies before the last step of the story"))})
    changes: dict[str, Any] = {"status": to, "is_open": to in OPEN, "hold_reason": None}
    if to is Status.ON_HOLD:
        if not (hold_reason or "").strip():
            raise Invalid({"hold_reason": Message(msg("Say what it waits for"))})
        changes["hold_reason"], note = hold_reason, note or hold_reason
    if assignee_id:
        changes["assignee_id"] = assignee_id
    if to is Status.ASSIGNED and not (assignee_id or order.assignee_id):
        raise Invalid({"assignee_id": Message(msg("Say who does it"))})
    if to is Status.DONE:
        changes |= {"ended_at": at, "outcome": Outcome.COMPLETED}
    elif to is Status.VERIFIED:
        _check_verifier(order, by)
    elif to is Status.REJECTED:
        if not (note or "").strip():
            raise Invalid({"note": Message(msg("Say why it is rejected"))})
        changes |= {"ended_at": at, "outcome": Outcome.REJECTED}
    elif to is Status.CLOSED and order.status in OPEN:
        if outcome not in CLOSING:
            raise Invalid({"outcome": Message(msg("Say how it ended: cancelled, referred elsewhere or a duplicate"))})
        changes |= {"ended_at": at, "outcome": outcome}
    elif to is Status.REOPENED:
        changes |= {"ended_at": None, "outcome": None}
        if order.ended_at:  # an import may not know when it ended: then no flow was counted that could be taken back
            past = Reopening(ended_at=order.ended_at, reopened_at=at, outcome=order.outcome or Outcome.COMPLETED)
            changes["reopenings"] = (*order.reopenings, past)
    if order.responded_at is None and to in ANSWERS:
        changes["responded_at"] = at
    changes["events"] = (*order.events, Event(at=at, by=by.name, status=to, note=note or None))
    return changes


def _check_verifier(order: WorkOrder, by: Actor) -> None:
    doer = next((event.by for event in reversed(order.events) if event.status is Status.DONE), None)
    if by.name == doer or by.id == order.assignee_id:
        raise Invalid({"status": Message(msg("Somebody else must verify this: {who} did the work."), {"who": by.name})})


def _now(order: WorkOrder, now: datetime) -> datetime:
    """Now, or the last step if another machine's clock was ahead."""
    return max([now, *(event.at for event in order.events)])


def assign(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    assignee_id: str,
    *,
    note: str | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Give an open work order to somebody; it stands at "assigned" afterwards, whoever had it before."""

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        _referred(write, Person, community_id, "assignee_id", assignee_id)
        at = _now(order, write.at)
        if order.status is Status.ASSIGNED:
            step = Event(at=at, by=actor.name, status=Status.ASSIGNED, note=note or None)
            changes: dict[str, Any] = {"assignee_id": assignee_id, "events": (*order.events, step)}
        else:
            changes = moved(order, Status.ASSIGNED, at=at, by=actor, note=note, assignee_id=assignee_id)
        return write.update(WorkOrder, community_id, order_id, revision, changes)

    return store.write(actor, work, key=key)


def add_effort(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    *,
    hours: float = 0,
    cost_cents: int = 0,
    note: str | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Add working hours and cost (分) to what the order has taken so far; a note becomes part of the story."""
    if hours < 0 or cost_cents < 0 or not (hours or cost_cents):
        raise Invalid({"hours": Message(msg("Give hours or cost, above zero"))})

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        changes: dict[str, Any] = {}
        if hours:
            changes["actual_hours"] = round((order.actual_hours or 0) + hours, 4)
        if cost_cents:
            changes["cost_cents"] = (order.cost_cents or 0) + cost_cents
        if note:
            step = Event(at=_now(order, write.at), by=actor.name, status=order.status, note=note)
            changes["events"] = (*order.events, step)
        return write.update(WorkOrder, community_id, order_id, revision, changes)

    return store.write(actor, work, key=key)


# --- putting right
def edit(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    changes: Mapping[str, Any],
    *,
    key: str | None = None,
) -> WorkOrder:
    """Change plain fields (EDITABLE). Another facility brings its grid and category unless these are given too; a
    danger found later makes the order urgent, due within a day, and stops the facility."""
    _only(changes, EDITABLE)

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        wanted = dict(changes)
        _referred(write, Person, community_id, "assignee_id", wanted.get("assignee_id"))
        if wanted.get("facility_id", order.facility_id) != order.facility_id:
            facility = _referred(write, Facility, community_id, "facility_id", wanted["facility_id"])
            if facility:
                wanted = {"grid_id": facility.grid_id, "category": str(facility.category)} | wanted
        found_dangerous = bool(wanted.get("dangerous")) and not order.dangerous
        if found_dangerous:
            soon = write.at + timedelta(hours=DUE_HOURS[Priority.URGENT])
            wanted["priority"] = Priority.URGENT
            if "due_at" not in changes or changes["due_at"] == order.due_at:
                wanted["due_at"] = min(order.due_at or soon, soon)
        changed = build(WorkOrder, {**dict(order), **wanted})
        if changed.facility_id is None and not changed.place:
            raise Invalid({"place": Message(msg("Say where: choose a facility or write the place"))})
        if changed.due_at and changed.due_at != order.due_at and changed.due_at < changed.reported_at:
            raise Invalid({"due_at": Message(msg("This lies before the report"))})
        changed = write.update(WorkOrder, community_id, order_id, revision, wanted)
        if found_dangerous and changed.facility_id:
            _stop(write, write.read(Facility, community_id, changed.facility_id), changed)
        return changed

    return store.write(actor, work, key=key)


def correct(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    changes: Mapping[str, Any],
    *,
    key: str | None = None,
) -> WorkOrder:
    """Put a wrong entry right (CORRECTABLE): the counters then stand as if it had been entered so from the start."""
    _only(changes, CORRECTABLE)

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        changed = build(WorkOrder, {**dict(order), **changes})
        wanted = dict(changes)
        if changed.events and changed.events[0].status is Status.REPORTED:
            first = changed.events[0].model_copy(update={"at": changed.reported_at})
            wanted["events"] = (first, *changed.events[1:])
            changed = changed.model_copy(update={"events": wanted["events"]})
        if (changed.ended_at is None) != (order.ended_at is None) or (changed.outcome is None) != (
            order.outcome is None
        ):
            raise Invalid({"ended_at": Message(msg("Open or end a work order by a step of its story, not here"))})
        _check_moments(changed, write.at)
        return write.update(WorkOrder, community_id, order_id, revision, wanted)

    return store.write(actor, work, key=key)


def delete(store: Store, actor: Actor, community_id: str, order_id: str, revision: int) -> WorkOrder:
    """Take a work order out as if it had never been entered, and return what it was; the audit keeps it."""

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        write.delete(WorkOrder, community_id, order_id, revision)
        drop_contact(write, community_id, order_id)
        return order

    return store.write(actor, work)


def _only(changes: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if strange := changes.keys() - allowed:
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")


def _check_moments(order: WorkOrder, now: datetime) -> None:
    """What happened happened in order and not in the future; what is due is due after the report."""
    problems: dict[str, Message] = {}
    for field in ("reported_at", "responded_at", "ended_at"):
        moment = getattr(order, field)
        if moment and moment > now:
            problems[field] = Message(msg("This lies in the future"))
    for field in ("responded_at", "due_at", "ended_at"):
        moment = getattr(order, field)
        if moment and moment < order.reported_at:
            problems.setdefault(field, Message(msg("This lies before the report")))
    steps = [event.at for event in order.events]
    if steps != sorted(steps):
        problems.setdefault("reported_at", Message(msg("This lies after the next step of the story")))
    if problems:
        raise Invalid(problems)


# --- what a danger does to the facility
def _stop(write: Write, facility: Facility, order: WorkOrder) -> None:
    if facility.status is ServiceStatus.IN_SERVICE:
        _set_status(write, facility, ServiceStatus.OUT_OF_ORDER, order.number)


def _restore(write: Write, order: WorkOrder) -> None:
    """Back in service, unless another danger is still open there or it was taken down meanwhile."""
    if order.facility_id is None:
        return
    others = write.store.db[WorkOrder.collection].find_one(
        {
            "community_id": order.community_id,
            "facility_id": order.facility_id,
            "is_open": True,
            "dangerous": True,
            "_id": {"$ne": order.id},
        },
        {"_id": 1},
        session=write.session,
    )
    try:
        facility = write.read(Facility, order.community_id, order.facility_id)
    except NotFound:
        return
    if others is None and facility.status is ServiceStatus.OUT_OF_ORDER:
        _set_status(write, facility, ServiceStatus.IN_SERVICE, order.number)


def _set_status(write: Write, facility: Facility, status: ServiceStatus, number: str) -> None:
    changes = with_history(write, facility, {"status": status}, note=number)
    write.update(Facility, facility.community_id, facility.id, facility.revision, changes, following=WorkOrder)
