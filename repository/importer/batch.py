"""An import as one batch: all or nothing for readers, also after a crash; and its undo.

A transaction over some 10,000 rows dies in a small server's cache, so rows are written in chunks that nobody sees, and
one last transaction makes them count:

- The batch document is written first, ``in_flight``; readers leave out rows that bear the id of a batch in flight, and
  see ``_before`` instead of a row that one replaces (``Store._seen``, ``Store._as_seen``). Their list of such batches
  may be half a second old, so the first row waits for twice that.
- Each chunk is a transaction that also renews the batch's lease and checks that the batch is still ours. New rows bear
  its id. A replaced row gets its new fields and keeps its old document in ``_before``, which also keeps other writers
  from it; a copy goes to ``import_changes``, the ledger, for rollback and undo. A row to be taken out is marked the
  same way, under a second id that is not yet in flight.
- The flip: the batch is no longer in flight, the second id is, counters and one audit entry are written. Before it
  nothing has happened for readers, after it everything.
- Then the batch is tidied: old copies go, and so do the rows taken out.

Before anything is rolled back, the batch gets another owner, in a transaction that conflicts with every chunk and with
the flip: what is still under way has then either happened, or never will. Whoever dies on the way leaves a lease that
runs out; ``recover`` rolls back what was not flipped and tidies what was.
Undo is a batch too, with the same steps. Until the flip, filters (not contents) see a replaced row's new values.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

import pymongo
from pydantic import Field
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from repository import rollups
from repository.access import PERMISSIONS, Actor, Operation, Refused, Role, in_reach, may, reach, require
from repository.filters import Is
from repository.importer.mapping import CREATABLE, Mapping, Translate, unique_fields
from repository.importer.preparing import UNNUMBERED, Earlier, Preview, prepare, versions
from repository.importer.sheets import Sheet
from repository.maintenance.commands import SERIES
from repository.record import LINE, RECORDS, Choice, Index, Part, Record, Ref, Shown, field_specs
from repository.store import (
    PENDING_SECONDS,
    WRITE_SECONDS,
    Duplicate,
    OutcomeUnknown,
    Store,
    Unavailable,
    Write,
    build,
    our_errors,
)
from repository.words import Trouble, msg

log = logging.getLogger("gridboard.importer")

Document = dict[str, Any]
LEDGER = "import_changes"
CHUNK = 1000
LEASE = timedelta(seconds=60)
PATIENCE = 2 * PENDING_SECONDS
WIDEST = 20_000  # counter documents in one transaction: 20,000 take a small server some 10 s, 56,000 overrun its cache
FLIP_SECONDS = 28.0  # the server gives a transaction up after 30
LISTED = 1000  # rows left alone that a batch names; it counts all of them
_SUPERSEDED = msg("This import took too long to answer and was rolled back. Nothing was imported; try again.")
_SYSTEM = Actor("importer", "GridBoard", Role.ADMIN)


class Busy(Trouble):
    """Another import of this community is being written."""


class Superseded(Trouble):
    """This process was silent for so long that another one rolled its batch back."""


class NotUndone(Trouble):
    """This batch cannot be taken back."""


class Outdated(Trouble):
    """What the preview showed is no longer so."""


class Unconfirmed(Trouble):
    """Rows of an earlier import would go, and nobody said that they may."""


class TooWide(Trouble):
    """More counters would change than one transaction can hold."""


class _Taken(Exception):  # noqa: N818 (leaves the transaction; never the module)
    """The key of a row, new or changed, is in use by now."""


@contextmanager
def _taking() -> Iterator[None]:
    try:
        yield
    except BulkWriteError as error:
        if all(problem["code"] == 11000 for problem in error.details["writeErrors"]):
            raise _Taken from error
        raise


# --- what is kept of an import ---------------------------------------------------------------------------------------
class BatchKind(Choice):
    """What a batch does."""

    IMPORT = "import", msg("Import")
    UNDO = "undo", msg("Undo")
    REMOVAL = "removal", msg("Rows taken out")


class BatchStatus(Choice):
    """How far a batch is."""

    WRITING = "writing", msg("Being written")
    COMMITTED = "committed", msg("Imported")
    REPLACED = "replaced", msg("Replaced by a later import")
    UNDONE = "undone", msg("Taken back")
    ROLLED_BACK = "rolled_back", msg("Broken off; nothing was imported")


class Why(Choice):
    """Why a row was left as it is."""

    EDITED = "edited", msg("Edited since")
    IN_USE = "in_use", msg("Others refer to it")
    ELSEWHERE = "elsewhere", msg("Not in your charge")
    TAKEN = "taken", msg("Its key is in use by now")


class LeftAlone(Part):
    """A row that a batch had to leave as it is."""

    record_id: str = Field(max_length=64, title=msg("Id"))
    name: str = Field(max_length=LINE, title=msg("Name"))
    why: Why = Field(title=msg("Why"))
    by: str | None = Field(default=None, max_length=LINE, title=msg("Changed by"))
    grid_id: str | None = Field(default=None, max_length=64, title=msg("Grid"))


_KEPT = Shown(form=False, table=False)


class ImportBatch(Record):
    """One import, or the undo of one: what came in, from where, what was left alone."""

    collection = "import_batches"
    title = msg("Imports")
    name_field = "source"
    grid_field = None
    indexes = (
        Index(("community_id", "started_at"), "the newest imports"),
        Index(("community_id", "running"), "one import at a time", unique=True, where={"running": True}),
        Index(("in_flight",), "whose rows nobody sees: asked at every read", where={"in_flight": True}),
    )

    kind: BatchKind = Field(default=BatchKind.IMPORT, title=msg("Kind"))
    status: BatchStatus = Field(default=BatchStatus.WRITING, title=msg("Status"))
    record: str = Field(max_length=LINE, title=msg("Records"))
    source: str = Field(max_length=LINE, title=msg("File"))
    started_at: datetime = Field(title=msg("Started at"))
    ended_at: datetime | None = Field(default=None, title=msg("Ended at"))
    rows: int = Field(default=0, ge=0, title=msg("Rows"))
    new: int = Field(default=0, ge=0, title=msg("New"))
    changed: int = Field(default=0, ge=0, title=msg("Changed"))
    unchanged: int = Field(default=0, ge=0, title=msg("Unchanged"))
    flagged: int = Field(default=0, ge=0, title=msg("Flagged"))
    rejected: int = Field(default=0, ge=0, title=msg("Kept out"))
    removed: int = Field(default=0, ge=0, title=msg("Taken out"))
    made: int = Field(default=0, ge=0, title=msg("Made because rows name them"))
    left: int = Field(default=0, ge=0, title=msg("Left alone"))
    left_rows: Annotated[tuple[LeftAlone, ...], _KEPT] = Field(
        default=(), max_length=LISTED, title=msg("Rows left alone")
    )
    of: Annotated[str | None, _KEPT] = Field(
        default=None,
        max_length=64,
        title=msg("Other batch"),
        description=msg("The batch that this one takes back or takes the place of"),
    )
    mapping: Annotated[str | None, _KEPT] = Field(default=None, max_length=200_000, title=msg("Mapping"))
    fingerprint: Annotated[str | None, _KEPT] = Field(default=None, max_length=LINE, title=msg("Content"))
    in_flight: Annotated[bool, _KEPT] = Field(default=False, title=msg("Rows not visible yet"))
    running: Annotated[bool, _KEPT] = Field(default=False, title=msg("Being worked on"))
    owner: Annotated[str | None, _KEPT] = Field(default=None, max_length=64, title=msg("Process"))
    alive_at: Annotated[datetime | None, _KEPT] = Field(default=None, title=msg("Last sign of life"))


class SavedMapping(Record):
    """A mapping somebody saved, offered again for sheets with the same headers."""

    collection = "saved_mappings"
    title = msg("Saved mappings")
    grid_field = None
    natural_key = ("record", "name")
    indexes = (Index(("community_id", "record", "name"), "a mapping's name is its own", unique=True),)

    name: str = Field(min_length=1, max_length=LINE, title=msg("Name"))
    record: str = Field(max_length=LINE, title=msg("Records"))
    mapping: Annotated[str, _KEPT] = Field(max_length=200_000, title=msg("Mapping"))


def importable(actor: Actor) -> list[type[Record]]:
    """The kinds of record this actor may bring in."""
    return [record for record in sheet_records() if may(actor, Operation.IMPORT, record.collection)]


def sheet_records() -> list[type[Record]]:
    """The kinds of record that come in as sheets at all."""
    return [RECORDS[name] for name, row in PERMISSIONS.items() if name in RECORDS and row[Operation.IMPORT]]


def save_mapping(store: Store, actor: Actor, community_id: str, name: str, mapping: Mapping) -> SavedMapping:
    """Keep a mapping under a name; one of the same name is replaced. Raises Invalid, Refused."""
    same = {"record": mapping.record, "name": name.strip()}
    found = store.find(actor, SavedMapping, community_id, same, limit=1)
    text = mapping.model_dump_json(exclude_defaults=True)
    if found:
        return store.update(actor, SavedMapping, community_id, found[0].id, found[0].revision, {"mapping": text})
    return store.insert(actor, build(SavedMapping, {"community_id": community_id, **same, "mapping": text}))


def saved_mappings(store: Store, actor: Actor, community_id: str, record: str) -> dict[str, Mapping]:
    """The saved mappings for a kind of record, by name. One that no longer fits the record is left out."""
    kept = {}
    for saved in store.find(actor, SavedMapping, community_id, {"record": record}, sort=[("name", 1)], limit=200):
        try:
            kept[saved.name] = Mapping.model_validate_json(saved.mapping)
        except ValueError:
            log.warning("saved mapping %s no longer fits %s", saved.name, record)
    return kept


def batches(store: Store, actor: Actor, community_id: str, limit: int = 100) -> list[ImportBatch]:
    """The newest imports and undos of a community; rows of other grids that they left alone are not named."""
    shown = {"kind": Is(ne=str(BatchKind.REMOVAL))}
    found = store.find(actor, ImportBatch, community_id, shown, sort=[("started_at", -1)], limit=limit)
    return [_as_told(actor, batch) for batch in found]


def _as_told(actor: Actor, batch: ImportBatch) -> ImportBatch:
    """The batch, with rows out of the actor's reach by their ids only."""
    if actor.grids is None or RECORDS[batch.record].grid_field is None:
        return batch
    left = tuple(
        row if row.grid_id in actor.grids else row.model_copy(update={"name": row.record_id, "by": None})
        for row in batch.left_rows
    )
    return batch.model_copy(update={"left_rows": left})


# --- preview, commit, undo -------------------------------------------------------------------------------------------
def preview(
    store: Store,
    actor: Actor,
    community_id: str,
    sheet: Sheet,
    mapping: Mapping,
    *,
    languages: Sequence[Translate],
    progress: Callable[[int], None] | None = None,
) -> Preview:
    """What importing ``sheet`` would do; nothing is written. ``progress`` is told how many rows were judged.

    Raises BadSheet, BadMapping, Refused, Unavailable.
    """
    require(actor, Operation.IMPORT, mapping.record)
    reach(actor, community_id)  # before the imports that stand are looked up
    return prepare(
        store,
        actor,
        community_id,
        sheet,
        mapping,
        languages=languages,
        earlier=_standing(store, community_id, mapping.record),
        progress=progress,
    )


def commit(
    store: Store,
    actor: Actor,
    preview: Preview,
    *,
    replacing: bool = False,
    progress: Callable[[int], None] | None = None,
    patience: float = PATIENCE,
) -> ImportBatch | None:
    """Do what a preview showed, as one batch; returns it, or None when there was nothing to do.

    Rows that somebody changed since the preview are left as that person has them, and named in ``left_rows``.
    ``replacing``: somebody has said that the rows of the import which this one takes the place of may go; that two
    files bear one name does not say it.

    Raises Unconfirmed, Busy, Outdated (also for a preview made with other rights than the actor's), Superseded,
    Refused, Unavailable: after each of these nothing was imported; and OutcomeUnknown, after which it ends by itself,
    all or nothing, in a minute or two.
    """
    mapping, counts, community_id = preview.mapping, preview.counts, preview.community_id
    record = mapping.kind
    require(actor, Operation.IMPORT, record.collection)
    reach(actor, community_id)
    if preview.eyes != actor.eyes:
        raise Outdated(
            msg(
                "This preview was made with other rights than yours are now. Nothing was imported; look at what would "
                "happen once more."
            )
        )
    if preview.does_nothing:
        return None
    if preview.replaces and not replacing:
        raise Unconfirmed(
            msg(
                "This would take out the rows of the import of {file}. Nothing was imported. Say that they may go, or, "
                "if this is another sheet, give its file another name."
            ),
            file=preview.replaces.source,
        )
    recover(store)
    run = _Run.begin(
        store,
        actor,
        community_id,
        record,
        {
            "source": preview.source,
            "mapping": mapping.model_dump_json(exclude_defaults=True),
            "fingerprint": preview.fingerprint,
            "of": preview.replaces.id if preview.replaces else None,
            **{name: getattr(counts, name) for name in ("rows", "unchanged", "flagged", "rejected", "made")},
        },
    )

    def write_all() -> None:
        replaces = next(versions(_standing(store, community_id, record.collection), preview.source), None)
        if not mapping.keys and replaces != preview.replaces:
            raise Outdated(msg("This file was imported by somebody else in the meantime. Look at the preview again."))
        time.sleep(patience)
        for n, entries in enumerate(_chunks(preview.plan, CHUNK)):
            makes = [entry for entry in entries if "make" in entry]
            run.write(
                inserts=[entry["new"] for entry in entries if "new" in entry],
                replaces=[
                    Replacement(entry["id"], entry["revision"], entry["doc"]) for entry in entries if "id" in entry
                ],
            )
            for collection in {entry["make"] for entry in makes}:
                made = [entry["doc"] for entry in makes if entry["make"] == collection]
                run.write(inserts=made, record=RECORDS[collection])
            if progress:
                progress(min((n + 1) * CHUNK, preview.plan.n))
        if preview.replaces:
            run.take_out(record, preview.replaces.id)

    def also(write: Write) -> None:
        if preview.replaces:
            write.store.db[ImportBatch.collection].update_one(
                {"_id": preview.replaces.id, "community_id": community_id},
                {"$set": {"status": str(BatchStatus.REPLACED)}},
                session=write.session,
            )

    return run.complete(write_all, "import", also, patience)


def undo(store: Store, actor: Actor, community_id: str, batch_id: str, *, patience: float = PATIENCE) -> ImportBatch:
    """Take back an import: new rows go, changed ones get their old values, replaced ones return. What somebody edited
    since, or what others refer to, stays and is named in the ``left_rows`` of the batch returned.

    Raises NotFound, NotUndone, Busy, Superseded, Refused (also when rows of it are not in the actor's charge: it is
    taken back as a whole), Unavailable: after each of these nothing was changed; and OutcomeUnknown, see ``commit``.
    """
    batch = store.get(actor, ImportBatch, community_id, batch_id)
    require(actor, Operation.IMPORT, batch.record)
    recover(store)
    batch = store.get(actor, ImportBatch, community_id, batch_id)
    if batch.kind is not BatchKind.IMPORT or batch.status is not BatchStatus.COMMITTED:
        raise NotUndone(msg("This import cannot be taken back: it was taken back or replaced already."))
    record = RECORDS[batch.record]
    _require_all_of(store, actor, batch)
    run = _Run.begin(store, actor, community_id, record, {"source": batch.source, "of": batch.id}, BatchKind.UNDO)

    def write_all() -> None:
        time.sleep(patience)
        run.take_out(record, batch.id)
        for entries in _ledger(store, community_id, batch.id):
            run.give_back([entry for entry in entries if entry["kind"] == "replace"])
            back = [entry["before"] for entry in entries if entry["kind"] == "remove"]
            run.write(inserts=back, again=True)
        for collection in CREATABLE:
            if collection != record.collection:
                run.take_out(RECORDS[collection], batch.id, quietly=True)

    def also(write: Write) -> None:
        db = write.store.db[ImportBatch.collection]
        db.update_one(
            {"_id": batch.id, "community_id": community_id},
            {"$set": {"status": str(BatchStatus.UNDONE)}},
            session=write.session,
        )
        if batch.of:
            db.update_one(
                {"_id": batch.of, "community_id": community_id, "status": str(BatchStatus.REPLACED)},
                {"$set": {"status": str(BatchStatus.COMMITTED)}},
                session=write.session,
            )

    return run.complete(write_all, "undo", also, patience)


def _require_all_of(store: Store, actor: Actor, batch: ImportBatch) -> None:
    """Raise Refused unless every row that taking the batch back would touch is the actor's to change."""
    for record in _kinds(RECORDS[batch.record]):
        brought = {**_within(record, batch.community_id), "batch_id": batch.id}
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            if store.db[record.collection].find_one(brought, {"_id": 1}) is not None:
                require(actor, Operation.IMPORT, record.collection)
        if actor.grids is not None and record.grid_field and _reaches_beyond(store, actor, batch, record):
            raise Refused(
                msg(
                    "Rows of this import belong to grids that are not in your charge, and it is taken back as a whole. "
                    "Nothing was changed; ask somebody who has the whole community in charge."
                )
            )


def _reaches_beyond(store: Store, actor: Actor, batch: ImportBatch, record: type[Record]) -> bool:
    """Whether rows that a batch brought, replaced or took out lie in other grids than the actor's, now or then."""
    rows, within = store.db[record.collection], _within(record, batch.community_id)
    beyond = {_stored_name(record.grid_field or ""): {"$nin": sorted(actor.grids or ())}}
    with our_errors(), pymongo.timeout(WRITE_SECONDS):
        if rows.find_one({"$and": [{**within, "batch_id": batch.id}, beyond]}, {"_id": 1}) is not None:
            return True
    for entries in _ledger(store, batch.community_id, batch.id):
        own = [entry for entry in entries if entry["collection"] == record.collection]
        if not all(in_reach(actor, record, entry["before"]) for entry in own):
            return True
        ids = {"_id": {"$in": [entry["record_id"] for entry in own]}}
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            if rows.find_one({"$and": [{**within, **ids}, beyond]}, {"_id": 1}) is not None:
                return True
    return False


def recover(store: Store, stale: timedelta = LEASE) -> list[str]:
    """Bring to an end what processes that are gone left half done; returns the ids of those batches.

    Called at start-up, before each import, and every minute by the server. Safe while others import: only leases
    older than ``stale`` are taken. One batch that fails keeps no other from its end; the trouble is raised afterwards.
    """
    done, failed = [], None
    with our_errors(), pymongo.timeout(WRITE_SECONDS):
        since = {"running": True, "alive_at": {"$lte": store.clock() - stale}}
        found = list(store.db[ImportBatch.collection].find(since))
    for document in found:
        try:
            if (run := _Run.take_over(store, document)) is None:
                continue
            if run.batch.in_flight:
                run.roll_back()
            else:
                run.tidy()
        except Trouble as trouble:
            log.warning("import %s of a process that is gone was not brought to an end: %s", document["_id"], trouble)
            failed = trouble
        else:
            log.warning("import %s of a process that is gone was brought to an end", document["_id"])
            done.append(document["_id"])
    if failed is not None:
        raise failed
    return done


def _standing(store: Store, community_id: str, record: str) -> list[tuple[Earlier, str, int]]:
    """The imports of a kind of record that stand, newest first."""
    with our_errors(), pymongo.timeout(WRITE_SECONDS):
        found = store.db[ImportBatch.collection].find(
            {
                "community_id": community_id,
                "record": record,
                "kind": str(BatchKind.IMPORT),
                "status": str(BatchStatus.COMMITTED),
            },
            sort=[("started_at", -1)],
        )
        return [
            (
                Earlier(
                    one["_id"],
                    one["source"],
                    one["started_at"],
                    one.get("created_by") or "",
                    one.get("new", 0),
                ),
                one.get("fingerprint", ""),
                one.get("rejected", 0),
            )
            for one in found
        ]


def _within(record: type[Record], community_id: str) -> Document:
    """Leads every filter; a community alone lies in none but itself."""
    return {} if record.collection == "communities" else {"community_id": community_id}


def _kinds(record: type[Record]) -> list[type[Record]]:
    """Where rows of a batch may stand."""
    return [record, *(RECORDS[name] for name in CREATABLE if name != record.collection)]


def _ledger(store: Store, community_id: str, batch_id: str) -> Iterator[list[Document]]:
    """What a batch replaced and took out, in chunks."""
    last = ""
    while True:
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            entries = list(
                store.db[LEDGER]
                .find({"community_id": community_id, "batch_id": batch_id, "_id": {"$gt": last}})
                .sort("_id", 1)
                .limit(CHUNK)
            )
        if not entries:
            return
        last = entries[-1]["_id"]
        yield entries


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


# --- one batch on its way --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Replacement:
    """A new document for a record that must still stand at ``revision``."""

    id: str
    revision: int
    document: Document
    as_of: int | None = None
    """The earlier revision that this brings back."""


class _Run:
    """This process's work on one batch."""

    def __init__(self, store: Store, actor: Actor, batch: ImportBatch) -> None:
        self.store, self.actor, self.batch = store, actor, batch
        self.id, self.community_id = batch.id, batch.community_id
        self.out = f"{batch.id}-out"  # what rows to be taken out are marked with
        self.record = RECORDS[batch.record]
        self.zone = store.zone(batch.community_id)
        self.atoms: rollups.Tally = Counter()
        self.presence = rollups.Presence()
        self.new = self.changed = self.removed = 0
        self.cells: set[tuple[str, ...]] = set()  # whose counters the flip will change
        self._given: set[str] = set()  # numbers of work orders
        self.left: list[LeftAlone] = []
        self.n_left = 0

    @classmethod
    def begin(
        cls,
        store: Store,
        actor: Actor,
        community_id: str,
        record: type[Record],
        facts: Document,
        kind: BatchKind = BatchKind.IMPORT,
    ) -> "_Run":
        """Enter the batch, in flight from now on. Raises Busy while another one is being written."""
        now = store.clock()
        stamp = {"created_at": now, "created_by": actor.name, "updated_at": now, "updated_by": actor.name}
        mine = {"in_flight": True, "running": True, "owner": uuid.uuid4().hex, "alive_at": now, "started_at": now}
        values = {"community_id": community_id, "record": record.collection, "kind": kind, **facts, **stamp, **mine}
        batch = build(ImportBatch, values)
        document = batch.to_document()

        def enter(write: Write) -> None:
            write.store.db[ImportBatch.collection].insert_one(document, session=write.session)
            write.touch(community_id)

        try:
            store.write(actor, enter)
        except Duplicate:
            raise Busy(
                msg("Another import of this community is being written. Nothing was changed; try again in a minute.")
            ) from None
        store.reread_pending()
        return cls(store, actor, batch)

    @classmethod
    def take_over(cls, store: Store, document: Document) -> "_Run | None":
        """Become the owner of a batch whose process is gone; None if somebody else was quicker."""
        batch = _taken(store, {name: document[name] for name in ("_id", "community_id", "owner", "alive_at")})
        return None if batch is None else cls(store, _SYSTEM, batch)

    def complete(
        self, work: Callable[[], None], operation: str, also: Callable[[Write], None], patience: float
    ) -> ImportBatch:
        """Run ``work``, flip, tidy; roll back if anything goes wrong before the flip is done."""
        try:
            work()
            self.flip(operation, also)
        except Superseded:
            raise
        except BaseException as error:
            try:
                flipped = self._settle(error)
            except Trouble as trouble:
                log.warning("import %s will be brought to its end by and by: %s", self.id, trouble)
                raise error  # noqa: B904 (with the cause it has)
            if not flipped and isinstance(error, OutcomeUnknown):  # by now it is known
                raise Unavailable(
                    msg("The database did not answer in time. Nothing was changed; try again.")
                ) from error
            if not flipped:
                raise
        self.store.reread_pending()
        if self.changed or self.removed:
            time.sleep(patience)  # others may still think that the batch is in flight
        try:
            self.tidy()
        except Trouble as trouble:
            log.warning("import %s is complete, but not tidied yet: %s", self.id, trouble)
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            document = self.store.db[ImportBatch.collection].find_one({"_id": self.id})
        return _as_told(self.actor, ImportBatch.from_document(document or self.batch.to_document()))

    def _settle(self, error: BaseException) -> bool:
        """After ``error``: whether the flip counted after all, its answer lost; if not, everything is as it was.

        A chunk or the flip itself may be under way still. So nothing is looked at, or deleted, before the batch is
        taken from them: whichever comes second, that or they, does not happen.
        """
        same = {"_id": self.id, "community_id": self.community_id, "owner": self.batch.owner}
        batch = _taken(self.store, same)
        if batch is None:
            raise Superseded(_SUPERSEDED)
        self.batch = batch
        if not batch.in_flight:
            return True
        log.info("import %s is rolled back: %s", self.id, error)
        self.roll_back()
        return False

    # --- filters
    def within(self, record: type[Record]) -> Document:
        """Leads every filter."""
        return _within(record, self.community_id)

    def _hold(self, write: Write, **facts: Any) -> None:
        """Renew the lease inside a transaction, which fails if the batch has another owner by now, and cannot be
        committed beside one that makes it another's: the revision is a change even where the time is the same."""
        held = write.store.db[ImportBatch.collection].update_one(
            {"_id": self.id, "community_id": self.community_id, "running": True, "owner": self.batch.owner},
            {"$set": {"alive_at": write.at, **facts}, "$inc": {"revision": 1}},
            session=write.session,
        )
        if not held.matched_count:
            raise Superseded(_SUPERSEDED)

    # --- chunks
    def write(
        self,
        *,
        inserts: Sequence[Document] = (),
        replaces: Sequence[Replacement] = (),
        removals: Sequence[tuple[str, int]] = (),
        record: type[Record] | None = None,
        again: bool = False,
    ) -> None:
        """Write one chunk. Rows that changed meanwhile, or whose key is taken, are left alone and named.

        ``again``: the rows were here before and keep their stamps.
        """
        record = record or self.record
        wanted = list(inserts)
        now = self.store.clock()
        for document in wanted:
            document["batch_id"] = self.id
            if not again:
                document |= {"revision": 1, "created_at": now, "updated_at": now}
                document |= {"created_by": self.actor.name, "updated_by": self.actor.name}
        replaces = list(replaces)
        for attempt in range(20):
            self._number([document for document in wanted if document.get("number") == UNNUMBERED], attempt)
            if not (wanted or replaces or removals):
                return
            try:
                before, after, left = self.store.write(
                    self.actor, partial(self._chunk, record, wanted, replaces, removals)
                )
                break
            except _Taken:
                wanted = self._without_taken(record, wanted)
                replaces = self._without_taken_changes(record, replaces)
        else:
            raise Outdated(msg("Somebody is entering the same records just now. Nothing was imported; try again."))
        if record.subjects:
            atoms = rollups.tally(record, (*wanted, *after), self.zone)
            atoms.update(rollups.tally(record, before, self.zone, -1))
            self.atoms.update(atoms)
            self.cells.update(atom[:5] for atom in atoms)
            for sign, documents in ((1, (*wanted, *after)), (-1, before)):
                for document in documents:
                    self.presence.add(record, document, self.zone, sign)
            if max(len(self.cells), len(self.presence.times)) > WIDEST:
                raise TooWide(
                    msg(
                        "These rows touch more counters than one step can change: too many grids, categories and "
                        "months, or too many residents. Nothing was imported. Split the file, for example by year."
                    )
                )
        if record is self.record:
            self.new += len(wanted)
        self.changed += len(after)
        self.removed += len(before) - len(after)
        for document in left:
            self.leave(record, document, Why.EDITED)

    def _chunk(
        self,
        record: type[Record],
        inserts: Sequence[Document],
        replaces: Sequence[Replacement],
        removals: Sequence[tuple[str, int]],
        write: Write,
    ) -> tuple[list[Document], list[Document], list[Document]]:
        """What stood before, what stands for it now (not for rows taken out), and the rows left alone."""
        self._hold(write)
        db, session, within = write.store.db, write.session, self.within(record)
        revisions = {one.id: one.revision for one in replaces} | dict(removals)
        there: dict[str, Document] = {}
        left: list[Document] = []
        if revisions:
            for document in db[record.collection].find(
                {**within, "_id": {"$in": list(revisions)}}, session=session, hint="_id_"
            ):
                if document["revision"] == revisions[document["_id"]] and not self._is_held(document):
                    document.pop("_before", None)
                    there[document["_id"]] = document
                else:
                    left.append(document)
            self._require_reach(record, there.values())
            seen = there.keys() | {document["_id"] for document in left}
            left += [{"_id": id} for id in revisions.keys() - seen]
        self._require_reach(record, (*inserts, *(one.document for one in replaces)))
        operations: list[Any] = []
        ledger = []
        after = []
        for one in replaces:
            if one.id not in there:
                continue
            old = there[one.id]
            kept: Document = {name: old[name] for name in ("batch_id", "created_at", "created_by") if name in old}
            stamp: Document = {"revision": one.revision + 1, "updated_at": write.at, "updated_by": self.actor.name}
            new: Document = {**one.document, **kept, **stamp}
            after.append(new)
            operations.append(
                ReplaceOne(
                    {**within, "_id": one.id, "revision": one.revision},
                    {**new, "_before": {"batch_id": self.id, "document": old}},
                    hint="_id_",
                )
            )
            ledger.append(self._entry(record, "replace", old, one.revision + 1, one.as_of))
        out = [id for id, _ in removals if id in there]
        keep = self.batch.kind is BatchKind.IMPORT  # an undo is not undone: its ledger needs only to know them
        ledger += [self._entry(record, "remove", there[id] if keep else {"_id": id}, 0, None) for id in out]
        if ledger:
            db[LEDGER].insert_many(ledger, ordered=False, session=session)
        if operations:
            with _taking():
                db[record.collection].bulk_write(operations, ordered=False, session=session)
        if out:  # the snapshot has their revisions right; whoever changed one since makes this transaction run again
            mark = {"batch_id": self.out, "_before": {"batch_id": self.id, "document": "$$ROOT"}}
            db[record.collection].update_many(
                {**within, "_id": {"$in": out}}, [{"$unset": "_before"}, {"$set": mark}], hint="_id_", session=session
            )
        if inserts:
            with _taking():
                db[record.collection].insert_many(inserts, ordered=False, session=session)
        pairs: list[tuple[Document | None, Document | None]] = [(None, row) for row in inserts]
        pairs += [(there[row["_id"]], row) for row in after] + [(there[id], None) for id in out]
        whole = {"collection": self.record.collection, "community_id": self.community_id, "record_id": self.id}
        for before, now in pairs:
            write.note_row(whole, record, before, now)
        return list(there.values()), after, left

    def _require_reach(self, record: type[Record], documents: Iterable[Document]) -> None:
        """Raise Refused for a row that is not the actor's to change, as it stands or as it would: whatever preview,
        ledger or sheet it comes from."""
        require(self.actor, Operation.IMPORT, record.collection)
        if not all(in_reach(self.actor, record, document) for document in documents):
            raise Refused(msg("A row belongs to a grid that is not in your charge. Nothing was changed."))

    def _is_held(self, document: Document) -> bool:
        before = document.get("_before")
        return before is not None and before["batch_id"] in self.store.pending_batches()

    def _entry(self, record: type[Record], kind: str, before: Document, revision: int, as_of: int | None) -> Document:
        """What the ledger keeps of a row: how it was, and at which revision it is now; ``as_of`` is the earlier
        revision whose content an undo brought back."""
        entry: Document = {
            "_id": f"{self.id}|{before['_id']}",
            "community_id": self.community_id,
            "batch_id": self.id,
            "collection": record.collection,
            "record_id": before["_id"],
            "kind": kind,
            "before": before,
            "revision": revision,
        }
        return entry if as_of is None else entry | {"as_of": as_of}

    def _number(self, orders: Sequence[Document], attempt: int) -> None:
        """Give new work orders the next numbers; numbers that turn out taken are jumped over in growing steps."""
        if orders:
            first = self.store.next_number(self.actor, self.community_id, SERIES, len(orders) * 4**attempt)
            for number, order in enumerate(orders, start=first):
                order["number"] = f"W-{number:05d}"
                self._given.add(order["number"])

    def _without_taken(self, record: type[Record], wanted: list[Document]) -> list[Document]:
        """The new rows but those whose key is in use by now; a number that we gave is given anew."""
        kept = wanted
        for fields in unique_fields(record):
            taken = self._taken_by(record, fields, kept)
            free = []
            for document in kept:
                if tuple(document.get(name) for name in fields) not in taken:
                    free.append(document)
                elif document.get("number") in self._given:
                    document["number"] = UNNUMBERED
                    free.append(document)
                elif record is not self.record:
                    raise Outdated(msg("What rows refer to was entered meanwhile. Look at the preview again."))
                else:
                    self.leave(record, document, Why.TAKEN)
            kept = free
        return kept

    def _without_taken_changes(self, record: type[Record], wanted: list[Replacement]) -> list[Replacement]:
        """The replacements but those whose new key another record has, or another replacement before it."""
        kept = wanted
        for fields in unique_fields(record):
            taken = self._taken_by(record, fields, [one.document for one in kept])
            free = []
            for one in kept:
                key = tuple(one.document.get(name) for name in fields)
                if taken.setdefault(key, one.id) == one.id:
                    free.append(one)
                else:
                    self.leave(record, {**one.document, "_id": one.id}, Why.TAKEN)
            kept = free
        return kept

    def _taken_by(
        self, record: type[Record], fields: Sequence[str], documents: Sequence[Document]
    ) -> dict[tuple[Any, ...], str]:
        """Who has the keys that documents bear, or will: key -> id."""
        filter = {**self.within(record)}
        filter |= {name: {"$in": list({document.get(name) for document in documents})} for name in fields}
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            found = self.store.db[record.collection].find(filter, dict.fromkeys(fields, 1))
            return {tuple(one.get(name) for name in fields): one["_id"] for one in found}

    def leave(self, record: type[Record], document: Document, why: Why) -> None:
        """Name a row that stays as it is."""
        self.n_left += 1
        if len(self.left) < LISTED:
            name = str(document.get(record.name_field) or document["_id"])[:LINE]
            by = document.get("updated_by") if why is Why.EDITED else None
            grid_id = document.get(_stored_name(record.grid_field or ""))
            self.left.append(LeftAlone(record_id=document["_id"], name=name, why=why, by=by, grid_id=grid_id))

    # --- undo
    def take_out(self, record: type[Record], batch_id: str, *, quietly: bool = False) -> None:
        """Mark the rows a batch brought to be taken out, but those edited since or referred to by others."""
        last = ""
        while True:
            with our_errors(), pymongo.timeout(WRITE_SECONDS):
                rows = list(
                    self.store.db[record.collection]
                    .find({**self.within(record), "batch_id": batch_id, "_id": {"$gt": last}})
                    .sort("_id", 1)
                    .limit(CHUNK)
                )
            if not rows:
                return
            last = rows[-1]["_id"]
            same = self._as_of(row for row in rows if row["revision"] != 1)
            used = self._in_use(record, [row["_id"] for row in rows])
            removals = []
            for row in rows:
                if row["revision"] != 1 and same.get((row["_id"], row["revision"])) != 1:
                    why = Why.EDITED
                elif row["_id"] in used:
                    why = Why.IN_USE
                elif not in_reach(self.actor, record, row):
                    why = Why.ELSEWHERE
                else:
                    removals.append((row["_id"], row["revision"]))
                    continue
                if not (quietly and why is Why.IN_USE):
                    self.leave(record, row, why)
            self.write(removals=removals, record=record)

    def give_back(self, entries: Sequence[Document]) -> None:
        """Give replaced rows their old content, under a new revision; but not those edited since."""
        if not entries:
            return
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            ids = [entry["record_id"] for entry in entries]
            found = self.store.db[self.record.collection].find({**self.within(self.record), "_id": {"$in": ids}})
            there = {row["_id"]: row for row in found}
        same = self._as_of(there.values())
        earlier = self._as_of(entry["before"] for entry in entries)
        replaces = []
        for entry in entries:
            row = there.get(entry["record_id"])
            if row is None:
                self.leave(self.record, entry["before"], Why.EDITED)
                continue
            revision = row["revision"]
            if entry["revision"] not in (revision, same.get((row["_id"], revision))):
                self.leave(self.record, row, Why.EDITED)
                continue
            before = entry["before"]
            as_of = earlier.get((before["_id"], before["revision"]), before["revision"])
            replaces.append(Replacement(row["_id"], revision, before, as_of))
        self.write(replaces=replaces)

    def _as_of(self, rows: Iterable[Document]) -> dict[tuple[str, int], int]:
        """(id, revision) -> the earlier revision whose content an undo brought back under it."""
        ids = [row["_id"] for row in rows]
        if not ids:
            return {}
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            found = self.store.db[LEDGER].find(
                {"community_id": self.community_id, "record_id": {"$in": ids}, "as_of": {"$exists": True}},
                {"record_id": 1, "revision": 1, "as_of": 1},
            )
            return {(one["record_id"], one["revision"]): one["as_of"] for one in found}

    def _in_use(self, record: type[Record], ids: Sequence[str]) -> set[str]:
        """Those of ``ids`` that rows refer to which are not themselves taken out."""
        used: set[str] = set()
        for other in RECORDS.values():
            for spec in field_specs(other).values():
                if isinstance(spec.mark, Ref) and spec.mark.to == record.collection:
                    filter = {
                        "community_id": self.community_id,
                        spec.name: {"$in": [id for id in ids if id not in used]},
                        "batch_id": {"$ne": self.out},
                    }
                    with our_errors(), pymongo.timeout(WRITE_SECONDS):
                        groups = self.store.db[other.collection].aggregate(
                            [{"$match": filter}, {"$group": {"_id": f"${spec.name}"}}]
                        )
                        used.update(id for group in groups for id in _each(group["_id"]))
        return used

    # --- the end
    def flip(self, operation: str, also: Callable[[Write], None]) -> None:
        """Make it count, in one transaction."""
        store, cid = self.store, self.community_id
        changed = self.presence.changed()
        months = {month for cells in changed.values() for month, _ in cells}
        periods = {period for month in months for period in (month, rollups.quarter_of(month), month[:4])}
        people = [rollups.Place("residents", "people", period) for period in (*periods, rollups.EVER)]
        places, residents = [*rollups.spread(self.atoms), *(people if changed else ())], list(changed)
        with our_errors(writing=True):
            for start in range(0, len(places), 5000):
                with pymongo.timeout(WRITE_SECONDS):
                    rollups.ensure(store.db, cid, places[start : start + 5000])
            for start in range(0, len(residents), 5000):
                with pymongo.timeout(WRITE_SECONDS):
                    rollups.ensure_residents(store.db, cid, residents[start : start + 5000])
        facts = {"new": self.new, "changed": self.changed, "removed": self.removed, "left": self.n_left}

        def work(write: Write) -> None:
            self._hold(
                write,
                in_flight=False,
                status=str(BatchStatus.COMMITTED),
                ended_at=write.at,
                updated_at=write.at,
                left_rows=[row.model_dump(mode="json", exclude_none=True) for row in self.left],
                **facts,
            )
            if self.removed:
                hidden = self.batch.model_copy(
                    update={"id": self.out, "kind": BatchKind.REMOVAL, "running": False, "mapping": None}
                )
                write.store.db[ImportBatch.collection].insert_one(hidden.to_document(), session=write.session)
            also(write)
            write.add_counts(cid, self.atoms, self.presence)
            told = {"source": self.batch.source, "kind": str(self.batch.kind), "of": self.batch.of, **facts}
            write.note(operation, self.record.collection, cid, self.id, told)

        store.write(self.actor, self._hold)  # making counters took its time, and so may the flip
        store.write(self.actor, work, seconds=FLIP_SECONDS)

    def tidy(self) -> None:
        """After the flip: drop old copies and rows taken out. May be repeated."""
        db = self.store.db
        with our_errors(writing=True):
            for entries in _ledger(self.store, self.community_id, self.id):
                ids = [entry["record_id"] for entry in entries if entry["kind"] == "replace"]
                with pymongo.timeout(WRITE_SECONDS):
                    db[self.record.collection].update_many(
                        {**self.within(self.record), "_id": {"$in": ids}, "_before.batch_id": self.id},
                        {"$unset": {"_before": ""}},
                        hint="_id_",
                    )
            for record in _kinds(self.record):
                self._delete(record, self.out)
            with pymongo.timeout(WRITE_SECONDS):
                db[ImportBatch.collection].delete_one({"_id": self.out, "community_id": self.community_id})
            if self.batch.kind is BatchKind.UNDO:
                self._send_home()
                with pymongo.timeout(WRITE_SECONDS):  # what cannot be undone again needs no ledger
                    gone = {"$or": [{"batch_id": self.batch.of}, {"batch_id": self.id, "kind": "remove"}]}
                    db[LEDGER].delete_many({"community_id": self.community_id, **gone})
            self._end(status=None)

    def _send_home(self) -> None:
        """Rows that an undo brought back bear the batch that once brought them."""
        db, undone = self.store.db, self.batch.of
        with pymongo.timeout(WRITE_SECONDS):
            batch = db[ImportBatch.collection].find_one({"_id": undone, "community_id": self.community_id})
            if batch and batch.get("of"):
                db[self.record.collection].update_many(
                    {**self.within(self.record), "batch_id": self.id}, {"$set": {"batch_id": batch["of"]}}
                )

    def roll_back(self) -> None:
        """Before the flip: everything as it was. May be repeated, by whoever has just taken the batch: no transaction
        of its former owner can come after that."""
        db = self.store.db
        with our_errors(writing=True):
            for entries in _ledger(self.store, self.community_id, self.id):
                for collection in {entry["collection"] for entry in entries}:
                    ids = [entry["record_id"] for entry in entries if entry["collection"] == collection]
                    within = self.within(RECORDS[collection])
                    with pymongo.timeout(WRITE_SECONDS):
                        db[collection].update_many(
                            {**within, "_id": {"$in": ids}, "_before.batch_id": self.id},
                            [{"$replaceWith": "$_before.document"}],
                            hint="_id_",
                        )
            for record in _kinds(self.record):
                self._delete(record, self.id)
            with pymongo.timeout(WRITE_SECONDS):
                db[LEDGER].delete_many({"community_id": self.community_id, "batch_id": self.id})
            self._end(status=BatchStatus.ROLLED_BACK)
        self.store.reread_pending()

    def _delete(self, record: type[Record], batch_id: str) -> None:
        rows = self.store.db[record.collection]
        filter = {**self.within(record), "batch_id": batch_id}
        while True:
            with pymongo.timeout(WRITE_SECONDS):
                ids = [row["_id"] for row in rows.find(filter, {"_id": 1}).limit(2 * CHUNK)]
                if not ids:
                    return
                rows.delete_many({**filter, "_id": {"$in": ids}}, hint="_id_")

    def _end(self, status: BatchStatus | None) -> None:
        facts: Document = {"running": False}
        if status is not None:
            facts |= {"status": str(status), "in_flight": False, "ended_at": self.store.clock()}
        with pymongo.timeout(WRITE_SECONDS):
            self.store.db[ImportBatch.collection].update_one(
                {"_id": self.id, "community_id": self.community_id, "owner": self.batch.owner}, {"$set": facts}
            )
        self.store.write(_SYSTEM, lambda write: write.touch(self.community_id))


def _taken(store: Store, same: Document) -> ImportBatch | None:
    """Make a running batch ours, as it stands after every transaction in its name: each writes its document, as this
    does, so one under way is waited for (or ended, when nobody is behind it any more), and a later one is none of its
    owner's and fails. None if it is not the ``same`` any more."""
    mine = {"owner": uuid.uuid4().hex, "alive_at": store.clock()}

    def take(write: Write) -> Document | None:
        batches = write.store.db[ImportBatch.collection]
        after = pymongo.ReturnDocument.AFTER
        filter = {**same, "running": True}
        return batches.find_one_and_update(filter, {"$set": mine}, return_document=after, session=write.session)

    found = store.write(_SYSTEM, take, vital=True)
    return None if found is None else ImportBatch.from_document(found)


def _each(value: Any) -> Iterable[str]:
    return value if isinstance(value, list) else (value,)


def _stored_name(name: str) -> str:
    return "_id" if name == "id" else name
