"""How well each grid handles what is owed there: work orders and residents' requests together, as the rates, the
composite score and the grade by which Chinese grid rules judge it (metrics G1 to G5, G7).

What a grid should have handled in a period is what fell to be ended in it: ended by the due time, ended after it, or
overdue at its end. What is not due yet is nobody's failure, and what has no due time is left out, as in metric M2.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType

from repository import maintenance, requests
from repository.access import Actor
from repository.grids import Grid
from repository.grids import grids as grids_of
from repository.maintenance import GridMonth
from repository.metrics import Metric, Period, Target, Value, declare, last_months, ratio
from repository.record import Choice
from repository.requests import GridRequests
from repository.store import Store
from repository.targets import judged
from repository.words import msg

_JINNIU = msg("Grid assessment rules of Jinniu District, Chengdu")

HANDLED = declare(
    Metric(
        key="G1",
        title=msg("Handled"),
        short=msg("Handled"),
        unit="percent",
        of=("work_orders", "requests"),
        formula=msg(
            "Work orders and requests that ended in the period ÷ should be handled: ended on time + ended late + "
            "overdue at the end of the period; those without a due time are left out"
        ),
        source=_JINNIU,
        target=Target(low=0.95),
        page="grids",
    )
)
IN_TIME = declare(
    Metric(
        key="G2",
        title=msg("Handled in time"),
        short=msg("In time"),
        unit="percent",
        of=("work_orders", "requests"),
        formula=msg("Work orders and requests that ended by their due time ÷ should be handled"),
        source=_JINNIU,
        target=Target(low=0.85),
        page="grids",
    )
)
REWORKED = declare(
    Metric(
        key="G3",
        title=msg("Reworked"),
        short=msg("Reworked"),
        unit="percent",
        of=("work_orders", "requests"),
        formula=msg(
            "Work orders reopened as not mended and requests that the resident said are not solved ÷ work orders "
            "completed and requests ended in the period"
        ),
        source=_JINNIU,
        target=Target(high=0.05),
        page="grids",
    )
)
OVERDUE = declare(
    Metric(
        key="G4",
        title=msg("Overdue and not handled"),
        short=msg("Overdue share"),
        unit="percent",
        of=("work_orders", "requests"),
        formula=msg("Work orders and requests overdue at the end of the period ÷ should be handled"),
        source=_JINNIU,
        target=Target(high=0.05),
        page="grids",
    )
)
POSTPONED = declare(
    Metric(
        key="G4_postponed",
        title=msg("Postponed"),
        short=msg("Postponed"),
        unit="percent",
        of=("work_orders", "requests"),
        formula=msg("Work orders and requests whose due time was put off in the period ÷ should be handled"),
        source=_JINNIU,
        target=Target(high=0.1),
        page="grids",
    )
)
COMPOSITE = declare(
    Metric(
        key="G5",
        title=msg("Composite score of a grid"),
        short=msg("Grid score"),
        unit="points",
        of=("work_orders", "requests"),
        formula=msg(
            "30 × handled + 20 × in time + 20 × (1 − reworked) + 20 × (1 − overdue) + 10 × (1 − postponed); no score "
            "where a part is not known"
        ),
        source=_JINNIU,
        target=Target(low=75),
        page="grids",
    )
)
GRADED = declare(
    Metric(
        key="G7",
        title=msg("Grids graded A or B"),
        short=msg("Grade A or B"),
        unit="percent",
        of=("work_orders", "requests"),
        formula=msg("Grids with 75 points or more ÷ grids with a score; A from 90, B from 75, C from 60, D from 40"),
        source=msg("Grades of a city's grid system in code"),
        target=Target(low=1.0),
        minimum_n=1,
        page="grids",
    )
)
PARTS = (HANDLED, IN_TIME, REWORKED, OVERDUE, POSTPONED)
"""The parts of the composite, in its order."""
POINTS: Mapping[str, int] = MappingProxyType(
    {HANDLED.key: 30, IN_TIME.key: 20, REWORKED.key: -20, OVERDUE.key: -20, POSTPONED.key: -10}
)
"""How many points of the composite each is worth; below zero: how many it takes away."""


class Grade(Choice):
    """What a composite score amounts to (metric G7)."""

    A = "A", "A"
    B = "B", "B"
    C = "C", "C"
    D = "D", "D"
    E = "E", "E"


GOOD = (Grade.A, Grade.B)
"""The grades that metric G7 counts."""
GRADES = ((90, Grade.A), (75, Grade.B), (60, Grade.C), (40, Grade.D))
"""From how many points on."""


def points_of(part: str, share: float) -> float:
    """The points of the composite that a share of one of its parts gives."""
    worth = POINTS[part]
    return worth * share if worth > 0 else -worth * (1 - share)


def grade_of(score: float | None) -> Grade | None:
    """The grade of a score; None without one."""
    if score is None:
        return None
    return next((grade for least, grade in GRADES if score >= least), Grade.E)


@dataclass(frozen=True)
class Handled:
    """What fell to be handled, and what became of it. Shares are None where there is nothing to divide by."""

    on_time: int = 0
    late: int = 0
    overdue: int = 0
    closed: int = 0
    """Work orders completed and requests ended: those that could come back."""
    reworked: int = 0
    postponed: int = 0

    @property
    def due(self) -> int:
        """What should be handled."""
        return self.on_time + self.late + self.overdue

    @cached_property
    def shares(self) -> Mapping[str, tuple[float | None, int]]:
        """By the key of each of PARTS: the share, and what it is a share of. What comes back or is put off may have
        fallen due in another period, so these are 1 at most."""
        return {
            HANDLED.key: (ratio(self.on_time + self.late, self.due), self.due),
            IN_TIME.key: (ratio(self.on_time, self.due), self.due),
            REWORKED.key: (ratio(min(self.reworked, self.closed), self.closed), self.closed),
            OVERDUE.key: (ratio(self.overdue, self.due), self.due),
            POSTPONED.key: (ratio(min(self.postponed, self.due), self.due), self.due),
        }

    @property
    def missing(self) -> tuple[Metric, ...]:
        """The parts that rest on nothing, or on fewer than their minimum: without them there is no score."""
        return tuple(
            part for part in PARTS if self.shares[part.key][0] is None or self.shares[part.key][1] < part.minimum_n
        )

    @property
    def score(self) -> float | None:
        """The composite (G5), 0 to 100."""
        if self.missing:
            return None
        return sum(points_of(part.key, self.shares[part.key][0] or 0.0) for part in PARTS)

    @property
    def grade(self) -> Grade | None:
        """Its grade (G7)."""
        return grade_of(self.score)


@dataclass(frozen=True)
class Handling:
    """The grids beside each other, and all of them together."""

    all: tuple[Value, ...]
    """G1, G2, G3, G4 and the share put off."""
    score: Value
    graded: Value
    grids: tuple[tuple[Grid, Handled], ...]
    """Best score first, those without one last."""


@judged
def handling(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Handling:
    """How well did each grid handle what was owed there? Over the wished grids; what belongs to no grid is left
    out. Raises Refused, Unavailable."""
    there = [grid for grid in grids_of(store, actor, community_id) if grids is None or grid.id in grids]
    orders = maintenance.work_by_grid(store, actor, community_id, period, grids, now=now)
    cases = requests.requests_by_grid(store, actor, community_id, period, grids, now=now)
    today = now.astimezone(store.zone(community_id)).date()
    series = last_months(min(period.last, today), 12)
    months = [month for month in period.months if month <= series[-1]] if period.kind != "ever" else None
    ids = {grid.id for grid in there}
    own = [(grid, _of(grid.id, orders, cases, months, series[-1])) for grid in there]
    total = _sum([each for _grid, each in own])
    by_month = {month: _sum([_of(id, orders, cases, [month], month) for id in ids]) for month in series}
    scored = [each for _grid, each in own if each.score is not None]
    good = sum(each.grade in GOOD for each in scored)
    return Handling(
        all=tuple(
            Value(part, *total.shares[part.key], series=[(m, each.shares[part.key][0]) for m, each in by_month.items()])
            for part in PARTS
        ),
        score=Value(COMPOSITE, total.score, total.due, [(month, each.score) for month, each in by_month.items()]),
        graded=Value(GRADED, ratio(good, len(scored)), len(scored)),
        grids=tuple(sorted(own, key=lambda pair: (pair[1].score is None, -(pair[1].score or 0)))),
    )


def _of(
    grid_id: str,
    orders: Sequence[GridMonth],
    cases: Sequence[GridRequests],
    months: Sequence[str] | None,
    last: str,
) -> Handled:
    """One grid's, over some ``months`` (None: all); overdue is what was so at the end of the ``last``."""
    sums: dict[str, int] = defaultdict(int)
    rows: list[GridMonth | GridRequests] = [*orders, *cases]
    for row in rows:
        if row.grid_id != grid_id:
            continue
        if row.month == last:
            sums["overdue"] += row.overdue
        if months is not None and row.month not in months:
            continue
        sums["on_time"] += row.on_time
        sums["late"] += row.late
        sums["postponed"] += row.postponed
        sums["closed"] += row.completed if isinstance(row, GridMonth) else row.ended
        sums["reworked"] += row.reworked if isinstance(row, GridMonth) else row.not_solved
    return Handled(**sums)


def _sum(parts: Sequence[Handled]) -> Handled:
    names = ("on_time", "late", "overdue", "closed", "reworked", "postponed")
    return Handled(**{name: sum(getattr(part, name) for part in parts) for name in names})
