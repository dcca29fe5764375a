"""What there is, in what condition and how old: a community's facilities on one day. A community has some thousands at
most, so these figures are counted from the records, in the database."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from repository.access import Actor
from repository.facilities import metrics
from repository.facilities.records import (
    DAYS_A_YEAR,
    SERVICE_LIFE_YEARS,
    Category,
    Condition,
    Control,
    Facility,
    ServiceStatus,
)
from repository.grids import Community
from repository.metrics import Value, last_months, ratio
from repository.record import Choice, Precision
from repository.rollups import month_bounds
from repository.store import NotFound, Store
from repository.words import msg

YEARS = 5  # of the replacement plan
MONTHS = 12  # of a tile's course
LISTED = 500  # hazards named one by one

Expression = Mapping[str, Any] | str
Document = dict[str, Any]


class Reason(Choice):
    """Why a facility is a hazard; worst first."""

    VERY_POOR = "very_poor", msg("Very poor condition")
    PAST_LIFE = "past_life", msg("Past its service life")
    OUT_OF_ORDER = "out_of_order", msg("Out of order")


@dataclass(frozen=True)
class Figures:
    """Numbers of facilities that are not retired. They add up; their rates are divided anew (rule R8)."""

    standing: int = 0
    graded: int = 0
    """Condition known, or out of order."""
    good: int = 0
    grades: int = 0
    """Sum of the known grades."""
    known_grades: int = 0
    aged: int = 0
    """Age known."""
    past: int = 0
    hazards: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def good_order(self) -> float | None:
        """F1, a share."""
        return ratio(self.good, self.graded)

    @property
    def past_life(self) -> float | None:
        """F3, a share."""
        return ratio(self.past, self.aged)


@dataclass(frozen=True)
class Site:
    """The facilities of one category at one site whose age is known. Ages in years."""

    site: str
    grid_id: str | None
    category: Category
    n: int
    oldest: float
    newest: float
    mean: float
    variation: float | None
    """Standard deviation ÷ mean."""

    @property
    def difference(self) -> float:
        """F6 of this site."""
        return self.oldest - self.newest


@dataclass(frozen=True)
class Need:
    """What has to be replaced in one year in one grid. ``overdue``: past its life or unserviceable on the day asked
    for, which falls to the first year. ``uncosted`` of the ``count`` have no replacement cost, and add none."""

    year: int
    grid_id: str | None
    category: Category
    overdue: bool
    count: int
    cost_cents: int
    uncosted: int


@dataclass(frozen=True)
class Hazard:
    """A facility that can hurt somebody, or stands idle; ``days_past`` its service life, if it is."""

    id: str
    code: str
    name: str
    category: Category
    kind: str | None
    grid_id: str | None
    site: str | None
    condition: Condition | None
    status: ServiceStatus
    responsible_id: str | None
    reasons: tuple[Reason, ...]
    age_years: float | None
    days_past: int | None
    cost_cents: int | None


@dataclass(frozen=True)
class Inventory:
    """A community's facilities on one day; values as metrics.py declares them."""

    good_order: Value
    past_life: Value
    hazards: Value
    next_year: Value
    """``detail`` is the cost of what is overdue."""
    age_mix: Value
    """``n`` is the number of facilities compared, ``detail`` the number of sites that mix ages."""
    smart: Value
    condition: Value
    cells: Mapping[tuple[str | None, Category], Figures]
    """(grid, category) -> figures."""
    conditions: Mapping[tuple[Category, Condition | None], int]
    controls: Mapping[tuple[Category, Control], int]
    """Entrances by how entries are checked, where that is known."""
    sites: tuple[Site, ...]
    """Largest age difference first."""
    plan: tuple[Need, ...]
    """F5: this year and the four that follow."""
    dangers: tuple[Hazard, ...]
    """Worst first, some hundreds at most."""

    @property
    def total(self) -> Figures:
        """All of it."""
        return sum(self.cells.values(), Figures())

    @property
    def by_grid(self) -> dict[str | None, Figures]:
        """Figures by grid; facilities without a grid under None."""
        return self._by(lambda cell: cell[0])

    @property
    def by_category(self) -> dict[Category, Figures]:
        """Figures by category."""
        return self._by(lambda cell: cell[1])

    def _by(self, part: Callable[[tuple[str | None, Category]], Any]) -> dict[Any, Figures]:
        found: dict[Any, Figures] = {}
        for cell, figures in self.cells.items():
            found[part(cell)] = found.get(part(cell), Figures()) + figures
        return found


# --- queries
def facilities(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    retired: bool = False,
    limit: int = 5000,
) -> list[Facility]:
    """The register in order of codes, without those retired unless asked for."""
    where = _where(category) | ({} if retired else _NOT_RETIRED)
    return store.find(actor, Facility, community_id, where, grids=grids, sort=[("code", 1)], limit=limit)


def facility(store: Store, actor: Actor, community_id: str, id: str) -> Facility:
    """One facility with its history. Raises NotFound, Refused."""
    return store.get(actor, Facility, community_id, id)


def facility_by_code(store: Store, actor: Actor, community_id: str, code: str) -> Facility:
    """The facility whose label bears this code. Raises NotFound, Refused."""
    found = store.find(actor, Facility, community_id, {"code": code}, limit=1)
    if not found:
        raise NotFound(msg("No facility bears the code {code}. Look at the label again."), code=code)
    return found[0]


def facility_names(store: Store, actor: Actor, community_id: str) -> dict[str, str]:
    """Code and name by id of those not retired, in order of codes: for pickers, tables and sentences."""
    found = store.aggregate(
        actor,
        Facility,
        community_id,
        [{"$project": {"code": 1, "name": 1}}, {"$sort": {"code": 1}}, {"$limit": 5000}],
        filter=_NOT_RETIRED,
    )
    return {each["_id"]: f"{each['code']} {each['name']}" for each in found}


def service_lives(store: Store, actor: Actor, community_id: str) -> Mapping[str, float]:
    """Years by kind and category: the community's own over ``SERVICE_LIFE_YEARS``."""
    found = store.aggregate(actor, Community, community_id, [{"$project": {"service_lives": 1}}])
    own = {life["of"]: float(life["years"]) for each in found for life in each.get("service_lives", ())}
    return MappingProxyType({**SERVICE_LIFE_YEARS, **own})


def inventory(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    on: date,
    grids: frozenset[str] | None = None,
    category: str | None = None,
) -> Inventory:
    """Everything the Facilities page says of a day (today: conditions and service status are those of now), cut to
    ``grids`` and ``category``. Raises Refused, Unavailable."""
    lives = service_lives(store, actor, community_id)
    where = _where(category)
    (found,) = store.aggregate(
        actor,
        Facility,
        community_id,
        [*_derived(on, lives), {"$facet": _FACETS | {"plan": _plan(on)}}],
        filter=where | _NOT_RETIRED,
        grids=grids,
    )
    zone = store.zone(community_id)
    course = store.aggregate(actor, Facility, community_id, _course(on, lives, zone), filter=where, grids=grids)
    return _inventory(found, course, on)


# --- from the database to the answer
def _inventory(found: Document, course: Iterable[Document], on: date) -> Inventory:
    cells = {
        (each["_id"].get("grid"), Category(each["_id"]["category"])): Figures(
            **{name: n for name, n in each.items() if name != "_id"}
        )
        for each in found["cells"]
    }
    total = sum(cells.values(), Figures())
    months = {each["_id"]: each for each in course}
    names = last_months(on, MONTHS)

    def series(part: str, whole: str, now: float | None) -> list[tuple[str, float | None]]:
        past = [ratio(months[i][part], months[i][whole]) if i in months else None for i in range(MONTHS - 1)]
        return list(zip(names, [*past, now], strict=True))

    sites = tuple(_site(each) for each in found["sites"])
    mixed = [site for site in sites if site.n > 1]
    plan = tuple(
        Need(
            year=each["_id"]["year"],
            grid_id=each["_id"].get("grid"),
            category=Category(each["_id"]["category"]),
            overdue=each["_id"]["overdue"],
            count=each["count"],
            cost_cents=each["cost"],
            uncosted=each["uncosted"],
        )
        for each in found["plan"]
    )
    coming = [need for need in plan if need.year == on.year + 1]
    controls = {
        (Category(each["_id"]["category"]), Control(each["_id"]["control"])): each["n"] for each in found["controls"]
    }
    gates = sum(controls.values())
    smart = sum(n for (_, control), n in controls.items() if control is Control.SMART)
    return Inventory(
        good_order=Value(
            metrics.GOOD_ORDER, total.good_order, total.graded, series("good", "graded", total.good_order)
        ),
        past_life=Value(metrics.PAST_LIFE, total.past_life, total.aged, series("past", "aged", total.past_life)),
        hazards=Value(metrics.HAZARDS, total.hazards if total.standing else None, total.standing),
        next_year=Value(
            metrics.NEXT_YEAR,
            sum(need.cost_cents for need in coming) if total.aged else None,
            sum(need.count for need in coming) or total.aged,
            detail=sum(need.cost_cents for need in plan if need.overdue),
        ),
        age_mix=Value(
            metrics.AGE_MIX,
            max((site.difference for site in mixed), default=None),
            sum(site.n for site in mixed),
            detail=sum(site.difference >= 1 for site in mixed),
        ),
        smart=Value(metrics.SMART, ratio(smart, gates), gates),
        condition=Value(metrics.CONDITION, ratio(total.grades, total.known_grades), total.known_grades),
        cells=cells,
        conditions={
            (
                Category(each["_id"]["category"]),
                Condition(grade) if (grade := each["_id"].get("condition")) else None,
            ): each["n"]
            for each in found["conditions"]
        },
        controls=controls,
        sites=sites,
        plan=plan,
        dangers=tuple(_hazard(each) for each in found["dangers"]),
    )


def _site(each: Document) -> Site:
    return Site(
        site=each["_id"]["site"],
        grid_id=each["_id"].get("grid"),
        category=Category(each["_id"]["category"]),
        n=each["n"],
        oldest=each["oldest"],
        newest=each["newest"],
        mean=each["mean"],
        variation=ratio(each["deviation"], each["mean"]),
    )


def _hazard(each: Document) -> Hazard:
    condition = each.get("condition")
    return Hazard(
        id=each["_id"],
        code=each["code"],
        name=each["name"],
        category=Category(each["category"]),
        kind=each.get("kind"),
        grid_id=each.get("grid_id"),
        site=each.get("site"),
        condition=Condition(condition) if condition else None,
        status=ServiceStatus(each["status"]),
        responsible_id=each.get("responsible_id"),
        reasons=tuple(reason for reason in Reason if each[f"is_{reason.value}"]),
        age_years=each.get("age"),
        days_past=each.get("days_past"),
        cost_cents=each.get("replacement_cost_cents"),
    )


# --- pipelines
_NOT_RETIRED = {"status": {"$in": [str(status) for status in ServiceStatus if status is not ServiceStatus.RETIRED]}}

_GOOD = [str(Condition.EXCELLENT), str(Condition.GOOD), str(Condition.FAIR)]


def _where(category: str | None) -> Document:
    return {} if category is None else {"category": category}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _life(lives: Mapping[str, float]) -> Expression:
    """Years of service, as ``records.service_life`` reckons them."""
    branches = [
        {"case": {"$eq": [field, word]}, "then": years}
        for field, words in (("$kind", lives.keys() - set(Category)), ("$category", set(Category)))
        for word, years in ((str(word), lives[word]) for word in sorted(words))
    ]
    return {"$ifNull": ["$service_life_years", {"$switch": {"branches": branches, "default": 10}}]}


def _start(on: Expression | datetime) -> tuple[Expression, Expression]:
    """Day it was renewed or else installed, and that day's precision, as seen ``on`` a day."""
    renewed = {"$and": [{"$ne": [{"$type": "$renewed_on"}, "missing"]}, {"$lte": ["$renewed_on", on]}]}
    return (
        {"$cond": [renewed, "$renewed_on", "$installed_on"]},
        {"$cond": [renewed, "$renewed_precision", "$installed_precision"]},
    )


def _end(start: Expression, precision: Expression, life: Expression) -> Expression:
    """The last day of service, as ``records.end_of_life`` reckons it; null if the start is not known."""
    year, month = {"$year": start}, {"$month": start}
    latest = {
        "$switch": {
            "branches": [
                {
                    "case": {"$eq": [precision, str(Precision.YEAR)]},
                    "then": {"$dateFromParts": {"year": year, "month": 12, "day": 31}},
                },
                {
                    "case": {"$eq": [precision, str(Precision.MONTH)]},
                    "then": {"$dateFromParts": {"year": year, "month": {"$add": [month, 1]}, "day": 0}},
                },
            ],
            "default": start,
        }
    }
    months = {"$toLong": {"$round": [{"$multiply": [life, 12]}, 0]}}  # halves to even, as Python's round
    return {"$dateAdd": {"startDate": latest, "unit": "month", "amount": months}}


def _derived(on: date, lives: Mapping[str, float]) -> list[Document]:
    """Stages that add ``age``, ``end`` and the reasons of hazard."""
    day = _midnight(on)
    start, precision = _start(day)
    years = {"$divide": [{"$dateDiff": {"startDate": "$start", "endDate": day, "unit": "day"}}, DAYS_A_YEAR]}
    return [
        {
            "$project": {
                **dict.fromkeys(
                    ("code", "name", "category", "kind", "grid_id", "site", "condition", "status", "responsible_id"), 1
                ),
                "replacement_cost_cents": 1,
                "control": "$details.control",
                "start": start,
                "precision": precision,
                "life": _life(lives),
            }
        },
        {
            "$set": {
                "end": _end("$start", "$precision", "$life"),
                "age": {"$cond": [{"$lte": [{"$ifNull": ["$start", _midnight(date.max)]}, day]}, years, None]},
                "is_out_of_order": {"$eq": ["$status", str(ServiceStatus.OUT_OF_ORDER)]},
                "is_very_poor": {"$eq": ["$condition", str(Condition.VERY_POOR)]},
            }
        },
        {
            "$set": {
                "is_past_life": {"$lt": [{"$ifNull": ["$end", day]}, day]},
                "days_past": {"$dateDiff": {"startDate": "$end", "endDate": day, "unit": "day"}},
                "is_graded": {"$or": ["$is_out_of_order", {"$gt": ["$condition", None]}]},
                "is_good": {
                    "$and": [
                        {"$not": ["$is_out_of_order"]},
                        {"$in": ["$condition", _GOOD]},
                    ]
                },
            }
        },
        {"$set": {"is_hazard": {"$or": ["$is_past_life", "$is_out_of_order", "$is_very_poor"]}}},
    ]


def _number(condition: Expression) -> Document:
    return {"$sum": {"$cond": [condition, 1, 0]}}


_FACETS: dict[str, Sequence[Document]] = {
    "cells": [
        {
            "$group": {
                "_id": {"grid": "$grid_id", "category": "$category"},
                "standing": {"$sum": 1},
                "graded": _number("$is_graded"),
                "good": _number("$is_good"),
                "grades": {"$sum": {"$toInt": {"$ifNull": ["$condition", 0]}}},
                "known_grades": _number({"$gt": ["$condition", None]}),
                "aged": _number({"$gt": ["$end", None]}),
                "past": _number("$is_past_life"),
                "hazards": _number("$is_hazard"),
            }
        }
    ],
    "conditions": [{"$group": {"_id": {"category": "$category", "condition": "$condition"}, "n": {"$sum": 1}}}],
    "controls": [
        {"$match": {"control": {"$exists": True}}},
        {"$group": {"_id": {"category": "$category", "control": "$control"}, "n": {"$sum": 1}}},
    ],
    "sites": [
        {"$match": {"site": {"$gt": ""}, "age": {"$ne": None}}},
        {
            "$group": {
                "_id": {"site": "$site", "grid": "$grid_id", "category": "$category"},
                "n": {"$sum": 1},
                "oldest": {"$max": "$age"},
                "newest": {"$min": "$age"},
                "mean": {"$avg": "$age"},
                "deviation": {"$stdDevPop": "$age"},
            }
        },
        {"$set": {"difference": {"$subtract": ["$oldest", "$newest"]}}},
        {"$sort": {"difference": -1, "_id": 1}},
        {"$limit": LISTED},
    ],
    "dangers": [
        {"$match": {"is_hazard": True}},
        {"$sort": {"is_very_poor": -1, "days_past": -1, "code": 1}},
        {"$limit": LISTED},
    ],
}


def _plan(on: date) -> list[Document]:
    return [
        {"$set": {"overdue": "$is_hazard", "year": {"$cond": ["$is_hazard", on.year, {"$year": "$end"}]}}},
        {"$match": {"year": {"$gte": on.year, "$lt": on.year + YEARS}}},
        {
            "$group": {
                "_id": {"year": "$year", "grid": "$grid_id", "category": "$category", "overdue": "$overdue"},
                "count": {"$sum": 1},
                "cost": {"$sum": "$replacement_cost_cents"},
                "uncosted": _number({"$eq": [{"$type": "$replacement_cost_cents"}, "missing"]}),
            }
        },
        {"$sort": {"_id": 1}},
    ]


def _course(on: date, lives: Mapping[str, float], zone: ZoneInfo) -> list[Document]:
    """At the ends of the months before this one: graded and good by the history, aged and past by the dates.

    What was not examined by then counts as ungraded; what is retired without a history, as not there.
    """
    ends = [month_bounds(month, zone)[1] for month in last_months(on, MONTHS)[:-1]]
    last_days = [_midnight(end.astimezone(zone).date() - timedelta(days=1)) for end in ends]
    start, precision = _start("$ends.day")
    retired = str(ServiceStatus.RETIRED)
    return [
        {
            "$project": {
                "status": 1,
                "installed_on": 1,
                "installed_precision": 1,
                "renewed_on": 1,
                "renewed_precision": 1,
                "life": _life(lives),
                "history": "$condition_history",
                "ends": {"$literal": [{"at": end, "day": day} for end, day in zip(ends, last_days, strict=True)]},
            }
        },
        {"$unwind": {"path": "$ends", "includeArrayIndex": "month"}},
        {
            "$set": {
                "entry": {
                    "$last": {
                        "$filter": {"input": {"$ifNull": ["$history", []]}, "cond": {"$lt": ["$$this.at", "$ends.at"]}}
                    }
                }
            }
        },
        {
            "$set": {
                "then": {
                    "$ifNull": ["$entry.status", {"$cond": [{"$eq": ["$status", retired]}, retired, "in_service"]}]
                },
                "end": _end(start, precision, "$life"),
            }
        },
        {
            "$match": {
                "then": {"$ne": retired},
                "$expr": {"$lte": [{"$ifNull": ["$installed_on", _midnight(date.min)]}, "$ends.day"]},
            }
        },
        {
            "$group": {
                "_id": "$month",
                "graded": _number(
                    {"$or": [{"$eq": ["$then", str(ServiceStatus.OUT_OF_ORDER)]}, {"$gt": ["$entry.condition", None]}]}
                ),
                "good": _number(
                    {
                        "$and": [
                            {"$ne": ["$then", str(ServiceStatus.OUT_OF_ORDER)]},
                            {"$in": ["$entry.condition", _GOOD]},
                        ]
                    }
                ),
                "aged": _number({"$gt": ["$end", None]}),
                "past": _number({"$lt": [{"$ifNull": ["$end", "$ends.day"]}, "$ends.day"]}),
            }
        },
    ]
