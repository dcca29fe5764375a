"""What can be done to a facility. Each command is one transaction and names its actor; a stale ``revision`` raises
Conflict, a value that cannot be raises Invalid with the problem beside its field. Whatever changes condition or
service status adds to the facility's history."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from repository.access import Actor
from repository.facilities.plan import planned, seen_on
from repository.facilities.records import (
    Condition,
    ConditionEntry,
    Facility,
    PlannedReplacement,
    ServiceStatus,
    lives_over,
    service_life,
)
from repository.grids import Community
from repository.store import Invalid, Store, Write, build
from repository.words import Message, msg

DECISIONS = 100  # on one facility's replacement; the oldest go first
HISTORY = 500  # entries kept; a facility examined weekly fills them in ten years, and the oldest go first


_Follow = Callable[[Write, Facility, str], object]
_FOLLOWING: list[_Follow] = []


def follows_retirement(work: _Follow) -> _Follow:
    """Have ``work`` done in the transaction that retires a facility, or takes that back, by whichever command: for the
    rooms above, which own what is planned for it. It is given the facility as it is then and the reason, if any."""
    _FOLLOWING.append(work)
    return work


def _update(write: Write, facility: Facility, revision: int, changes: Mapping[str, Any], why: str | None) -> Facility:
    """Save changes, with what follows where it is retired now, or no longer."""
    changed = write.update(Facility, facility.community_id, facility.id, revision, changes)
    if (changed.status is ServiceStatus.RETIRED) != (facility.status is ServiceStatus.RETIRED):
        for work in _FOLLOWING:
            work(write, changed, why or "")
    return changed


def with_history(
    write: Write,
    facility: Facility,
    changes: Mapping[str, Any],
    *,
    note: str | None = None,
    looked: bool = False,
    order_id: str | None = None,
) -> dict[str, Any]:
    """``changes`` and, where they touch condition or status or somebody ``looked``, the history that goes with them;
    ``order_id``: of the work order that did it. For every command that changes a facility, those of other rooms
    included."""
    changed = build(Facility, {**dict(facility), **changes})
    before, after = (facility.condition, facility.status), (changed.condition, changed.status)
    if before == after and not looked:
        return dict(changes)
    history = list(changed.condition_history)
    if not history and before != after:  # what stood before it was first examined here
        known_at = facility.updated_at or facility.created_at or write.at
        history.append(
            ConditionEntry(at=known_at, by=facility.updated_by or "?", condition=before[0], status=before[1])
        )
    facts = {"at": write.at, "by": write.actor.name, "condition": after[0], "status": after[1]}
    history.append(build(ConditionEntry, {**facts, "note": note, "order_id": order_id}))
    return {**changes, "condition_history": tuple(history[-HISTORY:])}


def add_facility(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Facility:
    """Enter a facility. Raises Invalid, Duplicate (the code), Refused."""

    def work(write: Write) -> Facility:
        return write.insert(_first_seen(write, build(Facility, {**values, "community_id": community_id})))

    return store.write(actor, work, key=key)


def edit_facility(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Facility:
    """Change a facility. Details must be of its category. One that is retired so is retired as by ``retire``; where
    that is taken back, so is what it did to planned work. Raises Invalid, Duplicate, Conflict, NotFound, Refused."""
    return _change(store, actor, community_id, id, revision, changes)


def examine(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    condition: Condition,
    note: str | None = None,
) -> Facility:
    """Grade its condition; an unchanged grade is noted too, as proof that somebody looked. Raises Invalid, Conflict,
    NotFound, Refused."""
    return _change(store, actor, community_id, id, revision, {"condition": condition}, note, standing=True, looked=True)


def put_out_of_order(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Facility:
    """Nobody may use it until further notice. Raises Invalid if it is retired, Conflict, NotFound, Refused."""
    return _change(
        store, actor, community_id, id, revision, {"status": ServiceStatus.OUT_OF_ORDER}, note, standing=True
    )


def put_back_in_service(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Facility:
    """It can be used again. Raises Invalid if it is retired, Conflict, NotFound, Refused."""
    return _change(store, actor, community_id, id, revision, {"status": ServiceStatus.IN_SERVICE}, note, standing=True)


def retire(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Facility:
    """It is taken down for good: its past stays, its figures end here, and planned work that nobody has begun is owed
    no more (``preventive.leaving`` tells what ends with it). Raises Conflict, NotFound, Refused."""
    return _change(store, actor, community_id, id, revision, {"status": ServiceStatus.RETIRED}, note)


def replace(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    code: str,
    installed_on: date,
    cost_cents: int | None = None,
    key: str | None = None,
) -> Facility:
    """Retire it (see ``retire``) and put a new one of the same kind in its place, in excellent condition and with a
    code of its own; returns the new one. Open repairs stay with the old one. Raises Invalid, Duplicate, Conflict,
    NotFound, Refused."""

    def work(write: Write) -> Facility:
        old = write.read(Facility, community_id, id)
        same = ("name", "category", "kind", "grid_id", "site", "position", "service_life_years", "responsible_id")
        values = {name: getattr(old, name) for name in (*same, "details")} | {
            "community_id": community_id,
            "code": code,
            "installed_on": installed_on,
            "condition": Condition.EXCELLENT,
            "replacement_cost_cents": old.replacement_cost_cents if cost_cents is None else cost_cents,
        }
        new = write.insert(_first_seen(write, build(Facility, values), f"{old.code} →"))
        why = f"→ {new.code}"
        gone = with_history(write, old, {"status": ServiceStatus.RETIRED}, note=why)
        _update(write, old, revision, gone, why)
        return new

    return store.write(actor, work, key=key)


def plan_replacement(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    year: int,
    reason: str | None = None,
    cost_cents: int | None = None,
) -> Facility:
    """Bring its replacement forward or put it off: the plan has it in ``year``, at ``cost_cents`` if that is given,
    until it is renewed or something else is decided. Putting it off needs a ``reason``, and a hazard stays one. Raises
    Invalid, Conflict, NotFound, Refused."""
    zone = store.zone(community_id)

    def work(write: Write) -> Facility:
        facility = _standing(write, community_id, id)
        today = write.at.astimezone(zone).date()
        community = write.read(Community, community_id, community_id)
        lives = lives_over((life.of, life.years) for life in community.service_lives)
        due = planned(seen_on(_undecided(facility), today, service_life(facility, lives)), today, zone).due
        if year < today.year:
            raise Invalid({"year": Message(msg("This year is over"))})
        why = (reason or "").strip() or None
        if due is not None and year > due and why is None:
            raise Invalid({"reason": Message(msg("Say why it is put off"))})
        decision = {"year": year, "instead_of": due, "reason": why, "cost_cents": cost_cents}
        return _decide(write, facility, revision, {**decision, "renewed_on": facility.renewed_on})

    return store.write(actor, work)


def take_back_plan(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Facility:
    """Its service life says again when it is to be replaced; what was decided stays in its story. Raises Invalid where
    nothing was decided, Conflict, NotFound, Refused."""

    def work(write: Write) -> Facility:
        facility = _standing(write, community_id, id)
        if not facility.replacement_plan or facility.replacement_plan[-1].year is None:
            raise Invalid({"year": Message(msg("Nothing was decided about its replacement."))})
        return _decide(write, facility, revision, {})

    return store.write(actor, work)


def remove_facility(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a facility entered by mistake; raises InUse while work orders name it. One that is gone is retired."""
    store.delete(actor, Facility, community_id, id, revision)


def _undecided(facility: Facility) -> dict[str, Any]:
    return facility.model_copy(update={"replacement_plan": ()}).to_document()


def _decide(write: Write, facility: Facility, revision: int, decision: Mapping[str, Any]) -> Facility:
    entry = build(PlannedReplacement, {"at": write.at, "by": write.actor.name, **decision})
    changes = {"replacement_plan": (*facility.replacement_plan[1 - DECISIONS :], entry)}
    return write.update(Facility, facility.community_id, facility.id, revision, changes)


def _standing(write: Write, community_id: str, id: str) -> Facility:
    facility = write.read(Facility, community_id, id)
    if facility.status is ServiceStatus.RETIRED:
        raise Invalid({"status": Message(msg("It is retired. Enter the one that stands there now."))})
    return facility


def _first_seen(write: Write, facility: Facility, note: str | None = None) -> Facility:
    entry = ConditionEntry(
        at=write.at, by=write.actor.name, condition=facility.condition, status=facility.status, note=note
    )
    return facility.model_copy(update={"condition_history": (entry,)})


def _change(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    changes: Mapping[str, Any],
    note: str | None = None,
    *,
    standing: bool = False,
    looked: bool = False,
) -> Facility:
    def work(write: Write) -> Facility:
        facility = _standing(write, community_id, id) if standing else write.read(Facility, community_id, id)
        full = with_history(write, facility, changes, note=note, looked=looked)
        return _update(write, facility, revision, full, note)

    return store.write(actor, work)
