"""Faults in a real browser: the page says what is happening, keeps what was typed, and goes on by itself without a
reload (docs/reliability.md, F)."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from repository import embedded
from repository.access import Actor, Role
from repository.activities import Activity, ActivityStatus
from repository.facilities import Facility
from repository.grids import Community
from repository.migrations import migrate
from repository.store import Store
from tests.browser import Visit, Windows
from tests.folders import server_folder
from tests.reliability.replicas import Members

pytestmark = [pytest.mark.browser, pytest.mark.drill]
ROOT = Path(__file__).parents[1]
ACTOR = Actor("tester", "测试员", Role.ADMIN)
HALF = "half a sentence about the left post"
AWAY, LAGGING, SCARCE = "The database cannot be reached just now", "What is shown may lag behind", "is nearly full"

# The app with two handles for the tests: how much disk is free, and an answer that gets lost on its way back.
APP = """
import sys
from pathlib import Path
from repository import store
from repository.words import msg
folder = Path(sys.argv.pop(1))
write = store.Store.write

def room(self, *_):
    said = folder / "room"
    return int(said.read_text()) if said.exists() else 50_000_000_000

def lossy(self, *args, **kwargs):
    result = write(self, *args, **kwargs)
    if (folder / "lose").exists() and kwargs.get("key"):
        (folder / "lose").unlink()
        raise store.OutcomeUnknown(
            msg("It is not known whether this was saved: the database stopped answering. Look before you try again.")
        )
    return result

store.Store.room, store.Store.write = room, lossy
from dashboard.cli import main
sys.exit(main(["run"]))
"""


class App:
    """GridBoard over a database of the test's own, without a sign-in, to be killed and started again."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri, self.port = folder, uri, "0"
        self.start()

    def start(self) -> None:
        """Run it, on the port it had."""
        env = os.environ | {"MONGODB_URI": self.uri, "GRIDBOARD_HOME": str(self.folder), "PORT": self.port}
        self.process = subprocess.Popen(
            [sys.executable, "-c", APP, str(self.folder)],
            cwd=ROOT,
            env=env | {"GRIDBOARD_SIGN_IN": "none", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=(self.folder / "log").open("a"),
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.fullmatch(r"http://127\.0\.0\.1:(\d+)\n", line):
                self.port, self.address = found[1], line.strip()
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise RuntimeError((self.folder / "log").read_text())

    def kill(self) -> None:
        """As the system would when memory runs out."""
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A private server that the test itself ends and starts; the app only has its address."""
    path = server_folder("gb-ban-")
    yield path
    embedded.stop(path)
    shutil.rmtree(path, ignore_errors=True)


def furnish(store: Store) -> None:
    """A community with one bench and one lecture."""
    migrate(store)
    store.insert(ACTOR, Community(id="D", community_id="D", code="D", name="安富社区"))
    store.insert(ACTOR, Facility(id="F", community_id="D", code="F-1", name="长凳一号", category="fitness"))
    day = store.clock().date()
    store.insert(
        ACTOR,
        Activity(id="A", community_id="D", name="讲座", held_on=day, format="lecture", status=ActivityStatus.HELD),
    )


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[Store]:
    """The database, as the test sees it."""
    endpoint = embedded.start(home)
    found = Store.connect(endpoint.uri, endpoint.database)
    furnish(found)
    yield found
    found.close()


@pytest.fixture(scope="module")
def app(home: Path, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One app for all of it."""
    running = App(tmp_path_factory.mktemp("app"), embedded.start(home).uri)
    yield running
    running.stop()


@pytest.fixture
def seen(windows: Windows) -> Iterator[Visit]:
    """A reader who must never have to load the page again."""
    visitor = windows(language="en-US")
    loads = []

    def note(page: Any) -> None:
        loads.append(page.url)

    visitor.page.on("load", note)
    yield visitor
    visitor.page.remove_listener("load", note)
    assert len(loads) == 1, "no reload"
    assert visitor.page.locator("[data-testid=stException]").count() == 0


def report(app: App, seen: Visit) -> Any:
    """The repair form with half a sentence in it, which was not sent to anybody yet."""
    page = seen.page
    page.goto(f"{app.address}/report?facility=F-1")
    typed = page.get_by_label("Anything to add?")
    typed.wait_for(timeout=60_000)
    seen.settled()
    page.get_by_role("radio", name="Loose").click()
    seen.settled()
    page.locator('[class*="st-key-danger-"] [role=radio]').nth(1).click()
    seen.settled()
    typed.fill(HALF)
    return typed


def wait(what: Callable[[], bool], seconds: float = 60) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def banner(seen: Visit, text: str) -> Any:
    """The alert that says so, and there is but one."""
    return seen.page.get_by_test_id("stAlert").filter(has_text=text)


def orders(store: Store, text: str = HALF) -> int:
    """How many repairs say this."""
    return store.db["work_orders"].count_documents({"description": text})


@pytest.fixture(autouse=True)
def _tidy(store: Store, app: App) -> Iterator[None]:
    yield
    store.db["work_orders"].delete_many({})
    for name in ("room", "lose"):
        (app.folder / name).unlink(missing_ok=True)


# --- the database ----------------------------------------------------------------------------------------------------
def test_a_database_that_died_is_said_and_the_page_goes_on_when_it_is_back(
    app: App, home: Path, store: Store, seen: Visit
) -> None:
    typed = report(app, seen)
    pid = embedded.status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait(lambda: not embedded.status(home).running)
    seen.page.get_by_role("radio", name="Noise").click()
    banner(seen, AWAY).wait_for(timeout=90_000)
    assert typed.input_value() == HALF

    embedded.start(home)

    banner(seen, AWAY).wait_for(state="detached", timeout=90_000)
    seen.settled()
    assert typed.input_value() == HALF
    assert seen.page.get_by_role("radio", name="Noise").get_attribute("aria-checked") == "true"
    seen.page.locator(".st-key-do_send button").click()
    wait(lambda: orders(store) == 1)


def test_a_database_that_pauses_is_said_and_the_page_goes_on_afterwards(
    app: App, home: Path, store: Store, seen: Visit
) -> None:
    typed = report(app, seen)
    pid = embedded.status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        seen.page.get_by_role("radio", name="Noise").click()
        banner(seen, AWAY).wait_for(timeout=90_000)
        time.sleep(4)  # it looks and looks, and nothing is there
        assert banner(seen, AWAY).count() == 1
    finally:
        os.kill(pid, signal.SIGCONT)
    banner(seen, AWAY).wait_for(state="detached", timeout=90_000)
    assert typed.input_value() == HALF
    seen.settled()


def test_an_open_drawer_goes_on_too(app: App, home: Path, seen: Visit) -> None:
    seen.page.goto(f"{app.address}/facilities?facility=F")
    dialog = seen.page.get_by_role("dialog")
    dialog.wait_for(timeout=60_000)
    seen.settled()
    typed = dialog.get_by_role("textbox", name=re.compile("Remark")).first
    typed.fill(HALF)
    pid = embedded.status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        dialog.get_by_role("radio").nth(1).click()
        banner(seen, AWAY).wait_for(timeout=90_000)
    finally:
        os.kill(pid, signal.SIGCONT)
    banner(seen, AWAY).wait_for(state="detached", timeout=90_000)
    seen.settled()
    assert typed.input_value() == HALF
    assert dialog.get_by_role("radio").nth(1).get_attribute("aria-checked") == "true"


def test_a_disk_that_is_nearly_full_is_said_and_saving_says_so(app: App, store: Store, seen: Visit) -> None:
    (app.folder / "room").write_text("300000000")
    typed = report(app, seen)
    banner(seen, SCARCE).first.wait_for(timeout=60_000)
    seen.page.locator(".st-key-do_send button").click()
    seen.page.locator(".st-key-thumb_send").get_by_test_id("stAlert").wait_for(timeout=60_000)
    said = seen.page.locator(".st-key-thumb_send").get_by_test_id("stAlert").inner_text()
    assert "300 MB free" in said
    assert "Make room" in said
    assert typed.input_value() == HALF
    assert orders(store) == 0

    (app.folder / "room").write_text("700000000")
    banner(seen, SCARCE).first.wait_for(state="detached", timeout=60_000)
    banner(seen, "is filling up").wait_for(timeout=60_000)
    (app.folder / "room").unlink()
    banner(seen, "is filling up").wait_for(state="detached", timeout=60_000)
    seen.settled()
    assert typed.input_value() == HALF
    seen.page.locator(".st-key-do_send button").click()
    wait(lambda: orders(store) == 1)


def test_an_answer_that_was_lost_is_said_and_pressing_again_counts_once(app: App, store: Store, seen: Visit) -> None:
    typed = report(app, seen)
    (app.folder / "lose").touch()
    seen.page.locator(".st-key-do_send button").click()
    banner(seen, "It is not known whether this was saved").wait_for(timeout=60_000)
    assert typed.input_value() == HALF
    seen.page.locator(".st-key-do_send button").click()
    wait(lambda: orders(store) > 0)
    seen.settled()
    assert orders(store) == 1, list(store.db["work_orders"].find({}, {"number": 1, "description": 1, "fault": 1}))


# --- the app ---------------------------------------------------------------------------------------------------------
def test_a_page_finds_back_to_an_app_that_was_killed_with_what_was_typed(app: App, store: Store, seen: Visit) -> None:
    typed = report(app, seen)
    app.kill()
    app.start()
    wait(lambda: seen.page.get_by_test_id("stApp").get_attribute("data-test-connection-state") == "CONNECTED")
    assert typed.input_value() == HALF
    seen.page.locator(".st-key-do_send button").click()
    wait(lambda: orders(store) > 0)
    seen.settled()
    assert orders(store) == 1, list(store.db["work_orders"].find({}, {"number": 1, "description": 1, "fault": 1}))


def test_what_was_saved_as_the_app_was_killed_counts_once(app: App, store: Store, seen: Visit) -> None:
    """The repair was written, and the app died before it could say so."""
    typed = report(app, seen)
    (app.folder / "lose").touch()
    seen.page.locator(".st-key-do_send button").click()
    banner(seen, "It is not known whether this was saved").wait_for(timeout=60_000)
    app.kill()
    app.start()
    wait(lambda: seen.page.get_by_test_id("stApp").get_attribute("data-test-connection-state") == "CONNECTED")
    assert typed.input_value() == HALF
    seen.page.locator(".st-key-do_send button").click()
    wait(lambda: orders(store) > 0)
    seen.settled()
    assert orders(store) == 1, list(store.db["work_orders"].find({}, {"number": 1, "description": 1, "fault": 1}))


def test_a_drawer_finds_back_too_and_says_what_it_could_not_keep(app: App, store: Store, seen: Visit) -> None:
    """A click in a drawer is one in a fragment, which the new app has never heard of. What was typed is kept while
    nobody else has changed the record, and else said to be lost."""
    page = seen.page
    page.goto(f"{app.address}/activities?activity=A")
    dialog = page.get_by_role("dialog")
    dialog.wait_for(timeout=60_000)
    seen.settled()
    save = dialog.locator("[class*='st-key-do_activity-edit'] button")
    typed = dialog.get_by_role("textbox", name=re.compile("Theme"))

    def theme() -> str:
        return str((store.db["activities"].find_one({"_id": "A"}) or {}).get("theme"))

    def killed_while(text: str) -> None:
        dialog.get_by_role("tab", name="Change").click()
        typed.fill(text)
        page.wait_for_timeout(600)  # a pause in typing
        app.kill()
        app.start()
        wait(lambda: page.get_by_test_id("stApp").get_attribute("data-test-connection-state") == "CONNECTED")
        assert typed.input_value() == text

    killed_while(HALF)
    save.click()
    wait(lambda: theme() == HALF)
    dialog.wait_for(state="detached", timeout=60_000)

    page.evaluate("history.pushState({}, '', '?activity=A')")
    page.get_by_role("radio", name="Year").click()
    dialog.wait_for(timeout=60_000)
    seen.settled()
    killed_while("something else")
    store.update(ACTOR, Activity, "D", "A", 2, {"place": "by another"})
    save.click()
    page.get_by_test_id("stToast").filter(has_text="part of what you had typed").wait_for(timeout=60_000)
    seen.settled()
    assert theme() == HALF
    dialog.get_by_role("tab", name="Change").click()
    assert typed.input_value() == HALF, "what stands there"


# --- a replica set ---------------------------------------------------------------------------------------------------
def test_without_a_primary_the_page_says_that_it_may_lag_and_goes_on_when_there_is_one(
    tmp_path: Path, seen: Visit
) -> None:
    folder = server_folder("gb-rs-")
    members = Members(folder)
    app = None
    try:
        there = Store.connect(members.uri)
        furnish(there)
        there.close()
        app = App(tmp_path, members.uri)
        page = seen.page
        page.goto(f"{app.address}/facilities")
        page.get_by_text("长凳一号").or_(page.locator("[data-testid=stDataFrame]")).first.wait_for(timeout=60_000)
        seen.settled()
        assert banner(seen, LAGGING).count() == 0
        gone = [place for place in range(3) if place != members.primary()]
        for place in gone:
            members.end(place, signal.SIGKILL)
        wait(lambda: not _led(members))
        page.get_by_role("radio", name="All", exact=True).or_(page.get_by_text("Fitness", exact=False)).first.click()
        banner(seen, LAGGING).wait_for(timeout=90_000)
        assert re.search(r"Since about \d\d:\d\d", banner(seen, LAGGING).inner_text())
        assert page.locator("[data-testid=stDataFrame]").count(), "it is read from a member that follows"
        for place in gone:
            members.back(place)
        banner(seen, LAGGING).wait_for(state="detached", timeout=120_000)
    finally:
        if app is not None:
            app.stop()
        members.close()
        shutil.rmtree(folder, ignore_errors=True)


def _led(members: Members) -> bool:
    try:
        members.primary(0.5)
    except TimeoutError:
        return False
    return True
