"""What was so at the end of a day is told the same whatever is done later, in every room but those of test_as_of."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from dashboard import i18n
from repository import (
    entries,
    facilities,
    grids,
    hazards,
    importer,
    inspections,
    maintenance,
    meetings,
    organizations,
    patrols,
    people,
    preventive,
    projects,
    replacement,
    staff,
    worktime,
)
from repository.access import Actor, Role
from repository.entries import EntryLog
from repository.facilities import Condition, Control, Facility, PersonnelDetails, VehicleDetails
from repository.filters import Is
from repository.grids import Post, Tier
from repository.hazards import Hazard
from repository.importer import Sheet
from repository.inspections import Checklist, ChecklistItem, InspectionPlan, Verdict
from repository.maintenance import WorkKind, WorkOrder
from repository.meetings import ActionItem, Meeting
from repository.metrics import Period
from repository.organizations import Need, Organization, Resource
from repository.patrols import PatrolPlan
from repository.people import Person
from repository.preventive import MaintenancePlan
from repository.projects import Milestone, Project, ProjectTask
from repository.record import midnight
from repository.staff import AssessmentRound, StaffMember, StaffSuccessor
from repository.store import Store, Then
from repository.worktime import SpecialDay
from seed.estate import COMMUNITY_ID
from tests.as_of import World, differences, told
from tests.conftest import NOW, Clock, first

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Actor("office", "办公室", Role.ADMIN)
OTHER = Actor("other", "另一人", Role.ADMIN)
KINDS = ("month", "quarter", "year", "ever")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def some(world: World, record: type[Any], **where: Any) -> Any:
    """One of these records, or None."""
    found = world.store.find(OFFICE, record, "d", where, sort=[("_id", 1)])
    return world.random.choice(found) if found else None


def today(world: World) -> date:
    return world.clock.now.astimezone(SHANGHAI).date()


def exact(answer: Any) -> Any:
    """As ``told``, without what summing up in another order does, and without counters that are 0."""
    if isinstance(answer, dict):
        return {name: exact(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [exact(value) for value in answer]
    if isinstance(answer, float):
        return round(answer, 9)
    plain = told(answer)
    return plain if plain is answer else exact(plain)


def holds(
    world: World, step: Callable[[World], Any], ask: Callable[[Store, datetime], Any], before: int = 30, after: int = 30
) -> Any:
    """As ``World.holds``, at a day's end: many records know days, and no hours."""
    world.do(step, before)
    end = datetime.combine(today(world), time(23, 59, 59), SHANGHAI)
    world.clock.now = end
    then = exact(ask(world.store, end))
    world.clock.now += timedelta(hours=1)
    world.do(step, after)
    assert differences(then, exact(ask(Then(world.store, end), end))) == []
    assert differences(then, exact(ask(world.store, world.clock.now))) != [], "nothing has changed since"
    return then


# --- facilities
def keep_facilities(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    one = some(world, Facility)
    number = rng.randrange(10**6)
    what = rng.randrange(12)
    if one is None or what == 0:
        old = now - timedelta(days=rng.randrange(4000))  # what is entered late stood then all the same
        day = rng.choice([None, old if world.clock.now < NOW + timedelta(days=9) else now])
        facilities.add_facility(store, OFFICE, "d", {
            "code": f"N{number}", "name": "新", "category": rng.choice(["fitness", "vehicle_access"]),
            "grid_id": rng.choice(["d-g1", "d-g2", None]), "site": "公园", "installed_on": day,
            "replacement_cost_cents": rng.choice([None, 900_00]), "condition": rng.choice([None, "2"]),
        })  # fmt: skip
        return
    key = (store, OFFICE, "d", one.id, one.revision)
    if what == 1:
        facilities.retire(*key)
    elif what == 2:
        facilities.put_out_of_order(*key)
    elif what == 3:
        facilities.put_back_in_service(*key)
    elif what == 4:
        facilities.replace(*key, code=f"R{number}", installed_on=now)
    elif what == 5:
        facilities.plan_replacement(*key, year=now.year + rng.randrange(5), reason="钱不够", cost_cents=number)
    elif what == 6:
        facilities.take_back_plan(*key)
    elif what == 7:
        facilities.edit_facility(*key, {"renewed_on": now})
    elif what == 8:
        facilities.edit_facility(*key, {"replacement_cost_cents": number, "responsible_id": rng.choice([None, "d-li"])})
    elif what == 9:
        home = grids.community(store, OFFICE, "d")
        lives = ({"of": "fitness", "years": rng.randrange(1, 12)},)
        grids.edit_community(store, OFFICE, "d", home.revision, {"service_lives": lives})
    else:
        facilities.examine(*key, condition=rng.choice(list(Condition)))


def all_of_facilities(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    found: dict[str, Any] = {}
    for grid in (None, frozenset({"d-g1"})):
        for category in (None, "fitness"):
            for course in (True, False):
                key = f"{grid} {category} {course}"
                found[key] = facilities.inventory(
                    store, OFFICE, "d", on=day, grids=grid, category=category, course=course
                )
            found[f"{key} plan"] = replacement.replacement_review(store, OFFICE, "d", grid, category, now=at)
    # what stood before the first change is noted with that change
    there = facilities.register(store, OFFICE, "d", retired=True)
    found["register"] = [one.model_copy(update={"condition_history": ()}) for one in there]
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_facilities_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), keep_facilities, all_of_facilities, before=30, after=30)


def test_what_a_sheet_changes_is_of_then_as_well(yard: Store, clock: Clock) -> None:
    def bring(condition: str) -> None:
        text = f"编号,名称,类别,状况等级\nS1,秋千,健身器材,{condition}\n"
        sheet = Sheet(text.encode(), "设施.csv")
        mapping = importer.propose(Facility, sheet, (i18n.translator("zh"),))
        seen = importer.preview(yard, OFFICE, "d", sheet, mapping, languages=(i18n.translator("zh"),))
        importer.commit(yard, OFFICE, seen, replacing=True, patience=0)

    def grade(store: Store) -> str | None:
        return facilities.facility_by_code(store, OFFICE, "d", "S1").condition

    bring("良")
    clock.now += timedelta(days=2)
    end = clock.now
    clock.now += timedelta(days=2)
    bring("差")

    assert (grade(yard), grade(Then(yard, end))) == ("4", "2")


# --- entrances
GATES = ("smart", "plain", "door")


def gated(store: Store) -> None:
    """A gate that recognises plates, one where somebody writes, and a door."""
    for id, category, details in (
        ("smart", "vehicle_access", VehicleDetails(control=Control.SMART)),
        ("plain", "vehicle_access", VehicleDetails(control=Control.MANUAL)),
        ("door", "personnel_access", PersonnelDetails(control=Control.MANUAL)),
    ):
        gate = Facility(id=id, community_id="d", code=id, name=id, category=category, details=details, grid_id="d-g1")
        store.insert(OFFICE, gate)


def come_and_go(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, world.clock.now
    inside = store.find(OFFICE, EntryLog, "d", {"is_open": True}, sort=[("_id", 1)])
    what = rng.randrange(12)
    if what == 0:
        facilities.retire(store, OFFICE, "d", "plain", store.find(OFFICE, Facility, "d", {"_id": "plain"})[0].revision)
    elif what == 1:
        entries.close_unknown(store, OFFICE, "d", {one.id: one.revision for one in inside[:2]})
    elif what < 6 and inside:
        one = rng.choice(inside)
        entries.let_out(store, OFFICE, "d", one.id, one.revision, at=rng.choice([None, now - timedelta(minutes=1)]))
    else:
        gate = rng.choice(GATES)
        entries.log_entry(store, OFFICE, "d", {
            "gate_id": gate, "kind": "person" if gate == "door" else "vehicle", "who": rng.choice(["川E7K234", None]),
            "purpose": rng.choice(["visit", "resident", None]), "host": rng.choice(["6 栋", None]),
            "handling": rng.choice([None, "manual"]), "entered_at": now,
        })  # fmt: skip


def all_of_entrances(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    told: dict[str, Any] = {}
    for kind in KINDS:
        period = Period.containing(kind, at.astimezone(SHANGHAI).date())
        for grid in (None, frozenset({"d-g1"})):
            for gate in (None, "smart"):
                key = f"{kind} {grid} {gate}"
                told[key] = entries.entry_review(store, OFFICE, "d", period, grid, gate_id=gate, now=at)
                for show in entries.Show:
                    seen = {"show": show, "within": period, "grids": grid, "gate_id": gate}
                    told[f"{key} {show}"] = entries.entry_list(store, OFFICE, "d", now=at, **seen)
    told["gates"] = entries.gates(store, OFFICE, "d")
    return told


@pytest.mark.parametrize("seed", first(2, range(4)))
def test_what_came_through_the_gates_by_a_day_stays_as_it_was(
    yard: Store, clock: Clock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.store.then._is_early", lambda _moment, _month: seed < 2)
    gated(yard)
    holds(World(yard, clock, seed), come_and_go, all_of_entrances, before=30, after=30)


def test_who_came_on_a_past_day_is_there_whenever_it_was_noted(yard: Store, clock: Clock) -> None:
    gated(yard)
    came = clock.now

    def visits(store: Store) -> tuple[int, int, int]:
        review = entries.entry_review(store, OFFICE, "d", Period.of("2026-04"), now=end)
        inside = entries.entry_list(store, OFFICE, "d", now=end, show="inside")
        return review.entries.n, inside.total, sum(one.entries for one in review.gates)

    end = came + timedelta(hours=5)
    clock.now += timedelta(days=40)
    late = {"gate_id": "smart", "who": "川E7K234", "entered_at": came, "left_at": came + timedelta(days=30)}
    noted = entries.log_entry(yard, OFFICE, "d", late)
    assert visits(Then(yard, end)) == (1, 1, 1), "what is noted later was so then, and the visitor was inside"
    entries.edit_entry(yard, OFFICE, "d", noted.id, noted.revision, {"left_at": came + timedelta(hours=1)})
    assert visits(Then(yard, end)) == (1, 0, 1), "a moment that is put right is right in the past"
    entries.log_entry(yard, OFFICE, "d", {**late, "entered_at": end + timedelta(minutes=1)})
    assert visits(Then(yard, end)) == (1, 0, 1), "who came later that day is not there yet"


def test_who_came_is_masked_in_the_past(yard: Store, clock: Clock) -> None:
    gated(yard)
    noted = entries.log_entry(yard, OFFICE, "d", {"gate_id": "smart", "who": "川E7K234"})
    end = clock.now + timedelta(hours=1)
    clock.now += timedelta(days=1)
    entries.let_out(yard, OFFICE, "d", noted.id, noted.revision)
    then = Then(yard, end)
    (row,) = entries.entry_list(then, OFFICE, "d", now=end).rows
    assert (row.who, row.is_open, row.noted) == ("川E＊＊＊34", True, True)
    assert "E7K234" not in repr(then._of(EntryLog, "d")), "nor does it go out to be read with what has not changed"


# --- meetings
def meet(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    meeting, item = some(world, Meeting), some(world, ActionItem)
    what, number = rng.randrange(16), rng.randrange(10**6)
    if what > 13:  # a day to come: of one that has come it is a mistake that is put right
        told = some(world, SpecialDay, day=Is(gt=midnight(now)))
        if told is not None and rng.random() < 0.5:
            worktime.drop_day(store, OFFICE, "d", told.id, told.revision)
        else:
            day = now + timedelta(days=rng.randrange(1, 50)) if told is None or rng.random() < 0.5 else told.day
            worktime.set_day(store, OFFICE, "d", day, working=rng.random() < 0.3)
        return
    if meeting is None or what < 2:
        kind, day = rng.choice(["monthly", "quarterly", "ad_hoc"]), now + timedelta(days=rng.randrange(40))
        values = {"name": f"{kind} {number}", "kind": kind, "day": day, "reason": "x"}
        meetings.plan_meeting(store, OFFICE, "d", {**values, "invited_ids": ("d-li", "d-wang")})
        return
    key = (store, OFFICE, "d", meeting.id, meeting.revision)
    if what == 2:
        meetings.cancel(*key, "没人")
    elif what == 3 and meeting.day >= now and meeting.status == "planned":
        meetings.edit_meeting(*key, {"day": now + timedelta(days=rng.randrange(20))})
    elif what < 9:
        held = some(world, Meeting, day=midnight(now))
        if held is None:
            values = {"name": f"急 {number}", "kind": "ad_hoc", "day": now, "reason": "x"}
            held = meetings.plan_meeting(store, OFFICE, "d", {**values, "invited_ids": ("d-li", "d-wang")})
        if what < 6:
            due = now + timedelta(days=rng.randrange(20))
            meetings.give(store, OFFICE, "d", held.id, {"what": f"事{number}", "owner_id": "d-li", "due_on": due})
        elif what == 6:
            meetings.hold(store, OFFICE, "d", held.id, held.revision, people=["d-li"])
        else:
            values = {"text": "定了", "outcome": rng.choice(["consensus", "adjourned"])}
            meetings.decide(store, OFFICE, "d", held.id, values)
    elif what == 13 and rng.random() < 0.3:
        home = grids.community(store, OFFICE, "d")
        grids.edit_community(store, OFFICE, "d", home.revision, {"month_meeting_days": rng.randrange(1, 15)})
    elif item is not None:
        own = (store, OFFICE, "d", item.id, item.revision)
        if what == 9:
            later = max(item.due_on, now) + timedelta(days=rng.randrange(1, 30))
            meetings.edit_item(*own, {"due_on": later}, reason="没做完")
        elif what == 10:
            meetings.edit_item(*own, {"owner_id": rng.choice(["d-wang", "d-zhao"])}, reason="换人")
        elif what == 11:
            meetings.drop(*own, "不用了")
        else:
            meetings.finish(*own, result="好了")


def all_of_meetings(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    local = at.astimezone(SHANGHAI)
    day = local.date()
    found: dict[str, Any] = {}
    for kind in KINDS:
        period = Period.containing(kind, day)
        found[f"{kind} review"] = meetings.review(store, OFFICE, "d", period, now=local)
        for ask in (meetings.meetings, meetings.closed_items, meetings.decisions):
            rows, total = ask(store, OFFICE, "d", period)
            found[f"{kind} {ask.__name__}"] = total, sorted(rows, key=lambda row: row.id)  # those of a day in any order
    found["glance"] = meetings.glance(store, OFFICE, "d", now=local)
    found["calendar"] = meetings.calendar(store, OFFICE, "d", day.year, now=local)
    everybody = ["d-li", "d-wang", "d-zhao"]
    found["days"] = [(one.day, one.working, one.own) for one in worktime.year(store, OFFICE, "d", day.year)]
    found["mine"] = meetings.my_items(store, OFFICE, "d", everybody, now=local)
    found["kept"] = meetings.items_kept(store, OFFICE, "d", everybody, day - timedelta(days=60), day, on=day)
    found["to come"] = meetings.to_come(store, OFFICE, "d", now=local)
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_meetings_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), meet, all_of_meetings, before=45, after=45)


def test_of_a_day_that_had_come_what_is_said_last_is_right(yard: Store, clock: Clock) -> None:
    holiday, coming = clock.now.date() - timedelta(days=1), clock.now.date() + timedelta(days=20)
    late = clock.now.date() - timedelta(days=2)
    for day in (holiday, coming):
        worktime.set_day(yard, OFFICE, "d", day, working=False)
    end = clock.now + timedelta(hours=1)
    clock.now += timedelta(days=30)

    def own() -> dict[date, bool]:
        return dict(worktime.worktime(Then(yard, end), OFFICE, "d").own)

    assert own() == {holiday: False, coming: False}
    worktime.set_day(yard, OFFICE, "d", holiday, working=True)
    worktime.set_day(yard, OFFICE, "d", coming, working=True)
    worktime.set_day(yard, OFFICE, "d", late, working=False)
    worktime.set_day(yard, OFFICE, "d", coming + timedelta(days=1), working=False)
    assert own() == {late: False, holiday: True, coming: False}, "nobody had said yet what was said of days to come"
    for each in yard.find(OFFICE, SpecialDay, "d", {}):
        worktime.drop_day(yard, OFFICE, "d", each.id, each.revision)
    assert own() == {coming: False}, "what was taken back of a day that had come never was"


# --- posts
def appoint(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    post, who = some(world, Post), some(world, Person)
    what = rng.randrange(7)
    if post is None or what == 0:
        values = {"tier": rng.choice(list(Tier)), "grid_id": rng.choice(["d-g1", "d-g2"]), "since": now}
        grids.add_post(store, OFFICE, "d", {**values, "holder_id": rng.choice([None, "d-li", "d-wang"])})
    elif what in (1, 2):
        grids.appoint(store, OFFICE, "d", post.id, post.revision, holder_id=who.id, since=now)
    elif what in (3, 4):
        grids.vacate(store, OFFICE, "d", post.id, post.revision, on=now)
    elif what == 5:
        people.edit_person(store, OFFICE, "d", who.id, who.revision, {"active": not who.active})
    else:
        grid = some(world, grids.Grid)
        changes = {"households": rng.randrange(500), "responsible_id": who.id}
        grids.edit_grid(store, OFFICE, "d", grid.id, grid.revision, changes)


def all_of_posts(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    found: dict[str, Any] = {"staffing": grids.staffing(store, OFFICE, "d", on=day)}
    for kind in KINDS:
        found[kind] = grids.posts_on(store, OFFICE, "d", Period.containing(kind, day), today=day)
    there = grids.grids(store, OFFICE, "d")
    return found | {"grids": there, "load": grids.load(there), "people": people.people(store, OFFICE, "d")}


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_posts_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), appoint, all_of_posts)


# --- hazards
def find_hazards(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    one = some(world, Hazard)
    what = rng.randrange(8)
    if one is None or what < 2:
        given = {"what": f"险{rng.randrange(10**6)}", "level": rng.choice(["major", "general"])}
        hazards.report_hazard(store, OFFICE, "d", {**given, "facility_id": rng.choice(["d-F-01", "d-F-02"])})
        return
    key = (store, OFFICE, "d", one.id, one.revision)
    if what == 2:
        later = max(one.deadline_on, now) + timedelta(days=rng.randrange(1, 20))
        hazards.edit_hazard(*key, {"deadline_on": later}, reason="等料")
    elif what == 3:
        hazards.edit_hazard(*key, {"level": rng.choice(["major", "general"])}, reason="看错了")
    elif what == 4:
        hazards.edit_hazard(*key, {"responsible_id": rng.choice(["d-li", "d-wang"])})
    elif one.state == hazards.State.FOUND:
        hazards.rectify(*key)
    else:
        hazards.recheck(store, OTHER, "d", one.id, one.revision, passed=rng.random() < 0.6, note="再看")


def all_of_hazards(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    local = at.astimezone(SHANGHAI)
    found: dict[str, Any] = {}
    for kind in KINDS:
        for grid in (None, frozenset({"d-g1"})):
            period = Period.containing(kind, local.date())
            found[f"{kind} {grid}"] = maintenance.hazard_review(store, OFFICE, "d", period, grid, now=local)
    found["over"] = maintenance.hazards_over(store, OFFICE, "d")
    found["urgent"] = maintenance.urgent(store, OFFICE, "d", now=local)
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_hazards_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), find_hazards, all_of_hazards, before=30, after=30)


# --- inspections
def inspect(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    plan, checklist, facility = some(world, InspectionPlan), some(world, Checklist), some(world, Facility)
    what = rng.randrange(10)
    if checklist is None or what == 0:
        items = (ChecklistItem(text="立柱", fault="loose"), ChecklistItem(text="标牌"))
        values = {"name": f"表{rng.randrange(10**6)}", "category": "fitness", "items": items}
        inspections.add_checklist(store, OFFICE, "d", {**values, "inspection_kind": "routine"})
    elif plan is None or what == 1:
        values = {"name": f"计划{rng.randrange(10**6)}", "checklist_id": checklist.id, "every_days": rng.choice([3, 7])}
        place = rng.choice([{}, {"facility_id": facility.id}])
        inspections.add_plan(store, OFFICE, "d", {**values, **place, "since": now})
    elif what == 2:
        changes = rng.choice([{"active": not plan.active}, {"every_days": rng.randrange(2, 20)}])
        inspections.edit_plan(store, OFFICE, "d", plan.id, plan.revision, changes)
    elif what == 3:
        inspections.remove_plan(store, OFFICE, "d", plan.id, plan.revision)
    elif what == 4:
        changes = rng.choice([{"active": not checklist.active}, {"category": rng.choice(["fitness", "property"])}])
        inspections.edit_checklist(store, OFFICE, "d", checklist.id, checklist.revision, changes)
    elif what == 5:
        facilities.retire(store, OFFICE, "d", facility.id, facility.revision)
    elif what == 6:
        values = {"code": f"N{rng.randrange(10**6)}", "name": "新", "category": "fitness", "installed_on": now}
        facilities.add_facility(store, OFFICE, "d", {**values, "grid_id": rng.choice(["d-g1", "d-g2"])})
    else:
        verdicts = [rng.choice([Verdict.PASS, Verdict.FAIL]) for _ in checklist.items]
        results = inspections.copied(checklist.items, verdicts)
        inspections.record_inspection(store, OFFICE, "d", facility.id, checklist.id, results)


def all_of_inspections(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    found: dict[str, Any] = {}
    for kind in KINDS:
        for grid in (None, frozenset({"d-g1"})):
            period = Period.containing(kind, day)
            found[f"{kind} {grid}"] = inspections.rounds(store, OFFICE, "d", period, grid, today=day)
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_inspections_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), inspect, all_of_inspections, before=30, after=30)


# --- local organisations
def cooperate(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    one, gift, need = some(world, Organization), some(world, Resource), some(world, Need)
    what = rng.randrange(14)
    number = rng.randrange(10**6)
    if one is None or what == 0:
        values = {"name": f"单位{number}", "kind": rng.choice(["public", "enterprise", "property"])}
        organizations.add_organization(store, OFFICE, "d", {**values, "stationed_from": now})
    elif what == 1:
        changes = rng.choice(
            [
                {"active": False, "stationed_until": now},
                {"agreement_from": now, "agreement_until": now + timedelta(days=rng.randrange(300))},
                {"liaison_id": "d-li"},
            ]
        )
        organizations.edit_organization(store, OFFICE, "d", one.id, one.revision, changes)
    elif what == 2 or gift is None:
        values = {"organization_id": one.id, "what": f"场地{number}", "kind": rng.choice(["venue", "money"])}
        organizations.add_resource(store, OFFICE, "d", values)
    elif what == 3:
        organizations.edit_resource(store, OFFICE, "d", gift.id, gift.revision, {"until": now})
    elif what == 4:
        organizations.remove_resource(store, OFFICE, "d", gift.id, gift.revision)
    elif what == 5:
        values = {"organization_id": one.id, "on": now, "way": rng.choice(["joined", "contact"]), "what": f"事{number}"}
        organizations.add_engagement(store, OFFICE, "d", values)
    elif what in (6, 7) or need is None:
        values = {"what": f"求{number}", "kind": rng.choice(["venue", "money"]), "grid_id": rng.choice([None, "d-g1"])}
        due = rng.choice([None, now + timedelta(days=rng.randrange(30))])
        whose = rng.choice([None, one.id])
        organizations.add_need(store, OFFICE, "d", {**values, "due_on": due, "organization_id": whose})
    elif what == 8:
        later = {"due_on": now + timedelta(days=rng.randrange(30))}
        organizations.edit_need(store, OFFICE, "d", need.id, need.revision, later)
    else:
        key = (store, OFFICE, "d", need.id, need.revision)
        if what in (9, 10):
            organizations.match_need(*key, helper_id=one.id)
        elif what == 11:
            organizations.unmatch_need(*key, note="没谈成")
        elif what == 12:
            organizations.meet_need(*key)
        else:
            organizations.withdraw_need(*key, note="变了")


def all_of_organizations(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    found: dict[str, Any] = {}
    for kind in KINDS:
        for grid in (None, frozenset({"d-g1"})):
            period = Period.containing(kind, day)
            found[f"{kind} {grid}"] = organizations.review(store, OFFICE, "d", period, grid, today=day)
            found[f"{kind} {grid} glance"] = organizations.glance(store, OFFICE, "d", period, grid, today=day)
        found[f"{kind} parts"] = organizations.engagements(store, OFFICE, "d", period=period)
    found["waiting"] = organizations.waiting(store, OFFICE, "d", on=day)
    found["resources"] = organizations.resources(store, OFFICE, "d", on=day)
    found["needs"] = organizations.needs(store, OFFICE, "d")
    found["all"] = organizations.organizations(store, OFFICE, "d")
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_organisations_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), cooperate, all_of_organizations, before=45, after=45)


# --- projects
def build_together(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    one, task, mark = some(world, Project), some(world, ProjectTask), some(world, Milestone)
    what = rng.randrange(14)
    number = rng.randrange(10**6)
    ahead = now + timedelta(days=rng.randrange(1, 30))
    if one is None or what == 0:
        values = {"name": f"项目{number}", "due_on": rng.choice([None, ahead]), "goal": rng.choice([None, "好"])}
        projects.add_project(store, OFFICE, "d", values)
    elif what == 1:
        changes = rng.choice([{"due_on": max(ahead, one.starts_on or ahead)}, {"goal": f"目标{number}"}])
        projects.edit_project(store, OFFICE, "d", one.id, one.revision, changes)
    elif what in (2, 3):
        projects.start_project(store, OFFICE, "d", one.id, one.revision)
    elif what == 4:
        projects.finish_project(store, OFFICE, "d", one.id, one.revision, result="成了")
    elif what == 5:
        projects.stop_project(store, OFFICE, "d", one.id, one.revision, reason="没钱")
    elif what in (6, 7) or task is None:
        values = {"project_id": one.id, "name": f"任务{number}", "weight": rng.choice([None, 2.0])}
        due = rng.choice([None, ahead])
        projects.add_task(store, OFFICE, "d", {**values, "due_on": due, "person_id": rng.choice([None, "d-li"])})
    elif what == 8:
        changes = rng.choice([{"due_on": ahead}, {"weight": float(number % 5)}, {"person_id": "d-wang"}])
        projects.edit_task(store, OFFICE, "d", task.id, task.revision, changes)
    elif what == 9:
        projects.remove_task(store, OFFICE, "d", task.id, task.revision)
    elif what == 10:
        values = {"project_id": one.id, "name": f"节点{number}", "due_on": ahead}
        projects.add_milestone(store, OFFICE, "d", values)
    elif what == 11 and mark is not None:
        if rng.random() < 0.3:
            projects.remove_milestone(store, OFFICE, "d", mark.id, mark.revision)
        else:
            changes = rng.choice([{"reached_on": now}, {"due_on": ahead}])
            projects.edit_milestone(store, OFFICE, "d", mark.id, mark.revision, changes)
    else:
        progress = rng.choice([20, 50, 80, 100])
        projects.report_progress(store, OFFICE, "d", task.id, task.revision, progress=progress)


def all_of_projects(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    found: dict[str, Any] = {}
    for kind in KINDS:
        period = Period.containing(kind, day)
        found[kind] = projects.review(store, OFFICE, "d", period, today=day)
        found[f"{kind} glance"] = projects.glance(store, OFFICE, "d", period, today=day)
    there = projects.projects(store, OFFICE, "d")
    found["stories"] = [projects.project(store, OFFICE, "d", one.id, today=day) for one in there]
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_projects_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), build_together, all_of_projects, before=45, after=45)


# --- patrols
def walk(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    plan = some(world, PatrolPlan)
    what = rng.randrange(8)
    if plan is None or what == 0:
        values = {"name": f"走{rng.randrange(10**6)}", "grid_id": rng.choice(["d-g1", "d-g2"]), "every_days": 3}
        patrols.add_plan(store, OFFICE, "d", {**values, "since": now, "households": rng.choice([None, 5])})
    elif what == 1:
        patrols.edit_plan(store, OFFICE, "d", plan.id, plan.revision, {"until": max(now, plan.since)})
    elif what == 2:
        grid = some(world, grids.Grid)
        grids.edit_grid(store, OFFICE, "d", grid.id, grid.revision, {"households": rng.randrange(2, 30)})
    else:
        values = {"grid_id": plan.grid_id, "officer_id": "d-li", "walked_on": now, "plan_id": plan.id}
        doors = "\n".join(f"{rng.randrange(3)}栋{rng.randrange(101, 106)}" for _ in range(2))
        patrols.log_patrol(store, OFFICE, "d", values, doors=rng.choice(["", doors]), findings=("井盖",))


def all_of_patrols(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    found: dict[str, Any] = {}
    for kind in KINDS:
        for grid in (None, frozenset({"d-g1"})):
            period = Period.containing(kind, day)
            found[f"{kind} {grid}"] = patrols.patrol_review(store, OFFICE, "d", period, grid, today=day)
    months = [f"{day:%Y-%m}"]
    found["officers"] = patrols.patrols_by_officer(store, OFFICE, "d", months)
    found["grids"] = {place: +n for place, n in patrols.patrols_by_grid(store, OFFICE, "d", months).items() if +n}
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_patrols_of_a_past_day_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), walk, all_of_patrols, before=30, after=30)


# --- the team
def lead_the_team(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    one, named, held = some(world, StaffMember), some(world, StaffSuccessor), some(world, AssessmentRound)
    what = rng.randrange(14)
    number = rng.randrange(10**6)
    if one is None or what == 0:
        who = people.add_person(store, OFFICE, "d", {"name": f"人{number}"})
        values = {"person_id": who.id, "joined_on": now, "education": rng.choice([None, "bachelor", "college"])}
        staff.add_member(store, OFFICE, "d", values)
    elif what == 1:
        staff.edit_member(store, OFFICE, "d", one.id, one.revision, {"left_on": None})
    elif what == 2:
        last = now + timedelta(days=rng.choice([0, 0, 9]))
        staff.leave(store, OFFICE, "d", one.id, one.revision, on=last, reason="retired")
    elif what == 3:
        valid = rng.choice([None, now + timedelta(days=rng.randrange(90))])
        values = {"person_id": one.person_id, "name": "social_worker", "obtained_on": now, "valid_until": valid}
        staff.add_certificate(store, OFFICE, "d", values)
    elif what == 4:
        values = {"topic": f"课{number}", "held_on": now, "hours": 4.0}
        staff.add_training(store, OFFICE, "d", values, [one.person_id])
    elif what == 5:
        plan = staff.training_plans(store, OFFICE, "d")
        if plan:
            staff.edit_training_plan(store, OFFICE, "d", plan[0].id, plan[0].revision, {"hours": float(number % 90)})
        else:
            staff.add_training_plan(store, OFFICE, "d", {"year": now.year, "hours": 40.0})
    elif what == 6:
        grids.add_post(store, OFFICE, "d", {"tier": "grid_lead", "grid_id": rng.choice(["d-g1", "d-g2"]), "since": now})
    elif what == 7:
        post = some(world, Post)
        if post is not None and rng.random() < 0.5:
            grids.appoint(store, OFFICE, "d", post.id, post.revision, holder_id=one.person_id, since=now)
        elif post is not None:
            values = {"post_id": post.id, "person_id": one.person_id, "readiness": rng.choice(["now", "later"])}
            staff.add_successor(store, OFFICE, "d", values)
    elif what == 8 and named is not None:
        if rng.random() < 0.5:
            staff.remove_successor(store, OFFICE, "d", named.id, named.revision)
        else:
            staff.edit_successor(store, OFFICE, "d", named.id, named.revision, {"readiness": "soon"})
    elif what == 9:
        values = {"name": f"评{number}", "first": now, "last": now, "opens_on": now, "closes_on": now}
        staff.open_round(store, OFFICE, "d", {**values, "people": (one.person_id,)})
    elif held is not None:
        if what == 10:
            staff.close_round(store, OFFICE, "d", held.id, held.revision)
        else:
            group = rng.choice(held.groups)
            sums = [group.points for _item in group.items]
            staff.enter_ballots(store, OFFICE, "d", held.id, held.people[0], group.kind, n=2, sums=sums)


def all_of_the_team(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    held = staff.rounds(store, OFFICE, "d")
    return {
        "team": staff.team(store, OFFICE, "d", on=day),
        "glance": staff.staff_glance(store, OFFICE, "d", on=day),
        "members": staff.members(store, OFFICE, "d"),
        "certificates": staff.certificates(store, OFFICE, "d"),
        "trainings": staff.trainings(store, OFFICE, "d", day.replace(day=1), day + timedelta(days=40)),
        "training": staff.training_review(store, OFFICE, "d", on=day),
        "succession": staff.succession(store, OFFICE, "d", on=day),
        "rounds": sorted(told(held), key=lambda each: str(each["id"])),
        "results": {one.id: staff.round_review(store, OFFICE, "d", one.id) for one in held},
    }


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_the_team_of_a_past_day_stays_as_it_was(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), lead_the_team, all_of_the_team, before=45, after=45)


# --- preventive maintenance
def prevent(world: World) -> None:
    """One random step."""
    store, rng, now = world.store, world.random, today(world)
    plan, order = some(world, MaintenancePlan), some(world, WorkOrder, kind=WorkKind.PREVENTIVE.value, is_open=True)
    what = rng.randrange(12)
    if plan is None or what == 0:
        values = {"name": f"油{rng.randrange(10**6)}", "category": "fitness", "every": 1, "unit": "weeks", "since": now}
        basis = rng.choice(["calendar", "completion"])
        preventive.add_plan(store, OFFICE, "d", {**values, "lead_days": rng.choice([3, 10]), "basis": basis})
    elif what == 1:
        changes = rng.choice([{"active": not plan.active}, {"every": rng.randrange(1, 4)}])
        preventive.edit_plan(store, OFFICE, "d", plan.id, plan.revision, changes)
    elif what in (2, 3, 4) or order is None:
        preventive.generate(store, OFFICE, "d")
    elif what == 5:
        preventive.skip(store, OFFICE, "d", order.id, order.revision, "没人")
    elif what == 6:
        to = now + timedelta(days=rng.randrange(1, 20))
        preventive.postpone(store, OFFICE, "d", order.id, order.revision, to, "等料")
    else:
        to = rng.choice(sorted(maintenance.TRANSITIONS[order.status]))
        given = {"note": "做", "assignee_id": "d-li", "hold_reason": "等料"}
        maintenance.move(store, OFFICE, "d", order.id, order.revision, to, **given)


def all_of_prevention(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list at a moment."""
    day = at.astimezone(SHANGHAI).date()
    found: dict[str, Any] = {}
    for kind in KINDS:
        for category in (None, "fitness"):
            period = Period.containing(kind, day)
            found[f"{kind} {category}"] = preventive.review(store, OFFICE, "d", period, None, category, today=day)
    found["upkeep"] = [preventive.upkeep(store, OFFICE, "d", id, today=day) for id in ("d-F-01", "d-F-02")]
    return found


@pytest.mark.parametrize("seed", first(2, range(5)))
def test_prevention_of_a_past_day_stays_as_it_was(yard: Store, clock: Clock, seed: int) -> None:
    holds(World(yard, clock, seed), prevent, all_of_prevention, before=30, after=30)


# --- a day of the demonstration, from the raw rows
END = datetime(2026, 3, 17, 23, 59, 59, tzinfo=SHANGHAI)
DAY = END.date()
MARCH = Period.of("2026-03")


@pytest.fixture
def then(demo_uri: str) -> Then:
    return Then(Store.connect(demo_uri), END)


def raw(store: Store, name: str) -> pd.DataFrame:
    """A collection as it is stored, with moments and days as pandas has them."""
    frame = pd.DataFrame(list(store.db[name].find({"community_id": COMMUNITY_ID})))
    for column in frame.columns:
        if column.endswith(("_on", "_at")):
            frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def test_good_order_of_a_past_day_is_what_the_histories_say(then: Then) -> None:
    entries = raw(then, "facilities").explode("condition_history").dropna(subset=["condition_history"])
    told_then = pd.json_normalize(entries["condition_history"]).assign(id=entries["_id"].to_numpy())
    last = told_then[told_then["at"] <= END].sort_values("at", kind="stable").drop_duplicates("id", keep="last")
    there = last[last["status"] != "retired"]
    idle = there["status"] == "out_of_order"
    graded = there["condition"].notna() | idle
    good = there["condition"].isin(["1", "2", "3"]) & ~idle

    found = facilities.inventory(then, OFFICE, COMMUNITY_ID, on=DAY)

    assert (found.good_order.n, found.total.good) == (graded.sum(), good.sum())
    assert found.good_order.value == pytest.approx(good.sum() / graded.sum())
    now = facilities.inventory(Store(then.client, then.db.name), OFFICE, COMMUNITY_ID, on=date(2026, 4, 2))
    assert found.cells != now.cells


def test_meetings_of_a_past_day_are_what_the_rows_say(then: Then) -> None:
    items, day = raw(then, "action_items"), pd.Timestamp(DAY, tz="UTC")
    given = items[items["given_on"] <= day]
    still = given[given["closed_on"].isna() | (given["closed_on"] > day)]
    late = still[still["due_on"] < day]
    closed = given[(given["closed_on"] >= pd.Timestamp("2026-03-01", tz="UTC")) & (given["closed_on"] <= day)]
    done = closed[closed["state"] == "done"]
    in_time = (done["closed_on"] <= done["due_on"]).sum()

    found = meetings.review(then, OFFICE, COMMUNITY_ID, MARCH, now=END)

    assert (found.open_items, found.overdue) == (len(still), len(late))
    assert found.carried_out.n == len(done) + len(late)
    assert found.carried_out.value == pytest.approx(in_time / (len(done) + len(late)))
    assert len(still) != items["is_open"].sum()


def test_hazards_needs_and_walks_of_a_past_day_are_what_the_rows_say(then: Then) -> None:
    day, first = pd.Timestamp(DAY, tz="UTC"), pd.Timestamp("2026-03-01", tz="UTC")
    needed = raw(then, "needs")
    listed = needed[needed["listed_on"] <= day]
    over = [listed[name] <= day for name in ("matched_on", "withdrawn_on") if name in listed]
    unmatched = listed[~pd.concat(over, axis=1).any(axis=1)]
    found = organizations.review(then, OFFICE, COMMUNITY_ID, MARCH, today=DAY)
    assert found.unmatched.value == len(unmatched)

    walked = raw(then, "patrols")
    walked = walked[(walked["walked_on"] >= first) & (walked["walked_on"] <= day)]
    review = patrols.patrol_review(then, OFFICE, COMMUNITY_ID, MARCH, today=DAY)
    visits = sum(row.visits for row in review.grids)
    assert (review.n, visits) == (len(walked), walked["households"].sum())

    looked = raw(then, "inspections")
    looked = looked[(looked["done_at"] >= MARCH.bounds(SHANGHAI)[0]) & (looked["done_at"] <= END)]
    rounds = inspections.rounds(then, OFFICE, COMMUNITY_ID, MARCH, today=DAY)
    assert (rounds.failed.n, rounds.failed.value) == (len(looked), (looked["failed"] > 0).mean())

    dangers = raw(then, "hazards")
    dangers = dangers[dangers["found_at"] <= END]
    stood = dangers[dangers["rechecked_at"].isna() | (dangers["rechecked_at"] > END)]
    standing = maintenance.standing_dangers(then, OFFICE, COMMUNITY_ID, now=END)
    assert {one.id for one in standing if one.number is None} == set(stood["_id"])


def test_entrances_of_a_past_day_are_what_the_rows_say(then: Then) -> None:
    came = raw(then, "entry_logs")
    came = came[came["entered_at"] <= END]
    gone = came["left_at"].notna() & (came["left_at"] <= END)
    inside = came[~gone & ~came["exit_unknown"]]
    found = entries.entry_list(then, OFFICE, COMMUNITY_ID, now=END, show="inside")
    assert {one.id for one in found.rows} == set(inside["_id"])
    assert found.total
    month = came["entered_at"] >= datetime(2026, 3, 1, tzinfo=SHANGHAI)
    review = entries.entry_review(then, OFFICE, COMMUNITY_ID, MARCH, now=END)
    assert review.entries.value == month.sum()
    assert sum(gate.left for gate in review.gates) == (month & gone).sum()
    assert review.smart.value == (came[month]["handling"] == "smart").mean()


# --- the pages
PARTS = [
    ("facilities", "register"), ("facilities", "inspections"), ("facilities", "preventive"), ("facilities", "hazards"),
    ("facilities", "entrances"), ("facilities", "replacement"), ("facilities", "companies"), ("grids", "overview"),
    ("grids", "posts"), ("grids", "patrols"), ("grids", "workload"), ("grids", "handling"), ("meetings", ""),
    ("organizations", "participation"), ("organizations", "matching"), ("organizations", "projects"),
    ("organizations", "register"), ("staff", "team"), ("staff", "training"), ("staff", "succession"),
    ("staff", "assessment"), ("staff", "files"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "part"), PARTS)
def test_every_part_of_a_page_can_be_of_a_past_day(visit: Any, demo_uri: str, page: str, part: str) -> None:
    shown = visit(demo_uri, page, lang="en", as_of="2026-03-17", **({"part": part} if part else {}))
    assert not shown.exception
    assert any("As it was" in each.value for each in shown.markdown)


def test_the_entrances_of_a_past_day_are_looked_at_and_nobody_is_let_out(visit: Any, demo_uri: str, then: Then) -> None:
    page = visit(demo_uri, "facilities", lang="en", as_of="2026-03-17", part="entrances", entries="inside")
    assert not page.exception
    period = page.session_state["view"].period
    found = entries.entry_review(then, OFFICE, COMMUNITY_ID, period, now=END)
    assert found.entries.n
    assert f"{found.entries.n:,}" in [each.value for each in page.metric]
    assert "Left now" not in [each.label for each in page.button]
    there = entries.entry_list(then, OFFICE, COMMUNITY_ID, now=END, show="inside")
    now = visit(demo_uri, "facilities", lang="en", as_of="2026-03-17", part="entrances", entry=there.rows[0].id)
    assert not now.exception


def test_a_register_shows_what_was_there_then_and_opens_what_is_there_now(
    visit: Any, yard: Store, mongodb_uri: str, clock: Clock
) -> None:
    clock.now += timedelta(days=3)
    one = facilities.facility(yard, OFFICE, "d", "d-F-01")
    facilities.retire(yard, OFFICE, "d", one.id, one.revision)
    soon = clock.now + timedelta(days=2)

    def seen(**query: str) -> Any:
        return visit(mongodb_uri, "facilities", now=soon, lang="en", community="d", **query)

    assert "1 facility" in [each.value for each in seen().header]
    then = seen(as_of="2026-04-03")
    assert "2 facilities" in [each.value for each in then.header]
    opened = seen(as_of="2026-04-03", facility="d-F-01")
    assert not opened.exception
    assert any("Retired" in each.value for each in opened.markdown)
