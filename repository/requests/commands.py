"""What can be done to a request. Each command is one transaction and names its actor; a stale ``revision`` raises
Conflict, a value that cannot be raises Invalid with the problem beside its field."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from repository import maintenance, meetings
from repository.access import Actor, Operation, Refused, in_reach, reach, require
from repository.activities import Activity, ActivityStatus, resident_code
from repository.due import NOTED_WRONG, PUT_OFF, put_off, told
from repository.filters import Is
from repository.grids import Community, Grid, RequestDeadline
from repository.maintenance import WorkOrder
from repository.meetings import AgendaItem, Link, Linked, Meeting
from repository.people import Contact, Person, Purpose, drop_contact, keep_contact, move_contact, purpose_of
from repository.record import LINE, Record
from repository.requests.records import (
    OPEN,
    REPEAT_DAYS,
    CallBack,
    OutcomeKind,
    Reopening,
    Request,
    RequestEvent,
    Satisfaction,
    Status,
    Step,
    deadline,
    place_key,
)
from repository.requests.vocabulary import Topic, topic_of, words_of
from repository.rollups import day_of
from repository.store import Conflict, Duplicate, Invalid, NotFound, Store, Write, build
from repository.words import Message, msg

SERIES = "requests"  # of numbers

EDITABLE = frozenset(
    {
        "text", "category", "urgency", "channel", "place", "grid_id", "resident", "received_by_id", "responsible_id",
        "received_at", "deadline_at",
    }
)  # fmt: skip
"""What ``edit_request`` may change; the steps have commands of their own."""

ENDED: Mapping[Step, Status] = {
    Step.RESOLVED: Status.RESOLVED,
    Step.DECLINED: Status.DECLINED,
    Step.REFERRED: Status.REFERRED,
}
"""The steps that end the clock, and where a request stands afterwards."""

NEVER_REACHED = 3
"""After so many tries that reached nobody, a request may be closed without a call-back."""


# --- entering
def take_request(
    store: Store,
    actor: Actor,
    community_id: str,
    values: Mapping[str, Any],
    *,
    caller_name: str | None = None,
    caller_phone: str | None = None,
    then: Callable[[Write, Request], object] | None = None,
    key: str | None = None,
) -> Request:
    """Enter what a resident wants; returns it with its number.

    ``text`` says it. ``received_at`` is now unless given and may lie in the past; ``category`` is what the words of the
    text point to unless given; ``deadline_at`` follows from the urgency (``records.deadline``) unless given;
    responsible is who leads the grid unless given. The same resident, or the same place, with the same topic within
    REPEAT_DAYS is marked as a repeat, and so is a later one that was entered before this one. ``caller_name`` and
    ``caller_phone`` are whom to call back; they are kept apart (see ``people.Contact``). ``then`` is done in the same
    transaction. Raises Invalid, Refused.
    """
    require(actor, Operation.CREATE, Request.collection)
    seen = reach(actor, community_id)
    zone, own = store.zone(community_id), _deadlines(store, actor, community_id)
    given = _coded({name: value for name, value in values.items() if value is not None})
    if seen is not None and given.get("grid_id") is None and len(seen) == 1:
        given["grid_id"] = next(iter(seen))
    if seen is not None and given.get("grid_id") not in seen:
        if given.get("grid_id") is None:
            raise Invalid({"grid_id": Message(msg("Choose the grid"))})
        raise Refused(msg("This belongs to a grid that is not in your charge. Nothing was changed."))

    def work(write: Write, number: int) -> Request:
        facts = {"received_at": write.at, "number": f"R-{number:05d}", **given, "community_id": community_id}
        made = build(Request, facts)
        if "category" not in given:
            made = made.model_copy(update={"category": str(topic_of(words_of(made.text, made.place)))})
        if made.ahead(write.at):
            raise Invalid({"received_at": Message(msg("This lies in the future"))})
        update: dict[str, Any] = {
            "status": Status.RECEIVED,
            "deadline_at": made.deadline_at or deadline(made.urgency, made.received_at, zone, own),
            "events": (_event(actor, made.received_at, Step.RECEIVED),),
            "repeat_of": _earlier(write, made),
        }
        if made.responsible_id is None and made.grid_id:
            lead = write.referred(Grid, community_id, "grid_id", made.grid_id)
            update["responsible_id"] = lead.responsible_id
        made = made.model_copy(update=update)
        _check_deadline(made)
        entered = write.insert(made)
        _mark_later(write, entered)
        keep_contact(write, community_id, entered.id, entered.grid_id, name=caller_name, phone=caller_phone)
        if then is not None:
            then(write, entered)
        return entered

    # before a number is taken, which stays taken
    home = {"community_id": community_id}
    build(Request, {"number": "-", "received_at": store.clock(), **given, **home})
    build(
        Contact,
        {**home, "about_id": "-", "name": caller_name or None, "phone": caller_phone or None, "expires_on": date.max},
    )
    for _ in range(20):  # an import may have taken the number
        number = store.next_number(actor, community_id, SERIES)
        try:
            return store.write(actor, partial(_from, work, number), key=key)
        except Duplicate as duplicate:
            if "number" not in duplicate.fields:
                raise
            _skip_taken(store, actor, community_id, number)
    raise Invalid({"number": Message(msg("No free number was found; give this request a number of your own."))})


def _coded(values: Mapping[str, Any]) -> dict[str, Any]:
    """With the resident's code as it is kept, however it was typed: the same resident comes again under the same code.
    Raises Invalid for what names somebody."""
    typed = values.get("resident")
    if typed is None:
        return dict(values)
    return {**values, "resident": resident_code(str(typed)) if str(typed).strip() else None}


def _from(work: Any, number: int, write: Write) -> Request:
    made: Request = work(write, number)
    return made


def _skip_taken(store: Store, actor: Actor, community_id: str, reached: int) -> None:
    """Move the series past the numbers an import brought."""
    taken = store.db[Request.collection].find_one(
        {"community_id": community_id, "number": {"$regex": r"^R-\d{5,9}$"}}, {"number": 1}, sort=[("number", -1)]
    )
    if taken and (ahead := int(taken["number"][2:]) - reached) > 0:
        store.next_number(actor, community_id, SERIES, ahead)


def _deadlines(store: Store, actor: Actor, community_id: str) -> tuple[RequestDeadline, ...]:
    found = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
    return found[0].request_deadlines if found else ()


def _check_deadline(request: Request) -> None:
    if request.deadline_at and request.deadline_at < request.received_at:
        raise Invalid({"deadline_at": Message(msg("This lies before it was received"))})


def _check_receipt(request: Request, received_at: datetime, now: datetime) -> None:
    """Raise Invalid for a receipt in the future, or after something that was done about the request."""
    if received_at > now:
        raise Invalid({"received_at": Message(msg("This lies in the future"))})
    ends = [past.ended_at for past in request.reopenings]
    steps = [event.at for event in request.events if event.step is not Step.RECEIVED]
    later = [at for at in (request.responded_at, request.ended_at, *ends, *steps) if at]
    if later and received_at > min(later):
        raise Invalid({"received_at": Message(msg("This lies after the next step of the story"))})


# --- repeats
def _likes(write: Write, request: Request) -> list[dict[str, Any]]:
    """How another request is the same again: by resident or by place, with the topic, within the actor's reach. "Other"
    is no topic."""
    if request.category == Topic.OTHER:
        return []
    same: dict[str, Any] = {"community_id": request.community_id, "category": request.category}
    if write.actor.grids is not None:
        same["grid_id"] = Is(among=sorted(write.actor.grids))
    key = place_key(request.place)
    by_resident = [{**same, "resident": request.resident}] if request.resident else []
    return by_resident + ([{**same, "place_key": key}] if key else [])


def _earlier(write: Write, request: Request, without: str = "") -> str | None:
    """The latest request before this one, within REPEAT_DAYS, that it repeats; as if ``without`` did not exist."""
    since = request.received_at - timedelta(days=REPEAT_DAYS)
    others = {"_id": Is(not_among=[request.id, without]), "received_at": Is(gte=since, lte=request.received_at)}
    found = [
        one
        for like in _likes(write, request)
        for one in write.store.documents(
            Request,
            {**like, **others},
            session=write.session,
            projection={"received_at": 1},
            sort=[("received_at", -1)],
            limit=1,
        )
    ]
    return str(max(found, key=lambda one: (one["received_at"], one["_id"]))["_id"]) if found else None


def _mark_later(write: Write, request: Request) -> None:
    """Later ones that repeat what was entered after them, or was changed."""
    until = request.received_at + timedelta(days=REPEAT_DAYS)
    later: dict[str, Request] = {}
    for like in _likes(write, request):
        where = {**like, "_id": Is(ne=request.id), "received_at": Is(gt=request.received_at, lte=until)}
        for each in write.store.documents(Request, where, session=write.session, sort=[("received_at", 1)], limit=1):
            later[each["_id"]] = Request.from_document(each)
    for one in later.values():
        _look_again(write, one)


def _look_again(write: Write, request: Request) -> None:
    if (before := _earlier(write, request)) != request.repeat_of:
        changes = {"repeat_of": before}
        write.update(Request, request.community_id, request.id, request.revision, changes, following=Request)


def _repeating(write: Write, community_id: str, id: str) -> list[Request]:
    found = write.store.documents(Request, {"community_id": community_id, "repeat_of": id}, session=write.session)
    return [Request.from_document(one) for one in found if in_reach(write.actor, Request, one)]


# --- moving along
def accept(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    responsible_id: str | None = None,
    note: str | None = None,
    key: str | None = None,
) -> Request:
    """The resident was told that the request is being dealt with: responded. Raises Invalid, Conflict, NotFound,
    Refused."""

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        write.referred(Person, community_id, "responsible_id", responsible_id)
        if request.status is not Status.RECEIVED:
            raise _cannot(request, Step.ACCEPTED)
        at = _now(request, write.at)
        changes: dict[str, Any] = {"status": Status.ACCEPTED, "responded_at": request.responded_at or at}
        changes["events"] = (*request.events, _event(actor, at, Step.ACCEPTED, note))
        if responsible_id:
            changes["responsible_id"] = responsible_id
        return write.update(Request, community_id, id, revision, changes)

    return store.write(actor, work, key=key)


def resolve(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, answer: str, key: str | None = None
) -> Request:
    """The request is answered; the resident is to be called back. Raises Invalid without an ``answer``, Conflict,
    NotFound, Refused."""
    return _end(store, actor, community_id, id, revision, Step.RESOLVED, answer, key=key)


def decline(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, reason: str, key: str | None = None
) -> Request:
    """It is not taken up, with the reason. Raises Invalid without one, Conflict, NotFound, Refused."""
    return _end(store, actor, community_id, id, revision, Step.DECLINED, reason, key=key)


def refer(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    to: str,
    note: str | None = None,
    key: str | None = None,
) -> Request:
    """It is another office's. Raises Invalid without whose, Conflict, NotFound, Refused."""
    return _end(store, actor, community_id, id, revision, Step.REFERRED, note, to=to, key=key)


def _end(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    step: Step,
    said: str | None,
    *,
    to: str | None = None,
    key: str | None,
) -> Request:
    demanded = {Step.RESOLVED: ("answer", said), Step.DECLINED: ("reason", said), Step.REFERRED: ("to", to)}
    field, value = demanded[step]
    if not isinstance(value, str) or not value.strip():
        why = {"answer": msg("Write what was answered"), "reason": msg("Say why"), "to": msg("Say to whom")}
        raise Invalid({field: Message(why[field])})

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        if request.status not in OPEN:
            raise _cannot(request, step)
        at = _now(request, write.at)
        changes: dict[str, Any] = {"status": ENDED[step], "ended_at": at}
        if step is not Step.REFERRED:
            changes["responded_at"] = request.responded_at or at
        if step is Step.REFERRED:
            changes["referred_to"] = to
        else:
            changes["answer"] = said
        note = to if step is Step.REFERRED and not (said or "").strip() else said
        changes["events"] = (*request.events, _event(actor, at, step, note))
        return write.update(Request, community_id, id, revision, changes)

    return store.write(actor, work, key=key)


def call_back(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    reached: bool,
    contacted: bool | None = None,
    solved: bool | None = None,
    satisfaction: Satisfaction | str | None = None,
    on: date | None = None,
    note: str | None = None,
    key: str | None = None,
) -> Request:
    """What the resident says of the answer; ``on`` is today unless given.

    Not reached: noted, and somebody tries again. Reached and solved: closed. Reached and not solved: open again, a flow
    of its own (the call-back stays counted). ``contacted`` is whether anybody had been in touch with them. Raises
    Invalid for what is not said or cannot be, Conflict, NotFound, Refused.
    """
    zone = store.zone(community_id)
    if reached and solved is None:
        raise Invalid({"solved": Message(msg("Say whether it is solved"))})
    if reached and satisfaction is None:
        raise Invalid({"satisfaction": Message(msg("Say how satisfied they are"))})

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        if request.status is not Status.RESOLVED:
            raise _cannot(request, Step.CALLED if solved else Step.NOT_SOLVED if reached else Step.UNREACHED)
        at, today = _now(request, write.at), day_of(write.at, zone)
        day = on or today
        ended = day_of(request.ended_at, zone) if request.ended_at else None
        if day > today:
            raise Invalid({"on": Message(msg("This lies in the future"))})
        if ended and day < ended:
            raise Invalid({"on": Message(msg("This lies before the answer"))})
        facts: dict[str, Any] = {"on": day, "by": actor.name, "reached": bool(reached)}
        if reached:
            told = True if contacted is None else contacted
            facts |= {"contacted": told, "solved": bool(solved), "satisfaction": satisfaction}
        call = build(CallBack, facts)
        step = Step.UNREACHED if not reached else Step.CALLED if solved else Step.NOT_SOLVED
        changes: dict[str, Any] = {
            "callbacks": (*request.callbacks, call),
            "events": (*request.events, _event(actor, at, step, note)),
        }
        if reached:
            changes |= {"called_on": day, "solved": bool(solved), "satisfaction": call.satisfaction}
            changes |= {"status": Status.CLOSED} if solved else _open_again(request, at, not_solved=True)
        return write.update(Request, community_id, id, revision, changes)

    return store.write(actor, work, key=key)


def close_unreached(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, key: str | None = None
) -> Request:
    """Nobody was reached in NEVER_REACHED tries: closed without a call-back. Raises Invalid before that, Conflict,
    NotFound, Refused."""
    zone = store.zone(community_id)

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        if request.status is not Status.RESOLVED:
            raise _cannot(request, Step.CLOSED)
        ended = day_of(request.ended_at, zone) if request.ended_at else date.min
        since = [call for call in request.callbacks if not call.reached and call.on >= ended]
        if len(since) < NEVER_REACHED:
            few = {"n": NEVER_REACHED}
            raise Invalid({"status": Message(msg("Try to reach them {n} times first."), few)})
        at = _now(request, write.at)
        changes = {"status": Status.CLOSED, "events": (*request.events, _event(actor, at, Step.CLOSED))}
        return write.update(Request, community_id, id, revision, changes)

    return store.write(actor, work, key=key)


def reopen(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, reason: str, key: str | None = None
) -> Request:
    """An ending that does not hold: the resident comes again, or it was declined or referred wrongly. Raises Invalid
    without a ``reason`` or when it is open, Conflict, NotFound, Refused."""
    if not isinstance(reason, str) or not reason.strip():
        raise Invalid({"reason": Message(msg("Say why"))})

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        if request.status in OPEN:
            raise _cannot(request, Step.REOPENED)
        at = _now(request, write.at)
        changes = _open_again(request, at, not_solved=False)
        changes["events"] = (*request.events, _event(actor, at, Step.REOPENED, reason))
        return write.update(Request, community_id, id, revision, changes)

    return store.write(actor, work, key=key)


def _open_again(request: Request, at: datetime, *, not_solved: bool) -> dict[str, Any]:
    """Its first deadline holds: a request that was answered wrongly is late from there on."""
    changes: dict[str, Any] = {"status": Status.ACCEPTED, "ended_at": None, "responded_at": request.responded_at or at}
    changes |= {"called_on": None, "solved": None, "satisfaction": None}  # the call-backs tell what was said
    if request.ended_at:  # an import may not know when it ended: then no flow was counted that could be taken back
        late = request.to_document().get("late")
        past = Reopening(ended_at=request.ended_at, reopened_at=at, late=late, not_solved=not_solved)
        changes["reopenings"] = (*request.reopenings, past)
    return changes


def _cannot(request: Request, step: Step) -> Invalid:
    facts = {"now": Message(request.status.label), "then": Message(step.label)}
    return Invalid({"status": Message(msg("A request that is “{now}” cannot become “{then}”."), facts)})


def _now(request: Request, now: datetime) -> datetime:
    """Now, or the last step if another machine's clock was ahead."""
    return max([now, *(event.at for event in request.events)])


def _event(by: Actor, at: datetime, step: Step, note: str | None = None) -> RequestEvent:
    facts = {"at": at, "by": by.name, "by_id": by.id, "step": step, "note": (note or "").strip() or None}
    return build(RequestEvent, facts)


def remark(store: Store, actor: Actor, community_id: str, id: str, text: str, *, key: str | None = None) -> Request:
    """Add a remark to the story, whatever else is done to the request at the same moment. Raises Invalid, NotFound,
    Refused."""
    if not isinstance(text, str) or not text.strip():
        raise Invalid({"text": Message(msg("Please fill this in"))})

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        said = _event(actor, _now(request, write.at), Step.NOTE, text)
        return write.update(Request, community_id, id, request.revision, {"events": (*request.events, said)})

    return store.write(actor, work, key=key)


# --- putting right
def edit_request(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
) -> Request:
    """Change plain fields (EDITABLE). Another urgency brings its deadline, counted from the receipt, unless a deadline
    is given too; one that is taken away comes back as the urgency has it. A receipt that was noted wrong takes along
    the deadline that followed from it, over or not, and is not put later than the next step of the story. Which
    requests repeat it is looked at again. Another receipt, or a deadline put off, needs a ``reason``, which the story
    tells with what stood before. Raises Invalid, Conflict, NotFound, Refused."""
    if strange := changes.keys() - EDITABLE:
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")
    changes = _coded(changes)
    zone, own = store.zone(community_id), _deadlines(store, actor, community_id)

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        changed = build(Request, {**dict(request), **changes})
        wanted = dict(changes)
        moved = changed.received_at != request.received_at
        other = changed.urgency is not request.urgency
        again, follows = other and "deadline_at" not in changes and request.status in OPEN, False
        if moved:
            _check_receipt(request, changed.received_at, write.at)
            wanted["events"] = tuple(
                event.model_copy(update={"at": changed.received_at}) if event.step is Step.RECEIVED else event
                for event in request.events
            )
            promised = deadline(request.urgency, request.received_at, zone, own)
            follows = changed.deadline_at == request.deadline_at == promised
        if again or follows or ("deadline_at" in changes and changed.deadline_at is None):
            wanted["deadline_at"] = deadline(changed.urgency, changed.received_at, zone, own)
        changed = changed.model_copy(update=wanted)
        _check_deadline(changed)
        later = put_off(request.postponements, request.deadline_at, changed.deadline_at, write.at)
        if request.status not in OPEN or (follows and not other):
            later = {}  # what only follows the receipt is not put off
        if moved or later:
            if request.revision != revision:
                raise Conflict(request)  # rather than a reason asked for what stands already
            terms: list[tuple[Any, Any]] = [(request.received_at, changed.received_at)] if moved else []
            terms += [(request.deadline_at, changed.deadline_at)] if later else []
            note = told(reason, zone, *terms, ask=NOTED_WRONG if moved else PUT_OFF)
            wanted |= later | {"events": (*changed.events, _event(actor, _now(changed, write.at), Step.NOTE, note))}
        likened = ("category", "resident", "place", "received_at")
        other_likes = any(getattr(changed, name) != getattr(request, name) for name in likened)
        if other_likes:
            wanted["repeat_of"] = _earlier(write, build(Request, dict(changed)))
        saved = write.update(Request, community_id, id, revision, wanted)
        if saved.grid_id != request.grid_id:
            move_contact(write, community_id, id, saved.grid_id, following=Request)
        if other_likes:
            for one in _repeating(write, community_id, id):
                _look_again(write, one)
            _mark_later(write, saved)
        return saved

    return store.write(actor, work)


def reveal_request(store: Store, actor: Actor, community_id: str, id: str, purpose: Purpose | str) -> Request:
    """A request with the numbers that people wrote into its text, which are masked everywhere else. Who looked, when
    and why goes on record. Raises Invalid for a reason that is none, NotFound, Refused."""
    require(actor, Operation.READ, Contact.collection)
    why = purpose_of(purpose)
    return store.write(actor, lambda write: write.reveal(Request, community_id, id, {"purpose": str(why)}), vital=True)


def remove_request(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Request:
    """Take out a request entered by mistake, with whom to call back; returns what it was. Raises Conflict, InUse while
    a work order came of it, NotFound, Refused."""

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        for one in _repeating(write, community_id, id):
            changes = {"repeat_of": _earlier(write, one, without=id)}
            write.update(Request, community_id, one.id, one.revision, changes, following=Request)
        write.delete(Request, community_id, id, revision)
        drop_contact(write, community_id, id)
        return request

    return store.write(actor, work)


# --- what it became
def become_order(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    fault: str,
    facility_id: str | None = None,
    place: str | None = None,
    dangerous: bool = False,
    key: str | None = None,
) -> WorkOrder:
    """Open a work order for the request, in one transaction: each names the other. What was wanted is its description,
    and whoever is responsible for the request hears what became of the order. Raises Invalid when it is over or has an
    order, Conflict, NotFound, Refused."""
    require(actor, Operation.UPDATE, Request.collection)
    promise = maintenance.Promises.of(store, actor, community_id)
    found = store.get(actor, Request, community_id, id)

    def work(write: Write, number: int) -> WorkOrder:
        request = _to_become(write, community_id, id)
        order = maintenance.open_order(
            write,
            promise,
            community_id,
            number,
            fault=fault,
            facility_id=facility_id,
            place=place or request.place,
            grid_id=request.grid_id,
            source=maintenance.Source.RESIDENT,
            dangerous=dangerous,
            description=request.text,
            also={"request_id": request.id},
        )
        changes = _became(write, request, OutcomeKind.ORDER, order.id, order.number)
        if request.status is Status.RECEIVED:
            changes |= {"status": Status.ACCEPTED, "responded_at": changes["events"][-1].at}
        write.update(Request, community_id, id, revision, changes)
        return order

    maintenance.require_place(store, actor, community_id, facility_id, found.grid_id)
    return maintenance.numbered(store, actor, community_id, 1, work, key=key)


def become_activity(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    values: Mapping[str, Any],
    *,
    key: str | None = None,
) -> Request:
    """Plan an activity that answers the request: ``values`` are its name, format and day. It is a draft to work out on
    the Activities page, which leads back to the request; what was wanted stays there. Raises Invalid for a day that is
    past or when the request was declined or referred, Conflict, NotFound, Refused."""
    zone = store.zone(community_id)

    def work(write: Write) -> Request:
        request = _to_become(write, community_id, id, over=True)
        given = {name: value for name, value in values.items() if value is not None}
        facts = {"community_id": community_id, "grid_id": request.grid_id, **given}
        activity = build(Activity, {**facts, "status": ActivityStatus.PLANNED})
        if activity.held_on < day_of(write.at, zone):
            raise Invalid({"held_on": Message(msg("This day is past"))})
        # first the request: a second press of the same key is told of it
        changes = _became(write, request, OutcomeKind.ACTIVITY, activity.id, activity.name)
        changed = write.update(Request, community_id, id, revision, changes)
        write.insert(activity)
        return changed

    return store.write(actor, work, key=key)


def mark(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    kind: OutcomeKind | str | None,
    *,
    note: str | None = None,
    key: str | None = None,
) -> Request:
    """Keep it as an idea for an activity, or put it to the next meeting; None takes that back, from the agenda of a
    meeting to come as well. Raises Invalid, Conflict, NotFound, Refused."""
    try:
        wanted = None if kind is None else OutcomeKind(kind)
    except ValueError:
        wanted = OutcomeKind.ORDER
    if wanted not in (None, OutcomeKind.IDEA, OutcomeKind.MEETING):
        raise Invalid({"outcome_kind": Message(msg("Choose one of the list"))})

    def work(write: Write) -> Request:
        request = write.read(Request, community_id, id)
        if wanted is not None:
            request = _to_become(write, community_id, id, over=True)
            return write.update(Request, community_id, id, revision, _became(write, request, wanted, None, note))
        if request.outcome_kind not in (OutcomeKind.IDEA, OutcomeKind.MEETING):
            raise Invalid({"outcome_kind": Message(msg("There is nothing to take back."))})
        if request.outcome_id:
            with suppress(NotFound):  # it was taken out meanwhile
                meetings.take_off_agenda(write, community_id, request.outcome_id, request.id)
        said = _event(actor, _now(request, write.at), Step.NOTE, note)
        changes = {
            "outcome_kind": None,
            "outcome_id": None,
            "events": (*request.events, said) if said.note else request.events,
        }
        return write.update(Request, community_id, id, revision, changes)

    return store.write(actor, work, key=key)


def put_to_meeting(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    meeting_id: str,
    *,
    note: str | None = None,
    key: str | None = None,
) -> Request:
    """Put it on the agenda of a meeting, in one transaction: each leads to the other. Raises Invalid when it is over or
    has become something, or when the minutes are final; Conflict, NotFound, Refused."""

    def work(write: Write) -> Request:
        request = _to_become(write, community_id, id, over=True)
        item = AgendaItem(text=_item_text(request), link=Link(about=Linked.REQUEST, ref=id))
        meeting = meetings.put_on_agenda(write, community_id, meeting_id, [item])
        changes = _became(write, request, OutcomeKind.MEETING, meeting_id, note or meeting.name)
        return write.update(Request, community_id, id, revision, changes)

    return store.write(actor, work, key=key)


def take_up(
    store: Store, actor: Actor, community_id: str, meeting_id: str, revision: int, items: Sequence[AgendaItem]
) -> Meeting:
    """As ``meetings.take_up``, from the meeting's side: the requests among the items that wait for a meeting wait no
    more, and say which took them up. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Meeting:
        before = write.read(Meeting, community_id, meeting_id)
        if before.revision != revision:
            raise Conflict(before)
        for item in items:
            if item.link is None or item.link.about is not Linked.REQUEST:
                continue
            request = write.read(Request, community_id, item.link.ref)
            if request.outcome_kind is OutcomeKind.MEETING and not request.outcome_id:
                changes = _became(write, request, OutcomeKind.MEETING, meeting_id, before.name)
                write.update(Request, community_id, request.id, request.revision, changes)
        return meetings.put_on_agenda(write, community_id, meeting_id, items)

    return store.write(actor, work)


def _item_text(request: Request) -> str:
    """A request as an item: its number and how it begins."""
    return f"{request.number} {' '.join(request.text.split())}"[:LINE]


def _to_become(write: Write, community_id: str, id: str, *, over: bool = False) -> Request:
    """The request, if it can become something: open unless ``over``, and not something that exists already."""
    request = write.read(Request, community_id, id)
    if request.status not in OPEN and not (over and request.status not in (Status.DECLINED, Status.REFERRED)):
        raise Invalid({"status": Message(msg("It is over: reopen it first."))})
    if request.outcome_id is None:
        return request
    records: Mapping[OutcomeKind | None, type[Record]] = {
        OutcomeKind.ORDER: WorkOrder,
        OutcomeKind.ACTIVITY: Activity,
        OutcomeKind.MEETING: Meeting,
    }
    if record := records.get(request.outcome_kind):
        there = {"community_id": community_id, "_id": request.outcome_id}  # out of reach it is there too
        if not any(write.store.documents(record, there, session=write.session, projection={"_id": 1})):
            return request  # it was taken out meanwhile
    raise Invalid({"outcome_kind": Message(msg("This has become something already."))})


def _became(write: Write, request: Request, kind: OutcomeKind, id: str | None, note: str | None) -> dict[str, Any]:
    said = _event(write.actor, _now(request, write.at), Step.BECAME, note).model_copy(update={"became": kind})
    return {"outcome_kind": kind, "outcome_id": id, "events": (*request.events, said)}
