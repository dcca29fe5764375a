"""Questions that cross areas: are things all right, and if not, what, since when, and who acts.

Nothing is computed here that an area's room computes already; here it is put side by side, judged and put into words.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Literal, TypeVar

from repository import activities, facilities, inspections, maintenance, meetings, projects, requests, staff
from repository.access import Actor, Operation, may, reach
from repository.grids import (
    GRID_POSTS,
    HOME,
    Grid,
    Setting,
    Staffing,
    Tier,
    Vacancy,
    home_of,
    load,
    setting,
    setting_of,
    setting_wanted,
    staffing,
    staffing_over_time,
)
from repository.maintenance import Fault, WorkCategory
from repository.metrics import Metric, Period, State, Target, Value, judge, ratio
from repository.record import Choice
from repository.rollups import day_begins
from repository.store import Document, Put, Steps, Store, Then, TooMuchSince, at_once, in_steps
from repository.targets import LOUD, Attention, Span, Standard, attention, note_states, standard_of, states_noted
from repository.targets import wanted as standard_wanted
from repository.words import Amount, Message, counted, msg

T = TypeVar("T")

MOST_ACTIONS = 7
_WORST_FIRST = (State.OFF_TARGET, State.NEAR, State.UNKNOWN, State.ACCEPTED, State.ON_TARGET)


@dataclass(frozen=True)
class Concern:
    """One of the three troubles of the source document (section 3) as it stands: a finding, why, and who acts."""

    area: Literal["facilities", "team", "participation"]
    state: State
    since: Value | None
    """The value whose run off target the badge tells."""
    finding: Message
    why: Message
    who: tuple[str, ...]
    """Names of the people who act; empty when nobody must."""
    page: str
    link: Message
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    by: date | None = None
    """By when they must have, at the latest: the first such day of the figures it rests on."""


@dataclass(frozen=True)
class Cell:
    """One grid's figure for one metric: a share where the metric's unit is percent."""

    value: float | None
    n: int
    state: State


@dataclass(frozen=True)
class Row:
    """One metric over the grids. ``target`` is what a single grid is held to."""

    metric: Metric
    target: Target
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Action:
    """Something to do today: what, who, how many days late (None: no date), and where."""

    state: State
    what: Message
    who: str | None
    days: int | None
    page: str
    params: Mapping[str, str]


@dataclass(frozen=True)
class Glance:
    """The overview's answer."""

    concerns: tuple[Concern, ...]
    values: tuple[Value, ...]
    """The tiles, in their order."""
    grids: tuple[Grid, ...]
    rows: tuple[Row, ...]
    actions: tuple[Action, ...]
    figures: tuple[Value, ...]
    """The tiles, and the figures that the lines below them rest on."""
    attention: Attention
    """Which of these figures need action (metric L1)."""

    @property
    def lagging(self) -> tuple[Grid, int] | None:
        """The one grid that is off target in most rows and in how many; None when two share that or none is."""
        return _lagging(self.grids, self.rows)


@dataclass(frozen=True)
class Comparison:
    """The grids side by side on the same metrics, and what the rows were made from."""

    grids: tuple[Grid, ...]
    rows: tuple[Row, ...]
    open: Mapping[str, int]
    """Open work orders by grid, now."""
    load: Value
    posts: Staffing
    estate: facilities.EstateGlance
    people: Mapping[str, str]
    """Everybody's name by id, active first, by name."""

    @property
    def lagging(self) -> tuple[Grid, int] | None:
        """As ``Glance.lagging``."""
        return _lagging(self.grids, self.rows)


def compare(store: Store, actor: Actor, community_id: str, period: Period, *, now: datetime) -> Comparison:
    """How do the grids in the actor's reach stand beside each other? Raises Refused, Unavailable."""
    also = [
        facilities.wanted(actor, community_id, course=False),
        *maintenance.glance_wanted(store, actor, community_id, period, now=now),
        activities.grids_wanted(period),
    ]
    within = setting(store, actor, community_id, also=[*also, *standard_wanted(actor, community_id)])
    held = _Held(standard_of(within.also[-3:]), min(period.last, now.date()), period.kind)
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


@dataclass(frozen=True)
class _Held:
    """What figures of a day are held to: of a kind of period, or with ``grid_id`` of that grid alone."""

    standard: Standard
    day: date
    span: str = Span.ANY
    grid_id: str | None = None

    def judged(self, answer: T) -> T:
        """The answer with its values held to it."""
        return self.standard.judge(answer, self.day, self.span, self.grid_id)

    def now(self, now: datetime) -> "_Held":
        """For what is read as of now, whatever period is looked at."""
        return replace(self, day=now.date(), span=Span.ANY)

    def target(self, metric: Metric) -> Target | None:
        """What is wanted of a metric."""
        return self.standard.target(metric, self.day, self.span)

    def accepts(self, metric: Metric, grid_id: str) -> bool:
        """Whether somebody answers for the metric's missing its target in a grid."""
        return self.standard.accepted(metric, self.day, grid_id) is not None


def off_target(there: Sequence[Grid], rows: Sequence[Row]) -> dict[str, int]:
    """Grid id -> in how many of the compared figures it is off target; near does not count."""
    return {grid.id: sum(row.cells[grid.id].state is State.OFF_TARGET for row in rows) for grid in there}


def _lagging(there: Sequence[Grid], rows: Sequence[Row]) -> tuple[Grid, int] | None:
    counts = off_target(there, rows)
    most = max(counts.values(), default=0)
    worst = [grid for grid in there if counts[grid.id] == most]
    return (worst[0], most) if most and len(worst) == 1 else None


# --- the questions it is made of: each is asked anew when something was written of what it alone reads
@dataclass(frozen=True)
class Estate:
    """The facilities, and the inspections that are overdue, the longest first."""

    found: facilities.EstateGlance
    overdue: tuple[inspections.Due, ...]


@dataclass(frozen=True)
class Repairs:
    """The work, and what of it cannot wait."""

    work: maintenance.WorkGlance
    urgent: maintenance.Urgent


@dataclass(frozen=True)
class Team:
    """Who is there, how the posts are filled, and what figures are held to."""

    within: Setting
    posts: Staffing
    standard: Standard


@dataclass(frozen=True)
class Crowd:
    """What was held and who came, and who organises it: ids of people, whoever does most first."""

    figures: activities.Figures
    organizers: tuple[str, ...]


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
    held = _held(within.also, actor, community_id, now, seen)
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
    owed = maintenance.glance_wanted(store, actor, community_id, period, seen, now=now, kinds=True)
    also = standard_wanted(actor, community_id)
    found = yield [*owed, *also, *maintenance.urgent_wanted(actor, community_id, seen, now=now)]
    of_work, judging, pressing = found[: len(owed)], found[len(owed) :][: len(also)], found[len(owed) + len(also) :]
    held = _held(judging, actor, community_id, now, seen, period)
    return Repairs(
        held.judged(maintenance.work_glance(store, actor, community_id, period, seen, now=now, within=of_work)),
        maintenance.urgent(store, actor, community_id, seen, now=now, within=pressing),
    )


@in_steps
def estate(
    store: Store, actor: Actor, community_id: str, seen: frozenset[str] | None = None, *, now: datetime
) -> Steps[Estate]:
    """In what state are the facilities, and which should have been inspected by now? Raises NotFound, Refused,
    Unavailable."""
    own = facilities.wanted(actor, community_id, grids=seen)
    judging = standard_wanted(actor, community_id)
    home, rows, plans, checklists, aims, accepted, noted = yield [
        HOME[0],
        own,
        *inspections.wanted(community_id),
        *judging,
    ]
    lasts = yield inspections.lasts_wanted(community_id, plans, checklists)
    today, within = now.date(), [rows, plans, checklists, *lasts]
    late = inspections.dues(store, actor, community_id, today=today, grids=seen, overdue=True, within=within)
    found = facilities.glance(rows, home_of([home, ()]).community, on=today, zone=store.zone(community_id))
    return Estate(_held([aims, accepted, noted], actor, community_id, now, seen).judged(found), tuple(late))


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
    held = _held([aims, accepted, noted], actor, community_id, now, seen, period)
    return Crowd(held.judged(came), activities.organizers(organized))


def _held(
    judging: Sequence[Sequence[Document]],
    actor: Actor,
    community_id: str,
    now: datetime,
    seen: frozenset[str] | None,
    period: Period | None = None,
) -> _Held:
    """What figures over some grids are held to at the end of a period, or now, from what ``standard_wanted`` reads."""
    day = now.date() if period is None else min(period.last, now.date())
    span = Span.ANY if period is None else period.kind
    grids = reach(actor, community_id, seen)
    standard = standard_of(judging)
    return _Held(standard if grids is None else standard.of_a_part(), day, span, _only(grids))


def _only(grids: frozenset[str] | None) -> str | None:
    """The one grid, where there is but one."""
    return next(iter(grids)) if grids is not None and len(grids) == 1 else None


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
        answer for answer, _footprint in at_once(store, actor, community_id, [*put, *_of_systems(period, seen, now)])
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
    lines: Sequence["Line"] = (),
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
    held = _Held(team.standard, day, came.period.kind)
    figures = (*tiles, posts.coverage, *(value for line in lines for value in line.values))
    concerns = (
        _facilities_concern(there, work, found, within.acting),
        _team_concern(there, posts, within.acting),
        _participation_concern(there, came, crowd.organizers, within.acting),
    )
    last = tuple(within.names[id] for id in within.secretaries[:1])
    return Glance(
        concerns=tuple(replace(each, who=last) if each.state in LOUD and not each.who else each for each in concerns),
        values=tiles,
        grids=tuple(there),
        rows=_rows(there, work, found, posts, came.participation.metric, came.grids, held),
        actions=_actions(actor, there, estate, repairs.urgent, posts, came, within.acting),
        figures=figures,
        attention=attention(figures),
    )


def worst(states: Sequence[State]) -> State:
    """The state that asks loudest for action; on target without any."""
    return min(states, key=_WORST_FIRST.index, default=State.ON_TARGET)


# --- how the community is run
@dataclass(frozen=True)
class Line:
    """How one system of the community's stands: a finding, what more there is to know, and where."""

    page: str
    state: State
    finding: Message
    more: Message | None
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    values: tuple[Value, ...] = ()
    """The judged figures it rests on."""


@in_steps
def of_organizations(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Steps[Line]:
    """Do stationed organisations take part? Raises Refused, Unavailable."""
    today = now.date()
    wanted = projects.glance_wanted(actor, community_id, period, seen, today=today)
    *found, aims, accepted, noted = yield [*wanted, *standard_wanted(actor, community_id)]
    tasks = yield projects.tasks_wanted(actor, community_id, found[0])
    answer = projects.glance(store, actor, community_id, period, seen, today=today, within=[*found, *tasks])
    return _organizations(_held([aims, accepted, noted], actor, community_id, now, seen, period).judged(answer))


@in_steps
def of_staff(store: Store, actor: Actor, community_id: str, *, now: datetime) -> Steps[Line]:
    """Is the team trained, and are its key posts succeeded to? Raises Refused, Unavailable."""
    *found, aims, accepted, noted = yield [
        *staff.glance_wanted(actor, community_id, on=now.date()),
        *standard_wanted(actor, community_id),
    ]
    answer = staff.staff_glance(store, actor, community_id, on=now.date(), within=found)
    return _team(_held([aims, accepted, noted], actor, community_id, now, None).judged(answer))


@in_steps
def of_meetings(store: Store, actor: Actor, community_id: str, *, now: datetime) -> Steps[Line]:
    """Are meetings held, and what they decided done? Raises Refused, Unavailable."""
    *found, aims, accepted, noted = yield [
        *meetings.glance_wanted(actor, community_id),
        *standard_wanted(actor, community_id),
    ]
    answer = meetings.glance(store, actor, community_id, now=now, within=found)
    return _meetings(_held([aims, accepted, noted], actor, community_id, now, None).judged(answer))


@in_steps
def of_requests(
    store: Store, actor: Actor, community_id: str, seen: frozenset[str] | None = None, *, now: datetime
) -> Steps[Line]:
    """Are residents' requests answered in time? Raises Refused, Unavailable."""
    wanted = requests.glance_wanted(actor, community_id, seen, now=now)
    *found, aims, accepted, noted = yield [*wanted, *standard_wanted(actor, community_id)]
    answer = requests.request_glance(store, actor, community_id, seen, now=now, within=found)
    return _requests(_held([aims, accepted, noted], actor, community_id, now, seen).judged(answer))


def systems(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> tuple[Line, ...]:
    """Stationed organisations, the team, meetings, the reception of residents: is each kept up? Raises Refused,
    Unavailable."""
    put = _of_systems(period, seen, now)
    return tuple(answer for answer, _footprint in at_once(store, actor, community_id, put))


def _of_systems(period: Period, seen: frozenset[str] | None, now: datetime) -> list[Put]:
    return [
        Put(of_organizations, (period, seen), {"now": now}),
        *(Put(each, (), {"now": now}) for each in (of_staff, of_meetings)),
        Put(of_requests, (seen,), {"now": now}),
    ]


def _organizations(found: projects.CoConstructionGlance) -> Line:
    part, unmatched = found.organizations.participation, found.organizations.unmatched
    if not part.n:
        return Line("organizations", State.UNKNOWN, Message(msg("No stationed organisation is entered yet")), None)
    return Line(
        "organizations",
        part.state or State.UNKNOWN,
        counted(
            msg("{n} of {all} stationed organisations takes part"),
            msg("{n} of {all} stationed organisations take part"),
            round((part.value or 0) * part.n),
            all=part.n,
        ),
        Message(
            msg("{needs}; {unclear}"),
            {
                "needs": counted(
                    msg("{n} need nobody has taken on"), msg("{n} needs nobody has taken on"), int(unmatched.value or 0)
                ),
                "unclear": counted(
                    msg("goals or duties are unclear in {n} project"),
                    msg("goals or duties are unclear in {n} projects"),
                    int(found.unclear.value or 0),
                ),
            },
        ),
        values=(part, unmatched, found.unclear),
    )


def _team(found: staff.StaffGlance) -> Line:
    if not found.size:
        return Line("staff", State.UNKNOWN, Message(msg("No file of the team is entered yet")), None)
    if found.gaps.n is None:
        finding = Message(msg("How many of the team of {all} lack training is withheld"), {"all": found.size})
    else:
        finding = counted(
            msg("{n} of {all} in the team lacks training or a valid certificate"),
            msg("{n} of {all} in the team lack training or a valid certificate"),
            found.gaps.n,
            all=found.size,
        )
    states = [value.state for value in (found.gaps_value, found.succession) if value.state]
    return Line(
        "staff",
        worst(states) if states else State.UNKNOWN,
        finding,
        Message(
            msg("Nobody is ready to take over {n} of {all} key posts"),
            {"n": found.without_successor, "all": found.key_posts},
        )
        if found.key_posts
        else None,
        values=(found.gaps_value, found.succession),
    )


def _meetings(found: meetings.Glance) -> Line:
    if not found.anything:
        return Line("meetings", State.UNKNOWN, Message(msg("No meeting is on record yet")), None)
    missing = len(found.missing)
    not_held = counted(msg("{n} required meeting was not held"), msg("{n} required meetings were not held"), missing)
    late = counted(msg("{n} action item is overdue"), msg("{n} action items are overdue"), found.overdue)
    if missing and found.overdue:
        finding = Message(msg("{meetings}, {items}"), {"meetings": not_held, "items": late})
    elif missing or found.overdue:
        finding = not_held if missing else late
    else:
        finding = Message(msg("Meetings are held and what they decided is in time"))
    more = Message(msg("Next: {name}, {day}"), {"name": found.next.name, "day": found.next.day}) if found.next else None
    carried = found.carried_over.state or State.ON_TARGET
    state = State.OFF_TARGET if missing else worst([carried, State.NEAR if found.overdue else State.ON_TARGET])
    which = {"which": "late"} if found.overdue else {}
    return Line("meetings", state, finding, more, which, (found.carried_over,))


def _requests(found: requests.Glance) -> Line:
    rising, kind = found.rising, found.kind
    more = (
        Message(
            msg("“{topic}” comes up more and more: {n} in 31 days, before {before}"),
            {"topic": _known(rising.category, requests.Topic), "n": rising.n, "before": rising.before},
        )
        if rising
        else None
    )
    if kind:
        own = {"topic": _known(kind[0], requests.Topic), "n": kind[1]}
        most = Message(msg("About “{topic}”") if kind[1] == found.overdue else msg("“{topic}” has {n} of them"), own)
        more = Message(msg("{most}; {rising}"), {"most": most, "rising": more}) if more else most
    if not found.open:
        finding = Message(msg("No request of a resident is open"))
        return Line("requests", State.ON_TARGET, finding, more, values=(found.late,))
    return Line(
        "requests",
        found.late.state or State.ON_TARGET,
        counted(
            msg("{n} of {all} open requests of residents is overdue"),
            msg("{n} of {all} open requests of residents are overdue"),
            found.overdue,
            all=found.open,
        ),
        more,
        {"show": "overdue"} if found.overdue else {},
        (found.late,),
    )


# --- grids side by side
def _rows(
    there: Sequence[Grid],
    work: maintenance.WorkGlance,
    estate: facilities.EstateGlance,
    posts: Staffing,
    rate: Metric,
    groups: Sequence[activities.Group],
    held: _Held,
) -> tuple[Row, ...]:
    orders = {row.grid_id: row for row in work.grids}
    came = {group.key: group for group in groups}
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


# --- the three troubles
def _facilities_concern(
    there: Sequence[Grid],
    work: maintenance.WorkGlance,
    estate: facilities.EstateGlance,
    names: Mapping[str, str],
) -> Concern:
    count = int(work.overdue.value or 0)
    before = [value for _, value in work.overdue.series][-4:-3]
    state = worst([value.state for value in (work.overdue, work.on_time, estate.good_order) if value.state])
    past = int(before[0] or 0) if before else 0
    if not count and past:
        finding = counted(
            msg("No repair is overdue, {n} was 3 months ago"), msg("No repair is overdue, {n} were 3 months ago"), past
        )
    elif not count:
        finding = Message(msg("No repair is overdue"))
    elif before and before[0] is not None and before[0] < count:
        facts = {"before": int(before[0]), "count": count}
        finding = Message(msg("Overdue orders rose from {before} to {count} in 3 months"), facts)
    elif before and before[0] is not None and before[0] > count:
        facts = {"before": int(before[0]), "count": count}
        finding = Message(msg("Overdue orders fell from {before} to {count} in 3 months"), facts)
    else:
        finding = counted(msg("{n} order is overdue"), msg("{n} orders are overdue"), count)
    by_id = {grid.id: grid for grid in there}
    late = sorted((row for row in work.grids if row.grid_id in by_id), key=lambda row: -row.overdue)
    dangers = counted(msg("{n} facility is hazardous"), msg("{n} facilities are hazardous"), len(estate.dangers))
    who: tuple[str, ...] = ()
    because: dict[str, str | int | Message] = {"dangers": dangers}
    if work.kind:
        because |= {"category": _known(work.kind[0], WorkCategory), "many": work.kind[1]}
    if late and late[0].overdue:
        grid = by_id[late[0].grid_id]
        because |= {"grid": grid.name, "n": late[0].overdue}
        who = _named([grid], names)
        text = (
            msg("{grid} has {n} of them, the category “{category}” {many}; {dangers}.")
            if work.kind
            else msg("{grid} has {n} of them; {dangers}.")
        )
    elif work.kind:
        text = msg("The category “{category}” has {many} of them; {dangers}.")
    else:
        text = msg("{dangers}.")
    if not (late and late[0].overdue):
        dangerous = Counter(danger.grid_id for danger in estate.dangers if danger.grid_id in by_id)
        most = min(dangerous.items(), key=lambda one: (-one[1], one[0] or ""), default=None)
        if most:
            grid = by_id[most[0] or ""]
            dangers_there = {"dangers": dangers, "grid": grid.name, "n": most[1]}
            because["dangers"] = Message(msg("{dangers}, {n} of them in {grid}"), dangers_there)
            who = _named([grid], names)
    return Concern(
        "facilities",
        state,
        work.overdue if work.overdue.state is not State.ON_TARGET else estate.good_order,
        finding,
        Message(text, because),
        who,
        "maintenance",
        Message(msg("See {count} overdue"), {"count": count}) if count else Message(msg("See the repairs")),
        by=_react_by(work.overdue, work.on_time, estate.good_order),
    )


def _named(grids: Iterable[Grid], names: Mapping[str, str]) -> tuple[str, ...]:
    """Who answers for the grids, in their order, two at most."""
    found = [name for grid in grids if grid.responsible_id and (name := names.get(grid.responsible_id))]
    return tuple(dict.fromkeys(found))[:2]


def _react_by(*values: Value) -> date | None:
    """The first day by which somebody must have reacted to one of them."""
    return min((day for value in values if (day := value.react_by)), default=None)


def _team_concern(there: Sequence[Grid], posts: Staffing, names: Mapping[str, str]) -> Concern:
    state = worst([value.state for value in (posts.filled, posts.coverage) if value.state])
    empty = posts.vacancies or tuple(Vacancy(tier, grid, None, None, None) for tier, grid in posts.gaps)
    lacking = _lacking(there, empty)
    return Concern(
        "team",
        state,
        posts.filled if posts.filled.state is state else posts.coverage,
        _vacant(posts),
        _lacked(lacking, _unexplained(posts))
        if lacking
        else Message(msg("The three-tier safety network covers every grid.")),
        _named([grid for grid, _empty in lacking if grid], names),
        "grids",
        Message(msg("See the posts")),
        by=_react_by(posts.filled, posts.coverage),
    )


def _vacant(posts: Staffing) -> Message:
    """What is vacant and how that changed, told apart: the grids' own posts are what the tile "posts filled" counts."""
    n, gaps = len(posts.vacancies), len(posts.gaps)
    own = any(vacancy.tier in GRID_POSTS for vacancy in posts.vacancies)
    before = None
    if posts.before is not None:
        before = sum(m for tier, m in posts.before.items() if own or not n or tier not in GRID_POSTS)
    if not n and gaps:
        return counted(
            msg("Every required post is filled, but {n} place of the safety network has no officer"),
            msg("Every required post is filled, but {n} places of the safety network have no officer"),
            gaps,
        )
    if not n and before:
        return counted(
            msg("Every required post is filled, {n} was vacant 3 months ago"),
            msg("Every required post is filled, {n} were vacant 3 months ago"),
            before,
        )
    if not n:
        return Message(msg("Every required post is filled"))
    facts = {"before": before, "count": n}
    if before is not None and before < n:
        rose = msg("Vacant posts rose from {before} to {count} in 3 months")
        return Message(
            rose if own else msg("Vacant posts of the safety network rose from {before} to {count} in 3 months"), facts
        )
    if before is not None and before > n:
        fell = msg("Vacant posts fell from {before} to {count} in 3 months")
        return Message(
            fell if own else msg("Vacant posts of the safety network fell from {before} to {count} in 3 months"), facts
        )
    if own:
        return counted(msg("{n} required post is vacant"), msg("{n} required posts are vacant"), n)
    return counted(
        msg("{n} post of the safety network is vacant"), msg("{n} posts of the safety network are vacant"), n
    )


_OFFICERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        Tier.STREET: (msg("{n} safety supervisor"), msg("{n} safety supervisors")),
        Tier.COMMUNITY: (msg("{n} safety assistant"), msg("{n} safety assistants")),
        Tier.GROUP: (msg("{n} safety officer"), msg("{n} safety officers")),
        Tier.GRID_LEAD: (msg("{n} grid director"), msg("{n} grid directors")),
        Tier.GROUP_LEADER: (msg("{n} residents’ group leader"), msg("{n} residents’ group leaders")),
    }
)


def _lacking(there: Sequence[Grid], empty: Iterable[Vacancy]) -> list[tuple[Grid | None, list[Vacancy]]]:
    """What is empty by grid (None: a post for all of them): where most is first, of these where it is for longest."""
    by_id = {grid.id: grid for grid in there}
    places: dict[str | None, list[Vacancy]] = {}
    for vacancy in empty:
        places.setdefault(vacancy.grid_id if vacancy.grid_id in by_id else None, []).append(vacancy)
    order = {id: place for place, id in enumerate([*by_id, None])}
    found = sorted(places.items(), key=lambda one: (-len(one[1]), -max(v.days or 0 for v in one[1]), order[one[0]]))
    return [(by_id[id] if id else None, vacancies) for id, vacancies in found]


def _unexplained(posts: Staffing) -> int:
    """Places of the network without an officer though no post for them is vacant: the one there is serves elsewhere."""
    if not posts.vacancies:
        return 0
    known = {(vacancy.tier, vacancy.grid_id) for vacancy in posts.vacancies}
    return sum((tier, grid) not in known and (tier, None) not in known for tier, grid in posts.gaps)


def _lacked(lacking: Sequence[tuple[Grid | None, list[Vacancy]]], gaps: int) -> Message:
    """The two places that lack most, what they lack, and how much there is beyond."""
    first, *others = [_of_place(grid, vacancies) for grid, vacancies in lacking[:2]]
    said = first[0]
    if others:
        said = Message(msg("{one}, {other}"), {"one": said, "other": others[0][0]})
    if rest := sum(len(vacancies) for _grid, vacancies in lacking) - first[1] - sum(n for _said, n in others):
        said = counted(
            msg("{said}, and {n} more post is empty"), msg("{said}, and {n} more posts are empty"), rest, said=said
        )
    if gaps:
        said = counted(
            msg("{said}; {n} other place of the safety network has no officer"),
            msg("{said}; {n} other places of the safety network have no officer"),
            gaps,
            said=said,
        )
    return Message(msg("{said}."), {"said": said})


def _of_place(grid: Grid | None, vacancies: Sequence[Vacancy]) -> tuple[Message, int]:
    """Which posts are empty in a grid, the two of which most are, and how many these are."""
    tiers = Counter(vacancy.tier for vacancy in vacancies).most_common(2)
    posts = [counted(*_OFFICERS[tier], n) for tier, n in tiers]
    what = posts[0] if len(posts) == 1 else Message(msg("{one} and {other}"), {"one": posts[0], "other": posts[1]})
    told = sum(n for _tier, n in tiers)
    if grid:
        said = Message(msg("{grid} lacks {what}"), {"grid": grid.name, "what": what})
    else:
        said = Message(msg("{what} is missing") if told == 1 else msg("{what} are missing"), {"what": what})
    if len(vacancies) == 1 and (days := vacancies[0].days):
        said = Message(msg("{said} ({days})"), {"said": said, "days": counted(msg("{n} day"), msg("{n} days"), days)})
    return said, told


def _participation_concern(
    there: Sequence[Grid], crowd: activities.Figures, organizers: Sequence[str], names: Mapping[str, str]
) -> Concern:
    variety, rate = crowd.variety, crowd.participation
    state = worst([value.state for value in (rate, variety.effective) if value.state])
    people = int(crowd.participants.value or 0)
    told = rate.value is not None and not rate.why and not crowd.withheld and people >= rate.metric.minimum_n
    least = _least(there, crowd) if told and state in LOUD else None
    acting = [name for id in organizers if (name := names.get(id))][:1]
    charged = _named([least[0]] if least else there if len(there) == 1 and not acting else [], names)
    return Concern(
        "participation",
        state,
        rate if rate.state is state and rate.react_by else variety.effective,
        _held_of_kinds(crowd),
        _came(crowd, people, least),
        tuple(dict.fromkeys([*acting, *charged])) if state in LOUD else (),
        "activities",
        Message(msg("See the activities")),
        by=_react_by(rate, variety.effective),
    )


def _held_of_kinds(crowd: activities.Figures) -> Message:
    """What was held, of how many kinds, and what it was in the period before."""
    held, formats = int(crowd.held.value or 0), sorted(crowd.variety.formats, key=lambda each: -each.sessions)
    before = sum(each.before for each in formats)
    if not held and before:
        text = msg("No activity was held in this period, {n} in the one before")
        return Message(text, {"n": before})
    if not held:
        return Message(msg("No activity was held in this period"))
    most = formats[0] if formats else None
    if most and most.sessions * 2 > held > 1:
        facts = {"n": most.sessions, "held": held, "format": _known(most.format, activities.Format)}
        if before:
            text = msg("{n} of {held} activities were of one kind: {format}; {m} of {before} in the period before")
            return Message(text, {**facts, "m": most.before, "before": before})
        return Message(msg("{n} of {held} activities were of one kind: {format}"), facts)
    kinds = sum(each.sessions > 0 for each in formats)
    both: dict[str, Message | int] = {
        "activities": counted(msg("{n} activity"), msg("{n} activities"), held),
        "kinds": counted(msg("{n} kind"), msg("{n} kinds"), kinds),
    }
    if before:
        return Message(msg("{activities} of {kinds}, {n} in the period before"), {**both, "n": before})
    return Message(msg("{activities} of {kinds}"), both)


def _came(crowd: activities.Figures, people: int, least: tuple[Grid, float] | None) -> Message:
    """Who came, who did not, and where fewest did; nothing of what may not be told."""
    rate = crowd.participation
    if crowd.withheld:
        return Message(msg("So few took part that their number is withheld."))
    if rate.why:
        return Message(msg("Different residents are told of whole months, quarters and years."))
    if rate.value is None:
        return Message(msg("Who came was not registered one by one."))
    said = counted(msg("{n} resident took part"), msg("{n} residents took part"), people)
    if before := _came_before(crowd):
        said = Message(msg("{people} ({n} before)"), {"people": said, "n": before})
    absent = min(
        (group for group in crowd.ages if group.share is not None and group.population_share),
        key=lambda group: (group.share or 0) / (group.population_share or 1),
        default=None,
    )
    if absent is not None and absent.share is not None and people >= rate.metric.minimum_n:
        facts = {
            "people": said,
            "band": absent.label,
            "share": round(absent.share * 100),
            "population": round((absent.population_share or 0) * 100),
        }
        said = Message(msg("{people}; {band} are {share}% of them, {population}% of the population"), facts)
    if least:
        facts = {"said": said, "grid": least[0].name, "rate": Amount(least[1], "percent")}
        said = Message(msg("{said}; lowest rate in {grid}: {rate}"), facts)
    return Message(msg("{said}."), {"said": said})


def _came_before(crowd: activities.Figures) -> int | None:
    """How many different people came in the period before, as far as the course of the rate tells it."""
    rate, period = crowd.participation, crowd.period
    if period.kind not in ("month", "quarter", "year"):
        return None
    told = [share for month, share in rate.series if share is not None and month in period.previous.months]
    return round(told[-1] * rate.n) if told else None


def _least(there: Sequence[Grid], crowd: activities.Figures) -> tuple[Grid, float] | None:
    """The one grid of several of whose people the smallest share came; None where any of these may not be told."""
    by_id, least = {grid.id: grid for grid in there}, crowd.participation.metric.minimum_n
    rates = {group.key: group.rate for group in crowd.grids if group.key in by_id and (group.population or 0) >= least}
    told = [(id, rate) for id, rate in rates.items() if rate is not None]
    if len(told) < 2 or len(told) < len(there):
        return None
    found = min(told, key=lambda one: one[1])
    return (by_id[found[0]], found[1]) if sum(rate == found[1] for _id, rate in told) == 1 else None


def _known(word: str, choices: type[Choice]) -> str | Message:
    """A word of an open list, translated where it is one of ours."""
    try:
        return Message(choices(word).label)
    except ValueError:
        return word


# --- today
def _actions(
    actor: Actor,
    there: Sequence[Grid],
    estate: Estate,
    urgent: maintenance.Urgent,
    posts: Staffing,
    crowd: activities.Figures,
    names: Mapping[str, str],
) -> tuple[Action, ...]:
    found: list[Action] = []
    for risk in urgent.stopped:
        where = estate.found.names.get(risk.facility_id or "", risk.place or "")
        found.append(
            Action(
                State.OFF_TARGET,
                Message(msg("Mend and re-check {place}: an inspection shut it"), {"place": where}),
                names.get(risk.responsible_id or ""),
                risk.overdue_days or None,
                "facilities",
                {"part": "hazards", "which": "stopped"},
            )
        )
    for risk in urgent.late[:1]:
        found.append(
            Action(
                State.OFF_TARGET,
                Message(msg("Rectify a major hazard: {what}"), {"what": risk.what}),
                names.get(risk.responsible_id or ""),
                risk.overdue_days,
                "facilities",
                {"part": "hazards", "hazard": risk.id},
            )
        )
    shut = {risk.order_id for risk in urgent.stopped}
    rest = MOST_ACTIONS - 3 - len(found)
    for order in [order for order in urgent.overdue if order.id not in shut][:rest]:
        where = estate.found.names.get(order.facility_id or "", order.place)
        found.append(
            Action(
                State.OFF_TARGET if order.pressing else State.NEAR,
                Message(msg("Mend {place}: {fault}"), {"place": where, "fault": _known(order.fault, Fault)}),
                names.get(order.assignee_id or ""),
                order.days,
                "maintenance",
                {"order": order.id},
            )
        )
    overdue = estate.overdue
    if overdue:
        found.append(
            Action(
                State.NEAR,
                Message(msg("Inspections that are overdue: {n}"), {"n": len(overdue)}),
                names.get(overdue[0].inspector_id or ""),
                overdue[0].overdue_days,
                "facilities",
                {"part": "inspections", "due": "overdue"},
            )
        )
    by_id = {grid.id: grid for grid in there}
    for vacancy in posts.vacancies[:1]:
        grid = by_id.get(vacancy.grid_id or "")
        post = Message(Tier(vacancy.tier).label)
        found.append(
            Action(
                State.NEAR,
                Message(msg("Fill a post in {grid}: {post}"), {"grid": grid.name, "post": post})
                if grid
                else Message(msg("Fill a post: {post}"), {"post": post}),
                names.get(grid.responsible_id or "") if grid else None,
                None,
                "grids",
                {},
            )
        )
    standing = [
        danger
        for danger in estate.found.dangers
        if danger.days_past and danger.status == facilities.ServiceStatus.IN_SERVICE
    ]
    for danger in sorted(standing, key=lambda danger: -(danger.days_past or 0))[:1]:
        found.append(
            Action(
                State.NEAR,
                Message(msg("Take out of use or replace {name}"), {"name": danger.name}),
                None,
                danger.days_past,
                "facilities",
                {"facility": danger.id},
            )
        )
    if crowd.variety.effective.state in (State.OFF_TARGET, State.NEAR) and may(actor, Operation.CREATE, "activities"):
        found.append(Action(State.NEAR, Message(msg("Plan an activity of another kind")), None, None, "activities", {}))
    return tuple(sorted(found, key=lambda action: _WORST_FIRST.index(action.state))[:MOST_ACTIONS])
