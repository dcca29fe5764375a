"""Reports by label: somebody without an account scans a code, says what is wrong, and follows what becomes of it.

Whoever scans acts as an ``Outsider`` bound to what the label is stuck on; whoever follows a private link, to the one
order behind it. A form carries a token that counts once: sent a second time it leads to the report it made. The link is
made from that token and a secret of the database, which keeps only the link's digest.
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo

from repository import keyed, labels, maintenance, photos
from repository.access import Actor, Outsider
from repository.facilities import Facility, ServiceStatus
from repository.grids import Community
from repository.labels import Label, Place
from repository.maintenance import OPEN, REPEAT_DAYS, REPORTS, Fault, Outcome, Source, Status, WorkOrder
from repository.people import Contact
from repository.record import LINE, Choice
from repository.store import READ_SECONDS, WRITE_SECONDS, Invalid, NotFound, Store, build, our_errors
from repository.words import Message, Trouble, msg

LINKS = "report_links"
MOST_PHOTOS = 3
MOST_WORDS = 500
FORM_HOLDS = timedelta(hours=12)
LINK_HOLDS = timedelta(days=400)
KNOWN = 5  # open reports that a label's page shows
_MERGED = 5  # mergers that a link follows
_SECRET = "report_secret"  # noqa: S105 (its name)  # pragma: allowlist secret


class StaleForm(Trouble):
    """The form was opened too long ago, or is not of this label. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            msg("This form was open for too long. Nothing was sent; what you wrote is still here. Send it now.")
        )


class Standing(Choice):
    """What a scanned label leads to."""

    THERE = "there", msg("In use")
    GONE = "gone", msg("Taken down")
    ENDED = "ended", msg("Label replaced")


@dataclass(frozen=True)
class Known:
    """An open report, as anybody may see it: no names, no words of others."""

    order_id: str
    fault: str
    reported_at: datetime
    status: Status
    also: int


@dataclass(frozen=True)
class Board:
    """What stands here, and what is reported already?"""

    label: Label
    standing: Standing
    community: str = ""
    name: str = ""
    site: str | None = None
    out_of_order: bool = False
    known: tuple[Known, ...] = ()


@dataclass(frozen=True)
class Sent:
    """What became of a form: the private link's token; ``again``: it had been sent before, and nothing was added;
    ``left_out``: photos that could not be read."""

    token: str
    again: bool = False
    left_out: int = 0


class Step(Choice):
    """Where a report stands, in words for whoever made it."""

    RECEIVED = "received", msg("Received: somebody will look at it.")
    PASSED_ON = "passed_on", msg("Passed on to whoever mends it.")
    IN_WORK = "in_work", msg("Being mended.")
    WAITING = "waiting", msg("Waiting, such as for a spare part.")
    DONE = "done", msg("Mended, says whoever did it.")
    CHECKED = "checked", msg("Mended and checked.")
    AGAIN = "again", msg("Not mended after all: it is being done again.")
    ENDED = "ended", msg("Closed without a repair. Ask the community office if you want to know why.")


_STEPS: Mapping[Status, Step] = {
    Status.REPORTED: Step.RECEIVED,
    Status.ACCEPTED: Step.RECEIVED,
    Status.ASSIGNED: Step.PASSED_ON,
    Status.IN_PROGRESS: Step.IN_WORK,
    Status.ON_HOLD: Step.WAITING,
    Status.DONE: Step.DONE,
    Status.VERIFIED: Step.CHECKED,
    Status.CLOSED: Step.CHECKED,
    Status.REJECTED: Step.ENDED,
    Status.REOPENED: Step.AGAIN,
}


@dataclass(frozen=True)
class Progress:
    """What became of this report? ``asks``: whoever made it may say whether it is mended; ``answered``: has said yes.
    ``merged``: it is dealt with together with an earlier report, and this is how that one stands."""

    community_id: str
    community: str
    code: str
    name: str
    site: str | None
    number: str
    fault: str
    reported_at: datetime
    due_at: datetime | None
    step: Step
    since: datetime
    late: bool
    asks: bool
    answered: bool
    merged: bool
    also: int


# --- a label's page --------------------------------------------------------------------------------------------------
def board(store: Store, code: str) -> Board | None:
    """What stands where this label is, and what is reported already? None for a code that never was. Raises
    Unavailable."""
    label = labels.label_with(store, code)
    if label is None:
        return None
    if label.ended_at is not None:
        return Board(label, Standing.ENDED)
    actor = _at_label(label)
    there = _stands(store, actor, label.community_id, *label.target)
    if there is None or (isinstance(there, Facility) and there.status is ServiceStatus.RETIRED):
        return Board(label, Standing.GONE)
    known = {"is_open": True, **REPORTS}  # what a plan asks for is no report
    reported = store.find(actor, WorkOrder, label.community_id, known, sort=[("reported_at", -1)], limit=KNOWN)
    return Board(
        label,
        Standing.THERE,
        _community(store, actor, label.community_id),
        there.name,
        there.site,
        isinstance(there, Facility) and there.status is ServiceStatus.OUT_OF_ORDER,
        tuple(
            Known(one.id, _plain_fault(one.fault), one.reported_at, one.status, one.also_reported) for one in reported
        ),
    )


def form_token(store: Store, label: Label) -> str:
    """A token for a form of this label: it counts once, and not for ever. Raises Unavailable."""
    opened = f"{label.id}.{int(store.clock().timestamp()):x}.{secrets.token_hex(16)}"
    return f"{opened}.{_sign(store, 'form', opened)}"


def report(
    store: Store,
    label: Label,
    token: str,
    *,
    fault: str | None,
    dangerous: bool | None,
    words: str = "",
    pictures: Sequence[bytes] = (),
    name: str = "",
    phone: str = "",
) -> Sent:
    """Open a work order where the label is. A form that was sent before opens no second one. A photo that can't be read
    is left out, for the fault matters more. Raises Invalid, StaleForm, NotFound for a label that leads nowhere, Full,
    Unavailable, OutcomeUnknown."""
    link = _link_of(store, label, "report", token)
    if _kept(store, link) is not None:
        return Sent(link, again=True)
    phone = unicodedata.normalize("NFKC", phone).strip()
    _check(store, fault, dangerous, words, pictures, name, phone)
    actor = _at_label(label)
    there = _stands(store, actor, label.community_id, *label.target)
    if there is None or label.ended_at is not None:
        raise NotFound(msg("This label leads nowhere any more. Nothing was sent; tell the community office."))
    store.require_room()
    kept, left_out = [], 0
    for picture in pictures:
        try:
            kept.append(photos.keep(store, actor, label.community_id, picture))
        except photos.BadPhoto:
            left_out += 1
    where: dict[str, Any] = {"facility_id": there.id}
    if isinstance(there, Place):
        at = " · ".join(filter(None, (there.name, there.site)))[:LINE]
        where = {"place": at, "grid_id": there.grid_id, "also": {"place_id": there.id}}
    order = maintenance.log_repair(
        store,
        actor,
        label.community_id,
        fault=fault,
        source=Source.RESIDENT,
        dangerous=bool(dangerous),
        description=words.strip() or None,
        caller_name=name.strip() or None,
        caller_phone=phone or None,
        photos=kept,
        key=_digest(f"report|{token}"),
        **where,
    )
    _keep_link(store, link, label, order.id, mine=True)
    return Sent(link, left_out=left_out)


def see_too(store: Store, label: Label, token: str, order_id: str) -> Sent:
    """Somebody sees what is reported already: counted on that order, which the link then follows. Raises Invalid,
    StaleForm, NotFound, Full, Unavailable, OutcomeUnknown."""
    link = _link_of(store, label, f"also|{order_id}", token)
    if _kept(store, link) is not None:
        return Sent(link, again=True)
    order = maintenance.see_too(
        store, _at_label(label), label.community_id, order_id, key=_digest(f"also|{order_id}|{token}")
    )
    _keep_link(store, link, label, order.id, mine=False)
    return Sent(link)


def _check(
    store: Store,
    fault: str | None,
    dangerous: bool | None,
    words: str,
    pictures: Sequence[bytes],
    name: str,
    phone: str,
) -> None:
    """What can be said of a form before anything is kept. Raises Invalid."""
    problems: dict[str, Message] = {}
    if fault not in set(Fault):
        problems["fault"] = Message(msg("Choose what is wrong"))
    if dangerous is None:
        problems["dangerous"] = Message(msg("Say whether it is dangerous"))
    if len(words) > MOST_WORDS:
        problems["words"] = Message(msg("Too long: {max_length} characters at most"), {"max_length": MOST_WORDS})
    if len(pictures) > MOST_PHOTOS:
        problems["photos"] = Message(msg("{most} photos are the most"), {"most": MOST_PHOTOS})
    today = store.clock().date()
    for field, value in (("name", name.strip()), ("phone", phone)):
        try:
            build(Contact, {"community_id": "-", "about_id": "-", "expires_on": today, field: value or None})
        except Invalid as found:
            told = Message(msg("Not a telephone number: digits, + and spaces")) if field == "phone" else None
            problems[field] = told or next(iter(found.problems.values()))
    try:
        values = {"community_id": "-", "number": "-", "fault": "other", "reported_at": store.clock()}
        build(WorkOrder, {**values, "description": words.strip() or None})
    except Invalid as found:
        problems.setdefault("words", next(iter(found.problems.values())))
    if problems:
        raise Invalid(problems)


# --- the private link ------------------------------------------------------------------------------------------------
def follow(store: Store, token: str) -> Progress | None:
    """What became of the report behind this link? None for a link that never was or is over. Raises Unavailable."""
    kept = _kept(store, token)
    if kept is None:
        return None
    community_id = kept["community_id"]
    order = _stays(store, kept)
    if order is None:
        return None
    target = (kept["collection"], kept["target_id"])
    actor = _outsider(kept["code"], community_id, target)
    there = _stands(store, actor, community_id, *target)
    mended = order.outcome is Outcome.COMPLETED and order.ended_at is not None
    recent = mended and store.clock() - (order.ended_at or order.reported_at) <= timedelta(days=REPEAT_DAYS)
    checked = next((step for step in reversed(order.events) if step.status is Status.VERIFIED), None)
    by_reporter = mended and checked is not None and (checked.by_id or "").startswith("label:")
    step = _STEPS[order.status]
    if order.status is Status.CLOSED and not mended:
        step = Step.ENDED
    return Progress(
        community_id=community_id,
        community=_community(store, actor, community_id),
        code=kept["code"],
        name=there.name if there else "",
        site=there.site if there else None,
        number=order.number,
        fault=_plain_fault(order.fault),
        reported_at=order.reported_at,
        due_at=order.due_at if order.status in OPEN else None,
        step=step,
        since=order.events[-1].at if order.events else order.reported_at,
        late=order.status in OPEN and order.due_at is not None and order.due_at < store.clock(),
        asks=bool(kept["mine"]) and recent,
        answered=by_reporter,
        merged=order.id != kept["order_id"],
        also=order.also_reported,
    )


def answer(store: Store, token: str, *, mended: bool, satisfaction: int | None = None) -> bool:
    """What whoever made the report says of the repair (see ``maintenance.confirm``). False for a link that never was,
    is over, or only follows somebody else's report. Raises Invalid, Full, Unavailable, OutcomeUnknown."""
    kept = _kept(store, token)
    order = None if kept is None else _stays(store, kept)
    if kept is None or order is None or not kept["mine"]:
        return False
    if satisfaction is not None and not 1 <= satisfaction <= 5:
        raise Invalid({"satisfaction": Message(msg("Choose one of the list"))})
    actor = _outsider(kept["code"], order.community_id, (WorkOrder.collection, order.id))
    maintenance.confirm(store, actor, order.community_id, order.id, mended=mended, satisfaction=satisfaction)
    return True


def clear_links(store: Store) -> int:
    """Forget the links whose time is over; returns how many. Raises Unavailable."""
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        return store.db[LINKS].delete_many({"ends_at": {"$lt": store.clock()}}).deleted_count


def _stays(store: Store, kept: Mapping[str, Any]) -> WorkOrder | None:
    """The order behind a link, or the one it was merged into."""
    id: str | None = kept["order_id"]
    order = None
    for _ in range(_MERGED):
        actor = _outsider(kept["code"], kept["community_id"], (WorkOrder.collection, str(id)))
        found = store.find(actor, WorkOrder, kept["community_id"], {"_id": id}, limit=1)
        order = found[0] if found else None
        id = order.merged_into if order is not None and order.outcome is Outcome.DUPLICATE else None
        if id is None:
            return order
    return order


def _kept(store: Store, token: str) -> dict[str, Any] | None:
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[LINKS].find_one({"_id": _digest(token)})
    return None if found is None or found["ends_at"] < store.clock() else found


def _keep_link(store: Store, token: str, label: Label, order_id: str, *, mine: bool) -> None:
    collection, target = label.target
    facts = {
        "community_id": label.community_id,
        "code": label.id,
        "collection": collection,
        "target_id": target,
        "order_id": order_id,
        "mine": mine,
        "ends_at": store.clock() + LINK_HOLDS,
    }
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        store.db[LINKS].update_one({"_id": _digest(token)}, {"$setOnInsert": facts}, upsert=True)


# --- who, where, and the secret --------------------------------------------------------------------------------------
def _outsider(code: str, community_id: str, bound_to: tuple[str, str]) -> Actor:
    resident = Outsider.RESIDENT
    return Actor(f"label:{code}", resident.label, resident, frozenset({community_id}), bound_to=bound_to)


def _at_label(label: Label) -> Actor:
    return _outsider(label.id, label.community_id, label.target)


def _stands(store: Store, actor: Actor, community_id: str, collection: str, id: str) -> Facility | Place | None:
    if collection == Facility.collection:
        return next(iter(store.find(actor, Facility, community_id, {"_id": id}, limit=1)), None)
    return next(iter(store.find(actor, Place, community_id, {"_id": id}, limit=1)), None)


def _community(store: Store, actor: Actor, community_id: str) -> str:
    found = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
    return found[0].name if found else ""


def _plain_fault(fault: str) -> str:
    """A fault that everybody may read: words of our own, for what somebody typed may name somebody."""
    return fault if fault in set(Fault) else Fault.OTHER


def _link_of(store: Store, label: Label, what: str, token: str) -> str:
    """The private link that a form's token leads to. Raises StaleForm for a token that is not ours, of another label,
    or too old; one that was used is as good as ever."""
    opened, _dot, sign = token.rpartition(".")
    parts = opened.split(".")
    ours = _sign(store, "form", opened).encode()
    if len(parts) != 3 or parts[0] != label.id or not hmac.compare_digest(ours, sign.encode("utf-8", "replace")):
        raise StaleForm
    link = _sign(store, f"link|{what}", token)
    age = store.clock() - datetime.fromtimestamp(int(parts[1], 16), UTC)
    if not -timedelta(minutes=5) < age < FORM_HOLDS and _kept(store, link) is None:
        raise StaleForm
    return link


def _sign(store: Store, what: str, text: str) -> str:
    return keyed.sign(store, _SECRET, what, text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
