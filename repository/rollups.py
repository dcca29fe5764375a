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
           their sum                                              orders of one company
people     the period's document (total, by grid, by group, by both)     distinct people, which no sum of months gives
=========  ============================================================  ==========================================

Distinct people need to know who came when: ``residents_seen`` holds one small document a resident key, and
``people_atoms`` is the pure function from it to the counters: how many different people a period had, who of them came
before, what they did, and how many of those who first came in a month came again later (``cohorts``).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from math import floor, log10
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from repository.record import Record

Document = dict[str, Any]
Atom = tuple[str, str, str, str, str, str]
"""subject, level, period, grid, category, name"""
Tally = Counter[Atom]

COUNTS = "monthly_counts"
SEEN = "residents_seen"
NOW = "now"  # the period of stock documents
EVER = "ever"  # the period that holds all time, for distinct people
REGISTERED = "registered"  # beside a resident's months: from which month to which they were registered as a volunteer
PEOPLE = ("residents", "cohorts")  # the subjects that ``people_atoms`` counts for
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
"""When one resident came: month -> ``group|grid`` -> times, the group led by ``volunteer:`` or ``co_organiser:`` where
they did more than take part; and beside the months, under ``registered``, ``2024-03/2025-06`` -> 1."""


def people_atoms(months: Months) -> Tally:
    """What one resident adds to the counters of distinct people: in each month, quarter and year, and ever:
    ``unique`` 1, ``repeat`` 1 if they came twice or more, ``new`` 1 if it was their first; by grid and group together
    ``unique`` only. A resident whose group or grid changed within a period counts once in each, and once in the
    total.

    In the total alone: ``stayed`` 1 if they came in the period before too; the furthest of ``STEPS`` they went in the
    period, and ``to_`` it if they had never gone so far; ``active`` 1 if they volunteered in a month in which they were
    registered for it. In the cohort of the month they first came in: ``after_0``, ``after_3`` if they came three months
    later, and ``soon`` if they came again in one of the SOON months after it.
    """
    atoms: Tally = Counter()
    times: dict[tuple[str, str, str], int] = defaultdict(int)
    came = sorted(
        month for month, cells in months.items() if month != REGISTERED and any(n > 0 for n in cells.values())
    )
    if not came:
        return atoms
    spans = [span.split("/") for span, n in months.get(REGISTERED, {}).items() if n > 0]
    furthest: dict[str, int] = defaultdict(int)  # in each period, as a place in STEPS counted from 1
    so_far = 0
    for month in came:
        periods = (month, quarter_of(month), month[:4], EVER)
        step = 0
        for cell, n in months[month].items():
            if n <= 0:
                continue
            who, grid = cell.split("|", 1)
            role, _colon, group = who.rpartition(":")
            step = max(step, STEPS.index(role) + 1 if role else 0)
            for period in periods:
                # a set: who has no grid is counted once in the total, not again as "the grid without a name"
                for place in {(period, "", ""), (period, grid, ""), (period, "", group), (period, grid, group)}:
                    times[place] += n
        for period in periods if step else ():
            furthest[period] = max(furthest[period], step)
            if step > so_far:
                atoms["residents", "people", period, "", "", f"to_{STEPS[step - 1]}"] = 1
            if STEPS[step - 1] == "volunteer" and any(first <= month <= (last or month) for first, last in spans):
                atoms["residents", "people", period, "", "", "active"] = 1
        so_far = max(so_far, step)
        if (after := _months_after(came[0], month)) <= COHORT_MONTHS:
            atoms["cohorts", "people", came[0], "", "", f"after_{after}"] = 1
            if 0 < after <= SOON:
                atoms["cohorts", "people", came[0], "", "", "soon"] = 1
    for period, step in furthest.items():
        atoms["residents", "people", period, "", "", STEPS[step - 1]] = 1
    first = {came[0], quarter_of(came[0]), came[0][:4], EVER}
    for (period, grid, group), n in times.items():
        atoms["residents", "people", period, grid, group, "unique"] = 1
        if grid and group:
            continue  # the groups within a grid: only how many
        if n >= 2:
            atoms["residents", "people", period, grid, group, "repeat"] = 1
        if period in first:
            atoms["residents", "people", period, grid, group, "new"] = 1
        if not grid and not group and period != EVER and (_before(period), "", "") in times:
            atoms["residents", "people", period, "", "", "stayed"] = 1
    return atoms


def _months_after(first: str, month: str) -> int:
    return (int(month[:4]) - int(first[:4])) * 12 + int(month[5:]) - int(first[5:])


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
    before: Sequence[UpdateOne] = (),
) -> None:
    """Add the atoms to the community's counters, inside the caller's transaction; ``before`` that, in the same request,
    what else is asked of the counters.

    Raises MissingCounters when a counter document is not there; the transaction must then be given up, ``ensure``
    called, and the transaction run again.
    """
    counts = spread(atoms)
    # by their ids and nothing else, which takes a third less time
    changes = (
        UpdateOne({"_id": place.document_id(community_id)}, {"$inc": paths}) for place, paths in sorted(counts.items())
    )
    operations = [*before, *changes]
    if not operations:
        return
    result = db[COUNTS].bulk_write(operations, session=session)
    if result.matched_count < len(operations):
        raise MissingCounters(community_id, counts.keys())


@dataclass
class Presence:
    """How often residents came, more or less: what a write changes in ``residents_seen``."""

    times: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, record: type[Record], document: Mapping[str, Any] | None, zone: ZoneInfo, sign: int) -> None:
        """Take in one document of a Record class that declares ``presence(document, zone)``."""
        declared = getattr(record, "presence", None)
        if declared is None or document is None:
            return
        resident, month, cell = declared(document, zone)
        self.times[resident][month, cell] += sign

    def changed(self) -> dict[str, dict[tuple[str, str], int]]:
        """Resident key -> (month, cell) -> difference, without zeros."""
        return {
            resident: kept
            for resident, cells in self.times.items()
            if (kept := {cell: n for cell, n in cells.items() if n})
        }


class MissingResident(Exception):
    """A resident comes for the first time: make the empty document outside the transaction, then try again."""

    def __init__(self, community_id: str, residents: Collection[str]) -> None:
        super().__init__(community_id, len(residents))
        self.community_id = community_id
        self.residents = residents


def ensure_residents(db: Database[Document], community_id: str, residents: Collection[str]) -> None:
    """Make empty ``residents_seen`` documents where there are none, outside any transaction."""
    operations = [
        UpdateOne(
            {"_id": f"{community_id}|{resident}", "community_id": community_id},
            {"$setOnInsert": {"resident": resident, "months": {}}},
            upsert=True,
        )
        for resident in residents
    ]
    try:
        db[SEEN].bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != 11000 for problem in error.details["writeErrors"]):
            raise


def apply_presence(
    db: Database[Document],
    session: ClientSession,
    community_id: str,
    changed: Mapping[str, Mapping[tuple[str, str], int]],
) -> Tally:
    """Change ``residents_seen`` inside the caller's transaction; returns what that adds to the counters of people."""
    atoms: Tally = Counter()
    if not changed:
        return atoms
    ids = {f"{community_id}|{resident}": resident for resident in changed}
    found = {
        document["_id"]: document
        for document in db[SEEN].find({"_id": {"$in": list(ids)}, "community_id": community_id}, session=session)
    }
    if len(found) < len(ids):
        raise MissingResident(community_id, [resident for key, resident in ids.items() if key not in found])
    operations = []
    for key, resident in ids.items():
        before = found[key]["months"]
        after = {month: dict(cells) for month, cells in before.items()}
        for (month, cell), n in changed[resident].items():
            cells = after.setdefault(month, {})
            name = path_key(cell)
            cells[name] = cells.get(name, 0) + n
            if not cells[name]:
                del cells[name]
            if not cells:
                del after[month]
        atoms.update(people_atoms(words_of(after)))
        atoms.subtract(people_atoms(words_of(before)))
        operations.append(UpdateOne({"_id": key, "community_id": community_id}, {"$set": {"months": after}}))
    db[SEEN].bulk_write(operations, ordered=False, session=session)
    return atoms


def words_of(months: Months) -> Months:
    """Months as stored in ``residents_seen``, with the cells' words read back from their path keys."""
    return {month: {path_word(cell): n for cell, n in cells.items()} for month, cells in months.items()}
