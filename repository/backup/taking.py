"""Taking a backup: what GridBoard declares, of one moment, into a file that is read again before it has its name."""

import fcntl
import hashlib
import json
import logging
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import pymongo
from bson import CodecOptions, json_util
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from repository import migrations
from repository.access import Actor, Operation, Refused, reach, require
from repository.backup.archive import (
    FORMAT,
    LEFT_OUT,
    MANIFEST,
    TRAIL,
    VALIDATOR,
    BackupTrouble,
    Damaged,
    Manifest,
    Part,
    judged,
    opens_again,
    recipient_of,
    sealed,
    told,
    unpacked,
)
from repository.record import RECORDS
from repository.store import (
    AUDIT,
    EVERYWHERE,
    META,
    READ_SECONDS,
    RESTORING,
    ROOM_NEEDED,
    SIGN_INS,
    Restoring,
    Store,
    our_errors,
)
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.backup")

SECONDS = 3600.0
PHOTOS = frozenset({"fs.files", "fs.chunks"})  # as GridFS keeps them
LOOK_EVERY = 64_000_000  # bytes read between two looks at how much disk is left
_TOO_OLD = 239  # SnapshotTooOld
_DRAFT_PREFIX, _DRAFT_SUFFIX = ".gridboard-", ".part"


@dataclass(frozen=True)
class Taken:
    """A backup that was taken and read again. ``unrecorded`` says why it is not in the audit trail; None: it is."""

    path: Path
    manifest: Manifest
    unrecorded: Message | None = None


def declared() -> frozenset[str]:
    """The collections a backup is of: all that the code names, but for sign-ins."""
    return frozenset({*RECORDS, *migrations.PLAIN_COLLECTIONS, "migrations", META, *PHOTOS}) - LEFT_OUT


def strangers(store: Store) -> tuple[str, ...]:
    """What else stands in the database and is not GridBoard's: no backup has it. Raises Unavailable."""
    with our_errors(), pymongo.timeout(READ_SECONDS):
        there = {name for name in store.db.list_collection_names() if not name.startswith("system.")}
    return tuple(sorted(there - declared() - LEFT_OUT))


def take(store: Store, actor: Actor, path: Path, *, recipient: str = "") -> Taken:
    """Write a backup to ``path``, whole or not at all; ``recipient`` is an age public key (``age1…``) for whom it is
    encrypted. The folder has to be there: one that is made by itself hides that a disk is not. Raises BackupTrouble
    (also when a file is there already, and without room), Refused, Restoring, Unavailable."""
    require_all(actor)
    with _explained(path):
        if path.exists():
            raise _there(path)
        if not path.parent.is_dir():
            raise BackupTrouble(
                msg(
                    "There is no folder {folder}, so no backup was written. Is its disk there? If so, make the folder."
                ),
                folder=path.parent,
            )
        _clear(path.parent)
        with _draft(path.parent) as (file, draft):
            manifest = _write(store, file, path, recipient)
            _name(draft, path)
    return Taken(path, manifest, _record(store, actor, path.name, manifest, encrypted=bool(recipient)))


def take_away(store: Store, actor: Actor, folder: Path, name: str, *, recipient: str = "") -> IO[bytes]:
    """A backup as an open file at its beginning, to be handed out as ``name``. It stands in ``folder`` without a name
    of its own, so it is gone when it is closed, whatever happens. Nothing leaves here that is not on record: raises
    BackupTrouble then; else as ``take`` does."""
    require_all(actor)
    with _explained(folder):
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (whoever asked closes it)
    try:
        with _explained(folder):
            manifest = _write(store, file, folder / name, recipient)
        if problem := _record(store, actor, name, manifest, encrypted=bool(recipient)):
            raise BackupTrouble(
                msg("The backup was not handed out, because that could not be put on record: {reason}"), reason=problem
            )
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def require_all(actor: Actor) -> None:
    """Raise Refused for whoever has not everything in charge."""
    require(actor, Operation.READ, AUDIT)
    if reach(actor, EVERYWHERE) is not None:
        raise Refused(msg("A backup is of everything, and only some grids are in your charge."))


def _there(path: Path) -> BackupTrouble:
    return BackupTrouble(msg("{path} is there already. Nothing was written."), path=path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupTrouble(
            msg("The backup could not be written to {path}: {reason}. The database is as it was."),
            path=path,
            reason=error.strerror or str(error),
        ) from error


def _record(store: Store, actor: Actor, name: str, manifest: Manifest, *, encrypted: bool) -> Message | None:
    """Put a backup on record; returns why that failed, for it is there all the same."""
    facts = {"documents": manifest.documents, "encrypted": encrypted}
    try:
        store.write(actor, lambda write: write.note("backup", AUDIT, EVERYWHERE, name, facts), vital=True)
    except Trouble as trouble:
        log.warning("%s was written; it could not be put on record: %s", name, trouble)
        return trouble.message
    return None


# --- the file --------------------------------------------------------------------------------------------------------
@contextmanager
def _draft(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A file of this user only, and its name, which it bears until it is whole; locked, so that it is not taken for
    one that a killed process left."""
    descriptor, name = tempfile.mkstemp(prefix=_DRAFT_PREFIX, suffix=_DRAFT_SUFFIX, dir=folder)
    try:
        with open(descriptor, "w+b") as file:
            with suppress(OSError):  # a share that knows no locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Take away the drafts of processes that were killed."""
    for left in folder.glob(f"{_DRAFT_PREFIX}*{_DRAFT_SUFFIX}"):
        with suppress(OSError):  # locked: somebody is still writing it
            if time.time() - left.stat().st_mtime > 60:  # a new one is not locked at once
                with left.open("r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    left.unlink()


def _name(draft: Path, path: Path) -> None:
    """Give a whole draft its name; what bears it already stays. Raises BackupTrouble, OSError."""
    try:
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except OSError:  # FAT and some shares know no second name: the name is reserved, then given
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                os.replace(draft, path)
            except OSError:
                path.unlink()
                raise
    except FileExistsError:
        raise _there(path) from None
    with suppress(OSError):  # it has its name, and not every file system can be asked for that
        _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(store: Store, file: IO[bytes], path: Path, recipient: str) -> Manifest:
    """Fill a file and read it again; ``path`` is what it is going to be called. Raises BackupTrouble, OSError,
    Restoring, Unavailable."""
    mind = _room(store, path.parent)
    try:
        if not recipient:
            manifest, _text = _pack(store, file, mind)
            _settle(file)
            with unpacked(path, file) as archive:
                whole = judged(path, archive) == manifest
        else:
            with sealed(file, recipient_of(recipient)) as (sink, key):
                manifest, text = _pack(store, sink, mind)
            _settle(file)
            names = [f"{part.name}.bson" for part in manifest.parts]
            # that these bytes are a zip needs no second look; that they can be had back does
            whole = told(path, [*names, MANIFEST], text) == manifest and opens_again(file, key, sink)
        if not whole:
            raise Damaged(path, "it reads back as something else")
    except Damaged as error:
        raise BackupTrouble(
            msg("The backup does not read back as it was written ({reason}), so it was thrown away. Look at the disk."),
            reason=error.reason,
        ) from error
    return manifest


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)


# --- room ------------------------------------------------------------------------------------------------------------
def _room(store: Store, folder: Path) -> Callable[[], None]:
    """Raise BackupTrouble unless a backup fits into a folder's disk; returns what to call while it is written, which
    raises the same. On the database's own disk so much stays free as it needs to go on."""
    with our_errors(), pymongo.timeout(READ_SECONDS):
        told = store.db.command("dbStats")
    # deflate packs tighter than the server does on its disk: 0.4 to 0.5 of it for records, 1.0 for photos
    expected = min(1.01 * told["dataSize"], 1.1 * told["storageSize"])
    disk = os.statvfs(folder)
    own = int(told.get("fsTotalSize", -1)) == disk.f_blocks * disk.f_frsize
    floor = ROOM_NEEDED if own else 0

    def require_free(bytes: float) -> None:
        disk = os.statvfs(folder)
        free = disk.f_bavail * disk.f_frsize
        if free < floor + bytes:
            raise BackupTrouble(
                msg(
                    "There is no room for a backup in {folder}: {free} MB are free, about {needed} MB are needed, "
                    "{floor} MB of them for the database itself. No backup was written; make room or choose another "
                    "disk."
                ),
                folder=folder,
                free=free // 1_000_000,
                needed=int(floor + bytes) // 1_000_000 + 1,
                floor=floor // 1_000_000,
            )

    require_free(expected)
    return lambda: require_free(0)


# --- what is in it ---------------------------------------------------------------------------------------------------
def _pack(store: Store, out: Any, mind: Callable[[], None]) -> tuple[Manifest, str]:
    """Write a zip of everything declared, of one moment; returns its manifest, and the manifest's text."""
    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    parts, unlooked = [], 0
    with (
        our_errors(),
        pymongo.timeout(SECONDS),
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        infos = {info["name"]: info for info in store.db.list_collections()}
        names = sorted(declared() & infos.keys())
        engine = str(store.client.admin.command("buildInfo")["version"])
        with store.client.start_session(snapshot=True) as session:
            for name in names:
                # a snapshot has a read concern of its own
                source: Any = store.db.get_collection(name, codec_options=raw, read_concern=ReadConcern())
                digest, documents, size = hashlib.sha256(), 0, 0
                with archive.open(f"{name}.bson", "w", force_zip64=True) as file:
                    try:
                        for document in source.find({}, session=session, batch_size=2_000).sort("_id", 1):
                            file.write(document.raw)
                            digest.update(document.raw)
                            documents, size = documents + 1, size + len(document.raw)
                            unlooked += len(document.raw)
                            if unlooked > LOOK_EVERY:
                                mind()
                                unlooked = 0
                    except OperationFailure as error:
                        if error.code != _TOO_OLD:
                            raise
                        raise BackupTrouble(
                            msg(
                                "The backup took longer than the database keeps a consistent view. Raise its parameter "
                                "minSnapshotHistoryWindowInSeconds, or use the cluster's own backup."
                            )
                        ) from error
                parts.append(
                    Part(
                        name,
                        documents,
                        size,
                        digest.hexdigest(),
                        {key: each for key, each in plain(infos[name].get("options", {})).items() if key in VALIDATOR},
                        [plain(index) for index in store.db[name].list_indexes() if _is_kept(name, index)],
                    )
                )
            steps = tuple(sorted(each["_id"] for each in store.db["migrations"].find({}, session=session)))
            if store.db[SIGN_INS].find_one({"_id": RESTORING}, session=session):
                raise Restoring
        at = store.clock().isoformat()
        manifest = Manifest(FORMAT, at, store.db.name, engine, steps, tuple(parts), strangers(store))
        text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1)
        archive.writestr(MANIFEST, text)
    return manifest, text


def _is_kept(name: str, index: Mapping[str, Any]) -> bool:
    """Not what every collection has, nor a rule by which entries of the trail would expire: no restore takes that."""
    return index["name"] != "_id_" and not (name in TRAIL and "expireAfterSeconds" in index)


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """What the server says of a collection, as JSON keeps it; without what is the server's own."""
    kept = {name: each for name, each in value.items() if name not in {"v", "ns", "uuid", "background"}}
    return dict(json.loads(json_util.dumps(kept)))
