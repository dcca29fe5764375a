"""How much work is owed, how late it is, how fast it is answered and mended.

Everything here is read from the counters (see rollups), so it costs the same after ten years as on the first day.
Flows (opened, ended) belong to the period; stocks (open, overdue) are read at its end, or now while it lasts. A past
stock is today's, walked back through the flows since.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from repository.access import Actor, Operation, reach, require, scope
from repository.filters import Is
from repository.grids import Community
from repository.maintenance.records import (
    BY_AGE,
    BY_DUE,
    BY_END,
    BY_RESPONSE,
    Priority,
    Status,
    WorkCategory,
    WorkOrder,
)
from repository.metrics import Metric, Period, Target, Value, declare, last_months, months_between, ratio
from repository.rollups import (
    NOW,
    bin_bounds,
    estimated_median,
    histogram_rank,
    month_bounds,
    month_of,
    path_key,
    path_word,
)
from repository.store import Counters, Steps, Store, Wanted, in_steps
from repository.targets import judged
from repository.words import msg

Document = dict[str, Any]

SUBJECT = "work_orders"
SERIES_MONTHS = 12
EXACT_UP_TO = 2_000
"""Ended (answered) orders in the period up to which a median is exact; above, it is read off the histogram."""

_ESTIMATED = ("estimated_n", "estimated_minutes")

AGE_BANDS = ((0, 7), (8, 14), (15, 30), (31, 60), (61, None))
"""Days since the report, both ends included."""

OPEN_ORDERS = declare(
    Metric(
        key="work_open",
        title=msg("Open work orders"),
        short=msg("Open orders"),
        unit="orders",
        of=("work_orders",),
        formula=msg("All work orders in which work is still owed, overdue ones included"),
        source=msg(
            "Open includes overdue, as city service desks publish it; "
            "the target is a default for a community of some 3,000 households"
        ),
        target=Target(high=80, near=0.25),
        minimum_n=0,
        page="maintenance",
    )
)
OVERDUE_ORDERS = declare(
    Metric(
        key="work_overdue",
        stock=True,
        title=msg("Overdue work orders"),
        short=msg("Overdue"),
        unit="orders",
        of=("work_orders",),
        formula=msg("Open work orders whose due time has passed; those without a due time are not among them"),
        source=msg(
            "Open includes overdue, as city service desks publish it; "
            "the target is a default for a community of some 3,000 households"
        ),
        target=Target(high=15, near=0.34),
        minimum_n=0,
        page="maintenance",
    )
)
ON_TIME = declare(
    Metric(
        key="work_on_time",
        title=msg("Completed on time"),
        short=msg("On time"),
        unit="percent",
        of=("work_orders",),
        formula=msg(
            "Completed by their due time ÷ (completed on time + ended late, however they ended + overdue at the end of "
            "the period). Put off when it was due already is late. Left out: orders without a due time, and those "
            "cancelled, referred, rejected or merged before they were due"
        ),
        source=msg("On-time share as the City of Austin publishes it: open and overdue work counts against it"),
        target=Target(low=0.85),
        page="maintenance",
    )
)
BACKLOG_WEEKS = declare(
    Metric(
        key="work_weeks",
        title=msg("Weeks of backlog"),
        short=msg("Backlog"),
        unit="weeks",
        of=("work_orders",),
        formula=msg(
            "Estimated hours of open work ÷ the crew's hours a week; where an estimate is missing, the mean of its "
            "category over twelve months"
        ),
        source=msg("SMRP metric 5.4.9: two to four weeks are healthy"),
        target=Target(low=2, high=4, near=0.25),
        minimum_n=1,
        page="maintenance",
    )
)
RESPOND = declare(
    Metric(
        key="work_respond",
        title=msg("Time to respond, median"),
        short=msg("Response"),
        unit="hours",
        of=("work_orders",),
        formula=msg(
            "From report to first answer, of the orders answered in the period: the middle one; mean beside it"
        ),
        source=msg("Mean time to acknowledge; one day is the promise for an ordinary fault"),
        target=Target(high=24, near=0.25),
        page="maintenance",
    )
)
REPAIR = declare(
    Metric(
        key="work_repair",
        title=msg("Time to repair, median"),
        short=msg("Repair"),
        unit="hours",
        of=("work_orders",),
        formula=msg("From report to repair, of orders completed in the period: the middle one; mean beside it"),
        source=msg("prEN 15341:2005, page 24; three days are the due time of an ordinary fault"),
        target=Target(high=72, near=0.25),
        page="maintenance",
    )
)


# --- the answers
@dataclass(frozen=True)
class WorkFigures:
    """How much work is owed, how late is it, and how fast is it answered and mended?"""

    as_of: datetime
    open: Value
    overdue: Value
    on_time: Value
    weeks: Value
    respond: Value
    repair: Value

    def __iter__(self) -> Any:
        return iter((self.open, self.overdue, self.on_time, self.weeks, self.respond, self.repair))


@dataclass(frozen=True)
class AgeBand:
    """How much of the open work was reported ``low`` to ``high`` days ago (None: or longer), and how much of that is
    overdue?"""

    low: int
    high: int | None
    open: int
    overdue: int


@dataclass(frozen=True)
class CourseMonth:
    """What came in and what went out in one month, and what was left at its end (now, for the present month)?"""

    month: str
    opened: int
    reopened: int
    ended: int
    backlog: int
    overdue: int


@dataclass(frozen=True)
class CategoryRow:
    """What did one category of work bring in the period, and how long did its completed orders take (hours)?"""

    category: str
    opened: int
    ended: int
    open: int
    overdue: int
    median_hours: float | None
    mean_hours: float | None
    n: int
    """Completed orders the hours rest on."""
    estimated: bool


@dataclass(frozen=True)
class GridRow:
    """How does one grid stand: what came, what is owed, how much was on time (share) and how long it took (hours)?"""

    grid_id: str
    """Empty for orders of no grid."""
    opened: int
    ended: int
    open: int
    overdue: int
    on_time: float | None
    on_time_n: int
    mean_hours: float | None
    n: int


@dataclass(frozen=True)
class WorkReview:
    """Everything the maintenance page shows besides the list, from one reading of the counters.

    ``ages``, ``priorities`` and ``statuses`` are of now, whatever the period: the counters keep no past ages.
    """

    figures: WorkFigures
    ages: tuple[AgeBand, ...]
    priorities: Mapping[Priority, int]
    statuses: Mapping[Status, int]
    course: tuple[CourseMonth, ...]
    categories: tuple[CategoryRow, ...]
    grids: tuple[GridRow, ...]
    unestimated: int
    """Open now, and nobody estimated the hours: in the weeks of backlog their category's mean stands for them."""


@dataclass(frozen=True)
class WorkGlance:
    """How late is the work, and in which grid?"""

    overdue: Value
    on_time: Value
    grids: tuple[GridRow, ...]
    kind: tuple[str, int] | None = None
    """Of which category most is overdue, now or at the period's end, and how much; "other" is none. None where nothing
    is, and where nobody asked."""


@dataclass(frozen=True)
class GridMonth:
    """What one grid's orders did in a month: ended by their due time and after it, completed, found not to be mended,
    put off, the minutes worked; and how many were open and overdue at its end (now, for the present month)."""

    grid_id: str
    month: str
    opened: int
    on_time: int
    late: int
    completed: int
    reworked: int
    postponed: int
    minutes: int
    open: int
    overdue: int


# --- the questions
@judged
@in_steps
def work_figures(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    now: datetime,
) -> Steps[WorkFigures]:
    """How much work is owed, how late is it, and how fast is it answered and mended?"""
    ledger = yield from Ledger.read(store, actor, community_id, period, grids, category, now, parts=False)
    return _figures(ledger, (yield from _medians(ledger, ())))


@judged
def work_glance(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
    within: Sequence[Sequence[Document]] | None = None,
) -> WorkGlance:
    """How late is the work, in the community and in each of its grids? ``within``: if what is ``glance_wanted`` was
    read already, which then also says whether by category."""
    ledger = Ledger.at(store, actor, community_id, period, grids, None, now)
    ledger.read_glance(within or store.together(actor, community_id, ledger.glance_wanted()))
    _open, overdue, on_time = _owed(ledger, ledger.ends())
    return WorkGlance(overdue, on_time, _grids(ledger), ledger.latest_kind)


def glance_wanted(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
    kinds: bool = False,
) -> list[Wanted | Counters]:
    """What ``work_glance`` reads; with ``kinds`` by category too what is overdue."""
    return Ledger.at(store, actor, community_id, period, grids, None, now).glance_wanted(kinds=kinds)


@judged
@in_steps
def work_review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    now: datetime,
) -> Steps[WorkReview]:
    """What does the maintenance page show for this period, these grids (None: all), this category (None: all)?"""
    ledger = yield from Ledger.read(store, actor, community_id, period, grids, category, now, parts=True)
    medians = yield from _medians(ledger, ledger.categories)
    return WorkReview(
        figures=_figures(ledger, medians),
        ages=_ages(ledger),
        priorities={priority: _sum(ledger.all.stock, f"priority_{priority}") for priority in Priority},
        statuses={status: n for status in Status if (n := _sum(ledger.all.stock, f"status_{status}"))},
        course=_course(ledger),
        categories=_categories(ledger, medians["repair"]),
        grids=_grids(ledger),
        unestimated=ledger.all.stock_of("unestimated"),
    )


def work_by_grid(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> tuple[GridMonth, ...]:
    """How did each grid's orders go, month by month? The period's months that have any counters, and the twelve up to
    its end (now, while it lasts). Raises Refused, Unavailable."""
    ledger = Ledger.at(store, actor, community_id, period, grids, None, now)
    ledger.read_glance(store.together(actor, community_id, ledger.glance_wanted()))
    own = {month for part in ledger.grids.values() for month in part.months}
    first, last = f"{period.first:%Y-%m}", ledger.last
    months = sorted({*ledger.series, *(month for month in own if first <= month <= last)})
    found = []
    for grid, part in sorted(ledger.grids.items()):
        ends = part.at_end_of(months, ledger.present)
        for month in months:

            def flow(name: str, part: _Part = part, month: str = month) -> int:
                return part.flow(name, [month])

            owed, late = ends[month]
            found.append(
                GridMonth(
                    grid, month, flow("opened"), flow("on_time"), flow("late"), flow("ended_completed"),
                    flow("rework"), flow("postponed"), flow("actual_minutes"), owed, late,
                )
            )  # fmt: skip
    return tuple(found)


# --- one reading of the counters
@dataclass
class _Part:
    """The counters of a whole, or of one grid or category of it: by month the documents to add up, the stock's, and
    what is overdue now and due later this month."""

    months: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    stock: list[Document] = field(default_factory=list)
    overdue: int = 0
    ahead: int = 0

    def flow(self, name: str, months: Iterable[str]) -> int:
        return sum(_sum(self.months[month], name) for month in months if month in self.months)

    def bins(self, name: str, months: Iterable[str]) -> dict[int, int]:
        """A histogram: duration bin -> number."""
        kept = [own for month in months for one in self.months.get(month, ()) if (own := one.get(name))]
        if len(kept) == 1:  # a month of the whole, as each point of a series is
            return {int(number): n for number, n in kept[0].items() if n > 0}
        found: dict[str, int] = defaultdict(int)
        for own in kept:
            for number, n in own.items():
                found[number] += n
        return {int(number): n for number, n in found.items() if n > 0}

    @property
    def open(self) -> int:
        """Open now."""
        return _sum(self.stock, "open")

    @property
    def to_verify(self) -> int:
        """Said to be done and not verified yet, now."""
        return _sum(self.stock, "to_verify")

    def stock_of(self, name: str) -> int:
        """What there is now of one thing."""
        return _sum(self.stock, name)

    def at_end_of(self, months: Sequence[str], present: str) -> dict[str, tuple[int, int]]:
        """Open and overdue at the end of each of ``months`` (now, for ``present`` and later), walked back from now.

        ``self.months`` must reach from the first of ``months`` to the last there are.
        """
        owed, late = self.open, self.overdue
        found = dict.fromkeys(months, (owed, late))
        past = {month for month in months if month < present}
        if not past:
            return found
        first = min(past)
        for month in sorted((month for month in self.months.keys() | past if month >= first), reverse=True):
            if month in past:
                found[month] = (owed, late + self.ahead)
            documents = self.months.get(month, ())
            owed -= _sum(documents, "opened") - _sum(documents, "end_unknown")
            owed -= _sum(documents, "reopened") - _sum(documents, "ended")
            if month <= present:  # what falls overdue in months to come is no part of what is overdue now
                late -= _sum(documents, "fell_overdue") - _sum(documents, "left_overdue")
        return found


def _sum(documents: Iterable[Document], name: str) -> int:
    total = 0
    for document in documents:
        total += document.get(name, 0)
    return total


@dataclass
class Ledger:
    """For this room. The counters a question needs, cut to the actor's grids and the wished ones, and to a category."""

    store: Store
    actor: Actor
    community_id: str
    period: Period
    seen: frozenset[str] | None
    category: str | None
    now: datetime
    zone: ZoneInfo
    crew_hours: float
    all: _Part = field(default_factory=_Part)
    grids: dict[str, _Part] = field(default_factory=lambda: defaultdict(_Part))
    categories: dict[str, _Part] = field(default_factory=lambda: defaultdict(_Part))
    whole: dict[str, Document] = field(default_factory=dict)
    """Month -> the community's month document, unfiltered: how many there are, what categories take on average."""
    ages: list[tuple[int, bool, int]] = field(default_factory=list)
    """Open orders of the bands but the last: (band, overdue, number)."""

    @classmethod
    def read(
        cls,
        store: Store,
        actor: Actor,
        community_id: str,
        period: Period,
        grids: frozenset[str] | None,
        category: str | None,
        now: datetime,
        *,
        parts: bool,
    ) -> Steps["Ledger"]:
        """One with all that figures are made of but the exact medians, in one reading. ``parts``: by grid and category
        too."""
        ledger = cls.at(store, actor, community_id, period, grids, category, now)
        whole = category is None and ledger.seen is None
        wanted = ledger._whole_wanted(parts) if whole else ledger._cells_wanted(parts)
        own, *found = yield [Wanted(Community, fields=("crew_hours_per_week",)), *wanted]
        for document in own:
            ledger.crew_hours = float(document.get("crew_hours_per_week", ledger.crew_hours))
        (ledger._take_whole if whole else ledger._take_cells)(found)
        return ledger

    @classmethod
    def read_flows(
        cls,
        store: Store,
        actor: Actor,
        community_id: str,
        period: Period,
        grids: frozenset[str] | None,
        category: str | None,
        now: datetime,
    ) -> Steps["Ledger"]:
        """One with the flows and today's stock of all that is in sight, and nothing of what is due."""
        ledger = cls.at(store, actor, community_id, period, grids, category, now)
        if category is None and ledger.seen is None:
            months: Document = {"level": "month", "period": Is(gte=ledger._from(series=True))}
            wanted: list[Document] = [{"level": "stock", "period": NOW}, months]
            fields = {"level": 1, "period": 1, "total": 1}
            (found,) = yield [Counters([{"subject": SUBJECT, **one} for one in wanted], fields)]
            ledger._take_counters(found, total=True)
        else:
            ledger._take_cells((yield [*ledger._cell_counters_wanted(), ledger._months_wanted({})]))
        return ledger

    @classmethod
    def at(
        cls,
        store: Store,
        actor: Actor,
        community_id: str,
        period: Period,
        grids: frozenset[str] | None,
        category: str | None,
        now: datetime,
    ) -> "Ledger":
        """One that nothing was read into yet. Raises Refused."""
        require(actor, Operation.READ, WorkOrder.collection)
        seen, zone = reach(actor, community_id, grids), store.zone(community_id)
        usual = Community.model_fields["crew_hours_per_week"].default
        return cls(store, actor, community_id, period, seen, category, now.astimezone(zone), zone, usual)

    # --- time
    @cached_property
    def today(self) -> date:
        return self.now.date()

    @cached_property
    def present(self) -> str:
        """The month now lies in."""
        return month_of(self.now, self.zone)

    @cached_property
    def as_of(self) -> datetime:
        """When the stocks are read."""
        return self.period.until(self.now)

    @cached_property
    def last(self) -> str:
        """The month at whose end, or in which, the stocks are read."""
        return month_of(self.as_of - timedelta(microseconds=1), self.zone) if self.is_past else self.present

    @cached_property
    def is_past(self) -> bool:
        return self.as_of < self.now

    @cached_property
    def series(self) -> list[str]:
        """The months of every series, oldest first."""
        return last_months(date(int(self.last[:4]), int(self.last[5:]), 1), SERIES_MONTHS)

    @property
    def flow_months(self) -> list[str]:
        """The period's months that have any counters."""
        first, last = f"{self.period.first:%Y-%m}", f"{self.period.last:%Y-%m}"
        return sorted(month for month in self.all.months if first <= month <= last)

    @property
    def known(self) -> bool:
        """Whether there is anything to tell: a grid without orders owes none, an empty community has no data."""
        return bool(self.whole or self.all.stock)

    def ends(self) -> dict[str, tuple[int, int]]:
        """Open and overdue at the end of each month of the series."""
        return self.all.at_end_of(self.series, self.present)

    def _from(self, *, series: bool) -> str:
        first = f"{self.period.first:%Y-%m}"
        return min(first, self.series[0]) if series else first

    def _midnight(self, days_ago: int) -> datetime:
        return self.midnight(self.now, days_ago)

    @staticmethod
    def midnight(now: datetime, days_ago: int) -> datetime:
        """The beginning of a day on the clock of ``now``."""
        day = now.date() - timedelta(days=days_ago)
        return datetime.combine(day, time(), now.tzinfo).astimezone(UTC)

    # --- reading
    def glance_wanted(self, *, kinds: bool = False) -> list[Wanted | Counters]:
        """What a glance reads: of the months since the first of the series, the stock and what falls due the marginals
        without categories, and what is due today. With ``kinds`` by category what is owed and falls due; of some grids,
        of which no counter tells that, all that is overdue. Of a period that is over also what fell overdue since then
        and was done, and of some grids what will this month: from now it is walked back."""
        months: Document = {"level": "month", "period": Is(gte=self._from(series=True))}
        bare = dict.fromkeys(("by_category", "by_cell", "total.repair", "total.respond"), 0)
        whole, parts = kinds and self.seen is None, kinds and self.seen is not None
        read = [([months], bare), (self._stock_wanted(), {"by_cell": 0})]
        if not whole:
            read = [([months, *self._stock_wanted()], bare)]
        if kinds and self.is_past:
            read.append(self._later_wanted())
        by: Document = {"c": "$category"} if kinds else {}
        if parts and self.is_past:
            by["ahead"] = {"$gte": ["$due_at", self._midnight(-1)]}
        return [
            *(Counters([{"subject": SUBJECT, **one} for one in wanted], fields) for wanted, fields in read),
            self._due_today_wanted(by, overdue=parts, month=parts and self.is_past),
        ]

    def _later_wanted(self) -> tuple[list[Document], Document]:
        """By category what fell overdue, and was done, in the months after a period that is over: nothing else, for
        there may be many."""
        later, names = Is(gt=self.last, lte=self.present), ("fell_overdue", "left_overdue")
        if self.seen is not None:
            cells = {"level": "cell", "period": later, "grid": Is(among=sorted(self.seen))}
            return [cells], dict.fromkeys(("level", "period", "grid", "category", *names), 1)
        of_each = {"k": "$$this.k", "v": {name: f"$$this.v.{name}" for name in names}}
        kinds = {"$arrayToObject": {"$map": {"input": {"$objectToArray": "$by_category"}, "in": of_each}}}
        return [{"level": "month", "period": later}], {"level": 1, "period": 1, "by_category": kinds}

    def read_glance(self, within: Sequence[Sequence[Document]]) -> None:
        """Take in what was ``glance_wanted``."""
        *counters, groups = within
        due = self._take_counters([document for documents in counters for document in documents], total=True)
        self._count_due(due, groups)

    @property
    def latest_kind(self) -> tuple[str, int] | None:
        """The category by name that most of what is overdue when the stocks are read is of, as far as that was read,
        and how many."""
        late = [
            (word, part.at_end_of([self.last], self.present)[self.last][1]) for word, part in self.categories.items()
        ]
        told = [(word, n) for word, n in late if n > 0 and word != WorkCategory.OTHER]
        return min(told, key=lambda one: (-one[1], one[0]), default=None)

    def _stock_wanted(self) -> list[Document]:
        return [{"level": "stock", "period": NOW}, {"level": "due", "period": Is(gte=self.present)}]

    def _whole_wanted(self, parts: bool) -> list[Wanted | Counters]:
        """Of the whole community: stock, due and age documents, with the marginals of the period's months; the totals
        of the series; what is due today."""
        wanted = self._stock_wanted()
        if parts:
            oldest = f"{self.today - timedelta(days=AGE_BANDS[-1][0]):%Y-%m}"
            wanted.append({"level": "age", "period": Is(gte=oldest)})
            wanted.append({"level": "month", "period": Is(gte=self._from(series=False))})
        kinds: Document = {"c": "$category"} | ({"band": self._band_switch()} if parts else {})
        return [
            Counters([{"subject": SUBJECT, **one} for one in wanted], {"by_cell": 0}),
            self._months_wanted({"total": 1}),
            self._due_today_wanted(kinds),
        ]

    def _take_whole(self, found: Sequence[Sequence[Document]]) -> None:
        """Take in what was ``_whole_wanted``."""
        counters, months, groups = found
        due = self._take_counters(counters, total=False)
        self.whole = {document["period"]: document for document in months}
        for document in months:
            self.all.months[document["period"]].append(document.get("total", {}))
        self._count_due(due, groups)

    def _due_today_wanted(self, kinds: Document, *, overdue: bool = False, month: bool = False) -> Wanted:
        """What is due today in groups, with ``overdue`` what was due before, with ``month`` what is due later in it."""
        groups: Document = {"$group": {"_id": {"g": "$grid_id", "late": self._late(), **kinds}, "n": {"$sum": 1}}}
        until = month_bounds(self.present, self.zone)[1] if month else self._midnight(-1)
        due = Is(lt=until) if overdue else Is(gte=self._midnight(0), lt=until)
        return self._open_wanted({"due_at": due}, groups, BY_DUE)

    def _open_wanted(self, which: Document, groups: Document, index: tuple[str, ...]) -> Wanted:
        """Groups of the open orders in sight."""
        within = scope(self.actor, WorkOrder, self.community_id, self.seen) | {"is_open": True, **which}
        if self.category is not None:
            within["category"] = self.category
        return Wanted(WorkOrder, within, steps=(groups,), by=index)

    def _take_counters(self, documents: Iterable[Document], *, total: bool) -> list[Document]:
        """Hand each to where it belongs; what falls due later comes back. ``total``: a month's total too."""
        due: list[Document] = []
        for document in documents:
            if document["level"] == "stock":
                self._take("stock", "", document)
            elif document["level"] == "due":
                due.append(document)
            elif document["level"] == "age":
                self._take_ages(document)
            elif document["level"] == "cell":
                self.categories[document["category"]].months[document["period"]].append(document)
            else:
                self._take("months", document["period"], document, total=total)
                self.whole[document["period"]] = self.whole.get(document["period"], {}) | document
        return due

    def _months_wanted(self, fields: Document) -> Counters:
        """The community's month documents since the first of the series."""
        months = {"subject": SUBJECT, "level": "month", "period": Is(gte=self._from(series=True))}
        return Counters([months], {"period": 1, **fields})

    def estimates_wanted(self) -> list[Counters]:
        """What the work of those categories takes on average of which some was not estimated."""
        words = [word for word, part in self.categories.items() if _sum(part.stock, "unestimated")]
        names = [f"by_category.{path_key(word)}.{name}" for word in words for name in _ESTIMATED]
        return [self._months_wanted(dict.fromkeys(names, 1))] if names else []

    def take_estimates(self, documents: Sequence[Document]) -> None:
        """Take in what was ``estimates_wanted``."""
        for document in documents:
            if document["period"] in self.whole:  # else a write came between
                self.whole[document["period"]]["by_category"] = document.get("by_category", {})

    def _take(self, kind: str, month: str, document: Document, *, total: bool = True) -> None:
        """Hand a document's branches to the whole and its parts."""

        def put(part: _Part, branch: Document) -> None:
            if kind == "stock":
                part.stock.append(branch)
            else:
                part.months[month].append(branch)

        for branch, part in self._branches(document, total=total):
            put(part, branch)

    def _take_ages(self, document: Document) -> None:
        today = f"{self.today:%Y%m%d}"
        year, month = int(document["period"][:4]), int(document["period"][5:])
        for day, dues in document.get("total", {}).items():
            band = self._band((self.today - date(year, month, int(day))).days)
            if band is None:
                continue
            late = sum(n for due, n in dues.items() if due < today)  # "none" comes behind all days
            # what is due today is counted to the minute, by _count_due
            self.ages += [(band, True, late), (band, False, sum(dues.values()) - late - dues.get(today, 0))]

    @staticmethod
    def _band(days: int) -> int | None:
        """The number of the age band, or None for the last, which is what the others leave."""
        return next((i for i, (_, high) in enumerate(AGE_BANDS) if high is not None and days <= high), None)

    def _band_switch(self) -> Document:
        """The same for an aggregation."""
        branches = [
            {"case": {"$gte": ["$reported_at", self._midnight(high)]}, "then": i}
            for i, (_, high) in enumerate(AGE_BANDS)
            if high is not None
        ]
        return {"$switch": {"branches": branches, "default": None}}

    def _late(self) -> Document:
        return {"$and": [{"$gt": ["$due_at", None]}, {"$lt": ["$due_at", self.now.astimezone(UTC)]}]}

    def _count_due(self, documents: Sequence[Document], groups: Sequence[Document]) -> None:
        """Overdue = open − without due time − due later, for the whole, each grid and each category; what is due today
        was looked at one by one, a small indexed set (by age band: its age too). Of some grids the counters know no
        categories: there those of what is late were looked at, and of a period that is over those of what is due later
        this month too (``ahead``), which the whole and the grids have from the counters."""
        every = [self.all, *self.grids.values(), *self.categories.values()]
        for part in every:
            part.overdue = part.open - _sum(part.stock, "no_due")
        for document in documents:
            this_month = document["period"] == self.present
            for branch, part in self._branches(document):
                if this_month:
                    later = sum(n for day, n in branch.items() if int(day) > self.today.day)
                    part.ahead += later
                else:
                    later = sum(branch.values())
                part.overdue -= later
        for group in groups:
            key, n = group["_id"], group["n"]
            if key.get("band") is not None:
                self.ages.append((key["band"], key["late"], n))
            own = [self.categories[key["c"]]] if "c" in key else []
            if key["late"]:
                for part in own if self.seen is not None else ():
                    part.overdue += n
                continue
            for part in own:
                part.overdue -= n if self.seen is None else 0
                part.ahead += n
            if not key.get("ahead"):
                for part in (self.all, self.grids[key.get("g") or ""]):
                    part.overdue -= n
                    part.ahead += n

    def _branches(self, document: Document, *, total: bool = True) -> Iterable[tuple[Document, _Part]]:
        """A document's branches and the parts they belong to. Over some grids the whole is their sum."""
        if total and self.seen is None:
            yield document.get("total", {}), self.all
        for key, branch in document.get("by_grid", {}).items():
            grid = path_word(key)
            if self.seen is None or grid in self.seen:
                yield branch, self.grids[grid]
                if total and self.seen is not None:
                    yield branch, self.all
        for key, branch in (document.get("by_category") or {}).items() if self.seen is None else ():
            yield branch, self.categories[path_word(key)]

    def _cell_counters_wanted(self) -> list[Counters]:
        """Of some grids, or one category: the stock's and the months' cells of grid and category."""
        chosen = None if self.seen is None else sorted(self.seen)
        branches = (
            {"by_cell": 1} if chosen is None else {f"by_cell.{path_key(grid)}": 1 for grid in chosen} or {"period": 1}
        )
        cells: Document = {"subject": SUBJECT, "level": "cell", "period": Is(gte=self._from(series=True))}
        cells |= {} if chosen is None else {"grid": Is(among=chosen)}
        cells |= {} if self.category is None else {"category": self.category}
        return [Counters([{"subject": SUBJECT, "level": "stock", "period": NOW}], branches), Counters([cells])]

    def _cells_wanted(self, parts: bool) -> list[Wanted | Counters]:
        """The same, with the totals of the series and what is due by the month's end; and what is not of the last age
        band."""
        _, month_end = month_bounds(self.present, self.zone)
        due = {"$group": {"_id": {"g": "$grid_id", "c": "$category", "late": self._late()}, "n": {"$sum": 1}}}
        wanted: list[Wanted | Counters] = [
            *self._cell_counters_wanted(),
            self._months_wanted({f"total.{name}": 1 for name in ("repair_n", "respond_n", *_ESTIMATED)}),
            self._open_wanted({"due_at": Is(lt=month_end)}, due, BY_DUE),
        ]
        if parts:
            recent = {"reported_at": Is(gte=self._midnight(AGE_BANDS[-2][1] or 0))}
            ages = {"$group": {"_id": {"band": self._band_switch(), "late": self._late()}, "n": {"$sum": 1}}}
            wanted.append(self._open_wanted(recent, ages, BY_AGE))
        return wanted

    def _take_cells(self, found: Sequence[Sequence[Document]]) -> None:
        """Take in what was wanted of cells."""
        stock, flows, months, *orders = found
        for document in stock:
            for grid_key, cells in document.get("by_cell", {}).items():
                for category_key, branch in cells.items():
                    self._put(path_word(grid_key), path_word(category_key), stock=branch)
        self.whole = {document["period"]: document for document in months}
        for cell in flows:
            self._put(cell["grid"], cell["category"], month=cell["period"], flow=cell)
        for group in orders[0] if orders else ():
            key, n = group["_id"], group["n"]
            for part in (self.all, self.grids[key.get("g") or ""], self.categories[key["c"]]):
                if key["late"]:
                    part.overdue += n
                else:
                    part.ahead += n
        for group in orders[1] if len(orders) > 1 else ():
            self.ages.append((group["_id"]["band"], group["_id"]["late"], group["n"]))

    def _put(
        self,
        grid: str,
        category: str,
        *,
        month: str = "",
        flow: Document | None = None,
        stock: Document | None = None,
    ) -> None:
        if self.category is not None and category != self.category:
            return
        for part in (self.all, self.grids[grid], self.categories[category]):
            if stock is not None:
                part.stock.append(stock)
            if flow is not None:
                part.months[month].append(flow)


# --- figures from a ledger
@dataclass(frozen=True)
class _Median:
    hours: float | None
    estimated: bool


def _owed(ledger: Ledger, ends: Mapping[str, tuple[int, int]]) -> tuple[Value, Value, Value]:
    """Open, overdue, ended on time."""
    part, months, series = ledger.all, ledger.flow_months, ledger.series
    owed, late = ends[ledger.last]
    on_time, n = _on_time(part, months, late)
    by_month = [(month, _on_time(part, [month], ends[month][1])[0]) for month in series]
    return (
        Value(OPEN_ORDERS, owed if ledger.known else None, owed, [(month, ends[month][0]) for month in series]),
        Value(OVERDUE_ORDERS, late if ledger.known else None, owed, [(month, ends[month][1]) for month in series]),
        Value(ON_TIME, on_time, n, by_month),
    )


def _figures(ledger: Ledger, medians: Mapping[str, Mapping[str, _Median]]) -> WorkFigures:
    ends = ledger.ends()
    owed, overdue, on_time = _owed(ledger, ends)
    return WorkFigures(
        as_of=ledger.as_of,
        open=owed,
        overdue=overdue,
        on_time=on_time,
        weeks=_weeks(ledger, ends),
        respond=_duration(ledger, RESPOND, "respond", medians["respond"][""]),
        repair=_duration(ledger, REPAIR, "repair", medians["repair"][""]),
    )


def _on_time(part: _Part, months: Sequence[str], overdue: int) -> tuple[float | None, int]:
    """The share that ended on time, open and overdue ones counted against it, and what it is a share of."""
    kept, late = part.flow("on_time", months), part.flow("late", months)
    n = kept + late + overdue
    return ratio(kept, n), n


def _weeks(ledger: Ledger, ends: Mapping[str, tuple[int, int]]) -> Value:
    """M3. The counters keep the content of open work as it is now; for a past month the number then is multiplied by
    what an open order contains on average now."""
    months = ledger.series

    def mean(branches: Iterable[Document]) -> float | None:
        kept = list(branches)
        return ratio(_sum(kept, "estimated_minutes"), _sum(kept, "estimated_n"))

    whole = [ledger.whole.get(month, {}) for month in last_months(ledger.today, SERIES_MONTHS)]
    usual = mean(document.get("total", {}) for document in whole)
    minutes: float | None = 0.0
    for word, part in ledger.categories.items():
        stock = part.stock
        unestimated = _sum(stock, "unestimated")
        minutes = None if minutes is None else minutes + _sum(stock, "estimated_minutes")
        if unestimated:
            key = path_key(word)
            own = mean(document.get("by_category", {}).get(key, {}) for document in whole)
            each = own if own is not None else usual
            minutes = None if minutes is None or each is None else minutes + unestimated * each
    open_now = ledger.all.open
    each_now = usual if not open_now else None if minutes is None else minutes / open_now

    def weeks(count: int) -> float | None:
        if count == 0 and ledger.whole:
            return 0.0
        return None if each_now is None else count * each_now / 60 / ledger.crew_hours

    owed = ends[ledger.last][0]
    series = [(month, weeks(ends[month][0])) for month in months]
    return Value(BACKLOG_WEEKS, weeks(owed), owed, series, estimated=ledger.is_past)


def _duration(ledger: Ledger, metric: Metric, name: str, median: _Median) -> Value:
    part, months = ledger.all, ledger.flow_months
    n = part.flow(f"{name}_n", months)
    series = [(month, hours(estimated_median(part.bins(name, [month])))) for month in ledger.series]
    mean = hours(ratio(part.flow(f"{name}_seconds", months), n))
    return Value(metric, median.hours, n, series, detail=mean, estimated=median.estimated)


def hours(seconds: float | None) -> float | None:
    """Seconds as hours."""
    return None if seconds is None else seconds / 3600


_MOMENT = {"repair": ("ended_at", BY_END), "respond": ("responded_at", BY_RESPONSE)}


def _medians(ledger: Ledger, categories: Iterable[str]) -> Steps[dict[str, dict[str, _Median]]]:
    """The median hours to ``respond`` of the whole (key "") and to ``repair`` of it and of ``categories``: exact from
    index keys up to EXACT_UP_TO such orders in the period, else estimated from the histogram. What the ledger lacks of
    estimates is read with them."""
    months = ledger.flow_months
    bins = {
        name: {key: (ledger.categories[key] if key else ledger.all).bins(name, months) for key in keys}
        for name, keys in (("repair", ("", *categories)), ("respond", ("",)))
    }
    exact = [name for name in bins if _many(ledger, name, months) <= EXACT_UP_TO]
    around = {name: one for name in exact if (one := _around_the_middle_wanted(ledger, name, bins[name])) is not None}
    estimates = ledger.estimates_wanted()
    wanted: list[Wanted | Counters] = [*estimates, *around.values()]
    found = list((yield wanted)) if wanted else []
    if estimates:
        ledger.take_estimates(found.pop(0))
    groups = dict(zip(around, found, strict=True))
    medians = {}
    for name, held in bins.items():
        rough = {key: _Median(hours(estimated_median(own)), estimated=bool(own)) for key, own in held.items()}
        if name in exact:
            values = _durations_around_the_middle(held, groups.get(name, ()))
            for key, own in held.items():
                middle = _middle(own, values[key])
                # a write between the two readings can make them differ by a moment: then the histogram stands
                if not own or middle is not None:
                    rough[key] = _Median(hours(middle), estimated=False)
        medians[name] = rough
    return medians


def _many(ledger: Ledger, name: str, months: Iterable[str]) -> int:
    return sum(ledger.whole.get(month, {}).get("total", {}).get(f"{name}_n", 0) for month in months)


def _middle_bins(bins: Mapping[int, int]) -> tuple[int, int, int]:
    """The bins that hold the lower and the upper middle value, and the lower one's rank in its bin."""
    n = sum(bins.values())
    lower, rank = histogram_rank(bins, (n - 1) // 2)
    upper, _ = histogram_rank(bins, n // 2)
    return lower, upper, rank


def _middle(bins: Mapping[int, int], values: Sequence[int]) -> float | None:
    """The median, given the sorted durations in the middle bins; None if they do not fit the histogram."""
    n = sum(bins.values())
    if not n:
        return None
    lower, upper, rank = _middle_bins(bins)
    if upper == 0:
        return 0.0
    if len(values) != sum(bins[number] for number in {lower, upper}):
        return None
    return float(values[rank]) if n % 2 else (values[rank] + values[rank + 1]) / 2


def _around_the_middle(bins: Mapping[str, Mapping[int, int]]) -> dict[str, tuple[int, int]]:
    """From which duration to below which the bins around each median reach, in seconds; none where it is zero."""
    ranges: dict[str, tuple[int, int]] = {}
    for key, held in bins.items():
        if held and (found := _middle_bins(held))[1] > 0:
            low, high = bin_bounds(found[0])[0], bin_bounds(found[1])[1]
            ranges[key] = (ceil(low - 1e-6), ceil(high - 1e-6))
    return ranges


def _around_the_middle_wanted(ledger: Ledger, name: str, bins: Mapping[str, Mapping[int, int]]) -> Wanted | None:
    """The durations in the bins around each median, by category, in one read of index keys."""
    ranges = _around_the_middle(bins).values()
    if not ranges:
        return None
    (moment, index), seconds = _MOMENT[name], f"{name}_seconds"
    start, end = ledger.period.bounds(ledger.zone)
    where = scope(ledger.actor, WorkOrder, ledger.community_id, ledger.seen) | {
        moment: Is(gte=start, lt=end),
        seconds: Is(gte=min(low for low, _ in ranges), lt=max(high for _, high in ranges)),
    }
    if ledger.category is not None:
        where["category"] = ledger.category
    groups = {"$group": {"_id": "$category", "held": {"$push": f"${seconds}"}}}
    return Wanted(WorkOrder, where, steps=(groups,), by=index)


def _durations_around_the_middle(
    bins: Mapping[str, Mapping[int, int]], groups: Iterable[Document]
) -> dict[str, list[int]]:
    """The same for each median, in order, from what was wanted."""
    ranges, values = _around_the_middle(bins), {key: list[int]() for key in bins}
    for group in groups:
        for key in {"", group["_id"]} & ranges.keys():
            low, high = ranges[key]
            values[key] += [each for each in group["held"] if low <= each < high]
    return {key: sorted(found) for key, found in values.items()}


def _ages(ledger: Ledger) -> tuple[AgeBand, ...]:
    counts = [[0, 0] for _ in AGE_BANDS]
    for band, late, n in ledger.ages:
        counts[band][0] += n
        counts[band][1] += n if late else 0
    counts[-1][0] = ledger.all.open - sum(open_ for open_, _ in counts[:-1])
    counts[-1][1] = ledger.all.overdue - sum(late for _, late in counts[:-1])
    return tuple(AgeBand(low, high, *counts[i]) for i, (low, high) in enumerate(AGE_BANDS))


def _course(ledger: Ledger) -> tuple[CourseMonth, ...]:
    """At least twelve months up to the period's end; of all time, from the first to the last in which anything
    happened."""
    months = ledger.series
    busy = sorted(month for month, documents in ledger.all.months.items() if any(_net(documents)))
    if ledger.period.kind == "ever":
        months = [] if not busy else months_between(_first_day(busy[0]), _first_day(max(busy[-1], busy[0])))
        months = [month for month in months if month <= ledger.present]
    elif ledger.period.months[0] < months[0]:
        months = [month for month in ledger.period.months if month <= ledger.last]
    ends = ledger.all.at_end_of(months, ledger.present)
    return tuple(
        CourseMonth(
            month,
            ledger.all.flow("opened", [month]),
            ledger.all.flow("reopened", [month]),
            ledger.all.flow("ended", [month]),
            *ends[month],
        )
        for month in months
    )


def _first_day(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)


def _net(documents: Iterable[Document]) -> tuple[int, ...]:
    kept = list(documents)
    return tuple(_sum(kept, name) for name in ("opened", "reopened", "ended"))


def _categories(ledger: Ledger, repairs: Mapping[str, _Median]) -> tuple[CategoryRow, ...]:
    months, rows = ledger.flow_months, []
    for word, part in ledger.categories.items():
        owed, late = part.at_end_of([ledger.last], ledger.present)[ledger.last]
        n = part.flow("repair_n", months)
        row = CategoryRow(
            category=word,
            opened=part.flow("opened", months),
            ended=part.flow("ended", months),
            open=owed,
            overdue=late,
            median_hours=repairs[word].hours,
            mean_hours=hours(ratio(part.flow("repair_seconds", months), n)),
            n=n,
            estimated=repairs[word].estimated,
        )
        if row.opened or row.ended or row.open:
            rows.append(row)
    return tuple(sorted(rows, key=lambda row: (-row.opened, -row.open, row.category)))


def _grids(ledger: Ledger) -> tuple[GridRow, ...]:
    months, rows = ledger.flow_months, []
    for grid, part in ledger.grids.items():
        owed, late = part.at_end_of([ledger.last], ledger.present)[ledger.last]
        on_time, on_time_n = _on_time(part, months, late)
        n = part.flow("repair_n", months)
        row = GridRow(
            grid_id=grid,
            opened=part.flow("opened", months),
            ended=part.flow("ended", months),
            open=owed,
            overdue=late,
            on_time=on_time,
            on_time_n=on_time_n,
            mean_hours=hours(ratio(part.flow("repair_seconds", months), n)),
            n=n,
        )
        if row.opened or row.ended or row.open:
            rows.append(row)
    return tuple(sorted(rows, key=lambda row: row.grid_id))
