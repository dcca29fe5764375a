"""Report by label: from the scan to the sent report, the private link, and everything that nobody should send."""

import asyncio
import html
import re
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from dashboard import data, public
from dashboard.limits import Rate
from dashboard.public import Rates
from repository import labels, people, preventive, recount, reports
from repository.access import Actor, Operation, Outsider, Refused, Role, may
from repository.facilities import Facility, ServiceStatus, retire
from repository.hazards import Hazard, State, report_hazard
from repository.maintenance import Priority, Status, WorkOrder, log_repair, merge, move
from repository.people import Contact
from repository.store import ROOM_NEEDED, Invalid, NotFound, Store, Unavailable
from tests.conftest import NOW, Clock, awaited
from tests.pages import CLERK, GOOD, Front, Page, front, label_of, picture
from tests.test_photos import hostile
from tests.test_work_life import month

OTHER = Actor("other", "刘", Role.FACILITY_MANAGER)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(yard: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The yard, behind the public pages."""
    monkeypatch.setattr(data, "store", lambda: yard)
    monkeypatch.setenv("MONGODB_URI", "mongodb://nowhere")  # nothing is started for it
    return yard


def orders(store: Store) -> list[WorkOrder]:
    """All of them, newest last."""
    return store.find(CLERK, WorkOrder, "d", sort=[("reported_at", 1), ("number", 1)])


def sent(visitor: Front, code: str, **more: Any) -> Page:
    """Scan, fill in, send."""
    files = more.pop("files", None)
    page = visitor.get(f"/r/{code}")
    assert page.status == 200
    return visitor.post(f"/r/{code}", {"token": page.token, **GOOD, **more}, files)


def mended(store: Store, order: WorkOrder, mender: Actor) -> WorkOrder:
    """Taken to "done"."""
    order = store.get(CLERK, WorkOrder, "d", order.id)
    order = move(store, mender, "d", order.id, order.revision, Status.IN_PROGRESS)
    return move(store, mender, "d", order.id, order.revision, Status.DONE)


# --- the walk
def test_from_the_scan_to_the_sent_report(served: Store) -> None:
    visitor, code = front(), label_of(served)
    page = visitor.get(f"/r/{code}")
    assert page.status == 200
    assert "单杠" in page.said
    assert "体育公园" in page.said
    assert page.size < 100_000
    assert "<script" not in page.text.lower()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    answer = visitor.post(
        f"/r/{code}",
        {"token": page.token, "fault": "loose", "dangerous": "yes", "words": "左边 螺栓\n松了", "phone": "13812345678"},
        [("a.jpg", picture(), "image/jpeg"), ("b.png", picture(kind="PNG"), "image/png")],
    )
    assert answer.status == 303
    assert answer.where.startswith("/t/")
    (order,) = orders(served)
    assert (order.fault, order.source, order.dangerous, order.priority) == ("loose", "resident", True, Priority.URGENT)
    assert (order.facility_id, order.grid_id, order.assignee_id) == ("d-F-01", "d-g1", "d-wang")
    assert (order.description, len(order.photos)) == ("左边 螺栓\n松了", 2)
    assert order.due_at == NOW + timedelta(hours=24)
    assert served.get(CLERK, Facility, "d", "d-F-01").status is ServiceStatus.OUT_OF_ORDER
    (contact,) = served.find(CLERK, Contact, "d")
    assert contact.about_id == order.id
    assert people.reveal(served, CLERK, "d", contact.id, people.Purpose.CALL_BACK).phone == "13812345678"
    progress = visitor.get(answer.where)
    assert progress.status == 200
    assert order.number in progress.text
    assert "Keep this page" in progress.said
    assert "Received" in progress.said
    for secret in ("王", "wang", "13812345678", "左边"):
        assert secret not in progress.text
    assert recount.check(served, CLERK, "d") == []


def test_a_number_among_the_words_is_pointed_out_once(served: Store) -> None:
    visitor, code = front(), label_of(served)
    form = {"token": visitor.get(f"/r/{code}").token, **GOOD, "words": "请打<13812345678>，51050219661231122X"}
    answer = visitor.post(f"/r/{code}", form)
    assert (answer.status, orders(served)) == (422, [])
    assert "phone or identity number: 13812345678 51050219661231122X." in answer.said
    again = re.search(r'name="minded" value="([^"]+)"', answer.text)
    assert again is not None
    assert visitor.post(f"/r/{code}", {**form, "minded": again[1]}).status == 303
    assert [order.description for order in orders(served)] == ["请打<13812345678>，＊＊＊＊＊＊"]


def test_both_languages_by_browser_and_by_switch(served: Store) -> None:
    code = label_of(served)
    assert "有危险吗" in front(language="zh-CN").get(f"/r/{code}").said
    assert "Is it dangerous?" in front(language="en-GB").get(f"/r/{code}").said
    assert "有危险吗" in front(language="en-GB").get(f"/r/{code}?lang=zh").said
    chinese = front(language="zh-CN")
    answer = sent(chinese, code)
    said = chinese.get(answer.where).said
    assert not re.search(r"[A-Za-z]{4,}", re.sub(r"English|GridBoard", "", said)), said


def test_what_is_reported_already_shows_and_one_tap_adds_to_it(served: Store, mender: Actor) -> None:
    code = label_of(served)
    first = log_repair(
        served, mender, "d", fault="loose", facility_id="d-F-01", description="张三家的孩子", caller_name="张三"
    )
    log_repair(served, mender, "d", fault="李四说坏了", facility_id="d-F-01")
    log_repair(served, mender, "d", fault="noise", facility_id="d-F-02")
    page = front().get(f"/r/{code}")
    assert page.text.count('name="same"') == 2
    assert "Loose" in page.said
    for secret in ("张三", "李四", "wang", "王", "Noise ·"):
        assert secret not in page.said
    answer = front().call("POST", f"/r/{code}", data={"token": page.token, "same": first.id})
    assert answer.status == 303
    again = front().call("POST", f"/r/{code}", data={"token": page.token, "same": first.id})
    assert "again=1" in again.where
    assert served.get(CLERK, WorkOrder, "d", first.id).also_reported == 1
    assert "1 more sees it too" in front().get(f"/r/{code}").said
    link = front().get(answer.where)
    assert first.number in link.said
    assert "Is it mended?" not in link.said
    assert len(orders(served)) == 3


def test_what_a_plan_asks_for_is_no_report(served: Store) -> None:
    facts = {"name": "润滑", "category": "fitness", "every": 1, "unit": "weeks", "since": NOW.date()}
    preventive.add_plan(served, CLERK, "d", facts)
    assert preventive.generate(served, CLERK, "d").made
    planned = next(order for order in orders(served) if order.facility_id == "d-F-01")
    code = label_of(served)
    page = front().get(f"/r/{code}")
    assert 'name="same"' not in page.text
    assert front().call("POST", f"/r/{code}", data={"token": page.token, "same": planned.id}).status == 422
    assert served.get(CLERK, WorkOrder, "d", planned.id).also_reported == 0


def test_a_place_without_a_facility_is_reported_too(served: Store) -> None:
    place = labels.add_place(served, CLERK, "d", {"name": "6 栋楼道", "site": "幸福里", "grid_id": "d-g2"})
    code = labels.mint(served, CLERK, "d", places=[place.id])[0].code
    assert sent(front(), code).status == 303
    (order,) = orders(served)
    assert (order.place_id, order.place, order.grid_id, order.assignee_id) == (
        place.id,
        "6 栋楼道 · 幸福里",
        "d-g2",
        "d-li",
    )
    assert 'name="same"' in front().get(f"/r/{code}").text


# --- the private link
def test_the_reporter_says_that_it_is_mended(served: Store, mender: Actor) -> None:
    visitor, code = front(), label_of(served)
    link = sent(visitor, code, dangerous="yes").where
    order = mended(served, orders(served)[0], mender)
    page = visitor.get(link)
    assert "Is it mended?" in page.said
    assert {"修好了", "没有修好"} <= set(visitor.get(f"{link.partition('?')[0]}?lang=zh").said.split())
    assert visitor.call("POST", link, data={"satisfaction": "5"}).status == 422
    done = visitor.call("POST", link, data={"mended": "yes", "satisfaction": "5"})
    assert done.status == 303
    order = served.get(CLERK, WorkOrder, "d", order.id)
    assert (order.status, order.satisfaction) == (Status.VERIFIED, 5)
    assert (order.events[-1].by_id or "").startswith("label:")
    assert served.get(CLERK, Facility, "d", "d-F-01").status is ServiceStatus.IN_SERVICE
    assert "Mended and checked" in visitor.get(done.where).said
    assert recount.check(served, CLERK, "d") == []


def test_not_mended_reopens_and_counts_as_rework(served: Store, mender: Actor, clock: Clock) -> None:
    visitor, code = front(), label_of(served)
    link = sent(visitor, code).where
    order = mended(served, orders(served)[0], mender)
    clock.now = NOW + timedelta(days=2)
    assert visitor.call("POST", link, data={"mended": "no"}).status == 303
    order = served.get(CLERK, WorkOrder, "d", order.id)
    assert (order.status, len(order.reopenings)) == (Status.REOPENED, 1)
    assert month(served)["rework"] == 1
    assert visitor.call("POST", link, data={"mended": "no"}).status == 422
    assert "being done again" in visitor.get(link).said
    mended(served, order, mender)
    assert visitor.call("POST", link, data={"mended": "yes"}).status == 303
    assert visitor.call("POST", link, data={"mended": "no"}).status == 303, "a yes can be taken back"
    order = mended(served, order, mender)
    clock.now = NOW + timedelta(days=60)
    assert "Is it mended?" not in visitor.get(link).said
    assert visitor.call("POST", link, data={"mended": "no"}).status == 422
    assert recount.check(served, CLERK, "d") == []


def test_not_mended_stops_a_dangerous_machine_again_and_its_hazard_stands(served: Store, mender: Actor) -> None:
    visitor, code = front(), label_of(served)
    link = sent(visitor, code, dangerous="yes").where
    order = mended(served, orders(served)[0], mender)
    move(served, OTHER, "d", order.id, order.revision, Status.VERIFIED)
    assert served.get(CLERK, Facility, "d", "d-F-01").status is ServiceStatus.IN_SERVICE
    assert visitor.call("POST", link, data={"mended": "no"}).status == 303
    assert served.get(CLERK, Facility, "d", "d-F-01").status is ServiceStatus.OUT_OF_ORDER
    found = report_hazard(served, mender, "d", {"what": "立柱晃", "facility_id": "d-F-02"})
    first = log_repair(served, mender, "d", fault="loose", facility_id="d-F-02", also={"hazard_id": found.id})
    link = sent(visitor, label_of(served, "d-F-02")).where
    twice = orders(served)[-1]
    merge(served, mender, "d", twice.id, twice.revision, first.id)
    mended(served, first, mender)
    assert visitor.call("POST", link, data={"mended": "yes"}).status == 303
    assert served.get(CLERK, Hazard, "d", found.id).state is State.RECHECKED
    assert visitor.call("POST", link, data={"mended": "no"}).status == 303
    assert served.get(CLERK, Hazard, "d", found.id).state is State.FOUND
    assert recount.check(served, CLERK, "d") == []


def test_a_merged_report_shows_the_one_that_stays(served: Store, mender: Actor) -> None:
    stays = log_repair(served, mender, "d", fault="loose", facility_id="d-F-01")
    visitor = front()
    link = sent(visitor, label_of(served)).where
    twice = orders(served)[-1]
    merge(served, mender, "d", twice.id, twice.revision, stays.id)
    page = visitor.get(link)
    assert stays.number in page.said
    assert "together with an earlier report" in page.said
    mended(served, stays, mender)
    assert visitor.call("POST", link, data={"mended": "yes"}).status == 303
    assert served.get(CLERK, WorkOrder, "d", stays.id).status is Status.VERIFIED


def test_how_it_ended_without_a_repair_is_said_without_names(served: Store) -> None:
    visitor = front()
    link = sent(visitor, label_of(served)).where
    order = orders(served)[0]
    move(served, OTHER, "d", order.id, order.revision, Status.REJECTED, note="李四乱报")
    page = visitor.get(link)
    assert "without a repair" in page.said
    assert "李四" not in page.text


def test_only_the_links_digest_is_kept_and_its_time_ends(served: Store, clock: Clock) -> None:
    visitor = front()
    link = sent(visitor, label_of(served)).where
    token = link.removeprefix("/t/").partition("?")[0]
    for name in served.db.list_collection_names():
        assert token not in repr(list(served.db[name].find())), name
    clock.now = NOW + timedelta(days=401)
    assert visitor.get(link).status == 404
    assert reports.clear_links(served) == 1


# --- once only
def test_a_form_counts_once(served: Store) -> None:
    visitor, code = front(), label_of(served)
    page = visitor.get(f"/r/{code}")
    form = {"token": page.token, **GOOD}
    first = visitor.post(f"/r/{code}", form, [("a.jpg", picture(), "image/jpeg")])
    second = visitor.post(f"/r/{code}", {**form, "fault": "noise"}, [("b.jpg", picture(), "image/jpeg")])
    assert (first.status, second.status) == (303, 303)
    assert first.where.partition("?")[0] == second.where.partition("?")[0]
    assert "This was sent before" in visitor.get(second.where).said
    assert len(orders(served)) == 1
    assert served.db["photos.files"].count_documents({}) == 1


def test_two_presses_at_once_make_one_order(served: Store) -> None:
    visitor, code = front(), label_of(served)
    form = {"token": visitor.get(f"/r/{code}").token, **GOOD}

    async def both() -> list[int]:
        transport = httpx.ASGITransport(visitor.app, client=("10.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            made = [client.post(f"/r/{code}", data=form) for _ in range(3)]
            return [answer.status_code for answer in await asyncio.gather(*made)]

    assert awaited(both()) == [303, 303, 303]
    assert len(orders(served)) == 1


def test_a_token_is_of_one_label_and_of_today(served: Store, clock: Clock) -> None:
    visitor, code = front(), label_of(served)
    other = label_of(served, "d-F-02")
    page = visitor.get(f"/r/{code}")
    used = sent(visitor, code)
    others = (visitor.get(f"/r/{other}").token, "a.b.c.d", "é" * 50, f"{page.token[:-1]}é")
    for token in ("", "x", page.token + "0", page.token[:-1], *others):
        answer = visitor.post(f"/r/{code}", {"token": token, **GOOD, "words": "好 & <b>"})
        assert answer.status == 409
        assert "what you wrote is still here" in answer.said
        assert "好 &amp; &lt;b&gt;" in answer.text
        assert answer.token not in ("", token)
    clock.now = NOW + timedelta(hours=13)
    answer = visitor.post(f"/r/{code}", {"token": page.token, **GOOD})
    assert answer.status == 409
    assert len(orders(served)) == 1
    assert visitor.post(f"/r/{code}", {"token": answer.token, **GOOD}).status == 303
    assert used.status == 303


# --- labels that lead nowhere
def test_labels_that_lead_nowhere_say_so(served: Store) -> None:
    code = label_of(served)
    renewed = labels.renew(served, CLERK, "d", facility_id="d-F-01")
    assert renewed != code
    assert front().get(f"/r/{code}").status == 410
    assert front().get(f"/r/{renewed}").status == 200
    assert front().post(f"/r/{code}", {"token": "x", **GOOD}).status == 410
    retire(served, CLERK, "d", "d-F-01", served.get(CLERK, Facility, "d", "d-F-01").revision)
    assert "taken down" in front().get(f"/r/{renewed}").said
    assert front().get("/r/00000000").status == 404
    assert front().get("/t/nothing").status == 404
    assert front().get("/r/").status == 200


def test_a_code_can_be_typed_as_people_type(served: Store) -> None:
    code = label_of(served)
    for typed in (
        code.lower(),
        labels.spoken(code),
        f" {code[:4]} {code[4:]} ",
        code.replace("1", "I").replace("0", "o"),
    ):
        opened = front().get("/r/", params={"code": typed, "lang": "zh"})
        assert (opened.status, opened.where) == (303, f"/r/{code}?lang=zh")
    page = front().get(opened.where)
    action = html.unescape(re.search(r'action="([^"]*)" enctype', page.text)[1])  # type: ignore[index]
    answer = front().post(urljoin(opened.where, action), {"token": page.token, **GOOD})
    assert answer.where.startswith("/t/")
    assert len(orders(served)) == 1


# --- what nobody should send
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"fault": ""}, 422, "Choose what is wrong"),
        ({"fault": SCRIPT}, 422, "Choose what is wrong"),
        ({"dangerous": ""}, 422, "Say whether it is dangerous"),
        ({"dangerous": "perhaps"}, 422, "Say whether it is dangerous"),
        ({"words": "长" * 501}, 422, "500 characters at most"),
        ({"words": "a\0b"}, 422, "control characters"),
        ({"words": "a\x1b[2Jb"}, 422, "control characters"),
        ({"words": "x" * 30_000}, 400, "can't be read"),
        ({"name": "n" * 61}, 422, "Too long"),
        ({"phone": "call me"}, 422, "Not a telephone number"),
        ({"phone": SCRIPT}, 422, "Not a telephone number"),
        ({"website": "http://spam.example"}, 400, "by a program"),
        ({"same": "no such order"}, 409, "not there any more"),
        ({"same": "$ne"}, 409, "not there any more"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    served: Store, fields: dict[str, str], status: int, word: str
) -> None:
    answer = sent(front(), label_of(served), **fields)
    assert answer.status == status
    assert word in answer.said
    assert SCRIPT not in answer.text
    assert orders(served) == []
    assert served.db["contacts"].count_documents({}) == 0


@pytest.mark.parametrize(
    "words", [SCRIPT, "=cmd|' /C calc'!A0", "{{7*7}}${7*7}", "'; DROP TABLE orders; --", "\u202egnp"]
)
def test_words_are_kept_as_words_and_shown_to_nobody_else(served: Store, words: str) -> None:
    visitor, code = front(), label_of(served)
    answer = sent(visitor, code, words=words)
    assert answer.status == 303
    assert orders(served)[0].description == words
    for page in (visitor.get(f"/r/{code}"), visitor.get(answer.where)):
        assert words not in page.text
        assert "<script" not in page.text


@pytest.mark.parametrize("name", ["text", "cut off", "a bomb", "svg"])
def test_a_file_that_is_no_photo_is_left_out_and_said(served: Store, name: str) -> None:
    visitor = front()
    answer = sent(visitor, label_of(served), files=[("a.jpg", hostile()[name], "image/jpeg")])
    assert answer.status == 303
    assert "1 photo could not be read" in visitor.get(answer.where).said
    assert orders(served)[0].photos == ()
    assert served.db["photos.files"].count_documents({}) == 0


def test_four_photos_are_one_too_many_and_names_are_not_kept(served: Store) -> None:
    visitor, code = front(), label_of(served)
    answer = sent(visitor, code, files=[("a.jpg", picture((20, 20)), "image/jpeg")] * 4)
    assert (answer.status, len(orders(served))) == (422, 0)
    assert "3 photos are the most" in answer.said
    assert sent(visitor, code, files=[("../../etc/SECRETNAME", picture((20, 20)), "text/html")]).status == 303
    assert "SECRETNAME" not in repr(list(served.db["photos.files"].find()))


def test_a_form_must_say_how_long_it_is_and_not_be_too_long(served: Store) -> None:
    visitor, code = front(), label_of(served)

    async def pieces() -> Any:
        yield b"x" * 1000

    answer = visitor.call("POST", f"/r/{code}", content=pieces(), headers={"content-type": "multipart/form-data"})
    assert answer.status == 411
    big = visitor.call(
        "POST", f"/r/{code}", content=b"x" * 50_000_000, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert big.status == 413
    assert "3 photos of 10 MB" in big.said
    for kind in ("application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", ""):
        odd = visitor.call("POST", f"/r/{code}", content=b'{"fault":"loose"}', headers={"content-type": kind})
        assert odd.status in (400, 415), kind
        assert len(odd.said) > 40
    for body in (b"--x\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", b"\0" * 99, b"--x" * 5000):
        odd = visitor.call(
            "POST", f"/r/{code}", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert odd.status in (400, 409, 422)
    assert orders(served) == []


def test_a_form_in_pieces_is_no_way_round_its_length(served: Store) -> None:
    """A server that reads by pieces takes no notice of the length beside them."""
    code = label_of(served)
    head = {"content-type": "multipart/form-data; boundary=x"}
    both = front().call("POST", f"/r/{code}", content=b"x" * 9, headers={**head, "transfer-encoding": "chunked"})
    assert both.status == 411
    lying = front().call("POST", f"/r/{code}", content=b"x" * 900, headers={**head, "content-length": "3"})
    assert lying.status == 400
    assert "longer than it says" in lying.said


def test_an_empty_form_counts_too(served: Store) -> None:
    visitor, code = front(Rates(megabytes=Rate(2, 50, 3600))), label_of(served)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    seen = [visitor.call("POST", f"/r/{code}", content=b"", headers=kind).status for _ in range(3)]
    assert seen == [409, 409, 429]


def test_reports_that_take_long_keep_nobody_else_waiting(served: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, go, threads = [label_of(served), label_of(served, "d-F-02")], threading.Event(), set()

    def slow(*_args: Any, **_more: Any) -> reports.Sent:
        threads.add(threading.current_thread().name)
        go.wait(10)
        return reports.Sent("t")

    monkeypatch.setattr(reports, "report", slow)
    app = front().app

    async def send_many() -> list[int]:
        async def one(address: str, code: str) -> int:
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return (await client.post(f"/r/{code}", data={"token": "x", **GOOD})).status_code

        sending = [asyncio.create_task(one(f"10.0.1.{n}", codes[n % 2])) for n in range(public.AT_ONCE)]
        while len(threads) < public.AT_ONCE // 2:
            await asyncio.sleep(0.01)
        try:
            late = await one("10.0.2.1", codes[0])
        finally:
            go.set()
        return [late, *await asyncio.gather(*sending)]

    assert awaited(send_many()) == [503, *[303] * public.AT_ONCE], "what is being worked on is at once too"
    assert {name.partition("_")[0] for name in threads} == {"report"}, "the sign-in has threads of its own"


def test_whoever_floods_one_label_shuts_no_other(served: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many addresses, one label (or a code that is none): the others' forms are read, sent and followed."""
    flooded, other, go = label_of(served), label_of(served, "d-F-02"), threading.Event()
    code, rates = labels.read_code(flooded), Rates()
    rates = Rates(*(Rate(rate.each, 12, rate.seconds, little=rate.little) for rate in vars(rates).values()))
    visitor, honest = front(rates), reports.report

    def slow(store: Store, label: Any, *args: Any, **more: Any) -> reports.Sent:
        if label.id == code:
            go.wait(10)
            return reports.Sent("t")
        return honest(store, label, *args, **more)

    async def flood() -> list[int]:
        async def one(n: int) -> int:
            transport = httpx.ASGITransport(visitor.app, client=(f"10.0.{n}.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return (await client.post(f"/r/{flooded}", data={"token": "x", **GOOD})).status_code

        sending = [asyncio.create_task(one(n)) for n in range(20)]
        while sum(task.done() for task in sending) < 20 - public.EACH_AT_ONCE:
            await asyncio.sleep(0.01)
        try:
            there = await asyncio.to_thread(lambda: sent(replace(visitor, address="10.9.0.1"), other))
        finally:
            go.set()
        return [there.status, *await asyncio.gather(*sending)]

    monkeypatch.setattr(reports, "report", slow)
    there, *those = awaited(flood())
    assert there == 303
    assert sorted(those)[:3] == [303] * public.EACH_AT_ONCE
    for n in range(20):  # what all together may ask is used up
        replace(visitor, address=f"10.1.{n}.1").get("/r/99999999")
        sent(replace(visitor, address=f"10.1.{n}.1"), flooded)
    neighbour = replace(visitor, address="10.9.0.2")
    done = sent(neighbour, other)
    assert done.status == 303
    assert neighbour.get(done.headers["location"]).status == 200


def test_other_methods_and_paths_are_answered(served: Store) -> None:
    code = label_of(served)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert front().call(method, f"/r/{code}").status == 405
    head = front().call("HEAD", f"/r/{code}")
    assert (head.status, head.size) == (200, 0)
    for path in ("/r/..%2f..%2fetc", "/r/" + "A" * 5000, "/r/%00", "/r/a/b/c", "/t/" + "x" * 5000, "/t/%F0%9F%98%80"):
        assert front().get(path).status == 404


def test_a_form_that_comes_too_slowly_is_given_up(served: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "SILENCE_SECONDS", 0.05)
    visitor, code = front(), label_of(served)
    said: list[Any] = []

    async def silent() -> Any:
        await asyncio.sleep(5)

    async def send(message: Any) -> None:
        said.append(message)

    head = [(b"content-length", b"500"), (b"content-type", b"multipart/form-data; boundary=x"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": f"/r/{code}", "headers": head, "client": ("10.0.0.1", 1)}
    awaited(visitor.app({**scope, "query_string": b"", "scheme": "http"}, silent, send))
    assert said[0]["status"] == 408
    assert not visitor.app.reading


# --- too much
def test_each_address_and_each_label_has_its_measure(served: Store) -> None:
    time = [0.0]

    def rate(each: int, everybody: int, seconds: float) -> Rate:
        return Rate(each, everybody, seconds, lambda: time[0])

    rates = Rates(rate(50, 500, 600), rate(5, 50, 3600), rate(3, 50, 3600), rate(4, 50, 3600), rate(100, 900, 3600))
    visitor, code = front(rates), label_of(served)
    other = label_of(served, "d-F-02")
    for _ in range(3):
        assert sent(visitor, code).status == 303
    late = sent(visitor, other)
    assert late.status == 429
    assert 0 < int(late.headers["retry-after"]) <= 3600
    assert "Try again in 60 minutes" in late.said
    neighbour = replace(visitor, address="10.0.0.2")
    assert sent(neighbour, code).status == 303
    assert sent(neighbour, code).status == 429, "a label's measure is for all"
    assert sent(neighbour, other).status == 303
    time[0] += 3601
    assert sent(visitor, code).status == 303
    assert len(orders(served)) == 6


def test_guessing_codes_is_stopped_soon(served: Store) -> None:
    visitor, code = front(Rates(wrong=Rate(5, 50, 3600))), label_of(served)
    answers = [visitor.get(f"/r/{labels.new_code()}").status for _ in range(8)]
    assert answers == [404] * 4 + [429] * 4
    assert visitor.get(f"/r/{code}").status == 429
    assert replace(visitor, address="10.0.0.2").get(f"/r/{code}").status == 200
    same_network = replace(visitor, address="2001:db8:1:2::1")
    for _ in range(5):
        same_network.get("/r/99999999")
    assert replace(visitor, address="2001:db8:1:2:ffff::9").get(f"/r/{code}").status == 429
    assert replace(visitor, address="2001:db8:1:3::1").get(f"/r/{code}").status == 200


def test_a_rate_tells_when_there_is_one_more() -> None:
    time = [0.0]
    rate = Rate(2, 3, 60, lambda: time[0])
    rate.count("a")
    time[0] = 10
    rate.count("a")
    assert rate.wait("a") == 50
    assert rate.wait("b") == 0
    rate.count("b")
    assert rate.wait("c") == 50
    time[0] = 61
    assert (rate.wait("a"), rate.wait("c")) == (0, 0)
    shared = Rate(4, 3, 60, lambda: time[0], little=2)
    for _ in range(3):
        shared.count("greedy")
    assert shared.wait("greedy") == 60, "all together have had theirs"
    assert shared.wait("c") == 0, "but a little is left to everybody"
    shared.count("c", 2)
    assert shared.wait("c") == 60
    many = Rate(1, 10**9, 60, lambda: time[0])
    for number in range(many.KEPT + 10):
        many.count(str(number))
    assert len(many._mine) == many.KEPT


# --- when it can't be kept
def test_a_database_that_is_away_or_full_is_said(served: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor, code = front(), label_of(served)
    page = visitor.get(f"/r/{code}")
    monkeypatch.setattr(served, "room", lambda *_a: ROOM_NEEDED - 1)
    full = visitor.post(f"/r/{code}", {"token": page.token, **GOOD})
    assert full.status == 503
    assert "nearly full" in full.said
    assert visitor.get(f"/r/{code}").status == 200
    monkeypatch.undo()

    def away() -> Store:
        raise Unavailable("The database cannot be reached just now. Nothing was changed; try again.")

    monkeypatch.setattr(data, "store", away)
    monkeypatch.setattr(data, "_revive", lambda: False)
    gone = visitor.get(f"/r/{code}")
    assert gone.status == 503
    assert gone.headers["retry-after"]
    assert "cannot be reached" in gone.said
    assert "119" in gone.said


# --- what an outsider may
def test_an_outsider_may_only_report_where_the_label_is(served: Store, mender: Actor) -> None:
    resident = Actor("label:X", "x", Outsider.RESIDENT, communities=frozenset({"d"}), bound_to=("facilities", "d-F-01"))
    order = log_repair(served, resident, "d", fault="loose", facility_id="d-F-01")
    other = log_repair(served, mender, "d", fault="loose", facility_id="d-F-02")
    for refused in (
        lambda: log_repair(served, resident, "d", fault="loose", facility_id="d-F-02"),
        lambda: log_repair(served, resident, "e", fault="loose", facility_id="e-F-01"),
        lambda: log_repair(served, resident, "d", fault="loose", place="东门", grid_id="d-g1"),
        lambda: log_repair(served, resident, "d", fault="x", facility_id="d-F-01", estimated_hours=5),
        lambda: served.get(resident, WorkOrder, "d", other.id),
        lambda: served.update(resident, WorkOrder, "d", order.id, 1, {"priority": "low"}),
        lambda: served.update(resident, WorkOrder, "d", order.id, 1, {"due_at": NOW + timedelta(days=99)}),
        lambda: served.update(resident, WorkOrder, "d", other.id, 1, {"satisfaction": 1}),
        lambda: served.update(resident, Facility, "d", "d-F-01", 1, {"name": "x"}),
        lambda: served.delete(resident, WorkOrder, "d", order.id, 1),
        lambda: served.find(resident, Contact, "d"),
        lambda: served.first_month(resident, "d"),
    ):
        with pytest.raises((Refused, NotFound, Invalid)):
            refused()
    assert [one.id for one in served.find(resident, WorkOrder, "d")] == [order.id]
    assert [one.id for one in served.find(resident, Facility, "d")] == ["d-F-01"]
    assert [one["_id"] for one in served.communities(resident)] == ["d"]
    follower = replace(resident, bound_to=("work_orders", order.id))
    assert [one.id for one in served.find(follower, WorkOrder, "d")] == [order.id]
    assert served.find(follower, Facility, "d") == []
    for collection in (
        "people",
        "posts",
        "users",
        "audit",
        "monthly_counts",
        "attendances",
        "labels",
        "import_batches",
    ):
        assert not any(may(resident, operation, collection) for operation in Operation)


def test_no_account_can_be_an_outsider() -> None:
    from repository.accounts import User
    from repository.store import EVERYWHERE, build

    with pytest.raises(Invalid):
        build(User, {"community_id": EVERYWHERE, "login": "x1", "name": "x", "role": str(Outsider.RESIDENT)})
    assert not set(Outsider) & set(Role)


def test_the_door_lets_these_paths_through() -> None:
    from dashboard.settings import Settings
    from dashboard.signin import Door

    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"] + scope["path"])

    async def send(_message: Any) -> None: ...

    def knock(kind: str, path: str) -> None:
        scope = {"type": kind, "path": path, "method": "GET", "headers": [], "client": ("1.2.3.4", 1)}
        awaited(Door(app, Settings.from_environment({}))({**scope, "query_string": b""}, send, send))

    for path in ("/r/ABC", "/t/abc"):
        knock("http", path)
    assert seen == ["http/r/ABC", "http/t/abc"]
