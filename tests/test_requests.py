"""Requests: deadlines by the clock and by the day, every step, N1 to N6 against pandas on raw rows, what they became,
themes counted by hand with decoys."""

import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.i18n import translator
from repository import importer, maintenance, meetings, people, recount
from repository import requests as room
from repository.access import Actor, Refused, Role
from repository.activities import Activity, ActivityStatus
from repository.filters import Is
from repository.grids import Community, RequestDeadline, edit_community
from repository.importer import Sheet
from repository.maintenance import Status as OrderStatus
from repository.maintenance import WorkOrder
from repository.meetings import AgendaItem, Link, Linked, Meeting
from repository.metrics import Period
from repository.numbers import numbers_in
from repository.requests import OutcomeKind, Request, Satisfaction, Show, Status, Step, Topic, Urgency, queries
from repository.store import AUDIT, Conflict, InUse, Invalid, NotFound, Store
from tests.conftest import NOW

SHANGHAI = ZoneInfo("Asia/Shanghai")
QUARTER = Period.of("2026Q2")
WORKER = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"d-g1"}))


class At:
    """The store's clock, moved by hand."""

    def __init__(self, store: Store) -> None:
        self.now = NOW
        store.clock = lambda: self.now  # type: ignore[method-assign]

    def go(self, **span: float) -> None:
        """Some time later."""
        self.now += timedelta(**span)


def take(store: Store, who: Actor, text: str = "电梯停了", **values: Any) -> Request:
    """A request about a lift, in grid 1."""
    own = {name: values.pop(name) for name in ("caller_name", "caller_phone", "key") if name in values}
    return room.take_request(store, who, "d", {"text": text, "grid_id": "d-g1", **values}, **own)


def answered(store: Store, who: Actor, **values: Any) -> Request:
    """One that is answered and waits for the call-back."""
    made = take(store, who, **values)
    return room.resolve(store, who, "d", made.id, made.revision, answer="已修好")


# --- numbers in free text
def test_numbers_in_a_text_are_masked_wherever_it_is_read_and_seen_for_a_reason_only(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    phone, card, desk = "138-1234 5678", "51050219661231122X", "0830-2345678"
    shown = "138-＊＊＊＊ ＊＊78"
    text = f"电梯停了，请打１３８1234 5678或{phone}，座机{desk}，身份证{card}，订单 202612310001"
    assert numbers_in(text) == ("１３８1234 5678", phone, desk, card)
    made = take(yard, mender, text, place=f"6栋 {phone}")
    kept = yard.db["requests"].find_one({"_id": made.id}) or {}
    assert (phone in kept["text"], card in kept["text"]) == (True, False)
    assert kept["text"].endswith("身份证＊＊＊＊＊＊，订单 202612310001")

    def hidden(*told: object) -> bool:
        """Nothing of the numbers is in what was told, and the rest is."""
        words = repr(told)
        return shown in words and not any(part in words for part in ("1234", "5678", "345678", "1966"))

    one = yard.get(mender, Request, "d", made.id)
    assert hidden(one.text, one.place)
    listed = room.request_list(yard, mender, "d", now=NOW)
    story = room.request_story(yard, mender, "d", made.id)
    assert hidden(listed.rows, story.request)
    for form in ("csv", "xlsx"):
        file = BytesIO()
        importer.export(yard, admin, "d", Request, file, form=form, translate=str)
        lines = file.getvalue().decode("utf-8-sig") if form == "csv" else pd.read_excel(file).to_csv()
        assert hidden(lines)

    # nothing is found by what is masked, digit by digit; by a room's number it is
    def found(search: str) -> list[str]:
        return [each.id for each in room.request_list(yard, mender, "d", now=NOW, search=search).rows]

    assert found("1234") == found("138-1") == found("2345678") == []
    assert found("202612310001") == found("电梯 6栋") == [made.id]

    # what it becomes does not carry them on, and whoever changes the text takes them out; a conflict tells none either
    order = room.become_order(yard, mender, "d", made.id, made.revision, fault="dead")
    assert hidden(order.description, order.place)
    stands = yard.get(mender, Request, "d", made.id)
    with pytest.raises(Conflict) as conflict:
        room.edit_request(yard, mender, "d", made.id, 1, {"urgency": "life"})
    assert hidden(conflict.value.current)
    urgent = room.edit_request(yard, mender, "d", made.id, stands.revision, {"urgency": "life"})
    assert phone in (yard.db["requests"].find_one({"_id": made.id}) or {})["text"], "what is read masked is kept whole"

    whole = room.reveal_request(yard, mender, "d", made.id, people.Purpose.CALL_BACK)
    assert (phone in whole.text, phone in str(whole.place), card in whole.text) == (True, True, False)
    (look,) = yard.db[AUDIT].find({"operation": "reveal"})
    assert (look["record_id"], look["after"], look["actor_id"]) == (made.id, {"purpose": "call_back"}, mender.id)
    viewer = Actor("v", "v", Role.VIEWER)
    for who, why, trouble in ((viewer, "call_back", Refused), (mender, "curiosity", Invalid)):
        with pytest.raises(trouble):
            room.reveal_request(yard, who, "d", made.id, why)
    room.edit_request(yard, mender, "d", made.id, urgent.revision, {"text": urgent.text})
    assert phone not in (yard.db["requests"].find_one({"_id": made.id}) or {})["text"]
    assert not any(part in repr(list(yard.db[AUDIT].find())) for part in ("12345678", phone, card))

    # what is said on the way is read masked too, and stays whole while others go on with the story
    shown_note = f"找他女儿{shown} ＊＊＊＊＊＊"
    for step in (
        lambda _now: room.remark(yard, mender, "d", made.id, f"找他女儿{phone} {card}"),
        lambda now: room.resolve(yard, mender, "d", made.id, now, answer=f"已打{phone} {card}"),
        lambda now: room.call_back(yard, mender, "d", made.id, now, reached=False, note=f"未接 {desk} {card}"),
        lambda _now: room.remark(yard, mender, "d", made.id, f"再打{phone}"),
    ):
        told = step(yard.get(mender, Request, "d", made.id).revision)
    assert (told.events[-4].note, hidden(told)) == (shown_note, True)
    assert hidden(room.request_story(yard, mender, "d", made.id).request.events)
    story = repr((yard.db["requests"].find_one({"_id": made.id}) or {})["events"])
    assert (story.count(phone), story.count(desk), story.count(card)) == (3, 1, 0)
    whole = room.reveal_request(yard, mender, "d", made.id, people.Purpose.CALL_BACK)
    assert [phone in str(event.note) for event in whole.events[-4:]] == [True, True, False, True]
    assert not any(part in repr(list(yard.db[AUDIT].find())) for part in ("12345678", "2345678", phone, card))

    # and of a sheet
    rows = f"登记号,内容,登记时间\nX-1,请打{phone} {card},2026-04-01 09:00\n"
    sheet = Sheet(rows.encode(), "台账.csv")
    seen = importer.preview(yard, admin, "d", sheet, importer.propose(Request, sheet, (str,)), languages=(str,))
    (left_out,) = [told for told in seen.problems if "identity number" in told.message.text]
    assert (left_out.row, left_out.column, left_out.level) == (2, "内容", "note")
    importer.commit(yard, admin, seen, patience=0)
    (brought,) = yard.find(admin, Request, "d", {"number": "X-1"})
    assert brought.text == f"请打{shown} ＊＊＊＊＊＊"
    # what was taken out as a sheet comes back as it was, what was written into it is a change
    file = BytesIO()
    importer.export(yard, admin, "d", Request, file, form="csv", translate=str)
    rows = file.getvalue().decode("utf-8-sig")
    for told, stays in ((rows, True), (rows.replace("请打", "请速打"), False)):
        sheet = Sheet(told.encode(), "导出.csv")
        seen = importer.preview(yard, admin, "d", sheet, importer.propose(Request, sheet, (str,)), languages=(str,))
        assert (seen.counts.changed, seen.counts.rejected) == (0 if stays else 2, 0)
        importer.commit(yard, admin, seen, patience=0)
        kept = yard.db["requests"].find_one({"number": "X-1"}) or {}
        assert (phone in kept["text"]) == stays


# --- deadlines
@pytest.mark.parametrize(
    ("urgency", "due"),
    [
        (Urgency.LIFE, datetime(2026, 4, 2, 10, 30, tzinfo=UTC)),
        (Urgency.UTILITY, datetime(2026, 4, 3, 8, 30, tzinfo=UTC)),
        (Urgency.ORDINARY, datetime(2026, 4, 9, 15, 59, 59, tzinfo=UTC)),  # the end of the day in Shanghai
        (Urgency.COMPLEX, datetime(2026, 4, 17, 15, 59, 59, tzinfo=UTC)),
    ],
)
def test_the_deadline_runs_by_the_clock_or_by_calendar_days(
    yard: Store, mender: Actor, urgency: Urgency, due: datetime
) -> None:
    """Thursday 16:30; 4 to 6 April is a holiday, which stops neither clock."""
    assert take(yard, mender, urgency=urgency).deadline_at == due


def test_a_community_sets_its_own_deadlines(yard: Store, mender: Actor, admin: Actor) -> None:
    (home,) = yard.find(admin, Community, "d", {"_id": "d"})
    own = (RequestDeadline(urgency="life", amount=1), RequestDeadline(urgency="ordinary", amount=3))
    edit_community(yard, admin, "d", home.revision, {"request_deadlines": own})
    assert take(yard, mender, urgency="life").deadline_at == NOW + timedelta(hours=1)
    ordinary = take(yard, mender)
    assert ordinary.deadline_at == datetime(2026, 4, 5, 15, 59, 59, tzinfo=UTC)
    changed = room.edit_request(yard, mender, "d", ordinary.id, 1, {"urgency": "complex"}, reason="要请专家")
    assert changed.deadline_at == datetime(2026, 4, 17, 15, 59, 59, tzinfo=UTC)
    moved = room.edit_request(yard, mender, "d", changed.id, 2, {"deadline_at": NOW + timedelta(days=1)})
    emptied = room.edit_request(yard, mender, "d", moved.id, 3, {"deadline_at": None}, reason="还是要请专家")
    assert emptied.deadline_at == changed.deadline_at, "nobody gets rid of a deadline"


def test_a_receipt_noted_wrong_is_put_right_with_its_clocks(yard: Store, mender: Actor, admin: Actor) -> None:
    """Not after anything that was done about it, and a deadline set by hand stays."""
    other = take(yard, mender, resident="ABC", received_at=NOW - timedelta(days=3))
    one = take(yard, mender, resident="ABC", urgency="life", received_at=NOW - timedelta(days=1))
    assert one.repeat_of == other.id
    for wrong in (NOW + timedelta(hours=1), "x"):
        with pytest.raises(Invalid) as refused:
            room.edit_request(yard, mender, "d", one.id, one.revision, {"received_at": wrong})
        assert list(refused.value.problems) == ["received_at"]
    right = NOW - timedelta(days=5)
    form = {"received_at": right, "urgency": one.urgency, "deadline_at": one.deadline_at}  # a form tells them all
    with pytest.raises(Invalid) as refused:
        room.edit_request(yard, mender, "d", one.id, one.revision, form)
    assert list(refused.value.problems) == ["reason"]
    saved = room.edit_request(yard, mender, "d", one.id, one.revision, form, reason="当天没有登记")
    assert str(saved.events[-1].note).endswith("：当天没有登记")
    assert (saved.received_at, saved.deadline_at, saved.events[0].at) == (right, right + timedelta(hours=2), right)
    assert (saved.postponements, saved.repeat_of) == ((), None)
    assert yard.get(admin, Request, "d", other.id).repeat_of == one.id, "it is the later one now"
    assert yard.db["audit"].find_one({"record_id": one.id, "before.received_at": NOW - timedelta(days=1)})

    changes = {"received_at": NOW - timedelta(hours=1)}
    saved = room.edit_request(yard, mender, "d", one.id, saved.revision, changes, reason="记错了")
    assert (saved.deadline_at, saved.postponements) == (NOW + timedelta(hours=1), ()), "later, but not put off"
    ended = room.resolve(yard, mender, "d", one.id, saved.revision, answer="已修好")
    for late in (NOW - timedelta(hours=3), NOW - timedelta(minutes=30)):
        ended = room.edit_request(yard, mender, "d", one.id, ended.revision, {"received_at": late}, reason="记错了")
        assert yard.db["requests"].count_documents({"_id": one.id, "late": late < NOW - timedelta(hours=2)}) == 1
    yard.clock = lambda: NOW + timedelta(hours=9)  # type: ignore[method-assign]
    with pytest.raises(Invalid) as refused:
        room.edit_request(
            yard, mender, "d", one.id, ended.revision, {"received_at": NOW + timedelta(minutes=1)}, reason="x"
        )
    assert "after the next step" in str(refused.value.problems["received_at"].text)
    by_hand = take(yard, mender, deadline_at=NOW + timedelta(days=30))
    kept = room.edit_request(yard, mender, "d", by_hand.id, by_hand.revision, {"received_at": right}, reason="x")
    assert kept.deadline_at == NOW + timedelta(days=30)
    assert recount.check(yard, admin, "d") == []


# --- entering
def test_a_request_gets_number_topic_responsible_and_words(yard: Store, mender: Actor) -> None:
    made = take(yard, mender, "幸福里6栋电梯又停了，老人下不了楼", place="幸福里 6栋")
    assert (made.number, made.category, made.status) == ("R-00001", Topic.LIFT, Status.RECEIVED)
    assert made.responsible_id == "d-li", "who leads the grid"
    assert made.words == ("电梯", "老人"), "the place is no theme"
    assert take(yard, mender, "想问问开证明").category == Topic.WELFARE
    assert take(yard, mender, "您好").category == Topic.OTHER
    assert take(yard, mender, "电梯", category="parking").category == Topic.PARKING, "what was chosen stays"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"text": "  "}, "text"),
        ({"text": "长" * 4001}, "text"),
        ({"received_at": NOW + timedelta(hours=1)}, "received_at"),
        ({"deadline_at": NOW - timedelta(days=1)}, "deadline_at"),
        ({"responsible_id": "nobody"}, "responsible_id"),
        ({"urgency": "whenever"}, "urgency"),
        ({"resident": "x" * 41}, "resident"),
        ({"resident": "王小明 13800138000"}, "resident"),
        ({"resident": "510503196001011234"}, "resident"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(yard: Store, mender: Actor, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        take(yard, mender, **wrong)
    assert set(refused.value.problems) == {field}
    assert yard.count(mender, Request, "d") == 0


def test_a_worker_takes_requests_of_their_own_grid(yard: Store) -> None:
    assert room.take_request(yard, WORKER, "d", {"text": "漏水"}).grid_id == "d-g1"
    with pytest.raises(Refused):
        room.take_request(yard, WORKER, "d", {"text": "漏水", "grid_id": "d-g2"})
    with pytest.raises(Refused):
        room.take_request(yard, Actor("v", "v", Role.VIEWER), "d", {"text": "漏水"})


def test_a_double_click_makes_one_request(yard: Store, mender: Actor) -> None:
    first, second = (take(yard, mender, key="once") for _ in range(2))
    assert first == second
    assert yard.count(mender, Request, "d") == 1


def test_numbers_pass_by_those_that_a_sheet_brought(yard: Store, mender: Actor) -> None:
    yard.insert(mender, Request(community_id="d", number="R-00001", text="x", received_at=NOW, grid_id="d-g1"))
    assert take(yard, mender).number == "R-00002"


def test_whom_to_call_back_is_kept_apart_and_never_in_the_trail(yard: Store, mender: Actor, admin: Actor) -> None:
    made = take(yard, mender, caller_name="王秀英", caller_phone="13812345678")
    kept = people.contact_of(yard, admin, "d", made.id)
    assert kept is not None
    assert (kept.name, kept.phone) == ("王＊＊", "138＊＊＊＊＊＊78")
    assert kept.expires_on == NOW.date() + timedelta(days=people.CONTACT_DAYS), "as the contact of a repair"
    trail = repr(list(yard.db[AUDIT].find({})))
    assert "王秀英" not in trail
    assert "13812345678" not in trail
    assert people.reveal(yard, admin, "d", kept.id, people.Purpose.CALL_BACK).phone == "13812345678"
    people.forget_expired(yard, admin, "d", on=kept.expires_on + timedelta(days=1))
    assert people.contact_of(yard, admin, "d", made.id) is None
    again = take(yard, mender, caller_phone="13812345678")
    room.remove_request(yard, admin, "d", again.id, again.revision)
    assert yard.db["contacts"].count_documents({}) == 0


def test_the_contact_goes_with_its_matter_to_another_grid(yard: Store, mender: Actor, admin: Actor) -> None:
    """Whoever has it in charge now sees whom to call; whoever had it does not any more."""
    next_door = Actor("n", "邻格员", Role.GRID_WORKER, grids=frozenset({"d-g2"}))
    made = take(yard, mender, caller_phone="13812345678")
    order = maintenance.log_repair(
        yard, mender, "d", fault="loose", place="门口", grid_id="d-g1", caller_phone="13887654321"
    )
    assert all(people.contact_of(yard, WORKER, "d", each.id) for each in (made, order))
    room.edit_request(yard, mender, "d", made.id, made.revision, {"grid_id": "d-g2"})
    maintenance.edit(yard, mender, "d", order.id, order.revision, {"grid_id": "d-g2"})
    for each, phone in ((made, "13812345678"), (order, "13887654321")):
        assert people.contact_of(yard, WORKER, "d", each.id) is None
        kept = people.contact_of(yard, next_door, "d", each.id)
        assert kept is not None
        assert people.reveal(yard, next_door, "d", kept.id, people.Purpose.CALL_BACK).phone == phone


# --- the steps
def test_the_way_of_a_request(yard: Store, mender: Actor) -> None:
    at = At(yard)
    made = take(yard, mender)
    at.go(hours=1)
    made = room.accept(yard, mender, "d", made.id, made.revision, responsible_id="d-wang")
    assert (made.status, made.responded_at, made.responsible_id) == (Status.ACCEPTED, at.now, "d-wang")
    with pytest.raises(Invalid):
        room.accept(yard, mender, "d", made.id, made.revision)
    with pytest.raises(Invalid) as refused:
        room.resolve(yard, mender, "d", made.id, made.revision, answer=" ")
    assert set(refused.value.problems) == {"answer"}
    at.go(days=1)
    made = room.resolve(yard, mender, "d", made.id, made.revision, answer="已修好")
    assert (made.status, made.is_open, made.ended_at, made.late) == (Status.RESOLVED, False, at.now, False)
    made = room.call_back(yard, mender, "d", made.id, made.revision, reached=False)
    assert made.status is Status.RESOLVED
    made = room.call_back(
        yard, mender, "d", made.id, made.revision, reached=True, solved=True, satisfaction="basically", note="还行"
    )
    assert (made.status, made.satisfaction, made.solved) == (Status.CLOSED, Satisfaction.BASICALLY, True)
    assert [each.step for each in made.events] == ["received", "accepted", "resolved", "unreached", "called"]
    with pytest.raises(Conflict):
        room.remark(yard, mender, "d", made.id, "x") and room.reopen(yard, mender, "d", made.id, 2, reason="y")


def test_a_call_back_says_all_or_nothing(yard: Store, mender: Actor) -> None:
    made = answered(yard, mender)
    told: list[tuple[dict[str, Any], str]] = [
        ({"reached": True}, "solved"),
        ({"reached": True, "solved": True}, "satisfaction"),
        ({"reached": True, "solved": True, "satisfaction": "so so"}, "satisfaction"),
        ({"reached": False, "on": NOW.date() + timedelta(days=1)}, "on"),
        ({"reached": False, "on": NOW.date() - timedelta(days=1)}, "on"),
    ]
    for facts, field in told:
        with pytest.raises(Invalid) as refused:
            room.call_back(yard, mender, "d", made.id, made.revision, **facts)
        assert set(refused.value.problems) == {field}
    with pytest.raises(Invalid):
        room.close_unreached(yard, mender, "d", made.id, made.revision)
    for _ in range(room.NEVER_REACHED):
        made = room.call_back(yard, mender, "d", made.id, made.revision, reached=False)
    assert room.close_unreached(yard, mender, "d", made.id, made.revision).status is Status.CLOSED


def test_not_solved_opens_it_again_as_a_flow_of_its_own(yard: Store, mender: Actor, admin: Actor) -> None:
    at = At(yard)
    made = answered(yard, mender)
    at.go(days=30)  # May
    made = room.call_back(
        yard, mender, "d", made.id, made.revision, reached=True, solved=False, satisfaction="dissatisfied"
    )
    assert (made.status, made.is_open, made.ended_at) == (Status.ACCEPTED, True, None)
    assert made.deadline_at is not None
    assert made.deadline_at < at.now, "its first deadline holds"
    review = room.request_review(yard, admin, "d", QUARTER, now=at.now)
    assert (review.open.value, review.overdue.value, review.reopened, review.not_solved) == (1, 1, 1, 1)
    april, may = review.months[-2:]
    assert (april.opened, april.ended, april.backlog, april.overdue) == (1, 1, 0, 0), "April stays as it was"
    assert (may.opened, may.reopened, may.backlog, may.overdue) == (0, 1, 1, 1)
    assert (review.on_time.value, review.on_time.n) == (0.5, 2), "answered in time once, overdue now"
    assert (review.solved.value, review.satisfied.value, review.solved.n) == (0, 0, 1)
    made = room.resolve(yard, mender, "d", made.id, made.revision, answer="换了主板")
    made = room.call_back(
        yard, mender, "d", made.id, made.revision, reached=True, solved=True, satisfaction="satisfied"
    )
    assert [call.solved for call in made.callbacks] == [False, True]
    review = room.request_review(yard, admin, "d", QUARTER, now=at.now)
    assert (review.open.value, review.solved.value, review.solved.n) == (0, 0.5, 2)
    assert recount.check(yard, admin, "d") == []


def test_declined_and_referred_end_it_and_can_be_reopened(yard: Store, mender: Actor) -> None:
    made = take(yard, mender)
    with pytest.raises(Invalid):
        room.decline(yard, mender, "d", made.id, made.revision, reason="")
    made = room.decline(yard, mender, "d", made.id, made.revision, reason="不属于社区")
    assert (made.status, made.answer) == (Status.DECLINED, "不属于社区")
    made = room.reopen(yard, mender, "d", made.id, made.revision, reason="弄错了")
    with pytest.raises(Invalid):
        room.reopen(yard, mender, "d", made.id, made.revision, reason="又来")
    made = room.refer(yard, mender, "d", made.id, made.revision, to="区住建局")
    assert (made.status, made.referred_to, made.is_open) == (Status.REFERRED, "区住建局", False)


# --- repeats
def test_the_same_resident_or_place_with_the_same_topic_is_a_repeat(yard: Store, mender: Actor, admin: Actor) -> None:
    def days_ago(days: int, **values: Any) -> Request:
        return take(yard, mender, received_at=NOW - timedelta(days=days), **values)

    first = days_ago(80, resident="ABC", place="1 栋")
    again = days_ago(40, resident="ABC", place="2 栋")
    assert again.repeat_of == first.id
    assert take(yard, mender, place=" １栋").repeat_of == first.id, "two spellings of a place"
    assert take(yard, mender, place="2栋", resident="XYZ").repeat_of == again.id
    assert take(yard, mender, "漏水", resident="ABC").repeat_of is None, "another topic"
    assert take(yard, mender, "您好", place="1 栋").repeat_of is None, '"other" is no topic'
    assert take(yard, mender, place="3 栋").repeat_of is None
    assert take(yard, mender).repeat_of is None, "nobody and nowhere"
    assert days_ago(300, resident="ABC").repeat_of is None, "90 days at most"
    coded = days_ago(300, resident="R-7K3Q")
    spelt = days_ago(299, resident=" r7k3q")
    assert (spelt.resident, spelt.repeat_of) == ("R-7K3Q", coded.id), "two spellings of a code are one resident"
    assert room.edit_request(yard, mender, "d", spelt.id, spelt.revision, {"resident": "7k3q"}).resident == "R-7K3Q"
    review = room.request_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.repeats.value, review.repeats.n) == (2 / 6, 6)
    shown = room.request_list(yard, admin, "d", now=NOW, show=Show.REPEATS, period=QUARTER)
    assert shown.total == 2


def test_what_is_entered_late_changes_and_goes_is_looked_at_again(yard: Store, mender: Actor, admin: Actor) -> None:
    last = take(yard, mender, resident="ABC")
    assert last.repeat_of is None
    middle = take(yard, mender, resident="ABC", received_at=NOW - timedelta(days=5))
    first = take(yard, mender, resident="ABC", received_at=NOW - timedelta(days=9))

    def of(id: str) -> str | None:
        return yard.get(admin, Request, "d", id).repeat_of

    assert (of(last.id), of(middle.id), of(first.id)) == (middle.id, first.id, None)
    stands = yard.get(admin, Request, "d", middle.id)
    room.edit_request(yard, mender, "d", middle.id, stands.revision, {"resident": "XYZ"})
    assert (of(last.id), of(middle.id)) == (first.id, None)
    room.remove_request(yard, admin, "d", first.id, yard.get(admin, Request, "d", first.id).revision)
    assert of(last.id) is None
    assert recount.check(yard, admin, "d") == []


def test_what_a_sheet_brought_is_no_part_of_the_share_of_repeats(yard: Store, mender: Actor, admin: Actor) -> None:
    facts = {"community_id": "d", "grid_id": "d-g1", "text": "电梯停了", "category": "lift", "resident": "ABC"}
    yard.insert(admin, Request(number="1", **facts, received_at=NOW - timedelta(hours=1), batch_id="b"))
    take(yard, mender, resident="ABC", received_at=NOW - timedelta(hours=2))
    (brought,) = yard.find(admin, Request, "d", {"number": "1"})
    assert brought.repeat_of is not None, "the drawer says that it came before"
    review = room.request_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.repeats.value, review.repeats.n) == (0, 1)
    assert room.request_list(yard, admin, "d", now=NOW, show=Show.REPEATS, period=QUARTER).total == 0
    assert take(yard, mender, place="ﷺ" * 200).place_key == "صلىاللهعليهوسلم"[:15] * 53 + "صلىال", "cut, and kept"


# --- what it became
def test_a_request_becomes_a_work_order_and_is_told_when_it_is_done(yard: Store, mender: Actor, admin: Actor) -> None:
    made = take(yard, mender, "单杠松动")
    order = room.become_order(yard, mender, "d", made.id, made.revision, fault="loose", facility_id="d-F-01")
    assert (order.request_id, order.description, order.source) == (made.id, "单杠松动", "resident")
    story = room.request_story(yard, admin, "d", made.id)
    assert story.became is not None
    assert (story.request.status, story.became.kind, story.became.order, story.became.done) == (
        Status.ACCEPTED, OutcomeKind.ORDER, order, False,
    )  # fmt: skip
    with pytest.raises(Invalid):
        room.become_order(yard, mender, "d", made.id, story.request.revision, fault="loose", facility_id="d-F-01")
    with pytest.raises(InUse):
        room.remove_request(yard, admin, "d", made.id, story.request.revision)
    assert room.request_list(yard, admin, "d", now=NOW, show=Show.TO_ANSWER).total == 0
    maintenance.move(yard, mender, "d", order.id, order.revision, OrderStatus.DONE)
    page = room.request_list(yard, admin, "d", now=NOW, show=Show.TO_ANSWER)
    assert [one.id for one in page.rows] == [made.id]
    assert page.became[made.id].done


def test_an_order_that_went_into_another_is_followed_and_one_taken_out_leaves_room(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    made = take(yard, mender, "单杠松动")
    order = room.become_order(yard, mender, "d", made.id, 1, fault="loose", facility_id="d-F-01")
    other = maintenance.log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    maintenance.merge(yard, mender, "d", order.id, order.revision, other.id)
    became = room.request_story(yard, admin, "d", made.id).became
    assert became is not None
    assert became.order is not None
    assert became.order.id == other.id
    stands = yard.get(admin, WorkOrder, "d", order.id)
    maintenance.delete(yard, admin, "d", order.id, stands.revision)
    became = room.request_story(yard, admin, "d", made.id).became
    assert became is not None
    assert became.gone
    second = room.become_order(yard, mender, "d", made.id, 2, fault="loose", facility_id="d-F-02")
    assert yard.get(admin, Request, "d", made.id).outcome_id == second.id


def test_what_went_to_another_grid_is_not_taken_for_gone(yard: Store, mender: Actor) -> None:
    made = take(yard, mender, "单杠松动")
    order = room.become_order(yard, mender, "d", made.id, 1, fault="loose", place="门口")
    maintenance.edit(yard, mender, "d", order.id, order.revision, {"grid_id": "d-g2"})
    became = room.request_story(yard, WORKER, "d", made.id).became
    assert became is not None
    assert (became.order, became.gone, became.elsewhere) == (None, False, True)
    with pytest.raises(Invalid):
        room.become_order(yard, WORKER, "d", made.id, 2, fault="loose", place="门口")


def test_an_order_that_cannot_be_leaves_the_request_as_it_was(yard: Store, mender: Actor, admin: Actor) -> None:
    made = take(yard, mender)
    with pytest.raises(Invalid):
        room.become_order(yard, mender, "d", made.id, 1, fault="loose")  # nowhere
    with pytest.raises(Conflict):
        room.become_order(yard, mender, "d", made.id, 7, fault="loose", place="1 栋")
    assert yard.get(admin, Request, "d", made.id) == made
    assert yard.count(admin, WorkOrder, "d") == 0


def test_an_idea_a_planned_activity_and_a_meeting(yard: Store, mender: Actor, admin: Actor) -> None:
    editor = Actor("ed", "编辑", Role.EDITOR)
    made = take(yard, mender, "想要亲子手工活动")
    made = room.mark(yard, mender, "d", made.id, 1, OutcomeKind.IDEA, note="五月再议")
    assert [one.id for one in room.request_list(yard, admin, "d", now=NOW, show=Show.IDEAS).rows] == [made.id]
    day = NOW.date() + timedelta(days=10)
    facts = {"name": "亲子手工", "format": "handicraft", "held_on": day}
    with pytest.raises(Invalid):
        room.become_activity(yard, editor, "d", made.id, 2, {**facts, "held_on": day - timedelta(days=20)})
    made = room.resolve(yard, mender, "d", made.id, 2, answer="已列入计划")
    assert room.request_list(yard, admin, "d", now=NOW, show=Show.IDEAS).total == 1, "an answer ends no idea"
    made = room.become_activity(yard, editor, "d", made.id, 3, facts)
    became = room.request_story(yard, admin, "d", made.id).became
    assert became is not None
    assert became.activity is not None
    assert (became.activity.name, became.activity.status, became.done) == ("亲子手工", ActivityStatus.PLANNED, False)
    with pytest.raises(Invalid):
        room.mark(yard, mender, "d", made.id, made.revision, OutcomeKind.MEETING)

    put = take(yard, mender, "停车位太少")
    put = room.mark(yard, mender, "d", put.id, 1, "meeting")
    assert [one.id for one in room.for_meeting(yard, admin, "d")] == [put.id]
    put = room.mark(yard, mender, "d", put.id, put.revision, None)
    assert room.for_meeting(yard, admin, "d") == []
    put = room.mark(yard, mender, "d", put.id, put.revision, "meeting")
    assert room.came_of(yard, admin, "d", made.outcome_id or "") == [made]

    # a meeting: both sides in one transaction, from either side; taken back from both, or gone with the meeting
    april, may_ = (
        meetings.plan_meeting(yard, admin, "d", {"name": name, "kind": "ad_hoc", "reason": "x", "day": day})
        for name, day in (("四月会", date(2026, 4, 2)), ("五月会", date(2026, 5, 6)))
    )
    assert [one.id for one in meetings.to_come(yard, admin, "d", now=NOW)] == [april.id, may_.id]

    def agenda(meeting: Meeting) -> list[str]:
        return [item.link.ref for item in yard.get(admin, Meeting, "d", meeting.id).agenda if item.link]

    with pytest.raises(Refused):
        room.put_to_meeting(yard, mender, "d", put.id, put.revision, may_.id)
    with pytest.raises(NotFound):
        room.put_to_meeting(yard, editor, "d", put.id, put.revision, "nowhere")
    put = room.put_to_meeting(yard, editor, "d", put.id, put.revision, may_.id)
    assert (put.outcome_kind, put.outcome_id, agenda(may_)) == (OutcomeKind.MEETING, may_.id, [put.id])
    assert room.for_meeting(yard, admin, "d") == []
    with pytest.raises(Invalid):
        room.put_to_meeting(yard, editor, "d", put.id, put.revision, april.id)
    put = room.mark(yard, editor, "d", put.id, put.revision, None)
    assert (put.outcome_kind, put.outcome_id, agenda(may_)) == (None, None, [])
    put = room.mark(yard, mender, "d", put.id, put.revision, "meeting")
    item = AgendaItem(text="停车", link=Link(about=Linked.REQUEST, ref=put.id))
    with pytest.raises(Conflict):
        room.take_up(yard, editor, "d", april.id, 7, [item])
    room.take_up(yard, editor, "d", april.id, april.revision, [item])
    told = room.request_story(yard, admin, "d", put.id)
    assert told.became is not None
    assert told.became.meeting is not None
    assert (told.became.meeting.name, told.became.done, agenda(april)) == ("四月会", False, [put.id])
    assert [one.id for one in room.came_of(yard, admin, "d", april.id)] == [put.id]
    april = yard.get(admin, Meeting, "d", april.id)
    april = meetings.hold(yard, editor, "d", april.id, april.revision, people=["d-li"])
    told = room.request_story(yard, admin, "d", put.id)
    assert told.became is not None
    assert told.became.done
    with pytest.raises(Invalid):
        room.mark(yard, editor, "d", put.id, told.request.revision, None)
    meetings.remove_meeting(yard, editor, "d", april.id, april.revision)
    told = room.request_story(yard, admin, "d", put.id)
    assert told.became is not None
    assert told.became.gone
    put = room.put_to_meeting(yard, editor, "d", put.id, told.request.revision, may_.id)
    assert put.outcome_id == may_.id
    assert recount.check(yard, admin, "d") == []
    assert yard.count(admin, Activity, "d") == 1


# --- lists
def test_overdue_comes_first_and_the_urgent_before_the_long_overdue(yard: Store, mender: Actor, admin: Actor) -> None:
    def days_ago(days: float, urgency: Urgency) -> str:
        return take(yard, mender, received_at=NOW - timedelta(days=days), urgency=urgency).id

    late = [days_ago(40, Urgency.ORDINARY), days_ago(20, Urgency.ORDINARY), days_ago(2, Urgency.UTILITY)]
    life = days_ago(0.2, Urgency.LIFE)
    soon = days_ago(0, Urgency.ORDINARY)
    page = room.request_list(yard, admin, "d", now=NOW)
    assert [one.id for one in page.rows] == [life, late[2], late[0], late[1], soon]
    over = room.request_list(yard, admin, "d", now=NOW, show="overdue")
    assert over.total == 4
    glance = room.request_glance(yard, admin, "d", now=NOW)
    assert (glance.open, glance.overdue) == (5, 4)
    assert glance.kind == (page.rows[0].category, 4)
    assert room.request_glance(yard, admin, "d", frozenset({"d-g2"}), now=NOW).open == 0
    with pytest.raises(NotFound):
        room.request_story(yard, Actor("x", "x", Role.ADMIN, grids=frozenset({"d-g2"})), "d", life)


def test_a_search_finds_all_words_anywhere_and_a_number_in_any_list(yard: Store, mender: Actor, admin: Actor) -> None:
    answered(yard, mender, text="南门 (旧) 道闸坏了", place="南门", resident="Q-1")
    take(yard, mender, text="道闸不开", place="北门")

    def found(search: str, **facts: Any) -> list[str]:
        return [one.number for one in room.request_list(yard, admin, "d", now=NOW, search=search, **facts).rows]

    ever = {"show": Show.ALL, "period": Period.of("ever")}
    assert found("道闸") == ["R-00002"], "of what is open"
    assert found("道闸 南门", **ever) == found("(旧)", **ever) == found("q-1", **ever) == ["R-00001"]
    assert found("道闸\x00西门", **ever) == found(".*", **ever) == []
    assert found(" r-00001 ") == ["R-00001"], "which is not open any more"
    assert found("R-00001", grids=frozenset({"d-g2"})) == []


def test_the_lists_of_a_past_month_read_that_month(yard: Store, mender: Actor) -> None:
    one = answered(yard, mender).to_document()
    days = [NOW - timedelta(days=n) for n in range(1500)]
    many = [
        {**one, "_id": f"x{n}", "number": f"X-{n}", "received_at": day, "ended_at": day}
        | ({"reopenings": [{"ended_at": day, "reopened_at": day, "late": False}]} if n % 9 == 0 else {})
        | ({"callbacks": [{"on": day, "by": "", "reached": True}]} if n % 3 == 0 else {})
        for n, day in enumerate(days)
    ]
    yard.db["requests"].insert_many(many)
    for show in (Show.ENDED, Show.ON_TIME, Show.SPOKEN, Show.REOPENED):
        for where in queries._where(yard, "d", show, Period.of("2025-12"), NOW):
            asked = {"find": "requests", "filter": {"community_id": "d", **where}}
            asked |= {"sort": {"received_at": -1}, "limit": room.MANY}
            read = yard.db.command("explain", asked, verbosity="executionStats")["executionStats"]
            assert 0 < read["nReturned"] <= read["totalDocsExamined"] < 40, (show, where)


def test_a_sheet_that_tells_the_call_back_counts_as_one(yard: Store, admin: Actor) -> None:
    facts = {"community_id": "d", "grid_id": "d-g1", "text": "漏水", "received_at": NOW - timedelta(days=1)}
    told = {"status": "closed", "ended_at": NOW, "called_on": NOW.date(), "solved": True}
    yard.insert(admin, Request(number="1", **facts, **told, satisfaction="satisfied"))
    yard.insert(admin, Request(number="2", **facts, **{**told, "solved": False}, satisfaction="dissatisfied"))
    yard.insert(admin, Request(number="3", **facts, status="closed"))
    review = room.request_review(yard, admin, "d", QUARTER, now=NOW)
    assert (review.solved.value, review.solved.n) == (0.5, 2)
    assert [stage.n for stage in review.funnel] == [3, 3, 3, 1, 1]
    shares = [each.value or 0 for each in (review.response, review.solved, review.satisfied)]
    home = yard.find(admin, Community, "d", {"_id": "d"})[0]
    with pytest.raises(Invalid) as wrong:
        edit_community(yard, admin, "d", home.revision, {"weight_response": 20})
    assert "100 %" in wrong.value.problems["weight_satisfaction"].text
    own = {"weight_response": 20, "weight_solution": 20, "weight_satisfaction": 60}
    for weights, changes in (((10, 50, 40), {}), ((20, 20, 60), own)):
        if changes:
            edit_community(yard, admin, "d", home.revision, changes)
        found = room.request_review(yard, admin, "d", QUARTER, now=NOW).composite.value
        assert found == pytest.approx(sum(weight * share for weight, share in zip(weights, shares, strict=True)))
    for stage in review.funnel:
        assert room.request_list(yard, admin, "d", now=NOW, show=stage.show, period=QUARTER).total == stage.n
    assert recount.check(yard, admin, "d") == []


def test_the_register_a_desk_keeps_comes_in_as_it_is(yard: Store, admin: Actor) -> None:
    table = (
        "编号,诉求内容,诉求类别,紧急程度,接待时间,地点,状态,办结时间,回访日期,是否解决,满意度\n"
        "J-1,幸福里6栋电梯停了,电梯,一般,2026-03-01 09:00,6 栋,已回访,2026-03-02 10:00,2026-03-04,是,基本满意\n"
        "J-2,楼道冒烟,消防,紧急,2026-04-02 08:00,5 栋,办理中,,,,\n"
        "J-3,,停车,一般,2026-04-02 08:00,5 栋,办理中,,,,\n"
    )
    sheet = Sheet(table.encode(), "群众接待.csv")
    mapping = importer.propose(Request, sheet, (translator("zh"),))
    preview = importer.preview(yard, admin, "d", sheet, mapping, languages=(translator("zh"),))
    assert (preview.counts.new, preview.counts.rejected) == (2, 1)
    importer.commit(yard, admin, preview, patience=0)
    lift, fire = yard.find(admin, Request, "d", sort=[("number", 1)])
    assert (lift.category, lift.status, lift.satisfaction, lift.words) == (
        Topic.LIFT, Status.CLOSED, Satisfaction.BASICALLY, ("幸福", "电梯"),
    )  # fmt: skip
    assert (fire.category, fire.urgency, fire.is_open) == (Topic.FIRE, Urgency.LIFE, True)
    review = room.request_review(yard, admin, "d", Period.of("2026"), now=NOW)
    assert (review.solved.value, review.solved.n, review.satisfied.value) == (1, 1, 0.9)
    assert review.repeats.value is None, "nobody looked for earlier ones of what a sheet brought"
    assert lift.deadline_at == datetime(2026, 3, 8, 15, 59, 59, tzinfo=UTC), "as the desk would have it"
    assert fire.deadline_at == datetime(2026, 4, 2, 2, 0, tzinfo=UTC)
    assert (review.open.value, review.overdue.value, review.on_time.value, review.on_time.n) == (1, 1, 0.5, 2)
    assert recount.check(yard, admin, "d") == []


def test_a_register_without_a_status_tells_by_its_dates_what_is_over(yard: Store, admin: Actor) -> None:
    table = (
        "编号,诉求内容,紧急程度,登记时间,办结时间,回访日期,是否解决,满意度\n"
        "K-1,路灯不亮,一般,2026-03-20 09:00,2026-03-22 10:00,,,\n"
        "K-2,停车位不够,一般,2026-03-20 09:00,2026-03-22 10:00,2026-03-24,是,满意\n"
        "K-3,水管爆了,水电气热,2026-03-20,,,,\n"
    )
    sheet = Sheet(table.encode(), "来访.csv")
    preview = importer.preview(
        yard, admin, "d", sheet, importer.propose(Request, sheet, (translator("zh"),)), languages=(translator("zh"),)
    )
    importer.commit(yard, admin, preview, patience=0)
    lamp, parking, pipe = yard.find(admin, Request, "d", sort=[("number", 1)])
    assert [(each.status, each.is_open, each.category) for each in (lamp, parking, pipe)] == [
        (Status.RESOLVED, False, Topic.LIGHTING),
        (Status.CLOSED, False, Topic.PARKING),
        (Status.RECEIVED, True, Topic.LEAK),
    ]
    assert pipe.deadline_at is None, "hours from a day that nobody knows the hour of"
    review = room.request_review(yard, admin, "d", Period.of("2026"), now=NOW)
    assert (review.open.value, review.to_call, review.on_time.value, review.solved.n) == (1, 1, 1, 1)
    assert recount.check(yard, admin, "d") == []


# --- figures against pandas, and every figure against its list
STEPS = st.lists(
    st.sampled_from(["accept", "resolve", "decline", "refer", "missed", "yes", "fine", "no", "reopen", "wait"]),
    max_size=9,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cases=st.lists(
        st.tuples(st.integers(0, 70), st.sampled_from(list(Urgency)), st.sampled_from(["ABC", "XYZ", None]), STEPS),
        max_size=5,
    )
)
def test_the_figures_are_what_pandas_counts_on_raw_rows(
    yard: Store, mender: Actor, admin: Actor, cases: list[tuple[int, Urgency, str | None, list[str]]]
) -> None:
    for name in ("requests", "monthly_counts"):
        yard.db[name].delete_many({"community_id": "d"})
    yard._places.clear()
    at = At(yard)
    latest = NOW
    for age, urgency, resident, steps in cases:
        at.now = NOW - timedelta(days=age)
        made = take(yard, mender, urgency=urgency, resident=resident)
        for step in steps:
            made = _stepped(yard, mender, made, step, at)
        latest = max(latest, at.now)
    now = at.now = latest + timedelta(minutes=1)
    period = Period.of("2026")
    review = room.request_review(yard, admin, "d", period, now=now)
    raw = [Request.from_document(each) for each in yard.db["requests"].find({"community_id": "d"})]

    calls = pd.DataFrame(
        [dict(call) for each in raw for call in each.callbacks if call.reached],
        columns=["on", "by", "reached", "contacted", "solved", "satisfaction"],
    )
    points = calls["satisfaction"].map({"satisfied": 1.0, "basically": 0.9, "dissatisfied": 0.0}).astype(float)
    n1, n2, n3 = (column.astype(float).mean() for column in (calls["contacted"], calls["solved"], points))
    for value, share in ((review.response, n1), (review.solved, n2), (review.satisfied, n3)):
        assert value.n == len(calls)
        assert value.value == (None if calls.empty else pytest.approx(share))
    wanted = None if calls.empty else pytest.approx(100 * (0.1 * n1 + 0.5 * n2 + 0.4 * n3))
    assert review.composite.value == wanted

    endings = [(past.ended_at, each.deadline_at) for each in raw for past in each.reopenings]
    endings += [(each.ended_at, each.deadline_at) for each in raw if each.ended_at]
    late = sum(end > due for end, due in endings)
    overdue = sum(each.is_open and each.deadline_at < now for each in raw)
    assert review.on_time.n == len(endings) + overdue
    assert review.on_time.value == (
        pytest.approx((len(endings) - late) / (len(endings) + overdue)) if endings or overdue else None
    )
    assert review.open.value == (sum(each.is_open for each in raw) if raw else None)
    assert review.overdue.value == (overdue if raw else None)
    assert review.repeats.value == (sum(bool(each.repeat_of) for each in raw) / len(raw) if raw else None)
    assert [stage.n for stage in review.funnel] == sorted((stage.n for stage in review.funnel), reverse=True)

    for month in review.months:  # the past as it was then
        end = min(now, Period.of(month.month).bounds(SHANGHAI)[1])
        opened, overdue = _then(raw, end)
        assert (month.month, month.backlog, month.overdue) == (month.month, opened, overdue)

    def listed(show: Show) -> int:
        return room.request_list(yard, admin, "d", now=now, show=show, period=period).total

    for stage in review.funnel:
        assert listed(stage.show) == stage.n
    assert listed(Show.OVERDUE) == review.overdue.value if raw else True
    ended = {each.id for each in raw if each.ended_at or each.reopenings}
    assert listed(Show.ENDED) == len(ended)
    assert listed(Show.TO_CALL) == review.to_call
    assert listed(Show.REPEATS) == sum(bool(each.repeat_of) for each in raw)
    assert recount.check(yard, admin, "d") == []


def _stepped(store: Store, who: Actor, made: Request, step: str, at: At) -> Request:
    """A step, or the request as it is where it cannot be taken."""
    at.go(hours=30)
    me = (store, who, "d", made.id, made.revision)
    reached = {"reached": True, "satisfaction": "satisfied"}
    calls: dict[str, Any] = {
        "accept": lambda: room.accept(*me),
        "resolve": lambda: room.resolve(*me, answer="x"),
        "decline": lambda: room.decline(*me, reason="x"),
        "refer": lambda: room.refer(*me, to="x"),
        "missed": lambda: room.call_back(*me, reached=False),
        "yes": lambda: room.call_back(*me, **reached, solved=True),
        "fine": lambda: room.call_back(*me, **{**reached, "satisfaction": "basically"}, contacted=False, solved=True),
        "no": lambda: room.call_back(*me, **{**reached, "satisfaction": "dissatisfied"}, solved=False),
        "reopen": lambda: room.reopen(*me, reason="x"),
        "wait": lambda: made,
    }
    try:
        changed: Request = calls[step]()
    except Invalid:
        return made
    assert changed.is_open is (changed.status in room.OPEN)
    assert (changed.ended_at is None) is changed.is_open
    return changed


def _then(raw: list[Request], at: datetime) -> tuple[int, int]:
    """How many were open and overdue at a past moment, read off the events alone."""
    state = Counter[str]()
    for each in raw:
        steps = [event for event in each.events if event.at < at]
        if not steps:
            continue
        told = {Step.RESOLVED: False, Step.DECLINED: False, Step.REFERRED: False, Step.REOPENED: True}
        told |= {Step.RECEIVED: True, Step.NOT_SOLVED: True}
        is_open = [told[event.step] for event in steps if event.step in told][-1]
        state["open"] += is_open
        state["overdue"] += is_open and each.deadline_at is not None and each.deadline_at < at
    return state["open"], state["overdue"]


# --- themes
def test_themes_rise_from_several_residents_and_not_from_one(
    yard: Store, mender: Actor, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def came(days: int, text: str, **who: Any) -> None:
        take(yard, mender, text, received_at=NOW - timedelta(days=days), **who)

    for day, resident in ((3, "A"), (9, "B"), (20, "C"), (30, "A")):
        came(day, "电瓶车在楼道里充电", resident=resident)
    came(100, "电动车充电", resident="A")  # the quarter before
    for day in (2, 4, 6, 8):
        came(day, "广场舞音响太吵", resident="A")  # one person is no theme
    for day, place in ((100, "1 栋"), (110, "2 栋"), (120, "3 栋"), (5, "1 栋"), (6, "2 栋"), (7, "3 栋")):
        came(day, "垃圾没有清运", place=place)
    for day in (1, 2, 3):
        came(day, "停车难")  # nobody and nowhere: nobody knows whether they are several
    came(1, "停水", grid_id="d-g2", resident="Z")

    found = room.themes(yard, admin, "d", QUARTER, now=NOW)
    topics = {(one.category, one.n, one.before, one.residents) for one in found.topics}
    assert topics == {("charging", 4, 1, 3), ("cleaning", 3, 3, 3)}
    assert [one.category for one in found.topics] == ["charging", "cleaning"], "rising first"
    assert (found.n, found.nameless) == (15, 3), "and it is said of how many that is not known"
    words = {one.word: (one.n, one.before, one.residents, one.category) for one in found.words}
    assert words["楼道"] == (4, 0, 3, "charging")
    assert words["充电"] == (4, 1, 3, "charging")
    assert "电动车" not in words, "the topic says it"
    assert not words.keys() & {"广场舞", "音响", "停车", "停水", "没有"}
    rows = room.request_list(
        yard, admin, "d", now=NOW, show=Show.ALL, word="楼道", since=found.since, until=found.until
    )
    assert rows.total == 4, "every figure has its list"
    glance = room.request_glance(yard, admin, "d", now=NOW)
    assert glance.rising is not None
    assert glance.rising.category == "charging"
    assert room.themes(yard, admin, "d", QUARTER, frozenset({"d-g2"}), now=NOW).topics == ()
    monkeypatch.setattr(sys.modules["repository.requests.themes"], "READ", 12)
    cut = room.themes(yard, admin, "d", QUARTER, now=NOW)
    assert cut.cut
    assert ((cut.until - cut.since).days, cut.n) == (4, 7), "what is compared is read whole: 8 days brought twelve"


@pytest.mark.parametrize(
    ("text", "words", "topic"),
    [
        ("北门道闸不识别车牌，早高峰排队半小时", ("道闸", "识别", "车牌", "排队"), Topic.ENTRANCE),
        ("楼下路灯不亮", ("路灯",), Topic.LIGHTING),
        ("没电了", ("停电",), Topic.UTILITIES),
        ("邻里纠纷", ("邻里纠纷",), Topic.NEIGHBOURS),
        ("社区想办亲子活动", ("亲子活动",), Topic.CHILDREN),
        ("门禁卡刷不开", ("门禁卡", "刷不开"), Topic.ENTRANCE),
        ("运动场地漏水", ("运动场", "漏水"), Topic.LEAK),
        ("下水道堵塞，污水从一楼地漏反上来", ("下水道", "堵塞", "污水", "地漏"), Topic.DRAINS),
        ("张秀英 13800138000 反映楼上渗水", ("漏水",), Topic.LEAK),
        ("<b>x</b> =1+1 hello 2026", (), Topic.OTHER),
        ("", (), Topic.OTHER),
        ("电梯" * 2000, ("电梯",), Topic.LIFT),
    ],
)
def test_words_of_chinese_texts(text: str, words: tuple[str, ...], topic: Topic) -> None:
    assert room.words_of(text) == words
    assert room.topic_of(room.words_of(text)) is topic


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_few_short_words(text: str) -> None:
    found = room.words_of(text)
    assert len(found) == len(set(found)) <= 12
    assert all(2 <= len(word) <= 12 for word in found)


def test_the_segmenter_is_loaded_with_the_first_text_only() -> None:
    import subprocess
    import sys

    code = "import sys, repository.requests; sys.exit('rjieba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_dates_and_places_of_call_backs_are_days(yard: Store, mender: Actor, admin: Actor) -> None:
    """A call-back on the last day of a month in Shanghai counts there, whatever the hour in UTC."""
    at = At(yard)
    at.now = datetime(2026, 3, 31, 16, 30, tzinfo=UTC)  # 00:30 on 1 April
    made = answered(yard, mender)
    room.call_back(yard, mender, "d", made.id, made.revision, reached=True, solved=True, satisfaction="satisfied")
    stored = yard.get(admin, Request, "d", made.id)
    assert stored.called_on == date(2026, 4, 1)
    where = {"callbacks": Is(some={"on": datetime(2026, 4, 1, tzinfo=UTC)})}
    assert yard.count(admin, Request, "d", where) == 1
    assert room.request_review(yard, admin, "d", Period.of("2026-03"), now=NOW).solved.n == 0


def test_what_each_answered_is_counted_by_whole_months_and_looked_up_for_the_days_around(
    yard: Store, mender: Actor, admin: Actor
) -> None:
    at = At(yard)
    told: list[tuple[str, date, bool]] = []
    days = [date(2026, 1, 14), date(2026, 1, 20), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 31)]
    for place, (day, who) in enumerate((day, who) for day in days for who in ("d-li", "d-wang")):
        at.now = datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC)  # 23:30 there
        slow = place % 3 == 0
        received = at.now - timedelta(days=9 if slow else 1)
        made = answered(yard, mender, responsible_id=who, received_at=received)
        told.append((who, day, made.ended_at is not None and made.ended_at > (made.deadline_at or NOW)))
    assert {late for *_told, late in told} == {True, False}
    at.now = NOW
    take(yard, mender, responsible_id="d-li")
    again = answered(yard, mender, responsible_id="d-li", received_at=NOW - timedelta(hours=1))
    room.reopen(yard, mender, "d", again.id, again.revision, reason="没好")
    moved = answered(yard, mender, responsible_id="d-li", received_at=NOW - timedelta(hours=1))
    room.edit_request(yard, mender, "d", moved.id, moved.revision, {"responsible_id": "d-wang", "grid_id": "d-g2"})
    told.append(("d-wang", date(2026, 4, 2), False))
    elsewhere = Actor("g", "g", Role.GRID_WORKER, grids=frozenset({"d-g1"}))
    for first, last in (
        (days[0], NOW.date()),
        (days[1], days[3]),
        (days[2], days[3]),
        (days[3], days[3]),
        (days[2], days[0]),
    ):
        for actor in (admin, elsewhere):
            mine = [one for one in told if first <= one[1] <= last and (actor is admin or one[1] <= days[-1])]
            wanted = {
                who: room.Answered(sum(one[0] == who for one in mine), sum(one[0] == who and one[2] for one in mine))
                for who in {one[0] for one in mine}
            }
            assert room.answered_by(yard, actor, "d", ["d-li", "d-wang"], first, last) == wanted, (first, last)
    assert recount.check(yard, admin, "d") == []
