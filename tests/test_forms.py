"""The generated form over the real store: what is typed is judged here and kept, a submission counts once, and nobody's
change is overwritten unseen."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import forms
from repository.access import Actor, Role
from repository.facilities import Category, Condition, Facility, FacilityKind, FitnessDetails, VehicleDetails
from repository.grids import Community, Grid
from repository.maintenance import WorkOrder
from repository.people import Person
from repository.record import Precision
from repository.store import Store

CHEN = Actor("chen", "陈素芳", Role.ADMIN)


def page(here: dict) -> None:
    import streamlit as st

    from dashboard import forms

    st.session_state.setdefault("lang", "en")

    def save(values: forms.Values, submission: str) -> object:
        here["calls"].append((dict(values), values.revision, submission))
        store, actor, record = here["store"], here["actor"], here["record"]
        if here.get("away"):
            return None
        if here.get("current") is None:
            return store.insert(actor, record(**{**here.get("fixed", {}), **values}), key=submission)
        id = here["current"].id
        return store.update(actor, record, "c", id, values.revision, values)

    saved = forms.edit(
        here["record"],
        key="f",
        current=here.get("current"),
        fields=here.get("fields"),
        defaults=here.get("defaults", {"community_id": "c"}),
        references=here.get("references", {}),
        save=save,
    )
    if saved is not None:
        here["saved"].append(saved)


def test_no_calendar_turns_to_the_last_years_there_are() -> None:
    """In 9990 to 9999 a browser's calendar hangs: see LATEST."""
    assert forms.LATEST.year < 9980


KINDS = (
    "text_input",
    "text_area",
    "selectbox",
    "multiselect",
    "toggle",
    "date_input",
    "datetime_input",
    "button_group",
)


class Form:
    """A form on a page, driven as a person drives it."""

    def __init__(self, here: dict[str, Any]) -> None:
        self.at = AppTest.from_function(page, args=(here,), default_timeout=20).run()
        self._sound()

    def _sound(self) -> "Form":
        assert not self.at.exception, self.at.exception
        return self

    def widget(self, path: str, round: int | None = None) -> Any:
        entry = self.at.session_state["form.f"]
        key = f"f-{path}-{round or entry.mark}"
        for kind in [
            "text_input",
            "text_area",
            "selectbox",
            "multiselect",
            "toggle",
            "date_input",
            "datetime_input",
            "button_group",
        ]:
            for found in self.at.get(kind):
                if found.key == key:
                    return found
        raise AssertionError(f"no widget {key}")

    def type(self, **typed: Any) -> "Form":
        for path, value in typed.items():
            self.widget(path.replace("__", ".")).set_value(value)
        self.at.run()
        return self._sound()

    def press(self, which: str = "do_f", round: int | None = None) -> "Form":
        self.at.button(key=f"{which}-{round or self.at.session_state['form.f'].round}").click().run()
        return self._sound()

    @property
    def errors(self) -> list[str]:
        return [
            found.value.removeprefix(":red[:small[:material/error: ").removesuffix("]]").replace("\\", "")
            for found in self.at.markdown
            if found.value.startswith(":red[")
        ]


@pytest.fixture
def here(store: Store, admin: Actor) -> dict[str, Any]:
    """A community, and what the page is to work with."""
    store.insert(admin, Community(id="c", community_id="c", code="D", name="D社区"))
    for id, name in (("p1", "王芳"), ("p2", "王芳"), ("p3", "李建国"), ("p9", "周倩")):
        store.insert(admin, Person(id=id, community_id="c", name=name))
    store.insert(admin, Grid(id="g1", community_id="c", code="3", name="3 号网格"))
    return {"store": store, "actor": admin, "calls": [], "saved": [], "record": Facility}


@pytest.fixture
def bar(here: dict[str, Any], store: Store, admin: Actor) -> Facility:
    """A horizontal bar, open in the form."""
    here["current"] = store.insert(
        admin,
        Facility(
            community_id="c",
            code="F-1",
            name="单杠",
            category=Category.FITNESS,
            kind="horizontal_bar",
            installed_on=date(2015, 1, 1),
            installed_precision=Precision.YEAR,
            service_life_years=8,
            replacement_cost_cents=123_45,
            responsible_id="p9",
            details=FitnessDetails(material="钢", area_m2=3.5),
        ),
    )
    return here["current"]


# --- making ----------------------------------------------------------------------------------------------------------
def test_what_is_typed_becomes_a_record(here: dict[str, Any], store: Store, admin: Actor) -> None:
    here["references"] = {"people": {"p1": "王芳", "p2": "王芳", "p3": "李建国"}, "grids": {"g1": "3 号网格"}}
    form = Form(here)
    form.type(category="fitness")
    people = form.widget("responsible_id")
    assert people.options == ["李建国", "王芳 · p1", "王芳 · p2"], "two of one name can be told apart"
    form.type(
        code=" F-7 ",
        name="漫步机",
        kind="walker",
        responsible_id="p2",
        grid_id="g1",
        installed_on=date(2012, 5, 1),
        service_life_years="８",
        condition="4",
        replacement_cost_cents="¥1,234.50",
        details__fitness__material="钢",
        details__fitness__area_m2="3.25",
        remark="一\n二",
    ).press()
    assert form.errors == []
    (saved,) = store.find(admin, Facility, "c")
    assert saved.code == "F-7"
    assert (saved.responsible_id, saved.grid_id, saved.kind) == ("p2", "g1", FacilityKind.WALKER)
    assert (saved.installed_on, saved.service_life_years) == (date(2012, 5, 1), 8)
    assert saved.condition is Condition.POOR
    assert saved.replacement_cost_cents == 123_450, "exact to the 分"
    assert saved.details == FitnessDetails(material="钢", area_m2=3.25)
    assert saved.remark == "一\n二"
    assert here["saved"] == [saved]


def test_details_follow_the_category(here: dict[str, Any], store: Store, admin: Actor) -> None:
    form = Form(here).type(category="fitness")
    assert form.widget("details.fitness.material")
    form.type(category="vehicle_access")
    with pytest.raises(AssertionError, match="no widget"):
        form.widget("details.fitness.material")
    form.type(code="G", name="北门", details__vehicle_access__lanes="2").press()
    (saved,) = store.find(admin, Facility, "c")
    assert saved.details == VehicleDetails(lanes=2)


def test_errors_stand_beside_their_fields_and_typing_is_kept(here: dict[str, Any]) -> None:
    form = Form(here).type(category="fitness")
    form.type(
        name="x" * 10_000,
        service_life_years="9999",
        replacement_cost_cents="1.005",
        installed_on=date(1066, 10, 14),
        details__fitness__area_m2="-1",
        details__fitness__pieces="two",
    ).press()
    assert here["calls"] == []
    assert form.at.error[0].value.replace("\\", "").startswith("Not saved: 7 entries")
    assert form.errors == [
        "Please fill this in",
        "Too long: 200 characters at most",
        "Must be 1800-01-01 or more",
        "Must be 200 or less",
        "Must be yuan with two decimals at most",
        "Must be a number",
        "Must be 0 or more",
    ]
    assert form.widget("name").value == "x" * 10_000
    assert form.widget("replacement_cost_cents").value == "1.005"
    form.at.run()
    assert len(form.errors) == 7, "they stay until the next try"
    form.type(
        code="F",
        name="单杠",
        service_life_years="8",
        replacement_cost_cents="",
        installed_on=None,
        details__fitness__area_m2="",
        details__fitness__pieces="2",
    ).press()
    assert form.errors == []
    assert not form.at.error
    assert len(here["saved"]) == 1
    form.at.run()
    form.type(category="fitness").type(code="G", name="双杠", remark="找51050219661231122X")
    for warned in (True, False):  # what is not kept is said once
        form.press()
        assert any("an identity number: 51050219661231122X" in said for said in form.errors) == warned
    assert here["saved"][-1].remark == "找＊＊＊＊＊＊"


def test_an_empty_field_that_is_never_empty_is_asked_for(here: dict[str, Any]) -> None:
    here["record"] = Community
    here["fields"] = ["code", "name", "households"]
    form = Form(here).type(code="E", name="E", households="").press()
    assert form.errors == ["Please fill this in"]
    assert here["calls"] == []


def test_markup_in_what_was_typed_stays_letters(here: dict[str, Any]) -> None:
    here["references"] = {"grids": {"g": "*3* <b>"}}
    here["record"], here["fields"] = Community, ["code", "name", "time_zone"]
    form = Form(here).type(code="E", name="E", time_zone="<b>*x*</b>").press()
    assert form.errors == ["There is no time zone <b>*x*</b>; write one like Asia/Shanghai."]
    assert any(r"\<b\>\*x\*" in found.value for found in form.at.markdown)


def test_many_words_can_be_written(here: dict[str, Any], store: Store, admin: Actor) -> None:
    here["record"] = Grid
    form = Form(here).type(code="4", name="4 号网格")
    form.widget("sites").set_value(["体育公园", "北门"])
    form.at.run()
    form.press()
    (saved,) = store.find(admin, Grid, "c", {"code": "4"})
    assert saved.sites == ("体育公园", "北门")


# --- once only -------------------------------------------------------------------------------------------------------
def test_a_double_click_and_a_resubmission_make_one_record(here: dict[str, Any], store: Store, admin: Actor) -> None:
    form = Form(here).type(category="property", code="F", name="水泵")
    first = form.at.session_state["form.f"]
    form.press()
    # the browser's second click arrives when the first run was cut off after its write: same key, same typing
    form.at.session_state["form.f"] = first
    form.type(category="property", code="F", name="水泵").press()
    assert [call[2] for call in here["calls"]] == [first.submission] * 2
    assert [saved.id for saved in here["saved"]] == [store.find(admin, Facility, "c")[0].id] * 2
    assert store.count(admin, Facility, "c") == 1


def test_after_success_the_form_is_empty_and_has_a_new_key(here: dict[str, Any]) -> None:
    form = Form(here).type(category="property", code="F", name="水泵")
    first = form.at.session_state["form.f"]
    form.press()
    form.at.run()
    second = form.at.session_state["form.f"]
    assert second.submission != first.submission
    assert form.widget("code").value == ""


def test_while_the_database_is_away_all_is_kept(here: dict[str, Any], store: Store, admin: Actor) -> None:
    here["away"] = True
    form = Form(here).type(category="property", code="F", name="水泵").press()
    before = form.at.session_state["form.f"].submission
    assert form.widget("name").value == "水泵"
    here["away"] = False
    form.press()
    assert here["calls"][-1][2] == before
    assert store.count(admin, Facility, "c") == 1


def test_a_duplicate_is_said_beside_the_field(here: dict[str, Any], bar: Facility) -> None:
    here["current"] = None
    form = Form(here).type(category="property", code="F-1", name="水泵").press()
    assert form.errors == ["Not saved: F-1 exists already. Open that one, or give this another code."]
    assert form.widget("name").value == "水泵"


# --- changing --------------------------------------------------------------------------------------------------------
def test_only_what_was_changed_is_saved(here: dict[str, Any], bar: Facility) -> None:
    form = Form(here)
    assert form.widget("responsible_id").options[-1] == "No longer in the list", "and stays what it is"
    form.type(name="单杠二").press()
    assert here["calls"] == [({"name": "单杠二"}, 1, here["calls"][0][2])]
    (saved,) = here["saved"]
    assert saved.model_copy(update={"name": bar.name, "revision": 1, "updated_at": bar.updated_at}) == bar


def test_a_new_day_is_known_to_the_day(here: dict[str, Any], bar: Facility) -> None:
    Form(here).type(installed_on=date(2016, 5, 4)).press()
    assert here["calls"][0][0] == {"installed_on": date(2016, 5, 4), "installed_precision": Precision.DAY}


def test_a_field_can_be_emptied_and_a_part_changed(here: dict[str, Any], bar: Facility) -> None:
    Form(here).type(replacement_cost_cents="", details__fitness__material="木").press()
    assert here["calls"][0][0] == {
        "replacement_cost_cents": None,
        "details": FitnessDetails(material="木", area_m2=3.5),
    }


def test_moments_are_typed_on_the_communitys_clock_and_seconds_survive(
    here: dict[str, Any], store: Store, admin: Actor
) -> None:
    here["record"] = WorkOrder
    here["fields"] = ["reported_at", "due_at", "place"]
    reported = datetime(2026, 4, 2, 8, 30, 27, tzinfo=UTC)
    here["current"] = store.insert(admin, WorkOrder(community_id="c", number="W", fault="loose", reported_at=reported))
    form = Form(here)
    assert form.widget("reported_at").value == datetime(2026, 4, 2, 16, 30)  # noqa: DTZ001 (a widget has no zone)
    form.type(due_at=datetime(2026, 4, 5, 9, 10), place="北门").press()  # noqa: DTZ001
    assert here["calls"][0][0] == {"due_at": datetime(2026, 4, 5, 1, 10, tzinfo=UTC), "place": "北门"}


def test_a_new_doubt_is_an_error_and_an_old_one_is_not(here: dict[str, Any], store: Store, admin: Actor) -> None:
    here["record"] = WorkOrder
    here["fields"] = ["reported_at", "ended_at", "place"]
    moment = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)
    facts: dict[str, Any] = {"community_id": "c", "fault": "loose", "reported_at": moment, "status": "closed"}
    here["current"] = store.insert(admin, WorkOrder(**facts, number="W-1", outcome="completed", ended_at=moment))
    form = Form(here).type(ended_at=datetime(2026, 4, 1, 9, 0)).press()  # noqa: DTZ001
    assert form.errors == ["Ended before it was reported"]
    assert here["calls"] == []

    here["current"] = store.insert(
        admin,
        WorkOrder(**facts, number="W-2", outcome="completed", ended_at=datetime(2026, 4, 1, tzinfo=UTC)),
    )
    assert here["current"].flags
    Form(here).type(place="北门").press()
    assert here["calls"][0][0] == {"place": "北门"}


def test_another_record_gets_a_form_of_its_own(here: dict[str, Any], bar: Facility, store: Store, admin: Actor) -> None:
    form = Form(here).type(name="typed for the first")
    here["current"] = store.insert(
        admin, Facility(community_id="c", code="F-2", name="双杠", category=Category.FITNESS)
    )
    form.at.run()
    assert form.widget("name").value == "双杠"


# --- two at once -----------------------------------------------------------------------------------------------------
def their_change(store: Store, bar: Facility, **changes: Any) -> Facility:
    return store.update(CHEN, Facility, "c", bar.id, bar.revision, changes)


@pytest.mark.parametrize("page_reads_anew", [True, False])
def test_a_conflict_is_shown_field_by_field_and_mine_can_win(
    here: dict[str, Any], bar: Facility, store: Store, admin: Actor, page_reads_anew: bool
) -> None:
    form = Form(here).type(name="我的单杠")
    theirs = their_change(store, bar, name="她的单杠", site="北门")
    if page_reads_anew:
        here["current"] = theirs
    form.press()
    assert here["saved"] == []
    assert store.get(admin, Facility, "c", bar.id).name == "她的单杠"
    assert "陈素芳" in form.at.error[0].value
    shown = form.at.table[0].value
    assert [list(row) for row in shown.itertuples(index=False)] == [
        ["Name", "单杠", "她的单杠", "**我的单杠**"],
        ["Site", "—", "北门", "—"],
    ]
    here["current"] = theirs
    form.press("f-mine")
    now = store.get(admin, Facility, "c", bar.id)
    assert (now.name, now.site, now.revision) == ("我的单杠", "北门", 3), "only what I changed goes over theirs"
    assert [saved.id for saved in here["saved"]] == [bar.id]


def test_theirs_can_be_kept(here: dict[str, Any], bar: Facility, store: Store, admin: Actor) -> None:
    form = Form(here).type(name="我的单杠")
    theirs = their_change(store, bar, name="她的单杠")
    form.press()
    here["current"] = theirs
    form.press("f-theirs")
    assert form.widget("name").value == "她的单杠"
    assert store.get(admin, Facility, "c", bar.id).revision == 2
    assert not form.at.error


def test_a_third_change_is_shown_too_before_mine_goes_over_it(
    here: dict[str, Any], bar: Facility, store: Store, admin: Actor
) -> None:
    form = Form(here).type(name="我的单杠")
    second = their_change(store, bar, name="她的单杠")
    form.press()
    here["current"] = their_change(store, second, name="又改了")
    form.press("f-mine")
    assert store.get(admin, Facility, "c", bar.id).name == "又改了"
    assert "又改了" in str(form.at.table[0].value)


def test_an_untouched_form_follows_what_others_save(here: dict[str, Any], bar: Facility, store: Store) -> None:
    form = Form(here)
    here["current"] = their_change(store, bar, name="她的单杠")
    form.at.run()
    assert form.widget("name").value == "她的单杠"


# --- the answer was lost ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page_reads_anew", [True, False])
def test_a_change_that_had_gone_through_is_not_shown_as_a_conflict_with_oneself(
    here: dict[str, Any], bar: Facility, store: Store, admin: Actor, page_reads_anew: bool
) -> None:
    form = Form(here).type(name="我的单杠", site="北门")
    done = store.update(admin, Facility, "c", bar.id, bar.revision, {"name": "我的单杠", "site": "北门"})
    if page_reads_anew:
        here["current"] = done
    form.press()
    assert not form.at.error
    assert [(saved.id, saved.revision) for saved in here["saved"]] == [(bar.id, 2)]
    assert store.get(admin, Facility, "c", bar.id).revision == 2


def test_what_was_changed_after_a_lost_answer_is_said_not_to_be_in_it(
    here: dict[str, Any], store: Store, admin: Actor
) -> None:
    here["fixed"] = {"category": Category.FITNESS}
    here["fields"] = ("code", "name")
    here["defaults"] = {"community_id": "c", "category": Category.FITNESS}
    form = Form(here).type(code="F-9", name="第一次")
    here["away"] = True
    form.press()
    values, _revision, submission = here["calls"][-1]
    store.insert(admin, Facility(**values), key=submission)  # it had gone through, only nobody heard of it
    here["away"] = False
    form.type(name="第二次").press()
    assert [saved.name for saved in here["saved"]] == ["第一次"]
    assert store.count(admin, Facility, "c", {"code": "F-9"}) == 1
    assert len(form.at.session_state["toasts"]) == 1


def test_what_was_changed_after_a_refusal_is_simply_saved(here: dict[str, Any], store: Store, admin: Actor) -> None:
    here["fields"] = ("code", "name")
    here["defaults"] = {"community_id": "c", "category": Category.FITNESS}
    form = Form(here).type(code="F-9", name="第一次")
    here["away"] = True
    form.press()
    here["away"] = False
    form.type(name="第二次").press()
    assert [saved.name for saved in here["saved"]] == ["第二次"]
    assert "toasts" not in form.at.session_state


# --- numbers and words -----------------------------------------------------------------------------------------------
@given(st.integers(-(10**12), 10**12))
def test_money_comes_back_to_the_cent(cents: int) -> None:
    spec = forms.field_specs(Facility)["replacement_cost_cents"]
    assert forms._number(forms._as_typed(spec, cents), "money") == cents


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        ("１２.５", "number", 12.5),
        ("12 元", "money", 1200),
        ("￥0.1", "money", 10),
        ("1,234,567", "integer", 1_234_567),
        ("−3", "integer", -3),
        ("8.0", "integer", 8),
    ],
)
def test_numbers_are_read_as_people_write_them(typed: str, kind: str, value: float) -> None:
    assert forms._number(typed, kind) == value


@pytest.mark.parametrize("typed", ["1,2", "1e400", "nan", "inf", "12,34,567", "1.2.3", "五", "0x10", "9" * 40])
@pytest.mark.parametrize("kind", ["integer", "number", "money"])
def test_what_is_no_number_is_refused(typed: str, kind: str) -> None:
    with pytest.raises(forms._Unreadable):
        forms._number(typed, kind)


def test_a_known_word_typed_in_any_spelling_is_that_word() -> None:
    assert forms._known_word(FacilityKind, "单杠") == "horizontal_bar"
    assert forms._known_word(FacilityKind, " Horizontal BAR ") == "horizontal_bar"
    assert forms._known_word(FacilityKind, "秋千") == "秋千"
