"""Meetings: the cadence, what is carried over, decisions and the way back from what they changed, minutes."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.i18n import translator
from repository import importer, meetings, organizations, people, recount, targets, worktime
from repository.access import Actor, Refused, Role
from repository.grids import Community, edit_community
from repository.maintenance import log_repair
from repository.meetings import (
    ActionItem,
    AgendaItem,
    CellState,
    Decision,
    ItemState,
    ItemStep,
    Link,
    Linked,
    Meeting,
    MeetingKind,
    MeetingStatus,
    Outcome,
    carried,
    period_of,
    required,
    window,
    with_items,
)
from repository.metrics import Period
from repository.organizations import Organization, Way
from repository.record import Record
from repository.store import Conflict, InUse, Invalid, NotFound, Store
from repository.worktime import Worktime
from tests.conftest import NOW

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 4, 2)
TIMES = Worktime(SHANGHAI, Community.model_fields["working_hours"].default)
APRIL, Q1, YEAR = Period.of("2026-04"), Period.of("2026Q1"), Period.of("2026")
BOSS = Actor("boss", "书记", Role.EDITOR)


def at(store: Store, day: date) -> Store:
    """The store on another day, at ten in the morning."""
    moment = datetime.combine(day, time(10), SHANGHAI)
    return Store(store.client, store.db.name, lambda: moment)


def planned(store: Store, day: date, kind: str = "monthly", community: str = "d", **more: Any) -> Meeting:
    values = {
        "name": f"{kind} {day}",
        "kind": kind,
        "day": day,
        **({"reason": "x"} if kind == "ad_hoc" else {}),
        **more,
    }
    return meetings.plan_meeting(store, BOSS, community, values)


def held(store: Store, day: date, kind: str = "monthly", community: str = "d", **more: Any) -> Meeting:
    """A meeting that was held on a day that is over, with nobody ticked."""
    made = planned(store, day, kind, community, **more)
    return meetings.hold(store, BOSS, community, made.id, made.revision)


def given_at(store: Store, meeting: Meeting, due: date, what: str = "x", owner: str = "li") -> ActionItem:
    values = {"what": what, "owner_id": f"{meeting.community_id}-{owner}", "due_on": due}
    return meetings.give(store, BOSS, meeting.community_id, meeting.id, values)


def wrong(call: Callable[[], Any]) -> dict[str, str]:
    """What was said to be wrong, by field."""
    with pytest.raises(Invalid) as caught:
        call()
    return {field: str(message) for field, message in caught.value.problems.items()}


# --- the cadence
@pytest.mark.parametrize(
    ("kind", "period", "first", "last"),
    [
        # 1 to 3 May 2025 are holidays with the weekend bridged to the 5th: the fifth working day is Monday the 12th
        ("monthly", "2025-05", date(2025, 5, 1), date(2025, 5, 12)),
        # 1 January is a holiday; 26 January is worked, 28 January on is the spring festival
        ("annual", "2025", date(2025, 1, 1), date(2025, 2, 5)),
        # the seven last working days before the national day; Sunday the 28th is worked for it
        ("quarterly", "2025Q3", date(2025, 9, 23), date(2025, 9, 30)),
        ("quarterly", "2026Q2", date(2026, 6, 22), date(2026, 6, 30)),
    ],
)
def test_holidays_move_the_days_in_which_a_meeting_is_in_time(kind: str, period: str, first: date, last: date) -> None:
    found = window(MeetingKind(kind), period, TIMES)
    assert (found.first, found.last) == (first, last)
    step = timedelta(days=1)
    wanted = {"monthly": 5, "quarterly": 7, "annual": 20}[kind]
    days = [first + n * step for n in range((last - first).days + 1)]
    assert sum(TIMES.works_on(day) for day in days) == wanted


def test_a_year_requires_twelve_and_four_and_one() -> None:
    found = required(2026, TIMES)
    assert [sum(each.kind is kind for each in found) for kind in MeetingKind] == [12, 4, 1, 0]
    assert len({(each.kind, each.period) for each in found}) == 17


@pytest.mark.parametrize(
    ("kind", "day", "period"),
    [
        ("monthly", date(2026, 4, 30), "2026-04"),
        ("quarterly", date(2026, 3, 27), "2026Q1"),
        ("quarterly", date(2026, 4, 8), "2026Q1"),  # a week late
        ("quarterly", date(2026, 1, 8), "2025Q4"),
        ("quarterly", date(2026, 5, 8), "2026Q2"),
        ("annual", date(2026, 2, 8), "2026"),
        ("ad_hoc", date(2026, 2, 8), None),
    ],
)
def test_what_a_meeting_is_for_follows_from_its_day(kind: str, day: date, period: str | None) -> None:
    assert period_of(MeetingKind(kind), day) == period


def test_the_calendar_says_how_each_required_meeting_stands(yard: Store, admin: Actor) -> None:
    held(yard, date(2026, 1, 5), "annual")
    held(yard, date(2026, 1, 6))
    held(yard, date(2026, 2, 13), period="2026-02")  # a week late
    off = planned(yard, date(2026, 3, 3))
    meetings.cancel(yard, BOSS, "d", off.id, off.revision, "下雪")
    held(yard, date(2026, 3, 28), "quarterly")
    held(yard, date(2026, 3, 3), "ad_hoc")  # stands for nothing
    held(yard, date(2026, 3, 3), community="e")
    next_ = planned(yard, date(2026, 4, 7), time="09:00")
    found = meetings.review(yard, admin, "d", Q1, now=NOW)
    states = {each.required.period: each.state for each in found.cells}
    assert [states[f"2026-0{month}"] for month in range(1, 6)] == ["in_time", "late", "missing", "due", "coming"]
    assert (states["2026"], states["2026Q1"], states["2026Q2"]) == ("in_time", "in_time", "coming")
    assert (found.cadence.value, found.cadence.n, found.cadence.detail) == (pytest.approx(3 / 5), 5, 1)
    assert found.next is not None
    assert found.next.id == next_.id
    assert found.unplanned is not None
    assert found.unplanned.required.period == "2026-05"
    before = meetings.review(yard, admin, "d", Period.of("2025"), now=NOW)
    assert {each.state for each in before.cells} == {CellState.BEFORE}
    assert (before.cadence.value, before.cadence.n) == (None, 0), "nothing is owed from before records began"
    held(yard, date(1962, 3, 5), name="1962 for 2026")
    for period in (YEAR, Period.of("ever")):
        assert meetings.review(yard, admin, "d", period, now=NOW).cadence.n == found.cadence.n, "a mistyped year"


def test_one_that_is_held_as_soon_as_its_days_begin_counts_at_once(yard: Store, admin: Actor) -> None:
    held(yard, date(2026, 4, 1))
    found = meetings.review(yard, admin, "d", APRIL, now=NOW)
    assert (found.cadence.value, found.cadence.n) == (1.0, 1)
    later = meetings.review(yard, admin, "d", APRIL, now=NOW + timedelta(days=40))
    assert (later.cadence.value, later.cadence.n) == (1.0, 1)


def test_a_day_that_the_community_does_not_work_moves_the_window(yard: Store, admin: Actor) -> None:
    held(yard, date(2026, 3, 2))
    (cell,) = [one for one in meetings.review(yard, admin, "d", Q1, now=NOW).cells if one.required.period == "2026-04"]
    worktime.set_day(yard, admin, "d", date(2026, 4, 1), working=False)
    (moved,) = [one for one in meetings.review(yard, admin, "d", Q1, now=NOW).cells if one.required.period == "2026-04"]
    assert moved.required.last > cell.required.last


def test_the_community_says_in_which_days_a_meeting_is_in_time(yard: Store, admin: Actor) -> None:
    held(yard, date(2026, 3, 5))  # the fourth working day of March
    assert meetings.review(yard, admin, "d", Period.of("2026-03"), now=NOW).cadence.value == 0.5, (
        "the quarter's is missing"
    )
    home = yard.find(admin, Community, "d", {"_id": "d"})[0]
    own = {"month_meeting_days": 2, "quarter_meeting_days": 3, "year_meeting_days": 10}
    edit_community(yard, admin, "d", home.revision, own)
    review = meetings.review(yard, admin, "d", Period.of("2026-03"), now=NOW)
    assert (review.cadence.value, review.days.month, review.days.quarter, review.days.year) == (0, 2, 3, 10)
    last = {cell.required.period: cell.required.last for cell in review.cells}
    first = {cell.required.period: cell.required.first for cell in review.cells}
    # the 1st of January and the 2nd, with its weekend, are no working days; the 4th is, in place of the 2nd
    worked = [day for n in range(31) if TIMES.works_on(day := date(2026, 1, 1) + timedelta(days=n))]
    assert (last["2026"], last["2026-01"]) == (worked[9], worked[1])
    assert first["2026Q1"] == date(2026, 3, 27), "Friday, Monday, Tuesday"


def test_a_month_has_one_meeting(yard: Store) -> None:
    first = planned(yard, date(2026, 4, 7))
    told = wrong(lambda: planned(yard, date(2026, 4, 8)))
    assert first.name in told["period"]
    planned(yard, date(2026, 4, 8), "ad_hoc")
    planned(yard, date(2026, 4, 8), community="e")
    meetings.cancel(yard, BOSS, "d", first.id, 1, "x")
    second = planned(yard, date(2026, 4, 8))
    again = meetings.cancel(yard, BOSS, "d", second.id, 1, "x")
    meetings.plan_again(yard, BOSS, "d", first.id, 2)
    assert "period" in wrong(lambda: meetings.plan_again(yard, BOSS, "d", again.id, 2))
    other = planned(yard, date(2026, 5, 8))
    assert "period" in wrong(lambda: meetings.edit_meeting(yard, BOSS, "d", other.id, 1, {"day": date(2026, 4, 9)}))


def test_its_period_follows_its_day_unless_somebody_said_otherwise(yard: Store) -> None:
    made = planned(yard, date(2026, 4, 7))
    made = meetings.edit_meeting(yard, BOSS, "d", made.id, 1, {"day": date(2026, 5, 7)})
    assert made.period == "2026-05"
    made = meetings.edit_meeting(yard, BOSS, "d", made.id, 2, {"period": "2026-04"})
    made = meetings.edit_meeting(yard, BOSS, "d", made.id, 3, {"day": date(2026, 5, 8)})
    assert made.period == "2026-04"
    assert "period" in wrong(lambda: meetings.edit_meeting(yard, BOSS, "d", made.id, 4, {"period": "2026Q1"}))
    assert meetings.edit_meeting(yard, BOSS, "d", made.id, 4, {"kind": "ad_hoc", "reason": "x"}).period is None


def test_an_ad_hoc_meeting_says_what_for(yard: Store) -> None:
    values = {"name": "x", "kind": "ad_hoc", "day": TODAY}
    assert "reason" in wrong(lambda: meetings.plan_meeting(yard, BOSS, "d", values))
    for no_time in ("25:00", "9", "9:60", "上午", "9:5", "-1:00"):
        assert wrong(lambda: planned(yard, TODAY, time=no_time)) == {"time": "Write the time as 09:00."}  # noqa: B023
    for nine in ("9:00", "９：００", "9点", "09:00:00", " 9时00分 "):
        meeting = Meeting(community_id="d", name="x", kind="ad_hoc", reason="x", day=TODAY, time=nine)
        assert meeting.time == "09:00", nine


# --- holding it
def test_attendance_is_who_was_invited_and_came(yard: Store, admin: Actor) -> None:
    everybody = {"invited_ids": ("d-li", "d-wang", "d-zhao")}
    first = planned(yard, date(2026, 4, 1), **everybody)
    meetings.hold(yard, BOSS, "d", first.id, 1, people=["d-li", "d-wang"])
    guest = people.add_person(yard, admin, "d", {"name": "客"})
    second = planned(yard, date(2026, 4, 2), "ad_hoc", **everybody)
    there = meetings.hold(yard, BOSS, "d", second.id, 1, people=["d-li", guest.id, guest.id])
    assert (there.status, there.invited, there.attended, len(there.present_ids)) == ("held", 3, 1, 2)
    held(yard, date(2026, 4, 2), "ad_hoc", **everybody)  # attendance was not taken
    planned(yard, date(2026, 4, 2), "ad_hoc", **everybody)
    found = meetings.review(yard, admin, "d", APRIL, now=NOW).attendance
    assert (found.value, found.n) == (pytest.approx(3 / 6), 6)
    meetings.hold(yard, BOSS, "d", first.id, 2, people=["d-zhao"])
    assert meetings.review(yard, admin, "d", APRIL, now=NOW).attendance.value == pytest.approx(2 / 6)
    assert not recount.check(yard, admin, "d")
    with pytest.raises(InUse):
        people.remove_person(yard, admin, "d", guest.id, 1)
    assert "present_ids" in wrong(lambda: meetings.hold(yard, BOSS, "d", first.id, 3, people=["e-li"]))


def test_an_organisation_that_attends_took_part(yard: Store, admin: Actor) -> None:
    """U1 rises by it; a correction, a move, another name and taking the meeting out carry it along."""
    for id, kind in (("bank", "enterprise"), ("plant", "enterprise"), ("school", "school")):
        values = {"id": id, "community_id": "d", "name": id, "kind": kind}
        yard.insert(admin, Organization.model_validate(values))

    def parts() -> set[tuple[Any, ...]]:
        found = organizations.engagements(yard, admin, "d")
        assert {(part.way, part.took_part) for part in found} <= {(Way.MEETING, True)}
        assert recount.check(yard, admin, "d") == []
        return {(part.organization_id, part.on, part.what) for part in found}

    def share() -> float | None:
        return organizations.review(yard, admin, "d", YEAR, today=TODAY).participation.value

    made = planned(yard, TODAY)
    assert share() == 0
    held = meetings.hold(yard, BOSS, "d", made.id, made.revision, organizations=["bank", "plant"])
    assert parts() == {("bank", TODAY, made.name), ("plant", TODAY, made.name)}
    assert share() == pytest.approx(2 / 3)
    held = meetings.hold(yard, BOSS, "d", made.id, held.revision, organizations=["bank"])
    assert parts() == {("bank", TODAY, made.name)}
    assert share() == pytest.approx(1 / 3)
    day = TODAY - timedelta(days=1)
    held = meetings.edit_meeting(yard, BOSS, "d", made.id, held.revision, {"day": day, "name": "四月例会"})
    assert parts() == {("bank", day, "四月例会")}
    again = meetings.plan_again(yard, BOSS, "d", made.id, held.revision)
    assert (parts(), share()) == (set(), 0)
    held = meetings.hold(yard, BOSS, "d", made.id, again.revision, organizations=["school"])
    assert len(parts()) == 1
    meetings.remove_meeting(yard, BOSS, "d", made.id, held.revision)
    assert parts() == set()


def test_nothing_is_held_before_its_day(yard: Store) -> None:
    made = planned(yard, date(2026, 4, 3))
    assert "day" in wrong(lambda: meetings.hold(yard, BOSS, "d", made.id, 1))
    assert "day" in wrong(lambda: meetings.decide(yard, BOSS, "d", made.id, {"text": "x"}))
    assert "day" in wrong(lambda: given_at(yard, made, TODAY + timedelta(days=9)))
    meetings.decide(at(yard, date(2026, 4, 3)), BOSS, "d", made.id, {"text": "x"})
    stands = yard.get(BOSS, Meeting, "d", made.id)
    assert stands.status is MeetingStatus.HELD, "who decides something holds it"
    assert "day" in wrong(lambda: meetings.edit_meeting(yard, BOSS, "d", made.id, 2, {"day": date(2026, 4, 9)}))
    assert "status" in wrong(lambda: meetings.cancel(yard, BOSS, "d", made.id, 2, "x"))
    assert "status" in wrong(lambda: meetings.plan_again(yard, BOSS, "d", made.id, 2))


# --- decisions
def test_a_decision_says_how_it_came_about(yard: Store, admin: Actor) -> None:
    made = held(yard, TODAY)

    def decided(**values: Any) -> Decision:
        return meetings.decide(yard, BOSS, "d", made.id, {"text": "x", **values})

    assert decided().outcome is Outcome.CONSENSUS
    assert set(wrong(lambda: decided(outcome="majority"))) == {"votes_for", "votes_against"}
    assert set(wrong(lambda: decided(outcome="majority", votes_for=3, votes_against=3))) == {"votes_for"}
    assert set(wrong(lambda: decided(votes_for=5, votes_against=1))) == {"votes_against"}
    decided(outcome="majority", votes_for=5, votes_against=2, abstained=1)
    last = decided(outcome="adjourned")
    assert last.number == 3
    other = held(yard, TODAY, community="e")
    meetings.decide(yard, BOSS, "e", other.id, {"text": "x"})
    found = meetings.review(yard, admin, "d", APRIL, now=NOW).consensus
    assert (found.value, found.n, found.enough) == (pytest.approx(1 / 3), 3, False)
    meetings.edit_decision(yard, BOSS, "d", last.id, 1, {"outcome": "consensus"})
    assert meetings.review(yard, admin, "d", APRIL, now=NOW).consensus.value == pytest.approx(2 / 3)


def test_a_decision_is_found_from_what_it_changed(yard: Store, admin: Actor) -> None:
    order = log_repair(yard, admin, "d", fault="loose", facility_id="d-F-01")
    made = held(yard, TODAY)
    links = (Link(about="work_orders", ref=order.id), Link(about="facilities", ref="d-F-01"))
    decision = meetings.decide(yard, BOSS, "d", made.id, {"text": "修", "links": links})
    meetings.decide(yard, BOSS, "d", made.id, {"text": "别的"})
    for id in (order.id, "d-F-01"):
        (found,) = meetings.decided_on(yard, admin, "d", id)
        assert (found.decision.id, found.meeting) == (decision.id, made.name)
    assert meetings.decided_on(yard, admin, "d", "d-F-02") == []
    known = {link.ref: str(words) for link, words in meetings.meeting(yard, admin, "d", made.id, now=NOW).names.items()}
    assert known == {order.id: f"{order.number} Loose", "d-F-01": "F-01 单杠"}
    gone = (*links, Link(about="facilities", ref="e-F-01"))
    assert "links" in wrong(lambda: meetings.link_decision(yard, BOSS, "d", decision.id, 1, gone))
    unknown = (Link(about="projects", ref="x"),)
    if Linked.PROJECT not in meetings.known_kinds():
        assert "links" in wrong(lambda: meetings.link_decision(yard, BOSS, "d", decision.id, 1, unknown))
    assert meetings.link_decision(yard, BOSS, "d", decision.id, 1, links[:1]).links == links[:1]


# --- action items
def test_what_is_open_is_carried_from_meeting_to_meeting(yard: Store, admin: Actor) -> None:
    january = held(yard, date(2026, 1, 5))
    first = given_at(yard, january, date(2026, 1, 20), "拖着")
    second = given_at(yard, january, date(2026, 1, 20), "二月前做完")
    meetings.finish(yard, BOSS, "d", second.id, 1, result="好了", done_on=date(2026, 2, 2))
    held(yard, date(2026, 2, 2))
    march = held(yard, date(2026, 3, 2))
    held(yard, date(2026, 2, 20), "ad_hoc")  # of no series
    held(yard, date(2026, 3, 30), "quarterly")  # of another one
    planned(yard, date(2026, 4, 7))  # not held
    held(yard, date(2026, 2, 3), community="e")
    third = given_at(yard, march, date(2026, 4, 20), "还早")
    found = meetings.review(yard, admin, "d", Q1, now=NOW)
    assert [(each.item.id, each.carried, each.days_late) for each in found.unfinished] == [
        (first.id, 2, 72), (third.id, 0, 0),
    ]  # fmt: skip
    assert (found.open_items, found.overdue, found.carried_over.value, found.carried_over.n) == (2, 1, 1, 2)
    seen = meetings.meeting(yard, admin, "d", march.id, now=NOW)
    assert [(each.item.what, each.carried) for each in seen.unfinished] == [("拖着", 2)]
    assert [item.what for item in seen.items] == ["还早"]
    meetings.finish(yard, BOSS, "d", first.id, 1, result="终于")
    again = meetings.meeting(yard, admin, "d", march.id, now=NOW)
    assert [each.item.what for each in again.unfinished] == ["拖着"], "the past stays as it was"
    assert meetings.review(yard, admin, "d", Q1, now=NOW).carried_over.value == 0
    meetings.reopen(yard, BOSS, "d", first.id, 2, "没修好")
    assert meetings.review(yard, admin, "d", Q1, now=NOW).carried_over.value == 1


def test_what_an_ad_hoc_meeting_gives_is_taken_up_by_the_next_month(yard: Store, admin: Actor) -> None:
    item = given_at(yard, held(yard, date(2026, 2, 20), "ad_hoc"), date(2026, 2, 25))
    held(yard, date(2026, 3, 2))
    (found,) = meetings.review(yard, admin, "d", Q1, now=NOW).unfinished
    assert (found.item.id, found.carried) == (item.id, 1)


def test_done_in_time_is_what_pandas_says_of_the_raw_rows(yard: Store, admin: Actor) -> None:
    """M2's form: what is open and overdue counts against, at the end of the period as it was then."""
    opened = held(yard, date(2026, 1, 5))
    other = held(yard, date(2026, 1, 5), community="e")
    cases = [  # due, done
        (date(2026, 1, 20), date(2026, 1, 20)),
        (date(2026, 1, 20), date(2026, 1, 21)),
        (date(2026, 1, 31), date(2026, 2, 3)),
        (date(2026, 3, 10), date(2026, 3, 1)),
        (date(2026, 3, 30), None),
        (date(2026, 3, 31), None),  # not overdue on the last day of March
        (date(2026, 4, 1), None),
        (date(2026, 4, 2), None),
        (date(2026, 5, 2), None),
        (date(2026, 2, 10), date(2026, 4, 1)),
    ]
    for due, done in cases:
        for meeting in (opened, other):
            item = given_at(yard, meeting, due)
            if done:
                community = meeting.community_id
                meetings.finish(yard, BOSS, community, item.id, 1, result="x", done_on=done)
    dropped = given_at(yard, opened, date(2026, 1, 7))
    meetings.drop(yard, BOSS, "d", dropped.id, 1, "不用了")

    rows = pd.DataFrame(cases, columns=["due", "done"])

    def expected(first: date, last: date) -> tuple[float, int]:
        closed = rows[rows.done.notna() & (rows.done >= first) & (rows.done <= last)]
        overdue = rows[(rows.due < min(last, TODAY)) & (rows.done.isna() | (rows.done > last))]
        n = len(closed) + len(overdue) + (last < TODAY)  # what was dropped today was overdue before
        return (closed.done <= closed.due).sum() / n, n

    for key in ("2026-01", "2026-02", "2026-03", "2026-04", "2026Q1", "2026", "ever"):
        period = Period.of(key)
        found = meetings.review(yard, admin, "d", period, now=NOW).carried_out
        share, n = expected(period.first, period.last)
        assert (found.value, found.n) == (pytest.approx(share), n), key
    series = dict(meetings.review(yard, admin, "d", APRIL, now=NOW).carried_out.series)
    assert series["2026-01"] == pytest.approx(1 / 3)
    assert series["2025-12"] is None
    assert not recount.check(yard, admin, "d")


def test_an_owner_is_somebody_active(yard: Store, admin: Actor) -> None:
    made = held(yard, TODAY)
    people.edit_person(yard, admin, "d", "d-zhao", 1, {"active": False})
    told = wrong(lambda: given_at(yard, made, TODAY, owner="zhao"))
    assert "zhao" in told["owner_id"]
    assert "due_on" in wrong(lambda: given_at(yard, made, TODAY - timedelta(days=1)))
    item = given_at(yard, made, TODAY)
    assert "owner_id" in wrong(
        lambda: meetings.edit_item(yard, BOSS, "d", item.id, 1, {"owner_id": "d-zhao"}, reason="x")
    )
    people.edit_person(yard, admin, "d", "d-li", 1, {"active": False})
    assert meetings.edit_item(yard, BOSS, "d", item.id, 1, {"what": "y"}).what == "y", "who has left keeps the past"


def test_another_day_needs_a_reason_and_stays_in_the_story(yard: Store) -> None:
    item = given_at(yard, held(yard, TODAY), TODAY)
    later = {"due_on": TODAY + timedelta(days=7)}
    assert "reason" in wrong(lambda: meetings.edit_item(yard, BOSS, "d", item.id, 1, later))
    moved = meetings.edit_item(yard, BOSS, "d", item.id, 1, later, reason="等配件")
    assert moved.moved == 1
    assert moved.events[-1].note == "2026-04-02 → 2026-04-09：等配件"
    handed = meetings.edit_item(yard, BOSS, "d", item.id, 2, {"owner_id": "d-wang"}, reason="调岗")
    assert [event.step for event in handed.events] == [ItemStep.GIVEN, ItemStep.MOVED, ItemStep.HANDED]
    with pytest.raises(Conflict):
        meetings.edit_item(yard, BOSS, "d", item.id, 1, {"what": "z"})


def test_the_owner_says_that_it_is_done_and_nobody_else_below_an_editor(yard: Store) -> None:
    item = given_at(yard, held(yard, TODAY), TODAY)
    owner = Actor("li", "李", Role.VIEWER, people=("d-li",))
    for stranger in (Actor("w", "王", Role.GRID_WORKER, people=("d-wang",)), Actor("n", "x", Role.VIEWER)):
        with pytest.raises(Refused):
            meetings.finish(yard, stranger, "d", item.id, 1, result="x")
    assert "result" in wrong(lambda: meetings.finish(yard, owner, "d", item.id, 1, result=" "))
    done = meetings.finish(yard, owner, "d", item.id, 1, result="修好了")
    assert (done.state, done.closed_on, done.result) == (ItemState.DONE, TODAY, "修好了")
    with pytest.raises(Refused):
        meetings.reopen(yard, owner, "d", item.id, 2, "x")
    assert "state" in wrong(lambda: meetings.finish(yard, BOSS, "d", item.id, 2, result="x"))
    future = TODAY + timedelta(days=1)
    meetings.reopen(yard, BOSS, "d", item.id, 2, "没有")
    assert "done_on" in wrong(lambda: meetings.finish(yard, BOSS, "d", item.id, 3, result="x", done_on=future))
    mine = meetings.my_items(yard, owner, "d", owner.people, now=NOW)
    assert [each.item.id for each in mine] == [item.id]
    assert meetings.my_items(yard, owner, "d", (), now=NOW) == []


def test_a_meeting_that_is_moved_takes_along_what_came_of_it(yard: Store, admin: Actor) -> None:
    made = held(yard, date(2026, 3, 2))
    decision = meetings.decide(yard, BOSS, "d", made.id, {"text": "x"})
    item = given_at(yard, made, TODAY)
    meetings.edit_meeting(yard, BOSS, "d", made.id, 2, {"day": TODAY, "kind": "quarterly"})
    assert yard.get(admin, Decision, "d", decision.id).decided_on == TODAY
    stands = yard.get(admin, ActionItem, "d", item.id)
    assert (stands.given_on, stands.series) == (TODAY, "quarterly")
    assert yard.get(admin, Meeting, "d", made.id).period == "2026Q1"
    assert not recount.check(yard, admin, "d")


# --- the agenda
def test_what_is_carried_over_comes_first_on_an_agenda() -> None:
    def about(ref: str, kind: str = "action_items") -> AgendaItem:
        return AgendaItem(text=f"about {ref}", link=Link(about=kind, ref=ref))

    free = AgendaItem(text="通报")
    agenda = (free, about("a"))
    found = with_items(agenda, [about("b"), about("a"), about("w", "work_orders"), free, AgendaItem(text="其他")])
    assert [item.text for item in found] == ["about a", "about b", "通报", "about w", "其他"]
    assert with_items(found, found) == found


def test_the_next_meeting_is_told_what_it_should_deal_with(yard: Store, admin: Actor) -> None:
    last = held(yard, date(2026, 3, 2))
    mine = given_at(yard, last, date(2026, 3, 9), "本系列")
    put_off = meetings.decide(yard, BOSS, "d", last.id, {"text": "再议", "outcome": "adjourned"})
    meetings.decide(yard, BOSS, "d", last.id, {"text": "定了"})
    quarter = held(yard, date(2026, 3, 27), "quarterly")
    late = given_at(yard, quarter, date(2026, 3, 30), "季度的，逾期")
    given_at(yard, quarter, date(2026, 6, 30), "季度的，还早")
    coming = planned(yard, date(2026, 4, 7))
    found = meetings.business(yard, admin, "d", coming.id, now=NOW)
    assert [each.item.id for each in found.carried] == [mine.id]
    assert [each.item.id for each in found.elsewhere] == [late.id]
    assert [each.id for each in found.adjourned] == [put_off.id]
    items = [meetings.agenda_item(each) for each in (*found.carried, *found.elsewhere)]
    taken = meetings.take_up(yard, BOSS, "d", coming.id, 1, items)
    assert [item.link.ref for item in taken.agenda if item.link] == [mine.id, late.id]
    with pytest.raises(Conflict):
        meetings.take_up(yard, BOSS, "d", coming.id, 1, items)


# --- minutes
def test_final_minutes_are_locked_and_a_correction_is_the_next_version(yard: Store, admin: Actor) -> None:
    made = planned(yard, TODAY, invited_ids=("d-li", "d-wang"))
    made = meetings.hold(yard, BOSS, "d", made.id, 1, people=["d-li"])
    decision = meetings.decide(yard, BOSS, "d", made.id, {"text": "修单杠"})
    item = given_at(yard, made, TODAY)
    assert "draft" in wrong(lambda: meetings.finalize(yard, BOSS, "d", made.id, made.revision))
    draft = meetings.write_minutes(yard, BOSS, "d", made.id, made.revision, "第一版")
    final = meetings.finalize(yard, BOSS, "d", made.id, draft.revision)
    assert (final.locked, final.final, final.draft) == (True, 1, None)
    id, stands = made.id, final.revision
    for attempt in (
        lambda: meetings.write_minutes(yard, BOSS, "d", id, stands, "x"),
        lambda: meetings.edit_meeting(yard, BOSS, "d", id, stands, {"place": "x"}),
        lambda: meetings.hold(yard, BOSS, "d", id, stands, people=["d-wang"]),
        lambda: meetings.take_up(yard, BOSS, "d", id, stands, [AgendaItem(text="x")]),
        lambda: meetings.finalize(yard, BOSS, "d", id, stands),
        lambda: meetings.decide(yard, BOSS, "d", id, {"text": "x"}),
        lambda: meetings.edit_decision(yard, BOSS, "d", decision.id, 1, {"text": "x"}),
        lambda: meetings.remove_decision(yard, BOSS, "d", decision.id, 1),
        lambda: given_at(yard, made, TODAY),
        lambda: meetings.plan_again(yard, BOSS, "d", id, stands),
        lambda: meetings.remove_meeting(yard, BOSS, "d", id, stands),
    ):
        assert "" in wrong(attempt)
    linked = meetings.link_decision(yard, BOSS, "d", decision.id, 1, [Link(about="facilities", ref="d-F-01")])
    meetings.finish(yard, BOSS, "d", item.id, 1, result="好了")
    assert "reason" in wrong(lambda: meetings.correct(yard, BOSS, "d", id, stands, ""))
    opened = meetings.correct(yard, BOSS, "d", id, stands, "漏了一人")
    assert opened.draft == "第一版"
    closed = meetings.withdraw(yard, BOSS, "d", id, opened.revision)
    opened = meetings.correct(yard, BOSS, "d", id, closed.revision, "漏了一人")
    changed = meetings.hold(yard, BOSS, "d", id, opened.revision, people=["d-li", "d-wang"])
    meetings.edit_decision(yard, BOSS, "d", decision.id, linked.revision, {"text": "换单杠"})
    assert "" in wrong(lambda: meetings.withdraw(yard, BOSS, "d", id, changed.revision))
    changed = meetings.write_minutes(yard, BOSS, "d", id, changed.revision, "第二版")
    second = meetings.finalize(yard, BOSS, "d", id, changed.revision)
    first, last = second.versions
    assert (first.number, first.text, first.reason, first.present_ids) == (1, "第一版", None, ("d-li",))
    assert (last.number, last.text, last.reason, last.present_ids) == (2, "第二版", "漏了一人", ("d-li", "d-wang"))
    assert [each.text for each in first.decisions] == ["修单杠"]
    assert [each.text for each in last.decisions] == ["换单杠"]
    assert [each.what for each in first.items] == ["x"]
    assert first.by == BOSS.name


def test_two_who_write_the_minutes_do_not_overwrite_each_other(yard: Store) -> None:
    made = held(yard, TODAY)
    meetings.write_minutes(yard, BOSS, "d", made.id, made.revision, "我的")
    with pytest.raises(Conflict) as caught:
        meetings.write_minutes(yard, BOSS, "d", made.id, made.revision, "你的")
    assert caught.value.current.draft == "我的"  # type: ignore[attr-defined]


def test_what_was_entered_by_mistake_goes_when_nothing_comes_of_it(yard: Store) -> None:
    made = held(yard, TODAY)
    decision = meetings.decide(yard, BOSS, "d", made.id, {"text": "x"})
    values = {"what": "x", "owner_id": "d-li", "due_on": TODAY, "decision_id": decision.id}
    item = meetings.give(yard, BOSS, "d", made.id, values)
    with pytest.raises(InUse):
        meetings.remove_meeting(yard, BOSS, "d", made.id, made.revision)
    with pytest.raises(InUse):
        meetings.remove_decision(yard, BOSS, "d", decision.id, 1)
    other = held(yard, TODAY, "quarterly")
    assert "decision_id" in wrong(lambda: meetings.give(yard, BOSS, "d", other.id, values))
    meetings.remove_item(yard, BOSS, "d", item.id, 1)
    meetings.remove_decision(yard, BOSS, "d", decision.id, 1)
    meetings.remove_meeting(yard, BOSS, "d", made.id, made.revision)
    with pytest.raises(NotFound):
        yard.get(BOSS, Meeting, "d", made.id)


def test_the_glance_is_one_question(yard: Store, admin: Actor) -> None:
    first = held(yard, date(2026, 1, 5))
    given_at(yard, first, date(2026, 1, 9))
    held(yard, date(2026, 2, 2))
    held(yard, date(2026, 2, 3), community="e")
    found = meetings.glance(yard, admin, "d", now=NOW)
    assert [cell.required.period for cell in found.missing] == ["2026", "2026-03", "2026Q1"]
    assert (found.overdue, found.carried_over.value, found.next) == (1, 0, None)
    assert found.unplanned is not None
    assert found.unplanned.required.period == "2026-04"
    read = yard.together(admin, "d", meetings.glance_wanted(admin, "d"))
    unjudged = meetings.glance(yard, admin, "d", now=NOW, within=read)
    assert targets.standard(yard, admin, "d").judge(unjudged, NOW.date()) == found
    nothing = meetings.glance(yard, admin, "nowhere", now=NOW)
    assert not nothing.anything


def test_a_submission_counts_once(yard: Store) -> None:
    made = held(yard, TODAY)
    one = meetings.decide(yard, BOSS, "d", made.id, {"text": "x"}, key="k")
    two = meetings.decide(yard, BOSS, "d", made.id, {"text": "x"}, key="k")
    assert one.id == two.id
    assert yard.count(BOSS, Decision, "d") == 1


# --- rules
DAYS = st.integers(0, 400).map(lambda n: date(2025, 1, 1) + timedelta(days=n))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given_on=DAYS, closed=st.none() | st.integers(0, 300), days=st.lists(DAYS, unique=True, max_size=15))
def test_carrying_over_counts_the_meetings_between(given_on: date, closed: int | None, days: list[date]) -> None:
    end = None if closed is None else given_on + timedelta(days=closed)
    facts = {"community_id": "c", "what": "x", "owner_id": "p", "due_on": given_on, "given_on": given_on}
    item = ActionItem(**facts, state="open" if end is None else "done", closed_on=end)
    found = carried(item, days)
    assert found == len([day for day in days if given_on < day and (end is None or day < end)])
    assert carried(item, [*days, date(2030, 1, 1)]) == found + (end is None)
    assert item.is_open is (end is None)


@settings(max_examples=60, deadline=None)
@given(days=st.lists(st.integers(0, 364), max_size=30, unique=True), today=st.integers(0, 400))
def test_every_required_meeting_stands_in_one_state(days: list[int], today: int) -> None:
    start = date(2026, 1, 1)
    found = []
    for number, n in enumerate(days):
        day = start + timedelta(days=n)
        kind = (MeetingKind.MONTHLY, MeetingKind.QUARTERLY, MeetingKind.ANNUAL)[number % 3]
        found.append(meetings.Held(str(n), "x", kind, period_of(kind, day), day, MeetingStatus.HELD))
    now = start + timedelta(days=today)
    from repository.meetings.cadence import cells

    made = cells(2026, found, TIMES, now)
    assert len(made) == 17
    for cell in made:
        there = [each for each in found if (each.kind, each.period) == (cell.required.kind, cell.required.period)]
        past = [each for each in there if each.day <= now]
        inside = [each for each in past if cell.required.first <= each.day <= cell.required.last]
        assert (cell.state is CellState.IN_TIME) == bool(inside)
        assert (cell.state in {CellState.LATE, CellState.EARLY}) == bool(past and not inside)
        if not past:
            over = cell.required.last < now
            assert (cell.state in {CellState.MISSING, CellState.BEFORE}) == over


# --- sheets
def test_the_lists_an_office_keeps_come_in(yard: Store, admin: Actor) -> None:
    languages = [translator("zh"), translator("en")]

    def bring(record: type[Record], text: str) -> importer.Preview:
        of = importer.Sheet(text.encode(), "台账.csv")
        found = importer.preview(yard, admin, "d", of, importer.propose(record, of, languages), languages=languages)
        importer.commit(yard, admin, found, replacing=True, patience=0)
        return found

    found = bring(
        Meeting,
        "会议名称,会议类型,日期,时间,状态,主持人,应到人员,实到人员,事由\n"
        "三月例会,月初例会,2026-03-03,09:00,已召开,li,li；wang,li,\n"
        "一季度总结,季末总结,2026-03-30,,已召开,li,,,\n"
        "电梯的事,临时,2026-03-12,,已召开,,,,两次返修\n"
        "没说为何,临时,2026-03-13,,已召开,,,,\n"
        "不知谁主持,例会,2026-02-03,,已召开,nobody,,,\n",
    )
    assert {(each.row, each.field) for each in found.problems} >= {(5, "reason"), (6, "chair_id")}
    there = {each.name: each for each in yard.find(admin, Meeting, "d")}
    assert there["三月例会"].period == "2026-03"
    assert (there["三月例会"].invited, there["三月例会"].attended) == (2, 1)
    assert there["一季度总结"].period == "2026Q1"
    assert set(there) == {"三月例会", "一季度总结", "电梯的事"}
    bring(
        ActionItem,
        "督办事项,责任人,完成时限,交办日期,完成情况,办结日期,结果\n"
        "换锁,wang,2026-03-10,2026-03-03,已完成,2026-03-09,换好了\n"
        "修门,li,2026-03-10,2026-03-03,未完成,,\n",
    )
    found_ = meetings.review(yard, admin, "d", Q1, now=NOW)
    assert (found_.carried_out.value, found_.carried_out.n, found_.open_items) == (0.5, 2, 1)
    assert not recount.check(yard, admin, "d")
