"""The MongoDB room: connect, read, and write.

Every write is one transaction: the record with its revision check, the audit entry with before, after and actor, and
the counters. Every call names its actor; permission and scope are applied here and nowhere else. The driver's errors
leave as a handful of ours, each a sentence a person can act on.
"""

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast, overload
from zoneinfo import ZoneInfo

import pymongo
from bson import CodecOptions, ObjectId
from bson.errors import InvalidDocument, InvalidStringData
from pydantic import BaseModel, ValidationError
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from repository import rollups
from repository.access import Actor, Operation, Refused, Role, reach, require, require_fields, require_reach, scope
from repository.filters import Is, strange
from repository.record import LINE, RECORDS, SYSTEM_FIELDS, FieldSpec, Record, Ref, field_specs
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.store")

Document = dict[str, Any]
R = TypeVar("R", bound=Record)
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

READ_SECONDS = 5.0
WRITE_SECONDS = 20.0
PENDING_SECONDS = 0.5  # how old the list of imports in flight may be; an import waits longer than that before its rows
REFERENCE_SECONDS = 60.0  # how long a record that was named counts as there: a look at each would cost half an insert
ROOM_SCARCE, ROOM_NEEDED = 1_000_000_000, 500_000_000  # bytes free below which is warned, and not written any more
ROOM_KEPT = 200_000_000  # ... but for what must go on: signing in, taking rights away, the note of a backup
ROOM_PATIENCE = 1.0  # seconds a write waits to be told how much room there is
ROOM_SECONDS = 10.0  # how old the knowledge of free space may be; a server that runs out of it ends itself
BLOCKED_SECONDS = 3.0  # how long a write runs into others before it looks whether one of them is dead
ABANDONED_SECONDS = 8.0  # a living process does not leave its transaction alone for so long
SKEW_SECONDS = 60.0  # clocks may differ by so much; an entry is sealed after five minutes
NO_KEYS = 211  # "No keys found for HMAC": for some moments after its start a server refuses what names a cluster time
DURABLE = WriteConcern("majority", j=True)
EVERYWHERE = ""  # stands for no community: for the list of them
SIGN_INS = "sign_ins"  # who is signed in now, and with which rights: see accounts


class NotFound(Trouble):
    """The record is not there, or not for this actor."""

    of_people = True


class Unavailable(Trouble):
    """The database does not answer. Nothing was changed."""


class OutcomeUnknown(Trouble):
    """The database stopped answering in the middle of a write; whether it counted is not known."""


class Duplicate(Trouble):
    """A record with the same identifying fields exists. ``fields`` names them."""

    of_people = True

    def __init__(self, text: str, *, fields: tuple[str, ...] = (), **params: Any) -> None:
        super().__init__(text, **params)
        self.fields = fields


class SignedOut(Trouble):
    """The sign-in is over: ended, revoked, or not used for too long. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            msg("You are not signed in any more. Nothing was changed. Sign in in another tab, then do it again here.")
        )


class Full(Trouble):
    """The database's disk is nearly full: everything can be read, nothing is written until there is room again."""


class Restoring(Trouble):
    """The database is being filled from a backup, or that was cut off: nobody may use it. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            msg(
                "The database is being restored from a backup just now, so nothing was changed. Try again when that is "
                "done. If the restore was cut off, an administrator has to run it once more: gridboard restore FILE"
            )
        )


class Unsuitable(Trouble):
    """The server cannot keep GridBoard's promises (a standalone has no transactions)."""


class InUse(Trouble):
    """Other records refer to this one. Nothing was deleted."""

    of_people = True


class Invalid(Trouble):
    """Values that no record may hold. ``problems`` says what is wrong beside each field ("" for the whole)."""

    of_people = True

    def __init__(self, problems: Mapping[str, Message]) -> None:
        super().__init__(msg("Not saved: some entries need a second look. What you typed is still here."))
        self.problems = problems


class Conflict(Trouble):
    """Somebody changed the record since it was opened. ``current`` is what stands there now."""

    of_people = True

    def __init__(self, current: Record) -> None:
        super().__init__(
            msg(
                "Not saved: {who} changed this in the meantime. Your changes are still here; compare, then save again."
            ),
            who=current.updated_by or "?",
        )
        self.current = current


_GONE = msg("This record is not there any more, or not in your charge.")
_FIELD_MISFIT = msg("This value does not fit here")
_FIELD_PROBLEMS: Mapping[str, str] = {
    "missing": msg("Please fill this in"),
    "string_too_long": msg("Too long: {max_length} characters at most"),
    "string_too_short": msg("Please fill this in"),
    "greater_than_equal": msg("Must be {ge} or more"),
    "less_than_equal": msg("Must be {le} or less"),
    "too_long": msg("Too many entries: {max_length} at most"),
    "too_short": msg("Please fill this in"),
    "enum": msg("Choose one of the list"),
    "literal_error": msg("Choose one of the list"),
    "int_parsing": msg("Must be a whole number"),
    "int_from_float": msg("Must be a whole number"),
    "float_parsing": msg("Must be a number"),
    "finite_number": msg("Must be a number"),
    "date_parsing": msg("Must be a date, such as 2026-04-02"),
    "date_from_datetime_parsing": msg("Must be a date, such as 2026-04-02"),
    "datetime_parsing": msg("Must be a date and time, such as 2026-04-02 16:30"),
    "datetime_from_date_parsing": msg("Must be a date and time, such as 2026-04-02 16:30"),
}


def invalid(error: ValidationError) -> Invalid:
    """pydantic's verdict in the reader's words, by field."""
    problems: dict[str, Message] = {}
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        kind, facts = problem["type"], problem.get("ctx", {})
        if kind == "value_error":
            cause = facts.get("error")
            message = cause.message if isinstance(cause, Trouble) else Message(str(cause))
        else:
            bounds = {
                name: int(fact) if isinstance(fact, float) and fact.is_integer() else fact
                for name, fact in facts.items()
            }
            message = Message(_FIELD_PROBLEMS.get(kind, _FIELD_MISFIT), bounds)
        problems.setdefault(field, message)
    return Invalid(problems)


def build(record: type[M], values: Mapping[str, Any]) -> M:
    """A record, or a piece of one, from plain values; raises Invalid with a problem beside each field."""
    try:
        return record.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None


def require_plain(filter: Any, record: type[Record] | None = None) -> None:
    """Raise Invalid, naming the field, for a filter that asks it for what its values cannot be: for anything in a
    caller's value that the server would take for a test (see filters)."""
    if (field := strange(filter, record)) is not None:
        raise Invalid({field: Message(_FIELD_MISFIT)})


def _counters(community_id: str, wanted: Sequence[Mapping[str, Any]]) -> Document:
    """The filter of counter documents that match one of ``wanted``. Raises Invalid."""
    either = [{"community_id": community_id, **one} for one in wanted]
    within = either[0] if len(either) == 1 else {"$or": either}
    require_plain(within)
    return within


def _period(document: Document) -> str:
    return str(document.get("period", ""))


class FieldProblem(Trouble, ValueError):
    """A rule across fields, raised inside a Record's validators."""


def _set(record: Record) -> Iterator[str]:
    """The fields of a new record that hold anything but what they hold by themselves."""
    values = dict(record)
    return (name for name, by_itself in _by_themselves(type(record)) if values[name] != by_itself)


@cache
def _by_themselves(record: type[Record]) -> tuple[tuple[str, Any], ...]:
    fields = ((name, info) for name, info in record.model_fields.items() if name not in SYSTEM_FIELDS)
    return tuple((name, info.get_default(call_default_factory=True)) for name, info in fields)


def _unnamed(record: type[Record], document: Document | None) -> Document | None:
    """What the audit may keep of a document: that a personal field was there, not what it said; and of free text all
    but the numbers somebody can be reached or identified by, so that they can be erased where they were written."""
    if document is None:
        return None
    written = _written(record)
    return {
        name: "…" if name in record.personal else _unnumbered(value, written[name]) if name in written else value
        for name, value in document.items()
    }


_S = r"[ .‐-―-]?"  # between the groups of a number
_NUMBERS = re.compile(
    r"(?<!\d)(?:"
    # an identity number of 18 digits: place, birthday, order
    rf"[1-9]\d{{5}}{_S}(?:18|19|20)\d\d{_S}(?:0[1-9]|1[0-2]){_S}(?:0[1-9]|[12]\d|3[01]){_S}\d{{3}}[\dXx]"
    # a mobile phone of the mainland, in the ways people group it
    rf"|(?:(?:\+|00)?86{_S})?1[3-9]\d(?:{_S}\d{{4}}{_S}\d{{4}}|\d{_S}\d{{3}}{_S}\d{{4}}|\d\d{_S}\d{{6}})"
    # a landline with its area code
    rf"|[(（]?(?:010|02\d|0[3-9]\d\d)[)）]?{_S}\d{{3,4}}{_S}\d{{4}}|(?:\+|00)86{_S}[1-9]\d{{1,2}}{_S}\d{{3,4}}{_S}\d{{4}}"
    r")(?!\d)"
)
_LONG_NUMBER = re.compile(r"\d{3}")
_NARROW = {0xFF10 + digit: str(digit) for digit in range(10)} | {ord("＋"): "+", ord("－"): "-", ord("　"): " "}


@cache
def _written(owner: type[BaseModel]) -> Mapping[str, Any]:
    """The fields in which people write sentences: text of a line and more that is no name, key or code; with those
    within its parts."""
    codes = {"name"}
    if issubclass(owner, Record):
        codes |= {owner.name_field, *owner.natural_key}
        codes.update(key for index in owner.indexes if index.unique for key in index.keys)
    found: dict[str, Any] = {}
    for name, spec in field_specs(owner).items():
        if spec.parts:
            within = {key: value for part in spec.parts for key, value in _written(part).items()}
            if within:
                found[name] = within
        elif spec.kind in ("text", "term") and (spec.max_length or 0) >= LINE and name not in codes:
            found[name] = None
    return found


def _unnumbered(value: Any, written: Mapping[str, Any] | None) -> Any:
    """Free text, or a part with some in it, without phone and identity numbers."""
    if isinstance(value, str):
        if not _LONG_NUMBER.search(value):
            return value
        plain = value.translate(_NARROW)  # of the same length
        for found in reversed(list(_NUMBERS.finditer(plain))):
            value = f"{value[: found.start()]}…{value[found.end() :]}"
        return value
    if isinstance(value, list):
        return [_unnumbered(each, written) for each in value]
    if isinstance(value, dict) and written:
        return {name: _unnumbered(each, written[name]) if name in written else each for name, each in value.items()}
    return value


def _own_key(actor: Actor, key: str) -> str:
    """A submission's key as it is kept: each person's are their own."""
    return f"{actor.id}|{key}"


def _impersonal(record: R) -> R:
    """The record without its personal fields, which only ``Write.reveal`` gives."""
    return record.model_copy(update=dict.fromkeys(record.personal)) if record.personal else record


def _require_impersonal(record: type[Record], filter: Any) -> None:
    """What is not shown is not searched for either: that would tell it digit by digit. A mistake of ours, if any."""
    if not record.personal:
        return
    if isinstance(filter, Mapping):
        if named := record.personal & {str(name).partition(".")[0] for name in filter}:
            raise TypeError(f"personal, so not to be searched for: {', '.join(sorted(named))}")
        filter = list(filter.values())
    if isinstance(filter, (list, tuple)):
        for each in filter:
            _require_impersonal(record, each)


@cache
def _names(record: type[Record]) -> tuple[str, ...]:
    """The fields by which people name a record, as far as the audit may keep them."""
    specs = field_specs(record)
    wanted = dict.fromkeys((record.name_field, *record.natural_key))
    return tuple(
        name for name in wanted if name in specs and specs[name].kind == "text" and name not in record.personal
    )


def _difference(before: Document | None, after: Document | None) -> tuple[Document | None, Document | None]:
    """Of two states of a document the fields that differ; all of them of what was made or taken out."""
    if before is None or after is None:
        return before, after
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {name: before[name] for name in differing if name in before}, {
        name: after[name] for name in differing if name in after
    }


def _ids(named: Any) -> Sequence[str]:
    """What a reference names: one, several, or nothing."""
    return named if isinstance(named, list) else (named,) if named else ()


@cache
def _references(record: type[Record]) -> tuple[FieldSpec, ...]:
    """The fields of ``record`` that name another record."""
    return tuple(spec for spec in field_specs(record).values() if spec.kind == "ref")


def _referring(collection: str) -> Iterator[tuple[type[Record], FieldSpec]]:
    """Every Record class and field that can name a record of ``collection``."""
    for record in RECORDS.values():
        for spec in _references(record):
            if isinstance(spec.mark, Ref) and spec.mark.to == collection:
                yield record, spec


@contextmanager
def our_errors(*, writing: bool = False, committing: bool = False) -> Iterator[None]:
    """The driver's errors as ours, for every call of it; the details go to the log, never to the page.

    ``writing``: a write on its own, of which a broken line leaves the outcome open. ``committing``: a transaction, of
    which it is open only from its commit on; whatever fails before that has changed nothing.
    """
    try:
        yield
    except DuplicateKeyError as error:
        fields = tuple(key for key in (error.details or {}).get("keyPattern", {}) if key != "community_id")
        values = (error.details or {}).get("keyValue", {})
        raise Duplicate(
            msg("Not saved: {value} exists already. Open that one, or give this another code."),
            fields=fields,
            value=", ".join(str(values.get(field, field)) for field in fields),
        ) from error
    except (UnicodeEncodeError, InvalidDocument, InvalidStringData, DocumentTooLarge) as error:
        raise Invalid(
            {"": Message(msg("This text can't be stored or looked for: half a character, or far too long."))}
        ) from error
    except PyMongoError as error:
        if _outcome_open(error, writing=writing, committing=committing):
            log.warning("write outcome unknown: %s", error)
            raise OutcomeUnknown(
                msg(
                    "It is not known whether this was saved: the database stopped answering. Look before you try again."
                )
            ) from error
        if isinstance(error, ExecutionTimeout) or error.has_error_label("TransientTransactionError"):
            log.warning("database did not answer in time: %s", error)
            raise Unavailable(msg("The database did not answer in time. Nothing was changed; try again.")) from error
        if isinstance(error, OperationFailure) and error.code == NO_KEYS:
            log.warning("database has only just started: %s", error)
            raise Unavailable(
                msg("The database cannot be reached just now. Nothing was changed; try again.")
            ) from error
        if isinstance(error, OperationFailure) and error.code == 121:
            log.error("refused by the collection's validator: %s", error.details)
            raise Invalid({"": Message(msg("The database refused these values."))}) from error
        if isinstance(error, OperationFailure) and error.code == 13:
            raise Unsuitable(
                msg("The database's user lacks a right that this needs: {reason}. Nothing was changed."),
                reason=str((error.details or {}).get("errmsg", error))[:300],
            ) from error
        if isinstance(error, OperationFailure) and error.code == 18:
            raise Unsuitable(
                msg("The database does not accept the user or the password in MONGODB_URI. Nothing was changed.")
            ) from error
        # "Sessions are not supported" is what the driver says of a deployment of which it has just lost sight
        if error.timeout or isinstance(error, (ConnectionFailure, ConfigurationError)):
            log.warning("database unavailable: %s", error)
            raise Unavailable(
                msg("The database cannot be reached just now. Nothing was changed; try again.")
            ) from error
        log.exception("database refused an operation")
        raise


def _outcome_open(error: PyMongoError, *, writing: bool, committing: bool) -> bool:
    """Whether what was asked may have been done though the answer is an error.

    The driver labels what fails at a commit, whatever it is; a majority that is not heard of in time is a write concern
    error (also when the server is stopped in mid-write); a write on its own is open once it may have been sent. What a
    server that has just started refuses may be the second sending of what the one before it did.
    """
    if committing and error.has_error_label("UnknownTransactionCommitResult"):
        return True
    if (writing or committing) and isinstance(error, (WTimeoutError, WriteConcernError)):
        return True
    if (writing or committing) and isinstance(error, OperationFailure) and error.code == NO_KEYS:
        return True
    if not writing:
        return False
    sent = isinstance(error, ConnectionFailure) and not isinstance(error, ServerSelectionTimeoutError)
    return sent or isinstance(error, ExecutionTimeout)


def entry_mark(mark: int) -> str:
    """How the ids of the audit entries begin that were written under a seal of this ``mark`` (0: before the first)."""
    return f"{mark:08x}"


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
AUDIT, SEALS = "audit", "audit_seals"  # only ever added to: see audit
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


class Counters(NamedTuple):
    """The counter documents ``Store.together`` reads beside records; see ``Store.counters_of``."""

    wanted: Sequence[Mapping[str, Any]]
    fields: Mapping[str, Any] | None = None


class Store:
    """A database that keeps records. One per process; thread-safe.

    ``clock`` gives now in UTC: tests pass their own, nothing patches time.
    """

    def __init__(self, client: MongoClient[Document], database: str, clock: Callable[[], datetime] = utc_now) -> None:
        self.client = client
        options: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self.db: Database[Document] = client.get_database(database, options, ReadPreference.PRIMARY_PREFERRED, DURABLE)
        self.clock = clock
        self._zones: dict[str, ZoneInfo] = {}
        self._places: set[tuple[str, rollups.Place]] = set()
        self._pending: tuple[float, tuple[str, ...]] = (-1e9, ())
        self._there: dict[tuple[str, str, str], float] = {}
        self._standings: dict[str, Standing] = {}  # by sign-in
        self._writes: dict[str, int] = {}
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
        for document in cursor.skip(skip).limit(limit):
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
        _require_impersonal(record, filter)
        within = {"$and": [scope(actor, record, community_id, grids), dict(filter or {})]}
        with our_errors(), pymongo.timeout(READ_SECONDS):
            found = self.documents(record, within, sort=sort, skip=skip, limit=limit)
            return [_impersonal(record.from_document(document)) for document in found]

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
        _require_impersonal(record, filter)
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
        _require_impersonal(record, filter)
        match = self._seen(record, {**scope(actor, record, community_id, grids), **(filter or {})})
        with our_errors(), pymongo.timeout(READ_SECONDS):
            how: Document = {"batchSize": 10_000}
            if index is not None:
                how["hint"] = next(one.name for one in record.indexes if one.keys == index)
            bare = [{"$unset": sorted(record.personal)}] if record.personal else []
            return self.db[record.collection].aggregate([{"$match": match}, *bare, *pipeline], **how).to_list()

    def together(self, actor: Actor, community_id: str, wanted: Sequence[Wanted | Counters]) -> list[list[Document]]:
        """Documents of several small collections in one command: the way there and back costs more than they do.
        Counters come by period, and the caller cuts them to the actor's grids with ``access.reach``.

        Raises Refused, Unavailable.
        """
        reach(actor, community_id)
        with our_errors(), pymongo.timeout(READ_SECONDS):
            pending = self.pending_batches()
            branches: list[tuple[str, list[Document]]] = []
            for place, each in enumerate(wanted):
                if isinstance(each, Counters):
                    name, branch = rollups.COUNTS, [{"$match": _counters(community_id, each.wanted)}]
                    branch += [{"$project": dict(each.fields)}] if each.fields else []
                else:
                    name, branch = each.record.collection, self._branch(actor, community_id, each, pending)
                branches.append((name, [*branch, {"$set": {"_place": place}}]))
            (beginning, pipeline), *others = branches
            pipeline += [{"$unionWith": {"coll": name, "pipeline": branch}} for name, branch in others]
            found: list[list[Document]] = [[] for _ in wanted]
            for document in self.db[beginning].aggregate(pipeline, batchSize=10_000).to_list():
                place = document.pop("_place")
                found[place].append(self._as_seen(document, pending))
        return [
            sorted(rows, key=_period) if isinstance(each, Counters) else rows
            for each, rows in zip(wanted, found, strict=True)
        ]

    def _branch(self, actor: Actor, community_id: str, wanted: Wanted, pending: tuple[str, ...]) -> list[Document]:
        record, filter, fields, first, steps = wanted
        require(actor, Operation.READ, record.collection)
        within = scope(actor, record, community_id) if filter is None else filter
        if within["community_id"] != community_id:
            raise ValueError("a filter of another community")
        _require_impersonal(record, filter)
        branch: list[Document] = [{"$match": self._seen(record, within, pending)}]
        branch += [{"$sort": {first[0]: 1}}, {"$limit": first[1]}] if first else []
        branch += [{"$unset": sorted(record.personal)}] if record.personal else []
        branch += [{"$project": dict.fromkeys((*fields, "_before"), 1)}] if fields else []
        return [*branch, *map(dict, steps)]

    def get(self, actor: Actor, record: type[R], community_id: str, id: str) -> R:
        """One record. Raises NotFound if it is not there or out of reach."""
        if not isinstance(id, str):
            raise NotFound(_GONE)
        found = self.find(actor, record, community_id, {"_id": id}, limit=1)
        if not found:
            raise NotFound(_GONE)
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
        _require_impersonal(record, {"$and": [dict(filter or {}), {record.name_field: ""}]})
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

    def writes(self, community_ids: Sequence[str]) -> dict[str, int]:
        """How many writes each community has seen (``EVERYWHERE``: the list of communities): what was read at or after
        this number was asked for is what anybody would read until it changes, but for the clock. Raises Unavailable."""
        ids = {rollups.WRITES.document_id(id): id for id in community_ids}
        with our_errors(), pymongo.timeout(READ_SECONDS):
            found = list(self.db[rollups.COUNTS].find({"_id": {"$in": list(ids)}}, {"total.n": 1}))
        counts = dict.fromkeys(community_ids, 0)
        counts.update({ids[document["_id"]]: int(document.get("total", {}).get("n", 0)) for document in found})
        if any(self._writes.get(id) != n for id, n in counts.items()):
            self.reread_pending()  # an import may have ended with it
            self._there.clear()  # something may have been deleted, by whichever process
            if self._writes.get(EVERYWHERE) != counts.get(EVERYWHERE):
                self._zones.clear()
            self._writes.update(counts)
        return counts

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
                write = Write(self, actor, session, key, standing.mark)
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
                self._ensure(missing.community_id, list(missing.places), again=True)
            except rollups.MissingResident as missing:
                with our_errors(), pymongo.timeout(READ_SECONDS):
                    rollups.ensure_residents(self.db, missing.community_id, missing.residents)
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
            entry = entries.find_one({"key": _own_key(actor, key)})
            if entry is None:
                return None
            record = RECORDS[entry["collection"]]
            found = self.db[record.collection].find_one({"_id": entry["record_id"]})
        if found is None:
            raise NotFound(_GONE)
        made = record.from_document(self._as_seen(found))
        require(actor, Operation.READ, record.collection)
        require_reach(actor, made)
        return _impersonal(made)


class Write:
    """What one transaction does; ``Store.write`` hands it to the callback and ends it with audit and counters."""

    def __init__(self, store: Store, actor: Actor, session: ClientSession, key: str | None, mark: int) -> None:
        self.store = store
        self.actor = actor
        self.session = session
        self.at = store.clock()
        self._key = key
        self._mark = mark
        self._audit: list[Document] = []
        self._atoms: dict[str, rollups.Tally] = {}
        self._presence: dict[str, rollups.Presence] = {}
        self._named: dict[tuple[str, str], dict[str, str]] = {}
        """(community, collection) -> id -> the field that names it: what must be there before this may count."""

    def read(self, record: type[R], community_id: str, id: str) -> R:
        """A record inside the transaction, within the actor's reach, without its personal fields. Raises NotFound,
        Refused."""
        return _impersonal(record.from_document(self._stored(record, community_id, id)))

    @overload
    def referred(self, record: type[R], community_id: str, field: str, id: str) -> R: ...
    @overload
    def referred(self, record: type[R], community_id: str, field: str, id: str | None) -> R | None: ...
    def referred(self, record: type[R], community_id: str, field: str, id: str | None) -> R | None:
        """The record that ``field`` of another one names. Raises Invalid beside that field when it is gone, Refused."""
        if id is None:
            return None
        try:
            return self.read(record, community_id, id)
        except NotFound:
            raise Invalid({field: Message(msg("Choose one of the list"))}) from None

    def reveal(self, record: type[R], community_id: str, id: str, facts: Document) -> R:
        """A record with its personal fields. That the actor looked, and the ``facts`` of why, goes on record. Raises
        NotFound, Refused."""
        require(self.actor, Operation.READ, record.collection)
        found = record.from_document(self._stored(record, community_id, id))
        self.note("reveal", record.collection, community_id, id, facts)
        return found

    def insert(self, record: R) -> R:
        """Add a record, stamped with actor and time; returns it as stored."""
        require(self.actor, Operation.CREATE, record.collection)
        require_reach(self.actor, record)
        require_fields(self.actor, Operation.CREATE, type(record), _set(record))
        stamp = {"created_at": self.at, "created_by": self.actor.name, "updated_at": self.at}
        record = record.model_copy(update={**stamp, "updated_by": self.actor.name, "revision": 1})
        document = record.to_document()
        self._name(type(record), {}, document)
        self.store.db[record.collection].insert_one(document, session=self.session)
        self._note(type(record), "create", None, document)
        return type(record).from_document(document)

    def insert_many(self, records: Sequence[Record]) -> None:
        """Add some hundred records of one class in two round trips: as ``insert``, each with its audit entry."""
        if not records:
            return
        record = type(records[0])
        require(self.actor, Operation.CREATE, record.collection)
        stamp = {"created_at": self.at, "created_by": self.actor.name, "updated_at": self.at}
        stamp |= {"updated_by": self.actor.name, "revision": 1}
        documents = []
        for each in records:
            require_reach(self.actor, each)
            require_fields(self.actor, Operation.CREATE, record, _set(each))
            documents.append(each.model_copy(update=stamp).to_document())
            self._name(record, {}, documents[-1])
        try:
            self.store.db[record.collection].insert_many(documents, session=self.session)
        except BulkWriteError as error:
            first = error.details["writeErrors"][0]
            if first["code"] == 11000:  # as insert_one says it
                raise DuplicateKeyError(first["errmsg"], 11000, first) from error
            raise
        for document in documents:
            self._note(record, "create", None, document)

    def update(
        self,
        record: type[R],
        community_id: str,
        id: str,
        revision: int,
        changes: Mapping[str, Any],
        *,
        following: type[Record] | None = None,
        own: bool = False,
    ) -> R:
        """Change fields; nothing happens if nothing differs. Raises Conflict unless ``revision`` is the current one.

        ``following`` names the record of which this change is a fixed consequence, such as a machine that is stopped
        by the report of a danger: then the right to change that one is what counts. ``own`` is for what everybody may
        say who may read it, once it is settled that it is theirs to say: that they have seen what they were given.
        """
        require(self.actor, Operation.READ if own else Operation.UPDATE, (following or record).collection)
        before = self._stored(record, community_id, id)
        current = record.from_document(before)
        if current.revision != revision:
            raise Conflict(_impersonal(current))
        changed = build(record, {**dict(current), **changes})
        require_reach(self.actor, changed)
        if changed == current:
            return _impersonal(current)
        if following is None and not own:
            differing = (name for name in record.model_fields if getattr(changed, name) != getattr(current, name))
            require_fields(self.actor, Operation.UPDATE, record, differing)
        stamp = {"revision": revision + 1, "updated_at": self.at, "updated_by": self.actor.name}
        document = changed.model_copy(update=stamp).to_document()
        self._name(record, before, document)
        where = {"_id": id, "community_id": community_id, "revision": revision}
        result = self.store.db[record.collection].replace_one(where, document, session=self.session)
        if not result.matched_count:
            raise Conflict(_impersonal(current))
        self._note(record, "update", before, document)
        return _impersonal(record.from_document(document))

    def delete(self, record: type[Record], community_id: str, id: str, revision: int) -> None:
        """Take a record out. Raises Conflict when ``revision`` is not the current one, InUse while others refer to it:
        take those out first, in the same transaction if need be."""
        require(self.actor, Operation.DELETE, record.collection)
        before = self._stored(record, community_id, id)
        if before["revision"] != revision:
            raise Conflict(_impersonal(record.from_document(before)))
        self._require_unused(record, community_id, id)
        self.store._there.pop((community_id, record.collection, id), None)
        self.store.db[record.collection].delete_one(
            {"_id": id, "community_id": community_id, "revision": revision}, session=self.session
        )
        self._note(record, "delete", before, None)

    def add_counts(self, community_id: str, atoms: rollups.Tally, presence: rollups.Presence | None = None) -> None:
        """Counters of rows that were written in chunks before (an import's last step)."""
        self._atoms.setdefault(community_id, Counter()).update(atoms)
        if presence is not None:
            mine = self._presence.setdefault(community_id, rollups.Presence())
            for resident, cells in presence.times.items():
                mine.times[resident].update(cells)

    def touch(self, community_id: str) -> None:
        """Count as a write of the community what leaves no other trace: answers given before are asked for anew."""
        self._atoms.setdefault(community_id, Counter())[rollups.writes_atom()] = 1

    def note(
        self, operation: str, collection: str, community_id: str, record_id: str, facts: Document | None = None
    ) -> None:
        """An audit entry of something that is no change of one record: a batch, a sign-in, a look at personal data."""
        entry = {"collection": collection, "record_id": record_id, "before": None, "after": facts}
        self._entry(community_id, operation, entry)

    def note_row(
        self, whole: Mapping[str, str], record: type[Record], before: Document | None, after: Document | None
    ) -> None:
        """An audit entry of one row of a batch. ``whole`` is what ``note`` will be given of the batch itself when it is
        complete: ``collection``, ``community_id``, ``record_id``. That entry tells who did it, and when; without it the
        row never counted."""
        row = {"_id": str(ObjectId()), "community_id": (after or before or {})["community_id"], "at": self.at}
        self._audit.append({**row, "part_of": dict(whole), **self._change(record, before, after)})

    def _stored(self, record: type[Record], community_id: str, id: str) -> Document:
        if not isinstance(id, str) or not isinstance(community_id, str):
            raise NotFound(_GONE)
        found = self.store.db[record.collection].find_one(
            {"_id": id, "community_id": community_id}, session=self.session
        )
        if found is None or found.get("batch_id") in self.store.pending_batches():
            raise NotFound(_GONE)
        before = found.pop("_before", None)
        if before is not None and before["batch_id"] in self.store.pending_batches():
            raise Unavailable(
                msg("This record is being imported just now. Nothing was changed; try again in a minute.")
            )
        require_reach(self.actor, record.from_document(found))
        return found

    def _name(self, record: type[Record], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Remember which records the changed references name, to be looked up together at the end."""
        if after["community_id"] == EVERYWHERE:
            return  # an account's reach may name what is of any community, and what is gone
        for spec in _references(record):
            if isinstance(spec.mark, Ref):
                there = _ids(before.get(spec.name))
                for id in _ids(after.get(spec.name)):
                    if id not in there:
                        self._named.setdefault((after["community_id"], spec.mark.to), {})[id] = spec.name

    def _require_named(self) -> None:
        """Raise Invalid beside a field that names a record the community does not have. One indexed read a collection,
        none for what was seen there within the minute. Two people who delete and name the same record at the same
        moment can pass each other by: the reader then shows the reference as missing."""
        problems = {}
        now = time.monotonic()
        known = self.store._there
        for (community_id, collection), fields in self._named.items():
            doubtful = [
                id for id in fields if now - known.get((community_id, collection, id), -1e9) > REFERENCE_SECONDS
            ]
            if not doubtful:
                continue
            there = self.store.db[collection].find(
                self.store._seen(RECORDS[collection], {"_id": Is(among=doubtful), "community_id": community_id}),
                {"_id": 1},
                session=self.session,
            )
            found = {document["_id"] for document in there}
            known.update(((community_id, collection, id), now) for id in found)
            for id in set(doubtful) - found:
                problems[fields[id]] = Message(msg("This is not there any more. Choose one of the list."))
        if len(known) > 100_000:
            known.clear()
        if problems:
            raise Invalid(problems)

    def _require_unused(self, record: type[Record], community_id: str, id: str) -> None:
        uses: Message | None = None
        for other, spec in _referring(record.collection):
            n = self.store.db[other.collection].count_documents(
                {"community_id": community_id, spec.name: id}, limit=1000, session=self.session
            )
            if n:
                facts = {"what": Message(other.title), "field": Message(spec.title), "n": n}
                use = Message(msg("{what} ({field}): {n}"), facts)
                uses = Message(msg("{first}; {second}"), {"first": uses, "second": use}) if uses else use
        if uses:
            raise InUse(msg("Not deleted, because others refer to it. {uses}. Change those first."), uses=uses)

    def _note(self, record: type[Record], operation: str, before: Document | None, after: Document | None) -> None:
        kept = after or before or {}
        community_id = kept["community_id"]
        zone = self.store.zone(community_id)
        atoms = self._atoms.setdefault(community_id, Counter())
        atoms.update(rollups.tally(record, (after,) if after else (), zone))
        atoms.update(rollups.tally(record, (before,) if before else (), zone, -1))
        presence = self._presence.setdefault(community_id, rollups.Presence())
        presence.add(record, after, zone, 1)
        presence.add(record, before, zone, -1)
        self._entry(community_id, operation, self._change(record, before, after))

    def _change(self, record: type[Record], before: Document | None, after: Document | None) -> Document:
        """What an entry says of one record: which it is, how people name it, and the fields that differ."""
        names = {each[name] for each in (before, after) if each for name in _names(record) if each.get(name)}
        then, now = _difference(before, after)
        facts: Document = {"collection": record.collection, "record_id": (after or before or {})["_id"]}
        if names:
            facts["names"] = sorted(names)
        return facts | {"before": _unnamed(record, then), "after": _unnamed(record, now)}

    def _entry(self, community_id: str, operation: str, facts: Document) -> None:
        entry: Document = {
            "_id": str(ObjectId()),  # the mark comes before it in the end
            "community_id": community_id,
            "at": self.at,
            "actor_id": self.actor.id,
            "actor_name": self.actor.name,
            "role": str(self.actor.role),
            "operation": operation,
            **facts,
        }
        if self._key is not None and not self._audit:
            entry["key"] = _own_key(self.actor, self._key)
        self._audit.append(entry)
        self.touch(community_id)
        if facts["collection"] == "communities":
            self.touch(EVERYWHERE)

    def _finish(self, since: int | None = None) -> None:
        """Write audit and counters. ``since`` is how many writes there must have been at EVERYWHERE (see Standing);
        MissingCounters where there were others."""
        self._require_named()
        if self._audit:
            audit = self.store.db[AUDIT]
            mark = entry_mark(self._mark)
            for entry in self._audit:
                entry["_id"] = mark + entry["_id"]
            first, *rest = self._audit
            audit.insert_one(first, session=self.session)  # alone: a key used before must show as a duplicate
            if rest:
                audit.insert_many(rest, session=self.session)
        for community_id, presence in self._presence.items():
            atoms = rollups.apply_presence(self.store.db, self.session, community_id, presence.changed())
            self._atoms.setdefault(community_id, Counter()).update(atoms)
        still = [] if since is None else [rollups.unchanged(EVERYWHERE, since)]
        for community_id, atoms in self._atoms.items():
            rollups.apply(self.store.db, self.session, community_id, atoms, still)
            still = []
        if still:
            rollups.apply(self.store.db, self.session, EVERYWHERE, {}, still)
