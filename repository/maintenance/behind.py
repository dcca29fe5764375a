"""Which orders are counted in a figure: the list behind each tile, bar and point of the maintenance page.

Flows belong to the period, stocks are read at its end, or now while it lasts, as the counters do it (see ``metrics``).
An order that ended twice in a period is two endings, and stands in the list twice. What looks back looks at NEWEST
orders at most, and a list ends at MANY, so that nothing costs more with every year.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import ceil
from typing import Any

from repository.access import Actor
from repository.due import late_in_mongo
from repository.filters import Is
from repository.maintenance.analysis import NEWEST, Side, step_of
from repository.maintenance.metrics import AGE_BANDS, Ledger
from repository.maintenance.queries import MANY, PAGE_ROWS, WorkList, _rows
from repository.maintenance.records import NEVER_OWED, REPORTS, Outcome, Status, WorkOrder
from repository.metrics import Period
from repository.record import Choice
from repository.rollups import bin_bounds
from repository.store import Store
from repository.words import msg

Document = dict[str, Any]


class Behind(Choice):
    """What a figure counts."""

    OPEN = "open", msg("Open now")
    OVERDUE = "overdue", msg("Overdue now")
    IN_TIME = "in_time", msg("Open now, not overdue")
    UNESTIMATED = "unestimated", msg("Open now, without estimated hours")
    OWED = "owed", msg("Open at the period's end, or now")
    OWED_LATE = "owed_late", msg("Overdue at the period's end, or now")
    WAITING = "waiting", msg("Waiting for an answer at the period's end, or now")
    WORKING = "working", msg("In work or on hold at the period's end, or now")
    TO_VERIFY = "to_verify", msg("To be verified at the period's end, or now")
    STOOD = "stood", msg("Open or to be verified at the period's end, or now")
    OPENED = "opened", msg("Reported in the period")
    REOPENED = "reopened", msg("Reopened in the period")
    CAME = "came", msg("Reported or reopened in the period")
    ENDED = "ended", msg("Ended in the period")
    TIMED = "timed", msg("With a due time: completed or ended late in the period, or overdue at its end")
    RESPONDED = "responded", msg("Answered in the period")
    REPAIRED = "repaired", msg("Repaired in the period")
    REWORK = "rework", msg("Reopened as not fixed, or reported again, in the period")
    GRADED = "graded", msg("Ended in the period and graded")
    HELD = "held", msg("Ended in the period, on hold before")


BY_FAULT = "fault"
"""By what an order is told apart besides ``Side``."""


@dataclass(frozen=True)
class _Part:
    """Orders that match ``where``, each as often as it has ``moments`` (an expression that gives an array); the first
    NEWEST in the order of ``along`` only, all of them where that is empty. ``rising``: the oldest first."""

    where: Document
    along: str
    moments: Any
    rising: bool = False


def work_behind(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    *,
    figure: Behind | str,
    now: datetime,
    by: Side | str | None = None,
    key: str = "",
    band: int | None = None,
    step: int | None = None,
    page: int = 1,
    rows: int = PAGE_ROWS,
) -> WorkList:
    """Which orders does this figure count? ``by`` and ``key``: of one grid, category, facility, person, company or
    fault (empty: of none); ``band``: one of AGE_BANDS, of what is open now; ``step``: one of STEPS, of durations.
    Stocks come oldest first, flows newest first. Raises Refused, Unavailable."""
    what = Behind(figure)
    zone = store.zone(community_id)
    where: list[Document] = [] if category is None else [{"category": category}]
    wanted: Document = {}
    if by == Side.GRID and key:
        grids = frozenset({key}) if grids is None else grids & {key}
    elif by == Side.CATEGORY:
        where.append({"category": key})
    elif by is not None:
        wanted = {BY_FAULT if by == BY_FAULT else Side(by).value: key or None}
    if what is Behind.OPENED and by in (Side.FACILITY, BY_FAULT):  # the newest, as their rankings count
        where.append({**REPORTS, "facility_id": Is(gt="")} if by == Side.FACILITY else dict(REPORTS))
    if band is not None:
        where.append(_reported(band, now.astimezone(zone)))
    return _listed(
        store, actor, community_id, period, grids, what, where, wanted, now=now, step=step, page=page, rows=rows
    )


def _company_behind(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None,
    company_id: str | None,
    *,
    figure: Behind,
    now: datetime,
    page: int,
    rows: int,
) -> WorkList:
    """The same for a figure of one company, or of all together: these are counted from the counters, so the newest
    NEWEST are looked for among the company's own. Raises Refused, Unavailable."""
    where: Document = {"company_id": Is(exists=True) if company_id is None else company_id}
    return _listed(store, actor, community_id, period, grids, figure, [where], {}, now=now, page=page, rows=rows)


def _listed(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None,
    what: Behind,
    where: Sequence[Document],
    wanted: Document,
    *,
    now: datetime,
    page: int,
    rows: int,
    step: int | None = None,
) -> WorkList:
    """``wanted`` is asked of what the parts found, ``where`` before."""
    zone, as_of = store.zone(community_id), period.until(now)
    parts = _parts(what, period.bounds(zone), as_of if as_of < now else None, now.astimezone(UTC), step)
    rising = parts[0].rising
    late = {"$and": ["$is_open", {"$gt": ["$due_at", None]}, {"$lt": ["$due_at", now.astimezone(UTC)]}]}
    found: list[Document] = []
    for part in parts:
        all_alike = not wanted and part.moments == [f"${part.along}"]  # the first of these are the first of the list
        newest: list[Document] = []
        if part.along:
            most = MANY if all_alike else NEWEST
            newest = [{"$sort": {part.along: 1 if part.rising else -1}}, {"$limit": most}]
        found += store.aggregate(
            actor,
            WorkOrder,
            community_id,
            [
                *newest,
                {"$match": wanted},
                {"$project": {"at": part.moments, "late": late}},
                {"$unwind": "$at"},
                {"$sort": {"at": 1 if rising else -1, "_id": 1}},
                {"$limit": MANY},
            ],
            filter={"$and": [part.where, *where]},
            grids=grids,
        )
    found.sort(key=lambda one: (one["at"], one["_id"]), reverse=not rising)
    found = found[:MANY]
    some = [one["_id"] for one in found[(page - 1) * rows : page * rows]]
    there = {order.id: order for order in store.find(actor, WorkOrder, community_id, {"_id": Is(among=some)})}
    orders = [there[id] for id in some if id in there]
    return WorkList(_rows(store, actor, community_id, orders, now), len(found), sum(one["late"] for one in found))


def _reported(band: int, local: datetime) -> Document:
    """When what is in an age band now was reported."""
    low, high = AGE_BANDS[band]
    bounds = {} if high is None else {"gte": Ledger.midnight(local, high)}
    return {"reported_at": Is(**bounds, **({"lt": Ledger.midnight(local, low - 1)} if low else {}))}


def _seconds(step: int | None) -> Is:
    """The seconds of one step of durations: those of its bins."""
    if step is None:
        return Is(gte=0)
    bins = [number for number in range(200) if step_of(number) == step]
    low = {"gte": ceil(bin_bounds(bins[0])[0] - 1e-6)}
    return Is(**low) if bins[-1] == 199 else Is(**low, lt=ceil(bin_bounds(bins[-1])[1] - 1e-6))


def _parts(
    what: Behind, bounds: tuple[datetime, datetime], end: datetime | None, now: datetime, step: int | None
) -> Sequence[_Part]:
    """``end`` is when the stocks are read, None for now."""
    within = Is(gte=bounds[0], lt=bounds[1])
    opened = _Part({"reported_at": within}, "reported_at", ["$reported_at"])
    reopened = _past({"reopenings.reopened_at": within}, _in(bounds, "reopened_at"), "reopened_at")
    spans = {
        Behind.RESPONDED: ("responded_at", "respond_seconds", _seconds(step)),
        Behind.REPAIRED: ("ended_at", "repair_seconds", _seconds(step)),
        Behind.GRADED: ("ended_at", "satisfaction", Is(gte=1)),
        Behind.HELD: ("ended_at", "held_seconds", Is(gte=1)),
    }
    if what in spans:
        at, name, test = spans[what]
        return [_Part({at: within, name: test}, at, [f"${at}"])]
    if what is Behind.OPENED:
        return [opened]
    if what is Behind.REOPENED:
        return [reopened]
    if what is Behind.CAME:
        return [opened, reopened]
    if what is Behind.ENDED:
        return _ended(bounds, {})
    if what is Behind.TIMED:
        return [*_timed(bounds), *_owed(what, end, now)]
    if what is Behind.REWORK:
        failed = {"$and": [_in(bounds, "reopened_at"), {"$eq": ["$$this.outcome", Outcome.COMPLETED.value]}]}
        again = {"reported_at": within, "repeat_of": Is(gt="")}
        return [
            _past({"reopenings.reopened_at": within}, failed, "reopened_at"),
            _Part(again, "reported_at", ["$reported_at"]),
        ]
    if what is Behind.STOOD:
        return [*_owed(what, end, now), *_to_verify(end)]
    return _to_verify(end) if what is Behind.TO_VERIFY else _owed(what, end, now)


def _past(where: Document, which: Any, moment: str) -> _Part:
    """Of the endings that did not last: those that ``which`` is true of, by one of their moments."""
    chosen = {"$filter": {"input": {"$ifNull": ["$reopenings", []]}, "as": "this", "cond": which}}
    return _Part(where, "reopenings.reopened_at", {"$map": {"input": chosen, "as": "this", "in": f"$$this.{moment}"}})


def _in(bounds: tuple[datetime, datetime], moment: str) -> Document:
    return {"$and": [{"$gte": [f"$$this.{moment}", bounds[0]]}, {"$lt": [f"$$this.{moment}", bounds[1]]}]}


def _ended(bounds: tuple[datetime, datetime], also: Mapping[str, Any]) -> list[_Part]:
    """Endings in the period: the last ones, and those that did not last."""
    last = {"ended_at": Is(gte=bounds[0], lt=bounds[1]), "is_open": False, **also}
    past = {"reopenings.reopened_at": Is(gte=bounds[0]), **also}
    return [_Part(last, "ended_at", ["$ended_at"]), _past(past, _in(bounds, "ended_at"), "ended_at")]


def _timed(bounds: tuple[datetime, datetime]) -> list[_Part]:
    """Endings in the period that count as on time or late (``timed``)."""

    def counts(ended: str, outcome: str) -> Document:
        done = {"$eq": [outcome, Outcome.COMPLETED.value]}
        owed = {"$ne": [outcome, NEVER_OWED]}
        return {"$or": [done, {"$and": [owed, late_in_mongo(ended, "$due_at")]}]}

    last, past = _ended(bounds, {"due_at": Is(ne=None), "flags.0": Is(exists=False)})
    whole = replace(last, moments={"$cond": [counts("$ended_at", "$outcome"), last.moments, []]})
    which = {"$and": [_in(bounds, "ended_at"), counts("$$this.ended_at", "$$this.outcome")]}
    return [whole, _past(past.where, which, "ended_at")]


def _owed(what: Behind, end: datetime | None, now: datetime) -> list[_Part]:
    """Open now; or open at a moment that is over: reported before, and ended later or not yet, and not in between two
    of its spells."""
    late = what in (Behind.OVERDUE, Behind.OWED_LATE, Behind.TIMED)
    if end is None or what in (Behind.OPEN, Behind.OVERDUE, Behind.IN_TIME, Behind.UNESTIMATED):
        where: Document = {"is_open": True} | ({"due_at": Is(lt=now)} if late else {})
        if what in (Behind.WAITING, Behind.WORKING):
            reported = Status.REPORTED.value
            where["status"] = reported if what is Behind.WAITING else Is(ne=reported)
        if what is Behind.IN_TIME:
            where["$or"] = [{"due_at": None}, {"due_at": Is(gte=now)}]
        if what is Behind.UNESTIMATED:
            where["estimated_hours"] = None
        return [_Part(where, "", ["$reported_at"], rising=True)]
    between = {"$and": [{"$lt": ["$$this.ended_at", end]}, {"$gte": ["$$this.reopened_at", end]}]}
    spells = {"$map": {"input": {"$ifNull": ["$reopenings", []]}, "as": "this", "in": between}}
    true: list[Any] = [{"$not": [{"$anyElementTrue": [spells]}]}]
    if what in (Behind.WAITING, Behind.WORKING):
        answered = {"$min": ["$responded_at", {"$min": "$reopenings.ended_at"}, "$ended_at"]}
        later = {"$gte": [{"$ifNull": [answered, "$reported_at"]}, end]}
        waiting = {"$or": [{"$eq": ["$status", Status.REPORTED.value]}, later]}
        true.append(waiting if what is Behind.WAITING else {"$not": [waiting]})
    moments = {"$cond": [{"$and": true}, ["$reported_at"], []]}
    before: Document = {"reported_at": Is(lt=end)} | ({"due_at": Is(lt=end)} if late else {})
    since = {"is_open": False, "ended_at": Is(gte=end)} | ({"flags.0": Is(exists=False)} if late else {})
    return [
        _Part({"is_open": True, **before}, "", moments, rising=True),
        _Part({**since, **before}, "ended_at", moments, rising=True),
    ]


def _to_verify(end: datetime | None) -> list[_Part]:
    """Said to be done and not verified yet, now or at a moment that is over: verified later, or found not to be."""
    done: Document = {"outcome": Outcome.COMPLETED.value, "ended_at": Is(ne=None) if end is None else Is(lt=end)}
    now = _Part({**done, "status": Status.DONE.value}, "ended_at", ["$ended_at"], rising=True)
    if end is None:
        return [now]
    stood = {"$and": [{"$lt": ["$$this.ended_at", end]}, {"$gte": ["$$this.reopened_at", end]}]}
    unseen = {"$gte": [{"$ifNull": ["$$this.verified_at", end]}, end]}
    failed = {"$and": [stood, unseen, {"$eq": ["$$this.outcome", Outcome.COMPLETED.value]}]}
    return [
        now,
        _Part({**done, "verified_at": Is(gte=end)}, "verified_at", ["$ended_at"], rising=True),
        _past({"reopenings.reopened_at": Is(gte=end)}, failed, "ended_at"),
    ]
