"""Every figure of the maintenance page leads to its list by one click, and the list has as many rows as the figure
says: on the demonstration, through the links as they stand on the page."""

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from dashboard.i18n import speaking
from repository.access import Actor
from repository.grids import Community
from repository.maintenance import log_repair
from repository.store import Store
from tests.conftest import NOW
from tests.test_maintenance_page import said

Visit = Callable[..., Any]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


@dataclass(frozen=True)
class Lead:
    """A figure as it stands on the page, and where it leads."""

    where: str
    says: int
    params: dict[str, str]


def query(address: str) -> dict[str, str]:
    """The parameters of an address as the browser hands them over after plotly has written it anew."""
    told = {name: value[0] for name, value in parse_qs(address.partition("?")[2]).items()}
    assert told == {name: value[0] for name, value in parse_qs(rewritten(address).partition("?")[2]).items()}, address
    return told


def rewritten(address: str) -> str:
    """What plotly makes of an address: encodeURI(decodeURI(…)), which leaves ``%26`` as ``%2526``."""
    kept = re.sub(r"%(?=3B|2C|2F|3F|3A|40|26|3D|2B|24|23)", "%25", address)
    return re.sub(r"%(?![0-9A-F]{2})", "%25", kept)


def leads_of(at: Any) -> list[Lead]:
    """All that charts and tiles lead to."""
    found = []
    for chart in at.get("plotly_chart"):
        layout = json.loads(chart.proto.spec)["layout"]
        for note in layout["annotations"]:
            for link, words in re.findall(r'<a href="([^"]+)"[^>]*>(.*?)</a>', note["text"]):
                number = re.search(r"\d[\d,]*", note["hovertext"].split(" ")[1] if "●" in words else words)
                assert number, note
                says = int(number.group().replace(",", ""))
                found.append(Lead(f"{chart.proto.id}: {note['text']}", says, query(html.unescape(link))))
    return found


def rows_behind(at: Any) -> int:
    """What the list's title says, and that it is no list cut short."""
    assert not at.exception
    number = re.search(r"^([\d,]+) work orders?$", "\n".join(str(one.value) for one in at.header), re.M)
    assert number, said(at)
    total = int(number[1].replace(",", ""))
    shown = max((len(one.value) for one in at.dataframe), default=0)
    assert shown == min(total, 12)
    return total


def some(leads: list[Lead]) -> list[Lead]:
    """Of the same figure's months, or rows, the first, a middle and the last one: that all of them are as many is for
    tests/test_maintenance_figures.py, here it is the links that are tried."""
    kinds: dict[Any, list[Lead]] = {}
    for lead in leads:
        kind = {name: value for name, value in lead.params.items() if name not in ("period", "whose")}
        kinds.setdefault((repr(sorted(kind.items())), "period" in lead.params, "whose" in lead.params), []).append(lead)
    return [own[place] for own in kinds.values() for place in sorted({0, len(own) // 2, len(own) - 1})]


@pytest.mark.parametrize("part", ["work", "analysis"])
def test_every_chart_leads_to_as_many_rows_as_it_shows(demo_uri: str, visit: Visit, part: str) -> None:
    sides = ["grid_id", "category", "facility_id", "assignee_id", "company_id"] if part == "analysis" else [""]
    tried: dict[str, int] = {}
    for by in sides:
        at = visit(demo_uri, "maintenance", lang="en", part=part, by=by)
        leads = leads_of(at)
        for lead in some(leads if by == sides[0] else [one for one in leads if one.params.get("by") == by]):
            behind = visit(demo_uri, "maintenance", **lead.params)
            assert rows_behind(behind) == lead.says, lead
            tried[lead.params["of"]] = tried.get(lead.params["of"], 0) + 1
    kinds = {"open", "overdue", "in_time", "came", "ended", "owed"} if part == "work" else set()
    kinds |= {"open", "stood", "waiting", "working", "opened", "responded", "repaired"} if part == "analysis" else set()
    assert kinds <= tried.keys(), tried


def page_links(at: Any) -> dict[str, dict[str, str]]:
    """The page's own links: their parameters by their words."""
    links = at.get("page_link")
    return {link.proto.label: {k: v[0] for k, v in parse_qs(link.proto.query_string).items()} for link in links}


def test_every_tile_and_the_missing_estimates_lead_to_their_list(demo_uri: str, visit: Visit) -> None:
    for part, count in (("work", 6), ("analysis", 3)):
        at = visit(demo_uri, "maintenance", lang="en", part=part, period="2026Q1")
        tiles = [metric.label for metric in at.metric]
        assert len(tiles) == count
        hints = {link.proto.label: link.proto.help.replace("\\", "") for link in at.get("page_link")}
        n_of = {label: re.search(r"n = ([\d,]+)", hint) for label, hint in hints.items()}
        for name in tiles:
            params = page_links(at)[name]
            total = rows_behind(visit(demo_uri, "maintenance", **params))
            figure = next(metric.value for metric in at.metric if metric.label == name)
            n = int(n_of[name][1].replace(",", ""))
            if params["of"] == "rework":  # it says a share: of the n repairs
                assert float(figure.split()[0]) == pytest.approx(total / n * 100, abs=0.5), (name, figure)
            elif params["of"] == "owed_late":
                assert figure.startswith(f"{total} ")
            else:
                assert total == n, name
    at = visit(demo_uri, "maintenance", lang="en")
    ((words, params),) = [(label, told) for label, told in page_links(at).items() if "no estimated hours" in label]
    assert rows_behind(visit(demo_uri, "maintenance", **params)) == int(re.search(r"([\d,]+) open", words)[1])


@pytest.mark.parametrize(("table", "first"), [("categories-table", "Category"), ("by-grid-table", "Grid")])
def test_every_cell_of_the_tables_leads_to_its_list(demo_uri: str, visit: Visit, table: str, first: str) -> None:
    frames = visit(demo_uri, "maintenance", lang="en").dataframe
    shown = next(one.value for one in frames if first in one.value and "Opened" in one.value)
    for row in range(2):  # what leads is the column
        for column in shown.columns:
            at = visit(demo_uri, "maintenance", lang="en")
            at.session_state[table] = {"selection": {"rows": [], "columns": [], "cells": [[row, column]]}}
            at.run()
            assert at.query_params["of"], (row, column)
            total = rows_behind(at)
            if column in ("Opened", "Ended", "Open", "Overdue", "Repaired"):
                assert total == shown.iloc[row][column], (row, column)


def test_a_list_says_what_it_holds_and_leads_back(demo_uri: str, visit: Visit) -> None:
    where = {"of": "open", "by": "grid_id", "whose": "d-grid-3", "band": "1", "part": "analysis", "lang": "en"}
    at = visit(demo_uri, "maintenance", **where)
    assert re.search(r"Open now · Grid\\: 3 .* · 8–14 days$", said(at), re.M)
    assert page_links(at)["Back to the figures"] == {"part": "analysis", "by": "grid_id", "lang": "en"}
    at = visit(demo_uri, "maintenance", of="repaired", step="2", period="2025Q4", lang="en")
    assert re.search(r"Repaired in the period · to 1 day · .*2025", said(at))


@pytest.mark.parametrize(
    "odd",
    [{"of": "nonsense"}, {"of": "open", "band": "99"}, {"of": "opened", "by": "$where", "whose": "1"},
     {"of": "repaired", "step": "-1"}, {"of": "open", "by": "fault", "whose": "~zz~~110000~"}],
)  # fmt: skip
def test_a_link_that_says_nothing_known_breaks_nothing(demo_uri: str, visit: Visit, odd: dict[str, str]) -> None:
    assert not visit(demo_uri, "maintenance", lang="en", **odd).exception


def test_words_that_an_address_would_lose_come_back_whole(
    mongodb_uri: str, store: Store, admin: Actor, visit: Visit
) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    word = "a&b=c #1+50% ~<\"路'灯>"
    for said_so in (word, word, word, "a"):
        at = NOW - timedelta(hours=1)
        log_repair(store, admin, "d", fault=said_so, place="x", category=said_so, reported_at=at)
    for choices in ({}, {"category": word}):
        at = visit(mongodb_uri, "maintenance", lang="en", part="analysis", by="category", **choices)
        leads = [lead for lead in leads_of(at) if lead.says == 3]
        assert {lead.params["of"] for lead in leads} >= {"open", "opened"}
        for lead in leads:
            if "whose" in lead.params or choices:
                assert rows_behind(visit(mongodb_uri, "maintenance", **lead.params)) == 3, lead
