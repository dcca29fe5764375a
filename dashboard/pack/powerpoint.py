"""A review as PowerPoint: native tables and charts, so that whoever presents can change a word or a bar.

PowerPoint lays text out when it is opened, so nothing here can measure it: what a box holds is reckoned from the widths
of its characters, generously, and what does not fit goes to the next slide.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from dashboard.i18n import _, say
from dashboard.pack import Told, reading, to_nobody
from repository.review import Chart, Review, Section

WIDE, HIGH = 13.333, 7.5  # inches: 16 by 9
EDGE, TOP, FOOT = 0.6, 1.45, 6.95
FONT = "Microsoft YaHei"  # on Windows and macOS Office; elsewhere the system's own stands in
INK, QUIET, RULE, BAND = "1B2733", "5B6770", "D5DBE1", "F2F5F8"
LINE = 1.3  # a line's height, in its letters' size


def presentation(review: Review, told: Told = to_nobody) -> bytes:
    """The review as a .pptx in the reader's language; ``told`` how many of its parts are drawn, of how many."""
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDE), Inches(HIGH)
    deck.core_properties.title = f"{review.community} {reading.named(review)}"[:255]
    deck.core_properties.author = "GridBoard"
    written = datetime.fromisoformat(review.written_at).astimezone(UTC).replace(tzinfo=None)
    deck.core_properties.created = deck.core_properties.modified = written
    drawn = _Deck(deck, reading.stamp(review))
    _cover(drawn, review)
    _agenda(drawn, review)
    parts = len(review.sections) + 2
    for place, section in enumerate(review.sections, start=1):
        told(place, parts)
        _section(drawn, section)
    _definitions(drawn, review)
    told(parts - 1, parts)
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


# --- a slide ---------------------------------------------------------------------------------------------------------
class _Deck:
    """The presentation under way: slides with a title and the foot of the review."""

    def __init__(self, deck: Any, stamp: str) -> None:
        self.deck, self.stamp = deck, stamp
        self.blank = deck.slide_layouts[5]  # a title, and nothing else

    def slide(self, title: str, above: str = "") -> Any:
        slide = self.deck.slides.add_slide(self.blank)
        head = slide.shapes.title
        _place(head, EDGE, 0.55 if above else 0.4, WIDE - 2 * EDGE, 0.8)
        size = next((size for size in (28, 24, 20, 18) if lines(title, WIDE - 2 * EDGE, size) == 1), 18)
        _write(head.text_frame, [title], size=size, bold=True, anchor="middle")
        if above:
            self.text(slide, [above], EDGE, 0.32, WIDE - 2 * EDGE, 0.35, size=13, colour=QUIET)
        count = len(self.deck.slides)
        self.text(slide, [self.stamp], EDGE, FOOT, WIDE - 2 * EDGE - 0.8, 0.35, size=10, colour=QUIET)
        self.text(slide, [str(count)], WIDE - EDGE - 0.7, FOOT, 0.7, 0.35, size=10, colour=QUIET, align="right")
        return slide

    def text(
        self, slide: Any, paragraphs: Sequence[str], left: float, top: float, width: float, height: float, **look: Any
    ) -> None:
        from pptx.util import Inches

        box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(width), Inches(height))
        _write(box.text_frame, paragraphs, **look)


def _place(shape: Any, left: float, top: float, width: float, height: float) -> None:
    from pptx.util import Inches

    shape.left, shape.top, shape.width, shape.height = (Inches(each) for each in (left, top, width, height))


def _write(
    frame: Any,
    paragraphs: Sequence[str],
    *,
    size: float,
    bold: bool = False,
    colour: str = INK,
    align: str = "left",
    anchor: str = "top",
    bullets: bool = False,
    gap: float = 0,
) -> None:
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap = True
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.vertical_anchor = {"top": MSO_ANCHOR.TOP, "middle": MSO_ANCHOR.MIDDLE}[anchor]
    for number, text in enumerate(paragraphs):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.alignment = {"left": PP_ALIGN.LEFT, "right": PP_ALIGN.RIGHT, "center": PP_ALIGN.CENTER}[align]
        paragraph.space_after = Pt(gap)
        run = paragraph.add_run()
        run.text = f"•\u00a0{text}" if bullets else text
        _font(run.font, size, colour, bold=bold)


def _font(font: Any, size: float, colour: str, *, bold: bool = False) -> None:
    from pptx.dml.color import RGBColor
    from pptx.oxml.ns import qn
    from pptx.util import Pt

    font.size, font.bold, font.name = Pt(size), bold, FONT
    font.color.rgb = RGBColor.from_string(colour)
    east = font._rPr.find(qn("a:ea"))  # python-pptx names the Latin face alone
    if east is None:
        east = font._rPr.makeelement(qn("a:ea"), {})
        font._rPr.append(east)
    east.set("typeface", FONT)


# --- what fits -------------------------------------------------------------------------------------------------------
def width(text: str, size: float) -> float:
    """Inches a text takes on one line, at least: a wide character is as wide as it is high, another some 0.56."""
    return sum(1.0 if ord(each) > 0x2E7F else 0.56 for each in text) * size / 72


def lines(text: str, wide: float, size: float) -> int:
    """Lines it takes in a box, reckoned with words that leave some of a line empty."""
    return max(1, -(-int(width(text, size) * 1.08 * 1000) // int(wide * 1000)))


def fitted(text: str, wide: float, size: float, most: int) -> str:
    """The text, cut where it would take more than ``most`` lines."""
    if lines(text, wide, size) <= most:
        return text
    kept = text
    while kept and lines(kept + "…", wide, size) > most:
        kept = kept[:-1]
    return kept.rstrip() + "…"


# --- tables ----------------------------------------------------------------------------------------------------------
Rows = list[list[str]]


def _columns(head: Sequence[str], rows: Rows, wide: float, size: float) -> list[float]:
    """Widths by what stands in the columns, none under a tenth of an even share; wide ones give first."""
    natural = [max(width(row[place], size) for row in [list(head), *rows]) + 0.25 for place in range(len(head))]
    if sum(natural) <= wide:
        return [each * wide / sum(natural) for each in natural]
    bound = max(natural)
    while sum(min(each, bound) for each in natural) > wide and bound > 0.6:
        bound -= 0.05
    cut = [min(each, bound) for each in natural]
    return [each * wide / sum(cut) for each in cut]


def _height(row: Sequence[str], wide: Sequence[float], size: float) -> float:
    most = max(lines(text, each - 0.2, size) for text, each in zip(row, wide, strict=True))
    return (most * size * LINE) / 72 + 0.12


def _pages(head: list[str], rows: Rows, wide: Sequence[float], size: float, room: float) -> Iterator[Rows]:
    page: Rows = []
    left = room - _height(head, wide, size)
    for row in rows:
        need = _height(row, wide, size)
        if page and need > left:
            yield page
            page, left = [], room - _height(head, wide, size)
        page.append(row)
        left -= need
    yield page


def _table(
    slide: Any,
    head: list[str],
    rows: Rows,
    left: float,
    top: float,
    wide: Sequence[float],
    *,
    size: float,
    right: Iterable[int] = (),
    colours: dict[tuple[int, int], str] | None = None,
) -> None:
    from pptx.dml.color import RGBColor
    from pptx.util import Inches, Pt

    heights = [_height(row, wide, size) for row in [head, *rows]]
    shape = slide.shapes.add_table(
        len(rows) + 1, len(head), Inches(left), Inches(top), Inches(sum(wide)), Inches(sum(heights))
    )
    table = shape.table
    shape._element.graphic.graphicData.tbl.tblPr.set("bandRow", "0")
    for place, each in enumerate(wide):
        table.columns[place].width = Inches(each)
    numeric = set(right)
    for number, row in enumerate([head, *rows]):
        table.rows[number].height = Inches(heights[number])
        for place, text in enumerate(row):
            cell = table.cell(number, place)
            cell.margin_left = cell.margin_right = Pt(6)
            cell.margin_top = cell.margin_bottom = Pt(3)
            cell.fill.solid()
            cell.fill.fore_color.rgb = RGBColor.from_string("FFFFFF" if number else BAND)
            colour = QUIET if not number else (colours or {}).get((number - 1, place), INK)
            frame = cell.text_frame
            _write(
                frame,
                [text],
                size=size if number else size - 1,
                bold=not number or (number - 1, place) in (colours or {}),
                colour=colour,
                align="right" if place in numeric else "left",
            )
            cell.margin_left = cell.margin_right = Pt(6)  # writing takes a frame's margins away
            cell.margin_top = cell.margin_bottom = Pt(3)


# --- the slides ------------------------------------------------------------------------------------------------------
def _cover(deck: _Deck, review: Review) -> None:
    slide = deck.slide(reading.named(review), review.community)
    said = [reading.need(review)]
    deck.text(slide, said, EDGE, TOP, WIDE - 2 * EDGE, 0.5, size=18)
    head, rows = reading.summary(review)
    wide = [2.2, 2.2, WIDE - 2 * EDGE - 4.4]
    rows = [[fitted(text, each - 0.2, 14, 1) for text, each in zip(row, wide, strict=True)] for row in rows]
    colours = {(number, 1): reading.COLOURS[section.state] for number, section in enumerate(review.sections)}
    _table(slide, head, rows, EDGE, TOP + 0.6, wide, size=14, colours=colours)


def _agenda(deck: _Deck, review: Review) -> None:
    for read in reading.agenda(review):
        _paged(deck, read)


def _section(deck: _Deck, section: Section) -> None:
    slide = deck.slide(say(section.headline), reading.heading(section))
    head, rows = reading.figure_rows(section.figures)
    points = reading.points(section)
    whole = WIDE - 2 * EDGE
    wide = _columns(head, rows, whole, 13)
    colours = {
        (number, 3): reading.COLOURS[figure.state]
        for number, figure in enumerate(section.figures)
        if figure.state is not None
    }
    _table(slide, head, rows, EDGE, TOP, wide, size=13, right=(1, 2, 4, 5), colours=colours)
    used = TOP + sum(_height(row, wide, 13) for row in [head, *rows]) + 0.3
    said = [fitted(point, whole, 16, 2) for point in points]
    while said and used + sum(lines(each, whole, 16) * 16 * LINE / 72 + 0.1 for each in said) > FOOT - 0.1:
        said.pop()
    if said:
        deck.text(slide, said, EDGE, used, whole, FOOT - used - 0.1, size=16, bullets=True, gap=6)
    for chart in section.charts:
        _chart(deck, section, chart)
    for table in section.tables:
        if table.rows:
            _paged(deck, reading.tabled(table), say(section.title))


def _chart(deck: _Deck, section: Section, chart: Chart) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.dml.color import RGBColor
    from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
    from pptx.util import Inches, Pt

    slide = deck.slide(say(chart.title), say(section.title))
    data = CategoryChartData()
    data.categories = reading.labels(chart)
    for name, values in chart.series:
        data.add_series(say(name), reading.plotted(values, chart.unit))
    kinds = {
        "columns": XL_CHART_TYPE.COLUMN_CLUSTERED,
        "lines": XL_CHART_TYPE.LINE,
        "bars": XL_CHART_TYPE.BAR_CLUSTERED,
    }
    frame = slide.shapes.add_chart(
        kinds[chart.kind], Inches(EDGE), Inches(TOP), Inches(WIDE - 2 * EDGE), Inches(FOOT - TOP - 0.2), data
    )
    drawn = frame.chart
    drawn.has_title = False
    drawn.font.size, drawn.font.name = Pt(12), FONT
    drawn.has_legend = len(chart.series) > 1
    if drawn.has_legend:
        drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    axis = drawn.value_axis
    axis.has_title = True
    axis.axis_title.text_frame.text = reading.measured(chart)
    axis.axis_title.text_frame.paragraphs[0].runs[0].font.size = Pt(12)
    axis.minimum_scale = 0
    axis.major_gridlines.format.line.color.rgb = RGBColor.from_string(RULE)
    axis.format.line.fill.background()
    axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = "#,##0", False
    if chart.kind == "bars":
        drawn.category_axis.reverse_order = True
    for series, colour in zip(drawn.plots[0].series, reading.SERIES, strict=False):
        fill = series.format.line if chart.kind == "lines" else series.format.fill
        if chart.kind != "lines":
            fill.solid()
            fill.fore_color.rgb = RGBColor.from_string(colour)
        else:
            fill.color.rgb = RGBColor.from_string(colour)


def _definitions(deck: _Deck, review: Review) -> None:
    head = [_("Figure"), _("How it is worked out"), _("Source")]
    rows = [list(row) for row in reading.definitions(review)]
    wide = [2.6, 6.6, WIDE - 2 * EDGE - 9.2]
    _paged(deck, reading.Read(_("What the figures mean"), head, rows), wide=wide, size=11)


def _paged(
    deck: _Deck, read: reading.Read, above: str = "", *, wide: list[float] | None = None, size: float = 13
) -> None:
    """A table over as many slides as it takes; no cell is taller than four lines."""
    wide = wide or _columns(read.head, read.rows, WIDE - 2 * EDGE, size)
    rows = [[fitted(text, each - 0.2, size, 4) for text, each in zip(row, wide, strict=True)] for row in read.rows]
    pages = list(_pages(read.head, rows, wide, size, FOOT - TOP - 0.45))
    for number, page in enumerate(pages, 1):
        slide = deck.slide(read.title if len(pages) == 1 else f"{read.title} ({number}/{len(pages)})", above)
        _table(slide, read.head, page, EDGE, TOP, wide, size=size, right=read.right)
        if read.note and number == len(pages):
            deck.text(slide, [read.note], EDGE, FOOT - 0.35, WIDE - 2 * EDGE, 0.3, size=11, colour=QUIET)
