"""Bulk seed against a plain insert_many of the same documents, into the same collections with the same indexes."""

from typing import Any

from repository.record import RECORDS
from repository.store import Store
from seed import bulk
from seed.batch import CHUNK
from tests.benchmarks.stand import SCALE, Report, Stand, median, ratio, seconds

LEAST = 0.3


def run(stand: Stand, report: Report) -> None:
    """At least 0.3 of the speed."""
    report.title("seeding: bulk seed against insert_many of the same documents")
    store = stand.store("seeding")
    count = max(2_000, round(20_000 * min(1, SCALE * 10)))
    plain, seed = [], []
    for _ in range(5):
        empty(store)
        amounts = {"work_orders": count, "attendances": count, "requests": count // 10}
        seed.append(seconds(lambda amounts=amounts: bulk.load(store, communities=2, **amounts)))
        documents = {name: list(store.db[name].find({})) for name in RECORDS}
        empty(store)
        plain.append(seconds(lambda documents=documents: insert(store, documents)))
    many = sum(map(len, documents.values()))
    report.line("plain insert_many", f"{many / median(plain):,.0f} documents/s")
    speed = ratio(plain, seed)
    report.line("bulk seed", f"{speed:.2f} of that", f">= {LEAST}", speed >= LEAST)
    empty(store)


def empty(store: Store) -> None:
    for name in store.db.list_collection_names():
        if name != "migrations":
            store.db[name].delete_many({})


def insert(store: Store, documents: dict[str, list[dict[str, Any]]]) -> None:
    for name, rows in documents.items():
        for start in range(0, len(rows), CHUNK):
            store.db[name].insert_many(rows[start : start + CHUNK], ordered=False)
