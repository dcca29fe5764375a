"""Reading meetings: the year's calendar, what is unfinished, one meeting with all of it, and what decided something.

Meetings are few - some thirty a year - so that days, kinds and states of all of them are read at once; minutes and
agenda only of the one that is opened. What was closed when is read off the counters.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from repository.access import Actor, Operation, may, require, scope
from repository.filters import Is
from repository.grids import Community
from repository.meetings import metrics
from repository.meetings.cadence import Cell, CellState, Days, Held, began, cells, settled
from repository.meetings.records import (
    REQUIRED,
    SERIES,
    ActionItem,
    AgendaItem,
    Decision,
    ItemState,
    Link,
    Linked,
    Meeting,
    MeetingKind,
    MeetingStatus,
    Outcome,
    carried,
)
from repository.metrics import Period, Value, last_months, months_between, ratio
from repository.organizations import Organization
from repository.people import Person
from repository.record import RECORDS, Record, field_specs, midnight
from repository.rollups import path_key, path_word
from repository.store import Counters, Document, NotFound, Steps, Store, Wanted, in_steps
from repository.targets import judged
from repository.words import Message, msg
from repository.worktime import SpecialDay, Worktime

LISTED = 200
"""How many meetings, or open action items, a list shows at most; the longest overdue come first."""
OFTEN = 2
"""An item that was carried over so many times is called out (metric T2)."""
SERIES_MONTHS = 12
PICKED = 300  # records of a kind that can be picked to be linked, the newest first

_FIRST = date(1990, 1, 1)  # no meeting before it comes in without a doubt
_LIGHT = ("community_id", "name", "kind", "period", "day", "status", "time")
_DAYS = ("day", "working")


@dataclass(frozen=True)
class Unfinished:
    """An action item that is open, or was at a meeting: how often it was carried over up to then, how many days late
    it is."""

    item: ActionItem
    carried: int
    days_late: int


@dataclass(frozen=True)
class Review:
    """How well is the cadence kept, is what was decided carried out, and what comes next?"""

    year: int
    days: Days
    """In which they are in time."""
    cells: tuple[Cell, ...]
    """The year's calendar: 12 + 4 + 1."""
    cadence: Value
    """``detail`` is how many are missing."""
    carried_out: Value
    carried_over: Value
    consensus: Value
    attendance: Value
    unfinished: tuple[Unfinished, ...]
    """Open items, the longest overdue first; LISTED at most."""
    open_items: int
    overdue: int
    next: Held | None
    """The next one that is planned, from today on."""
    business: "Business | None"
    """What that one should deal with."""
    unplanned: Cell | None
    """The next required one, or the one due now, that nobody has planned."""
    unrecorded: tuple[Held, ...]
    """Planned for a day that is over, and neither held nor cancelled; the newest first."""
    anything: bool
    """Whether there is any meeting at all."""


@dataclass(frozen=True)
class Minuted:
    """One meeting with all that comes of it."""

    meeting: Meeting
    decisions: tuple[Decision, ...]
    items: tuple[ActionItem, ...]
    """What it gave people to do."""
    unfinished: tuple[Unfinished, ...]
    """What it found unfinished, or will find: items of its series that were open on its day."""
    names: Mapping[Link, Message]
    """Of what its agenda and decisions are about, as far as the actor may see it."""


@dataclass(frozen=True)
class Business:
    """What the next meeting should deal with: items carried over to it, overdue items of other series, and what the
    last meeting of the series adjourned."""

    carried: tuple[Unfinished, ...]
    elsewhere: tuple[Unfinished, ...]
    adjourned: tuple[Decision, ...]


@dataclass(frozen=True)
class Glance:
    """What leadership sees first: required meetings of the year that were not held, action items overdue and carried
    over OFTEN and more, the next meeting or the one that nobody has planned."""

    missing: tuple[Cell, ...]
    overdue: int
    carried_over: Value
    next: Held | None
    unplanned: Cell | None
    anything: bool


@dataclass(frozen=True)
class Decided:
    """A decision with the name of its meeting."""

    decision: Decision
    meeting: str


# --- the year
@judged
@in_steps
def review(store: Store, actor: Actor, community_id: str, period: Period, *, now: datetime) -> Steps[Review]:
    """How do meetings stand: the calendar of the period's year, figures of the period, what is unfinished now. Raises
    Refused, Unavailable."""
    today = now.astimezone(store.zone(community_id)).date()
    last = min(period.last, today)
    months = last_months(last, SERIES_MONTHS)
    own = months_between(max(period.first, _FIRST), last) if period.first <= last else []
    ends = [*(_end(month) for month in months), last + timedelta(days=1)]
    closed_since = {
        **scope(actor, ActionItem, community_id),
        "is_open": False,
        "closed_on": Is(gte=midnight(min(ends))),
    }
    *light, closed, counters = yield [
        *glance_wanted(actor, community_id),
        Wanted(ActionItem, closed_since, ("due_on", "given_on", "closed_on")),
        _flows_wanted(actor, [*months, *own]),
    ]
    ground = _Ground.read(store, actor, community_id, now, light)
    year = last.year
    this_year = ground.cells(year)
    open_items = ground.unfinished(today)
    overdue = sum(each.days_late > 0 for each in open_items)
    still = [(each.given_on, each.due_on, date.max) for each in ground.open]
    spans = still + [(row["given_on"].date(), row["due_on"].date(), row["closed_on"].date()) for row in closed]
    late = {end: _overdue_at(end, spans, today) for end in ends}
    flows = {(row["subject"], row["period"]): row for row in counters}

    def counts(subject: str, month: str) -> Mapping[str, int]:
        found: Mapping[str, int] = flows.get((subject, month), {}).get("total", {})
        return found

    def in_time(chosen: Sequence[str], until: date) -> tuple[int, int]:
        closed = Counter[str]()
        for month in chosen:
            closed.update(counts("action_items", month))
        whole = closed["closed_in_time"] + closed["closed_late"] + late[until]
        return closed["closed_in_time"], whole

    def agreed(chosen: Sequence[str]) -> tuple[int, int]:
        of = [flows.get(("decisions", month), {}).get("by_category", {}) for month in chosen]
        agreed = sum(each.get(path_key(Outcome.CONSENSUS), {}).get("decided", 0) for each in of)
        return agreed, sum(counts("decisions", month).get("decided", 0) for month in chosen)

    def came(chosen: Sequence[str]) -> tuple[int, int]:
        months = [counts("meetings", month) for month in chosen]
        return sum(month.get("attended", 0) for month in months), sum(month.get("invited", 0) for month in months)

    def value(
        metric: Any, of: Callable[[Sequence[str]], tuple[int, int]], whole: tuple[int, int], **more: Any
    ) -> Value:
        return Value(metric, ratio(*whole), whole[1], [(month, ratio(*of([month]))) for month in months], **more)

    kept = list(settled(ground.all_cells(period.first, last), period.first, period.last))
    good = sum(each.state is CellState.IN_TIME for each in kept)
    course = []
    for month in months:
        at = Period.of(month)
        mine = list(settled(ground.all_cells(at.first, at.last), at.first, at.last))
        course.append((month, ratio(sum(each.state is CellState.IN_TIME for each in mine), len(mine))))
    coming, business = ground.next(), None
    if coming is not None:
        wanted = ground.adjourned_wanted(actor, community_id, coming)
        (rows,) = (yield wanted) if wanted else [()]
        business = ground.business(coming, rows)
    return Review(
        year=year,
        days=ground.days,
        cells=tuple(this_year),
        cadence=Value(
            metrics.CADENCE,
            ratio(good, len(kept)),
            len(kept),
            course,
            detail=sum(each.state is CellState.MISSING for each in kept),
        ),
        carried_out=value(
            metrics.CARRIED_OUT,
            lambda chosen: in_time(chosen, _end(chosen[0])),
            in_time(own, last + timedelta(days=1)),
        ),
        carried_over=ground.carried_over(open_items),
        consensus=value(metrics.CONSENSUS, agreed, agreed(own)),
        attendance=value(metrics.ATTENDANCE, came, came(own)),
        unfinished=tuple(open_items[:LISTED]),
        open_items=len(open_items),
        overdue=overdue,
        next=coming,
        business=business,
        unplanned=ground.unplanned(),
        unrecorded=ground.unrecorded(),
        anything=bool(ground.meetings),
    )


@dataclass(frozen=True)
class Kept:
    """What one kind of meeting did for the metrics T1, T2 and T3 of attendance: each part, and what it is of."""

    in_time: int = 0
    required: int = 0
    closed_in_time: int = 0
    owed: int = 0
    attended: int = 0
    invited: int = 0


@in_steps
def kept_by_kind(
    store: Store, actor: Actor, community_id: str, period: Period, *, now: datetime
) -> Steps[dict[MeetingKind, Kept]]:
    """What ``review`` tells of a period, told apart by kind of meeting. Raises Refused, Unavailable."""
    today = now.astimezone(store.zone(community_id)).date()
    last = min(period.last, today)
    end = last + timedelta(days=1)
    own = months_between(max(period.first, _FIRST), last) if period.first <= last else []
    closed_since = scope(actor, ActionItem, community_id) | {"is_open": False, "closed_on": Is(gte=midnight(end))}
    *light, closed, counters = yield [
        *glance_wanted(actor, community_id),
        Wanted(ActionItem, closed_since, ("due_on", "given_on", "closed_on", "series")),
        _flows_wanted(actor, own or [f"{last:%Y-%m}"], by_kind=True),
    ]
    ground = _Ground.read(store, actor, community_id, now, light)
    flows: dict[str, Counter[str]] = defaultdict(Counter)
    for row in counters if own else ():
        for key, counts in row.get("by_category", {}).items() if row["subject"] != "decisions" else ():
            flows[path_word(key)].update(counts)
    cells = list(settled(ground.all_cells(period.first, last), period.first, period.last))
    spans = [(each.series, each.given_on, each.due_on, date.max) for each in ground.open]
    spans += [
        (MeetingKind(row["series"]), row["given_on"].date(), row["due_on"].date(), row["closed_on"].date())
        for row in closed
    ]

    def of(kind: MeetingKind) -> Kept:
        mine, counts = [each for each in cells if each.required.kind is kind], flows[kind]
        late = _overdue_at(end, [span for series, *span in spans if series is kind], today)
        return Kept(
            sum(each.state is CellState.IN_TIME for each in mine),
            len(mine),
            counts["closed_in_time"],
            counts["closed_in_time"] + counts["closed_late"] + late,
            counts["attended"],
            counts["invited"],
        )

    return {kind: of(kind) for kind in MeetingKind}


@judged
def glance(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    now: datetime,
    within: Sequence[Sequence[Document]] | None = None,
) -> Glance:
    """Missing meetings of the year, overdue action items, the next meeting: one command to the database, or none.
    ``within``: if what is ``glance_wanted`` was read already. Raises Refused, Unavailable."""
    ground = _Ground.read(store, actor, community_id, now, within)
    found = ground.unfinished(ground.today)
    return Glance(
        missing=tuple(each for each in ground.cells(ground.today.year) if each.state is CellState.MISSING),
        overdue=sum(each.days_late > 0 for each in found),
        carried_over=ground.carried_over(found),
        next=ground.next(),
        unplanned=ground.unplanned(),
        anything=bool(ground.meetings),
    )


def glance_wanted(actor: Actor, community_id: str) -> list[Wanted]:
    """What ``glance`` reads."""
    still = {**scope(actor, ActionItem, community_id), "is_open": True}
    return [
        Wanted(Meeting, None, _LIGHT),
        Wanted(ActionItem, still),
        Wanted(SpecialDay, None, _DAYS),
        Wanted(Community),
    ]


def calendar(store: Store, actor: Actor, community_id: str, year: int, *, now: datetime) -> list[Cell]:
    """The required meetings of a year, and how each stands. Raises Refused, Unavailable."""
    return _Ground.read(store, actor, community_id, now).cells(max(1, min(int(year), 9000)))


@dataclass(frozen=True)
class _Ground:
    """What calendar and carry-over rest on: all meetings, without what they said; open items; working days."""

    meetings: Sequence[Held]
    open: Sequence[ActionItem]
    times: Worktime
    today: date
    days: Days
    years: dict[int, list[Cell]] = field(default_factory=dict)
    """The calendars that were made already."""

    @classmethod
    def read(
        cls,
        store: Store,
        actor: Actor,
        community_id: str,
        now: datetime,
        within: Sequence[Sequence[Document]] | None = None,
    ) -> "_Ground":
        zone = store.zone(community_id)
        rows, items, days, home = within or store.together(actor, community_id, glance_wanted(actor, community_id))
        hours = Community.model_fields["working_hours"].default  # whole days are asked for only
        own = {each["day"].date(): each["working"] for each in days}
        held = sorted((_held(row) for row in rows), key=lambda each: (each.day, each.time or "", each.id))
        found = [ActionItem.from_document(item) for item in items]
        return cls(
            held, found, Worktime(zone, hours, own), now.astimezone(zone).date(), Days.of(home[0] if home else {})
        )

    def cells(self, year: int) -> list[Cell]:
        if year not in self.years:
            self.years[year] = cells(year, self.meetings, self.times, self.today, self.days)
        return self.years[year]

    @cached_property
    def began(self) -> date | None:
        """The first day from which meetings are on record."""
        return began(self.meetings)

    def all_cells(self, first: date, last: date) -> list[Cell]:
        """Those of the years of a period, from the first year there is anything of."""
        begins = max(first.year, (self.began or last).year)
        return [each for year in range(begins, last.year + 1) for each in self.cells(year)]

    def held_days(self, series: MeetingKind, until: date) -> list[date]:
        """When meetings of a series were held, up to a day."""
        return [
            each.day
            for each in self.meetings
            if each.kind is series and each.status is MeetingStatus.HELD and each.day <= until
        ]

    def unfinished(self, on: date) -> list[Unfinished]:
        days = {series: self.held_days(series, on) for series in REQUIRED}
        found = [Unfinished(each, carried(each, days[each.series]), each.overdue_days(on)) for each in self.open]
        return sorted(found, key=lambda each: (-each.days_late, each.item.due_on, -each.carried, each.item.id))

    def carried_over(self, found: Sequence[Unfinished]) -> Value:
        """T2 of what is unfinished; no data where nothing is on record."""
        often = sum(each.carried >= OFTEN for each in found)
        return Value(metrics.CARRIED_OVER, often if self.meetings or found else None, len(found))

    def next(self) -> Held | None:
        coming = (each for each in self.meetings if each.status is MeetingStatus.PLANNED and each.day >= self.today)
        return next(coming, None)

    def unrecorded(self) -> tuple[Held, ...]:
        over = [each for each in self.meetings if each.status is MeetingStatus.PLANNED and each.day < self.today]
        return tuple(reversed(over[-LISTED:]))

    def adjourned_wanted(self, actor: Actor, community_id: str, of: Held) -> list[Wanted]:
        """What the last meeting before one, of its series, put off; nothing where there was none."""
        before = [
            each
            for each in self.meetings
            if SERIES[each.kind] is SERIES[of.kind]
            and each.status is MeetingStatus.HELD
            and each.id != of.id
            and each.day <= of.day
        ]
        if not before:
            return []
        put_off = {"meeting_id": before[-1].id, "outcome": str(Outcome.ADJOURNED)}
        return [Wanted(Decision, scope(actor, Decision, community_id) | put_off, first=("number", 50))]

    def business(self, of: Held, adjourned: Sequence[Document]) -> Business:
        """What a meeting should deal with, with the rows of what is ``adjourned_wanted``."""
        found = [each for each in self.unfinished(self.today) if each.item.given_on <= of.day]
        series = SERIES[of.kind]
        return Business(
            carried=tuple(each for each in found if each.item.series is series),
            elsewhere=tuple(each for each in found if each.item.series is not series and each.days_late > 0),
            adjourned=tuple(map(Decision.from_document, adjourned)),
        )

    def unplanned(self) -> Cell | None:
        waiting = (CellState.DUE, CellState.COMING)
        found = [
            each
            for year in (self.today.year, self.today.year + 1)
            for each in self.cells(year)
            if each.state in waiting and each.meeting is None
        ]
        return min(found, key=lambda each: each.required.last, default=None)


def _held(row: Document) -> Held:
    kind, status = MeetingKind(row["kind"]), MeetingStatus(row["status"])
    return Held(row["_id"], row["name"], kind, row.get("period"), row["day"].date(), status, row.get("time"))


def _end(month: str) -> date:
    return Period.of(month).last + timedelta(days=1)


def _flows_wanted(actor: Actor, months: Sequence[str], *, by_kind: bool = False) -> Counters:
    """What meetings, decisions and action items count by month. Meetings are the whole community's: whoever may see the
    community sees all of their counters. Raises Refused."""
    subjects = ("meetings", "decisions", "action_items")
    for subject in subjects:
        require(actor, Operation.READ, subject)
    span = {"level": "month", "period": Is(gte=min(months), lte=max(months))}
    parts = "by_category" if by_kind else f"by_category.{path_key(Outcome.CONSENSUS)}.decided"
    fields = {"subject": 1, "period": 1, "total": 1, parts: 1}
    return Counters([{"subject": subject, **span} for subject in subjects], fields)


def _overdue_at(end: date, spans: Iterable[Sequence[date]], today: date) -> int:
    """How many items were overdue at the end of the day before (today counts up to now): given and past their day, and
    not closed by then. ``spans``: when each was given, due and closed."""
    last = min(end, today + timedelta(days=1)) - timedelta(days=1)  # the day it is looked at
    return sum(given <= last and due < last and closed >= end for given, due, closed in spans)


@in_steps
def answerable(_store: Store, _actor: Actor, _community_id: str) -> Steps[dict[str, dict[str, str]]]:
    """Whom a meeting can give something to do, and who came, names by id: ``people``, those of them who are ``active``
    still, and ``organizations``. Raises Refused, Unavailable."""
    everybody, bodies = yield [
        Wanted(Person, None, ("name", "active"), first=("name", 5_000)),
        Wanted(Organization, None, ("name",), first=("name", 2_000)),
    ]
    return {
        "people": {one["_id"]: one["name"] for one in everybody},
        "active": {one["_id"]: one["name"] for one in everybody if one.get("active", True)},
        "organizations": {one["_id"]: one["name"] for one in bodies},
    }


# --- lists
def meetings(store: Store, actor: Actor, community_id: str, period: Period | None = None) -> tuple[list[Meeting], int]:
    """Meetings of a period (None: all), the newest first, LISTED at most, and how many there are. Raises Refused,
    Unavailable."""
    within: Document = {}
    if period is not None and period.kind != "ever":
        within["day"] = Is(gte=midnight(period.first), lte=midnight(period.last))
    found = store.find(actor, Meeting, community_id, within, sort=[("day", -1), ("time", -1)], limit=LISTED)
    total = len(found) if len(found) < LISTED else store.count(actor, Meeting, community_id, within)
    return found, total


def meeting(store: Store, actor: Actor, community_id: str, id: str, *, now: datetime) -> Minuted:
    """One meeting with its decisions, what it gave people to do, and what it found unfinished. Raises NotFound,
    Refused, Unavailable."""
    found = store.get(actor, Meeting, community_id, id)
    said, given = (scope(actor, each, community_id) | {"meeting_id": found.id} for each in (Decision, ActionItem))
    told = store.together(
        actor,
        community_id,
        [
            Wanted(Decision, said, first=("number", LISTED)),
            Wanted(ActionItem, given, first=("due_on", LISTED)),
            *_open_on(actor, found),
        ],
    )
    decisions = list(map(Decision.from_document, told[0]))
    items, left = ([ActionItem.from_document(row) for row in rows] for rows in (told[1], sum(told[2:], [])))
    today = now.astimezone(store.zone(community_id)).date()
    links = [item.link for item in found.agenda if item.link] + [link for each in decisions for link in each.links]
    return Minuted(
        meeting=found,
        decisions=tuple(decisions),
        items=tuple(items),
        unfinished=tuple(_unfinished_at(store, actor, community_id, found, left, today)),
        names=names(store, actor, community_id, links),
    )


def _open_on(actor: Actor, of: Meeting) -> list[Wanted]:
    """Items of the meeting's series that were open on its day (of one to come: that are open now)."""
    if of.kind not in REQUIRED or of.status is MeetingStatus.CANCELLED:
        return []
    open_then: Document = {
        "series": str(of.kind),
        "given_on": Is(lt=midnight(of.day)),
        "$or": [{"is_open": True}, {"closed_on": Is(gt=midnight(of.day))}],
    }
    return [Wanted(ActionItem, scope(actor, ActionItem, of.community_id) | open_then, first=("due_on", LISTED))]


def _unfinished_at(
    store: Store, actor: Actor, community_id: str, of: Meeting, items: Sequence[ActionItem], today: date
) -> list[Unfinished]:
    """The ``items`` that were ``_open_on`` its day, as they stood then."""
    if not items:
        return []
    day = of.day
    first = min(item.given_on for item in items)
    rows = store.aggregate(
        actor, Meeting, community_id, [{"$project": {"_id": 0, "day": 1}}],
        filter={
            "kind": str(of.kind), "status": str(MeetingStatus.HELD),
            "day": Is(gt=midnight(first), lt=midnight(day)),
        },
    )  # fmt: skip
    days = [row["day"].date() for row in rows]
    days += [day] if of.status is MeetingStatus.HELD else []  # this one found them unfinished too
    at = min(day, today)
    return [Unfinished(item, carried(item, days), max(0, (at - item.due_on).days)) for item in items]


def business(store: Store, actor: Actor, community_id: str, id: str, *, now: datetime) -> Business:
    """What a meeting should deal with: see Business. Raises NotFound, Refused, Unavailable."""
    ground = _Ground.read(store, actor, community_id, now)
    of = next((each for each in ground.meetings if each.id == id), None)
    if of is None:
        raise NotFound(msg("This record is not there any more, or not in your charge."))
    wanted = ground.adjourned_wanted(actor, community_id, of)
    (rows,) = store.together(actor, community_id, wanted) if wanted else [[]]
    return ground.business(of, rows)


def to_come(store: Store, actor: Actor, community_id: str, *, now: datetime) -> list[Meeting]:
    """The planned meetings from today on, the next first, 20 at most: to which something can be put. Raises Refused,
    Unavailable."""
    today = now.astimezone(store.zone(community_id)).date()
    coming = {"day": Is(gte=midnight(today)), "status": str(MeetingStatus.PLANNED)}
    return store.find(actor, Meeting, community_id, coming, sort=[("day", 1)], limit=20)


def decision(store: Store, actor: Actor, community_id: str, id: str) -> Decision:
    """One decision. Raises NotFound, Refused, Unavailable."""
    return store.get(actor, Decision, community_id, id)


def action_item(store: Store, actor: Actor, community_id: str, id: str) -> ActionItem:
    """One action item. Raises NotFound, Refused, Unavailable."""
    return store.get(actor, ActionItem, community_id, id)


def my_items(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], *, now: datetime
) -> list[Unfinished]:
    """The open action items of these people, the longest overdue first; none where nobody is named. Raises Refused,
    Unavailable."""
    if not people:
        return []
    ground = _Ground.read(store, actor, community_id, now)
    mine = frozenset(people)
    return [each for each in ground.unfinished(ground.today) if each.item.owner_id in mine][:LISTED]


def closed_items(store: Store, actor: Actor, community_id: str, period: Period) -> tuple[list[ActionItem], int]:
    """Items that were done or dropped in a period, the newest first, LISTED at most, and how many there are. Raises
    Refused, Unavailable."""
    within = {"closed_on": Is(gte=midnight(period.first), lte=midnight(period.last))}
    found = store.find(actor, ActionItem, community_id, within, sort=[("closed_on", -1)], limit=LISTED)
    total = len(found) if len(found) < LISTED else store.count(actor, ActionItem, community_id, within)
    return found, total


@dataclass(frozen=True)
class ItemsKept:
    """What one person did of what meetings gave them: ``done`` between two days, of these ``late``; ``overdue`` at the
    end, or now."""

    done: int = 0
    late: int = 0
    overdue: int = 0


def items_kept(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], first: date, last: date, *, on: date
) -> dict[str, ItemsKept]:
    """What each of some people did of it from one day to another, both included, and what is open past its day ``on``
    one. Dropped ones count neither way; who had none is left out. Raises Refused, Unavailable."""
    owners = {"owner_id": Is(among=sorted(set(people)))}
    closed = {**owners, "state": ItemState.DONE.value, "closed_on": Is(gte=midnight(first), lte=midnight(last))}
    late = {"$sum": {"$cond": [{"$gt": ["$closed_on", "$due_on"]}, 1, 0]}}
    done = store.aggregate(
        actor,
        ActionItem,
        community_id,
        [{"$group": {"_id": "$owner_id", "done": {"$sum": 1}, "late": late}}],
        filter=closed,
        index=("community_id", "closed_on"),
    )
    owed = store.aggregate(
        actor,
        ActionItem,
        community_id,
        [{"$group": {"_id": "$owner_id", "overdue": {"$sum": 1}}}],
        filter={**owners, "is_open": True, "due_on": Is(lt=midnight(on))},
        index=("community_id", "is_open", "due_on"),
    )
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in [*done, *owed]:
        sums[row.pop("_id")].update(row)
    return {id: ItemsKept(n["done"], n["late"], n["overdue"]) for id, n in sums.items()}


def decisions(store: Store, actor: Actor, community_id: str, period: Period) -> tuple[list[Decision], int]:
    """Decisions of a period, the newest first, LISTED at most, and how many there are. Raises Refused, Unavailable."""
    within = {"decided_on": Is(gte=midnight(period.first), lte=midnight(period.last))}
    order = [("decided_on", -1), ("number", 1)]
    found = store.find(actor, Decision, community_id, within, sort=order, limit=LISTED)
    total = len(found) if len(found) < LISTED else store.count(actor, Decision, community_id, within)
    return found, total


# --- what it is about
def decided_on(store: Store, actor: Actor, community_id: str, id: str) -> list[Decided]:
    """The decisions that changed a record, whatever it is, the newest first: the way back from a work order, a plan, a
    facility. Raises Refused, Unavailable."""
    found = store.find(actor, Decision, community_id, {"links.ref": id}, sort=[("decided_on", -1)], limit=20)
    of = sorted({each.meeting_id for each in found})
    rows = store.aggregate(actor, Meeting, community_id, [{"$project": {"name": 1}}], filter={"_id": Is(among=of)})
    known = {row["_id"]: row["name"] for row in rows}
    return [Decided(each, known.get(each.meeting_id, "")) for each in found]


def names(store: Store, actor: Actor, community_id: str, links: Iterable[Link]) -> dict[Link, Message]:
    """How people recognise what is linked, as far as it is there and within the actor's reach. Raises Refused,
    Unavailable."""
    by: dict[Linked, set[str]] = defaultdict(set)
    for link in links:
        by[link.about].add(link.ref)
    found: dict[Link, Message] = {}
    for about, ids in by.items():
        record = RECORDS.get(str(about))
        if record is None or not may(actor, Operation.READ, record.collection):
            continue
        where = {"_id": Is(among=sorted(ids))}
        rows = store.aggregate(actor, record, community_id, [{"$project": _named(record)}], filter=where)
        found |= {Link(about=about, ref=row["_id"]): _name(record, row) for row in rows}
    return found


def linkable(store: Store, actor: Actor, community_id: str, about: Linked) -> dict[str, Message]:
    """What of a kind can be linked, by name: the newest PICKED in reach. Raises Refused, Unavailable."""
    record = RECORDS.get(str(about))
    if record is None or not may(actor, Operation.READ, record.collection):
        return {}
    newest: list[Document] = [{"$sort": {"_id": -1}}, {"$limit": PICKED}, {"$project": _named(record)}]
    rows = store.aggregate(actor, record, community_id, newest)
    return {row["_id"]: _name(record, row) for row in rows}


def known_kinds() -> list[Linked]:
    """The kinds of things to link that there are records of in this version."""
    return [each for each in Linked if str(each) in RECORDS]


def _named(record: type[Record]) -> Document:
    """The fields a record is recognised by: its number or code before its name, then what it is about."""
    wanted = dict.fromkeys(("number", "code", record.name_field, "fault", "text"))
    return {name: 1 for name in wanted if name in record.model_fields and name not in record.personal}


def _name(record: type[Record], row: Document) -> Message:
    words: list[str | Message] = []
    for name in _named(record):
        value, choices = str(row.get(name, "")), field_specs(record)[name].choices
        known = next((one for one in choices or () if one == value), None)
        if value and value not in words:
            words.append(Message(known.label) if known else value[:100])
    first, second = [*words, "", ""][:2]
    return Message(msg("{first} {second}"), {"first": first or row["_id"], "second": second})


def agenda_item(each: Unfinished) -> AgendaItem:
    """An open action item as an item of an agenda. Pure."""
    return AgendaItem(text=each.item.what, link=Link(about=Linked.ACTION_ITEM, ref=each.item.id))
