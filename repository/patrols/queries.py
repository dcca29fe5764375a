"""Which households were visited, what was walked against the plan, what is overdue, what was found.

Sums are read off the counters, and so is which households are the same: these keep the keys of the doors of a month.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from repository.access import Actor, Operation, may, reach, require
from repository.filters import Is
from repository.grids import Grid, Setting, setting
from repository.hazards import Hazard
from repository.maintenance import WorkOrder
from repository.metrics import UNTOLD, Held, Period, State, Target, Value, judge, ratio
from repository.patrols.metrics import COVERAGE, OVERDUE, WALKED, points
from repository.patrols.records import BY_OFFICER, Became, Patrol, PatrolKind, PatrolPlan, Within
from repository.record import Record, midnight
from repository.requests import Request
from repository.rollups import path_word
from repository.store import Store, Wanted
from repository.targets import judged, standard_of, wanted

Document = dict[str, Any]

MOST_PLANS = 500
LATELY = 100
"""Patrols a list shows, the newest."""
OF_KIND: Mapping[Became, type[Record]] = {Became.ORDER: WorkOrder, Became.HAZARD: Hazard, Became.REQUEST: Request}


@dataclass(frozen=True)
class GridPatrols:
    """One grid in the period: different households visited, of how many, what was walked and found."""

    grid_id: str
    households: int | None
    visited: int | None
    """None of a range of months."""
    walked: int
    visits: int
    """Households visited, each time they were; those of whom the door was not noted too."""
    found: int
    planned: bool
    """Whether anybody is to visit households there."""
    elapsed: float = 1
    """The share of the period that has passed."""
    due: bool = True
    """Whether a visit to its households was due before today; where nobody is to visit, the time alone counts."""
    held: Held = field(default_factory=lambda: Held(date.max, COVERAGE.target))
    """What is wanted of the whole period, and whether this grid's missing it is accepted."""

    @property
    def share(self) -> float | None:
        """The coverage (G6), 1 at most; None where households are not known, or nobody is to visit or has visited
        any."""
        if not self.households or self.visited is None or not (self.planned or self.visits):
            return None
        return min(1.0, self.visited / self.households)

    @property
    def points(self) -> int | None:
        """What it is worth, as G6 says; None while the period lasts."""
        return points(self.share) if self.elapsed == 1 else None

    @property
    def state(self) -> State:
        """How it stands to the part of the target that is due by now; behind only once anything was due."""
        if self.held.target is None:
            return State.UNKNOWN
        found = judge(self.share, by_now(self.elapsed, self.held.target))
        if found in (State.NEAR, State.OFF_TARGET) and self.held.accepted is not None:
            return State.ACCEPTED
        return found if self.due or found is State.ON_TARGET else State.UNKNOWN


@dataclass(frozen=True)
class PlanState:
    """A plan: when it was walked last and is due next, what the period asked for, and its households up to now."""

    plan: PatrolPlan
    holders: tuple[str, ...]
    """Ids of those who hold the post in that grid."""
    last_on: date | None
    due_on: date | None
    """None for a plan that is over."""
    overdue_days: int
    planned: int
    walked: int
    visited: int | None
    """Different households visited in the plan's month, quarter or year; None where it asks for none."""


@dataclass(frozen=True)
class PatrolReview:
    """What the page shows of patrols."""

    on: date
    """The period's end, or today."""
    elapsed: float
    """The share of the period that has passed by then; 1 for one that is over."""
    coverage: Value
    """Of a period that lasts, held to the part of the target that is due by now."""
    walked: Value
    overdue: Value
    grids: tuple[GridPatrols, ...]
    plans: tuple[PlanState, ...]
    """Overdue first, the longest before; then by due day, those that are over last."""
    lately: tuple[Patrol, ...]
    """Of the period, newest first."""
    n: int
    """Patrols walked in the period."""
    findings: int
    places: Mapping[str, str]
    """Names of the grids by id."""
    people: Mapping[str, str]
    """Everybody's name by id."""


@dataclass(frozen=True)
class PatrolStory:
    """One patrol and what its findings became: the record by its id, where it is there and in reach."""

    patrol: Patrol
    became: Mapping[str, Record]


@dataclass(frozen=True)
class OfficerMonth:
    """What one officer walked in a month."""

    officer_id: str
    month: str
    walked: int
    visits: int
    minutes: int


@dataclass(frozen=True)
class Walked:
    """What one person walked between two days; ``visits`` are households visited, each time they were."""

    patrols: int = 0
    visits: int = 0


# --- the page
@judged
def patrol_review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    today: date,
) -> PatrolReview:
    """Were the grids walked as planned, and which share of their households was visited? Of all time: of the year that
    ends now, for no door is known beyond its year. Of a range no households are told: the ones visited in its months
    are the same ones in part. Raises NotFound, Refused, Unavailable."""
    require(actor, Operation.READ, Patrol.collection)
    on = min(period.last, today)
    if period.kind == "ever":
        period = Period.containing("year", on)
    within = setting(store, actor, community_id, also=[Wanted(PatrolPlan), *wanted(actor, community_id)])
    standard = standard_of(within.also[1:])
    seen = reach(actor, community_id, grids)
    there = [grid for grid in within.grids if seen is None or grid.id in seen]
    plans = [PatrolPlan.from_document(each) for each in within.also[0][:MOST_PLANS]]
    plans = [plan for plan in plans if seen is None or plan.grid_id in seen]
    own = [month for month in period.months if month <= f"{on:%Y-%m}"]
    whole = None if period.kind == "range" or not own else Within(period.kind)
    widest = max((whole or Within.MONTH, *(plan.within for plan in plans)), key=list(Within).index)
    visited = _households(store, actor, community_id, grids, widest, on)
    walked = patrols_by_grid(store, actor, community_id, own, grids=grids)
    asked = {plan.grid_id for plan in plans if plan.kind is PatrolKind.HOUSEHOLDS and plan.planned(period.first, on)}

    until = on if on < today else on - timedelta(days=1)  # what is due today can still be walked
    fallen = {
        plan.grid_id for plan in plans if plan.kind is PatrolKind.HOUSEHOLDS and plan.planned(period.first, until)
    }
    elapsed = max(0, (on - period.first).days + 1) / ((period.last - period.first).days + 1)

    def of(grid: Grid) -> GridPatrols:
        total: Counter[str] = sum((walked.get((grid.id, month), Counter()) for month in own), Counter())
        return GridPatrols(
            grid.id,
            grid.households,
            None if whole is None else visited[grid.id].get(whole, 0),
            total["walked"],
            total["visits"],
            total["found"],
            grid.id in asked,
            elapsed,
            grid.id in fallen or grid.id not in asked,
            standard.held(COVERAGE, on, period.kind, grid.id),
        )

    rows = tuple(of(grid) for grid in there)
    lasts = _lasts(store, actor, community_id, on, past=on < today) if plans else {}
    states = _plans(store, community_id, within, plans, visited, lasts, period, on)
    planned, kept = sum(each.planned for each in states), sum(min(each.planned, each.walked) for each in states)
    running = [each for each in states if each.due_on is not None]
    days = Is(gte=midnight(period.first), lte=midnight(on))
    lately = store.find(
        actor, Patrol, community_id, {"walked_on": days}, grids=grids, sort=[("walked_on", -1)], limit=LATELY
    )
    known = [row for row in rows if row.share is not None]
    held = standard.held(COVERAGE, on, period.kind, there[0].id if len(there) == 1 else None)
    return PatrolReview(
        on=on,
        elapsed=elapsed,
        coverage=_coverage(known, elapsed, held) if whole else Value(COVERAGE, None, 0, why=UNTOLD if own else ""),
        walked=Value(WALKED, ratio(kept, planned), planned),
        overdue=Value(OVERDUE, sum(each.overdue_days > 0 for each in running) if running else None, len(running)),
        grids=rows,
        plans=states,
        lately=tuple(lately),
        n=sum(row.walked for row in rows),
        findings=sum(row.found for row in rows),
        places={grid.id: grid.name for grid in there},
        people=within.names,
    )


def _coverage(known: Sequence[GridPatrols], elapsed: float, held: Held) -> Value:
    """G6 over grids whose share is known: a surplus in one hides no gap in another; held to no target before anything
    was due. ``detail`` is its points, which a period has when it is over."""
    whole = sum(row.households or 0 for row in known)
    share = ratio(sum(min(row.visited or 0, row.households or 0) for row in known), whole)
    target = None if held.target is None else by_now(elapsed, held.target)
    if target is not None and elapsed < 1 and judge(share, target) is not State.ON_TARGET:
        target = target if any(row.due for row in known) else None
    return Value(
        COVERAGE, share, whole, detail=points(share) if elapsed == 1 else None, held=replace(held, target=target)
    )


def by_now(elapsed: float, target: Target) -> Target:
    """What of a target is due when a share of the period has passed."""
    low, near = (None if bound is None else elapsed * bound for bound in (target.low, target.near_low))
    return replace(target, low=low, near_low=near)


def _households(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None, widest: Within, on: date
) -> dict[str, dict[Within, int]]:
    """Different households by grid, in the month, the quarter and the year up to a day, as far as the ``widest`` of
    them: read off what is counted of each door, one document a month and grid, however much was walked."""
    months = {Within.MONTH: 1, Within.QUARTER: (on.month - 1) % 3 + 1, Within.YEAR: on.month}
    seen = reach(actor, community_id, grids)
    where: Document = {"period": Is(gte=f"{on.year}-{on.month - months[widest] + 1:02d}", lte=f"{on:%Y-%m}")}
    where |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    doors: dict[str, dict[int, set[str]]] = defaultdict(dict)
    for cell in store.counters(community_id, "patrol_doors", "cell", where):
        doors[cell["grid"]][int(cell["period"][5:])] = {key for key, n in cell.get("doors", {}).items() if n > 0}
    found: dict[str, dict[Within, int]] = defaultdict(dict)
    for grid, by_month in doors.items():
        for within, count in months.items():
            own = (by_month.get(month, set()) for month in range(on.month - count + 1, on.month + 1))
            found[grid][within] = len(set().union(*own))
    return found


def _plans(
    store: Store,
    community_id: str,
    within: Setting,
    plans: Sequence[PatrolPlan],
    visited: Mapping[str, Mapping[Within, int]],
    lasts: Mapping[str, date],
    period: Period,
    on: date,
) -> tuple[PlanState, ...]:
    counts: Counter[str] = Counter()
    own = {"period": Is(gte=f"{period.first:%Y-%m}", lte=f"{on:%Y-%m}")}
    for cell in store.counters(community_id, "patrol_rounds", "cell", own) if plans else ():
        counts[cell["category"]] += cell.get("walked", 0)

    def state(plan: PatrolPlan) -> PlanState:
        last_on = lasts.get(plan.id)
        due_on = plan.next_due(last_on) if plan.runs_on(max(on, plan.since)) else None
        asks = plan.kind is PatrolKind.HOUSEHOLDS and plan.households
        return PlanState(
            plan,
            _holders(within, plan, on),
            last_on,
            due_on,
            max(0, (on - due_on).days) if due_on else 0,
            plan.planned(period.first, on),
            counts[plan.id],
            visited[plan.grid_id].get(plan.within, 0) if asks else None,
        )

    states = [state(plan) for plan in plans]
    return tuple(sorted(states, key=lambda each: (each.due_on or date.max, each.plan.name)))


def _holders(within: Setting, plan: PatrolPlan, on: date) -> tuple[str, ...]:
    own = [post for post in within.posts if post.tier is plan.tier and post.grid_id in (plan.grid_id, None)]
    return tuple(dict.fromkeys(holder for post in own if (holder := within.holder_of(post, on))))


def _lasts(store: Store, actor: Actor, community_id: str, on: date, *, past: bool) -> dict[str, date]:
    """Plan -> the day it was last walked: one look into the index for each, however many patrols there were. Up to a
    day of the ``past``: as far back as a plan's longest interval reaches twice."""
    pipeline: list[Document] = [
        {"$sort": {"community_id": -1, "plan_id": -1, "walked_on": -1}},
        {"$group": {"_id": "$plan_id", "on": {"$first": "$walked_on"}}},
    ]
    days = {"walked_on": Is(gte=midnight(on - timedelta(days=2 * 366)), lte=midnight(on))} if past else {}
    rows = store.aggregate(replace(actor, grids=None), Patrol, community_id, pipeline, filter=days)
    return {row["_id"]: row["on"].date() for row in rows if row["_id"]}


# --- sums
def patrols_by_grid(
    store: Store,
    actor: Actor,
    community_id: str,
    months: Sequence[str],
    *,
    grids: frozenset[str] | None = None,
) -> dict[tuple[str, str], Counter[str]]:
    """(grid, month) -> ``walked``, ``visits``, ``minutes``, ``found``, from the first of ``months`` to the last. Raises
    Refused, Unavailable."""
    require(actor, Operation.READ, Patrol.collection)
    seen = reach(actor, community_id, grids)
    found: dict[tuple[str, str], Counter[str]] = {}
    if not months:
        return found
    within = {"period": Is(gte=min(months), lte=max(months))}
    for document in store.counters(community_id, "patrols", "month", within, {"period": 1, "by_grid": 1}):
        for key, branch in document.get("by_grid", {}).items():
            if seen is None or path_word(key) in seen:
                found[path_word(key), document["period"]] = Counter(branch)
    return found


def patrols_by_officer(
    store: Store, actor: Actor, community_id: str, months: Sequence[str], *, grids: frozenset[str] | None = None
) -> tuple[OfficerMonth, ...]:
    """What each officer walked, month by month, from the first of ``months`` to the last. Raises Refused,
    Unavailable."""
    require(actor, Operation.READ, Patrol.collection)
    seen = reach(actor, community_id, grids)
    where: Document = {"period": Is(gte=min(months), lte=max(months))}
    where |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cell in store.counters(community_id, "patrol_officers", "cell", where):
        sums[cell["category"], cell["period"]].update(
            {name: cell.get(name, 0) for name in ("walked", "visits", "minutes")}
        )
    return tuple(
        OfficerMonth(officer, month, n["walked"], n["visits"], n["minutes"])
        for (officer, month), n in sorted(sums.items())
    )


def walked_by(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], first: date, last: date
) -> dict[str, Walked]:
    """What each of some people walked from one day to another, both included; who did not walk is left out. Raises
    Refused, Unavailable."""
    within = {"officer_id": Is(among=sorted(set(people))), "walked_on": Is(gte=midnight(first), lte=midnight(last))}
    sums = {"_id": "$officer_id", "patrols": {"$sum": 1}, "visits": {"$sum": "$households"}}
    rows = store.aggregate(actor, Patrol, community_id, [{"$group": sums}], filter=within, index=BY_OFFICER)
    return {row["_id"]: Walked(int(row["patrols"]), int(row["visits"])) for row in rows}


# --- single ones
def plans(store: Store, actor: Actor, community_id: str) -> list[PatrolPlan]:
    """The plans in reach, by name. Raises Refused, Unavailable."""
    return store.find(actor, PatrolPlan, community_id, sort=[("name", 1)], limit=MOST_PLANS)


def patrol_story(store: Store, actor: Actor, community_id: str, id: str) -> PatrolStory:
    """One patrol and what came of it. Raises NotFound, Refused, Unavailable."""
    patrol = store.get(actor, Patrol, community_id, id)
    became: dict[str, Record] = {}
    for kind, record in OF_KIND.items():
        ids = [one.ref for one in patrol.findings if one.became is kind and one.ref]
        if ids and may(actor, Operation.READ, record.collection):
            found = store.find(actor, record, community_id, {"_id": Is(among=ids)}, limit=len(ids))
            became |= {one.id: one for one in found}
    return PatrolStory(patrol, became)


def which_found(store: Store, actor: Actor, community_id: str, ref: str) -> Patrol | None:
    """The patrol on which a work order, hazard or request was found; None where it was none. Raises Refused,
    Unavailable."""
    found = store.find(actor, Patrol, community_id, {"findings.ref": ref}, limit=1)
    return found[0] if found else None
