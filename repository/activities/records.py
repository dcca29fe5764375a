"""Activities and who came: gross and distinct, by age, sex and grid against the population, and how varied the
formats are. Residents are pseudonymous keys; age band, sex and grid are frozen when they come."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.people import AgeBand, Sex
from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Flag,
    Index,
    Money,
    Precision,
    Record,
    Ref,
    Shown,
    Term,
    Trace,
    clock_time,
    day_then,
    entered_later,
    far_away,
    rewound,
)
from repository.rollups import FORMATS, Atom
from repository.store import FieldProblem
from repository.words import msg


class Format(Choice):
    """How an activity runs; other words are kept as they are."""

    LECTURE = "lecture", msg("Lecture"), "讲座", "宣讲"
    PERFORMANCE = "performance", msg("Performance"), "文艺演出", "演出"
    CLINIC = "clinic", msg("Free clinic"), "义诊"
    SPORT = "sport", msg("Sport"), "体育健身", "运动会"
    DELIBERATION = "deliberation", msg("Deliberation"), "议事协商", "协商会"
    CRAFT = "craft", msg("Parent-child crafts"), "亲子手工", "手工"
    VOLUNTEER = "volunteering", msg("Volunteering"), "志愿服务", "义务劳动"
    MARKET = "market", msg("Skills market"), "便民集市"


class Level(Choice):
    """How deeply residents take part (IAP2's spectrum)."""

    INFORM = "inform", msg("Inform"), "告知"
    CONSULT = "consult", msg("Consult"), "咨询"
    INVOLVE = "involve", msg("Involve"), "参与"
    COLLABORATE = "collaborate", msg("Collaborate"), "协作"
    EMPOWER = "empower", msg("Empower"), "授权"


class PartTaken(Choice):
    """What a resident does at an activity, each step further than the one before."""

    PARTICIPANT = "participant", msg("Participant"), "参与者", "参加"
    CO_ORGANISER = "co_organiser", msg("Co-organiser"), "共同组织者", "协办", "co-organizer"
    VOLUNTEER = "volunteer", msg("Volunteer"), "志愿者", "义工"


class ActivityStatus(Choice):
    """Whether it took place."""

    PLANNED = "planned", msg("Planned"), "计划中"
    HELD = "held", msg("Held"), "已举办"
    CANCELLED = "cancelled", msg("Cancelled"), "已取消"


FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2100, 12, 31)


_OF_ONE_HELD = ("headcount", "spend_cents", "answers", "satisfied")
"""What is known of an activity once it was held."""


class Activity(Record):
    """An activity, or several alike that were recorded as one (``sessions``). ``headcount`` is how many came without
    being registered one by one: None is "not recorded", which is not zero."""

    collection = "activities"
    title = msg("Activities")
    natural_key = ()
    indexes = (
        Index(("community_id", "held_on"), "the calendar; a month's rebuild"),
        Index(("community_id", "format", "held_on"), "when a format was last held"),
        Index(("community_id", "series_id", "held_on"), "those of a series", where={"series_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("activities",)
    moments = ("held_on",)
    stirred = ("held_on", "updated_at")
    traced = frozenset(
        {
            *("name", "held_on", "starts_at", "ends_at", "status", "format", "theme", "grid_id", "place", "level"),
            *("sessions", "capacity"),
        }
    )

    name: Annotated[str, Shown(aliases=("活动名称", "活动", "主题"))] = Field(
        min_length=1, max_length=LINE, title=msg("Name")
    )
    held_on: Annotated[date, Day(precision="held_precision", aliases=("日期", "活动日期", "举办日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Held on")
    )
    held_precision: Annotated[Precision, Shown(form=False, table=False)] = Field(
        default=Precision.DAY, title=msg("Precision of date")
    )
    starts_at: Annotated[str | None, Shown(aliases=("开始时间",), table=False)] = Field(
        default=None, max_length=5, title=msg("Begins at"), description=msg("A time of day, such as 19:30")
    )
    ends_at: Annotated[str | None, Shown(aliases=("结束时间",), table=False)] = Field(
        default=None, max_length=5, title=msg("Ends at"), description=msg("A time of day, such as 19:30")
    )
    status: Annotated[ActivityStatus, Shown(aliases=("状态",))] = Field(
        default=ActivityStatus.HELD, title=msg("Status")
    )
    format: Annotated[str, Term(of=Format, aliases=("形式", "活动形式"))] = Field(
        min_length=1, max_length=100, title=msg("Format")
    )
    theme: Annotated[str | None, Shown(aliases=("活动主题", "内容"))] = Field(
        default=None, max_length=LINE, title=msg("Theme")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid"), description=msg("Empty when it is for the whole community")
    )
    place: Annotated[str | None, Shown(aliases=("地点",))] = Field(default=None, max_length=LINE, title=msg("Place"))
    organizer_id: Annotated[str | None, Ref(to="people", aliases=("组织者", "负责人"))] = Field(
        default=None, max_length=64, title=msg("Organiser")
    )
    level: Annotated[Level | None, Shown(aliases=("参与深度",))] = Field(default=None, title=msg("Participation level"))
    intended_for: Annotated[str | None, Shown(aliases=("对象", "面向人群", "Age Group"))] = Field(
        default=None, max_length=LINE, title=msg("Intended for")
    )
    sessions: Annotated[int, Shown(unit=msg("sessions"), aliases=("场次",))] = Field(
        default=1, ge=0, le=10_000, title=msg("Sessions")
    )
    capacity: Annotated[int | None, Shown(unit=msg("people"), aliases=("名额",))] = Field(
        default=None, ge=0, le=1_000_000, title=msg("Capacity")
    )
    headcount: Annotated[int | None, Shown(unit=msg("visits"), aliases=("人次", "参加人次", "参加人数"))] = Field(
        default=None,
        ge=0,
        le=10_000_000,
        title=msg("Head-count"),
        description=msg("Those who were only counted, not registered one by one. Empty means not recorded"),
    )
    budget_cents: Annotated[int | None, Money(aliases=("预算",))] = Field(
        default=None, ge=0, le=100_000_000_000, title=msg("Budget")
    )
    spend_cents: Annotated[int | None, Money(aliases=("支出", "花费"))] = Field(
        default=None, ge=0, le=100_000_000_000, title=msg("Spend")
    )
    flow: Annotated[str | None, Shown(table=False, aliases=("流程", "活动流程"))] = Field(
        default=None,
        max_length=LINE,
        title=msg("How it runs"),
        description=msg("Its steps in order; what runs the same way again and again shows as sameness"),
    )
    answers: Annotated[int | None, Shown(unit=msg("answers"), table=False, aliases=("评价人数", "回收问卷"))] = Field(
        default=None,
        ge=0,
        le=10_000_000,
        title=msg("Asked how it was"),
        description=msg("How many visitors said whether they were satisfied. Only counted: nobody is named"),
    )
    satisfied: Annotated[int | None, Shown(unit=msg("answers"), table=False, aliases=("满意人数",))] = Field(
        default=None, ge=0, le=10_000_000, title=msg("Of these satisfied")
    )
    remark: Annotated[str | None, Shown(long=True, aliases=("备注",))] = Field(
        default=None, max_length=PAGE, title=msg("Remark")
    )
    series_id: Annotated[str | None, Shown(form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Series")
    )

    @field_validator("starts_at", "ends_at", mode="before")
    @classmethod
    def _time_of_day(cls, value: Any) -> Any:
        """As people and sheets write it."""
        if not isinstance(value, str) or not value.strip():
            return value or None
        found = clock_time(value)
        if found is None:
            raise FieldProblem(msg("Write the time as 09:00."))
        return found

    @field_validator("ends_at")
    @classmethod
    def _not_before_it_begins(cls, value: str | None, info: ValidationInfo) -> str | None:
        begins = info.data.get("starts_at")
        if value and begins and value < begins:
            text = msg("This lies before it begins ({begins}). If it goes on past midnight, leave this empty.")
            raise FieldProblem(text, begins=begins)
        return value

    @field_validator("satisfied")
    @classmethod
    def _of_the_answers(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and "answers" in info.data and value > (info.data["answers"] or 0):
            raise FieldProblem(msg("More cannot be satisfied than have answered."))
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: what was held by then was held, whenever somebody wrote it down; what came later had been
        planned, if it was entered, as the trail tells."""
        day, held = day_then(moment, zone), ActivityStatus.HELD.value
        later = entered_later(document, moment)
        if document["held_on"] <= day and (later or document["status"] == held):
            return dict(document)
        if later:
            return None
        then = rewound(document, {**was, **dict.fromkeys(_OF_ONE_HELD)})
        return then | ({"status": ActivityStatus.PLANNED.value} if then["status"] == held else {})

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """A year no activity here can have."""
        if far_away(document["held_on"]):
            yield Flag.YEAR_FAR_AWAY

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``events`` (and by status), heads counted, and how often nobody counted; money spent, and of how many it is
        known; sessions and heads by participation level; answers and satisfied. Category is the format."""
        held = document["held_on"]  # a calendar day: no time zone moves it
        month, grid, form = f"{held.year:04d}-{held.month:02d}", document.get("grid_id") or "", document["format"]

        def flow(name: str, n: int) -> tuple[Atom, int]:
            return ("activities", "month", month, grid, form, name), n

        sessions = document.get("sessions", 1)
        if document.get("status", "held") != "held":
            yield flow(str(document["status"]), sessions)
            return
        yield flow("events", sessions)
        yield flow("records", 1)
        heads = document.get("headcount")
        if heads is None:
            yield flow("uncounted", 1)
        else:
            yield flow("counted", 1)
            yield flow("heads", heads)
        if (spend := document.get("spend_cents")) is not None:
            yield flow("spend_cents", spend)
            yield flow("spend_known", 1)
        if level := document.get("level"):
            yield flow(f"level_{level}", sessions)
            if heads:
                yield flow(f"heads_{level}", heads)
        if answers := document.get("answers"):
            yield flow("answers", answers)
            yield flow("satisfied", document.get("satisfied") or 0)


LONGEST_CODE = 40  # letters
MOST_HOURS = 24.0


BY_ROLE = ("community_id", "held_on", "role", "resident")


class Attendance(Record):
    """One resident came to one activity. Age band, sex and grid are as they were that day; day, format and level are
    the activity's. ``role`` is what they did beside taking part, None when only that; ``hours`` are a volunteer's."""

    collection = "attendances"
    title = msg("Attendances")
    name_field = "resident"
    natural_key = ("activity_id", "resident")
    indexes = (
        Index(("community_id", "activity_id", "resident"), "who came; nobody comes twice to one activity", unique=True),
        Index(("community_id", "held_on"), "a month's rebuild"),
        Index(("community_id", "resident", "held_on"), "when a resident came"),
        Index(BY_ROLE, "who did more than take part, from index keys", where={"role": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("attendances",)
    moments = ("held_on",)
    began = "held_on"
    trace = Trace()

    activity_id: Annotated[str, Ref(to="activities", aliases=("活动", "活动名称"))] = Field(
        max_length=64, title=msg("Activity")
    )
    resident: Annotated[str, Shown(aliases=("居民代码", "短码"))] = Field(
        min_length=1,
        max_length=LONGEST_CODE,
        title=msg("Resident code"),
        description=msg("A code, never a name or an ID number"),
    )
    held_on: Annotated[date, Day(aliases=("日期",))] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("Held on"))
    format: Annotated[str, Term(of=Format, form=False)] = Field(min_length=1, max_length=100, title=msg("Format"))
    age_band: Annotated[AgeBand | None, Shown(aliases=("年龄段",))] = Field(default=None, title=msg("Age band"))
    sex: Annotated[Sex | None, Shown(aliases=("性别",))] = Field(default=None, title=msg("Sex"))
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格",))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )

    level: Annotated[Level | None, Shown(form=False, table=False)] = Field(
        default=None, title=msg("Participation level")
    )
    role: Annotated[PartTaken | None, Shown(aliases=("角色", "身份"))] = Field(
        default=None, title=msg("Part taken"), description=msg("Empty means participant")
    )
    hours: Annotated[float | None, Shown(unit=msg("hours"), aliases=("服务时长", "志愿时长", "小时"))] = Field(
        default=None, ge=0.25, le=MOST_HOURS, title=msg("Hours served"), description=msg("A volunteer's")
    )

    @field_validator("role")
    @classmethod
    def _more_than_taking_part(cls, value: PartTaken | None) -> PartTaken | None:
        return None if value is PartTaken.PARTICIPANT else value

    @field_validator("hours")
    @classmethod
    def _of_a_volunteer(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and "role" in info.data and info.data["role"] is not PartTaken.VOLUNTEER:
            raise FieldProblem(msg("Hours are a volunteer's: choose Volunteer, or leave them empty."))
        return value

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``visits`` by the resident's grid and by format; of them those of each participation level, and volunteers'
        services with their minutes."""
        held = document["held_on"]
        month, grid = f"{held.year:04d}-{held.month:02d}", document.get("grid_id") or ""
        own = ("attendances", "month", month, grid, document["format"])
        yield (*own, "visits"), 1
        if level := document.get("level"):
            yield (*own, f"level_{level}"), 1
        if document.get("role") == "volunteer":
            yield (*own, "services"), 1
            if hours := document.get("hours"):
                yield (*own, "services_timed"), 1
                yield (*own, "service_minutes"), round(hours * 60)

    @staticmethod
    def presence(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[str, str, str]]:
        """Resident key, month, and ``group|grid``, led by what they did beside taking part (``volunteer:60-74_f|g1``);
        and where the age band is known, beside the months, ``2026|lecture|60-74``: what the counters of distinct people
        are made from."""
        held, who, age = document["held_on"], document["resident"], document.get("age_band") or ""
        group = f"{age}_{document.get('sex') or ''}"
        if role := document.get("role"):
            group = f"{role}:{group}"
        yield who, f"{held.year:04d}-{held.month:02d}", f"{group}|{document.get('grid_id') or ''}"
        if age:
            yield who, FORMATS, f"{held.year:04d}|{document['format']}|{age}"
