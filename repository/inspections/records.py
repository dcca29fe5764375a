"""What is looked at, how often, and what was found: checklists, plans, inspections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from bson import ObjectId
from pydantic import Field

from repository.facilities import Category, Condition, Facility, FacilityKind
from repository.maintenance import Fault, WorkOrder
from repository.record import LINE, PAGE, Choice, Day, Index, Part, Record, Ref, Shown, Term
from repository.rollups import Atom
from repository.words import msg

MOST_ITEMS = 60
MOST_DUE_DAYS = 100
"""Due days that one inspection answers at most: two years of weekly ones that nobody made."""


class InspectionKind(Choice):
    """The three kinds of EN 1176-7 and GB 19272; any other facility's checks fit into them."""

    ROUTINE = "routine", msg("Routine visual inspection"), "日常巡检", "日常检查", "目视检查"
    OPERATIONAL = "operational", msg("Operational inspection"), "操作检查", "功能检查"
    ANNUAL = "annual", msg("Annual main inspection"), "年度主检", "年检"


class Verdict(Choice):
    """What became of one item."""

    PASS = "pass", msg("In order")  # noqa: S105 (no password)
    FAIL = "fail", msg("Not in order")
    NOT_APPLICABLE = "na", msg("Not applicable")


class ChecklistItem(Part):
    """One thing to look at."""

    text: str = Field(min_length=1, max_length=LINE, title=msg("What to look at"))
    dangerous: bool = Field(default=False, title=msg("Dangerous if not in order"))
    fault: Annotated[str, Term(of=Fault)] = Field(
        default=Fault.OTHER, min_length=1, max_length=LINE, title=msg("Fault")
    )


class Checklist(Record):
    """What is looked at in one kind of inspection of one kind of facility."""

    collection = "checklists"
    title = msg("Checklists")
    grid_field = None
    natural_key = ("name",)
    indexes = (Index(("community_id", "name"), "a checklist's name is its own", unique=True),)
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset({"category", "kind", "items", "active"})
    ends_removed = True

    name: str = Field(min_length=1, max_length=LINE, title=msg("Name"))
    inspection_kind: InspectionKind = Field(default=InspectionKind.ROUTINE, title=msg("Kind of inspection"))
    category: Category = Field(title=msg("Category"))
    kind: Annotated[str | None, Term(of=FacilityKind)] = Field(
        default=None, max_length=60, title=msg("Kind"), description=msg("Empty: the whole category")
    )
    items: tuple[ChecklistItem, ...] = Field(default=(), max_length=MOST_ITEMS, title=msg("Items"))
    active: bool = Field(default=True, title=msg("In use"))

    def fits(self, category: str, kind: str | None) -> bool:
        """Whether it is for such a facility."""
        return self.category == category and self.kind in (None, kind)


class InspectionPlan(Record):
    """Who is inspected after which checklist, and how often: one facility, or all that the checklist fits, of one grid
    or of all. ``since`` is the first due day of what has never been inspected, but for what stands only since later."""

    collection = "inspection_plans"
    title = msg("Inspection plans")
    natural_key = ("name",)
    indexes = (
        Index(("community_id", "checklist_id"), "a checklist's plans"),
        Index(("community_id", "facility_id"), "a facility's own plans", where={"facility_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset({"checklist_id", "every_days", "since", "facility_id", "grid_id", "inspector_id", "active"})
    ends_removed = True

    name: Annotated[str, Shown(aliases=("计划名称",))] = Field(min_length=1, max_length=LINE, title=msg("Name"))
    checklist_id: Annotated[str, Ref(to="checklists", aliases=("检查表",))] = Field(
        max_length=64, title=msg("Checklist")
    )
    every_days: Annotated[int, Shown(unit=msg("days"), aliases=("间隔天数", "周期"))] = Field(
        ge=1, le=3660, title=msg("Every")
    )
    since: Annotated[date, Day(aliases=("开始日期",))] = Field(
        ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("First due on")
    )
    facility_id: Annotated[str | None, Ref(to="facilities", aliases=("设施", "设施编号"))] = Field(
        default=None,
        max_length=64,
        title=msg("Facility"),
        description=msg("Empty: all facilities that the checklist fits"),
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格",))] = Field(
        default=None, max_length=64, title=msg("Grid"), description=msg("Empty: all grids")
    )
    inspector_id: Annotated[str | None, Ref(to="people", aliases=("检查人",))] = Field(
        default=None, max_length=64, title=msg("Inspector")
    )
    active: bool = Field(default=True, title=msg("In use"))

    def covers(self, checklist: Checklist, facility_id: str, category: str, kind: str | None, grid: str | None) -> bool:
        """Whether it demands inspections of such a facility."""
        if not self.active or not checklist.active:
            return False
        if self.facility_id is not None:
            return self.facility_id == facility_id
        return checklist.fits(category, kind) and self.grid_id in (None, grid)

    @property
    def narrowness(self) -> tuple[bool, bool, int]:
        """What decides among several plans for the same facility and checklist: the largest."""
        return self.facility_id is not None, self.grid_id is not None, -self.every_days

    def next_due(self, last_on: date | None, stood_on: date | None) -> date:
        """When the next one is due, after the last one or none: not before the facility's first day, if it is known."""
        first = self.since if stood_on is None else max(self.since, stood_on)
        return first if last_on is None else max(first, last_on + timedelta(days=self.every_days))


def narrowest(plans: Iterable[InspectionPlan], checklist: Checklist, facility: Facility) -> InspectionPlan | None:
    """The plan that says when this facility is due for this checklist; None where none does."""
    return max(
        (
            plan
            for plan in plans
            if plan.checklist_id == checklist.id
            and plan.covers(checklist, facility.id, facility.category, facility.kind, facility.grid_id)
        ),
        key=lambda plan: plan.narrowness,
        default=None,
    )


def answered(plan: InspectionPlan, last_on: date | None, done_on: date, stood_on: date | None) -> tuple[date, ...]:
    """The due days that an inspection on ``done_on`` answers, the first one on time unless it is past. A weekly
    inspection that comes three weeks late answers all it has left out; one that comes before half of its interval has
    passed is an extra one and answers none. ``stood_on``: the facility's first day."""
    first = plan.next_due(last_on, stood_on)
    if done_on < first - timedelta(days=plan.every_days // 2):
        return ()
    return (first, *missed(first + timedelta(days=plan.every_days), plan.every_days, done_on))[-MOST_DUE_DAYS:]


def missed(first: date, every_days: int, today: date) -> tuple[date, ...]:
    """The due days from ``first`` on that lie before today, the newest MOST_DUE_DAYS: what is neglected for longer
    still counts in the current month."""
    count = max(0, -((first - today).days // every_days))
    return tuple(first + timedelta(days=every_days * i) for i in range(max(0, count - MOST_DUE_DAYS), count))


class ItemResult(Part):
    """One item as it stood on the checklist, and what was found."""

    text: str = Field(min_length=1, max_length=LINE, title=msg("What to look at"))
    dangerous: bool = Field(default=False, title=msg("Dangerous if not in order"))
    fault: Annotated[str, Term(of=Fault)] = Field(
        default=Fault.OTHER, min_length=1, max_length=LINE, title=msg("Fault")
    )
    verdict: Verdict = Field(title=msg("Result"))
    remark: str | None = Field(default=None, max_length=LINE * 2, title=msg("Remark"))
    photos: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=20, title=msg("Photos"))
    order_id: str | None = Field(default=None, max_length=64, title=msg("Work order"))
    linked: bool = Field(default=False, title=msg("The order was open before"))


class Inspection(Record):
    """Somebody looked at a facility, item by item."""

    collection = "inspections"
    title = msg("Inspections")
    name_field = "name"
    indexes = (
        Index(("community_id", "checklist_id", "facility_id", "done_at"), "the last one of each facility"),
        Index(("community_id", "facility_id", "done_at"), "a facility's inspections, newest first"),
        Index(("community_id", "done_at"), "newest first"),
        Index(("community_id", "inspector", "done_at"), "how many somebody made in a period, from keys alone"),
        Index(("community_id", "due_days"), "a month's rebuild"),
    )
    subjects = ("inspections",)
    moments = ("done_on", "due_days")
    began = "done_at"
    counted = ("due_days",)

    name: str = Field(min_length=1, max_length=LINE, title=msg("Checklist"))
    inspection_kind: InspectionKind = Field(title=msg("Kind of inspection"))
    facility_id: Annotated[str, Ref(to="facilities")] = Field(max_length=64, title=msg("Facility"))
    category: Category = Field(title=msg("Category"))
    grid_id: Annotated[str | None, Ref(to="grids")] = Field(default=None, max_length=64, title=msg("Grid"))
    checklist_id: Annotated[str, Ref(to="checklists", table=False)] = Field(max_length=64, title=msg("Checklist"))
    plan_id: Annotated[str | None, Ref(to="inspection_plans", table=False)] = Field(
        default=None, max_length=64, title=msg("Inspection plan")
    )
    done_at: datetime = Field(title=msg("Done at"))
    done_on: Annotated[date, Day(table=False)] = Field(title=msg("Done on"))
    inspector: str = Field(max_length=LINE, title=msg("Inspector"))
    inspector_id: Annotated[str | None, Shown(table=False)] = Field(default=None, max_length=64, title=msg("Account"))
    due_days: Annotated[tuple[date, ...], Day(table=False)] = Field(
        default=(), max_length=MOST_DUE_DAYS, title=msg("Due days it answers")
    )
    results: tuple[ItemResult, ...] = Field(min_length=1, max_length=MOST_ITEMS, title=msg("Results"))
    failed: int = Field(default=0, ge=0, le=MOST_ITEMS, title=msg("Not in order"))
    stopped: bool = Field(default=False, title=msg("Taken out of service"))
    condition: Condition | None = Field(default=None, title=msg("Condition"))
    remark: Annotated[str | None, Shown(long=True)] = Field(default=None, max_length=PAGE, title=msg("Remark"))

    @property
    def photos(self) -> tuple[str, ...]:
        """Those of all items."""
        return tuple(id for result in self.results for id in result.photos)

    @staticmethod
    def contributions(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:  # noqa: ARG004
        """In the month it was done: ``done``, ``failed`` (of these, with an item not in order). In the month of each
        due day it answers: ``due``; and ``on_time`` for the first, if it was done by then."""
        grid, kind, done = document.get("grid_id") or "", document["inspection_kind"], document["done_on"]

        def flow(day: datetime, name: str) -> tuple[Atom, int]:
            return ("inspections", "month", f"{day.year:04d}-{day.month:02d}", grid, kind, name), 1

        yield flow(done, "done")
        if document["failed"]:
            yield flow(done, "failed")
        for place, day in enumerate(document.get("due_days", ())):
            yield flow(day, "due")
            if place == 0 and done <= day:
                yield flow(day, "on_time")


@dataclass(frozen=True)
class Known:
    """A standing order and the items it stands for, as earlier inspections of the facility have it."""

    order: WorkOrder
    items: frozenset[str]


def with_orders(results: Sequence[ItemResult], known: Sequence[Known]) -> tuple[ItemResult, ...]:
    """Each item that is not in order with the work order that stands for it, or the id of the one to be opened. An
    order that was reported otherwise takes in one item, if it is open still."""
    taken: set[str] = set()
    judged = []
    for result in results:
        if result.verdict is not Verdict.FAIL:
            judged.append(result.model_copy(update={"order_id": None, "linked": False}))
            continue
        same = next((each.order for each in known if result.text in each.items), None)
        if same is None and result.fault != Fault.OTHER:
            reported = [each.order for each in known if not each.items and each.order.is_open]
            same = next((one for one in reported if one.fault == result.fault and one.id not in taken), None)
        if same is not None:
            taken.add(same.id)
        judged.append(
            result.model_copy(update={"order_id": same.id if same else str(ObjectId()), "linked": same is not None})
        )
    return tuple(judged)


def copied(items: Sequence[ChecklistItem], verdicts: Sequence[Verdict]) -> tuple[ItemResult, ...]:
    """Results of a checklist's items, in order."""
    return tuple(
        ItemResult(text=item.text, dangerous=item.dangerous, fault=item.fault, verdict=verdict)
        for item, verdict in zip(items, verdicts, strict=True)
    )
