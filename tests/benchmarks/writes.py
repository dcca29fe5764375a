"""A work order's write, with permission check, audit entry and counters in its transaction, against a plain insert."""

from datetime import timedelta
from itertools import count
from typing import Any

from pymongo.collection import Collection

from repository import accounts, audit, maintenance
from repository.access import Actor
from repository.maintenance import WorkOrder
from repository.migrations import mongo_validator
from repository.record import Record
from repository.store import DURABLE, Store
from seed import bulk
from tests.benchmarks.stand import ACTOR, ROUNDS, Report, Stand, in_turns, median, ms, ratio

MOST = 3.0
COMMUNITY = "bench-0001"


def run(stand: Stand, report: Report) -> None:
    """At most three times a plain journaled majority insert of the same document with the same indexes."""
    report.title("writes: one work order, against a plain insert (majority, journaled)")
    store = stand.store("writes")
    if store.db["communities"].find_one({}) is None:
        bulk.load(store, work_orders=10_000)
    audit.seal(store)  # as every database is some minutes after its first entry
    twin = twin_of(store, WorkOrder)
    bare = store.db["bare_orders"]
    bare.drop()
    template = WorkOrder.from_document(store.db["work_orders"].find_one({"community_id": COMMUNITY}) or {})
    facility = store.db["facilities"].find_one({"community_id": COMMUNITY}) or {}
    actor = signed_in(store)
    now = store.clock()
    number = count(int(now.timestamp()) * 1_000)  # a kept database has those of the runs before

    def order() -> WorkOrder:
        n = next(number)
        return template.model_copy(
            update={"id": f"w{n}", "number": f"X-{n}", "reported_at": now - timedelta(minutes=n % 10_000)}
        )

    found = in_turns(
        {
            "bare": lambda: bare.insert_one(order().to_document()),
            "plain": lambda: twin.insert_one(order().to_document()),
            "insert": lambda: store.insert(actor, order()),
            "log_repair": lambda: maintenance.log_repair(
                store, actor, COMMUNITY, fault="loose", facility_id=facility["_id"]
            ),
        },
        rounds=max(60, ROUNDS * 20),
    )
    report.line("plain insert without indexes", ms(median(found["bare"])))
    report.line("plain insert, same validator and indexes", ms(median(found["plain"])))
    times = ratio(found["insert"], found["plain"])
    report.line("Store.insert", f"{ms(median(found['insert']))} = {times:.2f} x", f"<= {MOST} x", times <= MOST)
    times = ratio(found["log_repair"], found["plain"])
    report.line(
        "maintenance.log_repair (reads, number, counters)", f"{ms(median(found['log_repair']))} = {times:.2f} x"
    )


def twin_of(store: Store, record: type[Record]) -> Collection[dict[str, Any]]:
    """An empty collection with the same validator and indexes as the record's."""
    name = f"plain_{record.collection}"
    twin = store.db[name]
    twin.drop()
    store.db.create_collection(name, validator=mongo_validator(record))
    for index in record.indexes:
        how = {"partialFilterExpression": dict(index.where)} if index.where else {}
        twin.create_index([(key, 1) for key in index.keys], unique=index.unique, **how)
    assert twin.write_concern == DURABLE
    return twin


def signed_in(store: Store) -> Actor:
    """Somebody who signed in, so that each write looks up again whether that still holds."""
    if not accounts.anybody(store):
        accounts.add_user(store, ACTOR, {"login": "bench", "name": "bench", "role": "admin", "subject": "bench"})
    terms = accounts.Terms()
    token, _user = accounts.sign_in_as(store, "bench", accounts.Way.PROXY, terms=terms)
    visitor = accounts.visitor(store, token, terms)
    assert visitor is not None
    return visitor.actor
