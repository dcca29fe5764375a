"""The maintenance page and the repair form, run as the app runs them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard import tables
from dashboard.i18n import speaking
from repository import maintenance
from repository.access import Actor, Role
from repository.facilities import Category, Facility, ServiceStatus, facility, retire
from repository.grids import Community, Grid
from repository.maintenance import Fault, Outcome, Status, WorkOrder, log_repair, move
from repository.organizations import add_organization
from repository.people import Person
from repository.store import Store
from tests.conftest import once


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


NOW = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)
Visit = Callable[..., Any]


@pytest.fixture
@once
def yard(store: Store, admin: Actor) -> Store:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    store.insert(admin, Person(id="wang", community_id="d", name="王师傅"))
    store.insert(admin, Grid(id="g3", community_id="d", code="3", name="3 号网格", responsible_id="wang"))
    store.insert(
        admin,
        Facility(id="bar", community_id="d", code="D3-01", name="单杠", category=Category.FITNESS, grid_id="g3"),
    )
    return store


@pytest.fixture
@once
def order(yard: Store, admin: Actor) -> WorkOrder:
    """Overdue by two days."""
    return log_repair(yard, admin, "d", fault="loose", facility_id="bar", reported_at=NOW - timedelta(days=5))


def said(at: Any) -> str:
    """All texts of the page."""
    elements = [*at.markdown, *at.header, *at.caption, *at.error, *at.info, *at.warning]
    return "\n".join(str(element.value) for element in elements)


def labelled(elements: Any, label: str) -> Any:
    return next(element for element in elements if label in element.label)


def stored(store: Store, admin: Actor, order: WorkOrder) -> WorkOrder:
    return store.get(admin, WorkOrder, "d", order.id)


# --- the page
def test_overdue_work_leads_and_figures_follow(mongodb_uri: str, order: WorkOrder, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en")
    assert not at.exception
    assert "1 overdue, do it first" in said(at)
    (table,) = [frame.value for frame in at.dataframe if "Days overdue" in frame.value]
    assert table.loc[0, ["Order", "Where", "Grid", "Days overdue"]].tolist() == ["W-00001", "单杠", "3 号网格", 1]
    assert [metric.value.split()[0] for metric in at.metric][:2] == ["1", "1"]
    assert "Loose" in labelled(at.button, "W\\-00001").label  # the same row, for a phone


def test_an_empty_community_is_told_what_to_do_next(mongodb_uri: str, yard: Store, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en")
    assert not at.exception
    assert "No work orders yet" in said(at)
    assert [button.label for button in at.button if "repair" in button.label] == ["Log a repair"]


@pytest.mark.parametrize("show", ["open", "overdue", "on_hold", "to_verify", "all", "nonsense"])
def test_the_list_is_chosen_by_the_link(demo_uri: str, visit: Visit, show: str) -> None:
    at = visit(demo_uri, "maintenance", lang="en", show=show)
    assert not at.exception
    shown = at.segmented_control("url.show").value
    assert shown == (show if show != "nonsense" else "open")


def test_whose_and_what_narrow_the_list(mongodb_uri: str, yard: Store, order: WorkOrder, visit: Visit) -> None:
    assert "王师傅: 1 overdue" in said(visit(mongodb_uri, "maintenance", lang="en", who="wang"))
    at = visit(mongodb_uri, "maintenance", lang="en", q="没有这种东西")
    assert "Nothing here" in said(at)
    assert "0 work orders" in said(at)


def test_every_figure_and_sentence_stands_on_the_demo(demo_uri: str, visit: Visit) -> None:
    for grid, category in (("", ""), ("d-grid-3", ""), ("", "fitness"), ("d-grid-3", "fitness")):
        for period in ("quarter", "month", "2025Q4", "ever"):
            at = visit(demo_uri, "maintenance", lang="en", grid=grid, category=category, period=period)
            assert not at.exception, (grid, category, period)
            assert len(at.metric) == 6


# --- the drawer
def test_a_link_opens_the_order(mongodb_uri: str, order: WorkOrder, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    assert not at.exception
    assert "overdue 1" in said(at)
    assert at.pills(f"step-{order.id}-1").value == Status.ACCEPTED  # what usually comes next
    missing = visit(mongodb_uri, "maintenance", lang="en", order="gone")
    assert "not there any more" in said(missing)
    assert len(missing.metric) == 6


def test_a_viewer_reads_the_story_and_changes_nothing(mongodb_uri: str, order: WorkOrder, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", role="viewer", lang="en", order=order.id)
    assert not at.exception
    assert "Reported" in said(at)
    assert not at.pills
    assert not [button for button in at.button if button.key and button.key.startswith("do_step")]


def test_moving_it_along(mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.button(f"do_step-{order.id}-1").click().run()
    assert not at.exception
    after = stored(yard, admin, order)
    assert (after.status, after.responded_at) == (Status.ACCEPTED, NOW)

    at.pills(f"step-{order.id}-2").set_value(Status.ON_HOLD).run()
    at.button(f"do_step-{order.id}-2").click().run()
    assert "Say what it waits for" in said(at)  # beside the form, nothing written
    assert stored(yard, admin, order).revision == 2
    at.text_input(f"hold-{order.id}").set_value("等配件")
    at.button(f"do_step-{order.id}-2").click().run()
    assert stored(yard, admin, order).hold_reason == "等配件"

    at.pills(f"step-{order.id}-3").set_value(Status.DONE).run()
    at.number_input(f"hours-{order.id}").set_value(2.5)
    at.number_input(f"cost-{order.id}").set_value(35.5)
    at.button(f"do_step-{order.id}-3").click().run()
    done = stored(yard, admin, order)
    assert (done.status, done.outcome, done.actual_hours, done.cost_cents) == (
        Status.DONE,
        Outcome.COMPLETED,
        2.5,
        3550,
    )


def test_closing_needs_an_outcome(mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.pills(f"step-{order.id}-1").set_value(Status.CLOSED).run()
    at.segmented_control(f"outcome-{order.id}").set_value(Outcome.REFERRED)
    at.button(f"do_step-{order.id}-1").click().run()
    assert (stored(yard, admin, order).outcome, stored(yard, admin, order).is_open) == (Outcome.REFERRED, False)


def test_somebody_else_moved_it_meanwhile(
    mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit
) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.text_input(f"note-{order.id}-{Status.ACCEPTED}").set_value("我来")
    move(yard, admin, "d", order.id, 1, Status.IN_PROGRESS)
    at.button(f"do_step-{order.id}-1").click().run()
    assert not at.exception
    assert stored(yard, admin, order).revision == 2  # not overwritten


def test_hours_and_cost_add_up(mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.segmented_control("order-section").set_value("effort").run()
    labelled(at.number_input, "Hours to add").set_value(1.5)
    labelled(at.text_input, "Part").set_value("螺栓")
    labelled(at.number_input, "Quantity").set_value(4)
    labelled(at.number_input, "Unit price").set_value(2.5)
    labelled(at.number_input, "Other cost").set_value(20)
    labelled(at.button, "Add").click().run()
    after = stored(yard, admin, order)
    assert (after.actual_hours, after.cost_cents) == (1.5, 3000)
    assert [(part.name, part.cost_cents) for part in after.parts] == [("螺栓", 1000)]
    assert [each.hours for each in after.labour] == [1.5]


def test_a_part_whose_name_cannot_be_is_said(
    mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit
) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.segmented_control("order-section").set_value("effort").run()
    labelled(at.text_input, "Part").set_value("螺\x0b栓")
    labelled(at.button, "Add").click().run()
    assert not at.exception
    assert "Text may not contain control characters" in said(at)
    assert stored(yard, admin, order).parts == ()


def test_a_price_without_the_parts_name_is_said_at_the_field_and_nothing_typed_is_lost(
    mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit
) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.segmented_control("order-section").set_value("effort").run()
    labelled(at.number_input, "Hours to add").set_value(1.5)
    for typed, says in (
        ({"Unit price": 2.5}, "Name the part"),
        ({"Unit price": 0, "Quantity": 4}, "Name the part"),
        ({"Part": "螺栓", "Quantity": 0}, "Say how many of it"),
    ):
        for label, value in typed.items():
            labelled([*at.text_input, *at.number_input], label).set_value(value)
        labelled(at.button, "Add").click().run()
        assert says in said(at)
        held = {label: labelled([*at.text_input, *at.number_input], label).value for label in typed}
        assert held == typed
        assert labelled(at.number_input, "Hours to add").value == 1.5
        assert stored(yard, admin, order).revision == 1
    labelled(at.number_input, "Quantity").set_value(2)
    labelled(at.button, "Add").click().run()
    after = stored(yard, admin, order)
    assert ([(part.name, part.quantity) for part in after.parts], after.actual_hours) == ([("螺栓", 2)], 1.5)


def test_two_people_of_one_name_are_two(
    mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit
) -> None:
    for id in ("p-one1", "p-two2"):
        yard.insert(admin, Person(id=id, community_id="d", name="王芳"))
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.segmented_control("order-section").set_value("effort").run()
    for asked in ("Whose", "Whose (optional)"):
        (box,) = [box for box in at.selectbox if box.label == asked]
        assert {"王芳 · one1", "王芳 · two2"} <= set(box.options)


def test_editing_in_the_drawer(mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    at.segmented_control("order-section").set_value("edit").run()
    at.text_area(f"order-{order.id}-description-1.{order.revision}").set_value("左侧立柱螺栓脱落")
    due = labelled(at.datetime_input, "Due (optional)")
    due.set_value(due.value + timedelta(days=3))
    at.button(f"do_order-{order.id}-1").click().run()
    assert ("Say why it is put off" in said(at), stored(yard, admin, order).revision) == (True, order.revision)
    why = at.text_input(f"order-{order.id}-why-1.{order.revision}").set_value("等配件")
    at.button(f"do_order-{order.id}-1").click().run()
    assert not at.exception
    after = stored(yard, admin, order)
    assert (after.description, str(after.events[-1].note)[-4:]) == ("左侧立柱螺栓脱落", "：等配件"[-4:])
    assert why.max_chars == 300


def test_a_wrong_moment_is_put_right_by_who_is_not_measured_by_it(
    mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit
) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", role="grid_worker", order=order.id)
    assert len(at.segmented_control("order-section").options) == 3
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    assert len(at.segmented_control("order-section").options) == 4
    at.segmented_control("order-section").set_value("correct").run()
    moment = labelled(at.datetime_input, "Reported at")
    moment.set_value(moment.value - timedelta(days=1))
    at.button(f"do_order-right-{order.id}-1").click().run()
    assert "Say what was wrong" in said(at)
    at.text_input(f"order-right-{order.id}-why-1.{order.revision}").set_value("补登")
    at.button(f"do_order-right-{order.id}-1").click().run()
    assert not at.exception
    assert stored(yard, admin, order).reported_at == order.reported_at - timedelta(days=1)


def test_a_remark_is_kept_whatever_others_do(
    mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit
) -> None:
    at = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    maintenance.edit(yard, admin, "d", order.id, order.revision, {"place": "西门"})
    said_of = "钥匙在物业 13812345678 51050219661231122X"
    next(field for field in at.text_input if field.label == "Remark").set_value(said_of)
    for warned in (True, False):  # once
        next(button for button in at.button if button.label == "Add" and not button.disabled).click().run()
        assert not at.exception
        assert ("13812345678, 51050219661231122X" in said(at)) == warned
    after = stored(yard, admin, order)
    assert (after.place, after.events[-1].note) == ("西门", "钥匙在物业 13812345678 ＊＊＊＊＊＊")


def test_a_duplicate_is_offered_for_merging(
    mongodb_uri: str, yard: Store, admin: Actor, order: WorkOrder, visit: Visit
) -> None:
    twice = maintenance.log_repair(yard, admin, "d", fault="loose", facility_id=order.facility_id)
    at = visit(mongodb_uri, "maintenance", lang="en", order=twice.id)
    at.button(f"do_merge-{order.id}").click().run()
    assert not at.exception
    gone = stored(yard, admin, twice)
    assert (gone.merged_into, gone.is_open) == (order.id, False)
    assert stored(yard, admin, order).is_open


def test_many_are_changed_at_once(mongodb_uri: str, yard: Store, admin: Actor, visit: Visit) -> None:
    company = add_organization(yard, admin, "d", {"name": "和顺物业"})
    made = [maintenance.log_repair(yard, admin, "d", fault="loose", place=f"{n} 栋", grid_id="g3") for n in range(3)]
    at = visit(mongodb_uri, "maintenance", lang="en")
    rows = [f"{order.id}.{order.revision}" for order in _as_listed(at, made)]
    key = tables.selection_key("work-table", rows)
    at.session_state[key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    at.run()
    assert "2 picked" in said(at)
    labelled(at.selectbox, "Assignee").set_value("wang")
    at.selectbox("many-company").set_value(company.id)
    at.button("do_many").click().run()
    assert not at.exception
    assert [stored(yard, admin, order).company_id for order in made].count(company.id) == 2
    listed = _as_listed(at, made)
    assert [stored(yard, admin, order).assignee_id == "wang" for order in listed].count(True) >= 2
    assert stored(yard, admin, listed[0]).status is Status.ASSIGNED


def test_many_that_are_done_are_verified_at_once(mongodb_uri: str, yard: Store, admin: Actor, visit: Visit) -> None:
    yard.insert(admin, Person(id="zhao", community_id="d", name="赵验收"))
    made = [maintenance.log_repair(yard, admin, "d", fault="loose", place=f"{n} 栋", grid_id="g3") for n in range(3)]
    for order in made[:2]:
        move(yard, Actor("u", "李师傅", Role.ADMIN), "d", order.id, order.revision, Status.DONE)
    at = visit(mongodb_uri, "maintenance", lang="en", show="all", me="zhao")
    listed = [stored(yard, admin, order) for order in _as_listed(at, made)]
    key = tables.selection_key("work-table", [f"{order.id}.{order.revision}" for order in listed])
    at.session_state[key] = {"selection": {"rows": [0, 1, 2], "columns": [], "cells": []}}
    at.run()
    at.button("do_verify_many").click().run()
    assert not at.exception
    assert [stored(yard, admin, order).status for order in made] == [*[Status.VERIFIED] * 2, Status.REPORTED]
    assert "2 were changed" in said(at)
    assert "cannot become “Verified”" in said(at)
    assert not [each for each in at.button if each.key == "do_verify_many"], "what is left is not done"


def test_a_list_is_taken_away_whole_not_by_the_page(
    mongodb_uri: str, yard: Store, admin: Actor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(23):
        maintenance.log_repair(yard, admin, "d", fault="loose", place=f"{n} 栋", grid_id="g3")
    taken: dict[str, int] = {}
    keep = lambda rows, *, key, **_more: taken.update({key: len(rows() if callable(rows) else rows)})  # noqa: E731
    monkeypatch.setattr(tables, "download", keep)
    assert not visit(mongodb_uri, "maintenance", lang="en").exception
    assert not visit(mongodb_uri, "maintenance", lang="en", of="owed").exception
    assert (taken["work"], taken["behind"]) == (23, 23)


def test_the_orders_of_a_company_are_taken_away_whole_too(
    mongodb_uri: str, yard: Store, admin: Actor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = add_organization(yard, admin, "d", {"name": "物业公司", "kind": "property"})
    for _n in range(13):
        made = log_repair(yard, admin, "d", fault="loose", place="东门")
        maintenance.edit(yard, admin, "d", made.id, made.revision, {"company_id": firm.id})
    taken: dict[str, Any] = {}
    monkeypatch.setattr(tables, "download", lambda rows, key, **_more: taken.update({key: rows}))
    at = visit(mongodb_uri, "facilities", lang="en", part="companies", of=firm.id)
    assert not at.exception
    assert "13 work orders" in said(at)
    assert len(taken["company-orders"]()) == 13


def test_what_is_gone_is_still_called_by_its_name(mongodb_uri: str, yard: Store, admin: Actor, visit: Visit) -> None:
    firm = add_organization(yard, admin, "d", {"name": "旧物业", "kind": "property"})
    order = log_repair(yard, admin, "d", fault="loose", facility_id="bar", reported_at=NOW - timedelta(hours=1))
    maintenance.edit(yard, admin, "d", order.id, order.revision, {"company_id": firm.id})
    yard.update(admin, type(firm), "d", firm.id, 1, {"active": False})
    retire(yard, admin, "d", "bar", facility(yard, admin, "d", "bar").revision)

    assert "旧物业" in said(visit(mongodb_uri, "maintenance", lang="en", order=order.id))
    for side, id, name in (("company_id", firm.id, "旧物业"), ("facility_id", "bar", "单杠")):
        at = visit(mongodb_uri, "maintenance", lang="en", of="open", by=side, whose=id)
        assert name in said(at)
    assert "单杠 was reported most" in said(
        visit(mongodb_uri, "maintenance", lang="en", part="analysis", period="2026Q2")
    )


def test_what_is_picked_stays_picked_when_somebody_changes_a_row(
    mongodb_uri: str, yard: Store, admin: Actor, visit: Visit
) -> None:
    made = [maintenance.log_repair(yard, admin, "d", fault="loose", place=f"{n} 栋", grid_id="g3") for n in range(3)]
    at = visit(mongodb_uri, "maintenance", lang="en")
    listed = _as_listed(at, made)
    key = tables.selection_key("work-table", [f"{order.id}.{order.revision}" for order in listed])
    at.session_state[key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    at.run()
    maintenance.comment(yard, admin, "d", listed[2].id, "别人先改了")
    labelled(at.selectbox, "Assignee").set_value("wang").run()
    assert "2 picked" in said(at)

    at.button("do_many").click().run()
    assert not at.exception
    assert "1 was changed" in said(at)
    assert stored(yard, admin, listed[0]).status is Status.ASSIGNED
    assert stored(yard, admin, listed[2]).status is Status.REPORTED
    assert "1 picked" in said(at)  # and now, knowing what somebody else did to it

    at.button("do_many").click().run()
    assert stored(yard, admin, listed[2]).status is Status.ASSIGNED
    assert "picked" not in said(at)


def _as_listed(at: Any, made: list[WorkOrder]) -> list[WorkOrder]:
    """The orders in the order in which the table has them."""
    (table,) = [frame.value for frame in at.dataframe if "Order" in frame.value]
    numbers = table["Order"].tolist()
    return sorted(made, key=lambda order: numbers.index(order.number))


# --- the repair form
def answer(at: Any, fault: Fault | None = Fault.LOOSE, dangerous: bool | None = False, remark: str = "") -> Any:
    if fault:
        labelled(at.pills, "").set_value(fault)
    if dangerous is not None:
        labelled(at.segmented_control, "dangerous").set_value(dangerous)
    if remark:
        labelled(at.text_input, "add").set_value(remark)
    return at.run()


def test_three_taps_from_the_label(mongodb_uri: str, yard: Store, admin: Actor, visit: Visit) -> None:
    at = visit(mongodb_uri, "report", role="grid_worker", lang="en", facility="D3-01")
    assert not at.exception
    assert "单杠" in said(at)
    answer(at, Fault.BROKEN, True)
    assert "Goes to 王师傅, answered by today 18:30" in said(at)
    at.button("do_send").click().run()
    assert not at.exception
    assert "W\\-00001" in said(at)
    (made,) = yard.find(admin, WorkOrder, "d")
    assert (made.fault, made.dangerous, made.facility_id, made.assignee_id) == ("broken", True, "bar", "wang")
    assert yard.get(admin, Facility, "d", "bar").status is ServiceStatus.OUT_OF_ORDER

    at.button("do_again").click().run()
    assert not at.exception
    assert labelled(at.pills, "").value is None  # an empty form


def test_what_is_missing_is_named_and_what_was_typed_stays(
    mongodb_uri: str, yard: Store, admin: Actor, visit: Visit
) -> None:
    at = visit(mongodb_uri, "report", lang="en", facility="D3-01")
    answer(at, None, None, "螺栓脱落")
    at.button("do_send").click().run()
    assert "Still to answer: what is wrong, whether it is dangerous" in said(at)
    assert labelled(at.text_input, "add").value == "螺栓脱落"
    assert yard.count(admin, WorkOrder, "d") == 0


def test_somewhere_without_a_facility(mongodb_uri: str, yard: Store, admin: Actor, visit: Visit) -> None:
    at = visit(mongodb_uri, "report", lang="en", facility="NOPE")
    assert "No facility here has the code NOPE" in said(at)
    labelled(at.selectbox, "Where").set_value("").run()
    answer(at, Fault.LEAK, False)
    at.button("do_send").click().run()
    assert "Say where" in said(at)
    labelled(at.text_input, "Place").set_value("6 栋 1 楼")
    labelled(at.datetime_input, "Reported at").set_value(datetime(2026, 4, 1, 21, 0)).run()  # noqa: DTZ001
    at.button("do_send").click().run()
    (made,) = yard.find(admin, WorkOrder, "d")
    assert made.reported_at == datetime(2026, 4, 1, 13, 0, tzinfo=UTC), "the call of last night"
    assert (made.place, made.grid_id, made.assignee_id, made.category) == ("6 栋 1 楼", "g3", "wang", "other")


def test_an_open_report_of_the_same_fault_is_offered(
    mongodb_uri: str, yard: Store, order: WorkOrder, visit: Visit
) -> None:
    at = visit(mongodb_uri, "report", lang="en", facility="D3-01")
    answer(at, Fault.NOISE, None)
    assert "already" not in said(at)
    answer(at, Fault.LOOSE, None)
    assert "Reported 5 days ago already" in said(at)


def test_a_viewer_is_told_that_logging_is_for_others(mongodb_uri: str, yard: Store, visit: Visit) -> None:
    at = visit(mongodb_uri, "report", role="viewer", lang="en")
    assert not at.exception
    assert "not log repairs" in said(at)
    assert not at.pills


def test_a_list_that_stops_counting_says_so() -> None:
    from dashboard import i18n
    from dashboard.orders import finding
    from repository.maintenance import MANY, WorkList

    with i18n.speaking("en"):
        assert finding(WorkList((), MANY, MANY), None) == "1,000 or more overdue, do these first"
        assert finding(WorkList((), MANY, 0), "Chen") == "Chen: 1,000 or more work orders"
        assert finding(WorkList((), MANY, MANY - 1), None) == "999 overdue, do these first"
