"""The page at the door: somebody without an account says that they are here, by the one-time code they were given when
they signed up, by their resident code, or as somebody new.

Whoever stands there acts as an ``Outsider`` bound to the one activity. A form carries a token that counts once. Nothing
that is answered says who a code is, or whether somebody was here before: a resident code that is registered already is
answered as one that is not.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pymongo

from repository import keyed
from repository.access import Actor, Outsider, Role
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    known_residents,
    record_attendance,
    resident_code,
)
from repository.checkin.commands import digest_of, read_door_code
from repository.checkin.records import Door, Hours
from repository.grids import Community, Grid
from repository.people import AgeBand, Sex
from repository.signups import SignUp, SignUpState
from repository.store import READ_SECONDS, Invalid, Store, our_errors, require_plain
from repository.words import Message, Trouble, msg

FORM_HOLDS = timedelta(hours=12)
_SECRET = "door_secret"  # noqa: S105 (its name)  # pragma: allowlist secret


class StaleForm(Trouble):
    """The form was opened too long ago, or is not of this door. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(msg("This page was open for too long. Nothing was noted: please do it once more."))


class Closed(Trouble):
    """Nobody checks in at this door now. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(msg("Nobody can check in here just now. Nothing was noted."))


class Standing(StrEnum):
    """How a door stands."""

    OPEN = "open"
    EARLY = "early"
    OVER = "over"
    CANCELLED = "cancelled"
    GONE = "gone"


@dataclass(frozen=True)
class Doorway:
    """What stands over a door: of the activity what hangs on the notice board, and of nobody anything."""

    door: Door
    standing: Standing
    community: str = ""
    name: str = ""
    place: str | None = None
    hours: Hours | None = None
    grids: tuple[tuple[str, str], ...] = ()
    """Id and name of the grids somebody new may live in."""


def doorway(store: Store, code: str) -> Doorway | None:
    """What is behind this code, and is it open? None for a code that never was. Raises Unavailable."""
    door = _door_with(store, code)
    if door is None:
        return None
    activity = None if door.ended_at is not None else _activity(store, door)
    if activity is None:
        return Doorway(door, Standing.GONE)
    actor = _visitor(door)
    zone = store.zone(door.community_id)
    hours, now = Hours.of(activity, zone), store.clock()
    standing = Standing.OPEN
    if activity.status is ActivityStatus.CANCELLED:
        standing = Standing.CANCELLED
    elif now < hours.opens:
        standing = Standing.EARLY
    elif now >= hours.closes:
        standing = Standing.OVER
    home = store.find(actor, Community, door.community_id, {"_id": door.community_id}, limit=1)
    grids = store.find(actor, Grid, door.community_id, sort=[("code", 1)], limit=100)
    return Doorway(
        door,
        standing,
        home[0].name if home else "",
        activity.name,
        activity.place,
        hours,
        tuple((grid.id, grid.name) for grid in grids),
    )


def door_token(store: Store, door: Door) -> str:
    """A token for a form at this door: it counts once, and not for ever. Raises Unavailable."""
    opened = f"{door.id}.{int(store.clock().timestamp()):x}.{secrets.token_hex(16)}"
    return f"{opened}.{keyed.sign(store, _SECRET, 'form', opened)}"


def enter(store: Store, code: str, token: str, typed: str) -> None:
    """Somebody is here whose one-time code or resident code was typed. The same form again changes nothing.

    Raises Invalid for a code that opens nothing here or has been used, Closed, StaleForm, Full, Unavailable,
    OutcomeUnknown.
    """
    door = _open(store, code)
    _require_ours(store, door, token)
    guest, by_code = _guest(store, door, typed)
    if guest is None:
        raise _unknown()
    try:
        record_attendance(
            store,
            _visitor(door),
            door.community_id,
            door.activity_id,
            resident=guest.resident,
            age_band=guest.age_band,
            sex=guest.sex,
            grid_id=guest.lives_in,
            accept_new=guest.accept,
            key=_digest(f"in|{token}|{guest.resident}"),
        )
    except Invalid as invalid:
        if "resident" not in invalid.problems:
            raise Closed from None
        if not _is_here(store, door, guest.resident):
            raise _unknown() from None
        if by_code:  # the code was somebody's own: that it was used may be told, and by whom is not
            text = msg("This code has been used. If it was not you, tell the people at the desk.")
            raise Invalid({"code": Message(text)}) from None


def walk_in(
    store: Store,
    code: str,
    token: str,
    *,
    age_band: AgeBand | None = None,
    sex: Sex | None = None,
    grid_id: str | None = None,
) -> str:
    """Somebody new is here; returns the resident code they were given. The same form again gives the same. Raises
    Invalid, Closed, StaleForm, Full, Unavailable, OutcomeUnknown."""
    door = _open(store, code)
    _require_ours(store, door, token)
    try:
        made = record_attendance(
            store,
            _visitor(door),
            door.community_id,
            door.activity_id,
            age_band=age_band,
            sex=sex,
            grid_id=grid_id,
            key=_digest(f"new|{token}"),
        )
    except Invalid as invalid:
        if "" in invalid.problems:
            raise Closed from None
        raise
    return made.resident


@dataclass(frozen=True)
class _Guest:
    resident: str
    accept: bool = False
    age_band: AgeBand | None = None
    sex: Sex | None = None
    lives_in: str | None = None


def _guest(store: Store, door: Door, typed: str) -> tuple[_Guest | None, bool]:
    """Who is meant by what was typed, and whether by a one-time code. Who withdrew comes as anybody else does."""
    actor, one_time = _visitor(door), read_door_code(typed)
    if one_time is not None:
        named = {"activity_id": door.activity_id, "code_digest": digest_of(store, door.activity_id, one_time)}
        found = store.find(actor, SignUp, door.community_id, named, limit=1)
        if found and found[0].state is not SignUpState.WITHDRAWN:
            return _of(found[0]), True
    try:
        code = resident_code(typed)
    except Invalid:
        return None, False
    found = store.find(actor, SignUp, door.community_id, {"activity_id": door.activity_id, "resident": code}, limit=1)
    if found:
        return _of(found[0]), False
    anybody = Actor(actor.id, actor.name, Role.ADMIN, actor.communities)
    there = known_residents(store, anybody, door.community_id, [code])
    return (_Guest(code) if code in there else None), False


def _of(found: SignUp) -> _Guest:
    return _Guest(found.resident, True, found.age_band, found.sex, found.lives_in)


def _unknown() -> Invalid:
    text = msg("This code opens nothing here. Look at it once more, or go on below as somebody new.")
    return Invalid({"code": Message(text)})


def _is_here(store: Store, door: Door, resident: str) -> bool:
    named = {"activity_id": door.activity_id, "resident": resident}
    return store.count(_visitor(door), Attendance, door.community_id, named) > 0


def _open(store: Store, code: str) -> Door:
    there = doorway(store, code)
    if there is None or there.standing is not Standing.OPEN:
        raise Closed
    return there.door


def _door_with(store: Store, code: str) -> Door | None:
    named = {"_id": code}
    require_plain(named, Door)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[Door.collection].find_one(named)
    return None if found is None else Door.from_document(found)


def _activity(store: Store, door: Door) -> Activity | None:
    named = {"_id": door.activity_id}
    return next(iter(store.find(_visitor(door), Activity, door.community_id, named, limit=1)), None)


def _visitor(door: Door) -> Actor:
    who = Outsider.VISITOR
    home = frozenset({door.community_id})
    return Actor(f"door:{door.id}", who.label, who, home, bound_to=(Activity.collection, door.activity_id))


def _require_ours(store: Store, door: Door, token: str) -> None:
    """Raise StaleForm for a token that is not ours, of another door, or too old."""
    opened, _dot, mark = token.rpartition(".")
    parts = opened.split(".")
    ours = keyed.sign(store, _SECRET, "form", opened).encode()
    if len(parts) != 3 or parts[0] != door.id or not hmac.compare_digest(ours, mark.encode("utf-8", "replace")):
        raise StaleForm
    age = store.clock() - datetime.fromtimestamp(int(parts[1], 16), UTC)
    if not -timedelta(minutes=5) < age < FORM_HOLDS:
        raise StaleForm


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
