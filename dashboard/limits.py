"""How much one reader, and all together, may ask of the server: open pages, what is uploaded, and how long a connection
may take to come to the point.

Streamlit keeps every upload in memory until its page is closed and opens a page for whoever connects. These bounds are
far above what a person does, and far below what fills the machine.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Bounds:
    """Open pages and uploads under way at once, and files and bytes uploaded within ``seconds``."""

    pages: int
    at_once: int
    files: int
    bytes: int
    seconds: float = 600.0


EACH = Bounds(pages=40, at_once=8, files=30, bytes=100_000_000)
ALL = Bounds(pages=400, at_once=40, files=300, bytes=400_000_000)
RESERVE = 1 / 4  # of what all may take: kept for those who have taken little
LITTLE = 1 / 8  # of what one may take
UPLOADS = "/_stcore/upload_file/"
UPLOAD_SECONDS = 300.0
HEAD_SECONDS = 10.0
SILENT_CONNECTIONS = 300
CONNECTIONS = 1000  # all, with the open pages; beyond it there is only 503
HEAD_BYTES = 65_536  # a provider's statement comes in cookies


@dataclass
class Upload:
    """One file: how much was declared while it is ``under_way``, then how much arrived."""

    at: float
    whose: str
    size: int
    under_way: bool = True


class Limits:
    """The bounds of one server. ``whose`` below is an account, or an address where there is no sign-in; ``first`` is
    whom the others can't keep out: an administrator, bounded by their own share only."""

    def __init__(
        self, each: Bounds = EACH, everybody: Bounds = ALL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.each, self.everybody, self.clock = each, everybody, clock
        self.pages: Counter[str] = Counter()
        self.uploads: list[Upload] = []

    # --- pages
    def full(self, whose: str, *, first: bool = False) -> bool:
        """Has this reader, or have all together, as many pages open as may be?"""
        pages = self.pages
        return not _fits(1, pages[whose], self.each.pages, pages.total(), self.everybody.pages, first=first)

    async def page(self, whose: str, app: Asgi, scope: Any, receive: Any, send: Any) -> None:
        """A websocket, counted while it is open."""
        self.pages[whose] += 1
        try:
            await app(scope, receive, send)
        finally:
            self.pages[whose] -= 1
            if not self.pages[whose]:
                del self.pages[whose]

    # --- uploads
    async def upload(
        self, whose: str, size: int, app: Asgi, scope: Any, receive: Any, send: Any, *, first: bool = False
    ) -> bool:
        """An upload of the declared ``size``; False, and nothing is done, when that is more than may be for now.

        It is counted as it begins, so that many at once get no more than one after the other; at its end by what really
        arrived. TimeoutError after UPLOAD_SECONDS.
        """
        upload = self._reserve(whose, size, first=first)
        if upload is None:
            return False
        arrived = 0

        async def counting() -> Any:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            return message

        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await app(scope, counting, send)
        finally:
            upload.size, upload.under_way = arrived, False
        return True

    def _reserve(self, whose: str, size: int, *, first: bool) -> Upload | None:
        began = self.clock() - self.everybody.seconds
        self.uploads = [upload for upload in self.uploads if upload.under_way or upload.at >= began]
        mine = [upload for upload in self.uploads if upload.whose == whose]

        def fits(more: int, count: Callable[[list[Upload]], int], each: int, everybody: int) -> bool:
            return _fits(more, count(mine), each, count(self.uploads), everybody, first=first)

        each, everybody = self.each, self.everybody
        if not (
            fits(1, lambda them: sum(one.under_way for one in them), each.at_once, everybody.at_once)
            and fits(1, len, each.files, everybody.files)
            and fits(size, lambda them: sum(one.size for one in them), each.bytes, everybody.bytes)
        ):
            return None
        upload = Upload(self.clock(), whose, size)
        self.uploads.append(upload)
        return upload


def _fits(more: int, mine: int, each: int, taken: int, everybody: int, *, first: bool) -> bool:
    """Is there room for so much more, in one's own share and in what all may take?"""
    if mine + more > each:
        return False
    little = mine + more <= each * LITTLE
    return first or taken + more <= everybody * (1 if little else 1 - RESERVE)


class Line(H11Protocol):
    """A connection that has to come to the point: whoever does not finish a request's head within HEAD_SECONDS is hung
    up on, and of many who say nothing the oldest. Once a request stands it has all the time the answer takes."""

    silent: dict["Line", None] = {}  # noqa: RUF012 (one server a process), the oldest first
    patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody calls."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """They speak."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """They ask for a page's own line, which is silent for long."""
        self._wait_no_more()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """They were answered, and may ask again; the next question may be here already."""
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._wait_no_more()
        self.patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)
        self.silent[self] = None
        if len(self.silent) > SILENT_CONNECTIONS:
            oldest = next(iter(self.silent))
            oldest._wait_no_more()
            oldest.transport.close()

    def _wait_no_more(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
        self.silent.pop(self, None)


class Rate:
    """So many times within some seconds, for each and for all together; in memory, of one process. When all together
    have had theirs, each still has ``little``: nobody can use up what others need."""

    KEPT = 20_000  # whom it remembers; whoever has not been heard of for longest goes first

    def __init__(
        self, each: int, everybody: int, seconds: float, clock: Callable[[], float] = time.monotonic, little: int = 0
    ) -> None:
        self.each, self.everybody, self.seconds, self.clock, self.little = each, everybody, seconds, clock, little
        self._mine: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()
        self._all: deque[tuple[float, int]] = deque()

    def wait(self, whose: str) -> float:
        """Seconds until there is one more for this one; 0 now."""
        now = self.clock()
        mine = self._mine.get(whose, deque())
        alone = self._wait(mine, self.each, now)
        together = min(self._wait(self._all, self.everybody, now), self._wait(mine, self.little, now))
        return max(alone, together)

    def count(self, whose: str, amount: int = 1) -> None:
        """One more, or ``amount`` of what is counted."""
        now = self.clock()
        for times in (self._mine.setdefault(whose, deque()), self._all):
            times.append((now, amount))
        self._mine.move_to_end(whose)
        while len(self._mine) > self.KEPT:
            self._mine.popitem(last=False)

    def _wait(self, times: deque[tuple[float, int]], most: int, now: float) -> float:
        while times and times[0][0] <= now - self.seconds:
            times.popleft()
        over = sum(amount for _at, amount in times) - most
        if over < 0:
            return 0.0
        for at, amount in times:
            over -= amount
            if over < 0:
                return at + self.seconds - now
        return self.seconds
