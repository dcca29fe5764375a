"""The log: whole lines of one form whoever speaks, with who and which run, and nothing of what people typed."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pymongo.errors import AutoReconnect, OperationFailure

from dashboard import logs
from repository import accounts
from repository.access import Actor, Role
from repository.facilities import Facility
from repository.grids import Community
from repository.migrations import migrate
from repository.store import Conflict, Store, Unavailable
from repository.words import msg
from tests.reader import Reader

ROOT = Path(__file__).parents[1]
NAME, PHONE = "张小明", "13800001111"
SECRET = f"{NAME} {PHONE}"
OPERATOR = Actor("operator", "操作员", Role.ADMIN)

PAGES = f"""
import asyncio, logging, sys, threading, warnings
import streamlit as st
from dashboard.pages import activities, facilities, grids, maintenance
from repository.facilities import Facility
from repository.store import Unavailable
from repository.words import msg
SECRET = {SECRET!r}

def plain_error():
    raise ValueError(SECRET)

def refused_by_pydantic():
    Facility(community_id=SECRET, code="x", name=SECRET * 100, category=SECRET)

def through_others():
    try:
        plain_error()
    except ValueError as error:
        raise Unavailable(msg("The database cannot be reached just now. Nothing was changed; try again.")) from error

def in_a_fragment():
    @st.fragment
    def part():
        if st.session_state.get("again"):
            raise KeyError(SECRET)
        st.session_state["again"] = True
        st.write("x")
        logging.getLogger("somebody.else").warning("they said %s of %s", ValueError(SECRET), {{"name": SECRET}})
        warnings.warn("an old way to do it", UserWarning)
        from streamlit.logger import get_logger
        get_logger("streamlit.made.later").warning("spoken quite late")
        threading.Thread(target=plain_error).start()
        async def lost():
            raise ValueError(SECRET)
        async def main():
            task = asyncio.ensure_future(lost())
            await asyncio.sleep(0.01)
            del task
        asyncio.run(main())
    part()

grids.render, facilities.render, maintenance.render = plain_error, refused_by_pydantic, through_others
activities.render = in_a_fragment
sys.argv[0] = "gridboard"
from dashboard.cli import main
sys.exit(main(["run"]))
"""


class Served:
    """GridBoard with pages that fail, its log as it came, and who is signed in."""

    def __init__(self, uri: str, home: Path, form: str) -> None:
        self.store = Store.connect(uri)
        self.store.client.drop_database(self.store.db.name)
        migrate(self.store)
        self.store.insert(OPERATOR, Community(id="D", community_id="D", code="D", name="D"))
        values = {"login": "wang", "name": NAME, "role": "admin"}
        self.user = accounts.add_user(self.store, OPERATOR, values, password="violet anchor bread")
        self.user = accounts.edit_user(self.store, OPERATOR, self.user.id, self.user.revision, {"must_change": False})
        self.token, _ = accounts.sign_in(self.store, "wang", "violet anchor bread", terms=accounts.Terms())
        ours = {"MONGODB_URI": uri, "GRIDBOARD_HOME": str(home), "PORT": "0", "GRIDBOARD_LOG": form}
        self.file = home / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", PAGES],
            cwd=ROOT,
            env=os.environ
            | ours
            | {"GRIDBOARD_SIGN_IN": "accounts", "GRIDBOARD_METRICS_TOKEN": "figures of the tests".replace(" ", "-")},
            stdout=subprocess.PIPE,
            stderr=self.file.open("w"),
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.fullmatch(r"http://127\.0\.0\.1:(\d+)\n", line):
                self.port = int(found[1])
                return
        raise RuntimeError(self.file.read_text())

    def read(self, page: str) -> Reader:
        """A page that has been opened."""
        reader = Reader(self.port, page, "lang=en", cookie=f"gridboard={self.token}")
        reader.rerun()
        return reader

    def lines(self, since: int = 0, wanted: str = "") -> list[str]:
        """What was logged; waits until ``wanted`` is among it."""
        for _ in range(100):
            found = self.file.read_text().splitlines()[since:]
            if not wanted or any(wanted in line for line in found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{wanted} is not in {found}")

    def get(self, path: str, **headers: str) -> int:
        """The status of one request."""
        return self.ask(path, **headers)[0]

    def ask(self, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
        """Status and text of one request."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, body, head)
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode()

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        self.store.close()


@pytest.fixture(scope="module", params=["json", ""], ids=["json", "plain"])
def served(request: Any, server: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One in each form."""
    found = Served(server(f"gridboard_logs_{request.param}"), tmp_path_factory.mktemp("log"), request.param)
    found.form = request.param  # type: ignore[attr-defined]
    yield found
    found.stop()


def number_told(reader: Reader) -> str:
    """The number a reader is asked to pass on."""
    found = re.search(rb"the number ([0-9a-f]+)", reader.said)
    assert found
    return found[1].decode()


@pytest.mark.parametrize(
    ("page", "what"), [("grids", "ValueError"), ("facilities", "ValidationError: name string_too_long")]
)
def test_a_page_that_fails_leaves_one_account_and_nothing_of_what_was_typed(
    served: Served, page: str, what: str
) -> None:
    before = len(served.lines())
    reader = served.read(page)
    number = number_told(reader)
    reader.close()
    lines = served.lines(before, number)
    text = "\n".join(lines)
    assert NAME not in text
    assert PHONE not in text
    assert text.count(what) == 1, "one account"
    (line,) = [line for line in lines if number in line and "Uncaught" in line]
    if served.form == "json":  # type: ignore[attr-defined]
        said = json.loads(line)
        assert (said["run"], said["user"], said["level"]) == (number, served.user.id, "error")
        assert len(said["request"]) == 16
        assert 'File "' in said["error"]
        assert what in said["error"]
    else:
        assert re.search(rf"\(request [0-9a-f]{{16}}, user {served.user.id}, run {number}\)$", line)
        assert 'File "' in text


def test_the_cause_of_a_trouble_is_told_without_its_words(served: Served) -> None:
    before = len(served.lines())
    reader = served.read("maintenance")
    assert b"cannot be reached just now" in reader.said
    reader.close()
    text = "\n".join(served.lines(before, "Uncaught"))
    assert PHONE not in text
    assert text.index("ValueError") < text.index("Unavailable: The database cannot be reached just now.")


def test_whoever_speaks_speaks_through_the_same_handler(served: Served) -> None:
    """A foreign logger, a warning, Streamlit's loggers made later, a thread, a lost task; then a fragment that fails
    before it has asked who is there."""
    before = len(served.lines())
    reader = served.read("activities")
    assert not reader.failed
    lines = served.lines(before, "not caught by anybody")
    reader.rerun(fragment=reader.fragment)
    number = number_told(reader)
    reader.close()
    lines = served.lines(before, number)
    text = "\n".join(lines)
    assert PHONE not in text
    assert NAME not in text
    for word in ("they said ValueError of ", "an old way to do it", "spoken quite late", "never retrieved", "KeyError"):
        assert text.count(word) == 1, word
    (line,) = [line for line in lines if number in line and "Uncaught" in line]
    assert served.user.id in line, "known from the websocket"
    if served.form == "json":  # type: ignore[attr-defined]
        ours = [json.loads(line) for line in lines]
        (started,) = [one for one in ours if "they said" in one["message"]]
        (ended,) = [one for one in ours if "Uncaught" in one["message"]]
        assert started["request"] == ended["request"], "the same page"
        assert started["run"] != ended["run"]


def test_sign_ins_that_fail_leave_a_trace_without_the_name_that_was_typed(served: Served) -> None:
    before = len(served.lines())
    head = {"Content_Type": "application/x-www-form-urlencoded"}
    assert served.ask("/login", f"login=wang&password={PHONE}", **head)[0] == 401
    assert served.ask("/login", f"login=a{PHONE}&password=x", **head)[0] == 401
    told = [served.ask("/login", "login=wang&password=x", **head)[0] for _ in range(8)]
    assert told == [401] * 4 + [429] * 4
    lines = [line for line in served.lines(before) if "not signed in" in line]
    text = "\n".join(lines)
    assert PHONE not in text
    assert "127.0.0.1" not in text
    assert text.count("127.0.0.0/24") >= 7
    assert sum(f"outcome wrong, user {served.user.id}" in line for line in lines) == 5
    assert sum("outcome wrong, user unknown" in line for line in lines) == 1
    assert sum(f"outcome locked, user {served.user.id}" in line for line in lines) == 1, "once a minute"
    if served.form == "json":  # type: ignore[attr-defined]
        said = json.loads(lines[0])
        assert (said["level"], said["outcome"], said["network"]) == ("warning", "wrong", "127.0.0.0/24")
        assert said["user"] == served.user.id


def test_strange_names_and_foreign_pages_are_said_now_and_then_and_counted(served: Served) -> None:
    before = len(served.lines())
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
               "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    assert [served.get("/grids%0aforged", Host="evil.example") for _ in range(3)] == [421] * 3
    assert served.ask("/login", "login=x", Origin="http://evil.example")[0] == 403
    assert served.get("/_stcore/stream", Origin="http://evil.example", **upgrade) == 403
    lines = [line for line in served.lines(before) if "refused a" in line]
    assert len([line for line in lines if "given evil.example" in line]) == 1
    assert len([line for line in lines if "given http://evil.example" in line]) == 1
    assert not [line for line in served.lines(before) if line.startswith("forged")]
    status, figures = served.ask("/metrics", Authorization="Bearer figures-of-the-tests")
    assert status == 200
    assert 'gridboard_refusals_total{kind="name"} 3.0' in figures
    assert 'gridboard_refusals_total{kind="origin"} 2.0' in figures


def test_websockets_are_logged_with_how_long_they_were_open(served: Served) -> None:
    if served.form != "json":  # type: ignore[attr-defined]
        pytest.skip("requests are logged in JSON only")
    before = len(served.lines())
    served.read("data").close()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
               "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    assert served.get("/_stcore/stream", Cookie="gridboard=forged", X_Request_Id="mine", **upgrade) == 403
    lines = [json.loads(line) for line in served.lines(before, "websocket closed")]
    lines = [line for line in lines if line.get("method") == "WEBSOCKET"]
    opened, closed = (
        next(line for line in lines if line["message"].startswith(f"websocket {word}")) for word in ("opened", "closed")
    )
    assert opened["request"] == closed["request"]
    assert {opened["user"], closed["user"]} == {served.user.id}
    assert (closed["path"], closed["status"]) == ("/_stcore/stream", 101)
    assert 0 <= closed["seconds"] < 60
    (refused,) = [line for line in lines if line["message"].startswith("websocket refused")]
    assert refused["status"] == 403
    assert refused["request"] != "mine"


# --- what may be said
def error_of(work: Callable[[], Any]) -> BaseException:
    """What ``work`` raises."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (that is what is asked for)
        return error
    raise AssertionError


def test_only_what_cannot_be_anybody_s_data_is_said_of_an_error() -> None:
    assert logs.kind(ValueError(SECRET)) == "ValueError"
    assert logs.kind(FileNotFoundError(2, "No such file or directory", f"/home/{NAME}")) == (
        "FileNotFoundError: No such file or directory"
    )
    assert logs.kind(AutoReconnect("m.sock: connection refused")) == "AutoReconnect: m.sock: connection refused"
    assert logs.kind(OperationFailure(SECRET, 112)) == "OperationFailure (code 112)"
    facility = Facility(community_id="D", code="x", name="x", category="fitness", updated_by=NAME)
    assert NAME not in logs.kind(Conflict(facility))
    assert "changed this in the meantime" in logs.kind(Conflict(facility))
    assert NAME not in logs._argument(Conflict(facility)), "also as part of a line of ours"
    assert logs._argument(Unavailable("It is away.")) == "It is away."
    wrong = error_of(lambda: Facility(community_id="D", code="x", name=SECRET * 100, category=SECRET))
    assert isinstance(wrong, ValidationError)
    assert logs.kind(wrong) == "ValidationError: name string_too_long, category enum"


def test_a_chain_a_group_and_a_ring_are_told_to_the_end() -> None:
    def failing() -> None:
        try:
            try:
                raise KeyError(SECRET)
            except KeyError:
                raise ExceptionGroup(SECRET, [ValueError(SECRET), OSError(28, "No space left on device")]) from None
        except ExceptionGroup as group:
            raise Unavailable(msg("Gone: {name}"), name=NAME) from group

    error = error_of(failing)
    told = logs.account(error)
    assert [line for line in told.splitlines() if not line.startswith(" ")] == [
        "ValueError",
        "OSError: No space left on device",
        "ExceptionGroup",
        "Unavailable: Gone: {name}",
    ]
    error.__cause__.__cause__ = error  # type: ignore[union-attr]
    assert SECRET not in logs.account(error)


def test_a_refusal_of_the_database_keeps_its_shape_and_loses_its_values() -> None:
    details = {"failingDocumentId": PHONE, "details": [{"propertyName": "name", "reason": "too long", "n": 3}]}
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "refused: %s", (details,), None)
    said = json.loads(logs.Json().format(record))["message"]
    assert PHONE not in said
    assert "'propertyName': 'name', 'reason': 'too long'" in said


def test_a_line_that_is_written_wrongly_is_still_a_line() -> None:
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "%d of %s", ("a",), None)
    assert json.loads(logs.Json().format(record))["message"] == "%d of %s"


def test_a_network_is_told_and_no_address() -> None:
    assert logs.network("203.0.113.77") == "203.0.113.0/24"
    assert logs.network("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert logs.network("?") == "unknown"


def test_refusals_are_counted_while_they_are_not_said(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    now = [1000.0]
    monkeypatch.setattr(logs, "_refusals", {})
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for _ in range(5):
        logs.refused("name", "refused")
    now[0] += 61
    logs.refused("name", "refused")
    assert [record.getMessage() for record in caplog.records] == [
        "refused: ",
        "refused: ; 4 more since the line before",
    ]


def test_threads_beside_a_page_have_no_run() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(logs.run()))
    thread.start()
    thread.join()
    assert found == [""]
