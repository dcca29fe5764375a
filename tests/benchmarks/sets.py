"""The large sets the pages are measured on, made once a run."""

from repository.store import Store
from seed import bulk
from tests.benchmarks.stand import SCALE, Report, Stand

LARGE = max(2_000, round(1_000_000 * SCALE))
SMALL = min(10_000, LARGE)
CITY = 100 if SCALE >= 0.1 else 5  # communities

SETS = {"small": (SMALL, 1), "city": (LARGE, CITY), "town": (LARGE, 1)}
"""Name -> work orders (as many attendances; a tenth as many inspections, entries, requests and sign-ups), communities
that share them."""


def loaded(stand: Stand, report: Report, name: str) -> Store:
    """The store that holds the set; fills it if it doesn't yet."""
    orders, communities = SETS[name]
    store = stand.store(f"{name}-{orders}")
    if store.db["communities"].find_one({}) is None:
        amounts = {"work_orders": orders, "attendances": orders, "rounds": orders // 10, "requests": orders // 10}
        done = bulk.load(store, communities=communities, **amounts)
        rate = done.documents / done.seconds
        report.line(f"{name}: {orders:,} + {orders:,} in {communities} loaded", f"{rate:,.0f} documents/s")
    return store


def community(name: str) -> str:
    """The community that is looked at: one in the middle."""
    return f"bench-{(SETS[name][1] + 1) // 2:04d}"
