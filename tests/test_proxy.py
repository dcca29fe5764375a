"""Behind a real proxy: docs/operations/nginx.conf as it stands, with TLS, under a path, on loopback."""

import datetime as dt
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from repository import accounts, embedded
from repository.store import SIGN_INS, Store
from tests.browser import Server, visit
from tests.test_signin import GOOD, OPERATOR

pytestmark = pytest.mark.drill

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
EXAMPLE = Path(__file__).parents[1] / "docs" / "operations" / "nginx.conf"


@pytest.fixture(scope="module", autouse=True)
def _needed() -> None:
    if NGINX is None:
        if os.environ.get("CI"):
            pytest.fail("nginx must be there in CI")
        pytest.skip("nginx is not on this machine")


def free_port() -> int:
    """A port nobody uses just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody signed, for this machine, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "c.crt", folder / "c.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )
    return paths


class Behind:
    """GridBoard behind nginx."""

    def __init__(self, folder: Path, user_header: str = "", proxy_secret: str = "", **environment: str) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}/gridboard"
        self.server = Server(GRIDBOARD_PUBLIC_URL=self.url, GRIDBOARD_PROXIES="127.0.0.1", **environment)
        found = re.search(r"Serving on 127\.0\.0\.1, port (\d+), as:", "".join(self.server.said))
        assert found
        text = EXAMPLE.read_text()
        crt, key = certificate(folder)
        self.context = ssl.create_default_context(cafile=crt)
        self.plain, self.log = free_port(), folder / "access.log"
        for old, new in (
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("/var/log/nginx/gridboard.log", str(self.log)),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("dash.example.gov.cn;", "localhost;"),
            ("/etc/ssl/gridboard.crt", str(crt)),
            ("/etc/ssl/gridboard.key", str(key)),
            ("127.0.0.1:8501", f"127.0.0.1:{found[1]}"),
            ('X-Remote-User     ""', f'X-Remote-User     "{user_header}"'),
            ('X-GridBoard-Proxy ""', f'X-GridBoard-Proxy "{proxy_secret}"'),
        ):
            assert old in text
            text = text.replace(old, new)
        (folder / "site.conf").write_text(text)
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
            "events { worker_connections 256; }\n"
            f"http {{ client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path "
            f"{folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n include {folder}/site.conf; }}\n"
        )
        assert NGINX is not None
        self.proxy = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                if self.call("GET", "/healthz").status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((folder / "error.log").read_text())

    def call(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> http.client.HTTPResponse:
        """One request through the proxy, under its path."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=self.context)
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, "/gridboard" + path, body, head)
        answer = connection.getresponse()
        self.last = answer.read() if answer.status != 101 else b""
        return answer

    def store(self) -> Store:
        """The database behind it."""
        endpoint = embedded.start(self.server.home)
        return Store.connect(endpoint.uri, endpoint.database)

    def stop(self) -> None:
        """End both."""
        self.proxy.terminate()
        self.proxy.wait(20)
        self.server.stop()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """With accounts, the first one opened at the address that was printed."""
    found = Behind(tmp_path_factory.mktemp("nginx"))
    try:
        code = re.search(r"/setup\?code=(\S+)", "".join(found.server.said))
        assert code
        form = urlencode({"code": code[1], "login": "boss", "name": "书记", "new": GOOD, "again": GOOD})
        answer = found.call("POST", "/setup", form, Content_Type="application/x-www-form-urlencoded")
        assert (answer.status, answer.headers["location"]) == (303, "/gridboard/login")
        yield found
    finally:
        found.stop()


def test_without_tls_one_is_led_to_it(behind: Behind) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", behind.plain, timeout=30)
    connection.request("GET", "/gridboard/grids?q=x", headers={"Host": "localhost"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["location"]) == (301, "https://localhost/gridboard/grids?q=x")


def test_the_proxy_s_log_holds_no_code_and_no_search(behind: Behind) -> None:
    behind.call("GET", "/setup?code=hushhush")
    behind.call("GET", "/grids?q=hushhush", Referer=f"{behind.url}/setup?code=hushhush")
    deadline = time.monotonic() + 10  # it writes once it has answered
    while '"GET /gridboard/grids"' not in (said := behind.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert '"GET /gridboard/setup" 403' in said
    assert '"GET /gridboard/grids"' in said
    assert "hushhush" not in said


def test_an_office_behind_one_address_is_let_in(behind: Behind) -> None:
    """A hundred and fifty readers who open a page within a moment."""
    told = [behind.call("GET", "/healthz").status for _ in range(300)]
    assert set(told) == {200}


def test_what_is_printed_is_the_public_address(behind: Behind) -> None:
    said = "".join(behind.server.said)
    assert f"{behind.url}/setup?code=" in said
    assert f"\n{behind.url}\n" in said


def test_the_cookie_is_for_tls_and_for_our_path_only(behind: Behind) -> None:
    form = urlencode({"login": "boss", "password": GOOD})
    head = {"Content_Type": "application/x-www-form-urlencoded", "Origin": f"https://localhost:{behind.port}"}
    answer = behind.call("POST", "/login?next=%2Fgrids", form, **head)
    parts = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert answer.headers["location"] == "/gridboard/grids"
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/gridboard"} <= set(parts)
    assert parts[0].startswith("__Secure-gridboard.gridboard=")
    health = behind.call("GET", "/_stcore/health", Cookie=parts[0])
    theirs = [part.strip() for part in health.headers["set-cookie"].split(";")]
    assert theirs[0].startswith("_streamlit_xsrf=")
    assert {"Secure", "Path=/gridboard"} <= set(theirs)
    assert answer.headers["strict-transport-security"]
    store = behind.store()
    (kept,) = store.db[SIGN_INS].find().sort("created_at", -1).limit(1)
    assert kept["address"] == "127.0.0.1", "as the proxy tells it"
    store.close()
    page = behind.call("GET", "/grids", Accept="text/html")
    assert page.headers["location"] == "/gridboard/login?next=%2Fgrids"
    assert behind.call("GET", "/_stcore/metrics").status == 403


def test_scripts_are_compressed_and_kept_for_a_year(behind: Behind) -> None:
    from streamlit import __file__ as streamlit

    script = max(
        (Path(streamlit).parent / "static" / "static" / "js").glob("*.js"), key=lambda path: path.stat().st_size
    )
    answer = behind.call("GET", f"/static/js/{script.name}", Accept_Encoding="gzip")
    assert answer.status == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert "max-age=31536000" in answer.headers["cache-control"]
    assert len(behind.last) < script.stat().st_size / 2


@pytest.mark.browser
def test_a_reader_signs_in_works_and_uploads_through_the_proxy(behind: Behind, browser: Any, tmp_path: Path) -> None:
    """Page, websocket, upload and download under a path, in a real browser."""
    from repository.grids import Community

    store = behind.store()
    store.insert(OPERATOR, Community(id="D", community_id="D", code="D", name="绝密社区"))
    sheet = tmp_path / "people.csv"
    sheet.write_text("姓名,职务\n李四,网格员\n", encoding="utf-8")
    with visit(browser) as visitor:
        page = visitor.page
        page.goto(f"{behind.url}/data?part=import")
        page.fill("#login", "boss")
        page.fill("#password", GOOD)
        page.click("button")
        page.get_by_text("绝密社区").first.wait_for(timeout=30_000)
        assert page.url == f"{behind.url}/data?part=import"
        page.set_input_files("[data-testid=stFileUploaderDropzoneInput]", str(sheet))
        page.get_by_text("people.csv").first.wait_for(timeout=30_000)
        visitor.settled()
        page.goto(f"{behind.url}/grids")
        page.get_by_text("绝密社区").first.wait_for(timeout=30_000)
        assert visitor.outside == []
    store.close()
    assert [line for line in behind.server.complaints() if "ERROR" in line or "Traceback" in line] == []


def test_a_proxy_that_knows_the_reader_signs_them_in(tmp_path: Path) -> None:
    """The trusted header: only from a proxy that was named, and only for a name that has an account."""
    found = Behind(tmp_path, user_header="wang@street", GRIDBOARD_SIGN_IN="proxy")
    try:
        store = found.store()
        refused = found.call("GET", "/grids", Accept="text/html")
        assert refused.status == 403
        assert b"wang@street" in found.last
        values = {"login": "wang", "name": "王芳", "role": "viewer", "subject": "wang@street"}
        accounts.add_user(store, OPERATOR, {"login": "boss", "name": "b", "role": "admin", "subject": "boss@street"})
        accounts.add_user(store, OPERATOR, values)
        answer = found.call("GET", "/grids?lang=en", Accept="text/html")
        assert (answer.status, answer.headers["location"]) == (303, "/gridboard/grids?lang=en")
        cookie = answer.headers["set-cookie"].split(";")[0]
        # what the reader says of themselves is not what the proxy says
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
                   "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
        assert found.call("GET", "/_stcore/stream", Cookie=cookie, X_Remote_User="boss@street", **upgrade).status == 101
        sign_in = store.db[SIGN_INS].find_one({})
        assert sign_in is not None
        assert sign_in["login"] == "wang"
        # somebody else's sign-in in this reader's browser is worth nothing
        terms = accounts.Terms()
        other, _ = accounts.sign_in_as(store, "boss@street", accounts.Way.PROXY, terms=terms)
        name = cookie.partition("=")[0]
        assert found.call("GET", "/_stcore/stream", Cookie=f"{name}={other}", **upgrade).status == 403
        store.close()
    finally:
        found.stop()


UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


def said(found: Behind, *names: bytes, agent: str = "a", cookie: str = "", **headers: str) -> tuple[int, str]:
    """What the app answers to a proxy on this machine that names the reader so: status and cookie."""
    port = re.search(r"Serving on 127\.0\.0\.1, port (\d+), as:", "".join(found.server.said))
    assert port
    connection = http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=30)
    connection.putrequest("GET", "/gridboard/_stcore/stream" if cookie else "/gridboard/grids")
    for name in names:
        connection.putheader("X-Remote-User", name)
    more = {"Cookie": cookie, **UPGRADE} if cookie else {"Accept": "text/html"}
    for header, value in (more | {"User-Agent": agent, **headers}).items():
        connection.putheader(header.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, (answer.headers["set-cookie"] or "").split(";")[0]


def test_a_proxys_word_is_read_as_it_was_meant_and_opens_no_more_than_needed(tmp_path: Path) -> None:
    """Chinese names in either spelling; two names are none; a client without a jar gets the sign-in it has."""
    found = Behind(tmp_path, user_header="王芳", GRIDBOARD_SIGN_IN="proxy", GRIDBOARD_PROXY_SECRET="")
    try:
        store = found.store()
        for login, subject in (("boss", "boss"), ("wang", "王芳")):
            values = {"login": login, "name": login, "role": "admin", "subject": subject}
            accounts.add_user(store, OPERATOR, values)
        answer = found.call("GET", "/grids", Accept="text/html")
        assert answer.status == 303, found.last.decode()
        rows = store.db[SIGN_INS]
        assert [row["login"] for row in rows.find()] == ["wang"]

        encoded = b"%E7%8E%8B%E8%8A%B3"
        status, cookie = said(found, encoded)
        assert status == 303
        assert said(found, "王芳".encode(), cookie=cookie)[0] == 101
        assert said(found, encoded, cookie=cookie)[0] == 101
        for names in (
            (encoded, b"boss"),
            (b"boss", encoded),
            (encoded, encoded),
            (),
            (b"",),
            (b"%FF",),
            ("王芳".encode("gbk"),),
        ):
            assert said(found, *names)[0] == 403, names
            assert said(found, *names, cookie=cookie)[0] == 403, names

        with ThreadPoolExecutor(8) as many:
            told = list(many.map(lambda n: said(found, b"boss", agent=f"robot {n % 2}"), range(24)))
        assert {status for status, _cookie in told} == {303}
        assert rows.count_documents({"login": "boss"}) == 2, "one for each client"
        for n in range(30):
            assert said(found, b"boss", agent=f"agent {n}")[0] == 303
        assert rows.count_documents({"login": "boss"}) == 20
        rows.delete_many({"login": "boss"})
        assert said(found, b"boss", cookie=told[0][1])[0] == 403
        status, cookie = said(found, b"boss", agent="robot 1")
        assert (status, said(found, b"boss", cookie=cookie)[0]) == (303, 101), "one that was ended is not given again"
        store.close()
    finally:
        found.stop()


def test_with_a_secret_no_other_program_is_the_proxy(tmp_path: Path) -> None:
    secret = "0123456789abcdef"  # pragma: allowlist secret
    found = Behind(
        tmp_path, user_header="boss", proxy_secret=secret, GRIDBOARD_SIGN_IN="proxy", GRIDBOARD_PROXY_SECRET=secret
    )
    try:
        store = found.store()
        accounts.add_user(store, OPERATOR, {"login": "boss", "name": "b", "role": "admin", "subject": "boss"})
        store.close()
        answer = found.call("GET", "/grids", Accept="text/html")
        assert answer.status == 303
        cookie = answer.headers["set-cookie"].split(";")[0]
        assert found.call("GET", "/_stcore/stream", Cookie=cookie, **UPGRADE).status == 101
        assert found.call("GET", "/_stcore/stream", Cookie=cookie, X_GridBoard_Proxy="x", **UPGRADE).status == 101
        assert said(found, b"boss")[0] == 403
        assert said(found, b"boss", cookie=cookie)[0] == 403
        assert said(found, b"boss", X_GridBoard_Proxy="x" * 16)[0] == 403
        assert secret not in "".join(found.server.log)
    finally:
        found.stop()
