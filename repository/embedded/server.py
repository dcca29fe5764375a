"""The server's process: which program, how it is run, whether it lives, how it is asked to stop."""

import functools
import importlib.util
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from repository.embedded.directory import PAUSE, EmbeddedTrouble, Places, free_bytes, held, note, read_meta
from repository.words import msg

SET = "rs0"
"""The name of the replica set with one member."""

_log = logging.getLogger(__name__)
_FIRST_START_BYTES = 1_000_000_000  # three 100 MB journal files at once, then the operations log and the records
_LOGS_KEPT = 5
_DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}


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


def reach(places: Places, deadline: float) -> bool:
    """Wait until the server's socket accepts, running the server if none lives; True when this call ran it."""
    began = time.monotonic()
    child: subprocess.Popen[bytes] | None = None
    while True:
        # A second server "to see" would replace the first one's socket before it fails: the lock decides alone.
        if child is None and not held(places.server_lock):
            child = _spawn(places)
        if listening(places.socket):
            return child is not None
        if child is not None and child.poll() is not None:
            raise _died(places, child.returncode)
        if child is None and _stranded(places.socket):
            _log.warning("The socket %s was removed under a running server, which is restarted.", places.socket)
            terminate(places, deadline)
        elif time.monotonic() > deadline:
            raise too_slow(places, time.monotonic() - began)
        else:
            time.sleep(PAUSE)


def _spawn(places: Places) -> subprocess.Popen[bytes]:
    binary = find_binary()
    version = version_of(binary)
    meta = read_meta(places)
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
        note(places, ready=False)
    places.socket.unlink(missing_ok=True)
    shift_logs(places.log)
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


def _command(places: Places, binary: Path) -> list[str]:
    cache = os.environ.get("GRIDBOARD_CACHE_GB") or "0.25"
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
        "replSet": SET,
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


def listening(path: Path) -> bool:
    """Whether something accepts connections on the socket ``path``."""
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


def owner(places: Places) -> int | None:
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


def terminate(places: Places, deadline: float) -> None:
    """Ask the live server to end and wait until its lock is free and its process gone."""
    pid: int | None = None
    while held(places.server_lock):
        if pid is None:
            pid = owner(places)
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
        time.sleep(PAUSE)
    with suppress(OSError):  # the process outlives its lock by a moment; a zombie has no command line
        while Path(f"/proc/{pid}/cmdline").read_bytes() and time.monotonic() < deadline:
            time.sleep(PAUSE)


def shift_logs(log: Path) -> None:
    """Move ``log`` to ``log.1`` and each older one a number on; the sixth is dropped. An empty log stays."""
    if not log.exists() or not log.stat().st_size:
        return
    for number in range(_LOGS_KEPT - 1, 0, -1):
        with suppress(FileNotFoundError):
            log.with_name(f"{log.name}.{number}").rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def version_of(binary: Path) -> str:
    """The program's version, such as "6.0.5"; raises EmbeddedTrouble when it can't run here, saying what it misses."""
    try:
        return _ask_version(binary, binary.stat().st_mtime_ns)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedTrouble(
            msg("The MongoDB program {binary} can't be run: {reason}."), binary=binary, reason=str(error)
        ) from error


@functools.lru_cache(maxsize=8)
def _ask_version(binary: Path, _changed: int) -> str:
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


def _died(places: Places, code: int) -> EmbeddedTrouble:
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


def too_slow(places: Places, seconds: float) -> EmbeddedTrouble:
    """The trouble to raise when ``seconds`` were not enough for the server to accept writes."""
    return EmbeddedTrouble(
        msg(
            "The database in {home} is not ready after {seconds} s. It was left running, because it may be recovering. "
            "Try again in a minute; if that doesn't help, look into {log}."
        ),
        home=places.home,
        seconds=round(seconds),
        log=places.log,
    )
