"""Organisations that the community works with, what they offer, what is needed, and who took part: entered, changed,
matched. Whom to call at an organisation is personal, and kept apart (``people.Contact``)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from repository.access import Actor, Operation, require
from repository.filters import Is
from repository.organizations.records import (
    Engagement,
    Need,
    NeedEvent,
    NeedState,
    NeedStep,
    Organization,
    Resource,
    Way,
)
from repository.people import CONTACT_DAYS, Contact, drop_contact, keep_contact, keep_until
from repository.record import Record, midnight
from repository.rollups import day_of
from repository.store import InUse, Invalid, Store, Write, build, require_plain
from repository.words import Message, msg

YEARS = 10  # how long whom to call is kept where neither contract nor agreement names an end

_FACILITIES = "facilities"  # a room above this one; the store looks for references in plain fields only
_ACTIVITIES = "activities"  # another one


def add_organization(
    store: Store,
    actor: Actor,
    community_id: str,
    values: Mapping[str, Any],
    *,
    key: str | None = None,
) -> Organization:
    """Enter an organisation. Raises Invalid, Duplicate (the name), Refused."""
    return store.insert(actor, build(Organization, {**values, "community_id": community_id}), key=key)


def edit_organization(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Organization:
    """Change what is known of it; whom to call there is kept by contract and agreement as they are now. One that is no
    longer active keeps its past and gets no work. Raises Invalid, Duplicate, Conflict, NotFound, Refused."""

    def work(write: Write) -> Organization:
        before = write.read(Organization, community_id, id)
        changed = write.update(Organization, community_id, id, revision, changes)
        if changed.ends_on != before.ends_on:
            today = day_of(write.at, store.zone(community_id))
            keep_until(write, community_id, id, _since(changed, today), following=Organization)
        return changed

    return store.write(actor, work)


def set_contact(
    store: Store, actor: Actor, community_id: str, id: str, *, name: str | None, phone: str | None
) -> Organization:
    """Whom to call there from now on, in place of whoever it was; nobody, when both are empty. Raises Invalid,
    NotFound, Refused."""
    require(actor, Operation.UPDATE, Organization.collection)
    require(actor, Operation.DELETE, Contact.collection)

    def work(write: Write) -> Organization:
        found = write.read(Organization, community_id, id)
        drop_contact(write, community_id, id)
        _keep_contact(write, found, name, phone)
        return found

    return store.write(actor, work)


def remove_organization(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out one entered by mistake, and whom to call there; raises InUse while orders or facilities name it."""

    def work(write: Write) -> None:
        kept = {"community_id": community_id, "details.company_id": id}
        require_plain(kept)
        if write.store.db[_FACILITIES].find_one(kept, {"_id": 1}, session=write.session):
            raise InUse(msg("Not deleted, because facilities name it. Change those first."))
        write.delete(Organization, community_id, id, revision)
        drop_contact(write, community_id, id)

    store.write(actor, work)


def renew_contacts(store: Store, actor: Actor, community_id: str, *, on: date) -> int:
    """Before contacts are forgotten: whom to call where a sheet has extended the contract, or ended its end, is kept as
    long as the contract says; returns how many were due to be forgotten. Raises Refused."""
    require(actor, Operation.UPDATE, Organization.collection)
    over = {"expires_on": Is(lt=midnight(on))}
    due = [each.about_id for each in store.find(actor, Contact, community_id, over, limit=1000)]
    here = store.find(actor, Organization, community_id, {"_id": Is(among=due), "active": True}, limit=1000)
    last = timedelta(days=CONTACT_DAYS)
    longer = [one for one in here if one.ends_on is None or one.ends_on + last >= on]

    def work(write: Write) -> int:
        for one in longer:
            keep_until(write, community_id, one.id, _since(one, on), following=Organization)
        return len(longer)

    return store.write(actor, work)


def _keep_contact(write: Write, of: Organization, name: str | None, phone: str | None) -> None:
    """Until half a year after the contract, as any contact after its matter."""
    today = day_of(write.at, write.store.zone(of.community_id))
    keep_contact(write, of.community_id, of.id, None, name=name, phone=phone, since=_since(of, today))


def _since(of: Organization, today: date) -> date:
    return max(today, of.ends_on or today + timedelta(days=365 * YEARS))


# --- resources
def add_resource(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Resource:
    """Enter what an organisation offers. Raises Invalid, Refused."""
    return store.insert(actor, build(Resource, {**values, "community_id": community_id}), key=key)


def edit_resource(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Resource:
    """Change an offer; one that is over gets its last day. Raises Invalid, Conflict, NotFound, Refused."""
    return store.update(actor, Resource, community_id, id, revision, changes)


def remove_resource(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out an offer entered by mistake. Raises InUse while a need is matched with it, Conflict, NotFound,
    Refused."""
    store.delete(actor, Resource, community_id, id, revision)


# --- needs
NEED_FIELDS = frozenset(
    {"what", "kind", "organization_id", "grid_id", "quantity", "unit", "listed_on", "due_on", "detail"}
)
"""What ``edit_need`` may change; the steps have commands of their own."""


def add_need(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Need:
    """List a need, today unless ``listed_on`` is given. Raises Invalid, Refused."""
    zone = store.zone(community_id)

    def work(write: Write) -> Need:
        today = day_of(write.at, zone)
        given = {"listed_on": today, **{name: value for name, value in values.items() if value is not None}}
        own = write.actor.grids
        if own is not None and "grid_id" not in given and len(own) == 1:
            given["grid_id"] = next(iter(own))
        need = build(Need, {**given, "community_id": community_id, "state": NeedState.OPEN})
        _not_ahead(need.listed_on, today, "listed_on")
        return write.insert(need.model_copy(update={"events": (_event(write, NeedStep.LISTED, None),)}))

    return store.write(actor, work, key=key)


def edit_need(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Need:
    """Change plain fields (NEED_FIELDS). Raises Invalid, Conflict, NotFound, Refused."""
    if strange := changes.keys() - NEED_FIELDS:
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")
    zone = store.zone(community_id)

    def work(write: Write) -> Need:
        changed = write.update(Need, community_id, id, revision, changes)
        _not_ahead(changed.listed_on, day_of(write.at, zone), "listed_on")
        if changed.organization_id is not None and changed.organization_id == changed.helper_id:
            raise Invalid({"organization_id": Message(_OWN)})
        return changed

    return store.write(actor, work)


def remove_need(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a need entered by mistake; one that is no longer wanted is withdrawn instead. Raises InUse while what
    an organisation did for it stands, Conflict, NotFound, Refused."""
    store.delete(actor, Need, community_id, id, revision)


_OWN = msg("A need is matched with another organisation than the one that has it.")


def match_need(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    resource_id: str | None = None,
    helper_id: str | None = None,
    note: str | None = None,
) -> Need:
    """An organisation takes a need on, with one of its resources or with what is on no list (``helper_id``). Who
    matched them and when stands in the story. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Need:
        need = write.read(Need, community_id, id)
        _require(need, NeedStep.MATCHED, NeedState.OPEN)
        today = _today(write, community_id)
        helper = helper_id
        if resource_id is not None:
            resource = write.referred(Resource, community_id, "resource_id", resource_id)
            if resource.until is not None and resource.until < today:
                raise Invalid({"resource_id": Message(msg("This is not offered any more."))})
            helper = resource.organization_id
        if helper is None:
            raise Invalid({"resource_id": Message(msg("Choose a resource, or an organisation"))})
        organization = write.referred(Organization, community_id, "helper_id", helper)
        if not organization.active:
            raise Invalid({"helper_id": Message(msg("This organisation is not active any more."))})
        if helper == need.organization_id:
            raise Invalid({"resource_id": Message(_OWN)})
        changes = {"helper_id": helper, "resource_id": resource_id, "matched_on": max(today, need.listed_on)}
        return _step(write, need, revision, NeedStep.MATCHED, NeedState.MATCHED, note, changes)

    return store.write(actor, work)


def unmatch_need(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Need:
    """The match fell through, which needs a ``note``: it counts as never made. Raises Invalid, Conflict, NotFound,
    Refused."""
    _require_note(note)

    def work(write: Write) -> Need:
        need = write.read(Need, community_id, id)
        _require(need, NeedStep.FELL_THROUGH, NeedState.MATCHED)
        changes = dict.fromkeys(("helper_id", "resource_id", "matched_on", "project_id", "activity_id"))
        return _step(write, need, revision, NeedStep.FELL_THROUGH, NeedState.OPEN, note, changes)

    return store.write(actor, work)


def meet_need(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    on: date | None = None,
    note: str | None = None,
) -> Need:
    """What was needed has been given, today or ``on`` a day before: the organisation that gave it took part (metric
    U1). Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Need:
        need = write.read(Need, community_id, id)
        _require(need, NeedStep.MET, NeedState.MATCHED)
        today = _today(write, community_id)
        day = on or today
        _not_ahead(day, today, "met_on")
        if need.matched_on is not None and day < need.matched_on:
            raise Invalid({"met_on": Message(msg("This lies before it was matched."))})
        changed = _step(write, need, revision, NeedStep.MET, NeedState.MET, note, {"met_on": day})
        if need.helper_id is not None:
            note_part(write, community_id, need.helper_id, Way.NEED, need.what, day, need_id=need.id)
        return changed

    return store.write(actor, work)


def withdraw_need(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Need:
    """It is not needed any more, which needs a ``note``. Raises Invalid, Conflict, NotFound, Refused."""
    _require_note(note)

    def work(write: Write) -> Need:
        need = write.read(Need, community_id, id)
        _require(need, NeedStep.WITHDRAWN, NeedState.OPEN, NeedState.MATCHED)
        changes: dict[str, Any] = dict.fromkeys(("helper_id", "resource_id", "matched_on", "project_id", "activity_id"))
        changes["withdrawn_on"] = max(_today(write, community_id), need.listed_on)
        return _step(write, need, revision, NeedStep.WITHDRAWN, NeedState.WITHDRAWN, note, changes)

    return store.write(actor, work)


def reopen_need(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Need:
    """One that was withdrawn, or said to be met and is not, stands on the list again; of the latter the organisation's
    taking part is taken back with it. Needs a ``note``. Raises Invalid, Conflict, NotFound, Refused."""
    _require_note(note)

    def work(write: Write) -> Need:
        need = write.read(Need, community_id, id)
        _require(need, NeedStep.REOPENED, NeedState.WITHDRAWN, NeedState.MET)
        fields = ("helper_id", "resource_id", "matched_on", "met_on", "withdrawn_on", "project_id", "activity_id")
        changed = _step(write, need, revision, NeedStep.REOPENED, NeedState.OPEN, note, dict.fromkeys(fields))
        drop_parts(write, community_id, following=Need, need_id=need.id)
        return changed

    return store.write(actor, work)


def lead_to(store: Store, actor: Actor, community_id: str, id: str, revision: int, *, activity_id: str | None) -> Need:
    """The activity that a matched need led to; None takes the link back. Raises Invalid, Conflict, NotFound,
    Refused."""

    def work(write: Write) -> Need:
        need = write.read(Need, community_id, id)
        _require(need, NeedStep.MATCHED, NeedState.MATCHED, NeedState.MET)
        return write.update(Need, community_id, id, revision, {"activity_id": activity_id})

    return store.write(actor, work)


def _require(need: Need, step: NeedStep, *states: NeedState) -> None:
    if need.state not in states:
        facts = {"now": Message(need.state.label), "then": Message(step.label)}
        raise Invalid({"state": Message(msg("A need that is “{now}” cannot become “{then}”."), facts)})


def _require_note(note: str | None) -> None:
    if not (note or "").strip():
        raise Invalid({"note": Message(msg("Say why"))})


def _step(
    write: Write,
    need: Need,
    revision: int,
    step: NeedStep,
    state: NeedState,
    note: str | None,
    changes: Mapping[str, Any],
) -> Need:
    events = (*need.events, _event(write, step, note))
    return write.update(
        Need, need.community_id, need.id, revision, {**changes, "state": state, "events": events[-200:]}
    )


def _event(write: Write, step: NeedStep, note: str | None) -> NeedEvent:
    said = (note or "").strip() or None
    return build(
        NeedEvent, {"at": write.at, "by": write.actor.name, "by_id": write.actor.id, "step": step, "note": said}
    )


def _today(write: Write, community_id: str) -> date:
    return day_of(write.at, write.store.zone(community_id))


def _not_ahead(day: date, today: date, field: str) -> None:
    if day > today:
        raise Invalid({field: Message(msg("This lies in the future"))})


# --- who took part
def add_engagement(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Engagement:
    """Note that an organisation took part in something, or was contacted. Raises Invalid, Refused."""
    zone = store.zone(community_id)

    def work(write: Write) -> Engagement:
        made = build(Engagement, {**values, "community_id": community_id})
        _not_ahead(made.on, day_of(write.at, zone), "on")
        _not_cancelled(write, made)
        return write.insert(made)

    return store.write(actor, work, key=key)


def edit_engagement(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Engagement:
    """Correct it. Raises Invalid, Conflict, NotFound, Refused."""
    zone = store.zone(community_id)

    def work(write: Write) -> Engagement:
        changed = write.update(Engagement, community_id, id, revision, changes)
        _not_ahead(changed.on, day_of(write.at, zone), "on")
        _not_cancelled(write, changed)
        return changed

    return store.write(actor, work)


def _not_cancelled(write: Write, made: Engagement) -> None:
    if made.activity_id is None or not made.took_part:
        return
    called_off = {"community_id": made.community_id, "_id": made.activity_id, "status": "cancelled"}
    require_plain(called_off)
    if write.store.db[_ACTIVITIES].find_one(called_off, {"_id": 1}, session=write.session):
        raise Invalid({"activity_id": Message(msg("This activity was cancelled: nobody took part in it."))})


def remove_engagement(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out what was entered by mistake. Raises Conflict, NotFound, Refused."""
    store.delete(actor, Engagement, community_id, id, revision)


def note_part(
    write: Write, community_id: str, organization_id: str, way: Way, what: str, on: date, **of: str
) -> Engagement | None:
    """For the rooms in which organisations take part: note it inside the write that says so, once for a day and a
    matter. ``of`` is ``activity_id``, ``project_id``, ``need_id`` or ``meeting_id``. None where it stands already.
    Raises Invalid, Refused."""
    about = {"organization_id": organization_id, "on": midnight(on), "way": str(way), **of}
    where = {"community_id": community_id, **about}
    require_plain(where)
    if next(write.store.documents(Engagement, where, session=write.session, limit=1), None) is not None:
        return None
    values = {"organization_id": organization_id, "way": way, "what": what, "on": on, **of}
    return write.insert(build(Engagement, {**values, "community_id": community_id}))


def drop_parts(
    write: Write, community_id: str, *, following: type[Record] | None = None, on: date | None = None, **of: str | bool
) -> None:
    """What was noted of a matter that is taken back, inside the same write, ``on`` one day or ever. ``following`` is
    the record whose change takes it back: whoever may change that one may do this."""
    for document in _parts(write, community_id, on, of):
        write.delete(Engagement, community_id, document["_id"], document["revision"], following=following)


def move_parts(
    write: Write, community_id: str, *, following: type[Record], on: date, to: date, **of: str | bool
) -> None:
    """What was noted of a matter on its day is of another day, inside the write of ``following`` that moves it."""
    for document in _parts(write, community_id, on, of):
        write.update(Engagement, community_id, document["_id"], document["revision"], {"on": to}, following=following)


def _parts(write: Write, community_id: str, on: date | None, of: Mapping[str, str | bool]) -> list[dict[str, Any]]:
    where = {"community_id": community_id, **of} | ({} if on is None else {"on": midnight(on)})
    require_plain(where)
    return list(write.store.documents(Engagement, where, session=write.session))
