"""Seals: what makes one hold, how the next one is made, and where the newest is noted outside the database."""

import hashlib
import hmac
import json
import logging
import os
import threading
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pymongo
from bson import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference

from repository import rollups
from repository.access import Actor
from repository.audit.entries import require_whole
from repository.store import (
    AUDIT,
    DURABLE,
    EVERYWHERE,
    READ_SECONDS,
    SEALS,
    Document,
    Store,
    entry_mark,
    our_errors,
    written,
)
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.audit")

REST = timedelta(minutes=5)
"""How old a seal is before what lies below its mark is sealed: several times what a transaction may live."""
EVERY = timedelta(minutes=10)
"""How often a server seals."""
AT_ONCE = 50_000  # entries in one seal
SEAL_SECONDS = 600.0  # for reading the entries of one seal
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument, tz_aware=True, tzinfo=UTC)


class Unsealed(Trouble):
    """Nothing was sealed: what is sealed already is not as the key, or the note beside it, says."""


@dataclass(frozen=True)
class Seal:
    """A digest over the ``count`` entries whose ids go from ``start`` up to ``end``, and over the seal before it.

    ``at`` is the database's time; ``entries`` is the digest over the entries alone, ``before`` that over the whole seal
    before, ``digest`` that over all of these, made with the key if ``keyed``. A seal that ``adopts`` was made by a
    person who vouches for everything that stood there: it begins at the first entry again.
    """

    number: int
    at: datetime
    mark: int
    start: str
    end: str
    count: int
    entries: str
    before: str
    keyed: bool
    adopts: bool
    digest: str

    @classmethod
    def from_document(cls, document: Document) -> "Seal | None":
        """The seal a document holds; None for what is none, or of a form that is not made any more."""
        facts = {("number" if name == "_id" else name): value for name, value in document.items()}
        types = {each.name: each.type for each in fields(cls)}
        if facts.keys() != types.keys() or any(not isinstance(facts[name], types[name]) for name in types):  # type: ignore[arg-type]
            return None
        return cls(**facts)


def seals(store: Store, actor: Actor, most: int = 50) -> list[Seal]:
    """The newest seals first. Raises Refused, Unavailable."""
    require_whole(actor, EVERYWHERE)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[SEALS].find().sort("_id", -1).limit(most)
        return [seal for each in found if (seal := Seal.from_document(each)) is not None]


# --- making them -----------------------------------------------------------------------------------------------------
def seal(
    store: Store, key: bytes = b"", *, head_file: Path | None = None, adopt: bool = False, now: datetime | None = None
) -> int:
    """Seal what has come to rest, and close what was written since the last seal, so that one made ``REST`` later takes
    it in; returns how many entries were sealed. Safe to run from several processes at once: one of them makes each.

    The newest seal is noted in ``head_file``. ``adopt`` says that a person looked at the trail and vouches for it as it
    stands: needed where seals were made with another key or with none, or were taken out. ``now`` is the database's
    time unless given. Raises Unsealed, Unavailable.
    """
    sealed = 0
    with our_errors(writing=True):
        while (made := _seal_next(store, key, head_file, now, adopt=adopt)) is not None:
            log.info("seal %s over %s entries: %s", made["_id"], made["count"], made["digest"])
            if head_file is not None:
                _note(head_file, made, anew=adopt)
            sealed += int(made["count"])
            adopt = False
    return sealed


def _seal_next(
    store: Store, key: bytes, head_file: Path | None, given: datetime | None, *, adopt: bool
) -> Document | None:
    """Make the next seal; None when there is nothing to seal, or another process was quicker."""
    entries = stored_entries(store).with_options(read_preference=ReadPreference.PRIMARY)
    # causally consistent: what a majority has, as of the newest seal or later
    with pymongo.timeout(SEAL_SECONDS), store.client.start_session() as session:
        newest = _newest(store, session)
        if newest is not None:
            _require_sound(newest)
        if not adopt:
            _require_ours(store, newest, key, head_file)
        now = given or _time_there(store)
        old = {"at": {"$lte": now - REST}}
        resting = store.db[SEALS].find_one(old, {"mark": 1}, sort=[("_id", -1)], session=session)
        start = newest["end"] if newest and not adopt else ""
        end = max(start, entry_mark(_mark(resting)))
        digest, count = hashlib.sha256(), 0
        for document in entries.find(between(start, end), session=session).sort("_id", 1).limit(AT_ONCE + 1):
            if count == AT_ONCE:
                end = document["_id"]
                break
            digest.update(hashlib.sha256(document.raw).digest())
            count += 1
        if not count and not adopt:
            # in a time that a clock put into the future there is nothing to wait for
            recent = newest is not None and timedelta(0) <= now - newest["at"] < REST
            if recent or entries.find_one({"_id": {"$gte": entry_mark(_mark(newest))}}, session=session) is None:
                return None
        facts: Document = {
            "_id": newest["_id"] + 1 if newest else 1,
            "start": start,
            "end": end,
            "count": count,
            "entries": digest.hexdigest(),
            "before": hash_of(newest) if newest else "",
            "keyed": bool(key),
            "adopts": bool(adopt),
        }
        return _insert(store, newest, facts, key, given)


def _insert(
    store: Store, newest: Document | None, facts: Document, key: bytes, given: datetime | None
) -> Document | None:
    """Put a seal behind the ``newest``; None if one of its number is there by now. Its time is read inside the
    transaction, so that it is at most a minute older than the moment from which writers see the seal."""

    def attempt(session: ClientSession) -> Document:
        told = next(store.db[AUDIT].aggregate([{"$limit": 1}, {"$project": {"now": "$$NOW"}}], session=session), None)
        at: datetime = given or (told["now"] if told else _time_there(store))
        made = {
            **facts,
            "at": at.replace(microsecond=at.microsecond // 1000 * 1000),
            "mark": max(_mark(newest) + 1, int(at.timestamp())),
        }
        made["digest"] = _signed(made, key)
        store.db[SEALS].insert_one(made, session=session)
        # writers ask anew which is the newest: see Standing
        rollups.apply(store.db, session, EVERYWHERE, written({SEALS}))
        return made

    rollups.ensure(store.db, EVERYWHERE, [rollups.WRITES])
    with store.client.start_session() as session:
        try:
            return session.with_transaction(attempt, ReadConcern("snapshot"), DURABLE, ReadPreference.PRIMARY)
        except DuplicateKeyError:
            return None


def _require_sound(newest: Document) -> None:
    """Raise Unsealed where nothing can be put behind what stands last."""
    number, mark = newest["_id"], newest.get("mark", 0)
    if not (isinstance(number, int) and isinstance(mark, int) and 0 < number < 2**53 and 0 <= mark < 2**32 - 1):
        raise Unsealed(
            msg(
                "Nothing was sealed: what stands last in {collection} ({id}) is no seal. The owner of the database has "
                "to take it out; then run gridboard audit verify."
            ),
            collection=SEALS,
            id=repr(number)[:80],
        )


def _require_ours(store: Store, newest: Document | None, key: bytes, head_file: Path | None) -> None:
    """Raise Unsealed unless the newest seal was made with this key and the noted one is still there: to seal on would
    make good what somebody did."""
    if newest is not None and not is_made_with(key, newest):
        raise Unsealed(
            msg(
                "Nothing was sealed: the newest seal ({n}) was not made with the key that is here. Put back the key "
                "that belongs to this database. If there is none, look at the trail, then run gridboard audit seal "
                "--adopt."
            ),
            n=newest["_id"],
        )
    if (problem := missing_head(store, head_file)) is not None:
        raise Unsealed(msg("Nothing was sealed. {problem} Run gridboard audit verify."), problem=problem)


def _mark(seal: Document | None) -> int:
    return int(seal.get("mark", 0)) if seal else 0


def _newest(store: Store, session: ClientSession) -> Document | None:
    seals = store.db.get_collection(SEALS, read_preference=ReadPreference.PRIMARY)
    return seals.find_one({}, sort=[("_id", -1)], session=session)


def _time_there(store: Store) -> datetime:
    told: datetime = store.client.admin.command("hello")["localTime"]
    return told.replace(tzinfo=told.tzinfo or UTC)


# --- what makes one hold ---------------------------------------------------------------------------------------------
def stored_entries(store: Store) -> Collection[Any]:
    """The entries byte by byte, and only those that no change of the primary takes back."""
    return store.db.get_collection(AUDIT, codec_options=_RAW, read_concern=ReadConcern("majority"))


def between(start: str, end: str) -> Document:
    """The entries of one seal."""
    return {"_id": {"$gte": start, "$lt": end}}


def hash_of(document: Document) -> str:
    """The digest over a whole seal, which the next one bears."""
    return hashlib.sha256(bson.encode(dict(sorted(document.items())))).hexdigest()


def _signed(document: Document, key: bytes) -> str:
    facts = bson.encode({name: document[name] for name in sorted(document) if name != "digest"})
    return hmac.new(key, facts, hashlib.sha256).hexdigest() if key else hashlib.sha256(facts).hexdigest()


def is_made_with(key: bytes, document: Document) -> bool:
    """Whether a seal was made with this key (with none: without one) and stands as it was made."""
    return document.get("keyed") is bool(key) and document.get("digest") == _signed(document, key)


# --- the newest one, noted outside -----------------------------------------------------------------------------------
def _note(path: Path, made: Document, *, anew: bool) -> None:
    """Note the newest seal, whole or not at all; never an older one, unless a person begins ``anew``."""
    try:
        noted = None if anew else _noted(path)
        if noted is not None and noted[0] >= made["_id"]:
            return
        draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"number": made["_id"], "digest": made["digest"]}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except (OSError, ValueError) as error:
        log.warning("seal %s could not be noted in %s: %s", made["_id"], path, error)


def _noted(path: Path) -> tuple[int, str] | None:
    """Number and digest of the noted seal; None when none is. Raises OSError, ValueError."""
    try:
        noted = json.loads(path.read_text("utf-8"))
        return int(noted["number"]), str(noted["digest"])
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as error:
        raise ValueError(repr(error)) from error


def missing_head(store: Store, path: Path | None) -> Message | None:
    """What is wrong with the noted seal; None when it is there, or none is noted."""
    if path is None:
        return None
    try:
        noted = _noted(path)
    except (OSError, ValueError) as error:
        facts: Document = {"file": path, "reason": str(error)}
        return Message(msg("The file {file}, which notes the newest seal, can't be read: {reason}."), facts)
    if noted is None:
        return None
    number, digest = noted
    found = store.db[SEALS].find_one({"_id": number}, {"digest": 1})
    if found is not None and found.get("digest") == digest:
        return None
    text = msg("Seal {n}, which {file} notes, is not there or another one: seals were taken out or made anew.")
    return Message(text, {"n": number, "file": path})
