"""Nobody can be singled out by when they came, or to what: everything that is told of residents over time, of all
periods, the whole community and its grids, given to a solver that looks for every small group."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from random import Random

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array

from repository.activities.returning import PARTS, WHOLE, Returning
from repository.disclosure import levels, withheld, withheld_of_parts
from repository.metrics import Period
from repository.rollups import COHORT_MONTHS, STEPS, people_atoms

K = 5
GRIDS = ("g1", "g2", "g3")
ONCE, TWICE, ORGANISED, SERVED = ("_|{}", 1), ("_|{}", 2), ("co_organiser:_|{}", 1), ("volunteer:_|{}", 1)

Story = tuple[tuple[str, tuple[str, int]], ...]  # month -> what they did in it
Kind = tuple[str, Story]  # grid, story
Name = tuple[str, str, str, str]  # subject, period, grid, name
Sum = Mapping[Name, int]


class World:
    """Residents of every kind there can be: grid, and what they did in each month. All figures are sums over them."""

    def __init__(self, rng: Random, months: list[str], deeds: list[tuple[str, int]], crowd: int) -> None:
        self.months = months
        self.kinds: list[Kind] = []
        for grid, story in product((*GRIDS, ""), product((None, *deeds), repeat=len(months))):
            came = tuple((month, deed) for month, deed in zip(months, story, strict=True) if deed)
            if came:
                self.kinds.append((grid, came))
        self.counts: list[set[Name]] = [self._counts(*kind) for kind in self.kinds]
        favours = {grid: rng.choice([0.05, 0.3, 1.0, 1.0]) for grid in GRIDS} | {"": rng.choice([0.0, 0.1, 0.3])}
        eager = {month: rng.choice([0.2, 0.5, 1.0]) for month in months}
        loyal, deep = rng.choice([0.1, 0.5, 0.9]), rng.choice([0.03, 0.2, 0.4])
        people: Counter[Kind] = Counter()
        for _ in range(crowd):
            grid = rng.choices(list(favours), list(favours.values()))[0]
            story: list[tuple[str, tuple[str, int]]] = []
            for month in months:
                if rng.random() < (loyal if story else eager[month] / 2):
                    more = rng.random() < deep and len(deeds) > 1
                    story.append((month, rng.choice(deeds[1:]) if more else deeds[0]))
            if story:
                people[grid, tuple(story)] += 1
        self.people = np.array([people[kind] for kind in self.kinds])
        self.index: dict[Name, np.ndarray] = {}
        for place, names in enumerate(self.counts):
            for name in names:
                self.index.setdefault(name, np.zeros(len(self.kinds)))[place] = 1

    @staticmethod
    def _counts(grid: str, story: Story) -> set[Name]:
        atoms = people_atoms({month: {cell.format(grid): n} for month, (cell, n) in story})
        return {(atom[0], atom[2], atom[3], atom[5]) for atom in atoms if not atom[4]}

    def row(self, total: Sum) -> np.ndarray:
        """Whom a sum counts, and how often."""
        zero = np.zeros(len(self.kinds))
        return sum((n * self.index.get(name, zero) for name, n in total.items()), zero)

    def size(self, total: Sum) -> int:
        return int(self.row(total) @ self.people)

    def returning(self) -> Returning:
        found: dict[str, dict[str, dict[str, dict[str, int]]]] = {"residents": {}, "cohorts": {}}
        for (subject, period, grid, name), row in self.index.items():
            if n := int(row @ self.people):
                found[subject].setdefault(period, {}).setdefault(grid, {})[name] = n
        after = Period.of(self.months[-1]).following
        return Returning(found["residents"], found["cohorts"], after.first, K)


def every_period(months: list[str]) -> list[str]:
    return sorted({period for month in months for level in levels(month) for period in level})


def parts(period: str, grid: str) -> dict[str, Sum]:
    def of(key: str, name: str, n: int = 1) -> dict[Name, int]:
        return {("residents", key, grid, name): n}

    new, stayed = of(period, "new"), of(period, "stayed")
    return {
        "new": new,
        "stayed": stayed,
        "back": of(period, "unique") | of(period, "new", -1) | of(period, "stayed", -1),
        "lapsed": of(Period.of(period).previous.key, "unique") | of(period, "stayed", -1),
    }


def steps(period: str, grid: str) -> dict[str, Sum]:
    own = {step: {("residents", period, grid, step): 1} for step in STEPS}
    less = {("residents", period, grid, step): -1 for step in STEPS}
    return {"participant": {("residents", period, grid, "unique"): 1} | less, **own}


def kept(year: str, grid: str) -> dict[str, Sum]:
    months = [f"{year}-{month:02d}" for month in range(1, 13)]
    again = {("cohorts", month, grid, "soon"): 1 for month in months}
    first = {("cohorts", month, grid, "after_0"): 1 for month in months}
    return {"again": again, "not": first | dict.fromkeys(again, -1)}


def public(world: World) -> Iterator[Sum]:
    """Totals of the whole community, which are no secret, and the grids' numbers of people, as far as they are told
    (``tests/test_disclosure.py`` has what those give away)."""
    own = world.returning()
    for period in every_period(world.months):
        for name in ("unique", "new"):
            yield {("residents", period, WHOLE, name): 1}
        for grid in GRIDS:
            if own.comings(Period.of(period), grid).people is not None:
                yield {("residents", period, grid, "unique"): 1}


def told(world: World) -> Iterator[Sum]:
    """All else that is told, as sums."""
    own = world.returning()
    few = {}
    for key in every_period(world.months):
        period = Period.of(key)
        for grid in (WHOLE, *GRIDS):
            coming = own.comings(period, grid)
            unique = {("residents", key, grid, "unique"): 1}
            numbers = [(unique, coming.people), *((parts(key, grid)[name], getattr(coming, name)) for name in PARTS)]
            numbers += [(steps(key, grid)[rung.step], rung.people) for rung in own.rungs(period, None, grid)[1:]]
            if grid == WHOLE:
                for rung in own.rungs(period, None)[2:]:
                    numbers.append(({("residents", key, WHOLE, f"to_{rung.step}"): 1}, rung.risen))
            elif grid not in own._new(key):  # the page's share of first-timers
                numbers.append((parts(key, grid)["new"], world.size(parts(key, grid)["new"])))
            if len(key) == 4 and key <= own.latest_year(Period.of("ever")):
                of_year = own.kept(key, grid)
                numbers.append((kept(key, grid)["again"], of_year.again))
                rest = None if of_year.first is None or of_year.again is None else of_year.first - of_year.again
                numbers.append((kept(key, grid)["not"], rest))
            for total, n in numbers:
                if n is not None:
                    assert n == world.size(total)
                    few[key, grid, n] = 0 < n < K and not (grid == WHOLE and total == unique)
                    yield total
    assert not [one for one, small in few.items() if small and one[1] != WHOLE]
    for cohort in own.table(world.months):
        if cohort.size is None:
            continue
        yield {("cohorts", cohort.month, WHOLE, "after_0"): 1}
        for place, share in enumerate(cohort.shares, 1):
            if share is not None:
                cell = {("cohorts", cohort.month, WHOLE, f"after_{place}"): 1}
                assert share * cohort.size == pytest.approx(world.size(cell))
                yield cell


def secrets(world: World) -> Iterator[tuple[str, Sum]]:
    """All groups that must not be known when they are small."""
    for key in every_period(world.months):
        for grid in (WHOLE, *GRIDS):
            if grid != WHOLE:
                yield f"{key} {grid} unique", {("residents", key, grid, "unique"): 1}
            for name, total in {**parts(key, grid), **steps(key, grid)}.items():
                if grid != WHOLE or name != "new":
                    yield f"{key} {grid} {name}", total
            if grid == WHOLE:
                for step in STEPS:
                    yield f"{key} to {step}", {("residents", key, grid, f"to_{step}"): 1}
            if len(key) == 4:
                for name, total in kept(key, grid).items():
                    yield f"{key} {grid} kept {name}", total
    for first in world.months:
        size = {("cohorts", first, WHOLE, "after_0"): 1}
        for place in range(1, COHORT_MONTHS + 1):
            cell = {("cohorts", first, WHOLE, f"after_{place}"): 1}
            yield f"{first} after {place}", cell
            yield f"{first} not after {place}", size | dict.fromkeys(cell, -1)


class Attack:
    """Sums that are known, and whether they leave a group another size than it has."""

    def __init__(self, world: World, known: list[Sum]) -> None:
        self.world = world
        rows = {tuple(row): None for total in known if (row := world.row(total)).any()}
        self.matrix = np.array(list(rows)).reshape(-1, len(world.kinds))

    def solves(self, total: Sum) -> bool:
        """Whether the group's number is the only one that fits."""
        return pinned(self.matrix, self.world.row(total), self.world.people)


def pinned(known: np.ndarray, aim: np.ndarray, people: np.ndarray) -> bool:
    """Whether no other people than these give the known sums and another ``aim``."""
    n = aim @ people
    for low, high in ((n + 1, np.inf), (-np.inf, n - 1)):
        right = known @ people
        rule = LinearConstraint(csr_array(np.vstack([known, aim])), [*right, low], [*right, high])
        found = milp(np.zeros(len(aim)), constraints=rule, integrality=np.ones(len(aim)), options={"time_limit": 60})
        if found.success:
            return False
        assert found.status == 2, found.message  # there is none
    return True


SPANS = {
    "steps": (["2025-12", "2026-01", "2026-02"], [ONCE, TWICE, ORGANISED, SERVED]),
    "months": (["2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04"], [ONCE]),
    "quarters": (["2025-02", "2025-05", "2025-08", "2025-11", "2026-02", "2026-05"], [ONCE]),
    "deeds": (["2026-01", "2026-02", "2026-03", "2026-04"], [ONCE, SERVED]),
}


@pytest.mark.parametrize(("seed", "span"), [(seed, span) for seed in (0, 2) for span in SPANS])
def test_nobody_can_be_solved_for_over_time(seed: int, span: str) -> None:
    assert not solved(seed, span, 6)


def solved(seed: int, span: str, most: int) -> list[str]:
    rng = Random(f"{seed} {span}")
    months, deeds = SPANS[span]
    world = World(rng, months, deeds, rng.choice([30, 90, 250, 600]))
    totals = list(public(world))
    attack, bare = Attack(world, [*totals, *told(world)]), Attack(world, totals)
    small = {name: total for name, total in secrets(world) if 0 < world.size(total) < K}
    some = rng.sample(sorted(small), min(most, len(small)))
    # what the totals alone give away, as of a month to which everybody came for the first time, no rule could keep
    return [name for name in some if attack.solves(small[name]) and not bare.solves(small[name])]


def test_the_attack_over_time_solves_what_is_withheld_alone() -> None:
    """What the suppression is measured by can find a small group: those who lapsed, of whom all else is told."""
    world = World(Random(0), ["2026-01", "2026-02"], [ONCE], 60)
    group = parts("2026-02", WHOLE)["lapsed"]
    others = [*public(world), parts("2026-02", WHOLE)["stayed"]]
    assert Attack(world, others).solves(group)
    assert not Attack(world, list(public(world))[:2]).solves(group)


# --- to which formats
AGES, FORMS = ("0-17", "18-35", "60-74", "75+"), ("lecture", "market", "sport")


@pytest.mark.parametrize("seed", range(12))
def test_nobody_can_be_solved_for_by_the_format_they_came_to(seed: int) -> None:
    assert not solved_by_format(seed)


def solved_by_format(seed: int) -> list[str]:
    """A year's people by age band, and by format and age band: which small number could be worked out."""
    rng = Random(seed)
    kinds = [(age, forms) for age in AGES for forms in product((0, 1), repeat=len(FORMS)) if any(forms)]
    favours, likes = [rng.choice([0.05, 0.3, 1]) for _ in AGES], [rng.choice([0.1, 0.4, 0.9]) for _ in FORMS]
    people: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for _ in range(rng.choice([20, 60, 150])):
        people[rng.choices(AGES, favours)[0], tuple(int(rng.random() < like) for like in likes)] += 1
    counts = np.array([people[kind] for kind in kinds])

    def row(age: str | None, form: int | None) -> np.ndarray:
        return np.array([age in (None, one) and (form is None or forms[form]) for one, forms in kinds], dtype=float)

    ages = {age: int(row(age, None) @ counts) for age in AGES}
    table = {form: {age: n for age in AGES if (n := int(row(age, place) @ counts))} for place, form in enumerate(FORMS)}
    few, of_all = withheld_of_parts(table, ages, K), withheld([ages], K)
    known = [row(None, None), *(row(None, place) for place in range(len(FORMS)))]
    known += [row(age, None) for age in AGES if age not in of_all]
    known += [row(age, place) for place, form in enumerate(FORMS) for age in AGES if age not in few[form]]
    secret = {f"{form} {age}": row(age, place) for place, form in enumerate(FORMS) for age in AGES}
    secret |= {age: row(age, None) for age in AGES}
    return [name for name, aim in secret.items() if 0 < aim @ counts < K and pinned(np.array(known), aim, counts)]
