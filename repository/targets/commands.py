"""Targets are set from a day on, and deviations accepted until one; both are taken back by saying so, never by
rewriting what was."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from repository.access import Actor, Operation, reach, require, require_reach
from repository.metrics import METRICS, Metric, Value
from repository.rollups import day_of
from repository.store import Conflict, Invalid, Store, Write, build
from repository.targets.attention import BEYOND, NEED_ACTION
from repository.targets.records import Acceptance, MetricTarget, Span, StatesNoted, TargetEntry, Turn
from repository.words import Message, msg

FARTHEST_BACK, FARTHEST_AHEAD = timedelta(days=3660), timedelta(days=732)
"""How far from today a target may begin to hold."""
NOTED_DAYS = timedelta(days=800)
"""For how long turns are kept."""
LONGEST = timedelta(days=1098)
"""For how long a deviation may be accepted at once."""
TARGET_FIELDS = ("from_on", "direction", "low", "high", "near_low", "near_high", "note")
ACCEPTANCE_FIELDS = ("metric", "grid_id", "until", "reason", "accepted_by")


def set_target(
    store: Store,
    actor: Actor,
    community_id: str,
    metric: str,
    values: Mapping[str, Any],
    *,
    span: str = Span.ANY,
    revision: int = 0,
    key: str | None = None,
) -> MetricTarget:
    """Say what is wanted of a metric from a day on (TARGET_FIELDS); what was wanted before stays on record.
    ``revision`` is that of the history it adds to, 0 for a first word. From a day that is over it needs a note. Raises
    Invalid, Conflict, Refused."""
    of = _known(metric)
    if of.follows:
        raise Invalid({"metric": Message(of.follows)})
    if of in (NEED_ACTION, BEYOND):
        raise Invalid({"metric": Message(msg("Choose one of the list"))})
    if not isinstance(span, str) or span not in set(Span):
        raise Invalid({"span": Message(msg("Choose one of the list"))})

    def work(write: Write) -> MetricTarget:
        require(actor, Operation.CREATE, MetricTarget.collection)
        reach(actor, community_id)
        today = _today(write, community_id)
        given = {name: value for name, value in values.items() if name in TARGET_FIELDS}
        stamp = {"entered_at": write.at, "entered_on": today, "entered_by": actor.name}
        entry = build(TargetEntry, {**given, **stamp})
        _require_sense(entry, of, today)
        own = {"community_id": community_id, "metric": metric, "span": str(span)}
        found = next(iter(write.store.documents(MetricTarget, own, session=write.session, limit=1)), None)
        if found is None:
            return write.insert(build(MetricTarget, {**own, "entries": (entry,)}))
        before = MetricTarget.from_document(found)
        if before.revision != revision:
            raise Conflict(before)
        changes = {"entries": (*before.entries, entry)}
        return write.update(MetricTarget, community_id, before.id, revision, changes)

    return store.write(actor, work, key=key)


def accept_deviation(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Acceptance:
    """Answer for a figure that misses its target, until a day (ACCEPTANCE_FIELDS); of the community, or of one grid.
    Raises Invalid, also while the same is accepted already, Refused."""

    def work(write: Write) -> Acceptance:
        today = _today(write, community_id)
        given = {name: value for name, value in values.items() if name in ACCEPTANCE_FIELDS}
        made = build(Acceptance, {**given, "community_id": community_id, "accepted_on": today})
        require(actor, Operation.CREATE, Acceptance.collection)
        require_reach(actor, made)
        _known(made.metric)
        if made.until - today > LONGEST:
            raise Invalid({"until": Message(msg("At most {days} days from today"), {"days": LONGEST.days})})
        same = {"community_id": community_id, "metric": made.metric, "grid_id": made.grid_id}
        for document in write.store.documents(Acceptance, same, session=write.session):
            if (there := Acceptance.from_document(document)).holds(today):
                facts = {"who": there.accepted_by, "day": there.until.isoformat()}
                text = msg("{who} has accepted this until {day} already. Take that back first.")
                raise Invalid({"metric": Message(text, facts)})
        return write.insert(made)

    return store.write(actor, work, key=key)


def take_back(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Acceptance:
    """From today on a deviation is not accepted any more; that it was stays on record. Raises Invalid where it is over
    already, Conflict, NotFound, Refused."""

    def work(write: Write) -> Acceptance:
        found = write.read(Acceptance, community_id, id)
        today = _today(write, community_id)
        if found.revision == revision and not found.holds(today):
            raise Invalid({"until": Message(msg("This is not accepted any more"))})
        changes = {"withdrawn_on": today, "withdrawn_by": actor.name}
        return write.update(Acceptance, community_id, id, revision, changes)

    return store.write(actor, work)


def _known(metric: str) -> Metric:
    found = METRICS.get(metric) if isinstance(metric, str) else None
    if found is None:
        raise Invalid({"metric": Message(msg("Choose one of the list"))})
    return found


def _require_sense(entry: TargetEntry, metric: Metric, today: date) -> None:
    """What a single entry cannot judge of itself. Raises Invalid."""
    if not today - FARTHEST_BACK <= entry.from_on <= today + FARTHEST_AHEAD:
        facts = {"first": (today - FARTHEST_BACK).isoformat(), "last": (today + FARTHEST_AHEAD).isoformat()}
        raise Invalid({"from_on": Message(msg("Choose a day from {first} to {last}"), facts)})
    if entry.back_dated and not entry.note:
        text = msg("It is to hold from a day that is over: say why")
        raise Invalid({"note": Message(text)})
    if metric.unit == "percent":
        bounds = {name: getattr(entry, name) for name in ("low", "high", "near_low", "near_high")}
        if strange := [name for name, bound in bounds.items() if bound is not None and bound > 1]:
            raise Invalid({name: Message(msg("A share is 100 % at most")) for name in strange})


def _today(write: Write, community_id: str) -> date:
    return day_of(write.at, write.store.zone(community_id))


def note_states(
    store: Store, actor: Actor, community_id: str, days: Sequence[tuple[date, Iterable[Value]]]
) -> StatesNoted | None:
    """Note in which state figures of a moment were at the end of ``days``, in their order: each with its judged values
    as they were told then. Days that were noted before are left out. Returns all that is noted by then, None where that
    is nothing. Raises Refused, Conflict where another process notes in the same moment."""

    def work(write: Write) -> StatesNoted | None:
        require(actor, Operation.UPDATE, StatesNoted.collection)
        where = {"community_id": community_id, "_id": community_id}
        rows = list(write.store.documents(StatesNoted, where, session=write.session, limit=1))
        before = StatesNoted.from_document(rows[0]) if rows else None
        new = [(day, values) for day, values in days if before is None or day > before.noted_on]
        if not new:
            return before
        turns = list(before.turns if before else ())
        last = {turn.metric: turn.state for turn in turns}
        for day, values in new:
            told = {value.metric.key: value.plain_state for value in values if value.metric.stock}
            for metric in sorted(told.keys() | last.keys()):
                state = told.get(metric)
                if metric not in last or last[metric] is not state:
                    turns.append(Turn(metric=metric, on=day, state=state))
                    last[metric] = state
        known = _recent(turns, new[-1][0] - NOTED_DAYS)
        if before is None:
            made = {"id": community_id, "community_id": community_id, "noted_on": new[-1][0], "turns": known}
            return write.insert(build(StatesNoted, made))
        changes = {"noted_on": new[-1][0], "turns": known}
        return write.update(StatesNoted, community_id, community_id, before.revision, changes)

    return store.write(actor, work)


def _recent(turns: Sequence[Turn], since: date) -> tuple[Turn, ...]:
    """The turns since a day, and of each metric the one before them that still held on it."""
    held = {turn.metric: turn for turn in turns if turn.on <= since}
    return tuple(turn for turn in turns if turn.on > since or held.get(turn.metric) is turn)
