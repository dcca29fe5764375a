"""What the rows stand on: a private server of their own, writers that note what was acknowledged, and who acts."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from repository import embedded, recount
from repository.access import Actor, Role
from repository.grids import Community
from repository.maintenance import WorkOrder
from repository.migrations import migrate
from repository.store import Conflict, Full, OutcomeUnknown, Store, Unavailable
from tests.folders import server_folder

ACTOR = Actor("reliability", "可靠性", Role.ADMIN)
AT = datetime(2026, 4, 1, 2, tzinfo=UTC)


@contextmanager
def home(parent: Path | None = None) -> Iterator[Path]:
    """A data folder of the row's own, its server stopped afterwards."""
    path = server_folder("gb-rel-", parent)
    try:
        yield path
    finally:
        embedded.stop(path)
        shutil.rmtree(path, ignore_errors=True)


def opened(path: Path) -> Store:
    """A store on the private server of a folder, with one community in it."""
    endpoint = embedded.start(path)
    return furnished(Store.connect(endpoint.uri, endpoint.database))


def furnished(store: Store) -> Store:
    """Migrated, with one community in it."""
    migrate(store)
    store.insert(ACTOR, Community(id="D", community_id="D", code="D", name="D"))
    return store


def an_order(number: str) -> WorkOrder:
    """A work order that passes every check."""
    return WorkOrder(community_id="D", number=number, fault="坏了", reported_at=AT)


class Writers:
    """Threads that insert and edit work orders until told to stop, and note what they were told."""

    def __init__(self, store: Store, many: int = 4) -> None:
        self.store = store
        self.acknowledged: dict[str, int] = {}
        self.attempted: set[str] = set()
        self.refused = 0
        self.slowest = 0.0
        self.unexpected: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(worker,), daemon=True) for worker in range(many)]
        for thread in self._threads:
            thread.start()

    def _write(self, worker: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            name = f"{worker}-{number}"
            self.attempted.add(name)
            began = time.monotonic()
            try:
                order = self.store.insert(ACTOR, an_order(name), key=f"key-{name}")
                self.acknowledged[name] = 1
                if number % 3 == 0:
                    self.store.update(ACTOR, WorkOrder, "D", order.id, 1, {"place": name})
                    self.acknowledged[name] = 2
            except Full:
                self.refused += 1
                time.sleep(0.05)
            except (Unavailable, OutcomeUnknown, Conflict):
                self.refused += 1
            except BaseException as error:  # noqa: BLE001 (told in the report)
                self.unexpected.append(error)
                return
            self.slowest = max(self.slowest, time.monotonic() - began)

    def stop(self) -> None:
        """Let them finish what they are at."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def lost(self, store: Store) -> int:
        """How many acknowledged inserts or edits are not there."""
        found = {order["number"]: order["revision"] for order in store.db["work_orders"].find({})}
        return sum(found.get(name, 0) < revision for name, revision in self.acknowledged.items())

    def torn(self, store: Store) -> int:
        """Records whose audit entries do not agree with them, records nobody tried to make, counters that differ."""
        entries: dict[str, int] = {}
        for entry in store.db["audit"].find({"collection": "work_orders"}, {"record_id": 1}):
            entries[entry["record_id"]] = entries.get(entry["record_id"], 0) + 1
        orders = list(store.db["work_orders"].find({}, {"number": 1, "revision": 1}))
        wrong = sum(entries.pop(order["_id"], 0) != order["revision"] for order in orders)
        strange = sum(order["number"] not in self.attempted for order in orders)
        return wrong + strange + len(entries) + len(recount.check(store, ACTOR, "D"))
