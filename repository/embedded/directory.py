"""The data directory of a private server: its names, its owner, its lock, and the small files written whole."""

import base64
import errno
import functools
import json
import logging
import os
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repository.words import Trouble, msg

if sys.platform != "win32":
    import fcntl

FORMAT = 1
"""The layout of the data directory that this code writes; a directory with a higher number is refused."""
PAUSE = 0.02
"""Seconds between two looks at something that is waited for."""

_log = logging.getLogger(__name__)
_SOCKET_BYTES = 100  # the kernel's limit is 107: a little is kept for whoever adds to the path


class EmbeddedTrouble(Trouble):
    """The private server can't be found, started or stopped; says what was kept and what to do."""


@dataclass(frozen=True)
class Places:
    """The names inside a data directory."""

    home: Path

    @classmethod
    def of(cls, home: Path) -> "Places":
        # Not resolved: a short symbolic link is a way out of the socket's length limit.
        return cls(Path(os.path.abspath(home.expanduser())))

    @property
    def lock(self) -> Path:
        return self.home / "embedded.lock"

    @property
    def socket(self) -> Path:
        return self.home / "m.sock"

    @property
    def db(self) -> Path:
        return self.home / "db"

    @property
    def server_lock(self) -> Path:
        return self.db / "mongod.lock"

    @property
    def log(self) -> Path:
        return self.home / "log" / "mongod.log"

    @property
    def keyfile(self) -> Path:
        return self.home / "keyfile"

    @property
    def admin_password(self) -> Path:
        return self.home / "admin.pw"

    @property
    def app_password(self) -> Path:
        return self.home / "app.pw"

    @property
    def meta(self) -> Path:
        return self.home / "meta.json"


def check_system(places: Places) -> None:
    """Raise EmbeddedTrouble where no server can listen at this path; as root, only warn."""
    if sys.platform == "win32" or not hasattr(socket, "AF_UNIX"):
        raise EmbeddedTrouble(
            msg("This system has no unix sockets, so GridBoard can't run its own MongoDB. Set MONGODB_URI instead.")
        )
    length = len(os.fsencode(places.socket))
    if length > _SOCKET_BYTES:
        raise EmbeddedTrouble(
            msg(
                "The path {path} is too long for a socket ({length} bytes; {limit} at most). "
                "Set GRIDBOARD_HOME to a shorter path."
            ),
            path=places.socket,
            length=length,
            limit=_SOCKET_BYTES,
        )
    if os.geteuid() == 0:
        _warn_root()


@functools.cache
def _warn_root() -> None:
    _log.warning("GridBoard's MongoDB runs as root; a user of its own is safer.")


def own_directory(home: Path) -> None:
    """Make ``home`` a directory that only this user can enter."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = home.stat()
        if found.st_uid != os.geteuid():
            raise EmbeddedTrouble(
                msg(
                    "The directory {home} belongs to another user (number {owner}; you are {user}). Run GridBoard as "
                    "that user, or set GRIDBOARD_HOME to a directory of your own."
                ),
                home=home,
                owner=found.st_uid,
                user=os.geteuid(),
            )
        if stat.S_IMODE(found.st_mode) != 0o700:
            home.chmod(0o700)
            if stat.S_IMODE(home.stat().st_mode) != 0o700:  # some file systems agree and do nothing
                raise PermissionError(errno.EPERM, "its permissions can't be set to 0700")
    except OSError as error:
        raise EmbeddedTrouble(
            msg("GridBoard can't keep its data in {home}: {reason}. Set GRIDBOARD_HOME to another directory."),
            home=home,
            reason=error.strerror,
        ) from error


@contextmanager
def locked(places: Places, deadline: float) -> Iterator[None]:
    """Hold the directory's lock; a new descriptor each time, so that threads exclude each other too."""
    descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        began = time.monotonic()
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise EmbeddedTrouble(
                    msg(
                        "Another process has been starting or stopping the database in {home} for over {seconds} s. "
                        "Wait for it, then try again."
                    ),
                    home=places.home,
                    seconds=round(time.monotonic() - began),
                )
            time.sleep(PAUSE)
        try:
            yield
        finally:
            # Said aloud, not left to close(): a child forked meanwhile shares the descriptor.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def held(lock: Path) -> bool:
    """Whether a live server holds its own lock: the only witness that can't be stale.

    Only under the directory's lock and never while a child is coming up: the probe would be in its way.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not _try_lock(descriptor):
            return True
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes) -> None:
    """Put ``content`` in place whole or not at all, readable by this user only."""
    draft = path.with_name(f".{path.name}.tmp")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def tidy_secrets(places: Places) -> bool:
    """All secrets exist before the server first runs, so that a killed set-up can be taken up with the same ones.

    True when one was missing and had to be made.
    """
    made = False
    for path in (places.keyfile, places.admin_password, places.app_password):
        if not path.exists():
            _write(path, base64.b64encode(secrets.token_bytes(96 if path == places.keyfile else 32)))
            made = True
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            _log.warning("%s could be read by others; its permissions were set back to 0600.", path)
            path.chmod(0o600)
    places.db.mkdir(mode=0o700, exist_ok=True)
    places.log.parent.mkdir(mode=0o700, exist_ok=True)
    return made


def read_meta(places: Places) -> dict[str, Any]:
    """The facts in meta.json; none if it is missing or damaged, for all of them can be found out again."""
    try:
        found = json.loads(places.meta.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("format"), int) and isinstance(found.get("mongod", ""), str):
        return found
    _log.warning("%s is damaged and will be written again.", places.meta)
    return {}


def note(places: Places, **facts: Any) -> None:
    """Add ``facts`` to meta.json."""
    before = read_meta(places)
    after = {"format": FORMAT, **before, **facts}
    if after != before:
        _write(places.meta, json.dumps(after, indent=1).encode())


def free_bytes(home: Path) -> int:
    """Bytes this user may still write on the disk of ``home`` (which need not exist yet)."""
    place = Places.of(home).home
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def used_bytes(folder: Path) -> int:
    """Bytes of disk that the files under ``folder`` take; 0 if there is none."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # the server renames and removes its files as it likes
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
    return total
