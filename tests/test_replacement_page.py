"""The replacement plan on the facilities page, in the drawer and as a file."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from io import BytesIO
from typing import Any

import pytest
import xlsxwriter
from openpyxl import load_workbook
from xlsxwriter.worksheet import Worksheet

from dashboard import replacement, spreadsheets, tables
from dashboard.i18n import speaking
from repository import facilities as room
from repository.access import Actor, Role
from repository.facilities import Category, Facility
from repository.grids import Community, Grid
from repository.people import Person
from repository.replacement import replacement_review
from repository.store import Store
from tests.conftest import NOW, once

Visit = Callable[..., Any]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def yard(store: Store, admin: Actor) -> Store:
    """A bar past its life, one due in 2029, and a lift whose price nobody knows."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    store.insert(admin, Person(id="wang", community_id="d", name="王师傅"))
    store.insert(admin, Grid(id="g3", community_id="d", code="3", name="3 号网格"))
    same = {"community_id": "d", "grid_id": "g3", "category": Category.FITNESS, "kind": "horizontal_bar"}
    for code, built, cents in (("F1", date(2012, 4, 2), 1200_00), ("F2", date(2021, 4, 2), 900_00)):
        store.insert(
            admin,
            Facility(id=code, code=code, name=f"=1+{code}", installed_on=built, replacement_cost_cents=cents,
                     responsible_id="wang", site="公园", **same),
        )  # fmt: skip
    lift = {**same, "category": Category.PROPERTY, "kind": "lift"}
    store.insert(admin, Facility(id="L", code="L", name="电梯", installed_on=date(2013, 1, 1), **lift))
    return store


def said(at: Any) -> str:
    """All texts of the page."""
    elements = [*at.markdown, *at.header, *at.caption, *at.error, *at.info, *at.warning]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def run(at: Any) -> None:
    """Run it; AppTest cannot read a page on which a toast and an open drawer meet, a browser can."""
    with suppress(AttributeError):
        at.run()


def field(at: Any, kind: str, key: str) -> Any:
    """The widget whose key begins so."""
    return next(each for each in getattr(at, kind) if (each.key or "").startswith(key))


def codes(at: Any) -> list[str]:
    """Those in the plan's list."""
    return next((list(each.value["Code"]) for each in at.dataframe if "Planned year" in each.value), [])


def plan(uri: str, visit: Visit, **query: str) -> Any:
    """The plan's page."""
    return visit(uri, "facilities", lang="en", part="replacement", **query)


def test_the_plan_says_what_is_due_what_was_put_off_and_what_is_not_known(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    room.plan_replacement(yard, admin, "d", "F1", 1, year=2028, reason="等配套资金")

    at = plan(mongodb_uri, visit)

    assert not at.exception
    text = said(at)
    assert "¥1,200 of renewal put off: condition index 57%, critical" in text
    assert "n = 2 · 1 without replacement cost" in text
    assert "1 item is due now, 3 within five years: ¥2,100" in text
    assert "1 was deferred · no data for 1" in text
    assert codes(at) == ["F1", "L", "F2"]
    assert codes(plan(mongodb_uri, visit, year="2028")) == ["F1", "L"]
    assert codes(plan(mongodb_uri, visit, move="deferred")) == ["F1"]
    assert codes(plan(mongodb_uri, visit, of_kind="property/lift", year="2028")) == ["L"]
    assert codes(plan(mongodb_uri, visit, category="fitness")) == ["F1", "F2"]


def test_a_list_that_shows_only_its_beginning_says_so(
    yard: Store, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The first" not in said(plan(mongodb_uri, visit))
    monkeypatch.setattr(replacement, "PHONE_ROWS", 1)
    monkeypatch.setattr(tables, "PAGE", 2)
    text = said(plan(mongodb_uri, visit))
    assert "The first 1 of 3." in text
    assert "The first 2 of 3." in text


def test_a_replacement_is_put_off_with_a_reason_in_the_drawer_and_taken_back(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = plan(mongodb_uri, visit, facility="F1")
    assert "To be replaced in 2026" in said(at)
    field(at, "selectbox", "plan-year").set_value(2027).run()
    at.button(key="do_plan_year").click().run()
    assert "Say why it is put off" in said(at)
    assert room.facility(yard, admin, "d", "F1").replacement_plan == ()

    field(at, "text_input", "plan-reason").set_value("等配套资金").run()
    at.button(key="do_plan_year").click()
    run(at)

    (decision,) = room.facility(yard, admin, "d", "F1").replacement_plan
    assert (decision.year, decision.instead_of, decision.reason) == (2027, 2026, "等配套资金")
    at = plan(mongodb_uri, visit, facility="F1")
    assert "To be replaced in 2027, deferred" in said(at)
    at.button(key="plan-back").click()
    run(at)
    assert room.facility(yard, admin, "d", "F1").replacement_plan[-1].year is None


def test_what_was_typed_stays_when_somebody_else_saved_first(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = plan(mongodb_uri, visit, facility="F1")
    field(at, "selectbox", "plan-year").set_value(2027).run()
    field(at, "text_input", "plan-reason").set_value("我的理由").run()
    room.plan_replacement(yard, admin, "d", "F1", 1, year=2029, reason="别人的理由")

    at.button(key="do_plan_year").click().run()

    assert "Not saved" in said(at)
    assert field(at, "text_input", "plan-reason").value == "我的理由"
    assert [each.reason for each in room.facility(yard, admin, "d", "F1").replacement_plan] == ["别人的理由"]
    at.button(key="do_plan_year").click()
    run(at)
    assert [each.year for each in room.facility(yard, admin, "d", "F1").replacement_plan] == [2029, 2027]


def test_a_change_of_something_else_is_no_conflict(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = plan(mongodb_uri, visit, facility="F1")
    field(at, "selectbox", "plan-year").set_value(2027).run()
    field(at, "text_input", "plan-reason").set_value("我的理由").run()
    room.examine(yard, admin, "d", "F1", 1, condition=room.Condition.POOR)

    at.button(key="do_plan_year").click()
    run(at)

    assert [each.year for each in room.facility(yard, admin, "d", "F1").replacement_plan] == [2027]


def test_ones_own_decision_can_be_let_go_for_theirs(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = plan(mongodb_uri, visit, facility="F1")
    field(at, "text_input", "plan-reason").set_value("我的理由").run()
    room.plan_replacement(yard, admin, "d", "F1", 1, year=2029, reason="别人的理由")
    at.button(key="do_plan_year").click().run()
    assert field(at, "button", "let-go").label == "Show what stands there now"

    field(at, "button", "let-go").click().run()

    assert "Not saved" not in said(at)
    assert field(at, "selectbox", "plan-year").value == 2029
    assert field(at, "text_input", "plan-reason").value == ""


def test_a_drawer_that_is_opened_again_begins_with_what_stands(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = plan(mongodb_uri, visit, facility="F1")
    del at.query_params["facility"]
    at.run()
    room.plan_replacement(yard, admin, "d", "F1", 1, year=2029, reason="别人的理由")
    at.query_params["facility"] = "F1"
    at.run()
    assert field(at, "selectbox", "plan-year").value == 2029
    field(at, "selectbox", "plan-year").set_value(2026).run()
    at.button(key="do_plan_year").click()
    run(at)
    assert [each.year for each in room.facility(yard, admin, "d", "F1").replacement_plan] == [2029, 2026]


def test_a_year_far_ahead_stands_in_the_form(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    lift = yard.get(admin, Facility, "d", "L")
    yard.update(admin, Facility, "d", "L", lift.revision, {"service_life_years": 60})
    at = plan(mongodb_uri, visit, facility="L")
    assert field(at, "selectbox", "plan-year").value == 2073
    assert field(at, "selectbox", "plan-year").options[0] == "2026"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.GRID_WORKER])
def test_who_may_only_look_decides_nothing(yard: Store, mongodb_uri: str, visit: Visit, role: Role) -> None:
    at = plan(mongodb_uri, visit, facility="F1", role=role)

    assert not at.exception
    assert "To be replaced in 2026" in said(at)
    assert not [each for each in at.button if each.key in ("do_plan_year", "plan-back")]


def test_nothing_there_is_said(store: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    assert "no facilities here whose replacement" in said(plan(mongodb_uri, visit))


@pytest.mark.parametrize(("language", "first", "items"), [("en", "By year", "Facilities"), ("zh", "按年份", "设施")])
def test_the_budget_file_tells_it_sheet_by_sheet(
    yard: Store, admin: Actor, language: str, first: str, items: str
) -> None:
    room.plan_replacement(yard, admin, "d", "F1", 1, year=2028, reason="=HYPERLINK(1)", cost_cents=1500_00)
    now = NOW.astimezone(yard.zone("d"))
    review = replacement_review(yard, admin, "d", now=now)

    with speaking(language):
        sheets = replacement.book_of(review, {"grids": {"g3": "3 号网格"}, "people": {"wang": "王师傅"}}, now)
        book = load_workbook(BytesIO(spreadsheets.book(sheets)))

    assert len(book.sheetnames) == 7
    assert book.sheetnames[0] == first
    years = [[cell.value for cell in row] for row in book[first].iter_rows(min_row=2)]
    assert [(row[0], row[1], row[2], row[3], row[5], row[6]) for row in years] == [
        (2026, 0, 0, 0, 0, 0), (2027, 0, 0, 0, 0, 0), (2028, 2, 1, 1, 1500, 1), (2029, 1, 0, 0, 900, 0),
        (2030, 0, 0, 0, 0, 0),
    ]  # fmt: skip
    cells = [cell for row in book[items].iter_rows(min_row=2) for cell in row]
    texts = [cell.value for cell in cells]
    assert {"=1+F1", "=HYPERLINK(1)", "测试员", "王师傅", 1500} <= set(texts)
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}, "no formula"


@pytest.mark.parametrize("broken", ["neither", "the cells' own", "the workbook's"])
def test_each_guard_alone_keeps_the_budget_file_from_calculating(
    yard: Store, admin: Actor, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text is written as text, and the workbook takes none for a formula, a link or a number: either is enough."""
    room.plan_replacement(yard, admin, "d", "F1", 1, year=2028, reason="=HYPERLINK(1)", cost_cents=1500_00)
    now = NOW.astimezone(yard.zone("d"))
    names = {"grids": {"g3": "http://example.org/"}, "people": {"wang": "12"}}
    sheets = replacement.book_of(replacement_review(yard, admin, "d", now=now), names, now)
    if broken == "the cells' own":
        monkeypatch.setattr(Worksheet, "write_string", Worksheet.write)
    elif broken == "the workbook's":
        made = xlsxwriter.Workbook
        monkeypatch.setattr(xlsxwriter, "Workbook", lambda file, _options: made(file, {"in_memory": True}))
    book = load_workbook(BytesIO(spreadsheets.book(sheets)))
    cells = [cell for page in book for row in page.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert {"=1+F1", "=HYPERLINK(1)", "http://example.org/", "12"} <= {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} == {"s"}
    assert not [cell for cell in cells if cell.hyperlink]


def test_the_file_is_on_record(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    from repository import audit

    now = NOW.astimezone(yard.zone("d"))
    review = replacement_review(yard, admin, "d", now=now)
    view = type("View", (), {"community_id": "d", "now": now})()

    replacement._budget(review, {"grids": {}, "people": {}}, view, yard, admin)

    entries = audit.trail(yard, admin, "d", audit.Search())
    assert any("facilities" in repr(entry) and "xlsx" in repr(entry) for entry in entries)
