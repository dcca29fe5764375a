"""What can be done to a work order. Each command is one transaction and names its actor; a stale ``revision`` raises
Conflict, a value that cannot be raises Invalid with the problem beside its field."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from repository import hazards
from repository.access import Actor, Operation, Refused, reach, require
from repository.accounts import first_to_see, sees
from repository.due import NOTED_WRONG, put_off, told
from repository.facilities import Facility, ServiceStatus, with_history
from repository.grids import Community, Grid, ServiceLevel
from repository.maintenance.records import (
    ALSO,
    NO_DANGER,
    OPEN,
    REPEAT_DAYS,
    STANDING,
    TRANSITIONS,
    Event,
    Fault,
    Labour,
    Outcome,
    Priority,
    Reopening,
    SparePart,
    Status,
    WorkKind,
    WorkOrder,
    promised,
    service_level,
    verified_at,
)
from repository.organizations import Organization
from repository.people import Person, drop_contact, keep_contact, move_contact
from repository.photos import MOST as MOST_PHOTOS
from repository.photos import hand_over, let_go, link, share
from repository.record import Record
from repository.store import (
    Conflict,
    Duplicate,
    Full,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Restoring,
    SignedOut,
    Store,
    Unavailable,
    Write,
    build,
)
from repository.words import Message, Trouble, msg
from repository.worktime import Worktime, worktime

T = TypeVar("T")

SERIES = "work_orders"  # of numbers
MANY_AT_ONCE = 200  # orders that one press may change
ANSWERS = frozenset(
    {Status.ACCEPTED, Status.ASSIGNED, Status.IN_PROGRESS, Status.ON_HOLD, Status.DONE, Status.REJECTED}
)
"""The steps that answer a report: the first of them stops the clock of M4."""

UNSEEN = msg(
    "{who} would not see it: the account is for other grids. Choose somebody else, or have the grid added to it."
)

UNTRIED = Message(msg("Not tried: what stopped the one before may stop all. Nothing was changed; try again."))

LOOKED_AGAIN = msg(
    "An inspection found this danger, so it ends when somebody has looked again. If it never was one, take the mark "
    "“Dangerous” off first."
)

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
        "company_id",
        "estimated_hours",
        "actual_hours",
        "cost_cents",
        "description",
    }
)
"""What ``edit`` may change; status and moments have commands of their own."""

CORRECTABLE = frozenset({"number", "reported_at", "responded_at", "ended_at", "outcome"})
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
    photos: Sequence[str] = (),
    also: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Open a work order on a facility, or on a place that has none; returns it with its number.

    Grid and category come from the facility, the assignee is who answers for the facility, else for the grid. Due is
    what the community promises of the priority and category (``service_level``, in its own working time) unless given.
    A dangerous fault is urgent and puts the facility out of order in the same transaction. The same fault on the same
    facility within REPEAT_DAYS of its repair is marked as a repeat, unless it is but "other". ``caller_name`` and
    ``caller_phone`` are whom to call back; they are kept apart (see ``people.Contact``). ``photos`` are those of
    ``photos.keep``. ``also`` holds further fields, such as the plan or inspection it comes from. ``reported_at`` may
    lie in the past. The same ``key`` opens one order only.
    """
    require(actor, Operation.CREATE, WorkOrder.collection)
    promise = Promises.of(store, actor, community_id)

    def work(write: Write, number: int) -> WorkOrder:
        order = open_order(
            write,
            promise,
            community_id,
            number,
            fault=fault,
            facility_id=facility_id,
            place=place,
            grid_id=grid_id,
            category=category,
            priority=priority,
            source=source,
            dangerous=dangerous,
            reported_at=reported_at,
            due_at=due_at,
            assignee_id=assignee_id,
            estimated_hours=estimated_hours,
            description=description,
            photos=photos,
            also=also,
        )
        keep_contact(write, community_id, order.id, order.grid_id, name=caller_name, phone=caller_phone)
        return order

    require_place(store, actor, community_id, facility_id, grid_id)
    return numbered(store, actor, community_id, 1, work, key=key)


def numbered(
    store: Store, actor: Actor, community_id: str, many: int, work: Callable[[Write, int], T], *, key: str | None = None
) -> T:
    """Run ``work`` as one write with the first of ``many`` free numbers of work orders; again with others when an
    import has taken one of them. What is taken stays taken: whoever calls has asked for the place's reach. Raises
    what ``Store.write`` raises."""
    if many:
        require(actor, Operation.CREATE, WorkOrder.collection)
    for _ in range(20):
        first = store.next_number(actor, community_id, SERIES, many) if many else 0
        try:
            return store.write(actor, partial(_from, work, first), key=key)
        except Duplicate as duplicate:
            if "number" not in duplicate.fields:
                raise
            _skip_taken(store, actor, community_id)
    raise Invalid({"number": Message(msg("No free number was found; give this order a number of your own."))})


def require_place(
    store: Store, actor: Actor, community_id: str, facility_id: str | None, grid_id: str | None = None
) -> None:
    """Raise Refused where an order would lie out of reach: asked before a number is taken for it, which stays taken.
    What else may be wrong with the place, the write finds."""
    seen = reach(actor, community_id)
    if seen is None:
        return
    named = {"_id": facility_id}
    there = store.find(replace(actor, grids=None), Facility, community_id, named, limit=1) if facility_id else []
    where = there[0].grid_id if there else grid_id
    if where is not None and where not in seen:
        raise Refused(msg("This belongs to a grid that is not in your charge. Nothing was changed."))


def _from(work: Callable[[Write, int], T], first: int, write: Write) -> T:
    return work(write, first)


def open_order(
    write: Write,
    promise: "Promises",
    community_id: str,
    number: int,
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
    photos: Sequence[str] = (),
    also: Mapping[str, Any] | None = None,
) -> WorkOrder:
    """What ``log_repair`` does, as a part of a larger write: see there."""
    actor = write.actor
    facility = write.referred(Facility, community_id, "facility_id", facility_id)
    where = (facility.grid_id if facility else None) or grid_id or _only_grid(actor)
    if actor.grids is not None and where is None:
        raise Invalid({"grid_id": Message(msg("Choose the grid"))})
    if facility is None and not (place or "").strip():
        raise Invalid({"place": Message(msg("Say where: choose a facility or write the place"))})
    write.referred(Person, community_id, "assignee_id", assignee_id)
    require_seen(write, community_id, where, assignee_id=assignee_id, company_id=(also or {}).get("company_id"))
    values: dict[str, Any] = {
        "community_id": community_id,
        "number": number_text(number),
        "fault": fault or "",
        "facility_id": facility.id if facility else None,
        "place": place or (facility.site if facility else None),
        "grid_id": where,
        "priority": Priority.URGENT if dangerous else priority or Priority.NORMAL,
        "source": source,
        "dangerous": dangerous,
        "reported_at": reported_at or write.at,
        "due_at": due_at,
        "assignee_id": assignee_id or _responsible(write, community_id, facility, where),
        "estimated_hours": estimated_hours,
        "description": description or None,
        "photos": tuple(photos),
        **(also or {}),
    }
    if category or facility:
        values["category"] = category or str(facility.category if facility else "")
    order = build(WorkOrder, values)
    first = _event(actor, order.reported_at, Status.REPORTED)
    update: dict[str, Any] = {"due_at": order.due_at or promise.due(order), "events": (first,)}
    if order.assignee_id or order.company_id:
        update |= _given(actor, write.at, order.assignee_id, order.company_id)
    if order.kind is not WorkKind.PREVENTIVE:
        update["repeat_of"] = _mended_lately(write, order)
    order = order.model_copy(update=update)
    _check_moments(order, write.at)
    made = write.insert(order)
    link(write, made, made.photos)
    if dangerous and facility:
        _stop(write, facility, made)
    if made.hazard_id:
        hazards.link_order(write, community_id, made.hazard_id, made.id)
    return made


def number_text(number: int) -> str:
    """A number of the series as it stands on an order."""
    return f"W-{number:05d}"


@dataclass(frozen=True)
class Promises:
    """What a community promises, by priority and category, in its own working time."""

    times: Worktime
    levels: tuple[ServiceLevel, ...]

    @classmethod
    def of(cls, store: Store, actor: Actor, community_id: str, *, community: Community | None = None) -> "Promises":
        """As the community has it now. ``community``: if it was read already. Raises Refused, Unavailable."""
        if community is None:
            found = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
            community = found[0] if found else None
        times = worktime(store, actor, community_id, community=community)
        return cls(times, community.service_levels if community else ())

    def moments(self, priority: Priority, category: str, reported_at: datetime) -> tuple[datetime, datetime]:
        """By when such a report is to be answered and mended."""
        return promised(service_level(self.levels, priority, category), self.times, reported_at)

    def due(self, order: WorkOrder) -> datetime:
        """By when an order is to be mended."""
        return self.moments(order.priority, order.category, order.reported_at)[1]


def _mended_lately(write: Write, order: WorkOrder) -> str | None:
    """The order whose repair of the same fault on the same facility did not last REPEAT_DAYS. Two faults that are
    "other" need not be the same."""
    if order.facility_id is None or order.fault == Fault.OTHER:
        return None
    since = order.reported_at - timedelta(days=REPEAT_DAYS)
    found = write.store.db[WorkOrder.collection].find_one(
        {
            "community_id": order.community_id,
            "facility_id": order.facility_id,
            "fault": order.fault,
            "outcome": Outcome.COMPLETED.value,
            "ended_at": {"$gte": since, "$lte": order.reported_at},
        },
        {"_id": 1},
        sort=[("ended_at", -1)],
        session=write.session,
    )
    return None if found is None else str(found["_id"])


def _only_grid(actor: Actor) -> str | None:
    return next(iter(actor.grids)) if actor.grids is not None and len(actor.grids) == 1 else None


def _responsible(write: Write, community_id: str, facility: Facility | None, grid_id: str | None) -> str | None:
    """Who answers for the facility, else for the grid, and can see it."""
    lead = None
    if grid_id is not None:
        with suppress(NotFound):
            lead = write.read(Grid, community_id, grid_id).responsible_id
    likely = (facility.responsible_id if facility else None, lead)
    return first_to_see(write.store, community_id, grid_id, likely, session=write.session)


def require_seen(
    write: Write, community_id: str, grid_id: str | None, *, assignee_id: str | None, company_id: str | None
) -> None:
    """Nobody is given what they cannot see: it would stand in nobody's work. Raises Invalid beside the field."""
    if assignee_id and not sees(write, community_id, grid_id, person_id=assignee_id):
        raise Invalid({"assignee_id": Message(UNSEEN, {"who": write.read(Person, community_id, assignee_id).name})})
    if company_id and not sees(write, community_id, grid_id, company_id=company_id):
        raise Invalid({"company_id": Message(UNSEEN, {"who": write.read(Organization, community_id, company_id).name})})


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
    company_id: str | None = None,
    actual_hours: float | None = None,
    cost_cents: int | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Take a work order to another status, as TRANSITIONS allows; ``at`` defaults to now and keeps the story in order.

    On hold needs ``hold_reason``, assigned a person or company to do it, rejected a ``note``, closing unfinished work
    an ``outcome``. Done ends the clock; who did or began the work may not verify it. Reopening keeps the ending in
    ``reopenings``. A verified repair puts a facility that its danger had stopped back in service, and so does an ending
    that says there was none (NO_DANGER); a danger that an inspection found ends only when somebody looked again.
    Whoever moves an order that was given to them has seen it.
    """
    target = Status(to)

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        write.referred(Person, community_id, "assignee_id", assignee_id)
        write.referred(Organization, community_id, "company_id", company_id)
        require_seen(write, community_id, order.grid_id, assignee_id=assignee_id, company_id=company_id)
        undone = target is Status.REJECTED or (target is Status.CLOSED and order.status in OPEN)
        if undone and order.dangerous and order.inspection_id:
            raise Invalid({"status": Message(LOOKED_AGAIN)})
        changes = moved(
            order,
            target,
            at=at or _now(order, write.at),
            by=actor,
            note=note,
            hold_reason=hold_reason,
            outcome=Outcome(outcome) if outcome else None,
            assignee_id=assignee_id,
            company_id=company_id,
        )
        if changes["events"][-1].at > write.at and at is not None:
            raise Invalid({"at": Message(msg("This lies in the future"))})
        if actual_hours is not None:
            changes["actual_hours"] = actual_hours
        if cost_cents is not None:
            changes["cost_cents"] = cost_cents
        changed = write.update(WorkOrder, community_id, order_id, revision, changes)
        _follow(write, changed)
        return changed

    return store.write(actor, work, key=key)


def _follow(write: Write, order: WorkOrder) -> None:
    """What a step of the order does to its facility and its hazard."""
    none = order.status in (Status.REJECTED, Status.CLOSED) and order.outcome in NO_DANGER
    if order.dangerous and (none or order.status is Status.VERIFIED):
        _restore(write, order)
    if order.dangerous and order.status is Status.REOPENED and order.facility_id:
        _stop(write, write.read(Facility, order.community_id, order.facility_id), order)
    if order.hazard_id:
        steps = {
            Status.DONE: hazards.Step.RECTIFIED,
            Status.VERIFIED: hazards.Step.RECHECKED,
            Status.REOPENED: hazards.Step.FAILED,
        }
        if step := steps.get(order.status):
            hazards.follow(write, order.community_id, order.hazard_id, step, order.number, following=WorkOrder)


def found_again(write: Write, order: WorkOrder, promise: "Promises", note: str, *, dangerous: bool) -> WorkOrder:
    """An inspection met the fault of a standing order: its story says so, one that was said to be done is reopened, and
    what turned out to be dangerous becomes so. For the room of inspections."""
    if order.status is Status.DONE:
        changes = moved(order, Status.REOPENED, at=_now(order, write.at), by=write.actor, note=note)
    else:
        changes = {"events": (*order.events, said(write, order, note))}
    if dangerous and not order.dangerous:
        soon = promise.moments(Priority.URGENT, order.category, write.at)[1]
        changes |= {"dangerous": True, "priority": Priority.URGENT, "due_at": min(order.due_at or soon, soon)}
    changed = write.update(WorkOrder, order.community_id, order.id, order.revision, changes)
    _follow(write, changed)
    if changed.dangerous and changed.facility_id:
        _stop(write, write.read(Facility, changed.community_id, changed.facility_id), changed)
    return changed


def leave_undone(
    write: Write,
    order: WorkOrder,
    why: str,
    *,
    outcome: Outcome = Outcome.CANCELLED,
    following: type[Record] | None = None,
) -> WorkOrder:
    """An open order is cancelled, or ends with another ``outcome``, with the reason; ``following``: see
    ``Write.update``. For the room of plans."""
    at = _now(order, write.at)
    changes = moved(order, Status.CLOSED, at=at, by=write.actor, note=why, outcome=Outcome.CANCELLED)
    changes["outcome"] = outcome
    changed = write.update(WorkOrder, order.community_id, order.id, order.revision, changes, following=following)
    _follow(write, changed)
    return changed


def take_photos(write: Write, order: WorkOrder, source: Record, photos: Sequence[str]) -> WorkOrder:
    """The order shows these photos of what it came from too, as far as it has room. For the room of inspections."""
    new = tuple(id for id in photos if id not in order.photos)[: MOST_PHOTOS - len(order.photos)]
    if not new:
        return order
    share(write, source, order, new)
    return write.update(WorkOrder, order.community_id, order.id, order.revision, {"photos": (*order.photos, *new)})


def found_in_order(write: Write, order: WorkOrder, note: str) -> WorkOrder | None:
    """An inspection passed what an order was opened for: done, if nobody had said so, and verified. None, and nothing
    changes, when the inspector is who did the work, or found the danger that nobody says to have mended: somebody else
    must look. For the room of inspections."""
    actor, at = write.actor, _now(order, write.at)
    first = order.events[0] if order.events and order.dangerous and order.status is not Status.DONE else None
    try:
        _check_verifier(order, actor)
    except Invalid:
        return None
    if first is not None and actor.is_who(first.by_id, first.by):
        return None
    changes: dict[str, Any] = {}
    if order.status is not Status.DONE:
        changes = moved(order, Status.DONE, at=at, by=actor, note=note)
        order = order.model_copy(update=changes)
    # whoever mended it did not say so: the inspector only found it mended, and may verify
    seen = _event(actor, at, Status.VERIFIED, note)
    changes |= {"status": Status.VERIFIED, "is_open": False, "hold_reason": None, "events": (*order.events, seen)}
    changed = write.update(WorkOrder, order.community_id, order.id, order.revision, changes)
    if changed.hazard_id:
        step = hazards.Step.RECTIFIED
        hazards.follow(write, changed.community_id, changed.hazard_id, step, changed.number, following=WorkOrder)
    _follow(write, changed)
    return changed


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
    company_id: str | None = None,
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
    if assignee_id or company_id:
        changes |= _given(by, at, assignee_id, company_id)
    elif order.is_new and _is_theirs(order, by):
        changes["noticed_at"] = at
    if to is Status.ASSIGNED and not (assignee_id or company_id or order.assignee_id or order.company_id):
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
            changes["reopenings"] = (*order.reopenings, _reopening(order, order.ended_at, at))
    if order.responded_at is None and to in ANSWERS:
        changes["responded_at"] = at
    changes["events"] = (*order.events, _event(by, at, to, note))
    return changes


def _reopening(order: WorkOrder, ended_at: datetime, at: datetime) -> Reopening:
    outcome = order.outcome or Outcome.COMPLETED
    was = outcome is Outcome.COMPLETED and order.status is not Status.DONE
    checked = (verified_at(order.events) or ended_at) if was else None  # of what came by a sheet it is not known when
    return Reopening(ended_at=ended_at, reopened_at=at, outcome=outcome, verified_at=checked)


def said(write: Write, order: WorkOrder, note: str) -> Event:
    """A remark for the story of an order, which stays where it stands. For the room of plans too. Raises Invalid."""
    return _event(write.actor, _now(order, write.at), order.status, note)


def _event(by: Actor, at: datetime, status: Status, note: str | None = None) -> Event:
    return build(Event, {"at": at, "by": by.name, "by_id": by.id, "status": status, "note": note or None})


def _given(by: Actor, at: datetime, assignee_id: str | None, company_id: str | None) -> dict[str, Any]:
    """The fields that change when an order is given to a person, a company or both: it is new to them, unless they
    took it themselves."""
    own = assignee_id in by.people if assignee_id else company_id in by.companies
    who = {"assignee_id": assignee_id, "company_id": company_id}
    return {name: id for name, id in who.items() if id} | {"assigned_at": at, "noticed_at": at if own else None}


def _is_theirs(order: WorkOrder, who: Actor) -> bool:
    """Whether an order was given to somebody, or to the company they work for."""
    return order.assignee_id in who.people or order.company_id in who.companies


def _check_verifier(order: WorkOrder, by: Actor) -> None:
    worked = any(each.person_id in by.people for each in order.labour)
    if by.is_nobody:
        raise Invalid({"status": Message(hazards.SAY_WHO)})
    if worked or _is_theirs(order, by) or any(by.is_who(step.by_id, step.by) for step in _work_steps(order.events)):
        words = msg("Somebody else must verify this: {who} did or began the work.")
        raise Invalid({"status": Message(words, {"who": by.name})})


def _work_steps(events: Sequence[Event]) -> list[Event]:
    """The steps by which work was begun, taken up again or done since it was last reopened. A remark in between has the
    status that stands and is none: whoever makes one has done nothing."""
    steps: list[Event] = []
    before: Status | None = None
    for event in events:
        if event.status is Status.REOPENED:
            steps = []
        elif event.status is not before and event.status in (Status.IN_PROGRESS, Status.DONE):
            steps.append(event)
        before = event.status
    return steps


def _now(order: WorkOrder, now: datetime) -> datetime:
    """Now, or the last step if another machine's clock was ahead."""
    return max([now, *(event.at for event in order.events)])


def assign(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    assignee_id: str | None = None,
    *,
    company_id: str | None = None,
    note: str | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Give an open work order to a person, a company or both; it stands at "assigned" afterwards, whoever had it
    before. Who is not named keeps it. Raises Invalid for nobody."""
    if not (assignee_id or company_id):
        raise Invalid({"assignee_id": Message(msg("Say who does it"))})

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        return _assign(write, order, revision, assignee_id, company_id, note)

    return store.write(actor, work, key=key)


def _assign(
    write: Write,
    order: WorkOrder,
    revision: int,
    assignee_id: str | None,
    company_id: str | None,
    note: str | None = None,
) -> WorkOrder:
    actor, at = write.actor, _now(order, write.at)
    write.referred(Person, order.community_id, "assignee_id", assignee_id)
    write.referred(Organization, order.community_id, "company_id", company_id)
    require_seen(write, order.community_id, order.grid_id, assignee_id=assignee_id, company_id=company_id)
    if order.status is Status.ASSIGNED:
        changes: dict[str, Any] = {"events": (*order.events, _event(actor, at, Status.ASSIGNED, note))}
        changes |= _given(actor, at, assignee_id, company_id)
    else:
        changes = moved(
            order, Status.ASSIGNED, at=at, by=actor, note=note, assignee_id=assignee_id, company_id=company_id
        )
    return write.update(WorkOrder, order.community_id, order.id, revision, changes)


def add_effort(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    *,
    hours: float = 0,
    cost_cents: int = 0,
    person_id: str | None = None,
    on: date | None = None,
    parts: Sequence[SparePart] = (),
    note: str | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Add working hours (of one person, if named), parts and other cost (分) to what the order has taken so far; parts
    add to the cost. A note becomes part of the story."""
    if hours < 0 or cost_cents < 0 or not (hours or cost_cents or parts):
        raise Invalid({"hours": Message(msg("Give hours, parts or cost, above zero"))})

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        write.referred(Person, community_id, "person_id", person_id)
        changes: dict[str, Any] = {}
        if hours:
            day = on or write.at.astimezone(store.zone(community_id)).date()
            worked = build(Labour, {"person_id": person_id, "on": day, "hours": hours})
            changes["labour"] = (*order.labour, worked)
            changes["actual_hours"] = round((order.actual_hours or 0) + hours, 4)
        spent = cost_cents + sum(part.cost_cents for part in parts)
        if spent:
            changes["cost_cents"] = (order.cost_cents or 0) + spent
        if parts:
            changes["parts"] = (*order.parts, *parts)
        if note:
            changes["events"] = (*order.events, said(write, order, note))
        return write.update(WorkOrder, community_id, order_id, revision, changes)

    return store.write(actor, work, key=key)


def comment(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    text: str,
    *,
    photos: Sequence[str] = (),
    key: str | None = None,
) -> WorkOrder:
    """Add a remark, photos or both to the story, whatever else is done to the order at the same moment. Raises Invalid,
    NotFound, Refused."""
    if not (text or "").strip() and not photos:
        raise Invalid({"text": Message(msg("Please fill this in"))})

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        if len(order.photos) + len(photos) > MOST_PHOTOS:
            most = {"most": MOST_PHOTOS}
            raise Invalid({"photos": Message(msg("{most} photos are the most an order can have."), most)})
        link(write, order, photos)
        changes: dict[str, Any] = {"photos": (*order.photos, *photos)}
        if (text or "").strip():
            changes["events"] = (*order.events, said(write, order, text))
        return write.update(WorkOrder, community_id, order_id, order.revision, changes)

    return store.write(actor, work, key=key)


def notice(store: Store, actor: Actor, community_id: str, order_ids: Sequence[str]) -> tuple[WorkOrder, ...]:
    """Whoever these orders were given to, or somebody of the company, has seen them, also if they may do no more than
    look; once is enough. Raises NotFound, Refused for an order of others."""
    require(actor, Operation.READ, WorkOrder.collection)

    def seen(write: Write, order: WorkOrder) -> WorkOrder:
        if not _is_theirs(order, actor):
            raise Refused(msg("{number} was given to somebody else. Nothing was changed."), number=order.number)
        if not order.is_new:
            return order
        return write.update(WorkOrder, community_id, order.id, order.revision, {"noticed_at": write.at}, own=True)

    def work(write: Write) -> tuple[WorkOrder, ...]:
        ids = dict.fromkeys(list(order_ids)[:MANY_AT_ONCE])
        return tuple(seen(write, write.read(WorkOrder, community_id, id)) for id in ids)

    return store.write(actor, work)


def merge(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    into_id: str,
    *,
    note: str | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Close an open order as a duplicate of another open one, which is told so in its story and takes over photos, the
    hazard and, if there is any, the danger, which stops its facility; where only the merged one knew the facility, that
    too. Another facility that a danger had stopped is back in service, unless a danger still stands there: the danger
    is elsewhere. The clock of the one that stays keeps running from its own report. Returns the one that stays. Raises
    Invalid, also where each has a hazard of its own, Conflict, NotFound, Refused."""

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        stays = write.read(WorkOrder, community_id, into_id)
        if order.id == stays.id or order.status not in OPEN or stays.status not in OPEN:
            raise Invalid({"into_id": Message(msg("Only an open order can be merged, into another open one."))})
        if order.hazard_id and stays.hazard_id:
            raise Invalid({"into_id": Message(msg("Each of the two stands for a hazard of its own: mend them apart."))})
        why = note or f"→ {stays.number}"
        closed = moved(order, Status.CLOSED, at=_now(order, write.at), by=actor, note=why, outcome=Outcome.DUPLICATE)
        closed |= {"merged_into": stays.id, "hazard_id": None}  # reopened, it must not set the hazard back
        changes: dict[str, Any] = {
            "events": (*stays.events, said(write, stays, f"← {order.number}")),
            "photos": tuple(dict.fromkeys((*stays.photos, *order.photos)))[:MOST_PHOTOS],
        }
        hand_over(write, order, stays, changes["photos"])
        if order.dangerous and order.facility_id and stays.facility_id is None:
            changes |= {name: getattr(order, name) for name in ("facility_id", "grid_id", "category")}
        if order.dangerous and not stays.dangerous:
            changes |= {"dangerous": True, "priority": Priority.URGENT}
            if order.due_at and (stays.due_at is None or order.due_at < stays.due_at):
                changes["due_at"] = order.due_at
        if order.hazard_id:
            changes["hazard_id"] = order.hazard_id
        # first the one that stays: a second press of the same key is told of it
        kept = write.update(WorkOrder, community_id, into_id, stays.revision, changes)
        write.update(WorkOrder, community_id, order_id, revision, closed)
        if kept.grid_id != stays.grid_id:
            move_contact(write, community_id, into_id, kept.grid_id, following=WorkOrder)
        if order.hazard_id:
            hazards.link_order(write, community_id, order.hazard_id, stays.id, instead_of=order.id)
        if order.dangerous and kept.facility_id:
            _stop(write, write.read(Facility, community_id, kept.facility_id), kept)
        if order.dangerous and order.facility_id != kept.facility_id:
            _restore(write, order)
        return kept

    return store.write(actor, work, key=key)


def see_too(store: Store, actor: Actor, community_id: str, order_id: str, *, key: str | None = None) -> WorkOrder:
    """Somebody else sees the same fault: counted on the open order, so that nobody opens a second one. Raises Invalid
    when it is over or no report, NotFound, Refused."""

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        if order.status not in OPEN or order.kind is WorkKind.PREVENTIVE:
            raise Invalid({"order_id": Message(msg("This report is closed by now. Report the fault anew."))})
        seen = min(order.also_reported + 1, ALSO)
        return write.update(WorkOrder, community_id, order_id, order.revision, {"also_reported": seen})

    return store.write(actor, work, key=key)


def confirm(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    *,
    mended: bool,
    satisfaction: int | None = None,
    key: str | None = None,
) -> WorkOrder:
    """What whoever reported a fault says of its repair. Mended: verified, unless somebody did so before, with
    ``satisfaction`` (1 to 5). Not mended: reopened, which counts as rework, within REPEAT_DAYS of its end; after that
    it is a new fault. Raises Invalid, NotFound, Refused."""

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        if order.outcome is not Outcome.COMPLETED or order.ended_at is None:
            raise Invalid({"mended": Message(msg("This repair is not done yet."))})
        at = _now(order, write.at)
        changes: dict[str, Any] = {}
        if mended:
            if order.status is Status.DONE:
                changes = moved(order, Status.VERIFIED, at=at, by=actor)
            if satisfaction is not None:
                changes["satisfaction"] = satisfaction
        elif write.at - order.ended_at > timedelta(days=REPEAT_DAYS):
            raise Invalid({"mended": Message(msg("This repair was long ago. Report the fault anew."))})
        else:
            changes = moved(order, Status.REOPENED, at=at, by=actor) | {"satisfaction": None}
        changed = write.update(WorkOrder, community_id, order_id, order.revision, changes)
        if changed.status is not order.status:
            _follow(write, changed)
        return changed

    return store.write(actor, work, key=key)


@dataclass(frozen=True)
class Changed:
    """What became of a change to many: the ids that were changed, and by id why another was left as it is."""

    done: tuple[str, ...]
    left: Mapping[str, Message]


def change_many(
    store: Store,
    actor: Actor,
    community_id: str,
    orders: Mapping[str, int],
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
) -> Changed:
    """Change plain fields (EDITABLE) of several open orders as ``edit`` does, or give them to a person or company (see
    ``assign``); given by id and revision, each wholly or not at all: one that is over, that somebody changed meanwhile,
    that is out of reach, put off without a ``reason`` or one too many, is left as it is and named with why. When the
    database or the sign-in is gone halfway, the rest is not tried. Raises Refused for whoever may change none."""
    promise = Promises.of(store, actor, community_id)
    rest = dict(changes)
    who = {name: rest.pop(name, None) for name in ("assignee_id", "company_id")}
    _only(rest, EDITABLE)

    def change(write: Write, order: WorkOrder, revision: int) -> WorkOrder:
        if order.status not in OPEN:
            raise Invalid({"status": Message(msg("It is over; open it by itself to put something right."))})
        if any(who.values()):
            order = _assign(write, order, revision, **who)
            revision = order.revision
        return _edit(write, promise, order, revision, rest, reason) if rest else order

    return _one_by_one(store, actor, community_id, orders, change)


def verify_many(
    store: Store, actor: Actor, community_id: str, orders: Mapping[str, int], *, note: str | None = None
) -> Changed:
    """Verify several orders that are done (see ``move``), given by id and revision, each by itself as ``change_many``
    changes them: one that is not done, or that the actor did or began the work of, is left as it is and named with the
    reason. Raises Refused for whoever may verify none."""

    def verify(write: Write, order: WorkOrder, revision: int) -> WorkOrder:
        changes = moved(order, Status.VERIFIED, at=_now(order, write.at), by=actor, note=note)
        changed = write.update(WorkOrder, community_id, order.id, revision, changes)
        _follow(write, changed)
        return changed

    return _one_by_one(store, actor, community_id, orders, verify)


def _one_by_one(
    store: Store,
    actor: Actor,
    community_id: str,
    orders: Mapping[str, int],
    change: Callable[[Write, WorkOrder, int], object],
) -> Changed:
    """``change`` each of several orders in a transaction of its own, MANY_AT_ONCE at most."""
    require(actor, Operation.UPDATE, WorkOrder.collection)
    reach(actor, community_id)

    def one(write: Write, id: str, revision: int) -> None:
        change(write, write.read(WorkOrder, community_id, id), revision)

    done: list[str] = []
    many = list(orders.items())
    too_many = Message(msg("{most} orders are the most at once."), {"most": MANY_AT_ONCE})
    left: dict[str, Message] = {id: too_many for id, _revision in many[MANY_AT_ONCE:]}
    for place, (id, revision) in enumerate(many[:MANY_AT_ONCE]):
        try:
            store.write(actor, partial(one, id=id, revision=revision))
            done.append(id)
        except Conflict as conflict:
            left[id] = Message(
                msg("{who} changed it meanwhile; look at it."), {"who": conflict.current.updated_by or "?"}
            )
        except Invalid as trouble:
            left[id] = next(iter(trouble.problems.values()))
        except (Unavailable, OutcomeUnknown, Full, SignedOut, Restoring) as trouble:
            left |= dict.fromkeys((each for each, _revision in many[place:MANY_AT_ONCE]), UNTRIED)
            left[id] = trouble.message
            break  # each of the rest would wait as long to hear the same
        except Trouble as trouble:
            left[id] = trouble.message
    return Changed(tuple(done), left)


# --- putting right
def edit(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    key: str | None = None,
) -> WorkOrder:
    """Change plain fields (EDITABLE). Another facility brings its grid and category unless these are given too; a
    danger found later makes the order urgent, due within a day, and stops the facility, unless it is over. A danger
    that turns out to be elsewhere stops the facility there, and the one it had stopped is back in service, as it is
    where it turns out to be none.

    Another priority or category of open work brings the due time that is promised of it, from now on where that is
    sooner, unless somebody had set another. Whatever puts the due time off needs a ``reason``, which the story tells,
    and is noted (``postponements``); it is never taken away, and stays as it was promised once the work is over.
    """
    _only(changes, EDITABLE)
    promise = Promises.of(store, actor, community_id)

    def work(write: Write) -> WorkOrder:
        return _edit(write, promise, write.read(WorkOrder, community_id, order_id), revision, changes, reason)

    return store.write(actor, work, key=key)


def _edit(
    write: Write, promise: Promises, order: WorkOrder, revision: int, changes: Mapping[str, Any], reason: str | None
) -> WorkOrder:
    community_id = order.community_id
    wanted = dict(changes)
    named = {name: wanted.get(name) for name in ("assignee_id", "company_id")}
    new = {name: id if id != getattr(order, name) else None for name, id in named.items()}
    if any(new.values()):
        wanted |= _given(write.actor, write.at, **new)
    write.referred(Person, community_id, "assignee_id", wanted.get("assignee_id"))
    if wanted.get("facility_id", order.facility_id) != order.facility_id:
        facility = write.referred(Facility, community_id, "facility_id", wanted["facility_id"])
        if facility:
            wanted = {"grid_id": facility.grid_id, "category": str(facility.category)} | wanted
    standing = order.status in STANDING
    if standing and wanted.get("dangerous") and not order.dangerous:
        wanted["priority"] = Priority.URGENT
    _promise_anew(order, wanted, promise, write.at)
    changed = build(WorkOrder, {**dict(order), **wanted})
    moved_on = changed.grid_id != order.grid_id
    given = {name: getattr(changed, name) if moved_on else id for name, id in new.items()}
    require_seen(write, community_id, changed.grid_id, **given)
    if changed.facility_id is None and not changed.place:
        raise Invalid({"place": Message(msg("Say where: choose a facility or write the place"))})
    if changed.due_at != order.due_at:
        _check_due(order, changed.due_at)
    if later := put_off(order.postponements, order.due_at, changed.due_at, write.at):
        if order.revision != revision:
            raise Conflict(order)  # rather than a reason asked for what stands already
        note = told(reason, promise.times.zone, (order.due_at, changed.due_at))
        wanted |= later | {"events": (*order.events, said(write, order, note))}
    elsewhere = changed.facility_id != order.facility_id
    if standing and order.dangerous and (elsewhere or not changed.dangerous):
        _restore(write, order)
    changed = write.update(WorkOrder, community_id, order.id, revision, wanted)
    if moved_on:
        move_contact(write, community_id, order.id, changed.grid_id, following=WorkOrder)
    if standing and changed.dangerous and (elsewhere or not order.dangerous) and changed.facility_id:
        _stop(write, write.read(Facility, community_id, changed.facility_id), changed)
    return changed


def _promise_anew(order: WorkOrder, wanted: dict[str, Any], promise: Promises, at: datetime) -> None:
    """The due time that goes with what becomes of an open order, unless another one is given: sooner for a danger or
    what turns out to be more urgent, for it is known only now; later only where nobody had set it by hand."""
    if order.status not in OPEN or wanted.get("due_at", order.due_at) != order.due_at:
        return
    danger = bool(wanted.get("dangerous")) and not order.dangerous
    priority = Priority(wanted.get("priority", order.priority))
    category = str(wanted.get("category", order.category))
    same = (priority, category) == (order.priority, order.category)
    if not danger and (same or order.due_at is None or order.kind is WorkKind.PREVENTIVE):
        return
    soon = promise.moments(priority, category, at)[1]
    if order.due_at is None or soon < order.due_at:
        wanted["due_at"] = soon
    elif order.due_at == promise.due(order):
        wanted["due_at"] = max(order.due_at, promise.moments(priority, category, order.reported_at)[1])


def _check_due(order: WorkOrder, due_at: datetime | None) -> None:
    """A due time is another one, not none, and only as long as work is owed. Raises Invalid."""
    if order.status not in OPEN:
        raise Invalid({"due_at": Message(msg("The work is over: it is judged by the due time that held until then."))})
    if due_at is None:
        raise Invalid({"due_at": Message(msg("A due time can be put off, not taken away."))})
    if due_at < order.reported_at:
        raise Invalid({"due_at": Message(msg("This lies before the report"))})


def correct(
    store: Store,
    actor: Actor,
    community_id: str,
    order_id: str,
    revision: int,
    changes: Mapping[str, Any],
    reason: str,
    *,
    key: str | None = None,
) -> WorkOrder:
    """Put a wrong entry right (CORRECTABLE): the counters then stand as if it had been entered so from the start. The
    story tells what stood there and why it was wrong. Raises Invalid, Conflict, NotFound, Refused."""
    _only(changes, CORRECTABLE)
    zone = store.zone(community_id)

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
        both = [(getattr(order, name), getattr(changed, name)) for name in changes]
        if righted := [(before, after) for before, after in both if before != after]:
            if order.revision != revision:
                raise Conflict(order)  # rather than a reason asked for what stands already
            note = told(reason, zone, *righted, ask=NOTED_WRONG)
            wanted["events"] = (*changed.events, said(write, changed, note))
        return write.update(WorkOrder, community_id, order_id, revision, wanted)

    return store.write(actor, work, key=key)


def delete(store: Store, actor: Actor, community_id: str, order_id: str, revision: int) -> WorkOrder:
    """Take a work order out as if it had never been entered, and return what it was; the audit keeps it. A facility
    that its danger had stopped is back in service."""

    def work(write: Write) -> WorkOrder:
        order = write.read(WorkOrder, community_id, order_id)
        if order.hazard_id:
            hazards.unlink_order(write, community_id, order.hazard_id, order_id, following=WorkOrder)
        write.delete(WorkOrder, community_id, order_id, revision)
        drop_contact(write, community_id, order_id)
        let_go(write, order, order.photos)
        if order.dangerous and order.status in STANDING:
            _restore(write, order)
        return order

    return store.write(actor, work)


def _only(changes: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if strange := changes.keys() - allowed:
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")


def _check_moments(order: WorkOrder, now: datetime) -> None:
    """What happened happened in order and not in the future; what is due is due after the report."""
    problems = {field: Message(msg("This lies in the future")) for field in order.ahead(now)}
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
        _set_status(write, facility, ServiceStatus.OUT_OF_ORDER, order)


def _restore(write: Write, order: WorkOrder) -> None:
    """What a danger stopped is back in service, unless another one still stands there or it was taken down meanwhile.
    What somebody stopped waits for more than this repair, for all we know."""
    if order.facility_id is None:
        return
    here = {"community_id": order.community_id, "facility_id": order.facility_id, "dangerous": True}
    others = write.store.db[WorkOrder.collection].find_one(
        {**here, "status": {"$in": sorted(STANDING)}, "_id": {"$ne": order.id}}, {"_id": 1}, session=write.session
    )
    try:
        facility = write.read(Facility, order.community_id, order.facility_id)
    except NotFound:
        return
    if others is not None or facility.status is not ServiceStatus.OUT_OF_ORDER:
        return
    if _a_danger_stopped(write, facility):
        _set_status(write, facility, ServiceStatus.IN_SERVICE, order)


def _a_danger_stopped(write: Write, facility: Facility) -> bool:
    """Whether its history says that an order made it stand still, which may be gone by now, and nobody's hand."""
    first = None
    for entry in reversed(facility.condition_history):
        if entry.status is not ServiceStatus.OUT_OF_ORDER:
            break
        first = entry
    if first is None or first.order_id or not first.note:
        return bool(first and first.order_id)
    named = {"community_id": facility.community_id, "number": first.note}  # as older versions wrote it
    return write.store.db[WorkOrder.collection].find_one(named, {"_id": 1}, session=write.session) is not None


def _set_status(write: Write, facility: Facility, status: ServiceStatus, order: WorkOrder) -> None:
    changes = with_history(write, facility, {"status": status}, note=order.number, order_id=order.id)
    write.update(Facility, facility.community_id, facility.id, facility.revision, changes, following=WorkOrder)
