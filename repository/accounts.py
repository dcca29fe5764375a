"""Who may sign in: accounts, their passwords, and the sign-ins that are open now.

A sign-in is a random token: the browser keeps it in a cookie, the database only its hash, beside a copy of what the
account may do. Whoever changes an account changes those copies in the same transaction, so that one small read tells,
at every action, who is acting and what is still allowed. Passwords stand apart from the accounts, where neither the
audit trail nor an export meets them. ``docs/decisions/0007-sign-in.md`` says why it is done this way.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

import pymongo
from pydantic import Field, field_validator
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from repository import attempts
from repository.access import Actor, Operation, Refused, Role, reach, require
from repository.filters import Is
from repository.record import LINE, Index, Record, Ref, Shown
from repository.store import (
    EVERYWHERE,
    READ_SECONDS,
    SIGN_INS,
    WRITE_SECONDS,
    Invalid,
    NotFound,
    SignedOut,
    Store,
    Write,
    actor_of,
    build,
    our_errors,
    require_plain,
)
from repository.words import Message, Trouble, msg

PASSWORDS = "passwords"  # pragma: allowlist secret (a collection)
SHORTEST, LONGEST = 10, 128
SETUP_HOURS = 24
FIRST_HOURS = 72  # how long a password holds that an administrator gave
_SETUP = "setup"
_KEPT_AFTER_END = timedelta(days=7)  # how long the list of sign-ins still tells of one that is over
_SEEN_EVERY = timedelta(seconds=60)
_SEEN_SECONDS = 1.0  # that somebody was seen is not worth a longer wait

SYSTEM = Actor("system", "GridBoard", Role.ADMIN)
"""Acts where nobody is signed in yet."""


class Wrong(Trouble):
    """Name and password do not belong together. Says no more than that."""


class Expired(Trouble):
    """The right password, but a first one that was not replaced in time."""


class Way(StrEnum):
    """How somebody came in."""

    PASSWORD = "password"  # noqa: S105  # pragma: allowlist secret (a word)
    PROVIDER = "provider"
    PROXY = "proxy"


class User(Record):
    """Somebody who may sign in: what for, and how far it reaches. No password and no contact data stand here."""

    collection = "users"
    title = msg("Accounts")
    name_field = "login"
    grid_field = None
    natural_key = ("login",)
    indexes = (
        Index(("community_id", "login"), "who signs in; a name is one person's", unique=True),
        Index(
            ("community_id", "subject"),
            "whom a single sign-on speaks of",
            unique=True,
            where={"subject": {"$exists": True}},
        ),
    )

    login: str = Field(
        min_length=2, max_length=60, pattern=r"^[\w.@+-]+$", title=msg("Sign-in name"),
        description=msg("Letters, digits, . @ + - and _; capital letters make no difference"),
    )  # fmt: skip
    name: str = Field(min_length=1, max_length=60, title=msg("Person's name"))
    role: Role = Field(title=msg("Role"))
    communities: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Ref(to="communities")] = Field(
        default=(), max_length=1000, title=msg("Communities"), description=msg("None chosen: all of them")
    )
    grids: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Ref(to="grids")] = Field(
        default=(), max_length=1000, title=msg("Grids"), description=msg("None chosen: all of them")
    )
    people: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Ref(to="people")] = Field(
        default=(), max_length=100, title=msg("Is"),
        description=msg("Who this is in the people register: their orders are “My work”"),
    )  # fmt: skip
    companies: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Ref(to="organizations")] = Field(
        default=(), max_length=100, title=msg("Works for"),
        description=msg("The company whose orders are “My work” too"),
    )  # fmt: skip
    active: bool = Field(default=True, title=msg("May sign in"))
    must_change: Annotated[bool, Shown(form=False)] = Field(
        default=False, title=msg("First password"), description=msg("Has to be changed at the next sign-in")
    )
    subject: str | None = Field(
        default=None,
        max_length=LINE,
        title=msg("Single sign-on name"),
        description=msg("The name under which the organisation's own sign-in knows this person"),
    )
    last_sign_in_at: Annotated[datetime | None, Shown(form=False)] = Field(default=None, title=msg("Last signed in"))
    password_number: Annotated[int, Shown(form=False, table=False)] = Field(
        default=0, ge=0, title=msg("Password number"), description=msg("How many passwords the account has had")
    )

    @field_validator("login", mode="after")
    @classmethod
    def _folded(cls, value: str) -> str:
        return _login(value)


def _login(text: str) -> str:
    """A sign-in name as it is kept, however it was typed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


@dataclass(frozen=True)
class Terms:
    """How long a sign-in holds: ``idle`` without any action, ``longest`` altogether."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=8)


@dataclass(frozen=True)
class SignIn:
    """One browser that is or was signed in, as the account's owner and the administrator see it."""

    id: str
    way: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str
    open: bool


@dataclass(frozen=True)
class Visitor:
    """Who a token stands for. ``must_change``: nothing is open but the form for a new password. ``subject`` is the
    single sign-on name."""

    actor: Actor
    login: str
    subject: str | None
    must_change: bool


# --- passwords -------------------------------------------------------------------------------------------------------
@cache
def _hasher() -> Any:
    """Argon2id with the parameters of RFC 9106's second recommendation (64 MiB, three passes)."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """What an unknown name's password is held against, so that it takes as long as a known one's."""
    return str(_hasher().hash(secrets.token_hex(16)))


def _fits(hashed: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return bool(_hasher().verify(hashed, password))
    except (VerificationError, InvalidHashError):
        return False


def judge_password(password: str, *known: str) -> None:
    """Raise Invalid unless a password is worth having: ten characters, and hard to guess for somebody who knows the
    ``known`` words (names). The estimate is zxcvbn's (Wheeler, USENIX Security 2016), with its list of common ones."""
    from zxcvbn import zxcvbn

    if len(password) < SHORTEST:
        raise Invalid({"password": Message(msg("At least {n} characters"), {"n": SHORTEST})})
    if len(password) > LONGEST:
        raise Invalid({"password": Message(msg("At most {n} characters"), {"n": LONGEST})})
    if not password.isprintable():
        raise Invalid({"password": Message(msg("Text may not contain control characters"))})
    # its beginning tells enough, and the estimate's cost grows with the cube of the length: 5 s for 72 odd characters
    if zxcvbn(password[:32], user_inputs=[*known, "gridboard"])["score"] < 2:
        raise Invalid({"password": Message(msg("Too easy to guess. Take several words that do not belong together."))})


def new_password() -> str:
    """A first password to hand over: 16 letters and digits that are not mistaken for each other."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"  # pragma: allowlist secret
    word = "".join(secrets.choice(letters) for _ in range(16))
    return "-".join(word[at : at + 4] for at in range(0, 16, 4))


def _hash(password: str, user: User) -> str:
    """The hash of a password that was judged; takes its time, so never inside a transaction."""
    judge_password(password, user.login, user.name)
    return str(_hasher().hash(password))


def _keep_hash(write: Write, user: User, hashed: str) -> None:
    _put(write, PASSWORDS, user.id, {"hash": hashed, "at": write.at})


def _put(write: Write, collection: str, id: str, values: Mapping[str, Any]) -> None:
    """Set a document's values; made if it is not there. No upsert: below 6.0.25 it may break a transaction."""
    rows = write.store.db[collection]
    if not rows.update_one({"_id": id}, {"$set": dict(values)}, session=write.session).matched_count:
        rows.insert_one({"_id": id, **values}, session=write.session)


# --- accounts: commands ----------------------------------------------------------------------------------------------
def add_user(store: Store, actor: Actor, values: Mapping[str, Any], *, password: str | None = None) -> User:
    """Open an account. A ``password`` given here is a first one: it has to be changed at the first sign-in, within
    FIRST_HOURS; without one the account can only be reached through a single sign-on. Raises Invalid, Duplicate,
    Refused."""
    require(actor, Operation.CREATE, User.collection)
    user = build(User, {**values, "community_id": EVERYWHERE, "must_change": password is not None})
    hashed = None if password is None else _hash(password, user)

    def work(write: Write) -> User:
        made = write.insert(user)
        _require_within(write, made)
        if hashed is not None:
            _keep_hash(write, made, hashed)
        return made

    return store.write(actor, work)


def edit_user(store: Store, actor: Actor, id: str, revision: int, changes: Mapping[str, Any]) -> User:
    """Change an account; sign-ins that are open follow at their next action, those of an account that is not active
    any more end. Raises Invalid, Conflict, Duplicate, NotFound, Refused; Invalid too when nobody would be left who
    may manage accounts."""

    def work(write: Write) -> User:
        before = write.read(User, EVERYWHERE, id)
        with _somebody_left(write):
            changed = write.update(User, EVERYWHERE, id, revision, changes)
        if any(getattr(changed, field) != getattr(before, field) for field in ("communities", *_WITHIN)):
            _require_within(write, changed)
        _carry(write, changed)
        return changed

    return store.write(actor, work, vital=True)


def remove_user(store: Store, actor: Actor, id: str, revision: int) -> User:
    """Close an account for good and return what it was; what its owner did stays on record under the name. Raises
    Conflict, Refused, and Invalid for the last administrator."""

    def work(write: Write) -> User:
        user = write.read(User, EVERYWHERE, id)
        with _somebody_left(write):
            write.delete(User, EVERYWHERE, id, revision)
            write.store.db[PASSWORDS].delete_one({"_id": id}, session=write.session)
        write.store.db[SIGN_INS].delete_many({"user_id": id}, session=write.session)
        return user

    return store.write(actor, work, vital=True)


def reset_password(store: Store, actor: Actor, id: str, password: str) -> User:
    """Give an account a first password, end its sign-ins and unlock it; returns the account. Raises Invalid, NotFound,
    Refused."""
    require(actor, Operation.UPDATE, User.collection)
    hashed = _hash(password, store.get(actor, User, EVERYWHERE, id))

    def work(write: Write) -> User:
        user = write.read(User, EVERYWHERE, id)
        changes = {"must_change": True, "password_number": user.password_number + 1}
        user = write.update(User, EVERYWHERE, id, user.revision, changes)
        _keep_hash(write, user, hashed)
        write.store.db[SIGN_INS].delete_many({"user_id": id}, session=write.session)
        attempts.forget(write, user.id, user.login)
        write.note("password_reset", User.collection, EVERYWHERE, id)
        return user

    return store.write(actor, work, vital=True)


def change_password(store: Store, visitor: Visitor, old: str, new: str, *, address: str = "") -> None:
    """The owner of an account changes its password; other sign-ins of the account end. Raises Wrong, Locked, Expired,
    Invalid, SignedOut, and Conflict when the account was changed while the old password was judged."""
    actor = visitor.actor
    user = _user(store, {"_id": actor.id})
    if user is None:
        raise SignedOut
    _require_in_time(store, user, _check(store, user.login, user, old, address))
    if secrets.compare_digest(old.encode(), new.encode()):
        raise Invalid({"password": Message(msg("This is the old one. Choose another."))})
    hashed = _hash(new, user)

    def work(write: Write) -> None:
        # at the revision whose password was judged: one that was given meanwhile is not replaced by who knew the old
        changes = {"must_change": False, "password_number": user.password_number + 1}
        changed = write.update(User, EVERYWHERE, user.id, user.revision, changes)
        _keep_hash(write, changed, hashed)
        rows = write.store.db[SIGN_INS]
        mine = rows.update_one({"_id": actor.sign_in}, {"$set": {"must_change": False}}, session=write.session)
        if not mine.matched_count:
            raise SignedOut
        rows.delete_many({"user_id": user.id, "_id": {"$ne": actor.sign_in}}, session=write.session)
        attempts.forget(write, changed.id, changed.login, but=address)
        write.note("password_change", User.collection, EVERYWHERE, user.id)

    store.write(replace(SYSTEM, id=actor.id, name=actor.name), work, vital=True)


_WITHIN: Mapping[str, str] = {"grids": "grids", "people": "people", "companies": "organizations"}
"""The fields of an account that name what is of a community, and where that stands."""


def _require_within(write: Write, user: User) -> None:
    """Raise Invalid for a grid, person or company of a community that is none of the account's. What is gone binds
    nobody to anything."""
    problems = {}
    for field, collection in _WITHIN.items():
        if not (user.communities and getattr(user, field)):
            continue
        outside = {"_id": {"$in": list(getattr(user, field))}, "community_id": {"$nin": list(user.communities)}}
        found = write.store.db[collection].find(outside, {"name": 1}, session=write.session)
        if names := sorted(each["name"] for each in found):
            problems[field] = Message(msg("Not of the communities chosen: {names}"), {"names": "、".join(names)})
    if problems:
        raise Invalid(problems)


def _carry(write: Write, user: User) -> None:
    """Bring an account's open sign-ins in line with it."""
    rows = write.store.db[SIGN_INS]
    if user.active:
        others = {"user_id": user.id, "way": {"$ne": str(Way.PASSWORD)}, "subject": {"$ne": user.subject}}
        rows.delete_many(others, session=write.session)  # whom a single sign-on knows by another name is somebody else
        for way in Way:
            mine = {"user_id": user.id, "way": str(way)}
            rows.update_many(mine, {"$set": _copy_of(user, way)}, session=write.session)
    else:
        rows.delete_many({"user_id": user.id}, session=write.session)


def _copy_of(user: User, way: Way) -> dict[str, Any]:
    """What a sign-in bears of its account; a first password is nothing to who comes in by another way."""
    return {
        "login": user.login,
        "subject": user.subject,
        "name": user.name,
        "role": str(user.role),
        "communities": list(user.communities),
        "grids": list(user.grids),
        "people": list(user.people),
        "companies": list(user.companies),
        "must_change": user.must_change and way is Way.PASSWORD,
    }


@contextmanager
def _somebody_left(write: Write) -> Iterator[None]:
    """Refuse what takes away the last who may manage accounts. The guard document makes two who go at once queue."""
    guard = write.store.db[PASSWORDS].find_one({"_id": "guard"}, session=write.session) or {"n": 0}
    _put(write, PASSWORDS, "guard", {"n": guard["n"] + 1})
    there = _anybody_manages(write)
    yield
    if there and not _anybody_manages(write):
        raise Invalid(
            {
                "role": Message(
                    msg(
                        "Somebody must be left who may manage accounts and can sign in: an active administrator of all "
                        "communities and grids, with a password or a single sign-on name."
                    )
                )
            }
        )


def _anybody_manages(write: Write) -> bool:
    """Is there an active administrator of everything who has a way to sign in?"""
    whole = {"role": str(Role.ADMIN), "active": True, "communities": [], "grids": []}
    found = list(write.store.db[User.collection].find(whole, {"subject": 1}, session=write.session))
    if any(each.get("subject") for each in found):
        return True
    ids = {"_id": {"$in": [each["_id"] for each in found]}}
    return write.store.db[PASSWORDS].find_one(ids, {"_id": 1}, session=write.session) is not None


def open_demonstration(store: Store) -> bool:
    """Is there nothing here but demonstration data, and no account? Then anybody may look through any role's eyes."""
    with our_errors(), pymongo.timeout(READ_SECONDS):
        communities = store.db["communities"]
        return (
            communities.find_one({"demonstration": True}, {"_id": 1}) is not None
            and communities.find_one({"demonstration": {"$ne": True}}, {"_id": 1}) is None
            and store.db[User.collection].find_one({}, {"_id": 1}) is None
        )


# --- the first account -----------------------------------------------------------------------------------------------
def anybody(store: Store) -> bool:
    """Is there any account yet?"""
    with our_errors(), pymongo.timeout(READ_SECONDS):
        return store.db[User.collection].find_one({}, {"_id": 1}) is not None


def setup_code(store: Store) -> str:
    """A code with which the first administrator's account can be opened, once, within a day. A new one ends the one
    before."""
    code = secrets.token_urlsafe(24)
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        store.db[PASSWORDS].update_one(
            {"_id": _SETUP},
            {"$set": {"hash": _fingerprint(code), "until": store.clock() + timedelta(hours=SETUP_HOURS)}},
            upsert=True,
        )
    return code


def setup_open(store: Store, code: str) -> bool:
    """Does this code still open the first account?"""
    with our_errors(), pymongo.timeout(READ_SECONDS):
        kept = store.db[PASSWORDS].find_one({"_id": _SETUP})
    if kept is None or kept["until"] <= store.clock():
        return False
    return secrets.compare_digest(kept["hash"], _fingerprint(code)) and not anybody(store)


def set_up(store: Store, code: str, login: str, name: str, password: str) -> User:
    """Open the first administrator's account. Raises Invalid, Refused when the code is used up or an account there."""
    if not setup_open(store, code):
        raise Refused(msg("This set-up link has been used or is too old. Start GridBoard again: it prints a new one."))
    values = {"login": login, "name": name, "role": Role.ADMIN, "community_id": EVERYWHERE}
    user = build(User, values)
    hashed = _hash(password, user)

    def work(write: Write) -> User:
        mine = {"_id": _SETUP, "hash": _fingerprint(code)}
        first = write.store.db[User.collection].find_one({}, {"_id": 1}, session=write.session) is None
        if not first or not write.store.db[PASSWORDS].delete_one(mine, session=write.session).deleted_count:
            raise Refused(msg("Somebody else has just opened the first account."))
        made = write.insert(user)
        _keep_hash(write, made, hashed)
        return made

    return store.write(replace(SYSTEM, name=user.name), work)


# --- signing in ------------------------------------------------------------------------------------------------------
def sign_in(
    store: Store, login: str, password: str, *, address: str = "", agent: str = "", again: str = "", terms: Terms
) -> tuple[str, User]:
    """A new token for whoever knows the password. ``again`` is the token the browser still has: if it is the same
    person's it is over from now on, and ``followed``, so that what was typed on an open page can still be saved.

    Raises Wrong (unknown name, wrong password, closed account: no telling which), Locked, and Expired, which only who
    knows the password hears.
    """
    login = _login(login)[:200]
    user = _user(store, {"community_id": EVERYWHERE, "login": login})
    given_at = _check(store, login, user, password, address)
    if user is None or not user.active:
        raise Wrong(_WRONG)
    _require_in_time(store, user, given_at)
    return _open(store, user, Way.PASSWORD, address, agent, again, terms), user


def sign_in_as(
    store: Store, subject: str, way: Way, *, address: str = "", agent: str = "", again: str = "", terms: Terms
) -> tuple[str, User]:
    """A new token for whom a single sign-on vouches for; ``again`` as for ``sign_in``. Raises Refused for a name
    without an active account."""
    user = _user(store, {"community_id": EVERYWHERE, "subject": subject}) if subject else None
    if user is None or not user.active:
        raise Refused(
            msg("{subject} has no account here. Ask an administrator to enter it as a single sign-on name."),
            subject=subject or "?",
        )
    return _open(store, user, way, address, agent, again, terms), user


_WRONG = msg("Name and password do not belong together, or the account is closed.")


def _require_in_time(store: Store, user: User, given_at: datetime) -> None:
    if user.must_change and given_at + timedelta(hours=FIRST_HOURS) <= store.clock():
        raise Expired(
            msg(
                "This first password is too old: it held for {hours} hours. Ask an administrator to give you a new one."
            ),
            hours=FIRST_HOURS,
        )


def _check(store: Store, login: str, user: User | None, password: str, address: str) -> datetime:
    """Hold a password against the account's; returns since when it is that. Raises Wrong, Locked."""
    tried = attempts.count(store, login, user.id if user else None, address)
    kept = None
    if user is not None:
        with our_errors(), pymongo.timeout(READ_SECONDS):
            kept = store.db[PASSWORDS].find_one({"_id": user.id})
    fits = _fits(str(kept["hash"]) if kept else _nobodys_hash(), password[:LONGEST])
    if not fits or kept is None or user is None or not user.active:
        raise Wrong(_WRONG)
    attempts.came_in(store, tried)
    given_at: datetime = kept["at"]
    return given_at


def _open(store: Store, user: User, way: Way, address: str, agent: str, again: str, terms: Terms) -> str:
    token = secrets.token_urlsafe(32)

    def work(write: Write) -> str:
        rows, now = write.store.db[SIGN_INS], write.at
        # the account is written to, so that this and a change of its rights or its password can't pass each other by:
        # each of those gives it a new revision
        same = {"_id": user.id, "revision": user.revision, "active": True}
        present = write.store.db[User.collection].update_one(
            same, {"$set": {"last_sign_in_at": now}}, session=write.session
        )
        if not present.matched_count:
            raise Wrong(_WRONG)
        if again:  # a token never lives again; the mark gives no rights, it tells an open page to come with the new one
            mine = {"_id": _fingerprint(again), "user_id": user.id}
            rows.update_one(mine, {"$set": {"followed": True}, "$min": {"ends_at": now}}, session=write.session)
        rows.insert_one(
            {
                "_id": _fingerprint(token),
                "user_id": user.id,
                **_copy_of(user, way),
                "way": str(way),
                "created_at": now,
                "seen_at": now,
                "idle_at": now + terms.idle,
                "ends_at": now + terms.longest,
                "address": address[:64],
                "agent": agent[:LINE],
            },
            session=write.session,
        )
        write.note("sign_in", User.collection, EVERYWHERE, user.id, {"way": str(way), "address": address[:64]})
        return token

    return store.write(replace(SYSTEM, id=user.id, name=user.name, role=user.role), work, vital=True)


def _fingerprint(token: str) -> str:
    """What is kept of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def visitor(store: Store, token: str, terms: Terms, *, by_itself: bool = False) -> Visitor | None:
    """Who a token stands for at this moment; None when it is unknown, over or revoked. Using it keeps it open; a page
    that looks ``by_itself`` does so for a viewer only, so that a wall may go on and a desk that was left does not.

    One read; a write at most once a minute, which a replica set without a primary can do without. Raises Unavailable.
    """
    if not token or len(token) > 200:
        return None
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[SIGN_INS].find_one({"_id": _fingerprint(token)})
    now = store.clock()
    if found is None or found["ends_at"] <= now or found["idle_at"] <= now:
        return None
    acted = not by_itself or found["role"] == Role.VIEWER.value
    if acted and now - found["seen_at"] > _SEEN_EVERY and store.led():
        later = {"seen_at": now, "idle_at": min(now + terms.idle, found["ends_at"])}
        with suppress(PyMongoError), pymongo.timeout(_SEEN_SECONDS):
            store.db[SIGN_INS].update_one({"_id": found["_id"]}, {"$set": later})
    return Visitor(actor_of(found), found["login"], found["subject"], found["must_change"])


def followed(store: Store, token: str) -> bool:
    """Whether the person whose token this was has signed in again, in the same browser. Raises Unavailable."""
    if not token or len(token) > 200:
        return False
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[SIGN_INS].find_one({"_id": _fingerprint(token), "followed": True}, {"_id": 1})
    return found is not None


def sign_out(store: Store, token: str, terms: Terms) -> None:
    """End the sign-in a token stands for; one that is unknown, or over, is no trouble."""
    who = visitor(store, token, terms)
    if who is not None:
        with suppress(NotFound):
            end_sign_in(store, replace(who.actor, sign_in=""), _fingerprint(token))  # also before a password is chosen


def clear_away(store: Store) -> None:
    """Take out the sign-ins that have been over for a week, and the tries that are over. Raises Unavailable."""
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        store.db[SIGN_INS].delete_many({"ends_at": {"$lt": store.clock() - _KEPT_AFTER_END}})
    attempts.clear(store)


def end_sign_in(store: Store, actor: Actor, id: str) -> str:
    """End one sign-in, of one's own or, as an administrator, of anybody; returns whose it was. Raises NotFound,
    Refused."""
    require_plain({"_id": id})

    def work(write: Write) -> str:
        found = write.store.db[SIGN_INS].find_one({"_id": id}, session=write.session)
        if found is None:
            raise NotFound(msg("This sign-in has ended already."))
        if found["user_id"] != actor.id:
            require(actor, Operation.UPDATE, User.collection)
            reach(actor, EVERYWHERE)
        write.store.db[SIGN_INS].delete_one({"_id": found["_id"]}, session=write.session)
        write.note("sign_out", User.collection, EVERYWHERE, found["user_id"])
        return str(found["user_id"])

    return store.write(actor, work, vital=True)


# --- queries ---------------------------------------------------------------------------------------------------------
def users(store: Store, actor: Actor) -> list[User]:
    """All accounts, active ones first, by name. Raises Refused."""
    return store.find(actor, User, EVERYWHERE, sort=[("active", -1), ("login", 1)], limit=5000)


def sees(
    write: Write, community_id: str, grid_id: str | None, *, person_id: str | None = None, company_id: str | None = None
) -> bool:
    """Whether somebody who is given work of this grid can see it: by one of the accounts that say they are this person,
    or work for this company. Whoever has no account sees nothing here anyway, and is told otherwise."""
    if person_id is not None:
        return first_to_see(write.store, community_id, grid_id, [person_id], session=write.session) is not None
    there = _bound(write.store, {"companies": company_id}, write.session)
    return _in_view(there, community_id, grid_id)


def first_to_see(
    store: Store,
    community_id: str,
    grid_id: str | None,
    people: Iterable[str | None],
    *,
    session: ClientSession | None = None,
) -> str | None:
    """The first of these people who can see work of this grid (see ``sees``): who is given what nobody was chosen for.
    Raises Unavailable."""
    likely = [who for who in people if who]
    there = _bound(store, {"people": Is(among=likely)}, session) if likely else []
    return next(
        (
            who
            for who in likely
            if _in_view([one for one in there if who in one.get("people", ())], community_id, grid_id)
        ),
        None,
    )


def _bound(store: Store, who: Mapping[str, Any], session: ClientSession | None) -> list[dict[str, Any]]:
    """What the accounts that say they are these people, or work for this company, are bound to."""
    named = {"active": True, **who}
    require_plain(named)
    fields = {"communities": 1, "grids": 1, "people": 1}
    with our_errors(), pymongo.timeout(READ_SECONDS):
        return list(store.db[User.collection].find(named, fields, session=session))


def _in_view(accounts: Sequence[Mapping[str, Any]], community_id: str, grid_id: str | None) -> bool:
    return not accounts or any(
        community_id in (one.get("communities") or [community_id]) and grid_id in (one.get("grids") or [grid_id])
        for one in accounts
    )


def user_named(store: Store, actor: Actor, login: str) -> User:
    """The account with this sign-in name. Raises NotFound, Refused."""
    found = store.find(actor, User, EVERYWHERE, {"login": _login(login)}, limit=1)
    if not found:
        raise NotFound(msg("There is no account called {login}."), login=login)
    return found[0]


def first_passwords(store: Store, actor: Actor) -> dict[str, datetime]:
    """Until when each first password holds, or held, that its owner has not replaced yet, by the account's id. Raises
    Refused."""
    waiting = [user.id for user in users(store, actor) if user.must_change]
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = list(store.db[PASSWORDS].find({"_id": {"$in": waiting}}, {"at": 1}))
    return {each["_id"]: each["at"] + timedelta(hours=FIRST_HOURS) for each in found}


def sign_ins(store: Store, actor: Actor, user_id: str | None = None) -> list[SignIn]:
    """The sign-ins of an account (None: one's own), newest first. Raises Refused for another's unless an
    administrator asks."""
    whose = actor.id if user_id is None else user_id
    if whose != actor.id:
        require(actor, Operation.READ, User.collection)
        reach(actor, EVERYWHERE)
    now, theirs = store.clock(), {"user_id": whose}
    require_plain(theirs)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found: Sequence[Mapping[str, Any]] = list(store.db[SIGN_INS].find(theirs).sort("created_at", -1).limit(200))
    return [
        SignIn(
            id=each["_id"],
            way=each["way"],
            created_at=each["created_at"],
            seen_at=each["seen_at"],
            ends_at=min(each["ends_at"], each["idle_at"]),
            address=each["address"],
            agent=each["agent"],
            open=each["ends_at"] > now and each["idle_at"] > now,
        )
        for each in found
    ]


def _user(store: Store, filter: Mapping[str, Any]) -> User | None:
    require_plain(filter, User)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[User.collection].find_one(dict(filter))
    return None if found is None else User.from_document(found)
