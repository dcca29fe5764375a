"""Activities and attendance entry: what is refused, what moves along, what two people at once may not break."""

import contextlib
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from repository import importer, organizations, recount
from repository.access import Actor, Refused, Role
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    AttendancesStand,
    add_activity,
    attendances_of,
    calendar,
    cancel_activity,
    commands,
    correct_attendance,
    delete_activity,
    edit_activity,
    figures,
    known_residents,
    record_attendance,
    record_attendances,
    resident_code,
    set_headcount,
    take_back_attendance,
)
from repository.activities.commands import ALPHABET, code_of, read_lines
from repository.grids import Community, Grid
from repository.metrics import Period
from repository.organizations import Organization
from repository.people import AgeBand, Sex
from repository.store import Conflict, Invalid, NotFound, Store
from tests.conftest import once

C = "c1"
QUARTER = Period.of("2026Q1")


@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    store.insert(admin, Community(id=C, community_id=C, code="D", name="D 社区", residents=900))
    for grid in ("g1", "g2"):
        store.insert(admin, Grid(id=grid, community_id=C, code=grid[1], name=f"{grid[1]} 号网格", residents=450))
    return store


def held(store: Store, actor: Actor, **values: Any) -> Activity:
    return add_activity(
        store, actor, C, {"name": "健康讲座", "held_on": "2026-03-10", "format": "lecture", "grid_id": "g1", **values}
    )


# --- activities
def test_a_day_to_come_makes_it_planned_and_cannot_be_held(here: Store, admin: Actor) -> None:
    assert held(here, admin).status is ActivityStatus.HELD
    assert held(here, admin, held_on="2026-04-03").status is ActivityStatus.PLANNED
    assert held(here, admin, held_on="2026-04-02").status is ActivityStatus.HELD  # today, in the community's zone
    with pytest.raises(Invalid) as wrong:
        held(here, admin, held_on="2026-04-03", status="held")
    assert wrong.value.problems.keys() == {"held_on"}
    with pytest.raises(Invalid) as wrong:
        held(here, admin, name="", grid_id="g9", capacity=-1)
    assert wrong.value.problems.keys() == {"name", "capacity"}
    with pytest.raises(Invalid) as wrong:
        held(here, admin, grid_id="g9")
    assert wrong.value.problems.keys() == {"grid_id"}


def test_a_format_is_one_however_it_is_written(here: Store, admin: Actor) -> None:
    """Typed by a command, changed by a form, brought by a sheet: so that sameness is seen."""
    one = held(here, admin, format=" 讲座")
    record_attendance(here, admin, C, one.id, resident="R-AAAA", accept_new=True)
    again = edit_activity(here, admin, C, one.id, one.revision, {"format": "宣讲"})
    assert (one.format, again.format, again.revision) == ("lecture", "lecture", 1), "nothing was changed"
    rows = "活动名称,活动日期,活动形式\n甲,2026-03-01,宣 讲\n乙,2026-03-02,Lecture\n丙,2026-03-03,茶话会"
    sheet = importer.Sheet(rows.encode(), "活动.csv")
    mapping = importer.propose(Activity, sheet, (str,))
    importer.commit(here, admin, importer.preview(here, admin, C, sheet, mapping, languages=(str,)), patience=0)
    there = here.find(admin, Activity, C, sort=[("held_on", 1)])
    assert [each.format for each in there] == ["宣 讲", "lecture", "茶话会", "lecture"]
    found = figures(here, admin, C, QUARTER).variety
    assert (found.diversity.richness, found.commonest_share) == (3, 0.5)
    assert attendances_of(here, admin, C, one.id)[0].format == "lecture"
    assert recount.check(here, admin, C) == []


def test_a_double_click_makes_one_activity(here: Store, admin: Actor) -> None:
    values = {"name": "讲座", "held_on": "2026-03-10", "format": "lecture"}
    first = add_activity(here, admin, C, values, key="k")
    assert add_activity(here, admin, C, values, key="k").id == first.id
    assert figures(here, admin, C, QUARTER).held.value == 1


def test_day_and_format_of_its_attendances_move_with_an_activity(here: Store, admin: Actor) -> None:
    activity = held(here, admin)
    other = held(here, admin)
    for code in ("R-AAAA", "R-CCCC"):
        record_attendance(here, admin, C, activity.id, resident=code, accept_new=True, grid_id="g1")
    record_attendance(here, admin, C, other.id, resident="R-AAAA")
    before = attendances_of(here, admin, C, activity.id)
    changes = {"held_on": "2025-12-30", "format": "sport"}
    moved = edit_activity(here, admin, C, activity.id, activity.revision, changes)
    after = attendances_of(here, admin, C, activity.id)
    assert {(row.held_on, row.format) for row in after} == {(date(2025, 12, 30), "sport")}
    assert [row.revision for row in after] == [row.revision + 1 for row in before]
    assert {(row.held_on, row.format) for row in attendances_of(here, admin, C, other.id)} == {
        (date(2026, 3, 10), "lecture")
    }
    assert not recount.check(here, admin, C)
    assert figures(here, admin, C, Period.of("2025Q4")).participants.value == 2
    assert figures(here, admin, C, QUARTER).participants.value == 1
    audit = list(here.db["audit"].find({"collection": "attendances", "record_id": activity.id}))
    assert len(audit) == 1
    assert audit[0]["after"]["rows"] == 2
    # a change of anything else leaves them alone
    edit_activity(here, admin, C, activity.id, moved.revision, {"name": "运动会"})
    assert [row.revision for row in attendances_of(here, admin, C, activity.id)] == [row.revision for row in after]


def test_an_activity_with_attendances_is_not_deleted_or_called_off(here: Store, admin: Actor) -> None:
    activity = held(here, admin)
    for code in ("R-AAAA", "R-CCCC"):
        record_attendance(here, admin, C, activity.id, resident=code, accept_new=True)
    with pytest.raises(AttendancesStand) as stands:
        delete_activity(here, admin, C, activity.id, activity.revision)
    assert "2" in str(stands.value)
    with pytest.raises(AttendancesStand) as stands:
        cancel_activity(here, admin, C, activity.id, activity.revision)
    assert stands.value.count == 2
    with pytest.raises(Invalid) as wrong:
        edit_activity(here, admin, C, activity.id, activity.revision, {"status": "planned"})
    assert wrong.value.problems.keys() == {"status"}
    assert here.get(admin, Activity, C, activity.id) == activity
    with pytest.raises(Conflict):
        delete_activity(here, admin, C, activity.id, activity.revision + 1, with_attendances=True)
    assert here.count(admin, Attendance, C) == 2
    delete_activity(here, admin, C, activity.id, activity.revision, with_attendances=True)
    assert here.count(admin, Attendance, C) == here.count(admin, Activity, C) == 0
    assert not recount.check(here, admin, C)
    assert here.db["audit"].count_documents({"operation": "delete", "collection": "attendances"}) == 2


def test_an_activity_without_attendances_is_cancelled(here: Store, admin: Actor) -> None:
    activity = held(here, admin)
    cancelled = cancel_activity(here, admin, C, activity.id, activity.revision)
    assert cancelled.status is ActivityStatus.CANCELLED
    found = figures(here, admin, C, QUARTER)
    assert (found.held.value, found.cancelled) == (0, 1)
    with pytest.raises(Invalid) as wrong:
        record_attendance(here, admin, C, activity.id)
    assert "cancelled" in str(wrong.value.problems[""])


def test_organisations_took_part_on_the_day_it_was_held_and_in_none_that_was_not(here: Store, admin: Actor) -> None:
    here.insert(admin, Organization(id="o", community_id=C, name="邮政银行", kind="enterprise"))
    activity, month = held(here, admin), Period.of("2026-03")
    took = {
        "organization_id": "o",
        "way": "joined",
        "what": "医生",
        "on": date(2026, 3, 10),
        "activity_id": activity.id,
    }
    organizations.add_engagement(here, admin, C, took)
    organizations.add_engagement(here, admin, C, {**took, "way": "contact", "what": "联系"})

    def parts() -> list[tuple[str, str]]:
        return sorted((str(one.on), str(one.way)) for one in organizations.engagements(here, admin, C))

    def share() -> float | None:
        return organizations.review(here, admin, C, month, today=date(2026, 4, 2)).participation.value

    moved = edit_activity(here, admin, C, activity.id, activity.revision, {"held_on": "2026-03-12"})
    assert parts() == [("2026-03-10", "contact"), ("2026-03-12", "joined")]
    assert share() == 1
    off = cancel_activity(here, admin, C, activity.id, moved.revision)
    assert parts() == [("2026-03-10", "contact")], "that they were talked to stays"
    assert share() == 0
    with pytest.raises(Invalid) as wrong:
        organizations.add_engagement(here, admin, C, took)
    assert wrong.value.problems.keys() == {"activity_id"}
    again = edit_activity(here, admin, C, activity.id, off.revision, {"status": "held"})
    organizations.add_engagement(here, admin, C, {**took, "on": date(2026, 3, 12)})
    edit_activity(here, admin, C, activity.id, again.revision, {"status": "planned", "held_on": "2026-04-20"})
    assert share() == 0, "it is still to come"
    assert not recount.check(here, admin, C)


def test_it_does_not_end_before_it_begins(here: Store, admin: Actor) -> None:
    with pytest.raises(Invalid) as wrong:
        held(here, admin, starts_at="19:30", ends_at="9:00")
    assert wrong.value.problems.keys() == {"ends_at"}
    assert held(here, admin, starts_at="9:30", ends_at="10:00").ends_at == "10:00"


def test_heads_are_counted(here: Store, admin: Actor) -> None:
    activity = held(here, admin, status="planned")
    counted = set_headcount(here, admin, C, activity.id, activity.revision, 35)
    assert (counted.headcount, counted.status) == (35, ActivityStatus.HELD)
    assert figures(here, admin, C, QUARTER).visits.value == 35
    unknown = set_headcount(here, admin, C, activity.id, counted.revision, None)
    assert unknown.headcount is None
    assert figures(here, admin, C, QUARTER).visits.value is None
    with pytest.raises(Invalid):
        set_headcount(here, admin, C, activity.id, unknown.revision, -1)
    with pytest.raises(Invalid) as wrong:
        edit_activity(here, admin, C, activity.id, unknown.revision, {"status": "planned", "headcount": 3})
    assert wrong.value.problems.keys() == {"status"}


# --- attendance
def test_a_new_resident_gets_a_code_and_a_returning_one_is_remembered(here: Store, admin: Actor) -> None:
    first, second = held(here, admin), held(here, admin, held_on="2026-03-20")
    new = record_attendance(here, admin, C, first.id, age_band=AgeBand.A60, sex=Sex.FEMALE, grid_id="g2")
    assert resident_code(new.resident) == new.resident
    assert set(new.resident.removeprefix("R-")) <= set(ALPHABET)
    again = record_attendance(here, admin, C, second.id, resident=new.resident.lower())
    assert (again.resident, again.age_band, again.sex, again.grid_id) == (new.resident, "60-74", "f", "g2")
    assert (again.held_on, again.format) == (second.held_on, second.format)
    # what is said today wins over what was known, and stays frozen where it was
    third = held(here, admin, held_on="2026-03-25")
    record_attendance(here, admin, C, third.id, resident=new.resident, age_band=AgeBand.A75)
    known = known_residents(here, admin, C, [new.resident, "R-XXXX"])
    assert known.keys() == {new.resident}
    assert (known[new.resident].age_band, known[new.resident].last_came) == ("75+", date(2026, 3, 25))
    assert attendances_of(here, admin, C, first.id)[0].age_band is AgeBand.A60
    found = figures(here, admin, C, QUARTER)
    assert (found.participants.value, found.registered) == (1, 3)


def test_attendance_is_refused_where_it_cannot_be(here: Store, admin: Actor) -> None:
    activity, later = held(here, admin), held(here, admin, held_on="2026-05-01")
    record_attendance(here, admin, C, activity.id, resident="R-AAAA", accept_new=True)
    for wrong_code in ("R-AAAA", "R-CCCC", "  ", "王小明", "510503199001011234", "138 0000 0000"):
        with pytest.raises(Invalid) as wrong:
            record_attendance(here, admin, C, activity.id, resident=wrong_code)
        assert wrong.value.problems.keys() == {"resident"}
    with pytest.raises(Invalid) as wrong:
        record_attendance(here, admin, C, later.id)
    assert "still to come" in str(wrong.value.problems[""])
    with pytest.raises(NotFound):
        record_attendance(here, admin, C, "gone")
    assert here.count(admin, Attendance, C) == 1
    assert not recount.check(here, admin, C)


def test_a_double_click_records_one_attendance(here: Store, admin: Actor) -> None:
    activity = held(here, admin, status="planned")
    first = record_attendance(here, admin, C, activity.id, key="k")
    assert record_attendance(here, admin, C, activity.id, key="k") == first
    assert here.get(admin, Activity, C, activity.id).status is ActivityStatus.HELD
    text, other = "新 60-74\n新\nR-AAAA", held(here, admin)
    made = record_attendances(here, admin, C, other.id, text, accept_new=True, key="list")
    again = record_attendances(here, admin, C, other.id, text, accept_new=True, key="list")
    assert {row.id for row in again.saved} == {row.id for row in made.saved}
    assert here.count(admin, Attendance, C) == 4


def test_a_list_keeps_the_good_lines_and_says_what_is_wrong_with_each_other(here: Store, admin: Actor) -> None:
    activity = held(here, admin, status="planned")
    record_attendance(here, admin, C, held(here, admin).id, resident="R-AAAA", accept_new=True, sex=Sex.MALE)
    record_attendance(here, admin, C, activity.id, resident="R-CCCC", accept_new=True)
    text = """r-aaaa
    R-CCCC

    R-DDDD
    王小明
    R-AAAA
    新 老年,女 2 号网格
    R-AAAA 老太太
    """
    entered = record_attendances(here, admin, C, activity.id, text)
    assert {problem.number: str(problem.message).split(" ")[0] for problem in entered.problems} == {
        2: "R-CCCC",  # registered already
        4: "Nobody",  # an unknown code may be a slip
        5: "A",  # never a name
        6: "R-AAAA",  # twice
        8: "“老太太”",
    }
    assert entered.left.splitlines() == ["R-CCCC", "R-DDDD", "王小明", "R-AAAA", "R-AAAA 老太太"]
    known, new = entered.saved
    assert (known.resident, known.sex) == ("R-AAAA", "m")
    assert (new.age_band, new.sex, new.grid_id) == ("60-74", "f", "g2")
    assert entered.new == ((7, new.resident),)
    assert len(attendances_of(here, admin, C, activity.id)) == 3
    assert here.get(admin, Activity, C, activity.id).status is ActivityStatus.HELD
    assert [
        row.resident for row in record_attendances(here, admin, C, activity.id, "R-DDDD", accept_new=True).saved
    ] == ["R-DDDD"]
    assert not recount.check(here, admin, C)
    assert {row.activity.id: row.registered for row in calendar(here, admin, C, QUARTER).rows}[activity.id] == 4


def test_nothing_saved_leaves_a_planned_activity_planned(here: Store, admin: Actor) -> None:
    activity = held(here, admin, status="planned")
    assert not record_attendances(here, admin, C, activity.id, "R-DDDD\n\n").saved
    assert record_attendances(here, admin, C, activity.id, " \n").problems == ()
    assert here.get(admin, Activity, C, activity.id).status is ActivityStatus.PLANNED
    with pytest.raises(Invalid):
        record_attendances(here, admin, C, activity.id, "\n".join(["新"] * 501))


def test_codes_that_are_taken_are_made_again(here: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    activity = held(here, admin)
    record_attendance(here, admin, C, activity.id, resident=code_of(7), accept_new=True)
    draws = iter([7, 8])
    monkeypatch.setattr(commands.secrets, "randbelow", lambda _: next(draws))
    assert record_attendance(here, admin, C, activity.id).resident == code_of(8)


def test_an_attendance_is_corrected_and_taken_back(here: Store, admin: Actor) -> None:
    activity = held(here, admin)
    made = record_attendance(here, admin, C, activity.id, grid_id="g1")
    right = correct_attendance(here, admin, C, made.id, made.revision, {"age_band": "18-35", "grid_id": "g2"})
    assert here.get(admin, Attendance, C, made.id).grid_id == "g2"
    with pytest.raises(ValueError, match="resident"):
        correct_attendance(here, admin, C, made.id, right.revision, {"resident": "R-CCCC"})
    with pytest.raises(Conflict):
        take_back_attendance(here, admin, C, made.id, made.revision)
    take_back_attendance(here, admin, C, made.id, right.revision)
    assert here.count(admin, Attendance, C) == 0
    assert not recount.check(here, admin, C)


# --- who may
def test_a_grid_worker_records_in_their_grid_and_a_viewer_sees_numbers_only(here: Store, admin: Actor) -> None:
    mine, theirs = held(here, admin), held(here, admin, grid_id="g2")
    record_attendance(here, admin, C, mine.id, resident="R-AAAA", accept_new=True, grid_id="g2")
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"g1"}))
    assert record_attendance(here, worker, C, mine.id, grid_id="g1").grid_id == "g1"
    with pytest.raises(NotFound):
        attendances_of(here, worker, C, theirs.id)
    with pytest.raises(Refused):
        record_attendance(here, worker, C, theirs.id, grid_id="g1")
    entered = record_attendances(here, worker, C, mine.id, "新 1号网格\n新 2号网格")
    assert [row.grid_id for row in entered.saved] == ["g1"]
    assert [problem.number for problem in entered.problems] == [2]
    viewer = Actor("v", "访客", Role.VIEWER)
    assert {row.registered for row in calendar(here, viewer, C, QUARTER).rows} == {0, 3}
    with pytest.raises(Refused):
        attendances_of(here, viewer, C, mine.id)
    with pytest.raises(Refused):
        held(here, viewer)


# --- at the same time
def test_recording_and_deleting_at_once_leaves_no_attendance_alone(here: Store, admin: Actor) -> None:
    """Either the attendance is there and the activity too, or neither: never an attendance of nothing."""
    record_attendance(here, admin, C, held(here, admin).id)  # the month's counters are there
    for _ in range(15):
        activity = held(here, admin)
        gate = threading.Barrier(2)

        def attempt(work: Callable[[], object], gate: threading.Barrier = gate) -> None:
            gate.wait()
            with contextlib.suppress(AttendancesStand, NotFound, Conflict):
                work()

        works = (
            lambda activity=activity: record_attendance(here, admin, C, activity.id),
            lambda activity=activity: delete_activity(here, admin, C, activity.id, activity.revision),
        )
        threads = [threading.Thread(target=attempt, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = here.count(admin, Activity, C, {"_id": activity.id})
        assert here.count(admin, Attendance, C, {"activity_id": activity.id}) == left
    assert not recount.check(here, admin, C)


def test_two_lists_with_the_same_resident_record_them_once(here: Store, admin: Actor) -> None:
    activity = held(here, admin)
    codes = [code_of(n) for n in range(30)]
    found: list[Any] = []
    lists = ("\n".join(codes), "\n".join(reversed(codes)))
    threads = [
        threading.Thread(
            target=lambda text=text: found.append(
                record_attendances(here, admin, C, activity.id, text, accept_new=True)
            )
        )
        for text in lists
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(entered.saved) for entered in found) == sum(len(entered.problems) for entered in found) == 30
    assert not recount.check(here, admin, C)


class Asked(CommandListener):
    """What the database was asked, but for who may and what is in flight."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str]] = []

    def started(self, event: CommandStartedEvent) -> None:
        of = str(event.command.get(event.command_name))
        if of not in ("sign_ins", "audit_seals", "import_batches"):
            self.commands.append((event.command_name, "" if event.command_name == "commitTransaction" else of))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


def test_a_list_is_recorded_with_hardly_more_commands_than_one(here: Store, admin: Actor, mongodb_uri: str) -> None:
    """Whoever came before, and whoever comes for the first time; the counters as a recount has them."""
    asked = Asked()
    store = Store.connect(mongodb_uri, here.db.name, here.clock, event_listeners=[asked])
    codes = [code_of(n) for n in range(30)]

    def said(*lines: str) -> list[tuple[str, str]]:
        activity = held(here, admin)
        asked.commands.clear()
        if len(lines) == 1:
            record_attendance(store, admin, C, activity.id, resident=lines[0], accept_new=True)
        else:
            assert len(record_attendances(store, admin, C, activity.id, "\n".join(lines), accept_new=True).saved) == 30
        return asked.commands[:]

    said(code_of(99))  # the counters are there
    begin = [("aggregate", "attendances"), ("find", "activities"), ("insert", "attendances"), ("insert", "audit")]
    end = [("update", "monthly_counts"), ("commitTransaction", "")]
    first = [*begin, ("insert", "monthly_counts"), *end]
    assert said(codes[0]) == first
    assert said(codes[0]) == [*begin, *end]
    assert said(*codes[1:], code_of(98)) == [("find", "grids"), *first]
    assert said(*codes) == [("find", "grids"), *begin, *end]
    assert not recount.check(here, admin, C)
    store.close()


class Between(Store):
    """The same store for which something else happens between its first question and what it writes then."""

    def __init__(self, store: Store, happens: Callable[[], object]) -> None:
        self.__dict__.update(store.__dict__)
        self.did: list[object] = []
        self._happens = happens

    def together(self, *args: Any, **kwargs: Any) -> list[list[dict[str, Any]]]:
        found = super().together(*args, **kwargs)
        if not self.did:
            self.did.append(self._happens())
        return found


def test_who_is_recorded_elsewhere_in_the_same_moment_is_counted_once_as_a_person(here: Store, admin: Actor) -> None:
    """What was read before the transaction does not stand any more when it runs: another desk recorded them between."""
    first, second, third, fourth = (held(here, admin) for _ in range(4))
    known, new = code_of(1), code_of(2)
    record_attendance(here, admin, C, first.id, resident=known, accept_new=True)

    def also_elsewhere(activity: Activity, resident: str) -> None:
        between = Between(
            here, lambda: record_attendance(here, admin, C, second.id, resident=resident, accept_new=True)
        )
        record_attendance(between, admin, C, activity.id, resident=resident, accept_new=True)
        assert between.did

    also_elsewhere(third, known)
    second = held(here, admin)
    also_elsewhere(fourth, new)
    assert recount.check(here, admin, C) == []
    assert here.db["attendances"].count_documents({"resident": known}) == 3
    assert here.db["attendances"].count_documents({"resident": new}) == 2


# --- codes and lists as typed
@given(st.integers(0, len(ALPHABET) ** 4 - 1))
def test_a_code_is_read_back_however_it_is_typed(number: int) -> None:
    code = code_of(number)
    bare = code.removeprefix("R-")
    full_width = "".join(chr(ord(char) + 0xFEE0) for char in bare)
    for typed in (code, bare.lower(), f" r{bare} ", f"R—{bare}", full_width):
        assert resident_code(typed) == code


def test_codes_of_another_making_stay_as_they_are() -> None:
    assert resident_code("r-0O1l") == "R-0O1L"
    assert resident_code(" Card 12 ") == "Card 12"
    assert resident_code("ab12") == "ab12"
    assert resident_code("x" * 40) == "x" * 40
    assert resident_code("510503991301123") == "510503991301123", "no month has this number: no old ID"
    with pytest.raises(Invalid):
        resident_code("x" * 41)


@pytest.mark.parametrize(
    "typed",
    [
        "王芳",
        "510503 19600101 123x",
        "510503600101123",
        "138 0013 8000",
        "+86 138-0013-8000",
        "8613800138000",
        "008613800138000",
    ],
)
def test_what_names_somebody_is_no_code(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        resident_code(typed)
    assert "never a name" in refused.value.problems["resident"].text


def test_codes_have_no_look_alikes_and_differ() -> None:
    assert not set("01258GBIOLSUZ") & set(ALPHABET)
    assert len({code_of(n) for n in range(5000)}) == 5000


@given(st.text(max_size=60))
def test_any_text_is_read_line_by_line(text: str) -> None:
    lines, problems = read_lines(text, ())
    numbers = [line.number for line in lines] + [problem.number for problem in problems]
    assert len(numbers) == len(set(numbers))
    assert len(numbers) <= len(text.splitlines())
