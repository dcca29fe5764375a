"""What moved a figure adds up to its change, whatever moved."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import activities, contributions, facilities, maintenance
from repository.access import Actor, Role
from repository.contributions import EXPLAINED, moved, of_counts, of_shares
from repository.metrics import Period
from repository.store import Store
from tests.conftest import NOW

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


@pytest.fixture(scope="module")
def demo(demo_uri: str) -> Iterator[Store]:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    yield store
    store.close()


@pytest.mark.parametrize("metric", sorted(EXPLAINED))
@pytest.mark.parametrize("key", ["2026Q2", "2026Q1", "2026-03", "2025"])
def test_on_the_demonstration_the_grids_add_up_to_the_figure(demo: Store, metric: str, key: str) -> None:
    actor = Actor("leader", "书记", Role.SECRETARY)
    found = moved(demo, actor, "d-community", Period.of(key), metric, now=LOCAL)
    if found is None:
        assert (metric, key) in {("requests_on_time", "2026Q2")} or key == "2025"
        return
    for parts in found.by.values():
        assert sum(each.total for each in parts) == pytest.approx(found.change, abs=1e-9)
    if metric == "activities_held":
        rows_of = activities.figures(demo, actor, "d-community", Period.of(key), now=LOCAL).variety.formats
        assert {each.part: each.after for each in found.by["format"] if each.after} == {
            row.format: row.sessions for row in rows_of if row.sessions
        }
        return
    if metric.startswith("F"):
        period = Period.of(key)
        own = {"F1": "good_order", "F3": "past_life", "F_hazards": "hazards"}[metric]
        estate = facilities.inventory(demo, actor, "d-community", on=min(period.last, LOCAL.date()))
        if period.last >= LOCAL.date():
            assert found.after == getattr(estate, own).value
            told = {each.part: each.after for each in found.by["category"] if each.after}
            assert told == {str(kind): each for kind, row in estate.by_category.items() if (each := getattr(row, own))}
        return
    if metric.startswith("work"):
        rows = maintenance.work_review(demo, actor, "d-community", Period.of(key), now=LOCAL).grids
        own = {row.grid_id: getattr(row, metric.removeprefix("work_")) for row in rows}
        assert {each.part: each.after for each in found.by["grid"] if each.after} == {
            part: value for part, value in own.items() if value
        }


def test_of_all_time_and_of_other_figures_nothing_is_told(demo: Store) -> None:
    actor = Actor("leader", "书记", Role.SECRETARY)
    assert moved(demo, actor, "d-community", Period.of("ever"), "work_open", now=LOCAL) is None
    assert moved(demo, actor, "d-community", Period.of("2026Q1"), "work_weeks", now=LOCAL) is None
    assert contributions.EXPLAINED.isdisjoint({"work_weeks"})
