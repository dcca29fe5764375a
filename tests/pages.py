"""The public pages without a server: requests straight at the application, from any address, and pictures to send."""

import html
import io
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from dashboard.public import Public, Rates
from dashboard.settings import Settings
from repository import labels
from repository.access import Actor, Role
from repository.store import Store
from tests.conftest import awaited

CLERK = Actor("clerk", "文员", Role.ADMIN)
GOOD = {"fault": "loose", "dangerous": "no"}


def picture(size: tuple[int, int] = (640, 480), kind: str = "JPEG", **more: Any) -> bytes:
    """A small picture with a gradient, so that it has something to show."""
    from PIL import Image

    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, kind, **more)
    return file.getvalue()


@dataclass
class Page:
    """An answer and what stands on it."""

    status: int
    text: str
    headers: httpx.Headers
    size: int

    @property
    def said(self) -> str:
        """The page's words, without its markup and its title."""
        body = self.text.partition("<main>")[2]
        return html.unescape(re.sub(r"<[^>]+>", " ", body))

    @property
    def where(self) -> str:
        """Where it leads."""
        return self.headers.get("location", "")

    @property
    def token(self) -> str:
        """The form's token."""
        found = re.search(r'name="token" value="([^"]+)"', self.text)
        return found.group(1) if found else ""


@dataclass
class Front:
    """The public pages as one visitor sees them; ``address`` says from where."""

    app: Any
    address: str = "10.0.0.1"
    language: str = "en"
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: Any) -> Page:
        """Look at a page."""
        return self.call("GET", path, **more)

    def post(self, path: str, fields: dict[str, Any] | None = None, files: Any = None, **more: Any) -> Page:
        """Send a form, always as a browser sends one with photos."""
        parts = [(name, (None, value)) for name, value in (fields or {}).items()]
        parts += [("photos", one) for one in files or [("", b"", "application/octet-stream")]]
        return self.call("POST", path, files=parts, **more)

    def call(self, method: str, path: str, **more: Any) -> Page:
        """One request."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(self.address, 40000))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                head = {"accept-language": self.language, **self.headers, **more.pop("headers", {})}
                return await client.request(method, path, headers=head, **more)

        answer = awaited(ask())
        return Page(answer.status_code, answer.text, answer.headers, len(answer.content))


def front(rates: Rates | None = None, **more: Any) -> Front:
    """The pages of a test; the store is ``data.store``'s."""
    return Front(Public(Settings.from_environment({}), rates), **more)


def label_of(store: Store, facility_id: str = "d-F-01", community_id: str = "d") -> str:
    """A label on a facility of the yard."""
    return labels.mint(store, CLERK, community_id, facilities=[facility_id])[0].code
