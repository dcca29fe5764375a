"""Whom to call back: kept apart, masked, shown for a reason that goes on record, and forgotten."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import audit, facilities, importer, people
from repository.access import Actor, Refused, Role
from repository.grids import Community
from repository.maintenance import Status, WorkOrder, delete, edit, log_repair, move, work_list, work_story
from repository.people import Contact, Purpose, is_secretary
from repository.record import RECORDS, sentences
from repository.store import AUDIT, Invalid, NotFound, Store
from repository.store.impersonal import _unnumbered
from tests.conftest import NOW, once

NAME, PHONE = "欧阳小明", "13812345678"
VIEWER = Actor("v", "看", Role.VIEWER)


@pytest.fixture
@once
def order(store: Store, admin: Actor) -> WorkOrder:
    """A repair somebody wants to be called back about."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    return log_repair(store, admin, "D", fault="loose", place="东门", caller_name=NAME, caller_phone=PHONE)


def everywhere(store: Store) -> dict[str, str]:
    """All that is kept, as text, by collection."""
    return {name: repr(list(store.db[name].find())) for name in store.db.list_collection_names()}


def test_a_contact_stands_in_one_place_only(store: Store, admin: Actor, order: WorkOrder) -> None:
    holding = {name for name, text in everywhere(store).items() if NAME in text or PHONE in text}
    assert holding == {"contacts"}
    (entry,) = store.db["audit"].find({"collection": "contacts"})
    assert (entry["after"]["name"], entry["after"]["phone"]) == ("…", "…")


def test_it_is_masked_until_it_is_asked_for_with_a_reason(store: Store, admin: Actor, order: WorkOrder) -> None:
    seen = people.contact_of(store, admin, "D", order.id)
    assert seen is not None
    assert (seen.name, seen.phone) == ("欧＊＊＊", "138＊＊＊＊＊＊78")
    for why in ("", "curious", "$ne"):
        with pytest.raises(Invalid):
            people.reveal(store, admin, "D", seen.id, why)
    found = people.reveal(store, admin, "D", seen.id, Purpose.CALL_BACK)
    assert (found.name, found.phone) == (NAME, PHONE)
    (looked,) = audit.trail(store, admin, "D", audit.Search(operation="reveal"))
    assert (looked.actor, looked.at, looked.after["purpose"], looked.after["about_id"]) == (
        "测试员", NOW, "call_back", order.id,
    )  # fmt: skip
    assert NAME not in repr(looked)


def test_who_may_not_see_it_is_given_nothing_of_it(store: Store, admin: Actor, order: WorkOrder) -> None:
    kept = people.contact_of(store, admin, "D", order.id)
    assert kept is not None
    calls: tuple[Callable[[], Any], ...] = (
        lambda: people.contact_of(store, VIEWER, "D", order.id),
        lambda: people.reveal(store, VIEWER, "D", kept.id, Purpose.CALL_BACK),
        lambda: store.find(VIEWER, Contact, "D"),
    )
    for call in calls:
        with pytest.raises(Refused):
            call()
    told = repr(work_story(store, VIEWER, "D", order.id, now=NOW)) + repr(
        work_list(store, VIEWER, "D", now=NOW, show="all")
    )
    sheet = BytesIO()
    importer.export(store, VIEWER, "D", WorkOrder, sheet, form="csv", translate=str)
    told += sheet.getvalue().decode("utf-8")
    assert NAME not in told
    assert not re.search("138", told)


def test_a_viewers_page_has_nothing_of_it_in_it(
    store: Store, mongodb_uri: str, visit: Callable[..., Any], order: WorkOrder
) -> None:
    for role, there in (("viewer", False), ("grid_worker", True)):
        at = visit(mongodb_uri, "maintenance", role=role, order=order.id)
        assert not at.exception
        text = " ".join(element.value for element in at.markdown)
        assert ("138＊＊＊＊＊＊78" in text) is there
        assert PHONE not in text
        assert NAME not in text


def test_its_time_is_over_after_half_a_year(store: Store, admin: Actor, order: WorkOrder) -> None:
    today = date(2026, 4, 2)
    assert people.forget_expired(store, admin, "D", on=today + timedelta(days=people.CONTACT_DAYS)) == 0
    assert people.forget_expired(store, admin, "D", on=today + timedelta(days=people.CONTACT_DAYS + 1)) == 1
    assert not any(NAME in text or PHONE in text for text in everywhere(store).values())
    assert store.get(admin, WorkOrder, "D", order.id).place == "东门"


def test_it_can_be_erased_at_once(store: Store, admin: Actor, order: WorkOrder) -> None:
    kept = people.contact_of(store, admin, "D", order.id)
    assert kept is not None
    people.forget_contact(store, admin, "D", kept.id, kept.revision)
    assert people.contact_of(store, admin, "D", order.id) is None
    assert not any(NAME in text or PHONE in text for text in everywhere(store).values())
    with pytest.raises(NotFound):
        people.reveal(store, admin, "D", kept.id, Purpose.ASKED)


def test_it_goes_with_the_order_it_is_about(store: Store, admin: Actor, order: WorkOrder) -> None:
    delete(store, admin, "D", order.id, order.revision)
    assert people.contact_of(store, admin, "D", order.id) is None
    assert not any(NAME in text or PHONE in text for text in everywhere(store).values())


@pytest.mark.parametrize("phone", ["call me", "<b>1</b>", "1" * 30, "=1+1", "12"])
def test_what_is_no_number_is_refused_and_no_order_is_made(store: Store, admin: Actor, phone: str) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    with pytest.raises(Invalid):
        log_repair(store, admin, "D", fault="loose", place="东门", caller_phone=phone)
    assert store.count(admin, WorkOrder, "D") == 0


def test_nothing_said_keeps_nothing(store: Store, admin: Actor) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    made = log_repair(store, admin, "D", fault="loose", place="东门", caller_name=" ", caller_phone="")
    assert people.contact_of(store, admin, "D", made.id) is None


# --- numbers in sentences
ID = "510503199001011234"


def test_a_number_in_a_sentence_does_not_stay_in_the_trail(store: Store, admin: Actor, order: WorkOrder) -> None:
    """It can be erased where it was written; what the trail told of it would stay for ever."""
    said = f"找{NAME} {PHONE}，座机 0830-2345678，身份证 {ID}"
    made = log_repair(store, admin, "D", fault=said, place=said, description=said)
    made = move(store, admin, "D", made.id, made.revision, Status.ON_HOLD, hold_reason=said, note=said)
    edit(store, admin, "D", made.id, made.revision, {"description": f"{said} 又打了一次"})
    thing = {"code": PHONE, "name": "单杠", "category": "fitness", "remark": said, "site": said}
    bar = facilities.add_facility(store, admin, "D", thing)
    facilities.put_out_of_order(store, admin, "D", bar.id, bar.revision, note=said)

    kept = everywhere(store)
    assert said.replace(ID, "＊＊＊＊＊＊") in kept["work_orders"]  # what is kept is kept as it was written
    assert not any(ID in documents for documents in kept.values()), "but an identity number is kept nowhere"
    trail = repr(list(store.db[AUDIT].find({"collection": {"$in": ["work_orders", "facilities"]}})))
    assert f"找{NAME} …，座机 …，身份证 ＊＊＊＊＊＊" in trail
    assert not any(number in trail.replace(f"'{PHONE}'", "") for number in (PHONE, "2345678", ID))
    assert f"'code': '{PHONE}'" in trail  # a code is what it is


def test_names_keys_and_codes_are_never_masked() -> None:
    for record in RECORDS.values():
        unique = {key for index in record.indexes if index.unique for key in index.keys}
        assert not sentences(record).keys() & {record.name_field, *record.natural_key, *unique}


WIDE = {ord(str(digit)): 0xFF10 + digit for digit in range(10)}
AROUND = st.text(st.characters(blacklist_categories=("Nd", "Cs")), max_size=20)
DIGITS = st.text("0123456789", min_size=8, max_size=8)
GROUPED = st.sampled_from(["{}{}{}", "{}-{}-{}", "{} {} {}", "{}.{}.{}", "{}—{}—{}", "+86 {}{}{}", "86-{} {} {}"])
MOBILES = st.builds(
    lambda begins, rest, how: how.format(begins, rest[:4], rest[4:]),
    st.from_regex(r"1[3-9][0-9]", fullmatch=True), DIGITS, GROUPED,
)  # fmt: skip
LANDLINES = st.builds(
    lambda area, rest, how: how.format(area, rest),
    st.from_regex(r"010|02[0-9]|0[3-9][0-9]{2}", fullmatch=True),
    st.from_regex(r"[2-9][0-9]{6,7}", fullmatch=True),
    st.sampled_from(["{}{}", "{}-{}", "{} {}", "({}){}", "（{}）{}"]),
)
IDENTITIES = st.builds(
    lambda place, day, order: f"{place}{day:%Y%m%d}{order}",
    st.from_regex(r"[1-9][0-9]{5}", fullmatch=True),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.from_regex(r"[0-9]{3}[0-9Xx]", fullmatch=True),
)


@given(AROUND, st.one_of(MOBILES, LANDLINES, IDENTITIES), AROUND, st.booleans())
def test_any_number_somebody_is_known_by_is_masked(before: str, number: str, after: str, wide: bool) -> None:
    written = number.translate(WIDE) if wide else number
    masked = _unnumbered(before + written + after, None)
    assert not re.search(r"\d{4}", masked)
    assert masked.startswith(before[:-3])
    assert masked.endswith(after[3:])
    assert _unnumbered(masked, None) == masked


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=200))
def test_what_has_no_long_number_stays_as_it_is(text: str) -> None:
    few = re.sub(r"(\d)\d{6,}", r"\1", text)
    assert len(re.findall(r"\d", few)) >= 10 or _unnumbered(few, None) == few


@pytest.mark.parametrize(
    "text",
    ["2026-04-02 16:30 到 2026-04-03", "GB 19272-2011", "工单 W-00012、20260402123456", "1,234,567.89 元",
     "3 号楼 2 单元 1001", "13 号楼 1-2-3-4", "13812345678901", "01-02-2026 10:30", "510503001001"],
)  # fmt: skip
def test_dates_standards_and_amounts_are_no_numbers_of_anybody(text: str) -> None:
    assert _unnumbered(text, None) == text


SECRETARIES = (
    "书记", "社区书记", "党支部书记", "团结社区党委书记", "前进社区党总支书记", "平原社区书记", "党委书记、居委会主任",
    "居委会副主任、党支部书记", "党委书记兼团支部书记", "Party secretary", "Secretary, deputy director",
)  # fmt: skip
OTHERS = (
    None, "", "主任", "副书记", "党委副书记", "常务副书记、居委会主任", "书记员", "书记助理", "原书记", "前任书记",
    "社区原党委书记", "原社区书记", "（原）社区书记", "团支部书记", "社区团委书记", "团书记", "纪委书记",
    "Deputy secretary", "former secretary", "secretarial work",
)  # fmt: skip


@pytest.mark.parametrize(("job", "is_one"), [(job, job in SECRETARIES) for job in (*SECRETARIES, *OTHERS)])
def test_the_secretary_is_told_by_the_words_of_the_job(job: str | None, is_one: bool) -> None:
    assert is_secretary({"job": job}) is is_one
    assert not is_secretary({"job": job, "kind": "organization"})
