"""How fairly the work is shared, over time: between grids, and between those who hold the same kind of post.

Everybody may read how the grids share it. What each colleague carries is theirs, and the secretary's, to see: like is
compared with like only, a grid's director with directors, a safety assistant with assistants, over the grids in view.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

from repository import maintenance, patrols, requests
from repository.access import Actor, Operation, may, reach
from repository.grids import Grid, Post, Setting, Tier, setting
from repository.metrics import MINIMUM_N, Metric, Period, Target, Value, declare, last_months, ratio
from repository.record import Choice
from repository.store import Store
from repository.targets import judged
from repository.words import msg

HEAVY = 1.5
"""Who carries more than so many times the mean carries too much."""
SERIES_MONTHS = 12


class Measure(Choice):
    """What work is measured by."""

    HOUSEHOLDS = "households", msg("Households")
    OPEN = "open", msg("Open work orders")
    REQUESTS = "requests", msg("Requests received")
    PATROLS = "patrols", msg("Patrols")
    HOURS = "hours", msg("Hours")


_EACH: Mapping[Measure, str] = MappingProxyType(
    {
        Measure.OPEN: msg("Open work orders of the grid that has most ÷ mean per grid, at the end of the month"),
        Measure.REQUESTS: msg("Requests received in the grid that had most ÷ mean per grid"),
        Measure.PATROLS: msg("Patrols walked in the grid that had most ÷ mean per grid"),
        Measure.HOURS: msg("Hours on patrols and on completed work orders in the grid that had most ÷ mean per grid"),
    }
)
_COUNTED_IN: Mapping[Measure, tuple[str, ...]] = {
    Measure.OPEN: ("work_orders",),
    Measure.REQUESTS: ("requests",),
    Measure.PATROLS: ("patrols",),
    Measure.HOURS: ("patrols", "work_orders"),
}
SPREAD: Mapping[Measure, Metric] = MappingProxyType(
    {
        measure: declare(
            Metric(
                key=f"G8_{measure}",
                title=msg("Spread of the work between grids"),
                short=measure.label,
                unit="times",
                of=_COUNTED_IN[measure],
                formula=formula,
                source=msg("As G8, on work in place of households; the bound is our own"),
                target=Target(high=HEAVY),
                page="grids",
            )
        )
        for measure, formula in _EACH.items()
    }
)
"""G8's form on the work of a month, by what it is measured by; n is the sum over the grids."""


@dataclass(frozen=True)
class Load:
    """What one grid or person carries in the period; None where it is not known. Households and open orders are of its
    end for a grid, of now for a person."""

    households: float | None
    open: int
    requests: int
    patrols: int
    hours: float

    def of(self, measure: Measure) -> float | None:
        """By one measure."""
        found: float | None = getattr(self, measure)
        return found


@dataclass(frozen=True)
class Officer:
    """Somebody who holds a post, with those of the same tier in view: ``times`` is what they carry ÷ the mean of these,
    by measure, where at least two hold such a post and there are MINIMUM_N of it or more."""

    person_id: str
    tier: Tier
    grids: tuple[str, ...]
    """Ids of the grids the post is for; empty: the whole community."""
    load: Load
    times: Mapping[Measure, float]

    @property
    def heavy(self) -> tuple[tuple[Measure, float], ...]:
        """By which measures they carry too much, the worst first."""
        found = [(measure, times) for measure, times in self.times.items() if times > HEAVY]
        return tuple(sorted(found, key=lambda pair: -pair[1]))


@dataclass(frozen=True)
class Workload:
    """How the work of the period is shared."""

    on: date
    """The period's end, or today."""
    spreads: Mapping[Measure, Value]
    """Max ÷ mean of the grids over the period, with the months up to its end as series."""
    grids: tuple[tuple[Grid, Load], ...]
    officers: tuple[Officer, ...]
    """Whoever carries most beyond the mean first."""
    everybody: bool
    """Whether these are all officers, or only who asks."""
    names: Mapping[str, str]
    """Everybody's name by id."""


@judged
def workload(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Workload:
    """How is the work of the period shared between the wished grids and the officers? Of all
    time: of the twelve months up to now. Raises NotFound, Refused, Unavailable."""
    zone = store.zone(community_id)
    on = min(period.last, now.astimezone(zone).date())
    series = last_months(on, SERIES_MONTHS)
    own = [month for month in (series if period.kind == "ever" else period.months) if month <= series[-1]]
    there = setting(store, actor, community_id)
    seen = reach(actor, community_id, grids)
    known = [grid for grid in there.grids if seen is None or grid.id in seen]
    work = {(row.grid_id, row.month): row for row in maintenance.work_by_grid(
        store, actor, community_id, period, grids, now=now
    )}  # fmt: skip
    cases = {(row.grid_id, row.month): row for row in requests.requests_by_grid(
        store, actor, community_id, period, grids, now=now
    )}  # fmt: skip
    months = sorted({*series, *own})
    walks = patrols.patrols_by_grid(store, actor, community_id, months, grids=grids)

    def load(grid: Grid, chosen: Sequence[str]) -> Load:
        last = work.get((grid.id, chosen[-1])) if chosen else None
        minutes = sum(work[grid.id, month].minutes for month in chosen if (grid.id, month) in work)
        walked: Counter[str] = sum((walks.get((grid.id, month), Counter()) for month in chosen), Counter())
        return Load(
            grid.households,
            last.open if last else 0,
            sum(cases[grid.id, month].opened for month in chosen if (grid.id, month) in cases),
            walked["walked"],
            (minutes + walked["minutes"]) / 60,
        )

    by_month = {month: [load(grid, [month]) for grid in known] for month in series}
    whole = [load(grid, own) for grid in known]

    def spread(measure: Measure) -> Value:
        value, n = _spread(whole, measure)
        course = [(month, _enough(*_spread(loads, measure))) for month, loads in by_month.items()]
        return Value(SPREAD[measure], value, n, course)

    mine = replace(actor, grids=seen)
    officers, everybody = _officers(store, mine, community_id, there, known, own, on)
    return Workload(
        on, {measure: spread(measure) for measure in SPREAD}, tuple(zip(known, whole, strict=True)), officers,
        everybody, there.names,
    )  # fmt: skip


def _spread(loads: Sequence[Load], measure: Measure) -> tuple[float | None, int]:
    amounts = [load.of(measure) or 0 for load in loads]
    mean = ratio(sum(amounts), len(amounts))
    return (max(amounts) / mean if mean and len(amounts) > 1 else None), round(sum(amounts))


def _enough(value: float | None, n: int) -> float | None:
    return value if n >= MINIMUM_N else None


# --- people
def _officers(
    store: Store,
    actor: Actor,
    community_id: str,
    there: Setting,
    known: Sequence[Grid],
    months: Sequence[str],
    on: date,
) -> tuple[tuple[Officer, ...], bool]:
    """Those who hold a post of the grids on the day; all of them for whoever may see each colleague's load, else only
    who asks."""
    everybody = may(actor, Operation.READ, "officer_loads")
    ids = {grid.id for grid in known}
    held: dict[tuple[Tier, str], list[Post]] = defaultdict(list)
    for post in there.posts:
        holder = post.holder_on(on)
        if holder and holder not in there.gone and (post.grid_id is None or post.grid_id in ids):
            held[post.tier, holder].append(post)
    wanted = sorted({holder for _tier, holder in held})
    if not months or not wanted or not (everybody or set(wanted) & set(actor.people)):
        return (), everybody
    first, last = Period.of(months[0]).first, min(Period.of(months[-1]).last, on)
    work = maintenance.load_of(store, actor, community_id, wanted, months)
    walks: dict[str, Counter[str]] = defaultdict(Counter)
    for each in patrols.patrols_by_officer(store, actor, community_id, months):
        if each.month in months:
            walks[each.officer_id].update({"walked": each.walked, "minutes": each.minutes})
    cases = requests.received_for(store, actor, community_id, wanted, first, last)
    sharing = Counter((post.tier, post.grid_id) for posts in held.values() for post in posts)

    def load(tier: Tier, person: str) -> Load:
        posts = held[tier, person]
        own = [post.grid_id for post in posts]
        # those who hold the same post of a grid share its households
        parts = [
            grid.households / sharing[tier, place]
            for place in own
            for grid in known
            if grid.households is not None and place in (grid.id, None)
        ]
        minutes = work[person].minutes + walks[person]["minutes"]
        return Load(sum(parts) if parts else None, work[person].open, cases.get(person, 0), walks[person]["walked"],
                    minutes / 60)  # fmt: skip

    loads = {key: load(*key) for key in held}
    found = []
    for (tier, person), carried in loads.items():
        alike = [each for (other, _person), each in loads.items() if other is tier]
        times = {measure: share for measure in Measure if (share := _times(carried, alike, measure)) is not None}
        grids = tuple(dict.fromkeys(post.grid_id for post in held[tier, person] if post.grid_id))
        found.append(Officer(person, tier, grids, carried, times))
    found.sort(key=lambda each: (-max(each.times.values(), default=0), each.person_id))
    return tuple(each for each in found if everybody or each.person_id in actor.people), everybody


def _times(own: Load, alike: Sequence[Load], measure: Measure) -> float | None:
    amounts = [amount for each in alike if (amount := each.of(measure)) is not None]
    mine, mean = own.of(measure), ratio(sum(amounts), len(amounts))
    return mine / mean if mine is not None and mean and len(amounts) > 1 and sum(amounts) >= MINIMUM_N else None
