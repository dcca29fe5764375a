"""Activities of a past day: whatever is done later, what was held, who signed up and what was spent are told as they
were; different people only of what was over by then."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from repository import activities, checkin, residents
from repository.access import Actor, Role
from repository.activities import Activity, ActivityStatus, Attendance, Format, PartTaken
from repository.filters import Is
from repository.metrics import Period
from repository.people import AgeBand, Sex
from repository.residents import Volunteer
from repository.signups import SignUp
from repository.store import Store, Then
from repository.words import Trouble
from tests.as_of import World, differences, told
from tests.conftest import NOW, Clock, first

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Actor("office", "办公室", Role.ADMIN)
WRITTEN = ("activities", "attendances", "sign_ups", "volunteers")
GRIDS = (None, "d-g1", "d-g2")


def local_day(world: World) -> date:
    return world.clock.now.astimezone(SHANGHAI).date()


def some(world: World, record: type[Any], where: dict[str, Any]) -> Any:
    """One of these records, or None."""
    found = world.store.find(OFFICE, record, "d", where, sort=[("_id", 1)])
    return world.random.choice(found) if found else None


def step(world: World) -> None:
    """One random step: what is held is recorded on its day, the rest is planned, moved, called off, signed up for."""
    store, rng, today = world.store, world.random, local_day(world)
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    here = some(world, Activity, {"held_on": midnight, "status": "held"})
    ahead = [one for one in activities.upcoming(store, OFFICE, "d", now=world.clock.now) if one.held_on > today]
    what = rng.randrange(10)
    if what == 0 or (what < 5 and here is None):
        day = today + timedelta(days=rng.choice([0, 0, 1, 3, 9, 30]))
        facts = {
            "name": f"活动 {rng.randrange(10**6)}",
            "held_on": day,
            "format": rng.choice(list(Format)),
            "sessions": rng.choice([1, 1, 2]),
        }
        more = {"capacity": rng.choice([None, 2, 4]), "grid_id": rng.choice(GRIDS), "level": "consult"}
        activities.add_activity(store, OFFICE, "d", facts | more)
    elif what < 4:
        who = {"age_band": rng.choice(list(AgeBand)), "sex": rng.choice(list(Sex)), "grid_id": rng.choice(GRIDS)}
        role = rng.choice([None, None, PartTaken.VOLUNTEER])
        hours = 2.0 if role else None
        signed = some(world, SignUp, {"activity_id": here.id, "state": "signed", "came": False})
        before = some(world, Attendance, {"held_on": Is(lt=midnight)})
        code = signed.resident if signed and rng.random() < 0.6 else before.resident if before else None
        activities.record_attendance(
            store, OFFICE, "d", here.id, resident=code, role=role, hours=hours, accept_new=True, **who
        )
    elif what == 4:
        facts = {"headcount": rng.randrange(40), "spend_cents": rng.randrange(9000), "answers": 9, "satisfied": 5}
        activities.edit_activity(store, OFFICE, "d", here.id, here.revision, {"status": "held", **facts})
    elif what == 5 and ahead:
        one = rng.choice(ahead)
        changes = rng.choice(
            [
                {"held_on": today + timedelta(days=rng.randrange(1, 20))},
                {"status": ActivityStatus.CANCELLED},
                {"format": rng.choice(list(Format)), "sessions": 3, "grid_id": rng.choice(GRIDS)},
                {"capacity": 5},
            ]
        )
        activities.edit_activity(store, OFFICE, "d", one.id, one.revision, changes)
    elif what in (6, 7) and (ahead or here):
        checkin.sign_up(store, OFFICE, "d", rng.choice([*ahead, here] if here else ahead).id)
    elif what == 8:
        live = {"held_on": Is(gt=midnight), "state": Is(among=["signed", "waiting"])}
        if (one := some(world, SignUp, live)) is not None:
            checkin.withdraw(store, OFFICE, "d", one.id, one.revision)
    else:
        stays = some(world, Volunteer, {"until": None})
        if stays is None or rng.random() < 0.6:
            facts = {"resident": f"V-{rng.randrange(10**6):06d}", "since": today, "grid_id": "d-g1"}
            residents.register_volunteer(store, OFFICE, "d", facts)
        else:
            residents.edit_volunteer(store, OFFICE, "d", stays.id, stays.revision, {"until": today})


def live(world: World, days: int) -> None:
    """So many days of work."""
    for _ in range(days):
        day = local_day(world) + timedelta(days=1)
        world.clock.now = datetime(day.year, day.month, day.day, 10, tzinfo=SHANGHAI)
        for _ in range(world.random.choice([0, 3, 20])):
            world.clock.now += timedelta(minutes=1)
            with suppress(Trouble):
                step(world)


def periods(at: datetime) -> list[Period]:
    day = at.date()
    kinds = [Period.containing(kind, day) for kind in ("month", "quarter", "year", "ever")]
    month = kinds[0]
    return [*kinds, month.previous, month.previous.previous, Period.of(f"{month.previous.key}..{month.key}")]


def ask(store: Store, at: datetime) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Everything the room tells: what must stay the same; what may be withheld; and of that what is of periods that
    were over."""
    gross: dict[str, Any] = {}
    people: dict[str, Any] = {}
    over: dict[str, Any] = {}
    local = at.astimezone(SHANGHAI)
    for period in periods(local):
        for grid in ("d-g1", None):
            grids = None if grid is None else frozenset({grid})
            key = f"{period.key} {grid}"
            found = activities.figures(store, OFFICE, "d", period, grids=grids, now=local)
            parts = ("held", "heads", "counted", "uncounted", "cancelled", "variety")
            gross[key] = {name: getattr(found, name) for name in parts}
            gross[f"{key} months"] = [(row.month, row.events, row.heads, row.effective) for row in found.months]
            ended = period.last <= local.date() and period.kind != "range"
            kept = over if ended else people if grid else gross
            kept |= {f"{key} visits": found.visits.value, f"{key} registered": found.registered}
            for row in found.months:
                (over if grid else gross)[f"{key} visits in {row.month}"] = row.registered
                over[f"{key} people in {row.month}"] = row.people
            kept = over if ended else people
            for name in ("participants", "participation", "repeat", "newcomers"):
                kept[f"{key} {name}"] = getattr(found, name).value
            for name in ("pyramid", "ages", "sexes", "grids"):
                kept |= {f"{key} {name} {each.key}": each.people for each in getattr(found, name)}
            gross[f"{key} showed up"] = checkin.shown_up(store, OFFICE, "d", period, grids=grids, now=local)
            gross[f"{key} flows"] = activities.flow_runs(store, OFFICE, "d", period, grids=grids, now=local)
            listed = activities.calendar(store, OFFICE, "d", period, grids=grids, now=local, limit=300)
            gross[f"{key} list"] = sorted((row.activity.id, row.registered, told(row.activity)) for row in listed.rows)
        deep = activities.residents_review(store, OFFICE, "d", period, now=local)
        assert deep is not None
        names = (
            "depths",
            "unlevelled",
            "deep",
            "satisfied",
            "spend_cents",
            "priced",
            "unpriced",
            "retained",
            "cohorts",
        )
        gross[f"{period.key} depth"] = {name: getattr(deep, name) for name in names}
        kept = over if ended else people
        kept |= {f"{period.key} {name}": getattr(deep, name) for name in ("registered", "joined", "served")}
        for name in ("cost", "active", "hours", "registered_share"):
            kept[f"{period.key} {name}"] = getattr(deep, name).value
        kept |= {f"{period.key} {rung.step}": (rung.people, rung.risen) for rung in deep.rungs}
        kept[f"{period.key} comings"] = deep.comings
        over |= {f"{period.key} {each.period}": each for each in deep.course}
    for month in (f"{local:%Y-%m}", Period.of(f"{local:%Y-%m}").following.key):
        gross[f"{month} timetable"] = checkin.timetable(store, OFFICE, "d", month, now=local)
    ahead = activities.upcoming(store, OFFICE, "d", now=local, limit=100)
    gross["upcoming"] = sorted(ahead, key=lambda one: (one.held_on, one.name))
    registered = residents.volunteers(store, OFFICE, "d", on=local.date())
    gross["volunteers"] = sorted(registered, key=lambda one: one.resident)
    return gross, people, over


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("seed", first(1, range(2)))
def test_activities_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    world = World(yard, clock, seed)
    live(world, 70)
    counted = {name: yard.db[name].count_documents({"community_id": "d"}) for name in WRITTEN}
    assert all(n >= 20 for n in counted.values()), counted
    day = local_day(world)
    clock.now = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1) - timedelta(milliseconds=1)
    moment = clock.now
    then = [told(part) for part in ask(yard, moment)]
    live(world, 30)
    past = Then(yard, moment)
    gross, people, over = (told(part) for part in ask(past, moment))
    found = differences(then[0], gross)
    assert not found, "\n".join([f"{len(found)} differ", *found[:25]])
    assert not {key: n for key, n in people.items() if n is not None}, "of what was not over nothing is told"
    assert sum(bool(n) for n in then[1].values() if not isinstance(n, tuple | list)) > 20, "though there was something"
    # what is told of a month depends on its quarter: what was withheld while that lasted may be told since
    both = {key: (then[2].get(key), n) for key, n in over.items() if None not in (then[2].get(key), n)}
    found = [f"{key}: {was} then, {n} now" for key, (was, n) in both.items() if was != n]
    assert not found, "\n".join([f"{len(found)} differ", *found[:25]])
    assert sum(bool(n) for _was, n in both.values()) > 20, "of what was over it is"


PARTS: tuple[dict[str, str], ...] = ({}, {"part": "residents"}, {"part": "calendar"}, {"grid": "d-grid-1"})


@pytest.mark.parametrize("asked", PARTS, ids=str)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_shows_a_past_day(
    demo_uri: str, visit: Callable[..., Any], asked: dict[str, str], language: str
) -> None:
    at = visit(demo_uri, "activities", lang=language, as_of="2026-03-17", **asked)
    assert not at.exception
    told = "\n".join(str(each.value) for each in (*at.metric, *at.header)).replace("\\", "")
    if asked.get("part") != "calendar":
        assert ("whole months, quarters" if language == "en" else "整月、整季、整年") in told


def test_what_is_entered_while_a_past_day_is_looked_at_is_of_today(demo_uri: str, visit: Callable[..., Any]) -> None:
    at = visit(demo_uri, "activities", lang="zh", as_of="2026-03-17", activity="new")
    assert not at.exception
    assert NOW.date() in [each.value for each in at.date_input]


def test_the_review_of_a_past_day_is_for_no_meeting(demo_uri: str, visit: Callable[..., Any]) -> None:
    at = visit(demo_uri, "review", lang="en", as_of="2026-03-17")
    assert not at.exception
    stamped = next(each.value for each in at.caption if "written" in each.value).replace("\\", "")
    assert "as of 2026-03-17" in stamped
    assert "written 2026-04-02" in stamped
    assert "presenting-meeting" not in [each.key for each in at.selectbox]
    assert "presenting-meeting" in [each.key for each in visit(demo_uri, "review", lang="en").selectbox]
