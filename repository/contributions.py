"""What moved a figure between two periods: how much of the change each grid or category brought, adding up exactly.

A count changes by the sum of what its parts changed. A share changes for two reasons: a part has another share than
before (its ``rate`` effect), or parts of high and low shares have another weight in the whole (the ``mix`` effect).
Both are taken at the mean of the two periods, so that nothing is left over and it does not matter which period is
named first (the symmetric decomposition of Kitagawa, 1955, *Journal of the American Statistical Association* 50, 1168
to 1194).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from repository import maintenance, requests
from repository.access import Actor
from repository.maintenance import WorkReview
from repository.metrics import Metric, Period, Value
from repository.requests import GridRequests
from repository.store import Store

Whole = Mapping[str, tuple[float, int]]
"""By part: what is counted, and what it is a share of; of a count the second is not looked at."""


@dataclass(frozen=True)
class Contribution:
    """What one part (a grid or category; empty: of none) brought. ``before`` and ``after`` are its own value, None
    where it had none; ``rate`` and ``mix`` are in the figure's unit and add up to its change over all parts."""

    part: str
    before: float | None
    after: float | None
    rate: float
    mix: float = 0.0

    @property
    def total(self) -> float:
        """Its part of the change."""
        return self.rate + self.mix


@dataclass(frozen=True)
class Movement:
    """How a figure moved against the period before, and what did it: ``by`` grid or category, the largest first."""

    metric: Metric
    before: float
    after: float
    by: Mapping[str, tuple[Contribution, ...]]

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


def of_counts(before: Whole, after: Whole) -> tuple[Contribution, ...]:
    """The parts of a count's change, the largest first. Pure."""
    parts = (
        Contribution(part, before.get(part, (0, 0))[0], after.get(part, (0, 0))[0],
                     after.get(part, (0, 0))[0] - before.get(part, (0, 0))[0])
        for part in {*before, *after}
    )  # fmt: skip
    return _largest(parts)


def of_shares(before: Whole, after: Whole) -> tuple[Contribution, ...]:
    """The parts of a share's change, the largest first; none where one of the two is a share of nothing. A part that
    was not there in one of them moves it by its weight alone. Pure."""
    whole = [sum(n for _counted, n in each.values()) for each in (before, after)]
    if not all(whole):
        return ()
    kept = [sum(counted for counted, _n in each.values()) for each in (before, after)]
    mean = (kept[0] / whole[0] + kept[1] / whole[1]) / 2

    def one(part: str) -> Contribution:
        was, now = before.get(part, (0, 0)), after.get(part, (0, 0))
        own = [counted / n if n else None for counted, n in (was, now)]
        weights = [n / all_of for (_counted, n), all_of in zip((was, now), whole, strict=True)]
        first, last = (share if share is not None else next(filter(None, own), 0.0) for share in own)
        return Contribution(
            part, own[0], own[1],
            rate=(weights[0] + weights[1]) / 2 * (last - first),
            mix=(weights[1] - weights[0]) * ((first + last) / 2 - mean),
        )  # fmt: skip

    return _largest(
        one(part) for part in {part for each in (before, after) for part, (_counted, n) in each.items() if n}
    )


def _largest(parts: Iterable[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted(parts, key=lambda each: (-abs(each.total), each.part)))


# --- of which figures
def moved(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    metric: str,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Movement | None:
    """What moved a figure against the period before; None for one that is not counted by grid (see EXPLAINED), for all
    of time, and where either rests on too little. Raises Refused, Unavailable."""
    if metric not in EXPLAINED or period.kind == "ever":
        return None
    both = (period.previous, period)
    if metric in _OF_WORK:
        reviews = [maintenance.work_review(store, actor, community_id, each, grids, now=now) for each in both]
        return of_work(metric, reviews[0], reviews[1])
    values = [
        getattr(requests.request_review(store, actor, community_id, each, grids, now=now), _OF_REQUESTS[metric])
        for each in both
    ]
    rows = [requests.requests_by_grid(store, actor, community_id, each, grids, now=now) for each in both]
    wholes = [_of_requests(each, which, _OF_REQUESTS[metric], now) for each, which in zip(rows, both, strict=True)]
    how = of_shares if metric.endswith("on_time") else of_counts
    return _movement(values[0], values[1], {"grid": how(wholes[0], wholes[1])})


def of_work(metric: str, before: WorkReview, after: WorkReview) -> Movement | None:
    """As ``moved``, of reviews of maintenance that were read already."""
    name = _OF_WORK[metric]
    if name == "on_time":
        shares = [
            {row.grid_id: (round((row.on_time or 0) * row.on_time_n), row.on_time_n) for row in each.grids}
            for each in (before, after)
        ]
        by = {"grid": of_shares(shares[0], shares[1])}
    else:
        grids = [{row.grid_id: (getattr(row, name), 0) for row in each.grids} for each in (before, after)]
        kinds = [{row.category: (getattr(row, name), 0) for row in each.categories} for each in (before, after)]
        by = {"grid": of_counts(grids[0], grids[1]), "category": of_counts(kinds[0], kinds[1])}
    return _movement(getattr(before.figures, name), getattr(after.figures, name), by)


def _movement(before: Value, after: Value, by: Mapping[str, tuple[Contribution, ...]]) -> Movement | None:
    if before.value is None or after.value is None or not before.enough or not after.enough:
        return None
    return Movement(after.metric, before.value, after.value, by)


def _of_requests(rows: Sequence[GridRequests], period: Period, name: str, now: datetime) -> Whole:
    """By grid: what is open or overdue at the period's end, or what ended in time of all that should have."""
    last = min(f"{period.last:%Y-%m}", f"{now:%Y-%m}")
    found: dict[str, tuple[float, int]] = {}
    for row in rows:
        counted, n = found.get(row.grid_id, (0, 0))
        if name != "on_time":
            counted += getattr(row, name) if row.month == last else 0
        else:
            if row.month in period.months:
                counted, n = counted + row.on_time, n + row.on_time + row.late
            n += row.overdue if row.month == last else 0
        found[row.grid_id] = (counted, n)
    return found


_OF_WORK = {"work_open": "open", "work_overdue": "overdue", "work_on_time": "on_time"}
_OF_REQUESTS = {"requests_open": "open", "requests_overdue": "overdue", "requests_on_time": "on_time"}
EXPLAINED = frozenset({*_OF_WORK, *_OF_REQUESTS})
"""The figures whose change can be taken apart."""
