"""Grids, posts and people: what the commands keep true, and posts, cover and load against cases counted by hand."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import grids as room
from repository import people
from repository.access import Actor, Refused, Role
from repository.facilities import Category, Facility
from repository.filters import Is
from repository.grids import Community, Grid, Post, Tier
from repository.metrics import Period, State
from repository.people import Person
from repository.store import Conflict, Duplicate, InUse, Invalid, Store
from tests.conftest import once

TODAY = date(2026, 4, 2)
WORKER = Actor("w", "网格员", Role.GRID_WORKER, frozenset({"D"}), frozenset({"g2"}))


@pytest.fixture
@once
def community(store: Store, admin: Actor) -> str:
    """D with p1..p9 and grids g1, g2; a decoy E with one of each."""
    for id in ("D", "E"):
        store.insert(admin, Community(id=id, community_id=id, code=id, name=id))
    for id, where in [*((f"p{n}", "D") for n in range(1, 10)), ("q1", "E")]:
        store.insert(admin, Person(id=id, community_id=where, name=id))
    for id, where, lead in (("g1", "D", "p1"), ("g2", "D", "p2"), ("x1", "E", "q1")):
        store.insert(admin, Grid(id=id, community_id=where, code=id, name=f"{id} 网格", responsible_id=lead))
    return "D"


def post(store: Store, admin: Actor, tier: Tier, grid: str | None, holder: str | None = None, **over: Any) -> Post:
    """A post of D as it is given: no command in between."""
    return store.insert(admin, Post(**{"community_id": "D", "tier": tier, "grid_id": grid, "holder_id": holder} | over))


def problems(caught: Any) -> set[str]:
    """The fields an Invalid speaks of."""
    return set(caught.value.problems)


# --- the community
def test_a_founded_community_is_its_own(store: Store, admin: Actor) -> None:
    made = room.found_community(store, admin, {"code": "510503", "name": "D社区"}, key="once")
    again = room.found_community(store, admin, {"code": "510503", "name": "D社区"}, key="once")

    assert made.community_id == made.id == again.id
    assert room.community(store, admin, made.id).name == "D社区"
    with pytest.raises(Duplicate):
        room.found_community(store, admin, {"code": "510503", "name": "另一个"})
    with pytest.raises(Invalid) as caught:
        room.edit_community(store, admin, made.id, 1, {"time_zone": "Mars/Olympus"})
    assert problems(caught) == {"time_zone"}


def test_a_new_time_zone_holds_at_once(store: Store, admin: Actor, community: str) -> None:
    assert str(store.zone(community)) == "Asia/Shanghai"
    room.edit_community(store, admin, community, 1, {"time_zone": "America/Los_Angeles"})
    assert str(store.zone(community)) == "America/Los_Angeles"


# --- grids
def test_a_grid_has_exactly_one_responsible_person(store: Store, admin: Actor, community: str) -> None:
    values = {"code": "3", "name": "3 号网格"}
    people.edit_person(store, admin, community, "p9", 1, {"active": False})

    for wrong in ({}, {"responsible_id": None}, {"responsible_id": "q1"}, {"responsible_id": "p9"}):
        with pytest.raises(Invalid) as caught:
            room.add_grid(store, admin, community, {**values, **wrong})
        assert problems(caught) == {"responsible_id"}
    made = room.add_grid(store, admin, community, {**values, "responsible_id": "p3"})
    with pytest.raises(Invalid) as caught:
        room.edit_grid(store, admin, community, made.id, 1, {"responsible_id": None})
    assert problems(caught) == {"responsible_id"}
    assert room.edit_grid(store, admin, community, made.id, 1, {"responsible_id": "p4"}).responsible_id == "p4"


def test_a_grid_that_came_without_one_can_still_be_put_right(store: Store, admin: Actor, community: str) -> None:
    store.insert(admin, Grid(id="g3", community_id="D", code="g3", name="导入的网格"))

    assert room.edit_grid(store, admin, community, "g3", 1, {"households": 600}).households == 600


def test_the_names_of_many_communities_are_one_question(store: Store, admin: Actor, community: str) -> None:
    store.insert(admin, Community(id="F", community_id="F", code="F", name="F"))
    for code in ("8", "9"):
        store.insert(admin, Grid(id=f"F{code}", community_id="F", code=code, name=f"{code} 号"))
    found = store.names(admin, Grid, [community, "F"])
    assert found == {"D": room.grid_names(store, admin, community), "F": {"F8": "8 号", "F9": "9 号"}}
    assert store.names(WORKER, Grid, [community]) == {"D": {"g2": "g2 网格"}}
    assert store.names(admin, Grid, [community, "F"], {"code": "9"}) == {"D": {}, "F": {"F9": "9 号"}}
    lifted = {"_id": Is(among=["g1", "g2", "F8"]), "community_id": Is(among=["D", "F"]), "grid_id": "g1"}
    for name, wish in lifted.items():
        assert store.names(WORKER, Grid, [community], {name: wish})["D"].keys() <= {"g2"}, name
    assert store.names(admin, Grid, []) == {}
    with pytest.raises(Refused):
        store.names(WORKER, Grid, [community, "F"])


def test_grids_stand_in_the_order_people_count_them(store: Store, admin: Actor, community: str) -> None:
    for code in ("10", "9", "2"):
        store.insert(admin, Grid(id=code, community_id="D", code=code, name=f"{code} 号"))

    assert [grid.code for grid in room.grids(store, admin, community)] == ["g1", "g2", "2", "9", "10"]
    assert list(room.grid_names(store, admin, community)) == ["g1", "g2", "2", "9", "10"]
    assert room.grid_names(store, WORKER, community) == {"g2": "g2 网格"}


@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_codes_can_be_ordered(codes: list[str]) -> None:
    assert sorted(sorted(codes, key=room._counted)) == sorted(codes)


def test_what_is_referred_to_is_not_deleted(store: Store, admin: Actor, community: str) -> None:
    vacant = post(store, admin, Tier.GRID_LEAD, "g1")
    held = post(store, admin, Tier.STREET, None, "p1")
    made = store.insert(
        admin, Facility(community_id="D", code="F", name="F", category=Category.FITNESS, responsible_id="p1")
    )

    with pytest.raises(InUse) as caught:
        room.remove_grid(store, admin, community, "g1", 1)
    assert "Posts (Grid): 1" in str(caught.value.message)
    with pytest.raises(InUse) as caught:
        people.remove_person(store, admin, community, "p1", 1)
    for use in ("Grids (Responsible person): 1", "Posts (Holder): 1", "Facilities (Responsible person): 1"):
        assert use in str(caught.value.message)

    room.remove_post(store, admin, community, vacant.id, 1)
    room.remove_post(store, admin, community, held.id, 1)
    store.delete(admin, Facility, community, made.id, 1)
    room.remove_grid(store, admin, community, "g1", 1)
    people.remove_person(store, admin, community, "p1", 1)
    assert "p1" not in people.people_by_id(store, admin, community)


# --- people
def test_people_are_listed_active_first(store: Store, admin: Actor, community: str) -> None:
    made = people.add_person(store, admin, community, {"name": "阿一"})
    people.edit_person(store, admin, community, made.id, 1, {"active": False})

    names = [person.name for person in people.people(store, admin, community)]
    assert names[0] == "p1"
    assert names[-1] == "阿一"
    assert len(names) == 10


# --- posts
def test_the_director_answers_for_the_grid_and_is_one(store: Store, admin: Actor, community: str) -> None:
    lead = room.add_post(store, admin, community, {"tier": "grid_lead", "grid_id": "g1", "holder_id": "p5"})
    assert store.get(admin, Grid, community, "g1").responsible_id == "p5"

    with pytest.raises(Invalid) as caught:
        room.add_post(store, admin, community, {"tier": "grid_lead", "grid_id": "g1", "holder_id": "p6"})
    assert problems(caught) == {"holder_id"}
    assert len(room.posts(store, admin, community)) == 1
    assert store.get(admin, Grid, community, "g1").responsible_id == "p5"

    left = room.vacate(store, admin, community, lead.id, 1, on=date(2026, 3, 1))
    assert (left.holder_id, left.until) == (None, date(2026, 3, 1))
    assert store.get(admin, Grid, community, "g1").responsible_id == "p5"

    filled = room.appoint(store, admin, community, lead.id, 2, holder_id="p6", since=TODAY)
    assert (filled.since, filled.until) == (TODAY, None)
    assert store.get(admin, Grid, community, "g1").responsible_id == "p6"


def test_a_post_is_refused_what_cannot_be(store: Store, admin: Actor, community: str) -> None:
    people.edit_person(store, admin, community, "p9", 1, {"active": False})
    for wrong, field in (
        ({"tier": "group_leader"}, "grid_id"),
        ({"tier": "street", "holder_id": "p9"}, "holder_id"),
        ({"tier": "street", "holder_id": "q1"}, "holder_id"),
        ({"tier": "street", "grid_id": "x1"}, "grid_id"),
        ({"tier": "street", "since": date(2026, 2, 1), "until": date(2026, 1, 1)}, "until"),
        ({"tier": "emperor"}, "tier"),
    ):
        with pytest.raises(Invalid) as caught:
            room.add_post(store, admin, community, wrong)
        assert problems(caught) == {field}
    held = post(store, admin, Tier.STREET, None, "p1", since=date(2026, 2, 1))
    with pytest.raises(Invalid):
        room.vacate(store, admin, community, held.id, 1, on=date(2026, 1, 1))
    with pytest.raises(Conflict):
        room.vacate(store, admin, community, held.id, 7, on=TODAY)
    leader = {"tier": "group_leader", "grid_id": "g1", "holder_id": "p1"}
    room.add_post(store, admin, community, leader)
    with pytest.raises(Invalid) as caught:
        room.add_post(store, admin, community, leader)
    assert problems(caught) == {"holder_id"}, "two leaders are two people"
    other = room.add_post(store, admin, community, {**leader, "grid_id": "g2"})
    with pytest.raises(Invalid):
        room.edit_post(store, admin, community, other.id, 1, {"grid_id": "g1"})


def test_a_post_keeps_who_held_it_and_a_past_day_is_told_from_that(store: Store, admin: Actor, community: str) -> None:
    """New and vacant, filled, left, left empty, filled again, handed over ahead of time."""

    def days(month: int, day: int) -> date:
        return date(2026, month, day)

    def vacancy(on: date) -> tuple[date | None, int | None] | None:
        found = [each for each in room.staffing(store, admin, community, on=on).vacancies if each.post_id == made.id]
        return (found[0].since, found[0].days) if found else None

    made = room.add_post(store, admin, community, {"tier": "group", "grid_id": "g1", "since": days(1, 1)})
    assert vacancy(days(1, 11)) == (days(1, 1), 10), "one that was never filled is vacant since it should be there"
    bare = room.add_post(store, admin, community, {"tier": "group", "grid_id": "g1"})
    assert room.staffing(store, admin, community, on=TODAY).by_tier[Tier.GROUP] == (0, 3)
    room.remove_post(store, admin, community, bare.id, 1)

    made = room.appoint(store, admin, community, made.id, 1, holder_id="p4", since=days(1, 21))
    assert (vacancy(days(1, 20)), vacancy(days(1, 21)), made.history) == ((None, None), None, ())
    made = room.vacate(store, admin, community, made.id, 2, on=days(2, 9))
    assert vacancy(days(2, 11)) == (days(2, 9), 2)
    made = room.vacate(store, admin, community, made.id, 3, on=days(2, 10))  # put right
    assert [(past.holder_id, past.since, past.until) for past in made.history] == [("p4", days(1, 21), days(2, 10))]
    assert vacancy(days(2, 10)) is None

    made = room.appoint(store, admin, community, made.id, 4, holder_id="p5", since=days(3, 1))
    made = room.appoint(store, admin, community, made.id, 5, holder_id="p6", since=days(5, 1))  # ahead of its day
    held = [made.holder_on(day) for day in (days(1, 5), days(2, 1), days(2, 20), TODAY, days(4, 30), days(5, 1))]
    assert held == [None, "p4", None, "p5", "p5", "p6"]
    for since in (days(1, 1), days(5, 1)):
        with pytest.raises(Invalid) as caught:
            room.appoint(store, admin, community, made.id, 6, holder_id="p7", since=since)
        assert problems(caught) == {"since"}

    people.edit_person(store, admin, community, "p4", 1, {"active": False})
    assert room.staffing(store, admin, community, on=days(2, 1)).cells[Tier.GROUP, "g1"] == ("p4",)
    february = room.posts_on(store, admin, community, Period.of("2026-02"), today=TODAY)
    assert (february.on, february.staffing.cells[Tier.GROUP, "g1"]) == (days(2, 28), ())
    april = room.posts_on(store, admin, community, Period.of("2026Q2"), today=TODAY)
    assert (april.on, april.staffing.cells[Tier.GROUP, "g1"]) == (TODAY, ("p5",))
    known = {month: value for month, value in april.coverage.series if value is not None}
    # of six cells; before 21 January nobody noted who held it
    assert known == {"2026-01": 1 / 6, "2026-02": 0, "2026-03": 1 / 6, "2026-04": 1 / 6}


@pytest.fixture
@once
def network(store: Store, admin: Actor, community: str) -> str:
    """g1: director, one leader of two, a safety officer. g2: three leaders, no director, officer's term over."""
    post(store, admin, Tier.GRID_LEAD, "g1", "p1")
    post(store, admin, Tier.GROUP_LEADER, "g1", "p3", since=TODAY)
    post(store, admin, Tier.GROUP_LEADER, "g1", None, until=date(2026, 3, 23))
    post(store, admin, Tier.GROUP, "g1", "p4", until=TODAY)
    for holder in ("p5", "p6", "p7"):
        post(store, admin, Tier.GROUP_LEADER, "g2", holder)
    post(store, admin, Tier.GROUP, "g2", "p8", until=date(2026, 4, 1))
    post(store, admin, Tier.STREET, None, "p9")
    post(store, admin, Tier.COMMUNITY, "g2", "p9")
    store.insert(admin, Post(community_id="E", tier=Tier.GRID_LEAD, grid_id="x1", holder_id="q1"))
    return community


def test_posts_required_and_filled(store: Store, admin: Actor, network: str) -> None:
    found = room.staffing(store, admin, network, on=TODAY)

    assert found.by_grid == {"g1": (2, 3), "g2": (2, 3)}
    assert (found.filled.value, found.filled.n, found.filled.state) == (4 / 6, 6, State.OFF_TARGET)
    assert found.by_tier == {
        Tier.STREET: (1, 1),
        Tier.COMMUNITY: (1, 1),
        Tier.GROUP: (1, 2),
        Tier.GRID_LEAD: (1, 2),
        Tier.GROUP_LEADER: (3, 4),
    }
    assert [(gap.tier, gap.grid_id, gap.days, gap.post_id is None) for gap in found.vacancies] == [
        (Tier.GROUP_LEADER, "g1", 10, False),
        (Tier.GROUP, "g2", 1, False),
        (Tier.GRID_LEAD, "g2", None, True),
    ]


def test_the_safety_network_names_its_gaps(store: Store, admin: Actor, network: str) -> None:
    found = room.staffing(store, admin, network, on=TODAY)

    assert found.cells == {
        (Tier.STREET, "g1"): ("p9",),
        (Tier.STREET, "g2"): ("p9",),
        (Tier.COMMUNITY, "g1"): (),
        (Tier.COMMUNITY, "g2"): ("p9",),
        (Tier.GROUP, "g1"): ("p4",),
        (Tier.GROUP, "g2"): (),
    }
    assert found.gaps == ((Tier.COMMUNITY, "g1"), (Tier.GROUP, "g2"))
    assert (found.coverage.value, found.coverage.n) == (4 / 6, 6)


def test_an_officer_who_left_or_has_not_come_yet_covers_nothing(store: Store, admin: Actor, network: str) -> None:
    people.edit_person(store, admin, network, "p9", 1, {"active": False})

    found = room.staffing(store, admin, network, on=TODAY)
    assert found.by_tier[Tier.STREET] == (0, 1)
    assert len(found.gaps) == 5

    before = room.staffing(store, admin, network, on=date(2026, 4, 1))
    assert before.by_grid["g1"] == (1, 3)
    assert before.cells[Tier.GROUP, "g2"] == ("p8",)


def test_a_grid_worker_sees_the_own_grid_and_what_reaches_it(store: Store, admin: Actor, network: str) -> None:
    found = room.staffing(store, WORKER, network, on=TODAY)

    assert found.by_grid == {"g2": (2, 3)}
    assert found.cells == {(Tier.STREET, "g2"): ("p9",), (Tier.COMMUNITY, "g2"): ("p9",), (Tier.GROUP, "g2"): ()}
    assert {each.grid_id for each in room.posts(store, WORKER, network)} == {"g2", None}
    with pytest.raises(Refused):
        room.posts(store, WORKER, "E")


def test_full_cover_is_proven(store: Store, admin: Actor, community: str) -> None:
    for tier in (Tier.STREET, Tier.COMMUNITY):
        post(store, admin, tier, None, "p1")
    for grid in ("g1", "g2"):
        post(store, admin, Tier.GROUP, grid, "p2")

    found = room.staffing(store, admin, community, on=TODAY)

    assert (found.coverage.value, found.coverage.state, found.gaps) == (1.0, State.ON_TARGET, ())


def test_a_community_without_grids_is_no_data(store: Store, admin: Actor) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))

    found = room.staffing(store, admin, "D", on=TODAY)

    assert (found.filled.value, found.coverage.value, found.vacancies) == (None, None, ())


# --- load
def a_grid(households: int | None) -> Grid:
    """A grid of so many households."""
    return Grid(community_id="D", code="1", name="1", households=households)


def test_the_load_is_the_largest_grid_over_the_mean() -> None:
    found = room.load([a_grid(n) for n in (650, 580, 610, 594, 600, None)])

    assert found.value == pytest.approx(650 / 606.8)
    assert (found.n, found.detail, found.state) == (5, pytest.approx(606.8), State.ON_TARGET)
    assert room.load([]).value is None
    assert room.load([a_grid(0)]).value is None
    assert room.load([a_grid(900), a_grid(100)]).state is State.OFF_TARGET
