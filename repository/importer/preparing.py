"""From rows to what an import would do: every row judged, every problem named by row, column and plain words.

Nothing is written to the database here. What the commit will need lies in two anonymous files on disk, so a preview
of 100,000 rows costs little memory.
"""

import hashlib
import json
import logging
import re
import tempfile
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as Facts
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import IO, Any, Literal
from zoneinfo import ZoneInfo

import bson
import pymongo
from bson import CodecOptions, ObjectId
from pydantic import ValidationError

from repository import hazards, requests
from repository.access import Actor, Eyes, Operation, in_reach, reach, require, scope
from repository.activities import Activity, Attendance, resident_code
from repository.due import put_off
from repository.entries import GATED, EntryKind, EntryLog, EntryRules, Gate
from repository.facilities import Category, Control
from repository.filters import Is
from repository.grids import Community, RequestDeadline
from repository.hazards import Hazard
from repository.importer.mapping import (
    ID,
    Column,
    DayRead,
    Mapping,
    Reader,
    References,
    Target,
    Translate,
    Unreadable,
    fields_of,
    reader,
    unique_fields,
)
from repository.importer.sheets import WITHIN, Row, Sheet, write_csv
from repository.maintenance import OPEN, REPEAT_DAYS, Outcome, Repairs, Status, WorkOrder, may_repeat
from repository.numbers import identities_in, masked
from repository.record import LINE, RECORDS, SYSTEM_FIELDS, Flag, Part, Precision, field_specs, folded, sentences
from repository.requests import Request
from repository.store import ERASED, Invalid, Store, invalid, our_errors
from repository.words import Message, msg

log = logging.getLogger("gridboard.importer")

Document = dict[str, Any]
Level = Literal["rejected", "flagged", "note"]
CHUNK = 1000
SECONDS = 30.0  # for one look-up of a chunk's keys, or of all names of a collection
SHOWN = 1000  # problems and changes kept at hand; all of them are in the files
_CODEC: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row: ``row`` as a spreadsheet shows it, ``column`` its header ("" for the whole row),
    ``field`` the record's field, ``text`` what stands there."""

    row: int
    column: str
    field: str
    text: str
    level: Level
    message: Message


@dataclass(frozen=True)
class Change:
    """One field of a record that the sheet would change. ``by`` and ``at``: who last changed the record, and when."""

    row: int
    name: str
    field: str
    before: Any
    after: Any
    by: str | None
    at: datetime | None


@dataclass
class Counts:
    """Rows of the sheet. ``rows`` = new + changed + unchanged + rejected; flagged ones are among new and changed.
    ``removed``: records of an earlier import of this file that the new one replaces; ``made``: grids or people made
    because a row names them."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    flagged: int = 0
    rejected: int = 0
    removed: int = 0
    made: int = 0


@dataclass(frozen=True)
class Earlier:
    """A batch that stands in the community."""

    id: str
    source: str
    at: datetime
    by: str
    rows: int


class Spool:
    """Documents on disk, written once and read as often as needed, also by several at once."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="gridboard-")  # noqa: SIM115 (lives as long as we do)
        self._using = threading.Lock()
        self.n = 0

    def add(self, document: Document) -> None:
        """Append one document."""
        with self._using:
            self._file.write(bson.encode(document))
            self.n += 1

    def __iter__(self) -> Iterator[Document]:
        at = 0
        part: list[Document] = [{}]
        while part:
            with self._using:  # the file has one place; each reader keeps its own
                self._file.seek(at)
                part = list(islice(bson.decode_file_iter(self._file, _CODEC), 100))
                at = self._file.tell()
                self._file.seek(0, 2)
            yield from part


@dataclass
class Preview:
    """What an import would do. ``commit`` does it; dropping the preview cancels it.

    ``same`` is the batch that brought this very content before; ``replaces`` the batch of the same file that this one
    takes the place of (only where no key tells its rows apart).
    """

    community_id: str
    mapping: Mapping
    source: str
    columns: tuple[str, ...]
    zone: ZoneInfo
    """Whose clock the sheet's moments were read on."""
    eyes: Eyes
    """For whom the rows were judged: what they may see and change."""
    fingerprint: str = ""
    counts: Counts = field(default_factory=Counts)
    problems: list[Problem] = field(default_factory=list)
    """The first ones; ``all_problems`` gives every one."""
    kinds: Counter[tuple[Level, str, str]] = field(default_factory=Counter)
    """How often each problem was met, by level, column and text."""
    changes: list[Change] = field(default_factory=list)
    made: dict[str, list[str]] = field(default_factory=dict)
    """collection -> names of what is made because rows name it"""
    same: Earlier | None = None
    replaces: Earlier | None = None
    plan: Spool = field(default_factory=Spool)
    """{"make": collection, "doc"} · {"new": doc} · {"id", "revision", "doc"}"""
    _trouble: Spool = field(default_factory=Spool)

    @property
    def does_nothing(self) -> bool:
        """Nothing would be written."""
        return not (self.counts.new or self.counts.changed or self.counts.removed)

    def note(self, problem: Problem) -> None:
        """Keep one problem."""
        self.kinds[problem.level, problem.column, problem.message.text] += 1
        if len(self.problems) < SHOWN:
            self.problems.append(problem)
        self._trouble.add(
            {
                "row": problem.row,
                "column": problem.column,
                "field": problem.field,
                "text": problem.text,
                "level": problem.level,
                "message": _pack(problem.message),
            }
        )

    def reject(self, row: Row, problems: Sequence[Problem]) -> None:
        """Keep a row that stays out, with the reasons."""
        self.counts.rejected += 1
        for problem in problems:
            self.note(problem)
        self._trouble.add({"cells": [_shown(cell) for cell in row.cells], "row": row.number})

    def all_problems(self) -> Iterator[Problem]:
        """Every problem, by row."""
        for kept in self._trouble:
            if "cells" not in kept:
                yield Problem(**{**kept, "message": _unpack(kept["message"])})

    def write_rejected(self, file: IO[bytes], translate: Translate) -> int:
        """The rejected rows as CSV: the sheet's own columns, then row number and reasons; returns how many."""
        heading = [*self.columns, translate(msg("Row")), translate(msg("Why it stayed out"))]
        written = 0

        def rows() -> Iterator[list[str]]:
            nonlocal written
            reasons: list[str] = []
            for kept in self._trouble:
                if "cells" in kept:
                    yield [*kept["cells"], kept["row"], "; ".join(reasons)]
                    written += 1
                    reasons = []
                elif kept["level"] == "rejected":
                    said = _unpack(kept["message"]).say(translate)
                    reasons.append(f"{kept['column']}: {said}" if kept["column"] else said)

        write_csv(file, heading, rows())
        return written


def _pack(message: Message) -> str:
    def plain(value: Any) -> Any:
        return {"text": value.text, "params": value.params} if isinstance(value, Message) else str(value)

    return json.dumps({"text": message.text, "params": message.params}, default=plain)


def _unpack(packed: str) -> Message:
    def made(found: dict[str, Any]) -> Any:
        return Message(found["text"], found["params"]) if found.keys() == {"text", "params"} else found

    message = json.loads(packed, object_hook=made)
    return message if isinstance(message, Message) else Message(str(message))


def _plain(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else str(cell).strip()


def _shown(cell: Any) -> str:
    return "" if cell is None else str(cell)[:10_000]


# --- what a record class adds to what a sheet says -------------------------------------------------------------------
@dataclass
class Draft:
    """One row on its way: ``given`` are the values the sheet has for it (None: empty), ``problems`` what hindered."""

    row: Row
    given: dict[str, Any]
    problems: list[Problem]


def complete_work_order(values: dict[str, Any], given: Facts[str, Any]) -> Iterator[tuple[str, str]]:
    """Make status, outcome and end agree; yields (field, note) for what had to give way.

    No status but an end or an outcome: it is closed. An end without a known time stays unknown: such an order is
    neither open nor in any duration.
    """
    if given.get("status") is None and (given.get("ended_at") or given.get("outcome")):
        values["status"] = Status.CLOSED
    status = Status(values.get("status") or Status.REPORTED)
    if status in OPEN:
        if values.get("outcome") is not None:
            values["outcome"] = None
            yield "outcome", msg("It is open, so its outcome was left out")
        if values.get("ended_at") is not None:
            values["ended_at"] = None
            yield "ended_at", msg("It is open, so its end was left out")
        return
    if values.get("outcome") is None:
        values["outcome"] = Outcome.REJECTED if status is Status.REJECTED else Outcome.COMPLETED
    if values.get("ended_at") is None:
        yield "ended_at", msg("It is over, but nobody noted when: it is left out of all durations")


def complete_request(
    values: dict[str, Any], given: Facts[str, Any], zone: ZoneInfo, own: Sequence[RequestDeadline]
) -> Iterator[tuple[str, str]]:
    """Make status and end agree, and add what the desk would have: the topic that its words point to, the deadline of
    its urgency. Where hours count and the sheet has but the day, it has none. Yields (field, note) for what had to give
    way."""
    told = {name for name in ("called_on", "satisfaction", "solved", "ended_at") if given.get(name) is not None}
    is_open = requests.Status(values.get("status") or requests.Status.RECEIVED) in requests.OPEN
    if given.get("status") is None and told and is_open:
        values["status"], is_open = requests.Status.CLOSED if told - {"ended_at"} else requests.Status.RESOLVED, False
    if is_open and values.get("ended_at") is not None:
        values["ended_at"] = None
        yield "ended_at", msg("It is open, so its end was left out")
    elif not is_open and values.get("ended_at") is None:
        yield "ended_at", msg("It is over, but nobody noted when: it is left out of all durations")
    text, received = values.get("text"), values.get("received_at")
    if values.get("category") is None and text:
        values["category"] = str(requests.topic_of(requests.words_of(text, values.get("place"))))
    if values.get("deadline_at") is None and isinstance(received, datetime):
        urgency = requests.Urgency(values.get("urgency") or requests.Urgency.ORDINARY)
        if urgency not in requests.BY_THE_CLOCK or received.astimezone(zone).time() != time():
            values["deadline_at"] = requests.deadline(urgency, received, zone, own)


# --- the judge -------------------------------------------------------------------------------------------------------
def prepare(
    store: Store,
    actor: Actor,
    community_id: str,
    sheet: Sheet,
    mapping: Mapping,
    *,
    languages: Sequence[Translate],
    earlier: Sequence[tuple[Earlier, str, int]] = (),
    progress: Callable[[int], None] | None = None,
) -> Preview:
    """Judge every row of ``sheet``. Writes nothing.

    ``earlier`` are the standing batches of this kind of record, newest first, with fingerprint and number of rejected
    rows. Raises BadSheet, BadMapping, Refused, Unavailable.
    """
    require(actor, Operation.IMPORT, mapping.record)
    require(actor, Operation.READ, mapping.record)
    reach(actor, community_id)
    for name in mapping.create_missing:
        require(actor, Operation.IMPORT, fields_of(mapping.kind)[name].spec.mark.to)  # type: ignore[attr-defined]
    mapping.require(sheet)
    return _Judge(store, actor, community_id, sheet, mapping, languages).run(earlier, progress)


class _Judge:
    def __init__(
        self,
        store: Store,
        actor: Actor,
        community_id: str,
        sheet: Sheet,
        mapping: Mapping,
        languages: Sequence[Translate],
    ) -> None:
        self.store, self.actor, self.community_id = store, actor, community_id
        self.sheet, self.mapping, self.record = sheet, mapping, mapping.kind
        self.own = self.record.collection == "communities"  # a community is its own community
        zone = ZoneInfo(mapping.zone) if mapping.zone else store.zone(community_id)
        self.preview = Preview(community_id, mapping, sheet.source[:LINE], sheet.columns, zone, actor.eyes)
        self.references = References(self._names)
        self.activities: dict[str, Document] = {}
        self.targets: dict[str, Target] = {}
        self.readers: list[tuple[str, Column, Callable[[Row], Any], Reader, dict[str, Any]]] = []
        for name, column in mapping.columns.items():
            if name == ID:
                self.readers.append((ID, column, self._cells(column), str, {}))
                continue
            target = self.targets[name] = fields_of(self.record)[name]
            read = reader(
                target,
                column,
                zone=zone,
                languages=languages,
                references=self.references,
                new_id=_new_id if name in mapping.create_missing else None,
                epoch=sheet.epoch,
            )
            if self.record.trace is not None and name == self.record.trace.field and not self.record.trace.of:
                read = _as_code(read)
            self.readers.append((name, column, self._cells(column), read, {}))
        self.missing = {text.strip() for text in mapping.missing}
        self.headers = {name: ", ".join(column.headers) for name, column in mapping.columns.items()}
        self.keys = mapping.keys
        self.first: dict[tuple[Any, ...], tuple[int, bytes]] = {}
        self.before: list[str] = []
        """The standing imports of this very sheet."""
        self.unnumbered: dict[Any, list[Document]] = {}
        """What they brought, by the moment it was reported, as far as no row without a number was found to be it."""
        self.recognised: set[str] = set()
        self.given: dict[tuple[Any, ...], str] = {}  # a key that a changed record gets -> its id
        self.clearable = {
            name
            for name, info in self.record.model_fields.items()
            if not info.is_required() and info.default_factory is None and info.default is None
        }
        filled = {"number", "held_on", "format"} if self.record in (WorkOrder, Attendance) else set()
        self.required = {name for name, target in self.targets.items() if target.spec.required} - filled
        self.digest = hashlib.sha256(mapping.model_dump_json().encode())
        self.used: set[str] = set()
        self.gates: dict[str, Gate] = {}
        self.no_gates: set[str] = set()
        """Facilities that nothing comes in through."""
        self.people_only: dict[str, bool] = {}
        """Gates to be made, and whether only people came through them."""
        self.now = store.clock()
        self.repairs = Repairs()
        self.changed: set[str] = set()
        """Work orders that the sheet changes."""
        self.told: dict[str, tuple[datetime, datetime]] = {}
        """Facilities of which the sheet brings new reports: the first and the last."""
        if self.record in (EntryLog, Request):
            kept = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
            self.home_zone = store.zone(community_id)
            self.deadlines = kept[0].request_deadlines if kept else ()
            self.entry_rules = EntryRules.of(kept[0] if kept else None, self.home_zone)
            self.today = self.now.astimezone(self.home_zone).date()

    # --- one sheet
    def run(self, earlier: Sequence[tuple[Earlier, str, int]], progress: Callable[[int], None] | None) -> Preview:
        preview, counts = self.preview, self.preview.counts
        self.before = [batch.id for batch in versions(earlier, preview.source)]
        rows = self.sheet.rows()
        while chunk := list(islice(rows, CHUNK)):
            counts.rows += len(chunk)
            drafts = [self.draft(row) for row in chunk]
            existing = self.existing(drafts)
            self.find_unnumbered(drafts)
            self.refuse_erased(drafts)
            for draft in drafts:
                self.judge(draft, existing)
            if progress:
                progress(counts.rows)
        preview.fingerprint = self.digest.hexdigest()
        made = [
            (collection, id, text)
            for collection, by_text in self.references.made.items()
            for id, text in by_text.values()
            if id in self.used
        ]
        for collection, id, text in made:
            preview.made.setdefault(collection, []).append(text)
            values: Document = {"id": id, "community_id": self.community_id, "name": text}
            if collection != "people":
                values["code"] = text
            if collection == "facilities":
                values["category"] = Category.PERSONNEL if self.people_only.get(id) else Category.VEHICLE
            preview.plan.add({"make": collection, "doc": RECORDS[collection].model_validate(values).to_document()})
        counts.made = len(made)
        self.compare(earlier)
        self.mark_repeats()
        return preview

    def compare(self, earlier: Sequence[tuple[Earlier, str, int]]) -> None:
        """The same content again changes nothing; without a key, the file's earlier import gives way as a whole.

        With a key, content that came before the last import may be brought again: its rows tell what differs.
        """
        preview, counts = self.preview, self.preview.counts
        for batch, fingerprint, rejected in earlier[:1] if self.keys else earlier:
            if fingerprint == preview.fingerprint:
                preview.same = batch
                if rejected == counts.rejected:
                    counts.unchanged += counts.new + counts.changed
                    counts.new = counts.changed = counts.flagged = counts.made = 0
                    preview.plan, preview.changes, preview.made = Spool(), [], {}
                    return
                break
        if not self.keys:
            preview.replaces = next(versions(earlier, preview.source), None)
            counts.removed = preview.replaces.rows if preview.replaces else 0

    def mark_repeats(self) -> None:
        """New orders that report again what had been mended shortly before, in this sheet or here, say so."""
        if not self.told or not self.preview.plan.n:
            return
        window = timedelta(days=REPEAT_DAYS)
        first, last = min(at for at, _ in self.told.values()), max(at for _, at in self.told.values())
        places = sorted(self.told)
        fields = dict.fromkeys(("facility_id", "fault", "outcome", "ended_at"), 1)
        for begin in range(0, len(places), CHUNK):
            where = {
                "community_id": self.community_id,
                "facility_id": Is(among=places[begin : begin + CHUNK]),
                "outcome": Outcome.COMPLETED.value,
                "ended_at": Is(gte=first - window, lte=last),
            }
            with our_errors(), pymongo.timeout(SECONDS):
                for document in self.store.documents(WorkOrder, where, projection=fields):
                    if document["_id"] not in self.changed:
                        self.repairs.add(document)
        marked = Spool()
        for entry in self.preview.plan:
            if (new := entry.get("new")) and (earlier := self.repairs.before(new)):
                new["repeat_of"] = earlier
            marked.add(entry)
        self.preview.plan = marked

    def _note_order(self, document: Document, *, new: bool) -> None:
        self.repairs.add(document)
        if not new:
            self.changed.add(document["_id"])
        elif may_repeat(document):
            at = document["reported_at"]
            first, last = self.told.get(document["facility_id"], (at, at))
            self.told[document["facility_id"]] = min(first, at), max(last, at)

    # --- one row
    def _cells(self, column: Column) -> Callable[[Row], Any]:
        if column.constant is not None:
            constant = column.constant
            return lambda _row: constant
        places = [self.sheet.columns.index(header) for header in column.headers]
        if column.header is not None:
            (place,) = places
            return lambda row: row.cells[place]
        parts = re.split(r"\{[^{}]+\}", column.template or "")

        def filled(row: Row) -> Any:
            texts = [_plain(row.cells[place]) for place in places]
            if any(not text for text in texts):
                return None
            return "".join(part + text for part, text in zip(parts, [*texts, ""], strict=True))

        return filled

    def draft(self, row: Row) -> Draft:
        """Read the mapped cells of a row."""
        self.digest.update(repr(row.cells).encode("utf-8", "replace"))
        given: dict[str, Any] = {}
        draft = Draft(row, given, [])
        if row.surplus:
            draft.problems.append(self.problem(row, "", msg("There are values to the right of the last header"), {}))
        for name, column, cell_of, read, known in self.readers:
            cell = cell_of(row)
            if isinstance(cell, str):
                text = cell.strip()
                if not text or text in self.missing:
                    given[name] = None
                    continue
                if text in known:
                    found = known[text]
                else:
                    found = self._value(column, read, text)
                    if len(known) < 50_000:
                        known[text] = found
            elif cell is None:
                given[name] = None
                continue
            else:
                found = self._value(column, read, cell)
            if isinstance(found, Unreadable):
                draft.problems.append(self.problem(row, name, found.message.text, found.message.params, cell))
            else:
                given[name] = found
        return draft

    @staticmethod
    def _value(column: Column, read: Reader, cell: Any) -> Any:
        if column.values:
            text = _plain(cell)
            for spelling in (text, folded(text)):
                found = column.values.get(spelling, ...)
                if found is ... and spelling != text:
                    found = next((to for word, to in column.values.items() if folded(word) == spelling), ...)
                if found is None:
                    return None
                if found is not ...:
                    cell = found
                    break
        try:
            return read(cell)
        except Unreadable as unreadable:
            return unreadable
        except (ArithmeticError, ValueError, re.error) as error:  # no cell breaks off the import of all others
            log.info("a cell could not be read: %r", error)
            return Unreadable(msg("This cannot be read"))

    def problem(
        self,
        row: Row,
        field: str,
        text: str,
        facts: Facts[str, Any],
        cell: Any = None,
        level: Level = "rejected",
    ) -> Problem:
        column = self.headers.get(field, "")
        if cell is None and (of := self.mapping.columns.get(field)) is not None and of.headers:
            cell = row.cells[self.sheet.columns.index(of.headers[0])]
        return Problem(row.number, column, field, _shown(cell)[:120], level, Message(text, dict(facts)))

    # --- finding what is there
    def existing(self, drafts: Iterable[Draft]) -> dict[tuple[Any, ...], list[Document]]:
        """The records that the rows of a chunk may mean, by key."""
        if not self.keys:
            return {}
        wanted: dict[str, set[Any]] = {name: set() for name in self.keys}
        for draft in drafts:
            self._settle(draft)
            for name, values in wanted.items():
                values.add(_stored(draft.given.get(name)))
        filter: Document = {} if self.own else {"community_id": self.community_id}
        for name, values in wanted.items():
            given = list(values - {None})
            # nobody's name on it, or forgotten since: met again by gate and moment alone
            filter["_id" if name == ID else name] = Is(among=[*given, None] if name == "who" else given)
        found: dict[tuple[Any, ...], list[Document]] = {}
        with our_errors(), pymongo.timeout(SECONDS):
            documents = list(self.store.documents(self.record, filter))
        for document in documents:
            key = tuple(document.get("_id" if name == ID else name) for name in self.keys)
            found.setdefault(key, []).append(document)
        return found

    def refuse_erased(self, drafts: Iterable[Draft]) -> None:
        """Rows with the code of a resident who was erased are kept out."""
        trace = self.record.trace
        if trace is None or trace.of:
            return
        coded = [(draft, code) for draft in drafts if isinstance(code := draft.given.get(trace.field), str)]
        erased = self.store.erased(self.community_id, sorted({code for _draft, code in coded}))
        for draft, code in coded:
            if code in erased:
                draft.problems.append(self.problem(draft.row, trace.field, ERASED, {}))

    def find_unnumbered(self, drafts: Iterable[Draft]) -> None:
        """The orders that rows without a number may have become when this sheet came in before."""
        if self.record is not WorkOrder or self.keys != ("number",) or not self.before:
            return
        moments = {_stored(draft.given.get("reported_at")) for draft in drafts if draft.given.get("number") is None}
        filter = {
            "community_id": self.community_id,
            "batch_id": Is(among=self.before),
            "reported_at": Is(among=list(moments - {None})),
        }
        with our_errors(), pymongo.timeout(SECONDS):
            found = list(self.store.documents(self.record, filter)) if moments - {None} else []
        self.unnumbered = {}
        for document in found:
            if document["_id"] not in self.recognised and in_reach(self.actor, self.record, document):
                self.unnumbered.setdefault(document["reported_at"], []).append(document)

    def _is_there(self, draft: Draft, built: Document) -> bool:
        """Whether a row without a number is an order that this sheet brought before, and that still says the same."""
        whole = {name.split(".")[0] for name in draft.given} - {"number", ID}
        candidates = self.unnumbered.get(built.get("reported_at"), [])
        for document in candidates:
            if all(built.get(name) == document.get(name) for name in whole):
                candidates.remove(document)
                self.recognised.add(document["_id"])
                return True
        return False

    def _names(self, collection: str) -> Iterator[tuple[str, Iterable[str]]]:
        """Id and names of every record of a collection that a row may name. Grids are found out of reach too: "not in
        your charge" tells more than "unknown"."""
        record = RECORDS[collection]
        names = [name for name in ("code", "number", "name") if name in record.model_fields]
        project = dict.fromkeys(
            [*names, "held_on", "format", "level", "grid_id", "category", "details.control", "batch_id", "_before"], 1
        )
        everywhere = {"community_id": self.community_id}
        within = everywhere if collection == "grids" else scope(self.actor, record, self.community_id)
        with our_errors(), pymongo.timeout(SECONDS):
            documents = list(self.store.documents(record, within, projection=project))
        for document in documents:
            if record is Activity:
                self.activities[document["_id"]] = document
            if self.record is EntryLog and collection == "facilities":
                control = (document.get("details") or {}).get("control")
                self.gates[document["_id"]] = Gate(document.get("grid_id"), Control(control) if control else None)
                if document["category"] not in GATED:
                    self.no_gates.add(document["_id"])
            yield document["_id"], [document[name] for name in names if document.get(name)]

    def _settle(self, draft: Draft) -> None:
        """Choose among several records of one name: an attendance's activity by its day."""
        for name, value in draft.given.items():
            if not isinstance(value, frozenset):
                continue
            held = draft.given.get("held_on")
            if isinstance(held, DayRead):
                of_day = [id for id in value if self.activities.get(id, {}).get("held_on") == _stored(held.day)]
                if len(of_day) == 1:
                    draft.given[name] = of_day[0]
                    continue
            draft.given[name] = None
            draft.problems.append(
                self.problem(draft.row, name, msg("Several records are called this; name one by its code or id"), {})
            )

    # --- the verdict
    def judge(self, draft: Draft, existing: Facts[tuple[Any, ...], list[Document]]) -> None:
        """New, changed, unchanged or rejected; the good ones go to the plan."""
        counts = self.preview.counts
        if not self.keys:
            self._settle(draft)
        key = tuple(_stored(draft.given.get(name)) for name in self.keys)
        if self.keys and not draft.problems and self._is_repeat(draft, key):
            return
        there = existing.get(key, []) if self.keys and None not in key else []
        if self.record is EntryLog and not draft.problems and self._came_before(key, existing):
            counts.unchanged += 1
            return
        if len(there) > 1:
            draft.problems.append(self.problem(draft.row, self.keys[0], msg("Several records have this key"), {}))
        may_be_empty = {WorkOrder: "number", EntryLog: "who"}.get(self.record)  # an order without a number gets one
        lacking = [name for name, part in zip(self.keys, key, strict=True) if part is None and name != may_be_empty]
        if lacking:
            empty = lacking[0]
            if empty not in {problem.field for problem in draft.problems}:
                draft.problems.append(self.problem(draft.row, empty, msg("Please fill this in"), {}))
        elif self.keys == (ID,) and not there:
            draft.problems.append(self.problem(draft.row, ID, msg("No record has this id"), {}))
        if draft.problems:
            known = {problem.field for problem in draft.problems}
            for name in self.required - known if not there else ():
                if draft.given.get(name) is None:
                    draft.problems.append(self.problem(draft.row, name, msg("Please fill this in"), {}))
            self.preview.reject(draft.row, draft.problems)
            return
        if there:
            if in_reach(self.actor, self.record, there[0]):
                self._change(draft, there[0])
            else:  # whether it holds the same is nobody's to find out by trying
                self.preview.reject(draft.row, [self._elsewhere(draft.row, there[0])])
        else:
            built = self._built(draft, None)
            if built is None:
                return
            keyless = self.record is WorkOrder and None in key
            if keyless and self._is_there(draft, built[0]):
                counts.unchanged += 1
                return
            counts.new += 1
            doubt = msg("It has no number, and this sheet came in before: it may be there already")
            self._accept(draft.row, *built, [("number", doubt)] if keyless and self.before else [])
            self.preview.plan.add({"new": built[0]})
            if self.record is WorkOrder:
                self._note_order(built[0], new=True)

    def _came_before(self, key: tuple[Any, ...], existing: Facts[tuple[Any, ...], list[Document]]) -> bool:
        """Whether an entry at this gate and moment is there whose "who" no sheet can match any more: it was erased, or
        neither of the two says it."""
        if "who" not in self.keys:
            return False
        place = self.keys.index("who")
        unnamed = existing.get((*key[:place], None, *key[place + 1 :]), [])
        return bool(unnamed) and (key[place] is None or any(one.get("forgotten") for one in unnamed))

    def _is_repeat(self, draft: Draft, key: tuple[Any, ...]) -> bool:
        """A key met before in this file: the same content is passed over, other content rejected."""
        if None in key:
            return False
        digest = hashlib.blake2b(repr(draft.given).encode("utf-8", "replace"), digest_size=16).digest()
        first, same = self.first.setdefault(key, (draft.row.number, digest))
        if first == draft.row.number:
            return False
        if same == digest:
            self.preview.counts.unchanged += 1
            text = msg("The same as row {first}; it was taken once")
            self.preview.note(self.problem(draft.row, self.keys[0], text, {"first": first}, level="note"))
        else:
            text = msg("Row {first} has the same key but other values")
            self.preview.reject(draft.row, [self.problem(draft.row, self.keys[0], text, {"first": first})])
        return True

    def _change(self, draft: Draft, document: Document) -> None:
        for name in self.record.masked & draft.given.keys():
            stood = document.get(name)
            if isinstance(stood, str) and draft.given[name] == masked(stood):
                draft.given[name] = stood  # as a sheet of ours told it: nothing was changed
        if all(self._holds(document, name, value) for name, value in draft.given.items()):
            self.preview.counts.unchanged += 1
            return
        built = self._built(draft, document)
        if built is None:
            return
        changed, notes = built
        names = {
            name
            for name in changed.keys() | document.keys()
            if name.removeprefix("_") not in SYSTEM_FIELDS and changed.get(name) != document.get(name)
        }
        if not names:
            self.preview.counts.unchanged += 1
            return
        if problems := list(self._taken(draft.row, changed, names)):
            self.preview.reject(draft.row, problems)
            return
        self.preview.counts.changed += 1
        self._accept(draft.row, changed, notes)
        for name in sorted(names):
            if len(self.preview.changes) < SHOWN:
                self.preview.changes.append(
                    Change(
                        draft.row.number,
                        str(document.get(self.record.name_field, "")),
                        name,
                        self._shown(name, document),
                        self._shown(name, changed),
                        document.get("updated_by"),
                        document.get("updated_at"),
                    )
                )
        changed = self._on_record(document, changed)
        self.preview.plan.add({"id": document["_id"], "revision": document["revision"], "doc": changed})
        if self.record is WorkOrder:
            self._note_order(changed, new=False)

    def _on_record(self, before: Document, changed: Document) -> Document:
        """Of what was promised, what a sheet puts off is on record as what a person puts off; the file is the
        reason."""
        if self.record is Hazard:
            was, now = Hazard.from_document(before), Hazard.from_document(changed)
            told = hazards.on_record(was, now, self.now, self.actor, self.sheet.source[:LINE])
            return now.model_copy(update=told).to_document()
        if self.record is WorkOrder and before["status"] in OPEN and before.get("due_at") != changed.get("due_at"):
            stood, stands = WorkOrder.from_document(before), WorkOrder.from_document(changed)
            return stands.model_copy(
                update=put_off(stood.postponements, stood.due_at, stands.due_at, self.now)
            ).to_document()
        return changed

    def _shown(self, name: str, document: Document) -> Any:
        """A field as whoever imports may see it."""
        value = document.get(name)
        if name in self.record.personal:
            return "…"
        return masked(value) if name in self.record.masked and isinstance(value, str) else value

    def _taken(self, row: Row, changed: Document, names: Iterable[str]) -> Iterator[Problem]:
        """Where a record's new code, or the like, is another's, or another row of this sheet gives it to another."""
        for fields in unique_fields(self.record):
            if not set(fields) & set(names) or changed.get(fields[0]) is None:
                continue
            key = {name: changed.get(name) for name in fields}
            within: Document = {} if self.own else {"community_id": self.community_id}
            with our_errors(), pymongo.timeout(SECONDS):
                found = self.store.documents(self.record, {**within, **key}, projection={"_id": 1})
                others = [one["_id"] for one in found if one["_id"] != changed["_id"]]
            if others or self.given.setdefault((fields, *key.values()), changed["_id"]) != changed["_id"]:
                yield self.problem(row, fields[-1], msg("Another record has this already"), {})

    def _holds(self, document: Document, name: str, value: Any) -> bool:
        """Whether the record says what the sheet says of one field."""
        if name == ID:
            return True
        if isinstance(value, DayRead):
            precision = self.targets[name].precision
            if precision and document.get(precision, Precision.DAY) != value.precision:
                return False
            value = value.day
        if "." in name:
            whole, piece = name.split(".")
            return bool((document.get(whole) or {}).get(piece) == _stored(value))
        if value is None:
            return document.get(name) is None or name not in self.clearable
        return bool(document.get(name) == _stored(value))

    def _built(self, draft: Draft, document: Document | None) -> tuple[Document, list[tuple[str, str]]] | None:
        """The document a row becomes, on top of what stands there, with notes by field; None if it was rejected."""
        row, given = draft.row, draft.given
        if document is None:
            id = _new_id()
            values: Document = {"id": id, "community_id": id if self.own else self.community_id}
        else:
            values = {("id" if name == "_id" else name): value for name, value in document.items()}
            values.pop("flags", None)
        parts: dict[str, dict[str, Any]] = {}
        for name, value in given.items():
            if name == ID:
                continue
            if "." in name:
                whole, piece = name.split(".")
                parts.setdefault(whole, {})[piece] = value
            elif isinstance(value, DayRead):
                values[name] = value.day
                if precision := self.targets[name].precision:
                    values[precision] = value.precision
            elif value is not None:
                values[name] = value
            elif name in self.clearable:
                values.pop(name, None)
        problems = [
            self.problem(row, f"{whole}.{piece}", text, facts)
            for whole, pieces in parts.items()
            for piece, text, facts in self._fit(whole, pieces, values)
        ]
        notes = self._complete(values, given)
        said = msg("An identity number in it is left out: none is kept")
        for name in sentences(self.record).keys() & given.keys() - self.record.personal:
            if isinstance(given[name], str) and identities_in(given[name]):
                notes.append((name, said))
        if not in_reach(self.actor, self.record, {**values, "_id": values["id"]}):
            problems.append(self._elsewhere(row, values))
        if self.record is EntryLog and values.get("gate_id") in self.no_gates:
            no_gate = msg("Nothing comes in through this: choose a gate or a door.")
            problems.append(self.problem(row, "gate_id", no_gate, {}))
        built = None
        if not problems:
            try:
                built = self.record.model_validate(values)
            except ValidationError as error:
                for path, message in invalid(error).problems.items():
                    problems.append(self.problem(row, self._field_of(path), message.text, message.params))
            else:
                problems += [
                    self.problem(row, name, msg("This lies in the future"), {}) for name in built.ahead(self.now)
                ]
        if built is None or problems:
            self.preview.reject(row, problems)
            return None
        if isinstance(built, EntryLog):
            built = self._settled(built, notes)
        return built.to_document(), notes

    def _settled(self, entry: EntryLog, notes: list[tuple[str, str]]) -> EntryLog:
        """An entry with what follows from it. One of a day before, whose exit is not noted, is not still inside; and
        whose time is over does not bring in who it was."""
        changes: Document = {}
        age = (self.today - entry.entered_at.astimezone(self.entry_rules.zone).date()).days
        if entry.left_at is None and not entry.exit_unknown and age > 0:
            changes["exit_unknown"] = True
        if entry.who and age > self.entry_rules.days:
            changes |= {"who": None, "forgotten": True, "noted": True}
            notes.append(("who", msg("Older than such names are kept here: the entry comes in without it")))
        if entry.gate_id not in self.gates:
            alone = self.people_only.get(entry.gate_id, True)
            self.people_only[entry.gate_id] = alone and entry.kind is EntryKind.PERSON
        gate = self.gates.get(entry.gate_id) if entry.control is None else None
        return self.entry_rules.settle(entry.model_copy(update=changes), gate)

    def _accept(
        self, row: Row, made: Document, notes: Sequence[tuple[str, str]], doubts: Sequence[tuple[str, str]] = ()
    ) -> None:
        """A row comes in: with its notes, its flags and other doubts, and the references made for it."""
        for name, text in notes:
            self.preview.note(self.problem(row, name, text, {}, level="note"))
        doubts = [*doubts, *((self._doubted(flag, made), Flag(flag).label) for flag in made["flags"])]
        self.preview.counts.flagged += bool(doubts)
        for name, text in doubts:
            self.preview.note(self.problem(row, name, text, {}, level="flagged"))
        for reference in self.mapping.create_missing:
            if id := made.get(reference):
                self.used.add(id)

    def _fit(self, whole: str, pieces: dict[str, Any], values: Document) -> Iterator[tuple[str, str, Facts[str, Any]]]:
        """Put the pieces of an embedded value together; yields what does not belong there."""
        filled = {piece: value for piece, value in pieces.items() if value is not None}
        shapes: tuple[type[Part], ...] = field_specs(self.record)[whole].parts
        before = values.get(whole) or {}
        if not filled and not before:
            return
        kept = {piece: value for piece, value in before.items() if piece not in pieces}
        if len(shapes) > 1:
            category = values.get("category")
            shape = next((each for each in shapes if each.model_fields["category"].default == category), None)
            if shape is None:
                return  # the category itself is wrong or missing, and says so
            for piece in filled.keys() - shape.model_fields.keys():
                yield piece, msg("Does not belong to this category"), {}
            if before.get("category") != category:
                kept = {}
            kept["category"] = category
        values[whole] = kept | filled

    def _complete(self, values: Document, given: Facts[str, Any]) -> list[tuple[str, str]]:
        """What the record's kind adds to a row; returns notes by field."""
        if self.record is WorkOrder:
            if not values.get("number"):
                values["number"] = UNNUMBERED
            return list(complete_work_order(values, given))
        if self.record is Request:
            return list(complete_request(values, given, self.home_zone, self.deadlines))
        if self.record is EntryLog and (gate := self.gates.get(values.get("gate_id", ""))):
            values.setdefault("grid_id", gate.grid_id)
        if self.record is Attendance and (activity := self.activities.get(values.get("activity_id", ""))):
            for name in ("held_on", "format", "level"):
                if values.get(name) is None:
                    values[name] = activity.get(name)
        return []

    def _elsewhere(self, row: Row, document: Document) -> Problem:
        """Says that a row's record, or what it would become, is out of reach."""
        if self.actor.communities is not None and document["community_id"] not in self.actor.communities:
            return self.problem(row, "", msg("This community is not in your charge. Nothing was changed."), {})
        return self.problem(row, self.record.grid_field or "", msg("This grid is not in your charge"), {})

    def _field_of(self, path: str) -> str:
        """The mapped field that a problem's path speaks of (``details.fitness.area_m2`` is ``details.area_m2``)."""
        if path in self.headers:
            return path
        steps = path.split(".")
        short = f"{steps[0]}.{steps[-1]}"
        return short if short in self.headers else steps[0]

    def _doubted(self, flag: str, document: Document) -> str:
        """The field a flag speaks of."""
        if flag == Flag.YEAR_FAR_AWAY:
            days = {name: value.year for name, value in document.items() if isinstance(value, datetime)}
            return max(days, key=lambda name: abs(days[name] - 2020), default="")
        fields = {Flag.ENDED_BEFORE_REPORTED: "ended_at", Flag.RENEWED_BEFORE_INSTALLED: "renewed_on"}
        return {**fields, Flag.LEFT_BEFORE_ENTERED: "left_at"}.get(Flag(flag), "")


UNNUMBERED = "(new)"  # the commit gives it the next number of the community's series


def _as_code(read: Reader) -> Reader:
    """Reads a resident's code as it is kept, however the sheet writes it: two spellings would be two residents. What
    names somebody is not read."""

    def code(cell: Any) -> Any:
        found = read(cell)
        if not isinstance(found, str):
            return found
        try:
            return resident_code(found)
        except Invalid as invalid:
            why = invalid.problems["resident"]
            raise Unreadable(why.text, **why.params) from None

    return code


def _new_id() -> str:
    return str(ObjectId())


def plain_name(source: str) -> str:
    """A source without what a browser adds to the name of a file's second download: (1) and the like, but no year."""
    return re.sub(rf"\s*\([1-9]\d?\)(?=\.\w+(?:{re.escape(WITHIN)}|$))", "", source, count=1).casefold()


def versions(earlier: Iterable[tuple[Earlier, str, int]], source: str) -> Iterator[Earlier]:
    """Those of the earlier batches that came from the same sheet of the same file."""
    same = plain_name(source)
    return (batch for batch, _, _ in earlier if plain_name(batch.source) == same)


def _stored(value: Any) -> Any:
    """A value as the database holds it."""
    if isinstance(value, DayRead):
        value = value.day
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if isinstance(value, tuple):
        return [_stored(each) for each in value]
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip()
    return value
