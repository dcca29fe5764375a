"""D4: starts that meet, are killed, or find what others left behind: one server, and the next start heals. Each case is
one function on a folder of its own, which tests/test_embedded.py tries once."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from repository import embedded
from repository.embedded import APP_DATABASE, Endpoint
from tests.benchmarks.stand import Report

ROOT = Path(__file__).parents[2]


# --- help
def servers(home: Path) -> list[int]:
    """The processes that run on ``home``, by what the kernel says they were called with."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and f"\0--dbpath\0{home}/db\0".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def remove(home: Path) -> None:
    """The folder, and whatever still runs on it."""
    for pid in servers(home):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not servers(home))
    shutil.rmtree(home, ignore_errors=True)


def wait_for(true: Callable[[], Any], seconds: float = 20) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def run_python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Another process of the product, running ``code`` with ``arguments`` in sys.argv[1:]."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def app(endpoint: Endpoint) -> MongoClient[dict[str, Any]]:
    """A client as the product's own."""
    return MongoClient(endpoint.uri)


def add(endpoint: Endpoint, *values: int) -> None:
    """Keep some numbers there."""
    with app(endpoint) as client:
        for value in values:
            client[APP_DATABASE].kept.insert_one({"_id": value})


def kept(endpoint: Endpoint) -> set[int]:
    """Which numbers are kept there."""
    with app(endpoint) as client:
        return {record["_id"] for record in client[APP_DATABASE].kept.find()}


# --- cases
def six_at_once(home: Path) -> None:
    """Six processes start on a folder that is not there yet: one makes it, all get the same server."""
    code = """
        import sys
        from pathlib import Path
        from repository import embedded
        end = embedded.start(Path(sys.argv[1]))
        print(end.started, end.brand_new, end.uri)
    """
    processes = [run_python(code, home) for _ in range(6)]
    answers = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sorted(answer[:2] for answer in answers) == [["False", "False"]] * 5 + [["True", "True"]]
    assert len({uri for *_, uri in answers}) == 1
    assert len(servers(home)) == 1


def killed_over_a_stale_lock(home: Path) -> None:
    """The server is killed, and its lock names a process that lives but is no server of ours."""
    first = embedded.start(home)
    add(first, *range(50))
    [pid] = servers(home)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not embedded.status(home).running)  # a dying process loses its command line before its locks
    assert (home / "m.sock").is_socket()
    (home / "db" / "mongod.lock").write_text(f"{os.getpid()}\n")
    assert embedded.status(home).running is False

    second = embedded.start(home)
    assert (second.started, second.brand_new, second.uri) == (True, False, first.uri)
    assert set(range(50)) <= kept(second)
    assert len(servers(home)) == 1


def parent_killed(home: Path) -> float:
    """Who started the server is killed: it lives on. Returns the seconds in which the next one has it."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from repository import embedded
        embedded.start(Path(sys.argv[1]))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run_python(code, home).wait(60) == -signal.SIGKILL
    [pid] = servers(home)
    assert os.getsid(pid) == pid, "a session of its own: no terminal can interrupt it"
    began = time.monotonic()
    end = embedded.start(home)
    took = time.monotonic() - began
    assert (end.started, servers(home)) == (False, [pid])
    return took


def killed_in_set_up(home: Path, dice: random.Random) -> None:
    """The process that sets a new folder up is killed at a random moment, its server sometimes too."""
    code = """
        import sys
        from pathlib import Path
        from repository import embedded
        from repository.embedded import server
        spawn = server._spawn
        server._spawn = lambda places: (spawn(places), print("spawned", flush=True))[0]
        embedded.start(Path(sys.argv[1]))
    """
    starter = run_python(code, home)
    assert starter.stdout
    starter.stdout.readline()
    # The server spends its first second on journal files; what can go wrong comes after it.
    time.sleep(dice.uniform(0.8, 1.5))
    starter.kill()
    if dice.random() < 0.6:
        for pid in servers(home):
            os.kill(pid, signal.SIGKILL)
    starter.communicate()
    end = embedded.start(home)
    add(end, 1)
    assert kept(end) == {1}
    assert len(servers(home)) == 1


# --- the row
@contextmanager
def _folder() -> Iterator[Path]:
    """One that is not there yet, short enough for a socket; no server may be left after it was stopped."""
    above = Path(tempfile.mkdtemp(prefix="gb", dir="/tmp"))
    try:
        yield above / "d"
        assert embedded.stop(above / "d")
        assert servers(above / "d") == [], "left behind after stop"
    finally:
        remove(above / "d")
        shutil.rmtree(above, ignore_errors=True)


def started_again_and_again(report: Report, long: bool) -> None:
    """Six starts at once, a stale lock, a killed parent, a set-up killed at random: one server, which always heals."""
    rounds, dice, attached = (10 if long else 1), random.Random(20260402), [0.0]
    cases: dict[str, Callable[[Path], object]] = {
        "six at once": six_at_once,
        "a lock with a stranger's living process": killed_over_a_stale_lock,
        "the parent killed": lambda home: attached.append(parent_killed(home)),
        "set-up killed at a random moment": lambda home: killed_in_set_up(home, dice),
    }
    for what, case in cases.items():
        wrong = []
        for _ in range(rounds):
            try:
                with _folder() as home:
                    case(home)
            except (AssertionError, embedded.EmbeddedTrouble) as error:
                wrong.append(str(error) or type(error).__name__)
        found = f"{rounds - len(wrong)} of {rounds} {'; '.join(wrong)[:200]}".strip()
        report.line(f"{what}: one server, healed, none left", found, f"{rounds} of {rounds}", not wrong)
    slowest = max(attached)
    report.line("found again after", f"{slowest:.2f} s at most", "<= 2 s", 0 < slowest <= 2 if long else None)
