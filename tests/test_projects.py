"""Co-construction projects: progress against plan, what is unclear, their steps, and the on-time rate."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import organizations, projects, recount
from repository.access import Actor, Refused, Role
from repository.grids import Community
from repository.metrics import Period
from repository.organizations import Organization, Way
from repository.people import Person
from repository.projects import (
    Gap,
    Milestone,
    Missing,
    Project,
    ProjectState,
    ProjectTask,
    TaskStep,
    gaps,
    planned,
    progress,
    shares,
)
from repository.store import Conflict, Invalid, NotFound, Store
from tests.conftest import once

TODAY = date(2026, 4, 2)
Q2, MARCH, EVER = Period.of("2026Q2"), Period.of("2026-03"), Period.of("ever")


def ago(days: int) -> date:
    """So many days before today."""
    return TODAY - timedelta(days=days)


def task(far: int = 0, weight: float | None = None, **values: Any) -> ProjectTask:
    """A task that is so far."""
    done = {"done_on": TODAY} if far == 100 and "done_on" not in values else {}
    base = {"community_id": "D", "project_id": "p", "name": "x", "progress": far, "weight": weight}
    return ProjectTask(**base, **done, **values)


def a_project(**values: Any) -> Project:
    """One that runs."""
    return Project(**{"id": "p", "community_id": "D", "name": "p", "state": "running", **values})


# --- progress
@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([], None),
        ([task(40)], 0.4),
        ([task(100, 3), task(0, 1)], 0.75),
        ([task(100), task(0)], 0.5),
        ([task(100, 3), task(0, 1), task(50)], 0.75 * 4 / 6 + 0.5 * 2 / 6),  # a missing weight is the mean: 2
        ([task(100, 0), task(0, 0)], 0.5),
    ],
)
def test_progress_is_the_weighted_sum(tasks: list[ProjectTask], expected: float | None) -> None:
    assert progress(tasks) == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.tuples(st.integers(0, 99), st.none() | st.floats(0, 1e6)), min_size=1, max_size=20))
def test_shares_add_up_and_progress_lies_between_the_tasks(rows: list[tuple[int, float | None]]) -> None:
    tasks = [task(far, weight) for far, weight in rows]
    assert sum(shares(tasks)) == pytest.approx(1)
    found = progress(tasks)
    assert found is not None
    assert min(far for far, _ in rows) / 100 - 1e-9 <= found <= max(far for far, _ in rows) / 100 + 1e-9


def test_plan_goes_evenly_from_the_first_day_to_the_last() -> None:
    one = a_project(starts_on=ago(9), due_on=TODAY)
    assert planned(one, [task()], ago(10)) == 0
    assert planned(one, [task()], ago(5)) == pytest.approx(0.5)
    assert planned(one, [task()], TODAY) == 1
    assert planned(one, [task(0, 3, starts_on=ago(1), due_on=TODAY), task(0, 1)], ago(1)) == pytest.approx(
        0.75 * 0.5 + 0.25 * 0.9
    )
    assert planned(a_project(), [task()], TODAY) is None
    assert planned(one, [], TODAY) is None


def test_past_progress_is_what_had_been_reported() -> None:
    steps = tuple(TaskStep(on=ago(days), by="x", progress=far) for days, far in ((9, 20), (5, 60)))
    one = task(100, steps=steps, done_on=ago(1))
    assert [progress([one], ago(days)) for days in (10, 9, 6, 5, 1)] == [0, 0.2, 0.2, 0.6, 1]


def test_what_is_unclear_is_named() -> None:
    bare = gaps(a_project(), [])
    assert [each.gap for each in bare] == [Gap.GOAL, Gap.TARGET, Gap.DUE, Gap.TASKS]
    clear = a_project(goal="吃上热饭", target=60, target_unit="人", due_on=TODAY)
    whole = task(duty="每天", organization_id="o", due_on=TODAY)
    assert gaps(clear, [whole]) == ()
    assert gaps(clear, [whole], {"o"}) == (Missing(Gap.GONE, 1),), "whose duty it is has left"
    assert gaps(clear, [task(100, duty="每天", organization_id="o", due_on=TODAY)], {"o"}) == (), "it is done"
    assert gaps(clear, [whole.model_copy(update={"person_id": "p"})], {"o"}) == (), "somebody is left"
    found = gaps(clear, [whole, task(), task(person_id="p", duty=" ", due_on=TODAY)])
    assert {each.gap: each.tasks for each in found} == {Gap.RESPONSIBLE: 1, Gap.TASK_DUE: 1, Gap.DUTY: 2}
    assert gaps(clear.model_copy(update={"state": ProjectState.STOPPED}), []) == ()


@pytest.mark.parametrize(
    "values",
    [{"state": "done"}, {"ended_on": TODAY}, {"state": "stopped"}, {"starts_on": TODAY, "due_on": ago(1)}],
)
def test_what_a_project_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bears the day|before it began"):
        a_project(**values)


# --- steps
@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    """A community with two organisations."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    for id in ("plant", "home"):
        store.insert(admin, Organization(id=id, community_id="D", name=id, kind="enterprise"))
    return store


def test_a_project_from_need_to_result(here: Store, admin: Actor) -> None:
    need = organizations.add_need(here, admin, "D", {"what": "午餐", "organization_id": "home"})
    with pytest.raises(Invalid):
        projects.add_project(here, admin, "D", {"name": "长者餐"}, need_id=need.id)
    organizations.match_need(here, admin, "D", need.id, 1, helper_id="plant")
    one = projects.add_project(here, admin, "D", {"name": "长者餐", "due_on": TODAY}, need_id=need.id)
    assert one.participants == ("plant", "home")
    assert organizations.need(here, admin, "D", need.id, on=TODAY)[0].project_id == one.id
    work = {"project_id": one.id, "name": "做饭", "organization_id": "plant", "due_on": TODAY}
    made = projects.add_task(here, admin, "D", work)
    with pytest.raises(Invalid):
        projects.report_progress(here, admin, "D", made.id, 1, progress=10)
    one = projects.start_project(here, admin, "D", one.id, one.revision)
    assert one.starts_on == TODAY
    made = projects.report_progress(here, admin, "D", made.id, 1, progress=40, on=ago(3), note="开始")
    with pytest.raises(Invalid):
        projects.report_progress(here, admin, "D", made.id, made.revision, progress=50, on=ago(4))
    with pytest.raises(Invalid):
        projects.finish_project(here, admin, "D", one.id, one.revision, result="好")
    with pytest.raises(Conflict):
        projects.report_progress(here, admin, "D", made.id, 1, progress=50)
    made = projects.report_progress(here, admin, "D", made.id, made.revision, progress=100)
    assert made.done_on == TODAY
    with pytest.raises(Invalid):
        projects.finish_project(here, admin, "D", one.id, one.revision, result=" ")
    one = projects.finish_project(here, admin, "D", one.id, one.revision, result="60 人", achieved=60)
    parts = organizations.engagements(here, admin, "D")
    assert sorted((each.organization_id, each.on, each.way) for each in parts) == sorted(
        [("plant", ago(3), Way.PROJECT), ("plant", TODAY, Way.PROJECT), ("home", TODAY, Way.PROJECT)]
    ), "once a day and project"
    with pytest.raises(Invalid):
        projects.add_task(here, admin, "D", work)
    one = projects.resume_project(here, admin, "D", one.id, one.revision)
    assert (one.state, one.ended_on) == (ProjectState.RUNNING, None)
    assert {(each.organization_id, each.on) for each in organizations.engagements(here, admin, "D")} == {
        ("plant", ago(3)), ("plant", TODAY)
    }, "what the task made them take part in stays"  # fmt: skip
    with pytest.raises(Invalid):
        projects.stop_project(here, admin, "D", one.id, one.revision, reason="")
    one = projects.stop_project(here, admin, "D", one.id, one.revision, reason="没有厨房")
    assert [event.step for event in one.events] == ["entered", "started", "finished", "resumed", "stopped"]
    assert recount.check(here, admin, "D") == []


def test_what_comes_other_than_planned_can_be_said(here: Store, admin: Actor) -> None:
    def planned_for(name: str, first: int | None, due: int) -> Project:
        days = {"starts_on": None if first is None else ago(first), "due_on": ago(due)}
        return projects.add_project(here, admin, "D", {"name": name, **days})

    idea = planned_for("idea", -20, -40)
    idea = projects.stop_project(here, admin, "D", idea.id, 1, reason="没有场地")
    assert (idea.state, idea.ended_on) == (ProjectState.STOPPED, TODAY), "given up before it began"
    early = planned_for("early", -20, -40)
    early = projects.start_project(here, admin, "D", early.id, 1)
    assert early.starts_on == TODAY
    early = projects.finish_project(here, admin, "D", early.id, 2, result="好")
    overdue = planned_for("overdue", None, 3)
    overdue = projects.start_project(here, admin, "D", overdue.id, 1)
    assert (overdue.state, overdue.starts_on) == (ProjectState.RUNNING, None)
    moved = projects.add_task(here, admin, "D", {"project_id": overdue.id, "name": "t"})
    with pytest.raises(Invalid) as told:
        projects.edit_task(here, admin, "D", moved.id, 1, {"project_id": early.id})
    assert "project_id" in told.value.problems, "what is over gets no open task"
    other = planned_for("other", None, -3)
    assert projects.edit_task(here, admin, "D", moved.id, 1, {"project_id": other.id}).project_id == other.id


def test_taken_out_with_all_that_is_its_own(here: Store, admin: Actor) -> None:
    one = projects.add_project(here, admin, "D", {"name": "x"})
    one = projects.start_project(here, admin, "D", one.id, one.revision)
    made = projects.add_task(here, admin, "D", {"project_id": one.id, "name": "t", "organization_id": "plant"})
    projects.add_milestone(here, admin, "D", {"project_id": one.id, "name": "m", "due_on": TODAY})
    projects.report_progress(here, admin, "D", made.id, 1, progress=10)
    projects.remove_project(here, admin, "D", one.id, one.revision)
    for record in (Project, ProjectTask, Milestone, organizations.Engagement):
        assert here.count(admin, record, "D") == 0
    with pytest.raises(NotFound):
        projects.project(here, admin, "D", one.id, today=TODAY)
    assert recount.check(here, admin, "D") == []


def test_who_answers_for_a_task_says_how_far_it_is_and_no_more(here: Store, admin: Actor) -> None:
    worker = Actor("w", "w", Role.GRID_WORKER)
    one = projects.add_project(here, admin, "D", {"name": "x"})
    projects.start_project(here, admin, "D", one.id, one.revision)
    made = projects.add_task(here, admin, "D", {"project_id": one.id, "name": "t", "organization_id": "plant"})
    made = projects.report_progress(here, worker, "D", made.id, 1, progress=30)
    with pytest.raises(Refused):
        projects.edit_task(here, worker, "D", made.id, made.revision, {"due_on": TODAY})


def test_a_reference_in_a_list_must_be_there(here: Store, admin: Actor) -> None:
    one = projects.add_project(here, admin, "D", {"name": "x", "participants": ("plant",)})
    with pytest.raises(Invalid) as told:
        projects.edit_project(here, admin, "D", one.id, 1, {"participants": ("plant", "nobody")})
    assert "participants" in told.value.problems


# --- the on-time rate, counted by hand
def test_a_task_of_who_left_is_nobodys_duty_everywhere(here: Store, admin: Actor) -> None:
    here.insert(admin, Person(id="left", community_id="D", name="某人", active=False))
    clear = {"goal": "吃上热饭", "target": 60, "target_unit": "人", "due_on": TODAY}
    here.insert(admin, a_project(**clear))
    here.insert(admin, task(person_id="left", duty="每天", due_on=TODAY))
    expected = (Missing(Gap.GONE, 1),)
    assert projects.project(here, admin, "D", "p", today=TODAY).outline.missing == expected
    assert [one.missing for one in projects.review(here, admin, "D", Q2, today=TODAY).open] == [expected]
    assert projects.glance(here, admin, "D", Q2, today=TODAY).unclear.value == 1


def test_the_on_time_rate_counts_what_is_overdue_against(here: Store, admin: Actor) -> None:
    rows = [  # due, ended, state: days ago
        (5, 6, "done"), (40, 30, "done"), (1, 1, "done"), (None, 1, "done"), (9, 2, "stopped"),
        (20, None, "running"), (1, None, "running"), (0, None, "running"), (-9, None, "planned"),
        (None, None, "running"),
    ]  # fmt: skip
    for number, (due, ended, state) in enumerate(rows):
        days = {"due_on": None if due is None else ago(due), "ended_on": None if ended is None else ago(ended)}
        here.insert(admin, Project(id=f"p{number}", community_id="D", name=f"p{number}", state=state, **days))
        done = ended if state == "done" else None
        here.insert(
            admin,
            ProjectTask(
                id=f"t{number}", community_id="D", project_id=f"p{number}", name="t", due_on=days["due_on"],
                done_on=None if done is None else ago(done), progress=0 if done is None else 100,
            ),
        )  # fmt: skip

    def figures(period: Period) -> list[tuple[float | None, int]]:
        found = projects.review(here, admin, "D", period, today=TODAY)
        return [(value.value, value.n) for value in (found.completion, found.tasks)]

    # April: p2 in time on the 1st; p5 and p6 overdue this morning, p7 is due today
    assert figures(Q2) == [(1 / 3, 3)] * 2
    # March: p0 in time, p1 late; overdue as April began: p5, p4 (stopped on the 31st: not any more)
    assert figures(MARCH) == [(1 / 3, 3)] * 2
    assert figures(EVER) == [(2 / 5, 5)] * 2
    found = projects.review(here, admin, "D", Q2, today=TODAY)
    assert (found.overdue.value, [one.project.id for one in found.open][:2]) == (2, ["p5", "p6"])
    assert [(each.task.id, each.days) for each in found.late_tasks] == [("t5", 20), ("t6", 1)]
    assert found.unclear.value == found.unclear.n == 5
    quick = projects.glance(here, admin, "D", Q2, today=TODAY)
    assert quick.unclear.value == 5
    assert recount.check(here, admin, "D") == []
