"""What comes to the desk of a large set: requests, sign-ups, patrols, who volunteers. As many as wanted, oldest first,
as the record classes write them. See ``bulk``, whose communities they belong to."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from repository.activities import Activity, ActivityStatus, Format
from repository.checkin import Door
from repository.grids import Tier
from repository.patrols import Patrol, PatrolKind, PatrolPlan, Within
from repository.requests import Channel, OutcomeKind, Request, Satisfaction, Status, Step, deadline
from repository.requests.records import REPEAT_DAYS, place_key
from repository.residents import ResidentCard, Volunteer
from repository.signups import SIGN_UP_DAYS, SignUp, SignUpState, Way
from seed.community import GRID_PLANS
from seed.estate import ZONE
from seed.voices import USUAL, VOICES

Document = dict[str, Any]
Guest = tuple[str, str, str, str]
"""A resident's code, age band, sex, grid."""

_TABLE = 4096
PLACES = 100  # of an activity for which people sign up
SHOWED, MISSED, WAITED = 68, 24, 4
LISTED = SHOWED + MISSED + WAITED
WEEKS_AHEAD = 8
REPEATS = 15  # of so many requests one is the one before it again
HELPERS = 200  # residents, of those who come most often, who volunteer


# --- requests
def requests(
    id: str,
    stamp: Mapping[str, Any],
    end: datetime,
    many: int,
    grids: Sequence[str],
    people: Sequence[str],
    held: Sequence[Activity],
    years: int,
    rng: Random,
) -> Iterator[Document]:
    """``many`` over so many years, spread evenly: answered within their time but for one in eight and one in three of
    the last month, half of them called back, some open again; ideas of more than a quarter ago have become one of the
    activities ``held``."""
    made: list[Document] = []
    weights: list[float] = []
    for voice in VOICES:
        for text in voice.texts:
            made.append(
                Request(
                    id="-", community_id=id, **stamp, number="-", text=text, category=voice.topic.value,
                    urgency=voice.urgency, channel=Channel.DESK.value, received_at=end, deadline_at=end,
                    received_by_id=people[0],
                ).to_document()
            )  # fmt: skip
            weights.append(voice.weight / len(voice.texts))
    urgencies = {voice.topic.value: voice.urgency for voice in VOICES}
    drawn = rng.choices(made, weights, k=_TABLE)
    channels = rng.choices([one.value for one in Channel], (34, 26, 6, 14, 18, 2), k=_TABLE)
    speeds = [rng.uniform(0.1, 0.6) if rng.random() > 0.12 else rng.uniform(0.9, 1.8) for _ in range(_TABLE)]
    grades = rng.choices([one.value for one in Satisfaction], (62, 28, 10), k=_TABLE)
    names = [f"测试人员 {number:02d}" for number in range(len(people))]
    span = timedelta(days=365 * years)
    quarter, lately = end - timedelta(days=91), end - timedelta(days=30)
    last: dict[tuple[str, str], tuple[datetime, str]] = {}
    before_that = (0, 0, 0, 0, 0, 0)
    for number in range(1, many + 1):
        bits = rng.getrandbits(60)
        picked, low, high, far, door = (bits >> shift & 4095 for shift in (0, 12, 24, 36, 48))
        received = end - span * ((many - number + 0.99) / many)
        if number % REPEATS == 0:  # the same, from the same home
            picked, low, high, far, door, bits = before_that
        before_that = picked, low, high, far, door, bits
        document = dict(drawn[picked])
        topic, grid, key = document["category"], low % len(grids), f"{id}-q{number:07d}"
        due = deadline(urgencies[topic], received, ZONE)
        place = f"{door % 40 + 1} 栋 {door // 40 + 1} 号"
        document |= {
            "_id": key,
            "number": f"R-{number:05d}",
            "received_at": received,
            "deadline_at": due,
            "created_at": received,
            "grid_id": grids[grid],
            "responsible_id": people[grid],
            "channel": channels[high],
        }
        same = []
        if low & 3:
            same.append((f"~{grid}{place}", topic))
            document |= {"place": place, "place_key": place_key(place)}
        if high & 1:
            document["resident"] = f"R-{bits % 9102 + 1:04d}"
            same.append((document["resident"], topic))
        before = [last[each] for each in same if each in last]
        recent = [each for each in before if received - each[0] < timedelta(days=REPEAT_DAYS)]
        if recent:
            document["repeat_of"] = max(recent)[1]
        last |= dict.fromkeys(same, (received, key))
        slow = received > lately and not door % 3
        _course(document, received, due, end, speeds[far] + 5 * slow, grades[low], high, names[grid])
        if topic in ("activities", "children") and not far & 3:
            old = received < quarter and bool(held)
            became = OutcomeKind.ACTIVITY if old else OutcomeKind.IDEA
            document["outcome_kind"] = became.value
            if old:
                document["outcome_id"] = held[far % len(held)].id
            at = min(received + timedelta(hours=2), document["updated_at"])
            document["events"].append({"at": at, "by": names[grid], "step": Step.BECAME.value, "became": became.value})
        document["lasted"] = Request.how_long(document)
        yield document


def _course(
    document: Document, received: datetime, due: datetime, end: datetime, speed: float, grade: str, luck: int, by: str
) -> None:
    """What became of a request as far as the history goes."""
    slack = due - received
    events: list[Document] = [{"at": received, "by": "测试人员 00", "step": Step.RECEIVED.value}]
    document |= {"events": events, "updated_at": received}

    def went(step: Step, at: datetime, **facts: Any) -> bool:
        if at >= end:
            return False
        events.append({"at": at, "by": by, "step": step.value})
        document.update(facts, updated_at=at, revision=len(events))
        return True

    responded, ended = received + slack * 0.08, received + slack * speed
    if not went(Step.ACCEPTED, responded, status=Status.ACCEPTED.value, responded_at=responded):
        return
    over = {"is_open": False, "ended_at": ended, "late": ended > due}
    if luck % 20 == 0:
        went(Step.REFERRED, ended, **over, status=Status.REFERRED.value, referred_to="区住建局")
        return
    if not went(Step.RESOLVED, ended, **over, status=Status.RESOLVED.value, answer=USUAL):
        return
    called = ended + timedelta(hours=30)
    if luck & 2 or called >= end:
        return
    on = datetime.combine(called.astimezone(ZONE).date(), time(), UTC)
    solved = grade != Satisfaction.DISSATISFIED.value
    call = {"on": on, "by": by, "reached": True, "contacted": True, "solved": solved, "satisfaction": grade}
    document["callbacks"] = [call]
    if solved:
        went(Step.CALLED, called, status=Status.CLOSED.value, called_on=on, solved=True, satisfaction=grade)
        return
    past = {"ended_at": ended, "reopened_at": called, "late": document.pop("late"), "not_solved": True}
    del document["ended_at"]
    went(Step.NOT_SOLVED, called, reopenings=[past], is_open=True, status=Status.ACCEPTED.value)
    again = called + slack * 0.5
    went(
        Step.RESOLVED, again, is_open=False, ended_at=again, late=again > due, status=Status.RESOLVED.value,
        answer="再次上门处理",
    )  # fmt: skip


# --- sign-ups
def listed(held: Sequence[Activity], many: int) -> frozenset[str]:
    """For which activities people sign up, so that some ``many`` do; counted back from the newest."""
    lists = min(len(held), many // LISTED)
    return frozenset(one.id for one in held[:: -max(1, len(held) // lists)][:lists]) if lists else frozenset()


def sign_ups(
    stamp: Mapping[str, Any],
    end: datetime,
    held: Sequence[Activity],
    came: Mapping[str, Sequence[Guest]],
    everybody: Sequence[Guest],
    rng: Random,
) -> Iterator[Document]:
    """Of each activity of ``came``: those who came, those who had a place and did not, and who waited. What is older
    than SIGN_UP_DAYS names nobody. For what lies ahead the nearest list is full and each further one shorter."""
    ahead = 0
    for activity in held:
        planned = activity.status is ActivityStatus.PLANNED
        there = came.get(activity.id, ())[:SHOWED]
        if planned:
            ahead += 1
            guests = rng.sample(everybody, max(0, PLACES + WAITED - 15 * (ahead - 1)))
        elif activity.id in came:
            names = {guest[0] for guest in came[activity.id]}
            others = [one for one in rng.sample(everybody, min(400, len(everybody))) if one[0] not in names]
            guests = [*there, *others[: PLACES - len(there) if len(there) < SHOWED else MISSED + WAITED]]
        else:
            continue
        yield from _list(activity, guests, len(there), stamp, end)


def _list(
    activity: Activity, guests: Sequence[Guest], showed: int, stamp: Mapping[str, Any], end: datetime
) -> Iterator[Document]:
    day = datetime.combine(activity.held_on, time(), UTC)
    over = (end.astimezone(ZONE).date() - activity.held_on).days > SIGN_UP_DAYS
    template = SignUp(
        id="-", community_id=activity.community_id, **stamp, activity_id=activity.id, resident="-",
        held_on=activity.held_on, grid_id=activity.grid_id, asked_at=end,
    ).to_document()  # fmt: skip
    waiting = len(guests) - WAITED
    for place, (code, band, sex, home) in enumerate(guests):
        asked = min(day, end) - timedelta(days=7) + timedelta(minutes=60 * place)
        key, shown = f"{activity.id}-s{place:03d}", place < showed
        document = template | {
            "_id": key,
            "asked_at": asked,
            "created_at": asked,
            "updated_at": day if shown else asked,
            "revision": 2 if shown else 1,
            "came": shown,
            "way": list(Way)[place % 3].value,
        }
        if place >= waiting and len(guests) > PLACES - MISSED and not shown:
            document["state"] = SignUpState.WAITING.value
        if over:
            document |= {"resident": f"~{key}", "forgotten": True}
        else:
            document |= {"resident": code, "age_band": band, "sex": sex, "lives_in": home}
        yield document


def ahead(id: str, stamp: Mapping[str, Any], end: datetime, people: Sequence[str]) -> tuple[list[Activity], list[Door]]:
    """What is planned: a weekly series and the code for the door of its first."""
    first = end.astimezone(ZONE).date() + timedelta(days=5)
    planned = [
        Activity(
            id=f"{id}-b{week:02d}", community_id=id, **stamp, name=f"测试活动（周讲第 {week + 1} 场）",
            held_on=first + timedelta(weeks=week), starts_at="15:00", ends_at="16:30", status=ActivityStatus.PLANNED,
            format=Format.LECTURE.value, place="活动室", organizer_id=people[0], capacity=PLACES,
            series_id=f"{id}-b00",
        )
        for week in range(WEEKS_AHEAD)
    ]  # fmt: skip
    code = hashlib.sha256(id.encode()).hexdigest()[:8].upper().translate(str.maketrans("01", "XY"))
    return planned, [Door(id=code, community_id=id, **stamp, activity_id=planned[0].id)]


def helpers(
    id: str, stamp: Mapping[str, Any], end: datetime, everybody: Sequence[Guest]
) -> tuple[list[Volunteer], list[ResidentCard]]:
    """Registrations of the residents who volunteer, and in which building one resident in ten lives."""
    today = end.astimezone(ZONE).date()
    registered = [
        Volunteer(
            id=f"{id}-v{number:04d}", community_id=id, **stamp, resident=code, grid_id=grid,
            since=today - timedelta(days=60 + 9 * number),
            until=today - timedelta(days=number) if number % 12 == 5 and number < 60 else None,
        )
        for number, (code, _band, _sex, grid) in enumerate(everybody[:HELPERS])
        if number % 4
    ]  # fmt: skip
    cards = [
        ResidentCard(id=f"{id}-k{number:05d}", community_id=id, **stamp, resident=code, grid_id=grid,
                     building=f"{number % 40 + 1} 栋")
        for number, (code, _band, _sex, grid) in enumerate(everybody[::10])
    ]  # fmt: skip
    return registered, cards


# --- patrols
_WALKS = (
    # what for, who, days from one to the next
    (PatrolKind.HOUSEHOLDS, Tier.GRID_LEAD, 4),
    (PatrolKind.SAFETY, Tier.COMMUNITY, 7),
    (PatrolKind.FACILITIES, Tier.GROUP_LEADER, 14),
)
_DOORS = 26  # at which one patrol rings


def patrol_plans(id: str, stamp: Mapping[str, Any], end: datetime, many: int, grids: Sequence[str]) -> list[PatrolPlan]:
    """Three for each grid, since so many days that ``many`` patrols have been walked."""
    days = round(many / len(grids) / sum(1 / every for *_, every in _WALKS))
    since = end.astimezone(ZONE).date() - timedelta(days=max(days, 1))
    return [
        PatrolPlan(
            id=f"{grid}-{kind}", community_id=id, **stamp, name=f"{plan.name}{kind.spellings[0]}", grid_id=grid,
            kind=kind, tier=tier, every_days=every, since=since,
            households=plan.households if kind is PatrolKind.HOUSEHOLDS else None, within=Within.QUARTER,
        )
        for grid, plan in zip(grids, GRID_PLANS, strict=True)
        for kind, tier, every in _WALKS
    ]  # fmt: skip


def patrols(
    plans: Sequence[PatrolPlan], stamp: Mapping[str, Any], end: datetime, people: Sequence[str], orders: int
) -> Iterator[Document]:
    """As planned but for one in fifteen; one in ten met something, which became one of the community's ``orders``."""
    today, number = end.astimezone(ZONE).date(), 0
    for place, plan in enumerate(plans):
        template = Patrol(
            id="-", community_id=plan.community_id, **stamp, kind=plan.kind, grid_id=plan.grid_id, plan_id=plan.id,
            officer_id=people[place % len(people)], walked_on=today, minutes=60,
        ).to_document()  # fmt: skip
        planned = plan.planned(plan.since, today - timedelta(days=1))
        keys: list[str] = []
        year = 0
        for turn in range(planned):
            day, number = plan.since + timedelta(days=turn * plan.every_days), number + 1
            if number % 15 == 0:
                continue
            at = datetime.combine(day, time(10), UTC)
            document = template | {
                "_id": f"{plan.id}-{turn:05d}",
                "walked_on": datetime.combine(day, time(), UTC),
                "created_at": at,
                "updated_at": at,
                "minutes": 40 + number % 60,
            }
            if plan.households:
                if year != day.year:
                    year, keys = day.year, _keys(plan, day)
                first = turn * _DOORS % len(keys)
                doors = sorted((keys + keys)[first : first + _DOORS])
                document |= {"doors": doors, "households": len(doors)}
            if orders and number % 10 == 0:
                ref = f"{plan.community_id}-w{1 + turn * orders // planned:07d}"
                document["findings"] = [{"text": "测试发现", "became": "order", "ref": ref}]
            yield document


def _keys(plan: PatrolPlan, day: date) -> list[str]:
    """Stand for a grid's households in a year, as the keys of doors do; of invented doors there is nothing to hide."""
    named = (f"{plan.grid_id}|{day.year}|{home}" for home in range(plan.households or 0))
    return [hashlib.sha256(name.encode()).hexdigest()[:16] for name in named]
