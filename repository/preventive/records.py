"""Preventive maintenance plans, and the days on which they fall due. Pure: no I/O."""

import calendar
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from repository.facilities import Category, FacilityKind
from repository.maintenance import Priority, Status
from repository.record import LINE, PAGE, Choice, Day, Index, Money, Record, Ref, Shown, Term
from repository.store import FieldProblem
from repository.words import msg

DAYS_A_MONTH = 365.2425 / 12
GRACE_SHARE, GRACE_MOST = 0.2, 28  # of the interval, days: SMRP's definition of compliance (metric M8)

NOT_BEGUN = frozenset({Status.REPORTED, Status.ACCEPTED, Status.ASSIGNED})
"""Where a preventive order stands that ends with its facility; one that somebody began, or waits for, is theirs."""


class Basis(Choice):
    """What the next due day counts from."""

    CALENDAR = "calendar", msg("Calendar"), "固定日期", "按日历"
    COMPLETION = "completion", msg("Last completion"), "上次完成", "浮动"


class Unit(Choice):
    """The unit of an interval."""

    DAYS = "days", msg("days"), "天"
    WEEKS = "weeks", msg("weeks"), "周"
    MONTHS = "months", msg("months"), "月"


class Month(Choice):
    """A month of the year."""

    JANUARY = "1", msg("January"), "1月"
    FEBRUARY = "2", msg("February"), "2月"
    MARCH = "3", msg("March"), "3月"
    APRIL = "4", msg("April"), "4月"
    MAY = "5", msg("May"), "5月"
    JUNE = "6", msg("June"), "6月"
    JULY = "7", msg("July"), "7月"
    AUGUST = "8", msg("August"), "8月"
    SEPTEMBER = "9", msg("September"), "9月"
    OCTOBER = "10", msg("October"), "10月"
    NOVEMBER = "11", msg("November"), "11月"
    DECEMBER = "12", msg("December"), "12月"


class MaintenancePlan(Record):
    """What is done before it breaks: to one facility, or to all of a kind or category, of one grid or of all. Several
    plans for the same facility stand beside each other."""

    collection = "maintenance_plans"
    title = msg("Maintenance plans")
    natural_key = ("name",)
    indexes = (
        Index(("community_id", "active"), "what to generate from"),
        Index(("community_id", "facility_id"), "a facility's own plans", where={"facility_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset(
        {
            *("facility_id", "category", "kind", "grid_id", "basis", "every", "unit", "months", "since", "lead_days"),
            *("estimated_hours", "estimated_cost_cents", "priority", "assignee_id", "company_id", "active"),
        }
    )
    ends_removed = True

    name: Annotated[str, Shown(aliases=("计划名称", "保养项目"))] = Field(
        min_length=1, max_length=LINE, title=msg("Work to do")
    )
    facility_id: Annotated[str | None, Ref(to="facilities", aliases=("设施", "设施编号"))] = Field(
        default=None, max_length=64, title=msg("Facility"), description=msg("Or choose a category for all of a kind")
    )
    category: Annotated[Category | None, Shown(aliases=("类别", "设施类别"))] = Field(
        default=None, title=msg("Category")
    )
    kind: Annotated[str | None, Term(of=FacilityKind, aliases=("种类", "类型"))] = Field(
        default=None, max_length=60, title=msg("Kind"), description=msg("Empty: the whole category")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格",))] = Field(
        default=None, max_length=64, title=msg("Grid"), description=msg("Empty: all grids")
    )
    basis: Annotated[Basis, Shown(aliases=("计算方式",))] = Field(default=Basis.CALENDAR, title=msg("Counted from"))
    every: Annotated[int, Shown(aliases=("周期", "间隔"))] = Field(default=1, ge=1, le=3660, title=msg("Every"))
    unit: Annotated[Unit, Shown(aliases=("单位", "周期单位"))] = Field(default=Unit.MONTHS, title=msg("Unit"))
    months: Annotated[tuple[Month, ...], Shown(aliases=("月份",))] = Field(
        default=(),
        max_length=12,
        title=msg("Only in these months"),
        description=msg("Instead of an interval, counted from the calendar"),
    )
    since: Annotated[date, Day(aliases=("开始日期", "首次日期"))] = Field(
        ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("First due on")
    )
    lead_days: Annotated[int, Shown(unit=msg("days"), aliases=("提前天数",))] = Field(
        default=14, ge=0, le=366, title=msg("Orders are made ahead")
    )
    estimated_hours: Annotated[float | None, Shown(unit=msg("hours"), aliases=("预计工时",))] = Field(
        default=None, ge=0, le=10_000, title=msg("Estimated hours")
    )
    estimated_cost_cents: Annotated[int | None, Money(aliases=("预计费用",))] = Field(
        default=None, ge=0, le=100_000_000_000, title=msg("Estimated cost")
    )
    priority: Annotated[Priority, Shown(aliases=("优先级",))] = Field(default=Priority.LOW, title=msg("Priority"))
    assignee_id: Annotated[str | None, Ref(to="people", aliases=("执行人", "责任人"))] = Field(
        default=None, max_length=64, title=msg("Assignee")
    )
    company_id: Annotated[str | None, Ref(to="organizations", aliases=("承担单位",))] = Field(
        default=None, max_length=64, title=msg("Company")
    )
    instructions: Annotated[str | None, Shown(long=True, aliases=("作业要求", "说明"))] = Field(
        default=None, max_length=PAGE, title=msg("Instructions")
    )
    active: bool = Field(default=True, title=msg("In use"))

    @field_validator("months")
    @classmethod
    def _months_of_a_calendar(cls, value: tuple[Month, ...], info: ValidationInfo) -> tuple[Month, ...]:
        if value and info.data.get("basis") is Basis.COMPLETION:
            raise FieldProblem(msg("Given months belong to a plan that is counted from the calendar"))
        return tuple(sorted(set(value), key=int))

    def covers(self, facility_id: str, category: str, kind: str | None, grid: str | None) -> bool:
        """Whether such a facility is maintained after it."""
        if self.facility_id is not None:
            return self.facility_id == facility_id
        if self.category is None or self.category != category:
            return False
        return self.kind in (None, kind) and self.grid_id in (None, grid)

    @property
    def interval_days(self) -> float:
        """Days from one due day to the next; the shortest where given months lie unevenly."""
        if self.months:
            numbers = [int(month) for month in self.months]
            gaps = [after - before for before, after in zip(numbers, [*numbers[1:], numbers[0] + 12], strict=True)]
            return min(gaps) * DAYS_A_MONTH
        return self.every * {Unit.DAYS: 1.0, Unit.WEEKS: 7.0, Unit.MONTHS: DAYS_A_MONTH}[self.unit]

    @property
    def grace_days(self) -> int:
        """Days after the due day within which the work still counts as done in time (metric M8)."""
        return int(min(GRACE_SHARE * self.interval_days, GRACE_MOST))

    def after(self, day: date) -> date:
        """One interval later; of months, at the month's last day where it has no such day."""
        if self.unit is Unit.MONTHS:
            return _months_later(day, self.every, day.day)
        return day + timedelta(days=self.every * (7 if self.unit is Unit.WEEKS else 1))

    def first_due(self, stood_on: date | None) -> date:
        """When the first work is due on what stands since then, of a plan counted from the completion: a machine newer
        than the plan is as good as maintained on its first day."""
        return self.after(stood_on) if stood_on is not None and stood_on > self.since else self.since

    def due_days(self, first: date, last: date) -> Iterator[date]:
        """The due days of a plan counted from the calendar, from ``first`` to ``last``, both included."""
        if self.months:
            yield from self._in_given_months(first, last)
            return
        step = 0
        if self.unit is not Unit.MONTHS:
            length = self.every * (7 if self.unit is Unit.WEEKS else 1)
            step = max(0, -((self.since - first).days // length))
        else:
            months = (first.year - self.since.year) * 12 + first.month - self.since.month
            step = max(0, (months - 1) // self.every)
        while (day := self._nth(step)) <= last:
            if day >= first:
                yield day
            step += 1

    def _nth(self, step: int) -> date:
        if self.unit is Unit.MONTHS:
            return _months_later(self.since, self.every * step, self.since.day)
        return self.since + timedelta(days=self.every * step * (7 if self.unit is Unit.WEEKS else 1))

    def _in_given_months(self, first: date, last: date) -> Iterator[date]:
        for year in range(max(first, self.since).year, last.year + 1):
            for month in self.months:
                day = date(year, int(month), min(self.since.day, calendar.monthrange(year, int(month))[1]))
                if max(first, self.since) <= day <= last:
                    yield day


def _months_later(day: date, months: int, day_of_month: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day_of_month, calendar.monthrange(year, month + 1)[1]))


def to_make(
    plan: MaintenancePlan,
    today: date,
    until: date,
    newest: date | None,
    base: date | None,
    stood_on: date | None,
    *,
    is_open: bool,
) -> Iterable[date]:
    """The due days up to ``until`` for which a facility needs an order; those that have one are the caller's to know.

    Counted from the calendar: all from today on, and of those past the newest one only, so that nobody is given the
    work of a year in which the plan did not run. Counted from the completion (``base``: the day the newest one ended,
    or for one that was skipped the day it was scheduled for): the next one, unless one ``is_open``. ``newest`` is the
    newest day there is an order for. ``stood_on`` is the facility's first day, where that is known: it owes nothing
    from before.
    """
    if plan.basis is Basis.COMPLETION:
        if is_open:
            return ()
        day = plan.first_due(stood_on) if base is None else plan.after(base)
        if newest is not None:  # done more than an interval before its day: a day has one order
            day = max(day, newest + timedelta(days=1))
        return (day,) if day <= until else ()
    first = plan.since if stood_on is None else max(plan.since, stood_on)
    past = list(plan.due_days(max(first, today - timedelta(days=round(plan.interval_days) + 62)), today))
    if past and past[-1] == today:
        past.pop()
    coming = list(plan.due_days(max(first, today), until))
    missing = past[-1:] if newest is None or (past and newest < past[-1]) else []
    return (*missing, *coming)
