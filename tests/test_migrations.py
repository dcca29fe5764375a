"""A database of an earlier version becomes one of this version."""

from datetime import timedelta
from random import Random

import pytest

from repository import activities, importer, maintenance, migrations, recount, requests
from repository.access import Actor, Role
from repository.maintenance import Status, WorkOrder
from repository.metrics import Period
from repository.people import AgeBand
from repository.record import mongo_validator
from repository.store import Store, build
from tests.conftest import NOW
from tests.test_maintenance_figures import random_order

WITH_COSTS = ("community_id", "facility_id", "reported_at", "kind", "outcome", "cost_cents", "is_open", "grid_id")
SINCE = ("what_was_put_off_too_late_is_late", "only_what_was_done_is_in_time")


def as_it_was(store: Store) -> None:
    """Of a version that knew neither the time on hold nor its counters nor those by person, nor half of the indexes."""
    store.db["work_orders"].update_many({}, {"$unset": {"held_seconds": "", "verified_at": "", "kind": ""}})
    validator = mongo_validator(WorkOrder)
    for field in ("held_seconds", "verified_at", "kind"):
        del validator["$jsonSchema"]["properties"][field]
    store.db.command("collMod", "work_orders", validator=validator)
    for name in store.db["work_orders"].index_information():
        if "company_id" in name or "scheduled_for" in name:
            store.db["work_orders"].drop_index(name)
    new = {f"total.{name}": "" for name in ("held_n", "held_seconds", "answered", "verified", "rework")}
    assert store.db["monthly_counts"].update_many({"subject": "work_orders"}, {"$unset": new}).modified_count
    assert store.db["monthly_counts"].delete_many({"subject": "person_orders"}).deleted_count
    store.db["work_orders"].create_index([(key, 1) for key in WITH_COSTS])
    store.db["migrations"].delete_many({})


@pytest.fixture
def mended(yard: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> WorkOrder:
    """Three hours on hold, then done in two."""
    order = maintenance.log_repair(yard, admin, "d", fault="loose", place="6 栋", grid_id="d-g1", assignee_id="d-wang")
    order = maintenance.move(yard, admin, "d", order.id, order.revision, Status.ON_HOLD, hold_reason="缺配件")
    monkeypatch.setattr(yard, "clock", lambda: NOW + timedelta(hours=3))
    order = maintenance.move(yard, admin, "d", order.id, order.revision, Status.IN_PROGRESS)
    order = maintenance.move(yard, admin, "d", order.id, order.revision, Status.DONE, actual_hours=2)
    monkeypatch.setattr(yard, "clock", lambda: NOW + timedelta(days=60))
    other = Actor("other", "另一人", Role.ADMIN)
    return maintenance.move(yard, other, "d", order.id, order.revision, Status.VERIFIED)


def test_what_is_counted_since_is_counted_of_the_past_too(yard: Store, admin: Actor, mended: WorkOrder) -> None:
    as_it_was(yard)
    assert recount.check(yard, admin, "d")

    done = migrations.migrate(yard)

    assert "repairs_are_counted_to_their_end" in done
    assert recount.check(yard, admin, "d") == []
    assert yard.get(admin, WorkOrder, "d", mended.id).held_seconds == 3 * 3600
    held = maintenance.quality(yard, admin, "d", Period.of("2026Q2"), now=yard.clock()).held
    assert (held.value, held.n) == (3, 1)
    assert "_".join(WITH_COSTS) not in yard.db["work_orders"].index_information(), "costs are counted now"
    assert migrations.pending(yard) == []
    assert migrations.migrate(yard) == []


def test_what_was_verified_before_it_was_reopened_is_read_off_its_story(
    yard: Store, admin: Actor, mended: WorkOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yard, "clock", lambda: NOW + timedelta(days=90))
    again = maintenance.move(yard, admin, "d", mended.id, mended.revision, Status.REOPENED)
    done = maintenance.move(yard, admin, "d", mended.id, again.revision, Status.DONE)
    maintenance.move(yard, admin, "d", mended.id, done.revision, Status.REOPENED)
    yard.db["work_orders"].update_many({}, {"$unset": {"reopenings.$[].verified_at": ""}})
    new = {"$unset": {"total.rework_verified": "", "total.verified": ""}}
    assert yard.db["monthly_counts"].update_many({"subject": "work_orders"}, new).modified_count
    of_a_later_version = {"_id": {"$in": [name for name in migrations.steps() if "reop" in name]}}
    assert yard.db["migrations"].delete_many(of_a_later_version).deleted_count == 2
    assert recount.check(yard, admin, "d")

    migrations.migrate(yard)

    assert recount.check(yard, admin, "d") == []
    past = yard.get(admin, WorkOrder, "d", mended.id).reopenings
    assert [each.verified_at for each in past] == [NOW + timedelta(days=60), None]


@pytest.mark.usefixtures("mended")
def test_a_restore_that_opens_counts_too(yard: Store, admin: Actor) -> None:
    as_it_was(yard)
    migrations.migrate(yard, opening=True)
    assert recount.check(yard, admin, "d") == []
    assert migrations.pending(yard) == []


@pytest.mark.usefixtures("mended")
def test_an_import_that_was_cut_off_is_ended_first(yard: Store, admin: Actor) -> None:
    as_it_was(yard)
    long_ago = NOW - timedelta(days=1)
    facts = {"id": "cut", "community_id": "d", "record": "work_orders", "status": "writing", "source": "x.csv"}
    facts |= {"in_flight": True, "running": True, "owner": "gone", "alive_at": long_ago, "started_at": long_ago}
    yard.db["import_batches"].insert_one(build(importer.ImportBatch, facts).to_document())
    yard.reread_pending()

    migrations.migrate(yard, opening=True)
    assert "repairs_are_counted_to_their_end" in migrations.pending(yard)

    migrations.migrate(yard)
    assert migrations.pending(yard) == []
    assert recount.check(yard, admin, "d") == []


def test_when_residents_came_is_moved_beside_the_counters(yard: Store, admin: Actor) -> None:
    """It was a collection of its own, with an id of its own."""
    held = {"name": "讲座", "held_on": "2026-03-01", "format": "lecture"}
    activity = activities.add_activity(yard, admin, "d", held)
    for _ in range(3):
        activities.record_attendance(yard, admin, "d", activity.id, age_band=AgeBand.A60)
    for one in yard.db["monthly_counts"].find({"subject": "seen"}):
        fields = {name: one[name] for name in ("community_id", "resident", "months")}
        yard.db["residents_seen"].insert_one({"_id": f"d|{one['resident']}", **fields})
    yard.db["monthly_counts"].delete_many({"subject": "seen"})
    yard.db["migrations"].delete_many({"_id": "when_residents_came_stands_beside_the_counters"})
    assert recount.check(yard, admin, "d")

    migrations.migrate(yard)

    assert recount.check(yard, admin, "d") == []
    assert yard.db["residents_seen"].find_one() is None
    again = activities.attendances_of(yard, admin, "d", activity.id)[0].resident
    other = activities.add_activity(yard, admin, "d", held | {"held_on": "2026-03-02"})
    activities.record_attendance(yard, admin, "d", other.id, resident=again)
    assert recount.check(yard, admin, "d") == []


def test_attendances_of_before_get_the_level_and_what_is_counted_of_residents_since(yard: Store, admin: Actor) -> None:
    held = {"name": "讲座", "held_on": "2026-03-01", "format": "lecture", "level": "involve", "spend_cents": 100}
    activity = activities.add_activity(yard, admin, "d", held)
    activities.record_attendance(yard, admin, "d", activity.id, age_band=AgeBand.A60)
    yard.db["attendances"].update_many({}, {"$unset": {"level": ""}})
    yard.db["monthly_counts"].delete_many({"subject": {"$in": ["activities", "attendances", "cohorts", "formats"]}})
    yard.db["monthly_counts"].update_many({"subject": "seen"}, {"$unset": {"months.formats": ""}})
    yard.db["migrations"].delete_many({})
    by_age = {"_id": "d|attendance_groups|month|2026-03||", "community_id": "d", "subject": "attendance_groups"}
    yard.db["monthly_counts"].insert_one(by_age | {"level": "month", "period": "2026-03", "total": {"visits": 1}})
    assert recount.check(yard, admin, "d")

    migrations.migrate(yard)

    assert yard.db["attendances"].count_documents({"level": "involve"}) == 1
    assert recount.check(yard, admin, "d") == []
    found = activities.residents_review(yard, admin, "d", Period.of("2026-03"), now=yard.clock())
    assert found is not None
    assert [depth.visits for depth in found.depths if depth.visits] == [1]
    assert found.cost.value == 100


def test_what_was_put_off_too_late_or_only_called_off_is_not_in_time(yard: Store, admin: Actor) -> None:
    """As an earlier version had it: answered before a deadline that was put off when it had passed."""
    request = requests.take_request(yard, admin, "d", {"text": "漏水", "grid_id": "d-g1"})
    done = requests.resolve(yard, admin, "d", request.id, request.revision, answer="已修好")
    assert done.late is False
    passed = {"at": NOW, "due_before": NOW - timedelta(days=1)}
    yard.db["requests"].update_one({"_id": done.id}, {"$set": {"postponements": [passed]}})
    order = maintenance.log_repair(yard, admin, "d", fault="loose", place="6 栋")
    maintenance.move(yard, admin, "d", order.id, order.revision, Status.CLOSED, outcome="cancelled", note="不修了")
    for subject in ("requests", "work_orders"):
        yard.db["monthly_counts"].update_many({"subject": subject}, {"$set": {"total.on_time": 1}})
    yard.db["migrations"].delete_many({"_id": {"$in": list(SINCE)}})

    assert set(migrations.migrate(yard)) == set(SINCE)

    assert yard.get(admin, requests.Request, "d", done.id).late is True
    assert recount.check(yard, admin, "d") == []
    month = yard.db["monthly_counts"].find_one({"subject": "requests", "level": "month"}) or {}
    assert (month["total"].get("on_time", 0), month["total"]["late"]) == (0, 1)


def test_identity_numbers_of_before_are_taken_out(yard: Store, admin: Actor, mended: WorkOrder) -> None:
    card, phone = "51050219661231122X", "13812345678"
    events = yard.db["work_orders"].find_one({"_id": mended.id}, {"events": 1})["events"]  # type: ignore[index]
    told = [{**each, "note": f"找{card}或{phone}"} for each in events]
    as_typed = {"events": told, "description": f"５{card[1:]} {phone}", "number": card}
    yard.db["work_orders"].update_one({"_id": mended.id}, {"$set": as_typed})
    yard.db["attendances"].create_index(
        [("community_id", 1), ("held_on", 1), ("role", 1)],
        name="community_id_held_on_role_where",
        partialFilterExpression={"role": {"$exists": True}},
    )
    of_now = ("no_sentence_tells_an_identity_number", "the_index_of_who_did_more_names_them")
    yard.db["migrations"].delete_many({"_id": {"$in": list(of_now)}})

    assert set(migrations.migrate(yard)) == set(of_now)

    order = yard.get(admin, WorkOrder, "d", mended.id)
    assert order.description == f"＊＊＊＊＊＊ {phone}"
    assert {event.note for event in order.events} == {f"找＊＊＊＊＊＊或{phone}"}
    assert (order.number, order.revision) == (card, mended.revision), "a number is what it is"
    assert "community_id_held_on_role_where" not in yard.db["attendances"].index_information()


def test_how_long_things_happened_is_kept_of_what_was_written_before(yard: Store, admin: Actor) -> None:
    rng = Random(7)
    orders = [random_order(rng, number).to_document() for number in range(400)]
    for number, order in enumerate(orders):
        touched = {"revision": rng.randrange(1, 3), "updated_at": order["reported_at"] + timedelta(days=number // 9)}
        order.update(touched | ({"batch_id": "b"} if rng.random() < 0.5 else {}))
        order["lasted"] = WorkOrder.how_long(order)
    yard.db["work_orders"].insert_many(orders)
    case = requests.take_request(yard, admin, "d", {"text": "漏水", "grid_id": "d-g1"})
    yard.db["requests"].update_one({"_id": case.id}, {"$set": {"callbacks": [], "ended_at": NOW + timedelta(days=8)}})
    was = {one["_id"]: one["lasted"] for one in yard.db["work_orders"].find({})}
    assert len(set(was.values())) > 5
    for name in ("work_orders", "requests"):
        yard.db[name].update_many({}, {"$unset": {"lasted": ""}})
    yard.db["migrations"].delete_one({"_id": "it_is_kept_how_long_things_happened"})

    assert migrations.migrate(yard) == ["it_is_kept_how_long_things_happened"]
    assert {one["_id"]: one["lasted"] for one in yard.db["work_orders"].find({})} == was
    assert yard.db["requests"].find_one({"_id": case.id})["lasted"] == 4, "the eighth day, but not the sixteenth"
