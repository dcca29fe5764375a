"""Co-construction projects: entered, started, worked on task by task, finished or stopped. Whoever works on a task, or
had a part in what was finished, has taken part (metric U1)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from repository.access import Actor
from repository.organizations import Need, NeedState, Way, drop_parts, note_part
from repository.projects.records import (
    RUNNING,
    Milestone,
    Project,
    ProjectEvent,
    ProjectState,
    ProjectStep,
    ProjectTask,
    TaskStep,
)
from repository.rollups import day_of
from repository.store import Invalid, Store, Write, build
from repository.words import Message, msg

PROJECT_FIELDS = (
    "name", "goal", "measure", "target", "target_unit", "lead_id", "organization_id", "participants", "grid_id",
    "starts_on", "due_on", "activity_ids",
)  # fmt: skip
"""What ``edit_project`` may change, in the order of its form; the steps have commands of their own."""
TASK_FIELDS = ("project_id", "name", "duty", "organization_id", "person_id", "weight", "starts_on", "due_on")
"""What ``edit_task`` may change; progress has a command of its own."""


# --- projects
def add_project(
    store: Store,
    actor: Actor,
    community_id: str,
    values: Mapping[str, Any],
    *,
    need_id: str | None = None,
    key: str | None = None,
) -> Project:
    """Enter a project, planned at first; ``need_id`` names the matched need it comes from, whose two organisations take
    part in it. Raises Invalid, Duplicate (the name), NotFound, Refused."""

    def work(write: Write) -> Project:
        given = {name: value for name, value in values.items() if name in PROJECT_FIELDS}
        need = write.referred(Need, community_id, "need_id", need_id)
        if need is not None:
            _require_matched(need)
            both = (*given.get("participants", ()), need.helper_id, need.organization_id)
            given["participants"] = tuple(dict.fromkeys(id for id in both if id))
        project = build(Project, {**given, "community_id": community_id})
        event = _event(write, ProjectStep.ENTERED, None)
        made = write.insert(project.model_copy(update={"events": (event,)}))
        if need is not None:
            write.update(Need, community_id, need.id, need.revision, {"project_id": made.id})
        return made

    return store.write(actor, work, key=key)


def edit_project(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Project:
    """Change plain fields (PROJECT_FIELDS). Raises Invalid, Duplicate, Conflict, NotFound, Refused."""
    if strange := changes.keys() - set(PROJECT_FIELDS):
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")
    return store.update(actor, Project, community_id, id, revision, changes)


def remove_project(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out one entered by mistake, with its tasks and milestones, and what was noted of who worked on it; one that
    is given up is stopped instead. Raises InUse while a need names it, Conflict, NotFound, Refused."""

    def work(write: Write) -> None:
        of = {"community_id": community_id, "project_id": id}
        for record in (ProjectTask, Milestone):
            for document in list(write.store.documents(record, of, session=write.session)):
                write.delete(record, community_id, document["_id"], document["revision"])
        drop_parts(write, community_id, project_id=id)
        write.delete(Project, community_id, id, revision)

    store.write(actor, work)


def link_need(
    store: Store, actor: Actor, community_id: str, need_id: str, revision: int, *, project_id: str | None
) -> Need:
    """The project that a matched need led to; None takes the link back. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Need:
        _require_matched(write.read(Need, community_id, need_id))
        return write.update(Need, community_id, need_id, revision, {"project_id": project_id})

    return store.write(actor, work)


def start_project(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Project:
    """Work begins, today unless an earlier first day stands there already, or it is past its due day. Raises Invalid,
    Conflict, NotFound, Refused."""

    def work(write: Write) -> Project:
        project = write.read(Project, community_id, id)
        _require(project, ProjectStep.STARTED, ProjectState.PLANNED)
        today = _today(write, community_id)
        ahead = project.starts_on is None or project.starts_on > today
        begun = {"starts_on": today} if ahead and (project.due_on is None or project.due_on >= today) else {}
        return _step(write, project, revision, ProjectStep.STARTED, ProjectState.RUNNING, note, begun)

    return store.write(actor, work)


def finish_project(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    result: str,
    achieved: float | None = None,
    residents_reached: int | None = None,
    on: date | None = None,
) -> Project:
    """It is done, today or ``on`` a day before; ``result`` says what came of it, ``achieved`` how much of the target.
    All its organisations have taken part. Raises Invalid while tasks are open, Conflict, NotFound, Refused."""

    def work(write: Write) -> Project:
        project = write.read(Project, community_id, id)
        _require(project, ProjectStep.FINISHED, *RUNNING)
        if not (result or "").strip():
            raise Invalid({"result": Message(msg("Say what came of it"))})
        left = sum(task.get("done_on") is None for task in _tasks(write, project))
        if left:
            raise Invalid(
                {"state": Message(msg("Open tasks: {n}. Finish them, or take out what is not needed."), {"n": left})}
            )
        day = _day(write, community_id, on)
        changes = {"result": result, "achieved": achieved, "residents_reached": residents_reached, "ended_on": day}
        changed = _step(write, project, revision, ProjectStep.FINISHED, ProjectState.DONE, None, changes)
        for each in dict.fromkeys((project.organization_id, *project.participants)):
            if each is not None:
                note_part(write, community_id, each, Way.PROJECT, project.name, day, project_id=id)
        return changed

    return store.write(actor, work)


def stop_project(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, reason: str, on: date | None = None
) -> Project:
    """It is given up, which needs a ``reason``; open tasks do not stay overdue. Raises Invalid, Conflict, NotFound,
    Refused."""

    def work(write: Write) -> Project:
        project = write.read(Project, community_id, id)
        _require(project, ProjectStep.STOPPED, *RUNNING)
        if not (reason or "").strip():
            raise Invalid({"reason": Message(msg("Say why"))})
        changes = {"reason": reason, "ended_on": _day(write, community_id, on)}
        return _step(write, project, revision, ProjectStep.STOPPED, ProjectState.STOPPED, reason, changes)

    return store.write(actor, work)


def resume_project(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Project:
    """One that was finished or stopped goes on; that it had ended counts as never said, and what its organisations took
    part in by that goes with it. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Project:
        project = write.read(Project, community_id, id)
        _require(project, ProjectStep.RESUMED, ProjectState.DONE, ProjectState.STOPPED)
        changed = _step(
            write,
            project,
            revision,
            ProjectStep.RESUMED,
            ProjectState.RUNNING,
            note,
            {"ended_on": None, "reason": None},
        )
        if project.state is ProjectState.DONE and project.ended_on is not None:
            drop_parts(write, community_id, project_id=id, what=project.name, on=project.ended_on)
        return changed

    return store.write(actor, work)


def _require(project: Project, step: ProjectStep, *states: ProjectState) -> None:
    if project.state not in states:
        facts = {"now": Message(project.state.label), "then": Message(step.label)}
        raise Invalid({"state": Message(msg("A project that is “{now}” cannot become “{then}”."), facts)})


def _require_matched(need: Need) -> None:
    if need.state not in (NeedState.MATCHED, NeedState.MET):
        raise Invalid({"need_id": Message(msg("Match the need first: then it is known who takes part."))})


def _step(
    write: Write,
    project: Project,
    revision: int,
    step: ProjectStep,
    state: ProjectState,
    note: str | None,
    changes: Mapping[str, Any],
) -> Project:
    events = (*project.events, _event(write, step, note))
    wanted = {**changes, "state": state, "events": events[-200:]}
    return write.update(Project, project.community_id, project.id, revision, wanted)


def _event(write: Write, step: ProjectStep, note: str | None) -> ProjectEvent:
    said = (note or "").strip() or None
    values = {"at": write.at, "by": write.actor.name, "by_id": write.actor.id, "step": step, "note": said}
    return build(ProjectEvent, values)


def _today(write: Write, community_id: str) -> date:
    return day_of(write.at, write.store.zone(community_id))


def _day(write: Write, community_id: str, on: date | None) -> date:
    today = _today(write, community_id)
    if on is not None and on > today:
        raise Invalid({"on": Message(msg("This lies in the future"))})
    return on or today


def _tasks(write: Write, project: Project) -> list[dict[str, Any]]:
    of = {"community_id": project.community_id, "project_id": project.id}
    return list(write.store.documents(ProjectTask, of, session=write.session))


# --- tasks and milestones
def add_task(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> ProjectTask:
    """Give a project that is not over a task. Raises Invalid, Refused."""

    def work(write: Write) -> ProjectTask:
        task = build(ProjectTask, {**values, "community_id": community_id})
        _open_project(write, community_id, task.project_id)
        return write.insert(task)

    return store.write(actor, work, key=key)


def edit_task(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> ProjectTask:
    """Change plain fields (TASK_FIELDS); it can be moved to a project that is not over. Raises Invalid, Conflict,
    NotFound, Refused."""
    if strange := changes.keys() - set(TASK_FIELDS):
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")

    def work(write: Write) -> ProjectTask:
        before = write.read(ProjectTask, community_id, id)
        changed = write.update(ProjectTask, community_id, id, revision, changes)
        if changed.project_id != before.project_id:
            _open_project(write, community_id, changed.project_id)
        return changed

    return store.write(actor, work)


def remove_task(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take a task out. Raises Conflict, NotFound, Refused."""
    store.delete(actor, ProjectTask, community_id, id, revision)


def report_progress(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    progress: int,
    on: date | None = None,
    note: str | None = None,
) -> ProjectTask:
    """How far a task is, 0 to 100 %, today or ``on`` a day before; 100 is done. Its organisation has taken part if it
    got further. Raises Invalid unless the project runs, Conflict, NotFound, Refused."""

    def work(write: Write) -> ProjectTask:
        task = write.read(ProjectTask, community_id, id)
        project = _open_project(write, community_id, task.project_id)
        if project.state is not ProjectState.RUNNING:
            raise Invalid({"state": Message(msg("The project has not begun. Start it first."))})
        day = _day(write, community_id, on)
        if task.steps and day < task.steps[-1].on:
            raise Invalid({"on": Message(msg("Progress of a later day is noted already."))})
        said = (note or "").strip() or None
        step = build(TaskStep, {"on": day, "by": write.actor.name, "progress": progress, "note": said})
        changes = {"done_on": day if progress == 100 else None, "progress": progress}
        if task.done_on is not None and progress == 100:
            changes["done_on"] = task.done_on
        steps = (*task.steps, step)[-200:]
        changed = write.update(ProjectTask, community_id, id, revision, {**changes, "steps": steps})
        if task.organization_id is not None and progress > task.progress:
            what = f"{project.name}：{task.name}"[:200]
            note_part(write, community_id, task.organization_id, Way.PROJECT, what, day, project_id=project.id)
        return changed

    return store.write(actor, work)


def _open_project(write: Write, community_id: str, id: str) -> Project:
    project = write.referred(Project, community_id, "project_id", id)
    if project.state not in RUNNING:
        raise Invalid({"project_id": Message(msg("This project is over. Take it up again first."))})
    return project


def add_milestone(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Milestone:
    """Give a project a milestone. Raises Invalid, Refused."""
    return store.insert(actor, build(Milestone, {**values, "community_id": community_id}), key=key)


def edit_milestone(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Milestone:
    """Change it, or say when it was reached. Raises Invalid, Conflict, NotFound, Refused."""
    return store.update(actor, Milestone, community_id, id, revision, changes)


def remove_milestone(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take it out. Raises Conflict, NotFound, Refused."""
    store.delete(actor, Milestone, community_id, id, revision)
