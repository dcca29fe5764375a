"""Bring a database to what the code declares: validators and indexes, then a ledger of named steps, then counters.

A migration is a function from an old shape to the new one; it may run again after a crash and finds nothing left to
do. What is counted anew stands in RECOUNTED. Pages never migrate; ``gridboard run`` does at start-up, ``gridboard
migrate`` on its own.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.database import Database
from pymongo.errors import OperationFailure

from repository import (  # noqa: F401 (importing declares the records)
    accounts,
    activities,
    checkin,
    entries,
    erasure,
    facilities,
    grids,
    hazards,
    importer,
    inspections,
    labels,
    maintenance,
    meetings,
    organizations,
    patrols,
    people,
    photos,
    preventive,
    projects,
    recount,
    reports,
    requests,
    residents,
    review,
    rollups,
    staff,
    targets,
    worktime,
)
from repository.attempts import ATTEMPTS
from repository.due import is_late
from repository.numbers import unidentified
from repository.record import LONGEST, RECORDS, Index, Record, mongo_validator, sentences
from repository.store import AUDIT, DURABLE, SEALS, SIGN_INS, Store, Unavailable, Unsuitable
from repository.words import msg

log = logging.getLogger("gridboard.migrations")

Document = dict[str, Any]
Step = Callable[[Database[Document]], None]
_STEPS: dict[str, Step] = {}

PLAIN_COLLECTIONS = {
    AUDIT: (
        Index(("community_id", "collection", "record_id", "at"), "one record's history"),
        Index(
            ("community_id", "at", "_id"), "the newest, but the rows of imports", where={"operation": {"$exists": True}}
        ),
        Index(("community_id", "names"), "all about what is called so", where={"names": {"$exists": True}}),
        Index(("key",), "a submission counts once", unique=True, where={"key": {"$exists": True}}),
    ),
    rollups.COUNTS: (
        Index(("community_id", "subject", "level", "period", "grid"), "the counters of some months, of some grids"),
    ),
    SEALS: (),
    "numbers": (),
    SIGN_INS: (
        Index(("user_id",), "an account's sign-ins"),
        Index(("ends_at",), "those that are over for long are cleared away"),
    ),
    accounts.PASSWORDS: (),
    ATTEMPTS: (Index(("until",), "those that are over are cleared away"),),
    photos.FILES: (photos.LOOSE,),
    photos.CHUNKS: (Index(("files_id", "n"), "a photo's pieces in order", unique=True),),
    reports.LINKS: (
        Index(("community_id", "order_id"), "who follows this order"),
        Index(("ends_at",), "those that are over are cleared away"),
    ),
    importer.LEDGER: (
        Index(("community_id", "batch_id"), "what a batch replaced and took out"),
        Index(("community_id", "record_id"), "content that an undo brought back"),
        Index(
            ("community_id", "collection", "before.entered_at"),
            "who came through a gate, to be forgotten",
            where={"before.who": {"$exists": True}},
        ),
    ),
}
"""Collections that are not Records, and their indexes."""


RECOUNTED: dict[str, tuple[type[Record], ...]] = {
    "repairs_are_counted_to_their_end": (maintenance.WorkOrder,),
    "what_was_verified_and_reopened_is_counted_as_both": (maintenance.WorkOrder,),
    "depth_money_and_answers_of_activities_are_counted": (activities.Activity, activities.Attendance),
    "repeats_are_counted_of_what_was_entered_here": (requests.Request,),
    "people_are_counted_by_grid_and_format_too": (activities.Attendance,),
    "orders_are_counted_by_facility_and_by_person": (maintenance.WorkOrder,),
    "visits_are_counted_by_door": (patrols.Patrol,),
    "what_each_completed_is_counted_as_in_time_late_or_reworked": (maintenance.WorkOrder,),
    "only_what_was_done_is_in_time": (maintenance.WorkOrder, requests.Request),
    "what_each_answered_is_counted": (requests.Request,),
}
"""Changes of what is counted, in order: their names in the ledger, and the records whose counters are made again."""


def migration(step: Step) -> Step:
    """Enter a step into the ledger's list, in order of definition, under its function's name."""
    _STEPS[step.__name__] = step
    return step


def pending(store: Store) -> list[str]:
    """Names of the steps this database has not seen, in order; then the collections that are not
    there, those whose validator differs from the declaration, and the indexes of which none bears the name
    (``collection posts``, ``validator work_orders``, ``index work_orders name``): what an index of that name is made
    of is not compared."""
    applied = {entry["_id"] for entry in store.db["migrations"].find({}, {"_id": 1})}
    waiting = [name for name in steps() if name not in applied]
    existing = {info["name"]: info for info in store.db.list_collections()}
    for name, validator, indexes in _declared():
        if name not in existing:
            waiting.append(f"collection {name}")
            continue
        if existing[name].get("options", {}).get("validator") != validator and validator is not None:
            waiting.append(f"validator {name}")
        there = set(store.db[name].index_information())
        waiting += [f"index {name} {index.name}" for index in indexes if index.name not in there]
    return waiting


def steps() -> list[str]:
    """The names of all steps this version knows, in order."""
    return [*_STEPS, *RECOUNTED]


def migrate(store: Store, *, opening: bool = False) -> list[str]:
    """Run what is pending and sync validators and indexes; returns what was done. Safe to run again, and by several
    processes at once. Indexes are only ever added. Raises Restoring for a database that is being restored or whose
    restore was cut off, unless it is the restore that is ``opening`` it."""
    if not opening:
        store.require_open()
    done = pending(store)
    if not done:
        return []
    try:
        existing = {info["name"]: info for info in store.db.list_collections()}
        for name, validator, indexes in _declared():
            _sync(store.db, name, validator, indexes, existing)
    except OperationFailure as error:
        if error.code != 13:
            raise
        raise Unsuitable(
            msg(
                "The database's user may not make what is missing ({missing}). Run gridboard migrate once with the "
                "address of an owner of the database in MONGODB_URI."
            ),
            missing=", ".join(pending(store)),
        ) from error
    applied = {entry["_id"] for entry in store.db["migrations"].find({}, {"_id": 1})}
    for name, step in _STEPS.items():
        if name not in applied:
            step(store.db)
            _enter(store, name)
    for name, records in RECOUNTED.items():
        if name not in applied:
            _recount(store, name, records, opening=opening)
    for name in done:
        log.info("migrated: %s", name)
    return done


def _enter(store: Store, name: str) -> None:
    store.db["migrations"].update_one({"_id": name}, {"$set": {"at": store.clock()}}, upsert=True)


def _recount(store: Store, name: str, records: tuple[type[Record], ...], *, opening: bool) -> None:
    """Make counters again, with the indexes that stand by now. A restored import that was cut off has to be ended
    first, which needs an open database: then it is left for the next start."""
    try:
        if not opening:
            importer.recover(store)
        for community in store.db["communities"].find({}, {"_id": 1}):
            for record in records:
                recount.make_again(store, record, community["_id"])
            if any(getattr(record, "presence", None) for record in records):
                recount.seen_again(store, community["_id"])
                recount.people_again(store, community["_id"])
    except Unavailable:
        if not opening:
            raise
        log.warning("%s is left for the next start: an import was cut off in what was restored", name)
        return
    _enter(store, name)


def _declared() -> list[tuple[str, Document | None, tuple[Index, ...]]]:
    records = [(name, mongo_validator(record), record.indexes) for name, record in RECORDS.items()]
    plain: list[tuple[str, Document | None, tuple[Index, ...]]] = [
        (name, None, indexes) for name, indexes in PLAIN_COLLECTIONS.items()
    ]
    return [*records, *plain]


def _sync(
    db: Database[Document],
    name: str,
    validator: Document | None,
    indexes: tuple[Index, ...],
    existing: Mapping[str, Mapping[str, Any]],
) -> None:
    """Make what is missing, and that only: the app's own user may not touch the trail's collections. The ``existing``
    collections are known beforehand, and a new one's indexes are made in one go: a new database has some fifty."""
    options: Document = {"validator": validator} if validator else {}
    new = name not in existing
    if new:
        try:
            db.create_collection(name, check_exists=False, **options)
        except OperationFailure as error:
            if error.code != 48:  # NamespaceExists: another process made it in the same moment
                raise
            new = False
    elif validator and existing[name].get("options", {}).get("validator") != validator:
        db.command("collMod", name, validator=validator, writeConcern=DURABLE.document)
    there = set() if new else set(db[name].index_information())
    missing = [index for index in indexes if index.name not in there]
    if missing:
        db[name].create_indexes([_index(index) for index in missing])


def _index(index: Index) -> IndexModel:
    how: Document = {"name": index.name, "unique": index.unique}
    if index.where:
        how["partialFilterExpression"] = dict(index.where)
    return IndexModel([(key, 1) for key in index.keys], **how)


# --- steps, in order
@migration
def what_a_story_tells_is_kept(db: Database[Document]) -> None:
    """Orders that ended, with the time that they stood still and when they were verified, read off their story."""
    orders = db[maintenance.WorkOrder.collection]
    writes = []
    for order in orders.find({"ended_at": {"$exists": True}}, {"events": 1, "ended_at": 1, "outcome": 1}):
        story = [maintenance.Event.model_validate(event) for event in order.get("events", ())]
        found: Document = {"held_seconds": maintenance.held_seconds(story, order["ended_at"])}
        if order.get("outcome") == maintenance.Outcome.COMPLETED.value:
            found["verified_at"] = maintenance.verified_at(story)
        if kept := {name: value for name, value in found.items() if value}:
            writes.append(UpdateOne({"_id": order["_id"], "ended_at": order["ended_at"]}, {"$set": kept}))
        if len(writes) == 1_000:
            orders.bulk_write(writes, ordered=False)
            writes = []
    if writes:
        orders.bulk_write(writes, ordered=False)


@migration
def a_reopening_keeps_when_it_was_verified(db: Database[Document]) -> None:
    """Orders that were reopened, with when each ending before was verified, read off their story."""
    orders = db[maintenance.WorkOrder.collection]
    writes = []
    completed = maintenance.Outcome.COMPLETED.value
    for order in orders.find({"reopenings.outcome": completed}, {"events": 1, "reopenings": 1}):
        story = [maintenance.Event.model_validate(event) for event in order.get("events", ())]
        checked: dict[Any, Any] = {}
        for place, event in enumerate(story):
            if event.status is maintenance.Status.REOPENED:  # what follows at the same moment is a remark
                checked.setdefault(event.at, maintenance.verified_at(story[:place]))
        found = {
            f"reopenings.{place}.verified_at": at
            for place, past in enumerate(order["reopenings"])
            if past["outcome"] == completed and (at := checked.get(past["reopened_at"])) and at >= past["ended_at"]
        }
        if found:
            as_read = {"_id": order["_id"], "reopenings": order["reopenings"]}
            writes.append(UpdateOne(as_read, {"$set": found}))
        if len(writes) == 1_000:
            orders.bulk_write(writes, ordered=False)
            writes = []
    if writes:
        orders.bulk_write(writes, ordered=False)


@migration
def a_facilitys_costs_are_not_kept_in_an_index(db: Database[Document]) -> None:
    """They are counted. The narrow index of a facility's story stands by now; the one with costs in it goes."""
    orders = db[maintenance.WorkOrder.collection]
    wide = "community_id_facility_id_reported_at_kind_outcome_cost_cents_is_open_grid_id"
    if wide in orders.index_information():
        orders.drop_index(wide)


@migration
def an_attendance_keeps_how_deep_the_activity_went(db: Database[Document]) -> None:
    """Attendances with the participation level of their activity, as they have its day and format."""
    came = db[activities.Attendance.collection]
    for activity in db[activities.Activity.collection].find(
        {"level": {"$exists": True}}, {"level": 1, "community_id": 1}
    ):
        theirs = {"community_id": activity["community_id"], "activity_id": activity["_id"]}
        came.update_many({**theirs, "level": {"$exists": False}}, {"$set": {"level": activity["level"]}})


@migration
def visits_by_age_and_sex_are_not_counted(db: Database[Document]) -> None:
    """The counters of visits by age band and sex go: nothing read them, and every attendance paid for two."""
    counts = db[rollups.COUNTS]
    for community in db["communities"].find({}, {"_id": 1}):
        counts.delete_many({"community_id": community["_id"], "subject": "attendance_groups"})


@migration
def what_was_put_off_too_late_is_late(db: Database[Document]) -> None:
    """Requests whose deadline was put off when it had passed already: answered late, whatever they were given."""
    cases = db[requests.Request.collection]
    for case in cases.find({"postponements.at": {"$exists": True}, "deadline_at": {"$exists": True}}):
        due, put_off = case["deadline_at"], case["postponements"]
        found = {
            f"reopenings.{place}.late": True
            for place, past in enumerate(case.get("reopenings", ()))
            if not past.get("late") and is_late(past["ended_at"], due, put_off)
        }
        if case.get("late") is False and is_late(case["ended_at"], due, put_off):
            found["late"] = True
        if found:
            cases.update_one({"_id": case["_id"], "revision": case["revision"]}, {"$set": found})


@migration
def the_index_of_who_did_more_names_them(db: Database[Document]) -> None:
    """The wider one stands by now; the one without the resident goes."""
    came = db[activities.Attendance.collection]
    if (narrow := "community_id_held_on_role_where") in came.index_information():
        came.drop_index(narrow)


@migration
def no_sentence_tells_an_identity_number(db: Database[Document]) -> None:
    """What was written before the records left identity numbers out (docs/decisions/0021)."""
    for record in RECORDS.values():
        written = {name: within for name, within in sentences(record).items() if name not in record.personal}
        if not written:
            continue
        perhaps = [
            {path: {"$regex": "[0-9０-９]{6}.?(18|19|20|１８|１９|２０)[0-9０-９]{2}"}} for path in _leaves(written)
        ]
        kept = db[record.collection]
        for document in kept.find({"$or": perhaps}, {"revision": 1, **dict.fromkeys(written, 1)}):
            told = {name: _unidentified(document[name], written[name]) for name in written if name in document}
            if changed := {name: value for name, value in told.items() if value != document[name]}:
                kept.update_one({"_id": document["_id"], "revision": document["revision"]}, {"$set": changed})


@migration
def when_residents_came_stands_beside_the_counters(db: Database[Document]) -> None:
    """It was a collection of its own: a visit changes both in one command now. The app's user may empty a collection,
    not drop it."""
    before = db["residents_seen"]
    place = rollups.seen_place("")
    fields = {"subject": place.subject, "level": place.level, "period": place.period, "resident": 1, "months": 1}
    at = {"$concat": ["$community_id", place.document_id(""), "$resident"]}
    before.aggregate(
        [
            {"$project": {"community_id": 1, **{name: _literal(value) for name, value in fields.items()}, "_id": at}},
            {"$merge": {"into": rollups.COUNTS, "whenMatched": "keepExisting"}},
        ]
    )
    before.delete_many({})


@migration
def it_is_kept_how_long_things_happened(db: Database[Document]) -> None:
    """``lasted`` of what was written before there was such a field: see ``Record.how_long``."""
    for record in RECORDS.values():
        if not record.lasts:
            continue
        moments = [{"$max": f"${path}"} for path in record.stirred]
        by_hand = {"$or": [{"$gt": ["$revision", 1]}, {"$lt": ["$batch_id", None]}]}
        last = {"$max": [f"${record.began}", *moments, {"$cond": [by_hand, "$updated_at", None]}]}
        days = [2**power * 86_400_000 for power in range(LONGEST)]
        reached = {"$lte": ["$$this", {"$subtract": [last, f"${record.began}"]}]}
        lasted = {"$size": {"$filter": {"input": days, "cond": reached}}}
        db[record.collection].update_many({"lasted": {"$exists": False}}, [{"$set": {"lasted": lasted}}])


def _literal(value: Any) -> Any:
    return {"$literal": value} if isinstance(value, str) else value


def _leaves(written: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, within in written.items():
        yield from _leaves(within, f"{before}{name}.") if within else (f"{before}{name}",)


def _unidentified(value: Any, within: Mapping[str, Any] | None) -> Any:
    if isinstance(value, str):
        return unidentified(value)
    if isinstance(value, list):
        return [_unidentified(each, within) for each in value]
    if isinstance(value, dict) and within:
        return {name: _unidentified(each, within[name]) if name in within else each for name, each in value.items()}
    return value
