"""What single people did: their orders between two days, as evidence beside a judgement of their work, and what they
carry. One look into an index for each of them, or counters, however much others did."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from repository.access import Actor, Operation, reach, require
from repository.due import late_in_mongo
from repository.filters import Is
from repository.maintenance.records import BY_AGE, BY_PERSON, NEVER_OWED, Outcome, WorkOrder
from repository.metrics import ratio, whole_months
from repository.rollups import day_begins, path_key
from repository.store import Store

MOST_PEOPLE = 500


@dataclass(frozen=True)
class PersonWork:
    """One person's orders: those they completed between two days, and those overdue at the end, or now."""

    handled: int = 0
    on_time: int = 0
    late: int = 0
    """Ended late, however (see ``timed``); of those completed the rest had no due time, or is flagged."""
    reworked: int = 0
    """Of the completed ones: reopened as not fixed at least once."""
    overdue: int = 0

    @property
    def share_on_time(self) -> float | None:
        """As metric M2: on time ÷ (on time + late + overdue); None where nothing had a due moment."""
        return ratio(self.on_time, self.on_time + self.late + self.overdue)


@dataclass(frozen=True)
class PersonLoad:
    """What one person carries: orders ``open`` now, overdue ones included, and the working time in ``minutes`` of those
    completed in some months."""

    open: int
    minutes: int


def work_of(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], first: date, last: date, *, now: datetime
) -> dict[str, PersonWork]:
    """The orders of each of some ``people`` (MOST_PEOPLE at most) from one day to another, both included; who did
    nothing is there with zeros. An order counts for whoever has it in the end. Whole months are read from counters,
    the days before and after them from the orders. Raises Refused, Unavailable."""
    asked = sorted(set(people))[:MOST_PEOPLE]
    if not asked:
        return {}
    zone = store.zone(community_id)
    months, rest = whole_months(first, last)
    done = _counted(store, actor, community_id, asked, months)
    for begin, end in rest:
        between = Is(gte=day_begins(begin, zone), lt=day_begins(end + timedelta(days=1), zone))
        for id, counts in _completed(store, actor, community_id, asked, between).items():
            done[id].update(counts)
    late = {
        "assignee_id": Is(among=asked),
        "is_open": True,
        "due_at": Is(lt=min(day_begins(last + timedelta(days=1), zone), now)),
    }
    owed = _count(store, actor, community_id, late)
    return {
        id: PersonWork(
            done[id]["completed"], done[id]["on_time"], done[id]["late"], done[id]["reworked"], owed.get(id, 0)
        )
        for id in asked
    }


def _completed(
    store: Store, actor: Actor, community_id: str, asked: Sequence[str], between: Any
) -> dict[str, Counter[str]]:
    """As the counters count it (``WorkOrder.contributions``), from the orders themselves."""
    completed = {"$eq": ["$outcome", Outcome.COMPLETED.value]}
    has_due = {"$and": [{"$ne": [{"$ifNull": ["$due_at", None]}, None]}, {"$eq": ["$flags", []]}]}
    late = late_in_mongo("$ended_at", "$due_at")
    again = {"$gt": [{"$size": {"$ifNull": ["$reopenings", []]}}, 0]}

    def count(*tests: Any) -> dict[str, Any]:
        return {"$sum": {"$cond": [{"$and": list(tests)}, 1, 0]}}

    sums = {
        "_id": "$assignee_id",
        "completed": count(completed),
        "on_time": count(completed, has_due, {"$not": [late]}),
        "late": count(has_due, late),
        "reworked": count(completed, again),
    }
    where = {"assignee_id": Is(among=asked), "ended_at": between, "outcome": Is(ne=NEVER_OWED)}
    rows = store.aggregate(actor, WorkOrder, community_id, [{"$group": sums}], filter=where, index=BY_PERSON)
    return {row.pop("_id"): Counter(row) for row in rows}


def load_of(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], months: Sequence[str]
) -> dict[str, PersonLoad]:
    """What each of some ``people`` (MOST_PEOPLE at most) carries, with what they completed in ``months``; who has
    nothing is there with zeros. An order counts for whoever has it in the end. Raises Refused, Unavailable."""
    asked = sorted(set(people))[:MOST_PEOPLE]
    if not asked or not months:
        return {id: PersonLoad(0, 0) for id in asked}
    done = _counted(store, actor, community_id, asked, months)
    owed = _count(store, actor, community_id, {"is_open": True, "assignee_id": Is(among=asked)})
    return {id: PersonLoad(owed.get(id, 0), done[id]["minutes"]) for id in asked}


def _counted(
    store: Store, actor: Actor, community_id: str, asked: Sequence[str], months: Sequence[str]
) -> dict[str, Counter[str]]:
    """What each completed in whole months, over the grids in reach."""
    require(actor, Operation.READ, WorkOrder.collection)
    found: dict[str, Counter[str]] = {id: Counter() for id in asked}
    seen = reach(actor, community_id)
    within: dict[str, Any] = {"period": Is(among=sorted(set(months)))}
    within |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    keys = {path_key(id): id for id in asked}
    fields = {"period": 1, **{f"of.{key}": 1 for key in keys}}
    for document in store.counters(community_id, "person_orders", "cell", within, fields) if months else ():
        for key, counts in document.get("of", {}).items():
            found[keys[key]].update(counts)
    return found


def _count(store: Store, actor: Actor, community_id: str, filter: dict[str, Any]) -> dict[str, int]:
    """Open orders by assignee, from index keys."""
    group = {"$group": {"_id": "$assignee_id", "n": {"$sum": 1}}}
    rows = store.aggregate(actor, WorkOrder, community_id, [group], filter=filter, index=BY_AGE)
    return {row["_id"]: row["n"] for row in rows}
