"""Who did what, when, to which record, and what stood there before: searched, shown, and sealed.

Every write adds its entries in its own transaction (see ``store``); nothing ever changes or removes one, and where the
deployment allows, the app's own MongoDB user could not. What a stronger hand does is found out: entries that have come
to rest are sealed from time to time, each seal a digest over its entries and the seal before it. No writer waits for
that. A seal made with a key the database does not hold cannot be forged from inside it; without a key, comparing the
newest digest with one that was written down elsewhere tells as much.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pymongo
from pymongo.errors import DuplicateKeyError

from repository.access import Actor, Operation, Refused, reach, require
from repository.record import RECORDS
from repository.store import AUDIT, EVERYWHERE, READ_SECONDS, SEALS, Store, entry_mark, our_errors
from repository.words import Message, msg

log = logging.getLogger("gridboard.audit")

REST = timedelta(minutes=5)
"""How old an entry is before it is sealed: longer than a transaction lives and clocks differ."""
AT_ONCE = 50_000  # entries in one seal
_NOTHING = "0" * 64
SEAL_SECONDS = 600.0


@dataclass(frozen=True)
class Entry:
    """One thing that was done. ``before`` and ``after`` hold the fields that differ (all of them for what was made or
    taken out); for what is no change of a record, ``after`` holds the facts."""

    id: str
    at: datetime
    actor_id: str
    actor: str
    role: str
    operation: str
    collection: str
    record_id: str
    community_id: str
    name: str
    """How people recognise the record, where it is still there or the entry tells."""
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Search:
    """What to look for; empty means anything. ``actor`` is a name as the entries have it."""

    operation: str = ""
    collection: str = ""
    actor: str = ""
    record_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Seal:
    """A digest over the ``count`` entries from ``since`` up to ``until``, and over the seal before it."""

    number: int
    since: datetime
    until: datetime
    count: int
    digest: str
    keyed: bool


@dataclass(frozen=True)
class Verdict:
    """What checking the seals found: how many hold, over how many entries, how many entries no seal covers yet, and
    each ``problem`` in words."""

    seals: int
    entries: int
    unsealed: int
    head: str
    problems: tuple[Message, ...]


# --- reading ---------------------------------------------------------------------------------------------------------
def trail(
    store: Store, actor: Actor, community_id: str, search: Search, *, most: int = 200, skip: int = 0
) -> list[Entry]:
    """The newest entries of a community (``EVERYWHERE``: of accounts and of the list of communities) that match.
    Raises Refused, Unavailable."""
    _require_whole(actor, community_id)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[AUDIT].find(_wanted(community_id, search)).sort([("at", -1), ("_id", -1)])
        return _entries(store, list(found.skip(skip).limit(most)))


def history(store: Store, actor: Actor, community_id: str, collection: str, record_id: str) -> list[Entry]:
    """Everything that was done to one record, oldest first. Raises Refused, Unavailable."""
    _require_whole(actor, community_id)
    within = {"community_id": community_id, "collection": {"$eq": collection}, "record_id": {"$eq": record_id}}
    with our_errors(), pymongo.timeout(READ_SECONDS):
        return _entries(store, list(store.db[AUDIT].find(within).sort([("at", 1), ("_id", 1)]).limit(1000)))


def seals(store: Store, actor: Actor, most: int = 50) -> list[Seal]:
    """The newest seals first. Raises Refused, Unavailable."""
    _require_whole(actor, EVERYWHERE)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        return [_seal(each) for each in store.db[SEALS].find().sort("_id", -1).limit(most)]


def _require_whole(actor: Actor, community_id: str) -> None:
    """The trail is of a whole community or of all of them: nobody sees it who has but some grids in charge."""
    require(actor, Operation.READ, AUDIT)
    if reach(actor, community_id) is not None:
        raise Refused(msg("The audit trail is that of a whole community, and only some grids are in your charge."))


def _wanted(community_id: str, search: Search) -> dict[str, Any]:
    wanted: dict[str, Any] = {"community_id": community_id}
    for name, value in (
        ("operation", search.operation),
        ("collection", search.collection),
        ("actor_name", search.actor),
        ("record_id", search.record_id),
    ):
        if value:
            wanted[name] = {"$eq": value}
    when = {"$gte": search.since, "$lt": search.until}
    if any(when.values()):
        wanted["at"] = {name: value for name, value in when.items() if value}
    return wanted


def _entries(store: Store, documents: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The entries, with the names of the records that are still there: one small read a collection."""
    names: dict[str, str] = {}
    for collection in {each["collection"] for each in documents} & RECORDS.keys():
        record = RECORDS[collection]
        ids = [each["record_id"] for each in documents if each["collection"] == collection]
        if record.name_field not in record.personal and record.name_field in record.model_fields:
            field = record.name_field
            found = store.db[collection].find({"_id": {"$in": ids}}, {field: 1})
            names |= {each["_id"]: str(each[field]) for each in found if field in each}
    return [_entry(each, names) for each in documents]


def _entry(document: Mapping[str, Any], names: Mapping[str, str]) -> Entry:
    record = RECORDS.get(document["collection"])
    told = {**(document.get("before") or {}), **(document.get("after") or {})}
    own = told.get(record.name_field) if record else told.get("file")
    return Entry(
        name=names.get(document["record_id"]) or (str(own) if own else ""),
        id=document["_id"],
        at=document["at"],
        actor_id=document["actor_id"],
        actor=document["actor_name"],
        role=document["role"],
        operation=document["operation"],
        collection=document["collection"],
        record_id=document["record_id"],
        community_id=document["community_id"],
        before=document.get("before") or {},
        after=document.get("after") or {},
    )


# --- sealing ---------------------------------------------------------------------------------------------------------
def seal(store: Store, key: bytes = b"") -> int:
    """Seal what has come to rest since the last seal; returns how many entries that were. Safe to run from several
    processes at once: one of them makes each seal. Raises Unavailable."""
    sealed = 0
    while True:
        with our_errors(writing=True), pymongo.timeout(SEAL_SECONDS):
            last = store.db[SEALS].find_one({}, sort=[("_id", -1)])
            start = last["until"] if last else None
            until = _next_cut(store, start)
            if until is None:
                return sealed
            count, digest = _digest(store, start, until, last["digest"] if last else _NOTHING, key)
            made = {
                "_id": last["_id"] + 1 if last else 1,
                "since": start or datetime.fromtimestamp(0, UTC),
                "until": until,
                "count": count,
                "digest": digest,
                "keyed": bool(key),
                "at": store.clock(),
            }
            try:
                store.db[SEALS].insert_one(made)
            except DuplicateKeyError:
                return sealed  # another process was quicker
        sealed += count


def _next_cut(store: Store, start: datetime | None) -> datetime | None:
    """Up to which second the next seal reaches: what is at rest, at most ``AT_ONCE`` entries; None when there is
    nothing."""
    rest = (store.clock() - REST).replace(microsecond=0)
    ids = store.db[AUDIT].find(_between(start, rest), {"_id": 1}).sort("_id", 1)
    if next(ids.clone().limit(1), None) is None:
        return None
    beyond = next(ids.skip(AT_ONCE).limit(1), None)
    if beyond is None:
        return rest
    cut = datetime.fromtimestamp(int(beyond["_id"][:8], 16), UTC)
    # more of one second than fit are sealed together
    return cut if start is None or cut > start else start + timedelta(seconds=1)


def _between(since: datetime | None, until: datetime) -> dict[str, Any]:
    """The entries from one second up to another, which is not among them."""
    return {"_id": {"$lt": entry_mark(until)} | ({"$gte": entry_mark(since)} if since else {})}


def _digest(store: Store, since: datetime | None, until: datetime, before: str, key: bytes) -> tuple[int, str]:
    """How many entries there are between two moments, and the digest over them and the one ``before``."""
    running = hmac.new(key, digestmod=hashlib.sha256) if key else hashlib.sha256()
    running.update(before.encode())
    count = 0
    for document in store.db[AUDIT].find(_between(since, until), batch_size=5_000).sort("_id", 1):
        running.update(hashlib.sha256(bson.encode(_ordered(document))).digest())
        count += 1
    return count, running.hexdigest()


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    return value


def verify(store: Store, actor: Actor, *, key: bytes = b"", head: str = "") -> Verdict:
    """Recompute every seal and say which do not hold: an entry was changed, taken out or put in afterwards. ``head``
    is a digest that was written down elsewhere; one that no seal bears means that seals were taken out or made anew.
    Raises Refused, Unavailable."""
    _require_whole(actor, EVERYWHERE)
    problems: list[Message] = []
    entries, known, previous, since = 0, [], _NOTHING, None
    number = 0
    with our_errors(), pymongo.timeout(SEAL_SECONDS):
        for each in store.db[SEALS].find().sort("_id", 1):
            number += 1
            found = _seal(each)
            facts = {"n": found.number, "since": found.since.isoformat(), "until": found.until.isoformat()}
            if found.number != number:
                problems.append(Message(msg("Seal {n} does not follow the one before it: seals are missing."), facts))
                number = found.number
            if found.keyed and not key:
                problems.append(Message(msg("Seal {n} was made with a key that is not here."), facts))
            count, digest = _digest(store, since, found.until, previous, key if found.keyed else b"")
            if count != found.count:
                facts |= {"found": count, "sealed": found.count}
                problems.append(
                    Message(
                        msg("Seal {n} ({since} to {until}): {sealed} entries were sealed, {found} are there."), facts
                    )
                )
            elif digest != found.digest and (key or not found.keyed):
                problems.append(Message(msg("Seal {n} ({since} to {until}): an entry was changed."), facts))
            entries, previous, since = entries + count, found.digest, found.until
            known.append(found.digest)
        unsealed = store.db[AUDIT].count_documents({"_id": {"$gte": entry_mark(since)}} if since else {})
    if head and head not in known:
        problems.append(
            Message(msg("No seal bears the digest {head}: seals were taken out or made anew."), {"head": head})
        )
    return Verdict(len(known), entries, unsealed, known[-1] if known else "", tuple(problems))


def _seal(document: Mapping[str, Any]) -> Seal:
    return Seal(
        document["_id"],
        document["since"],
        document["until"],
        document["count"],
        document["digest"],
        document["keyed"],
    )
