"""Patrols as they are planned and as they were walked."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.grids import Tier
from repository.patrols.doors import MOST_DOORS
from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Index,
    Part,
    Record,
    Ref,
    Shown,
    day_then,
    entered_later,
    rewound,
)
from repository.rollups import Atom, path_key
from repository.store import FieldProblem
from repository.words import msg

MOST_FINDINGS = 40
BY_OFFICER = ("community_id", "officer_id", "walked_on", "households")


class PatrolKind(Choice):
    """What a patrol is for."""

    HOUSEHOLDS = "households", msg("Visits to homes"), "入户走访", "走访", "入户"
    FACILITIES = "facilities", msg("Facilities"), "设施巡查", "设施"
    SAFETY = "safety", msg("Safety points"), "安全点位", "安全巡查", "安全"


class Within(Choice):
    """The stretch of time in which so many households are to be visited."""

    MONTH = "month", msg("Month"), "月", "每月"
    QUARTER = "quarter", msg("Quarter"), "季", "每季"
    YEAR = "year", msg("Year"), "年", "每年"


class PatrolPlan(Record):
    """Whoever holds a post walks a grid every so many days. A plan whose rhythm changes ends, and another one begins:
    so what was planned in the past stays what it was."""

    collection = "patrol_plans"
    title = msg("Patrol plans")
    natural_key = ("name",)
    indexes = (
        Index(("community_id", "grid_id"), "the plans of a grid"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    stirred = ("updated_at",)
    traced = frozenset({"until"})  # whatever else is changed is put right for its past too

    name: Annotated[str, Shown(aliases=("计划名称",))] = Field(min_length=1, max_length=LINE, title=msg("Name"))
    grid_id: Annotated[str, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        min_length=1, max_length=64, title=msg("Grid")
    )
    kind: Annotated[PatrolKind, Shown(aliases=("巡查内容", "类型"))] = Field(
        default=PatrolKind.HOUSEHOLDS, title=msg("Kind of patrol")
    )
    tier: Annotated[Tier, Shown(aliases=("岗位", "巡查岗位"))] = Field(
        default=Tier.GRID_LEAD, title=msg("Walked by the holder of")
    )
    every_days: Annotated[int, Shown(unit=msg("days"), aliases=("间隔天数", "周期"))] = Field(
        ge=1, le=366, title=msg("Every")
    )
    since: Annotated[date, Day(aliases=("开始日期",))] = Field(
        ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("First due on")
    )
    until: Annotated[date | None, Day(aliases=("结束日期",))] = Field(
        default=None,
        ge=date(1990, 1, 1),
        le=date(2100, 12, 31),
        title=msg("Planned until"),
        description=msg("Of a plan that is over: its last day"),
    )
    households: Annotated[int | None, Shown(unit=msg("households"), aliases=("走访户数", "应走访户数"))] = Field(
        default=None, ge=1, le=1_000_000, title=msg("Households to visit")
    )
    within: Annotated[Within, Shown(aliases=("走访周期",))] = Field(default=Within.MONTH, title=msg("In each"))

    @field_validator("until")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("since")
        if value and since and value < since:
            raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: there since its first day, else since it was entered; an end by then is one, whenever
        somebody wrote it down."""
        day = day_then(moment, zone)
        if entered_later(document, moment) and document["since"] > day:
            return None
        ended = document.get("until")
        return dict(document) if ended is not None and ended <= day else rewound(document, was)

    def runs_on(self, day: date) -> bool:
        """Whether it asks for patrols on a day."""
        return self.since <= day and (self.until is None or day <= self.until)

    def planned(self, first: date, last: date) -> int:
        """How many patrols it asks for from one day to another, both included."""
        end = min(last, self.until) if self.until else last
        if end < self.since or end < first:
            return 0
        before = max(0, -((self.since - first).days // self.every_days)) if first > self.since else 0
        return (end - self.since).days // self.every_days + 1 - before

    def next_due(self, last_on: date | None) -> date:
        """When the next patrol is due, after the last one or none."""
        return self.since if last_on is None else max(self.since, last_on + timedelta(days=self.every_days))


class Became(Choice):
    """What a finding became."""

    ORDER = "order", msg("Work order"), "工单"
    HAZARD = "hazard", msg("Hazard"), "隐患"
    REQUEST = "request", msg("Request"), "诉求"


class PatrolFinding(Part):
    """Something an officer met on the way, and the record it became."""

    text: str = Field(min_length=1, max_length=LINE * 2, title=msg("What was found"))
    became: Became | None = Field(default=None, title=msg("What it became"))
    ref: str | None = Field(default=None, max_length=64, title=msg("Id of what it became"))


class Patrol(Record):
    """A walk through a grid. ``households`` are those visited on it; ``doors`` are their keys (see ``doors``), by which
    a household counts once in a period. Where only the number was noted nobody can tell whether it was the same ones
    again, so they count as visits and not as coverage."""

    collection = "patrols"
    title = msg("Patrols")
    name_field = "kind"
    indexes = (
        Index(("community_id", "walked_on", "grid_id"), "newest first; a month's rebuild; whom a period reached"),
        Index(("community_id", "plan_id", "walked_on"), "when a plan was last walked"),
        Index(BY_OFFICER, "what an officer walked between two days, from index keys"),
        Index(
            ("community_id", "findings.ref"),
            "on which patrol something was found",
            where={"findings.ref": {"$exists": True}},
        ),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("patrols", "patrol_officers", "patrol_rounds", "patrol_doors")
    moments = ("walked_on",)
    began = "walked_on"

    kind: Annotated[PatrolKind, Shown(aliases=("巡查内容", "类型"))] = Field(
        default=PatrolKind.HOUSEHOLDS, title=msg("Kind of patrol")
    )
    grid_id: Annotated[str, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        min_length=1, max_length=64, title=msg("Grid")
    )
    plan_id: Annotated[str | None, Ref(to="patrol_plans", aliases=("计划",))] = Field(
        default=None, max_length=64, title=msg("Patrol plan")
    )
    officer_id: Annotated[str | None, Ref(to="people", aliases=("巡查人", "网格员"))] = Field(
        default=None, max_length=64, title=msg("Officer")
    )
    walked_on: Annotated[date, Day(aliases=("巡查日期", "日期"))] = Field(
        ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("Walked on")
    )
    minutes: Annotated[int | None, Shown(unit=msg("minutes"), aliases=("时长",))] = Field(
        default=None, ge=1, le=1440, title=msg("Time taken")
    )
    households: Annotated[int, Shown(unit=msg("households"), aliases=("走访户数",))] = Field(
        default=0, ge=0, le=10_000, title=msg("Households visited")
    )
    doors: Annotated[tuple[Annotated[str, Field(max_length=24)], ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=MOST_DOORS, title=msg("Keys of the doors")
    )
    findings: Annotated[tuple[PatrolFinding, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=MOST_FINDINGS, title=msg("Findings")
    )
    remark: Annotated[str | None, Shown(long=True, aliases=("备注",))] = Field(
        default=None, max_length=PAGE, title=msg("Remark")
    )

    def to_document(self) -> dict[str, Any]:
        """As every record's, with the number of households made to agree with the doors where these are known."""
        document = super().to_document()
        if self.doors:
            document["households"] = len(self.doors)
        return document

    @staticmethod
    def contributions(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:  # noqa: ARG004
        """In the month it was walked, by grid and kind: ``walked``, ``visits``, ``minutes``, ``found``; by officer the
        first three of these; by plan ``walked``; and how often each door was visited, all of a month and grid in one
        document, by its key (``doors.KEY``)."""
        day, grid = document["walked_on"], document["grid_id"]
        month = f"{day.year:04d}-{day.month:02d}"  # a calendar day: no time zone moves it
        facts = {"walked": 1, "visits": document.get("households", 0), "minutes": document.get("minutes") or 0}
        for name, n in {**facts, "found": len(document.get("findings", ()))}.items():
            if n:
                yield ("patrols", "month", month, grid, document["kind"], name), n
        if officer := document.get("officer_id"):
            for name, n in facts.items():
                if n:
                    yield ("patrol_officers", "cells", month, grid, officer, name), n
        if plan := document.get("plan_id"):
            yield ("patrol_rounds", "cells", month, grid, plan, "walked"), 1
        for door in document.get("doors", ()):
            yield ("patrol_doors", "cells", month, grid, "", f"doors.{path_key(door)}"), 1
