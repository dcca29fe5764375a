"""Labels: a short code, on a facility or on a place without one, that anybody can scan to report what is broken there.

A code is random, so that it can't be guessed from another one, and says nothing by itself. One that is misused is
renewed: from then on the old one leads nowhere, and says so.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import pymongo
from pydantic import Field

from repository.access import Actor, Operation, require
from repository.facilities import Facility
from repository.filters import Is
from repository.record import LINE, Index, Record, Ref, Shown
from repository.store import READ_SECONDS, Duplicate, Invalid, Store, Write, build, our_errors, require_plain
from repository.words import Message, msg

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U  # pragma: allowlist secret
LENGTH = 8
MOST = 500  # labels minted, or put on a sheet, at once
_READ_AS = str.maketrans("ILO", "110", " -·")


class Place(Record):
    """Somewhere that is no facility but bears a label: a staircase, a bin store, a square."""

    collection = "places"
    title = msg("Labelled places")
    natural_key = ("name",)
    indexes = (Index(("community_id", "name"), "a place by its name", unique=True),)

    name: Annotated[str, Shown(aliases=("地点", "名称"))] = Field(min_length=1, max_length=LINE, title=msg("Name"))
    site: Annotated[str | None, Shown(aliases=("位置",))] = Field(default=None, max_length=LINE, title=msg("Site"))
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )


class Label(Record):
    """One code, and what it is stuck on, which carries its reach: ``grid_id`` is where that stood when it was minted,
    and things are moved. The code is its id, which makes it unique. ``ended_at``: used no more."""

    collection = "labels"
    title = msg("Labels")
    grid_field = None
    name_field = "id"
    indexes = (
        Index(("community_id", "facility_id"), "a facility's codes", where={"facility_id": {"$exists": True}}),
        Index(("community_id", "place_id"), "a place's codes", where={"place_id": {"$exists": True}}),
    )

    # not marked as references: a facility entered by mistake can be taken out though a label of it was printed
    facility_id: str | None = Field(default=None, max_length=64, title=msg("Facility"))
    place_id: str | None = Field(default=None, max_length=64, title=msg("Labelled place"))
    grid_id: Annotated[str | None, Ref(to="grids")] = Field(default=None, max_length=64, title=msg("Grid"))
    ended_at: datetime | None = Field(default=None, title=msg("Used until"))

    @property
    def target(self) -> tuple[str, str]:
        """What it is stuck on, as collection and id."""
        if self.facility_id is not None:
            return Facility.collection, self.facility_id
        return Place.collection, self.place_id or ""


@dataclass(frozen=True)
class Stuck:
    """What a label sheet prints of one label."""

    code: str
    name: str
    site: str | None
    asset_code: str | None
    """The facility's own code; a place has none."""


# --- codes -----------------------------------------------------------------------------------------------------------
def new_code() -> str:
    """A random code: one in 10^12."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def read_code(typed: str) -> str | None:
    """A code as it was typed or scanned, in its own form; None for what is no code."""
    code = typed[:40].upper().translate(_READ_AS)
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def spoken(code: str) -> str:
    """A code as it is printed, in two halves."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


# --- commands --------------------------------------------------------------------------------------------------------
def add_place(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Place:
    """Enter a place. Raises Invalid, Duplicate (the name), Refused."""
    return store.insert(actor, build(Place, {**values, "community_id": community_id}), key=key)


def edit_place(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Place:
    """Change a place; its label stays. Raises Invalid, Duplicate, Conflict, NotFound, Refused."""
    return store.update(actor, Place, community_id, id, revision, changes)


def remove_place(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a place, whose label then leads nowhere; raises InUse while work orders name it, Conflict, NotFound,
    Refused."""
    store.delete(actor, Place, community_id, id, revision)


def mint(
    store: Store, actor: Actor, community_id: str, *, facilities: Sequence[str] = (), places: Sequence[str] = ()
) -> list[Stuck]:
    """The labels of these facilities and places, in their order, with a code minted for each that has none yet. Raises
    Invalid for more than MOST, NotFound, Refused."""
    require(actor, Operation.CREATE, Label.collection)
    if len(facilities) + len(places) > MOST:
        raise Invalid({"": Message(msg("{most} labels are the most at once. Filter first."), {"most": MOST})})

    def work(write: Write) -> list[Stuck]:
        made = []
        codes = _codes(write, community_id, "facility_id", facilities)
        for id in dict.fromkeys(facilities):
            one = write.read(Facility, community_id, id)
            made.append(Stuck(codes.get(id) or _mint(write, one, "facility_id"), one.name, one.site, one.code))
        codes = _codes(write, community_id, "place_id", places)
        for id in dict.fromkeys(places):
            there = write.read(Place, community_id, id)
            made.append(Stuck(codes.get(id) or _mint(write, there, "place_id"), there.name, there.site, None))
        return made

    while True:
        try:
            return store.write(actor, work)
        except Duplicate:
            continue  # a code that there is already: once in a lifetime


def renew(
    store: Store, actor: Actor, community_id: str, *, facility_id: str | None = None, place_id: str | None = None
) -> str:
    """A new code in the place of one that is misused; the old one leads nowhere any more. Returns the new code. Raises
    NotFound, Refused."""

    def work(write: Write) -> str:
        stands: Facility | Place
        if facility_id is not None:
            field, stands = "facility_id", write.read(Facility, community_id, facility_id)
        else:
            field, stands = "place_id", write.read(Place, community_id, place_id or "")
        for label in _labels(write, community_id, field, [stands.id]):
            if label.ended_at is None:
                write.update(Label, community_id, label.id, label.revision, {"ended_at": write.at})
        return _mint(write, stands, field)

    return store.write(actor, work)


def _mint(write: Write, stands: Facility | Place, field: str) -> str:
    values = {"id": new_code(), "community_id": stands.community_id, "grid_id": stands.grid_id, field: stands.id}
    return write.insert(build(Label, values)).id


def _codes(write: Write, community_id: str, field: str, ids: Iterable[str]) -> dict[str, str]:
    """The codes in use, by what they are stuck on."""
    found = _labels(write, community_id, field, ids)
    return {getattr(label, field): label.id for label in found if label.ended_at is None}


def _labels(write: Write, community_id: str, field: str, ids: Iterable[str]) -> list[Label]:
    where = {"community_id": community_id, field: Is(among=list(ids))}
    require_plain(where, Label)
    return [Label.from_document(one) for one in write.store.db[Label.collection].find(where, session=write.session)]


# --- queries ---------------------------------------------------------------------------------------------------------
def places(store: Store, actor: Actor, community_id: str, *, grids: frozenset[str] | None = None) -> list[Place]:
    """The labelled places, by name."""
    return store.find(actor, Place, community_id, grids=grids, sort=[("name", 1)], limit=2000)


def code_of(
    store: Store, actor: Actor, community_id: str, *, facility_id: str | None = None, place_id: str | None = None
) -> str | None:
    """The code on a facility or place; None while it has none. Raises Refused."""
    require(actor, Operation.READ, Label.collection)
    record: type[Record] = Facility if facility_id else Place
    stuck = {
        "from": Label.collection,
        "localField": "_id",
        "foreignField": "facility_id" if facility_id else "place_id",
        "pipeline": [{"$match": {"community_id": community_id, "ended_at": None}}],
        "as": "label",
    }
    codes: list[dict[str, Any]] = [{"$lookup": stuck}, {"$unwind": "$label"}, {"$project": {"_id": "$label._id"}}]
    found = store.aggregate(actor, record, community_id, codes, filter={"_id": facility_id or place_id})
    return found[0]["_id"] if found else None


def label_with(store: Store, code: str) -> Label | None:
    """The label with this code, for whoever scanned it: of whatever community. None for a code that never was. Raises
    Unavailable."""
    named = {"_id": code}
    require_plain(named, Label)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[Label.collection].find_one(named)
    return None if found is None else Label.from_document(found)
