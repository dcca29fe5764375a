"""The review at a meeting: arranged and commented by whoever presents, kept as it was shown, with what the meeting
decides typed in beside a slide."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboard import byhand, i18n, presenting
from dashboard.pack import digest, reading
from repository import maintenance, meetings, review
from repository.access import Actor, Refused, Role
from repository.grids import Community
from repository.meetings import Meeting
from repository.metrics import Period
from repository.review import SECTIONS, KeptReview, Presentation, reviewed
from repository.review.writing import ReviewTrouble
from repository.store import Conflict, InUse, Invalid, NotFound, Store
from tests.conftest import NOW
from tests.drawn import drawn_by_hand
from tests.test_maintenance_page import said

LOCAL = NOW.astimezone(ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def meeting(yard: Store, admin: Actor) -> Meeting:
    """Today's; with an order that came late and one that is overdue."""
    for days in (20, 3):
        made = maintenance.log_repair(
            yard, admin, "d", fault="loose", facility_id="d-F-01", reported_at=NOW - timedelta(days=days)
        )
    maintenance.move(yard, admin, "d", made.id, made.revision, "done")
    facts = {"name": "二季度例会", "kind": "quarterly", "day": NOW.date(), "chair_id": "d-li"}
    return meetings.plan_meeting(yard, admin, "d", facts)


def test_what_was_shown_stays_as_it_was_and_tells_what_is_different_since(
    yard: Store, admin: Actor, meeting: Meeting
) -> None:
    yard.clock = lambda: NOW  # type: ignore[method-assign]
    with pytest.raises(ReviewTrouble):
        review.prepare(yard, admin, "d", meeting.id, "ever")
    with pytest.raises(NotFound):
        review.prepare(yard, admin, "d", "nowhere", "2026Q1")
    plan = review.prepare(yard, admin, "d", meeting.id, "2026Q1")
    assert review.prepare(yard, admin, "d", meeting.id, "2026Q1") == plan, "twice is once"
    plan = review.prepare(yard, admin, "d", meeting.id, "2026Q2")
    order = ["requests", "maintenance", "requests", "nonsense"]
    plan = review.arrange(yard, admin, "d", plan.id, plan.revision, order=order, hidden=("money", "team"))
    with pytest.raises(Invalid):
        review.arrange(yard, admin, "d", plan.id, plan.revision, order=(), hidden=list(SECTIONS))
    with pytest.raises(Invalid):
        review.comment(yard, admin, "d", plan.id, plan.revision, "weather", "雨")
    plan = review.comment(yard, admin, "d", plan.id, plan.revision, "maintenance", " 配件已到 ")
    with pytest.raises(Conflict):
        review.comment(yard, admin, "d", plan.id, 1, "safety", "x")
    plan = review.comment(yard, admin, "d", plan.id, plan.revision, "safety", "x")
    plan = review.comment(yard, admin, "d", plan.id, plan.revision, "safety", "")
    assert [(each.section, each.text, each.by) for each in plan.remarks] == [("maintenance", "配件已到", admin.name)]
    with pytest.raises(InUse):
        meetings.remove_meeting(yard, admin, "d", meeting.id, meeting.revision)

    kept = review.keep(yard, admin, "d", plan.id, now=LOCAL)
    shown = kept.review
    live = reviewed(yard, admin, "d", Period.of("2026Q2"), now=LOCAL)
    assert shown == review.arranged(live, plan)
    keys = [section.key for section in shown.sections]
    assert (keys[:2], len(keys)) == (["requests", "maintenance"], len(SECTIONS) - 2)
    with i18n.speaking("en"):
        assert reading.points(shown.sections[1])[0] == "Comment: 配件已到"
    assert "配件已到" not in digest.told(live)
    assert review.since_shown(yard, admin, "d", kept.id, now=LOCAL).figures == ()

    # an order is corrected and a section moved; what was shown is what it was
    order = maintenance.log_repair(yard, admin, "d", fault="noise", facility_id="d-F-02", reported_at=NOW)
    review.arrange(yard, admin, "d", plan.id, plan.revision, order=(), hidden=())
    (again,) = review.kept_reviews(yard, admin, "d", meeting.id)
    assert again.review == shown
    since = review.since_shown(yard, admin, "d", kept.id, now=LOCAL)
    told = {each.figure.metric: (each.figure.value, each.value) for each in since.figures}
    assert told["work_open"] == (1, 2)
    assert since.compared >= len(told)
    assert since.compared == len(shown.figures)
    maintenance.delete(yard, admin, "d", order.id, order.revision)

    yard.clock = lambda: NOW + timedelta(minutes=5)  # type: ignore[method-assign]
    second = review.keep(yard, admin, "d", plan.id, now=LOCAL)
    assert [each.id for each in review.kept_reviews(yard, admin, "d", meeting.id)] == [second.id, kept.id]
    bound = Actor("g", "网格长", Role.EDITOR, grids=frozenset({"d-g1"}))
    for asked in (
        lambda: review.kept_reviews(yard, bound, "d", meeting.id),
        lambda: review.keep(yard, bound, "d", plan.id, now=LOCAL),
        lambda: review.since_shown(yard, bound, "d", kept.id, now=LOCAL),
    ):
        with pytest.raises(Refused):
            asked()
    stands = yard.get(admin, Presentation, "d", plan.id)
    review.forget_presentation(yard, admin, "d", plan.id, stands.revision)
    assert yard.count(admin, KeptReview, "d", {}) == 0
    meetings.remove_meeting(yard, admin, "d", meeting.id, meeting.revision)


def test_what_is_different_never_reads_the_same(yard: Store, admin: Actor) -> None:
    shown = reviewed(yard, admin, "d", Period.of("2026Q2"), now=LOCAL).figures["work_on_time"]
    with i18n.speaking("en"):
        for before, after, told in (
            ((0.5, 20), (0.6, 20), ["50%", "60%"]),
            ((0.5, 20), (0.5, 24), ["50% (n = 20)", "50% (n = 24)"]),
            ((0.5, 20), (1.0, 1), ["50%", "n = 1, below 5"]),
        ):
            figure = replace(shown, value=before[0], n=before[1], why="")
            assert presenting._both(review.Difference(figure, *after))[1:] == told


def test_a_meeting_keeps_its_review_only_so_often(
    yard: Store, admin: Actor, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.review.kept.MOST_KEPT", 1)
    plan = review.prepare(yard, admin, "d", meeting.id, "2026Q2")
    review.keep(yard, admin, "d", plan.id, now=LOCAL)
    with pytest.raises(Invalid):
        review.keep(yard, admin, "d", plan.id, now=LOCAL)


def test_the_presenter_prepares_shows_and_enters_what_is_decided(
    mongodb_uri: str, yard: Store, admin: Actor, meeting: Meeting, visit: Any
) -> None:
    at = visit(mongodb_uri, "review", lang="en", period="2026Q2")
    at.selectbox("presenting-meeting").set_value(meeting.id).run()
    at.button("do_prepare").click().run()
    assert not at.exception
    offered = at.selectbox("comment-section").options
    at.button("move-requests-1").click().run()
    at.button("move-maintenance-1").click().run()
    at.button("hide-money").click().run()
    # else the browser, in which the menu is shut, shows the first of the choices that changed and means another one
    assert at.selectbox("comment-section").options == offered
    at.selectbox("comment-section").set_value("maintenance").run()
    (box,) = [each for each in at.text_area if each.label == "Comment"]
    box.set_value("<b>配件</b> =1+1")
    at.button("do_comment").click().run()
    plan = review.presentation(yard, admin, "d", meeting.id)
    assert plan is not None
    assert (plan.order.index("requests"), plan.hidden) == (len(SECTIONS) - 3, ("money",))
    assert plan.remark("maintenance") == "<b>配件</b> =1+1"
    assert "Money" not in [each.value for each in at.header]

    at.button("do_present").click().run()
    assert not at.exception
    (kept,) = review.kept_reviews(yard, admin, "d", meeting.id)
    assert at.query_params["kept"] in (kept.id, [kept.id])
    at.query_params["slide"] = "2"
    at.run()
    while "<b>配件</b> =1+1" not in drawn_by_hand(at).text:
        at.button("slide-right").click().run()
        assert not at.exception
    here = at.query_params["slide"]
    turned = []
    for key in ("home", "space", "end", "space", "pageup", "home"):
        at.button(f"slide-{key}").click().run()
        assert not at.exception
        turned.append(int("".join(at.query_params["slide"])))
    last = turned[2]
    assert turned == [1, 2, last, last, last - 1, 1]
    assert last > 8
    at.query_params["slide"] = here
    at.run()
    at.session_state["slide-enter"] = True
    at.run()
    assert not at.exception
    text = next(each for each in [*at.text_area, *at.text_input] if "maintenance-text" in str(each.key))
    text.set_value("先修 F-01")
    next(each for each in at.button if each.label == "Enter the decision").click().run()
    assert not at.exception
    (decision,), _total = meetings.decisions(yard, admin, "d", Period.of("2026Q2"))
    assert decision.text == "先修 F-01"

    maintenance.log_repair(yard, admin, "d", fault="noise", facility_id="d-F-02", reported_at=NOW)
    at = visit(mongodb_uri, "review", lang="en", meeting=meeting.id, kept=kept.id)
    assert "told differently today" in said(at)
    at = visit(mongodb_uri, "review", lang="en", meeting=meeting.id)
    assert not at.exception
    assert "As it was shown" not in said(at)


def test_nothing_changes_from_one_slide_to_the_next(
    mongodb_uri: str, yard: Store, admin: Actor, meeting: Meeting, visit: Any
) -> None:
    """What is shown without a meeting stands as it was when it began, until it is ended and shown anew."""
    at = visit(mongodb_uri, "review", lang="en", period="2026Q2")
    at.button("do_present").click().run()
    shown = _turned(at)
    maintenance.log_repair(yard, admin, "d", fault="noise", facility_id="d-F-02", reported_at=NOW - timedelta(days=9))
    assert _turned(visit(mongodb_uri, "review", lang="en", period="2026Q2", slide="1")) != shown, "in another window"
    assert _turned(at) == shown

    at.button("slide-close").click().run()
    at.button("do_present").click().run()
    assert _turned(at) != shown


@pytest.mark.usefixtures("meeting")
def test_a_slide_draws_every_series_and_leads_by_links_the_browser_comes_back_from(
    mongodb_uri: str, visit: Any
) -> None:
    at = visit(mongodb_uri, "review", lang="en", period="2026Q2", slide="1")
    for _slide in range(15):
        at.button("slide-right").click().run()
        assert not at.exception
        assert not [*at.get("plotly_chart"), *at.markdown, *at.header], "all is by hand: a slide turns at once"
        text = drawn_by_hand(at).text
        if "Came in" in text:
            break
    assert all(re.search(rf"{name} \d", text) for name in ("Came in", "Ended", "Open at the end"))
    assert not at.get("page_link"), "each would push an address of its own before it leaves"
    html = "".join(each.proto.body for each in at.get("html"))
    assert html.count("<a data-inside") >= 3, "as many as there are figures"
    assert byhand.links() in html, "and what makes them move inside the app"


def test_where_nothing_is_to_be_dealt_with_there_is_no_agenda(
    store: Store, admin: Actor, mongodb_uri: str, visit: Any
) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D 社区"))
    heads = [each.value for each in visit(mongodb_uri, "review", lang="en", period="2026Q1").header]
    assert "No meeting is on record" in heads
    assert "Agenda" not in heads


def _turned(at: Any) -> list[str]:
    """What each slide says, from the first to the last; then the first is shown again."""
    at.query_params["slide"] = "1"
    told = [drawn_by_hand(at.run()).text]
    while not told[1:] or told[-1] != told[-2]:  # the last stays
        told.append(drawn_by_hand(at.button("slide-right").click().run()).text)
        assert not at.exception
    at.query_params["slide"] = "1"
    at.run()
    return told


def test_a_viewer_sees_what_was_shown_and_changes_nothing(
    mongodb_uri: str, yard: Store, admin: Actor, meeting: Meeting, visit: Any
) -> None:
    plan = review.prepare(yard, admin, "d", meeting.id, "2026Q2")
    kept = review.keep(yard, admin, "d", plan.id, now=datetime(2026, 4, 2, 16, 30, tzinfo=UTC))
    at = visit(mongodb_uri, "review", role="viewer", lang="zh", meeting=meeting.id, kept=kept.id)
    assert not at.exception
    keys = {each.key for each in at.button}
    assert not keys & {"do_prepare", "do_comment", "hide-money"}
    at.button("do_present").click().run()
    assert not at.exception
    assert yard.count(admin, KeptReview, "d", {}) == 1
