"""Planning and holding meetings, what they decide, what they give people to do, and their minutes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from repository.access import Actor, Operation, Refused, may
from repository.meetings.records import (
    REQUIRED,
    SERIES,
    ActionItem,
    AgendaItem,
    Decision,
    Given,
    ItemEvent,
    ItemState,
    ItemStep,
    Link,
    Meeting,
    MeetingKind,
    MeetingStatus,
    Resolved,
    Version,
    period_of,
)
from repository.organizations import Way, drop_parts, note_part
from repository.people import Person
from repository.record import RECORDS
from repository.rollups import day_of
from repository.store import Conflict, Invalid, NotFound, Store, Write, build
from repository.words import Message, msg

EDITABLE = frozenset(
    {
        "name", "kind", "day", "time", "period", "reason", "place", "chair_id", "recorder_id", "invited_ids",
        "invited_organization_ids", "agenda",
    }
)  # fmt: skip
"""What ``edit_meeting`` may change; holding, cancelling and the minutes have commands of their own."""
DECIDABLE = frozenset({"text", "outcome", "votes_for", "votes_against", "abstained"})
"""What ``edit_decision`` may change."""
LOCKED = msg("The minutes are final. Open a correction first: the present version stays as it is.")


# --- meetings
def plan_meeting(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Meeting:
    """Enter a meeting, for a day to come or one that was: whether it was held is said by ``hold``. Its period is that
    of its day unless given. Raises Invalid, also for a second one of the same month, quarter or year; Refused."""

    def work(write: Write) -> Meeting:
        given = {name: value for name, value in values.items() if name in EDITABLE}
        meeting = build(Meeting, {**given, "community_id": community_id})
        _require_single(write, meeting)
        return write.insert(meeting)

    return store.write(actor, work, key=key)


def edit_meeting(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Meeting:
    """Change plain fields (EDITABLE), the agenda among them. Another day or kind takes its decisions and action items
    along. Raises Invalid when the minutes are final, Conflict, NotFound, Refused."""
    if strange := changes.keys() - EDITABLE:
        raise TypeError(f"not to be changed here: {', '.join(sorted(map(str, strange)))}")

    def work(write: Write) -> Meeting:
        before = _open_to_change(write, community_id, id, revision)
        wanted = dict(changes)
        moved = "day" in changes or "kind" in changes
        if moved and "period" not in changes and before.period == period_of(before.kind, before.day):
            wanted["period"] = None  # it followed from the day, and goes on to
        after = build(Meeting, {**dict(before), **wanted})
        if after.status is MeetingStatus.HELD:
            _require_begun(write, after)
        if (after.kind, after.period) != (before.kind, before.period):
            _require_single(write, after)
        changed = write.update(Meeting, community_id, id, revision, {**wanted, "period": after.period})
        if (before.day, before.kind) != (after.day, after.kind):
            _take_along(write, changed)
        if (before.day, before.name) != (after.day, after.name):
            _note_present(write, changed)
        return changed

    return store.write(actor, work)


def take_up(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, items: Sequence[AgendaItem]
) -> Meeting:
    """Put items on the agenda that are not on it: what is carried over comes before the rest, in the order given.
    Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Meeting:
        _at(write, community_id, id, revision)
        return put_on_agenda(write, community_id, id, items)

    return store.write(actor, work)


def put_on_agenda(write: Write, community_id: str, id: str, items: Iterable[AgendaItem]) -> Meeting:
    """For the rooms whose matters a meeting takes up: put them on its agenda, inside the write that says so. Raises
    Invalid when the minutes are final, NotFound, Refused."""
    meeting = write.read(Meeting, community_id, id)
    meeting = _open_to_change(write, community_id, id, meeting.revision)
    agenda = with_items(meeting.agenda, items)
    return write.update(Meeting, community_id, id, meeting.revision, {"agenda": agenda})


def take_off_agenda(write: Write, community_id: str, id: str, ref: str) -> None:
    """For the same: a matter is not put to the meeting any more. Raises Invalid when it was held, NotFound, Refused."""
    meeting = write.read(Meeting, community_id, id)
    if meeting.status is MeetingStatus.HELD:
        raise Invalid({"": Message(msg("The meeting was held: what it took up stays."))})
    agenda = tuple(item for item in meeting.agenda if item.link is None or item.link.ref != ref)
    write.update(Meeting, community_id, id, meeting.revision, {"agenda": agenda})


def with_items(agenda: Sequence[AgendaItem], more: Iterable[AgendaItem]) -> tuple[AgendaItem, ...]:
    """The agenda with more items: action items after those that stand first already, all else at the end; what is on
    it (the same link, or without one the same text) is not put on it again. Pure."""
    first = [item for item in agenda if _carried(item)]
    rest = [item for item in agenda if not _carried(item)]
    known = {item.link or item.text for item in agenda}
    for item in more:
        if (item.link or item.text) not in known:
            known.add(item.link or item.text)
            (first if _carried(item) else rest).append(item)
    return (*first, *rest)


def _carried(item: AgendaItem) -> bool:
    return item.link is not None and item.link.about == ActionItem.collection


def hold(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    people: Sequence[str] = (),
    organizations: Sequence[str] = (),
) -> Meeting:
    """It is held, or was: by whom it was attended. Guests that were not invited may be among them; nobody at all means
    that attendance was not taken. The organisations that were there took part by it. Raises Invalid before its day or
    when the minutes are final, Conflict, NotFound, Refused."""

    def work(write: Write) -> Meeting:
        meeting = _open_to_change(write, community_id, id, revision)
        if meeting.status is MeetingStatus.CANCELLED:
            raise Invalid({"status": Message(msg("It was cancelled. Plan it again first."))})
        _require_begun(write, meeting)
        changes = {
            "status": MeetingStatus.HELD,
            "present_ids": tuple(dict.fromkeys(people)),
            "present_organization_ids": tuple(dict.fromkeys(organizations)),
        }
        held = write.update(Meeting, community_id, id, revision, changes)
        _note_present(write, held)
        return held

    return store.write(actor, work)


def cancel(store: Store, actor: Actor, community_id: str, id: str, revision: int, because: str) -> Meeting:
    """It does not take place, and why. Raises Invalid, Conflict, NotFound, Refused."""
    _require_words("because", because)

    def work(write: Write) -> Meeting:
        meeting = _open_to_change(write, community_id, id, revision)
        if meeting.status is not MeetingStatus.PLANNED:
            raise Invalid({"status": Message(msg("Only a planned meeting can be cancelled."))})
        changes = {"status": MeetingStatus.CANCELLED, "cancelled_because": because}
        return write.update(Meeting, community_id, id, revision, changes)

    return store.write(actor, work)


def plan_again(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Meeting:
    """A cancelled meeting takes place after all, or one that was noted as held was not. Raises Invalid when it has
    decisions, action items or minutes; Conflict, NotFound, Refused."""

    def work(write: Write) -> Meeting:
        meeting = _open_to_change(write, community_id, id, revision)
        if meeting.draft or _decisions(write, meeting) or _items(write, meeting):
            raise Invalid({"status": Message(msg("It has decisions, action items or minutes, so it was held."))})
        changes = {
            "status": MeetingStatus.PLANNED, "cancelled_because": None, "present_ids": (),
            "present_organization_ids": (),
        }  # fmt: skip
        _require_single(write, build(Meeting, {**dict(meeting), **changes}))
        planned = write.update(Meeting, community_id, id, revision, changes)
        _note_present(write, planned)
        return planned

    return store.write(actor, work)


def remove_meeting(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a meeting entered by mistake. Raises Invalid when its minutes are final, InUse while it has decisions or
    action items, Conflict, NotFound, Refused."""

    def work(write: Write) -> None:
        if write.read(Meeting, community_id, id).final:
            raise Invalid({"": Message(msg("A meeting with final minutes is not taken out."))})
        drop_parts(write, community_id, meeting_id=id)
        write.delete(Meeting, community_id, id, revision)

    store.write(actor, work)


# --- minutes
def write_minutes(store: Store, actor: Actor, community_id: str, id: str, revision: int, text: str | None) -> Meeting:
    """Keep the draft. Raises Invalid when the minutes are final, Conflict, NotFound, Refused."""

    def work(write: Write) -> Meeting:
        _open_to_change(write, community_id, id, revision)
        return write.update(Meeting, community_id, id, revision, {"draft": text or None})

    return store.write(actor, work)


def finalize(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Meeting:
    """Make the draft final: a numbered version with attendance, decisions and action items as they stand, which nobody
    changes any more. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> Meeting:
        meeting = _open_to_change(write, community_id, id, revision)
        if meeting.status is not MeetingStatus.HELD:
            raise Invalid({"status": Message(msg("Only a meeting that was held has minutes."))})
        if not (meeting.draft or "").strip():
            raise Invalid({"draft": Message(msg("Write the minutes first"))})
        version = _version(write, meeting)
        changes = {"versions": (*meeting.versions, version), "draft": None, "correcting": None}
        return write.update(Meeting, community_id, id, revision, changes)

    return store.write(actor, work)


def correct(store: Store, actor: Actor, community_id: str, id: str, revision: int, reason: str) -> Meeting:
    """Open a correction of final minutes, and say why: a draft that begins with the last version, which stays. Raises
    Invalid, Conflict, NotFound, Refused."""
    _require_words("reason", reason)

    def work(write: Write) -> Meeting:
        meeting = _at(write, community_id, id, revision)
        if not meeting.locked:
            raise Invalid({"": Message(msg("There are no final minutes to correct."))})
        changes = {"draft": meeting.versions[-1].text, "correcting": reason}
        return write.update(Meeting, community_id, id, revision, changes)

    return store.write(actor, work)


def withdraw(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Meeting:
    """Close a correction in which nothing was changed, as if it had not been opened. Raises Invalid, Conflict,
    NotFound, Refused."""

    def work(write: Write) -> Meeting:
        meeting = _open_to_change(write, community_id, id, revision)
        if not meeting.versions or meeting.correcting is None:
            raise Invalid({"": Message(msg("No correction is open."))})
        last, now = meeting.versions[-1], _version(write, meeting)
        kept = ("text", "present_ids", "present_organization_ids", "decisions", "items")
        if any(getattr(last, name) != getattr(now, name) for name in kept):
            raise Invalid({"": Message(msg("Something was changed in it: make it final, as the next version."))})
        return write.update(Meeting, community_id, id, revision, {"draft": None, "correcting": None})

    return store.write(actor, work)


def _version(write: Write, meeting: Meeting) -> Version:
    said = [
        Resolved(**{name: getattr(each, name) for name in Resolved.model_fields}) for each in _decisions(write, meeting)
    ]
    given = [Given(what=each.what, owner_id=each.owner_id, due_on=each.due_on) for each in _items(write, meeting)]
    return build(
        Version,
        {
            "number": len(meeting.versions) + 1,
            "text": (meeting.draft or "").strip(),
            "at": write.at,
            "by": write.actor.name,
            "by_id": write.actor.id,
            "reason": meeting.correcting,
            "present_ids": meeting.present_ids,
            "present_organization_ids": meeting.present_organization_ids,
            "decisions": tuple(said),
            "items": tuple(given),
        },
    )


# --- decisions
def decide(
    store: Store,
    actor: Actor,
    community_id: str,
    meeting_id: str,
    values: Mapping[str, Any],
    *,
    key: str | None = None,
) -> Decision:
    """Enter a decision of a meeting, numbered in order; one that was only planned is held with it. Raises Invalid
    before its day or when the minutes are final, NotFound, Refused."""

    def work(write: Write) -> Decision:
        meeting = _in_session(write, community_id, meeting_id)
        number = max((each.number for each in _decisions(write, meeting)), default=0) + 1
        facts = {"community_id": community_id, "meeting_id": meeting_id, "number": number, "decided_on": meeting.day}
        decision = build(Decision, {**values, **facts})
        _require_there(write, decision.links, community_id)
        return write.insert(decision)

    return store.write(actor, work, key=key)


def edit_decision(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Decision:
    """Change words, outcome or votes (DECIDABLE). Raises Invalid when the minutes are final, Conflict, NotFound,
    Refused."""
    if strange := changes.keys() - DECIDABLE:
        raise TypeError(f"not to be changed here: {', '.join(sorted(map(str, strange)))}")

    def work(write: Write) -> Decision:
        _in_session(write, community_id, write.read(Decision, community_id, id).meeting_id)
        return write.update(Decision, community_id, id, revision, changes)

    return store.write(actor, work)


def link_decision(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, links: Sequence[Link]
) -> Decision:
    """Say what a decision changed: work orders, plans, facilities, activities and so on. After the minutes are final
    too: what comes of it comes later. Raises Invalid for what is not there, Conflict, NotFound, Refused."""

    def work(write: Write) -> Decision:
        before = write.read(Decision, community_id, id)
        wanted = tuple(dict.fromkeys(links))
        _require_there(write, [link for link in wanted if link not in before.links], community_id)
        return write.update(Decision, community_id, id, revision, {"links": wanted})

    return store.write(actor, work)


def remove_decision(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out one entered by mistake. Raises Invalid when the minutes are final, InUse while an action item comes of
    it, Conflict, NotFound, Refused."""

    def work(write: Write) -> None:
        _in_session(write, community_id, write.read(Decision, community_id, id).meeting_id)
        write.delete(Decision, community_id, id, revision)

    store.write(actor, work)


# --- action items
def give(
    store: Store,
    actor: Actor,
    community_id: str,
    meeting_id: str,
    values: Mapping[str, Any],
    *,
    key: str | None = None,
) -> ActionItem:
    """Give somebody something to do, by a day: ``what``, ``owner_id``, ``due_on``, and the ``decision_id`` it comes of.
    Raises Invalid, also for an owner who is not active or when the minutes are final; NotFound, Refused."""

    def work(write: Write) -> ActionItem:
        meeting = _in_session(write, community_id, meeting_id)
        given = {name: values.get(name) for name in ("what", "owner_id", "due_on", "decision_id") if name in values}
        item = build(
            ActionItem,
            {
                **given, "community_id": community_id, "meeting_id": meeting_id, "given_on": meeting.day,
                "series": SERIES[meeting.kind],
            },
        )  # fmt: skip
        if item.decision_id is not None:
            of = write.referred(Decision, community_id, "decision_id", item.decision_id)
            if of.meeting_id != meeting_id:
                raise Invalid({"decision_id": Message(msg("This is a decision of another meeting"))})
        _check_item(write, item)
        return write.insert(item.model_copy(update={"events": (_event(write, ItemStep.GIVEN),)}))

    return store.write(actor, work, key=key)


def edit_item(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
) -> ActionItem:
    """Change what is to be done, by whom and by when. Another day or owner needs a ``reason`` and stays in the story.
    Raises Invalid, Conflict, NotFound, Refused."""
    if strange := changes.keys() - {"what", "owner_id", "due_on"}:
        raise TypeError(f"not to be changed here: {', '.join(sorted(map(str, strange)))}")

    def work(write: Write) -> ActionItem:
        before = write.read(ActionItem, community_id, id)
        if before.revision != revision:
            raise Conflict(before)
        after = build(ActionItem, {**dict(before), **changes})
        events = list(before.events)
        if after.due_on != before.due_on:
            _require_words("reason", reason)
            told = f"{before.due_on.isoformat()} → {after.due_on.isoformat()}：{reason}"
            events.append(_event(write, ItemStep.MOVED, told))
        if after.owner_id != before.owner_id:
            _require_words("reason", reason)
            events.append(_event(write, ItemStep.HANDED, reason))
        if len(events) > len(before.events):
            if not before.is_open:
                raise Invalid({"state": Message(msg("It is closed. Reopen it first."))})
            _check_item(write, after, moved=after.due_on != before.due_on)
        return write.update(ActionItem, community_id, id, revision, {**changes, "events": tuple(events)})

    return store.write(actor, work)


def finish(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    result: str,
    done_on: date | None = None,
) -> ActionItem:
    """It is done, with what came of it; today unless said otherwise. Its owner may say so, whatever their role. Raises
    Invalid, Conflict, NotFound, Refused."""
    _require_words("result", result)
    return _close(store, actor, community_id, id, revision, ItemState.DONE, result, done_on)


def drop(store: Store, actor: Actor, community_id: str, id: str, revision: int, reason: str) -> ActionItem:
    """It is not needed any more, and why: it counts neither as done nor as late. Raises Invalid, Conflict, NotFound,
    Refused."""
    _require_words("reason", reason)
    return _close(store, actor, community_id, id, revision, ItemState.DROPPED, reason, None)


def _close(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    state: ItemState,
    words: str,
    on: date | None,
) -> ActionItem:
    def work(write: Write) -> ActionItem:
        item = write.read(ActionItem, community_id, id)
        if item.revision != revision:
            raise Conflict(item)
        if not item.is_open:
            raise Invalid({"state": Message(msg("It is closed already."))})
        today = day_of(write.at, store.zone(community_id))
        if on is not None and on > today:
            raise Invalid({"done_on": Message(msg("This lies in the future"))})
        step = ItemStep.DONE if state is ItemState.DONE else ItemStep.DROPPED
        changes = {
            "state": state, "is_open": False, "closed_on": on or max(today, item.given_on), "result": words,
            "events": (*item.events, _event(write, step, words)),
        }  # fmt: skip
        own = state is ItemState.DONE and _is_own(actor, item)
        return write.update(ActionItem, community_id, id, revision, changes, own=own)

    return store.write(actor, work)


def reopen(store: Store, actor: Actor, community_id: str, id: str, revision: int, reason: str) -> ActionItem:
    """It was not done after all: it is open again, due when it was, and carried over as if it had never been closed.
    Raises Invalid, Conflict, NotFound, Refused."""
    _require_words("reason", reason)

    def work(write: Write) -> ActionItem:
        item = write.read(ActionItem, community_id, id)
        if item.is_open:
            raise Invalid({"state": Message(msg("It is open."))})
        changes = {
            "state": ItemState.OPEN, "is_open": True, "closed_on": None, "result": None,
            "events": (*item.events, _event(write, ItemStep.REOPENED, reason)),
        }  # fmt: skip
        return write.update(ActionItem, community_id, id, revision, changes)

    return store.write(actor, work)


def remove_item(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out one entered by mistake; what is not needed any more is dropped instead. Raises Conflict, NotFound,
    Refused."""
    store.delete(actor, ActionItem, community_id, id, revision)


# --- what they share
def _at(write: Write, community_id: str, id: str, revision: int) -> Meeting:
    """The meeting, if it still stands at this revision: whatever it has become meanwhile is shown. Raises Conflict,
    NotFound, Refused."""
    meeting = write.read(Meeting, community_id, id)
    if meeting.revision != revision:
        raise Conflict(meeting)
    return meeting


def _open_to_change(write: Write, community_id: str, id: str, revision: int) -> Meeting:
    meeting = _at(write, community_id, id, revision)
    if meeting.locked:
        raise Invalid({"": Message(LOCKED)})
    return meeting


def _in_session(write: Write, community_id: str, id: str) -> Meeting:
    """The meeting something comes of: open to change, begun, and thereby held."""
    meeting = write.read(Meeting, community_id, id)
    if meeting.locked:
        raise Invalid({"": Message(LOCKED)})
    if meeting.status is MeetingStatus.CANCELLED:
        raise Invalid({"": Message(msg("It was cancelled. Plan it again first."))})
    if meeting.status is MeetingStatus.PLANNED:
        _require_begun(write, meeting)
        write.update(Meeting, community_id, id, meeting.revision, {"status": MeetingStatus.HELD})
    return meeting


def _require_begun(write: Write, meeting: Meeting) -> None:
    if meeting.day > day_of(write.at, write.store.zone(meeting.community_id)):
        raise Invalid({"day": Message(msg("It is not its day yet. If it is held today, change the day first."))})


def _note_present(write: Write, meeting: Meeting) -> None:
    """The organisations that attended took part by it, and no others: what was noted of it before is dropped."""
    there = set(meeting.present_organization_ids) if meeting.status is MeetingStatus.HELD else set()
    drop_parts(write, meeting.community_id, meeting_id=meeting.id)
    for id in sorted(there):
        note_part(write, meeting.community_id, id, Way.MEETING, meeting.name, meeting.day, meeting_id=meeting.id)


def _require_single(write: Write, meeting: Meeting) -> None:
    """Raise Invalid when the month, quarter or year has its meeting. Two who enter it at once write the same counter of
    writes, so that the second runs again and meets the first one's."""
    if meeting.kind not in REQUIRED or meeting.status is MeetingStatus.CANCELLED:
        return
    where = {"community_id": meeting.community_id, "kind": str(meeting.kind), "period": meeting.period}
    for document in write.store.documents(Meeting, where, session=write.session):
        if document["_id"] != meeting.id and document["status"] != MeetingStatus.CANCELLED.value:
            facts = {"name": document["name"], "day": f"{document['day']:%Y-%m-%d}"}
            text = msg(
                "This one is entered already: “{name}” of {day}. Open that one; what comes up besides is ad hoc."
            )
            raise Invalid({"period": Message(text, facts)})


def _require_words(field: str, words: str | None) -> None:
    if not (words or "").strip():
        text = msg("Say what came of it") if field == "result" else msg("Say why")
        raise Invalid({field: Message(text)})


def _require_there(write: Write, links: Sequence[Link], community_id: str) -> None:
    for link in links:
        record = RECORDS.get(str(link.about))
        try:
            if record is None:
                raise NotFound(msg("Choose one of the list"))
            write.read(record, community_id, link.ref)
        except NotFound:
            raise Invalid({"links": Message(msg("This is not there any more. Choose one of the list."))}) from None


def _check_item(write: Write, item: ActionItem, *, moved: bool = True) -> None:
    owner = write.referred(Person, item.community_id, "owner_id", item.owner_id)
    if not owner.active:
        text = msg("{name} is not active any more: choose somebody else")
        raise Invalid({"owner_id": Message(text, {"name": owner.name})})
    if moved and item.due_on < item.given_on:
        raise Invalid({"due_on": Message(msg("This lies before the meeting"))})


def _is_own(actor: Actor, item: ActionItem) -> bool:
    """Whether the actor is its owner; who may change items anyway needs not be."""
    if may(actor, Operation.UPDATE, ActionItem.collection):
        return False
    if item.owner_id not in actor.people:
        raise Refused(msg("Only the owner or an editor may say that it is done. Nothing was changed."))
    return True


def _event(write: Write, step: ItemStep, note: str | None = None) -> ItemEvent:
    facts = {"at": write.at, "by": write.actor.name, "by_id": write.actor.id, "step": step}
    return build(ItemEvent, {**facts, "note": (note or "").strip() or None})


def _decisions(write: Write, meeting: Meeting) -> list[Decision]:
    within = {"community_id": meeting.community_id, "meeting_id": meeting.id}
    found = write.store.documents(Decision, within, session=write.session, sort=[("number", 1)])
    return [Decision.from_document(document) for document in found]


def _items(write: Write, meeting: Meeting) -> list[ActionItem]:
    within = {"community_id": meeting.community_id, "meeting_id": meeting.id}
    found = write.store.documents(ActionItem, within, session=write.session, sort=[("_id", 1)])
    return [ActionItem.from_document(document) for document in found]


def _take_along(write: Write, meeting: Meeting) -> None:
    """Decisions and action items are of the day and series of their meeting."""
    for each in _decisions(write, meeting):
        write.update(
            Decision, each.community_id, each.id, each.revision, {"decided_on": meeting.day}, following=Meeting
        )
    for item in _items(write, meeting):
        if item.closed_on is not None and item.closed_on < meeting.day:
            raise Invalid({"day": Message(msg("An action item was done before that day: {what}"), {"what": item.what})})
        changes: dict[str, Any] = {"given_on": meeting.day, "series": SERIES[MeetingKind(meeting.kind)]}
        write.update(ActionItem, item.community_id, item.id, item.revision, changes, following=Meeting)
