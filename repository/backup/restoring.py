"""Back into an empty database: filled beside its names, read back, and only then given them.

While a restore runs its mark keeps everybody else out: writers, who read it in their transaction, migrations, and
other restores. What was cut off before the names were given has changed nothing; after that the mark says so.
"""

import hashlib
import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymongo
from bson import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from repository import erasure, migrations, rollups
from repository.accounts import SYSTEM
from repository.backup.archive import LEFT_OUT, BackupTrouble, Manifest, Part, documents, judged, opened
from repository.backup.folder import IDENTITY, ledger_beside
from repository.backup.taking import SECONDS, plain
from repository.store import (
    AUDIT,
    DURABLE,
    EVERYWHERE,
    META,
    READ_SECONDS,
    RESTORING,
    ROOM_NEEDED,
    SIGN_INS,
    WRITE_SECONDS,
    Document,
    Duplicate,
    Invalid,
    Store,
    our_errors,
)
from repository.words import Trouble, msg

log = logging.getLogger("gridboard.backup")

BESIDE = "restoring."
"""How the collections are called until they are read back."""
LEASE_SECONDS = 60.0
_NOT_THERE = 26  # NamespaceNotFound


def is_empty(store: Store) -> bool:
    """Has nothing been written here but what a start makes by itself, and what a write leaves that was refused?"""
    made = {"migrations", META, rollups.COUNTS, "numbers", *LEFT_OUT}
    with our_errors(), pymongo.timeout(60):
        return all(
            store.db[name].find_one({} if name != "passwords" else {"_id": {"$ne": "setup"}}, {"_id": 1}) is None
            for name in store.db.list_collection_names()
            if name not in made and not name.startswith(("system.", BESIDE))
        )


def restore(
    store: Store, path: Path, *, identity: str = "", by: str = SYSTEM.name, ledger: Path | None = None
) -> Manifest:
    """Fill an empty database with a backup. The file is judged whole before anything is written; then every collection
    is filled under another name, read back and compared, and only then can the database be used. One that fails or is
    stopped before that leaves the database as it was; what a killed one leaves, the next one clears away. That it was
    restored, and ``by`` whom, is the first entry of its trail from then on. Residents who were erased since the backup
    are erased again, as the ``ledger`` tells (see ``erasure.note_ledger``): unless given, the one beside the file.

    ``store`` must be connected with the right to drop and rename collections. Raises BackupTrouble (also while
    somebody else is restoring), LedgerTrouble, Unsuitable without these rights, Full, Unavailable.
    """
    ledger = ledger or ledger_beside(path)
    told = erasure.read_ledger(ledger) if ledger else None
    with opened(path, identity) as archive:
        manifest = judged(path, archive)
        _require_rights(store)
        if not store.restoring() and not is_empty(store):
            raise _not_empty()
        with _Mark(store, path.name) as mark:
            try:
                with our_errors(writing=True), pymongo.timeout(SECONDS):
                    _empty_handed(store, mark)
                    _require_room(store, path, manifest)
                    for part in manifest.parts:
                        _fill(store, mark, part, documents(path, archive, part))
                    wrong = [part.name for part in manifest.parts if not _equal(store, mark, part)]
                    if wrong:
                        raise BackupTrouble(
                            msg("What was written does not read back as it was: {names}. The database was not opened."),
                            names=", ".join(wrong),
                        )
                    store.db[mark.beside(META)].delete_one({"_id": IDENTITY})  # this is another database
            except (PyMongoError, BSONError, Duplicate, Invalid) as error:
                raise BackupTrouble(
                    msg("The database does not take what is in {path}: {reason}. Nothing was changed."),
                    path=path,
                    reason=str(error)[:300],
                ) from error
            _open(store, mark, manifest)
    _record(store, by, path, manifest)
    erasure.take_ledger(store, replace(SYSTEM, name=by), told)
    return manifest


def _record(store: Store, by: str, path: Path, manifest: Manifest) -> None:
    """Put on record what the database was filled from. Raises BackupTrouble."""
    facts = {"taken_at": manifest.at, "documents": manifest.documents}
    try:
        store.write(
            replace(SYSTEM, name=by),
            lambda write: write.note("restore", AUDIT, EVERYWHERE, path.name, facts),
            vital=True,
        )
    except Trouble as trouble:
        text = msg("The database was restored and is in use, but that could not be put on record: {reason}")
        raise BackupTrouble(text, reason=trouble.message) from trouble


def _not_empty() -> BackupTrouble:
    return BackupTrouble(
        msg(
            "This database is not empty, so nothing was restored. Restore into a new data folder "
            "(GRIDBOARD_HOME) or another database, look at it, then put it in the place of the old one."
        )
    )


def _require_rights(store: Store) -> None:
    """Raise Unsuitable unless this user may do all that a restore needs. Tried on what is not there: the server asks
    who may before it looks."""
    probe = f"{BESIDE}probe"
    space = f"{store.db.name}.{probe}"
    with our_errors(), pymongo.timeout(READ_SECONDS):
        tries: list[tuple[Database[Document], Document]] = [
            (store.db, {"drop": probe}),
            (store.db, {"collMod": probe}),
            (store.client.admin, {"renameCollection": space, "to": f"{space}s", "dropTarget": True}),
        ]
        for database, command in tries:
            try:
                database.command(command)
            except OperationFailure as error:
                if error.code != _NOT_THERE:
                    raise


def _require_room(store: Store, path: Path, manifest: Manifest) -> None:
    """Raise BackupTrouble when the database's disk would fill up. A server tells of the disk of a database that is
    there, so of a new one's only when that bears the mark.

    Measured, what a restore takes of the disk with indexes, journal and oplog: 0.7 to 0.9 of the documents' bytes for
    records, where the file is a tenth of them; 2.7 for photos, where it is as large as they are.
    """
    needed = 3 * path.stat().st_size + manifest.bytes // 2 + ROOM_NEEDED
    free = store.room()
    if free is not None and free < needed:
        raise BackupTrouble(
            msg(
                "There is no room to restore {path}: {free} MB of the database's disk are free, about {needed} MB are "
                "needed. Nothing was changed; make room, then do it again."
            ),
            path=path,
            free=free // 1_000_000,
            needed=needed // 1_000_000 + 1,
        )


# --- the mark --------------------------------------------------------------------------------------------------------
class _Mark:
    """What keeps others out while entered. It has an owner, who alone may take it away, and a lease that a thread
    renews by the server's clock: a mark whose owner died can be taken over when that has run out.

    ``opening``: the collections are being given their names, so what stands under them is a restore's and no longer an
    empty database's. A mark that is left is left with what it says.
    """

    def __init__(self, store: Store, file: str) -> None:
        self.opening = False
        self._store, self._file, self._owner = store, file, secrets.token_hex(4)
        self._ended, self._lost = threading.Event(), threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="restore", daemon=True)

    def beside(self, name: str) -> str:
        """What a collection is called until it is read back."""
        return f"{BESIDE}{self._owner}.{name}"

    def __enter__(self) -> Self:
        with our_errors(writing=True), pymongo.timeout(READ_SECONDS):
            self._take()
        self._keeper.start()
        return self

    def _take(self) -> None:
        rows, mine = self._store.db[SIGN_INS], {"owner": self._owner, "file": {"$literal": self._file}, "at": "$$NOW"}
        until = {"until": _in(LEASE_SECONDS)}
        with suppress(DuplicateKeyError):
            rows.update_one(self._own, [{"$set": {**mine, **until, "opening": False}}], upsert=True)
            return
        over = {"_id": RESTORING, "$expr": {"$lte": ["$until", "$$NOW"]}}
        found = rows.find_one_and_update(over, [{"$set": {**mine, **until}}])
        if found is None:
            held = rows.find_one({"_id": RESTORING}) or {}
            raise BackupTrouble(
                msg(
                    "This database is being restored from {file} since {at}, so nothing was changed. If that restore "
                    "has died, this can be done in {seconds} s."
                ),
                file=held.get("file", "?"),
                at=str(held.get("at", "?")),
                seconds=round(LEASE_SECONDS),
            )
        log.warning("a restore of %s was cut off; this one takes its place", found.get("file"))
        self.opening = bool(found.get("opening"))

    @property
    def _own(self) -> dict[str, Any]:
        return {"_id": RESTORING, "owner": self._owner}

    def _keep(self) -> None:
        while not self._ended.wait(LEASE_SECONDS / 4):
            try:
                with pymongo.timeout(READ_SECONDS):
                    self._renew({})
            except PyMongoError as error:
                log.warning("the restore's mark could not be renewed: %s", error)

    def _renew(self, facts: dict[str, Any]) -> None:
        changed = [{"$set": {"until": _in(LEASE_SECONDS), **facts}}]
        if not self._store.db[SIGN_INS].update_one(self._own, changed).matched_count:
            self._lost.set()

    def require(self) -> None:
        """Raise BackupTrouble when another restore has taken this one's place."""
        if self._lost.is_set():
            raise BackupTrouble(
                msg("Another restore has taken the place of this one, which was silent for too long. It was given up.")
            )

    def say(self, *, opening: bool) -> None:
        """Note how far this has come. Raises as ``require`` does."""
        self._renew({"opening": opening})
        self.require()
        self.opening = opening

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._keeper.join()
        if error is None:
            with our_errors(writing=True), pymongo.timeout(READ_SECONDS):
                if not self._store.db[SIGN_INS].delete_one(self._own).deleted_count:
                    self._lost.set()
            self.require()
            return
        with pymongo.timeout(WRITE_SECONDS):  # what does not succeed, the next restore does
            if not self.opening:
                with suppress(Exception):
                    _drop(self._store, self.beside(""))
            with suppress(Exception):
                if self.opening:
                    self._store.db[SIGN_INS].update_one(self._own, [{"$set": {"until": "$$NOW"}}])
                else:
                    self._store.db[SIGN_INS].delete_one(self._own)


def _in(seconds: float) -> dict[str, Any]:
    return {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(seconds * 1000)}}


# --- filling ---------------------------------------------------------------------------------------------------------
def _empty_handed(store: Store, mark: _Mark) -> None:
    """See to it that nothing stands in the database and nobody writes any more. Raises BackupTrouble."""
    if mark.opening:
        for name in store.db.list_collection_names():
            if name != SIGN_INS and not name.startswith("system."):
                store.db[name].drop()
        mark.say(opening=False)
    # writes that began before the mark hold this collection; the server lets nobody have it alone until they are over
    store.db.command("collMod", SIGN_INS)
    if not is_empty(store):
        raise _not_empty()
    _drop(store, BESIDE)


def _drop(store: Store, prefix: str) -> None:
    for name in store.db.list_collection_names():
        if name.startswith(prefix):
            store.db[name].drop()


def _fill(store: Store, mark: _Mark, part: Part, documents: Iterator[bytes]) -> None:
    name = mark.beside(part.name)
    target = store.db.create_collection(name)
    batch: list[RawBSONDocument] = []
    size = 0

    def hand_over() -> None:
        mark.require()
        store.require_room()
        target.insert_many(batch, ordered=False)

    for raw in documents:
        batch.append(RawBSONDocument(raw))
        size += len(raw)
        if size > 8_000_000 or len(batch) >= 5_000:
            hand_over()
            batch, size = [], 0
    if batch:
        hand_over()
    if indexes := part.made_indexes():
        store.db.command("createIndexes", name, indexes=indexes, writeConcern=DURABLE.document)
    # what an older version wrote need not please the validator; to go past it takes a right that few users have
    if judge := part.validator():
        store.db.command("collMod", name, **judge, writeConcern=DURABLE.document)


def _equal(store: Store, mark: _Mark, part: Part) -> bool:
    """Does a collection read back as it stood in the backup, with its indexes?"""
    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    digest, count = hashlib.sha256(), 0
    source: Any = store.db.get_collection(mark.beside(part.name), codec_options=raw)
    for document in source.find({}, batch_size=2_000).sort("_id", 1):
        digest.update(document.raw)
        count += 1
    there = [plain(index) for index in source.list_indexes() if index["name"] != "_id_"]
    by_name = {index["name"]: index for index in there}
    return (count, digest.hexdigest(), by_name) == (
        part.documents,
        part.sha256,
        {index["name"]: dict(index) for index in part.indexes},
    )


def _open(store: Store, mark: _Mark, manifest: Manifest) -> None:
    """Give the collections their names and let people in. Raises BackupTrouble."""
    try:
        with our_errors(writing=True), pymongo.timeout(SECONDS):
            mark.say(opening=True)
            for part in manifest.parts:
                store.db[mark.beside(part.name)].rename(part.name, dropTarget=True)
            for name in LEFT_OUT:
                store.db[name].delete_many({"_id": {"$ne": RESTORING}})
        migrations.migrate(store, opening=True)
    except (PyMongoError, Trouble) as error:
        if not mark.opening:
            raise
        raise BackupTrouble(
            msg("The restore was cut off while the database was being opened: {reason} Run it once more."),
            reason=error.message if isinstance(error, Trouble) else f"{error}.",
        ) from error
