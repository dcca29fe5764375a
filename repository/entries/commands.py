"""What can be done to an entry. Each command is one transaction and names its actor; a stale ``revision`` raises
Conflict, a value that cannot be raises Invalid with the problem beside its field. What comes back says who it was
masked, or not at all."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pymongo

from repository.access import Actor, Operation, reach, require, scope
from repository.entries.records import LOOKING, EntryLog, EntryRules, Gate, shown
from repository.facilities import Category, Facility
from repository.grids import Community
from repository.record import Choice
from repository.store import LEDGER, WRITE_SECONDS, Invalid, Store, Write, build, our_errors
from repository.words import Message, msg

GATED = frozenset({Category.VEHICLE, Category.PERSONNEL})
"""The facilities that something comes in through."""
AT_ONCE = 200  # open visits closed by one press
CHUNK = 5_000  # entries forgotten at a time


class Reason(Choice):
    """Why somebody looks at who came (个人信息保护法, article 6: for a clear purpose only)."""

    DAMAGE = "damage", msg("Damage or accident"), "事故"
    SAFETY = "safety", msg("Safety of people"), "安全"
    CORRECT = "correct", msg("Check that it is right"), "核对"
    ASKED = "asked", msg("The person asked what is kept"), "本人查询"


def entry_rules(store: Store, actor: Actor, community_id: str) -> EntryRules:
    """What the community asks of an entry. Raises Refused, Unavailable."""
    found = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
    return EntryRules.of(found[0] if found else None, store.zone(community_id))


def log_entry(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> EntryLog:
    """Note what came in through a gate, now unless ``values`` say when; the same ``key`` notes it once. How it was let
    in follows the gate where ``values`` do not say. Raises Invalid, Refused."""
    require(actor, Operation.CREATE, EntryLog.collection)
    rules = entry_rules(store, actor, community_id)

    def work(write: Write) -> EntryLog:
        given = {name: value for name, value in values.items() if value is not None}
        entry = build(EntryLog, {"entered_at": write.at, **given, "community_id": community_id})
        entry = rules.settle(entry, Gate.of(_gate(write, entry)))
        _check_moments(entry, write.at)
        return write.insert(entry)

    return shown(store.write(actor, work, key=key))


def let_out(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    at: datetime | None = None,
    key: str | None = None,
) -> EntryLog:
    """It left, now or at ``at``. Raises Invalid when it had left before, Conflict, NotFound, Refused."""
    rules = entry_rules(store, actor, community_id)

    def work(write: Write) -> EntryLog:
        entry = write.read(EntryLog, community_id, id)
        if not entry.is_open:
            raise Invalid({"left_at": Message(msg("It had left already."))})
        left = rules.settle(entry.model_copy(update={"left_at": at or max(write.at, entry.entered_at)}), named=False)
        _check_moments(left, write.at)
        return write.update(EntryLog, community_id, id, revision, _settled(left))

    return store.write(actor, work, key=key)


def close_unknown(store: Store, actor: Actor, community_id: str, visits: Mapping[str, int]) -> int:
    """Close open visits, given by id and revision: they left, nobody knows when. Those that left meanwhile are passed
    over; returns how many were closed. At most AT_ONCE. Raises NotFound, Refused."""
    rules = entry_rules(store, actor, community_id)

    def work(write: Write) -> int:
        closed = 0
        for id, revision in list(visits.items())[:AT_ONCE]:
            entry = write.read(EntryLog, community_id, id)
            if entry.is_open and entry.revision == revision:
                gone = rules.settle(entry.model_copy(update={"exit_unknown": True}), named=False)
                write.update(EntryLog, community_id, id, revision, _settled(gone))
                closed += 1
        return closed

    return store.write(actor, work)


def edit_entry(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> EntryLog:
    """Put an entry right. Raises Invalid, Conflict, NotFound, Refused."""
    rules = entry_rules(store, actor, community_id)

    def work(write: Write) -> EntryLog:
        entry = write.read(EntryLog, community_id, id)
        changed = build(EntryLog, {**dict(entry), **changes})
        if changed.who and changed.forgotten:
            raise Invalid({"who": Message(msg("Who it was has been erased, and is not entered again."))})
        moved = changed.gate_id != entry.gate_id
        changed = rules.settle(changed, Gate.of(_gate(write, changed)) if moved else None, named="who" in changes)
        _check_moments(changed, write.at)
        return write.update(EntryLog, community_id, id, revision, {**changes, **_settled(changed)})

    return store.write(actor, work)


def remove_entry(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out an entry that was made by mistake. Raises Conflict, NotFound, Refused."""
    store.delete(actor, EntryLog, community_id, id, revision)


def reveal_entry(store: Store, actor: Actor, community_id: str, id: str, reason: Reason | str) -> EntryLog:
    """An entry with who it was in full. Who looked, when and why goes on record. Raises Invalid for a reason that is
    none, NotFound, Refused."""
    require(actor, Operation.READ, LOOKING)
    try:
        why = Reason(reason)
    except ValueError:
        raise Invalid({"reason": Message(msg("Choose one of the list"))}) from None

    return store.write(actor, lambda write: write.reveal(EntryLog, community_id, id, {"purpose": str(why)}), vital=True)


def forget_expired(store: Store, actor: Actor, community_id: str, *, on: date) -> int:
    """Erase who came, and what was remarked of them, from every entry older than the community keeps that, in what
    imports replaced too; the entries stay for the figures. Returns how many. Raises Refused, Unavailable.

    Past the revision: nothing that a person wrote is changed, and whoever saves an entry in the same moment brings
    back at most what the next round erases.
    """
    require(actor, Operation.DELETE, EntryLog.collection)
    seen = reach(actor, community_id)
    days = entry_rules(store, actor, community_id).days
    kept_from = datetime.combine(on - timedelta(days=days), time(), store.zone(community_id)).astimezone(UTC)
    mine = scope(actor, EntryLog, community_id)
    entries, n = store.db[EntryLog.collection], 0
    with our_errors(writing=True):
        while True:
            with pymongo.timeout(WRITE_SECONDS):
                over = {**mine, "entered_at": {"$lt": kept_from}, "who": {"$exists": True}}
                ids = [one["_id"] for one in entries.find(over, {"_id": 1}).limit(CHUNK)]
                if not ids:
                    break
                blank = {"$unset": {"who": "", "remark": ""}, "$set": {"forgotten": True}}
                n += entries.update_many({**mine, "_id": {"$in": ids}}, blank).modified_count
        with pymongo.timeout(WRITE_SECONDS):
            over = {"collection": EntryLog.collection, "before.entered_at": {"$lt": kept_from}}
            over |= {} if seen is None else {"before.grid_id": {"$in": sorted(seen)}}
            store.db[LEDGER].update_many(
                {"community_id": community_id, **over, "before.who": {"$exists": True}},
                {"$unset": {"before.who": "", "before.remark": ""}, "$set": {"before.forgotten": True}},
            )
    if n:
        facts = {"entries": n, "before": kept_from}

        def tell(write: Write) -> None:
            write.note("forget", EntryLog.collection, community_id, "", facts)
            write.touch(community_id, LEDGER)

        store.write(actor, tell)
    return n


_FOLLOWS = ("control", "grid_id", "handling", "exit_unknown", "is_open", "noted", "hour", "complete", "exceptions")


def _settled(entry: EntryLog) -> dict[str, Any]:
    """What ``settle`` made of an entry, and its exit, as changes."""
    return {name: getattr(entry, name) for name in (*_FOLLOWS, "left_at")}


def _gate(write: Write, entry: EntryLog) -> Facility:
    gate = write.referred(Facility, entry.community_id, "gate_id", entry.gate_id)
    if gate.category not in GATED:
        raise Invalid({"gate_id": Message(msg("Nothing comes in through this: choose a gate or a door."))})
    return gate


def _check_moments(entry: EntryLog, now: datetime) -> None:
    """Nobody comes or goes in the future, or goes before coming."""
    if ahead := entry.ahead(now):
        raise Invalid({name: Message(msg("This lies in the future")) for name in ahead})
    if entry.left_at and entry.left_at < entry.entered_at:
        raise Invalid({"left_at": Message(msg("This lies before it came in"))})
