"""Working time: when the clock of a promise runs. Working hours by weekday, Chinese public holidays and the weekends
worked for them (调休), and a community's own exceptions.

The State Council announces a year's holidays late in the year before; ``chinese_calendar`` knows those announced.
Beyond them, and before an editor has entered the year, only weekends are known and the calendar is provisional, which
every answer that rests on it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from repository.access import Actor
from repository.filters import Is
from repository.grids import Community, Span
from repository.record import Day, Index, Record, Shown, day_then, entered_later, rewound
from repository.store import Duplicate, Store, Write, build
from repository.words import msg

FARTHEST = 3660
"""Days that ``after`` looks ahead at most: a calendar without a single working day ends there."""


class SpecialDay(Record):
    """One day on which a community works, or does not, against the rule; it overrules the announced holidays."""

    collection = "special_days"
    title = msg("Holidays and make-up workdays")
    name_field = "day"
    grid_field = None
    natural_key = ("day",)
    indexes = (Index(("community_id", "day"), "a day is entered once", unique=True),)
    stirred = ("updated_at",)
    ends_removed = True
    traced = frozenset({"day", "working", "name"})

    day: Annotated[date, Day(aliases=("日期",))] = Field(ge=date(2000, 1, 1), le=date(2100, 12, 31), title=msg("Day"))
    working: Annotated[bool, Shown(aliases=("是否工作日",))] = Field(default=False, title=msg("Working day"))
    name: Annotated[str | None, Shown(aliases=("名称", "节日"))] = Field(default=None, max_length=60, title=msg("Name"))

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's, of a day that was still to come: of one that had come, what is said last is right, and
        what is taken back never was."""
        if document["day"] <= day_then(moment, zone):
            return None if "day" in was else {**document}  # of one that was taken out the trail tells all
        return None if entered_later(document, moment) else rewound(document, was)


@dataclass(frozen=True)
class CalendarDay:
    """A day against the rule: whether it is worked, what it is called, and whether the community entered it itself."""

    day: date
    working: bool
    name: str | None
    own: bool
    id: str | None = None
    revision: int = 0


@cache
def _announced() -> Mapping[date, tuple[bool, str]]:
    """Every announced day against the rule: working or not, and what for."""
    from chinese_calendar import Holiday, constants

    words = {each.value: each.chinese for each in Holiday}
    days = {day: (False, words.get(name, name)) for day, name in constants.holidays.items()}
    return days | {day: (True, words.get(name, name)) for day, name in constants.workdays.items()}


@cache
def announced_until() -> int:
    """The last year whose holidays are known."""
    return max(_announced()).year


@dataclass(frozen=True)
class Worktime:
    """When one community works. Pure: no I/O, the same answer for the same arguments.

    ``hours`` are the spans of a working day, in order and apart; ``own`` the community's exceptions by day.
    """

    zone: ZoneInfo
    hours: tuple[Span, ...]
    own: Mapping[date, bool] = field(default_factory=dict)

    def works_on(self, day: date) -> bool:
        """Is this a working day?"""
        if (told := self.own.get(day)) is not None:
            return told
        if (known := _announced().get(day)) is not None:
            return known[0]
        return day.weekday() < 5

    def provisional(self, day: date) -> bool:
        """Are the holidays of this day's year not known yet, neither announced nor entered?"""
        return day.year > announced_until() and not any(each.year == day.year for each in self.own)

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """The working hours of a day, as moments."""
        if not self.works_on(day):
            return []
        return [(self._at(day, span.begins), self._at(day, span.ends)) for span in self.hours]

    def _at(self, day: date, minute: int) -> datetime:
        local = datetime.combine(
            day + timedelta(days=minute // 1440), time(minute % 1440 // 60, minute % 60), self.zone
        )
        return local.astimezone(UTC)

    def after(self, start: datetime, hours: float) -> datetime:
        """The moment at which ``hours`` of working time have passed since ``start``; the first one, so that a promise
        ends in the evening and not on the next morning. Without any working day it is FARTHEST days later."""
        left = timedelta(hours=hours)
        day = start.astimezone(self.zone).date()
        if left <= timedelta(0):
            return start
        for _ in range(FARTHEST):
            for begins, ends in self.spans(day):
                counted = ends - max(begins, start)
                if counted <= timedelta(0):
                    continue
                if left <= counted:
                    return ends - counted + left
                left -= counted
            day += timedelta(days=1)
        return start + timedelta(days=FARTHEST)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from ``start`` to ``end``; nothing if ``end`` comes first."""
        total = timedelta(0)
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            for begins, ends in self.spans(day):
                total += max(timedelta(0), min(ends, end) - max(begins, start))
            day += timedelta(days=1)
        return total


# --- queries
def worktime(store: Store, actor: Actor, community_id: str, *, community: Community | None = None) -> Worktime:
    """When this community works. ``community``: if it was read already. Raises Refused, Unavailable."""
    if community is None:
        found = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
        community = found[0] if found else None
    hours = community.working_hours if community else Community.model_fields["working_hours"].default
    own = store.aggregate(actor, SpecialDay, community_id, [{"$project": {"day": 1, "working": 1}}])
    return Worktime(store.zone(community_id), hours, {each["day"].date(): each["working"] for each in own})


def year(store: Store, actor: Actor, community_id: str, year: int) -> list[CalendarDay]:
    """The days of a year against the rule, announced and own, in order. Raises Refused, Unavailable."""
    first, last = datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, tzinfo=UTC)
    own = store.find(actor, SpecialDay, community_id, {"day": Is(gte=first, lte=last)}, limit=400)
    days = {
        day: CalendarDay(day, working, name, own=False)
        for day, (working, name) in _announced().items()
        if day.year == year
    }
    days |= {each.day: CalendarDay(each.day, each.working, each.name, True, each.id, each.revision) for each in own}
    return [days[day] for day in sorted(days)]


# --- commands
def set_day(
    store: Store, actor: Actor, community_id: str, day: date, *, working: bool, name: str | None = None
) -> SpecialDay:
    """Say that a day is worked or not, whatever was announced. Raises Invalid, Refused."""
    made = build(SpecialDay, {"community_id": community_id, "day": day, "working": working, "name": name or None})
    try:
        return store.insert(actor, made)
    except Duplicate:
        (there,) = store.find(actor, SpecialDay, community_id, {"day": made.to_document()["day"]}, limit=1)
        changes = {"working": working, "name": name or None}
        return store.update(actor, SpecialDay, community_id, there.id, there.revision, changes)


def drop_day(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> SpecialDay:
    """Take one's own word on a day back, and return it: what was announced holds again. Raises Conflict, NotFound,
    Refused."""

    def work(write: Write) -> SpecialDay:
        day = write.read(SpecialDay, community_id, id)
        write.delete(SpecialDay, community_id, id, revision)
        return day

    return store.write(actor, work)
