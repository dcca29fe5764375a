"""The page of local organisations, run as the app runs it."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.forms import EARLIEST, LATEST
from dashboard.i18n import speaking
from repository import organizations, projects
from repository.access import Actor, Role
from repository.metrics import Period
from repository.organizations import Need, NeedState, Organization, Way
from repository.projects import Project, ProjectState, ProjectTask
from repository.store import Store
from tests.conftest import once
from tests.test_facilities_page import button, run, said

Visit = Callable[..., Any]
TODAY = date(2026, 4, 2)
HOSTILE = "<b>*甲*</b> [x](http://y) :red[z] =1+1"
PARTS = ("participation", "matching", "projects", "register")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_part_shows_the_demonstration(demo_uri: str, visit: Visit, part: str, lang: str) -> None:
    at = visit(demo_uri, "organizations", part=part, lang=lang, period="2026", role=Role.EDITOR)
    assert not at.exception
    assert at.header


@pytest.mark.parametrize(
    "opened",
    [
        {"organization": "d-org-6"}, {"organization": "new"}, {"resource": "d-resource-1"}, {"resource": "new.d-org-7"},
        {"engagement": "new.d-org-7.contact"}, {"need": "d-need-5"}, {"need": "d-need-53"}, {"need": "new"},
        {"need": "d-need-57"}, {"project": "d-project-civil"}, {"project": "d-project-lunch"},
        {"project": "d-project-lamps"}, {"project": "d-project-parking"}, {"project": "d-project-gym"},
        {"project": "new"}, {"project": "new.d-need-57"}, {"task": "d-project-fire-1"}, {"task": "new.d-project-fire"},
        {"milestone": "d-project-lunch-m1"}, {"milestone": "new.d-project-fire"}, {"need": "gone"}, {"project": "gone"},
        {"organization": "gone"}, {"engagement": "d-part-001"},
    ],
    ids=lambda each: "-".join(f"{name}={id}" for name, id in each.items()),
)  # fmt: skip
@pytest.mark.parametrize("role", [Role.ADMIN, Role.VIEWER, Role.GRID_WORKER])
def test_every_drawer_opens_for_everybody(demo_uri: str, visit: Visit, opened: dict[str, str], role: Role) -> None:
    at = visit(demo_uri, "organizations", lang="en", role=role, **opened)
    assert not at.exception


@pytest.fixture
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def here(yard: Store, admin: Actor) -> Store:
    """Two stationed organisations, a resource that fits a need, a running project with one task."""
    yard.db["communities"].delete_many({"_id": "e"})
    for id, kind in (("plant", "enterprise"), ("home", "public_body")):
        yard.insert(admin, Organization(id=id, community_id="d", name=f"{id} {HOSTILE}", kind=kind))
    organizations.add_resource(yard, admin, "d", {"organization_id": "plant", "what": f"礼堂 {HOSTILE}"})
    needed = {"id": "need", "what": f"礼堂演出 {HOSTILE}", "kind": "venue", "listed_on": TODAY - timedelta(days=9)}
    organizations.add_need(yard, admin, "d", needed)
    one = projects.add_project(yard, admin, "d", {"id": "x", "name": f"p {HOSTILE}", "participants": ("home",)})
    one = projects.start_project(yard, admin, "d", one.id, one.revision)
    work = {"project_id": one.id, "name": "做饭", "organization_id": "plant", "due_on": TODAY - timedelta(days=3)}
    projects.add_task(yard, admin, "d", work)
    return yard


def tomorrow(at: Any, name: str) -> None:
    """Type it into a day's input that takes it; one that did not would send the day before."""
    (day,) = [each for each in at.date_input if str(each.key).startswith(name)]
    day.set_value(TODAY + timedelta(days=1))
    assert (day.min, day.max) == (EARLIEST, LATEST)


@pytest.mark.usefixtures("english")
def test_a_need_is_matched_and_met_in_its_drawer(here: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    (one,) = here.find(admin, Need, "d")
    at = visit(mongodb_uri, "organizations", lang="en", part="matching", need=one.id)
    text = said(at)
    assert "1 need waits for somebody, the longest for 9 days" in text
    assert "Same kind · Alike in words" in text
    assert "**<b>" not in text
    run(next(each for each in at.button if str(each.key).startswith("match-")).click())
    (one,) = here.find(admin, Need, "d")
    assert (one.state, one.helper_id) == (NeedState.MATCHED, "plant")
    at = visit(mongodb_uri, "organizations", lang="en", part="matching", need=one.id)
    run(button(at, "The match fell through").click())
    assert here.find(admin, Need, "d")[0].state is NeedState.MATCHED, "it wants to know why"
    next(each for each in at.selectbox if str(each.key).startswith("link-")).select_index(0)
    run(at)
    run(button(at, "Add").click())
    assert here.find(admin, Need, "d")[0].project_id == here.find(admin, Project, "d")[0].id
    at = visit(mongodb_uri, "organizations", lang="en", part="matching", need=one.id)
    run(button(at, "Not this project").click())
    assert here.find(admin, Need, "d")[0].project_id is None
    at = visit(mongodb_uri, "organizations", lang="en", part="matching", need=one.id)
    tomorrow(at, "met-on-")
    run(button(at, "It is met").click())
    assert "lies in the future" in said(at)
    assert here.find(admin, Need, "d")[0].state is NeedState.MATCHED
    at = visit(mongodb_uri, "organizations", lang="en", part="matching", need=one.id)
    run(button(at, "It is met").click())
    assert here.find(admin, Need, "d")[0].state is NeedState.MET
    assert [each.way for each in organizations.engagements(here, admin, "d")] == [Way.NEED]


@pytest.mark.usefixtures("english")
def test_what_is_unclear_and_late_is_named(here: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "organizations", lang="en", part="projects")
    text = said(at)
    assert "1 of 1 open projects is unclear" in text
    assert "no goal, no measurable target, no due day, tasks whose duty is not spelt out (1)" in text
    assert "1 task is overdue" in text


@pytest.mark.usefixtures("english")
def test_what_is_over_owes_nothing_and_opens_whatever_the_period(
    here: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    (task,), (one,) = here.find(admin, ProjectTask, "d"), here.find(admin, Project, "d")
    assert "overdue 3 d" in said(visit(mongodb_uri, "organizations", lang="en", organization="plant"))
    projects.stop_project(here, admin, "d", one.id, one.revision, reason="x")
    part = {"organization_id": "plant", "on": date(2024, 5, 1), "what": "很久以前"}
    long_ago = organizations.add_engagement(here, admin, "d", part)
    for opened in ({"organization": "plant"}, {"task": task.id}, {"project": one.id}, {"engagement": long_ago.id}):
        at = visit(mongodb_uri, "organizations", lang="en", part="projects", **opened)
        assert "overdue 3 d" not in said(at), opened
        assert "not there any more" not in said(at)
        assert not [each for each in at.button if each.label == "Report progress"]


@pytest.mark.usefixtures("english")
def test_progress_is_reported_and_somebody_elses_is_not_lost(
    here: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    (task,) = here.find(admin, ProjectTask, "d")
    at = visit(mongodb_uri, "organizations", lang="en", part="projects", task=task.id)
    at.slider[0].set_value(60)
    projects.report_progress(here, admin, "d", task.id, task.revision, progress=30)
    run(button(at, "Report progress").click())
    assert here.find(admin, ProjectTask, "d")[0].progress == 30
    assert "Not saved" in said(at)
    run(button(at, "Report progress").click())
    assert here.find(admin, ProjectTask, "d")[0].progress == 60, "knowingly over the other's"
    assert {each.organization_id for each in organizations.engagements(here, admin, "d")} == {"plant"}


@pytest.mark.usefixtures("english")
def test_a_project_is_finished_only_with_a_result(here: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    (one,) = here.find(admin, Project, "d")
    at = visit(mongodb_uri, "organizations", lang="en", part="projects", project=one.id)
    run(button(at, "Finish the project").click())
    assert "Say what came of it" in said(at)
    next(each for each in at.text_area if str(each.key).startswith("result-")).set_value("好")
    run(button(at, "Finish the project").click())
    assert "Open tasks: 1" in said(at)
    assert here.find(admin, Project, "d")[0].state is ProjectState.RUNNING


@pytest.mark.usefixtures("english")
def test_no_day_to_come_is_taken_for_what_is_over(here: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    (task,), (one,) = here.find(admin, ProjectTask, "d"), here.find(admin, Project, "d")
    at = visit(mongodb_uri, "organizations", lang="en", part="projects", task=task.id)
    at.slider[0].set_value(60)
    tomorrow(at, "on-")
    run(button(at, "Report progress").click())
    assert "lies in the future" in said(at)
    assert at.slider[0].value == 60, "nothing that was typed is lost"
    at = visit(mongodb_uri, "organizations", lang="en", part="projects", project=one.id)
    next(each for each in at.text_area if str(each.key).startswith("stop-why-")).set_value("钱没有了")
    tomorrow(at, "stopped-on-")
    run(button(at, "Stop the project").click())
    assert "lies in the future" in said(at)
    assert here.find(admin, ProjectTask, "d")[0].progress == task.progress
    assert here.find(admin, Project, "d")[0].state is ProjectState.RUNNING


@pytest.mark.usefixtures("english")
def test_an_organisation_is_entered_and_too_much_is_said_beside_the_field(
    here: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "organizations", lang="en", part="register", organization="new")
    name = next(each for each in at.text_input if str(each.key).startswith("organization-new-name"))
    name.set_value("长" * 10_000)
    run(button(at, "Save").click())
    assert "Not saved: 1 entry needs a second look" in said(at)
    name = next(each for each in at.text_input if str(each.key).startswith("organization-new-name"))
    assert len(name.value) == 10_000, "nothing typed is lost"
    name.set_value("新单位")
    run(button(at, "Save").click())
    made = here.find(admin, Organization, "d", {"name": "新单位"})
    assert [one.kind for one in made] == ["enterprise"]
    found = organizations.review(here, admin, "d", Period.of("2026Q2"), today=TODAY)
    assert found.participation.n == 3


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(
    ("part", "step"),
    [
        ("participation", "No stationed organisations yet"),
        ("matching", "No needs are listed yet"),
        ("projects", "No projects yet"),
        ("register", "There is nothing here yet."),
    ],
)
def test_empty_parts_say_what_to_do(yard: Store, mongodb_uri: str, visit: Visit, part: str, step: str) -> None:
    assert step in said(visit(mongodb_uri, "organizations", lang="en", part=part))
