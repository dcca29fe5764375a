"""What pages ask about co-construction projects."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from repository.access import Actor, Operation, reach, require, scope
from repository.filters import Is
from repository.metrics import Metric, Period, Value, last_months, ratio
from repository.organizations import Need, Organization, OrganizationGlance
from repository.organizations import glance as organizations_glance
from repository.organizations import glance_wanted as organizations_wanted
from repository.people import Person
from repository.projects.metrics import COMPLETION, OVERDUE, TASKS, UNCLEAR
from repository.projects.plan import Missing, Point, Span, behind, course, gaps, overdue, planned, progress
from repository.projects.records import RUNNING, Milestone, Project, ProjectState, ProjectTask
from repository.record import Record, midnight
from repository.store import Counters, Store, Wanted
from repository.targets import judged

Document = dict[str, Any]

LISTED = 500
SERIES = 12


@dataclass(frozen=True)
class Outline:
    """A project as it stands in a list. ``progress`` and ``planned`` are shares from 0 to 1, None without tasks (or
    without days to plan by)."""

    project: Project
    tasks: tuple[ProjectTask, ...]
    progress: float | None
    planned: float | None
    missing: tuple[Missing, ...]
    late: int
    """Days past its due day."""
    late_tasks: int

    @property
    def behind(self) -> bool:
        """Whether it is clearly below its plan."""
        return self.project.state in RUNNING and behind(self.progress, self.planned)


@dataclass(frozen=True)
class LateTask:
    """An overdue task of a project that is not over."""

    task: ProjectTask
    project: Project
    days: int


@dataclass(frozen=True)
class ProjectReview:
    """Metric U3 with the lists behind it. ``outlines``: the projects that are not over, the most late first, then those
    that ended in the period."""

    completion: Value
    tasks: Value
    unclear: Value
    overdue: Value
    outlines: tuple[Outline, ...]
    late_tasks: tuple[LateTask, ...]

    @property
    def open(self) -> tuple[Outline, ...]:
        """Those that are not over."""
        return tuple(one for one in self.outlines if one.project.state in RUNNING)


@dataclass(frozen=True)
class ProjectStory:
    """One project with all that belongs to it."""

    outline: Outline
    milestones: tuple[Milestone, ...]
    needs: tuple[Need, ...]
    course: tuple[Point, ...]


# --- registers
def projects(store: Store, actor: Actor, community_id: str) -> list[Project]:
    """All of them, those not over first, then the last ended ones. At most LISTED."""
    running = store.find(actor, Project, community_id, {"ended_on": None}, sort=[("name", 1)], limit=LISTED)
    over = {"ended_on": Is(exists=True)}
    return running + store.find(actor, Project, community_id, over, sort=[("ended_on", -1)], limit=LISTED)


def project_names(store: Store, actor: Actor, community_id: str, *, over: bool = False) -> dict[str, str]:
    """The name by id of every project that is not over, or of all."""
    where = {} if over else {"ended_on": None}
    return {one.id: one.name for one in store.find(actor, Project, community_id, where, sort=[("name", 1)], limit=1000)}


def project(store: Store, actor: Actor, community_id: str, id: str, *, today: date) -> ProjectStory:
    """One with its tasks, milestones and the needs it is for. Raises NotFound, Refused."""
    found = store.get(actor, Project, community_id, id)
    of = {"project_id": id}
    tasks = store.find(actor, ProjectTask, community_id, of, sort=[("due_on", 1), ("_id", 1)], limit=LISTED)
    milestones = store.find(actor, Milestone, community_id, of, sort=[("due_on", 1)], limit=LISTED)
    needs = store.find(actor, Need, community_id, of, limit=LISTED)
    outline = _outline(found, tasks, today, _gone(store, actor, community_id))
    return ProjectStory(outline, tuple(milestones), tuple(needs), course(found, tasks, today))


def task(store: Store, actor: Actor, community_id: str, id: str) -> ProjectTask:
    """One task. Raises NotFound, Refused."""
    return store.get(actor, ProjectTask, community_id, id)


def milestone(store: Store, actor: Actor, community_id: str, id: str) -> Milestone:
    """One milestone. Raises NotFound, Refused."""
    return store.get(actor, Milestone, community_id, id)


def tasks_of(store: Store, actor: Actor, community_id: str, organization_id: str) -> list[ProjectTask]:
    """What an organisation has to do, the open ones first, by due day. At most LISTED."""
    where = {"organization_id": organization_id}
    found = store.find(actor, ProjectTask, community_id, where, sort=[("due_on", 1)], limit=LISTED)
    return sorted(found, key=lambda task: (task.done_on is not None, task.due_on or date.max))


_LEFT = {"active": False}


def _gone_wanted(actor: Actor, community_id: str) -> list[Wanted | Counters]:
    """What ``gaps`` wants to know: who is not active any more."""
    return [Wanted(each, scope(actor, each, community_id) | _LEFT, ("active",)) for each in (Person, Organization)]


def _gone(store: Store, actor: Actor, community_id: str) -> frozenset[str]:
    return _ids(store.together(actor, community_id, _gone_wanted(actor, community_id)))


def _ids(found: Sequence[Sequence[Document]]) -> frozenset[str]:
    return frozenset(row["_id"] for rows in found for row in rows)


def _outline(project: Project, tasks: Sequence[ProjectTask], today: date, gone: frozenset[str]) -> Outline:
    over = project.state not in RUNNING
    day = project.ended_on or today
    return Outline(
        project,
        tuple(tasks),
        progress(tasks),
        planned(project, tasks, day),
        gaps(project, tasks, gone),
        project.days_late(today),
        0 if over else sum(task.days_late(today) > 0 for task in tasks),
    )


# --- the review
@judged
def review(store: Store, actor: Actor, community_id: str, period: Period, *, today: date) -> ProjectReview:
    """Metric U3 of projects and of tasks, what is unclear and what is late. Raises Refused, Unavailable."""
    end = min(period.last, today)
    months = last_months(end, SERIES)
    since = midnight(min(Period.of(months[0]).first, period.first if period.kind != "ever" else end))
    not_over = {"$or": [{"ended_on": None}, {"ended_on": Is(gte=since)}]}
    found = store.find(actor, Project, community_id, not_over, sort=[("name", 1)], limit=LISTED)
    known = {one.id: one for one in found}
    shown = [one for one in found if one.ended_on is None or period.first <= one.ended_on <= end]
    of: dict[str, list[ProjectTask]] = defaultdict(list)
    here = {"project_id": Is(among=sorted(one.id for one in shown))}
    for task in store.find(actor, ProjectTask, community_id, here, sort=[("due_on", 1), ("_id", 1)], limit=10 * LISTED):
        of[task.project_id].append(task)
    gone = _gone(store, actor, community_id) if shown else frozenset()
    outlines = sorted(
        (_outline(one, of[one.id], today, gone) for one in shown),
        key=lambda one: (one.project.ended_on is not None, -one.late, one.project.due_on or date.max, one.project.name),
    )
    running = [one for one in outlines if one.project.state in RUNNING]
    late = [
        LateTask(task, one.project, days) for one in running for task in one.tasks if (days := task.days_late(today))
    ]
    spans = [_span(one) for one in found]
    return ProjectReview(
        _on_time(store, actor, community_id, COMPLETION, Project, spans, period, today),
        _on_time(
            store, actor, community_id, TASKS, ProjectTask, _task_spans(store, actor, community_id, since, known),
            period, today,
        ),
        _unclear(running),
        _overdue(running, [span for span in spans if span.done is None], today),
        tuple(outlines),
        tuple(sorted(late, key=lambda each: (-each.days, each.task.name))),
    )  # fmt: skip


def _span(one: Project) -> Span:
    stopped = one.state is ProjectState.STOPPED
    return Span(one.due_on, None if stopped else one.ended_on, one.ended_on if stopped else None)


def _task_spans(
    store: Store, actor: Actor, community_id: str, since: datetime, known: dict[str, Project]
) -> list[Span]:
    """Of the tasks that were open at some time since then; a task of what ended before is over with it."""
    rows = store.aggregate(
        actor,
        ProjectTask,
        community_id,
        [{"$project": {"project_id": 1, "due_on": 1, "done_on": 1}}, {"$limit": 20 * LISTED}],
        filter={"$or": [{"done_on": None}, {"done_on": Is(gte=since)}], "due_on": Is(exists=True)},
    )
    found = []
    for row in rows:
        if (of := known.get(row["project_id"])) is not None:
            done = row.get("done_on")
            found.append(Span(row["due_on"].date(), done.date() if done else None, of.ended_on))
    return found


def _closed(store: Store, actor: Actor, community_id: str, record: type[Record]) -> dict[str, Counter[str]]:
    """Month -> how many were finished on time and late."""
    require(actor, Operation.READ, record.collection)
    reach(actor, community_id)  # a project is no grid's
    rows = store.counters(community_id, record.collection, "month", {}, {"period": 1, "total": 1})
    return {row["period"]: Counter(row.get("total", {})) for row in rows}


def _on_time(
    store: Store,
    actor: Actor,
    community_id: str,
    metric: Metric,
    record: type[Record],
    spans: Sequence[Span],
    period: Period,
    today: date,
) -> Value:
    closed = _closed(store, actor, community_id, record)

    def rate(months: Sequence[str], last: date) -> tuple[float | None, int]:
        flows = sum((closed[month] for month in months if month in closed), Counter[str]())
        late = overdue(spans, min(today, last + timedelta(days=1)))
        n = flows["on_time"] + flows["late"] + late
        return ratio(flows["on_time"], n), n

    value, n = rate(list(closed) if period.kind == "ever" else period.months, period.last)
    series = [
        (month, rate([month], Period.of(month).last)[0]) for month in last_months(min(period.last, today), SERIES)
    ]
    return Value(metric, value, n, tuple(series))


def _unclear(running: Sequence[Outline]) -> Value:
    return Value(UNCLEAR, sum(bool(one.missing) for one in running) if running else None, len(running))


def _overdue(running: Sequence[Outline], spans: Sequence[Span], today: date) -> Value:
    return Value(OVERDUE, overdue(spans, today), len(running))


# --- for the overview
@dataclass(frozen=True)
class CoConstructionGlance:
    """What the overview says of stationed organisations and what is done together: the page's own values."""

    organizations: OrganizationGlance
    unclear: Value


@judged
def glance(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    today: date,
    within: Sequence[Sequence[Document]] | None = None,
) -> CoConstructionGlance:
    """In two small commands, whatever the history. ``within``: if what is ``glance_wanted`` and then ``tasks_wanted``
    was read already. Raises Refused, Unavailable."""
    if within is None:
        wanted = glance_wanted(actor, community_id, period, grids, today=today)
        found = store.together(actor, community_id, wanted)
        further = tasks_wanted(actor, community_id, found[0])
        within = [*found, *(store.together(actor, community_id, further) if further else ())]
    rows, gone, others, tasks = within[0], _ids(within[1:3]), within[3:6], within[6:]
    running = [Project.from_document(row) for row in rows]
    of: dict[str, list[ProjectTask]] = defaultdict(list)
    for task in (ProjectTask.from_document(each) for each in chain(*tasks)):
        of[task.project_id].append(task)
    return CoConstructionGlance(
        organizations_glance(store, actor, community_id, period, grids, today=today, within=others),
        _unclear([_outline(one, of[one.id], today, gone) for one in running]),
    )


def glance_wanted(
    actor: Actor, community_id: str, period: Period, grids: frozenset[str] | None = None, *, today: date
) -> list[Wanted | Counters]:
    """What ``glance`` reads first."""
    running = scope(actor, Project, community_id) | {"ended_on": None}
    organizations = organizations_wanted(actor, community_id, period, grids, today=today)
    return [Wanted(Project, running, first=("name", LISTED)), *_gone_wanted(actor, community_id), *organizations]


def tasks_wanted(actor: Actor, community_id: str, running: Sequence[Document]) -> list[Wanted]:
    """What ``glance`` reads when it knows the projects."""
    if not running:
        return []
    of = scope(actor, ProjectTask, community_id) | {"project_id": Is(among=sorted(each["_id"] for each in running))}
    return [Wanted(ProjectTask, of, first=("_id", 10 * LISTED))]
