"""What is known of organisations: who they are, what they offer, what is needed, and how they took part. Pure."""

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
    Record,
    Ref,
    Shown,
    Term,
    day_then,
    entered_later,
    far_away,
    rewound,
)
from repository.rollups import Atom
from repository.store import FieldProblem
from repository.words import msg

ENDING_DAYS = 90
"""A contract or agreement that ends within so many days is called out."""
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)


class OrganizationKind(Choice):
    """What kind of organisation it is."""

    PROPERTY = "property", msg("Property company"), "物业公司", "物业企业", "物业服务企业"
    CONTRACTOR = "contractor", msg("Maintenance contractor"), "维保单位", "维修单位", "承包商"
    PUBLIC_BODY = "public_body", msg("Stationed public body"), "机关单位", "事业单位", "机关", "机关事业单位"
    ENTERPRISE = "enterprise", msg("Enterprise"), "企业", "企业单位", "商业楼宇"
    SCHOOL = "school", msg("School"), "学校"
    SOCIAL = "social", msg("Social organisation"), "社会组织", "社会团体"


COMPANIES = frozenset({OrganizationKind.PROPERTY, OrganizationKind.CONTRACTOR})
"""The kinds that work is given to."""
STATIONED = frozenset(OrganizationKind) - COMPANIES
"""辖区单位: the kinds that are here for a purpose of their own, and whose taking part is measured (U1)."""


class CompanyService(Choice):
    """What a company does here; other words are kept as they are."""

    REPAIRS = "repairs", msg("Repairs"), "维修", "报修"
    LIFTS = "lifts", msg("Lift maintenance"), "电梯维保"
    CLEANING = "cleaning", msg("Cleaning"), "保洁"
    SECURITY = "security", msg("Security and gates"), "保安", "秩序维护"
    GREENERY = "greenery", msg("Greenery"), "绿化"
    FITNESS = "fitness", msg("Fitness equipment"), "健身器材"


def _after(value: date | None, info: ValidationInfo, since: str) -> date | None:
    first = info.data.get(since)
    if value and first and value < first:
        raise FieldProblem(msg("It cannot end before it began ({since})."), since=first.isoformat())
    return value


class Organization(Record):
    """A property company, contractor, stationed body or other organisation. ``contract_*`` is what a company was hired
    by, ``agreement_*`` the co-construction agreement (共建协议) that a stationed one signed."""

    collection = "organizations"
    title = msg("Organisations")
    grid_field = None
    natural_key = ("name",)
    indexes = (
        Index(("community_id", "name"), "a name is one organisation's", unique=True),
        Index(("community_id", "kind", "name"), "the companies; the stationed bodies"),
    )
    stirred = ("updated_at",)
    traced = frozenset(
        {
            *("active", "stationed_from", "stationed_until", "agreement_from", "agreement_until", "agreement_file"),
            *("contract_from", "contract_until", "services", "staff", "certified_staff", "grid_id", "liaison_id"),
        }
    )

    name: Annotated[str, Shown(aliases=("名称", "单位", "单位名称", "公司", "公司名称", "物业公司"))] = Field(
        min_length=1, max_length=120, title=msg("Name")
    )
    kind: Annotated[OrganizationKind, Shown(aliases=("单位类型", "性质", "单位性质", "类型"))] = Field(
        default=OrganizationKind.PROPERTY, title=msg("Kind")
    )
    services: Annotated[
        tuple[Annotated[str, Field(max_length=60)], ...], Term(of=CompanyService, aliases=("服务内容", "服务项目"))
    ] = Field(default=(), max_length=30, title=msg("Services"))
    contract_from: Annotated[date | None, Day(aliases=("合同开始", "合同起"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Contract from")
    )
    contract_until: Annotated[date | None, Day(aliases=("合同到期", "合同止", "合同截止"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Contract until")
    )
    staff: Annotated[int | None, Shown(unit=msg("people"), aliases=("员工数", "人员数", "职工人数", "规模"))] = Field(
        default=None, ge=0, le=1_000_000, title=msg("Staff here")
    )
    certified_staff: Annotated[int | None, Shown(unit=msg("people"), aliases=("持证人数",))] = Field(
        default=None, ge=0, le=1_000_000, title=msg("Certified staff")
    )
    address: Annotated[str | None, Shown(aliases=("地址", "单位地址"))] = Field(
        default=None, max_length=LINE, title=msg("Address")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所在网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    liaison_id: Annotated[str | None, Ref(to="people", aliases=("联系人", "联络员"))] = Field(
        default=None, max_length=64, title=msg("Liaison"), description=msg("Who of their people speaks for them here")
    )
    stationed_from: Annotated[date | None, Day(aliases=("入驻日期", "入驻时间"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Here since")
    )
    stationed_until: Annotated[date | None, Day(aliases=("迁出日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Here until")
    )
    agreement_from: Annotated[date | None, Day(aliases=("协议签订日期", "共建协议签订", "签约日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Agreement signed on")
    )
    agreement_until: Annotated[date | None, Day(aliases=("协议到期", "共建协议到期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Agreement until")
    )
    agreement_file: Annotated[str | None, Shown(aliases=("协议编号", "协议存放"))] = Field(
        default=None,
        max_length=LINE,
        title=msg("Agreement's file"),
        description=msg("Its number, and where the paper is kept"),
    )
    active: bool = Field(
        default=True, title=msg("Still here"), description=msg("A company that is still here can be given work")
    )
    remark: Annotated[str | None, Shown(long=True, aliases=("备注",))] = Field(
        default=None, max_length=PAGE, title=msg("Remark")
    )

    @field_validator("contract_until")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        return _after(value, info, "contract_from")

    @field_validator("stationed_until")
    @classmethod
    def _stay_in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        return _after(value, info, "stationed_from")

    @field_validator("agreement_until")
    @classmethod
    def _agreement_in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        return _after(value, info, "agreement_from")

    @field_validator("certified_staff")
    @classmethod
    def _of_the_staff(cls, value: int | None, info: ValidationInfo) -> int | None:
        staff = info.data.get("staff")
        if value is not None and staff is not None and value > staff:
            raise FieldProblem(msg("There cannot be more certified than there are: {staff}."), staff=staff)
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: there since the day somebody noted, else since it was entered. A day up to then is as it
        is written now, whenever that was."""
        day = day_then(moment, zone)
        known = [document[name] for name in ("stationed_from", "contract_from", "agreement_from") if name in document]
        if entered_later(document, moment) and not any(each <= day for each in known):
            return None
        late = {
            name for name in was if name.endswith(("_from", "_until")) and name in document and document[name] <= day
        }
        return rewound(document, {name: value for name, value in was.items() if name not in late})

    @property
    def ends_on(self) -> date | None:
        """The last day of contract or agreement, whichever is later; None where neither names one."""
        return max((day for day in (self.contract_until, self.agreement_until) if day), default=None)

    def days_left(self, on: date) -> int | None:
        """Days until the contract ends; negative when it has. None without an end."""
        return None if self.contract_until is None else (self.contract_until - on).days

    def ends_soon(self, on: date) -> bool:
        """Whether the contract ends within ENDING_DAYS, or has ended."""
        left = self.days_left(on)
        return self.active and left is not None and left <= ENDING_DAYS

    def agreement_ends_soon(self, on: date) -> bool:
        """Whether the co-construction agreement ends within ENDING_DAYS, or has ended."""
        return self.active and self.agreement_until is not None and (self.agreement_until - on).days <= ENDING_DAYS

    def is_stationed(self, first: date, last: date) -> bool:
        """Whether it was an active 辖区单位 on some day from ``first`` to ``last``. One that is not active any more
        counts up to the day it left, where that is known."""
        if self.kind not in STATIONED or not (self.active or self.stationed_until):
            return False
        return (self.stationed_from or first) <= last and (self.stationed_until or last) >= first


# --- what is offered and what is needed
class GiftKind(Choice):
    """What kind of thing is offered or needed."""

    VENUE = "venue", msg("Venue"), "场地", "场所"
    PEOPLE = "people", msg("People"), "人员", "人力", "志愿者"
    SKILLS = "skills", msg("Skills"), "技能", "专业服务", "技术", "服务"
    EQUIPMENT = "equipment", msg("Equipment"), "设备", "物资", "器材"
    MONEY = "money", msg("Money"), "资金", "经费"
    OTHER = "other", msg("Other"), "其他"


class Resource(Record):
    """What an organisation offers (资源清单)."""

    collection = "resources"
    title = msg("Resources")
    name_field = "what"
    grid_field = None
    natural_key = ("organization_id", "what")
    indexes = (
        Index(("community_id", "organization_id"), "what one organisation offers"),
        Index(("community_id", "kind"), "what is offered of a kind"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset({"quantity", "unit", "available", "since", "until", "conditions"})
    ends_removed = True

    organization_id: Annotated[str, Ref(to="organizations", aliases=("单位", "单位名称", "提供单位"))] = Field(
        max_length=64, title=msg("Organisation")
    )
    kind: Annotated[GiftKind, Shown(aliases=("资源类型", "类型", "类别"))] = Field(
        default=GiftKind.VENUE, title=msg("Kind")
    )
    what: Annotated[str, Shown(aliases=("资源", "资源名称", "资源内容"))] = Field(
        min_length=1, max_length=LINE, title=msg("What is offered")
    )
    quantity: Annotated[float | None, Shown(aliases=("数量",))] = Field(
        default=None, ge=0, le=1e9, title=msg("Quantity")
    )
    unit: Annotated[str | None, Shown(aliases=("单位（量）", "计量单位"))] = Field(
        default=None, max_length=20, title=msg("Unit of quantity")
    )
    available: Annotated[str | None, Shown(aliases=("可用时间", "开放时间"))] = Field(
        default=None, max_length=LINE, title=msg("When available"), description=msg("Such as: Saturdays, 9 to 17")
    )
    since: Annotated[date | None, Day(aliases=("起始日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Offered from")
    )
    until: Annotated[date | None, Day(aliases=("截止日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Offered until")
    )
    conditions: Annotated[str | None, Shown(long=True, aliases=("使用条件", "条件"))] = Field(
        default=None, max_length=PAGE, title=msg("Conditions")
    )

    @field_validator("until")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        return _after(value, info, "since")

    def offered(self, on: date) -> bool:
        """Whether it can be had on that day."""
        return (self.since or on) <= on <= (self.until or on)


class NeedState(Choice):
    """Where a need stands."""

    OPEN = "open", msg("Unmatched"), "待对接", "未对接"
    MATCHED = "matched", msg("Matched"), "已对接"
    MET = "met", msg("Met"), "已满足", "已解决"
    WITHDRAWN = "withdrawn", msg("Withdrawn"), "已撤回"


class NeedStep(Choice):
    """What happened to a need."""

    LISTED = "listed", msg("Listed")
    MATCHED = "matched", msg("Matched")
    FELL_THROUGH = "fell_through", msg("The match fell through")
    MET = "met", msg("Met")
    WITHDRAWN = "withdrawn", msg("Withdrawn")
    REOPENED = "reopened", msg("Listed again")


class NeedEvent(Deed):
    """One step of a need's story."""

    step: NeedStep = Field(title=msg("Step"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))


class Need(Record):
    """What is needed (需求清单): by an organisation, or by the community, a grid or its residents."""

    collection = "needs"
    title = msg("Needs")
    name_field = "what"
    natural_key = ("what", "listed_on")
    indexes = (
        Index(("community_id", "state", "listed_on"), "what is unmatched, the oldest first"),
        Index(("community_id", "listed_on"), "newest first; a month's rebuild"),
        Index(("community_id", "matched_on"), "a month's rebuild", where={"matched_on": {"$exists": True}}),
        Index(("community_id", "met_on"), "a month's rebuild", where={"met_on": {"$exists": True}}),
        Index(("community_id", "withdrawn_on"), "a month's rebuild", where={"withdrawn_on": {"$exists": True}}),
        Index(("community_id", "resource_id"), "what a resource went to", where={"resource_id": {"$exists": True}}),
        Index(("community_id", "project_id"), "what a project is for", where={"project_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("needs",)
    moments = ("listed_on", "matched_on", "met_on", "withdrawn_on")
    began = "listed_on"
    stirred = ("updated_at",)
    traced = frozenset(
        {
            *("state", "helper_id", "resource_id", "matched_on", "met_on", "withdrawn_on", "due_on"),
            *("project_id", "activity_id"),
        }
    )

    what: Annotated[str, Shown(aliases=("需求", "需求名称", "需求内容"))] = Field(
        min_length=1, max_length=LINE, title=msg("What is needed")
    )
    kind: Annotated[GiftKind, Shown(aliases=("需求类型", "类型", "类别"))] = Field(
        default=GiftKind.OTHER, title=msg("Kind")
    )
    organization_id: Annotated[str | None, Ref(to="organizations", aliases=("需求单位", "提出单位"))] = Field(
        default=None,
        max_length=64,
        title=msg("Needed by organisation"),
        description=msg("Empty when residents or the community need it"),
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid"), description=msg("Empty when it is for the whole community")
    )
    quantity: Annotated[float | None, Shown(aliases=("数量",))] = Field(
        default=None, ge=0, le=1e9, title=msg("Quantity")
    )
    unit: Annotated[str | None, Shown(aliases=("计量单位",))] = Field(
        default=None, max_length=20, title=msg("Unit of quantity")
    )
    listed_on: Annotated[date, Day(aliases=("提出日期", "登记日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Listed on")
    )
    due_on: Annotated[date | None, Day(aliases=("期望时间", "需要日期", "截止日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Needed by")
    )
    detail: Annotated[str | None, Shown(long=True, aliases=("说明", "备注"))] = Field(
        default=None, max_length=PAGE, title=msg("Details")
    )
    state: Annotated[NeedState, Shown(form=False, aliases=("状态", "对接状态"))] = Field(
        default=NeedState.OPEN, title=msg("State")
    )
    helper_id: Annotated[str | None, Ref(to="organizations", form=False, aliases=("对接单位",))] = Field(
        default=None, max_length=64, title=msg("Matched with")
    )
    resource_id: Annotated[str | None, Ref(to="resources", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Resource")
    )
    matched_on: Annotated[date | None, Day(form=False, aliases=("对接日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Matched on"), validate_default=True
    )
    met_on: Annotated[date | None, Day(form=False, aliases=("满足日期", "完成日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Met on"), validate_default=True
    )
    withdrawn_on: Annotated[date | None, Day(form=False, aliases=("撤回日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Withdrawn on"), validate_default=True
    )
    project_id: Annotated[str | None, Ref(to="projects", form=False)] = Field(
        default=None, max_length=64, title=msg("Project")
    )
    activity_id: Annotated[str | None, Ref(to="activities", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Activity")
    )
    events: Annotated[tuple[NeedEvent, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=200, title=msg("Story")
    )

    @field_validator("due_on", "matched_on", "met_on", "withdrawn_on")
    @classmethod
    def _not_before_it_was_listed(cls, value: date | None, info: ValidationInfo) -> date | None:
        listed = info.data.get("listed_on")
        if value and listed and value < listed:
            raise FieldProblem(msg("This lies before it was listed ({since})."), since=listed.isoformat())
        state, name = info.data.get("state"), info.field_name
        demanded = {
            NeedState.MATCHED: {"matched_on"},
            NeedState.MET: {"matched_on", "met_on"},
            NeedState.WITHDRAWN: {"withdrawn_on"},
        }
        if value is None and state is not None and name in demanded.get(state, ()):
            raise FieldProblem(msg("A need in this state bears this day."))
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: one that was met or withdrawn by then was, whenever somebody wrote it down, and one that
        was listed again had never been; of a match the trail tells, and where it does not the days do."""
        day, matched = day_then(moment, zone), ("matched_on", "helper_id", "resource_id", "project_id", "activity_id")
        if document["listed_on"] > day:
            return None
        told = [event for event in document.get("events", ()) if event["at"] <= moment]
        then = {**document, **({"events": told} if document.get("events") else {})}
        ended = document.get("withdrawn_on") or document.get("met_on")
        if ended is not None and ended <= day:
            return rewound(then, {name: value for name, value in was.items() if name == "due_on"})
        then = rewound(then, {**was, "met_on": None, "withdrawn_on": None})
        if "matched_on" in then and then["matched_on"] <= day:
            return then | {"state": NeedState.MATCHED.value}
        return rewound(then, {**dict.fromkeys(matched), "state": NeedState.OPEN.value})

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """A year no need here can have."""
        if far_away(document["listed_on"]):
            yield Flag.YEAR_FAR_AWAY

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``listed``, ``matched``, ``met`` and ``withdrawn``, each in its own month, by grid and kind. One that was
        withdrawn counts as never matched, so that a month's stock is listed - matched - withdrawn up to it."""
        grid, kind, state = document.get("grid_id") or "", document["kind"], document["state"]

        def flow(name: str, day: datetime) -> tuple[Atom, int]:
            return ("needs", "month", f"{day.year:04d}-{day.month:02d}", grid, kind, name), 1

        yield flow("listed", document["listed_on"])
        if state == NeedState.WITHDRAWN.value:
            yield flow("withdrawn", document["withdrawn_on"])
        elif state != NeedState.OPEN.value:
            yield flow("matched", document["matched_on"])
            if state == NeedState.MET.value:
                yield flow("met", document["met_on"])

    def days_open(self, on: date) -> int:
        """How long it has been on the list."""
        return (on - self.listed_on).days

    def days_late(self, on: date) -> int:
        """Days since it was needed and not met; 0 for what is in time, met or withdrawn."""
        if self.due_on is None or self.state in (NeedState.MET, NeedState.WITHDRAWN):
            return 0
        return max(0, (on - self.due_on).days)


# --- how they took part
class Way(Choice):
    """How an organisation took part."""

    HOSTED = "hosted", msg("Organised an activity with us"), "主办活动", "承办活动", "联合举办"
    JOINED = "joined", msg("Took part in an activity"), "参加活动", "协办活动"
    PROJECT = "project", msg("Worked on a project"), "参与共建项目", "共建项目"
    NEED = "need", msg("Met a need"), "满足需求", "提供资源"
    MEETING = "meeting", msg("Attended a meeting"), "参加会议", "参加例会"
    CONTACT = "contact", msg("Was only contacted"), "走访联系", "走访", "联系"


class Engagement(Record):
    """One day on which an organisation took part in something, or was at least talked to (``Way.CONTACT``)."""

    collection = "engagements"
    title = msg("Participation of organisations")
    name_field = "what"
    grid_field = None
    natural_key = ("organization_id", "on", "what")
    indexes = (
        Index(("community_id", "organization_id", "on"), "when an organisation was last heard of"),
        Index(("community_id", "took_part", "organization_id", "on"), "when it last took part"),
        Index(("community_id", "on"), "newest first; a month's rebuild"),
        Index(("community_id", "need_id"), "who met a need", where={"need_id": {"$exists": True}}),
        Index(("community_id", "project_id"), "who worked on a project", where={"project_id": {"$exists": True}}),
        Index(("community_id", "activity_id"), "who held an activity", where={"activity_id": {"$exists": True}}),
        Index(("community_id", "meeting_id"), "who attended a meeting", where={"meeting_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("engagements",)
    moments = ("on",)
    began = "on"

    organization_id: Annotated[str, Ref(to="organizations", aliases=("单位", "单位名称", "参与单位"))] = Field(
        max_length=64, title=msg("Organisation")
    )
    on: Annotated[date, Day(aliases=("日期", "参与日期"))] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("On day"))
    way: Annotated[Way, Shown(aliases=("参与方式", "方式"))] = Field(default=Way.JOINED, title=msg("How it took part"))
    what: Annotated[str, Shown(aliases=("内容", "事项", "参与内容"))] = Field(
        min_length=1, max_length=LINE, title=msg("What it did")
    )
    people: Annotated[int | None, Shown(unit=msg("people"), aliases=("参与人数", "人数"))] = Field(
        default=None, ge=0, le=100_000, title=msg("How many came")
    )
    activity_id: Annotated[str | None, Ref(to="activities", aliases=("活动",))] = Field(
        default=None, max_length=64, title=msg("Activity")
    )
    project_id: Annotated[str | None, Ref(to="projects", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Project")
    )
    need_id: Annotated[str | None, Ref(to="needs", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Need")
    )
    meeting_id: Annotated[str | None, Ref(to="meetings", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Meeting")
    )
    took_part: Annotated[bool, Shown(form=False, table=False)] = Field(
        default=True, title=msg("Took part"), validate_default=True
    )

    @field_validator("took_part", mode="before")
    @classmethod
    def _by_the_way(cls, value: Any, info: ValidationInfo) -> Any:
        """Follows from ``way``; kept beside it for the index."""
        way = info.data.get("way")
        return value if way is None else way is not Way.CONTACT

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``took_part`` and ``contacts`` by month; the category is the organisation."""
        on = document["on"]
        name = "took_part" if document["took_part"] else "contacts"
        yield ("engagements", "month", f"{on.year:04d}-{on.month:02d}", "", document["organization_id"], name), 1
