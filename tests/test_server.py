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
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard import metrics, server, tending
from dashboard.settings import VARIABLES, BadSetting, Settings, SignInBy
from repository import audit, backup, importer, people
from repository.access import Actor
from repository.grids import Community
from repository.importer.flight import Flight
from repository.maintenance import WorkOrder
from repository.store import Full, Store, Unavailable, utc_now
from tests.conftest import NOW, awaited

ROOT = Path(__file__).resolve().parent.parent

EVERYWHERE = "0.0.0.0"  # noqa: S104

SERVE = """
import pathlib, sys, types
database = pathlib.Path(sys.argv[1])
from dashboard.settings import SignInBy
way_in = lambda: SignInBy.NONE
sys.modules["dashboard.data"] = types.SimpleNamespace(database_alive=database.exists, way_in=way_in)
from dataclasses import replace
from dashboard import metrics, server, tending
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


def test_an_address_without_a_page_is_answered_by_one_of_ours(running: Running) -> None:
    """In the reader's language, with the ways to the pages; pages, files and programs are left alone."""
    english = {"Accept": "text/html,*/*;q=0.8", "Accept_Language": "en-GB"}
    for path in ("/nonsense", "/grids/nonsense", "/index.html", "/%3Cscript%3Ex?lang=en"):
        answer = running.get(path, **english)
        said = answer.read().decode()
        assert (answer.status, answer.headers["cache-control"]) == (404, "no-store"), path
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "Page not found" in said
        assert 'href="/grids?lang=en">Grids<' in said
        assert 'href="?lang=zh"' in said
        assert not any(word in said for word in ("<script", "/admin", "/report", "streamlit"))
    chinese = running.get("/nonsense", Accept="text/html", Accept_Language="zh-CN").read().decode()
    assert "没有这个页面" in chinese
    assert 'href="/grids?lang=zh">网格<' in chinese
    for path in ("/", "/grids", "/grids?part=posts", "/report", "/favicon.png", "/_stcore/health"):
        answer = running.get(path, **english)
        assert (answer.status, b"Page not found" in answer.read()) == (200, False), path
    assert running.get("/nonsense").status == 200, "a program that asks for no page"
    first = running.get("/overview?explain=F1", **english)
    assert (first.status, first.headers["location"]) == (303, "/?explain=F1")


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
    before = len(running.log.read_text())
    running.get("/").read()
    assert running.socket_status() == 101
    assert [line for line in running.log.read_text()[before:].splitlines() if "health" not in line] == []


def test_open_to_the_network_numbers_are_answered_and_strange_names_are_not(tmp_path: Path) -> None:
    for running in started(tmp_path, HOST=EVERYWHERE):
        own = socket.gethostname()
        seen = {name: running.get("/healthz", Host=name).status for name in ("192.168.1.5:80", own, "evil.example")}
        assert seen == {"192.168.1.5:80": 200, own: 200, "evil.example": 421}
        assert running.socket_status(Origin="http://192.168.1.5:80", Host="192.168.1.5:80") == 101


# --- the guard alone
class Passed:
    """Stands behind the guard and notes what reaches it; answers with the headers it was given."""

    def __init__(self, *answer: tuple[bytes, bytes]) -> None:
        self.scopes: list[Any] = []
        self.answer = answer

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": list(self.answer)})


def guarded(settings: Settings, behind: Passed, *, kind: str = "websocket", scheme: str = "", **headers: str) -> Any:
    """What the guard does with one connection from this machine: the scope it passes on, or None; and its answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def nothing() -> Any:
        return {"type": "http.disconnect"}

    head = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scheme = scheme or ("ws" if kind == "websocket" else "http")
    scope = {"type": kind, "scheme": scheme, "path": "/x", "method": "GET", "headers": head, "client": ("127.0.0.1", 1)}
    awaited(server.Guard(behind, settings)(scope, nothing, send))
    return (behind.scopes[-1] if behind.scopes else None), sent


DASH = "https://dash.example.gov.cn"


@pytest.mark.parametrize(
    ("given", "host", "origin", "let_in"),
    [
        # the public address is one origin: no other scheme, no other port
        ({"public_url": DASH}, "dash.example.gov.cn", DASH, True),
        ({"public_url": DASH}, "dash.example.gov.cn", "https://dash.example.gov.cn:443", True),
        ({"public_url": DASH}, "127.0.0.1:8501", DASH, True),
        ({"public_url": DASH}, "dash.example.gov.cn", "http://dash.example.gov.cn:8080", False),
        ({"public_url": DASH}, "dash.example.gov.cn", "http://dash.example.gov.cn", False),
        ({"public_url": DASH}, "dash.example.gov.cn", "https://dash.example.gov.cn:8443", False),
        ({"public_url": DASH}, "dash.example.gov.cn:8080", "http://dash.example.gov.cn:8080", False),
        ({"public_url": DASH}, "127.0.0.1:8501", "http://127.0.0.1:8501", True),
        ({"public_url": f"{DASH}:8443/board"}, "127.0.0.1:8501", f"{DASH}:8443", True),
        ({"public_url": f"{DASH}:8443/board"}, "127.0.0.1:8501", DASH, False),
        # a name stands for its usual ports, a whole origin for itself
        ({"names": ("dash.example.gov.cn",)}, "127.0.0.1:8501", DASH, True),
        ({"names": ("dash.example.gov.cn",)}, "127.0.0.1:8501", f"{DASH}:8443", False),
        ({"names": (f"{DASH}:8443",)}, "127.0.0.1:8501", f"{DASH}:8443", True),
        ({"names": (f"{DASH}:8443",)}, "127.0.0.1:8501", DASH, False),
        ({"names": (f"{DASH}:8443",)}, "dash.example.gov.cn:8443", f"{DASH}:8443", True),
        # open to the network: the address it was asked under
        ({"host": EVERYWHERE}, "192.168.1.5:80", "http://192.168.1.5", True),
        ({"host": EVERYWHERE}, "192.168.1.5:8501", "http://192.168.1.5:8501", True),
        ({"host": EVERYWHERE}, "192.168.1.5:8501", "http://192.168.1.5", False),
        ({}, "127.0.0.1:8501", "http://127.0.0.1:8502", False),
        ({}, "127.0.0.1:8501", "null", False),
        ({}, "127.0.0.1:8501", "http://[::1", False),
        ({}, "127.0.0.1:8501", "http://127.0.0.1:eins", False),
    ],
)
def test_a_page_connects_only_from_an_origin_of_ours(given: Any, host: str, origin: str, let_in: bool) -> None:
    settings = Settings(Path("x"), **given)
    passed, sent = guarded(settings, Passed(), host=host, origin=origin)
    assert (passed is not None) is let_in, sent
    if passed is not None:
        seen = dict(passed["headers"])[b"origin"].decode()
        assert seen.partition("://")[2] == host, "Streamlit asks nobody on the internet whether it is ours"


def test_what_a_proxy_says_is_taken_from_it_alone() -> None:
    here = {"proxies": (ipaddress.ip_network("127.0.0.1/32"),)}
    said = {"host": "localhost", "x_forwarded_for": "6.6.6.6, 10.1.1.1", "x_forwarded_proto": "https"}
    passed, _ = guarded(Settings(Path("x"), **here), Passed(), **said)
    assert (passed["client"][0], passed["scheme"], passed["state"]) == ("10.1.1.1", "wss", {"from_proxy": True})
    passed, _ = guarded(Settings(Path("x")), Passed(), **said)
    assert (passed["client"][0], passed["scheme"], passed.get("state")) == ("127.0.0.1", "ws", None)

    secret = Settings(Path("x"), **here, proxy_secret="s" * 16)
    for header in ({}, {"x_gridboard_proxy": "t" * 16}, {"x_gridboard_proxy": "ÿ"}):
        passed, _ = guarded(secret, Passed(), **said, **header)
        assert (passed["client"][0], passed["scheme"], passed.get("state")) == ("127.0.0.1", "ws", None)
    passed, _ = guarded(secret, Passed(), **said, x_gridboard_proxy="s" * 16)
    assert (passed["client"][0], passed["state"]) == ("10.1.1.1", {"from_proxy": True})
    assert b"x-gridboard-proxy" not in dict(passed["headers"]), "no page ever sees the secret"


@pytest.mark.parametrize(
    ("written", "reader"),
    [
        ("203.0.113.9:51234", "203.0.113.9"),  # IIS and Azure write the port
        ("203.0.113.9, 127.0.0.1:443", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("6.6.6.6, unknown", "::ffff:127.0.0.1"),  # what stands before it, anybody may have written
    ],
)
def test_a_readers_address_is_understood_however_a_proxy_writes_it(written: str, reader: str) -> None:
    here = {"proxies": (ipaddress.ip_network("127.0.0.1/32"),)}
    scope = {"type": "http", "scheme": "http", "client": ("::ffff:127.0.0.1", 1)}
    guard = server.Guard(Passed(), Settings(Path("x"), **here))
    told = guard.from_proxy(scope | {"headers": [(b"x-forwarded-for", written.encode())]})
    assert (told["client"][0], told["state"]) == (reader, {"from_proxy": True})


def test_streamlits_cookies_are_for_our_path_and_tls() -> None:
    theirs = (b"set-cookie", b"_streamlit_xsrf=2|a|b|1; Path=/; SameSite=Lax")
    login = (b"set-cookie", b"_streamlit_user=x; HttpOnly; Max-Age=9; Path=/board; SameSite=lax")
    ours = (b"set-cookie", b"gridboard=x; Path=/")

    def told(**given: Any) -> list[bytes]:
        _, sent = guarded(Settings(Path("x"), **given), Passed(theirs, login, ours), kind="http", host="localhost")
        return [value for name, value in sent[0]["headers"] if name == b"set-cookie"]

    assert told() == [theirs[1], login[1], ours[1]]
    assert told(public_url="https://d.example/board") == [
        b"_streamlit_xsrf=2|a|b|1; SameSite=Lax; Path=/board; Secure",
        b"_streamlit_user=x; HttpOnly; Max-Age=9; SameSite=lax; Path=/board; Secure",
        ours[1],
    ]


def test_health_is_answered_with_and_without_the_public_path(tmp_path: Path) -> None:
    for running in started(tmp_path, GRIDBOARD_PUBLIC_URL="https://dash.example.gov.cn/board"):
        paths = ("/healthz", "/board/healthz")
        assert {path: running.get(path).status for path in paths} == dict.fromkeys(paths, 200)
        assert json.load(running.get("/readyz"))["status"] == json.load(running.get("/board/readyz"))["status"]
        assert running.get("/metrics").status == running.get("/board/metrics").status == 404


PROBE = """
import json
from dashboard import metrics, server, tending
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
        with pytest.raises(OSError, match="in use"):
            server.listen("127.0.0.1", port, tries=0)


def test_settings_of_the_environment(tmp_path: Path) -> None:
    plain = Settings.from_environment({})
    assert (plain.uri, plain.host, plain.port, plain.sign_in, plain.embedded) == (None, "127.0.0.1", 8501, "", True)
    assert not plain.port_fixed
    assert Settings.from_environment({"PORT": "8501"}).port_fixed
    assert Settings.from_environment({"GRIDBOARD_PUBLIC_URL": "https://d.example"}).port_fixed
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


@pytest.mark.parametrize(
    ("name", "wrong", "instead"),
    [
        ("PORT", "http", "from 0 to 65535"),
        ("PORT", "70000", "from 0 to 65535"),
        ("PORT", "-1", "from 0 to 65535"),
        ("GRIDBOARD_SIGN_IN", "open", "accounts, provider, proxy or none"),
        ("GRIDBOARD_SIGN_IN", "proxy", "needs GRIDBOARD_PROXIES"),
        ("GRIDBOARD_SIGN_IN", "provider", "needs GRIDBOARD_OIDC_URL"),
        ("GRIDBOARD_ROLE", "nonsense", "viewer, grid_worker"),
        ("GRIDBOARD_NAMES", "https://foo.example *", "dash.example.gov.cn"),
        ("GRIDBOARD_NAMES", "dash.example.gov.cn:8080", "https://dash.example.gov.cn:8443"),
        ("GRIDBOARD_NAMES", "https://dash.example.gov.cn/path", "dash.example.gov.cn"),
        ("GRIDBOARD_NAMES", "https://user@dash.example.gov.cn", "dash.example.gov.cn"),
        ("GRIDBOARD_NAMES", "-dash-", "dash.example.gov.cn"),
        ("GRIDBOARD_NAMES", "300.1.1.1", "dash.example.gov.cn"),
        ("GRIDBOARD_PUBLIC_URL", "dash.example", "https://dash.example.gov.cn/gridboard"),
        ("GRIDBOARD_PUBLIC_URL", "javascript://x", "https://dash.example.gov.cn/gridboard"),
        ("GRIDBOARD_PUBLIC_URL", "https://h/../x", "https://dash.example.gov.cn/gridboard"),
        ("GRIDBOARD_PUBLIC_URL", "https://h/a;b", "https://dash.example.gov.cn/gridboard"),
        ("GRIDBOARD_PUBLIC_URL", "https://h//x", "https://dash.example.gov.cn/gridboard"),
        (
            "GRIDBOARD_PUBLIC_URL",
            "https://user:pw@h",  # pragma: allowlist secret
            "https://dash.example.gov.cn/gridboard",
        ),
        ("GRIDBOARD_PUBLIC_URL", "https://h:abc", "https://dash.example.gov.cn/gridboard"),
        ("GRIDBOARD_PUBLIC_URL", "https://*.example", "https://dash.example.gov.cn/gridboard"),
        ("GRIDBOARD_PUBLIC_URL", "https://h/?x=1", "https://dash.example.gov.cn/gridboard"),
        ("GRIDBOARD_PROXIES", "the proxy", "10.0.0.0/8"),
        ("GRIDBOARD_PROXIES", "0.0.0.0/0", "far more than proxies"),
        ("GRIDBOARD_PROXIES", "0.0.0.0/1 128.0.0.0/1", "far more than proxies"),
        ("GRIDBOARD_PROXIES", "10.0.0.1 ::/0", "far more than proxies"),
        ("GRIDBOARD_USER_HEADER", "cookie", "x-remote-user"),
        ("GRIDBOARD_USER_HEADER", "Sec-WebSocket-Key", "x-remote-user"),
        ("GRIDBOARD_USER_HEADER", "x remote", "x-remote-user"),
        ("GRIDBOARD_METRICS_TOKEN", "1", "at least 16"),
        ("GRIDBOARD_PROXY_SECRET", "short", "at least 16"),
        ("GRIDBOARD_COOKIE_SECRET", "short", "at least 16"),
        ("GRIDBOARD_METRICS_TOKEN", "two words that are long", "at least 16"),
        ("GRIDBOARD_BACKUP_RECIPIENT", "ssh-rsa", "gridboard backup --new-key"),
        ("GRIDBOARD_BACKUP_RECIPIENT", "age1" + "q" * 58, "gridboard backup --new-key"),
        ("GRIDBOARD_IDLE_MINUTES", "0", "from 1 to"),
        ("GRIDBOARD_BACKUP_KEEP", "7", "7,4,12"),
        ("MONGODB_URI_FILE", "/nowhere/at/all", "can't be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(name: str, wrong: str, instead: str) -> None:
    with pytest.raises(BadSetting) as refused:
        Settings.from_environment({name: wrong})
    assert name in str(refused.value)
    assert instead in str(refused.value)


OIDC = {
    "GRIDBOARD_SIGN_IN": "provider",
    "GRIDBOARD_PUBLIC_URL": "https://dash.example",
    "GRIDBOARD_OIDC_CLIENT_ID": "gridboard",
    "GRIDBOARD_OIDC_CLIENT_SECRET": "x",
}


def test_a_provider_is_spoken_to_over_tls_or_on_this_machine() -> None:
    for url in (
        "https://sso.example/realm/.well-known/openid-configuration",
        "http://127.0.0.1:8080/x",
        "http://[::1]/x",
    ):
        found = Settings.from_environment(OIDC | {"GRIDBOARD_OIDC_URL": url})
        assert found.provider is not None
        assert (found.provider.url, found.provider.claim) == (url, "sub")
    for url in ("http://sso.example/.well-known/openid-configuration", "sso.example", "https://u:p@sso.example/x"):
        with pytest.raises(BadSetting, match="GRIDBOARD_OIDC_URL must be an https address"):
            Settings.from_environment(OIDC | {"GRIDBOARD_OIDC_URL": url})


def test_names_and_addresses_are_kept_as_browsers_write_them() -> None:
    found = Settings.from_environment(
        {
            "GRIDBOARD_PUBLIC_URL": "HTTPS://Dash.Example:443/Board/",
            "GRIDBOARD_NAMES": "WG.example. https://other.example:8443 网格.中国 10.0.0.7 [fd00::7]",
        }
    )
    assert found.public_url == "https://dash.example/Board"
    assert found.names == ("wg.example", "https://other.example:8443", "xn--0xvs72c.xn--fiqs8s", "10.0.0.7", "fd00::7")
    assert found.hosts == (
        "wg.example", "other.example", "xn--0xvs72c.xn--fiqs8s", "10.0.0.7", "fd00::7", "dash.example",
    )  # fmt: skip
    assert found.origins == {
        "https://dash.example", "https://other.example:8443", "http://wg.example", "https://wg.example",
        "http://xn--0xvs72c.xn--fiqs8s", "https://xn--0xvs72c.xn--fiqs8s", "http://10.0.0.7", "https://10.0.0.7",
        "http://[fd00::7]", "https://[fd00::7]",
    }  # fmt: skip


def test_what_is_hardly_meant_is_warned_of() -> None:
    def doubts(**more: str) -> str:
        return " ".join(map(str, Settings.from_environment(more).doubts()))

    assert doubts() == ""
    assert doubts(GRIDBOARD_PUBLIC_URL="https://d.example", GRIDBOARD_PROXIES="10.0.0.1") == ""
    assert "without GRIDBOARD_PROXIES" in doubts(GRIDBOARD_PUBLIC_URL="https://d.example")
    url = {"GRIDBOARD_OIDC_URL": "https://sso.example/x", "GRIDBOARD_PROXIES": "10.0.0.1"}
    assert doubts(**OIDC, **url) == ""
    assert "GRIDBOARD_OIDC_CLAIM=email" in doubts(**OIDC, **url, GRIDBOARD_OIDC_CLAIM="email")
    proxy = {"GRIDBOARD_SIGN_IN": "proxy", "GRIDBOARD_PROXIES": "127.0.0.1"}
    assert "every program on this machine" in doubts(**proxy)
    assert doubts(**proxy, GRIDBOARD_PROXY_SECRET="x" * 32) == ""
    assert doubts(**proxy | {"GRIDBOARD_PROXIES": "10.0.0.1"}) == ""


@pytest.mark.parametrize(
    ("given", "demonstration", "way"),
    [
        ({}, False, "accounts"),
        ({}, True, "none"),
        ({"GRIDBOARD_SIGN_IN": "none"}, False, "none"),
        ({"GRIDBOARD_SIGN_IN": "none", "HOST": "127.0.0.2"}, False, "none"),
        ({"GRIDBOARD_SIGN_IN": "none", "HOST": EVERYWHERE}, True, "none"),
        ({"GRIDBOARD_SIGN_IN": "none", "HOST": EVERYWHERE}, False, "accounts"),
        ({"GRIDBOARD_SIGN_IN": "none", "GRIDBOARD_PUBLIC_URL": "https://d.example"}, False, "accounts"),
        ({"GRIDBOARD_SIGN_IN": "none", "GRIDBOARD_PROXIES": "127.0.0.1"}, False, "accounts"),
        ({"GRIDBOARD_SIGN_IN": "none", "GRIDBOARD_NAMES": "d.example"}, False, "accounts"),
        ({"GRIDBOARD_SIGN_IN": "accounts"}, True, "accounts"),
        ({"GRIDBOARD_SIGN_IN": "proxy", "GRIDBOARD_PROXIES": "10.0.0.1"}, True, "proxy"),
    ],
)
def test_real_data_is_open_to_nobody_but_this_machine(given: dict[str, str], demonstration: bool, way: str) -> None:
    assert Settings.from_environment(given).way(lambda: demonstration) == way


def test_a_secret_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "uri").write_text("mongodb://u:{}@there\n".format("hushhush"))
    settings = Settings.from_environment({"MONGODB_URI_FILE": str(tmp_path / "uri"), "GRIDBOARD_AUDIT_KEY": "hushhush"})
    assert settings.uri == "mongodb://u:{}@there".format("hushhush")
    assert settings.audit_key() == b"hushhush"
    assert "hushhush" not in repr(settings)


def test_processes_that_start_at_once_share_one_audit_key(tmp_path: Path) -> None:
    settings = Settings.from_environment({"GRIDBOARD_HOME": str(tmp_path)})
    assert settings.audit_key() == b"", "to look makes no key: what it would prove is nothing"
    assert list(tmp_path.iterdir()) == []
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: settings.audit_key(make=True), range(64)))
    assert [len(key) for key in keys] == [64]
    assert [path.name for path in tmp_path.iterdir()] == ["audit.key"]
    assert (tmp_path / "audit.key").stat().st_mode & 0o077 == 0
    assert settings.audit_head == tmp_path / "audit.head"
    assert Settings.from_environment({"GRIDBOARD_AUDIT_KEY": "x"}).audit_head is None
    assert Settings.from_environment({"MONGODB_URI": "mongodb://there"}).audit_head is None


def test_published_settings_are_read_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    settings = Settings(tmp_path, None, "127.0.0.1", 9000, "editor", ("a.example", "https://b.example:8443"))
    settings.publish()
    assert Settings.from_environment() == settings


class Answering:
    """A server that answers each kind of knock as told, and notes them."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.heard: list[str] = []
        self.answers = answers
        self.there = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self.there.accept()
                with line:
                    asked = line.recv(1000).decode()
                    self.heard.append(asked)
                    answer = next((told for path, told in self.answers.items() if path in asked), "403 x")
                    line.sendall(f"HTTP/1.1 {answer}\r\n\r\n".encode() if answer else b"")


LINE, UPLOAD, MEDIA = "GET /board/_stcore/stream ", "PUT /board/_stcore/upload_file/", "GET /board/media/"


@pytest.mark.parametrize(
    ("way", "answers", "found"),
    [
        ("accounts", {}, []),
        ("accounts", {UPLOAD: "401 x", MEDIA: "401 x"}, []),
        ("accounts", {LINE: "101 x"}, ["websocket"]),
        ("accounts", {UPLOAD: "400 x"}, ["upload"]),
        ("accounts", {MEDIA: "404 x"}, ["download"]),
        ("accounts", {LINE: "101 x", MEDIA: "200 x"}, ["websocket", "download"]),
        ("accounts", {UPLOAD: "503 x"}, OSError),
        ("accounts", {MEDIA: ""}, OSError),
        ("none", {LINE: "101 x"}, []),
    ],
)
def test_a_stranger_knocks_before_readers_do(
    monkeypatch: pytest.MonkeyPatch, way: str, answers: dict[str, str], found: Any
) -> None:
    """The self-check at start-up, against a server that answers as told."""
    from dashboard import data

    monkeypatch.setattr(data, "way_in", lambda: SignInBy(way))
    answering = Answering(answers)
    settings = Settings(Path("x"), public_url="https://d.example/board")
    address = ("127.0.0.1", answering.there.getsockname()[1])
    with answering.there:
        if found is OSError:
            with pytest.raises(OSError, match="no answer to a stranger"):
                server.open_doors(settings, address)
        else:
            assert server.open_doors(settings, address) == found
            assert len(answering.heard) == (3 if way == "accounts" else 0)


SABOTAGE = """
from dashboard import signin
from repository.words import Trouble
server.KNOCK_AGAIN_SECONDS = 0.05
if sys.argv[2] == "round":
    async def round_it(door, scope, receive, send):
        await door.app(scope, receive, send)
    signin.Door.__call__ = round_it
else:
    def away():
        raise Trouble("away")
    sys.modules["dashboard.data"].way_in = away
"""
UNSAFE = SERVE.replace("SignInBy.NONE", "SignInBy.ACCOUNTS").replace(
    "settings = Settings", f"{SABOTAGE}settings = Settings"
)


@pytest.mark.parametrize(("how", "said"), [("round", "was let in"), ("away", "could not be tried")])
def test_a_door_that_is_open_or_cannot_be_tried_ends_the_serving(tmp_path: Path, how: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNSAFE, str(tmp_path), how],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PORT": "0", "HOST": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Serving was stopped" in done.stderr


# --- what is done by itself
@pytest.fixture
def tended(store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Settings]:
    """A server's settings with a folder for backups, over a database with two communities."""
    from dashboard import data

    for code in ("D", "E"):
        store.insert(admin, Community(id=code, community_id=code, code=code, name=code))
    monkeypatch.setattr(data, "store", lambda: store)
    tending.forget()
    folder = tmp_path / "backups"
    folder.mkdir()
    yield Settings(tmp_path / "home", "mongodb://there", backup_folder=folder, metrics_token="token")
    tending.forget()


def all_at_once(settings: Settings) -> dict[str, tending.State]:
    """Every job once, and how each is doing afterwards."""
    for job in tending.JOBS:
        tending.run(job, settings)
    return {job.key: tending.outcome(job.key).state(utc_now()) for job in tending.JOBS}


def test_a_job_that_fails_keeps_no_other_from_its_work(
    tended: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a disk that is nearly full, nor what nobody foresaw."""
    tried = []

    def full(_store: Store, _actor: Actor, community_id: str, **_on: object) -> None:
        tried.append(community_id)
        raise Full("nearly full")

    def surprise(*_arguments: object, **_facts: object) -> None:
        raise ValueError("of a kind nobody foresaw")

    monkeypatch.setattr(people, "forget_expired", full)
    monkeypatch.setattr(audit, "seal", surprise)
    assert {job: state for job, state in all_at_once(tended).items() if state != "well"} == {
        "seal": "failing",
        "contacts": "failing",
    }
    assert tried == ["D", "E"], "one community after the other, whatever comes of the first"
    assert str(tending.outcome("contacts").problem) == "nearly full"
    assert "ValueError" in str(tending.outcome("seal").problem)
    assert "seal failed" in caplog.text
    assert tended.backup_folder is not None
    assert len(list(tended.backup_folder.glob("*.zip"))) == 1

    monkeypatch.undo()
    monkeypatch.setattr("dashboard.data.store", lambda: store)
    assert set(all_at_once(tended).values()) == {"well"}


def test_an_import_that_broke_off_is_ended_while_the_server_runs(
    tended: Settings, store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash of the process that wrote it; nobody need start the server or bring in another file."""

    def bring(text: str) -> None:
        sheet = importer.Sheet(text.encode(), "o.csv")
        mapping = importer.propose(WorkOrder, sheet, [str])
        importer.commit(store, admin, importer.preview(store, admin, "D", sheet, mapping, languages=[str]), patience=0)

    def dies(*_: object) -> None:
        raise SystemExit

    bring("number,fault,reported_at\nW1,loose,2026-03-01\n")
    with monkeypatch.context() as patch:
        patch.setattr(Flight, "flip", dies)
        patch.setattr(Flight, "roll_back", dies)
        with pytest.raises(SystemExit):
            bring("number,fault,reported_at\nW1,broken,2026-03-01\n")
    job = {job.key: job for job in tending.JOBS}["imports"]
    assert job.every == 60

    def edit() -> None:
        store.reread_pending()
        (order,) = store.find(admin, WorkOrder, "D")
        store.update(admin, WorkOrder, "D", order.id, order.revision, {"place": "East gate"})

    tending.run(job, tended)
    with pytest.raises(Unavailable):
        edit()  # it may still be alive
    monkeypatch.setattr(store, "clock", lambda: NOW + timedelta(seconds=61))
    tending.run(job, tended)
    assert tending.outcome("imports").problem is None
    edit()


def test_a_strange_file_in_the_folder_ends_nothing(tended: Settings, store: Store) -> None:
    assert tended.backup_folder is not None
    own = backup.database_id(store)
    for name in ("gridboard-20269999T000000Z.zip", f"gridboard-{own}-20269999T000000Z.zip"):
        (tended.backup_folder / name).write_text("x")
    assert all_at_once(tended)["backup"] == "well"
    assert len(backup.kept(tended.backup_folder, own, store.clock()).copies) == 1
    assert all_at_once(tended)["backup"] == "well"
    assert len(backup.kept(tended.backup_folder, own, store.clock()).copies) == 1, "one a day"


def test_a_job_that_hangs_keeps_no_other_from_its_work(tended: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does over a network folder that does not answer any more."""
    done, never = threading.Event(), threading.Event()
    rounds: list[int] = []

    def works(_settings: Settings) -> None:
        rounds.append(1)
        if len(rounds) > 2:
            done.set()

    jobs = (tending.Job("hangs", "", lambda _settings: bool(never.wait(60))), tending.Job("works", "", works))
    monkeypatch.setattr(tending, "JOBS", jobs)
    monkeypatch.setattr(tending, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(tending, "APART_SECONDS", 0.0)
    monkeypatch.setattr(tending, "EVERY_SECONDS", 0.01)
    tending.start(tended)
    try:
        assert done.wait(30)
        assert tending.outcome("works").state(utc_now()) == "well"
        assert tending.outcome("hangs").state(utc_now()) == "waiting"
        assert tending.outcome("hangs").state(utc_now() + timedelta(hours=3)) == "stuck"
    finally:
        monkeypatch.setattr(tending, "EVERY_SECONDS", 3600.0)
        never.set()


def test_the_figures_tell_of_backups_and_jobs(tended: Settings, store: Store, admin: Actor) -> None:
    def figures() -> dict[str, float]:
        text, _kind = metrics.exposition(tended)
        lines = [line.rpartition(" ") for line in text.decode().splitlines() if line.startswith("gridboard_")]
        return {name: float(value) for name, _, value in lines}

    assert tended.backup_folder is not None
    store.clock = utc_now
    assert figures()["gridboard_backup_age_seconds"] == -1
    ahead = backup.name_of(backup.database_id(store), utc_now() + timedelta(days=9), encrypted=False)
    (tended.backup_folder / ahead).write_text("x")
    assert figures()["gridboard_backup_age_seconds"] == -1, "a backup of a moment to come is none"
    backup.take_into(store, admin, tended.backup_folder)
    assert 0 <= figures()["gridboard_backup_age_seconds"] < 100

    assert figures()['gridboard_job_success_timestamp_seconds{job="seal"}'] == 0
    all_at_once(tended)
    found = figures()
    assert abs(found['gridboard_job_success_timestamp_seconds{job="seal"}'] - time.time()) < 100
    assert found['gridboard_job_failing{job="backup"}'] == 0
    (tended.backup_folder / ahead).unlink()
    for path in tended.backup_folder.iterdir():
        path.unlink()
    tended.backup_folder.rmdir()
    assert all_at_once(tended)["backup"] == "failing"
    assert "no folder" in str(tending.outcome("backup").problem)
    found = figures()
    assert (found['gridboard_job_failing{job="backup"}'], found["gridboard_backup_age_seconds"]) == (1, -1)
