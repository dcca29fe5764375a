"""What came through the gates: figures from the counters, lists from indexes. No list says in full who it was."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import pymongo

from repository.access import Actor, Operation, reach, require, scope
from repository.entries import metrics
from repository.entries.commands import GATED
from repository.entries.records import EntryException, EntryKind, EntryLog, shown
from repository.facilities import Control, Facility, ServiceStatus
from repository.filters import Is
from repository.metrics import Metric, Period, Value, last_months, ratio
from repository.record import Choice
from repository.rollups import path_word
from repository.store import READ_SECONDS, NotFound, Store, our_errors
from repository.targets import judged
from repository.words import msg

Document = dict[str, Any]

SERIES_MONTHS = 12
MANY = 500  # a list goes and counts no further


class Show(Choice):
    """Which entries a list shows."""

    INSIDE = "inside", msg("Still inside")
    LEFT_OPEN = "left_open", msg("Not closed")
    EXCEPTIONS = "exceptions", msg("Exceptions")
    INCOMPLETE = "incomplete", msg("Incomplete")
    ALL = "all", msg("All")


@dataclass(frozen=True)
class GateRow:
    """One gate in the period. ``control`` is how it checks now, whatever it did then; None: not known."""

    id: str
    name: str
    grid_id: str | None
    control: Control | None
    standing: bool
    entries: int
    smart: int
    complete: int
    left: int
    odd: int

    @property
    def smart_share(self) -> float | None:
        """Let in by recognition ÷ all."""
        return ratio(self.smart, self.entries)

    @property
    def complete_share(self) -> float | None:
        """F8 of this gate."""
        return ratio(self.complete, self.entries)


@dataclass(frozen=True)
class EntryMonth:
    """One month: how many came, by kind, and how many of them were noted completely."""

    month: str
    entries: Mapping[EntryKind, int]
    complete: Mapping[EntryKind, int]
    smart: int


@dataclass(frozen=True)
class EntryReview:
    """What came through the gates in a period; values as metrics.py declares them."""

    entries: Value
    smart: Value
    complete: Mapping[EntryKind, Value]
    left_open: Value
    odd: Value
    exceptions: Mapping[EntryException, int]
    gates: tuple[GateRow, ...]
    """Most entries first; those without any too, as long as they stand."""
    months: tuple[EntryMonth, ...]
    """The twelve up to the period's end."""
    hours: tuple[tuple[int, ...], ...]
    """Entries by day of the week (Monday first) and hour."""

    @property
    def manual(self) -> tuple[GateRow, ...]:
        """Gates that stand and are not smart: the gap to full coverage."""
        return tuple(gate for gate in self.gates if gate.standing and gate.control is not Control.SMART)

    @property
    def peak(self) -> tuple[int, int, int] | None:
        """The busiest hour: day of the week, hour, entries; None without any."""
        most = max((n, -day, -hour) for day, hours in enumerate(self.hours) for hour, n in enumerate(hours))
        return (-most[1], -most[2], most[0]) if most[0] else None


@dataclass(frozen=True)
class EntryPage:
    """Entries as a list shows them, masked; ``total`` stops at MANY."""

    rows: tuple[EntryLog, ...]
    total: int


def gates(store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None = None) -> list[Facility]:
    """The gates and doors that stand, by name."""
    where = {"category": Is(among=sorted(GATED)), "status": Is(ne=str(ServiceStatus.RETIRED))}
    return store.find(actor, Facility, community_id, where, grids=grids, sort=[("name", 1)], limit=1000)


@judged
def entry_review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    gate_id: str | None = None,
    now: datetime,
) -> EntryReview:
    """How much comes through which gate, when, how completely is it noted, and how much of it by recognition? Of all
    gates, or of one. Raises Refused, Unavailable."""
    require(actor, Operation.READ, EntryLog.collection)
    seen = reach(actor, community_id, grids)
    local = now.astimezone(store.zone(community_id))
    end = min(period.last, local.date())
    series = last_months(end, SERIES_MONTHS)
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    counts = _counts(store, community_id, min(first, series[0]), seen, gate_id)
    in_period = [(gate, n) for (month, gate), n in counts.items() if first <= month <= last]
    total: Counter[str] = Counter()
    by_gate: dict[str, Counter[str]] = defaultdict(Counter)
    for gate, n in in_period:
        total.update(n)
        by_gate[gate].update(n)
    by_month: dict[str, Counter[str]] = defaultdict(Counter)
    for (month, _gate), n in counts.items():
        by_month[month].update(n)
    midnight = datetime.combine(local.date(), time(), local.tzinfo).astimezone(UTC)
    left_open = _count(store, actor, community_id, _where(Show.LEFT_OPEN, midnight, gate_id), grids)
    smart, every = _of(total, "smart"), _of(total, "")

    def value(metric: Metric, part: int, whole: int, months: Sequence[tuple[str, float | None]]) -> Value:
        return Value(metric, ratio(part, whole), whole, months)

    known = any(n.total() for n in counts.values())
    return EntryReview(
        entries=Value(
            metrics.ENTRIES, every if known else None, every, [(month, _of(by_month[month], "")) for month in series]
        ),
        smart=value(
            metrics.SMART_SHARE,
            smart,
            every,
            [(month, ratio(_of(by_month[month], "smart"), _of(by_month[month], ""))) for month in series],
        ),
        complete={
            kind: value(
                metric,
                total[f"{kind}_complete"],
                total[kind],
                [(month, ratio(by_month[month][f"{kind}_complete"], by_month[month][kind])) for month in series],
            )
            for kind, metric in (
                (EntryKind.VEHICLE, metrics.VEHICLES_COMPLETE),
                (EntryKind.PERSON, metrics.PEOPLE_COMPLETE),
            )
        },
        left_open=Value(metrics.LEFT_OPEN, left_open if known else None, left_open),
        odd=Value(
            metrics.EXCEPTIONS,
            total["odd"] if known else None,
            every,
            [(month, by_month[month]["odd"]) for month in series],
        ),
        exceptions={each: total[each] for each in EntryException},
        gates=tuple(_gate_rows(store, actor, community_id, grids, gate_id, by_gate)),
        months=tuple(
            EntryMonth(
                month,
                {kind: by_month[month][kind] for kind in EntryKind},
                {kind: by_month[month][f"{kind}_complete"] for kind in EntryKind},
                _of(by_month[month], "smart"),
            )
            for month in series
        ),
        hours=_hours(store, community_id, (first, last), seen, gate_id),
    )


def _of(counts: Counter[str], name: str) -> int:
    """Vehicles and people together."""
    return sum(counts[f"{kind}_{name}" if name else kind] for kind in EntryKind)


def _counts(
    store: Store, community_id: str, first: str, seen: frozenset[str] | None, gate_id: str | None
) -> dict[tuple[str, str], Counter[str]]:
    """Counters by month and gate, from ``first`` on."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    where: Document = {"period": Is(gte=first)}
    if seen is None and gate_id is None:
        for document in store.counters(community_id, "entries", "month", where, {"period": 1, "by_category": 1}):
            for key, n in document.get("by_category", {}).items():
                found[document["period"], path_word(key)].update(n)
        return found
    where |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    where |= {} if gate_id is None else {"category": gate_id}
    for cell in store.counters(community_id, "entries", "cell", where):
        numbers = {name: n for name, n in cell.items() if isinstance(n, int)}
        found[cell["period"], cell["category"]].update(numbers)
    return found


def _hours(
    store: Store,
    community_id: str,
    span: tuple[str, str],
    seen: frozenset[str] | None,
    gate_id: str | None,
) -> tuple[tuple[int, ...], ...]:
    where: Document = {"period": Is(gte=span[0], lte=span[1])}
    where |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    where |= {} if gate_id is None else {"category": gate_id}
    week = [0] * 168
    for cell in store.counters(community_id, "entry_hours", "cell", where, dict.fromkeys(EntryKind, 1)):
        for kind in EntryKind:
            for hour, n in cell.get(kind, {}).items():
                week[int(hour)] += n
    return tuple(tuple(week[day * 24 : day * 24 + 24]) for day in range(7))


def _gate_rows(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None,
    gate_id: str | None,
    by_gate: Mapping[str, Counter[str]],
) -> list[GateRow]:
    where: Document = {"category": Is(among=sorted(GATED))}
    where |= {} if gate_id is None else {"_id": gate_id}
    rows = []
    for facility in store.find(actor, Facility, community_id, where, grids=grids, limit=1000):
        n = by_gate.get(facility.id, Counter())
        standing = facility.status is not ServiceStatus.RETIRED
        if standing or n:
            control = getattr(facility.details, "control", None)
            numbers = (_of(n, ""), _of(n, "smart"), _of(n, "complete"), _of(n, "left"), n["odd"])
            rows.append(GateRow(facility.id, facility.name, facility.grid_id, control, standing, *numbers))
    return sorted(rows, key=lambda row: (-row.entries, row.name))


# --- lists
def entry_list(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    now: datetime,
    show: Show | str = Show.INSIDE,
    within: Period | None = None,
    grids: frozenset[str] | None = None,
    gate_id: str | None = None,
    exception: EntryException | str | None = None,
    rows: int = MANY,
) -> EntryPage:
    """Which entries match, the newest first, and how many? Those ``within`` a period where the list is of the past:
    who is inside is inside now. Raises Refused, Unavailable."""
    local = now.astimezone(store.zone(community_id))
    midnight = datetime.combine(local.date(), time(), local.tzinfo).astimezone(UTC)
    shown_ones = Show(show)
    where = _where(shown_ones, midnight, gate_id, EntryException(exception) if exception else None)
    if within is not None and shown_ones not in (Show.INSIDE, Show.LEFT_OPEN):
        start, end = within.bounds(store.zone(community_id))
        where["entered_at"] = Is(gte=start, lt=end)
    found = _masked(store, actor, community_id, where, grids, limit=min(rows, MANY))
    return EntryPage(tuple(found), _count(store, actor, community_id, where, grids))


def _masked(
    store: Store,
    actor: Actor,
    community_id: str,
    where: Document,
    grids: frozenset[str] | None = None,
    *,
    limit: int = 1,
) -> list[EntryLog]:
    """Entries newest first, read whole for what the mask leaves of who it was."""
    require(actor, Operation.READ, EntryLog.collection)
    within = {"$and": [scope(actor, EntryLog, community_id, grids), where]}
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.documents(EntryLog, within, sort=[("entered_at", -1)], limit=limit)
        return [shown(EntryLog.from_document(document)) for document in found]


def _where(show: Show, midnight: datetime, gate_id: str | None, exception: EntryException | None = None) -> Document:
    where: Document = {} if gate_id is None else {"gate_id": gate_id}
    if show is Show.INSIDE:
        where["is_open"] = True
    elif show is Show.LEFT_OPEN:
        where |= {"is_open": True, "entered_at": Is(lt=midnight)}
    elif show is Show.INCOMPLETE:
        where["complete"] = False
    elif show is Show.EXCEPTIONS:
        where["exceptions"] = Is(exists=True) if exception is None else str(exception)
    return where


def _count(
    store: Store, actor: Actor, community_id: str, where: Mapping[str, Any], grids: frozenset[str] | None
) -> int:
    found: Iterable[Document] = store.aggregate(
        actor, EntryLog, community_id, [{"$limit": MANY}, {"$count": "n"}], filter=where, grids=grids
    )
    return next((int(one["n"]) for one in found), 0)


def entry(store: Store, actor: Actor, community_id: str, id: str) -> EntryLog:
    """One entry, masked. Raises NotFound, Refused."""
    found = _masked(store, actor, community_id, {"_id": id})
    if not found:
        raise NotFound(msg("This record is not there any more, or not in your charge."))
    return found[0]
