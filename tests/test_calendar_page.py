"""The calendar of the activities page, and in the drawer signing up, checking in, the door and a series."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

import pandas as pd
import pytest

from dashboard import labelsheet
from dashboard.i18n import speaking
from repository.access import Actor, Role
from repository.activities import Activity, ActivityStatus, add_activity
from repository.checkin import shown_up, sign_up, timetable
from repository.grids import Community, Grid
from repository.metrics import Period
from repository.people import Sex
from repository.signups import SignUp, SignUpState
from repository.store import Store

C = "D"
TODAY = date(2026, 4, 2)
Visit = Callable[..., Any]


@pytest.fixture
def here(store: Store, admin: Actor) -> Store:
    store.insert(admin, Community(id=C, community_id=C, code="D", name="D社区", residents=1000))
    store.insert(admin, Grid(id="g1", community_id=C, code="1", name="1 号网格", residents=500))
    return store


def said(at: Any) -> str:
    kinds = ("header", "markdown", "caption", "success", "warning", "error")
    words = [element.value for kind in kinds for element in getattr(at, kind)]
    return "\n".join([*words, *(f"{each.label} {each.value}" for each in at.metric)]).replace("\\", "")


def run(at: Any) -> Any:
    """Run it; AppTest cannot read a page on which a toast and an open drawer meet, a browser can."""
    with speaking("en"), suppress(AttributeError):
        at.run()
    assert not at.exception, at.exception
    return at


def pressed(at: Any, key: str) -> Any:
    next(each for each in at.button if each.key == key).click()
    return run(at)


def test_the_calendar_tells_the_demonstrations_story(demo_uri: str, visit: Visit) -> None:
    store = Store.connect(demo_uri)
    who = Actor("t", "t", Role.ADMIN)
    community = store.communities(who)[0]["_id"]
    signs, came = (
        pd.DataFrame(store.db[name].find({}, {"_id": 0, "activity_id": 1, "resident": 1, "state": 1, "held_on": 1}))
        for name in ("sign_ups", "attendances")
    )
    both = signs.merge(came[["activity_id", "resident"]], on=["activity_id", "resident"], how="left", indicator=True)
    both = both[(both["state"] == "signed") & (both["held_on"].dt.date < TODAY)]
    both["came"] = both["_merge"] == "both"
    quarter = both[both["held_on"].dt.quarter == 1]
    found = shown_up(store, who, community, Period.of("2026Q1"))
    assert (found.signed, found.came) == (len(quarter), quarter["came"].sum())
    by_activity = both.groupby(["held_on", "activity_id"])["came"].mean()
    assert by_activity.is_monotonic_decreasing
    assert by_activity.iloc[-1] < 0.65, "fewer and fewer come"

    at = visit(demo_uri, "activities", lang="en", part="calendar", period="2026Q1", month="2026-04")
    assert not at.exception
    month = timetable(store, who, community, "2026-04")
    (full, *_rest) = [slot for slot in month.slots if slot.full]
    series = [slot.activity for slot in month.slots if slot.activity.series_id]
    assert [str(one.status) for one in series] == ["planned"] * 3 + ["cancelled"]
    texts = said(at)
    assert f"Apr 2026: {len(month.slots) - 1} activities · {month.taken} of {month.places} places taken" in texts
    assert f"{quarter['came'].mean():.0%} of those who sign up come" in texts
    labels = {each.key: each.label.replace("\\", "") for each in at.button}
    for where in ("cell", "row"):
        assert f"100/100 +{full.waiting}" in labels[f"calendar-{where}-{full.activity.id}"]
        assert "~~" in labels[f"calendar-{where}-{series[3].id}"], "what is called off is struck through"
    assert full.waiting == 7
    pressed(at, "calendar-before")
    before = timetable(store, who, community, "2026-03")
    missed = sum(slot.missed or 0 for slot in before.slots)
    assert f"{missed} who had a place did not come in Mar 2026" in said(at)
    at = visit(demo_uri, "activities", lang="zh", part="calendar", look="list", month="2026-03", period="2026Q1")
    assert at.dataframe[0].value["未到场"].dropna().sum() == missed
    assert "报名居民中" in said(at)
    at = visit(demo_uri, "activities", lang="en", part="calendar", month="<b>", activity=full.activity.id)
    assert "Signed up 100 / 100" in said(at)
    assert "Code at the door 7K3M-9QXT" in said(at)
    assert f"{100 + full.waiting} people signed up or wait for a place and have to be told." in said(at)
    assert "100 people are signed up. With fewer places they keep theirs" in said(at)
    assert f"With more places, the first of the {full.waiting} who wait move up." in said(at)
    viewer = visit(demo_uri, "activities", role="viewer", lang="en", part="calendar", activity=full.activity.id)
    assert "Signed up 100 / 100" in said(viewer)
    assert "7K3M" not in said(viewer)
    assert not [each for each in viewer.button if (each.key or "").startswith(("do_sign_up", "guest-"))]


def test_from_the_first_name_on_the_list_to_who_did_not_come(
    here: Store, admin: Actor, mongodb_uri: str, visit: Visit
) -> None:
    values = {"name": "集市 <b>", "held_on": TODAY, "format": "market", "status": "planned", "starts_at": "17:00"}
    one = add_activity(here, admin, C, {**values, "capacity": 1})
    here_on = {"lang": "en", "part": "calendar", "activity": one.id}
    at = visit(mongodb_uri, "activities", **here_on)
    next(each for each in at.segmented_control if (each.key or "").startswith("att-sex-up")).set_value(Sex.FEMALE)
    pressed(at, "do_sign_up")
    (first,) = here.find(admin, SignUp, C)
    assert (first.sex, first.state) == ("f", SignUpState.SIGNED)
    assert f"{first.resident} has a place. Code for the door, told this once: " in said(at)
    next(each for each in at.text_input if (each.key or "").startswith("att-code-up")).set_value("张三")
    run(at)
    assert "never a name" in said(at)
    next(each for each in at.text_input if (each.key or "").startswith("att-code-up")).set_value("r-aaaa")
    run(at)
    next(each for each in at.checkbox if "slip" in each.label).check()
    pressed(at, "do_sign_up")
    assert "R-AAAA is on the waiting list, 0 before them" in said(at)
    pressed(at, f"guest-came-{first.id}")
    assert f"{first.resident} is here" in said(at)
    assert here.get(admin, SignUp, C, first.id).came
    pressed(at, f"guest-undo-{first.id}")
    assert not here.get(admin, SignUp, C, first.id).came
    pressed(at, "do_door")
    (door,) = here.db["doors"].find()
    assert f"Code at the door {door['_id'][:4]}-{door['_id'][4:]}" in said(at)
    assert "Only this machine reaches this address" in said(at)
    pressed(at, "do_door_renew")
    assert door["_id"][:4] not in said(at)
    sheet = labelsheet.door_sheet(door["_id"], "https://x.cn", "集市 <b>" * 20, "2026-04-02 17:00", "D社区")
    assert sheet.startswith(b"%PDF")


def test_a_series_is_made_and_changed_in_the_drawer(here: Store, admin: Actor, mongodb_uri: str, visit: Visit) -> None:
    one = add_activity(
        here, admin, C, {"name": "晨练", "held_on": "2026-04-08", "format": "sport", "starts_at": "8:00"}
    )
    guest = sign_up(here, admin, C, one.id, resident="R-AAAA", accept_new=True).sign_up
    at = visit(mongodb_uri, "activities", lang="en", part="calendar", activity=one.id)
    ends = next(each for each in at.segmented_control if (each.key or "").startswith("ends-"))
    ends.set_value("until").run()
    next(each for each in at.date_input if each.key.startswith("until-")).set_value(date(2026, 4, 1)).run()
    assert "By that day it would not come again" in said(at)
    assert "do_repeat" not in [each.key for each in at.button]
    ends = next(each for each in at.segmented_control if (each.key or "").startswith("ends-"))
    ends.set_value("times").run()
    next(each for each in at.number_input if (each.key or "").startswith("times-")).set_value(3)
    run(at)
    assert "3 activities, the last one on 2026-04-22" in said(at)
    pressed(at, "do_repeat")
    made = here.find(admin, Activity, C, sort=[("held_on", 1)])
    assert [f"{each.held_on:%m-%d} {each.starts_at}" for each in made] == ["04-08 08:00", "04-15 08:00", "04-22 08:00"]
    at = visit(mongodb_uri, "activities", lang="en", part="calendar", activity=made[1].id)
    for each, letters in ((made[1], "BC"), (made[2], "DEF")):
        for letter in letters:
            sign_up(here, admin, C, each.id, resident=f"R-{letter * 4}", accept_new=True)
    at = visit(mongodb_uri, "activities", lang="en", part="calendar", activity=made[1].id)
    assert "2 people are signed up. With fewer places" in said(at)
    assert "later one together" not in said(at)
    next(each for each in at.segmented_control if each.key == "series-reach").set_value("all")
    run(at)
    assert "This one and 1 later one together: 5 people are signed up. With fewer places" in said(at)
    assert "This one and 1 later one together: If it is cancelled: 5 people signed up" in said(at)
    next(each for each in at.text_input if (each.key or "").startswith("activity-edit-starts_at")).set_value("25:00")
    save = next(each.key for each in at.button if (each.key or "").startswith("do_activity-edit"))
    pressed(at, save)
    assert "Write the time as 09:00" in said(at)
    next(each for each in at.text_input if (each.key or "").startswith("activity-edit-starts_at")).set_value("9：30")
    pressed(at, save)
    assert [each.starts_at for each in here.find(admin, Activity, C, sort=[("held_on", 1)])] == [
        "08:00",
        *["09:30"] * 2,
    ]
    at = visit(mongodb_uri, "activities", lang="en", part="calendar", activity=made[1].id)
    pressed(at, "series-cancel")
    states = [each.status for each in here.find(admin, Activity, C, sort=[("held_on", 1)])]
    assert states == [ActivityStatus.PLANNED, *[ActivityStatus.CANCELLED] * 2]
    assert here.get(admin, SignUp, C, guest.id).state is SignUpState.SIGNED
