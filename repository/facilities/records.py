"""What a facility is, and when its service life ends."""

import calendar
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.grids import Point
from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Flag,
    Index,
    Money,
    Part,
    Precision,
    Record,
    Ref,
    Shown,
    Term,
    day_then,
    entered_later,
    rewound,
)
from repository.store import FieldProblem
from repository.words import Message, msg

DAYS_A_YEAR = 365.2425
FIRST_DAY, LAST_DAY = date(1800, 1, 1), date(2100, 12, 31)


class Category(Choice):
    """The four kinds of facility the source document names (section 3.1)."""

    FITNESS = "fitness", msg("Fitness equipment"), "健身器材", "体育设施", "playground", "Spielplatz"
    VEHICLE = "vehicle_access", msg("Vehicle access"), "车辆出入口", "道闸", "车辆管理"
    PERSONNEL = "personnel_access", msg("Personnel access"), "人员出入口", "门禁", "人员登记"
    PROPERTY = "property", msg("Property management"), "物业管理", "物业设施", "公共设施"


class Condition(Choice):
    """Grade 1 (best) to 5, in the direction of the International Infrastructure Management Manual; shown in words
    because some tools count the other way."""

    EXCELLENT = "1", msg("1 Excellent"), "优", "很好", "1"
    GOOD = "2", msg("2 Good"), "良", "好", "2"
    FAIR = "3", msg("3 Fair"), "中", "一般", "3"
    POOR = "4", msg("4 Poor"), "差", "4"
    VERY_POOR = "5", msg("5 Very poor"), "很差", "5"


class ServiceStatus(Choice):
    """Whether people can use it."""

    IN_SERVICE = "in_service", msg("In service"), "在用", "使用中", "正常"
    OUT_OF_ORDER = "out_of_order", msg("Out of order"), "停用", "故障", "损坏"
    RETIRED = "retired", msg("Retired"), "报废", "已拆除", "拆除"


class Control(Choice):
    """How entries are checked."""

    MANUAL = "manual", msg("By hand"), "人工", "手动"
    SMART = "smart", msg("Smart"), "智能", "自动识别"
    NONE = "none", msg("Not checked"), "无", "不登记"


class FitnessDetails(Part):
    """What matters for fitness and play equipment."""

    category: Literal[Category.FITNESS] = Field(default=Category.FITNESS, title=msg("Category"))
    material: str | None = Field(default=None, max_length=LINE, title=msg("Material"))
    standard: str | None = Field(
        default=None, max_length=LINE, title=msg("Standard"), description=msg("Such as GB 19272-2011")
    )
    pieces: int | None = Field(default=None, ge=0, le=10_000, title=msg("Pieces"))
    area_m2: Annotated[float | None, Shown(unit="m²")] = Field(default=None, ge=0, le=10_000_000, title=msg("Area"))


class VehicleDetails(Part):
    """What matters for a vehicle gate."""

    category: Literal[Category.VEHICLE] = Field(default=Category.VEHICLE, title=msg("Category"))
    control: Control = Field(default=Control.MANUAL, title=msg("Entry control"))
    lanes: int | None = Field(default=None, ge=0, le=50, title=msg("Lanes"))
    records_exit: bool = Field(default=False, title=msg("Exit is recorded"))


class PersonnelDetails(Part):
    """What matters for a door or gate that people enter by."""

    category: Literal[Category.PERSONNEL] = Field(default=Category.PERSONNEL, title=msg("Category"))
    control: Control = Field(default=Control.MANUAL, title=msg("Entry control"))
    doors: int | None = Field(default=None, ge=0, le=500, title=msg("Doors"))
    visitors_registered: bool = Field(default=False, title=msg("Visitors are registered"))


class PropertyDetails(Part):
    """What matters for what a property company keeps: lifts, lighting, pumps, pipes."""

    category: Literal[Category.PROPERTY] = Field(default=Category.PROPERTY, title=msg("Category"))
    company_id: Annotated[str | None, Ref(to="organizations")] = Field(
        default=None, max_length=64, title=msg("Company on the list")
    )
    company: str | None = Field(default=None, max_length=LINE, title=msg("Property company"))
    system: str | None = Field(
        default=None, max_length=LINE, title=msg("System"), description=msg("Such as lift, lighting, drainage")
    )


Details = FitnessDetails | VehicleDetails | PersonnelDetails | PropertyDetails
DETAILS: Mapping[Category, type[Part]] = {
    Category.FITNESS: FitnessDetails,
    Category.VEHICLE: VehicleDetails,
    Category.PERSONNEL: PersonnelDetails,
    Category.PROPERTY: PropertyDetails,
}


class FacilityKind(Choice):
    """Kinds we know; any other may be written."""

    WALKER = "walker", msg("Air walker"), "漫步机"
    BAR = "horizontal_bar", msg("Horizontal bar"), "单杠"
    TWISTER = "waist_twister", msg("Waist twister"), "扭腰器"
    LEG_PRESS = "leg_press", msg("Leg press"), "蹬力器"
    TABLE_TENNIS = "table_tennis", msg("Table tennis table"), "乒乓球台"
    SHOULDER = "shoulder_wheel", msg("Shoulder wheel"), "太极推揉器"
    BARRIER = "barrier_gate", msg("Barrier gate"), "道闸"
    DOOR = "access_door", msg("Access door"), "门禁"
    BOOTH = "registration_point", msg("Registration point"), "登记点", "门岗"
    LIFT = "lift", msg("Lift"), "电梯"
    LIGHTING = "lighting", msg("Lighting"), "路灯", "照明"
    PUMP = "water_pump", msg("Water pump"), "水泵"
    DRAIN = "drainage", msg("Drainage"), "排水"
    WASTE = "waste_station", msg("Waste station"), "垃圾站"


class ConditionEntry(Part):
    """What somebody found, or decided, on one day: condition and service status as they stood from then on."""

    at: datetime = Field(title=msg("At"))
    by: str = Field(max_length=LINE, title=msg("By"))
    condition: Condition | None = Field(default=None, title=msg("Condition"))
    status: ServiceStatus | None = Field(default=None, title=msg("Service status"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))
    order_id: str | None = Field(default=None, max_length=64, title=msg("Work order"))


class PlannedReplacement(Part):
    """What somebody decided about when to replace it. ``instead_of`` is the year the plan had it in without a decision;
    neither ``year`` nor reason: the decision before was taken back, and its service life says when. ``renewed_on``
    as it was known then: another renewal ends the decision."""

    at: datetime = Field(title=msg("At"))
    by: str = Field(max_length=LINE, title=msg("By"))
    year: int | None = Field(default=None, ge=2000, le=2100, title=msg("Planned year"))
    instead_of: int | None = Field(default=None, ge=1800, le=2400, title=msg("Instead of"))
    reason: str | None = Field(default=None, max_length=PAGE, title=msg("Reason"))
    cost_cents: Annotated[int | None, Money()] = Field(
        default=None, ge=0, le=100_000_000_000, title=msg("Planned cost")
    )
    renewed_on: Annotated[date | None, Day()] = Field(default=None, title=msg("Renewed on"))


class Facility(Record):
    """One thing that can break: it has a label with a code, a place, an age and a condition."""

    collection = "facilities"
    title = msg("Facilities")
    natural_key = ("code",)
    indexes = (
        Index(("community_id", "code"), "a label's code is its own", unique=True),
        Index(("community_id", "category", "status"), "the register and its figures by category"),
        Index(("community_id", "grid_id"), "a grid's facilities"),
    )
    stirred = ("updated_at",)
    traced = frozenset(
        {
            *("condition", "status"),  # a sheet that is brought in again changes them without a word in the history
            *("renewed_on", "renewed_precision", "replacement_cost_cents", "responsible_id", "details"),
        }
    )

    code: Annotated[str, Shown(aliases=("编号", "设施编号", "资产编号", "Code"))] = Field(
        min_length=1, max_length=60, title=msg("Code"), description=msg("As on the label")
    )
    name: Annotated[str, Shown(aliases=("设施名称", "名称", "Name"))] = Field(
        min_length=1, max_length=LINE, title=msg("Name")
    )
    category: Annotated[Category, Shown(aliases=("类别", "设施类别"))] = Field(title=msg("Category"))
    kind: Annotated[str | None, Term(of=FacilityKind, aliases=("种类", "类型"))] = Field(
        default=None, max_length=60, title=msg("Kind")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    site: Annotated[str | None, Shown(aliases=("位置", "地点", "安装地点"))] = Field(
        default=None, max_length=LINE, title=msg("Site")
    )
    position: Annotated[Point | None, Shown(form=False, table=False)] = Field(default=None, title=msg("Position"))
    installed_on: Annotated[
        date | None, Day(precision="installed_precision", aliases=("安装日期", "安装年份", "启用日期"))
    ] = Field(default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Installed on"))
    installed_precision: Annotated[Precision, Shown(form=False, table=False)] = Field(
        default=Precision.DAY, title=msg("Precision of installation date")
    )
    renewed_on: Annotated[date | None, Day(precision="renewed_precision", aliases=("翻新日期", "大修日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Renewed on")
    )
    renewed_precision: Annotated[Precision, Shown(form=False, table=False)] = Field(
        default=Precision.DAY, title=msg("Precision of renewal date")
    )
    service_life_years: Annotated[float | None, Shown(unit=msg("years"), aliases=("使用年限", "设计寿命"))] = Field(
        default=None, ge=0.5, le=200, title=msg("Service life")
    )
    condition: Annotated[Condition | None, Shown(aliases=("状况", "状况等级", "完好程度"))] = Field(
        default=None, title=msg("Condition")
    )
    status: Annotated[ServiceStatus, Shown(aliases=("使用状态",))] = Field(
        default=ServiceStatus.IN_SERVICE, title=msg("Service status")
    )
    condition_history: Annotated[tuple[ConditionEntry, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=500, title=msg("Condition history"), description=msg("Oldest first")
    )
    replacement_cost_cents: Annotated[int | None, Money(aliases=("重置成本", "更换费用", "重置价"))] = Field(
        default=None, ge=0, le=100_000_000_000, title=msg("Replacement cost")
    )
    replacement_plan: Annotated[tuple[PlannedReplacement, ...], Shown(form=False, table=False)] = Field(
        default=(),
        max_length=100,
        title=msg("Decisions on its replacement"),
        description=msg("Oldest first; the last one holds until it is renewed"),
    )
    responsible_id: Annotated[str | None, Ref(to="people", aliases=("责任人", "管护责任人"))] = Field(
        default=None, max_length=64, title=msg("Responsible person")
    )
    details: Annotated[Details | None, Shown(table=False)] = Field(
        default=None, discriminator="category", title=msg("Details")
    )
    remark: Annotated[str | None, Shown(long=True, aliases=("备注",))] = Field(
        default=None, max_length=PAGE, title=msg("Remark")
    )

    @field_validator("details")
    @classmethod
    def _details_of_the_category(cls, value: Details | None, info: ValidationInfo) -> Details | None:
        category = info.data.get("category")
        if value is not None and category is not None and value.category != category:
            raise FieldProblem(
                msg("These details are of another category than the facility: {details}, {category}."),
                details=Message(value.category.label),
                category=Message(category.label),
            )
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: it stood from its installation on, else since its condition was noted first, else since it
        was entered; its histories tell condition, service status and what was decided. Of what has no history all
        was always so; before the first entry of one nothing is known."""
        day, history = day_then(moment, zone), document.get("condition_history", ())
        installed, plan = document.get("installed_on"), document.get("replacement_plan", ())
        noted = history[0]["at"] > moment if history else entered_later(document, moment)
        if (installed is None or installed > day) and noted:
            return None
        known = {**document}
        if history and history[-1]["at"] > moment:
            known["condition_history"] = [entry for entry in history if entry["at"] <= moment]
            last: Mapping[str, Any] = next(reversed(known["condition_history"]), {})
            known |= {
                "condition": last.get("condition"),
                "status": last.get("status") or ServiceStatus.IN_SERVICE.value,
            }
        if plan and plan[-1]["at"] > moment:
            known["replacement_plan"] = [decision for decision in plan if decision["at"] <= moment]
        renewed = document.get("renewed_on")
        if renewed is not None and renewed <= day:  # whenever somebody wrote it down
            was = {name: value for name, value in was.items() if not name.startswith("renewed_")}
        return rewound(known, was)

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """Renewed before it was built; built or renewed in a year no facility here can have."""
        built, renewed = document.get("installed_on"), document.get("renewed_on")
        if built and renewed and renewed < built:
            yield Flag.RENEWED_BEFORE_INSTALLED
        if any(day and not 1850 <= day.year <= 2060 for day in (built, renewed)):
            yield Flag.YEAR_FAR_AWAY


# --- service life
SERVICE_LIFE_YEARS: Mapping[str, float] = MappingProxyType(
    {
        Category.FITNESS: 8,  # GB 19272-2011 as sports bureaus quote it; pages disagree, 4 to 8 (metric F3)
        Category.VEHICLE: 8,  # this and what follows: trade custom, no standard
        Category.PERSONNEL: 8,
        Category.PROPERTY: 15,
        FacilityKind.LIFT: 15,
        FacilityKind.LIGHTING: 10,
        FacilityKind.PUMP: 10,
        FacilityKind.DRAIN: 30,
    }
)
"""Years of service by kind, else by category, where neither the facility nor its community says otherwise."""


def lives_over(own: Iterable[tuple[str, float]]) -> Mapping[str, float]:
    """Years by kind and category: a community's own over ``SERVICE_LIFE_YEARS``."""
    return MappingProxyType({**SERVICE_LIFE_YEARS, **{of: float(years) for of, years in own}})


def service_life(facility: Facility, lives: Mapping[str, float] = SERVICE_LIFE_YEARS) -> float:
    """Years: the facility's own, else its kind's, else its category's in ``lives``."""
    if facility.service_life_years is not None:
        return facility.service_life_years
    return lives.get(facility.kind or "", lives[facility.category])


def age_years(facility: Facility, on: date) -> float | None:
    """Years since it was renewed, else installed; None if neither is known. A day known only to its month or year
    counts from the first day it can be."""
    start = facility.renewed_on if facility.renewed_on and facility.renewed_on <= on else facility.installed_on
    return None if start is None or start > on else (on - start).days / DAYS_A_YEAR


def end_of_life(facility: Facility, on: date, lives: Mapping[str, float] = SERVICE_LIFE_YEARS) -> date | None:
    """The last day of its service life as seen ``on`` a day (a renewal starts a new one); None if its age is unknown.

    A day known only to its month or year counts as the last it can be: nobody is alarmed before it is certain.
    """
    years = service_life(facility, lives)
    if facility.renewed_on and facility.renewed_on <= on:
        return last_day(facility.renewed_on, facility.renewed_precision, years)
    return last_day(facility.installed_on, facility.installed_precision, years) if facility.installed_on else None


@lru_cache(maxsize=20_000)
def last_day(start: date, precision: str, years: float) -> date:
    """The last day of a service life of ``years`` (whole months) from ``start``, at the latest that ``precision``
    allows."""
    year, month, day = start.year, start.month, start.day
    if precision == Precision.YEAR:
        month, day = 12, 31
    elif precision == Precision.MONTH:
        day = 31
    year, month = divmod(year * 12 + month - 1 + round(years * 12), 12)
    return date(year, month + 1, day if day < 29 else min(day, calendar.monthrange(year, month + 1)[1]))
