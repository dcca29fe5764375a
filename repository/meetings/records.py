"""Meetings, the decisions they take and what they give people to do. Pure: no I/O."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.metrics import Period, PeriodTrouble
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
    clock_time,
    day_then,
    entered_later,
    far_away,
    rewound,
)
from repository.rollups import Atom
from repository.store import FieldProblem
from repository.words import msg

MINUTES = 20_000
"""Characters in the minutes of one meeting."""
AGENDA = 60
"""Items on one agenda, at most."""
FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2100, 12, 31)
Id = Annotated[str, Field(max_length=64)]


class MeetingKind(Choice):
    """The cadence of section 2.2 of the source document: each month's beginning, each quarter's end, each year's
    beginning, and when something comes up."""

    MONTHLY = "monthly", msg("Start-of-month meeting"), "月初例会", "月例会", "例会", "每月例会"
    QUARTERLY = "quarterly", msg("End-of-quarter review"), "季末总结", "季末总结例会", "季度总结", "季度例会"
    ANNUAL = "annual", msg("Start-of-year leading group"), "年初领导小组会", "领导小组会议", "年度会议"
    AD_HOC = "ad_hoc", msg("Ad hoc meeting"), "临时会议", "临时", "紧急会议", "专题会议"


REQUIRED = (MeetingKind.MONTHLY, MeetingKind.QUARTERLY, MeetingKind.ANNUAL)
"""The kinds that must be held: 12 + 4 + 1 a year."""
SERIES: Mapping[MeetingKind, MeetingKind] = MappingProxyType(
    {**{kind: kind for kind in REQUIRED}, MeetingKind.AD_HOC: MeetingKind.MONTHLY}
)
"""Which meetings take up what one has given people to do; an ad hoc meeting has no next one, the month's has."""


class MeetingStatus(Choice):
    """Whether it takes place."""

    PLANNED = "planned", msg("Planned"), "计划中", "待召开"
    HELD = "held", msg("Has been held"), "已召开", "已开"
    CANCELLED = "cancelled", msg("Cancelled"), "已取消", "取消"


class Linked(Choice):
    """What else an agenda item or a decision is about; the value is the collection."""

    ACTION_ITEM = "action_items", msg("Action item")
    DECISION = "decisions", msg("Decision of a meeting")
    WORK_ORDER = "work_orders", msg("Work order")
    FACILITY = "facilities", msg("Facility")
    HAZARD = "hazards", msg("Hazard")
    MAINTENANCE_PLAN = "maintenance_plans", msg("Maintenance plan")
    INSPECTION_PLAN = "inspection_plans", msg("Inspection plan")
    ACTIVITY = "activities", msg("Activity")
    ORGANIZATION = "organizations", msg("Organisation")
    PROJECT = "projects", msg("Co-construction project")
    REQUEST = "requests", msg("Resident's request")


class Link(Part):
    """Another record that something is about."""

    about: Linked = Field(title=msg("About"))
    ref: str = Field(max_length=64, title=msg("Which"))


class AgendaItem(Part):
    """One item of an agenda, in its place."""

    text: str = Field(min_length=1, max_length=LINE, title=msg("Item"))
    minutes: int | None = Field(default=None, ge=0, le=600, title=msg("Minutes planned"))
    link: Link | None = Field(default=None, title=msg("About"))


class Outcome(Choice):
    """How a decision came about. The source document wants consensus before anything is carried out."""

    CONSENSUS = "consensus", msg("Consensus reached"), "达成共识", "一致通过"
    MAJORITY = "majority", msg("By majority"), "多数通过", "表决通过"
    ADJOURNED = "adjourned", msg("Adjourned"), "暂缓", "延后再议"


class Resolved(Part):
    """A decision as the minutes have it."""

    text: str = Field(max_length=PAGE, title=msg("What is decided"))
    outcome: Outcome = Field(title=msg("How it came about"))
    votes_for: int | None = Field(default=None, title=msg("Votes for"))
    votes_against: int | None = Field(default=None, title=msg("Votes against"))
    abstained: int | None = Field(default=None, title=msg("Abstentions"))


class Given(Part):
    """An action item as the minutes have it."""

    what: str = Field(max_length=LINE, title=msg("Action item"))
    owner_id: str = Field(max_length=64, title=msg("Owner"))
    due_on: date = Field(title=msg("Due"))


class Version(Part):
    """Final minutes: never changed again. A correction is the next number, and says why."""

    number: int = Field(ge=1, title=msg("Version"))
    text: str = Field(max_length=MINUTES, title=msg("Minutes"))
    at: datetime = Field(title=msg("At"))
    by: str = Field(max_length=LINE, title=msg("By"))
    by_id: str | None = Field(default=None, max_length=64, title=msg("Account"))
    reason: str | None = Field(default=None, max_length=LINE, title=msg("Why it was corrected"))
    present_ids: tuple[Id, ...] = Field(default=(), max_length=300, title=msg("Present"))
    present_organization_ids: tuple[Id, ...] = Field(default=(), max_length=300, title=msg("Organisations present"))
    decisions: tuple[Resolved, ...] = Field(default=(), max_length=200, title=msg("Decisions"))
    items: tuple[Given, ...] = Field(default=(), max_length=200, title=msg("Action items"))


def period_of(kind: MeetingKind, day: date) -> str | None:
    """What a meeting of this kind on this day is for, unless somebody says otherwise: the month, the year; a quarter's
    review in the first month of a quarter is the one of the quarter before, held late. None for ad hoc ones."""
    if kind is MeetingKind.MONTHLY:
        return f"{day.year:04d}-{day.month:02d}"
    if kind is MeetingKind.ANNUAL:
        return f"{day.year:04d}"
    if kind is MeetingKind.QUARTERLY:
        quarter = Period.containing("quarter", day)
        return quarter.previous.key if day.month == quarter.first.month else quarter.key
    return None


class Meeting(Record):
    """A meeting that is planned, was held, or was cancelled. ``period`` is what it is for, ``day`` when it is: one that
    comes late belongs to the month it should have been held in.

    The minutes are a ``draft`` until they are final. Then draft, decisions, action items and attendance are locked; a
    correction opens them again and ends in the next version.
    """

    collection = "meetings"
    title = msg("Meetings")
    grid_field = None
    natural_key = ("name", "day")
    indexes = (
        Index(("community_id", "day"), "the newest first; the next one; a month's rebuild"),
        Index(("community_id", "kind", "period"), "what was held for a period"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("meetings",)
    moments = ("day",)
    stirred = ("updated_at",)
    traced = frozenset({"status", "cancelled_because", "day", "time", "kind", "period", "agenda"})

    name: Annotated[str, Shown(aliases=("会议名称", "会议", "名称"))] = Field(
        min_length=1, max_length=LINE, title=msg("Name")
    )
    kind: Annotated[MeetingKind, Shown(aliases=("会议类型", "类型"))] = Field(title=msg("Kind"))
    day: Annotated[date, Day(aliases=("日期", "会议日期", "召开日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Date")
    )
    time: Annotated[str | None, Shown(aliases=("时间", "开始时间"))] = Field(
        default=None, max_length=5, pattern=r"^([01]\d|2[0-3]):[0-5]\d$", title=msg("Begins at"),
        description=msg("Such as 09:00"),
    )  # fmt: skip
    period: Annotated[str | None, Shown(aliases=("所属期", "期次"))] = Field(
        default=None, max_length=7, title=msg("For the period"), validate_default=True,
        description=msg("2026-04, 2026Q1 or 2026. Empty: the month, quarter or year of its day"),
    )  # fmt: skip
    reason: Annotated[str | None, Shown(aliases=("召开原因", "事由"))] = Field(
        default=None, max_length=LINE, title=msg("Reason"), validate_default=True,
        description=msg("What an ad hoc meeting is called for"),
    )  # fmt: skip
    status: Annotated[MeetingStatus, Shown(form=False, aliases=("状态",))] = Field(
        default=MeetingStatus.PLANNED, title=msg("Status")
    )
    cancelled_because: Annotated[str | None, Shown(form=False)] = Field(
        default=None, max_length=LINE, title=msg("Cancelled because")
    )
    place: Annotated[str | None, Shown(aliases=("地点", "会议地点"))] = Field(
        default=None, max_length=LINE, title=msg("Place")
    )
    chair_id: Annotated[str | None, Ref(to="people", aliases=("主持人", "主持"))] = Field(
        default=None, max_length=64, title=msg("Chair")
    )
    recorder_id: Annotated[str | None, Ref(to="people", aliases=("记录人", "记录"))] = Field(
        default=None, max_length=64, title=msg("Recorder")
    )
    invited_ids: Annotated[tuple[Id, ...], Ref(to="people", table=False, aliases=("应到人员",))] = Field(
        default=(), max_length=300, title=msg("Invited")
    )
    invited_organization_ids: Annotated[tuple[Id, ...], Ref(to="organizations", table=False, aliases=("应到单位",))] = (
        Field(default=(), max_length=300, title=msg("Organisations invited"))
    )
    present_ids: Annotated[tuple[Id, ...], Ref(to="people", form=False, aliases=("实到人员",))] = Field(
        default=(), max_length=300, title=msg("Present")
    )
    present_organization_ids: Annotated[tuple[Id, ...], Ref(to="organizations", form=False, aliases=("实到单位",))] = (
        Field(default=(), max_length=300, title=msg("Organisations present"))
    )
    agenda: Annotated[tuple[AgendaItem, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=AGENDA, title=msg("Agenda")
    )
    draft: Annotated[str | None, Shown(form=False, table=False, long=True)] = Field(
        default=None, max_length=MINUTES, title=msg("Draft of the minutes")
    )
    correcting: Annotated[str | None, Shown(form=False, table=False)] = Field(
        default=None, max_length=LINE, title=msg("Why it is corrected")
    )
    versions: Annotated[tuple[Version, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=50, title=msg("Versions of the minutes")
    )

    @field_validator("time", mode="before")
    @classmethod
    def _by_the_clock(cls, value: Any) -> Any:
        """As people and sheets write it."""
        if not isinstance(value, str) or not value.strip():
            return value
        found = clock_time(value)
        if found is None:
            raise FieldProblem(msg("Write the time as 09:00."))
        return found

    @field_validator("period")
    @classmethod
    def _for_which(cls, value: str | None, info: ValidationInfo) -> str | None:
        kind, day = info.data.get("kind"), info.data.get("day")
        if kind is None or day is None or kind is MeetingKind.AD_HOC:
            return None
        if not value:
            return period_of(kind, day)
        wanted = {"monthly": "month", "quarterly": "quarter", "annual": "year"}[kind]
        try:
            period = Period.of(value.strip().upper().replace("年", "")[:7])
        except PeriodTrouble:
            period = None
        if period is None or period.kind != wanted:
            raise FieldProblem(msg("Write a month as 2026-04, a quarter as 2026Q1, a year as 2026."))
        return period.key

    @field_validator("reason")
    @classmethod
    def _called_for(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("kind") is MeetingKind.AD_HOC and not value:
            raise FieldProblem(msg("Say what the ad hoc meeting is called for"))
        return value

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """A year no meeting here can have."""
        if far_away(document["day"]):
            yield Flag.YEAR_FAR_AWAY

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: one that was held by then was held, whenever somebody wrote it down; of the others the
        trail tells how they stood. One that was noted as held and was not had been planned."""
        day, held = day_then(moment, zone), MeetingStatus.HELD.value
        if document["status"] == held and document["day"] <= day:
            said = [version for version in document.get("versions", ()) if version["at"] <= moment]
            return {**document, "versions": said} if len(said) < len(document.get("versions", ())) else dict(document)
        if entered_later(document, moment):
            return None
        none = ("present_ids", "present_organization_ids", "draft", "versions")
        then = rewound(document, {**was, **dict.fromkeys(none)})
        return then | ({"status": MeetingStatus.PLANNED.value} if then["status"] == held else {})

    @property
    def final(self) -> int:
        """The number of the last final version of the minutes; 0 while there is none."""
        return len(self.versions)

    @property
    def locked(self) -> bool:
        """Whether the minutes are final and no correction is open."""
        return self.final > 0 and self.correcting is None

    @property
    def invited(self) -> int:
        """How many should attend: people and organisations."""
        return len(set(self.invited_ids)) + len(set(self.invited_organization_ids))

    @property
    def attended(self) -> int:
        """How many of those who should attend did."""
        people = set(self.invited_ids) & set(self.present_ids)
        return len(people) + len(set(self.invited_organization_ids) & set(self.present_organization_ids))

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """Of a meeting that was held: ``held``, how many were ``invited`` and of these ``attended``; category is the
        kind. Where nobody is ticked, attendance was not taken and counts neither way."""
        if document["status"] != MeetingStatus.HELD.value:
            return
        place = "meetings", "month", f"{document['day']:%Y-%m}", "", document["kind"]
        yield (*place, "held"), 1
        people, bodies = set(document.get("invited_ids", ())), set(document.get("invited_organization_ids", ()))
        there, sent = set(document.get("present_ids", ())), set(document.get("present_organization_ids", ()))
        if (people or bodies) and (there or sent):
            yield (*place, "invited"), len(people) + len(bodies)
            yield (*place, "attended"), len(people & there) + len(bodies & sent)


class Decision(Record):
    """What a meeting settled, or put off, and what that changed (``links``)."""

    collection = "decisions"
    title = msg("Decisions")
    name_field = "number"
    grid_field = None
    natural_key = ()
    indexes = (
        Index(("community_id", "meeting_id", "number"), "a meeting's decisions in order"),
        Index(("community_id", "decided_on"), "the newest first; a month's rebuild"),
        Index(("community_id", "links.ref"), "what decided this?"),
    )
    subjects = ("decisions",)
    moments = ("decided_on",)
    began = "decided_on"

    meeting_id: Annotated[str, Ref(to="meetings", form=False)] = Field(max_length=64, title=msg("Meeting"))
    number: Annotated[int, Shown(form=False)] = Field(default=1, ge=1, le=200, title=msg("No."))
    decided_on: Annotated[date, Day(form=False)] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("Decided on"))
    text: str = Field(min_length=1, max_length=PAGE, title=msg("What is decided"))
    outcome: Outcome = Field(default=Outcome.CONSENSUS, title=msg("How it came about"))
    votes_against: int | None = Field(default=None, ge=0, le=10_000, title=msg("Votes against"), validate_default=True)
    votes_for: int | None = Field(default=None, ge=0, le=10_000, title=msg("Votes for"), validate_default=True)
    abstained: int | None = Field(default=None, ge=0, le=10_000, title=msg("Abstentions"))
    links: Annotated[tuple[Link, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=40, title=msg("What it changed")
    )

    @field_validator("votes_against")
    @classmethod
    def _nobody_against(cls, value: int | None, info: ValidationInfo) -> int | None:
        outcome = info.data.get("outcome")
        if outcome is Outcome.MAJORITY and value is None:
            raise FieldProblem(msg("By majority: write how many were against"))
        if outcome is Outcome.CONSENSUS and value:
            raise FieldProblem(msg("There is no consensus when somebody is against: choose “by majority”"))
        return value

    @field_validator("votes_for")
    @classmethod
    def _more_for(cls, value: int | None, info: ValidationInfo) -> int | None:
        against = info.data.get("votes_against")
        if info.data.get("outcome") is Outcome.MAJORITY:
            if value is None:
                raise FieldProblem(msg("By majority: write how many were for"))
            if against is not None and value <= against:
                raise FieldProblem(msg("No majority: there must be more for than against"))
        return value

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``decided``, by outcome as category."""
        yield ("decisions", "month", f"{document['decided_on']:%Y-%m}", "", document["outcome"], "decided"), 1


class ItemState(Choice):
    """Where an action item stands."""

    OPEN = "open", msg("Open"), "进行中", "未完成", "待办"
    DONE = "done", msg("Done"), "已完成", "完成"
    DROPPED = "dropped", msg("Dropped"), "已撤销", "不再需要"


class ItemStep(Choice):
    """What happened to an action item."""

    GIVEN = "given", msg("Given")
    MOVED = "moved", msg("Due day moved")
    HANDED = "handed", msg("Handed over")
    DONE = "done", msg("Done")
    REOPENED = "reopened", msg("Reopened: not done")
    DROPPED = "dropped", msg("Dropped")


class ItemEvent(Deed):
    """One step of an action item's story."""

    step: ItemStep = Field(title=msg("Step"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))


class ActionItem(Record):
    """What a meeting gives one person to do by a day. Every meeting of the same ``series`` that is held while it is
    open takes it up as unfinished business; how often is derived (``carried``), nobody types it."""

    collection = "action_items"
    title = msg("Action items")
    name_field = "what"
    grid_field = None
    natural_key = ("what", "given_on")
    indexes = (
        Index(("community_id", "is_open", "due_on"), "what is open, the longest overdue first"),
        Index(("community_id", "owner_id", "is_open"), "what somebody has to do"),
        Index(("community_id", "meeting_id"), "what a meeting gave people to do"),
        Index(("community_id", "given_on"), "a month's rebuild; what stood open at a meeting"),
        Index(("community_id", "closed_on"), "what was closed lately", where={"closed_on": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("action_items",)
    moments = ("given_on", "closed_on")
    began = "given_on"
    stirred = ("updated_at",)
    traced = frozenset({"due_on", "owner_id"})

    what: Annotated[str, Shown(aliases=("事项", "督办事项", "任务", "内容"))] = Field(
        min_length=1, max_length=LINE, title=msg("What is to be done")
    )
    owner_id: Annotated[str, Ref(to="people", aliases=("责任人", "负责人", "承办人"))] = Field(
        max_length=64, title=msg("Owner")
    )
    due_on: Annotated[date, Day(aliases=("完成时限", "期限", "截止日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Due")
    )
    given_on: Annotated[date, Day(form=False, aliases=("交办日期", "会议日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Given on")
    )
    series: Annotated[MeetingKind, Shown(form=False, aliases=("会议类型",))] = Field(
        default=MeetingKind.MONTHLY, title=msg("Taken up by")
    )
    meeting_id: Annotated[str | None, Ref(to="meetings", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Meeting")
    )
    decision_id: Annotated[str | None, Ref(to="decisions", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Decision of a meeting")
    )
    state: Annotated[ItemState, Shown(form=False, aliases=("状态", "完成情况"))] = Field(
        default=ItemState.OPEN, title=msg("State")
    )
    is_open: Annotated[bool, Shown(form=False, table=False)] = Field(
        default=True, title=msg("Is open"), validate_default=True
    )
    closed_on: Annotated[date | None, Day(form=False, aliases=("完成日期", "办结日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Done on"), validate_default=True
    )
    result: Annotated[str | None, Shown(form=False, long=True, aliases=("结果", "办理结果"))] = Field(
        default=None, max_length=PAGE, title=msg("Result")
    )
    events: Annotated[tuple[ItemEvent, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=200, title=msg("Story")
    )

    @field_validator("is_open")
    @classmethod
    def _as_it_stands(cls, _value: bool, info: ValidationInfo) -> bool:
        return info.data.get("state", ItemState.OPEN) is ItemState.OPEN

    @field_validator("closed_on")
    @classmethod
    def _closed(cls, value: date | None, info: ValidationInfo) -> date | None:
        given, state = info.data.get("given_on"), info.data.get("state")
        if state is ItemState.OPEN:
            return None
        if value is None and state is not None:
            raise FieldProblem(msg("What is not open any more needs the day it was closed"))
        if value and given and value < given:
            raise FieldProblem(msg("It cannot be done before it was given ({day})."), day=given.isoformat())
        return value

    @field_validator("series")
    @classmethod
    def _taken_up(cls, value: MeetingKind) -> MeetingKind:
        return SERIES[value]

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: open until the day it was closed. One that was reopened had never been closed."""
        day = day_then(moment, zone)
        if document["given_on"] > day:
            return None
        told = [event for event in document.get("events", ()) if event["at"] <= moment]
        then = rewound(document, {**was, **({"events": told} if document.get("events") else {})})
        if (closed := document.get("closed_on")) is not None and closed > day:
            undone = {"state": ItemState.OPEN.value, "is_open": True, "closed_on": None, "result": None}
            then = rewound(then, undone)
        return then

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """A year no item here can have."""
        if far_away(document["given_on"], document["due_on"]):
            yield Flag.YEAR_FAR_AWAY

    @property
    def moved(self) -> int:
        """How often its due day was moved."""
        return sum(event.step is ItemStep.MOVED for event in self.events)

    def overdue_days(self, today: date) -> int:
        """Days since it was due, while it is open; 0 when it is not overdue."""
        return max(0, (today - self.due_on).days) if self.is_open else 0

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``given`` in the month of the meeting; ``closed_in_time``, ``closed_late`` or ``dropped`` in the month it was
        closed; category is the series."""
        series = document["series"]
        yield ("action_items", "month", f"{document['given_on']:%Y-%m}", "", series, "given"), 1
        closed = document.get("closed_on")
        if closed is None:
            return
        name = "closed_in_time" if closed <= document["due_on"] else "closed_late"
        if document["state"] == ItemState.DROPPED.value:
            name = "dropped"
        yield ("action_items", "month", f"{closed:%Y-%m}", "", series, name), 1


def carried(item: ActionItem, held: Sequence[date]) -> int:
    """How many meetings of its series, on the days ``held``, an item was carried over: those after the one that gave it
    and before it was closed. One that was reopened had not been done, so that the meetings in between count too."""
    return sum(day > item.given_on and (item.closed_on is None or item.closed_on > day) for day in held)
