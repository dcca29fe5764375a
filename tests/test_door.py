"""The page at an activity's door: codes, somebody new, hours, replays, limits, and what nobody is told."""

import re
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard import data
from dashboard.door import DoorRates, Doors
from dashboard.limits import Rate
from dashboard.settings import Settings
from repository import recount
from repository.access import Actor, Operation, Outsider, Refused, may
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    add_activity,
    cancel_activity,
    edit_activity,
    record_attendance,
)
from repository.checkin import guests, open_door, renew_door, sign_up, spoken_code, undo_check_in, withdraw
from repository.checkin.door import _visitor
from repository.grids import Community, Grid
from repository.people import AgeBand, Sex
from repository.record import RECORDS
from repository.signups import SignUp
from repository.store import Store
from tests.conftest import NOW, Clock
from tests.pages import Front, Page

C = "D"
TODAY = date(2026, 4, 2)  # 16:30


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def here(store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A community with an activity behind the public pages."""
    store.insert(admin, Community(id=C, community_id=C, code="D", name="D社区", residents=1000))
    store.insert(admin, Grid(id="g1", community_id=C, code="1", name="1 号<b>网格", residents=500))
    monkeypatch.setattr(data, "store", lambda: store)
    monkeypatch.setenv("MONGODB_URI", "mongodb://nowhere")
    return store


@pytest.fixture
def craft(here: Store, admin: Actor) -> Activity:
    values = {"name": "亲子手工 <script>", "held_on": TODAY, "format": "craft", "starts_at": "17:00", "capacity": 2}
    return add_activity(here, admin, C, {**values, "status": ActivityStatus.PLANNED, "ends_at": "18:00"})


def front(rates: DoorRates | None = None, **more: Any) -> Front:
    return Front(Doors(Settings.from_environment({}), rates), **more)


def typed(visitor: Front, door: str, code: str, **more: str) -> Page:
    token = visitor.get(f"/d/{door}").token
    return visitor.call("POST", f"/d/{door}", data={"token": token, "code": code, **more})


def came(store: Store, actor: Actor) -> dict[str, Attendance]:
    return {one.resident: one for one in store.find(actor, Attendance, C)}


def test_the_evening_at_the_door(here: Store, admin: Actor, craft: Activity, clock: Clock) -> None:
    door = open_door(here, admin, C, craft.id).id
    assert open_door(here, admin, C, craft.id).id == door
    one = sign_up(here, admin, C, craft.id, resident="R-AAAA", accept_new=True, age_band=AgeBand.A36, lives_in="g1")
    two = sign_up(here, admin, C, craft.id, resident="R-CCCC", accept_new=True, sex=Sex.MALE)
    visitor = front()
    page = visitor.get(f"/d/{door}")
    assert page.status == 200
    assert page.size < 100_000
    assert "<script" not in page.text.lower()
    assert "1 号<b>网格" in page.said
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for language, words in (("zh-CN", "我到了"), ("en", "I am here")):
        assert words in front(language=language).get(f"/d/{door}").said
    chinese = front(language="zh-CN").get(f"/d/{door}").said
    assert not re.search(r"[A-Za-z]{5,}", re.sub(r"English|GridBoard|script", "", chinese)), chinese

    # the one-time code, as people type it; a second time it has been used, the same form once more is the same
    token = page.token
    sent = {"token": token, "code": f" {spoken_code(one.code).lower()} "}
    answers = [visitor.call("POST", f"/d/{door}", data=sent) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert all("You are checked in" in answer.said for answer in answers)
    there = came(here, admin)["R-AAAA"]
    assert (there.age_band, there.grid_id, there.created_by) == (AgeBand.A36, "g1", "Visitor, at the door")
    assert here.get(admin, Activity, C, craft.id).status is ActivityStatus.HELD
    used = typed(visitor, door, one.code)
    assert (used.status, "has been used" in used.said) == (422, True)
    for secret in ("R-AAAA", "R-CCCC"):
        assert secret not in page.text + used.text + answers[0].text

    # one's own code: who is signed up, who came long ago; registered already is answered as not registered
    earlier = add_activity(here, admin, C, {"name": "讲座", "held_on": "2026-03-01", "format": "lecture"})
    record_attendance(here, admin, C, earlier.id, resident="R-FFFF", accept_new=True, sex=Sex.FEMALE)
    first, again = typed(visitor, door, "r ffff"), typed(visitor, door, "R-FFFF")
    assert first.status == again.status == 200
    assert re.sub(r"\s+", " ", first.said) == re.sub(r"\s+", " ", again.said)
    assert {one.sex for one in here.find(admin, Attendance, C, {"resident": "R-FFFF"})} == {Sex.FEMALE}
    assert typed(visitor, door, "R-CCCC").status == 200

    # a code that opens nothing, whatever the reason, is answered alike
    other = add_activity(here, admin, C, {"name": "别的", "held_on": TODAY, "format": "sport", "status": "planned"})
    elsewhere = sign_up(here, admin, C, other.id, resident="R-HHHH", accept_new=True)
    gone = sign_up(here, admin, C, other.id, resident="R-JJJJ", accept_new=True)
    left = sign_up(here, admin, C, craft.id, resident="R-KKKK", accept_new=True)
    for each in (gone, left):
        withdraw(here, admin, C, each.sign_up.id, each.sign_up.revision)
    wrong = [typed(visitor, door, code) for code in (elsewhere.code, left.code, "R-ZZZZ", "张三", "13812345678", "")]
    assert {(answer.status, answer.said.count("opens nothing here")) for answer in wrong} == {(422, 1)}

    # somebody new is given a code, and the same again for the same form
    token = visitor.get(f"/d/{door}").token
    values = {"token": token, "new": "yes", "age_band": "60-74", "sex": "f", "grid": "g1"}
    new = [visitor.call("POST", f"/d/{door}", data=values) for _ in range(2)]
    codes = {re.search(r"R-[0-9A-Z]{4,6}", answer.said)[0] for answer in new}  # type: ignore[index]
    (code,) = codes
    assert came(here, admin)[code].age_band is AgeBand.A60
    silent = visitor.call(
        "POST", f"/d/{door}", data={"token": visitor.get(f"/d/{door}").token, "new": "yes", "grid": "x", "sex": "$ne"}
    )
    assert silent.status == 200
    assert {(each.sex, each.grid_id) for each in came(here, admin).values() if each.resident not in codes} >= {
        (None, None)
    }
    assert recount.check(here, admin, C) == []
    found = guests(here, admin, C, craft.id)
    assert found is not None
    assert (found.slot.came, found.slot.signed, found.door) == (2, 2, door)
    undo_check_in(here, admin, C, two.sign_up.id)
    assert typed(visitor, door, two.code).status == 200, "taken back by mistake, the code opens again"

    # the hours of the door
    moments = ((-91, "from"), (-89, "I am here"), (209, "I am here"), (211, "is over"), (60 * 24, "is over"))
    for minutes, words in moments:
        clock.now = NOW.replace(hour=9, minute=0) + timedelta(minutes=minutes - 30)
        assert words in front().get(f"/d/{door}").said, minutes
    late = visitor.call("POST", f"/d/{door}", data={"token": token, "code": "R-FFFF"})
    assert (late.status, "is over" in late.said) == (409, True)


def test_a_door_that_leads_nowhere_says_so(here: Store, admin: Actor, craft: Activity) -> None:
    old = open_door(here, admin, C, craft.id).id
    new = renew_door(here, admin, C, craft.id).id
    visitor = front()
    assert visitor.get(f"/d/{old}").status == 410
    found = visitor.get(f"/d/?code={new.lower()}")
    assert (found.status, found.where.partition("?")[0]) == (303, f"/d/{new}")
    assert visitor.get("/d/").status == 200
    token = visitor.get(f"/d/{new}").token
    others = open_door(here, admin, C, add_activity(here, admin, C, {
        "name": "x", "held_on": TODAY, "format": "x", "status": "planned"}).id).id  # fmt: skip
    strange = visitor.call("POST", f"/d/{others}", data={"token": token, "new": "yes"})
    assert (strange.status, "once more" in strange.said) == (409, True)
    moved = edit_activity(here, admin, C, craft.id, craft.revision, {"held_on": TODAY + timedelta(days=1)})
    assert "from 2026-04-03 15:00 on" in visitor.get(f"/d/{new}").said
    cancel_activity(here, admin, C, craft.id, moved.revision)
    assert "cancelled" in visitor.get(f"/d/{new}").said
    assert came(here, admin) == {}


def test_each_address_and_each_door_has_its_measure(here: Store, admin: Actor, craft: Activity) -> None:
    door = open_door(here, admin, C, craft.id).id
    code = sign_up(here, admin, C, craft.id, resident="R-AAAA", accept_new=True).code
    small = DoorRates(wrong=Rate(3, 1_000, 60.0), strangers=Rate(2, 1_000, 60.0), label=Rate(8, 1_000, 60.0))
    app = Doors(Settings.from_environment({}), small)
    guesser, guest = Front(app, "10.0.0.1"), Front(app, "10.0.0.2")
    assert [typed(guesser, door, f"R-ZZZ{n}").status for n in "3467"] == [422, 422, 422, 429]
    assert typed(guesser, door, code).status == 429, "nor does the right one tell"
    assert guesser.get(f"/d/{door}").status == 200
    assert typed(guest, door, code).status == 200
    assert [typed(each, door, "", new="yes").status for each in (guesser, guest, guest)] == [200, 200, 429]
    assert typed(Front(app, "10.0.0.3"), door, "R-AAAA").status == 200
    assert typed(Front(app, "10.0.0.4"), door, "R-AAAA").status == 200
    busy = typed(Front(app, "10.0.0.5"), door, "R-AAAA")
    assert (busy.status, "at the desk" in busy.said, "retry-after" in busy.headers) == (429, True, True)
    unknown = Front(app, "10.0.0.6")
    assert [unknown.get("/d/AAAA0000").status for _ in range(4)] == [404, 404, 404, 429]


def test_whatever_is_typed_is_a_code_that_opens_nothing(here: Store, admin: Actor, craft: Activity) -> None:
    door = open_door(here, admin, C, craft.id).id
    for words in (
        "<script>alert(1)</script>",
        "' || '1'=='1",
        '{"$ne": null}',
        "R-\0AA",
        "R-" + "A" * 19_000,
        "九" * 50,
    ):
        answer = typed(front(), door, words, age_band=words, grid=words)
        assert answer.status in (400, 422), words
        assert "<script" not in answer.text.lower()
        assert front().get("/d/" + words.encode().hex()[:40]).status == 404
    assert front().call("POST", f"/d/{door}", data={"token": "x" * 500, "new": "yes"}).status == 409
    assert (
        front().call("POST", f"/d/{door}", content=b"\xff" * 99, headers={"content-type": "text/plain"}).status == 415
    )
    assert front().call("PUT", f"/d/{door}").status == 405
    assert came(here, admin) == {}


def test_a_visitor_may_only_check_in_at_their_door(here: Store, admin: Actor, craft: Activity) -> None:
    visitor = _visitor(open_door(here, admin, C, craft.id))
    other = add_activity(here, admin, C, {"name": "别的", "held_on": TODAY, "format": "sport"})
    theirs = sign_up(here, admin, C, craft.id, resident="R-AAAA", accept_new=True).sign_up
    with pytest.raises(Refused):
        record_attendance(here, visitor, C, other.id, resident="R-AAAA", accept_new=True)
    with pytest.raises(Refused, match="capacity"):
        here.update(visitor, Activity, C, craft.id, craft.revision, {"capacity": 99})
    with pytest.raises(Refused, match="state"):
        here.update(visitor, SignUp, C, theirs.id, theirs.revision, {"state": "withdrawn"})
    allowed = {(name, str(operation)) for name in RECORDS for operation in Operation if may(visitor, operation, name)}
    assert allowed == {
        ("communities", "read"), ("grids", "read"), ("activities", "read"), ("activities", "update"),
        ("attendances", "read"), ("attendances", "create"), ("sign_ups", "read"), ("sign_ups", "update"),
    }  # fmt: skip
    resident = Actor("label:x", "x", Outsider.RESIDENT, frozenset({C}), bound_to=("facilities", "f"))
    assert not any(may(resident, each, name) for each in Operation for name in ("sign_ups", "attendances", "doors"))
