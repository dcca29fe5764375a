"""One batch on its way: who may write in its name, when it counts, and how every trace of it ends.

The life of a batch, whatever its rows are:

- **Enter** it, ``in_flight``: readers leave out rows that bear its id, and see ``_before`` instead of a row that one
  replaces (``Store._seen``, ``Store._as_seen``).
- **Hold** it in every transaction that writes for it: that renews its lease, and fails if it is another's by now.
- **Flip**: in one transaction it is no longer in flight, and the rows to be taken out are, under a second id; counters
  and one audit entry are written. Before it nothing has happened for readers, after it everything.
- **Tidy**, after it: old copies go, and so do the rows taken out. Or **roll back**, instead of it.

Before anything is rolled back, the batch gets another owner (``_taken``), in a transaction that conflicts with every
other one that holds it: what is still under way has then either happened, or never will.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pymongo

from repository import rollups
from repository.access import Actor, Role
from repository.importer.kept import BatchKind, BatchStatus, ImportBatch, LeftAlone
from repository.importer.mapping import CREATABLE
from repository.record import RECORDS, Record
from repository.store import (
    LEDGER,
    WRITE_SECONDS,
    Duplicate,
    OutcomeUnknown,
    Store,
    Unavailable,
    Write,
    our_errors,
)
from repository.words import Trouble, msg

log = logging.getLogger("gridboard.importer")

Document = dict[str, Any]
CHUNK = 1000
FLIP_SECONDS = 28.0  # the server gives a transaction up after 30
_SUPERSEDED = msg("This import took too long to answer and was rolled back. Nothing was imported; try again.")
_SYSTEM = Actor("importer", "GridBoard", Role.ADMIN)


class Busy(Trouble):
    """Another import of this community is being written."""


class Superseded(Trouble):
    """This process was silent for so long that another one rolled its batch back."""


def within(record: type[Record], community_id: str) -> Document:
    """Leads every filter; a community alone lies in none but itself."""
    return {} if record.collection == "communities" else {"community_id": community_id}


def kinds(record: type[Record]) -> list[type[Record]]:
    """Where rows of a batch may stand."""
    return [record, *(RECORDS[name] for name in CREATABLE if name != record.collection)]


@dataclass
class Work:
    """What a batch has done so far, and what the flip will make of it."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    left: int = 0
    left_rows: list[LeftAlone] = field(default_factory=list)
    """The first ones."""
    atoms: rollups.Tally = field(default_factory=Counter)
    presence: rollups.Presence = field(default_factory=rollups.Presence)


class Flight:
    """This process's hold of one batch."""

    def __init__(self, store: Store, actor: Actor, batch: ImportBatch) -> None:
        self.store, self.actor, self.batch = store, actor, batch
        self.id, self.community_id = batch.id, batch.community_id
        self.out = f"{batch.id}-out"  # what rows to be taken out are marked with
        self.record = RECORDS[batch.record]
        self.work = Work()

    def enter(self) -> None:
        """Enter the batch, in flight from now on. Raises Busy while another one is being written."""
        document = self.batch.to_document()

        def enter(write: Write) -> None:
            write.store.db[ImportBatch.collection].insert_one(document, session=write.session)
            write.touch(self.community_id)

        try:
            self.store.write(self.actor, enter)
        except Duplicate:
            raise Busy(
                msg("Another import of this community is being written. Nothing was changed; try again in a minute.")
            ) from None
        self.store.reread_pending()

    @classmethod
    def take_over(cls, store: Store, document: Document) -> "Flight | None":
        """Become the owner of a batch whose process is gone; None if somebody else was quicker."""
        batch = _taken(store, {name: document[name] for name in ("_id", "community_id", "owner", "alive_at")})
        return None if batch is None else cls(store, _SYSTEM, batch)

    def within(self, record: type[Record]) -> Document:
        """Leads every filter."""
        return within(record, self.community_id)

    def ledger(self) -> Iterator[list[Document]]:
        """What the batch replaced and took out, in chunks."""
        last = ""
        while True:
            with our_errors(), pymongo.timeout(WRITE_SECONDS):
                entries = list(
                    self.store.db[LEDGER]
                    .find({"community_id": self.community_id, "batch_id": self.id, "_id": {"$gt": last}})
                    .sort("_id", 1)
                    .limit(CHUNK)
                )
            if not entries:
                return
            last = entries[-1]["_id"]
            yield entries

    def hold(self, write: Write, **facts: Any) -> None:
        """Renew the lease inside a transaction, which fails if the batch has another owner by now, and cannot be
        committed beside one that makes it another's: the revision is a change even where the time is the same."""
        held = write.store.db[ImportBatch.collection].update_one(
            {"_id": self.id, "community_id": self.community_id, "running": True, "owner": self.batch.owner},
            {"$set": {"alive_at": write.at, **facts}, "$inc": {"revision": 1}},
            session=write.session,
        )
        if not held.matched_count:
            raise Superseded(_SUPERSEDED)

    def complete(
        self, write_rows: Callable[[], None], operation: str, also: Callable[[Write], None], patience: float
    ) -> ImportBatch:
        """Have the rows written, flip, tidy; roll back if anything goes wrong before the flip is done."""
        try:
            write_rows()
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
        if self.work.changed or self.work.removed:
            time.sleep(patience)  # others may still think that the batch is in flight
        try:
            self.tidy()
        except Trouble as trouble:
            log.warning("import %s is complete, but not tidied yet: %s", self.id, trouble)
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            document = self.store.db[ImportBatch.collection].find_one({"_id": self.id})
        return ImportBatch.from_document(document or self.batch.to_document())

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

    def flip(self, operation: str, also: Callable[[Write], None]) -> None:
        """Make it count, in one transaction."""
        store, cid = self.store, self.community_id
        changed = self.work.presence.changed()
        months = {month for cells in changed.values() for month, _ in cells} - rollups.BESIDE
        periods = {period for month in months for period in (month, rollups.quarter_of(month), month[:4])}
        people = [rollups.Place("residents", "people", period) for period in (*periods, rollups.EVER)]
        people += [rollups.Place("cohorts", "people", month) for month in months]
        people += [rollups.Place("formats", "people", year) for year in {month[:4] for month in months}]
        places = [*rollups.spread(self.work.atoms), *(people if changed else ()), *map(rollups.seen_place, changed)]
        with our_errors(writing=True):
            for start in range(0, len(places), 5000):
                with pymongo.timeout(WRITE_SECONDS):
                    rollups.ensure(store.db, cid, places[start : start + 5000])
        done = self.work
        facts = {"new": done.new, "changed": done.changed, "removed": done.removed, "left": done.left}

        def work(write: Write) -> None:
            self.hold(
                write,
                in_flight=False,
                status=str(BatchStatus.COMMITTED),
                ended_at=write.at,
                updated_at=write.at,
                left_rows=[row.model_dump(mode="json", exclude_none=True) for row in done.left_rows],
                **facts,
            )
            if done.removed:
                hidden = self.batch.model_copy(
                    update={"id": self.out, "kind": BatchKind.REMOVAL, "running": False, "mapping": None}
                )
                write.store.db[ImportBatch.collection].insert_one(hidden.to_document(), session=write.session)
            also(write)
            write.add_counts(cid, self.work.atoms, self.work.presence)
            told = {"source": self.batch.source, "kind": str(self.batch.kind), "of": self.batch.of, **facts}
            write.note(operation, self.record.collection, cid, self.id, told)
            write.touch(cid)  # the rows were written before

        store.write(self.actor, self.hold)  # making counters took its time, and so may the flip
        store.write(self.actor, work, seconds=FLIP_SECONDS)

    def tidy(self) -> None:
        """After the flip: drop old copies and rows taken out. May be repeated."""
        db = self.store.db
        with our_errors(writing=True):
            for entries in self.ledger():
                ids = [entry["record_id"] for entry in entries if entry["kind"] == "replace"]
                with pymongo.timeout(WRITE_SECONDS):
                    db[self.record.collection].update_many(
                        {**self.within(self.record), "_id": {"$in": ids}, "_before.batch_id": self.id},
                        {"$unset": {"_before": ""}},
                        hint="_id_",
                    )
            for record in kinds(self.record):
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
            for entries in self.ledger():
                for collection in {entry["collection"] for entry in entries}:
                    ids = [entry["record_id"] for entry in entries if entry["collection"] == collection]
                    within = self.within(RECORDS[collection])
                    with pymongo.timeout(WRITE_SECONDS):
                        db[collection].update_many(
                            {**within, "_id": {"$in": ids}, "_before.batch_id": self.id},
                            [{"$replaceWith": "$_before.document"}],
                            hint="_id_",
                        )
            for record in kinds(self.record):
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
