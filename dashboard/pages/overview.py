"""Overview: in ten seconds, are things all right, and if not, what, since when, and who acts."""

from collections.abc import Sequence

import streamlit as st

from dashboard import cards, data, glance, i18n, navigation, session
from dashboard.i18n import _, n_, plain, say
from repository.access import Operation, may
from repository.maintenance import WorkOrder
from repository.metrics import State
from repository.overview import Action, Concern, Glance, Line, Row
from repository.words import msg

SYSTEMS = {
    "organizations": msg("Local organisations"),
    "staff": msg("Staff"),
    "meetings": msg("Meetings"),
    "requests": msg("Requests"),
}
AREAS = {"facilities": msg("Facilities"), "team": msg("Team and posts"), "participation": msg("Participation")}


def render() -> None:
    """Three troubles, seven tiles, five grids, today's list: one screen; below it, how the community is run."""
    view = session.view()
    found, lines = glance.look(view)
    if not found.grids:
        _begin()
        return
    for column, concern in zip(st.columns(3, gap="small"), found.concerns, strict=True):
        with column:
            _concern(concern)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(
            plain(glance.headline(found.attention)),
            anchor=False,
            width="content",
            help=cards.about(found.attention.count),
        )
        if found.attention.needs or found.attention.accepted:
            navigation.link("targets", f":blue[{_('Which, and since when')}]")
        st.space("stretch")
        if may(session.actor(), Operation.CREATE, WorkOrder.collection) and st.button(
            _("Log a repair"), type="primary", icon=":material/add:", key="do_report"
        ):
            navigation.go("report")
    if late := glance.beyond(found.attention):
        st.markdown(f":material/timer: {plain(late)}", help=cards.about(found.attention.beyond))
    with cards.tiles(len(found.values)):
        for value in found.values:
            cards.tile(value, detail=i18n.target_words(value))
    grids, today = st.columns([7, 5], gap="medium")
    with grids:
        _grids(found)
    with today:
        _today(found.actions, view.past is not None)
    _systems(lines)
    if view.past is None:  # what is over does not change by itself
        data.keep_fresh()


def _begin() -> None:
    pressed = cards.empty(
        _("This community has no grids yet"),
        _("Bring in the sheet of grids you keep, or enter the first grid by hand."),
        (_("Import a sheet"), ":material/upload_file:"),
        (_("Enter a grid"), ":material/add:"),
        key="overview",
    )
    if pressed is not None:
        navigation.go("data" if pressed == 0 else "grids")


def _concern(concern: Concern) -> None:
    cards.trouble(
        say(AREAS[concern.area]),
        concern.state,
        cards.lasting(concern.since) if concern.since and concern.since.state is concern.state else None,
        say(concern.finding),
        say(concern.why),
        " · ".join(concern.who),
        key=concern.area,
        page=concern.page,
        label=say(concern.link),
        params=concern.params,
    )


def _grids(found: Glance) -> None:
    lagging = found.lagging
    title = _("The grids side by side")
    if lagging and len(found.grids) > 1:
        title = _(
            "{grid} is off target in {n} of {all}",
            grid=plain(lagging[0].name),
            n=i18n.number(lagging[1]),
            all=len(found.rows),
        )
    st.header(title, anchor=False)
    table: dict[str, list[str]] = {_("Grid"): [_row_name(row) for row in found.rows]}
    for grid in found.grids:
        head = plain(grid.code)
        table[head] = [_cell(row, grid.id) for row in found.rows]
    with st.container(key="grids"):
        cards.side_by_side(table)


def _systems(found: Sequence[Line]) -> None:
    st.header(_("How the community is run"), anchor=False)
    for column, line in zip(st.columns(len(found), gap="small"), found, strict=True):
        with column:
            cards.trouble(
                say(SYSTEMS[line.page]),
                line.state,
                None,
                say(line.finding),
                say(line.more) if line.more else "",
                "",
                key=line.page,
                page=line.page,
                label=_("See more"),
                params=line.params,
            )


def _row_name(row: Row) -> str:
    unit = "%" if row.metric.unit == "percent" else say(i18n.UNITS[row.metric.unit])
    bounds = i18n.target_bounds(row.target, row.metric.unit)
    return f"{say(row.metric.short)} :small[:gray[{plain(', '.join(part for part in (unit, bounds) if part))}]]"


def _cell(row: Row, grid_id: str) -> str:
    cell = row.cells[grid_id]
    if cell.state is State.UNKNOWN:
        return i18n.MISSING
    return cards.mark(cell.state, i18n.figure_of(cell.value, row.metric.unit)[0])


def _today(actions: tuple[Action, ...], past: bool) -> None:
    if not actions:
        st.header(_("Nothing had to be done") if past else _("Nothing has to be done today"), anchor=False)
        return
    title = n_("{n} thing had to be done", "{n} things had to be done", len(actions))
    title = title if past else n_("{n} thing to do today", "{n} things to do today", len(actions))
    st.header(title, anchor=False)
    with st.container(key="todo", gap="xsmall"):
        for action in actions:
            late = _("{days} overdue", days=i18n.days_badge(action.days)) if action.days else ""
            who = " · ".join(part for part in (action.who or "", late) if part)
            cards.todo(action.state, say(action.what), who, page=action.page, params=action.params)
