"""The community's grids as a map: plain polygons, without tiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.charts.colours import Palette, readable
from dashboard.charts.drawing import Figure, Point, empty, note, safe, trace


@dataclass(frozen=True)
class Shape:
    """A grid on the map: its outline as (longitude, latitude) corners, the value that colours it, and what stands on
    it. ``tone`` colours it by a state (red, orange, green, violet, gray) instead."""

    label: str
    outline: Sequence[Point]
    value: float | None = None
    text: str = ""
    tone: str = ""


def grid_map(shapes: Sequence[Shape], *, look: Palette) -> Figure:
    """Outlines as plain polygons, true to shape, the darker the higher the value. Grids without an outline stand as
    equal squares, three abreast, beneath (all of them, where no outline is known)."""
    figure = empty(look)
    outlined = [(shape, _flat(shape.outline, shapes)) for shape in shapes if len(shape.outline) >= 3]
    missing = [shape for shape in shapes if len(shape.outline) < 3]
    squares = _squares(len(missing), [point for _shape, corners in outlined for point in corners])
    known = [shape.value for shape in shapes if shape.value is not None]
    lowest, highest = min(known, default=0.0), max(known, default=0.0)
    for shape, corners in [*outlined, *zip(missing, squares, strict=True)]:
        fill, ink = _tint(shape, lowest, highest, look)
        around = [*corners, corners[0]]
        trace(
            figure,
            "scatter",
            x=[x for x, _y in around],
            y=[y for _x, y in around],
            mode="lines",
            fill="toself",
            fillcolor=fill,
            line={"color": look.states[shape.tone] if shape.tone else look.page, "width": 2},
            says=f"{safe(shape.label)}<br>{safe(shape.text)}",
            hoveron="fills",
        )
        text = f"<br>{safe(shape.text)}" if shape.text else ""
        note(figure, *_centre(corners), f"<b>{safe(shape.label)}</b>{text}", ink)
    figure["layout"]["xaxis"].update(visible=False)
    figure["layout"]["yaxis"].update(visible=False, scaleanchor="x", scaleratio=1)
    figure["layout"].update(
        height=360 if outlined else 120 * max(1, -(-len(missing) // 3)), margin={"l": 0, "r": 0, "t": 0, "b": 0}
    )
    return figure


def _flat(outline: Sequence[Point], shapes: Sequence[Shape]) -> list[Point]:
    """Degrees as equal lengths east and north, around the middle latitude of all of it."""
    latitudes = [latitude for shape in shapes for _longitude, latitude in shape.outline]
    squeeze = math.cos(math.radians(sum(latitudes) / len(latitudes)))
    return [(longitude * squeeze, latitude) for longitude, latitude in outline]


def _squares(count: int, above: Sequence[Point]) -> list[list[Point]]:
    """Equal squares, three abreast, beneath what is drawn already."""
    left, right = min((x for x, _y in above), default=0.0), max((x for x, _y in above), default=1.0)
    bottom = min((y for _x, y in above), default=0.0)
    step = (right - left) / 3 or 1.0
    side = step * 0.92
    corners = [(left + place % 3 * step, bottom - step * (1.1 + place // 3)) for place in range(count)]
    return [[(x, y), (x + side, y), (x + side, y + side), (x, y + side)] for x, y in corners]


def _centre(corners: Sequence[Point]) -> Point:
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
    return ground, readable(ground)
