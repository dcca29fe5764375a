"""The questions, and how their answers are put side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from repository import activities, facilities, inspections, maintenance
from repository.access import Actor
from repository.grids import (
    GRID_POSTS,
    HOME,
    Grid,
    Staffing,
    home_of,
    load,
    setting,
    setting_of,
    setting_wanted,
    staffing,
    staffing_over_time,
)
from repository.metrics import Metric, Period, State, Target, Value, judge, ratio
from repository.overview.answers import Cell, Comparison, Crowd, Estate, Glance, Line, Repairs, Row, Team
from repository.overview.concerns import actions, facilities_concern, participation_concern, team_concern
from repository.overview.judging import Judging, judging_of
from repository.overview.lines import of_systems
from repository.rollups import day_begins
from repository.store import Put, Steps, Store, Then, TooMuchSince, at_once, in_steps
from repository.targets import LOUD, attention, note_states, standard_of, states_noted
from repository.targets import wanted as standard_wanted


def compare(store: Store, actor: Actor, community_id: str, period: Period, *, now: datetime) -> Comparison:
    """How do the grids in the actor's reach stand beside each other? Raises Refused, Unavailable."""
    also = [
        facilities.wanted(actor, community_id, course=False),
        *maintenance.glance_wanted(store, actor, community_id, period, now=now),
        activities.grids_wanted(period),
    ]
    within = setting(store, actor, community_id, also=[*also, *standard_wanted(actor, community_id)])
    held = Judging(standard_of(within.also[-3:]), min(period.last, now.date()), period.kind)
    within = replace(within, also=within.also[:-3])
    there = within.grids
    work = held.judged(maintenance.work_glance(store, actor, community_id, period, now=now, within=within.also[1:-1]))
    zone = store.zone(community_id)
    estate = facilities.glance(within.also[0], within.community, on=now.date(), zone=zone, course=False)
    posts = staffing(store, actor, community_id, on=now.date(), within=within)
    estate, posts = held.now(now).judged((estate, posts))
    came = activities.came_by_grid(store, actor, community_id, period, within=within)
    rate = activities.participation(period)
    return Comparison(
        there,
        _rows(there, work, estate, posts, rate, came, held),
        {row.grid_id: row.open for row in work.grids},
        held.now(now).judged(load(there)),
        posts,
        estate,
        within.names,
    )


# --- the questions it is made of: each is asked anew when something was written of what it alone reads
@in_steps
def team(
    store: Store,  # noqa: ARG001 (every question takes it)
    actor: Actor,
    community_id: str,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Steps[Team]:
    """Who fills which post today? Raises NotFound, Refused, Unavailable."""
    wanted = [*setting_wanted(actor, community_id), *standard_wanted(actor, community_id)]
    within = setting_of((yield wanted))
    held = judging_of(within.also, actor, community_id, now, seen)
    posts = held.judged(staffing_over_time(within.of(seen), now.date(), now.date()))
    return Team(replace(within, also=()), posts, held.standard)


@in_steps
def repairs(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Steps[Repairs]:
    """How late is the work, and what of it cannot wait? Raises Refused, Unavailable."""
    pressing = maintenance.urgent_wanted(actor, community_id, seen, now=now)
    owed = maintenance.glance_wanted(store, actor, community_id, period, seen, now=now, kinds=True)
    *found, aims, accepted, noted = yield [*pressing, *owed, *standard_wanted(actor, community_id)]
    urgent, work = found[: len(pressing)], found[len(pressing) :]
    held = judging_of([aims, accepted, noted], actor, community_id, now, seen, period)
    return Repairs(
        held.judged(maintenance.work_glance(store, actor, community_id, period, seen, now=now, within=work)),
        maintenance.urgent(store, actor, community_id, seen, now=now, within=urgent),
    )


@in_steps
def estate(
    store: Store, actor: Actor, community_id: str, seen: frozenset[str] | None = None, *, now: datetime
) -> Steps[Estate]:
    """In what state are the facilities, and which should have been inspected by now? Raises NotFound, Refused,
    Unavailable."""
    home, rows, plans, checklists, aims, accepted, noted = yield [
        HOME[0],
        facilities.wanted(actor, community_id, grids=seen),
        *inspections.wanted(community_id),
        *standard_wanted(actor, community_id),
    ]
    lasts = yield inspections.lasts_wanted(community_id, plans, checklists)
    today, within = now.date(), [rows, plans, checklists, *lasts]
    late = inspections.dues(store, actor, community_id, today=today, grids=seen, overdue=True, within=within)
    found = facilities.glance(rows, home_of([home, ()]).community, on=today, zone=store.zone(community_id))
    return Estate(judging_of([aims, accepted, noted], actor, community_id, now, seen).judged(found), tuple(late))


@in_steps
def crowd(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Steps[Crowd]:
    """What was held, and who came? Raises NotFound, Refused, Unavailable."""
    counters = activities.figures_wanted(store, actor, community_id, period, grids=seen, now=now, brief=True)
    lately = activities.organizers_wanted(actor, community_id, grids=seen, today=now.date())
    *found, organized, aims, accepted, noted = yield [
        *HOME,
        *counters,
        *lately,
        *standard_wanted(actor, community_id),
    ]
    within = home_of(found)
    came = activities.figures(store, actor, community_id, period, grids=seen, now=now, within=within)
    held = judging_of([aims, accepted, noted], actor, community_id, now, seen, period)
    return Crowd(held.judged(came), activities.organizers(organized))


def glance(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Glance:
    """Are things all right, what is not, since when, who must act? Over the grids ``seen`` (None: all in reach).
    Raises NotFound, Refused, Unavailable."""
    put = [Put(each, (seen,), {"now": now}) for each in (team, estate)]
    put += [Put(each, (period, seen), {"now": now}) for each in (repairs, crowd)]
    staffed, standing, work, came, *lines = (
        answer for answer, _footprint in at_once(store, actor, community_id, [*put, *of_systems(period, seen, now)])
    )
    return put_together(actor, staffed, standing, work, came, seen, lines)


AT_FIRST, AT_ONCE = 60, 3
"""How many days that were over before are noted, and how many at a time."""


def note_days(store: Store, actor: Actor, community_id: str, *, now: datetime) -> int:
    """Note of the days that are over since the last one noted in which state the figures of a moment were at their
    ends, at most AT_ONCE of them; returns how many. Where a day is too long ago to be found out, the notes go on with
    yesterday. Raises Refused, Conflict, Unavailable, TooMuchSince."""
    zone = store.zone(community_id)
    today = now.astimezone(zone).date()
    yesterday = today - timedelta(days=1)
    noted = states_noted(store, actor, community_id)
    first = today - timedelta(days=AT_FIRST) if noted is None else noted.noted_on + timedelta(days=1)
    days: list[tuple[date, tuple[Value, ...]]] = []
    while first < today and len(days) < AT_ONCE:
        moment = day_begins(first + timedelta(days=1), zone) - timedelta(milliseconds=1)
        month = Period.containing("month", first)
        try:
            found = glance(Then(store, moment), actor, community_id, month, now=moment.astimezone(zone))
        except TooMuchSince:
            if first == yesterday:
                raise
            days, first = [], yesterday
            continue
        days.append((first, found.figures))
        first += timedelta(days=1)
    if days:
        note_states(store, actor, community_id, days)
    return len(days)


def put_together(
    actor: Actor,
    team: Team,
    estate: Estate,
    repairs: Repairs,
    crowd: Crowd,
    seen: frozenset[str] | None = None,
    lines: Sequence[Line] = (),
) -> Glance:
    """The answer, from those it is made of; ``lines`` are how the community is run, as ``systems`` says."""
    within, posts, work, found, came = team.within, team.posts, repairs.work, estate.found, crowd.figures
    there = [grid for grid in within.grids if seen is None or grid.id in seen]
    tiles = (
        work.overdue,
        work.on_time,
        found.good_order,
        found.past_life,
        posts.filled,
        came.participation,
        came.variety.effective,
    )
    day = work.overdue.held.day if work.overdue.held else date.max
    held = Judging(team.standard, day, came.period.kind)
    figures = (*tiles, posts.coverage, *(value for line in lines for value in line.values))
    concerns = (
        facilities_concern(there, work, found, within.acting),
        team_concern(there, posts, within.acting),
        participation_concern(there, came, crowd.organizers, within.acting),
    )
    last = (within.secretary,) if within.secretary else ()
    return Glance(
        concerns=tuple(replace(each, who=last) if each.state in LOUD and not each.who else each for each in concerns),
        values=tiles,
        grids=tuple(there),
        rows=_rows(there, work, found, posts, came.participation.metric, came.grids, held),
        actions=actions(actor, there, estate, repairs.urgent, posts, came, within.acting),
        figures=figures,
        attention=attention(figures),
    )


# --- grids side by side
def _rows(
    there: Sequence[Grid],
    work: maintenance.WorkGlance,
    estate: facilities.EstateGlance,
    posts: Staffing,
    rate: Metric,
    groups: Sequence[activities.Group],
    held: Judging,
) -> tuple[Row, ...]:
    orders = {row.grid_id: row for row in work.grids}
    came = {group.key: group for group in groups if any(each.people != 0 for each in groups)}  # else no visit is known
    required = sum(GRID_POSTS.values())
    limit = work.overdue.target
    overdue = _shared(limit, len(there)) if limit else Target()

    def cell(id: str, value: float | None, n: int, metric: Metric, target: Target) -> Cell:
        state = judge(value, target) if value is not None and n >= metric.minimum_n else State.UNKNOWN
        if state in (State.OFF_TARGET, State.NEAR) and held.accepts(metric, id):
            state = State.ACCEPTED
        return Cell(value, n, state)

    def row(metric: Metric, target: Target | None, figures: Mapping[str, tuple[float | None, int]]) -> Row:
        own = target or Target()
        return Row(metric, own, {id: cell(id, value, n, metric, own) for id, (value, n) in figures.items()})

    good = {
        grid.id: (
            sum(figures.good for (id, _), figures in estate.cells.items() if id == grid.id),
            sum(figures.graded for (id, _), figures in estate.cells.items() if id == grid.id),
        )
        for grid in there
    }
    return (
        row(
            work.overdue.metric,
            overdue,
            {
                grid.id: (
                    orders[grid.id].overdue if grid.id in orders else 0,
                    orders[grid.id].open if grid.id in orders else 0,
                )
                for grid in there
            },
        ),
        row(
            work.on_time.metric,
            work.on_time.target,
            {
                grid.id: (orders[grid.id].on_time, orders[grid.id].on_time_n) if grid.id in orders else (None, 0)
                for grid in there
            },
        ),
        row(
            estate.good_order.metric,
            estate.good_order.target,
            {grid.id: (ratio(*good[grid.id]), good[grid.id][1]) for grid in there},
        ),
        row(
            rate,
            held.target(rate),
            {
                grid.id: (came[grid.id].rate, came[grid.id].population or 0) if grid.id in came else (None, 0)
                for grid in there
            },
        ),
        row(
            posts.filled.metric,
            Target(low=1.0),
            {grid.id: (ratio(posts.by_grid.get(grid.id, (0, 0))[0], required), required) for grid in there},
        ),
    )


def _shared(limit: Target, n: int) -> Target:
    """What of a community's limit is a single grid's, of ``n``: whole numbers, one at least."""

    def part(bound: float | None) -> float | None:
        return None if bound is None else float(max(1, round(bound / max(n, 1))))

    return replace(limit, low=None, near_low=None, high=part(limit.high), near_high=part(limit.near_high))
