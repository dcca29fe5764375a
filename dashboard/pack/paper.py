"""A review as PDF for A4: what lies on the table. Fonts are embedded, charts are drawn as vectors."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashboard import i18n
from dashboard.i18n import _, say
from dashboard.pack import Told, reading, to_nobody
from dashboard.typeset import LATIN, MM, breadth, fonts, marked_up, runs
from repository.review import Chart, Review, Section, Table

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

PAGE = (210 * MM, 297 * MM)
EDGE = 16 * MM
WIDTH = PAGE[0] - 2 * EDGE
INK, QUIET, RULE, BAND = "#1B2733", "#5B6770", "#D5DBE1", "#F2F5F8"
SMALL = 7.5  # points, in charts and at the foot
SHAPES = str.maketrans("", "", "".join(reading.MARKS.values()))
"""The marks of states, which the fonts lack: on paper their words stand alone."""


def printed(review: Review, told: Told = to_nobody) -> bytes:
    """The review as a PDF in the reader's language; ``told`` how much of it is laid out."""
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    fonts()
    file = io.BytesIO()
    document = BaseDocTemplate(
        file,
        pagesize=PAGE,
        title=f"{review.community} {reading.named(review)}",
        author="GridBoard",
        lang="zh-CN" if i18n.current() == "zh" else "en",
        invariant=True,
    )
    frame = Frame(EDGE, EDGE + 6 * MM, WIDTH, PAGE[1] - 2 * EDGE - 6 * MM, 0, 0, 0, 0)
    stamp = reading.stamp(review)

    def foot(canvas: Any, drawn: Any) -> None:
        from reportlab.platypus import Paragraph

        line = Paragraph(marked_up(stamp), _style(SMALL, QUIET))
        line.wrap(WIDTH - 20 * MM, 20 * MM)
        line.drawOn(canvas, EDGE, EDGE - 2 * MM)
        number = Paragraph(marked_up(str(drawn.page)), _style(SMALL, QUIET, right=True))
        number.wrap(20 * MM, 10 * MM)
        number.drawOn(canvas, PAGE[0] - EDGE - 20 * MM, EDGE - 2 * MM)

    document.addPageTemplates(PageTemplate(frames=[frame], onPage=foot))
    flow = [*_cover(review), *_agenda(review), *_sections(review.sections), *_definitions(review)]
    whole = len(flow)  # what is laid out is taken from the list
    document.setProgressCallBack(lambda of, n: told(n, whole) if of == "PROGRESS" else None)
    document.build(flow)
    return file.getvalue()


# --- letters ---------------------------------------------------------------------------------------------------------
def _style(size: float, colour: str = INK, *, right: bool = False, after: float = 0) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.enums import TA_LEFT, TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle

    return ParagraphStyle(
        "text",
        fontSize=size,
        leading=size * 1.4,
        textColor=HexColor(colour),
        alignment=TA_RIGHT if right else TA_LEFT,
        wordWrap="CJK" if i18n.current() == "zh" else None,
        splitLongWords=True,
        spaceAfter=after,
    )


def _text(text: str, size: float = 9.5, *, bold: bool = False, **look: Any) -> "Flowable":
    from reportlab.platypus import Paragraph

    return Paragraph(marked_up(text.translate(SHAPES).strip(), bold=bold), _style(size, **look))


def _title(text: str) -> "Flowable":
    return _text(text, 13, bold=True, after=6)


# --- tables ----------------------------------------------------------------------------------------------------------
def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    shares: Sequence[float],
    *,
    right: Sequence[int] = (),
    colours: dict[tuple[int, int], str] | None = None,
    size: float = 8.5,
) -> "Flowable":
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import LongTable, TableStyle

    def cell(text: str, row: int, place: int) -> "Flowable":
        colour = QUIET if row < 0 else (colours or {}).get((row, place), INK)
        return _text(text, size, bold=row < 0, colour=colour, right=place in right)

    lines = enumerate([head, *rows], -1)
    body = [[cell(text, number, place) for place, text in enumerate(line)] for number, line in lines]
    table = LongTable(body, [WIDTH * share / sum(shares) for share in shares], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), HexColor(BAND)),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(RULE)),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 4),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
            ]
        )
    )
    table.spaceBefore = 2
    table.spaceAfter = 9
    return table


def _shares(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """Of the width, by the longest text of each column, none under a seventh of the widest."""

    def units(text: str) -> float:
        return min(44, sum(2 if ord(each) > 0x2E7F else 1.1 for each in text))

    wide = [max(map(units, column)) + 2 for column in zip(head, *rows, strict=True)]
    return [max(each, max(wide) / 7) for each in wide]


# --- the parts -------------------------------------------------------------------------------------------------------
def _cover(review: Review) -> list["Flowable"]:
    head, rows = reading.summary(review)
    colours = {(number, 1): f"#{reading.COLOURS[section.state]}" for number, section in enumerate(review.sections)}
    return [
        _text(review.community, 10, colour=QUIET, after=2),
        _text(reading.named(review), 18, bold=True, after=10),
        _table(head, rows, [18, 17, 65], colours=colours, size=9.5),
    ]


def _agenda(review: Review) -> list["Flowable"]:
    return [
        each
        for read in reading.agenda(review)
        for each in (
            _title(read.title),
            _table(read.head, read.rows, [(40, 40, 14, 14, 12)[place] for place in read.places]),
        )
    ]


def _sections(sections: Sequence[Section]) -> list["Flowable"]:
    from reportlab.platypus import CondPageBreak

    found: list[Flowable] = []
    for section in sections:
        head, rows = reading.figure_rows(section.figures)
        colours = {
            (number, 3): f"#{reading.COLOURS[figure.state]}"
            for number, figure in enumerate(section.figures)
            if figure.state is not None
        }
        found += [
            CondPageBreak(70 * MM),
            _text(reading.heading(section), 9, colour=QUIET),
            _title(say(section.headline)),
            _table(head, rows, [32, 14, 12, 18, 14, 12], right=(1, 2, 4, 5), colours=colours),
            *(_text(f"• {point}", after=3) for point in reading.points(section)),
            *map(_chart, section.charts),
            *(each for table in section.tables if table.rows for each in _behind(table)),
        ]
    return found


def _behind(table: Table) -> list["Flowable"]:
    from reportlab.platypus import CondPageBreak

    read = reading.tabled(table)
    return [
        CondPageBreak(35 * MM),
        _text(read.title, 10, bold=True, after=2),
        _table(read.head, read.rows, _shares(read.head, read.rows), right=read.right),
        *([_text(read.note, 8, colour=QUIET, after=8)] if read.note else []),
    ]


def _chart(chart: Chart) -> "Flowable":
    from reportlab.platypus import KeepTogether

    return KeepTogether([_text(say(chart.title), 10, bold=True, after=2), _drawing(chart)])


def _definitions(review: Review) -> list["Flowable"]:
    from reportlab.platypus import PageBreak

    head = [_("Figure"), _("How it is worked out"), _("Source")]
    return [
        PageBreak(),
        _title(_("What the figures mean")),
        _table(head, [list(row) for row in reading.definitions(review)], [24, 50, 26], size=7.5),
    ]


# --- charts ----------------------------------------------------------------------------------------------------------
def _drawing(chart: Chart) -> "Flowable":
    """Columns or bars from an axis at zero; what is no data is a gap."""
    from reportlab.graphics.charts.barcharts import HorizontalBarChart, VerticalBarChart
    from reportlab.graphics.shapes import Drawing, Rect
    from reportlab.lib.colors import HexColor

    bars = chart.kind == "bars"
    labels = reading.labels(chart)
    high = max(32 * MM, len(labels) * 8 * MM) if bars else 48 * MM
    drawing = Drawing(WIDTH, high + 14 * MM)
    plot = HorizontalBarChart() if bars else VerticalBarChart()
    left = 42 * MM if bars else 16 * MM
    plot.x, plot.y, plot.width, plot.height = left, 8 * MM, WIDTH - left - 4 * MM, high
    values = [reading.plotted(values, chart.unit) for _name, values in chart.series]
    plot.data = [list(reversed(each)) for each in values] if bars else values  # the first stands on top
    plot.categoryAxis.visibleLabels = False  # each label needs two fonts
    plot.valueAxis.labels.fontName, plot.valueAxis.labels.fontSize = LATIN, SMALL
    plot.valueAxis.labels.fillColor = HexColor(QUIET)
    plot.valueAxis.valueMin = 0
    plot.valueAxis.visibleGrid, plot.valueAxis.gridStrokeColor = True, HexColor(RULE)
    plot.valueAxis.labelTextFormat = i18n.number
    for axis in (plot.categoryAxis, plot.valueAxis):
        axis.strokeColor = HexColor(RULE)
    plot.groupSpacing, plot.barSpacing = 6, 1
    for place in range(len(chart.series)):
        plot.bars[place].fillColor = HexColor(f"#{reading.SERIES[place]}")
        plot.bars[place].strokeColor = None
    drawing.add(plot)
    step = (plot.height if bars else plot.width) / max(len(labels), 1)
    for place, label in enumerate(labels):
        if bars:
            _word(drawing, left - 4, plot.y + plot.height - (place + 0.5) * step - 2, label, QUIET, "end")
        else:
            _word(drawing, left + (place + 0.5) * step, plot.y - 11, label, QUIET, "middle")
    top = high + 11 * MM
    _word(drawing, left, top, reading.measured(chart), QUIET)
    for place, (name, _values) in enumerate(chart.series if len(chart.series) > 1 else ()):
        across = left + (50 + 40 * place) * MM
        fill = HexColor(f"#{reading.SERIES[place]}")
        drawing.add(Rect(across, top, 6, 6, fillColor=fill, strokeColor=None))
        _word(drawing, across + 9, top, say(name), INK)
    return drawing


def _word(drawing: Any, x: float, y: float, text: str, colour: str, anchor: str = "start") -> None:
    """A line of a drawing, each piece in the font that has its characters."""
    from reportlab.graphics.shapes import String
    from reportlab.lib.colors import HexColor

    x -= breadth(text, SMALL / MM, bold=False) * MM * {"start": 0, "middle": 0.5, "end": 1}[anchor]
    for font, piece in runs(text, bold=False):
        drawing.add(String(x, y, piece, fontName=font, fontSize=SMALL, fillColor=HexColor(colour)))
        x += breadth(piece, SMALL / MM, bold=False) * MM
