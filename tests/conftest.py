"""What is real here: a MongoDB server (the embedded one, started once a test run, or MONGODB_URI), and every page runs
over it. Each test that asks for ``store`` gets a database of its own, dropped afterwards.

The real data sets stand beside the checkout (../shared/data or GRIDBOARD_TEST_DATA). On a user's machine they are
absent and their tests skip; in CI (CI=true) their absence fails.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repository import embedded
from repository.access import Actor, Role
from repository.migrations import migrate
from repository.store import Store

NOW = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)  # 16:30 in Shanghai
DATA = Path(os.environ.get("GRIDBOARD_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """A server for this worker: MONGODB_URI, or an embedded one of its own that is stopped at the end."""
    if uri := os.environ.get("GRIDBOARD_TEST_URI"):
        yield uri
        return
    home = Path(tempfile.mkdtemp(prefix="gb-test-"))
    try:
        yield embedded.start(home).uri
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def admin_uri(mongodb_uri: str) -> str:
    """The same server, for making and dropping databases."""
    return mongodb_uri


@pytest.fixture(scope="session")
def template(mongodb_uri: str) -> Store:
    """One connection for the whole worker."""
    return Store.connect(mongodb_uri)


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """Thursday 2026-04-02, 16:30 in Shanghai."""
    return lambda: NOW


@pytest.fixture
def store(template: Store, clock: Callable[[], datetime]) -> Iterator[Store]:
    """An empty, migrated database of the test's own."""
    fresh = Store(template.client, template.db.name, clock)
    empty(fresh)
    migrate(fresh)
    yield fresh
    empty(fresh)


def empty(store: Store) -> None:
    """The app's user may use one database only, so tests share it and empty it; validators and indexes stay."""
    for name in store.db.list_collection_names():
        if name != "migrations":
            store.db[name].delete_many({})


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


def unique(prefix: str) -> str:
    """A word no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
