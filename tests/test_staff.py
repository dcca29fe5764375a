"""The team: structure, gaps and succession against hand-counted rows; what may be told of small groups; assessment
rounds as a machine of states, their results against sums made by hand."""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dashboard.i18n import translator
from repository import importer, patrols, recount, requests, staff
from repository.access import Actor, Refused, Role, anybody
from repository.evidence import evidence
from repository.filters import Is
from repository.grids import Post, Tier
from repository.importer import Sheet
from repository.maintenance import Status, WorkOrder, log_repair, move, work_of
from repository.meetings import ActionItem, ItemsKept
from repository.patrols import Walked
from repository.people import Person
from repository.requests import Answered, Request
from repository.staff import (
    MIN_GROUP,
    USUAL_GROUPS,
    AssessmentBallots,
    AssessmentRound,
    CertificateLevel,
    CertificateName,
    Education,
    LeftReason,
    Pile,
    RaterGroup,
    RaterKind,
    Readiness,
    RoundState,
    StaffMember,
    StaffTraining,
    TrainingKind,
    TrainingPlan,
    Wish,
    commands,
    judged,
)
from repository.store import Conflict, Duplicate, InUse, Invalid, Store
from repository.words import Trouble
from tests.conftest import NOW

TODAY = date(2026, 4, 2)
HOLES = [HealthCheck.function_scoped_fixture]
VIEWER = Actor("v", "看", Role.VIEWER)
MANAGER = Actor("m", "设施", Role.FACILITY_MANAGER)
SECRETARY = Actor("s", "书记", Role.SECRETARY)


def team_of(store: Store, who: Actor, *given: Mapping[str, Any], home: str = "d") -> list[StaffMember]:
    """A file for each, with a person of its own."""
    made = []
    for number, values in enumerate(given):
        id = f"{home}-p{number}"
        store.insert(who, Person(id=id, community_id=home, name=f"干部{number}"))
        made.append(staff.add_member(store, who, home, {"person_id": id, "joined_on": date(2020, 1, 1), **values}))
    return made


def dimension(found: staff.Team, key: Wish) -> staff.Dimension:
    """One of them."""
    return next(each for each in found.dimensions if each.key is key)


# --- members
def test_a_person_has_one_file_and_served_by_the_calendar(yard: Store, admin: Actor) -> None:
    member = staff.add_member(yard, admin, "d", {"person_id": "d-li", "joined_on": date(2023, 4, 2)})
    with pytest.raises(Duplicate):
        staff.add_member(yard, admin, "d", {"person_id": "d-li", "joined_on": TODAY})
    with pytest.raises(Invalid):
        staff.add_member(yard, admin, "d", {"person_id": "e-li", "joined_on": TODAY})
    assert (member.has_served(3, TODAY), member.has_served(3, TODAY - timedelta(days=1))) == (True, False)
    leap = StaffMember(community_id="d", person_id="x", joined_on=date(2024, 2, 29))
    assert (leap.has_served(1, date(2025, 2, 28)), leap.has_served(1, date(2025, 3, 1))) == (False, True)
    assert leap.service_years(date(2024, 1, 1)) == 0
    with pytest.raises(Invalid, match="second look"):
        staff.leave(yard, admin, "d", member.id, 1, on=date(2023, 4, 1), reason="retired")
    with pytest.raises(Invalid):
        staff.leave(yard, admin, "d", member.id, 1, on=TODAY, reason=" ")
    left = staff.leave(yard, admin, "d", member.id, 1, on=TODAY, reason="考走")
    assert (left.serves_on(TODAY), left.serves_on(TODAY + timedelta(days=1))) == (True, False)
    with pytest.raises(Conflict):
        staff.edit_member(yard, admin, "d", member.id, 1, {"remark": "x"})
    back = staff.edit_member(yard, admin, "d", member.id, 2, {"left_on": None})
    assert (back.left_on, back.left_reason) == (None, None)


def test_a_file_goes_with_what_belongs_to_it_and_assessments_stay(yard: Store, admin: Actor) -> None:
    (member, other) = team_of(yard, admin, {}, {})
    for person in (member.person_id, other.person_id):
        facts = {"person_id": person, "name": "fire", "obtained_on": TODAY}
        staff.add_certificate(yard, admin, "d", facts)
    both = [member.person_id, other.person_id]
    staff.add_training(yard, admin, "d", {"topic": "x", "held_on": TODAY, "hours": 2}, both)
    held = opened(yard, admin, people=(member.person_id,))
    staff.remove_member(yard, admin, "d", member.id, 1)
    assert [each.person_id for each in staff.certificates(yard, admin, "d")] == [other.person_id]
    assert [each.person_id for each in staff.trainings(yard, admin, "d", TODAY, TODAY)] == [other.person_id]
    assert yard.get(admin, AssessmentRound, "d", held.id).people == (member.person_id,)


def test_nothing_is_learnt_or_obtained_in_the_future(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {})
    tomorrow = TODAY + timedelta(days=1)
    with pytest.raises(Invalid) as wrong:
        staff.add_training(yard, admin, "d", {"topic": "x", "held_on": tomorrow, "hours": 2}, ["d-p0"])
    assert set(wrong.value.problems) == {"held_on"}
    with pytest.raises(Invalid):
        staff.add_training(yard, admin, "d", {"topic": "x", "held_on": TODAY, "hours": 2}, [])
    with pytest.raises(Invalid):
        staff.add_certificate(yard, admin, "d", {"person_id": "d-p0", "name": "x", "obtained_on": tomorrow})
    facts = {"person_id": "d-p0", "name": "x", "obtained_on": TODAY, "valid_until": date(2026, 1, 1)}
    with pytest.raises(Invalid):
        staff.add_certificate(yard, admin, "d", facts)
    made = staff.add_training(yard, admin, "d", {"topic": "x", "held_on": TODAY, "hours": 2}, ["d-p0", "d-p0"])
    with pytest.raises(Invalid):
        staff.edit_training(yard, admin, "d", made.id, 1, {"held_on": tomorrow})
    assert staff.training_entry(yard, admin, "d", made.id).held_on == TODAY
    assert yard.count(admin, StaffTraining, "d") == 1, "chosen twice, there once"


def test_two_who_enter_a_training_at_once_make_one(yard: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked, and found none, before either is done."""
    team_of(yard, admin, {})
    staff.add_training(yard, admin, "d", {"topic": "y", "held_on": TODAY, "hours": 2}, ["d-p0"])
    look, gate, waited = commands._require_new, threading.Barrier(2), set[int]()
    refused: list[Invalid] = []

    def slowly(*given: Any) -> None:
        look(*given)
        if threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            gate.wait(60)

    def enter() -> None:
        try:
            staff.add_training(yard, admin, "d", {"topic": "x", "held_on": TODAY, "hours": 2}, ["d-p0"])
        except Invalid as invalid:
            refused.append(invalid)

    monkeypatch.setattr(commands, "_require_new", slowly)
    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(waited), [list(each.problems) for each in refused]) == (2, [["people"]])
    assert yard.count(admin, StaffTraining, "d", {"topic": "x"}) == 1


def test_a_training_counts_once_and_for_the_team(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {}, {})
    fire = {"topic": "《消防》安全", "held_on": TODAY, "hours": 2}
    staff.add_training(yard, admin, "d", fire, ["d-p0"], key="k")
    staff.add_training(yard, admin, "d", fire, ["d-p0"], key="k")
    with pytest.raises(Invalid) as wrong:
        staff.add_training(yard, admin, "d", fire | {"topic": "消防安全"}, ["d-p1", "d-p0"])
    assert wrong.value.problems["people"].params == {"names": "干部0"}
    with pytest.raises(Invalid) as wrong:
        staff.add_training(yard, admin, "d", fire, ["d-li"])
    assert set(wrong.value.problems) == {"people"}, "no file"
    staff.add_training(yard, admin, "d", fire | {"held_on": TODAY - timedelta(days=1)}, ["d-p0", "d-p1"])
    assert yard.count(admin, StaffTraining, "d") == 3
    topic = {"topic": "x", "by": date(2027, 1, 1)}
    with pytest.raises(Invalid):
        staff.add_training_plan(yard, admin, "d", {"year": 2026, "hours": 40, "topics": [topic]})
    plan = staff.add_training_plan(yard, admin, "d", {"year": 2027, "hours": 40, "topics": [topic]})
    with pytest.raises(Invalid):
        staff.edit_training_plan(yard, admin, "d", plan.id, 1, {"year": 2026})


def test_a_word_of_the_team_is_not_that_of_a_machine() -> None:
    """One English text has one Chinese one: what means something else needs another text."""
    chinese = translator("zh")
    for choice in (Education, LeftReason, CertificateName, CertificateLevel, TrainingKind, Readiness, RoundState):
        for word in choice:
            assert chinese(word.label) in word.spellings, word
    assert chinese(StaffTraining.model_fields["topic"].title or "") == "培训主题"
    assert chinese(RaterGroup.model_fields["items"].title or "") == "评议项目"


@pytest.mark.parametrize(("points", "said"), [(10772.82, "10772.82"), (1e6, "1000000"), (0, "0"), (7.5, "7.5")])
def test_points_are_typed_again_as_they_stand(points: float, said: str) -> None:
    assert staff.amount(points) == said


# --- structure
LEVELS = ["junior_middle", "senior_middle", "college", "bachelor", "graduate", None]
ONE = st.fixed_dictionaries(
    {
        "joined_on": st.dates(date(2019, 1, 1), date(2026, 5, 1)),
        "education": st.sampled_from(LEVELS),
        "age_band": st.sampled_from(["18-35", "36-45", "46-54", "55+", None]),
        "left": st.none() | st.integers(-60, 60),
        "certificate": st.sampled_from(["social_worker", "social_work_assistant", "fire", None]),
        "valid": st.none() | st.integers(-30, 30),
        "hours": st.lists(st.tuples(st.integers(1, 40), st.integers(-150, 20)), max_size=3),
    }
)


@settings(max_examples=8, deadline=None, suppress_health_check=HOLES)
@given(given_=st.lists(ONE, max_size=12))
def test_the_figures_are_what_pandas_counts_on_raw_rows(
    yard: Store, admin: Actor, given_: list[dict[str, Any]]
) -> None:
    for name in ("staff_members", "staff_certificates", "staff_trainings", "training_plans", "people"):
        yard.db[name].delete_many({})
    documents: dict[str, list[Any]] = {
        "people": [],
        "staff_members": [],
        "staff_certificates": [],
        "staff_trainings": [],
    }
    for number, one in enumerate(given_):
        own = {"community_id": "d", "person_id": f"d-p{number}"}
        left = None if one["left"] is None else max(one["joined_on"], TODAY + timedelta(days=one["left"]))
        facts = {name: one[name] for name in ("joined_on", "education", "age_band")}
        documents["people"].append(Person(id=f"d-p{number}", community_id="d", name=str(number)))
        documents["staff_members"].append(StaffMember(**own, **facts, left_on=left))
        if one["certificate"]:
            until = None if one["valid"] is None else TODAY + timedelta(days=one["valid"])
            held = {"name": one["certificate"], "obtained_on": date(2025, 1, 1), "valid_until": until}
            documents["staff_certificates"].append(staff.StaffCertificate(**own, **held))
        for hours, ago in one["hours"]:
            day = TODAY + timedelta(days=ago)
            documents["staff_trainings"].append(StaffTraining(**own, topic="x", held_on=day, hours=hours))
    for name, records in documents.items():
        if records:
            yard.db[name].insert_many([each.to_document() for each in records])
    staff.add_training_plan(yard, admin, "d", {"year": 2026, "hours": 36.5})
    found = staff.team(yard, admin, "d", on=TODAY)

    raw = pd.DataFrame(list(yard.db["staff_members"].find()) or [{}]).reindex(
        columns=["person_id", "joined_on", "left_on", "education", "age_band"]
    )
    day = pd.Timestamp(TODAY)
    for column in ("joined_on", "left_on"):
        raw[column] = pd.to_datetime(raw[column], utc=True).dt.tz_localize(None)
    raw = raw[raw["person_id"].notna() & (raw["joined_on"] <= day) & (raw["left_on"].isna() | (raw["left_on"] >= day))]
    size = len(raw)
    assert found.size == size
    held = pd.DataFrame(list(yard.db["staff_certificates"].find()) or [{}]).reindex(
        columns=["person_id", "name", "valid_until"]
    )
    held["valid_until"] = pd.to_datetime(held["valid_until"], utc=True).dt.tz_localize(None)
    social = held["name"].isin(["social_worker", "social_work_assistant"])
    valid = held[social & (held["valid_until"].isna() | (held["valid_until"] >= day))]
    hours = pd.DataFrame(list(yard.db["staff_trainings"].find()) or [{}]).reindex(
        columns=["person_id", "held_on", "hours"]
    )
    hours["held_on"] = pd.to_datetime(hours["held_on"], utc=True).dt.tz_localize(None)
    hours = hours[(hours["held_on"] >= "2026-01-01") & (hours["held_on"] <= day)]
    own_hours = hours.groupby("person_id")["hours"].sum().reindex(raw["person_id"]).fillna(0)
    wanted = {
        Wish.EDUCATION: raw["education"].dropna().isin(["college", "bachelor", "graduate"]),
        Wish.AGE: raw["age_band"].dropna() == "18-35",
        Wish.CERTIFIED: raw["person_id"].isin(valid["person_id"]),
        Wish.SERVICE: raw["joined_on"] <= "2023-04-02",
    }
    for key, answers in wanted.items():
        value = dimension(found, key).value
        assert value is not None
        assert value.n == len(answers)
        assert value.value == (None if answers.empty else pytest.approx(answers.astype(bool).mean()))
    assert found.training.value == (None if not size else pytest.approx(own_hours.sum() / size))
    begun = raw["joined_on"].clip(lower=pd.Timestamp("2026-01-01"))
    owed = ((day - begun).dt.days + 1) * 0.1
    expired = held[held["valid_until"] < day]
    lacking = (owed.to_numpy() - own_hours.to_numpy() > 0.005) | raw["person_id"].isin(expired["person_id"]).to_numpy()
    assert found.gaps.n == int(lacking.sum())


def test_a_past_day_shows_what_was_true_then(yard: Store, admin: Actor) -> None:
    first, second, third = team_of(yard, admin, {}, {"joined_on": date(2026, 3, 1)}, {"left_on": date(2026, 2, 1)})
    facts = {"name": "social_worker", "obtained_on": date(2025, 6, 1), "valid_until": date(2026, 3, 15)}
    staff.add_certificate(yard, admin, "d", {"person_id": first.person_id, **facts})
    then, now = (staff.team(yard, admin, "d", on=day) for day in (date(2026, 1, 31), TODAY))
    assert (then.size, now.size) == (2, 2)
    assert [dimension(each, Wish.CERTIFIED).fulfilled.n for each in (then, now)] == [1, 0]
    series = dict(dimension(now, Wish.CERTIFIED).value.series)  # type: ignore[union-attr]
    assert (series["2026-01"], series["2026-02"], series["2026-03"]) == (0.5, 1.0, 0.0)
    assert series["2025-05"] == 0.0
    assert third.person_id != second.person_id


def test_no_team_is_no_data(yard: Store, admin: Actor) -> None:
    found = staff.team(yard, admin, "d", on=TODAY)
    assert [each.value.value for each in found.dimensions if each.value] == [None] * 4
    assert (found.training.value, found.gaps_value.value, found.succession.value) == (None, None, None)


# --- what is told to whom
@settings(max_examples=60, deadline=None)
@given(counts=st.lists(st.integers(0, 14), min_size=1, max_size=6), least=st.integers(2, 6))
def test_no_small_group_is_told_or_can_be_subtracted(counts: list[int], least: int) -> None:
    told = staff.cut(list(enumerate(counts)), least)
    shown = [each.n for each in told if each.n is not None]
    hidden = [n for n, each in zip(counts, told, strict=True) if each.n is None]
    assert all(n == 0 or n >= least for n in shown)
    assert [each.n for each in told if each.n is not None] == [
        n for n, each in zip(counts, told, strict=True) if each.n is not None
    ]
    if hidden and 0 < sum(counts) - sum(shown) < least or len(hidden) == 1:
        assert not any(shown), "what is left of the whole is told by nothing else"
    assert all(each.few == (0 < n < least) for n, each in zip(counts, told, strict=True) if sum(counts) >= least)


def test_others_see_the_structure_without_anybody_in_it(yard: Store, admin: Actor) -> None:
    team_of(
        yard, admin,
        *[{"education": "college", "age_band": "18-35", "party_member": True}] * 7,
        *[{"education": "junior_middle", "age_band": "55+"}] * 2,
    )  # fmt: skip
    whole = staff.team(yard, SECRETARY, "d", on=TODAY)
    assert (whole.whole, whole.size, dimension(whole, Wish.AGE).fulfilled.n) == (True, 9, 7)
    assert dimension(whole, Wish.EDUCATION).groups[0] == ("junior_middle", 2)
    for reader in (VIEWER, MANAGER, Actor("e", "e", Role.EDITOR), Actor("g", "g", Role.GRID_WORKER)):
        told = staff.team(yard, reader, "d", on=TODAY)
        assert (told.whole, told.on) == (False, date(2026, 3, 31))
        assert not any(each.groups for each in told.dimensions)
        assert dimension(told, Wish.AGE).fulfilled.n is None, "two are not: seven would tell who"
        assert dimension(told, Wish.SERVICE).value.value == 1, "all of them"  # type: ignore[union-attr]
        assert dimension(told, Wish.PARTY).fulfilled.n is None, "two did not say"
        assert not any(each.value.series for each in told.dimensions if each.value)
        assert "d-p" not in repr(told)
        assert staff.staff_glance(yard, reader, "d", on=TODAY).on == date(2026, 3, 31)
    assert staff.told_on(VIEWER, date(2026, 2, 28)) == date(2026, 2, 28)
    assert staff.told_on(VIEWER, date(2026, 3, 1)) == date(2026, 2, 28)


def test_of_two_ends_of_months_that_few_tell_apart_one_is_told(yard: Store, admin: Actor) -> None:
    """Eight; in February one comes and one gains a certificate: the end of January stands until five have changed."""
    came = [date(2026, 2, 10), *[date(2026, 3, 9)] * 3]
    eight = team_of(yard, admin, *[{}] * 8, *[{"joined_on": day} for day in came])[0]
    facts = {"name": "social_worker", "obtained_on": date(2026, 2, 20)}
    staff.add_certificate(yard, admin, "d", {"person_id": eight.person_id, **facts})

    def told(reader: Actor, day: date) -> tuple[date, int]:
        found = staff.team(yard, reader, "d", on=day)
        return found.on, found.size

    ends = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
    assert [told(SECRETARY, end)[1] for end in ends] == [8, 9, 12]
    assert [told(VIEWER, end)[1] for end in ends] == [8, 8, 12]
    assert told(VIEWER, ends[2])[0] == ends[2]
    assert told(VIEWER, ends[1])[0] < ends[1]
    assert staff.staff_glance(yard, VIEWER, "d", on=ends[1]).size == 8


@pytest.mark.parametrize("role", list(Role))
def test_a_file_is_for_who_leads_and_for_the_person(yard: Store, admin: Actor, role: Role) -> None:
    (member, _other) = team_of(yard, admin, {}, {})
    now = NOW.astimezone(yard.zone("d"))
    leads = role in (Role.SECRETARY, Role.ADMIN)
    stranger = Actor("u", "u", role, people=("d-p1",))
    nobody = anybody(role, "x", people=("d-p0",))
    for actor in (stranger, nobody, Actor("u", "u", role)):
        if leads:
            assert staff.staff_file(yard, actor, "d", "d-p0", now=now).member == member
            continue
        with pytest.raises(Refused):
            staff.staff_file(yard, actor, "d", "d-p0", now=now)
    own = Actor("u", "u", role, people=("d-p0",))
    assert staff.staff_file(yard, own, "d", "d-p0", now=now).member == member
    elsewhere = Actor("u", "u", role, communities=frozenset({"e"}), people=("d-p0",))
    with pytest.raises(Refused):
        staff.staff_file(yard, elsewhere, "d", "d-p0", now=now)
    with pytest.raises((Refused, Invalid)):
        staff.staff_file(yard, own, "d", {"$ne": ""}, now=now)  # type: ignore[arg-type]
    file = BytesIO()
    if not leads:
        for record in (StaffMember, staff.StaffCertificate, StaffTraining):
            with pytest.raises(Refused):
                importer.export(yard, own, "d", record, file, form="csv", translate=str)
            with pytest.raises(Refused):
                yard.find(own, record, "d")


def test_whoever_was_judged_sees_no_small_groups_of_raters(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {}, {})
    held = opened(yard, admin)
    for person in held.people:
        fill(yard, admin, held, person)
    closed = staff.close_round(yard, admin, "d", held.id, now_of(yard, admin, held).revision)
    now = NOW.astimezone(yard.zone("d"))
    own = staff.staff_file(yard, Actor("u", "u", Role.VIEWER, people=("d-p0",)), "d", "d-p0", now=now)
    ((round_, result),) = own.results
    assert (result.score, result.valid) == (100.0, True)
    assert [each.mean for each in result.groups] == [None, None, None], "three of the street would be told"
    assert round_.people == ("d-p0",)
    assert own.could_take == ()
    whole = staff.staff_file(yard, admin, "d", "d-p0", now=now)
    assert [each.mean for each in whole.results[0][1].groups] == [30, 10, 60]
    assert closed.state is RoundState.CLOSED


# --- training
def test_what_the_plan_still_owes(yard: Store, admin: Actor) -> None:
    first, second, new = team_of(yard, admin, {}, {}, {"joined_on": date(2026, 3, 24)})
    topics = [
        {"topic": "消防 安全", "by": date(2026, 2, 1)},
        {"topic": "调解", "by": date(2026, 3, 1)},
        {"topic": "写作", "by": date(2026, 9, 1)},
    ]
    plan = staff.add_training_plan(yard, admin, "d", {"year": 2026, "hours": 36.5, "topics": topics})
    with pytest.raises(Duplicate):
        staff.add_training_plan(yard, admin, "d", {"year": 2026, "hours": 1})
    twice = [*topics, {"topic": "《调解》", "by": TODAY}]
    with pytest.raises(Invalid):
        staff.edit_training_plan(yard, admin, "d", plan.id, 1, {"topics": twice})
    # 92 days so far: 9.2 hours, and 1 for who came ten days ago; the last year's do not count, nor another community's
    values = {"topic": "“消防安全”", "hours": 9.2}
    staff.add_training(yard, admin, "d", {**values, "held_on": date(2026, 1, 20)}, [first.person_id])
    staff.add_training(yard, admin, "d", {**values, "held_on": date(2025, 12, 31)}, [second.person_id])
    staff.add_training(yard, admin, "d", {**values, "held_on": date(2026, 3, 30), "hours": 0.5}, [new.person_id])
    team_of(yard, admin, {}, home="e")
    staff.add_training(yard, admin, "e", {**values, "held_on": TODAY, "topic": "调解"}, ["e-p0"])
    review = staff.training_review(yard, admin, "d", on=TODAY)
    assert {gap.person_id: gap.missing for gap in review.gaps} == {"d-p0": 0, "d-p1": 9.2, "d-p2": 0.5}
    assert [gap.person_id for gap in review.lacking] == ["d-p1", "d-p2"]
    assert [(each.topic, each.attended, each.overdue) for each in review.topics] == [
        ("调解", 0, True),
        ("写作", 0, False),
        ("消防 安全", 2, False),
    ]
    assert review.value.detail == pytest.approx((9.2 + 9.2 + 1) / 3)
    assert TrainingPlan(community_id="d", year=2025, hours=10).owed(new, date(2025, 12, 31)) == 0
    assert staff.training_review(yard, admin, "d", on=date(2025, 12, 31)).plan is None


def test_of_each_certificate_the_newest_counts(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {}, {"left_on": date(2026, 3, 1)})
    for person, name, since, until in (
        ("d-p0", "fire", date(2020, 1, 1), date(2026, 1, 1)),
        ("d-p0", "fire", date(2025, 12, 1), date(2028, 1, 1)),  # renewed
        ("d-p0", "safety", date(2024, 1, 1), date(2026, 4, 1)),  # over since yesterday
        ("d-p0", "mediator", date(2024, 1, 1), date(2026, 7, 1)),  # the ninetieth day
        ("d-p0", "first_aid", date(2024, 1, 1), date(2026, 7, 2)),
        ("d-p0", "own", date(2024, 1, 1), None),
        ("d-p0", "social_work_assistant", date(2022, 1, 1), date(2025, 1, 1)),  # a higher grade took its place
        ("d-p0", "social_worker", date(2024, 1, 1), None),
        ("d-p1", "safety", date(2024, 1, 1), date(2026, 4, 1)),  # gone
    ):
        facts = {"person_id": person, "name": name, "obtained_on": since, "valid_until": until}
        staff.add_certificate(yard, admin, "d", facts)
    (gap,) = staff.training_review(yard, admin, "d", on=TODAY).gaps
    assert [each.name for each in gap.expiring] == ["safety", "mediator"]
    assert [each.name for each in gap.expired] == ["safety"]
    assert gap.is_gap
    assert staff.team(yard, admin, "d", on=TODAY).expiring.n == 2


# --- succession
def test_where_nobody_could_take_over(yard: Store, admin: Actor) -> None:
    team_of(
        yard, admin, {"joined_on": date(2006, 4, 2)}, {"age_band": "55+"}, {}, {"left_on": date(2026, 3, 1)}, {}
    )  # fmt: skip

    def post(id: str, tier: Tier, holder: str | None, grid: str = "d-g1") -> None:
        since = date(2024, 1, 1)
        record = Post(id=id, community_id="d", tier=tier, grid_id=grid, holder_id=holder, since=since)
        yard.insert(admin, record)

    post("k1", Tier.GRID_LEAD, "d-p0")
    post("k2", Tier.GRID_LEAD, "d-p1", "d-g2")
    post("k3", Tier.COMMUNITY, "d-p2")
    post("k4", Tier.COMMUNITY, None, "d-g2")
    post("other", Tier.GROUP, "d-p2")
    name = staff.add_successor
    name(yard, admin, "d", {"post_id": "k1", "person_id": "d-p4", "readiness": "now"})
    name(yard, admin, "d", {"post_id": "k2", "person_id": "d-p4", "readiness": "soon"})
    name(yard, admin, "d", {"post_id": "k3", "person_id": "d-p3", "readiness": "now"})  # gone
    for wrong in (
        {"post_id": "k1", "person_id": "d-p0"},  # holds it
        {"post_id": "other", "person_id": "d-p4"},  # no key post
        {"post_id": "k1", "person_id": "d-zhao"},  # no file
        {"post_id": "gone", "person_id": "d-p4"},
    ):
        with pytest.raises(Invalid):
            name(yard, admin, "d", wrong)
    with pytest.raises(Duplicate):
        name(yard, admin, "d", {"post_id": "k1", "person_id": "d-p4"})
    found = staff.succession(yard, admin, "d", on=TODAY)
    by_id = {each.post.id: each for each in found.posts}
    assert {id: (each.prepared, each.at_risk) for id, each in by_id.items()} == {
        "k1": (True, False),
        "k2": (False, True),
        "k3": (False, True),
        "k4": (False, True),
    }
    assert (by_id["k1"].long_service, by_id["k2"].near_leaving, by_id["k3"].holds) == (True, True, 2)
    assert (found.value.value, found.value.n, found.named) == (0.25, 4, ("d-p4",))
    assert found.holding_several == ("d-p2",)
    glance = staff.staff_glance(yard, VIEWER, "d", on=TODAY)
    assert (glance.key_posts, glance.without_successor) == (4, 3)
    with pytest.raises(InUse):
        yard.delete(admin, Post, "d", "k1", 1)
    member = next(each for each in staff.members(yard, admin, "d") if each.person_id == "d-p1")
    staff.leave(yard, admin, "d", member.id, 1, on=date(2026, 4, 1), reason="retired")
    after = {each.post.id: each for each in staff.succession(yard, admin, "d", on=TODAY).posts}
    assert (after["k2"].holder_id, after["k2"].at_risk) == (None, True), "gone since yesterday"


# --- rounds
def opened(store: Store, who: Actor, **values: Any) -> AssessmentRound:
    """A round about everybody."""
    days = {"first": date(2026, 1, 1), "last": date(2026, 3, 31), "opens_on": TODAY, "closes_on": TODAY}
    people = tuple(sorted(each.person_id for each in staff.members(store, who, "d")))
    return staff.open_round(store, who, "d", {"name": "季度测评", "people": people, **days, **values})


def now_of(store: Store, who: Actor, held: AssessmentRound) -> AssessmentRound:
    """The round as it stands."""
    return store.get(who, AssessmentRound, "d", held.id)


def fill(store: Store, who: Actor, held: AssessmentRound, person: str, ordinary: int = 41) -> list[AssessmentBallots]:
    """Full marks by as many as are needed."""
    given_ = (
        ("street", 3, False),
        ("peers", 6, False),
        ("residents", 50 - 9 - ordinary, False),
        ("residents", ordinary, True),
    )
    return [
        staff.enter_ballots(
            store, who, "d", held.id, person, kind, n=n, ordinary=common,
            sums=[held.group(kind).points * n] * len(held.group(kind).items),  # type: ignore[union-attr]
        )
        for kind, n, common in given_
        if n
    ]  # fmt: skip


def messages(result: staff.Result) -> list[str]:
    """What is missing, in words."""
    return [str(each) for each in result.missing]


def test_a_result_below_the_minimum_numbers_is_invalid_and_says_why() -> None:
    held = AssessmentRound(
        community_id="d", name="x", first=TODAY, last=TODAY, opens_on=TODAY, closes_on=TODAY, people=("a",)
    )

    def of(*piles: tuple[str, int, bool]) -> staff.Result:
        made = []
        for kind, n, ordinary in piles:
            group = held.group(kind)
            assert group is not None
            made.append(Pile(RaterKind(kind), n, ordinary, (group.points * n / 2,) * len(group.items)))
        return judged(held, "a", made)

    enough = of(("street", 3, False), ("peers", 7, False), ("residents", 5, False), ("residents", 35, True))
    assert (enough.score, enough.raters, enough.ordinary, enough.missing) == (50.0, 50, 35, ())
    few = of(("street", 3, False), ("peers", 7, False), ("residents", 39, True))
    assert (few.score, messages(few)) == (None, ["49 of at least 50 raters"])
    common = of(("street", 3, False), ("peers", 7, False), ("residents", 6, False), ("residents", 34, True))
    assert messages(common) == ["34 of 50 raters are ordinary residents, at least 70 % are needed"]
    assert messages(of(("peers", 9, False), ("residents", 90, True))) == ["no ballot of “Street”"]
    assert len(of().missing) == 5
    assert [group.weight for group in USUAL_GROUPS] == [30, 10, 60]
    assert [group.full for group in USUAL_GROUPS] == [30, 10, 60]


PILES = st.lists(
    st.tuples(
        st.sampled_from(list(RaterKind)),
        st.booleans(),
        st.lists(st.lists(st.integers(0, 6), min_size=2, max_size=2), min_size=1, max_size=8),
    ),
    max_size=8,
)
GROUPS = tuple(
    RaterGroup(kind=kind, weight=weight, items=("甲", "乙"), points=6)
    for kind, weight in zip(RaterKind, (30, 10, 60), strict=True)
)


@settings(max_examples=30, deadline=None)
@given(piles=PILES)
def test_means_are_divided_anew_from_sums_however_ballots_are_piled(
    piles: list[tuple[RaterKind, bool, list[list[int]]]],
) -> None:
    held = AssessmentRound(
        community_id="d", name="x", first=TODAY, last=TODAY, opens_on=TODAY, closes_on=TODAY, people=("a",),
        groups=GROUPS, min_raters=1, min_residents=0,
    )  # fmt: skip
    heaps = [
        Pile(kind, len(ballots), common, tuple(float(sum(each[item] for each in ballots)) for item in (0, 1)))
        for kind, common, ballots in piles
    ]
    singles = [
        Pile(kind, 1, common, (float(each[0]), float(each[1]))) for kind, common, ballots in piles for each in ballots
    ]
    one, other = judged(held, "a", heaps), judged(held, "a", singles)
    assert one == other
    raw = pd.DataFrame(
        [(kind, sum(each)) for kind, _c, ballots in piles for each in ballots], columns=["kind", "points"]
    )
    if set(raw["kind"]) == set(RaterKind):
        means = raw.groupby("kind")["points"].mean() / 12
        expected = 30 * means[RaterKind.STREET] + 10 * means[RaterKind.PEERS] + 60 * means[RaterKind.RESIDENTS]
        assert one.score == pytest.approx(expected, abs=0.0051)
    else:
        assert one.score is None


def test_weights_make_up_the_whole(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {})
    for groups in (
        [GROUPS[0], GROUPS[1]],
        [*GROUPS, GROUPS[0]],
        [GROUPS[0].model_copy(update={"weight": 31}), *GROUPS[1:]],
    ):
        with pytest.raises(Invalid) as wrong:
            opened(yard, admin, groups=groups)
        assert set(wrong.value.problems) == {"groups"}
    with pytest.raises(Invalid):
        opened(yard, admin, people=())
    with pytest.raises(Invalid):
        opened(yard, admin, people=("d-li",))
    with pytest.raises(Invalid):
        opened(yard, admin, people=("gone",))
    with pytest.raises(Invalid):
        opened(yard, admin, closes_on=date(2026, 4, 1))
    held = opened(yard, admin, groups=list(GROUPS))
    assert staff.edit_round(yard, admin, "d", held.id, 1, {"groups": USUAL_GROUPS}).groups == USUAL_GROUPS


def test_ballots_fit_their_round(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {}, {})
    held = opened(yard, admin, people=("d-p0",))
    enter = staff.enter_ballots
    for person, kind, n, sums, more in (
        ("d-p1", "street", 1, [1] * 5, {}),
        ("d-p0", "nobody", 1, [1] * 5, {}),
        ("d-p0", "street", 0, [0] * 5, {}),
        ("d-p0", "street", 1, [1] * 4, {}),
        ("d-p0", "street", 2, [12.5, 1, 1, 1, 1], {}),
        ("d-p0", "street", 1, [-1, 1, 1, 1, 1], {}),
        ("d-p0", "street", 1, [float("nan"), 1, 1, 1, 1], {}),
        ("d-p0", "street", 1, [1] * 5, {"ordinary": True}),
        ("d-p0", "street", 10**9, [1] * 5, {}),
    ):
        with pytest.raises(Invalid):
            enter(yard, admin, "d", held.id, person, kind, n=n, sums=sums, **more)
    with pytest.raises(Invalid):
        enter(yard, admin, "d", "gone", "d-p0", "street", n=1, sums=[1] * 5)
    later = opened(yard, admin, opens_on=date(2026, 4, 3), closes_on=date(2026, 4, 9))
    with pytest.raises(Invalid, match="second look") as early:
        enter(yard, admin, "d", later.id, "d-p0", "street", n=1, sums=[1] * 5)
    assert "2026-04-03" in str(early.value.problems[""])
    made = enter(yard, admin, "d", held.id, "d-p0", "street", n=1, sums=[1] * 5, key="once")
    assert enter(yard, admin, "d", held.id, "d-p0", "street", n=1, sums=[1] * 5, key="once").id == made.id
    assert now_of(yard, admin, held).entered == 1
    for change in ({"groups": GROUPS}, {"min_raters": 9}, {"people": ("d-p1",)}):
        with pytest.raises(Invalid):
            staff.edit_round(yard, admin, "d", held.id, now_of(yard, admin, held).revision, change)
    stands = now_of(yard, admin, held)
    more_people = staff.edit_round(yard, admin, "d", held.id, stands.revision, {"people": ("d-p0", "d-p1")})
    with pytest.raises(InUse):
        staff.remove_round(yard, admin, "d", held.id, more_people.revision)
    staff.take_back_ballots(yard, admin, "d", made.id, 1)
    assert now_of(yard, admin, held).entered == 0
    staff.remove_round(yard, admin, "d", held.id, now_of(yard, admin, held).revision)


def test_nothing_tells_who_filled_a_ballot_in() -> None:
    kept = set(AssessmentBallots.model_fields) - {"created_by", "updated_by"}  # whoever counted and typed it
    assert not any("rater" in name or "voter" in name or name.endswith("by") for name in kept)


class Rounds(RuleBasedStateMachine):
    """A round against a model of it in plain Python."""

    store: Store
    admin: Actor

    @initialize()
    def begin(self) -> None:
        """Two people, few ballots needed."""
        for name in ("assessment_rounds", "assessment_ballots"):
            self.store.db[name].delete_many({})
        self.held = opened(
            self.store, self.admin, groups=list(GROUPS), min_raters=4, min_residents=50, people=("d-p0", "d-p1")
        )
        self.entries: dict[str, tuple[str, RaterKind, int, bool, tuple[float, float]]] = {}
        self.closed = False
        self.corrections = 0
        self.struck = 0

    def refused(self, call: Any) -> None:
        """It changes nothing."""
        before = (now_of(self.store, self.admin, self.held), self.store.count(self.admin, AssessmentBallots, "d"))
        with pytest.raises(Trouble):
            call()
        assert before == (
            now_of(self.store, self.admin, self.held),
            self.store.count(self.admin, AssessmentBallots, "d"),
        )

    @rule(
        person=st.sampled_from(["d-p0", "d-p1"]),
        kind=st.sampled_from(list(RaterKind)),
        n=st.integers(1, 5),
        share=st.integers(0, 6),
        common=st.booleans(),
    )
    def enter(self, person: str, kind: RaterKind, n: int, share: int, common: bool) -> None:
        """A pile more; none into a closed round."""
        common = common and kind is RaterKind.RESIDENTS
        sums = (float(share * n), float((6 - share) * n))

        def call() -> AssessmentBallots:
            return staff.enter_ballots(
                self.store, self.admin, "d", self.held.id, person, kind, n=n, sums=sums, ordinary=common
            )

        if self.closed:
            self.refused(call)
        else:
            self.entries[call().id] = (person, kind, n, common, sums)

    @precondition(lambda self: self.entries)
    @rule(place=st.integers(0, 99))
    def take_back(self, place: int) -> None:
        """Only out of an open round."""
        id = sorted(self.entries)[place % len(self.entries)]

        def call() -> None:
            staff.take_back_ballots(self.store, self.admin, "d", id, 1)

        if self.closed:
            self.refused(call)
        else:
            call()
            del self.entries[id]

    @rule()
    def close(self) -> None:
        """Once."""

        def call() -> AssessmentRound:
            stands = now_of(self.store, self.admin, self.held)
            return staff.close_round(self.store, self.admin, "d", self.held.id, stands.revision)

        if self.closed:
            self.refused(call)
        else:
            assert call().closed_at == NOW
            self.closed = True

    @precondition(lambda self: self.entries)
    @rule(place=st.integers(0, 99), n=st.integers(0, 4), reason=st.sampled_from(["复核", " "]))
    def correct(self, place: int, n: int, reason: str) -> None:
        """Only in a closed round, with a reason; the old one stays, struck."""
        id = sorted(self.entries)[place % len(self.entries)]
        person, kind, _old, common, _sums = self.entries[id]
        sums = (6.0 * n, 3.0 * n)

        def call() -> AssessmentRound:
            return staff.correct_ballots(
                self.store, self.admin, "d", id, 1, n=n, sums=sums, ordinary=common, reason=reason
            )

        if not self.closed or not reason.strip():
            self.refused(call)
            return
        before = self.model(person)
        done = call()
        self.corrections += 1
        self.struck += 1
        del self.entries[id]
        if n:
            made = self.store.find(self.admin, AssessmentBallots, "d", {"replaces": id})
            self.entries[made[0].id] = (person, kind, n, common, sums)
        last = done.corrections[-1]
        assert (last.before, last.after, last.reason, last.person_id) == (before, self.model(person), reason, person)

    def model(self, person: str) -> float | None:
        """The result by hand."""
        own = [each for each in self.entries.values() if each[0] == person]
        raters = sum(n for _p, _k, n, _c, _s in own)
        common = sum(n for _p, _k, n, is_common, _s in own if is_common)
        if raters < 4 or common / raters < 0.5 or {kind for _p, kind, *_rest in own} != set(RaterKind):
            return None
        total = 0.0
        for group in GROUPS:
            piles = [(n, sums) for _p, kind, n, _c, sums in own if kind is group.kind]
            total += group.weight * sum(sum(sums) for _n, sums in piles) / sum(n for n, _sums in piles) / 12
        return round(total + 1e-9, 2)

    @invariant()
    def agrees(self) -> None:
        """Result, number of ballots and what is kept."""
        if not hasattr(self, "held"):
            return
        review = staff.round_review(self.store, self.admin, "d", self.held.id)
        assert {each.person_id: each.score for each in review.results} == {
            person: pytest.approx(self.model(person)) for person in ("d-p0", "d-p1")
        }
        assert review.round.entered == sum(n for _p, _k, n, *_rest in self.entries.values())
        assert len(review.round.corrections) == self.corrections
        struck = self.store.count(self.admin, AssessmentBallots, "d", {"struck": Is(exists=True)})
        assert struck == self.struck


def test_a_round_is_filled_closed_and_put_right(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {}, {})
    machine = type("Here", (Rounds,), {"store": yard, "admin": admin})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=5, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_a_ballot_and_the_closing_of_its_round_do_not_pass_each_other_by(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, {})
    held = opened(yard, admin)
    stale = held.revision
    fill(yard, admin, held, "d-p0")
    with pytest.raises(Conflict):
        staff.close_round(yard, admin, "d", held.id, stale)
    with pytest.raises(TypeError):
        staff.edit_round(yard, admin, "d", held.id, stale, {"state": "closed"})


# --- evidence
def test_the_work_stands_beside_the_result_and_not_in_it(yard: Store, admin: Actor, mender: Actor) -> None:
    staff.add_member(yard, admin, "d", {"person_id": "d-wang", "joined_on": date(2020, 1, 1)})
    yard.insert(admin, Person(id="d-twin", community_id="d", name="li"))
    staff.add_member(yard, admin, "d", {"person_id": "d-li", "joined_on": date(2020, 1, 1)})
    yard.insert(admin, Post(community_id="d", tier=Tier.GRID_LEAD, grid_id="d-g1", holder_id="d-wang"))
    left = {"holder_id": "d-li", "until": NOW.date() - timedelta(days=30)}  # within the round
    before = {"holder_id": "d-li", "until": NOW.date() - timedelta(days=400)}
    yard.insert(admin, Post(community_id="d", tier=Tier.GROUP_LEADER, grid_id="d-g1", history=(left,)))
    yard.insert(admin, Post(community_id="d", tier=Tier.GROUP, grid_id="d-g1", history=(before,)))

    def order(who: str, days: int, done: int | None, due: int = 5) -> WorkOrder:
        """Reported, and done, so many days ago."""
        made = log_repair(
            yard, mender, "d", fault="x", place="y", assignee_id=who, reported_at=NOW - timedelta(days=days)
        )
        yard.db["work_orders"].update_one(
            {"_id": made.id}, {"$set": {"due_at": made.reported_at + timedelta(days=due)}}
        )
        if done is not None:
            now = yard.get(admin, WorkOrder, "d", made.id)
            done_now = move(yard, mender, "d", made.id, now.revision, Status.DONE)
            yard.db["work_orders"].update_one({"_id": made.id}, {"$set": {"ended_at": NOW - timedelta(days=done)}})
            return done_now
        return made

    order("d-wang", 20, 18)  # on time
    order("d-wang", 20, 10)  # late
    order("d-wang", 200, 199)  # before the period
    order("d-wang", 20, None)  # open, overdue
    order("d-wang", 2, None)  # open, not due
    order("d-zhao", 20, 18)  # somebody else's
    again = order("d-wang", 9, 8)
    back = yard.get(admin, WorkOrder, "d", again.id)
    other = Actor("other", "赵", Role.ADMIN)
    back = move(yard, other, "d", again.id, back.revision, Status.REOPENED, note="又坏了")
    move(yard, mender, "d", again.id, back.revision, Status.DONE)
    recount.rebuild(yard, admin, "d")
    first = (NOW - timedelta(days=60)).date()
    work = work_of(yard, admin, "d", ["d-wang", "d-li"], first, TODAY, now=NOW)
    did = work["d-wang"]
    assert (did.handled, did.on_time, did.late, did.overdue, did.reworked) == (3, 1, 2, 1, 1), "reopened, it came late"
    assert did.share_on_time == pytest.approx(1 / 4)
    assert (work["d-li"].handled, work["d-li"].share_on_time) == (0, None)
    yard.clock = lambda: NOW  # type: ignore[method-assign]
    for day, households, who in ((40, 5, "d-wang"), (3, 7, "d-wang"), (90, 9, "d-wang"), (3, 11, "d-zhao")):
        facts = {"grid_id": "d-g1", "officer_id": who, "walked_on": TODAY - timedelta(days=day)}
        patrols.log_patrol(yard, admin, "d", {**facts, "households": households})

    def asked(who: str, came: int, *, answered: bool = True) -> Request:
        """A resident's request, of so many days ago; what was answered was answered now."""
        values = {"text": "x", "grid_id": "d-g1", "responsible_id": who, "received_at": NOW - timedelta(days=came)}
        made = requests.take_request(yard, admin, "d", values)
        return requests.resolve(yard, admin, "d", made.id, 1, answer="好了") if answered else made

    asked("d-wang", 2)
    asked("d-wang", 20)  # seven days were allowed
    asked("d-wang", 2, answered=False)
    asked("d-zhao", 2)
    wrong = asked("d-wang", 3)
    requests.reopen(yard, admin, "d", wrong.id, wrong.revision, reason="没修好")
    for due, closed, state in (
        (5, 6, "done"), (9, 3, "done"), (5, None, "open"), (-3, None, "open"), (5, 4, "dropped"), (300, 299, "done"),
    ):  # fmt: skip
        days = {"given_on": TODAY - timedelta(days=400), "due_on": TODAY - timedelta(days=due)}
        days |= {} if closed is None else {"closed_on": TODAY - timedelta(days=closed)}
        yard.insert(admin, ActionItem(community_id="d", what="x", owner_id="d-wang", state=state, **days))
    held = opened(yard, admin, first=first, last=TODAY)
    yard.db.command("profile", 2)
    found = evidence(yard, admin, "d", held.people, held.first, held.last, now=NOW)
    yard.db.command("profile", 0)
    beside = found["d-wang"]
    assert (beside.work, beside.inspections, beside.posts) == (work["d-wang"], 0, ((Tier.GRID_LEAD, "d-g1"),))
    assert (beside.patrols, beside.requests) == (Walked(2, 12), Answered(2, 1))
    assert beside.items == ItemsKept(2, 1, 1)
    assert found["d-li"].inspections is None, "two are called so"
    assert found["d-li"].posts == ((Tier.GROUP_LEADER, "d-g1"),), "held last in the period"
    assert (found["d-li"].patrols, found["d-li"].requests, found["d-li"].items) == (Walked(), Answered(), ItemsKept())
    for name, of in (("patrols", 2), ("requests", 2)):  # from index keys, of these people and days
        (read,) = yard.db["system.profile"].find({"command.aggregate": name})
        assert (read["docsExamined"], read["keysExamined"] <= 2 * of + 4) == (0, True), read
    yard.db["system.profile"].drop()
    assert all(each.score is None for each in staff.round_review(yard, admin, "d", held.id).results)

    # for who leads the team, and of themselves for whose account says who they are
    own = Actor("w", "王红", Role.GRID_WORKER, grids=frozenset({"d-g2"}), people=("d-wang",))
    assert evidence(yard, own, "d", ["d-wang"], first, TODAY, now=NOW) == {"d-wang": beside}, "wherever it was"
    for stranger, whose in ((own, "d-li"), (replace(own, id="role:grid_worker:d-wang"), "d-wang"), (VIEWER, "d-wang")):
        with pytest.raises(Refused):
            evidence(yard, stranger, "d", ["d-wang", whose], first, TODAY, now=NOW)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        *[(date(2025, 1, 1), date(2025, 12, 31)), (date(2025, 3, 1), date(2025, 3, 31))],
        *[(date(2025, 2, 28), date(2025, 5, 1)), (date(2025, 6, 2), date(2025, 6, 20))],
        *[(date(2025, 11, 30), date(2026, 2, 28)), (date(2025, 1, 2), date(2025, 2, 27))],
    ],
    ids=str,
)
def test_what_somebody_did_is_the_same_from_counters_and_from_the_orders(
    yard: Store, admin: Actor, first: date, last: date
) -> None:
    """On the days about midnight and the ends of months, where Shanghai's day is not the server's."""
    chance, zone = random.Random(f"{first}{last}"), yard.zone("d")
    begin = datetime(2024, 12, 30, 20, tzinfo=UTC)
    made = []
    for number in range(300):
        ended = begin + timedelta(hours=chance.choice([0, 4, 19, 20]), days=chance.randrange(430))
        due = chance.choice([None, ended + timedelta(hours=1), ended - timedelta(hours=1), ended])
        facts: dict[str, Any] = {"due_at": due, "outcome": chance.choice(["completed", "completed", "rejected"])}
        facts["reported_at"] = ended - timedelta(days=chance.choice([3, 3, -1]))  # this would be flagged
        again = {"ended_at": ended - timedelta(days=2), "reopened_at": ended - timedelta(days=1)}
        facts["reopenings"] = ({**again, "outcome": "completed"},) if chance.random() < 0.2 else ()
        if due and due > ended and number % 2:  # put off when it had passed already
            facts["postponements"] = ({"at": ended - timedelta(minutes=1), "due_before": ended - timedelta(hours=2)},)
        who = chance.choice(["d-wang", "d-li", None])
        order = WorkOrder(
            community_id="d", number=str(number), fault="x", place="y", assignee_id=who, ended_at=ended, is_open=False,
            status=Status.CLOSED, grid_id=chance.choice(["d-g1", None]), **facts,
        )  # fmt: skip
        made.append(order)
    made = yard.write(admin, lambda write: write.insert_many(made))
    found = work_of(yard, admin, "d", ["d-wang", "d-li"], first, last, now=NOW)
    for who in ("d-wang", "d-li"):
        theirs = [
            one
            for one in made
            if one.assignee_id == who and one.ended_at
            if first <= one.ended_at.astimezone(zone).date() <= last
        ]
        done = [one for one in theirs if one.outcome == "completed"]
        dated = [one for one in theirs if one.due_at and one.ended_at and not one.flags]
        late = [one for one in dated if one.ended_at > one.due_at or (one.postponements and one.due_at > one.ended_at)]
        in_time = [one for one in dated if one in done and one not in late]
        did = found[who]
        assert late or len(theirs) < 20
        assert (did.handled, did.on_time, did.late) == (len(done), len(in_time), len(late))
        assert did.reworked == sum(bool(one.reopenings) for one in done)


# --- the overview
def test_the_glance_says_when_an_assessment_is_due(yard: Store, admin: Actor) -> None:
    team_of(yard, admin, *[{}] * MIN_GROUP)

    def said(on: date = TODAY) -> tuple[str, str]:
        found = staff.staff_glance(yard, VIEWER, "d", on=on)
        return str(found.assessment), found.round_name

    assert said() == ("never", "")
    held = opened(yard, admin, closes_on=date(2026, 4, 10))
    assert said() == ("running", "季度测评")
    assert said(date(2026, 4, 11)) == ("late", "季度测评")
    staff.close_round(yard, admin, "d", held.id, 1)
    assert said(date(2026, 5, 1)) == ("done", "季度测评")
    assert said(date(2027, 5, 1)) == ("overdue", "季度测评")


# --- sheets
def test_the_staff_sheet_comes_in(yard: Store, admin: Actor) -> None:
    rows = "姓名,学历,年龄段,入职时间,是否党员,返乡大学生,专业\n" + "\n".join(
        [
            "li,大学本科,35岁以下,2021-07-01,是,是,社会工作",
            "新来的,高中,55岁以上,2001年3月,否,,",
            "wang,博士后,?,2020-01-01,,,",
        ]
    )
    sheet = Sheet(rows.encode(), "干部花名册.csv")
    mapping = importer.propose(StaffMember, sheet, (str,)).model_copy(update={"create_missing": ("person_id",)})
    assert set(mapping.columns) >= {"person_id", "education", "age_band", "joined_on", "party_member", "returned"}
    seen = importer.preview(yard, SECRETARY, "d", sheet, mapping, languages=(str,))
    assert [(each.row, each.field) for each in seen.problems if each.level == "rejected"] == [
        (3, "joined_on"),
        (4, "education"),
        (4, "age_band"),
    ]
    importer.commit(yard, SECRETARY, seen, patience=0)
    (member,) = staff.members(yard, admin, "d")
    assert (member.person_id, member.education, member.age_band, member.returned) == ("d-li", "bachelor", "18-35", True)
    with pytest.raises(Refused):
        importer.preview(yard, Actor("e", "e", Role.EDITOR), "d", sheet, mapping, languages=(str,))
    trained: Sequence[str] = ["姓名,培训内容,培训日期,学时,培训形式", "li,消防,2026-03-01,4,讲座"]
    sheet = Sheet("\n".join(trained).encode(), "培训台账.csv")
    seen = importer.preview(
        yard, SECRETARY, "d", sheet, importer.propose(StaffTraining, sheet, (str,)), languages=(str,)
    )
    importer.commit(yard, SECRETARY, seen, patience=0)
    assert [
        (each.topic, each.kind, each.hours)
        for each in staff.trainings(yard, admin, "d", TODAY.replace(day=1, month=1), TODAY)
    ] == [  # noqa: E501
        ("消防", "lecture", 4)
    ]
