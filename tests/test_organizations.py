"""Organisations, whom to call there, and companies scored on their own orders."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository import maintenance, organizations, people, recount, rollups
from repository.access import Actor, Role
from repository.facilities import Category, Facility, PropertyDetails, add_facility
from repository.grids import Community
from repository.maintenance import (
    CompanyShow,
    Outcome,
    Reopening,
    Status,
    WorkOrder,
    company_orders,
    company_scores,
)
from repository.metrics import MINIMUM_N, Period
from repository.organizations import Organization
from repository.store import Duplicate, InUse, Invalid, Store
from tests.conftest import NOW, once

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 4, 2)
HOUR = timedelta(hours=1)
NAME, PHONE = "欧阳小明", "13812345678"


@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    """A community with two companies."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    for id in ("he", "an"):
        store.insert(admin, Organization(id=id, community_id="D", name=id, staff=10, certified_staff=4))
    return store


def order(n: int, **values: object) -> WorkOrder:
    """An order of 和顺."""
    base = {"id": f"w{n}", "community_id": "D", "number": f"W-{n}", "fault": "x", "place": "东门", "company_id": "he"}
    return WorkOrder.model_validate({**base, "reported_at": NOW - 40 * HOUR, **values})


def done(n: int, hours: float, due: float, **values: object) -> WorkOrder:
    """One that ended so long after its report, due so long after it."""
    at = NOW - 40 * HOUR
    ended = {"status": Status.DONE, "outcome": Outcome.COMPLETED, "ended_at": at + hours * HOUR}
    return order(n, **ended, due_at=at + due * HOUR, responded_at=at + HOUR, **values)


# --- the register
def test_a_company_is_entered_changed_and_kept_while_others_name_it(here: Store, admin: Actor) -> None:
    made = organizations.add_organization(here, admin, "D", {"name": "和顺物业", "services": ["repairs", "修鞋"]})
    assert made.services == ("repairs", "修鞋")
    with pytest.raises(Duplicate):
        organizations.add_organization(here, admin, "D", {"name": "和顺物业"})
    for wrong in (
        {"staff": 3, "certified_staff": 4},
        {"contract_from": date(2026, 1, 2), "contract_until": date(2026, 1, 1)},
    ):
        with pytest.raises(Invalid):
            organizations.edit_organization(here, admin, "D", made.id, 1, wrong)
    values = {
        "code": "L",
        "name": "电梯",
        "category": Category.PROPERTY,
        "details": PropertyDetails(company_id=made.id),
    }
    lift = add_facility(here, admin, "D", values)
    with pytest.raises(InUse):
        organizations.remove_organization(here, admin, "D", made.id, 1)
    here.delete(admin, Facility, "D", lift.id, 1)
    here.insert(admin, order(1, company_id=made.id))
    with pytest.raises(InUse):
        organizations.remove_organization(here, admin, "D", made.id, 1)
    here.delete(admin, WorkOrder, "D", "w1", 1)
    organizations.remove_organization(here, admin, "D", made.id, 1)
    assert set(organizations.company_names(here, admin, "D")) == {"he", "an"}


def test_whom_to_call_there_is_kept_apart(here: Store, admin: Actor) -> None:
    made = organizations.add_organization(here, admin, "D", {"name": "新", "contract_until": date(2027, 1, 1)})
    organizations.set_contact(here, admin, "D", made.id, name=NAME, phone=PHONE)
    holding = {name for name in here.db.list_collection_names() if NAME in repr(list(here.db[name].find()))}
    assert holding == {"contacts"}
    kept = people.contact_of(here, admin, "D", made.id)
    assert kept is not None
    assert (kept.name, kept.expires_on) == ("欧＊＊＊", date(2027, 1, 1) + timedelta(days=people.CONTACT_DAYS))
    organizations.set_contact(here, admin, "D", made.id, name="王五", phone=None)
    found = people.contact_of(here, admin, "D", made.id)
    assert found is not None
    assert found.name == "王＊"
    organizations.remove_organization(here, admin, "D", made.id, 1)
    assert people.contact_of(here, admin, "D", made.id) is None


def test_whom_to_call_is_kept_by_the_contract_as_it_is_now(here: Store, admin: Actor) -> None:
    made = organizations.add_organization(here, admin, "D", {"name": "新", "contract_until": date(2026, 6, 30)})
    organizations.set_contact(here, admin, "D", made.id, name=NAME, phone=PHONE)

    def forgotten_on() -> date | None:
        kept = people.contact_of(here, admin, "D", made.id)
        return kept and kept.expires_on - timedelta(days=people.CONTACT_DAYS)

    organizations.edit_organization(here, admin, "D", made.id, 1, {"contract_until": date(2028, 6, 30)})
    assert forgotten_on() == date(2028, 6, 30)
    organizations.edit_organization(here, admin, "D", made.id, 2, {"contract_until": date(2026, 12, 31)})
    assert forgotten_on() == date(2026, 12, 31), "a shorter one counts too"
    here.update(admin, Organization, "D", made.id, 3, {"contract_until": date(2029, 6, 30)})  # as a sheet does
    on = date(2027, 12, 1)
    assert organizations.renew_contacts(here, admin, "D", on=on) == 1
    assert (people.forget_expired(here, admin, "D", on=on), forgotten_on()) == (0, date(2029, 6, 30))
    here.update(admin, Organization, "D", made.id, 4, {"active": False})
    on = date(2031, 1, 1)
    assert organizations.renew_contacts(here, admin, "D", on=on) == 0
    assert people.forget_expired(here, admin, "D", on=on) == 1


def test_a_contract_that_ends_soon_is_called_out(here: Store, admin: Actor) -> None:
    for id, days in (("he", 90), ("an", 91)):
        organizations.edit_organization(here, admin, "D", id, 1, {"contract_until": TODAY + timedelta(days=days)})
    found = company_scores(here, admin, "D", Period.of("2026Q2"), now=NOW)
    assert [one.id for one in found.ending] == ["he"]
    organizations.edit_organization(here, admin, "D", "he", 2, {"active": False})
    assert company_scores(here, admin, "D", Period.of("2026Q2"), now=NOW).ending == ()


# --- scores
def test_each_company_is_scored_on_its_own_orders(here: Store, admin: Actor) -> None:
    rows = [done(n, 10, 20, satisfaction=4, cost_cents=100) for n in range(4)]
    rows.append(done(4, 30, 20, satisfaction=1))
    rows.append(order(5, due_at=NOW - HOUR))  # open and overdue counts against it
    rows.append(order(6, due_at=NOW + HOUR))
    rows.append(done(7, 10, 20, company_id="an"))
    rows.append(done(8, 10, 20, company_id=None))
    past = Reopening(ended_at=NOW - 30 * HOUR, reopened_at=NOW - 20 * HOUR, outcome=Outcome.COMPLETED)
    rows.append(done(9, 35, 20, reopenings=(past,)))
    rows.append(done(10, 10, 20, repeat_of="w0"))
    here.write(admin, lambda write: [write.insert(row) for row in rows])
    found = company_scores(here, admin, "D", Period.of("2026"), now=NOW)
    he, an = (next(score for score in found.scores if score.company.id == id) for id in ("he", "an"))
    assert (he.ended, he.open, he.overdue, he.cost_cents) == (8, 2, 1, 400)
    assert (he.on_time.value, he.on_time.n) == (pytest.approx(6 / 9), 9)
    assert (he.rework.value, he.rework.n) == (pytest.approx(2 / 8), 8)
    assert (he.satisfaction.value, he.satisfaction.n) == (pytest.approx(17 / 5), 5)
    assert he.respond.detail == pytest.approx(1)
    assert he.certified.value == pytest.approx(0.4)
    assert (an.ended, an.on_time.n, an.on_time.enough, an.on_time.state) == (1, 1, False, "unknown")
    assert [score.company.id for score in found.ranked] == ["he"]
    assert recount.check(here, admin, "D") == []
    here.write(admin, lambda write: write.insert(order(11, due_at=None)))
    owed = company_orders(here, admin, "D", Period.of("2026"), company_id="he", now=NOW)
    assert [row.order.number for row in owed.rows] == ["W-5", "W-6", "W-11"], "what has no due time comes last"
    for show, n in (("open", 3), ("overdue", 1), ("rework", 2), ("all", 10)):
        assert company_orders(here, admin, "D", Period.of("2026"), company_id="he", now=NOW, show=show).total == n
    assert company_orders(here, admin, "D", Period.of("2026"), company_id=None, now=NOW, show="all").total == 11


@pytest.mark.parametrize("key", ["2026Q1", "2026-03", "2025", "ever"])
def test_a_list_is_what_its_figure_counts(demo_uri: str, admin: Actor, key: str) -> None:
    store, period = Store.connect(demo_uri, clock=lambda: NOW), Period.of(key)
    found = company_scores(store, admin, "d-community", period, now=NOW)

    def behind(of: str | None, show: CompanyShow) -> int:
        return company_orders(store, admin, "d-community", period, company_id=of, now=NOW, show=show, rows=1).total

    for score in found.scores:
        of = score.company.id
        assert behind(of, CompanyShow.OPEN) == score.open
        assert behind(of, CompanyShow.OVERDUE) == score.overdue
        assert behind(of, CompanyShow.ENDED) == score.ended
        assert behind(of, CompanyShow.TIMED) == score.on_time.n
        assert behind(of, CompanyShow.RESPONDED) == score.respond.n
        assert behind(of, CompanyShow.GRADED) == score.satisfaction.n
        if score.rework.n:
            assert behind(of, CompanyShow.REWORK) == round((score.rework.value or 0) * score.rework.n)
    assert behind(None, CompanyShow.REWORK) == round((found.rework.value or 0) * found.rework.n)
    assert behind(None, CompanyShow.TIMED) == min(found.on_time.n, 1000)
    store.close()


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["he", "an", None]),
        st.integers(0, 120),
        st.one_of(st.none(), st.integers(1, 100)),
        st.integers(1, 100),
        st.one_of(st.none(), st.integers(1, 5)),
        st.booleans(),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=50)
@given(ORDERS)
def test_a_companys_counters_are_those_of_its_orders(
    rows: list[tuple[str | None, int, int | None, int, int | None, bool]],
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = []
    for n, (company, day, took, due, score, repeat) in enumerate(rows):
        at = start + timedelta(days=day)
        values = {
            "reported_at": at,
            "due_at": at + due * HOUR,
            "company_id": company,
            "repeat_of": "x" if repeat else None,
        }
        if took is not None:
            how = (Status.DONE, Outcome.COMPLETED) if took % 3 else (Status.CLOSED, Outcome.REFERRED)
            values |= {"status": how[0], "outcome": how[1], "ended_at": at + took * HOUR}
            values |= {"responded_at": at + HOUR, "satisfaction": score}
        made.append(order(n, **values).to_document())
    whole = rollups.tally(WorkOrder, made, ZONE)
    names = ["company_id", "ended_at", "due_at", "outcome", "repeat_of", "satisfaction", "reported_at"]
    frame = pd.DataFrame(made, columns=names)
    for name in ("ended_at", "due_at", "reported_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    for company in ("he", "an"):
        mine = frame[frame["company_id"] == company]
        total = {}
        for (subject, _level, _month, _grid, category, name), n in whole.items():
            if subject == "company_orders" and category == company:
                total[name] = total.get(name, 0) + n
        over = mine[mine["ended_at"].notna()]
        assert total.get("opened", 0) == len(mine)
        assert total.get("ended", 0) == len(over)
        done = over["outcome"] == "completed"
        assert total.get("on_time", 0) == (done & (over["ended_at"] <= over["due_at"])).sum()
        assert total.get("late", 0) == (over["ended_at"] > over["due_at"]).sum()
        assert total.get("repeat", 0) == mine["repeat_of"].notna().sum()
        assert total.get("satisfaction_sum", 0) == over["satisfaction"].sum()
        assert total.get("respond_n", 0) == len(over)


@pytest.mark.parametrize("key", ["2026Q1", "2026Q2", "2025", "ever"])
def test_scores_of_the_demonstration_are_what_pandas_counts(demo_uri: str, admin: Actor, key: str) -> None:
    store, period = Store.connect(demo_uri, clock=lambda: NOW), Period.of(key)
    raw = pd.DataFrame(list(store.db["work_orders"].find()))
    for name in ("reported_at", "responded_at", "ended_at", "due_at"):
        raw[name] = pd.to_datetime(raw[name], utc=True)
    start, end = (pd.Timestamp(moment) for moment in period.bounds(ZONE))
    stands = min(end, pd.Timestamp(NOW))
    found = company_scores(store, admin, "d-community", period, now=NOW)
    told = raw[(raw["kind"] != "preventive") & (raw["fault"] != "other")]
    done = raw[raw["outcome"] == "completed"][["facility_id", "fault", "ended_at"]].dropna()
    pairs = told.dropna(subset="facility_id").merge(done, on=["facility_id", "fault"], suffixes=("", "_was"))
    since = pairs["reported_at"] - pairs["ended_at_was"]
    repeats = set(pairs[since.between(pd.Timedelta(0), pd.Timedelta(days=30))]["_id"])
    assert len(found.scores) == 4
    for score in found.scores:
        mine = raw[raw["company_id"] == score.company.id]
        spells = pd.DataFrame(
            [
                (
                    row.reported_at,
                    row.due_at,
                    pd.Timestamp(past["ended_at"]),
                    pd.Timestamp(past["reopened_at"]),
                    "completed",
                )
                for row in mine.itertuples()
                for past in row.reopenings
            ]
            + [(row.reported_at, row.due_at, row.ended_at, pd.NaT, row.outcome) for row in mine.itertuples()],
            columns=["reported_at", "due_at", "ended_at", "reopened_at", "outcome"],
        )
        for name in ("ended_at", "reopened_at"):
            spells[name] = pd.to_datetime(spells[name], utc=True)
        over = spells[(spells["ended_at"] >= start) & (spells["ended_at"] < end)]
        assert score.ended == len(over)
        kept = ((over["due_at"] >= over["ended_at"]) & (over["outcome"] == "completed")).sum()
        late = (over["due_at"] < over["ended_at"]).sum()
        was_open = (mine["reported_at"] < stands) & mine["due_at"].notna() & (mine["due_at"] < stands)
        owed = 0
        for row in mine[was_open].itertuples():
            ends = [(past["ended_at"], past["reopened_at"]) for past in row.reopenings]
            inside = any(pd.Timestamp(e) < stands <= pd.Timestamp(r) for e, r in ends)
            owed += not inside and not (pd.notna(row.ended_at) and row.ended_at < stands)
        assert score.overdue == owed
        assert score.on_time.n == kept + late + owed
        assert score.on_time.value == (pytest.approx(kept / (kept + late + owed)) if score.on_time.n else None)
        completed = (over["outcome"] == "completed").sum()
        again = spells["reopened_at"].between(start, end, inclusive="left").sum()
        again += mine[mine["_id"].isin(repeats)]["reported_at"].between(start, end, inclusive="left").sum()
        assert score.rework.n == completed
        assert score.rework.value == (pytest.approx(again / completed) if completed else None)
        ended = mine[(mine["ended_at"] >= start) & (mine["ended_at"] < end)]
        assert score.cost_cents == ended["cost_cents"].sum()
        judged = ended["satisfaction"].dropna()
        assert score.satisfaction.n == len(judged)
        assert score.satisfaction.value == (pytest.approx(judged.mean()) if len(judged) else None)
        answered = mine[(mine["responded_at"] >= start) & (mine["responded_at"] < end)]
        hours = (answered["responded_at"] - answered["reported_at"]).dt.total_seconds() / 3600
        assert score.respond.n == len(hours)
        assert score.respond.detail == (pytest.approx(hours.mean()) if len(hours) else None)
        if len(hours) % 2:
            assert score.respond.value == pytest.approx(hours.median(), rel=0.16)
    assert all(score.on_time.n >= MINIMUM_N for score in found.ranked)
    store.close()


def test_a_viewer_sees_scores_and_nobody_to_call(here: Store) -> None:
    viewer = Actor("v", "看", Role.VIEWER)
    assert len(maintenance.company_scores(here, viewer, "D", Period.of("2026"), now=NOW).scores) == 2
