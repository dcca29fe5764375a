"""Registers and sheets: what a row says, what a search finds, which record a selection means, and that no cell of a
downloaded sheet runs."""

import csv
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import spreadsheets, tables
from dashboard.i18n import speaking
from repository import audit
from repository.access import Actor, Refused, Role
from repository.facilities import Category, Condition, Facility
from repository.maintenance import WorkOrder
from repository.record import Flag, Precision
from repository.store import Store

SHANGHAI = ZoneInfo("Asia/Shanghai")
NAMES = {"grids": {"g1": "3 号网格"}, "people": {"p1": "李建国"}, "facilities": {"f1": "单杠"}}


def facility(**more: Any) -> Facility:
    facts: dict[str, Any] = {"community_id": "c", "code": "F-1", "name": "单杠", "category": Category.FITNESS}
    return Facility(**{**facts, **more})


def order(**more: Any) -> WorkOrder:
    facts: dict[str, Any] = {
        "community_id": "c",
        "number": "W-1",
        "fault": "loose",
        "reported_at": datetime(2026, 4, 1, 17, 5, tzinfo=UTC),
    }
    return WorkOrder(**{**facts, **more})


# --- rows -------------------------------------------------------------------------------------------------------------
def test_a_row_reads_as_people_read() -> None:
    record = facility(
        kind="horizontal_bar",
        grid_id="g1",
        responsible_id="gone",
        condition=Condition.POOR,
        replacement_cost_cents=123_45,
        installed_on=date(2015, 1, 1),
        installed_precision=Precision.YEAR,
        renewed_on=date(2020, 5, 1),
        renewed_precision=Precision.MONTH,
    )
    with speaking("en"):
        (row,) = tables.rows_of([record], names=NAMES, zone=SHANGHAI)
    assert row["Kind"] == "Horizontal bar"
    assert row["Grid"] == "3 号网格"
    assert row["Responsible person"] == "gone", "an id nobody can name is shown rather than hidden"
    assert row["Replacement cost (yuan)"] == 123.45
    assert row["Installed on"] == "2015", "no more of a date than is known"
    assert row["Renewed on"] == "2020-05"
    assert "Details" not in row
    assert "Doubts" not in row


def test_moments_stand_on_the_communitys_clock_and_doubts_are_shown() -> None:
    doubtful = order(ended_at=datetime(2026, 3, 1, tzinfo=UTC), flags=(Flag.ENDED_BEFORE_REPORTED,))
    with speaking("en"):
        rows = tables.rows_of([order(), doubtful], names=NAMES, zone=SHANGHAI)
    assert rows[0]["Reported at"] == datetime(2026, 4, 2, 1, 5)  # noqa: DTZ001 (a cell has no zone)
    assert [row["Doubts"] for row in rows] == [None, "Ended before it was reported"]
    assert rows[0]["Fault"] == "Loose"
    assert rows[0]["Dangerous"] == "No"


def test_columns_pick_and_order_computed_ones_too() -> None:
    with speaking("en"):
        (row,) = tables.rows_of(
            [facility()],
            columns=["name", "Age", "code"],
            more={"Age": lambda _: 11, "Last": lambda _: 1},
            zone=SHANGHAI,
        )
    assert list(row) == ["Name", "Age", "Code", "Last"]


def test_a_search_finds_any_shown_text_whatever_its_case_or_width() -> None:
    rows = [
        {"name": "北门 Gate", "on": date(2026, 4, 2), "cost": 12.5},
        {"name": "南门", "on": None, "cost": None},
    ]
    assert tables.matching(rows, "") == [0, 1]
    assert tables.matching(rows, "ＧＡＴＥ 北") == [0]
    assert tables.matching(rows, "2026-04") == [0]
    assert tables.matching(rows, "12.5") == [0]
    assert tables.matching(rows, "门") == [0, 1]
    assert tables.matching(rows, "南 北") == []


# --- the register -----------------------------------------------------------------------------------------------------
def page(n: int, total: str | None = None) -> None:
    import streamlit as st

    from dashboard import tables
    from repository.facilities import Category, Facility

    st.session_state.setdefault("lang", "en")
    rows = [
        Facility(id=f"f{i}", community_id="c", code=f"F-{i}", name=f"Bar {i}", category=Category.FITNESS)
        for i in range(n)
    ]
    st.session_state["picked"] = tables.register(Facility, rows, key="register", total=total)


def run(n: int, total: str | None = None) -> AppTest:
    at = AppTest.from_function(page, args=(n, total)).run()
    assert not at.exception
    return at


def pick(at: AppTest, ids: list[str], row: int) -> str | None:
    at.session_state[tables.selection_key("register", ids)] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    at.run()
    assert not at.exception
    return at.session_state["picked"]


def test_a_selection_gives_the_records_id() -> None:
    at = run(3)
    assert at.session_state["picked"] is None
    assert list(at.dataframe[0].value["Code"]) == ["F-0", "F-1", "F-2"]
    assert "Site" not in at.dataframe[0].value, "a column in which nothing stands takes no room"
    assert pick(at, ["f0", "f1", "f2"], 1) == "f1"


def test_a_selection_does_not_slip_to_another_record_when_the_rows_change() -> None:
    at = run(3)
    assert pick(at, ["f0", "f1", "f2"], 0) == "f0"
    at.text_input(key="register-search").set_value("bar 2").run()
    assert list(at.dataframe[0].value["Code"]) == ["F-2"]
    assert at.session_state["picked"] is None
    assert pick(at, ["f2"], 0) == "f2"


def test_an_empty_register_and_a_search_without_hits_say_so() -> None:
    at = run(0)
    assert not at.dataframe
    assert "nothing here yet" in at.caption[-1].value
    at = run(2)
    at.text_input(key="register-search").set_value("*zzz*").run()
    assert not at.dataframe
    assert r"\*zzz\*" in at.caption[-1].value


def test_more_than_a_page_comes_in_pages_and_says_how_many_there_are() -> None:
    at = run(1203, total="5,000")
    assert len(at.dataframe[0].value) == 1000
    assert any("1,000 of 5,000" in caption.value for caption in at.caption)
    at.session_state["register-page"] = 2
    at.run()
    assert list(at.dataframe[0].value["Code"])[0] == "F-1000"
    assert len(at.dataframe[0].value) == 203


# --- sheets -----------------------------------------------------------------------------------------------------------
FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    "-2+3 cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_csv_never_runs(text: str) -> None:
    written = spreadsheets.csv_sheet([{text: text}]).decode("utf-8-sig")
    heading, cell = (row[0] for row in csv.reader(io.StringIO(written, newline="")))
    assert cell == heading == "'" + text


@pytest.mark.parametrize("text", ["-5", "-12.50", "-1,234", "-3%", "单杠", "", "a=b", "'x"])
def test_csv_leaves_plain_text_and_negative_numbers(text: str) -> None:
    assert spreadsheets.harmless(text) == text


def test_csv_opens_in_excel_with_its_chinese() -> None:
    data = spreadsheets.csv_sheet(
        [{"名称": "单杠, 3 号", "费用（元）": -12.5, "日期": date(2026, 4, 2), "空": None}],
        ["名称", "费用（元）", "日期", "空"],
    )
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows == [["名称", "费用（元）", "日期", "空"], ["单杠, 3 号", "-12.5", "2026-04-02", ""]]


def test_a_sheet_keeps_text_as_text_and_kinds_as_kinds() -> None:
    moment = datetime(2026, 4, 2, 16, 30)  # noqa: DTZ001
    row = {
        "text": '=HYPERLINK("http://x")',
        "link": "http://example.org",
        "digits": "00123",
        "cost": -12.5,
        "count": 3,
        "on": date(2026, 4, 2),
        "at": moment,
        "old": date(1850, 1, 1),
        "none": None,
        "nan": float("nan"),
    }
    book = openpyxl.load_workbook(io.BytesIO(spreadsheets.sheet([row], title="工单: [2026/4] " + "长" * 40)))
    page = book.active
    cells = {heading.value: page.cell(2, heading.column) for heading in page[1]}
    assert cells["text"].value == '=HYPERLINK("http://x")'
    assert cells["text"].data_type == "s", "a string, not a formula"
    assert cells["link"].hyperlink is None
    assert cells["digits"].value == "00123"
    assert (cells["cost"].value, cells["count"].value) == (-12.5, 3)
    assert cells["on"].value == datetime(2026, 4, 2)  # noqa: DTZ001
    assert cells["at"].value == moment
    assert cells["old"].value == "1850-01-01", "Excel has no days before 1900"
    assert cells["none"].value is None
    assert cells["nan"].value is None
    assert page.freeze_panes == "A2"


def test_sheets_of_nothing_open() -> None:
    assert openpyxl.load_workbook(io.BytesIO(spreadsheets.sheet([]))).active.max_row == 1
    assert spreadsheets.csv_sheet([]).decode("utf-8-sig").strip() == ""


@given(st.text(max_size=30))
def test_no_text_whatever_begins_a_formula_in_csv(text: str) -> None:
    safe = spreadsheets.harmless(text)
    assert safe.lstrip("'") == text.lstrip("'") or safe == text
    first = safe.lstrip()[:1]
    if first and first in "=+@＝＋－＠":
        pytest.fail(f"{safe!r} runs")
    if first == "-":
        assert float(safe.rstrip("%").replace(",", "").replace(".", "", max(0, safe.count(".") - 1))) <= 0


# --- what is taken away is on record
def test_a_registers_rows_are_on_record_when_they_are_taken(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an export of the same records is; nothing is handed out that could not be entered."""
    offered: list[Any] = []
    monkeypatch.setattr(tables, "download", lambda rows, **how: offered.append((rows, how["title"], how["of"])))
    run(3)
    ((rows, title, of),) = offered
    assert of == ("facilities", "c")

    for form in ("xlsx", "csv"):
        assert tables._taken(rows, form, title, of, store, admin)
    assert tables._taken([{"n": 1}], "csv", "figures", None, store, admin)
    entries = audit.trail(store, admin, "c", audit.Search(operation="export"))
    assert [(entry.actor, entry.collection, entry.after) for entry in entries] == [
        (admin.name, "facilities", {"rows": 3, "form": form}) for form in ("csv", "xlsx")
    ]
    elsewhere = Actor("e", "E", Role.EDITOR, communities=frozenset({"E"}))
    with pytest.raises(Refused):
        tables._taken(rows, "csv", title, of, store, elsewhere)


def test_the_operations_of_the_trail_have_words() -> None:
    """Every word that a write notes, as the sources have it."""
    from dashboard import trail

    noted = set()
    for path in Path(trail.__file__).parents[1].joinpath("repository").rglob("*.py"):
        noted |= set(re.findall(r'\.note\(\s*"(\w+)"', path.read_text("utf-8")))
    assert {"restore", "recount", "backup", "export"} <= noted
    assert noted <= set(trail.OPERATIONS)
