"""Series, sign-ups with a waiting list, checking in at the desk, no-shows, and how many of those who signed up came."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest

from dashboard import data, tending
from dashboard.settings import Settings
from repository import recount
from repository.access import Actor, Refused, Role
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    Repeat,
    Rhythm,
    add_activity,
    attendances_of,
    cancel_activity,
    cancel_series,
    edit_activity,
    edit_series,
    record_attendance,
    repeat_activity,
    take_back_attendance,
)
from repository.checkin import (
    SignedUp,
    Stake,
    at_stake,
    check_in,
    guests,
    reconcile,
    remove_sign_up,
    renew_code,
    shown_up,
    sign_up,
    timetable,
    undo_check_in,
    withdraw,
)
from repository.checkin.commands import digest_of, read_door_code, spoken_code
from repository.grids import Community, Grid
from repository.metrics import MINIMUM_N, Period
from repository.organizations import add_engagement, add_organization
from repository.people import AgeBand, Sex
from repository.signups import SIGN_UP_DAYS, SignUp, SignUpState, forget_sign_ups
from repository.store import Conflict, Invalid, NotFound, Store
from tests.conftest import NOW, Clock, once

C = "D"
TODAY = date(2026, 4, 2)  # a Thursday; 16:30
FAR = TODAY + timedelta(days=7)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    store.insert(admin, Community(id=C, community_id=C, code="D", name="D社区", residents=1000))
    for grid in ("1", "2"):
        store.insert(admin, Grid(id=f"g{grid}", community_id=C, code=grid, name=f"{grid} 号网格", residents=500))
    return store


def planned(store: Store, actor: Actor, day: date = FAR, **values: Any) -> Activity:
    made = {"name": "亲子手工", "held_on": day, "format": "craft", "starts_at": "19:00", "ends_at": "20:30"}
    return add_activity(store, actor, C, {**made, "status": ActivityStatus.PLANNED, **values})


def signed(store: Store, actor: Actor, activity: Activity, code: str | None = None, **more: Any) -> SignedUp:
    return sign_up(store, actor, C, activity.id, resident=code, accept_new=True, **more)


def states(store: Store, actor: Actor, activity: Activity) -> dict[str, str]:
    return {one.resident: str(one.state) for one in store.find(actor, SignUp, C, {"activity_id": activity.id})}


def test_a_list_with_a_waiting_list_from_the_first_call_to_the_no_shows(
    here: Store, admin: Actor, clock: Clock
) -> None:
    one = planned(here, admin, TODAY, starts_at="17：00", capacity=2)
    assert one.starts_at == "17:00"
    first = signed(here, admin, one, "R-AAAA", age_band=AgeBand.A36, sex=Sex.FEMALE, lives_in="g1", key="k")
    again = signed(here, admin, one, "R-AAAA", key="k")
    assert (again.sign_up.id, again.code) == (first.sign_up.id, first.code), "sent again it is the same, code and all"
    second = signed(here, admin, one)  # somebody new
    third = signed(here, admin, one, "R-DDDD")
    clock.now += timedelta(minutes=1)
    fourth = signed(here, admin, one, "R-CCCC")
    assert [each.ahead for each in (first, second, third, fourth)] == [None, None, 0, 1]
    assert states(here, admin, one)["R-CCCC"] == "waiting"

    for code, why in (("R-CCCC", "signed up for this activity already"), ("张三", "never a name")):
        with pytest.raises(Invalid) as told:
            sign_up(here, admin, C, one.id, resident=code, accept_new=True)
        assert why in str(told.value.problems["resident"])
    with pytest.raises(Invalid, match="second look") as told:
        sign_up(here, admin, C, one.id, resident="R-QQQQ")
    assert "Nobody has come" in str(told.value.problems["resident"])

    gone = withdraw(here, admin, C, first.sign_up.id, first.sign_up.revision)
    (moved,) = gone.moved_up
    assert (moved.resident, moved.state, moved.moved_up_at) == ("R-DDDD", SignUpState.SIGNED, clock.now)
    clock.now += timedelta(minutes=1)
    back = signed(here, admin, one, "R-AAAA")
    assert (back.sign_up.state, back.ahead) == (SignUpState.WAITING, 1), "who withdrew stands at the end"
    one = edit_activity(here, admin, C, one.id, one.revision, {"capacity": 3})
    assert sorted(states(here, admin, one).values()) == ["signed", "signed", "signed", "waiting"]

    # the evening: one comes, twice; another by mistake; one whom the desk types; one who only waited
    came = check_in(here, admin, C, moved.id)
    assert check_in(here, admin, C, moved.id) == came
    assert here.get(admin, Activity, C, one.id).status is ActivityStatus.HELD
    check_in(here, admin, C, second.sign_up.id)
    undo_check_in(here, admin, C, second.sign_up.id)
    record_attendance(here, admin, C, one.id, resident="R-AAAA", accept_new=True)
    with pytest.raises(Invalid):
        withdraw(here, admin, C, moved.id, here.get(admin, SignUp, C, moved.id).revision)
    with pytest.raises(Invalid):
        sign_up(here, admin, C, one.id, resident="R-AAAA", accept_new=True)
    table = timetable(here, admin, C, "2026-04")
    (slot,) = table.slots
    assert (slot.signed, slot.waiting, slot.came, slot.over, slot.missed) == (3, 1, 1, False, None)
    assert (table.taken, table.places, slot.full) == (3, 3, True)
    assert shown_up(here, admin, C, Period.of("2026-04")).signed == 0, "it is not over yet"
    clock.now = datetime(2026, 4, 2, 12, 31, tzinfo=UTC)  # 20:31 there
    assert shown_up(here, admin, C, Period.of("2026-04")).signed == 3
    (slot,) = timetable(here, admin, C, "2026-04").slots
    assert (slot.over, slot.missed) == (True, 2)
    assert not slot.showed_up.enough, "three are too few to speak of a share"
    found = guests(here, admin, C, one.id)
    assert found is not None
    assert [str(each.state) for each in found.sign_ups] == ["signed"] * 3 + ["waiting"]
    with pytest.raises(Invalid, match="second look") as told:
        signed(here, admin, one, "R-FFFF")
    assert "over" in str(told.value.problems[""])
    with pytest.raises(Invalid):
        withdraw(here, admin, C, second.sign_up.id, here.get(admin, SignUp, C, second.sign_up.id).revision)
    assert recount.check(here, admin, C) == []

    # another day takes the list along; a mistake goes for good and the next one moves up
    (attendance,) = [each for each in attendances_of(here, admin, C, one.id) if each.resident == moved.resident]
    take_back_attendance(here, admin, C, attendance.id, attendance.revision)
    assert not here.get(admin, SignUp, C, moved.id).came
    two = planned(here, admin, FAR, capacity=1)
    wrong, next_one = signed(here, admin, two, "R-HHHH"), signed(here, admin, two, "R-JJJJ")
    edit_activity(here, admin, C, two.id, two.revision, {"held_on": date(2026, 5, 9), "grid_id": "g1"})
    moved_to = here.get(admin, SignUp, C, wrong.sign_up.id)
    assert (moved_to.held_on, moved_to.grid_id) == (date(2026, 5, 9), "g1")
    remove_sign_up(here, admin, C, wrong.sign_up.id, moved_to.revision)
    assert states(here, admin, two) == {next_one.sign_up.resident: "signed"}
    assert recount.check(here, admin, C) == []

    # the code for the door is nowhere but with whoever was told
    assert read_door_code(spoken_code(first.code).lower()) == first.code
    kept = here.get(admin, SignUp, C, first.sign_up.id)
    assert kept.code_digest is not None
    assert digest_of(here, one.id, back.code) == kept.code_digest
    assert renew_code(here, admin, C, kept.id, kept.revision) not in (first.code, back.code)
    everything = repr([list(here.db[name].find()) for name in ("sign_ups", "audit")])
    assert back.code not in everything

    # in the end nothing is left of who it was, and the figures stand
    before = shown_up(here, admin, C, Period.of("2026"))
    past = here.db["sign_ups"].find_one({}, {"code_digest": 0}) or {}
    past |= {"held_on": datetime(2025, 4, 2, tzinfo=UTC), "forgotten": True}
    gone = [{**past, "_id": f"x{n}", "resident": f"~x{n}"} for n in range(300)]
    here.db["sign_ups"].insert_many(gone)
    here.db.command("profile", 2)
    assert forget_sign_ups(here, admin, C, on=TODAY + timedelta(days=SIGN_UP_DAYS)) == 0
    here.db.command("profile", 0)
    asked = list(here.db["system.profile"].find({"command.find": "sign_ups"}))
    here.db["system.profile"].drop()
    assert len(asked) == 1
    assert asked[0]["keysExamined"] <= 5, "it costs what is to be forgotten, not what was"
    here.db["sign_ups"].delete_many({"forgotten": True})
    assert forget_sign_ups(here, admin, C, on=TODAY + timedelta(days=SIGN_UP_DAYS + 1)) == 4
    left = here.db["sign_ups"].find_one({"_id": kept.id})
    assert left is not None
    assert not {"age_band", "sex", "lives_in", "code_digest"} & set(left)
    assert left["resident"] == f"~{kept.id}"
    assert SignUp.from_document(left).to_document() == left
    assert recount.check(here, admin, C) == []
    assert shown_up(here, admin, C, Period.of("2026")) == before


def test_what_hangs_on_an_activity_is_told_before_it_is_called_off(here: Store, admin: Actor) -> None:
    """Who signed up or waits, and which organisations would not have taken part; of a series with the later ones."""
    first = planned(here, admin, capacity=2)
    first, second, third = repeat_activity(here, admin, C, first.id, first.revision, Repeat(times=3))
    other = planned(here, admin, FAR)
    for one, codes in ((first, "ACD"), (third, "EF"), (other, "HJKL")):
        for letter in codes:
            signed(here, admin, one, f"R-{letter * 4}")
    assert at_stake(here, admin, C, first.id) == Stake(2, 1, 0)
    cancel_activity(here, admin, C, second.id, second.revision)
    assert at_stake(here, admin, C, first.id, series=True) == Stake(4, 1, 0, 2)
    worker = Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"}))
    with pytest.raises(NotFound):
        at_stake(here, worker, C, first.id)

    lowered = edit_activity(here, admin, C, first.id, first.revision, {"capacity": 1})
    assert sorted(states(here, admin, first).values()) == ["signed", "signed", "waiting"], "who has a place keeps it"
    full = signed(here, admin, first, "R-MMMM")
    assert full.sign_up.state is SignUpState.WAITING
    assert at_stake(here, admin, C, lowered.id) == Stake(2, 2, 0)

    past = planned(here, admin, TODAY - timedelta(days=1), status="held")
    body = add_organization(here, admin, C, {"name": "实验小学"}).id
    for what in ("带来志愿者", "提供场地"):
        facts = {"organization_id": body, "activity_id": past.id, "on": past.held_on, "what": what}
        add_engagement(here, admin, C, facts)
    other_body = add_organization(here, admin, C, {"name": "供电所"}).id
    add_engagement(here, admin, C, {**facts, "organization_id": other_body, "way": "contact"})  # only talked to
    assert at_stake(here, admin, C, past.id) == Stake(0, 0, 1)
    cancel_activity(here, admin, C, past.id, past.revision)
    assert at_stake(here, admin, C, past.id) == Stake(0, 0, 0)


def test_two_desks_at_once_fill_the_last_places_and_no_more(here: Store, admin: Actor) -> None:
    one = planned(here, admin, capacity=5)
    start = threading.Barrier(4)

    def desk(number: int) -> None:
        start.wait()
        for place in range(4):
            signed(here, admin, one, f"R-{number}00{place}")

    desks = [threading.Thread(target=desk, args=(number,)) for number in range(4)]
    for each in desks:
        each.start()
    for each in desks:
        each.join()
    found = sorted(states(here, admin, one).values())
    assert found == ["signed"] * 5 + ["waiting"] * 11
    assert recount.check(here, admin, C) == []


def test_who_is_in_charge_of_the_activity_keeps_its_list_and_others_see_numbers(here: Store, admin: Actor) -> None:
    worker = Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"}))
    viewer = Actor("v", "v", Role.VIEWER)
    mine, theirs = planned(here, admin, grid_id="g1", capacity=1), planned(here, admin, grid_id="g2")
    a = signed(here, worker, mine, "R-AAAA", lives_in="g1")
    signed(here, admin, mine, "R-CCCC", lives_in="g2")
    assert len(withdraw(here, worker, C, a.sign_up.id, 1).moved_up) == 1, "wherever the next one lives"
    with pytest.raises((Refused, NotFound)):
        signed(here, worker, theirs, "R-AAAA")
    seen = guests(here, viewer, C, mine.id)
    assert seen is not None
    assert (seen.sign_ups, seen.slot.signed) == ((), 1)
    assert [slot.activity.id for slot in timetable(here, worker, C, "2026-04").slots] == [mine.id]
    assert guests(here, worker, C, theirs.id) is None
    assert (
        timetable(here, worker, C, "2026-04").slots
        == timetable(here, admin, C, "2026-04", grids=frozenset({"g1"})).slots
    )
    with pytest.raises(Refused):
        sign_up(here, viewer, C, mine.id, resident="R-EEEE", accept_new=True)


def test_p4_is_what_pandas_counts_and_imports_are_followed(
    here: Store, admin: Actor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(4)
    clock.now = NOW - timedelta(days=60)
    for number in range(6):
        day = date(2026, 2, 10) + timedelta(days=10 * number)
        one = planned(here, admin, day, grid_id=f"g{number % 2 + 1}", capacity=8, status=ActivityStatus.PLANNED)
        made = [signed(here, admin, one, f"R-{number}{place:03d}").sign_up for place in range(10)]
        if day > TODAY or number == 2:  # nobody took down who came to the third
            continue
        clock.now = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
        for sign in made:
            if random.random() < 0.6:
                check_in(here, admin, C, sign.id)
    clock.now = NOW
    signs, came = (
        pd.DataFrame(here.db[name].find({}, {"activity_id": 1, "resident": 1, "state": 1, "held_on": 1, "grid_id": 1}))
        for name in ("sign_ups", "attendances")
    )
    both = signs[signs["state"] == "signed"].merge(
        came[["activity_id", "resident"]], on=["activity_id", "resident"], how="left", indicator=True
    )
    both["came"] = both["_merge"] == "both"
    known = both[both.groupby("activity_id")["came"].transform("any")]

    def check(period: str, rows: Any, grids: frozenset[str] | None = None) -> None:
        found = shown_up(here, admin, C, Period.of(period), grids=grids)
        assert (found.signed, found.came) == (len(rows), rows["came"].sum())
        assert found.value.value == pytest.approx(rows["came"].mean())
        assert found.activities == rows["activity_id"].nunique()
        assert found.value.enough == (len(rows) >= MINIMUM_N)

    check("2026", known)
    check("2026-03", known[known["held_on"].dt.month == 3])
    check("2026", known[known["grid_id"] == "g1"], frozenset({"g1"}))
    assert shown_up(here, admin, C, Period.of("ever")).signed == len(known)
    nothing = shown_up(here, admin, C, Period.of("2025"))
    assert (nothing.value.value, nothing.signed) == (None, 0)

    here.db["attendances"].delete_one({"_id": came["_id"][0]})  # as the undoing of an import does
    monkeypatch.setattr(data, "store", lambda: here)
    job = next(job for job in tending.JOBS if job.key == "sign-ups")
    tending.run(job, Settings.from_environment({}))
    assert tending.outcome("sign-ups").problem is None
    assert reconcile(here, admin, C) == 0
    assert shown_up(here, admin, C, Period.of("2026")).came == known["came"].sum() - 1


@pytest.mark.parametrize(
    ("repeat", "first", "days"),
    [
        (Repeat(times=3), date(2026, 12, 30), ["2026-12-30", "2027-01-06", "2027-01-13"]),
        (Repeat(weeks=2, until=date(2026, 4, 30)), date(2026, 4, 2), ["2026-04-02", "2026-04-16", "2026-04-30"]),
        (Repeat(Rhythm.MONTHLY, times=3), date(2026, 4, 14), ["2026-04-14", "2026-05-12", "2026-06-09"]),
        (Repeat(Rhythm.MONTHLY, times=3), date(2026, 1, 31), ["2026-01-31", "2026-05-30", "2026-08-29"]),
    ],
    ids=["weekly", "fortnightly", "second Tuesday", "fifth Saturday"],
)
def test_days_of_a_series(repeat: Repeat, first: date, days: list[str]) -> None:
    assert [f"{day}" for day in repeat.days(first)] == days


@pytest.mark.parametrize(
    "repeat", [Repeat(), Repeat(times=3, until=FAR), Repeat(times=61), Repeat(weeks=0, times=3),
               Repeat(until=date(2030, 1, 1)), Repeat(until=TODAY)],
)  # fmt: skip
def test_a_series_that_says_nothing_or_too_much_is_refused(repeat: Repeat) -> None:
    with pytest.raises(Invalid):
        repeat.days(TODAY)


def test_a_series_is_made_ahead_changed_and_called_off(here: Store, admin: Actor) -> None:
    first = planned(here, admin, budget_cents=500, capacity=4)
    worker = Actor("w", "w", Role.GRID_WORKER)
    makers: list[Callable[[], list[Activity]]] = [
        lambda: repeat_activity(here, worker, C, first.id, 1, Repeat(times=5), key="k")
    ] * 2
    made, again = (make() for make in makers)
    assert made == again
    assert [one.held_on for one in made] == [FAR + timedelta(weeks=n) for n in range(5)]
    assert {(one.status, one.starts_at, one.capacity) for one in made} == {(ActivityStatus.PLANNED, "19:00", 4)}
    assert [one.budget_cents for one in made] == [500, None, None, None, None], "money is the office's"
    with pytest.raises(Invalid):
        repeat_activity(here, admin, C, made[1].id, made[1].revision, Repeat(times=5))

    guest = signed(here, admin, made[3], "R-AAAA").sign_up
    this = edit_activity(here, admin, C, made[1].id, 1, {"place": "文化广场"})
    kept = cancel_activity(here, admin, C, made[4].id, made[4].revision)
    changed = edit_series(
        here, admin, C, made[2].id, made[2].revision, {"held_on": made[2].held_on + timedelta(days=1), "capacity": 9}
    )
    assert [one.held_on for one in changed] == [FAR + timedelta(weeks=n, days=1) for n in (2, 3)]
    assert {one.capacity for one in changed} == {9}
    assert here.get(admin, SignUp, C, guest.id).held_on == changed[1].held_on
    assert here.get(admin, Activity, C, kept.id) == kept
    assert here.get(admin, Activity, C, this.id).held_on == made[1].held_on
    with pytest.raises(Conflict):
        cancel_series(here, admin, C, changed[1].id, 1)
    cancel_series(here, admin, C, changed[1].id, changed[1].revision)
    all_of_it = here.find(admin, Activity, C, {"series_id": first.id}, sort=[("held_on", 1)])
    assert [str(one.status) for one in all_of_it] == ["planned"] * 3 + ["cancelled"] * 2
    assert here.db[Attendance.collection].count_documents({}) == 0
    assert recount.check(here, admin, C) == []
