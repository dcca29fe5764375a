"""How much one visitor, and all together, may ask of the server: open pages, and what is uploaded.

Streamlit keeps every upload in memory until its page is closed and opens a page for whoever connects. These bounds are
far above what a person does, and far below what fills the machine.
"""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Bounds:
    """Open pages at once, and files and bytes uploaded within ``seconds``."""

    pages: int
    files: int
    bytes: int
    seconds: float = 600.0


EACH = Bounds(pages=40, files=30, bytes=100_000_000)
ALL = Bounds(pages=400, files=300, bytes=400_000_000)
UPLOADS = "/_stcore/upload_file/"


class Limits:
    """The bounds of one server; ``whose`` below is a sign-in, or an address where there is none."""

    def __init__(
        self, each: Bounds = EACH, everybody: Bounds = ALL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.each, self.everybody, self.clock = each, everybody, clock
        self.pages: Counter[str] = Counter()
        self.uploads: deque[tuple[float, str, int]] = deque()

    # --- pages
    def full(self, whose: str) -> bool:
        """Has this visitor, or have all together, as many pages open as may be?"""
        return self.pages[whose] >= self.each.pages or self.pages.total() >= self.everybody.pages

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
    def spent(self, whose: str) -> bool:
        """Has this visitor, or have all together, uploaded as much as may be for now?"""
        began = self.clock() - self.everybody.seconds
        while self.uploads and self.uploads[0][0] < began:
            self.uploads.popleft()
        mine = [size for _at, owner, size in self.uploads if owner == whose]
        total = sum(size for _at, _owner, size in self.uploads)
        return (
            len(mine) >= self.each.files
            or sum(mine) >= self.each.bytes
            or len(self.uploads) >= self.everybody.files
            or total >= self.everybody.bytes
        )

    async def upload(self, whose: str, app: Asgi, scope: Any, receive: Any, send: Any) -> None:
        """An upload, counted by what really arrives."""
        arrived = 0

        async def counting() -> Any:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            return message

        try:
            await app(scope, counting, send)
        finally:
            self.uploads.append((self.clock(), whose, arrived))


class Rate:
    """So many times within some seconds, for each and for all together; in memory, of one process."""

    KEPT = 20_000  # whom it remembers; whoever has not been heard of for longest goes first

    def __init__(self, each: int, everybody: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.each, self.everybody, self.seconds, self.clock = each, everybody, seconds, clock
        self._mine: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()
        self._all: deque[tuple[float, int]] = deque()

    def wait(self, whose: str) -> float:
        """Seconds until there is one more for this one; 0 now."""
        now = self.clock()
        pairs = ((self._mine.get(whose, deque()), self.each), (self._all, self.everybody))
        return max(self._wait(times, most, now) for times, most in pairs)

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
