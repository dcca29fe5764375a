"""The facilities page and its drawer, run as the app runs them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from dashboard.i18n import speaking
from repository import facilities as room
from repository import labels
from repository.access import Actor, Role
from repository.facilities import Category, Condition, Facility, ServiceStatus, VehicleDetails
from repository.grids import Community, Grid
from repository.maintenance import WorkOrder, log_repair
from repository.people import Person
from repository.store import Store
from tests.conftest import NOW, once

Visit = Callable[..., Any]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def yard(store: Store, admin: Actor) -> Store:
    """A very poor bar far past its life, a good one, a gate, and one retired."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    store.insert(admin, Person(id="wang", community_id="d", name="王师傅"))
    store.insert(admin, Grid(id="g3", community_id="d", code="3", name="3 号网格", responsible_id="wang"))

    def stand(code: str, **values: Any) -> None:
        defaults = {"community_id": "d", "id": code, "code": code, "category": Category.FITNESS, "grid_id": "g3"}
        store.insert(admin, Facility(**{**defaults, **values}))

    stand(
        "F1", name="旧单杠", site="公园", installed_on=date(2012, 4, 2), condition="5", replacement_cost_cents=1200_00
    )
    stand("F2", name="新单杠", site="公园", installed_on=date(2024, 4, 2), condition="1", replacement_cost_cents=900_00)
    stand("F3", name="<b>东门*道闸*</b>", category=Category.VEHICLE, details=VehicleDetails())
    stand("F4", name="拆掉的", status=ServiceStatus.RETIRED)
    return store


def said(at: Any) -> str:
    """All texts of the page, without the escapes that keep them from being markup."""
    elements = [*at.markdown, *at.header, *at.caption, *at.error, *at.info, *at.warning]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def button(at: Any, label: str) -> Any:
    """The button that says so."""
    return next(each for each in at.button if label in each.label)


def run(at: Any) -> None:
    """Run it; AppTest cannot read a page on which a toast and an open drawer meet, a browser can."""
    with suppress(AttributeError):
        at.run()


def now(store: Store, admin: Actor, code: str = "F1") -> Facility:
    """What stands there."""
    return room.facility(store, admin, "d", code)


def shown(at: Any) -> list[str]:
    """Codes in the register."""
    frames = [frame.value for frame in at.dataframe]
    return next((list(frame["Code"]) for frame in frames if "Condition" in frame and "Code" in frame), [])


def test_findings_are_the_titles(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    text = said(visit(mongodb_uri, "facilities", lang="en"))

    assert "1 hazard: 1 in very poor condition, 1 past its life" in text
    assert "1 of 2 graded facilities is in poor condition or worse" in text
    assert "公园 mixes 12 years of age; 1 of 2 are past their life" in text
    assert "1 item is due now, 1 within five years: ¥1,200" in text
    assert "past its life by 6 years" in text


def test_ages_without_a_site_are_not_called_unknown(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    for code in ("F1", "F2"):
        room.edit_facility(yard, admin, "d", code, 1, {"site": None})

    assert "No site is noted where a facility's age is known" in said(visit(mongodb_uri, "facilities", lang="en"))


def test_hazards_are_counted_beyond_what_a_list_shows(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    one = yard.db["facilities"].find_one({"_id": "F1"})
    assert one is not None
    many = 600
    yard.db["facilities"].insert_many([one | {"_id": f"M{n}", "code": f"M{n}"} for n in range(many)])

    at = visit(mongodb_uri, "facilities", lang="en", status="hazard")

    total = many + 1
    assert f"{total} hazards: {total} in very poor condition, {total} past their life" in said(at)
    assert next(metric.value for metric in at.metric if metric.label == "Hazards").startswith(f"{total} ")
    assert len(shown(at)) == total


def test_the_tiles_say_the_figures_of_the_room(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en")

    figures = {metric.label: metric.value.replace("\\", "") for metric in at.metric}
    assert figures["Hazards"].startswith("1 ")
    assert figures["Age mix"].startswith("12 ")
    assert "n = 2, below 5" in figures["Good order"]
    assert figures["Smart gates"].startswith("0")
    assert "vehicles 0/1" in figures["Smart gates"]
    assert "overdue ¥1,200" in figures["Next year"]


def test_filters_stand_in_the_url(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    assert shown(visit(mongodb_uri, "facilities", lang="en")) == ["F1", "F2", "F3"]
    assert shown(visit(mongodb_uri, "facilities", lang="en", category="vehicle_access")) == ["F3"]
    assert shown(visit(mongodb_uri, "facilities", lang="en", status="hazard")) == ["F1"]
    assert shown(visit(mongodb_uri, "facilities", lang="en", status="retired")) == ["F4"]
    at = visit(mongodb_uri, "facilities", lang="en")
    next(each for each in at.selectbox if each.key == "url.status").set_value("hazard").run()
    assert "hazard" in at.query_params["status"]
    assert shown(at) == ["F1"]


def test_the_drawer_tells_age_and_condition_and_notes_a_new_one(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", facility="F1")
    assert "14 years old; its service life of 8 years ended on 2020-04-02." in said(at)

    next(each for each in at.get("button_group") if each.key.startswith("examine-")).set_value(Condition.POOR).run()
    next(each for each in at.text_input if each.key.startswith("examine-note")).set_value("螺丝松动").run()
    button(at, "Note this condition").click()
    run(at)

    entry = now(yard, admin).condition_history[-1]
    assert (entry.condition, entry.note) == (Condition.POOR, "螺丝松动")
    assert now(yard, admin).condition is Condition.POOR


def test_a_remark_on_a_condition_stays_when_somebody_else_changes_something(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", facility="F2")
    next(each for each in at.text_input if each.key.startswith("examine-note")).set_value("螺丝松动").run()
    room.put_out_of_order(yard, admin, "d", "F2", 1)

    at.run()

    assert next(each for each in at.text_input if each.key.startswith("examine-note")).value == "螺丝松动"


def test_out_of_order_and_back(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", facility="F2")

    button(at, "Put out of order").click()
    run(at)
    assert now(yard, admin, "F2").status is ServiceStatus.OUT_OF_ORDER

    at = visit(mongodb_uri, "facilities", lang="en", facility="F2")
    button(at, "Put back in service").click()
    run(at)
    assert now(yard, admin, "F2").status is ServiceStatus.IN_SERVICE


def test_back_in_service_while_a_danger_stands_is_said(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    log_repair(yard, admin, "d", fault="loose", facility_id="F2", dangerous=True)
    at = visit(mongodb_uri, "facilities", lang="en", facility="F2")
    assert "A danger still stands here" in said(at)
    button(at, "all the same").click()
    run(at)
    assert now(yard, admin, "F2").status is ServiceStatus.IN_SERVICE


def test_what_work_orders_name_is_not_deleted(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    yard.insert(admin, WorkOrder(community_id="d", number="W-1", fault="loose", facility_id="F1", reported_at=NOW))
    at = visit(mongodb_uri, "facilities", lang="en", facility="F1")

    button(at, "Delete it").click().run()

    assert "Work orders (Facility): 1" in said(at)
    assert now(yard, admin).revision == 1

    at = visit(mongodb_uri, "facilities", lang="en", facility="F2")
    button(at, "Delete it").click().run()
    assert not at.exception
    assert shown(at) == ["F1", "F3"]


def test_a_new_one_is_entered(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", category="fitness", facility="new")
    fields = {each.key.split("-")[2]: each for each in at.text_input if (each.key or "").startswith("facility-new")}

    fields["code"].set_value("F9").run()
    next(each for each in at.text_input if each.key == "facility-new-name-1").set_value("漫步机").run()
    at.button(key="do_facility-new-1").click().run()

    assert not at.exception
    made = room.facility_by_code(yard, admin, "d", "F9")
    assert (made.name, made.category) == ("漫步机", Category.FITNESS)
    assert "facility" not in at.query_params


@pytest.mark.parametrize("role", [Role.VIEWER, Role.GRID_WORKER])
def test_who_may_only_look_gets_no_buttons(yard: Store, mongodb_uri: str, visit: Visit, role: Role) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", facility="F1", role=role)

    assert not at.exception
    labels = " ".join(each.label for each in at.button)
    for forbidden in ("Enter a facility", "Note this condition", "Retire it", "Delete it", "Save"):
        assert forbidden not in labels
    assert "14 years old" in said(at)


def test_an_empty_community_says_what_to_do(store: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    at = visit(mongodb_uri, "facilities", lang="en")

    assert "No facilities yet" in said(at)
    button(at, "Enter a facility").click().run()
    assert not at.exception
    assert any((each.key or "").startswith("facility-new-code") for each in at.text_input)


def test_an_address_that_fits_nothing_is_met(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", facility="gone", status="nonsense", category="sanitation")

    assert not at.exception
    assert "not there any more" in said(at)


def test_a_place_is_renamed_and_taken_out(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    labels.add_place(yard, admin, "d", {"name": "楼道", "grid_id": "g3"})
    at = visit(mongodb_uri, "facilities", lang="en", labels="sheet")
    run(at.segmented_control(key="labels-kind").set_value("places"))
    run(at.selectbox(key="labels-place").select_index(0))
    run(at.text_input(key="place-edit-name-1.1").set_value("东楼道"))
    run(at.button(key="do_place-edit-1").click())
    assert [one.name for one in labels.places(yard, admin, "d")] == ["东楼道"]
    at = visit(mongodb_uri, "facilities", lang="en", labels="sheet")
    run(at.segmented_control(key="labels-kind").set_value("places"))
    run(at.selectbox(key="labels-place").select_index(0))
    run(button(at, "Delete it").click())
    assert labels.places(yard, admin, "d") == []
