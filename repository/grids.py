"""The community and its grids: who answers for which, which posts stand vacant, and how the load is shared."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from bson import ObjectId
from pydantic import Field, ValidationInfo, field_validator

from repository.access import Actor, Operation, reach, require
from repository.disclosure import SMALLEST
from repository.filters import Is
from repository.metrics import Metric, Period, Target, Value, declare, last_months, ratio
from repository.people import AgeBand, Person, Sex, is_secretary
from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Index,
    Part,
    Record,
    Ref,
    Shown,
    day_then,
    entered_later,
    rewound,
)
from repository.store import Counters, FieldProblem, Invalid, NotFound, Store, Wanted, Write, build
from repository.targets import judged
from repository.words import Message, msg


class Population(Part):
    """How many people of one age band and sex live here, by the register."""

    age_band: AgeBand = Field(title=msg("Age band"))
    sex: Sex = Field(title=msg("Sex"))
    count: int = Field(ge=0, le=10_000_000, title=msg("People"))


class ServiceLife(Part):
    """How many years a community lets one category or kind of facility serve."""

    of: str = Field(min_length=1, max_length=60, title=msg("Category or kind"))
    years: float = Field(ge=0.5, le=200, title=msg("Years"))


class Span(Part):
    """A stretch of a working day, in minutes since midnight."""

    begins: int = Field(ge=0, le=1440, title=msg("From (minute of the day)"))
    ends: int = Field(ge=1, le=1440, title=msg("To (minute of the day)"))

    @field_validator("ends")
    @classmethod
    def _after_its_begin(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("begins", 0):
            raise FieldProblem(msg("Working hours must end after they begin."))
        return value


class ServiceLevel(Part):
    """What is promised of one priority, of one category of work or of all: hours from the report to the first answer
    and to the repair, in working time or round the clock."""

    priority: str = Field(min_length=1, max_length=20, title=msg("Priority"))
    category: str | None = Field(
        default=None, max_length=60, title=msg("Category"), description=msg("None: every one without a line of its own")
    )
    answer_hours: float = Field(gt=0, le=10_000, title=msg("Answer within (hours)"))
    due_hours: float = Field(gt=0, le=10_000, title=msg("Repair within (hours)"))
    round_the_clock: bool = Field(default=False, title=msg("Nights and holidays count"))


class RequestDeadline(Part):
    """How long a request of one urgency may wait for its answer: hours for the urgencies that run by the clock, days
    for the others."""

    urgency: str = Field(min_length=1, max_length=20, title=msg("Urgency"))
    amount: int = Field(ge=1, le=1000, title=msg("Hours or days"))


class EntryRule(Part):
    """What must be noted of everything of one kind that comes through a gate, beside its exit."""

    kind: str = Field(min_length=1, max_length=20, title=msg("Vehicle or person"))
    required: tuple[Annotated[str, Field(max_length=20)], ...] = Field(
        default=(), max_length=10, title=msg("Must be noted")
    )


@cache
def _time_zones() -> frozenset[str]:
    """Read off the disk once: it takes some 20 ms, and every page reads a community."""
    return frozenset(available_timezones())


class Community(Record):
    """A community (社区): the unit everything belongs to. Its id is its own ``community_id``."""

    collection = "communities"
    title = msg("Communities")
    grid_field = None
    natural_key = ("code",)
    indexes = (Index(("code",), "find a community by its code", unique=True),)
    stirred = ("updated_at",)
    traced = frozenset(  # what figures are made of; how small a group may be told is never that of then
        {
            *("households", "residents", "population", "crew_hours_per_week", "service_lives"),
            *("month_meeting_days", "quarter_meeting_days", "year_meeting_days"),
            *("weight_response", "weight_solution", "weight_satisfaction"),
        }
    )

    code: Annotated[str, Shown(aliases=("社区代码", "统计代码"))] = Field(
        min_length=1, max_length=40, title=msg("Code")
    )
    name: Annotated[str, Shown(aliases=("社区", "社区名称"))] = Field(min_length=1, max_length=LINE, title=msg("Name"))
    district: str | None = Field(default=None, max_length=LINE, title=msg("District"))
    time_zone: str = Field(default="Asia/Shanghai", max_length=60, title=msg("Time zone"))
    households: Annotated[int, Shown(unit=msg("households"))] = Field(
        default=0, ge=0, le=10_000_000, title=msg("Households")
    )
    residents: Annotated[int, Shown(unit=msg("people"))] = Field(
        default=0, ge=0, le=100_000_000, title=msg("Residents")
    )
    crew_hours_per_week: Annotated[float, Shown(unit=msg("hours"))] = Field(
        default=80,
        ge=0.5,
        le=100_000,
        title=msg("Crew hours a week"),
        description=msg("Working hours of the repair crew; the backlog in weeks is measured by it"),
    )
    population: Annotated[tuple[Population, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=20, title=msg("Population by age and sex")
    )
    service_lives: Annotated[tuple[ServiceLife, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=60, title=msg("Service life by category and kind")
    )
    working_hours: Annotated[tuple[Span, ...], Shown(form=False, table=False)] = Field(
        default=(Span(begins=9 * 60, ends=12 * 60), Span(begins=13 * 60, ends=18 * 60)),
        min_length=1,
        max_length=6,
        title=msg("Working hours"),
    )
    service_levels: Annotated[tuple[ServiceLevel, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Promised times")
    )
    smallest_group: Annotated[int, Shown(unit=msg("people"), table=False)] = Field(
        default=SMALLEST,
        ge=3,
        le=50,
        title=msg("Smallest group told"),
        description=msg(
            "Fewer participants of one age band, sex or grid are not told, nor what they could be worked out from"
        ),
    )
    request_deadlines: Annotated[tuple[RequestDeadline, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=10, title=msg("Deadlines of requests")
    )
    entry_days: Annotated[int, Shown(unit=msg("days"))] = Field(
        default=30,
        ge=1,
        le=3660,
        title=msg("Plates and visitors' names are kept"),
        description=msg("After that the entry stays for the figures, without who it was"),
    )
    contact_days: Annotated[int, Shown(unit=msg("days"), table=False)] = Field(
        default=30,
        ge=0,
        le=180,
        title=msg("Contacts are kept after the end"),
        description=msg(
            "How to reach whoever reported or asked something, after it is closed; 180 days from the beginning at most"
        ),
    )
    month_meeting_days: Annotated[int, Shown(unit=msg("days"), table=False)] = Field(
        default=5,
        ge=1,
        le=20,
        title=msg("Month's meeting: working days"),
        description=msg("In time in the first working days of the month"),
    )
    quarter_meeting_days: Annotated[int, Shown(unit=msg("days"), table=False)] = Field(
        default=7,
        ge=1,
        le=40,
        title=msg("Quarter's meeting: working days"),
        description=msg("In time in the last working days of the quarter"),
    )
    year_meeting_days: Annotated[int, Shown(unit=msg("days"), table=False)] = Field(
        default=20,
        ge=1,
        le=60,
        title=msg("Year's meeting: working days"),
        description=msg("In time in the first working days of the year"),
    )
    weight_response: Annotated[int, Shown(unit=msg("%"), table=False)] = Field(
        default=10, ge=0, le=100, title=msg("Composite: weight of response")
    )
    weight_solution: Annotated[int, Shown(unit=msg("%"), table=False)] = Field(
        default=50, ge=0, le=100, title=msg("Composite: weight of solution")
    )
    weight_satisfaction: Annotated[int, Shown(unit=msg("%"), table=False)] = Field(
        default=40,
        ge=0,
        le=100,
        title=msg("Composite: weight of satisfaction"),
        validate_default=True,
        description=msg("Of the reception of residents. The three weights make 100 %"),
    )
    entry_rules: Annotated[tuple[EntryRule, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=10, title=msg("What must be noted of an entry")
    )
    demonstration: Annotated[bool, Shown(form=False, table=False)] = Field(
        default=False, title=msg("Demonstration data")
    )

    @field_validator("working_hours")
    @classmethod
    def _apart(cls, value: tuple[Span, ...]) -> tuple[Span, ...]:
        if any(later.begins < earlier.ends for earlier, later in pairwise(value)):
            raise FieldProblem(msg("Working hours must follow each other without overlapping."))
        return value

    @field_validator("weight_satisfaction")
    @classmethod
    def _whole(cls, value: int, info: ValidationInfo) -> int:
        others = [info.data.get(name) for name in ("weight_response", "weight_solution")]
        if None not in others and sum(filter(None, others)) + value != 100:
            raise FieldProblem(msg("The three weights of the composite must make 100 %."))
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in _time_zones():
            raise FieldProblem(msg("There is no time zone {zone}; write one like Asia/Shanghai."), zone=value)
        return value


class Point(Part):
    """A corner of a grid's outline or a facility's place, WGS 84 degrees."""

    longitude: float = Field(ge=-180, le=180, title=msg("Longitude"))
    latitude: float = Field(ge=-90, le=90, title=msg("Latitude"))


class Grid(Record):
    """A grid (网格): a part of the community with exactly one person who answers for it."""

    collection = "grids"
    title = msg("Grids")
    grid_field = "id"
    natural_key = ("code",)
    indexes = (Index(("community_id", "code"), "a grid's code is its own", unique=True),)
    stirred = ("updated_at",)
    traced = frozenset({"responsible_id", "households", "residents"})

    code: Annotated[str, Shown(aliases=("网格编号", "网格号"))] = Field(
        min_length=1, max_length=LINE, title=msg("Code")
    )
    name: Annotated[str, Shown(aliases=("网格", "网格名称"))] = Field(min_length=1, max_length=LINE, title=msg("Name"))
    responsible_id: Annotated[str | None, Ref(to="people", aliases=("责任人", "网格责任人"))] = Field(
        default=None, max_length=64, title=msg("Responsible person")
    )
    households: Annotated[int | None, Shown(unit=msg("households"), aliases=("户数",))] = Field(
        default=None, ge=0, le=1_000_000, title=msg("Households")
    )
    residents: Annotated[int | None, Shown(unit=msg("people"), aliases=("人数", "人口"))] = Field(
        default=None, ge=0, le=10_000_000, title=msg("Residents")
    )
    sites: tuple[Annotated[str, Field(max_length=LINE)], ...] = Field(
        default=(), max_length=200, title=msg("Sites"), description=msg("Places in the grid, such as a park or a yard")
    )
    boundary: Annotated[tuple[Point, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=2000, title=msg("Outline")
    )
    remark: Annotated[str | None, Shown(long=True)] = Field(default=None, max_length=PAGE, title=msg("Remark"))


class Tier(Choice):
    """The three tiers of the safety network, and the grid's own posts (source document, section 2.2)."""

    STREET = "street", msg("Street: full-time supervisor"), "镇街专职安全监管员"
    COMMUNITY = "community", msg("Community: safety assistant"), "社区安全协管员"
    GROUP = "group", msg("Group: safety officer"), "小组安全员"
    GRID_LEAD = "grid_lead", msg("Grid director"), "网格主任", "片区主任"
    GROUP_LEADER = "group_leader", msg("Residents' group leader"), "居民小组长"


class Tenure(Part):
    """Somebody's time in a post, whose last day is known."""

    holder_id: str = Field(min_length=1, max_length=64, title=msg("Holder"))
    since: date | None = Field(default=None, title=msg("Since"))
    until: date = Field(title=msg("Until"))

    @field_validator("until")
    @classmethod
    def _in_order(cls, value: date, info: ValidationInfo) -> date:
        return _in_order(value, info)

    def covers(self, day: date) -> bool:
        """Whether a day lies in it."""
        return (self.since is None or self.since <= day) and day <= self.until


def _in_order(until: date, info: ValidationInfo) -> date:
    since = info.data.get("since")
    if since and until < since:
        raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
    return until


class Post(Record):
    """A post that should be filled, who fills it and who did before. A vacant post has no holder; one that was never
    filled is vacant ``since`` it should be there."""

    collection = "posts"
    title = msg("Posts")
    name_field = "tier"
    indexes = (Index(("community_id", "grid_id", "tier"), "posts required and filled by grid and tier"),)
    stirred = ("updated_at",)
    traced = frozenset({"holder_id", "since", "until", "history"})

    tier: Tier = Field(title=msg("Post"))
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格",))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    holder_id: Annotated[str | None, Ref(to="people", aliases=("任职人",))] = Field(
        default=None, max_length=64, title=msg("Holder")
    )
    since: Annotated[date | None, Day()] = Field(
        default=None, ge=date(1950, 1, 1), le=date(2100, 12, 31), title=msg("Since")
    )
    until: Annotated[date | None, Day()] = Field(
        default=None,
        ge=date(1950, 1, 1),
        le=date(2100, 12, 31),
        title=msg("Until"),
        description=msg("Of a vacant post: when its last holder left"),
    )
    history: Annotated[tuple[Tenure, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Who held it before")
    )

    @field_validator("until")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        return value and _in_order(value, info)

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: a change of holder after the day had not been made; one up to it had, whenever somebody
        wrote it down."""
        day = day_then(moment, zone)
        known = [each for each in (document.get("since"), document.get("until")) if each is not None]
        first = min(
            [*known, *(each.get("since") or datetime.min.replace(tzinfo=UTC) for each in document.get("history", ()))],
            default=None,
        )
        if entered_later(document, moment) and (first is None or first > day):
            return None
        return rewound(document, was) if any(each > day for each in known) else dict(document)

    def holder_on(self, day: date) -> str | None:
        """Who fills it on a day, or filled it then."""
        began, lasts = self.since is None or self.since <= day, self.until is None or day <= self.until
        if self.holder_id and began and lasts:
            return self.holder_id
        return next((past.holder_id for past in reversed(self.history) if past.covers(day)), None)

    def held_between(self, first: date, last: date) -> dict[str, date]:
        """Who filled it on some day from ``first`` to ``last``, and the last such day of each."""
        found: dict[str, date] = {}
        own = [(self.holder_id, self.since, self.until)] if self.holder_id else []
        for holder, since, until in (*((each.holder_id, each.since, each.until) for each in self.history), *own):
            ended = min(until or last, last)
            if ended >= first and (since is None or since <= ended):
                found[holder] = max(ended, found.get(holder, ended))
        return found

    def vacant_since(self, day: date) -> date | None:
        """The last day it was filled before ``day``, or when one that was never filled should have been; None where
        nobody noted that."""
        if self.holder_id and (self.since is None or self.since <= day) and not (self.until and self.until <= day):
            return None  # its holder is gone, and nobody wrote since when
        ended = [past.until for past in self.history if past.until <= day]
        ended += [self.until] if self.until and self.until <= day else []
        if not ended and not self.holder_id and not self.until and self.since and self.since <= day:
            return self.since
        return max(ended, default=None)

    def known_on(self, day: date) -> bool:
        """Whether the entry tells who filled it on a day of the past, or that nobody did."""
        if self.history:
            return self.history[0].since is None or self.history[0].since <= day
        if self.holder_id:
            return self.since is None or self.since <= day
        first = self.until or self.since
        return first is not None and first < day


GRID_POSTS: Mapping[Tier, int] = MappingProxyType({Tier.GRID_LEAD: 1, Tier.GROUP_LEADER: 2})
"""Posts every grid needs (source document, section 2.2: one director, two residents' group leaders)."""

SAFETY_TIERS = (Tier.STREET, Tier.COMMUNITY, Tier.GROUP)
"""The safety network, each tier of which must reach every grid (section 2.2). A street or community post without a
grid reaches all of them."""


# --- commands: the community
def found_community(store: Store, actor: Actor, values: Mapping[str, Any], *, key: str | None = None) -> Community:
    """Enter a community. Raises Invalid, Duplicate, Refused."""
    return store.insert(actor, new_community(values), key=key)


def new_community(values: Mapping[str, Any]) -> Community:
    """A community that is not entered yet; its id is its own ``community_id``. Raises Invalid."""
    id = str(ObjectId())
    return build(Community, {**values, "id": id, "community_id": id})


def edit_community(
    store: Store, actor: Actor, community_id: str, revision: int, changes: Mapping[str, Any]
) -> Community:
    """Change the community's settings. A new time zone cuts what is entered from now on; for the past the counters are
    to be rebuilt. Raises Invalid, Conflict, Refused."""
    changed = store.update(actor, Community, community_id, community_id, revision, changes)
    store.forget_zone(community_id)
    return changed


# --- commands: grids
def add_grid(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Grid:
    """Add a grid with the one person who answers for it. Raises Invalid, Duplicate, Refused."""

    def work(write: Write) -> Grid:
        grid = write.insert(build(Grid, {**values, "community_id": community_id}))
        _require_responsible(write, grid)
        return grid

    return store.write(actor, work, key=key)


def edit_grid(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Grid:
    """Change a grid; its responsible person can be exchanged but not left out. Raises Invalid, Duplicate, Conflict,
    NotFound, Refused."""

    def work(write: Write) -> Grid:
        before = write.read(Grid, community_id, id)
        grid = write.update(Grid, community_id, id, revision, changes)
        if grid.responsible_id != before.responsible_id:
            _require_responsible(write, grid)
        return grid

    return store.write(actor, work)


def remove_grid(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a grid; raises InUse while posts, facilities, work or activities name it."""
    store.delete(actor, Grid, community_id, id, revision)


def _require_responsible(write: Write, grid: Grid) -> None:
    if not grid.responsible_id:
        raise Invalid({"responsible_id": Message(msg("Every grid has exactly one responsible person. Choose who."))})
    _require_active(write, grid.community_id, grid.responsible_id, "responsible_id")


def _require_active(write: Write, community_id: str, person_id: str, field: str) -> None:
    where = {"_id": person_id, "community_id": community_id, "active": False}
    if any(write.store.documents(Person, where, session=write.session)):
        raise Invalid({field: Message(msg("This person is not active any more. Choose another."))})


# --- commands: posts
def add_post(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Post:
    """Enter a post, filled or vacant. A grid has one director at a time, who answers for it from then on. Raises
    Invalid, Refused."""

    def work(write: Write) -> Post:
        post = write.insert(build(Post, {**values, "community_id": community_id}))
        _settle(write, post)
        return post

    return store.write(actor, work, key=key)


def edit_post(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Post:
    """Put a post's entry right, which is no change of holder: nothing enters its history. Raises Invalid, Conflict,
    NotFound, Refused."""

    def work(write: Write) -> Post:
        before = write.read(Post, community_id, id)
        until, wanted = changes.get("until"), dict(changes)
        vacant = before.holder_id is None and changes.get("holder_id") is None
        if vacant and before.history and isinstance(until, date) and until != before.until:
            wanted["history"] = (*before.history[:-1], _ended(before.history[-1], until))
        return _change(write, before, revision, wanted)

    return store.write(actor, work)


def _change(write: Write, before: Post, revision: int, changes: Mapping[str, Any]) -> Post:
    post = write.update(Post, before.community_id, before.id, revision, changes)
    if (post.tier, post.grid_id, post.holder_id) != (before.tier, before.grid_id, before.holder_id):
        _settle(write, post)
    return post


def _ended(tenure: Tenure, until: date) -> Tenure:
    return build(Tenure, {**dict(tenure), "until": until})


def appoint(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, holder_id: str, since: date
) -> Post:
    """Give a post to somebody from a day on; whoever held it leaves it the day before and enters its history. Raises
    Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Post:
        before = write.read(Post, community_id, id)
        past = list(before.history)
        if before.holder_id:
            eve = since - timedelta(days=1)
            last = min(before.until, eve) if before.until else eve
            past.append(_tenure(before, last, "since"))
        elif past and past[-1].until > since:
            if past[-1].since and past[-1].since > since:
                raise _began_later(past[-1].since, "since")
            past[-1] = _ended(past[-1], since)
        changes = {"holder_id": holder_id, "since": since, "until": None, "history": tuple(past)}
        return _change(write, before, revision, changes)

    return store.write(actor, work)


def vacate(store: Store, actor: Actor, community_id: str, id: str, revision: int, *, on: date) -> Post:
    """The holder leaves and enters the post's history; ``on`` is the last day, which may lie ahead: until then the post
    is filled. Of a vacant post it is put right. The grid keeps its responsible person until another is named. Raises
    Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Post:
        before = write.read(Post, community_id, id)
        past = before.history
        if before.holder_id:
            past = (*past, _tenure(before, on, "until"))
        elif past:
            past = (*past[:-1], _ended(past[-1], on))
        return _change(write, before, revision, {"holder_id": None, "until": on, "history": past})

    return store.write(actor, work)


def _tenure(post: Post, last: date, field: str) -> Tenure:
    """The present holder's time, ended; a problem beside ``field`` when it had not begun by then."""
    if post.since and last < post.since:
        raise _began_later(post.since, field)
    return build(Tenure, {"holder_id": post.holder_id, "since": post.since, "until": last})


def _began_later(since: date, field: str) -> Invalid:
    text = msg("Whoever holds it began on {since}. Choose a later day, or correct the entry.")
    return Invalid({field: Message(text, {"since": since.isoformat()})})


def remove_post(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a post that should not be there; a post without a holder is vacated instead."""
    store.delete(actor, Post, community_id, id, revision)


def _settle(write: Write, post: Post) -> None:
    """What must hold after a post was filled: grid posts have a grid, a grid one director, who answers for it."""
    if post.tier in GRID_POSTS and not post.grid_id:
        raise Invalid({"grid_id": Message(msg("This post belongs to a grid. Choose which."))})
    if not post.holder_id:
        return
    _require_active(write, post.community_id, post.holder_id, "holder_id")
    alike = {"community_id": post.community_id, "tier": str(post.tier), "grid_id": post.grid_id}
    same = {**alike, "holder_id": post.holder_id, "_id": Is(ne=post.id)}
    if any(write.store.documents(Post, same, session=write.session, limit=1)):
        raise Invalid({"holder_id": Message(msg("This person holds such a post here already. Choose another."))})
    if post.tier is not Tier.GRID_LEAD or not post.grid_id:
        return
    where = {"community_id": post.community_id, "grid_id": post.grid_id, "tier": str(Tier.GRID_LEAD)}
    others = write.store.documents(Post, {**where, "_id": Is(ne=post.id)}, session=write.session)
    if any(Post.from_document(other).holder_on(post.since or write.at.date()) for other in others):
        raise Invalid({"holder_id": Message(msg("This grid has a director. Vacate that post first."))})
    grid = write.read(Grid, post.community_id, post.grid_id)
    if grid.responsible_id != post.holder_id:
        write.update(Grid, post.community_id, grid.id, grid.revision, {"responsible_id": post.holder_id})


# --- queries
def community(store: Store, actor: Actor, community_id: str) -> Community:
    """The community with its settings. Raises NotFound, Refused."""
    return store.get(actor, Community, community_id, community_id)


def grids(store: Store, actor: Actor, community_id: str) -> list[Grid]:
    """The grids within the actor's reach, in the order people count them (2 before 10)."""
    return sorted(store.find(actor, Grid, community_id, limit=5000), key=lambda grid: _counted(grid.code))


def grid_names(store: Store, actor: Actor, community_id: str) -> dict[str, str]:
    """Name by id of the grids within the actor's reach, in the order people count them: for filters and pickers."""
    found = store.aggregate(actor, Grid, community_id, [{"$project": {"code": 1, "name": 1}}, {"$limit": 5000}])
    return {grid["_id"]: grid["name"] for grid in sorted(found, key=lambda grid: _counted(grid["code"]))}


def _counted(code: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", code) if part]


def posts(store: Store, actor: Actor, community_id: str) -> list[Post]:
    """The posts within the actor's reach and, for everybody, those of the whole community: they reach every grid."""
    require(actor, Operation.READ, Post.collection)
    where = _posts_in_reach(actor, community_id)
    found = store.documents(Post, where, sort=[("grid_id", 1), ("tier", 1), ("_id", 1)], limit=20_000)
    return [Post.from_document(document) for document in found]


def _posts_in_reach(actor: Actor, community_id: str) -> dict[str, Any]:
    seen = reach(actor, community_id)
    return {"community_id": community_id} | ({} if seen is None else {"grid_id": Is(among=[*sorted(seen), None])})


@dataclass(frozen=True)
class Setting:
    """What a community consists of, within the actor's reach: what most questions need beside their own figures."""

    community: Community
    grids: tuple[Grid, ...]
    """In the order people count them."""
    posts: tuple[Post, ...]
    names: Mapping[str, str]
    """Everybody's name by id, active first, by name."""
    gone: frozenset[str]
    """Those no longer active."""
    secretary: str = ""
    """Who answers for what nobody else does, by name; "" where nobody is known to."""
    also: tuple[Sequence[dict[str, Any]], ...] = ()
    """Documents of what was wanted besides."""

    def of(self, grids: frozenset[str] | None) -> "Setting":
        """The same of some grids (None: all) as whoever has the charge of these alone is told it."""
        if grids is None:
            return self
        there = tuple(grid for grid in self.grids if grid.id in grids)
        return replace(self, grids=there, posts=tuple(post for post in self.posts if post.grid_id in {None, *grids}))

    @property
    def acting(self) -> Mapping[str, str]:
        """The names of those who are active: who can be asked to do something."""
        return {id: name for id, name in self.names.items() if id not in self.gone}

    def holder_of(self, post: Post, on: date) -> str | None:
        """Who fills a post on a day: nobody where its present holder is no longer active; whose last day is noted held
        it until then, gone since or not."""
        holder = post.holder_on(on)
        return None if holder in self.gone and holder == post.holder_id else holder


def setting(store: Store, actor: Actor, community_id: str, *, also: Sequence[Wanted | Counters] = ()) -> Setting:
    """Community, grids, posts and people, and what is wanted ``also``, in one command. Raises NotFound, Refused,
    Unavailable."""
    return setting_of(store.together(actor, community_id, [*setting_wanted(actor, community_id), *also]))


def setting_wanted(actor: Actor, community_id: str) -> list[Wanted]:
    """What ``setting`` reads."""
    held = Wanted(Post, _posts_in_reach(actor, community_id))
    return [*HOME, held, Wanted(Person, fields=("name", "active", "kind", "job"))]


HOME = (Wanted(Community), Wanted(Grid))
"""What ``home_of`` is made from."""


def home_of(found: Sequence[Sequence[dict[str, Any]]]) -> Setting:
    """Community and grids alone, from what is wanted for ``HOME``, and what was wanted besides. Raises NotFound."""
    own, there, *others = found
    return setting_of([own, there, (), (), *others])


def setting_of(found: Sequence[Sequence[dict[str, Any]]]) -> Setting:
    """The setting from what was ``setting_wanted``, and what was wanted besides. Raises NotFound."""
    own, there, held, known, *others = found
    known = sorted(known, key=lambda person: (not person.get("active", True), person["name"]))
    if not own:
        raise NotFound(msg("This record is not there any more, or not in your charge."))
    return Setting(
        Community.from_document(own[0]),
        tuple(sorted(map(Grid.from_document, there), key=lambda grid: _counted(grid.code))),
        tuple(sorted(map(Post.from_document, held), key=lambda post: post.id)),
        {person["_id"]: person["name"] for person in known},
        frozenset(person["_id"] for person in known if not person.get("active", True)),
        next((person["name"] for person in known if person.get("active", True) and is_secretary(person)), ""),
        tuple(others),
    )


# --- metrics
LOAD = declare(
    Metric(
        key="G8",
        title=msg("Spread of the load between grids"),
        short=msg("Load spread"),
        unit="times",
        of=("grids",),
        formula=msg("Households of the largest grid ÷ mean households per grid"),
        source=msg("Derived from the source document, section 2.1: 3,034 households in 5 grids"),
        target=Target(high=1.2),
        minimum_n=2,
        page="grids",
    )
)
POSTS = declare(
    Metric(
        key="G9",
        stock=True,
        title=msg("Posts filled"),
        short=msg("Posts filled"),
        unit="percent",
        of=("posts",),
        formula=msg("Filled ÷ required posts: each grid one director and two residents' group leaders"),
        source=msg("Derived from the source document, section 2.2"),
        target=Target(low=1.0),
        minimum_n=1,
        page="grids",
    )
)
COVERAGE = declare(
    Metric(
        key="S2",
        stock=True,
        title=msg("Three-tier safety coverage"),
        short=msg("Safety cover"),
        unit="percent",
        of=("posts", "grids"),
        formula=msg("Tier × grid cells with a named current officer ÷ all cells; tiers: street, community, group"),
        source=msg("Derived from the source document, section 2.2"),
        target=Target(low=1.0),
        minimum_n=1,
        page="grids",
    )
)


def load(grids: Sequence[Grid]) -> Value:
    """G8 over the grids whose households are known; ``detail`` is the mean number of households."""
    known = [grid.households for grid in grids if grid.households is not None]
    mean = ratio(sum(known), len(known))
    return Value(LOAD, ratio(max(known), mean) if mean else None, len(known), detail=mean)


@dataclass(frozen=True)
class Vacancy:
    """A required post that nobody fills on the day asked for. ``post_id`` is None where the post is not even
    registered; ``since`` and ``days`` are None where nobody wrote when it fell vacant."""

    tier: Tier
    grid_id: str | None
    post_id: str | None
    since: date | None
    days: int | None


@dataclass(frozen=True)
class Staffing:
    """Posts required and filled, and the safety network's cover, on one day."""

    filled: Value
    """G9"""
    coverage: Value
    """S2"""
    by_grid: Mapping[str, tuple[int, int]]
    """Grid -> posts of the grid that are filled, and required; a surplus in one grid hides no gap in another."""
    by_tier: Mapping[Tier, tuple[int, int]]
    """Tier -> posts filled, and required: one street and one community post, one safety officer a grid, and what is
    registered beyond."""
    cells: Mapping[tuple[Tier, str], tuple[str, ...]]
    """(safety tier, grid) -> ids of the officers who reach it; empty is a gap."""
    vacancies: tuple[Vacancy, ...]
    """Longest known first."""
    before: Mapping[Tier, int] | None = None
    """How many of each tier were vacant at the end of the month three months before; None where that was not asked for,
    or nobody noted who held some post then."""

    @property
    def vacant(self) -> Mapping[Tier, int]:
        """How many posts of each tier are vacant."""
        return Counter(vacancy.tier for vacancy in self.vacancies)

    @property
    def gaps(self) -> tuple[tuple[Tier, str], ...]:
        """The cells without an officer."""
        return tuple(cell for cell, officers in self.cells.items() if not officers)


@judged
def staffing(store: Store, actor: Actor, community_id: str, *, on: date, within: Setting | None = None) -> Staffing:
    """Who fills which post on a day, over the grids within the actor's reach (``within``: if that was read already).
    Raises NotFound, Refused, Unavailable.

    A post whose holder is no longer active counts as vacant.
    """
    return _staffed(within or setting(store, actor, community_id), on)


@dataclass(frozen=True)
class PostsOnDay:
    """How the posts stood on a day, with the months up to it as the series of both values: a month in which nobody
    noted who held some post is no data."""

    on: date
    staffing: Staffing
    filled: Value
    coverage: Value
    posts: tuple[Post, ...]
    grids: tuple[Grid, ...]
    names: Mapping[str, str]
    """Everybody's name by id."""
    secretary: str
    """As ``Setting.secretary``."""


@judged
def posts_on(store: Store, actor: Actor, community_id: str, period: Period, *, today: date) -> PostsOnDay:
    """Who filled which post at the end of a period, or today while it lasts? Raises NotFound, Refused, Unavailable."""
    within = setting(store, actor, community_id)
    on = min(period.last, today)
    now = staffing_over_time(within, on, today)
    return PostsOnDay(on, now, now.filled, now.coverage, within.posts, within.grids, within.names, within.secretary)


def staffing_over_time(within: Setting, on: date, today: date) -> Staffing:
    """``staffing`` of a day with the months up to it as the course of both values, and what was vacant before. Pure."""
    before: Mapping[Tier, int] | None = None
    filled: list[tuple[str, float | None]] = []
    cover: list[tuple[str, float | None]] = []
    now = _staffed(within, on)
    shares = {frozenset(_holders(within, on)): now}  # both rest on which posts are held alone, and months are alike
    months = last_months(on, 12)
    for month in months:
        day = min(Period.of(month).last, on)
        then = None
        if day >= today or all(post.known_on(day) for post in within.posts):
            held = frozenset(_holders(within, day))
            then = shares[held] = shares.get(held) or _staffed(within, day)
        if month == months[-4]:
            before = then.vacant if then else None
        filled.append((month, then.filled.value if then else None))
        cover.append((month, then.coverage.value if then else None))
    of_posts, of_network = replace(now.filled, series=filled), replace(now.coverage, series=cover)
    return replace(now, filled=of_posts, coverage=of_network, before=before)


def _holders(within: Setting, on: date) -> dict[str, str]:
    """Post id -> who fills it on a day, of those that somebody does."""
    return {post.id: holder for post in within.posts if (holder := within.holder_of(post, on))}


def _staffed(within: Setting, on: date) -> Staffing:
    there, grid_ids = within.posts, [grid.id for grid in within.grids]
    holders = _holders(within, on)
    by_place: dict[tuple[Tier, str | None], list[Post]] = defaultdict(list)
    for post in there:
        by_place[post.tier, post.grid_id].append(post)

    cells: dict[tuple[Tier, str], tuple[str, ...]] = {}
    for tier in SAFETY_TIERS:
        for grid in grid_ids:
            own = [grid] if tier is Tier.GROUP else [grid, None]
            officers = (holders[post.id] for place in own for post in by_place[tier, place] if post.id in holders)
            cells[tier, grid] = tuple(dict.fromkeys(officers))

    by_grid, by_tier = dict.fromkeys(grid_ids, (0, 0)), dict.fromkeys(Tier, (0, 0))
    vacancies: list[Vacancy] = []

    def count(tier: Tier, where: Sequence[str | None], needed: int) -> tuple[int, int]:
        own = [post for place in where for post in by_place[tier, place]]
        required = needed if tier in GRID_POSTS else max(needed, len(own))
        empty = [post for post in own if post.id not in holders]
        filled = min(len(own) - len(empty), required)
        by_tier[tier] = by_tier[tier][0] + filled, by_tier[tier][1] + required
        vacancies.extend(_vacancies(tier, where[0], empty, required - filled, on))
        return filled, required

    for grid in grid_ids:
        pairs = [count(tier, [grid], needed) for tier, needed in GRID_POSTS.items()]
        by_grid[grid] = sum(filled for filled, _ in pairs), sum(required for _, required in pairs)
        count(Tier.GROUP, [grid], 1)
    for tier in (Tier.STREET, Tier.COMMUNITY):
        count(tier, [None, *grid_ids], 1 if grid_ids else 0)

    filled, required = (sum(pair[place] for pair in by_grid.values()) for place in (0, 1))
    covered = sum(bool(officers) for officers in cells.values())
    return Staffing(
        filled=Value(POSTS, ratio(filled, required), required),
        coverage=Value(COVERAGE, ratio(covered, len(cells)), len(cells)),
        by_grid=by_grid,
        by_tier=by_tier,
        cells=cells,
        vacancies=tuple(sorted(vacancies, key=lambda vacancy: -(vacancy.days or 0))),
    )


def _vacancies(tier: Tier, grid_id: str | None, empty: Sequence[Post], missing: int, on: date) -> list[Vacancy]:
    """One entry for each missing post: the registered empty ones first, longest empty first."""
    found = []
    for post in sorted(empty, key=lambda post: post.vacant_since(on) or date.max)[:missing]:
        since = post.vacant_since(on)
        found.append(Vacancy(tier, post.grid_id or grid_id, post.id, since, (on - since).days if since else None))
    return found + [Vacancy(tier, grid_id, None, None, None)] * (missing - len(found))
