"""One declaration: what pydantic refuses, MongoDB's validator refuses too, and every field can be drawn."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError
from pymongo.errors import WriteError

from repository.facilities import Category, Condition, Facility, FitnessDetails, VehicleDetails
from repository.grids import Community, Grid, Point
from repository.inspections import ChecklistItem, ItemResult
from repository.maintenance import Event, Outcome, Priority, Status, WorkOrder
from repository.migrations import migrate, pending
from repository.people import Person
from repository.record import RECORDS, Choice, Money, Part, Record, Ref, Shown, _meant, field_specs, folded, spellings
from repository.store import Invalid, Store, build

AT = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)


def a_work_order(**over: Any) -> WorkOrder:
    """A valid one, with what the test is about put over it."""
    return WorkOrder(**{"community_id": "D", "number": "W-1", "fault": "loose", "reported_at": AT, **over})


def a_full_facility() -> Facility:
    """Every kind of field filled."""
    return Facility(
        community_id="D",
        code="F-1",
        name="体育公园 3 号单杠",
        category=Category.FITNESS,
        kind="horizontal_bar",
        position=Point(longitude=105.37, latitude=28.77),
        installed_on=date(2011, 5, 1),
        service_life_years=8,
        condition=Condition.POOR,
        replacement_cost_cents=90_000_000_000,
        details=FitnessDetails(material="钢", pieces=3, area_m2=2),
    )


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.collection)
def test_every_field_has_a_spec_and_every_collection_a_permission(record: type[Record]) -> None:
    from repository.access import PERMISSIONS

    assert field_specs(record)
    assert record.collection in PERMISSIONS
    assert all(
        index.keys[0] == "community_id" or index.name.startswith(("batch_id", "code", "in_flight"))
        for index in record.indexes
    )


@pytest.mark.parametrize(
    "record",
    [
        a_full_facility(),
        a_work_order(events=(Event(at=AT, by="王红", status=Status.REPORTED),), cost_cents=90_000_000_000),
        Community(id="D", community_id="D", code="510503001001", name="D社区"),
        Grid(
            community_id="D", code="3", name="3 号网格", sites=("体育公园",), boundary=(Point(longitude=1, latitude=2),)
        ),
        Person(community_id="D", name="李建国"),
    ],
    ids=lambda record: record.collection,
)
def test_a_record_survives_the_database(store: Store, record: Record) -> None:
    store.db[record.collection].insert_one(record.to_document())

    (found,) = store.documents(type(record), {})

    assert type(record).from_document(found).to_document() == record.to_document()


@pytest.mark.parametrize(
    ("collection", "change"),
    [
        ("facilities", {"category": "rocket"}),
        ("facilities", {"name": 5}),
        ("facilities", {"service_life_years": 1000.0}),
        ("facilities", {"nobody_knows": 1}),
        ("facilities", {"details": {"category": "fitness", "lanes": 2}}),
        ("facilities", {"installed_on": "2011"}),
        ("facilities", {"name": "x" * 201}),
        ("work_orders", {"is_open": "yes"}),
        ("work_orders", {"events": [{"at": AT, "by": "x", "status": "lost"}]}),
        ("work_orders", {"cost_cents": -1}),
    ],
)
def test_the_servers_own_lock_holds(store: Store, collection: str, change: dict[str, Any]) -> None:
    record = a_full_facility() if collection == "facilities" else a_work_order()

    with pytest.raises(WriteError) as refused:
        store.db[collection].insert_one(record.to_document() | change)

    assert refused.value.code == 121


def test_migrating_twice_changes_nothing(store: Store) -> None:
    assert pending(store) == []
    assert migrate(store) == []


def test_a_changed_declaration_is_pending_until_migrated(store: Store) -> None:
    store.db.command("collMod", "people", validator={})
    store.db["people"].drop_index("community_id_name")

    assert pending(store) == ["validator people", "index people community_id_name"]
    migrate(store)
    assert pending(store) == []


@given(st.text(max_size=60))
def test_text_is_stored_composed_and_trimmed_or_refused(text: str) -> None:
    try:
        kept = build(Person, {"community_id": "D", "name": text}).name
    except Invalid:
        return
    assert kept == kept.strip()
    assert not any(ord(char) < 32 and char not in "\n\t" for char in kept)


def test_an_unknown_annotation_is_an_error_at_declaration() -> None:
    with pytest.raises(TypeError, match="no face can draw"):
        field_specs(type("Odd", (Part,), {"__annotations__": {"thing": dict}, "thing": Field(title="Thing")}))


def test_text_without_bounds_is_an_error_at_declaration() -> None:
    with pytest.raises(TypeError, match="max_length"):
        field_specs(type("Odd", (Part,), {"__annotations__": {"thing": str}, "thing": Field(title="Thing")}))


def test_two_marks_on_a_field_are_an_error_at_declaration() -> None:
    twice = Annotated[int, Money(), Shown()]
    with pytest.raises(TypeError, match="2 marks"):
        field_specs(type("Odd", (Part,), {"__annotations__": {"thing": twice}, "thing": Field(title="Thing")}))


def test_specs_say_what_the_faces_need() -> None:
    specs = field_specs(WorkOrder)

    assert specs["facility_id"].kind == "ref"
    assert isinstance(specs["facility_id"].mark, Ref)
    assert specs["cost_cents"].kind == "money"
    assert specs["priority"].choices is Priority
    assert specs["number"].required
    assert not specs["place"].required
    assert specs["estimated_hours"].maximum == 10_000
    assert field_specs(Facility)["details"].kind == "variant"
    assert VehicleDetails in field_specs(Facility)["details"].parts
    assert field_specs(Grid)["sites"].many


def test_open_and_time_to_repair_follow_from_the_facts() -> None:
    done = a_work_order(status=Status.DONE, outcome=Outcome.COMPLETED, ended_at=AT.replace(hour=10)).to_document()
    assert (done["is_open"], done["repair_seconds"]) == (False, 7200)

    early = a_work_order(status=Status.CLOSED, outcome=Outcome.COMPLETED, ended_at=AT.replace(hour=7)).to_document()
    assert early["flags"] == ["ended_before_reported"]
    assert "repair_seconds" not in early

    cancelled = a_work_order(
        status=Status.CLOSED, outcome=Outcome.CANCELLED, ended_at=AT.replace(hour=10)
    ).to_document()
    assert "repair_seconds" not in cancelled


def test_a_term_is_the_word_it_means_whoever_writes_it() -> None:
    """Forms, imports and commands make records; one thing is counted under one name."""
    tried = 0
    for record in (*RECORDS.values(), ChecklistItem, ItemResult):
        for name, spec in field_specs(record).items():
            for member in spec.choices or () if spec.kind == "term" else ():
                meant = str(spellings(spec.choices)[folded(member.value)]) if spec.choices else ""
                for word in (member.value, f" {member.label.upper()}", *member.spellings):
                    first = str(spellings(spec.choices)[folded(word)]) if spec.choices else ""  # two may bear it
                    kept = _meant(record, name, (word, word, "别的") if spec.many else word)
                    assert kept == ((first, "别的") if spec.many else first), (record, name, word)
                    tried += 1
                assert meant == member.value
    assert tried > 200
    made = [a_work_order(fault=fault).fault for fault in (" 漏水", "Water LEAK", "  漏 水 ")]
    assert made == ["leak", "leak", "漏 水"], "another word is kept as it is"
    assert ChecklistItem(text="接头", fault="漏水").fault == "leak"


def test_choices_know_their_labels_and_spellings() -> None:
    assert "待修" in Status.REPORTED.spellings
    assert isinstance(Status.REPORTED, Choice)
    assert Status.REPORTED == "reported"


# --- turning stored documents back
STORED = (
    a_full_facility(),
    a_work_order(
        id="w1",
        events=(
            Event(at=AT, by="王红", status=Status.REPORTED),
            Event(at=AT, by="王红", status=Status.ACCEPTED, note="好"),
        ),
        due_at=AT,
        estimated_hours=2,
        dangerous=True,
        flags=("year_far_away",),
    ),
    Grid(
        id="g", community_id="D", code="3", name="3 号网格", sites=("公园",), boundary=(Point(longitude=1, latitude=2),)
    ),
    Person(id="p", community_id="D", name="李建国"),
)


def judged(record: type[Record], document: dict[str, Any]) -> Record:
    """The slow way: pydantic looks at everything."""
    return record.model_validate({("id" if name == "_id" else name): value for name, value in document.items()})


@pytest.mark.parametrize("record", STORED, ids=lambda record: record.collection)
def test_turned_back_is_what_pydantic_would_make(record: Record) -> None:
    document = record.to_document()
    back, slow = type(record).from_document(document), judged(type(record), document)
    assert back == slow == record.from_document(slow.to_document())
    assert repr(back) == repr(slow)
    assert back.model_fields_set == slow.model_fields_set
    assert [type(value) for value in vars(back).values()] == [type(value) for value in vars(slow).values()]
    assert back.model_copy(update={"revision": 7}) == slow.model_copy(update={"revision": 7})


ODD = (None, 1, 1.5, True, "x", "2026-04-02", [], [1], {}, {"at": 1}, AT, datetime(2026, 4, 2, 8), AT.astimezone(), b"")  # noqa: DTZ001


@given(data=st.data(), record=st.sampled_from(STORED), value=st.sampled_from(ODD))
def test_what_is_odd_in_a_document_is_judged_as_ever(data: st.DataObject, record: Record, value: Any) -> None:
    """A document others wrote gives the same record, or the same error, as if there were no quick way."""
    document = record.to_document()
    document[data.draw(st.sampled_from([*document, "surprise"]))] = value
    if data.draw(st.booleans()):
        document.pop(data.draw(st.sampled_from(sorted(document.keys() - {"_id"}))))
    try:
        slow = judged(type(record), document)
    except ValidationError:
        slow = None
    try:
        back = type(record).from_document(document)
    except ValidationError:
        back = None
    # the quick way asks for the types; bounds of what is stored are MongoDB's validator's to keep
    assert back == slow or (slow is None and back is not None and type(value) in (int, str, float))
