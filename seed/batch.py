"""Whole communities written at once: records in chunks, counters from the same functions as every write, one audit
entry. Readers see none of it before the end: a community becomes visible last, together with that entry."""

import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from repository import rollups
from repository.access import Actor, Role
from repository.record import RECORDS, Record
from repository.rollups import COUNTS, Presence, Tally
from repository.store import Store, Write
from repository.words import Trouble, msg

Document = dict[str, Any]

CHUNK = 2_000  # documents to one insert_many: quicker than 1,000, no slower than 10,000
SEEDER = Actor("seed", "演示数据", Role.ADMIN)


class Occupied(Trouble):
    """The database already holds communities. Nothing was changed."""


@contextmanager
def loading(store: Store, seconds: float = 120) -> Iterator[bool]:
    """Let one process load at a time; yields whether another one had to be waited for. A loader that was killed keeps
    the others out for ``seconds`` at most."""
    mine, waited = uuid.uuid4().hex, False
    meta = store.db["meta"]
    while True:
        now = store.clock()
        try:
            meta.update_one(
                {"_id": "loading", "until": {"$lt": now}},
                {"$set": {"by": mine, "until": now + timedelta(seconds=seconds)}},
                upsert=True,
            )
            break
        except DuplicateKeyError:
            waited = True
            time.sleep(0.2)
    try:
        yield waited
    finally:
        meta.delete_one({"_id": "loading", "by": mine})


class Batch:
    """The records of communities that aren't there yet. ``add`` writes them, ``finish`` makes them visible.

    A batch that was never finished leaves rows that belong to no community; the next one with the same ids clears them.
    """

    def __init__(self, store: Store, community_ids: Sequence[str]) -> None:
        self._store = store
        self._zones: dict[str, ZoneInfo] = {}
        self._atoms: dict[str, Tally] = defaultdict(Counter)
        self._presence: dict[str, Presence] = defaultdict(Presence)
        self._numbers: list[Document] = []
        self._writer = ThreadPoolExecutor(1, "seed")
        self._under_way: deque[Future[object]] = deque()
        self.written: Counter[str] = Counter()
        theirs = {"community_id": {"$in": list(community_ids)}}
        for name in (*RECORDS, COUNTS):
            if store.db[name].find_one(theirs, {"_id": 1}):
                store.db[name].delete_many(theirs)

    def __enter__(self) -> "Batch":
        return self

    def __exit__(self, *_error: object) -> None:
        self._writer.shutdown(cancel_futures=True)

    def add(
        self, record: type[Record], community_id: str, documents: Iterable[Document], zone: ZoneInfo | None = None
    ) -> None:
        """Write documents of one community and take them into its counters."""
        zone = zone or ZoneInfo("Asia/Shanghai")
        atoms, presence = self._atoms[community_id], self._presence[community_id]
        collection = self._store.db[record.collection]
        stream = iter(documents)
        while chunk := list(islice(stream, CHUNK)):
            self._write(collection, chunk)
            self.written[record.collection] += len(chunk)
            if record.subjects:
                atoms.update(rollups.tally(record, chunk, zone))
            for document in chunk:
                presence.add(record, document, zone, 1)

    def numbered(self, community_id: str, series: str, last: int) -> None:
        """Say how far a community's series of numbers was used, so that the next one is free."""
        self._numbers.append({"_id": f"{community_id}|{series}", "community_id": community_id, "next": last})

    def finish(self, communities: Sequence[Document], facts: Mapping[str, Any]) -> None:
        """Write the counters, then the communities with the batch's one audit entry, in one transaction."""
        for community_id in self._atoms.keys() | self._presence.keys():
            self._count(community_id)
        self._wait(0)
        numbers = self._store.db["numbers"]
        numbers.delete_many({"_id": {"$in": [series["_id"] for series in self._numbers]}})
        if self._numbers:
            numbers.insert_many(self._numbers)
        batch_id = str(ObjectId())

        def reveal(write: Write) -> None:
            store = write.store
            store.db["communities"].insert_many([dict(one) for one in communities], session=write.session)
            write.touch(communities[0]["_id"])  # all its records were written before
            write.note(
                "seed",
                "communities",
                communities[0]["_id"],
                batch_id,
                {
                    **facts,
                    "name": communities[0]["name"],  # by which the trail calls it
                    "communities": len(communities),
                    "written": dict(self.written),
                },
            )

        self._store.write(SEEDER, reveal)

    def _write(self, collection: Collection[Document], chunk: list[Document]) -> None:
        """Send a chunk while the next one is made: the server works in the meantime."""
        self._under_way.append(self._writer.submit(collection.insert_many, chunk, ordered=False))
        self._wait(2)

    def _wait(self, most: int) -> None:
        while len(self._under_way) > most:
            self._under_way.popleft().result()

    def _count(self, community_id: str) -> None:
        db, atoms = self._store.db, self._atoms[community_id]
        came: dict[str, dict[str, dict[str, int]]] = {}
        for resident, cells in self._presence[community_id].changed().items():
            months: dict[str, dict[str, int]] = defaultdict(dict)
            for (month, cell), n in cells.items():
                months[month][cell] = n
            atoms.update(list(rollups.people_atoms(months)))  # one of each
            came[resident] = months
        for chunk in _chunks(
            rollups.seen_document(community_id, resident, months) for resident, months in came.items()
        ):
            self._write(db[COUNTS], chunk)
        for chunk in _chunks(
            {"_id": place.document_id(community_id), **place.fields(community_id), **rollups.nested(paths)}
            for place, paths in rollups.spread(atoms).items()
        ):
            self._write(db[COUNTS], chunk)


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    stream = iter(documents)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def require_no_communities(store: Store) -> None:
    """Raise Occupied if the database holds a community."""
    found = store.db["communities"].find_one({}, {"name": 1})
    if found is not None:
        raise Occupied(
            msg(
                "This database already holds a community ({name}), so nothing was loaded and nothing was changed. "
                "Use an empty one: set GRIDBOARD_HOME to another folder."
            ),
            name=found.get("name", found["_id"]),
        )
