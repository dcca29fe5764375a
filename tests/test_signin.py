"""The door, on a real server: nobody past without a sign-in, and out at the next action when it is taken away.

The catalogue's A2 (websocket), A3 (uploads) and A4 (brute force) over the network. ASVS 5.0: 3.3, 3.5, 5.2, 6.3, 7.2.
"""

import asyncio
import http.client
import json
import os
import re
import secrets
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from dashboard import data, signin
from dashboard.limits import EACH, Bounds, Limits
from dashboard.settings import Settings, SignInBy
from dashboard.signin import Call, Given, _cookie, safe_path
from repository import accounts, backup, embedded
from repository.access import Actor, Role
from repository.grids import Community
from repository.importer import BadSheet, Sheet
from repository.store import RESTORING, SIGN_INS, Store
from tests.browser import Server, Windows
from tests.conftest import awaited
from tests.reader import Reader, signed_in

GOOD, OTHER = "violet anchor bread", "seven quiet lanterns"
OPERATOR = Actor("operator", "操作员", Role.ADMIN)
PAGE = {"Accept": "text/html"}


class Site:
    """A server with accounts, spoken to without a browser."""

    def __init__(self, server: Server | None = None, host: str = "127.0.0.1") -> None:
        self.server = server or Server()
        self.host = host
        self.port = int(self.server.address.rsplit(":", 1)[1])
        self.home = Path(self.server.home)
        self.connect()

    def connect(self) -> None:
        """The database behind it, by a connection that has no memory of slow answers."""
        endpoint = embedded.start(self.home)
        self.store = Store.connect(endpoint.uri, endpoint.database)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """One request on a connection of its own; header names are written with underscores."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=head)
        answer = connection.getresponse()
        self.last = answer.read() if answer.status != 101 else b""
        return answer

    def post(self, path: str, cookie: str = "", origin: str = "", **fields: str) -> http.client.HTTPResponse:
        """A form."""
        head = {"Content_Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        if origin:
            head["Origin"] = origin
        return self.call("POST", path, urlencode(fields), **head)

    def socket(self, cookie: str = "", **headers: str) -> int:
        """The answer to a websocket handshake: 101 when it is let in."""
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
        key = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Cookie": cookie}
        return self.call("GET", "/_stcore/stream", **upgrade, **key, **headers).status

    def sign_in(self, login: str = "boss", password: str = GOOD) -> str:
        """A cookie as the browser would send it."""
        return signed_in(self.port, login, password, host=self.host)

    def open(self, cookie: str) -> dict[str, Any]:
        """The stored sign-in behind a cookie."""
        return {"_id": accounts._fingerprint(cookie.partition("=")[2])}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A server whose first account was opened at the address it printed."""
    site = Site()
    try:
        said = "".join(site.server.said)
        code = re.search(r"/setup\?code=(\S+)", said)
        assert code, said
        assert site.call("GET", f"/setup?code={code[1]}", **PAGE).status == 200
        answer = site.post("/setup", code=code[1], login="Boss", name="书记", new=GOOD, again=GOOD)
        assert (answer.status, answer.headers["location"]) == (303, "/login")
        site.store.insert(OPERATOR, Community(id="D", community_id="D", code="D", name="绝密社区"))
        yield site
        bad = [line for line in site.server.complaints() if " WARNING " not in line]  # warned of what these tests do
        assert bad == [], "".join(bad)
    finally:
        site.store.close()
        site.server.stop()


def account(site: Site, role: str = "editor") -> tuple[str, str]:
    """A new account with a password of its own: its id and sign-in name."""
    login = f"u{secrets.token_hex(4)}"
    made = accounts.add_user(site.store, OPERATOR, {"login": login, "name": login, "role": role}, password=GOOD)
    accounts.edit_user(site.store, OPERATOR, made.id, made.revision, {"must_change": False})
    return made.id, login


# --- without a sign-in
def test_without_a_sign_in_a_page_leads_to_the_form_and_all_else_is_refused(site: Site) -> None:
    answer = site.call("GET", "/maintenance?grid=x&lang=en", **PAGE)
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=%2Fmaintenance%3Fgrid%3Dx%26lang%3Den")
    for method, path in (
        ("GET", "/media/abc.png"), ("PUT", "/_stcore/upload_file/a/b"), ("GET", "/_stcore/host-config"),
        ("GET", "/component/x"), ("POST", "/maintenance"), ("DELETE", "/_stcore/upload_file/a/b"),
        ("GET", "/_stcore/agent/openapi.json"), ("GET", "/_stcore/bidi-components/x"), ("GET", "/oauth2callback"),
    ):  # fmt: skip
        assert site.call(method, path).status in {401, 403}, path
    assert site.call("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "cookie", ["", "gridboard=", "gridboard=x", f"gridboard={'a' * 43}", "gridboard=$ne", "other=1"]
)
def test_a_socket_without_a_sign_in_is_refused(site: Site, cookie: str) -> None:
    assert site.socket(cookie) == 403


def test_a_strange_cookie_beside_ours_keeps_nobody_out(site: Site) -> None:
    good = site.sign_in()
    for cookies in (
        f'other={{"a": [1, 2]}}; a b=c; =; {good}; x',
        f"{good}; gridboard=junk",
        f"gridboard=junk; {good}",
        f"gridboard=junk; gridboard=; gridboard=more; {good}; gridboard=junk",
    ):
        assert site.call("GET", "/", Cookie=cookies, **PAGE).status == 200, cookies
        reader = Reader(site.port, "", "lang=en", cookie=cookies)
        reader.rerun()
        assert "绝密社区".encode() in reader.said, "the page knows the reader too"
        reader.close()
    assert site.socket("; ".join(f"gridboard={n}" for n in range(50)) + f"; {good}") == 403, "a few are tried"


def call(scheme: str = "http", cookie: str = "", **given: Any) -> Call:
    """A request as the door sees it."""
    scope = {"scheme": scheme, "path": "/", "headers": [(b"cookie", cookie.encode())]}
    return Call(scope, Settings(Path("x"), **given))


@pytest.mark.parametrize(
    ("given", "scheme", "name", "parts"),
    [
        ({}, "http", "gridboard", {"Path=/"}),
        ({}, "https", "__Host-gridboard", {"Path=/", "Secure"}),
        ({"public_url": "https://d.example"}, "http", "__Host-gridboard", {"Path=/", "Secure"}),
        ({"public_url": "http://d.example/a/b"}, "http", "gridboard.a.b", {"Path=/a/b"}),
        ({"public_url": "https://d.example/a"}, "http", "__Secure-gridboard.a", {"Path=/a", "Secure"}),
    ],
)
def test_the_cookie_is_named_by_its_place_and_what_browsers_guarantee(
    given: Any, scheme: str, name: str, parts: set[str]
) -> None:
    seen = call(scheme, f"gridboard.z=1; {name}=2; __Host-gridboard.y=3; __Secure-gridboard=4", **given)
    assert seen.cookie == name
    assert "2" in seen.tokens
    assert set(seen.tokens) & {"1", "3"} == set()
    head = _cookie(seen.cookie, "t", seen)[1].decode()
    assert set(head.split("; ")) == {f"{name}=t", "HttpOnly", "SameSite=Lax", *parts}


def test_a_page_sees_each_cookie_once_and_the_sign_in_under_its_plain_name() -> None:
    seen = call("https", "a=1; __Host-gridboard=t; gridboard=fixed; a=2; gridboard.x=other; _streamlit_xsrf=2|b|c|3")
    (line,) = [value for name, value in seen.for_pages()["headers"] if name == b"cookie"]
    assert set(line.decode().split("; ")) == {"a=1", "gridboard=t", "_streamlit_xsrf=2|b|c|3"}


def test_headers_do_not_sign_anybody_in(site: Site) -> None:
    for name in ("X_Remote_User", "X_Forwarded_User", "Authorization"):
        assert site.socket(**{name: "boss"}) == 403


# --- the cookie
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    answer = site.post("/login", login="boss", password=GOOD)
    head = answer.headers["set-cookie"]
    name, _, value = head.split(";")[0].partition("=")
    assert name == "gridboard"
    assert len(value) >= 43
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in head.split(";")}
    assert site.socket(f"gridboard={value}") == 101
    assert value not in repr(list(site.store.db[SIGN_INS].find()))
    assert site.sign_in() != f"gridboard={value}", "each sign-in has a token of its own"


@pytest.mark.parametrize(
    ("asked", "goal"),
    [
        ("/maintenance?grid=x", "/maintenance?grid=x"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/login", "/"),
        ("/\nSet-Cookie:x=1", "/"),
        ("//[", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_stays_on_this_site(site: Site, asked: str, goal: str) -> None:
    assert safe_path(asked) == goal
    answer = site.post(f"/login?next={quote(asked, safe='')}", login="boss", password=GOOD)
    assert (answer.status, answer.headers["location"]) == (303, goal)


def test_another_site_cannot_sign_anybody_in_or_out(site: Site) -> None:
    cookie = site.sign_in()
    for path in ("/login", "/logout", "/password"):
        assert site.post(path, cookie, "http://evil.example", login="boss", password=GOOD).status == 403
    assert site.socket(cookie) == 101
    assert site.socket(cookie, Origin="http://evil.example") == 403


def test_the_pages_before_the_door_run_nothing(site: Site) -> None:
    answer = site.call("GET", '/login?next="><script>alert(1)</script>&lang=en', **PAGE)
    assert answer.status == 200
    assert b"<script" not in site.last
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    site.post("/login", login="<img src=x onerror=alert(1)>", password="x")
    assert b"<img" not in site.last
    assert b"&lt;img" in site.last


def test_a_form_that_is_far_too_long_is_refused(site: Site) -> None:
    assert site.post("/login", login="boss", password="x" * 50_000).status == 403


def test_a_form_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setattr(signin, "FORM_SECONDS", 0.05)
    monkeypatch.setattr(data, "way_in", lambda: SignInBy.ACCOUNTS)
    monkeypatch.setattr(data, "store", lambda: store)  # not the one of whoever runs the tests
    sent: list[Any] = []

    async def slowly() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/login", "headers": []}
    awaited(signin.Door(None, Settings(Path("x")))(scope, slowly, send))
    assert sent[0]["status"] == 408


def test_nobody_who_signs_in_waits_for_those_who_choose_a_password(
    monkeypatch: pytest.MonkeyPatch, store: Store, admin: Actor
) -> None:
    who = accounts.Visitor(Actor("x", "x", Role.VIEWER, sign_in="s"), "x", None, must_change=False)
    user = accounts.add_user(store, admin, {"login": "wang", "name": "王芳", "role": "viewer"}, password=GOOD)
    enough, at_once, most = threading.Event(), 0, 0

    def judged(*_given: Any, **_more: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        enough.wait(10)
        at_once -= 1

    monkeypatch.setattr(data, "way_in", lambda: SignInBy.ACCOUNTS)
    monkeypatch.setattr(data, "visitor", lambda _token: who)
    monkeypatch.setattr(data, "store", lambda: store)
    for name in ("change_password", "set_up"):
        monkeypatch.setattr(accounts, name, judged)
    monkeypatch.setattr(accounts, "setup_open", lambda *_given: True)
    monkeypatch.setattr(accounts, "sign_in", lambda *_given, **_more: ("t", user))
    door = signin.Door(None, Settings(Path("x")))

    async def posted(path: str) -> int:
        answers: list[Any] = []

        async def form() -> Any:
            return {"type": "http.request", "body": b"new=a&again=a"}

        async def send(message: Any) -> None:
            answers.append(message)

        head = [(b"cookie", b"gridboard=t")]
        await door({"type": "http", "method": "POST", "scheme": "http", "path": path, "headers": head}, form, send)
        return int(answers[0]["status"])

    async def all_at_once() -> int:
        choosing = [asyncio.create_task(posted(path)) for path in ("/password", "/setup", "/password", "/setup")]
        await asyncio.sleep(0.3)
        try:
            return await asyncio.wait_for(posted("/login"), 5)
        finally:
            enough.set()
            await asyncio.gather(*choosing)

    assert awaited(all_at_once()) == 303
    assert most == 1


@pytest.mark.parametrize(("role", "let_in"), [(Role.VIEWER, False), (Role.EDITOR, False), (Role.ADMIN, True)])
def test_administrators_come_in_when_all_places_are_taken(
    monkeypatch: pytest.MonkeyPatch, role: Role, let_in: bool
) -> None:
    who = accounts.Visitor(Actor("x", "x", role, sign_in="s"), "x", None, must_change=False)
    monkeypatch.setattr(data, "way_in", lambda: SignInBy.ACCOUNTS)
    monkeypatch.setattr(data, "visitor", lambda _token: who)
    passed: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        passed.append(scope["path"])

    async def send(_message: Any) -> None:
        pass

    door = signin.Door(app, Settings(Path("x")))
    door.limits = Limits(everybody=Bounds(0, 0, 0, 0))
    head = [(b"cookie", b"gridboard=t"), (b"content-length", b"10")]
    for kind, path in (("websocket", "/_stcore/stream"), ("http", "/_stcore/upload_file/a/b")):
        scope = {"type": kind, "method": "PUT", "scheme": "http", "path": path, "headers": head}
        awaited(door(scope, None, send))
    assert passed == (["/_stcore/stream", "/_stcore/upload_file/a/b"] if let_in else [])


# --- what is taken away
def test_an_expired_sign_in_is_refused(site: Site) -> None:
    cookie = site.sign_in()
    assert site.socket(cookie) == 101
    site.store.db[SIGN_INS].update_one(site.open(cookie), {"$set": {"idle_at": site.store.clock()}})
    assert site.socket(cookie) == 403
    assert site.call("GET", "/", Cookie=cookie, **PAGE).status == 303


def test_after_signing_out_the_old_cookie_is_worth_nothing(site: Site) -> None:
    cookie = site.sign_in()
    assert site.call("GET", "/logout", Cookie=cookie, **PAGE).status == 200
    assert site.socket(cookie) == 101, "looking at the form does not sign out"
    assert site.post("/logout", cookie).status == 303
    assert site.socket(cookie) == 403


def test_an_open_page_shows_nothing_more_after_a_revocation(site: Site) -> None:
    id, login = account(site)
    reader = Reader(site.port, "", "lang=en", cookie=site.sign_in(login))
    reader.rerun()
    assert "绝密社区".encode() in reader.said

    user = accounts.user_named(site.store, OPERATOR, login)
    accounts.edit_user(site.store, OPERATOR, id, user.revision, {"active": False})

    reader.rerun()
    assert "绝密社区".encode() not in reader.said
    assert b"not signed in any more" in reader.said
    assert not reader.failed
    reader.close()


def template(reader: Reader) -> str:
    """Where the empty sheet is handed out that the page offers: what a press of its button leads to."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    reader.rerun()
    wanted = re.search(rb"template-xlsx.*?b\x20([0-9a-f]{32})", reader.said, re.DOTALL)  # the button's deferred_file_id
    assert wanted
    request: Any = BackMsg()
    request.backend_operation_request.request_id = "r"
    request.backend_operation_request.session_id = reader.session
    request.backend_operation_request.deferred_file.file_id = wanted[1].decode()
    reader._socket.send(request.SerializeToString())
    while True:
        message: Any = ForwardMsg()
        message.ParseFromString(reader._socket.recv(timeout=30))
        if message.WhichOneof("type") == "backend_operation_response":
            answer = message.backend_operation_response
            assert answer.deferred_file.url, answer
            return str(answer.deferred_file.url)


def test_a_download_is_refused_after_a_revocation(site: Site) -> None:
    """So are a page, an upload, and a page's own line."""
    id, login = account(site)
    cookie = site.sign_in(login)
    reader = Reader(site.port, "data", "lang=en&part=export", cookie=cookie)
    path = template(reader)
    assert site.call("GET", path, Cookie=cookie).status == 200
    assert len(site.last) > 100

    user = accounts.user_named(site.store, OPERATOR, login)
    accounts.edit_user(site.store, OPERATOR, id, user.revision, {"active": False})

    assert site.call("GET", path, Cookie=cookie).status == 401
    assert upload(site, cookie, 1000) == 401
    assert site.call("GET", "/", Cookie=cookie, **PAGE).status == 303
    assert site.socket(cookie) == 403
    reader.close()


def test_a_download_is_its_readers_alone(site: Site) -> None:
    _, one = account(site)
    _, other = account(site, "admin")
    cookie = site.sign_in(one)
    reader = Reader(site.port, "data", "lang=en&part=export", cookie=cookie)
    path = template(reader)
    theirs = site.sign_in(other)
    assert site.call("GET", path, Cookie=theirs).status == 404, "who heard of the address"
    assert site.call("GET", path, Cookie=cookie).status == 200
    assert site.call("GET", path, Cookie=site.sign_in(one)).status == 200, "their own, in another browser"
    second = Reader(site.port, "data", "lang=en&part=export", cookie=theirs)
    assert site.call("GET", template(second), Cookie=theirs).status == 200, "who was given one"
    reader.close()
    second.close()


def test_what_was_given_is_remembered_within_bounds() -> None:
    given = Given(readers=2, files=2)
    for n in range(3):
        given.note("a", b"\x0a/media/%032x.csv\x12/media/x" % n)
    assert [given.holds("a", f"/media/{n:032x}.csv") for n in range(4)] == [False, True, True, False]
    for whose in "bc":
        given.note(whose, b"/media/%032x" % 1)
    assert [given.holds(whose, f"/media/{1:032x}") for whose in "abc"] == [False, True, True]


def test_an_open_page_follows_a_demotion_at_its_next_run(site: Site) -> None:
    id, login = account(site, "admin")
    reader = Reader(site.port, "admin", "lang=en", cookie=site.sign_in(login))
    reader.rerun()
    assert b"Who may sign in" in reader.said

    user = accounts.user_named(site.store, OPERATOR, login)
    accounts.edit_user(site.store, OPERATOR, id, user.revision, {"role": "viewer"})

    reader.rerun()
    assert b"Who may sign in" not in reader.said
    assert b"Only administrators" in reader.said
    reader.close()


def test_a_first_password_opens_only_the_form_for_another(site: Site) -> None:
    login = f"u{secrets.token_hex(4)}"
    accounts.add_user(site.store, OPERATOR, {"login": login, "name": login, "role": "viewer"}, password=GOOD)
    answer = site.post("/login?next=/maintenance", login=login, password=GOOD)
    cookie = answer.headers["set-cookie"].split(";")[0]
    assert answer.headers["location"] == "/password?next=%2Fmaintenance"
    assert site.socket(cookie) == 403
    assert site.call("GET", "/maintenance", Cookie=cookie, **PAGE).headers["location"].startswith("/password")
    assert site.post("/password", cookie, old=GOOD, new=OTHER, again="different").status == 400
    answer = site.post("/password?next=/maintenance", cookie, old=GOOD, new=OTHER, again=OTHER)
    assert (answer.status, answer.headers["location"]) == (303, "/maintenance")
    assert site.socket(cookie) == 101


def test_a_first_password_that_is_too_old_is_said_to_be_so(site: Site) -> None:
    login = f"u{secrets.token_hex(4)}"
    made = accounts.add_user(site.store, OPERATOR, {"login": login, "name": login, "role": "viewer"}, password=GOOD)
    long_ago = site.store.clock() - timedelta(hours=accounts.FIRST_HOURS)
    site.store.db[accounts.PASSWORDS].update_one({"_id": made.id}, {"$set": {"at": long_ago}})
    answer = site.post("/login?lang=en", login=login, password=GOOD)
    assert (answer.status, answer.headers["set-cookie"]) == (403, None)
    assert b"This first password is too old" in site.last


# --- signing in again
def pressed(reader: Reader, key: str) -> int | None:
    """Press a button on the page; how the connection was closed for it, None when it was not."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.exceptions import ConnectionClosed

    request: Any = BackMsg()
    state = request.rerun_script.widget_states.widgets.add()
    state.id, state.trigger_value = f"$$ID-0-{key}", True
    reader._socket.send(request.SerializeToString())
    try:
        while True:
            message: Any = ForwardMsg()
            message.ParseFromString(reader._socket.recv(timeout=30))
            if message.WhichOneof("type") == "script_finished":
                return None
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


@pytest.mark.parametrize("end", ["idle_at", "ends_at"])
def test_an_open_page_goes_on_with_the_new_sign_in_of_the_same_person_only(site: Site, end: str) -> None:
    _, login = account(site)
    before = site.sign_in(login)
    reader = Reader(site.port, "", "lang=en", cookie=before)
    reader.rerun()
    site.store.db[SIGN_INS].update_one(site.open(before), {"$set": {end: site.store.clock()}})
    reader.rerun()
    assert b"not signed in any more" in reader.said
    assert pressed(reader, "go-on") is None, "nobody has signed in again"
    assert site.post("/login", before, login="boss", password=GOOD).status == 303
    assert pressed(reader, "go-on") is None, "somebody else has"

    answer = site.post("/login", before, login=login, password=GOOD)
    cookie = (answer.headers["set-cookie"] or "").split(";")[0]
    assert cookie != before
    assert pressed(reader, "another") is None
    assert pressed(reader, "go-on") == 1012
    assert (site.socket(before), site.socket(cookie)) == (403, 101)
    reader.close()


def test_who_signs_in_on_anothers_open_page_finds_nothing_of_theirs(site: Site) -> None:
    """A browser that slept comes back to the session it had, with the sign-in it has now."""
    _, login = account(site)
    page = Reader(site.port, "", "lang=en", cookie=site.sign_in(login))
    page.rerun()
    page.close()
    for who, keeps in ((login, True), ("boss", False)):
        again = Reader(site.port, "", "", cookie=site.sign_in(who), before=page.session)
        again.rerun()
        again.close()
        assert again.session == page.session
        assert (b"as of" in again.said) is keeps


# --- guessing
def test_a_hundred_guesses_get_five_answers(site: Site) -> None:
    _, login = account(site)
    told = [site.post("/login", login=login, password=f"guess {n}").status for n in range(100)]
    assert told == [401] * 5 + [429] * 95
    assert site.post("/login", login=login, password=GOOD).status == 429


# --- uploads
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + b"\x00" * 48 + b"PE\x00\x00"


def upload(
    site: Site, cookie: str, size: int, *, page: str = "none", xsrf: bool = True, chunked: bool = False
) -> int | None:
    """PUT a program of so many bytes, called a sheet, to an open page; None when it hangs up in the middle."""
    head = {"Cookie": cookie, "Content_Type": "multipart/form-data; boundary=b"}
    if xsrf:
        answer = site.call("GET", "/_stcore/health", Cookie=cookie)
        token = re.search(r"_streamlit_xsrf=([^;]+)", answer.headers.get("set-cookie") or "")
        assert token, "Streamlit hands out a token with its health"
        head |= {"Cookie": f"{cookie}; _streamlit_xsrf={token[1]}", "X_Xsrftoken": token[1]}
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.xlsx"\r\n\r\n'
        + PROGRAM.ljust(size, b"x")
        + b"\r\n--b--\r\n"
    )
    pieces = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    try:
        return site.call("PUT", f"/_stcore/upload_file/{page}/some", pieces if chunked else body, **head).status
    except (BrokenPipeError, ConnectionResetError):
        return None


def an_open_page(site: Site, cookie: str) -> Reader:
    """The page that imports, open."""
    reader = Reader(site.port, "data", "lang=en", cookie=cookie)
    reader.rerun()
    return reader


def test_uploads_need_a_sign_in_and_are_bounded(site: Site) -> None:
    cookie = site.sign_in()
    reader = an_open_page(site, cookie)
    page = reader.session
    assert upload(site, "", 1000, page=page) == 401
    assert upload(site, "gridboard=forged", 1000, page=page) == 401
    assert upload(site, cookie, 1000, page=page, xsrf=False) == 403
    assert upload(site, cookie, 1000, page="none") == 400, "to a page that is not open"
    assert upload(site, cookie, 11_000_000, page=page) == 413
    assert upload(site, cookie, 1000, page=page, chunked=True) == 411, "who does not say how much"
    # not 413: the door reads nothing of what it could not reserve room for, so it never learns that it is too large
    assert upload(site, cookie, 30_000_000, page=page, chunked=True) in {411, None}
    assert upload(site, cookie, 1000, page=page) == 204, "what it holds is for the page to judge"
    reader.close()


@pytest.mark.parametrize("name", ["a.exe", "a.xlsx", "a.csv"])
def test_a_program_is_no_sheet_whatever_it_is_called(name: str) -> None:
    with pytest.raises(BadSheet):
        Sheet(PROGRAM.ljust(100_000, b"x"), name)


def test_one_reader_uploads_so_much_and_no_more(site: Site) -> None:
    _, login = account(site)
    cookies = [site.sign_in(login), site.sign_in(login)]
    reader = an_open_page(site, cookies[0])
    told = [upload(site, cookies[n // 25], 1000, page=reader.session) for n in range(40)]
    assert told == [204] * EACH.files + [429] * (40 - EACH.files), "another sign-in is the same reader"
    assert upload(site, site.sign_in(), 1000) == 400, "others go on"
    reader.close()

    _, login = account(site)
    cookie = site.sign_in(login)
    reader = an_open_page(site, cookie)
    told = [upload(site, cookie, 9_000_000, page=reader.session) for _ in range(13)]
    assert told == [204] * 11 + [429] * 2, "a hundred megabytes"
    reader.close()


def test_one_reader_cannot_take_all_pages(site: Site) -> None:
    """Forty pages, however often they sign in; and everybody else still comes in."""
    _, login = account(site, "viewer")
    with ExitStack() as lines:
        told = []
        for cookie in (site.sign_in(login), site.sign_in(login)):
            for _ in range(EACH.pages // 2 + 2):
                line = lines.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=30))
                line.sendall(
                    f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3RyYW5nZXIncyBrbm9jaw==\r\n"
                    "\r\n".encode()
                )
                told.append(int(line.recv(100).split()[1]))
        assert told == [101] * EACH.pages + [403] * 4
        assert site.socket(site.sign_in(login)) == 403
        assert site.socket(site.sign_in()) == 101


def test_the_sign_in_lasts_as_long_as_the_settings_say(site: Site) -> None:
    cookie = site.sign_in()
    kept = site.store.db[SIGN_INS].find_one(site.open(cookie))
    assert kept is not None
    assert kept["idle_at"] - kept["created_at"] == timedelta(minutes=30)
    assert kept["ends_at"] - kept["created_at"] == timedelta(hours=8)


# --- what watches the servers
def test_the_figures_are_closed_without_a_token(site: Site) -> None:
    assert site.call("GET", "/metrics").status == 404
    assert site.call("GET", "/metrics", Authorization="Bearer ").status == 404
    assert site.call("GET", "/readyz").status == 200
    assert len(site.call("GET", "/healthz").headers["x-request-id"]) == 16


def test_the_figures_and_the_log_name_nobody() -> None:
    """One server with both switched on, used by somebody whose name and doings must not be found in either."""
    server = Server(GRIDBOARD_SIGN_IN="none", GRIDBOARD_METRICS_TOKEN="open-sesame-open-sesame", GRIDBOARD_LOG="json")
    try:
        store = Store.connect(embedded.start(server.home).uri)
        store.insert(OPERATOR, Community(id="D", community_id="D", code="D", name="绝密社区"))
        store.close()
        port = int(server.address.rsplit(":", 1)[1])
        reader = Reader(port, "maintenance", "q=绝密词&lang=en")
        reader.rerun()
        assert not reader.failed
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/metrics", headers={"Authorization": "Bearer open-sesame-open-sesame"})
        answer = connection.getresponse()
        text = answer.read().decode()
        reader.close()
        assert answer.status == 200
        assert re.search(r"^gridboard_open_pages 1\.0$", text, re.M)
        assert re.search(r"^gridboard_database_seconds 0\.\d+", text, re.M)
        assert re.search(r"^gridboard_database_free_bytes \d", text, re.M)
        connection.request("GET", "/metrics", headers={"Authorization": "Bearer open-says-me-open-says"})
        assert connection.getresponse().status == 404
        urllib.request.urlopen(f"{server.address}/grids?q={quote('绝密词')}")  # noqa: S310
    finally:
        server.stop()
    lines = [json.loads(line) for line in server.log if line.startswith("{")]
    seen = [line for line in lines if line["logger"] == "gridboard.access"]
    requests = [line for line in seen if line["method"] != "WEBSOCKET"]
    assert {"at", "level", "message", "request", "method", "path", "status", "ms"} <= set(requests[0])
    assert any(line["path"] == "/grids" for line in seen)
    assert "绝密词" not in "".join(server.log)
    assert "?" not in "".join(line["path"] for line in seen)


# --- while the database is away
@pytest.mark.drill
def test_the_door_says_so_and_opens_again_by_itself(site: Site) -> None:
    """Killed: the private server is started again by whoever knocks first. Silent: the page says so and asks again."""
    cookie = site.sign_in()
    pid = embedded.status(site.home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert site.call("GET", "/", Cookie=cookie, **PAGE).status == 200
    pid = embedded.status(site.home).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        paths = ("/grids", "/login", "/setup?code=x")
        with ThreadPoolExecutor() as pool:  # each waits for some seconds
            line = pool.submit(site.socket, cookie)
            answers = list(pool.map(lambda path: site.call("GET", path, Cookie=cookie, **PAGE), paths))
            assert [(answer.status, answer.headers["refresh"]) for answer in answers] == [(503, "5")] * 3
            assert line.result() == 403
    finally:
        os.kill(pid, signal.SIGCONT)
    site.store.close()
    site.connect()
    # the driver notices within seconds, on a busy machine in some more
    deadline = time.monotonic() + 20
    while site.call("GET", "/", Cookie=cookie, **PAGE).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert site.socket(cookie) == 101


# --- a backup
def test_a_backup_is_handed_to_administrators_only_and_goes_on_record(site: Site, tmp_path: Path) -> None:
    def on_record() -> int:
        return site.store.db["audit"].count_documents({"operation": "backup"})

    before, boss = on_record(), site.sign_in()
    assert site.call("GET", "/backup").status == 401
    assert site.call("GET", "/backup", **PAGE).status == 303
    _, login = account(site)
    assert site.call("GET", "/backup", Cookie=site.sign_in(login)).status == 403
    for elsewhere in ("cross-site", "same-site"):
        assert site.call("GET", "/backup", Cookie=boss, Sec_Fetch_Site=elsewhere).status == 403
    for method in ("POST", "HEAD"):
        assert site.call(method, "/backup", Cookie=boss).status == 405
    assert on_record() == before

    answer = site.call("GET", "/backup?lang=en", Cookie=boss, Sec_Fetch_Site="same-origin")
    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(site.last)
    assert answer.headers["cache-control"] == "no-store"
    (tmp_path / "b.zip").write_bytes(site.last)
    assert backup.inspect(tmp_path / "b.zip").documents
    assert on_record() == before + 1
    assert not list(site.home.glob("*.zip*"))
    assert not list(site.home.glob(".gridboard-*"))


def test_the_door_says_when_the_database_is_being_restored(site: Site) -> None:
    site.store.db[SIGN_INS].insert_one({"_id": RESTORING})
    try:
        for path in ("/login", "/setup?code=x", "/logout"):
            assert site.call("GET", f"{path}{'&' if '?' in path else '?'}lang=en", **PAGE).status == 503
            assert b"being restored from a backup" in site.last
        assert site.call("GET", "/readyz").status == 503
        assert b"being restored" in site.last
    finally:
        site.store.db[SIGN_INS].delete_one({"_id": RESTORING})
    assert site.call("GET", "/login", **PAGE).status == 200


# --- without a sign-in, and over the network
@pytest.mark.drill
def test_a_demonstration_open_to_the_network_closes_when_real_data_comes() -> None:
    """The reader comes over another address than the one that is printed, as from the office."""
    site = Site(Server("--demo", GRIDBOARD_SIGN_IN="none", HOST="0.0.0.0"), host="127.0.0.2")  # noqa: S104
    try:
        origin = f"http://127.0.0.2:{site.port}"
        assert site.socket(Origin=origin) == 101
        site.store.insert(OPERATOR, Community(id="R", community_id="R", code="R", name="真社区"))
        deadline = time.monotonic() + 10
        while site.socket(Origin=origin) != 403:
            assert time.monotonic() < deadline, "the door shuts within seconds"
            time.sleep(0.1)
        assert site.call("GET", "/", **PAGE).headers["location"] == "/login?next=%2F"

        accounts.add_user(site.store, OPERATOR, {"login": "boss", "name": "b", "role": "admin"}, password=GOOD)
        cookie = site.sign_in()
        answer = site.post("/password", cookie, origin, old=GOOD, new=OTHER, again=OTHER)
        assert (answer.status, answer.headers["location"]) == (303, "/")
        assert site.socket(cookie, Origin=origin) == 101
        assert site.socket(cookie, Origin="http://127.0.0.1:1") == 403
    finally:
        site.store.close()
        site.server.stop()


# --- in a browser
@pytest.mark.browser
@pytest.mark.parametrize("end", ["idle_at", "ends_at"])
def test_what_was_typed_is_still_there_after_signing_in_again(site: Site, windows: Windows, end: str) -> None:
    """In another tab, after the sign-in was not used for too long or came to its absolute end."""
    _, login = account(site)
    visitor = windows(language="en-US")
    page = visitor.page
    page.goto(f"{site.server.address}/report")
    page.fill("#login", login)
    page.fill("#password", GOOD)
    page.click("button")
    typed = page.get_by_label("Anything to add?")
    typed.wait_for(timeout=30_000)
    typed.fill("half a sentence about the left post")
    page.keyboard.press("Tab")
    visitor.settled()
    site.store.db[SIGN_INS].update_many({"login": login}, {"$set": {end: site.store.clock()}})

    page.get_by_text("Loose", exact=False).first.click()
    page.get_by_text("You are not signed in any more").wait_for(timeout=30_000)
    assert typed.count() == 0
    page.get_by_role("button", name="Go on").click()
    visitor.settled()
    page.get_by_text("You are not signed in any more").wait_for(timeout=30_000)

    other = page.context.new_page()
    other.goto(f"{site.server.address}/login")
    other.fill("#login", login)
    other.fill("#password", GOOD)
    other.click("button")
    other.wait_for_url(f"{site.server.address}/")
    other.close()
    page.get_by_role("button", name="Go on").click()
    typed.wait_for(timeout=30_000)
    assert typed.input_value() == "half a sentence about the left post"


@pytest.mark.browser
def test_a_backup_is_taken_away_through_the_browser(site: Site, windows: Windows, tmp_path: Path) -> None:
    before = site.store.db["audit"].count_documents({"operation": "backup", "actor_name": "书记"})
    visitor = windows(language="en-US")
    page = visitor.page
    page.goto(f"{site.server.address}/admin?part=backups")
    page.fill("#login", "boss")
    page.fill("#password", GOOD)
    page.click("button")
    link = page.get_by_role("link", name="Take a backup")
    link.wait_for(timeout=30_000)
    link.evaluate("link => link.removeAttribute('target')")  # so that the download is this page's
    with page.expect_download(timeout=30_000) as waiting:
        link.click()
    waiting.value.save_as(tmp_path / "b.zip")
    assert re.fullmatch(r"gridboard-[0-9a-f]{8}-\d{8}T\d{6}Z\.zip", waiting.value.suggested_filename)
    manifest = backup.inspect(tmp_path / "b.zip")
    assert {part.name for part in manifest.parts} >= {"audit", "communities", "users", "passwords"}
    assert site.store.db["audit"].count_documents({"operation": "backup", "actor_name": "书记"}) == before + 1


@pytest.mark.browser
def test_signing_out_leads_back_to_the_form(site: Site, windows: Windows) -> None:
    _, login = account(site)
    visitor = windows(language="en-US")
    page = visitor.page
    page.goto(site.server.address)
    page.fill("#login", login)
    page.fill("#password", "wrong")
    page.click("button")
    page.get_by_text("do not belong together").wait_for()
    assert page.input_value("#login") == login
    page.fill("#password", GOOD)
    page.click("button")
    page.locator(".st-key-frame-person button, .st-key-frame\\.person button").first.click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("You are not signed in any more").wait_for(timeout=30_000)
    page.goto(site.server.address)
    page.wait_for_selector("#login")
