"""Patrols, how the grids handle their work and how they share it: a patrol's way, what is counted once, and every
figure of the demonstration against pandas on its raw rows."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from repository import grids, handling, maintenance, patrols, people, recount, requests, workload
from repository.access import Actor, Refused, Role
from repository.handling import Grade, Handled, grade_of
from repository.hazards import Hazard
from repository.maintenance import WorkOrder
from repository.metrics import Period, State
from repository.patrols import Became, Patrol, PatrolPlan, Within
from repository.requests import Request
from repository.store import Conflict, InUse, Invalid, Store
from repository.workload import Measure
from tests.conftest import NOW

TODAY = date(2026, 4, 2)
SHANGHAI = ZoneInfo("Asia/Shanghai")
WORKER = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
COMMUNITY = "d-community"


# --- a patrol
def test_the_way_of_a_patrol(yard: Store, admin: Actor) -> None:
    """A grid worker logs what was walked; a door counts once a period, a finding becomes something once; nothing of it
    says where anybody lives."""
    yard.clock = lambda: NOW  # type: ignore[method-assign]
    grids.edit_grid(yard, admin, "d", "d-g1", 1, {"households": 20})
    plan = patrols.add_plan(
        yard, admin, "d",
        {"name": "走访", "grid_id": "d-g1", "every_days": 7, "since": date(2026, 3, 1), "households": 10,
         "within": Within.QUARTER},
    )  # fmt: skip

    def log(day: int, doors: str = "", month: int = 3, **more: Any) -> Patrol:
        findings = more.pop("findings", ())
        facts = {"grid_id": "d-g1", "plan_id": plan.id, "officer_id": "d-li", "walked_on": date(2026, month, day)}
        return patrols.log_patrol(yard, WORKER, "d", {**facts, **more}, doors=doors, findings=findings)

    log(1, "6栋 101 102\n7栋：101", minutes=60)
    second = log(8, "６栋,101、103", findings=("楼道堆物", " ", "井盖松动", "老人独居需帮助"), minutes=30)
    log(22, households=5)  # doors not noted
    log(1, "6栋 101", month=4)
    kept = repr(list(yard.db["patrols"].find({}, {"doors": 1})) + list(yard.db["audit"].find({})))
    assert not re.search(r"\b101\b", kept)

    found = patrols.patrol_review(yard, admin, "d", Period.of("2026Q1"), today=TODAY)
    (one, other), (state,) = found.grids, found.plans
    assert (one.visited, one.visits, one.walked, one.found, one.share, one.points) == (4, 10, 3, 3, 0.2, 0)
    assert (other.share, other.points) == (None, None), "nobody is to visit, and no households are known: no data"
    assert (found.coverage.value, found.coverage.n, found.coverage.state) == (0.2, 20, State.OFF_TARGET)
    assert (state.planned, state.walked, state.last_on, state.due_on, state.overdue_days) == (
        5, 3, date(2026, 3, 22), date(2026, 3, 29), 2,
    )  # fmt: skip
    assert (state.visited, found.walked.value, found.overdue.value) == (4, 3 / 5, 1)
    running = patrols.patrol_review(yard, WORKER, "d", Period.of("2026Q2"), today=TODAY)
    assert (running.grids[0].visited, running.grids[0].points, running.grids[0].state) == (1, None, State.ON_TARGET)
    assert running.overdue.value == 0

    def early(day: int) -> tuple[State, State | None]:
        """How the grid and its coverage stand in the next quarter, in which nothing was walked; its first walk is due
        on the 5th of July."""
        there = patrols.patrol_review(yard, admin, "d", Period.of("2026Q3"), today=date(2026, 7, day))
        return there.grids[0].state, there.coverage.target and there.coverage.state

    assert early(3) == early(5) == (State.UNKNOWN, None), "nothing is behind before it was due"
    assert early(6) == (State.OFF_TARGET, State.OFF_TARGET)

    grids.add_post(yard, admin, "d", {"tier": plan.tier, "grid_id": "d-g1", "holder_id": "d-li"})

    def asked() -> tuple[str, ...]:
        return patrols.patrol_review(yard, admin, "d", Period.of("2026Q2"), today=TODAY).plans[0].holders

    assert asked() == ("d-li",)
    gone = people.edit_person(yard, admin, "d", "d-li", 1, {"active": False})
    assert asked() == (), "nobody is asked who is not here any more"
    people.edit_person(yard, admin, "d", "d-li", gone.revision, {"active": True})

    for place, make, became, record in (
        (0, patrols.become_hazard, Became.HAZARD, Hazard),
        (1, patrols.become_order, Became.ORDER, WorkOrder),
        (2, patrols.become_request, Became.REQUEST, Request),
    ):
        stands = yard.get(admin, Patrol, "d", second.id)
        with pytest.raises(Conflict):
            make(yard, WORKER, "d", second.id, 99, place, place="6栋")
        made = make(yard, WORKER, "d", second.id, stands.revision, place, place="6栋", key=f"k{place}")
        again = make(yard, WORKER, "d", second.id, stands.revision, place, place="6栋", key=f"k{place}")
        assert (made.id, made.grid_id) == (again.id, "d-g1")
        story = patrols.patrol_story(yard, WORKER, "d", second.id)
        assert (story.patrol.findings[place].became, story.patrol.findings[place].ref) == (became, made.id)
        assert isinstance(story.became[made.id], record)
        back = patrols.which_found(yard, WORKER, "d", made.id)
        assert back is not None
        assert back.id == second.id
        with pytest.raises(Invalid):
            make(yard, WORKER, "d", second.id, story.patrol.revision, place, place="6栋")
        assert yard.db[record.collection].count_documents({}) == 1

    for wrong, field in (
        ({"walked_on": TODAY + timedelta(days=1)}, "walked_on"),
        ({"plan_id": "none"}, "plan_id"),
        ({"officer_id": "e-li"}, "officer_id"),
        ({"walked_on": date(2025, 3, 8)}, "walked_on"),  # its doors were noted for 2026
    ):
        with pytest.raises(Invalid) as caught:
            patrols.edit_patrol(yard, admin, "d", second.id, story.patrol.revision, wrong)
        assert set(caught.value.problems) == {field}
    for doors in ("6栋", "6栋 " + " ".join(map(str, range(201)))):
        with pytest.raises(Invalid):
            log(2, doors)
    with pytest.raises(Refused):
        patrols.log_patrol(yard, WORKER, "d", {"grid_id": "d-g2", "walked_on": TODAY})
    with pytest.raises(InUse):
        patrols.remove_plan(yard, admin, "d", plan.id, 1)
    patrols.remove_patrol(yard, admin, "d", second.id, story.patrol.revision)
    assert recount.check(yard, admin, "d") == []
    yard.db["monthly_counts"].delete_many({"subject": {"$regex": "^patrol"}})
    recount.rebuild(yard, admin, "d")
    assert recount.check(yard, admin, "d") == []


def test_a_plan_asks_for_every_so_many_days() -> None:
    """Against counting them out, day by day."""
    since = date(2026, 1, 5)
    plan = PatrolPlan(community_id="d", name="x", grid_id="g", every_days=7, since=since, until=date(2026, 5, 1))
    days = [since + timedelta(days=7 * number) for number in range(100)]
    for first in (date(2025, 1, 1), since, date(2026, 1, 6), date(2026, 3, 2), date(2026, 5, 2)):
        for last in (first, first + timedelta(days=6), first + timedelta(days=90)):
            asked = [day for day in days if first <= day <= min(last, date(2026, 5, 1))]
            assert plan.planned(first, last) == len(asked)


def test_an_extension_is_noted_and_a_correction_is_none(yard: Store, admin: Actor) -> None:
    yard.clock = lambda: NOW  # type: ignore[method-assign]
    order = maintenance.log_repair(yard, admin, "d", fault="x", facility_id="d-F-01")
    assert order.due_at is not None
    sooner = maintenance.edit(yard, admin, "d", order.id, 1, {"due_at": order.due_at - timedelta(hours=1)})
    late = {"due_at": order.due_at + timedelta(days=2)}
    with pytest.raises(Invalid) as refused:
        maintenance.edit(yard, WORKER, "d", order.id, 2, late, reason=" ")
    assert list(refused.value.problems) == ["reason"]
    with pytest.raises(Conflict):
        maintenance.edit(yard, WORKER, "d", order.id, 1, late)
    later = maintenance.edit(yard, WORKER, "d", order.id, 2, late, reason=" 等配件 ")
    assert later.events[-1].note == "2026-04-08 15:30 → 2026-04-10 16:30：等配件"
    moment = {"reported_at": order.reported_at - timedelta(hours=2)}
    with pytest.raises(Invalid) as refused:
        maintenance.correct(yard, admin, "d", order.id, 3, moment, "")
    assert list(refused.value.problems) == ["reason"]
    right = maintenance.correct(yard, admin, "d", order.id, 3, moment, "记错了")
    assert [len(each.postponements) for each in (sooner, later, right)] == [0, 1, 1]
    assert later.postponements[0].due_before == order.due_at - timedelta(hours=1)
    assert right.events[-1].note == "2026-04-02 16:30 → 2026-04-02 14:30：记错了"
    lower = maintenance.log_repair(yard, admin, "d", fault="x", facility_id="d-F-01", priority="urgent")
    with pytest.raises(Invalid) as refused:  # a lower priority is another way to more time
        maintenance.edit(yard, WORKER, "d", lower.id, 1, {"priority": "low"})
    assert list(refused.value.problems) == ["reason"]
    many = maintenance.change_many(yard, WORKER, "d", {lower.id: 1}, {"priority": "low"})
    assert (many.done, list(many.left)) == ((), [lower.id])
    many = maintenance.change_many(yard, WORKER, "d", {lower.id: 1}, {"priority": "low"}, reason="不急")
    assert many.done == (lower.id,)
    request = requests.take_request(yard, WORKER, "d", {"text": "漏水", "grid_id": "d-g1"})
    assert request.deadline_at is not None
    put_off = {"deadline_at": request.deadline_at + timedelta(days=3)}
    with pytest.raises(Invalid) as refused:
        requests.edit_request(yard, WORKER, "d", request.id, 1, put_off)
    assert list(refused.value.problems) == ["reason"]
    longer = requests.edit_request(yard, WORKER, "d", request.id, 1, put_off, reason="等住户回来")
    assert (len(longer.postponements), str(longer.events[-1].note).split("：")[1]) == (1, "等住户回来")
    found = dict(handling.handling(yard, admin, "d", Period.of("2026Q2"), now=NOW).grids)
    (own,) = [each for grid, each in found.items() if grid.id == "d-g1"]
    assert (own.postponed, own.due, own.score) == (3, 0, None)
    assert [part.key for part in own.missing] == ["G1", "G2", "G3", "G4", "G4_postponed"]
    assert recount.check(yard, admin, "d") == []


def test_the_composite_weighs_its_parts_and_names_what_is_missing() -> None:
    full = Handled(on_time=6, late=2, overdue=2, closed=8, reworked=2, postponed=1)
    assert full.score == pytest.approx(30 * 0.8 + 20 * 0.6 + 20 * 0.75 + 20 * 0.8 + 10 * 0.9)
    assert (full.grade, full.missing) == (Grade.B, ())
    nothing_closed = Handled(on_time=0, late=0, overdue=9)
    assert (nothing_closed.score, nothing_closed.grade) == (None, None)
    assert [part.key for part in nothing_closed.missing] == ["G3"]
    assert Handled(on_time=4).missing[0].key == "G1", "fewer than five"
    scores = (None, 100, 90, 89.9, 75, 60, 59.9, 40, 39, 0)
    assert [str(grade_of(score) or "") for score in scores] == ["", "A", "A", "B", "B", "C", "D", "D", "E", "E"]


# --- the demonstration
@pytest.fixture(scope="module")
def demo(demo_uri: str) -> Iterator[Store]:
    """Read only."""
    store = Store.connect(demo_uri, clock=lambda: NOW)
    yield store
    store.close()


def _local(moments: Any) -> Any:
    return pd.to_datetime(moments, utc=True).dt.tz_convert("Asia/Shanghai")


@pytest.mark.parametrize("key", ["2026Q1", "2025", "2026-03"])
def test_coverage_is_what_pandas_counts(demo: Store, admin: Actor, key: str) -> None:
    period = Period.of(key)
    raw = pd.DataFrame(demo.db["patrols"].find({"community_id": COMMUNITY}))
    raw["day"] = raw["walked_on"].dt.date
    own = raw[(raw["day"] >= period.first) & (raw["day"] <= period.last)]
    doors = own.explode("doors").dropna(subset=["doors"]).groupby("grid_id")["doors"].nunique()
    homes = {grid["_id"]: grid["households"] for grid in demo.db["grids"].find({})}
    found = patrols.patrol_review(demo, admin, COMMUNITY, period, today=TODAY)

    assert {row.grid_id: row.visited for row in found.grids} == doors.to_dict()
    worth = {id: 10 if share >= 0.95 else 8 if share >= 0.9 else 6 if share >= 0.85 else 0
             for id, share in (doors / pd.Series(homes)).items()}  # fmt: skip
    assert {row.grid_id: row.points for row in found.grids} == worth
    assert found.coverage.value == pytest.approx(doors.sum() / sum(homes.values()))
    assert {row.grid_id: row.walked for row in found.grids} == own.groupby("grid_id").size().to_dict()
    assert found.n == len(own)
    planned = kept = 0
    for plan in demo.db["patrol_plans"].find({}):
        due = pd.date_range(plan["since"].date(), period.last, freq=f"{plan['every_days']}D").date
        asked = sum(day >= period.first for day in due)
        planned, kept = planned + asked, kept + min(asked, int((own["plan_id"] == plan["_id"]).sum()))
    assert (found.walked.n, found.walked.value) == (planned, pytest.approx(kept / planned))
    if key == "2026Q1":  # the story
        worst = min(found.grids, key=lambda row: row.share or 0)
        assert (worst.grid_id, worst.points, worst.share) == ("d-grid-3", 0, pytest.approx(0.5, abs=0.1))
        late = {each.plan.name: each.holders for each in found.plans if each.overdue_days > 10}
        assert late == {"4 号网格安全点位巡查": (), "3 号网格入户走访": ("d-person-lead-3",)}


@pytest.mark.parametrize("key", ["2026Q1", "2025Q3"])
def test_handling_is_what_pandas_counts(demo: Store, admin: Actor, key: str) -> None:
    """G1 to G5 by grid, from raw orders and requests and their reopenings."""
    period = Period.of(key)
    start, end = (pd.Timestamp(each) for each in period.bounds(SHANGHAI))
    ended, overdue, closed, reworked, postponed = [], [], [], [], []
    for kind, due_name in (("work_orders", "due_at"), ("requests", "deadline_at")):
        for each in demo.db[kind].find({"community_id": COMMUNITY}):
            grid, due, past = each.get("grid_id"), each.get(due_name), each.get("reopenings", [])
            spells = [(one["ended_at"], one.get("outcome")) for one in past]
            last = each.get("ended_at") if not each["is_open"] else None
            spells += [(last, each.get("outcome"))] if last else []
            began = [each.get("reported_at", each.get("received_at")), *(one["reopened_at"] for one in past)]
            for begin, (at, outcome) in zip(began, [*spells, (None, None)], strict=False):
                if at is not None and start <= at < end:
                    passed = [one["at"] for one in each.get("postponements", []) if one["at"] > one["due_before"]]
                    late = due is not None and (at > due or any(put_off <= at for put_off in passed))
                    counts_so = kind == "requests" or late or outcome == "completed"
                    if due is not None and not each["flags"] and counts_so and outcome != "withdrawn":
                        ended.append((grid, not late))
                    if kind == "requests" or outcome == "completed":
                        closed.append(grid)
                if (
                    due is not None
                    and max(due, begin) < end
                    and begin < end
                    and (at is None or (at > due and at >= end))
                ):
                    overdue.append(grid)
            for one in past:
                back = one.get("not_solved") if kind == "requests" else one["outcome"] == "completed"
                if back and start <= one["reopened_at"] < end:
                    reworked.append(grid)
            postponed += [grid for one in each.get("postponements", []) if start <= one["at"] < end]
    found = handling.handling(demo, admin, COMMUNITY, period, now=NOW)

    assert len(found.grids) == 5
    for grid, own in found.grids:
        kept = sum(each == grid.id and in_time for each, in_time in ended)
        late = sum(each == grid.id and not in_time for each, in_time in ended)
        counts = [held.count(grid.id) for held in (overdue, closed, reworked, postponed)]
        assert (own.on_time, own.late, own.overdue, own.closed, own.reworked, own.postponed) == (kept, late, *counts)
        due = kept + late + counts[0]
        score = (30 * (kept + late) / due + 20 * kept / due + 20 * (1 - counts[2] / counts[1])
                 + 20 * (1 - counts[0] / due) + 10 * (1 - min(counts[3], due) / due))  # fmt: skip
        assert own.score == pytest.approx(score)
    assert [own.score for _grid, own in found.grids] == sorted((own.score for _g, own in found.grids), reverse=True)
    if key == "2026Q1":
        assert found.grids[-1][0].code == "3"
        whole = maintenance.work_glance(demo, admin, COMMUNITY, period, now=NOW).on_time
        asked = requests.request_review(demo, admin, COMMUNITY, period, now=NOW).on_time
        in_time = found.all[1]
        assert in_time.n == whole.n + asked.n, "the same orders and requests as in M2"
        assert in_time.value == pytest.approx(((whole.value or 0) * whole.n + (asked.value or 0) * asked.n) / in_time.n)


def test_the_load_is_what_pandas_counts_and_who_carries_too_much_is_named(demo: Store, admin: Actor) -> None:
    period = Period.of("2026Q1")
    found = workload.workload(demo, admin, COMMUNITY, period, now=NOW)
    walks = pd.DataFrame(demo.db["patrols"].find({"community_id": COMMUNITY}))
    walks = walks[(walks["walked_on"].dt.date >= period.first) & (walks["walked_on"].dt.date <= period.last)]
    orders = pd.DataFrame(demo.db["work_orders"].find({"community_id": COMMUNITY}))
    ended = _local(orders["ended_at"]).dt.date
    orders = orders[(ended >= period.first) & (ended <= period.last) & ~orders["is_open"]]
    cases = pd.DataFrame(demo.db["requests"].find({"community_id": COMMUNITY}))
    received = _local(cases["received_at"]).dt.date
    cases = cases[(received >= period.first) & (received <= period.last)]

    minutes = (
        walks.groupby("grid_id")["minutes"].sum()
        + (orders["actual_hours"] * 60).round().groupby(orders["grid_id"]).sum()
    )
    counted = {Measure.PATROLS: walks.groupby("grid_id").size(), Measure.REQUESTS: cases.groupby("grid_id").size(),
               Measure.HOURS: minutes / 60}  # fmt: skip
    for measure, by_grid in counted.items():
        assert {grid.id: load.of(measure) for grid, load in found.grids} == pytest.approx(by_grid.to_dict())
        assert found.spreads[measure].value == pytest.approx(by_grid.max() / by_grid.mean())
    march = cases[_local(cases["received_at"]).dt.month == 3].groupby("grid_id").size()
    assert dict(found.spreads[Measure.REQUESTS].series)["2026-03"] == pytest.approx(march.max() / (march.sum() / 5))

    assert found.everybody
    heavy = {found.names[each.person_id]: dict(each.heavy) for each in found.officers if each.heavy}
    assert set(heavy) == {"蒋伟", "陈素芳"}
    assert set(heavy["蒋伟"]) == {Measure.HOUSEHOLDS, Measure.PATROLS, Measure.HOURS}
    assert heavy["蒋伟"][Measure.HOUSEHOLDS] == pytest.approx(2 * 1902 / (1902 + 559))
    by_officer = walks.groupby("officer_id").size()
    assistants = by_officer[["d-person-assistant-a", "d-person-assistant-b"]]
    assert heavy["蒋伟"][Measure.PATROLS] == pytest.approx(assistants.iloc[0] / assistants.mean())

    clerk = Actor("x", "文员", Role.EDITOR, people=("d-person-lead-1",))
    own = workload.workload(demo, clerk, COMMUNITY, period, now=NOW)
    assert [each.person_id for each in own.officers] == ["d-person-lead-1"]
    assert own.officers[0].times == next(each for each in found.officers if each.person_id == "d-person-lead-1").times
    assert own.spreads == found.spreads


def test_what_single_people_carry_is_what_pandas_counts(demo: Store, admin: Actor) -> None:
    """Those who mend, who hold no post in the demonstration."""
    period = Period.of("2026Q1")
    orders = pd.DataFrame(demo.db["work_orders"].find({"community_id": COMMUNITY, "assignee_id": {"$exists": True}}))
    ended = _local(orders["ended_at"]).dt.date
    done = orders[(ended >= period.first) & (ended <= period.last) & (orders["outcome"] == "completed")]
    people, grid = [*orders["assignee_id"].unique(), "d-nobody"], orders["grid_id"].mode()[0]
    for charge in (None, frozenset({grid})):
        found = maintenance.load_of(demo, replace(admin, grids=charge), COMMUNITY, people, period.months)
        own, all_of = [each if charge is None else each[each["grid_id"] == grid] for each in (done, orders)]
        minutes = (own["actual_hours"] * 60).round().groupby(own["assignee_id"]).sum()
        owed = all_of[all_of["is_open"]].groupby("assignee_id").size()
        assert {id: (one.open, one.minutes) for id, one in found.items()} == {
            id: (owed.get(id, 0), minutes.get(id, 0)) for id in people
        }
        assert min(minutes.sum(), owed.sum()) > 0
