"""Rows as Excel sheets and as CSV. A cell never becomes a formula or a link in anybody's spreadsheet. No Streamlit.

A *row* is a mapping from a column's title to a plain value: text, number, day, moment without zone, or None.
"""

import csv
import io
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from dashboard.i18n import MISSING

Row = Mapping[str, Any]


def as_text(value: Any) -> str:
    """A cell's value as the table shows it."""
    if value is None:
        return MISSING
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" if value.year > 999 else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def sheet(rows: Sequence[Row], columns: Sequence[str] | None = None, *, title: str = "") -> bytes:
    """An .xlsx file of the rows: a bold header that stays in view, a filter, dates as dates, numbers as numbers.

    Text stays text whatever it begins with. ``columns`` picks and orders titles; default those of the first row.
    """
    return book({title: rows}, columns)


def book(sheets: Mapping[str, Sequence[Row]], columns: Sequence[str] | None = None) -> bytes:
    """An .xlsx file with a sheet for each title, as ``sheet`` writes it."""
    import xlsxwriter

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as made:
        for title, rows in sheets.items():
            page = made.add_worksheet(re.sub(r"[\[\]:*?/\\']", " ", title).strip()[:31] or None)
            _fill(made, page, rows, list(columns if columns is not None else rows[0] if rows else []))
    return file.getvalue()


def _fill(made: Any, page: Any, rows: Sequence[Row], titles: Sequence[str]) -> None:
    bold = made.add_format({"bold": True, "bottom": 1})
    day = made.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
    moment = made.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
    for at, heading in enumerate(titles):
        page.write_string(0, at, heading, bold)
        texts = [heading, *(as_text(row.get(heading)) for row in rows[:200])]
        page.set_column(at, at, min(60, max(_width(text) for text in texts) + 2))
    for line, row in enumerate(rows, start=1):
        for at, heading in enumerate(titles):
            value = row.get(heading)
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                continue
            if isinstance(value, datetime) and value.year >= 1900:
                page.write_datetime(line, at, value.replace(tzinfo=None), moment)
            elif isinstance(value, date) and not isinstance(value, datetime) and value.year >= 1900:
                page.write_datetime(line, at, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001
            elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
                page.write_number(line, at, value)
            else:
                page.write_string(line, at, as_text(value)[:32_767])
    page.freeze_panes(1, 0)
    if rows and titles:
        page.autofilter(0, 0, len(rows), len(titles) - 1)


def csv_sheet(rows: Sequence[Row], columns: Sequence[str] | None = None) -> bytes:
    """A CSV file that Excel opens with its Chinese intact (UTF-8 with mark); text that a spreadsheet would run as a
    formula begins with an apostrophe, numbers do not."""
    titles = list(columns if columns is not None else rows[0] if rows else [])
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([harmless(title) for title in titles])
    for row in rows:
        values = (row.get(title) for title in titles)
        writer.writerow(["" if value is None else _csv_cell(value) for value in values])
    return file.getvalue().encode("utf-8-sig")


_RUNS = tuple("=+-@\0\t\r\n＝＋－＠")
_NEGATIVE = re.compile(r"-\d+([.,]\d+)*%?")


def harmless(text: str) -> str:
    """``text`` behind an apostrophe if a spreadsheet would take it for a formula; a plain negative number stays."""
    if (text.startswith(_RUNS) or text.lstrip().startswith(_RUNS)) and not _NEGATIVE.fullmatch(text):
        return "'" + text
    return text


def _csv_cell(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else harmless(as_text(value))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
