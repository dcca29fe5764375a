"""A figure as it stands, in HTML and a picture (SVG): there as soon as a browser reads it, where plotly takes a tenth
of a second and more for each. Nothing in it answers to a finger.

What lies in the figure's coordinates is drawn in percent of the plot, and what has to do with letters in their height:
so it fits any width, and grows with them.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from itertools import groupby
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from dashboard.charts.drawing import Figure, Point, amount

Axis = Mapping[str, Any]

NOTHING = Markup()
PICTURE = Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 104 104" preserveAspectRatio="none">{}</svg>')
"""Of the plot and a fiftieth around it, that no line at its edge is cut."""
DASHES = {"": "", "dash": "7 5", "dot": "2 4"}  # px


def still(figure: Figure, words: str) -> Markup:
    """The bars, lines, fields between lines, rules and notes of ``figure`` with its axes; ``words`` say it to those who
    do not see it. A figure of other marks, cells or dots, raises KeyError."""
    layout = figure["layout"]
    plot, letters = _Plot(layout["xaxis"], layout["yaxis"]), layout["font"]["size"]
    high, right = (f"{layout_px / letters:.4g}em" for layout_px in (layout["height"], layout["margin"]["r"]))
    return Markup(
        '<div class="plot" role="img" aria-label="{}" style="height:{};padding-right:{}"><div class="names">{}</div>'
        '<div class="field"><img alt="" src="data:image/svg+xml,{}">{}</div>'
        '<div class="ticks">{}</div></div>'
    ).format(
        words,
        high,
        right,
        NOTHING.join(
            Markup('<span style="top:{:.4g}%">{}</span>').format(plot.down(at), _words(text))
            for at, text in _ticks(plot.upright)
        ),
        quote(PICTURE.format(NOTHING.join(_marks(figure, plot)))),
        NOTHING.join(_note(plot, each, letters) for each in layout["annotations"]),
        NOTHING.join(
            Markup('<span style="left:{:.4g}%">{}</span>').format(plot.across(at), _words(text))
            for at, text in _ticks(plot.level)
        ),
    )


class _Plot:
    """What lies between two axes: where on it a value stands, in percent from the left and from the top."""

    def __init__(self, level: Axis, upright: Axis) -> None:
        self.level, self.upright = level, upright

    def across(self, value: float) -> float:
        first, last = self.level["range"]
        return float(100 * (value - first) / (last - first))

    def down(self, value: float) -> float:
        low, high = self.upright["range"]
        return float(100 * (high - value) / (high - low))

    def points(self, places: Sequence[Point]) -> str:
        """As SVG writes them."""
        return " ".join(f"{self.across(x):.5g},{self.down(y):.5g}" for x, y in places)


def _ticks(axis: Axis) -> Iterator[tuple[float, str]]:
    """Where an axis is marked, and with what words."""
    if not axis.get("visible", True):
        return
    if "tickvals" in axis:
        yield from zip(axis["tickvals"], axis["ticktext"], strict=True)
        return
    low, high = axis["range"]
    for step in range(math.floor((high - low) / axis["dtick"]) + 1):
        yield low + step * axis["dtick"], amount(low + step * axis["dtick"])


# --- marks
def _marks(figure: Figure, plot: _Plot) -> Iterator[Markup]:
    """From the back: what the axes draw, the traces, the rules."""
    left, right = plot.level["range"]
    low, _high = plot.upright["range"]
    if plot.upright.get("showgrid", True):
        for at, _text in _ticks(plot.upright):
            yield _line(plot, [(left, at), (right, at)], plot.upright["gridcolor"], 1)
    if plot.level["showline"]:
        yield _line(plot, [(left, low), (right, low)], plot.level["linecolor"], 1)
    for trace in figure["data"]:
        yield from {"bar": _bars, "scatter": _course}[trace["type"]](plot, trace)
    for shape in figure["layout"]["shapes"]:
        ends = [(shape["x0"], shape["y0"]), (shape["x1"], shape["y1"])]
        yield _line(plot, ends, shape["line"]["color"], shape["line"]["width"], shape["line"].get("dash", ""))


def _bars(plot: _Plot, trace: Mapping[str, Any]) -> Iterator[Markup]:
    lying = trace.get("orientation") == "h"
    places, lengths = (trace["y"], trace["x"]) if lying else (trace["x"], trace["y"])
    marker, half = trace["marker"], trace["width"] / 2
    colours = marker["color"] if isinstance(marker["color"], list) else [marker["color"]] * len(places)
    for place, length, colour in zip(places, lengths, colours, strict=True):
        across, up = (0, length), (place - half, place + half)
        corners = [(x, y) for x, y in zip((*across, *reversed(across)), (up[0], up[0], up[1], up[1]), strict=True)]
        yield Markup('<polygon points="{}" fill="{}" stroke="{}" stroke-width="{}" vector-effect="{}"/>').format(
            plot.points(corners if lying else [(y, x) for x, y in corners]),
            colour,
            marker["line"].get("color", "none"),
            marker["line"]["width"],
            "non-scaling-stroke",
        )


def _course(plot: _Plot, trace: Mapping[str, Any]) -> Iterator[Markup]:
    """A line that stops where there is no data; one point alone is a dot; or the field that a line goes around."""
    places = list(zip(trace["x"], trace["y"], strict=True))
    if trace.get("fill") == "toself":
        yield Markup('<polygon points="{}" fill="{}"/>').format(plot.points(places), trace["fillcolor"])
        return
    line = trace["line"]
    for known, run in groupby(places, lambda place: place[1] is not None):
        if known:
            points = list(run)
            thick, dash = (line["width"], line.get("dash", "")) if len(points) > 1 else (8, "")
            yield _line(plot, points if len(points) > 1 else points * 2, line["color"], thick, dash)


def _line(plot: _Plot, points: Sequence[Point], colour: str, thick: float, dash: str = "") -> Markup:
    return Markup(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="{}" stroke-dasharray="{}" stroke-linecap="{}" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
    ).format(plot.points(points), colour, thick, DASHES[dash], "butt" if dash else "round")


# --- words
def _note(plot: _Plot, note: Mapping[str, Any], letters: float) -> Markup:
    left = "0" if note.get("xanchor") == "left" else "-50%"
    above = "-100%" if note.get("yanchor") == "bottom" else "-50%"
    place = f"left:{plot.across(note['x']):.4g}%;top:{plot.down(note['y']):.4g}%;transform:translate({left},{above})"
    return Markup('<span style="{};margin-left:{:.3g}em;color:{}">{}</span>').format(
        place, note.get("xshift", 0) / letters, note["font"]["color"], _words(note["text"])
    )


def _words(text: str) -> Markup:
    """What plotly reads as markup: bold, ends of lines, and letters."""
    plain, *bold = re.split(r"<b>(.*?)</b>", text.replace("<br>", "\n"))
    said = Markup.escape(_letters(plain))
    for strong, after in zip(bold[::2], bold[1::2], strict=True):
        said += Markup("<b>{}</b>{}").format(_letters(strong), _letters(after))
    return said


def _letters(text: str) -> str:
    return unescape(re.sub("<[^>]+>", "", text))
