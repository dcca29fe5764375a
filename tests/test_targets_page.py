"""The Targets page: what needs action, the form of a target with its history, deviations accepted and taken back, two
editors at once, and who sees no form. What people typed is shown letter for letter."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.forms import EARLIEST, LATEST
from dashboard.i18n import speaking
from repository import targets
from repository.access import Actor, Role
from repository.maintenance.metrics import ON_TIME, OVERDUE_ORDERS
from repository.store import Store
from repository.targets import Acceptance, MetricTarget
from tests.conftest import NOW
from tests.drawn import drawn_by_hand
from tests.test_record import a_work_order

Visit = Callable[..., Any]
HOSTILE = "**<b>x</b>** $1$ :red[y]"
TODAY = date(2026, 4, 2)
BOSS = Actor("s", "李书记", Role.SECRETARY)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """As these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
def late(yard: Store, admin: Actor) -> Store:
    """One community with eighteen overdue orders: three more than GridBoard wants at most."""
    yard.db["communities"].delete_many({"_id": "e"})
    for number in range(18):
        dates = {"reported_at": NOW - timedelta(days=99), "due_at": NOW - timedelta(days=80)}
        yard.insert(admin, a_work_order(community_id="d", number=f"L-{number}", grid_id="d-g1", **dates))
    return yard


def said(at: Any) -> str:
    """All words on the page, as they read."""
    return marked(at).replace("\\", "")


def marked(at: Any) -> str:
    """The same as it is sent."""
    kinds = ("markdown", "header", "caption", "subheader", "info", "error", "title")
    return "\n".join(str(one.value) for kind in kinds for one in getattr(at, kind))


def widget(at: Any, kind: str, start: str) -> Any:
    """The one whose key begins so."""
    return next(one for one in getattr(at, kind) if str(one.key).startswith(start))


def drawn(visit: Visit, uri: str, role: str = "secretary", **more: str) -> Any:
    """The drawer of a figure."""
    at = visit(uri, "targets", role=role, lang="en", part="all", figure=OVERDUE_ORDERS.key, **more)
    assert not at.exception
    return at


def test_a_target_is_set_and_another_editor_is_told(late: Store, mongodb_uri: str, visit: Visit) -> None:
    at = drawn(visit, mongodb_uri)
    assert "≤\u00a015" in said(at)
    widget(at, "number_input", "high-").set_value(10.0)
    widget(at, "number_input", "near-high-").set_value(9.0)
    at = widget(at, "button", "do_target").click().run()
    assert "The near-target lies beyond the target" in said(at)
    assert not late.find(BOSS, MetricTarget, "d")
    assert widget(at, "number_input", "high-").value == 10, "what was typed is still there"
    widget(at, "number_input", "near-high-").set_value(12.0)
    widget(at, "text_area", "why-").set_value(f"会议 {HOSTILE}")
    at = widget(at, "button", "do_target").click().run()
    (there,) = late.find(BOSS, MetricTarget, "d")
    entry = there.entries[0]
    assert (entry.high, entry.near_high, entry.from_on, entry.entered_by) == (10, 12, TODAY, there.created_by)

    at = drawn(visit, mongodb_uri)
    assert "from 2026-04-02 on · near up to 12" in said(at), "the history is there to read"
    assert "**<b>" not in marked(at)
    limit = {"direction": "lower", "high": 14.0, "from_on": TODAY}
    theirs = targets.set_target(late, BOSS, "d", OVERDUE_ORDERS.key, limit, revision=there.revision)
    widget(at, "number_input", "high-").set_value(11.0)
    at = widget(at, "button", "do_target").click().run()
    assert "李书记 changed this" in said(at)
    assert len(late.find(BOSS, MetricTarget, "d")[0].entries) == theirs.revision == 2
    assert widget(at, "number_input", "high-").value == 11
    at = widget(at, "button", "do_target").click().run()  # knowingly, after theirs
    assert [each.high for each in late.find(BOSS, MetricTarget, "d")[0].entries] == [10, 14, 11]

    at = drawn(visit, mongodb_uri)
    widget(at, "date_input", "from-").set_value(TODAY - timedelta(days=40))
    at = widget(at, "button", "do_target").click().run()
    assert "say why" in said(at)


@pytest.mark.parametrize("day", [date(1800, 1, 1), date(2999, 12, 31)])
def test_an_absurd_day_is_sent_and_refused_and_never_another_one_taken(
    late: Store, mongodb_uri: str, visit: Visit, day: date
) -> None:
    """A browser keeps a day that its widget does not take to itself, and sends the one before."""
    at = drawn(visit, mongodb_uri)
    widget(at, "date_input", "from-").set_value(day)
    at = widget(at, "button", "do_target").click().run()
    assert len(at.error) == 1
    assert not late.find(BOSS, MetricTarget, "d")
    widget(at, "date_input", "until-").set_value(day)
    widget(at, "text_area", "reason-").set_value("屋面在修")
    at = widget(at, "button", "do_accept").click().run()
    assert len(at.error) == 1
    assert not late.find(BOSS, Acceptance, "d")
    for each in at.date_input:
        assert (each.min, each.max) == (EARLIEST, LATEST)


def test_a_deviation_is_accepted_and_taken_back(late: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "targets", lang="en")
    text = said(at)
    assert "18\u00a0orders" in text
    assert ":material/warning: Near" in text, "a shape and a word, not colour alone"
    assert "In this state since 2026-01-31 at least: 61 days" in text
    assert "40 days beyond the 21 days allowed" in text
    at = drawn(visit, mongodb_uri)
    at = widget(at, "button", "do_accept").click().run()
    assert "Please fill this in" in said(at)
    widget(at, "text_area", "reason-").set_value(f"屋面在修 {HOSTILE}")
    widget(at, "text_input", "who-").set_value("罗书记")
    widget(at, "date_input", "until-").set_value(TODAY + timedelta(days=9))
    at = widget(at, "button", "do_accept").click().run()
    (one,) = late.find(BOSS, Acceptance, "d")
    assert (one.accepted_by, one.until, one.grid_id) == ("罗书记", TODAY + timedelta(days=9), None)

    overview = visit(mongodb_uri, "overview", lang="en")
    tile = drawn_by_hand(overview).tiles[OVERDUE_ORDERS.key]
    assert "Accepted deviation · until 11 Apr, 罗书记" in tile
    at = visit(mongodb_uri, "targets", lang="en")
    assert "1 deviation is accepted" in said(at)
    assert "屋面在修" in said(at)
    assert "**<b>" not in marked(at)
    at = visit(mongodb_uri, "targets", lang="en", part="accepted")
    at = widget(at, "button", "back-").click().run()
    (one,) = late.find(BOSS, Acceptance, "d")
    assert one.withdrawn_on == TODAY
    at = visit(mongodb_uri, "targets", lang="en", part="accepted")
    assert "No deviation is accepted just now" in said(at)
    overview = visit(mongodb_uri, "overview", lang="en")
    assert "Near" in drawn_by_hand(overview).tiles[OVERDUE_ORDERS.key]


@pytest.mark.parametrize("role", ["viewer", "grid_worker", "facility_manager", "editor"])
def test_others_read_and_set_nothing(late: Store, mongodb_uri: str, visit: Visit, role: str) -> None:
    targets.set_target(late, BOSS, "d", ON_TIME.key, {"direction": "higher", "low": 0.7, "from_on": TODAY})
    at = visit(mongodb_uri, "targets", role=role, lang="en", part="all", figure=ON_TIME.key)
    assert not at.exception
    assert "≥\u00a070%" in said(at)
    assert not [one for one in at.button if str(one.key).startswith(("do_target", "do_accept", "back-"))]


def test_a_share_is_typed_in_percent(late: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "targets", role="admin", lang="en", part="all", figure=ON_TIME.key)
    assert widget(at, "number_input", "low-").value == 85
    widget(at, "number_input", "low-").set_value(70.5)
    at = widget(at, "button", "do_target").click().run()
    assert late.find(BOSS, MetricTarget, "d")[0].entries[0].low == 0.705
