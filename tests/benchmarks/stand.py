"""Where benchmarks stand: servers of their own, one report, and how a bound is judged.

Only ratios taken in one run compare: this machine and yours differ, and both have busy moments. So what is compared
runs in turns, round after round, and medians are quoted.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from repository import embedded
from repository.access import Actor, Role
from repository.migrations import migrate
from repository.store import Store

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
"""1 measures at 1,000,000 work orders; 0.01 is a quick look at whether everything runs."""
KEEP = os.environ.get("BENCH_HOME")
"""A folder in which the large sets stay for the next run; without it they are made anew and deleted."""
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
CACHE_GB = os.environ.get("GRIDBOARD_CACHE_GB", "1")

ACTOR = Actor("bench", "性能测试", Role.ADMIN)


@dataclass
class Report:
    """The lines of the table, and whether a bound was missed."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    missed: int = 0

    def title(self, text: str) -> None:
        """A heading; printed at once, so that one sees where a long run is."""
        say(f"\n{text}")

    def line(self, what: str, found: str, bound: str = "", ok: bool | None = None) -> None:
        """One figure; ``ok`` is None for what is only told."""
        verdict = "" if ok is None else "ok" if ok else "MISSED"
        self.missed += ok is False
        self.rows.append((what, found, bound, verdict))
        say(f"  {what:<48} {found:>52}  {bound:<28} {verdict}".rstrip())


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201 (a benchmark's output)


@dataclass
class Stand:
    """A folder and the private servers started in it."""

    folder: Path
    homes: dict[str, Path] = field(default_factory=dict)
    stores: dict[str, Store] = field(default_factory=dict)

    @classmethod
    def open(cls) -> "Stand":
        """In BENCH_HOME, or a temporary folder."""
        folder = Path(KEEP).absolute() if KEEP else Path(tempfile.mkdtemp(prefix="gb-bench-"))
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def home(self, name: str) -> Path:
        """The data folder of a server."""
        return self.homes.setdefault(name, self.folder / name)

    def store(self, name: str) -> Store:
        """A migrated store on a private server of its own, started on first use."""
        if name not in self.stores:
            os.environ["GRIDBOARD_CACHE_GB"] = CACHE_GB
            found = embedded.start(self.home(name))
            # as the folder's owner: a benchmark drops what it compares with
            self.stores[name] = store = Store.connect(embedded.operator_uri(self.home(name)), found.database)
            migrate(store)
        return self.stores[name]

    def close(self) -> None:
        """Stop every server; the folder goes unless it was asked for."""
        for store in self.stores.values():
            store.close()
        for home in self.homes.values():
            with suppress(embedded.EmbeddedTrouble):
                embedded.stop(home)
        if not KEEP:
            shutil.rmtree(self.folder, ignore_errors=True)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(works: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of every work, round after round, so that a busy moment hits all of them."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(seconds(work))
    return found


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def ms(value: float) -> str:
    """Seconds as milliseconds."""
    return f"{value * 1000:.1f} ms"


def ping(store: Store) -> float:
    """Seconds of one database ping."""
    return seconds(lambda: store.db.command("ping"))
