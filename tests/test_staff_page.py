"""The Staff page, run as the app runs it: what each role sees, and that what is typed is kept."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from dashboard import session
from dashboard.i18n import speaking
from repository import staff
from repository.access import Actor, Role
from repository.people import Person
from repository.staff import AssessmentBallots, AssessmentRound, StaffMember, StaffTraining, TrainingPlan
from repository.store import Store
from seed import team as seeded
from seed.estate import NAMES
from tests.conftest import NOW, once
from tests.test_facilities_page import button, run, said

Visit = Callable[..., Any]
TODAY = date(2026, 4, 2)
PARTS = ("team", "training", "succession", "assessment", "files", "own")
OFFICE = {Role.SECRETARY, Role.ADMIN}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def crew(yard: Store, admin: Actor) -> Store:
    """Two of the staff, one with markup in the name."""
    yard.db["communities"].delete_many({"_id": "e"})
    yard.insert(admin, Person(id="d-odd", community_id="d", name="<b>*奇*</b>"))
    for person in ("d-li", "d-odd"):
        staff.add_member(yard, admin, "d", {"person_id": person, "joined_on": date(2020, 1, 1)})
    return yard


def everything(at: Any) -> str:
    """All that the page shows: texts, labels, tables."""
    words = [said(at), *(str(table.value) for table in (*at.table, *at.dataframe))]
    words += [f"{each.label} {getattr(each, 'options', '')}" for each in (*at.button, *at.selectbox, *at.multiselect)]
    words += [str(each.proto) for kind in ("plotly_chart", "page_link") for each in at.get(kind)]
    return "\n".join(words)


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_what_it_may(demo_uri: str, visit: Visit, role: Role) -> None:
    """Part by part, with every drawer asked for: a name stands only before who leads the team."""
    open_ones = {
        "member": "d-staff-lead-1",
        "certificate": "d-certificate-1",
        "training": "d-training-2026-1-secretary",
        "plan": "d-training-plan-2026",
        "successor": "d-successor-1",
        "round": "d-round-2025",
        "ballots": "d-round-2025.d-person-lead-1",
    }
    asked: list[dict[str, str]] = [{}, *({"part": part} for part in PARTS)]
    asked += [{"part": part, name: id} for name, id in open_ones.items() for part in ("team", "files", "assessment")]
    for query in asked[:: 1 if role is Role.VIEWER else 4]:
        at = visit(demo_uri, "staff", role=role, lang="en", **query)
        assert not at.exception, query
        if role in OFFICE:
            assert len(at.get("button_group")) >= 1
            continue
        shown = everything(at)
        assert "How the team of 13 is made up" in shown, query
        assert not [NAMES[key] for key in seeded._TEAM if NAMES[key] in shown], query
        assert not any(f"{n} / 13" in shown for n in (2, 3, 4, 9, 10, 11)), "small groups, or what is left of them"


def test_the_findings_are_the_headings(demo_uri: str, visit: Visit) -> None:
    words = {
        "team": ["The team falls short in 3 of 4 respects, furthest in: Certified in social work"],
        "training": ["8 of 13 lack training", "3 certificates have run out or will within 90 days, 1 already"],
        "succession": [
            "Nobody is ready for 8 of 10 key posts; 5 of them at risk",
            "3 successors are named, in 5 entries",
        ],
        "assessment": ["have the ballots a valid result needs"],
    }
    for part, findings in words.items():
        at = visit(demo_uri, "staff", role="secretary", lang="en", part=part)
        headings = "\n".join(each.value for each in at.header).replace("\\", "")
        for finding in findings:
            assert finding in headings
    at = visit(demo_uri, "staff", lang="en", part="assessment", assessed="d-round-2025")
    assert "2 of 12 results are invalid" in said(at)
    assert "居民票少算一沓" in said(at)
    table = at.dataframe[0].value.set_index("Person")
    assert table.loc["陈素芳", "State"] == "Invalid"
    assert "35 of at least 50 raters" in table.loc["陈素芳", "What is missing"]
    assert "ordinary residents" in table.loc["冯婷", "What is missing"]
    assert table.loc["张志强", "Orders handled"] > 0
    assert all(table[name].sum() > 0 for name in ("Patrols", "Households visited", "Requests answered"))
    assert all(table[name].notna().all() for name in ("Action items done", "Action items overdue"))


def test_an_empty_team_says_what_to_do_next(yard: Store, mongodb_uri: str, visit: Visit) -> None:
    yard.db["communities"].delete_many({"_id": "e"})
    at = visit(mongodb_uri, "staff", lang="en")
    assert "No staff yet" in said(at)
    button(at, "Enter somebody").click()
    run(at)
    assert at.query_params["member"] == "new"
    assert "No staff yet" in said(visit(mongodb_uri, "staff", role="viewer", lang="en"))
    assert "Choose a later period" in said(visit(mongodb_uri, "staff", lang="en", period="1999"))
    for part, words in (("succession", "No key posts yet"), ("assessment", "Nobody has been assessed yet")):
        assert words in said(visit(mongodb_uri, "staff", lang="en", part=part))
    assert "Nobody is in service" in said(visit(mongodb_uri, "staff", lang="en", part="training"))


def test_somebody_is_entered_learns_and_leaves(crew: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "staff", lang="en", part="files", member="new")
    run(at.selectbox(key="member-new-person_id-1").set_value("d-wang"))
    at.button(key="do_member-new-1").click().run()
    assert "Please fill this in" in said(at), "since when"
    at.date_input(key="member-new-joined_on-1").set_value(date(2026, 4, 1))
    at.button(key="do_member-new-1").click()
    run(at)
    member = next(each for each in staff.members(crew, admin, "d") if each.person_id == "d-wang")
    at = visit(mongodb_uri, "staff", lang="en", part="training", training="new")
    who = next(each for each in at.multiselect if each.label == "Who took part")
    who.set_value(["d-li", "d-wang"])
    at.text_input(key="training-new-topic-1").set_value("=消防")
    at.text_input(key="training-new-hours-1").set_value("four")
    at.button(key="do_training-new-1").click().run()
    assert "Must be a number" in said(at)
    assert at.text_input(key="training-new-topic-1").value == "=消防"
    at.text_input(key="training-new-hours-1").set_value("4")
    at.button(key="do_training-new-1").click()
    run(at)
    assert {each.person_id for each in crew.find(admin, StaffTraining, "d")} == {"d-li", "d-wang"}
    at = visit(mongodb_uri, "staff", lang="en", part="files", member=member.id)
    assert "4 hours of training this year" in said(at)
    button(at, "Note it").click().run()
    assert "Say why" in said(at)
    next(each for each in at.selectbox if each.label == "Reason for leaving").set_value("moved").run()
    button(at, "Note it").click()
    run(at)
    assert crew.get(admin, StaffMember, "d", member.id).left_on == TODAY
    assert "left on 2026-04-02 (Moved to another post)" in said(
        visit(mongodb_uri, "staff", lang="en", part="files", which="all", member=member.id)
    )


def a_round(store: Store, admin: Actor) -> AssessmentRound:
    """About both, with few ballots needed."""
    days = {"first": date(2026, 1, 1), "last": TODAY, "opens_on": TODAY, "closes_on": TODAY}
    values = {"name": "*一季度*", "people": ("d-li", "d-odd"), "min_raters": 3, "min_residents": 30, **days}
    return staff.open_round(store, admin, "d", values)


def test_ballots_are_entered_and_what_is_wrong_is_said(
    crew: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    held = a_round(crew, admin)
    at = visit(mongodb_uri, "staff", lang="en", part="assessment", ballots=f"{held.id}.d-odd")
    assert "no ballot of “Street”" in said(at)

    def type_in(*points: str) -> None:
        inputs = [each for each in at.text_input if each.key.startswith("item-")]
        assert len(inputs) == len(points)
        for each, text in zip(inputs, points, strict=True):
            each.set_value(text)

    type_in("6", "6", "6", "6", "７")
    button(at, "Enter them").click().run()
    assert "“廉”: 0 to 6 points in all" in said(at)
    type_in("6", "6", "6", "6", "many")
    button(at, "Enter them").click().run()
    assert "“廉”: a number is needed" in said(at)
    assert [each.value for each in at.text_input if each.key.startswith("item-")][-1] == "many", "nothing is lost"
    next(each for each in at.text_input if each.key.startswith("n-")).set_value("2")
    next(each for each in at.get("button_group") if each.key.startswith("way-")).set_value("means").run()
    type_in("6", "6", "6", "6", "4.5")
    button(at, "Enter them").click()
    run(at)
    (made,) = crew.find(admin, AssessmentBallots, "d")
    assert (made.n, made.sums, made.person_id) == (2, (12, 12, 12, 12, 9), "d-odd")
    assert all(each.value == "" for each in at.text_input if each.key.startswith("item-")), "the next pile starts empty"
    button(at, "Take back").click()
    run(at)
    assert crew.count(admin, AssessmentBallots, "d") == 0


def test_a_round_is_closed_and_put_right_with_a_reason(
    crew: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    held = a_round(crew, admin)
    entry = staff.enter_ballots(crew, admin, "d", held.id, "d-li", "peers", n=1, sums=[1] * 10)
    at = visit(mongodb_uri, "staff", lang="en", part="assessment", round=held.id)
    assert "weights, items and minimums stay as they are" in said(at)
    button(at, "Close it").click()
    run(at)
    assert crew.get(admin, AssessmentRound, "d", held.id).state == "closed"
    at = visit(mongodb_uri, "staff", lang="en", part="assessment", ballots=f"{held.id}.d-li")
    assert "Enter ballots" not in said(at)
    at.button(key=f"strike-{entry.id}").click().run()
    assert "Say why" in said(at)
    next(each for each in at.text_input if each.key.startswith("reason-")).set_value("<i>重复</i>")
    at.button(key=f"strike-{entry.id}").click()
    run(at)
    stands = crew.get(admin, AssessmentRound, "d", held.id)
    assert [(each.reason, each.before, each.after) for each in stands.corrections] == [("<i>重复</i>", None, None)]
    shown = visit(mongodb_uri, "staff", lang="en", part="assessment")
    assert "1 correction after it was closed" in said(shown)
    assert not any("<i>" in each.value for each in shown.markdown)


def test_topics_that_were_typed_stay_when_somebody_else_saved_first(
    crew: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    plan = staff.add_training_plan(crew, admin, "d", {"year": 2026, "hours": 40})
    at = visit(mongodb_uri, "staff", lang="en", part="training", plan=plan.id)
    table = f"topics-{at.session_state[f'submission.topics.{plan.id}']}"
    row = {"Topic of training": "消防", "Target date": "2026-05-01", "Form of training": "Lecture"}
    at.session_state[table] = {"edited_rows": {}, "added_rows": [row], "deleted_rows": []}
    at.run()
    other = Actor("other", "赵", Role.ADMIN)
    theirs = [{"topic": "他的", "by": TODAY}]
    staff.edit_training_plan(crew, other, "d", plan.id, 1, {"topics": theirs})
    at.button(key="do_topics").click().run()
    assert "Not saved: 赵 changed this" in said(at)
    at.button(key="do_topics").click()
    run(at)
    (stands,) = crew.find(admin, TrainingPlan, "d")
    assert [(each.topic, each.by, each.kind) for each in stands.topics] == [("消防", date(2026, 5, 1), "lecture")]


@pytest.mark.parametrize("role", list(Role))
def test_everybody_finds_their_own_file(
    crew: Store, admin: Actor, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    """Signed in; where nobody signs in, who says they are somebody is not believed."""
    at = visit(mongodb_uri, "staff", role=role, lang="en", me="d-li", part="own")
    assert "The work this year" not in said(at)
    held = a_round(crew, admin)
    for kind, n, sums in (("street", 1, [6] * 5), ("peers", 1, [1] * 10), ("residents", 2, [20] * 6)):
        facts = {"n": n, "sums": sums, "ordinary": kind == "residents"}
        staff.enter_ballots(crew, admin, "d", held.id, "d-li", kind, **facts)
    staff.close_round(crew, admin, "d", held.id, crew.get(admin, AssessmentRound, "d", held.id).revision)
    me = Actor("u-1", "李", role, people=("d-li",))
    monkeypatch.setattr(session, "anybody", lambda: me)
    at = visit(mongodb_uri, "staff", role=role, lang="en", part="own", ballots=f"{held.id}.d-odd")
    shown = said(at)
    assert "The work this year" in shown
    assert "100.0 points" in shown
    assert ("Street 30.0 of 30" in shown) is (role in OFFICE), "of one rater alone"
    assert "奇" not in everything(at) or role in OFFICE
    monkeypatch.setattr(session, "anybody", lambda: Actor("u-2", "王", role, people=("d-wang",)))
    assert "There is no file about you" in said(visit(mongodb_uri, "staff", role=role, lang="en", part="own"))


def test_an_open_round_past_its_last_day_is_said(crew: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    a_round(crew, admin)
    later = NOW.replace(month=5)
    at = visit(mongodb_uri, "staff", lang="en", part="assessment", now=later)
    assert any("last day is past" in str(each.delta) for each in at.metric)


def test_a_dimension_leads_to_who_is_not_as_wished(demo_uri: str, visit: Visit) -> None:
    at = visit(demo_uri, "staff", lang="en")
    at.button(key="wish-certified").click()
    run(at)
    at = visit(demo_uri, "staff", lang="en", part="files", which="no-education")
    assert set(at.dataframe[0].value["Education"]) == {"Junior middle school", "Senior middle school"}
    assert len(at.dataframe[0].value) == 6
    at = visit(demo_uri, "staff", lang="en", part="files", which="is-returned")
    assert len(at.dataframe[0].value) == 2
