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


@pytest.mark.parametrize(
    ("page", "part", "key", "period", "words"),
    [
        ("maintenance", None, "work_repair", "2026Q1", ["What moved the mean from", "| Sanitation |", "by its weight"]),
        ("grids", "handling", "G5", "2026Q1", ["What moved it from", "| Handled in time |", "| 3 号网格 |"]),
        ("facilities", "entrances", "entries_smart", "2026Q1", ["| Gate |", "| Vehicle |"]),
        ("facilities", None, "F_hazards", "2026Q1", ["at the ends of the two periods"]),
        ("facilities", None, "F5", "2026Q1", ["What moved it from ¥", "| +¥"]),
        ("activities", None, "visits", "2026Q1", ["What moved it from", "| Format |"]),
        ("activities", None, "participation_rate", "2026Q1", ["Different people do not add up"]),
        ("grids", None, "G9", "2026Q1", ["No part moved it"]),
        ("maintenance", None, "work_open", "2026-02..2026-03", ["What moved it from"]),
    ],
)
def test_what_moved_a_figure_is_told_of_its_parts_or_why_not(
    demo_uri: str, visit: Callable[..., Any], page: str, part: str | None, key: str, period: str, words: list[str]
) -> None:
    at = visit(demo_uri, page, lang="en", period=period, explain=key, **({} if part is None else {"part": part}))
    assert not at.exception
    said = texts(at)
    for word in words:
        assert word in said


def test_of_a_figure_of_companies_alone_it_is_not_told_what_moved_all_work(
    demo_uri: str, visit: Callable[..., Any]
) -> None:
    at = visit(demo_uri, "facilities", lang="en", period="2026Q1", part="companies", explain="companies_work_on_time")
    assert "Completed by their due time" in texts(at)
    assert "What moved" not in texts(at)
