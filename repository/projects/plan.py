"""How far a project is, how far it should be, and what is unclear about it. Pure.

Progress is Σ weight × progress of the tasks, as Decidim's results have it; planned progress is the same sum over the
share of each task's time that has passed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from repository.projects.records import RUNNING, Project, ProjectTask
from repository.record import Choice
from repository.words import msg

BEHIND = 0.1
"""So far below its plan a project is said to be behind."""


class Gap(Choice):
    """What a project lacks for everybody to know what is to be done (section 3.2: 目标、任务和职责不清晰)."""

    GOAL = "goal", msg("no goal")
    TARGET = "target", msg("no measurable target")
    DUE = "due", msg("no due day")
    TASKS = "tasks", msg("no tasks")
    RESPONSIBLE = "responsible", msg("tasks without anybody responsible")
    TASK_DUE = "task_due", msg("tasks without a due day")
    DUTY = "duty", msg("tasks whose duty is not spelt out")
    GONE = "gone", msg("tasks of somebody who is not active any more")


@dataclass(frozen=True)
class Missing:
    """A gap, and how many tasks have it (0 where it is the project's own)."""

    gap: Gap
    tasks: int = 0


def gaps(project: Project, tasks: Sequence[ProjectTask], gone: Collection[str] = frozenset()) -> tuple[Missing, ...]:
    """What is unclear, in the order in which it is best mended; nothing of a project that is over. ``gone`` are the
    people and organisations that are not active any more: what is still to be done and lies with them alone is nobody's
    duty."""
    if project.state not in RUNNING:
        return ()
    own = {
        Gap.GOAL: not (project.goal or "").strip(),
        Gap.TARGET: project.target is None or not (project.target_unit or "").strip(),
        Gap.DUE: project.due_on is None,
        Gap.TASKS: not tasks,
    }
    found = [Missing(gap) for gap, lacks in own.items() if lacks]
    counted = {
        Gap.RESPONSIBLE: sum(task.organization_id is None and task.person_id is None for task in tasks),
        Gap.TASK_DUE: sum(task.due_on is None for task in tasks),
        Gap.DUTY: sum(not (task.duty or "").strip() for task in tasks),
        Gap.GONE: sum(task.done_on is None and _left(task, gone) for task in tasks),
    }
    return (*found, *(Missing(gap, n) for gap, n in counted.items() if n))


def _left(task: ProjectTask, gone: Collection[str]) -> bool:
    answers = [id for id in (task.organization_id, task.person_id) if id is not None]
    return bool(answers) and all(id in gone for id in answers)


def shares(tasks: Sequence[ProjectTask]) -> list[float]:
    """Each task's share of the whole, adding up to 1: its weight ÷ all weights. A missing weight is the mean of those
    given; where none is given, or all are 0, all are alike."""
    given = [task.weight for task in tasks if task.weight is not None]
    mean = sum(given) / len(given) if given else 1.0
    weights = [mean if task.weight is None else task.weight for task in tasks]
    total = sum(weights)
    return [weight / total for weight in weights] if total else [1 / len(tasks) for _task in tasks]


def progress(tasks: Sequence[ProjectTask], on: date | None = None) -> float | None:
    """How far it is, 0 to 1: now, or as it had been reported by the end of a day. None without tasks."""
    if not tasks:
        return None
    return sum(share * _reported(task, on) for share, task in zip(shares(tasks), tasks, strict=True))


def _reported(task: ProjectTask, on: date | None) -> float:
    if on is None:
        return task.progress / 100
    if task.done_on is not None and task.done_on <= on:
        return 1.0
    return next((step.progress / 100 for step in reversed(task.steps) if step.on <= on), 0.0)


def planned(project: Project, tasks: Sequence[ProjectTask], on: date) -> float | None:
    """How far it should be by the end of a day, 0 to 1, if each task were worked on evenly from its first day to its
    due day; of a task that lacks them the project's count. None where neither names them all."""
    total = 0.0
    for share, task in zip(shares(tasks) if tasks else (), tasks, strict=True):
        first, last = task.starts_on or project.starts_on, task.due_on or project.due_on
        if last is None:
            return None
        if first is None or first > last:
            first = last
        total += share * min(1.0, max(0.0, ((on - first).days + 1) / ((last - first).days + 1)))
    return total if tasks else None


@dataclass(frozen=True)
class Point:
    """A day of a project's course; ``actual`` is None on days to come."""

    on: date
    planned: float | None
    actual: float | None


def course(project: Project, tasks: Sequence[ProjectTask], today: date, most: int = 24) -> tuple[Point, ...]:
    """Plan and progress at no more than ``most`` days, evenly from the first day of the plan to the last, or to today
    where it is late."""
    if not tasks:
        return ()
    firsts = [day for task in tasks if (day := task.starts_on or project.starts_on)]
    firsts += [step.on for task in tasks for step in task.steps[:1]]
    lasts = [day for task in tasks if (day := task.due_on or project.due_on)]
    end = project.ended_on or today
    first, last = min([*firsts, end]), max([*lasts, end])
    length = (last - first).days
    days = sorted({first + timedelta(days=round(length * step / (most - 1))) for step in range(most)} | {end})
    return tuple(Point(day, planned(project, tasks, day), progress(tasks, day) if day <= end else None) for day in days)


def behind(actual: float | None, plan: float | None) -> bool:
    """Whether it is clearly below its plan."""
    return actual is not None and plan is not None and actual < plan - BEHIND


# --- metric U3
@dataclass(frozen=True)
class Span:
    """What was to be done until ``due``; ``done`` when it was, ``dropped`` when it was given up."""

    due: date | None
    done: date | None
    dropped: date | None = None


def overdue(spans: Iterable[Span], as_of: date) -> int:
    """How many are open and past their due day on that morning."""
    return sum(
        span.due is not None
        and span.due < as_of
        and (span.done is None or span.done >= as_of)
        and (span.dropped is None or span.dropped >= as_of)
        for span in spans
    )
