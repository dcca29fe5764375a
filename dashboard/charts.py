"""Rows into figures: a few builders with one look. Plotly figures as plain data, no Streamlit, no WebGL, no map tiles.

Texts come in already in the reader's language. Every builder takes ``look``, the colours of the reader's theme
(``cards.look()`` on a page). Blue and slate are data; red is overdue or off target and nothing else; a hollow box is
what the bar is compared with. Nothing to draw gives empty axes, never an error.
"""

import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Literal

THEME = Path(__file__).parent / "theme" / "config.toml"
TEXT = 14  # px: 0.875 rem
SMALL = 12
ROW = 48  # px a horizontal bar takes with the air around it
HEAD = 30  # px of a line above the bars
TICKS = 6  # at most so many labels on a time axis: they fit 300 px

Months = Sequence[str]  # "2026-04"
Numbers = Sequence[float | None]
Figure = dict[str, Any]
"""A plotly figure as plain data: ``data`` and ``layout``. Building it from plotly's objects costs some ten times as
much; that plotly takes it is checked when it is drawn first, and by the tests."""


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, read from theme/config.toml: the only place they are written down."""

    font: str
    page: str
    raised: str
    ink: str
    quiet: str
    rule: str
    series: tuple[str, ...]
    ramp: tuple[str, ...]
    states: dict[str, str]
    grounds: dict[str, str]
    inks: dict[str, str]

    @property
    def main(self) -> str:
        """What the chart is about."""
        return self.series[0]

    @property
    def second(self) -> str:
        """The other of two, lighter."""
        return self.series[1]

    @property
    def slate(self) -> str:
        """The one compared with."""
        return self.series[2]

    @property
    def pale(self) -> str:
        """Plain stock: bars whose exceptions are coloured."""
        return self.ramp[2] if self.page.upper() == "#FFFFFF" else self.ramp[4]

    @property
    def red(self) -> str:
        """Overdue or off target."""
        return self.states["red"]


@cache
def palette(theme: Literal["light", "dark"] | str | None) -> Palette:
    """The palette of Streamlit's ``theme.type``; anything but ``dark`` is light."""
    settings = tomllib.loads(THEME.read_text("utf-8"))["theme"]
    colours = settings["dark" if theme == "dark" else "light"]
    names = ("red", "orange", "green", "violet", "gray", "blue")
    return Palette(
        font=settings["font"].replace("'", ""),
        page=colours["backgroundColor"],
        raised=colours["secondaryBackgroundColor"],
        ink=colours["textColor"],
        quiet=colours["grayTextColor"],
        rule=colours["borderColor"],
        series=tuple(colours["chartCategoricalColors"]),
        ramp=tuple(colours["chartSequentialColors"]),
        states={name: colours[f"{name}Color"] for name in names},
        grounds={name: colours[f"{name}BackgroundColor"] for name in names},
        inks={name: colours[f"{name}TextColor"] for name in names},
    )


# --- bars whose names are words: horizontal --------------------------------------------------------------------------
def bars(
    labels: Sequence[str],
    values: Numbers,
    texts: Sequence[str],
    *,
    look: Palette,
    red: Iterable[int] = (),
    boxes: Numbers = (),
    pale: bool = False,
    links: Sequence[str] = (),
) -> Figure:
    """One horizontal bar per label, from the top, its text at its end. ``red`` are the positions that are off target;
    ``boxes`` draw a hollow box behind each bar (the period before, or what is expected). A zero keeps its row: a thin
    stroke and its text say that there was none. ``links`` are where the texts lead."""
    amounts = [value or 0 for value in values]
    frames = [value or 0 for value in boxes]
    exceptions = set(red)
    plain = look.pale if pale else look.main
    figure = _figure(look, len(labels))
    if frames:
        _trace(
            figure,
            "bar",
            y=list(range(len(labels))),
            x=frames,
            orientation="h",
            width=0.74,
            marker={"color": "rgba(0,0,0,0)", "line": {"color": look.quiet, "width": 1}},
            hoverinfo="skip",
        )
    _trace(
        figure,
        "bar",
        y=list(range(len(labels))),
        x=amounts,
        orientation="h",
        width=0.5 if frames else 0.66,
        marker={"color": [look.red if i in exceptions else plain for i in range(len(labels))], "line": {"width": 0}},
        hovertext=[f"{_safe(label)}<br>{_safe(text)}" for label, text in zip(labels, texts, strict=True)],
        hoverinfo="text",
    )
    for row, amount in enumerate(amounts):
        if not amount and not (frames and frames[row]):
            _shape(
                figure, type="line", x0=0, x1=0, y0=row - 0.33, y1=row + 0.33, line={"color": look.quiet, "width": 1}
            )
    ends = [max(pair) for pair in zip(amounts, frames or amounts, strict=True)]
    return _rows(figure, labels, ends, texts, look, quiet=[not amount for amount in amounts], links=links)


def stacked(
    labels: Sequence[str],
    parts: Sequence[tuple[str, Numbers, str]],
    texts: Sequence[str],
    *,
    look: Palette,
    links: Sequence[str] = (),
    cells: Sequence[Sequence[str]] = (),
) -> Figure:
    """Horizontal bars made of parts, each ``(name, values, colour)`` with a colour of the palette; the first part
    stands at the left. ``texts`` stand at the ends. ``links`` are where the texts lead; with ``cells``, by part and
    row, each part's number stands below its bar and leads there. Of three parts and more a key says which is which."""
    keyed = len(parts) > 2
    figure = _figure(look, len(labels), head=2 if keyed else 0)
    for name, values, colour in parts:
        _trace(
            figure,
            "bar",
            y=list(range(len(labels))),
            x=[value or 0 for value in values],
            orientation="h",
            width=0.5 if cells else 0.66,
            marker={"color": colour, "line": {"width": 0}},
            name=_safe(name),
            hovertext=[
                f"{_safe(label)}<br>{_safe(name)} {_amount(value or 0)}"
                for label, value in zip(labels, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure["layout"].update(barmode="stack")
    sums = [sum(values[row] or 0 for _name, values, _colour in parts) for row in range(len(labels))]
    for row in range(len(labels)) if cells else ():
        numbers = [
            f'<span style="color:{colour}">■</span>\u202f{_leading(_amount(values[row]), cells[place][row])}'
            for place, (_name, values, colour) in enumerate(parts)
            if values[row]
        ]
        small = {"color": look.quiet, "size": SMALL}
        _note(
            figure, x=0, y=row + 0.31, text="   ".join(numbers), xanchor="left", yanchor="top", showarrow=False,
            font=small,
        )  # fmt: skip
    _rows(figure, labels, sums, texts, look, quiet=[not total for total in sums], links=links)
    if keyed:
        lines = [""]
        for name, _values, colour in parts:
            if _width(re.sub("<[^>]+>", "", lines[-1]) + name) > _PLOT * 1.7:
                lines.append("")
            lines[-1] += f'<span style="color:{colour}">■</span>\u202f{_safe(name)}   '
        _note(
            figure, x=0, xref="paper", y=1, yref="paper", text="<br>".join(lines), xanchor="left", yanchor="bottom",
            align="left", showarrow=False, font={"color": look.quiet, "size": SMALL},
        )  # fmt: skip
        figure["layout"]["margin"]["t"] = 8 + 2 * HEAD
    return figure


def aged(
    labels: Sequence[str],
    totals: Sequence[int],
    overdue: Sequence[int],
    texts: Sequence[str],
    *,
    names: tuple[str, str],
    look: Palette,
    links: Sequence[str] = (),
    late: Sequence[str] = (),
    in_time: Sequence[str] = (),
) -> Figure:
    """A stock by age: how many there are, the overdue part of each bar red. ``names`` say overdue and the rest.
    ``links`` are where the texts lead, ``late`` where the overdue parts do, ``in_time`` the others."""
    rest = [total - part for total, part in zip(totals, overdue, strict=True)]
    parts = [(names[0], overdue, look.red), (names[1], rest, look.pale)]
    return stacked(labels, parts, texts, look=look, links=links, cells=[late, in_time] if late else ())


def dots(
    labels: Sequence[str],
    points: Sequence[Sequence[float]],
    texts: Sequence[str],
    *,
    look: Palette,
    red: Sequence[Sequence[bool]],
    unit: str,
    limit: tuple[float, str] | None = None,
) -> Figure:
    """One row per label with a dot for each thing, from zero to the right: how far apart they lie. ``red`` says which
    dots are off target; ``limit`` is a thin upright line and its name."""
    figure = _figure(look, len(labels), head=1)
    furthest = max([value for row in points for value in row] + [limit[0] if limit else 0], default=0) or 1
    for row, values in enumerate(points):
        if len(values) > 1:
            _shape(
                figure,
                type="line",
                x0=min(values),
                x1=max(values),
                y0=row,
                y1=row,
                layer="below",
                line={"color": look.pale, "width": 8},
            )
    for place, colour in ((False, look.main), (True, look.red)):
        spots = [
            (value, row)
            for row, values in enumerate(points)
            for value, off in zip(values, red[row], strict=True)
            if off is place
        ]
        _trace(
            figure,
            "scatter",
            x=[value for value, _row in spots],
            y=[row for _value, row in spots],
            mode="markers",
            marker={"color": colour, "size": 11, "line": {"color": look.page, "width": 1}},
            hovertext=[f"{_safe(labels[row])}<br>{value:.1f} {_safe(unit)}" for value, row in spots],
            hoverinfo="text",
        )
    _rows(figure, labels, [furthest] * len(labels), texts, look, quiet=[False] * len(labels))
    figure["layout"]["xaxis"].update(range=[-furthest * 0.02, furthest * 1.02])
    if limit:
        _shape(
            figure,
            type="line",
            x0=limit[0],
            x1=limit[0],
            y0=-0.5,
            y1=len(labels) - 0.5,
            line={"color": look.quiet, "width": 1, "dash": "dot"},
        )
        _note(
            figure,
            x=limit[0],
            y=-0.5,
            text=_safe(limit[1]),
            showarrow=False,
            yanchor="bottom",
            font={"color": look.quiet},
        )
        figure["layout"]["margin"]["t"] = 26
    return figure


# --- time: lines -----------------------------------------------------------------------------------------------------
def lines(
    ticks: Sequence[str],
    first: Numbers,
    second: Numbers,
    *,
    names: Sequence[str],
    look: Palette,
    third: Numbers = (),
    gap: bool = True,
    so_far: bool = False,
    links: Sequence[Sequence[str]] = (),
    projector: tuple[int, int] | None = None,
) -> Figure:
    """Two lines over months or days ("2026-04", "2026-04-02"), each named at its end: ``first`` slate (opened,
    visits), ``second`` blue (ended, people); a ``third`` dashed (what stayed). ``gap`` fills what lies between the two
    at 9 % red, where the first is above. ``so_far``: the last month is not over, the way to it is dotted. ``links``, by
    line and place, are where the points lead. ``projector``: the height and that of the letters, in pixels, on a
    slide."""
    figure = _figure(look)
    if projector:
        layout = figure["layout"]
        layout["height"], layout["font"]["size"] = projector
        for axis in ("xaxis", "yaxis"):
            layout[axis]["tickfont"] = layout[axis]["tickfont"] | {"size": projector[1]}
    places = list(range(len(ticks)))
    drawn = [(first, names[0], look.slate, 2.0, None), (second, names[1], look.main, 2.5, None)]
    if third:
        drawn.append((third, names[2], look.ink, 1.5, "dash"))
    if gap:
        for stretch in _stretches(first, second):
            _trace(
                figure,
                "scatter",
                x=[x for x, _low, _high in stretch] + [x for x, _low, _high in reversed(stretch)],
                y=[high for _x, _low, high in stretch] + [low for _x, low, _high in reversed(stretch)],
                fill="toself",
                fillcolor=_faded(look.red, 0.09),
                mode="none",
                hoverinfo="skip",
            )
    for values, name, colour, width, dash in drawn:
        _line(figure, ticks, values, name, colour, width, dash=dash, so_far=so_far)
    for values, where, colour in zip((first, second), links, (look.slate, look.main), strict=False):
        _points_that_lead(figure, ticks, values, where, colour)
    ends = [(_last(values), name, colour) for values, name, colour, _width, _dash in drawn]
    return _over_time(figure, ticks, [*first, *second, *third], ends, look, places)


def line(
    ticks: Sequence[str],
    values: Numbers,
    *,
    name: str,
    look: Palette,
    area: bool = True,
    target: tuple[float, str] | None = None,
    links: Sequence[str] = (),
) -> Figure:
    """One course over months or days, named at its end, with a pale area under it; ``target`` is a thin line and what
    it is called. ``links`` are where the points lead."""
    figure = _figure(look)
    if area:
        for stretch in _stretches(values, [0 if value is not None else None for value in values]):
            _trace(
                figure,
                "scatter",
                x=[x for x, _low, _high in stretch] + [stretch[-1][0], stretch[0][0]],
                y=[high for _x, _low, high in stretch] + [0, 0],
                fill="toself",
                fillcolor=_faded(look.main, 0.12),
                mode="none",
                hoverinfo="skip",
            )
    _line(figure, ticks, values, name, look.main, 2.5)
    _points_that_lead(figure, ticks, values, links, look.main)
    ends = [(_last(values), name, look.main)]
    everything = list(values)
    if target is not None:
        height, called = target
        _shape(
            figure,
            type="line",
            x0=0,
            x1=max(len(ticks) - 1, 0),
            y0=height,
            y1=height,
            line={"color": look.quiet, "width": 1, "dash": "dot"},
        )
        ends.append((height, called, look.quiet))
        everything.append(height)
    return _over_time(figure, ticks, everything, ends, look, list(range(len(ticks))))


def columns(
    labels: Sequence[str],
    values: Numbers,
    texts: Sequence[str],
    *,
    look: Palette,
    red: Iterable[int] = (),
    overdue: Numbers = (),
) -> Figure:
    """One upright bar per year or month, its text above it: for five or so labels that are numbers. ``overdue`` is the
    part of each bar that is drawn red at its foot. A label may have a second line."""
    exceptions = set(red)
    figure = _figure(look)
    amounts = [value or 0 for value in values]
    _trace(
        figure,
        "bar",
        x=list(range(len(labels))),
        y=amounts,
        width=0.6,
        marker={
            "color": [look.red if i in exceptions else look.main for i in range(len(labels))],
            "line": {"width": 0},
        },
        hovertext=[f"{_safe(label)}<br>{_safe(text)}" for label, text in zip(labels, texts, strict=True)],
        hoverinfo="text",
    )
    if overdue:
        _trace(
            figure,
            "bar",
            x=list(range(len(labels))),
            y=[value or 0 for value in overdue],
            width=0.6,
            marker={"color": look.red, "line": {"width": 0}},
            hoverinfo="skip",
        )
    for place, (amount, text) in enumerate(zip(amounts, texts, strict=True)):
        _note(figure, x=place, y=amount, text=_safe(text), showarrow=False, yanchor="bottom", font={"color": look.ink})
    figure["layout"].update(height=260, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure["layout"]["xaxis"].update(
        tickvals=list(range(len(labels))),
        ticktext=["<br>".join(map(_safe, label.split("\n"))) for label in labels],
        range=[-0.6, max(len(labels), 1) - 0.4],
        showline=True,
    )
    figure["layout"]["yaxis"].update(visible=False, range=[0, (max(amounts, default=0) or 1) * 1.15])
    return figure


NOTHING, LEAST, TRACE = 1, 3, 0.001
"""Of the ramp, the colours of a cell with nothing and with the least of something, told from the page and each other in
light and in dark; the share below which a cell has nothing."""


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Numbers],
    texts: Sequence[Sequence[str]],
    *,
    look: Palette,
    full: float = 0,
) -> Figure:
    """A field of cells, the further from the page the more: days of the week against hours. ``texts`` are what a finger
    on a cell says; every third column is named. A cell without a value is left out, one of nothing is pale, and the
    least of something stands out; ``full`` is what the strongest stands for, if nothing is more."""
    figure = _figure(look)
    most = max([value or 0 for row in values for value in row] + [full]) or 1
    nothing, something = look.ramp[NOTHING], look.ramp[LEAST:]
    steps = len(something) - 1
    scale = [[0.0, nothing], [TRACE, nothing]]
    scale += [[TRACE + (1 - TRACE) * place / steps, colour] for place, colour in enumerate(something)]
    _trace(
        figure,
        "heatmap",
        x=list(range(len(columns))),
        y=list(range(len(rows))),
        z=[list(row) for row in values],
        zmin=0,
        zmax=most,
        colorscale=scale,
        showscale=False,
        xgap=2,
        ygap=2,
        hovertext=[[_safe(text) for text in row] for row in texts],
        hoverinfo="text",
    )
    figure["layout"].update(height=28 * len(rows) + 48, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    named = range(0, len(columns), 3)
    figure["layout"]["xaxis"].update(tickvals=list(named), ticktext=[_safe(columns[place]) for place in named])
    figure["layout"]["yaxis"].update(
        tickvals=list(range(len(rows))),
        ticktext=[_safe(row) + "  " for row in rows],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
    )
    return figure


# --- people ----------------------------------------------------------------------------------------------------------
def pyramid(
    bands: Sequence[str],
    left: Numbers,
    right: Numbers,
    left_box: Numbers,
    right_box: Numbers,
    *,
    names: tuple[str, str],
    look: Palette,
    say: Any = None,
) -> Figure:
    """Shares (0 to 1) by age, youngest first and drawn at the bottom: solid bars are those who came, the hollow boxes
    around them the population. ``say`` writes a share (default: ``i18n.percent`` without its sign)."""
    write = say or _points
    figure = _figure(look, len(bands), head=1)
    rows = list(range(len(bands)))
    for side, boxes in ((-1, left_box), (1, right_box)):
        _trace(
            figure,
            "bar",
            y=rows,
            x=[side * 100 * (value or 0) for value in boxes],
            orientation="h",
            width=0.78,
            marker={"color": "rgba(0,0,0,0)", "line": {"color": look.ink, "width": 1.2}},
            hoverinfo="skip",
        )
    for side, values, boxes, colour, name in (
        (-1, left, left_box, look.main, names[0]),
        (1, right, right_box, look.second, names[1]),
    ):
        _trace(
            figure,
            "bar",
            y=rows,
            x=[side * 100 * (value or 0) for value in values],
            orientation="h",
            width=0.5,
            marker={"color": colour, "line": {"width": 0}},
            hovertext=[
                f"{_safe(name)} {_safe(band)}<br>{_safe(write(value))} / {_safe(write(box))}"
                for band, value, box in zip(bands, values, boxes, strict=True)
            ],
            hoverinfo="text",
        )
        for row, (value, box) in enumerate(zip(values, boxes, strict=True)):
            _note(
                figure,
                x=side * 100 * max(value or 0, box or 0),
                y=row,
                text=_safe(write(value)),
                xanchor="right" if side < 0 else "left",
                xshift=6 * side,
                showarrow=False,
                font={"color": look.ink if value else look.quiet},
            )
        _note(
            figure,
            x=0,
            y=len(bands) - 0.5,
            yanchor="bottom",
            yshift=2,
            xshift=side * 46,
            text=f"<b>{_safe(name)}</b>",
            showarrow=False,
            font={"color": look.ink},
        )
    widest = max((100 * (value or 0) for side in (left, right, left_box, right_box) for value in side), default=0) or 1
    figure["layout"]["xaxis"].update(visible=False, range=[-widest, widest])
    figure["layout"]["yaxis"].update(
        ticks="outside",  # unseen ticks keep the ages clear of the figures at the bars' left ends
        ticklen=38,
        tickcolor="rgba(0,0,0,0)",
        tickvals=rows,
        ticktext=[_safe(band) for band in bands],
        range=[-0.5, len(bands) - 0.5],
        showgrid=False,
    )
    _shape(figure, type="line", x0=0, x1=0, y0=-0.5, y1=len(bands) - 0.5, line={"color": look.ink, "width": 1})
    figure["layout"].update(margin={"l": 8, "r": 40, "t": 30, "b": 8})
    return figure


def _points(share: float | None) -> str:
    from dashboard.i18n import percent

    return percent(share).removesuffix("%")


# --- the map ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Shape:
    """A grid on the map: its outline as (longitude, latitude) corners, the value that colours it, and what stands on
    it. ``tone`` colours it by a state (red, orange, green, violet, gray) instead."""

    label: str
    outline: Sequence[tuple[float, float]]
    value: float | None = None
    text: str = ""
    tone: str = ""


def grid_map(shapes: Sequence[Shape], *, look: Palette, chosen: int | None = None) -> Figure:
    """Outlines as plain polygons, true to shape, the darker the higher the value. Grids without an outline stand as
    equal squares, three abreast, beneath (all of them, where no outline is known)."""
    figure = _figure(look)
    drawn = [(shape, _flat(shape.outline, shapes)) for shape in shapes if len(shape.outline) >= 3]
    everywhere = [point for _shape, corners in drawn for point in corners]
    if everywhere:
        left, right = min(x for x, _y in everywhere), max(x for x, _y in everywhere)
        bottom = min(y for _x, y in everywhere)
    else:
        left, right, bottom = 0.0, 1.0, 0.0
    missing = [shape for shape in shapes if len(shape.outline) < 3]
    size = (right - left) / 3 or 1.0
    for place, shape in enumerate(missing):
        x, y = left + place % 3 * size, bottom - size * (1.1 + place // 3)
        corners = [(x, y), (x + size * 0.92, y), (x + size * 0.92, y + size * 0.92), (x, y + size * 0.92)]
        drawn.append((shape, corners))
    known = [shape.value for shape in shapes if shape.value is not None]
    lowest, highest = (min(known), max(known)) if known else (0.0, 0.0)
    order = {id(shape): place for place, shape in enumerate(shapes)}
    for shape, corners in drawn:
        fill, ink = _tint(shape, lowest, highest, look)
        _trace(
            figure,
            "scatter",
            x=[x for x, _y in corners] + [corners[0][0]],
            y=[y for _x, y in corners] + [corners[0][1]],
            mode="lines",
            fill="toself",
            fillcolor=fill,
            line={
                "color": look.ink
                if order[id(shape)] == chosen
                else (look.states[shape.tone] if shape.tone else look.page),
                "width": 3 if order[id(shape)] == chosen else 2,
            },
            hovertext=f"{_safe(shape.label)}<br>{_safe(shape.text)}",
            hoverinfo="text",
            hoveron="fills",
        )
        x, y = _centre(corners)
        _note(
            figure,
            x=x,
            y=y,
            text=f"<b>{_safe(shape.label)}</b><br>{_safe(shape.text)}"
            if shape.text
            else f"<b>{_safe(shape.label)}</b>",
            showarrow=False,
            font={"color": ink},
        )
    figure["layout"]["xaxis"].update(visible=False)
    figure["layout"]["yaxis"].update(visible=False, scaleanchor="x", scaleratio=1)
    figure["layout"].update(
        height=360 if everywhere else 120 * max(1, -(-len(missing) // 3)), margin={"l": 0, "r": 0, "t": 0, "b": 0}
    )
    return figure


def _flat(outline: Sequence[tuple[float, float]], shapes: Sequence[Shape]) -> list[tuple[float, float]]:
    """Degrees as equal lengths east and north, around the middle latitude of all of it."""
    latitudes = [latitude for shape in shapes for _longitude, latitude in shape.outline]
    squeeze = math.cos(math.radians(sum(latitudes) / len(latitudes)))
    return [(longitude * squeeze, latitude) for longitude, latitude in outline]


def _centre(corners: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The centre of gravity of a polygon; of its corners when it has no area."""
    ring = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    origin_x, origin_y = corners[0]  # near zero, or the products lose their digits
    area = sum((x1 - origin_x) * (y2 - origin_y) - (x2 - origin_x) * (y1 - origin_y) for (x1, y1), (x2, y2) in ring)
    if abs(area) < 1e-14:
        return sum(x for x, _y in corners) / len(corners), sum(y for _x, y in corners) / len(corners)
    x = y = 0.0
    for (x1, y1), (x2, y2) in ring:
        cross = (x1 - origin_x) * (y2 - origin_y) - (x2 - origin_x) * (y1 - origin_y)
        x += (x1 + x2 - 2 * origin_x) * cross
        y += (y1 + y2 - 2 * origin_y) * cross
    return origin_x + x / (3 * area), origin_y + y / (3 * area)


def _tint(shape: Shape, lowest: float, highest: float, look: Palette) -> tuple[str, str]:
    """Ground and ink of a shape."""
    if shape.tone:
        return look.grounds[shape.tone], look.inks[shape.tone]
    if shape.value is None:
        return look.raised, look.quiet
    share = 0.5 if highest == lowest else (shape.value - lowest) / (highest - lowest)
    ground = look.ramp[1 + round(share * 6)]
    return ground, _readable(ground)


def _readable(ground: str) -> str:
    """Dark or white ink, whichever reads better on ``ground``."""
    red, green, blue = (int(ground[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#FFFFFF" if 1.05 / (light + 0.05) > (light + 0.05) / 0.058 else "#121923"


# --- what all have in common -----------------------------------------------------------------------------------------
def _figure(look: Palette, rows: int | None = None, head: int = 0) -> Figure:
    height = 280 if rows is None else max(rows, 1) * ROW + 16 + head * HEAD
    axis = {
        "gridcolor": look.rule,
        "linecolor": look.rule,
        "zeroline": False,
        "fixedrange": True,  # a finger on a chart scrolls the page
        "tickfont": {"color": look.quiet, "size": TEXT},
        "automargin": True,
        "showline": False,
        "ticks": "",
    }
    return {
        "data": [],
        "layout": {
            "template": {},  # without it plotly.py adds 6 kB of its own look
            "height": height,
            "font": {"family": look.font, "size": TEXT, "color": look.ink},
            "colorway": list(look.series),
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "dragmode": False,
            "barmode": "overlay",
            "hoverlabel": {
                "bgcolor": look.raised,
                "bordercolor": look.rule,
                "font": {"family": look.font, "size": TEXT, "color": look.ink},
                "align": "left",
            },
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "xaxis": {**axis, "showgrid": False},
            "yaxis": {**axis},
            "annotations": [],
            "shapes": [],
        },
    }


def _trace(figure: Figure, kind: str, **properties: Any) -> None:
    figure["data"].append({"type": kind, **properties})


def _note(figure: Figure, **properties: Any) -> None:
    figure["layout"]["annotations"].append(properties)


def _shape(figure: Figure, **properties: Any) -> None:
    figure["layout"]["shapes"].append(properties)


def _rows(
    figure: Figure,
    labels: Sequence[str],
    ends: Sequence[float],
    texts: Sequence[str],
    look: Palette,
    quiet: Sequence[bool],
    links: Sequence[str] = (),
) -> Figure:
    """Names at the left, texts at the bars' ends. The room for the longest text is a margin: right at any width."""
    for row, (end, text) in enumerate(zip(ends, texts, strict=True)):
        _note(
            figure,
            x=end,
            y=row,
            text=_leading(_strong(text) if not quiet[row] else _safe(text), links[row] if links else ""),
            xanchor="left",
            xshift=6,
            showarrow=False,
            font={"color": look.quiet if quiet[row] else look.ink},
        )
    longest = max(ends, default=0) or 1
    room = max((_width(text) - _PLOT * (1 - end / longest) for end, text in zip(ends, texts, strict=True)), default=0)
    right = 14 + max(room, 20)
    figure["layout"]["xaxis"].update(visible=False, range=[0, longest])
    figure["layout"]["yaxis"].update(
        tickvals=list(range(len(labels))),
        ticktext=[_folded(_short(label), _PHONE - _LEAST - right) for label in labels],
        range=[max(len(labels), 1) - 0.5, -0.5],
        showgrid=False,
    )
    figure["layout"].update(margin={"l": 8, "r": right, "t": 8, "b": 8})
    return figure


_PLOT = 150  # px: the narrowest plot a phone leaves, for texts of short bars
_PHONE, _LEAST = 310, 64  # px: a chart's width on a phone; what plotly keeps of it for the bars, cutting names for it


def _folded(label: str, room: float) -> str:
    """A name in front of its bar, on two lines where one would be cut on a phone."""
    middle = len(label) // 2
    gaps = [place for place, sign in enumerate(label) if sign == " "]
    if _width(label) <= room or not gaps:
        return _safe(label) + "  "
    at = min(gaps, key=lambda place: abs(place - middle))
    return f"{_safe(label[:at])}  <br>{_safe(label[at + 1 :])}  "


def _line(
    figure: Figure,
    ticks: Sequence[str],
    values: Numbers,
    name: str,
    colour: str,
    width: float,
    *,
    dash: str | None = None,
    so_far: bool = False,
) -> None:
    if so_far and len(ticks) > 1:
        _trace(
            figure,
            "scatter",
            x=[len(ticks) - 2, len(ticks) - 1],
            y=list(values[-2:]),
            mode="lines",
            line={"color": colour, "width": width, "dash": "dot"},
            hovertext=["", f"{ticks[-1]} {_safe(name)} {_amount(values[-1])}" if values[-1] is not None else ""],
            hoverinfo="text",
            cliponaxis=False,
        )
        ticks, values = ticks[:-1], values[:-1]
    alone = [
        value is not None
        and (place == 0 or values[place - 1] is None)
        and (place + 1 == len(values) or values[place + 1] is None)
        for place, value in enumerate(values)
    ]
    _trace(
        figure,
        "scatter",
        x=list(range(len(ticks))),
        y=list(values),
        mode="lines+markers",
        name=_safe(name),
        line={"color": colour, "width": width} | ({"dash": dash} if dash else {}),
        marker={"color": colour, "size": [8 if single else 0 for single in alone], "line": {"width": 0}},
        hovertext=[
            f"{tick} {_safe(name)} {_amount(value)}" if value is not None else ""
            for tick, value in zip(ticks, values, strict=True)
        ],
        hoverinfo="text",
        connectgaps=False,
        cliponaxis=False,
    )


def _points_that_lead(figure: Figure, ticks: Sequence[str], values: Numbers, links: Sequence[str], colour: str) -> None:
    """A dot on each point of a line: plotly lets nothing but a text be a link."""
    for place, (tick, value, link) in enumerate(zip(ticks, values, links, strict=False)):
        if value:
            _note(
                figure,
                x=place,
                y=value,
                text=_leading("●", link, f"color:{colour}"),
                hovertext=f"{tick} {_amount(value)}",
                showarrow=False,
                font={"color": colour, "size": SMALL},
            )


def _over_time(
    figure: Figure,
    ticks: Sequence[str],
    values: Numbers,
    ends: Sequence[tuple[float | None, str, str]],
    look: Palette,
    places: Sequence[int],
) -> Figure:
    """The months or days along the bottom, at most five round numbers up the side, each line named at its end."""
    known = [value for value in values if value is not None]
    bottom, top, step = _round_axis(min(known, default=0), max(known, default=0))
    layout = figure["layout"]
    pixel, letters = (top - bottom) / (layout["height"] - 40), layout["font"]["size"]
    known_ends = [(end, name, colour) for end, name, colour in ends if end is not None]
    placed = _apart(known_ends, pixel * (letters + 6), top)
    last = max(len(places) - 1, 0)
    for height, (end, name, colour) in placed:
        _note(
            figure,
            x=last,
            y=height,
            text=f"{_safe(name)} {_amount(end)}" if end is not None else _safe(name),
            xanchor="left",
            xshift=8,
            showarrow=False,
            font={"color": colour if colour != look.slate else look.quiet},
        )
    wide = max((_width(f"{name} {_amount(end or 0)}") for _height, (end, name, _colour) in placed), default=0)
    room = wide * letters / TEXT
    shown = _spread(len(ticks))
    figure["layout"]["xaxis"].update(
        tickvals=shown,
        ticktext=_time_labels([ticks[place] for place in shown]),
        tickangle=0,
        showline=True,
        range=[-0.15, max(last, 0.3) + 0.05],
    )
    figure["layout"]["yaxis"].update(
        visible=bool(known), range=[bottom, top * 1.0001], tick0=bottom, dtick=step, tickformat=",~r"
    )
    figure["layout"].update(margin={"l": 8, "r": 16 + room, "t": 12, "b": 8})
    return figure


def _spread(count: int) -> list[int]:
    """At most TICKS places, evenly apart, the last one among them."""
    step = max(1, math.ceil(count / TICKS))
    return sorted(range(count - 1, -1, -step))


def _time_labels(ticks: Sequence[str]) -> list[str]:
    """Months as "25-4", then "5" until the year changes; days as "4-2"."""
    said = []
    for place, tick in enumerate(ticks):
        year, month, *day = tick.split("-")
        if day:
            said.append(f"{int(month)}-{int(day[0])}")
        elif place == 0 or ticks[place - 1][:4] != year:
            said.append(f"{year[2:]}-{int(month)}")
        else:
            said.append(f"{int(month)}")
    return said


def _round_axis(low: float, high: float) -> tuple[float, float, float]:
    """Bottom, top and step of an axis with at most five ticks; it starts at zero unless there are values below."""
    low, high = min(low, 0), max(high, 0)
    if high == low:
        return 0, 1, 1
    rough = (high - low) / 4
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * nice for nice in (1, 2, 2.5, 5, 10) if size * nice >= rough * 0.999)
    if float(high).is_integer() and float(low).is_integer():
        step = max(1, math.ceil(step))
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def _stretches(upper: Numbers, lower: Numbers) -> list[list[tuple[float, float, float]]]:
    """Where ``upper`` lies above ``lower``: runs of (place, low, high), cut exactly where the lines cross."""
    runs: list[list[tuple[float, float, float]]] = []
    run: list[tuple[float, float, float]] = []
    before: tuple[int, float, float] | None = None
    for place, (high, low) in enumerate(zip(upper, lower, strict=True)):
        if high is None or low is None:
            before = None
            runs, run = ([*runs, run] if len(run) > 1 else runs), []
            continue
        if before is not None and (before[2] - before[1]) * (high - low) < 0:
            share = (before[2] - before[1]) / ((before[2] - before[1]) - (high - low))
            where, meet = before[0] + share, before[2] + share * (high - before[2])
            if run:
                runs, run = [*runs, [*run, (where, meet, meet)]], []
            else:
                run = [(where, meet, meet)]
        if high >= low:
            run.append((place, low, high))
        before = (place, low, high)
        if high < low:
            runs, run = ([*runs, run] if len(run) > 1 else runs), []
    return [*runs, run] if len(run) > 1 else runs


def _apart(ends: list[tuple[float, str, str]], room: float, top: float) -> list[tuple[float, tuple[float, str, str]]]:
    """Heights of end labels, moved so that none covers another and none lies above the ``top``, where it is not
    drawn."""
    placed: list[tuple[float, tuple[float, str, str]]] = []
    for end in sorted(ends, key=lambda item: item[0]):
        height = end[0] if not placed else max(end[0], placed[-1][0] + room)
        placed.append((height, end))
    for place in reversed(range(len(placed))):
        height, end = placed[place]
        placed[place] = min(height, top), end
        top = placed[place][0] - room
    return placed


def _last(values: Numbers) -> float | None:
    return values[-1] if values else None


def _faded(colour: str, strength: float) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"


def _safe(text: str) -> str:
    """Data as plotly shows it: letters, never markup."""
    return escape(str(text), quote=False)


def _leading(words: str, link: str, style: str = "text-decoration:underline") -> str:
    """Words that lead to a place in the app; without one the words alone. Plotly makes a link of such a text where it
    is a note, and of nothing else."""
    return f'<a href="{escape(link)}" target="_self" style="{style}">{words}</a>' if link else words


def _strong(text: str) -> str:
    """The number in bold, what follows it plain."""
    number, space, rest = text.partition(" ")
    for mark in ("（", "("):
        if mark in number:
            number, rest, space = number[: number.index(mark)], number[number.index(mark) :] + space + rest, ""
            break
    return f"<b>{_safe(number)}</b>{space}{_safe(rest)}"


def _amount(value: float) -> str:
    """A figure beside its mark: nobody reads a third decimal."""
    return f"{round(value, 2):,.10g}"


def _short(label: str, most: int = 24) -> str:
    """A name that leaves room for its bar; the whole of it is in the hover text."""
    taken = 0
    for place, char in enumerate(label):
        taken += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if taken > most:
            return label[:place] + "…"
    return label


def _width(text: str) -> float:
    """About how many px ``text`` takes at 14 px."""
    return sum(14.0 if unicodedata.east_asian_width(char) in "WFA" else 7.6 for char in text)
