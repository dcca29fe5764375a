"""The web server: health, headers, who may connect, settings from any folder, the port."""

import http.client
import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboard import server
from dashboard.settings import VARIABLES, BadSetting, Settings, SignInBy

ROOT = Path(__file__).resolve().parent.parent

EVERYWHERE = "0.0.0.0"  # noqa: S104

SERVE = """
import pathlib, sys, types
database = pathlib.Path(sys.argv[1])
from dashboard.settings import SignInBy
way_in = lambda: SignInBy.NONE
sys.modules["dashboard.data"] = types.SimpleNamespace(database_alive=database.exists, way_in=way_in)
from dataclasses import replace
from dashboard import server
from dashboard.settings import Settings
settings = Settings.from_environment()
door = server.listen(settings.host, settings.port)
settings = replace(settings, port=door.getsockname()[1])
server.serve(settings, door, lambda: print(settings.port, flush=True))
"""


@dataclass(frozen=True)
class Running:
    """A server in a process of its own; its database is alive while the file ``database`` is there."""

    port: int
    database: Path
    log: Path

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """One GET on a connection of its own; header names are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()

    def socket_status(self, **headers: str) -> int:
        """The answer to a websocket handshake: 101 when it is let in."""
        answer = self.get(
            "/_stcore/stream",
            Connection="Upgrade",
            Upgrade="websocket",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
            **headers,
        )
        return answer.status


def started(folder: Path, **environment: str) -> Iterator[Running]:
    """Serve from ``folder`` as the working folder until the test is over."""
    database, log = folder / "database", folder / "log"
    database.touch()
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(database)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PORT": "0", "HOST": "127.0.0.1"} | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.strip().isdecimal(), log.read_text()
            yield Running(int(line), database, log)
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server on loopback that one foreign name may reach."""
    yield from started(tmp_path_factory.mktemp("loopback"), GRIDBOARD_NAMES="dash.example.gov.cn")


def test_health_follows_the_database(running: Running) -> None:
    answer = running.get("/healthz")
    assert (answer.status, json.load(answer)) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"
    running.database.unlink()
    answer = running.get("/healthz")
    running.database.touch()
    assert (answer.status, json.load(answer)) == (503, {"status": "database unreachable"})


@pytest.mark.parametrize("path", ["/", "/healthz", "/_stcore/health", "/_stcore/metrics", "/maintenance"])
def test_every_answer_bears_the_headers(running: Running, path: str) -> None:
    answer = running.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["server"] is None


def test_the_metrics_are_closed(running: Running) -> None:
    for path in ("/_stcore/metrics", "/_stcore/metrics/", "/%5fstcore/metrics"):
        assert running.get(path).status == 403, path


def test_only_our_names_are_answered(running: Running) -> None:
    known = ["127.0.0.1", "localhost", f"localhost:{running.port}", "[::1]:80", "dash.example.gov.cn"]
    strange = ["evil.example", "192.168.1.5", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1"]
    assert {name: running.get("/healthz", Host=name).status for name in known} == dict.fromkeys(known, 200)
    assert {name: running.get("/healthz", Host=name).status for name in strange} == dict.fromkeys(strange, 421)


def test_pages_of_other_sites_cannot_connect(running: Running) -> None:
    here = f"127.0.0.1:{running.port}"
    assert running.socket_status() == 101, "no browser"
    assert running.socket_status(Origin=f"http://{here}") == 101
    assert running.socket_status(Origin="https://dash.example.gov.cn") == 101, "a proxy that renames us"
    assert running.socket_status(Origin="https://dash.example.gov.cn", Host="dash.example.gov.cn") == 101
    begun = time.monotonic()
    assert running.socket_status(Origin="http://evil.example") == 403
    assert running.socket_status(Origin="http://evil.example", Host="evil.example") == 403
    assert running.socket_status(Origin="null") == 403
    assert running.socket_status(Origin=f"http://localhost:{running.port + 1}") == 403, "another program's page"
    assert time.monotonic() - begun < 3, "nobody on the internet was asked"


def test_the_log_is_silent_in_normal_use(running: Running) -> None:
    running.get("/").read()
    assert [line for line in running.log.read_text().splitlines() if "health" not in line] == []


def test_open_to_the_network_numbers_are_answered_and_strange_names_are_not(tmp_path: Path) -> None:
    for running in started(tmp_path, HOST=EVERYWHERE):
        own = socket.gethostname()
        seen = {name: running.get("/healthz", Host=name).status for name in ("192.168.1.5:80", own, "evil.example")}
        assert seen == {"192.168.1.5:80": 200, own: 200, "evil.example": 421}
        assert running.socket_status(Origin="http://192.168.1.5:80", Host="192.168.1.5:80") == 101


PROBE = """
import json
from dashboard import server
from dashboard.settings import Settings
settings = Settings.from_environment()
server.application(settings)
from streamlit import config
print(json.dumps({name: config.get_option(name) for name in server.options(settings)}))
"""


def test_settings_hold_from_any_folder(tmp_path: Path) -> None:
    strange = tmp_path / ".streamlit"
    strange.mkdir()
    (strange / "config.toml").write_text(
        '[client]\nshowErrorDetails = "full"\n[runner]\npostScriptGC = true\n[theme.light]\nprimaryColor = "#FF0000"\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PORT": "8599", "HOST": "127.0.0.1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    meant = server.options(Settings(home=tmp_path, port=8599))
    assert told == meant
    assert told["client.showErrorDetails"] == "none"
    assert told["runner.postScriptGC"] is False
    assert told["theme.light.primaryColor"] == "#1F5FA8"
    assert done.stderr == ""


def test_streamlit_run_reads_the_same_settings() -> None:
    assert (ROOT / ".streamlit" / "config.toml").read_bytes() == server.CONFIG.read_bytes()


def test_light_and_dark_are_both_whole() -> None:
    names = [name.split(".", 2) for name in server.options(Settings(home=ROOT)) if name.startswith("theme.")]
    light = {name[2] for name in names if name[1] == "light"}
    dark = {name[2] for name in names if name[1] == "dark"}
    assert light == dark
    assert len(light) > 25


def test_pictures_come_from_this_machine() -> None:
    for picture in (server.CONFIG.parent.parent / "static").iterdir():
        text = picture.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text
        assert "href" not in text


def test_a_taken_port_moves_to_the_next_free_one() -> None:
    with server.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with server.listen("127.0.0.1", port) as second:
            assert port < second.getsockname()[1] <= port + 100
            assert second.proto == socket.IPPROTO_TCP, "else every answer waits 40 ms"
        with pytest.raises(OSError, match="no free port"):
            server.listen("127.0.0.1", port, tries=0)


def test_settings_of_the_environment(tmp_path: Path) -> None:
    plain = Settings.from_environment({})
    assert (plain.uri, plain.host, plain.port, plain.sign_in, plain.embedded) == (None, "127.0.0.1", 8501, "", True)
    assert plain.home.name == "gridboard"
    full = Settings.from_environment(
        {
            "GRIDBOARD_HOME": str(tmp_path),
            "MONGODB_URI": "mongodb://there",
            "HOST": EVERYWHERE,
            "PORT": "80",
            "GRIDBOARD_ROLE": "viewer",
            "GRIDBOARD_NAMES": "a.example, b.example",
            "GRIDBOARD_PUBLIC_URL": "https://dash.example/board/",
            "GRIDBOARD_PROXIES": "10.0.0.1 192.168.0.0/16",
            "GRIDBOARD_SIGN_IN": "Proxy",
            "GRIDBOARD_IDLE_MINUTES": "10",
            "GRIDBOARD_BACKUP_KEEP": "1,2,3",
        }
    )
    assert full == Settings(
        tmp_path,
        "mongodb://there",
        EVERYWHERE,
        80,
        "viewer",
        ("a.example", "b.example"),
        "https://dash.example/board",
        (ipaddress.ip_network("10.0.0.1/32"), ipaddress.ip_network("192.168.0.0/16")),
        SignInBy.PROXY,
        idle_minutes=10,
        backup_keep=(1, 2, 3),
    )
    assert (full.base, full.secure, full.hosts) == ("/board", True, ("a.example", "b.example", "dash.example"))
    for wrong in ("http", "70000", "-1"):
        with pytest.raises(BadSetting, match="PORT"):
            Settings.from_environment({"PORT": wrong})
    for name, wrong in (
        ("GRIDBOARD_SIGN_IN", "open"),
        ("GRIDBOARD_SIGN_IN", "proxy"),
        ("GRIDBOARD_SIGN_IN", "provider"),
        ("GRIDBOARD_PUBLIC_URL", "dash.example"),
        ("GRIDBOARD_PUBLIC_URL", "javascript://x"),
        ("GRIDBOARD_PROXIES", "the proxy"),
        ("GRIDBOARD_IDLE_MINUTES", "0"),
        ("GRIDBOARD_BACKUP_KEEP", "7"),
        ("MONGODB_URI_FILE", str(tmp_path / "nowhere")),
    ):
        with pytest.raises(BadSetting):
            Settings.from_environment({name: wrong})


def test_a_secret_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("mongodb://u:{}@there\n".format("hushhush"))
    settings = Settings.from_environment({"MONGODB_URI_FILE": str(tmp_path / "uri"), "GRIDBOARD_AUDIT_KEY": "hushhush"})
    assert settings.uri == "mongodb://u:{}@there".format("hushhush")
    assert settings.audit_key() == b"hushhush"
    assert "hushhush" not in repr(settings)


def test_processes_that_start_at_once_share_one_audit_key(tmp_path: Path) -> None:
    settings = Settings.from_environment({"GRIDBOARD_HOME": str(tmp_path)})
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: settings.audit_key(), range(64)))
    assert [len(key) for key in keys] == [64]
    assert [path.name for path in tmp_path.iterdir()] == ["audit.key"]
    assert (tmp_path / "audit.key").stat().st_mode & 0o077 == 0
    assert settings.audit_head == tmp_path / "audit.head"
    assert Settings.from_environment({"GRIDBOARD_AUDIT_KEY": "x"}).audit_head is None
    assert Settings.from_environment({"MONGODB_URI": "mongodb://there"}).audit_head is None


def test_a_trail_that_can_not_be_sealed_is_logged_and_keeps_nothing_else_from_being_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from dashboard import data
    from repository import audit, embedded

    class Enough(Exception):  # noqa: N818
        pass

    calls: list[str] = []

    def refuse(_store: object, key: bytes, *, head_file: Path | None) -> int:
        calls.append(f"seal {len(key)} {head_file}")
        raise audit.Unsealed("not the key")

    def sleep(_seconds: float) -> None:
        calls.append("sleep")

    def rotate(_home: Path) -> None:
        calls.append("rotate")
        raise Enough

    monkeypatch.setattr(data, "store", object)
    monkeypatch.setattr(audit, "seal", refuse)
    monkeypatch.setattr(embedded, "rotate_log", rotate)
    monkeypatch.setattr(server.time, "sleep", sleep)
    with pytest.raises(Enough):
        server.tend(Settings.from_environment({"GRIDBOARD_HOME": str(tmp_path)}))
    assert calls == [f"seal 64 {tmp_path}/audit.head", "sleep", "rotate"]
    assert "not the key" in caplog.text


def test_published_settings_are_read_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    settings = Settings(tmp_path, None, "127.0.0.1", 9000, "editor", ("a.example",))
    settings.publish()
    assert Settings.from_environment() == settings


@pytest.mark.parametrize(
    ("way", "answer", "shut"), [("accounts", 403, True), ("accounts", 101, False), ("none", 101, True)]
)
def test_a_stranger_knocks_before_readers_do(
    monkeypatch: pytest.MonkeyPatch, way: str, answer: int, shut: bool
) -> None:
    """The self-check at start-up, against a server that answers as told."""
    from dashboard import data

    monkeypatch.setattr(data, "way_in", lambda: SignInBy(way))
    with socket.create_server(("127.0.0.1", 0)) as there:

        def reply() -> None:
            with suppress(OSError):  # nobody knocks where nobody needs to sign in
                line, _ = there.accept()
                with line:
                    line.recv(1000)
                    line.sendall(f"HTTP/1.1 {answer} x\r\n\r\n".encode())

        threading.Thread(target=reply, daemon=True).start()
        found = server.check_the_door(Settings(Path("x")), ("127.0.0.1", there.getsockname()[1]))
    assert found is shut
