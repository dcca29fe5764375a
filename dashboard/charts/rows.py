"""Figures of one row per name, from the top: bars, bars made of parts, dots, and the pyramid of ages."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from dashboard.charts.colours import NONE, Palette
from dashboard.charts.drawing import (
    HEAD,
    SMALL,
    Figure,
    Numbers,
    amount,
    empty,
    hints,
    leading,
    note,
    rule,
    safe,
    swatch,
    trace,
    width,
)

PLOT = 150  # px: the narrowest plot a phone leaves, for texts of short bars
PHONE, LEAST = 310, 64  # px: a chart's width on a phone; what plotly keeps of it for the bars, cutting names for it


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
    amounts, frames = _whole(values), _whole(boxes)
    exceptions = set(red)
    plain = look.pale if pale else look.main
    colours = [look.red if row in exceptions else plain for row in range(len(labels))]
    figure = empty(look, len(labels))
    if frames:
        _boxes(figure, frames, 0.74, look.quiet, 1)
    _bars(figure, amounts, colours, 0.5 if frames else 0.66, hints(labels, texts))
    for row, length in enumerate(amounts):
        if not length and not (frames and frames[row]):
            rule(figure, (0, row - 0.33), (0, row + 0.33), look.quiet)
    ends = [max(pair) for pair in zip(amounts, frames or amounts, strict=True)]
    return _named(figure, labels, ends, texts, look, quiet=[not length for length in amounts], links=links)


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
    figure = empty(look, len(labels), head=2 if keyed else 0)
    figure["layout"].update(barmode="stack")
    for name, values, colour in parts:
        lengths = _whole(values)
        says = hints(labels, [f"{name} {amount(length)}" for length in lengths])
        _bars(figure, lengths, colour, 0.5 if cells else 0.66, says, name=safe(name))
    for row in range(len(labels)) if cells else ():
        numbers = [
            swatch(colour, leading(amount(value), cells[place][row]))
            for place, (_name, values, colour) in enumerate(parts)
            if (value := values[row])
        ]
        text = "   ".join(numbers)
        note(figure, 0, row + 0.31, text, look.quiet, size=SMALL, xanchor="left", yanchor="top")
    sums = [sum(values[row] or 0 for _name, values, _colour in parts) for row in range(len(labels))]
    _named(figure, labels, sums, texts, look, quiet=[not total for total in sums], links=links)
    if keyed:
        _key(figure, parts, look)
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
    figure = empty(look, len(labels), head=1)
    furthest = max([value for row in points for value in row] + [limit[0] if limit else 0], default=0) or 1
    for row, values in enumerate(points):
        if len(values) > 1:
            rule(figure, (min(values), row), (max(values), row), look.pale, thick=8, layer="below")
    for place, colour in ((False, look.main), (True, look.red)):
        spots = [
            (value, row)
            for row, values in enumerate(points)
            for value, off in zip(values, red[row], strict=True)
            if off is place
        ]
        trace(
            figure,
            "scatter",
            x=[value for value, _row in spots],
            y=[row for _value, row in spots],
            mode="markers",
            marker={"color": colour, "size": 11, "line": {"color": look.page, "width": 1}},
            says=[f"{safe(labels[row])}<br>{value:.1f} {safe(unit)}" for value, row in spots],
        )
    _named(figure, labels, [furthest] * len(labels), texts, look, quiet=[False] * len(labels))
    figure["layout"]["xaxis"].update(range=[-furthest * 0.02, furthest * 1.02])
    if limit:
        where, called = limit
        rule(figure, (where, -0.5), (where, len(labels) - 0.5), look.quiet, dash="dot")
        note(figure, where, -0.5, safe(called), look.quiet, yanchor="bottom")
        figure["layout"]["margin"]["t"] = 26
    return figure


def pyramid(
    bands: Sequence[str],
    left: Numbers,
    right: Numbers,
    left_box: Numbers,
    right_box: Numbers,
    *,
    names: tuple[str, str],
    look: Palette,
    say: Callable[[float | None], str],
) -> Figure:
    """Shares (0 to 1) by age, youngest first and drawn at the bottom: solid bars are those who came, the hollow boxes
    around them the population. ``say`` writes a share."""
    figure = empty(look, len(bands), head=1)
    sides = ((-1, left, left_box, look.main, names[0]), (1, right, right_box, look.second, names[1]))
    for side, _values, boxes, _colour, _name in sides:
        _boxes(figure, [side * 100 * share for share in _whole(boxes)], 0.78, look.ink, 1.2)
    for side, values, boxes, colour, name in sides:
        says = hints(
            [f"{name} {band}" for band in bands],
            [f"{say(value)} / {say(box)}" for value, box in zip(values, boxes, strict=True)],
        )
        _bars(figure, [side * 100 * share for share in _whole(values)], colour, 0.5, says)
        for row, (value, box) in enumerate(zip(values, boxes, strict=True)):
            end = side * 100 * max(value or 0, box or 0)
            ink, anchor = look.ink if value else look.quiet, "right" if side < 0 else "left"
            note(figure, end, row, safe(say(value)), ink, xanchor=anchor, xshift=6 * side)
        called = f"<b>{safe(name)}</b>"
        note(figure, 0, len(bands) - 0.5, called, look.ink, yanchor="bottom", yshift=2, xshift=side * 46)
    widest = max((100 * share for side in (left, right, left_box, right_box) for share in _whole(side)), default=0) or 1
    figure["layout"]["xaxis"].update(visible=False, range=[-widest, widest])
    figure["layout"]["yaxis"].update(
        ticks="outside",  # unseen ticks keep the ages clear of the figures at the bars' left ends
        ticklen=38,
        tickcolor=NONE,
        tickvals=list(range(len(bands))),
        ticktext=[safe(band) for band in bands],
        range=[-0.5, len(bands) - 0.5],
        showgrid=False,
    )
    rule(figure, (0, -0.5), (0, len(bands) - 0.5), look.ink)
    figure["layout"].update(margin={"l": 8, "r": 40, "t": 30, "b": 8})
    return figure


# --- marks
def _whole(values: Numbers) -> list[float]:
    """Bars of what is not known have no length."""
    return [value or 0 for value in values]


def _bars(
    figure: Figure, lengths: Sequence[float], colours: str | list[str], thick: float, says: list[str], **more: str
) -> None:
    marker = {"color": colours, "line": {"width": 0}}
    rows = list(range(len(lengths)))
    trace(figure, "bar", y=rows, x=lengths, orientation="h", width=thick, marker=marker, says=says, **more)


def _boxes(figure: Figure, lengths: Sequence[float], thick: float, colour: str, stroke: float) -> None:
    """Hollow bars: what those in front of them are compared with."""
    marker = {"color": NONE, "line": {"color": colour, "width": stroke}}
    trace(figure, "bar", y=list(range(len(lengths))), x=lengths, orientation="h", width=thick, marker=marker)


# --- names and texts
def _named(
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
        words = leading(safe(text) if quiet[row] else _strong(text), links[row] if links else "")
        note(figure, end, row, words, look.quiet if quiet[row] else look.ink, xanchor="left", xshift=6)
    longest = max(ends, default=0) or 1
    room = max((width(text) - PLOT * (1 - end / longest) for end, text in zip(ends, texts, strict=True)), default=0)
    right = 14 + max(room, 20)
    figure["layout"]["xaxis"].update(visible=False, range=[0, longest])
    figure["layout"]["yaxis"].update(
        tickvals=list(range(len(labels))),
        ticktext=[_folded(_short(label), PHONE - LEAST - right) for label in labels],
        range=[max(len(labels), 1) - 0.5, -0.5],
        showgrid=False,
    )
    figure["layout"].update(margin={"l": 8, "r": right, "t": 8, "b": 8})
    return figure


def _key(figure: Figure, parts: Sequence[tuple[str, Numbers, str]], look: Palette) -> None:
    """Above the bars: which colour is which part, on as many lines as a phone needs."""
    lines = [""]
    for name, _values, colour in parts:
        if width(re.sub("<[^>]+>", "", lines[-1]) + name) > PLOT * 1.7:
            lines.append("")
        lines[-1] += swatch(colour, f"{safe(name)}   ")
    corner = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "align": "left"}
    note(figure, 0, 1, "<br>".join(lines), look.quiet, size=SMALL, **corner)
    figure["layout"]["margin"]["t"] = 8 + 2 * HEAD


def _strong(text: str) -> str:
    """The number in bold, what follows it plain."""
    number, space, rest = text.partition(" ")
    for mark in ("（", "("):
        if mark in number:
            number, rest, space = number[: number.index(mark)], number[number.index(mark) :] + space + rest, ""
            break
    return f"<b>{safe(number)}</b>{space}{safe(rest)}"


def _folded(label: str, room: float) -> str:
    """A name in front of its bar, on two lines where one would be cut on a phone."""
    middle = len(label) // 2
    gaps = [place for place, sign in enumerate(label) if sign == " "]
    if width(label) <= room or not gaps:
        return safe(label) + "  "
    at = min(gaps, key=lambda place: abs(place - middle))
    return f"{safe(label[:at])}  <br>{safe(label[at + 1 :])}  "


def _short(label: str, most: int = 24) -> str:
    """A name that leaves room for its bar; the whole of it is in the hover text."""
    taken = 0
    for place, char in enumerate(label):
        taken += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if taken > most:
            return label[:place] + "…"
    return label
