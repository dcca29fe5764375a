"""How much one reader, and all together, may ask; and how long a connection may take to come to the point."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from dashboard import limits
from dashboard.limits import Bounds, Limits, Line
from tests.conftest import awaited

EACH = Bounds(pages=8, at_once=3, files=16, bytes=1000)
ALL = Bounds(pages=16, at_once=4, files=40, bytes=2000)


class Now:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now() -> Now:
    """Stands still."""
    return Now()


@pytest.fixture
def bounds(now: Now) -> Limits:
    """Small ones."""
    return Limits(EACH, ALL, clock=now)


# --- pages
def opened(bounds: Limits, whose: str, tries: int, *, first: bool = False) -> int:
    """How many of so many pages are let in; they stay open."""
    n = 0
    for _ in range(tries):
        if not bounds.full(whose, first=first):
            bounds.pages[whose] += 1
            n += 1
    return n


def test_one_account_takes_its_share_and_no_more(bounds: Limits) -> None:
    assert opened(bounds, "a", 50) == 8
    assert opened(bounds, "b", 50) == 4, "up to three quarters of all"
    assert opened(bounds, "c", 50) == 1, "the last quarter is for those who have next to nothing"
    assert opened(bounds, "d", 1) == 1


def test_an_administrator_always_gets_in(bounds: Limits) -> None:
    for n in range(50):
        opened(bounds, f"r{n}", 50)
    assert bounds.pages.total() == 16
    assert opened(bounds, "one more", 1) == 0
    assert opened(bounds, "boss", 50, first=True) == 8, "within their own share"


def test_a_page_that_is_closed_makes_room(bounds: Limits) -> None:
    opened(bounds, "a", 8)

    async def closes(_scope: Any, _receive: Any, _send: Any) -> None:
        assert bounds.full("a")
        raise ConnectionError

    bounds.pages["a"] -= 1
    with pytest.raises(ConnectionError):
        awaited(bounds.page("a", closes, {}, None, None))
    assert not bounds.full("a")


# --- uploads
class Sender:
    """Uploads that are under way until they are told to end."""

    def __init__(self, bounds: Limits) -> None:
        self.bounds = bounds
        self.go_on = asyncio.Event()
        self.under_way = 0

    async def begin(self, whose: str, size: int, *, arrives: int | None = None, first: bool = False) -> bool:
        """Whether it was let in; ends with ``go_on``."""

        async def receive() -> Any:
            return {"type": "http.request", "body": b"x" * (size if arrives is None else arrives), "more_body": False}

        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            self.under_way += 1
            await self.go_on.wait()
            await receive()

        return await self.bounds.upload(whose, size, app, {}, receive, None, first=first)


def test_uploads_that_begin_at_once_are_counted_as_they_begin(bounds: Limits) -> None:
    async def scene() -> None:
        sender = Sender(bounds)
        waiting = [asyncio.create_task(sender.begin("a", 10)) for _ in range(20)]
        await asyncio.sleep(0)
        assert sender.under_way == 3, "at once"
        sender.go_on.set()
        assert sorted(await asyncio.gather(*waiting)) == [False] * 17 + [True] * 3
        assert await sender.begin("a", 10)

    awaited(scene())


def test_what_is_declared_is_reserved_and_what_arrived_is_kept(bounds: Limits, now: Now) -> None:
    async def scene() -> None:
        sender = Sender(bounds)
        waiting = [asyncio.create_task(sender.begin("a", 450, arrives=100)) for _ in range(3)]
        await asyncio.sleep(0)
        assert sender.under_way == 2, "the third would be more than 1000 bytes"
        sender.go_on.set()
        await asyncio.gather(*waiting)
        assert await sender.begin("a", 800), "only 200 came"
        assert not await sender.begin("a", 1)
        now.now = 601
        assert await sender.begin("a", 1000)

    awaited(scene())


def test_an_upload_under_way_is_never_forgotten(bounds: Limits, now: Now) -> None:
    async def scene() -> None:
        sender = Sender(bounds)
        waiting = asyncio.create_task(sender.begin("a", 1000))
        await asyncio.sleep(0)
        now.now = 601
        another = asyncio.create_task(sender.begin("a", 1))
        await asyncio.sleep(0)
        sender.go_on.set()
        assert await asyncio.gather(waiting, another) == [True, False]

    awaited(scene())


def test_uploads_of_one_leave_room_for_others(bounds: Limits) -> None:
    async def scene() -> None:
        sender = Sender(bounds)
        sender.go_on.set()
        told = [await sender.begin(who, 1000) for who in ("a", "b", "c")]
        assert told == [True, False, False], "three quarters of 2000"
        assert await sender.begin("d", 125)
        assert await sender.begin("boss", 1000, first=True)

    awaited(scene())


def test_an_upload_that_takes_for_ever_is_ended(bounds: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UPLOAD_SECONDS", 0.05)

    async def scene() -> None:
        upload = asyncio.create_task(Sender(bounds).begin("a", 10))
        await asyncio.wait({upload}, timeout=5)
        assert upload.done()
        assert isinstance(upload.exception(), TimeoutError)
        assert [upload.under_way for upload in bounds.uploads] == [False]

    awaited(scene())


# --- connections
class Listening:
    """A server that answers everything at once but /slow, which it answers when told."""

    def __init__(self) -> None:
        self.asked, self.slow = threading.Event(), threading.Event()
        self.server = uvicorn.Server(
            uvicorn.Config(self, http=Line, lifespan="off", log_config=None, ws="websockets-sansio")
        )
        self.door = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.door]})
        self.thread.start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
            return
        if scope["path"] == "/slow":
            self.asked.set()
            await asyncio.to_thread(self.slow.wait, 20)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def line(self, text: str = "") -> socket.socket:
        """A connection on which so much was said."""
        line = socket.create_connection(self.door.getsockname(), timeout=10)
        line.sendall(text.encode())
        return line

    def stop(self) -> None:
        """End it."""
        self.slow.set()
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    """With little patience."""
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.3)
    found = Listening()
    yield found
    found.stop()


def answered(line: socket.socket) -> bool:
    """Whether a whole answer comes."""
    told = b""
    while more := line.recv(1000):
        told += more
        if told.endswith(b"ok"):
            return True
    return False


def go_on(line: socket.socket, word: bytes) -> None:
    """Say a word now and then."""
    for _ in range(100):
        line.sendall(word)
        time.sleep(0.05)


GET = "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("said", ["", "GET / HTT", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_does_not_finish_asking_is_hung_up_on(listening: Listening, said: str) -> None:
    with listening.line(said) as line:
        assert line.recv(100) == b""


def test_words_one_by_one_do_not_help(listening: Listening) -> None:
    with listening.line(GET.format("/")[:-2]) as line, pytest.raises(ConnectionError):
        go_on(line, b"X-A: b\r\n")


def test_a_body_after_the_answer_is_not_listened_to_for_ever(listening: Listening) -> None:
    with listening.line("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n") as line:
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
        with pytest.raises(ConnectionError):
            go_on(line, b"x")


def test_who_waits_for_an_answer_is_not_hung_up_on(listening: Listening) -> None:
    with listening.line(GET.format("/slow")) as line:
        time.sleep(0.6)
        listening.slow.set()
        assert answered(line)
        line.sendall(GET.format("/").encode())
        assert answered(line), "and asks again on the same line"


def test_an_open_websocket_is_left_alone(listening: Listening) -> None:
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: c3RyYW5nZXIncyBrbm9jaw==\r\n"
    )
    with listening.line(GET.format("/").replace("\r\n\r\n", f"\r\n{upgrade}\r\n")) as line:
        assert line.recv(1000).startswith(b"HTTP/1.1 101")
        time.sleep(0.6)
        line.sendall(b"\x89\x80\x00\x00\x00\x00")
        assert line.recv(100)[:1] == b"\x8a", "a ping is answered"


def test_of_many_who_say_nothing_the_oldest_go_first(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 30)
    monkeypatch.setattr(limits, "SILENT_CONNECTIONS", 5)
    waits = listening.line(GET.format("/slow"))
    assert listening.asked.wait(10)
    silent = [listening.line() for _ in range(8)]
    assert [line.recv(100) for line in silent[:3]] == [b""] * 3
    for line in silent[3:]:
        line.sendall(GET.format("/").encode())
        assert answered(line)
    listening.slow.set()
    assert answered(waits), "who is being answered is none of them"
    for line in (waits, *silent):
        line.close()
