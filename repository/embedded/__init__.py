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

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from repository.embedded.bootstrap import APP_DATABASE, admin_uri, app_uri, converge
from repository.embedded.directory import (
    FORMAT,
    PAUSE,
    EmbeddedTrouble,
    Places,
    check_system,
    free_bytes,
    held,
    locked,
    own_directory,
    read_meta,
    tidy_secrets,
    used_bytes,
)
from repository.embedded.server import (
    find_binary,
    listening,
    owner,
    reach,
    shift_logs,
    terminate,
    too_slow,
    version_of,
)
from repository.words import msg

__all__ = [
    "APP_DATABASE",
    "EmbeddedTrouble",
    "Endpoint",
    "Status",
    "find_binary",
    "free_bytes",
    "operator_uri",
    "rotate_log",
    "start",
    "status",
    "stop",
]

_LOG_BYTES = 20_000_000


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


def start(home: Path, *, wait_seconds: float = 60) -> Endpoint:
    """Start the server of ``home``, or attach to the one that runs; safe from any number of threads and processes.

    Waits at most about ``wait_seconds`` for others who are starting it and for the server to accept writes. Also
    finishes an interrupted set-up, recovers after a crash and follows a directory that was moved.

    Raises EmbeddedTrouble; the data is never touched by a refusal. A server that is merely slow is left running, and
    the next call attaches to it.
    """
    places = Places.of(home)
    deadline = time.monotonic() + wait_seconds
    check_system(places)
    own_directory(places.home)
    with _explained(places), locked(places, deadline):
        meta = read_meta(places)
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
        made = tidy_secrets(places)
        started, brand_new = _settle(places, deadline, wait_seconds, check_login=made)
    return Endpoint(app_uri(places), places.home, APP_DATABASE, started, brand_new)


def operator_uri(home: Path) -> str:
    """The address with which the owner of ``home`` may do what the app may not, such as to drop a collection. It holds
    a password: don't log it. The server must have been started."""
    return admin_uri(Places.of(home))


def _settle(places: Places, deadline: float, wait_seconds: float, *, check_login: bool) -> tuple[bool, bool]:
    """Run or find the server and bring it to accept writes; tells whether it was run here, and whether it is new."""
    started = False
    while True:
        ran = reach(places, deadline)
        started = started or ran
        try:
            return started, converge(places, deadline, check_login=ran or check_login)
        except ConnectionFailure:
            # It died or was stopped under us: look again, and run it again if it is gone.
            if time.monotonic() > deadline:
                raise too_slow(places, wait_seconds) from None
            time.sleep(PAUSE)


@contextmanager
def _explained(places: Places) -> Iterator[None]:
    """What nobody foresaw is told with the directory's name and the cause, and without a password."""
    try:
        yield
    except OSError as error:
        raise EmbeddedTrouble(
            msg("The database in {home} could not be started: {reason}. Your data was left as it is."),
            home=places.home,
            reason=f"{error.strerror or error} {error.filename or ''}".strip(),
        ) from error
    except PyMongoError as error:
        details = error.details if isinstance(error, OperationFailure) else None
        raise EmbeddedTrouble(
            msg("The database in {home} could not be started: {reason}. Your data was left as it is."),
            home=places.home,
            reason=(details or {}).get("errmsg", type(error).__name__),
        ) from error


def stop(home: Path, *, wait_seconds: float = 30) -> bool:
    """Ask the server of ``home`` to stop and wait until it has; True when one was running.

    It is never killed: raises EmbeddedTrouble if it is still busy after ``wait_seconds``.
    """
    places = Places.of(home)
    if not places.lock.exists():
        return False
    deadline = time.monotonic() + wait_seconds
    with locked(places, deadline):
        if not held(places.server_lock):
            return False
        terminate(places, deadline)
        return True


def status(home: Path) -> Status:
    """Look at the server of ``home`` without starting or creating anything."""
    places = Places.of(home)
    running, pid = False, None
    if places.lock.exists():
        try:
            with locked(places, time.monotonic() + 1):
                running = held(places.server_lock)
                pid = owner(places) if running else None
        except (EmbeddedTrouble, OSError):  # someone is starting it; the lock must not be probed meanwhile
            running = listening(places.socket)
    binary, version = None, None
    with suppress(EmbeddedTrouble):
        binary = find_binary()
        with suppress(OSError):
            if pid is not None:
                binary = Path(os.readlink(f"/proc/{pid}/exe"))
        version = version_of(binary)
    return Status(
        running=running,
        home=places.home,
        pid=pid,
        binary=binary,
        binary_version=version,
        log=places.log,
        free_bytes=free_bytes(places.home),
        data_bytes=used_bytes(places.db),
        socket=places.socket,
    )


def rotate_log(home: Path) -> None:
    """Begin a new server log if the present one is over 20 MB; five old ones are kept.

    Does nothing while someone starts or stops the server: call it again later.
    """
    places = Places.of(home)
    if not _log_is_due(places.log) or not places.lock.exists():
        return
    with suppress(EmbeddedTrouble), locked(places, time.monotonic()):
        if not _log_is_due(places.log):  # another process was quicker
            return
        pid = owner(places) if held(places.server_lock) else None
        # Only a server that is up knows what the signal means; another would die of it.
        if pid is not None and listening(places.socket):
            shift_logs(places.log)
            os.kill(pid, signal.SIGUSR1)


def _log_is_due(log: Path) -> bool:
    try:
        return log.stat().st_size > _LOG_BYTES
    except FileNotFoundError:
        # Moved away, but the server did not hear the signal (it ignores a second one soon after another): say it again.
        return True
