"""A second start of ``gridboard run``: until /healthz says that the database answers too."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.benchmarks.stand import Report, Stand, median

MOST = 5.0


def run(stand: Stand, report: Report) -> None:
    """Serving within 5 s, with the database stopped before."""
    report.title("starting: gridboard run, until it serves")
    home = stand.home("starting")
    report.line("first start, with the demonstration", f"{_start(home):.1f} s")
    again = [_start(home) for _ in range(5)]
    report.line("second start", f"{median(again):.1f} s", f"<= {MOST:.0f} s", median(again) <= MOST)


def _start(home: Path) -> float:
    """Seconds from the command to a page that answers; everything is stopped afterwards."""
    environment = os.environ | {"GRIDBOARD_HOME": str(home), "MONGODB_URI": "", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "dashboard.cli"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "run", "--demo-if-new", "--port", "18700"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = next(line.strip() for line in process.stdout if line.startswith("http"))
        while True:
            with urllib.request.urlopen(f"{address}/healthz", timeout=30) as answer:  # noqa: S310 (loopback)
                if answer.status == 200:
                    return time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        subprocess.run(
            [*command, "stop"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
        )
