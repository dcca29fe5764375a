"""A CSV or Excel file as rows of cells, read safely; and rows written so that no text becomes a formula.

Nothing here knows records. An Excel file is somebody else's program input: before openpyxl sees it, it must pass the
gate (sizes, ratios, no macros, no encryption, no DOCTYPE), and then it is read in a child process with little memory
and time (``child``), whose rows are kept in a temporary file: this process never parses it.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast
from xml.parsers import expat

from repository.importer.child import unpacked
from repository.words import Trouble, msg

MAX_COLUMNS = 200
MAX_ROWS_CSV = 200_000
MAX_ROWS_XLSX = 100_000
MAX_BYTES_CSV = 200 * 2**20
MAX_BYTES_XLSX = 10 * 2**20
ENCODINGS = ("utf-8-sig", "utf-16", "gb18030", "cp1252")
WITHIN = " › "  # stands between a book and its sheet
NOTE = "※"  # a template's explanatory row begins with this mark and is not data
_TOO_MANY = msg("More than {most} rows are too many for one import. Split the file, or save it as CSV.")
_BROKEN = msg("The file breaks off or is damaged: {reason}")
_LOOK = 50  # rows looked at to find the delimiter and the header


class BadSheet(Trouble):
    """The file cannot be read as a sheet; nothing was imported."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data: ``number`` as a spreadsheet program shows it (from 1), one cell for each column."""

    number: int
    cells: tuple[Any, ...]
    surplus: bool = False
    """There are values to the right of the last header."""


class Sheet:
    """A table in a file: its columns, and its rows as often as they are asked for.

    ``columns`` are the header's texts, made unique; ``names`` the sheets of an Excel file; ``encoding`` and
    ``delimiter`` what a CSV file was read with.
    """

    def __init__(
        self,
        source: Path | bytes,
        name: str,
        *,
        sheet: str | None = None,
        header_row: int | None = None,
        encoding: str | None = None,
    ) -> None:
        """Raises BadSheet for a file that is no sheet, is too large, or does not pass the gate."""
        self.name = name
        self._source = source
        self._reading = threading.Lock()
        self.excel = _head(source).startswith(b"PK") or name.lower().endswith((".xlsx", ".xlsm"))
        self.names: tuple[str, ...] = ()
        self.sheet = sheet
        self.encoding = self.delimiter = ""
        self.epoch: datetime | None = None
        if self.excel:
            _gate(source)
            self._spool = _read_in_child(source, sheet)  # once: the rows are asked for several times
            about = json.loads(next(self._spooled()))
            self.names = tuple(about["names"])
            self.epoch = datetime.fromisoformat(about["epoch"])
            self.sheet = sheet or self.names[0]
        else:
            self._find_encoding(encoding)
        first = list(islice(self._lines(), _LOOK))
        self.header_row = header_row or _header_row(first)
        if len(first) < self.header_row or not any(map(_filled, first[self.header_row - 1])):
            raise BadSheet(msg("The file is empty: no row of headers was found."))
        self.columns = _unique(first[self.header_row - 1])

    @property
    def source(self) -> str:
        """Where its rows come from, as an import notes it and finds its earlier version again: the file, and the sheet
        where the book has several."""
        return self.name[:160] + (f"{WITHIN}{self.sheet}" if len(self.names) > 1 else "")

    def rows(self) -> Iterator[Row]:
        """The rows below the header, without empty ones and without a template's explanatory row.

        Raises BadSheet when there are too many, or when the file breaks off.
        """
        width, most = len(self.columns), MAX_ROWS_XLSX if self.excel else MAX_ROWS_CSV
        seen = 0
        for number, cells in enumerate(self._lines(), start=1):
            if number <= self.header_row or not any(map(_filled, cells)):
                continue
            if number == self.header_row + 1 and _is_note(cells):
                continue
            seen += 1
            if seen > most:
                raise BadSheet(_TOO_MANY, most=f"{most:,}")
            missing = width - len(cells)
            if missing >= 0:
                yield Row(number, (*cells, *(None,) * missing))
            else:
                yield Row(number, tuple(cells[:width]), any(map(_filled, cells[width:])))

    # --- CSV
    def _find_encoding(self, wished: str | None) -> None:
        if _size(self._source) > MAX_BYTES_CSV:
            raise BadSheet(msg("The file is larger than {megabytes} MB. Split it."), megabytes=MAX_BYTES_CSV // 2**20)
        head = _head(self._source)
        marked = head.startswith((b"\xff\xfe", b"\xfe\xff"))
        candidates = [wished] if wished else ["utf-16"] if marked else ["utf-8-sig", "gb18030"]
        for encoding in candidates:
            try:
                with _text(self._source, encoding) as file:
                    zeros = False
                    while part := file.read(1 << 20):
                        zeros = zeros or "\x00" in part
            except (UnicodeError, LookupError):
                continue
            if zeros:
                raise BadSheet(msg("This is not a CSV or Excel file (.csv, .xlsx)."))
            self.encoding = encoding
            self.delimiter = self._find_delimiter()
            return
        raise BadSheet(
            msg("The file's characters cannot be read as UTF-8 or GB18030. Save it as “CSV UTF-8” and try again.")
        )

    def _find_delimiter(self) -> str:
        """The mark that cuts the first rows into the most columns, evenly."""
        best, found = 0.0, ","
        for delimiter in ",;\t|":
            with _text(self._source, self.encoding) as file:
                try:
                    widths = [len(cells) for cells in islice(csv.reader(file, delimiter=delimiter), _LOOK) if cells]
                except csv.Error:
                    continue
            if not widths:
                continue
            usual = max(set(widths), key=widths.count)
            score = (usual - 1) * widths.count(usual) / len(widths)
            if score > best:
                best, found = score, delimiter
        return found

    # --- both
    def _lines(self) -> Iterator[Sequence[Any]]:
        """Every row of the file from its first on, empty ones included."""
        if not self.excel:
            with _text(self._source, self.encoding) as file:
                try:
                    for cells in csv.reader(file, delimiter=self.delimiter):
                        yield [_unguarded(cell) for cell in cells]
                except csv.Error as error:
                    raise BadSheet(_BROKEN, reason=str(error)) from error
            return
        lines = self._spooled()
        next(lines)
        for line in lines:
            yield [unpacked(cell) for cell in json.loads(line)]

    def _spooled(self) -> Iterator[bytes]:
        """The lines a child wrote. Several may read at once, each from the beginning."""
        at = 0
        while True:
            with self._reading:
                self._spool.seek(at)
                part = self._spool.readlines(1 << 20)
                at = self._spool.tell()
            if not part:
                return
            yield from part


def _size(source: Path | bytes) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def _open(source: Path | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _head(source: Path | bytes) -> bytes:
    with _open(source) as file:
        return file.read(8)


def _text(source: Path | bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_open(source), encoding=encoding, newline="")


def _gate(source: Path | bytes) -> None:
    """Refuse an Excel file that could harm: measured in the project's security notes (a 1 KB file can take 1 GB)."""
    refused = msg("This Excel file was not opened: {reason} Save it as a plain .xlsx or as CSV and try again.")
    if _size(source) > MAX_BYTES_XLSX:
        raise BadSheet(
            refused, reason=_reason(msg("it is larger than {megabytes} MB."), megabytes=MAX_BYTES_XLSX // 2**20)
        )
    try:
        with _open(source) as file, zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > 2000 or sum(part.file_size for part in parts) > 100 * 2**20:
                raise BadSheet(refused, reason=_reason(msg("it unpacks to too much.")))
            for part in parts:
                if part.flag_bits & 1:
                    raise BadSheet(refused, reason=_reason(msg("it is encrypted.")))
                if "vbaproject" in part.filename.lower():
                    raise BadSheet(refused, reason=_reason(msg("it holds macros.")))
                if ".." in part.filename or part.filename.startswith(("/", "\\")):
                    raise BadSheet(refused, reason=_reason(msg("it is damaged.")))
                if part.file_size > 2**20 and part.file_size > 100 * max(part.compress_size, 1):
                    raise BadSheet(refused, reason=_reason(msg("it unpacks to too much.")))
                if part.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(part) as text:
                        if _declares(text):
                            raise BadSheet(refused, reason=_reason(msg("it holds declarations no sheet needs.")))
            if "xl/workbook.xml" not in archive.namelist():
                raise BadSheet(msg("This is not a CSV or Excel file (.csv, .xlsx)."))
    except (
        *(zipfile.BadZipFile, zlib.error, expat.ExpatError),
        *(NotImplementedError, LookupError, RuntimeError, EOFError, ValueError, OSError),
    ) as error:
        raise BadSheet(refused, reason=_reason(msg("it is damaged."))) from error


_PROLOG_BYTES = 2**20  # before the first element stands a line or two


class _Found(Exception):  # noqa: N818 (leaves the parser)
    """What a part begins with; ``args[0]`` whether it is a DOCTYPE."""


def _declares(text: IO[bytes]) -> bool:
    """Whether a part of a book has a DOCTYPE, in whatever encoding and behind whatever comment. The parser gets no
    further than the first element, before which a DOCTYPE must stand. Raises ExpatError, ValueError."""
    parser = expat.ParserCreate()

    def found(doctype: bool) -> Callable[..., None]:
        def stop(*_: object) -> None:
            raise _Found(doctype)

        return stop

    parser.StartDoctypeDeclHandler, parser.StartElementHandler = found(True), found(False)
    try:
        for _ in range(_PROLOG_BYTES // 4096):
            part = text.read(4096)
            parser.Parse(part, not part)
            if not part:
                break
    except _Found as what:
        return bool(what.args[0])
    raise ValueError("no element")


def _reason(text: str, **facts: Any) -> Any:
    from repository.words import Message

    return Message(text, facts)


_SECONDS = 30.0  # for a child, all in all
_SPOOL_BYTES = 400 * 2**20
_CHILDREN = threading.BoundedSemaphore(2)
_CHILD = str(Path(__file__).with_name("child.py"))
_ENDS = {
    "no sheet": msg("The file has no sheet of that name."),
    "columns": msg("More than {columns} columns are too many."),
    "rows": _TOO_MANY,
    "memory": msg("This Excel file takes far too much memory. Save it as CSV and try again."),
    "time": msg("This Excel file takes too long to read. Save it as CSV and try again."),
    "undefused": msg("Excel files cannot be read safely here: the package defusedxml is missing."),
}


def _read_in_child(source: Path | bytes, sheet: str | None) -> IO[bytes]:
    """The rows of an Excel file as a temporary file of JSON lines. Raises BadSheet."""
    if not _CHILDREN.acquire(timeout=2 * _SECONDS):
        raise BadSheet(msg("Other Excel files are being read just now. Nothing was imported; try again in a minute."))
    spool = tempfile.TemporaryFile(prefix="gridboard-sheet-")  # noqa: SIM115 (lives as long as the sheet)
    try:
        last = _spool_from_child(source, sheet, spool)
    except BaseException:
        spool.close()
        raise
    finally:
        _CHILDREN.release()
    end = last.get("end", "time")
    if end == "done":
        return spool
    spool.close()
    facts = {"most": f"{MAX_ROWS_XLSX:,}", "columns": MAX_COLUMNS}
    if end in _ENDS:
        raise BadSheet(_ENDS[end], **facts)
    raise BadSheet(_BROKEN, reason=last.get("reason", ""))


def _spool_from_child(source: Path | bytes, sheet: str | None, spool: IO[bytes]) -> dict[str, Any]:
    """Let a child read ``source``; its lines go to ``spool`` but for the last, which is returned."""
    told = {"path": sys.path, "sheet": sheet, "rows": MAX_ROWS_XLSX * 2, "columns": MAX_COLUMNS}
    environment = {name: value for name in ("PATH", "SYSTEMROOT", "LANG") if (value := os.environ.get(name))}
    child = subprocess.Popen(  # noqa: S603 (our own file, by this interpreter)
        [sys.executable, "-I", _CHILD, json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    clock = threading.Timer(_SECONDS, child.kill)
    clock.start()

    def feed() -> None:
        with suppress(OSError), _open(source) as file, cast("IO[bytes]", child.stdin) as pipe:
            shutil.copyfileobj(file, pipe)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    last, written = b"{}", 0
    try:
        for line in cast("IO[bytes]", child.stdout):
            if last != b"{}":
                spool.write(last)
                written += len(last)
            last = line
            if written > _SPOOL_BYTES:
                return {"end": "memory"}
    finally:
        clock.cancel()
        child.kill()
        child.wait()
        feeder.join()
        cast("IO[bytes]", child.stdout).close()
    try:
        ended = json.loads(last)
    except ValueError:  # killed in the middle of a line
        ended = None
    return ended if isinstance(ended, dict) and "end" in ended else {"end": "time"}


def _filled(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _is_note(cells: Sequence[Any]) -> bool:
    first = next(filter(_filled, cells), None)
    return isinstance(first, str) and first.lstrip().startswith(NOTE)


def _header_row(first: Sequence[Sequence[Any]]) -> int:
    """The first row more than half as full as the fullest of the first ten: a title above the table is skipped."""
    filled = [sum(map(_filled, cells)) for cells in first[:10]]
    most = max(filled, default=0)
    return next((number for number, n in enumerate(filled, start=1) if n > most / 2), 1)


def _unique(header: Sequence[Any]) -> tuple[str, ...]:
    """The header's texts; an empty one is called by its letter, a repeated one gets a number. Raises BadSheet."""
    width = max(index for index, cell in enumerate(header) if _filled(cell)) + 1
    if width > MAX_COLUMNS:
        raise BadSheet(_ENDS["columns"], columns=MAX_COLUMNS)
    columns: dict[str, None] = {}
    met: Counter[str] = Counter()
    for index, cell in enumerate(header[:width]):
        name = text = re.sub(r"\s+", " ", str(cell)).strip() if _filled(cell) else f"({column_letter(index)})"
        while name in columns:
            met[text] += 1
            name = f"{text} ({met[text] + 1})"
        columns[name] = None
    return tuple(columns)


def column_letter(index: int) -> str:
    """A, B … Z, AA for 0, 1 … 25, 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# --- writing ---------------------------------------------------------------------------------------------------------
_FORMULA = re.compile(r"^[\s]*[=+\-@＝＋－＠\t\r\x00]")
_GUARDED = re.compile(r"^'\s*[=+\-@＝＋－＠\t\r\x00]")


def _unguarded(cell: str) -> str:
    """A cell without the quote that ``guarded`` put before it."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell


def guarded(text: str) -> str:
    """Text that no spreadsheet program takes for a formula (OWASP ASVS v5.0.0-1.2.10)."""
    return "'" + text if _FORMULA.match(text) else text


def write_csv(file: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """UTF-8 with a mark that Excel understands; texts guarded, numbers plain, moments as ``2026-04-02 16:30``."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow([guarded(title) for title in header])
    for cells in rows:
        writer.writerow([_csv_cell(cell) for cell in cells])
    text.flush()
    text.detach()


def _csv_cell(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
    if cell is None or isinstance(cell, int | float | date | time):
        return cell
    return guarded(str(cell))


def write_xlsx(
    file: IO[bytes],
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    notes: Sequence[str] = (),
    choices: Sequence[Sequence[str]] = (),
) -> None:
    """One sheet with a fixed header row; text stays text. ``notes`` is a second row that explains the columns,
    ``choices`` the words each column offers (an empty list: any)."""
    import xlsxwriter

    book = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": True,
            "default_date_format": "yyyy-mm-dd",
        },
    )
    with book:
        sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31] or None)
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        faint = book.add_format({"italic": True, "font_color": "#6b6b6b", "text_wrap": True, "valign": "top"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.freeze_panes(1, 0)
        for column, text in enumerate(header):
            sheet.set_column(column, column, min(40, max(12, 2 * len(text))))
        for column, text in enumerate(header):
            sheet.write_string(0, column, text, bold)
        first = 1
        if notes:
            first = 2
            for column, text in enumerate(notes):
                sheet.write_string(1, column, text, faint)
        for number, cells in enumerate(rows, start=first):
            for column, cell in enumerate(cells):
                if cell is None:
                    continue
                if isinstance(cell, bool):
                    sheet.write_boolean(number, column, cell)
                elif isinstance(cell, int | float):
                    sheet.write_number(number, column, cell)
                elif isinstance(cell, datetime):
                    sheet.write_datetime(number, column, cell, moment)
                elif isinstance(cell, date) and cell.year >= 1900:
                    sheet.write_datetime(number, column, datetime.combine(cell, time(), UTC).replace(tzinfo=None))
                else:
                    sheet.write_string(number, column, str(cell))
        lists = [(column, words) for column, words in enumerate(choices) if words]
        if lists:
            hidden = book.add_worksheet("choices")
            hidden.hide()
            for line in range(max(len(words) for _, words in lists)):
                for at, (_, words) in enumerate(lists):
                    if line < len(words):
                        hidden.write_string(line, at, words[line])
            for at, (column, words) in enumerate(lists):
                letter = column_letter(at)
                sheet.data_validation(
                    first,
                    column,
                    MAX_ROWS_XLSX,
                    column,
                    {
                        "validate": "list",
                        "source": f"=choices!${letter}$1:${letter}${len(words)}",
                        "error_type": "warning",
                    },
                )


EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 (a spreadsheet's clock has no zone)


def from_serial(serial: float, epoch: datetime | None) -> datetime:
    """The moment without a zone that a spreadsheet's day number stands for, to the second."""
    return (epoch or EXCEL_EPOCH) + timedelta(seconds=round(serial * 86400))
