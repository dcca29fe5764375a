"""Figures over time: courses as lines, few months or years as columns, hours of the week as a field of cells."""

from collections.abc import Sequence

from dashboard.charts.axes import End, apart, round_axis, spread, stretches, time_labels
from dashboard.charts.colours import Palette, faded
from dashboard.charts.drawing import (
    SMALL,
    TEXT,
    Figure,
    Numbers,
    amount,
    empty,
    fill,
    hints,
    leading,
    note,
    rule,
    safe,
    trace,
    width,
)


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
    figure = empty(look)
    if projector:
        layout = figure["layout"]
        layout["height"], layout["font"]["size"] = projector
        for axis in ("xaxis", "yaxis"):
            layout[axis]["tickfont"] = layout[axis]["tickfont"] | {"size": projector[1]}
    drawn = [(first, names[0], look.slate, 2.0, ""), (second, names[1], look.main, 2.5, "")]
    if third:
        drawn.append((third, names[2], look.ink, 1.5, "dash"))
    for stretch in stretches(first, second) if gap else ():
        above, below = [(x, high) for x, _low, high in stretch], [(x, low) for x, low, _high in stretch]
        fill(figure, above, below, faded(look.red, 0.09))
    for values, name, colour, thick, dash in drawn:
        _line(figure, ticks, values, name, colour, thick, dash=dash, so_far=so_far)
    for values, where, colour in zip((first, second), links, (look.slate, look.main), strict=False):
        _points_that_lead(figure, ticks, values, where, colour)
    ends = [(_last(values), name, colour) for values, name, colour, _thick, _dash in drawn]
    return _over_time(figure, ticks, [*first, *second, *third], ends, look)


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
    figure = empty(look)
    ground = [0 if value is not None else None for value in values]
    for stretch in stretches(values, ground) if area else ():
        above, below = [(x, high) for x, _low, high in stretch], [(stretch[0][0], 0), (stretch[-1][0], 0)]
        fill(figure, above, below, faded(look.main, 0.12))
    _line(figure, ticks, values, name, look.main, 2.5)
    _points_that_lead(figure, ticks, values, links, look.main)
    ends = [(_last(values), name, look.main)]
    everything = list(values)
    if target is not None:
        height, called = target
        rule(figure, (0, height), (max(len(ticks) - 1, 0), height), look.quiet, dash="dot")
        ends.append((height, called, look.quiet))
        everything.append(height)
    return _over_time(figure, ticks, everything, ends, look)


def columns(
    labels: Sequence[str],
    values: Numbers,
    texts: Sequence[str],
    *,
    look: Palette,
    overdue: Numbers = (),
) -> Figure:
    """One upright bar per year or month, its text above it: for five or so labels that are numbers. ``overdue`` is the
    part of each bar that is drawn red at its foot. A label may have a second line."""
    figure = empty(look)
    places, amounts = list(range(len(labels))), [value or 0 for value in values]
    filled, late = ({"color": colour, "line": {"width": 0}} for colour in (look.main, look.red))
    trace(figure, "bar", x=places, y=amounts, width=0.6, marker=filled, says=hints(labels, texts))
    if overdue:
        trace(figure, "bar", x=places, y=[value or 0 for value in overdue], width=0.6, marker=late)
    for place, (height, text) in enumerate(zip(amounts, texts, strict=True)):
        note(figure, place, height, safe(text), look.ink, yanchor="bottom")
    figure["layout"].update(height=260)
    figure["layout"]["xaxis"].update(
        tickvals=places,
        ticktext=["<br>".join(map(safe, label.split("\n"))) for label in labels],
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
    figure = empty(look)
    most = max([value or 0 for row in values for value in row] + [full]) or 1
    nothing, something = look.ramp[NOTHING], look.ramp[LEAST:]
    steps = len(something) - 1
    scale = [[0.0, nothing], [TRACE, nothing]]
    scale += [[TRACE + (1 - TRACE) * place / steps, colour] for place, colour in enumerate(something)]
    trace(
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
        says=[[safe(text) for text in row] for row in texts],
    )
    figure["layout"].update(height=28 * len(rows) + 48)
    named = range(0, len(columns), 3)
    figure["layout"]["xaxis"].update(tickvals=list(named), ticktext=[safe(columns[place]) for place in named])
    figure["layout"]["yaxis"].update(
        tickvals=list(range(len(rows))),
        ticktext=[safe(row) + "  " for row in rows],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
    )
    return figure


# --- what lines are made of
def _line(
    figure: Figure,
    ticks: Sequence[str],
    values: Numbers,
    name: str,
    colour: str,
    thick: float,
    *,
    dash: str = "",
    so_far: bool = False,
) -> None:
    says = [
        f"{tick} {safe(name)} {amount(value)}" if value is not None else ""
        for tick, value in zip(ticks, values, strict=True)
    ]
    if so_far and len(ticks) > 1:
        trace(
            figure,
            "scatter",
            x=[len(ticks) - 2, len(ticks) - 1],
            y=list(values[-2:]),
            mode="lines",
            line={"color": colour, "width": thick, "dash": "dot"},
            says=["", says[-1]],
            cliponaxis=False,
        )
        values, says = values[:-1], says[:-1]
    alone = [
        value is not None
        and (place == 0 or values[place - 1] is None)
        and (place + 1 == len(values) or values[place + 1] is None)
        for place, value in enumerate(values)
    ]
    trace(
        figure,
        "scatter",
        x=list(range(len(values))),
        y=list(values),
        mode="lines+markers",
        name=safe(name),
        line={"color": colour, "width": thick} | ({"dash": dash} if dash else {}),
        marker={"color": colour, "size": [8 if single else 0 for single in alone], "line": {"width": 0}},
        says=says,
        connectgaps=False,
        cliponaxis=False,
    )


def _points_that_lead(figure: Figure, ticks: Sequence[str], values: Numbers, links: Sequence[str], colour: str) -> None:
    """A dot on each point of a line: plotly lets nothing but a text be a link."""
    for place, (tick, value, link) in enumerate(zip(ticks, values, links, strict=False)):
        if value:
            dot = leading("●", link, f"color:{colour}")
            note(figure, place, value, dot, colour, size=SMALL, hovertext=f"{tick} {amount(value)}")


def _over_time(
    figure: Figure,
    ticks: Sequence[str],
    values: Numbers,
    ends: Sequence[tuple[float | None, str, str]],
    look: Palette,
) -> Figure:
    """The months or days along the bottom, at most five round numbers up the side, each line named at its end."""
    known = [value for value in values if value is not None]
    bottom, top, step = round_axis(min(known, default=0), max(known, default=0))
    layout = figure["layout"]
    pixel, letters = (top - bottom) / (layout["height"] - 40), layout["font"]["size"]
    there: list[End] = [(end, name, colour) for end, name, colour in ends if end is not None]
    last = max(len(ticks) - 1, 0)
    room = 0.0
    for height, (end, name, colour) in apart(there, pixel * (letters + 6), top):
        ink = colour if colour != look.slate else look.quiet
        note(figure, last, height, f"{safe(name)} {amount(end)}", ink, xanchor="left", xshift=8)
        room = max(room, width(f"{name} {amount(end)}") * letters / TEXT)
    shown = spread(len(ticks))
    layout["xaxis"].update(
        tickvals=shown,
        ticktext=time_labels([ticks[place] for place in shown]),
        tickangle=0,
        showline=True,
        range=[-0.15, max(last, 0.3) + 0.05],
    )
    layout["yaxis"].update(
        visible=bool(known), range=[bottom, top * 1.0001], tick0=bottom, dtick=step, tickformat=",~r"
    )
    layout.update(margin={"l": 8, "r": 16 + room, "t": 12, "b": 8})
    return figure


def _last(values: Numbers) -> float | None:
    return values[-1] if values else None
