"""How residents take part over time and how deeply: who comes again, from bystander to volunteer, which formats reach
those who stay away, what runs the same way again and again, what visitors say and what it costs.

All of the whole community: of one grid it would single residents out. Read from counters (see ``repository.rollups``)
and from some hundred activities, however many residents came.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
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
from repository.activities.records import Activity, ActivityStatus, Attendance, Format, Level
from repository.disclosure import EVERYTHING, Counts, siblings, small_returns, together, withheld
from repository.filters import Is
from repository.grids import Community
from repository.metrics import Period, Value, last_months, months_between, ratio
from repository.people import AgeBand
from repository.rollups import COHORT_MONTHS, EVER, REGISTERED, SEEN, SOON, STEPS, path_word, words_of
from repository.store import READ_SECONDS, Store, our_errors

Document = dict[str, Any]
MONTHS = 12  # of a course, and cohorts of a table
DEEP_LEVELS = (Level.INVOLVE, Level.COLLABORATE, Level.EMPOWER)
LATEST = 200  # activities among which runs are looked for
YEARS = 5  # back, for whom a format reached
OTHERS = 12  # communities that are asked where nothing is known here
MOST_MOVED = 200


# --- answers ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Comings:
    """Different residents of a period and of the one before: ``new`` came for the first time ever, ``stayed`` came in
    the period before too, ``back`` came again after a break; ``lapsed`` came in the period before and not in this.
    None where that is withheld."""

    period: str
    people: int
    before: int
    new: int | None
    stayed: int | None
    back: int | None
    lapsed: int | None
    over: bool
    """Whether the period is over: until then those who lapsed may still come."""


@dataclass(frozen=True)
class Cohort:
    """Residents who first came in one month, None where they are too few to be told, and the share of them who came in
    the first, second ... month after: None where it is not over, ``few`` names the places that are withheld."""

    month: str
    size: int | None
    shares: tuple[float | None, ...]
    few: frozenset[int]


@dataclass(frozen=True)
class Rung:
    """A step from bystander to volunteer: different residents for whom it was the furthest in the period, and those who
    had never come so far before. None where that is withheld."""

    step: str
    """``bystander``, ``participant``, ``co_organiser``, ``volunteer``"""
    people: int | None
    risen: int | None


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
    """Whom a format reached in the latest calendar year it was held in: visits of known age, and the share of each age
    band among them; None where it is withheld. ``year`` is None where nothing is known; ``elsewhere``: it is of other
    communities in the actor's charge."""

    format: str
    year: str | None
    visits: int
    shares: Mapping[AgeBand, float | None]
    elsewhere: bool = False


@dataclass(frozen=True)
class Moved:
    """A resident who reached a step for the first time, in this month."""

    resident: str
    step: str
    month: str


# --- over time -------------------------------------------------------------------------------------------------------
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
    months, quarters and years; of all time there are none.
    """
    if reach(actor, community_id, grids) is not None:
        return None
    community = store.get(actor, Community, community_id, community_id)
    today = (now or store.clock()).astimezone(store.zone(community_id)).date()
    end = min(max(period.first, min(period.last, today)), period.last)
    months = last_months(end, MONTHS + SOON + 1)
    people, cohorts, flows, visits, staffed = _counters(store, community_id, period, months)
    residents = community.residents or sum(row.count for row in community.population) or None
    k = community.smallest_group

    def coming(of: Period) -> Comings:
        return _comings(people, of, today, k)

    span = sorted(flows.keys() | visits.keys()) if period.kind == "ever" else period.months
    held, came = _total(flows, span), _total(visits, span)
    own = people.get(period.key, {})
    mine = coming(period) if period.kind != "ever" else None
    unique = own.get("unique", 0)

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
    over = period if mine is None or mine.over else period.previous
    ended = mine if over == period else coming(over)
    levelled = sum(held[f"level_{level}"] for level in Level)
    return ResidentsReview(
        period=period,
        smallest=k,
        residents=residents,
        comings=mine,
        course=tuple(coming(Period.of(month)) for month in course),
        lapsed=Value(
            LAPSED,
            None if ended is None or ended.lapsed is None else ratio(ended.lapsed, ended.before),
            0 if ended is None or ended.lapsed is None else ended.before,
        ),
        lapsed_in=over,
        cohorts=_table(people, cohorts, months[-MONTHS - 1 :], f"{today:%Y-%m}", k),
        retained=_retained(cohorts, months, f"{today:%Y-%m}", k),
        rungs=_rungs(people, period, residents, k),
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
        cost=Value(COST, ratio(held["spend_cents"], unique) if held["spend_known"] else None, unique),
        spend_cents=held["spend_cents"],
        priced=held["spend_known"],
        unpriced=held["records"] - held["spend_known"],
        **_volunteering(staffed, own, came, period, residents, k),
    )


def _counters(
    store: Store, community_id: str, period: Period, months: Sequence[str]
) -> "tuple[dict[str, Counts], dict[str, Counts], dict[str, Counts], dict[str, Counts], dict[str, Counts]]":
    """The totals of people by period, of cohorts, activities, attendances and registrations by month: one reading."""
    wanted_too = {*siblings(period.key), *siblings(period.previous.key), *(s for m in months for s in siblings(m))}
    wholes = {EVER, period.key, *wanted_too, *(Period.of(each).previous.key for each in wanted_too)}
    first = "" if period.kind == "ever" else min(months[0], f"{period.first:%Y-%m}")
    wanted: list[Document] = [
        {"subject": "residents", "level": "people", "period": Is(among=sorted(wholes))},
        {"subject": "cohorts", "level": "people", "period": Is(among=list(months))},
        {"subject": "volunteers", "level": "month"},
    ]
    wanted += [{"subject": each, "level": "month", "period": Is(gte=first)} for each in ("activities", "attendances")]
    found: dict[str, dict[str, Counts]] = {}
    for document in store.counters_of(community_id, wanted, {"subject": 1, "period": 1, "total": 1}):
        found.setdefault(document["subject"], {})[document["period"]] = document.get("total", {})
    subjects = ("residents", "cohorts", "activities", "attendances", "volunteers")
    people, cohorts, flows, visits, staffed = (found.get(subject, {}) for subject in subjects)
    return people, cohorts, flows, visits, staffed


def _total(counts: Mapping[str, Counts], months: Iterable[str]) -> Counter[str]:
    total: Counter[str] = Counter()
    for month in months:
        total.update(counts.get(month, {}))
    return total


def _split(people: Mapping[str, Counts], period: Period) -> tuple[int, int, Counts]:
    """People of the period and of the one before; who of them is new, stayed, came back, lapsed."""
    own, before = people.get(period.key, {}), people.get(period.previous.key, {}).get("unique", 0)
    n, new, stayed = (own.get(name, 0) for name in ("unique", "new", "stayed"))
    return n, before, {"new": new, "stayed": stayed, "back": n - new - stayed, "lapsed": before - stayed}


def _comings(people: Mapping[str, Counts], period: Period, today: date, k: int) -> Comings:
    begun = [each for key in siblings(period.key) for each in [Period.of(key)] if each.first <= today]
    n, before, parts = _split(people, period)
    # a person less in one part is one more in another: all of them are told, or none
    told = together([_split(people, each)[2] for each in begun], k)
    shown: dict[str, int | None] = {name: part if told else None for name, part in parts.items()}
    return Comings(period.key, n, before, **shown, over=period.last < today)


def _table(
    people: Mapping[str, Counts], cohorts: Mapping[str, Counts], months: Sequence[str], current: str, k: int
) -> tuple[Cohort, ...]:
    over = [month for month in months if month < current]
    cells = {
        first: {
            month: cohorts.get(first, {}).get(f"after_{place}", 0)
            for place, month in enumerate(over[start:])
            if place <= COHORT_MONTHS
        }
        for start, first in enumerate(over)
    }
    hidden = small_returns(cells, {month: people.get(month, {}).get("unique", 0) for month in over}, k)
    found = []
    for first, counts in cells.items():
        size = counts[first]
        later = [(month, n) for month, n in counts.items() if month > first]
        small = 0 < size < k
        few = frozenset(place for place, (month, _n) in enumerate(later, 1) if (first, month) in hidden)
        shares = tuple(
            None if place in few or not size else ratio(n, size) for place, (_month, n) in enumerate(later, 1)
        )
        found.append(Cohort(first, None if small else size, shares, few))
    return tuple(found)


def _retained(cohorts: Mapping[str, Counts], months: Sequence[str], current: str, k: int) -> Value:
    """Of the cohorts that are SOON whole months old."""
    over = [month for month in months if month < current]
    old = over[: max(0, len(over) - SOON)][-MONTHS:]
    size, again = (sum(cohorts.get(month, {}).get(name, 0) for month in old) for name in ("after_0", "soon"))
    told = together([{"again": again, "not": size - again}], k)
    return Value(RETAINED, ratio(again, size) if told else None, size if told else 0)


def _rungs(people: Mapping[str, Counts], period: Period, residents: int | None, k: int) -> tuple[Rung, ...]:
    """Of all time nothing is told."""
    if period.kind == "ever":
        return ()

    def steps(key: str) -> dict[str, int]:
        own = people.get(key, {})
        further = {step: own.get(step, 0) for step in STEPS}
        return {"participant": own.get("unique", 0) - sum(further.values()), **further}

    together_with = [steps(key) for key in siblings(period.key)]
    hidden = withheld(together_with, k)
    own, mine = people.get(period.key, {}), steps(period.key)
    unique = own.get("unique", 0)

    def told(n: int) -> int | None:
        return None if 0 < n < k else n

    risen = {"participant": own.get("new", 0), **{step: own.get(f"to_{step}", 0) for step in STEPS}}
    bystanders = None if residents is None else max(0, residents - unique)
    return (
        Rung("bystander", bystanders, None),
        *(
            Rung(step, None if hidden is EVERYTHING or step in hidden else n, told(risen[step]))
            for step, n in mine.items()
        ),
    )


def _volunteering(
    staffed: Mapping[str, Counts], own: Counts, came: Mapping[str, int], period: Period, residents: int | None, k: int
) -> dict[str, Any]:
    last = f"{period.last:%Y-%m}"
    first = f"{period.first:%Y-%m}"
    until_now = _total(staffed, [month for month in staffed if month <= last])
    joined, gone = until_now["joined"], until_now["left"]
    gone_before = sum(counts.get("left", 0) for month, counts in staffed.items() if month < first)
    registered, at_some_time = joined - gone, joined - gone_before
    lately = sum(counts.get("joined", 0) for month, counts in staffed.items() if first <= month <= last)
    served, active = own.get("volunteer", 0), own.get("active", 0)
    few = not together([{"registered": registered, "active": active, "idle": at_some_time - active}], k)
    some = 0 < served < k
    minutes = came["service_minutes"]
    kept = {name: None if 0 < n < k else n for name, n in (("registered", registered), ("joined", lately))}
    return {
        **kept,
        "served": None if some else served,
        "services": 0 if some else came["services"],
        "timed": 0 if some else came["services_timed"],
        "registered_share": Value(
            REGISTERED_SHARE,
            None if kept["registered"] is None or not residents or not staffed else registered / residents,
            residents or 0,
        ),
        "active": Value(ACTIVE_SHARE, None if few else ratio(active, at_some_time), 0 if few else at_some_time),
        "hours": Value(
            SERVICE_HOURS,
            None if some or not came["services_timed"] else ratio(minutes / 60, served),
            0 if some else served,
        ),
    }


def moved_up(
    store: Store, actor: Actor, community_id: str, period: Period, *, grids: frozenset[str] | None = None
) -> tuple[Moved, ...]:
    """Residents who were co-organiser or volunteer for the first time in the period, the latest first, by code; those
    of the actor's grids, at most MOST_MOVED. Raises Refused for who may not read attendances."""
    bounds = Is(gte=_midnight(period.first), lte=_midnight(period.last))
    pipeline: list[Document] = [{"$group": {"_id": "$resident"}}, {"$sort": {"_id": 1}}, {"$limit": 10 * MOST_MOVED}]
    found = store.aggregate(
        actor,
        Attendance,
        community_id,
        pipeline,
        filter={"held_on": bounds, "role": Is(among=list(STEPS))},
        grids=grids,
        index=("community_id", "held_on", "role"),
    )
    ids = [f"{community_id}|{group['_id']}" for group in found]
    with our_errors(), pymongo.timeout(READ_SECONDS):
        seen = store.db[SEEN].find({"_id": {"$in": ids}}, {"resident": 1, "months": 1}) if ids else ()
        kept = [(document["resident"], words_of(document["months"])) for document in seen]
    moved = []
    for resident, months in kept:
        so_far = 0
        for month in sorted(months.keys() - {REGISTERED}):
            roles = {cell.split("|", 1)[0].rpartition(":")[0] for cell, n in months[month].items() if n > 0} & {*STEPS}
            step = max((STEPS.index(role) + 1 for role in roles), default=0)
            if step > so_far and period.first <= date(int(month[:4]), int(month[5:]), 1) <= period.last:
                moved.append(Moved(resident, STEPS[step - 1], month))
            so_far = max(so_far, step)
    moved.sort(key=lambda one: one.resident)
    moved.sort(key=lambda one: one.month, reverse=True)
    return tuple(moved[:MOST_MOVED])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


# --- sameness --------------------------------------------------------------------------------------------------------
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
        "held_on": Is(lte=_midnight(min(period.last, today))),
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
    other communities in the actor's charge. Shares of fewer visits than the smallest group are withheld, and others
    they could be worked out from. Nothing is told to who has but some grids in charge. Raises Refused, Unavailable."""
    if reach(actor, community_id) is not None:
        return ()
    k = store.get(actor, Community, community_id, community_id).smallest_group
    today = (now or store.clock()).astimezone(store.zone(community_id)).date()
    own = _visits_by_age(store, [community_id], today.year)
    unknown = [str(form) for form in Format if str(form) not in own]
    others = [one["_id"] for one in store.communities(actor) if one["_id"] != community_id][:OTHERS] if unknown else []
    there = _visits_by_age(store, others, today.year)
    strictest = max([k, *(store.get(actor, Community, id, id).smallest_group for id in others)])

    def reached(form: str, years: Mapping[str, Counter[str]], elsewhere: bool) -> FormatReach:
        year = max(years)
        visits = {str(age): years[year][f"age_{age}"] for age in AgeBand}
        n, hidden = sum(visits.values()), withheld([visits], strictest if elsewhere else k)
        shares = {AgeBand(age): None if age in hidden else ratio(part, n) for age, part in visits.items()}
        return FormatReach(form, year, n, shares, elsewhere)

    found = [reached(form, years, False) for form, years in own.items()]
    found += [reached(form, there[form], True) if form in there else FormatReach(form, None, 0, {}) for form in unknown]
    return tuple(sorted(found, key=lambda one: (-one.visits, one.format)))


def _visits_by_age(store: Store, community_ids: Sequence[str], year: int) -> dict[str, dict[str, Counter[str]]]:
    """Format -> calendar year -> visits by age band, of the last YEARS years; years without any are left out."""
    months = months_between(date(year - YEARS + 1, 1, 1), date(year, 12, 31))
    found: dict[str, dict[str, Counter[str]]] = {}
    for community_id in community_ids:
        of_months = {"period": Is(gte=months[0], lte=months[-1])}
        fields = {"period": 1, "by_category": 1}
        for document in store.counters(community_id, "attendances", "month", of_months, fields):
            for key, counts in document.get("by_category", {}).items():
                ages = {name: n for name, n in counts.items() if name.startswith("age_") and n}
                if ages:
                    found.setdefault(path_word(key), {}).setdefault(document["period"][:4], Counter()).update(ages)
    return found
