"""What single people did: their orders between two days, as evidence beside a judgement of their work, and what they
carry. One look into an index for each of them, or counters, however much others did."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from repository.access import Actor, Operation, reach, require
from repository.filters import Is
from repository.maintenance.records import BY_AGE, BY_PERSON, Outcome, WorkOrder
from repository.metrics import ratio
from repository.rollups import path_key
from repository.store import Store

MOST_PEOPLE = 500


@dataclass(frozen=True)
class PersonWork:
    """One person's orders: those they completed between two days, and those overdue at the end, or now."""

    handled: int = 0
    on_time: int = 0
    late: int = 0
    """Completed after their due moment; the rest had none, or is flagged."""
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
    nothing is there with zeros. An order counts for whoever has it in the end. Raises Refused, Unavailable."""
    asked = sorted(set(people))[:MOST_PEOPLE]
    if not asked:
        return {}
    zone = store.zone(community_id)
    begins, ends = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    timed = {"$and": [{"$ne": [{"$ifNull": ["$due_at", None]}, None]}, {"$eq": ["$flags", []]}]}
    in_time = {"$lte": ["$ended_at", "$due_at"]}

    def count(*tests: Any) -> dict[str, Any]:
        return {"$sum": {"$cond": [{"$and": list(tests)}, 1, 0]}}

    completed = {
        "assignee_id": Is(among=asked),
        "ended_at": Is(gte=begins, lt=ends),
        "outcome": Outcome.COMPLETED.value,
    }
    sums = {
        "_id": "$assignee_id",
        "handled": {"$sum": 1},
        "on_time": count(timed, in_time),
        "late": count(timed, {"$not": [in_time]}),
        "reworked": count({"$gt": [{"$size": {"$ifNull": ["$reopenings", []]}}, 0]}),
    }
    done = {
        row.pop("_id"): {name: int(n) for name, n in row.items()}
        for row in store.aggregate(
            actor, WorkOrder, community_id, [{"$group": sums}], filter=completed, index=BY_PERSON
        )
    }
    late = {"assignee_id": Is(among=asked), "is_open": True, "due_at": Is(lt=min(ends, now))}
    owed = _count(store, actor, community_id, late)
    return {id: PersonWork(**done.get(id, {}), overdue=owed.get(id, 0)) for id in asked}


def load_of(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], months: Sequence[str]
) -> dict[str, PersonLoad]:
    """What each of some ``people`` (MOST_PEOPLE at most) carries, with what they completed in ``months``; who has
    nothing is there with zeros. An order counts for whoever has it in the end. Raises Refused, Unavailable."""
    require(actor, Operation.READ, WorkOrder.collection)
    asked = sorted(set(people))[:MOST_PEOPLE]
    if not asked or not months:
        return {id: PersonLoad(0, 0) for id in asked}
    seen = reach(actor, community_id)
    minutes: Counter[str] = Counter()
    within: dict[str, Any] = {"period": Is(among=sorted(set(months)))}
    within |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    keys = {path_key(id): id for id in asked}
    fields = {"period": 1, **{f"of.{key}.minutes": 1 for key in keys}}
    for document in store.counters(community_id, "person_orders", "cell", within, fields):
        minutes.update({keys[key]: counts.get("minutes", 0) for key, counts in document.get("of", {}).items()})
    owed = _count(store, actor, community_id, {"is_open": True, "assignee_id": Is(among=asked)})
    return {id: PersonLoad(owed.get(id, 0), minutes[id]) for id in asked}


def _count(store: Store, actor: Actor, community_id: str, filter: dict[str, Any]) -> dict[str, int]:
    """Open orders by assignee, from index keys."""
    group = {"$group": {"_id": "$assignee_id", "n": {"$sum": 1}}}
    rows = store.aggregate(actor, WorkOrder, community_id, [group], filter=filter, index=BY_AGE)
    return {row["_id"]: row["n"] for row in rows}
