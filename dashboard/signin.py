"""The door: sign-in pages outside Streamlit, the cookie, and a guard that lets nobody past without it.

A websocket, an upload, a download or a page without a valid sign-in never reaches Streamlit. Who acts inside a page
that is open is looked up again at every run (``data.recognise``) and in every write's transaction.
"""

import asyncio
import hashlib
import html
import logging
import re
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from dashboard import data, i18n, logs, metrics, rejoin, sso
from dashboard.i18n import _, say
from dashboard.limits import UPLOADS, Limits
from dashboard.settings import COOKIE, Settings, SignInBy
from repository import accounts
from repository.access import Refused, Role
from repository.accounts import Expired, Visitor, Way, Wrong
from repository.attempts import Locked
from repository.once import first_use
from repository.record import LINE
from repository.store import Conflict, Invalid
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.signin")

OURS = ("/login", "/logout", "/password", "/setup")
BODY_BYTES = 20_000
FORM_SECONDS = 10.0
OPEN = frozenset({"/_stcore/health", "/favicon.png", "/favicon.ico", "/healthz", "/readyz", "/metrics"})
STATIC = "/static/"
TOKENS_TRIED = 5
BY_LABEL = ("/r/", "/t/", "/d/")  # see public and door: who scans a label or stands at a door has no account
_NEXT = "gridboard_next"
_COOKIE = re.compile(rf"(__Host-|__Secure-)?{COOKIE}(\..*)?")

STYLE = """
:root{color-scheme:light dark;--ink:#121923;--soft:#4d5866;--page:#f3f5f8;--card:#fff;--line:#d9dfe7;--key:#1f5fa8;
--on-key:#fff;--bad:#a32a08;--bad-page:#fbeae4}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#b4becb;--page:#12171e;--card:#1c232c;--line:#323c48;
--key:#6fa9e6;--on-key:#12171e;--bad:#ffa487;--bad-page:#40201a}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;
background:var(--page);color:var(--ink);font:16px/1.5 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}
main{width:100%;max-width:400px;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:28px}
h1{font-size:1.25rem;font-weight:600;margin:0 0 4px}p{margin:0 0 16px;color:var(--soft);overflow-wrap:anywhere}
label{display:block;margin:14px 0 4px;font-size:.9rem}
input{width:100%;padding:9px 10px;font:inherit;color:inherit;background:var(--page);border:1px solid var(--line);
border-radius:6px}input:focus{outline:2px solid var(--key);outline-offset:-1px}
button,.button{display:block;width:100%;margin-top:20px;padding:10px;font:inherit;font-weight:600;text-align:center;
text-decoration:none;color:var(--on-key);background:var(--key);border:0;border-radius:6px;cursor:pointer}
.bad{color:var(--bad);background:var(--bad-page);border-radius:6px;padding:8px 12px;margin:12px 0 0}
.hint{font-size:.85rem;color:var(--soft);margin:4px 0 0}footer{margin-top:20px;font-size:.85rem;display:flex;gap:16px}
a{color:var(--key)}
"""
_POLICY = (
    "default-src 'none'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "style-src 'sha256-" + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode() + "'"
)


Headers = Sequence[tuple[bytes, bytes]]
_STATUS: dict[type, int] = {Wrong: 401, Expired: 403, Refused: 403, Conflict: 409, Locked: 429, Invalid: 400}


def _status(trouble: Trouble | None) -> int:
    return 200 if trouble is None else _STATUS.get(type(trouble), 503)


# --- requests --------------------------------------------------------------------------------------------------------
class Call:
    """One request as the door sees it."""

    def __init__(self, scope: Any, settings: Settings) -> None:
        self.settings = settings
        self.scope = scope
        self.headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        sent = ";".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
        pairs = [pair.strip().partition("=") for pair in sent.split(";") if "=" in pair]
        # of several with one name the first is that of the longest path, so most likely ours
        self.cookies = {name: value for name, _is, value in reversed(pairs)}
        path = str(scope["path"])
        base = settings.base
        self.path = path.removeprefix(base) if base and (path == base or path.startswith(f"{base}/")) else path
        self.query = {
            name: values[0] for name, values in parse_qs(scope.get("query_string", b"").decode("latin-1")).items()
        }
        ours = dict.fromkeys(value for name, _is, value in pairs if name == self.cookie and value)
        self.tokens = list(ours)[:TOKENS_TRIED]
        """What the sign-in cookie says: another program on this host may have set one of the same name."""
        self.token = self.tokens[0] if self.tokens else ""
        """The one that holds, once that was found out."""

    def header(self, name: str) -> str:
        """A header's value; empty without it."""
        return self.headers.get(name.encode("latin-1"), "")

    def every(self, name: str) -> list[bytes]:
        """All values of a header."""
        return [value for key, value in self.scope["headers"] if key == name.encode("latin-1")]

    @property
    def cookie(self) -> str:
        """The name of the sign-in cookie here: each path of a host has its own; behind TLS the browser itself sees to
        it that nothing but this host set it, over TLS (the prefixes of RFC 6265bis)."""
        base = self.settings.base
        name = COOKIE + base.replace("/", ".")
        return name if not self.secure else f"__Secure-{name}" if base else f"__Host-{name}"

    def for_pages(self) -> Any:
        """The connection as Streamlit and the pages are to see it: each cookie once, and the sign-in that holds under
        the one name they know."""
        kept = {name: value for name, value in self.cookies.items() if not _COOKIE.fullmatch(name)}
        if self.token:
            kept[COOKIE] = self.token
        line = "; ".join(f"{name}={value}" for name, value in kept.items()).encode("latin-1")
        others = [pair for pair in self.scope["headers"] if pair[0] != b"cookie"]
        return self.scope | {"headers": [*others, (b"cookie", line)] if line else others}

    @property
    def address(self) -> str:
        """The reader's address, as the server in front of us was trusted to tell it."""
        return str((self.scope.get("client") or ("?",))[0])

    @property
    def language(self) -> str:
        """The reader's language: asked for, else the browser's."""
        wish = self.query.get("lang", "")
        return wish if wish in i18n.LANGUAGES else i18n.language_of_browser(self.header("accept-language")[:20] or None)

    @property
    def wants_page(self) -> bool:
        """Whether a browser asks for something to show, rather than a program or a part of a page."""
        return self.scope.get("method") in {"GET", "HEAD"} and "text/html" in self.header("accept")

    @property
    def secure(self) -> bool:
        """Whether the reader came over TLS."""
        return self.settings.secure or self.scope.get("scheme") in {"https", "wss"}

    @property
    def onward(self) -> str:
        """Where to go after signing in: a path of ours, never another site."""
        return safe_path(self.query.get("next", ""))


def safe_path(path: str) -> str:
    """``path`` if it stays on this site, else the front page."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    if (
        path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and not parts.scheme
        and not parts.netloc
        and path.isprintable()
        and not parts.path.startswith(OURS)
        and len(path) < 1000
    ):
        return path
    return "/"


# --- the guard -------------------------------------------------------------------------------------------------------
class Given:
    """Which files a reader's pages were given. Streamlit hands a file to whoever knows its address; here an address
    that got about is worth nothing to anybody else."""

    PATH = "/media/"
    _FILE = re.compile(rb"/media/([0-9a-f]{16,64})")

    def __init__(self, readers: int = 2_000, files: int = 2_000) -> None:
        self._most = readers, files
        self._given: OrderedDict[str, OrderedDict[bytes, None]] = OrderedDict()

    def note(self, whose: str, message: bytes) -> None:
        """Remember the files that a message to a reader's page names."""
        if self.PATH.encode() not in message:
            return
        mine = self._given.setdefault(whose, OrderedDict())
        self._given.move_to_end(whose)
        for file in self._FILE.findall(message):
            mine[file] = None
            mine.move_to_end(file)
        readers, files = self._most
        while len(mine) > files:
            mine.popitem(last=False)
        while len(self._given) > readers:
            self._given.popitem(last=False)

    def holds(self, whose: str, path: str) -> bool:
        """Was the file at this path given to the reader?"""
        file = path.removeprefix(self.PATH).partition(".")[0].encode("utf-8", "replace")
        return file in self._given.get(whose, ())


class Door:
    """Stands before Streamlit and our own routes. In the modes without a sign-in it only keeps the sign-in pages out
    of the way; else whoever has no valid sign-in gets the form (a page) or a refusal (all the rest)."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.hashing = asyncio.Semaphore(2)  # a password costs 64 MiB and 50 ms
        self.choosing = asyncio.Semaphore(1)  # a new one up to a second more, for which nobody who signs in waits
        self.limits = Limits()
        self.given = Given()
        self.lent = sso.Lent()
        self.lending = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        call = Call(scope, self.settings)
        by_label = scope["type"] == "http" and call.path.startswith(BY_LABEL)
        if by_label or call.path in OPEN or call.path.startswith(STATIC):
            await self.app(scope, receive, send)
            return
        try:
            way = await asyncio.to_thread(data.way_in)
            if way is SignInBy.NONE:
                call.token = ""
                if call.path in OURS:
                    await redirect(send, self.settings.base + "/")
                else:
                    await self._through(call, receive, send, None)
                return
            who = await self._visitor(call, way)
            if scope["type"] == "http" and call.path in OURS:
                await self._page(
                    call, receive, send, way, who
                )  # what it can't tell itself, it raises before it answers
                return
        except Trouble as trouble:
            log.warning("door: %s", trouble)
            await self._unavailable(call, send, trouble)
            return
        if way is SignInBy.PROVIDER and call.path in sso.PATHS:
            await self.app(scope, receive, send)
        elif call.wants_page and (told := self._stated(call, way)) is not None:  # also by who is in: it may be another
            onward = safe_path(unquote(call.cookies.get(_NEXT, "")))
            await self._let_in(call, send, Way.PROVIDER, told, quote(onward, safe=""))
        elif who is not None and not who.must_change:
            logs.user_id.set(who.actor.id)
            await self._through(call, receive, send, who)
        else:
            await self._turn_away(call, send, way, who)

    async def _through(self, call: Call, receive: Any, send: Any, who: Visitor | None) -> None:
        """Let in, within the bounds of what one reader may ask."""
        scope, whose = call.for_pages(), call.address if who is None else who.actor.id
        first = who is not None and who.actor.role is Role.ADMIN
        if scope["type"] == "websocket":
            if self.limits.full(whose, first=first):
                log.warning("door: too many pages open at once")
                await send({"type": "websocket.close", "code": 1013, "reason": "Too many open pages."})
                return

            over = False

            async def noting(message: Any) -> None:
                if message["type"] == "websocket.send" and message.get("bytes"):
                    self.given.note(whose, message["bytes"])
                if not over:
                    await send(message)

            async def until_followed() -> Any:
                nonlocal over
                message = await receive()
                if not over and rejoin.goes_on(message) and await asyncio.to_thread(_followed, call.token):
                    over = True
                    await rejoin.connect_anew(send)
                return rejoin.GONE if over else message

            with metrics.pages.track_inprogress():
                await self.limits.page(whose, self.app, scope, until_followed, noting)
        elif call.path.startswith(UPLOADS) and scope["method"] not in {"GET", "HEAD", "OPTIONS", "DELETE"}:
            await self._upload(call, scope, receive, send, whose, first=first)
        elif who is not None and call.path.startswith(Given.PATH) and not self.given.holds(whose, call.path):
            await _answer(send, 404, b"Not found.", _PLAIN)
        else:
            await self.app(scope, receive, send)

    async def _upload(self, call: Call, scope: Any, receive: Any, send: Any, whose: str, *, first: bool) -> None:
        """A file, if it says how large it is and that fits."""
        declared = call.header("content-length")
        if call.header("transfer-encoding") or not declared.isdecimal():
            await _answer(send, 411, b"Say how much it is.", _PLAIN)
            return
        with suppress(TimeoutError):
            if not await self.limits.upload(whose, int(declared), self.app, scope, receive, send, first=first):
                log.warning("door: too much uploaded at once")
                await _answer(send, 429, b"Too many uploads. Wait ten minutes.", [*_PLAIN, (b"retry-after", b"600")])
            return
        log.warning("door: an upload took too long")
        await _answer(send, 408, b"It took too long.", _PLAIN)

    async def _visitor(self, call: Call, way: SignInBy) -> Visitor | None:
        for token in call.tokens:
            who = await asyncio.to_thread(data.visitor, token)
            # whoever signs out at the proxy, or in as somebody else, is not the one before any more
            if who is not None and (way is not SignInBy.PROXY or who.subject == self._named_by_proxy(call)):
                call.token = token
                return who
        return None

    def _named_by_proxy(self, call: Call) -> str | None:
        if not call.scope.get("state", {}).get("from_proxy"):
            return None
        return sso.named_by_proxy(call.every(self.settings.user_header)) or None

    async def _turn_away(self, call: Call, send: Any, way: SignInBy, who: Visitor | None) -> None:
        """Who may not pass: a page leads to the form and comes back; anything else is refused."""
        if call.scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "Sign in first."})
            return
        if not call.wants_page:
            await _answer(send, 401, b"Sign in first.", _PLAIN)
            return
        query = call.scope.get("query_string", b"").decode("latin-1")
        here = quote(call.path + (f"?{query}" if query else ""), safe="")
        if who is not None:
            await redirect(send, f"{self.settings.base}/password?next={here}")
            return
        if way is SignInBy.PROXY:
            await self._let_in(call, send, Way.PROXY, None, here)
        else:
            await redirect(send, f"{self.settings.base}/login?next={here}")

    @staticmethod
    def _stated(call: Call, way: SignInBy) -> sso.Statement | None:
        """What a provider has just said of the reader."""
        return sso.statement(call.cookies, data.store().clock()) if way is SignInBy.PROVIDER else None

    async def _let_in(self, call: Call, send: Any, way: Way, told: sso.Statement | None, here: str) -> None:
        """Open a sign-in for whom a single sign-on vouches for."""
        gone = [*sso.cookies_of(call.cookies), *([_NEXT] if _NEXT in call.cookies else [])]
        clear = [_cookie(name, "", call, seconds=0) for name in gone]
        try:
            token = await self._vouched_for(call, way, told)
        except Trouble as trouble:
            await asyncio.to_thread(_not_in, trouble, "", call)
            if not isinstance(trouble, (Refused, Wrong)):
                await self._unavailable(call, send, trouble, clear)
                return
            with i18n.speaking(call.language):
                body = document(_("Not signed in"), f"<p>{html.escape(say(trouble))}</p>")
            await _answer(send, 403, body, [*page_headers(), *clear])
            return
        onward = self.settings.base + safe_path(parse_qs(f"next={here}").get("next", ["/"])[0])
        await redirect(send, onward, [_cookie(call.cookie, token, call), *clear])

    async def _vouched_for(self, call: Call, way: Way, told: sso.Statement | None) -> str:
        """A token for whom a provider's statement, or else the proxy, names. Raises Trouble."""
        who = {"address": call.address, "agent": call.header("user-agent")[:LINE]}

        def opened(subject: str) -> str:
            return accounts.sign_in_as(data.store(), subject, way, **who, again=call.token, terms=data.terms())[0]

        if told is not None and self.settings.provider is not None:
            subject = told.subject(self.settings.provider.claim)
            if not await asyncio.to_thread(first_use, data.store(), told.text, 2 * sso.GOOD_FOR):
                raise Refused(msg("This sign-in has been used already. Sign in again."))
            return await asyncio.to_thread(opened, subject)
        named = self._named_by_proxy(call)
        if named is None:
            raise Refused(
                msg(
                    "The server in front of this page did not say who you are, or not clearly. Ask an administrator to "
                    "look at GRIDBOARD_USER_HEADER and at what that server sends."
                )
            )
        async with self.lending:  # many at once are given one
            for token in self.lent.candidates(named, **who):
                found = await asyncio.to_thread(data.visitor, token)
                if found is not None and found.subject == named:
                    return token
                self.lent.forget(token)
            token = await asyncio.to_thread(opened, named)
            self.lent.keep(named, **who, token=token)
            return token

    async def _unavailable(self, call: Call, send: Any, trouble: Trouble, headers: Headers = ()) -> None:
        if call.scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013, "reason": "Try again later."})
            return
        with i18n.speaking(call.language):
            body = document(_("One moment"), f"<p>{html.escape(say(trouble))}</p>")
        # the browser asks again by itself
        await _answer(send, 503, body, [*page_headers(), *headers, (b"retry-after", b"5"), (b"refresh", b"5")])

    # --- our pages
    async def _page(self, call: Call, receive: Any, send: Any, way: SignInBy, who: Visitor | None) -> None:
        with i18n.speaking(call.language):
            await asyncio.to_thread(data.store().require_open)
            if call.scope["method"] not in {"GET", "HEAD", "POST"}:
                await _answer(send, 405, b"", [])
                return
            form: dict[str, str] | None = None
            if call.scope["method"] == "POST":
                try:
                    read = await asyncio.wait_for(_form(receive), FORM_SECONDS)
                except TimeoutError:
                    await _answer(send, 408, b"It took too long.", _PLAIN)
                    return
                if read is None:
                    await _answer(send, 403, b"Refused.", _PLAIN)
                    return
                form = read
            draw = {
                "/login": self._login,
                "/logout": self._logout,
                "/password": self._password,
                "/setup": self._setup,
            }[call.path]
            await draw(call, send, way, who, form)

    async def _login(
        self, call: Call, send: Any, way: SignInBy, who: Visitor | None, form: dict[str, str] | None
    ) -> None:
        base = self.settings.base
        if way is SignInBy.PROVIDER:
            link = await asyncio.to_thread(sso.link, base)
            words = _("Sign in with your organisation's account")
            body = f'<a class="button" href="{html.escape(link)}">{html.escape(words)}</a>'
            keep = _cookie(_NEXT, quote(call.onward, safe="/"), call, seconds=600)
            await _answer(send, 200, document(_("Sign in"), body, call), [*page_headers(), keep])
            return
        if way is SignInBy.PROXY:
            await redirect(send, base + call.onward)
            return
        trouble: Trouble | None = None
        if form is not None:
            try:
                async with self.hashing:
                    token, user = await asyncio.to_thread(
                        accounts.sign_in,
                        data.store(),
                        form.get("login", ""),
                        form.get("password", ""),
                        address=call.address,
                        agent=call.header("user-agent"),
                        again=call.token,
                        terms=data.terms(),
                    )
            except Trouble as caught:
                trouble = caught
                await asyncio.to_thread(_not_in, caught, form.get("login", ""), call)
            else:
                metrics.sign_ins.labels(outcome="in").inc()
                onward = quote(call.onward, safe="")
                goal = f"{base}/password?next={onward}" if user.must_change else base + call.onward
                await redirect(send, goal, [_cookie(call.cookie, token, call)])
                return
        elif who is not None:
            await redirect(send, base + call.onward)
            return
        if not await asyncio.to_thread(accounts.anybody, data.store()):
            words = _(
                "There is no account yet. Open the set-up address that GridBoard printed when it was started, or run: "
                "gridboard user add NAME --role admin"
            )
            await _answer(send, 200, document(_("Sign in"), f"<p>{html.escape(words)}</p>", call), page_headers())
            return
        fields = _field("login", _("Sign-in name"), (form or {}).get("login", ""), "username", autofocus=True)
        fields += _field("password", _("Password"), "", "current-password", kind="password")
        page = document(_("Sign in"), _form_of(call, fields, _("Sign in"), trouble), call)
        await _answer(send, _status(trouble), page, page_headers())

    async def _logout(
        self, call: Call, send: Any, _way: SignInBy, who: Visitor | None, form: dict[str, str] | None
    ) -> None:
        base = self.settings.base
        if form is not None or who is None:
            for token in call.tokens:
                await asyncio.to_thread(accounts.sign_out, data.store(), token, data.terms())
            gone = [_cookie(name, "", call, seconds=0) for name in (call.cookie, *sso.cookies_of(call.cookies))]
            await redirect(send, f"{base}/login", gone)
            return
        line = f"<p>{html.escape(_('You are signed in as {name}.', name=who.actor.name))}</p>"
        page = document(_("Sign out"), line + _form_of(call, "", _("Sign out"), None), call)
        await _answer(send, 200, page, page_headers())

    async def _password(
        self, call: Call, send: Any, _way: SignInBy, who: Visitor | None, form: dict[str, str] | None
    ) -> None:
        if who is None:
            await redirect(send, f"{self.settings.base}/login?next={quote(call.onward, safe='')}")
            return
        trouble: Trouble | None = None
        if form is not None:
            try:
                new = _typed_twice(form)
                async with self.choosing:
                    await asyncio.to_thread(
                        accounts.change_password,
                        data.store(),
                        who,
                        form.get("old", ""),
                        new,
                        address=call.address,
                    )
            except Trouble as caught:
                trouble = caught
                if isinstance(caught, (Wrong, Locked, Expired)):
                    await asyncio.to_thread(_not_in, caught, who.login, call)
            else:
                await redirect(send, self.settings.base + call.onward)
                return
        words = (
            _("This is your first password. Choose one of your own before you go on.")
            if who.must_change
            else _("Other browsers in which you are signed in will have to sign in again.")
        )
        fields = f"<p>{html.escape(words)}</p>" + _field(
            "old", _("Present password"), "", "current-password", kind="password", autofocus=True
        )
        fields += _new_password_fields()
        page = document(_("New password"), _form_of(call, fields, _("Save"), trouble), call)
        await _answer(send, _status(trouble), page, page_headers())

    async def _setup(
        self, call: Call, send: Any, _way: SignInBy, _who: Visitor | None, form: dict[str, str] | None
    ) -> None:
        code = (form or {}).get("code") or call.query.get("code", "")
        if not await asyncio.to_thread(accounts.setup_open, data.store(), code):
            logs.refused("set-up", "refused a set-up code", network=logs.network(call.address))
            words = _("This set-up link has been used or is too old. Start GridBoard again: it prints a new one.")
            await _answer(send, 403, document(_("Set up"), f"<p>{html.escape(words)}</p>", call), page_headers())
            return
        trouble: Trouble | None = None
        given = form or {}
        if form is not None:
            try:
                new = _typed_twice(form)
                async with self.choosing:
                    await asyncio.to_thread(
                        accounts.set_up,
                        data.store(),
                        code,
                        form.get("login", ""),
                        form.get("name", ""),
                        new,
                    )
            except Trouble as caught:
                trouble = caught
            else:
                await redirect(send, f"{self.settings.base}/login")
                return
        words = _("The first account manages all others. Its owner is an administrator.")
        fields = f"<p>{html.escape(words)}</p>"
        fields += f'<input type="hidden" name="code" value="{html.escape(code)}">'
        fields += _field("login", _("Sign-in name"), given.get("login", ""), "username", autofocus=True)
        fields += _field("name", _("Person's name"), given.get("name", ""), "name")
        fields += _new_password_fields()
        page = document(_("Set up"), _form_of(call, fields, _("Open the account"), trouble), call)
        await _answer(send, _status(trouble), page, page_headers())


def _followed(token: str) -> bool:
    try:
        return accounts.followed(data.store(), token)
    except Trouble:  # the page says so
        return False


def _not_in(trouble: Trouble, login: str, call: Call) -> None:
    """Count and note an attempt that failed: whose account, as what, from which network; never the name that was typed,
    which may be a password. A guess is said each time, for guesses are bounded; all else once a minute."""
    outcome, user = type(trouble).__name__.lower(), "unknown"
    metrics.sign_ins.labels(outcome=outcome).inc()
    if isinstance(trouble, (Wrong, Locked, Expired)):
        with suppress(Trouble):
            user = accounts.user_named(data.store(), accounts.SYSTEM, login).id
    kind = "" if isinstance(trouble, Wrong) else f"sign-in {outcome} {user}"
    logs.refused(kind, "not signed in", outcome=outcome, user=user, network=logs.network(call.address))


# --- answers ---------------------------------------------------------------------------------------------------------
_PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]


async def _form(receive: Any) -> dict[str, str] | None:
    """The fields of a posted form; None when it is too long or no form."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > BODY_BYTES:
            return None
        if not message.get("more_body"):
            break
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}


def _cookie(name: str, value: str, call: Call, seconds: int | None = None) -> tuple[bytes, bytes]:
    parts = [f"{name}={value}", f"Path={call.settings.base or '/'}", "HttpOnly", "SameSite=Lax"]
    if call.secure:
        parts.append("Secure")
    if seconds is not None:
        parts.append(f"Max-Age={seconds}")
    return b"set-cookie", "; ".join(parts).encode("latin-1")


def page_headers() -> list[tuple[bytes, bytes]]:
    """Of a page that is no Streamlit page: plain HTML without scripts, kept nowhere."""
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", _POLICY.encode()),
    ]


async def _answer(send: Any, status: int, body: bytes | str, headers: list[tuple[bytes, bytes]]) -> None:
    content = body.encode() if isinstance(body, str) else body
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def redirect(send: Any, goal: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """Send the browser to another address of ours."""
    where = quote(goal, safe="/?&=%:+-_.~,")
    await _answer(send, 303, b"", [(b"location", where.encode()), (b"cache-control", b"no-store"), *(headers or [])])


def document(title: str, body: str, call: Call | None = None) -> str:
    """A whole page in the look of the sign-in form; ``call``: with the way to itself in the other language."""
    language = i18n.current()
    others = ""
    if call is not None and call.scope["method"] != "POST":
        keep = {name: value for name, value in call.query.items() if name in {"next", "code"}}
        for key, name in i18n.LANGUAGES.items():
            if key != language:
                query = "&".join(f"{word}={quote(value, safe='')}" for word, value in {**keep, "lang": key}.items())
                others += f'<a href="?{html.escape(query)}" lang="{key}">{name}</a>'
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{html.escape(title)} · '
        f"{html.escape(_('GridBoard'))}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{html.escape(_('GridBoard'))} · {html.escape(title)}</h1>{body}"
        f"{f'<footer>{others}</footer>' if others else ''}</main></body></html>"
    )


def _field(name: str, label: str, value: str, fills: str, *, kind: str = "text", autofocus: bool = False) -> str:
    return (
        f'<label for="{name}">{html.escape(label)}</label><input id="{name}" name="{name}" type="{kind}" required '
        f'maxlength="128" autocomplete="{fills}" value="{html.escape(value)}"{" autofocus" if autofocus else ""}>'
    )


def _new_password_fields() -> str:
    hint = _("At least {n} characters; several words that do not belong together are best.", n=accounts.SHORTEST)
    return (
        _field("new", _("New password"), "", "new-password", kind="password")
        + f'<p class="hint">{html.escape(hint)}</p>'
        + _field("again", _("The new password once more"), "", "new-password", kind="password")
    )


def _typed_twice(form: dict[str, str]) -> str:
    """A new password, if it was typed the same way twice. Raises Invalid."""
    if form.get("new") != form.get("again"):
        raise Invalid({"again": Message(msg("The two new passwords differ"))})
    return form.get("new", "")


def _form_of(call: Call, fields: str, button: str, trouble: Trouble | None) -> str:
    query = {name: value for name, value in call.query.items() if name in {"next", "lang"}}
    action = "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    said = ""
    if trouble is not None:
        names = {"login": _("Sign-in name"), "name": _("Person's name"), "password": _("New password")}
        problems = trouble.problems if isinstance(trouble, Invalid) else {"": trouble.message}
        lines = [f"{names[field]}: {say(it)}." if field in names else say(it) for field, it in problems.items()]
        said = f'<p class="bad" role="alert">{html.escape(" ".join(lines))}</p>'
    inside = f"{said}{fields}<button>{html.escape(button)}</button>"
    return f'<form method="post" action="{html.escape(action)}">{inside}</form>'
