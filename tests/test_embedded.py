"""The private server with a real mongod: shared, killed, moved, damaged, refused; nothing acknowledged is lost."""

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import stat
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from repository import embedded
from repository.embedded import APP_DATABASE, EmbeddedTrouble, Endpoint, bootstrap, directory, server
from repository.embedded.directory import Places
from tests.reliability.starts import (
    add,
    app,
    kept,
    killed_in_set_up,
    killed_over_a_stale_lock,
    parent_killed,
    remove,
    run_python,
    servers,
    six_at_once,
    wait_for,
)

SEED = 20260402


# --- help ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def home() -> Iterator[Path]:
    """A data directory that does not exist yet, short enough for a socket."""
    above = Path(tempfile.mkdtemp(prefix="gb", dir="/tmp"))
    yield above / "d"
    for place in above.iterdir():
        remove(place)
    shutil.rmtree(above, ignore_errors=True)


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    """A running server for the tests that leave it running; its path is as long as may be, its first thread ended."""
    above = Path(tempfile.mkdtemp(prefix="gb", dir="/tmp"))
    home = above / ("x" * (100 - len(os.fsencode(above / "x" / "m.sock")) + 1))
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(embedded.start, home).result()
    yield end
    embedded.stop(home)
    remove(home)
    shutil.rmtree(above)


@pytest.fixture(scope="module")
def doomed() -> Iterator[Path]:
    """A data directory shared by the tests that end its server: they begin with a start and leave it whole."""
    above = Path(tempfile.mkdtemp(prefix="gb", dir="/tmp"))
    yield above / "d"
    remove(above / "d")
    shutil.rmtree(above)


def program(home: Path, text: str) -> Path:
    """A program beside ``home`` that stands in for mongod."""
    path = home.parent / "mongod-stand-in"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    path.chmod(0o755)
    return path


# --- start, attach, stop ------------------------------------------------------------------------------------------


def test_start_attach_stop(home: Path) -> None:
    assert embedded.stop(home) is False
    before = embedded.status(home)
    assert (before.running, before.pid, before.data_bytes) == (False, None, 0)
    assert before.free_bytes > 0
    assert not home.exists(), "looking creates nothing"

    first = embedded.start(home)
    assert (first.started, first.brand_new, first.home, first.database) == (True, True, home, "gridboard")
    began = time.monotonic()
    second = embedded.start(home)
    assert time.monotonic() - began < 0.5
    assert second == Endpoint(first.uri, home, "gridboard", started=False, brand_new=False)
    add(second, 1)

    now = embedded.status(home)
    assert (now.running, [now.pid], now.binary) == (True, servers(home), embedded.find_binary())
    assert now.binary_version is not None
    assert now.binary_version.count(".") == 2
    assert now.data_bytes > 1_000_000
    assert now.socket.is_socket()
    assert now.log.stat().st_size > 0

    assert embedded.stop(home) is True
    assert servers(home) == []
    assert embedded.stop(home) is False
    assert embedded.status(home).running is False

    log = now.log.read_text()
    again = embedded.start(home)
    assert now.log.with_name("mongod.log.1").read_text() == log, "each run begins its own"
    assert (again.started, again.brand_new) == (True, False)
    assert kept(again) == {1}


def test_everything_is_private(served: Endpoint) -> None:
    assert stat.S_IMODE(served.home.stat().st_mode) == 0o700
    for name in ("keyfile", "admin.pw", "app.pw", "meta.json", "embedded.lock", "log/mongod.log", "db/WiredTiger"):
        assert stat.S_IMODE((served.home / name).stat().st_mode) & 0o077 == 0, name
    assert stat.S_IMODE((served.home / "m.sock").stat().st_mode) & 0o077 == 0


def test_listens_on_its_unix_socket_only(served: Endpoint) -> None:
    pid = embedded.status(served.home).pid
    inodes = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            inodes.add(os.readlink(entry.path).removeprefix("socket:[").removesuffix("]"))
    for table in ("tcp", "tcp6", "udp", "udp6"):
        rows = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        assert not inodes & {row.split()[9] for row in rows}, table
    assert any(row.split()[6] in inodes for row in Path("/proc/net/unix").read_text().splitlines()[1:])


def test_six_processes_at_once_share_one_server(home: Path) -> None:
    six_at_once(home)


def test_the_app_user_gets_what_the_app_needs(served: Endpoint) -> None:
    with app(served) as client:
        concern = client.write_concern.document
        assert concern == {"w": "majority", "j": True}
        assert client.options.retry_writes is True
        database = client[APP_DATABASE]
        database.create_collection("people", validator={"$jsonSchema": {"bsonType": "object"}})
        database.command("collMod", "people", validator={"$jsonSchema": {"required": ["a"]}})
        database.people.create_index("a")
        with client.start_session() as session, session.start_transaction():
            database.people.insert_one({"a": 1}, session=session)
            database.grids.insert_one({"a": 1}, session=session)
        with client.start_session(snapshot=True) as session:
            assert database.people.count_documents({}, session=session) == 1
        with database.watch() as changes:
            database.people.insert_one({"a": 2})
            assert changes.next()["operationType"] == "insert"
        assert database.command("validate", "people")["valid"]
        assert database.command("dbStats")["fsTotalSize"] > 0


@pytest.mark.parametrize(
    ("database", "command"),
    [
        ("admin", {"shutdown": 1}),
        ("admin", {"createUser": "x", "pwd": "x", "roles": []}),
        (APP_DATABASE, {"createUser": "x", "pwd": "x", "roles": []}),
        (APP_DATABASE, {"grantRolesToUser": "gridboard", "roles": ["dbOwner"]}),
        (
            APP_DATABASE,
            {
                "grantPrivilegesToRole": "application",
                "privileges": [{"resource": {"db": APP_DATABASE, "collection": "audit"}, "actions": ["remove"]}],
            },
        ),
        (APP_DATABASE, {"updateUser": "gridboard", "roles": ["dbOwner"]}),
        (APP_DATABASE, {"createIndexes": "kept", "indexes": [{"key": {"a": 1}, "name": "a"}]}),
        (APP_DATABASE, {"collMod": "kept", "validator": {"a": 1}}),
        (APP_DATABASE, {"dropDatabase": 1}),
        ("admin", {"replSetGetConfig": 1}),
        ("admin", {"getLog": "global"}),
        ("admin", {"setParameter": 1, "logLevel": 1}),
        ("other", {"insert": "x", "documents": [{}]}),
        ("local", {"find": "oplog.rs"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_the_app_user_gets_no_more(served: Endpoint, database: str, command: dict[str, Any]) -> None:
    with app(served) as client, pytest.raises(OperationFailure) as refusal:
        client[database].command(command)
    assert refusal.value.code == 13


def test_the_server_runs_no_scripts(served: Endpoint) -> None:
    with app(served) as client, pytest.raises(OperationFailure, match="globalScriptEngine"):
        client[APP_DATABASE].x.find_one({"$where": "1"})


@pytest.mark.parametrize("command", ["listDatabases", "serverStatus", "replSetGetConfig", "usersInfo"])
def test_strangers_are_refused(served: Endpoint, command: str) -> None:
    bare = served.uri.replace(served.uri[len("mongodb://") : served.uri.index("@") + 1], "").split("/gridboard?")[0]
    with MongoClient[dict[str, Any]](bare + "/?directConnection=true") as client:
        with pytest.raises(OperationFailure) as refusal:
            client.admin.command(command, 1)
        assert refusal.value.code == 13
        with pytest.raises(OperationFailure) as refusal:  # the way the first user came in is closed
            client.admin.command("createUser", "x", pwd="x", roles=["root"])
        assert refusal.value.code == 13


# --- killed at any point ------------------------------------------------------------------------------------------


@pytest.mark.drill
def test_killed_server_heals_over_stale_socket_and_lock(doomed: Path) -> None:
    killed_over_a_stale_lock(doomed)


@pytest.mark.drill
def test_threads_that_see_it_die_restart_it_once(doomed: Path) -> None:
    """Without a pause: the dying server may still hold its lock and its socket."""
    first = embedded.start(doomed)
    add(first, 1001)
    os.kill(servers(doomed)[0], signal.SIGKILL)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: embedded.start(doomed), range(4)))
    assert sum(answer.started for answer in answers) == 1
    assert len(servers(doomed)) == 1
    assert 1001 in kept(first)


@pytest.mark.drill
def test_server_that_dies_under_a_start_is_run_again(doomed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded.start(doomed)
    real, calls = embedded.converge, []

    def converge(*arguments: Any, **options: Any) -> bool:
        calls.append(1)
        if len(calls) == 1:
            os.kill(servers(doomed)[0], signal.SIGKILL)
            wait_for(lambda: not servers(doomed))
        return real(*arguments, **options)

    monkeypatch.setattr(embedded, "converge", converge)
    end = embedded.start(doomed)
    assert (len(calls), end.started, end.brand_new, len(servers(doomed))) == (2, True, False, 1)


@pytest.mark.drill
def test_set_up_killed_between_any_two_steps(home: Path) -> None:
    """One directory, killed before each step in turn: secrets, server, replica set, app user, the note of its end."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from repository import embedded
        from repository.embedded import bootstrap, directory, server

        def die(*_, **__):
            os.kill(os.getpid(), signal.SIGKILL)

        die.token_bytes = die
        home, room, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
        setattr(sys.modules["repository.embedded." + room] if room else embedded, name, die)
        embedded.start(home)
    """
    for room, name in [
        ("directory", "secrets"),
        ("", "reach"),
        ("bootstrap", "_await_primary"),  # the server runs, knows nothing
        ("bootstrap", "_create_app_user"),  # primary, admin there
    ]:
        assert run_python(code, home, room, name).wait(60) == -signal.SIGKILL, name
    assert len(servers(home)) == 1, "kept for the next start"
    [pid] = servers(home)
    end = embedded.start(home)
    assert (end.started, end.brand_new, servers(home)) == (False, True, [pid])
    add(end, 1)

    # Before the note: the user exists, so this database is not new any more.
    meta = home / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "ready": False}))
    end = embedded.start(home)
    assert (end.brand_new, kept(end)) == (False, {1})


@pytest.mark.drill
def test_set_up_killed_at_random_times(home: Path) -> None:
    """The starting process always, its server sometimes; seeded."""
    dice = random.Random(SEED)
    for number in range(3):
        killed_in_set_up(home.parent / f"r{number}", dice)


@pytest.mark.drill
def test_server_outlives_its_parent_and_is_found_again(home: Path) -> None:
    assert parent_killed(home) < 2
    assert embedded.stop(home)
    assert servers(home) == []


def test_server_outlives_the_thread_that_ran_it(served: Endpoint) -> None:
    """Streamlit runs its scripts in threads that end."""
    assert not any(thread.name.startswith("ThreadPool") for thread in threading.enumerate())
    assert len(servers(served.home)) == 1
    assert embedded.start(served.home).started is False


@pytest.mark.drill
def test_stop_under_load_loses_nothing(doomed: Path) -> None:
    """D6: every write that was answered is there afterwards."""
    end = embedded.start(doomed)
    answered: list[int] = []

    def write(first: int) -> None:
        with MongoClient[dict[str, Any]](end.uri, serverSelectionTimeoutMS=200) as client:
            for value in range(first, first + 100_000):
                try:
                    client[APP_DATABASE].kept.insert_one({"_id": value})
                except PyMongoError:
                    return
                answered.append(value)

    writers = [threading.Thread(target=write, args=(first * 100_000,)) for first in range(1, 4)]
    for writer in writers:
        writer.start()
    wait_for(lambda: len(answered) > 300)
    began = time.monotonic()
    assert embedded.stop(doomed) is True
    assert time.monotonic() - began < 10
    for writer in writers:
        writer.join()
    assert '"exitCode":0' in embedded.status(doomed).log.read_text()
    assert set(answered) <= kept(embedded.start(doomed))


# --- moved, damaged, meddled with ---------------------------------------------------------------------------------


def test_moved_directory_with_chinese_and_a_space(home: Path) -> None:
    first = home.parent / "网格 数据"
    end = embedded.start(first)
    add(end, 1, 2)
    embedded.stop(first)
    second = home.parent / "搬家 后"
    first.rename(second)
    moved = embedded.start(second)
    assert (moved.started, moved.brand_new, kept(moved)) == (True, False, {1, 2})
    add(moved, 3)
    assert servers(first) == []


def test_permissions_are_set_right_again(served: Endpoint) -> None:
    (served.home / "keyfile").chmod(0o644)
    served.home.chmod(0o755)
    embedded.start(served.home)
    assert stat.S_IMODE((served.home / "keyfile").stat().st_mode) == 0o600
    assert stat.S_IMODE(served.home.stat().st_mode) == 0o700


def test_lost_password_of_the_app_is_made_anew(served: Endpoint) -> None:
    password = (served.home / "app.pw").read_text()
    (served.home / "app.pw").unlink()
    fresh = embedded.start(served.home)
    assert (fresh.uri != served.uri, fresh.brand_new) == (True, False)
    with app(fresh) as client:
        client[APP_DATABASE].command("ping")
    (served.home / "app.pw").write_text(password)
    (served.home / "meta.json").unlink()  # lost too: then nothing is taken for granted
    again = embedded.start(served.home)
    assert (again.uri, again.brand_new) == (served.uri, False)
    with app(again) as client:
        client[APP_DATABASE].command("ping")


def test_socket_removed_under_a_running_server(doomed: Path) -> None:
    add(embedded.start(doomed), 1002)
    (doomed / "m.sock").unlink()
    again = embedded.start(doomed)
    assert (again.started, 1002 in kept(again), len(servers(doomed))) == (True, True, 1)


def test_log_rotates_when_large_and_five_are_kept(served: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    log = embedded.status(served.home).log
    embedded.rotate_log(served.home)
    assert [entry.name for entry in log.parent.iterdir()] == ["mongod.log"], "it is not over 20 MB"
    for number in range(1, 6):
        (log.parent / f"mongod.log.{number}").write_text(f"mark {number}")
    before = log.stat().st_ino
    with monkeypatch.context() as small:
        small.setattr(embedded, "_LOG_BYTES", 0)
        embedded.rotate_log(served.home)
    wait_for(lambda: log.exists() and log.stat().st_size > 0)
    kept_logs = [f"mongod.log.{number}" for number in range(1, 6)]
    assert sorted(entry.name for entry in log.parent.iterdir()) == ["mongod.log", *kept_logs]
    assert (log.parent / "mongod.log.1").stat().st_ino == before
    assert [(log.parent / name).read_text() for name in kept_logs[1:]] == ["mark 1", "mark 2", "mark 3", "mark 4"]

    def reopened() -> bool:
        embedded.rotate_log(served.home)
        return log.exists()

    log.unlink()  # as after a signal that was not heard
    wait_for(reopened)
    with app(served) as client:
        client[APP_DATABASE].command("ping")


# --- refused, with what to do -------------------------------------------------------------------------------------


def refused(home: Path, *words: str, **options: Any) -> None:
    """A start is refused in these words, and no server was run."""
    with pytest.raises(EmbeddedTrouble) as trouble:
        embedded.start(home, **options)
    for word in words:
        assert word in str(trouble.value)
    assert servers(home) == []


def test_path_too_long_for_a_socket(home: Path) -> None:
    room = 100 - len(os.fsencode(home / "m.sock")) - 1
    refused(home / ("x" * (room + 1)), "101 bytes", "GRIDBOARD_HOME")
    refused(home / ("网" * (room // 3 + 1)), "GRIDBOARD_HOME")
    assert not home.exists()


def test_path_of_exactly_the_limit(served: Endpoint) -> None:
    assert len(os.fsencode(served.home / "m.sock")) == 100
    with app(served) as client:
        client[APP_DATABASE].command("ping")


def test_system_without_unix_sockets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    refused(home, "MONGODB_URI")


def test_directory_of_another_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)
    refused(home, "another user", "GRIDBOARD_HOME")


def test_directory_that_can_not_be_made_private(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    refused(home, "0700", "GRIDBOARD_HOME")


def test_file_in_the_place_of_the_directory(home: Path) -> None:
    home.write_text("not a directory")
    refused(home, "File exists", "GRIDBOARD_HOME")
    assert home.read_text() == "not a directory"


def test_root_is_warned_not_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    directory._warn_root.cache_clear()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    directory.check_system(Places.of(home))
    assert "root" in caplog.text


def test_data_of_a_newer_version(home: Path) -> None:
    home.mkdir()
    meta = home / "meta.json"
    meta.write_text('{"format": 2}')
    refused(home, "newer GridBoard", "format 2")
    assert meta.read_text() == '{"format": 2}'
    meta.write_text('{"format": 1, "mongod": "99.0.1"}')
    refused(home, "99.0.1", "MONGOD_PATH")


def test_disk_nearly_full_before_the_first_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 999_999_999})())
    assert embedded.free_bytes(home) == 999_999_999
    refused(home, "1 GB", "999 MB")


def test_cache_size_that_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("much", "0", "nan", "-1"):
        monkeypatch.setenv("GRIDBOARD_CACHE_GB", value)
        refused(home, "GRIDBOARD_CACHE_GB")


def test_program_is_named_found_or_missed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = program(home, "")
    monkeypatch.setenv("MONGOD_PATH", str(other))
    assert embedded.find_binary() == other
    monkeypatch.setenv("MONGOD_PATH", str(home))
    refused(home, "MONGOD_PATH", str(home))
    monkeypatch.delenv("MONGOD_PATH")

    monkeypatch.setattr(server.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(other.parent))
    other.rename(other.with_name("mongod"))
    assert embedded.find_binary() == other.with_name("mongod")
    monkeypatch.setenv("PATH", str(home))
    refused(home, "MongoDB", "MONGOD_PATH", "MONGODB_URI")
    assert embedded.status(home).binary is None


@pytest.mark.parametrize(
    ("library", "advice"),
    [
        ("libcurl.so.4", "apt install libcurl4"),
        ("libcrypto.so.3", "apt install libssl3"),
        ("libssl.so.3", "apt install libssl3"),
        ("liblzma.so.5", "apt install liblzma5"),
        ("libnew.so.9", "Install the package"),
    ],
)
def test_library_the_program_misses(home: Path, monkeypatch: pytest.MonkeyPatch, library: str, advice: str) -> None:
    text = f"mongod: error while loading shared libraries: {library}: cannot open shared object file: No such file"
    path = program(home, f"import sys; sys.stderr.write({text!r}); sys.exit(127)")
    monkeypatch.setenv("MONGOD_PATH", str(path))
    refused(home, library, advice)


def test_program_that_can_not_run_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(home, "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    monkeypatch.setenv("MONGOD_PATH", str(path))
    refused(home, "AVX", "MONGODB_URI")
    path.write_bytes(b"\x7fELF, but not really")
    refused(home, str(path), "Exec format error")


def test_server_that_ends_while_starting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(
        home,
        """
        import json, sys
        if "--version" in sys.argv:
            print("db version v6.0.5")
            sys.exit()
        with open(sys.argv[sys.argv.index("--logpath") + 1], "w") as log:
            log.write(json.dumps({"s": "F", "msg": "Fatal assertion", "attr": {"error": "No space left"}}) + "\\n")
            log.write(json.dumps({"s": "I", "msg": "bye"}) + "\\n")
        sys.exit(14)
        """,
    )
    monkeypatch.setenv("MONGOD_PATH", str(path))
    refused(home, "code 14", "Fatal assertion No space left", "mongod.log")


STUBBORN = """
    import fcntl, os, signal, sys, time
    if "--version" in sys.argv:
        print("db version v6.0.5")
        sys.exit()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lock = open(sys.argv[sys.argv.index("--dbpath") + 1] + "/mongod.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    lock.write(str(os.getpid()))
    lock.flush()
    time.sleep(60)
"""


@pytest.mark.drill
def test_slow_server_is_neither_killed_nor_doubled(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOD_PATH", str(program(home, STUBBORN)))
    for _ in range(2):
        with pytest.raises(EmbeddedTrouble, match="not ready"):
            embedded.start(home, wait_seconds=0.6)
        [pid] = servers(home)
    assert embedded.status(home).pid == pid
    with pytest.raises(EmbeddedTrouble, match=f"not killed.*|process {pid}"):
        embedded.stop(home, wait_seconds=0.3)
    assert servers(home) == [pid]


def test_start_waits_for_another_no_longer_than_told(home: Path) -> None:
    home.mkdir(mode=0o700)
    places = Places.of(home)
    with directory.locked(places, time.monotonic()):
        began = time.monotonic()
        refused(home, "Another process", wait_seconds=0.2)
        assert 0.2 <= time.monotonic() - began < 2
        assert embedded.status(home).running is False
    with places.lock.open("w") as again:
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_wrong_admin_password_is_told(served: Endpoint) -> None:
    """Files of two directories were mixed."""
    places = Places.of(served.home)
    right, meta = places.admin_password.read_text(), places.meta.read_text()
    places.admin_password.write_text("wrong")
    places.meta.unlink()
    try:
        with pytest.raises(EmbeddedTrouble, match=r"admin\.pw"):
            embedded.start(served.home)
    finally:
        places.admin_password.write_text(right)
        places.meta.write_text(meta)
    assert embedded.start(served.home).started is False


def test_unforeseen_answer_is_told_without_a_password(served: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> bool:
        raise OperationFailure("x", 8000, {"errmsg": "the server's own words"})

    monkeypatch.setattr(embedded, "converge", fail)
    with pytest.raises(EmbeddedTrouble, match="own words") as trouble:
        embedded.start(served.home)
    assert bootstrap.app_uri(Places.of(served.home)) not in str(trouble.value)
