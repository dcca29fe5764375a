"""What single people did: their orders between two days, as evidence beside a judgement of their work. One look into an
index for each of them, however much others did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from repository.access import Actor
from repository.filters import Is
from repository.maintenance.records import BY_PERSON, Outcome, WorkOrder
from repository.metrics import ratio
from repository.store import Store

MOST_PEOPLE = 500


@dataclass(frozen=True)
class PersonWork:
    """One person's orders: those they completed between two days, and those open and overdue at the end, or now."""

    handled: int = 0
    on_time: int = 0
    late: int = 0
    """Completed after their due moment; the rest had none, or is flagged."""
    reworked: int = 0
    """Of the completed ones: reopened as not fixed at least once."""
    overdue: int = 0
    open: int = 0
    """Open now, overdue ones included."""
    minutes: int = 0
    """Working time of the completed ones."""

    @property
    def share_on_time(self) -> float | None:
        """As metric M2: on time ÷ (on time + late + overdue); None where nothing had a due moment."""
        return ratio(self.on_time, self.on_time + self.late + self.overdue)


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
        "minutes": {"$sum": {"$round": [{"$multiply": [{"$ifNull": ["$actual_hours", 0]}, 60]}, 0]}},
    }
    done = {
        row.pop("_id"): {name: int(n) for name, n in row.items()}
        for row in store.aggregate(
            actor, WorkOrder, community_id, [{"$group": sums}], filter=completed, index=BY_PERSON
        )
    }
    late = {"$and": [{"$gt": ["$due_at", None]}, {"$lt": ["$due_at", min(ends, now)]}]}
    owed = {
        row.pop("_id"): row
        for row in store.aggregate(
            actor,
            WorkOrder,
            community_id,
            [{"$group": {"_id": "$assignee_id", "open": {"$sum": 1}, "overdue": count(late)}}],
            filter={"assignee_id": Is(among=asked), "is_open": True},
        )
    }
    return {id: PersonWork(**done.get(id, {}), **owed.get(id, {})) for id in asked}
