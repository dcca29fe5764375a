"""The private MongoDB server of a single-machine install: found, started, shared, healed and stopped.

It listens on a unix socket inside the data directory and nowhere else, so there is no port to choose and no other user
of the machine can reach it. Every step of a start can be repeated: a start that was killed anywhere is finished by the
next one. ``docs/decisions/0002-embedded-mongod.md`` says why it is done this way.

The data directory D (local disk only: network file systems do not keep the locks this rests on)::

    embedded.lock   held with flock by whoever starts, stops or inspects; never deleted
    keyfile admin.pw app.pw   secrets, written before the server first runs
    meta.json       store format, server version, whether the set-up was finished
    m.sock          the server's socket
    db/ log/        the server's own files; db/mongod.lock is held with flock by a live server
"""

import base64
import errno
import functools
import importlib.util
import json
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from repository.words import Trouble, msg

if sys.platform != "win32":
    import fcntl

APP_DATABASE = "gridboard"
FORMAT = 1
"""The layout of the data directory that this code writes; a directory with a higher number is refused."""

_log = logging.getLogger(__name__)
_APP_USER = "gridboard"
_APP_ROLE = "application"
_ADMIN_USER = "admin"
_SET = "rs0"
_SOCKET_BYTES = 100  # the kernel's limit is 107; the server adds nothing, but other clients may
_FIRST_START_BYTES = 1_000_000_000  # three 100 MB journal files at once, then the operations log and the records
_LOG_BYTES = 20_000_000
_LOGS_KEPT = 5
_PAUSE = 0.02  # seconds between two looks
_MAJORITY = {"w": "majority", "j": True}
_DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}


class _Code:
    """MongoDB's error numbers that a start expects."""

    UNAUTHORIZED = 13
    WRONG_PASSWORD = 18
    ALREADY_INITIATED = 23
    NOT_YET_INITIATED = 94
    ROLE_EXISTS = 51002
    USER_EXISTS = 51003


class EmbeddedTrouble(Trouble):
    """The private server can't be found, started or stopped; says what was kept and what to do."""


@dataclass(frozen=True)
class Endpoint:
    """A running server, ready to be used.

    ``uri`` is the app user's and complete: socket, database, SCRAM, ``w=majority``, ``journal``, ``retryWrites``.
    It holds a password: don't log it. ``started``: this call ran the server; False means it was found running.

    ``brand_new``: this call created the app's user, the last step of the first set-up, so nobody can have written a
    record before. It is True at most once in the life of a data directory: the set-up that was killed before that step
    is finished by a later call, which then answers True; if the process dies after that step and before it uses the
    answer, no later call says True. Whoever loads something into a new database must also look whether it is empty.
    """

    uri: str
    home: Path
    database: str
    started: bool
    brand_new: bool


@dataclass(frozen=True)
class Status:
    """What is known about the server of ``home`` at this moment; sizes in bytes.

    ``binary`` is the one that runs, else the one a start would run, None when there is none; ``data_bytes`` is the
    disk space the server's files take; ``free_bytes`` is what this user may still write.
    """

    running: bool
    home: Path
    pid: int | None
    binary: Path | None
    binary_version: str | None
    log: Path
    free_bytes: int
    data_bytes: int
    socket: Path


@dataclass(frozen=True)
class _Places:
    """The names inside a data directory."""

    home: Path

    @classmethod
    def of(cls, home: Path) -> "_Places":
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


# --- what the rest of the product calls ---------------------------------------------------------------------------


def start(home: Path, *, wait_seconds: float = 60) -> Endpoint:
    """Start the server of ``home``, or attach to the one that runs; safe from any number of threads and processes.

    Waits at most about ``wait_seconds`` for others who are starting it and for the server to accept writes. Also
    finishes an interrupted set-up, recovers after a crash and follows a directory that was moved.

    Raises EmbeddedTrouble; the data is never touched by a refusal. A server that is merely slow is left running, and
    the next call attaches to it.
    """
    places = _Places.of(home)
    deadline = time.monotonic() + wait_seconds
    _check_system(places)
    _own_directory(places.home)
    with _locked(places, deadline):
        _tidy_secrets(places)
        meta = _read_meta(places)
        if meta.get("format", FORMAT) > FORMAT:
            raise EmbeddedTrouble(
                msg(
                    "The data in {home} was written by a newer GridBoard (format {found}, this one knows {known}). "
                    "Nothing was changed. Install that version or a later one."
                ),
                home=places.home,
                found=meta["format"],
                known=FORMAT,
            )
        started = brand_new = False
        while True:
            ran = _reach(places, deadline)
            started = started or ran
            try:
                brand_new = _converge(places, deadline, check_login=ran) or brand_new
                break
            except ConnectionFailure:
                # It died or was stopped under us: look again, and run it again if it is gone.
                if time.monotonic() > deadline:
                    raise _too_slow(places, wait_seconds) from None
    return Endpoint(_app_uri(places), places.home, APP_DATABASE, started, brand_new)


def stop(home: Path, *, wait_seconds: float = 30) -> bool:
    """Ask the server of ``home`` to stop and wait until it has; True when one was running.

    It is never killed: raises EmbeddedTrouble if it is still busy after ``wait_seconds``.
    """
    places = _Places.of(home)
    if not places.lock.exists():
        return False
    deadline = time.monotonic() + wait_seconds
    with _locked(places, deadline):
        if not _held(places.server_lock):
            return False
        _terminate(places, deadline)
        return True


def status(home: Path) -> Status:
    """Look at the server of ``home`` without starting or creating anything."""
    places = _Places.of(home)
    running, pid = False, None
    if places.lock.exists():
        try:
            with _locked(places, time.monotonic() + 1):
                running = _held(places.server_lock)
                pid = _owner(places) if running else None
        except EmbeddedTrouble:  # someone is starting it; the lock must not be probed meanwhile
            running = _listening(places.socket)
    binary, version = None, None
    with suppress(EmbeddedTrouble):
        binary = find_binary()
        with suppress(OSError):
            if pid is not None:
                binary = Path(os.readlink(f"/proc/{pid}/exe"))
        version = _version(binary)
    return Status(
        running=running,
        home=places.home,
        pid=pid,
        binary=binary,
        binary_version=version,
        log=places.log,
        free_bytes=free_bytes(places.home),
        data_bytes=_used_bytes(places.db),
        socket=places.socket,
    )


def find_binary() -> Path:
    """The server program: MONGOD_PATH if set, else the one of the Python package, else ``mongod`` on PATH.

    Raises EmbeddedTrouble when there is none or MONGOD_PATH names none.
    """
    named = os.environ.get("MONGOD_PATH")
    if named:
        path = Path(named).expanduser()
        if path.is_file() and os.access(path, os.X_OK):
            return path.absolute()
        raise EmbeddedTrouble(
            msg("MONGOD_PATH is set to {path}, but there is no program there. Correct it, or unset it."), path=path
        )
    # Looked up from the outside: `fiftyone` may be a large package that must not be run for this.
    spec = importlib.util.find_spec("fiftyone")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "db" / "bin" / "mongod"
        if path.is_file() and os.access(path, os.X_OK):
            return path.absolute()
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path).absolute()
    raise EmbeddedTrouble(
        msg(
            "No MongoDB server was found on this machine. Install MongoDB Community Server and set MONGOD_PATH to its "
            "mongod program, or set MONGODB_URI to use a server that runs elsewhere."
        )
    )


def free_bytes(home: Path) -> int:
    """Bytes this user may still write on the disk of ``home`` (which need not exist yet)."""
    place = _Places.of(home).home
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def rotate_log(home: Path) -> None:
    """Begin a new server log if the present one is over 20 MB; five old ones are kept.

    Does nothing while someone starts or stops the server: call it again later.
    """
    places = _Places.of(home)
    try:
        large = places.log.stat().st_size > _LOG_BYTES
    except FileNotFoundError:
        return
    if not large:
        return
    with suppress(EmbeddedTrouble), _locked(places, time.monotonic()):
        if places.log.stat().st_size <= _LOG_BYTES:  # another process was quicker
            return
        if not _held(places.server_lock):
            _shift_logs(places.log)
        elif _listening(places.socket):  # only a server that is up knows what the signal means
            pid = _owner(places)
            if pid is not None:
                _shift_logs(places.log)
                os.kill(pid, signal.SIGUSR1)


# --- the directory and its lock -----------------------------------------------------------------------------------


def _check_system(places: _Places) -> None:
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


def _own_directory(home: Path) -> None:
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
def _locked(places: _Places, deadline: float) -> Iterator[None]:
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
            time.sleep(_PAUSE)
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


def _held(lock: Path) -> bool:
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


def _tidy_secrets(places: _Places) -> None:
    """All secrets exist before the server first runs, so that a killed set-up can be taken up with the same ones."""
    for path in (places.keyfile, places.admin_password, places.app_password):
        if not path.exists():
            _write(path, base64.b64encode(secrets.token_bytes(96 if path == places.keyfile else 32)))
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            _log.warning("%s could be read by others; its permissions were set back to 0600.", path)
            path.chmod(0o600)
    places.db.mkdir(mode=0o700, exist_ok=True)
    places.log.parent.mkdir(mode=0o700, exist_ok=True)


def _read_meta(places: _Places) -> dict[str, Any]:
    try:
        found = json.loads(places.meta.read_text("utf-8"))
        return dict(found)
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError):
        _log.warning("%s is damaged and will be written again.", places.meta)
        return {}


def _note(places: _Places, **facts: Any) -> None:
    before = _read_meta(places)
    after = {"format": FORMAT, **before, **facts}
    if after != before:
        _write(places.meta, json.dumps(after, indent=1).encode())


# --- the server process -------------------------------------------------------------------------------------------


def _reach(places: _Places, deadline: float) -> bool:
    """Wait until the server's socket accepts, running the server if none lives; True when this call ran it."""
    began = time.monotonic()
    child: subprocess.Popen[bytes] | None = None
    while True:
        # A second server "to see" would replace the first one's socket before it fails: the lock decides alone.
        if child is None and not _held(places.server_lock):
            child = _spawn(places)
        if _listening(places.socket):
            return child is not None
        if child is not None and child.poll() is not None:
            raise _died(places, child.returncode)
        if child is None and _stranded(places.socket):
            _log.warning("The socket %s was removed under a running server, which is restarted.", places.socket)
            _terminate(places, deadline)
        elif time.monotonic() > deadline:
            raise _too_slow(places, time.monotonic() - began)
        else:
            time.sleep(_PAUSE)


def _spawn(places: _Places) -> subprocess.Popen[bytes]:
    binary = find_binary()
    version = _version(binary)
    meta = _read_meta(places)
    if _series(meta.get("mongod", "")) > _series(version):
        raise EmbeddedTrouble(
            msg(
                "The data in {home} was last used with MongoDB {found}; the program {binary} is older ({version}) and "
                "can't read it. Nothing was changed. Set MONGOD_PATH to a program of that version."
            ),
            home=places.home,
            found=meta["mongod"],
            binary=binary,
            version=version,
        )
    if not (places.db / "WiredTiger").exists():
        free = free_bytes(places.home)
        if free < _FIRST_START_BYTES:
            raise EmbeddedTrouble(
                msg(
                    "A new database needs 1 GB of free disk space; {home} has {free} MB. Make room, or set "
                    "GRIDBOARD_HOME to a directory on another disk."
                ),
                home=places.home,
                free=free // 1_000_000,
            )
        _note(places, ready=False)
    _note(places, mongod=version)
    places.socket.unlink(missing_ok=True)
    _shift_logs(places.log)
    child = subprocess.Popen(  # noqa: S603 - the program is the operator's choice, its arguments are ours
        _command(places, binary),
        cwd=places.home,
        umask=0o077,
        # It outlives this process on purpose: other app processes share it, and the next one attaches.
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    threading.Thread(target=child.wait, name="gridboard-mongod", daemon=True).start()  # so that it leaves no zombie
    return child


def _command(places: _Places, binary: Path) -> list[str]:
    cache = os.environ.get("GRIDBOARD_CACHE_GB", "0.25")
    try:
        fits = 0.25 <= float(cache) <= 10_000
    except ValueError:
        fits = False
    if not fits:
        raise EmbeddedTrouble(
            msg("GRIDBOARD_CACHE_GB must be a number of gigabytes from 0.25; it is {value}."), value=cache
        )
    options = {
        "dbpath": places.db,
        "bind_ip": places.socket,
        "filePermissions": "0700",
        "replSet": _SET,
        "oplogSize": "256",
        "keyFile": places.keyfile,
        "wiredTigerCacheSizeGB": cache,
        "networkMessageCompressors": "disabled",
        "logpath": places.log,
        "logRotate": "reopen",
    }
    parameters = {
        "authenticationMechanisms": "SCRAM-SHA-256",
        "diagnosticDataCollectionEnabled": "false",
        "transactionLifetimeLimitSeconds": "60",
    }
    words = [str(binary), "--nounixsocket", "--noscripting", "--logappend"]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    for name, value in parameters.items():
        words += ["--setParameter", f"{name}={value}"]
    return words


def _listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


def _stranded(path: Path) -> bool:
    """Whether some process listens on ``path`` but its file there is gone, so that no client can come in any more."""
    try:
        table = Path("/proc/net/unix").read_bytes().splitlines()
    except OSError:
        return False
    accepting = any(line.endswith(b" " + os.fsencode(path)) and b" 00010000 " in line for line in table)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return accepting
        except OSError:  # a full queue is not a lost socket
            return False
    return False


def _owner(places: _Places) -> int | None:
    """The live server's process number: the one it wrote into its lock file, if that process has the file open."""
    try:
        pid = int(places.server_lock.read_text().strip())
        lock = places.server_lock.stat()
    except (OSError, ValueError):
        return None
    if not Path("/proc/self/fd").is_dir():
        return pid
    with suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                if os.path.samestat(os.stat(entry.path), lock):
                    return pid
    return None


def _terminate(places: _Places, deadline: float) -> None:
    """Ask the live server to end and wait until its lock is free and its process gone."""
    pid: int | None = None
    while _held(places.server_lock):
        if pid is None:
            pid = _owner(places)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise EmbeddedTrouble(
                msg(
                    "The database in {home} has not finished stopping (process {pid}). It was not killed and your data "
                    "is safe. Wait, then try again."
                ),
                home=places.home,
                pid=pid if pid is not None else "?",
            )
        time.sleep(_PAUSE)
    with suppress(OSError):  # the process outlives its lock by a moment; a zombie has no command line
        while Path(f"/proc/{pid}/cmdline").read_bytes() and time.monotonic() < deadline:
            time.sleep(_PAUSE)


def _shift_logs(log: Path) -> None:
    if not log.exists() or not log.stat().st_size:
        return
    for number in range(_LOGS_KEPT - 1, 0, -1):
        with suppress(FileNotFoundError):
            log.with_name(f"{log.name}.{number}").rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def _version(binary: Path) -> str:
    """The program's version, such as "6.0.5"; raises EmbeddedTrouble when it can't run here, saying what it misses."""
    try:
        return _version_of(binary, binary.stat().st_mtime_ns)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedTrouble(
            msg("The MongoDB program {binary} can't be run: {reason}."), binary=binary, reason=str(error)
        ) from error


@functools.lru_cache(maxsize=8)
def _version_of(binary: Path, _changed: int) -> str:
    answer = subprocess.run(  # noqa: S603 - the operator's choice
        [str(binary), "--version"], capture_output=True, text=True, errors="replace", timeout=60, check=False
    )
    found = re.search(r"db version v(\S+)", answer.stdout)
    if found:
        return found[1]
    missing = re.search(r"error while loading shared libraries: (\S+):", answer.stderr)
    if missing:
        package = _DEBIAN_PACKAGES.get(missing[1])
        if package:
            raise EmbeddedTrouble(
                msg(
                    "The MongoDB program {binary} needs the library {library}, which this system lacks. On Debian and "
                    "Ubuntu: apt install {package}."
                ),
                binary=binary,
                library=missing[1],
                package=package,
            )
        raise EmbeddedTrouble(
            msg(
                "The MongoDB program {binary} needs the library {library}, which this system lacks. Install the "
                "package that has it."
            ),
            binary=binary,
            library=missing[1],
        )
    if answer.returncode == -signal.SIGILL:
        raise EmbeddedTrouble(
            msg(
                "The MongoDB program {binary} needs a processor with AVX, which this one lacks. Set MONGODB_URI to use "
                "a server that runs elsewhere."
            ),
            binary=binary,
        )
    reason = (answer.stderr or answer.stdout).strip()[-300:] or str(answer.returncode)
    raise EmbeddedTrouble(msg("The MongoDB program {binary} can't be run: {reason}."), binary=binary, reason=reason)


def _series(version: str) -> tuple[int, ...]:
    """ "6.0.5" -> (6, 0): what decides whether one program can read another's files."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _died(places: _Places, code: int) -> EmbeddedTrouble:
    return EmbeddedTrouble(
        msg(
            "MongoDB ended while it was starting (code {code}): {reason}. Your data was left as it is. The full "
            "account is in {log}."
        ),
        code=code,
        reason=_last_words(places.log) or "-",
        log=places.log,
    )


def _last_words(log: Path) -> str:
    """The last error in the server's log, in its own words."""
    try:
        lines = log.read_bytes()[-200_000:].decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        with suppress(ValueError, AttributeError):
            entry = json.loads(line)
            if entry.get("s") in ("F", "E"):
                facts = entry.get("attr", {})
                detail = facts.get("error") or facts.get("message") or facts.get("msg") or ""
                return f"{entry.get('msg', '')} {detail}".strip()[:400]
    return ""


def _too_slow(places: _Places, seconds: float) -> EmbeddedTrouble:
    return EmbeddedTrouble(
        msg(
            "The database in {home} is not ready after {seconds} s. It was left running, because it may be recovering. "
            "Try again in a minute; if that doesn't help, look into {log}."
        ),
        home=places.home,
        seconds=round(seconds),
        log=places.log,
    )


def _used_bytes(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # the server renames and removes its files as it likes
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
    return total


# --- the set-up: every step can be repeated -----------------------------------------------------------------------


def _client(places: _Places, **options: Any) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        f"mongodb://{quote_plus(str(places.socket))}/",
        directConnection=True,
        serverSelectionTimeoutMS=3000,
        socketTimeoutMS=30_000,
        retryWrites=False,
        **options,
    )


def _admin(places: _Places) -> MongoClient[dict[str, Any]]:
    return _client(
        places,
        username=_ADMIN_USER,
        password=places.admin_password.read_text(),
        authSource="admin",
        authMechanism="SCRAM-SHA-256",
    )


def _app_uri(places: _Places) -> str:
    password = quote_plus(places.app_password.read_text())
    return (
        f"mongodb://{_APP_USER}:{password}@{quote_plus(str(places.socket))}/{APP_DATABASE}"
        f"?directConnection=true&authSource={APP_DATABASE}&authMechanism=SCRAM-SHA-256"
        "&w=majority&journal=true&retryWrites=true&serverSelectionTimeoutMS=3000"
    )


def _converge(places: _Places, deadline: float, *, check_login: bool) -> bool:
    """Bring the running server to: primary, admin user, app user; True when the app user was created now."""
    with _client(places) as bare:
        _await_primary(places, bare, deadline)
        if _read_meta(places).get("ready") and not (check_login and _login_refused(places)):
            return False
        with _done_before(_Code.UNAUTHORIZED, _Code.USER_EXISTS):
            # Until the first user exists the server lets a local client create it, and only that.
            bare.admin.command(
                "createUser",
                _ADMIN_USER,
                pwd=places.admin_password.read_text(),
                roles=["root"],
                mechanisms=["SCRAM-SHA-256"],
                writeConcern=_MAJORITY,
            )
    created = _create_app_user(places)
    _note(places, ready=True)
    return created


def _await_primary(places: _Places, bare: MongoClient[dict[str, Any]], deadline: float) -> None:
    began = time.monotonic()
    host = str(places.socket)
    initiated = False
    while True:
        hello = bare.admin.command("hello")
        if hello.get("isWritablePrimary"):
            return
        if "setName" not in hello:  # new, or moved away from the address it knows, or still reading its settings
            if not initiated:
                with _done_before(_Code.UNAUTHORIZED, _Code.ALREADY_INITIATED):
                    bare.admin.command("replSetInitiate", {"_id": _SET, "members": [{"_id": 0, "host": host}]})
                initiated = True
            else:
                _readdress(places, host)
        if time.monotonic() > deadline:
            raise _too_slow(places, time.monotonic() - began)
        time.sleep(_PAUSE)


def _readdress(places: _Places, host: str) -> None:
    """Tell a server whose directory was moved or restored elsewhere that it is itself."""
    try:
        with _admin(places) as admin:
            config = admin.admin.command("replSetGetConfig")["config"]
            if config["members"][0]["host"] != host:
                config["members"][0]["host"] = host
                config["version"] += 1
                admin.admin.command("replSetReconfig", config, force=True)
    except OperationFailure as error:
        if error.code == _Code.WRONG_PASSWORD:
            raise _wrong_password(places) from error
        if error.code != _Code.NOT_YET_INITIATED:  # it is still reading its settings
            raise


def _create_app_user(places: _Places) -> bool:
    account: Mapping[str, Any] = {
        "pwd": places.app_password.read_text(),
        "roles": [_APP_ROLE],
        "mechanisms": ["SCRAM-SHA-256"],
        "writeConcern": _MAJORITY,
    }
    try:
        with _admin(places) as admin:
            database = admin[APP_DATABASE]
            with _done_before(_Code.ROLE_EXISTS):
                database.command(
                    "createRole",
                    _APP_ROLE,
                    roles=["readWrite"],
                    # What readWrite lacks for keeping a collection's validator in step, and for checking it whole.
                    privileges=[
                        {"resource": {"db": APP_DATABASE, "collection": ""}, "actions": ["collMod", "validate"]}
                    ],
                    writeConcern=_MAJORITY,
                )
            try:
                database.command("createUser", _APP_USER, **account)
            except OperationFailure as error:
                if error.code != _Code.USER_EXISTS:
                    raise
                database.command("updateUser", _APP_USER, **account)  # app.pw may have been lost and made anew
                return False
            return True
    except OperationFailure as error:
        if error.code == _Code.WRONG_PASSWORD:
            raise _wrong_password(places) from error
        raise


def _login_refused(places: _Places) -> bool:
    try:
        with MongoClient[dict[str, Any]](_app_uri(places)) as app:
            app[APP_DATABASE].command("ping")
    except OperationFailure as error:
        if error.code == _Code.WRONG_PASSWORD:
            return True
        raise
    return False


def _wrong_password(places: _Places) -> EmbeddedTrouble:
    return EmbeddedTrouble(
        msg(
            "The database in {home} does not accept the password in {file}. Nothing was changed. Put back the file "
            "that belongs to this database, for example from a backup."
        ),
        home=places.home,
        file=places.admin_password,
    )


@contextmanager
def _done_before(*codes: int) -> Iterator[None]:
    """Let pass the answers of the server that mean "done before"."""
    try:
        yield
    except OperationFailure as error:
        if error.code not in codes:
            raise
