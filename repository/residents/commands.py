"""What people do: register volunteers, and make residents recognisable who come without their code."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from repository.access import Actor, Operation, Refused, reach, require, scope
from repository.activities import Attendance, KnownResident, known_residents, resident_code
from repository.keys import keyed_digest
from repository.residents.records import CARD_KEY, ResidentCard, Volunteer, card_number
from repository.store import Invalid, Store, Write, build
from repository.words import Message, msg

MOST_OF_A_BUILDING = 60  # residents that one look shows


# --- volunteers
def register_volunteer(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Volunteer:
    """Register a resident as a volunteer. Raises Invalid, Duplicate for one who is or was registered: change that."""
    typed = {**values, "resident": resident_code(str(values.get("resident") or ""))}
    return store.insert(actor, build(Volunteer, {**typed, "community_id": community_id}), key=key)


def edit_volunteer(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Volunteer:
    """Change a registration, or end it by its last day. Raises Invalid, Conflict, NotFound, Refused."""
    if "resident" in changes:
        changes = {**changes, "resident": resident_code(str(changes["resident"] or ""))}
    return store.update(actor, Volunteer, community_id, id, revision, changes)


def remove_volunteer(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a registration that was entered by mistake. Raises Conflict, NotFound, Refused."""
    store.delete(actor, Volunteer, community_id, id, revision)


# --- recognised without a code
def keep_card(
    store: Store,
    actor: Actor,
    community_id: str,
    resident: str,
    *,
    card: str | None = None,
    grid_id: str | None = None,
    building: str | None = None,
) -> ResidentCard:
    """Keep by what a resident is recognised: their card's number, their grid and building, or both. What is left out
    stays as it was; a new card takes the place of the old one. Raises Invalid, also for a card that is somebody else's.
    """
    require(actor, Operation.CREATE, ResidentCard.collection)
    code = resident_code(resident)
    changes: dict[str, Any] = {"grid_id": grid_id, "building": _building(building) if building else None}
    changes["card"] = keyed_digest(store, CARD_KEY, f"{community_id}|{card_number(card)}") if card else None
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes.keys() - {"grid_id"}:
        raise Invalid({"card": Message(msg("Give a card's number or a building"))})

    def work(write: Write) -> ResidentCard:
        here: dict[str, Any] = {"community_id": community_id}
        stands = _one(write, {**here, "resident": code})
        if "card" in changes:
            holder = _one(write, {**here, "card": changes["card"]})
            if holder is not None and holder["resident"] != code:
                raise Invalid({"card": Message(msg("This card belongs to another code"))})
        if "building" in changes and not (grid_id or (stands or {}).get("grid_id")):
            raise Invalid({"grid_id": Message(msg("A building needs its grid"))})
        if stands is None:
            return write.insert(build(ResidentCard, {**here, "resident": code, **changes}))
        return write.update(ResidentCard, community_id, stands["_id"], stands["revision"], changes)

    made = store.write(actor, work)
    return made.model_copy(update=dict.fromkeys(ResidentCard.personal))


def forget_card(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Forget by what a resident is recognised; the audit holds neither card nor building. Raises Conflict, NotFound,
    Refused."""
    store.delete(actor, ResidentCard, community_id, id, revision)


def look_up(store: Store, actor: Actor, community_id: str, grid_id: str, building: str) -> tuple[KnownResident, ...]:
    """Residents of a building of a grid who came before, with age band and sex, by code; at most MOST_OF_A_BUILDING.
    Who looked, and where, goes on record. Raises Invalid without a building, Refused."""
    require(actor, Operation.READ, ResidentCard.collection)
    require(actor, Operation.READ, Attendance.collection)
    seen = reach(actor, community_id)
    if seen is not None and grid_id not in seen:
        raise Refused(msg("This belongs to a grid that is not in your charge. Nothing was changed."))
    wanted = _building(building)

    def work(write: Write) -> list[str]:
        within = {"$and": [scope(actor, ResidentCard, community_id), {"grid_id": grid_id, "building": wanted}]}
        found = store.documents(ResidentCard, within, session=write.session, limit=MOST_OF_A_BUILDING)
        codes = [document["resident"] for document in found]
        facts = {"grid_id": grid_id, "building": wanted, "found": len(codes)}
        write.note("reveal", ResidentCard.collection, community_id, f"{grid_id}|{wanted}"[:64], facts)
        return codes

    known = known_residents(store, actor, community_id, store.write(actor, work, vital=True))
    return tuple(known[code] for code in sorted(known))


def _one(write: Write, where: Mapping[str, Any]) -> dict[str, Any] | None:
    return next(write.store.documents(ResidentCard, where, session=write.session, limit=1), None)


def _building(typed: str) -> str:
    """``５ 号楼``, ``5栋`` and ``5`` are one building."""
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", typed)).upper()
    plain = re.sub(r"^第|(号楼|栋|幢|座|号|楼|BUILDING|BLDG)$", "", plain)
    if not plain:
        raise Invalid({"building": Message(msg("Please fill this in"))})
    return plain[:40]
