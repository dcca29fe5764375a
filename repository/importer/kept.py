"""What is kept of imports: the batches, what each did and what it left alone, and mappings that people saved."""

import logging
from datetime import datetime
from typing import Annotated

from pydantic import Field

from repository.access import PERMISSIONS, Actor, Operation, may
from repository.filters import Is
from repository.importer.mapping import Mapping
from repository.record import LINE, RECORDS, Choice, Index, Part, Record, Shown
from repository.store import Store, build
from repository.words import msg

log = logging.getLogger("gridboard.importer")

LISTED = 1000  # rows left alone that a batch names; it counts all of them


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
    return [as_told(actor, batch) for batch in found]


def as_told(actor: Actor, batch: ImportBatch) -> ImportBatch:
    """The batch, with rows out of the actor's reach by their ids only."""
    if actor.grids is None or RECORDS[batch.record].grid_field is None:
        return batch
    left = tuple(
        row if row.grid_id in actor.grids else row.model_copy(update={"name": row.record_id, "by": None})
        for row in batch.left_rows
    )
    return batch.model_copy(update={"left_rows": left})
