"""The activities page: findings that are computed, the drawer in which who came is entered, links that show a view."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from dashboard import participation
from dashboard.i18n import speaking
from repository.access import Actor, Role
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    Figures,
    add_activity,
    figures,
    record_attendances,
)
from repository.grids import Community, Grid, Population
from repository.metrics import Period
from repository.people import AgeBand, Sex
from repository.store import Store
from tests.conftest import once

C = "D"
TODAY = date(2026, 4, 2)
Visit = Callable[..., Any]


@pytest.fixture
@once
def here(store: Store, admin: Actor) -> Store:
    people = tuple(Population(age_band=age, sex=sex, count=100) for age in AgeBand for sex in Sex)
    community = Community(id=C, community_id=C, code="D", name="D社区", residents=1000, population=people)
    store.insert(admin, community)
    for grid in ("1", "2"):
        store.insert(admin, Grid(id=f"g{grid}", community_id=C, code=grid, name=f"{grid} 号网格", residents=500))
    return store


def held(store: Store, actor: Actor, day: str = "2026-03-10", **values: Any) -> Activity:
    return add_activity(store, actor, C, {"name": "健康讲座", "held_on": day, "format": "lecture", **values})


def came(store: Store, actor: Actor, activity: Activity, *lines: str) -> None:
    entered = record_attendances(store, actor, C, activity.id, "\n".join(lines), accept_new=True)
    assert not entered.problems


def found(store: Store, actor: Actor, period: str = "2026Q1") -> Figures:
    return figures(store, actor, C, Period.of(period))


def headings(at: Any) -> list[str]:
    return [heading.value.replace("\\", "") for heading in at.header]


# --- what is said
def test_titles_are_what_the_data_say(demo_uri: str, visit: Visit) -> None:
    store = Store.connect(demo_uri)
    actor = Actor("t", "t", Role.ADMIN)
    community = store.communities(actor)[0]["_id"]
    data = figures(store, actor, community, Period.of("2026Q1"))
    for language in ("zh", "en"):
        at = visit(demo_uri, "activities", lang=language, period="2026Q1")
        assert not at.exception
        with speaking(language):
            said = [
                participation.who_comes(data),
                participation.what_is_held(data),
                participation.where_from(data),
                participation.same_people(data, TODAY),
            ]
        assert headings(at)[:4] == said
    assert len(set(said)) == 4


def test_ages_that_are_missing_are_named(here: Store, admin: Actor) -> None:
    old = [f"R-{n:04d} {'60-74' if n % 2 else '75+'} 女" for n in range(1000, 1018)]
    young = [f"R-{n:04d} 36-59 男" for n in range(2000, 2006)]
    came(here, admin, held(here, admin), *old, *young)
    data = found(here, admin)
    with speaking("en"):
        assert (
            participation.who_comes(data) == "People of 60 and over are 75% of those who come, children hardly at all"
        )
    with speaking("zh"):
        assert participation.who_comes(data) == "60 岁以上占参与者 75%，未成年人几乎缺席"
        rows = {(row["性别"], row["年龄段"]): row for row in participation.pyramid_rows(data)}
        assert rows["女", "60–74 岁"]["参与人数"] == 9
        assert rows["女", "60–74 岁"]["占参与者"] == "38%"
        behind = {(row["性别"], row["年龄段"]): row for row in participation.who_rows(data)}
        assert behind["女", "60–74 岁"] == rows["女", "60–74 岁"]
        assert (behind["女", "全部"]["参与人数"], behind["女", "全部"]["居民参与率"]) == (18, "3.6%")
        assert (behind["全部", "36–59 岁"]["参与人数"], behind["全部", "36–59 岁"]["代表性"]) == (6, "1.2")
        assert participation.by_sex(data) == "来的人中女性占 75%，居民中占 50%（n = 24）。"


def test_a_handful_of_people_is_not_told_but_for_its_share_with_another(here: Store, admin: Actor) -> None:
    middle, old = ([f"R-{n:04d} {age} 男" for n in range(a, b)] for age, a, b in (("36-59", 1, 10), ("60-74", 20, 30)))
    came(here, admin, held(here, admin), *middle, *old, "R-3000 18-35 女")
    data = found(here, admin)
    with speaking("en"):
        rows = {row["Age band"]: row for row in participation.group_rows(data.ages, data.n_ages, "Age band")}
        few = rows["18–35"]
        assert (few["Participants"], few["Share of participants"], few["Representation"]) == (None, "—", "—")
        assert rows["36–59"]["Participants"] is None  # with it the 18–35s could be worked out
        assert (rows["60–74"]["Participants"], rows["0–17"]["Participants"]) == (10, 0)
        assert rows["Withheld, together"]["Participants"] == 10
        assert participation.withheld(data, data.ages).startswith("“—” is withheld: groups of fewer than 5 people")
        both = participation.pyramid_rows(data)
        assert all(row["Participants"] is None for row in both)
        assert participation.who_comes(data) == (
            "People of 60 and over are 50% of those who come, children hardly at all"
        )


def test_how_varied_the_formats_are_is_told_in_numbers(here: Store, admin: Actor) -> None:
    assert participation.evenness(found(here, admin)) == ""
    for day, form in ((1, "lecture"), (2, "lecture"), (3, "lecture"), (4, "clinic")):
        held(here, admin, f"2026-03-0{day}", format=form)
    with speaking("en"):
        assert participation.evenness(found(here, admin)) == (
            "Diversity H′ 0.56, evenness J 0.81, effective formats 1.8; n = 4 sessions."
        )


def test_of_so_few_nothing_is_told(here: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    came(here, admin, held(here, admin, grid_id="g1"), "R-3000 1 18-35 女", "R-3001 1 60-74 女")
    data = found(here, admin)
    of_grid = figures(here, admin, C, Period.of("2026Q1"), grids=frozenset({"g1"}))
    assert (of_grid.withheld, of_grid.participants.value, of_grid.visits.value) == (True, None, None)
    with speaking("en"):
        assert participation.who_comes(data) == "So few came that it is not told who they are"
    at = visit(mongodb_uri, "activities", lang="en", period="2026Q1", grid="g1")
    assert not at.exception
    assert any("So few people came of this place" in each.value for each in at.caption)
    for grid in ("g1", ""):
        at = visit(mongodb_uri, "activities", lang="en", period="2026Q1", **({"grid": grid} if grid else {}))
        written = [each.value for each in at.markdown]
        said = sum("because single people could be worked out" in each for each in written)
        assert said == (3 if grid else 2), "who comes, from where, and how often the same ones do"
        assert not any("Nothing to show" in each for each in written)


def test_grids_that_stay_away_are_named(here: Store, admin: Actor) -> None:
    lines = [f"R-{n:04d} 1" for n in range(1000, 1020)] + [f"R-{n:04d} 2" for n in range(2000, 2005)]
    came(here, admin, held(here, admin), *lines)
    with speaking("en"):
        assert participation.where_from(found(here, admin)) == (
            "2 号网格 has 50% of the residents but 20% of those who come"
        )


def test_more_visits_by_the_same_people(here: Store, admin: Actor) -> None:
    same = [f"R-{n:04d}" for n in range(1000, 1006)]
    for month, times in (
        ("2025-10", 1),
        ("2025-11", 1),
        ("2025-12", 1),
        ("2026-01", 2),
        ("2026-02", 2),
        ("2026-03", 2),
    ):
        for day in range(1, 1 + times):
            came(here, admin, held(here, admin, f"{month}-{day:02d}"), *same)
    came(here, admin, held(here, admin, "2026-04-01"), same[0])  # the running month is no fall
    with speaking("en"):
        data = found(here, admin, "2026Q2")
        assert participation.same_people(data, TODAY) == "Visits are up 100%, people are not: the same ones come"
        assert participation.so_far(data, TODAY) == "This month so far: 1\u00a0visit by 1\u00a0person."


def test_heads_alone_leave_people_unknown(here: Store, admin: Actor, visit: Visit, mongodb_uri: str) -> None:
    held(here, admin, headcount=30)
    held(here, admin, "2026-03-12")
    data = found(here, admin)
    with speaking("en"):
        assert participation.who_comes(data) == "Nobody was registered, so who came is not known"
        assert participation.same_people(data, TODAY) == "Only heads were counted: how many people came is not known"
        assert participation.not_recorded(data) == "1 activity has no head-count: unknown, not zero."
    at = visit(mongodb_uri, "activities", lang="en", period="2026Q1")
    assert not at.exception
    tiles = {metric.label: metric.value for metric in at.metric}
    assert tiles["Visits"].startswith("30")
    assert tiles["Taking part"].startswith("—")
    assert any("nobody was registered or counted" in caption.value for caption in at.caption)


def test_nothing_held_and_nothing_known(here: Store, admin: Actor) -> None:
    data = found(here, admin)
    for language in ("zh", "en"):
        with speaking(language):
            for sentence in (
                participation.who_comes(data),
                participation.what_is_held(data),
                participation.where_from(data),
                participation.same_people(data, TODAY),
            ):
                assert sentence


# --- the list
def test_filters_stand_in_the_link(here: Store, admin: Actor, visit: Visit, mongodb_uri: str) -> None:
    held(here, admin)
    held(here, admin, name="义诊", format="clinic")
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1", format="clinic")
    assert at.dataframe[-1].value["名称"].tolist() == ["义诊"]
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1", status="planned", format="no such")
    assert not at.exception
    assert not any("名称" in frame.value for frame in at.dataframe)
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1")
    assert len(at.dataframe[-1].value) == 2
    at.selectbox("activities.format").select("clinic").run()
    assert at.query_params["format"] in ("clinic", ["clinic"])
    assert at.dataframe[-1].value["名称"].tolist() == ["义诊"]


# --- the drawer
def test_a_new_activity_is_entered(here: Store, admin: Actor, visit: Visit, mongodb_uri: str) -> None:
    at = visit(mongodb_uri, "activities", lang="zh", activity="new")
    at.button("do_activity-new-1").click().run()
    assert any("请填写" in error.value for error in [*at.error, *at.markdown])
    at.text_input("activity-new-name-1").set_value("便民集市")
    at.selectbox("activity-new-format-1").set_value("market")
    at.button("do_activity-new-1").click().run()
    assert not at.exception
    made = here.find(admin, Activity, C)
    assert [(row.name, row.status) for row in made] == [("便民集市", ActivityStatus.HELD)]
    assert at.query_params["activity"] in (made[0].id, [made[0].id])


def test_residents_are_recorded_one_by_one(here: Store, admin: Actor, visit: Visit, mongodb_uri: str) -> None:
    activity = held(here, admin)
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1", activity=activity.id)
    at.segmented_control("att-age-0").set_value(AgeBand.A60)
    at.segmented_control("att-sex-0").set_value(Sex.FEMALE)
    at.button("do_attendance").click().run()
    assert not at.exception
    made = here.find(admin, Attendance, C)
    assert [(row.age_band, row.sex) for row in made] == [("60-74", "f")]
    assert any(made[0].resident in said.value.replace("\\", "") for said in at.success)
    # the same code at another activity: what is known stands there already
    other = held(here, admin, "2026-03-20")
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1", activity=other.id)
    at.text_input("att-code-0").set_value(made[0].resident.lower()).run()
    assert at.segmented_control(f"att-age-0-{made[0].resident}").value == AgeBand.A60
    at.button("do_attendance").click().run()
    assert here.count(admin, Attendance, C, {"resident": made[0].resident}) == 2
    # a code that never came is asked about, and nothing typed is lost
    at.text_input("att-code-1").set_value("R-ACDE").run()
    at.button("do_attendance").click().run()
    assert at.error
    assert at.text_input("att-code-1").value == "R-ACDE"
    at.checkbox("att-fresh-1-R-ACDE").check().run()
    at.button("do_attendance").click().run()
    assert here.count(admin, Attendance, C, {"activity_id": other.id}) == 2


def test_a_list_keeps_the_lines_that_were_wrong(here: Store, admin: Actor, visit: Visit, mongodb_uri: str) -> None:
    activity = held(here, admin)
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1", activity=activity.id)
    at.segmented_control("att-way").set_value("list").run()
    at.text_area("att-list-0").set_value("new 60-74 f\n王小明\nR-ACDE\n+")
    at.button("do_attendances").click().run()
    assert not at.exception
    assert here.count(admin, Attendance, C) == 2
    assert len(at.error) == 2
    assert all(row.resident in at.success[0].value.replace("\\", "") for row in here.find(admin, Attendance, C))
    assert at.text_area("att-list-1").value == "王小明\nR-ACDE"
    at.text_area("att-list-1").set_value("R-ACDE")
    at.checkbox("att-list-fresh-1").check()
    at.button("do_attendances").click().run()
    assert here.count(admin, Attendance, C) == 3
    assert at.text_area("att-list-2").value == ""


def test_an_activity_with_attendances_goes_only_with_them(
    here: Store, admin: Actor, visit: Visit, mongodb_uri: str
) -> None:
    activity = held(here, admin)
    came(here, admin, activity, "R-ACDE")
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1", activity=activity.id)
    at.button("do_delete-activity").click().run()
    assert any("已登记" in error.value for error in at.error)
    at.button("activity-cancel").click().run()
    assert any("已登记" in error.value for error in at.error)
    assert here.count(admin, Activity, C) == 1
    at.checkbox("activity-delete-along").check()
    at.button("do_delete-activity").click().run()
    assert not at.exception
    assert here.count(admin, Activity, C) == here.count(admin, Attendance, C) == 0


def test_a_viewer_enters_nothing(here: Store, admin: Actor, visit: Visit, mongodb_uri: str) -> None:
    activity = held(here, admin)
    came(here, admin, activity, "R-ACDE")
    at = visit(mongodb_uri, "activities", role="viewer", lang="en", period="2026Q1", activity=activity.id)
    assert not at.exception
    keys = {button.key for button in at.button}
    assert not any(key and key.startswith(("do_", "activity-", "att-")) for key in keys)
    assert at.dataframe[-1].value["Registered"].tolist() == [1]
    assert not visit(mongodb_uri, "activities", role="viewer", activity="new").exception
    gone = visit(mongodb_uri, "activities", role="viewer", lang="en", activity="gone")
    assert any("not there any more" in warning.value for warning in gone.warning)


def test_a_long_list_opens_in_steps(here: Store, admin: Actor, visit: Visit, mongodb_uri: str) -> None:
    here.write(
        admin,
        lambda write: [
            write.insert(Activity(community_id=C, name=f"活动 {n}", held_on=date(2026, 3, 1), format="lecture"))
            for n in range(31)
        ],
    )
    at = visit(mongodb_uri, "activities", lang="zh", period="2026Q1")
    assert len(at.dataframe[-1].value) == 30
    at.button("activities.all").click().run()
    assert len(at.dataframe[-1].value) == 31
    assert not any(button.key == "activities.all" for button in at.button)
