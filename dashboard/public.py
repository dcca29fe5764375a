"""The pages for whoever scans a label: what stands here, what is reported already, one form; and the private link on
which its reporter follows what became of it.

Outside Streamlit and outside the sign-in: plain HTML without any script, that an old phone shows. Whatever arrives is
taken for hostile: bounded in size, time and number before it is read, and answered with a page that says what happened
and what to do next. ``docs/decisions/0010-labels.md`` has the bounds and the reasons.
"""

import asyncio
import hashlib
import html
import ipaddress
import logging
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from math import ceil
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote

from dashboard import data, i18n
from dashboard.i18n import _, n_, say
from dashboard.limits import Rate
from dashboard.settings import Settings
from dashboard.signin import Call
from repository import labels, photos, reports
from repository.maintenance import Fault
from repository.numbers import numbers_in
from repository.people import CONTACT_DAYS
from repository.reports import Board, Progress, Sent, StaleForm, Standing
from repository.store import Invalid, NotFound, OutcomeUnknown
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.public")
T = TypeVar("T")

BODY_BYTES = reports.MOST_PHOTOS * photos.MOST_BYTES + 100_000
DRAIN_BYTES = 64_000_000  # so much too much is read and thrown away, so that the browser hears our answer
SILENCE_SECONDS, BODY_SECONDS = 20.0, 240.0  # between two pieces of a form, and for all of it
FIELD_BYTES = 20_000
AT_ONCE, EACH_AT_ONCE = 6, 3  # forms being read and worked on: all, and of one address or for one label
ANSWER_BYTES = 10_000  # what somebody says of a repair
_ALL = "all"
_REPORTING = ThreadPoolExecutor(AT_ONCE, "report")  # photos take long: nobody who signs in waits for them
_HOUR = 3600.0


Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body."""


class Unreadable(Exception):
    """A form that can't be read; the answer is made where it is raised."""

    def __init__(self, status: int, text: str, **facts: Any) -> None:
        super().__init__(text)
        self.status, self.message = status, Message(text, facts)


@dataclass
class Rates:
    """How much may be asked, by address (or label) and by all together; beyond that a little by each."""

    pages: Rate = field(default_factory=lambda: Rate(300, 6_000, 600.0, little=30))
    wrong: Rate = field(default_factory=lambda: Rate(20, 1_000, _HOUR, little=3))
    forms: Rate = field(default_factory=lambda: Rate(20, 500, _HOUR, little=3))
    label: Rate = field(default_factory=lambda: Rate(10, 500, _HOUR, little=3))
    megabytes: Rate = field(default_factory=lambda: Rate(100, 2_000, _HOUR, little=32))


@dataclass(frozen=True)
class Form:
    """What was sent: the fields' first values, and the photos."""

    fields: Mapping[str, str]
    pictures: tuple[bytes, ...] = ()

    def get(self, name: str) -> str:
        """A field; empty without it."""
        return self.fields.get(name, "")


class Public:
    """The ASGI application behind /r/ and /t/. Serve it outside the sign-in."""

    brief = ("/t/",)
    """Where the forms are that bring no photos, so that they need no room kept for them."""
    unknown = msg(
        "It is not known whether your report arrived: the database stopped answering. Go back and send it once more; "
        "it counts once."
    )
    meanwhile = msg("In danger, do not wait for this page: call the community office or 119.")

    def __init__(self, settings: Settings, rates: Rates | None = None) -> None:
        self.settings = settings
        self.rates = rates or Rates()
        self.reading: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        call = Call(scope, self.settings)
        with i18n.speaking(call.language):
            try:
                answer = await self._answer(call, receive)
            except Unreadable as problem:
                answer = _page(problem.status, _("Not sent"), _paragraph(say(problem.message)), call)
            except OutcomeUnknown:
                answer = _page(503, _("One moment"), _paragraph(say(self.unknown)), call, (b"retry-after", b"30"))
            except Trouble as trouble:
                log.warning("public page: %s", trouble)
                more = _paragraph(say(self.meanwhile))
                answer = _page(503, _("One moment"), _paragraph(say(trouble)) + more, call, (b"retry-after", b"30"))
        status, headers, body = answer
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, call: Call, receive: Any) -> Answer:
        method = call.scope["method"]
        if method not in {"GET", "HEAD", "POST"}:
            return _page(405, _("Not sent"), _paragraph(_("This can't be done here.")), call, (b"allow", b"GET, POST"))
        address = _address(call.address)
        if method != "POST":
            if seconds := self.rates.pages.wait(address):
                return self._later(call, seconds)
            self.rates.pages.count(address)
            return await self._about(call, address, None)
        size, taken = await self._admitted(call, receive, address)
        try:
            return await self._about(call, address, await self._form(call, receive, size))
        finally:
            self.reading -= taken  # what is nothing any more is gone

    async def _about(self, call: Call, address: str, form: Form | None) -> Answer:
        if seconds := self.rates.wrong.wait(address):
            return self._later(call, seconds)
        kind, _slash, rest = call.path.lstrip("/").partition("/")
        if kind == "t":
            return await self._link(call, address, rest, form)
        return await self._label(call, address, rest, form)

    # --- a label
    async def _label(self, call: Call, address: str, rest: str, form: Form | None) -> Answer:
        typed = rest or call.query.get("code", "")
        if not typed:
            return _page(200, _("Report a fault"), _type_the_code(call), call)
        code = labels.read_code(typed)
        board = None if code is None else await _asked(reports.board, code)
        if board is None:
            return self._wrong(call, address, _type_the_code(call))
        if not rest and form is None:  # typed: the page's forms and links stay at the address they stand at
            return self._to(f"/r/{board.label.id}?lang={i18n.current()}")
        if board.standing is Standing.ENDED:
            words = _("This label has been replaced and leads nowhere any more. Look for the new one.")
            return _page(410, _("Label replaced"), _paragraph(words), call)
        if board.standing is Standing.GONE:
            words = _("What stood here has been taken down. For anything else, tell the community office.")
            return _page(410, _("Taken down"), _paragraph(words), call)
        if form is None:
            token = await _asked(reports.form_token, board.label)
            zone = await asyncio.to_thread(data.store().zone, board.label.community_id)
            return _page(200, board.name, _board(board, token, Form({}), zone), call, by=board.community)
        return await self._sent(call, address, board, form)

    async def _sent(self, call: Call, address: str, board: Board, form: Form) -> Answer:
        if form.get("website"):
            raise Unreadable(
                400, msg("This form was filled in by a program. Nothing was sent. Leave the hidden field empty.")
            )
        for rate, whose in ((self.rates.forms, address), (self.rates.label, board.label.id)):
            if seconds := rate.wait(whose):
                return self._later(call, seconds, sending=True)
        token = form.get("token")[:300]
        problems: Mapping[str, Message] = {}
        try:
            if same := form.get("same"):
                sent = await _asked(reports.see_too, board.label, token, same[:64])
            else:
                _mind_numbers(form)
                sent = await _worked(
                    reports.report,
                    board.label,
                    token,
                    fault=form.get("fault") or None,
                    dangerous={"yes": True, "no": False}.get(form.get("dangerous")),
                    words=form.get("words"),
                    pictures=form.pictures,
                    name=form.get("name"),
                    phone=form.get("phone"),
                )
        except Invalid as trouble:
            problems, status = trouble.problems, 422
        except (StaleForm, NotFound) as trouble:
            problems, status = {"": trouble.message}, 409
            token = ""
        else:
            if not sent.again:
                self.rates.forms.count(address)
                self.rates.label.count(board.label.id)
            return self._to_link(sent)
        token = token or await _asked(reports.form_token, board.label)
        zone = await asyncio.to_thread(data.store().zone, board.label.community_id)
        body = _board(board, token, form, zone, problems)
        return _page(status, board.name, body, call, by=board.community)

    def _to_link(self, sent: Sent) -> Answer:
        query = f"lang={i18n.current()}&" + ("again=1" if sent.again else "sent=1")
        if sent.left_out:
            query += f"&left={sent.left_out}"
        return self._to(f"/t/{quote(sent.token)}?{query}")

    def _to(self, where: str) -> Answer:
        return 303, [(b"location", f"{self.settings.base}{where}".encode()), (b"cache-control", b"no-store")], b""

    # --- a private link
    async def _link(self, call: Call, address: str, token: str, form: Form | None) -> Answer:
        token = token[:100]
        problem: Message | None = None
        status = 200
        if form is not None:
            if seconds := self.rates.forms.wait(address):
                return self._later(call, seconds, sending=True)
            said = {"yes": True, "no": False}.get(form.get("mended"))
            grade = form.get("satisfaction")
            try:
                if said is None:
                    raise Invalid({"mended": Message(msg("Say whether it is mended"))})
                score = int(grade) if grade.isdecimal() and len(grade) == 1 else None
                known = await _asked(reports.answer, token, mended=said, satisfaction=score)
            except Invalid as trouble:
                problem, status = next(iter(trouble.problems.values())), 422
            else:
                if known:
                    self.rates.forms.count(address)
                    return self._to(f"/t/{quote(token)}?lang={i18n.current()}&thanks=1")
        progress = await _asked(reports.follow, token)
        if progress is None:
            return self._wrong(
                call, address, _paragraph(_("This link is not known, or its time is over. Scan the label again."))
            )
        zone = await asyncio.to_thread(data.store().zone, progress.community_id)
        body = _progress(call, progress, zone, problem)
        return _page(status, _("Report {number}", number=progress.number), body, call, by=progress.community)

    # --- what is too much
    def _wrong(self, call: Call, address: str, body: str) -> Answer:
        self.rates.wrong.count(address)
        if seconds := self.rates.wrong.wait(address):
            return self._later(call, seconds)
        words = _("No label has this code. Look at it once more; it has {n} letters and digits.", n=labels.LENGTH)
        said = "" if call.path.startswith("/t/") else _alert(words)
        return _page(404, _("Not found"), said + body, call)

    def _later(self, call: Call, seconds: float, *, sending: bool = False) -> Answer:
        minutes = max(1, ceil(seconds / 60))
        what = (
            n_(
                "There were too many reports from here or about this. Nothing was sent. Try again in {n} minute.",
                "There were too many reports from here or about this. Nothing was sent. Try again in {n} minutes.",
                minutes,
            )
            if sending
            else n_(
                "Too much was asked from here. Try again in {n} minute.",
                "Too much was asked from here. Try again in {n} minutes.",
                minutes,
            )
        )
        more = say(self.meanwhile)
        after = (b"retry-after", str(ceil(seconds)).encode())
        return _page(429, _("A little later"), _paragraph(what) + _paragraph(more), call, after)

    # --- reading a form
    async def _admitted(self, call: Call, receive: Any, address: str) -> tuple[int, Counter[str]]:
        """How long the form is that is sent now, and the room that is taken for it until it is dealt with, for its
        photos are in memory so long. Raises Unreadable, with the answer, where it is too much."""
        length = call.header("content-length")
        # of one that comes in pieces too a server goes by the pieces
        if call.header("transfer-encoding") or not length.isdecimal():
            raise Unreadable(411, msg("The browser does not say how long the form is. Nothing was sent."))
        size = int(length)
        if size > BODY_BYTES:
            await _drain(receive, size)
            raise Unreadable(
                413,
                msg("This is too large: {most} photos of {mb} MB each are the most. Nothing was sent; go back."),
                most=reports.MOST_PHOTOS,
                mb=photos.MOST_BYTES // 2**20,
            )
        answers = call.path.startswith(self.brief) and size <= ANSWER_BYTES  # no photos, so no room is needed
        try:
            label = "" if answers else await self._label_of(call)
        except Trouble:
            await _drain(receive, size)
            raise
        if not answers and (
            self.reading[_ALL] >= AT_ONCE or max(self.reading[address], self.reading[label]) >= EACH_AT_ONCE
        ):
            await _drain(receive, size)
            raise Unreadable(503, msg("Many reports arrive just now. Nothing was sent; go back and send it again."))
        if self.rates.megabytes.wait(address):
            await _drain(receive, size)
            raise Unreadable(429, msg("Too much was sent from here. Nothing was sent; try again in an hour."))
        self.rates.megabytes.count(address, max(1, ceil(size / 1_000_000)))
        taken = Counter() if answers else Counter((_ALL, address, label))
        self.reading += taken
        return size, taken

    async def _label_of(self, call: Call) -> str:
        """Whose room a form takes up: its label's; all codes that lead nowhere share one."""
        code = labels.read_code(call.path.lstrip("/").partition("/")[2] or call.query.get("code", ""))
        there = code and await _asked(reports.board, code)
        return f"label {code if there else ''}"

    async def _form(self, call: Call, receive: Any, size: int) -> Form:
        """The form that is sent. Raises Unreadable, with the answer, for one that is too slow or no form."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await _parsed(call, receive, size)
        except TimeoutError:
            raise Unreadable(
                408, msg("The form arrived too slowly. Nothing was sent; go back and try again.")
            ) from None


# --- reading ---------------------------------------------------------------------------------------------------------
async def _asked(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What a function of the repository says, out of the way of other requests."""
    return await asyncio.to_thread(data.revived, lambda: work(data.store(), *args, **kwargs))


async def _worked(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """As ``_asked``, for what may take a while."""
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        _REPORTING, lambda: context.run(data.revived, lambda: work(data.store(), *args, **kwargs))
    )


async def _pieces(receive: Any, size: int) -> AsyncGenerator[bytes, None]:
    while True:
        message = await asyncio.wait_for(receive(), SILENCE_SECONDS)
        if message["type"] == "http.disconnect":
            raise Unreadable(400, msg("The form broke off. Nothing was sent."))
        body = message.get("body", b"")
        if (size := size - len(body)) < 0:
            raise Unreadable(400, msg("The form is longer than it says. Nothing was sent."))
        yield body
        if not message.get("more_body"):
            return


async def _drain(receive: Any, size: int) -> None:
    """Take in what will not be read, so that the browser hears the answer; not for ever."""
    if size > DRAIN_BYTES:
        return
    with suppress(TimeoutError, Unreadable):
        async with asyncio.timeout(BODY_SECONDS):
            async for _piece in _pieces(receive, size):
                pass


async def _parsed(call: Call, receive: Any, size: int) -> Form:
    from python_multipart.exceptions import FormParserError
    from starlette.datastructures import Headers, UploadFile
    from starlette.formparsers import MultiPartException, MultiPartParser

    damaged = Unreadable(
        400, msg("This form can't be read: it is damaged, or has far too much text. Nothing was sent.")
    )
    kind = call.header("content-type").split(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        body = b""
        async for piece in _pieces(receive, size):
            body += piece
            if len(body) > FIELD_BYTES:
                raise damaged
        try:
            found = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise damaged from None
        return Form({name: values[0] for name, values in found.items()})
    if kind != "multipart/form-data":
        raise Unreadable(415, msg("This is no form of ours. Nothing was sent; scan the label again."))
    parser = MultiPartParser(
        Headers(scope=call.scope), _pieces(receive, size), max_files=10, max_fields=20, max_part_size=FIELD_BYTES
    )
    try:
        parts = await parser.parse()
    except (MultiPartException, FormParserError, ValueError, LookupError, AttributeError) as error:
        log.info("public form: %s", error)
        raise damaged from None
    fields: dict[str, str] = {}
    pictures = []
    try:
        for name, value in parts.multi_items():
            if not isinstance(value, UploadFile):
                fields.setdefault(name, value)
            elif name == "photos" and value.size:
                # one byte too many says that it is too large
                pictures.append(await value.read(photos.MOST_BYTES + 1))
    finally:
        await parts.close()
    return Form(fields, tuple(pictures))


def _address(told: str) -> str:
    """Whom a limit counts: an IPv4 address, or the network of an IPv6 one, of which everybody has more than enough."""
    try:
        found = ipaddress.ip_address(told)
    except ValueError:
        return told
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


# --- drawing ---------------------------------------------------------------------------------------------------------
STYLE = """
*{box-sizing:border-box}body{margin:0;background:#f3f5f8;color:#121923;
font:16px/1.5 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}
main{max-width:560px;margin:0 auto;padding:16px;background:#fff;min-height:100vh}
h1{font-size:22px;line-height:1.3;margin:4px 0}h2{font-size:17px;margin:24px 0 8px}p{margin:0 0 12px}
h1,p,li,legend{overflow-wrap:anywhere;word-wrap:break-word}
.top{font-size:14px;color:#4d5866;overflow:hidden}.top a{float:right;padding:4px 0 4px 12px}
.soft{color:#4d5866;font-size:14px}.bad{color:#a32a08;background:#fbeae4;border-radius:6px;padding:8px 12px}
.good{color:#1d5c2e;background:#e6f3e9;border-radius:6px;padding:8px 12px}
a{color:#1f5fa8}ul{list-style:none;margin:0;padding:0}li{border-top:1px solid #d9dfe7;padding:10px 0}
fieldset{border:0;margin:20px 0 0;padding:0}legend{font-weight:600;padding:0;margin:0 0 8px}
.pick label{display:inline-block;position:relative;margin:0 8px 8px 0}
.pick input{position:absolute;opacity:0;left:8px;top:8px}
.pick span{display:inline-block;min-height:44px;padding:9px 16px;border:1px solid #8b96a5;border-radius:22px}
.pick input:checked+span{background:#1f5fa8;border-color:#1f5fa8;color:#fff}
.pick input:focus+span{outline:2px solid #1f5fa8;outline-offset:2px}
.field{display:block;margin:16px 0 4px;font-weight:600}
textarea,select,input[type=text],input[type=tel],input[type=file]{width:100%;padding:10px;font:inherit;color:inherit;
background:#fff;border:1px solid #8b96a5;border-radius:6px}
button{display:block;width:100%;min-height:50px;margin-top:24px;font:inherit;font-weight:600;color:#fff;
background:#1f5fa8;border:0;border-radius:6px}
li button{min-height:44px;margin-top:8px;color:#1f5fa8;background:#fff;border:1px solid #1f5fa8}
details{margin-top:16px}summary{padding:10px 0;color:#1f5fa8}.trap{position:absolute;left:-9999px}
.step{font-size:20px;font-weight:600;margin:16px 0 4px}
@media(prefers-color-scheme:dark){body{background:#12171e;color:#e6eaf0}main{background:#1c232c}
.top,.soft{color:#b4becb}.bad{color:#ffa487;background:#40201a}.good{color:#9ddcae;background:#17301f}
a,summary{color:#6fa9e6}li{border-color:#323c48}.pick span,textarea,select,input[type=text],
input[type=tel],input[type=file]{border-color:#6b7787;background:#12171e}
.pick input:checked+span,button{background:#6fa9e6;border-color:#6fa9e6;color:#12171e}
li button{color:#6fa9e6;background:#1c232c;border-color:#6fa9e6}}
"""
_POLICY = (
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "style-src 'sha256-" + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode() + "'"
)
FACES: Mapping[int, str] = {
    1: msg("1 · very unhappy"),
    2: msg("2 · unhappy"),
    3: msg("3 · so-so"),
    4: msg("4 · happy"),
    5: msg("5 · very happy"),
}


def _page(status: int, title: str, body: str, call: Call, *headers: tuple[bytes, bytes], by: str = "") -> Answer:
    language = i18n.current()
    other = next(key for key in i18n.LANGUAGES if key != language)
    told = {name: call.query.get(name, "") for name in ("sent", "again", "left", "thanks")}
    keep = "".join(f"&{name}={value}" for name, value in told.items() if value in {"1", "2", "3"})
    switch = f'<a href="?lang={other}{html.escape(keep)}" lang="{other}">{i18n.LANGUAGES[other]}</a>'
    document = (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f'<div class="top">{switch}{html.escape(by or _("GridBoard"))}</div>'
        f"<h1>{html.escape(title)}</h1>{body}</main></body></html>"
    )
    fixed = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", _POLICY.encode()),
        (b"x-robots-tag", b"noindex"),
    ]
    return status, [*fixed, *headers], document.encode("utf-8", "replace")


def _paragraph(text: str, kind: str = "") -> str:
    return f"<p{f' class={kind}' if kind else ''}>{html.escape(text)}</p>"


def _alert(text: str, kind: str = "bad") -> str:
    return f'<p class="{kind}" role="alert">{html.escape(text)}</p>'


def _action() -> str:
    return f'method="post" action="?lang={i18n.current()}"'


def _type_the_code(call: Call) -> str:
    action = html.escape(f"{call.settings.base}/r/")
    label = html.escape(_("Code on the label"))
    return (
        f'<form action="{action}"><input type="hidden" name="lang" value="{i18n.current()}">'
        f'<label class="field" for="code">{label}</label>'
        '<input type="text" id="code" name="code" maxlength="20" autocomplete="off" autocapitalize="characters" '
        f'required placeholder="7K3M-9QXT"><button>{html.escape(_("Open"))}</button></form>'
    )


def _board(board: Board, token: str, form: Form, zone: Any, problems: Mapping[str, Message] | None = None) -> str:
    """The page of a label: what stands here, what is known, and the form with what was typed before."""
    problems = problems or {}
    now = data.store().clock().astimezone(zone)
    parts = [_paragraph(board.site, "soft") if board.site else ""]
    if board.out_of_order:
        parts.append(_alert(_("Out of order: please do not use it.")))
    if problems:
        said = [say(message) for name, message in problems.items() if name in ("", "order_id", "photos")]
        if set(problems) - {"", "order_id", "photos"}:
            said.append(_("Not sent yet: look at what is marked below."))
        parts.append(_alert(" ".join(said)))
        if form.pictures:
            parts.append(_paragraph(_("Choose the photos again: a browser does not keep them."), "soft"))
    hidden = f'<input type="hidden" name="token" value="{html.escape(token)}">'
    if board.known:
        parts.append(f"<h2>{html.escape(_('Reported already'))}</h2><ul>")
        for one in board.known:
            line = " · ".join(
                filter(
                    None,
                    (
                        i18n.term(one.fault, Fault),
                        i18n.ago(one.reported_at, now),
                        say(one.status.label),
                        n_("{n} more sees it too", "{n} more see it too", one.also) if one.also else "",
                    ),
                )
            )
            parts.append(
                f"<li>{html.escape(line)}<form {_action()}>{hidden}"
                f'<input type="hidden" name="same" value="{html.escape(one.order_id)}">'
                f"<button>{html.escape(_('I see the same'))}</button></form></li>"
            )
        parts.append(f"</ul><h2>{html.escape(_('Report something else'))}</h2>")
    faults = "".join(_radio("fault", word, say(word.label), form.get("fault")) for word in Fault)
    danger = "".join(
        _radio("dangerous", word, text, form.get("dangerous"))
        for word, text in (("no", _("No danger")), ("yes", _("Yes, somebody could get hurt")))
    )
    kept = _(
        "Only for calling you back about this: kept apart from the report, shown to the staff in charge only, who look "
        "on record, and erased some time after it is closed, after {n} days at the latest.",
        n=CONTACT_DAYS,
    )
    contact = (
        f"<details{' open' if form.get('name') or form.get('phone') else ''}>"
        f"<summary>{html.escape(_('May we call you back? (optional)'))}</summary>"
        + _line("name", _("Your name"), "text", 60, "name", form.get("name"), problems)
        + _line("phone", _("Telephone"), "tel", 20, "tel", form.get("phone"), problems)
        + _paragraph(kept, "soft")
        + "</details>"
    )
    words = html.escape(form.get("words")[: reports.MOST_WORDS])
    most = _("Up to {n} photos, {mb} MB each.", n=reports.MOST_PHOTOS, mb=photos.MOST_BYTES // 2**20)
    parts.append(
        f'<form {_action()} enctype="multipart/form-data">{hidden}'
        f"{_group(_('What is wrong?'), 'fault', faults, problems)}"
        f"{_group(_('Is it dangerous?'), 'dangerous', danger, problems)}"
        f'<label class="field" for="words">{html.escape(_("Anything to add? (optional)"))}</label>'
        f"{_problem(problems, 'words')}{_minded(form, problems)}"
        f'<textarea id="words" name="words" rows="3" maxlength="{reports.MOST_WORDS}">{words}</textarea>'
        f'<label class="field" for="photos">{html.escape(_("Photos (optional)"))}</label>'
        f'<input type="file" id="photos" name="photos" accept="{",".join(photos.KINDS)}" multiple>'
        f"{_paragraph(most, 'soft')}{contact}"
        f'<div class="trap" aria-hidden="true"><label>{html.escape(_("Leave this empty"))}'
        '<input type="text" name="website" tabindex="-1" autocomplete="off"></label></div>'
        f"<button>{html.escape(_('Send the report'))}</button></form>"
    )
    return "".join(parts)


def _mind_numbers(form: Form) -> None:
    """Raises Invalid beside words that hold a phone or identity number, once: sent again with the same numbers they
    pass."""
    numbers = " ".join(numbers_in(form.get("words")))
    if numbers and form.get("minded") != numbers:
        text = msg(
            "This looks like a phone or identity number: {numbers}. Everybody who works on reports reads these words; "
            "an identity number is not kept. Write your telephone number below instead, where only the staff in charge "
            "see it, or send the form again as it is."
        )
        raise Invalid({"words": Message(text, {"numbers": numbers})})


def _minded(form: Form, problems: Mapping[str, Message]) -> str:
    """Which numbers in the words were pointed out, for when the form comes again."""
    numbers = " ".join(numbers_in(form.get("words"))) if problems else ""
    return f'<input type="hidden" name="minded" value="{html.escape(numbers)}">' if numbers else ""


def _radio(name: str, value: str, text: str, chosen: str) -> str:
    checked = " checked" if chosen == value else ""
    return (
        f'<label><input type="radio" name="{name}" value="{html.escape(value)}" required{checked}>'
        f"<span>{html.escape(text)}</span></label>"
    )


def _group(title: str, name: str, inside: str, problems: Mapping[str, Message]) -> str:
    return f'<fieldset class="pick"><legend>{html.escape(title)}</legend>{_problem(problems, name)}{inside}</fieldset>'


def _line(name: str, title: str, kind: str, most: int, fills: str, value: str, problems: Mapping[str, Message]) -> str:
    return (
        f'<label class="field" for="{name}">{html.escape(title)}</label>{_problem(problems, name)}'
        f'<input type="{kind}" id="{name}" name="{name}" maxlength="{most}" autocomplete="{fills}" '
        f'value="{html.escape(value[:most])}">'
    )


def _problem(problems: Mapping[str, Message], name: str) -> str:
    return _paragraph(say(problems[name]), "bad") if name in problems else ""


def _progress(call: Call, found: Progress, zone: Any, problem: Message | None) -> str:
    """How a report stands, in plain words; and the question, once it is mended."""
    now = data.store().clock().astimezone(zone)
    parts = []
    if problem is not None:
        parts.append(_alert(say(problem)))
    if call.query.get("sent"):
        thanks = _("Thank you, your report has arrived. Keep this page: on it you see what becomes of it.")
        parts.append(_alert(thanks, "good"))
    if call.query.get("again"):
        parts.append(_alert(_("This was sent before. Nothing was added; here is how it stands."), "good"))
    if (left := call.query.get("left", "")) in {"1", "2", "3"}:
        parts.append(
            _alert(
                n_(
                    "{n} photo could not be read and was left out: choose JPEG, PNG or WebP pictures of up to 10 MB.",
                    "{n} photos could not be read and were left out: choose JPEG, PNG or WebP pictures of up to 10 MB.",
                    int(left),
                )
            )
        )
    if call.query.get("thanks"):
        parts.append(_alert(_("Thank you, this is noted."), "good"))
    what = " · ".join(filter(None, (i18n.term(found.fault, Fault), found.name, found.site)))
    parts.append(_paragraph(what))
    if found.merged:
        words = _("It is dealt with together with an earlier report; this is how that one stands.")
        parts.append(_paragraph(words, "soft"))
    parts.append(f'<p class="step">{html.escape(say(found.step.label))}</p>')
    times = [_("reported {when}", when=i18n.ago(found.reported_at, now))]
    if found.since > found.reported_at:
        times.append(_("so since {when}", when=i18n.datetime_(found.since, zone)))
    if found.also:
        times.append(n_("{n} more sees it too", "{n} more see it too", found.also))
    parts.append(_paragraph(" · ".join(times), "soft"))
    if found.due_at is not None:
        due = i18n.moment_short(found.due_at, now)
        said = (
            _("It should have been mended by {when}: it is late.", when=i18n.datetime_(found.due_at, zone))
            if found.late
            else _("It is to be mended by {when}.", when=due)
        )
        parts.append(_paragraph(said))
    if found.asks:
        parts.append(_question(found))
    again = html.escape(f"{call.settings.base}/r/{found.code}?lang={i18n.current()}")
    parts.append(f'<p class="soft"><a href="{again}">{html.escape(_("To the label"))}</a></p>')
    return "".join(parts)


def _question(found: Progress) -> str:
    if found.answered:
        return (
            f'<form {_action()}><input type="hidden" name="mended" value="no">'
            f"{_paragraph(_('You said that it is mended. Thank you.'))}"
            f"<button>{html.escape(_('It is not mended after all'))}</button></form>"
        )
    yes_or_no = "".join(
        _radio("mended", word, text, "") for word, text in (("yes", _("Yes, it is mended")), ("no", _("No, it is not")))
    )
    faces = "".join(
        _radio("satisfaction", str(grade), say(word), "").replace(" required", "") for grade, word in FACES.items()
    )
    return (
        f"<form {_action()}>{_group(_('Is it mended?'), 'mended', yes_or_no, {})}"
        f"{_group(_('If it is: how happy are you with it? (optional)'), 'satisfaction', faces, {})}"
        f"<button>{html.escape(_('Send the answer'))}</button></form>"
    )
