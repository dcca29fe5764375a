"""What a question read and a write changed is noted, and an answer stands while nothing of it was written."""

from typing import Any

import pytest

from dashboard.session import Mark
from repository import overview, rollups
from repository.access import Actor
from repository.grids import Community, Grid, edit_community
from repository.metrics import Period
from repository.people import Person
from repository.store import (
    ANYTHING,
    EVERYWHERE,
    Footprint,
    Put,
    Store,
    Write,
    Writes,
    at_once,
    counters_about,
    noting,
    written,
)
from tests.conftest import NOW

QUARTER = Period.of("2026Q2")
COUNTS = rollups.COUNTS


def read_of(collection: str, filter: Any = None, pipeline: Any = ()) -> set[str]:
    footprint = Footprint()
    footprint.reads(collection, filter, pipeline)
    return footprint.read


@pytest.mark.parametrize(
    ("filter", "subjects"),
    [
        ({"community_id": "D", "subject": "work_orders"}, {"work_orders"}),
        ({"subject": {"$in": ["a", "b"]}}, {"a", "b"}),
        ({"$or": [{"subject": "a"}, {"_id": "D|b|month|2026-04||"}]}, {"a", "b"}),
        ({"_id": {"$in": ["D|a|month|2026-04||", "x|y|b|cell|2026-04|g|c"]}}, {"a", "b"}),
        ({"$or": [{"subject": "a"}, {"level": "month"}]}, None),
        ({"subject": {"$ne": "a"}}, None),
        ({"_id": "unheard of"}, None),
        ({"subject": "writes"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_counters_are_told_apart_by_subject_where_the_filter_says_it(filter: Any, subjects: set[str] | None) -> None:
    wanted = {ANYTHING} if subjects is None else {counters_about(each) for each in subjects}
    assert read_of(COUNTS, filter) == wanted
    footprint = Footprint()
    footprint.changes(COUNTS, filter)
    assert footprint.changed == wanted


def test_what_a_pipeline_joins_is_read_however_deep_it_stands() -> None:
    pipeline = [
        {"$match": {"x": 1}},
        {"$unionWith": {"coll": "b", "pipeline": [{"$lookup": {"from": "c", "as": "c", "pipeline": []}}]}},
        {"$facet": {"one": [{"$lookup": {"from": "d", "as": "d"}}], "two": [{"$unionWith": "e"}]}},
        {"$graphLookup": {"from": "f", "as": "f"}},
        {"$unionWith": {"coll": COUNTS, "pipeline": [{"$match": {"subject": "g"}}]}},
    ]
    assert read_of("a", pipeline=pipeline) == {"a", "b", "c", "d", "e", "f", counters_about("g")}


@pytest.fixture
def town(store: Store, admin: Actor) -> Store:
    for id in ("D", "E"):
        store.insert(admin, Community(id=id, community_id=id, code=id, name=id))
        store.insert(admin, Grid(id=f"g-{id}", community_id=id, code="1", name="1"))
    return store


def test_every_way_to_the_server_is_noted(town: Store) -> None:
    db = town.db
    with noting(Footprint()) as outer:
        with noting(Footprint()) as found:
            db["a"].find_one({"x": 1})
            db.get_collection("b").count_documents({})
            db["c"].with_options().distinct("x")
            db["d"]["e"].estimated_document_count()
            list(db.with_options()["f"].aggregate([]))
            db["g"].find_one_and_update({"x": 1}, {"$set": {"x": 2}})
            db["h"].delete_many({"x": 1})
            db[COUNTS].update_one({"_id": "D|a|month|2026-04||"}, {"$set": {"met": 1}})
        assert found.read == {*"abcfg", "d.e"}
        assert found.changed == {"g", "h", counters_about("a")}
        with noting(Footprint()) as whole:
            db.command("ping")
        assert whole.read == {ANYTHING}
    assert (outer.read, outer.changed) == (found.read | whole.read, found.changed), "what is around is told too"


def test_what_is_known_by_heart_is_read_too(town: Store, admin: Actor) -> None:
    town.zone("D")
    with noting(Footprint()) as footprint:
        town.zone("D")
    assert footprint.read == {"communities"}
    before = town.writes(["D"])["D"]
    edit_community(town, admin, "D", 1, {"time_zone": "Asia/Urumqi"})
    assert town.writes(["D"])["D"].at(["communities"]) != before.at(["communities"])


def of(store: Store, *read: str, place: str = "D") -> Any:
    now = store.writes([EVERYWHERE, "D"])
    return Mark(place, now[place], now[EVERYWHERE], NOW).of(read)


def test_an_answer_falls_with_what_it_was_read_from_and_with_nothing_else(town: Store, admin: Actor) -> None:
    people, grids, anything, users = (of(town, each) for each in ("people", "grids", ANYTHING, "users"))
    listed = of(town, "communities", place=EVERYWHERE)
    town.insert(admin, Person(community_id="E", name="王"))
    assert of(town, ANYTHING) == anything
    town.insert(admin, Person(community_id="D", name="王"))
    assert of(town, "people") != people
    assert of(town, ANYTHING) != anything
    assert of(town, "grids") == grids
    town.write(admin, lambda write: write.note("x", "users", EVERYWHERE, "u"))
    assert of(town, "users") != users
    assert of(town, "grids") == grids
    assert of(town, "communities", place=EVERYWHERE) == listed
    edit_community(town, admin, "E", 1, {"name": "another"})
    assert of(town, "communities", place=EVERYWHERE) != listed
    assert of(town, "grids") == grids


def test_who_does_not_say_what_they_changed_may_have_changed_anything(town: Store, admin: Actor) -> None:
    """Also a writer of an older version, and the documents it left."""
    grids = of(town, "grids")
    town.write(admin, lambda write: write.touch("D"))
    assert of(town, "grids") != grids

    def by_an_older_one() -> None:
        where = {"_id": rollups.WRITES.document_id("D")}
        town.client[town.db.name][COUNTS].update_one(where, {"$inc": {"total.n": 1}})

    grids = of(town, "grids")
    by_an_older_one()
    assert of(town, "grids") != grids
    assert written(None) == written([ANYTHING, "grids"]) == rollups.writes_atoms()
    old = Writes.read_from({"n": 57})
    assert old.at(["grids"]) == (57, 0)
    assert Writes.read_from({"n": 58, "told": 1, "people": 1}).at(["grids"]) == (57, 0)
    assert Writes.read_from({"n": 58, "told": 1, "people": 1}).at(["people"]) == (57, 1)

    def past_it(write: Write) -> None:
        write.store.db[COUNTS].bulk_write([rollups.unchanged("D", -1)], session=write.session)
        write.touch("D", "people")

    grids = of(town, "grids")
    town.write(admin, past_it)
    assert of(town, "grids") != grids, "which counters is not known"


def test_questions_asked_at_once_each_have_their_own_footprint(town: Store, admin: Actor) -> None:
    now, here = {"now": NOW}, (QUARTER, None)
    put = [
        Put(overview.team, (), now),
        Put(overview.estate, (None,), now),
        Put(overview.repairs, here, now),
        Put(overview.of_organizations, here, now),
        Put(overview.of_staff, (), now),
    ]
    town.pending_batches()
    for one, (answer, read) in zip(put, at_once(town, admin, "D", put), strict=True):
        with noting(Footprint()) as alone:
            assert one.question(town, admin, "D", *one.args, **one.kwargs) == answer
        assert alone.read - {"import_batches"} == read
        assert ("facilities" in read) is (one.question is overview.estate)
        assert ("work_orders" in read) is (one.question is overview.repairs)
