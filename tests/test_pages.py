"""Every page, for every role, on an empty and on the demonstration database, in both languages: it runs, it says its
title, it shows nothing untranslated."""

from collections.abc import Callable
from typing import Any

import pytest

from dashboard.i18n import speaking, translator
from dashboard.navigation import PAGES
from repository.access import Actor, Role
from repository.grids import Community
from repository.record import PAGE
from repository.store import Store
from tests.drawn import head_of

KEYS = [row.key for row in PAGES]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("key", KEYS)
def test_every_page_runs_for_every_role_on_the_demo(
    demo_uri: str, visit: Callable[..., Any], key: str, role: Role
) -> None:
    at = visit(demo_uri, key, role=role, lang="zh")

    assert not at.exception
    title = next(row.title for row in PAGES if row.key == key)
    assert head_of(at).title == translator("zh")(title)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("key", KEYS)
def test_every_page_runs_for_every_role_on_an_empty_community(
    mongodb_uri: str, store: Store, admin: Actor, visit: Callable[..., Any], key: str, role: Role
) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))

    at = visit(mongodb_uri, key, role=role, lang="zh")

    assert not at.exception


@pytest.mark.parametrize(
    ("key", "part", "step"),
    [
        ("my_work", "", "Enter the first person"),
        ("inspect", "", "Enter a facility"),
        ("facilities", "replacement", "Enter a facility"),
    ],
)
def test_an_empty_page_says_what_to_do_next(
    mongodb_uri: str, store: Store, admin: Actor, visit: Callable[..., Any], key: str, part: str, step: str
) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))

    at = visit(mongodb_uri, key, lang="en", **({"part": part} if part else {}))

    assert step in [link.proto.label for link in at.get("page_link")]


@pytest.mark.parametrize("role", list(Role))
def test_an_empty_database_greets(mongodb_uri: str, store: Store, visit: Callable[..., Any], role: Role) -> None:
    at = visit(mongodb_uri, role=role, lang="en")

    assert not at.exception
    assert "empty" in at.title[0].value


@pytest.mark.parametrize("key", KEYS)
def test_every_page_speaks_english(demo_uri: str, visit: Callable[..., Any], key: str) -> None:
    at = visit(demo_uri, key, lang="en")

    assert not at.exception
    with speaking("en"):
        title = next(row.title for row in PAGES if row.key == key)
    assert head_of(at).title == title


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "period", ["month", "year", "ever", "2025Q3", "2025-11..2026-04", "2026-04..2025-11", "1999", "nonsense"]
)
def test_any_period_in_the_url_is_met(demo_uri: str, visit: Callable[..., Any], key: str, period: str) -> None:
    assert not visit(
        demo_uri, key, period=period, grid="nobody-knows", category="neither", community="nor this"
    ).exception


ABSURD = {
    "markup": "<script>alert(1)</script>**:red[x]** [a](http://x)",
    "operators": '{"$gt": ""}',
    "long": "长" * (PAGE + 1),  # longer than any field
    "control": "\u202e\x00\ud7ff\n=1+1",
}
PARAMETERS = (
    *("grid", "category", "community", "period", "lang"),
    *("order", "facility", "logged", "activity", "person", "post", "edit_grid", "settings"),
    *("member", "certificate", "training", "plan", "successor", "round", "ballots", "assessed", "which"),
    "volunteer",
    *("organization", "resource", "engagement", "need", "project", "task", "milestone", "state", "project_state"),
    *("show", "who", "q", "status", "format", "list", "part", "of", "record", "all", "me", "hold"),
)


@pytest.mark.parametrize("word", ABSURD.values(), ids=ABSURD.keys())
@pytest.mark.parametrize("key", KEYS)
def test_whatever_stands_in_the_url_the_page_opens(
    demo_uri: str, visit: Callable[..., Any], key: str, word: str
) -> None:
    at = visit(demo_uri, key, **dict.fromkeys(PARAMETERS, word))
    assert not at.exception
    for kind in ("markdown", "title", "header", "caption", "warning", "error", "info"):
        for element in getattr(at, kind):
            assert "<script>" not in element.value, kind
