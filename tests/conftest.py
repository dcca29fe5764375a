"""What is real here: a MongoDB server (the embedded one, started once a test run, or MONGODB_URI), and every page runs
over it. Each test that asks for ``store`` gets a database of its own, dropped afterwards.

The real data sets stand beside the checkout (../shared/data or GRIDBOARD_TEST_DATA). On a user's machine they are
absent and their tests skip; in CI (CI=true) their absence fails.
"""

import asyncio
import gc
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlsplit, urlunsplit

import pytest
from argon2 import PasswordHasher
from bson import CodecOptions
from bson.raw_bson import RawBSONDocument
from hypothesis import HealthCheck, settings
from pymongo import DeleteOne, InsertOne, ReplaceOne, WriteConcern
from pymongo.errors import OperationFailure

from repository import accounts, embedded
from repository.access import Actor, Role
from repository.facilities import Category, Facility
from repository.grids import Community, Grid
from repository.migrations import migrate, steps
from repository.people import Person
from repository.record import RECORDS
from repository.store import Store
from repository.words import Trouble
from tests.folders import server_folder

# machines here are shared: what is slow once says nothing of the code
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

T = TypeVar("T")
NOW = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)  # 16:30 in Shanghai
HASHER = accounts._hasher
DATA = Path(os.environ.get("GRIDBOARD_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


gc.disable()  # what is collected stays to the end, and looking through it again and again took half of that time


def pytest_collection_finish() -> None:
    """What there is by now is not looked through any more, and what tests make not at every seventh hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Modules with something dear of their own - a server, browser windows, a set of records - run in one worker, which
    makes it once; so do all those over the demonstration. The largest begin, single tests fill up. By the modules'
    text: xdist 3.8's own groups are lost under pytest 9.2 (pytest-xdist#1386)."""
    from xdist.scheduler import LoadScopeScheduling

    @cache
    def shared(path: str) -> str:
        text = (config.rootpath / path).read_text("utf-8")
        if "demo_uri" in text:
            return "demo"
        return path if 'scope="module"' in text or "windows: Windows" in text else ""

    class Modules(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return shared(nodeid.partition("::")[0]) or nodeid

    return Modules(config, log)


def first(quick: int, cases: Iterable[Any]) -> list[Any]:
    """Cases of one rule: so many of them in ``make test``, which is waited for, the others in ``make drill``."""
    drill = pytest.mark.drill
    return [each if place < quick else pytest.param(each, marks=drill) for place, each in enumerate(cases)]


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="session", autouse=True)
def _components_are_looked_for_once() -> None:
    """AppTest searches all installed packages for Streamlit components at every run, which takes longer than a page."""
    from streamlit.components.v2 import manifest_scanner

    manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap() -> Iterator[None]:
    """Hashed as always, but for a thousandth of what guessing is to cost; see ``dear_passwords``."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: cheap)
        yield


@pytest.fixture
def dear_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """At their real cost: for tests of what it is, and of what happens meanwhile."""
    monkeypatch.setattr(accounts, "_hasher", HASHER)
    accounts._nobodys_hash.cache_clear()
    yield
    accounts._nobodys_hash.cache_clear()


@pytest.fixture(scope="session")
def server() -> Iterator[Callable[[str], str]]:
    """The URI of a database by name, on a server of this worker's own that is stopped at the end; or on that of
    GRIDBOARD_TEST_URI, whose path is then replaced."""
    if uri := os.environ.get("GRIDBOARD_TEST_URI"):
        parts = urlsplit(uri)
        yield lambda name: urlunsplit(parts._replace(path=f"/{name}"))
        return
    home = server_folder("gb-test-")
    try:
        embedded.start(home)
        password = quote_plus((home / "admin.pw").read_text().strip())  # its user may use any database
        socket = quote_plus(str(embedded.status(home).socket))
        how = "authSource=admin&directConnection=true&replicaSet=rs0&w=majority&journal=true&retryWrites=true"
        yield lambda name: f"mongodb://admin:{password}@{socket}/{name}?{how}"
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def mongodb_uri(server: Callable[[str], str]) -> str:
    """The database that ``store`` empties before and after each test."""
    return server("gridboard_test")


@pytest.fixture(scope="session")
def template(mongodb_uri: str) -> Iterator[Store]:
    """One connection for the whole worker."""
    connected = Store.connect(mongodb_uri)
    yield connected
    empty(connected)


@pytest.fixture(scope="session")
def demo_uri(server: Callable[[str], str]) -> str:
    """A database with the demonstration as of 2026-04-02. Read it only; tests that write take ``store``."""
    from seed import demo

    uri = server("gridboard_demo")
    store = Store.connect(uri)
    store.client.drop_database("gridboard_demo")
    migrate(store)
    demo.load(store, date(2026, 4, 2))
    store.close()
    return uri


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """Thursday 2026-04-02, 16:30 in Shanghai."""
    return lambda: NOW


class Migrated:
    """``migrate`` for databases that tests open again and again: what stood there after the last time is known, and one
    look tells whether it still does."""

    def __init__(self) -> None:
        self.shapes: dict[str, Any] = {}

    def __call__(self, store: Store) -> list[str]:
        """What was done."""
        known = self.shapes.get(store.db.name)
        if known is not None and shape(store) == known:
            return []
        done = migrate(store)
        self.shapes[store.db.name] = shape(store)
        return done


@pytest.fixture(scope="session")
def migrated() -> Migrated:
    """Of this worker's server."""
    return Migrated()


@pytest.fixture
def store(template: Store, clock: Callable[[], datetime], migrated: Migrated) -> Store:
    """An empty, migrated database of the test's own."""
    fresh = Store(template.client, template.db.name, clock)
    empty(fresh)
    migrated(fresh)
    return fresh


NOTHING = hashlib.md5(b"", usedforsecurity=False).hexdigest()
"""The server's sum of a collection without documents."""


def sums(store: Store) -> Mapping[str, str]:
    """By what sum the server knows each collection's documents; none where it is somebody's who may not ask for them,
    or where a transaction that a test left behind stands in the way."""
    try:
        return dict(store.db.command("dbHash", maxTimeMS=10_000)["collections"])
    except OperationFailure:
        return {}


def empty(store: Store) -> None:
    """Take all documents out; validators and indexes stay, which is quicker than making them anew. One question tells
    where there are any: most tests fill three collections of forty."""
    known = sums(store) or dict.fromkeys(store.db.list_collection_names(), "")
    refill(store, {name: () for name, told in known.items() if told != NOTHING and name != "migrations"})


def refill(store: Store, contents: Mapping[str, Sequence[Any]]) -> None:
    """Let each of these collections hold these documents and no others. What is waited for is the last write alone,
    which is kept when all before it are."""
    for place, (name, documents) in enumerate(contents.items(), 1):
        quick = store.db[name].with_options(write_concern=WriteConcern(w=1))
        last = store.db[name] if place == len(contents) else quick
        (quick if documents else last).delete_many({})
        if documents:
            last.insert_many(documents)


RAW = CodecOptions(RawBSONDocument)


def documents(store: Store, names: Iterable[str] | None = None) -> dict[str, dict[Any, RawBSONDocument]]:
    """All that is kept, or what is in the collections of these ``names``, by collection and id."""
    if names is None:
        names = [name for name, told in sums(store).items() if told != NOTHING]
    return {name: {one["_id"]: one for one in store.db.get_collection(name, RAW).find()} for name in names}


def bring(store: Store, contents: Mapping[str, Mapping[Any, RawBSONDocument]]) -> None:
    """Let each of these collections hold these documents, by id, and no others, by writing what differs: quicker than
    ``refill`` where that is little."""
    now = documents(store, contents)
    _write(store, {name: list(_changes(now[name], wanted)) for name, wanted in contents.items()})


def _write(store: Store, writes: Mapping[str, Sequence[Any]]) -> None:
    """Do all of this. What is waited for is the last write alone, which is kept when all before it are."""
    writes = {name: changes for name, changes in writes.items() if changes}
    for place, (name, changes) in enumerate(writes.items(), 1):
        concern = store.db.write_concern if place == len(writes) else WriteConcern(w=1)
        done = store.db[name].with_options(write_concern=concern).bulk_write(changes)
        assert done.inserted_count + done.matched_count + done.deleted_count == len(changes)


_REMEMBERED: dict[Any, Any] = {}


def once(fixture: Callable[..., T]) -> Callable[..., T]:
    """Under ``pytest.fixture``, for one that fills the database through commands, and does nothing else: from its
    second time on the same documents are put there at once, in a tenth of the time. Its first argument is the store,
    and what it returns is the store again, or what nobody changes. Where it begins on something else, where there are
    no sums to tell what it did, and where time goes by, it runs as it is."""

    @wraps(fixture)
    def remembered(**given: Any) -> T:
        store = next(iter(given.values()))
        clock = store.clock
        # what other fixtures of the same test did first is another beginning, and so is a password's other cost
        key = fixture.__module__, fixture.__qualname__, frozenset(sums(store).items()), accounts._hasher(), clock()
        if key in _REMEMBERED:
            writes, returned, clock_after = _REMEMBERED[key]
            _write(store, writes)
            if isinstance(clock, Clock):
                clock.now = clock_after
            return store if isinstance(returned, Store) else returned
        before = documents(store)
        returned = fixture(**given)
        after = documents(store)
        if (after or before) and (clock() == key[-1] or isinstance(clock, Clock)):
            writes = {name: list(_changes(before.get(name, {}), after.get(name, {}))) for name in {**before, **after}}
            _REMEMBERED[key] = writes, returned, clock()
        return returned

    return remembered


def _changes(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[Any]:
    """How the one becomes the other; what goes first leaves its unique names to what comes."""
    yield from (DeleteOne({"_id": id}) for id in before if id not in after)
    both = [(id, document) for id, document in after.items() if id in before]
    yield from (ReplaceOne({"_id": id}, document) for id, document in both if before[id].raw != document.raw)
    yield from (InsertOne(document) for id, document in after.items() if id not in before)


def shape(store: Store) -> Any:
    """What migrations make of a database - validators, indexes, the ledger - and of what: in two questions. None where
    the server is somebody's whose catalogue may not be read, or where a restore has closed the database."""
    ours = {"$match": {"db": store.db.name, "type": "collection"}}
    told = {"$project": {"_id": 0, "name": 1, "md.options": 1, "md.indexes.spec": 1}}
    admin, ledger = store.client.get_database("admin", RAW), store.db.get_collection("migrations", RAW)
    try:
        store.require_open()
        catalog = [one.raw for one in admin.aggregate([{"$listCatalog": {}}, ours, told, {"$sort": {"name": 1}}])]
    except (OperationFailure, Trouble):
        return None
    declared = [*RECORDS.values()], steps()
    return catalog, [one.raw for one in ledger.find(sort=[("_id", 1)])], declared


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    """What the app in this worker is connected to, when that is the demonstration."""
    return {"demo": None}


@pytest.fixture
@once
def yard(store: Store, admin: Actor) -> Store:
    """A community with two grids, three people and two machines; a neighbour with the same codes."""
    for community in ("d", "e"):
        store.insert(admin, Community(id=community, community_id=community, code=community, name=community))
        for person in ("li", "wang", "zhao"):
            store.insert(admin, Person(id=f"{community}-{person}", community_id=community, name=person))
        for number in ("1", "2"):
            grid = Grid(id=f"{community}-g{number}", community_id=community, code=number, name=f"{number} 号网格")
            store.insert(admin, grid.model_copy(update={"responsible_id": f"{community}-li"}))
        for code, grid, responsible in (("F-01", "g1", "wang"), ("F-02", "g2", None)):
            store.insert(
                admin,
                Facility(
                    id=f"{community}-{code}",
                    community_id=community,
                    code=code,
                    name="单杠",
                    site="体育公园",
                    category=Category.FITNESS,
                    grid_id=f"{community}-{grid}",
                    responsible_id=responsible and f"{community}-{responsible}",
                ),
            )
    return store


@pytest.fixture
def mender() -> Actor:
    """Who mends: the person d-wang."""
    return Actor("d-wang", "王师傅", Role.FACILITY_MANAGER, people=("d-wang",))


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch, kept: dict[str, Any], migrated: Migrated) -> Callable[..., Any]:
    """Open a page: ``visit(uri, "maintenance", role="viewer", lang="en", **query)`` gives an AppTest that has run, in
    an app that has just started; only the demonstration, into which nobody writes, stays connected."""

    def open_page(uri: str, page: str = "overview", *, role: str = "admin", now: datetime = NOW, **query: str) -> Any:
        import streamlit as st
        from streamlit.testing.v1 import AppTest

        from dashboard import data

        monkeypatch.setenv("MONGODB_URI", uri)
        monkeypatch.setenv("GRIDBOARD_ROLE", role)
        monkeypatch.setenv("GRIDBOARD_SIGN_IN", "none")
        monkeypatch.setattr(data, "clock", lambda: now)
        monkeypatch.setattr(data, "migrate", migrated)
        if (uri, now) == kept["demo"]:
            data.forget()
        else:
            st.cache_resource.clear()
            kept["demo"] = (uri, now) if urlsplit(uri).path == "/gridboard_demo" else None
        at = AppTest.from_function(_script, kwargs={"page": page}, default_timeout=60)
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    return open_page


def _script(page: str) -> None:
    from dashboard.app import main

    main(page)


@pytest.fixture
def admin() -> Actor:
    """An administrator of everything."""
    return Actor("tester", "测试员", Role.ADMIN)


@pytest.fixture
def data_file() -> Callable[[str], Path]:
    """A real data set by name; skips where the folder is absent, fails in CI."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            if os.environ.get("CI"):
                pytest.fail(f"{name} must be there in CI")
            pytest.skip(f"{name} is not beside this checkout")
        return path

    return find


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium; without one the tests skip on a user's machine and fail in CI."""
    from playwright.sync_api import sync_playwright

    from tests.browser import FLAGS, chromium

    program = chromium()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium must be there in CI")
        pytest.skip("no Chromium on this machine: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def windows(browser: Any) -> Iterator[Any]:
    """Windows that the module's tests have one after the other: ``windows(390, "en-US")`` is a Visit."""
    from tests.browser import Windows

    opened = Windows(browser)
    yield opened
    opened.close()


def awaited(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, in a loop of its own: the browser's runs in this thread."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


def unique(prefix: str) -> str:
    """A word no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
