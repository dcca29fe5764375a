"""The pages of inspections, hazards and preventive maintenance, run as the app runs them."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import wraps
from typing import Any

import pytest

from dashboard import dangers, forethought, rounds
from dashboard.i18n import speaking
from repository import facilities, hazards, inspections, maintenance, preventive
from repository.access import Actor, Role
from repository.facilities import Facility, ServiceStatus, retire
from repository.hazards import Hazard, State
from repository.inspections import Checklist, ChecklistItem, Inspection, Verdict, copied
from repository.maintenance import Outcome, Status, WorkOrder, edit, log_repair, move
from repository.metrics import Period
from repository.overview import glance
from repository.store import Conflict, Invalid, Store
from repository.words import Message
from tests.conftest import NOW, once
from tests.pages import picture
from tests.test_facilities_page import button, run, said

Visit = Callable[..., Any]
TODAY = date(2026, 4, 2)
OTHER = Actor("other", "赵", Role.ADMIN)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def weekly(yard: Store, admin: Actor) -> Checklist:
    """A checklist of two items, due for ten days."""
    yard.db["communities"].delete_many({"_id": "e"})
    items = (ChecklistItem(text="立柱*牢固*", fault="loose", dangerous=True), ChecklistItem(text="标牌清晰"))
    made = inspections.add_checklist(yard, admin, "d", {"name": "日常巡检", "category": "fitness", "items": items})
    plan = {"name": "每周", "checklist_id": made.id, "every_days": 7, "since": TODAY - timedelta(days=10)}
    inspections.add_plan(yard, admin, "d", plan)
    return made


# --- inspecting
def test_an_inspection_is_made_item_by_item_and_saved_in_one_press(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "inspect", lang="en", facility="F-01", i0="f", r0="晃", i1="p")
    text = said(at)
    assert "1. 立柱*牢固*" in text
    assert "overdue 10 d · never done before" in text
    assert "1 work order will be opened · it is taken out of service at once" in text
    button(at, "Save the inspection").click().run()
    (done,) = yard.find(admin, Inspection, "d")
    assert [(result.verdict, result.remark) for result in done.results] == [("fail", "晃"), ("pass", None)]
    assert yard.get(admin, Facility, "d", "d-F-01").status is ServiceStatus.OUT_OF_ORDER
    assert "put up the sign" in said(at)
    assert "i0" not in at.query_params, "the next one starts empty"
    (order,) = yard.find(admin, WorkOrder, "d")
    order = edit(yard, admin, "d", order.id, order.revision, {"dangerous": False})
    move(yard, admin, "d", order.id, order.revision, Status.CLOSED, outcome=Outcome.CANCELLED)
    log_repair(yard, admin, "d", fault="loose", facility_id="d-F-01")
    assert "opened" not in said(visit(mongodb_uri, "inspect", lang="en", facility="F-01", i0="f", i1="p")), (
        "a report of the same fault stands for it"
    )


def test_a_photo_of_an_item_is_sent_and_shown_in_record_and_order(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "inspect", lang="en", facility="F-01", i0="p", i1="f")
    (chooser,) = at.get("file_uploader")  # of the one item that is not in order
    chooser.upload("post.jpg", picture(), "image/jpeg").run()
    button(at, "Save the inspection").click().run()
    assert not at.exception
    (done,) = yard.find(admin, Inspection, "d")
    assert [len(result.photos) for result in done.results] == [0, 1]
    (order,) = yard.find(admin, WorkOrder, "d")
    assert order.photos == done.photos
    drawer = visit(mongodb_uri, "facilities", lang="en", part="inspections", inspection=done.id)
    assert button(drawer, "Photo 1")
    drawer = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    assert button(drawer, "Photo 1")
    back = [
        link.proto.query_string for link in drawer.get("page_link") if "inspection that found it" in link.proto.label
    ]
    assert [f"inspection={done.id}" in query for query in back] == [True]


def test_what_has_no_answer_yet_keeps_what_was_tapped(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "inspect", lang="en", facility="F-01", i1="f")
    button(at, "Save the inspection").click().run()
    assert "1 item still has no answer." in said(at)
    assert "f" in at.query_params["i1"]
    assert yard.count(admin, Inspection, "d") == 0
    fresh = visit(mongodb_uri, "inspect", lang="en", facility="F-01", i0="n", i1="f")
    assert "1 work order will be opened" in said(fresh), "the address holds what was tapped"


def test_a_remark_that_cannot_be_is_said_beside_its_item(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    """What is copied out of a text program may bring signs that nobody sees."""
    at = visit(mongodb_uri, "inspect", lang="en", facility="F-01", i0="f", r0="晃\x0b动", i1="p")
    assert not at.exception
    assert "Text may not contain control characters" in said(at)
    button(at, "Save the inspection").click().run()
    assert "1 item still has no answer." in said(at)
    at.text_input[0].set_value("晃动").run()
    button(at, "Save the inspection").click().run()
    assert yard.count(admin, Inspection, "d") == 1


def test_answers_are_of_the_checklist_they_were_given_to(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    items = (ChecklistItem(text="焊缝", dangerous=True), ChecklistItem(text="防腐"))
    yearly = inspections.add_checklist(yard, admin, "d", {"name": "年检", "category": "fitness", "items": items})
    at = visit(mongodb_uri, "inspect", lang="en", facility="F-01", i0="f", r0="晃", i1="p", checklist=weekly.id)
    assert "1 work order will be opened" in said(at)
    at.selectbox(key="url.checklist").set_value(yearly.id).run()
    assert "2 items left" in said(at)
    assert "changed meanwhile" not in said(at)
    assert not {"i0", "i1", "r0"} & set(at.query_params)
    at.button_group(key="url.i0").set_value("p").run()
    assert "1 item left" in said(at)
    inspections.edit_checklist(yard, admin, "d", yearly.id, 1, {"items": items[::-1]})
    at.run()
    assert "2 items left" in said(at)
    assert "The checklist was changed meanwhile" in said(at)


def test_a_long_remark_is_kept_whole(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "inspect", lang="en", facility="F-01", i0="p", i1="p", remark="锈" * 300)
    button(at, "Save the inspection").click().run()
    assert [done.remark for done in yard.find(admin, Inspection, "d")] == ["锈" * 300]


def test_a_facility_is_found_by_its_whole_code(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    yard.insert(admin, Facility(id="d-s", community_id="d", code="健身 01", name="漫步机", category="fitness"))
    yard.insert(admin, Facility(id="d-t", community_id="d", code="健身", name="双杠", category="fitness"))
    assert "1. 立柱*牢固*" in said(visit(mongodb_uri, "inspect", lang="en", facility="健身 01"))
    at = visit(mongodb_uri, "inspect", lang="en")
    run(at.selectbox(key="inspect-facility").set_value("d-s"))
    assert "漫步机" in said(at)
    retire(yard, admin, "d", "d-s", 1)
    assert "No facility here has the code" in said(visit(mongodb_uri, "inspect", lang="en", facility="健身 01"))


def test_a_retired_facility_is_due_for_nothing(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    results = inspections.copied(weekly.items, ["pass", "fail"])
    inspections.record_inspection(yard, admin, "d", "d-F-01", weekly.id, results)
    facts = {"name": "润滑", "category": "fitness", "every": 1, "unit": "weeks", "since": TODAY}
    preventive.add_plan(yard, admin, "d", facts)
    retire(yard, admin, "d", "d-F-01", yard.get(admin, Facility, "d", "d-F-01").revision)
    at = visit(mongodb_uri, "facilities", lang="en", facility="d-F-01")
    assert "nothing is due any more" in said(at)
    assert "1 item not in order" in said(at)
    assert not any("Next due" in table.value for table in at.table)
    assert not any("Inspect it now" in link.proto.label for link in at.get("page_link"))


def test_no_facility_no_checklist_no_right(
    yard: Store, weekly: Checklist, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    assert "No facility here has the code nowhere" in said(visit(mongodb_uri, "inspect", lang="en", facility="nowhere"))
    assert "may look but not inspect" in said(visit(mongodb_uri, "inspect", role="viewer", lang="en"))
    inspections.edit_checklist(yard, admin, "d", weekly.id, 1, {"active": False})
    assert "No checklist fits" in said(visit(mongodb_uri, "inspect", lang="en", facility="F-01"))


def test_what_is_due_comes_longest_overdue_first(
    yard: Store, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", part="inspections")
    assert "2 inspections are overdue, the longest by 10 days: 单杠" in said(at)
    assert list(at.dataframe[0].value["Days overdue"]) == [10, 10]
    assert {metric.label: metric.value.split(" ")[0] for metric in at.metric}["Overdue checks"] == "2"
    shown = visit(mongodb_uri, "facilities", lang="en", part="inspections", due="annual")
    assert "Nothing here" in said(shown)


def test_the_usual_checklists_are_one_press_away(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    at = visit(mongodb_uri, "facilities", lang="en", part="inspections")
    assert "No checklists yet" in said(at)
    button(at, "Enter the usual checklists").click()
    run(at)
    assert yard.count(admin, Checklist, "d") == len(inspections.CHECKLISTS)


def test_a_facilitys_drawer_says_what_is_due_and_was_found(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    results = inspections.copied(weekly.items, ["pass", "fail"])
    inspections.record_inspection(yard, admin, "d", "d-F-01", weekly.id, results)
    at = visit(mongodb_uri, "facilities", lang="en", facility="d-F-01")
    assert "1 item not in order" in said(at)
    assert any("2026-04-09" in str(table.value) for table in at.table)
    (done,) = yard.find(admin, Inspection, "d")
    opened = visit(mongodb_uri, "facilities", lang="en", part="inspections", inspection=done.id)
    assert "标牌清晰" in said(opened)


def test_the_items_that_were_typed_stay_when_somebody_else_saved_first(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    def items() -> list[str]:
        (now,) = yard.find(admin, Checklist, "d")
        return [item.text for item in now.items]

    at = visit(mongodb_uri, "facilities", lang="en", part="inspections", checklist=weekly.id)
    table = f"items-{at.session_state[f'submission.items.{weekly.id}']}"
    at.session_state[table] = {
        "edited_rows": {1: {"What to look at": "标牌*在*"}},
        "added_rows": [],
        "deleted_rows": [],
    }
    at.run()
    inspections.edit_checklist(yard, OTHER, "d", weekly.id, 1, {"items": (ChecklistItem(text="他的"),)})

    at.button(key="do_items").click().run()

    assert "Not saved: 赵 changed this" in said(at)
    assert items() == ["他的"]
    at.button(key="do_items").click()
    run(at)
    assert items() == ["立柱*牢固*", "标牌*在*"]


# --- hazards
def test_a_hazard_is_rectified_and_looked_at_again(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    values = {"what": "<b>线</b>外露", "place": "东门", "level": "major", "found_at": NOW - timedelta(days=9)}
    made = hazards.report_hazard(yard, OTHER, "d", values)
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard=made.id)
    assert "1 hazard is past its deadline" in said(at)
    assert "To be rectified" in said(at)
    button(at, "It is rectified").click()
    run(at)
    stands = yard.get(admin, Hazard, "d", made.id)
    assert stands.state is State.RECTIFIED
    again = visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard=made.id)
    button(again, "Looked again: it is gone").click()
    run(again)
    assert yard.get(admin, Hazard, "d", made.id).state is State.RECTIFIED, "the same role rectified it"
    hazards.recheck(yard, OTHER, "d", made.id, stands.revision, passed=True)
    over = visit(mongodb_uri, "facilities", lang="en", part="hazards")
    assert "1 hazard is over" in said(over)


def test_a_deadline_is_put_off_with_a_reason_and_stays_overdue(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    values = {"what": "线外露", "place": "东门", "found_at": NOW - timedelta(days=30), "deadline_on": date(2026, 3, 20)}
    made = hazards.report_hazard(yard, OTHER, "d", values)
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard=made.id)
    day = next(each for each in at.date_input if (each.key or "").startswith("terms-day"))
    day.set_value(date(2026, 5, 1))
    at.button(key="do_terms").click().run()
    assert "Say why it is put off" in said(at)
    assert next(each for each in at.date_input if each.key == day.key).value == date(2026, 5, 1), "typing stays"
    next(each for each in at.text_input if (each.key or "").startswith("terms-reason")).set_value("等*市政*")
    at.button(key="do_terms").click()
    run(at)
    assert yard.get(admin, Hazard, "d", made.id).deadline_on == date(2026, 5, 1)
    text = said(visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard=made.id))
    assert "1 hazard is past its deadline" in text
    assert "judged by its first deadline, 2026-03-20" in text
    assert "2026-03-20 → 2026-05-01 · " in text
    assert "等*市政*" in text


def test_what_ends_and_what_stays_is_named_before_a_facility_is_retired(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    plan = {"name": "润滑", "facility_id": "d-F-01", "every": 1, "unit": "weeks", "since": TODAY, "lead_days": 14}
    preventive.add_plan(yard, admin, "d", plan)
    preventive.generate(yard, admin, "d")
    repair = log_repair(yard, OTHER, "d", fault="loose", facility_id="d-F-01")
    at = visit(mongodb_uri, "facilities", lang="en", facility="d-F-01")
    assert said(at).count("3 preventive orders that nobody has begun end with it.") == 2, "retired or replaced"
    assert f"1 order stays open under it: {repair.number}" in said(at)
    links = [link.proto.query_string for link in at.get("page_link") if "its open orders" in link.proto.label]
    assert all("q=F-01" in query and "show=open" in query for query in links)
    assert links
    button(at, "Retire it").click()
    run(at)
    assert [each.number for each in yard.find(admin, WorkOrder, "d", {"is_open": True})] == [repair.number]
    at = visit(mongodb_uri, "maintenance", lang="en", order=repair.id)
    assert "The facility is retired." in said(at)


def test_a_year_of_orders_is_made_from_the_page_after_saying_how_many(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    plan = {"name": "润滑", "category": "fitness", "every": 1, "unit": "months", "since": TODAY, "lead_days": 0}
    preventive.add_plan(yard, admin, "d", plan)
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive")
    assert "orders until" not in said(at), "counted when it is opened"
    at.session_state["generate-ahead"] = True
    at.run()
    assert "26 orders until 2027-04-02" in said(at)
    for day, why in ((TODAY - timedelta(days=1), "lies in the past"), (date(2999, 1, 1), "At most 400 days ahead")):
        at.date_input(key="ahead-until").set_value(day).run()
        assert why in said(at)
        assert "orders until" not in said(at), "and not of another day"
    at.date_input(key="ahead-until").set_value(date(2027, 4, 2)).run()
    at.button(key="do_ahead").click()
    run(at)
    assert yard.count(admin, WorkOrder, "d") == 26
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive")
    at.session_state["generate-ahead"] = True
    at.run()
    assert "Every order until 2027-04-02 is there already." in said(at)


def test_what_is_typed_about_a_hazard_stays_whoever_was_first(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    made = hazards.report_hazard(yard, OTHER, "d", {"what": "线外露", "place": "东门"})
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard=made.id)
    next(each for each in at.text_input if each.key.startswith("hazard-note")).set_value("已包好").run()

    def first(*args: Any, **facts: Any) -> Hazard:
        raise Conflict(hazards.edit_hazard(yard, OTHER, "d", made.id, made.revision, {"measures": "围挡"}))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hazards, "rectify", first)
        button(at, "It is rectified").click().run()
    assert "Not saved: 赵 changed this" in said(at)
    button(at, "Show what stands there now").click().run()
    assert next(each for each in at.text_input if each.key.startswith("hazard-note")).value == "已包好"

    def taken(*args: Any, **facts: Any) -> WorkOrder:
        raise Invalid({"hazard_id": Message("This hazard has a work order already.")})

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(maintenance, "log_repair", taken)
        button(at, "Open a work order").click().run()
    assert "This hazard has a work order already." in said(at)


def test_a_retired_facility_keeps_its_name_and_is_not_picked_again(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    made = hazards.report_hazard(yard, OTHER, "d", {"what": "线外露", "facility_id": "d-F-01"})
    facilities.retire(yard, admin, "d", "d-F-01", facilities.facility(yard, admin, "d", "d-F-01").revision)
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard=made.id)
    assert "F-01 单杠" in said(at)
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard="new")
    picks = next(each for each in at.selectbox if (each.key or "").startswith("hazard-new-facility_id"))
    assert [each for each in picks.options if "F-0" in each] == ["F-02 单杠"]


def test_nothing_past_its_deadline_has_no_mean(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards")
    (figure,) = (metric.value for metric in at.metric if metric.label == "Past deadline")
    assert "mean" not in figure


# --- preventive maintenance
def test_plans_make_orders_and_an_order_is_skipped_with_a_reason(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    empty = visit(mongodb_uri, "facilities", lang="en", part="preventive")
    assert "No maintenance plans yet" in said(empty)
    plan = {"name": "润滑", "category": "fitness", "every": 1, "unit": "months", "since": TODAY - timedelta(days=3)}
    preventive.add_plan(yard, admin, "d", plan)
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive")
    button(at, "Make the orders now").click()
    run(at)
    orders = yard.find(admin, WorkOrder, "d")
    assert len(orders) == 2
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive", preventive=orders[0].id)
    assert "2 preventive orders are past their day" in said(at)
    button(at, "Skip it").click()
    run(at)
    assert yard.get(admin, WorkOrder, "d", orders[0].id).is_open, "without a reason nothing happens"
    next(each for each in at.text_input if each.key.startswith("why-")).set_value("停用中")
    button(at, "Skip it").click()
    run(at)
    assert not yard.get(admin, WorkOrder, "d", orders[0].id).is_open


def test_an_order_that_somebody_else_moved_is_skipped_with_the_reason_that_was_typed(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    preventive.add_plan(yard, admin, "d", {"name": "润滑", "category": "fitness", "since": TODAY})
    preventive.generate(yard, admin, "d")
    order = yard.find(admin, WorkOrder, "d")[0]
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive", preventive=order.id)
    next(each for each in at.text_input if each.key.startswith("why-")).set_value("停用中").run()

    def first(*args: Any, **facts: Any) -> WorkOrder:
        raise Conflict(maintenance.comment(yard, OTHER, "d", order.id, "备件已订"))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(preventive, "skip", first)
        button(at, "Skip it").click().run()
    assert "Not saved: 赵 changed this" in said(at)
    button(at, "Skip it").click()
    run(at)
    assert not yard.get(admin, WorkOrder, "d", order.id).is_open


def test_lists_that_show_only_their_beginning_say_so(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (dangers, forethought):
        monkeypatch.setattr(module, "PHONE_ROWS", 1)
    monkeypatch.setattr(rounds, "SHOWN_DUE", 1)
    preventive.add_plan(yard, admin, "d", {"name": "润滑", "category": "fitness", "since": TODAY})
    preventive.generate(yard, admin, "d")
    for n in range(2):
        hazards.report_hazard(yard, admin, "d", {"what": "线外露", "place": f"{n} 栋"})
    for part in ("hazards", "preventive", "inspections"):
        assert "The first 1 of 2." in said(visit(mongodb_uri, "facilities", lang="en", part=part)), part


def test_headings_count_what_stands_below_them(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = {"name": "润滑", "category": "fitness", "since": TODAY}
    preventive.add_plan(yard, admin, "d", plan)
    preventive.add_plan(yard, admin, "d", {**plan, "name": "试水泵", "category": "property"})
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive", category="property")
    assert "1 maintenance plan" in said(at)

    for n in range(3):
        made = hazards.report_hazard(yard, OTHER, "d", {"what": "线外露", "place": f"{n} 栋"})
        yard.db["hazards"].update_one({"_id": made.id}, {"$set": {"state": "rechecked"}})
    every = maintenance.hazards_over
    two = wraps(every)(lambda *args: every(*args, limit=2))
    monkeypatch.setattr(maintenance, "hazards_over", two)
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards")
    assert "3 hazards are over" in said(at)
    assert "Showing 2 of 3" in said(at)


def test_what_was_entered_by_mistake_is_taken_out(
    yard: Store, admin: Actor, weekly: Checklist, mongodb_uri: str, visit: Visit
) -> None:
    plan = {"name": "润滑", "category": "fitness", "since": TODAY}
    made = preventive.add_plan(yard, admin, "d", plan)
    preventive.generate(yard, admin, "d")
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive", maintenance_plan=made.id)
    button(at, "Delete it").click()
    run(at)
    assert preventive.plans(yard, admin, "d") == [made], "it made orders"

    free = preventive.add_plan(yard, admin, "d", {**plan, "name": "除锈", "since": date(2030, 2, 28)})
    at = visit(mongodb_uri, "facilities", lang="en", part="preventive", maintenance_plan=free.id)
    button(at, "Delete it").click()
    run(at)
    assert preventive.plans(yard, admin, "d") == [made]

    (rounds,) = inspections.plans(yard, admin, "d")
    hazard = hazards.report_hazard(yard, admin, "d", {"what": "线外露", "place": "东门"})
    results = copied(weekly.items, [Verdict.PASS] * 2)
    looked = inspections.record_inspection(yard, admin, "d", "d-F-02", weekly.id, results)
    for part, query in (
        ("inspections", {"inspection": looked.id}),
        ("inspections", {"inspection_plan": rounds.id}),
        ("inspections", {"checklist": weekly.id}),
        ("hazards", {"hazard": hazard.id}),
    ):
        at = visit(mongodb_uri, "facilities", lang="en", part=part, **query)
        button(at, "Delete it").click()
        run(at)
    kinds = (Inspection, inspections.InspectionPlan, Checklist, Hazard)
    assert [yard.count(admin, kind, "d") for kind in kinds] == [0, 0, 0, 0]


# --- overview
def test_overview_names_what_an_inspection_shut_and_what_is_overdue(
    yard: Store, admin: Actor, weekly: Checklist
) -> None:
    yard.db["grids"].delete_many({"community_id": "e"})
    results = inspections.copied(weekly.items, ["fail", "pass"])
    inspections.record_inspection(yard, admin, "d", "d-F-01", weekly.id, results)
    hazard = {"what": "线外露", "place": "东门", "level": "major", "found_at": NOW - timedelta(days=9)}
    made = hazards.report_hazard(yard, admin, "d", hazard)
    actions = glance(yard, admin, "d", Period.of("2026Q2"), now=NOW).actions
    params = [dict(action.params) for action in actions]
    assert {"part": "hazards", "which": "stopped"} in params
    assert {"part": "hazards", "hazard": made.id} in params
    assert {"part": "inspections", "due": "overdue"} in params
