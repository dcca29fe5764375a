"""Any range of months: one key for each span, flows that are the sums of its months, and nothing of people that months,
quarters and years do not tell."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import combinations
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import i18n
from dashboard.navigation import PAGES
from repository import checkin, patrols, review
from repository.access import Actor, Role
from repository.activities import Activity, Attendance, figures, residents_of_grid, residents_review
from repository.activities.metrics import PARTICIPATION
from repository.disclosure import siblings
from repository.grids import Community, Grid
from repository.meetings import plan_meeting
from repository.metrics import LONGEST, Period, PeriodTrouble
from repository.requests import request_review, themes
from repository.store import Store, Then
from repository.targets import Span, set_target, standard
from tests.conftest import NOW
from tests.drawn import head_of

LOCAL = NOW.astimezone(ZoneInfo("Asia/Shanghai"))
ADMIN = Actor("a", "管理员", Role.ADMIN)
RANGE = Period.of("2025-11..2026-03")
Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def demo(demo_uri: str) -> Iterator[Store]:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    yield store
    store.close()


# --- periods
def month(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


@given(st.integers(1900 * 12, 2199 * 12), st.integers(1, LONGEST))
def test_each_span_has_one_key_and_neighbours_as_long(begin: int, length: int) -> None:
    period = Period.of(f"{month(begin)}..{month(begin + length - 1)}")
    assert period == Period.of(period.key)
    assert period.months == [month(number) for number in range(begin, begin + length)]
    assert period.last + timedelta(days=1) == period.following.first
    assert period.previous.following == period == period.following.previous
    assert period.previous.kind == period.kind == period.year_before.kind
    assert period.year_before.months == [month(number - 12) for number in range(begin, begin + length)]
    for kind in ("month", "quarter", "year"):
        whole = Period.containing(kind, period.first)
        assert (period.kind == kind) is (whole.months == period.months)
        assert (period == whole) is (period.kind == kind)
    assert bool(siblings(period.key)) is (period.kind != "range"), "different people are told on the lattice alone"


def test_the_keys_of_the_lattice_stay_in_use() -> None:
    spelt = {"2026-01..2026-03": "2026Q1", "2026-01..2026-12": "2026", "2026-05..2026-05": "2026-05"}
    assert {each: Period.of(each).key for each in spelt} == spelt
    assert Period.of("2026-02..2026-04").kind == "range"
    assert Period.of("2026").year_before.key == "2025"
    assert Period.of("2026Q1").year_before.key == "2025Q1"
    assert Period.of("ever").year_before == Period.of("ever")
    with pytest.raises(KeyError):
        Period.containing("range", date(2026, 4, 2))


@pytest.mark.parametrize(
    "key",
    [
        *("2026-06..2026-02", "2021-04..2026-04", "2026-02..", "..2026-02", "2026-02..2026-13", "2026Q1..2026Q2"),
        *(
            "2026..2027",
            "2026-02...2026-06",
            "2026-02-2026-06",
            "2026-02..2026-0６",
            "ever..2026-01",
            "0001-01..0001-02",
        ),
    ],
)
def test_a_range_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(PeriodTrouble):
        Period.of(key)


def test_words_for_a_range() -> None:
    words = {
        "2026-02..2026-06": ("2026 年 2–6 月", "Feb–Jun 2026"),
        "2025-11..2026-03": ("2025 年 11 月 – 2026 年 3 月", "Nov 2025 – Mar 2026"),
    }
    for key, both in words.items():
        assert tuple(i18n.period(Period.of(key), language) for language in ("zh", "en")) == both


# --- targets
def test_a_range_is_held_to_what_every_period_is(yard: Store, admin: Actor) -> None:
    """Where a month and a year are wanted differently, no range is either."""
    assert PARTICIPATION.wanted("range") is None
    assert PARTICIPATION.wanted("quarter") is not None
    day = NOW.date()
    facts = {"direction": "higher", "from_on": day}
    set_target(yard, admin, "d", "requests_on_time", {**facts, "low": 0.5}, span=Span.MONTH)
    metric = request_review(yard, admin, "d", RANGE, now=LOCAL).on_time.metric
    assert standard(yard, admin, "d").target(metric, day, "range") == metric.target
    set_target(yard, admin, "d", "requests_on_time", {**facts, "low": 0.7})
    wanted = standard(yard, admin, "d").target(metric, day, "range")
    assert wanted is not None
    assert wanted.low == 0.7


# --- flows are sums of months
def test_flows_of_a_range_are_the_sums_of_its_months(demo: Store) -> None:
    where = (demo, ADMIN, "d-community")
    months = [Period.of(each) for each in RANGE.months]

    def summed(of: Callable[[Period], Any]) -> tuple[Any, float]:
        return of(RANGE), sum(of(each) for each in months)

    for of in (
        lambda period: figures(*where, period, now=LOCAL).visits.value,
        lambda period: figures(*where, period, now=LOCAL).held.value,
        lambda period: checkin.shown_up(*where, period, now=LOCAL).signed,
        lambda period: checkin.shown_up(*where, period, now=LOCAL).came,
        lambda period: request_review(*where, period, now=LOCAL).received.value,
        lambda period: patrols.patrol_review(*where, period, today=LOCAL.date()).n,
        lambda period: residents_review(*where, period, now=LOCAL).spend_cents,
        lambda period: residents_review(*where, period, now=LOCAL).satisfied.n,
        lambda period: sum(each.visits + each.heads for each in residents_review(*where, period, now=LOCAL).depths),
    ):
        whole, parts = summed(of)
        assert whole == parts > 0
    walked = patrols.patrol_review(*where, RANGE, today=LOCAL.date())
    assert walked.coverage.value is walked.coverage.state is None
    assert all(row.visited is row.share is None for row in walked.grids)
    assert walked.walked.value is not None
    found = themes(*where, RANGE, now=LOCAL)
    assert found.cut or (found.until - found.since).days == (RANGE.last - RANGE.first).days + 1
    long = themes(*where, Period.of("2022-01..2026-03"), now=LOCAL)
    assert (long.until - long.since).days <= 366, "what it reads does not grow with the range"


def test_of_residents_a_range_tells_no_different_people(demo: Store) -> None:
    found = residents_review(demo, ADMIN, "d-community", RANGE, now=LOCAL)
    month = residents_review(demo, ADMIN, "d-community", Period.of("2026-03"), now=LOCAL)
    assert found is not None
    assert month is not None
    assert found.comings is found.joined is found.served is None
    assert found.rungs == ()
    assert found.services == found.timed == 0
    for value in (found.lapsed, found.active, found.hours, found.cost):
        assert (value.value, value.state, bool(value.why)) == (None, None, True)
    same = ("registered", "course", "cohorts", "retained", "registered_share")
    for name in same:  # what is told of the range's last month and of a calendar year
        assert getattr(found, name) == getattr(month, name), name
    (grid, *_more) = demo.find(ADMIN, Grid, "d-community", limit=1)
    of_grid = residents_of_grid(demo, ADMIN, "d-community", RANGE, grids=frozenset({grid.id}), now=LOCAL)
    assert of_grid is not None
    assert of_grid.comings is of_grid.lapsed.value is None
    assert of_grid.rungs == ()


# --- nobody is singled out
GRIDS = (None, "g1", "g2", "g3")
MONTHS = tuple(f"2025-{month:02d}" for month in range(1, 13))


@pytest.fixture
def crowded(store: Store, admin: Actor, rng: Random) -> Store:
    """A year in which some grids send few people in some months."""
    home = Community(id="c", community_id="c", code="c", name="C", residents=900)
    store.insert(admin, home)
    for grid in GRIDS[1:]:
        store.insert(admin, Grid(id=str(grid), community_id="c", code=str(grid), name=str(grid), residents=300))
    likes = {"g1": 14, "g2": 8, "g3": rng.choice([2, 5])}
    rows: list[Any] = []
    for place, key in enumerate(MONTHS):
        day = date(2025, place + 1, 9)
        rows.append(Activity(id=f"a{place}", community_id="c", name="A", held_on=day, status="held", format="sport"))
        for grid, most in likes.items():
            for n in range(rng.randint(0, most)):
                facts = {"resident": f"R-{grid}-{n}", "grid_id": grid, "age_band": "36-59", "sex": rng.choice("fm")}
                rows.append(Attendance(community_id="c", activity_id=f"a{place}", held_on=day, format="sport", **facts))
        assert Period.of(key).first <= day
    store.write(admin, lambda write: [write.insert(row) for row in rows])
    return store


@pytest.fixture(params=[1, 2, 3])
def rng(request: pytest.FixtureRequest) -> Random:
    return Random(request.param)


def test_ranges_tell_nothing_that_the_lattice_does_not(crowded: Store) -> None:
    """The attack: all visits that are told, as equations over the months' visits of each grid. Those of ranges must not
    say more than those of months, quarters and years do, and leave withheld what these withhold."""
    lattice = [Period.of(key) for key in ("2025", *(f"2025Q{n}" for n in range(1, 5)), *MONTHS)]
    spans = [Period.of(f"{first}..{last}") for first, last in combinations(MONTHS, 2)]
    ranges = [period for period in spans if period.kind == "range"]
    unsolved = 0
    for grid in GRIDS:
        grids = None if grid is None else frozenset({grid})

        def told(period: Period, grids: frozenset[str] | None = grids) -> bool:
            return figures(crowded, ADMIN, "c", period, grids=grids).visits.value is not None

        def row(period: Period) -> np.ndarray:
            return np.array([key in period.months for key in MONTHS], dtype=int)

        known = np.array([np.zeros(12, dtype=int), *(row(period) for period in lattice if told(period))])
        for period in ranges:
            found = figures(crowded, ADMIN, "c", period, grids=grids)
            groups = (*found.pyramid, *found.ages, *found.sexes, *found.grids)
            assert all(each.people is each.share is None for each in groups)
            assert (found.n_pyramid, found.n_ages, found.n_sexes, found.n_grids) == (0, 0, 0, 0)
            people = (found.participants, found.participation, found.repeat, found.newcomers)
            assert all(each.value is each.detail is None for each in people)
            assert found.visits.detail is None
            if found.registered is not None or found.visits.value is not None:
                assert np.linalg.matrix_rank(np.vstack([known, row(period)])) == np.linalg.matrix_rank(known), period
        solved = [np.linalg.matrix_rank(np.vstack([known, row(Period.of(key))])) for key in MONTHS]
        unsolved += sum(rank > np.linalg.matrix_rank(known) for rank in solved)
        assert grid is not None or unsolved == 0, "visits to the whole community are no secret"
        assert grid is not None or figures(crowded, ADMIN, "c", ranges[0]).visits.value is not None
    assert unsolved, "some months of some grid are withheld, and nothing tells them"


def test_days_of_a_month_tell_nothing_that_the_month_does_not(crowded: Store) -> None:
    """As of one day after the other: of a month that lasts neither people nor a grid's visits, which would differ by an
    evening's few; the visits of all are told as far as they had come, and a month that is over as always."""
    may, april = Period.of("2025-05"), Period.of("2025-04")
    whole = figures(crowded, ADMIN, "c", may).visits.value
    for day in (1, 8, 9, 10, 30, 31):
        moment = datetime(2025, 5, day, 23, 59, 59, 999000, tzinfo=LOCAL.tzinfo)
        then = Then(crowded, moment)
        for grid in GRIDS:
            grids = None if grid is None else frozenset({grid})
            for period in (may, Period.of("2025Q2"), Period.of("2025"), Period.of("2025-04..2025-05")):
                found = figures(then, ADMIN, "c", period, grids=grids, now=moment)
                groups = (*found.pyramid, *found.ages, *found.sexes, *found.grids)
                people = (found.participants, found.participation, found.repeat, found.newcomers)
                if day == 31 and period.last == may.last:  # what is over is told as always
                    always = figures(crowded, ADMIN, "c", period, grids=grids)
                    assert (found.participants, found.visits) == (always.participants, always.visits)
                    continue
                assert all(each.people is None for each in groups)
                assert all(each.value is None for each in people)
                assert grid is None or found.visits.value is found.registered is None
                told = [row.registered for row in found.months if row.month == may.key]
                assert grid is None or day == 31 or told == [None] * len(told)
            over = figures(then, ADMIN, "c", april, grids=grids, now=moment)
            assert over.participants == figures(crowded, ADMIN, "c", april, grids=grids).participants
        so_far = figures(then, ADMIN, "c", may, now=moment).visits.value
        assert so_far == (whole if day >= 9 else 0)


# --- what is seen
@pytest.mark.parametrize("row", [row for row in PAGES if row.periods], ids=lambda row: row.key)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_page_shows_a_range(demo_uri: str, visit: Visit, row: Any, language: str) -> None:
    at = visit(demo_uri, row.key, lang=language, period=RANGE.key)
    assert not at.exception
    if row.by_hand:
        drawn = [each.proto.body for each in at.get("html")]
        (choices,) = (body for body in drawn if "byhand choices" in body)
        assert re.findall(r'aria-current="true">([^<]+)<', choices) == ["自选" if language == "zh" else "Range"]
        assert f"period={RANGE.key}" in choices.replace("&amp;", "&")
    else:
        assert at.session_state["frame.period"] == "range"
    assert at.query_params["period"] in (RANGE.key, [RANGE.key])
    assert i18n.period(RANGE, language) in head_of(at).text


@pytest.mark.parametrize("key", ["2021-05..2026-04", "2031-02..2031-06", "1951-02..1951-03"])
@pytest.mark.parametrize("page", ["overview", "activities", "grids patrols", "grids workload", "review"])
def test_the_longest_range_and_one_of_another_time_are_met(demo_uri: str, visit: Visit, page: str, key: str) -> None:
    page, _space, part = page.partition(" ")
    assert not visit(demo_uri, page, lang="zh", period=key, part=part).exception


@pytest.mark.parametrize("day", ["2026-02-10", "2025-06-30"])
def test_a_range_is_looked_at_as_of_a_past_day(demo_uri: str, visit: Visit, day: str) -> None:
    """One that had begun by then; of one that had not, the period that day lies in."""
    at = visit(demo_uri, "activities", lang="en", period=RANGE.key, as_of=day)
    assert not at.exception
    assert at.session_state["frame.period"] == ("range" if day > f"{RANGE.first}" else "quarter")


def test_a_range_is_chosen_month_by_month(demo_uri: str, visit: Visit) -> None:
    at = visit(demo_uri, "review", lang="zh", period="2026Q1")
    at.session_state["frame.filters"] = True
    at.run()
    at.selectbox("frame.last").set_value("2026-02").run()
    assert at.query_params["period"] in ("2026-01..2026-02", ["2026-01..2026-02"])
    assert any("2026 年 1–2 月" in each.value for each in at.header)
    at.selectbox("frame.first").set_value("2026-04").run()  # later than the other: they change places
    assert any("2026 年 2–4 月" in each.value for each in at.header)
    at.selectbox("frame.first").set_value("2026-04").run()
    assert any("2026 年 4 月工作复盘" in each.value for each in at.header)
    assert at.session_state["frame.period"] == "month"


def test_a_range_is_presented_at_a_meeting_and_kept(yard: Store, admin: Actor) -> None:
    facts = {"name": "例会", "kind": "quarterly", "day": NOW.date(), "chair_id": "d-li"}
    meeting = plan_meeting(yard, admin, "d", facts)
    plan = review.prepare(yard, admin, "d", meeting.id, RANGE.key)
    kept = review.keep(yard, admin, "d", plan.id, now=LOCAL)
    assert (kept.review.period, kept.review.before, kept.review.year) == (
        RANGE.key,
        "2025-06..2025-10",
        "2024-11..2025-03",
    )
    assert review.since_shown(yard, admin, "d", kept.id, now=LOCAL).figures == ()
