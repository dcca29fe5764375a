"""Where things stand on a course over time: round numbers up the side, few dates below, names that do not cover each
other. Pure."""

import math
from collections.abc import Sequence

TICKS = 6  # at most so many labels on a time axis: they fit 300 px

End = tuple[float, str, str]
"""Where a line ends, how it is called, and its colour."""


def round_axis(low: float, high: float) -> tuple[float, float, float]:
    """Bottom, top and step of an axis with at most five ticks; it starts at zero unless there are values below."""
    low, high = min(low, 0), max(high, 0)
    if high == low:
        return 0, 1, 1
    rough = (high - low) / 4
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * nice for nice in (1, 2, 2.5, 5, 10) if size * nice >= rough * 0.999)
    if float(high).is_integer() and float(low).is_integer():
        step = max(1, math.ceil(step))
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def spread(count: int) -> list[int]:
    """At most TICKS places, evenly apart, the last one among them."""
    step = max(1, math.ceil(count / TICKS))
    return sorted(range(count - 1, -1, -step))


def time_labels(ticks: Sequence[str]) -> list[str]:
    """Months as "25-4", then "5" until the year changes; days as "4-2"."""
    said = []
    for place, tick in enumerate(ticks):
        year, month, *day = tick.split("-")
        if day:
            said.append(f"{int(month)}-{int(day[0])}")
        elif place == 0 or ticks[place - 1][:4] != year:
            said.append(f"{year[2:]}-{int(month)}")
        else:
            said.append(f"{int(month)}")
    return said


def stretches(upper: Sequence[float | None], lower: Sequence[float | None]) -> list[list[tuple[float, float, float]]]:
    """Where ``upper`` lies above ``lower``: runs of (place, low, high), cut exactly where the lines cross."""
    runs: list[list[tuple[float, float, float]]] = []
    run: list[tuple[float, float, float]] = []
    before: tuple[int, float, float] | None = None
    for place, (high, low) in enumerate(zip(upper, lower, strict=True)):
        if high is None or low is None:
            before = None
            runs, run = ([*runs, run] if len(run) > 1 else runs), []
            continue
        if before is not None and (before[2] - before[1]) * (high - low) < 0:
            share = (before[2] - before[1]) / ((before[2] - before[1]) - (high - low))
            where, meet = before[0] + share, before[2] + share * (high - before[2])
            if run:
                runs, run = [*runs, [*run, (where, meet, meet)]], []
            else:
                run = [(where, meet, meet)]
        if high >= low:
            run.append((place, low, high))
        before = (place, low, high)
        if high < low:
            runs, run = ([*runs, run] if len(run) > 1 else runs), []
    return [*runs, run] if len(run) > 1 else runs


def apart(ends: Sequence[End], room: float, top: float) -> list[tuple[float, End]]:
    """Heights of end labels, moved so that none covers another and none lies above the ``top``, where it is not
    drawn."""
    placed: list[tuple[float, End]] = []
    for end in sorted(ends, key=lambda item: item[0]):
        height = end[0] if not placed else max(end[0], placed[-1][0] + room)
        placed.append((height, end))
    for place in reversed(range(len(placed))):
        height, end = placed[place]
        placed[place] = min(height, top), end
        top = placed[place][0] - room
    return placed
