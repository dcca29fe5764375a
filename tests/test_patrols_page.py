"""The parts of the Grids page for posts over time, patrols, workload and handling, run as the app runs them."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from dashboard import sharing
from dashboard.i18n import speaking
from repository import grids, hazards, patrols
from repository.access import Actor
from repository.grids import Post, Tier
from repository.hazards import Hazard, Level
from repository.patrols import Became, Patrol, PatrolKind
from repository.store import Store
from repository.workload import Load, Measure, Officer, Workload
from tests.test_facilities_page import run
from tests.test_grids_page import button, said, tables

Visit = Callable[..., Any]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """AppTest words the options of a widget outside the run: in English, as these tests open the pages."""
    with speaking("en"):
        yield


def figures(at: Any) -> dict[str, str]:
    """The tiles by name."""
    return {metric.label: metric.value for metric in at.metric}


def test_who_carries_too_much_in_several_posts_is_named_once() -> None:
    posts = [
        Officer(who, Tier.GROUP, ("g1",), Load(None, 0, 0, 9, 0.0), {Measure.PATROLS: times})
        for who, times in (("a", 1.9), ("a", 1.9), ("b", 1.6), ("b", 1.6))
    ]
    found = Workload(date(2026, 4, 2), {}, (), tuple(posts), everybody=True, names={})
    said = sharing._officer_finding(found, posts, {"a": "Ann", "b": "Ben"})
    assert said.startswith("Ann carries 1.9")
    assert said.endswith("too much also Ben")
    alone = sharing._officer_finding(found, posts[:2], {"a": "Ann"})
    assert "also" not in alone


def test_each_part_tells_the_story_of_the_demonstration(demo_uri: str, visit: Visit) -> None:
    def part(name: str, role: str = "admin", **query: str) -> Any:
        at = visit(demo_uri, "grids", role=role, lang="en", part=name, **({"period": "2026Q1"} | query))
        assert not at.exception
        return at

    at = part("patrols")
    text = said(at)
    assert "3 号网格 falls behind: " in text
    assert "the longest by 40 days: 4 号网格安全点位巡查" in text
    assert figures(at)["Overdue walks"].startswith("2 ")
    assert "0 points of 10" in figures(at)["Visited"]
    early = part("patrols", period="2026Q2")  # on its second day
    assert "none due yet" in figures(early)["Visited"]
    assert "No visit to homes has been due yet" in said(early)
    assert "behind" not in said(early)

    at = part("workload")
    text = said(at)
    assert "陈素芳 carries 1.94 times the mean of “Grid director”: Requests received; too much also 蒋伟" in text
    assert any("**1,902 (×1\\.55)**" in cell for row in tables(at) for cell in row)
    cards = [each.value for each in at.markdown if ":gray[Households] " in each.value]
    assert len(cards) == sharing.SHOWN, "on a phone a card each"
    assert any("**1,902 (×1\\.55)**" in card for card in cards)
    assert "3 号网格 has 1.94 times the mean" in text
    assert "3 号网格 has 2.77 times the mean" in said(part("workload", measure="open"))
    viewer = part("workload", "viewer")
    assert "What each colleague carries is shown to the secretary" in said(viewer)
    assert "陈素芳" not in said(viewer)

    text = said(part("handling"))
    assert "3 号网格 handles its work worst: 77 points, grade B, above all for “In time”" in text
    assert "No score: too little to go by in " in said(part("handling", period="2026Q2"))

    at = part("posts", period="2025Q3")
    assert "The safety network covers every grid on all three tiers" in said(at)
    assert figures(at)["Safety cover"].startswith("100")
    assert figures(part("posts"))["Safety cover"].startswith("87")


def test_a_patrol_is_logged_with_a_few_taps_and_what_was_found_is_dealt_with(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    at = visit(mongodb_uri, "grids", lang="en", part="patrols")
    assert "No patrols yet" in said(at)
    button(at, "Plan a patrol").click().run()
    at.text_input(key="patrol-plan-new-name-1").set_value("走访").run()
    at.selectbox(key="patrol-plan-new-grid_id-1").set_value("d-g1").run()
    at.button(key="do_patrol-plan-new-1").click().run()
    (plan,) = patrols.plans(yard, admin, "d")
    assert (plan.name, plan.kind, plan.every_days) == ("走访", PatrolKind.HOUSEHOLDS, 7)

    at = visit(mongodb_uri, "grids", lang="en", part="patrols", patrol="new")
    at.button(key="do_log_patrol").click().run()
    assert "Choose the grid" in said(at)
    next(each for each in at.selectbox if each.key.startswith("grid-")).set_value("d-g1").run()
    doors, met = (next(each for each in at.text_area if name in each.key) for name in ("doors-", "met-"))
    doors.set_value("6栋")
    met.set_value("*楼道*堆物\n井盖松动")
    at.button(key="do_log_patrol").click().run()
    assert "write the building first" in said(at)
    next(each for each in at.text_area if "doors-" in each.key).set_value("6栋 101 102")
    next(each for each in at.text_area if "met-" in each.key).set_value("*楼道*堆物\n井盖松动 51050219661231122X")
    at.button(key="do_log_patrol").click()
    run(at)
    assert "identity number: 51050219661231122X" in said(at)
    at.button(key="do_log_patrol").click()
    run(at)
    (made,) = yard.find(admin, Patrol, "d")
    assert (made.households, len(made.doors), made.plan_id, len(made.findings)) == (2, 2, plan.id, 2)
    assert made.findings[1].text == "井盖松动 ＊＊＊＊＊＊"
    assert made.id in at.query_params["patrol"], "what was found is dealt with next"

    at = visit(mongodb_uri, "grids", lang="en", part="patrols", patrol=made.id)
    next(each for each in at.text_input if each.key == f"where-{made.id}.0").set_value("6栋")
    at.button(key=f"major-{made.id}.0").click()
    run(at)
    (hazard,) = yard.find(admin, Hazard, "d")
    assert (hazard.level, hazard.what, hazard.place) == (Level.MAJOR, "*楼道*堆物", "6栋")
    assert yard.get(admin, Patrol, "d", made.id).findings[0].became is Became.HAZARD
    at = visit(mongodb_uri, "grids", lang="en", part="patrols", patrol=made.id)
    links = [link.proto.label for link in at.get("page_link")]
    assert "Hazard\\: To be rectified" in links
    at = visit(mongodb_uri, "facilities", lang="en", part="hazards", hazard=hazard.id)
    assert any("Found on the patrol of" in link.proto.label for link in at.get("page_link"))
    assert hazards.State(hazard.state) is hazards.State.FOUND

    at = visit(mongodb_uri, "grids", role="viewer", lang="en", part="patrols", patrol=made.id)
    assert not [each.key for each in at.button if each.key and each.key.startswith(("order", "hazard", "do_"))]


def test_a_posts_drawer_tells_who_held_it(yard: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    facts = {"tier": Tier.GROUP, "grid_id": "d-g1", "holder_id": "d-li", "since": date(2025, 1, 1)}
    post = grids.add_post(yard, admin, "d", facts)
    grids.appoint(yard, admin, "d", post.id, 1, holder_id="d-wang", since=date(2026, 1, 1))

    text = said(visit(mongodb_uri, "grids", lang="en", post=post.id))

    assert "1 号网格 · wang · since 2026-01-01" in text
    assert "li: 2025-01-01 to 2025-12-31" in text
    assert yard.get(admin, Post, "d", post.id).holder_on(date(2025, 6, 1)) == "d-li"
