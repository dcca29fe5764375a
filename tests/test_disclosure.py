"""Nobody can be singled out: everything the lattice tells, given to a solver that looks for every small group."""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from random import Random

import numpy as np
import pytest

from repository.disclosure import (
    EVERYTHING,
    UNKNOWN,
    Crowd,
    Withheld,
    lattice,
    siblings,
    withheld,
    withheld_rows,
)

K = 5
AGES, SEXES = ("0-17", "36-59", "60-74"), ("f", "m")
GRIDS = ("g1", "g2", "g3", "g4")
QUARTERS = ("2026Q1", "2026Q2", "2026Q3", "2026Q4")
MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 13))
PERIODS = ("2026", *QUARTERS, *MONTHS)

Cell = tuple[str, str, str]  # grid, age, sex
World = dict[str, Counter[Cell]]


def random_world(rng: Random, open_months: int = 12) -> World:
    """Residents and the months they came in, of the first so many; the periods' different people."""
    world: World = {period: Counter() for period in PERIODS}
    favours = {grid: rng.choice([0.02, 0.2, 1.0, 1.0]) for grid in (*GRIDS, UNKNOWN)}
    ages = {age: rng.choice([0.03, 0.3, 1.0]) for age in (*AGES, UNKNOWN)}
    for _ in range(rng.choice([6, 15, 40, 90])):
        cell = (
            rng.choices(list(favours), list(favours.values()))[0],
            rng.choices(list(ages), list(ages.values()))[0],
            rng.choices([*SEXES, UNKNOWN], [1, rng.choice([0.1, 1]), 0.1])[0],
        )
        months = [month for month in MONTHS[:open_months] if rng.random() < rng.choice([0.05, 0.3])]
        for period in set(months) | {quarter(month) for month in months} | ({"2026"} if months else set()):
            world[period][cell] += 1
    return world


def quarter(month: str) -> str:
    return f"2026Q{(int(month[5:]) + 2) // 3}"


def within(period: str) -> str:
    """The next larger period."""
    return quarter(period) if "-" in period else "2026" if "Q" in period else ""


def crowd(cells: Counter[Cell]) -> Crowd:
    grids: dict[str, Counter[str]] = {}
    groups: Counter[tuple[str, str]] = Counter()
    both: dict[str, Counter[tuple[str, str]]] = {}
    for (grid, age, sex), n in cells.items():
        groups[age, sex] += n
        if grid:
            grids.setdefault(grid, Counter())["unique"] += n
            both.setdefault(grid, Counter())[age, sex] += n
    return Crowd(grids, groups, both)


class Attack:
    """All a reader can know as equations over the unknown cells of all periods, and the room they leave a group."""

    def __init__(self, world: World, views: dict[str, Withheld]) -> None:
        self.cells = [
            (grid, age, sex) for grid in (*GRIDS, UNKNOWN) for age in (*AGES, UNKNOWN) for sex in (*SEXES, UNKNOWN)
        ]
        last = max((month for month in MONTHS if world[month]), default=MONTHS[0])
        self.periods = [each for each in PERIODS if len(each) == 4 or each <= (last if "-" in each else quarter(last))]
        self.place = {place: n for n, place in enumerate(product(self.periods, self.cells))}
        self.rows: list[tuple[dict[int, float], float, float]] = []
        self.world = world
        for period in self.periods:
            for group in self.public(views[period]):
                self.know(period, group, self.size(period, group))
        for coarse in self.periods:  # a part is no more than the whole, and the parts together are no less
            fine = [each for each in self.periods if within(each) == coarse]
            for cell in self.cells if fine else ():
                whole = self.place[coarse, cell]
                for part in fine:
                    self.rows.append(({self.place[part, cell]: 1, whole: -1}, -np.inf, 0))
                self.rows.append(({whole: 1} | {self.place[part, cell]: -1 for part in fine}, -np.inf, 0))

    @staticmethod
    def public(view: Withheld) -> Iterator[tuple[set[str] | None, set[str] | None, set[str] | None]]:
        """Every set of cells whose sum is told: grids, ages, sexes (None: whatever)."""
        yield None, None, None
        if view.grids is not EVERYTHING:
            yield set(GRIDS), None, None
        if view.ages is not EVERYTHING:
            yield None, set(AGES), None
        if view.sexes is not EVERYTHING:
            yield None, None, set(SEXES)
        for grid in GRIDS:
            if grid not in view.grids:
                yield {grid}, None, None
            if grid not in view.ages_of:
                yield from (({grid}, {age}, None) for age in AGES)
            if grid not in view.sexes_of:
                yield from (({grid}, None, {sex}) for sex in SEXES)
        for age in AGES:
            if age not in view.ages:
                yield None, {age}, None
            if age not in view.pyramid:
                yield from ((None, {age}, {sex}) for sex in SEXES)
        for sex in SEXES:
            if sex not in view.sexes:
                yield None, None, {sex}

    def own(self, group: tuple[set[str] | None, ...]) -> list[Cell]:
        return [
            cell
            for cell in self.cells
            if all(want is None or each in want for each, want in zip(cell, group, strict=True))
        ]

    def size(self, period: str, group: tuple[set[str] | None, ...]) -> int:
        return sum(self.world[period][cell] for cell in self.own(group))

    def know(self, period: str, group: tuple[set[str] | None, ...], n: int) -> None:
        self.rows.append(({self.place[period, cell]: 1 for cell in self.own(group)}, n, n))

    def bounds(self, period: str, group: tuple[set[str] | None, ...]) -> tuple[int, int]:
        """The fewest and the most people the group can have, as far as a reader can know."""
        from scipy.optimize import LinearConstraint, milp  # every worker reads this file, one needs a solver
        from scipy.sparse import csr_array

        data = [(i, j, v) for i, (row, _, _) in enumerate(self.rows) for j, v in row.items()]
        rows, columns, values = zip(*data, strict=True)
        matrix = csr_array((values, (rows, columns)), shape=(len(self.rows), len(self.place)))
        rule = LinearConstraint(matrix, [low for _, low, _ in self.rows], [high for _, _, high in self.rows])
        aim = np.zeros(len(self.place))
        for cell in self.own(group):
            aim[self.place[period, cell]] = 1
        found = []
        for sign in (1, -1):
            result = milp(sign * aim, constraints=rule, integrality=np.ones(len(self.place)))
            assert result.success, result.message
            found.append(round(sign * result.fun))
        return found[0], found[1]


def views_of(world: World) -> dict[str, Withheld]:
    return {period: lattice({each: crowd(world[each]) for each in siblings(period)}, K) for period in PERIODS}


def small_groups(world: World, period: str) -> Iterator[tuple[set[str] | None, set[str] | None, set[str] | None]]:
    for grid in (None, *GRIDS):
        for age in (None, *AGES):
            for sex in (None, *SEXES):
                wants = tuple(None if each is None else {each} for each in (grid, age, sex))
                if sum(want is not None for want in wants) and sum(want is not None for want in wants) < 4:
                    n = sum(
                        count
                        for cell, count in world[period].items()
                        if all(want is None or each in want for each, want in zip(cell, wants, strict=True))
                    )
                    if 0 < n < K:
                        yield wants  # type: ignore[misc]


@pytest.mark.parametrize(("seed", "months", "most"), [*((seed, 3, 8) for seed in range(12)), (26, 12, 3), (209, 12, 3)])
def test_no_small_group_can_be_solved_for(seed: int, months: int, most: int) -> None:
    rng = Random(seed)
    world = random_world(rng, months)
    attack = Attack(world, views_of(world))
    targets = [(period, group) for period in attack.periods for group in small_groups(world, period)]
    for period, group in rng.sample(targets, min(most, len(targets))):
        low, high = attack.bounds(period, group)
        assert low < high, (period, group, low)


def test_the_attack_solves_what_is_withheld_alone() -> None:
    """What the suppression is measured by can find a small group: the one that its neighbours leave."""
    world: World = {period: Counter() for period in PERIODS}
    for period in ("2026", "2026Q1", "2026-01"):
        world[period].update({("g1", "60-74", "f"): 20, ("g2", "36-59", "f"): 12, ("g3", "36-59", "f"): 3})
    alone = {period: Withheld(grids=frozenset({"g3"}), ages_of=EVERYTHING, sexes_of=EVERYTHING) for period in PERIODS}
    group = ({"g3"}, None, None)
    assert Attack(world, alone).bounds("2026-01", group) == (3, 3)
    low, high = Attack(world, views_of(world)).bounds("2026-01", group)
    assert low < 3 < high


# --- by hand
def test_a_small_group_takes_the_smallest_other_with_it() -> None:
    assert withheld([{"a": 3, "b": 9, "c": 6, "d": 0}], K) == {"a", "c"}
    assert withheld([{"a": 9, "b": 6}], K) == set()
    assert withheld([{"a": 2, "b": 1, "c": 6, "d": 8}], K) == {"a", "b", "c"}  # three together are a small group still
    assert "d" in withheld([{"a": 2, "b": 1, "d": 0}], K)  # nobody is left to hide behind: not even that one is empty
    assert withheld([{"a": 4, "b": 1, "c": 9}], K) == {"a", "b"}


def test_what_is_small_in_one_month_is_withheld_in_its_siblings() -> None:
    assert withheld([{"a": 9, "b": 9, "c": 20}, {"a": 3, "b": 9, "c": 20}], K) == {"a", "b"}
    assert siblings("2026-05") == ("2026-04", "2026-05", "2026-06")
    assert siblings("2026Q3") == QUARTERS
    assert siblings("2026") == ("2026",)
    assert siblings("ever") == ()


def test_a_group_of_whom_it_is_not_known_hides_nobody() -> None:
    assert withheld([{"": 2, "a": 9, "b": 7}], K) == set()
    assert withheld([{"": 20, "a": 3, "b": 7}], K) is not EVERYTHING
    assert withheld([{"": 20, "a": 3}], K) is EVERYTHING


def test_a_row_with_a_small_cell_goes_whole_and_not_alone() -> None:
    table = {"g1": {"f": 9, "m": 3}, "g2": {"f": 20, "m": 9}, "g3": {"f": 30, "m": 30}}
    assert withheld_rows([table], K) == {"g1", "g2"}
    assert withheld_rows([{row: table[row] for row in ("g2", "g3")}], K) == set()
    assert withheld_rows([table], K, of={"g3"}) == {"g1", "g3"}


def test_what_all_share_is_told_of_months_only() -> None:
    """The four of March are all women where all of the year are."""
    all_women = Crowd({}, {("60-74", "f"): 9, ("36-59", "f"): 8}, {})
    assert lattice({"2026": all_women}, K).sexes is EVERYTHING
    assert lattice({"2026-03": all_women}, K).sexes == set()


def test_a_larger_k_withholds_more() -> None:
    crowd = Crowd({"g1": {"unique": 8}, "g2": {"unique": 30}, "g3": {"unique": 12}}, {}, {})
    assert lattice({"2026": crowd}, 5).grids == set()
    assert lattice({"2026": crowd}, 10).grids == {"g1", "g3"}
