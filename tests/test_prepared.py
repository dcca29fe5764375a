"""What the other tests begin with: an empty database with all its rules, and what an earlier test had made for it."""

from repository.access import Actor
from repository.facilities import Category, Facility
from repository.grids import Community
from repository.maintenance import WorkOrder, log_repair
from repository.store import AUDIT, Store
from tests.conftest import Clock, Migrated, documents, empty, once, sums


def raw(store: Store) -> dict[str, dict[object, bytes]]:
    """All that is kept, to the byte."""
    return {name: {id: one.raw for id, one in found.items()} for name, found in documents(store).items()}


def test_what_is_prepared_once_stands_again_to_the_byte(store: Store, admin: Actor) -> None:
    """New, changed and deleted records, over what another one had prepared; with the clock where it was left."""
    ran = []

    @once
    def ground(store: Store, admin: Actor) -> Store:
        for id in ("d", "e"):
            store.insert(admin, Community(id=id, community_id=id, code=id, name=id))
        store.insert(admin, Facility(id="bar", community_id="d", code="F", name="单杠", category=Category.FITNESS))
        return store

    @once
    def town(store: Store, admin: Actor) -> WorkOrder:
        ran.append(store)
        store.update(admin, Community, "d", "d", 1, {"name": "D社区"})
        store.delete(admin, Facility, "d", "bar", 1)
        store.clock.now = store.clock.now.replace(minute=59)
        return log_repair(store, admin, "d", fault="loose", place="东门")

    made, times = [], []
    for _ in range(2):
        fresh = Store(store.client, store.db.name, Clock())
        empty(fresh)
        assert ground(store=fresh, admin=admin) is fresh
        order = town(store=fresh, admin=admin)
        assert fresh.get(admin, WorkOrder, "d", order.id) == order
        made.append(raw(fresh))
        times.append(fresh.clock())
    assert len(ran) == 1
    assert made[0] == made[1]
    assert made[0].keys() >= {"communities", "work_orders", AUDIT, "monthly_counts"}
    assert "facilities" not in made[0]
    assert times[0] == times[1]
    assert times[0].minute == 59


def test_a_test_begins_with_nothing_and_under_every_rule(store: Store, admin: Actor, migrated: Migrated) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="d", name="d"))
    store.db["communities"].drop_indexes()
    store.db["posts"].drop()
    store.db["nobodys"].insert_one({})
    empty(store)
    assert [name for name in store.db.list_collection_names() if store.db[name].find_one()] == ["migrations"]
    assert migrated(store) != []
    assert migrated(store) == []
    assert len(store.db["communities"].index_information()) > 1
    assert store.db["posts"].options()["validator"]
    store.db["nobodys"].drop()
    assert sums(store)["communities"] == sums(store)["posts"]
