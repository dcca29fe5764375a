"""Facilities: what the commands keep true, and the figures against rows counted by hand and by Python."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repository import facilities as room
from repository.access import Actor, Refused, Role
from repository.facilities import (
    Category,
    Condition,
    ConditionEntry,
    Control,
    Facility,
    Figures,
    FitnessDetails,
    Reason,
    ServiceStatus,
    VehicleDetails,
    age_years,
    end_of_life,
)
from repository.grids import Community, Grid, ServiceLife
from repository.maintenance import WorkOrder
from repository.metrics import State
from repository.people import Person
from repository.record import Precision
from repository.store import Conflict, Duplicate, InUse, Invalid, NotFound, Store
from tests.conftest import NOW, once

TODAY = date(2026, 4, 2)
FIT, GATE, DOOR, PROPERTY = Category.FITNESS, Category.VEHICLE, Category.PERSONNEL, Category.PROPERTY


@pytest.fixture
@once
def community(store: Store, admin: Actor) -> str:
    """D with grids g1 and g2, and a decoy community E with grid x1."""
    for id, grids in (("D", ("g1", "g2")), ("E", ("x1",))):
        store.insert(admin, Community(id=id, community_id=id, code=id, name=id))
        for grid in grids:
            store.insert(admin, Grid(id=grid, community_id=id, code=grid, name=grid))
    return "D"


def stand(store: Store, admin: Actor, code: str, **over: Any) -> Facility:
    """A facility in D, as it is given: no command in between."""
    values = {"id": code, "community_id": "D", "code": code, "name": code, "category": FIT, "grid_id": "g1"}
    return store.insert(admin, Facility(**{**values, **over}))


# --- commands
def test_a_change_of_condition_or_status_keeps_its_history(store: Store, admin: Actor, community: str) -> None:
    made = room.add_facility(store, admin, community, {"code": "F1", "name": "单杠", "category": "fitness"})
    graded = room.examine(store, admin, community, made.id, 1, condition=Condition.POOR, note="松动")
    again = room.examine(store, admin, community, made.id, 2, condition=Condition.POOR)
    renamed = room.edit_facility(store, admin, community, made.id, 3, {"name": "双杠"})
    stopped = room.put_out_of_order(store, admin, community, made.id, 4, note="断裂")
    back = room.put_back_in_service(store, admin, community, made.id, 5)

    assert [(entry.condition, entry.status, entry.note) for entry in back.condition_history] == [
        (None, ServiceStatus.IN_SERVICE, None),
        (Condition.POOR, ServiceStatus.IN_SERVICE, "松动"),
        (Condition.POOR, ServiceStatus.IN_SERVICE, None),
        (Condition.POOR, ServiceStatus.OUT_OF_ORDER, "断裂"),
        (Condition.POOR, ServiceStatus.IN_SERVICE, None),
    ]
    assert {entry.by for entry in back.condition_history} == {"测试员"}
    assert len(graded.condition_history) + 1 == len(again.condition_history) == len(renamed.condition_history)
    assert stopped.status is ServiceStatus.OUT_OF_ORDER


def test_what_stood_before_the_first_examination_opens_the_history(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "F1", condition=Condition.GOOD)

    changed = room.edit_facility(store, admin, community, "F1", 1, {"condition": Condition.VERY_POOR})

    assert [entry.condition for entry in changed.condition_history] == [Condition.GOOD, Condition.VERY_POOR]


def test_details_must_be_of_the_facilitys_category(store: Store, admin: Actor, community: str) -> None:
    values = {"code": "F1", "name": "道闸", "category": "vehicle_access", "details": {"category": "fitness"}}

    with pytest.raises(Invalid) as caught:
        room.add_facility(store, admin, community, values)
    assert set(caught.value.problems) == {"details"}

    stand(store, admin, "F2", details=FitnessDetails(pieces=3))
    with pytest.raises(Invalid) as caught:
        room.edit_facility(store, admin, community, "F2", 1, {"category": GATE})
    assert set(caught.value.problems) == {"details"}
    assert store.get(admin, Facility, community, "F2").category is FIT


def test_a_replacement_retires_the_old_one_and_takes_its_place(store: Store, admin: Actor, community: str) -> None:
    stand(
        store, admin, "F1", name="单杠", kind="horizontal_bar", site="公园", replacement_cost_cents=500, condition="5"
    )

    new = room.replace(store, admin, community, "F1", 1, code="F1b", installed_on=TODAY, cost_cents=700, key="once")
    same = room.replace(store, admin, community, "F1", 1, code="F1b", installed_on=TODAY, cost_cents=700, key="once")

    old = store.get(admin, Facility, community, "F1")
    assert (old.status, old.condition_history[-1].note) == (ServiceStatus.RETIRED, "→ F1b")
    assert (new.name, new.kind, new.site, new.grid_id, new.condition, new.replacement_cost_cents, new.installed_on) == (
        "单杠", "horizontal_bar", "公园", "g1", Condition.EXCELLENT, 700, TODAY,
    )  # fmt: skip
    assert same == new
    assert [each.code for each in room.register(store, admin, community)] == ["F1b"]
    with pytest.raises(Invalid):
        room.put_back_in_service(store, admin, community, "F1", old.revision)
    with pytest.raises(Duplicate):
        room.replace(store, admin, community, new.id, new.revision, code="F1", installed_on=TODAY)
    assert store.get(admin, Facility, community, new.id).status is ServiceStatus.IN_SERVICE


def test_a_stale_edit_is_shown_and_not_written(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "F1")
    room.edit_facility(store, admin, community, "F1", 1, {"site": "东门"})

    with pytest.raises(Conflict) as caught:
        room.edit_facility(store, admin, community, "F1", 1, {"site": "西门"})

    assert caught.value.current.revision == 2
    assert store.get(admin, Facility, community, "F1").site == "东门"


def test_a_facility_with_work_orders_is_not_deleted(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "F1")
    order = WorkOrder(community_id="D", number="W-1", fault="loose", facility_id="F1", reported_at=NOW)
    store.insert(admin, order)

    with pytest.raises(InUse) as caught:
        room.remove_facility(store, admin, community, "F1", 1)
    assert "Work orders (Facility): 1" in str(caught.value.message)

    store.delete(admin, WorkOrder, community, order.id, 1)
    room.remove_facility(store, admin, community, "F1", 1)
    assert room.register(store, admin, community) == []


def test_references_must_be_there_and_in_the_same_community(store: Store, admin: Actor, community: str) -> None:
    store.insert(admin, Person(id="p1", community_id="E", name="外人"))
    values = {"code": "F1", "name": "单杠", "category": "fitness"}

    for wrong in ({"grid_id": "x1"}, {"grid_id": "nowhere"}, {"responsible_id": "p1"}):
        with pytest.raises(Invalid) as caught:
            room.add_facility(store, admin, community, {**values, **wrong})
        assert set(caught.value.problems) == set(wrong)
    made = room.add_facility(store, admin, community, {**values, "grid_id": "g1"})
    with pytest.raises(Invalid):
        room.edit_facility(store, admin, community, made.id, 1, {"grid_id": "x1"})
    assert store.get(admin, Facility, community, made.id).revision == 1


def test_labels_find_their_facility(store: Store, admin: Actor, community: str) -> None:
    stand(store, admin, "F1", name="单杠")
    stand(store, admin, "F0", name="旧单杠", status=ServiceStatus.RETIRED)

    assert room.facility_by_code(store, admin, community, "F1").id == "F1"
    assert room.facility(store, admin, community, "F1").code == "F1"
    assert room.facility_names(store, admin, community) == {"F1": "F1 单杠"}
    assert room.facility_names(store, admin, community, retired=True) == {"F0": "F0 旧单杠", "F1": "F1 单杠"}
    with pytest.raises(NotFound):
        room.facility_by_code(store, admin, community, "nothing")


# --- figures
@pytest.fixture
@once
def estate(store: Store, admin: Actor, community: str) -> str:
    """Eight facilities of D that stand, one retired, and a decoy of E. Counted by hand below."""
    old, young = date(2014, 5, 1), date(2024, 5, 1)
    stand(store, admin, "A", site="公园", installed_on=old, condition="4", replacement_cost_cents=300_00)  # past life
    stand(store, admin, "B", site="公园", installed_on=young, condition="1", replacement_cost_cents=400_00)
    stand(store, admin, "C", site="公园", grid_id="g2", installed_on=young, condition="5")  # very poor, no cost
    stand(store, admin, "D", grid_id="g2", installed_on=date(2019, 5, 1), condition="3", replacement_cost_cents=100_00)
    stand(store, admin, "E", grid_id="g2", status="out_of_order", replacement_cost_cents=50_00)  # age and grade unknown
    stand(store, admin, "F", category=PROPERTY, kind="lift", installed_on=date(2012, 5, 1), condition="2")  # 15 years
    smart = VehicleDetails(control=Control.SMART)
    stand(store, admin, "G", category=GATE, details=smart, installed_on=young, renewed_on=date(2030, 1, 1))
    stand(store, admin, "H", category=GATE, details=VehicleDetails(), installed_on=date(2010, 1, 1), renewed_on=young)
    stand(store, admin, "R", status="retired", installed_on=old, condition="5", replacement_cost_cents=9_00)
    stand(store, admin, "X", community_id="E", grid_id="x1", installed_on=old, condition="5")
    return community


def test_the_figures_of_a_day(store: Store, admin: Actor, estate: str) -> None:
    found = room.inventory(store, admin, estate, on=TODAY)

    assert found.total == Figures(standing=8, graded=6, good=3, grades=15, known_grades=5, aged=7, past=1, hazards=3)
    assert (found.good_order.value, found.good_order.n, found.good_order.state) == (3 / 6, 6, State.OFF_TARGET)
    assert (found.past_life.value, found.past_life.n) == (1 / 7, 7)
    assert (found.condition.value, found.condition.n) == (3.0, 5)
    assert (found.hazards.value, found.hazards.n) == (3, 8)
    assert (found.smart.value, found.smart.n) == (1 / 2, 2)
    assert found.controls == {(GATE, Control.SMART): 1, (GATE, Control.MANUAL): 1}
    assert {grid: (figures.standing, figures.good_order) for grid, figures in found.by_grid.items()} == {
        "g1": (5, 2 / 3),
        "g2": (3, 1 / 3),
    }
    assert found.by_category[FIT].standing == 5
    assert found.conditions[FIT, None] == 1
    assert found.conditions[FIT, Condition.VERY_POOR] == 1


def test_hazards_come_worst_first_with_their_reasons(store: Store, admin: Actor, estate: str) -> None:
    found = room.inventory(store, admin, estate, on=TODAY).dangers

    assert [(each.code, each.reasons) for each in found] == [
        ("C", (Reason.VERY_POOR,)),
        ("A", (Reason.PAST_LIFE,)),
        ("E", (Reason.OUT_OF_ORDER,)),
    ]
    assert found[1].days_past == (TODAY - date(2022, 5, 1)).days
    assert found[0].days_past is not None
    assert found[0].days_past < 0


def test_the_plan_counts_each_facility_once_in_the_year_it_falls_due(store: Store, admin: Actor, estate: str) -> None:
    found = room.inventory(store, admin, estate, on=TODAY)

    assert [
        (need.year, need.grid_id, need.overdue, need.count, need.cost_cents, need.uncosted) for need in found.plan
    ] == [
        (2026, "g1", True, 1, 300_00, 0),
        (2026, "g2", True, 2, 50_00, 1),
        (2027, "g1", False, 1, 0, 1),
        (2027, "g2", False, 1, 100_00, 0),
    ]
    assert (found.next_year.value, found.next_year.n, found.next_year.detail) == (100_00, 7, 350_00)


def test_sites_mix_ages_within_a_category_and_grid(store: Store, admin: Actor, estate: str) -> None:
    found = room.inventory(store, admin, estate, on=TODAY)

    assert [(site.site, site.grid_id, site.n) for site in found.sites] == [("公园", "g1", 2), ("公园", "g2", 1)]
    assert found.sites[0].difference == pytest.approx(10, abs=0.01)
    assert found.age_mix.value == found.sites[0].difference
    assert (found.age_mix.n, found.age_mix.detail) == (2, 1)


def test_filters_and_reach_cut_every_figure(store: Store, admin: Actor, estate: str) -> None:
    worker = Actor("w", "网格员", Role.GRID_WORKER, frozenset({"D"}), frozenset({"g2"}))

    in_charge = room.inventory(store, worker, estate, on=TODAY)
    asked = room.inventory(store, admin, estate, on=TODAY, grids=frozenset({"g2"}))
    beyond = room.inventory(store, worker, estate, on=TODAY, grids=frozenset({"g1"}))
    gates = room.inventory(store, admin, estate, on=TODAY, category=GATE)

    assert in_charge == asked
    assert in_charge.total.standing == 3
    assert beyond.total == Figures()
    assert gates.total.standing == 2
    with pytest.raises(Refused):
        room.inventory(store, worker, "E", on=TODAY)


def test_no_facilities_is_no_data_and_not_zero(store: Store, admin: Actor, community: str) -> None:
    found = room.inventory(store, admin, community, on=TODAY)

    values = (found.good_order, found.past_life, found.hazards, found.next_year, found.age_mix, found.smart)
    assert {value.value for value in values} == {None}
    assert {value for _, value in found.good_order.series} == {None}
    assert (found.sites, found.plan, found.dangers) == ((), (), ())


def test_facilities_without_grade_are_no_data_for_good_order(store: Store, admin: Actor, community: str) -> None:
    for number in range(6):
        stand(store, admin, f"B{number}")

    assert room.inventory(store, admin, community, on=TODAY).good_order.value is None


def test_the_communitys_service_life_wins_over_the_default_and_the_facilitys_over_both(
    store: Store, admin: Actor, community: str
) -> None:
    stand(store, admin, "A", kind="horizontal_bar", installed_on=date(2020, 1, 1))
    stand(store, admin, "B", installed_on=date(2020, 1, 1))
    stand(store, admin, "C", installed_on=date(2020, 1, 1), service_life_years=20)
    own = (ServiceLife(of="fitness", years=7), ServiceLife(of="horizontal_bar", years=5))
    store.update(admin, Community, community, "D", 1, {"service_lives": own})

    found = room.inventory(store, admin, community, on=TODAY)

    assert [each.code for each in found.dangers] == ["A"]
    assert {need.year for need in found.plan if not need.overdue} == {2027}
    assert room.service_lives(store, admin, community)["lift"] == 15


@pytest.mark.parametrize(
    ("precision", "last"), [("day", date(2026, 4, 2)), ("month", date(2026, 4, 30)), ("year", date(2026, 12, 31))]
)
def test_its_last_day_still_belongs_to_its_life(
    store: Store, admin: Actor, community: str, precision: str, last: date
) -> None:
    start = {"day": date(2018, 4, 2), "month": date(2018, 4, 1), "year": date(2018, 1, 1)}[precision]
    stand(store, admin, "A", installed_on=start, installed_precision=precision)

    assert room.inventory(store, admin, community, on=last).total.past == 0
    assert room.inventory(store, admin, community, on=last + timedelta(days=1)).total.past == 1


# --- the past
def test_a_month_that_ended_shows_what_was_true_then(store: Store, admin: Actor, community: str) -> None:
    def at(month: int, day: int = 15) -> datetime:
        return datetime(2026, month, day, 4, tzinfo=UTC)

    good, bad = Condition.GOOD, Condition.POOR
    up, down, gone = ServiceStatus.IN_SERVICE, ServiceStatus.OUT_OF_ORDER, ServiceStatus.RETIRED
    stories = {
        "A": ((at(1), good, up), (at(2), bad, up)),
        "B": ((at(1), good, up), (at(3), good, down)),
        "C": ((at(1), bad, up), (at(2), bad, gone)),
        "D": ((at(3, 31) + timedelta(hours=11, minutes=59), good, up),),  # 23:59 in Shanghai
        "E": ((at(3, 31) + timedelta(hours=12), good, up),),  # midnight: April
    }
    for code, story in stories.items():
        history = tuple(ConditionEntry(at=when, by="x", condition=c, status=s) for when, c, s in story)
        stand(store, admin, code, condition=story[-1][1], status=story[-1][2], condition_history=history)

    series = dict(room.inventory(store, admin, community, on=TODAY).good_order.series)

    assert list(series)[0] == "2025-05"
    assert series["2025-12"] is None
    assert series["2026-01"] == pytest.approx(2 / 3)
    assert series["2026-02"] == pytest.approx(1 / 2)
    assert series["2026-03"] == pytest.approx(1 / 3)
    assert series["2026-04"] == pytest.approx(2 / 4)


DAYS = st.dates(date(2005, 1, 1), date(2030, 12, 31))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(Category),
            "grid_id": st.sampled_from(["g1", "g2", None]),
            "kind": st.sampled_from([None, "lift", "water_pump", "自定义"]),
            "site": st.sampled_from([None, "公园", "北门"]),
            "installed_on": st.none() | DAYS,
            "installed_precision": st.sampled_from(Precision),
            "renewed_on": st.none() | DAYS,
            "renewed_precision": st.sampled_from(Precision),
            "service_life_years": st.none() | st.sampled_from([0.5, 3.3, 8, 12.125]),
            "condition": st.none() | st.sampled_from(Condition),
            "status": st.sampled_from(ServiceStatus),
            "replacement_cost_cents": st.none() | st.integers(0, 10_000_00),
        }
    ),
    max_size=8,
)


@given(rows=ROWS, on=st.dates(date(2015, 1, 1), date(2028, 12, 31)))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_the_database_reckons_as_python_does(
    template: Store, clock: Callable[[], datetime], store: Store, rows: list[dict[str, Any]], on: date
) -> None:
    admin = Actor("t", "t", Role.ADMIN)
    records = [Facility(id=str(n), community_id="H", code=str(n), name=str(n), **row) for n, row in enumerate(rows)]
    store.db["facilities"].delete_many({"community_id": "H"})
    if records:
        store.db["facilities"].insert_many([record.to_document() for record in records])

    found = room.inventory(store, admin, "H", on=on)

    standing = [record for record in records if record.status is not ServiceStatus.RETIRED]
    ends = {record.id: end_of_life(record, on) for record in standing}
    past = {id for id, end in ends.items() if end and end < on}
    broken = {r.id for r in standing if r.status is ServiceStatus.OUT_OF_ORDER or r.condition is Condition.VERY_POOR}
    assert found.total.standing == len(standing)
    assert found.total.aged == sum(end is not None for end in ends.values())
    assert found.total.past == len(past)
    assert {each.id for each in found.dangers} == past | broken
    for each in found.dangers:
        age = age_years(next(r for r in standing if r.id == each.id), on)
        assert each.age_years == (age if age is None else pytest.approx(age))
    due = [
        (on.year if r.id in past | broken else ends[r.id].year, r.replacement_cost_cents or 0)  # type: ignore[union-attr]
        for r in standing
        if ends[r.id] or r.id in broken
    ]
    for year in range(on.year, on.year + 5):
        needs = [need for need in found.plan if need.year == year]
        costs = [cost for when, cost in due if when == year]
        assert (sum(need.count for need in needs), sum(need.cost_cents for need in needs)) == (len(costs), sum(costs))
    dated = [(r, age) for r in standing if r.site and (age := age_years(r, on)) is not None]
    for site in found.sites:
        ages = [age for r, age in dated if (r.site, r.grid_id, r.category) == (site.site, site.grid_id, site.category)]
        assert (site.n, site.oldest, site.newest) == (len(ages), pytest.approx(max(ages)), pytest.approx(min(ages)))
    assert sum(site.n for site in found.sites) == len(dated)


def test_a_past_month_is_the_inventory_of_its_last_day(store: Store, admin: Actor, community: str) -> None:
    """Dates alone decide service life, so the course must agree with asking on the day itself."""
    for number in range(30):
        stand(
            store,
            admin,
            f"F{number}",
            installed_on=date(2016, 9, 1) + timedelta(days=37 * number),
            installed_precision=list(Precision)[number % 3],
            renewed_on=date(2025, 6, 1) + timedelta(days=17 * number) if number % 4 == 0 else None,
        )

    series = dict(room.inventory(store, admin, community, on=TODAY).past_life.series)

    for month, last in (
        ("2025-06", date(2025, 6, 30)),
        ("2025-11", date(2025, 11, 30)),
        ("2026-02", date(2026, 2, 28)),
    ):
        assert series[month] == room.inventory(store, admin, community, on=last).past_life.value
