"""The web server around the pages: settings, health, security headers, and the log.

``streamlit run streamlit_app.py`` works as well, without what stands here: no /healthz, no headers, slower answers
(docs/decisions/0001-entry-script-and-serving.md).
"""

import asyncio
import gc
import importlib
import importlib.util
import ipaddress
import logging
import re
import resource
import secrets
import socket
import sys
import threading
import time
import tomllib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dashboard import limits, logs, metrics
from dashboard.i18n import _
from dashboard.settings import BACKUP_PATH, PROXY_SECRET_HEADER, Settings, SignInBy, is_open, origin_of
from repository.words import Trouble, msg

CONFIG = Path(__file__).parent / "theme" / "config.toml"
LINKS = CONFIG.with_name("links.js")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EARLY = ("Html",)  # of Streamlit's elements
CLOSED = ("/_stcore/metrics",)  # open to anyone by Streamlit's default
HEALTH_SECONDS = 3.0
PING_SECONDS = 30.0
FAREWELL_SECONDS = 3
TURN_SECONDS = 0.0005
"""How long a thread computes before another has its turn. With Python's 5 ms a page waits that long at each of its
readings and messages while one of the server's own jobs computes."""
OPEN_FILES = 4096


def _streamlit_files() -> Path | None:
    """The folder of Streamlit's own page and its code."""
    found = importlib.util.find_spec("streamlit")
    return None if found is None or found.origin is None else Path(found.origin).parent / "static"


def _inline_scripts() -> str:
    """The hashes of the scripts that stand in Streamlit's own page, and of ours, as a policy names them."""
    files = _streamlit_files()
    if files is None:
        return ""
    page = (files / "index.html").read_text("utf-8")
    scripts = [*re.findall(r"<script>(.*?)</script>", page, re.DOTALL), LINKS.read_text("utf-8")]
    return "".join(f" 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)


@cache
def early(base: str) -> bytes:
    """A Link header that has a browser fetch with the page what every page of ours needs, and Streamlit's page would
    ask for only once its first elements have come: their code, and what that imports. Empty where there is none."""
    files = _streamlit_files()
    if files is None:
        return b""
    page, code = (files / "index.html").read_text("utf-8"), files / "static" / "js"
    found: list[str] = []
    waiting = [path.name for name in EARLY for path in sorted(code.glob(f"{name}.*.js"))]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in page and (code / name).is_file():
            found.append(name)
            waiting += re.findall(r'from"\./([^"]+\.js)"', (code / name).read_text("utf-8"))
    return ", ".join(f"<{base}/static/js/{name}>; rel=modulepreload" for name in sorted(found)).encode()


POLICY = (
    f"default-src 'self'; script-src 'self'{_inline_scripts()}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; media-src 'self' blob:; object-src 'none'; "
    "frame-src 'none'; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
"""What a page may load and run: only what comes from here. Streamlit writes styles into the page, so those are let in;
of scripts only the one of Streamlit's own page and ours that follows links, by their hashes."""
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", POLICY.encode()),
)
TLS_HEADERS = ((b"strict-transport-security", b"max-age=31536000"),)

log = logging.getLogger("gridboard")


def options(settings: Settings) -> dict[str, Any]:
    """Every Streamlit option we set, by its dotted name: theme/config.toml, and what depends on where we serve."""
    found = options_of_file()
    found["server.address"] = settings.host
    found["server.port"] = settings.port
    # The guard below decides who may call us by which name; Streamlit's own list knows no "any number".
    found["server.allowedHosts"] = [] if is_open(settings.host) else [*LOOPBACK, *settings.hosts]
    found["server.baseUrlPath"] = settings.base.lstrip("/")
    if settings.cookie_secret:
        found["server.cookieSecret"] = settings.cookie_secret
    return found


def options_of_file() -> dict[str, Any]:
    """The options of theme/config.toml by dotted name."""
    with CONFIG.open("rb") as file:
        return dict(_flat(tomllib.load(file)))


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def configure(settings: Settings) -> None:
    """Set all options, over any config.toml of the working folder or the user's home. Before the app is made."""
    from streamlit import config, logger

    chosen = options(settings)
    for name, value in chosen.items():
        config.set_option(name, value)
    # Streamlit reads these two only while it parses a file; its loggers and uvicorn's follow them.
    logger.set_log_level(chosen["logger.level"].upper())
    logger.update_formatter()
    logger.init_uvicorn_logs()


def script() -> str:
    """Where the entry script is, in a checkout or an installed wheel."""
    found = importlib.util.find_spec("streamlit_app")
    if found is None or found.origin is None:
        raise RuntimeError("streamlit_app.py is not installed beside the dashboard package")
    return found.origin


def application(settings: Settings) -> Any:
    """The ASGI application. One per process."""
    configure(settings)

    import streamlit as st
    from starlette.middleware import Middleware
    from starlette.routing import Route

    from dashboard.astray import Astray
    from dashboard.door import Doors
    from dashboard.public import Public
    from dashboard.rejoin import Rejoin
    from dashboard.signin import Door

    public = Public(settings)
    return st.App(
        script(),
        secrets=provider_secrets(settings),
        routes=[
            # also without the public path: who asks on this machine (systemd, a container) knows the port only
            *(
                Route(base + path, answer, methods=["GET", "HEAD"])
                for base in {settings.base, ""}
                for path, answer in (("/healthz", health), ("/readyz", ready))
            ),
            Route(f"{settings.base}/r/{{rest:path}}", public),
            Route(f"{settings.base}/t/{{rest:path}}", public),
            Route(f"{settings.base}/d/{{rest:path}}", Doors(settings)),
            Route(f"{settings.base}/metrics", partial(figures, settings=settings), methods=["GET"]),
            Route(f"{settings.base}{BACKUP_PATH}", partial(backup, settings=settings), methods=["GET"]),
        ],
        middleware=[
            Middleware(Guard, settings=settings),
            Middleware(Door, settings=settings),
            Middleware(Astray, settings=settings),
            Middleware(Rejoin),
        ],
        on_script_error=explain,
    )


def provider_secrets(settings: Settings) -> dict[str, Any] | None:
    """What Streamlit's own sign-in has to know of the provider; None where there is none."""
    if settings.sign_in is not SignInBy.PROVIDER or settings.provider is None:
        return None
    return {
        "auth": {
            "redirect_uri": f"{settings.public_url}/oauth2callback",
            "cookie_secret": settings.cookie_secret or secrets.token_hex(32),
            "client_id": settings.provider.client_id,
            "client_secret": settings.provider.client_secret,
            "server_metadata_url": settings.provider.url,
        }
    }


async def health(_request: Any) -> Any:
    """200 when the database answers within HEALTH_SECONDS, else 503."""
    from starlette.responses import JSONResponse

    from dashboard import data

    try:
        alive = await asyncio.wait_for(asyncio.to_thread(data.database_alive), HEALTH_SECONDS)
    except Exception as error:
        log.warning("health: %s", error or type(error).__name__)
        alive = False
    fresh = {"cache-control": "no-store"}
    if alive:
        return JSONResponse({"status": "ok"}, headers=fresh)
    return JSONResponse({"status": "database unreachable"}, status_code=503, headers=fresh)


async def ready(_request: Any) -> Any:
    """200 when pages can be served and written to; else 503 with the reasons."""
    from starlette.responses import JSONResponse

    from dashboard import data

    try:
        reasons = await asyncio.wait_for(asyncio.to_thread(data.unready), HEALTH_SECONDS)
    except Exception as error:
        log.warning("readiness: %s", error or type(error).__name__)
        reasons = ["database unreachable"]
    fresh = {"cache-control": "no-store"}
    if reasons:
        return JSONResponse({"status": "not ready", "reasons": reasons}, status_code=503, headers=fresh)
    return JSONResponse({"status": "ready"}, headers=fresh)


async def figures(request: Any, settings: Settings) -> Any:
    """Prometheus's figures for whoever brings the token; for anybody else there is nothing here."""
    from starlette.responses import Response

    from dashboard import metrics

    if not metrics.allowed(settings, request.headers.get("authorization", "")):
        return Response("Not found.", status_code=404)
    text, kind = await asyncio.to_thread(metrics.exposition, settings)
    return Response(text, media_type=kind, headers={"cache-control": "no-store"})


async def backup(request: Any, settings: Settings) -> Any:
    """A backup of this moment, for an administrator; anybody else, and another site's link, is refused."""
    from starlette.responses import Response

    from dashboard import backups

    if request.method != "GET":  # a route for GET is one for HEAD too
        return Response(status_code=405)
    return await asyncio.to_thread(backups.answer, request, settings)


def explain(error: Exception) -> bool:
    """A page failed: Streamlit has just logged the account; the reader gets a sentence, and as a number to tell the run
    under which the account stands.

    Returns True: nothing else is shown.
    """
    import streamlit as st

    from dashboard import cards, data
    from repository.store import Unavailable

    if isinstance(error, Unavailable):
        data.say_away(None)
        return True
    if isinstance(error, Trouble):
        cards.told(error)
        return True
    st.error(
        _(
            "This page could not be shown. Nothing was changed. Reload it; if that does not help, "
            "tell your administrator the number {number}: the full account is in the log under it.",
            number=logs.run(),
        ),
        icon=":material/error:",
    )
    return True


# ── who may call us, and by which name ──────────────────────────────────────────────────────────────────────────────


class Unsafe(Trouble):
    """The sign-in does not keep strangers out, or that could not be found out. Nothing is served."""


_OPEN_DOOR = msg(
    "A stranger was let in ({doors}): the sign-in does not work with this version of Streamlit. Serving was stopped. "
    "Install the versions that .ci/constraints.txt names."
)
_UNTRIED_DOOR = msg(
    "Whether a stranger is refused could not be tried: {reason}. Serving was stopped. The data is as it was; "
    "`gridboard doctor` says whether the database answers."
)


def _address(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as servers write it: some with a port, in brackets, or IPv4 within IPv6. None for what is none."""
    bare = written.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class Guard:
    """Refuses names that are not ours and pages of other sites, closes the metrics, adds the security headers.

    A name that only looks like ours (DNS rebinding) would let a foreign page read everything here. A numeric address
    cannot be rebound, so an open server takes any; further names come from GRIDBOARD_NAMES. Streamlit's own origin
    check, run for a foreign origin, asks a server on the internet for our address: it must never be reached.
    """

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self.open = is_open(settings.host)
        self.settings = settings
        self.origins = settings.origins
        self.public = urlsplit(settings.public_url).hostname
        self.names = {*LOOPBACK, settings.host.lower(), *settings.hosts}
        if self.open:
            own = socket.gethostname().lower()
            self.names |= {own, f"{own}.local"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        scope = self.from_proxy(scope)
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if not self.knows(host):
            self.note("name", scope, 421, host)
            await self.refuse(scope, send, 421, "Unknown host name. Its owner can add it to GRIDBOARD_NAMES.")
            return
        if scope["type"] == "websocket":
            origin = headers.get(b"origin", b"").decode("latin-1")
            if origin and not self.same_site(origin, host, scope["scheme"]):
                self.note("origin", scope, 403, origin)
                await self.refuse(scope, send, 403, "Another site may not connect.")
                return
            if origin:
                same = f"{urlsplit(origin).scheme}://{host}".encode("latin-1")
                scope = scope | {"headers": [(k, same if k == b"origin" else v) for k, v in scope["headers"]]}
            await logs.socket(self.app, scope, receive, send)
            return
        if scope["path"].removeprefix(self.settings.base).rstrip("/") in CLOSED:
            await self.refuse(scope, send, 403, "Closed.")
            return
        origin = headers.get(b"origin", b"").decode("latin-1")
        writes = scope["method"] not in {"GET", "HEAD", "OPTIONS"}
        if writes and origin and not self.same_site(origin, host, scope["scheme"]):
            self.note("origin", scope, 403, origin)
            await self.refuse(scope, send, 403, "Another site may not write here. Is GRIDBOARD_PUBLIC_URL its address?")
            return

        secure = scope["scheme"] == "https" or self.settings.secure
        began, number = time.monotonic(), logs.new_request()
        logs.request_id.set(number)

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                ours = _with_ours(
                    self.cookies(message.get("headers", ()), secure), secure=secure, base=self.settings.base
                )
                message = message | {"headers": [*ours, (b"x-request-id", number.encode())]}
                logs.answered(scope["method"], scope["path"], message["status"], began)
                metrics.count(message["status"], began)
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def from_proxy(self, scope: Any) -> Any:
        """The connection as a proxy we were told to trust describes it: the reader's address and whether it is TLS.
        From anybody else such headers are only words. The proxy's secret goes no further."""
        secret = PROXY_SECRET_HEADER.encode()
        headers = dict(scope["headers"])
        if secret in headers:
            scope = scope | {"headers": [pair for pair in scope["headers"] if pair[0] != secret]}
        if not self.is_proxy((scope.get("client") or ("",))[0]):
            return scope
        wanted = self.settings.proxy_secret.encode()
        if wanted and not secrets.compare_digest(headers.get(secret, b""), wanted):
            return scope
        told = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        words = map(str.strip, reversed(told.split(",")))
        reader = next((word for word in words if word and not self.is_proxy(word)), "")
        changed: dict[str, Any] = {"state": {**scope.get("state", {}), "from_proxy": True}}
        if (there := _address(reader)) is not None:
            changed["client"] = (str(there), 0)
        if headers.get(b"x-forwarded-proto", b"").strip() == b"https":
            changed["scheme"] = "wss" if scope["type"] == "websocket" else "https"
        return scope | changed

    def is_proxy(self, address: str) -> bool:
        """Is this the address of a proxy named in GRIDBOARD_PROXIES?"""
        there = _address(address)
        return there is not None and any(there in network for network in self.settings.proxies)

    def knows(self, host: str) -> bool:
        """Is the Host header one of our names, or on an open server any numeric address?"""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in self.names:
            return True
        if not self.open:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def same_site(self, origin: str, host: str, scheme: str) -> bool:
        """Is the page that connects our own: of the public address or a name we were told (a proxy may rename us), or
        of the very address it asks? Scheme and port count: what else runs on our host is another site."""
        try:
            theirs = origin_of(origin)
            asked = origin_of(f"{'https' if scheme in {'https', 'wss'} else 'http'}://{host}")
        except ValueError:
            return False
        return theirs in self.origins or (theirs == asked and urlsplit(asked).hostname != self.public)

    def cookies(self, headers: Any, secure: bool) -> list[tuple[bytes, bytes]]:
        """An answer's headers with Streamlit's own cookies bound to our path and to TLS, of which it knows nothing."""
        there = list(headers)
        bound = [f"Path={self.settings.base or '/'}".encode(), *([b"Secure"] if secure else [])]
        for at, (name, value) in enumerate(there):
            if name.lower() == b"set-cookie" and value.startswith(b"_streamlit_") and (secure or self.settings.base):
                kept = [part for part in value.split(b"; ") if not part.lower().startswith((b"path=", b"secure"))]
                there[at] = name, b"; ".join([*kept, *bound])
        return there

    @staticmethod
    def note(kind: str, scope: Any, status: int, given: str) -> None:
        """Count a refusal, and say it in the log now and then; ``given`` is the name or origin that is not ours."""
        metrics.refusals.labels(kind=kind).inc()
        where = logs.network((scope.get("client") or ("",))[0])
        text = "refused a name that is not ours" if kind == "name" else "refused a page of another site"
        logs.refused(kind, text, status=status, given=given[:100], network=where, path=scope["path"][:200])

    @staticmethod
    async def refuse(scope: Any, send: Any, status: int, reason: str) -> None:
        """A short plain answer; a websocket is closed before it is accepted (the browser sees 403)."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
            return
        head = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": _with_ours(head)})
        await send({"type": "http.response.body", "body": reason.encode()})


def _with_ours(headers: Any, *, secure: bool = False, base: str | None = None) -> list[tuple[bytes, bytes]]:
    """The answer's headers and ours; a stricter policy of the answer's own stays. Without one, what is a page is
    Streamlit's, below ``base``."""
    there = list(headers)
    own_policy = any(name.lower() == b"content-security-policy" for name, _value in there)
    ours = [pair for pair in HEADERS if not (own_policy and pair[0] == b"content-security-policy")]
    ours += TLS_HEADERS if secure else ()
    page = any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in there)
    if page and not own_policy and base is not None and (link := early(base)):
        ours.append((b"link", link))
    names = {name for name, _value in ours}
    return [pair for pair in there if pair[0].lower() not in names] + ours


# ── serving ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def listen(host: str, port: int, tries: int = 100) -> socket.socket:
    """A listening socket on ``port``, or on one of the next ``tries``. OSError when none of them is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    candidate, last = port, min(port + tries, 65535)
    while True:
        # The protocol is named, so that asyncio switches Nagle's waiting off: 40 ms on every answer.
        door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((host, candidate))
            door.listen(2048)
        except OSError as error:
            door.close()
            taken = error.errno in {98, 48, 10048, 13}  # Linux, macOS, Windows; or not for us below 1024
            if not taken or candidate == last:
                raise
            candidate += 1
        else:
            door.setblocking(False)
            return door


def allow_files() -> None:
    """Let this process hold as many connections as it serves; a shell's usual limit is below that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def quiet_log(settings: Settings) -> None:
    """Warnings and errors go to stderr with their time; in normal use there are none."""
    logs.set_up(settings, options_of_file()["logger.messageFormat"])


def preload(enough: Callable[[], bool] = lambda: False) -> None:
    """Import what the first page needs: worth its time while the database starts, and given up once it is there."""
    for name in ("uvicorn", "streamlit", "pandas", "dashboard.app", "plotly.graph_objects"):
        if enough():
            return
        importlib.import_module(name)


def warm() -> None:
    """Do beforehand what the first reader would wait for, and keep the modules out of the garbage collector's rounds,
    which stall all sessions; it begins them here."""
    from dashboard import data

    try:
        data.database_alive()
    except Exception:
        log.exception("the database was there and is not any more")
    preload()
    gc.collect()
    gc.freeze()
    gc.enable()


KNOCKS = {
    "websocket": "GET {base}/_stcore/stream HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: c3RyYW5nZXIncyBrbm9jaw==\r\nConnection: Upgrade\r\n",
    "upload": "PUT {base}/_stcore/upload_file/stranger/knock HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n",
    "download": "GET {base}/media/stranger.png HTTP/1.1\r\nConnection: close\r\n",
}
KNOCK_TRIES, KNOCK_AGAIN_SECONDS = 5, 2.0


def open_doors(settings: Settings, address: tuple[str, int]) -> list[str]:
    """Knock without a sign-in, as a stranger would: where one is let in though people have to sign in. OSError when
    there is no answer to go by, Trouble when it is not known whether they have to.

    Streamlit's way of being put behind a middleware is young; a version that goes round ours must not serve.
    """
    from dashboard import data

    if data.way_in() is SignInBy.NONE:
        return []
    found = []
    for what, knock in KNOCKS.items():
        with socket.create_connection(address, timeout=10) as line:
            line.sendall(f"{knock.format(base=settings.base)}Host: 127.0.0.1\r\n\r\n".encode())
            status = line.recv(64).decode("latin-1").partition(" ")[2][:3]
        if not status.isdecimal() or status.startswith("5"):
            raise OSError(f"no answer to a stranger's {what} ({status or 'nothing'})")
        if status not in {"401", "403"}:
            found.append(what)
    return found


def serve(settings: Settings, door: socket.socket | None = None, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is called once when requests are answered.

    ``door`` is a listening socket; without one the settings' host and port are taken. RuntimeError if it can't start,
    Unsafe when strangers are let in.
    """
    import uvicorn

    from dashboard import delivery, tending

    app = application(settings)
    delivery.in_one_piece()
    quiet_log(settings)
    allow_files()
    sys.setswitchinterval(TURN_SECONDS)
    door = door or listen(settings.host, settings.port)
    unsafe: list[Unsafe] = []

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                threading.Thread(target=self.look_after_the_door, name="door", daemon=True).start()
                threading.Thread(target=warm, name="warm", daemon=True).start()
                tending.start(settings)
                if ready:
                    ready()

        def look_after_the_door(self) -> None:
            host, port = door.getsockname()[:2]
            address = ({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104
            for left in reversed(range(KNOCK_TRIES)):
                try:
                    if doors := open_doors(settings, address):
                        self.give_up(_OPEN_DOOR, doors=", ".join(doors))
                except (OSError, Trouble) as error:
                    if not left:
                        self.give_up(_UNTRIED_DOOR, reason=error)
                    time.sleep(KNOCK_AGAIN_SECONDS)
                else:
                    return

        def give_up(self, why: str, **facts: Any) -> None:
            unsafe.append(Unsafe(why, **facts))
            self.should_exit = True

    server = Server(
        uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # the guard does it, for the proxies in GRIDBOARD_PROXIES only
            server_header=False,
            http=limits.Line,
            h11_max_incomplete_event_size=limits.HEAD_BYTES,
            limit_concurrency=limits.CONNECTIONS,
            ws="websockets-sansio",
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_max_size=options(settings)["server.maxMessageSize"] * 1_000_000,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=FAREWELL_SECONDS,
        )
    )
    server.run(sockets=[door])
    if unsafe:
        raise unsafe[0]
    if not server.started:
        raise RuntimeError("the web server did not start; the log says why")
