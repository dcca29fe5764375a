"""What stands in a backup, and the judge who reads one: when it was written, when it is asked about, and before a
restore writes anything. Knows files, no database."""

import hashlib
import json
import os
import re
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from bson import json_util
from bson.errors import BSONError

from repository import migrations
from repository.attempts import ATTEMPTS
from repository.record import RECORDS
from repository.store import AUDIT, SEALS, SIGN_INS
from repository.words import Trouble, msg

FORMAT = 1
MANIFEST = "manifest.json"
VALIDATOR = frozenset({"validator", "validationLevel", "validationAction"})
TRAIL = frozenset({AUDIT, SEALS})
LEFT_OUT = frozenset({SIGN_INS, ATTEMPTS})
MOST_UNPACKED = 200_000_000_000
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.]{0,79}$")


class BackupTrouble(Trouble):
    """A backup can't be taken, or a file can't be restored. The database and the file are as they were."""


class Damaged(BackupTrouble):
    """A file that is cut off, changed, or no backup; ``reason`` says where it fails."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            msg("{path} is damaged or no backup of GridBoard: {reason}. Nothing was changed; take another one."),
            path=path,
            reason=reason,
        )
        self.reason = reason


@dataclass(frozen=True)
class Part:
    """One collection in a backup: documents, bytes of BSON, and the digest over them in order of ``_id``."""

    name: str
    documents: int
    bytes: int
    sha256: str
    options: Mapping[str, Any]
    indexes: Sequence[Mapping[str, Any]]

    def validator(self) -> dict[str, Any]:
        """The options that a restore takes over: those of the validator, where one is declared. A collection is capped,
        or made a view, by no file."""
        there = dict(self.options) if self.name in RECORDS else {}
        return {name: _typed(there[name]) for name in VALIDATOR & there.keys()}

    def made_indexes(self) -> list[dict[str, Any]]:
        """The indexes as the server is told to make them. KeyError, TypeError for what is none."""
        found = [dict(_typed(index)) for index in self.indexes]
        for index in found:
            if not (isinstance(index["name"], str) and isinstance(index["key"], dict)):
                raise TypeError(index)
        return found


def _typed(value: Any) -> Any:
    """What stands in the manifest, with the server's types."""
    return json_util.loads(json.dumps(value))


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: taken ``at``, from a server of ``engine``, at the step of ``steps`` of the migrations.
    ``left_out`` names what else stood in the database and is none of GridBoard's: it is not in the backup."""

    format: int
    at: str
    database: str
    engine: str
    steps: tuple[str, ...]
    parts: tuple[Part, ...]
    left_out: tuple[str, ...] = ()

    @property
    def documents(self) -> int:
        """All of them."""
        return sum(part.documents for part in self.parts)

    @property
    def bytes(self) -> int:
        """Of all documents, unpacked."""
        return sum(part.bytes for part in self.parts)


# --- judging ---------------------------------------------------------------------------------------------------------
def inspect(path: Path, *, identity: str = "") -> Manifest:
    """Read a whole backup and check everything in it. Raises BackupTrouble for a file that is cut off, changed, no
    backup, or made by a newer GridBoard."""
    with opened(path, identity) as archive:
        return judged(path, archive)


@contextmanager
def opened(path: Path, identity: str) -> Iterator[zipfile.ZipFile]:
    """The zip in a file, decrypted with ``identity`` if need be: into a file without a name, of which nothing stays
    whatever happens to this process. Raises BackupTrouble, also for what goes wrong while the zip is read."""
    try:
        with path.open("rb") as file, tempfile.TemporaryFile() as plain:
            source: IO[bytes] = file
            if file.read(22).startswith(b"age-encryption.org/v1"):
                file.seek(0)
                _decrypt(path, file, plain, identity)
                source = plain
            source.seek(0)
            with unpacked(path, source) as archive:
                yield archive
    except OSError as error:
        raise BackupTrouble(
            msg("{path} can't be read: {reason}. Nothing was changed."), path=path, reason=error.strerror or str(error)
        ) from error


@contextmanager
def unpacked(path: Path, file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The zip in a file that is called ``path``, or going to be. Raises Damaged."""
    with _reading(path):
        archive = zipfile.ZipFile(file)
    with archive:
        yield archive


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What the zip's reader raises is Damaged. Nothing else belongs in here: its errors would be told as the file's."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError) as error:
        raise Damaged(path, str(error) or type(error).__name__) from error


def judged(path: Path, archive: zipfile.ZipFile) -> Manifest:
    """What a zip holds, once everything in it was read and found to be as the manifest says. Raises BackupTrouble."""
    names = archive.namelist()
    if MANIFEST not in names or archive.getinfo(MANIFEST).file_size > 10_000_000:
        raise Damaged(path, "no manifest")
    with _reading(path):
        text = archive.read(MANIFEST)
    manifest = told(path, names, text)
    for part in manifest.parts:
        count, size, digest = 0, 0, hashlib.sha256()
        for raw in documents(path, archive, part):
            count, size = count + 1, size + len(raw)
            digest.update(raw)
        if (count, size, digest.hexdigest()) != (part.documents, part.bytes, part.sha256):
            raise Damaged(path, f"{part.name}: the digest differs")
    return manifest


def told(path: Path, names: Sequence[str], text: str | bytes) -> Manifest:
    """The manifest with this text, if a restore would take it for a zip with these ``names``. Raises BackupTrouble."""
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise BackupTrouble(
                msg(
                    "{path} was made by a newer GridBoard (format {found}). Nothing was changed; install that version."
                ),
                path=path,
                found=said["format"],
            )
        lists = {name: tuple(said.get(name, ())) for name in ("steps", "left_out")}
        manifest = Manifest(**{**said, **lists, "parts": tuple(Part(**one) for one in said["parts"])})
        expected = {f"{part.name}.bson": part for part in manifest.parts}
        unpacked = manifest.bytes
        unknown = set(manifest.steps) - set(migrations.steps())
        for part in manifest.parts:
            part.validator()
            part.made_indexes()
    except (KeyError, TypeError, ValueError, AttributeError, BSONError) as error:
        raise Damaged(path, f"the manifest: {type(error).__name__}") from error
    if unknown:
        raise BackupTrouble(
            msg("{path} was made by a newer GridBoard (it knows the step {step}). Nothing was changed."),
            path=path,
            step=sorted(unknown)[0],
        )
    if sorted(names) != sorted([*expected, MANIFEST]) or len(expected) != len(manifest.parts):
        raise Damaged(path, "other files than the manifest names")
    if unpacked > MOST_UNPACKED:
        raise Damaged(path, "far too large")
    for part in manifest.parts:
        if not _NAME.match(part.name) or part.name.startswith("system.") or part.name in LEFT_OUT:
            raise Damaged(path, f"a collection called {part.name[:80]!r}")
        if part.name in TRAIL and any("expireAfterSeconds" in index for index in part.indexes):
            raise BackupTrouble(
                msg(
                    "{path} would let entries of the audit trail expire (an index of {collection}). Nothing was "
                    "changed. Look at the database it was taken of: gridboard audit verify."
                ),
                path=path,
                collection=part.name,
            )
    return manifest


def documents(path: Path, archive: zipfile.ZipFile, part: Part) -> Iterator[bytes]:
    """One collection's documents, each a whole BSON document. Raises Damaged."""
    if archive.getinfo(f"{part.name}.bson").file_size != part.bytes:
        raise Damaged(path, f"{part.name}: its length differs")
    with _reading(path), archive.open(f"{part.name}.bson") as file:  # whoever takes a document does not raise in here
        while head := file.read(4):
            length = int.from_bytes(head, "little")
            if not 5 <= length <= 17_000_000:
                raise Damaged(path, f"{part.name}: a document's length")
            raw = head + file.read(length - 4)
            if len(raw) != length or raw[-1] != 0:
                raise Damaged(path, f"{part.name}: a document is cut off")
            yield raw


# --- encryption ------------------------------------------------------------------------------------------------------
class Sink(Protocol):
    """What bytes are written to, from the first to the last."""

    def write(self, content: bytes, /) -> int:
        """Take some bytes."""

    def flush(self) -> None:
        """Hand on what was taken."""


class Digest:
    """A sink that knows the SHA-256 of what went through it, and hands it on to ``to``, if there is one."""

    def __init__(self, to: Sink | None = None) -> None:
        self._running = hashlib.sha256()
        self._to = to

    def write(self, content: bytes, /) -> int:
        """Take some bytes."""
        self._running.update(content)
        if self._to is not None:
            self._to.write(content)
        return len(content)

    def flush(self) -> None:
        """Hand on what was taken."""
        if self._to is not None:
            self._to.flush()

    def hexdigest(self) -> str:
        """Of everything so far."""
        return self._running.hexdigest()


def new_identity() -> tuple[str, str]:
    """A new pair for encrypted backups: the secret key, to be kept away from this machine, and the public one."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient_of(text: str) -> Any:
    """The age public key (``age1…``) in a text. Raises BackupTrouble."""
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise BackupTrouble(msg("{key} is no age public key: it begins with age1."), key=text) from None


@contextmanager
def sealed(out: IO[bytes], recipient: Any) -> Iterator[tuple[Digest, Any]]:
    """A sink from which everything reaches ``out`` encrypted, so that nothing of it stands anywhere in plain; and a
    key of this moment, with which ``opens_again`` can read it back: the secret one is not on this machine. Raises
    OSError when ``out`` takes no more."""
    import pyrage

    own = pyrage.x25519.Identity.generate()
    source, sink = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with open(source, "rb") as reader:  # closed when it fails, so that whoever writes does not wait for it
                pyrage.encrypt_io(reader, out, [recipient, own.to_public()])
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=work, name="seal", daemon=True)
    worker.start()
    try:
        with open(sink, "wb") as writer:
            yield Digest(writer), own
    except BrokenPipeError:
        worker.join()
        if not failed:
            raise
    finally:
        worker.join()
    if failed:
        raise OSError(str(failed[0]).removeprefix("OSError: ")) from failed[0]


def opens_again(file: IO[bytes], key: Any, written: Digest) -> bool:
    """Is what was sealed into a file, read from its beginning, what was written?"""
    import pyrage

    found = Digest()
    file.seek(0)
    with suppress(pyrage.DecryptError, OSError):
        pyrage.decrypt_io(file, found, [key])
        return found.hexdigest() == written.hexdigest()
    return False


def _decrypt(path: Path, file: IO[bytes], plain: IO[bytes], identity: str) -> None:
    import pyrage

    if not identity:
        raise BackupTrouble(msg("{path} is encrypted: name the file with the secret key (--identity)."), path=path)
    words = [line.strip() for line in identity.splitlines() if line.strip().startswith("AGE-SECRET-KEY-")]
    try:
        keys = [pyrage.x25519.Identity.from_str(word) for word in words]
        pyrage.decrypt_io(file, plain, keys)
        plain.flush()
    except (pyrage.DecryptError, pyrage.IdentityError, OSError) as error:
        raise BackupTrouble(
            msg("{path} can't be decrypted with this key, or it was changed: {reason}. Nothing was changed."),
            path=path,
            reason=str(error),
        ) from error
