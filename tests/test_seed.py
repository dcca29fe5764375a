"""The demonstration holds the source document's figures exactly, tells its story on any day, and is right in itself."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

import pytest

from repository import audit, organizations, recount
from repository.access import Actor
from repository.activities import Activity, ActivityStatus, Attendance, Format
from repository.facilities import Facility, ServiceStatus
from repository.grids import Community, Grid, Post, Tier
from repository.maintenance import OPEN, TRANSITIONS, Priority, Status, WorkOrder
from repository.organizations import GiftKind, NeedState, OrganizationKind
from repository.people import AgeBand, Person, Sex
from repository.projects import gaps
from repository.record import RECORDS, Ref, field_specs
from repository.store import Store
from seed import bulk, community, demo, desk, estate, gatherings, history, partners
from seed.batch import Occupied

DAYS = (date(2026, 4, 2), date(2026, 11, 23), date(2027, 1, 1))


# --- the figures
def test_the_documents_figures() -> None:
    assert (community.HOUSEHOLDS, community.RESIDENTS, community.GRIDS) == (3034, 9102, 5)
    assert community.PUBLIC_BODIES == ("区委", "区政府", "审计局", "区委编办", "邮政银行", "养老院")
    enterprises = [unit for unit in community.STATIONED if not unit.public_body]
    assert len(enterprises) == 9 == community.ENTERPRISES
    assert [unit.name for unit in enterprises if not unit.invented] == ["泸天化", "西研院", "七化建"]
    assert all("虚构" in unit.name for unit in enterprises if unit.invented)
    assert sum(plan.households for plan in community.GRID_PLANS) == 3034
    assert sum(plan.residents for plan in community.GRID_PLANS) == 9102


def test_posts_are_as_the_document_says_with_two_gaps_in_the_safety_network() -> None:
    posts = estate.posts(DAYS[0])
    for plan in community.GRID_PLANS:
        own = [post for post in posts if post.grid_id == estate.grid_id(plan.code)]
        filled = Counter(post.tier for post in own if post.holder_on(DAYS[0]))
        assert (filled[Tier.GRID_LEAD], filled[Tier.GROUP_LEADER]) == (1, 2)
    vacant = {(post.tier, post.grid_id) for post in posts if not post.holder_on(DAYS[0])}
    assert vacant == {(Tier.GROUP, estate.grid_id("3")), (Tier.COMMUNITY, estate.grid_id("4"))}


def test_largest_remainder_adds_up_and_stays_within_one() -> None:
    assert community.largest_remainder([1, 1, 1], 10) == [4, 3, 3]
    assert community.largest_remainder([50, 30, 20], 7) == [4, 2, 1]  # 3.5, 2.1, 1.4
    assert sum(one.count for one in community.population()) == 9102


@pytest.mark.data
def test_age_and_sex_are_naxis_in_the_census(data_file: Callable[[str], Path]) -> None:
    with data_file("cn_census2020_sichuan_counties.csv").open(encoding="utf-8") as file:
        naxi = next(row for row in csv.DictReader(file) if row["区划代码"] == "510503")
    single = {  # the first and last year of each census band; 85 stands for 85 and over
        "0岁": (0, 0), "1到4岁": (1, 4), "85岁以上": (85, 85),
        **{f"{low}到{low + 4}岁": (low, low + 4) for low in range(5, 85, 5)},
    }  # fmt: skip
    expected: Counter[tuple[AgeBand, Sex]] = Counter()
    for column, (low, high) in single.items():
        for word, sex in (("男", Sex.MALE), ("女", Sex.FEMALE)):
            for age in range(low, high + 1):
                band = next(b for b, top in zip(AgeBand, (17, 35, 59, 74, 200), strict=True) if age <= top)
                expected[band, sex] += int(naxi[f"{word}_{column}"]) / (high - low + 1)  # type: ignore[assignment]
    assert sum(community.NAXI_2020.values()) == int(naxi["人口数_合计"])
    for group, people in community.NAXI_2020.items():
        assert abs(people - expected[group]) <= 0.5
    for one in community.population():
        assert abs(one.count - expected[one.age_band, one.sex] * 9102 / 354846) < 1


def test_residents_have_that_structure_and_a_code_each() -> None:
    everybody = gatherings.residents(Random(1))
    assert len({one.code for one in everybody}) == 9102
    assert Counter((one.age_band, one.sex) for one in everybody) == {
        (one.age_band, one.sex): one.count for one in community.population()
    }
    assert Counter(one.grid for one in everybody) == {plan.code: plan.residents for plan in community.GRID_PLANS}


def test_outlines_are_neighbours_and_hold_their_facilities() -> None:
    for plan in community.GRID_PLANS:
        others = "".join(other.corners for other in community.GRID_PLANS if other is not plan)
        assert len(set(plan.corners) & set(others)) >= 2
        corners = [(point.longitude, point.latitude) for point in community.outline(plan)]
        for one in estate.facilities(DAYS[0]):
            if one.grid == plan.code and one.record.position:
                assert _inside((one.record.position.longitude, one.record.position.latitude), corners)


def _inside(point: tuple[float, float], corners: list[tuple[float, float]]) -> bool:
    """Even-odd rule."""
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


# --- the story
@cache
def _orders(as_of: date) -> list[WorkOrder]:
    return history.work_orders(as_of, estate.facilities(as_of), Random(42))


def _backlog(orders: list[WorkOrder], at: datetime) -> int:
    """Open at a past moment, read off the events alone."""
    standing = (
        [step.status for step in order.events if step.at < at][-1] for order in orders if order.events[0].at < at
    )
    return sum(status in OPEN for status in standing)


@pytest.mark.parametrize("as_of", DAYS)
def test_work_orders_tell_the_story_on_any_day(as_of: date) -> None:
    orders, end = _orders(as_of), history.end_of_history(as_of)
    open_orders = [order for order in orders if order.status in OPEN]
    overdue = Counter(order.grid_id for order in open_orders if order.due_at and order.due_at < end)
    assert 900 <= len(orders) <= 1400
    assert 45 <= len(open_orders) <= 90
    assert 25 <= overdue.total() <= 50

    months = [_backlog(orders, end - timedelta(days=days)) for days in (400, 300, 200, 100, 60, 30, 0)]
    assert max(months[:4]) < 20, "steady until three months ago"
    assert months[3] < months[4] < months[5] < months[6] == len(open_orders), "then it grows"

    third = estate.grid_id("3")
    assert overdue[third] > 2 * max(n for grid, n in overdue.items() if grid != third)

    def on_time(grids: set[str], since: datetime) -> float:
        ended = [o for o in orders if o.grid_id in grids and o.ended_at and o.ended_at >= since and o.due_at]
        late_still = sum(overdue[grid] for grid in grids)
        return sum(o.ended_at <= o.due_at for o in ended if o.ended_at and o.due_at) / (len(ended) + late_still)

    others = {estate.grid_id(code) for code in "1245"}
    quarter = end - timedelta(days=91)
    assert on_time({third}, quarter) < 0.5
    assert on_time(others, quarter) > 0.6


@pytest.mark.parametrize("as_of", DAYS)
def test_every_life_is_one_the_commands_allow(as_of: date) -> None:
    end = history.end_of_history(as_of)
    for order in _orders(as_of):
        steps = order.events
        assert steps[0].status is Status.REPORTED
        assert steps[0].at == order.reported_at
        assert steps[-1].at < end
        assert steps[-1].status is order.status
        for before, after in zip(steps, steps[1:], strict=False):
            assert before.at < after.at
            assert after.status in TRANSITIONS[before.status]
        assert (order.hold_reason is not None) == (order.status is Status.ON_HOLD)
        assert (order.ended_at is None) == (order.status in OPEN) == (order.outcome is None)
        assert len(order.reopenings) == sum(step.status is Status.REOPENED for step in steps)
        assert not order.dangerous or order.priority is Priority.URGENT


def test_nothing_has_a_fault_it_cannot_have() -> None:
    kinds = {one.record.id: one.record.kind for one in estate.facilities(DAYS[0])}
    said: dict[str, set[str]] = {}
    for order in _orders(DAYS[0]):
        said.setdefault(kinds.get(order.facility_id or "") or "", set()).add(order.description or "")
    of = {"污水外溢": "drainage", "灯不亮": "lighting", "停运，按键没反应": "lift", "刷卡没反应": "access_door"}
    for words, kind in of.items():
        there = {one for one, texts in said.items() if any(text.startswith(words) for text in texts)}
        assert kind in there, words
        assert there <= {kind, ""}, words


def test_the_named_threads_are_there() -> None:
    as_of = DAYS[0]
    end = history.end_of_history(as_of)
    standing = estate.facilities(as_of)
    orders = history.work_orders(as_of, standing, Random(42))
    things = {one.name: one for one in history.out_of_order(standing, orders)}

    def of(name: str) -> list[WorkOrder]:
        return [order for order in orders if order.facility_id == things[name].id]

    bar = things["体育公园 3 号单杠"]
    assert bar.installed_on
    assert (as_of - bar.installed_on).days / 365 > 8 + 2.5
    assert bar.status is ServiceStatus.OUT_OF_ORDER
    urgent = [order for order in of(bar.name) if order.dangerous and order.status in OPEN]
    assert [order.priority for order in urgent] == [Priority.URGENT]
    assert urgent[0].due_at
    assert urgent[0].due_at < end
    neighbours = [one for one in things.values() if one.site == "体育公园" and one.kind == bar.kind and one is not bar]
    assert all(one.installed_on and (as_of - one.installed_on).days < 4 * 365 for one in neighbours)

    gate = things["北门道闸"]
    assert gate.details
    assert getattr(gate.details, "control", None) == "manual"
    repairs = [
        order.ended_at - order.reported_at for order in of(gate.name) if order.fault == "dead" and order.ended_at
    ]
    assert len(repairs) >= 4
    assert any(order.status is Status.ON_HOLD for order in of(gate.name))

    lift = [order for order in of("幸福里 6 栋电梯") if len(order.reopenings) == 2]
    assert [order.status for order in lift] == [Status.ON_HOLD]


@pytest.mark.parametrize("as_of", DAYS)
def test_activities_all_look_alike_and_the_same_residents_come(as_of: date) -> None:
    rng = Random(42)
    activities = gatherings.activities(as_of, rng)
    held = [one for one in activities if one.status is ActivityStatus.HELD]
    came = list(gatherings.attendances(activities, as_of, rng))
    assert 130 <= len(held) <= 190
    assert max(one.held_on for one in held) < as_of
    assert min(one.held_on for one in activities if one.status is ActivityStatus.PLANNED) > as_of
    assert [one.format for one in held[-11:]].count(Format.LECTURE) == 8
    assert not {Format.DELIBERATION, Format.CRAFT} & {one.format for one in activities}

    recent = [one for one in came if one["held_on"].date() >= as_of - timedelta(days=91)]
    people = {one["resident"]: one for one in recent}
    bands = Counter(one["age_band"] for one in people.values())
    assert len(recent) / len(people) > 1.9, "the same ones come again"
    assert 0.04 < len(people) / community.RESIDENTS < 0.10
    assert (bands["60-74"] + bands["75+"]) / len(people) > 0.6
    assert bands["18-35"] / len(people) < 0.05

    visits = [
        sum(
            as_of - timedelta(days=365 * (y + 1)) <= one["held_on"].date() < as_of - timedelta(days=365 * y)
            for one in came
        )
        for y in (2, 0)
    ]
    unique = [
        len(
            {
                one["resident"]
                for one in came
                if as_of - timedelta(days=365 * (y + 1)) <= one["held_on"].date() < as_of - timedelta(days=365 * y)
            }
        )
        for y in (2, 0)
    ]
    assert visits[1] / unique[1] > visits[0] / unique[0], "visits grow faster than people"


@pytest.mark.parametrize("as_of", DAYS)
def test_stationed_organisations_tell_of_unclear_goals(as_of: date) -> None:
    held = gatherings.activities(as_of, Random(1))
    made = partners.partners(as_of, held)
    assert [one.name for one in made.organizations] == [one.name for one in community.STATIONED]
    kinds = Counter(one.kind for one in made.organizations)
    assert kinds == {OrganizationKind.PUBLIC_BODY: 6, OrganizationKind.ENTERPRISE: 9}
    assert max(part.on for part in made.engagements) <= as_of
    last: dict[str, date] = {}
    for part in sorted(made.engagements, key=lambda part: part.on):
        if part.took_part:
            last[part.organization_id] = part.on
    silent = [one for one in made.organizations if (as_of - last.get(one.id, date(2000, 1, 1))).days > 183]
    assert 6 <= len(silent) <= 10, "about half"
    of = {one.id: [task for task in made.tasks if task.project_id == one.id] for one in made.projects}
    unclear = {one.name for one in made.projects if gaps(one, of[one.id])}
    assert unclear == {"企地共建文明小区", "健身器材更换共建"}
    money = [one for one in made.needs if one.kind is GiftKind.MONEY]
    assert money
    assert not any(one.kind is GiftKind.MONEY for one in made.resources)
    assert all(one.state is NeedState.OPEN for one in money)
    for need in made.needs:
        first = organizations.suggest(need, made.resources, as_of)[:1]
        if need.what == "幸福里楼道照明检修电工":
            assert [one.resource.what for one in first] == ["电工焊工维修志愿队"]


def test_the_same_day_gives_the_same_documents() -> None:
    again = history.work_orders(DAYS[0], estate.facilities(DAYS[0]), Random(42))
    assert [one.to_document() for one in again] == [one.to_document() for one in _orders(DAYS[0])]
    pairs = []
    for _ in range(2):
        rng = Random(42)
        activities = gatherings.activities(DAYS[0], rng)
        pairs.append((activities, list(gatherings.attendances(activities, DAYS[0], rng))))
    assert pairs[0] == pairs[1]
    assert estate.facilities(DAYS[0]) == estate.facilities(DAYS[0])


# --- the load
def test_loaded_whole_counters_agree_and_every_document_is_its_record(store: Store, admin: Actor) -> None:
    """Over what a killed load left, which is cleared."""
    cid = estate.COMMUNITY_ID
    stray = Person(id=estate.person_id("secretary"), community_id=cid, name="半途")
    store.db["people"].insert_one(stray.to_document())
    store.db["monthly_counts"].insert_one(
        {"_id": "x", "community_id": cid, "subject": "s", "level": "month", "period": "2026-01"}
    )
    store.db["meta"].insert_one({"_id": "loading", "by": "dead", "until": store.clock() - timedelta(seconds=1)})
    demo.load(store)  # the fixture's clock: 2026-04-02, 16:30
    assert store.db["people"].count_documents({"name": "半途"}) == 0
    (entry,) = audit.trail(store, admin, cid, audit.Search(operation="seed"))
    assert entry.name == "D社区", "the trail calls it as people do"
    assert recount.check(store, admin, cid) == []

    end = history.end_of_history(date(2026, 4, 2))
    ids = {name: {one["_id"] for one in store.db[name].find({}, {"_id": 1})} for name in RECORDS}
    for name, record in RECORDS.items():
        refs = {
            spec.name: spec.mark.to for spec in field_specs(record).values() if spec.kind == "ref" and not spec.many
        }
        for document in store.db[name].find({}):
            assert record.from_document(document).to_document() == document
            assert document["created_at"] <= end
            assert document["updated_at"] <= end
            for field, to in refs.items():  # type: ignore[attr-defined]
                assert document.get(field) is None or document[field] in ids[to], (name, field)
    for record in (Person, Grid, Post, Facility, WorkOrder, Activity, Attendance):
        assert store.db[record.collection].count_documents({"community_id": cid})
    here = store.get(admin, Community, cid, cid)
    assert (here.households, here.residents, here.demonstration) == (3034, 9102, True)
    assert sum(one.count for one in here.population) == 9102
    assert store.db["audit"].count_documents({}) == 1
    assert store.next_number(admin, cid, "work_orders") == store.db["work_orders"].count_documents({}) + 1


def test_refused_where_there_is_a_community(store: Store, admin: Actor) -> None:
    own = Community(id="c1", community_id="c1", code="C1", name="桂花社区")
    store.insert(admin, own)
    with pytest.raises(Occupied, match="桂花社区"):
        demo.load(store)
    assert store.db["work_orders"].count_documents({}) == 0
    assert store.db["meta"].count_documents({"_id": "loading"}) == 0


def test_before_half_past_seven_the_history_ends_the_day_before(store: Store) -> None:
    early = Store(store.client, store.db.name, lambda: datetime(2026, 4, 1, 23, 0, tzinfo=UTC))  # 07:00 on 2 April
    assert demo.default_as_of(early) == date(2026, 4, 1)
    assert demo.default_as_of(store) == date(2026, 4, 2)


# --- large sets
def _bulk_documents(store: Store) -> dict[str, list[dict[str, object]]]:
    return {name: list(store.db[name].find({}).sort("_id", 1)) for name in RECORDS}


NOT_IN_LARGE_SETS = {"contacts", "special_days", "users", "places", "labels", "import_batches", "saved_mappings"} | {
    "communities",
    "erasures",
    "targets",
    "accepted_deviations",
    "states_noted",
    "presentations",
    "kept_reviews",
}


def _dangling(documents: dict[str, list[dict[str, object]]]) -> list[tuple[str, object, str]]:
    """References to what isn't there."""
    ids = {name: {one["_id"] for one in rows} for name, rows in documents.items()}
    marks = {name: [spec for spec in field_specs(RECORDS[name]).values() if isinstance(spec.mark, Ref)] for name in ids}
    found = []
    for name, rows in documents.items():
        for one in rows:
            for spec in marks[name]:
                value = one.get(spec.name) or ()
                named = value if isinstance(value, list) else [value] if value else []
                found += [(name, one["_id"], spec.name) for each in named if each not in ids[spec.mark.to]]
    return found


def test_large_sets_are_what_the_records_would_write(store: Store, admin: Actor) -> None:
    amounts = {"work_orders": 601, "attendances": 1_200, "rounds": 400, "requests": 601}
    loaded = bulk.load(store, communities=2, **amounts, as_of=date(2026, 4, 2))
    assert (loaded.work_orders, loaded.attendances) == (601, 1_200)
    documents = _bulk_documents(store)
    assert Counter(one["community_id"] for one in documents["work_orders"]) == {"bench-0001": 301, "bench-0002": 300}
    assert len(documents["attendances"]) == 1_200
    assert len(documents["entry_logs"]) == 400
    assert 380 <= len(documents["inspections"]) < 400
    assert any("company_id" in one for one in documents["work_orders"])
    for name, record in RECORDS.items():
        for document in (*documents[name][:150], *documents[name][-150:]):
            assert record.from_document(document).to_document() == document
    assert _dangling(documents) == []
    fullest = Counter(one["activity_id"] for one in documents["sign_ups"] if one["state"] == "signed")
    assert max(fullest.values()) <= desk.PLACES
    came = {(one["activity_id"], one["resident"]) for one in documents["attendances"]}
    named = [one for one in documents["sign_ups"] if not one["forgotten"]]
    assert {one["came"] for one in named} == {True, False}
    assert all(one["came"] == ((one["activity_id"], one["resident"]) in came) for one in named)
    known = {one["_id"]: one for one in documents["requests"]}
    repeats = [(one, known[one["repeat_of"]]) for one in documents["requests"] if "repeat_of" in one]
    assert repeats
    for one, first in repeats:
        assert timedelta() < one["received_at"] - first["received_at"] < timedelta(days=90)  # type: ignore[operator]
        assert one["category"] == first["category"]
        assert any(one.get(key, key) == first.get(key) for key in ("resident", "place_key"))
    assert {"accepted", "resolved", "closed", "referred"} <= {one["status"] for one in documents["requests"]}
    for id in ("bench-0001", "bench-0002"):
        assert recount.check(store, admin, id) == []
        assert store.next_number(admin, id, "requests") == sum(one["community_id"] == id for one in known.values()) + 1
        own = {name: sum(one["community_id"] == id for one in rows) for name, rows in documents.items()}
        few = [name for name, n in own.items() if not n and name not in NOT_IN_LARGE_SETS]
        assert few == []
        assert min(own[name] for name in ("sign_ups", "patrols", "staff_trainings", "engagements")) > 350
        assert (
            store.next_number(admin, id, "work_orders")
            == sum(one["community_id"] == id for one in documents["work_orders"]) + 1
        )
    assert store.db["audit"].count_documents({}) == 1
    end = datetime(2026, 4, 1, 16, tzinfo=UTC)
    for name, moment in (("work_orders", "reported_at"), ("requests", "received_at"), ("sign_ups", "asked_at")):
        assert all(one[at] < end for one in documents[name] for at in (moment, "updated_at"))  # type: ignore[operator]
    assert store.db["meta"].find_one({"_id": "purpose"})["benchmarks"] is True  # type: ignore[index]


def test_the_backlog_does_not_grow_with_history(store: Store) -> None:
    """Weeks of backlog are about the same for 2,000 orders and for 500: the open share falls with the volume's rate."""
    bulk.load(store, work_orders=2_000, as_of=date(2026, 4, 2))
    found = store.db["work_orders"].count_documents({"is_open": True})
    per_week = 2_000 / (5 * 52)
    assert 0.3 * per_week < found < 8 * per_week


def test_what_was_mended_lately_and_is_reported_again_is_a_repeat_some_not_most(store: Store) -> None:
    """As M11 has it, and more in no large set: that has many more orders to a facility."""
    bulk.load(store, work_orders=6_000, as_of=date(2026, 4, 2))
    known = {one["_id"]: one for one in store.db["work_orders"].find()}
    again = [(one, known[one["repeat_of"]]) for one in known.values() if "repeat_of" in one]
    assert 0.03 < len(again) / len(known) <= bulk.REPEATED
    for one, first in again:
        assert timedelta() <= one["reported_at"] - first["ended_at"] <= timedelta(days=30)
        assert all(one[key] == first[key] != "other" for key in ("facility_id", "fault"))


def test_the_same_seed_gives_the_same_set(store: Store) -> None:
    def load() -> dict[str, list[dict[str, object]]]:
        for name in store.db.list_collection_names():
            if name != "migrations":
                store.db[name].delete_many({})
        bulk.load(store, work_orders=50, attendances=120, requests=40, seed=7, as_of=date(2026, 4, 2))
        return _bulk_documents(store)

    assert load() == load()


def test_large_sets_stay_out_of_databases_with_real_work(store: Store, admin: Actor) -> None:
    own = store.insert(admin, Community(id="c1", community_id="c1", code="C1", name="桂花社区"))
    with pytest.raises(Occupied):
        bulk.load(store, work_orders=10)
    store.delete(admin, Community, "c1", "c1", own.revision)
    with pytest.raises(bulk.NotForBenchmarks):
        bulk.load(store, work_orders=10)
    assert store.db["work_orders"].count_documents({}) == 0
    assert store.db["meta"].count_documents({}) == 0
