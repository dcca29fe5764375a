"""What moved a figure between two periods: how much of the change each grid or category brought, adding up exactly.

``shares`` is the arithmetic, ``parts`` what each of the figures EXPLAINED is made of, ``untold`` why the others cannot
be taken apart (WHY_NOT).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isclose

from repository.access import Actor
from repository.contributions.parts import EXPLAINED, OTHERS, By, Parts, made_of, of_work
from repository.contributions.shares import Contribution, Whole, of_blends, of_counts, of_shares
from repository.contributions.untold import WHY_NOT
from repository.metrics import Metric, Period
from repository.store import Store, at_one_sitting

__all__ = [
    "EXPLAINED",
    "OTHERS",
    "WHY_NOT",
    "By",
    "Contribution",
    "Movement",
    "Parts",
    "compared",
    "made_of",
    "moved",
    "of_blends",
    "of_counts",
    "of_shares",
    "of_work",
]


@dataclass(frozen=True)
class Movement:
    """How a figure moved against the period before, and what did it, largest first. ``divided``: it is a share or a
    mean, so parts have a weight; ``mean``: these are the means beside a figure that is no sum; ``stock``: it is of the
    periods' ends, though its page tells it as of now. ``names``: of parts that are records other than grids."""

    metric: Metric
    before: float
    after: float
    by: Mapping[By, tuple[Contribution, ...]]
    divided: bool
    mean: bool
    stock: bool
    names: Mapping[str, str]

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


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
    both, store = (period.previous, period), at_one_sitting(store)
    before, after = (made_of(store, actor, community_id, each, metric, grids, now=now) for each in both)
    return compared(before, after)


def compared(before: Parts, after: Parts) -> Movement | None:
    """What moved a figure from one to the other; None where either rests on too little. By what its parts do not add up
    to the change, because a rule cut something off, nothing is told. Pure."""
    first, last = before.value, after.value
    if first.value is None or last.value is None or not first.enough or not last.enough:
        return None
    how, few = of_shares if after.divided else of_counts, before.few | after.few
    few |= {""} if few else few
    by = {side: how(_without(before.by.get(side, {}), few), _without(whole, few)) for side, whole in after.by.items()}
    for side, (blend, own) in after.blends.items():
        had = before.blends[side]
        by[side] = of_blends(had[0], blend, (had[1], own))
    change = last.value - first.value
    exact = {
        side: parts
        for side, parts in by.items()
        if parts and isclose(sum(each.total for each in parts), change, rel_tol=1e-9, abs_tol=1e-7)
    }
    names = {**before.names, **after.names}
    divided = after.divided or bool(after.blends)
    return Movement(last.metric, first.value, last.value, exact, divided, after.mean, after.stock, names)


def _without(whole: Whole, few: frozenset[str]) -> Whole:
    """What must not be told of one of the two periods is with the others in both."""
    if not few:
        return whole
    apart = [whole[part] for part in few & whole.keys()]
    rest = sum(counted for counted, _n in apart), sum(n for _counted, n in apart)
    return {part: n for part, n in whole.items() if part not in few} | {OTHERS: rest}
