"""How much of a change each part brought, adding up exactly. Pure.

A count changes by the sum of what its parts changed. A share changes for two reasons: a part has another share than
before (its ``rate`` effect), or parts of high and low shares have another weight in the whole (the ``mix`` effect).
Both are taken at the mean of the two periods, so that nothing is left over and it does not matter which period is
named first (the symmetric decomposition of Kitagawa, 1955, *Journal of the American Statistical Association* 50, 1168
to 1194). A mean is a share in this: a sum of so many.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

Whole = Mapping[str, tuple[float, float]]
"""By part: what is counted, and what it is a share of; of a count the second is not looked at."""
Blend = Sequence[tuple[float, Whole]]
"""A sum of shares, each with the points it is worth; what is worth less than nothing takes away."""


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


def of_counts(before: Whole, after: Whole) -> tuple[Contribution, ...]:
    """The parts of a count's change, the largest first; those that had something at one of the two times."""
    counted = [(part, before.get(part, (0, 0))[0], after.get(part, (0, 0))[0]) for part in {*before, *after}]
    return _largest(Contribution(part, was, now, now - was) for part, was, now in counted if was or now)


def of_shares(before: Whole, after: Whole) -> tuple[Contribution, ...]:
    """The parts of a share's change, the largest first; none where one of the two is a share of nothing. A part that
    was not there in one of them moves it by its weight alone."""
    whole = [sum(n for _counted, n in each.values()) for each in (before, after)]
    if not all(whole):
        return ()
    kept = [sum(counted for counted, _n in each.values()) for each in (before, after)]
    mean = (kept[0] / whole[0] + kept[1] / whole[1]) / 2

    def one(part: str) -> Contribution:
        was, now = before.get(part, (0, 0)), after.get(part, (0, 0))
        own = [counted / n if n else None for counted, n in (was, now)]
        weights = [n / all_of for (_counted, n), all_of in zip((was, now), whole, strict=True)]
        known = next((share for share in own if share is not None), 0.0)
        first, last = (known if share is None else share for share in own)
        return Contribution(
            part, own[0], own[1],
            rate=(weights[0] + weights[1]) / 2 * (last - first),
            mix=(weights[1] - weights[0]) * ((first + last) / 2 - mean),
        )  # fmt: skip

    return _largest(
        one(part) for part in {part for each in (before, after) for part, (_counted, n) in each.items() if n}
    )


def of_blends(before: Blend, after: Blend, own: Sequence[Mapping[str, float | None]]) -> tuple[Contribution, ...]:
    """The parts of the change of a sum of shares, the largest first; none where one of these is a share of nothing.
    ``own``: what each part's value was before, and after."""
    found: dict[str, Contribution] = {}
    for (points, was), (_points, now) in zip(before, after, strict=True):
        shares = of_shares(was, now)
        if not shares:
            return ()
        for each in shares:
            first, last = (values.get(each.part) for values in own)
            part = found.get(each.part, Contribution(each.part, first, last, rate=0))
            found[each.part] = replace(part, rate=part.rate + points * each.rate, mix=part.mix + points * each.mix)
    return _largest(found.values())


def _largest(parts: Iterable[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted(parts, key=lambda each: (-abs(each.total), each.part)))
