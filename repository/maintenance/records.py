"""Work orders: what is broken, who mends it, how long it takes. The clock starts when the fault is reported."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from repository.due import Postponement, as_it_was, is_late
from repository.filters import Is
from repository.grids import ServiceLevel
from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Deed,
    Flag,
    Index,
    Money,
    Part,
    Record,
    Ref,
    Shown,
    Term,
    Trace,
    far_away,
)
from repository.rollups import Atom, day_of, duration_bin, month_of, path_key
from repository.words import msg
from repository.worktime import Worktime


class Status(Choice):
    """Where a work order stands. Whether it is open, and how it ended, are fields of their own."""

    REPORTED = "reported", msg("Reported"), "已报修", "报修", "待受理", "待修", "open", "submitted"
    ACCEPTED = "accepted", msg("Accepted"), "已受理", "受理", "received"
    ASSIGNED = "assigned", msg("Assigned"), "已派工", "派工", "派单"
    IN_PROGRESS = "in_progress", msg("In progress"), "处理中", "维修中", "in progress"
    ON_HOLD = "on_hold", msg("On hold"), "挂起", "等配件", "暂停"
    DONE = "done", msg("Done, to be verified"), "已完工", "待验收", "已修好", "完工"
    VERIFIED = "verified", msg("Verified"), "已验收", "验收"
    CLOSED = "closed", msg("Closed"), "已办结", "办结", "关闭", "completed", "complete"
    REJECTED = "rejected", msg("Rejected"), "不予受理", "驳回"
    REOPENED = "reopened", msg("Reopened"), "重新打开", "返工", "重开"


OPEN = frozenset(
    {Status.REPORTED, Status.ACCEPTED, Status.ASSIGNED, Status.IN_PROGRESS, Status.ON_HOLD, Status.REOPENED}
)
"""The statuses in which work is owed. "Done" ends the clock; a failed verification reopens, a flow of its own."""

TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.REPORTED: frozenset(
            {
                Status.ACCEPTED,
                Status.ASSIGNED,
                Status.IN_PROGRESS,
                Status.ON_HOLD,
                Status.DONE,
                Status.REJECTED,
                Status.CLOSED,
            }
        ),
        Status.ACCEPTED: frozenset(
            {Status.ASSIGNED, Status.IN_PROGRESS, Status.ON_HOLD, Status.DONE, Status.REJECTED, Status.CLOSED}
        ),
        Status.ASSIGNED: frozenset({Status.IN_PROGRESS, Status.ON_HOLD, Status.DONE, Status.REJECTED, Status.CLOSED}),
        Status.IN_PROGRESS: frozenset({Status.ON_HOLD, Status.ASSIGNED, Status.DONE, Status.CLOSED}),
        Status.ON_HOLD: frozenset({Status.ASSIGNED, Status.IN_PROGRESS, Status.DONE, Status.CLOSED}),
        Status.DONE: frozenset({Status.VERIFIED, Status.REOPENED}),
        Status.VERIFIED: frozenset({Status.CLOSED, Status.REOPENED}),
        Status.CLOSED: frozenset({Status.REOPENED}),
        Status.REJECTED: frozenset({Status.REOPENED}),
        Status.REOPENED: frozenset(
            {
                Status.ACCEPTED,
                Status.ASSIGNED,
                Status.IN_PROGRESS,
                Status.ON_HOLD,
                Status.DONE,
                Status.REJECTED,
                Status.CLOSED,
            }
        ),
    }
)
"""From where a work order may go where."""


class Outcome(Choice):
    """How a work order ended."""

    COMPLETED = "completed", msg("Completed"), "完成", "修复", "Closed"
    CANCELLED = "cancelled", msg("Cancelled"), "取消", "撤销", "Canceled"
    REFERRED = "referred", msg("Referred elsewhere"), "转办", "移交", "Referred Out"
    REJECTED = "rejected", msg("Rejected"), "驳回", "不予受理"
    DUPLICATE = "duplicate", msg("Duplicate"), "重复"
    WITHDRAWN = "withdrawn", msg("No longer needed"), "不再需要"


NO_DANGER = frozenset({Outcome.REJECTED.value, Outcome.CANCELLED.value, Outcome.DUPLICATE.value})
"""Endings after which a reported danger was none, or is another order's."""

NEVER_OWED = Outcome.WITHDRAWN.value
"""The ending of planned work whose facility was taken down before its day: it was never due, and is neither on time nor
late. Only such a retirement ends work so; what somebody leaves out is cancelled, and counts as due and not done."""

STANDING = OPEN | {Status.DONE}
"""The statuses in which a danger still stands: what is done has not been looked at by somebody else yet."""


class Priority(Choice):
    """How soon."""

    URGENT = "urgent", msg("Urgent"), "紧急", "特急", "高"
    NORMAL = "normal", msg("Normal"), "一般", "普通", "中"
    LOW = "low", msg("Low"), "不急", "低"


SERVICE_LEVELS: Mapping[Priority, ServiceLevel] = MappingProxyType(
    {
        # as Beijing asks where life or property is at stake (metric N5)
        Priority.URGENT: ServiceLevel(priority=Priority.URGENT, answer_hours=2, due_hours=24, round_the_clock=True),
        Priority.NORMAL: ServiceLevel(priority=Priority.NORMAL, answer_hours=8, due_hours=24),
        Priority.LOW: ServiceLevel(priority=Priority.LOW, answer_hours=24, due_hours=80),
    }
)
"""What is promised where a community has not said otherwise: a working day is eight hours by default."""


def service_level(levels: Iterable[ServiceLevel], priority: Priority, category: str) -> ServiceLevel:
    """The promise for a priority and category: the community's own line for both, else for the priority, else ours."""
    own = {level.category: level for level in levels if level.priority == priority}
    return own.get(category) or own.get(None) or SERVICE_LEVELS[priority]


def promised(level: ServiceLevel, times: Worktime, reported_at: datetime) -> tuple[datetime, datetime]:
    """By when a report is to be answered and mended."""
    if level.round_the_clock:
        return reported_at + timedelta(hours=level.answer_hours), reported_at + timedelta(hours=level.due_hours)
    return times.after(reported_at, level.answer_hours), times.after(reported_at, level.due_hours)


class Source(Choice):
    """How the fault became known; other words are kept as they are."""

    RESIDENT = "resident", msg("Resident"), "居民", "居民报修"
    PATROL = "patrol", msg("Patrol"), "巡查", "网格巡查"
    INSPECTION = "inspection", msg("Inspection"), "检查"
    PHONE = "phone", msg("Phone"), "电话", "Call"
    STAFF = "staff", msg("Community staff"), "工作人员"


class WorkCategory(Choice):
    """What kind of work; a facility's category by default, other words are kept as they are."""

    FITNESS = "fitness", msg("Fitness equipment"), "健身器材"
    VEHICLE = "vehicle_access", msg("Vehicle access"), "车辆出入口"
    PERSONNEL = "personnel_access", msg("Personnel access"), "人员出入口"
    PROPERTY = "property", msg("Property management"), "物业管理"
    SANITATION = "sanitation", msg("Sanitation"), "环境卫生"
    OTHER = "other", msg("Other"), "其他"


class Fault(Choice):
    """What is wrong, as the quick form asks; other words are kept as they are."""

    LOOSE = "loose", msg("Loose"), "松动"
    BROKEN = "broken", msg("Broken"), "断裂", "损坏"
    NOISE = "noise", msg("Noise"), "异响"
    ELECTRIC = "electric", msg("Electric shock or leak"), "漏电"
    DEAD = "dead", msg("Does not work"), "不动", "失灵", "不识别"
    LEAK = "leak", msg("Water leak"), "漏水", "渗水"
    OTHER = "other", msg("Other"), "其他"


class Event(Deed):
    """One step of a work order's story. A note between two steps has the status that stands."""

    status: Status = Field(title=msg("Status"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))


class Reopening(Part):
    """An ending that did not last: both flows stay counted where they happened."""

    ended_at: datetime = Field(title=msg("Ended at"))
    reopened_at: datetime = Field(title=msg("Reopened at"))
    outcome: Outcome = Field(title=msg("Outcome"))
    verified_at: datetime | None = Field(default=None, title=msg("Verified at"))


class WorkKind(Choice):
    """Why there is work: something broke, or it was time."""

    CORRECTIVE = "corrective", msg("Repair work"), "维修", "报修"
    PREVENTIVE = "preventive", msg("Preventive maintenance"), "预防性维护", "保养"
    INSPECTION = "inspection", msg("Found by an inspection"), "巡检发现"


REPORTS: Mapping[str, Any] = {"kind": Is(ne=WorkKind.PREVENTIVE.value)}
"""Orders that somebody reported: what a plan asked for is none."""


class Labour(Part):
    """Hours somebody worked on an order."""

    person_id: str | None = Field(default=None, max_length=64, title=msg("Person"))
    on: date = Field(title=msg("Day"))
    hours: float = Field(gt=0, le=10_000, title=msg("Hours"))


class SparePart(Part):
    """Material that went into a repair; the price is of one unit."""

    name: str = Field(min_length=1, max_length=LINE, title=msg("Part"))
    quantity: float = Field(default=1, gt=0, le=100_000, title=msg("Quantity"))
    unit_cost_cents: int = Field(default=0, ge=0, le=10_000_000_000, title=msg("Unit price"))

    @property
    def cost_cents(self) -> int:
        """What all of it cost, in 分."""
        return round(self.quantity * self.unit_cost_cents)


ALSO = 9_999  # residents who say that they see the same; nobody counts further

REPEAT_DAYS = 30
"""The same fault on the same facility within so many days after it was mended is a repeat (metric M11)."""


def verified_at(events: Iterable[Event]) -> datetime | None:
    """When the last "done" was found to be so: the step after it."""
    since: datetime | None = None
    for event in events:
        since = (since or event.at) if event.status in (Status.VERIFIED, Status.CLOSED) else None
    return since


def held_seconds(events: Iterable[Event], until: datetime | None) -> int:
    """Seconds on hold: from each step to "on hold" to the next step, the last one to ``until`` (None: it does not
    count yet)."""
    total, since = timedelta(0), None
    for event in events:
        if since is not None and event.status is not Status.ON_HOLD:
            total += event.at - since
            since = None
        elif since is None and event.status is Status.ON_HOLD:
            since = event.at
    if since is not None and until is not None:
        total += max(timedelta(0), until - since)
    return int(total.total_seconds())


def timed(document: Mapping[str, Any], ended: datetime, outcome: str | None) -> str | None:
    """How one ending of a work order counts against its due time (metric M2): ``late`` however it ended, ``on_time``
    only where the work was done, ``no_due`` without a due time that can be believed. None for what counts neither way:
    never owed, or called off, referred, rejected or merged before it was due, so that nothing is in time by being
    taken off the list."""
    due = document.get("due_at")
    if outcome == NEVER_OWED:
        return None
    if due is None or document.get("flags"):
        return "no_due"
    if is_late(ended, due, document.get("postponements", ())):
        return "late"
    return "on_time" if outcome == Outcome.COMPLETED.value else None


BY_DUE = ("community_id", "is_open", "due_at", "grid_id", "category")
BY_AGE = (
    *("community_id", "is_open", "reported_at", "due_at", "grid_id", "category"),
    *("facility_id", "assignee_id", "company_id"),
)
BY_REPORT = ("community_id", "reported_at", "fault", "facility_id", "category", "grid_id", "kind")
BY_END = ("community_id", "ended_at", "repair_seconds", "category", "grid_id")
BY_COMPANY = ("community_id", "company_id", "due_at")
BY_PERSON = ("community_id", "assignee_id", "ended_at")
NEW_TO_A_PERSON = ("community_id", "assignee_id", "noticed_at", "assigned_at", "grid_id")
NEW_TO_A_COMPANY = ("community_id", "company_id", "noticed_at", "assigned_at", "grid_id")
BY_RESPONSE = ("community_id", "responded_at", "respond_seconds", "category", "grid_id")


OF_A_COMPANY = frozenset(
    {
        "opened", "ended", "ended_completed", "on_time", "late", "no_due", "fell_overdue", "left_overdue", "rework",
        "repeat", "respond_n", "respond_seconds", "cost_cents", "satisfaction_n", "satisfaction_sum",
    }
)  # fmt: skip
"""The flows (and the histogram of responses) that are counted by company too."""


class WorkOrder(Record):
    """A fault and its mending. ``ended_at`` is when work was no longer owed: done, rejected, cancelled or referred."""

    collection = "work_orders"
    title = msg("Work orders")
    name_field = "number"
    natural_key = ("number",)
    indexes = (
        Index(("community_id", "number"), "a number is one order's", unique=True),
        Index(
            BY_DUE,
            "overdue and due now; is_open is a key so that counting needs no document",
            where={"is_open": True},
        ),
        Index(
            BY_AGE,
            "open work by age, and whose it is, from keys alone",
            where={"is_open": True},
        ),
        Index(("community_id", "assignee_id", "due_at"), "my work, overdue first", where={"is_open": True}),
        Index(
            BY_PERSON,
            "what somebody completed in a period: evidence beside an assessment",
            where={"assignee_id": {"$exists": True}, "ended_at": {"$exists": True}},
        ),
        Index(NEW_TO_A_PERSON, "what somebody was given and has not seen yet", where={"is_open": True}),
        Index(NEW_TO_A_COMPANY, "what a company was given and has not seen yet", where={"is_open": True}),
        Index(BY_REPORT, "newest first; a month's rebuild; what breaks most, from keys alone"),
        Index(
            BY_COMPANY,
            "what a company owes, overdue first",
            where={"is_open": True, "company_id": {"$exists": True}},
        ),
        Index(
            ("community_id", "company_id", "reported_at"),
            "a company's orders, newest first",
            where={"company_id": {"$exists": True}},
        ),
        Index(
            BY_END,
            "ended in a period; a month's rebuild; the exact median, from keys alone",
        ),
        Index(
            BY_RESPONSE,
            "a month's rebuild; the exact median, from keys alone",
            where={"responded_at": {"$exists": True}},
        ),
        Index(
            ("community_id", "reopenings.reopened_at"),
            "what was reopened in a period, and what had ended before",
            where={"reopenings.reopened_at": {"$exists": True}},
        ),
        Index(
            ("community_id", "ended_at", "satisfaction"),
            "ended in a period and graded",
            where={"satisfaction": {"$exists": True}},
        ),
        Index(
            ("community_id", "ended_at", "held_seconds"),
            "ended in a period, on hold before",
            where={"held_seconds": {"$exists": True}},
        ),
        Index(
            ("community_id", "reported_at", "repeat_of"),
            "reported again in a period",
            where={"repeat_of": {"$exists": True}},
        ),
        Index(("community_id", "lasted", "reported_at"), "what was going on at a moment that is over"),
        Index(("community_id", "verified_at"), "a month's rebuild", where={"verified_at": {"$exists": True}}),
        Index(("community_id", "postponements.at"), "a month's rebuild", where={"postponements.at": {"$exists": True}}),
        Index(("community_id", "status", "ended_at"), "done and waiting to be verified", where={"status": "done"}),
        Index(("community_id", "facility_id", "reported_at"), "a facility's story; repeats of a fault"),
        Index(
            ("community_id", "place_id", "reported_at"),
            "a labelled place's story",
            where={"place_id": {"$exists": True}},
        ),
        Index(("community_id", "category", "reported_at"), "which categories there are; one's newest"),
        Index(
            ("community_id", "plan_id", "facility_id", "scheduled_for"),
            "a plan makes one order for a facility and day, whoever generates and how often",
            unique=True,
            where={"plan_id": {"$exists": True}},
        ),
        Index(
            ("community_id", "scheduled_for", "is_open"),
            "what is scheduled; a month's rebuild",
            where={"scheduled_for": {"$exists": True}},
        ),
        Index(
            ("community_id", "dangerous", "status", "due_at"),
            "dangers that stand until they are verified",
            where={"dangerous": True},
        ),
        Index(
            ("community_id", "inspection_id"), "what an inspection opened", where={"inspection_id": {"$exists": True}}
        ),
        Index(("community_id", "hazard_id"), "the order of a hazard", where={"hazard_id": {"$exists": True}}),
        Index(("community_id", "request_id"), "the order of a request", where={"request_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("work_orders", "company_orders", "facility_orders", "person_orders")
    moments = (
        *("reported_at", "responded_at", "due_at", "ended_at", "verified_at", "scheduled_for"),
        *("reopenings.ended_at", "reopenings.reopened_at", "reopenings.verified_at", "postponements.at"),
    )
    past = ("reported_at", "responded_at", "ended_at")
    began = "reported_at"
    stirred = ("ended_at", "responded_at", "verified_at", "reopenings.reopened_at", "postponements.at")
    counted = ("scheduled_for",)
    lasts = True
    traced = frozenset(
        {
            *("assignee_id", "company_id", "assigned_at", "noticed_at", "priority", "dangerous", "due_at"),
            *("satisfaction", "labour", "parts", "actual_hours", "cost_cents"),
            *("also_reported", "hold_reason", "merged_into"),
        }
    )
    trace = Trace("request_id", of="requests", emptied=("description", "photos"), unsaid=("place",))
    stock: ClassVar[Mapping[str, Any] | None] = MappingProxyType(
        {"$or": [{"is_open": True}, {"status": Status.DONE.value}]}
    )

    number: Annotated[str, Shown(aliases=("工单号", "工单编号", "SRNumber"))] = Field(
        min_length=1, max_length=60, title=msg("Number")
    )
    fault: Annotated[str, Term(of=Fault, aliases=("故障", "故障描述", "问题"))] = Field(
        min_length=1, max_length=LINE, title=msg("Fault")
    )
    facility_id: Annotated[str | None, Ref(to="facilities", aliases=("设施", "设施编号"))] = Field(
        default=None, max_length=64, title=msg("Facility")
    )
    place: Annotated[str | None, Shown(aliases=("地点", "地址", "Address"))] = Field(
        default=None, max_length=LINE, title=msg("Place")
    )
    place_id: Annotated[str | None, Ref(to="places", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Labelled place")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    category: Annotated[str, Term(of=WorkCategory, aliases=("类别", "工单类别", "RequestType"))] = Field(
        default=WorkCategory.OTHER, min_length=1, max_length=60, title=msg("Category")
    )
    priority: Annotated[Priority, Shown(aliases=("优先级", "等级", "紧急程度"))] = Field(
        default=Priority.NORMAL, title=msg("Priority")
    )
    source: Annotated[str | None, Term(of=Source, aliases=("来源", "RequestSource"))] = Field(
        default=None, max_length=60, title=msg("Source")
    )
    dangerous: Annotated[bool, Shown(aliases=("有危险",))] = Field(default=False, title=msg("Dangerous"))
    status: Annotated[Status, Shown(aliases=("状态",), form=False)] = Field(
        default=Status.REPORTED, title=msg("Status")
    )
    is_open: Annotated[bool, Shown(form=False, table=False)] = Field(default=True, title=msg("Open"))
    outcome: Annotated[Outcome | None, Shown(aliases=("结果", "办理结果"), form=False)] = Field(
        default=None, title=msg("Outcome")
    )
    reported_at: Annotated[datetime, Shown(aliases=("报修时间", "上报时间", "CreatedDate"))] = Field(
        title=msg("Reported at")
    )
    responded_at: Annotated[datetime | None, Shown(aliases=("响应时间", "受理时间"), form=False)] = Field(
        default=None, title=msg("Responded at")
    )
    due_at: Annotated[datetime | None, Shown(aliases=("期限", "办结期限"))] = Field(default=None, title=msg("Due"))
    ended_at: Annotated[datetime | None, Shown(aliases=("完成时间", "办结时间", "ClosedDate"), form=False)] = Field(
        default=None, title=msg("Ended at")
    )
    repair_seconds: Annotated[int | None, Shown(form=False, table=False, unit=msg("seconds"))] = Field(
        default=None, ge=0, title=msg("Time to repair")
    )
    respond_seconds: Annotated[int | None, Shown(form=False, table=False, unit=msg("seconds"))] = Field(
        default=None, ge=0, title=msg("Time to respond")
    )
    assignee_id: Annotated[str | None, Ref(to="people", aliases=("处理人", "维修人", "责任人"))] = Field(
        default=None, max_length=64, title=msg("Assignee")
    )
    company_id: Annotated[str | None, Ref(to="organizations", aliases=("承修单位", "物业公司"))] = Field(
        default=None, max_length=64, title=msg("Company")
    )
    assigned_at: Annotated[datetime | None, Shown(form=False, table=False)] = Field(
        default=None, title=msg("Assigned at")
    )
    noticed_at: Annotated[datetime | None, Shown(form=False, table=False)] = Field(
        default=None, title=msg("Seen by the assignee at")
    )
    kind: Annotated[WorkKind, Shown(aliases=("工单类型",), form=False)] = Field(
        default=WorkKind.CORRECTIVE, title=msg("Kind of work")
    )
    plan_id: Annotated[str | None, Ref(to="maintenance_plans", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Maintenance plan")
    )
    inspection_id: Annotated[str | None, Ref(to="inspections", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Inspection")
    )
    scheduled_for: Annotated[date | None, Day(form=False)] = Field(
        default=None, ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("Scheduled for")
    )
    grace_days: Annotated[int | None, Shown(form=False, table=False, unit=msg("days"))] = Field(
        default=None, ge=0, le=28, title=msg("Days of grace")
    )
    hazard_id: Annotated[str | None, Ref(to="hazards", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Hazard")
    )
    request_id: Annotated[str | None, Ref(to="requests", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Request")
    )
    repeat_of: Annotated[str | None, Ref(to="work_orders", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Repeat of")
    )
    merged_into: Annotated[str | None, Ref(to="work_orders", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Merged into")
    )
    held_seconds: Annotated[int | None, Shown(form=False, table=False, unit=msg("seconds"))] = Field(
        default=None, ge=0, title=msg("Time on hold")
    )
    verified_at: Annotated[datetime | None, Shown(form=False, table=False)] = Field(
        default=None, title=msg("Verified at")
    )
    satisfaction: Annotated[int | None, Shown(form=False, aliases=("满意度",))] = Field(
        default=None, ge=1, le=5, title=msg("Satisfaction (1 to 5)")
    )
    labour: Annotated[tuple[Labour, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=200, title=msg("Hours worked")
    )
    parts: Annotated[tuple[SparePart, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Parts used")
    )
    also_reported: Annotated[int, Shown(form=False, table=False)] = Field(
        default=0, ge=0, le=ALSO, title=msg("Reported by others too"), description=msg("How often, by the label")
    )
    photos: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=20, title=msg("Photos")
    )
    hold_reason: Annotated[str | None, Shown(form=False)] = Field(
        default=None, max_length=LINE, title=msg("Hold reason")
    )
    estimated_hours: Annotated[float | None, Shown(unit=msg("hours"), aliases=("预计工时",))] = Field(
        default=None, ge=0, le=10_000, title=msg("Estimated hours")
    )
    actual_hours: Annotated[float | None, Shown(unit=msg("hours"), aliases=("实际工时", "工时"))] = Field(
        default=None, ge=0, le=10_000, title=msg("Actual hours")
    )
    cost_cents: Annotated[int | None, Money(aliases=("费用", "维修费用"))] = Field(
        default=None, ge=0, le=100_000_000_000, title=msg("Cost")
    )
    description: Annotated[str | None, Shown(long=True, aliases=("描述", "备注"))] = Field(
        default=None, max_length=PAGE, title=msg("Description")
    )
    events: Annotated[tuple[Event, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=500, title=msg("Story")
    )
    reopenings: Annotated[tuple[Reopening, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Reopenings")
    )
    postponements: Annotated[tuple[Postponement, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Postponements")
    )

    @property
    def is_new(self) -> bool:
        """Whether it was given to somebody here who has not seen it yet."""
        return self.status in OPEN and self.assigned_at is not None and self.noticed_at is None

    def to_document(self) -> dict[str, Any]:
        """As every record's, with ``is_open`` and the durations made to agree with status and moments."""
        document = super().to_document()
        document["is_open"] = self.status in OPEN
        document.pop("held_seconds", None)
        if held := held_seconds(self.events, self.ended_at):
            document["held_seconds"] = held
        document.pop("verified_at", None)
        if self.outcome is Outcome.COMPLETED and (checked := verified_at(self.events)):
            document["verified_at"] = checked
        document["lasted"] = self.how_long(document)
        document.pop("repair_seconds", None)
        document.pop("respond_seconds", None)
        if document["flags"] or self.kind is WorkKind.PREVENTIVE:  # nobody waited for it: no report, no failure
            return document
        if self.outcome is Outcome.COMPLETED and self.ended_at:
            document["repair_seconds"] = int((self.ended_at - self.reported_at).total_seconds())
        if self.responded_at and self.responded_at >= self.reported_at:
            document["respond_seconds"] = int((self.responded_at - self.reported_at).total_seconds())
        return document

    @classmethod
    def as_it_stood(
        cls,
        document: Mapping[str, Any],
        moment: datetime,
        was: Mapping[str, Any],
        zone: ZoneInfo,  # noqa: ARG003 (another record's days need it)
    ) -> dict[str, Any] | None:
        """As every record's: the last step that had been made says where it stood, its spells whether it was owed."""
        if document["reported_at"] > moment:
            return None
        kept = {**document}
        as_it_was(kept, "due_at", moment)
        spells, story = document.get("reopenings", ()), document.get("events", ())
        steps = [step for step in story if step["at"] <= moment]
        undone = [spell for spell in spells if spell["reopened_at"] > moment]
        answer = document.get("responded_at")
        moments = (document.get("ended_at"), document.get("verified_at"), answer)
        if stirred := bool(undone or len(steps) < len(story) or any(at and at > moment for at in moments)):
            held = undone[0] if undone else document  # the ending that stood, or was to come
            over = not (held is document and document["is_open"])
            over = over and (held.get("ended_at") is None or held["ended_at"] <= moment)
            kept |= {name: held.get(name) if over else None for name in ("ended_at", "outcome")}
            kept |= {"events": steps, "reopenings": [spell for spell in spells if spell["reopened_at"] <= moment]}
            kept["responded_at"] = answer if answer and answer <= moment else None
            status = steps[-1]["status"] if steps else ""
            if not status or (status in OPEN) is over:  # a sheet told no steps
                status = cls._without_a_story(kept, held, moment, over=over)
            kept["status"] = status
            if status != document["status"]:
                kept["hold_reason"] = steps[-1].get("note") if status == Status.ON_HOLD.value else None
        kept |= was
        if not stirred and kept == document:  # then nothing follows from it
            return kept
        return cls.from_document({name: value for name, value in kept.items() if value is not None}).to_document()

    @staticmethod
    def _without_a_story(kept: Mapping[str, Any], held: Mapping[str, Any], moment: datetime, *, over: bool) -> str:
        if not over:
            return (
                Status.REOPENED if kept["reopenings"] else Status.ACCEPTED if kept["responded_at"] else Status.REPORTED
            ).value
        if kept["outcome"] != Outcome.COMPLETED.value:
            return (Status.REJECTED if kept["outcome"] == Outcome.REJECTED.value else Status.CLOSED).value
        checked = held.get("verified_at")
        return (Status.VERIFIED if checked and checked <= moment else Status.DONE).value

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """Ended before it was reported; a moment in a year no work order here can have."""
        ended = document.get("ended_at")
        if ended and ended < document["reported_at"]:
            yield Flag.ENDED_BEFORE_REPORTED
        if far_away(*(document.get(name) for name in ("reported_at", "responded_at", "due_at", "ended_at"))):
            yield Flag.YEAR_FAR_AWAY

    @staticmethod
    def contributions(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """What one work order adds to the counters: see the table in ``docs/data-dictionary.md``, Counters. Most of its
        flows are kept a second time for the company that has it: one small document a month and grid."""
        yield from WorkOrder._of_its_facility(document, zone)
        yield from WorkOrder._of_its_person(document, zone)
        company = document.get("company_id")
        if company is None:
            yield from WorkOrder._counted(document, zone)
            return
        for atom, n in WorkOrder._counted(document, zone):
            yield atom, n
            if atom[1] == "month" and (atom[5] in OF_A_COMPANY or atom[5].startswith("respond.")):
                yield ("company_orders", "cells", atom[2], atom[3], company, atom[5]), n

    @staticmethod
    def _of_its_facility(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``failures`` in the month of the report: what was neither preventive nor a false alarm; what these cost, and
        of how many that is noted. In stock: what is noted as the cost of open repairs. All of a month and grid stand
        in one document, by facility (``of.F1.failures``)."""
        facility = document.get("facility_id")
        if not facility or document.get("kind") == WorkKind.PREVENTIVE.value:
            return
        grid, cost = document.get("grid_id") or "", document.get("cost_cents")
        if document.get("outcome") not in NO_DANGER:
            own = ("facility_orders", "cells", month_of(document["reported_at"], zone), grid, "")
            key = f"of.{path_key(facility)}"
            yield (*own, f"{key}.failures"), 1
            if cost is not None:
                yield (*own, f"{key}.costed"), 1
                yield (*own, f"{key}.cost_cents"), cost
        if cost and document["is_open"]:
            yield ("facility_orders", "stock", "now", grid, facility, "cost_cents"), cost

    @staticmethod
    def _of_its_person(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """What was ``completed`` in the month it ended, for whoever had it in the end: its ``minutes``, and
        ``reworked`` if it was reopened at least once; whether the ending was ``on_time`` or ``late`` (see ``timed``).
        All of a month and grid stand in one document, by person (``of.p1.minutes``)."""
        person, ended, outcome = (document.get(name) for name in ("assignee_id", "ended_at", "outcome"))
        if not person or not ended:
            return
        own = ("person_orders", "cells", month_of(ended, zone), document.get("grid_id") or "", "")
        key = f"of.{path_key(person)}"
        if (how := timed(document, ended, outcome)) in ("on_time", "late"):
            yield (*own, f"{key}.{how}"), 1
        if outcome != Outcome.COMPLETED.value:
            return
        yield (*own, f"{key}.completed"), 1
        if hours := document.get("actual_hours"):
            yield (*own, f"{key}.minutes"), round(hours * 60)
        if document.get("reopenings"):
            yield (*own, f"{key}.reworked"), 1

    @staticmethod
    def _counted(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """What it adds whoever has it.

        Flows stand in the month they happened: ``opened`` (of these ``end_unknown``: over, but nobody knows when),
        ``ended`` (and by outcome), ``reopened``, ``on_time``/``late``/``no_due`` (see ``timed``), ``fell_overdue``/
        ``left_overdue``; durations in seconds as sum, number and histogram. Stocks: ``open`` and what the backlog in
        weeks needs.
        """
        grid, category = document.get("grid_id") or "", document["category"]
        reported, due, ended = document["reported_at"], document.get("due_at"), document.get("ended_at")

        def flow(at: datetime, name: str, n: int = 1) -> tuple[Atom, int]:
            return ("work_orders", "month", month_of(at, zone), grid, category, name), n

        def duration(at: datetime, name: str, seconds: int) -> Iterator[tuple[Atom, int]]:
            yield flow(at, f"{name}_n")
            yield flow(at, f"{name}_seconds", seconds)
            yield flow(at, f"{name}.{duration_bin(seconds)}")

        yield flow(reported, "opened")
        if (estimate := document.get("estimated_hours")) is not None:
            yield flow(reported, "estimated_n")
            yield flow(reported, "estimated_minutes", round(estimate * 60))
        if document.get("dangerous"):
            yield flow(reported, "dangerous")
        if document.get("repeat_of"):
            yield flow(reported, "repeat")
        if document.get("kind") == WorkKind.PREVENTIVE.value:
            yield flow(reported, "preventive")
        day = document.get("scheduled_for")
        if day is not None and document.get("outcome") != NEVER_OWED:  # a day: no zone may move it
            scheduled = "work_orders", "month", f"{day.year:04d}-{day.month:02d}", grid, category
            done = document.get("outcome") == Outcome.COMPLETED.value and ended
            late = (day_of(ended, zone) - day.date()).days if done and ended else None
            yield (*scheduled, "scheduled"), 1
            if late is not None and late <= 0:
                yield (*scheduled, "as_scheduled"), 1
            if document.get("kind") == WorkKind.PREVENTIVE.value:
                yield (*scheduled, "preventive_due"), 1
                if late is not None and late <= document.get("grace_days", 0):
                    yield (*scheduled, "preventive_met"), 1
        if document.get("dangerous") and not document.get("hazard_id"):
            # a danger is a hazard by itself (S1), counted where it was found; what was never one is none
            if document.get("outcome") not in NO_DANGER:
                yield flow(reported, "hazard")
            if document["status"] in (Status.VERIFIED.value, Status.CLOSED.value) and (
                document.get("outcome") == Outcome.COMPLETED.value
            ):
                yield flow(reported, "hazard_checked")
        if (seconds := document.get("respond_seconds")) is not None:
            yield from duration(document["responded_at"], "respond", seconds)
        spells = [(past["ended_at"], past["reopened_at"], past["outcome"]) for past in document.get("reopenings", ())]
        for past in document.get("reopenings", ()):
            if (checked := past.get("verified_at")) is not None:  # what was found of it then was so then
                yield flow(checked, "verified")
                yield flow(past["reopened_at"], "rework_verified")
        for month in sorted({month_of(each["at"], zone) for each in document.get("postponements", ())}):
            yield ("work_orders", "month", month, grid, category, "postponed"), 1
        is_open = document["is_open"]
        if document["status"] != Status.REPORTED.value:  # some answered by ending it, some nobody knows when
            first = min((past["ended_at"] for past in document.get("reopenings", ())), default=ended)
            yield flow(min(filter(None, (document.get("responded_at"), first)), default=reported), "answered")
        if not is_open and not ended:
            yield flow(reported, "end_unknown")  # it left the backlog nobody knows when, so the course leaves it out
        if not is_open and ended:
            spells.append((ended, None, document.get("outcome") or Outcome.COMPLETED.value))
        began = reported  # of the spell in which work is owed
        for end, reopened, outcome in spells:
            yield flow(end, "ended")
            yield flow(end, f"ended_{outcome}")
            if reopened:
                yield flow(reopened, "reopened")
                if outcome == Outcome.COMPLETED.value:
                    yield flow(reopened, "rework")  # it was said to be mended and was not
            if how := timed(document, end, outcome):
                yield flow(end, how)
            if how == "late" and due and end > due:  # not what is late only for having been put off too late
                yield flow(max(due, began), "fell_overdue")
                yield flow(end, "left_overdue")
            began = reopened or began
        if (cost := document.get("cost_cents")) and ended:
            yield flow(ended, "cost_cents", cost)
        if (hours := document.get("actual_hours")) and ended:
            yield flow(ended, "actual_minutes", round(hours * 60))
            if document.get("kind") == WorkKind.PREVENTIVE.value:
                yield flow(ended, "preventive_minutes", round(hours * 60))
        if (held := document.get("held_seconds")) and ended:
            yield flow(ended, "held_n")
            yield flow(ended, "held_seconds", held)
        if (score := document.get("satisfaction")) and ended:
            yield flow(ended, "satisfaction_n")
            yield flow(ended, "satisfaction_sum", score)
        if (seconds := document.get("repair_seconds")) is not None and ended:
            yield from duration(ended, "repair", seconds)
        if not is_open:
            if ended and document.get("outcome") == Outcome.COMPLETED.value:
                if document["status"] == Status.DONE.value:
                    yield ("work_orders", "stock", "now", grid, category, "to_verify"), 1
                else:
                    yield flow(document.get("verified_at") or ended, "verified")
            return
        yield ("work_orders", "stock", "now", grid, category, "open"), 1
        yield ("work_orders", "stock", "now", grid, category, f"priority_{document['priority']}"), 1
        yield ("work_orders", "stock", "now", grid, category, f"status_{document['status']}"), 1
        if estimate is not None:
            yield ("work_orders", "stock", "now", grid, category, "estimated_minutes"), round(estimate * 60)
        else:
            yield ("work_orders", "stock", "now", grid, category, "unestimated"), 1
        reported_day = day_of(reported, zone)
        due_key = day_of(due, zone).strftime("%Y%m%d") if due else "none"
        age = f"{reported_day.day:02d}.{due_key}"
        yield ("work_orders", "age", f"{reported_day.year:04d}-{reported_day.month:02d}", grid, category, age), 1
        if due:
            due_day = day_of(due, zone)
            yield (
                ("work_orders", "due", f"{due_day.year:04d}-{due_day.month:02d}", grid, category, f"{due_day.day:02d}"),
                1,
            )
            yield flow(max(due, began), "fell_overdue")
        else:
            yield ("work_orders", "stock", "now", grid, category, "no_due"), 1
