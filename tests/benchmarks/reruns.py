"""A rerun of every page at 1,000,000, from the request on the websocket to the end of the script, against a page with
nothing on it, on the same server: after a write, so that every answer is read anew, and again, when nothing was
written."""

import os
import signal
import subprocess
import sys
from collections import defaultdict

from tests.benchmarks.sets import community, loaded
from tests.benchmarks.stand import ACTOR, ROUNDS, Report, Stand, median, ms, ratio
from tests.reader import Reader

TIMES, MOST = 10.0, 0.300
NOTHING = "nothing"


def run(stand: Stand, report: Report) -> None:
    """At most ten times nothing, and none over 300 ms."""
    from dashboard.navigation import PAGES

    report.title("reruns: a page again over the websocket, against one with nothing on it")
    store = loaded(stand, report, "town")
    home = next(home for name, home in stand.homes.items() if name.startswith("town"))
    environment = os.environ | {
        "GRIDBOARD_HOME": str(home),
        "MONGODB_URI": "",
        "PORT": "0",
        "GRIDBOARD_ROLE": "admin",
        "GRIDBOARD_SIGN_IN": "none",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.served"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        readers = {row.key: Reader(port, row.key, f"community={community('town')}") for row in PAGES if _drawn(row.key)}
        readers[NOTHING] = Reader(port, "", NOTHING)
        for reader in readers.values():
            for _ in range(3):
                reader.rerun()
        found: dict[str, list[float]] = defaultdict(list)
        again: dict[str, list[float]] = defaultdict(list)
        for _ in range(ROUNDS * 2):
            for key, reader in readers.items():
                store.write(ACTOR, lambda write: write.touch(community("town")))
                found[key].append(reader.rerun())
                again[key].append(reader.rerun())
        report.line("nothing", ms(median(again[NOTHING])))
        for key, reader in readers.items():
            if key == NOTHING:
                continue
            times, took = ratio(again[key], again[NOTHING]), median(again[key])
            after = f"after a write {ms(median(found[key]))} = {ratio(found[key], found[NOTHING]):.1f} x"
            report.line(
                f"{key}: {reader.elements} elements, {reader.kilobytes:.0f} kB",
                f"{ms(took)} = {times:.1f} x; {after}",
                f"<= {TIMES:.0f} x and {ms(MOST)}",
                times <= TIMES and took <= MOST and not reader.failed,
            )
        for reader in readers.values():
            reader.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _drawn(key: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(f"dashboard.pages.{key}") is not None
