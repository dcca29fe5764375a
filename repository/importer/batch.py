"""An import as one batch: all or nothing for readers, also after a crash; and its undo.

A transaction over some 10,000 rows dies in a small server's cache, so rows are written in chunks that nobody sees, and
one last transaction makes them count:

- The batch is entered, ``in_flight``: from then on readers leave its rows out. Their list of such batches may be half a
  second old, so the first row waits for twice that (``PATIENCE``).
- Its rows are written, chunk by chunk (``chunks``).
- The flip makes them count, and then the batch is tidied; or it is rolled back (``flight``).

Whoever dies on the way leaves a lease that runs out; ``recover`` rolls back what was not flipped and tidies what was.
Undo is a batch too, with the same steps. Until the flip, filters (not contents) see a replaced row's new values.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pymongo

from repository.access import Actor, Operation, Refused, in_reach, reach, require
from repository.importer.chunks import Chunks, Outdated, Replacement, stored_name
from repository.importer.flight import CHUNK, Document, Flight, kinds, within
from repository.importer.kept import BatchKind, BatchStatus, ImportBatch, as_told
from repository.importer.mapping import CREATABLE, Mapping, Translate
from repository.importer.preparing import Earlier, Preview, prepare, versions
from repository.importer.sheets import Sheet
from repository.record import RECORDS, Record
from repository.store import PENDING_SECONDS, WRITE_SECONDS, Store, Write, build, our_errors
from repository.words import Trouble, msg

log = logging.getLogger("gridboard.importer")

LEASE = timedelta(seconds=60)
PATIENCE = 2 * PENDING_SECONDS


class NotUndone(Trouble):
    """This batch cannot be taken back."""


class Unconfirmed(Trouble):
    """Rows of an earlier import would go, and nobody said that they may."""


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
    flight = _begin(
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
    chunks = Chunks(flight)

    def write_all() -> None:
        replaces = next(versions(_standing(store, community_id, record.collection), preview.source), None)
        if not mapping.keys and replaces != preview.replaces:
            raise Outdated(msg("This file was imported by somebody else in the meantime. Look at the preview again."))
        time.sleep(patience)
        for n, entries in enumerate(_chunks(preview.plan, CHUNK)):
            makes = [entry for entry in entries if "make" in entry]
            chunks.write(
                inserts=[entry["new"] for entry in entries if "new" in entry],
                replaces=[
                    Replacement(entry["id"], entry["revision"], entry["doc"]) for entry in entries if "id" in entry
                ],
            )
            for collection in {entry["make"] for entry in makes}:
                made = [entry["doc"] for entry in makes if entry["make"] == collection]
                chunks.write(inserts=made, record=RECORDS[collection])
            if progress:
                progress(min((n + 1) * CHUNK, preview.plan.n))
        if preview.replaces:
            chunks.take_out(record, preview.replaces.id)

    def also(write: Write) -> None:
        if preview.replaces:
            write.store.db[ImportBatch.collection].update_one(
                {"_id": preview.replaces.id, "community_id": community_id},
                {"$set": {"status": str(BatchStatus.REPLACED)}},
                session=write.session,
            )

    return as_told(actor, flight.complete(write_all, "import", also, patience))


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
    flight = _begin(store, actor, community_id, record, {"source": batch.source, "of": batch.id}, BatchKind.UNDO)
    chunks = Chunks(flight)

    def write_all() -> None:
        time.sleep(patience)
        chunks.take_out(record, batch.id)
        for entries in Flight(store, actor, batch).ledger():
            chunks.give_back([entry for entry in entries if entry["kind"] == "replace"])
            back = [entry["before"] for entry in entries if entry["kind"] == "remove"]
            chunks.write(inserts=back, again=True)
        for collection in CREATABLE:
            if collection != record.collection:
                chunks.take_out(RECORDS[collection], batch.id, quietly=True)

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

    return as_told(actor, flight.complete(write_all, "undo", also, patience))


def _begin(
    store: Store,
    actor: Actor,
    community_id: str,
    record: type[Record],
    facts: Document,
    kind: BatchKind = BatchKind.IMPORT,
) -> Flight:
    """Enter a new batch. Raises Busy while another one is being written."""
    now = store.clock()
    stamp = {"created_at": now, "created_by": actor.name, "updated_at": now, "updated_by": actor.name}
    mine = {"in_flight": True, "running": True, "owner": uuid.uuid4().hex, "alive_at": now, "started_at": now}
    values = {"community_id": community_id, "record": record.collection, "kind": kind, **facts, **stamp, **mine}
    flight = Flight(store, actor, build(ImportBatch, values))
    flight.enter()
    return flight


def _require_all_of(store: Store, actor: Actor, batch: ImportBatch) -> None:
    """Raise Refused unless every row that taking the batch back would touch is the actor's to change."""
    for record in kinds(RECORDS[batch.record]):
        brought = {**within(record, batch.community_id), "batch_id": batch.id}
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
    rows, here = store.db[record.collection], within(record, batch.community_id)
    beyond = {stored_name(record.grid_field or ""): {"$nin": sorted(actor.grids or ())}}
    with our_errors(), pymongo.timeout(WRITE_SECONDS):
        if rows.find_one({"$and": [{**here, "batch_id": batch.id}, beyond]}, {"_id": 1}) is not None:
            return True
    for entries in Flight(store, actor, batch).ledger():
        own = [entry for entry in entries if entry["collection"] == record.collection]
        if not all(in_reach(actor, record, entry["before"]) for entry in own):
            return True
        ids = {"_id": {"$in": [entry["record_id"] for entry in own]}}
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            if rows.find_one({"$and": [{**here, **ids}, beyond]}, {"_id": 1}) is not None:
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
            if (flight := Flight.take_over(store, document)) is None:
                continue
            if flight.batch.in_flight:
                flight.roll_back()
            else:
                flight.tidy()
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


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
