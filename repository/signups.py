"""Who signed up for an activity, who waits for a place, and what a change of the activity makes of both.

Below activities, whose commands say who came, move a day or change how many places there are: what follows from that
happens in the same transaction. A sign-up is a trace of somebody: ``SIGN_UP_DAYS`` after the activity nothing of it is
left but that there was one, and whether somebody came.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pymongo
from bson import ObjectId
from pydantic import Field

from repository import rollups
from repository.access import Actor, Operation, require, scope
from repository.people import AgeBand, Sex
from repository.record import Choice, Day, Index, Record, Ref, Shown, Trace, day_then, midnight, rewound
from repository.rollups import COUNTS, Atom, Place, Tally
from repository.store import WRITE_SECONDS, Store, Write, our_errors
from repository.words import msg

SIGN_UP_DAYS = 90
CHUNK = 1_000


class SignUpState(Choice):
    """Whether there is a place for them."""

    SIGNED = "signed", msg("Signed up"), "已报名"
    WAITING = "waiting", msg("On the waiting list"), "候补"
    WITHDRAWN = "withdrawn", msg("Sign-up withdrawn"), "已退出"


class Way(Choice):
    """How somebody signed up."""

    DESK = "desk", msg("At the desk"), "窗口"
    PHONE = "phone", msg("By telephone"), "电话"
    ONLINE = "online", msg("Online"), "网上", "微信群"


NAMED = Index(
    ("community_id", "forgotten", "held_on"), "whose time is over and is still named", where={"forgotten": False}
)


class SignUp(Record):
    """A resident signed up for an activity. ``grid_id`` is the activity's grid, whose people see the list; where the
    resident lives is ``lives_in``. ``came`` follows the attendance. The code for the door is kept as a digest."""

    collection = "sign_ups"
    title = msg("Sign-ups")
    name_field = "resident"
    natural_key = ("activity_id", "resident")
    indexes = (
        Index(("community_id", "activity_id", "resident"), "nobody signs up twice for one activity", unique=True),
        Index(("community_id", "activity_id", "state", "asked_at"), "places taken; who has waited longest"),
        Index(
            ("community_id", "activity_id", "code_digest"),
            "whose code this is",
            unique=True,
            where={"code_digest": {"$exists": True}},
        ),
        Index(("community_id", "held_on"), "a month's rebuild"),
        NAMED,
        Index(("community_id", "resident", "held_on"), "what a resident signed up for"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("sign_ups",)
    moments = ("held_on",)
    stirred = ("held_on",)
    traced = frozenset({"state", "moved_up_at"})
    trace = Trace()

    activity_id: Annotated[str, Ref(to="activities", form=False)] = Field(max_length=64, title=msg("Activity"))
    resident: Annotated[str, Shown(form=False)] = Field(min_length=1, max_length=40, title=msg("Resident code"))
    held_on: Annotated[date, Day(form=False, table=False)] = Field(title=msg("Held on"))
    grid_id: Annotated[str | None, Ref(to="grids", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Grid of the activity")
    )
    state: Annotated[SignUpState, Shown(form=False)] = Field(default=SignUpState.SIGNED, title=msg("Sign-up"))
    way: Way = Field(default=Way.DESK, title=msg("Signed up by way of"))
    asked_at: Annotated[datetime, Shown(form=False)] = Field(title=msg("Signed up at"))
    moved_up_at: Annotated[datetime | None, Shown(form=False, table=False)] = Field(
        default=None, title=msg("Moved up at")
    )
    age_band: AgeBand | None = Field(default=None, title=msg("Age band"))
    sex: Sex | None = Field(default=None, title=msg("Sex"))
    lives_in: Annotated[str | None, Ref(to="grids")] = Field(
        default=None, max_length=64, title=msg("Grid they live in")
    )
    came: Annotated[bool, Shown(form=False)] = Field(default=False, title=msg("Came"))
    code_digest: Annotated[str | None, Shown(form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Digest of the code for the door")
    )
    forgotten: Annotated[bool, Shown(form=False, table=False)] = Field(
        default=False, title=msg("Who signed up has been erased")
    )

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: for an activity that was to come nobody had come yet, and the trail tells who waited."""
        if document["asked_at"] > moment:
            return None
        return (
            dict(document)
            if document["held_on"] <= day_then(moment, zone)
            else rewound(document, {**was, "came": False})
        )

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``signed``, ``waiting`` or ``withdrawn``, and ``came`` of those signed up; the category is the activity."""
        held = document["held_on"]
        state, activity = str(document.get("state", "signed")), document["activity_id"]

        def flow(name: str) -> tuple[Atom, int]:
            month = f"{held.year:04d}-{held.month:02d}"
            return ("sign_ups", "month", month, document.get("grid_id") or "", activity, name), 1

        yield flow(state)
        if state == "signed" and document.get("came"):
            yield flow("came")


# --- what follows from a change of the activity, inside its transaction ----------------------------------------------
def places_taken(write: Write, community_id: str, activity_id: str) -> int:
    """How many are signed up for an activity; those who wait are not."""
    return _of(write, community_id, activity_id, state=str(SignUpState.SIGNED))


def nobodys(write: Write, community_id: str, codes: Sequence[str]) -> bool:
    """Has nobody signed up with one of these codes: may they be given to somebody new?"""
    taken = {"community_id": str(community_id), "resident": {"$in": [str(code) for code in codes]}}
    return write.store.db[SignUp.collection].find_one(taken, {"_id": 1}, session=write.session) is None


def note_came(write: Write, community_id: str, activity_id: str, residents: Sequence[str], *, came: bool) -> None:
    """Residents were registered at an activity, or were not after all: their sign-ups say so, if they have any."""
    for one in _found(write, community_id, activity_id, {"resident": {"$in": [str(code) for code in residents]}}):
        if one.came != came:
            write.update(SignUp, community_id, one.id, one.revision, {"came": came})


def move_up(write: Write, community_id: str, activity_id: str, capacity: int | None) -> list[SignUp]:
    """Whoever has waited longest gets what places are free; returns those who do. ``capacity`` None: there is no
    bound."""
    waiting = _found(write, community_id, activity_id, {"state": str(SignUpState.WAITING)})
    if not waiting:
        return []
    free = len(waiting) if capacity is None else int(capacity) - places_taken(write, community_id, activity_id)
    up = {"state": SignUpState.SIGNED, "moved_up_at": write.at}
    return [write.update(SignUp, community_id, one.id, one.revision, up) for one in waiting[: max(free, 0)]]


def meet(write: Write, community_id: str, held_on: date) -> None:
    """Make this transaction and one in which somebody signs up exclude each other: each reads what the other writes,
    and both write to the month's counter of sign-ups. Where there is none nobody has signed up yet, and whoever is the
    first begins anew once it is made."""
    place = Place("sign_ups", "month", f"{held_on:%Y-%m}")
    write.store.db[COUNTS].update_one(
        {"_id": place.document_id(community_id), "community_id": str(community_id)},
        {"$set": {"met": str(ObjectId())}},
        session=write.session,
    )


def follow(write: Write, community_id: str, activity_id: str, held_on: date, grid_id: str | None) -> None:
    """Bring day and grid of an activity's sign-ups to its own: one audit entry for all of them."""
    store = write.store
    named = {"community_id": str(community_id), "activity_id": str(activity_id)}
    before = list(store.db[SignUp.collection].find(named, session=write.session))
    if not before:
        return
    copies: dict[str, Any] = {"held_on": midnight(held_on)}
    copies |= {} if grid_id is None else {"grid_id": str(grid_id)}
    change: dict[str, Any] = {
        "$set": {**copies, "updated_at": write.at, "updated_by": write.actor.name},
        "$inc": {"revision": 1},
    }
    if grid_id is None:
        change["$unset"] = {"grid_id": ""}
    store.db[SignUp.collection].update_many(named, change, session=write.session)
    after = [{**{name: kept for name, kept in one.items() if name != "grid_id"}, **copies} for one in before]
    zone = store.zone(community_id)
    atoms: Tally = Counter()
    atoms.update(rollups.tally(SignUp, after, zone))
    atoms.update(rollups.tally(SignUp, before, zone, -1))
    write.add_counts(community_id, atoms)
    write.note("update", SignUp.collection, community_id, activity_id, {**copies, "rows": len(before)})


def _found(write: Write, community_id: str, activity_id: str, more: Mapping[str, Any]) -> list[SignUp]:
    """Sign-ups of an activity that was read in this transaction, in the order in which they came."""
    named = {"community_id": str(community_id), "activity_id": str(activity_id), **more}
    found = write.store.db[SignUp.collection].find(named, session=write.session).sort([("asked_at", 1), ("_id", 1)])
    return [SignUp.from_document(one) for one in found]


def _of(write: Write, community_id: str, activity_id: str, **more: str) -> int:
    named = {"community_id": str(community_id), "activity_id": str(activity_id), **more}
    return write.store.db[SignUp.collection].count_documents(named, session=write.session)


# --- forgetting ------------------------------------------------------------------------------------------------------
def forget_sign_ups(store: Store, actor: Actor, community_id: str, *, on: date) -> int:
    """Erase who it was from sign-ups for activities more than ``SIGN_UP_DAYS`` ago; the sign-ups stay for the figures,
    and so does the attendance of those who came. Returns how many. Raises Refused, Unavailable.

    Past the revision: nothing that a person decided is changed.
    """
    require(actor, Operation.DELETE, SignUp.collection)
    mine = scope(actor, SignUp, community_id)
    kept_from = datetime.combine(on - timedelta(days=SIGN_UP_DAYS), time(), UTC)
    sign_ups, n = store.db[SignUp.collection], 0
    blank: list[Mapping[str, Any]] = [
        {"$set": {"resident": {"$concat": ["~", "$_id"]}, "forgotten": True}},
        {"$unset": ["age_band", "sex", "lives_in", "code_digest"]},
    ]
    with our_errors(writing=True):
        while True:
            with pymongo.timeout(WRITE_SECONDS):
                over = {**mine, "held_on": {"$lt": kept_from}, "forgotten": False}
                ids = [one["_id"] for one in sign_ups.find(over, {"_id": 1}, hint=NAMED.name).limit(CHUNK)]
                if not ids:
                    break
                n += sign_ups.update_many({**mine, "_id": {"$in": ids}}, blank).modified_count
    if n:
        facts = {"sign_ups": n, "before": kept_from}
        store.write(actor, lambda write: write.note("forget", SignUp.collection, community_id, "", facts))
    return n
