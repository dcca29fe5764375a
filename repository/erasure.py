"""Erasing one resident: everything that names them is taken out or emptied, and does not come back.

What becomes of a record stands on its class (``record.Trace``); nothing here lists the collections. Figures of the past
stay as far as they are of nobody in particular: whoever came still counts as a head, but not as a person any more.
An erasure is a row of ``erasures`` first, under a keyed hash of the code, then as many transactions as it takes, then
the row is complete. Whatever brings the code back later - a restored backup, a process that was killed, an import that
was under way - is found by that row and erased again (``carry_on``).
"""

import base64
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pymongo
from pydantic import Field

from repository import (  # noqa: F401 (importing declares what names a resident)
    activities,
    importer,
    maintenance,
    requests,
    residents,
    rollups,
    signups,
)
from repository.access import Actor, Operation, reach, require
from repository.activities import Activity, ActivityStatus, Attendance, resident_code
from repository.checkin import Hours
from repository.filters import Is
from repository.grids import Community
from repository.importer import ImportBatch
from repository.maintenance import WorkOrder
from repository.people import Contact
from repository.photos import let_go
from repository.record import RECORDS, Choice, Day, Index, Record, Trace, field_specs, resident_key
from repository.requests import Request
from repository.rollups import COUNTS, SEEN, seen_place
from repository.signups import SignUp
from repository.store import (
    LEDGER,
    READ_SECONDS,
    Document,
    Duplicate,
    Invalid,
    NotFound,
    Store,
    Write,
    build,
    our_errors,
)
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.erasure")

CHUNK = 200  # records in one transaction
SECONDS = 60.0  # for reading every code of a community
GONE = "…"  # in place of a text that there must be


class Because(Choice):
    """Why somebody is erased (个人信息保护法, article 47)."""

    ASKED = "asked", msg("The resident asked for it"), "本人要求"
    LEFT = "left", msg("The resident moved away or has died"), "迁出或去世"
    MISTAKE = "mistake", msg("The code should not have been given"), "误发"


class Erasure(Record):
    """A resident who was erased. The id is a keyed hash of their code; nothing else here is about them."""

    collection = "erasures"
    title = msg("Erased residents")
    name_field = "because"
    grid_field = None
    indexes = (Index(("community_id", "erased_on"), "the newest first; whose codes are not to come back"),)

    because: Because = Field(title=msg("Why"))
    erased_on: Annotated[date, Day()] = Field(title=msg("Erased on"))
    records: int = Field(default=0, ge=0, title=msg("Records taken out or emptied"))
    complete: bool = Field(default=False, title=msg("Complete"))


class LedgerTrouble(Trouble):
    """The file of earlier erasures cannot be used."""


@dataclass(frozen=True)
class Found:
    """What an erasure would do: records by collection, and what goes with them."""

    gone: Mapping[str, int]
    """Collection -> records that are taken out."""
    emptied: Mapping[str, int]
    """Collection -> records that stay without what they say of the resident."""
    contacts: int
    photos: int
    heads: int
    """Visits that stay as heads counted."""

    @property
    def records(self) -> int:
        """All of them; 0: nobody has this code."""
        return sum(self.gone.values()) + sum(self.emptied.values())


# --- whose
def _traces(*, through: bool) -> Iterator[tuple[type[Record], Trace]]:
    """The kinds of record that name residents: by their code, or ``through`` another record."""
    for record in RECORDS.values():
        if record.trace is not None and bool(record.trace.of) is through:
            yield record, record.trace


def _spellings(code: str) -> tuple[str, ...]:
    """How the code may stand in a record. Raises Invalid for what is no code."""
    own = resident_code(code)
    key = resident_key(own)
    every = {code.strip(), own, key, f"R{key}", f"R-{key}"}
    return tuple(sorted({form for each in every for form in (each, each.lower(), each.upper())}))


def _naming(
    store: Store, community_id: str, spellings: Sequence[str], write: Write | None = None, most: int = 0
) -> Iterator[tuple[type[Record], Document]]:
    """Every record that bears the resident's code; of each kind ``most`` at a time."""
    for record, trace in _traces(through=False):
        where = {"community_id": community_id, trace.field: Is(among=list(spellings))}
        for document in store.documents(record, where, session=write.session if write else None, limit=most):
            yield record, document


def _following(
    store: Store, record: type[Record], document: Document, write: Write | None = None
) -> Iterator[tuple[type[Record], Document]]:
    """The records that name the resident through this one."""
    for other, trace in _traces(through=True):
        if trace.of == record.collection:
            where = {"community_id": document["community_id"], trace.field: document["_id"]}
            for each in store.documents(other, where, session=write.session if write else None):
                yield other, each


def _blank(record: type[Record], name: str) -> Any:
    """What stands in a field once it is emptied."""
    return GONE if field_specs(record)[name].required else record.model_fields[name].get_default()


# --- asking
def preview(store: Store, actor: Actor, community_id: str, code: str) -> Found:
    """What erasing the resident with this code would do. Raises Invalid for what is no code, Refused, Unavailable."""
    require(actor, Operation.CREATE, Erasure.collection)
    reach(actor, community_id)
    spellings = _spellings(code)
    gone: dict[str, int] = {}
    emptied: dict[str, int] = {}
    ids: list[str] = []
    photos = 0
    with our_errors(), pymongo.timeout(READ_SECONDS):
        for first in _naming(store, community_id, spellings):
            for record, document in (first, *_following(store, *first)):
                kind = emptied if record.trace and record.trace.emptied else gone
                kind[record.collection] = kind.get(record.collection, 0) + 1
                photos += len(document.get("photos", ()))
                ids.append(document["_id"])
        about = {"community_id": community_id, "about_id": Is(among=ids)}
        contacts = sum(1 for _one in store.documents(Contact, about, projection={"_id": 1}))
    return Found(gone, emptied, contacts, photos, gone.get(Attendance.collection, 0))


def erasures(store: Store, actor: Actor, community_id: str) -> list[Erasure]:
    """The newest hundred erasures of a community. Raises Refused, Unavailable."""
    return store.find(actor, Erasure, community_id, sort=[("erased_on", -1), ("_id", 1)], limit=100)


# --- erasing
def erase(store: Store, actor: Actor, community_id: str, code: str, because: Because | str) -> Erasure:
    """Erase the resident with this code, and see to it that the code does not come back.

    It may take several transactions; one that was cut off is brought to its end by asking again, or by ``carry_on``.
    Raises Invalid for a reason that is none and a code that nobody has, Unavailable also while an import is bringing
    rows of this resident, Refused.
    """
    require(actor, Operation.CREATE, Erasure.collection)
    reach(actor, community_id)
    spellings = _spellings(code)
    try:
        why = Because(because)
    except ValueError:
        raise Invalid({"because": Message(msg("Choose one of the list"))}) from None
    with our_errors(), pymongo.timeout(READ_SECONDS):
        nobody = next(_naming(store, community_id, spellings, most=1), None) is None
    if nobody and not store.erased(community_id, [code]):
        raise Invalid({"code": Message(msg("Nothing here names this code."))})
    store.erasure_key(make=True)
    id = store.erasure_id(community_id, code)
    today = rollups.day_of(store.clock(), store.zone(community_id))
    _enter(store, actor, build(Erasure, {"id": id, "community_id": community_id, "because": why, "erased_on": today}))
    return _carry_out(store, actor, community_id, spellings, id)


def _enter(store: Store, actor: Actor, erasure: Erasure) -> None:
    """Put an erasure on record, once."""

    def work(write: Write) -> None:
        where = {"_id": erasure.id, "community_id": erasure.community_id}
        if next(write.store.documents(Erasure, where, session=write.session), None) is None:
            write.insert(erasure)

    with suppress(Duplicate):  # another one at the same moment
        store.write(actor, work)


def _carry_out(store: Store, actor: Actor, community_id: str, spellings: Sequence[str], id: str) -> Erasure:
    while store.write(actor, lambda write: _some(write, community_id, spellings, id)):
        pass
    return store.write(actor, lambda write: _end(write, community_id, spellings, id))


def _some(write: Write, community_id: str, spellings: Sequence[str], id: str) -> int:
    """Erase the next records, in one transaction; returns how many."""
    n = 0
    for record, document in list(islice(_naming(write.store, community_id, spellings, write, CHUNK), CHUNK)):
        for other, each in list(_following(write.store, record, document, write)):
            _erase_one(write, other, each, document)
            _forget_replaced(write, {"community_id": community_id, "record_id": each["_id"]}, other)
            n += 1
        _erase_one(write, record, document)
        n += 1
    if n:
        _count(write, community_id, id, n)
    return n


def _erase_one(write: Write, record: type[Record], document: Document, of: Document | None = None) -> None:
    """Take out or empty a record, with how to reach them and the photos, which are swept within a day."""
    community_id, id = document["community_id"], document["_id"]
    for contact in list(
        write.store.documents(Contact, {"community_id": community_id, "about_id": id}, session=write.session)
    ):
        write.erase(Contact, community_id, contact["_id"])
    if photos := document.get("photos"):
        let_go(write, record.from_document(document), photos)
    if record is Attendance:
        _keep_head(write, document)
    write.erase(record, community_id, id, _without(record, document, of))
    if record is SignUp:
        _give_place(write, document)


def _without(record: type[Record], document: Document, of: Document | None) -> dict[str, Any] | None:
    """The changes that empty a record; None where the whole record goes."""
    trace = record.trace
    if trace is None or not trace.emptied:
        return None
    current = record.from_document(document)
    changes: dict[str, Any] = {} if of else {trace.field: None}
    for path in trace.emptied:
        name, _dot, leaf = path.partition(".")
        if leaf:
            changes[name] = tuple(each.model_copy(update={leaf: None}) for each in getattr(current, name))
        else:
            changes[name] = _blank(record, name)
    if of and (place := document.get("place")):  # where somebody lives may have come along
        found = document.get("is_open") and not document.get("facility_id")
        # what is still to be mended has to be found, if nothing else says where it is
        left = without_flat(place) if found or place != of.get("place") else GONE
        changes |= {"place": left} if left != place else {}
    return changes


_HOUSE = r"(?:[A-Z]?\d{1,3}[A-Z]?|[一二三四五六七八九十百]{1,4}|[A-Z])\s*(?:号楼|栋|幢|座|#)"
_UNIT = r"(?:[A-Z]?\d{1,2}|[一二三四五六七八九十]{1,3})\s*(?:单元|门)"
_DOOR = (
    r"(?:[A-Z]?\d{1,2}|[一二三四五六七八九十]{1,3})\s*(?:楼|层)(?:\s*(?:[A-Z]?\d{1,4}|[一二三四五六七八九十]{1,3}))?(?:\s*[室号房户])?"
    r"|[A-Z]?\d{3,4}[A-Z]?(?:\s*[室号房户])?|\d{1,4}\s*[室房户]"
)
_HOME = re.compile(
    rf"(?P<kept>(?:{_HOUSE}(?:\s*{_UNIT})?|{_UNIT}))[\s,，·\-—–]*(?:{_DOOR})"  # 3栋2单元501, 三栋二单元5楼1号
    r"|(?<!\d)(?P<short>\d{1,3}[-—–](?:\d{1,2}[-—–])?)\d{3,4}(?!\d)(?:\s*[室号房户])?"  # 3-2-501
    r"|(?<!\d)\d{3,4}\s*[室房户]",  # 501室
    re.IGNORECASE,
)


def without_flat(place: str) -> str:
    """A place without the door behind which somebody lives: building and unit are left, where some dozen live."""
    return _HOME.sub(lambda home: home["kept"] or (home["short"] or GONE).rstrip("-—–"), place)


def _keep_head(write: Write, attendance: Document) -> None:
    """The visit stays, as one of those who were only counted."""
    where = {"_id": attendance["activity_id"], "community_id": attendance["community_id"]}
    found = next(write.store.documents(Activity, where, session=write.session), None)
    if found is None or found.get("status") != ActivityStatus.HELD.value:
        return
    changes = {"headcount": found.get("headcount", 0) + 1}
    write.update(Activity, attendance["community_id"], found["_id"], found["revision"], changes)


def _give_place(write: Write, sign_up: Document) -> None:
    """Whoever has waited longest gets the place at an activity to come, as after a sign-up that was withdrawn."""
    community_id = sign_up["community_id"]
    with suppress(NotFound):
        activity = write.read(Activity, community_id, sign_up["activity_id"])
        if write.at < Hours.of(activity, write.store.zone(community_id)).ends:
            signups.move_up(write, community_id, activity.id, activity.capacity)


def _count(write: Write, community_id: str, id: str, n: int, *, complete: bool = False) -> Erasure:
    erasure = write.read(Erasure, community_id, id)
    changes = {"records": erasure.records + n, "complete": complete}
    return write.update(Erasure, community_id, id, erasure.revision, changes)


def _end(write: Write, community_id: str, spellings: Sequence[str], id: str) -> Erasure:
    """What is kept beside the records: the memory of when they came, of what imports replaced, of rows left alone."""
    db, session = write.store.db, write.session
    seen = [seen_place(code).document_id(community_id) for code in spellings]
    db[COUNTS].delete_many({"_id": {"$in": seen}, "months": {}}, session=session)
    for record, trace in _traces(through=False):
        where = {"community_id": community_id, f"before.{trace.field}": {"$in": list(spellings)}}
        _forget_replaced(write, where, record)
    left = {"community_id": community_id, "left_rows.name": Is(among=list(spellings))}
    for batch in list(write.store.documents(ImportBatch, left, session=session)):
        rows = tuple(
            row.model_copy(update={"name": GONE}) if row.name in spellings else row
            for row in ImportBatch.from_document(batch).left_rows
        )
        write.erase(ImportBatch, community_id, batch["_id"], {"left_rows": rows})
    return _count(write, community_id, id, 0, complete=True)


def _forget_replaced(write: Write, where: Document, record: type[Record]) -> None:
    """What an import replaced of a record, or took out, and its undo would bring back."""
    trace, ledger = record.trace, write.store.db[LEDGER]
    pending = list(write.store.pending_batches(write.session))  # what is in flight may yet be rolled back
    where = {**where, "collection": record.collection, "batch_id": {"$nin": pending}}
    if trace is None or not trace.emptied:
        ledger.delete_many(where, session=write.session)
        return
    blank: dict[str, Document] = {"$set": {}, "$unset": {} if trace.of else {f"before.{trace.field}": ""}}
    for path in trace.emptied:
        name, _dot, leaf = path.partition(".")
        if leaf:
            blank["$unset"][f"before.{name}.$[].{leaf}"] = ""
        elif field_specs(record)[name].required:
            blank["$set"][f"before.{name}"] = GONE
        else:
            blank["$unset"][f"before.{name}"] = ""
    lists = {path.partition(".")[0] for path in trace.emptied if "." in path}
    for name in lists:  # "$[]" asks for a list
        lacking = {**where, f"before.{name}": {"$exists": False}}
        ledger.update_many(lacking, {"$set": {f"before.{name}": []}}, session=write.session)
    ledger.update_many(where, {name: change for name, change in blank.items() if change}, session=write.session)


# --- again
def carry_on(store: Store, actor: Actor, community_id: str) -> int:
    """Erase again whoever was erased before and is there once more; returns how many residents. Raises Refused,
    Unavailable."""
    require(actor, Operation.CREATE, Erasure.collection)
    reach(actor, community_id)
    mine = {"community_id": community_id}
    with our_errors(), pymongo.timeout(SECONDS):
        known = {one["_id"]: one.get("complete", False) for one in store.documents(Erasure, mine)}
        if not known or not store.erasure_key():
            return 0
        again: dict[str, str] = {}
        for code in _codes(store, community_id):
            if (id := store.erasure_id(community_id, code)) in known:
                again.setdefault(id, code)
    for id, code in again.items():
        _carry_out(store, actor, community_id, _spellings(code), id)
    for id in [id for id, complete in known.items() if not complete and id not in again]:
        store.write(actor, partial(_settle, community_id, id))
    return len(again)


def _settle(community_id: str, id: str, write: Write) -> None:
    _count(write, community_id, id, 0, complete=True)


def _codes(store: Store, community_id: str) -> Iterator[str]:
    """Every resident's code that stands anywhere in a community."""
    for one in store.db[COUNTS].find({"community_id": community_id, "subject": SEEN}, {"_id": 0, "resident": 1}):
        yield one["resident"]
    for record, trace in _traces(through=False):
        if getattr(record, "presence", None):
            continue  # those are the ones seen
        there: list[Document] = [
            {"$match": {"community_id": community_id, trace.field: {"$exists": True}}},
            {"$group": {"_id": f"${trace.field}"}},
        ]
        for found in store.db[record.collection].aggregate(there):
            if isinstance(found["_id"], str):
                yield found["_id"]


# --- what is not needed any more
def forget_closed(store: Store, actor: Actor, community_id: str, *, on: date) -> int:
    """Erase how to reach whoever reported or asked what has been closed for as many days as the community keeps that
    (``Community.contact_days``); returns how many. What waits for a call-back or an inspection is not closed. Raises
    Refused, Unavailable."""
    require(actor, Operation.DELETE, Contact.collection)
    home = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
    days = home[0].contact_days if home else int(Community.model_fields["contact_days"].default)
    zone, last = store.zone(community_id), on - timedelta(days=days)
    begun = {"created_at": Is(lt=datetime.combine(last, time(), zone).astimezone(UTC))}
    n, after = 0, ""
    while True:
        within = {**begun, "_id": Is(gt=after)}
        some = store.find(actor, Contact, community_id, within, sort=[("_id", 1)], limit=CHUNK)
        if not some:
            return n
        after = some[-1].id
        over = _closed_before(store, community_id, [one.about_id for one in some], last, zone)
        if gone := [one for one in some if one.about_id in over]:
            n += store.write(actor, partial(_forget, gone))


def _forget(gone: Sequence[Contact], write: Write) -> int:
    for one in gone:
        write.delete(Contact, one.community_id, one.id, one.revision)
    return len(gone)


def _closed_before(store: Store, community_id: str, ids: Sequence[str], last: date, zone: ZoneInfo) -> set[str]:
    """Which of these requests and work orders came to their end before a day; a merged order with the one it went
    into."""
    found: set[str] = set()
    with our_errors(), pymongo.timeout(READ_SECONDS):
        where = {"community_id": community_id, "_id": Is(among=list(ids)), "status": Is(among=_OVER[Request])}
        for document in store.documents(Request, where):
            if rollups.day_of(_last_step(document), zone) < last:
                found.add(document["_id"])
        orders = {
            one["_id"]: one for one in store.documents(WorkOrder, {**where, "status": Is(among=_OVER[WorkOrder])})
        }
        into = [one["merged_into"] for one in orders.values() if one.get("merged_into")]
        merged = {"community_id": community_id, "_id": Is(among=into)}
        orders_into = {one["_id"]: one for one in store.documents(WorkOrder, merged)} if into else {}
    for id, document in orders.items():
        end = orders_into.get(document.get("merged_into", ""), document)
        if end["status"] in _OVER[WorkOrder] and rollups.day_of(_last_step(end), zone) < last:
            found.add(id)
    return found


_OVER: Mapping[type[Record], list[str]] = {
    Request: [str(each) for each in (requests.Status.CLOSED, requests.Status.DECLINED, requests.Status.REFERRED)],
    WorkOrder: [
        str(each) for each in (maintenance.Status.VERIFIED, maintenance.Status.CLOSED, maintenance.Status.REJECTED)
    ],
}
"""Where nobody is to be called back any more."""


def _last_step(document: Document) -> datetime:
    moments = [event["at"] for event in document.get("events", ())]
    found: datetime = max([*moments, document.get("ended_at") or document["updated_at"]])
    return found


# --- out of the database's reach
def ledger_name(database: str) -> str:
    """What the file of a database's erasures is called beside its backups."""
    return f"gridboard-{database}.erasures.json"


def note_ledger(store: Store, path: Path) -> None:
    """Note who was erased in a file, for whoever restores an older backup: the key and the hashes, no codes. Nothing
    is written before somebody was erased. Raises OSError, Unavailable."""
    key = store.erasure_key()
    if not key:
        return
    with our_errors(), pymongo.timeout(READ_SECONDS):
        rows = [
            {name: str(one[name]) for name in ("_id", "community_id", "because")}
            | {"erased_on": f"{one['erased_on']:%Y-%m-%d}"}
            for one in store.documents(Erasure, {}, sort=[("_id", 1)])
        ]
    text = json.dumps({"key": base64.b64encode(key).decode(), "erasures": rows}, indent=0)
    with suppress(FileNotFoundError):
        if path.read_text("utf-8") == text:
            return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".erasures-", delete=False) as draft:  # 0600
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)


@dataclass(frozen=True)
class Ledger:
    """Who was erased, as it was noted outside the database."""

    path: Path
    key: bytes
    rows: tuple[Erasure, ...]


def read_ledger(path: Path) -> Ledger:
    """What ``note_ledger`` wrote. Raises LedgerTrouble."""
    names = {"_id": "id", "community_id": "community_id", "because": "because", "erased_on": "erased_on"}
    try:
        told = json.loads(path.read_text("utf-8"))
        rows = [build(Erasure, {to: row[name] for name, to in names.items()}) for row in told["erasures"]]
        return Ledger(path, base64.b64decode(told["key"]), tuple(rows))
    except (OSError, ValueError, KeyError, TypeError, Invalid) as error:
        raise LedgerTrouble(
            msg("The list of erased residents in {path} can't be read: {reason}. Nothing was changed."),
            path=path,
            reason=str(error),
        ) from None


def take_ledger(store: Store, actor: Actor, ledger: Ledger | None) -> int:
    """After a restore: take over who was erased since the backup, and erase them again, with those the backup itself
    knows of; returns how many residents. Raises LedgerTrouble, Refused, Unavailable."""
    require(actor, Operation.CREATE, Erasure.collection)
    if ledger is not None:
        if not store.take_erasure_key(ledger.key):
            raise LedgerTrouble(
                msg("The list of erased residents in {path} is that of another database."), path=ledger.path
            )
        for row in ledger.rows:
            _enter(store, actor, row)
    return sum(carry_on(store, actor, one["_id"]) for one in store.communities(actor))
