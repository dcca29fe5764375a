"""What each figure is made of: its parts by grid, category, kind and so on, in one period.

The figure itself is the value that its page shows, from the same question; its parts come from the counters that value
is the sum of. What is true now, whatever the period, is asked as of the period's end (see ``store.Then``).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from repository import (
    activities,
    checkin,
    entries,
    facilities,
    flows,
    grids,
    handling,
    inspections,
    maintenance,
    meetings,
    organizations,
    patrols,
    preventive,
    replacement,
    requests,
)
from repository.access import Actor, Operation, may, reach
from repository.contributions.shares import Blend, Whole
from repository.facilities import Control, Figures
from repository.filters import Is
from repository.hazards import Level
from repository.maintenance import WorkReview
from repository.meetings import Kept
from repository.metrics import METRICS, Period, Value
from repository.record import Choice, midnight
from repository.requests.metrics import GRADES
from repository.store import Store, Then, at_one_sitting
from repository.words import msg

OTHERS = "*"
"""The part that holds, in a comparison, what must not be told of each (see ``Parts.few``)."""


class By(Choice):
    """By what a figure is taken apart."""

    GRID = "grid", msg("Grid")
    CATEGORY = "category", msg("Category")
    FORMAT = "format", msg("Format")
    TOPIC = "topic", msg("Topic")
    KIND = "kind", msg("Kind")
    GATE = "gate", msg("Gate")
    LEVEL = "level", msg("Level")
    COMPANY = "company", msg("Company")
    TIER = "tier", msg("Tier")
    MEASURE = "measure", msg("Figure")


@dataclass(frozen=True)
class Parts:
    """A figure of a period, and what it is made of, by whatever is known."""

    value: Value
    by: Mapping[By, Whole]
    divided: bool = False
    """Whether it is a share or a mean, so that its parts have a weight; else they add up."""
    blends: Mapping[By, tuple[Blend, Mapping[str, float | None]]] = field(default_factory=dict)
    """Where it is a sum of shares: these, and each part's own value."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Of parts that are records other than grids, by id."""
    few: frozenset[str] = frozenset()
    """Grids of which it must not be told: they are in the part of no grid, and with it among the OTHERS."""
    mean: bool = False
    """Whether this is the mean beside a figure that is no sum."""
    stock: bool = False
    """Whether its page tells it as of now, whatever the period; here it is as of the period's end."""


@dataclass(frozen=True)
class _Asked:
    """Who asks for the parts of a period."""

    store: Store
    actor: Actor
    community_id: str
    period: Period
    grids: frozenset[str] | None
    now: datetime

    @property
    def today(self) -> date:
        """In the community."""
        return self.now.astimezone(self.store.zone(self.community_id)).date()

    @property
    def whole(self) -> bool:
        """Whether nothing is cut to some grids."""
        return reach(self.actor, self.community_id, self.grids) is None

    @cached_property
    def then(self) -> "_Asked":
        """The same, as of the period's end; while it lasts there is no difference."""
        moment = self.period.until(self.now)
        if moment >= self.now:
            return self
        last = moment - timedelta(milliseconds=1)
        return replace(self, store=at_one_sitting(Then(self.store, last)), now=last)

    def of(self, question: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """A question about these grids as of now."""
        return question(self.store, self.actor, self.community_id, *args, grids=self.grids, **more)

    def cells(self, subject: str, *names: str, before: bool = False) -> dict[tuple[str, str], Counter[str]]:
        """(grid, category) -> the counters of the period, or of all that was ``before`` it."""
        first, last = ("", f"{self.period.previous.last:%Y-%m}") if before else self._months
        return flows.in_cells(
            self.store, self.actor, self.community_id, subject, names, first=first, last=last, grids=self.grids
        )

    @property
    def _months(self) -> tuple[str, str]:
        return f"{self.period.first:%Y-%m}", f"{self.period.last:%Y-%m}"


MadeOf = Callable[[_Asked], Parts]
Cells = Mapping[tuple[str, str], Mapping[str, float]]
Counted = Callable[[Mapping[str, float]], float]


def _summed(cells: Iterable[tuple[str, Mapping[str, float]]]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for part, counts in cells:
        found[part].update(counts)
    return found


def _sides(cells: Cells, names: tuple[By, ...], counted: Counted, of: Counted | None) -> dict[By, Whole]:
    """The parts by grid, and by category under the name it goes by."""
    found: dict[By, Whole] = {}
    for place, by in enumerate(names):
        sums = _summed((cell[place], counts) for cell, counts in cells.items())
        found[by] = {part: (counted(n), of(n) if of else 0) for part, n in sums.items()}
    return found


def _mean(value: Value) -> Value:
    """The mean that stands beside a median."""
    return replace(value, value=value.detail, detail=None, series=())


# --- work orders
def of_work(metric: str, review: WorkReview) -> Parts:
    """What a figure of work orders is made of, in a review of maintenance that was read already."""
    name = _OF_WORK[metric]
    value: Value = getattr(review.figures, name)
    if name == "on_time":
        shares = {row.grid_id: (round((row.on_time or 0) * row.on_time_n), row.on_time_n) for row in review.grids}
        return Parts(value, {By.GRID: shares}, divided=True)
    return Parts(
        value,
        {
            By.GRID: {row.grid_id: (getattr(row, name), 0) for row in review.grids},
            By.CATEGORY: {row.category: (getattr(row, name), 0) for row in review.categories},
        },
    )


def _work(metric: str) -> MadeOf:
    def of_period(asked: _Asked) -> Parts:
        review: WorkReview = asked.of(maintenance.work_review, asked.period, now=asked.now)
        found = of_work(metric, review)
        if metric != "work_on_time":
            return found
        late = {row.category: Counter(late=row.overdue) for row in review.categories}
        ended = _summed((category, n) for (_grid, category), n in asked.cells("work_orders", "on_time", "late").items())
        sums = _summed([*ended.items(), *late.items()])
        kinds = {part: (n["on_time"], n["on_time"] + n["late"]) for part, n in sums.items()}
        return replace(found, by={**found.by, By.CATEGORY: kinds})

    return of_period


def _took(name: str) -> MadeOf:
    """How long it took: of the median there are no parts, of the mean beside it there are."""

    def of_period(asked: _Asked) -> Parts:
        figures = asked.of(maintenance.work_figures, asked.period, now=asked.now)
        cells = asked.cells("work_orders", f"{name}_seconds", f"{name}_n")
        sides = _sides(cells, _WORK, lambda n: n[f"{name}_seconds"] / 3600, lambda n: n[f"{name}_n"])
        return Parts(_mean(getattr(figures, name)), sides, divided=True, mean=True)

    return of_period


def _quality(name: str, names: tuple[str, ...], counted: Counted, of: Counted) -> MadeOf:
    def of_period(asked: _Asked) -> Parts:
        found = asked.of(maintenance.quality, asked.period, now=asked.now)
        return Parts(getattr(found, name), _sides(asked.cells("work_orders", *names), _WORK, counted, of), divided=True)

    return of_period


def _upkeep(name: str, counted: str, of: str) -> MadeOf:
    """How preventive maintenance was kept."""

    def of_period(asked: _Asked) -> Parts:
        found = asked.of(preventive.review, asked.period, today=asked.today)
        cells = asked.of(preventive.kept_in_cells, asked.period, today=asked.today)
        counts = {cell: vars(each) for cell, each in cells.items()}
        return Parts(getattr(found, name), _sides(counts, _WORK, lambda n: n[counted], lambda n: n[of]), divided=True)

    return of_period


def _companies(asked: _Asked) -> Parts:
    """Certified staff by company, of those whose numbers were known at the period's end."""
    found = asked.then.of(maintenance.company_scores, asked.period, now=asked.then.now)
    known = {each.company.id: each.certified for each in found.scores if each.certified.value is not None}
    return Parts(
        found.certified,
        {By.COMPANY: {id: (value.value * value.n, value.n) for id, value in known.items()}},
        divided=True,
        names={each.company.id: each.company.name for each in found.scores},
        stock=True,
    )


# --- hazards and inspections
def _rectified(name: str, level: Level | None = None) -> MadeOf:
    def of_period(asked: _Asked) -> Parts:
        found = asked.of(maintenance.hazard_review, asked.period, now=asked.now)
        hazards = asked.cells("hazards", "found", "rechecked")
        orders = asked.cells("work_orders", "hazard", "hazard_checked")
        cells = [(grid, of, n["rechecked"], n["found"]) for (grid, of), n in hazards.items() if level in (None, of)]
        # a dangerous order is a major hazard by nature
        cells += [(grid, Level.MAJOR, n["hazard_checked"], n["hazard"]) for (grid, _of), n in orders.items()]
        sides = (By.GRID, By.LEVEL) if level is None else (By.GRID,)
        by: dict[By, dict[str, tuple[float, float]]] = {side: {} for side in sides}
        for *places, checked, n in cells:
            for side, place in zip(sides, places, strict=False):
                had = by[side].get(place, (0, 0))
                by[side][place] = had[0] + checked, had[1] + n
        return Parts(getattr(found, name), by, divided=True)

    return of_period


def _dangers_late(asked: _Asked) -> Parts:
    found = asked.then.of(maintenance.hazard_review, asked.period, now=asked.then.now)
    late = [each for each in found.standing if each.overdue_days > 0]
    by = {By.GRID: _many(each.grid_id for each in late), By.LEVEL: _many(each.level for each in late)}
    return Parts(found.overdue, by, stock=True)


def _many(parts: Iterable[str | None]) -> Whole:
    return {part: (n, 0) for part, n in Counter(part or "" for part in parts).items()}


def _inspected(asked: _Asked) -> Parts:
    """Of each inspection that was due, made or not, whether it was made by its day."""
    found = asked.of(inspections.rounds, asked.period, today=asked.today)
    months, missed = set(asked.period.months), Counter[tuple[str, str]]()
    for each in asked.of(inspections.dues, today=asked.today):
        days = inspections.missed(each.due_on, each.every_days, asked.today)
        missed[each.grid_id or "", each.kind] += sum(f"{day:%Y-%m}" in months for day in days)
    cells: dict[tuple[str, str], Counter[str]] = defaultdict(Counter, asked.cells("inspections", "due", "on_time"))
    for cell, n in missed.items():
        cells[cell]["due"] += n
    return Parts(found.on_time, _sides(cells, _ROUND, lambda n: n["on_time"], lambda n: n["due"]), divided=True)


def _not_inspected(asked: _Asked) -> Parts:
    then = asked.then
    found = then.of(inspections.rounds, asked.period, today=then.today)
    late = then.of(inspections.dues, today=then.today, overdue=True)
    by = {By.GRID: _many(each.grid_id for each in late), By.KIND: _many(each.kind for each in late)}
    return Parts(found.overdue, by, stock=True)


def _found_something(asked: _Asked) -> Parts:
    found = asked.of(inspections.rounds, asked.period, today=asked.today)
    sides = _sides(asked.cells("inspections", "failed", "done"), _ROUND, lambda n: n["failed"], lambda n: n["done"])
    return Parts(found.failed, sides, divided=True)


# --- requests
def _requests(name: str) -> MadeOf:
    """By grid and topic: what is open or overdue at the period's end, or what ended in time of all that should have."""

    def of_period(asked: _Asked) -> Parts:
        review = asked.of(requests.request_review, asked.period, now=asked.now)
        rows = asked.of(requests.requests_by_grid, asked.period, now=asked.now)
        last = min(f"{asked.period.last:%Y-%m}", f"{asked.now:%Y-%m}")
        found: dict[str, tuple[float, float]] = {}
        for row in rows:
            counted, n = found.get(row.grid_id, (0, 0))
            if name != "on_time":
                counted += getattr(row, name) if row.month == last else 0
            else:
                if row.month in asked.period.months:
                    counted, n = counted + row.on_time, n + row.on_time + row.late
                n += row.overdue if row.month == last else 0
            found[row.grid_id] = (counted, n)
        by = {By.GRID: found, By.TOPIC: _of_topics(asked, name)}
        return Parts(getattr(review, name), by, divided=name == "on_time")

    return of_period


def _of_topics(asked: _Asked, name: str) -> Whole:
    owed = asked.of(requests.owed_by_topic, asked.period, now=asked.now)
    if name != "on_time":
        return {topic: ((late if name == "overdue" else n), 0) for topic, (n, late) in owed.items()}
    cells: dict[tuple[str, str], Counter[str]] = defaultdict(Counter, asked.cells("requests", "on_time", "late"))
    for topic, (_n, late) in owed.items():
        cells["", topic]["late"] += late
    return _sides(cells, _TOPIC, lambda n: n["on_time"], lambda n: n["on_time"] + n["late"])[By.TOPIC]


def _content(n: Mapping[str, float]) -> float:
    return sum((weight * n[f"said_{grade}"] for grade, weight in GRADES.items()), 0.0)


_SAID = tuple(f"said_{grade}" for grade in GRADES)


def _answers(name: str, names: tuple[str, ...], counted: Counted, of: Counted | None) -> MadeOf:
    """What was received, and what residents say of it, by grid and topic."""

    def of_period(asked: _Asked) -> Parts:
        review = asked.of(requests.request_review, asked.period, now=asked.now)
        sides = _sides(asked.cells("requests", *names), _TOPIC, counted, of)
        return Parts(getattr(review, name), sides, divided=of is not None)

    return of_period


def _composite(asked: _Asked) -> Parts:
    """All three rates are shares of the same call-backs, so that what each of these counts adds up."""
    review: requests.RequestReview = asked.of(requests.request_review, asked.period, now=asked.now)
    response, solution, satisfaction = review.weights

    def points(n: Mapping[str, float]) -> float:
        return response * n["contacted"] + solution * n["solved"] + satisfaction * _content(n)

    cells = asked.cells("requests", "called", "contacted", "solved", *_SAID)
    return Parts(review.composite, _sides(cells, _TOPIC, points, lambda n: n["called"]), divided=True)


# --- facilities
def _facilities(name: str, of: Callable[[Figures], tuple[float, int]], *, divided: bool = True) -> MadeOf:
    """By grid and category, of the facilities that stood at the period's end."""

    def of_period(asked: _Asked) -> Parts:
        found = _inventory(asked)
        return Parts(
            getattr(found, name),
            {
                By.GRID: {grid or "": of(figures) for grid, figures in found.by_grid.items()},
                By.CATEGORY: {str(category): of(figures) for category, figures in found.by_category.items()},
            },
            divided=divided,
            stock=True,
        )

    return of_period


def _inventory(asked: _Asked) -> facilities.Inventory:
    on = min(asked.period.last, asked.now.date())
    found: facilities.Inventory = asked.then.of(facilities.inventory, on=on, course=False)
    return found


def _smart(asked: _Asked) -> Parts:
    found = _inventory(asked)
    gates: dict[str, tuple[float, float]] = {}
    for (category, control), n in found.controls.items():
        smart, known = gates.get(category, (0, 0))
        gates[str(category)] = smart + (n if control is Control.SMART else 0), known + n
    return Parts(found.smart, {By.CATEGORY: gates}, divided=True, stock=True)


def _next_year(asked: _Asked) -> Parts:
    """Of what is planned for the year after the period's end."""
    found, year = _inventory(asked), min(asked.period.last, asked.now.date()).year + 1
    cells: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for need in found.plan:
        if need.year == year:
            cells[need.grid_id or "", str(need.category)]["cost"] += need.cost_cents
    return Parts(found.next_year, _sides(cells, _WORK, lambda n: n["cost"], None), stock=True)


def _put_off(asked: _Asked) -> Parts:
    found = asked.then.of(replacement.replacement_review, now=asked.then.now)
    cells: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (grid, category, _site), each in found.backlog.items():
        put_off = each.renewal_cents + each.repair_cents
        cells[grid or "", str(category)].update(put_off=put_off, worth=each.worth_cents)
    return Parts(
        found.fci, _sides(cells, _WORK, lambda n: n["put_off"], lambda n: n["worth"]), divided=True, stock=True
    )


def _entries(
    value: Callable[[entries.EntryReview], Value], counted: Counted, of: Counted | None, *kinds: str
) -> MadeOf:
    """By grid and gate; and by who came in, where it is of both and each entry is of one."""

    def of_period(asked: _Asked) -> Parts:
        review: entries.EntryReview = asked.of(entries.entry_review, asked.period, now=asked.now)
        each_kind = [f"{kind}{what}" for kind in entries.EntryKind for what in ("", "_smart", "_complete")]
        cells = asked.cells("entries", *each_kind, "odd")
        by = _sides(cells, (By.GRID, By.GATE), counted, of)
        total = _summed(("", n) for n in cells.values())[""]
        own: dict[str, tuple[float, float]] = {}
        for kind in kinds:
            only = Counter({name: n for name, n in total.items() if name.partition("_")[0] == kind})
            own[kind] = counted(only), of(only) if of else 0
        names = {gate.id: gate.name for gate in review.gates}
        return Parts(value(review), by | ({By.KIND: own} if own else {}), divided=of is not None, names=names)

    return of_period


def _came(what: str = "") -> Counted:
    """Vehicles and people together."""
    return lambda n: sum(n[f"{kind}{what}"] for kind in entries.EntryKind)


def _complete(kind: entries.EntryKind) -> MadeOf:
    return _entries(lambda review: review.complete[kind], lambda n: n[f"{kind}_complete"], lambda n: n[kind])


# --- activities
def _held(asked: _Asked) -> Parts:
    found = asked.of(activities.figures, asked.period, now=asked.now)
    return Parts(found.held, _sides(asked.cells("activities", "events"), _FORMAT, lambda n: n["events"], None))


def _visits(asked: _Asked) -> Parts:
    """By format from what everybody may know of each activity; by grid as far as it is told of each grid by itself, so
    that nothing is known by this that could not be seen one grid after the other."""
    found = asked.of(activities.figures, asked.period, now=asked.now)
    seen = reach(asked.actor, asked.community_id, asked.grids)
    own: dict[str, tuple[float, float]] = {}
    few: set[str] = set()
    for grid in grids.grids(asked.store, asked.actor, asked.community_id):
        if seen is None or grid.id in seen:
            one = replace(asked, grids=frozenset({grid.id})).of(activities.figures, asked.period, now=asked.now)
            if one.visits.value is None:
                few.add(grid.id)
            else:
                own[grid.id] = one.visits.value, 0
    rest = (found.visits.value or 0) - sum(n for n, _of in own.values())
    by: dict[By, Whole] = {By.GRID: own | {"": (rest, 0)}}
    if asked.whole and may(asked.actor, Operation.READ, "attendances"):
        came = _summed((form, n) for (_grid, form), n in asked.cells("attendances", "visits").items())
        heads = _summed((form, n) for (_grid, form), n in asked.cells("activities", "heads").items())
        by[By.FORMAT] = {form: (came[form]["visits"] + heads[form]["heads"], 0) for form in {*came, *heads}}
    return Parts(found.visits, by, few=frozenset(few))


def _of_visitors(name: str, of: Callable[[_Asked], Whole], collection: str) -> MadeOf:
    """By format, of the whole community alone: there everybody may know it of each activity."""

    def of_period(asked: _Asked) -> Parts:
        found = asked.of(activities.residents_review, asked.period, now=asked.now)
        if found is None or not may(asked.actor, Operation.READ, collection):
            return NOTHING
        return Parts(getattr(found, name), {By.FORMAT: of(asked)}, divided=True)

    return of_period


def _with_a_say(asked: _Asked) -> Whole:
    found: dict[str, tuple[float, float]] = {}
    for subject, what in (("attendances", "level"), ("activities", "heads")):
        names = {level: f"{what}_{level}" for level in activities.Level}
        for (_grid, form), n in asked.cells(subject, *names.values()).items():
            deep, known = found.get(form, (0, 0))
            deep += sum(n[names[level]] for level in activities.DEEP_LEVELS)
            found[form] = deep, known + sum(n[name] for name in names.values())
    return found


def _pleased(asked: _Asked) -> Whole:
    cells = asked.cells("activities", "satisfied", "answers")
    return _sides(cells, _FORMAT, lambda n: n["satisfied"], lambda n: n["answers"])[By.FORMAT]


def _showed_up(asked: _Asked) -> Parts:
    """By format, of the whole community alone: there everybody may know it of each activity."""
    found = asked.of(checkin.shown_up, asked.period, now=asked.now)
    if not asked.whole or not may(asked.actor, Operation.READ, "sign_ups"):
        return Parts(found.value, {}, divided=True)
    days = {"held_on": Is(gte=midnight(asked.period.first), lte=midnight(asked.period.last))}
    held = {one.id: one for one in asked.store.find(asked.actor, activities.Activity, asked.community_id, days)}
    zone, came = asked.store.zone(asked.community_id), asked.cells("sign_ups", "signed", "came")
    forms: dict[str, tuple[float, float]] = {}
    for id, n in _summed((activity, n) for (_grid, activity), n in came.items()).items():
        if n["came"] and id in held and checkin.Hours.of(held[id], zone).ends <= asked.now:
            had = forms.get(held[id].format, (0, 0))
            forms[held[id].format] = had[0] + n["came"], had[1] + n["signed"]
    return Parts(found.value, {By.FORMAT: forms}, divided=True)


# --- grids
def _handled(metric: str, counted: Counted, of: Counted) -> MadeOf:
    def of_period(asked: _Asked) -> Parts:
        found = asked.of(handling.handling, asked.period, now=asked.now)
        value = next(each for each in found.all if each.metric.key == metric)
        return Parts(value, {By.GRID: _handled_by(found, counted, of)}, divided=True)

    return of_period


def _handled_by(found: handling.Handling, counted: Counted, of: Counted) -> Whole:
    return {grid.id: (counted(vars(each)), of(vars(each))) for grid, each in found.grids}


def _due(n: Mapping[str, float]) -> float:
    return n["on_time"] + n["late"] + n["overdue"]


_SHARES: Mapping[str, tuple[Counted, Counted]] = {
    "G1": (lambda n: n["on_time"] + n["late"], _due),
    "G2": (lambda n: n["on_time"], _due),
    "G3": (lambda n: n["reworked"], lambda n: n["closed"]),
    "G4": (lambda n: n["overdue"], _due),
    "G4_postponed": (lambda n: n["postponed"], _due),
}
"""The parts of the composite: what is counted, and of what."""


def _score(asked: _Asked) -> Parts:
    """By the rates it is made of, each with the points it gave; and by grid."""
    found = asked.of(handling.handling, asked.period, now=asked.now)
    points: dict[str, tuple[float, float]] = {}
    blend = []
    for value in found.all:
        key, share = value.metric.key, value.value or 0.0
        points[key] = handling.points_of(key, share), 0
        blend.append((handling.POINTS[key], _handled_by(found, *_SHARES[key])))
    own = {grid.id: each.score for grid, each in found.grids}
    return Parts(found.score, {By.MEASURE: points}, blends={By.GRID: (blend, own)})


def _graded(asked: _Asked) -> Parts:
    found = asked.of(handling.handling, asked.period, now=asked.now)
    good = {grid.id: (int(each.grade in handling.GOOD), 1) for grid, each in found.grids if each.score is not None}
    return Parts(found.graded, {By.GRID: good}, divided=True)


def _posts(asked: _Asked) -> Parts:
    found = _on_day(asked)
    return Parts(found.filled, {By.GRID: found.staffing.by_grid}, divided=True)


def _covered(asked: _Asked) -> Parts:
    found = _on_day(asked)
    cells = {(grid, str(tier)): Counter(on=bool(officers), of=1) for (tier, grid), officers in
             found.staffing.cells.items()}  # fmt: skip
    return Parts(found.coverage, _sides(cells, (By.GRID, By.TIER), lambda n: n["on"], lambda n: n["of"]), divided=True)


def _on_day(asked: _Asked) -> grids.PostsOnDay:
    mine = replace(asked.actor, grids=reach(asked.actor, asked.community_id, asked.grids))
    return grids.posts_on(asked.store, mine, asked.community_id, asked.period, today=asked.today)


def _patrolled(name: str, of: Callable[[patrols.PatrolReview], Iterable[tuple[str, float, float]]]) -> MadeOf:
    def of_period(asked: _Asked) -> Parts:
        found = asked.of(patrols.patrol_review, asked.period, today=asked.today)
        sums = _summed((grid, {"counted": counted, "of": n}) for grid, counted, n in of(found))
        value: Value = getattr(found, name)
        parts = {grid: (n["counted"], n["of"]) for grid, n in sums.items()}
        return Parts(value, {By.GRID: parts}, divided=value.metric.unit == "percent")

    return of_period


def _visited(found: patrols.PatrolReview) -> Iterable[tuple[str, float, float]]:
    for row in found.grids:
        if row.share is not None:
            households = row.households or 0
            yield row.grid_id, min(row.visited or 0, households), households


# --- organisations and meetings
def _of_organizations(asked: _Asked) -> Parts:
    found = asked.of(organizations.review, asked.period, today=asked.today)
    rows = organizations.taking_part(asked.store, asked.actor, asked.community_id, asked.period, today=asked.today)
    sums = _summed((str(one.kind), Counter(came=came, of=1)) for one, came in rows)
    return Parts(found.participation, {By.KIND: {kind: (n["came"], n["of"]) for kind, n in sums.items()}}, divided=True)


def _silent(asked: _Asked) -> Parts:
    found = asked.then.of(organizations.review, asked.period, today=asked.then.today)
    return Parts(found.silence, {By.KIND: _many(each.organization.kind for each in found.silent)}, stock=True)


def _matched(asked: _Asked) -> Parts:
    """Of the needs that stood on the list: those from before, and those listed since."""
    found = asked.of(organizations.review, asked.period, today=asked.today)
    names = ("listed", "matched", "withdrawn")
    cells: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cell, n in asked.cells("needs", *names, before=True).items():
        cells[cell]["stood"] += n["listed"] - n["matched"] - n["withdrawn"]
    for cell, n in asked.cells("needs", *names).items():
        cells[cell].update(stood=n["listed"] - n["withdrawn"], taken=n["matched"])
    return Parts(found.matching, _sides(cells, _ROUND, lambda n: n["taken"], lambda n: n["stood"]), divided=True)


def _unmatched(asked: _Asked) -> Parts:
    found = asked.then.of(organizations.review, asked.period, today=asked.then.today)
    by = {By.KIND: {str(each.kind): (each.unmatched, 0) for each in found.balance}}
    return Parts(found.unmatched, by, stock=True)


def _met(name: str, counted: Callable[[Kept], int], of: Callable[[Kept], int]) -> MadeOf:
    """By kind of meeting."""

    def of_period(asked: _Asked) -> Parts:
        who = (asked.store, asked.actor, asked.community_id, asked.period)
        value: Value = getattr(meetings.review(*who, now=asked.now), name)
        kept = meetings.kept_by_kind(*who, now=asked.now)
        return Parts(
            value, {By.KIND: {str(kind): (counted(each), of(each)) for kind, each in kept.items()}}, divided=True
        )

    return of_period


def _carried_over(asked: _Asked) -> Parts:
    then = asked.then
    found = meetings.review(then.store, then.actor, then.community_id, then.period, now=then.now)
    often = [each.item.series for each in found.unfinished if each.carried >= meetings.OFTEN]
    return Parts(found.carried_over, {By.KIND: _many(often)}, stock=True)


_WORK = (By.GRID, By.CATEGORY)
_TOPIC = (By.GRID, By.TOPIC)
_FORMAT = (By.GRID, By.FORMAT)
_ROUND = (By.GRID, By.KIND)
_OF_WORK = {"work_open": "open", "work_overdue": "overdue", "work_on_time": "on_time"}


def _called(n: Mapping[str, float]) -> float:
    return n["called"]


_MADE_OF: Mapping[str, MadeOf] = {
    **{metric: _work(metric) for metric in _OF_WORK},
    **{f"work_{name}": _took(name) for name in ("respond", "repair")},
    "work_rework": _quality(
        "rework",
        ("rework", "repeat", "ended_completed"),
        lambda n: n["rework"] + n["repeat"],
        lambda n: n["ended_completed"],
    ),
    "work_satisfaction": _quality(
        "satisfaction",
        ("satisfaction_sum", "satisfaction_n"),
        lambda n: n["satisfaction_sum"],
        lambda n: n["satisfaction_n"],
    ),
    "work_held": _quality(
        "held", ("held_seconds", "held_n"), lambda n: n["held_seconds"] / 3600, lambda n: n["held_n"]
    ),
    "M8": _upkeep("compliance", "met", "due"),
    "M9": _upkeep("schedule", "as_scheduled", "scheduled"),
    "M10": _upkeep("planned", "preventive_minutes", "minutes"),
    "company_certified": _companies,
    "S1": _rectified("rectified"),
    "S1_major": _rectified("major", Level.MAJOR),
    "S1_overdue": _dangers_late,
    "F7": _inspected,
    "F7_overdue": _not_inspected,
    "F7_failed": _found_something,
    **{f"requests_{name}": _requests(name) for name in ("open", "overdue", "on_time")},
    "requests_received": _answers("received", ("opened",), lambda n: n["opened"], None),
    "N1": _answers("response", ("called", "contacted"), lambda n: n["contacted"], _called),
    "N2": _answers("solved", ("called", "solved"), lambda n: n["solved"], _called),
    "N3": _answers("satisfied", ("called", *_SAID), _content, _called),
    "N4": _composite,
    "N6": _answers("repeats", ("repeat", "entered"), lambda n: n["repeat"], lambda n: n["entered"]),
    "F1": _facilities("good_order", lambda each: (each.good, each.graded)),
    "F2": _facilities("condition", lambda each: (each.grades, each.known_grades)),
    "F3": _facilities("past_life", lambda each: (each.past, each.aged)),
    "F5": _next_year,
    "F_hazards": _facilities("hazards", lambda each: (each.hazards, 0), divided=False),
    "F_smart": _smart,
    "M13": _put_off,
    "F8_vehicles": _complete(entries.EntryKind.VEHICLE),
    "F8_people": _complete(entries.EntryKind.PERSON),
    "entries": _entries(lambda review: review.entries, _came(), None, *entries.EntryKind),
    "entries_smart": _entries(lambda review: review.smart, _came("_smart"), _came(), *entries.EntryKind),
    "entries_odd": _entries(lambda review: review.odd, lambda n: n["odd"], None),
    "activities_held": _held,
    "visits": _visits,
    "deep_share": _of_visitors("deep", _with_a_say, "attendances"),
    "P4": _showed_up,
    "visitors_satisfied": _of_visitors("satisfied", _pleased, "activities"),
    **{metric: _handled(metric, *shares) for metric, shares in _SHARES.items()},
    "G5": _score,
    "G7": _graded,
    "G9": _posts,
    "S2": _covered,
    "G6": _patrolled("coverage", _visited),
    "G6_walked": _patrolled(
        "walked", lambda found: ((p.plan.grid_id, min(p.planned, p.walked), p.planned) for p in found.plans)
    ),
    "G6_overdue": _patrolled(
        "overdue", lambda found: ((p.plan.grid_id, 1, 0) for p in found.plans if p.due_on and p.overdue_days > 0)
    ),
    "U1": _of_organizations,
    "U1_silent": _silent,
    "U2": _matched,
    "U2_unmatched": _unmatched,
    "T1": _met("cadence", lambda each: each.in_time, lambda each: each.required),
    "T2": _met("carried_out", lambda each: each.closed_in_time, lambda each: each.owed),
    "T2_carried": _carried_over,
    "T3_attendance": _met("attendance", lambda each: each.attended, lambda each: each.invited),
}
"""By metric, of whatever can be taken apart."""
NOTHING = Parts(Value(METRICS["visits"], None, 0), {})
"""Where nothing is told of the grids that are asked for."""
EXPLAINED = frozenset(_MADE_OF)
"""The figures that can be taken apart."""


def made_of(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    metric: str,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Parts:
    """What one of the figures EXPLAINED is made of in a period. Raises KeyError for any other, Refused, Unavailable."""
    return _MADE_OF[metric](_Asked(store, actor, community_id, period, grids, now))
