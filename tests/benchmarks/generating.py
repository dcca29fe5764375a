"""A year's preventive orders for 10,000 facilities, made at once, and made once more."""

from datetime import timedelta

from repository import preventive
from repository.facilities import Category, Facility
from repository.grids import Community, Grid
from repository.people import Person
from tests.benchmarks.stand import ACTOR, SCALE, Report, Stand, seconds

MOST = 60.0
AGAIN = 10.0
COMMUNITY = "planned"
FACILITIES = max(200, round(10_000 * min(1, SCALE)))


def run(stand: Stand, report: Report) -> None:
    """Quarterly for every one of them: within a minute, and nothing twice."""
    report.title(f"generating: a year of quarterly orders for {FACILITIES:,} facilities")
    store = stand.store("generating")
    if store.db["communities"].find_one({}) is None:
        at = {"community_id": COMMUNITY}
        store.insert(ACTOR, Community(id=COMMUNITY, code="P", name="P", **at))
        store.insert(ACTOR, Person(id="lead", name="lead", **at))
        store.insert(ACTOR, Grid(id="g", code="1", name="1", responsible_id="lead", **at))
        common = {"category": Category.FITNESS, "grid_id": "g", "name": "x", **at}
        store.db[Facility.collection].insert_many(
            [Facility(id=f"f{n}", code=f"F-{n:05d}", **common).to_document() for n in range(FACILITIES)]
        )
    store.db["work_orders"].delete_many({})
    store.db["monthly_counts"].delete_many({"subject": "work_orders"})
    store.db["maintenance_plans"].delete_many({})
    store._places.clear()
    today = store.clock().astimezone(store.zone(COMMUNITY)).date()
    plan = {"name": "oil", "category": "fitness", "every": 3, "unit": "months", "since": today}
    preventive.add_plan(store, ACTOR, COMMUNITY, plan)
    found, counted, until = [], [], today + timedelta(days=364)

    def generate() -> None:
        found.append(preventive.generate(store, ACTOR, COMMUNITY, until=until))

    foretold = seconds(lambda: counted.append(preventive.lacking(store, ACTOR, COMMUNITY, until=until)))
    report.line("how many, said before", f"{foretold:.1f} s", f"<= {AGAIN:.0f} s", foretold <= AGAIN)
    took = seconds(generate)
    made = found[-1].made
    report.line("made as many as was said", f"{made:,}", f"{counted[-1]:,}", counted[-1] == made)
    per_second = f"{made / took:,.0f} orders/s"
    report.line(f"{made:,} orders made", f"{took:.1f} s, {per_second}", f"<= {MOST:.0f} s", took <= MOST)
    again = seconds(generate)
    right = found[-1].made == 0 and store.db["work_orders"].count_documents({}) == made == 4 * FACILITIES
    report.line("once more: nothing made", f"{again:.1f} s", f"<= {AGAIN:.0f} s, 0 orders", right and again <= AGAIN)
