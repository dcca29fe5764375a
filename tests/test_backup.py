"""Back-up and restore: D7 of the catalogue in its short form (tests/reliability holds the long one)."""

import json
import random
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import cli
from repository import accounts, audit, backup, embedded, recount
from repository.access import Actor, Refused, Role
from repository.backup import BackupTrouble, Keep
from repository.grids import Community
from repository.maintenance import WorkOrder
from repository.migrations import migrate
from repository.store import META, RESTORING, SIGN_INS, Store, Unsuitable
from repository.words import Trouble
from tests.conftest import NOW, empty
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


@pytest.fixture
def filled(store: Store, admin: Actor) -> Store:
    """A database with some of everything."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))
    for number in range(30):
        order = store.insert(admin, a_work_order(number=f"W-{number}", reported_at=AT))
        if number % 3 == 0:
            store.update(admin, WorkOrder, "D", order.id, 1, {"place": "东门 <b>=1+1</b>"})
    accounts.add_user(store, admin, {"login": "boss", "name": "书记", "role": "admin"}, password=GOOD)
    accounts.sign_in(store, "boss", GOOD, terms=accounts.Terms())
    store.db[META].insert_one({"_id": "demo", "filled_from": "x"})
    store.clock = lambda: NOW + timedelta(hours=1)
    audit.seal(store, b"key")
    return store


def contents(store: Store) -> dict[str, list[Any]]:
    """All that a backup is of."""
    return {
        name: list(store.db[name].find().sort("_id", 1))
        for name in store.db.list_collection_names()
        if name not in backup.LEFT_OUT
    }


def indexes(store: Store) -> dict[str, Any]:
    """Every collection's indexes and validator."""
    options = {info["name"]: info.get("options", {}) for info in store.db.list_collections()}
    return {name: (store.db[name].index_information(), options[name].get("validator")) for name in options}


def test_what_was_taken_comes_back_as_it_was(filled: Store, target: Store, admin: Actor, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    before = contents(filled)
    manifest = backup.take(filled, admin, path)
    assert backup.inspect(path) == manifest
    assert manifest.documents == sum(len(documents) for documents in before.values())
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


def rewritten(path: Path, out: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A backup with other insides."""
    with zipfile.ZipFile(path) as archive:
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
    filled: Store, target: Store, admin: Actor, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    good = tmp_path / "good.zip"
    backup.take(filled, admin, good)
    bad = rewritten(good, tmp_path / "bad.zip", change)
    with pytest.raises(BackupTrouble):
        backup.restore(target, bad)
    assert target.db.list_collection_names() == []
    assert not list(tmp_path.parent.glob("**/evil*"))


def test_a_file_that_was_cut_off_or_changed_is_refused(
    filled: Store, target: Store, admin: Actor, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    backup.take(filled, admin, good)
    content = good.read_bytes()
    dice = random.Random(7)
    for _ in range(40):
        damaged = bytearray(content)
        if dice.random() < 0.4:
            damaged = damaged[: dice.randrange(len(damaged))]
        else:
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        bad.write_bytes(damaged)
        try:
            manifest = backup.inspect(bad)
        except BackupTrouble:
            continue
        assert manifest == backup.inspect(good)  # a bit of the zip's own bookkeeping, such as a file's date
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
        fill(*arguments)

    fill = backup._fill
    monkeypatch.setattr(backup, "_fill", dies)
    with pytest.raises(KeyboardInterrupt):
        backup.restore(target, path)
    monkeypatch.undo()
    assert target.db[META].find_one({"_id": RESTORING})
    with pytest.raises(Unsuitable, match="restore"):
        migrate(target)

    backup.restore(target, path)
    after = contents(target)
    assert {name: after[name] for name in before} == before
    migrate(target)


def test_what_does_not_read_back_right_is_not_opened(
    filled: Store, target: Store, admin: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.zip"
    backup.take(filled, admin, path)
    fill = backup._fill

    def careless(store: Store, part: Any, documents: Any) -> None:
        fill(store, part, documents)
        if part.name == "work_orders":
            store.db[part.name].delete_one({})

    monkeypatch.setattr(backup, "_fill", careless)
    with pytest.raises(BackupTrouble, match="work_orders"):
        backup.restore(target, path)
    with pytest.raises(Unsuitable):
        migrate(target)


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

    monkeypatch.setattr(backup, "_write", full)
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
    assert len(backup.kept(tmp_path)) == 3
    assert (tmp_path / "notes.txt").exists()


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


@pytest.mark.kills
def test_the_commands_carry_a_private_database_to_another_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As an operator does it: two data folders, the commands only."""
    monkeypatch.delenv("MONGODB_URI", raising=False)
    homes = [Path(tempfile.mkdtemp(prefix="gb-bk-")) for _ in range(2)]
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
