"""How well each grid handles what is owed there, on the Grids page: the composite score, its grade and its parts."""

from collections.abc import Sequence

import streamlit as st

from dashboard import cards, charts, data, i18n, navigation, session
from dashboard.i18n import MISSING, _, n_, number, percent, period, plain, say
from repository.grids import Grid
from repository.handling import PARTS, Handled, Handling, handling
from repository.metrics import State, Value, judge

Row = tuple[Grid, Handled]


def render(view: session.View) -> None:
    """The tiles of all grids together, the scores in order, and every grid's parts beside each other."""
    found = data.ask(handling, view.community_id, view.period, view.grids, now=view.now)
    with cards.tiles(7):
        cards.tile(found.score, page="")
        cards.tile(found.graded, page="")
        for value in found.all:
            cards.tile(value, page="")
    left, right = st.columns([5, 7], gap="small")
    with left:
        _scores(view, found)
    with right:
        _parts(view, found)


def _scores(view: session.View, found: Handling) -> None:
    scored = [(grid, each) for grid, each in found.grids if each.score is not None]
    figure = charts.bars(
        [grid.name for grid, _each in scored],
        [each.score for _grid, each in scored],
        [_("{score} · grade {grade}", score=number(each.score), grade=str(each.grade)) for _grid, each in scored],
        look=cards.look(),
        red=[place for place, (_grid, each) in enumerate(scored) if _low(each, found)],
    )
    due = sum(each.due for _grid, each in found.grids)
    cards.chart(
        _finding(found, scored, found.grids),
        _(
            "Points of 100 in {period}, best first; n = {n} work orders and requests that should be handled",
            period=period(view.period),
            n=number(due),
        ),
        figure if scored else None,
        [
            {
                _("Grid"): grid.name,
                _("Points"): None if each.score is None else round(each.score, 1),
                _("Grade"): None if each.grade is None else str(each.grade),
                _("Should be handled"): each.due,
                **{
                    say(part.short) + " (%)": None
                    if (share := each.shares[part.key][0]) is None
                    else round(100 * share)
                    for part in PARTS
                },
                _("Without a score, because of"): i18n.listed(say(part.short) for part in each.missing) or None,
            }
            for grid, each in found.grids
        ],
        key="grid-scores",
        note=_without(found.grids),
    )


def _low(each: Handled, found: Handling) -> bool:
    target = found.score.target
    return target is not None and judge(each.score, target) is State.OFF_TARGET


def _finding(found: Handling, scored: Sequence[Row], every: Sequence[Row]) -> str:
    if not scored:
        return _("No grid has a score yet") if every else _("Without grids nothing is handled by grid")
    best, worst = scored[0], scored[-1]
    if len(scored) == 1:
        return _("{grid}: {score} points, grade {grade}", grid=best[0].name, score=number(best[1].score),
                 grade=str(best[1].grade))  # fmt: skip
    part = min(found.all, key=lambda part: _margin(worst[1], part)).metric
    return _(
        "{grid} handles its work worst: {score} points, grade {grade}, above all for “{part}”",
        grid=worst[0].name,
        score=number(worst[1].score),
        grade=str(worst[1].grade),
        part=say(part.short),
    )


def _margin(each: Handled, part: Value) -> float:
    """How far a part is beyond its target, the more negative the worse."""
    share, target = each.shares[part.metric.key][0] or 0.0, part.target
    if target is None:
        return 0.0
    return share - target.low if target.low is not None else (target.high or 0.0) - share


def _without(every: Sequence[Row]) -> str:
    """Why grids have no score."""
    lacking = [(grid, each) for grid, each in every if each.score is None]
    if not lacking:
        return ""
    named = i18n.listed(
        _("{grid} ({parts})", grid=grid.name, parts=i18n.listed(say(part.short) for part in each.missing))
        for grid, each in lacking
    )
    return f":small[:gray[{plain(_('No score: too little to go by in {grids}', grids=named))}]]"


def _parts(view: session.View, found: Handling) -> None:
    there = sorted(found.grids, key=lambda row: row[0].name)
    table: dict[str, list[str]] = {
        _("Grid"): [
            _("Should be handled"),
            _("Of these on time"),
            _("Of these late"),
            _("Of these overdue"),
            *(f"{say(part.metric.short)} :small[:gray[%, {plain(_bounds(part))}]]" for part in found.all),
            _("Points"),
            _("Grade"),
        ]
    }
    for grid, each in there:
        table[plain(grid.code)] = [
            number(each.due),
            number(each.on_time),
            number(each.late),
            number(each.overdue),
            *(_cell(each, part) for part in found.all),
            number(each.score) if each.score is not None else MISSING,
            plain(each.grade) if each.grade else MISSING,
        ]
    with st.container(border=True, height="stretch", gap="xxsmall", key="grids_handled"):
        postponed = sum(each.postponed for _grid, each in there)
        st.header(
            plain(n_("{n} due time was put off in the period", "{n} due times were put off in the period", postponed))
            if postponed
            else _("No due time was put off in the period")
            if any(each.due for _grid, each in there)
            else _("Nothing had to be handled in the period"),
            anchor=False,
        )
        st.caption(
            plain(
                _(
                    "Work orders and requests of {period} by grid; coloured where a part is off its target or near "
                    "it; a dash where fewer than {n} are behind it",
                    period=period(view.period),
                    n=PARTS[0].minimum_n,
                )
            )
        )
        if there:
            cards.side_by_side(table)
        worst = max(there, key=lambda row: row[1].overdue, default=None)
        if worst is not None and worst[1].overdue:
            label = _("The overdue work orders of {grid}", grid=worst[0].name)
            navigation.link("maintenance", plain(label), show="overdue", grid=worst[0].id, part=None)


def _bounds(part: Value) -> str:
    return i18n.target_bounds(part.target, part.metric.unit) if part.target else ""


def _cell(each: Handled, part: Value) -> str:
    share, _n = each.shares[part.metric.key]
    if part.metric in each.missing or share is None or part.target is None:
        return MISSING
    return cards.mark(judge(share, part.target), percent(share).removesuffix("%"))
