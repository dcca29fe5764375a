"""What was done: the newest entries that match a search, and one record's history."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import pymongo

from repository.access import Actor, Operation, Refused, reach, require
from repository.filters import Is
from repository.record import RECORDS
from repository.store import AUDIT, EVERYWHERE, READ_SECONDS, Document, Store, our_errors, require_plain
from repository.words import msg


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
    change: str = ""
    """What became of the record: ``create``, ``update`` or ``delete``; empty for what is no change of one."""
    batch: str = ""
    """The import, or the undo of one, of which this is one row."""
    file: str = ""
    """The file of that import."""


@dataclass(frozen=True)
class Search:
    """What to look for; empty means anything. ``actor`` is a name as the entries have it; ``which`` is a record's id or
    a name, number or code it bears or bore, and finds the rows of imports too, which else only their batch stands for.
    """

    operation: str = ""
    collection: str = ""
    actor: str = ""
    which: str = ""
    since: datetime | None = None
    until: datetime | None = None


def trail(
    store: Store, actor: Actor, community_id: str, search: Search, *, most: int = 200, skip: int = 0
) -> list[Entry]:
    """The newest entries of a community (``EVERYWHERE``: of accounts and of the list of communities) that match.
    Raises Refused, Unavailable."""
    require_whole(actor, community_id)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        if not search.which:
            found = store.db[AUDIT].find(_wanted(community_id, search)).sort([("at", -1), ("_id", -1)])
            return list(_entries(store, found.skip(int(skip)).limit(most)))
        called = {"community_id": community_id, "$or": _called(store, community_id, search.which)}
        rows = _entries(store, store.db[AUDIT].find(called).sort([("at", -1), ("_id", -1)]))
        return list(islice((entry for entry in rows if _fits(entry, search)), skip, skip + most))


def history(
    store: Store,
    actor: Actor,
    community_id: str,
    collection: str,
    record_id: str,
    *,
    most: int = 200,
    skip: int = 0,
) -> list[Entry]:
    """What was done to one record, newest first; what imports did to it too, if they came to their end. Raises Refused,
    Unavailable."""
    require_whole(actor, community_id)
    within = {"community_id": community_id, "collection": collection, "record_id": record_id}
    require_plain(within)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[AUDIT].find(within).sort([("at", -1), ("_id", -1)])
        return list(islice(_entries(store, found), skip, skip + most))


def note_export(store: Store, actor: Actor, community_id: str, collection: str, *, rows: int, form: str) -> None:
    """Enter that so many rows of a collection leave as a sheet; only after that may they be handed out. Raises Refused,
    SignedOut, Full, Unavailable."""
    require(actor, Operation.READ, collection)
    if community_id != EVERYWHERE:  # the list of communities is cut to those in reach
        reach(actor, community_id)
    facts = {"rows": int(rows), "form": "csv" if form == "csv" else "xlsx"}
    # what is there can be taken out when the disk is nearly full
    store.write(actor, lambda write: write.note("export", collection, community_id, community_id, facts), vital=True)


def require_whole(actor: Actor, community_id: str) -> None:
    """The trail is of a whole community or of all of them: nobody sees it who has but some grids in charge."""
    require(actor, Operation.READ, AUDIT)
    if reach(actor, community_id) is not None:
        raise Refused(msg("The audit trail is that of a whole community, and only some grids are in your charge."))


def _wanted(community_id: str, search: Search) -> Document:
    wanted: Document = {"community_id": community_id, "operation": Is(exists=True)}  # not the rows of imports
    for name, value in (
        ("operation", search.operation),
        ("collection", search.collection),
        ("actor_name", search.actor),
    ):
        if value:
            wanted[name] = value
    when = {"gte": search.since, "lt": search.until}
    if any(when.values()):
        wanted["at"] = Is(**{name: value for name, value in when.items() if value})
    require_plain(wanted)
    return wanted


def _fits(entry: Entry, search: Search) -> bool:
    """The same, of an entry that was read."""
    return (
        search.operation in ("", entry.operation)
        and search.collection in ("", entry.collection)
        and search.actor in ("", entry.actor)
        and (search.since is None or entry.at >= search.since)
        and (search.until is None or entry.at < search.until)
    )


def _called(store: Store, community_id: str, which: str) -> list[Document]:
    """Filters, one of which each entry passes about a record with this id or that was ever called so."""
    text = unicodedata.normalize("NFC", which).strip()
    ids: dict[str, set[str]] = {name: {text} for name in (*RECORDS, AUDIT)}
    bearing = {"community_id": community_id, "names": text}
    for each in store.db[AUDIT].find(bearing, {"collection": 1, "record_id": 1}).limit(5_000):
        ids.setdefault(each["collection"], set()).add(each["record_id"])
    return [{"collection": name, "record_id": {"$in": sorted(each)}} for name, each in ids.items()]


def _entries(store: Store, documents: Iterable[Document]) -> Iterator[Entry]:
    """The entries, with the names of the records that are still there, and the rows of batches with what their batch
    says: one small read a collection. Rows of a batch that never came to its end are left out."""
    stream = iter(documents)
    while chunk := list(islice(stream, 200)):
        whole = [each["community_id"] for each in chunk if each["record_id"] == each["community_id"]]  # exported, say
        communities = store.db["communities"].find({"_id": {"$in": whole}}, {"name": 1}) if whole else ()
        names = {each["_id"]: str(each["name"]) for each in communities}
        for collection in {each["collection"] for each in chunk} & RECORDS.keys():
            record = RECORDS[collection]
            ids = [each["record_id"] for each in chunk if each["collection"] == collection]
            if record.name_field not in record.personal and record.name_field in record.model_fields:
                named = store.db[collection].find({"_id": {"$in": ids}}, {record.name_field: 1})
                names |= {each["_id"]: str(each[record.name_field]) for each in named if record.name_field in each}
        wholes = _wholes(store, chunk)
        for each in chunk:
            part_of = each.get("part_of")
            if part_of is None:
                yield _entry(each, each, names)
            elif part_of["record_id"] in wholes:
                yield _entry(each, wholes[part_of["record_id"]], names)


def _wholes(store: Store, chunk: Iterable[Document]) -> dict[str, Document]:
    """The entries of the batches to which rows belong, by the batch's id."""
    wanted = {each["part_of"]["record_id"]: each["part_of"] for each in chunk if "part_of" in each}
    if not wanted:
        return {}
    found = store.db[AUDIT].find({"operation": {"$exists": True}, "$or": list(wanted.values())})
    return {each["record_id"]: each for each in found}


def _entry(document: Document, whole: Document, names: Mapping[str, str]) -> Entry:
    """An entry; who and when are those of the ``whole`` it belongs to, mostly itself."""
    record = RECORDS.get(document["collection"])
    before, after = document.get("before"), document.get("after")
    told = {**(before or {}), **(after or {})}
    own = told.get(record.name_field) if record else told.get("file")
    part_of = document.get("part_of")
    changes = part_of or whole["operation"] in ("create", "update", "delete")
    return Entry(
        name=names.get(document["record_id"]) or str(own or next(iter(document.get("names", ())), "")),
        id=document["_id"],
        at=whole["at"],
        actor_id=whole["actor_id"],
        actor=whole["actor_name"],
        role=whole["role"],
        operation=whole["operation"],
        collection=document["collection"],
        record_id=document["record_id"],
        community_id=document["community_id"],
        before=before or {},
        after=after or {},
        change="" if not changes else "create" if before is None else "delete" if after is None else "update",
        batch=part_of["record_id"] if part_of else "",
        file=str((whole.get("after") or {}).get("source", "")) if part_of else "",
    )
