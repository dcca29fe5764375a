"""Which meetings a year requires, in which days, and how each of them stands. Pure: no I/O.

The source document (section 2.2) asks for one at the start of each month, one at the end of each quarter, one at the
start of each year: 12 + 4 + 1. It gives no days; these are the community's, in its working days, so that a holiday
moves them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from repository.grids import Community
from repository.meetings.records import REQUIRED, MeetingKind, MeetingStatus
from repository.metrics import Period
from repository.record import Choice, far_away
from repository.words import msg
from repository.worktime import Worktime


@dataclass(frozen=True)
class Days:
    """Working days in which a required meeting is in time: the first of a month, the last of a quarter, the first of a
    year. Ours, unless the community says otherwise."""

    month: int = int(Community.model_fields["month_meeting_days"].default)
    quarter: int = int(Community.model_fields["quarter_meeting_days"].default)
    year: int = int(Community.model_fields["year_meeting_days"].default)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Days":
        """As a community's document tells them."""
        own = {name: told.get(f"{name}_meeting_days") for name in ("month", "quarter", "year")}
        return cls(**{name: days for name, days in own.items() if days})


OURS = Days()


class CellState(Choice):
    """How a required meeting stands."""

    IN_TIME = "in_time", msg("Held in time")
    LATE = "late", msg("Held late")
    EARLY = "early", msg("Held too early")
    MISSING = "missing", msg("Not held")
    DUE = "due", msg("Due now")
    COMING = "coming", msg("To come")
    BEFORE = "before", msg("Before records began")


DECIDED = frozenset({CellState.IN_TIME, CellState.LATE, CellState.EARLY, CellState.MISSING})
"""The states metric T1 counts: what is settled."""


@dataclass(frozen=True)
class Required:
    """A meeting that must be held from ``first`` to ``last``, both included; ``opens`` is the first working day of
    these. ``provisional``: the year's holidays are not announced yet, so the days may move."""

    kind: MeetingKind
    period: str
    first: date
    last: date
    opens: date
    provisional: bool = False


@dataclass(frozen=True)
class Held:
    """As much of a meeting as the calendar needs."""

    id: str
    name: str
    kind: MeetingKind
    period: str | None
    day: date
    status: MeetingStatus
    time: str | None = None


@dataclass(frozen=True)
class Cell:
    """One required meeting: how it stands, and the meeting that was held or is planned for it."""

    required: Required
    state: CellState
    meeting: Held | None = None

    @property
    def days_late(self) -> int:
        """Days after the window's end on which it was held."""
        held = self.meeting is not None and self.meeting.status is MeetingStatus.HELD
        return max(0, (self.meeting.day - self.required.last).days) if held and self.meeting else 0


def window(kind: MeetingKind, period: str, times: Worktime, days: Days = OURS) -> Required:
    """The days in which the required meeting of a period must be held."""
    span = Period.of(period)
    if kind is MeetingKind.QUARTERLY:
        first, last = _working_day(span.last, -1, days.quarter, times), span.last
    else:
        wanted = days.month if kind is MeetingKind.MONTHLY else days.year
        first, last = span.first, _working_day(span.first, 1, wanted, times)
    return Required(kind, period, first, last, _working_day(first, 1, 1, times), times.provisional(first))


def _working_day(start: date, step: int, wanted: int, times: Worktime) -> date:
    """The ``wanted``-th working day from ``start`` on, forwards or backwards; a calendar without working days ends."""
    day = start
    for _ in range(120):
        wanted -= times.works_on(day)
        if wanted == 0:
            break
        day += timedelta(days=step)
    return day


def required(year: int, times: Worktime, days: Days = OURS) -> Sequence[Required]:
    """All of a year: the leading group's, then the months and quarters in order of their windows."""
    return _required(year, tuple(sorted(times.own.items())), times.zone, days)


@lru_cache(maxsize=512)  # each reading of a calendar asks for some years, of which the days hardly ever change
def _required(year: int, own: tuple[tuple[date, bool], ...], zone: ZoneInfo, days: Days) -> Sequence[Required]:
    times = Worktime(zone, (), dict(own))  # whole days are asked for only
    found = [window(MeetingKind.ANNUAL, f"{year:04d}", times, days)]
    for month in range(1, 13):
        found.append(window(MeetingKind.MONTHLY, f"{year:04d}-{month:02d}", times, days))
        if month % 3 == 0:
            found.append(window(MeetingKind.QUARTERLY, f"{year:04d}Q{month // 3}", times, days))
    return tuple(found)


def began(meetings: Iterable[Held]) -> date | None:
    """The first day from which meetings are on record; None where there are none. A mistyped year begins nothing."""
    return min((each.day for each in meetings if each.kind in REQUIRED and not far_away(each.day)), default=None)


def cell(need: Required, meetings: Iterable[Held], today: date, since: date | None) -> Cell:
    """How a required meeting stands on ``today``, by the ``meetings`` for its period. Of several the first one held in
    the window counts, else the first one held, else the next one planned. Nothing is owed from before ``since``."""
    own = sorted(meetings, key=_when)
    held = [each for each in own if each.status is MeetingStatus.HELD and each.day <= today]
    if held:
        best = next((each for each in held if need.first <= each.day <= need.last), held[0])
        if best.day > need.last:
            return Cell(need, CellState.LATE, best)
        return Cell(need, CellState.EARLY if best.day < need.first else CellState.IN_TIME, best)
    planned = next((each for each in own if each.status is MeetingStatus.PLANNED), None)
    if need.last < today:
        owed = since is not None and need.last >= since
        return Cell(need, CellState.MISSING if owed or planned else CellState.BEFORE, planned)
    return Cell(need, CellState.COMING if today < need.first else CellState.DUE, planned)


def _when(each: Held) -> tuple[date, str]:
    return each.day, each.time or ""


def cells(year: int, meetings: Sequence[Held], times: Worktime, today: date, days: Days = OURS) -> list[Cell]:
    """The year's calendar."""
    since, own = began(meetings), defaultdict[tuple[MeetingKind, str | None], list[Held]](list)
    for each in meetings:
        own[each.kind, each.period].append(each)
    return [cell(need, own[need.kind, need.period], today, since) for need in required(year, times, days)]


def settled(found: Iterable[Cell], first: date, last: date) -> Iterator[Cell]:
    """The cells that metric T1 counts in a period: settled, with the last day of their window in it."""
    return (each for each in found if each.state in DECIDED and first <= each.required.last <= last)
