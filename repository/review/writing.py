"""Writes a review: asks each area's own question for the three periods and puts the answers into sentences.

Nothing is computed here that an area's room computes already.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from repository import (
    activities,
    contributions,
    facilities,
    inspections,
    maintenance,
    meetings,
    organizations,
    patrols,
    projects,
    replacement,
    requests,
    staff,
)
from repository.access import Actor, Refused, reach
from repository.grids import Community, Grid, PostsOnDay, Tier, posts_on
from repository.metrics import Period, State, Value, ratio
from repository.record import Choice
from repository.review.document import AgendaEntry, Chart, Column, Figure, Proposal, Review, Section, Table
from repository.store import Put, Store, Then, at_once, at_one_sitting
from repository.words import Amount, Message, Trouble, counted, msg

MIXED_YEARS = 5
"""Ages that differ by so much at one site are worth a word."""
FAIR = 0.8
"""Representation below it is worth a word (P6; 1 is fair)."""
NOTABLE = 0.1
"""A change of so much of what was is worth a word."""
IN_SERVICE = facilities.ServiceStatus.IN_SERVICE
LISTED = 8
"""Rows of a table: what a slide holds."""
MONTHS = 12
_LOUD = (State.OFF_TARGET, State.NEAR, State.UNKNOWN, State.ACCEPTED, State.ON_TARGET)


T = TypeVar("T")


class ReviewTrouble(Trouble):
    """A review that cannot be written."""


@dataclass(frozen=True)
class _Desk:
    """What every section is written from."""

    store: Store
    actor: Actor
    community_id: str
    period: Period
    before: Period
    year: Period
    now: datetime
    causes: dict[str, Message] = field(default_factory=dict)
    """What explains a figure, by metric: of others the agenda gives no reason."""

    def because(self, value: Value, cause: Message | None) -> None:
        """Say what explains a figure, where something is known to."""
        if cause is not None:
            self.causes[value.metric.key] = cause

    @property
    def today(self) -> date:
        """On the community's calendar."""
        return self.now.date()

    @property
    def day(self) -> date:
        """The day stocks are of: the period's last, or today while it lasts."""
        return min(self.period.last, self.today)

    @property
    def moment(self) -> datetime:
        """The moment stocks are of."""
        return self.period.until(self.now)

    @cached_property
    def then(self) -> "_Desk":
        """The same, as of the period's end; while it lasts there is no difference."""
        if self.moment >= self.now:
            return self
        last = self.moment - timedelta(milliseconds=1)
        return replace(self, store=at_one_sitting(Then(self.store, last)), now=last)

    def left(self, ask: Callable[["_Desk"], T]) -> tuple[T, T]:
        """What there was at the end of the period, which is what it is judged by, and what there is now, which is what
        can still be decided."""
        then = ask(self.then)
        return then, then if self.then is self else ask(self)

    @cached_property
    def posts(self) -> PostsOnDay:
        """The posts, with grids and names."""
        return posts_on(self.store, self.actor, self.community_id, self.period, today=self.today)

    @property
    def grids(self) -> Mapping[str, Grid]:
        """By id."""
        return {grid.id: grid for grid in self.posts.grids}

    def name(self, person_id: str | None) -> str:
        """Somebody's name, or nothing."""
        return self.posts.names.get(person_id or "", "")

    def director(self, grid_id: str | None) -> str:
        """Who answers for a grid, by name, or nothing."""
        found = self.grids.get(grid_id or "")
        return self.name(found.responsible_id) if found else ""

    def grid(self, grid_id: str | None) -> str:
        """A grid's name, or nothing."""
        return found.name if (found := self.grids.get(grid_id or "")) else ""

    def thrice(self, question: Callable[..., T], **told: Any) -> tuple[T, T, T]:
        """The answer to a question for the three periods; one that is asked in steps is read for all of them at
        once."""
        periods = self.period, self.before, self.year
        asked = (self.store, self.actor, self.community_id)
        if hasattr(question, "steps"):
            now, before, year = (
                each for each, _read in at_once(*asked, [Put(question, (of,), told) for of in periods])
            )
        else:
            now, before, year = (question(*asked, of, **told) for of in periods)
        return now, before, year

    def stock(self, value: Value, page: str | None = None, **params: str) -> Figure:
        """A stock: the other two values are those of its course at the ends of their months, as far as it reaches."""
        course = dict(value.series)
        ends = (f"{period.last:%Y-%m}" for period in (self.before, self.year))
        before, year = (course.get(month) for month in ends)
        return Figure.of(value, before, year, page, **params)


def reviewed(store: Store, actor: Actor, community_id: str, period: Period, *, now: datetime) -> Review:
    """The review of a month, quarter, year or range of months, in the words of every language, as the data stands
    ``now``; without the sections that the reader may not see.

    Raises ReviewTrouble for all of time, Refused, NotFound, Unavailable.
    """
    if period.kind == "ever":
        raise ReviewTrouble(msg("A review is of a month, a quarter, a year or a range of months. Choose one."))
    store = at_one_sitting(store)  # its sections ask for the same stocks, registers and targets
    desk = _Desk(store, actor, community_id, period, period.previous, period.year_before, now)
    community = store.get(actor, Community, community_id, community_id)
    sections = tuple(_written(desk))
    seen = reach(actor, community_id)
    return Review(
        community=community.name,
        community_id=community_id,
        period=period.key,
        before=desk.before.key,
        year=desk.year.key,
        as_of=desk.day,
        written_at=now.isoformat(timespec="seconds"),
        demonstration=community.demonstration,
        agenda=_agenda(desk, sections),
        sections=sections,
        grids=() if seen is None else tuple(grid.name for grid in desk.posts.grids),
    )


def _written(desk: _Desk) -> Iterator[Section]:
    """The sections that the reader may see."""
    for write in SECTIONS.values():
        with suppress(Refused):
            section = write(desk)
            yield replace(
                section,
                charts=tuple(chart.until(desk.day) for chart in section.charts if chart.tells),
                proposals=tuple(
                    each if each.who else replace(each, who=desk.posts.secretary) for each in section.proposals
                ),
            )


def loudest(states: Sequence[State | None]) -> State:
    """The state that asks most for action; on target without any."""
    return min((state for state in states if state is not None), key=_LOUD.index, default=State.ON_TARGET)


def _section(
    key: str, title: str, headline: Message, figures: Sequence[Figure], points: Sequence[Message | None], **more: Any
) -> Section:
    known = [figure.state for figure in figures if figure.enough]
    state = loudest(known) if any(known) else State.UNKNOWN
    return Section(key, title, state, headline, tuple(figures), tuple(filter(None, points)), **more)


def _activities(n: int) -> Message:
    return counted(msg("{n} activity"), msg("{n} activities"), n)


def _known(word: str, choices: type[Choice]) -> str | Message:
    """A word of an open list, translated where it is one of ours."""
    try:
        return Message(choices(word).label)
    except ValueError:
        return word


# --- the sections ----------------------------------------------------------------------------------------------------
def _maintenance(desk: _Desk) -> Section:
    now, before, year = desk.thrice(maintenance.work_review, now=desk.now)
    figures = [Figure.of(*three) for three in zip(now.figures, before.figures, year.figures, strict=True)]
    opened = sum(row.opened for row in now.grids)
    ended = sum(row.ended for row in now.grids)
    late = sorted((row for row in now.grids if row.grid_id and row.overdue), key=lambda row: -row.overdue)
    kinds = sorted((row for row in now.categories if row.overdue), key=lambda row: -row.overdue)
    overdue = int(now.figures.overdue.value or 0)
    worst = late[0] if late else None
    most = (
        Message(
            msg("Most overdue repairs: {grid}, {n} of {all}"),
            {"grid": desk.grid(worst.grid_id), "n": worst.overdue, "all": overdue},
        )
        if worst
        else None
    )
    because = _because(desk, before, now)
    desk.because(now.figures.overdue, most)
    desk.because(now.figures.on_time, because)
    return _section(
        "maintenance",
        msg("Maintenance"),
        Message(
            msg("{repairs} came in and {ended} ended; {open} open, {overdue} overdue"),
            {
                "repairs": counted(msg("{n} repair"), msg("{n} repairs"), opened),
                "ended": ended,
                "open": int(now.figures.open.value or 0),
                "overdue": overdue,
            },
        )
        if opened or ended or now.figures.open.value
        else Message(msg("No repair came in, and none is open")),
        figures,
        [
            most,
            Message(
                msg("{category}: {n} overdue of {open} open"),
                {
                    "category": _known(kinds[0].category, maintenance.WorkCategory),
                    "n": kinds[0].overdue,
                    "open": kinds[0].open,
                },
            )
            if kinds
            else None,
            because,
            _moved(figures),
        ],
        charts=(
            Chart(
                Message(msg("What came in, what was ended, what stayed open")),
                "orders",
                "columns",
                tuple(row.month for row in now.course[-MONTHS:]),
                (
                    (msg("Came in"), tuple(row.opened + row.reopened for row in now.course[-MONTHS:])),
                    (msg("Ended"), tuple(row.ended for row in now.course[-MONTHS:])),
                    (msg("Open at the end"), tuple(row.backlog for row in now.course[-MONTHS:])),
                ),
            ),
        ),
        tables=(
            Table(
                Message(msg("Repairs by grid")),
                (
                    Column(msg("Grid")),
                    Column(msg("Came in"), "orders"),
                    Column(msg("Ended"), "orders"),
                    Column(msg("Open"), "orders"),
                    Column(msg("Overdue"), "orders"),
                    Column(msg("On time"), "percent"),
                ),
                tuple(
                    (desk.grid(row.grid_id), row.opened, row.ended, row.open, row.overdue, row.on_time)
                    for row in now.grids
                    if row.grid_id in desk.grids
                ),
                page="maintenance",
            ),
        ),
        proposals=(
            Proposal(
                counted(
                    msg("{grid} settles its {n} overdue repair"),
                    msg("{grid} settles its {n} overdue repairs"),
                    worst.overdue,
                    grid=desk.grid(worst.grid_id),
                ),
                desk.director(worst.grid_id),
                _in_weeks(desk, 2),
                "maintenance",
            ),
        )
        if worst and now.figures.overdue.state in (State.OFF_TARGET, State.NEAR)
        else (),
    )


def _facilities(desk: _Desk) -> Section:
    estate, today = desk.left(lambda at: facilities.inventory(at.store, at.actor, at.community_id, on=at.today))
    rows = estate.dangers[:LISTED]
    by_category = sorted(estate.by_category.items(), key=lambda each: -each[1].standing)
    hazards = int(estate.hazards.value or 0)
    enough = estate.good_order.metric.minimum_n
    shares = {
        grid: each.good_order
        for grid, each in estate.by_grid.items()
        if grid and each.good_order is not None and each.standing >= enough
    }
    if len(shares) > 1:
        poorest = min(shares, key=shares.__getitem__)
        facts = {"grid": desk.grid(poorest), "share": Amount(shares[poorest], "percent")}
        desk.because(estate.good_order, Message(msg("Lowest in {grid}: {share}"), facts))
    if dangerous := Counter(row.grid_id for row in estate.dangers if row.grid_id).most_common(1):
        ((grid, n),) = dangerous
        desk.because(
            estate.hazards,
            Message(msg("Most in {grid}: {n} of {all}"), {"grid": desk.grid(grid), "n": n, "all": hazards}),
        )
    return _section(
        "facilities",
        msg("Facilities"),
        counted(
            msg("{n} of {all} facilities is hazardous"),
            msg("{n} of {all} facilities are hazardous"),
            hazards,
            all=estate.total.standing,
        )
        if hazards
        else Message(msg("No facility of {all} is hazardous"), {"all": estate.total.standing})
        if estate.total.standing
        else Message(msg("No facility is on the register")),
        [
            desk.stock(estate.good_order),
            desk.stock(estate.past_life),
            desk.stock(estate.hazards),
            desk.stock(estate.smart),
            desk.stock(estate.condition),
        ],
        [
            Message(
                msg("At {site} the ages differ by {years}"),
                {"site": estate.sites[0].site, "years": Amount(estate.sites[0].difference, "years")},
            )
            if estate.sites and estate.sites[0].difference >= MIXED_YEARS
            else None,
        ],
        charts=(
            Chart(
                Message(msg("Facilities in good order by category")),
                "percent",
                "bars",
                tuple(Message(category.label) for category, _figures in by_category),
                ((msg("In good order"), tuple(figures.good_order for _category, figures in by_category)),),
            ),
        ),
        tables=(
            Table(
                Message(msg("Facilities that can hurt somebody, or stand idle")),
                (
                    Column(msg("Facility")),
                    Column(msg("Grid")),
                    Column(msg("Why")),
                    Column(msg("Days past its life"), "days"),
                    Column(msg("Replacement cost"), "money"),
                ),
                tuple(
                    (
                        f"{row.code} {row.name}",
                        desk.grid(row.grid_id),
                        Message(row.reasons[0].label) if row.reasons else "",
                        row.days_past,
                        row.cost_cents,
                    )
                    for row in rows
                ),
                more=len(estate.dangers) - len(rows),
                page="facilities",
            ),
        ),
        proposals=tuple(
            Proposal(
                Message(msg("Take out of use or replace {name}"), {"name": row.name}),
                desk.name(row.responsible_id),
                _in_weeks(desk, 2),
                "facilities",
            )
            for row in [row for row in today.dangers if row.days_past and row.status == IN_SERVICE][:1]
        ),
    )


def _participation(desk: _Desk) -> Section:
    now, before, year = desk.thrice(activities.figures, now=desk.now)
    values = ("held", "participants", "participation", "visits", "repeat", "newcomers")
    figures = [Figure.of(getattr(now, name), getattr(before, name), getattr(year, name)) for name in values]
    figures.append(Figure.of(now.variety.effective, before.variety.effective, year.variety.effective))
    held, commonest = int(now.held.value or 0), now.variety.commonest
    visits = counted(msg("{n} visit"), msg("{n} visits"), int(now.visits.value or 0))
    away = min(
        (group for group in now.ages if group.representation is not None),
        key=lambda group: group.representation or 0,
        default=None,
    )
    untried = [each.format for each in now.variety.formats if not each.sessions]
    same = (
        Message(
            msg("{n} of {held} activities were of one kind: {format}"),
            {"n": commonest.sessions, "held": held, "format": _known(commonest.format, activities.Format)},
        )
        if commonest and held > 1 and commonest.sessions * 2 > held
        else None
    )
    absent = (
        Message(
            msg("{band} years: {share}% of those who came, {population}% of the population"),
            {
                "band": away.label,
                "share": round((away.share or 0) * 100),
                "population": round((away.population_share or 0) * 100),
            },
        )
        if away and (away.representation or 0) < FAIR
        else None
    )
    desk.because(now.variety.effective, same)
    desk.because(now.participation, absent)
    return _section(
        "participation",
        msg("Participation"),
        Message(
            msg("{activities}: {residents} took part, {visits}"),
            {
                "activities": _activities(held),
                "residents": counted(msg("{n} resident"), msg("{n} residents"), int(now.participants.value)),
                "visits": visits,
            },
        )
        if now.participants.value is not None
        else Message(msg("{activities}: {visits}"), {"activities": _activities(held), "visits": visits})
        if now.participants.why and now.visits.value is not None
        else Message(msg("Held: {activities}"), {"activities": _activities(held)})
        if held
        else Message(msg("No activity was held")),
        figures,
        [
            same,
            absent,
            _moved(figures),
        ],
        charts=(
            Chart(
                Message(msg("Visits and residents who took part, by month")),
                "people",
                "columns",
                tuple(row.month for row in now.months[-MONTHS:]),
                (
                    (msg("Visits"), tuple(row.registered for row in now.months[-MONTHS:])),
                    (msg("Residents"), tuple(row.people for row in now.months[-MONTHS:])),
                ),
            ),
        ),
        tables=(
            Table(
                Message(msg("Who came, against the population")),
                (
                    Column(msg("Age band")),
                    Column(msg("People"), "people"),
                    Column(msg("Share of those who came"), "percent"),
                    Column(msg("Share of the population"), "percent"),
                ),
                tuple((group.label, group.people, group.share, group.population_share) for group in now.ages),
                page="activities",
            ),
        ),
        proposals=(
            Proposal(
                Message(
                    msg("Plan an activity of another kind: {format}"),
                    {"format": _known(untried[0], activities.Format)},
                )
                if untried
                else Message(msg("Plan an activity of another kind")),
                page="activities",
            ),
        )
        if now.variety.effective.state in (State.OFF_TARGET, State.NEAR)
        else (),
    )


def _safety(desk: _Desk) -> Section:
    now, before, year = desk.thrice(maintenance.hazard_review, now=desk.now)
    left, today = desk.left(
        lambda at: maintenance.hazard_review(at.store, at.actor, at.community_id, at.period, now=at.now)
    )
    walk, walk_before, walk_year = desk.thrice(patrols.patrol_review, today=desk.today)
    look, look_before, look_year = desk.thrice(inspections.rounds, today=desk.today)
    posts = desk.posts
    gaps = posts.staffing.gaps
    rows = left.standing[:LISTED]
    late = int(left.overdue.value or 0)
    gap = (
        Message(
            msg("The first gap: {tier} in {grid}"),
            {"tier": Message(gaps[0][0].label), "grid": desk.grid(gaps[0][1])},
        )
        if gaps
        else None
    )
    desk.because(posts.coverage, gap)
    if longest := max(left.standing, key=lambda each: each.overdue_days, default=None):
        desk.because(left.overdue, _longest(longest.what, longest.overdue_days))
    figures = [
        Figure.of(now.rectified, before.rectified, year.rectified),
        Figure.of(left.overdue),
        desk.stock(posts.coverage),
        Figure.of(walk.coverage, walk_before.coverage, walk_year.coverage),
        Figure.of(look.on_time, look_before.on_time, look_year.on_time),
    ]
    return _section(
        "safety",
        msg("Safety"),
        Message(
            msg("{hazards} standing, {late} past the deadline"),
            {"hazards": counted(msg("{n} hazard"), msg("{n} hazards"), len(left.standing)), "late": late},
        )
        if left.standing
        else Message(msg("No hazard stands")),
        figures,
        [
            Message(msg("Places of the safety network without an officer: {n}"), {"n": len(gaps)})
            if gaps
            else Message(msg("The three-tier safety network covers every grid."))
            if desk.grids
            else None,
            gap,
        ],
        tables=(
            Table(
                Message(msg("Hazards that stand")),
                (
                    Column(msg("Hazard")),
                    Column(msg("Level")),
                    Column(msg("Grid")),
                    Column(msg("Responsible")),
                    Column(msg("Days late"), "days"),
                ),
                tuple(
                    (
                        each.what,
                        Message(each.level.label),
                        desk.grid(each.grid_id),
                        desk.name(each.responsible_id),
                        each.overdue_days or None,
                    )
                    for each in rows
                ),
                more=len(left.standing) - len(rows),
                page="facilities",
                params={"part": "hazards"},
            ),
        ),
        proposals=tuple(
            Proposal(
                Message(msg("Rectify a major hazard: {what}"), {"what": each.what}),
                desk.name(each.responsible_id),
                _in_weeks(desk, 1),
                "facilities",
                {"part": "hazards", "hazard": each.id},
            )
            for each in today.standing[:1]
            if each.overdue_days
        ),
    )


def _organizations(desk: _Desk) -> Section:
    now, before, year = desk.thrice(organizations.review, today=desk.today)
    work, work_before, work_year = desk.thrice(projects.review, today=desk.today)
    left, today = desk.left(
        lambda at: organizations.review(at.store, at.actor, at.community_id, at.period, today=at.today)
    )
    running, _today = desk.left(
        lambda at: projects.review(at.store, at.actor, at.community_id, at.period, today=at.today)
    )
    silent = left.silent
    late = running.late_tasks
    unclear = int(running.unclear.value or 0)
    return _section(
        "organizations",
        msg("Local organisations"),
        Message(
            msg("{n} of {all} stationed organisations took part"),
            {"n": sum(each.times > 0 for each in now.standings), "all": len(now.standings)},
        )
        if now.standings
        else Message(msg("No stationed organisation is on the register")),
        [
            Figure.of(now.participation, before.participation, year.participation),
            Figure.of(left.silence),
            Figure.of(now.matching, before.matching, year.matching),
            Figure.of(left.unmatched),
            Figure.of(work.completion, work_before.completion, work_year.completion),
            Figure.of(running.unclear),
        ],
        [
            counted(
                msg("In {n} project goals or duties are unclear"),
                msg("In {n} projects goals or duties are unclear"),
                unclear,
            )
            if unclear
            else None,
            Message(
                msg("Longest overdue: {task} ({project}), {days} d"),
                {"task": late[0].task.name, "project": late[0].project.name, "days": late[0].days},
            )
            if late
            else None,
        ],
        tables=(
            Table(
                Message(msg("Organisations that were not heard of for long")),
                (
                    Column(msg("Organisation")),
                    Column(msg("Last took part"), "day"),
                    Column(msg("Unmatched needs"), "needs"),
                ),
                tuple((each.organization.name, each.last_part, each.needs) for each in silent[:LISTED]),
                more=max(0, len(silent) - LISTED),
                page="organizations",
            ),
        ),
        proposals=tuple(
            Proposal(
                Message(msg("Visit {name} and agree on a first task"), {"name": each.organization.name}),
                due_on=_in_weeks(desk, 4),
                page="organizations",
            )
            for each in today.silent[:1]
        ),
    )


def _team(desk: _Desk) -> Section:
    found = staff.team(desk.then.store, desk.actor, desk.community_id, on=desk.day)
    posts = desk.posts
    vacancies = posts.staffing.vacancies
    wished = [each.value for each in found.dimensions if each.value is not None]
    first = vacancies[0] if vacancies else None
    nobody = (
        Message(
            msg("Nobody is ready to take over {n} of {all} key posts"),
            {"n": found.without_successor, "all": found.key_posts},
        )
        if found.without_successor
        else None
    )
    desk.because(found.succession, nobody)
    return _section(
        "team",
        msg("Team and posts"),
        Message(msg("Vacant posts: {n}"), {"n": len(vacancies)})
        if vacancies
        else Message(msg("Every required post is filled"))
        if posts.filled.n
        else Message(msg("No post is required yet")),
        [
            desk.stock(posts.filled),
            *map(desk.stock, wished),
            desk.stock(found.gaps_value),
            desk.stock(found.succession),
        ],
        [
            nobody,
        ],
        tables=(
            Table(
                Message(msg("Vacant posts")),
                (
                    Column(msg("Post")),
                    Column(msg("Grid")),
                    Column(msg("Vacant since"), "day"),
                    Column(msg("Days"), "days"),
                ),
                tuple(
                    (Message(each.tier.label), desk.grid(each.grid_id), each.since, each.days)
                    for each in vacancies[:LISTED]
                ),
                more=max(0, len(vacancies) - LISTED),
                page="grids",
                params={"part": "posts"},
            ),
        ),
        proposals=(
            Proposal(
                Message(
                    msg("Fill a post in {grid}: {post}"),
                    {"grid": desk.grid(first.grid_id), "post": Message(Tier(first.tier).label)},
                )
                if first.grid_id
                else Message(msg("Fill a post: {post}"), {"post": Message(Tier(first.tier).label)}),
                desk.director(first.grid_id),
                due_on=_in_weeks(desk, 4),
                page="grids",
                params={"part": "posts"},
            ),
        )
        if first
        else (),
    )


def _meetings(desk: _Desk) -> Section:
    now, before, year = desk.thrice(meetings.review, now=desk.now)
    left, _today = desk.left(lambda at: meetings.review(at.store, at.actor, at.community_id, at.period, now=at.now))
    rows = left.unfinished[:LISTED]
    if longest := max(left.unfinished, key=lambda each: each.days_late, default=None):
        desk.because(now.carried_out, _longest(longest.item.what, longest.days_late))
    return _section(
        "meetings",
        msg("Meetings"),
        Message(
            msg("{items} open, {late} overdue"),
            {"items": counted(msg("{n} action item"), msg("{n} action items"), left.open_items), "late": left.overdue},
        )
        if left.open_items
        else Message(msg("Everything the meetings decided is done"))
        if now.anything
        else Message(msg("No meeting is on record")),
        [
            Figure.of(now.cadence, before.cadence, year.cadence),
            Figure.of(now.carried_out, before.carried_out, year.carried_out),
            Figure.of(left.carried_over),
            Figure.of(now.consensus, before.consensus, year.consensus),
            Figure.of(now.attendance, before.attendance, year.attendance),
        ],
        [
            Message(msg("Carried over two meetings and more: {n}"), {"n": int(left.carried_over.value)})
            if left.carried_over.value
            else None,
        ],
        tables=(
            Table(
                Message(msg("Unfinished action items")),
                (
                    Column(msg("What is to be done")),
                    Column(msg("Owner")),
                    Column(msg("Due"), "day"),
                    Column(msg("Days late"), "days"),
                    Column(msg("Carried over"), "items"),
                ),
                tuple(
                    (
                        each.item.what,
                        desk.name(each.item.owner_id),
                        each.item.due_on,
                        max(0, each.days_late) or None,
                        each.carried,
                    )
                    for each in rows
                ),
                more=left.open_items - len(rows),
                page="meetings",
            ),
        ),
    )


def _requests(desk: _Desk) -> Section:
    now, before, year = desk.thrice(requests.request_review, now=desk.now)
    values = ("received", "open", "overdue", "on_time", "response", "solved", "satisfied", "repeats")
    figures = [Figure.of(getattr(now, name), getattr(before, name), getattr(year, name)) for name in values]
    topics = now.topics[:LISTED]
    rising = max(topics, key=lambda row: row.opened - row.before, default=None)
    return _section(
        "requests",
        msg("Requests"),
        Message(
            msg("{requests} came in; {open} open, {late} overdue"),
            {
                "requests": counted(
                    msg("{n} request of a resident"), msg("{n} requests of residents"), int(now.received.value or 0)
                ),
                "open": int(now.open.value or 0),
                "late": int(now.overdue.value or 0),
            },
        )
        if now.received.value or now.open.value
        else Message(msg("No request came in, and none is open")),
        figures,
        [
            Message(
                msg("Comes up more often: “{topic}”, {n} (in the period before {before})"),
                {"topic": _known(rising.category, requests.Topic), "n": rising.opened, "before": rising.before},
            )
            if rising and rising.opened > rising.before
            else None,
            _moved(figures),
        ],
        charts=(
            Chart(
                Message(msg("Requests received and answered, by month")),
                "cases",
                "columns",
                tuple(row.month for row in now.months[-MONTHS:]),
                (
                    (msg("Received"), tuple(row.opened for row in now.months[-MONTHS:])),
                    (msg("Answered"), tuple(row.ended for row in now.months[-MONTHS:])),
                ),
            ),
        ),
        tables=(
            Table(
                Message(msg("What residents ask for")),
                (
                    Column(msg("Topic")),
                    Column(msg("Received"), "cases"),
                    Column(msg("In the period before"), "cases"),
                    Column(msg("Open"), "cases"),
                ),
                tuple((_known(row.category, requests.Topic), row.opened, row.before, row.open) for row in topics),
                more=len(now.topics) - len(topics),
                page="requests",
            ),
        ),
    )


def _money(desk: _Desk) -> Section:
    now, before, year = desk.thrice(activities.residents_review, now=desk.now)
    then = desk.then
    plan = replacement.replacement_review(then.store, then.actor, then.community_id, now=then.now)
    estate = facilities.inventory(then.store, then.actor, then.community_id, on=then.today, course=False)
    years = sorted({item.year for item in plan.items})
    cost = {year: sum(item.cost_cents or 0 for item in plan.items if item.year == year) for year in years}
    figures = [desk.stock(estate.next_year), desk.stock(plan.fci)]
    if now is not None:
        figures.append(Figure.of(now.cost, before.cost if before else None, year.cost if year else None))
    total = sum(cost.values())
    return _section(
        "money",
        msg("Money"),
        counted(
            msg("Replacements planned in one year: {money}"),
            msg("Replacements planned over {n} years: {money}"),
            len(years),
            money=Amount(total, "money"),
        )
        if years
        else Message(msg("Nothing is to be replaced")),
        figures,
        [
            Message(msg("Put off by decision: {n}"), {"n": len(plan.deferred)}) if plan.deferred else None,
        ],
        charts=(
            Chart(
                Message(msg("Replacement cost by year")),
                "money",
                "columns",
                tuple(str(year) for year in years),
                ((msg("Cost"), tuple(float(cost[year]) for year in years)),),
            ),
        )
        if years
        else (),
        tables=(
            Table(
                Message(msg("To be replaced first")),
                (
                    Column(msg("Facility")),
                    Column(msg("Grid")),
                    Column(msg("Planned for"), "words"),
                    Column(msg("Replacement cost"), "money"),
                ),
                tuple(
                    (f"{item.code} {item.name}", desk.grid(item.grid_id), str(item.year), item.cost_cents)
                    for item in plan.items[:LISTED]
                ),
                more=max(0, len(plan.items) - LISTED),
                page="facilities",
                params={"part": "replacement"},
            ),
        ),
    )


SECTIONS: Mapping[str, Callable[[_Desk], Section]] = {
    "facilities": _facilities,
    "maintenance": _maintenance,
    "participation": _participation,
    "safety": _safety,
    "organizations": _organizations,
    "team": _team,
    "meetings": _meetings,
    "requests": _requests,
    "money": _money,
}
"""In the order they are shown."""


# --- the agenda ------------------------------------------------------------------------------------------------------
def _agenda(desk: _Desk, sections: Sequence[Section]) -> tuple[AgendaEntry, ...]:
    """Overdue actions first, then what is unfinished, then what is off target and why, then what is to be decided."""
    open_items = meetings.review(desk.store, desk.actor, desk.community_id, desk.period, now=desk.now).unfinished
    found = [
        AgendaEntry(
            "overdue" if each.days_late > 0 else "unfinished",
            Message("{what}", {"what": each.item.what}),
            who=desk.name(each.item.owner_id),
            due_on=each.item.due_on,
            days=each.days_late if each.days_late > 0 else None,
            page="meetings",
        )
        for each in open_items
    ]
    red = [
        AgendaEntry(
            "red",
            Message(
                msg("{metric}: {value}"), {"metric": figure.title, "value": Amount(figure.value or 0, figure.unit)}
            ),
            why=desk.causes.get(figure.metric),
            page=figure.page,
            params=figure.params,
        )
        for section in sections
        for figure in section.figures
        if figure.state is State.OFF_TARGET
    ]
    decide = [
        AgendaEntry("decide", each.text, who=each.who, due_on=each.due_on, page=each.page, params=each.params)
        for section in sections
        for each in section.proposals
    ]
    return (
        *(each for each in found if each.kind == "overdue"),
        *(each for each in found if each.kind == "unfinished"),
        *red,
        *decide,
    )


def _moved(figures: Sequence[Figure]) -> Message | None:
    """The figure that moved most against the period before, as a share of what it was."""
    moved = [
        (abs(ratio(figure.change or 0, figure.before or 0) or 0), figure)
        for figure in figures
        if figure.better is not None and figure.before
    ]
    if not moved:
        return None
    share, figure = max(moved, key=lambda each: each[0])
    if share < NOTABLE:
        return None
    text = (
        msg("Moved most, for the better: {metric}, from {before} to {after}")
        if figure.better
        else msg("Moved most, for the worse: {metric}, from {before} to {after}")
    )
    both = {"before": figure.before or 0, "after": figure.value or 0}
    return Message(text, {"metric": figure.title, **{name: Amount(each, figure.unit) for name, each in both.items()}})


def _because(desk: _Desk, before: maintenance.WorkReview, now: maintenance.WorkReview) -> Message | None:
    """Which grid moved the share on time most, and by how much; nothing where it hardly moved or no grid did it."""
    movement = contributions.compared(*(contributions.of_work("work_on_time", each) for each in (before, now)))
    if movement is None or abs(movement.change) < NOTABLE / 2:
        return None
    grids = [
        each for each in movement.by.get(contributions.By.GRID, ()) if each.part and each.total * movement.change > 0
    ]
    if not grids:
        return None
    most = max(grids, key=lambda each: abs(each.total))
    return Message(
        msg("{metric} went from {before} to {after}; {grid} alone brought {n} points of it"),
        {
            "metric": movement.metric.title,
            "before": Amount(movement.before, movement.metric.unit),
            "after": Amount(movement.after, movement.metric.unit),
            "grid": desk.grid(most.part),
            "n": round(100 * abs(most.total)),
        },
    )


def _longest(what: str, days: int) -> Message | None:
    """What is overdue longest, where anything is."""
    return Message(msg("Overdue longest: {what}, {days} d"), {"what": what, "days": days}) if days > 0 else None


def _in_weeks(desk: _Desk, weeks: int) -> date:
    return desk.today + timedelta(weeks=weeks)
