"""What a metric is: one declaration, one value type, five states; and the period a flow is measured over.

A metric is computed by exactly one query of its area; page, tooltip, digest and pack show that value with that n.
"""

import calendar
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from repository.record import Choice
from repository.words import Trouble, msg

MINIMUM_N = 5  # below it a value is shown greyed and left out of rankings (rule R2)


_KEY = re.compile(r"([1-8][0-9]{3})(?:-(0[1-9]|1[0-2])|Q([1-4]))?")
_RANGE = re.compile(r"([1-8][0-9]{3})-(0[1-9]|1[0-2])\.\.([1-8][0-9]{3})-(0[1-9]|1[0-2])")
LONGEST = 60
"""Months of a range, at most."""
Kind = Literal["month", "quarter", "year", "range", "ever"]
UNTOLD = msg("only whole months, quarters, years")
"""Why a number of different ones is missing: it is no sum, and of people it is told of whole periods alone (see
``disclosure``)."""


class PeriodTrouble(Trouble):
    """A period's spelling that means nothing."""


@dataclass(frozen=True)
class Period:
    """A span of whole calendar months in the community's time zone: a month, a quarter, a year, any other range of at
    most LONGEST months, or all there is.

    ``key`` is its spelling in links and counters: ``2026-04``, ``2026Q2``, ``2026``, ``2026-02..2026-06`` or ``ever``.
    A range that is a month, a quarter or a year is that: each span has one key. Flows of a range are the sums of its
    months; different people are told of months, quarters and years only, never of a range (see ``disclosure``).
    """

    key: str
    first: date
    last: date

    @classmethod
    @lru_cache(maxsize=1024)  # a page asks for the same months again and again
    def of(cls, key: str) -> "Period":
        """The period a key spells; raises PeriodTrouble. Its neighbours, and theirs, are periods too."""
        if key == "ever":
            return cls(key, date(1850, 1, 1), date(2100, 12, 31))
        if found := _KEY.fullmatch(key):
            year, month, quarter = int(found[1]), int(found[2] or 0), int(found[3] or 0)
            first, last = (month, month) if month else (3 * quarter - 2, 3 * quarter) if quarter else (1, 12)
            return cls._of_months(_number(year, first), _number(year, last))
        if found := _RANGE.fullmatch(key):
            begin, end = _number(int(found[1]), int(found[2])), _number(int(found[3]), int(found[4]))
            if begin <= end < begin + LONGEST:
                return cls._of_months(begin, end)
            raise PeriodTrouble(
                msg("{period} is no period: a range goes from a month to a later one, {most} months at most."),
                period=key[:40],
                most=LONGEST,
            )
        raise PeriodTrouble(
            msg("{period} is no period: write 2026-04, 2026Q2, 2026, 2026-02..2026-06 or ever."), period=key[:40]
        )

    @classmethod
    def _of_months(cls, begin: int, end: int) -> "Period":
        """From one month to another, numbered as ``_number`` does, under the key such a span has."""
        (year, month), length = divmod(begin, 12), end - begin + 1
        key = f"{_month(begin)}..{_month(end)}"
        if length == 1:
            key = _month(begin)
        elif length == 3 and month % 3 == 0:
            key = f"{year:04d}Q{month // 3 + 1}"
        elif length == 12 and month == 0:
            key = f"{year:04d}"
        last = calendar.monthrange(end // 12, end % 12 + 1)[1]
        return cls(key, date(year, month + 1, 1), date(end // 12, end % 12 + 1, last))

    @classmethod
    def containing(cls, kind: Kind, day: date) -> "Period":
        """The month, quarter or year a day lies in, or all time; KeyError for a range, which no day chooses."""
        keys = {
            "month": f"{day.year:04d}-{day.month:02d}",
            "quarter": f"{day.year:04d}Q{(day.month + 2) // 3}",
            "year": f"{day.year:04d}",
            "ever": "ever",
        }
        return cls.of(keys[kind])

    @property
    def kind(self) -> Kind:
        """Which of the five it is."""
        lengths: dict[int, Kind] = {7: "month", 6: "quarter", 16: "range"}
        return "ever" if self.key == "ever" else lengths.get(len(self.key), "year")

    @property
    def previous(self) -> "Period":
        """The one before, of as many months; ``ever`` has none and returns itself."""
        return self._moved(-self._length)

    @property
    def following(self) -> "Period":
        """The one after, of as many months."""
        return self._moved(self._length)

    @property
    def year_before(self) -> "Period":
        """The same one a year earlier."""
        return self._moved(-12)

    def _moved(self, by: int) -> "Period":
        if self.kind == "ever":
            return self
        begin = _number(self.first.year, self.first.month) + by
        return Period._of_months(begin, begin + self._length - 1)

    @property
    def _length(self) -> int:
        """In months."""
        return _number(self.last.year, self.last.month) - _number(self.first.year, self.first.month) + 1

    @property
    def months(self) -> list[str]:
        """Its months as ``2026-04``."""
        return months_between(self.first, self.last)

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """First moment and the moment after the last, in UTC."""
        start = datetime(self.first.year, self.first.month, 1, tzinfo=zone)
        after = self.last + timedelta(days=1)
        return start.astimezone(UTC), datetime(after.year, after.month, 1, tzinfo=zone).astimezone(UTC)

    def until(self, now: datetime) -> datetime:
        """The moment its stocks are read at: its end, or now while it lasts. In the zone of ``now``."""
        after = self.last + timedelta(days=1)
        return min(now, datetime(after.year, after.month, 1, tzinfo=now.tzinfo))


def _number(year: int, month: int) -> int:
    """Months counted on from the beginning of years."""
    return year * 12 + month - 1


@lru_cache(maxsize=4096)
def _month(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def months_between(first: date, last: date) -> list[str]:
    """The months from one day's to another's, both included, as ``2026-04``."""
    return list(map(_month, range(_number(first.year, first.month), _number(last.year, last.month) + 1)))


def whole_months(first: date, last: date) -> tuple[list[str], list[tuple[date, date]]]:
    """The calendar months that lie wholly between two days, both included, and the spans of days before and after
    them, at most two."""
    if first > last:
        return [], []
    begin = first if first.day == 1 else _month_after(first)
    end = last if (last + timedelta(days=1)).day == 1 else last.replace(day=1) - timedelta(days=1)
    if begin > end:
        return [], [(first, last)]
    rest = [(first, begin - timedelta(days=1)), (end + timedelta(days=1), last)]
    return months_between(begin, end), [span for span in rest if span[0] <= span[1]]


def _month_after(day: date) -> date:
    """The first day of the month after a day's."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def last_months(day: date, count: int) -> list[str]:
    """The ``count`` months that end with the one ``day`` lies in."""
    end = _number(day.year, day.month)
    return list(map(_month, range(end - count + 1, end + 1)))


class State(Choice):
    """How a value stands to its target."""

    ON_TARGET = "on_target", msg("On target")
    NEAR = "near", msg("Near")
    OFF_TARGET = "off_target", msg("Off target")
    ACCEPTED = "accepted", msg("Accepted deviation")
    UNKNOWN = "unknown", msg("Unknown")


class Direction(Choice):
    """Which way a figure is wanted."""

    HIGHER = "higher", msg("At least: higher is better")
    LOWER = "lower", msg("At most: lower is better")
    BAND = "band", msg("Within a band")
    NONE = "none", msg("No target")


@dataclass(frozen=True)
class Target:
    """What is wanted: at least, at most, or within. ``near`` is how far off still counts as near, as a share of the
    bound; ``near_low`` and ``near_high`` say it as the last figure that does."""

    low: float | None = None
    high: float | None = None
    near: float = 0.1
    near_low: float | None = None
    near_high: float | None = None

    @property
    def direction(self) -> Direction:
        """Which way it goes."""
        if self.low is None:
            return Direction.NONE if self.high is None else Direction.LOWER
        return Direction.HIGHER if self.high is None else Direction.BAND

    @property
    def edges(self) -> tuple[float | None, float | None]:
        """The lowest and the highest figure that still is near."""
        low, high = self.near_low, self.near_high
        if low is None and self.low is not None:
            low = self.low - self.near * (abs(self.low) or 1)
        if high is None and self.high is not None:
            high = self.high + self.near * (abs(self.high) or 1)
        return low, high


@dataclass(frozen=True)
class Metric:
    """One metric's declaration. ``formula`` and ``source`` are what its tooltip says."""

    key: str
    title: str
    short: str
    """At most seven characters in Chinese, fifteen in English: a tile's name."""
    # percent: a share, 0 to 1; times: a ratio; money: integer 分; lessons: hours of training (学时); service_hours: of
    # volunteers
    unit: Literal[
        "orders",
        "percent",
        "weeks",
        "hours",
        "items",
        "times",
        "people",
        "visits",
        "events",
        "formats",
        "posts",
        "organizations",
        "needs",
        "projects",
        "years",
        "money",
        "grade",
        "points",
        "lessons",
        "cases",
        "service_hours",
        "figures",
        "days",
    ]
    formula: str
    source: str
    target: Target | None = None
    """Where a community set none of its own."""
    minimum_n: int = MINIMUM_N
    page: str = "overview"
    """Where the list behind it is."""
    by_span: tuple[tuple[str, Target | None], ...] = ()
    """Where what is wanted differs for a month, a quarter, a year and all of time; of any other range nothing is wanted
    then, for none of these fits it."""
    follows: str = ""
    """What its target follows from, where that is no community's to set here."""
    of: tuple[str, ...] = ()
    """The collections it is counted from."""
    stock: bool = False
    """Whether it is of a moment, the same whatever period is looked at: its state is noted day by day then."""
    wholes: bool = False
    """Whether its course tells of each month the whole quarter or year that the month lies in, where such a period is
    looked at; it is held to what is wanted of one then."""

    def wanted(self, span: str) -> Target | None:
        """What is wanted of a month, a quarter, a year, a range or all of time, where a community set nothing."""
        return None if span == "range" and self.by_span else dict(self.by_span).get(span, self.target)


METRICS: dict[str, Metric] = {}
"""Every metric by its key."""


def declare(metric: Metric) -> Metric:
    """Enter a metric into the registry; a key stands for one definition only."""
    if METRICS.get(metric.key, metric) != metric:
        raise ValueError(f"metric {metric.key} is defined twice")
    METRICS[metric.key] = metric
    return metric


@dataclass(frozen=True)
class Accepted:
    """A deviation that somebody answers for until a day, that day included; ``since`` is when it was accepted."""

    since: date
    until: date
    reason: str
    by: str


@dataclass(frozen=True)
class Held:
    """What a value is held to on a day: the target as it stood, who accepted that it is missed, and what was wanted of
    single months before, as (from that day on, target), oldest first. See ``repository.targets``."""

    day: date
    target: Target | None
    accepted: Accepted | None = None
    course: tuple[tuple[date, Target | None], ...] = ()
    turns: tuple[tuple[date, State | None], ...] = ()
    """The days at whose end it was first noted in another state than the day before, oldest first, and that state; the
    first is where the notes begin."""

    def then(self, day: date) -> Target | None:
        """What was wanted of the month that ended on a day."""
        found = self.course[0][1] if self.course else self.target
        for begins, target in self.course:
            if begins <= day:
                found = target
        return found


REACTION_DAYS: Mapping[State, int] = MappingProxyType({State.OFF_TARGET: 7, State.NEAR: 21, State.UNKNOWN: 3})
"""How many days a state may last before somebody must have reacted (metric L1)."""


@dataclass(frozen=True)
class Run:
    """For how long a value has been in its state: since the day at whose end it was ``noted`` in it, and not the day
    before; else at least since the first month's end in an unbroken row at which it was. Without ``since`` the state
    began after the last month's end."""

    since: date | None
    days: int
    beyond: int
    """Days past those within which somebody must have reacted; 0 where none are known to have passed."""
    noted: bool = False

    @classmethod
    def of(cls, state: State, since: date | None, day: date, *, noted: bool = False) -> "Run":
        """A state on a ``day`` that began ``since`` then."""
        days = 0 if since is None else (day - since).days
        return cls(since, days, max(0, days - REACTION_DAYS.get(state, days)), noted)


@dataclass(frozen=True)
class Value:
    """A metric's value: None is "no data", never 0 or 100 %. ``n`` is what it rests on; ``series`` are the months up to
    now, oldest first, as (month, value); ``detail`` is a second figure shown beside it, such as the mean. ``held`` is
    what it is held to; without it the metric's own target holds. ``why`` says in a few words why it is not told, where
    it never is: then nothing is wanted of it either."""

    metric: Metric
    value: float | None
    n: int
    series: Sequence[tuple[str, float | None]] = ()
    detail: float | None = None
    estimated: bool = False
    held: Held | None = None
    why: str = ""

    @property
    def enough(self) -> bool:
        """Whether n reaches the metric's minimum."""
        return self.value is not None and self.n >= self.metric.minimum_n

    @property
    def target(self) -> Target | None:
        """What it is held to; None where nothing is wanted."""
        if self.why:
            return None
        return self.metric.target if self.held is None else self.held.target

    @property
    def accepted(self) -> Accepted | None:
        """Who answers for it being missed; None where nobody does, or it is not missed."""
        return self.held.accepted if self.held is not None and self.state is State.ACCEPTED else None

    @property
    def plain_state(self) -> State | None:
        """Its state, whoever answers for it."""
        if self.target is None:
            return None
        return judge(self.value, self.target) if self.enough else State.UNKNOWN

    @property
    def state(self) -> State | None:
        """Its state, or None for a metric without a target."""
        found = self.plain_state
        return State.ACCEPTED if _missed(found) and self.held is not None and self.held.accepted else found

    @property
    def since(self) -> str | None:
        """The first month of the unbroken run, up to now, in which the state was not "on target"."""
        if self.state in (None, State.ON_TARGET, State.UNKNOWN):
            return None
        first = None
        for month, value in reversed(self.series):
            target = self.wanted(month)
            if value is None or target is None or judge(value, target) is State.ON_TARGET:
                break
            first = month
        return first

    @property
    def run(self) -> Run | None:
        """For how long it has been in its state, read off the days on which that was noted, else off the ends of the
        months before; None where they do not tell, or it need not be known: nothing is wanted, or it is accepted."""
        state = self.state
        if self.held is None or state is None or state is State.ACCEPTED:
            return None
        if not any(known not in (None, State.UNKNOWN) for _day, known in self.held.turns):
            return self._by_months(state, self.held)
        (last, noted), seen = self.held.turns[-1], len(self.held.turns) > 1
        if noted is not state:
            return Run.of(state, self.held.day, self.held.day, noted=True)
        longer = None if seen else self._by_months(state, self.held)
        since = last if longer is None or longer.since is None else min(last, longer.since)
        return Run.of(state, since, self.held.day, noted=seen)

    def _by_months(self, state: State, held: Held) -> Run | None:
        ended = [(end, value) for month, value in self.series if (end := Period.of(month).last) < held.day]
        if not ended or (state is State.UNKNOWN and (self.value is not None or ended[-1][1] is not None)):
            return None  # a month's point does not say on how much it rests
        if state is State.UNKNOWN and all(value is None for _end, value in ended):
            return None  # nothing was ever known: a community that began today has neglected nothing
        since = None
        for end, value in reversed(ended):
            target = held.then(end)
            if target is None or judge(value, target) is not state:
                break
            since = end
        return Run.of(state, since, held.day)

    @property
    def react_by(self) -> date | None:
        """By when somebody must have reacted to its state (metric L1), at the latest; None where that is not known, or
        nobody need."""
        run, state = self.run, self.state
        if run is None or run.since is None or state is None or state not in REACTION_DAYS:
            return None
        return run.since + timedelta(days=REACTION_DAYS[state])

    def wanted(self, month: str) -> Target | None:
        """What was wanted of one month of its course."""
        if self.held is None:
            return self.metric.wanted("month")
        return self.held.then(min(Period.of(month).last, self.held.day))


def _missed(state: State | None) -> bool:
    return state in (State.NEAR, State.OFF_TARGET)


def judge(value: float | None, target: Target) -> State:
    """On target, near (see ``Target``) or off; unknown without a value."""
    if value is None:
        return State.UNKNOWN
    low, high = target.edges
    if target.low is not None and low is not None and value < target.low:
        return State.NEAR if value >= low or math.isclose(value, low) else State.OFF_TARGET
    if target.high is not None and high is not None and value > target.high:
        return State.NEAR if value <= high or math.isclose(value, high) else State.OFF_TARGET
    return State.ON_TARGET


def ratio(part: float, whole: float) -> float | None:
    """``part / whole``, or None (no data) when there is nothing to divide by."""
    return part / whole if whole else None
