"""The audit trail cannot be changed unseen: A5 of the catalogue."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from repository import audit, embedded, migrations
from repository.access import Actor
from repository.audit import Search
from repository.embedded.bootstrap import CHANGEABLE
from repository.facilities import Category, Facility
from repository.grids import Community
from repository.migrations import migrate
from repository.record import RECORDS
from repository.store import AUDIT, META, SEALS, Store
from tests.conftest import NOW, Clock
from tests.test_record import AT, a_work_order

KEY = b"a key that is not in the database"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def busy(store: Store, admin: Actor, clock: Clock) -> Store:
    """A community in which something was done each minute, sealed in three steps."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    for part in range(3):
        for number in range(10):
            clock.now += timedelta(minutes=1)
            store.insert(admin, a_work_order(number=f"W-{part}-{number}", reported_at=AT))
        clock.now += timedelta(minutes=6)
        assert audit.seal(store, KEY) > 0
    return store


def verdict(store: Store, admin: Actor, **how: Any) -> audit.Verdict:
    """What checking finds."""
    return audit.verify(store, admin, key=KEY, **how)


def test_what_is_as_it_was_holds(busy: Store, admin: Actor) -> None:
    found = verdict(busy, admin)
    assert found.problems == ()
    assert (found.seals, found.entries, found.unsealed) == (3, 31, 0)
    assert found.head == audit.seals(busy, admin)[0].digest
    assert verdict(busy, admin, head=found.head).problems == ()


def test_what_is_not_at_rest_is_not_sealed_yet(busy: Store, admin: Actor, clock: Clock) -> None:
    busy.insert(admin, a_work_order(number="late", reported_at=AT))
    assert audit.seal(busy, KEY) == 0
    assert verdict(busy, admin).unsealed == 1
    clock.now += audit.REST + timedelta(seconds=1)
    assert audit.seal(busy, KEY) == 1


@pytest.mark.parametrize(
    "tamper",
    [
        lambda db: db[AUDIT].update_one({"record_id": {"$exists": True}}, {"$set": {"actor_name": "somebody else"}}),
        lambda db: db[AUDIT].update_one({"operation": "create"}, {"$set": {"after.fault": "nothing"}}),
        lambda db: db[AUDIT].update_one({"operation": "create"}, {"$unset": {"after": ""}}),
        lambda db: db[AUDIT].delete_one({}),
        lambda db: db[AUDIT].delete_many({"operation": "create"}),
        lambda db: db[AUDIT].insert_one(
            {**db[AUDIT].find_one({}, {"_id": 0}), "_id": db[AUDIT].find_one()["_id"][:8] + "f" * 16}
        ),
        lambda db: db[AUDIT].update_one({}, {"$set": {"at": NOW + timedelta(minutes=20)}}),
        lambda db: db[SEALS].delete_one({"_id": 2}),
        lambda db: db[SEALS].update_one({"_id": 2}, {"$set": {"digest": "0" * 64}}),
        lambda db: db[SEALS].update_one({"_id": 2}, {"$inc": {"count": 1}}),
        lambda db: db[SEALS].update_many({}, {"$set": {"keyed": False}}),
    ],
)
def test_whatever_is_changed_afterwards_is_found(busy: Store, admin: Actor, tamper: Callable[[Any], Any]) -> None:
    tamper(busy.db)
    assert verdict(busy, admin).problems


def test_seals_made_anew_without_the_key_are_found(busy: Store, admin: Actor) -> None:
    head = verdict(busy, admin).head
    busy.db[AUDIT].delete_one({"operation": "create"})
    busy.db[SEALS].delete_many({})
    audit.seal(busy, b"another key")
    assert verdict(busy, admin).problems
    busy.db[SEALS].delete_many({})
    audit.seal(busy)  # without any key: whole in itself, but not what was written down
    assert verdict(busy, admin, head=head).problems


def test_the_last_seals_taken_out_are_found_by_what_was_written_down(busy: Store, admin: Actor) -> None:
    head = verdict(busy, admin).head
    busy.db[SEALS].delete_one({"_id": 3})
    assert verdict(busy, admin).unsealed == 10
    assert verdict(busy, admin, head=head).problems


def test_many_sealers_make_each_seal_once(busy: Store, admin: Actor, clock: Clock) -> None:
    for number in range(20):
        busy.insert(admin, a_work_order(number=f"x{number}", reported_at=AT))
    clock.now += timedelta(minutes=6)
    sealed: list[int] = []
    threads = [threading.Thread(target=lambda: sealed.append(audit.seal(busy, KEY))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sealed) == 20
    found = verdict(busy, admin)
    assert (found.seals, found.problems) == (4, ())


def test_a_seal_holds_only_so_many_entries(
    busy: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(audit, "AT_ONCE", 7)
    for number in range(30):  # many of one moment among them
        clock.now += timedelta(milliseconds=number // 12)
        busy.insert(admin, a_work_order(number=f"x{number}", reported_at=AT))
    clock.now += timedelta(minutes=6)
    assert audit.seal(busy, KEY) == 30
    found = verdict(busy, admin)
    assert found.problems == ()
    assert found.seals > 4


def test_a_search_finds_by_who_what_when_and_where(busy: Store, admin: Actor, clock: Clock) -> None:
    other = Actor("o", "另一人", admin.role)
    busy.insert(other, Facility(community_id="D", code="F", name="秋千", category=Category.FITNESS))
    everything = audit.trail(busy, admin, "D", Search())
    assert [entry.at for entry in everything] == sorted((entry.at for entry in everything), reverse=True)
    assert len(everything) == 32
    assert [entry.actor for entry in audit.trail(busy, admin, "D", Search(actor="另一人"))] == ["另一人"]
    assert len(audit.trail(busy, admin, "D", Search(collection="work_orders"))) == 30
    assert audit.trail(busy, admin, "D", Search(operation="delete")) == []
    early = audit.trail(busy, admin, "D", Search(until=NOW + timedelta(minutes=5)))
    assert len(early) == 5
    assert len(audit.trail(busy, admin, "D", Search(since=NOW + timedelta(minutes=5)))) == 27
    assert audit.trail(busy, admin, "", Search()) == []
    assert len(audit.trail(busy, admin, "D", Search(), most=5, skip=30)) == 2


def test_a_records_history_tells_each_step(busy: Store, admin: Actor) -> None:
    facility = busy.insert(admin, Facility(community_id="D", code="F", name="秋千", category=Category.FITNESS))
    busy.update(admin, Facility, "D", facility.id, 1, {"name": "跷跷板"})
    busy.delete(admin, Facility, "D", facility.id, 2)
    made, changed, gone = audit.history(busy, admin, "D", "facilities", facility.id)
    assert (made.operation, made.before, made.after["name"]) == ("create", {}, "秋千")
    assert (changed.before["name"], changed.after["name"]) == ("秋千", "跷跷板")
    assert "code" not in changed.after
    assert (gone.operation, gone.before["name"], gone.after) == ("delete", "跷跷板", {})


# --- what the app's own user may do to it
@pytest.fixture(scope="module")
def private() -> Iterator[Store]:
    """The app's own connection to a private server."""
    home = Path(tempfile.mkdtemp(prefix="gb-audit-"))
    try:
        endpoint = embedded.start(home)
        store = Store.connect(endpoint.uri, endpoint.database)
        migrate(store)
        store.insert(Actor("a", "a", "admin"), Community(id="D", community_id="D", code="D", name="D"))  # type: ignore[arg-type]
        yield store
        store.close()
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("name", [AUDIT, SEALS])
@pytest.mark.parametrize(
    "attempt",
    [
        lambda db, name: db[name].update_one({}, {"$set": {"x": 1}}),
        lambda db, name: db[name].update_many({}, [{"$set": {"x": 1}}]),
        lambda db, name: db[name].replace_one({}, {"x": 1}),
        lambda db, name: db[name].find_one_and_delete({}),
        lambda db, name: db[name].delete_one({}),
        lambda db, name: db[name].delete_many({}),
        lambda db, name: db[name].drop(),
        lambda db, _name: db.client.drop_database(db.name),
        lambda db, name: list(db["users"].aggregate([{"$out": name}])),
        lambda db, name: list(db["users"].aggregate([{"$merge": name}])),
        lambda db, name: db["people"].rename(name, dropTarget=True),
        lambda db, name: db[name].rename("elsewhere"),
        lambda db, name: db.command("convertToCapped", name, size=4096),
        lambda db, name: db[name].drop_indexes(),
    ],
)
def test_the_app_itself_could_not_change_it(private: Store, attempt: Callable[[Any, str], Any], name: str) -> None:
    before = list(private.db[name].find())
    with pytest.raises(OperationFailure) as refused:
        attempt(private.db, name)
    assert refused.value.code == 13
    assert list(private.db[name].find()) == before


def test_every_collection_is_either_changeable_or_only_added_to() -> None:
    kept = {*RECORDS, *migrations.PLAIN_COLLECTIONS, "migrations", META}
    assert set(CHANGEABLE) == kept - {AUDIT, SEALS}
