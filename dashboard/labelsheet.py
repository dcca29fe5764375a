"""Sheets of labels to print, as PDF: a QR code, what it is stuck on, and the code to type where nothing scans it.

The page's fonts are embedded, so that a sheet prints alike everywhere: the Chinese one stands in ``fonts``, since not
every machine has one (docs/decisions/0010-labels.md).
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from dashboard.i18n import say
from dashboard.typeset import CHINESE, MM, breadth, fonts, runs
from repository.labels import Stuck, spoken
from repository.record import Choice
from repository.words import msg

QUIET = 4  # modules of white around a QR code


class Size(Choice):
    """What the sheet is printed on."""

    A4_24 = "a4-24", msg("A4, 24 labels of 70 × 37 mm")
    A4_8 = "a4-8", msg("A4, 8 labels of 105 × 74 mm")
    SINGLE = "single", msg("Label printer, 100 × 70 mm")


class Words(Choice):
    """In which language a label speaks."""

    BOTH = "both", msg("Chinese and English")
    ZH = "zh", msg("Chinese")
    EN = "en", msg("English")


@dataclass(frozen=True)
class _Grid:
    page: tuple[float, float]
    columns: int
    rows: int
    edge: float
    """Millimetres that stay white inside a label, for printers that do not print to the edge."""

    @property
    def label(self) -> tuple[float, float]:
        return self.page[0] / self.columns, self.page[1] / self.rows


_GRIDS = {
    Size.A4_24: _Grid((210, 297), 3, 8, 5),
    Size.A4_8: _Grid((210, 297), 2, 4, 8),
    Size.SINGLE: _Grid((100, 70), 1, 1, 5),
}


def sheet(
    labels: Sequence[Stuck], address: str, *, size: Size, words: Words = Words.BOTH, community: str = ""
) -> bytes:
    """The labels as a PDF, in their order; each leads to ``address``/r/CODE. ValueError without any."""
    from reportlab.pdfgen.canvas import Canvas

    if not labels:
        raise ValueError("a sheet needs a label")
    fonts()
    grid = _GRIDS[size]
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(grid.page[0] * MM, grid.page[1] * MM), invariant=True)
    canvas.setTitle(f"GridBoard · {community}")
    width, height = grid.label
    for number, label in enumerate(labels):
        place = number % (grid.columns * grid.rows)
        if number and not place:
            canvas.showPage()
        left, top = place % grid.columns * width, grid.page[1] - place // grid.columns * height
        _label(canvas, label, address, (left, top - height, width, height), grid.edge, words, community)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def door_link(address: str, code: str) -> str:
    """What the QR code at an activity's door says."""
    return f"{address.rstrip('/')}/d/{code}"


def picture(text: str) -> str:
    """A QR code as SVG, dark on white whatever the theme: phones do not read it the other way round."""
    import segno

    return str(segno.make(text, error="m", micro=False).svg_inline(scale=8, border=QUIET, dark="#000", light="#fff"))


def door_sheet(code: str, address: str, name: str, about: str, community: str) -> bytes:
    """One page to hang up at an activity's door, as PDF: its name, the QR code, and the code to type."""
    from reportlab.pdfgen.canvas import Canvas

    fonts()
    wide, high = 210.0, 297.0
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(wide * MM, high * MM), invariant=True)
    canvas.setTitle(f"GridBoard · {name}")
    top = high - 30.0

    def line(text: str, size: float, *, bold: bool = False, most: int = 1) -> None:
        nonlocal top
        for piece in _wrapped(text, size, wide - 40, most, bold=bold) if text else ():
            top -= size * 1.3
            _text(canvas, (wide - breadth(piece, size, bold=bold)) / 2, top, piece, size, bold=bold)
        top -= size * 0.4

    line(name, 11, bold=True, most=3)
    line(" · ".join(filter(None, (about, community))), 5, most=2)
    scan = msg("Scan to check in")
    line(say(scan, "zh"), 12, bold=True)
    line(say(scan, "en"), 8)
    side = min(130.0, top - 45)
    _qr(canvas, door_link(address, code), (wide - side) / 2, top - side, side)
    top -= side
    where = urlsplit(address)
    line(spoken(code), 12, bold=True)
    line(f"{where.netloc}{where.path}/d/", 5)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def link(address: str, code: str) -> str:
    """What a label's QR code says."""
    return f"{address.rstrip('/')}/r/{code}"


def _label(
    canvas: Any,
    label: Stuck,
    address: str,
    box: tuple[float, float, float, float],
    edge: float,
    words: Words,
    community: str,
) -> None:
    x, y, width, height = box
    side = min(height - 2 * edge, (width - 2 * edge) * 0.46)
    _qr(canvas, link(address, label.code), x + edge, y + (height - side) / 2, side)
    left = x + edge + side + 2
    room = x + width - edge - left
    unit = min((height - 2 * edge) / 27, room / 30)  # the smallest label is 30 units wide and 27 high beside its code
    where = urlsplit(address)
    below = [(spoken(label.code), 3.4, True), (f"{where.netloc}{where.path}/r/", 2.0, False)]
    bottom = y + edge
    for text, size, bold in reversed(below):
        bottom += 0.3 * unit
        _text(canvas, left, bottom, text, _fitting(text, size * unit, room, bold=bold), bold=bold)
        bottom += size * unit
    top = y + height - edge
    titles = [say(msg("Scan to report a fault"), each) for each in (("zh", "en") if words is Words.BOTH else (words,))]
    above = [(title, size, bold, 1) for title, size, bold in zip(titles, (4.2, 2.6), (True, False), strict=False)]
    above.append((label.name, 3.4, True, 2))
    about = " · ".join(filter(None, (label.asset_code, label.site, community)))
    above += [(about, 2.3, False, 3)] if about else []
    for number, (text, size, bold, most) in enumerate(above):
        points = size * unit if number >= len(titles) else _fitting(text, size * unit, room, bold=bold)
        free = int((top - bottom) / (points * 1.2))
        for line in _wrapped(text, points, room, min(most, free), bold=bold) if free else ():
            top -= points * 1.2
            _text(canvas, left, top + points * 0.2, line, points, bold=bold)
        top -= 0.5 * unit


def _qr(canvas: Any, text: str, x: float, y: float, side: float) -> None:
    """A QR code of ``side`` millimetres, quiet zone included: vectors, so that it is sharp at every size."""
    import segno

    rows = segno.make(text, error="m", micro=False).matrix
    module = side / (len(rows) + 2 * QUIET)
    path = canvas.beginPath()
    for row, cells in enumerate(rows):
        column = 0
        for dark, run in groupby(cells):
            long = len(list(run))
            if dark:
                left = (x + (QUIET + column) * module) * MM
                bottom = (y + side - (QUIET + row + 1) * module) * MM
                # a hair of overlap, or some viewers show lines between rows
                path.rect(left, bottom, long * module * MM, module * MM * 1.02)
            column += long
    canvas.drawPath(path, stroke=0, fill=1)


# --- text in two fonts -----------------------------------------------------------------------------------------------
def _fitting(text: str, millimetres: float, room: float, *, bold: bool = False) -> float:
    """The size at which a line that may not be cut has room."""
    return millimetres * min(1.0, room / max(breadth(text, millimetres, bold=bold), 0.01))


def _wrapped(text: str, millimetres: float, room: float, most: int, *, bold: bool = False) -> list[str]:
    """The text in ``most`` lines at the most, broken between words or Chinese characters, with … for what is left."""
    lines, line = [], ""
    words = list(_words(text))
    for number, word in enumerate(words):
        if line and breadth(line + word, millimetres, bold=bold) > room:
            if len(lines) == most - 1:
                return [*lines, _cut(line + "".join(words[number:]), millimetres, room, bold=bold)]
            lines.append(_cut(line.rstrip(), millimetres, room, bold=bold))
            line = word.lstrip()
        else:
            line += word
    return [*lines, _cut(line, millimetres, room, bold=bold)]


def _words(text: str) -> Iterator[str]:
    word = ""
    for char in text:
        if char == " " or not char.isascii():
            if word:
                yield word
            yield char
            word = ""
        else:
            word += char
    if word:
        yield word


def _cut(text: str, millimetres: float, room: float, *, bold: bool) -> str:
    if breadth(text, millimetres, bold=bold) <= room:
        return text
    while text and breadth(text + "…", millimetres, bold=bold) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def _text(canvas: Any, x: float, y: float, text: str, millimetres: float, *, bold: bool = False) -> None:
    """One line; the Chinese font has no bold face, so its outlines are drawn a little thicker instead."""
    line = canvas.beginText(x * MM, y * MM)
    for font, piece in runs(text, bold=bold):
        thick = bold and font == CHINESE
        line.setFont(font, millimetres * MM)
        line.setTextRenderMode(2 if thick else 0)
        canvas.setLineWidth(millimetres * MM * 0.03)
        line.textOut(piece)
    line.setTextRenderMode(0)
    canvas.drawText(line)
