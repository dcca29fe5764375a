"""What the figures of an overview are held to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from repository.access import Actor, reach
from repository.metrics import Metric, Period, Target
from repository.store import Document
from repository.targets import Span, Standard, standard_of

T = TypeVar("T")


@dataclass(frozen=True)
class Judging:
    """What figures of a day are held to: of a kind of period, or with ``grid_id`` of that grid alone."""

    standard: Standard
    day: date
    span: str = Span.ANY
    grid_id: str | None = None

    def judged(self, answer: T) -> T:
        """The answer with its values held to it."""
        return self.standard.judge(answer, self.day, self.span, self.grid_id)

    def now(self, now: datetime) -> "Judging":
        """For what is read as of now, whatever period is looked at."""
        return replace(self, day=now.date(), span=Span.ANY)

    def target(self, metric: Metric) -> Target | None:
        """What is wanted of a metric."""
        return self.standard.target(metric, self.day, self.span)

    def accepts(self, metric: Metric, grid_id: str) -> bool:
        """Whether somebody answers for the metric's missing its target in a grid."""
        return self.standard.accepted(metric, self.day, grid_id) is not None


def judging_of(
    judging: Sequence[Sequence[Document]],
    actor: Actor,
    community_id: str,
    now: datetime,
    seen: frozenset[str] | None,
    period: Period | None = None,
) -> Judging:
    """What figures over some grids are held to at the end of a period, or now, from what ``standard_wanted`` reads."""
    day = now.date() if period is None else min(period.last, now.date())
    span = Span.ANY if period is None else period.kind
    grids = reach(actor, community_id, seen)
    standard = standard_of(judging)
    return Judging(standard if grids is None else standard.of_a_part(), day, span, _only(grids))


def _only(grids: frozenset[str] | None) -> str | None:
    """The one grid, where there is but one."""
    return next(iter(grids)) if grids is not None and len(grids) == 1 else None
