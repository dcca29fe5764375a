"""Assessment rounds: opened, filled with ballots, closed, put right; and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repository import targets
from repository.access import Actor
from repository.filters import Is
from repository.metrics import Value, ratio
from repository.rollups import day_of
from repository.staff import metrics
from repository.staff.commands import _require_members
from repository.staff.scoring import (
    AssessmentBallots,
    AssessmentRound,
    Correction,
    Pile,
    RaterKind,
    Result,
    RoundState,
    judged,
    misfits,
)
from repository.store import Invalid, Store, Write, build
from repository.words import Message, msg

ENTRIES_LISTED = 500  # of one person's ballots
ROUNDS_LISTED = 100
_CLOSED = msg("This round is closed: put it right with a reason instead.")
_SET = frozenset({"groups", "min_raters", "min_residents", "people"})


# --- commands
def open_round(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> AssessmentRound:
    """Open a round about members of the staff. Raises Invalid, Refused."""

    def work(write: Write) -> AssessmentRound:
        given = {name: value for name, value in values.items() if name in _GIVEN}
        made = build(AssessmentRound, {**given, "community_id": community_id})
        _require_people(write, made)
        return write.insert(made)

    return store.write(actor, work, key=key)


_GIVEN = frozenset({"name", "first", "last", "opens_on", "closes_on", *_SET})


def edit_round(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> AssessmentRound:
    """Change an open round; its weights, items and minimums, and who is assessed, only as long as no ballot is entered,
    but somebody more can be added. Raises Invalid, Conflict, NotFound, Refused."""
    if strange := changes.keys() - _GIVEN:
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")

    def work(write: Write) -> AssessmentRound:
        before = _open(write, community_id, id)
        changed = write.update(AssessmentRound, community_id, id, revision, changes)
        if set(changed.people) - set(before.people):
            _require_people(write, changed)
        if before.entered:
            fixed = [name for name in ("groups", "min_raters", "min_residents") if _differ(name, before, changed)]
            if set(before.people) - set(changed.people):
                fixed.append("people")
            if fixed:
                raise Invalid(
                    {name: Message(msg("Ballots are entered already: this stays as it is")) for name in fixed}
                )
        return changed

    return store.write(actor, work)


def remove_round(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a round without ballots. Raises InUse while ballots are there, Conflict, NotFound, Refused."""
    store.delete(actor, AssessmentRound, community_id, id, revision)


def close_round(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> AssessmentRound:
    """No more ballots: what stands is the result. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> AssessmentRound:
        _open(write, community_id, id)
        changes = {"state": RoundState.CLOSED, "closed_at": write.at}
        return write.update(AssessmentRound, community_id, id, revision, changes)

    return store.write(actor, work)


def enter_ballots(
    store: Store,
    actor: Actor,
    community_id: str,
    round_id: str,
    person_id: str,
    group: RaterKind | str,
    *,
    n: int,
    sums: Sequence[float],
    ordinary: bool = False,
    key: str | None = None,
) -> AssessmentBallots:
    """Enter ``n`` ballots of one group about one person: the points they gave in all, item by item. The round counts
    them, so that closing it and entering one at the same moment cannot pass each other by. Raises Invalid, NotFound,
    Refused."""

    def work(write: Write) -> AssessmentBallots:
        held = _open(write, community_id, round_id)
        if day_of(write.at, store.zone(community_id)) < held.opens_on:
            raise Invalid({"": Message(msg("Ballots are taken from {day} on"), {"day": held.opens_on.isoformat()})})
        made = _ballots(held, person_id, group, n, sums, ordinary)
        made = write.insert(made)  # first: a submission that comes twice is answered with what it made
        _count(write, held, made.n)
        return made

    return store.write(actor, work, key=key)


def take_back_ballots(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out an entry of ballots while the round is open. Raises Invalid, Conflict, NotFound, Refused."""

    def work(write: Write) -> None:
        found = write.read(AssessmentBallots, community_id, id)
        held = _open(write, community_id, found.round_id)
        write.delete(AssessmentBallots, community_id, id, revision)
        _count(write, held, -found.n)

    store.write(actor, work)


def correct_ballots(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    n: int,
    sums: Sequence[float],
    ordinary: bool = False,
    reason: str,
    key: str | None = None,
) -> AssessmentRound:
    """Put an entry of a closed round right, or with no ballots (``n`` 0) strike it out. The old entry is kept, struck;
    the round keeps the reason, and the result before and after. Raises Invalid, Conflict, NotFound, Refused."""
    why = reason.strip() if isinstance(reason, str) else ""
    if not why:
        raise Invalid({"reason": Message(msg("Say why"))})

    def work(write: Write) -> AssessmentRound:
        old = write.read(AssessmentBallots, community_id, id)
        held = write.read(AssessmentRound, community_id, old.round_id)
        if held.state is not RoundState.CLOSED:
            raise Invalid({"": Message(msg("This round is open: take the entry back and enter it anew."))})
        if old.struck is not None:
            raise Invalid({"": Message(msg("This entry is struck out already."))})
        there = _of_person(write, held, old.person_id)
        new = [] if n == 0 else [_ballots(held, old.person_id, old.group, n, sums, ordinary, replaces=old.id)]
        rest = [Pile.of(each) for each in there if each.id != id]
        before = judged(held, old.person_id, [*rest, Pile.of(old)]).score
        after = judged(held, old.person_id, [*rest, *map(Pile.of, new)]).score
        made = Correction(
            at=write.at, by=actor.name, reason=why, person_id=old.person_id, group=old.group, before=before, after=after
        )
        changes = {
            "corrections": (*held.corrections, made),
            "entered": held.entered - old.n + sum(each.n for each in new),
        }
        corrected = write.update(AssessmentRound, community_id, held.id, held.revision, changes)
        write.update(AssessmentBallots, community_id, id, revision, {"struck": why})
        for each in new:
            write.insert(each)
        return corrected

    return store.write(actor, work, key=key)


def _open(write: Write, community_id: str, id: str) -> AssessmentRound:
    held = write.referred(AssessmentRound, community_id, "round_id", id)
    if held.state is RoundState.CLOSED:
        raise Invalid({"": Message(_CLOSED)})
    return held


def _require_people(write: Write, held: AssessmentRound) -> None:
    if not held.people:
        raise Invalid({"people": Message(msg("Choose who is assessed"))})
    _require_members(write, held.community_id, held.people, "people")


def _differ(name: str, before: AssessmentRound, after: AssessmentRound) -> bool:
    return bool(getattr(before, name) != getattr(after, name))


def _count(write: Write, held: AssessmentRound, more: int) -> None:
    write.update(AssessmentRound, held.community_id, held.id, held.revision, {"entered": max(0, held.entered + more)})


def _ballots(
    held: AssessmentRound,
    person_id: str,
    group: RaterKind | str,
    n: int,
    sums: Sequence[float],
    ordinary: bool,
    *,
    replaces: str | None = None,
) -> AssessmentBallots:
    made = build(
        AssessmentBallots,
        {
            "community_id": held.community_id,
            "round_id": held.id,
            "person_id": person_id,
            "group": group,
            "n": n,
            "ordinary": ordinary,
            "sums": sums,
            "replaces": replaces,
        },
    )
    if person_id not in held.people:
        raise Invalid({"person_id": Message(msg("This person is not assessed in this round"))})
    if (of := held.group(made.group)) is None:
        raise Invalid({"group": Message(msg("This round has no such group of raters"))})
    if made.ordinary and made.group is not RaterKind.RESIDENTS:
        raise Invalid({"ordinary": Message(msg("Only residents' ballots are ordinary residents'"))})
    if wrong := misfits(of, made.n, made.sums):
        raise Invalid(wrong)
    return made


def _of_person(write: Write, held: AssessmentRound, person_id: str) -> list[AssessmentBallots]:
    """The entries about a person that are not struck out."""
    own = {"community_id": held.community_id, "round_id": held.id, "person_id": person_id, "struck": None}
    found = write.store.documents(AssessmentBallots, own, session=write.session)
    return [AssessmentBallots.from_document(document) for document in found]


# --- queries
@dataclass(frozen=True)
class RoundReview:
    """A round with the results of everybody assessed in it, the lowest valid one first, the invalid ones on top."""

    round: AssessmentRound
    results: tuple[Result, ...]
    mean: Value
    """C1; n is how many valid results there are."""
    valid: Value
    """C1_valid"""


def rounds(store: Store, actor: Actor, community_id: str) -> list[AssessmentRound]:
    """The newest rounds, ROUNDS_LISTED at most. Raises Refused, Unavailable."""
    newest = [("closes_on", -1), ("_id", -1)]
    return store.find(actor, AssessmentRound, community_id, sort=newest, limit=ROUNDS_LISTED)


@targets.judged
def round_review(store: Store, actor: Actor, community_id: str, id: str) -> RoundReview:
    """A round and its results. Raises NotFound, Refused, Unavailable."""
    held = store.get(actor, AssessmentRound, community_id, id)
    by_person = _by_person(store, actor, community_id, [held.id])
    results = [judged(held, person, by_person.get((held.id, person), ())) for person in held.people]
    results.sort(key=lambda each: (each.valid, each.score or 0, each.person_id))
    mean, valid = values(results)
    return RoundReview(held, tuple(results), mean, valid)


def values(results: Sequence[Result]) -> tuple[Value, Value]:
    """C1 and C1_valid of some results."""
    scores = [each.score for each in results if each.score is not None]
    return (
        Value(metrics.ASSESSED, ratio(sum(scores), len(scores)), len(scores)),
        Value(metrics.VALID, ratio(len(scores), len(results)), len(results)),
    )


def entries_of(store: Store, actor: Actor, community_id: str, round_id: str, person_id: str) -> list[AssessmentBallots]:
    """The newest entries of ballots about a person, ENTRIES_LISTED at most, struck ones included. Raises Refused,
    Unavailable."""
    where = {"round_id": round_id, "person_id": person_id}
    return store.find(actor, AssessmentBallots, community_id, where, sort=[("_id", -1)], limit=ENTRIES_LISTED)


def results_of(
    store: Store, actor: Actor, community_id: str, person_id: str, *, limit: int = 10
) -> list[tuple[AssessmentRound, Result]]:
    """The closed rounds in which somebody was assessed, newest first, with what came of it. Raises Refused,
    Unavailable."""
    where = {"people": person_id, "state": RoundState.CLOSED.value}
    held = store.find(actor, AssessmentRound, community_id, where, sort=[("closes_on", -1)], limit=limit)
    ballots = _by_person(store, actor, community_id, [each.id for each in held], person_id)
    return [(each, judged(each, person_id, ballots.get((each.id, person_id), ()))) for each in held]


def _by_person(
    store: Store, actor: Actor, community_id: str, round_ids: Sequence[str], person_id: str | None = None
) -> dict[tuple[str, str], list[Pile]]:
    """By round and person the piles, summed up in the database: however many entries there are, a group is two piles
    at most, ordinary residents' and others'."""
    where: dict[str, Any] = {"round_id": Is(among=list(round_ids)), "struck": None}
    where |= {} if person_id is None else {"person_id": person_id}
    key = {name: f"${name}" for name in ("round_id", "person_id", "group", "ordinary")}
    rows = store.aggregate(
        actor,
        AssessmentBallots,
        community_id,
        [
            {"$unwind": {"path": "$sums", "includeArrayIndex": "place"}},
            {"$group": {"_id": {**key, "place": "$place"}, "n": {"$sum": "$n"}, "points": {"$sum": "$sums"}}},
            {"$sort": {"_id.place": 1}},
        ],
        filter=where,
    )
    sums: dict[tuple[str, str, str, bool], list[float]] = {}
    counts: dict[tuple[str, str, str, bool], int] = {}
    for row in rows:
        of = row["_id"]["round_id"], row["_id"]["person_id"], row["_id"]["group"], row["_id"]["ordinary"]
        sums.setdefault(of, []).append(float(row["points"]))
        counts[of] = int(row["n"])
    found: dict[tuple[str, str], list[Pile]] = {}
    for (round_id, person, group, ordinary), points in sums.items():
        pile = Pile(RaterKind(group), counts[round_id, person, group, ordinary], ordinary, tuple(points))
        found.setdefault((round_id, person), []).append(pile)
    return found
