"""What can be done with checklists, plans and inspections. Each command is one transaction and names its actor."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pymongo.client_session import ClientSession

from repository.access import Actor, Operation, reach, require
from repository.facilities import Condition, Facility, ServiceStatus, with_history
from repository.filters import Is
from repository.inspections.records import (
    Checklist,
    Inspection,
    InspectionPlan,
    ItemResult,
    Known,
    Verdict,
    answered,
    narrowest,
    with_orders,
)
from repository.inspections.standard import CHECKLISTS
from repository.maintenance import (
    STANDING,
    Promises,
    Source,
    WorkKind,
    WorkOrder,
    found_again,
    found_in_order,
    numbered,
    open_order,
    require_place,
    take_photos,
)
from repository.photos import let_go, link
from repository.store import Invalid, Store, Write, build
from repository.words import Message, msg

STANDING_READ, EARLIER_READ = 50, 200  # standing orders of one facility, and its inspections, that one looks through


# --- checklists and plans
def add_checklist(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Checklist:
    """Enter a checklist. Raises Invalid, Duplicate (the name), Refused."""
    return store.insert(actor, build(Checklist, {**values, "community_id": community_id}), key=key)


def edit_checklist(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Checklist:
    """Change a checklist; what was inspected after it keeps the items as they stood. Raises Invalid, Duplicate,
    Conflict, NotFound, Refused."""
    return store.update(actor, Checklist, community_id, id, revision, changes)


def remove_checklist(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a checklist that nothing was inspected after. Raises InUse, Conflict, NotFound, Refused."""
    store.delete(actor, Checklist, community_id, id, revision)


def enter_standard_checklists(
    store: Store, actor: Actor, community_id: str, *, since: date, key: str | None = None
) -> tuple[Checklist, ...]:
    """Enter the checklists to begin with (``standard.CHECKLISTS``) that the community does not have by name, each with
    a plan of its usual interval that begins ``since``; returns those that were entered. Raises Refused."""
    require(actor, Operation.CREATE, Checklist.collection)
    reach(actor, community_id)

    def work(write: Write) -> tuple[Checklist, ...]:
        there = write.store.db[Checklist.collection].distinct(
            "name", {"community_id": community_id}, session=write.session
        )
        made = []
        for name, inspection, category, kind, every, items in CHECKLISTS:
            if name in there:
                continue
            facts = {"community_id": community_id, "name": name, "category": category, "kind": kind}
            made.append(write.insert(build(Checklist, {**facts, "inspection_kind": inspection, "items": items})))
            plan = {"community_id": community_id, "name": name, "checklist_id": made[-1].id, "every_days": every}
            write.insert(build(InspectionPlan, {**plan, "since": since}))
        return tuple(made)

    found: Any = store.write(actor, work, key=key)
    return found if isinstance(found, tuple) else (found,)  # a second press is told of the first one entered


def add_plan(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> InspectionPlan:
    """Say how often what is inspected; the plan of one facility belongs to its grid. Raises Invalid, Refused."""

    def work(write: Write) -> InspectionPlan:
        given = {**values, **_grid_of(write, community_id, values), "community_id": community_id}
        return write.insert(build(InspectionPlan, given))

    return store.write(actor, work, key=key)


def _grid_of(write: Write, community_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    id = values.get("facility_id")
    return {"grid_id": write.referred(Facility, community_id, "facility_id", id).grid_id} if id else {}


def edit_plan(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> InspectionPlan:
    """Change a plan; due days that inspections have answered stay as they are. Raises Invalid, Conflict, NotFound,
    Refused."""

    def work(write: Write) -> InspectionPlan:
        wanted = {**changes, **_grid_of(write, community_id, changes)}
        return write.update(InspectionPlan, community_id, id, revision, wanted)

    return store.write(actor, work)


def remove_plan(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a plan that no inspection followed; one that is over is taken out of use instead. Raises InUse,
    Conflict, NotFound, Refused."""
    store.delete(actor, InspectionPlan, community_id, id, revision)


# --- inspecting
def record_inspection(
    store: Store,
    actor: Actor,
    community_id: str,
    facility_id: str,
    checklist_id: str,
    results: Sequence[ItemResult],
    *,
    done_at: datetime | None = None,
    condition: Condition | None = None,
    remark: str | None = None,
    key: str | None = None,
) -> Inspection:
    """Record what an inspection found, all of it or nothing: ``results`` are the items as the inspector saw them.

    An item that is not in order opens a work order (kind "found by an inspection"), or is linked to the one that stands
    for it already: that of the same item, else a report of the same fault. A dangerous one takes the facility out of
    service at once. An item in order verifies what stood for it, unless the inspector did that work or, where nobody
    says to have done it, found the danger; when no danger
    stands any more the facility is back in service. ``condition`` is noted in the facility's history. An item's photos
    are those of ``photos.keep``; the order that stands for it has them too. ``done_at`` may lie in the past. Raises
    Invalid, NotFound, Refused.
    """
    require(actor, Operation.CREATE, Inspection.collection)
    promise = Promises.of(store, actor, community_id)
    zone = store.zone(community_id)
    fails = sum(result.verdict is Verdict.FAIL for result in results)
    require_place(store, actor, community_id, facility_id)  # before numbers are taken, which stay taken

    def work(write: Write, number: int) -> Inspection:
        facility = write.read(Facility, community_id, facility_id)
        checklist = write.read(Checklist, community_id, checklist_id)
        at = done_at or write.at
        if at > write.at:
            raise Invalid({"done_at": Message(msg("This lies in the future"))})
        if facility.status is ServiceStatus.RETIRED:
            raise Invalid({"facility_id": Message(msg("It is retired. Enter the one that stands there now."))})
        done_on = at.astimezone(zone).date()
        plan = narrowest(_plans(write, checklist), checklist, facility)
        last_on = _last_on(write, facility, checklist, at)
        known = _standing(write.store, facility, write.session)
        judged = with_orders(results, known)
        inspection = build(
            Inspection,
            {
                "community_id": community_id,
                "name": checklist.name,
                "inspection_kind": checklist.inspection_kind,
                "facility_id": facility.id,
                "category": facility.category,
                "grid_id": facility.grid_id,
                "checklist_id": checklist.id,
                "plan_id": plan.id if plan else None,
                "done_at": at,
                "done_on": done_on,
                "inspector": actor.name,
                "inspector_id": actor.id,
                "due_days": answered(plan, last_on, done_on, facility.installed_on) if plan else (),
                "results": judged,
                "failed": fails,
                "stopped": any(result.dangerous and result.verdict is Verdict.FAIL for result in judged),
                "condition": condition,
                "remark": remark or None,
            },
        )
        made = write.insert(inspection)  # first: a second press of the same key is told of this one
        link(write, made, made.photos)
        if condition is not None:
            note = f"{checklist.name}"
            changes = with_history(write, facility, {"condition": condition}, note=note, looked=True)
            write.update(Facility, community_id, facility.id, facility.revision, changes, following=Inspection)
        orders = {each.order.id: each.order for each in known}
        for result in judged:
            if result.verdict is Verdict.FAIL:
                _fail(write, promise, made, result, orders, number)
                number += not result.linked
        failed_again = {result.order_id for result in judged if result.verdict is Verdict.FAIL}
        passed = {result.text for result in judged if result.verdict is Verdict.PASS}
        for each in known:
            before = each.order.reported_at <= at  # one entered late says nothing of what was found after it
            if before and each.items and each.items <= passed and each.order.id not in failed_again:
                found_in_order(write, orders[each.order.id], f"{checklist.name}：{'；'.join(sorted(each.items))}")
        return made

    return numbered(store, actor, community_id, fails, work, key=key)


def _plans(write: Write, checklist: Checklist) -> list[InspectionPlan]:
    found = write.store.db[InspectionPlan.collection].find(
        {"community_id": checklist.community_id, "checklist_id": checklist.id}, session=write.session
    )
    return [InspectionPlan.from_document(document) for document in found]


def _last_on(write: Write, facility: Facility, checklist: Checklist, before: datetime) -> date | None:
    """The day of the last inspection before this one."""
    found = write.store.db[Inspection.collection].find_one(
        {
            "community_id": facility.community_id,
            "checklist_id": checklist.id,
            "facility_id": facility.id,
            "done_at": {"$lt": before + timedelta(milliseconds=1)},
        },
        {"done_on": 1},
        sort=[("done_at", -1)],
        session=write.session,
    )
    return None if found is None else found["done_on"].date()


def _standing(store: Store, facility: Facility, session: ClientSession | None = None) -> tuple[Known, ...]:
    """The facility's orders that stand, newest first, and for which items: the form asks it, and the save."""
    here = {"community_id": facility.community_id, "facility_id": facility.id}
    orders = [
        WorkOrder.from_document(document)
        for document in store.documents(
            WorkOrder,
            {**here, "status": Is(among=sorted(STANDING))},
            session=session,
            sort=[("reported_at", -1)],
            limit=STANDING_READ,
        )
    ]
    items: dict[str, set[str]] = {order.id: set() for order in orders}
    if items:
        for document in store.documents(
            Inspection,
            {**here, "results.order_id": Is(among=sorted(items))},
            session=session,
            projection={"results": 1},
            sort=[("done_at", -1)],
            limit=EARLIER_READ,
        ):
            for result in document["results"]:
                if result.get("order_id") in items:
                    items[result["order_id"]].add(result["text"])
    return tuple(Known(order, frozenset(items[order.id])) for order in orders)


def _fail(
    write: Write,
    promise: Promises,
    inspection: Inspection,
    result: ItemResult,
    orders: dict[str, WorkOrder],
    number: int,
) -> None:
    said = f"{result.text}：{result.remark}" if result.remark else result.text
    if result.linked and result.order_id:
        order = found_again(write, orders[result.order_id], promise, said, dangerous=result.dangerous)
        if order.inspection_id is None:
            changes = {"inspection_id": inspection.id}
            order = write.update(WorkOrder, order.community_id, order.id, order.revision, changes)
        orders[order.id] = take_photos(write, order, inspection, result.photos)
        return
    order = open_order(
        write,
        promise,
        inspection.community_id,
        number,
        fault=result.fault,
        facility_id=inspection.facility_id,
        source=Source.INSPECTION,
        dangerous=result.dangerous,
        reported_at=inspection.done_at,
        description=said,
        also={"id": result.order_id, "kind": WorkKind.INSPECTION, "inspection_id": inspection.id},
    )
    take_photos(write, order, inspection, result.photos)


def remove_inspection(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out an inspection entered by mistake. Raises InUse while work orders name it, Conflict, NotFound,
    Refused."""

    def work(write: Write) -> None:
        found = write.read(Inspection, community_id, id)
        write.delete(Inspection, community_id, id, revision)
        let_go(write, found, found.photos)

    store.write(actor, work)
