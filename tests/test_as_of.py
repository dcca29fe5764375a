"""What was true at a moment that is over is told the same whatever was done later; and it is what the raw rows say."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dashboard
from dashboard import data
from dashboard.i18n import translator
from dashboard.navigation import PAGES
from repository import contributions, handling, maintenance, overview, recount, requests, targets, workload
from repository.access import Actor, Role
from repository.filters import Is
from repository.maintenance import Outcome, Priority, Status, WorkOrder, analysis
from repository.metrics import METRICS, Period
from repository.requests import Request
from repository.store import Store, Then, TooMuchSince
from repository.targets import Acceptance, MetricTarget
from seed.estate import COMMUNITY_ID
from tests.as_of import World, differences, told
from tests.conftest import NOW, Clock, first, refill
from tests.drawn import drawn_by_hand, head_of
from tests.test_maintenance_figures import NOW as FIGURED
from tests.test_maintenance_figures import random_order

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Actor("office", "办公室", Role.ADMIN)
OTHER = Actor("other", "另一人", Role.ADMIN)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=[True, False], ids=["what has passed of the month", "what is left of it"])
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which part of the month it is found out what is counted for it."""
    monkeypatch.setattr("repository.store.then._is_early", lambda _moment, _month: request.param)


def some(world: World, record: type[Any], where: dict[str, Any]) -> Any:
    """One of these records, or None."""
    found = world.store.find(OFFICE, record, "d", where, sort=[("_id", 1)])
    return world.random.choice(found) if found else None


# --- work orders
def repair(world: World) -> None:
    """One random step of repairs."""
    store, rng, now = world.store, world.random, world.clock.now
    order = some(world, WorkOrder, {})
    if order is None or rng.random() < 0.3:
        maintenance.log_repair(
            store, OFFICE, "d", fault=rng.choice(["loose", "leak", "other"]),
            facility_id=rng.choice(["d-F-01", "d-F-02"]), priority=rng.choice(list(Priority)),
            due_at=now + timedelta(hours=rng.choice([2, 30, 24 * 20])) if rng.random() < 0.8 else None,
            dangerous=rng.random() < 0.15, assignee_id=rng.choice(["d-li", "d-wang", None]),
            estimated_hours=rng.choice([None, 2.0, 8.0]),
        )  # fmt: skip
        return
    what = rng.randrange(11)
    if what == 10:
        other = some(world, WorkOrder, {"is_open": True, "_id": Is(ne=order.id)})
        maintenance.merge(store, OFFICE, "d", order.id, order.revision, (other or order).id)
    elif what == 9:
        changes = {"assignee_id": rng.choice(["d-li", "d-wang"]), "priority": rng.choice(list(Priority))}
        maintenance.change_many(store, OFFICE, "d", {order.id: order.revision}, changes, reason="换人")
    elif what == 8:
        maintenance.edit(store, OFFICE, "d", order.id, order.revision, {"dangerous": True})
    elif what == 0:
        maintenance.assign(store, OFFICE, "d", order.id, order.revision, rng.choice(["d-li", "d-wang", "d-zhao"]))
    elif what == 1 and order.due_at:
        later = {"due_at": max(order.due_at, now) + timedelta(hours=rng.randrange(1, 900))}
        maintenance.edit(store, OFFICE, "d", order.id, order.revision, later, reason="等配件")
    elif what == 2:
        wanted = {"priority": rng.choice(list(Priority))}
        maintenance.edit(store, OFFICE, "d", order.id, order.revision, wanted, reason="情况变了")
    elif what == 3:
        mended = rng.random() < 0.7
        maintenance.confirm(store, OTHER, "d", order.id, mended=mended, satisfaction=rng.randrange(1, 6))
    elif what == 4:
        maintenance.add_effort(store, OFFICE, "d", order.id, order.revision, hours=1.5, cost_cents=900)
    else:
        to = rng.choice(sorted(maintenance.TRANSITIONS[order.status]))
        outcome = rng.choice([Outcome.CANCELLED, Outcome.REFERRED]) if to is Status.CLOSED else None
        who = OTHER if to is Status.VERIFIED else OFFICE
        given = {
            "note": "说明",
            "hold_reason": "等配件",
            "outcome": outcome,
            "assignee_id": order.assignee_id or "d-li",
        }
        maintenance.move(store, who, "d", order.id, order.revision, to, **given)


PERIODS = ("month", "quarter", "year", "ever")


def all_of_repairs(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list of repairs at a moment."""
    told: dict[str, Any] = {}
    local = at.astimezone(SHANGHAI)
    for kind in PERIODS:
        period = Period.containing(kind, local.date())
        for grids in (None, frozenset({"d-g1"})):
            for category in (None, "fitness"):
                key = f"{kind} {grids} {category}"
                told[f"{key} review"] = maintenance.work_review(store, OFFICE, "d", period, grids, category, now=local)
                told[f"{key} quality"] = maintenance.quality(store, OFFICE, "d", period, grids, category, now=local)
            told[f"{kind} {grids} glance"] = maintenance.work_glance(store, OFFICE, "d", period, grids, now=local)
        told[f"{kind} grids"] = maintenance.work_by_grid(store, OFFICE, "d", period, now=local)
        told[f"{kind} companies"] = maintenance.company_scores(store, OFFICE, "d", period, now=local)
        for by in ("fault", "facility_id"):
            told[f"{kind} {by}"] = maintenance.ranking(store, OFFICE, "d", by, period, now=local)
        for figure in maintenance.Behind:
            told[f"{kind} {figure}"] = maintenance.work_behind(store, OFFICE, "d", period, figure=figure, now=local)
    for side in analysis.Side:
        told[f"ageing {side}"] = maintenance.ageing(store, OFFICE, "d", side, now=local)
    for show in maintenance.Show:
        told[f"list {show}"] = maintenance.work_list(store, OFFICE, "d", now=local, show=show)
    told["urgent"] = maintenance.urgent(store, OFFICE, "d", now=local)
    told["dangers"] = maintenance.standing_dangers(store, OFFICE, "d", now=local)
    told["hazards"] = maintenance.hazard_review(store, OFFICE, "d", Period.containing("year", local.date()), now=local)
    people = ["d-li", "d-wang", "d-zhao"]
    day = local.date()
    told["people"] = maintenance.work_of(store, OFFICE, "d", people, day.replace(day=1), day, now=local)
    told["loads"] = maintenance.load_of(store, OFFICE, "d", people, [f"{day:%Y-%m}"])
    return told


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("seed", first(1, range(3)))
def test_repairs_of_a_past_moment_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    World(yard, clock, seed).holds(repair, all_of_repairs, before=45, after=45, past=Then)


# --- requests
def reception(world: World) -> None:
    """One random step of requests."""
    store, rng, now = world.store, world.random, world.clock.now
    one = some(world, Request, {})
    if one is None or rng.random() < 0.3:
        facts = {
            "text": rng.choice(["电梯停了", "路灯不亮", "楼道太脏"]), "grid_id": rng.choice(["d-g1", "d-g2"]),
            "category": rng.choice(list(requests.Topic)), "urgency": rng.choice(list(requests.Urgency)),
            "place": rng.choice(["1 栋", "2 栋", None]), "responsible_id": rng.choice(["d-li", "d-wang", None]),
        }  # fmt: skip
        requests.take_request(store, OFFICE, "d", facts)
        return
    args = (store, OFFICE, "d", one.id, one.revision)
    what = rng.randrange(12)
    if what == 11:
        requests.become_order(*args, fault="leak", facility_id="d-F-01")
    elif what == 0:
        requests.accept(*args, responsible_id=rng.choice(["d-li", "d-wang"]))
    elif what in (1, 2, 3):
        requests.resolve(*args, answer="已修好")
    elif what == 4:
        requests.decline(*args, reason="不归社区管")
    elif what == 5:
        requests.refer(*args, to="街道")
    elif what in (6, 7):
        reached = rng.random() < 0.8
        said = {"solved": rng.random() < 0.6, "satisfaction": rng.choice(list(requests.Satisfaction))}
        requests.call_back(*args, reached=reached, **(said if reached else {}))
    elif what == 8:
        requests.reopen(*args, reason="又坏了")
    elif what == 9 and one.deadline_at:
        later = {"deadline_at": max(one.deadline_at, now) + timedelta(hours=rng.randrange(1, 400))}
        requests.edit_request(*args, later, reason="等材料")
    else:
        requests.mark(*args, rng.choice([requests.OutcomeKind.IDEA, requests.OutcomeKind.MEETING]))


def all_of_requests(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure and list of requests at a moment."""
    told: dict[str, Any] = {}
    local = at.astimezone(SHANGHAI)
    for kind in PERIODS:
        period = Period.containing(kind, local.date())
        for grids in (None, frozenset({"d-g1"})):
            told[f"{kind} {grids}"] = requests.request_review(store, OFFICE, "d", period, grids, now=local)
            told[f"{kind} {grids} themes"] = requests.themes(store, OFFICE, "d", period, grids, now=local)
        told[f"{kind} grids"] = requests.requests_by_grid(store, OFFICE, "d", period, now=local)
        for show in requests.Show:
            told[f"{kind} {show}"] = requests.request_list(store, OFFICE, "d", now=local, show=show, period=period)
    told["glance"] = requests.request_glance(store, OFFICE, "d", now=local)
    day = local.date()
    people = ["d-li", "d-wang"]
    told["answered"] = requests.answered_by(store, OFFICE, "d", people, day.replace(day=1), day)
    told["received"] = requests.received_for(store, OFFICE, "d", people, day.replace(day=1), day)
    return told


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("seed", first(1, range(3)))
def test_requests_of_a_past_moment_stay_as_they_were(yard: Store, clock: Clock, seed: int) -> None:
    World(yard, clock, seed).holds(reception, all_of_requests, before=45, after=45, past=Then)


# --- targets, and what crosses areas
def wanting(world: World) -> None:
    """One random step of what is wanted of the figures."""
    store, rng = world.store, world.random
    today = world.clock.now.astimezone(SHANGHAI).date()
    accepted = some(world, Acceptance, {"withdrawn_on": None})
    what = rng.randrange(4)
    if what == 0 and accepted is not None:
        targets.take_back(store, OFFICE, "d", accepted.id, accepted.revision)
    elif what == 1:
        answered = {
            "metric": "work_overdue",
            "until": today + timedelta(days=40),
            "reason": "换人",
            "accepted_by": "书记",
        }
        targets.accept_deviation(store, OFFICE, "d", answered)
    else:
        metric = rng.choice(["work_open", "work_overdue", "requests_overdue"])
        there = store.find(OFFICE, MetricTarget, "d", {"metric": metric})
        wanted = {"from_on": today - timedelta(days=rng.choice([0, 3])), "direction": "lower"}
        wanted |= {"high": rng.randrange(9), "note": "先试"}
        revision = there[0].revision if there else 0
        targets.set_target(store, OFFICE, "d", metric, wanted, revision=revision)


def anything(world: World) -> None:
    """One random step of anything here."""
    world.random.choice([repair, repair, reception, reception, wanting])(world)


def all_across(store: Store, at: datetime) -> dict[str, Any]:
    """Every figure of repairs and requests that is told elsewhere, and what they are held to."""
    told: dict[str, Any] = {}
    local = at.astimezone(SHANGHAI)
    for kind in PERIODS:
        period = Period.containing(kind, local.date())
        told[f"{kind} handling"] = handling.handling(store, OFFICE, "d", period, now=local)
        told[f"{kind} workload"] = workload.workload(store, OFFICE, "d", period, now=local)
        told[f"{kind} repairs"] = overview.repairs(store, OFFICE, "d", period, now=local)
        own = [key for key in contributions.EXPLAINED if {*METRICS[key].of} <= {"work_orders", "requests"}]
        for metric in own:
            told[f"{kind} {metric}"] = contributions.moved(store, OFFICE, "d", period, metric, now=local)
    for show in (requests.Show.TO_ANSWER, requests.Show.OPEN, requests.Show.ALL):
        told[f"list {show}"] = requests.request_list(store, OFFICE, "d", now=local, show=show)
    told["requests"] = overview.of_requests(store, OFFICE, "d", now=local)
    told["targets"] = targets.targets(store, OFFICE, "d", on=local.date())
    return told


@pytest.mark.parametrize("seed", first(1, range(3)))
def test_what_rests_on_them_stays_as_it_was(yard: Store, clock: Clock, seed: int) -> None:
    World(yard, clock, seed).holds(anything, all_across, before=50, after=50, past=Then)


@pytest.mark.parametrize("seed", first(1, range(2)))
def test_what_moved_it_adds_up_whatever_was_done(yard: Store, clock: Clock, seed: int) -> None:
    world = World(yard, clock, seed)
    told = 0
    for _ in range(3):
        world.do(anything, 50)
        local = clock.now.astimezone(SHANGHAI)
        for kind, grids in (("month", None), ("quarter", frozenset({"d-g1"}))):
            period = Period.containing(kind, local.date())
            for metric in sorted(contributions.EXPLAINED):
                parts = [
                    contributions.made_of(yard, OFFICE, "d", each, metric, grids, now=local)
                    for each in (period.previous, period)
                ]
                found = contributions.compared(*parts)
                if found is None:
                    continue
                some = [
                    by for by in parts[1].by if any(map(any, [*parts[0].by[by].values(), *parts[1].by[by].values()]))
                ]
                assert found.by.keys() == {*some, *parts[1].blends}, f"{metric} does not add up"
                told += len(found.by)
    assert told > 20


def whole_glance(store: Store, at: datetime) -> dict[str, Any]:
    """All that Overview tells at a moment, but of activities."""
    local = at.astimezone(SHANGHAI)
    told: dict[str, Any] = {}
    for kind in PERIODS:
        period = Period.containing(kind, local.date())
        for grids in (None, frozenset({"d-g1"})):
            found = overview.glance(store, OFFICE, "d", period, grids, now=local)
            # who took part in what lasts is told of no past day; see tests/test_as_of_activities.py
            told[f"{kind} {grids}"] = {name: getattr(found, name) for name in ("grids", "rows", "actions")} | {
                "concerns": found.concerns[:2],
                "values": [value for value in found.values if value.metric.key != "participation_rate"],
                "needs": [each for each in found.attention.needs if each.value.metric.key != "participation_rate"],
            }
            told[f"{kind} {grids} systems"] = overview.systems(store, OFFICE, "d", period, grids, now=local)
        told[f"{kind} compare"] = overview.compare(store, OFFICE, "d", period, now=local)
    return told


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("seed", first(1, range(3)))
def test_overview_of_a_past_moment_stays_as_it_was(yard: Store, clock: Clock, seed: int) -> None:
    World(yard, clock, seed).holds(anything, whole_glance, before=45, after=45, past=Then)


# --- one record
@given(st.integers(0, 10**9), st.integers(0, 800 * 86_400), st.integers(0, 800 * 86_400))
def test_what_was_of_what_was_is_what_was(seed: int, first: int, second: int) -> None:
    """Of any order: looking back at once or in two steps tells the same, and at its last step what stands there."""
    order = random_order(Random(seed), seed % 50).to_document()
    earlier, later = (FIGURED - timedelta(seconds=ago) for ago in sorted((first, second), reverse=True))
    assert WorkOrder.as_it_stood(order, FIGURED + timedelta(days=60), {}, SHANGHAI) == order
    between = WorkOrder.as_it_stood(order, later, {}, SHANGHAI)
    at_once = WorkOrder.as_it_stood(order, earlier, {}, SHANGHAI)
    assert at_once == (None if between is None else WorkOrder.as_it_stood(between, earlier, {}, SHANGHAI))
    assert (at_once is None) == (order["reported_at"] > earlier)
    if at_once is not None:
        spells = [*order["reopenings"], order]
        over = any(
            spell.get("ended_at")
            and spell["ended_at"] <= earlier < spell.get("reopened_at", FIGURED + timedelta(days=1))
            for spell in spells
        )
        assert at_once["is_open"] is not (over or not (order["is_open"] or order.get("ended_at")))


def test_the_same_of_requests_and_orders_that_people_worked_on(yard: Store, clock: Clock) -> None:
    world = World(yard, clock, 5)
    began = clock.now
    world.do(anything, 160)
    for record in (WorkOrder, Request):
        for document in yard.db[record.collection].find({"community_id": "d"}):
            assert record.as_it_stood(document, clock.now, {}, SHANGHAI) == document
            for _ in range(4):
                span = (clock.now - began).total_seconds()
                earlier, later = sorted(began + timedelta(seconds=world.random.uniform(0, span)) for _ in range(2))
                between = record.as_it_stood(document, later, {}, SHANGHAI)
                at_once = record.as_it_stood(document, earlier, {}, SHANGHAI)
                again = None if between is None else record.as_it_stood(between, earlier, {}, SHANGHAI)
                assert differences(told(at_once), told(again)) == []


@pytest.mark.parametrize(
    "ago", first(1, [timedelta(days=9, hours=5), timedelta(days=96), timedelta(days=400, hours=3)])
)
def test_the_past_of_orders_from_anywhere_is_that_of_orders_that_went_no_further(
    yard: Store, admin: Actor, ago: timedelta
) -> None:
    """Orders without a story, with an end that nobody knows: asked as of then, and asked where nothing has happened to
    them since. What ended before it was reported, years before perhaps, is where it was put by mistake."""
    moment, rng = FIGURED - ago, Random(20260402)
    orders = [random_order(rng, number).to_document() for number in range(320)]
    orders = [order for order in orders if not order["flags"]]
    then = [WorkOrder.as_it_stood(order, moment, {}, SHANGHAI) for order in orders]
    answers = []
    for documents, store in ((orders, Then(yard, moment)), ([one for one in then if one], yard)):
        refill(yard, {WorkOrder.collection: documents})
        recount.rebuild(yard, admin, "d")
        answers.append(told(all_of_repairs(store, moment)))
    found = differences(*answers)
    assert not found, "\n".join([f"{len(found)} differ", *found[:25]])


# --- against the raw rows
DAY = date(2026, 3, 17)
END = datetime(2026, 3, 17, 23, 59, 59, 999000, tzinfo=SHANGHAI)


@pytest.fixture
def demo(demo_uri: str, clock: Clock) -> Iterator[Store]:
    store = Store.connect(demo_uri, clock=clock)
    yield store
    store.close()


def rows_of(store: Store, record: type[Any]) -> pd.DataFrame:
    rows = pd.DataFrame(list(store.db[record.collection].find({"community_id": COMMUNITY_ID})))
    for name in ("reopenings", "postponements", "callbacks", "flags"):
        if name in rows:
            rows[name] = rows[name].map(lambda each: each if isinstance(each, list) else [])
    return rows.astype(object).where(rows.notna(), None)


def spells_of(row: Any, began: str) -> list[tuple[datetime, datetime | None]]:
    """From when to when it was owed."""
    spells, start = [], row[began]
    for past in row["reopenings"]:
        spells.append((start, past["ended_at"]))
        start = past["reopened_at"]
    return [*spells, (start, row["ended_at"])] if row["ended_at"] or row["is_open"] else spells


def due_then(row: Any, due: str) -> datetime | None:
    later = [put["due_before"] for put in row["postponements"] if put["at"] > END]
    found: datetime | None = later[0] if later else row[due]
    return found


def owed_then(row: Any, began: str) -> bool:
    return any(start <= END and (end is None or end > END) for start, end in spells_of(row, began))


def test_a_demonstration_day_in_the_midst_of_a_month_is_what_the_rows_say(demo: Store) -> None:
    month, then = Period.of("2026-03"), Then(demo, END)
    begins = datetime(2026, 3, 1, tzinfo=SHANGHAI)
    orders = rows_of(demo, WorkOrder)
    owed = orders[orders.apply(owed_then, axis=1, args=("reported_at",))]
    late = owed[[due is not None and due < END for due in (due_then(row, "due_at") for _, row in owed.iterrows())]]
    endings = [
        end
        for _, row in orders.iterrows()
        for _start, end in spells_of(row, "reported_at")
        if end is not None and begins <= end <= END
    ]
    opened = orders[[begins <= at <= END for at in orders["reported_at"]]]
    review = maintenance.work_review(then, OFFICE, COMMUNITY_ID, month, now=END)
    assert 0 < len(late) < len(owed)
    assert (review.figures.open.value, review.figures.overdue.value) == (len(owed), len(late))
    assert (review.course[-1].opened, review.course[-1].ended) == (len(opened), len(endings))
    assert sum(band.open for band in review.ages) == len(owed)
    days = [(DAY - at.astimezone(SHANGHAI).date()).days for at in owed["reported_at"]]
    assert [band.open for band in review.ages] == [
        sum(band.low <= each and (band.high is None or each <= band.high) for each in days) for band in review.ages
    ]
    listed = maintenance.work_behind(then, OFFICE, COMMUNITY_ID, month, figure=maintenance.Behind.OVERDUE, now=END)
    assert {row.order.number for row in listed.rows} == set(late["number"])
    assert all(row.order.is_open and row.order.reported_at <= END for row in listed.rows)
    answered = orders[[bool(at) and begins <= at <= END for at in orders["responded_at"]]]
    took = [row["respond_seconds"] / 3600 for _, row in answered.iterrows() if row.get("respond_seconds") is not None]
    assert review.figures.respond.n == len(took)
    assert review.figures.respond.value == pytest.approx(float(np.median(took)))

    asked = rows_of(demo, Request)
    open_then = asked[asked.apply(owed_then, axis=1, args=("received_at",))]
    overdue = [row for _, row in open_then.iterrows() if (due := due_then(row, "deadline_at")) and due < END]
    found = requests.request_review(then, OFFICE, COMMUNITY_ID, month, now=END)
    assert (found.open.value, found.overdue.value) == (len(open_then), len(overdue))
    assert found.received.value == sum(begins <= at <= END for at in asked["received_at"])
    calls = [
        call
        for calls in asked["callbacks"]
        for call in calls
        if call["reached"] and date(2026, 3, 1) <= call["on"].date() <= DAY
    ]
    assert found.response.n == len(calls)
    assert sum(found.grades.values()) == sum(bool(call.get("satisfaction")) for call in calls)


# --- the frame
def test_a_past_day_is_chosen_by_the_address(visit: Any, demo_uri: str) -> None:
    page = visit(demo_uri, "overview", lang="en", as_of="2026-03-17")
    assert not page.exception
    said = " ".join(each.value for each in page.markdown)
    assert "As it was at the end of" in said
    assert "as of 2026-03-17 23:59" in head_of(page).text
    page.button(key="back-to-today").click().run()
    assert "as_of" not in page.query_params
    assert not any("As it was" in each.value for each in page.markdown)


@pytest.mark.parametrize(
    "wish", ["nonsense", "2026-02-30", "2999-01-01", "2026-04-02", "0001-01-01", "1995-05-05", "２０２６-03-17"]
)
def test_a_day_that_is_none_is_today(visit: Any, demo_uri: str, wish: str) -> None:
    page = visit(demo_uri, "overview", lang="en", as_of=wish)
    assert not page.exception
    assert "as_of" not in page.query_params
    assert not any("As it was" in each.value for each in page.markdown)


@pytest.mark.parametrize("row", [row.key for row in PAGES if row.shown])
def test_every_page_opens_on_a_past_day(visit: Any, demo_uri: str, row: str) -> None:
    page = visit(demo_uri, row, lang="zh", as_of="2026-03-17")
    assert not page.exception
    assert page.query_params["as_of"] in ("2026-03-17", ["2026-03-17"])


def test_a_page_that_cannot_look_back_says_that_it_is_todays(visit: Any, demo_uri: str) -> None:
    page = visit(demo_uri, "data", lang="en", as_of="2026-03-17")
    assert any("This page shows today" in each.value for each in page.caption)
    assert not any("As it was" in each.value for each in page.markdown)


@pytest.mark.parametrize(
    ("wish", "day", "period"),
    [
        ("", "2026-02-17", "2026Q1"),
        ("month", "2026-02-17", "2026-02"),
        ("year", "2025-12-31", "2025"),
        ("ever", "2026-02-17", "ever"),
        ("2025Q4", "2026-02-17", "2025Q4"),
        ("2026-04", "2026-02-17", "2026-02"),
    ],
)
def test_the_period_is_the_one_the_day_lies_in(visit: Any, demo_uri: str, wish: str, day: str, period: str) -> None:
    page = visit(demo_uri, "requests", lang="en", as_of=day, **({"period": wish} if wish else {}))
    view = page.session_state["view"]
    assert (view.period.key, f"{view.now:%Y-%m-%d %H:%M:%S}") == (period, f"{day} 23:59:59")
    assert view.present == NOW
    assert view.today.now == NOW


def test_links_keep_the_day_and_a_wall_stands_still(visit: Any, demo_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh: list[bool] = []
    monkeypatch.setattr(data, "keep_fresh", lambda: fresh.append(True))
    page = visit(demo_uri, "overview", lang="en", as_of="2026-03-17")
    links = drawn_by_hand(page).links
    assert links
    assert all(link.query["as_of"] == "2026-03-17" for link in links)
    assert "had to be done" in drawn_by_hand(page).text
    assert not fresh
    visit(demo_uri, "overview", lang="en")
    assert fresh


def test_what_is_opened_from_a_past_list_is_as_it_is_now(visit: Any, demo_uri: str, demo: Store) -> None:
    local = datetime(2026, 3, 17, 23, 59, 59, 999000, tzinfo=SHANGHAI)
    there = maintenance.work_list(Then(demo, END), OFFICE, COMMUNITY_ID, now=local)
    over = [
        found
        for row in there.rows
        if (found := demo.get(OFFICE, WorkOrder, COMMUNITY_ID, row.order.id)).status not in maintenance.OPEN
    ]
    page = visit(demo_uri, "maintenance", lang="en", as_of="2026-03-17", order=over[0].id)
    assert not page.exception
    assert page.session_state["view"].past is not None
    said = " ".join(each.value for each in page.markdown)
    assert translator("en")(over[0].status.label) in said
    assert "As it was" in said


def test_a_page_of_a_past_day_reads_what_changed_since_once(
    visit: Any, demo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    plain = Then._read
    monkeypatch.setattr(data, "_then", None)
    monkeypatch.setattr(Then, "_read", lambda self, *of: [read.append(of[0]), plain(self, *of)][1])
    visit(demo_uri, "maintenance", lang="en", as_of="2026-03-17")
    assert WorkOrder in read
    assert len(read) == len(set(read))


def test_what_is_done_now_changes_no_past_day_that_is_looked_at(visit: Any, yard: Store, mongodb_uri: str) -> None:
    made = [
        maintenance.log_repair(yard, OFFICE, "d", fault="loose", facility_id="d-F-01", reported_at=NOW - ago)
        for ago in (timedelta(days=9), timedelta(days=3))
    ]
    page = visit(mongodb_uri, "maintenance", lang="zh", as_of="2026-03-28")
    orders = page.dataframe[0].value["工单"].tolist()
    assert orders == [made[0].number]
    maintenance.move(yard, OFFICE, "d", made[0].id, made[0].revision, Status.DONE)
    assert page.run().dataframe[0].value["工单"].tolist() == orders
    page = visit(mongodb_uri, "maintenance", lang="zh")
    assert page.dataframe[0].value["工单"].tolist() == [made[1].number]


def test_no_command_is_given_the_past() -> None:
    """What is done is done now: no call of ``tell`` names the ``now`` of the view."""
    for path in Path(dashboard.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            if {ast.unparse(each) for each in (node.func, *node.args[:1])} & {"tell", "data.tell"}:
                assert "view.now" not in ast.unparse(node), f"{path.name}:{node.lineno}"


def test_what_is_over_is_not_written(yard: Store) -> None:
    with pytest.raises(TypeError):
        repair(World(Then(yard, END), Clock()))


# --- what is too much
@pytest.mark.parametrize("ago", [20, 200, 600])
def test_what_was_over_by_then_or_came_since_is_not_looked_through(
    yard: Store, monkeypatch: pytest.MonkeyPatch, ago: int
) -> None:
    week, many = timedelta(days=7), 700
    yard.db["work_orders"].insert_many(
        WorkOrder(
            community_id="d", number=f"W-{number}", fault="loose", category="other", status=Status.VERIFIED,
            outcome=Outcome.COMPLETED, reported_at=at, ended_at=at + week,
        ).to_document()
        for number, at in ((days, NOW - timedelta(days=days)) for days in range(8, many))
    )  # fmt: skip
    found: list[int] = []
    plain = Then._looked_up
    monkeypatch.setattr(Then, "_looked_up", lambda *of: [(rows := plain(*of)), found.append(len(rows))][0])
    then = Then(yard, NOW - timedelta(days=ago))
    assert maintenance.work_list(then, OFFICE, "d", now=then.moment).total == 7
    assert sum(found) < 16 + 15 + 3  # twice as long as it lasted, the lesser part of a month


def test_what_is_too_much_for_one_question_is_said(yard: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(12):
        maintenance.log_repair(yard, OFFICE, "d", fault="leak", place="路口", description="字" * 4_000)
    end = clock.now + timedelta(hours=1)
    clock.now += timedelta(days=3)
    for order in yard.find(OFFICE, WorkOrder, "d", {}):
        maintenance.move(yard, OFFICE, "d", order.id, order.revision, Status.IN_PROGRESS)
    then, ever = Then(yard, end), Period.of("ever")
    assert maintenance.work_list(then, OFFICE, "d", now=end).total == 12
    since = then._since["work_orders", "d"]
    then._since["work_orders", "d"] = replace(since, were=since.were * 120)  # 17 MB
    for ask in (maintenance.work_list, lambda *args, now: maintenance.work_review(*args, ever, now=now)):
        with pytest.raises(TooMuchSince):
            ask(then, OFFICE, "d", now=end)
    monkeypatch.setattr("repository.store.then.PAST_SECONDS", 0.0001)
    with pytest.raises(TooMuchSince):
        maintenance.work_review(Then(yard, end), OFFICE, "d", ever, now=end)


def test_a_page_says_that_a_day_is_too_long_ago(visit: Any, demo_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repository.store.then.PAST_SECONDS", 0.0001)
    for row in ("overview", "maintenance", "facilities"):
        data.forget()
        page = visit(demo_uri, row, lang="en", as_of="2026-03-17")
        assert not page.exception
        assert ["Too much has happened since that day" in each.value for each in page.error] == [True]
        assert page.button(key="back-to-today")
