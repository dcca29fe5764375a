"""D8: three members of a replica set, of which one or two go away."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from repository.embedded import find_binary
from repository.maintenance import WorkOrder
from repository.store import OutcomeUnknown, Store, Unavailable
from tests.benchmarks.stand import Report
from tests.folders import server_folder
from tests.reliability.ground import ACTOR, Writers, an_order, furnished


class Members:
    """Three servers on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = [_free_port() for _ in range(3)]
        self.processes: list[subprocess.Popen[bytes]] = [self._run(place) for place in range(3)]
        members = [{"_id": place, "host": f"127.0.0.1:{port}"} for place, port in enumerate(self.ports)]
        for place in range(3):
            with self.at(place, seconds=60) as one:  # the first asks the others at once, and only once
                one.admin.command("ping")
        with self.at(0) as first:
            config = {"_id": "rs3", "members": members, "settings": {"electionTimeoutMillis": 3000}}
            first.admin.command("replSetInitiate", config)
        self.uri = f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self.ports)}/gridboard?replicaSet=rs3"
        self.primary()

    def _run(self, place: int) -> subprocess.Popen[bytes]:
        there = self.folder / str(place)
        there.mkdir(exist_ok=True)
        return subprocess.Popen(
            [
                str(find_binary()), "--dbpath", str(there), "--port", str(self.ports[place]), "--bind_ip", "127.0.0.1",
                "--nounixsocket", "--replSet", "rs3", "--oplogSize", "128", "--wiredTigerCacheSizeGB", "0.25",
                "--setParameter", "diagnosticDataCollectionEnabled=false",
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    @contextmanager
    def at(self, place: int, seconds: int = 10) -> Iterator[MongoClient[Any]]:
        """A client of one member alone."""
        with MongoClient[Any](
            f"mongodb://127.0.0.1:{self.ports[place]}/", directConnection=True, serverSelectionTimeoutMS=seconds * 1000
        ) as client:
            yield client

    def primary(self, seconds: float = 60) -> int:
        """Which one is primary, once one is."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for place in range(3):
                try:
                    with self.at(place) as one:
                        if self.processes[place].poll() is None and one.admin.command("hello").get("isWritablePrimary"):
                            return place
                except PyMongoError:
                    continue
            time.sleep(0.1)
        raise TimeoutError("no primary")

    def end(self, place: int, how: signal.Signals) -> None:
        """Send one a signal and wait for its end."""
        os.kill(self.processes[place].pid, how)
        self.processes[place].wait(60)

    def back(self, place: int) -> None:
        """Run one again."""
        self.processes[place] = self._run(place)

    def close(self) -> None:
        """End all of them."""
        for place, process in enumerate(self.processes):
            if process.poll() is None:
                self.end(place, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def members_come_and_go(report: Report, long: bool) -> None:
    """The primary is killed, all are stopped in turn, a majority goes: nothing lost, and the unknown said to be so."""
    folder = server_folder("gb-rs-")
    members = Members(folder)
    try:
        store = furnished(Store.connect(members.uri))
        writers = Writers(store, 3)
        failed_reads = 0
        watching = threading.Event()

        def read() -> None:
            nonlocal failed_reads
            while not watching.is_set():
                try:
                    store.count(ACTOR, WorkOrder, "D")
                except Unavailable:
                    failed_reads += 1
                time.sleep(0.05)

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(4 if long else 1):
            time.sleep(1)
            gone = members.primary()
            members.end(gone, signal.SIGKILL)
            members.primary()
            members.back(gone)
            time.sleep(2)
        if long:
            for place in range(3):
                members.end(place, signal.SIGTERM)
                members.primary()
                members.back(place)
                time.sleep(3)
        time.sleep(1)
        watching.set()
        reader.join()
        writers.stop()
        report.line("acknowledged", f"{sum(writers.acknowledged.values()):,}", "> 20", len(writers.acknowledged) > 20)
        lost, torn = writers.lost(store), writers.torn(store)
        report.line("lost / torn", f"{lost} / {torn}", "0 / 0", not (lost or torn))
        report.line("unexpected errors", str(len(writers.unexpected)), "0", not writers.unexpected)
        report.line("slowest write", f"{writers.slowest:.1f} s", "<= 20 s", writers.slowest <= 20)
        report.line("reads that failed", str(failed_reads), "0", failed_reads == 0)
        _majority_lost(report, members, store)
        store.close()
    finally:
        members.close()
        shutil.rmtree(folder, ignore_errors=True)


def _majority_lost(report: Report, members: Members, store: Store) -> None:
    """Two of three go: no write is told as done, and the same submission afterwards makes one record."""
    primary = members.primary()
    others = [place for place in range(3) if place != primary]
    for place in others:
        members.end(place, signal.SIGKILL)
    told = "saved"
    began = time.monotonic()
    try:
        store.write(ACTOR, lambda write: write.insert(an_order("lost-majority")), key="once", seconds=5)
    except OutcomeUnknown:
        told = "unknown"
    except Unavailable:
        told = "unavailable"
    took = time.monotonic() - began
    time.sleep(4)
    began = time.monotonic()
    seen = store.count(ACTOR, WorkOrder, "D")
    report.line("and can be read", f"{seen:,} in {time.monotonic() - began:.2f} s", "> 0", seen > 0)
    for place in others:
        members.back(place)
    members.primary()
    there = store.count(ACTOR, WorkOrder, "D", {"number": "lost-majority"})
    honest = told == "unknown" or (told == "unavailable" and not there)
    report.line("majority lost: a write is told", f"{told}, after {took:.1f} s", "unknown", honest)
    report.line("and is there afterwards", str(there))
    for _ in range(3):
        store.insert(ACTOR, an_order("lost-majority"), key="once")
    made = store.count(ACTOR, WorkOrder, "D", {"number": "lost-majority"})
    report.line("the same submission three times more", f"{made} record", "1", made == 1)
