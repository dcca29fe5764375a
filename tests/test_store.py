"""Every write is one transaction, nothing is overwritten silently, and the errors are ours."""

import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from pymongo import MongoClient, monitoring
from pymongo.client_session import ClientSession
from pymongo.errors import ConfigurationError, OperationFailure

from repository import recount
from repository.access import Actor, Refused, Role
from repository.embedded import find_binary
from repository.filters import Is
from repository.grids import Community, Grid, edit_community
from repository.maintenance import Outcome, Status, WorkOrder
from repository.people import Person
from repository.store import (
    Conflict,
    Counters,
    Duplicate,
    Full,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Store,
    Unavailable,
    Unsuitable,
    Wanted,
    Write,
    build,
    our_errors,
)
from tests.conftest import once
from tests.test_record import AT, a_work_order


@pytest.fixture
@once
def community(store: Store, admin: Actor) -> str:
    """D community with grid g1, in the database."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))
    store.insert(admin, Grid(id="g1", community_id="D", code="1", name="1 号网格"))
    return "D"


def audit(store: Store) -> list[dict[str, Any]]:
    """The trail, oldest first, without the fixture's own entries."""
    return list(store.db["audit"].find({"collection": "work_orders"}).sort("_id", 1))


def test_an_insert_leaves_record_audit_and_counters(store: Store, admin: Actor, community: str) -> None:
    order = store.insert(admin, a_work_order(grid_id="g1"))

    assert store.get(admin, WorkOrder, community, order.id).created_by == "测试员"
    (entry,) = audit(store)
    assert (entry["operation"], entry["before"], entry["after"]["number"]) == ("create", None, "W-1")
    (month,) = store.counters(community, "work_orders", "month")
    assert (month["period"], month["total"]["opened"], month["by_grid"]["g1"]["opened"]) == ("2026-04", 1, 1)
    (stock,) = store.counters(community, "work_orders", "stock")
    assert stock["total"]["open"] == 1


def test_an_update_notes_only_what_differs(store: Store, admin: Actor, community: str) -> None:
    order = store.insert(admin, a_work_order())

    changed = store.update(admin, WorkOrder, community, order.id, 1, {"place": "北门", "number": "W-1"})

    assert (changed.revision, changed.place) == (2, "北门")
    entry = audit(store)[-1]
    assert {name: entry["after"][name] for name in ("place", "revision")} == {"place": "北门", "revision": 2}
    assert "fault" not in entry["after"]
    assert "place" not in entry["before"]


def test_an_update_that_changes_nothing_writes_nothing(store: Store, admin: Actor, community: str) -> None:
    order = store.insert(admin, a_work_order())

    assert store.update(admin, WorkOrder, community, order.id, 1, {"fault": "loose"}).revision == 1
    assert len(audit(store)) == 1


def test_a_stale_revision_is_shown_not_overwritten(store: Store, admin: Actor, community: str) -> None:
    order = store.insert(admin, a_work_order())
    other = Actor("b", "陈素芳", Role.EDITOR)
    store.update(other, WorkOrder, community, order.id, 1, {"place": "南门"})

    with pytest.raises(Conflict) as conflict:
        store.update(admin, WorkOrder, community, order.id, 1, {"place": "北门"})

    assert conflict.value.current.updated_by == "陈素芳"
    assert store.get(admin, WorkOrder, community, order.id).place == "南门"
    assert len(audit(store)) == 2


def test_a_deletion_takes_back_its_counters_and_stays_in_the_trail(store: Store, admin: Actor, community: str) -> None:
    order = store.insert(admin, a_work_order())

    store.delete(admin, WorkOrder, community, order.id, 1)

    with pytest.raises(NotFound):
        store.get(admin, WorkOrder, community, order.id)
    assert audit(store)[-1]["before"]["number"] == "W-1"
    assert store.counters(community, "work_orders", "stock")[0]["total"]["open"] == 0
    assert recount.check(store, admin, community) == []


def test_the_same_submission_makes_one_record(store: Store, admin: Actor, community: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(lambda n: store.insert(admin, a_work_order(number=f"W-{n}"), key="submission-1"), range(4))
        )

    assert len({order.id for order in made}) == 1
    assert store.count(admin, WorkOrder, community) == 1
    assert recount.check(store, admin, community) == []


def test_a_second_record_with_the_same_code_is_refused_by_name(store: Store, admin: Actor, community: str) -> None:
    store.insert(admin, a_work_order())

    with pytest.raises(Duplicate) as duplicate:
        store.insert(admin, a_work_order())

    assert duplicate.value.fields == ("number",)
    assert "W-1" in str(duplicate.value)
    assert len(audit(store)) == 1


def test_an_error_inside_a_transaction_leaves_nothing(store: Store, admin: Actor, community: str) -> None:
    def half(write: Write) -> None:
        write.insert(a_work_order())
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        store.write(admin, half)

    assert store.count(admin, WorkOrder, community) == 0
    assert audit(store) == []
    assert recount.check(store, admin, community) == []


def test_problems_stand_beside_their_fields() -> None:
    with pytest.raises(Invalid) as invalid:
        build(WorkOrder, {"community_id": "D", "number": "", "reported_at": "soon", "estimated_hours": -1})

    problems = {field: str(message) for field, message in invalid.value.problems.items()}
    assert problems["number"] == "Please fill this in"
    assert problems["fault"] == "Please fill this in"
    assert problems["estimated_hours"] == "Must be 0 or more"
    assert "date and time" in problems["reported_at"]


def test_one_community_never_sees_another(store: Store, admin: Actor, community: str) -> None:
    store.insert(admin, Community(id="E", community_id="E", code="E", name="E社区"))
    theirs = store.insert(admin, a_work_order(community_id="E"))
    mine = Actor("m", "m", Role.EDITOR, communities=frozenset({"D"}))

    assert store.find(admin, WorkOrder, community) == []
    with pytest.raises(NotFound):
        store.get(admin, WorkOrder, community, theirs.id)
    with pytest.raises(Refused):
        store.find(mine, WorkOrder, "E")
    with pytest.raises(Refused):
        store.insert(mine, a_work_order(community_id="E", number="W-2"))


def test_a_grid_worker_sees_and_writes_their_grid_only(store: Store, admin: Actor, community: str) -> None:
    store.insert(admin, Grid(id="g2", community_id="D", code="2", name="2 号网格"))
    theirs = store.insert(admin, a_work_order(grid_id="g2"))
    worker = Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"}))

    mine = store.insert(worker, a_work_order(number="W-2", grid_id="g1"))

    assert [order.id for order in store.find(worker, WorkOrder, community)] == [mine.id]
    with pytest.raises(Refused):
        store.update(worker, WorkOrder, community, theirs.id, 1, {"place": "x"})
    with pytest.raises(Refused):  # nor may work be pushed to a neighbour
        store.update(worker, WorkOrder, community, mine.id, 1, {"grid_id": "g2"})
    with pytest.raises(Refused):
        store.insert(worker, a_work_order(number="W-3", grid_id="g2"))


@pytest.mark.parametrize(
    "filter",
    [
        {"place": {"$ne": None}},
        {"place": [{"$ne": None}]},
        {"place": re.compile("x")},
        {"place": 5},
        {"is_open": "true"},
        {"due_at": "2026-04-02"},
        {"place": Is(among=["x", {"$ne": None}])},
        {"due_at": Is(lt={"$ne": None})},
        {"events": Is(some={"by": {"$ne": None}})},
        {"$or": [{"place": "x"}, {"$and": [{"place": {"$ne": None}}]}]},
        {"$where": "1"},
        {"$or": "x"},
    ],
    ids=str,
)
def test_a_filter_asks_for_plain_values_or_for_our_own_tests(
    store: Store, admin: Actor, community: str, filter: dict[str, Any]
) -> None:
    """What came with an argument is no test, whichever way it is asked."""
    asks: list[Callable[[], Any]] = [
        lambda: store.find(admin, WorkOrder, community, filter),
        lambda: store.count(admin, WorkOrder, community, filter),
        lambda: store.aggregate(admin, WorkOrder, community, [], filter=filter),
        lambda: store.together(admin, community, [Wanted(WorkOrder, {"community_id": community, **filter})]),
        lambda: list(store.documents(WorkOrder, filter)),
    ]
    for ask in asks:
        with pytest.raises(Invalid):
            ask()


def test_our_own_tests_find_what_they_say(store: Store, admin: Actor, community: str) -> None:
    for number, place in (("W-1", "东门"), ("W-2", None), ("W-3", "西门")):
        store.insert(admin, a_work_order(number=number, place=place))

    def found(**filter: Any) -> list[str]:
        return [order.number for order in store.find(admin, WorkOrder, community, filter, sort=[("number", 1)])]

    assert found(place=None) == ["W-2"]
    assert found(place=Is(ne=None)) == ["W-1", "W-3"]
    assert found(number=Is(among=["W-1", "W-2"]), place=Is(regex="门")) == ["W-1"]
    assert found(number=Is(gt="W-1", lte="W-3")) == ["W-2", "W-3"]


def test_eight_editors_lose_nothing(store: Store, admin: Actor, community: str) -> None:
    """Catalogue C1, shortened: every click counts, or is reported as a conflict and repeated."""
    order = store.insert(admin, a_work_order(cost_cents=0))

    def click(_: int) -> int:
        conflicts = 0
        for _ in range(10):
            while True:
                now = store.get(admin, WorkOrder, community, order.id)
                try:
                    cost = (now.cost_cents or 0) + 1
                    store.update(admin, WorkOrder, community, order.id, now.revision, {"cost_cents": cost})
                except Conflict:
                    conflicts += 1
                else:
                    break
        return conflicts

    with ThreadPoolExecutor(8) as pool:
        conflicts = sum(pool.map(click, range(8)))

    assert store.get(admin, WorkOrder, community, order.id).cost_cents == 80
    assert len(audit(store)) == 81
    assert conflicts > 0
    assert recount.check(store, admin, community) == []


def test_months_are_cut_in_the_communitys_own_time_zone(store: Store, admin: Actor) -> None:
    for id, zone in (("SH", "Asia/Shanghai"), ("LA", "America/Los_Angeles")):
        store.insert(admin, Community(id=id, community_id=id, code=id, name=id, time_zone=zone))
        moment = datetime(2026, 3, 31, 17, tzinfo=UTC)  # April already in Shanghai
        store.insert(admin, a_work_order(community_id=id, reported_at=moment))

    assert [document["period"] for document in store.counters("SH", "work_orders", "month")] == ["2026-04"]
    assert [document["period"] for document in store.counters("LA", "work_orders", "month")] == ["2026-03"]


def test_reopening_is_a_flow_and_the_past_stays(store: Store, admin: Actor, community: str) -> None:
    march = AT - timedelta(days=20)
    order = store.insert(
        admin,
        a_work_order(reported_at=march, ended_at=march + timedelta(days=1), status="done", outcome=Outcome.COMPLETED),
    )
    past = {"ended_at": order.ended_at, "reopened_at": AT, "outcome": Outcome.COMPLETED}

    store.update(
        admin,
        WorkOrder,
        community,
        order.id,
        1,
        {"status": Status.REOPENED, "ended_at": None, "outcome": None, "reopenings": (past,)},
    )

    by_month = {document["period"]: document["total"] for document in store.counters(community, "work_orders", "month")}
    assert (by_month["2026-03"]["opened"], by_month["2026-03"]["ended"]) == (1, 1)
    assert by_month["2026-04"]["reopened"] == 1
    assert store.counters(community, "work_orders", "stock")[0]["total"]["open"] == 1
    assert recount.check(store, admin, community) == []


def test_every_write_waits_for_the_journal_of_the_majority(mongodb_uri: str, store: Store, admin: Actor) -> None:
    commands: list[dict[str, Any]] = []

    class Listener(monitoring.CommandListener):
        def started(self, event: monitoring.CommandStartedEvent) -> None:
            commands.append({"name": event.command_name, **event.command})

        def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
            pass

        def failed(self, event: monitoring.CommandFailedEvent) -> None:
            pass

    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri, event_listeners=[Listener()])
    try:
        watched = Store(client, store.db.name, store.clock)
        watched.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))
        order = watched.insert(admin, a_work_order())
        watched.update(admin, WorkOrder, "D", order.id, 1, {"place": "x"})
        watched.delete(admin, WorkOrder, "D", order.id, 2)
    finally:
        client.close()

    commits = [command for command in commands if command["name"] == "commitTransaction"]
    assert len(commits) == 4
    assert all(dict(command["writeConcern"]) == {"w": "majority", "j": True} for command in commits)
    inside = [command for command in commands if command.get("autocommit") is False]
    assert not any(update.get("upsert") for command in inside for update in command.get("updates", ()))


def test_what_comes_to_the_same_is_read_once(mongodb_uri: str, store: Store, admin: Actor) -> None:
    """By two readers alike; not what another may see less of, nor other fields."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))
    for number in ("1", "2"):
        store.insert(admin, Grid(id=f"g{number}", community_id="D", code=number, name=number))
        store.insert(admin, a_work_order(number=number, grid_id=f"g{number}"))
    sent: list[dict[str, Any]] = []

    class Listener(monitoring.CommandListener):
        def started(self, event: monitoring.CommandStartedEvent) -> None:
            if event.command_name == "aggregate":
                sent.append(dict(event.command))

        def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
            pass

        def failed(self, event: monitoring.CommandFailedEvent) -> None:
            pass

    office, worker = Actor("o", "o", Role.ADMIN), Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"}))
    wanted = [
        Wanted(WorkOrder),
        Wanted(WorkOrder, {"community_id": "D"}, reader=office),
        Wanted(WorkOrder, reader=worker),
        Wanted(WorkOrder, fields=("number",)),
        Counters([{"subject": "work_orders", "level": "stock"}]),
        Counters([{"subject": "work_orders", "level": "stock"}]),
    ]
    watched = Store.connect(mongodb_uri, store.db.name, store.clock, event_listeners=[Listener()])
    try:
        *orders, stock, again = watched.together(admin, "D", wanted)
    finally:
        watched.close()
    (command,) = sent
    read = [stage for stage in command["pipeline"] if "$unionWith" in stage]
    assert len(read) == 3, "and the one that it begins with"
    assert [sorted(row.get("number") for row in rows) for rows in orders] == [["1", "2"], ["1", "2"], ["1"], ["1", "2"]]
    assert [{*row} for row in orders[3]] == [{"_id", "number"}] * 2
    assert stock == again != []
    assert stock is not again
    assert orders[0] is not orders[1]


def test_a_database_that_is_away_is_said_in_words() -> None:
    with pytest.raises(Unavailable) as away:
        Store.connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100&connectTimeoutMS=100")

    assert "Nothing was changed" in str(away.value)


def test_a_standalone_is_refused_with_the_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = type(store.client.admin).command

    def standalone(self: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        answer = real(self, command, *args, **kwargs)
        return {name: value for name, value in answer.items() if name != "setName"} if command == "hello" else answer

    monkeypatch.setattr(type(store.client.admin), "command", standalone)
    with pytest.raises(Unsuitable, match="replica set"):
        store.engine()


@pytest.mark.parametrize(
    "forged", [{"community_id": "E"}, {"created_by": "forged"}, {"created_at": AT - timedelta(days=9)}]
)
def test_what_the_store_keeps_nobody_sets(store: Store, admin: Actor, community: str, forged: dict[str, Any]) -> None:
    before = store.db["grids"].find_one({"_id": "g1"})
    with pytest.raises(Refused):
        store.write(admin, lambda write: write.update(Grid, community, "g1", 1, {"name": "甲", **forged}))
    assert store.db["grids"].find_one({"_id": "g1"}) == before


@pytest.mark.drill
def test_a_replica_set_that_is_not_there_yet_is_no_standalone(tmp_path: Path) -> None:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(find_binary()), "--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", "127.0.0.1"]
    mongod = subprocess.Popen([*command, "--nounixsocket", "--replSet", "rs0"], stdout=subprocess.DEVNULL)
    try:
        with pytest.raises(Unavailable, match="not started yet"):
            Store.connect(f"mongodb://127.0.0.1:{port}/?directConnection=true")
    finally:
        mongod.kill()
        mongod.wait()


def test_clocks_that_differ_are_warned_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("clock" in str(one) for one in store.engine().warnings)
    later = datetime.now(UTC) + timedelta(minutes=10)
    monkeypatch.setattr("repository.store.database.utc_now", lambda: later)
    assert any("differ by 600 s" in str(one) or "differ by 599 s" in str(one) for one in store.engine().warnings)


def test_an_address_that_is_none_is_said_in_words() -> None:
    with pytest.raises(Unsuitable, match="MONGODB_URI"):
        Store.connect("postgres://nowhere")


def test_a_deployment_the_driver_has_lost_sight_of_is_away_not_broken(
    store: Store, admin: Actor, community: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between death and restart of the server the driver may say that it knows no sessions."""

    def lost(*_args: Any, **_kwargs: Any) -> None:
        raise ConfigurationError("Sessions are not supported by this MongoDB deployment")

    monkeypatch.setattr(store.client, "start_session", lost)
    with pytest.raises(Unavailable):
        store.insert(admin, a_work_order())


def just_started() -> OperationFailure:
    """What a server says in its first moments to a client that knew it before."""
    return OperationFailure("No keys found for HMAC that is valid for time: {...}", 211, {"code": 211, "ok": 0.0})


def test_a_write_waits_for_a_server_that_has_just_started(store: Store, admin: Actor, community: str) -> None:
    refusals = [just_started(), just_started()]

    def work(write: Write) -> WorkOrder:
        made = write.insert(a_work_order())
        if refusals:
            raise refusals.pop()
        return made

    store.write(admin, work)
    assert store.count(admin, WorkOrder, "D") == 1
    with pytest.raises(Unavailable), our_errors():
        raise just_started()


def test_a_commit_that_a_server_refuses_which_has_just_started_is_open(
    store: Store, admin: Actor, community: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the second sending of one that counted before the server died."""
    commit = ClientSession.commit_transaction

    def counted_and_refused(session: ClientSession) -> None:
        commit(session)
        raise just_started()

    monkeypatch.setattr(ClientSession, "commit_transaction", counted_and_refused)
    with pytest.raises(OutcomeUnknown):
        store.insert(admin, a_work_order())
    made = store.insert(admin, a_work_order(number="W-2"), key="once")  # the key settles it
    assert store.insert(admin, a_work_order(number="W-2"), key="once").id == made.id
    with pytest.raises(OutcomeUnknown), our_errors(writing=True):
        raise just_started()


def test_a_connection_that_knows_no_sessions_is_given_up(store: Store, admin: Actor, community: str) -> None:
    """As one that was opened to a server in which the set was only starting."""
    store.ping()
    servers = store.client._topology._servers.values()
    opened = [connection for server in servers for connection in server.pool.conns]
    assert opened
    for connection in opened:
        connection.supports_sessions = False
    store.insert(admin, a_work_order())
    assert store.count(admin, WorkOrder, "D") == 1


def test_a_direct_connection_learns_the_name_of_its_set(store: Store, mongodb_uri: str) -> None:
    """Else it keeps for good what it opened while the set was starting, and that knows no sessions."""
    uri = re.sub("[?&]replicaSet=[^&]*", "", mongodb_uri)
    found = Store.connect(uri)
    assert found.client.topology_description.replica_set_name == found.engine().topology
    found.ping()
    found.close()


def test_when_the_disk_is_nearly_full_only_what_is_vital_goes_on(
    store: Store, admin: Actor, community: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 300_000_000
    monkeypatch.setattr(store, "room", lambda _seconds=0: free)
    with pytest.raises(Full):
        store.insert(admin, a_work_order())
    made = store.write(admin, lambda write: write.insert(a_work_order()), vital=True)
    assert store.get(admin, WorkOrder, community, made.id) == made
    free = 100_000_000
    with pytest.raises(Full):
        store.write(admin, lambda write: write.note("x", "work_orders", community, made.id), vital=True)


def test_a_database_that_does_not_tell_its_room_holds_no_write_up(
    store: Store, admin: Actor, community: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_seconds: float = 0) -> int | None:
        raise Unavailable("away")

    monkeypatch.setattr(store, "room", silent)
    assert store.insert(admin, a_work_order()).revision == 1


def test_what_another_process_changed_is_known_at_the_next_look(
    store: Store, mongodb_uri: str, community: str, admin: Actor
) -> None:
    other, seen = Store.connect(mongodb_uri), ("", community)
    try:
        other.writes(seen)
        assert str(other.zone(community)) == "Asia/Shanghai"
        store.insert(admin, Person(id="p1", community_id="D", name="王芳"))
        other.update(admin, Grid, community, "g1", 1, {"responsible_id": "p1"})
        store.update(admin, Grid, community, "g1", 2, {"responsible_id": None})
        store.delete(admin, Person, community, "p1", 1)
        edit_community(store, admin, community, 1, {"time_zone": "Asia/Urumqi"})
        other.writes(seen)
        assert str(other.zone(community)) == "Asia/Urumqi"
        with pytest.raises(Invalid):
            other.update(admin, Grid, community, "g1", 3, {"responsible_id": "p1"})
    finally:
        other.close()
