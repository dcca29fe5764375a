"""What the desk does with sign-ups: take one, let it go, say that somebody came, and take that back."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from repository import keyed
from repository.access import Actor, Operation, Role, reach, require
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    KnownResident,
    known_residents,
    record_attendance,
    resident_code,
    take_back_attendance,
)
from repository.activities.commands import ALPHABET, CODE_LENGTHS, code_of
from repository.checkin.records import Door, Hours
from repository.filters import Is
from repository.labels import ALPHABET as LETTERS
from repository.labels import new_code as new_door_code
from repository.people import AgeBand, Sex
from repository.signups import SignUp, SignUpState, Way, move_up, nobodys, places_taken
from repository.store import Duplicate, Invalid, NotFound, Store, Unavailable, Write, build
from repository.words import Message, msg

MOST_SIGN_UPS = 1_000  # for one activity: its list is read whole
CODE_LENGTH = 6  # letters of a code for the door: of one activity, so one guess in 10^6 hits a list of a thousand
RECONCILED_DAYS = 60
_SECRET = "check_in_secret"  # noqa: S105 (its name)  # pragma: allowlist secret
_READ_AS = str.maketrans("ILO", "110", " -·")


class _CodeTaken(Exception):
    """A new resident code is somebody's already: make another."""


@dataclass(frozen=True)
class SignedUp:
    """What came of it. ``code`` is for the door, told this once; ``ahead`` is how many wait before them, None for who
    has a place."""

    sign_up: SignUp
    code: str
    ahead: int | None


@dataclass(frozen=True)
class Withdrawn:
    """Who withdrew, and who got the place."""

    sign_up: SignUp
    moved_up: tuple[SignUp, ...]


# --- codes for the door ----------------------------------------------------------------------------------------------
def read_door_code(typed: str) -> str | None:
    """A one-time code as it was typed, in its own form; None for what is no such code."""
    code = typed[:20].upper().translate(_READ_AS)
    return code if len(code) == CODE_LENGTH and set(code) <= set(LETTERS) else None


def spoken_code(code: str) -> str:
    """A one-time code as it is written down, in two halves."""
    return f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}"


def digest_of(store: Store, activity_id: str, code: str) -> str:
    """By what a one-time code is found again. Raises Unavailable."""
    return keyed.sign(store, _SECRET, "code", f"{activity_id}|{code}")


def _made(store: Store, activity_id: str, submission: str) -> str:
    """The one-time code that a submission makes: the same again when it is sent again."""
    mark = hashlib.sha256(keyed.sign(store, _SECRET, "new", f"{activity_id}|{submission}").encode()).digest()
    return "".join(LETTERS[byte % len(LETTERS)] for byte in mark[:CODE_LENGTH])


# --- signing up ------------------------------------------------------------------------------------------------------
def sign_up(
    store: Store,
    actor: Actor,
    community_id: str,
    activity_id: str,
    *,
    resident: str | None = None,
    age_band: AgeBand | None = None,
    sex: Sex | None = None,
    lives_in: str | None = None,
    way: Way = Way.DESK,
    accept_new: bool = False,
    key: str | None = None,
) -> SignedUp:
    """A resident wants to come: ``resident`` is their code, None gives somebody new a code of their own. They have a
    place while there are any, and wait otherwise; who withdrew before stands at the end again.

    What is left out is taken from their latest attendance. Raises Invalid for a code that never came before (unless
    ``accept_new``), that is signed up or registered already, and for an activity that is over or called off.
    """
    require(actor, Operation.CREATE, SignUp.collection)
    store.get(actor, Activity, community_id, activity_id)
    code = None if resident is None else resident_code(resident)
    last, known = _known(store, actor, community_id, code)
    if code is not None and not known and not accept_new:
        text = msg("Nobody has come with the code {code} before. Check it, or allow new codes")
        raise Invalid({"resident": Message(text, {"code": code})})
    for_door = _made(store, activity_id, key or secrets.token_hex(16))
    facts = {
        "age_band": age_band or (last.age_band if last else None),
        "sex": sex or (last.sex if last else None),
        "lives_in": lives_in or (last.grid_id if last else None),
        "way": way,
        "code_digest": digest_of(store, activity_id, for_door),
    }

    def work(write: Write, code: str) -> SignUp:
        activity = write.read(Activity, community_id, activity_id)
        _require_ahead(activity, write)
        if resident is None and not _nobodys(write, community_id, code):
            raise _CodeTaken
        named = {"community_id": community_id, "activity_id": activity_id, "resident": code}
        if store.db[Attendance.collection].find_one(named, {"_id": 1}, session=write.session):
            text = msg("{code} is registered at this activity already")
            raise Invalid({"resident": Message(text, {"code": code})})
        found = store.db[SignUp.collection].find_one(named, session=write.session)
        before = None if found is None else SignUp.from_document(found)
        if before is not None and before.state is not SignUpState.WITHDRAWN:
            text = msg("{code} is signed up for this activity already")
            raise Invalid({"resident": Message(text, {"code": code})})
        taken = places_taken(write, community_id, activity_id)
        all_of_it = {"community_id": community_id, "activity_id": activity_id}
        if store.db[SignUp.collection].count_documents(all_of_it, session=write.session) >= MOST_SIGN_UPS:
            raise Invalid({"": Message(msg("{most} sign-ups are the most for one activity"), {"most": MOST_SIGN_UPS})})
        free = activity.capacity is None or taken < activity.capacity
        values = {**facts, "state": SignUpState.SIGNED if free else SignUpState.WAITING, "asked_at": write.at}
        if before is not None:
            again = {**values, "moved_up_at": None}
            return write.update(SignUp, community_id, before.id, before.revision, again)
        of = {"held_on": activity.held_on, "grid_id": activity.grid_id, "resident": code}
        return write.insert(build(SignUp, {**all_of_it, **of, **values}))

    made = None
    for length in CODE_LENGTHS:
        own = code or code_of(secrets.randbelow(len(ALPHABET) ** length), length)
        try:
            made = store.write(actor, lambda write, own=own: work(write, own), key=key)  # type: ignore[misc]
        except _CodeTaken:
            continue
        except Duplicate as duplicate:
            if "resident" not in duplicate.fields:
                raise
            text = msg("{code} is signed up for this activity already")
            raise Invalid({"resident": Message(text, {"code": own})}) from None
        break
    if made is None:
        raise Unavailable(msg("Others were recording the same residents. Nothing was changed; try again."))
    ahead = None
    if made.state is SignUpState.WAITING:
        before = {"activity_id": activity_id, "state": str(SignUpState.WAITING), "asked_at": Is(lt=made.asked_at)}
        ahead = store.count(actor, SignUp, community_id, before)
    return SignedUp(made, for_door, ahead)


def withdraw(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Withdrawn:
    """Somebody will not come; whoever has waited longest gets the place. Raises Invalid where they are registered
    already or it is over, Conflict, NotFound, Refused."""

    def work(write: Write) -> Withdrawn:
        found = write.read(SignUp, community_id, id)
        if found.came:
            text = msg("They are registered as having come: take that back first")
            raise Invalid({"": Message(text)})
        activity = write.read(Activity, community_id, found.activity_id)
        if _is_over(activity, write):
            raise Invalid({"": Message(msg("This activity is over: who did not come stays on its list"))})
        gone = write.update(SignUp, community_id, id, revision, {"state": SignUpState.WITHDRAWN})
        return Withdrawn(gone, tuple(move_up(write, community_id, activity.id, activity.capacity)))

    return store.write(actor, work)


def renew_code(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> str:
    """A new one-time code for who lost theirs; the old one opens nothing any more. Raises Conflict, NotFound,
    Refused."""
    found = store.get(actor, SignUp, community_id, id)
    code = _made(store, found.activity_id, secrets.token_hex(16))
    changes = {"code_digest": digest_of(store, found.activity_id, code)}
    store.update(actor, SignUp, community_id, id, revision, changes)
    return code


def remove_sign_up(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a sign-up that was entered by mistake, and let whoever waits have the place. Raises Conflict, NotFound,
    Refused."""

    def work(write: Write) -> None:
        found = write.read(SignUp, community_id, id)
        write.delete(SignUp, community_id, id, revision)
        activity = write.read(Activity, community_id, found.activity_id)
        if not _is_over(activity, write):
            move_up(write, community_id, activity.id, activity.capacity)

    store.write(actor, work)


def _known(store: Store, actor: Actor, community_id: str, code: str | None) -> tuple[KnownResident | None, bool]:
    """What the actor may be told of a resident, and whether the code came before: one that is known from another grid
    is not unknown."""
    if code is None:
        return None, False
    anybody = replace(actor, role=Role.ADMIN, grids=None)
    found = known_residents(store, anybody, community_id, [code]).get(code)
    seen = reach(actor, community_id)
    return found if found is not None and (seen is None or found.grid_id in seen) else None, found is not None


def _nobodys(write: Write, community_id: str, code: str) -> bool:
    named = {"community_id": community_id, "resident": code}
    came = write.store.db[Attendance.collection].find_one(named, {"_id": 1}, session=write.session)
    return came is None and nobodys(write, community_id, [code])


def _is_over(activity: Activity, write: Write) -> bool:
    return write.at >= Hours.of(activity, write.store.zone(activity.community_id)).ends


def _require_ahead(activity: Activity, write: Write) -> None:
    if activity.status is ActivityStatus.CANCELLED:
        raise Invalid({"": Message(msg("This activity was cancelled: nobody can sign up"))})
    if _is_over(activity, write):
        raise Invalid({"": Message(msg("This activity is over: record who came instead"))})


# --- who came --------------------------------------------------------------------------------------------------------
def check_in(store: Store, actor: Actor, community_id: str, id: str) -> Attendance:
    """Somebody who signed up is here: recorded as any attendance is. Once more, or by somebody else in the same
    moment, changes nothing. Raises Invalid, NotFound, Refused."""
    found = store.get(actor, SignUp, community_id, id)
    try:
        return record_attendance(
            store,
            actor,
            community_id,
            found.activity_id,
            resident=found.resident,
            age_band=found.age_band,
            sex=found.sex,
            grid_id=found.lives_in,
            accept_new=True,
        )
    except (Invalid, Duplicate):
        if (there := _attendance(store, actor, found)) is None:
            raise
        return there


def undo_check_in(store: Store, actor: Actor, community_id: str, id: str) -> None:
    """Somebody was said to have come by mistake. Raises NotFound, Conflict, Refused."""
    found = store.get(actor, SignUp, community_id, id)
    require(actor, Operation.DELETE, Attendance.collection)
    there = _attendance(store, actor, found)
    if there is None:
        raise NotFound(msg("This record is not there any more, or not in your charge."))
    take_back_attendance(store, actor, community_id, there.id, there.revision)


def _attendance(store: Store, actor: Actor, found: SignUp) -> Attendance | None:
    named = {"activity_id": found.activity_id, "resident": found.resident}
    return next(iter(store.find(actor, Attendance, found.community_id, named, limit=1)), None)


def reconcile(store: Store, actor: Actor, community_id: str) -> int:
    """Let the sign-ups of the last ``RECONCILED_DAYS`` say who came where attendances were imported, or their import
    undone: only what is entered by hand says so by itself. Returns how many were put right. Raises Refused,
    Unavailable."""
    require(actor, Operation.UPDATE, SignUp.collection)
    today = store.clock().astimezone(store.zone(community_id)).date()
    since = datetime.combine(today - timedelta(days=RECONCILED_DAYS), time(), UTC)
    within = {"held_on": Is(gte=since), "forgotten": False}
    fields: list[dict[str, object]] = [{"$project": {"activity_id": 1, "resident": 1, "came": 1}}]
    listed = store.aggregate(actor, SignUp, community_id, fields, filter=within)
    # two reads of indexes: a $lookup for each sign-up costs more than the database is given time for
    of = {"activity_id": Is(among=sorted({one["activity_id"] for one in listed}))}
    there = store.aggregate(
        actor, Attendance, community_id, [{"$project": {"_id": 0, "activity_id": 1, "resident": 1}}], filter=of
    )
    came = {(one["activity_id"], one["resident"]) for one in there}
    wrong = [one for one in listed if one["came"] != ((one["activity_id"], one["resident"]) in came)]
    for place in range(0, len(wrong), 200):
        some = wrong[place : place + 200]

        def work(write: Write, some: Sequence[dict[str, object]] = some) -> None:
            for one in some:
                found = write.read(SignUp, community_id, str(one["_id"]))
                write.update(SignUp, community_id, found.id, found.revision, {"came": not one["came"]})

        store.write(actor, work)
    return len(wrong)


# --- the door --------------------------------------------------------------------------------------------------------
def open_door(store: Store, actor: Actor, community_id: str, activity_id: str) -> Door:
    """The code at the door of an activity, made when it is first asked for. Raises NotFound, Refused."""
    require(actor, Operation.CREATE, Door.collection)

    def work(write: Write) -> Door:
        activity = write.read(Activity, community_id, activity_id)
        there = _doors(write, activity)
        return there[0] if there else write.insert(_door(activity))

    return store.write(actor, work)


def renew_door(store: Store, actor: Actor, community_id: str, activity_id: str) -> Door:
    """A new code at the door, in the place of one that is misused; the old one leads nowhere any more. Raises
    NotFound, Refused."""

    def work(write: Write) -> Door:
        activity = write.read(Activity, community_id, activity_id)
        for there in _doors(write, activity):
            write.update(Door, community_id, there.id, there.revision, {"ended_at": write.at})
        return write.insert(_door(activity))

    return store.write(actor, work)


def _door(activity: Activity) -> Door:
    home = {"community_id": activity.community_id, "grid_id": activity.grid_id}
    return build(Door, {"id": new_door_code(), "activity_id": activity.id, **home})


def _doors(write: Write, activity: Activity) -> list[Door]:
    named = {"community_id": activity.community_id, "activity_id": activity.id, "ended_at": {"$exists": False}}
    return [Door.from_document(one) for one in write.store.db[Door.collection].find(named, session=write.session)]
