"""The rows of a batch, chunk by chunk: nobody sees them before the flip.

Each chunk is a transaction that holds the batch. New rows bear its id. A replaced row gets its new fields and keeps its
old document in ``_before``, which also keeps other writers from it; a copy goes to ``import_changes``, the ledger, for
rollback and undo. A row to be taken out is marked the same way, under the second id. What somebody changed meanwhile,
what others refer to, and what would bear a key in use, is left alone and named.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pymongo
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from repository import rollups
from repository.access import Operation, Refused, in_reach, require
from repository.importer.flight import CHUNK, Document, Flight
from repository.importer.kept import LISTED, BatchKind, LeftAlone, Why
from repository.importer.mapping import unique_fields
from repository.importer.preparing import UNNUMBERED
from repository.maintenance.commands import SERIES
from repository.record import LINE, RECORDS, Record, Ref, field_specs
from repository.store import LEDGER, WRITE_SECONDS, Write, our_errors
from repository.words import Trouble, msg

WIDEST = 20_000  # counter documents in one transaction: 20,000 take a small server some 10 s, 56,000 overrun its cache


class Outdated(Trouble):
    """What the preview showed is no longer so."""


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


@dataclass(frozen=True)
class Replacement:
    """A new document for a record that must still stand at ``revision``."""

    id: str
    revision: int
    document: Document
    as_of: int | None = None
    """The earlier revision that this brings back."""


class Chunks:
    """Writes the rows of one batch."""

    def __init__(self, flight: Flight) -> None:
        self.flight, self.work = flight, flight.work
        self.zone = flight.store.zone(flight.community_id)
        self.cells: set[tuple[str, ...]] = set()  # whose counters the flip will change
        self._given: set[str] = set()  # numbers of work orders

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
        record = record or self.flight.record
        wanted = list(inserts)
        now = self.flight.store.clock()
        for document in wanted:
            document["batch_id"] = self.flight.id
            if not again:
                document |= {"revision": 1, "created_at": now, "updated_at": now}
                document |= {"created_by": self.flight.actor.name, "updated_by": self.flight.actor.name}
        replaces = list(replaces)
        for attempt in range(20):
            self._number([document for document in wanted if document.get("number") == UNNUMBERED], attempt)
            if not (wanted or replaces or removals):
                return
            try:
                before, after, left = self.flight.store.write(
                    self.flight.actor, partial(self._chunk, record, wanted, replaces, removals)
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
            self.work.atoms.update(atoms)
            self.cells.update(atom[:5] for atom in atoms)
            for sign, documents in ((1, (*wanted, *after)), (-1, before)):
                for document in documents:
                    self.work.presence.add(record, document, self.zone, sign)
            if max(len(self.cells), len(self.work.presence.times)) > WIDEST:
                raise TooWide(
                    msg(
                        "These rows touch more counters than one step can change: too many grids, categories and "
                        "months, or too many residents. Nothing was imported. Split the file, for example by year."
                    )
                )
        if record is self.flight.record:
            self.work.new += len(wanted)
        self.work.changed += len(after)
        self.work.removed += len(before) - len(after)
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
        self.flight.hold(write)
        db, session, within = write.store.db, write.session, self.flight.within(record)
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
            stamp: Document = {
                "revision": one.revision + 1,
                "updated_at": write.at,
                "updated_by": self.flight.actor.name,
            }
            new: Document = {**one.document, **kept, **stamp}
            after.append(new)
            operations.append(
                ReplaceOne(
                    {**within, "_id": one.id, "revision": one.revision},
                    {**new, "_before": {"batch_id": self.flight.id, "document": old}},
                    hint="_id_",
                )
            )
            ledger.append(self._entry(record, "replace", old, one.revision + 1, one.as_of))
        out = [id for id, _ in removals if id in there]
        keep = self.flight.batch.kind is BatchKind.IMPORT  # an undo is not undone: its ledger needs only to know them
        ledger += [self._entry(record, "remove", there[id] if keep else {"_id": id}, 0, None) for id in out]
        if ledger:
            db[LEDGER].insert_many(ledger, ordered=False, session=session)
        if operations:
            with _taking():
                db[record.collection].bulk_write(operations, ordered=False, session=session)
        if out:  # the snapshot has their revisions right; whoever changed one since makes this transaction run again
            mark = {"batch_id": self.flight.out, "_before": {"batch_id": self.flight.id, "document": "$$ROOT"}}
            db[record.collection].update_many(
                {**within, "_id": {"$in": out}}, [{"$unset": "_before"}, {"$set": mark}], hint="_id_", session=session
            )
        if inserts:
            with _taking():
                db[record.collection].insert_many(inserts, ordered=False, session=session)
        pairs: list[tuple[Document | None, Document | None]] = [(None, row) for row in inserts]
        pairs += [(there[row["_id"]], row) for row in after] + [(there[id], None) for id in out]
        whole = {
            "collection": self.flight.record.collection,
            "community_id": self.flight.community_id,
            "record_id": self.flight.id,
        }
        for before, now in pairs:
            write.note_row(whole, record, before, now)
        return list(there.values()), after, left

    def _require_reach(self, record: type[Record], documents: Iterable[Document]) -> None:
        """Raise Refused for a row that is not the actor's to change, as it stands or as it would: whatever preview,
        ledger or sheet it comes from."""
        require(self.flight.actor, Operation.IMPORT, record.collection)
        if not all(in_reach(self.flight.actor, record, document) for document in documents):
            raise Refused(msg("A row belongs to a grid that is not in your charge. Nothing was changed."))

    def _is_held(self, document: Document) -> bool:
        before = document.get("_before")
        return before is not None and before["batch_id"] in self.flight.store.pending_batches()

    def _entry(self, record: type[Record], kind: str, before: Document, revision: int, as_of: int | None) -> Document:
        """What the ledger keeps of a row: how it was, and at which revision it is now; ``as_of`` is the earlier
        revision whose content an undo brought back."""
        entry: Document = {
            "_id": f"{self.flight.id}|{before['_id']}",
            "community_id": self.flight.community_id,
            "batch_id": self.flight.id,
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
            first = self.flight.store.next_number(
                self.flight.actor, self.flight.community_id, SERIES, len(orders) * 4**attempt
            )
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
                key = tuple(document.get(name) for name in fields)
                if key[0] is None or key not in taken:
                    free.append(document)
                elif document.get("number") in self._given:
                    document["number"] = UNNUMBERED
                    free.append(document)
                elif record is not self.flight.record:
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
                if key[0] is None or taken.setdefault(key, one.id) == one.id:
                    free.append(one)
                else:
                    self.leave(record, {**one.document, "_id": one.id}, Why.TAKEN)
            kept = free
        return kept

    def _taken_by(
        self, record: type[Record], fields: Sequence[str], documents: Sequence[Document]
    ) -> dict[tuple[Any, ...], str]:
        """Who has the keys that documents bear, or will: key -> id. Without its first field a key binds nobody."""
        bound = [document for document in documents if document.get(fields[0]) is not None]
        filter = {**self.flight.within(record)}
        filter |= {name: {"$in": list({document.get(name) for document in bound})} for name in fields}
        with our_errors(), pymongo.timeout(WRITE_SECONDS):
            found = self.flight.store.db[record.collection].find(filter, dict.fromkeys(fields, 1))
            return {tuple(one.get(name) for name in fields): one["_id"] for one in found}

    def leave(self, record: type[Record], document: Document, why: Why) -> None:
        """Name a row that stays as it is."""
        self.work.left += 1
        if len(self.work.left_rows) < LISTED:
            name = str(document.get(record.name_field) or document["_id"])[:LINE]
            by = document.get("updated_by") if why is Why.EDITED else None
            grid_id = document.get(stored_name(record.grid_field or ""))
            self.work.left_rows.append(LeftAlone(record_id=document["_id"], name=name, why=why, by=by, grid_id=grid_id))

    def take_out(self, record: type[Record], batch_id: str, *, quietly: bool = False) -> None:
        """Mark the rows a batch brought to be taken out, but those edited since or referred to by others."""
        last = ""
        while True:
            with our_errors(), pymongo.timeout(WRITE_SECONDS):
                rows = list(
                    self.flight.store.db[record.collection]
                    .find({**self.flight.within(record), "batch_id": batch_id, "_id": {"$gt": last}})
                    .sort("_id", 1)
                    .limit(CHUNK)
                )
            if not rows:
                return
            last = rows[-1]["_id"]
            same = self._as_of(row for row in rows if row["revision"] != 1)
            used = self._in_use(record, [row["_id"] for row in rows], batch_id)
            removals = []
            for row in rows:
                if row["revision"] != 1 and same.get((row["_id"], row["revision"])) != 1:
                    why = Why.EDITED
                elif row["_id"] in used:
                    why = Why.IN_USE
                elif not in_reach(self.flight.actor, record, row):
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
            found = self.flight.store.db[self.flight.record.collection].find(
                {**self.flight.within(self.flight.record), "_id": {"$in": ids}}
            )
            there = {row["_id"]: row for row in found}
        same = self._as_of(there.values())
        earlier = self._as_of(entry["before"] for entry in entries)
        replaces = []
        for entry in entries:
            row = there.get(entry["record_id"])
            if row is None:
                self.leave(self.flight.record, entry["before"], Why.EDITED)
                continue
            revision = row["revision"]
            if entry["revision"] not in (revision, same.get((row["_id"], revision))):
                self.leave(self.flight.record, row, Why.EDITED)
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
            found = self.flight.store.db[LEDGER].find(
                {"community_id": self.flight.community_id, "record_id": {"$in": ids}, "as_of": {"$exists": True}},
                {"record_id": 1, "revision": 1, "as_of": 1},
            )
            return {(one["record_id"], one["revision"]): one["as_of"] for one in found}

    def _in_use(self, record: type[Record], ids: Sequence[str], batch_id: str) -> set[str]:
        """Those of ``ids`` that rows refer to which are not themselves taken out; that another row of the same batch
        repeats one was found by the import, and goes with it."""
        used: set[str] = set()
        for other in RECORDS.values():
            for spec in field_specs(other).values():
                if isinstance(spec.mark, Ref) and spec.mark.to == record.collection:
                    filter = {
                        "community_id": self.flight.community_id,
                        spec.name: {"$in": [id for id in ids if id not in used]},
                        "batch_id": {"$nin": [self.flight.out, *([batch_id] if spec.name == "repeat_of" else [])]},
                    }
                    with our_errors(), pymongo.timeout(WRITE_SECONDS):
                        groups = self.flight.store.db[other.collection].aggregate(
                            [{"$match": filter}, {"$group": {"_id": f"${spec.name}"}}]
                        )
                        used.update(id for group in groups for id in _each(group["_id"]))
        return used


def _each(value: Any) -> Iterable[str]:
    return value if isinstance(value, list) else (value,)


def stored_name(name: str) -> str:
    """A field as documents call it."""
    return "_id" if name == "id" else name
