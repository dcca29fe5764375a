"""Sheets to records: reading, mapping, judging, one batch, undo, crashes. Counters are checked by recount."""

import io
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.read_concern import ReadConcern

from dashboard.i18n import translator
from repository import importer, recount, rollups
from repository.access import Actor, Refused, Role
from repository.activities import Activity, Attendance
from repository.facilities import Category, Facility, FitnessDetails
from repository.grids import Community, Grid
from repository.hazards import Hazard
from repository.importer import Column, Mapping, Preview, Sheet, mapping
from repository.importer.flight import Flight
from repository.importer.mapping import DayRead, References, Unreadable, fields_of, reader
from repository.importer.preparing import SHOWN, Spool
from repository.importer.sheets import from_serial, guarded, write_xlsx
from repository.maintenance import Outcome, Status, WorkOrder
from repository.people import Person
from repository.record import RECORDS, Flag, Precision, Record
from repository.requests import Request
from repository.store import DURABLE, OutcomeUnknown, Store, Unavailable, Write
from repository.words import Trouble
from tests.conftest import once

LANGUAGES = [translator("zh"), translator("en")]
SHANGHAI = ZoneInfo("Asia/Shanghai")
C = "c1"


@pytest.fixture(autouse=True)
@once
def community(store: Store, admin: Actor) -> None:
    for id, name in ((C, "D社区"), ("c2", "邻社区")):
        store.insert(admin, Community(id=id, community_id=id, code=id, name=name))


def sheet(text: str, name: str = "台账.csv") -> Sheet:
    return Sheet(textwrap.dedent(text).strip().encode(), name)


def look(
    store: Store, actor: Actor, of: Sheet, record: type[Record] = WorkOrder, mapping: Mapping | None = None, **more: Any
) -> Preview:
    found = mapping or importer.propose(record, of, LANGUAGES)
    return importer.preview(store, actor, C, of, found.model_copy(update=more), languages=LANGUAGES)


def bring(store: Store, actor: Actor, of: Sheet, record: type[Record] = WorkOrder, **more: Any) -> Any:
    return importer.commit(store, actor, look(store, actor, of, record, **more), replacing=True, patience=0)


def rows(store: Store, actor: Actor, record: type[Any] = WorkOrder) -> list[Any]:
    return store.find(actor, record, C, sort=[("_id", 1)])


def exact(store: Store, actor: Actor) -> None:
    assert recount.check(store, actor, C) == []


ORDERS = """
    工单号,故障,类别,网格,状态,报修时间,完成时间,费用
    A1,松动,健身器材,一网格,已办结,2026/3/1 8:00,2026-03-02 9:30,"1,234.50"
    A2,漏水,物业管理,二网格,待修,2026年3月5日 14时20分,,
    A3,破洞,其它怪事,一网格,已办结,2026-03-06 10:00,2026-03-05 10:00,80
"""


# --- reading files
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_are_found(encoding: str) -> None:
    found = Sheet("编号,名称\nF-1,漫步机\n".encode(encoding), "设施.csv")
    assert found.columns == ("编号", "名称")
    assert [row.cells for row in found.rows()] == [("F-1", "漫步机")]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters_are_found(mark: str) -> None:
    text = "\n".join(
        mark.join(cells) for cells in (["编号", "名称", "备注"], ["1", '"甲,乙;丙"', "丁"], ["2", "戊", ""])
    )
    found = Sheet(text.encode(), "x.csv")
    assert found.columns == ("编号", "名称", "备注")
    assert [row.cells[1] for row in found.rows()] == ["甲,乙;丙", "戊"]


def test_title_empty_and_repeated_headers_rows_as_a_spreadsheet_counts_them() -> None:
    found = sheet(
        """
        D社区设施台账,,,
        编号,名称,,名称
        ※ 必填,说明,,
        F1,甲,x,乙

        F2,"丙
        丁",,
        F3,a,b,c,surplus
        """
    )
    assert found.header_row == 2
    assert found.columns == ("编号", "名称", "(C)", "名称 (2)")
    assert [(row.number, row.surplus) for row in found.rows()] == [(4, False), (6, False), (7, True)]


@pytest.mark.parametrize("header", ["," * 50_000 + "x", ",".join(["a"] * 50_000)], ids=["empty", "repeated"])
def test_too_many_columns_cost_nothing(header: str) -> None:
    began = time.process_time()
    with pytest.raises(importer.BadSheet, match="200"):
        Sheet(f"{header}\n1\n".encode(), "x.csv")
    assert time.process_time() - began < 2
    assert Sheet((",".join(["a"] * 200) + ",,\n1\n").encode(), "x.csv").columns[-1] == "a (200)"


def test_a_file_that_is_no_sheet_says_so() -> None:
    for content, name in (
        (b"\x00\x01\x02" * 50, "x.csv"),
        (b"PK\x03\x04junk", "x.xlsx"),
        (b"", "x.csv"),
        (b" ", "y.xlsx"),
    ):
        with pytest.raises(importer.BadSheet):
            Sheet(content, name)


def excel(rows: list[list[Any]], title: str = "设施") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for cells in rows:
        book.active.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_excel_cells_keep_their_types() -> None:
    content = excel(
        [["编号", "安装日期", "费用"], [12.0, datetime(2020, 5, 1), 19.99], [None, None, None], ["F2", 1998, 3]]  # noqa: DTZ001
    )
    found = Sheet(content, "x.xlsx")
    assert found.names == ("设施",)
    assert [(row.number, row.cells) for row in found.rows()] == [
        (2, (12, datetime(2020, 5, 1), 19.99)),  # noqa: DTZ001
        (4, ("F2", 1998, 3)),
    ]


def _zip(parts: dict[str, bytes], base: bytes | None = None) -> bytes:
    file = io.BytesIO(base or excel([["a"], ["1"]]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _zip({"xl/vbaProject.bin": b"x"}),
        _zip({"../outside.xml": b"<x/>"}),
        _zip({"xl/bomb.xml": b"<x>" + b" " * (20 * 2**20)}),
        _zip({"xl/evil.xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'}),
        _zip({"xl/far.xml": b"<!--" + b" " * 5000 + b"--><!DOCTYPE x [<!ELEMENT a ANY>]><x/>"}),
        _zip(
            {
                "xl/wide.XML": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ELEMENT a ANY>]><x/>'.encode(
                    "utf-16"
                )
            }
        ),
        _zip({"xl/late.xml": b"<!--" + random.Random(1).randbytes(700_000).hex().encode() + b"--><x/>"}),
        b"PK\x03\x04" + b"0" * (11 * 2**20),
        _zip({f"xl/p{n}.xml": b"" for n in range(2001)}),
    ],
    ids=[
        "macros",
        "outside",
        "bomb",
        "doctype",
        "behind a comment",
        "in UTF-16",
        "no end of comment",
        "large",
        "parts",
    ],
)
def test_harmful_excel_files_stay_closed(content: bytes) -> None:
    with pytest.raises(importer.BadSheet):
        Sheet(content, "x.xlsx")


def test_text_never_becomes_a_formula() -> None:
    """OWASP ASVS v5.0.0-1.2.10"""
    for text in ("=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1", "－1", "＋1", "＠x", "\r=1", "\x00="):
        assert guarded(text).startswith("'")
    assert guarded("普通") == "普通"
    file = io.BytesIO()
    write_xlsx(file, "x", ["=a"], [["=1+1"], ["http://x"]])
    book = openpyxl.load_workbook(io.BytesIO(file.getvalue()))
    assert [cell.data_type for (cell,) in book.active.iter_rows()] == ["s", "s", "s"]


# --- from cells to values
def value(record: type[Record], field: str, cell: Any, zone: ZoneInfo = SHANGHAI, **column: Any) -> Any:
    read = reader(
        fields_of(record)[field],
        Column(header="x", **column),
        zone=zone,
        languages=LANGUAGES,
        references=References(lambda _: iter(())),
        new_id=None,
        epoch=None,
    )
    return read(cell)


@pytest.mark.parametrize(
    ("cell", "pattern", "day", "precision"),
    [
        ("2026-04-02", None, date(2026, 4, 2), Precision.DAY),
        ("2026/4/2", None, date(2026, 4, 2), Precision.DAY),
        ("2026.4.2", None, date(2026, 4, 2), Precision.DAY),
        ("2026年4月2日", None, date(2026, 4, 2), Precision.DAY),
        ("２０２６年４月２日", None, date(2026, 4, 2), Precision.DAY),
        ("20260402", None, date(2026, 4, 2), Precision.DAY),
        (20260402, None, date(2026, 4, 2), Precision.DAY),
        (46114, None, date(2026, 4, 2), Precision.DAY),
        (datetime(2026, 4, 2), None, date(2026, 4, 2), Precision.DAY),  # noqa: DTZ001
        ("2026-4", None, date(2026, 4, 1), Precision.MONTH),
        ("2026年4月", None, date(2026, 4, 1), Precision.MONTH),
        ("1998", None, date(1998, 1, 1), Precision.YEAR),
        (1998, None, date(1998, 1, 1), Precision.YEAR),
        ("1998年", None, date(1998, 1, 1), Precision.YEAR),
        ("1998", "%Y", date(1998, 1, 1), Precision.YEAR),
        ("04/02/2026", "%m/%d/%Y", date(2026, 4, 2), Precision.DAY),
        ("2021-7", "%Y-%m", date(2021, 7, 1), Precision.MONTH),
    ],
)
def test_days(cell: Any, pattern: str | None, day: date, precision: Precision) -> None:
    assert value(Facility, "installed_on", cell, format=pattern) == DayRead(day, precision)


@pytest.mark.parametrize("cell", ["4/2/2026", "2026-13-01", "2026-02-30", "昨天", "#N/A", "2026-04-02x", True])
def test_what_is_no_day_is_said_to_be_none(cell: Any) -> None:
    with pytest.raises(Unreadable):
        value(Facility, "installed_on", cell)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-04-02 16:30", "2026-04-02T08:30Z"),
        ("2026/4/2 16:30:15", "2026-04-02T08:30:15Z"),
        ("2026年4月2日 下午4:30", "2026-04-02T08:30Z"),
        ("2026年4月2日16时30分", "2026-04-02T08:30Z"),
        ("2026-04-02T16:30:00.250", "2026-04-02T08:30:00.250Z"),
        ("2026-04-02T16:30:00Z", "2026-04-02T16:30Z"),
        ("2026-04-02T16:30:00-0700", "2026-04-02T23:30Z"),
        ("2026-04-02 12:05 am", "2026-04-01T16:05Z"),
        (46114.6875, "2026-04-02T08:30Z"),
        (datetime(2026, 4, 2, 16, 30), "2026-04-02T08:30Z"),  # noqa: DTZ001
    ],
)
def test_moments_are_read_on_the_communitys_clock(cell: Any, moment: str) -> None:
    assert value(WorkOrder, "reported_at", cell) == datetime.fromisoformat(moment)


def test_clocks_that_jump() -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    skipped = value(WorkOrder, "reported_at", "2018-03-11 02:30", pacific)
    assert skipped.astimezone(UTC) == datetime(2018, 3, 11, 10, 30, tzinfo=UTC)  # the hour after
    twice = value(WorkOrder, "reported_at", "2018-11-04 01:30", pacific)
    assert twice.astimezone(UTC) == datetime(2018, 11, 4, 8, 30, tzinfo=UTC)  # the first


def test_seconds_since_1970() -> None:
    assert value(WorkOrder, "reported_at", "1500000000", format="unix") == datetime.fromtimestamp(1.5e9, UTC)


@given(st.integers(0, 10**10))
def test_yuan_become_fen_exactly(fen: int) -> None:
    yuan = Decimal(fen) / 100
    assert value(WorkOrder, "cost_cents", f"{yuan:,.2f}") == fen
    assert value(WorkOrder, "cost_cents", f"¥{yuan:.2f}元") == fen
    assert value(WorkOrder, "cost_cents", float(yuan)) == fen


def test_numbers() -> None:
    assert value(WorkOrder, "estimated_hours", "1,234.5") == 1234.5
    assert value(WorkOrder, "estimated_hours", "１２．５ 小时") == 12.5
    assert value(WorkOrder, "cost_cents", "12.3万元") == 12_300_000
    assert value(Activity, "headcount", "30人次") == 30
    assert value(Activity, "headcount", 30.0) == 30
    for field, cell in (
        ("headcount", "1,5"),
        ("headcount", "2.5"),
        ("spend_cents", "1.005"),
        ("headcount", "约30"),
        ("headcount", "#REF!"),
    ):
        with pytest.raises(Unreadable):
            value(Activity, field, cell)


def test_no_cell_breaks_off_the_import_of_the_others(store: Store, admin: Actor) -> None:
    """What an old system exports as nothing, what a spreadsheet makes of too much, a format that asks twice."""
    strange = [
        ["Z1", "松动", "0001-01-01 00:00:00", 1],
        ["Z2", "松动", "0001-01-01T00:00:00+08:00", 1],
        ["Z3", "松动", "9999-12-31T23:59:59-08:00", 1],
        ["Z4", "松动", "2026-03-01", 1e23],
        ["Z5", "松动", "2026-03-01", 12345],  # made endless below
        ["Z6", "松动", "2026-03-01", "9" * 400],
    ]
    content = excel([["工单号", "故障", "报修时间", "费用"], ["A1", "松动", "2026-03-01", 1], *strange])
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as plain, zipfile.ZipFile(file, "w") as endless:
        for part in plain.infolist():
            endless.writestr(part, plain.read(part).replace(b"<v>12345</v>", b"<v>1e999</v>"))
    seen = look(store, admin, Sheet(file.getvalue(), "怪.xlsx"))
    assert [problem.row for problem in seen.problems] == [3, 4, 5, 6, 7, 8]
    assert seen.write_rejected(io.BytesIO(), str) == 6
    batch = importer.commit(store, admin, seen, patience=0)
    assert (batch.new, batch.rejected) == (1, 6)
    exact(store, admin)
    column = {"reported_at": Column(header="报修时间", format="%Y-%m-%d %Y")}
    found = sheet("工单号,故障,报修时间\nA1,松动,2026-03-01\n")
    proposed = importer.propose(WorkOrder, found, LANGUAGES)
    seen = look(store, admin, found, mapping=proposed.model_copy(update={"columns": proposed.columns | column}))
    assert (seen.counts.rejected, seen.problems[0].column) == (1, "报修时间")


def test_words() -> None:
    assert [value(WorkOrder, "dangerous", cell) for cell in ("是", "否", "YES", "0", True)] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert value(WorkOrder, "priority", "紧急") == "urgent"
    assert value(WorkOrder, "priority", "Urgent") == "urgent"
    assert value(WorkOrder, "fault", "怪声") == "怪声"  # an open list keeps other words
    assert value(Grid, "sites", "公园；小区门口、广场") == ("公园", "小区门口", "广场")
    for field, cell in (("dangerous", "也许"), ("priority", "明天")):
        with pytest.raises(Unreadable):
            value(WorkOrder, field, cell)


# --- mappings
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("record", importer.sheet_records(), ids=lambda record: record.collection)
def test_a_template_maps_itself_and_its_explanations_are_no_row(record: type[Record], language: str) -> None:
    file = io.BytesIO()
    importer.template(record, file, translate=translator(language))
    empty = Sheet(file.getvalue(), "x.xlsx")
    found = importer.propose(record, empty, LANGUAGES)
    assert found.columns.keys() == fields_of(record).keys()
    assert len({column.header for column in found.columns.values()}) == len(found.columns)
    assert list(empty.rows()) == []


def test_headers_match_by_name_title_and_alias() -> None:
    found = importer.propose(
        Facility, sheet("code,设施名称,Category,安装年份,更换费用（元）,面积,没人知道\n1,2,3,4,5,6,7"), LANGUAGES
    )
    assert {name: column.header for name, column in found.columns.items()} == {
        "code": "code",
        "name": "设施名称",
        "category": "Category",
        "installed_on": "安装年份",
        "replacement_cost_cents": "更换费用（元）",
        "details.area_m2": "面积",
    }
    assert found.keys == ("code",)


def test_a_foreign_date_format_is_found_when_only_one_fits() -> None:
    lines = "工单号,故障,报修时间\n1,x,12/31/2017 11:59:58 PM\n2,x,1/2/2018 1:00:00 AM"
    assert importer.propose(WorkOrder, sheet(lines), LANGUAGES).columns["reported_at"].format == "%m/%d/%Y %I:%M:%S %p"
    either = "工单号,故障,报修时间\n1,x,01/02/2018"
    assert importer.propose(WorkOrder, sheet(either), LANGUAGES).columns["reported_at"].format is None


def test_a_mapping_that_fits_nothing_is_refused(store: Store, admin: Actor) -> None:
    for wrong in (
        {"record": "nonsense", "columns": {}},
        {"record": "work_orders", "columns": {"nonsense": {"header": "x"}}},
        {"record": "work_orders", "columns": {"number": {"header": "x", "constant": "y"}}},
        {"record": "work_orders", "columns": {}, "key": ["number"]},
        {"record": "work_orders", "columns": {}, "zone": "Mars/Olympus"},
        {"record": "work_orders", "columns": {"facility_id": {"header": "x"}}, "create_missing": ["facility_id"]},
    ):
        with pytest.raises(ValueError, match="validation error"):
            Mapping.model_validate(wrong)
    missing = Mapping(record="work_orders", columns={"number": Column(header="nowhere")})
    with pytest.raises(importer.BadMapping):
        look(store, admin, sheet(ORDERS), mapping=missing)


def test_mappings_are_saved_and_found_again(store: Store, admin: Actor) -> None:
    found = importer.propose(WorkOrder, sheet(ORDERS), LANGUAGES)
    importer.save_mapping(store, admin, C, "物业月报", found)
    changed = found.model_copy(update={"zone": "Asia/Tokyo"})
    importer.save_mapping(store, admin, C, "物业月报", changed)
    assert importer.saved_mappings(store, admin, C, "work_orders") == {"物业月报": changed}
    assert importer.saved_mappings(store, admin, "c2", "work_orders") == {}


# --- the preview
def test_a_preview_names_every_problem_and_writes_nothing(store: Store, admin: Actor) -> None:
    before = {name: store.db[name].count_documents({}) for name in store.db.list_collection_names()}
    found = look(
        store,
        admin,
        sheet(
            """
            工单号,故障,网格,状态,报修时间,完成时间,费用
            A1,松动,一网格,已办结,2026-03-01,2026-03-02,10
            A2,松动,一网格,乱写,2026-03-01,,10
            ,,一网格,待修,不知道,,1.005
            A3,松动,一网格,已办结,2026-03-02,2026-03-01,10
            A1,断裂,一网格,待修,2026-03-01,,
            A1,松动,一网格,已办结,2026-03-01,2026-03-02,10
            A9,松动,无此网格,待修,2026-03-01,,
            """
        ),
        create_missing=("grid_id",),
    )
    assert vars(found.counts) == {
        "rows": 7, "new": 3, "changed": 0, "unchanged": 1, "flagged": 1, "rejected": 3, "removed": 0, "made": 2,
    }  # fmt: skip
    assert [(p.row, p.column, p.level) for p in found.problems] == [
        (3, "状态", "rejected"),
        (4, "报修时间", "rejected"),
        (4, "费用", "rejected"),
        (4, "故障", "rejected"),
        (5, "完成时间", "flagged"),
        (6, "工单号", "rejected"),
        (7, "工单号", "note"),
    ]
    assert "乱写" in found.problems[0].message.say(LANGUAGES[0])
    assert list(found.all_problems()) == found.problems
    assert found.made == {"grids": ["一网格", "无此网格"]}
    assert {name: store.db[name].count_documents({}) for name in store.db.list_collection_names()} == before


def test_rejected_rows_can_be_taken_home(store: Store, admin: Actor) -> None:
    found = look(store, admin, sheet("工单号,故障,报修时间,额外\n=cmd(),松动,昨天,x\nA2,松动,2026-03-01,y"))
    file = io.BytesIO()
    assert found.write_rejected(file, LANGUAGES[1]) == 1
    kept = Sheet(file.getvalue(), "rejected.csv")
    assert kept.columns[:4] == ("工单号", "故障", "报修时间", "额外")
    assert "'=cmd()" in file.getvalue().decode("utf-8-sig")
    (row,) = kept.rows()
    assert row.cells[:5] == ("=cmd()", "松动", "昨天", "x", "2")
    assert "报修时间" in row.cells[5]
    good = kept.columns.index("报修时间")
    assert good == 2  # mend it there and bring the same file again


def test_what_lies_on_disk_is_read_by_several_at_once() -> None:
    spool = Spool()
    for n in range(20_000):
        spool.add({"n": n, "text": "x" * 50})
    for n, (one, other) in enumerate(zip(spool, spool, strict=True)):
        assert one["n"] == other["n"] == n
    spool.add({"n": 20_000})
    assert [document["n"] for document in spool] == list(range(20_001))


def test_problems_without_end_are_counted_and_the_first_kept(store: Store, admin: Actor) -> None:
    lines = "\n".join(f"A{n},松动,昨天" for n in range(SHOWN + 500))
    found = look(store, admin, sheet("工单号,故障,报修时间\n" + lines))
    assert (found.counts.rejected, len(found.problems)) == (SHOWN + 500, SHOWN)
    assert sum(1 for _ in found.all_problems()) == SHOWN + 500
    assert list(found.kinds.values()) == [SHOWN + 500]


# --- what a row becomes
def test_orders_agree_with_themselves(store: Store, admin: Actor) -> None:
    bring(
        store,
        admin,
        sheet(
            """
            工单号,故障,状态,结果,报修时间,完成时间
            A1,松动,,,2026-03-01,2026-03-02
            A2,松动,,,2026-03-01,
            A3,松动,不予受理,,2026-03-01,2026-03-01
            A4,松动,待修,完成,2026-03-01,2026-03-02
            A5,松动,已办结,,2026-03-01,
            A6,松动,已办结,转办,2026-03-01,2026-03-04
            """
        ),
    )
    found = {order.number: order for order in rows(store, admin)}
    assert [(o.status, o.outcome, o.is_open, o.ended_at is None, o.repair_seconds) for o in found.values()] == [
        (Status.CLOSED, Outcome.COMPLETED, False, False, 86400),
        (Status.REPORTED, None, True, True, None),
        (Status.REJECTED, Outcome.REJECTED, False, False, None),
        (Status.REPORTED, None, True, True, None),
        (Status.CLOSED, Outcome.COMPLETED, False, True, None),
        (Status.CLOSED, Outcome.REFERRED, False, False, None),
    ]
    exact(store, admin)


REPEATED = """
    工单号,故障,设施编号,状态,报修时间,完成时间
    R3,松动,F-1,待修,2026-03-20 8:00,
    R2,松动,F-1,已办结,2026-02-20 8:00,2026-03-01 8:00
    R4,松动,F-2,待修,2026-03-02 8:00,
    R5,其他,F-1,待修,2026-03-02 8:00,
    R6,异响,F-1,待修,2026-03-02 8:00,
    """


def test_what_a_sheet_reports_again_is_a_repeat_whatever_the_order_of_its_rows(store: Store, admin: Actor) -> None:
    for code in ("F-1", "F-2"):
        values = {"id": code, "community_id": C, "code": code, "name": "单杠", "category": Category.FITNESS}
        store.insert(admin, Facility(**values))
    for number, fault, ended in (("R1", "loose", 25), ("R0", "other", 25), ("R9", "noise", 1)):
        facts = {"fault": fault, "facility_id": "F-1", "status": Status.CLOSED, "outcome": Outcome.COMPLETED}
        moments = {"reported_at": datetime(2026, 1, 1, tzinfo=UTC), "ended_at": datetime(2026, 1, ended, tzinfo=UTC)}
        store.insert(admin, WorkOrder(id=number, community_id=C, number=number, **facts, **moments))
    batch = bring(store, admin, sheet(REPEATED))
    numbers = {order.id: order.number for order in rows(store, admin)}
    repeats = {order.number: numbers[order.repeat_of] for order in rows(store, admin) if order.repeat_of}
    assert repeats == {"R2": "R1", "R3": "R2"}
    exact(store, admin)
    assert look(store, admin, sheet(REPEATED)).does_nothing
    gone = importer.undo(store, admin, C, batch.id, patience=0)
    assert (gone.left, {order.number for order in rows(store, admin)}) == (0, {"R0", "R1", "R9"})
    exact(store, admin)


def test_an_order_that_lies_in_the_future_does_not_come_in(store: Store, admin: Actor) -> None:
    table = """
        工单号,故障,报修时间,期限,完成时间
        A1,松动,2026-03-01,2027-03-01,
        A2,松动,2027-03-01,,
        A3,松动,2026-03-01,,2027-03-02
        """
    found = look(store, admin, sheet(table))
    assert [(each.row, each.field) for each in found.problems] == [(3, "reported_at"), (4, "ended_at")]
    assert (found.counts.new, found.counts.rejected) == (1, 2)


def test_a_hazard_that_lies_in_the_future_does_not_come_in(store: Store, admin: Actor) -> None:
    table = """
        隐患内容,发现时间,整改期限,整改完成时间
        井盖松动,2026-03-01,2027-03-01,
        电线外露,2027-03-01,2027-03-05,
        护栏缺失,2026-03-01,2026-03-05,2027-03-02
        """
    found = look(store, admin, sheet(table), Hazard)
    assert [(each.row, each.field) for each in found.problems] == [(3, "found_at"), (4, "rectified_at")]
    assert (found.counts.new, found.counts.rejected) == (1, 2)


def test_what_a_sheet_puts_off_or_plays_down_is_on_record(store: Store, admin: Actor) -> None:
    """As what a person changes is: a clock is not cheated by way of a sheet."""
    table = (
        "隐患内容,地点,发现时间,整改期限,等级\n井盖松动,东门,2026-03-01,{}\n护栏缺失,河边,2026-03-01,2026-03-04,重大"
    )
    bring(store, admin, sheet(table.format("2026-03-05,重大"), "一.csv"), Hazard)
    bring(store, admin, sheet(table.format("2026-05-01,一般"), "二.csv"), Hazard)
    kept, put = sorted(rows(store, admin, Hazard), key=lambda each: each.deadline_on)
    assert (kept.events, kept.promised_on) == ((), None)
    assert (put.deadline_on, put.owed_on) == (date(2026, 5, 1), date(2026, 3, 5))
    (step,) = put.events
    assert (step.by, step.note, step.deadline_before, step.level_before) == (admin.name, "二.csv", put.owed_on, "major")
    orders = "工单号,故障,状态,报修时间,期限,完成时间\nA1,松动,待修,2026-03-01,{}\nA2,断裂,完工,2026-03-01,{}2026-03-02"
    bring(store, admin, sheet(orders.format("2026-03-04,", "2026-03-04,"), "三.csv"))
    bring(store, admin, sheet(orders.format("2026-04-20,", "2026-04-20,"), "四.csv"))
    first, over = sorted(rows(store, admin), key=lambda each: each.number)
    assert [each.due_before.date() for each in first.postponements] == [date(2026, 3, 3)], "midnight there"
    assert over.postponements == (), "the work is over"
    exact(store, admin)


def test_orders_without_a_number_get_one(store: Store, admin: Actor) -> None:
    text = "故障,报修时间\n松动,2026-03-01\n漏水,2026-03-02"
    batch = bring(store, admin, sheet("工单号,故障,报修时间\nW-00002,占用,2026-03-01", "a.csv"))
    assert batch.new == 1
    bring(store, admin, sheet(text))
    numbers = [order.number for order in rows(store, admin)]
    assert len(set(numbers)) == 3
    assert all(number.startswith("W-") for number in numbers)


def test_orders_without_a_number_are_recognised_in_a_corrected_sheet(store: Store, admin: Actor) -> None:
    text = """
    工单号,故障,状态,报修时间,完成时间
    A1,松动,待修,2026-03-01,
    ,漏水,待修,2026-03-02,2026-03-03
    ,漏水,待修,2026-03-02,2026-03-03
    """
    bring(store, admin, sheet(text))
    seen = look(store, admin, sheet(text.replace("松动", "断裂"), "台账 (1).csv"))
    assert (seen.counts.new, seen.counts.changed, seen.counts.unchanged) == (0, 1, 2)
    importer.commit(store, admin, seen, patience=0)
    more = look(store, admin, sheet(text + "    ,漏水,待修,2026-03-02,\n    ,漏水,待修,2026-03-02,"))
    assert (more.counts.new, more.counts.unchanged, more.counts.flagged) == (2, 2, 2)
    assert [(p.row, p.column) for p in more.problems if p.level == "flagged"] == [(5, "工单号"), (6, "工单号")]
    other = look(store, admin, sheet(text, "别处.csv"))  # two such orders may well have been reported twice
    assert (other.counts.new, other.counts.flagged) == (2, 0)
    assert importer.commit(store, admin, more, patience=0).flagged == 2
    exact(store, admin)


def test_pieces_of_an_embedded_value(store: Store, admin: Actor) -> None:
    text = """
    编号,名称,类别,面积,材质,车道数,position.longitude,position.latitude,安装年份
    F1,漫步机,健身器材,"1,200.5",铁,,105.4,28.8,1998
    F2,道闸,道闸,,,2,,,2020/5/1
    F3,道闸,道闸,12,,,,,
    """
    found = sheet(text)
    mapping = importer.propose(Facility, found, LANGUAGES)
    columns = {**mapping.columns, "details.material": Column(header="材质"), "details.lanes": Column(header="车道数")}
    mapping = mapping.model_copy(update={"columns": columns})
    seen = look(store, admin, found, Facility, mapping=mapping)
    assert [(p.row, p.column, p.level) for p in seen.problems] == [(4, "面积", "rejected")]
    importer.commit(store, admin, seen, patience=0)
    first, second = rows(store, admin, Facility)
    assert first.details == FitnessDetails(area_m2=1200.5, material="铁")
    assert (first.installed_on, first.installed_precision) == (date(1998, 1, 1), "year")
    assert first.position.longitude == 105.4
    assert second.details.lanes == 2
    again = look(store, admin, sheet(text.replace("1,200.5", "1300")), Facility, mapping=mapping)
    assert (again.counts.changed, again.counts.unchanged) == (1, 1)
    importer.commit(store, admin, again, patience=0)
    assert rows(store, admin, Facility)[0].details == FitnessDetails(area_m2=1300, material="铁")


def test_attendances_find_their_activity_by_name_and_day(store: Store, admin: Actor) -> None:
    bring(
        store,
        admin,
        sheet("活动名称,活动日期,活动形式\n广场舞,2026-03-01,讲座\n广场舞,2026-03-08,讲座\n义诊日,2026-03-09,义诊"),
        Activity,
    )
    text = """
    活动,日期,居民代码,年龄段,性别
    广场舞,2026-03-01,R1,60-74,女
    广场舞,2026-03-08,R1,60-74,女
    义诊日,,R2,老年,男
    广场舞,,R3,老年,男
    """
    batch = bring(store, admin, sheet(text, "签到.csv"), Attendance)
    assert (batch.new, batch.rejected) == (3, 1)
    assert sorted(str(a.held_on) for a in rows(store, admin, Attendance)) == ["2026-03-01", "2026-03-08", "2026-03-09"]
    exact(store, admin)
    assert store.db["monthly_counts"].count_documents({"community_id": C, "subject": "seen"}) == 2
    importer.undo(store, admin, C, batch.id, patience=0)
    assert rows(store, admin, Attendance) == []
    exact(store, admin)


def test_residents_come_in_under_their_codes_alone(store: Store, admin: Actor) -> None:
    bring(store, admin, sheet("活动名称,活动日期,活动形式\n义诊日,2026-03-09,义诊"), Activity)
    text = "活动,居民代码\n义诊日,r7k3q\n义诊日,R-7K3Q\n义诊日,R—9ACD\n义诊日,王小明\n义诊日,510503196001011234"
    preview = look(store, admin, sheet(text), Attendance)
    found = [(one.row, one.field) for one in preview.all_problems()]
    assert found == [(3, "activity_id"), (5, "resident"), (6, "resident")]
    importer.commit(store, admin, preview, patience=0)
    assert {one.resident for one in rows(store, admin, Attendance)} == {"R-7K3Q", "R-9ACD"}, "however they are written"
    note = "编号,诉求内容,受理日期,居民代码\n1,电梯停了,2026-03-09,13800138000\n2,停电了,2026-03-09,r7k3q"
    asked = bring(store, admin, sheet(note, "接待.csv"), Request)
    assert (asked.new, asked.rejected) == (1, 1)
    assert rows(store, admin, Request)[0].resident == "R-7K3Q"


def test_communities_come_in_as_rows_too(store: Store, admin: Actor) -> None:
    text = "社区代码,社区名称,户数\n510503001,护国社区,3034\nc2,邻社区,7"
    batch = bring(store, admin, sheet(text), Community)
    assert (batch.new, batch.changed) == (1, 1)
    found = {one["name"]: one for one in store.communities(admin)}
    assert found["护国社区"]["_id"] == store.db["communities"].find_one({"code": "510503001"})["community_id"]
    importer.undo(store, admin, C, batch.id, patience=0)
    assert [one["code"] for one in store.communities(admin)] == ["c1", "c2"]
    assert store.get(admin, Community, "c2", "c2").households == 0


# --- the same file, a corrected file, a file without a key
def test_the_same_file_again_changes_nothing(store: Store, admin: Actor) -> None:
    bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    before = list(store.db["work_orders"].find({}))
    again = look(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    assert again.does_nothing
    assert (again.counts.unchanged, again.same is not None) == (3, True)
    assert importer.commit(store, admin, again, patience=0) is None
    order = rows(store, admin)[0]
    store.update(admin, WorkOrder, C, order.id, order.revision, {"description": "有人改过"})
    assert look(store, admin, sheet(ORDERS), create_missing=("grid_id",)).does_nothing
    assert [row["_id"] for row in store.db["work_orders"].find({})] == [row["_id"] for row in before]
    assert rows(store, admin, Grid)[0].code == "一网格"


def test_a_corrected_file_updates_what_changed(store: Store, admin: Actor) -> None:
    bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    mended = ORDERS.replace("2026-03-05 10:00", "2026-03-07 10:00").replace('"1,234.50"', "")
    seen = look(store, admin, sheet(mended, "更正.csv"), create_missing=("grid_id",))
    assert (seen.counts.new, seen.counts.changed, seen.counts.unchanged, seen.counts.flagged) == (0, 2, 1, 0)
    assert {(change.name, change.field) for change in seen.changes} == {
        ("A1", "cost_cents"), ("A3", "ended_at"), ("A3", "repair_seconds"),
    }  # fmt: skip
    batch = importer.commit(store, admin, seen, patience=0)
    one, _, three = rows(store, admin)
    assert (one.cost_cents, one.revision, three.flags, three.repair_seconds) == (None, 2, (), 86400)
    assert one.batch_id != batch.id  # it still says who brought it
    exact(store, admin)
    importer.undo(store, admin, C, batch.id, patience=0)
    one, _, three = rows(store, admin)
    assert (one.cost_cents, three.flags) == (123450, (Flag.ENDED_BEFORE_REPORTED,))
    exact(store, admin)


def test_undo_of_one_import_after_the_other_leaves_nothing(store: Store, admin: Actor) -> None:
    first = bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    second = bring(store, admin, sheet(ORDERS.replace("松动", "断裂"), "更正.csv"), create_missing=("grid_id",))
    third = bring(store, admin, sheet(ORDERS.replace("松动", "异响"), "再更正.csv"), create_missing=("grid_id",))
    assert importer.undo(store, admin, C, third.id, patience=0).left == 0
    assert rows(store, admin)[0].fault == "broken"
    assert importer.undo(store, admin, C, second.id, patience=0).left == 0
    assert rows(store, admin)[0].fault == "loose"
    undone = importer.undo(store, admin, C, first.id, patience=0)
    assert (undone.left, rows(store, admin), rows(store, admin, Grid)) == (0, [], [])
    exact(store, admin)
    assert store.db[importer.LEDGER].count_documents({"kind": "remove"}) == 0
    with pytest.raises(importer.NotUndone):
        importer.undo(store, admin, C, first.id, patience=0)


ACTIVITIES = """
    活动名称,活动日期,活动形式,参加人次
    讲座甲,2026-03-01,讲座,30
    讲座甲,2026-03-01,讲座,30
    义诊,2026-03-08,义诊,
"""


def test_a_file_without_a_key_takes_its_own_place(store: Store, admin: Actor) -> None:
    first = bring(store, admin, sheet(ACTIVITIES), Activity)
    assert first.new == 3
    assert look(store, admin, sheet(ACTIVITIES, "别名.csv"), Activity).does_nothing
    other = bring(store, admin, sheet(ACTIVITIES.replace("讲座甲", "讲座乙"), "另一份.csv"), Activity)
    assert (other.new, other.removed) == (3, 0)
    seen = look(store, admin, sheet(ACTIVITIES.replace("30", "31"), "台账 (1).csv"), Activity)
    assert (seen.counts.new, seen.counts.removed, seen.replaces.id) == (3, 3, first.id)
    with pytest.raises(importer.Unconfirmed):
        importer.commit(store, admin, seen, patience=0)
    second = importer.commit(store, admin, seen, replacing=True, patience=0)
    assert sorted(str(a.headcount) for a in rows(store, admin, Activity)) == ["30", "30", "31", "31", "None", "None"]
    exact(store, admin)
    importer.undo(store, admin, C, second.id, patience=0)
    assert sorted(str(a.headcount) for a in rows(store, admin, Activity)) == ["30", "30", "30", "30", "None", "None"]
    exact(store, admin)
    standing = {batch.id: batch.status for batch in importer.batches(store, admin, C)}
    assert (standing[first.id], standing[second.id]) == ("committed", "undone")
    assert importer.undo(store, admin, C, first.id, patience=0).left == 0
    assert len(rows(store, admin, Activity)) == 3
    exact(store, admin)


def test_another_sheet_is_no_later_version(store: Store, admin: Actor) -> None:
    """Whether another year's file, or another sheet of the same book."""
    bring(store, admin, sheet(ACTIVITIES, "活动 (2024).csv"), Activity)
    seen = look(store, admin, sheet(ACTIVITIES.replace("30", "31"), "活动 (2025).csv"), Activity)
    assert (seen.replaces, seen.counts.removed) == (None, 0)
    book = openpyxl.Workbook()
    for title, count in (("一季度", 30), ("二季度", 31)):
        of = book.create_sheet(title)
        of.append(["活动名称", "活动日期", "活动形式", "参加人次"])
        of.append(["讲座", "2026-03-01", "讲座", count])
    del book["Sheet"]
    file = io.BytesIO()
    book.save(file)
    brought = bring(store, admin, Sheet(file.getvalue(), "台账.xlsx", sheet="一季度"), Activity)
    assert brought.source == "台账.xlsx › 一季度"
    assert look(store, admin, Sheet(file.getvalue(), "台账.xlsx", sheet="二季度"), Activity).replaces is None
    book["一季度"]["D2"] = 32
    file = io.BytesIO()
    book.save(file)
    again = look(store, admin, Sheet(file.getvalue(), "台账 (1).xlsx", sheet="一季度"), Activity)
    assert again.replaces is not None
    assert again.replaces.id == brought.id


def test_rows_edited_since_stay_when_their_file_is_replaced(store: Store, admin: Actor) -> None:
    bring(store, admin, sheet(ACTIVITIES), Activity)
    kept = rows(store, admin, Activity)[2]
    store.update(admin, Activity, C, kept.id, 1, {"headcount": 9})
    batch = bring(store, admin, sheet(ACTIVITIES.replace("30", "31")), Activity)
    assert (batch.new, batch.removed, batch.left) == (3, 2, 1)
    assert [(row.name, row.why) for row in batch.left_rows] == [("义诊", "edited")]
    assert len(rows(store, admin, Activity)) == 4
    exact(store, admin)


# --- undo
def test_undo_takes_back_what_nobody_edited_and_lists_the_rest(store: Store, admin: Actor) -> None:
    bystander = store.insert(
        admin, WorkOrder(community_id=C, number="M1", fault="x", reported_at=datetime(2026, 3, 1, tzinfo=UTC))
    )
    batch = bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    order = rows(store, admin)[1]
    store.update(admin, WorkOrder, C, order.id, 1, {"description": "有人改过"})
    undone = importer.undo(store, admin, C, batch.id, patience=0)
    assert (undone.removed, undone.left) == (3, 1)  # two orders, and the grid that only they named
    assert [(row.name, row.why, row.by) for row in undone.left_rows] == [(order.number, "edited", "测试员")]
    assert {row.number for row in rows(store, admin)} == {bystander.number, order.number}
    assert [grid.id for grid in rows(store, admin, Grid)] == [order.grid_id]
    exact(store, admin)
    entries = list(store.db["audit"].find({"record_id": {"$in": [batch.id, undone.id]}}))
    assert [entry["operation"] for entry in entries] == ["import", "undo"]


def test_undo_leaves_what_others_refer_to(store: Store, admin: Actor) -> None:
    batch = bring(store, admin, sheet("编号,名称,类别\nF1,漫步机,健身器材\nF2,单杠,健身器材"), Facility)
    used = rows(store, admin, Facility)[0]
    store.insert(
        admin,
        WorkOrder(
            community_id=C, number="M1", fault="x", facility_id=used.id, reported_at=datetime(2026, 3, 1, tzinfo=UTC)
        ),
    )
    undone = importer.undo(store, admin, C, batch.id, patience=0)
    assert [(row.name, row.why) for row in undone.left_rows] == [("漫步机", "in_use")]
    assert [facility.code for facility in rows(store, admin, Facility)] == ["F1"]


def test_a_row_changed_after_the_preview_is_left_as_it_is(store: Store, admin: Actor) -> None:
    bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    seen = look(store, admin, sheet(ORDERS.replace("松动", "断裂").replace("漏水", "断裂"), "b.csv"))
    order = rows(store, admin)[0]
    store.update(admin, WorkOrder, C, order.id, 1, {"description": "有人改过"})
    batch = importer.commit(store, admin, seen, patience=0)
    assert (batch.changed, [(row.name, row.why) for row in batch.left_rows]) == (1, [("A1", "edited")])
    assert [row.fault for row in rows(store, admin)] == ["loose", "broken", "破洞"]
    exact(store, admin)


def test_a_key_taken_after_the_preview_is_left_out(store: Store, admin: Actor) -> None:
    seen = look(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    mine = WorkOrder(community_id=C, number="A2", fault="x", reported_at=datetime(2026, 3, 1, tzinfo=UTC))
    store.insert(admin, mine)
    batch = importer.commit(store, admin, seen, patience=0)
    assert (batch.new, [(row.name, row.why) for row in batch.left_rows]) == (2, [("A2", "taken")])
    exact(store, admin)


def test_a_changed_key_that_is_anothers_is_left_out(store: Store, admin: Actor) -> None:
    """Sheets exported here find their records by id, so that a code can be changed: seen in the preview, or later."""
    bring(store, admin, sheet("编号,名称,类别\nF1,漫步机,健身器材\nF2,单杠,健身器材\nF3,双杠,健身器材"), Facility)
    ids = [facility.id for facility in rows(store, admin, Facility)]

    def coded(*codes: str) -> Sheet:
        return sheet("id,编号,名称\n" + "\n".join(f"{id},{code},新" for id, code in zip(ids, codes, strict=True)))

    seen = look(store, admin, coded("F2", "F9", "F9"), Facility)
    assert [(problem.row, problem.column) for problem in seen.problems] == [(2, "编号"), (4, "编号")]
    assert (seen.counts.changed, seen.counts.rejected) == (1, 2)
    seen = look(store, admin, coded("F7", "F8", "F3"), Facility)
    assert (seen.counts.changed, seen.problems) == (3, [])
    store.insert(admin, Facility(community_id=C, code="F7", name="先到", category="fitness"))
    batch = importer.commit(store, admin, seen, patience=0)
    assert (batch.changed, [(row.record_id, row.why) for row in batch.left_rows]) == (2, [(ids[0], "taken")])
    assert {facility.code for facility in rows(store, admin, Facility)} == {"F1", "F8", "F3", "F7"}
    store.insert(admin, Facility(community_id=C, code="F2", name="后到", category="fitness"))
    undone = importer.undo(store, admin, C, batch.id, patience=0)  # its old code is another's by now
    assert [(row.record_id, row.why) for row in undone.left_rows] == [(ids[1], "taken")]
    exact(store, admin)
    no_leftovers(store)


# --- who may
def test_who_may_import_what_and_where(store: Store, admin: Actor) -> None:
    mine = store.insert(admin, Grid(community_id=C, code="一网格", name="一网格"))
    store.insert(admin, Grid(community_id=C, code="二网格", name="二网格"))
    for role in (Role.VIEWER, Role.GRID_WORKER):
        with pytest.raises(Refused):
            look(store, Actor("x", "x", role), sheet(ORDERS))
    manager = Actor("x", "x", Role.FACILITY_MANAGER)
    with pytest.raises(Refused):
        look(store, manager, sheet(ORDERS), create_missing=("grid_id",))
    with pytest.raises(Refused):
        look(store, manager, sheet(ACTIVITIES), Activity)
    with pytest.raises(Refused):
        look(store, Actor("x", "x", Role.ADMIN, communities=frozenset({"c2"})), sheet(ORDERS))
    narrow = Actor("x", "x", Role.FACILITY_MANAGER, grids=frozenset({mine.id}))
    seen = look(store, narrow, sheet(ORDERS))
    assert (seen.counts.new, [(p.row, p.column) for p in seen.problems if p.level == "rejected"]) == (2, [(3, "网格")])
    bring(store, admin, sheet(ORDERS))
    moved = look(store, narrow, sheet(ORDERS.replace("二网格", "一网格"), "b.csv"))
    assert (moved.counts.changed, moved.counts.rejected) == (0, 1)  # not out of another grid either
    batch = importer.batches(store, admin, C)[0]
    with pytest.raises(Refused):  # as a whole, or not by them
        importer.undo(store, narrow, C, batch.id, patience=0)
    assert len(rows(store, admin)) == 3
    exact(store, admin)


def test_a_later_version_of_a_file_takes_the_place_of_the_rows_in_charge_only(store: Store, admin: Actor) -> None:
    """No column tells the rows apart; of the earlier import, those of other grids stay and are named by their ids."""
    mine = store.insert(admin, Grid(community_id=C, code="一网格", name="一网格"))
    theirs = store.insert(admin, Grid(community_id=C, code="二网格", name="二网格"))
    text = "活动名称,日期,形式,网格\n讲座,2026-03-01,讲座,一网格\n义诊,2026-03-02,义诊,二网格"
    bring(store, admin, sheet(text, "活动.csv"), Activity)
    narrow = Actor("x", "x", Role.EDITOR, grids=frozenset({mine.id}))
    seen = look(store, narrow, sheet("活动名称,日期,形式,网格\n大讲座,2026-03-01,讲座,一网格", "活动.csv"), Activity)
    batch = importer.commit(store, narrow, seen, replacing=True, patience=0)
    assert batch is not None
    (left,) = batch.left_rows
    assert (left.why, left.name, left.grid_id) == ("elsewhere", left.record_id, theirs.id)
    assert sorted(row.name for row in rows(store, admin, Activity)) == ["义诊", "大讲座"]
    exact(store, admin)


# --- all or nothing
class Died(BaseException):
    """The process is gone: nothing it would do afterwards happens."""


class Mortal(Store):
    """A store whose process dies at its n-th use of a collection."""

    def __init__(self, of: Store, lives: float) -> None:
        super().__init__(of.client, of.db.name, of.clock)
        self.calls = 0
        self.lives = lives
        real = self.db
        store = self

        class Database:
            def __getitem__(self, name: str) -> Any:
                store.calls += 1
                if store.calls > store.lives:
                    raise Died
                return real[name]

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

        self.db = Database()  # type: ignore[assignment]


def state(store: Store) -> dict[str, list[Any]]:
    """What readers see, without times and ids."""
    fresh = Store(store.client, store.db.name, store.clock)
    skip = {"updated_at", "created_at", "batch_id", "_id", "grid_id"}
    return {
        record.collection: sorted(
            repr(sorted((k, v) for k, v in row.items() if k not in skip))
            for row in fresh.documents(record, {"community_id": C})
        )
        for record in (WorkOrder, Grid, Activity)
    } | {
        "counters": sorted(
            repr((row["_id"], sorted(rollups.flat(row))))
            for row in fresh.db["monthly_counts"].find({"community_id": C, "subject": {"$ne": "writes"}})
            if any(rollups.flat(row))  # empty ones may be made ahead
        )
    }


def no_leftovers(store: Store) -> None:
    for record in (WorkOrder, Grid, Activity):
        assert store.db[record.collection].count_documents({"_before": {"$exists": True}}) == 0
    batches = list(store.db["import_batches"].find({}))
    assert not [one for one in batches if one.get("in_flight") or one.get("running") or one["kind"] == "removal"]


@pytest.mark.parametrize("seed", range(12))
def test_an_import_that_dies_anywhere_is_all_or_nothing(store: Store, admin: Actor, seed: int) -> None:
    """An import that adds, changes and makes a grid, killed at a random use of the database."""
    bring(store, admin, sheet(ORDERS, "a.csv"), create_missing=("grid_id",))
    lines = "".join(
        f"    B{n},松动,,三网格,已办结,2026-02-{n % 28 + 1:02d} 8:00,2026-03-01 9:00,{n}\n" for n in range(30)
    )
    more = sheet(ORDERS.replace("松动", "断裂") + lines, "b.csv")
    calls = _calls(store, lambda mortal: importer.commit(mortal, admin, look(store, admin, more), patience=0))
    importer.undo(store, admin, C, importer.batches(store, admin, C)[0].id, patience=0)
    before = state(store)
    seen = look(store, admin, more, create_missing=("grid_id",))
    lives = random.Random(seed).randrange(1, calls + 1)
    with pytest.raises(Died):
        importer.commit(Mortal(store, lives), admin, seen, patience=0)
    exact(store, admin)  # also while its leavings lie about
    importer.recover(store, stale=timedelta(0))
    after = state(store)
    if len(after["work_orders"]) == 3:
        assert after["work_orders"] == before["work_orders"]
        assert after["grids"] == before["grids"]
    else:
        assert len(after["work_orders"]) == 33
        assert len(after["grids"]) == 3
        assert sum("broken" in row for row in after["work_orders"]) == 1
    exact(store, admin)
    no_leftovers(store)


@pytest.mark.parametrize("seed", range(12))
def test_an_undo_that_dies_anywhere_is_all_or_nothing(store: Store, admin: Actor, seed: int) -> None:
    """Undo of a batch that had taken an earlier one's place: rows go, and rows come back."""
    bring(store, admin, sheet(ACTIVITIES), Activity)
    batch = bring(store, admin, sheet(ACTIVITIES.replace("30", "31").replace("义诊", "义诊义诊")), Activity)
    whole = state(store)["activities"]
    try:
        importer.undo(Mortal(store, 4 + 4 * seed), admin, C, batch.id, patience=0)
    except Died:
        importer.recover(store, stale=timedelta(0))
    found = state(store)["activities"]
    assert found == whole or (len(found) == 3 and not any("31" in row for row in found))
    exact(store, admin)
    no_leftovers(store)


def _calls(store: Store, job: Callable[[Store], object]) -> int:
    mortal = Mortal(store, float("inf"))
    job(mortal)
    return mortal.calls


def test_trouble_on_the_way_rolls_back_at_once(store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    before = state(store)

    def interrupted(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importer.commit(store, admin, seen, progress=interrupted, patience=0)
    assert state(store) == before
    no_leftovers(store)
    exact(store, admin)


def test_readers_see_all_or_nothing_while_it_is_written(store: Store, admin: Actor) -> None:
    bring(store, admin, sheet(ORDERS, "a.csv"), create_missing=("grid_id",))
    more = ORDERS.replace("松动", "断裂") + "    B1,松动,健身器材,三网格,待修,2026-03-09 8:00,,"
    seen = look(store, admin, sheet(more, "b.csv"), create_missing=("grid_id",))
    before = state(store)
    seen_inside = []
    order = rows(store, admin)[0]

    def inside(_done: int) -> None:
        seen_inside.append(state(store))
        assert store.db["work_orders"].count_documents({"community_id": C}) == 4  # it is there, for nobody to see
        other = Store(store.client, store.db.name, store.clock)
        assert recount.check(other, admin, C) == []
        with pytest.raises(Unavailable):
            recount.rebuild(other, admin, C)
        with pytest.raises(Unavailable):  # somebody edits the row that is being replaced
            other.update(admin, WorkOrder, C, order.id, order.revision, {"description": "x"})
        with pytest.raises(importer.Busy):
            importer.commit(other, admin, look(other, admin, sheet(ORDERS.replace("A", "Z"), "c.csv")), patience=0)
        with pytest.raises(importer.Busy):
            importer.undo(other, admin, C, importer.batches(other, admin, C)[-1].id, patience=0)

    importer.commit(store, admin, seen, progress=inside, patience=0)
    assert seen_inside == [before]
    assert state(store) != before
    exact(store, admin)
    recount.rebuild(store, admin, C)
    exact(store, admin)


@pytest.mark.parametrize("chunk", [1, 1000], ids=["in a chunk", "at the flip"])
def test_a_silent_process_that_wakes_up_writes_nothing(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """It was taken for dead and rolled back; nothing of it must slip in afterwards."""
    monkeypatch.setattr("repository.importer.batch.CHUNK", chunk)
    seen = look(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    before = state(store)

    def slept(done: int) -> None:
        assert importer.recover(store, stale=timedelta(0)) or done > chunk

    with pytest.raises(importer.Superseded):
        importer.commit(Store(store.client, store.db.name, store.clock), admin, seen, progress=slept, patience=0)
    assert state(store) == before
    exact(store, admin)
    no_leftovers(store)


@pytest.mark.parametrize("step", ["flip", "chunk"])
def test_a_commit_that_lands_late_is_waited_for(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The commit was sent, the server is silent just then, and does it a moment later: all of it counts, or none."""
    bring(store, admin, sheet(ORDERS, "a.csv"), create_missing=("grid_id",))
    seen = look(store, admin, sheet(ORDERS.replace("松动", "断裂").replace("A3", "B3"), "b.csv"))
    before, real, late = state(store), Store.write, []

    def write(self: Store, actor: Actor, work: Any, **how: Any) -> Any:
        name = getattr(work, "__qualname__", "") or work.func.__qualname__
        if step not in name or late:
            return real(self, actor, work, **how)
        session = self.client.start_session()
        session.start_transaction(ReadConcern("snapshot"), DURABLE)
        writing = Write(self, actor, session, None, self._standing(actor, session).mark)
        work(writing)
        writing._finish()
        late.append(threading.Timer(0.5, session.commit_transaction))
        late[0].start()
        raise OutcomeUnknown("the answer was lost")

    monkeypatch.setattr(Store, "write", write)
    if step == "flip":  # it had been sent, so it counts, whoever asks
        batch = importer.commit(store, admin, seen, patience=0)
        assert (batch.status, batch.new, batch.changed) == ("committed", 1, 1)
        assert len(rows(store, admin)) == 4
    else:
        with pytest.raises(Unavailable):
            importer.commit(store, admin, seen, patience=0)
        assert state(store) == before
    late[0].join()
    exact(store, admin)
    no_leftovers(store)


def test_a_batch_that_cannot_be_ended_keeps_no_other_from_its_end(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = look(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    monkeypatch.setattr(Flight, "roll_back", lambda _run: None)
    monkeypatch.setattr("repository.importer.chunks.WIDEST", 0)
    with pytest.raises(importer.TooWide):
        importer.commit(store, admin, seen, patience=0)
    left = store.db["import_batches"].find_one({"running": True})
    store.db["import_batches"].insert_one({**left, "_id": "another", "community_id": "c2"})

    def ends(run: Any) -> None:
        if run.id == left["_id"]:
            raise Unavailable("no answer")
        roll_back(run)

    monkeypatch.undo()
    roll_back = Flight.roll_back
    monkeypatch.setattr(Flight, "roll_back", ends)
    with pytest.raises(Unavailable):
        importer.recover(store, stale=timedelta(0))
    assert [one["_id"] for one in store.db["import_batches"].find({"running": True})] == [left["_id"]]


@pytest.mark.drill
def test_a_killed_import_is_rolled_back_at_the_next_start(
    store: Store, admin: Actor, mongodb_uri: str, tmp_path: Any
) -> None:
    file = tmp_path / "big.csv"
    lines = (f"K{n},松动,,{n % 5}网格,已办结,2026-02-{n % 28 + 1:02d} 8:00,2026-03-01 9:00,{n}" for n in range(8000))
    file.write_text("工单号,故障,类别,网格,状态,报修时间,完成时间,费用\n" + "\n".join(lines))
    script = f"""
from pathlib import Path
from repository import importer
from repository.access import Actor, Role
from repository.maintenance import WorkOrder
from repository.store import Store
store = Store.connect({mongodb_uri!r}, {store.db.name!r})
admin = Actor("a", "a", Role.ADMIN)
sheet = importer.Sheet(Path({str(file)!r}), "big.csv")
mapping = importer.propose(WorkOrder, sheet, [str]).model_copy(update={{"create_missing": ("grid_id",)}})
seen = importer.preview(store, admin, {C!r}, sheet, mapping, languages=[str])
importer.commit(store, admin, seen, progress=lambda n: print(n, flush=True), patience=0)
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 3000:
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    assert store.db["work_orders"].count_documents({"community_id": C}) >= 3000
    fresh = Store(store.client, store.db.name, store.clock)
    assert fresh.count(admin, WorkOrder, C) == 0
    assert importer.recover(fresh, stale=timedelta(days=-10_000))
    assert store.db["work_orders"].count_documents({"community_id": C}) == 0
    exact(fresh, admin)
    no_leftovers(store)


def test_rows_that_touch_too_many_counters_are_refused(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.importer.chunks.WIDEST", 2)
    before = state(store)
    with pytest.raises(importer.TooWide):
        bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    assert state(store) == before
    no_leftovers(store)


# --- out again
@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_export_comes_back_without_a_change(store: Store, admin: Actor, form: Any, language: str) -> None:
    person = store.insert(admin, Person(community_id=C, name="张三"))
    bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    bring(store, admin, sheet(ACTIVITIES, "活动.csv"), Activity)
    facility = Facility(
        community_id=C, code="=F1", name="漫步机", category="fitness", details=FitnessDetails(area_m2=12.5),
        installed_on=date(1998, 1, 1), installed_precision=Precision.YEAR, responsible_id=person.id,
        replacement_cost_cents=123456,
    )  # fmt: skip
    store.insert(admin, facility)
    for record in (WorkOrder, Activity, Facility, Grid, Person):
        file = io.BytesIO()
        n = importer.export(store, admin, C, record, file, form=form, translate=translator(language))
        back = Sheet(file.getvalue(), f"x.{form}")
        seen = look(store, admin, back, record)
        assert seen.mapping.keys == ("id",)
        assert (seen.counts.unchanged, seen.problems) == (n, [])


def test_an_export_shows_what_the_actor_sees(store: Store, admin: Actor) -> None:
    bring(store, admin, sheet(ORDERS), create_missing=("grid_id",))
    grid = rows(store, admin, Grid)[0]
    narrow = Actor("x", "x", Role.VIEWER, grids=frozenset({grid.id}))
    assert importer.export(store, narrow, C, WorkOrder, io.BytesIO(), form="csv", translate=str) == 2
    with pytest.raises(Refused):
        importer.export(store, narrow, C, Attendance, io.BytesIO(), form="csv", translate=str)


def test_every_trouble_is_a_sentence() -> None:
    for name in ("BadSheet", "BadMapping", "Busy", "NotUndone", "Outdated", "Superseded", "TooWide", "Unconfirmed"):
        assert issubclass(getattr(importer, name), Trouble)
    assert mapping.CREATABLE == ("grids", "people", "facilities")
    assert set(mapping.CREATABLE) <= RECORDS.keys()
    assert from_serial(46114, None) == datetime(2026, 4, 2)  # noqa: DTZ001
