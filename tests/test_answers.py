"""Answers are given again while nothing was written and the minute lasts, and not a moment longer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dashboard import data
from repository.access import Actor
from repository.grids import Community, Grid
from repository.maintenance import WorkOrder
from repository.people import Person
from repository.store import EVERYWHERE, Store, Unavailable, Writes
from tests.conftest import NOW, once

Visit = Callable[..., Any]
LOOK = "repository.store.Store.writes"


@pytest.fixture
@once
def filled(store: Store, admin: Actor) -> Store:
    store.insert(admin, Community(id="d", community_id="d", code="d", name="D"))
    store.insert(admin, Person(id="p", community_id="d", name="陈"))
    store.insert(admin, Grid(id="g", community_id="d", code="1", name="1", responsible_id="p"))
    return store


def order(number: str, **more: Any) -> WorkOrder:
    return WorkOrder(community_id="d", number=number, fault="loose", grid_id="g", reported_at=NOW, **more)


def asked(at: Any) -> list[str]:
    """What one more run of the page asks the database."""
    with data.noted() as questions:
        at.run()
    assert not at.exception
    return [name.rsplit(".", 1)[-1] for name, _again in questions]


def figure(at: Any, title: str) -> str:
    return next(each.value for each in at.metric if each.label == title).split()[0]


def test_a_page_asks_again_only_after_a_write(
    filled: Store, admin: Actor, mongodb_uri: str, visit: Visit, store: Store
) -> None:
    filled.insert(admin, order("1"))
    at = visit(mongodb_uri, "maintenance")
    assert figure(at, "未结工单") == "1"
    assert asked(at) == ["writes"]

    filled.insert(admin, order("2"))  # by another process, for all the page knows

    assert "work_review" in asked(at)
    assert figure(at, "未结工单") == "2"
    assert asked(at) == ["writes"]


def test_a_logged_repair_asks_nobody_else_of_the_overview_anew(
    filled: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    filled.insert(admin, order("1"))
    at = visit(mongodb_uri, "overview")
    assert asked(at) == ["writes"]

    filled.insert(admin, order("2"))
    assert asked(at) == ["writes", "repairs"]
    filled.insert(admin, Person(id="q", community_id="d", name="王"))
    assert {"repairs", "crowd", "estate"}.isdisjoint(asked(at))
    filled.write(admin, lambda write: write.touch("d"))
    (everything,) = [questions for questions in asked_whole(at) if questions != "repository.store.Store.writes"]
    assert everything.count(" + ") >= 7, "they are read together"
    assert asked(at) == ["writes"]


def asked_whole(at: Any) -> list[str]:
    """As ``asked``, with whole names."""
    with data.noted() as questions:
        at.run()
    return [name for name, _again in questions]


def test_another_community_s_write_changes_nothing_here(
    filled: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    filled.insert(admin, order("1"))
    at = visit(mongodb_uri, "maintenance", community="d")
    filled.insert(admin, Community(id="e", community_id="e", code="e", name="E"))

    assert asked(at) == ["writes", "communities"], "there is one more community; of this one nothing is new"


def test_with_the_next_minute_everything_is_asked_anew(
    filled: Store, admin: Actor, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is overdue depends on the clock alone."""
    filled.insert(admin, order("1", due_at=NOW + timedelta(seconds=90)))
    at = visit(mongodb_uri, "maintenance")
    assert figure(at, "逾期") == "0"

    monkeypatch.setattr(data.store(), "clock", lambda: NOW + timedelta(minutes=2))
    at.run()

    assert figure(at, "逾期") == "1"


def test_each_role_has_its_own_answers(filled: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    filled.insert(admin, order("1"))
    visit(mongodb_uri, "maintenance", role="admin")
    with data.noted() as questions:
        at = visit(mongodb_uri, "maintenance", role="viewer")
    assert not at.exception
    assert any(name.endswith("work_review") for name, _again in questions)


def test_what_a_page_does_to_its_answer_no_other_page_sees() -> None:
    kept = ["a"]
    data._lent(kept).append("b")
    assert kept == ["a"]


def test_a_write_counts_when_it_counts(filled: Store, admin: Actor) -> None:
    before = filled.writes(["d", EVERYWHERE])

    def work(write: Any) -> None:
        write.insert(order("1"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        filled.write(admin, work)
    assert filled.writes(["d", EVERYWHERE]) == before

    filled.insert(admin, order("1"))
    after = filled.writes(["d", EVERYWHERE])
    assert (after["d"].n, after[EVERYWHERE]) == (before["d"].n + 1, before[EVERYWHERE])
    assert filled.writes(["nowhere"]) == {"nowhere": Writes()}


def test_while_the_database_is_away_the_last_answers_stand_under_a_banner(
    filled: Store, admin: Actor, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.insert(admin, order("1"))
    at = visit(mongodb_uri, "maintenance", lang="zh")
    tried: list[str] = []

    def gone(*_args: Any, **_kwargs: Any) -> Any:
        tried.append("once")
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        for name in ("writes", "find", "aggregate", "together", "counters_of", "communities", "count", "first_month"):
            broken.setattr(data.store(), name, gone)
        at.run()
        assert not at.exception
        assert figure(at, "未结工单") == "1"
        (banner,) = at.warning
        assert "数据库暂时连不上" in banner.value
        assert tried == ["once"], "nobody waits for it again in the same run"

    at.run()
    assert not at.warning
    assert figure(at, "未结工单") == "1"
