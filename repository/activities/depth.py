"""How residents take part over time and how deeply: who comes again, from bystander to volunteer, which formats reach
those who stay away, what runs the same way again and again, what visitors say and what it costs.

Of the whole community, and of one grid what that does not single residents out by. Read from counters (see
``repository.rollups``) and from some hundred activities, however many residents came.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pymongo

from repository.access import Actor, reach
from repository.activities.metrics import (
    ACTIVE_SHARE,
    COST,
    DEEP,
    LAPSED,
    REGISTERED_SHARE,
    RETAINED,
    SAME_FLOW,
    SERVICE_HOURS,
    VISITORS_SATISFIED,
)
from repository.activities.queries import _told_until
from repository.activities.records import BY_ROLE, Activity, ActivityStatus, Attendance, Format, Level
from repository.activities.returning import WHOLE, Cohort, Comings, Returning, Rung
from repository.disclosure import Counts, siblings, sums_may_be_told, together, withheld_of_parts
from repository.filters import Is
from repository.grids import Community, Grid
from repository.metrics import UNTOLD, Period, Value, last_months, ratio
from repository.people import AgeBand
from repository.record import midnight
from repository.rollups import BESIDE, COUNTS, EVER, SOON, STEPS, path_key, path_word, seen_place
from repository.store import READ_SECONDS, Store, our_errors
from repository.targets import judged

Document = dict[str, Any]
MONTHS = 12  # of a course, and cohorts of a table
DEEP_LEVELS = (Level.INVOLVE, Level.COLLABORATE, Level.EMPOWER)
LATEST = 200  # activities among which runs are looked for
YEARS = 5  # back, for whom a format reached
OTHERS = 12  # communities that are asked where nothing is known here
MOST_MOVED = 200


# --- answers ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Depth:
    """One participation level: sessions held, registered visits, heads counted."""

    level: Level
    sessions: int
    visits: int
    heads: int


@dataclass(frozen=True)
class ResidentsReview:
    """How a community's residents take part. ``unlevelled`` are sessions whose level is not recorded, ``unpriced``
    activities without a recorded spend; ``services`` and ``timed`` are volunteers' services and those with hours."""

    period: Period
    smallest: int
    residents: int | None
    comings: Comings | None
    course: tuple[Comings, ...]
    lapsed: Value
    lapsed_in: Period
    """The period that is of: the chosen one, or the one before while it is not over."""
    cohorts: tuple[Cohort, ...]
    retained: Value
    retained_in: Period
    """The calendar year of first coming that is of."""
    rungs: tuple[Rung, ...]
    depths: tuple[Depth, ...]
    unlevelled: int
    deep: Value
    satisfied: Value
    cost: Value
    spend_cents: int
    priced: int
    unpriced: int
    registered: int | None
    joined: int | None
    served: int | None
    services: int
    timed: int
    registered_share: Value
    active: Value
    hours: Value


@dataclass(frozen=True)
class GridReview:
    """How the residents of one grid take part, wherever that is: those who came from it. What may not be told is None,
    or a value without one."""

    period: Period
    smallest: int
    residents: int | None
    comings: Comings | None
    course: tuple[Comings, ...]
    lapsed: Value
    lapsed_in: Period
    retained: Value
    retained_in: Period
    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class Run:
    """Activities of one format, one after the other, that ran the same way. ``by_steps``: by their recorded steps."""

    format: str
    length: int
    first: date
    last: date
    what: str
    by_steps: bool


@dataclass(frozen=True)
class FlowRuns:
    """The unbroken runs that reach to the period's end, longest first, and the longest as a metric."""

    longest: Value
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class FormatReach:
    """Whom a format reached in the latest calendar year it was held in: different residents of known age, and the share
    of each age band among them; None where it is withheld. ``year`` is None where nothing is known; ``elsewhere``: it
    is of another community in the actor's charge."""

    format: str
    year: str | None
    people: int
    shares: Mapping[AgeBand, float | None]
    elsewhere: bool = False


@dataclass(frozen=True)
class Moved:
    """A resident who reached a step for the first time, in this month."""

    resident: str
    step: str
    month: str


# --- over time -------------------------------------------------------------------------------------------------------
@judged
def residents_review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
) -> ResidentsReview | None:
    """Everything the part "residents" shows of a period, from counters alone; None where only some grids are chosen or
    in charge. ``now`` is the store's clock by default. Raises Refused, Unavailable, NotFound.

    Numbers of people below the community's smallest group are withheld, and those they could be worked out from: on
    months, quarters and years; of all time and of a range of months there are none.
    """
    if reach(actor, community_id, grids) is not None:
        return None
    community = store.get(actor, Community, community_id, community_id)
    today = (now or store.clock()).astimezone(store.zone(community_id)).date()
    months = _course_of(period, today)
    returning, flows, visits, staffed = _counters(store, community, period, today)
    people = {key: grids.get(WHOLE, {}) for key, grids in returning.people.items()}
    residents = community.residents or sum(row.count for row in community.population) or None
    k = community.smallest_group
    span = sorted(flows.keys() | visits.keys()) if period.kind == "ever" else period.months
    held, came = _total(flows, span), _total(visits, span)
    why = _untold(returning, period)
    unique = 0 if why else people.get(period.key, {}).get("unique", 0)

    def deep_of(some: Iterable[str]) -> tuple[float | None, int]:
        these, those = _total(flows, some), _total(visits, some)
        all_of = {level: those[f"level_{level}"] + these[f"heads_{level}"] for level in Level}
        n = sum(all_of.values())
        return ratio(sum(all_of[level] for level in DEEP_LEVELS), n), n

    def satisfied_of(some: Iterable[str]) -> float | None:
        these = _total(flows, some)
        return ratio(these["satisfied"], these["answers"])

    course = months[-MONTHS:]
    deep, n_deep = deep_of(span)
    levelled = sum(held[f"level_{level}"] for level in Level)
    return ResidentsReview(
        period=period,
        smallest=k,
        residents=residents,
        cohorts=returning.table(months[-MONTHS - 1 :]),
        **_over_time(returning, period, residents, course),
        depths=tuple(
            Depth(level, held[f"level_{level}"], came[f"level_{level}"], held[f"heads_{level}"]) for level in Level
        ),
        unlevelled=held["events"] - levelled,
        deep=Value(DEEP, deep, n_deep, [(month, deep_of([month])[0]) for month in course]),
        satisfied=Value(
            VISITORS_SATISFIED,
            satisfied_of(span),
            held["answers"],
            [(month, satisfied_of([month])) for month in course],
        ),
        cost=Value(COST, ratio(held["spend_cents"], unique) if held["spend_known"] else None, unique, why=why),
        spend_cents=held["spend_cents"],
        priced=held["spend_known"],
        unpriced=held["records"] - held["spend_known"],
        **_volunteering(staffed, returning, came, period, residents),
    )


@judged
def residents_of_grid(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
) -> GridReview | None:
    """What the part "residents" shows of one grid, from counters alone; None unless exactly one is chosen or in charge.
    Raises Refused, Unavailable, NotFound.

    Told or withheld as of the whole community, and besides only where no grid has few of any kind: what the others
    leave would be these few. Who moved is lapsed in one grid and came back in the other.
    """
    seen = reach(actor, community_id, grids)
    if seen is None or len(seen) != 1:
        return None
    (grid,) = seen
    community = store.get(actor, Community, community_id, community_id)
    there = store.find(actor, Grid, community_id, {"_id": grid}, limit=1)
    residents = there[0].residents if there else None
    today = (now or store.clock()).astimezone(store.zone(community_id)).date()
    course = _course_of(period, today)[-MONTHS:]
    returning, *_flows = _counters(store, community, period, today, grid=grid)
    told = _over_time(returning, period, residents, course, grid)
    return GridReview(period=period, smallest=community.smallest_group, residents=residents, **told)


def _over_time(
    returning: Returning, period: Period, residents: int | None, course: Sequence[str], grid: str = WHOLE
) -> dict[str, Any]:
    """Who came again and how far they went, of the community or of a grid, as both reviews tell it."""
    mine = returning.comings(period, grid) if returning.tells(period) else None
    over = period if not siblings(period.key) or returning.is_over(period) else period.previous
    ended = mine if over == period else returning.comings(over, grid)
    why = _untold(returning, over)
    lapsed = None if ended is None or not ended.before or ended.lapsed is None else ended.lapsed / ended.before
    kept = returning.kept(returning.latest_year(period), grid)
    return {
        "comings": mine,
        "course": tuple(returning.comings(one, grid) for one in map(Period.of, course) if returning.tells(one)),
        "lapsed": Value(LAPSED, lapsed, 0 if ended is None or ended.lapsed is None else ended.before or 0, why=why),
        "lapsed_in": over,
        "retained": Value(
            RETAINED, None if kept.again is None else ratio(kept.again, kept.first or 0), kept.first or 0
        ),
        "retained_in": Period.of(kept.year),
        "rungs": returning.rungs(period, residents, grid),
    }


def _untold(returning: Returning, period: Period) -> str:
    """Why nothing is said of the different people of a range, or of what was not over by a past day."""
    of_all_time = period.kind == "ever" and returning.until is None
    return "" if of_all_time or returning.tells(period) else UNTOLD


def _course_of(period: Period, today: date) -> list[str]:
    """The months of a table of cohorts up to the period's end, or now; the last MONTHS of them are the course."""
    return last_months(min(max(period.first, min(period.last, today)), period.last), MONTHS + 1)


def _counters(
    store: Store, community: Community, period: Period, today: date, *, grid: str = WHOLE
) -> "tuple[Returning, dict[str, Counts], dict[str, Counts], dict[str, Counts]]":
    """The counters of people by period and of cohorts by month, and the totals of activities, attendances and
    registrations by month: one reading. For a ``grid`` people alone, with those of every grid."""
    months = _course_of(period, today)
    told = {period.key, period.previous.key, *months}
    wholes = {EVER, *(each for key in told for each in Returning.periods(Period.of(key)))}
    year = Returning({}, {}, today, 1).latest_year(period)
    wholes |= {*Returning.periods(Period.of(year)), *Period.of(year).months, *Period.of(year).following.months[:SOON]}
    followed = {*Returning.months(Period.of(months[-1]).first), *Period.of(year).months}
    first = "" if period.kind == "ever" else min(months[0], f"{period.first:%Y-%m}")
    wanted: list[Document] = [
        {"subject": "residents", "level": "people", "period": Is(among=sorted(wholes))},
        {"subject": "cohorts", "level": "people", "period": Is(among=sorted(followed))},
    ]
    if grid == WHOLE:
        wanted.append({"subject": "volunteers", "level": "month"})
        of_months = {"level": "month", "period": Is(gte=first)}
        wanted += [{"subject": each, **of_months} for each in ("activities", "attendances")]
    fields: Document = {"subject": 1, "period": 1, "total": 1, **({"by_grid": 1} if grid else {})}
    found: dict[str, dict[str, Document]] = {}
    for document in store.counters_of(community.community_id, wanted, fields):
        found.setdefault(document["subject"], {})[document["period"]] = document

    def by_grid(subject: str) -> dict[str, dict[str, Counts]]:
        return {
            key: {WHOLE: document.get("total", {})}
            | {path_word(one): counts for one, counts in document.get("by_grid", {}).items()}
            for key, document in found.get(subject, {}).items()
        }

    def totals(subject: str) -> dict[str, Counts]:
        return {key: document.get("total", {}) for key, document in found.get(subject, {}).items()}

    until = _told_until(store, community.community_id)
    returning = Returning(by_grid("residents"), by_grid("cohorts"), today, community.smallest_group, until)
    return returning, totals("activities"), totals("attendances"), totals("volunteers")


def _total(counts: Mapping[str, Counts], months: Iterable[str]) -> Counter[str]:
    total: Counter[str] = Counter()
    for month in months:
        total.update(counts.get(month, {}))
    return total


def _volunteering(
    staffed: Mapping[str, Counts], returning: Returning, came: Mapping[str, int], period: Period, residents: int | None
) -> dict[str, Any]:
    k = returning.k
    served, why = returning.number(period.key, "volunteer"), _untold(returning, period)
    # with the step of the volunteers the number that served would be told
    some = 0 < served < k if period.kind == "ever" else "volunteer" in returning.few_steps(period.key)
    some = some or bool(why)

    def active_of(key: str) -> Counts:
        active = returning.number(key, "active")
        return {"active": active, "idle": _registered(staffed, Period.of(key), ever_in=True) - active}

    registered = _registered(staffed, period)
    active, at_some_time = active_of(period.key)["active"], sum(active_of(period.key).values())
    begun = [each for each in siblings(period.key) or (period.key,) if Period.of(each).first <= returning.today]
    few = some or not together([{"registered": registered}, *(active_of(each) for each in begun)], k)
    lately = _joined(staffed, period)
    told = not why and (
        period.kind == "ever"
        or sums_may_be_told(period.key, lambda key: {"joined": _joined(staffed, Period.of(key))}, k)
    )
    minutes = came["service_minutes"]
    # of a range those at its end are told, as of its last month; as of a past day it would be a day's few who joined
    unsaid = why if not returning.ended(period) else ""
    known = None if unsaid or 0 < registered < k else registered
    return {
        "registered": known,
        "joined": lately if told and not 0 < lately < k else None,
        "served": None if some else served,
        "services": 0 if some else came["services"],
        "timed": 0 if some else came["services_timed"],
        "registered_share": Value(
            REGISTERED_SHARE,
            None if known is None or not residents or not staffed else registered / residents,
            residents or 0,
            why=unsaid,
        ),
        "active": Value(
            ACTIVE_SHARE, None if few else ratio(active, at_some_time), 0 if few else at_some_time, why=why
        ),
        "hours": Value(
            SERVICE_HOURS,
            None if some or not came["services_timed"] else ratio(minutes / 60, served),
            0 if some else served,
            why=why,
        ),
    }


def _registered(staffed: Mapping[str, Counts], period: Period, *, ever_in: bool = False) -> int:
    """Volunteers registered at a period's end; ``ever_in``: at any time in it."""
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    joined = sum(counts.get("joined", 0) for month, counts in staffed.items() if month <= last)
    gone = sum(
        counts.get("left", 0) for month, counts in staffed.items() if (month < first if ever_in else month <= last)
    )
    return joined - gone


def _joined(staffed: Mapping[str, Counts], period: Period) -> int:
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    return sum(counts.get("joined", 0) for month, counts in staffed.items() if first <= month <= last)


def moved_up(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,  # noqa: ARG001 (as of which moment the store is asked)
) -> tuple[Moved, ...]:
    """Residents who were co-organiser or volunteer for the first time in the period, the latest first, by code; those
    of the actor's grids, at most MOST_MOVED. As of a past day: in the months that were over by then. Raises Refused for
    who may not read attendances."""
    until = _told_until(store, community_id)
    end = period.last if until is None else min(period.last, (until + timedelta(days=1)).replace(day=1) - timedelta(1))
    bounds = Is(gte=midnight(period.first), lte=midnight(end))
    pipeline: list[Document] = [{"$group": {"_id": "$resident"}}, {"$sort": {"_id": 1}}, {"$limit": 10 * MOST_MOVED}]
    found = store.aggregate(
        actor,
        Attendance,
        community_id,
        pipeline,
        filter={"held_on": bounds, "role": Is(among=list(STEPS))},
        grids=grids,
        index=BY_ROLE,
    )
    ids = [seen_place(group["_id"]).document_id(community_id) for group in found]
    with our_errors(), pymongo.timeout(READ_SECONDS):
        fields = {f"months.{beside}": 0 for beside in BESIDE}
        seen = store.db[COUNTS].find({"_id": {"$in": ids}}, fields, batch_size=10 * MOST_MOVED) if ids else ()
        kept = [(document["resident"], document["months"]) for document in seen]
    first, last = f"{period.first:%Y-%m}", f"{end:%Y-%m}"
    marks = [(path_key(role), place) for place, role in enumerate(STEPS, 1)]
    moved = []
    for resident, months in kept:
        so_far = 0
        for month in sorted(months.keys() - BESIDE):
            if month > last or so_far == len(STEPS):
                break  # nothing later can be a step up within the period
            roles = {cell.split("|", 1)[0].rpartition(":")[0] for cell, n in months[month].items() if n > 0}
            step = max((place for role, place in marks if role in roles), default=0)
            if step > so_far and month >= first:
                moved.append(Moved(resident, STEPS[step - 1], month))
            so_far = max(so_far, step)
    moved.sort(key=lambda one: one.resident)
    moved.sort(key=lambda one: one.month, reverse=True)
    return tuple(moved[:MOST_MOVED])


# --- sameness --------------------------------------------------------------------------------------------------------
@judged
def flow_runs(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
) -> FlowRuns:
    """What ran the same way again and again, up to the period's end: among the latest LATEST activities held, those of
    one format one after the other whose steps are the same; where steps are not recorded, theme, place and level.
    Raises Refused, Unavailable."""
    today = (now or store.clock()).astimezone(store.zone(community_id)).date()
    within = {
        "held_on": Is(lte=midnight(min(period.last, today))),
        "status": str(ActivityStatus.HELD),
    }
    fields = ("held_on", "format", "level", "theme", "place", "flow")
    pipeline: list[Document] = [
        {"$sort": {"held_on": -1}},
        {"$limit": LATEST},
        {"$project": dict.fromkeys(fields, 1)},
    ]
    found = store.aggregate(
        actor, Activity, community_id, pipeline, filter=within, grids=grids, index=("community_id", "held_on")
    )
    by_format: dict[str, list[Document]] = {}
    for document in found:
        by_format.setdefault(document["format"], []).append(document)
    runs = []
    for form, latest in by_format.items():
        how = _way(latest[0])
        if how is None:
            continue
        same = next((place for place, each in enumerate(latest) if _way(each) != how), len(latest))
        newest = latest[0]
        if newest["held_on"].date() >= period.first or period.kind == "ever":
            runs.append(
                Run(
                    form,
                    same,
                    latest[same - 1]["held_on"].date(),
                    newest["held_on"].date(),
                    newest.get("flow") or newest.get("theme") or "",
                    bool(newest.get("flow")),
                )
            )
    runs.sort(key=lambda run: (-run.length, run.format))
    longest = runs[0].length if runs else None
    return FlowRuns(Value(SAME_FLOW, longest, longest or 0), tuple(runs))


def _way(activity: Document) -> tuple[str, ...] | None:
    """How an activity ran; None where nothing of it is recorded."""
    if flow := activity.get("flow"):
        words = unicodedata.normalize("NFKC", flow).casefold()
        return ("steps", "".join(sign for sign in words if sign.isalnum()))
    alike = tuple(str(activity.get(name) or "") for name in ("theme", "place", "level"))
    return ("theme", *alike) if all(alike) else None


def reach_of_formats(
    store: Store, actor: Actor, community_id: str, *, now: datetime | None = None
) -> tuple[FormatReach, ...]:
    """Whom each format reached in the latest calendar year it was held in, among those of known age: here, or else in
    that other community in the actor's charge where it reached most. Of each community is told what it tells itself:
    age bands of fewer people than the smallest group are withheld, and others they could be worked out from. As of a
    past day: among the years that were over by then. Nothing is told to who has but some grids in charge. Raises
    Refused, Unavailable."""
    if reach(actor, community_id) is not None:
        return ()
    today = (now or store.clock()).astimezone(store.zone(community_id)).date()
    found = _reached(store, actor, community_id, today.year)
    unknown = {str(form) for form in Format} - found.keys()
    others = [one["_id"] for one in store.communities(actor) if one["_id"] != community_id][:OTHERS] if unknown else []
    there = [_reached(store, actor, other, today.year) for other in others]
    for form in unknown:
        best = max((each[form] for each in there if form in each), key=lambda one: one.people, default=None)
        found[form] = FormatReach(form, None, 0, {}) if best is None else replace(best, elsewhere=True)
    return tuple(sorted(found.values(), key=lambda one: (-one.people, one.format)))


def _reached(store: Store, actor: Actor, community_id: str, year: int) -> dict[str, FormatReach]:
    """By format, of the latest of the last YEARS years in which people of known age came to it."""
    k = store.get(actor, Community, community_id, community_id).smallest_group
    until = _told_until(store, community_id)
    years = [str(each) for each in range(year - YEARS + 1, year + 1) if until is None or date(each, 12, 31) <= until]
    wanted: list[Document] = [
        {"subject": each, "level": "people", "period": Is(among=years)} for each in ("formats", "residents")
    ]
    tables: dict[str, dict[str, dict[str, int]]] = {}
    everybody: dict[str, Counter[str]] = {}
    for document in store.counters_of(community_id, wanted, {"subject": 1, "period": 1, "by_category": 1}):
        for key, counts in document.get("by_category", {}).items():
            if not (n := counts.get("unique", 0)):
                continue
            word = path_word(key)
            if document["subject"] == "residents":
                everybody.setdefault(document["period"], Counter())[word.split("_")[0]] += n
            else:
                form, age = word.rsplit("|", 1)
                tables.setdefault(document["period"], {}).setdefault(form, {})[age] = n
    found: dict[str, FormatReach] = {}
    for one in sorted(tables):
        few = withheld_of_parts(tables[one], everybody.get(one, {}), k)
        for form, ages in tables[one].items():
            n = sum(ages.values())
            shares = {age: None if str(age) in few[form] else ratio(ages.get(age, 0), n) for age in AgeBand}
            found[form] = FormatReach(form, one, n, shares)
    return found
