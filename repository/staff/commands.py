"""Writing the team's files: members, certificates, training, plans, successors."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from repository.access import Actor
from repository.filters import Is
from repository.grids import Post
from repository.people import Person
from repository.record import Record, midnight
from repository.rollups import day_of
from repository.staff.records import (
    KEY_TIERS,
    StaffCertificate,
    StaffMember,
    StaffSuccessor,
    StaffTraining,
    TrainingPlan,
    same_topic,
)
from repository.store import Invalid, Store, Write, build
from repository.words import Message, msg

MOST_AT_ONCE = 200  # people of one training
_ONE_FILE = msg("Whoever is assessed or trained has a file here first: enter them as staff.")


# --- members
def add_member(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> StaffMember:
    """Open the file of somebody of the people register. Raises Invalid, Duplicate (they have one), Refused."""
    return store.insert(actor, build(StaffMember, {**values, "community_id": community_id}), key=key)


def edit_member(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> StaffMember:
    """Change a file; ``left_on`` None takes somebody back. Raises Invalid, Duplicate, Conflict, NotFound, Refused."""
    if "left_on" in changes and changes["left_on"] is None:
        changes = {**changes, "left_reason": None}
    return store.update(actor, StaffMember, community_id, id, revision, changes)


def leave(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, on: date, reason: str
) -> StaffMember:
    """Somebody leaves; ``on`` is the last day. Posts they hold are vacated where posts are kept. Raises Invalid,
    Conflict, NotFound, Refused."""
    if not isinstance(reason, str) or not reason.strip():
        raise Invalid({"left_reason": Message(msg("Say why"))})
    return store.update(actor, StaffMember, community_id, id, revision, {"left_on": on, "left_reason": reason})


def remove_member(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a file with its certificates, training and what it could take over; assessments stay, they are others'
    judgement. For what was entered by mistake, and for what is not to be kept any longer. Raises Conflict, NotFound,
    Refused."""

    def work(write: Write) -> None:
        member = write.read(StaffMember, community_id, id)
        kept: tuple[type[Record], ...] = (StaffCertificate, StaffTraining, StaffSuccessor)
        for record in kept:
            own = {"community_id": community_id, "person_id": member.person_id}
            for document in list(write.store.documents(record, own, session=write.session, limit=5000)):
                write.delete(record, community_id, document["_id"], document["revision"])
        write.delete(StaffMember, community_id, id, revision)

    store.write(actor, work)


# --- certificates
def add_certificate(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> StaffCertificate:
    """Enter a certificate. Raises Invalid, Refused."""

    def work(write: Write) -> StaffCertificate:
        made = build(StaffCertificate, {**values, "community_id": community_id})
        _require_past(write, community_id, obtained_on=made.obtained_on)
        return write.insert(made)

    return store.write(actor, work, key=key)


def edit_certificate(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> StaffCertificate:
    """Put a certificate's entry right; a renewed one gets an entry of its own. Raises Invalid, Conflict, NotFound,
    Refused."""

    def work(write: Write) -> StaffCertificate:
        changed = write.update(StaffCertificate, community_id, id, revision, changes)
        _require_past(write, community_id, obtained_on=changed.obtained_on)
        return changed

    return store.write(actor, work)


def remove_certificate(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a certificate entered by mistake. Raises Conflict, NotFound, Refused."""
    store.delete(actor, StaffCertificate, community_id, id, revision)


# --- training
def add_training(
    store: Store,
    actor: Actor,
    community_id: str,
    values: Mapping[str, Any],
    people: Sequence[str],
    *,
    key: str | None = None,
) -> StaffTraining:
    """Enter a training for all who took part (MOST_AT_ONCE at most), each with an entry of their own; returns the first
    one. Raises Invalid, also where it stands in somebody's file already: its hours would count twice; Refused."""
    who = list(dict.fromkeys(people))
    if not who:
        raise Invalid({"people": Message(msg("Choose who took part"))})
    if len(who) > MOST_AT_ONCE:
        raise Invalid({"people": Message(msg("Too many entries: {max_length} at most"), {"max_length": MOST_AT_ONCE})})

    def work(write: Write) -> StaffTraining:
        given = [build(StaffTraining, {**values, "person_id": id, "community_id": community_id}) for id in who]
        _require_past(write, community_id, held_on=given[0].held_on)
        first, *rest = given
        made = write.insert(first)  # before the look: a submission that comes twice is answered with what it made
        _require_members(write, community_id, who, "people")
        _require_new(write, made, who)
        write.insert_many(rest)
        return made

    return store.write(actor, work, key=key)


def _require_new(write: Write, one: StaffTraining, who: Sequence[str]) -> None:
    """Raise Invalid, naming them, for people in whose files this training of this day stands already, but for the entry
    itself."""
    home = {"community_id": one.community_id}
    day = {"held_on": midnight(one.held_on), "person_id": Is(among=who), "_id": Is(ne=one.id)}
    found = write.store.documents(StaffTraining, home | day, session=write.session)
    twice = {each["person_id"] for each in found if same_topic(each["topic"]) == same_topic(one.topic)}
    if twice:
        people = write.store.documents(Person, home | {"_id": Is(among=sorted(twice))}, session=write.session)
        names = "、".join(sorted(each["name"] for each in people))
        raise Invalid({"people": Message(msg("This training is entered already for: {names}"), {"names": names})})


def edit_training(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> StaffTraining:
    """Put one person's entry right. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> StaffTraining:
        changed = write.update(StaffTraining, community_id, id, revision, changes)
        _require_past(write, community_id, held_on=changed.held_on)
        return changed

    return store.write(actor, work)


def remove_training(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out one person's entry. Raises Conflict, NotFound, Refused."""
    store.delete(actor, StaffTraining, community_id, id, revision)


def _require_past(write: Write, community_id: str, **days: date) -> None:
    """Raise Invalid beside a day that has not come yet."""
    today = day_of(write.at, write.store.zone(community_id))
    if ahead := [name for name, day in days.items() if day > today]:
        raise Invalid({name: Message(msg("This lies in the future")) for name in ahead})


# --- the year's plan
def add_training_plan(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> TrainingPlan:
    """Enter a year's plan. Raises Invalid, Duplicate (the year has one), Refused."""
    return store.insert(actor, _of_its_year(build(TrainingPlan, {**values, "community_id": community_id})), key=key)


def edit_training_plan(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> TrainingPlan:
    """Change a year's plan; what is owed follows. Raises Invalid, Duplicate, Conflict, NotFound, Refused."""

    def work(write: Write) -> TrainingPlan:
        return _of_its_year(write.update(TrainingPlan, community_id, id, revision, changes))

    return store.write(actor, work)


def _of_its_year(plan: TrainingPlan) -> TrainingPlan:
    """The plan; raises Invalid for a topic that is due in another year, in which nobody would look for it."""
    if strange := [each.topic for each in plan.topics if each.by.year != plan.year]:
        facts = {"topic": strange[0], "year": str(plan.year)}
        raise Invalid({"topics": Message(msg("“{topic}” is not due in {year}: each year has its own plan"), facts)})
    return plan


def remove_training_plan(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a year's plan. Raises Conflict, NotFound, Refused."""
    store.delete(actor, TrainingPlan, community_id, id, revision)


# --- succession
def add_successor(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> StaffSuccessor:
    """Name one of the staff who could take over a key post of somebody else. Raises Invalid, Duplicate, Refused."""

    def work(write: Write) -> StaffSuccessor:
        return write.insert(_fitting(write, build(StaffSuccessor, {**values, "community_id": community_id})))

    return store.write(actor, work, key=key)


def edit_successor(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> StaffSuccessor:
    """Change how ready somebody is, or for which post. Raises Invalid, Duplicate, Conflict, NotFound, Refused."""

    def work(write: Write) -> StaffSuccessor:
        changed = write.update(StaffSuccessor, community_id, id, revision, changes)
        return _fitting(write, changed) if {"post_id", "person_id"} & changes.keys() else changed

    return store.write(actor, work)


def remove_successor(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Somebody is no successor of that post any more. Raises Conflict, NotFound, Refused."""
    store.delete(actor, StaffSuccessor, community_id, id, revision)


def _fitting(write: Write, named: StaffSuccessor) -> StaffSuccessor:
    home, today = named.community_id, day_of(write.at, write.store.zone(named.community_id))
    post = write.referred(Post, home, "post_id", named.post_id)
    write.referred(Person, home, "person_id", named.person_id)
    if post.tier not in KEY_TIERS:
        raise Invalid({"post_id": Message(msg("Successors are named for grid directors and safety assistants"))})
    if post.holder_on(today) == named.person_id:
        raise Invalid({"person_id": Message(msg("They hold this post already"))})
    _require_members(write, home, [named.person_id], "person_id")
    return named


def _require_members(write: Write, community_id: str, people: Sequence[str], field: str) -> None:
    """Raise Invalid beside ``field`` unless each of these people has a file here, inside a write."""
    wanted = set(people)
    filed = {"community_id": community_id, "person_id": Is(among=sorted(wanted))}
    if wanted - {
        document["person_id"] for document in write.store.documents(StaffMember, filed, session=write.session)
    }:
        raise Invalid({field: Message(_ONE_FILE)})
