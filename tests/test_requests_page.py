"""The page of requests, the quick form and the drawer, over a small community and the demonstration."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dashboard.i18n import speaking
from repository import maintenance, meetings, people
from repository import requests as room
from repository.access import Actor
from repository.maintenance import Fault, WorkOrder
from repository.requests import OutcomeKind, Request, Satisfaction, Show, Status, Step, Urgency
from repository.store import Store
from tests.conftest import NOW

Visit = Callable[..., Any]


def said(at: Any) -> str:
    """Everything the page says."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "success", "warning", "error", "info", "toast")
    return "\n".join(element.value for kind in kinds for element in getattr(at, kind)).replace("\\", "")


def button(at: Any, label: str) -> Any:
    """A button by a part of its label."""
    return next(each for each in [*at.button, *at.get("form_submit_button")] if label in each.label)


def links(at: Any) -> list[str]:
    """What stands on the ways to other pages."""
    return [link.proto.label.replace("\\", "") for link in at.get("page_link")]


def run(at: Any) -> Any:
    """Run it, without an exception."""
    with speaking("en"):  # what stands on a button is told outside of the page's run too
        at.run()
    assert not at.exception, at.exception
    return at


def choose(at: Any, key: str, value: str) -> None:
    """Press one of some buttons in a row."""
    next(each for each in at.get("button_group") if (each.key or "").startswith(key)).set_value(value)


def take(store: Store, who: Actor, text: str = "电梯停了", **values: Any) -> Request:
    """A request in grid 1."""
    return room.take_request(store, who, "d", {"text": text, "grid_id": "d-g1", **values})


@pytest.fixture
def place(yard: Store) -> Store:
    """Only one community, so that pages are about it."""
    yard.db["communities"].delete_many({"_id": "e"})
    return yard


def test_an_empty_page_leads_to_the_first_request(place: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "requests", lang="en")
    assert "No requests yet" in said(at)
    assert [each.label for each in at.button if "request" in each.label] == ["Take a request"]
    looking = visit(mongodb_uri, "requests", role="viewer", lang="en")
    assert not [each for each in looking.button if "Take a request" in each.label]


def test_a_request_is_taken_in_half_a_minute(place: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "receive", lang="en")
    assert "To be answered by 9 Apr: 7 calendar days" in said(at)
    at.number_input[0].set_value(48)
    run(at)
    assert "To be answered by 7 Apr: 7 calendar days" in said(at), "from when it came"
    at.number_input[0].set_value(0)
    button(at, "Take it down").click()
    run(at)
    assert "What does the resident want?: Please fill this in" in said(at)
    at.text_area[0].set_value("<b>电梯</b>停了 =1+1 138 1234 5678")
    at.text_input(key=next(each.key for each in at.text_input if each.key.startswith("place-"))).set_value("6 栋")
    at.selectbox(key=next(each.key for each in at.selectbox if each.key.startswith("grid-"))).set_value("d-g1")
    phone = next(each.key for each in at.text_input if each.key.startswith("phone-"))
    at.text_input(key=phone).set_value("12")
    button(at, "Take it down").click()
    run(at)
    assert "This looks like a phone or identity number: 138 1234 5678" in said(at)
    button(at, "Take it down").click()  # left as it is
    run(at)
    assert "Phone: " in said(at)
    assert "This looks like" not in said(at)
    at.text_input(key=next(each.key for each in at.text_input if each.key.startswith("phone-"))).set_value(
        "13812345678"
    )
    button(at, "Take it down").click()
    run(at)
    assert "Taken as R-00001" in said(at)
    (made,) = place.find(admin, Request, "d")
    assert (made.text, made.place, made.category, made.channel) == (
        "<b>电梯</b>停了 =1+1 138 ＊＊＊＊ ＊＊78", "6 栋", "lift", "desk",
    )  # fmt: skip
    drawer = visit(mongodb_uri, "requests", lang="en", request=made.id)
    assert "Phone numbers in the text are masked" in said(drawer)
    assert "1234" not in said(drawer)
    next(each for each in drawer.button if each.key == f"do_reveal-text-{made.id}").click()
    run(drawer)
    assert "138 1234 5678" in said(drawer)
    kept = people.contact_of(place, admin, "d", made.id)
    assert kept is not None
    assert kept.phone == "138＊＊＊＊＊＊78"
    assert "may look but not" in said(visit(mongodb_uri, "receive", role="viewer", lang="en"))


def test_the_most_urgent_stands_first_and_says_so(place: Store, mender: Actor, mongodb_uri: str, visit: Visit) -> None:
    take(place, mender, "停车难", received_at=NOW - timedelta(days=30))
    take(place, mender, "楼道冒烟", urgency=Urgency.LIFE, received_at=NOW - timedelta(hours=3))
    take(place, mender, "电梯停了")
    at = visit(mongodb_uri, "requests", lang="en")
    assert not at.exception
    assert "2 overdue, first: Life or property: 楼道冒烟" in said(at)
    assert list(at.dataframe[0].value["What is wanted"]) == ["楼道冒烟", "停车难", "电梯停了"]
    only = visit(mongodb_uri, "requests", lang="en", show="open", topic="parking")
    assert list(only.dataframe[0].value["What is wanted"]) == ["停车难"]
    found = visit(mongodb_uri, "requests", lang="en", q="冒烟")
    assert list(found.dataframe[0].value["What is wanted"]) == ["楼道冒烟"]
    (one,) = room.request_list(place, mender, "d", now=NOW, search="R-00003").rows
    room.resolve(place, mender, "d", one.id, one.revision, answer="修好了\n请再看看")
    named = visit(mongodb_uri, "requests", lang="en", q="r-00003", request=one.id)
    assert "1 request" in said(named), "what is found by its number need not be open, and is not called so"
    assert "The answer]]  \n修好了  \n请再看看" in said(named), "lines stay lines"


def test_the_drawer_moves_a_request_along(
    place: Store, mender: Actor, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    made = take(place, mender)
    at = visit(mongodb_uri, "requests", lang="en", request=made.id)
    button(at, "Respond").click()
    run(at)
    assert place.get(admin, Request, "d", made.id).status is Status.ACCEPTED
    button(at, "Answer").click()
    run(at)
    assert "Write what was answered" in said(at)
    next(each for each in at.text_area if each.key.startswith("request-answer")).set_value("已修好 13812345678")
    button(at, "Answer").click()
    run(at)
    assert "phone or identity number: 13812345678" in said(at)
    button(at, "Answer").click()  # left as it is
    run(at)
    stands = place.get(admin, Request, "d", made.id)
    assert (stands.status, stands.answer) == (Status.RESOLVED, "已修好 138＊＊＊＊＊＊78")
    assert "12345678" not in said(at)
    next(each for each in at.text_input if each.key.startswith("remark-")).set_value("女儿 0830-2345678")
    for warned in (True, False):
        button(at, "Add").click()
        run(at)
        assert ("phone or identity number: 0830" in said(at)) == warned
    assert place.get(admin, Request, "d", made.id).events[-1].note == "女儿 083＊-＊＊＊＊＊78"
    choose(at, "reached-", "yes")
    run(at)
    choose(at, "solved-", "no")
    choose(at, "grade-", Satisfaction.DISSATISFIED)
    button(at, "Note the call-back").click()
    run(at)
    stands = place.get(admin, Request, "d", made.id)
    assert (stands.status, stands.callbacks[-1].solved) == (Status.ACCEPTED, False)
    assert "Reopened 1 time" in said(at)


def test_two_people_answer_the_same_request(
    place: Store, mender: Actor, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    made = take(place, mender)
    at = visit(mongodb_uri, "requests", lang="en", request=made.id)
    room.accept(place, mender, "d", made.id, 1)
    button(at, "Respond").click()
    run(at)
    assert ":blue-badge[Responded]" in said(at), "the page shows what stands there now"
    assert place.get(admin, Request, "d", made.id).revision == 2
    other = take(place, mender)
    at = visit(mongodb_uri, "requests", lang="en", request=other.id)
    choose(at, "request-step-", Step.RESOLVED)
    run(at)
    next(each for each in at.text_area if each.key.startswith("request-answer")).set_value("打过的字不丢")
    room.accept(place, mender, "d", other.id, 1)
    button(at, "Answer").click()
    run(at)
    assert "Not saved: 王师傅 changed this" in said(at)
    assert next(each for each in at.text_area if each.key.startswith("request-answer")).value == "打过的字不丢"
    button(at, "Answer").click()  # knowingly
    run(at)
    assert place.get(admin, Request, "d", other.id).answer == "打过的字不丢"


def test_a_request_becomes_an_order_and_each_leads_to_the_other(
    place: Store, mender: Actor, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    made = take(place, mender, "单杠松动", place="体育公园")
    at = visit(mongodb_uri, "requests", lang="en", request=made.id)
    at.segmented_control(key="request-section").set_value("becomes")
    run(at)
    choose(at, "becomes-", "order")
    run(at)
    choose(at, "fault-", Fault.LOOSE)
    run(at)
    button(at, "Open a work order").click()
    run(at)
    (order,) = place.find(admin, WorkOrder, "d")
    assert (order.request_id, order.place) == (made.id, "体育公园")
    assert "W-00001: Reported" in said(at)
    drawn = visit(mongodb_uri, "maintenance", lang="en", order=order.id)
    assert "The resident's request it came of" in [link.proto.label for link in drawn.get("page_link")]
    maintenance.move(place, mender, "d", order.id, order.revision, "done")
    told = visit(mongodb_uri, "requests", lang="en", part="themes")
    assert "The work is done for 1 request" in said(told)
    listed = visit(mongodb_uri, "requests", lang="en", show=Show.TO_ANSWER.value, request=made.id)
    assert "This is done: answer the resident." in said(listed)


def test_a_request_is_put_to_a_meeting_and_to_an_activity_and_each_leads_back(
    place: Store, mender: Actor, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    day = NOW.date() + timedelta(days=6)
    values = {"name": "五月会", "kind": "ad_hoc", "reason": "x", "day": day}
    coming = meetings.plan_meeting(place, admin, "d", values)
    made, waits = take(place, mender, "停车位太少"), take(place, mender, "想要儿童活动")
    at = visit(mongodb_uri, "requests", lang="en", request=made.id)
    at.segmented_control(key="request-section").set_value("becomes")
    run(at)
    choose(at, "becomes-", "meeting")
    run(at)
    assert next(each for each in at.selectbox if (each.key or "").startswith("meeting-")).value == coming.id
    button(at, "Put it to the meeting").click()
    run(at)
    at = visit(mongodb_uri, "requests", lang="en", request=made.id)
    assert "五月会: Planned" in said(at)
    assert "Look at the meeting" in links(at)
    room.mark(place, mender, "d", waits.id, waits.revision, "meeting")
    at = visit(mongodb_uri, "meetings", lang="en", meeting=coming.id)
    assert any(made.number in label for label in links(at)), "the agenda leads to the request"
    at = visit(mongodb_uri, "meetings", lang="en")
    offers = next(each for each in at.multiselect if (each.key or "").startswith("offers-"))
    offers.set_value([next(one for one in offers.options if waits.number in one)])
    run(at)
    button(at, "Put on the agenda").click()
    run(at)
    assert place.get(admin, Request, "d", waits.id).outcome_id == coming.id

    third = take(place, mender, "想看电影")
    third = room.become_activity(
        place, admin, "d", third.id, third.revision, {"name": "露天电影", "format": "performance", "held_on": day}
    )
    at = visit(mongodb_uri, "activities", lang="en", activity=third.outcome_id or "")
    assert any(third.number in label for label in links(at))


def test_themes_lead_to_their_requests(place: Store, mender: Actor, mongodb_uri: str, visit: Visit) -> None:
    for resident in "ABC":
        take(place, mender, "楼道里电动车充电", resident=resident, received_at=NOW - timedelta(days=9))
    made = take(place, mender, "停车位太少")
    room.mark(place, mender, "d", made.id, 1, OutcomeKind.MEETING)
    at = visit(mongodb_uri, "requests", lang="en", part="themes")
    assert not at.exception
    assert "“Electric bicycles” comes up more and more: 3 requests, 0 before" in said(at)
    assert "Residents write more often: “充电”, “楼道”" in said(at)
    assert "停车位太少" in "".join(each.label for each in at.button)
    listed = visit(mongodb_uri, "requests", lang="en", show="all", word="楼道", span="themes")
    assert len(listed.dataframe[0].value) == 3
    assert "with the word “楼道”" in said(listed)
    room.resolve(place, mender, "d", made.id, 2, answer="提交会议讨论")
    at = visit(mongodb_uri, "requests", lang="en", request=made.id)
    at.segmented_control(key="request-section").set_value("becomes")
    run(at)
    button(at, "Take “For the next meeting” back").click()  # also of one that is answered
    run(at)
    assert room.for_meeting(place, mender, "d") == []


def test_the_demonstration_tells_its_story(demo_uri: str, visit: Visit) -> None:
    at = visit(demo_uri, "requests", lang="zh")
    assert not at.exception
    assert "件逾期，先办：危及生命财产" in said(at)
    themes = visit(demo_uri, "requests", lang="zh", part="themes")
    assert "“电动车充电”反映越来越多" in said(themes)
    assert "1 件诉求的工单已完成，还没有答复居民" in said(themes)
