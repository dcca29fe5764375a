"""D: what was acknowledged stays, whole, whatever happens to the server, the disk or the machine."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from pymongo import monitoring

from repository import accounts, audit, backup, embedded, importer, once, recount, rollups
from repository.access import Operation
from repository.embedded import server
from repository.maintenance import WorkOrder
from repository.migrations import migrate
from repository.store import READ_SECONDS, WRITE_SECONDS, Full, OutcomeUnknown, Store, Unavailable
from repository.store import database as store_room
from tests.benchmarks.stand import Report
from tests.conftest import NOW
from tests.reliability.ground import ACTOR, Writers, an_order, home, opened
from tests.reliability.wire import Wire
from tests.test_access import PREPARE, ROOT, ROWS, everything, ground, restore, world


def killed_again_and_again(report: Report, long: bool) -> None:
    """kill -9 of mongod under four writers; nothing acknowledged is lost, nothing is torn."""
    kills, dice = (25 if long else 2), random.Random(42)
    with home() as path:
        store = opened(path)
        writers = Writers(store)
        back = []
        for _ in range(kills):
            time.sleep(dice.uniform(0.3, 1.0))
            pid = embedded.status(path).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            embedded.start(path)
            back.append(time.monotonic() - began)
        time.sleep(0.5)
        writers.stop()
        saved = sum(writers.acknowledged.values())
        report.line(f"{kills} kills: acknowledged", f"{saved:,}", "> 20", saved > 20)
        lost, torn = writers.lost(store), writers.torn(store)
        report.line("lost / torn", f"{lost} / {torn}", "0 / 0", lost == 0 and torn == 0)
        report.line("unexpected errors", str(len(writers.unexpected)), "0", not writers.unexpected)
        report.line("primary again after", f"{max(back):.2f} s at most", "<= 5 s", max(back) <= 5 if long else None)
        valid = all(store.db.command("validate", name)["valid"] for name in store.db.list_collection_names())
        report.line("validate", "ok" if valid else "damaged", "ok", valid)
        store.close()


WRITE_NOTHING = {
    *("importer.prepare", "importer.preview", "recount.check", "erasure.preview", "residents.resident_of_card"),
    *("erasure.carry_on", "erasure.forget_closed", "erasure.take_ledger"),
}
"""Only who may change something is shown these; they change nothing themselves, or find nothing to do here."""


def every_acknowledgement_is_in_the_journal(report: Report, long: bool) -> None:
    """One after the other, each write waits for a journal sync of its own; and every path that writes asks for it."""
    writes = 500 if long else 25
    with home() as path:
        _every_path(report, path)
        endpoint = embedded.start(path)
        store = Store.connect(endpoint.uri, endpoint.database)
        admin = Store.connect(embedded.operator_uri(path), embedded.APP_DATABASE)

        def syncs() -> int:
            status = admin.client.admin.command("serverStatus")
            return int(status["wiredTiger"]["log"]["log sync operations"])

        before = syncs()
        for number in range(writes):
            store.insert(ACTOR, an_order(f"W-{number}"))
        made = syncs() - before
        report.line(f"{writes} writes: journal syncs", str(made), f">= {writes}", made >= writes)
        before = syncs()
        for _ in range(writes):
            store.next_number(ACTOR, "D", "syncs")
        made = syncs() - before
        report.line(f"{writes} numbers given out: journal syncs", str(made), f">= {writes}", made >= writes)
        admin.close()
        store.close()


def _every_path(report: Report, path: Path) -> None:
    """Each public function that may write (the table of tests/test_access.py has them all), and those without an actor:
    a new one is tried here from its first day."""
    wire, now = Wire(), [NOW]
    wire.path = "migrate"
    endpoint = embedded.start(path)
    store = Store.connect(endpoint.uri, endpoint.database, lambda: now[0], event_listeners=[wire])
    migrate(store)
    plain = Store.connect(embedded.operator_uri(path), endpoint.database, lambda: NOW)
    world(plain)
    before, may_write = everything(plain), set()
    for wire.path, row in ROWS.items():
        ground(plain, wire.path)
        row.call(store, ROOT)
        if any(operation is not Operation.READ for operation, _ in row.needs):
            may_write.add(wire.path)
        if wire.path in wire.paths or wire.path in PREPARE:
            restore(plain, before)
            store._there.clear()
            store.reread_pending()
    plain.close()
    wire.path = "accounts"
    store.db["users"].delete_many({})
    accounts.set_up(store, accounts.setup_code(store), "boss", "b", "violet anchor bread")
    token, _ = accounts.sign_in(store, "boss", "violet anchor bread", terms=accounts.Terms())
    now[0] += timedelta(minutes=5)
    visitor = accounts.visitor(store, token, accounts.Terms())
    assert visitor is not None
    accounts.change_password(store, visitor, "violet anchor bread", "seven quiet lanterns")
    accounts.sign_out(store, token, accounts.Terms())
    for wire.path, call in {
        "once": lambda: once.first_use(store, "x", timedelta(hours=1)),
        "audit.seal": lambda: audit.seal(store, now=NOW + timedelta(days=1)),
        "importer.recover": lambda: importer.recover(store, stale=timedelta(days=-9)),
        "numbers": lambda: store.next_number(ROOT, "D", "x"),
        "counters": lambda: rollups.ensure(store.db, "F", [rollups.Place("x", "month", "2026-04")]),
    }.items():
        call()
    wire.path = "backup.restore"
    backup.take(store, ROOT, path / "all.zip")
    store.close()
    copy = Store.connect(embedded.operator_uri(path), "copy", event_listeners=[wire])
    backup.restore(copy, path / "all.zip")
    copy.close()
    silent = may_write - wire.paths
    report.line("may write, and did not", ", ".join(sorted(silent)), "what only judges", silent == WRITE_NOTHING)
    asked = ", ".join(f"{n} {name}" for name, n in wire.asked.most_common())
    report.line(f"on {len(wire.paths)} paths", asked, ">= 50 paths", len(wire.paths) >= 50)
    report.line("not with majority and journal", "; ".join(sorted(wire.hasty)) or "none", "none", not wire.hasty)


def the_disk_fills_up(report: Report, long: bool) -> None:
    """A small disk: writing stops before the server has to end itself, and goes on when there is room again.

    In full with the bounds of the product as they are; in short with lower ones, which need less disk and no waiting.
    """
    where = Path(tempfile.mkdtemp(prefix="gb-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={2200 if long else 1100}m", "tmpfs", str(where)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        report.line("a disk of its own", "needs root: not tried")
        where.rmdir()
        return
    bounds = {} if long else {"ROOM_SECONDS": 0.05, "ROOM_NEEDED": 120_000_000}
    try:
        with patch.multiple(store_room, **bounds) if bounds else nullcontext(), home(where) as path:
            needed, known_after = store_room.ROOM_NEEDED, store_room.ROOM_SECONDS + 2
            store = opened(path)
            writers = Writers(store)
            time.sleep(1)
            filler = where / "filler"
            free = shutil.disk_usage(where).free
            with filler.open("wb") as file:  # somebody else fills the disk but for what is kept for us
                for _ in range((free - needed + 20_000_000) // 1_000_000):
                    file.write(b"\0" * 1_000_000)
            time.sleep(known_after)
            before = len(writers.acknowledged)
            time.sleep(15 if long else 1)
            alive = embedded.status(path).running
            stopped = len(writers.acknowledged) == before and writers.refused > 0
            left = shutil.disk_usage(where).free
            report.line(f"of {needed / 1e6:.0f} MB that are kept there are left", f"{left / 1e6:.0f} MB", "> 60 MB",
                        60_000_000 < left < needed)  # fmt: skip
            try:
                store.require_room()
                said = False
            except Full:
                said = True
            report.line(
                "nearly full: server / writing", f"{alive} / stopped {stopped}", "alive, stopped", alive and stopped
            )
            report.line("and it is said", str(said), "yes", said)
            report.line("everything can be read", f"{store.db['work_orders'].count_documents({}):,}", "> 0")
            filler.unlink()
            time.sleep(known_after)
            goes_on = len(writers.acknowledged) > before
            writers.stop()
            lost, torn = writers.lost(store), writers.torn(store)
            report.line("room again: writing goes on", str(goes_on), "yes", goes_on)
            report.line("lost / torn / unexpected", f"{lost} / {torn} / {len(writers.unexpected)}", "0 / 0 / 0",
                        not (lost or torn or writers.unexpected))  # fmt: skip
            store.close()
    finally:
        subprocess.run(["umount", str(where)], check=False)
        where.rmdir()


def stopped_under_load(report: Report, long: bool) -> None:
    """SIGTERM while four write: an orderly end, nothing lost."""
    runs: list[subprocess.Popen[bytes]] = []
    spawn = server._spawn
    with home() as path, patch.object(server, "_spawn", lambda places: runs.append(spawn(places)) or runs[-1]):
        store = opened(path)
        writers = Writers(store)
        time.sleep(3 if long else 1)
        began = time.monotonic()
        stopped = embedded.stop(path)
        took = time.monotonic() - began
        code = runs[0].wait(10)
        writers._stop.set()
        embedded.start(path)
        writers.stop()
        lost, torn = writers.lost(store), writers.torn(store)
        report.line("stopped after", f"{took:.1f} s", "<= 10 s", stopped and took <= 10)
        report.line("exit code", str(code), "0", code == 0)
        report.line("lost / torn", f"{lost} / {torn}", "0 / 0", not (lost or torn))
        store.close()


def silent_for_a_while(report: Report, long: bool) -> None:
    """The database answers nobody for some seconds, as over a broken line: what was told stays true, and it goes on."""
    seconds = 8 if long else 3
    with home() as path:
        store = opened(path)
        writers = Writers(store)
        time.sleep(1)
        pid = embedded.status(path).pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
            before = len(writers.acknowledged)
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(2)
        writers.stop()
        lost, torn = writers.lost(store), writers.torn(store)
        report.line(
            f"silent for {seconds} s: slowest write", f"{writers.slowest:.1f} s", "<= 20 s", writers.slowest <= 20
        )
        goes_on = len(writers.acknowledged) > before
        report.line("goes on by itself", str(goes_on), "yes", goes_on)
        report.line("lost / torn / unexpected", f"{lost} / {torn} / {len(writers.unexpected)}", "0 / 0 / 0",
                    not (lost or torn or writers.unexpected))  # fmt: skip
        store.close()


class _StopsAtCommit(monitoring.CommandListener):
    """Freezes the server when a commit is on its way to it, for some seconds."""

    def __init__(self, pid: int, seconds: float) -> None:
        self.pid, self.armed = pid, False
        self.thaw = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.armed and event.command_name == "commitTransaction":
            self.armed = False
            os.kill(self.pid, signal.SIGSTOP)
            self.thaw.start()

    def succeeded(self, _event: object) -> None: ...

    def failed(self, _event: object) -> None: ...


def silent_at_a_commit(report: Report, long: bool) -> None:
    """The database falls silent when a commit has been sent: nobody is told that nothing was changed, and the same
    submission afterwards makes no second record."""
    patience = WRITE_SECONDS if long else 2.0
    with home() as path:
        opened(path).close()
        endpoint, pid = embedded.start(path), embedded.status(path).pid
        assert pid is not None
        listener = _StopsAtCommit(pid, patience + READ_SECONDS + 2)
        store = Store.connect(endpoint.uri, endpoint.database, event_listeners=[listener])
        store.insert(ACTOR, an_order("before"))  # what is made on first use is there
        listener.armed = True
        told = "saved"
        try:
            store.write(ACTOR, lambda write: write.insert(an_order("at-commit")), key="once", seconds=patience)
        except OutcomeUnknown:
            told = "unknown"
        except Unavailable:
            told = "nothing was changed"
        listener.thaw.join()
        time.sleep(2)  # what it was asked while it was frozen is answered first
        there = store.count(ACTOR, WorkOrder, "D", {"number": "at-commit"})
        report.line(f"silent after {patience:.0f} s: a write is told", told, "unknown", told == "unknown")
        report.line("and had gone through", str(there), "1", there == 1)
        for _ in range(3):
            store.insert(ACTOR, an_order("at-commit"), key="once")
        made = store.count(ACTOR, WorkOrder, "D", {"number": "at-commit"})
        report.line("the same submission three times more", f"{made} record", "1", made == 1)
        store.close()


_KILLED_INSIDE = """
import sys, time
from repository.store import Store
from tests.reliability.ground import ACTOR, an_order
def work(write):
    write.insert(an_order("inside"))
    write._finish()
    print("inside", flush=True)
    time.sleep(600)
Store.connect(sys.argv[1], "gridboard").write(ACTOR, work)
"""


def the_app_dies_in_a_transaction(report: Report, long: bool) -> None:
    """kill -9 of an app in the middle of a transaction: what it held does not stop the others for long."""
    deaths = 5 if long else 1
    with home() as path:
        store = opened(path)
        uri, slowest = embedded.start(path).uri, 0.0
        for number in range(deaths):
            child = subprocess.Popen(
                [sys.executable, "-c", _KILLED_INSIDE, uri], stdout=subprocess.PIPE, text=True, env=os.environ
            )
            assert child.stdout is not None
            child.stdout.readline()
            child.kill()
            child.communicate()
            began = time.monotonic()
            store.insert(ACTOR, an_order(f"after-{number}"))
            slowest = max(slowest, time.monotonic() - began)
        report.line(f"{deaths} deaths: the next write waits", f"{slowest:.1f} s", "<= 15 s", slowest <= 15)
        there = store.count(ACTOR, WorkOrder, "D", {"number": "inside"})
        report.line("of the dead one's write there is", str(there), "0", there == 0)
        store.close()


def backups_under_writers(report: Report, long: bool) -> None:
    """Backups while three write, each restored into an empty folder: of one moment, whole, and equal."""
    rounds = 20 if long else 1
    folder = Path(tempfile.mkdtemp(prefix="gb-backups-"))
    try:
        with home() as path:
            store = opened(path)
            writers = Writers(store, 3)
            took = []
            for number in range(rounds):
                time.sleep(0.2)
                began = time.monotonic()
                backup.take(store, ACTOR, folder / f"{number}.zip")
                took.append(time.monotonic() - began)
            writers.stop()
            store.close()
        equal = 0
        with home() as path:
            embedded.start(path)
            other = Store.connect(embedded.operator_uri(path), embedded.APP_DATABASE)
            for number in range(rounds):
                other.client.drop_database(other.db.name)
                manifest = backup.restore(other, folder / f"{number}.zip")
                orders = {one["_id"] for one in other.db["work_orders"].find({}, {"_id": 1})}
                entries = {one["record_id"] for one in other.db["audit"].find({"collection": "work_orders"})}
                same = orders == entries and not recount.check(other, ACTOR, "D")
                again = backup.take(other, ACTOR, folder / f"{number}-again.zip").manifest
                grown = {"audit", "monthly_counts"}  # by the restore's own entry
                equal += same and all(
                    (was.name, was.indexes) == (now.name, now.indexes)
                    and (was.sha256 == now.sha256 or was.name in grown)
                    for was, now in zip(manifest.parts, again.parts, strict=True)
                )
            other.close()
        report.line("restored equal", f"{equal} of {rounds}", f"{rounds} of {rounds}", equal == rounds)
        report.line("a backup takes", f"{max(took):.1f} s at most")
    finally:
        shutil.rmtree(folder)
