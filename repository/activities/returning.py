"""Who came again and how far they went, as far as it may be told: of the whole community and of a single grid.

Pure: counters of different people in (see ``repository.rollups.people_atoms``), what may be told of them out. All that
the part Residents tells of people goes through here, so that ``tests/test_disclosure_over_time.py`` can give it to a
solver at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from repository.disclosure import (
    EVERYTHING,
    Counts,
    Crowd,
    Withheld,
    lattice,
    levels,
    siblings,
    small_returns,
    sums_may_be_told,
    together,
    withheld,
)
from repository.metrics import Period, last_months, ratio
from repository.rollups import COHORT_MONTHS, SOON, STEPS

WHOLE = ""
"""Of the grids' keys: the whole community."""
PARTS = ("new", "stayed", "back", "lapsed")


@dataclass(frozen=True)
class Comings:
    """Different residents of a period and of the one before: ``new`` came for the first time ever, ``stayed`` came in
    the period before too, ``back`` came again after a break (of a grid: or moved there); ``lapsed`` came in the period
    before and not in this (of a grid: or moved away). None where that is withheld."""

    period: str
    people: int | None
    before: int | None
    new: int | None
    stayed: int | None
    back: int | None
    lapsed: int | None
    over: bool
    """Whether the period is over: until then those who lapsed may still come."""


@dataclass(frozen=True)
class Cohort:
    """Residents who first came in one month, None where they are too few to be told, and the share of them who came in
    the first, second ... month after: None where it is not over, ``few`` names the places that are withheld."""

    month: str
    size: int | None
    shares: tuple[float | None, ...]
    few: frozenset[int]


@dataclass(frozen=True)
class Rung:
    """A step from bystander to volunteer: different residents for whom it was the furthest in the period, and those who
    had never come so far before. None where that is withheld."""

    step: str
    """``bystander``, ``participant``, ``co_organiser``, ``volunteer``"""
    people: int | None
    risen: int | None


@dataclass(frozen=True)
class Kept:
    """Of those who first came in a calendar year, how many came again within SOON months; None where withheld."""

    year: str
    first: int | None
    again: int | None


class Returning:
    """Counters of different people, by period and then grid (WHOLE: of all), and of cohorts by month and then grid."""

    def __init__(
        self,
        people: Mapping[str, Mapping[str, Counts]],
        cohorts: Mapping[str, Mapping[str, Counts]],
        today: date,
        k: int,
        until: date | None = None,
    ) -> None:
        self.people = people
        self.cohorts = cohorts
        self.today = today
        self.k = k
        self.until = until
        """As of a past day: the last day of what was over by then. Of what ended later nothing is told."""

    @staticmethod
    def periods(period: Period) -> set[str]:
        """The periods whose counters are read to tell of one, with all grids."""
        if not siblings(period.key):
            return {period.key}
        before = {Period.of(each).previous.key for each in siblings(period.key)}
        return {each for key in {period.key, *before} for together in levels(key) for each in together}

    @staticmethod
    def months(end: date) -> list[str]:
        """The months of first coming that are read to tell of a table of cohorts that ends in ``end``'s month: as many
        more before it as can be seen in its columns."""
        return last_months(end, 2 * COHORT_MONTHS + 1)

    def number(self, period: str, name: str, grid: str = WHOLE) -> int:
        """A counter; 0 where there is none."""
        return self.people.get(period, {}).get(grid, {}).get(name, 0)

    def _begun(self, key: str) -> list[str]:
        return [each for each in siblings(key) if Period.of(each).first <= self.today]

    def _grids(self, key: str) -> frozenset[str]:
        """Grids of which the number of people of a period is withheld."""
        return self._lattice(key).grids if siblings(key) else EVERYTHING

    def _new(self, key: str) -> frozenset[str]:
        """Grids of which is not told how many came for the first time."""
        return self._lattice(key).new_of

    @cache  # noqa: B019 (as long as an answer takes)
    def _lattice(self, key: str) -> Withheld:
        return lattice(self._crowds(key), self.k, above=[self._crowds(each[0]) for each in levels(key)[1:]])

    def _crowds(self, key: str) -> dict[str, Crowd]:
        there = {each: self.people[each] for each in siblings(key) if each in self.people}
        return {
            each: Crowd({grid: own for grid, own in grids.items() if grid != WHOLE}, {}, {})
            for each, grids in there.items()
        }

    # --- who came again
    def _split(self, key: str, grid: str = WHOLE) -> dict[str, int]:
        before = self.number(Period.of(key).previous.key, "unique", grid)
        n, new, stayed = (self.number(key, name, grid) for name in ("unique", "new", "stayed"))
        return {"new": new, "stayed": stayed, "back": n - new - stayed, "lapsed": before - stayed}

    def _told_by_grid(self, keys: Sequence[str], parts: "Callable[[str, str], Counts]") -> bool:
        """Whether numbers of grids may be told of sibling periods: where any is small, of any grid or of those whose
        grid is not known, none is. Row by row would not do: who came once is bound to be counted again."""
        for key in keys:
            grids = {grid for each in (key, Period.of(key).previous.key) for grid in self.people.get(each, {})}
            table = [parts(key, grid) for grid in sorted(grids - {WHOLE})]
            whole = parts(key, WHOLE)
            rest = {part: n - sum(row[part] for row in table) for part, n in whole.items()}
            if not together([whole, rest], self.k):
                return False
            if any(row[part] < self.k for row in table for part, n in whole.items() if n):
                return False  # nobody, where others are, tells as much as few
        return True

    def _comings_of(self, key: str) -> frozenset[str]:
        """Grids of which is not told who came again: in all sibling periods, or in none."""
        before = {siblings(Period.of(each).previous.key)[0] for each in self._begun(key)}
        hidden = self._grids(key).union(self._new(key), *(self._grids(each) for each in before))
        if hidden or not all(self._told_by_grid(self._begun(each[0]), self._split) for each in levels(key)):
            return EVERYTHING
        return frozenset()

    def comings(self, period: Period, grid: str = WHOLE) -> Comings:
        """Who came again in a month, a quarter or a year."""
        key, previous = period.key, period.previous.key
        if grid == WHOLE:
            # a person less in one part is one more in another: all of them are told, or none
            told = together([self._split(each) for each in self._begun(key)], self.k)
        else:
            told = grid not in self._comings_of(key)
        shown: dict[str, int | None] = {name: n if told else None for name, n in self._split(key, grid).items()}
        return Comings(key, self._unique(key, grid), self._unique(previous, grid), **shown, over=self.is_over(period))

    def _unique(self, key: str, grid: str) -> int | None:
        return None if grid != WHOLE and grid in self._grids(key) else self.number(key, "unique", grid)

    def is_over(self, period: Period) -> bool:
        """Whether a period has ended."""
        return period.last < self.today

    def ended(self, period: Period) -> bool:
        """Whether a period was over by the past day of which it is told; always now."""
        return self.until is None or period.last <= self.until

    def tells(self, period: Period) -> bool:
        """Whether different people are told of a period: of a month, a quarter or a year that was over by then."""
        return bool(siblings(period.key)) and self.ended(period)

    # --- how far they went
    def _steps(self, key: str, grid: str = WHOLE) -> dict[str, int]:
        further = {step: self.number(key, step, grid) for step in STEPS}
        return {"participant": self.number(key, "unique", grid) - sum(further.values()), **further}

    def few_steps(self, key: str) -> frozenset[str]:
        """Steps of which is not told how many went so far."""
        return withheld([self._steps(each) for each in siblings(key)], self.k)

    def rungs(self, period: Period, residents: int | None, grid: str = WHOLE) -> tuple[Rung, ...]:
        """From bystander to volunteer; of all time and of a range nothing is told."""
        if not self.tells(period):
            return ()
        key, unique = period.key, self._unique(period.key, grid)
        bystanders = None if residents is None or unique is None else max(0, residents - unique)
        hidden = self.few_steps(key) if grid == WHOLE else EVERYTHING if grid in self._steps_of(key) else frozenset()
        return (
            Rung("bystander", bystanders, None),
            *(
                Rung(step, None if step in hidden else n, self._risen(key, step) if grid == WHOLE else None)
                for step, n in self._steps(key, grid).items()
            ),
        )

    def _steps_of(self, key: str) -> frozenset[str]:
        """Grids of which is not told how far residents went."""
        if self._grids(key) or not self._told_by_grid(siblings(key), self._steps):
            return EVERYTHING
        return frozenset()

    def _risen(self, key: str, step: str) -> int | None:
        """Whoever went so far for the first time did so once: these numbers add up. Of steps that are withheld it would
        tell the least there can be."""
        name = "new" if step == "participant" else f"to_{step}"
        if step in STEPS and any(self.few_steps(level[0]) for level in levels(key)):
            return None
        told = sums_may_be_told(key, lambda each: {name: self.number(each, name)}, self.k)
        return self.number(key, name) if told else None

    # --- who is kept
    def _kept(self, year: str, grid: str = WHOLE) -> dict[str, int]:
        months = [f"{year}-{month:02d}" for month in range(1, 13)]
        first, again = (
            sum(self.cohorts.get(month, {}).get(grid, {}).get(name, 0) for month in months)
            for name in ("after_0", "soon")
        )
        return {"again": again, "not": first - again}

    def latest_year(self, period: Period) -> str:
        """The latest calendar year, up to the period's, whose first-timers all had SOON whole months to come again."""
        over = last_months(self.today, SOON + 2)[0]  # the latest month of first coming that is old enough
        latest = int(over[:4]) - (over[5:] != "12")
        return str(latest if period.kind == "ever" else min(latest, period.last.year))

    def kept(self, year: str, grid: str = WHOLE) -> Kept:
        """Whether those who first came in a year came again. Of a calendar year only: what a reader could see of two
        overlapping spans would differ by a month's few."""
        parts = self._kept(year)
        told = together([parts], self.k) and all(map(self._could_come_twice, Period.of(year).months))
        if told and grid != WHOLE:
            told = not self._new(year) and self._told_by_grid([year], self._kept)
        own = self._kept(year, grid)
        return Kept(year, sum(own.values()) if told else None, own["again"] if told else None)

    def _could_come_twice(self, first: str) -> bool:
        """Whether a cohort had two of the SOON months to come again in: of one alone the table of cohorts tells."""
        after = [Period.of(first).following.key]
        while len(after) < SOON:
            after.append(Period.of(after[-1]).following.key)
        size = self.cohorts.get(first, {}).get(WHOLE, {}).get("after_0", 0)
        return not size or sum(self.number(month, "unique") > 0 for month in after) > 1

    def table(self, months: Sequence[str]) -> tuple[Cohort, ...]:
        """By month of first coming, of ``months``, up to the last as far as over; of the whole community. The same is
        withheld whatever months are asked for, if the counters of ``Returning.months`` are there."""
        current = min(f"{self.today:%Y-%m}", Period.of(months[-1]).following.key)
        cells = self._cells(current)
        everybody = {month: self.number(month, "unique") for month in {m for own in cells.values() for m in own}}
        hidden = small_returns(cells, everybody, self.k)
        found = []
        for first in (month for month in months if month < current):
            counts = cells.get(first) or dict.fromkeys(_following(first, current), 0)
            size = counts[first]
            later = [(month, n) for month, n in counts.items() if month > first]
            few = frozenset(place for place, (month, _n) in enumerate(later, 1) if (first, month) in hidden)
            shares = tuple(
                None if place in few or not size else ratio(n, size) for place, (_month, n) in enumerate(later, 1)
            )
            found.append(Cohort(first, None if 0 < size < self.k else size, shares, few))
        return tuple(found)

    def _cells(self, current: str) -> dict[str, dict[str, int]]:
        return {
            first: {
                month: self.cohorts[first].get(WHOLE, {}).get(f"after_{place}", 0)
                for place, month in enumerate(_following(first, current))
            }
            for first in sorted(self.cohorts)
            if first < current
        }


def _following(first: str, current: str) -> list[str]:
    """A month and those after it in which it is followed who came again, as far as they are over."""
    year, month = int(first[:4]), int(first[5:]) - 1
    found = [f"{year + (month + place) // 12:04d}-{(month + place) % 12 + 1:02d}" for place in range(COHORT_MONTHS + 1)]
    return [each for each in found if each < current]
