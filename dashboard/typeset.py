"""Chinese and Latin text in a PDF, with fonts that are embedded: it prints alike everywhere (decision 0010)."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

MM = 72 / 25.4
CHINESE, LATIN, BOLD = "GridBoard-CJK", "GridBoard-Latin", "GridBoard-Bold"
UNKNOWN = "〓"  # what printers put for a character that a font lacks


@cache
def fonts() -> None:
    """Make the fonts known to reportlab, once."""
    import reportlab
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    latin = Path(reportlab.__file__).parent / "fonts"
    pdfmetrics.registerFont(TTFont(CHINESE, str(Path(__file__).parent / "fonts" / "DroidSansFallbackFull.ttf")))
    pdfmetrics.registerFont(TTFont(LATIN, str(latin / "Vera.ttf")))
    pdfmetrics.registerFont(TTFont(BOLD, str(latin / "VeraBd.ttf")))


def _has(font: str, char: str) -> bool:
    from reportlab.pdfbase import pdfmetrics

    return ord(char) in pdfmetrics.getFont(font).face.charToGlyph


def runs(text: str, *, bold: bool) -> Iterator[tuple[str, str]]:
    """The text in pieces, each with the font that has its characters."""
    latin = BOLD if bold else LATIN

    def font(char: str) -> str:
        return latin if _has(latin, char) else CHINESE

    known = "".join(char if _has(font(char), char) else UNKNOWN for char in text if char.isprintable())
    for name, chars in groupby(known, font):
        yield name, "".join(chars)


def breadth(text: str, millimetres: float, *, bold: bool) -> float:
    """Millimetres a line takes in letters ``millimetres`` high."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return sum(stringWidth(piece, font, millimetres * MM) for font, piece in runs(text, bold=bold)) / MM


def marked_up(text: str, *, bold: bool = False) -> str:
    """The text for a reportlab paragraph: escaped, each piece in the font that has its characters."""
    return "".join(f'<font name="{font}">{escape(piece)}</font>' for font, piece in runs(text, bold=bold))
