"""The rounds of a large set: inspections, preventive plans, hazards, what came through the gates, companies. As many as
wanted, newest last, each as its record class writes it. See ``bulk``, whose communities they belong to."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from random import Random
from typing import Any

from repository.entries import EntryKind, EntryLog, EntryPurpose
from repository.entries.records import EntryRules, Gate
from repository.facilities import Category, Facility
from repository.hazards import Hazard, Level, State
from repository.inspections import Checklist, ChecklistItem, Inspection, InspectionKind, InspectionPlan, Verdict
from repository.inspections.records import copied
from repository.maintenance import Fault
from repository.organizations import Organization, OrganizationKind
from repository.preventive import MaintenancePlan, Unit
from seed.estate import ZONE

Document = dict[str, Any]

_ITEMS = tuple(
    ChecklistItem(text=text, fault=fault, dangerous=fault is Fault.LOOSE)
    for text, fault in (("螺栓、焊口", Fault.LOOSE), ("表面、边角", Fault.OTHER), ("标识牌", Fault.OTHER))
)
NAMES_KEPT = timedelta(days=30)


def companies(id: str, stamp: Document, end: datetime) -> list[Organization]:
    """Two property companies and a contractor."""
    kinds = (OrganizationKind.PROPERTY, OrganizationKind.PROPERTY, OrganizationKind.CONTRACTOR)
    return [
        Organization(
            id=f"{id}-o{number}",
            community_id=id,
            **stamp,
            name=f"测试公司 {number}",
            kind=kind,
            contract_from=(end - timedelta(days=700)).date(),
            contract_until=(end + timedelta(days=20 * number)).date(),
            staff=20,
            certified_staff=4 * number,
        )
        for number, kind in enumerate(kinds, 1)
    ]


def maintenance_plans(id: str, stamp: Document, end: datetime, people: Sequence[str]) -> list[MaintenancePlan]:
    """Quarterly for each category."""
    return [
        MaintenancePlan(
            id=f"{id}-m{number}",
            community_id=id,
            **stamp,
            name=f"测试保养 {number}",
            category=category,
            every=3,
            unit=Unit.MONTHS,
            since=(end + timedelta(days=number)).astimezone(ZONE).date(),
            assignee_id=people[number],
        )
        for number, category in enumerate(Category)
    ]


def checklists(id: str, stamp: Document) -> list[Checklist]:
    """One for each category."""
    return [
        Checklist(
            id=f"{id}-c-{category}",
            community_id=id,
            **stamp,
            name=f"测试检查表 {category}",
            category=category,
            items=_ITEMS,
        )
        for category in Category
    ]


def inspection_plans(id: str, stamp: Document, end: datetime, days: int) -> list[InspectionPlan]:
    """Every day, for as many ``days``."""
    return [
        InspectionPlan(
            id=f"{id}-i-{category}",
            community_id=id,
            **stamp,
            name=f"测试巡检 {category}",
            checklist_id=f"{id}-c-{category}",
            every_days=1,
            since=(end - timedelta(days=days + 1)).astimezone(ZONE).date(),
        )
        for category in Category
    ]


def inspections(
    id: str, stamp: Document, end: datetime, facilities: Sequence[Facility], many: int
) -> Iterator[Document]:
    """``many``: all facilities every day, up to yesterday; one in nine misses the last day, one in forty fails."""
    made: dict[Category, Document] = {}
    for category in Category:
        results = copied(_ITEMS, [Verdict.PASS] * len(_ITEMS))
        made[category] = Inspection(
            id="-", community_id=id, **stamp, name=f"测试检查表 {category}", inspection_kind=InspectionKind.ROUTINE,
            facility_id="-", category=category, checklist_id=f"{id}-c-{category}", plan_id=f"{id}-i-{category}",
            done_at=end, done_on=end.date(), inspector="测试人员 00", results=results,
        ).to_document()  # fmt: skip
    yesterday = end.astimezone(ZONE).date() - timedelta(days=1)
    for number in reversed(range(many)):
        back, place = divmod(number, len(facilities))
        if not back and not place % 9:
            continue
        one, day = facilities[place], yesterday - timedelta(days=back)
        on, document = datetime.combine(day, time(), end.tzinfo), made[one.category]
        document = {
            **document,
            "_id": f"{id}-n{number:07d}",
            "facility_id": one.id,
            "grid_id": one.grid_id,
            "done_at": end - timedelta(days=back, hours=8),
            "done_on": on,
            "due_days": [on],
        }
        if not number % 40:
            first, *others = document["results"]
            document |= {"failed": 1, "results": [{**first, "verdict": Verdict.FAIL.value}, *others]}
        yield document


def hazards(id: str, stamp: Document, end: datetime, grids: Sequence[str], many: int) -> Iterator[Hazard]:
    """Over five years, the last ten not re-checked yet."""
    for number in range(many):
        found = end - timedelta(days=1 + (many - number) * 1800 / many)
        stands = number >= many - 10
        yield Hazard(
            id=f"{id}-h{number:05d}",
            community_id=id,
            **stamp,
            what=f"测试隐患 {number}",
            level=Level.GENERAL if number % 5 else Level.MAJOR,
            grid_id=grids[number % len(grids)],
            found_at=found,
            deadline_on=(found + timedelta(days=7)).date(),
            state=State.FOUND if stands else State.RECHECKED,
            rectified_at=None if stands else found + timedelta(hours=12),
            rechecked_at=None if stands else found + timedelta(hours=20),
        )


def entries(
    id: str, stamp: Document, end: datetime, facilities: Sequence[Facility], many: int, rng: Random
) -> Iterator[Document]:
    """``many`` over a year; whose names are older than NAMES_KEPT are forgotten."""
    gates = [one for one in facilities if one.category in (Category.VEHICLE, Category.PERSONNEL)]
    rules = EntryRules.of(None, ZONE)
    for number in range(many):
        gate = gates[number % len(gates)]
        came = end - timedelta(days=365) * (1 - number / many) - timedelta(minutes=1)
        left = came + timedelta(minutes=rng.randrange(1, 400))
        vehicle = gate.category is Category.VEHICLE
        entry = rules.settle(
            EntryLog(
                id=f"{id}-e{number:07d}",
                community_id=id,
                **{**stamp, "updated_at": came},
                kind=EntryKind.VEHICLE if vehicle else EntryKind.PERSON,
                gate_id=gate.id,
                who=f"川E{number % 100_000:05d}" if number % 12 else None,
                entered_at=came,
                left_at=left if left < end and number % 20 else None,
                exit_unknown=came < end - timedelta(days=2) and not number % 20,
                purpose=EntryPurpose.RESIDENT if number % 3 else EntryPurpose.VISIT,
                host="3 栋" if number % 4 else None,
            ),
            Gate.of(gate),
        )
        if entry.who and came < end - NAMES_KEPT:
            entry = entry.model_copy(update={"who": None, "forgotten": True})
        yield entry.to_document()
