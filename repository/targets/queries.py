"""What is wanted of every figure, and who accepted what: for the page on which it is set."""

from dataclasses import dataclass, replace
from datetime import date

from repository.access import Actor, Refused, reach
from repository.metrics import METRICS, Accepted, Metric, Target
from repository.store import Store
from repository.targets.attention import BEYOND, NEED_ACTION
from repository.targets.records import Acceptance, MetricTarget, Span, StatesNoted
from repository.targets.standard import Standard, standard
from repository.words import msg


@dataclass(frozen=True)
class Line:
    """One metric: what is wanted of it on the day, in one kind of period, and whether that is the community's own."""

    metric: Metric
    span: Span
    target: Target | None
    own: MetricTarget | None
    """The history of the community's own words on it; None where it said nothing."""
    accepted: Accepted | None


@dataclass(frozen=True)
class Targets:
    """Every metric of which something is wanted, or can be."""

    lines: tuple[Line, ...]
    """By page and name; of a metric first what holds for every period."""
    acceptances: tuple[Acceptance, ...]
    """Those that run first, the first to end before; then those that are over, the last before."""
    standard: Standard

    def targets_of(self, metric: str, span: Span) -> MetricTarget | None:
        """The community's own words on a metric in a kind of period, if it said anything."""
        return self.standard.targets.get((metric, span))


def targets(store: Store, actor: Actor, community_id: str, *, on: date) -> Targets:
    """What is wanted of the community's figures on a day? Raises Refused, Unavailable."""
    found = standard(store, actor, community_id)
    lines = []
    for metric in METRICS.values():
        if metric in (NEED_ACTION, BEYOND):
            continue  # made of the states of the others
        for span in Span:
            own = found.targets.get((metric.key, span))
            declared = dict(metric.by_span)
            if own is None and span not in declared and (span is not Span.ANY or declared):
                continue
            wanted = found.target(_as_declared(metric, span), on, span)
            lines.append(Line(metric, span, wanted, own, found.accepted(metric, on)))
    running = [each for each in found.acceptances if each.holds(on)]
    over = [each for each in found.acceptances if not each.holds(on)]
    return Targets(
        tuple(sorted(lines, key=lambda line: (line.metric.page, line.metric.key, list(Span).index(line.span)))),
        (
            *sorted(running, key=lambda each: each.until),
            *sorted(over, key=lambda each: each.withdrawn_on or each.until, reverse=True),
        ),
        found,
    )


def states_noted(store: Store, actor: Actor, community_id: str) -> StatesNoted | None:
    """In which states figures were day by day; None before the first day was noted. Only for who sees the whole
    community. Raises Refused, Unavailable."""
    if reach(actor, community_id) is not None:
        raise Refused(msg("What was noted is of the whole community, and your account is for some of its grids."))
    found = store.find(actor, StatesNoted, community_id, {"_id": community_id}, limit=1)
    return found[0] if found else None


def _as_declared(metric: Metric, span: Span) -> Metric:
    return replace(metric, target=metric.wanted(span))
