"""Any figure explains itself: what it means, from what it is counted, on how much it rests, and what moved it."""

from collections.abc import Callable
from typing import Any

import pytest

from repository.metrics import METRICS
from repository.record import RECORDS
from tests.drawn import drawn_by_hand


def texts(at: Any) -> str:
    elements = [*at.markdown, *at.caption, *at.metric]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


@pytest.mark.parametrize("key", sorted(METRICS))
def test_every_figure_says_from_what_it_is_counted(key: str) -> None:
    assert METRICS[key].of
    assert set(METRICS[key].of) <= RECORDS.keys()


PAGES = [
    ("overview", "F1"),
    ("grids", "S2"),
    ("maintenance", "work_on_time"),
    ("maintenance", "work_repair"),
    ("activities", "participation_rate"),
    ("organizations", "U1"),
    ("meetings", "T3"),
    ("requests", "requests_on_time"),
]


@pytest.mark.parametrize(("page", "key"), PAGES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_figure_is_explained_where_it_stands(
    demo_uri: str, visit: Callable[..., Any], page: str, key: str, lang: str
) -> None:
    at = visit(demo_uri, page, lang=lang, period="2026Q1", explain=key)
    assert not at.exception
    said = texts(at)
    if lang == "en":
        assert METRICS[key].formula.split("÷")[0].split(";")[0].strip()[:30] in said
        assert all(RECORDS[name].title in said for name in METRICS[key].of)
    elif page == "overview":
        assert key in [link.query.get("explain") for link in drawn_by_hand(at).links]
    else:  # a page in the browser's own language can be clicked
        at.button(f"explain-{key}").click().run()
        assert not at.exception


def test_a_share_is_told_as_so_many_of_so_many_and_what_moved_it(demo_uri: str, visit: Callable[..., Any]) -> None:
    at = visit(demo_uri, "maintenance", lang="en", period="2026Q1", explain="work_on_time")
    said = texts(at)
    counted = next(line for line in said.splitlines() if line.partition(" of ")[0].isdecimal())
    kept, of = counted.split(" of ")
    shown = next(tile for tile in at.metric if tile.label == "On time").value
    assert f"{round(100 * int(kept) / int(of))}%" in said
    assert str(round(100 * int(kept) / int(of))) in shown
    assert "What moved it from" in said
    one_grid = visit(demo_uri, "maintenance", lang="en", period="2026Q1", explain="work_on_time", grid="d-grid-3")
    assert not one_grid.exception
    assert "| 3 号网格 |" in texts(one_grid)
    assert "| 1 号网格 |" not in texts(one_grid)
