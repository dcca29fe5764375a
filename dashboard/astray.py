"""Whoever opens an address at which there is no page is told so, in their language, with the ways to the pages there
are. Streamlit itself would show its first page under a message in English."""

import html
from typing import Any

from dashboard import i18n
from dashboard.i18n import _, say
from dashboard.settings import Settings
from dashboard.signin import Call, document, page_headers, redirect

OTHERS = frozenset({"_stcore", "app", "auth", "component", "d", "media", "oauth2callback", "r", "static", "t"})
"""First parts of the addresses that are no pages: files, what Streamlit's script asks, pages of labels and doors."""


class Astray:
    """Stands between the door and Streamlit, which gives the same page for every address it does not know."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        call = Call(scope, self.settings)
        if call.wants_page and _is_the_first(call.path):
            asked = scope.get("query_string", b"").decode("latin-1")
            await redirect(send, f"{self.settings.base}/{'?' if asked else ''}{asked}")
            return
        if not call.wants_page or _is_known(call.path):
            await self.app(scope, receive, send)
            return
        ours = False

        async def told(message: Any) -> None:
            nonlocal ours
            if message["type"] == "http.response.start" and _is_streamlits_page(message):
                ours = True
                with i18n.speaking(call.language):
                    body = b"" if scope["method"] == "HEAD" else _page(call).encode()
                await send({"type": "http.response.start", "status": 404, "headers": page_headers()})
                await send({"type": "http.response.body", "body": body})
            elif not ours:
                await send(message)

        await self.app(scope, receive, told)


def _is_the_first(path: str) -> bool:
    """Whether it names the page that opens at the address without a path."""
    from dashboard.navigation import PAGES

    return path.strip("/") == PAGES[0].key


def _is_known(path: str) -> bool:
    from dashboard.navigation import BY_KEY

    first, _slash, rest = path.strip("/").partition("/")
    return first in OTHERS or (not rest and (not first or first in BY_KEY))


def _is_streamlits_page(answer: Any) -> bool:
    kinds = [value for name, value in answer.get("headers", ()) if name.lower() == b"content-type"]
    return answer["status"] == 200 and any(value.startswith(b"text/html") for value in kinds)


def _page(call: Call) -> str:
    from dashboard.navigation import PAGES

    lost = _("There is no page at {address}. Nothing was changed. Choose one of these:", address=call.path[:100])
    ways = ""
    for row in PAGES:
        if row.shown and not row.needs:
            way = f"{call.settings.base}/{row.key}?lang={i18n.current()}"
            ways += f'<li><a href="{html.escape(way)}">{html.escape(say(row.title))}</a></li>'
    return document(_("Page not found"), f"<p>{html.escape(lost)}</p><ul>{ways}</ul>", call)
