"""I: whatever a file, a form or a caller brings, the app lives, and nothing becomes a command, a formula or markup."""

import contextlib
import io
import random
import re
import subprocess
import threading
import time
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import openpyxl

from repository import importer, people
from repository.importer import BadSheet, Sheet, child
from repository.importer.sheets import guarded, write_csv, write_xlsx
from repository.people import Person
from repository.words import Trouble
from tests.benchmarks.stand import Report
from tests.reliability.ground import ACTOR, home, opened

LIVELY = (  # what Markdown, HTML, KaTeX or plotly would make a link, a picture or a script of
    "[Sign in again here](https://evil.example/x)", "![x](https://evil.example/i.png)", "<https://evil.example/y>",
    "https://evil.example/auto", "www.evil.example", "a@evil.example", "<a href=https://evil.example>x</a>",
    "[x](javascript:alert(1))", "javascript:alert(1)", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>",
    "</style><script>alert(1)</script>", "<svg onload=alert(1)>", "<iframe src=https://evil.example></iframe>",
    "$\\href{https://evil.example}{x}$", "`x` **x** :red[x] :material/home: :smile:", "[x]: https://evil.example",
    "| a | b |\n|---|---|", "# x", "&lt;img src=x&gt;", "%{hovertext}<br><a href='https://evil.example'>x</a>",
)  # fmt: skip
TEXTS = (
    *LIVELY, "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", "＋1", "－1", "＠x", "\x00", "\x00=1", "\u202egnp.exe",
    "\U0001f469\u200d\U0001f467", "\ud800", "x" * 1_000_000, "$ne", '{"$gt": ""}', "a.b", "..", "$where: 1",
    "../../x", "%s%n", "{0.__class__}", "{{7*7}}", "'; drop table x;--", "\r\nSet-Cookie: x=1", "\ufeff", "\u200b",
    "\U00020bb7", "Z\u0351\u036b\u0343\u036a",
)  # fmt: skip


def _book(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _with(parts: dict[str, bytes], base: bytes) -> bytes:
    file = io.BytesIO(base)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _sheet(inside: str | bytes, head: str = "") -> bytes:
    """A workbook whose one sheet is written by hand."""
    good = _book([["编号"], ["1"]])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
                inner = inside.encode() if isinstance(inside, str) else inside
                opened = f'<?xml version="1.0"?>{head}<worksheet xmlns="{space}">'.encode()
                content = opened + inner + b"</worksheet>"
            target.writestr(name, content)
    return out.getvalue()


def hostile_files() -> dict[str, bytes]:
    """Files that were seen to hurt a spreadsheet reader, and two good ones."""
    good = _book([["编号", "名称"], ["1", "甲"]])
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>编号</t></is></c></row>'
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    outside = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    # four bytes a character in memory, and no run long enough to be told by how well it packs
    ends = [b"x" * 56 + letter.encode() for letter in "😀😁😂😃😄😅😆😇😈😉"]
    long = (
        b'<c r="B1" t="inlineStr"><is><t>' + b"".join(random.Random(11).choices(ends, k=1_500_000)) + b"</t></is></c>"
    )
    return {
        "good": good,
        "good, larger": _book([["编号", "名称"], *([n, f"名{n}"] for n in range(3000))]),
        "no zip": b"PK\x03\x04" + bytes(range(256)) * 40,
        "not a book": _with({}, io.BytesIO(b"").getvalue()) or b"PK",
        "macros": _with({"xl/vbaProject.bin": b"x"}, good),
        "outside": _with({"../../evil.xml": b"<x/>"}, good),
        "bomb": _with({"xl/media/bomb.xml": b" " * 90_000_000}, good),
        "parts": _with({f"xl/p{n}": b"" for n in range(2100)}, good),
        "billion laughs": _sheet(f"<sheetData>{cell}</sheetData>", laughs),
        "a file of the system": _sheet(f"<sheetData>{cell}</sheetData>", outside),
        "far cell": _sheet(f'<sheetData>{cell}<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
        "lying size": _sheet(f'<dimension ref="A1:XFD1048576"/><sheetData>{cell}</sheetData>'),
        "a million rows": _sheet("<sheetData>" + cell + "<row/>" * 1_100_000 + "</sheetData>"),
        "one long text": _sheet(f"<sheetData>{cell[:-6]}".encode() + long + b"</row></sheetData>"),
        "broken xml": _sheet(f"<sheetData>{cell}<row"),
        "too large": b"PK\x03\x04" + b"0" * 11_000_000,
    }


def _megabytes(pid: object, what: str) -> float:
    """What the kernel says of a process's memory; nothing of one that has ended."""
    found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


class _Watched(subprocess.Popen[bytes]):
    """A child whose peaks the kernel is asked for, every few milliseconds, until it has ended."""

    resident = address_space = 0.0  # MB, of the largest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        with contextlib.suppress(OSError):
            while peak := _megabytes(self.pid, "VmHWM"):
                if str(self.args[-2]) in Path(f"/proc/{self.pid}/cmdline").read_text():  # type: ignore[index]
                    _Watched.resident = max(_Watched.resident, peak)
                    _Watched.address_space = max(_Watched.address_space, _megabytes(self.pid, "VmPeak"))
                time.sleep(0.005)


def strange_excel_files(report: Report, long: bool) -> None:
    """Files made to harm, and good ones with bytes flipped: each is read or refused in words, and the app lives."""
    files = hostile_files()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew: making the files took much more
    base = _megabytes("self", "VmRSS")
    refused, slowest = dict[str, str](), 0.0
    for name, content in files.items():
        began = time.monotonic()
        try:
            with patch.object(subprocess, "Popen", _Watched):
                list(Sheet(content, "x.xlsx").rows())
        except BadSheet as error:
            refused[name] = str(error)
        slowest = max(slowest, time.monotonic() - began)
    read = sorted(set(files) - set(refused))
    report.line("read", ", ".join(read), "the good ones", {"good", "good, larger"} <= set(read))
    harmful = {"macros", "outside", "bomb", "parts", "billion laughs", "a file of the system", "a million rows",
               "no zip", "too large", "broken xml", "one long text", "far cell"}  # fmt: skip
    report.line("refused in words", str(len(refused)), "every harmful one", harmful <= refused.keys())
    report.line("slowest answer", f"{slowest:.1f} s", "<= 32 s", slowest <= 32)
    dice, good, flips = random.Random(11), files["good, larger"], 200 if long else 6
    answered = 0
    for _ in range(flips):
        damaged = bytearray(good)
        for _ in range(dice.randint(1, 30)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        with contextlib.suppress(BadSheet):
            list(Sheet(bytes(damaged), "x.xlsx").rows())
        answered += 1
    report.line("with bytes flipped: answered", f"{answered} of {flips}", str(flips), answered == flips)
    grown = _megabytes("self", "VmHWM") - base
    report.line("this process grew by", f"{grown:.0f} MB at most, from {base:.0f} MB", "< 100 MB", grown < 100)
    most = child.MEMORY / 2**20
    took = f"{_Watched.resident:.0f} MB, {_Watched.address_space:.0f} MB with what it only reserved"
    report.line("a child that reads took at most", took, f"<= {most:.0f} MB", 10 < _Watched.address_space <= most)
    stopped = "far too much memory" in refused.get("one long text", "")
    report.line("and one that wants more is stopped", str(stopped), "True", stopped)


def strange_texts(report: Report, long: bool) -> None:
    """Texts that mean something to somebody else: stored as text or refused, and no export has a formula."""
    with home() as path:
        store = opened(path)
        kept, refused = [], 0
        for text in TEXTS:
            try:
                made = people.add_person(store, ACTOR, "D", {"name": text[:60] or "x", "job": text})
            except Trouble:
                refused += 1
                continue
            found = store.get(ACTOR, Person, "D", made.id)
            kept.append(found)
        report.line("kept as they are / refused", f"{len(kept)} / {refused}", f"{len(TEXTS)} in all",
                    len(kept) + refused == len(TEXTS))  # fmt: skip
        book = io.BytesIO()
        importer.export(store, ACTOR, "D", Person, book, form="xlsx", translate=str)
        cells = [cell for row in openpyxl.load_workbook(book).active.iter_rows() for cell in row]  # type: ignore[union-attr]
        formulas = sum(cell.data_type == "f" for cell in cells)
        links = sum(cell.hyperlink is not None for cell in cells)
        report.line("formulas / links in the Excel export", f"{formulas} / {links}", "0 / 0", not (formulas or links))
        text = io.BytesIO()
        write_csv(text, ["x"], [[each] for each in TEXTS if each != "\ud800"])
        sheet = io.BytesIO()
        write_xlsx(sheet, "x", ["x"], [[each[:30_000]] for each in TEXTS if "\x00" not in each and each != "\ud800"])
        starts = tuple("=+-@＝＋－＠\t\r\x00")
        bare = [each for each in TEXTS if guarded(each).lstrip(" ").startswith(starts)]
        report.line("texts that begin a formula in CSV", str(len(bare)), "0", not bare)
        names = [each.name for each in store.find(ACTOR, Person, "D")]
        operators = [
            key for document in store.db["people"].find() for key in document if key.startswith("$") or "." in key
        ]
        report.line("names found again", str(len(names)), str(len(kept)), len(names) == len(kept))
        report.line("keys that are operators", str(len(operators)), "0", not operators)
        store.close()
