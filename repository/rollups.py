"""Counters kept beside the records, so that a page costs the same after ten years as on the first day.

A Record class declares a pure ``contributions(document, zone)``: the atoms one stored document adds. Writes apply
*after minus before* in their own transaction; import, undo, rebuild and check sum the same function, so no path can
forget a counter. An atom is ``(subject, level, period, grid, category, name)``; its level says where it is kept in
``monthly_counts``:

=========  ============================================================  ==========================================
level      kept in                                                       holds
=========  ============================================================  ==========================================
month      the month's document (total, by grid, by category) and one    flows, sums of durations, their histograms
           cell per grid and category                                    (``repair.17``: the 17th duration bin)
stock      the subject's one stock document (total, by grid, category,   what is true now: open work
           and by cell: grid, then category)
due        the month's document (total, by grid, by category)            open work by due day of the month
age        the month's document (total)                                  open work by day reported and day due
cells      one cell per grid and category, and no whole: it is    what is many numbers each: hours of the week; the
           their sum                                              orders of one company; of each facility or person,
                                                                  side by side in one cell a grid (``of.F1.failures``)
people     the period's document (total, by grid, by group, by both)     distinct people, which no sum of months gives
=========  ============================================================  ==========================================

Distinct people need to know who came when: beside the counters stands one small document a resident key (``SEEN``), and
``people_atoms`` is the pure function from it to the counters: how many different people a period had, who of them came
before, what they did, how many of those who first came in a month came again later (``cohorts``), and how many each
format reached in a calendar year (``formats``).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import lru_cache
from math import floor, log10
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from pymongo import InsertOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from repository.record import Record

Document = dict[str, Any]
Atom = tuple[str, str, str, str, str, str]
"""subject, level, period, grid, category, name"""
Tally = Counter[Atom]

COUNTS = "monthly_counts"
SEEN = "seen"  # the subject of the documents that say when each resident came
NOW = "now"  # the period of stock documents
EVER = "ever"  # the period that holds all time, for distinct people
REGISTERED = "registered"  # beside a resident's months: from which month to which they were registered as a volunteer
FORMATS = "formats"  # beside a resident's months: in which year they came to which format, at what age
BESIDE = frozenset({REGISTERED, FORMATS})
PEOPLE = ("residents", "cohorts", "formats")  # the subjects that ``people_atoms`` counts for
STEPS = ("co_organiser", "volunteer")  # what a resident does beside taking part, the further the later
COHORT_MONTHS = 12  # for how long it is followed who came again
SOON = 3  # months after the first time in which coming again counts as retained


# --- time and durations ----------------------------------------------------------------------------------------------
@lru_cache(maxsize=1024)  # one document asks for the month of the same moment again and again
def month_of(moment: datetime, zone: ZoneInfo) -> str:
    """The community's calendar month of a moment, as ``2026-04``."""
    local = moment.astimezone(zone)
    return f"{local.year:04d}-{local.month:02d}"


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The community's calendar day of a moment."""
    return moment.astimezone(zone).date()


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day of the community, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month_bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first moment of ``2026-04`` and of the month after, in UTC."""
    year, number = int(month[:4]), int(month[5:7])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    start = datetime(year, number, 1, tzinfo=zone)
    # the last month the calendar has ends at its last moment
    end = datetime(*following, 1, tzinfo=zone) if following[0] <= 9999 else datetime.max.replace(tzinfo=UTC)
    return start.astimezone(UTC), end.astimezone(UTC)


def quarter_of(month: str) -> str:
    """``2026Q2`` for ``2026-04``."""
    return f"{month[:4]}Q{(int(month[5:7]) + 2) // 3}"


_STEPS = 16  # bins to a decade: an estimate inside one is within 7.5 % of the true duration


def duration_bin(seconds: int) -> int:
    """The histogram bin of a duration: 0 is exactly zero, 1 is under a minute, then 16 to a decade."""
    if seconds <= 0:
        return 0
    return 1 if seconds < 60 else 2 + floor(_STEPS * log10(seconds / 60) + 1e-9)


def bin_bounds(number: int) -> tuple[float, float]:
    """The half-open range of seconds [low, high) that ``duration_bin`` gives ``number``."""
    if number <= 0:
        return 0, 1
    if number == 1:
        return 1, 60
    return 60 * 10 ** ((number - 2) / _STEPS), 60 * 10 ** ((number - 1) / _STEPS)


def histogram_rank(bins: Mapping[int, int], rank: int) -> tuple[int, int]:
    """The bin that holds the value of 0-based ``rank`` in order of size, and its rank inside that bin."""
    for number in sorted(bins):
        if rank < bins[number]:
            return number, rank
        rank -= bins[number]
    raise IndexError(rank)


def estimated_median(bins: Mapping[int, int]) -> float | None:
    """The median in seconds from a histogram, interpolated inside its bin; None without values."""
    n = sum(bins.values())
    if not n:
        return None
    number, rank = histogram_rank(bins, (n - 1) // 2)
    low, high = bin_bounds(number)
    return 0.0 if number == 0 else low + (high - low) * (rank + 0.5) / bins[number]


# --- from documents to atoms -----------------------------------------------------------------------------------------
def contributions(
    record: type[Record], document: Mapping[str, Any] | None, zone: ZoneInfo
) -> Iterable[tuple[Atom, int]]:
    """What ``document`` adds: nothing for None or a Record class that keeps no counters."""
    declared = getattr(record, "contributions", None)
    return () if declared is None or document is None else declared(document, zone)


def tally(record: type[Record], documents: Iterable[Mapping[str, Any]], zone: ZoneInfo, sign: int = 1) -> Tally:
    """The sum of what the documents add, times ``sign``."""
    total: dict[Atom, int] = {}  # a Counter's += costs twice as much, and there are some twenty atoms a document
    for document in documents:
        for atom, n in contributions(record, document, zone):
            total[atom] = total.get(atom, 0) + sign * n
    return Counter(total)


Months = Mapping[str, Mapping[str, int]]
"""When one resident came, as a ``SEEN`` document holds it: month -> ``group|grid`` -> times, the group led by
``volunteer:`` or ``co_organiser:`` where they did more than take part; and beside the months, under ``registered``,
``2024-03/2025-06`` -> 1, and under ``formats``, ``2024|lecture|60-74`` -> times."""


def people_atoms(months: Months, within: Collection[str] | None = None) -> Tally:
    """What one resident adds to the counters of distinct people: in each month, quarter and year, and ever:
    ``unique`` 1, ``repeat`` 1 if they came twice or more, ``new`` 1 if it was their first; by grid and group together
    ``unique`` only. A resident whose group or grid changed within a period counts once in each, and once in the
    total. ``within`` leaves out all periods but these.

    In the total and by grid: ``stayed`` 1 if they came in the period before too, of that grid; the furthest of
    ``STEPS`` they went in the period. In the total alone: ``to_`` it if they had never gone so far; ``active`` 1 if
    they volunteered in a month in which they were registered for it. In the cohort of the month they first came in:
    ``after_0``, ``after_3`` if they came three months later, and ``soon`` if they came again in one of the SOON months
    after it; by the grid they first came from the first and the last of these. In the calendar year, by format and age
    band together (``lecture|60-74``): ``unique`` 1 if they came to it.
    """
    atoms: Tally = Counter()
    times: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))  # period -> cell -> how often
    came = _came(months)
    if not came:
        return atoms
    spans = [span.split("/") for span, n in months.get(REGISTERED, {}).items() if n > 0]
    # in each period, of all and of each grid, as a place in STEPS counted from 1
    furthest: dict[tuple[str, str], int] = defaultdict(int)
    homes = {_grid(cell) for cell, n in months[came[0]].items() if n > 0} | {""}
    been: set[tuple[str, str]] = set()  # period and grid, of all and of each
    asked = None if within is None else {_before(period) for period in within if period != EVER}
    so_far = 0
    cohort = within is None or came[0] in within
    for month in came:
        whole = periods_of(month)
        periods = [period for period in whole if within is None or period in within]
        counted = [times[period] for period in periods]
        known = [period for period in whole if asked is None or period in asked]
        step = 0
        for cell, n in months[month].items():
            if n <= 0:
                continue
            own = _told(cell)[0]
            step = max(step, own)
            for cells in counted:
                cells[cell] += n
            grids = {"", _grid(cell)}
            been.update((period, grid) for period in known for grid in grids)
            for period in periods if own else ():
                for grid in grids:
                    furthest[period, grid] = max(furthest[period, grid], own)
        for period in periods if step else ():
            if step > so_far:
                atoms["residents", "people", period, "", "", f"to_{STEPS[step - 1]}"] = 1
            if STEPS[step - 1] == "volunteer" and any(first <= month <= (last or month) for first, last in spans):
                atoms["residents", "people", period, "", "", "active"] = 1
        so_far = max(so_far, step)
        if cohort and (after := _months_after(came[0], month)) <= COHORT_MONTHS:
            atoms["cohorts", "people", came[0], "", "", f"after_{after}"] = 1
            for home in homes:
                if after == 0 and home:
                    atoms["cohorts", "people", came[0], home, "", "after_0"] = 1
                if 0 < after <= SOON:
                    atoms["cohorts", "people", came[0], home, "", "soon"] = 1
    for (period, grid), step in furthest.items():
        atoms["residents", "people", period, grid, "", STEPS[step - 1]] = 1
    for cell, n in months.get(FORMATS, {}).items():
        year, reached = cell.split("|", 1)
        if n > 0 and (within is None or year in within):
            atoms["formats", "people", year, "", reached, "unique"] = 1
    first = periods_of(came[0])
    for period, cells in times.items():
        places: dict[tuple[str, str], int] = defaultdict(int)
        for cell, n in cells.items():
            for place in _told(cell)[1]:
                places[place] += n
        for (grid, group), n in places.items():
            atoms["residents", "people", period, grid, group, "unique"] = 1
            if grid and group:
                continue  # the groups within a grid: only how many
            if n >= 2:
                atoms["residents", "people", period, grid, group, "repeat"] = 1
            if period in first:
                atoms["residents", "people", period, grid, group, "new"] = 1
            if not group and period != EVER and (_before(period), grid) in been:
                atoms["residents", "people", period, grid, "", "stayed"] = 1
    return atoms


def people_change(before: Months, after: Months) -> Tally:
    """``people_atoms`` of ``after`` less those of ``before``, from no more periods than can differ: one more visit of
    somebody who has come for years changes some ten numbers of a thousand."""
    differing = {
        month
        for month in before.keys() | after.keys()
        if (then := before.get(month)) is not (now := after.get(month)) and then != now
    }
    first = _first(after)
    same = REGISTERED not in differing and first and first == _first(before)
    visits = differing - BESIDE
    if same and all(_months_after(first, month) > COHORT_MONTHS for month in visits):
        cells = {cell for month in visits for cell in _differing(before.get(month, {}), after.get(month, {}))}
        if not any(_told(cell)[0] for cell in cells):
            return _more_or_less(before, after, visits, cells, first)
    came = _came(after)
    within: set[str] | None = None
    if same:
        within = {cell[:4] for cell, _n in before.get(FORMATS, {}).items() ^ after.get(FORMATS, {}).items()}
        further = [month for month in visits if _step(before.get(month, {})) != _step(after.get(month, {}))]
        # how far somebody went for the first time may be told in a later month
        for month in visits.union(month for month in came if further and month > min(further)):
            # who stayed is told in the next month, quarter and year
            for later in (0, 1, 3, 12):
                within.update(periods_of(_later(month, later)))
        if any(_months_after(came[0], month) <= COHORT_MONTHS for month in visits):
            within.add(came[0])
    atoms = people_atoms(after, within)
    atoms.subtract(people_atoms(before, within))
    return atoms


def _more_or_less(before: Months, after: Months, visits: Collection[str], cells: Collection[str], first: str) -> Tally:
    """The change where ``cells`` of some months differ in nothing but how often somebody took part, years after they
    first came: counted in these months, their quarters and years, and ever, and who stayed in the periods after; of
    the grids and groups of these cells alone."""
    atoms: Tally = Counter()
    places = {place for cell in cells for place in _told(cell)[1]}
    begun = periods_of(first)
    turned: set[tuple[str, str]] = set()  # in which period somebody came of all or of a grid, or did no more

    def change(period: str, place: tuple[str, str], name: str, was: bool, there: bool) -> None:
        if was != there:
            atoms["residents", "people", period, *place, name] = 1 if there else -1

    for period in {period for month in visits for period in periods_of(month)}:
        then, now = _times(before, period, places), _times(after, period, places)
        for place in places:
            was, there = then.get(place, 0), now.get(place, 0)
            if was == there:
                continue
            change(period, place, "unique", was > 0, there > 0)
            if place[0] and place[1]:
                continue
            change(period, place, "repeat", was > 1, there > 1)
            if period in begun:
                change(period, place, "new", was > 0, there > 0)
            if not place[1] and period != EVER and (was > 0) != (there > 0):
                turned.add((period, place[0]))
    for period, grid in turned | {(_next(period), grid) for period, grid in turned}:
        place = grid, ""
        was, there = (
            place in _times(months, period, (place,)) and place in _times(months, _before(period), (place,))
            for months in (before, after)
        )
        change(period, place, "stayed", was, there)
    reached = before.get(FORMATS, {}), after.get(FORMATS, {})
    for cell in _differing(*reached):
        year, group = cell.split("|", 1)
        was, there = (each.get(cell, 0) > 0 for each in reached)
        if was != there:
            atoms["formats", "people", year, "", group, "unique"] = 1 if there else -1
    return atoms


def _differing(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    return [cell for cell in before.keys() | after.keys() if before.get(cell, 0) != after.get(cell, 0)]


_NONE: Mapping[str, int] = {}
ENOUGH = 2  # to know of somebody whether they came, and whether again


def _times(months: Months, period: str, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """How often somebody came in a period, of all and of some grids and groups; ENOUGH is as good as more."""
    times: dict[tuple[str, str], int] = {}
    wanted = set(places)
    for month in months if period == EVER else _months_in(period):
        for cell, n in months.get(month, _NONE).items():
            if n > 0 and month not in BESIDE:
                for place in _told(cell)[1]:
                    if place in wanted:
                        times[place] = found = n + times.get(place, 0)
                        if found >= ENOUGH:
                            wanted.discard(place)
        if not wanted:
            break
    return times


@lru_cache(maxsize=4096)
def _months_in(period: str) -> tuple[str, ...]:
    """The months of a month, quarter or year."""
    year, rest = period[:4], period[4:]
    if rest.startswith("-"):
        return (period,)
    first, many = (int(rest[1:]) * 3 - 2, 3) if rest else (1, 12)
    return tuple(f"{year}-{number:02d}" for number in range(first, first + many))


@lru_cache(maxsize=4096)
def _next(period: str) -> str:
    """The month, quarter or year after."""
    year, rest = period[:4], period[4:]
    if not rest:
        return f"{int(year) + 1:04d}"
    following = _later(_months_in(period)[-1], 1)
    return following if rest.startswith("-") else quarter_of(following)


def _first(months: Months) -> str:
    """The month in which somebody first came; empty if never."""
    for month in sorted(months):
        if month not in BESIDE and max(months[month].values(), default=0) > 0:
            return month
    return ""


def _came(months: Months) -> list[str]:
    """The months in which somebody came, in order."""
    there = (month for month, cells in months.items() if max(cells.values(), default=0) > 0)
    return sorted(month for month in there if month not in BESIDE)


def _step(cells: Mapping[str, int]) -> int:
    """How far somebody went in a month, as a place in STEPS counted from 1; 0: they only took part."""
    return max((_told(cell)[0] for cell, n in cells.items() if n > 0), default=0)


@lru_cache(maxsize=4096)
def _grid(cell: str) -> str:
    """The grid of ``volunteer:60-74_f|g1``; empty without one."""
    return cell.split("|", 1)[1]


@lru_cache(maxsize=4096)
def _told(cell: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    """What ``volunteer:60-74_f|g1`` tells: the step, and the grids and groups it counts for."""
    who, grid = cell.split("|", 1)
    role, _colon, group = who.rpartition(":")
    # a set: who has no grid is counted once in the total, not again as "the grid without a name"
    return STEPS.index(role) + 1 if role else 0, tuple({("", ""), (grid, ""), ("", group), (grid, group)})


@lru_cache(maxsize=4096)
def periods_of(month: str) -> tuple[str, str, str, str]:
    """The periods that distinct people are counted in: the month itself, its quarter and year, and ever."""
    return month, quarter_of(month), month[:4], EVER


def _later(month: str, by: int) -> str:
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + by, 12)
    return f"{year:04d}-{number + 1:02d}"


def _months_after(first: str, month: str) -> int:
    return (int(month[:4]) - int(first[:4])) * 12 + int(month[5:]) - int(first[5:])


@lru_cache(maxsize=4096)
def _before(period: str) -> str:
    """The month, quarter or year before."""
    year, number = int(period[:4]), int(period[5:] or 0)
    if number > 1:
        return f"{period[:5]}{number - 1:0{len(period) - 5}d}"
    last = {"-": "-12", "Q": "Q4", "": ""}[period[4:5]]
    return f"{year - 1:04d}{last}"


# --- from atoms to documents -----------------------------------------------------------------------------------------
@lru_cache(maxsize=4096)
def path_key(word: str) -> str:
    """A grid or category as a part of a field's path: no dot, no dollar, no NUL, never empty."""
    return word.replace("%", "%25").replace(".", "%2E").replace("$", "%24").replace("\0", "%00") or "%"


@lru_cache(maxsize=4096)
def path_word(key: str) -> str:
    """The word ``path_key`` was made from."""
    return "" if key == "%" else unquote(key)


@dataclass(frozen=True, order=True)
class Place:
    """The address of one counter document within a community."""

    subject: str
    level: str
    period: str
    grid: str = ""
    category: str = ""

    def document_id(self, community_id: str) -> str:
        """Its ``_id``."""
        return "|".join((community_id, self.subject, self.level, self.period, self.grid, self.category))

    def fields(self, community_id: str) -> Document:
        """Its fields besides the counters; a cell alone names its grid and category."""
        found = {"community_id": community_id, "subject": self.subject, "level": self.level, "period": self.period}
        if self.subject == SEEN:
            return found | {"resident": self.category, "months": {}}
        return found | ({"grid": self.grid, "category": self.category} if self.level == "cell" else {})


WRITES = Place("writes", "writes", NOW)
"""The document that counts a community's writes, and how many of them changed each collection: while those numbers
stand, so does every answer. It is no counter of records; a check or a rebuild of those passes it by."""

Counts = dict[Place, dict[str, int]]


def spread(atoms: Mapping[Atom, int]) -> Counts:
    """Counter documents as field path -> number; zeros are left out."""
    counts: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))  # by the parts of a Place
    for (subject, level, period, grid, category, name), n in atoms.items():
        if not n:
            continue
        if level == "cells":
            counts[subject, "cell", period, grid, category][name] += n
            continue
        held = counts[subject, level, period]
        if level == WRITES.level:  # in each write
            held[f"total.{name}"] += n
            continue
        by_grid, by_category = f"by_grid.{path_key(grid)}.{name}", f"by_category.{path_key(category)}.{name}"
        if level == "people":
            both = f"by_both.{path_key(grid)}.{path_key(category)}.{name}"
            held[both if grid and category else by_grid if grid else by_category if category else f"total.{name}"] += n
            continue
        held[f"total.{name}"] += n
        if level == "month":
            if "." not in name:  # histograms by grid would outweigh all else in the document: cells have them
                held[by_grid] += n
            held[by_category] += n
            counts[subject, "cell", period, grid, category][name] += n
        elif level == "stock":
            held[by_grid] += n
            held[by_category] += n
            held[f"by_cell.{path_key(grid)}.{path_key(category)}.{name}"] += n
        elif level == "due":
            held[by_grid] += n
            held[by_category] += n
    return {
        Place(*place): kept for place, paths in counts.items() if (kept := {path: n for path, n in paths.items() if n})
    }


def nested(paths: Mapping[str, int]) -> Document:
    """``{"total.opened": 3}`` as ``{"total": {"opened": 3}}``."""
    tree: Document = {}
    for path, n in paths.items():
        *branches, leaf = path.split(".")
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[leaf] = n
    return tree


def flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    """The numbers in a counter document as field path and value; zeros are left out."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, int) and value:
            yield f"{prefix}{key}", value


def writes_atoms(names: Iterable[str] = ()) -> dict[Atom, int]:
    """What any write adds to ``WRITES``: one, and one under each of the ``names``."""
    return {(*_COUNTED, path_key(name)): 1 for name in ("n", *names)}


_COUNTED = (WRITES.subject, WRITES.level, WRITES.period, "", "")


class MissingCounters(Exception):
    """A counter document to be updated is not there yet: make it outside the transaction, then try again."""

    def __init__(self, community_id: str, places: Collection[Place]) -> None:
        super().__init__(community_id, len(places))
        self.community_id = community_id
        self.places = places


def ensure(db: Database[Document], community_id: str, places: Collection[Place]) -> None:
    """Make empty counter documents where there are none. Never inside a transaction: an upsert there can break a
    unique index on servers before 6.0.25 (CVE-2025-10060)."""
    operations = [
        UpdateOne(
            {"_id": place.document_id(community_id), "community_id": community_id},
            {"$setOnInsert": place.fields(community_id)},
            upsert=True,
        )
        for place in places
    ]
    if not operations:
        return
    try:
        db[COUNTS].bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != 11000 for problem in error.details["writeErrors"]):
            raise  # 11000: another writer made it in the same moment, which is all we wanted


def unchanged(community_id: str, writes: int) -> UpdateOne:
    """Changes nothing, but counts as missing in ``apply`` unless the community has seen exactly so many writes."""
    same = {"subject": WRITES.subject}
    return UpdateOne({"_id": WRITES.document_id(community_id), "total.n": writes}, {"$set": same})


def apply(
    db: Database[Document],
    session: ClientSession,
    community_id: str,
    atoms: Mapping[Atom, int],
    before: Sequence[InsertOne[Document] | UpdateOne] = (),
) -> None:
    """Add the atoms to the community's counters, inside the caller's transaction; ``before`` that, in the same request,
    what else is asked of them and of the documents beside them.

    Raises MissingCounters when a document is not there, not as it was read before, or there already; the transaction
    must then be given up, ``ensure`` called, and the transaction run again on what is read in it.
    """
    counts = spread(atoms)
    # by their ids and nothing else, which takes a third less time; all writers in one order
    ids = sorted((place.document_id(community_id), place) for place in counts)
    operations = [*before, *(UpdateOne({"_id": id}, {"$inc": counts[place]}) for id, place in ids)]
    if not operations:
        return
    try:
        result = db[COUNTS].bulk_write(operations, session=session)
    except BulkWriteError as error:
        if any(problem["code"] != 11000 for problem in error.details["writeErrors"]):
            raise
        raise MissingCounters(community_id, counts.keys()) from error
    if result.matched_count + result.inserted_count < len(operations):
        raise MissingCounters(community_id, counts.keys())


@dataclass
class Presence:
    """How often residents came, more or less: what a write changes in their ``SEEN`` documents."""

    times: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, record: type[Record], document: Mapping[str, Any] | None, zone: ZoneInfo, sign: int) -> None:
        """Take in one document of a Record class that declares ``presence(document, zone)``."""
        declared = getattr(record, "presence", None)
        if declared is None or document is None:
            return
        for resident, month, cell in declared(document, zone):
            self.times[resident][month, cell] += sign

    def changed(self) -> dict[str, dict[tuple[str, str], int]]:
        """Resident key -> (month, cell) -> difference, without zeros."""
        return {
            resident: kept
            for resident, cells in self.times.items()
            if (kept := {cell: n for cell, n in cells.items() if n})
        }


def seen_place(resident: str) -> Place:
    """Where it stands when a resident came."""
    return Place(SEEN, "resident", EVER, category=resident)


def seen_document(community_id: str, resident: str, months: Months) -> Document:
    """What stands there of somebody who came in these months. ``changes`` counts how often that was changed since."""
    place = seen_place(resident)
    kept = {month: {path_key(cell): n for cell, n in cells.items()} for month, cells in months.items()}
    return {"_id": place.document_id(community_id), **place.fields(community_id), "months": kept}


def people_moved(
    db: Database[Document],
    session: ClientSession,
    community_id: str,
    changed: Mapping[str, Mapping[tuple[str, str], int]],
    known: Mapping[str, Document | None],
) -> tuple[Tally, list[InsertOne[Document] | UpdateOne]]:
    """What it adds to the counters of people that residents came more or less often, and what ``apply`` is to change in
    their ``SEEN`` documents. ``known`` are some of these, or None where there was none, as read before the transaction:
    where one does not stand so any more ``apply`` raises MissingCounters. The others are read here."""
    atoms: Tally = Counter()
    operations: list[InsertOne[Document] | UpdateOne] = []
    found = dict(known)
    if unknown := {seen_place(resident).document_id(community_id) for resident in changed.keys() - known.keys()}:
        read = db[COUNTS].find({"_id": {"$in": sorted(unknown)}}, session=session)
        found.update((document["resident"], document) for document in read)
    for resident, differences in changed.items():
        document = found.get(resident)
        then = words_of(document["months"]) if document else {}
        now = _seen_after(then, differences)
        if document:
            atoms.update(people_change(then, now))
            as_read = {"_id": document["_id"], "changes": document.get("changes")}
            operations.append(UpdateOne(as_read, {**_seen_change(differences, now), "$inc": {"changes": 1}}))
        else:
            atoms.update(people_atoms(now))
            operations.append(InsertOne(seen_document(community_id, resident, now)))
    return atoms, operations


def _seen_change(differences: Collection[tuple[str, str]], after: Months) -> Document:
    """The update that brings the cells that differ to what they are ``after``."""
    change: Document = {"$set": {}, "$unset": {}}
    for month, cell in differences:
        if month not in after:
            change["$unset"][_path_seen(month)] = ""
        elif cell not in after[month]:
            change["$unset"][_path_seen(month, cell)] = ""
        else:
            change["$set"][_path_seen(month, cell)] = after[month][cell]
    return {name: paths for name, paths in change.items() if paths}


def _path_seen(month: str, cell: str = "") -> str:
    return f"months.{month}.{path_key(cell)}" if cell else f"months.{month}"


def _seen_after(before: Months, differences: Mapping[tuple[str, str], int]) -> Months:
    """The months with the differences added; what comes to nothing is left out."""
    after = dict(before)
    for (month, cell), n in differences.items():
        cells = {**after.get(month, {}), cell: after.get(month, {}).get(cell, 0) + n}
        after[month] = {each: times for each, times in cells.items() if times}
        if not after[month]:
            del after[month]
    return after


def words_of(months: Months) -> Months:
    """Months as stored in a ``SEEN`` document, with the cells' words read back from their path keys."""
    found = dict(months)
    for month, cells in months.items():
        for cell in cells:
            if "%" in cell:
                found[month] = {path_word(each): n for each, n in cells.items()}
                break
    return found
