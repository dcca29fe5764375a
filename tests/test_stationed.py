"""Stationed organisations: needs and resources matched, who takes part, and the figures of it against raw rows."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.i18n import translator
from repository import importer, organizations, recount
from repository.access import Actor, Refused, Role
from repository.grids import Community, Grid
from repository.importer import Sheet
from repository.metrics import Period, State
from repository.organizations import (
    Engagement,
    GiftKind,
    Need,
    NeedState,
    Organization,
    OrganizationKind,
    Reason,
    Resource,
    Way,
)
from repository.organizations.matching import alike
from repository.people import Person
from repository.store import Conflict, InUse, Invalid, Store
from tests.conftest import NOW, once

TODAY = date(2026, 4, 2)
Q2, MARCH, EVER = Period.of("2026Q2"), Period.of("2026-03"), Period.of("ever")


def ago(days: int) -> date:
    """So many days before today."""
    return TODAY - timedelta(days=days)


@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    """A community with five stationed organisations, one that left, and a property company."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    store.insert(admin, Person(id="p", community_id="D", name="p"))
    for id in ("g1", "g2"):
        store.insert(admin, Grid(id=id, community_id="D", code=id, name=id, responsible_id="p"))
    for id in ("plant", "bank", "home", "school", "club"):
        kind = {"school": "school", "club": "social", "home": "public_body"}.get(id, "enterprise")
        store.insert(admin, Organization(id=id, community_id="D", name=id, kind=kind, grid_id="g1"))
    store.insert(admin, Organization(id="left", community_id="D", name="left", kind="enterprise", active=False))
    store.insert(admin, Organization(id="keep", community_id="D", name="keep", kind="property"))
    return store


def need(store: Store, admin: Actor, what: str, days: int = 0, **values: Any) -> Need:
    """One that was listed so many days ago."""
    return organizations.add_need(store, admin, "D", {"what": what, "listed_on": ago(days), **values})


# --- needs
def test_a_need_is_matched_met_and_listed_again(here: Store, admin: Actor) -> None:
    hall = organizations.add_resource(here, admin, "D", {"organization_id": "plant", "what": "礼堂"})
    one = need(here, admin, "演出场地", 10, kind="venue")
    matched = organizations.match_need(here, admin, "D", one.id, one.revision, resource_id=hall.id, note="说好了")
    assert (matched.state, matched.helper_id, matched.matched_on) == (NeedState.MATCHED, "plant", TODAY)
    assert [(event.step, event.by, event.note) for event in matched.events] == [
        ("listed", "测试员", None), ("matched", "测试员", "说好了"),
    ]  # fmt: skip
    with pytest.raises(Conflict):
        organizations.meet_need(here, admin, "D", one.id, one.revision)
    with pytest.raises(InUse):
        organizations.remove_resource(here, admin, "D", hall.id, hall.revision)
    with pytest.raises(Invalid):
        organizations.meet_need(here, admin, "D", one.id, matched.revision, on=TODAY + timedelta(days=1))
    with pytest.raises(Invalid):
        organizations.meet_need(here, admin, "D", one.id, matched.revision, on=ago(1))
    met = organizations.meet_need(here, admin, "D", one.id, matched.revision)
    (part,) = organizations.engagements(here, admin, "D")
    assert (part.organization_id, part.way, part.on, part.need_id) == ("plant", Way.NEED, TODAY, one.id)
    with pytest.raises(InUse):
        organizations.remove_need(here, admin, "D", one.id, met.revision)
    with pytest.raises(Invalid):
        organizations.reopen_need(here, admin, "D", one.id, met.revision)
    again = organizations.reopen_need(here, admin, "D", one.id, met.revision, note="没有给")
    assert (again.state, again.helper_id, again.met_on, again.matched_on) == (NeedState.OPEN, None, None, None)
    assert organizations.engagements(here, admin, "D") == [], "what was taken back is not taking part"
    assert recount.check(here, admin, "D") == []


def test_what_cannot_be_matched_is_said(here: Store, admin: Actor) -> None:
    over = {"organization_id": "bank", "what": "旧", "until": ago(1)}
    gone = organizations.add_resource(here, admin, "D", over)
    own = organizations.add_resource(here, admin, "D", {"organization_id": "plant", "what": "自己的"})
    one = need(here, admin, "x", organization_id="plant")
    for wrong in ({"resource_id": gone.id}, {"resource_id": own.id}, {"helper_id": "plant"}, {"helper_id": "left"},
                  {"helper_id": "nobody"}, {}):  # fmt: skip
        with pytest.raises(Invalid):
            organizations.match_need(here, admin, "D", one.id, one.revision, **wrong)
    with pytest.raises(Invalid):
        organizations.meet_need(here, admin, "D", one.id, one.revision)
    for step in (organizations.withdraw_need, organizations.unmatch_need):
        with pytest.raises(Invalid):
            step(here, admin, "D", one.id, one.revision, note=" ")
    matched = organizations.match_need(here, admin, "D", one.id, one.revision, helper_id="bank")
    with pytest.raises(Invalid):
        organizations.edit_need(here, admin, "D", one.id, matched.revision, {"organization_id": "bank"})
    with pytest.raises(Invalid):
        need(here, admin, "tomorrow", -1)
    with pytest.raises(TypeError):
        organizations.edit_need(here, admin, "D", one.id, matched.revision, {"state": "met"})


@pytest.mark.parametrize(
    "values",
    [
        {"state": "matched"}, {"state": "met", "matched_on": TODAY}, {"state": "withdrawn"},
        {"due_on": ago(9)}, {"matched_on": ago(9), "state": "matched"},
    ],
)  # fmt: skip
def test_a_sheets_need_bears_the_days_of_its_state(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bears this day|before it was listed"):
        Need(community_id="D", what="x", listed_on=ago(5), **values)


def test_a_grid_worker_has_their_own_grids_needs(here: Store, admin: Actor) -> None:
    worker = Actor("w", "w", Role.GRID_WORKER, grids=frozenset({"g1"}))
    mine = organizations.add_need(here, worker, "D", {"what": "mine"})
    assert mine.grid_id == "g1"
    other = need(here, admin, "other", grid_id="g2")
    assert [each.id for each in organizations.needs(here, worker, "D")] == [mine.id]
    with pytest.raises(Refused):
        organizations.add_need(here, worker, "D", {"what": "x", "grid_id": "g2"})
    found = organizations.review(here, worker, "D", Q2, today=TODAY)
    assert (found.unmatched.value, found.matching.n) == (1, 1)
    assert organizations.review(here, admin, "D", Q2, today=TODAY).unmatched.value == 2
    assert other.id not in repr(organizations.waiting(here, worker, "D", on=TODAY))
    mine = organizations.match_need(here, worker, "D", mine.id, 1, helper_id="plant")
    mine = organizations.meet_need(here, worker, "D", mine.id, 2)
    mine = organizations.reopen_need(here, worker, "D", mine.id, 3, note="没有来")
    assert organizations.engagements(here, admin, "D") == [], "who notes it can take it back"
    part = organizations.add_engagement(here, worker, "D", {"organization_id": "plant", "on": TODAY, "what": "x"})
    assert organizations.engagement(here, worker, "D", part.id) == part
    with pytest.raises(Refused):
        organizations.remove_engagement(here, worker, "D", part.id, 1)


# --- suggestions
def test_what_fits_is_sought_for_so_many(here: Store, admin: Actor) -> None:
    organizations.add_resource(here, admin, "D", {"organization_id": "plant", "what": "礼堂"})
    many = [
        Need(community_id="D", what="礼堂", kind="venue", listed_on=ago(n)) for n in range(organizations.FITTED + 1)
    ]
    here.write(admin, lambda write: write.insert_many(many))
    rows, total = organizations.waiting(here, admin, "D", on=TODAY)
    assert total == organizations.FITTED + 1
    assert [bool(each.suggestions) for each in rows] == [True] * organizations.FITTED + [False]


def test_suggestions_are_ranked_and_say_why() -> None:
    def offer(id: str, what: str, kind: GiftKind = GiftKind.SKILLS, **values: Any) -> Resource:
        return Resource(id=id, community_id="D", organization_id="o", what=what, kind=kind, **values)

    wanted = Need(
        community_id="D", what="楼道照明检修电工", kind="skills", listed_on=TODAY, quantity=4, unit="人",
        organization_id="mine", due_on=TODAY + timedelta(days=9),
    )  # fmt: skip
    offers = [
        offer("kind", "反诈宣讲"),
        offer("words", "电工焊工维修志愿队", quantity=8, unit="人"),
        offer("little", "电工维修", quantity=2, unit="人"),
        offer("other", "礼堂", GiftKind.VENUE),
        offer("over", "电工", until=ago(1)),
        offer("early", "电工", until=TODAY + timedelta(days=3)),
        offer("late", "电工", since=TODAY + timedelta(days=30)),
        offer("mine", "电工").model_copy(update={"organization_id": "mine"}),
    ]
    found = organizations.suggest(wanted, offers, TODAY, promised={"words": 1})
    assert [each.resource.id for each in found] == ["words", "little", "kind"]
    assert found[0].reasons == (Reason.KIND, Reason.WORDS, Reason.ENOUGH, Reason.IN_TIME, Reason.PROMISED)
    assert Reason.TOO_LITTLE in found[1].reasons
    assert [each.resource.id for each in organizations.suggest(wanted, offers, TODAY, limit=1)] == ["words"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_a_share_and_goes_both_ways(first: str, second: str) -> None:
    assert 0 <= alike(first, second) <= 1
    assert alike(first, second) == alike(second, first)
    assert alike(first, first) in (0.0, 1.0)


# --- who takes part
def test_who_takes_part_and_who_is_silent(here: Store, admin: Actor) -> None:
    def came(who: str, days: int, way: Way = Way.JOINED) -> None:
        values = {"organization_id": who, "what": f"{who}-{days}", "on": ago(days), "way": way}
        organizations.add_engagement(here, admin, "D", values)

    came("plant", 0)
    came("plant", 1)
    came("bank", 20)
    came("home", 183)
    came("school", 184)
    came("club", 0, Way.CONTACT)
    came("left", 0)
    came("keep", 0)
    found = organizations.review(here, admin, "D", Q2, today=TODAY)
    assert (found.participation.value, found.participation.n) == (0.2, 5)
    assert [each.organization.id for each in found.silent] == ["club", "school"]
    assert {each.organization.id: each.times for each in found.standings}["plant"] == 2
    assert found.silent[0].last_contact == TODAY
    assert found.silence.value == 2
    assert organizations.review(here, admin, "D", MARCH, today=TODAY).participation.value == 0.2
    assert organizations.review(here, admin, "D", EVER, today=TODAY).participation.value == 0.8
    for id, days in (("fresh", 183), ("settled", 184)):
        values = {"id": id, "name": id, "kind": "enterprise", "stationed_from": ago(days)}
        organizations.add_organization(here, admin, "D", values)
    found = organizations.review(here, admin, "D", Q2, today=TODAY)
    assert [each.organization.id for each in found.silent] == ["club", "settled", "school"], "fresh has had no time yet"
    quick = organizations.glance(here, admin, "D", Q2, today=TODAY)
    assert quick.participation.value == found.participation.value
    assert quick.participation.series == found.participation.series
    assert recount.check(here, admin, "D") == []


def test_nobody_stationed_is_no_data(store: Store, admin: Actor) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    found = organizations.review(store, admin, "D", Q2, today=TODAY)
    assert (found.participation.value, found.silence.value, found.matching.value) == (None, None, None)
    assert found.participation.state is State.UNKNOWN


def test_an_organisation_counts_while_it_is_here() -> None:
    def stationed(first: int, last: int, **values: Any) -> bool:
        one = Organization(community_id="D", name="x", kind=OrganizationKind.ENTERPRISE, **values)
        return one.is_stationed(ago(first), ago(last))

    assert stationed(9, 0)
    assert not stationed(9, 0, active=False)
    assert stationed(9, 5, active=False, stationed_until=ago(9))
    assert not stationed(8, 5, active=False, stationed_until=ago(9))
    assert not stationed(9, 5, stationed_from=ago(4))


def test_agreements_that_end_are_called_out(here: Store, admin: Actor) -> None:
    for id, left in (("plant", 90), ("bank", 91), ("home", -3)):
        day = TODAY + timedelta(days=left)
        organizations.edit_organization(here, admin, "D", id, 1, {"agreement_until": day})
    found = organizations.review(here, admin, "D", Q2, today=TODAY)
    assert [one.id for one in found.ending] == ["home", "plant"]
    assert {one.id for one in found.without} == {"school", "club"}


# --- the rate against raw rows
def test_the_matching_rate_is_what_the_rows_give(here: Store, admin: Actor) -> None:
    """Listed, matched, withdrawn in several months; by hand from the rows with pandas."""
    rows = [  # listed, matched, withdrawn: days ago
        (200, 150, None), (120, None, None), (100, 20, None), (70, None, 25), (40, 1, None), (15, None, None),
        (10, 0, None), (5, None, 0), (1, None, None), (95, 94, None),
    ]  # fmt: skip
    for number, (listed, matched, withdrawn) in enumerate(rows):
        state = "matched" if matched is not None else "withdrawn" if withdrawn is not None else "open"
        here.insert(
            admin,
            Need(
                community_id="D", what=f"n{number}", listed_on=ago(listed), state=state,
                helper_id="plant" if matched is not None else None,
                matched_on=None if matched is None else ago(matched),
                withdrawn_on=None if withdrawn is None else ago(withdrawn),
            ),
        )  # fmt: skip
    frame = pd.DataFrame(here.db["needs"].find({}, {"_id": 0, "listed_on": 1, "matched_on": 1, "withdrawn_on": 1}))
    frame = frame.apply(lambda column: pd.to_datetime(column, utc=True))
    for period in (Q2, MARCH, Period.of("2026Q1"), Period.of("2025"), EVER):
        first, last = (pd.Timestamp(day, tz="UTC") for day in (period.first, min(period.last, TODAY)))
        there = frame[(frame.listed_on <= last) & ~(frame.matched_on < first) & ~(frame.withdrawn_on <= last)]
        matched = there[there.matched_on <= last]
        value = organizations.review(here, admin, "D", period, today=TODAY).matching
        assert value.n == len(there), period
        assert value.value == (len(matched) / len(there) if len(there) else None), period


def test_what_a_sheet_brings_follows_the_way(here: Store, admin: Actor) -> None:
    made = here.insert(
        admin, Engagement(community_id="D", organization_id="bank", on=TODAY, what="x", way=Way.CONTACT, took_part=True)
    )
    assert made.took_part is False


def test_contacts_are_kept_by_the_agreement_too(here: Store, admin: Actor) -> None:
    from repository import people

    organizations.set_contact(here, admin, "D", "plant", name="王小明", phone="13812345678")
    organizations.edit_organization(here, admin, "D", "plant", 1, {"agreement_until": date(2027, 6, 30)})
    kept = people.contact_of(here, admin, "D", "plant")
    assert kept is not None
    assert kept.expires_on == date(2027, 6, 30) + timedelta(days=people.CONTACT_DAYS)
    assert NOW.date() < kept.expires_on


# --- sheets
def bring(store: Store, admin: Actor, record: type[Any], text: str) -> list[str]:
    """Bring a sheet in; what is said of rows that stay out."""
    sheet = Sheet(text.encode(), "单位.csv")
    mapping = importer.propose(record, sheet, (translator("zh"),))
    preview = importer.preview(store, admin, "D", sheet, mapping, languages=(translator("zh"),))
    importer.commit(store, admin, preview, patience=0)
    return [one.field or "" for one in preview.problems]


def test_sheets_of_organisations_resources_and_needs_come_in(here: Store, admin: Actor) -> None:
    wrong = bring(
        here, admin, Organization,
        "单位名称,单位性质,联系人,所在网格,协议签订日期,协议到期,职工人数\n"
        "审计局,机关单位,p,g1,2025-01-01,2026-12-31,40\n第一小学,学校,p,g2,,,\n坏的,机关单位,p,g1,2026-02-02,2026-01-01,1\n",
    )  # fmt: skip
    assert wrong == ["agreement_until"]
    made = {one.name: one for one in organizations.organizations(here, admin, "D")}
    assert (made["审计局"].kind, made["审计局"].liaison_id, made["审计局"].staff) == ("public_body", "p", 40)
    assert made["第一小学"].kind == "school"
    assert bring(here, admin, Resource, "单位,资源类型,资源名称,数量\n审计局,场地,会议室,2\n谁,场地,x,1\n") == [
        "organization_id"
    ]
    wrong = bring(
        here, admin, Need,
        "需求内容,需求类型,登记日期,状态,对接单位,对接日期\n助餐,场地,2026-03-01,已对接,审计局,2026-03-09\n灯,物资,2026-03-01,已对接,,\n",
    )  # fmt: skip
    assert wrong == ["matched_on"]
    (one,) = organizations.needs(here, admin, "D")
    assert (one.state, one.helper_id, one.matched_on) == (NeedState.MATCHED, made["审计局"].id, date(2026, 3, 9))
    assert recount.check(here, admin, "D") == []
