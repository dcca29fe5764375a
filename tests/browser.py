"""A real server and a real Chromium for the tests that need them: see test_browser.py."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.folders import server_folder

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What a healthy server may say: root is warned of, and the embedded server's version has known holes.
KNOWN_LINES = (
    re.compile(r"runs as root"),
    re.compile(r"has known security holes"),
)


def chromium() -> str | None:
    """The Chromium of this machine, or None."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


class Server:
    """``gridboard run`` in a process of its own, with a data directory of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.home = server_folder("gb-web-")
        env = {name: value for name, value in os.environ.items() if name != "MONGODB_URI"}
        env |= {"GRIDBOARD_HOME": str(self.home), "PORT": "0", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dashboard.cli", "run", *arguments],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        threading.Thread(target=self._read_log, daemon=True).start()
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.fullmatch(r"https?://\S+", line.strip().partition("/setup?")[0]):
                if "/setup?" in line:
                    continue
                self.address = found.group()
                return
        raise RuntimeError("".join([*self.said, *self.log]))

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def complaints(self) -> list[str]:
        """Lines of the log that no test names."""
        return [line for line in self.log if line.strip() and not any(known.search(line) for known in KNOWN_LINES)]

    def end_app(self) -> None:
        """End the app; its database stays."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def stop(self) -> None:
        """End the app and its database."""
        from repository import embedded

        try:
            self.end_app()
        finally:
            embedded.stop(self.home)
            shutil.rmtree(self.home, ignore_errors=True)


class Visit:
    """One browser page with its requests and errors recorded."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.outside.append(request.url)

    def go(self, address: str, path: str = "") -> None:
        """Open a page, without a query: as by the browser's own way back and forth where the app is open already, which
        takes half of what loading it anew does."""
        if not self.page.url.startswith(address):
            self.page.goto(f"{address}/{path}")
            return
        self.page.evaluate(
            "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate', { state: {} })) }",
            f"/{path}",
        )

    def settled(self) -> None:
        """Wait until the script's run is over and drawn."""
        self.page.wait_for_selector("[data-testid=stAppViewContainer]", timeout=60_000)
        self.page.wait_for_function(
            "() => !document.querySelector('[data-testid=stStatusWidget]')"
            " && document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') !== 'running'",
            timeout=60_000,
            polling=100,  # each frame, as is usual, keeps the page drawing
        )
        self.page.wait_for_timeout(250)

    def forget(self) -> None:
        """Begin anew in the same window: nothing noted and nothing remembered, but what was loaded is at hand."""
        if self.page.url.startswith("http"):
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear() }")
        self.page.goto("about:blank")
        self.page.context.clear_cookies()
        self.page.context.clear_permissions()
        self.outside.clear()
        self.errors.clear()

    def text(self) -> str:
        """What the page says."""
        return str(self.page.inner_text("[data-testid=stAppViewContainer]"))


@contextmanager
def visit(browser: Any, *, width: int = 1440, language: str = "zh-CN", scheme: str = "light") -> Iterator[Visit]:
    """A fresh visitor: a new profile of the given width, browser language and colour scheme."""
    phone = width < 600
    context = browser.new_context(
        viewport={"width": width, "height": 844 if phone else 900},
        locale=language,
        timezone_id="Asia/Shanghai",
        color_scheme=scheme,
        reduced_motion="reduce",  # a turning wheel costs more than the page it waits for
        has_touch=phone,
        ignore_https_errors=True,  # the tests' own certificate
        device_scale_factor=1,
    )
    try:
        yield Visit(context.new_page())
    finally:
        context.close()


class Windows:
    """One window of each kind for many tests: Streamlit's code is loaded once for all of them."""

    def __init__(self, browser: Any) -> None:
        self.browser, self.stack = browser, ExitStack()
        self.opened: dict[tuple[int, str, str], Visit] = {}

    def __call__(self, width: int = 1440, language: str = "zh-CN", scheme: str = "light") -> Visit:
        """A visitor who was never here, in a window others had before."""
        kind = (width, language, scheme)
        if kind not in self.opened:
            shown = visit(self.browser, width=width, language=language, scheme=scheme)
            self.opened[kind] = self.stack.enter_context(shown)
        for visitor in self.opened.values():  # a page that is left open works on
            visitor.forget()
        return self.opened[kind]

    def close(self) -> None:
        """Close them all."""
        self.stack.close()
