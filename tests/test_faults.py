"""What the embedded server and the store promise together when processes die."""

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository import embedded, recount
from repository.access import Actor, Role
from repository.grids import Community
from repository.maintenance import WorkOrder
from repository.migrations import migrate
from repository.store import Conflict, OutcomeUnknown, Store, Unavailable
from tests.folders import server_folder
from tests.test_record import AT, a_work_order

ACTOR = Actor("tester", "测试员", Role.ADMIN)
KILLS = int(os.environ.get("GRIDBOARD_KILLS", "3"))  # ten in the full catalogue; three keep the test run short


@pytest.fixture
def home() -> Iterator[Path]:
    """A data directory of the test's own, its server stopped afterwards."""
    path = server_folder("gb-kill-")
    yield path
    embedded.stop(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.drill
def test_killing_the_server_loses_no_acknowledged_write(home: Path) -> None:
    """Four writers insert and edit while mongod is killed again and again: what was acknowledged is there, what was
    not may be there once, and the counters are exact."""
    store = Store.connect(embedded.start(home).uri)
    migrate(store)
    store.insert(ACTOR, Community(id="D", community_id="D", code="D", name="D"))
    stop = threading.Event()
    acknowledged: dict[str, int] = {}
    attempted: set[str] = set()
    unexpected: list[BaseException] = []

    def write(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            name = f"{worker}-{number}"
            attempted.add(name)
            try:
                order = store.insert(ACTOR, a_work_order(number=name, reported_at=AT), key=f"key-{name}")
                acknowledged[name] = 1
                if number % 3 == 0:
                    store.update(ACTOR, WorkOrder, "D", order.id, 1, {"place": name})
                    acknowledged[name] = 2
            except (Unavailable, OutcomeUnknown, Conflict):
                continue
            except BaseException as error:  # noqa: BLE001 (told below)
                unexpected.append(error)
                return

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    dice = random.Random(42)
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.3, 1.0))
        pid = embedded.status(home).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        embedded.start(home)
    time.sleep(0.5)
    stop.set()
    for writer in writers:
        writer.join()

    assert unexpected == []
    assert len(acknowledged) > 20
    found = {order["number"]: order["revision"] for order in store.db["work_orders"].find({})}
    lost = {name: revision for name, revision in acknowledged.items() if found.get(name, 0) < revision}
    assert lost == {}
    assert set(found) <= attempted
    assert store.db["audit"].count_documents({"collection": "work_orders"}) == sum(found.values())
    assert recount.check(store, ACTOR, "D") == []
    store.close()


@pytest.mark.drill
def test_a_submission_repeated_after_a_kill_makes_one_record(home: Path) -> None:
    store = Store.connect(embedded.start(home).uri)
    migrate(store)
    store.insert(ACTOR, Community(id="D", community_id="D", code="D", name="D"))
    first = store.insert(ACTOR, a_work_order(), key="once")
    pid = embedded.status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    embedded.start(home)

    again = store.insert(ACTOR, a_work_order(number="W-2"), key="once")

    assert again.id == first.id
    assert store.count(ACTOR, WorkOrder, "D") == 1
    store.close()
