"""Who signed up for the lectures: of the last ones fewer and fewer of those who had a place came, while others waited
for one; and the next ones, a series that stands in the calendar already.

Nobody is invented here and no activity that was held: those who came are among those of ``gatherings``, those who did
not are residents who were elsewhere before. So the figures of who takes part stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from repository.activities import Activity, ActivityStatus, Format
from repository.checkin import Door
from repository.people import AgeBand, Sex
from repository.signups import SignUp, SignUpState, Way
from seed.estate import COMMUNITY_ID
from seed.history import local

_SHARES = (0.83, 0.79, 0.74, 0.70, 0.66, 0.62)  # of those with a place who came, the oldest lecture first
_PLACES = 100
_WAITED = (0, 0, 2, 3, 5, 8)
_AHEAD = ((100, 7), (64, 0), (11, 0), (0, 0))  # signed up and waiting for each of the series to come
_WAYS = (Way.DESK, Way.DESK, Way.DESK, Way.PHONE, Way.PHONE, Way.ONLINE)
_BY = "刘敏"
DOOR = "7K3M9QXT"


@dataclass(frozen=True)
class Signing:
    """All activities, those of the series with the ones to come; sign-ups; and the door of the next lecture."""

    activities: tuple[Activity, ...]
    sign_ups: tuple[SignUp, ...]
    doors: tuple[Door, ...]


def signing(as_of: date, activities: Sequence[Activity], came: Sequence[Mapping[str, Any]]) -> Signing:
    """Sign-ups for the last lectures and the next ones. ``came`` are all attendances, as documents."""
    rng = Random(f"sign-ups {as_of}")
    lectures = [one for one in activities if one.format == Format.LECTURE]
    held = [one for one in lectures if one.status is ActivityStatus.HELD][-len(_SHARES) :]
    series = _series(as_of, activities, [one for one in lectures if one.status is ActivityStatus.PLANNED])
    people = {each["resident"]: each for each in came if each["held_on"].date() > as_of - timedelta(days=365)}
    made: list[SignUp] = []
    changed: dict[str, Activity] = {}
    for one, share, waited in zip(held, _SHARES, _WAITED, strict=True):
        changed[one.id] = one.model_copy(update={"capacity": _PLACES})
        there = [each for each in came if each["activity_id"] == one.id]
        names = {each["resident"] for each in there}
        others = [each for name, each in people.items() if name not in names]
        showed = rng.sample(there, min(len(there), round(_PLACES * share)))
        missed = rng.sample(others, _PLACES - len(showed) + waited)
        listed = [*((each, True) for each in showed), *((each, False) for each in missed[: len(missed) - waited])]
        rng.shuffle(listed)
        listed += [(each, False) for each in missed[len(missed) - waited :]]
        made += _list(changed[one.id], listed, one.held_on - timedelta(days=1), rng)
    for one, (signed, waiting) in zip(series, _AHEAD, strict=False):
        guests = [(each, False) for each in rng.sample(list(people.values()), signed + waiting)]
        made += _list(one, guests, as_of - timedelta(days=1), rng)
    changed |= {one.id: one for one in series}
    every = [changed.pop(one.id, one) for one in activities]
    stamp = {"created_at": local(as_of, 6), "created_by": _BY, "updated_at": local(as_of, 6), "updated_by": _BY}
    door = Door(id=DOOR, community_id=COMMUNITY_ID, activity_id=series[0].id).model_copy(update=stamp)
    return Signing((*every, *changed.values()), tuple(made), (door,))


def _series(as_of: date, activities: Sequence[Activity], planned: Sequence[Activity]) -> list[Activity]:
    """The planned lectures as the beginning of a weekly series; the last of it is called off already."""
    first = planned[0]
    together = {"series_id": first.id, "capacity": _PLACES, "held_on": first.held_on}
    number = max(int(one.id.rpartition("-")[2]) for one in activities)
    found = []
    for place, status in enumerate(
        (ActivityStatus.PLANNED, ActivityStatus.PLANNED, ActivityStatus.PLANNED, ActivityStatus.CANCELLED)
    ):
        known = planned[place] if place < len(planned) else None
        nth = f"健康大讲堂（周讲第 {place + 1} 场）"
        new = {"id": f"d-activity-{number + place:03d}", "name": nth, "theme": "健康讲座"}
        more = {"held_on": first.held_on + timedelta(weeks=place), "status": status, "updated_at": local(as_of, 6)}
        found.append((known or first).model_copy(update={**together, **({} if known else new), **more}))
    return found


def _list(
    activity: Activity, guests: Sequence[tuple[Mapping[str, Any], bool]], last: date, rng: Random
) -> list[SignUp]:
    """A list as it filled up until the day ``last``: those beyond the places wait."""
    found = []
    for place, (guest, came) in enumerate(guests):
        days = round((len(guests) - place) * 8 / len(guests))
        asked = local(last - timedelta(days=days), 9) + timedelta(minutes=place)
        updated = local(activity.held_on, 15) if came else asked
        found.append(
            SignUp(
                id=f"{activity.id}-s-{place + 1:03d}",
                community_id=COMMUNITY_ID,
                created_at=asked,
                created_by=_BY,
                updated_at=updated,
                updated_by=_BY,
                revision=2 if came else 1,
                activity_id=activity.id,
                resident=guest["resident"],
                held_on=activity.held_on,
                grid_id=activity.grid_id,
                state=SignUpState.SIGNED if place < (activity.capacity or 0) or came else SignUpState.WAITING,
                way=rng.choice(_WAYS),
                asked_at=asked,
                age_band=AgeBand(guest["age_band"]),
                sex=Sex(guest["sex"]),
                lives_in=guest["grid_id"],
                came=came,
            )
        )
    return found
