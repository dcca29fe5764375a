"""The page "My work", and what every page says of work that is new, run as the app runs them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from dashboard import session
from dashboard.i18n import speaking
from repository import maintenance
from repository.access import Actor, Role
from repository.maintenance import Priority, Status, WorkOrder
from repository.organizations import add_organization
from repository.store import Store
from tests.conftest import NOW, once
from tests.test_facilities_page import button, run, said

Visit = Callable[..., Any]
OTHER = Actor("other", "赵", Role.FACILITY_MANAGER)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """As these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def given(yard: Store) -> dict[str, WorkOrder]:
    """Four orders of wang's by what presses, the least pressing given first; one of li's."""
    yard.db["communities"].delete_many({"_id": "e"})

    def order(place: str, due: timedelta, **facts: Any) -> WorkOrder:
        facts = {"assignee_id": "d-wang", "reported_at": NOW - timedelta(days=9), **facts}
        return maintenance.log_repair(yard, OTHER, "d", fault="loose", place=place, due_at=NOW + due, **facts)

    return {
        "soon": order("明天楼", timedelta(hours=20)),
        "urgent": order("紧急楼", timedelta(days=3), priority=Priority.URGENT),
        "today": order("今天楼", timedelta(hours=2)),
        "late": order("逾期*楼*", timedelta(days=-2)),
        "li": order("李家楼", timedelta(days=-3), assignee_id="d-li"),
    }


def stored(store: Store, order: WorkOrder) -> WorkOrder:
    return store.get(OTHER, WorkOrder, "d", order.id)


def test_overdue_first_then_today_then_by_priority(given: dict[str, WorkOrder], mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    assert not at.exception
    text = said(at)
    places = ["逾期*楼*", "今天楼", "紧急楼", "明天楼"]
    assert sorted(places, key=text.index) == places
    assert "李家楼" not in text
    assert "1 overdue, do it first" in text
    assert text.count("New for you") == 4


def test_what_is_new_is_said_on_every_page_until_it_is_seen(
    given: dict[str, WorkOrder], yard: Store, mongodb_uri: str, visit: Visit
) -> None:
    def announced(page: str, **query: str) -> list[str]:
        at = visit(mongodb_uri, page, lang="en", **query)
        assert not at.exception
        return [str(link.proto.label) for link in at.get("page_link") if "notifications" in link.proto.label]

    for page in ("overview", "maintenance", "report", "data"):
        (line,) = announced(page, me="d-wang")
        assert "4 new orders for you" in line
    assert not announced("my_work", me="d-wang"), "there it is said above the list"
    assert not announced("overview")
    assert not announced("overview", me="d-zhao")

    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    assert "4 orders are new for you" in said(at)
    button(at, "All seen").click()
    run(at)
    assert "new for you" not in said(at)
    assert [stored(yard, given[name]).is_new for name in given] == [False, False, False, False, True]
    assert not announced("overview", me="d-wang")


def test_the_next_step_takes_one_tap(given: dict[str, WorkOrder], yard: Store, mongodb_uri: str, visit: Visit) -> None:
    order = given["late"]
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    at.button(f"do_next-{order.id}-in_progress").click()
    run(at)
    assert (stored(yard, order).status, stored(yard, order).is_new) == (Status.IN_PROGRESS, False)
    at.button(f"do_next-{order.id}-done").click()
    run(at)
    assert stored(yard, order).status is Status.DONE
    assert "逾期" not in said(at)


def test_what_it_waits_for_takes_two_taps_or_a_few_words(
    given: dict[str, WorkOrder], yard: Store, mongodb_uri: str, visit: Visit
) -> None:
    late, today = given["late"], given["today"]
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    at.button(f"hold-{late.id}").click()
    run(at)
    at.button(f"wait-{late.id}-0").click()
    run(at)
    assert (stored(yard, late).status, stored(yard, late).hold_reason) == (Status.ON_HOLD, "a spare part")
    assert "Waits for: a spare part" in said(at)
    assert "hold" not in at.query_params

    at.button(f"hold-{today.id}").click()
    run(at)
    at.button(f"do_hold-{today.id}").click()
    run(at)
    assert "Say what it waits for" in said(at)
    assert stored(yard, today).status is Status.REPORTED
    at.text_input(f"wait-{today.id}").set_value("等电工")
    at.button(f"do_hold-{today.id}").click()
    run(at)
    assert stored(yard, today).hold_reason == "等电工"


def test_a_tap_does_what_it_said_whatever_happened_meanwhile(
    given: dict[str, WorkOrder], yard: Store, mongodb_uri: str, visit: Visit
) -> None:
    late, today = given["late"], given["today"]
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    maintenance.comment(yard, OTHER, "d", late.id, "带上梯子")
    maintenance.move(yard, OTHER, "d", today.id, 1, Status.IN_PROGRESS)
    at.button(f"do_next-{late.id}-in_progress").click()
    run(at)
    assert stored(yard, late).status is Status.IN_PROGRESS
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    press = at.button(f"do_next-{today.id}-done")
    maintenance.move(yard, OTHER, "d", today.id, 2, Status.ON_HOLD, hold_reason="等电工")
    press.click()
    run(at)
    assert stored(yard, today).status is Status.ON_HOLD, "another step stands there now"


def test_the_story_is_one_tap_away(given: dict[str, WorkOrder], mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    at.button(f"open-{given['today'].id}").click()
    run(at)
    assert at.pills(f"step-{given['today'].id}-1").value is Status.ACCEPTED


def test_where_nobody_signs_in_one_says_who_one_is(given: dict[str, WorkOrder], mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "my_work", lang="en")
    assert "The choice stays in the address" in said(at)
    at.selectbox("mine.who").set_value("d-li")
    run(at)
    assert "d-li" in at.query_params["me"]
    assert "李家楼" in said(at)
    gone = visit(mongodb_uri, "my_work", lang="en", me="nobody")
    assert "The choice stays in the address" in said(gone)


def test_where_nobody_signs_in_another_may_still_verify(
    given: dict[str, WorkOrder], yard: Store, mongodb_uri: str, visit: Visit
) -> None:
    order = given["late"]
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    for step in ("in_progress", "done"):
        at.button(f"do_next-{order.id}-{step}").click()
        run(at)
    done = stored(yard, order)
    wang, li = (yard.db["people"].find_one({"_id": id})["name"] for id in ("d-wang", "d-li"))
    assert done.events[-1].by == wang
    for who, then in (("", Status.DONE), ("d-wang", Status.DONE), ("d-li", Status.VERIFIED)):
        at = visit(mongodb_uri, "maintenance", lang="en", me=who, order=order.id)
        button(at, "Verify").click()
        run(at)
        assert ("say who you are first" in said(at)) is (not who), "nobody in particular may be who did it"
        assert stored(yard, order).status is then
    assert stored(yard, order).events[-1].by == li
    assert f"{li}, who did not sign in" in said(at)


def test_who_looks_again_is_said_in_the_drawer(
    given: dict[str, WorkOrder], yard: Store, mongodb_uri: str, visit: Visit
) -> None:
    order = maintenance.move(yard, OTHER, "d", given["late"].id, 1, Status.DONE)
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.selectbox(f"looks-{order.id}").set_value("d-li")
    run(at)
    button(at, "Verify").click()
    run(at)
    last = stored(yard, order).events[-1]
    assert (last.status, last.by_id) == (Status.VERIFIED, "role:admin:d-li")


def test_an_order_without_a_due_time_says_so_once(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    order = maintenance.log_repair(yard, OTHER, "d", fault="loose", place="楼", assignee_id="d-wang")
    yard.db["work_orders"].update_one({"_id": order.id}, {"$unset": {"due_at": ""}})
    text = said(visit(mongodb_uri, "my_work", lang="en", me="d-wang"))
    assert "no due time" in text
    assert "due no due time" not in text


def test_an_account_without_a_person_is_told_what_to_do(
    given: dict[str, WorkOrder], mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = Actor("u", "王芳", Role.ADMIN, sign_in="s")
    monkeypatch.setattr(session, "anybody", lambda: me)
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    assert "does not say yet who you are" in said(at)
    assert not at.selectbox
    assert [link.proto.label for link in at.get("page_link")] == ["Open the accounts"]


def test_a_company_has_its_work_and_a_viewer_only_looks(
    given: dict[str, WorkOrder], yard: Store, admin: Actor, mongodb_uri: str, visit: Visit, monkeypatch: Any
) -> None:
    company = add_organization(yard, admin, "d", {"name": "和顺物业"})
    maintenance.assign(yard, admin, "d", given["li"].id, 1, company_id=company.id)
    me = Actor("u", "和顺", Role.VIEWER, sign_in="s", companies=(company.id,))
    monkeypatch.setattr(session, "anybody", lambda: me)
    at = visit(mongodb_uri, "my_work", lang="en")
    assert "李家楼" in said(at)
    assert "1 order is new for you" in said(at)
    assert "Your role may look but not change" in said(at)
    assert [each.key for each in at.button if (each.key or "").startswith("do_")] == ["do_seen_all"]


def test_nothing_to_do_is_said(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    assert "Nothing to do" in said(visit(mongodb_uri, "my_work", lang="en", me="d-zhao"))
