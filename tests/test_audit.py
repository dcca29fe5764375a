"""The audit trail cannot be changed unseen: A5 of the catalogue."""

import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import DeleteMany
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from dashboard import cli
from dashboard.i18n import translator
from repository import audit, backup, embedded, importer, migrations, recount
from repository.access import Actor, Role
from repository.audit import Search, Unsealed, sealing
from repository.embedded.bootstrap import CHANGEABLE, TRAIL
from repository.facilities import Category, Facility
from repository.grids import Community
from repository.importer import Sheet
from repository.importer.flight import Flight
from repository.maintenance import WorkOrder
from repository.migrations import migrate
from repository.record import RECORDS
from repository.store import AUDIT, DURABLE, META, SEALS, Store, Unsuitable, Write, entry_mark
from tests.conftest import NOW, Clock, empty, once
from tests.folders import server_folder
from tests.test_record import AT, a_work_order

KEY = b"a key that is not in the database"
STEP = timedelta(minutes=6)  # longer than a seal rests


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settle(store: Store, clock: Clock, key: bytes = KEY, **how: Any) -> int:
    """Seal everything that was written so far: one seal closes its time, the next one takes it in."""
    sealed = 0
    for _ in range(2):
        clock.now += STEP
        sealed += audit.seal(store, key, now=clock.now, **how)
    return sealed


@pytest.fixture
@once
def busy(store: Store, admin: Actor, clock: Clock) -> Store:
    """A community in which something was done each minute, sealed in three parts."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    for part in range(3):
        for number in range(10):
            clock.now += timedelta(minutes=1)
            store.insert(admin, a_work_order(number=f"W-{part}-{number}", reported_at=AT))
        assert settle(store, clock) == (11 if part == 0 else 10)
    return store


def verdict(store: Store, admin: Actor, **how: Any) -> audit.Verdict:
    """What checking finds."""
    return audit.verify(store, admin, **{"key": KEY, **how})


def said(found: audit.Verdict) -> str:
    """All problems in words."""
    return " ".join(map(str, found.problems))


# --- whole, and tampered with
def test_what_is_as_it_was_holds(busy: Store, admin: Actor) -> None:
    found = verdict(busy, admin)
    assert (found.problems, found.warnings) == ((), ())
    assert (found.seals, found.entries, found.reread, found.unsealed) == (6, 31, 31, 0)
    assert found.head == audit.seals(busy, admin)[0].digest
    assert verdict(busy, admin, head=found.head).problems == ()


def test_what_is_not_at_rest_is_not_sealed_yet(busy: Store, admin: Actor, clock: Clock) -> None:
    busy.insert(admin, a_work_order(number="late", reported_at=AT))
    assert audit.seal(busy, KEY, now=clock.now) == 0
    assert verdict(busy, admin).unsealed == 1
    clock.now += STEP
    assert audit.seal(busy, KEY, now=clock.now) == 0
    clock.now += audit.REST - timedelta(seconds=1)
    assert audit.seal(busy, KEY, now=clock.now) == 0
    clock.now += timedelta(seconds=1)
    assert audit.seal(busy, KEY, now=clock.now) == 1


def test_where_nothing_happens_nothing_is_sealed(busy: Store, clock: Clock) -> None:
    for _ in range(5):
        assert settle(busy, clock) == 0
    assert busy.db[SEALS].count_documents({}) == 6


def an_entry(db: Any, mark: str, **facts: Any) -> dict[str, Any]:
    """An entry like another one, under a mark."""
    return {**db[AUDIT].find_one({}, {"_id": 0}), "_id": mark + str(ObjectId()), **facts}


TAMPERINGS: dict[str, Callable[[Any], Any]] = {
    "another actor": lambda db: db[AUDIT].update_one({"record_id": {"$exists": True}}, {"$set": {"actor_name": "x"}}),
    "another value": lambda db: db[AUDIT].update_one({"operation": "create"}, {"$set": {"after.fault": "nothing"}}),
    "no value": lambda db: db[AUDIT].update_one({"operation": "create"}, {"$unset": {"after": ""}}),
    "another order of fields": lambda db: db[AUDIT].update_one({}, [{"$replaceWith": {"$mergeObjects": [
        {"_id": "$_id", "role": "$role"}, "$$ROOT"]}}]),
    "another time": lambda db: db[AUDIT].update_one({}, {"$set": {"at": NOW + timedelta(minutes=20)}}),
    "one taken out": lambda db: db[AUDIT].delete_one({}),
    "many taken out": lambda db: db[AUDIT].delete_many({"operation": "create"}),
    "all taken out": lambda db: db[AUDIT].delete_many({}),
    "one put in": lambda db: db[AUDIT].insert_one(an_entry(db, db[AUDIT].find_one()["_id"][:8])),
    "one put in before all": lambda db: db[AUDIT].insert_one(an_entry(db, "")),
    "one under no mark": lambda db: db[AUDIT].insert_one(an_entry(db, "zzzzzzzz")),
    "one for later": lambda db: db[AUDIT].insert_one(an_entry(db, "ffffffff")),
    "one with a number": lambda db: db[AUDIT].insert_one({**an_entry(db, ""), "_id": 5}),
    "one with an object": lambda db: db[AUDIT].insert_one({**an_entry(db, ""), "_id": {"a": 5}}),
    "the first seal taken out": lambda db: db[SEALS].delete_one({"_id": 1}),
    "a seal taken out": lambda db: db[SEALS].delete_one({"_id": 2}),
    "another digest": lambda db: db[SEALS].update_one({"_id": 2}, {"$set": {"digest": "0" * 64}}),
    "another count": lambda db: db[SEALS].update_one({"_id": 2}, {"$inc": {"count": 1}}),
    "another end": lambda db: db[SEALS].update_one({"_id": 6}, {"$set": {"end": "00000000"}}),
    "a seal's other time": lambda db: db[SEALS].update_one({"_id": 6}, {"$set": {"at": NOW}}),
    "no keys": lambda db: db[SEALS].update_many({}, {"$set": {"keyed": False}}),
    "a seal that is none": lambda db: db[SEALS].insert_one({"_id": 7}),
    "a seal with a name": lambda db: db[SEALS].insert_one({**db[SEALS].find_one({"_id": 6}), "_id": "6"}),
    "an index by which entries expire": lambda db: db[AUDIT].create_index([("x", 1)], expireAfterSeconds=10**9),
    "an index by which seals expire": lambda db: db[SEALS].create_index([("x", 1)], expireAfterSeconds=10**9),
    "a rule that keeps entries out": lambda db: db.command("collMod", AUDIT, validator={"x": 1}),
}  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_whatever_is_changed_afterwards_is_found(busy: Store, admin: Actor, tamper: Callable[[Any], Any]) -> None:
    tamper(busy.db)
    try:
        assert verdict(busy, admin).problems
    finally:  # rules stay when the next test empties the collections
        for name in (AUDIT, SEALS):
            busy.db.command("collMod", name, validator={})
            if "x_1" in busy.db[name].index_information():
                busy.db[name].drop_index("x_1")


def test_only_so_many_of_the_newest_entries_are_read_again(busy: Store, admin: Actor) -> None:
    busy.db[AUDIT].delete_one({"names": "W-0-3"})
    assert "10 are there" in said(verdict(busy, admin))
    found = verdict(busy, admin, most=15)
    assert (found.entries, found.reread, found.problems) == (31, 20, ())
    busy.db[AUDIT].delete_one({"names": "W-2-3"})
    assert "9 are there" in said(verdict(busy, admin, most=1))


def test_seals_that_leave_entries_out_are_found(store: Store, admin: Actor, clock: Clock) -> None:
    """Without a key anybody can sign; but what a seal leaves out shows."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    settle(store, clock, b"")
    second = store.db[SEALS].find_one({"_id": 2}) or {}
    nothing = {"start": second["end"], "count": 0, "entries": hashlib.sha256().hexdigest()}
    second |= nothing
    store.db[SEALS].replace_one({"_id": 2}, {**second, "digest": sealing._signed(second, b"")})
    assert "does not follow" in said(verdict(store, admin, key=b""))


# --- the key, and what is noted outside
def remade(store: Store, clock: Clock, key: bytes) -> None:
    """All seals made anew by somebody who owns the database, as if they had always been so."""
    store.db[SEALS].delete_many({})
    for each in store.db[AUDIT].find({}):
        store.db[AUDIT].delete_one({"_id": each["_id"]})
        store.db[AUDIT].insert_one({**each, "_id": "00000000" + each["_id"][8:]})
    settle(store, clock, key)


def test_seals_made_anew_without_the_key_are_found(busy: Store, admin: Actor, clock: Clock) -> None:
    head = verdict(busy, admin).head
    busy.db[AUDIT].delete_one({"operation": "create"})
    for key in (b"another key", b""):
        remade(busy, clock, key)
        assert "not made with the key" in said(verdict(busy, admin))
    assert verdict(busy, admin, key=b"").problems == ()  # whole in itself, but not what was written down
    assert "No seal bears" in said(verdict(busy, admin, key=b"", head=head))


def test_without_the_key_a_keyed_seal_proves_nothing(busy: Store, admin: Actor) -> None:
    assert "not made with the key" in said(verdict(busy, admin, key=b""))


def test_all_seals_taken_out_are_missed(busy: Store, admin: Actor, clock: Clock) -> None:
    busy.db[SEALS].delete_many({})
    assert "the mark of a seal that is not there" in said(verdict(busy, admin))
    remade(busy, clock, KEY)
    busy.db[SEALS].delete_many({})  # and the entries made to look as if there had never been one
    assert "entries are not sealed" in said(verdict(busy, admin))


def test_the_last_seals_taken_out_are_missed(busy: Store, admin: Actor, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "audit.head"
    busy.insert(admin, a_work_order(number="x", reported_at=AT))
    assert settle(busy, clock, head_file=file) == 1
    assert file.stat().st_mode & 0o077 == 0
    head = verdict(busy, admin).head
    assert verdict(busy, admin, head=head, head_file=file).problems == ()
    busy.db[SEALS].delete_one({"_id": 8})
    assert "the mark of a seal" not in said(verdict(busy, admin))  # nothing was written under it
    assert "No seal bears" in said(verdict(busy, admin, head=head))
    assert "Seal 8" in said(verdict(busy, admin, head_file=file))
    clock.now += STEP
    with pytest.raises(Unsealed):  # another one in its place would hide it
        audit.seal(busy, KEY, head_file=file, now=clock.now)
    audit.seal(busy, KEY, now=clock.now)  # by somebody who has the key and not the file
    assert "Seal 8" in said(verdict(busy, admin, head_file=file))


def test_what_is_noted_may_be_old_absent_or_unreadable(busy: Store, admin: Actor, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "audit.head"
    assert verdict(busy, admin, head_file=file).problems == ()
    second = busy.db[SEALS].find_one({"_id": 2}) or {}
    file.write_text(json.dumps({"number": 2, "digest": second["digest"]}))
    assert verdict(busy, admin, head_file=file).problems == ()
    busy.insert(admin, a_work_order(number="x", reported_at=AT))
    settle(busy, clock, head_file=file)
    assert json.loads(file.read_text())["number"] == 8
    for nonsense in ("", "{}", "[1]", "\x00"):
        file.write_text(nonsense)
        assert "can't be read" in said(verdict(busy, admin, head_file=file))
        with pytest.raises(Unsealed, match="can't be read"):
            audit.seal(busy, KEY, head_file=file, now=clock.now)


@pytest.mark.parametrize("earlier", [b"", b"a key that was lost"], ids=["none", "lost"])
def test_a_new_key_seals_nothing_until_a_person_vouches(
    store: Store, admin: Actor, clock: Clock, tmp_path: Path, earlier: bytes
) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    settle(store, clock, earlier)
    store.insert(admin, a_work_order(number="x", reported_at=AT))
    clock.now += STEP
    with pytest.raises(Unsealed, match="--adopt"):
        audit.seal(store, KEY, now=clock.now)
    assert "2 seals (1 to 2) were not made with the key" in said(verdict(store, admin))

    file = tmp_path / "audit.head"
    file.write_text('{"number": 99, "digest": ""}')
    assert audit.seal(store, KEY, now=clock.now, adopt=True, head_file=file) == 1  # begins anew
    found = verdict(store, admin, head_file=file)
    assert found.problems == ()
    assert "Seal 3" in str(found.warnings[0])
    assert settle(store, clock, head_file=file) == 1
    found = verdict(store, admin, head_file=file)
    assert (found.entries, found.problems) == (2, ())
    store.db[SEALS].update_one({"_id": 1}, {"$set": {"count": 7}})  # what does not count any more is still in the chain
    assert said(verdict(store, admin)) == ""
    store.db[AUDIT].update_one({"names": "D"}, {"$set": {"actor_name": "x"}})
    assert "an entry was changed" in said(verdict(store, admin))


def test_nobody_without_the_key_vouches(busy: Store, admin: Actor, clock: Clock) -> None:
    busy.db[AUDIT].delete_one({"names": "W-1-1"})
    clock.now += STEP
    audit.seal(busy, b"another key", now=clock.now, adopt=True)
    assert "9 are there" in said(verdict(busy, admin))


def test_what_is_no_seal_stops_sealing_until_it_is_taken_out(busy: Store, admin: Actor, clock: Clock) -> None:
    for false in ({"_id": "z"}, {"_id": 2**60}, {"_id": 7, "mark": 2**40}, {"_id": 7, "mark": "x"}):
        busy.db[SEALS].insert_one(dict(false))
        with pytest.raises(Unsealed, match="no seal"):
            audit.seal(busy, KEY, now=clock.now, adopt=True)
        assert verdict(busy, admin).problems
        busy.db[SEALS].delete_one({"_id": false["_id"]})
    assert verdict(busy, admin).problems == ()


def test_a_restored_database_holds_and_is_sealed_on(
    busy: Store, admin: Actor, clock: Clock, tmp_path: Path, server: Callable[[str], str]
) -> None:
    """Also on a machine whose clock is behind, and what was not sealed yet when the backup was taken."""
    for number in range(5):
        clock.now += timedelta(hours=1)
        busy.insert(admin, a_work_order(number=f"y{number}", reported_at=AT))
        audit.seal(busy, KEY, now=clock.now)
    file = tmp_path / "audit.head"
    backup.take(busy, admin, tmp_path / "b.zip")
    other = Store.connect(server("gridboard_restored"), clock=clock)
    try:
        other.client.drop_database(other.db.name)
        backup.restore(other, tmp_path / "b.zip")
        found = verdict(other, admin, head_file=file)
        assert (found.unsealed, found.problems, found.warnings) == (2, (), ()), "the last one, and the restore"
        clock.now -= timedelta(days=400)
        other.insert(admin, a_work_order(number="z", reported_at=AT))
        assert settle(other, clock, head_file=file) == 3
        found = verdict(other, admin, head_file=file)
        assert (found.unsealed, found.problems) == (0, ())
    finally:
        other.client.drop_database(other.db.name)
        other.close()


@pytest.mark.drill
def test_the_restore_drill_of_a_private_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As docs/operations.md has it; the folder is one in which another database was once."""
    monkeypatch.delenv("MONGODB_URI", raising=False)
    homes = [server_folder("gb-drill-") for _ in range(2)]
    try:
        monkeypatch.setenv("GRIDBOARD_HOME", str(homes[0]))
        assert cli.main(["user", "add", "boss", "--role", "admin"]) == 0
        assert cli.main(["audit", "seal"]) == 0
        assert (homes[0] / "audit.head").exists()
        assert cli.main(["backup", str(tmp_path / "b.zip")]) == 0
        monkeypatch.setenv("GRIDBOARD_HOME", str(homes[1]))
        (homes[1] / "audit.head").write_text('{"number": 7, "digest": "x"}')
        assert cli.main(["restore", str(tmp_path / "b.zip")]) == 0
        assert cli.main(["audit", "verify"]) == 1, "without its key"
        assert not (homes[1] / "audit.key").exists(), "to look makes none"
        (homes[1] / "audit.key").write_text("another key")
        assert cli.main(["audit", "verify"]) == 1, "with another key"
        assert cli.main(["audit", "seal"]) == 1
        shutil.copy(homes[0] / "audit.key", homes[1])
        capsys.readouterr()
        assert cli.main(["audit", "verify"]) == 0
        assert "!" not in capsys.readouterr().out
        assert cli.main(["audit", "seal", "--adopt"]) == 0
        assert "? Seal 2" in capsys.readouterr().out
    finally:
        for home in homes:
            embedded.stop(home)
            shutil.rmtree(home, ignore_errors=True)


# --- clocks
def test_a_database_that_was_a_year_ahead_is_sealed_on(busy: Store, admin: Actor, clock: Clock) -> None:
    right, clock.now = clock.now, clock.now + timedelta(days=365)
    busy.insert(admin, a_work_order(number="ahead", reported_at=AT))
    assert settle(busy, clock) == 1
    busy.insert(admin, a_work_order(number="under a seal of next year", reported_at=AT))
    clock.now = right
    busy.insert(admin, a_work_order(number="right again", reported_at=AT))
    assert settle(busy, clock) == 2
    found = verdict(busy, admin)
    assert (found.unsealed, found.problems) == (0, ())


@pytest.mark.parametrize("hours", [-9000, -1, 1, 9000])
def test_a_writer_whose_clock_is_wrong_does_no_harm_and_shows(
    busy: Store, admin: Actor, clock: Clock, hours: int
) -> None:
    right = clock.now
    clock.now += timedelta(hours=hours)
    busy.insert(admin, a_work_order(number="odd", reported_at=AT))
    clock.now = right
    assert settle(busy, clock) == 1
    found = verdict(busy, admin)
    assert found.problems == ()
    assert "1 entries" in str(found.warnings[0])


def test_an_entry_that_is_dated_back_shows(busy: Store, admin: Actor, clock: Clock) -> None:
    newest = str((busy.db[SEALS].find_one({"_id": 6}) or {})["mark"])
    busy.db[AUDIT].insert_one(an_entry(busy.db, entry_mark(int(newest)), at=NOW, record_id="x"))
    assert settle(busy, clock) == 1
    found = verdict(busy, admin)
    assert found.problems == ()
    assert found.warnings


def test_an_entry_under_a_mark_that_never_was_shows(busy: Store, admin: Actor, clock: Clock) -> None:
    mark = (busy.db[SEALS].find_one({"_id": 5}) or {})["mark"]
    busy.db[AUDIT].insert_one(an_entry(busy.db, entry_mark(mark + 1), record_id="x"))
    busy.insert(admin, a_work_order(number="x", reported_at=AT))
    assert settle(busy, clock) == 2
    assert "bear the mark of no seal" in said(verdict(busy, admin))


def begun(store: Store, admin: Actor, number: str) -> Callable[[], None]:
    """A write that has begun, and that no other write stands in the way of; calling what is returned ends it."""
    session = store.client.start_session()
    session.start_transaction(ReadConcern("snapshot"), DURABLE)
    write = Write(store, admin, session, None, store._standing(admin, session).mark)
    document = {"_id": number, "community_id": "D", "name": number}
    store.db[Facility.collection].find_one({}, session=session)  # what it sees is what stands there now
    write.note_row({"collection": "facilities", "community_id": "D", "record_id": "b"}, Facility, None, document)

    def end() -> None:
        with session:
            write._finish()
            session.commit_transaction()

    return end


def test_a_write_that_began_before_a_seal_and_ended_after_it_is_sealed_later(
    busy: Store, admin: Actor, clock: Clock
) -> None:
    end = begun(busy, admin, "slow")
    busy.insert(admin, a_work_order(number="quick", reported_at=AT))
    clock.now += STEP
    assert audit.seal(busy, KEY, now=clock.now) == 0
    end()
    clock.now += STEP
    assert audit.seal(busy, KEY, now=clock.now) == 2  # and not one that came too late
    assert verdict(busy, admin).problems == ()


HOUR = timedelta(hours=1)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.timedeltas(-400 * 24 * HOUR, 400 * 24 * HOUR)),  # by a clock so wrong
    st.tuples(st.just("begin"), st.timedeltas(-HOUR, HOUR)),
    st.tuples(st.just("end"), st.just(timedelta())),
    st.tuples(st.just("wait"), st.timedeltas(timedelta(), HOUR)),
    st.tuples(st.just("turn"), st.timedeltas(-400 * 24 * HOUR, 400 * 24 * HOUR)),  # the database's clock
    st.tuples(st.just("seal"), st.just(timedelta())),
)
QUIET: dict[str, Callable[[Any, str], Any]] = {
    "change": lambda db, id: db[AUDIT].update_one({"_id": id}, {"$set": {"actor_name": "x"}}),
    "take out": lambda db, id: db[AUDIT].delete_one({"_id": id}),
    "put in": lambda db, id: db[AUDIT].insert_one(an_entry(db, id[:8])),
    "cut": lambda db, _: db[SEALS].delete_one({"_id": db[SEALS].count_documents({})}),
    "gap": lambda db, _: db[SEALS].delete_one({"_id": 1}),
    "all seals": lambda db, _: db[SEALS].delete_many({}),
    "forge": lambda db, _: db[SEALS].update_one({"_id": 2}, {"$inc": {"count": -1}}),
}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25), tampering=st.sampled_from(sorted(QUIET)), data=st.data())
def test_no_clock_makes_a_false_alarm_and_no_tampering_goes_unseen(
    store: Store, clock: Clock, steps: list[tuple[str, timedelta]], tampering: str, data: st.DataObject
) -> None:
    admin = Actor("tester", "测试员", Role.ADMIN)
    empty(store)
    writer, there, number = Clock(), NOW, 0  # an app's clock, the database's
    store.clock = writer
    open_ones: list[Callable[[], None]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "audit.head"

        def seal() -> None:
            audit.seal(store, KEY, now=there, head_file=file)

        for step, by in [*steps, ("write", timedelta())]:
            number += 1
            if step in ("wait", "turn"):
                while open_ones:  # the server lets no transaction live so long
                    open_ones.pop()()
                there += by
            elif step == "seal":
                seal()
            elif step == "end" and open_ones:
                open_ones.pop(0)()
            elif step in ("write", "begin"):
                writer.now = there + by
                end = begun(store, admin, str(number))
                if step == "begin" and len(open_ones) < 3:
                    open_ones.append(end)
                else:
                    end()
        while open_ones:
            open_ones.pop()()
        ended = verdict(store, admin, head_file=file)
        assert not [each for each in ended.problems if "are not sealed" not in each.text]
        for _ in range(3):
            there += STEP
            seal()
        found = verdict(store, admin, head_file=file)
        assert (found.problems, found.unsealed, found.entries) == ((), 0, store.db[AUDIT].count_documents({}))

        ids = sorted(each["_id"] for each in store.db[AUDIT].find({}, {"_id": 1}))
        QUIET[tampering](store.db, data.draw(st.sampled_from(ids)))
        assert verdict(store, admin, head_file=file).problems
        with suppress(Unsealed):  # and sealing on does not hide it
            there += STEP
            seal()
        assert verdict(store, admin, head_file=file).problems


def test_many_sealers_make_each_seal_once(busy: Store, admin: Actor, clock: Clock, tmp_path: Path) -> None:
    for number in range(20):
        busy.insert(admin, a_work_order(number=f"x{number}", reported_at=AT))
    sealed: list[int] = []

    def work() -> None:
        sealed.append(audit.seal(busy, KEY, now=clock.now, head_file=tmp_path / "audit.head"))

    for _ in range(2):
        clock.now += STEP
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(sealed) == 20
    found = verdict(busy, admin, head_file=tmp_path / "audit.head")
    assert (found.seals, found.problems) == (8, ())
    assert [path.name for path in tmp_path.iterdir()] == ["audit.head"]


def test_a_seal_holds_only_so_many_entries(
    busy: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(sealing, "AT_ONCE", 7)
    busy.write(admin, lambda write: [write.note("x", AUDIT, "D", str(number)) for number in range(30)])
    assert settle(busy, clock) == 30
    found = verdict(busy, admin)
    assert (found.seals, found.problems) == (6 + 1 + 5, ())


def test_the_database_tells_the_time_of_a_seal(store: Store, admin: Actor) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    audit.seal(store, KEY)
    (made,) = audit.seals(store, admin)
    assert abs(made.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert made.mark == int(made.at.timestamp())


def test_verifying_while_people_work_raises_no_alarm(busy: Store, admin: Actor, clock: Clock) -> None:
    stop = threading.Event()

    def note(write: Write) -> None:
        write.note("x", AUDIT, "D", "x")

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            busy.write(admin, note)
            if number % 5 == 0:
                clock.now += STEP
                audit.seal(busy, KEY, now=clock.now)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(30):
            assert verdict(busy, admin).problems == ()
    finally:
        stop.set()
        thread.join()
    assert busy.db[SEALS].count_documents({}) > 8


# --- looking
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
    gone, changed, made = audit.history(busy, admin, "D", "facilities", facility.id)
    assert (made.operation, made.before, made.after["name"]) == ("create", {}, "秋千")
    assert (changed.before["name"], changed.after["name"]) == ("秋千", "跷跷板")
    assert "code" not in changed.after
    assert (gone.operation, gone.before["name"], gone.after) == ("delete", "跷跷板", {})


def test_a_long_history_is_shown_newest_first_in_parts(busy: Store, admin: Actor, clock: Clock) -> None:
    swing = Facility(id="F", community_id="D", code="F", name="0", category=Category.FITNESS)
    busy.insert(admin, swing)
    for number in range(1, 31):
        clock.now += timedelta(seconds=1)
        busy.update(admin, Facility, "D", "F", number, {"name": str(number)})
    told = [step.after["name"] for step in audit.history(busy, admin, "D", "facilities", "F", most=10)]
    assert told == [str(number) for number in range(30, 20, -1)]
    rest = audit.history(busy, admin, "D", "facilities", "F", most=100, skip=10)
    assert [step.after["name"] for step in rest] == [str(number) for number in range(20, -1, -1)]


def bring(store: Store, admin: Actor, text: str, name: str) -> Any:
    """An import of work orders."""
    languages = [translator("zh")]
    of = Sheet(text.encode(), name)
    found = importer.propose(WorkOrder, of, languages)
    shown = importer.preview(store, admin, "D", of, found, languages=languages)
    return importer.commit(store, admin, shown, patience=0)


def test_a_records_history_tells_what_imports_did_to_it(busy: Store, admin: Actor, clock: Clock) -> None:
    clerk = Actor("c", "文员", Role.ADMIN)
    head = "工单号,故障,地点,报修时间\n"
    first = bring(busy, admin, head + "I-1,松动,东门,2026-03-01 08:00\nI-2,漏水,,2026-03-02 08:00\n", "三月.csv")
    order = busy.db["work_orders"].find_one({"number": "I-1"}) or {}
    clock.now += timedelta(minutes=1)
    second = bring(busy, clerk, head + "I-1,松动,西门,2026-03-01 08:00\n", "四月.csv")
    clock.now += timedelta(minutes=1)
    third = importer.undo(busy, clerk, "D", second.id, patience=0)

    back, changed, made = audit.history(busy, admin, "D", "work_orders", order["_id"])
    assert [(step.operation, step.change, step.actor) for step in (made, changed, back)] == [
        ("import", "create", "测试员"),
        ("import", "update", "文员"),
        ("undo", "update", "文员"),
    ]
    assert (made.file, changed.file, back.file) == ("三月.csv", "四月.csv", "四月.csv")
    assert (made.batch, changed.batch, back.batch) == (first.id, second.id, third.id)
    assert made.after["place"] == "东门"
    assert (changed.before["place"], changed.after["place"]) == ("东门", "西门")
    assert (back.before["place"], back.after["place"]) == ("西门", "东门")
    assert "fault" not in changed.after

    newest = audit.trail(busy, admin, "D", Search(), most=4)  # three batches and no rows among them
    assert [entry.collection for entry in newest] == ["work_orders"] * 4
    assert [entry.operation for entry in newest] == ["undo", "import", "import", "create"]
    clock.now += timedelta(minutes=1)
    importer.undo(busy, clerk, "D", first.id, patience=0)
    assert busy.db["import_changes"].delete_many({})  # what the app may change tells nothing here
    gone = audit.history(busy, admin, "D", "work_orders", order["_id"])[0]
    assert (gone.operation, gone.change, gone.before["place"]) == ("undo", "delete", "东门")
    assert settle(busy, clock) == 4 + 2 + 1 + 1 + 2
    assert verdict(busy, admin).problems == ()


def test_rows_of_an_import_that_was_broken_off_are_no_history(
    busy: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    order = busy.db["work_orders"].find_one({"number": "W-0-0"}) or {}
    monkeypatch.setattr(Flight, "flip", break_off)
    with pytest.raises(KeyboardInterrupt):
        bring(busy, admin, "工单号,故障,地点,报修时间\nW-0-0,松动,西门,2026-03-01 08:00\n", "x.csv")
    rows = list(busy.db[AUDIT].find({"part_of": {"$exists": True}}))
    assert [row["record_id"] for row in rows] == [order["_id"]]
    assert [step.change for step in audit.history(busy, admin, "D", "work_orders", order["_id"])] == ["create"]
    assert "西门" not in str(audit.trail(busy, admin, "D", Search(which="W-0-0")))


def test_what_is_done_to_a_whole_community_bears_its_name(busy: Store, admin: Actor) -> None:
    made = busy.get(admin, Community, "D", "D")
    busy.update(admin, Community, "D", "D", made.revision, {"name": "滨江社区"})
    audit.note_export(busy, admin, "D", "work_orders", rows=30, form="csv")
    recount.rebuild(busy, admin, "D")
    for operation in ("export", "recount"):
        assert [one.name for one in audit.trail(busy, admin, "D", Search(operation=operation))] == ["滨江社区"]


def test_all_about_one_record_is_found_by_what_it_is_called(busy: Store, admin: Actor, clock: Clock) -> None:
    swing = busy.insert(admin, Facility(community_id="D", code="F-12", name="秋千", category=Category.FITNESS))
    other = busy.insert(admin, Facility(community_id="D", code="F-13", name="秋千", category=Category.FITNESS))
    clock.now += timedelta(minutes=1)
    busy.update(admin, Facility, "D", swing.id, 1, {"name": "跷跷板"})
    clock.now += timedelta(minutes=1)
    busy.delete(Actor("o", "另一人", admin.role), Facility, "D", swing.id, 2)
    bring(busy, admin, "工单号,故障,地点,报修时间\nI-1,松动,东门,2026-03-01 08:00\n", "三月.csv")

    def found(which: str, **more: Any) -> list[tuple[str, str]]:
        return [(one.change, one.record_id) for one in audit.trail(busy, admin, "D", Search(which=which, **more))]

    all_of_it = [("delete", swing.id), ("update", swing.id), ("create", swing.id)]
    for which in ("F-12", " F-12 ", "跷跷板", swing.id):
        assert found(which) == all_of_it
    assert found("秋千") == [*all_of_it[:2], *sorted([("create", swing.id), ("create", other.id)], reverse=True)]
    assert found("F-12", actor="另一人") == all_of_it[:1]
    assert found("F-12", operation="update", collection="facilities") == all_of_it[1:2]
    assert found("F-12", since=clock.now) == all_of_it[:1]
    assert found("F-12", until=clock.now) == all_of_it[1:]
    assert [change for change, _ in found("I-1", operation="import")] == ["create"]
    assert found("W-1-3") != []
    assert found("F-") == []
    assert len(audit.trail(busy, admin, "D", Search(which="F-12"), most=1, skip=1)) == 1
    old = Facility(id="old", community_id="D", code="F-14", name="单杠", category=Category.FITNESS)
    busy.db["facilities"].insert_one(old.to_document())  # as the demonstration does, without an entry of its own
    busy.update(admin, Facility, "D", "old", 1, {"name": "双杠"})
    assert found("单杠") == found("双杠") == [("update", "old")]
    plan = busy.db[AUDIT].find({"community_id": "D", "names": {"$eq": "F-12"}}).explain()["queryPlanner"]["winningPlan"]
    assert "community_id_names_where" in str(plan)
    plan = (
        busy.db[AUDIT]
        .find({"community_id": "D", "operation": {"$exists": True}})
        .sort([("at", -1), ("_id", -1)])
        .explain()
    )
    assert "community_id_at__id_where" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])


# --- what the app's own user may do to it
@pytest.fixture(scope="module")
def private() -> Iterator[Store]:
    """The app's own connection to a private server."""
    home = server_folder("gb-audit-")
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


SOON = datetime(2020, 1, 1, tzinfo=UTC)
ATTEMPTS: dict[str, Callable[[Any, str], Any]] = {
    "update": lambda db, name: db[name].update_one({}, {"$set": {"x": 1}}),
    "update by pipeline": lambda db, name: db[name].update_many({}, [{"$set": {"x": 1}}]),
    "upsert": lambda db, name: db[name].update_one({"_id": "new"}, {"$set": {"x": 1}}, upsert=True),
    "replace": lambda db, name: db[name].replace_one({}, {"x": 1}),
    "find and delete": lambda db, name: db[name].find_one_and_delete({}),
    "find and change": lambda db, name: db[name].find_one_and_update({}, {"$set": {"x": 1}}),
    "delete one": lambda db, name: db[name].delete_one({}),
    "delete all": lambda db, name: db[name].delete_many({}),
    "bulk": lambda db, name: db[name].bulk_write([DeleteMany({})]),
    "drop": lambda db, name: db[name].drop(),
    "drop database": lambda db, _name: db.client.drop_database(db.name),
    "$out": lambda db, name: list(db["users"].aggregate([{"$out": name}])),
    "$merge": lambda db, name: list(db["users"].aggregate([{"$merge": name}])),
    "$merge over": lambda db, name: list(
        db[name].aggregate([{"$set": {"x": 1}}, {"$merge": {"into": name, "whenMatched": "replace"}}])
    ),
    "$merge on": lambda db, name: list(
        db[name].aggregate([{"$merge": {"into": name, "whenMatched": [{"$unset": "at"}], "whenNotMatched": "discard"}}])
    ),
    "map and reduce": lambda db, name: db.command(
        {"mapReduce": "users", "map": "function(){}", "reduce": "function(){}", "out": {"replace": name}}
    ),
    "rename onto": lambda db, name: db["people"].rename(name, dropTarget=True),
    "rename from": lambda db, name: db[name].rename("elsewhere"),
    "swap": lambda db, name: db.client.admin.command("renameCollection", f"{db.name}.{name}", to=f"{db.name}.people"),
    "convert": lambda db, name: db.command("convertToCapped", name, size=4096),
    "clone onto": lambda db, name: db.command("cloneCollectionAsCapped", "people", toCollection=name, size=4096),
    "TTL index": lambda db, name: db[name].create_index([("at", 1)], expireAfterSeconds=0),
    "TTL index in part": lambda db, name: db[name].create_index(
        [("at", 1)], name="other", expireAfterSeconds=0, partialFilterExpression={"at": {"$gt": SOON}}
    ),
    "unique index": lambda db, name: db[name].create_index([("community_id", 1)], unique=True),
    "TTL on an index that is there": lambda db, name: db.command(
        "collMod",
        name,
        index={"keyPattern": {"community_id": 1, "collection": 1, "record_id": 1, "at": 1}, "expireAfterSeconds": 0},
    ),
    "validator": lambda db, name: db.command("collMod", name, validator={"x": 1}),
    "validation off": lambda db, name: db.command("collMod", name, validationLevel="off"),
    "hidden index": lambda db, name: db.command("collMod", name, index={"name": "key_where", "hidden": True}),
    "size": lambda db, name: db.command("collMod", name, cappedSize=4096),
    "drop indexes": lambda db, name: db[name].drop_indexes(),
    "drop index": lambda db, name: db[name].drop_index("key_where"),
    "create anew": lambda db, name: db.command("create", name, capped=True, size=4096),
    "view over it": lambda db, name: db.command("create", name, viewOn="people", pipeline=[]),
    "view": lambda db, name: db.command("create", f"{name}_view", viewOn=name, pipeline=[]),
    "views": lambda db, name: db["system.views"].insert_one({"_id": f"{db.name}.{name}", "viewOn": "people"}),
    "applyOps": lambda db, name: db.client.admin.command(
        "applyOps", [{"op": "d", "ns": f"{db.name}.{name}", "o": {"_id": 1}}]
    ),
    "repair": lambda db, name: db.command("validate", name, full=True, repair=True),
    "grant": lambda db, _name: db.command("grantRolesToUser", "gridboard", roles=["dbOwner"]),
    "grant to role": lambda db, name: db.command(
        "grantPrivilegesToRole",
        "application",
        privileges=[{"resource": {"db": db.name, "collection": name}, "actions": ["remove"]}],
    ),
}


def standing(store: Store, name: str) -> Any:
    """Documents, indexes and rules of a collection."""
    options = [info["options"] for info in store.db.list_collections(filter={"name": name})]
    return list(store.db[name].find()), store.db[name].index_information(), options


@pytest.mark.parametrize("name", [AUDIT, SEALS])
@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_the_app_itself_could_not_change_it(private: Store, attempt: Callable[[Any, str], Any], name: str) -> None:
    before = standing(private, name)
    with pytest.raises(OperationFailure) as refused:
        attempt(private.db, name)
    assert refused.value.code in (13, 72, 73)  # not authorized; not on a replica set; no name a client may use
    assert standing(private, name) == before


def test_the_trail_of_an_old_data_folder_is_put_right_at_the_next_start(private: Store, admin: Actor) -> None:
    """An earlier role let the app's user give any collection an index or a rule."""
    home = Path(private.client.address[0]).parent  # type: ignore[index]
    right = {name: standing(private, name)[1] for name in (AUDIT, SEALS)}
    owner = Store.connect(embedded.operator_uri(home), embedded.APP_DATABASE)
    for name in (AUDIT, SEALS):
        owner.db[name].create_index([("x", 1)], expireAfterSeconds=0)
        owner.db.command("collMod", name, validator={"x": 1})
    owner.db[AUDIT].drop_index("key_where")
    owner.db[AUDIT].drop_index("community_id_at__id_where")
    owner.db[AUDIT].create_index([("at", 1), ("community_id", 1)], name="community_id_at__id_where")
    actions = ["find", "insert", "update", "listCollections", "listIndexes", "createIndex", "collMod"]
    everywhere = {"resource": {"db": private.db.name, "collection": ""}, "actions": actions}
    owner.db.command("updateRole", "application", privileges=[everywhere])
    assert len(audit.verify(private, admin).problems) == 4
    for name in (AUDIT, SEALS):
        owner.db.command("collMod", name, validator={})  # they may come back to an empty one
    entry = owner.db[AUDIT].find_one() or {}
    owner.db[AUDIT].insert_one({**entry, "_id": f"{int(entry['at'].timestamp()):08x}" + "0" * 16})
    owner.db[SEALS].insert_one({"_id": 1, "until": entry["at"], "count": 1, "digest": "x", "keyed": True})
    for name in (AUDIT, SEALS):
        owner.db.command("collMod", name, validator={"x": 1})
    meta = home / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "rights": "of an earlier version"}))

    embedded.start(home)

    for name in (AUDIT, SEALS):
        _, indexes, (options,) = standing(private, name)
        assert (indexes, "validator" in options) == (right[name], False)
    assert audit.verify(private, admin).problems == ()
    for minutes in (1, 2):  # marks of those that were given by time are below these
        audit.seal(private, KEY, now=entry["at"] + minutes * STEP)
    found = audit.verify(private, admin, key=KEY)
    assert (found.entries, found.unsealed, found.problems) == (2, 0, ())
    with pytest.raises(OperationFailure):
        private.db[AUDIT].create_index("x")
    private.insert(admin, Facility(community_id="D", code="F", name="秋千", category=Category.FITNESS))
    owner.close()


def test_the_app_makes_what_is_missing_elsewhere_and_asks_for_an_owner_where_it_may_not(private: Store) -> None:
    home = Path(private.client.address[0]).parent  # type: ignore[index]
    owner = Store.connect(embedded.operator_uri(home), embedded.APP_DATABASE)
    owner.db["numbers"].drop()
    owner.db["facilities"].drop_indexes()
    assert migrate(private)
    assert migrate(private) == []
    owner.db[AUDIT].drop_index("community_id_names_where")
    with pytest.raises(Unsuitable, match=r"index audit community_id_names_where.*owner"):
        migrate(private)
    assert migrate(owner) == ["index audit community_id_names_where"]
    assert migrate(private) == []
    owner.close()


def test_every_collection_is_either_changeable_or_only_added_to() -> None:
    kept = {*RECORDS, *migrations.PLAIN_COLLECTIONS, "migrations", META}
    assert set(CHANGEABLE) - {"residents_seen"} == kept - {AUDIT, SEALS}


def test_the_administrator_makes_the_indexes_that_the_migrations_declare(store: Store) -> None:
    assert set(TRAIL) == {AUDIT, SEALS}
    for name, indexes in TRAIL.items():
        there = [{**each, "key": dict(each["key"])} for each in store.db[name].list_indexes() if each["name"] != "_id_"]
        assert [{"v": 2, **each} for each in indexes] == there
