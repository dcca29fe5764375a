"""What the activities page, the overview and the packs ask. The figures cost the same however much history there is:
they are read from the counters of months and of distinct people (see ``repository.rollups``)."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from repository.access import Actor, Operation, Role, may, reach, scope
from repository.activities.metrics import (
    EFFECTIVE_FORMATS,
    HELD,
    NEWCOMERS,
    PARTICIPANTS,
    PARTICIPATION,
    REPEAT,
    VISITS,
    WINDOW,
    Diversity,
    diversity,
)
from repository.activities.records import Activity, ActivityStatus, Attendance, Format
from repository.disclosure import EVERYTHING, OFF_THE_LATTICE, Crowd, Withheld, lattice, levels, siblings
from repository.filters import Is
from repository.grids import HOME, Community, Grid, Setting, home_of
from repository.metrics import MINIMUM_N, UNTOLD, Metric, Period, State, Value, last_months, ratio
from repository.people import AgeBand, Sex
from repository.record import midnight
from repository.rollups import EVER, Place, path_key, path_word, quarter_of
from repository.store import Counters, Store, Then, Wanted
from repository.targets import judged

Document = dict[str, Any]
SERIES = 12  # months of a sparkline


# --- answers ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class MonthOfActivities:
    """One month: sessions held, registered visits, heads counted, distinct people (None where nobody registered
    anyone), and the diversity of the three months that end with it (None below the minimum n)."""

    month: str
    events: int
    registered: int | None
    """None where it is withheld with the people."""
    heads: int
    people: int | None
    effective: float | None


@dataclass(frozen=True)
class FormatCount:
    """A format in the period and in the one before; ``last_held`` is a month, None for never; ``planned`` are sessions
    ahead."""

    format: str
    sessions: int
    before: int
    planned: int
    last_held: str | None


@dataclass(frozen=True)
class Variety:
    """Formats of the period, commonest first, those known but not held last."""

    effective: Value
    diversity: Diversity
    formats: tuple[FormatCount, ...]

    @property
    def months_below(self) -> int:
        """For how many months in a row, back from the period's end, the effective number of formats lay below what was
        wanted of them."""
        below = 0
        for month, effective in reversed(self.effective.series):
            target = self.effective.wanted(month)
            if effective is None or target is None or target.low is None or effective >= target.low:
                break
            below += 1
        return below

    @property
    def commonest(self) -> FormatCount | None:
        """The format held most often."""
        return self.formats[0] if self.formats and self.formats[0].sessions else None

    @property
    def commonest_share(self) -> float | None:
        """Its share of the sessions."""
        return ratio(self.commonest.sessions, self.diversity.sessions) if self.commonest else None

    @property
    def alarm(self) -> bool:
        """Sameness: off target, or below it for two months and more."""
        return self.effective.state is State.OFF_TARGET or (
            self.effective.state is State.UNKNOWN and self.months_below >= 2
        )


@dataclass(frozen=True)
class Group:
    """Participants of one age band, sex, age band and sex (``60-74_f``) or grid (its id), against the population.

    ``share`` is of those whose group is known. Withheld groups (``repository.disclosure``, rule R9) have neither
    ``people`` nor what is made from it.
    """

    key: str
    label: str
    people: int | None
    share: float | None
    population: int | None
    population_share: float | None

    @property
    def withheld(self) -> bool:
        """So few that it is not told, or what such a group could be worked out from."""
        return self.people is None

    @property
    def representation(self) -> float | None:
        """Metric P6: 1 is fair."""
        if self.share is None or not self.population_share:
            return None
        return self.share / self.population_share

    @property
    def rate(self) -> float | None:
        """Metric P1 within the group: its participants ÷ its people."""
        return None if self.people is None else ratio(self.people, self.population or 0)


@dataclass(frozen=True)
class Figures:
    """A period's activities. ``residents`` is what the participation rate is taken of; ``counted`` and ``uncounted``
    are activities with and without a head-count; ``n_pyramid`` and so on are those whose group is known, 0 where
    nothing of it is told. Age and sex together are told of the whole community alone."""

    period: Period
    held: Value
    participants: Value
    participation: Value
    visits: Value
    repeat: Value
    newcomers: Value
    variety: Variety
    residents: int | None
    registered: int | None
    heads: int
    counted: int
    uncounted: int
    cancelled: int
    months: tuple[MonthOfActivities, ...]
    pyramid: tuple[Group, ...]
    ages: tuple[Group, ...]
    sexes: tuple[Group, ...]
    grids: tuple[Group, ...]
    n_pyramid: int
    n_ages: int
    n_sexes: int
    n_grids: int
    withheld: bool
    """Whether numbers of people of the place chosen are withheld altogether."""
    untold: bool
    """Whether different people are not told of such a period at all: of a range of months, and as of a past day of what
    was not over by then."""
    smallest: int
    """The smallest number of people of a group that is told."""


@dataclass(frozen=True)
class Listed:
    """An activity and how many residents were registered at it."""

    activity: Activity
    registered: int


@dataclass(frozen=True)
class Calendar:
    """Activities, latest first. ``more``: there are others beyond the limit. ``unrecorded`` of those shown were held,
    but nobody was registered or counted."""

    rows: tuple[Listed, ...]
    more: bool
    unrecorded: int


@dataclass(frozen=True)
class Gathering:
    """One activity, how many residents were registered at it, and those of them the actor may see."""

    activity: Activity
    registered: int
    attendances: tuple[Attendance, ...]


@dataclass(frozen=True)
class KnownResident:
    """What a resident's latest attendance says of them."""

    resident: str
    age_band: AgeBand | None
    sex: Sex | None
    grid_id: str | None
    last_came: date


# --- figures ---------------------------------------------------------------------------------------------------------
@judged
def figures(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
    within: Setting | None = None,
) -> Figures:
    """Everything the activities page shows of a period, from counters alone. ``now`` is the store's clock by default;
    ``within``: if that was read already, with what is ``figures_wanted`` last.

    Activities and head-counts belong to the activity's grid, participants and registered visits to the resident's.
    Over several grids at once the number of people is at most the sum of the grids' (``estimated``): a resident who
    moved between them within the period is in both. Of a range visits are the sum of its months', told of a grid where
    each of these is; different people are not told. Nor are they as of a past day of a period that was not over by
    then: who came until that day is no number of the lattice, and beside another day's would be few. Series are the
    twelve months up to the period's end or now; those of shares of people give each month the value of the month,
    quarter or year it lies in, as the period is one.
    """
    seen = reach(actor, community_id, grids)
    today = _today(store, community_id, now)
    if within is None:
        counters = figures_wanted(store, actor, community_id, period, grids=grids, now=now)
        within = home_of(store.together(actor, community_id, [*HOME, *counters]))
    community, all_grids = within.community, within.grids
    months = _series(period, today)
    held, registered, crowd = _counted(store, community, seen, within.also[-1])
    ever_registered = any(registered.values()) if crowd.until else crowd.ever_came()
    span = held.months if period.kind == "ever" else period.months
    flows = held.total(span)
    count = sum(registered.values()) if period.kind == "ever" else sum(registered[month] for month in span)
    # of what was before any activity of the community, or is to come, there is no data; where none was read, they lie
    # further back
    begun = min((each["period"] for each in within.also[-1] if each["subject"] == "activities"), default="")

    def nobody_said(flow: Mapping[str, int], first: str, last: str) -> bool:
        """Whether it means nothing that nobody was registered in some months."""
        return flow["records"] > 0 or not ever_registered or last < begun or first > f"{today:%Y-%m}"

    silent = not count and nobody_said(flows, f"{period.first:%Y-%m}", f"{period.last:%Y-%m}")
    untold = not crowd.told(period.key)
    why = UNTOLD if untold else ""
    people = None if silent or untold else crowd.number(period.key, "unique")
    few = not crowd.visits_told(period) if untold else people is None
    withheld = few and not silent
    came = None if silent or withheld else count
    heads = flows["heads"]
    visits = None if withheld or (silent and not flows["counted"]) else (came or 0) + heads
    residents = _residents(community, all_grids, seen)
    joint = seen is not None and len(seen) > 1

    series = []
    for month in months:
        flow = held.total([month])
        quiet = not registered[month] and nobody_said(flow, month, month)
        of_month = crowd.number(month, "unique")
        series.append(
            MonthOfActivities(
                month=month,
                events=flow["events"],
                registered=None if of_month is None and seen is not None else registered[month],
                heads=flow["heads"],
                people=None if quiet else of_month,
                effective=held.effective(month),
            )
        )

    def rate(row: MonthOfActivities) -> float | None:
        n = crowd.number(_whole(period, row.month), "unique")
        return ratio(n, residents or 0) if n or (n is not None and row.people is not None) else None

    def share(name: str) -> tuple[tuple[str, float | None], ...]:
        return tuple((month, crowd.share(whole, name)) for month in months for whole in [_whole(period, month)])

    return Figures(
        period=period,
        held=Value(HELD, flows["events"], flows["events"], [(row.month, row.events) for row in series]),
        participants=Value(
            PARTICIPANTS,
            people,
            people or 0,
            [(row.month, row.people) for row in series],
            detail=ratio(people, residents) if people is not None and residents else None,
            estimated=joint,
            why=why,
        ),
        participation=Value(
            participation(period),
            None if people is None else ratio(people, residents or 0),
            residents or 0,
            [(row.month, rate(row)) for row in series],
            detail=people,
            estimated=joint,
            why=why,
        ),
        visits=Value(
            VISITS,
            visits,
            visits or 0,
            [
                (
                    row.month,
                    None
                    if row.registered is None or (row.people is None and not row.heads and not row.registered)
                    else row.registered + row.heads,
                )
                for row in series
            ],
            detail=ratio(came, people) if came is not None and people else None,
        ),
        repeat=Value(
            REPEAT,
            crowd.share(period.key, "repeat"),
            people or 0,
            share("repeat"),
            estimated=joint,
            why=why,
        ),
        newcomers=Value(
            replace(NEWCOMERS, target=None) if period.kind == "ever" else NEWCOMERS,
            # of all time everybody was new once: a share that says nothing
            None if period.kind == "ever" else crowd.share(period.key, "new"),
            0 if period.kind == "ever" else people or 0,
            () if period.kind == "ever" else share("new"),
            estimated=joint,
            why=why,
        ),
        variety=_variety(held, period, months, f"{today.year:04d}-{today.month:02d}"),
        residents=residents,
        registered=came,
        heads=heads,
        counted=flows["counted"],
        uncounted=flows["uncounted"],
        cancelled=flows["cancelled"],
        months=tuple(series),
        withheld=withheld,
        untold=untold,
        smallest=community.smallest_group,
        **_represented(crowd, period, community, all_grids),
    )


class _Held:
    """Month counters of activities, for all or some grids: month -> name -> n, and month -> format -> n."""

    def __init__(self) -> None:
        self.flows: dict[str, Mapping[str, int]] = {}
        self.formats: dict[str, dict[str, int]] = {}
        self.planned: dict[str, dict[str, int]] = {}
        self._effective: dict[str, float | None] = {}

    @property
    def months(self) -> list[str]:
        """Every month something was entered for."""
        return sorted(self.flows)

    def total(self, months: Iterable[str]) -> Counter[str]:
        """The flows of some months together."""
        total: Counter[str] = Counter()
        for month in months:
            total.update(self.flows.get(month, {}))
        return total

    def by_format(self, months: Iterable[str]) -> Counter[str]:
        """Sessions held in some months by format."""
        total: Counter[str] = Counter()
        for month in months:
            total.update(self.formats.get(month, {}))
        return total

    def effective(self, month: str) -> float | None:
        """Effective formats of the three months that end with ``month``; None below the minimum n."""
        if month not in self._effective:
            found = diversity(self.by_format(last_months(date(int(month[:4]), int(month[5:]), 1), WINDOW)))
            self._effective[month] = found.effective if found.sessions >= MINIMUM_N else None
        return self._effective[month]


def _today(store: Store, community_id: str, now: datetime | None) -> date:
    return (now or store.clock()).astimezone(store.zone(community_id)).date()


def _told_until(store: Store, community_id: str) -> date | None:
    """Of a store as of a past moment, the last day of what was over by then; None for now. Different people are counted
    by whole periods, so of what ended later only the whole is known, with who came after that moment."""
    if not isinstance(store, Then):
        return None
    after = store.moment + timedelta(milliseconds=1)  # a day is looked at as of its last moment
    return after.astimezone(store.zone(community_id)).date() - timedelta(days=1)


def _series(period: Period, today: date) -> list[str]:
    return last_months(min(max(period.first, min(period.last, today)), period.last), SERIES)


def figures_wanted(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
    brief: bool = False,
) -> list[Counters]:
    """What ``figures`` reads beside the community: the counters of activities of every month (a format may have been
    held last years ago), of the visits registered, and of the people who came. ``brief``: for whoever asks neither when
    a format was held last nor for how long there were too few, no month before those of the series, of the period and
    of the one before it."""
    seen, months = reach(actor, community_id, grids), _series(period, _today(store, community_id, now))
    # groups and grids are told or withheld with those of sibling and larger periods
    together = sorted({period.key, *(each for level in levels(period.key) for each in level)})
    wholes = {whole for month in months for whole in (month, _whole(period, month))} | {EVER, *together}
    if period.kind == "range" and seen is not None:
        wholes.update(period.months)
    if seen is not None:  # so are a grid's numbers
        wholes |= {each for whole in wholes for level in levels(whole) for each in level}
    first = min(months[0], f"{period.first:%Y-%m}")
    before = f"{period.previous.first:%Y-%m}"
    begun = {
        "period": Is(gte=min(before, first, last_months(date(int(months[0][:4]), int(months[0][5:]), 1), WINDOW)[0]))
    }
    wanted: list[Document] = [
        {"subject": "activities", "level": "month", **(begun if brief and period.kind != "ever" else {})},
        {"subject": "attendances", "level": "month", **({} if isinstance(store, Then) else {"period": Is(gte=first)})},
        {"subject": "residents", "level": "people", "period": Is(among=sorted(wholes))},
    ]
    chosen = {"$in": ["$period", {"$literal": together}]}  # groups of people are wanted of the chosen period only
    held_too = {"$or": [chosen, {"$eq": ["$subject", "activities"]}]}
    fields: Document = {
        "subject": 1,
        "period": 1,
        "total": 1,
        "by_category": {"$cond": [held_too, "$by_category", "$$REMOVE"]},
        "by_grid": 1 if seen is not None else {"$cond": [chosen, "$by_grid", "$$REMOVE"]},
        "by_both": {"$cond": [chosen, "$by_both", "$$REMOVE"]},
    }
    return [Counters(wanted, fields)]


ORGANIZING = 92, 31
"""Who organised in so many of the last days, or will in so many of the next, organises activities."""


def organizers_wanted(
    actor: Actor, community_id: str, *, grids: frozenset[str] | None = None, today: date
) -> list[Wanted]:
    """What ``organizers`` is made from, for ``Store.together``. Raises Refused."""
    first, last = (midnight(today + timedelta(days=days)) for days in (-ORGANIZING[0], ORGANIZING[1]))
    lately = scope(actor, Activity, community_id, grids) | {"held_on": Is(gte=first, lte=last)}
    return [Wanted(Activity, lately, steps=({"$group": {"_id": "$organizer_id", "n": {"$sum": 1}}},))]


def organizers(rows: Sequence[Document]) -> tuple[str, ...]:
    """Who organises activities (ids of people), whoever does most first, from the rows of what is wanted for it."""
    known = [row for row in rows if row["_id"]]
    return tuple(row["_id"] for row in sorted(known, key=lambda row: (-row["n"], row["_id"])))


def _counted(
    store: Store, community: Community, seen: frozenset[str] | None, counters: Sequence[Document]
) -> "tuple[_Held, Counter[str], _People]":
    activities: list[Document] = []
    people: list[Document] = []
    registered: Counter[str] = Counter()
    for document in counters:
        if document["subject"] == "activities":
            activities.append(document)
        elif document["subject"] == "residents":
            people.append(document)
        else:
            counts = [document.get("total", {})] if seen is None else _of_grids(document, seen)
            registered[document["period"]] = sum(count.get("visits", 0) for count in counts)
    held = _held(store, community.community_id, seen, activities)
    until = _told_until(store, community.community_id)
    return held, registered, _People(seen, people, community.smallest_group, until)


def _held(store: Store, community_id: str, seen: frozenset[str] | None, documents: Sequence[Document]) -> _Held:
    found = _Held()
    if seen is None:
        for document in documents:
            found.flows[document["period"]] = document.get("total", {})
            by_format = document.get("by_category", {}).items()
            for kept, name in ((found.formats, "events"), (found.planned, "planned")):
                if of_month := {path_word(key): n for key, counts in by_format if (n := counts.get(name))}:
                    kept[document["period"]] = of_month
        return found
    # formats within a grid are in the cells: asked for by name, so that no other grid's are read
    cells = [
        Place("activities", "cell", document["period"], grid, path_word(key)).document_id(community_id)
        for document in documents
        for grid in sorted(seen)
        if path_key(grid) in document.get("by_grid", {})
        for key in document.get("by_category", {})
    ]
    for document in documents:
        flows: Counter[str] = Counter()
        for grid in seen:
            flows.update(document.get("by_grid", {}).get(path_key(grid), {}))
        if flows:
            found.flows[document["period"]] = flows
    for cell in store.counters(community_id, "activities", "cell", {"_id": Is(among=cells)}) if cells else ():
        _by_format(found, cell["period"], cell["category"], cell)
    return found


def _by_format(found: _Held, month: str, form: str, counts: Mapping[str, Any]) -> None:
    for kept, n in ((found.formats, counts.get("events")), (found.planned, counts.get("planned"))):
        if n:
            of_month = kept.setdefault(month, {})
            of_month[form] = of_month.get(form, 0) + n


def _of_grids(document: Document, seen: Iterable[str], branch: str = "by_grid") -> list[Document]:
    kept = document.get(branch, {})
    return [kept[key] for grid in seen if (key := path_key(grid)) in kept]


@dataclass(frozen=True)
class _Split:
    """People by group, and the groups that are withheld."""

    people: Mapping[str, int]
    withheld: Collection[str]

    def number(self, group: str) -> int | None:
        """How many; None where that is withheld."""
        return None if group in self.withheld else self.people.get(group, 0)


class _People:
    """Counters of distinct people, for all or some grids, as far as they may be told; the chosen period's, its
    siblings' and those of the larger periods with their groups and grids."""

    def __init__(
        self, seen: frozenset[str] | None, documents: Iterable[Document], smallest: int, until: date | None
    ) -> None:
        self.seen = seen
        self.until = until
        self.smallest = smallest
        self.documents = {document["period"]: document for document in documents}
        self._withheld: dict[tuple[str, ...], Withheld] = {}

    def told(self, period: str) -> bool:
        """Whether different people are told of such a period at all (see ``_told_until``)."""
        whole = Period.of(period)
        return whole.kind != "range" and (self.until is None or whole.last <= self.until)

    def visits_told(self, period: Period) -> bool:
        """Whether visits are told of a period of which different people are not: of a grid where each of its months
        tells its own, which two ranges, or two days, could be subtracted to otherwise."""
        if self.seen is None:
            return True
        return period.kind == "range" and all(self.number(month, "unique") is not None for month in period.months)

    def withheld(self, period: str) -> Withheld:
        """What may not be told of a period."""
        together = siblings(period) if self.told(period) else ()
        if not together:
            return OFF_THE_LATTICE
        if together not in self._withheld:
            own, *above = (
                {each: _crowd(self.documents[each]) for each in level if each in self.documents}
                for level in levels(period)
            )
            self._withheld[together] = lattice(own, self.smallest, above=above)
        return self._withheld[together]

    def ever_came(self) -> bool:
        """Whether anybody was ever registered."""
        return self._sum(EVER, "unique") > 0

    def number(self, period: str, name: str) -> int | None:
        """How many people of ``name`` (unique, repeat, new) a period has; None where it is withheld or never told."""
        if not self.told(period):
            return None
        if self.seen is not None and self._sum(period, "unique"):
            withheld = self.withheld(period)
            of = {"unique": withheld.grids, "repeat": withheld.repeat_of, "new": withheld.new_of}[name]
            if any(grid in of for grid in self.seen):
                return None
        return self._sum(period, name)

    def share(self, period: str, name: str) -> float | None:
        """Those of ``name`` among a period's people."""
        n, part = self.number(period, "unique"), self.number(period, name)
        return None if n is None or part is None else ratio(part, n)

    def _sum(self, period: str, name: str) -> int:
        document = self.documents.get(period, {})
        counts = [document.get("total", {})] if self.seen is None else _of_grids(document, self.seen)
        return int(sum(count.get(name, 0) for count in counts))

    def by_grid(self, period: str) -> _Split:
        """Distinct people of each grid, whatever the filter."""
        return _Split(_crowd(self.documents.get(period, {})).unique(), self.withheld(period).grids)

    def by_trait(self, period: str) -> tuple[_Split, _Split, _Split]:
        """Distinct people by age band and sex together (``60-74_f``), by age band, and by sex: of the community or of
        one grid."""
        withheld, crowd = self.withheld(period), _crowd(self.documents.get(period, {}))
        nothing = _Split({}, EVERYTHING)
        if self.seen is None:
            both = {f"{age}_{sex}": n for (age, sex), n in crowd.groups.items() if age and sex}
            pairs = [f"{age}_{sex}" for age in AgeBand for sex in Sex if age in withheld.pyramid]
            return (
                _Split(both, pairs if withheld.pyramid is not EVERYTHING else EVERYTHING),
                _Split(crowd.ages(), withheld.ages),
                _Split(crowd.sexes(), withheld.sexes),
            )
        if len(self.seen) != 1:
            return nothing, nothing, nothing
        (grid,) = self.seen
        return (
            nothing,
            nothing if grid in withheld.ages_of else _Split(crowd.ages(grid), ()),
            nothing if grid in withheld.sexes_of else _Split(crowd.sexes(grid), ()),
        )


@lru_cache(maxsize=1024)
def _traits(key: str) -> tuple[str, str]:
    age, sex = path_word(key).split("_")
    return age, sex


def _crowd(document: Document) -> Crowd:
    def groups(branch: Mapping[str, Any]) -> dict[tuple[str, str], int]:
        return {_traits(key): counts.get("unique", 0) for key, counts in branch.items()}

    return Crowd(
        {path_word(key): counts for key, counts in document.get("by_grid", {}).items()},
        groups(document.get("by_category", {})),
        {path_word(key): groups(branch) for key, branch in document.get("by_both", {}).items()},
    )


def _whole(period: Period, month: str) -> str:
    """The month, quarter or year that ``month`` lies in, as ``period`` is one; the month itself for a range and for all
    time."""
    return {"quarter": quarter_of(month), "year": month[:4]}.get(period.kind, month)


def _residents(community: Community, grids: Sequence[Grid], seen: frozenset[str] | None) -> int | None:
    """What the participation rate is taken of: None where a number is missing."""
    if seen is None:
        return community.residents or sum(row.count for row in community.population) or None
    numbers = [grid.residents for grid in grids if grid.id in seen]
    return sum(number for number in numbers if number) if numbers and all(numbers) else None


def _variety(held: _Held, period: Period, months: Sequence[str], current: str) -> Variety:
    span = held.months if period.kind == "ever" else period.months
    now = held.by_format(span)
    before = Counter[str]() if period.kind == "ever" else held.by_format(period.previous.months)
    planned: Counter[str] = Counter()
    last: dict[str, str] = {}
    for month in held.months:
        if month >= current:
            planned.update(held.planned.get(month, {}))
        for form in held.formats.get(month, {}):
            last[form] = month  # months come in order
    words = {str(form) for form in Format} | last.keys() | planned.keys()
    formats = [FormatCount(word, now[word], before[word], planned[word], last.get(word)) for word in words]
    formats.sort(key=lambda form: (-form.sessions, -form.before, form.last_held is None, form.format))
    found = diversity(now)
    return Variety(
        effective=Value(
            EFFECTIVE_FORMATS,
            found.effective,
            found.sessions,
            [(month, held.effective(month)) for month in months],
            detail=found.evenness,
        ),
        diversity=found,
        formats=tuple(formats),
    )


def _groups(
    keys: Iterable[tuple[str, str]], split: _Split, population: Mapping[str, int | None]
) -> tuple[tuple[Group, ...], int]:
    """Shares among those whose group is known, against the population's; and how many those are."""
    keys = list(keys)
    n = 0 if split.withheld is EVERYTHING else sum(split.people.get(key, 0) for key, _ in keys)
    lives_in = [population.get(key) for key, _ in keys]
    whole = sum(number or 0 for number in lives_in) if None not in lives_in else 0  # a part is no whole
    groups = []
    for key, label in keys:
        count, lives = split.number(key), population.get(key)
        groups.append(
            Group(
                key=key,
                label=label,
                people=count,
                share=ratio(count, n) if count is not None and n >= MINIMUM_N else None,
                population=lives,
                population_share=ratio(lives, whole) if lives is not None else None,
            )
        )
    return tuple(groups), n


def _represented(crowd: _People, period: Period, community: Community, grids: Sequence[Grid]) -> dict[str, Any]:
    live_age, live_sex, live = Counter[str](), Counter[str](), Counter[str]()
    known = bool(community.population)
    for row in community.population:
        live_age[row.age_band] += row.count
        live_sex[row.sex] += row.count
        live[f"{row.age_band}_{row.sex}"] += row.count
    both, age, sex = crowd.by_trait(period.key)
    pyramid, n_pyramid = _groups(
        [(f"{age}_{sex}", age.label) for age in AgeBand for sex in Sex],
        both,
        {f"{age}_{sex}": live[f"{age}_{sex}"] for age in AgeBand for sex in Sex} if known else {},
    )
    ages, n_ages = _groups(
        [(str(age), age.label) for age in AgeBand], age, {age: live_age[age] for age in AgeBand} if known else {}
    )
    sexes, n_sexes = _groups(
        [(str(sex), sex.label) for sex in Sex], sex, {sex: live_sex[sex] for sex in Sex} if known else {}
    )
    came, n_grids = _of_grid(crowd, period, grids)
    return {
        "pyramid": pyramid,
        "ages": ages,
        "sexes": sexes,
        "grids": came,
        "n_pyramid": n_pyramid,
        "n_ages": n_ages,
        "n_sexes": n_sexes,
        "n_grids": n_grids,
    }


def _of_grid(crowd: _People, period: Period, grids: Sequence[Grid]) -> tuple[tuple[Group, ...], int]:
    names = [(grid.id, grid.name) for grid in grids]
    return _groups(names, crowd.by_grid(period.key), {grid.id: grid.residents for grid in grids})


def participation(period: Period) -> Metric:
    """The rate as a period is held to it."""
    return replace(PARTICIPATION, target=PARTICIPATION.wanted(period.kind))


def came_by_grid(
    store: Store, actor: Actor, community_id: str, period: Period, *, within: Setting | None = None
) -> tuple[Group, ...]:
    """Who came in the period, by the grid they live in: the ``grids`` of ``figures``, from a few counter documents.
    ``within``: if that was read already, with what is ``grids_wanted`` last."""
    within = within or home_of(store.together(actor, community_id, [*HOME, grids_wanted(period)]))
    until = _told_until(store, community_id)
    crowd = _People(reach(actor, community_id), within.also[-1], within.community.smallest_group, until)
    return _of_grid(crowd, period, within.grids)[0]


def grids_wanted(period: Period) -> Counters:
    """What ``came_by_grid`` reads beside the community."""
    of_periods = {"period": Is(among=[period.key, *(each for level in levels(period.key) for each in level)])}
    return Counters([{"subject": "residents", "level": "people", **of_periods}], {"period": 1, "by_grid": 1})


# --- lists -----------------------------------------------------------------------------------------------------------
def calendar(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    format: str | None = None,
    status: ActivityStatus | None = None,
    limit: int = 30,
    now: datetime | None = None,  # noqa: ARG001 (as of which moment the store is asked)
) -> Calendar:
    """The latest ``limit`` activities of a period, latest first, each with how many residents were registered."""
    within: Document = {"held_on": Is(gte=midnight(period.first), lte=midnight(period.last))}
    if format is not None:
        within["format"] = format
    if status is not None:
        within["status"] = str(status)
    found = store.find(actor, Activity, community_id, within, grids=grids, sort=[("held_on", -1)], limit=limit + 1)
    shown = found[:limit]
    came = _registered_at(store, actor, community_id, [activity.id for activity in shown])
    rows = tuple(Listed(activity, came[activity.id]) for activity in shown)
    unrecorded = sum(
        row.activity.status is ActivityStatus.HELD and row.activity.headcount is None and not row.registered
        for row in rows
    )
    return Calendar(rows, len(found) > limit, unrecorded)


def _registered_at(store: Store, actor: Actor, community_id: str, activity_ids: Sequence[str]) -> Counter[str]:
    """How many residents were registered at each activity. Whoever may see an activity may know this number, though
    not who they are: so the reach is that of the activities, which the caller has read."""
    anybody = replace(actor, role=Role.ADMIN, grids=None)
    pipeline = [{"$group": {"_id": "$activity_id", "n": {"$sum": 1}}}]
    within = {"activity_id": Is(among=list(activity_ids))}
    found = store.aggregate(anybody, Attendance, community_id, pipeline, filter=within) if activity_ids else []
    return Counter({group["_id"]: group["n"] for group in found})


def upcoming(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
    limit: int = 8,
) -> list[Activity]:
    """What is planned from today on, soonest first."""
    today = (now or store.clock()).astimezone(store.zone(community_id)).date()
    within = {"held_on": Is(gte=midnight(today)), "status": str(ActivityStatus.PLANNED)}
    return store.find(actor, Activity, community_id, within, grids=grids, sort=[("held_on", 1)], limit=limit)


def gathering(store: Store, actor: Actor, community_id: str, id: str) -> Gathering | None:
    """One activity and who came; None if it is not there, or not in the actor's charge."""
    found = store.find(actor, Activity, community_id, {"_id": id}, limit=1)
    if not found:
        return None
    came = _registered_at(store, actor, community_id, [id])[id]
    readable = may(actor, Operation.READ, Attendance.collection)
    return Gathering(found[0], came, tuple(attendances_of(store, actor, community_id, id)) if readable else ())


def attendances_of(store: Store, actor: Actor, community_id: str, activity_id: str) -> list[Attendance]:
    """Who was registered at an activity, the latest entered first; those of the actor's own grids. Raises NotFound,
    Refused."""
    store.get(actor, Activity, community_id, activity_id)
    within = {"activity_id": activity_id}
    found = store.find(actor, Attendance, community_id, within, sort=[("resident", 1)], limit=10_000)
    return sorted(
        found, key=lambda row: row.created_at or row.updated_at or datetime.min.replace(tzinfo=UTC), reverse=True
    )


LATEST: tuple[Document, ...] = (
    # backwards, for then the server goes from one resident's last visit to the next one's without reading the others
    {"$sort": {"resident": -1, "held_on": -1}},
    {"$group": {"_id": "$resident", "last": {"$first": "$$ROOT"}}},
)
"""Residents' latest attendances: stages behind a match of residents."""


def known_residents(
    store: Store, actor: Actor, community_id: str, residents: Sequence[str]
) -> dict[str, KnownResident]:
    """Age band, sex and grid as the residents' latest attendances have them, by code; nothing for those who never
    came, or not in the actor's grids."""
    within = {"resident": Is(among=list(residents))}
    return by_code(store.aggregate(actor, Attendance, community_id, LATEST, filter=within) if residents else [])


def by_code(groups: Iterable[Document]) -> dict[str, KnownResident]:
    """What the rows of ``LATEST`` tell of residents."""
    return {
        last.resident: KnownResident(last.resident, last.age_band, last.sex, last.grid_id, last.held_on)
        for last in (Attendance.from_document(group["last"]) for group in groups)
    }
