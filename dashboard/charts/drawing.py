"""What all figures are made of: an empty one in our look, marks and notes on it, and texts that are never markup."""

import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Any

from dashboard.charts.colours import NONE, Palette

TEXT = 14  # px: 0.875 rem
SMALL = 12
ROW = 48  # px a horizontal bar takes with the air around it
HEAD = 30  # px of a line above the bars

Numbers = Sequence[float | None]
Point = tuple[float, float]
Figure = dict[str, Any]
"""A plotly figure as plain data: ``data`` and ``layout``. Building it from plotly's objects costs some ten times as
much; that plotly takes it is checked when it is drawn first, and by the tests."""


def empty(look: Palette, rows: int | None = None, head: int = 0) -> Figure:
    """A figure to draw on: as high as its ``rows`` with ``head`` lines above them, or as any that has none."""
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
            "paper_bgcolor": NONE,
            "plot_bgcolor": NONE,
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


# --- marks
def trace(figure: Figure, kind: str, *, says: Any = None, **properties: Any) -> None:
    """A trace of plotly's ``kind``; ``says`` is what a finger on it reads, nothing without."""
    told = {"hoverinfo": "skip"} if says is None else {"hovertext": says, "hoverinfo": "text"}
    figure["data"].append({"type": kind, **properties, **told})


def fill(figure: Figure, above: Sequence[Point], below: Sequence[Point], colour: str) -> None:
    """The field between two courses of points, both from the left."""
    around = [*above, *reversed(below)]
    trace(
        figure,
        "scatter",
        x=[x for x, _y in around],
        y=[y for _x, y in around],
        fill="toself",
        fillcolor=colour,
        mode="none",
    )


def rule(
    figure: Figure, start: Point, end: Point, colour: str, *, thick: float = 1, dash: str = "", **properties: Any
) -> None:
    """A straight line from one point to another."""
    (x0, y0), (x1, y1) = start, end
    stroke = {"color": colour, "width": thick} | ({"dash": dash} if dash else {})
    figure["layout"]["shapes"].append(
        {"type": "line", "x0": x0, "x1": x1, "y0": y0, "y1": y1, "line": stroke, **properties}
    )


def note(figure: Figure, x: float, y: float, text: str, colour: str, *, size: int = 0, **properties: Any) -> None:
    """A text on the figure, of the figure's size if no other is given."""
    font = {"color": colour} | ({"size": size} if size else {})
    figure["layout"]["annotations"].append(
        {"x": x, "y": y, "text": text, "showarrow": False, "font": font, **properties}
    )


# --- texts
def safe(text: str) -> str:
    """Data as plotly shows it: letters, never markup."""
    return escape(str(text), quote=False)


def hints(labels: Sequence[str], texts: Sequence[str]) -> list[str]:
    """What a finger on each bar reads: its whole label, and its text."""
    return [f"{safe(label)}<br>{safe(text)}" for label, text in zip(labels, texts, strict=True)]


def leading(words: str, link: str, style: str = "text-decoration:underline") -> str:
    """Words that lead to a place in the app; without one the words alone. Plotly makes a link of such a text where it
    is a note, and of nothing else."""
    return f'<a href="{escape(link)}" target="_self" style="{style}">{words}</a>' if link else words


def swatch(colour: str, words: str) -> str:
    """Words behind a square of a colour: what a key is made of."""
    return f'<span style="color:{colour}">■</span>\u202f{words}'


def amount(value: float) -> str:
    """A figure beside its mark: nobody reads a third decimal."""
    return f"{round(value, 2):,.10g}"


def width(text: str) -> float:
    """About how many px ``text`` takes at 14 px."""
    return sum(14.0 if unicodedata.east_asian_width(char) in "WFA" else 7.6 for char in text)
