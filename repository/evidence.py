"""What the work itself says of single people between two days: evidence that stands beside an assessment of them, and
is no part of it. Above the rooms the work is done in, each of which is asked for its own.

For who leads the team, and of themselves for everybody whose account says who they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from repository import inspections, maintenance, meetings, patrols, requests
from repository.access import Actor, Operation, Refused, Role, may
from repository.filters import Is
from repository.grids import Post, Tier
from repository.maintenance import PersonWork
from repository.meetings import ItemsKept
from repository.patrols import Walked
from repository.people import Person
from repository.requests import Answered
from repository.rollups import day_begins, day_of
from repository.staff import AssessmentRound
from repository.store import Store
from repository.words import msg


@dataclass(frozen=True)
class Evidence:
    """What the work says of one person."""

    person_id: str
    work: PersonWork
    inspections: int | None
    """Made under their name; None where two of the people register bear it."""
    patrols: Walked
    requests: Answered
    """Those they answer for."""
    items: ItemsKept
    """What meetings gave them to do."""
    posts: tuple[tuple[Tier, str | None], ...]
    """Tier and grid of the posts they hold at the end, or now; where they left before, of those they held last in
    between."""


def evidence(
    store: Store, actor: Actor, community_id: str, people: Iterable[str], first: date, last: date, *, now: datetime
) -> dict[str, Evidence]:
    """What the work says of some people between two days, both included. Each room is asked once, by an index that
    leads to these people or these days. Raises Refused, Unavailable."""
    who = list(dict.fromkeys(people))
    if not may(actor, Operation.READ, AssessmentRound.collection):
        if actor.shared or not set(who) <= set(actor.people):
            raise Refused(msg("Work figures are for the person they are about, and for who leads the team."))
        actor = replace(actor, role=Role.ADMIN, grids=None, bound_to=None)  # their work, wherever it was
    if not who:
        return {}
    zone = store.zone(community_id)
    begins, ends = day_begins(first, zone), day_begins(last + timedelta(days=1), zone)
    day = min(last, day_of(now, zone))
    work = maintenance.work_of(store, actor, community_id, who, first, last, now=now)
    walked = patrols.walked_by(store, actor, community_id, who, first, last)
    answered = requests.answered_by(store, actor, community_id, who, first, last)
    kept = meetings.items_kept(store, actor, community_id, who, first, last, on=day)
    inspected = _inspections(store, actor, community_id, who, begins, ends)
    posts = _posts(store, actor, community_id, who, first, day)
    return {
        id: Evidence(
            id,
            work.get(id, PersonWork()),
            inspected.get(id),
            walked.get(id, Walked()),
            answered.get(id, Answered()),
            kept.get(id, ItemsKept()),
            posts.get(id, ()),
        )
        for id in who
    }


def _inspections(
    store: Store, actor: Actor, community_id: str, who: list[str], begins: datetime, ends: datetime
) -> dict[str, int]:
    """By person how many they made; an inspection keeps the name, so nobody is there whose name another bears too."""
    named = store.find(actor, Person, community_id, {"_id": Is(among=who)})
    names = {person.id: person.name for person in named}
    alike = store.aggregate(
        actor,
        Person,
        community_id,
        [{"$group": {"_id": "$name", "n": {"$sum": 1}}}],
        filter={"name": Is(among=sorted(set(names.values())))},
    )
    twice = {row["_id"] for row in alike if row["n"] > 1}
    made = inspections.made_by(store, actor, community_id, list(names.values()), begins, ends)
    return {id: made.get(names.get(id, ""), 0) for id in who if names.get(id) not in twice}


def _posts(
    store: Store, actor: Actor, community_id: str, who: list[str], first: date, day: date
) -> dict[str, tuple[tuple[Tier, str | None], ...]]:
    held: dict[str, list[tuple[date, Post]]] = {}
    theirs = {"$or": [{"holder_id": Is(among=who)}, {"history.holder_id": Is(among=who)}]}
    for post in store.find(actor, Post, community_id, theirs, limit=5000):
        for holder, until in post.held_between(first, day).items():
            held.setdefault(holder, []).append((until, post))
    return {
        holder: tuple((post.tier, post.grid_id) for until, post in own if until == max(each for each, _post in own))
        for holder, own in held.items()
    }
