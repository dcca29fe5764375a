"""L: many readers at once, for long: quick enough, no errors, no growth."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import quantiles

from repository import embedded
from repository.maintenance import log_repair
from repository.store import Store
from tests.benchmarks.stand import Report
from tests.reader import Reader
from tests.reliability.ground import ACTOR, home

PAGES = ("", "grids", "facilities", "maintenance", "activities")


def _memory(pid: int) -> int:
    """Kilobytes of a process that are in memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def _handles(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _run(report: Report, *, sessions: int, seconds: float, orders: int, pause: float, watched: bool) -> None:
    """``watched``: the stopwatch counts. In the short form, beside other tests, it is only read out."""
    from seed import bulk

    with home() as path:
        endpoint = embedded.start(path)
        store = Store.connect(endpoint.uri, endpoint.database)
        bulk.load(store, work_orders=orders, communities=1, attendances=0, seed=1)
        community = store.communities(ACTOR)[0]["_id"]
        environment = os.environ | {"GRIDBOARD_HOME": str(path), "MONGODB_URI": "", "PORT": "0"}
        environment |= {"GRIDBOARD_SIGN_IN": "none"}
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard.cli", "run"], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rsplit(":", 1)[1])
            took: list[float] = []
            wrote: list[float] = []
            errors: list[str] = []
            stop = threading.Event()

            def visit(number: int) -> None:
                reader = Reader(port, PAGES[number % len(PAGES)], f"community={community}")
                while not stop.is_set():
                    took.append(reader.rerun())
                    if reader.failed:
                        errors.append(reader.page)
                    stop.wait(pause)
                reader.close()

            def work() -> None:
                while not stop.is_set():
                    began = time.perf_counter()
                    log_repair(store, ACTOR, community, fault="坏了", place="东门")
                    wrote.append(time.perf_counter() - began)
                    stop.wait(1)

            threads = [threading.Thread(target=visit, args=(number,)) for number in range(sessions)]
            threads.append(threading.Thread(target=work))
            for thread in threads:
                thread.start()
            time.sleep(min(20, seconds / 3))
            early, handles = _memory(process.pid), _handles(process.pid)
            connections = store.client.admin.command("hello")["connectionId"]
            time.sleep(seconds - min(20, seconds / 3))
            late, handles_late = _memory(process.pid), _handles(process.pid)
            stop.set()
            for thread in threads:
                thread.join()
            database = embedded.status(path).pid
            page, write = quantiles(took, n=100)[94], quantiles(wrote, n=100)[94]
            report.line(f"{sessions} sessions, {orders:,} orders: runs", f"{len(took):,}", "> 0", bool(took))
            report.line("a page's run, p95", f"{page:.3f} s", "< 2 s", page < 2 if watched else None)
            report.line("a repair logged, p95", f"{write:.3f} s", "< 0.5 s", write < 0.5 if watched else None)
            report.line("errors", str(len(errors)), "0", not errors)
            growth = late / early - 1
            report.line("memory grew by", f"{growth:.1%}", "< 10 %", growth < 0.10)
            report.line("handles", f"{handles} then {handles_late}", "no growth", handles_late <= handles + 10)
            report.line("mongod's memory", f"{_memory(database or 0) / 1024:.0f} MB", "< 600 MB",
                        _memory(database or 0) < 600 * 1024)  # fmt: skip
            report.line("connections made so far", str(connections))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            store.close()


def twenty_at_once(report: Report, long: bool) -> None:
    """Twenty people look and one writes, on a large community."""
    if long:
        _run(report, sessions=20, seconds=600, orders=1_000_000, pause=1, watched=True)
    else:
        _run(report, sessions=20, seconds=15, orders=20_000, pause=0.5, watched=False)


def hours_of_five(report: Report, long: bool) -> None:
    """Five people for an hour: memory, handles and connections stay as they are."""
    if long:
        _run(report, sessions=5, seconds=3600, orders=100_000, pause=1, watched=True)
    else:
        _run(report, sessions=5, seconds=12, orders=5_000, pause=1, watched=False)
