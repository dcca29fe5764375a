"""Back-up and restore: D7 of the catalogue in its short form (tests/reliability holds the long one)."""

import fcntl
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import cli
from dashboard.i18n import speaking
from repository import accounts, audit, backup, embedded, recount
from repository.access import Actor, Refused, Role
from repository.backup import BackupTrouble, Keep, archive, restoring, taking
from repository.grids import Community
from repository.maintenance import WorkOrder
from repository.migrations import migrate
from repository.rollups import COUNTS
from repository.store import EVERYWHERE, META, RESTORING, ROOM_NEEDED, SIGN_INS, Full, Restoring, Store, Unsuitable
from repository.words import Trouble
from tests.conftest import NOW, empty, refill
from tests.folders import server_folder
from tests.test_record import AT, a_work_order

GOOD = "violet anchor bread"


@pytest.fixture
def target(server: Callable[[str], str]) -> Iterator[Store]:
    """A second database with nothing in it at all."""
    store = Store.connect(server("gridboard_restored"), clock=lambda: NOW)
    store.client.drop_database(store.db.name)
    yield store
    store.client.drop_database(store.db.name)
    store.close()


@pytest.fixture(scope="module")
def town(template: Store) -> dict[str, list[Any]]:
    """The documents of a database with some of everything, made once for all tests that begin with it."""
    store, admin = Store(template.client, "gridboard_town", lambda: NOW), Actor("tester", "测试员", Role.ADMIN)
    store.client.drop_database(store.db.name)
    migrate(store)
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))
    for number in range(12):
        order = store.insert(admin, a_work_order(number=f"W-{number}", reported_at=AT))
        if number % 3 == 0:
            store.update(admin, WorkOrder, "D", order.id, 1, {"place": "东门 <b>=1+1</b>"})
    accounts.add_user(store, admin, {"login": "boss", "name": "书记", "role": "admin"}, password=GOOD)
    accounts.sign_in(store, "boss", GOOD, terms=accounts.Terms())
    store.db[META].insert_one({"_id": "demo", "filled_from": "x"})
    store.clock = lambda: NOW + timedelta(hours=1)
    audit.seal(store, b"key")
    made = {name: list(store.db[name].find()) for name in store.db.list_collection_names()}
    store.client.drop_database(store.db.name)
    return made


@pytest.fixture(scope="module")
def good(template: Store, town: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup of that database, for the tests that ask what a file is worth. Its collections stand as migrations make
    them."""
    store = Store(template.client, "gridboard_town", lambda: NOW + timedelta(hours=1))
    migrate(store)
    refill(store, town)
    path = tmp_path_factory.mktemp("good") / "good.zip"
    backup.take(store, Actor("tester", "测试员", Role.ADMIN), path)
    store.client.drop_database(store.db.name)
    return path.read_bytes()


@pytest.fixture
def filled(store: Store, town: dict[str, list[Any]]) -> Store:
    """A database with some of everything."""
    refill(store, {name: documents for name, documents in town.items() if documents})
    store.clock = lambda: NOW + timedelta(hours=1)
    return store


def contents(store: Store) -> dict[str, list[Any]]:
    """All that a backup is of; without what a restore adds, which is its entry, and how often all was written to."""
    added = {"audit": {"operation": {"$ne": "restore"}}, COUNTS: {"community_id": {"$ne": EVERYWHERE}}}
    return {
        name: list(store.db[name].find(added.get(name, {})).sort("_id", 1))
        for name in store.db.list_collection_names()
        if name not in backup.LEFT_OUT
    }


def there(store: Store, folder: Path) -> backup.Kept:
    """What a folder holds for a database."""
    return backup.kept(folder, backup.database_id(store), store.clock())


def indexes(store: Store) -> dict[str, Any]:
    """Every collection's indexes and validator."""
    options = {info["name"]: info.get("options", {}) for info in store.db.list_collections()}
    return {name: (store.db[name].index_information(), options[name].get("validator")) for name in options}


def test_what_was_taken_comes_back_as_it_was(filled: Store, target: Store, admin: Actor, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    before = contents(filled)
    documents = sum(filled.db[name].count_documents({}) for name in before)
    manifest = backup.take(filled, admin, path).manifest
    assert backup.inspect(path) == manifest
    assert manifest.documents == documents
    assert path.stat().st_mode & 0o077 == 0

    backup.restore(target, path)

    after = contents(target)
    assert {name for name in after if after[name]} == {name for name in before if before[name]}
    assert {name: after[name] for name in before} == before
    assert indexes(target) == indexes(filled)
    assert recount.check(target, admin, "D") == []
    assert audit.verify(target, admin, key=b"key").problems == ()
    assert target.db[SIGN_INS].count_documents({}) == 0
    accounts.sign_in(target, "boss", GOOD, terms=accounts.Terms())
    migrate(target)
    (entry,) = audit.trail(target, admin, EVERYWHERE, audit.Search(operation="restore"))
    assert (entry.actor, entry.record_id, entry.after["documents"]) == ("GridBoard", "b.zip", manifest.documents)


def test_photos_are_in_it(filled: Store, target: Store, admin: Actor, tmp_path: Path) -> None:
    """As GridFS keeps them: a file's facts, and its content in pieces."""
    from gridfs import GridFSBucket

    picture = random.Random(1).randbytes(700_000)
    id = GridFSBucket(filled.db).upload_from_stream("loose bolt.jpg", picture)
    backup.take(filled, admin, tmp_path / "b.zip")
    backup.restore(target, tmp_path / "b.zip")
    assert GridFSBucket(target.db).open_download_stream(id).read() == picture
    for name in ("fs.files", "fs.chunks"):
        filled.db[name].drop()


def test_a_backup_under_writers_is_of_one_moment(store: Store, target: Store, admin: Actor, tmp_path: Path) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    stop = threading.Event()

    def work(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            store.insert(admin, a_work_order(number=f"{worker}-{number}", reported_at=AT))

    writers = [threading.Thread(target=work, args=(worker,)) for worker in range(3)]
    for writer in writers:
        writer.start()
    try:
        for round in range(3):
            backup.take(store, admin, tmp_path / f"{round}.zip")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    sizes = []
    for round in range(3):
        target.client.drop_database(target.db.name)
        backup.restore(target, tmp_path / f"{round}.zip")
        orders = {order["_id"] for order in target.db["work_orders"].find({}, {"_id": 1})}
        entries = {entry["record_id"] for entry in target.db["audit"].find({"collection": "work_orders"})}
        assert orders == entries
        assert recount.check(target, admin, "D") == []
        sizes.append(len(orders))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1], "nothing was written meanwhile: the test proves nothing"


def test_nothing_is_restored_over_what_is_there(filled: Store, target: Store, admin: Actor, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    backup.take(filled, admin, path)
    migrate(target)
    accounts.setup_code(target)  # what a start makes by itself is nothing
    target.insert(admin, Community(id="E", community_id="E", code="E", name="E"))
    before = contents(target)

    with pytest.raises(BackupTrouble, match="not empty"):
        backup.restore(target, path)
    assert contents(target) == before
    assert not target.restoring()

    empty(target)
    backup.restore(target, path)
    assert contents(target)["communities"][0]["_id"] == "D"


def rewritten(good: bytes, out: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A backup with other insides."""
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    change(inside)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    return out


def told(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    """A change of the manifest."""

    def apply(inside: dict[str, bytes]) -> None:
        manifest = json.loads(inside["manifest.json"])
        change(manifest)
        inside["manifest.json"] = json.dumps(manifest).encode()

    return apply


def _drop_one(inside: dict[str, bytes]) -> None:
    inside.pop("audit.bson")


def _slip(inside: dict[str, bytes]) -> None:
    inside["../../evil.bson"] = b""


def _slip_told(inside: dict[str, bytes]) -> None:
    inside["../../evil.bson"] = b""
    part = {"name": "../../evil", "documents": 0, "bytes": 0, "sha256": "", "options": {}, "indexes": []}
    told(lambda manifest: manifest["parts"].append(part))(inside)


def _forge(inside: dict[str, bytes]) -> None:
    inside["people.bson"] = b"\x05\x00\x00\x00\x00"


def _huge(inside: dict[str, bytes]) -> None:
    inside["people.bson"] = b"\xff\xff\xff\x7f"
    told(lambda manifest: next(part for part in manifest["parts"] if part["name"] == "people").update(bytes=4))(inside)


@pytest.mark.parametrize(
    "change",
    [
        _drop_one, _slip, _slip_told, _forge, _huge,
        lambda inside: inside.pop("manifest.json"),
        lambda inside: inside.update({"manifest.json": b"[]"}),
        lambda inside: inside.update({"manifest.json": b"{"}),
        told(lambda manifest: manifest.update(format=99)),
        told(lambda manifest: manifest["steps"].append("a_step_of_tomorrow")),
        told(lambda manifest: manifest.pop("parts")),
        told(lambda manifest: manifest["parts"][0].update(name="system.users")),
        told(lambda manifest: manifest["parts"].append(manifest["parts"][0])),
    ],
)  # fmt: skip
def test_a_file_that_is_no_backup_is_refused_with_nothing_changed(
    good: bytes, target: Store, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    bad = rewritten(good, tmp_path / "bad.zip", change)
    with pytest.raises(BackupTrouble):
        backup.restore(target, bad)
    assert target.db.list_collection_names() == []
    assert not list(tmp_path.parent.glob("**/evil*"))


def _of_audit(**facts: Any) -> Callable[[dict[str, bytes]], None]:
    """A manifest that tells this of the trail."""
    return told(lambda manifest: next(part for part in manifest["parts"] if part["name"] == "audit").update(facts))


@pytest.mark.parametrize(
    "options", [{"codec_options": 1}, {"capped": True, "size": 4096}, {"viewOn": "x"}, {"validator": {"x": {"$gt": 1}}}]
)
def test_a_file_gives_a_collection_no_options_but_a_validator_that_is_declared(
    good: bytes, filled: Store, target: Store, admin: Actor, tmp_path: Path, options: dict[str, Any]
) -> None:
    backup.restore(target, rewritten(good, tmp_path / "odd.zip", _of_audit(options=options)))
    assert target.db["audit"].options() == {}
    assert indexes(target) == indexes(filled)
    assert audit.verify(target, admin, key=b"key").problems == ()


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"name": "x"}, "damaged"),
        ({"name": "x", "key": "at"}, "damaged"),
        ({"name": "x", "key": {"at": {"$oid": 5}}}, "damaged"),
        ({"name": "x", "key": {"at": 1}, "session": 1}, "does not take"),
        ({"name": "x", "key": {"at": 1}, "expireAfterSeconds": 1}, "expire"),
    ],
)
def test_a_file_makes_no_index_by_which_the_trail_would_shrink_nor_one_that_is_none(
    good: bytes, target: Store, tmp_path: Path, index: dict[str, Any], said: str
) -> None:
    bad = rewritten(good, tmp_path / "bad.zip", _of_audit(indexes=[index]))
    with pytest.raises(BackupTrouble, match=said):
        backup.restore(target, bad)
    assert not target.restoring()
    assert set(target.db.list_collection_names()) <= {SIGN_INS}


def test_a_rule_that_was_put_on_the_trail_stops_no_backup(
    filled: Store, target: Store, admin: Actor, tmp_path: Path
) -> None:
    filled.db["audit"].create_index([("at", 1)], name="ttl", expireAfterSeconds=10**9)
    try:
        backup.take(filled, admin, tmp_path / "b.zip")
    finally:
        filled.db["audit"].drop_index("ttl")
    backup.restore(target, tmp_path / "b.zip")
    assert indexes(target) == indexes(filled)


@pytest.mark.parametrize("error", [KeyError, ValueError, RuntimeError])
def test_a_mistake_of_the_restores_own_is_not_told_as_the_files(
    good: bytes, target: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def wrong(*_arguments: Any) -> None:
        raise error("ours")

    (tmp_path / "b.zip").write_bytes(good)
    monkeypatch.setattr(restoring, "_fill", wrong)
    with pytest.raises(error, match="ours"):
        backup.restore(target, tmp_path / "b.zip")
    assert not target.restoring()


def test_a_file_that_was_cut_off_or_changed_is_refused(good: bytes, target: Store, tmp_path: Path) -> None:
    whole, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    whole.write_bytes(good)
    stands = backup.inspect(whole)
    dice = random.Random(7)
    for _ in range(40):
        damaged = bytearray(good)
        if dice.random() < 0.4:
            damaged = damaged[: dice.randrange(len(damaged))]
        else:
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        bad.write_bytes(damaged)
        try:
            manifest = backup.inspect(bad)
        except BackupTrouble:
            continue
        assert manifest == stands  # a bit of the zip's own bookkeeping, such as a file's date
    for content in (b"", b"PK", b"\x00" * 1000, b"age-encryption.org/v1\nnonsense"):
        bad.write_bytes(content)
        with pytest.raises(BackupTrouble):
            backup.restore(target, bad)
    with pytest.raises(BackupTrouble):
        backup.restore(target, tmp_path / "nowhere.zip")
    assert target.db.list_collection_names() == []


def test_an_encrypted_backup_opens_with_its_key_only(
    filled: Store, target: Store, admin: Actor, tmp_path: Path
) -> None:
    path = tmp_path / "b.zip.age"
    secret, public = backup.new_identity()
    backup.take(filled, admin, path, recipient=public)
    assert "D社区".encode() not in path.read_bytes()
    assert not zipfile.is_zipfile(path)
    for key in ("", "nonsense", backup.new_identity()[0]):
        with pytest.raises(BackupTrouble):
            backup.restore(target, path, identity=key)
    changed = tmp_path / "changed.age"
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    changed.write_bytes(content)
    with pytest.raises(BackupTrouble):
        backup.restore(target, changed, identity=secret)
    assert target.db.list_collection_names() == []

    backup.restore(target, path, identity=f"# made today\n{secret}\n")
    assert contents(target)["communities"] == contents(filled)["communities"]
    with pytest.raises(BackupTrouble):
        backup.take(filled, admin, tmp_path / "c", recipient="age1nonsense")


@pytest.mark.drill
def test_a_restore_that_was_cut_off_opens_nothing_and_is_begun_anew(
    filled: Store, target: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    before = contents(filled)
    backup.take(filled, admin, path)
    calls = []

    def dies(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        work(*arguments)

    # before the collections have their names: as if nothing had been
    work = restoring._fill
    monkeypatch.setattr(restoring, "_fill", dies)
    with pytest.raises(KeyboardInterrupt):
        backup.restore(target, path)
    monkeypatch.undo()
    assert not target.restoring()
    assert set(target.db.list_collection_names()) <= {SIGN_INS}

    # while they are given them: nobody may use it
    calls.clear()
    collection = type(target.db[SIGN_INS])
    work = collection.rename
    monkeypatch.setattr(collection, "rename", lambda *arguments, **_options: dies(*arguments))
    with pytest.raises(KeyboardInterrupt):
        backup.restore(target, path)
    monkeypatch.undo()
    assert target.db[SIGN_INS].find_one({"_id": RESTORING})
    with pytest.raises(Restoring, match="restore"):
        migrate(target)
    with pytest.raises(Restoring):
        target.insert(admin, Community(id="E", community_id="E", code="E", name="E"))

    backup.restore(target, path)
    after = contents(target)
    assert {name: after[name] for name in before} == before
    migrate(target)


def test_what_does_not_read_back_right_is_not_opened(
    good: bytes, target: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(good)
    fill = restoring._fill

    def careless(store: Store, mark: Any, part: Any, documents: Any) -> None:
        fill(store, mark, part, documents)
        if part.name == "work_orders":
            store.db[mark.beside(part.name)].delete_one({})

    monkeypatch.setattr(restoring, "_fill", careless)
    with pytest.raises(BackupTrouble, match="work_orders"):
        backup.restore(target, path)
    assert set(target.db.list_collection_names()) <= {SIGN_INS}
    assert not target.restoring()


def test_a_backup_is_of_everything_so_only_for_whoever_has_all_in_charge(filled: Store, tmp_path: Path) -> None:
    for actor in (
        Actor("v", "v", Role.EDITOR),
        Actor("e", "e", Role.ADMIN, communities=frozenset({"D"})),
        Actor("g", "g", Role.ADMIN, grids=frozenset({"g"})),
    ):
        with pytest.raises(Refused):
            backup.take(filled, actor, tmp_path / "b.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_never_replaces_a_file_and_leaves_none_half_written(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    path.write_text("mine")
    with pytest.raises(BackupTrouble):
        backup.take(filled, admin, path)
    assert path.read_text() == "mine"
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(BackupTrouble):
        backup.take(filled, admin, tmp_path / "blocked" / "b.zip")

    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(taking, "_write", full)
    with pytest.raises(BackupTrouble, match="No space left"):
        backup.take(filled, admin, tmp_path / "c.zip")
    assert {each.name for each in tmp_path.iterdir()} == {"b.zip", "blocked"}


def test_a_folder_of_backups_keeps_what_is_wanted(filled: Store, admin: Actor, tmp_path: Path) -> None:
    start = filled.clock()
    (tmp_path / "notes.txt").write_text("not a backup")
    for day in range(12):
        filled.clock = lambda day=day: start + timedelta(days=day)
        assert backup.due(filled, tmp_path)
        backup.take_into(filled, admin, tmp_path, keep=Keep(3, 0, 0))
        assert not backup.due(filled, tmp_path)
    assert len(there(filled, tmp_path).copies) == 3
    assert (tmp_path / "notes.txt").exists()


def test_of_several_processes_one_takes_the_backup_of_the_day(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They start together, so they ask at the same moment. Another database's backup stops nobody."""
    filled.clock = lambda: datetime.now(UTC)
    begun, go = threading.Barrier(2, timeout=30), threading.Event()
    took: list[Any] = []
    write = taking._write

    def slow(*arguments: Any) -> Any:
        go.wait(30)
        return write(*arguments)

    def one() -> None:
        begun.wait()
        took.append(backup.take_if_due(filled, admin, tmp_path))
        go.set()

    monkeypatch.setattr(taking, "_write", slow)
    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each is None for each in took) == [False, True]
    assert len(there(filled, tmp_path).copies) == 1
    assert backup.take_if_due(filled, admin, tmp_path) is None, "it is not due any more"
    with pytest.raises(BackupTrouble, match="no folder"):
        backup.take_if_due(filled, admin, tmp_path / "not there")


@given(
    st.lists(st.dates(date(2024, 1, 1), date(2026, 12, 31)), max_size=60),
    st.integers(0, 10),
    st.integers(0, 6),
    st.integers(0, 14),
)
def test_retention_keeps_the_newest_of_each_span_and_lets_nothing_else_go(
    days: list[date], n_days: int, n_weeks: int, n_months: int
) -> None:
    moments = sorted({datetime(day.year, day.month, day.day, 2, tzinfo=UTC) for day in days}, reverse=True)
    gone = set(backup.surplus(moments, Keep(n_days, n_weeks, n_months)))
    stay = [moment for moment in moments if moment not in gone]
    if moments:
        assert stay[0] == moments[0]
    assert set(moments[:n_days]) <= set(stay)
    months = list(dict.fromkeys((moment.year, moment.month) for moment in moments))[:n_months]
    for month in months:
        newest = next(moment for moment in moments if (moment.year, moment.month) == month)
        assert newest in stay
    assert len(stay) <= max(1, n_days + n_weeks + n_months)


@pytest.mark.drill
def test_the_commands_carry_a_private_database_to_another_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As an operator does it: two data folders, the commands only."""
    monkeypatch.delenv("MONGODB_URI", raising=False)
    homes = [server_folder("gb-bk-") for _ in range(2)]
    path = tmp_path / "b.zip"
    try:
        monkeypatch.setenv("GRIDBOARD_HOME", str(homes[0]))
        assert cli.main(["user", "add", "boss", "--role", "admin"]) == 0
        assert cli.main(["backup", str(path)]) == 0
        assert cli.main(["restore", str(path)]) == 1, "over what is there"
        monkeypatch.setenv("GRIDBOARD_HOME", str(homes[1]))
        assert cli.main(["restore", str(path), "--check"]) == 0
        assert cli.main(["restore", str(path)]) == 0
        capsys.readouterr()
        assert cli.main(["user", "list"]) == 0
        assert "boss" in capsys.readouterr().out
        assert cli.main(["doctor"]) in {0, 1}
    finally:
        for home in homes:
            embedded.stop(home)
            shutil.rmtree(home, ignore_errors=True)


def test_a_database_that_lacks_rights_says_so(filled: Store, tmp_path: Path) -> None:
    """What the driver calls code 13 is a sentence."""
    from pymongo.errors import OperationFailure

    from repository.store import our_errors

    with pytest.raises(Trouble, match="lacks a right"), our_errors():
        raise OperationFailure("not authorized", 13, {"errmsg": "not authorized on gridboard to drop"})


# --- what a backup is of, and where it may stand
def test_what_is_not_gridboards_is_left_out_and_named(target: Store, admin: Actor, tmp_path: Path) -> None:
    """A view and a capped collection can't be read in a snapshot at all; a name of our own making is not ours."""
    strange = ("my-reports", "_tmp", "view", "capped")
    migrate(target)
    target.insert(admin, Community(id="E", community_id="E", code="E", name="E"))
    target.db["my-reports"].insert_one({"x": 1})
    target.db["_tmp"].insert_one({"x": 1})
    target.db.command("create", "view", viewOn="work_orders", pipeline=[])
    target.db.create_collection("capped", capped=True, size=10_000)
    target.db["capped"].insert_one({"x": 1})

    taken = backup.take(target, admin, tmp_path / "b.zip")
    assert taken.manifest.left_out == backup.strangers(target) == tuple(sorted(strange))
    assert backup.inspect(tmp_path / "b.zip") == taken.manifest

    target.client.drop_database(target.db.name)
    backup.restore(target, tmp_path / "b.zip")
    assert contents(target)["communities"][0]["_id"] == "E"


def test_whatever_is_declared_a_restore_takes() -> None:
    for name in backup.declared():
        text = json.dumps(
            {
                "format": 1, "at": "", "database": "", "engine": "", "steps": [],
                "parts": [{"name": name, "documents": 0, "bytes": 0, "sha256": "", "options": {}, "indexes": []}],
            }
        )  # fmt: skip
        assert archive.told(Path("x"), [f"{name}.bson", "manifest.json"], text).parts[0].name == name


@pytest.mark.parametrize("encrypted", [False, True])
def test_what_the_disk_does_not_give_back_is_no_backup(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    settle = taking._settle

    def flips(file: Any) -> None:
        file.flush()
        middle = file.seek(0, 2) // 2
        file.seek(middle)
        piece = file.read(200)  # more than a zip's bookkeeping, of which some bits matter to nobody
        file.seek(middle)
        file.write(bytes(byte ^ 1 for byte in piece))
        settle(file)

    monkeypatch.setattr(taking, "_settle", flips)
    recipient = backup.new_identity()[1] if encrypted else ""
    with pytest.raises(BackupTrouble, match="does not read back"):
        backup.take(filled, admin, tmp_path / "b.zip", recipient=recipient)
    assert list(tmp_path.iterdir()) == []


def test_of_an_encrypted_backup_nothing_stands_in_plain_not_even_for_a_moment(
    filled: Store, target: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    folder, elsewhere = tmp_path / "backups", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))

    def look(*_arguments: Any) -> None:
        seen.extend(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".key")

    steps = {name: getattr(taking, name) for name in ("_settle", "_record", "_name")}
    for name, step in steps.items():
        monkeypatch.setattr(taking, name, lambda *a, step=step, **k: (look(), step(*a, **k))[1])
    monkeypatch.setattr(taking, "LOOK_EVERY", 100)
    room = taking._room
    monkeypatch.setattr(taking, "_room", lambda *arguments: (room(*arguments), look)[1])
    secret, public = backup.new_identity()
    backup.take(filled, admin, folder / "b", recipient=public)
    assert len(seen) > 3
    assert all(not content or content.startswith(b"age-encryption.org/v1") for content in seen)

    seen.clear()
    monkeypatch.setattr(restoring, "_fill", lambda *_arguments: look())
    with pytest.raises(BackupTrouble):
        backup.restore(target, folder / "b", identity=secret)
    assert seen
    assert all(content.startswith(b"age-encryption.org/v1") for content in seen)


def test_what_a_killed_backup_left_is_cleared_away_and_one_that_runs_is_not(
    filled: Store, admin: Actor, tmp_path: Path
) -> None:
    old, running, new = (tmp_path / f".gridboard-{name}.part" for name in ("old", "running", "new"))
    for path in (old, running, new):
        path.write_bytes(b"half")
    for path in (old, running):
        os.utime(path, (0, 0))
    with running.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        backup.take(filled, admin, tmp_path / "b.zip")
    assert {path.name for path in tmp_path.iterdir()} == {running.name, new.name, "b.zip"}


def test_a_disk_without_hard_links_will_do_and_nothing_is_replaced_there(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT, as on a stick: EPERM."""

    def no_links(_source: Path, goal: Path) -> None:
        if goal.name == "c.zip":
            goal.write_text("mine")  # somebody was quicker
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    backup.take(filled, admin, tmp_path / "b.zip")
    assert backup.inspect(tmp_path / "b.zip").documents
    with pytest.raises(BackupTrouble, match="already"):
        backup.take(filled, admin, tmp_path / "c.zip")
    assert (tmp_path / "c.zip").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"b.zip", "c.zip"}


def test_a_folder_that_is_not_there_is_not_made(filled: Store, admin: Actor, tmp_path: Path) -> None:
    """It may be a disk that is not there either."""
    for take in (
        lambda: backup.take(filled, admin, tmp_path / "usb" / "b.zip"),
        lambda: backup.take_into(filled, admin, tmp_path / "usb"),
    ):
        with pytest.raises(BackupTrouble, match="no folder"):
            take()
    assert backup.due(filled, tmp_path / "usb")
    assert list(tmp_path.iterdir()) == []


def disk(monkeypatch: pytest.MonkeyPatch, store: Store, *, own: bool, free: Callable[[], int]) -> None:
    """Let the folder stand on a disk with so much room, which is the database's own or is not."""
    total = int(store.db.command("dbStats")["fsTotalSize"])
    blocks = total if own else total + 1

    class Told:
        f_blocks, f_frsize = blocks, 1

        @property
        def f_bavail(self) -> int:
            return free()

    monkeypatch.setattr(os, "statvfs", lambda _folder: Told())


def test_a_backup_asks_for_room_before_it_is_written(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, filled, own=False, free=lambda: 100)
    with pytest.raises(BackupTrouble, match="no room"):
        backup.take(filled, admin, tmp_path / "b.zip")
    disk(monkeypatch, filled, own=True, free=lambda: ROOM_NEEDED + 100)
    with pytest.raises(BackupTrouble, match="no room"):
        backup.take(filled, admin, tmp_path / "b.zip")
    assert list(tmp_path.iterdir()) == []
    disk(monkeypatch, filled, own=False, free=lambda: ROOM_NEEDED)
    backup.take(filled, admin, tmp_path / "b.zip")


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_backup_stops_before_it_fills_the_databases_disk(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    left = [2 * ROOM_NEEDED, 2 * ROOM_NEEDED, ROOM_NEEDED - 1]
    monkeypatch.setattr(taking, "LOOK_EVERY", 1_000)
    disk(monkeypatch, filled, own=True, free=lambda: left.pop(0) if len(left) > 1 else left[0])
    recipient = backup.new_identity()[1] if encrypted else ""
    with pytest.raises(BackupTrouble, match="no room"):
        backup.take(filled, admin, tmp_path / "b.zip", recipient=recipient)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_at_once_is_said(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from behind the encryption, which works in a thread of its own: it neither hangs nor hides the reason."""
    draft = taking._draft

    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def write(self, _content: bytes) -> int:
            raise OSError(28, "No space left on device")

    @contextmanager
    def full(folder: Path) -> Iterator[Any]:
        with draft(folder) as (file, name):
            yield Full(file), name

    monkeypatch.setattr(taking, "_draft", full)
    for recipient in ("", backup.new_identity()[1]):
        with pytest.raises(BackupTrouble, match="No space left"):
            backup.take(filled, admin, tmp_path / "b.zip", recipient=recipient)
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_cannot_be_put_on_record_is_a_backup(
    filled: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start, keep = filled.clock(), Keep(1, 0, 0)
    first = backup.take_into(filled, admin, tmp_path, keep=keep)
    assert first.unrecorded is None
    filled.clock = lambda: start + timedelta(days=1)

    def full(*_arguments: Any, **_options: Any) -> None:
        raise Full("nearly full")

    monkeypatch.setattr(filled, "write", full)
    second = backup.take_into(filled, admin, tmp_path, keep=keep)
    assert str(second.unrecorded) == "nearly full"
    assert [copy.path for copy in there(filled, tmp_path).copies] == [second.path], "the old one was let go of"
    assert backup.inspect(second.path) == second.manifest

    monkeypatch.setattr(cli.database, "open_store", lambda _settings: filled)
    monkeypatch.setattr(type(filled), "close", lambda _store: None)
    with speaking("en"):
        assert cli.main(["backup", str(tmp_path / "by-hand.zip")]) == 0
    told = capsys.readouterr()
    assert "read back" in told.out
    assert "could not be put on record: nearly full" in told.err

    with pytest.raises(BackupTrouble, match="not handed out"):
        backup.take_away(filled, admin, tmp_path, "x.zip")


# --- a folder of them
def test_two_databases_share_a_folder_and_leave_each_other_alone(
    filled: Store, target: Store, admin: Actor, tmp_path: Path
) -> None:
    keep = Keep(1, 0, 0)
    first = backup.take_into(filled, admin, tmp_path, keep=keep)
    backup.restore(target, first.path)
    assert backup.database_id(target) != backup.database_id(filled), "a copy is another database"
    assert backup.due(target, tmp_path)
    target.clock = lambda: filled.clock() + timedelta(days=1)
    second = backup.take_into(target, admin, tmp_path, keep=keep)
    assert first.path.exists()
    assert [copy.path for copy in there(filled, tmp_path).copies] == [first.path]
    assert [copy.path for copy in there(target, tmp_path).copies] == [second.path]
    assert (there(filled, tmp_path).others, there(target, tmp_path).others) == (1, 1)
    assert not backup.due(target, tmp_path)


def test_names_that_are_no_moments_and_files_that_hold_nothing_count_for_nothing(filled: Store, tmp_path: Path) -> None:
    own = backup.database_id(filled)
    for name in ("20269999T000000Z", "20260401T000000Z.zip.txt", "20260401T250000Z"):
        (tmp_path / f"gridboard-{own}-{name}.zip").write_text("x")
    (tmp_path / "gridboard-20269999T000000Z.zip").write_text("x")
    (tmp_path / backup.name_of(own, filled.clock(), encrypted=False)).touch()
    assert there(filled, tmp_path) == backup.Kept((), (), 0)
    assert backup.due(filled, tmp_path)


def test_a_backup_of_a_moment_to_come_stands_for_none_and_stays(filled: Store, admin: Actor, tmp_path: Path) -> None:
    own, now = backup.database_id(filled), filled.clock()
    future = tmp_path / backup.name_of(own, now + timedelta(days=900), encrypted=False)
    future.write_text("of a wrong clock")
    assert backup.due(filled, tmp_path)
    for day in range(3):
        filled.clock = lambda day=day: now + timedelta(days=day)
        taken = backup.take_into(filled, admin, tmp_path, keep=Keep(1, 0, 0))
        assert not backup.due(filled, tmp_path)
    found = there(filled, tmp_path)
    assert found.newest == filled.clock()
    assert ([copy.path for copy in found.copies], [copy.path for copy in found.ahead]) == ([taken.path], [future])
    filled.clock = lambda: now + timedelta(days=2, minutes=-3)
    assert len(there(filled, tmp_path).copies) == 1, "another server's clock may be some minutes ahead"


# --- nobody comes in between
class Gate:
    """Where a restore is held up: says when it has come there, goes on when told."""

    def __init__(self) -> None:
        self.arrived, self.go = threading.Event(), threading.Event()


def held_up(monkeypatch: pytest.MonkeyPatch, restores: int = 1) -> list[Gate]:
    """Let the next restores stop at their third collection, each at a gate of its own."""
    gates = [Gate() for _ in range(restores)]
    waiting, calls = list(gates), Counter[int]()
    fill = restoring._fill

    def waits(*arguments: Any) -> None:
        calls[threading.get_ident()] += 1
        if calls[threading.get_ident()] == 3 and waiting:
            gate = waiting.pop(0)
            gate.arrived.set()
            assert gate.go.wait(60)
        fill(*arguments)

    monkeypatch.setattr(restoring, "_fill", waits)
    return gates


class Beside(threading.Thread):
    """Runs something beside the test and keeps what it raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.work, self.error = work, None
        self.start()

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.error = error

    def result(self) -> BaseException | None:
        """What it raised, once it is over."""
        self.join(60)
        assert not self.is_alive()
        return self.error


@pytest.mark.drill
def test_while_a_restore_runs_nobody_writes_and_no_other_begins(
    filled: Store, target: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    before = contents(filled)
    backup.take(filled, admin, path)
    migrate(target)
    (gate,) = held_up(monkeypatch)
    first = Beside(lambda: backup.restore(target, path))
    assert gate.arrived.wait(60)

    signed_in = replace(admin, sign_in="f" * 64)
    for actor in (admin, signed_in):
        with pytest.raises(Restoring):
            target.insert(actor, Community(id="E", community_id="E", code="E", name="E"))
    with pytest.raises(Restoring):
        migrate(target)
    with pytest.raises(Restoring):
        backup.take(target, admin, tmp_path / "half.zip")
    with pytest.raises(BackupTrouble, match=r"being restored from b\.zip"):
        backup.restore(target, path)
    assert target.restoring(), "the mark is its owner's"
    target.next_number(admin, "D", "work_orders")  # outside a transaction, as some small things are
    gate.go.set()

    assert first.result() is None
    assert not target.restoring()
    after = contents(target)
    assert {name: after[name] for name in before} == before
    target.insert(admin, Community(id="E", community_id="E", code="E", name="E"))


def test_a_write_that_began_before_the_mark_is_waited_for_and_kept(
    filled: Store, target: Store, admin: Actor, tmp_path: Path
) -> None:
    path = tmp_path / "b.zip"
    backup.take(filled, admin, path)
    migrate(target)
    inside, go = threading.Event(), threading.Event()
    go.set()

    def work(write: Any) -> None:
        inside.set()
        assert go.wait(60)
        write.insert(Community(id="E", community_id="E", code="E", name="E"))

    target.write(admin, work)  # so that its counters are there: else it would run twice
    for name in ("communities", "audit"):
        target.db[name].delete_many({})
    inside.clear()
    go.clear()

    writer = Beside(lambda: target.write(admin, work))
    assert inside.wait(60)
    restore = Beside(lambda: backup.restore(target, path))
    while not target.restoring():
        assert restore.is_alive()
    go.set()

    assert writer.result() is None, "it was acknowledged"
    assert "not empty" in str(restore.result())
    assert [each["_id"] for each in target.db["communities"].find()] == ["E"]
    assert not target.restoring()
    target.insert(admin, Community(id="F", community_id="F", code="F", name="F"))


@pytest.mark.drill
def test_a_restore_that_was_silent_for_too_long_gives_way(
    filled: Store, target: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    before = contents(filled)
    backup.take(filled, admin, path)
    monkeypatch.setattr(restoring, "LEASE_SECONDS", 0.1)
    monkeypatch.setattr(restoring._Mark, "_keep", lambda _mark: None)
    slow, quick = held_up(monkeypatch, 2)
    first = Beside(lambda: backup.restore(target, path))
    assert slow.arrived.wait(60)
    time.sleep(0.2)
    second = Beside(lambda: backup.restore(target, path))
    assert quick.arrived.wait(60)
    slow.go.set()
    assert isinstance(first.result(), BackupTrouble)
    assert target.restoring(), "the mark is the second one's now"
    quick.go.set()
    assert second.result() is None
    assert not target.restoring()
    target.insert(admin, Community(id="E", community_id="E", code="E", name="E"))
    assert [each["_id"] for each in target.db["communities"].find().sort("_id", 1)] == ["D", "E"]
    assert contents(target)["work_orders"] == before["work_orders"]


@pytest.mark.drill
def test_the_mark_is_renewed_while_its_owner_lives(
    filled: Store, target: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    backup.take(filled, admin, path)
    monkeypatch.setattr(restoring, "LEASE_SECONDS", 0.4)
    (gate,) = held_up(monkeypatch)
    first = Beside(lambda: backup.restore(target, path))
    assert gate.arrived.wait(60)
    time.sleep(1)
    with pytest.raises(BackupTrouble, match="being restored"):
        backup.restore(target, path)
    gate.go.set()
    assert first.result() is None


@contextmanager
def a_user(target: Store, uri: str, *roles: str) -> Iterator[Store]:
    """A connection of a user of the database with these roles and no others."""
    target.db.command("createUser", "app", pwd="app-pw", roles=list(roles))
    try:
        parts = urlsplit(uri)
        how = parts.query.replace("authSource=admin", f"authSource={target.db.name}")
        app = Store.connect(f"mongodb://app:app-pw@{parts.netloc.rpartition('@')[2]}/{target.db.name}?{how}")
        yield app
        app.close()
    finally:
        target.db.command("dropUser", "app")


def test_a_restore_asks_for_rights_and_room_before_it_writes(
    filled: Store, target: Store, server: Callable[[str], str], admin: Actor, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path, uri = tmp_path / "b.zip", server(target.db.name)
    backup.take(filled, admin, path)
    migrate(target)
    everywhere = ["find", "insert", "createCollection", "createIndex", "listCollections", "listIndexes"]
    everywhere += ["collMod", "dbStats"]
    rows = [{"resource": {"db": target.db.name, "collection": ""}, "actions": [*everywhere, "update", "remove"]}]
    target.db.command("createRole", "no_drops", privileges=rows, roles=[])
    there = set(target.db.list_collection_names())
    try:
        with a_user(target, uri, "no_drops") as app, pytest.raises(Unsuitable, match="lacks a right"):
            backup.restore(app, path)
    finally:
        target.db.command("dropRole", "no_drops")
    assert not target.restoring()
    assert set(target.db.list_collection_names()) == there

    monkeypatch.setattr(Store, "room", lambda _store: ROOM_NEEDED + 100)
    with pytest.raises(BackupTrouble, match="no room"):
        backup.restore(target, path)
    monkeypatch.undo()
    assert not target.restoring()
    migrate(target)

    with a_user(target, uri, "readWrite", "dbAdmin") as app:  # as docs/operations.md says
        backup.restore(app, path)
    assert indexes(target) == indexes(filled)


RESTORE = """
import os, signal, sys, threading
from collections import Counter
from pathlib import Path
from pymongo.monitoring import CommandListener
from repository import backup
from repository.backup import restoring
from repository.store import Store

class Killer(CommandListener):
    seen = Counter()
    def started(self, event):
        self.seen[event.command_name] += 1
        if (event.command_name, self.seen[event.command_name]) == (sys.argv[3], int(sys.argv[4])):
            os.kill(os.getpid(), signal.SIGKILL)
    def succeeded(self, event): pass
    def failed(self, event): pass

restoring.LEASE_SECONDS = float(sys.argv[5])
backup.restore(Store.connect(sys.argv[1], event_listeners=[Killer()]), Path(sys.argv[2]))
"""


@pytest.mark.drill
def test_a_restore_that_is_killed_anywhere_is_healed_by_the_next(
    filled: Store, target: Store, server: Callable[[str], str], admin: Actor, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """One after the other, each of which finds what those before it left: filling, reading back, giving the names,
    migrating, at the last step."""
    path, lease = tmp_path / "b.zip", 0.3
    before = contents(filled)
    backup.take(filled, admin, path)
    monkeypatch.setattr(restoring, "LEASE_SECONDS", lease)
    where = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    for command, number in (("insert", 3), ("listIndexes", 4), ("renameCollection", 6), ("collMod", 5), ("delete", 4)):
        program = [sys.executable, "-c", RESTORE, server(target.db.name), str(path), command, str(number), str(lease)]
        assert subprocess.run(program, env=where, check=False, timeout=120).returncode == -9, command
        assert target.restoring(), command
        with pytest.raises(Restoring):
            target.insert(admin, Community(id="E", community_id="E", code="E", name="E"))
        time.sleep(lease)
    backup.restore(target, path)
    after = contents(target)
    assert {name: after[name] for name in before} == before
    assert not [name for name in target.db.list_collection_names() if name.startswith(restoring.BESIDE)]
    migrate(target)


def test_the_commands_work_on_a_server_with_passwords(
    filled: Store, target: Store, server: Callable[[str], str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """MONGODB_URI with user and password, as it is given to a cluster's client."""
    path = tmp_path / "b.zip"
    before = contents(filled)
    monkeypatch.setenv("GRIDBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MONGODB_URI", server(filled.db.name))
    assert cli.main(["backup", str(path)]) == 0
    assert cli.main(["restore", str(path)]) == 1, "over what is there"
    monkeypatch.setenv("MONGODB_URI", server(target.db.name))
    assert cli.main(["restore", str(path)]) == 0
    after = contents(target)
    assert {name: after[name] for name in before} == before
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    monkeypatch.setenv("MONGODB_URI", server(target.db.name).replace("admin:", "admin:wrong", 1))
    with speaking("en"):
        assert cli.main(["backup", str(tmp_path / "c.zip")]) == 1
    assert "does not accept" in capsys.readouterr().err
    assert not (tmp_path / "home").exists(), "no private database was started"
