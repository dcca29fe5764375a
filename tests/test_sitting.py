"""At one sitting nothing is read twice, and what is told is what would have been told without."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo import MongoClient, monitoring

from repository import review
from repository.access import Actor, Role
from repository.facilities import Facility
from repository.grids import Community, Grid
from repository.maintenance import WorkOrder
from repository.metrics import Period
from repository.review import desk, writing
from repository.store import Counters, Store, Then, Wanted, at_one_sitting
from tests.conftest import NOW

LOCAL = NOW.astimezone(ZoneInfo("Asia/Shanghai"))
EVERYBODY = Actor("leader", "书记", Role.SECRETARY)
OF_ONE_GRID = Actor("grid", "网格员", Role.GRID_WORKER, grids=frozenset({"d-grid-1"}))
HOME = "d-community"


class Heard(monitoring.CommandListener):
    """What goes to the server, without what differs each time."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        told = {"lsid", "$clusterTime", "maxTimeMS", "txnNumber", "readConcern"}
        self.commands.append(str({name: each for name, each in event.command.items() if name not in told}))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def demo(demo_uri: str, heard: Heard) -> Iterator[Store]:
    plain = Store.connect(demo_uri)
    client: MongoClient[dict[str, Any]] = MongoClient(demo_uri, event_listeners=[heard], tz_aware=True)
    yield Store(client, plain.db.name, clock=lambda: NOW)
    client.close()
    plain.close()


def test_a_review_asks_nothing_twice(demo: Store, heard: Heard) -> None:
    review.reviewed(demo, EVERYBODY, HOME, Period.of("2026Q1"), now=LOCAL)  # the zone is known from now on
    # what there was at the end of a period that is over is read beside what there is now
    for period, most in (("2026Q2", 110), ("2026Q1", 190)):
        heard.commands.clear()
        review.reviewed(demo, EVERYBODY, HOME, Period.of(period), now=LOCAL)
        twice = [command for command, n in Counter(heard.commands).items() if n > 1]
        assert twice == []
        assert len(heard.commands) < most


@pytest.mark.parametrize("actor", [EVERYBODY, OF_ONE_GRID])
@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("key", ["2026Q1", "2026-02..2026-03"])
def test_a_review_is_the_same_as_without(
    demo: Store, monkeypatch: pytest.MonkeyPatch, actor: Actor, past: bool, key: str
) -> None:
    now = LOCAL - timedelta(days=9) if past else LOCAL
    store = Then(demo, now) if past else demo
    told = review.reviewed(store, actor, HOME, Period.of(key), now=now)
    for module in (writing, desk):
        monkeypatch.setattr(module, "at_one_sitting", lambda store: store)
    assert told == review.reviewed(store, actor, HOME, Period.of(key), now=now)


def ways(store: Store, actor: Actor) -> list[Any]:
    """The same by each way of reading."""
    where = {"community_id": HOME}
    return [
        store.find(actor, Grid, HOME),
        store.count(actor, WorkOrder, HOME, {"is_open": True}),
        store.aggregate(
            actor, WorkOrder, HOME, [{"$group": {"_id": "$grid_id", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}]
        ),
        store.together(
            actor,
            HOME,
            [Wanted(Facility), Wanted(Community, where), Counters([{"subject": "work_orders", "level": "stock"}])],
        ),
        store.counters(HOME, "work_orders", "month"),
    ]


def test_whoever_asks_is_told_what_is_theirs(demo: Store) -> None:
    sitting = at_one_sitting(demo)
    for actor in (EVERYBODY, OF_ONE_GRID, EVERYBODY):
        assert ways(sitting, actor) == ways(demo, actor)


def test_what_somebody_changes_of_what_they_were_told_is_theirs(demo: Store) -> None:
    sitting, first = at_one_sitting(demo), ways(demo, EVERYBODY)
    for _ in range(3):
        told = ways(sitting, EVERYBODY)
        assert told == first
        told[0].clear()
        told[2][0]["n"] = -1
        told[3][0][0]["code"] = "changed"
        told[3][2].clear()
        told[4][0]["total"]["opened"] = -1


def test_of_what_is_wanted_together_only_the_rest_is_read(demo: Store, heard: Heard) -> None:
    sitting = at_one_sitting(demo)
    sitting.together(EVERYBODY, HOME, [Wanted(Grid)])
    heard.commands.clear()
    grids, communities = sitting.together(EVERYBODY, HOME, [Wanted(Grid), Wanted(Community)])
    assert [each["_id"] for each in communities] == [HOME]
    assert len(grids) == 5
    assert len(heard.commands) == 1
    assert "grids" not in heard.commands[0]


def test_the_next_sitting_reads_anew_and_none_writes(demo: Store, heard: Heard) -> None:
    at_one_sitting(demo).find(EVERYBODY, Grid, HOME)
    heard.commands.clear()
    at_one_sitting(demo).find(EVERYBODY, Grid, HOME)
    assert heard.commands
    with pytest.raises(TypeError):
        at_one_sitting(demo).write(EVERYBODY, HOME, lambda _write: None)
