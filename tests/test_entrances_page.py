"""The parts Entrances and Property companies of the Facilities page: every role, with and without data; the guard's
taps; nobody in full."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from repository import entries
from repository.access import Actor, Role
from repository.entries import EntryLog
from repository.facilities import Category, Control, Facility, VehicleDetails, retire
from repository.grids import Community, community
from repository.maintenance import log_repair
from repository.organizations import Organization, add_organization, set_contact
from repository.people import contact_of
from repository.store import Store
from tests.conftest import NOW, once

PLATE = "川E7K234"
Visit = Callable[..., Any]


@pytest.fixture
@once
def gate(store: Store, admin: Actor) -> Store:
    """A community with one gate and a car inside since this morning, another since yesterday."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    north = Facility(id="north", community_id="d", code="N", name="北门", category=Category.VEHICLE,
                     details=VehicleDetails(control=Control.MANUAL))  # fmt: skip
    store.insert(admin, north)
    for hours in (2, 30):
        values = {"gate_id": "north", "who": PLATE, "purpose": "visit", "entered_at": NOW - timedelta(hours=hours)}
        entries.log_entry(store, admin, "d", values)
    return store


def said(at: Any) -> str:
    """Everything the page says."""
    elements = [*at.markdown, *at.caption, *at.header, *at.error, *at.warning, *at.info]
    return " ".join(str(element.value) for element in elements) + " ".join(button.label for button in at.button)


def button(at: Any, label: str) -> Any:
    """The first button with this label."""
    return next(each for each in at.button if each.label == label)


@pytest.mark.parametrize("part", ["entrances", "companies"])
@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_the_demonstration(demo_uri: str, visit: Visit, role: Role, part: str) -> None:
    for lang in ("zh", "en"):
        at = visit(demo_uri, "facilities", role=role, lang=lang, part=part, period="year")
        assert not at.exception
        assert not at.error
    names = {"entrances": "gates are not smart", "companies": "of its orders on time"}
    assert names[part] in said(at)


@pytest.mark.parametrize("part", ["entrances", "companies"])
def test_an_empty_community_is_told_the_next_step(
    store: Store, admin: Actor, mongodb_uri: str, visit: Visit, part: str
) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    at = visit(mongodb_uri, "facilities", lang="en", part=part)
    assert not at.exception
    assert {"entrances": "No gates yet", "companies": "No companies yet"}[part] in said(at)
    at = visit(mongodb_uri, "facilities", lang="en", part=part, role="viewer")
    assert not at.exception


def test_a_plate_is_on_no_page(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    id = gate.db["entry_logs"].find_one({})["_id"]  # type: ignore[index]
    for role in Role:
        at = visit(mongodb_uri, "facilities", role=role, lang="en", part="entrances", entry=id)
        assert not at.exception
        assert PLATE not in said(at)
        assert PLATE not in repr([each.value for each in at.dataframe])
        assert ("What for?" in [each.label for each in at.selectbox]) is (role is not Role.VIEWER)


def test_the_guard_lets_out_with_one_tap(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", role="grid_worker", lang="en", part="entrances")
    assert "2 are still inside" in said(at)
    button(at, "Left now").click().run()
    assert not at.exception
    assert gate.db["entry_logs"].count_documents({"is_open": True}) == 1


def test_the_guard_notes_who_comes(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", role="facility_manager", lang="en", part="entrances", entry="new")
    next(each for each in at.text_input if each.key.startswith("entry-new-vehicle-who")).set_value("川ENEW88")
    next(each for each in at.button if each.label == "Came in now").click().run()
    assert not at.exception
    assert gate.db["entry_logs"].count_documents({"who": "川ENEW88", "gate_id": "north", "is_open": True}) == 1


def test_two_doors_of_one_name_are_two(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    gate.insert(admin, Facility(id="twin", community_id="d", code="T", name="北门", category=Category.PERSONNEL))
    at = visit(mongodb_uri, "facilities", lang="en", part="entrances")
    assert set(at.selectbox(key="url.gate").options) == {"All gates", "北门 · orth", "北门 · twin"}


def test_what_stayed_open_is_closed_together(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", part="entrances", entries="left_open")
    button(at, "They left, time unknown (1 listed)").click().run()
    assert not at.exception
    assert gate.db["entry_logs"].count_documents({"exit_unknown": True}) == 1


def test_the_log_is_searched_whole_and_says_where_it_ends(
    gate: Store, admin: Actor, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = gate.db["entry_logs"].find_one({})
    for n in range(100):
        gate.db["entry_logs"].insert_one({**one, "_id": f"e{n}", "purpose": "repair"})  # type: ignore[dict-item]
    gate.db["entry_logs"].update_one({"_id": "e0"}, {"$set": {"entered_at": NOW - timedelta(days=1), "host": "9 栋"}})

    at = visit(mongodb_uri, "facilities", lang="en", part="entrances", period="ever")
    at.text_input(key="entries-search").set_value("9 栋").run()
    assert "Nothing here contains" not in said(at)
    assert "102 entries" in said(at)
    assert "are listed and searched" not in said(at)

    for module in (entries, entries.queries):
        monkeypatch.setattr(module, "MANY", 50)
    at = visit(mongodb_uri, "facilities", lang="en", part="entrances", period="ever")
    assert r"Showing 50 of 50\+" in said(at)
    assert "Only the newest 50 are listed and searched" in said(at)


def test_without_a_gate_in_service_none_is_called_smart(
    gate: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    retire(gate, admin, "d", "north", 1)
    at = visit(mongodb_uri, "facilities", lang="en", part="entrances", period="ever")
    assert "No gate is in service any more" in said(at)


def test_the_rules_are_set_on_the_page(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", part="entrances", entry_settings="rules")
    next(each for each in at.number_input if each.key.startswith("entry-days")).set_value(7)
    at.button(key="do_entry_rules").click().run()
    assert not at.exception
    assert community(gate, admin, "d").entry_days == 7


def test_an_entry_is_looked_at_put_right_and_deleted(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    id = gate.db["entry_logs"].find_one({"entered_at": NOW - timedelta(hours=2)})["_id"]  # type: ignore[index]
    at = visit(mongodb_uri, "facilities", lang="en", part="entrances", entry=id)
    next(each for each in at.text_input if each.key.startswith("entry-edit-host")).set_value("6 栋")
    next(each for each in at.button if each.key and each.key.startswith("do_entry-edit")).click().run()
    assert not at.exception
    kept = EntryLog.from_document(gate.db["entry_logs"].find_one({"_id": id}) or {})
    assert (kept.host, kept.who) == ("6 栋", PLATE)
    at = visit(mongodb_uri, "facilities", lang="en", part="entrances", entry=id)
    button(at, "Delete it").click().run()
    assert not at.exception
    assert gate.db["entry_logs"].count_documents({}) == 1


def test_a_company_is_entered_and_called(gate: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", part="companies", company="new")
    next(each for each in at.text_input if each.key.startswith("company-new-name")).set_value("和顺物业")
    next(each for each in at.button if each.key and each.key.startswith("do_company-new")).click().run()
    assert not at.exception
    made = Organization.from_document(gate.db["organizations"].find_one({}) or {})
    at = visit(mongodb_uri, "facilities", lang="en", part="companies", company=made.id)
    at.text_input(key=f"contact-name-{made.id}").set_value("王五")
    at.text_input(key=f"contact-phone-{made.id}").set_value("13812345678")
    at.button(key=f"do_contact-{made.id}").click().run()
    assert not at.exception
    at = visit(mongodb_uri, "facilities", lang="en", part="companies", company=made.id)
    assert "138＊＊＊＊＊＊78" in said(at)
    assert "13812345678" not in said(at)
    at.button(key=f"do_contact-{made.id}").click().run()
    assert "Enter a name or a number" in said(at)
    assert contact_of(gate, admin, "d", made.id) is not None, "an empty form erases nobody"
    at.button(key=f"drop_contact-{made.id}").click().run()
    assert contact_of(gate, admin, "d", made.id) is None


def test_who_it_is_is_shown_for_a_reason_that_goes_on_record(
    gate: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    entry = gate.db["entry_logs"].find_one({})["_id"]  # type: ignore[index]
    firm = add_organization(gate, admin, "d", {"name": "和顺物业"})
    set_contact(gate, admin, "d", firm.id, name="王五", phone="13812345678")
    order = log_repair(gate, admin, "d", fault="loose", place="东门", caller_name="赵六", caller_phone="13987654321")
    for page, query, id, words in (
        ("facilities", {"part": "entrances", "entry": entry}, entry, PLATE),
        ("facilities", {"part": "companies", "company": firm.id}, firm.id, "王五 13812345678"),
        ("maintenance", {"order": order.id}, order.id, "赵六 13987654321"),
    ):
        at = visit(mongodb_uri, page, lang="zh", **query)
        assert words not in said(at)
        at.button(key=f"do_reveal-{id}").click().run()
        assert words in said(at)
    looked = gate.db["audit"].count_documents({"operation": "reveal"})
    assert looked == 3


def test_an_address_that_fits_nothing_is_met(gate: Store, mongodb_uri: str, visit: Visit) -> None:
    for part in ("entrances", "companies"):
        at = visit(mongodb_uri, "facilities", lang="en", part=part, gate="gone", entries="nonsense", of="nobody",
                   company="gone", exception="x", show="y")  # fmt: skip
        assert not at.exception
