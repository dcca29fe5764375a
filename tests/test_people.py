"""Whom to call back: kept apart, masked, shown for a reason that goes on record, and forgotten."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest

from repository import audit, importer, people
from repository.access import Actor, Refused, Role
from repository.grids import Community
from repository.maintenance import WorkOrder, delete, log_repair, work_list, work_story
from repository.people import Contact, Purpose
from repository.store import Invalid, NotFound, Store
from tests.conftest import NOW

NAME, PHONE = "欧阳小明", "13812345678"
VIEWER = Actor("v", "看", Role.VIEWER)


@pytest.fixture
def order(store: Store, admin: Actor) -> WorkOrder:
    """A repair somebody wants to be called back about."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    return log_repair(store, admin, "D", fault="loose", place="东门", caller_name=NAME, caller_phone=PHONE)


def everywhere(store: Store) -> dict[str, str]:
    """All that is kept, as text, by collection."""
    return {name: repr(list(store.db[name].find())) for name in store.db.list_collection_names()}


def test_a_contact_stands_in_one_place_only(store: Store, admin: Actor, order: WorkOrder) -> None:
    holding = {name for name, text in everywhere(store).items() if NAME in text or PHONE in text}
    assert holding == {"contacts"}
    (entry,) = store.db["audit"].find({"collection": "contacts"})
    assert (entry["after"]["name"], entry["after"]["phone"]) == ("…", "…")


def test_it_is_masked_until_it_is_asked_for_with_a_reason(store: Store, admin: Actor, order: WorkOrder) -> None:
    seen = people.contact_of(store, admin, "D", order.id)
    assert seen is not None
    assert (seen.name, seen.phone) == ("欧＊＊＊", "138＊＊＊＊＊＊78")
    for why in ("", "curious", "$ne"):
        with pytest.raises(Invalid):
            people.reveal(store, admin, "D", seen.id, why)
    found = people.reveal(store, admin, "D", seen.id, Purpose.CALL_BACK)
    assert (found.name, found.phone) == (NAME, PHONE)
    (looked,) = audit.trail(store, admin, "D", audit.Search(operation="reveal"))
    assert (looked.actor, looked.at, looked.after["purpose"], looked.after["about_id"]) == (
        "测试员", NOW, "call_back", order.id,
    )  # fmt: skip
    assert NAME not in repr(looked)


def test_who_may_not_see_it_is_given_nothing_of_it(store: Store, admin: Actor, order: WorkOrder) -> None:
    kept = people.contact_of(store, admin, "D", order.id)
    assert kept is not None
    calls: tuple[Callable[[], Any], ...] = (
        lambda: people.contact_of(store, VIEWER, "D", order.id),
        lambda: people.reveal(store, VIEWER, "D", kept.id, Purpose.CALL_BACK),
        lambda: store.find(VIEWER, Contact, "D"),
    )
    for call in calls:
        with pytest.raises(Refused):
            call()
    told = repr(work_story(store, VIEWER, "D", order.id, now=NOW)) + repr(
        work_list(store, VIEWER, "D", now=NOW, show="all")
    )
    sheet = BytesIO()
    importer.export(store, VIEWER, "D", WorkOrder, sheet, form="csv", translate=str)
    told += sheet.getvalue().decode("utf-8")
    assert NAME not in told
    assert not re.search("138", told)


def test_a_viewers_page_has_nothing_of_it_in_it(
    store: Store, mongodb_uri: str, visit: Callable[..., Any], order: WorkOrder
) -> None:
    for role, there in (("viewer", False), ("grid_worker", True)):
        at = visit(mongodb_uri, "maintenance", role=role, order=order.id)
        assert not at.exception
        text = " ".join(element.value for element in at.markdown)
        assert ("138＊＊＊＊＊＊78" in text) is there
        assert PHONE not in text
        assert NAME not in text


def test_its_time_is_over_after_half_a_year(store: Store, admin: Actor, order: WorkOrder) -> None:
    today = date(2026, 4, 2)
    assert people.forget_expired(store, admin, "D", on=today + timedelta(days=people.CONTACT_DAYS)) == 0
    assert people.forget_expired(store, admin, "D", on=today + timedelta(days=people.CONTACT_DAYS + 1)) == 1
    assert not any(NAME in text or PHONE in text for text in everywhere(store).values())
    assert store.get(admin, WorkOrder, "D", order.id).place == "东门"


def test_it_can_be_erased_at_once(store: Store, admin: Actor, order: WorkOrder) -> None:
    kept = people.contact_of(store, admin, "D", order.id)
    assert kept is not None
    people.forget_contact(store, admin, "D", kept.id, kept.revision)
    assert people.contact_of(store, admin, "D", order.id) is None
    assert not any(NAME in text or PHONE in text for text in everywhere(store).values())
    with pytest.raises(NotFound):
        people.reveal(store, admin, "D", kept.id, Purpose.ASKED)


def test_it_goes_with_the_order_it_is_about(store: Store, admin: Actor, order: WorkOrder) -> None:
    delete(store, admin, "D", order.id, order.revision)
    assert people.contact_of(store, admin, "D", order.id) is None
    assert not any(NAME in text or PHONE in text for text in everywhere(store).values())


@pytest.mark.parametrize("phone", ["call me", "<b>1</b>", "1" * 30, "=1+1", "12"])
def test_what_is_no_number_is_refused_and_no_order_is_made(store: Store, admin: Actor, phone: str) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    with pytest.raises(Invalid):
        log_repair(store, admin, "D", fault="loose", place="东门", caller_phone=phone)
    assert store.count(admin, WorkOrder, "D") == 0


def test_nothing_said_keeps_nothing(store: Store, admin: Actor) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    made = log_repair(store, admin, "D", fault="loose", place="东门", caller_name=" ", caller_phone="")
    assert people.contact_of(store, admin, "D", made.id) is None
