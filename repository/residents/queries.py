"""Who is registered as a volunteer, and whose card this is."""

from datetime import date, datetime

import pymongo

from repository import keyed
from repository.access import Actor, Operation, require, scope
from repository.activities.records import Attendance
from repository.filters import Is
from repository.record import midnight
from repository.residents.records import CARD_KEY, ResidentCard, Volunteer, card_number
from repository.store import READ_SECONDS, Store, our_errors

MOST = 500


def volunteers(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    grids: frozenset[str] | None = None,
    on: date | None = None,
    limit: int = MOST,
    now: datetime | None = None,  # noqa: ARG001 (as of which moment the store is asked)
) -> list[Volunteer]:
    """Registrations, newest first; with ``on`` those that stand on that day."""
    within: dict[str, object] = {}
    if on is not None:
        day = midnight(on)
        within = {"since": Is(lte=day), "$or": [{"until": None}, {"until": Is(gte=day)}]}
    return store.find(actor, Volunteer, community_id, within, grids=grids, sort=[("since", -1)], limit=limit)


def resident_of_card(store: Store, actor: Actor, community_id: str, card: str) -> str | None:
    """The code of the resident whose card this is, for who may record that they came; None when it is nobody's, or of
    a grid that is not in the actor's charge. Raises Invalid for what is no card number, Refused."""
    require(actor, Operation.CREATE, Attendance.collection)
    own = scope(actor, ResidentCard, community_id)
    within = {"$and": [own, {"card": keyed.digest(store, CARD_KEY, f"{community_id}|{card_number(card)}")}]}
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = next(store.documents(ResidentCard, within, limit=1), None)
    return found["resident"] if found else None


def card_of(store: Store, actor: Actor, community_id: str, resident: str) -> ResidentCard | None:
    """That something is kept by which a resident is recognised, without saying what; None when nothing is."""
    return next(iter(store.find(actor, ResidentCard, community_id, {"resident": resident}, limit=1)), None)
