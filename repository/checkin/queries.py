"""The calendar with who signed up and who came, the list of one activity, and how many of those who signed up came."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from repository.access import Actor, Operation, may, reach, require
from repository.activities import MOST_IN_SERIES, Activity, ActivityStatus
from repository.checkin.records import SHOWED_UP, Door, Hours
from repository.filters import Is
from repository.metrics import Period, Value, last_months, ratio
from repository.organizations import Engagement
from repository.record import midnight
from repository.rollups import path_key, path_word
from repository.signups import SignUp, SignUpState
from repository.store import Store
from repository.targets import judged

MOST_OF_A_MONTH = 300
SERIES = 12  # months of a sparkline


@dataclass(frozen=True)
class Slot:
    """An activity in the calendar. ``over``: its end has passed."""

    activity: Activity
    signed: int
    waiting: int
    came: int
    over: bool

    @property
    def known(self) -> bool:
        """Is it known how many of those who signed up came?"""
        return self.over and self.came > 0

    @property
    def missed(self) -> int | None:
        """Who signed up and did not come; None before it is over, and where nobody who signed up was registered."""
        return self.signed - self.came if self.known else None

    @property
    def showed_up(self) -> Value:
        """Metric P4 of this activity."""
        return Value(SHOWED_UP, ratio(self.came, self.signed) if self.known else None, self.signed if self.known else 0)

    @property
    def full(self) -> bool:
        """Is every place taken?"""
        return self.activity.capacity is not None and self.signed >= self.activity.capacity


@dataclass(frozen=True)
class Timetable:
    """A month's activities, by day and hour. ``more``: there are others beyond the limit. ``places`` and ``taken`` are
    of those with a limited number of places that are not called off."""

    month: str
    slots: tuple[Slot, ...]
    more: bool
    places: int
    taken: int
    waiting: int


@dataclass(frozen=True)
class ShownUp:
    """Who came of those who signed up for the activities of a period that are over (metric P4)."""

    value: Value
    signed: int
    came: int
    activities: int
    waited: int
    """Who waited and got no place, of the same activities."""


@dataclass(frozen=True)
class Guests:
    """One activity's list, in the order in which people signed up, waiting ones last; those of whom the actor may
    know. ``door`` is the code at its door, None while it has none."""

    activity: Activity
    hours: Hours
    slot: Slot
    sign_ups: tuple[SignUp, ...]
    door: str | None


@dataclass(frozen=True)
class Stake:
    """What hangs on an activity, or on several of a series: how many have a place or wait for one, how many
    organisations stand as having taken part, and on how many ``activities``."""

    signed: int
    waiting: int
    organizations: int
    activities: int = 1


def timetable(
    store: Store,
    actor: Actor,
    community_id: str,
    month: str,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
) -> Timetable:
    """The activities of a month such as ``2026-04``, with who signed up, waits and came: numbers of whoever may see
    the activity. Raises PeriodTrouble, Refused, Unavailable."""
    period = Period.of(month)
    within = {"held_on": Is(gte=midnight(period.first), lte=midnight(period.last))}
    most = MOST_OF_A_MONTH
    found = store.find(actor, Activity, community_id, within, grids=grids, sort=[("held_on", 1)], limit=most + 1)
    counts = _by_activity(store, community_id, reach(actor, community_id, grids), {"period": Is(among=period.months)})
    numbers = {id: of for month in counts.values() for id, of in month.items()}
    zone, now = store.zone(community_id), now or store.clock()
    slots = sorted(
        (_slot(one, numbers.get(one.id, {}), _over(one, zone, now)) for one in found[:most]),
        key=lambda slot: (slot.activity.held_on, slot.activity.starts_at or "", slot.activity.name),
    )
    limited = [
        slot
        for slot in slots
        if slot.activity.capacity is not None
        and slot.activity.status is not ActivityStatus.CANCELLED
        and slot.signed + slot.waiting
    ]
    return Timetable(
        month,
        tuple(slots),
        len(found) > most,
        sum(slot.activity.capacity or 0 for slot in limited),
        sum(slot.signed for slot in limited),
        sum(slot.waiting for slot in limited),
    )


@judged
def shown_up(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    *,
    grids: frozenset[str] | None = None,
    now: datetime | None = None,
) -> ShownUp:
    """Metric P4 of a period, from counters; the series are the twelve months up to its end or now. Raises Refused,
    Unavailable."""
    require(actor, Operation.READ, Activity.collection)
    zone, now = store.zone(community_id), now or store.clock()
    today = now.astimezone(zone).date()
    months = last_months(min(max(period.first, min(period.last, today)), period.last), SERIES)
    wanted: Mapping[str, Any] = {}
    if period.kind != "ever":
        wanted = {"period": Is(among=sorted({*months, *period.months}))}
    counts = _by_activity(store, community_id, reach(actor, community_id, grids), wanted)
    of_today = store.find(actor, Activity, community_id, {"held_on": midnight(today)}, grids=grids, limit=200)
    running = {one.id for one in of_today if Hours.of(one, zone).ends > now}

    span = list(counts) if period.kind == "ever" else period.months
    told = {month: _told(counts.get(month, {}), running) for month in {*months, *span}}
    whole = _Told(*map(sum, zip(_Told(), *(told[month] for month in span), strict=True)))
    return ShownUp(
        Value(SHOWED_UP, whole.share, whole.signed, [(month, told[month].share) for month in months]),
        whole.signed,
        whole.came,
        whole.activities,
        whole.waited,
    )


class _Told(NamedTuple):
    """Activities of which it is known who came, and how many signed up, came and waited."""

    activities: int = 0
    signed: int = 0
    came: int = 0
    waited: int = 0

    @property
    def share(self) -> float | None:
        return ratio(self.came, self.signed)


def _told(counts: Mapping[str, Mapping[str, int]], running: Container[str]) -> _Told:
    """Those of a month, without those that are still ``running``: in one pass, for there may be thousands."""
    activities = signed = came = waited = 0
    for id, numbers in counts.items():
        own = numbers.get("came")
        if own and id not in running:
            activities += 1
            came += own
            signed += numbers.get("signed", 0)
            waited += numbers.get("waiting", 0)
    return _Told(activities, signed, came, waited)


def guests(
    store: Store, actor: Actor, community_id: str, activity_id: str, *, now: datetime | None = None
) -> Guests | None:
    """One activity and who signed up for it; None if it is not there, or not in the actor's charge."""
    found = store.find(actor, Activity, community_id, {"_id": activity_id}, limit=1)
    if not found:
        return None
    zone, now = store.zone(community_id), now or store.clock()
    activity, hours = found[0], Hours.of(found[0], zone)
    named = {"activity_id": activity_id}
    readable = may(actor, Operation.READ, SignUp.collection)
    rows = store.find(actor, SignUp, community_id, named, sort=[("asked_at", 1)], limit=2_000) if readable else []
    month = {"period": Is(among=[f"{activity.held_on:%Y-%m}"])}
    counts = _by_activity(store, community_id, reach(actor, community_id), month, only=activity_id)
    numbers: Mapping[str, int] = next((each[activity_id] for each in counts.values() if activity_id in each), {})
    code = None
    if may(actor, Operation.READ, Door.collection):
        doors = store.find(actor, Door, community_id, {"activity_id": activity_id, "ended_at": None}, limit=1)
        code = doors[0].id if doors else None
    order = list(SignUpState)
    listed = tuple(sorted(rows, key=lambda one: order.index(one.state)))
    return Guests(activity, hours, _slot(activity, numbers, _over(activity, zone, now)), listed, code)


def at_stake(store: Store, actor: Actor, community_id: str, activity_id: str, *, series: bool = False) -> Stake:
    """What goes with an activity that is called off or changed, with ``series`` together with the later planned ones of
    its series: numbers of whoever may see the activity. Raises NotFound, Refused, Unavailable."""
    this = store.get(actor, Activity, community_id, activity_id)
    meant = [this]
    if series and this.series_id is not None:
        later = {"series_id": this.series_id, "held_on": Is(gt=midnight(this.held_on)), "status": "planned"}
        meant += store.find(actor, Activity, community_id, later, limit=2 * MOST_IN_SERIES)
    seen, months = reach(actor, community_id), sorted({f"{one.held_on:%Y-%m}" for one in meant})
    only = None if len(meant) > 1 else this.id
    counts = _by_activity(store, community_id, seen, {"period": Is(among=months)}, only=only)
    own = [numbers[one.id] for one in meant for numbers in counts.values() if one.id in numbers]
    part = {"activity_id": Is(among=[one.id for one in meant]), "took_part": True}
    whose: list[dict[str, Any]] = [{"$group": {"_id": "$organization_id"}}, {"$count": "n"}]
    by_activity = ("community_id", "activity_id")
    took = store.aggregate(actor, Engagement, community_id, whose, filter=part, index=by_activity)
    return Stake(
        sum(numbers.get("signed", 0) for numbers in own),
        sum(numbers.get("waiting", 0) for numbers in own),
        int(took[0]["n"]) if took else 0,
        len(meant),
    )


def _over(activity: Activity, zone: ZoneInfo, now: datetime) -> bool:
    """Whether its end has passed: none goes on beyond its day, so only those of today are looked at to the minute."""
    today = now.astimezone(zone).date()
    return activity.held_on < today or (activity.held_on == today and Hours.of(activity, zone).ends <= now)


def _slot(activity: Activity, numbers: Mapping[str, int], over: bool) -> Slot:
    return Slot(activity, numbers.get("signed", 0), numbers.get("waiting", 0), numbers.get("came", 0), over)


def _by_activity(
    store: Store,
    community_id: str,
    seen: frozenset[str] | None,
    within: Mapping[str, Any],
    *,
    only: str | None = None,
) -> dict[str, dict[str, Mapping[str, int]]]:
    """Month -> activity -> ``signed``, ``waiting``, ``withdrawn``, ``came``; of all grids, or those seen; of all
    activities, or one that was read."""
    found: dict[str, dict[str, Mapping[str, int]]] = {}
    if seen is None:
        branch = "by_category" if only is None else f"by_category.{path_key(only)}"
        for document in store.counters(community_id, "sign_ups", "month", within, {"period": 1, branch: 1}):
            found[document["period"]] = {
                path_word(key): numbers for key, numbers in document.get("by_category", {}).items()
            }
        return found
    of_grids = {**within, "grid": Is(among=sorted(seen)), **({} if only is None else {"category": only})}
    for cell in store.counters(community_id, "sign_ups", "cell", of_grids):
        found.setdefault(cell["period"], {})[cell["category"]] = {
            name: cell[name] for name in ("signed", "waiting", "withdrawn", "came") if name in cell
        }
    return found
