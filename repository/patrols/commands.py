"""What can be done with patrols. Each command is one transaction and names its actor; a stale ``revision`` raises
Conflict, a value that cannot be raises Invalid with the problem beside its field."""

from collections.abc import Mapping, Sequence
from typing import Any

from repository import hazards, maintenance, requests
from repository.access import Actor, Operation, require, require_reach
from repository.grids import Grid
from repository.hazards import Hazard
from repository.maintenance import Fault, WorkOrder
from repository.patrols.doors import doors_of, keys_of
from repository.patrols.records import MOST_FINDINGS, Became, Patrol, PatrolFinding, PatrolPlan
from repository.people import Person
from repository.record import LINE
from repository.requests import Channel, Request
from repository.rollups import day_of
from repository.store import Invalid, Store, Write, build
from repository.words import Message, msg

EDITABLE = frozenset({"kind", "plan_id", "officer_id", "walked_on", "minutes", "households", "remark"})
"""What ``edit_patrol`` may change; the grid is what the doors' keys were made with."""


# --- plans
def add_plan(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> PatrolPlan:
    """Say who walks a grid how often, and what for. Raises Invalid, Refused."""

    def work(write: Write) -> PatrolPlan:
        plan = build(PatrolPlan, {**values, "community_id": community_id})
        write.referred(Grid, community_id, "grid_id", plan.grid_id)
        return write.insert(plan)

    return store.write(actor, work, key=key)


def edit_plan(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> PatrolPlan:
    """Put a plan right, for its past too; one whose rhythm changes is ended and another begun. Raises Invalid,
    Conflict, NotFound, Refused."""
    return store.update(actor, PatrolPlan, community_id, id, revision, changes)


def remove_plan(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a plan that nobody walked; one that is over is ended instead. Raises InUse, Conflict, NotFound,
    Refused."""
    store.delete(actor, PatrolPlan, community_id, id, revision)


# --- patrols
def log_patrol(
    store: Store,
    actor: Actor,
    community_id: str,
    values: Mapping[str, Any],
    *,
    doors: str = "",
    findings: Sequence[str] = (),
    key: str | None = None,
) -> Patrol:
    """Record a patrol that was walked; ``doors`` are the households visited, as ``doors_of`` reads them: their keys are
    kept and not the text. ``findings`` say what was met. Raises Invalid, Refused."""
    require(actor, Operation.CREATE, Patrol.collection)
    visited = doors_of(doors)
    said = [text.strip() for text in findings if text.strip()]
    if len(said) > MOST_FINDINGS:
        raise Invalid({"findings": Message(msg("{most} findings are the most of one patrol"), {"most": MOST_FINDINGS})})
    given = {**values, "findings": tuple(build(PatrolFinding, {"text": text}) for text in said)}
    patrol = build(Patrol, {**given, "community_id": community_id})
    require_reach(actor, patrol)
    keys = keys_of(store, community_id, patrol.grid_id, patrol.walked_on.year, visited)
    patrol = patrol.model_copy(update={"doors": keys})

    def work(write: Write) -> Patrol:
        _check(write, patrol)
        return write.insert(patrol)

    return store.write(actor, work, key=key)


def edit_patrol(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Patrol:
    """Put plain fields (EDITABLE) right. A patrol whose doors are noted stays in its year, which their keys are made
    with. Raises Invalid, Conflict, NotFound, Refused."""
    if strange := changes.keys() - EDITABLE:
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")

    def work(write: Write) -> Patrol:
        before = write.read(Patrol, community_id, id)
        changed = build(Patrol, {**dict(before), **changes})
        if before.doors and changed.walked_on.year != before.walked_on.year:
            text = msg("Its doors were noted for {year}: enter the patrol anew for another year.")
            raise Invalid({"walked_on": Message(text, {"year": str(before.walked_on.year)})})
        _check(write, changed)
        return write.update(Patrol, community_id, id, revision, changes)

    return store.write(actor, work)


def remove_patrol(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a patrol entered by mistake; what came of its findings stays. Raises Conflict, NotFound, Refused."""
    store.delete(actor, Patrol, community_id, id, revision)


def _check(write: Write, patrol: Patrol) -> None:
    """It lies in the past, in a grid and after a plan that are there, of which the plan is the grid's."""
    home = patrol.community_id
    if patrol.walked_on > day_of(write.at, write.store.zone(home)):
        raise Invalid({"walked_on": Message(msg("This lies in the future"))})
    write.referred(Grid, home, "grid_id", patrol.grid_id)
    write.referred(Person, home, "officer_id", patrol.officer_id)
    plan = write.referred(PatrolPlan, home, "plan_id", patrol.plan_id)
    if plan is not None and plan.grid_id != patrol.grid_id:
        raise Invalid({"plan_id": Message(msg("This plan is of another grid"))})


# --- what findings become
def become_order(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    finding: int,
    *,
    place: str | None = None,
    facility_id: str | None = None,
    dangerous: bool = False,
    key: str | None = None,
) -> WorkOrder:
    """Open a work order for a finding (its place in the patrol, from 0), in one transaction. Raises Invalid when it
    became something already, Conflict, NotFound, Refused."""
    require(actor, Operation.UPDATE, Patrol.collection)
    promise = maintenance.Promises.of(store, actor, community_id)
    found = store.get(actor, Patrol, community_id, id)

    def work(write: Write, number: int) -> WorkOrder:
        patrol, one = _finding(write, community_id, id, finding)
        order = maintenance.open_order(
            write,
            promise,
            community_id,
            number,
            fault=Fault.OTHER,
            facility_id=facility_id,
            place=place,
            grid_id=patrol.grid_id,
            source=maintenance.Source.PATROL,
            dangerous=dangerous,
            description=one.text,
        )
        _link(write, patrol, revision, finding, Became.ORDER, order.id)
        return order

    maintenance.require_place(store, actor, community_id, facility_id, found.grid_id)
    return maintenance.numbered(store, actor, community_id, 1, work, key=key)


def become_hazard(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    finding: int,
    *,
    level: hazards.Level = hazards.Level.GENERAL,
    place: str | None = None,
    facility_id: str | None = None,
    key: str | None = None,
) -> Hazard:
    """Enter a finding as a hazard, in one transaction; as ``become_order``."""
    require(actor, Operation.UPDATE, Patrol.collection)
    patrol = store.get(actor, Patrol, community_id, id)
    values = {
        "what": _at(patrol, finding).text[:LINE],
        "level": level,
        "place": place,
        "facility_id": facility_id,
        "grid_id": patrol.grid_id,
        "source": hazards.Finding.PATROL,
    }

    def then(write: Write, made: Hazard) -> None:
        now, _one = _finding(write, community_id, id, finding)
        _link(write, now, revision, finding, Became.HAZARD, made.id)

    return hazards.report_hazard(store, actor, community_id, values, then=then, key=key)


def become_request(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    finding: int,
    *,
    place: str | None = None,
    key: str | None = None,
) -> Request:
    """Take a finding as a resident's request, in one transaction; as ``become_order``."""
    require(actor, Operation.UPDATE, Patrol.collection)
    patrol = store.get(actor, Patrol, community_id, id)
    values = {
        "text": _at(patrol, finding).text,
        "channel": Channel.DOOR,
        "place": place,
        "grid_id": patrol.grid_id,
        "received_by_id": patrol.officer_id,
    }

    def then(write: Write, made: Request) -> None:
        now, _one = _finding(write, community_id, id, finding)
        _link(write, now, revision, finding, Became.REQUEST, made.id)

    return requests.take_request(store, actor, community_id, values, then=then, key=key)


def _at(patrol: Patrol, finding: int) -> PatrolFinding:
    if not isinstance(finding, int) or not 0 <= finding < len(patrol.findings):
        raise Invalid({"finding": Message(msg("This finding is not there any more"))})
    return patrol.findings[finding]


def _finding(write: Write, community_id: str, id: str, finding: int) -> tuple[Patrol, PatrolFinding]:
    patrol = write.read(Patrol, community_id, id)
    one = _at(patrol, finding)
    if one.became is not None:
        raise Invalid({"finding": Message(msg("It became something already."))})
    return patrol, one


def _link(write: Write, patrol: Patrol, revision: int, finding: int, became: Became, ref: str) -> None:
    own = list(patrol.findings)
    own[finding] = own[finding].model_copy(update={"became": became, "ref": ref})
    write.update(Patrol, patrol.community_id, patrol.id, revision, {"findings": tuple(own)})
