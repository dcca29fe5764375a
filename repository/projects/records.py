"""Co-construction projects: what is to be different, who does what until when, and what came of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Deed,
    Flag,
    Index,
    Part,
    Record,
    Ref,
    Shown,
    day_then,
    entered_later,
    far_away,
    rewound,
)
from repository.rollups import Atom
from repository.store import FieldProblem
from repository.words import msg

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
Ids = tuple[Annotated[str, Field(max_length=64)], ...]


class ProjectState(Choice):
    """Where a project stands."""

    PLANNED = "planned", msg("Planned"), "计划中", "筹备"
    RUNNING = "running", msg("Running"), "进行中", "实施中"
    DONE = "done", msg("Finished"), "已完成", "完成"
    STOPPED = "stopped", msg("Stopped"), "已停止", "终止"


RUNNING = (ProjectState.PLANNED, ProjectState.RUNNING)
"""The states in which something is still to be done."""


class ProjectStep(Choice):
    """What happened to a project."""

    ENTERED = "entered", msg("Entered")
    STARTED = "started", msg("Started")
    FINISHED = "finished", msg("Finished")
    STOPPED = "stopped", msg("Stopped")
    RESUMED = "resumed", msg("Taken up again")


class ProjectEvent(Deed):
    """One step of a project's story."""

    step: ProjectStep = Field(title=msg("Step"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))


def _in_order(value: date | None, info: ValidationInfo) -> date | None:
    since = info.data.get("starts_on")
    if value and since and value < since:
        raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
    return value


class Project(Record):
    """What several organisations and the community do together (共建项目). What is missing for its goal and its duties
    to be clear is named by ``plan.gaps``, not refused: a project begins as an idea."""

    collection = "projects"
    title = msg("Projects")
    grid_field = None
    natural_key = ("name",)
    indexes = (
        Index(("community_id", "name"), "a name is one project's", unique=True),
        Index(("community_id", "ended_on"), "those that are not over; those of a period; a month's rebuild"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("projects",)
    moments = ("ended_on",)
    stirred = ("updated_at",)
    traced = frozenset(
        {
            *("goal", "measure", "target", "target_unit", "lead_id", "organization_id", "participants", "grid_id"),
            *("starts_on", "due_on", "activity_ids", "state", "ended_on", "reason", "result", "achieved"),
            "residents_reached",
        }
    )

    name: Annotated[str, Shown(aliases=("项目", "项目名称", "共建项目"))] = Field(
        min_length=1, max_length=120, title=msg("Name")
    )
    goal: Annotated[str | None, Shown(long=True, aliases=("目标", "项目目标"))] = Field(
        default=None, max_length=PAGE, title=msg("Goal"), description=msg("What will be different for residents")
    )
    measure: Annotated[str | None, Shown(aliases=("衡量指标", "指标"))] = Field(
        default=None, max_length=LINE, title=msg("Measured by"), description=msg("Such as: elderly people served lunch")
    )
    target: Annotated[float | None, Shown(aliases=("目标值",))] = Field(
        default=None, ge=0, le=1e12, title=msg("Target")
    )
    target_unit: Annotated[str | None, Shown(aliases=("目标单位", "计量单位"))] = Field(
        default=None, max_length=20, title=msg("Unit of target")
    )
    lead_id: Annotated[str | None, Ref(to="people", aliases=("负责人", "项目负责人"))] = Field(
        default=None, max_length=64, title=msg("Led by")
    )
    organization_id: Annotated[str | None, Ref(to="organizations", aliases=("牵头单位", "主责单位"))] = Field(
        default=None, max_length=64, title=msg("Leading organisation")
    )
    participants: Annotated[Ids, Ref(to="organizations", form=False, table=False)] = Field(
        default=(), max_length=50, title=msg("Organisations taking part")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格",))] = Field(
        default=None, max_length=64, title=msg("Grid"), description=msg("Empty when it is for the whole community")
    )
    starts_on: Annotated[date | None, Day(aliases=("开始日期", "启动日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Begins on")
    )
    due_on: Annotated[date | None, Day(aliases=("截止日期", "计划完成", "完成期限"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("To be finished by")
    )
    activity_ids: Annotated[Ids, Ref(to="activities", form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Activities held for it")
    )
    state: Annotated[ProjectState, Shown(form=False, aliases=("状态", "进展"))] = Field(
        default=ProjectState.PLANNED, title=msg("State")
    )
    ended_on: Annotated[date | None, Day(form=False, aliases=("完成日期", "结束日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Ended on"), validate_default=True
    )
    reason: Annotated[str | None, Shown(form=False, aliases=("停止原因",))] = Field(
        default=None, max_length=PAGE, title=msg("Why it was stopped")
    )
    result: Annotated[str | None, Shown(long=True, form=False, aliases=("成果", "项目成果"))] = Field(
        default=None, max_length=PAGE, title=msg("What came of it")
    )
    achieved: Annotated[float | None, Shown(form=False, aliases=("实际值", "完成值"))] = Field(
        default=None, ge=0, le=1e12, title=msg("Achieved")
    )
    residents_reached: Annotated[int | None, Shown(unit=msg("people"), form=False, aliases=("受益人数",))] = Field(
        default=None, ge=0, le=10_000_000, title=msg("Residents reached")
    )
    events: Annotated[tuple[ProjectEvent, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=200, title=msg("Story")
    )

    @field_validator("due_on")
    @classmethod
    def _due_in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        return _in_order(value, info)

    @field_validator("ended_on")
    @classmethod
    def _ended(cls, value: date | None, info: ValidationInfo) -> date | None:
        state = info.data.get("state")
        if state is not None and (value is None) != (state in RUNNING):
            raise FieldProblem(msg("What is finished or stopped bears the day it ended, and nothing else does."))
        return (
            value if state is ProjectState.STOPPED else _in_order(value, info)
        )  # an idea may be given up before it began

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: one that had ended by then had, whenever somebody wrote it down; one that was taken up
        again had never ended."""
        day, end = day_then(moment, zone), ("ended_on", "reason", "result", "achieved", "residents_reached")
        ended, story = document.get("ended_on"), document.get("events", ())
        known = [each for each in (ended, document.get("starts_on")) if each is not None]
        if entered_later(document, moment) and not any(each <= day for each in known):
            return None
        told = [event for event in story if event["at"] <= moment]
        then = {**document, **({"events": told} if story else {})}
        if ended is not None and ended <= day:
            return rewound(then, {name: value for name, value in was.items() if name not in ("state", *end)})
        then = rewound(then, was)
        if "ended_on" in then:
            begun = any(event["step"] == ProjectStep.STARTED.value for event in told) or not story
            state = ProjectState.RUNNING if begun else ProjectState.PLANNED
            then = rewound(then, {**dict.fromkeys(end), "state": state.value})
        return then

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """A year no project here can have."""
        if far_away(document.get("due_on")):
            yield Flag.YEAR_FAR_AWAY

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``on_time``, ``late``, ``no_due`` or ``stopped``, in the month it ended."""
        if (ended := document.get("ended_on")) is None:
            return
        stopped = document["state"] == ProjectState.STOPPED.value
        name = "stopped" if stopped else judged(ended, document.get("due_on"))
        yield ("projects", "month", f"{ended.year:04d}-{ended.month:02d}", "", "", name), 1

    def days_late(self, on: date) -> int:
        """Days past its due day while it is not over; 0 otherwise."""
        if self.due_on is None or self.state not in RUNNING:
            return 0
        return max(0, (on - self.due_on).days)


def judged(ended: datetime, due: datetime | None) -> str:
    """The counter that what was finished adds to. Without a due day it is neither in time nor late (rule R10)."""
    return "no_due" if due is None else "on_time" if ended <= due else "late"


class TaskStep(Part):
    """Progress as it was reported."""

    on: Annotated[date, Day()] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("On day"))
    by: str = Field(max_length=LINE, title=msg("By"))
    progress: int = Field(ge=0, le=100, title=msg("Progress"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))


class ProjectTask(Record):
    """A task of a project: what exactly is to be done, by whom, until when, and how heavy it weighs."""

    collection = "project_tasks"
    title = msg("Project tasks")
    grid_field = None
    natural_key = ("project_id", "name")
    indexes = (
        Index(("community_id", "project_id", "due_on"), "a project's tasks"),
        Index(("community_id", "done_on", "due_on"), "what is open, the longest overdue first; a month's rebuild"),
        Index(("community_id", "organization_id"), "an organisation's", where={"organization_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("project_tasks",)
    moments = ("done_on",)
    stirred = ("updated_at",)
    traced = frozenset(
        {"project_id", "duty", "organization_id", "person_id", "weight", "starts_on", "due_on", "done_on", "progress"}
    )
    ends_removed = True

    project_id: Annotated[str, Ref(to="projects", aliases=("项目", "项目名称", "共建项目"))] = Field(
        max_length=64, title=msg("Project")
    )
    name: Annotated[str, Shown(aliases=("任务", "任务名称"))] = Field(min_length=1, max_length=LINE, title=msg("Task"))
    duty: Annotated[str | None, Shown(long=True, aliases=("职责", "任务要求", "工作内容"))] = Field(
        default=None,
        max_length=PAGE,
        title=msg("Duty"),
        description=msg("What exactly whoever is responsible has to do"),
    )
    organization_id: Annotated[str | None, Ref(to="organizations", aliases=("责任单位",))] = Field(
        default=None, max_length=64, title=msg("Responsible organisation")
    )
    person_id: Annotated[str | None, Ref(to="people", aliases=("责任人",))] = Field(
        default=None, max_length=64, title=msg("Responsible person")
    )
    weight: Annotated[float | None, Shown(aliases=("权重",))] = Field(
        default=None,
        ge=0,
        le=1_000_000,
        title=msg("Weight"),
        description=msg("Against the other tasks' weights; empty: as heavy as they are on average"),
    )
    starts_on: Annotated[date | None, Day(aliases=("开始日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Begins on")
    )
    due_on: Annotated[date | None, Day(aliases=("截止日期", "完成期限"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Due on")
    )
    done_on: Annotated[date | None, Day(form=False, aliases=("完成日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Done on")
    )
    progress: Annotated[int, Shown(unit="%", form=False, aliases=("进度", "完成进度"))] = Field(
        default=0, ge=0, le=100, title=msg("Progress"), validate_default=True
    )
    steps: Annotated[tuple[TaskStep, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=200, title=msg("Story")
    )

    @field_validator("due_on")
    @classmethod
    def _due_in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        return _in_order(value, info)

    @field_validator("progress")
    @classmethod
    def _done(cls, value: int, info: ValidationInfo) -> int:
        done = info.data.get("done_on")
        if value == 100 and done is None and "done_on" in info.data:
            raise FieldProblem(msg("What is done bears the day it was done."))
        return 100 if done is not None else value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: as far as had been reported by that day."""
        day, steps = day_then(moment, zone), document.get("steps", ())
        done = document.get("done_on")
        known = [each for each in (done, document.get("starts_on"), *(step["on"] for step in steps[:1])) if each]
        if entered_later(document, moment) and not any(each <= day for each in known):
            return None
        told = [step for step in steps if step["on"] <= day]
        then = {**document, **({"steps": told} if steps else {})}
        if done is not None and done <= day:
            return rewound(then, {name: value for name, value in was.items() if name not in ("done_on", "progress")})
        then = rewound(then, was)
        if steps:
            then["progress"] = told[-1]["progress"] if told else 0
        return rewound(then, {"done_on": None, "progress": 0 if "done_on" in then and not steps else then["progress"]})

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``on_time``, ``late`` or ``no_due``, in the month it was done; the category is the organisation."""
        if (done := document.get("done_on")) is None:
            return
        month, of = f"{done.year:04d}-{done.month:02d}", document.get("organization_id") or ""
        yield ("project_tasks", "month", month, "", of, judged(done, document.get("due_on"))), 1

    def days_late(self, on: date) -> int:
        """Days past its due day while it is not done; 0 otherwise."""
        return 0 if self.due_on is None or self.done_on is not None else max(0, (on - self.due_on).days)


class Milestone(Record):
    """A day on which something of a project is to stand."""

    collection = "milestones"
    title = msg("Milestones")
    grid_field = None
    natural_key = ("project_id", "name")
    indexes = (Index(("community_id", "project_id", "due_on"), "a project's milestones"),)
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset({"due_on", "reached_on"})
    ends_removed = True

    project_id: Annotated[str, Ref(to="projects", aliases=("项目", "项目名称"))] = Field(
        max_length=64, title=msg("Project")
    )
    name: Annotated[str, Shown(aliases=("里程碑", "节点"))] = Field(
        min_length=1, max_length=LINE, title=msg("Milestone")
    )
    due_on: Annotated[date, Day(aliases=("日期", "计划日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("To stand by")
    )
    reached_on: Annotated[date | None, Day(aliases=("达成日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Reached on")
    )

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: reached by the day that somebody wrote down, whenever that was."""
        then = super().as_it_stood(document, moment, was, zone)
        if then is None:
            return None
        day, told = day_then(moment, zone), (each.get("reached_on") for each in (document, then))
        return rewound(then, {"reached_on": next((each for each in told if each and each <= day), None)})

    def days_late(self, on: date) -> int:
        """Days past its day while it is not reached; 0 otherwise."""
        return 0 if self.reached_on is not None else max(0, (on - self.due_on).days)
