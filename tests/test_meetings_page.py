"""The Meetings page and its drawers, run as the app runs them."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.i18n import speaking
from repository import meetings, people
from repository.access import Actor, Role
from repository.maintenance import log_repair
from repository.meetings import ActionItem, Decision, ItemState, Link, Meeting, MeetingStatus, Outcome
from repository.metrics import Period
from repository.store import Store
from tests.conftest import NOW
from tests.test_facilities_page import button, run, said
from tests.test_meetings import BOSS, given_at, held, planned

Visit = Callable[..., Any]
TODAY = date(2026, 4, 2)
OTHER = Actor("other", "赵", Role.ADMIN)
LIVELY = "<b>粗</b> *星* =1+1 [a](http://x.y) :red[红]"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
def room(yard: Store) -> Store:
    """The yard alone, without its neighbour."""
    yard.db["communities"].delete_many({"_id": "e"})
    return yard


def field(at: Any, name: str) -> Any:
    """The input whose key begins so, of any kind."""
    kinds = (at.text_input, at.text_area, at.selectbox, at.multiselect, at.checkbox, at.date_input, at.button_group)
    return next(each for kind in kinds for each in kind if (each.key or "").startswith(name))


# --- the page
def test_without_meetings_it_says_how_to_begin(room: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "meetings", lang="en")
    assert not at.exception
    assert "No meetings yet" in said(at)
    button(at, "Plan the first meeting").click()
    run(at)
    assert at.query_params["meeting"] in (["new.monthly.2026-04"], "new.monthly.2026-04")
    viewer = visit(mongodb_uri, "meetings", role="viewer", lang="en")
    assert not [each for each in viewer.button if "Plan" in each.label]


def test_the_calendar_names_what_is_missing_in_words_and_marks(room: Store, mongodb_uri: str, visit: Visit) -> None:
    held(room, date(2026, 1, 6))
    held(room, date(2026, 2, 13), period="2026-02")
    planned(room, date(2026, 4, 7))
    at = visit(mongodb_uri, "meetings", lang="en", period="2026")
    assert not at.exception
    text = said(at)
    assert "3 required meetings of 2026 were not held: start of year, Mar, quarter 1" in text
    cells = {each.key.removeprefix("cell-"): each.label for each in at.button if (each.key or "").startswith("cell-")}
    assert len(cells) == 17
    known = ("In time", "Late", "Not held", "Due now", "To come")
    words = {n: next(word for word in known if word in cells[f"2026-0{n}"]) for n in range(1, 6)}
    assert list(words.values()) == list(known)
    figures = {metric.label: metric.value.split(" ")[0] for metric in at.metric}
    assert figures["Meetings in time"] == "20"  # of 2026, Jan, Feb, Mar, Q1
    next(each for each in at.button if each.key == "cell-2026-03").click()
    run(at)
    assert "new.monthly.2026-03" in str(at.query_params["meeting"])


def test_what_is_unfinished_stands_with_owner_days_and_how_often_it_was_carried(
    room: Store, mongodb_uri: str, visit: Visit
) -> None:
    first = held(room, date(2026, 1, 6))
    given_at(room, first, date(2026, 1, 20), LIVELY, owner="wang")
    given_at(room, first, date(2026, 5, 20), "还早", owner="li")
    held(room, date(2026, 2, 3))
    held(room, date(2026, 3, 3))
    at = visit(mongodb_uri, "meetings", lang="en")
    assert "1 action item is overdue, by 72 days: wang" in said(at)
    (table,) = [each.value for each in at.dataframe if "Days late" in each.value.columns]
    assert list(table["What is to be done"]) == [LIVELY, "还早"]
    assert list(table["Carried over"]) == [2, 2]
    assert [value for value in table["Days late"] if value == value] == [72]  # noqa: PLR0124 (a gap is no number)
    late = visit(mongodb_uri, "meetings", lang="en", which="late")
    (table,) = [each.value for each in late.dataframe if "Days late" in each.value.columns]
    assert len(table) == 1


def test_the_next_meetings_agenda_takes_up_what_is_open(
    room: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    last = held(room, date(2026, 3, 3))
    item = given_at(room, last, date(2026, 3, 20), "拖着的")
    meetings.decide(room, BOSS, "d", last.id, {"text": "再议的", "outcome": "adjourned"})
    coming = planned(room, date(2026, 4, 7), time="09:00", place="会议室")
    at = visit(mongodb_uri, "meetings", lang="en")
    assert "Next: monthly 2026-04-07, in 5 days" in said(at)
    button(at, "Put the carried-over item first").click()
    run(at)
    agenda = room.get(admin, Meeting, "d", coming.id).agenda
    assert [line.link.ref for line in agenda if line.link] == [item.id]
    at = visit(mongodb_uri, "meetings", lang="en")
    assert not [each for each in at.button if "carried-over" in each.label]
    offers = field(at, "offers-")
    offers.set_value([next(key for key in offers.options if "再议的" in key or key.startswith("decisions"))])
    run(at)
    button(at, "Put on the agenda").click()
    run(at)
    stands = room.get(admin, Meeting, "d", coming.id)
    assert [line.text for line in stands.agenda] == ["拖着的", "Adjourned: 再议的"]
    full = [meetings.AgendaItem(text=f"议题 {n}") for n in range(meetings.AGENDA - 1)]
    meetings.edit_meeting(room, BOSS, "d", coming.id, stands.revision, {"agenda": full})
    given_at(room, last, date(2026, 3, 25), "放不下的")
    at = visit(mongodb_uri, "meetings", lang="en")
    button(at, "Put the carried-over item first").click()  # as many as there is room for
    run(at)
    assert [line.text for line in room.get(admin, Meeting, "d", coming.id).agenda][:2] == ["拖着的", "议题 0"]


def test_one_that_nobody_planned_is_planned_in_one_form(
    room: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    held(room, date(2026, 3, 3), chair_id="d-li", invited_ids=("d-li", "d-wang"), place="二楼")
    at = visit(mongodb_uri, "meetings", lang="en")
    text = said(at)
    assert "No meeting is planned" in text
    assert "Start-of-month meeting for Apr 2026 is to be held from 1 Apr to" in text
    button(at, "Plan it").click()
    run(at)
    assert field(at, "meeting-new-monthly-2026-04-name").value == "Apr 2026: Start-of-month meeting"
    next(each for each in at.button if each.key.startswith("do_meeting-new-monthly")).click()
    run(at)
    (made,) = room.find(admin, Meeting, "d", {"period": "2026-04"})
    assert (made.day, made.place, made.chair_id, made.invited_ids) == (TODAY, "二楼", "d-li", ("d-li", "d-wang"))


# --- one meeting
def test_who_is_there_is_ticked_and_it_is_held(room: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    made = planned(room, TODAY, invited_ids=("d-li", "d-wang"))
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    assert not at.exception
    field(at, "tick-d-li").check().run()
    field(at, "guests-").set_value(["d-zhao"]).run()
    next(each for each in at.button if each.key == "do_attendance").click()
    run(at)
    stands = room.get(admin, Meeting, "d", made.id)
    assert (stands.status, stands.present_ids) == (MeetingStatus.HELD, ("d-li", "d-zhao"))
    again = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    assert "1 of 2 who should attend came" in said(again)
    viewer = visit(mongodb_uri, "meetings", role="viewer", lang="en", meeting=made.id)
    assert "wang :small[:gray[did not come]]" in said(viewer)
    assert not viewer.checkbox


def test_ticks_stay_when_somebody_else_was_first(room: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    made = planned(room, TODAY, invited_ids=("d-li", "d-wang"))
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    field(at, "tick-d-li").check().run()
    meetings.hold(room, OTHER, "d", made.id, 1, people=["d-wang"])
    next(each for each in at.button if each.key == "do_attendance").click().run()
    assert "Not saved: 赵 changed this" in said(at)
    assert room.get(admin, Meeting, "d", made.id).present_ids == ("d-wang",)
    assert field(at, "tick-d-li").value is True
    next(each for each in at.button if each.key == "do_attendance").click()
    run(at)
    assert room.get(admin, Meeting, "d", made.id).present_ids == ("d-li",), "saved over it, knowingly"


def test_a_decision_is_typed_and_what_is_wrong_is_said_beside_it(
    room: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    made = held(room, TODAY)
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    field(at, f"decision-new-{made.id}-text").set_value(LIVELY)
    field(at, f"decision-new-{made.id}-outcome").set_value("majority")
    button(at, "Enter the decision").click().run()
    assert "By majority: write how many were for" in said(at)
    field(at, f"decision-new-{made.id}-votes_for").set_value("5")
    field(at, f"decision-new-{made.id}-votes_against").set_value("2")
    button(at, "Enter the decision").click()
    run(at)
    (decision,) = room.find(admin, Decision, "d")
    assert (decision.text, decision.outcome, decision.votes_for) == (LIVELY, Outcome.MAJORITY, 5)
    again = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    assert "By majority · for 5, against 2, abstained 0" in said(again)
    assert LIVELY in said(again).replace("\u2060", "")


def test_an_action_item_is_given_and_done(room: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    made = held(room, TODAY)
    people.edit_person(room, admin, "d", "d-zhao", 1, {"active": False})
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    owner = field(at, f"item-new-{made.id}-owner_id")
    assert owner.options == ["li", "wang"], "only who is active is given something to do"
    field(at, f"item-new-{made.id}-what").set_value("修门")
    owner.set_value("d-wang")
    field(at, f"item-new-{made.id}-due_on").set_value(TODAY + timedelta(days=7))
    button(at, "Give it").click()
    run(at)
    (item,) = room.find(admin, ActionItem, "d")
    assert (item.what, item.owner_id, item.series) == ("修门", "d-wang", "monthly")
    at = visit(mongodb_uri, "meetings", lang="en", action=item.id)
    button(at, "It is done").click().run()
    assert "Say what came of it" in said(at)
    field(at, f"result-{item.id}").set_value("修好了")
    (day,) = [each for each in at.date_input if str(each.key).startswith("done-")]
    tomorrow, today = day.value + timedelta(days=1), day.value
    day.set_value(tomorrow)  # a widget that did not take it would send today
    button(at, "It is done").click().run()
    assert day.max > tomorrow
    assert "lies in the future" in said(at)
    next(each for each in at.date_input if each.key == day.key).set_value(today)
    button(at, "It is done").click()
    run(at)
    stands = room.get(admin, ActionItem, "d", item.id)
    assert (stands.state, stands.result) == (ItemState.DONE, "修好了")
    at = visit(mongodb_uri, "meetings", lang="en", action=item.id)
    field(at, f"undone-{item.id}").set_value("又坏了")
    button(at, "It is open again").click()
    run(at)
    assert room.get(admin, ActionItem, "d", item.id).is_open


def test_another_day_without_a_reason_keeps_what_was_typed(
    room: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    item = given_at(room, held(room, TODAY), TODAY)
    at = visit(mongodb_uri, "meetings", lang="en", action=item.id)
    later = TODAY + timedelta(days=9)
    field(at, "item-edit-due_on").set_value(later)
    save = next(each for each in at.button if each.key.startswith("do_item-edit"))
    save.click().run()
    assert "needs a reason" in said(at)
    assert field(at, "item-edit-due_on").value == later
    field(at, f"reason-{item.id}").set_value("等配件")
    next(each for each in at.button if each.key.startswith("do_item-edit")).click()
    run(at)
    assert room.get(admin, ActionItem, "d", item.id).due_on == later


def test_minutes_are_made_final_and_corrected(room: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    made = held(room, TODAY)
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    button(at, "Make it final").click().run()
    assert "Write the minutes first" in said(at)
    field(at, "minutes-").set_value(f"第一行\n{LIVELY}")
    button(at, "Make it final").click()
    run(at)
    stands = room.get(admin, Meeting, "d", made.id)
    assert (stands.locked, stands.versions[0].text) == (True, f"第一行\n{LIVELY}")
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    assert "minutes final, version 1" in said(at)
    assert not [each for each in at.button if "Enter the decision" in each.label]
    field(at, f"why-{made.id}").set_value("漏了")
    button(at, "Open a correction").click()
    run(at)
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    assert "Correction of version 1: 漏了" in said(at)
    field(at, "minutes-").set_value("第二版")
    button(at, "Make it final").click()
    run(at)
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    version = field(at, "version-")
    version.set_value(1).run()
    assert "第一行" in said(at), "the earlier one stays readable"


def test_a_draft_is_not_lost_to_who_saved_first(room: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    made = held(room, TODAY)
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    field(at, "minutes-").set_value("我的").run()
    meetings.write_minutes(room, OTHER, "d", made.id, made.revision, "他的")
    button(at, "Save the draft").click().run()
    assert "Not saved: 赵 changed this" in said(at)
    assert field(at, "minutes-").value == "我的"
    assert room.get(admin, Meeting, "d", made.id).draft == "他的"


def test_far_too_much_is_refused_and_kept(room: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    made = held(room, TODAY)
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    field(at, "minutes-").set_value("长" * 30_000)
    button(at, "Save the draft").click().run()
    assert "Too long: 20,000 characters at most" in said(at)
    assert len(field(at, "minutes-").value) == 30_000
    field(at, f"decision-new-{made.id}-text").set_value("长" * 10_000)
    button(at, "Enter the decision").click().run()
    assert "Too long: 4,000 characters at most" in said(at)
    assert not room.find(admin, Decision, "d")


def test_an_address_that_means_nothing_harms_nothing(room: Store, mongodb_uri: str, visit: Visit) -> None:
    held(room, TODAY)
    for meeting in ("nowhere", "new.monthly.2026-13", "new.yearly.x", "new.ad_hoc.", "new.annual.2026Q1"):
        assert not visit(mongodb_uri, "meetings", lang="en", meeting=meeting).exception
    assert not visit(mongodb_uri, "meetings", lang="en", action="nowhere").exception
    assert not visit(mongodb_uri, "meetings", lang="en", which="x", list="y", period="1999").exception


# --- elsewhere
def test_the_way_back_from_an_order_leads_to_the_meeting(
    room: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    order = log_repair(room, admin, "d", fault="loose", facility_id="d-F-01")
    made = held(room, TODAY)
    links = (Link(about="work_orders", ref=order.id), Link(about="facilities", ref="d-F-01"))
    meetings.decide(room, BOSS, "d", made.id, {"text": "立即修", "links": links})
    for page, query in (("maintenance", {"order": order.id}), ("facilities", {"facility": "d-F-01"})):
        at = visit(mongodb_uri, page, lang="en", **query)
        found = [each.proto for each in at.get("page_link") if "立即修" in each.proto.label]
        assert [f"meeting={made.id}" in each.query_string for each in found] == [True], page
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    assert any(f"order={order.id}" in each.proto.query_string for each in at.get("page_link"))


def test_my_work_shows_my_action_items(room: Store, mongodb_uri: str, visit: Visit) -> None:
    made = held(room, date(2026, 3, 3))
    item = given_at(room, made, date(2026, 3, 20), "补齐安全员", owner="wang")
    given_at(room, made, date(2026, 3, 20), "别人的", owner="li")
    at = visit(mongodb_uri, "my_work", lang="en", me="d-wang")
    assert not at.exception
    text = said(at)
    assert "1 action item of a meeting, 1 overdue" in text
    assert "补齐安全员" in text
    assert "别人的" not in text
    assert any(f"action={item.id}" in each.proto.query_string for each in at.get("page_link"))
    owner = visit(mongodb_uri, "meetings", role="viewer", lang="en", me="d-wang", action=item.id)
    field(owner, f"result-{item.id}").set_value("补上了")
    button(owner, "It is done").click()
    run(owner)
    assert not room.get(BOSS, ActionItem, "d", item.id).is_open


def test_the_demonstration_tells_its_story(demo_uri: str, visit: Visit) -> None:
    at = visit(demo_uri, "meetings", lang="zh", period="2026")
    text = said(at)
    assert "1 次应开的会议没有召开：1 月" in text
    assert "陈素芳" in text
    (table,) = [each.value for each in at.dataframe if "超期天数" in each.value.columns]
    row = table[table["交办内容"] == "推荐 3 号网格小组安全员人选"].iloc[0]
    assert (row["责任人"], row["结转次数"]) == ("陈素芳", 3)
    store = Store.connect(demo_uri, clock=lambda: NOW)
    said_so, _total = meetings.decisions(store, BOSS, "d-community", Period.of("2026"))
    (bar,) = [each for each in said_so if "单杠" in each.text]
    assert {link.about for link in bar.links} == {"facilities", "work_orders"}
    store.close()


def test_an_agenda_is_put_in_order_in_a_small_table(room: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    item = given_at(room, held(room, date(2026, 3, 3)), date(2026, 3, 20), "拖着的")
    about = meetings.AgendaItem(text="拖着的", link=Link(about="action_items", ref=item.id))
    made = planned(room, date(2026, 4, 7), agenda=(meetings.AgendaItem(text="通报"), about))
    at = visit(mongodb_uri, "meetings", lang="en", meeting=made.id)
    table = f"agenda-{at.session_state[f'submission.agenda.{made.id}']}"
    at.session_state[table] = {
        "edited_rows": {0: {"No.": 5, "Minutes planned": 10}},
        "added_rows": [{"Item": LIVELY, "No.": 1}, {"Item": "  "}],
        "deleted_rows": [],
    }
    at.run()
    at.button(key="do_agenda").click()
    run(at)
    found = room.get(admin, Meeting, "d", made.id).agenda
    assert [(line.text, line.minutes) for line in found] == [(LIVELY, None), ("拖着的", None), ("通报", 10)]
    assert found[1].link == about.link, "what it is about stays with its words"
