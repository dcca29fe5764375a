"""The whole database in one file, taken while people work, and back into an empty one.

A backup is a zip of one BSON file per collection, in order of ``_id``, and a manifest with counts, SHA-256 digests,
validators and indexes; with a recipient it is encrypted in the age format (age-encryption.org/v1). Everything is read
in one snapshot session, so that a record, its audit entry and its counters agree. Sign-ins stay out of it: nobody is
signed in after a restore. Photos are collections like the others. ``docs/decisions/0008-backup.md`` says why.

A restore first reads the whole file and judges it; nothing is written before that. Then it fills an empty database,
which nobody can use meanwhile, reads it back, and only when every digest is right opens it.
"""

import hashlib
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import bson
import pymongo
from bson import CodecOptions, json_util
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from repository import migrations
from repository.access import Actor, Operation, Refused, reach, require
from repository.accounts import ATTEMPTS
from repository.store import AUDIT, EVERYWHERE, META, RESTORING, SIGN_INS, Store, our_errors
from repository.words import Trouble, msg

FORMAT = 1
MANIFEST = "manifest.json"
LEFT_OUT = frozenset({SIGN_INS, ATTEMPTS})
SECONDS = 3600.0
MOST_UNPACKED = 200_000_000_000
_TOO_OLD = 239  # SnapshotTooOld
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.]{0,79}$")
_PATTERN = re.compile(r"^gridboard-(\d{8}T\d{6})Z\.zip(\.age)?$")


class BackupTrouble(Trouble):
    """A backup can't be taken, or a file can't be restored. The database and the file are as they were."""


@dataclass(frozen=True)
class Part:
    """One collection in a backup: documents, bytes of BSON, and the digest over them in order of ``_id``."""

    name: str
    documents: int
    bytes: int
    sha256: str
    options: Mapping[str, Any]
    indexes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: taken ``at``, from a server of ``engine``, at the step of ``steps`` of the migrations."""

    format: int
    at: str
    database: str
    engine: str
    steps: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def documents(self) -> int:
        """All of them."""
        return sum(part.documents for part in self.parts)


# --- taking ----------------------------------------------------------------------------------------------------------
def take(store: Store, actor: Actor, path: Path, *, recipient: str = "") -> Manifest:
    """Write a backup to ``path``, whole or not at all; ``recipient`` is an age public key (``age1…``) for whom it is
    encrypted. Raises BackupTrouble (also when a file is there already), Refused, Unavailable."""
    require(actor, Operation.READ, AUDIT)
    if reach(actor, EVERYWHERE) is not None:
        raise Refused(msg("A backup is of everything, and only some grids are in your charge."))
    if path.exists():
        raise BackupTrouble(msg("{path} is there already. Nothing was written."), path=path)
    recipients = [_recipient(recipient)] if recipient else []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as room:
            plain = Path(room) / "plain"
            manifest = _write(store, plain)
            done = plain
            if recipients:
                import pyrage

                done = Path(room) / "sealed"
                pyrage.encrypt_file(str(plain), str(done), recipients)
            done.chmod(0o600)
            _sync(done)
            os.link(done, path)  # fails where another process was quicker
            _sync(path.parent)
    except FileExistsError:
        raise BackupTrouble(msg("{path} is there already. Nothing was written."), path=path) from None
    except OSError as error:
        raise BackupTrouble(
            msg("The backup could not be written to {path}: {reason}. The database is as it was."),
            path=path,
            reason=error.strerror or str(error),
        ) from error
    store.write(
        actor,
        lambda write: write.note(
            "backup", AUDIT, EVERYWHERE, path.name, {"documents": manifest.documents, "encrypted": bool(recipients)}
        ),
    )
    return manifest


def _recipient(text: str) -> Any:
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise BackupTrouble(msg("{key} is no age public key: it begins with age1."), key=text) from None


def new_identity() -> tuple[str, str]:
    """A new pair for encrypted backups: the secret key, to be kept away from this machine, and the public one."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def _write(store: Store, path: Path) -> Manifest:
    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    parts = []
    with (
        our_errors(),
        pymongo.timeout(SECONDS),
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out,
    ):
        path.chmod(0o600)
        infos = {info["name"]: info for info in store.db.list_collections()}
        names = sorted(name for name in infos if name not in LEFT_OUT and not name.startswith("system."))
        engine = str(store.client.admin.command("buildInfo")["version"])
        with store.client.start_session(snapshot=True) as session:
            for name in names:
                # a snapshot has a read concern of its own
                source: Any = store.db.get_collection(name, codec_options=raw, read_concern=ReadConcern())
                digest, documents, size = hashlib.sha256(), 0, 0
                with out.open(f"{name}.bson", "w", force_zip64=True) as file:
                    try:
                        for document in source.find({}, session=session, batch_size=2_000).sort("_id", 1):
                            file.write(document.raw)
                            digest.update(document.raw)
                            documents, size = documents + 1, size + len(document.raw)
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
                        _plain(infos[name].get("options", {})),
                        [_plain(index) for index in store.db[name].list_indexes() if index["name"] != "_id_"],
                    )
                )
            steps = tuple(sorted(each["_id"] for each in store.db["migrations"].find({}, session=session)))
        manifest = Manifest(FORMAT, store.clock().isoformat(), store.db.name, engine, steps, tuple(parts))
        out.writestr(MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1))
    return manifest


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """What the server says of a collection, as JSON keeps it; without what is the server's own."""
    kept = {name: each for name, each in value.items() if name not in {"v", "ns", "uuid", "background"}}
    return dict(json.loads(json_util.dumps(kept)))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- a folder of them ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Keep:
    """How many backups stay: the newest of so many days, weeks and months each."""

    days: int = 7
    weeks: int = 4
    months: int = 12


def name_of(at: datetime, *, encrypted: bool) -> str:
    """The file name of a backup taken at a moment."""
    return f"gridboard-{at.astimezone(UTC):%Y%m%dT%H%M%S}Z.zip" + (".age" if encrypted else "")


def kept(folder: Path) -> list[tuple[datetime, Path]]:
    """The backups in a folder, newest first; other files are not looked at."""
    found = []
    for path in folder.glob("gridboard-*.zip*"):
        if match := _PATTERN.match(path.name):
            found.append((datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC), path))
    return sorted(found, reverse=True)


def surplus(moments: Sequence[datetime], keep: Keep) -> list[datetime]:
    """Which backups may go: all but the newest of each of the last days, weeks and months, and never the newest."""
    newest = sorted(moments, reverse=True)
    staying = set(newest[:1])
    for form, most in (("%Y-%m-%d", keep.days), ("%G-%V", keep.weeks), ("%Y-%m", keep.months)):
        firsts: dict[str, datetime] = {}
        for moment in newest:
            firsts.setdefault(moment.strftime(form), moment)
        staying |= set(list(firsts.values())[:most])
    return [moment for moment in newest if moment not in staying]


def take_into(store: Store, actor: Actor, folder: Path, *, recipient: str = "", keep: Keep | None = None) -> Path:
    """Take a backup into a folder and let go of those that ``keep`` does not want. Raises as ``take`` does."""
    path = folder / name_of(store.clock(), encrypted=bool(recipient))
    take(store, actor, path, recipient=recipient)
    if keep is not None:
        there = dict(kept(folder))
        for moment in surplus(list(there), keep):
            there[moment].unlink(missing_ok=True)
    return path


def due(store: Store, folder: Path, every: timedelta = timedelta(hours=24)) -> bool:
    """Is the newest backup of a folder older than that, or is there none?"""
    found = kept(folder)
    return not found or store.clock() - found[0][0] >= every


# --- judging a file --------------------------------------------------------------------------------------------------
def inspect(path: Path, *, identity: str = "") -> Manifest:
    """Read a whole backup and check everything in it. Raises BackupTrouble for a file that is cut off, changed, no
    backup, or made by a newer GridBoard."""
    with _opened(path, identity) as archive:
        return _judged(path, archive)


@contextmanager
def _opened(path: Path, identity: str) -> Iterator[zipfile.ZipFile]:
    try:
        with path.open("rb") as file, tempfile.TemporaryDirectory(prefix="gridboard-restore-") as room:
            source: IO[bytes] = file
            if file.read(22).startswith(b"age-encryption.org/v1"):
                plain = Path(room) / "plain"
                _decrypt(path, plain, identity)
                source = plain.open("rb")
            file.seek(0)
            with source, zipfile.ZipFile(source) as archive:
                yield archive
    except OSError as error:
        raise BackupTrouble(
            msg("{path} can't be read: {reason}. Nothing was changed."), path=path, reason=error.strerror or str(error)
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error


def _decrypt(path: Path, plain: Path, identity: str) -> None:
    import pyrage

    if not identity:
        raise BackupTrouble(msg("{path} is encrypted: name the file with the secret key (--identity)."), path=path)
    words = [line.strip() for line in identity.splitlines() if line.strip().startswith("AGE-SECRET-KEY-")]
    try:
        keys = [pyrage.x25519.Identity.from_str(word) for word in words]
        pyrage.decrypt_file(str(path), str(plain), keys)
    except (pyrage.DecryptError, pyrage.IdentityError, OSError) as error:
        raise BackupTrouble(
            msg("{path} can't be decrypted with this key, or it was changed: {reason}. Nothing was changed."),
            path=path,
            reason=str(error),
        ) from error


def _damaged(path: Path, reason: str) -> BackupTrouble:
    return BackupTrouble(
        msg("{path} is damaged or no backup of GridBoard: {reason}. Nothing was changed; take another one."),
        path=path,
        reason=reason,
    )


def _judged(path: Path, archive: zipfile.ZipFile) -> Manifest:
    names = archive.namelist()
    if MANIFEST not in names or archive.getinfo(MANIFEST).file_size > 10_000_000:
        raise _damaged(path, "no manifest")
    try:
        told = json.loads(archive.read(MANIFEST))
        if told["format"] != FORMAT:
            raise BackupTrouble(
                msg(
                    "{path} was made by a newer GridBoard (format {found}). Nothing was changed; install that version."
                ),
                path=path,
                found=told["format"],
            )
        manifest = Manifest(
            **{**told, "steps": tuple(told["steps"]), "parts": tuple(Part(**one) for one in told["parts"])}
        )
        expected = {f"{part.name}.bson": part for part in manifest.parts}
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"the manifest: {type(error).__name__}") from error
    if unknown := set(manifest.steps) - set(migrations.steps()):
        raise BackupTrouble(
            msg("{path} was made by a newer GridBoard (it knows the step {step}). Nothing was changed."),
            path=path,
            step=sorted(unknown)[0],
        )
    if sorted(names) != sorted([*expected, MANIFEST]) or len(expected) != len(manifest.parts):
        raise _damaged(path, "other files than the manifest names")
    if sum(part.bytes for part in manifest.parts) > MOST_UNPACKED:
        raise _damaged(path, "far too large")
    for part in manifest.parts:
        if not _NAME.match(part.name) or part.name.startswith("system.") or part.name in LEFT_OUT:
            raise _damaged(path, f"a collection called {part.name[:80]!r}")
        count, size, digest = 0, 0, hashlib.sha256()
        for raw in _documents(path, archive, part):
            count, size = count + 1, size + len(raw)
            digest.update(raw)
        if (count, size, digest.hexdigest()) != (part.documents, part.bytes, part.sha256):
            raise _damaged(path, f"{part.name}: the digest differs")
    return manifest


def _documents(path: Path, archive: zipfile.ZipFile, part: Part) -> Iterator[bytes]:
    """One collection's documents, each a whole BSON document."""
    if archive.getinfo(f"{part.name}.bson").file_size != part.bytes:
        raise _damaged(path, f"{part.name}: its length differs")
    with archive.open(f"{part.name}.bson") as file:
        while head := file.read(4):
            length = int.from_bytes(head, "little")
            if not 5 <= length <= 17_000_000:
                raise _damaged(path, f"{part.name}: a document's length")
            raw = head + file.read(length - 4)
            if len(raw) != length or raw[-1] != 0:
                raise _damaged(path, f"{part.name}: a document is cut off")
            yield raw


# --- restoring -------------------------------------------------------------------------------------------------------
def is_empty(store: Store) -> bool:
    """Has nothing been written here but what a start makes by itself?"""
    made = {"migrations", META, *LEFT_OUT}
    with our_errors(), pymongo.timeout(60):
        return all(
            store.db[name].find_one({} if name != "passwords" else {"_id": {"$ne": "setup"}}, {"_id": 1}) is None
            for name in store.db.list_collection_names()
            if name not in made and not name.startswith("system.")
        )


def restore(store: Store, path: Path, *, identity: str = "") -> Manifest:
    """Fill an empty database with a backup. The file is judged whole before anything is written; afterwards every
    collection is read back and compared, and only then can the database be used. A restore that was cut off is begun
    anew by the next one.

    ``store`` must be connected with the right to drop collections. Raises BackupTrouble, Unavailable.
    """
    with _opened(path, identity) as archive:
        manifest = _judged(path, archive)
        unfinished = store.restoring()
        if not unfinished and not is_empty(store):
            raise BackupTrouble(
                msg(
                    "This database is not empty, so nothing was restored. Restore into a new data folder "
                    "(GRIDBOARD_HOME) or another database, look at it, then put it in the place of the old one."
                )
            )
        with our_errors(writing=True), pymongo.timeout(SECONDS):
            store.db[META].update_one(
                {"_id": RESTORING}, {"$set": {"file": path.name, "at": store.clock()}}, upsert=True
            )
            for name in store.db.list_collection_names():
                if name != META and not name.startswith("system."):
                    store.db[name].drop()
            for part in manifest.parts:
                if part.name != META:
                    _fill(store, part, _documents(path, archive, part))
            wrong = [part.name for part in manifest.parts if part.name != META and not _equal(store, part)]
            if wrong:
                raise BackupTrouble(
                    msg("What was written does not read back as it was: {names}. The database was not opened."),
                    names=", ".join(wrong),
                )
            meta = next((part for part in manifest.parts if part.name == META), None)
            for raw in _documents(path, archive, meta) if meta else ():
                document = bson.decode(raw)
                store.db[META].replace_one({"_id": document["_id"]}, document, upsert=True)
    migrations.migrate(store, opening=True)
    with our_errors(writing=True), pymongo.timeout(60):
        store.db[META].delete_one({"_id": RESTORING})
    return manifest


def _fill(store: Store, part: Part, documents: Iterator[bytes]) -> None:
    options = json_util.loads(json.dumps(part.options))
    store.db.create_collection(part.name, **options)
    batch: list[RawBSONDocument] = []
    size = 0
    target = store.db[part.name]
    for raw in documents:
        batch.append(RawBSONDocument(raw))
        size += len(raw)
        if size > 8_000_000 or len(batch) >= 5_000:
            target.insert_many(batch, ordered=False, bypass_document_validation=True)
            batch, size = [], 0
    if batch:
        target.insert_many(batch, ordered=False, bypass_document_validation=True)
    for index in part.indexes:
        how = json_util.loads(json.dumps(index))
        keys = list(how.pop("key").items())
        target.create_index(keys, **how)


def _equal(store: Store, part: Part) -> bool:
    """Does a collection read back as it stood in the backup, with its indexes?"""
    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    digest, count = hashlib.sha256(), 0
    source: Any = store.db.get_collection(part.name, codec_options=raw)
    for document in source.find({}, batch_size=2_000).sort("_id", 1):
        digest.update(document.raw)
        count += 1
    there = [_plain(index) for index in store.db[part.name].list_indexes() if index["name"] != "_id_"]
    by_name = {index["name"]: index for index in there}
    return (count, digest.hexdigest(), by_name) == (
        part.documents,
        part.sha256,
        {index["name"]: dict(index) for index in part.indexes},
    )
