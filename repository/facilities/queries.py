"""What there is, in what condition and how old: a community's facilities on one day. A community has some thousands at
most, so these figures are counted from the records themselves."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import accumulate, pairwise
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

from repository.access import Actor, scope
from repository.facilities import metrics
from repository.facilities.plan import (
    OUT_OF_ORDER,
    RETIRED,
    Need,
    Reason,
    Seen,
    life_of,
    needs,
    seen_on,
    service_on,
)
from repository.facilities.records import Category, Condition, Control, Facility, ServiceStatus, last_day, lives_over
from repository.filters import Is
from repository.grids import Community
from repository.metrics import Value, last_months, ratio
from repository.rollups import month_bounds
from repository.store import NotFound, Store, Wanted
from repository.targets import judged
from repository.words import msg

MONTHS = 12  # of a tile's course

Document = dict[str, Any]


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
    ages: tuple[float, ...]
    """Newest first."""
    past: tuple[bool, ...]
    """Of each, whether it is past its service life."""

    @property
    def n(self) -> int:
        """How many."""
        return len(self.ages)

    @property
    def newest(self) -> float:
        """Age of the newest."""
        return self.ages[0]

    @property
    def oldest(self) -> float:
        """Age of the oldest."""
        return self.ages[-1]

    @property
    def difference(self) -> float:
        """F6 of this site."""
        return self.oldest - self.newest

    @property
    def variation(self) -> float | None:
        """Standard deviation ÷ mean of the ages."""
        mean = sum(self.ages) / self.n
        return ratio(sqrt(sum((age - mean) ** 2 for age in self.ages) / self.n), mean)


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
class EstateGlance:
    """What an overview says of a community's facilities on one day; values as metrics.py declares them."""

    good_order: Value
    past_life: Value
    cells: Mapping[tuple[str | None, Category], Figures]
    """(grid, category) -> figures."""
    dangers: tuple[Hazard, ...]
    """Worst first, all of them."""
    names: Mapping[str, str]
    """Name by id, of the retired too."""

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


@dataclass(frozen=True)
class Inventory(EstateGlance):
    """A community's facilities on one day."""

    hazards: Value
    next_year: Value
    """``detail`` is the cost of what is overdue."""
    age_mix: Value
    """``n`` is the number of facilities compared, ``detail`` the number of sites that mix ages."""
    smart: Value
    condition: Value
    conditions: Mapping[tuple[Category, Condition | None], int]
    controls: Mapping[tuple[Category, Control], int]
    """Entrances by how entries are checked, where that is known."""
    sites: tuple[Site, ...]
    """Largest age difference first."""
    plan: tuple[Need, ...]
    """F5 with what was decided: this year and the four that follow."""
    lives: Mapping[str, float]
    """Years of service by kind and category, as this community has them."""


# --- queries
def register(
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


def facility_names(store: Store, actor: Actor, community_id: str, *, retired: bool = False) -> dict[str, str]:
    """Code and name by id, in order of codes: of those that can be picked, or with the ``retired`` of all that tables
    and sentences may tell of."""
    found = store.aggregate(
        actor,
        Facility,
        community_id,
        [{"$project": {"code": 1, "name": 1}}, {"$sort": {"code": 1}}, {"$limit": 20_000 if retired else 5000}],
        filter=None if retired else _NOT_RETIRED,
    )
    return {each["_id"]: f"{each['code']} {each['name']}" for each in found}


def service_lives(store: Store, actor: Actor, community_id: str) -> Mapping[str, float]:
    """Years by kind and category, as this community has them."""
    found = store.aggregate(actor, Community, community_id, [{"$project": {"service_lives": 1}}])
    return lives_over((life["of"], life["years"]) for each in found for life in each.get("service_lives", ()))


@judged
def inventory(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    on: date,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    course: bool = True,
) -> Inventory:
    """Everything the Facilities page says of a day (today: conditions and service status are those of now), cut to
    ``grids`` and ``category``; without ``course`` the values have no series. Raises Refused, Unavailable."""
    zone = store.zone(community_id)
    (rows,) = store.together(
        actor, community_id, [wanted(actor, community_id, grids=grids, category=category, course=course)]
    )
    return _inventory(rows, on, service_lives(store, actor, community_id), zone, course=course)


def wanted(
    actor: Actor,
    community_id: str,
    *,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    course: bool = True,
) -> Wanted:
    """What ``inventory`` and ``glance`` read."""
    where = scope(actor, Facility, community_id, grids) | _where(category)
    return Wanted(Facility, where, _READ + _HISTORY if course else _READ)


# --- from rows to the answer: a thousand facilities are folded here in a tenth of the time of the same pipeline
_NOT_RETIRED = {"status": Is(among=[str(status) for status in ServiceStatus if status is not ServiceStatus.RETIRED])}
_READ = (
    *("code", "name", "category", "kind", "grid_id", "site", "condition", "status", "responsible_id"),
    *("installed_on", "installed_precision", "renewed_on", "renewed_precision", "service_life_years"),
    *("replacement_cost_cents", "replacement_plan", "details.control"),
)
_HISTORY = tuple(f"condition_history.{name}" for name in ("at", "condition", "status"))
_GOOD = frozenset({Condition.EXCELLENT, Condition.GOOD, Condition.FAIR})


def in_good_order(status: str, condition: str | None) -> bool | None:
    """Whether F1 counts a facility as in good order; None where its condition is not known, while it is in service."""
    if status == OUT_OF_ORDER:
        return False
    return None if condition is None else condition in _GOOD


def _where(category: str | None) -> Document:
    return {} if category is None else {"category": category}


def _inventory(
    rows: Sequence[Document], on: date, lives: Mapping[str, float], zone: ZoneInfo, *, course: bool
) -> Inventory:
    seen, first = _glance(rows, on, lives, zone, course=course)
    total = sum(first.cells.values(), Figures())
    sites, plan = _sites(seen), needs(seen, on, zone)
    mixed = [site for site in sites if site.n > 1]
    coming = [need for need in plan if need.year == on.year + 1]
    controls = Counter(
        (Category(each.row["category"]), Control(each.row["details"]["control"]))
        for each in seen
        if each.row.get("details", {}).get("control")
    )
    smart = sum(n for (_, control), n in controls.items() if control is Control.SMART)
    return Inventory(
        **vars(first),
        hazards=Value(metrics.HAZARDS, total.hazards if total.standing else None, total.standing),
        next_year=Value(
            metrics.NEXT_YEAR,
            sum(need.cost_cents for need in coming) if total.aged else None,
            total.aged,
            detail=sum(need.cost_cents for need in plan if need.overdue),
        ),
        age_mix=Value(
            metrics.AGE_MIX,
            max((site.difference for site in mixed), default=None),
            sum(site.n for site in mixed),
            detail=sum(site.difference >= 1 for site in mixed),
        ),
        smart=Value(metrics.SMART, ratio(smart, controls.total()), controls.total()),
        condition=Value(metrics.CONDITION, ratio(total.grades, total.known_grades), total.known_grades),
        conditions=Counter(
            (Category(each.row["category"]), Condition(grade) if (grade := each.row.get("condition")) else None)
            for each in seen
        ),
        controls=controls,
        sites=sites,
        plan=plan,
        lives=lives,
    )


def glance(
    rows: Sequence[Document], community: Community, *, on: date, zone: ZoneInfo, course: bool = True
) -> EstateGlance:
    """What an overview says of a day, from the rows that were ``wanted``."""
    lives = lives_over((life.of, life.years) for life in community.service_lives)
    return _glance(rows, on, lives, zone, course=course)[1]


def _glance(
    rows: Sequence[Document], on: date, lives: Mapping[str, float], zone: ZoneInfo, *, course: bool
) -> tuple[list[Seen], EstateGlance]:
    years = [life_of(row, lives) for row in rows]
    seen = [seen_on(row, on, life) for row, life in zip(rows, years, strict=True) if row["status"] != RETIRED]
    cells = _cells(seen)
    total = sum(cells.values(), Figures())
    then = [*_course(rows, years, on, zone), (f"{on:%Y-%m}", total)] if course else []
    good = [(month, each.good_order) for month, each in then]
    past = [(month, each.past_life) for month, each in then]
    return seen, EstateGlance(
        good_order=Value(metrics.GOOD_ORDER, total.good_order, total.graded, good or ()),
        past_life=Value(metrics.PAST_LIFE, total.past_life, total.aged, past or ()),
        cells=cells,
        dangers=_dangers(seen, on),
        names={row["_id"]: row["name"] for row in rows},
    )


def _cells(seen: Iterable[Seen]) -> dict[tuple[str | None, Category], Figures]:
    sums: dict[tuple[str | None, str], list[int]] = {}
    for row, _age, end, reasons in seen:
        grade = row.get("condition")
        good = in_good_order(row["status"], grade)
        cell = sums.setdefault((row.get("grid_id"), row["category"]), [0] * 8)
        cell[0] += 1
        cell[1] += good is not None
        cell[2] += good is True
        if grade is not None:
            cell[3] += int(grade)
            cell[4] += 1
        cell[5] += end is not None
        if reasons:
            cell[6] += Reason.PAST_LIFE in reasons
            cell[7] += 1
    return {(grid, Category(category)): Figures(*cell) for (grid, category), cell in sums.items()}


def _course(rows: Sequence[Document], years: Sequence[float], on: date, zone: ZoneInfo) -> list[tuple[str, Figures]]:
    """The months before this one, as they stood at their ends: graded and good by the history, aged and past by the
    dates. What nobody had examined by then counts as ungraded; what is retired without a history, as not there."""
    months = last_months(on, MONTHS)[:-1]
    ends = [month_bounds(month, zone)[1] for month in months]
    days = [end.astimezone(zone).date() - timedelta(days=1) for end in ends]
    last = len(months)
    graded, good, aged, past = steps = [[0] * (last + 1) for _ in range(4)]  # changes from one month to the next
    for row, life in zip(rows, years, strict=True):
        installed, renewed = row.get("installed_on"), row.get("renewed_on")
        began = bisect_left(days, installed.date()) if installed else 0
        retired = row["status"] == RETIRED
        found: list[tuple[int, Document]] = [(-1, {})]  # from which month on each entry holds
        found += [(bisect_right(ends, entry["at"]), entry) for entry in row.get("condition_history", ())]
        turns = {began, last} | {month for month, _entry in found if began < month < last}
        if renewed and began < (turn := bisect_left(days, renewed.date())) < last:
            turns.add(turn)
        for first, after in pairwise(sorted(turns)):
            if first >= last:
                break
            entry = next(entry for month, entry in reversed(found) if month <= first)
            status = entry.get("status") or (RETIRED if retired else "")
            if status == RETIRED:
                continue
            in_order = in_good_order(status, entry.get("condition"))
            if in_order is not None:
                graded[first] += 1
                graded[after] -= 1
            if in_order:
                good[first] += 1
                good[after] -= 1
            start, precision = service_on(row, days[first])
            if start:
                aged[first] += 1
                aged[after] -= 1
                if (ended := max(first, bisect_right(days, last_day(start, precision, life)))) < after:
                    past[ended] += 1
                    past[after] -= 1
    sums = zip(months, *(accumulate(step) for step in steps), strict=False)
    return [(month, Figures(graded=g, good=ok, aged=a, past=p)) for month, g, ok, a, p in sums]


def _sites(seen: Iterable[Seen]) -> tuple[Site, ...]:
    ages: dict[tuple[str, str | None, str], list[tuple[float, bool]]] = defaultdict(list)
    for each in seen:
        if each.age is not None and (site := each.row.get("site")):
            place = (site, each.row.get("grid_id"), each.row["category"])
            ages[place].append((each.age, Reason.PAST_LIFE in each.reasons))
    found = []
    for (site, grid, category), own in ages.items():
        own.sort()
        found.append(Site(site, grid, Category(category), tuple(age for age, _ in own), tuple(past for _, past in own)))
    return tuple(sorted(found, key=lambda site: (-site.difference, site.site, site.grid_id or "", site.category)))


def first_to_go(dangers: Iterable[Hazard]) -> Hazard | None:
    """Of what is in use though it can hurt somebody, what is to be taken out of use or replaced first: in very poor
    condition, then longest past its service life. ``dangers`` in their order."""
    return next((each for each in dangers if each.status == ServiceStatus.IN_SERVICE), None)


def _dangers(seen: Iterable[Seen], on: date) -> tuple[Hazard, ...]:
    found = [
        Hazard(
            id=each.row["_id"],
            code=each.row["code"],
            name=each.row["name"],
            category=Category(each.row["category"]),
            kind=each.row.get("kind"),
            grid_id=each.row.get("grid_id"),
            site=each.row.get("site"),
            condition=Condition(grade) if (grade := each.row.get("condition")) else None,
            status=ServiceStatus(each.row["status"]),
            responsible_id=each.row.get("responsible_id"),
            reasons=each.reasons,
            age_years=each.age,
            days_past=(on - each.end).days if each.end else None,
            cost_cents=each.row.get("replacement_cost_cents"),
        )
        for each in seen
        if each.reasons
    ]
    return tuple(
        sorted(
            found,
            key=lambda each: (Reason.VERY_POOR not in each.reasons, -(each.days_past or -99_999), each.code),
        )
    )
