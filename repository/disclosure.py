"""Which numbers of people may be told, so that nobody can be singled out. Pure: counts in, what is withheld out.

A number of one to four people (k - 1, in general) of one age band, sex or grid says too much about each of them, so it
is withheld. Withholding it alone would be no use: it is what the total leaves. So others are withheld with it, until
what is left over is no small group either (complementary suppression; Hundepool et al., Statistical Disclosure
Control, 2012, chapter 4). All of them look alike to the reader: who saw which one is the small one would know more.

Numbers are told on a fixed lattice only: months, quarters and years; the whole community or one grid; one trait at a
time, besides age and sex together for the whole community. Different people of three months are not those of the
quarter, but bound them: if a group were shown in two months and in the quarter, the third month's would be known to lie
above what the two leave. So a group is shown in all months of a quarter or in none, and in all quarters of a year or in
none. "All time" has no groups: it lies on no lattice that years would not bound. Of any other range of months, such as
February to June, no different people are told, for two that overlap would differ by a month's few; their visits are
sums of months' visits, and told where each of these is.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields

Counts = Mapping[str, int]
Table = Mapping[str, Counts]
"""Row -> column -> people."""

SMALLEST = 5
"""k: the smallest number of people that is told (rule R9)."""
UNKNOWN = ""
"""The group of those of whom it is not known; nothing is told of it, and it hides others as a withheld one does."""


class _Everything(frozenset[str]):
    def __contains__(self, _group: object) -> bool:
        return True


EVERYTHING = _Everything()
"""Every group there is, nobody's too: not even for how many it is known is told."""


def siblings(period: str) -> tuple[str, ...]:
    """The periods with which one is told or withheld together: a month's quarter, a quarter's year; a year stands
    alone. Of all time (``ever``) and of any other range of months there are none: nothing is told."""
    if len(period) == 7:
        first = (int(period[5:]) - 1) // 3 * 3 + 1
        return tuple(f"{period[:4]}-{month:02d}" for month in range(first, first + 3))
    if "Q" in period:
        return tuple(f"{period[:4]}Q{quarter}" for quarter in range(1, 5))
    return (period,) if period.isdigit() else ()


def levels(period: str) -> tuple[tuple[str, ...], ...]:
    """A period's siblings, those of the larger period they make up, and so on up to the year."""
    together = siblings(period)
    if len(period) == 7:
        return together, *levels(_larger(period))
    return (together, *levels(_larger(period))) if "Q" in period else (together,) if together else ()


def withheld(lists: Sequence[Counts], k: int = SMALLEST, *, of: Collection[str] = ()) -> frozenset[str]:
    """Which groups of a list are withheld in each of sibling periods, when their sum is known: those that are less
    than k, and somebody, in any period, and those ``of`` which it must not be told for another reason; and the smallest
    others, until what is withheld adds up to no small group and is more than one. Where no others are left, everything.
    """
    groups = {group for counts in lists for group, n in counts.items() if n and group != UNKNOWN}
    hidden = {group for group in groups if group in of or any(_small(counts.get(group, 0), k) for counts in lists)}

    def bare() -> bool:
        return len(hidden) == 1 or any(_small(sum(counts.get(group, 0) for group in hidden), k) for counts in lists)

    while hidden and bare():
        if hidden == groups:
            return EVERYTHING
        hidden.add(min(groups - hidden, key=lambda group: (max(counts.get(group, 0) for counts in lists), group)))
    return frozenset(hidden)


def withheld_rows(tables: Sequence[Table], k: int = SMALLEST, *, of: Collection[str] = ()) -> frozenset[str]:
    """Which rows of a table are withheld whole in each of sibling periods, when the sums of its columns are known:
    those ``of`` which the sum is withheld, those with a small cell; and the smallest others, until the withheld ones
    leave no small group in any column and none that must not be known stands alone."""
    rows = {row for table in tables for row, cells in table.items() if any(cells.values())}
    columns = {column for table in tables for cells in table.values() for column in cells} - {UNKNOWN}

    def cells(table: Table, row: str) -> list[int]:
        return [n for column, n in table.get(row, {}).items() if column != UNKNOWN]

    def telling(table: Table, row: str) -> bool:
        """Whether the row must not be worked out."""
        return row in of or any(_small(n, k) for n in cells(table, row))

    hidden = {row for row in rows if row == UNKNOWN or any(telling(table, row) for table in tables)}

    def bare() -> bool:
        for table in tables:
            there = [row for row in hidden if any(cells(table, row))]
            if len(there) == 1 and telling(table, there[0]):
                return True
            if any(_small(sum(table[row].get(column, 0) for row in there), k) for column in columns):
                return True
        return False

    while hidden != rows and bare():
        hidden.add(min(rows - hidden, key=lambda row: (max(sum(cells(table, row)) for table in tables), row)))
    return frozenset(hidden)


def withheld_of_parts(parts: Table, everybody: Counts, k: int = SMALLEST) -> dict[str, frozenset[str]]:
    """Which groups are withheld of each part of a year's people (those who came to one format, say) when the part's sum
    is known. Nobody is in a part who is not among ``everybody``: what is withheld of those is of every part, whose
    number of such a group would be the least the group can have."""
    of_all = withheld([everybody], k)
    if of_all is EVERYTHING:
        return dict.fromkeys(parts, EVERYTHING)
    return {part: withheld([counts], k, of=of_all) for part, counts in parts.items()}


def together(lists: Sequence[Counts], k: int = SMALLEST) -> bool:
    """Whether lists of sibling periods may be told, all of them or none: no group in any of them is small. For groups
    of which some can be worked out from others whatever is left out, such as who stayed and who did not."""
    return not any(_small(n, k) for counts in lists for n in counts.values())


def sums_may_be_told(period: str, of: Callable[[str], Counts], k: int = SMALLEST) -> bool:
    """Whether numbers may be told that add up: a quarter's is the sum of its months'. They could be worked out from a
    larger period and its other parts, so none in any sibling, of the period or of a larger one, may be small."""
    return bool(siblings(period)) and all(together([of(each) for each in level], k) for level in levels(period))


def small_returns(cohorts: Table, everybody: Counts, k: int = SMALLEST) -> frozenset[tuple[str, str]]:
    """Which cells of a table of cohorts (month of the first coming -> month -> how many of them came) are withheld:
    whole cohorts that are small, cells that are, cells that all but a few of the cohort came to; and where the cohorts
    are nearly all of ``everybody`` who came in a month, others of that month, so that the rest does not tell them."""
    hidden = {
        (first, month)
        for first, cells in cohorts.items()
        for month, n in cells.items()
        if month > first and (_small(cells.get(first, 0), k) or _small(n, k) or _small(cells.get(first, 0) - n, k))
    }
    for month in {month for cells in cohorts.values() for month in cells}:
        of_month = {first: cells[month] for first, cells in cohorts.items() if month in cells}
        secret = {first for first in of_month if (first, month) in hidden}
        if not secret or everybody.get(month, 0) - sum(of_month.values()) >= k:
            continue  # who came first before the table begins hides them
        while _bare_returns([(of_month[first], cohorts[first].get(first, 0)) for first in secret], k):
            others = [first for first in of_month if first not in secret and first != month]
            if not others:
                break
            secret.add(min(others, key=lambda first: (of_month[first], first)))
        hidden |= {(first, month) for first in secret}
    return frozenset(hidden)


def _bare_returns(cells: Sequence[tuple[int, int]], k: int) -> bool:
    """Whether withheld cells of a month, each of so many of a cohort of so many, could be worked out from their sum:
    one alone, and where few came, or all but a few."""
    came, all_of = (sum(each) for each in zip(*cells, strict=True))
    return len(cells) == 1 or came < k or all_of - came < k


def _small(n: int, k: int) -> bool:
    return 0 < n < k


@dataclass(frozen=True)
class Crowd:
    """Different people of one period: by grid, by age band and sex, and by both; ``""`` where one is not known."""

    grids: Mapping[str, Counts]
    """Grid -> ``unique``, ``repeat`` (came twice or more), ``new`` (first time)."""
    groups: Mapping[tuple[str, str], int]
    """(age band, sex) -> people."""
    both: Mapping[str, Mapping[tuple[str, str], int]]
    """Grid -> (age band, sex) -> people."""

    def ages(self, grid: str | None = None) -> Counter[str]:
        """Age band -> people, of all or of a grid."""
        return self._by(0, grid)

    def sexes(self, grid: str | None = None) -> Counter[str]:
        """Sex -> people, of all or of a grid."""
        return self._by(1, grid)

    def unique(self) -> dict[str, int]:
        """Grid -> people."""
        return {grid: counts.get("unique", 0) for grid, counts in self.grids.items()}

    def _by(self, trait: int, grid: str | None) -> Counter[str]:
        found: Counter[str] = Counter()
        for group, n in (self.groups if grid is None else self.both.get(grid, {})).items():
            found[group[trait]] += n
        return found

    def by_age(self) -> Table:
        """Age band -> sex -> people."""
        table: dict[str, Counter[str]] = {}
        for (age, sex), n in self.groups.items():
            table.setdefault(age, Counter())[sex] += n
        return table

    def by_grid(self, trait: int) -> Table:
        """Grid -> age band or sex -> people; those whose grid is not known are what the grids leave."""
        table = {grid: self._by(trait, grid) for grid in self.grids if grid != UNKNOWN}
        rest = self._by(trait, None)
        for cells in table.values():
            rest.subtract(cells)  # who moved is in two grids: then the rest is less than nobody
        return table | {UNKNOWN: Counter({column: n for column, n in rest.items() if n > 0})}

    def part(self, name: str) -> Table:
        """Grid -> those of ``name`` and the others -> people."""
        return {
            grid: {name: counts.get(name, 0), "others": counts.get("unique", 0) - counts.get(name, 0)}
            for grid, counts in self.grids.items()
        }


@dataclass(frozen=True)
class Withheld:
    """What may not be told of sibling periods; the rest may."""

    grids: frozenset[str] = frozenset()
    """Grids of which the number of people is withheld."""
    ages: frozenset[str] = frozenset()
    sexes: frozenset[str] = frozenset()
    """Age bands and sexes of the whole community."""
    pyramid: frozenset[str] = frozenset()
    """Age bands that are not told by sex, of the whole community."""
    ages_of: frozenset[str] = frozenset()
    sexes_of: frozenset[str] = frozenset()
    """Grids of which the age bands, or the sexes, are withheld."""
    repeat_of: frozenset[str] = frozenset()
    new_of: frozenset[str] = frozenset()
    """Grids of which is not told how many came twice or more, or for the first time."""


OFF_THE_LATTICE = Withheld(*[EVERYTHING] * len(fields(Withheld)))
"""Of all time, and of a range of months, nothing of any group is told."""


def lattice(crowds: Mapping[str, Crowd], k: int = SMALLEST, *, above: Sequence[Mapping[str, Crowd]] = ()) -> Withheld:
    """What may not be told of the crowds of sibling periods, by period; where nobody came one may be missing. ``above``
    are those of the larger periods they make up, the next one first (see ``levels``): first-timers add up."""
    found = list(crowds.values())
    parts = any(len(period) < len("2026-01") for period in crowds)

    def of_all(lists: Sequence[Counts], of: Collection[str] = ()) -> frozenset[str]:
        # where all of a year are of one grid, so are the four of its March, whose number is no secret
        alike = parts and any(sum(n > 0 for group, n in counts.items() if group) == 1 for counts in lists)
        return EVERYTHING if alike else withheld(lists, k, of=of)

    grids = of_all([crowd.unique() for crowd in found], _telling_apart(crowds, above, k))
    ages = of_all([crowd.ages() for crowd in found])
    sexes = of_all([crowd.sexes() for crowd in found])

    def rows(tables: Sequence[Table], of: frozenset[str]) -> frozenset[str]:
        return EVERYTHING if of is EVERYTHING else withheld_rows(tables, k, of=of)

    return Withheld(
        grids=grids,
        ages=ages,
        sexes=sexes,
        # with the sexes of the age bands, those of all would be told
        pyramid=EVERYTHING if sexes else rows([crowd.by_age() for crowd in found], ages),
        ages_of=rows([crowd.by_grid(0) for crowd in found], grids),
        sexes_of=rows([crowd.by_grid(1) for crowd in found], grids),
        repeat_of=rows([crowd.part("repeat") for crowd in found], grids),
        new_of=_new_of([found, *([*each.values()] for each in above)], grids, k),
    )


def _telling_apart(crowds: Mapping[str, Crowd], above: Sequence[Mapping[str, Crowd]], k: int) -> set[str]:
    """Grids of which a period's number beside a larger one's would tell of few who came in the rest only, or where
    the rest is one period, of few who came in both: who came again is told by grid."""
    found: set[str] = set()
    there = [crowd.unique() for crowd in crowds.values() if any(crowd.unique().values())]
    larger = next(iter(crowds), "")
    for bigger in above:
        larger = _larger(larger)
        for grid, n in (bigger[larger].unique() if larger in bigger else {}).items():
            own = [unique.get(grid, 0) for unique in there]
            both = [sum(own) - n] if len(there) == 2 else []
            if any(_small(rest, k) for rest in (*(n - part for part in own), *both)):
                found.add(grid)
    return found


def _larger(period: str) -> str:
    """The quarter of a month, the year of a quarter."""
    return f"{period[:4]}Q{(int(period[5:]) + 2) // 3}" if len(period) == 7 else period[:4]


def _new_of(levels_up: Sequence[Sequence[Crowd]], grids: frozenset[str], k: int) -> frozenset[str]:
    """Grids of which is not told how many came for the first time: a quarter's are its months' together, so what is
    withheld of the quarters of a year, or of the year, is withheld of their months."""
    hidden: frozenset[str] = frozenset()
    for crowds in reversed(levels_up):
        unique = grids if crowds is levels_up[0] else withheld([crowd.unique() for crowd in crowds], k)
        if EVERYTHING in (hidden, unique):
            return EVERYTHING
        hidden = withheld_rows([crowd.part("new") for crowd in crowds], k, of=hidden | unique)
    return hidden
