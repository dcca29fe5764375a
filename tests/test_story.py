"""Whoever presents the demonstration for the first time finds each story it tells in two clicks from Overview: one on a
link there, one on a part of the page it leads to. What is read there is tested page by page."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dashboard import cards
from tests.drawn import drawn_by_hand
from tests.test_coverage import ROWS

STORIES = {
    # what seed.demo says one can point at -> page and part
    "the dangerous bar": ("facilities", "hazards"),
    "old beside new": ("facilities", "register"),
    "the gate that is written down by hand": ("facilities", "entrances"),
    "the company whose repairs come back": ("facilities", "companies"),
    "rounds that were not made": ("facilities", "inspections"),
    "upkeep that is late": ("facilities", "preventive"),
    "what is replaced too late": ("facilities", "replacement"),
    "grid 3 lags": ("grids", "overview"),
    "homes nobody visits": ("grids", "patrols"),
    "one assistant walks three grids": ("grids", "workload"),
    "the posts that stand vacant": ("grids", "posts"),
    "slow answers": ("grids", "handling"),
    "repairs that grow older": ("maintenance", "work"),
    "what is behind the backlog": ("maintenance", "analysis"),
    "always the same lecture": ("activities", "activities"),
    "from bystander to volunteer": ("activities", "residents"),
    "fewer come of those who sign up": ("activities", "calendar"),
    "units that are silent": ("organizations", "participation"),
    "needs nobody takes on": ("organizations", "matching"),
    "projects without goals": ("organizations", "projects"),
    "the team's education": ("staff", "team"),
    "hardly ever at a training": ("staff", "training"),
    "nobody could take over": ("staff", "succession"),
    "results that are invalid": ("staff", "assessment"),
    "meetings not held, items carried on": ("meetings", ""),
    "less than half are called back": ("requests", "work"),
    "what rises at the desk": ("requests", "themes"),
}


def test_every_story_is_found_in_two_clicks_from_overview(
    demo_uri: str, visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: set[str] = set()
    one_part = cards.one_part

    def noted(parts: Mapping[str, Any], view: Any) -> None:
        offered.update(parts)
        one_part(parts, view)

    monkeypatch.setattr(cards, "one_part", noted)
    links = drawn_by_hand(visit(demo_uri, lang="zh")).links
    reached: dict[str, set[str]] = {"overview": {""}}
    for link in links:
        if link.page and link.page not in reached:  # the first link to a page, as it leads there
            offered.clear()
            assert not visit(demo_uri, link.page, **link.query).exception
            reached[link.page] = {"", *offered}

    lost = {story: where for story, where in STORIES.items() if where[1] not in reached.get(where[0], ())}
    assert lost == {}
    answers = {re.fullmatch(r"\[.+\]\(/(\w+)(?:\?part=(\w+))?\)", row[2]).groups("") for row in ROWS}  # type: ignore[union-attr]
    assert {(page, part) for page, part in answers if part not in reached.get(page, ())} == set()

    todo = [(link.label, link.query) for link in links]
    for words in ("3 号单杠", "1 号太极推揉器", "巡检"):
        assert any(words in label and query.keys() & {"part", "facility"} for label, query in todo), words
