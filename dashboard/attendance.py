"""The drawer at the side of the activities page: one activity, who came, and the forms that change it.

Which one is open stands in the URL (see ``drawer``); ``new`` is one to be entered.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard import cards, data, drawer, forms, i18n, recognise, session, tables
from dashboard.i18n import _, n_, number, plain, say, term
from repository.access import Operation, may
from repository.activities import (
    Activity,
    ActivityStatus,
    Attendance,
    Format,
    Gathering,
    LineProblem,
    PartTaken,
    add_activity,
    cancel_activity,
    correct_attendance,
    delete_activity,
    edit_activity,
    gathering,
    known_residents,
    record_attendance,
    record_attendances,
    resident_code,
    set_headcount,
    take_back_attendance,
)
from repository.people import AgeBand, Sex, people_by_id
from repository.store import Conflict, Duplicate, Invalid

Names = Mapping[str, Mapping[str, str]]

OPEN = "activity"
"""The URL parameter that says which activity is open."""
_ASKED = (
    "name",
    "held_on",
    "format",
    "grid_id",
    "place",
    "organizer_id",
    "intended_for",
    "level",
    "capacity",
    "sessions",
    "theme",
    "flow",
    "budget_cents",
    "remark",
)
"""What a new activity is asked for; the rest comes when it is over."""


@dataclass
class _Desk:
    """What lies on the desk while attendance is entered: the widgets' round, what was just said, the lines left."""

    activity_id: str
    round: int = 0
    said: str = ""
    left: str = ""
    problems: tuple[LineProblem, ...] = ()
    submission: str = field(default_factory=lambda: secrets.token_hex(16))

    def turn(self, said: str, left: str = "", problems: tuple[LineProblem, ...] = ()) -> None:
        """Clear the desk for the next one; redraws the drawer."""
        self.round += 1
        self.said, self.left, self.problems = said, left, problems
        self.submission = secrets.token_hex(16)
        try:
            st.rerun(scope="fragment")  # the page behind need not be drawn again for each of many residents
        except StreamlitAPIException:  # the whole page is running, such as right after the drawer was opened
            st.rerun()


# --- which one is open -----------------------------------------------------------------------------------------------
def show(view: session.View, names: Names) -> None:
    """Draw the drawer if an activity is open. Once a run, last. ``names`` are the grids'."""
    wanted = drawer.opened(OPEN)
    if wanted:
        names = {**names, "people": data.ask(people_by_id, view.community_id)}
    if wanted == drawer.NEW:
        if may(session.actor(), Operation.CREATE, Activity.collection):
            drawer.show(OPEN, _("Enter an activity"), lambda: _enter(view, names))
        return
    if not wanted:
        return
    found = data.ask(gathering, view.community_id, wanted)
    if found is None:
        st.warning(_("This activity is not there any more, or not in your charge."), icon=":material/search_off:")
        drawer.close(OPEN)
        return
    drawer.show(OPEN, plain(found.activity.name), lambda: _show(view, names, wanted))


# --- a new one -------------------------------------------------------------------------------------------------------
def _enter(view: session.View, names: Names) -> None:
    st.caption(_("A day to come makes it planned. Who came is entered once it is over."))
    charge = session.actor().grids or frozenset()
    made = forms.edit(
        Activity,
        key="activity-new",
        fields=_ASKED,
        defaults={"held_on": view.now.date(), **({"grid_id": min(charge)} if charge else {})},
        references=names,
        save=lambda values, submission: data.tell(
            add_activity, view.community_id, values, key=submission, done=_("The activity is entered.")
        ),
    )
    if made is not None:
        drawer.open_at(OPEN, made.id)
        drawer.done()


# --- one that is there -----------------------------------------------------------------------------------------------
def _show(view: session.View, names: Names, activity_id: str) -> None:
    found = data.ask(gathering, view.community_id, activity_id)
    if found is None:
        drawer.done(OPEN)
    activity = found.activity
    facts = [
        i18n.date(activity.held_on),
        term(activity.format, Format),
        say(activity.status.label),
        names["grids"].get(activity.grid_id or "") or _("whole community"),
        activity.place or "",
    ]
    st.caption(" · ".join(plain(fact) for fact in facts if fact))
    actor = session.actor()
    change = may(actor, Operation.UPDATE, Activity.collection)
    headings = [_("Who came")] + ([_("Change"), _("Cancel or delete")] if change else [])
    tabs = st.tabs(headings)
    with tabs[0]:
        _who_came(view, names, found)
    if change:
        with tabs[1]:
            _change(view, names, activity)
        with tabs[2]:
            _end(view, found)


def _change(view: session.View, names: Names, activity: Activity) -> None:
    saved = forms.edit(
        Activity,
        key="activity-edit",
        current=activity,
        references=names,
        save=lambda values, _submission: data.tell(
            edit_activity, view.community_id, activity.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(OPEN)


def _end(view: session.View, found: Gathering) -> None:
    activity = found.activity
    if activity.status is not ActivityStatus.CANCELLED:
        st.markdown(_("It did not take place: it stays in the list and counts as cancelled."))
        if st.button(_("Cancel the activity"), icon=":material/event_busy:", key="activity-cancel"):
            where, said = (view.community_id, activity.id, activity.revision), _("The activity is cancelled.")
            drawer.act(lambda: data.tell(cancel_activity, *where, done=said), close=OPEN)
    along = False
    if found.registered and may(session.actor(), Operation.DELETE, Activity.collection):
        along = st.checkbox(
            n_("and its {n} attendance with it", "and its {n} attendances with it", found.registered),
            key="activity-delete-along",
        )
    remove = partial(delete_activity, with_attendances=along)
    drawer.offer_deletion(OPEN, activity, remove, _("It was entered by mistake: it goes for good."))


# --- who came --------------------------------------------------------------------------------------------------------
def _who_came(view: session.View, names: Names, found: Gathering) -> None:
    desk = st.session_state.get("attendance.desk")
    if desk is None or desk.activity_id != found.activity.id:
        desk = st.session_state["attendance.desk"] = _Desk(found.activity.id)
    with st.container(horizontal=True, gap="medium"):
        st.metric(_("Registered"), number(found.registered), width="content")
        st.metric(_("Only counted"), number(found.activity.headcount), width="content")
    if desk.said:
        st.success(plain(desk.said), icon=":material/check_circle:")
    enter = may(session.actor(), Operation.CREATE, Attendance.collection)
    if found.activity.status is ActivityStatus.CANCELLED:
        st.caption(_("It was cancelled: nobody can be registered."))
    elif found.activity.held_on > view.now.date():
        st.caption(_("It is still to come: who came can be entered from that day on."))
    elif enter:
        ways = {"one": _("One resident"), "list": _("A list"), "heads": _("Only counted")}
        way = st.segmented_control(
            _("How"),
            list(ways),
            format_func=ways.__getitem__,
            default="one",
            required=True,
            label_visibility="collapsed",
            key="att-way",
        )
        if way == "list":
            _many(view, desk)
        elif way == "heads":
            _heads(view, found.activity, desk)
        else:
            _one(view, names, desk)
    if enter and found.attendances:
        _registered(view, names, found, desk)


def _one(view: session.View, names: Names, desk: _Desk) -> None:
    at = f"{desk.round}"
    if found := st.session_state.pop("attendance.recognised", None):
        st.session_state[f"att-code-{at}"] = found
    typed = st.text_input(
        _("Resident's code"),
        placeholder="R-7K3Q",
        key=f"att-code-{at}",
        help=_("Left empty, the resident is new and gets a code. A code, never a name or an ID number."),
    )
    recognise.find(view, names, at, _recognised)
    code, known = None, None
    if typed.strip():
        try:
            code = resident_code(typed)
        except Invalid as invalid:
            cards.told(invalid.problems["resident"])
            return
        known = data.ask(known_residents, view.community_id, [code]).get(code)
        at += f"-{code}"
    fresh = False
    if known:
        st.caption(_("Last here on {day}; what is known stands below.", day=i18n.date(known.last_came)))
    elif code:
        st.caption(_("Nobody has come with this code before."))
        fresh = st.checkbox(_("It is a new code, not a slip"), key=f"att-fresh-{at}")
    charge = session.actor().grids
    band = st.segmented_control(
        _("Age band"),
        list(AgeBand),
        format_func=lambda band: say(band.label),
        default=known.age_band if known else None,
        key=f"att-age-{at}",
        width="stretch",
    )
    sex = st.segmented_control(
        _("Sex"),
        list(Sex),
        format_func=lambda sex: say(sex.label),
        default=known.sex if known else None,
        key=f"att-sex-{at}",
        width="stretch",
    )
    grids = list(names["grids"])
    lives = known.grid_id if known and known.grid_id in grids else (grids[0] if charge and len(grids) == 1 else None)
    grid = st.selectbox(
        _("Grid they live in"),
        grids,
        index=grids.index(lives) if lives else None,
        format_func=lambda id: names["grids"].get(id, id),
        placeholder=_("Not known"),
        key=f"att-grid-{at}",
    )
    part = st.segmented_control(
        _("Part taken"),
        list(PartTaken),
        format_func=lambda part: say(part.label),
        default=PartTaken.PARTICIPANT,
        required=True,
        key=f"att-part-{at}",
        width="stretch",
    )
    hours = None
    if part == PartTaken.VOLUNTEER:
        hours = st.number_input(
            _("Hours served"), min_value=0.25, max_value=24.0, value=None, step=0.5, key=f"att-hours-{at}"
        )
    label = _("Record {code}", code=plain(code)) if code else _("Record a new resident")
    if st.button(label, type="primary", icon=":material/person_add:", key="do_attendance"):
        try:
            made = data.tell(
                record_attendance,
                view.community_id,
                desk.activity_id,
                resident=code,
                age_band=band,
                sex=sex,
                grid_id=grid,
                role=part,
                hours=hours,
                accept_new=fresh,
                key=desk.submission,
            )
        except (Invalid, Duplicate, Conflict) as trouble:
            _say_problems(trouble)
            return
        if made is not None:
            desk.turn(
                _("Recorded: {code}.", code=made.resident)
                if code
                else _("Recorded. Their code is {code}: write it on their card.", code=made.resident)
            )


def _recognised(code: str) -> None:
    st.session_state["attendance.recognised"] = code
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is running
        st.rerun()


def _many(view: session.View, desk: _Desk) -> None:
    for problem in desk.problems:
        st.error(
            _(
                "Line {n}, “{line}”: {why}",
                n=number(problem.number),
                line=plain(problem.text[:60]),
                why=plain(say(problem.message)),
            ),
            icon=":material/error:",
        )
    text = st.text_area(
        _("One resident a line"),
        value=desk.left,
        height=180,
        placeholder=_("R-7K3Q\nR-9ACD\nnew 60-74 female 3"),
        help=_(
            "A code, or “new” for somebody without one. After it, in any order and only where it is new or has "
            "changed: age band, sex, grid; what they did (“volunteer 2h”)."
        ),
        key=f"att-list-{desk.round}",
    )
    fresh = st.checkbox(_("Codes that never came before are right"), key=f"att-list-fresh-{desk.round}")
    if st.button(_("Record the list"), type="primary", icon=":material/group_add:", key="do_attendances"):
        try:
            entered = data.tell(
                record_attendances,
                view.community_id,
                desk.activity_id,
                text,
                accept_new=fresh,
                key=desk.submission,
            )
        except (Invalid, Duplicate, Conflict) as trouble:
            _say_problems(trouble)
            return
        if entered is not None:
            said = n_("{n} resident recorded.", "{n} residents recorded.", len(entered.saved)) if entered.saved else ""
            if entered.new:
                codes = ", ".join(f"{number}: {code}" for number, code in entered.new)
                said += " " + _("New codes by line, for their cards: {codes}", codes=codes)
            desk.turn(said, entered.left, entered.problems)


def _heads(view: session.View, activity: Activity, desk: _Desk) -> None:
    heads = st.number_input(
        _("How many came besides those registered"),
        min_value=0,
        max_value=10_000_000,
        value=activity.headcount,
        step=1,
        help=_("Empty means nobody counted: that is not zero."),
        key=f"att-heads-{desk.round}-{activity.revision}",
    )
    if st.button(_("Save the count"), type="primary", icon=":material/check:", key="do_heads"):
        try:
            saved = data.tell(set_headcount, view.community_id, activity.id, activity.revision, heads)
        except (Invalid, Conflict) as trouble:
            _say_problems(trouble)
            return
        if saved is not None:
            desk.turn(_("The count is saved."))


def _registered(view: session.View, names: Names, found: Gathering, desk: _Desk) -> None:
    picked = tables.register(
        Attendance,
        found.attendances,
        key=f"att-rows-{desk.round}",
        columns=["resident", "age_band", "sex", "grid_id", "role", "hours"],
        names=names,
        height=260,
    )
    chosen = next((row for row in found.attendances if row.id == picked), None)
    if chosen is None:
        return
    where = (view.community_id, chosen.id)
    if may(session.actor(), Operation.DELETE, Attendance.collection) and st.button(
        _("Take {code} off the list", code=plain(chosen.resident)), icon=":material/person_remove:", key="att-back"
    ):
        try:
            data.tell(take_back_attendance, *where, chosen.revision)
        except Conflict as trouble:
            _say_problems(trouble)
            return
        desk.turn(_("{code} is off the list.", code=chosen.resident))
    with st.expander(_("Put right what is kept of {code}", code=plain(chosen.resident))):
        saved = forms.edit(
            Attendance,
            key="attendance-edit",
            current=chosen,
            fields=("age_band", "sex", "grid_id", "role", "hours"),
            references=names,
            save=lambda values, _submission: data.tell(correct_attendance, *where, values.revision, values),
        )
        if saved is not None:
            desk.turn(_("{code} is put right.", code=chosen.resident))
    recognise.keep(view, names, chosen, f"{desk.round}-{chosen.id}", desk.turn)


def _say_problems(trouble: Invalid | Duplicate | Conflict) -> None:
    cards.told(*(trouble.problems.values() if isinstance(trouble, Invalid) else [trouble]))
