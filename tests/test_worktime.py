"""Working time: announced holidays, make-up workdays, a community's own days; and what adding it up must satisfy."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.access import Actor, Refused, Role
from repository.grids import Community, ServiceLevel, Span, edit_community
from repository.maintenance import SERVICE_LEVELS, Priority, log_repair, promised, service_level
from repository.store import Invalid, Store
from repository.worktime import FARTHEST, Worktime, announced_until, drop_day, set_day, worktime, year

ZONE = ZoneInfo("Asia/Shanghai")
HOURS = (Span(begins=9 * 60, ends=12 * 60), Span(begins=13 * 60, ends=18 * 60))
TIMES = Worktime(ZONE, HOURS)


def at(day: int, hour: int, minute: int = 0, month: int = 4) -> datetime:
    """A moment of 2026 on the community's clock."""
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 4, 3), True),  # Friday
        (date(2026, 4, 4), False),  # Saturday
        (date(2026, 4, 6), False),  # Monday after Tomb-sweeping Day
        (date(2026, 2, 14), True),  # a Saturday worked for the Spring Festival
        (date(2026, 10, 1), False),
        (date(2031, 10, 1), True),  # nobody knows yet
    ],
)
def test_announced_days_are_known(day: date, works: bool) -> None:
    assert TIMES.works_on(day) is works
    assert TIMES.provisional(day) is (day.year > announced_until())


def test_a_promise_runs_in_working_time() -> None:
    assert TIMES.after(at(3, 17), 2) == at(7, 10), "over the holidays"
    assert TIMES.after(at(3, 11), 2) == at(3, 14), "over noon"
    assert TIMES.after(at(3, 16), 2) == at(3, 18), "to the end of the day, not the beginning of the next"
    assert TIMES.after(at(4, 3), 1) == at(7, 10), "reported at night on a holiday"
    assert TIMES.between(at(3, 17), at(7, 10)) == timedelta(hours=2)
    assert TIMES.between(at(7, 10), at(3, 17)) == timedelta(0)


def test_the_communitys_own_word_overrules_what_was_announced() -> None:
    own = Worktime(ZONE, HOURS, {date(2026, 4, 4): True, date(2026, 4, 3): False, date(2030, 1, 1): False})
    assert own.after(at(2, 17), 2) == at(4, 10)
    assert not own.provisional(date(2030, 5, 1)), "the year was entered by hand"


def test_without_any_working_day_it_ends_all_the_same() -> None:
    never = Worktime(ZONE, HOURS, {date(2026, 1, 1) + timedelta(days=n): False for n in range(FARTHEST + 400)})
    assert never.after(at(3, 9), 1) == at(3, 9) + timedelta(days=FARTHEST)


moments = st.integers(0, 1_500_000).map(lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
spans = (
    st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True)
    .map(sorted)
    .map(lambda edges: tuple(Span(begins=a, ends=b) for a, b in zip(edges[::2], edges[1::2], strict=False)))
    .filter(lambda spans: sum(span.ends - span.begins for span in spans) >= 60)
)
own_days = st.dictionaries(st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.booleans(), max_size=20)
zones = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Asia/Urumqi"]).map(ZoneInfo)
times = st.builds(Worktime, zones, spans, own_days)


@given(times, moments, st.floats(0.01, 200))
def test_so_much_working_time_later_lies_so_much_working_time_between(
    times: Worktime, start: datetime, hours: float
) -> None:
    end = times.after(start, hours)
    assert abs(times.between(start, end) - timedelta(hours=hours)) < timedelta(seconds=1)
    assert times.between(start, end - timedelta(seconds=1)) < timedelta(hours=hours), "the first such moment"


@given(times, st.lists(moments, min_size=3, max_size=3))
def test_working_time_adds_up(times: Worktime, three: list[datetime]) -> None:
    a, b, c = sorted(three)
    assert times.between(a, b) + times.between(b, c) == times.between(a, c) <= c - a


@given(times, moments, st.floats(0.01, 60), st.floats(0.01, 60))
def test_a_longer_promise_ends_no_sooner(times: Worktime, start: datetime, one: float, more: float) -> None:
    assert start < times.after(start, one) <= times.after(start, one + more)


def test_the_communitys_line_wins_over_ours() -> None:
    own = (
        ServiceLevel(priority="normal", answer_hours=1, due_hours=4),
        ServiceLevel(priority="normal", category="fitness", answer_hours=1, due_hours=2, round_the_clock=True),
    )
    assert service_level(own, Priority.NORMAL, "fitness").due_hours == 2
    assert service_level(own, Priority.NORMAL, "property").due_hours == 4
    assert service_level(own, Priority.LOW, "fitness") is SERVICE_LEVELS[Priority.LOW]
    assert promised(own[1], TIMES, at(3, 17))[1] == at(3, 19), "nights count"
    assert promised(own[0], TIMES, at(3, 17))[1] == at(7, 12)


# --- in the database
@pytest.fixture
def community(store: Store, admin: Actor) -> str:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D社区"))
    return "D"


def test_own_days_are_entered_changed_and_taken_back(store: Store, admin: Actor, community: str) -> None:
    set_day(store, admin, community, date(2026, 4, 3), working=False, name="社区运动会")
    changed = set_day(store, admin, community, date(2026, 4, 3), working=True, name="改期")
    assert changed.revision == 2
    assert worktime(store, admin, community).works_on(date(2026, 4, 3))
    days = {each.day: each for each in year(store, admin, community, 2026)}
    assert (days[date(2026, 4, 3)].name, days[date(2026, 4, 3)].own) == ("改期", True)
    assert (days[date(2026, 10, 1)].working, days[date(2026, 10, 1)].own) == (False, False)
    drop_day(store, admin, community, changed.id, changed.revision)
    assert date(2026, 4, 3) not in {each.day for each in year(store, admin, community, 2026)}
    with pytest.raises(Refused):
        set_day(store, Actor("v", "v", Role.VIEWER), community, date(2026, 4, 3), working=False)


def test_a_repair_is_due_as_the_community_promises(store: Store, admin: Actor, community: str) -> None:
    set_day(store, admin, community, date(2026, 4, 3), working=False)
    levels = (ServiceLevel(priority="normal", category="fitness", answer_hours=1, due_hours=3),)
    hours = (Span(begins=14 * 60, ends=18 * 60),)
    edit_community(store, admin, community, 1, {"service_levels": levels, "working_hours": hours})
    order = log_repair(store, admin, community, fault="loose", place="东门", category="fitness")  # Thursday, 16:30
    assert order.due_at == at(7, 15, 30)
    other = log_repair(store, admin, community, fault="loose", place="东门", due_at=at(9, 9))
    assert other.due_at == at(9, 9), "an agreed moment stands"


@pytest.mark.parametrize("hours", [(Span(begins=600, ends=700), Span(begins=650, ends=800)), ()])
def test_working_hours_that_cannot_be_are_refused(
    store: Store, admin: Actor, community: str, hours: tuple[Span, ...]
) -> None:
    with pytest.raises(Invalid) as refused:
        edit_community(store, admin, community, 1, {"working_hours": hours})
    assert set(refused.value.problems) == {"working_hours"}
