"""L: many readers at once, for long, signed in as people are: quick enough, no errors, no growth."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

from repository import accounts, embedded
from repository.access import Actor, Role
from repository.maintenance import Status, log_repair, move
from repository.store import Store
from tests.benchmarks.stand import Report
from tests.reader import Reader, signed_in
from tests.reliability.ground import ACTOR, home

PAGES = ("", "grids", "facilities", "maintenance", "activities")
ROLES = (Role.EDITOR, Role.FACILITY_MANAGER, Role.VIEWER, Role.GRID_WORKER)
PASSWORD = "violet anchor bread"  # pragma: allowlist secret
WARM = 60.0  # seconds until everybody has seen what they see: memory is compared from there on


def _memory(pid: int) -> int:
    """Kilobytes of a process that are in memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def _handles(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _clients(operator: Store) -> int:
    """How many MongoClients the database is talked to by: each keeps one question open, whether anything has changed.
    One that has just been answered is asking again, so the most of several looks counts, some time apart: in a row they
    may all fall into the moment in which a busy machine has not asked again."""

    def open_questions() -> int:
        stages = [
            {"$currentOp": {"allUsers": True, "idleConnections": True}},
            {"$match": {"command.hello": {"$exists": True}}},
        ]
        time.sleep(0.1)
        return sum("maxAwaitTimeMS" in each["command"] for each in operator.client.admin.aggregate(stages))

    return max(open_questions() for _ in range(10))


@dataclass
class Figures:
    """What the app's process and the database's connections were at one moment."""

    memory: int
    handles: int
    connections: int

    @classmethod
    def now(cls, pid: int, operator: Store) -> "Figures":
        """Looked up."""
        told = operator.client.admin.command("serverStatus")["connections"]
        return cls(_memory(pid), _handles(pid), int(told["current"]))


@contextmanager
def _app(path: Path) -> Iterator[tuple[int, int]]:
    """The app on a private database with accounts: its port and process."""
    environment = os.environ | {"GRIDBOARD_HOME": str(path), "MONGODB_URI": "", "PORT": "0"}
    environment |= {"GRIDBOARD_SIGN_IN": "accounts"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.cli", "run"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rsplit(":", 1)[1]), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _account(store: Store, login: str, role: Role) -> str:
    """Somebody who has chosen a password of their own; returns the sign-in name."""
    made = accounts.add_user(store, ACTOR, {"login": login, "name": login, "role": role}, password=PASSWORD)
    accounts.edit_user(store, ACTOR, made.id, made.revision, {"must_change": False})
    return login


@dataclass
class Crowd:
    """Readers and a writer who go on until told to stop; an error of theirs is one of the figures."""

    pause: float
    took: list[float] = field(default_factory=list)
    wrote: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def read(self, reader: Reader, expected: str) -> None:
        """One page, again and again; it must be the page and not a way back to the door."""
        try:
            while not self.stop.is_set():
                self.took.append(reader.rerun())
                if reader.failed or expected.encode() not in reader.said:
                    self.errors.append(reader.page)
                self.stop.wait(self.pause)
            reader.close()
        except Exception as error:  # noqa: BLE001 (one of the figures)
            self.errors.append(f"{reader.page}: {type(error).__name__}")

    def write(self, store: Store, actor: Actor, community: str) -> None:
        """A repair is logged and taken on, by somebody signed in, each second."""
        while not self.stop.is_set():
            try:
                with self._timed():
                    order = log_repair(store, actor, community, fault="坏了", place="东门")
                with self._timed():
                    move(store, actor, community, order.id, order.revision, Status.IN_PROGRESS)
            except Exception as error:  # noqa: BLE001 (one of the figures)
                self.errors.append(f"writing: {type(error).__name__}")
            self.stop.wait(1)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.wrote.append(time.perf_counter() - began)


def _run(report: Report, *, sessions: int, seconds: float, orders: int, pause: float, watched: bool) -> None:
    """``watched``: the stopwatch counts. In the short form, beside other tests, it is only read out."""
    from seed import bulk

    with home() as path:
        endpoint = embedded.start(path)
        store = Store.connect(endpoint.uri, endpoint.database)
        operator = Store.connect(embedded.operator_uri(path), endpoint.database)
        bulk.load(store, work_orders=orders, communities=1, attendances=0, seed=1)
        community = store.communities(ACTOR)[0]
        people = [_account(store, f"reader{number}", ROLES[number % len(ROLES)]) for number in range(sessions)]
        token, _ = accounts.sign_in(store, _account(store, "writer", Role.EDITOR), PASSWORD, terms=TERMS)
        writer = accounts.visitor(store, token, TERMS)
        assert writer is not None
        ours = _clients(operator)
        with _app(path) as (port, pid):
            cookies = [signed_in(port, login, PASSWORD) for login in people]
            crowd = Crowd(pause)
            threads = [threading.Thread(target=crowd.write, args=(store, writer.actor, community["_id"]))]
            for number, cookie in enumerate(cookies):
                reader = Reader(port, PAGES[number % len(PAGES)], f"community={community['_id']}", cookie=cookie)
                threads.append(threading.Thread(target=crowd.read, args=(reader, community["name"])))
            for thread in threads:
                thread.start()
            warm = min(WARM, seconds / 3)
            time.sleep(warm)
            early = Figures.now(pid, operator)
            time.sleep(seconds - warm)
            late, theirs = Figures.now(pid, operator), _clients(operator) - ours
            crowd.stop.set()
            for thread in threads:
                thread.join()
            database = embedded.status(path).pid
            page, write = quantiles(crowd.took, n=100)[94], quantiles(crowd.wrote, n=100)[94]
            whose = f"{sessions} signed in, {orders:,} orders: runs / writes"
            report.line(whose, f"{len(crowd.took):,} / {len(crowd.wrote):,}", "> 0", bool(crowd.took and crowd.wrote))
            report.line("a page's run, p95", f"{page:.3f} s", "< 2 s", page < 2 if watched else None)
            report.line("a write, p95", f"{write:.3f} s", "< 0.5 s", write < 0.5 if watched else None)
            told = ", ".join(sorted(set(crowd.errors)))
            report.line("errors", f"{len(crowd.errors)} {told}".strip(), "0", not crowd.errors)
            growth = late.memory / early.memory - 1
            report.line("memory grew by", f"{growth:.1%} of {early.memory / 1024:.0f} MB", "< 10 %", growth < 0.10)
            report.line(
                "handles", f"{early.handles} then {late.handles}", "no growth", late.handles <= early.handles + 10
            )
            report.line("mongod's memory", f"{_memory(database or 0) / 1024:.0f} MB", "< 600 MB",
                        _memory(database or 0) < 600 * 1024)  # fmt: skip
            report.line("connections", f"{early.connections} then {late.connections}", "no growth",
                        late.connections <= early.connections + 5)  # fmt: skip
            report.line("MongoClients of the app", str(theirs), "1", theirs == 1)
        operator.close()
        store.close()


TERMS = accounts.Terms(idle=timedelta(hours=4))


def twenty_at_once(report: Report, long: bool) -> None:
    """Twenty people look and one writes, on a large community."""
    if long:
        _run(report, sessions=20, seconds=600, orders=1_000_000, pause=1, watched=True)
    else:
        _run(report, sessions=8, seconds=6, orders=3_000, pause=0.5, watched=False)


def hours_of_five(report: Report, long: bool) -> None:
    """Five people for an hour: memory, handles and connections stay as they are."""
    if long:
        _run(report, sessions=5, seconds=3600, orders=100_000, pause=1, watched=True)
    else:
        _run(report, sessions=5, seconds=8, orders=2_000, pause=1, watched=False)
