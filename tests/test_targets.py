"""What a community wants of its figures: the rules by which a value is judged, targets from a day on, accepted
deviations; and that every question which answers with values is judged by them."""

import importlib
import inspect
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import repository
from dashboard.i18n import speaking
from dashboard.pack import digest
from repository import activities, maintenance, overview, targets
from repository.access import Actor, Refused, Role
from repository.maintenance import Outcome, Status
from repository.maintenance.metrics import BACKLOG_WEEKS, ON_TIME, OVERDUE_ORDERS
from repository.metrics import METRICS, REACTION_DAYS, Direction, Held, Metric, Period, State, Target, Value, judge
from repository.review import Review, reviewed
from repository.staff.metrics import TRAINED
from repository.store import Conflict, Invalid, NotFound, Store, TooMuchSince
from repository.targets import Acceptance, MetricTarget, Span, Standard, TargetEntry, attention
from repository.targets.commands import _recent
from tests.conftest import NOW
from tests.test_record import a_work_order

TODAY = date(2026, 4, 2)
LOUD = Metric("m", "t", "s", "percent", "f", "", Target(low=0.8), minimum_n=5)
numbers = st.floats(0, 1000, allow_nan=False).map(lambda value: round(value, 3))
days = st.dates(date(2025, 1, 1), date(2027, 1, 1))


# --- the rules
@given(st.lists(numbers, min_size=4, max_size=4).map(sorted), numbers, st.sampled_from(list(Direction)[:3]))
def test_a_figure_is_on_target_near_or_off_as_its_direction_says(
    bounds: list[float], value: float, way: Direction
) -> None:
    near_low, low, high, near_high = bounds
    below, above = way is not Direction.LOWER, way is not Direction.HIGHER
    target = Target(
        low if below else None, high if above else None, near_low=near_low if below else None,
        near_high=near_high if above else None,
    )  # fmt: skip
    assert target.direction is way
    good = (not below or value >= low) and (not above or value <= high)
    close = (not below or value >= near_low) and (not above or value <= near_high)
    assert judge(value, target) is (State.ON_TARGET if good else State.NEAR if close else State.OFF_TARGET)
    if way is not Direction.BAND:  # what is better is never judged worse
        better = value + 1 if below else value - 1
        order = [State.OFF_TARGET, State.NEAR, State.ON_TARGET]
        assert order.index(judge(better, target)) >= order.index(judge(value, target))


@given(st.floats(0.001, 100), st.floats(0.01, 0.9), st.booleans())
def test_near_is_a_share_of_the_bound_where_no_figure_says_it(bound: float, near: float, below: bool) -> None:
    target = Target(low=bound, near=near) if below else Target(high=bound, near=near)
    edge = bound * (1 - near) if below else bound * (1 + near)
    step = bound * 1e-6 * (1 if below else -1)
    assert judge(edge, target) is judge(edge + step, target) is State.NEAR
    assert judge(edge - step, target) is State.OFF_TARGET


entries = st.lists(
    st.tuples(days, st.one_of(st.none(), st.floats(0.1, 0.9))), max_size=6
)  # a day from which on, and at least so much; None: nothing is wanted any more


def _history(told: list[tuple[date, float | None]], span: Span = Span.ANY) -> MetricTarget | None:
    made = tuple(
        TargetEntry(
            from_on=first, direction=Direction.HIGHER if low else Direction.NONE, low=low, entered_at=NOW,
            entered_on=TODAY, entered_by="x",
        )
        for first, low in told
    )  # fmt: skip
    return MetricTarget(community_id="d", metric="m", span=span, entries=made) if made else None


def _standard(*histories: MetricTarget | None, accepted: tuple[Acceptance, ...] = ()) -> Standard:
    return Standard({(each.metric, each.span): each for each in histories if each}, accepted)


@given(entries, entries, days, st.sampled_from(["any", "month", "quarter", "year", "ever"]))
def test_the_target_is_the_latest_word_that_held_on_the_day(
    on_all: list[tuple[date, float | None]], on_quarters: list[tuple[date, float | None]], day: date, span: str
) -> None:
    held = _standard(_history(on_all), _history(on_quarters, Span.QUARTER)).held(LOUD, day, span)

    def latest(told: list[tuple[date, float | None]], on: date) -> list[float | None]:
        there = [(first, place, low) for place, (first, low) in enumerate(told) if first <= on]
        return [max(there)[2]] if there else []

    said = (latest(on_quarters, day) if span == "quarter" else []) or latest(on_all, day)
    expected = Target(low=said[0]) if said and said[0] else None if said else LOUD.target
    assert held.target == expected
    # the course of single months follows the word on every period, and never what was said for quarters
    for first in (date(2024, 12, 31), *(each for each, _low in on_all if each <= day)):
        word = latest(on_all, first)
        assert held.then(first) == (Target(low=word[0]) if word and word[0] else None if word else LOUD.target)


def test_a_course_of_whole_quarters_is_held_to_what_is_wanted_of_a_quarter() -> None:
    wholes = replace(LOUD, wholes=True, by_span=(("month", Target(low=0.05)), ("quarter", Target(low=0.8))))
    for span, low in (("quarter", 0.8), ("month", 0.05), ("range", 0.05)):
        assert _standard().held(wholes, TODAY, span).then(TODAY) == Target(low=low)
    own = _standard(_history([(date(2026, 2, 1), 0.9)], Span.QUARTER)).held(wholes, TODAY, "quarter")
    assert [own.then(day) for day in (date(2026, 1, 31), TODAY)] == [Target(low=0.8), Target(low=0.9)]
    quarter = _standard().held(wholes, TODAY, "quarter")
    course = [("2025-12", 0.9), ("2026-01", 0.5), ("2026-02", 0.5), ("2026-03", 0.5)]
    run = Value(wholes, 0.5, 9, course, held=quarter).run
    assert run is not None
    assert run.since == date(2026, 1, 31), "0.5 is above what a month is held to, not above what a quarter is"
    assert Value(wholes, 0.5, 9, course, held=quarter).since == "2026-01"


@given(st.floats(0, 1), st.integers(0, 20), st.integers(-3, 3), st.booleans(), st.integers(-3, 3), st.booleans())
def test_a_deviation_is_accepted_until_its_day_and_only_where_the_target_is_missed(
    value: float, n: int, until: int, taken: bool, back: int, elsewhere: bool
) -> None:
    at = TODAY + timedelta(days=until)
    withdrawn = TODAY + timedelta(days=back) if taken else None
    begun = TODAY - timedelta(days=9)
    one = Acceptance(
        community_id="d", metric="m", accepted_on=begun, until=at, reason="屋面在修", accepted_by="李书记",
        withdrawn_on=withdrawn, grid_id="g2" if elsewhere else None,
    )  # fmt: skip
    standard = _standard(accepted=(one,))
    for grid in (None, "g1", "g2"):
        judged = standard.judge(Value(LOUD, value, n), TODAY, "month", grid)
        plain = Value(LOUD, value, n).state
        holds = until >= 0 and (withdrawn is None or withdrawn > TODAY) and (not elsewhere or grid == "g2")
        missed = n >= 5 and value < 0.8
        assert judged.state is (State.ACCEPTED if holds and missed else plain)
        assert (judged.accepted is not None) == (holds and missed)
        assert (judged.run is None) or judged.state is not State.ACCEPTED
        if n < 5:
            assert judged.state is State.UNKNOWN, "nothing is claimed of so few"


def test_days_in_a_state_are_counted_from_the_ends_of_months() -> None:
    course = [("2025-11", 0.9), ("2025-12", 0.5), ("2026-01", 0.5), ("2026-02", 0.5), ("2026-03", 0.5)]

    def run(*last: tuple[str, float | None], value: float | None = 0.5, n: int = 9, held: Held | None = None) -> Any:
        told = Value(LOUD, value, n, [*course, *last], held=held or _standard().held(LOUD, TODAY))
        return told.run and (told.run.since, told.run.days, told.run.beyond)

    # of December it is known at its end: 92 days by the 2nd of April, 85 beyond the 7 allowed
    assert run(("2026-04", 0.5)) == (date(2025, 12, 31), 92, 85)
    assert run(("2026-04", 0.75), value=0.75) == (None, 0, 0), "near only since after the end of March"
    assert run(("2026-04", 0.9), value=0.9) == (None, 0, 0)
    assert run(value=None, n=0) is None, "what the months before rest on is not known"
    held = _standard(_history([(date(2025, 1, 1), 0.4), (date(2026, 2, 10), 0.8)])).held(LOUD, TODAY)
    assert run(("2026-04", 0.5), held=held) == (date(2026, 2, 28), 33, 26), "before, less was wanted"
    abolished = _standard(_history([(date(2026, 1, 31), None), (date(2026, 3, 1), 0.8)])).held(LOUD, TODAY)
    assert run(("2026-04", 0.5), held=abolished) == (date(2026, 3, 31), 2, 0)
    course[:] = [("2026-01", 0.5), ("2026-02", None), ("2026-03", None)]
    assert run(("2026-04", None), value=None, n=0) == (date(2026, 2, 28), 33, 33 - REACTION_DAYS[State.UNKNOWN])
    course[:] = []
    assert run() is None, "no course, no days"
    never = [(f"2026-0{month}", None) for month in (1, 2, 3, 4)]
    unknown = Value(LOUD, None, 0, never, held=_standard().held(LOUD, TODAY))
    assert (unknown.state, unknown.run) == (State.UNKNOWN, None), "who began today has neglected nothing"
    assert Value(LOUD, 0.5, 9, [("2026-03", 0.5)]).run is None, "unjudged: of no day"
    past = Value(LOUD, 0.5, 9, [("2026-02", 0.5), ("2026-03", 0.5)], held=_standard().held(LOUD, date(2026, 3, 31)))
    assert past.run is not None
    assert (past.run.since, past.run.days, past.run.beyond) == (date(2026, 2, 28), 31, 24)
    assert past.react_by == date(2026, 3, 7)
    assert unknown.react_by is None
    begun = replace(past, series=[("2026-02", 0.9), ("2026-03", 0.5)]).run
    assert begun is not None
    assert begun.since is None, "the day itself is no month's end before it"


ON, NEAR, OFF, DARK = State.ON_TARGET, State.NEAR, State.OFF_TARGET, State.UNKNOWN


@pytest.mark.parametrize(
    ("turns", "value", "found"),
    [
        ([(40, ON), (20, NEAR), (12, OFF)], 0.5, (12, 5, True)),
        ([(40, OFF), (20, ON), (12, OFF)], 0.5, (12, 5, True)),  # however long it was so before
        ([(40, OFF)], 0.5, (92, 85, False)),  # the notes begin there: the months reach farther back
        ([(200, OFF)], 0.5, (200, 193, False)),
        ([(40, OFF), (20, ON)], 0.5, (0, 0, True)),  # only today
        ([(40, DARK), (12, OFF)], 0.5, (12, 5, True)),
        ([(40, ON), (12, DARK)], None, (12, 9, True)),
        ([(40, None), (12, OFF)], 0.5, (12, 5, True)),  # nothing was wanted before
        ([(40, DARK)], None, None),  # nothing was ever known
        ([(40, ON), (12, OFF)], 0.9, (0, 0, True)),
    ],
)
def test_days_in_a_state_are_counted_from_the_day_it_was_noted(
    turns: list[tuple[int, State | None]], value: float | None, found: tuple[int, int, bool] | None
) -> None:
    """Of what is noted day by day: so many days before today, so many beyond those allowed, and whether it was seen."""
    course = [("2025-11", 0.9), ("2025-12", 0.5), ("2026-01", 0.5), ("2026-02", 0.5), ("2026-03", 0.5)]
    metric = replace(LOUD, stock=True)
    noted = tuple((TODAY - timedelta(days=ago), state) for ago, state in turns)
    held = replace(_standard(), turns={"m": noted}).held(metric, TODAY)
    run = Value(metric, value, 9 if value is not None else 0, course, held=held).run
    assert (run and ((TODAY - run.since).days if run.since else None, run.beyond, run.noted)) == found
    assert run is None or (run.since and run.days == (TODAY - run.since).days)
    flow = Value(LOUD, 0.5, 9, course, held=replace(_standard(), turns={"m": noted}).held(LOUD, TODAY))
    assert flow.run is not None
    assert flow.run.days == 92, "of a flow it depends on the period that is looked at"


def test_a_past_day_knows_the_turns_up_to_it() -> None:
    metric = replace(LOUD, stock=True)
    noted = ((date(2026, 3, 1), ON), (date(2026, 3, 10), OFF), (date(2026, 3, 20), ON))
    standard = replace(_standard(), turns={"m": noted})
    run = Value(metric, 0.5, 9, held=standard.held(metric, date(2026, 3, 19))).run
    assert run is not None
    assert (run.since, run.days, run.noted) == (date(2026, 3, 10), 9, True)
    assert standard.of_a_part().held(metric, TODAY).turns == (), "what is noted of the whole is no grid's"


def test_what_needs_action_is_told_once_and_the_longest_first() -> None:
    def value(key: str, amount: float | None, *course: float | None) -> Value:
        metric = replace(LOUD, key=key)
        months = [(f"2026-0{place + 1}", each) for place, each in enumerate(course)]
        return Value(metric, amount, 9, months, held=_standard().held(metric, TODAY))

    accepted = Acceptance(
        community_id="d", metric="f", accepted_on=TODAY, until=TODAY, reason="x", accepted_by="李书记"
    )  # fmt: skip
    ok = _standard(accepted=(accepted,)).judge(Value(replace(LOUD, key="f"), 0.1, 9), TODAY)
    free = Value(replace(LOUD, key="g", target=None), 0.1, 9)
    of = [
        value("a", 0.9), value("b", 0.75, 0.75, 0.75, 0.75), value("c", None), value("d", 0.5, 0.9, 0.9, 0.5),
        value("e", 0.5, 0.5, 0.5, 0.5), value("e", 0.5, 0.5, 0.5, 0.5), ok, free,
    ]  # fmt: skip
    found = attention(of)
    assert [each.value.metric.key for each in found.needs] == ["e", "d", "b", "c"]
    assert (found.count.value, found.count.n) == (4, 6)
    assert found.beyond.value == (TODAY - date(2026, 1, 31)).days - 7
    assert [each.metric.key for each in found.accepted] == ["f"]
    assert attention([value("c", None)]).beyond.value is None, "since when is not known"
    assert (attention([of[0]]).count.value, attention([of[0]]).beyond.value) == (0, 0)
    assert attention([]).count.value is None


# --- nobody can forget it
def test_every_question_that_answers_with_values_is_judged() -> None:
    by_hand = {"contributions.parts.made_of", "overview.lines.systems"} | {
        f"overview.{where}.{name}" for where, names in (
            ("queries", ("compare", "glance", "team", "estate", "repairs", "crowd")),
            ("lines", ("of_organizations", "of_staff", "of_meetings", "of_requests")),
        ) for name in names
    }  # fmt: skip
    """Put together of several, whose parts are judged where they are read."""
    bearing, judged = set(), set()
    for module in pkgutil.walk_packages(repository.__path__, "repository."):
        for name, function in vars(importlib.import_module(module.name)).items():
            if not inspect.isfunction(function) or function.__module__ != module.name or name.startswith("_"):
                continue
            told = get_type_hints(function).get("return")
            key = f"{module.name.removeprefix('repository.')}.{name}"
            if "store" in inspect.signature(function).parameters and targets.bears(told):
                bearing.add(key)
                if targets.is_judged(function):
                    judged.add(key)
    assert len(bearing) > 35
    assert bearing - judged == by_hand


# --- setting and accepting
BOSS = Actor("s", "李书记", Role.SECRETARY)


def at_least(low: float, from_on: date = TODAY, **more: Any) -> dict[str, Any]:
    """An entry."""
    return {"direction": "higher", "low": low, "from_on": from_on, **more}


def test_a_target_holds_from_its_day_on_and_what_was_wanted_stays_on_record(yard: Store) -> None:
    first = targets.set_target(yard, BOSS, "d", ON_TIME.key, at_least(0.7, near_low=0.6), key="once")
    assert targets.set_target(yard, BOSS, "d", ON_TIME.key, at_least(0.7, near_low=0.6), key="once") == first
    later = targets.set_target(
        yard, BOSS, "d", ON_TIME.key, at_least(0.9, TODAY + timedelta(days=30)), revision=first.revision
    )
    back = at_least(0.5, date(2026, 1, 1), note="上年会议已定")
    last = targets.set_target(yard, BOSS, "d", ON_TIME.key, back, revision=later.revision)
    assert [(each.low, each.back_dated, each.entered_by, each.entered_on) for each in last.entries] == [
        (0.7, False, "李书记", TODAY), (0.9, False, "李书记", TODAY), (0.5, True, "李书记", TODAY),
    ]  # fmt: skip
    standard = targets.standard(yard, BOSS, "d")
    said = [standard.target(ON_TIME, day) for day in (date(2025, 12, 31), date(2026, 4, 1), TODAY, date(2026, 5, 2))]
    assert said == [ON_TIME.target, Target(0.5), Target(0.7, near_low=0.6), Target(0.9)]
    assert targets.standard(yard, BOSS, "e").targets == {}, "another community's own affair"

    with pytest.raises(Conflict) as theirs:  # two editors: the second is shown what the first one said
        targets.set_target(yard, BOSS, "d", ON_TIME.key, at_least(0.8), revision=later.revision)
    assert theirs.value.current == last
    with pytest.raises(Conflict):  # the same where there was nothing when both began
        targets.set_target(yard, BOSS, "d", ON_TIME.key, at_least(0.8))
    page = targets.targets(yard, BOSS, "d", on=TODAY)
    own = [line for line in page.lines if line.own]
    assert [(line.metric.key, line.span, line.target) for line in own] == [
        (ON_TIME.key, Span.ANY, Target(0.7, near_low=0.6))
    ]
    spans = [line.span for line in page.lines if line.metric.key == "participation_rate"]
    assert spans == [Span.MONTH, Span.QUARTER, Span.YEAR]
    assert {line.metric.key for line in page.lines} == METRICS.keys() - {"L1_need_action", "L1_beyond"}


def test_of_many_who_speak_first_one_is_heard_and_the_others_are_told(yard: Store) -> None:
    def say(low: int) -> str:
        try:
            targets.set_target(yard, replace(BOSS, name=f"n{low}"), "d", ON_TIME.key, at_least(low / 10))
        except Conflict as met:
            return met.current.to_document()["entries"][0]["entered_by"]
        return "heard"

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(say, range(1, 5)))
    winner = f"n{said.index('heard') + 1}"
    assert sorted(said) == sorted(["heard", winner, winner, winner])
    assert len(yard.find(BOSS, MetricTarget, "d")[0].entries) == 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "near beyond the target": (at_least(0.7, near_low=0.8), "near_low"),
    "near below the limit": ({"direction": "lower", "high": 9, "near_high": 8, "from_on": TODAY}, "near_high"),
    "a band upside down": ({"direction": "band", "low": 0.5, "high": 0.4, "from_on": TODAY}, "high"),
    "half a band": ({"direction": "band", "low": 0.5, "from_on": TODAY}, "high"),
    "no bound": ({"direction": "higher", "from_on": TODAY}, "low"),
    "a bound too many": (at_least(0.7, high=0.9), "high"),
    "nothing wanted, and a bound": ({"direction": "none", "low": 0.1, "from_on": TODAY}, "low"),
    "no day": ({"direction": "none"}, "from_on"),
    "a day of the future's future": (at_least(0.7, date(9999, 12, 31)), "from_on"),
    "a day of the emperors": (at_least(0.7, date(1, 1, 1)), "from_on"),
    "back-dated in silence": (at_least(0.7, TODAY - timedelta(days=1)), "note"),
    "more than all": (at_least(70), "low"),
    "not a number": (at_least(float("nan")), "low"),
    "endless": (at_least(float("inf")), "low"),
    "less than nothing": (at_least(-1), "low"),
    "a word": (at_least("viel"), "low"),  # type: ignore[arg-type]
    "no direction": ({"direction": "sideways", "from_on": TODAY}, "direction"),
    "a long story": (at_least(0.7, note="字" * 10_000), "note"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_target_that_makes_no_sense_is_refused_beside_its_field(yard: Store, case: str) -> None:
    values, field = WRONG[case]
    with pytest.raises(Invalid) as refused:
        targets.set_target(yard, BOSS, "d", ON_TIME.key, values)
    assert field in refused.value.problems
    assert not targets.standard(yard, BOSS, "d").targets


def test_what_has_no_target_of_its_own_is_not_given_one(yard: Store) -> None:
    for metric, span in ((TRAINED.key, "any"), ("nothing", "any"), ("L1_beyond", "any"), (ON_TIME.key, "fortnight")):
        with pytest.raises(Invalid):
            targets.set_target(yard, BOSS, "d", metric, at_least(0.5), span=span)
    for role in (Role.VIEWER, Role.GRID_WORKER, Role.FACILITY_MANAGER, Role.EDITOR):
        with pytest.raises(Refused):
            targets.set_target(yard, Actor("x", "x", role), "d", ON_TIME.key, at_least(0.5))
        with pytest.raises(Refused):
            targets.accept_deviation(yard, Actor("x", "x", role), "d", accepted())
    narrow = replace(BOSS, grids=frozenset({"d-g1"}))
    with pytest.raises(Refused):
        targets.set_target(yard, narrow, "d", ON_TIME.key, at_least(0.5))
    with pytest.raises(Refused):
        targets.accept_deviation(yard, narrow, "d", accepted())
    assert targets.accept_deviation(yard, narrow, "d", accepted(grid_id="d-g1")).grid_id == "d-g1"


def accepted(**more: Any) -> dict[str, Any]:
    """What is typed to accept a deviation."""
    own = {"metric": ON_TIME.key, "until": TODAY + timedelta(days=30), "reason": "屋面在修", "accepted_by": "李书记"}
    return own | more


def test_a_deviation_is_accepted_once_taken_back_and_stays_on_record(yard: Store) -> None:
    one = targets.accept_deviation(yard, BOSS, "d", accepted(), key="once")
    assert targets.accept_deviation(yard, BOSS, "d", accepted(), key="once") == one
    with pytest.raises(Invalid) as twice:
        targets.accept_deviation(yard, BOSS, "d", accepted(reason="x"))
    assert "李书记" in str(twice.value.problems["metric"])
    targets.accept_deviation(yard, BOSS, "d", accepted(grid_id="d-g1", until=TODAY))  # of a grid it is another matter
    wrong = {
        "until": [TODAY - timedelta(days=1), date(9999, 12, 31), None], "reason": ["", "字" * 10_000, None],
        "accepted_by": ["", None, "字" * 61], "metric": ["nothing", ""], "grid_id": ["nowhere"],
    }  # fmt: skip
    for field, values in wrong.items():
        for value in values:
            with pytest.raises(Invalid) as refused:
                targets.accept_deviation(yard, BOSS, "d", accepted(**{"metric": OVERDUE_ORDERS.key, field: value}))
            assert field in refused.value.problems, (field, value)
    back = targets.take_back(yard, BOSS, "d", one.id, one.revision)
    assert (back.withdrawn_on, back.withdrawn_by) == (TODAY, "李书记")
    with pytest.raises(Conflict):
        targets.take_back(yard, BOSS, "d", one.id, one.revision)
    with pytest.raises(Invalid):
        targets.take_back(yard, BOSS, "d", one.id, back.revision)
    with pytest.raises(NotFound):
        targets.take_back(yard, BOSS, "e", one.id, back.revision)
    assert not back.holds(TODAY)
    again = targets.accept_deviation(yard, BOSS, "d", accepted())
    found = targets.targets(yard, BOSS, "d", on=TODAY).acceptances
    assert [each.id for each in found if each.holds(TODAY)][-1] == again.id
    assert found[-1].id == one.id
    seen = targets.targets(yard, replace(BOSS, grids=frozenset({"d-g2"})), "d", on=TODAY).acceptances
    assert {each.grid_id for each in seen} == {None}, "of other grids nothing is told"


# --- the same state everywhere
def _everywhere(store: Store, actor: Actor, period: Period) -> dict[str, Any]:
    """Each place that tells how a metric stands, and what it says."""
    glance = overview.glance(store, actor, "d", period, now=NOW)
    review: Review = reviewed(store, actor, "d", period, now=NOW)
    figures = {value.metric.key: value for value in glance.values}
    key = OVERDUE_ORDERS.key
    return {
        "tile": figures[key].state,
        "page": maintenance.work_figures(store, actor, "d", period, now=NOW).overdue.state,
        "glance": maintenance.work_glance(store, actor, "d", period, now=NOW).overdue.state,
        "review": review.figures[key].state,
        "kept": Review.unpacked(review.packed()).figures[key].state,
        "target": review.figures[key].high,
    }


def test_page_overview_review_and_digest_say_the_same_and_the_past_is_judged_by_its_own_targets(
    yard: Store,
) -> None:
    for number in range(3):
        late = {"reported_at": NOW - timedelta(days=6), "due_at": NOW - timedelta(days=3)}
        yard.insert(BOSS, a_work_order(community_id="d", number=f"L-{number}", grid_id="d-g1", **late))
    this, last = Period.of("2026Q2"), Period.of("2026Q1")
    said = _everywhere(yard, BOSS, this)
    assert set(said.values()) == {State.ON_TARGET, OVERDUE_ORDERS.target.high if OVERDUE_ORDERS.target else None}
    limit = {"direction": "lower", "high": 1, "near_high": 2, "from_on": TODAY}
    targets.set_target(yard, BOSS, "d", OVERDUE_ORDERS.key, limit)
    said = _everywhere(yard, BOSS, this)
    assert set(said.values()) == {State.OFF_TARGET, 1.0}
    assert _everywhere(yard, BOSS, last)["target"] == 15, "on its last day the old one held"
    glance = overview.glance(yard, BOSS, "d", this, now=NOW)
    assert glance.concerns[0].state is State.OFF_TARGET
    row = glance.rows[0]
    assert (row.target.high, row.cells["d-g1"].state) == (1, State.OFF_TARGET), "a grid's share of the limit"
    assert OVERDUE_ORDERS.key in {each.value.metric.key for each in glance.attention.needs}

    targets.accept_deviation(yard, BOSS, "d", accepted(metric=OVERDUE_ORDERS.key))
    said = _everywhere(yard, BOSS, this)
    assert set(said.values()) == {State.ACCEPTED, 1.0}
    glance = overview.glance(yard, BOSS, "d", this, now=NOW)
    assert glance.rows[0].cells["d-g1"].state is State.ACCEPTED
    assert OVERDUE_ORDERS.key not in {each.value.metric.key for each in glance.attention.needs}
    assert overview.compare(yard, BOSS, "d", this, now=NOW).rows[0].cells["d-g1"].state is State.ACCEPTED
    review = reviewed(yard, BOSS, "d", this, now=NOW)
    figure = review.figures[OVERDUE_ORDERS.key]
    assert (figure.accepted_until, figure.accepted_by) == (TODAY + timedelta(days=30), "李书记")
    assert not any(OVERDUE_ORDERS.title in str(each.text) for each in review.agenda if each.kind == "red")
    with speaking("zh"):
        text = digest.told(review)
    assert "李书记 · 屋面在修）" in text


WHEN_OVERDUE: list[tuple[int, float, float | None]] = [
    *[(14, 12.5, None)] * 6, *[(14, 12.5, 3.5)] * 8,
    *[(20, 8.5, None)] * 3, *[(20, 5.5, None)] * 5, *[(3, 2.5, None)] * 9,
]  # fmt: skip
"""Of each order: how many days ago it was reported, due, and done."""


def test_the_state_of_each_day_is_noted_once_as_the_rows_have_it(yard: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview.queries, "AT_FIRST", 14)
    monkeypatch.setattr(overview.queries, "AT_ONCE", 5)
    for number, (reported, due, done) in enumerate(WHEN_OVERDUE):
        ago = {"reported_at": NOW - timedelta(days=reported), "due_at": NOW - timedelta(days=due)}
        if done is not None:
            ago |= {"ended_at": NOW - timedelta(days=done), "status": Status.DONE, "outcome": Outcome.COMPLETED}
        yard.insert(BOSS, a_work_order(community_id="d", number=f"L-{number}", grid_id="d-g1", **ago))
    admin = replace(BOSS, role=Role.ADMIN)
    assert [overview.note_days(yard, admin, "d", now=NOW) for _ in range(4)] == [5, 5, 4, 0]
    found = targets.states_noted(yard, BOSS, "d")
    assert found is not None
    assert found.noted_on == TODAY - timedelta(days=1)

    zone = yard.zone("d")
    told, before = [], None
    for place in range(14):
        day = TODAY - timedelta(days=14 - place)
        end = datetime.combine(day + timedelta(days=1), time(), zone)
        overdue = sum(
            NOW - timedelta(days=due) < end <= (NOW - timedelta(days=done) if done else NOW)
            for _reported, due, done in WHEN_OVERDUE
        )
        there = any(NOW - timedelta(days=reported) < end for reported, _due, _done in WHEN_OVERDUE)
        assert there
        state = ON if overdue <= 15 else NEAR if overdue <= 20 else OFF
        if state is not before:
            told.append((day, state))
        before = state
    assert found.of_each()[OVERDUE_ORDERS.key] == tuple(told)
    assert [state for _day, state in told] == [ON, NEAR, OFF, ON, OFF]

    run = maintenance.work_figures(yard, BOSS, "d", Period.of("2026Q2"), now=NOW).overdue.run
    assert run is not None
    assert (run.since, run.noted) == (told[-1][0], True)
    one_grid = maintenance.work_figures(yard, BOSS, "d", Period.of("2026Q2"), frozenset({"d-g1"}), now=NOW).overdue.run
    assert one_grid is None or not one_grid.noted
    bound = replace(BOSS, grids=frozenset({"d-g1"}))
    assert targets.standard(yard, bound, "d").turns == {}
    with pytest.raises(Refused):
        targets.states_noted(yard, bound, "d")
    with pytest.raises(Refused):
        overview.note_days(yard, BOSS, "d", now=NOW + timedelta(days=1))


def test_where_a_day_is_too_long_ago_the_notes_begin_with_yesterday(
    yard: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, glance = [], overview.glance

    def told(store: Store, *args: Any, now: datetime) -> Any:
        asked.append(now.date())
        if now.date() < TODAY - timedelta(days=1):
            raise TooMuchSince
        return glance(store, *args, now=now)

    monkeypatch.setattr(overview.queries, "glance", told)
    assert overview.note_days(yard, replace(BOSS, role=Role.ADMIN), "d", now=NOW) == 1
    assert asked == [TODAY - timedelta(days=overview.queries.AT_FIRST), TODAY - timedelta(days=1)]
    found = targets.states_noted(yard, BOSS, "d")
    assert found is not None
    assert {turn.on for turn in found.turns} == {TODAY - timedelta(days=1)}


def test_turns_that_are_old_are_left_out_but_for_what_still_holds() -> None:
    def turn(metric: str, ago: int, state: State) -> targets.Turn:
        return targets.Turn(metric=metric, on=TODAY - timedelta(days=ago), state=state)

    turns = [turn("a", 900, ON), turn("b", 890, OFF), turn("a", 850, OFF), turn("a", 10, ON)]
    assert _recent(turns, TODAY - timedelta(days=800)) == (turns[1], turns[2], turns[3])


def test_a_word_on_quarters_leaves_months_alone(yard: Store) -> None:
    targets.set_target(yard, BOSS, "d", "participation_rate", at_least(0.33), span=Span.QUARTER)

    def wanted(key: str) -> Target | None:
        return activities.figures(yard, BOSS, "d", Period.of(key), now=NOW).participation.target

    assert [wanted(key) for key in ("2026Q2", "2026-04", "2026", "ever")] == [
        Target(0.33), Target(0.05), Target(0.25), None,
    ]  # fmt: skip
    targets.set_target(yard, BOSS, "d", "participation_rate", at_least(0.44))
    assert [wanted(key) for key in ("2026Q2", "2026-04", "2026", "ever")] == [
        Target(0.33), Target(0.44), Target(0.44), Target(0.44),
    ]  # fmt: skip
    targets.set_target(yard, BOSS, "d", BACKLOG_WEEKS.key, {"direction": "none", "from_on": TODAY})
    weeks = maintenance.work_figures(yard, BOSS, "d", Period.of("2026Q2"), now=NOW).weeks
    assert (weeks.target, weeks.state) == (None, None), "nothing is wanted of it any more"
