"""Overview is one piece of HTML: what is data in it stays letters, and its links lead where they say."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from dashboard import byhand, i18n, navigation, server
from repository import overview
from repository.access import Actor, Role
from repository.grids import Community
from repository.metrics import METRICS, Metric, Period, State, Target, Value
from repository.store import Store
from tests.conftest import NOW
from tests.drawn import Drawn, drawn_by_hand

READER = Actor("leader", "书记", Role.SECRETARY)
HOSTILE = "<img src=x onerror=alert(1)>\"'&<script>alert(2)</script> [a](b) **c**"
OVERDUE = Metric("t_overdue", HOSTILE, "Overdue", "orders", HOSTILE, HOSTILE, Target(high=15))


def test_what_is_data_stays_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.navigation.address", lambda *_args, **_params: f"/{HOSTILE}")
    monkeypatch.setattr("dashboard.session.dark", lambda: False)
    monkeypatch.setattr("dashboard.session.landing", lambda: "overview")
    value = Value(OVERDUE, 37.0, 98, [("2026-03", 20.0), ("2026-04", 37.0)])
    with i18n.speaking("en"):
        parts = [
            byhand.trouble(
                HOSTILE, State.NEAR, HOSTILE, HOSTILE, HOSTILE, HOSTILE, page="grids", label=HOSTILE, params={}
            ),
            byhand.tile(value, HOSTILE),
            byhand.compared([HOSTILE], [(Markup.escape(HOSTILE), [HOSTILE, byhand.mark(State.NEAR, HOSTILE)])]),
            byhand.todo(State.NEAR, HOSTILE, HOSTILE, page="grids", params={}),
            byhand.column(HOSTILE, byhand.link("grids", HOSTILE, hint=HOSTILE)),
            byhand.column("", byhand.paragraph(HOSTILE, icon_name="chat")),
            byhand.listed([HOSTILE], [[HOSTILE]]),
            byhand.onward(HOSTILE),
            byhand.state(State.NEAR, HOSTILE),
            byhand.badge("science", HOSTILE, "orange", HOSTILE),
            byhand.choices(HOSTILE, [(HOSTILE, True, HOSTILE)]),
        ]
    found = Drawn(str(byhand.NOTHING.join(parts)))
    assert found.tags <= {
        "section", "p", "b", "h2", "h3", "span", "div", "a", "i", "img", "small", "table", "thead", "tbody", "tr", "th",
        "td", "li", "nav",
    }  # fmt: skip
    for part in parts:
        text = Drawn(str(part)).text
        assert "onerror=alert(1)" in text, "it is there, as letters"
        assert "<img src=x" not in str(part)


def test_of_a_table_a_day_is_never_broken_and_sentences_are() -> None:
    table = str(byhand.listed(["What", "Who", "Due", "Days"], [["推荐人选", "陈素芳", "2026-08-02", "121"]], {3}))
    told = dict(re.findall(r'<td class="([^"]*)">([^<]*)', table))
    assert told == {"words wrap": "推荐人选", "words": "陈素芳", "words day": "2026-08-02", "": "121"}


def test_only_what_is_written_in_the_source_is_markup() -> None:
    """Nothing is declared to be markup but literals, which ``Markup.format`` puts data into, escaped."""
    for path in Path(byhand.__file__).parent.rglob("*.py"):
        text = path.read_text("utf-8")
        if "Markup(" in text:
            assert path.name in {"byhand.py", "overview.py", "slides.py", "still.py"}, path
            assert 'Markup(f"' not in text
            assert "Markup(f'" not in text
            assert "# noqa: S704" not in text


def test_links_move_inside_the_app_by_a_script_that_the_policy_names() -> None:
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(byhand.links().encode()).digest()).decode()
    assert f"'sha256-{digest}'" in server.POLICY


def test_what_every_page_needs_is_fetched_early() -> None:
    found = server.early("/base").decode()
    files = server._streamlit_files()
    assert files is not None
    named = [part.split(">")[0].removeprefix("<") for part in found.split(", ")]
    assert all(name.startswith("/base/static/js/") for name in named)
    assert all((files / "static" / "js" / name.rsplit("/")[-1]).is_file() for name in named)
    assert {name.rsplit("/")[-1].split(".")[0] for name in named} >= {"Html", "purify"}


def test_overview_says_in_html_what_it_knows(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Callable[..., Any]
) -> None:
    at = visit(mongodb_uri, "overview", lang="en")
    found = drawn_by_hand(at)
    assert len(found.tiles) == 7
    assert {link.query.get("explain") for link in found.links} >= set(found.tiles)
    assert any(link.page == "report" for link in found.links)
    viewer = drawn_by_hand(visit(mongodb_uri, "overview", lang="en", role="viewer"))
    assert not any(link.page == "report" for link in viewer.links)
    assert all(link.query.get("lang", "en") == "en" for link in found.links)
    explained = visit(mongodb_uri, "overview", lang="en", explain="F1")
    assert "Condition 3 or better" in " ".join(each.value for each in explained.markdown)


def test_the_head_looks_as_always_where_there_is_nothing_yet(
    store: Store, admin: Actor, mongodb_uri: str, visit: Callable[..., Any]
) -> None:
    """The choice of the period is drawn by hand, so its look and its script come with the empty page too."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D 社区"))
    at = visit(mongodb_uri, "overview", lang="en")
    assert "enter the first grid" in " ".join(each.value for each in at.markdown)
    drawn = " ".join(str(each.proto.body) for each in at.get("html"))
    assert 'class="byhand choices"' in drawn
    assert "--on-blue:" in drawn
    assert byhand.links() in drawn


def test_a_figure_leads_to_the_list_of_what_it_rests_on(demo_uri: str, admin: Actor, visit: Callable[..., Any]) -> None:
    """From the tiles and from each grid's cells, as many as the figure says."""
    store = Store.connect(demo_uri)
    now = NOW.astimezone(store.zone("d-community"))
    found = overview.glance(store, admin, "d-community", Period.containing("quarter", now.date()), now=now)
    store.close()
    of = {value.metric.key: (value.value or 0, value.n) for value in found.values}
    cells = [(row.metric.key, grid, cell) for row in found.rows for grid, cell in row.cells.items()]
    of |= {f"{key} {grid}": (cell.value or 0, cell.n) for key, grid, cell in cells if cell.state is not State.UNKNOWN}
    counted = {
        "work_overdue": lambda value, _n: value,
        "work_on_time": lambda _value, n: n,
        "F1": lambda value, n: n - round(value * n),
        "F3": lambda value, n: round(value * n),
    }
    assert set(navigation.LISTS) == set(counted)
    links = [(link.page, link.query) for link in drawn_by_hand(visit(demo_uri, "overview", lang="en")).links]
    tried = 0
    for told, (value, n) in of.items():
        key, _space, grid = told.partition(" ")
        if key not in counted:
            continue
        query = {**navigation.LISTS[key], **({"grid": grid} if grid else {}), "lang": "en"}
        assert any(query.items() <= ({"lang": "en"} | asked).items() for _page, asked in links), told
        at = visit(demo_uri, METRICS[key].page, **query)
        assert not at.exception
        (number,) = re.findall(r"^([\d,]+) (?:work order|facilit)", "\n".join(each.value for each in at.header), re.M)
        assert int(number) == counted[key](value, n), told
        tried += 1
    assert tried > 4 + 2 * len(found.grids)


def test_who_must_act_is_told_by_when(demo_uri: str, visit: Callable[..., Any]) -> None:
    """The first day by which somebody must have reacted to one of a trouble's figures."""
    store = Store.connect(demo_uri)
    now = NOW.astimezone(store.zone("d-community"))
    found = overview.glance(store, READER, "d-community", Period.of("2026Q1"), now=now)
    store.close()
    days = {concern.by for concern in found.concerns} - {None}
    assert days, "the demonstration has been off target for long"
    text = drawn_by_hand(visit(demo_uri, "overview", lang="en", period="2026Q1")).text
    told = re.findall(r"(should have acted|to act) by (\d+ \w+)", text)
    with i18n.speaking("en"):
        wanted = {(i18n.day_short(day), "should have acted" if day < now.date() else "to act") for day in days if day}
    assert {(day, words) for words, day in told} == wanted
