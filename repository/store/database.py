"""The database: connect, read, begin a write, and settle whether it may."""

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar, cast
from zoneinfo import ZoneInfo

import pymongo
from bson import CodecOptions
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from repository import rollups
from repository.access import Actor, Operation, Refused, Role, reach, require, require_reach, scope
from repository.filters import Is, strange
from repository.record import RECORDS, Record, resident_key
from repository.store.errors import (
    FIELD_MISFIT,
    GONE,
    NO_KEYS,
    Conflict,
    Duplicate,
    Full,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Restoring,
    SignedOut,
    Unavailable,
    Unsuitable,
    our_errors,
)
from repository.store.footprint import Footprint, WatchedDatabase, Writes, note_read, noting
from repository.store.impersonal import Document, require_impersonal, without_personal
from repository.store.writing import AUDIT, EVERYWHERE, SEALS, Write, own_key
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.store")
R = TypeVar("R", bound=Record)
T = TypeVar("T")

READ_SECONDS = 5.0
WRITE_SECONDS = 20.0
PENDING_SECONDS = 0.5  # how old the list of imports in flight may be; an import waits longer than that before its rows
ROOM_SCARCE, ROOM_NEEDED = 1_000_000_000, 500_000_000  # bytes free below which is warned, and not written any more
ROOM_KEPT = 200_000_000  # ... but for what must go on: signing in, taking rights away, the note of a backup
ROOM_PATIENCE = 1.0  # seconds a write waits to be told how much room there is
ROOM_SECONDS = 10.0  # how old the knowledge of free space may be; a server that runs out of it ends itself
KEYLESS_SECONDS = 60.0  # how old the knowledge may be that nobody was ever erased; what comes back then goes in a day
BLOCKED_SECONDS = 3.0  # how long a write runs into others before it looks whether one of them is dead
ABANDONED_SECONDS = 8.0  # a living process does not leave its transaction alone for so long
SKEW_SECONDS = 60.0  # clocks may differ by so much; an entry is sealed after five minutes
DURABLE = WriteConcern("majority", j=True)
SIGN_INS = "sign_ins"  # who is signed in now, and with which rights: see accounts


def require_plain(filter: Any, record: type[Record] | None = None) -> None:
    """Raise Invalid, naming the field, for a filter that asks it for what its values cannot be: for anything in a
    caller's value that the server would take for a test (see filters)."""
    if (field := strange(filter, record)) is not None:
        raise Invalid({field: Message(FIELD_MISFIT)})


def _counters(community_id: str, wanted: Sequence[Mapping[str, Any]]) -> Document:
    """The filter of counter documents that match one of ``wanted``. Raises Invalid."""
    either = [{"community_id": community_id, **one} for one in wanted]
    within = either[0] if len(either) == 1 else {"$or": either}
    require_plain(within)
    return within


def _hint(record: type[Record], index: tuple[str, ...]) -> Document:
    return {"hint": next(one.name for one in record.indexes if one.keys == index)}


def _period(document: Document) -> str:
    return str(document.get("period", ""))


def utc_now() -> datetime:
    """Now, in UTC, with the milliseconds MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Engine:
    """The server behind a store: ``warnings`` are known holes of its version, for the start-up log and doctor."""

    version: str
    topology: str
    warnings: tuple[Message, ...]


MONGOS = "mongos"  # the topology of a sharded cluster; else it is the replica set's name
META = "meta"  # facts of the database
RESTORING = "restoring"  # the mark of a restore; it stands among the sign-ins, so that a write reads both at once
ERASURES = "erasures"  # whose codes are not to come back: see erasure
_ERASURE_KEY = "erasure_key"  # in META
LEDGER = "import_changes"  # what imports replaced and took out, for their undo: see importer.chunks

# CVE-2025-14847 (zlib, unauthenticated heap read) and what came with it
_PATCHED = {6: (6, 0, 27), 7: (7, 0, 28), 8: (8, 0, 17)}


def actor_of(sign_in: Mapping[str, Any]) -> Actor:
    """Who acts under a stored sign-in."""
    return Actor(
        id=sign_in["user_id"],
        name=sign_in["name"],
        role=Role(sign_in["role"]),
        communities=frozenset(sign_in["communities"]) or None,
        grids=frozenset(sign_in["grids"]) or None,
        sign_in=sign_in["_id"],
        people=tuple(sign_in.get("people", ())),  # a sign-in of an older version bears none
        companies=tuple(sign_in.get("companies", ())),
    )


class Standing(NamedTuple):
    """What a write has to know before it begins: that its actor may write, and under which seal.

    All of it is changed only together with the number of writes at EVERYWHERE: by what begins, changes and ends a
    sign-in, and by whoever seals. So it holds for as long as that number stands at ``since``, and a write that finds it
    there at its end need not ask again at its beginning. A restore is not begun where anybody ever signed in.
    """

    actor: Actor
    mark: int
    since: int | None = None
    """None: asked for anew each time."""
    until: datetime | None = None


class _Doubtful(Exception):
    """What an earlier write found out may not hold any more: begin again, and ask."""


class Wanted(NamedTuple):
    """What ``Store.together`` reads of one collection."""

    record: type[Record]
    filter: Mapping[str, Any] | None = None
    """One that keeps to the actor's reach, in place of the usual scope."""
    fields: tuple[str, ...] = ()
    """Which to read; none: all."""
    first: tuple[str, int] | None = None
    """Only so many that come first by a field: the field and the number. None: all, in no order."""
    steps: tuple[Mapping[str, Any], ...] = ()
    """What to make of them: stages of an aggregation, whose rows are then told as they are."""
    reader: Actor | None = None
    """Who reads them for the actor: whoever asks cuts what is told of them."""
    by: tuple[str, ...] | None = None
    """The keys of the index to use, as ``Store.aggregate`` has it: for a large collection."""


class Counters(NamedTuple):
    """The counter documents ``Store.together`` reads beside records; see ``Store.counters_of``."""

    wanted: Sequence[Mapping[str, Any]]
    fields: Mapping[str, Any] | None = None


class Store:
    """A database that keeps records. One per process; thread-safe.

    ``clock`` gives now in UTC: tests pass their own, nothing patches time.
    """

    patience = READ_SECONDS
    """How long a question may take."""

    def __init__(self, client: MongoClient[Document], database: str, clock: Callable[[], datetime] = utc_now) -> None:
        self.client = client
        options: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self.db: Database[Document] = WatchedDatabase(
            client, database, options, ReadPreference.PRIMARY_PREFERRED, DURABLE
        )
        self.clock = clock
        self._zones: dict[str, ZoneInfo] = {}
        self._places: set[tuple[str, rollups.Place]] = set()
        self._pending: tuple[float, tuple[str, ...]] = (-1e9, ())
        self._there: dict[tuple[str, str, str], float] = {}
        self._standings: dict[str, Standing] = {}  # by sign-in
        self._writes: dict[str, int] = {}
        self._erasure_key = b""
        self._keyless = -1e9  # when it was last seen that there is none
        self._room: tuple[float, int | None] = (-1e9, None)
        self._swept = -1e9
        self._lock = threading.Lock()

    # --- the server
    @classmethod
    def connect(
        cls, uri: str, database: str | None = None, clock: Callable[[], datetime] = utc_now, **options: Any
    ) -> "Store":
        """Open a store on a MongoDB URI; ``database`` wins over the URI's. Raises Unsuitable or Unavailable."""
        try:
            client: MongoClient[Document] = MongoClient(
                uri,
                retryWrites=True,
                retryReads=True,
                appname="gridboard",
                maxPoolSize=50,
                serverSelectionTimeoutMS=int(WRITE_SECONDS * 1000),
                tz_aware=True,
                **options,
            )
            name = database or client.get_default_database("gridboard").name
        except PyMongoError as error:
            raise Unsuitable(
                msg("The address of the database cannot be used: {reason}. Look at MONGODB_URI."), reason=str(error)
            ) from error
        store = cls(client, name, clock)
        topology, seen = store.engine().topology, client.topology_description
        if seen.topology_type_name == "Single" and seen.replica_set_name is None and topology != MONGOS:
            # a direct connection that names no set takes a server in which the set is only starting for one that knows
            # no sessions, and what was opened to it then stays so
            store.close()
            return cls.connect(uri, database, clock, **{**options, "replicaSet": topology})
        return store

    def engine(self) -> Engine:
        """What the server is. Raises Unsuitable for a standalone, Unavailable without an answer, or while its replica
        set is only starting."""
        with our_errors(), pymongo.timeout(READ_SECONDS):
            hello = self.client.admin.command("hello")
            version = str(self.client.admin.command("buildInfo")["version"])
        topology = MONGOS if hello.get("msg") == "isdbgrid" else str(hello.get("setName", ""))
        if not topology and hello.get("isreplicaset"):
            raise Unavailable(
                msg("This MongoDB's replica set has not started yet; try again. A new one first needs: rs.initiate()")
            )
        if not topology:
            raise Unsuitable(
                msg(
                    "This MongoDB is a standalone server: it has no transactions, so a record and its audit entry can "
                    "come apart. Start it as a replica set; one member will do: --replSet rs0, then rs.initiate()."
                )
            )
        warnings = self._skew(hello.get("localTime"))
        numbers = tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".")[:3])
        patched = _PATCHED.get(numbers[0])
        if numbers < (6, 0, 0):
            warnings.append(
                Message(msg("MongoDB {version} is older than 6.0 and not supported."), {"version": version})
            )
        elif patched and numbers < patched:
            warnings.append(
                Message(
                    msg(
                        "MongoDB {version} has known security holes (CVE-2025-14847 and others), closed in {patched}. "
                        "Do not open it to a network."
                    ),
                    {"version": version, "patched": ".".join(map(str, patched))},
                )
            )
        return Engine(version, topology, tuple(warnings))

    @staticmethod
    def _skew(there: datetime | None) -> list[Message]:
        """A warning when this machine's clock and the database's differ so much that the trail could not be sealed."""
        here = utc_now()
        seconds = 0.0 if there is None else abs((here - there.replace(tzinfo=there.tzinfo or UTC)).total_seconds())
        if seconds <= SKEW_SECONDS:
            return []
        text = msg("This machine's clock and the database's differ by {seconds} s. Set both by the network (NTP).")
        return [Message(text, {"seconds": round(seconds)})]

    def room(self, seconds: float = READ_SECONDS) -> int | None:
        """Bytes free on the database's disk (of a replica set: the primary's), some seconds old at most; None where
        the server does not tell. Raises Unavailable."""
        looked_at, free = self._room
        if time.monotonic() - looked_at > ROOM_SECONDS and self.led():
            self._room = (time.monotonic(), free)  # whoever asks meanwhile, or after this failed, need not wait too
            with our_errors(), pymongo.timeout(seconds):
                told = self.db.command("dbStats")
            free = int(told["fsTotalSize"] - told["fsUsedSize"]) if "fsTotalSize" in told else None
            self._room = (time.monotonic(), free)
        return free

    def require_room(self, needed: int | None = None) -> None:
        """Raise Full when less than ``needed`` bytes of disk (ROOM_NEEDED) are free, at which the server might soon end
        itself. Whether the database answers at all is the write's own business."""
        try:
            free = self.room(ROOM_PATIENCE)
        except Unavailable:
            free = self._room[1]
        if free is not None and free < (ROOM_NEEDED if needed is None else needed):
            raise Full(
                msg(
                    "The disk of the database is nearly full ({free} MB free), so nothing is written any more. Nothing "
                    "was changed and everything can be read. Make room; then do it again."
                ),
                free=free // 1_000_000,
            )

    def restoring(self) -> bool:
        """Is the database being filled from a backup, or was that cut off? Then nobody may use it."""
        with our_errors(), pymongo.timeout(READ_SECONDS):
            return self.db[SIGN_INS].find_one({"_id": RESTORING}) is not None

    def require_open(self) -> None:
        """Raise Restoring while the database is being filled from a backup."""
        if self.restoring():
            raise Restoring

    def ping(self, seconds: float = 2.0) -> None:
        """Raise Unavailable unless the database answers in time."""
        with our_errors(), pymongo.timeout(seconds):
            self.client.admin.command("ping", read_preference=ReadPreference.PRIMARY_PREFERRED)

    def led(self) -> bool:
        """Does a replica set have a primary, as far as this process knows? The driver hears of a change by itself."""
        return self.client.topology_description.topology_type_name != "ReplicaSetNoPrimary"

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    # --- reading
    def zone(self, community_id: str) -> ZoneInfo:
        """The community's own time zone, in which moments are cut into days and months."""
        zone = self._zones.get(community_id)
        note_read("communities")
        if zone is None:
            with our_errors(), pymongo.timeout(READ_SECONDS):
                found = self.db["communities"].find_one({"_id": community_id}, {"time_zone": 1})
            if found is None:
                return ZoneInfo("Asia/Shanghai")
            zone = self._zones[community_id] = ZoneInfo(found.get("time_zone", "Asia/Shanghai"))
        return zone

    def pending_batches(self, session: ClientSession | None = None) -> tuple[str, ...]:
        """Imports in flight or being rolled back: nobody sees their rows. At most half a second old; in a session as
        its snapshot has them, so that what counts there agrees with what is seen there."""
        if session is not None:
            found = self.db["import_batches"].find({"in_flight": True}, {"_id": 1}, session=session)
            return tuple(document["_id"] for document in found)
        read_at, pending = self._pending
        if time.monotonic() - read_at > PENDING_SECONDS:
            found = self.db["import_batches"].find({"in_flight": True}, {"_id": 1})
            pending = tuple(document["_id"] for document in found)
            self._pending = (time.monotonic(), pending)
        return pending

    def reread_pending(self) -> None:
        """Ask anew which imports are in flight: for the process that has just begun or ended one."""
        self._pending = (-1e9, ())

    def _seen(
        self, record: type[Record], filter: Mapping[str, Any], pending: tuple[str, ...] | None = None
    ) -> Document:
        """The filter as it is sent, for what readers see: every one passes here, and is looked at. Raises Invalid."""
        require_plain(filter, record)
        pending = self.pending_batches() if pending is None else pending
        return {**filter, "batch_id": Is(not_among=pending)} if pending and "batch_id" not in filter else {**filter}

    def _as_seen(self, document: Document, pending: tuple[str, ...] | None = None) -> Document:
        """What readers see of a document: what stood before, while a batch that replaces it is in flight."""
        before = document.pop("_before", None)
        if before is not None and before["batch_id"] in (self.pending_batches() if pending is None else pending):
            return dict(before["document"])
        return document

    def documents(
        self,
        record: type[Record],
        filter: Mapping[str, Any],
        *,
        session: ClientSession | None = None,
        projection: Mapping[str, Any] | None = None,
        sort: Sequence[tuple[str, int]] | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> Iterator[Document]:
        """Raw documents as readers see them: for the rooms that count and import. Applies no permission."""
        pending = self.pending_batches(session)
        cursor = self.db[record.collection].find(self._seen(record, filter, pending), projection, session=session)
        if sort:
            cursor = cursor.sort(list(sort))
        for document in cursor.skip(int(skip)).limit(limit):
            yield self._as_seen(document, pending)

    def find(
        self,
        actor: Actor,
        record: type[R],
        community_id: str,
        filter: Mapping[str, Any] | None = None,
        *,
        grids: frozenset[str] | None = None,
        sort: Sequence[tuple[str, int]] | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[R]:
        """Records of a community that match ``filter``, within the actor's reach, without their personal fields.
        Raises Refused, Unavailable."""
        require(actor, Operation.READ, record.collection)
        require_impersonal(record, filter)
        within = {"$and": [scope(actor, record, community_id, grids), dict(filter or {})]}
        with our_errors(), pymongo.timeout(self.patience):
            found = self.documents(record, within, sort=sort, skip=skip, limit=limit)
            return [without_personal(record.from_document(document)) for document in found]

    def count(
        self,
        actor: Actor,
        record: type[Record],
        community_id: str,
        filter: Mapping[str, Any] | None = None,
        *,
        grids: frozenset[str] | None = None,
    ) -> int:
        """How many records ``find`` would return."""
        require(actor, Operation.READ, record.collection)
        require_impersonal(record, filter)
        within = {"$and": [scope(actor, record, community_id, grids), dict(filter or {})]}
        with our_errors(), pymongo.timeout(READ_SECONDS):
            return self.db[record.collection].count_documents(self._seen(record, within))

    def aggregate(
        self,
        actor: Actor,
        record: type[Record],
        community_id: str,
        pipeline: Sequence[Mapping[str, Any]],
        *,
        filter: Mapping[str, Any] | None = None,
        grids: frozenset[str] | None = None,
        index: tuple[str, ...] | None = None,
    ) -> list[Document]:
        """Run a pipeline behind a first ``$match`` of reach and ``filter``, without personal fields. ``index`` names
        the keys of the index to use: every index leads with the community, so the server would try out all of them
        first."""
        require(actor, Operation.READ, record.collection)
        require_impersonal(record, filter)
        match = self._seen(record, {**scope(actor, record, community_id, grids), **(filter or {})})
        with our_errors(), pymongo.timeout(READ_SECONDS):
            how: Document = {"batchSize": 10_000} | ({} if index is None else _hint(record, index))
            bare = [{"$unset": sorted(record.personal)}] if record.personal else []
            return self.db[record.collection].aggregate([{"$match": match}, *bare, *pipeline], **how).to_list()

    def together(
        self,
        actor: Actor,
        community_id: str,
        wanted: Sequence[Wanted | Counters],
        footprints: Sequence[Sequence[Footprint]] = (),
    ) -> list[list[Document]]:
        """Documents of several small collections in one command: the way there and back costs more than they do.
        Counters come by period, and the caller cuts them to the actor's grids with ``access.reach``. ``footprints``:
        where to note beside each what is read for it. What comes to the same, whoever reads it, is read once. A command
        can name one index; what names a further one is read in a command of its own, for the server would first try out
        all indexes that lead with the community.

        Raises Refused, Unavailable.
        """
        reach(actor, community_id)
        with our_errors(), pymongo.timeout(self.patience):
            pending = self.pending_batches()
            commands: list[list[tuple[str, list[Document]]]] = [[]]
            hints: list[Document] = [{}]
            branches: list[tuple[str, list[Document]]] = []
            read: list[int] = []  # for each the first that wants the same, whose rows are its too
            for place, each in enumerate(wanted):
                if isinstance(each, Counters):
                    name, branch = rollups.COUNTS, self._counting(community_id, each.wanted, each.fields)
                else:
                    name, branch = each.record.collection, self._branch(actor, community_id, each, pending)
                for footprint in footprints[place] if footprints else ():
                    footprint.reads(name, pipeline=branch)
                branches.append((name, branch))
                read.append(branches.index((name, branch)))
                if read[place] != place:
                    continue
                told = (name, [*branch, {"$set": {"_place": place}}])
                if isinstance(each, Counters) or each.by is None:
                    commands[0].append(told)
                elif hints[0]:
                    commands.append([told])
                    hints.append(_hint(each.record, each.by))
                else:
                    commands[0].insert(0, told)
                    hints[0] = _hint(each.record, each.by)
            found: list[list[Document]] = [[] for _ in wanted]
            for ((beginning, pipeline), *others), hint in zip(commands, hints, strict=True):
                pipeline += [{"$unionWith": {"coll": name, "pipeline": branch}} for name, branch in others]
                how = hint | self._given(community_id, {beginning, *(name for name, _branch in others)})
                for document in self.db[beginning].aggregate(pipeline, batchSize=10_000, **how).to_list():
                    place = document.pop("_place")
                    found[place].append(self._as_seen(document, pending))
        return [
            sorted(found[first], key=_period) if isinstance(each, Counters) else [*found[first]]
            for each, first in zip(wanted, read, strict=True)
        ]

    def _given(self, community_id: str, collections: Collection[str]) -> Document:  # noqa: ARG002 (of the past)
        """What goes with a command that reads these collections."""
        return {}

    def _counting(
        self, community_id: str, wanted: Sequence[Mapping[str, Any]], projection: Mapping[str, Any] | None
    ) -> list[Document]:
        branch = [{"$match": _counters(community_id, wanted)}]
        return [*branch, {"$project": dict(projection)}] if projection else branch

    def _branch(self, actor: Actor, community_id: str, wanted: Wanted, pending: tuple[str, ...]) -> list[Document]:
        record, filter, fields, first, steps, reader, _by = wanted
        actor = reader or actor
        require(actor, Operation.READ, record.collection)
        within = scope(actor, record, community_id) if filter is None else filter
        if within["community_id"] != community_id:
            raise ValueError("a filter of another community")
        require_impersonal(record, filter)
        branch: list[Document] = [{"$match": self._seen(record, within, pending)}]
        branch += [{"$sort": {first[0]: 1}}, {"$limit": first[1]}] if first else []
        branch += [{"$unset": sorted(record.personal)}] if record.personal else []
        branch += [{"$project": dict.fromkeys((*fields, "_before"), 1)}] if fields else []
        return [*branch, *map(dict, steps)]

    def get(self, actor: Actor, record: type[R], community_id: str, id: str) -> R:
        """One record. Raises NotFound if it is not there or out of reach."""
        if not isinstance(id, str):
            raise NotFound(GONE)
        found = self.find(actor, record, community_id, {"_id": id}, limit=1)
        if not found:
            raise NotFound(GONE)
        return found[0]

    def communities(self, actor: Actor) -> list[Document]:
        """Id, name, code and time zone of every community within the actor's reach, by name."""
        require(actor, Operation.READ, "communities")
        reachable = {} if actor.communities is None else {"_id": {"$in": sorted(actor.communities)}}
        with our_errors(), pymongo.timeout(READ_SECONDS):
            cursor = self.db["communities"].find(reachable, {"name": 1, "code": 1, "time_zone": 1, "demonstration": 1})
            return list(cursor.sort("name", 1).limit(1000))

    def names(
        self,
        actor: Actor,
        record: type[Record],
        community_ids: Sequence[str],
        filter: Mapping[str, Any] | None = None,
    ) -> dict[str, dict[str, str]]:
        """The names by id, in their order, of the records of several communities in one question, by community. Raises
        Refused when one is out of reach."""
        require(actor, Operation.READ, record.collection)
        require_impersonal(record, {"$and": [dict(filter or {}), {record.name_field: ""}]})
        names: dict[str, dict[str, str]] = {id: {} for id in community_ids}
        for id in community_ids:
            within = {**scope(actor, record, id), "community_id": Is(among=sorted(names))}  # the same grids in each
        wanted = {"community_id": 1, record.name_field: 1, "_before": 1}
        if names:
            with our_errors(), pymongo.timeout(READ_SECONDS):
                seen = {"$and": [within, dict(filter or {})]}
                for found in self.documents(record, seen, projection=wanted, sort=[(record.name_field, 1)]):
                    names[found["community_id"]][found["_id"]] = str(found.get(record.name_field, ""))
        return names

    def first_month(self, actor: Actor, community_id: str) -> str | None:
        """The first month any counter speaks of, as ``2026-04``; None without data."""
        require(actor, Operation.READ, rollups.COUNTS)
        reach(actor, community_id)
        within = {"community_id": community_id, "level": "month"}
        with our_errors(), pymongo.timeout(READ_SECONDS):
            found = [
                self.db[rollups.COUNTS].find_one({**within, "subject": subject}, {"period": 1}, sort=[("period", 1)])
                for subject in ("work_orders", "activities", "attendances", "entries", "requests")
            ]
        return min((document["period"] for document in found if document), default=None)

    def counters(
        self,
        community_id: str,
        subject: str,
        level: str,
        filter: Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """Counter documents (see rollups) of one subject and level, by period. The caller cuts them to the actor's
        grids with ``access.reach``."""
        return self.counters_of(community_id, [{"subject": subject, "level": level, **(filter or {})}], projection)

    def counters_of(
        self, community_id: str, wanted: Sequence[Mapping[str, Any]], projection: Mapping[str, Any] | None = None
    ) -> list[Document]:
        """The same of several: documents that match one of ``wanted``, each of which names subject and level."""
        if not wanted:
            return []
        within = _counters(community_id, wanted)
        with our_errors(), pymongo.timeout(READ_SECONDS):
            found = self.db[rollups.COUNTS].find(within, projection, batch_size=10_000).to_list()
        return sorted(found, key=_period)

    def writes(self, community_ids: Sequence[str]) -> dict[str, Writes]:
        """What writes each community has seen (``EVERYWHERE``: the list of communities, and accounts): what was read
        at or after these numbers were asked for is what anybody would read until those of what it was read from
        change, but for the clock. Raises Unavailable."""
        ids = {rollups.WRITES.document_id(id): id for id in community_ids}
        with our_errors(), pymongo.timeout(READ_SECONDS):
            found = list(self.db[rollups.COUNTS].find({"_id": {"$in": list(ids)}}, {"total": 1}))
        told = dict.fromkeys(community_ids, Writes())
        told.update({ids[document["_id"]]: Writes.read_from(document.get("total", {})) for document in found})
        counts = {id: writes.n for id, writes in told.items()}
        if any(self._writes.get(id) != n for id, n in counts.items()):
            self.reread_pending()  # an import may have ended with it
            self._there.clear()  # something may have been deleted, by whichever process
            if self._writes.get(EVERYWHERE) != counts.get(EVERYWHERE):
                self._zones.clear()
            self._writes.update(counts)
        return told

    # --- who was erased
    def erasure_key(self, *, make: bool = False) -> bytes:
        """What the codes of erased residents are kept under: of this database, and in its backups. Empty while nobody
        was erased, unless one is to be made. Raises Unavailable."""
        while not self._erasure_key:
            if not make and time.monotonic() - self._keyless < KEYLESS_SECONDS:
                return b""
            with our_errors(writing=make), pymongo.timeout(WRITE_SECONDS if make else READ_SECONDS):
                if found := self.db[META].find_one({"_id": _ERASURE_KEY}):
                    self._erasure_key = bytes(found["key"])
                elif not make:
                    self._keyless = time.monotonic()
                else:
                    with suppress(DuplicateKeyError):  # another process was quicker
                        self.db[META].insert_one({"_id": _ERASURE_KEY, "key": secrets.token_bytes(32)})
        return self._erasure_key

    def take_erasure_key(self, key: bytes) -> bool:
        """Keep on with the key of the database this one was restored from; False where it has another already. Raises
        Unavailable."""
        with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS), suppress(DuplicateKeyError):
            self.db[META].insert_one({"_id": _ERASURE_KEY, "key": key})
        return hmac.compare_digest(self.erasure_key(), key)

    def erasure_id(self, community_id: str, code: str) -> str:
        """Under which id an erased resident of the community stands on record: nothing leads from it to the code but
        trying all of them with the key."""
        what = f"{community_id}|{resident_key(code)}".encode("utf-8", "replace")
        return hmac.digest(self.erasure_key(), what, hashlib.sha256).hex()

    def erased(self, community_id: str, codes: Sequence[str], session: ClientSession | None = None) -> frozenset[str]:
        """Which of these residents' codes were erased. Raises Unavailable."""
        if not codes or not self.erasure_key():
            return frozenset()
        ids = {code: self.erasure_id(community_id, code) for code in codes}
        with our_errors(), pymongo.timeout(READ_SECONDS):
            where = {"_id": {"$in": sorted(set(ids.values()))}}
            there = {one["_id"] for one in self.db[ERASURES].find(where, {"_id": 1}, session=session)}
        return frozenset(code for code, id in ids.items() if id in there)

    # --- writing
    def write(
        self,
        actor: Actor,
        work: Callable[["Write"], T],
        *,
        key: str | None = None,
        seconds: float = WRITE_SECONDS,
        vital: bool = False,
    ) -> T:
        """Run ``work`` as one transaction and return what it returns; it may run more than once.

        ``key`` makes it happen once only: a second call with the same key (a double click, a retried submit) returns
        the record the first one made. It is given up after ``seconds``. What is ``vital`` (a sign-in, the end of one,
        rights taken away) is small and goes on when the disk is nearly full. Whether the sign-in still gives these
        rights is settled in the transaction: what was taken away a moment ago is not used any more. Raises SignedOut,
        Refused, Invalid, Restoring, Conflict, Duplicate, NotFound, Full, Unavailable or OutcomeUnknown.
        """
        began = time.monotonic()
        deadline = began + seconds
        connected_anew = doubtful = False
        self.require_room(ROOM_KEPT if vital else None)

        def attempt(session: ClientSession) -> tuple[Standing, T]:
            if time.monotonic() - began > BLOCKED_SECONDS:
                self.end_abandoned()
            stood = None if doubtful else self._stood(actor)
            try:
                standing = stood or self._standing(actor, session)
                write = Write(self, actor, session, key, standing.mark, doubtful=doubtful)
                with noting(write.footprint):
                    result = work(write)
                    write._finish(stood and stood.since)
            except OperationFailure as error:
                if error.code == NO_KEYS:
                    # the driver tries again
                    raise ConnectionFailure(str(error), ["TransientTransactionError"]) from error
                if stood and not error.has_error_label("TransientTransactionError"):
                    raise _Doubtful from error
                raise
            except (Trouble, rollups.MissingCounters) as trouble:
                if stood:  # what it tells may not be for this actor any more
                    raise _Doubtful from trouble
                raise
            return standing, result

        while True:
            try:
                with (
                    our_errors(committing=True),
                    pymongo.timeout(max(0.1, deadline - time.monotonic())),
                    self.client.start_session() as session,
                ):
                    standing, result = session.with_transaction(
                        attempt,
                        read_concern=ReadConcern("snapshot"),
                        write_concern=DURABLE,
                        read_preference=ReadPreference.PRIMARY,
                    )
                if standing.since is not None:  # only now: what it read can't be rolled back any more
                    self._standings[actor.sign_in] = standing
                    if len(self._standings) > 10_000:
                        self._standings.clear()
                return result
            except _Doubtful:
                doubtful = True
            except rollups.MissingCounters as missing:
                doubtful = True
                self._ensure(missing.community_id, list(missing.places), again=True)
            except Unavailable as trouble:
                if connected_anew or not isinstance(trouble.__cause__, ConfigurationError):
                    raise
                connected_anew = True
                self._connect_anew()
            except OutcomeUnknown:
                # what the key tells of is settled; what it does not tell of may still come
                made = None
                with suppress(Unavailable):
                    made = None if key is None else self._made_by(actor, key)
                if made is None:
                    raise
                return cast(T, made)
            except (Duplicate, Conflict, Invalid, NotFound):
                # a second run of a submission often fails on what the first one made, before it reaches the key
                made = None if key is None else self._made_by(actor, key)
                if made is None:
                    raise
                return cast(T, made)

    def _connect_anew(self) -> None:
        """Let the driver open its connections again: one that was opened while a set was starting knows no sessions for
        as long as it is used, and no other comes in its place."""
        with suppress(AttributeError):  # another driver: whoever waits for a new connection is told to try again
            for server in list(self.client._topology._servers.values()):
                server.pool.reset_without_pause()

    def _standing(self, actor: Actor, session: ClientSession) -> Standing:
        """Raise Restoring while nobody may write; SignedOut or Refused unless the sign-in holds and still gives these
        rights. The first reads of a write's transaction: a restore waits for those that have not seen its mark."""
        wanted = [RESTORING, actor.sign_in] if actor.sign_in else [RESTORING]
        rows = {row["_id"]: row for row in self.db[SIGN_INS].find({"_id": {"$in": wanted}}, session=session)}
        if RESTORING in rows:
            raise Restoring
        seal = self.db[SEALS].find_one({}, {"mark": 1}, sort=[("_id", -1)], session=session)
        mark = int(seal.get("mark", 0)) if seal else 0
        if not actor.sign_in:
            return Standing(actor, mark)
        found, now = rows.get(actor.sign_in), self.clock()
        if found is None or found["ends_at"] <= now or found["idle_at"] <= now or found["must_change"]:
            raise SignedOut
        if actor_of(found) != actor:
            raise Refused(msg("Your rights have just been changed. Nothing was changed; look at the page again."))
        writes = self.db[rollups.COUNTS].find_one({"_id": rollups.WRITES.document_id(EVERYWHERE)}, session=session)
        since = writes.get("total", {}).get("n") if writes else None
        return Standing(actor, mark, since, min(found["ends_at"], found["idle_at"]))

    def _stood(self, actor: Actor) -> Standing | None:
        """What the actor's last write found out, if it can still hold."""
        stood = self._standings.get(actor.sign_in)
        return stood if stood and stood.actor == actor and stood.until and self.clock() < stood.until else None

    def end_abandoned(self) -> int:
        """End transactions that a process left open when it was killed: until the server gives them up itself, after a
        minute and more, they stop everybody who writes in the same community. Returns how many. One of a process that
        only paused is ended too; it runs again there. What can't be listed or ended here is left to the server."""
        now = time.monotonic()
        if now - self._swept < BLOCKED_SECONDS:
            return 0
        self._swept = now
        ended = 0
        try:
            admin = self.client.admin
            for one in admin.aggregate([{"$currentOp": {"allUsers": False, "idleSessions": True}}]):
                idle = one.get("transaction", {}).get("timeInactiveMicros", 0) / 1_000_000
                if not one.get("active") and idle > ABANDONED_SECONDS:
                    admin.command("killSessions", [{"id": one["lsid"]["id"]}])
                    ended += 1
        except PyMongoError as error:
            log.info("abandoned transactions were not looked for: %s", error)
        if ended:
            log.warning("%s transactions that a killed process had left open were ended", ended)
        return ended

    def insert(self, actor: Actor, record: R, *, key: str | None = None) -> R:
        """Add one record; see ``write`` for ``key`` and errors."""
        return self.write(actor, lambda write: write.insert(record), key=key)

    def update(
        self, actor: Actor, record: type[R], community_id: str, id: str, revision: int, changes: Mapping[str, Any]
    ) -> R:
        """Change fields of one record that still stands at ``revision``; raises Conflict with what stands there now."""
        return self.write(actor, lambda write: write.update(record, community_id, id, revision, changes))

    def delete(self, actor: Actor, record: type[Record], community_id: str, id: str, revision: int) -> None:
        """Take one record out, as if it had never been entered; the audit keeps it."""
        self.write(actor, lambda write: write.delete(record, community_id, id, revision))

    def next_number(self, actor: Actor, community_id: str, name: str, many: int = 1) -> int:
        """The next number of a community's series, such as that of its work orders; reserves ``many`` from there on.
        Raises Refused for a community out of reach.

        Outside the transaction, so that writers do not queue: a write that fails leaves a gap.
        """
        reach(actor, community_id)
        with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
            while True:
                try:
                    found = self.db["numbers"].find_one_and_update(
                        {"_id": f"{community_id}|{name}", "community_id": community_id},
                        {"$inc": {"next": int(many)}},
                        upsert=True,
                        return_document=pymongo.ReturnDocument.BEFORE,
                    )
                except DuplicateKeyError:
                    continue  # two first ones at once
                return int(found["next"]) + 1 if found else 1

    def forget_zone(self, community_id: str) -> None:
        """Read the community's time zone anew after a change."""
        self._zones.pop(community_id, None)

    def _ensure(self, community_id: str, places: Sequence[rollups.Place], *, again: bool = False) -> None:
        missing = [place for place in places if again or (community_id, place) not in self._places]
        if missing:
            with our_errors(), pymongo.timeout(WRITE_SECONDS):
                rollups.ensure(self.db, community_id, missing)
            with self._lock:
                self._places.update((community_id, place) for place in missing)

    def _made_by(self, actor: Actor, key: str) -> Any:
        """The record that the actor's write with this key made, as far as it is still in reach; None if there was
        none."""
        with our_errors(), pymongo.timeout(READ_SECONDS):
            # what a majority has, so that it can't be rolled back after it was told
            entries = self.db.get_collection(AUDIT, read_concern=ReadConcern("majority"))
            entry = entries.find_one({"key": own_key(actor, key)})
            if entry is None:
                return None
            record = RECORDS[entry["collection"]]
            found = self.db[record.collection].find_one({"_id": entry["record_id"]})
        if found is None:
            raise NotFound(GONE)
        made = record.from_document(self._as_seen(found))
        require(actor, Operation.READ, record.collection)
        require_reach(actor, made)
        return without_personal(made)
