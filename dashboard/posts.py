"""What the Grids page says: the grids side by side, the safety network, posts and vacancies, how the load is shared."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from dashboard import cards, charts, i18n
from dashboard.i18n import MISSING, _, days, days_badge, n_, number, percent, plain, say
from dashboard.i18n import date as i18n_date
from repository.grids import SAFETY_TIERS, Grid, Staffing, Vacancy
from repository.metrics import State
from repository.overview import Comparison, Row, off_target

Names = Mapping[str, Mapping[str, str]]
SHOWN_VACANCIES = 6


# --- the map
def where(found: Comparison) -> None:
    """The grids on the map, the darker the more figures are off target."""
    counts = off_target(found.grids, found.rows)
    most = max(counts.values(), default=0)
    worst = [grid for grid in found.grids if counts[grid.id] == most]
    if not most:
        finding = _("No grid is off target in any of {all} figures", all=len(found.rows))
    elif len(worst) == 1:
        finding = _("{grid} is off target in {n} of {all}", grid=worst[0].name, n=most, all=len(found.rows))
    else:
        finding = _("{n} grids are off target in {most} of {all}", n=len(worst), most=most, all=len(found.rows))
    shapes = [
        charts.Shape(
            grid.name,
            [(point.longitude, point.latitude) for point in grid.boundary],
            counts[grid.id],
            _("{n} off target", n=counts[grid.id]),
        )
        for grid in found.grids
    ]
    drawn = sum(len(shape.outline) >= 3 for shape in shapes)
    caption = _("The darker, the more of the {n} compared figures are off target", n=len(found.rows))
    if not drawn:
        caption += " · " + _("no outline is known; squares stand for the grids")
    rows = [
        {_("Grid"): grid.name, _("Off target in"): counts[grid.id], _("Households"): grid.households}
        for grid in found.grids
    ]
    cards.chart(finding, caption, charts.grid_map(shapes, look=cards.look()) if shapes else None, rows, key="map")


# --- side by side
def side_by_side(found: Comparison, names: Names) -> None:
    """Every grid's profile in one table."""
    by_grid = found.estate.by_grid
    facts: list[tuple[str, list[str]]] = [
        (_("Responsible person"), [_person(grid.responsible_id, names) for grid in found.grids]),
        (_("Households"), [number(grid.households) for grid in found.grids]),
        (_("Residents"), [number(grid.residents) for grid in found.grids]),
        (_("Facilities"), [number(by_grid[g.id].standing if g.id in by_grid else 0) for g in found.grids]),
        (_("Open work orders"), [number(found.open.get(grid.id, 0)) for grid in found.grids]),
    ]
    table: dict[str, list[str]] = {_("Grid"): [name for name, _cells in facts] + [_row_name(row) for row in found.rows]}
    for place, grid in enumerate(found.grids):
        table[plain(grid.code)] = [cells[place] for _name, cells in facts] + [_cell(row, grid.id) for row in found.rows]
    with st.container(border=True, height="stretch", gap="xxsmall", key="grids_profile"):
        st.header(_("The grids side by side"), anchor=False)
        st.caption(_("Coloured where a figure is off target or near it; flows of the chosen period, stocks of now"))
        cards.side_by_side(table)


def _person(id: str | None, names: Names) -> str:
    if not id:
        return cards.mark(State.OFF_TARGET, _("empty"))
    return plain(names["people"].get(id, MISSING))


def _row_name(row: Row) -> str:
    unit = "%" if row.metric.unit == "percent" else say(i18n.UNITS[row.metric.unit])
    bounds = i18n.target_bounds(row.target, row.metric.unit)
    return f"{say(row.metric.short)} :small[:gray[{plain(', '.join(part for part in (unit, bounds) if part))}]]"


def _cell(row: Row, grid_id: str) -> str:
    cell = row.cells[grid_id]
    if cell.state is State.UNKNOWN:
        return MISSING
    return cards.mark(cell.state, i18n.figure_of(cell.value, row.metric.unit)[0])


# --- the safety network
def network(staffing: Staffing, grids: tuple[Grid, ...], names: Names, *, on: date | None = None) -> None:
    """Tier by grid: who covers it, and the gaps by name; ``on`` a day, None: today."""
    gaps = staffing.gaps
    if not staffing.cells:
        finding = _("Without grids there is nothing to cover")
    elif not gaps:
        finding = _("The safety network covers every grid on all three tiers")
    elif len(gaps) == 1:
        tier, grid = gaps[0]
        finding = _(
            "One gap: {grid} has nobody for “{post}”", grid=names["grids"].get(grid, grid), post=say(tier.label)
        )
    else:
        finding = _("{n} of {all} places in the safety network are empty", n=len(gaps), all=len(staffing.cells))
    table: dict[str, list[str]] = {_("Tier"): [say(tier.label) for tier in SAFETY_TIERS]}
    for grid in grids:
        table[plain(grid.code)] = [_officers(staffing.cells.get((tier, grid.id), ()), names) for tier in SAFETY_TIERS]
    with st.container(border=True, height="stretch", gap="xxsmall", key="grids_network"):
        st.header(plain(finding), anchor=False)
        st.caption(
            _("Named current officer by tier and grid, as of today; a post for the whole community covers all")
            if on is None
            else plain(
                _(
                    "Named officer by tier and grid, as of {day}; a post for the whole community covers all",
                    day=i18n_date(on),
                )
            )
        )
        if grids:
            cards.side_by_side(table)


def _officers(ids: tuple[str, ...], names: Names) -> str:
    if not ids:
        return cards.mark(State.OFF_TARGET, _("empty"))
    first = plain(names["people"].get(ids[0], MISSING))
    return first if len(ids) == 1 else f"{first} :small[+{len(ids) - 1}]"


# --- posts
def posts(staffing: Staffing, names: Names, may_fill: bool) -> Vacancy | None:
    """Posts required and filled, and what stands vacant; the vacancy the reader wants to fill."""
    wanted = None
    vacant = staffing.vacancies
    known = [vacancy for vacancy in vacant if vacancy.days is not None]
    finding = n_("{n} post is vacant", "{n} posts are vacant", len(vacant)) if vacant else _("Every post is filled")
    if known:
        finding = n_(
            "{n} post is vacant, the longest for {days}",
            "{n} posts are vacant, the longest for {days}",
            len(vacant),
            days=days(known[0].days),
        )
    said = [
        f"{say(tier.label)} {filled}/{required}" for tier, (filled, required) in staffing.by_tier.items() if required
    ]
    if not said:
        finding = _("No post is required yet")
    with st.container(border=True, height="stretch", gap="xxsmall", key="grids_posts"):
        st.header(plain(finding), anchor=False)
        st.caption(
            plain(_("Filled of required: {tiers}", tiers=" · ".join(said)))
            if said
            else _("Which posts have to be filled follows from the grids: enter them first.")
        )
        for place, vacancy in enumerate(vacant[:SHOWN_VACANCIES]):
            if _vacancy(vacancy, names, place, may_fill):
                wanted = vacancy
        if len(vacant) > SHOWN_VACANCIES:
            st.caption(_("and {n} more", n=len(vacant) - SHOWN_VACANCIES))
        if vacant:
            st.space("stretch")
            cards.behind(_vacancy_rows(vacant, names), key="vacancies", title=finding)
    return wanted


def _vacancy(vacancy: Vacancy, names: Names, place: int, may_fill: bool) -> bool:
    where = names["grids"].get(vacancy.grid_id or "", _("whole community"))
    since = _("for {days}", days=days_badge(vacancy.days)) if vacancy.days is not None else _("since when is not known")
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="xxsmall", vertical_alignment="center"):
        words = f":red[:material/dangerous:] {plain(where)} · {plain(say(vacancy.tier.label))}"
        if may_fill:
            pressed = st.button(words, type="tertiary", key=f"vacancy-{place}", width="content", help=_("Fill it"))
        else:
            st.markdown(words, width="content")
            pressed = False
        st.markdown(f":small[:gray[{plain(since)}]]", width="content")
    return pressed


def _vacancy_rows(vacant: tuple[Vacancy, ...], names: Names) -> list[dict[str, Any]]:
    return [
        {
            _("Post"): say(vacancy.tier.label),
            _("Grid"): names["grids"].get(vacancy.grid_id or "", _("whole community")),
            _("Vacant since"): vacancy.since,
            _("Days vacant"): vacancy.days,
            _("Registered"): _("Yes") if vacancy.post_id else _("No"),
        }
        for vacancy in vacant
    ]


# --- the load
def load(found: Comparison) -> None:
    """Households of each grid against the mean."""
    value = found.load
    known = [grid for grid in found.grids if grid.households is not None]
    if value.value is None or len(known) < 2:
        finding = _("The grids' households are not known yet")
    else:
        largest = max(known, key=lambda grid: grid.households or 0)
        finding = _(
            "{grid} has {share} more households than the mean",
            grid=largest.name,
            share=percent(value.value - 1),
        )
    mean = value.detail
    limit = value.target.high if value.target and value.target.high else None
    figure = charts.bars(
        [grid.name for grid in known],
        [grid.households for grid in known],
        [number(grid.households) for grid in known],
        look=cards.look(),
        boxes=[mean] * len(known),
        red=[i for i, grid in enumerate(known) if mean and limit and (grid.households or 0) > mean * limit],
    )
    cards.chart(
        finding,
        _("Households; hollow: the mean of {mean}", mean=number(mean, 0)),
        figure if known else None,
        [{_("Grid"): g.name, _("Households"): g.households, _("Residents"): g.residents} for g in known],
        key="load",
    )


def work(found: Comparison) -> None:
    """Open work of each grid against its share of the households."""
    total = sum(found.open.get(grid.id, 0) for grid in found.grids)
    households = sum(grid.households or 0 for grid in found.grids)
    fair = [total * (grid.households or 0) / households if households else 0 for grid in found.grids]
    finding = _("No work order is open")
    if total:
        most = max(found.grids, key=lambda grid: found.open.get(grid.id, 0))
        facts = {"grid": most.name, "work": percent(found.open.get(most.id, 0) / total)}
        finding = _("{grid} carries {work} of the open work", **facts)
        if households:
            own = percent((most.households or 0) / households)
            finding = _("{grid} carries {work} of the open work with {own} of the households", own=own, **facts)
    figure = charts.bars(
        [grid.name for grid in found.grids],
        [found.open.get(grid.id, 0) for grid in found.grids],
        [number(found.open.get(grid.id, 0)) for grid in found.grids],
        look=cards.look(),
        boxes=fair if households else [],
        pale=True,
    )
    cards.chart(
        finding,
        _("Open work orders now, n = {n}; hollow: what the grid's share of the households would be", n=number(total)),
        figure if total else None,
        [
            {_("Grid"): grid.name, _("Open"): found.open.get(grid.id, 0), _("By households"): round(part, 1)}
            for grid, part in zip(found.grids, fair, strict=True)
        ],
        key="work",
    )
