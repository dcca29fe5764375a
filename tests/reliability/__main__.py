"""``make soak``: the long versions, each figure printed. Exit code 1 when a bound is missed.

python -m tests.reliability [D1 D7 L1 …] [--short]
"""

import logging
import sys
import time

from tests.benchmarks.stand import Report, say
from tests.reliability.rows import ROWS


def main(wanted: list[str]) -> int:
    """Run the rows named, or all of them."""
    logging.disable(logging.ERROR)
    long = "--short" not in wanted
    names = [name for name in wanted if not name.startswith("--")]
    if unknown := set(names) - set(ROWS):
        say(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
        return 2
    report, began = Report(), time.perf_counter()
    for name, run in ROWS.items():
        if not names or name in names:
            report.title(f"{name}: {(run.__doc__ or '').splitlines()[0]}")
            run(report, long)
    say(f"\n{report.missed} bounds missed, {len(report.rows)} figures, {time.perf_counter() - began:.0f} s")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
