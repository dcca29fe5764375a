"""The log: warnings in plain text, or one line of JSON each, with who, which request and which run of a page, and never
what was typed.

Names, texts and query strings stay out of it: a person is an id, a page is its path, an address its network, an error
its kind and the places in the code it came through. What an exception says is left out unless it is ours: pydantic and
the database quote the values they refuse. Every logger of the process speaks through the one handler set up here.
"""

import json
import logging
import re
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from ipaddress import ip_address, ip_network
from typing import Any
from weakref import WeakKeyDictionary

from dashboard.settings import Settings
from repository.words import Trouble

request_id: ContextVar[str] = ContextVar("gridboard_request", default="")
user_id: ContextVar[str] = ContextVar("gridboard_user", default="")
access = logging.getLogger("gridboard.access")
log = logging.getLogger("gridboard")

HEADER = "x-request-id"
QUIET_SECONDS = 60.0  # how often a line of the same kind may come of what strangers do
_sockets: dict[str, str] = {}  # the websockets that are open, and whose each is
_runs: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
_refusals: dict[str, tuple[float, int]] = {}  # by kind: when it was last told, and how many came since


# --- who and which ---------------------------------------------------------------------------------------------------
def new_request() -> str:
    """An id for a request, to be found again in the log."""
    return secrets.token_hex(8)


def run() -> str:
    """The id of the run of a page (or of a fragment of it) that this thread works for; empty outside of any."""
    # the one thing that Streamlit makes anew for each run and keeps to its end
    one = getattr(_script(), "parallel_coordinator", None)
    return "" if one is None else _runs.setdefault(one, secrets.token_hex(4))


def _script() -> Any:
    runner = sys.modules.get("streamlit.runtime.scriptrunner_utils.script_run_context")
    return runner.get_script_run_ctx(suppress_warning=True) if runner else None


def _request() -> str:
    """The request this thread works for: in a page's run that of the websocket it came over."""
    if (known := request_id.get()) or _script() is None:
        return known
    from streamlit import context

    try:
        return str(context.headers.get(HEADER, ""))
    except RuntimeError:  # no server around it
        return ""


def _about() -> dict[str, str]:
    """Request, user and run, as far as they are known."""
    request = _request()
    known = {"request": request, "user": user_id.get() or _sockets.get(request, ""), "run": run()}
    return {name: value for name, value in known.items() if value}


def network(address: str) -> str:
    """Where an address belongs: enough to see whether guesses come from one place, too little to name a person."""
    try:
        version = ip_address(address).version
    except ValueError:
        return "unknown"
    return str(ip_network((address, 24 if version == 4 else 48), strict=False))


# --- what may be said ------------------------------------------------------------------------------------------------
def kind(error: BaseException) -> str:
    """What may be said of an exception: its kind, and what it says itself only where that can't be anybody's data."""
    name = type(error).__qualname__
    if isinstance(error, Trouble):
        return f"{name}: {error.message.text}"  # its facts may be names
    if isinstance(error, OSError):
        return f"{name}: {error.strerror}" if error.strerror else name
    bases = {f"{base.__module__}.{base.__qualname__}" for base in type(error).__mro__}
    if "pymongo.errors.ConnectionFailure" in bases:
        return f"{name}: {error}"[:500]  # of servers and seconds
    if "pydantic_core._pydantic_core.ValidationError" in bases:
        found = error.errors(include_url=False, include_context=False, include_input=False)  # type: ignore[attr-defined]
        return f"{name}: " + ", ".join(f"{_path(one['loc'])} {one['type']}" for one in found[:10])
    code = getattr(error, "code", None)
    return f"{name} (code {code})" if isinstance(code, int) else name


def _path(places: tuple[Any, ...]) -> str:
    return ".".join(
        str(one) if isinstance(one, int) or re.fullmatch(r"[a-z_][a-z0-9_]*", one) else "…" for one in places
    )


_TOLD = {"operatorName", "propertyName", "reason", "codeName", "bsonType"}


def shape(value: Any, name: str = "") -> Any:
    """What is known of a nested value without the texts in it: MongoDB's account of a refusal quotes the document."""
    if isinstance(value, Mapping):
        return {str(key): shape(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shape(inner, name) for inner in value]
    return value if name in _TOLD or isinstance(value, bool) else "…"


def account(error: BaseException) -> str:
    """Every exception of a chain, what came first first: where it came through, and its kind."""
    return "\n".join("".join([*traceback.format_tb(each.__traceback__), kind(each)]) for each in _chain(error, set()))


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before, seen)
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _chain(inner, seen)
    yield error


def _argument(value: Any) -> Any:
    if isinstance(value, Trouble):
        return kind(value) if value.of_people else str(value)  # whoever wrote the line meant it to be read
    if isinstance(value, BaseException):
        return kind(value)
    return shape(value) if isinstance(value, Mapping | list | tuple) else value


def _message(record: logging.LogRecord) -> str:
    if isinstance(record.msg, BaseException):
        return kind(record.msg)
    text, given = str(record.msg), record.args
    try:
        if isinstance(given, Mapping):
            text %= shape(given)
        elif given:
            text %= tuple(_argument(one) for one in given)
    except (TypeError, ValueError, KeyError):
        pass  # a line that can't be filled in is told as it was written
    error = _error_of(record)
    if error is not None and not isinstance(error, Trouble):  # asyncio puts the exception into its sentence
        for said in (repr(error), str(error)):
            text = text.replace(said, type(error).__qualname__) if said else text
    return text


def _error_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


# --- lines -----------------------------------------------------------------------------------------------------------
class Plain(logging.Formatter):
    """Lines to read, with request, user and run behind the sentence."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the account of an error below it."""
        record.message = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "�", _message(record))
        record.asctime = self.formatTime(record, self.datefmt)
        line = self.formatMessage(record)
        if about := _about():
            line += f" ({', '.join(f'{name} {value}' for name, value in about.items())})"
        rest = [account(error)] if (error := _error_of(record)) is not None else []
        return "\n".join([line, *rest, *([record.stack_info] if record.stack_info else [])])


_PRIVATE = re.compile(r"(/t/)[^/?]+")


class Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; an error with the places it came through."""
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        line |= _about()
        line |= getattr(record, "facts", {})
        if (error := _error_of(record)) is not None:
            line["error"] = account(error)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, default=str)


def set_up(settings: Settings, text_format: str) -> None:
    """Warnings and errors to standard error, in the form that was asked for; in JSON a line for each request too."""
    said = logging.StreamHandler()
    said.setFormatter(Json() if settings.log == "json" else Plain(text_format))
    logging.basicConfig(level=logging.WARNING, handlers=[said], force=True)
    logging.captureWarnings(True)
    access.setLevel(logging.INFO if settings.log == "json" else logging.NOTSET)
    for name in list(logging.root.manager.loggerDict):
        _through_the_root(logging.getLogger(name))
    # Streamlit gives each of its loggers a handler of its own, those that are made later too
    from streamlit import logger as streamlits

    streamlits.setup_formatter = _through_the_root
    sys.excepthook = _ended
    threading.excepthook = lambda ended: _ended(ended.exc_type, ended.exc_value, ended.exc_traceback)
    sys.unraisablehook = lambda lost: _ended(lost.exc_type, lost.exc_value, lost.exc_traceback)


def _through_the_root(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.propagate = True


def _ended(kind_: type[BaseException], error: BaseException | None, trace: Any) -> None:
    """What nobody caught: Python would print it as it is."""
    if error is None or not issubclass(kind_, Exception):
        return
    log.critical("not caught by anybody", exc_info=(kind_, error, trace))


# --- what is noted ---------------------------------------------------------------------------------------------------
def answered(method: str, path: str, status: int, began: float) -> None:
    """Note a request that was answered; ``began`` is of the monotonic clock."""
    if access.isEnabledFor(logging.INFO):
        took = round((time.monotonic() - began) * 1000, 1)
        path = _PRIVATE.sub(r"\1…", path)  # whoever reads the log must not follow it
        facts = {"method": method, "path": path[:200], "status": status, "ms": took}
        access.info("%s %s %s", method, path[:200], status, extra={"facts": facts})


async def socket(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Serve a websocket, and note when it was opened or refused, and for how long it was open. The runs of its page
    find its id in its headers, whatever the browser had put there."""
    number, began, path = new_request(), time.monotonic(), str(scope["path"])[:200]
    request_id.set(number)
    name = HEADER.encode()
    headers = [pair for pair in scope["headers"] if pair[0].lower() != name] + [(name, number.encode())]
    status = 0

    def note(word: str, **more: Any) -> None:
        facts = {"method": "WEBSOCKET", "path": path, "status": status, **more}
        access.info("websocket %s: %s %s", word, path, status, extra={"facts": facts})

    async def watched(message: Any) -> None:
        nonlocal status
        if not status and message["type"] == "websocket.accept":
            status = 101
            _sockets[number] = user_id.get()
            note("opened")
        elif not status and message["type"] in {"websocket.close", "websocket.http.response.start"}:
            status = message.get("status", 403)
            note("refused")
        await send(message)

    try:
        await app(scope | {"headers": headers}, receive, watched)
    finally:
        _sockets.pop(number, None)
        if status == 101:
            note("closed", seconds=round(time.monotonic() - began, 1))


def refused(kind: str, text: str, **facts: Any) -> None:
    """Note that somebody was turned away: once a minute of each ``kind``, with how many more there were; without a kind
    each time."""
    more = 0
    if kind:
        now = time.monotonic()
        told, more = _refusals.get(kind, (-QUIET_SECONDS, 0))
        if now - told < QUIET_SECONDS:
            _refusals[kind] = (told, more + 1)
            return
        _refusals[kind] = (now, 0)
    words = ", ".join(f"{name} {value}" for name, value in facts.items())
    since = f"; {more} more since the line before" if more else ""
    log.warning("%s: %s%s", text, words, since, extra={"facts": {**facts, "more": more}})
