"""Activities that come again and again: made ahead together, then changed or called off one by one or all that are
still to come."""

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from repository.access import Actor, Operation, may_set
from repository.activities.commands import _change, _today
from repository.activities.records import LAST_DAY, Activity, ActivityStatus
from repository.record import SYSTEM_FIELDS, Choice
from repository.store import Invalid, Store, Write
from repository.words import Message, msg

MOST_IN_SERIES = 60
MOST_WEEKS = 26


class Rhythm(Choice):
    """After how long an activity comes again."""

    WEEKS = "weeks", msg("Every so many weeks")
    MONTHLY = "monthly", msg("Every month, on the same weekday of the same week")


@dataclass(frozen=True)
class Repeat:
    """How an activity comes again: every ``weeks`` weeks, or each month on its first's weekday (such as the second
    Tuesday; a month without a fifth one is left out). Until a day, or ``times`` in all, its first included."""

    rhythm: Rhythm = Rhythm.WEEKS
    weeks: int = 1
    until: date | None = None
    times: int | None = None

    def days(self, first: date) -> list[date]:
        """The days, the first included. Raises Invalid where it says nothing, or too much."""
        problems: dict[str, Message] = {}
        if (self.until is None) == (self.times is None):
            problems["times"] = Message(msg("Say until which day, or how many times"))
        if not 1 <= self.weeks <= MOST_WEEKS:
            problems["weeks"] = Message(msg("Between 1 and {most} weeks"), {"most": MOST_WEEKS})
        if self.times is not None and not 2 <= self.times <= MOST_IN_SERIES:
            problems["times"] = Message(msg("Between 2 and {most} times"), {"most": MOST_IN_SERIES})
        if problems:
            raise Invalid(problems)
        found: list[date] = []
        for day in self._ahead(first):
            if day > (self.until or LAST_DAY) or len(found) == self.times:
                break
            if len(found) == MOST_IN_SERIES:
                problem = Message(msg("That would be more than {most} activities"), {"most": MOST_IN_SERIES})
                raise Invalid({"until": problem})
            found.append(day)
        if len(found) < 2:
            raise Invalid({"until": Message(msg("By that day it would not come again"))})
        return found

    def _ahead(self, first: date) -> Iterator[date]:
        if self.rhythm is Rhythm.WEEKS:
            day = first
            while day <= LAST_DAY:
                yield day
                day += timedelta(weeks=self.weeks)
            return
        which = (first.day - 1) // 7
        for month in range(first.year * 12 + first.month - 1, LAST_DAY.year * 12 + 12):
            year, number = divmod(month, 12)
            begins, length = calendar.monthrange(year, number + 1)
            on = 1 + (first.weekday() - begins) % 7 + 7 * which
            if on <= length:
                yield date(year, number + 1, on)


def repeat_activity(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    repeat: Repeat,
    *,
    key: str | None = None,
) -> list[Activity]:
    """Make the later activities of a series of which this planned one is the first; returns all, the first included.
    The same ``key`` again makes nothing. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Activity:
        first = write.read(Activity, community_id, id)
        if first.status is not ActivityStatus.PLANNED or first.series_id is not None:
            raise Invalid({"": Message(msg("Only a planned activity that is in no series yet can be repeated"))})
        days = repeat.days(first.held_on)
        first = write.update(Activity, community_id, id, revision, {"series_id": first.id})
        kept = {
            name: value
            for name, value in dict(first).items()
            if name not in SYSTEM_FIELDS and may_set(actor, Operation.CREATE, Activity.collection, name)
        }
        write.insert_many([Activity(community_id=community_id, **{**kept, "held_on": day}) for day in days[1:]])
        return first

    first = store.write(actor, work, key=key)
    return store.find(actor, Activity, community_id, {"series_id": first.id}, sort=[("held_on", 1)], limit=2 * 60)


def edit_series(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> list[Activity]:
    """Change this activity and all later planned ones of its series alike; another day moves all of them by as many
    days. Raises Invalid, Conflict (of this one), NotFound, Refused."""
    today = _today(store, community_id)

    def work(write: Write) -> list[Activity]:
        this = write.read(Activity, community_id, id)
        later = _later(write, this)
        changed = [_change(write, community_id, id, revision, changes, today)]
        by = changed[0].held_on - this.held_on
        for one in later:
            own = {**changes, "held_on": one.held_on + by} if by else dict(changes)
            changed.append(_change(write, community_id, one.id, one.revision, own, today))
        return changed

    return store.write(actor, work)


def cancel_series(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> list[Activity]:
    """Call off this activity and all later planned ones of its series. Raises Invalid where residents are registered
    at this one, Conflict, NotFound, Refused."""
    return edit_series(store, actor, community_id, id, revision, {"status": ActivityStatus.CANCELLED})


def _later(write: Write, this: Activity) -> list[Activity]:
    """The planned ones of the series after this one, as they stand in the transaction."""
    if this.series_id is None:
        return []
    after = datetime.combine(this.held_on, time(), write.at.tzinfo)
    found = write.store.db[Activity.collection].find(
        {
            "community_id": this.community_id,
            "series_id": this.series_id,
            "held_on": {"$gte": after},
            "status": str(ActivityStatus.PLANNED),
        },
        session=write.session,
    )
    return [one for one in map(Activity.from_document, found) if one.id != this.id and one.held_on > this.held_on]
