"""What is to be replaced in which year, what has been put off, what waiting costs, and how often things fail: what a
budget meeting decides on. Facilities are folded one by one; their work orders come as sums by facility and month."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from repository import flows
from repository.access import Actor, Operation, reach, require
from repository.facilities import (
    YEARS,
    Category,
    Condition,
    Facility,
    Move,
    Planned,
    Reason,
    Seen,
    ServiceStatus,
    life_of,
    planned,
    seen_on,
    service_lives,
    wanted,
)
from repository.filters import Is
from repository.maintenance import WorkOrder
from repository.maintenance.records import BY_REPORT
from repository.metrics import MINIMUM_N, Metric, Target, Value, declare, last_months, ratio
from repository.record import Choice
from repository.rollups import NOW, month_bounds, path_key, path_word
from repository.store import Store
from repository.targets import judged
from repository.words import msg

Document = dict[str, Any]


WINDOW_MONTHS = 36
"""Whole months before this one in which repairs are compared and failures counted; fewer where there are more than"""
MOST_ORDERS = 3_000
"""work orders in them, so that nothing costs more with every year, but one at least."""
NOTED_DAYS = 90
"""So long must a facility's status have been noted before its availability means something."""
LEAST_FAILURES = 2
LEAST_MONTHS = 12 * MINIMUM_N
"""Item-months, on each side, below which repair costs of old and young are not compared."""

FCI = declare(
    Metric(
        key="M13",
        title=msg("Facility condition index"),
        short=msg("FCI"),
        unit="percent",
        of=("facilities", "work_orders"),
        formula=msg(
            "(Replacement cost of what is past its service life or in condition 5 + cost noted on open repairs of the "
            "others) ÷ replacement cost of all; facilities not retired whose replacement cost, and age or condition, "
            "are known. Up to 5 % good, 10 % fair, 30 % poor, above critical"
        ),
        source=msg("IFMA: deferred repair and renewal ÷ current replacement value"),
        target=Target(high=0.05, near=1.0),
        minimum_n=1,
        page="facilities",
    )
)
MTBF = declare(
    Metric(
        key="M6",
        title=msg("Mean time between failures"),
        short=msg("MTBF"),
        unit="hours",
        of=("facilities", "work_orders"),
        formula=msg(
            "Time in service in the last 36 months and this one (fewer where more than 3,000 work orders were "
            "reported in them) ÷ failures: work orders other than preventive ones, without those rejected, cancelled "
            "or duplicate. From two failures on"
        ),
        source=msg("Reliability engineering: operating time ÷ number of failures"),
        page="facilities",
    )
)
AVAILABILITY = declare(
    Metric(
        key="M7",
        title=msg("Availability"),
        short=msg("Availability"),
        unit="percent",
        of=("facilities", "work_orders"),
        formula=msg(
            "Time in service ÷ time in service and out of order, as the condition history has it, in the months in "
            "which failures are counted. Where an outage was noted, and the status for 90 days at least"
        ),
        source=msg("Reliability engineering: uptime ÷ (uptime + downtime)"),
        page="facilities",
    )
)


class Band(Choice):
    """How an FCI is read (IFMA)."""

    GOOD = "good", msg("Good")
    FAIR = "fair", msg("Fair")
    POOR = "poor", msg("Poor")
    CRITICAL = "critical", msg("Critical")


def band(fci: float | None) -> Band | None:
    """At most 5 % good, 10 % fair, 30 % poor, above critical."""
    if fci is None:
        return None
    bounds = ((0.05, Band.GOOD), (0.1, Band.FAIR), (0.3, Band.POOR))
    return next((word for most, word in bounds if fci <= most), Band.CRITICAL)


@dataclass(frozen=True)
class Backlog:
    """What was put off, against what all of it is worth, in 分. *Deferred* is a renewal past due and not done: the
    replacement cost of a facility past its service life or in condition 5, whatever the plan says. To it comes the cost
    noted on open repairs of the other facilities. It adds up; the index is divided anew (rule R8)."""

    n: int = 0
    """Facilities counted: replacement cost known, and age or condition."""
    worth_cents: int = 0
    renewal_cents: int = 0
    repair_cents: int = 0
    due: int = 0
    """Facilities whose renewal is past due."""
    unpriced: int = 0
    """Left out: no replacement cost."""
    unjudged: int = 0
    """Left out: neither age nor condition known."""

    def __add__(self, other: "Backlog") -> "Backlog":
        return Backlog(
            self.n + other.n,
            self.worth_cents + other.worth_cents,
            self.renewal_cents + other.renewal_cents,
            self.repair_cents + other.repair_cents,
            self.due + other.due,
            self.unpriced + other.unpriced,
            self.unjudged + other.unjudged,
        )

    @property
    def fci(self) -> float | None:
        """M13, a share."""
        return ratio(self.renewal_cents + self.repair_cents, self.worth_cents)


@dataclass(frozen=True)
class Item:
    """One facility in the plan. ``due`` is the year by its service life, ``year`` the one it is planned for."""

    id: str
    code: str
    name: str
    category: Category
    kind: str | None
    grid_id: str | None
    site: str | None
    condition: Condition | None
    responsible_id: str | None
    reasons: tuple[Reason, ...]
    due: int | None
    year: int
    move: Move
    missed: bool
    cost_cents: int | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    waiting_cents: int | None
    """What waiting from the due year on costs in repairs; None where it does not wait or nobody can tell."""

    @property
    def overdue(self) -> bool:
        """Past its life or unserviceable, or planned for a year that is over."""
        return bool(self.reasons) or self.missed


class Side(NamedTuple):
    """Repairs of the facilities of one kind, of those past their life or of the others."""

    items: int = 0
    months: int = 0
    """Item-months."""
    repairs: int = 0
    cost_cents: int = 0
    uncosted: int = 0
    """Repairs without a cost; they add none."""

    @property
    def yearly_cents(self) -> float | None:
        """Repair cost of one facility in one year."""
        found = ratio(self.cost_cents * 12, self.months)
        return found if self.items >= MINIMUM_N and self.months >= LEAST_MONTHS else None


@dataclass(frozen=True)
class Waiting:
    """What a year of waiting costs for one kind: repair cost of an item and year past its service life, less that of a
    younger one, from the community's own work orders of ``WINDOW_MONTHS``. A month counts as past the life when the
    life had ended before it began. Repairs only: neither danger nor time out of order is in it."""

    old: Side
    young: Side

    @property
    def yearly_cents(self) -> int | None:
        """Never below zero; None with fewer than MINIMUM_N facilities or LEAST_MONTHS on either side."""
        if self.old.yearly_cents is None or self.young.yearly_cents is None:
            return None
        return max(0, round(self.old.yearly_cents - self.young.yearly_cents))


@dataclass(frozen=True)
class Reliability:
    """How often one facility, or those of a kind together, failed and stood still. Times in hours."""

    items: int = 0
    failures: int = 0
    service_hours: float = 0.0
    """In service while failures were counted."""
    noted: int = 0
    """Facilities whose status was noted for NOTED_DAYS at least."""
    noted_hours: float = 0.0
    down_hours: float = 0.0
    outages: int = 0

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(
            self.items + other.items,
            self.failures + other.failures,
            self.service_hours + other.service_hours,
            self.noted + other.noted,
            self.noted_hours + other.noted_hours,
            self.down_hours + other.down_hours,
            self.outages + other.outages,
        )

    @property
    def mtbf(self) -> float | None:
        """M6 in hours; None with fewer than two failures."""
        return self.service_hours / self.failures if self.failures >= LEAST_FAILURES else None

    @property
    def availability(self) -> float | None:
        """M7, a share; None where no outage was noted: that nobody noted one proves nothing."""
        return 1 - self.down_hours / self.noted_hours if self.noted and self.outages else None


Place = tuple[str | None, Category, str | None]
"""Grid, category, site."""
Sort = tuple[Category, str | None]
"""Category and kind."""


@dataclass(frozen=True)
class Replacement:
    """What is to be replaced when, what was put off, and what that costs?"""

    fci: Value
    items: tuple[Item, ...]
    """Of this year and the ``YEARS`` - 1 that follow, and whatever was deferred beyond; by year, hazards first."""
    backlog: Mapping[Place, Backlog]
    waiting: Mapping[Sort, Waiting]
    reliability: Mapping[Sort, Reliability]
    since: date | None
    """From when on work orders are counted; None without any."""

    @property
    def deferred(self) -> tuple[Item, ...]:
        """What was put off by decision."""
        return tuple(item for item in self.items if item.move is Move.DEFERRED)


@judged
def replacement_review(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    now: datetime,
) -> Replacement:
    """The plan with what stands behind it, as of ``now`` on the community's clock. Raises Refused, Unavailable."""
    rows, window = _rows(store, actor, community_id, grids, category, now), _window(store, actor, community_id, now)
    lives = service_lives(store, actor, community_id)
    on = now.date()
    seen = [seen_on(row, on, life_of(row, lives)) for row in rows]
    standing = [each for each in seen if each.row["status"] != ServiceStatus.RETIRED.value]
    orders, repairs = _orders(store, actor, community_id, grids, window), _open(store, actor, community_id, grids)
    waiting = _waiting(rows, lives, orders, window)
    backlog = _backlog(standing, repairs)
    total = sum(backlog.values(), Backlog())
    kinds: dict[Sort, Reliability] = defaultdict(Reliability)
    for row in rows:
        kinds[_sort(row)] += _reliable(row, orders.get(row["_id"], {}), window, now)
    return Replacement(
        fci=Value(FCI, total.fci, total.n),
        items=_items(standing, on, store.zone(community_id), waiting),
        backlog=backlog,
        waiting=waiting,
        reliability={sort: found for sort, found in kinds.items() if found.items},
        since=window.first,
    )


@judged
def facility_reliability(
    store: Store, actor: Actor, community_id: str, id: str, *, now: datetime
) -> tuple[Value, Value, Reliability]:
    """M6 and M7 of one facility, and what they rest on. Raises NotFound, Refused, Unavailable."""
    facility = store.get(actor, Facility, community_id, id)
    window = _window(store, actor, community_id, now)
    orders = _orders(store, actor, community_id, None, window, facility.id)
    found = _reliable(facility.to_document(), orders.get(facility.id, {}), window, now)
    return (
        Value(replace(MTBF, minimum_n=LEAST_FAILURES), found.mtbf, found.failures),
        Value(replace(AVAILABILITY, minimum_n=1), found.availability, found.outages),
        found,
    )


# --- what is read
class _Window(NamedTuple):
    """The months in which work orders are counted, whole ones and then this one; none before the first order."""

    months: Sequence[str]
    zone: ZoneInfo

    @property
    def first(self) -> date | None:
        return date.fromisoformat(f"{self.months[0]}-01") if self.months else None

    def begins(self, month: str) -> datetime:
        return month_bounds(month, self.zone)[0]


class _Sums(NamedTuple):
    """What became of one facility in one month: work orders that were no false alarms."""

    failures: int = 0
    cost_cents: int = 0
    uncosted: int = 0

    def and_of(self, counts: Mapping[str, int]) -> "_Sums":
        """With the counters of one grid: a facility that was moved has orders in two."""
        n = counts.get("failures", 0)
        return _Sums(
            self.failures + n,
            self.cost_cents + counts.get("cost_cents", 0),
            self.uncosted + n - counts.get("costed", 0),
        )


Months = Mapping[str, _Sums]


def _window(store: Store, actor: Actor, community_id: str, now: datetime) -> _Window:
    """Since when orders are kept is the same for everybody in a community, whichever grids they look after."""
    everywhere = replace(actor, grids=None)
    first = store.aggregate(
        everywhere,
        WorkOrder,
        community_id,
        [{"$sort": {"reported_at": 1}}, {"$limit": 1}, {"$project": {"reported_at": 1}}],
        index=BY_REPORT,
    )
    zone = store.zone(community_id)
    if not first:
        return _Window((), zone)
    began = first[0]["reported_at"].astimezone(zone)
    whole = f"{began:%Y-%m}" if began.day == 1 else f"{began.replace(day=28) + timedelta(days=4):%Y-%m}"
    months = [month for month in last_months(now.date(), WINDOW_MONTHS + 1) if month >= whole]
    opened = flows.by_month(store, everywhere, community_id, WorkOrder.collection, ["opened"], months=months)
    so_far = accumulate(opened[month]["opened"] if month in opened else 0 for month in reversed(months))
    fits = bisect_right(list(so_far), MOST_ORDERS)
    return _Window(months[-max(fits, 2) :], zone)


def _rows(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None, category: str | None, now: datetime
) -> list[Document]:
    want = wanted(actor, community_id, grids=grids, category=category)
    (rows,) = store.together(actor, community_id, [want._replace(fields=(*want.fields, "created_at"))])
    return [row for row in rows if row.get("created_at") is None or row["created_at"] <= now]


def _orders(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None,
    window: _Window,
    facility_id: str | None = None,
) -> dict[str, dict[str, _Sums]]:
    """Failures and their costs by facility and month, from the counters of each month and grid."""
    require(actor, Operation.READ, WorkOrder.collection)
    if not window.months:
        return {}
    seen = reach(actor, community_id, grids)
    within: Document = {"period": Is(gte=window.months[0])}
    within |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    fields = {"period": 1, "of" if facility_id is None else f"of.{path_key(facility_id)}": 1}
    found: dict[str, dict[str, _Sums]] = defaultdict(dict)
    for document in store.counters(community_id, "facility_orders", "cell", within, fields):
        month = document["period"]
        for key, counts in document.get("of", {}).items():
            own = found[path_word(key)]
            own[month] = own.get(month, _Sums()).and_of(counts)
    return found


def _open(store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None) -> dict[str, int]:
    """What is noted as the cost of open repairs, by facility."""
    require(actor, Operation.READ, WorkOrder.collection)
    seen = reach(actor, community_id, grids)
    found: Counter[str] = Counter()
    for document in store.counters(community_id, "facility_orders", "stock", {"period": NOW}, {"by_cell": 1}):
        for grid, facilities in document.get("by_cell", {}).items():
            if seen is None or path_word(grid) in seen:
                found.update({path_word(key): counts.get("cost_cents", 0) for key, counts in facilities.items()})
    return found


# --- folding
def _sort(row: Mapping[str, Any]) -> Sort:
    return Category(row["category"]), row.get("kind")


def _items(standing: Iterable[Seen], on: date, zone: ZoneInfo, waiting: Mapping[Sort, Waiting]) -> tuple[Item, ...]:
    found = []
    for seen in standing:
        plan = planned(seen, on, zone)
        if plan.year is None or (plan.year >= on.year + YEARS and plan.move is not Move.DEFERRED):
            continue
        row, decision = seen.row, plan.decision or {}
        yearly = waiting[_sort(row)].yearly_cents if _sort(row) in waiting else None
        found.append(
            Item(
                id=row["_id"],
                code=row["code"],
                name=row["name"],
                category=Category(row["category"]),
                kind=row.get("kind"),
                grid_id=row.get("grid_id"),
                site=row.get("site"),
                condition=Condition(grade) if (grade := row.get("condition")) else None,
                responsible_id=row.get("responsible_id"),
                reasons=seen.reasons,
                due=decision.get("instead_of", plan.due) if plan.decision else plan.due,
                year=plan.year,
                move=plan.move,
                missed=plan.missed,
                cost_cents=plan.cost_cents,
                reason=decision.get("reason"),
                decided_by=decision.get("by"),
                decided_at=decision.get("at"),
                waiting_cents=_waited(plan, yearly),
            )
        )
    return tuple(sorted(found, key=lambda item: (item.year, not item.reasons, item.code, item.id)))


def _waited(plan: Planned, yearly: int | None) -> int | None:
    if plan.move is not Move.DEFERRED or yearly is None or plan.decision is None or plan.year is None:
        return None
    return yearly * (plan.year - int(plan.decision["instead_of"]))


def _backlog(standing: Iterable[Seen], repairs: Mapping[str, int]) -> dict[Place, Backlog]:
    found: dict[Place, Backlog] = defaultdict(Backlog)
    for seen in standing:
        row = seen.row
        worth = row.get("replacement_cost_cents")
        due = Reason.PAST_LIFE in seen.reasons or Reason.VERY_POOR in seen.reasons
        if worth is None:
            own = Backlog(unpriced=1)
        elif seen.end is None and row.get("condition") is None:
            own = Backlog(unjudged=1)
        else:
            repair = 0 if due else repairs.get(row["_id"], 0)
            own = Backlog(1, worth, worth if due else 0, repair, int(due))
        found[row.get("grid_id"), Category(row["category"]), row.get("site")] += own
    return dict(found)


def _waiting(
    rows: Iterable[Document], lives: Mapping[str, float], orders: Mapping[str, Months], window: _Window
) -> dict[Sort, Waiting]:
    """By whole months: this one is not over, and those in which it was installed or taken down are left out."""
    sides: dict[Sort, tuple[list[Side], list[Side]]] = defaultdict(lambda: ([], []))
    firsts = [date.fromisoformat(f"{month}-01") for month in window.months]
    for row in rows:
        old, young = _ages(row, life_of(row, lives), firsts, window.zone)
        for places, found in zip((old, young), sides[_sort(row)], strict=True):
            if places:
                own = orders.get(row["_id"], {})
                sums = [own[month] for place in places if (month := window.months[place]) in own]
                repairs, cost, uncosted = map(sum, zip(_Sums(), *sums, strict=True))
                found.append(Side(1, len(places), repairs, cost, uncosted))
    return {sort: Waiting(_sum(old), _sum(young)) for sort, (old, young) in sides.items() if old or young}


def _ages(row: Document, life: float, firsts: Sequence[date], zone: ZoneInfo) -> tuple[list[int], list[int]]:
    """The months, by their place among ``firsts``, in which it stood past its life, and those in which it did not yet;
    none where its age is not known."""
    start, end = _span(row, zone)
    if start is None:
        return [], []
    stop = len(firsts) - 1 if end is None else bisect_right(firsts, end) - 1
    renewed = row.get("renewed_on")
    turn = bisect_left(firsts, renewed.date()) if renewed else stop
    old: list[int] = []
    young: list[int] = []
    for day, places in (
        (date.min, range(bisect_left(firsts, start), min(turn, stop))),
        (date.max, range(max(turn, bisect_left(firsts, start)), stop)),
    ):
        ended = seen_on(row, day, life).end if places else None  # before its renewal, and after it
        if ended is not None:
            over = bisect_right(firsts, ended)
            young += [place for place in places if place < over]
            old += [place for place in places if place >= over]
    return old, young


def _sum(sides: Iterable[Side]) -> Side:
    return Side(*map(sum, zip(Side(), *sides, strict=True)))


def _span(row: Mapping[str, Any], zone: ZoneInfo) -> tuple[date | None, date | None]:
    """From which day to which a facility stood, as far as that is known: from its installation, else from when its
    condition was noted first, else from when it was entered; to the day it was retired."""
    history = row.get("condition_history") or ()
    noted = history[0]["at"] if history else row.get("created_at")
    installed = row.get("installed_on")
    start = installed.date() if installed else noted.astimezone(zone).date() if noted else None
    if row["status"] != ServiceStatus.RETIRED.value:
        return start, None
    gone = next((each["at"] for each in history if each.get("status") == ServiceStatus.RETIRED.value), None)
    return (start, gone.astimezone(zone).date()) if gone else (None, None)


def _reliable(row: Mapping[str, Any], own: Months, window: _Window, now: datetime) -> Reliability:
    """Failures are counted from the first whole month it stood; its status is known from when it was noted first."""
    start, end = _span(row, window.zone)
    months = [month for month in window.months if start and date.fromisoformat(f"{month}-01") >= start]
    until = now if end is None else datetime.combine(end, time(), window.zone)
    if not months or window.begins(months[0]) >= until:
        return Reliability()
    since = window.begins(months[0])
    spans = _outages(row, until)
    history = row.get("condition_history") or ()
    noted = max(since, history[0]["at"]) if history else until
    watched = until - noted >= timedelta(days=NOTED_DAYS)
    down = _within(spans, noted, until) if watched else 0.0
    return Reliability(
        items=1,
        failures=sum(own[month].failures for month in months if month in own),
        service_hours=_hours(until - since) - _within(spans, since, until),
        noted=int(watched),
        noted_hours=_hours(until - noted) if watched else 0.0,
        down_hours=down,
        outages=sum(ended > noted for _began, ended in spans) if watched else 0,
    )


def _outages(row: Mapping[str, Any], until: datetime) -> list[tuple[datetime, datetime]]:
    """When it was out of order: from each entry that says so to the next one that says otherwise."""
    found: list[tuple[datetime, datetime]] = []
    began: datetime | None = None
    for entry in row.get("condition_history") or ():
        status = entry.get("status")
        if status == ServiceStatus.OUT_OF_ORDER.value:
            began = began or entry["at"]
        elif status is not None and began is not None:
            found.append((began, entry["at"]))
            began = None
    if began is not None and began < until:
        found.append((began, until.astimezone(UTC)))
    return found


def _within(spans: Iterable[tuple[datetime, datetime]], since: datetime, until: datetime) -> float:
    return sum(_hours(max(timedelta(0), min(ended, until) - max(began, since))) for began, ended in spans)


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600
