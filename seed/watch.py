"""What is looked at, and what is done before it breaks: a year of inspections, hazards, preventive maintenance.

Grid 3 has not made its weekly rounds for three weeks, but for the one that found the loose bar; a hazard in grid 4 was
rectified and nobody has looked again; the property company of grids 3 and 4 comes late for what is planned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from repository.facilities import Category, Condition, FacilityKind, ServiceStatus
from repository.grids import Community
from repository.hazards import Finding, Hazard, HazardEvent, Level, State, Step, deadline
from repository.inspections import (
    CHECKLISTS,
    Checklist,
    Inspection,
    InspectionPlan,
    Verdict,
    answered,
    copied,
)
from repository.maintenance import Event, Outcome, Source, Status, WorkKind, WorkOrder
from repository.preventive import MaintenancePlan
from repository.worktime import Worktime
from seed.estate import COMMUNITY_ID, NAMES, ZONE, Standing, grid_id, person_id
from seed.history import LAGGING_GRID, end_of_history, local

DAYS = 365
LEFT_OUT = 24  # days for which grid 3 has made no rounds
BAR = "体育公园 3 号单杠"


@dataclass
class Watch:
    """All of it. ``orders`` are those of the history with the inspections that found them."""

    checklists: list[Checklist] = field(default_factory=list)
    plans: list[InspectionPlan] = field(default_factory=list)
    inspections: list[Inspection] = field(default_factory=list)
    hazards: list[Hazard] = field(default_factory=list)
    maintenance: list[MaintenancePlan] = field(default_factory=list)
    orders: list[WorkOrder] = field(default_factory=list)
    preventive: list[WorkOrder] = field(default_factory=list)


def watch(as_of: date, standing: Sequence[Standing], orders: Sequence[WorkOrder]) -> Watch:
    """Everything up to the end of the history."""
    rng = Random(11)
    made = Watch()
    there = [one for one in standing if one.record.status is not ServiceStatus.RETIRED]
    for number, (name, kind, category, of_kind, every, items) in enumerate(CHECKLISTS, 1):
        checklist = Checklist(
            id=f"d-checklist-{number}", community_id=COMMUNITY_ID, name=name, inspection_kind=kind, category=category,
            kind=of_kind, items=items,
        )  # fmt: skip
        plan = InspectionPlan(
            id=f"d-inspection-plan-{number}", community_id=COMMUNITY_ID, name=name, checklist_id=checklist.id,
            every_days=every, since=as_of - timedelta(days=DAYS),
            inspector_id=None if category is Category.FITNESS else person_id("facilities"),
        )  # fmt: skip
        made.checklists.append(checklist)
        made.plans.append(plan)
    found = {order.id: order for order in orders}
    for one in there:
        for checklist, plan in zip(made.checklists, made.plans, strict=True):
            if checklist.fits(one.record.category, one.record.kind):
                made.inspections += _rounds(as_of, one, checklist, plan, found, rng)
    made.inspections.sort(key=lambda each: (each.done_at, each.id))
    made.orders = list(found.values())
    made.hazards = list(_hazards(as_of))
    made.maintenance = list(_plans(as_of))
    made.preventive = list(_preventive(as_of, there, made.maintenance, len(orders), rng))
    return made


# --- inspections
def _rounds(
    as_of: date,
    one: Standing,
    checklist: Checklist,
    plan: InspectionPlan,
    orders: dict[str, WorkOrder],
    rng: Random,
) -> Iterator[Inspection]:
    """One facility's inspections after one checklist, oldest first; they find the faults whose orders came from an
    inspection."""
    record, lagging = one.record, one.grid == LAGGING_GRID
    weekly = checklist.id == "d-checklist-1"
    faults = {
        order.reported_at.astimezone(ZONE).date(): order
        for order in orders.values()
        if order.facility_id == record.id and _from_a_round(order, record.name) and order.inspection_id is None
    }
    if checklist.inspection_kind is not _first_kind(checklist, record.category):
        faults = {}
    last_on: date | None = None
    due = plan.since + timedelta(days=rng.randrange(plan.every_days))
    if record.installed_on and record.installed_on > due:
        due = record.installed_on
    days: set[date] = {day for day in faults if day >= plan.since}
    while due < as_of:
        late = rng.choice((0,) * 24 + (1,)) + (rng.choice((0, 0, 0, 0, 3)) if lagging else 0)
        done = due + timedelta(days=late)
        if not (lagging and weekly and done > as_of - timedelta(days=LEFT_OUT)):
            days.add(done)
        due = done + timedelta(days=plan.every_days)
    for day in sorted(day for day in days if day < as_of):
        made = _inspection(one, checklist, plan, day, last_on, faults.get(day), rng)
        if made is None:
            continue
        inspection, order = made
        last_on = day
        if order is not None:
            orders[order.id] = order
        yield inspection


def _from_a_round(order: WorkOrder, name: str) -> bool:
    return order.source == Source.INSPECTION or (name == BAR and order.dangerous and order.is_open)


def _first_kind(checklist: Checklist, category: Category) -> object:
    """The kind of inspection that finds everyday faults: the most frequent one of the category."""
    return min(
        (given for given in CHECKLISTS if given[2] is category and given[3] in (None, checklist.kind)),
        key=lambda given: given[4],
    )[1]


def _inspection(
    one: Standing,
    checklist: Checklist,
    plan: InspectionPlan,
    day: date,
    last_on: date | None,
    order: WorkOrder | None,
    rng: Random,
) -> tuple[Inspection, WorkOrder | None] | None:
    record = one.record
    at = order.reported_at if order else local(day, rng.randrange(8, 17), rng.randrange(60))
    results = list(copied(checklist.items, [Verdict.PASS] * len(checklist.items)))
    inspector = NAMES[f"lead-{one.grid}"] if record.category is Category.FITNESS else NAMES["facilities"]
    id = f"d-inspection-{checklist.id[-1]}-{record.code}-{day:%y%m%d}"
    if order is not None:
        place = next((i for i, item in enumerate(results) if item.fault == order.fault), len(results) - 1)
        results[place] = results[place].model_copy(
            update={"verdict": Verdict.FAIL, "remark": order.description, "order_id": order.id}
        )
        first = order.events[0].model_copy(update={"by": inspector})
        order = order.model_copy(
            update={
                "inspection_id": id,
                "kind": WorkKind.INSPECTION,
                "source": Source.INSPECTION.value,
                "events": (first, *order.events[1:]),
            }
        )
    inspection = Inspection(
        id=id,
        community_id=COMMUNITY_ID,
        created_at=at,
        created_by=inspector,
        updated_at=at,
        updated_by=inspector,
        name=checklist.name,
        inspection_kind=checklist.inspection_kind,
        facility_id=record.id,
        category=record.category,
        grid_id=grid_id(one.grid),
        checklist_id=checklist.id,
        plan_id=plan.id,
        done_at=at,
        done_on=day,
        inspector=inspector,
        due_days=answered(plan, last_on, day, record.installed_on),
        results=tuple(results),
        failed=int(order is not None),
        stopped=bool(order and order.dangerous),
        condition=Condition.VERY_POOR if record.name == BAR and order is not None and order.is_open else None,
    )
    return inspection, order


# --- hazards
_FOUND = (
    # days ago, grid, where, what, level, rectified days ago, re-checked days ago, measures
    (128, "1", "和苑 3 栋", "楼道堆放可燃物，占用疏散通道", Level.GENERAL, 124, 122, "清运，与住户签责任书"),
    (96, "2", "滨江步道", "护栏缺失 2 米，临水", Level.MAJOR, 94, 93, "当日拉警戒带，三日内补装"),
    (61, "5", "厂区宿舍 1 栋", "电动车在门厅充电", Level.MAJOR, 59, 58, "移到充电棚，加装拦阻系统"),
    (47, "4", "职工新村 5 栋", "消防栓无水压", Level.GENERAL, 40, 39, "更换阀门"),
    (33, "1", "东门", "雨水箅子破损", Level.GENERAL, 27, 26, "更换"),
    (19, "4", "老年活动中心", "地砖松动，老人易绊倒", Level.GENERAL, 12, None, "重新铺贴"),
    (16, "3", "幸福里 2 栋", "配电箱门缺失，线路外露", Level.MAJOR, None, None, "通知和顺物业更换箱门"),
    (5, "2", "西门", "路面塌陷形成坑洞", Level.GENERAL, None, None, "围挡，等市政修复"),
    (2, "3", "体育公园", "围栏焊口开裂", Level.GENERAL, None, None, None),
)


def _hazards(as_of: date) -> Iterator[Hazard]:
    times = Worktime(ZONE, Community.model_fields["working_hours"].default)
    for number, (ago, grid, place, what, level, rectified, rechecked, measures) in enumerate(_FOUND, 1):
        lead, other = NAMES[f"lead-{grid}"], NAMES["facilities"]
        events = [HazardEvent(at=local(as_of, 9) - timedelta(days=ago), by=lead, step=Step.FOUND)]
        done = local(as_of, 15) - timedelta(days=rectified) if rectified is not None else None
        seen = local(as_of, 16) - timedelta(days=rechecked) if rechecked is not None else None
        if done is not None:
            events.append(HazardEvent(at=done, by=lead, step=Step.RECTIFIED, note=measures))
        if seen is not None:
            events.append(HazardEvent(at=seen, by=other, step=Step.RECHECKED))
        yield Hazard(
            id=f"d-hazard-{number}",
            community_id=COMMUNITY_ID,
            created_at=events[0].at,
            created_by=lead,
            updated_at=events[-1].at,
            updated_by=events[-1].by,
            revision=len(events),
            what=what,
            level=level,
            place=place,
            grid_id=grid_id(grid),
            source=Finding.PATROL.value,
            found_at=events[0].at,
            deadline_on=deadline(level, as_of - timedelta(days=ago), times),
            responsible_id=person_id(f"lead-{grid}"),
            measures=measures,
            state=State.RECHECKED if seen else State.RECTIFIED if done else State.FOUND,
            rectified_at=done,
            rechecked_at=seen,
            events=tuple(events),
        )


# --- preventive maintenance
_PLANS = (
    # name, category, kind, every, unit, days since the first, estimated hours, yuan, assignee, instructions
    ("漫步机季度润滑紧固", Category.FITNESS, FacilityKind.WALKER, 3, "months", 330, 1.0, 60, "repairer",
     "轴承加注润滑脂；复紧全部螺栓；更换缺失护帽。"),
    ("电梯月度维保", Category.PROPERTY, FacilityKind.LIFT, 1, "months", 300, 2.0, 400, "lifts",
     "按维保规程检查门机、制动器、应急照明和通话装置。"),
    ("道闸半年保养", Category.VEHICLE, None, 6, "months", 200, 1.5, 150, "electrician",
     "清洁镜头，校准限位，测试防砸和手动抬杆。"),
    ("水泵汛前检修", Category.PROPERTY, FacilityKind.PUMP, 3, "months", 190, 3.0, 300, "an-fu",
     "试运行三十分钟，检查密封、浮球和备用电源。"),
)  # fmt: skip


def _plans(as_of: date) -> Iterator[MaintenancePlan]:
    for number, (name, category, kind, every, unit, ago, hours, yuan, who, words) in enumerate(_PLANS, 1):
        yield MaintenancePlan(
            id=f"d-plan-{number}", community_id=COMMUNITY_ID, name=name, category=category, kind=kind, every=every,
            unit=unit, since=as_of - timedelta(days=ago), lead_days=14, estimated_hours=hours,
            estimated_cost_cents=yuan * 100, assignee_id=person_id(who), instructions=words,
        )  # fmt: skip


def _preventive(
    as_of: date, there: Sequence[Standing], plans: Sequence[MaintenancePlan], after: int, rng: Random
) -> Iterator[WorkOrder]:
    """Every order the plans have made by the end of the history."""
    end, number = end_of_history(as_of), after
    for plan, given in zip(plans, _PLANS, strict=True):
        for day in plan.due_days(plan.since, as_of + timedelta(days=plan.lead_days)):
            for one in there:
                record = one.record
                if not plan.covers(record.id, record.category, record.kind, record.grid_id):
                    continue
                if record.installed_on and record.installed_on > day:
                    continue
                number += 1
                slow = one.grid in (LAGGING_GRID, "4")
                late = rng.choice((-3, -1, 0, 0, 1, 3, 9, 26) if slow else (-4, -2, -1, -1, 0, 0, 0, 4))
                done = local(day + timedelta(days=late), rng.randrange(9, 17), rng.randrange(60))
                hours = round((plan.estimated_hours or 1) * rng.uniform(0.8, 1.3) * 2) / 2
                yield _order(plan, one, day, number, done if done < end else None, hours, NAMES[given[8]])


def _order(
    plan: MaintenancePlan,
    one: Standing,
    day: date,
    number: int,
    done: datetime | None,
    hours: float,
    worker: str,
) -> WorkOrder:
    made = local(day - timedelta(days=plan.lead_days), 1)
    lead = NAMES[f"lead-{one.grid}"]
    events = [Event(at=made, by="GridBoard", status=Status.REPORTED)]
    if done is not None:
        events.append(Event(at=done, by=worker, status=Status.DONE))
        events.append(Event(at=done + timedelta(minutes=30), by=lead, status=Status.VERIFIED))
        events.append(Event(at=done + timedelta(minutes=40), by=NAMES["facilities"], status=Status.CLOSED))
    due = local(day, 23, 59)
    return WorkOrder(
        id=f"d-order-{number:05d}",
        community_id=COMMUNITY_ID,
        created_at=made,
        created_by="GridBoard",
        updated_at=events[-1].at,
        updated_by=events[-1].by,
        revision=len(events),
        number=f"W-{number:05d}",
        fault=plan.name,
        facility_id=one.record.id,
        place=one.record.site,
        grid_id=one.record.grid_id,
        category=one.record.category.value,
        priority=plan.priority,
        kind=WorkKind.PREVENTIVE,
        plan_id=plan.id,
        scheduled_for=day,
        grace_days=plan.grace_days,
        status=events[-1].status,
        is_open=done is None,
        outcome=Outcome.COMPLETED if done else None,
        reported_at=made,
        responded_at=done,
        due_at=due,
        ended_at=done,
        assignee_id=plan.assignee_id,
        assigned_at=made,
        estimated_hours=plan.estimated_hours,
        actual_hours=hours if done else None,
        cost_cents=plan.estimated_cost_cents if done else None,
        description=plan.instructions,
        events=tuple(events),
    )
