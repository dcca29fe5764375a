"""The pages: one row each, by which the menu, links and tests go."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from dashboard import session
from dashboard.i18n import say
from dashboard.settings import Settings
from repository.access import Operation, may
from repository.store import AUDIT
from repository.words import msg


@dataclass(frozen=True)
class PageRow:
    """A page: the file under ``dashboard/pages`` whose ``render`` draws it, and how it is found."""

    key: str
    title: str
    shown: bool = True
    periods: bool = True
    """Whether the frame offers the period filter on it."""
    choices: tuple[str, ...] = ("grid",)
    """The further filters the frame offers on it."""
    past: bool = False
    """Whether what it shows can be that of a past day; else it is today's, whatever day was chosen."""
    by_hand: bool = False
    """Whether it is drawn as one piece of HTML, with no more elements in the frame than it takes (see ``byhand``)."""
    needs: str = ""
    """The collection a reader must be allowed to read for the page to stand in the menu."""


PAGES = (
    PageRow("overview", msg("Overview"), past=True, by_hand=True),
    PageRow("my_work", msg("My work"), periods=False, choices=()),
    PageRow("grids", msg("Grids"), choices=(), past=True),
    PageRow("facilities", msg("Facilities"), past=True),
    PageRow("maintenance", msg("Maintenance"), choices=("grid", "category"), past=True),
    PageRow("activities", msg("Activities"), past=True),
    PageRow("organizations", msg("Local organisations"), past=True),
    PageRow("staff", msg("Staff"), choices=(), past=True),
    PageRow("meetings", msg("Meetings"), choices=(), past=True),
    PageRow("requests", msg("Requests"), past=True),
    PageRow("review", msg("Review"), choices=(), past=True),
    PageRow("targets", msg("Targets"), past=True),
    PageRow("data", msg("Data"), periods=False, choices=()),
    PageRow("admin", msg("Administration"), periods=False, choices=(), needs=AUDIT),
    PageRow("report", msg("Log a repair"), shown=False, periods=False, choices=()),
    PageRow("receive", msg("Take a request"), shown=False, periods=False, choices=()),
    PageRow("inspect", msg("Inspect"), shown=False, periods=False, choices=()),
)
BY_KEY = {row.key: row for row in PAGES}
LISTS: Mapping[str, Mapping[str, str]] = {
    "work_overdue": {"of": "owed_late"},
    "work_on_time": {"of": "timed"},
    "F1": {"status": "poor"},
    "F3": {"status": "past"},
}
"""What leads from a figure to the list of what it rests on: parameters of its page, by the metric's key. Where a share
tells how much is in order, the list is of what is not."""


@cache
def _runner(key: str) -> Callable[[], None]:
    """A page is imported when it is first opened: a second start must be quick, Overview must not load plotly."""

    def run() -> None:
        import_module(f"dashboard.pages.{key}").render()

    run.__name__ = key
    return run


def page(key: str, landing: str = "") -> Any:
    """The Streamlit page of a row, titled in the reader's language; ``landing`` is the one without a path."""
    row = BY_KEY[key]
    return st.Page(
        _runner(key),
        title=say(row.title),
        icon="",
        url_path=key,
        default=key == (landing or session.landing()),
    )


def open_pages() -> Iterator[PageRow]:
    """The pages of the menu that the reader may open."""
    return (row for row in PAGES if row.shown and (not row.needs or may(session.actor(), Operation.READ, row.needs)))


def all_pages(landing: str) -> list[Any]:
    """Every page, in the menu's order; ``landing`` opens at the address without a path."""
    session.land(landing)
    return [page(row.key, landing) for row in PAGES]


def link(
    key: str,
    label: str,
    *,
    icon: str | None = ":material/arrow_forward:",
    help: str | None = None,
    **params: str | None,
) -> None:
    """A link to a page that keeps the reader's choices, overruled by ``params``."""
    st.page_link(
        page(key), label=label, icon=icon, icon_position="right", help=help, query_params=session.links(**params)
    )


def address(key: str, **params: str | None) -> str:
    """Where such a link leads, as a browser writes it."""
    path = "" if key == session.landing() else key
    query = urlencode(session.links(**params))
    return f"{Settings.from_environment().base}/{path}{'?' if query else ''}{query}"


def go(key: str, **params: str | None) -> None:
    """Move to a page now, with the reader's choices overruled by ``params``."""
    st.switch_page(page(key), query_params=session.links(**params))
