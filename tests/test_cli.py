"""The gridboard command: its help, one real start and stop, and errors that are sentences."""

import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard import cli
from dashboard.i18n import speaking
from dashboard.settings import Settings, SignInBy
from repository.access import Actor
from repository.grids import Community
from repository.store import Store
from tests.folders import server_folder

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = [
    "run", "seed", "import", "export", "digest", "doctor", "stop", "user", "audit", "backup", "restore", "rollups",
    "migrate",
]  # fmt: skip


@pytest.fixture
def home() -> Iterator[Path]:
    """A data folder with a short path (sockets must be short); whatever serves from it is stopped afterwards."""
    folder = server_folder("gb-cli-")
    try:
        yield folder / "data"
    finally:
        subprocess.run([sys.executable, "-m", "dashboard.cli", "stop"], env=environment(folder / "data"), check=False)
        shutil.rmtree(folder, ignore_errors=True)


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a start from any folder needs, in English."""
    return os.environ | {
        "GRIDBOARD_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "MONGODB_URI": "",
        "HOST": "127.0.0.1",
        "PORT": "18501",
        "LC_ALL": "C.UTF-8",
        **more,
    }


def gridboard(*arguments: str, home: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end, from a folder that is not the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "dashboard.cli", *arguments],
        cwd=tempfile.gettempdir(),
        env=environment(home, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    told = capsys.readouterr().out
    assert left.value.code == 0
    assert re.findall(r"^    (\w+)  ", told, re.M) == COMMANDS
    assert "网格看板" in told
    assert "GRIDBOARD_HOME" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_in_both_languages(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    told = capsys.readouterr().out
    assert left.value.code == 0
    assert re.search("[\u4e00-\u9fff]", told)
    assert f"usage: gridboard {command}" in told


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["fly"],
        ["run", "--port", "x"],
        ["run", "--demo", "--demo-if-new"],
        ["seed", "--as-of", "yesterday"],
        ["seed", "--work-orders", "0"],
        ["rollups", "mend"],
    ],
)
def test_wrong_usage_is_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(wrong)
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_options_are_read() -> None:
    read = cli.parser().parse_args
    seed = read(["seed", "--work-orders", "1,000,000", "--communities", "100", "--seed", "7"])
    assert (seed.work_orders, seed.communities, seed.seed, seed.demo) == (1_000_000, 100, 7, False)
    assert read(["seed", "--work-orders", "9", "--rounds", "2", "--requests", "1,000"]).requests == 1_000
    bring = read(["import", "a.xlsx", "--record", "work_orders", "--yes", "--problems", "out.csv"])
    assert (bring.file, bring.record, bring.yes, bring.undo) == (Path("a.xlsx"), "work_orders", True, None)
    assert read(["import", "--undo", "b1"]).undo == "b1"
    assert read(["run", "--port", "0"]).port == 0


@pytest.mark.parametrize("wrong", [["import"], ["import", "a.csv", "--undo", "b1"], ["import", "a.csv"], ["seed"]])
def test_what_does_not_go_together_is_said(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(wrong) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1


def test_errors_are_sentences(home: Path) -> None:
    for more in ({"MONGODB_URI": "nonsense"}, {"PORT": "http"}, {"MONGOD_PATH": "/nowhere/mongod"}):
        done = gridboard("run", home=home, **more)
        assert done.returncode == 1, more
        assert done.stdout == ""
        assert done.stderr.strip()
        assert "Traceback" not in done.stderr
    assert re.search("[\u4e00-\u9fff]", gridboard("run", home=home, PORT="http", LC_ALL="zh_CN.UTF-8").stderr)


def test_stop_with_nothing_running(home: Path) -> None:
    done = gridboard("stop", home=home)
    assert (done.returncode, done.stdout) == (0, "The database was not running.\n")
    done = gridboard("stop", home=home, MONGODB_URI="mongodb://there")
    assert (done.returncode, done.stdout) == (0, "The database behind MONGODB_URI was left alone.\n")


def test_run_serves_and_stop_ends_it(home: Path) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "dashboard.cli", "run"],
            cwd=tempfile.gettempdir(),
            env=environment(home, PORT=""),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        ports = []
        for process in runs:
            assert process.stdout is not None
            line = process.stdout.readline()
            while line and (not line.startswith("http") or "/setup?code=" in line):
                assert "is taken; using" in line or "no account yet" in line or "/setup?code=" in line
                line = process.stdout.readline()
            found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)\n", line)
            assert found, line
            ports.append(int(found[1]))
            with urllib.request.urlopen(f"{line.strip()}/healthz", timeout=20) as answer:  # noqa: S310
                assert answer.status == 200
        assert len(set(ports)) == 2, "the second one moves to the next free port"
        taken = str(ports[0])
        public = {"GRIDBOARD_PUBLIC_URL": "https://d.example", "GRIDBOARD_PROXIES": "127.0.0.1"}
        for arguments, more in (
            ([], {"PORT": taken}),
            (["--port", taken], {"PORT": ""}),
            ([], {"PORT": taken, **public}),
        ):
            done = gridboard("run", *arguments, home=home, **more)
            assert done.returncode == 1, more
            assert f"port {taken}" in done.stderr
            assert "Nothing is served" in done.stderr
        assert sorted(cli.serving(home)) == sorted(process.pid for process in runs)

        told = gridboard("doctor", home=home)
        assert "running as process" in told.stdout
        assert "Engine:      MongoDB" in told.stdout

        done = gridboard("stop", home=home)
        assert (done.returncode, done.stdout) == (0, "Pages stopped.\nDatabase stopped.\n")
        rest = [process.communicate(timeout=20)[0] for process in runs]
        assert rest == ["", ""], "nothing is printed after the address"
        assert [process.returncode for process in runs] == [0, 0]
        assert cli.serving(home) == []
    finally:
        for process in runs:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()


def test_the_address_names_this_machine(tmp_path: Path) -> None:
    shown = {host: cli.address(Settings(tmp_path, host=host, port=8501)) for host in ("127.0.0.1", "10.0.0.7", "::1")}
    assert shown == {
        "127.0.0.1": "http://127.0.0.1:8501",
        "10.0.0.7": "http://10.0.0.7:8501",
        "::1": "http://[::1]:8501",
    }
    assert cli.address(Settings(tmp_path, host="0.0.0.0", port=80)) == "http://127.0.0.1:80"  # noqa: S104


class Loaded:
    """Stands in for the seed: notes that it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: Store, actor: Actor, mark: bool) -> None:
        self.times = 0
        self.actor = actor
        self.mark = mark
        monkeypatch.setattr(cli.database, "open_store", lambda _settings: store)
        monkeypatch.setattr(type(store), "close", lambda _store: None)
        monkeypatch.setattr(cli.seeding, "load_demo", self)

    def __call__(self, store: Any, _as_of: Any = None) -> None:
        self.times += 1
        store.insert(self.actor, Community(community_id="d", id="d", code="D", name="D 社区", demonstration=self.mark))


@pytest.mark.parametrize(
    ("asked", "uri", "loads"),
    [
        ({}, None, 0),
        ({"demo_if_new": True}, None, 1),
        ({"demo_if_new": True}, "mongodb://x", 0),
        ({"demo": True}, None, 1),
        ({"demo": True}, "mongodb://x", 1),
    ],
)
def test_who_gets_the_demonstration(
    asked: dict[str, bool],
    uri: str | None,
    loads: int,
    store: Store,
    admin: Actor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    seed = Loaded(monkeypatch, store, admin, mark=True)
    wish = {"demo": False, "demo_if_new": False} | asked
    settings = Settings(tmp_path, uri=uri)
    assert cli.prepare(settings, **wish).demonstration is bool(loads), "demonstration data only"
    assert cli.prepare(settings, **wish).demonstration is bool(loads)
    assert bool(cli.prepare(settings, **wish).setup_code) is not bool(loads), "else people sign in"
    assert seed.times == loads, "once"


def test_data_of_ones_own_is_never_joined_by_the_demonstration(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seed = Loaded(monkeypatch, store, admin, mark=False)
    seed(store)
    with pytest.raises(cli.Stop, match="Nothing was changed"):
        cli.prepare(Settings(tmp_path), demo=True, demo_if_new=False)
    assert cli.prepare(Settings(tmp_path), demo=False, demo_if_new=True).demonstration is False
    store.db["communities"].delete_many({})
    assert cli.prepare(Settings(tmp_path), demo=False, demo_if_new=True).demonstration is False, (
        "emptied again is not brand-new"
    )
    assert seed.times == 1


@pytest.mark.parametrize(
    ("given", "opens"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),  # noqa: S104
        ({"public_url": "https://d.example"}, False),
        ({"proxies": (ipaddress.ip_network("127.0.0.1"),)}, False),
        ({"names": ("d.example",)}, False),
    ],
)
def test_real_data_without_a_sign_in_stays_on_this_machine(given: dict[str, Any], opens: bool, tmp_path: Path) -> None:
    settings = Settings(tmp_path, sign_in=SignInBy.NONE, **given)
    cli.running._refuse_open_door(settings, cli.Opening(demonstration=True))
    if opens:
        cli.running._refuse_open_door(settings, cli.Opening(demonstration=False))
    else:
        with pytest.raises(cli.Stop, match="GRIDBOARD_SIGN_IN=none"):
            cli.running._refuse_open_door(settings, cli.Opening(demonstration=False))


@pytest.mark.parametrize("way", [SignInBy.PROVIDER, SignInBy.PROXY])
def test_a_single_sign_on_needs_no_first_account(
    way: SignInBy, store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Loaded(monkeypatch, store, admin, mark=True)(store)
    found = cli.prepare(Settings(tmp_path, sign_in=way), demo=False, demo_if_new=False)
    assert found == cli.Opening(demonstration=False, setup_code=""), "and a demonstration is not open either"


def test_a_start_says_what_is_hardly_meant(home: Path) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = str(taken.getsockname()[1])
    with taken:
        done = gridboard("run", home=home, PORT=port, GRIDBOARD_PUBLIC_URL="https://d.example")
    assert "GRIDBOARD_PUBLIC_URL is set without GRIDBOARD_PROXIES" in done.stderr
    assert "--role must be one of" in gridboard("run", "--role", "king", home=home).stderr


def test_migrate_lists_what_is_pending(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from repository import migrations

    monkeypatch.setattr(cli.database, "open_store", lambda _settings: store)
    monkeypatch.setattr(type(store), "close", lambda _store: None)
    monkeypatch.setattr(migrations, "pending", lambda _store: ["index work_orders x"])
    assert cli.upkeep.migrate(Namespace(check=True)) == 1
    assert capsys.readouterr().out == "index work_orders x\n"
    monkeypatch.setattr(migrations, "migrate", lambda _store: [])
    assert cli.upkeep.migrate(Namespace(check=False)) == 0


def test_files_of_the_dead_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "999999").touch()
    assert cli.serving(tmp_path) == []
    assert not (tmp_path / "serving" / "999999").exists()
    assert cli.serving(tmp_path / "nowhere") == []


def test_the_list_of_accounts_tells_until_when_a_first_password_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: Store
) -> None:
    monkeypatch.setattr(cli.database, "open_store", lambda _settings: store)
    monkeypatch.setattr(type(store), "close", lambda _store: None)
    assert cli.main(["user", "add", "wang", "--role", "viewer"]) == 0
    assert "72" in capsys.readouterr().out
    assert cli.main(["user", "list"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert re.search(r"first password until \d{4}-\d\d-\d\d \d\d:\d\d$", line), line


def test_what_the_system_refuses_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_anything: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setenv("GRIDBOARD_HOME", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(cli.running, "serving", lambda _home: [1])
    monkeypatch.setattr(os, "kill", refused)
    assert cli.main(["stop"]) == 1
    assert capsys.readouterr().err == "Process 1 is somebody else's, so nothing was stopped. Run this as that user.\n"
    monkeypatch.setattr(cli.running, "serving", lambda _home: (tmp_path / "nothing").read_bytes())
    assert cli.main(["stop"]) == 1
    assert capsys.readouterr().err == f"The system says: No such file or directory: {tmp_path / 'nothing'}.\n"


def test_help_lists_every_variable_that_is_read() -> None:
    read = set()
    for path in [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "repository").rglob("*.py")]:
        read |= set(re.findall(r"\bGRIDBOARD_[A-Z_]*[A-Z]\b|\bMONGOD_PATH\b", path.read_text("utf-8")))
    ours = {name.removesuffix("_FILE") for name in read}
    assert {"GRIDBOARD_CACHE_GB", "MONGOD_PATH"} <= ours
    told = cli.parser().format_help()
    assert [name for name in sorted(ours) if f"  {name} " not in told] == []


def test_the_doctor_speaks_the_readers_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: Store
) -> None:
    monkeypatch.setenv("GRIDBOARD_HOME", str(tmp_path))
    monkeypatch.setenv("MONGODB_URI", "")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    cli.main(["doctor"])
    private = capsys.readouterr().out
    monkeypatch.setenv("MONGODB_URI", "mongodb://there")
    monkeypatch.setattr(cli.database, "open_store", lambda _settings: store)
    monkeypatch.setattr(type(store), "close", lambda _store: None)
    cli.main(["doctor"])
    for told in (private, capsys.readouterr().out):
        for line in told.splitlines():
            name, _, value = (line, "", line) if line.startswith("! ") else line.partition(":")
            if name not in {"GridBoard", "mongod"}:
                assert re.search("[\u4e00-\u9fff]", name), line
            if not re.search(r"\d|/", value):
                assert re.search("[\u4e00-\u9fff]", value), line
    assert "没有启动" in private


def test_the_operator_bears_one_name_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "wang")
    names = set()
    for language in ("zh", "en"):
        with speaking(language):
            names.add(cli.database.operator().name)
    assert names == {"command line (wang)"}


@pytest.mark.parametrize("wrong", ["7,4", "7,4,12,1", "a,b,c", "-1,2,3", ""])
def test_how_many_backups_stay_is_asked_for_in_words(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["backup", "--folder", "x", f"--keep={wrong}"])
    assert "three numbers like 7,4,12, not" in capsys.readouterr().err


def test_the_help_names_what_comes_as_sheets(capsys: pytest.CaptureFixture[str]) -> None:
    from repository import importer

    for command in ("import", "export"):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        told = " ".join(capsys.readouterr().out.split())
        assert ", ".join(record.collection for record in importer.sheet_records()) in told


def test_nobody_takes_a_process_that_begins_to_serve_for_a_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks, looks at the worst moment: each time a file is opened, and before it is locked."""
    import fcntl

    lock, seen = fcntl.flock, []

    def looked(file: Any, how: int) -> None:
        if how == fcntl.LOCK_EX:
            seen.append(cli.serving(tmp_path))
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", looked)
    with cli.running._Present(tmp_path):
        assert seen == [[]]
        assert cli.serving(tmp_path) == [os.getpid()]
    assert cli.serving(tmp_path) == []
