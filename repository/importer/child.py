"""Reads an Excel file in a process of its own with little memory, little time and no right to write a file.

Run by ``sheets`` as a script: the file comes in on standard input, its rows go out on standard output as lines of JSON.
Imports nothing of this project, so that it starts quickly and nothing here can be reached from a file that breaks out
of the parser.
"""

import datetime as dt
import io
import json
import sys
from typing import Any

MEMORY = 672 * 2**20
CPU_SECONDS = 25
LONGEST = 100_001  # characters of a cell: far more than any field holds, whose bound then speaks


def limit() -> None:
    """Memory, processor time, and files that may be written: none. Where the system knows no limits, there are none."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def packed(cell: Any) -> Any:
    """A cell as JSON: what JSON does not know is a list of its kind and its text."""
    if isinstance(cell, str):
        return cell[:LONGEST]
    if cell is None or isinstance(cell, (int, float)):
        return cell
    if isinstance(cell, dt.datetime):
        return ["moment", cell.isoformat()]
    if isinstance(cell, dt.date):
        return ["day", cell.isoformat()]
    if isinstance(cell, dt.time):
        return ["time", cell.isoformat()]
    if isinstance(cell, dt.timedelta):
        return ["span", cell.total_seconds()]
    return str(cell)


def unpacked(cell: Any) -> Any:
    """The cell that ``packed`` was given."""
    if not isinstance(cell, list):
        return cell
    kind, value = cell
    if kind == "span":
        return dt.timedelta(seconds=value)
    if kind == "moment":
        return dt.datetime.fromisoformat(value)
    return dt.date.fromisoformat(value) if kind == "day" else dt.time.fromisoformat(value)


def main(sheet: str | None, max_rows: int, max_columns: int) -> None:
    """One line about the book, then one a row; a last one says how it ended."""
    out = sys.stdout

    def say(**line: Any) -> None:
        out.write(json.dumps(line) + "\n")

    content = io.BytesIO(sys.stdin.buffer.read())
    sys.modules["numpy"] = sys.modules["PIL"] = None  # type: ignore[assignment]  # half the start; cells need neither
    try:
        import openpyxl

        limit()
        if not openpyxl.DEFUSEDXML:
            say(end="undefused")
            return
        book = openpyxl.load_workbook(content, read_only=True, data_only=True, keep_links=False)
        sheets = [one for one in book.worksheets if one.sheet_state == "visible"] or book.worksheets
        names = [one.title for one in sheets]
        if not names or (sheet is not None and sheet not in names):
            say(end="no sheet")
            return
        say(names=names, epoch=book.epoch.isoformat())
        rows = book[sheet or names[0]]
        rows.reset_dimensions()  # a stated size may be a lie; read what is there
        # one column more than allowed, to notice; empty rows count too, or one far cell would cost an hour
        for number, cells in enumerate(rows.iter_rows(values_only=True, max_col=max_columns + 1)):
            if number > max_rows:
                say(end="rows")
                return
            if len(cells) > max_columns and cells[max_columns] not in (None, ""):
                say(end="columns")
                return
            out.write(json.dumps([packed(cell) for cell in cells]) + "\n")
    except MemoryError:
        say(end="memory")
    except Exception as error:  # noqa: BLE001 (whatever a strange file makes of the parser)
        say(end="damaged", reason=f"{type(error).__name__}: {error}"[:200])
    else:
        say(end="done")


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    sys.path[:] = told["path"]
    main(told["sheet"], told["rows"], told["columns"])
