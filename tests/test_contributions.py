"""What moved a figure adds up to its change, whatever moved."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import repository
from repository import contributions
from repository.access import Actor, Role
from repository.contributions import (
    EXPLAINED,
    OTHERS,
    WHY_NOT,
    By,
    Parts,
    compared,
    made_of,
    moved,
    of_blends,
    of_counts,
    of_shares,
)
from repository.grids import grid_names
from repository.metrics import METRICS, Period, Value
from repository.store import Store
from tests.conftest import NOW, first

LOCAL = NOW.astimezone(ZoneInfo("Asia/Shanghai"))
PARTS = st.dictionaries(
    st.sampled_from(["g1", "g2", "g3", "g4", ""]),
    st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)


@given(PARTS, PARTS)
def test_shares_are_taken_apart_exactly(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> None:
    def share(parts: Mapping[str, tuple[int, int]]) -> float | None:
        n = sum(of for _counted, of in parts.values())
        return sum(counted for counted, _of in parts.values()) / n if n else None

    first, last, found = share(before), share(after), of_shares(before, after)
    if first is None or last is None:
        assert found == ()
        return
    assert sum(each.total for each in found) == pytest.approx(last - first, abs=1e-12)
    assert {each.part for each in found} == {part for part in {*before, *after} if _there(part, before, after)}
    back = {each.part: each for each in of_shares(after, before)}
    for each in found:  # it does not matter which is named first
        assert (each.rate, each.mix) == (pytest.approx(-back[each.part].rate), pytest.approx(-back[each.part].mix))
        if each.before is None or each.after is None:
            assert each.rate == 0, "what was not there moves it by its weight alone"
        elif each.before == each.after:
            assert each.rate == 0
    sizes = [abs(each.total) for each in found]
    assert sizes == sorted(sizes, reverse=True)


def _there(part: str, *wholes: Mapping[str, tuple[int, int]]) -> bool:
    return any(whole.get(part, (0, 0))[1] for whole in wholes)


@given(PARTS, PARTS)
def test_counts_are_taken_apart_exactly(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> None:
    found = of_counts(before, after)
    both = [sum(counted for counted, _of in each.values()) for each in (before, after)]
    assert sum(each.total for each in found) == both[1] - both[0]
    assert all(each.mix == 0 for each in found)


def test_an_example_by_hand() -> None:
    """Nothing changed in either grid; more of the work is in the slow one: all of the fall is mix."""
    found = of_shares({"slow": (50, 100), "fast": (90, 100)}, {"slow": (150, 300), "fast": (90, 100)})
    assert [(each.part, each.rate) for each in found] == [("fast", 0), ("slow", 0)]
    assert sum(each.mix for each in found) == pytest.approx(240 / 400 - 140 / 200)


BLENDS = st.lists(st.tuples(st.sampled_from([30, 20, -20, -10, 0.5]), PARTS, PARTS), min_size=1, max_size=5)


@given(BLENDS)
def test_sums_of_shares_are_taken_apart_exactly(
    blend: list[tuple[float, dict[str, tuple[int, int]], dict[str, tuple[int, int]]]],
) -> None:
    before, after = ([(each[0], each[place]) for each in blend] for place in (1, 2))

    def value(parts: list[tuple[float, dict[str, tuple[int, int]]]]) -> float | None:
        shares = [(points, [sum(pair[of] for pair in whole.values()) for of in (0, 1)]) for points, whole in parts]
        return sum(points * n / of for points, (n, of) in shares) if all(of for _points, (_n, of) in shares) else None

    first, last, found = value(before), value(after), of_blends(before, after, ({"g1": 1.0}, {}))
    if first is None or last is None:
        assert found == ()
        return
    assert sum(each.total for each in found) == pytest.approx(last - first, abs=1e-9)
    assert len({each.part for each in found}) == len(found)
    assert all(each.after is None for each in found)


@given(PARTS, PARTS, st.frozensets(st.sampled_from(["g1", "g2", "g3"])), st.frozensets(st.sampled_from(["g1", "g4"])))
def test_what_must_not_be_told_of_a_grid_in_one_period_is_told_in_neither(
    before: dict[str, tuple[int, int]],
    after: dict[str, tuple[int, int]],
    few_then: frozenset[str],
    few_now: frozenset[str],
) -> None:
    def parts(whole: dict[str, tuple[int, int]], few: frozenset[str]) -> Parts:
        n = sum(counted for counted, _of in whole.values())
        told = {part: each for part, each in whole.items() if part and part not in few}
        rest = n - sum(counted for counted, _of in told.values())
        value = Value(METRICS["visits"], n, max(n, 5))
        return Parts(value, {By.GRID: told | {"": (rest, 0)}}, few=few)

    found = compared(parts(before, few_then), parts(after, few_now))
    assert found is not None
    told = found.by.get(By.GRID, ())
    assert sum(each.total for each in told) == found.change
    few = few_then | few_now
    assert {each.part for each in told}.isdisjoint(few | {""} if few else {OTHERS})


def test_what_does_not_add_up_is_not_told() -> None:
    first, last = Value(METRICS["visits"], 10, 10), Value(METRICS["visits"], 20, 20)
    found = compared(Parts(first, {By.GRID: {"g1": (10, 0)}}), Parts(last, {By.GRID: {"g1": (15, 0)}}))
    assert found is not None
    assert found.by == {}


@pytest.fixture(scope="module")
def demo(demo_uri: str) -> Iterator[Store]:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    yield store
    store.close()


def test_each_figure_is_taken_apart_or_says_why_not() -> None:
    for module in pkgutil.iter_modules(repository.__path__, "repository."):
        importlib.import_module(module.name)
    assert EXPLAINED.isdisjoint(WHY_NOT)
    assert EXPLAINED | WHY_NOT.keys() == METRICS.keys()


@pytest.mark.parametrize("metric", sorted(EXPLAINED))
@pytest.mark.parametrize("key", first(2, ["2026Q2", "2025-10..2026-02", "2026Q1", "2026-03", "2025"]))
def test_on_the_demonstration_the_parts_add_up_to_the_figure(demo: Store, metric: str, key: str) -> None:
    actor, period = Actor("leader", "书记", Role.SECRETARY), Period.of(key)
    found = moved(demo, actor, "d-community", period, metric, now=LOCAL)
    made = made_of(demo, actor, "d-community", period, metric, None, now=LOCAL)
    before = made_of(demo, actor, "d-community", period.previous, metric, None, now=LOCAL)
    if found is None:
        assert not (made.value.enough and before.value.enough)
        return
    assert (found.before, found.after) == (before.value.value, made.value.value)
    some = {by for by, whole in made.by.items() if any(map(any, (*whole.values(), *before.by[by].values())))}
    assert found.by.keys() == some | made.blends.keys(), "nothing was left out for not adding up"
    for parts in found.by.values():
        assert sum(each.total for each in parts) == pytest.approx(found.change, abs=1e-9)


@pytest.mark.parametrize("metric", sorted(EXPLAINED))
@pytest.mark.parametrize("key", first(1, ["2026Q2", "2026Q1", "2025"]))
def test_a_grid_stands_there_with_what_it_has_by_itself(demo: Store, metric: str, key: str) -> None:
    """The same question asked of the grid alone, which knows nothing of parts."""
    actor, period = Actor("leader", "书记", Role.SECRETARY), Period.of(key)
    made = made_of(demo, actor, "d-community", period, metric, None, now=LOCAL)
    grids_known = set(grid_names(demo, actor, "d-community"))
    if (found := made.by.get(By.GRID)) is None:
        return
    for grid in grids_known & found.keys():
        own = made_of(demo, actor, "d-community", period, metric, frozenset({grid}), now=LOCAL).value
        counted, n = found[grid]
        told = counted if not made.divided else counted / n if n else None
        assert told == (own.value if own.value is None else pytest.approx(own.value)), grid
        assert found[grid] == (0, 0) or not made.divided or n > 0
    missing = grids_known - found.keys() - made.few
    for grid in missing:
        own = made_of(demo, actor, "d-community", period, metric, frozenset({grid}), now=LOCAL).value
        assert not own.value, "what a grid has is not left out"


def test_of_all_time_and_of_other_figures_nothing_is_told(demo: Store) -> None:
    actor = Actor("leader", "书记", Role.SECRETARY)
    assert moved(demo, actor, "d-community", Period.of("ever"), "work_open", now=LOCAL) is None
    assert moved(demo, actor, "d-community", Period.of("2026Q1"), "work_weeks", now=LOCAL) is None
    assert contributions.EXPLAINED.isdisjoint({"work_weeks"})
