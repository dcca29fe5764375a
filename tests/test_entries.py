"""What comes through the gates: in and out, complete or not, masked, forgotten, counted, brought in from a sheet."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.i18n import translator
from repository import audit, entries, importer, recount
from repository.access import Actor, Refused, Role
from repository.entries import (
    EntryException,
    EntryKind,
    EntryLog,
    EntryRules,
    Gate,
    Handling,
    Reason,
    masked,
)
from repository.facilities import Category, Control, Facility, PersonnelDetails, VehicleDetails
from repository.grids import Community, EntryRule, Grid, edit_community
from repository.importer import ImportBatch, Mapping, Sheet
from repository.metrics import Period
from repository.store import Invalid, Store
from seed import gates as seeded
from tests.conftest import NOW, once

ZONE = ZoneInfo("Asia/Shanghai")
PLATE, NAME = "川E7K234", "欧阳小明"
HOUR = timedelta(hours=1)
VIEWER = Actor("v", "看", Role.VIEWER)
GUARD = Actor("g", "门岗", Role.GRID_WORKER)
LANGUAGES = [translator("en"), translator("zh")]
RULES = EntryRules.of(None, ZONE)


@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    """A community with a smart gate, a gate where a guard writes, and a door."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    store.insert(admin, Grid(id="g1", community_id="D", code="1", name="1"))
    for id, name, category, details in (
        ("east", "东门", Category.VEHICLE, VehicleDetails(control=Control.SMART)),
        ("north", "北门", Category.VEHICLE, VehicleDetails(control=Control.MANUAL)),
        ("door", "6 栋", Category.PERSONNEL, PersonnelDetails(control=Control.MANUAL)),
    ):
        facility = Facility(id=id, community_id="D", code=id, name=name, category=category, details=details)
        store.insert(admin, facility.model_copy(update={"grid_id": "g1"}))
    store.insert(admin, Facility(id="bar", community_id="D", code="bar", name="单杠", category=Category.FITNESS))
    return store


def kept(store: Store, id: str) -> EntryLog:
    """An entry as it is stored."""
    return EntryLog.from_document(store.db["entry_logs"].find_one({"_id": id}) or {})


def holding(store: Store, *words: str) -> set[str]:
    """Where any of the words is kept."""
    return {
        name
        for name in store.db.list_collection_names()
        if any(word in repr(list(store.db[name].find())) for word in words)
    }


# --- in and out
def test_a_car_comes_in_and_leaves_with_one_tap(here: Store, admin: Actor) -> None:
    came = entries.log_entry(here, GUARD, "D", {"gate_id": "north", "who": PLATE}, key="once")
    again = entries.log_entry(here, GUARD, "D", {"gate_id": "north", "who": PLATE}, key="once")
    assert (came.id, came.who) == (again.id, "川E＊＊＊34")
    assert (came.is_open, came.complete, came.handling, came.grid_id) == (True, False, Handling.MANUAL, "g1")
    left = entries.let_out(here, GUARD, "D", came.id, came.revision)
    assert (left.is_open, left.complete, left.left_at) == (False, True, NOW)
    with pytest.raises(Invalid):
        entries.let_out(here, GUARD, "D", came.id, left.revision)
    assert kept(here, came.id).who == PLATE
    assert recount.check(here, admin, "D") == []


def test_what_is_not_noted_makes_it_incomplete(here: Store, admin: Actor) -> None:
    left = {"entered_at": NOW - 2 * HOUR, "left_at": NOW - HOUR}
    log: Callable[..., EntryLog] = lambda **values: entries.log_entry(here, admin, "D", left | values)  # noqa: E731
    assert log(gate_id="north", who=PLATE).complete
    assert not log(gate_id="north").complete
    assert not log(gate_id="door", kind="person", who=NAME).complete
    assert log(gate_id="door", kind="person", who=NAME, purpose="visit", host="6 栋").complete
    rules = (EntryRule(kind="person", required=()), EntryRule(kind="vehicle", required=("who", "purpose")))
    edit_community(here, admin, "D", 1, {"entry_rules": rules})
    assert log(gate_id="door", kind="person").complete
    assert not log(gate_id="north", who=PLATE).complete


def test_visits_that_nobody_saw_end_are_closed_without_a_time(here: Store, admin: Actor) -> None:
    old = entries.log_entry(here, admin, "D", {"gate_id": "north", "who": PLATE, "entered_at": NOW - 30 * HOUR})
    entries.log_entry(here, admin, "D", {"gate_id": "east", "entered_at": NOW - HOUR})
    open_ones = entries.entry_list(here, admin, "D", now=NOW, show="left_open")
    assert [row.id for row in open_ones.rows] == [old.id]
    assert entries.entry_list(here, admin, "D", now=NOW, show="inside").total == 2
    assert entries.close_unknown(here, GUARD, "D", {old.id: old.revision}) == 1
    assert entries.close_unknown(here, GUARD, "D", {old.id: old.revision}) == 0
    assert entries.entry_list(here, admin, "D", now=NOW, show="left_open").total == 0
    assert kept(here, old.id).exceptions == (EntryException.NO_EXIT,)
    found = entries.entry_list(here, admin, "D", now=NOW, show="exceptions", exception="no_exit")
    assert [row.id for row in found.rows] == [old.id]
    assert recount.check(here, admin, "D") == []


def test_an_entry_is_put_right_and_taken_out(here: Store, admin: Actor) -> None:
    made = entries.log_entry(here, admin, "D", {"gate_id": "north", "who": PLATE, "entered_at": NOW - HOUR})
    put = entries.edit_entry(here, admin, "D", made.id, 1, {"gate_id": "east", "left_at": NOW})
    assert (put.control, put.complete, put.exceptions) == (Control.SMART, True, (EntryException.BY_HAND,))
    assert kept(here, made.id).who == PLATE
    for wrong in ({"left_at": NOW - 2 * HOUR}, {"entered_at": NOW + HOUR}, {"gate_id": "bar"}, {"gate_id": "nowhere"}):
        with pytest.raises(Invalid):
            entries.edit_entry(here, admin, "D", made.id, 2, wrong)
    entries.remove_entry(here, admin, "D", made.id, 2)
    assert recount.check(here, admin, "D") == []
    assert entries.entry_list(here, admin, "D", now=NOW, show="all").total == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"control": Control.SMART, "handling": Handling.MANUAL}, {EntryException.BY_HAND}),
        ({"control": Control.SMART}, set()),
        ({"control": Control.MANUAL}, set()),
        ({"exit_unknown": True}, {EntryException.NO_EXIT}),
        ({"purpose": "visit", "left_at": NOW + 25 * HOUR}, {EntryException.TOO_LONG}),
        ({"purpose": "visit", "left_at": NOW + 23 * HOUR}, set()),
        ({"purpose": "visit", "kind": EntryKind.PERSON, "left_at": NOW + 13 * HOUR}, {EntryException.TOO_LONG}),
        ({"purpose": "resident", "left_at": NOW + 99 * HOUR}, set()),
        ({"left_at": NOW + 99 * HOUR}, set()),
        ({"purpose": "visit", "entered_at": datetime(2026, 4, 1, 15, 0, tzinfo=UTC)}, {EntryException.AT_NIGHT}),
        ({"purpose": "visit", "entered_at": datetime(2026, 4, 1, 21, 0, tzinfo=UTC)}, set()),
        ({"purpose": "resident", "entered_at": datetime(2026, 4, 1, 15, 0, tzinfo=UTC)}, set()),
    ],
)
def test_exceptions_have_plain_rules(values: dict[str, Any], expected: set[EntryException]) -> None:
    entry = RULES.settle(EntryLog(**{"community_id": "D", "gate_id": "f", "entered_at": NOW, **values}))
    assert set(entry.exceptions) == expected


# --- who it was
def test_who_came_stands_in_one_place_and_is_masked_everywhere(here: Store, admin: Actor) -> None:
    made = entries.log_entry(here, admin, "D", {"gate_id": "north", "who": PLATE, "entered_at": NOW - HOUR})
    entries.log_entry(here, admin, "D", {"gate_id": "door", "kind": "person", "who": NAME})
    entries.edit_entry(here, admin, "D", made.id, 1, {"who": PLATE + "D"})
    assert holding(here, PLATE, NAME) == {"entry_logs"}
    told = repr(entries.entry_list(here, VIEWER, "D", now=NOW, show="all")) + repr(
        entries.entry(here, VIEWER, "D", made.id)
    )
    told += repr(entries.entry_review(here, VIEWER, "D", Period.of("2026"), now=NOW))
    for form in ("csv", "xlsx"):
        sheet = BytesIO()
        importer.export(here, admin, "D", EntryLog, sheet, form=form, translate=str)
        told += sheet.getvalue().decode("utf-8", "replace")
    assert PLATE not in told
    assert NAME not in told
    assert "川E＊＊＊＊4D" in told


def test_it_is_shown_for_a_reason_that_goes_on_record(here: Store, admin: Actor) -> None:
    made = entries.log_entry(here, admin, "D", {"gate_id": "north", "who": PLATE})
    for why in ("", "curious", "$ne"):
        with pytest.raises(Invalid):
            entries.reveal_entry(here, admin, "D", made.id, why)
    with pytest.raises(Refused):
        entries.reveal_entry(here, VIEWER, "D", made.id, Reason.DAMAGE)
    assert entries.reveal_entry(here, GUARD, "D", made.id, Reason.DAMAGE).who == PLATE
    (looked,) = audit.trail(here, admin, "D", audit.Search(operation="reveal"))
    assert (looked.actor, looked.after["purpose"]) == ("门岗", "damage")
    assert PLATE not in repr(looked)


def test_who_came_is_forgotten_and_the_figures_stay(here: Store, admin: Actor) -> None:
    today = date(2026, 4, 2)
    edit_community(here, admin, "D", 1, {"entry_days": 10})
    old = entries.log_entry(
        here,
        admin,
        "D",
        {"gate_id": "north", "who": PLATE, "remark": "王师傅送水", "entered_at": NOW - timedelta(days=10)},
    )
    entries.log_entry(here, admin, "D", {"gate_id": "north", "who": "川EYOUNG", "entered_at": NOW - timedelta(days=9)})
    old = entries.let_out(here, admin, "D", old.id, 1)
    before = entries.entry_review(here, admin, "D", Period.of("2026"), now=NOW)
    assert entries.forget_expired(here, admin, "D", on=today) == 0
    assert entries.forget_expired(here, admin, "D", on=today + timedelta(days=1)) == 1
    assert entries.forget_expired(here, admin, "D", on=today + timedelta(days=1)) == 0
    assert not holding(here, PLATE)
    assert holding(here, "川EYOUNG") == {"entry_logs"}
    after = kept(here, old.id)
    assert (after.who, after.remark, after.forgotten, after.noted, after.complete) == (None, None, True, True, True)
    assert entries.entry_review(here, admin, "D", Period.of("2026"), now=NOW) == before
    assert recount.check(here, admin, "D") == []
    edited = entries.edit_entry(here, admin, "D", old.id, after.revision, {"host": "6 栋"})
    assert edited.complete
    with pytest.raises(Invalid):
        entries.edit_entry(here, admin, "D", old.id, edited.revision, {"who": PLATE})


def test_masking_leaves_enough_to_recognise() -> None:
    assert [masked(who, EntryKind.VEHICLE) for who in (PLATE, "川EAB1234", "A1", "", None)] == [
        "川E＊＊＊34", "川E＊＊＊＊34", "＊＊", "", None,
    ]  # fmt: skip
    assert [masked(who, EntryKind.PERSON) for who in (NAME, "王", "")] == ["欧＊＊＊", "王＊", ""]


# --- figures against pandas
MOMENTS = st.datetimes(datetime(2025, 11, 1), datetime(2026, 4, 2), timezones=st.just(ZONE))  # noqa: DTZ001
ENTRY = st.fixed_dictionaries(
    {
        "gate_id": st.sampled_from(["east", "north", "door", "gone"]),
        "kind": st.sampled_from(list(EntryKind)),
        "entered_at": MOMENTS,
        "stay": st.one_of(st.none(), st.integers(0, 60 * 48)),
        "exit_unknown": st.booleans(),
        "who": st.one_of(st.none(), st.just(PLATE)),
        "purpose": st.sampled_from([None, "visit", "resident"]),
        "host": st.sampled_from([None, "6 栋"]),
        "handling": st.sampled_from([None, *Handling]),
    }
)
GATES = {
    "east": Gate("g1", Control.SMART),
    "north": Gate("g2", Control.MANUAL),
    "door": Gate("g2", Control.MANUAL),
    "gone": Gate(None, None),
}


def from_values(values: dict[str, Any]) -> EntryLog:
    """A settled entry."""
    given = dict(values)
    stay = given.pop("stay")
    if stay is not None:
        given["left_at"] = given["entered_at"] + timedelta(minutes=stay)
    return RULES.settle(EntryLog(community_id="D", **given), GATES[values["gate_id"]])


@settings(deadline=None, max_examples=50)
@given(st.lists(ENTRY, max_size=40))
def test_counters_are_what_pandas_counts(rows: list[dict[str, Any]]) -> None:
    from repository import rollups

    made = [from_values(row) for row in rows]
    atoms = rollups.tally(EntryLog, [one.to_document() for one in made], ZONE)
    spread = rollups.spread(atoms)
    frame = pd.DataFrame([one.model_dump() for one in made] or None, columns=list(EntryLog.model_fields))
    local = pd.to_datetime(frame["entered_at"], utc=True).dt.tz_convert("Asia/Shanghai")
    for kind in EntryKind:
        for month, n in frame[frame["kind"] == kind].groupby(local.dt.strftime("%Y-%m")).size().items():
            assert spread[rollups.Place("entries", "month", str(month))][f"total.{kind}"] == n
    hours = frame.groupby(
        [local.dt.strftime("%Y-%m"), frame["gate_id"], local.dt.day_of_week * 24 + local.dt.hour]
    ).size()
    counted = {
        (place.period, place.category, int(name.split(".")[1])): 0
        for place, names in spread.items()
        if place.subject == "entry_hours"
        for name in names
    }
    for place, names in spread.items():
        if place.subject == "entry_hours":
            for name, n in names.items():
                counted[place.period, place.category, int(name.split(".")[1])] += n
    assert counted == {tuple(key): n for key, n in hours.items()}


def test_the_figures_of_the_demonstration_are_what_pandas_counts(demo_uri: str, admin: Actor) -> None:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    raw = pd.DataFrame(list(store.db["entry_logs"].find()))
    raw["at"] = pd.to_datetime(raw["entered_at"], utc=True).dt.tz_convert("Asia/Shanghai")
    names = {one["_id"]: one["name"] for one in store.db["facilities"].find()}
    for period, part in (
        (Period.of("2026Q1"), raw[raw["at"].dt.strftime("%Y-%m").isin(["2026-01", "2026-02", "2026-03"])]),
        (Period.of("ever"), raw),
    ):
        found = entries.entry_review(store, admin, "d-community", period, now=NOW)
        assert found.entries.value == len(part)
        assert found.smart.value == pytest.approx((part["handling"] == "smart").mean())
        for kind in EntryKind:
            of_kind = part[part["kind"] == kind.value]
            needed = of_kind["noted"] & of_kind["left_at"].notna()
            if kind is EntryKind.PERSON:
                needed &= of_kind["purpose"].notna() & of_kind["host"].notna()
            assert found.complete[kind].value == pytest.approx(needed.mean())
            assert found.complete[kind].n == len(of_kind)
        hours = part.groupby([part["at"].dt.day_of_week, part["at"].dt.hour]).size()
        assert {(d, h): n for d, row in enumerate(found.hours) for h, n in enumerate(row) if n} == dict(hours.items())
        by_gate = part["gate_id"].map(names).value_counts()
        assert {row.name: row.entries for row in found.gates if row.entries} == by_gate.to_dict()
        assert found.exceptions == {
            each: int(part["exceptions"].map(lambda odd, each=each: isinstance(odd, list) and each in odd).sum())
            for each in EntryException
        }
    store.close()


def test_the_demonstration_tells_of_the_two_gates(demo_uri: str, admin: Actor) -> None:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    found = entries.entry_review(store, admin, "d-community", Period.of("2026Q1"), now=NOW)
    east, north = (next(row for row in found.gates if row.name == name) for name in ("东门道闸", "北门道闸"))
    assert (east.complete_share or 0) > 0.9 > 0.9 * (east.smart_share or 0) > 0.8
    assert (north.complete, north.smart, north.control) == (0, 0, Control.MANUAL)
    assert north in found.manual
    earlier = entries.entry_review(store, admin, "d-community", Period.of("2025-01"), now=NOW)
    assert next(row for row in earlier.gates if row.name == "东门旧道闸").complete_share < 0.3  # type: ignore[operator]
    store.close()


def test_seeded_documents_are_as_the_record_writes_them() -> None:
    end = datetime(2026, 4, 1, 23, 30, tzinfo=UTC)
    gates = [
        seeded.Traffic("s", "g", EntryKind.VEHICLE, Control.SMART, 9, 0.9, 0.9, 0.9, 60),
        seeded.Traffic("m", None, EntryKind.PERSON, Control.MANUAL, 9, 0.5, 0.5, 0, 60, 3),
    ]
    documents = list(seeded.entries("D", gates, end, 60, ZONE, Random(1)))
    assert len(documents) > 800
    assert documents == list(seeded.entries("D", gates, end, 60, ZONE, Random(1)))
    for document in documents:
        entry = EntryLog.from_document(document)
        assert RULES.settle(entry).to_document() == document
    assert {bool(document.get("who")) for document in documents} == {True, False}


# --- from a sheet
HEADER = "车牌号,入场时间,出场时间,通道/岗亭,放行方式\n"


def brought(store: Store, actor: Actor, text: str, name: str = "出入.csv", **changes: Any) -> ImportBatch | None:
    """A sheet, imported."""
    sheet = Sheet((HEADER + text).encode(), name)
    mapping = importer.propose(EntryLog, sheet, LANGUAGES).model_copy(update=changes)
    found = importer.preview(
        store, actor, "D", sheet, Mapping.model_validate(mapping.model_dump()), languages=LANGUAGES
    )
    return importer.commit(store, actor, found, patience=0)


def test_a_gate_systems_export_comes_in_and_is_taken_back(here: Store, admin: Actor) -> None:
    rows = (
        f"{PLATE},2026-04-01 08:00:00,2026-04-01 18:30:00,东门,自动放行\n"
        "川EAA111,2026-04-01 09:00:00,,东门,手动抬杆\n"
        ",2026-04-01 10:00:00,,北门,人工\n"
        "川EBB222,2026-04-02 08:00:00,,东门,自动放行\n"
        "川EOLD99,2026-02-01 08:00:00,2026-02-01 09:00:00,东门,自动放行\n"
    )
    batch = brought(here, admin, rows)
    assert batch is not None
    assert (batch.new, batch.rejected) == (5, 0)
    found = {one.who: one for one in map(EntryLog.from_document, here.db["entry_logs"].find({"forgotten": False}))}
    assert (found[PLATE].complete, found[PLATE].handling, found[PLATE].grid_id) == (True, Handling.SMART, "g1")
    assert found["川EAA111"].exceptions == (EntryException.BY_HAND, EntryException.NO_EXIT)
    assert (found[None].exit_unknown, found["川EBB222"].is_open) == (True, True)
    assert not holding(here, "川EOLD99")  # older than such names are kept
    assert holding(here, PLATE) == {"entry_logs"}
    assert recount.check(here, admin, "D") == []

    again = brought(
        here,
        admin,
        rows.replace("川EBB222,2026-04-02 08:00:00,", "川EBB222,2026-04-02 08:00:00,2026-04-02 12:00:00"),
        "再.csv",
    )
    assert again is not None
    assert (again.new, again.changed, again.unchanged) == (0, 1, 4)
    assert here.db["entry_logs"].count_documents({"is_open": True}) == 0

    importer.undo(here, admin, "D", again.id, patience=0)
    importer.undo(here, admin, "D", batch.id, patience=0)
    assert here.db["entry_logs"].count_documents({}) == 0
    assert holding(here, PLATE, "川EBB222") <= {importer.LEDGER}
    entries.forget_expired(here, admin, "D", on=date(2026, 6, 1))
    assert not holding(here, PLATE, "川EBB222")
    assert recount.check(here, admin, "D") == []


def test_what_lies_in_the_future_does_not_come_in(here: Store, admin: Actor) -> None:
    """A gate whose clock is wrong would keep a car inside for years, and its plate as long."""
    rows = (
        "川EAA111,2026-04-02 08:00:00,,东门,人工\n"
        "川EBB222,2030-05-01 00:00:00,,东门,人工\n"
        "川ECC333,2026-04-02 08:00:00,2026-04-02 19:00:00,东门,人工\n"
    )
    batch = brought(here, admin, rows)
    assert batch is not None
    assert (batch.new, batch.rejected) == (1, 2)
    assert not holding(here, "川EBB222", "川ECC333")


def test_nothing_comes_in_through_what_is_no_gate(here: Store, admin: Actor) -> None:
    rows = "川EAA111,2026-04-02 08:00:00,,单杠,人工\n川EBB222,2026-04-02 08:00:00,,东门,人工\n"
    batch = brought(here, admin, rows)
    assert batch is not None
    assert (batch.new, batch.rejected) == (1, 1)


def test_unknown_gates_are_listed_and_can_be_made(here: Store, admin: Actor) -> None:
    rows = "川E1,2026-04-01 08:00,,南门岗亭,人工\n川E2,2026-04-01 08:05,,南门岗亭,人工\n"
    assert brought(here, admin, rows) is None
    batch = brought(here, admin, rows, create_missing=("gate_id",))
    assert batch is not None
    assert (batch.new, batch.made) == (2, 1)
    made = here.db["facilities"].find_one({"code": "南门岗亭"}) or {}
    assert (made["name"], made["category"]) == ("南门岗亭", "vehicle_access")
    importer.undo(here, admin, "D", batch.id, patience=0)
    assert here.db["facilities"].count_documents({"code": "南门岗亭"}) == 0


def test_what_an_import_replaced_is_forgotten_too(here: Store, admin: Actor) -> None:
    brought(here, admin, f"{PLATE},2026-04-01 08:00:00,,东门,自动放行\n")
    again = brought(here, admin, f"{PLATE},2026-04-01 08:00:00,2026-04-01 09:00:00,东门,自动放行\n", "b.csv")
    assert again is not None
    assert holding(here, PLATE) == {"entry_logs", importer.LEDGER}
    assert entries.forget_expired(here, admin, "D", on=date(2026, 5, 2)) == 1
    assert not holding(here, PLATE)
    importer.undo(here, admin, "D", again.id, patience=0)
    (back,) = map(EntryLog.from_document, here.db["entry_logs"].find())
    assert (back.exit_unknown, back.forgotten, back.noted) == (True, True, True)
    assert recount.check(here, admin, "D") == []
