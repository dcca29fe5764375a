"""The grids page, its registers and drawers, run as the app runs them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, time
from typing import Any

import pytest

from dashboard.i18n import speaking
from repository import grids as room
from repository import people
from repository.access import Actor, Role
from repository.grids import Community, Grid, Point, Post, ServiceLevel, Tier
from repository.people import Person
from repository.store import Store
from tests.conftest import once
from tests.test_facilities_page import run

Visit = Callable[..., Any]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def town(store: Store, admin: Actor) -> Store:
    """Grid 1 is large and has its posts but one; grid 2 has nobody but its responsible person."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区", residents=300))
    for name in ("王红", "李建国", "陈*素*芳"):
        store.insert(admin, Person(id=name, community_id="d", name=name))
    corners = tuple(Point(longitude=105 + x, latitude=28 + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)))
    for code, households, lead in (("1", 900, "王红"), ("2", 300, "李建国")):
        store.insert(
            admin,
            Grid(id=f"g{code}", community_id="d", code=code, name=f"{code} 号网格", households=households,
                 residents=households * 3, responsible_id=lead, boundary=corners if code == "1" else ()),
        )  # fmt: skip
    for tier, grid, holder, until in (
        (Tier.GRID_LEAD, "g1", "王红", None),
        (Tier.GROUP_LEADER, "g1", "陈*素*芳", None),
        (Tier.GROUP_LEADER, "g1", None, date(2026, 3, 3)),
        (Tier.GROUP, "g1", "陈*素*芳", None),
        (Tier.STREET, None, "王红", None),
        (Tier.COMMUNITY, None, "李建国", None),
    ):
        store.insert(
            admin,
            Post(
                id=f"{tier}-{grid}-{holder}", community_id="d", tier=tier, grid_id=grid, holder_id=holder, until=until
            ),
        )
    return store


VACANT = f"{Tier.GROUP_LEADER}-g1-None"


def said(at: Any) -> str:
    """All texts of the page, without the escapes that keep them from being markup."""
    elements = [*at.markdown, *at.header, *at.caption, *at.error, *at.info, *at.warning]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def button(at: Any, label: str) -> Any:
    """The button that says so."""
    return next(each for each in at.button if label in each.label)


def tables(at: Any) -> list[list[str]]:
    """The cells of the small tables, row by row."""
    return [[str(cell) for row in table.value.itertuples() for cell in row] for table in at.table]


def test_findings_are_the_titles(town: Store, mongodb_uri: str, visit: Visit) -> None:
    text = said(visit(mongodb_uri, "grids", lang="en"))

    assert "One gap: 2 号网格 has nobody for “Group: safety officer”" in text
    assert "5 posts are vacant, the longest for 30 days" in text
    assert "1 号网格 has 50% more households than the mean" in text
    assert "No work order is open" in text
    assert "Grid director 1/2" in text


def test_the_tables_name_officers_and_gaps(town: Store, mongodb_uri: str, visit: Visit) -> None:
    profile, network = tables(visit(mongodb_uri, "grids", lang="en"))[:2]

    assert profile[profile.index("Households") + 1 : profile.index("Households") + 3] == ["900", "300"]
    cells = " ".join(network)
    assert "empty" in cells
    assert "陈\\*素\\*芳" in cells, "a name is never markup"


def test_a_vacancy_leads_to_its_post_and_somebody_is_appointed(
    town: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "grids", lang="en")
    at.button(key="vacancy-0").click().run()
    assert VACANT in at.query_params["post"]

    next(each for each in at.selectbox if each.key == f"holder-{VACANT}").set_value("李建国").run()
    button(at, "Appoint").click().run()

    assert not at.exception
    found = {post.id: post for post in room.posts(town, admin, "d")}[VACANT]
    assert (found.holder_id, found.since, found.until) == ("李建国", date(2026, 4, 2), None)
    assert "4 posts are vacant" in said(at)


def test_a_post_that_is_not_registered_is_entered_from_its_vacancy(
    town: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "grids", lang="en", post="new.grid_lead.g2")
    holder = next(each for each in at.selectbox if each.key == "post-new-holder_id-1")

    holder.set_value("陈*素*芳").run()
    at.button(key="do_post-new-1").click().run()

    assert not at.exception
    assert room.staffing(town, admin, "d", on=date(2026, 4, 2)).by_tier[Tier.GRID_LEAD] == (2, 2)
    assert town.get(admin, Grid, "d", "g2").responsible_id == "陈*素*芳"


def test_the_holder_leaves(town: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "grids", lang="en", post="street-None-王红")

    button(at, "The holder leaves").click().run()

    assert not at.exception
    assert town.get(admin, Post, "d", "street-None-王红").holder_id is None


def test_a_grid_keeps_its_responsible_person(town: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "grids", lang="en", edit_grid="g1")
    next(each for each in at.selectbox if each.key == "edit_grid-edit-responsible_id-1.1").set_value("").run()

    at.button(key="do_edit_grid-edit-1").click().run()

    assert "Every grid has exactly one responsible person" in said(at)
    assert town.get(admin, Grid, "d", "g1").responsible_id == "王红"


def test_what_is_referred_to_stays_and_says_why(town: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "grids", lang="en", list="people", person="王红")

    button(at, "Delete it").click().run()

    assert "Grids (Responsible person): 1" in said(at)
    assert "王红" in people.people_by_id(town, admin, "d")


@pytest.mark.parametrize(("which", "column"), [("grids", "Households"), ("posts", "Post"), ("people", "Job")])
def test_each_register_has_an_address(town: Store, mongodb_uri: str, visit: Visit, which: str, column: str) -> None:
    at = visit(mongodb_uri, "grids", lang="en", list=which)

    titles = [list(frame.value.columns) for frame in at.dataframe]
    assert any({"Name", "Post", "Person's name"} & set(columns) for columns in titles)
    assert next(each for each in at.get("button_group") if each.key == "url.list").value == which


def test_settings_of_the_community(town: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "grids", lang="en", settings="community")
    assert not at.exception

    next(each for each in at.text_input if each.key == "settings-residents-1.1").set_value("9102").run()
    at.button(key="do_settings-1").click().run()

    assert not at.exception
    assert room.community(town, admin, "d").residents == 9102


def test_a_promise_for_a_category_without_orders_keeps_it(
    town: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    promise = ServiceLevel(priority="normal", category="绿化", answer_hours=1, due_hours=3)
    room.edit_community(town, admin, "d", 1, {"service_levels": (promise,)})
    at = visit(mongodb_uri, "grids", lang="en", settings="community")
    with suppress(AttributeError):  # AppTest cannot read a page on which a toast and an open drawer meet
        at.button(key="save_levels").click().run()
    assert room.community(town, admin, "d").service_levels == (promise,)


def test_what_is_typed_in_one_part_of_the_settings_outlives_a_change_of_another(
    town: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "grids", lang="en", settings="community")

    def third(edge: str) -> Any:
        return next(each for each in at.time_input if each.key.startswith(f"{edge}-2"))

    third("begins").set_value(time(19, 30)).run()
    at.button(key="save_hours").click().run()
    assert "a line needs both times, or none" in said(at)
    third("ends").set_value(time(20, 0)).run()
    room.edit_community(town, admin, "d", 1, {"residents": 9102})
    at.run()

    at.button(key="save_hours").click()
    run(at)

    now = room.community(town, admin, "d")
    assert (now.working_hours[-1].begins, now.working_hours[-1].ends) == (19 * 60 + 30, 20 * 60)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.GRID_WORKER, Role.FACILITY_MANAGER])
def test_who_may_only_look_gets_no_buttons(town: Store, mongodb_uri: str, visit: Visit, role: Role) -> None:
    at = visit(mongodb_uri, "grids", lang="en", role=role, edit_grid="g1")

    assert not at.exception
    labels = " ".join(each.label for each in at.button)
    for forbidden in ("Enter a", "Settings", "Delete it", "Appoint", "Save"):
        assert forbidden not in labels
    assert not any((each.key or "").startswith("vacancy") for each in at.button)


def test_an_empty_community_begins_with_people(store: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    at = visit(mongodb_uri, "grids", lang="en")

    assert "No grids yet" in said(at)
    button(at, "Enter the first person").click().run()
    at.text_input(key="person-new-name-1").set_value("王红").run()
    at.button(key="do_person-new-1").click().run()

    assert not at.exception
    assert list(people.people_by_id(store, admin, "d").values()) == ["王红"]
    assert any("Enter a grid" in each.label for each in at.button)


@pytest.mark.parametrize(
    ("part", "words", "wrong"),
    [
        ("posts", "No post is required yet", "Every post is filled"),
        ("workload", "Nobody holds a post yet", "Nobody carries more"),
        ("handling", "Nothing had to be handled in the period", "No due time was put off"),
    ],
)
def test_an_empty_community_is_not_praised(
    store: Store, admin: Actor, mongodb_uri: str, visit: Visit, part: str, words: str, wrong: str
) -> None:
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    told = said(visit(mongodb_uri, "grids", lang="en", part=part))
    assert words in told
    assert wrong not in told


def test_an_address_that_fits_nothing_is_met(town: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "grids", lang="en", post="gone", list="nonsense", period="1999")

    assert not at.exception
    assert "not there any more" in said(at)
