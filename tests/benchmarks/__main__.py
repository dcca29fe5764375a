"""``make bench``: what GridBoard promises about speed, measured. Exit code 1 when a bound is missed.

    python -m tests.benchmarks [seeding writes attendances generating importing starting pages reruns glancing]

BENCH_SCALE=0.01 for a quick look, BENCH_HOME=folder keeps the large sets, BENCH_ROUNDS sets how many rounds.
"""

import importlib
import logging
import sys
import time

from tests.benchmarks.stand import SCALE, Report, Stand, say

PARTS = ("seeding", "writes", "attendances", "generating", "importing", "starting", "pages", "reruns", "glancing")


def main(wanted: list[str]) -> int:
    """Run the parts named, or all; print the table; 1 when a bound was missed."""
    logging.disable(logging.WARNING)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        say(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    started = time.perf_counter()
    report, stand = Report(), Stand.open()
    try:
        for name in PARTS:
            if not wanted or name in wanted:
                importlib.import_module(f"tests.benchmarks.{name}").run(stand, report)
    finally:
        stand.close()
    took = time.perf_counter() - started
    if SCALE != 1:
        say(f"\nAt BENCH_SCALE={SCALE}: a look at whether it runs, no proof.")
    say(f"\n{report.missed} bounds missed, {len(report.rows)} figures, {took:.0f} s")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
