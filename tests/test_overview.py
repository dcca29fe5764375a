"""The overview says what the areas' rooms say, puts the worst first, and keeps to the actor's grids."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo import MongoClient, monitoring

from repository import activities, facilities, maintenance, meetings, projects, staff
from repository.access import Actor, Role
from repository.activities import Activity, Attendance
from repository.facilities import Facility
from repository.grids import Community, Grid, Post, Tier, appoint, grids, vacate
from repository.maintenance import WorkOrder
from repository.metrics import Period, State
from repository.overview import compare, crowd, glance, off_target, repairs, systems, team, worst
from repository.people import Person
from repository.record import midnight
from repository.requests import Topic
from repository.rollups import day_begins
from repository.store import Store, Then
from tests.conftest import NOW, once
from tests.test_record import a_work_order

SHANGHAI = ZoneInfo("Asia/Shanghai")
LOCAL = NOW.astimezone(SHANGHAI)
QUARTER = Period.of("2026Q2")


@pytest.fixture
@once
def small(store: Store, admin: Actor) -> str:
    """Two grids: in g2 two orders are overdue, one of them dangerous; in g1 one is open and on time."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区", residents=100))
    for number in ("1", "2"):
        store.insert(admin, Person(id=f"p{number}", community_id="D", name=f"责任人{number}"))
        store.insert(
            admin,
            Grid(
                id=f"g{number}",
                community_id="D",
                code=number,
                name=f"{number} 号网格",
                responsible_id=f"p{number}",
                residents=50,
            ),
        )
        store.insert(
            admin,
            Post(
                community_id="D",
                tier=Tier.GRID_LEAD,
                grid_id=f"g{number}",
                holder_id=f"p{number}",
                since=date(2024, 1, 1),
            ),
        )
    late, soon = NOW - timedelta(days=3), NOW + timedelta(days=3)
    rows: list[dict[str, Any]] = [
        {"number": "W-1", "grid_id": "g1", "due_at": soon},
        {"number": "W-2", "grid_id": "g2", "due_at": late, "place": "北门"},
        {
            "number": "W-3",
            "grid_id": "g2",
            "due_at": late + timedelta(days=1),
            "dangerous": True,
            "assignee_id": "p2",
            "category": "fitness",
        },
    ]
    for row in rows:
        store.insert(admin, a_work_order(reported_at=NOW - timedelta(days=6), **row))
    return "D"


def test_the_glance_by_hand(store: Store, admin: Actor, small: str) -> None:
    found = glance(store, admin, small, QUARTER, now=LOCAL)

    overdue = found.rows[0]
    assert [(overdue.cells[grid.id].value, overdue.cells[grid.id].n) for grid in found.grids] == [(0, 1), (2, 2)]
    assert found.values[0].value == 2
    concern = found.concerns[0]
    assert str(concern.finding) == "Overdue orders rose from 0 to 2 in 3 months"
    assert "2 号网格 has 2 of them, the category “Fitness equipment” 1;" in str(concern.why)
    assert concern.who == ("责任人2",)
    assert "vacant" in str(found.concerns[1].finding)
    assert [str(action.what) for action in found.actions[:2]] == ["Mend W-3: Loose", "Mend 北门: Loose"]
    store.update(admin, Person, "D", "p2", 1, {"active": False})
    assert glance(store, admin, small, QUARTER, now=LOCAL).concerns[0].who == (), "nobody who is gone must act"
    assert (found.actions[0].who, found.actions[0].days, found.actions[1].days) == ("责任人2", 2, 3)


def test_a_grid_workers_glance_is_of_their_grid(store: Store, small: str) -> None:
    worker = Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"}))

    found = glance(store, worker, small, QUARTER, now=LOCAL)

    assert [grid.id for grid in found.grids] == ["g1"]
    assert found.values[0].value == 0
    assert not any("W-3" in str(action.what) or "北门" in str(action.what) for action in found.actions)


def test_somebody_bound_to_a_grid_hears_of_the_categories_there(store: Store, admin: Actor, small: str) -> None:
    """Of g2 fitness equipment is overdue; here one gate is since yesterday and one since this morning."""
    for number, at in (("W-4", NOW - timedelta(days=1)), ("W-5", NOW - timedelta(minutes=5))):
        store.insert(admin, a_work_order(number=number, grid_id="g1", category="vehicle_access", due_at=at))
    store.insert(admin, a_work_order(number="W-6", grid_id="g1", due_at=NOW + timedelta(minutes=5)))
    worker = Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"}))
    here = frozenset({"g1"})

    asked = {
        "own": repairs(store, worker, small, QUARTER, now=LOCAL).work,
        "chosen": repairs(store, admin, small, QUARTER, here, now=LOCAL).work,
        "all": repairs(store, admin, small, QUARTER, now=LOCAL).work,
    }
    kinds = {name: (work.kind, work.overdue.value) for name, work in asked.items()}
    gates = ("vehicle_access", 2)
    assert kinds == {"own": (gates, 2), "chosen": (gates, 2), "all": (gates, 4)}
    other = Actor("v", "v", Role.GRID_WORKER, grids=frozenset({"g2"}))
    assert repairs(store, other, small, QUARTER, now=LOCAL).work.kind == ("fitness", 1), "the other is of no kind"
    why = str(glance(store, worker, small, QUARTER, now=LOCAL).concerns[0].why)
    assert "1 号网格 has 2 of them, the category “Vehicle access” 2;" in why
    over = [repairs(store, admin, small, Period.of(key), now=LOCAL).work.kind for key in ("2026Q1", "2025Q4")]
    assert over == [("fitness", 1), None], "the gates fell overdue since, and everything did after the year"


@pytest.mark.parametrize("seen", [None, frozenset({"d-grid-3"})])
def test_a_period_that_is_over_names_the_category_of_what_was_overdue_at_its_end(
    demo_uri: str, admin: Actor, seen: frozenset[str] | None
) -> None:
    """Walked back from now it is what was told on its last day, and what the page of repairs tells of it."""
    store = Store.connect(demo_uri, clock=lambda: NOW)
    community = store.communities(admin)[0]["_id"]
    named = set()
    for key in ("2026-03", "2026-02", "2026-01", "2025Q4", "2025-11", "2025-10", "2025Q2", "2024", "2026-04"):
        period = Period.of(key)
        told = repairs(store, admin, community, period, seen, now=LOCAL).work.kind
        review = maintenance.work_review(store, admin, community, period, seen, now=LOCAL)
        late = [(row.category, row.overdue) for row in review.categories if row.overdue and row.category != "other"]
        assert told == min(late, key=lambda one: (-one[1], one[0]), default=None), key
        if key != "2026-04":
            end = day_begins(period.following.first, SHANGHAI) - timedelta(milliseconds=1)
            then = repairs(Then(store, end), admin, community, period, seen, now=end.astimezone(SHANGHAI)).work
            assert told == then.kind, key
        named.add(told)
    assert len(named) > 3, "otherwise this proves little"
    store.close()


def test_an_empty_community_has_no_data_rather_than_zero_percent(store: Store, admin: Actor) -> None:
    store.insert(admin, Community(id="E", community_id="E", code="E", name="E社区"))

    found = glance(store, admin, "E", QUARTER, now=LOCAL)

    assert [value.value for value in found.values if value.metric.unit == "percent"] == [None] * 5
    assert found.grids == ()
    assert found.lagging is None


def test_the_systems_say_what_their_pages_say(demo_uri: str, admin: Actor) -> None:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    community = store.communities(admin)[0]["_id"]

    organizations_, staff_, held, heard = systems(store, admin, community, QUARTER, now=LOCAL)

    part = projects.glance(store, admin, community, QUARTER, today=LOCAL.date()).organizations.participation
    assert organizations_.finding.params["all"] == part.n == 15
    assert organizations_.finding.params["n"] / part.n == pytest.approx(part.value)
    assert staff_.finding.params["n"] == len(staff.training_review(store, admin, community, on=LOCAL.date()).lacking)
    review = meetings.review(store, admin, community, Period.of("2026"), now=LOCAL)
    assert [part.params["n"] for part in held.finding.params.values()] == [review.cadence.detail, review.overdue]
    raw = store.db["requests"].find({"community_id": community, "is_open": True}, {"deadline_at": 1})
    late = [each["deadline_at"] < NOW for each in raw]
    assert heard.finding.params == {"n": sum(late), "all": len(late)}
    own = store.db["requests"].find({"community_id": community, "is_open": True, "deadline_at": {"$lt": NOW}})
    kinds = Counter(each["category"] for each in own if each["category"] != "other")
    most, n = min(kinds.items(), key=lambda one: (-one[1], one[0]))
    assert str(heard.more).startswith(f"“{Topic(most).label}” has {n} of them")
    store.close()


def test_systems_of_which_nothing_is_entered_are_unknown_not_in_order(store: Store, admin: Actor, small: str) -> None:
    found = systems(store, admin, small, QUARTER, now=LOCAL)
    assert [line.state for line in found] == [State.UNKNOWN, State.UNKNOWN, State.UNKNOWN, State.ON_TARGET]
    assert [line.page for line in found] == ["organizations", "staff", "meetings", "requests"]


def test_no_visit_on_record_is_no_rate_of_zero_in_a_grid(store: Store, admin: Actor, small: str) -> None:
    def rates() -> list[State]:
        row = next(
            row for row in glance(store, admin, small, QUARTER, now=LOCAL).rows if row.metric.page == "activities"
        )
        return [row.cells[grid].state for grid in ("g1", "g2")]

    assert rates() == [State.UNKNOWN, State.UNKNOWN], "the tile above says that there is no data"
    held: dict[str, Any] = {"held_on": LOCAL.date(), "format": "lecture"}
    store.insert(admin, Activity(id="a", community_id="D", name="讲座", status="held", **held))
    for place in range(40):
        came = {"activity_id": "a", "resident": f"R{place}", "grid_id": f"g{1 + place % 2}", **held}
        store.insert(admin, Attendance(community_id="D", **came))
    assert rates() == [State.ON_TARGET, State.ON_TARGET]


def test_what_is_not_past_its_life_is_not_overdue_by_less_than_no_days(store: Store, admin: Actor, small: str) -> None:
    worn: dict[str, Any] = {"category": "fitness", "condition": "5", "grid_id": "g1"}
    new = Facility(id="f", community_id="D", code="F", name="漫步机", installed_on=date(2026, 1, 1), **worn)
    store.insert(admin, new)
    (action,) = [each for each in glance(store, admin, small, QUARTER, now=LOCAL).actions if each.page == "facilities"]
    assert (action.params, action.days) == ({"facility": "f"}, None)


def test_the_worst_state_wins() -> None:
    assert worst([State.ON_TARGET, State.NEAR, State.OFF_TARGET]) is State.OFF_TARGET
    assert worst([]) is State.ON_TARGET


def test_the_overview_repeats_what_the_areas_say(demo_uri: str, admin: Actor) -> None:
    """R5: one definition, the same number on every page."""
    store = Store.connect(demo_uri, clock=lambda: NOW)
    community = store.communities(admin)[0]["_id"]
    found = glance(store, admin, community, QUARTER, now=LOCAL)

    work = maintenance.work_figures(store, admin, community, QUARTER, now=LOCAL)
    came = activities.figures(store, admin, community, QUARTER)
    estate = facilities.inventory(store, admin, community, on=LOCAL.date())
    assert found.values[:3] == (work.overdue, work.on_time, estate.good_order)
    assert found.values[5:] == (came.participation, came.variety.effective)
    assert sum(cell.value or 0 for cell in found.rows[0].cells.values()) == work.overdue.value
    raw = store.db["work_orders"].count_documents({"community_id": community, "is_open": True, "due_at": {"$lt": NOW}})
    assert work.overdue.value == raw
    for chosen in (None, frozenset({f"{grid.id}" for grid in found.grids[2:]})):
        late = {"community_id": community, "is_open": True, "due_at": {"$lt": NOW}}
        late |= {"category": {"$ne": "other"}}
        late |= {"grid_id": {"$in": sorted(chosen)}} if chosen else {}
        kinds = Counter(each["category"] for each in store.db["work_orders"].find(late))
        told = repairs(store, admin, community, QUARTER, chosen, now=LOCAL).work
        assert told.kind == min(kinds.items(), key=lambda one: (-one[1], one[0]))
    beside = compare(store, admin, community, QUARTER, now=LOCAL)
    assert (beside.rows, beside.grids) == (found.rows, found.grids)
    year = Period.of("2026")
    by_grid = activities.came_by_grid(store, admin, community, year)
    assert by_grid == activities.figures(store, admin, community, year).grids
    assert sum(group.people or 0 for group in by_grid) > 0
    for grid in grids(store, admin, community):
        own = maintenance.work_figures(store, admin, community, QUARTER, frozenset({grid.id}), now=LOCAL)
        assert found.rows[0].cells[grid.id].value == own.overdue.value
        assert found.rows[1].cells[grid.id].value == pytest.approx(own.on_time.value)
    store.close()


def test_every_overdue_action_opens_an_order_that_is_overdue(demo_uri: str, admin: Actor) -> None:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    community = store.communities(admin)[0]["_id"]

    actions = glance(store, admin, community, QUARTER, now=LOCAL).actions

    orders = [action.params["order"] for action in actions if "order" in action.params]
    assert orders
    for id in orders:
        order = store.get(admin, WorkOrder, community, id)
        assert order.is_open
        assert order.due_at is not None
        assert order.due_at < datetime.now(SHANGHAI)
    assert len(actions) <= 7
    store.close()


def test_vacant_safety_posts_are_named_as_such_while_the_grids_own_posts_are_filled(
    store: Store, admin: Actor, small: str
) -> None:
    """Else the card would say "vacant" beside a tile that says 100 %."""
    for grid in ("g1", "g2"):
        for _ in range(2):
            store.insert(admin, Post(community_id="D", tier=Tier.GROUP_LEADER, grid_id=grid, holder_id="p1"))

    found = glance(store, admin, small, QUARTER, now=LOCAL)

    assert found.values[4].value == 1
    assert "posts of the safety network are vacant" in str(found.concerns[1].finding)


def test_the_lagging_grid_is_the_one_off_target_most_often(store: Store, admin: Actor, small: str) -> None:
    for _ in range(2):  # grid 1 fills its posts, grid 2 does not
        store.insert(admin, Post(community_id="D", tier=Tier.GROUP_LEADER, grid_id="g1", holder_id="p1"))

    found = glance(store, admin, small, QUARTER, now=LOCAL)

    counts = off_target(found.grids, found.rows)
    assert counts["g2"] > counts["g1"]
    assert found.lagging is not None
    assert (found.lagging[0].id, found.lagging[1]) == ("g2", counts["g2"])


@pytest.mark.parametrize("key", ["2026Q2", "2026Q1", "2025", "ever"])
def test_whatever_it_says_is_read_in_two_commands(demo_uri: str, admin: Actor, key: str) -> None:
    """And in three of a grid, whose formats are in counters of their own."""
    heard: list[str] = []

    class Listener(monitoring.CommandListener):
        def started(self, event: monitoring.CommandStartedEvent) -> None:
            if event.command.get("find") != "import_batches":  # asked again each half second, whoever reads
                heard.append(event.command_name)

        def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
            pass

        def failed(self, event: monitoring.CommandFailedEvent) -> None:
            pass

    client: MongoClient[dict[str, Any]] = MongoClient(demo_uri, event_listeners=[Listener()])
    store = Store(client, client.get_default_database().name, lambda: NOW)
    community = store.communities(admin)[0]["_id"]
    for seen, most in ((None, 2), (frozenset({"d-grid-3"}), 3)):
        glance(store, admin, community, Period.of(key), seen, now=LOCAL)
        heard.clear()
        glance(store, admin, community, Period.of(key), seen, now=LOCAL)
        assert len(heard) <= most, heard
    client.close()


def test_whoever_is_on_record_is_named_on_every_card_that_asks_for_action(demo_uri: str, admin: Actor) -> None:
    """Whatever period, day or grid is looked at: the organiser, the grid's director, else the secretary."""
    store = Store.connect(demo_uri, clock=lambda: NOW)
    community = store.communities(admin)[0]["_id"]
    people = {row["_id"]: row for row in store.db["people"].find({"community_id": community})}
    here = [None, *(frozenset({grid.id}) for grid in grids(store, admin, community))]
    asking = 0
    for seen in here:
        for key in ("2026-04", "2026Q1", "2025", "ever"):
            for concern in glance(store, admin, community, Period.of(key), seen, now=LOCAL).concerns:
                loud = concern.state in (State.OFF_TARGET, State.NEAR, State.UNKNOWN)
                assert bool(concern.who) >= loud, (seen, key, concern)
                assert set(concern.who) <= {row["name"] for row in people.values() if row.get("active", True)}
                asking += loud
    assert asking > 20
    organized = Counter(
        row["organizer_id"]
        for row in store.db["activities"].find({"community_id": community})
        if row.get("organizer_id") and -92 <= (row["held_on"].date() - LOCAL.date()).days <= 31
    )
    took_part = glance(store, admin, community, QUARTER, now=LOCAL).concerns[2]
    assert took_part.who[0] == people[organized.most_common(1)[0][0]]["name"]
    over = glance(store, admin, community, Period.of("2026Q1"), now=LOCAL).concerns[2]
    assert over.by is not None
    assert over.pressing.state is over.state
    rate, kinds = glance(store, admin, community, Period.of("2026Q1"), now=LOCAL).values[5:]
    assert over.by == min(value.react_by for value in (rate, kinds) if value.react_by)
    store.close()


def test_what_was_held_in_the_period_before_is_what_the_rows_say(demo_uri: str, admin: Actor) -> None:
    """The overview reads no more months than it needs; of a year it needs those of two."""
    store = Store.connect(demo_uri, clock=lambda: NOW)
    community = store.communities(admin)[0]["_id"]
    for key in ("2026-03", "2026Q1", "2025", "2026", "2025-07..2026-02"):
        for seen in (None, frozenset({"d-grid-3"})):
            period = Period.of(key)
            told = crowd(store, admin, community, period, seen, now=LOCAL).figures.variety.formats
            days = {"$gte": midnight(period.previous.first), "$lte": midnight(period.previous.last)}
            rows = store.db["activities"].find(
                {"community_id": community, "status": "held", "held_on": days}
                | ({"grid_id": {"$in": [*seen]}} if seen else {})
            )
            raw: Counter[str] = Counter()
            for row in rows:
                raw[row["format"]] += row["sessions"]
            assert {each.format: each.before for each in told if each.before} == dict(raw), (key, seen)
            assert raw or seen
    store.close()


def test_the_card_of_the_team_says_where_and_which_post_and_who_fills_it(
    store: Store, admin: Actor, small: str
) -> None:
    for number in ("1", "2"):
        for place in range(2):
            store.insert(admin, Person(id=f"l{number}{place}", community_id="D", name=f"组长{number}{place}"))
            values: dict[str, Any] = {"tier": Tier.GROUP_LEADER, "grid_id": f"g{number}", "since": date(2025, 1, 1)}
            store.insert(
                admin, Post(id=f"post{number}{place}", community_id="D", holder_id=f"l{number}{place}", **values)
            )
        values = {"tier": Tier.GROUP, "grid_id": f"g{number}", "since": date(2025, 1, 1)}
        store.insert(admin, Post(id=f"group{number}", community_id="D", holder_id=f"l{number}0", **values))
    for tier in (Tier.STREET, Tier.COMMUNITY):
        store.insert(admin, Post(id=str(tier), community_id="D", tier=tier, holder_id="p1", since=date(2025, 1, 1)))

    def card(actor: Actor = admin, seen: frozenset[str] | None = None) -> tuple[str, str, tuple[str, ...]]:
        concern = glance(store, actor, small, QUARTER, seen, now=LOCAL).concerns[1]
        return str(concern.finding), str(concern.why), concern.who

    filled = "Every required post is filled"
    assert card() == (filled, "The three-tier safety network covers every grid.", ())
    vacate(store, admin, "D", "group1", 1, on=date(2026, 3, 3))
    for place in range(2):
        vacate(store, admin, "D", f"post2{place}", 1, on=date(2026, 3, 13))
    worse, lacked = (
        "Vacant posts rose from 0 to 3 in 3 months",
        "2 号网格 lacks 2 residents’ group leaders, 1 号网格 lacks 1 safety officer (30 days).",
    )
    assert card() == (worse, lacked, ("责任人2", "责任人1"))
    here, there = (frozenset({f"g{number}"}) for number in (1, 2))
    own = (
        "Vacant posts of the safety network rose from 0 to 1 in 3 months",
        "1 号网格 lacks 1 safety officer (30 days).",
        ("责任人1",),
    )
    worker = Actor("w", "w", Role.GRID_WORKER, grids=here)
    assert card(worker) == card(seen=here) == own
    assert card(seen=there)[0] == "Vacant posts rose from 0 to 2 in 3 months"
    assert glance(store, admin, small, QUARTER, here, now=LOCAL).values[4].value == 1
    for place in range(2):
        appoint(store, admin, "D", f"post2{place}", 2, holder_id=f"l2{place}", since=date(2026, 3, 20))
    appoint(store, admin, "D", "group1", 2, holder_id="l11", since=date(2026, 3, 20))
    assert card()[0] == filled
    vacate(store, admin, "D", "street", 1, on=date(2026, 4, 1))
    assert card()[1:] == ("1 safety supervisor is missing (1 day).", ()), "of no grid: nobody is on record"
    for number, (job, kind) in enumerate(
        [("副书记", "staff"), ("支部书记", "organization"), ("社区党委书记", "staff")]
    ):
        store.insert(admin, Person(id=f"s{number}", community_id="D", name=f"书记{number}", job=job, kind=kind))
    assert card()[2] == ("书记2",)
    later = LOCAL + timedelta(days=120)
    appoint(store, admin, "D", "street", 2, holder_id="p2", since=date(2026, 7, 15))
    then = glance(store, admin, small, Period.of("2026Q3"), now=later).concerns[1]
    assert str(then.finding) == "Every required post is filled, 1 was vacant 3 months ago"


def test_what_was_vacant_before_is_not_claimed_where_nobody_noted_it(store: Store, admin: Actor, small: str) -> None:
    post = store.insert(admin, Post(community_id="D", tier=Tier.GROUP, grid_id="g1"))
    assert team(store, admin, small, now=LOCAL).posts.before is None
    assert str(glance(store, admin, small, QUARTER, now=LOCAL).concerns[1].finding) == "8 required posts are vacant"
    store.update(admin, Post, "D", post.id, 1, {"since": date(2026, 2, 9)})
    assert team(store, admin, small, now=LOCAL).posts.before is None, "it may have been there before"
    store.update(admin, Post, "D", post.id, 2, {"since": date(2026, 1, 9)})
    found = team(store, admin, small, now=LOCAL).posts
    assert found.before == found.vacant


def test_who_organises_most_of_late_acts_for_participation(store: Store, admin: Actor, small: str) -> None:
    for id, name in (("o1", "刘敏"), ("o2", "周倩"), ("o3", "钟凯")):
        store.insert(admin, Person(id=id, community_id="D", name=name))
    rows = [(-1, "o1"), (-91, "o2"), (30, "o2"), *[(-93, "o1"), (32, "o1")] * 2, (0, None), (0, None), (0, None)]
    for days, organizer in rows:
        values: dict[str, Any] = {"name": "讲座", "format": "lecture", "status": "held", "grid_id": None}
        on = LOCAL.date() + timedelta(days=days)
        store.insert(admin, Activity(community_id="D", held_on=on, organizer_id=organizer, **values))
    for grid, organizer in (("g1", "o3"), ("g2", "o1")):
        values = {"name": "义诊", "format": "clinic", "status": "held", "held_on": LOCAL.date()}
        store.insert(admin, Activity(community_id="D", grid_id=grid, organizer_id=organizer, **values))
    assert crowd(store, admin, small, QUARTER, now=LOCAL).organizers == ("o1", "o2", "o3")
    store.insert(admin, Activity(community_id="D", organizer_id="o2", grid_id="g2", **values))
    assert crowd(store, admin, small, QUARTER, now=LOCAL).organizers == ("o2", "o1", "o3")
    for actor, seen in ((admin, frozenset({"g1"})), (Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"})), None)):
        assert crowd(store, actor, small, QUARTER, seen, now=LOCAL).organizers == ("o3",)
        assert glance(store, actor, small, QUARTER, seen, now=LOCAL).concerns[2].who == ("钟凯",)
    store.update(admin, Person, "D", "o2", 1, {"active": False})
    assert glance(store, admin, small, QUARTER, now=LOCAL).concerns[2].who == ("刘敏",), "nobody who is gone must act"
    store.update(admin, Person, "D", "o3", 1, {"active": False})
    own = glance(store, admin, small, QUARTER, frozenset({"g1"}), now=LOCAL).concerns[2].who
    assert own == ("责任人1",), "who answers for the grid"
