"""What lies behind the backlog: who and what the old work belongs to, where states pile up, what breaks again, how long
things really take.

Flows come from the counters. What is open now, and what was reported in a period, is read off index keys alone, the
latter of the newest NEWEST orders only, so that nothing costs more with every year; where that leaves something out,
``left_out`` says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log10
from typing import Any

from repository.access import Actor
from repository.filters import Is
from repository.maintenance.metrics import AGE_BANDS, Ledger, _Part, hours
from repository.maintenance.records import BY_AGE, BY_REPORT, REPORTS, WorkOrder
from repository.metrics import Metric, Period, Target, Value, declare, ratio
from repository.record import Choice
from repository.rollups import bin_bounds
from repository.store import Steps, Store, in_steps
from repository.targets import judged
from repository.words import msg

STEPS = (1, 4, 24, 72, 168, 720)
"""Hours at which one step of durations ends and the next begins; the last has no end."""
NEWEST = 3_000  # reported orders that a ranking of a period looks at
MOST = 15  # lines of a ranking

REWORK = declare(
    Metric(
        key="work_rework",
        title=msg("Rework"),
        short=msg("Rework"),
        unit="percent",
        of=("work_orders",),
        formula=msg(
            "(Repairs reopened as not fixed + the same fault on the same facility within 30 days of its repair) ÷ "
            "repairs completed in the period"
        ),
        source=msg("Rework rate of Jinniu District's grid rules; the window of 30 days is our own"),
        target=Target(high=0.1),
        page="maintenance",
    )
)
SATISFACTION = declare(
    Metric(
        key="work_satisfaction",
        title=msg("Satisfaction with repairs"),
        short=msg("Satisfaction"),
        unit="grade",
        of=("work_orders",),
        formula=msg("Mean grade, 1 to 5, that reporters gave repairs which ended in the period"),
        source=msg("Asked by the reporter's own link once a repair is done"),
        target=Target(low=4),
        page="maintenance",
    )
)
HELD = declare(
    Metric(
        key="work_held",
        title=msg("Time on hold, mean"),
        short=msg("On hold"),
        unit="hours",
        of=("work_orders",),
        formula=msg("Hours on hold ÷ orders that had been on hold, of those that ended in the period"),
        source=msg("Holding stops no clock: this time is part of the time to repair and is shown apart"),
        minimum_n=5,
        page="maintenance",
    )
)


class Side(Choice):
    """By what the open work is told apart."""

    GRID = "grid_id", msg("Grid")
    CATEGORY = "category", msg("Category")
    FACILITY = "facility_id", msg("Facility")
    PERSON = "assignee_id", msg("Person")
    COMPANY = "company_id", msg("Company")


@dataclass(frozen=True)
class Ageing:
    """How old is the open work of one grid, category, facility, person or company (empty: of none)? ``bands`` are the
    orders in each of AGE_BANDS."""

    key: str
    bands: tuple[int, ...]
    overdue: int

    @property
    def open(self) -> int:
        """All of it."""
        return sum(self.bands)


@dataclass(frozen=True)
class Stages:
    """How many orders stood where at the end of a month (now, for the present one)?"""

    month: str
    waiting: int
    """Reported, not answered yet."""
    working: int
    """Answered, not ended yet."""
    to_verify: int
    """Said to be done, not verified yet."""


@dataclass(frozen=True)
class Often:
    """How often was one fault, or one facility, reported in the period?"""

    key: str
    reports: int


@dataclass(frozen=True)
class Ranking:
    """What is reported most, the first MOST; ``total`` of all ``reports`` looked at. ``left_out``: there were more than
    NEWEST, and only the newest were looked at."""

    rows: tuple[Often, ...]
    total: int
    left_out: bool


@dataclass(frozen=True)
class Spread:
    """How long did it take?"""

    steps: tuple[int, ...]
    """How many in each of STEPS, and longer: by the middle of their bins."""
    n: int
    mean_hours: float | None


@dataclass(frozen=True)
class Quality:
    """How well was the work done, and where did it stand still?"""

    known: bool
    """Whether there was ever any."""
    rework: Value
    satisfaction: Value
    held: Value
    stages: tuple[Stages, ...]
    respond: Spread
    repair: Spread

    def __iter__(self) -> Any:
        return iter((self.rework, self.satisfaction, self.held))


# --- the questions
@judged
@in_steps
def quality(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    now: datetime,
) -> Steps[Quality]:
    """How well was the work done in the period, and in which state did it pile up? Raises Refused, Unavailable."""
    ledger = yield from Ledger.read_flows(store, actor, community_id, period, grids, category, now)
    part, months = ledger.all, ledger.flow_months

    held, held_n = _mean(part, "held_seconds", "held_n", months)
    by_month = [(month, hours(_mean(part, "held_seconds", "held_n", [month])[0])) for month in ledger.series]
    return Quality(
        known=ledger.known,
        rework=_rework(part, months, ledger.series),
        satisfaction=_satisfaction(part, months, ledger.series),
        held=Value(HELD, hours(held), held_n, by_month),
        stages=_stages(ledger),
        respond=_spread(ledger, "respond"),
        repair=_spread(ledger, "repair"),
    )


def _mean(part: _Part, total: str, count: str, months: Sequence[str]) -> tuple[float | None, int]:
    n = part.flow(count, months)
    return ratio(part.flow(total, months), n), n


def _rework(part: _Part, months: Sequence[str], series: Sequence[str]) -> Value:
    """What did not last, of the whole or of one company."""

    def share(which: Sequence[str]) -> tuple[float | None, int]:
        n = part.flow("ended_completed", which)
        return ratio(part.flow("rework", which) + part.flow("repeat", which), n), n

    return Value(REWORK, *share(months), [(month, share([month])[0]) for month in series])


def _satisfaction(part: _Part, months: Sequence[str], series: Sequence[str]) -> Value:
    """How those graded it who had reported it, of the whole or of one company."""
    names = "satisfaction_sum", "satisfaction_n"
    return Value(
        SATISFACTION, *_mean(part, *names, months), [(month, _mean(part, *names, [month])[0]) for month in series]
    )


def ageing(
    store: Store,
    actor: Actor,
    community_id: str,
    by: Side | str,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    now: datetime,
) -> list[Ageing]:
    """How old is the open work now, told apart ``by`` one side; the most overdue first. Raises Refused, Unavailable."""
    side = Side(by)
    edges = [high for _low, high in AGE_BANDS if high is not None]
    local = now.astimezone(store.zone(community_id))
    branches = [
        {"case": {"$gte": ["$reported_at", Ledger.midnight(local, days)]}, "then": place}
        for place, days in enumerate(edges)
    ]
    band = {"$switch": {"branches": branches, "default": len(edges)}}
    late = {"$and": [{"$gt": ["$due_at", None]}, {"$lt": ["$due_at", now]}]}
    found = store.aggregate(
        actor,
        WorkOrder,
        community_id,
        [
            {
                "$group": {
                    "_id": {"key": f"${side.value}", "band": band},
                    "n": {"$sum": 1},
                    "late": {"$sum": {"$cond": [late, 1, 0]}},
                }
            }
        ],
        filter={"is_open": True} | ({} if category is None else {"category": category}),
        grids=grids,
        index=BY_AGE,
    )
    bands: dict[str, list[int]] = {}
    overdue: dict[str, int] = {}
    for group in found:
        key = group["_id"].get("key") or ""
        bands.setdefault(key, [0] * len(AGE_BANDS))[group["_id"]["band"]] += group["n"]
        overdue[key] = overdue.get(key, 0) + group["late"]
    rows = [Ageing(key, tuple(counts), overdue[key]) for key, counts in bands.items()]
    return sorted(rows, key=lambda row: (-row.overdue, -row.open, row.key))


def ranking(
    store: Store,
    actor: Actor,
    community_id: str,
    by: str,
    period: Period,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    now: datetime,
) -> Ranking:
    """Which faults (``fault``) or facilities (``facility_id``) are reported most in the period? What a plan asks for is
    no report. Raises Refused, Unavailable."""
    if by not in {"fault", "facility_id"}:
        raise ValueError(by)
    first, last = period.bounds(store.zone(community_id))
    where: dict[str, Any] = {"reported_at": Is(gte=first, lt=min(last, now)), **REPORTS}
    if category is not None:
        where["category"] = category
    if by == "facility_id":
        where["facility_id"] = Is(gt="")
    most = {"n": MOST, "sortBy": {"n": -1, "_id": 1}, "output": {"key": "$_id", "n": "$n"}}
    found = store.aggregate(
        actor,
        WorkOrder,
        community_id,
        [
            {"$sort": {"reported_at": -1}},
            {"$limit": NEWEST},
            {"$group": {"_id": f"${by}", "n": {"$sum": 1}}},
            {"$group": {"_id": None, "n": {"$sum": "$n"}, "most": {"$topN": most}}},
        ],
        filter=where,
        grids=grids,
        index=BY_REPORT,
    )
    if not found:
        return Ranking((), 0, left_out=False)
    rows = tuple(Often(each["key"], each["n"]) for each in found[0]["most"])
    return Ranking(rows, found[0]["n"], left_out=found[0]["n"] >= NEWEST)


# --- from a ledger
def _stages(ledger: Ledger) -> tuple[Stages, ...]:
    """Where orders stood at the ends of the last months: today's stocks, walked back through the flows between the
    stages. What has left one stage has entered the next."""
    part = ledger.all
    waiting = part.stock_of("status_reported")
    verify = part.to_verify
    ends = ledger.ends()
    rows: dict[str, Stages] = {}
    later = [month for month in part.months if month > ledger.series[-1]]
    for month in [*sorted(later, reverse=True), *reversed(ledger.series)]:
        if month in ends:
            owed = ends[month][0]
            rows[month] = Stages(month, min(waiting, owed), max(0, owed - waiting), verify)
        waiting -= part.flow("opened", [month]) - part.flow("answered", [month])
        failed = part.flow("rework", [month]) - part.flow("rework_verified", [month])  # these waited no more
        verify -= part.flow("ended_completed", [month]) - failed - part.flow("verified", [month])
    return tuple(rows[month] for month in ledger.series if month in rows)


def _spread(ledger: Ledger, name: str) -> Spread:
    months = ledger.flow_months
    held: Mapping[int, int] = ledger.all.bins(name, months)
    n = ledger.all.flow(f"{name}_n", months)
    steps = [0] * (len(STEPS) + 1)
    for number, many in held.items():
        steps[step_of(number)] += many
    return Spread(tuple(steps), n, hours(ratio(ledger.all.flow(f"{name}_seconds", months), n)))


def step_of(bin: int) -> int:
    """The position in STEPS that a bin of durations belongs to."""
    low, high = (max(bound / 3600, 1e-4) for bound in bin_bounds(bin))
    middle = 10 ** ((log10(low) + log10(high)) / 2)
    return next((place for place, edge in enumerate(STEPS) if middle < edge), len(STEPS))
