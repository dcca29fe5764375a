"""What moved a figure between two periods: how much of the change each grid or category brought, adding up exactly.

A count changes by the sum of what its parts changed. A share changes for two reasons: a part has another share than
before (its ``rate`` effect), or parts of high and low shares have another weight in the whole (the ``mix`` effect).
Both are taken at the mean of the two periods, so that nothing is left over and it does not matter which period is
named first (the symmetric decomposition of Kitagawa, 1955, *Journal of the American Statistical Association* 50, 1168
to 1194).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from repository import activities, facilities, maintenance, requests
from repository.access import Actor
from repository.facilities import Figures
from repository.maintenance import WorkReview
from repository.metrics import Metric, Period, Value
from repository.store import Store, Then

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
    """How a figure moved against the period before, and what did it, ``by`` grid, category or format, largest first."""

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
@dataclass(frozen=True)
class Parts:
    """A figure of a period, and what it is made of: by grid, category or format, whichever are known."""

    value: Value
    by: Mapping[str, Whole]


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
    """What moved a figure against the period before; None for one that is not counted by parts (see EXPLAINED), for all
    of time, and where either rests on too little. Raises Refused, Unavailable."""
    if metric not in EXPLAINED or period.kind == "ever":
        return None
    made_of = _MADE_OF[metric]
    before, after = (made_of(store, actor, community_id, each, grids, now) for each in (period.previous, period))
    return compared(before, after)


def compared(before: Parts, after: Parts) -> Movement | None:
    """What moved a figure from one to the other; None where either rests on too little. Pure."""
    if before.value.value is None or after.value.value is None:
        return None
    if not before.value.enough or not after.value.enough:
        return None
    how = of_shares if after.value.metric.unit == "percent" else of_counts
    by = {name: how(before.by.get(name, {}), whole) for name, whole in after.by.items()}
    return Movement(after.value.metric, before.value.value, after.value.value, by)


def of_work(metric: str, review: WorkReview) -> Parts:
    """What a figure of work orders is made of, in a review of maintenance that was read already."""
    name = _OF_WORK[metric]
    value: Value = getattr(review.figures, name)
    if name == "on_time":
        shares = {row.grid_id: (round((row.on_time or 0) * row.on_time_n), row.on_time_n) for row in review.grids}
        return Parts(value, {"grid": shares})
    return Parts(
        value,
        {
            "grid": {row.grid_id: (getattr(row, name), 0) for row in review.grids},
            "category": {row.category: (getattr(row, name), 0) for row in review.categories},
        },
    )


MadeOf = Callable[[Store, Actor, str, Period, frozenset[str] | None, datetime], Parts]


def _work(metric: str) -> MadeOf:
    def made_of(
        store: Store, actor: Actor, community_id: str, period: Period, grids: frozenset[str] | None, now: datetime
    ) -> Parts:
        return of_work(metric, maintenance.work_review(store, actor, community_id, period, grids, now=now))

    return made_of


def _requests(name: str) -> MadeOf:
    """By grid: what is open or overdue at the period's end, or what ended in time of all that should have."""

    def made_of(
        store: Store, actor: Actor, community_id: str, period: Period, grids: frozenset[str] | None, now: datetime
    ) -> Parts:
        review = requests.request_review(store, actor, community_id, period, grids, now=now)
        rows = requests.requests_by_grid(store, actor, community_id, period, grids, now=now)
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
        return Parts(getattr(review, name), {"grid": found})

    return made_of


def _facilities(name: str, of: Callable[[Figures], tuple[float, int]]) -> MadeOf:
    """By grid and category, of the facilities that stood at the period's end."""

    def made_of(
        store: Store, actor: Actor, community_id: str, period: Period, grids: frozenset[str] | None, now: datetime
    ) -> Parts:
        moment = period.until(now)
        then = Then(store, moment - timedelta(milliseconds=1)) if moment < now else store
        on = min(period.last, now.date())
        found = facilities.inventory(then, actor, community_id, on=on, grids=grids, course=False)
        return Parts(
            getattr(found, name),
            {
                "grid": {grid or "": of(figures) for grid, figures in found.by_grid.items()},
                "category": {str(category): of(figures) for category, figures in found.by_category.items()},
            },
        )

    return made_of


def _held(
    store: Store, actor: Actor, community_id: str, period: Period, grids: frozenset[str] | None, now: datetime
) -> Parts:
    """Activities by format."""
    found = activities.figures(store, actor, community_id, period, grids=grids, now=now)
    return Parts(found.held, {"format": {each.format: (each.sessions, 0) for each in found.variety.formats}})


_OF_WORK = {"work_open": "open", "work_overdue": "overdue", "work_on_time": "on_time"}
_MADE_OF: Mapping[str, MadeOf] = {
    **{metric: _work(metric) for metric in _OF_WORK},
    **{f"requests_{name}": _requests(name) for name in ("open", "overdue", "on_time")},
    "F1": _facilities("good_order", lambda each: (each.good, each.graded)),
    "F3": _facilities("past_life", lambda each: (each.past, each.aged)),
    "F_hazards": _facilities("hazards", lambda each: (each.hazards, 0)),
    "activities_held": _held,
}
EXPLAINED = frozenset(_MADE_OF)
"""The figures whose change can be taken apart."""
