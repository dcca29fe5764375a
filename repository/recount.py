"""Counters against records: check that they agree, and make them again where they do not.

Both use the same ``contributions`` as every write. A rebuild takes one month of one community per transaction and
touches every counter document of that month, so that a writer in the same moment conflicts with it (and runs again)
rather than vanish, and readers never see half of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pymongo
from pymongo import ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from repository import (  # noqa: F401 (importing declares what is counted)
    activities,
    entries,
    hazards,
    inspections,
    maintenance,
    meetings,
    organizations,
    patrols,
    projects,
    requests,
    residents,
    rollups,
)
from repository.access import Actor, Operation, reach, require
from repository.filters import Is
from repository.record import RECORDS, Record, field_specs
from repository.rollups import COUNTS, SEEN, Place, Presence, Tally
from repository.store import DURABLE, Store, Unavailable, require_plain
from repository.words import msg

Document = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A counter that is not what the records add up to."""

    community_id: str
    place: Place
    path: str
    counted: int
    """What the records give."""
    kept: int
    """What the counter says."""


def counted_records() -> list[type[Record]]:
    """The Record classes that keep counters."""
    return [record for record in RECORDS.values() if record.subjects]


def check(store: Store, actor: Actor, community_id: str) -> list[Difference]:
    """Every counter of a community that differs from its records, read in one snapshot while people work.

    Raises Refused; reads every record once (about 20 s for a million work orders).
    """
    require(actor, Operation.UPDATE, COUNTS)
    reach(actor, community_id)
    zone = store.zone(community_id)
    atoms: Tally = Counter()
    presence = Presence()
    with store.client.start_session(snapshot=True) as session:
        kept = {
            _place(document): dict(rollups.flat(_counters(document)))
            for document in store.db[COUNTS].find({"community_id": community_id}, session=session)
            if document["subject"] not in (rollups.WRITES.subject, SEEN)
        }
        seen = _seen(store, session, community_id)
        for record in counted_records():
            for document in store.documents(record, {"community_id": community_id}, session=session):
                for atom, n in rollups.contributions(record, document, zone):
                    atoms[atom] += n
                presence.add(record, document, zone, 1)
    for months in seen.values():
        atoms.update(rollups.people_atoms(rollups.words_of(months)))
    counted = rollups.spread(atoms)
    found = []
    for place in kept.keys() | counted.keys():
        left, right = counted.get(place, {}), kept.get(place, {})
        found += [
            Difference(community_id, place, path, left.get(path, 0), right.get(path, 0))
            for path in left.keys() | right.keys()
            if left.get(path, 0) != right.get(path, 0)
        ]
    for resident, came, stood in _presence_differences(presence, seen):
        found.append(Difference(community_id, rollups.seen_place(""), resident, came, stood))
    return sorted(found, key=lambda difference: (difference.place, difference.path))


def rebuild(store: Store, actor: Actor, community_id: str) -> int:
    """Make every counter of a community again from its records; returns how many transactions it took.

    Safe while people work. Raises Refused.
    """
    require(actor, Operation.UPDATE, COUNTS)
    reach(actor, community_id)
    zone = store.zone(community_id)
    steps = 0
    for record in counted_records():
        steps += make_again(store, record, community_id)
    steps += _residents(store, actor, community_id, zone)
    people_again(store, community_id)
    steps += 1
    store.write(actor, lambda write: write.note("recount", COUNTS, community_id, community_id, {"steps": steps}))
    return steps


def make_again(store: Store, record: type[Record], community_id: str) -> int:
    """Make the counters of one kind of record again, but those of people; returns how many transactions it took. Raises
    Unavailable while an import is being written."""
    zone = store.zone(community_id)
    months = _months(store, record, community_id, zone)
    for month in months:
        _again(store, lambda session, month=month: _month(store, session, record, community_id, zone, month))
    if record.stock is None:
        return len(months)
    _again(store, lambda session: _stock(store, session, record, community_id, zone))
    return len(months) + 1


def people_again(store: Store, community_id: str) -> None:
    """Make the counters of distinct people again from what is kept of when each resident came. Raises Unavailable while
    an import is being written."""
    require_plain({"community_id": community_id})
    _again(store, lambda session: _people(store, session, community_id))


def seen_again(store: Store, community_id: str) -> None:
    """Make again what is kept of when each resident came, from the records, a few residents at a time. The counters of
    people are not moved with it: ``people_again`` makes those of what is kept then. Raises Unavailable."""
    require_plain({"community_id": community_id})
    zone = store.zone(community_id)
    of_all = {"community_id": community_id, "subject": SEEN}
    everybody = [one["resident"] for one in store.db[COUNTS].find(of_all, {"resident": 1})]
    for start in range(0, len(everybody), 500):
        some = everybody[start : start + 500]

        def again(session: ClientSession, some: list[str] = some) -> None:
            presence = Presence()
            theirs = {"community_id": community_id, "resident": Is(among=some)}
            for record in _present():
                for document in store.documents(record, theirs, session=session):
                    presence.add(record, document, zone, 1)
            writes = []
            for resident in some:
                months: dict[str, dict[str, int]] = defaultdict(dict)
                for (month, cell), n in presence.times[resident].items():
                    months[month][rollups.path_key(cell)] = n
                one = {"_id": rollups.seen_place(resident).document_id(community_id)}
                writes.append(UpdateOne(one, {"$set": {"months": months}, "$inc": {"changes": 1}}))
            store.db[COUNTS].bulk_write(writes, ordered=False, session=session)

        _again(store, again)


def _present() -> list[type[Record]]:
    """The Record classes that say when residents were there."""
    return [record for record in counted_records() if getattr(record, "presence", None)]


def _place(document: Document) -> Place:
    return Place(
        document["subject"],
        document["level"],
        document["period"],
        document.get("grid", ""),
        document.get("category", ""),
    )


_NOT_COUNTERS = frozenset({"_id", "community_id", "subject", "level", "period"})


def _counters(document: Document) -> Document:
    skip = _NOT_COUNTERS | ({"grid", "category"} if document["level"] == "cell" else set())
    return {name: value for name, value in document.items() if name not in skip}


def _again(store: Store, work: Any) -> None:
    """Run ``work(session)`` as a transaction, making counter documents that turn out to be missing."""
    while True:
        try:
            with store.client.start_session() as session, pymongo.timeout(120):
                session.with_transaction(work, ReadConcern("snapshot"), DURABLE)
            return
        except rollups.MissingCounters as missing:
            rollups.ensure(store.db, missing.community_id, missing.places)


def _months(store: Store, record: type[Record], community_id: str, zone: ZoneInfo) -> list[str]:
    """The months any counter or any document of the record speaks of."""
    months = {
        document["period"]
        for document in store.db[COUNTS].find(
            {"community_id": community_id, "subject": {"$in": list(record.subjects)}}, {"period": 1}
        )
    } - {rollups.NOW}
    for moment in record.moments:
        root = moment.split(".", maxsplit=1)[0]
        pipeline: list[Document] = [{"$match": {"community_id": community_id, root: {"$exists": True}}}]
        pipeline += [{"$unwind": f"${root}"}] if field_specs(record)[root].many else []
        own = _clock(record, moment, zone)
        pipeline += [{"$group": {"_id": {"$dateTrunc": {"date": f"${moment}", "unit": "month", "timezone": str(own)}}}}]
        for group in store.db[record.collection].aggregate(pipeline):
            if group["_id"] is not None:
                months.add(rollups.month_of(group["_id"], own))
    return sorted(months)


def _clock(record: type[Record], moment: str, zone: ZoneInfo) -> ZoneInfo:
    """By whose clock a moment is cut into months. Days are stored as UTC midnights: no zone may move them."""
    spec = field_specs(record)[moment.split(".", maxsplit=1)[0]]
    return ZoneInfo("UTC") if spec.kind == "day" else zone


def _replace(store: Store, session: ClientSession, community_id: str, existing: list[Document], atoms: Tally) -> None:
    flying = {"community_id": community_id, "in_flight": True, "running": True}
    if store.db["import_batches"].find_one(flying, session=session):
        # a row it replaces may stand under another month already, where this month's search does not find it
        raise Unavailable(
            msg(
                "An import is being written just now, so the counters were not all made anew. "
                "Do it once more in a minute."
            )
        )
    wanted = rollups.spread(atoms)
    there = {_place(document) for document in existing}
    if missing := wanted.keys() - there:
        raise rollups.MissingCounters(community_id, missing)
    operations = [
        ReplaceOne(
            {"_id": place.document_id(community_id), "community_id": community_id},
            place.fields(community_id) | rollups.nested(wanted.get(place, {})),
        )
        for place in there
    ]
    if operations:
        store.db[COUNTS].bulk_write(operations, ordered=False, session=session)


def _month(
    store: Store, session: ClientSession, record: type[Record], community_id: str, zone: ZoneInfo, month: str
) -> None:
    existing = list(
        store.db[COUNTS].find(
            {"community_id": community_id, "subject": {"$in": list(record.subjects)}, "period": month}, session=session
        )
    )
    within: list[Document] = []
    for moment in record.moments:
        start, end = rollups.month_bounds(month, _clock(record, moment, zone))
        if "." in moment:
            root, leaf = moment.split(".")
            within.append({root: Is(some={leaf: Is(gte=start, lt=end)})})
        else:
            within.append({moment: Is(gte=start, lt=end)})
    atoms: Tally = Counter()
    for document in store.documents(record, {"community_id": community_id, "$or": within}, session=session):
        for atom, n in rollups.contributions(record, document, zone):
            if atom[2] == month:
                atoms[atom] += n
    _replace(store, session, community_id, existing, atoms)


def _stock(store: Store, session: ClientSession, record: type[Record], community_id: str, zone: ZoneInfo) -> None:
    existing = list(
        store.db[COUNTS].find(
            {"community_id": community_id, "subject": {"$in": list(record.subjects)}, "period": rollups.NOW},
            session=session,
        )
    )
    atoms: Tally = Counter()
    for document in store.documents(record, {"community_id": community_id, **(record.stock or {})}, session=session):
        for atom, n in rollups.contributions(record, document, zone):
            if atom[1] == "stock":
                atoms[atom] += n
    _replace(store, session, community_id, existing, atoms)


def _people(store: Store, session: ClientSession, community_id: str) -> None:
    of_people = {"community_id": community_id, "subject": {"$in": list(rollups.PEOPLE)}}
    existing = list(store.db[COUNTS].find(of_people, session=session))
    atoms: Tally = Counter()
    for months in _seen(store, session, community_id).values():
        atoms.update(rollups.people_atoms(rollups.words_of(months)))
    _replace(store, session, community_id, existing, atoms)


def _seen(
    store: Store, session: ClientSession, community_id: str, some: Sequence[str] | None = None
) -> dict[str, Document]:
    """When residents came, as it is kept: all of them, or some."""
    places = None if some is None else [rollups.seen_place(resident).document_id(community_id) for resident in some]
    which = {"community_id": community_id, "subject": SEEN} if places is None else {"_id": {"$in": places}}
    return {one["resident"]: one["months"] for one in store.db[COUNTS].find(which, session=session)}


def _presence_differences(presence: Presence, seen: dict[str, Document]) -> Iterator[tuple[str, int, int]]:
    came: dict[str, Counter[tuple[str, str]]] = {
        resident: Counter({cell: n for cell, n in cells.items() if n}) for resident, cells in presence.times.items()
    }
    stood = {
        resident: Counter(
            {(month, cell): n for month, cells in rollups.words_of(months).items() for cell, n in cells.items()}
        )
        for resident, months in seen.items()
    }
    for resident in came.keys() | stood.keys():
        left, right = came.get(resident, Counter()), stood.get(resident, Counter())
        if left != right:
            yield resident, sum(left.values()), sum(right.values())


def _residents(store: Store, actor: Actor, community_id: str, zone: ZoneInfo) -> int:
    """Put right the residents whose ``SEEN`` document differs from their records, a few at a time; the counters of
    people move with them."""
    with store.client.start_session(snapshot=True) as session:
        presence = Presence()
        for record in _present():
            for document in store.documents(record, {"community_id": community_id}, session=session):
                presence.add(record, document, zone, 1)
        seen = _seen(store, session, community_id)
    wrong = [resident for resident, _, _ in _presence_differences(presence, seen)]
    for start in range(0, len(wrong), 500):
        some = wrong[start : start + 500]

        def put_right(write: Any, some: list[str] = some) -> None:
            change = Presence()
            theirs = {"community_id": community_id, "resident": Is(among=some)}
            for record in _present():
                for document in store.documents(record, theirs, session=write.session):
                    change.add(record, document, zone, 1)
            for resident, months in _seen(store, write.session, community_id, some).items():
                for month, cells in rollups.words_of(months).items():
                    for cell, n in cells.items():
                        change.times[resident][month, cell] -= n
            write.add_counts(community_id, Counter(), change)

        store.write(actor, put_right)
    return len(wrong) // 500 + 1
