"""The log: warnings in plain text, or one line of JSON each, with who and which request, and never what was typed.

Names, texts and query strings stay out of it: a person is an id, a page is its path.
"""

import json
import logging
import re
import secrets
import time
from contextvars import ContextVar
from typing import Any

from dashboard.settings import Settings

request_id: ContextVar[str] = ContextVar("gridboard_request", default="")
user_id: ContextVar[str] = ContextVar("gridboard_user", default="")
access = logging.getLogger("gridboard.access")
_PRIVATE = re.compile(r"(/t/)[^/?]+")


class Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; an error with its traceback."""
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := request_id.get():
            line["request"] = request
        if user := user_id.get():
            line["user"] = user
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(settings: Settings, text_format: str) -> None:
    """Warnings and errors to standard error, in the form that was asked for; in JSON a line for each request too."""
    logging.basicConfig(level=logging.WARNING, format=text_format)
    if settings.log != "json":
        return
    for name in ("", "streamlit", "uvicorn", "uvicorn.error"):
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(Json())
    access.setLevel(logging.INFO)


def new_request() -> str:
    """An id for a request, to be found again in the log."""
    return secrets.token_hex(8)


def answered(method: str, path: str, status: int, began: float) -> None:
    """Note a request that was answered; ``began`` is of the monotonic clock."""
    if access.isEnabledFor(logging.INFO):
        took = round((time.monotonic() - began) * 1000, 1)
        path = _PRIVATE.sub(r"\1…", path)  # whoever reads the log must not follow it
        facts = {"method": method, "path": path[:200], "status": status, "ms": took}
        access.info("%s %s %s", method, path[:200], status, extra={"facts": facts})
