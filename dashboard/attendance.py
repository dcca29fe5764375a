"""The drawer at the side of the activities page: one activity, who came, and the forms that change it.

Which one is open stands in the URL (see ``drawer``); ``new`` is one to be entered.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard import cards, data, drawer, forms, guests, i18n, minutes, navigation, recognise, session, tables
from dashboard.i18n import _, n_, number, plain, say, term
from repository import checkin
from repository.access import Operation, may
from repository.activities import (
    MOST_IN_SERIES,
    MOST_WEEKS,
    Activity,
    ActivityStatus,
    Attendance,
    Format,
    Gathering,
    LineProblem,
    PartTaken,
    Repeat,
    Rhythm,
    add_activity,
    cancel_activity,
    cancel_series,
    correct_attendance,
    delete_activity,
    edit_activity,
    edit_series,
    gathering,
    record_attendance,
    record_attendances,
    repeat_activity,
    set_headcount,
    take_back_attendance,
)
from repository.checkin import Door, Stake
from repository.people import people_by_id
from repository.requests import came_of
from repository.store import Conflict, Duplicate, Invalid

Names = Mapping[str, Mapping[str, str]]

OPEN = "activity"
"""The URL parameter that says which activity is open."""
_ASKED = (
    "name",
    "held_on",
    "starts_at",
    "ends_at",
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
        " ".join(filter(None, (i18n.date(activity.held_on), _hours(activity)))),
        term(activity.format, Format),
        say(activity.status.label),
        names["grids"].get(activity.grid_id or "") or _("whole community"),
        activity.place or "",
    ]
    st.caption(" · ".join(plain(fact) for fact in facts if fact))
    for one in data.ask_in_passing(came_of, view.community_id, activity.id) or ():
        label = _("The resident's request it came of: {number}", number=plain(one.number))
        navigation.link("requests", label, request=one.id)
    minutes.decided(view, activity.id)
    listed = data.ask(checkin.guests, view.community_id, activity_id, now=view.now)
    parts: dict[str, Callable[[], None]] = {_("Who came"): lambda: _who_came(view, names, found)}
    actor, first = session.actor(), None
    if listed is not None:
        parts[_("Sign-ups")] = lambda: guests.show(view, names, listed)
        awaited = not listed.slot.over and activity.status is not ActivityStatus.CANCELLED
        if awaited and (listed.slot.signed or activity.held_on > view.now.date()):
            first = _("Sign-ups")
        if awaited and may(actor, Operation.READ, Door.collection):
            parts[_("At the door")] = lambda: guests.door(view, listed)
    if may(actor, Operation.UPDATE, Activity.collection):
        parts[_("Change")] = lambda: _change(view, names, activity)
        parts[_("Cancel or delete")] = lambda: _end(view, found)
    for tab, draw in zip(st.tabs(list(parts), default=first), parts.values(), strict=True):
        with tab:
            draw()


def _hours(activity: Activity) -> str:
    """15:00–16:30, or what is known of it."""
    ends = f"–{activity.ends_at}" if activity.ends_at else ""
    return f"{activity.starts_at or ''}{ends}"


def _change(view: session.View, names: Names, activity: Activity) -> None:
    change: Callable[..., Activity | list[Activity]] = edit_activity
    planned = activity.status is ActivityStatus.PLANNED
    whole = False
    if activity.series_id is not None and planned:
        reaches = {"one": _("This one"), "all": _("This and all later planned ones")}
        reach = st.segmented_control(
            _("It belongs to a series: what is changed?"),
            list(reaches),
            format_func=reaches.__getitem__,
            default="one",
            required=True,
            key="series-reach",
        )
        whole = reach == "all"
        change = edit_series if whole else edit_activity
    stake = data.ask(checkin.at_stake, view.community_id, activity.id, series=whole)

    def save(values: forms.Values, _submission: str) -> Activity | None:
        made = data.tell(change, view.community_id, activity.id, values.revision, values, done=_("Saved."))
        return made[0] if isinstance(made, list) else made

    saved = forms.edit(
        Activity, key="activity-edit", current=activity, references=names, save=save, notes=_notes(activity, stake)
    )
    if saved is not None:
        drawer.done(OPEN)
    if planned and activity.series_id is None and may(session.actor(), Operation.CREATE, Activity.collection):
        with st.expander(_("Let it come again"), icon=":material/event_repeat:"):
            _repeat(view, activity)


def _notes(activity: Activity, stake: Stake) -> dict[str, str]:
    """Under which fields of an activity something has to be said of those who signed up or took part; of several of a
    series, in all of them."""
    found = {}
    if stake.signed and activity.status is not ActivityStatus.CANCELLED:
        found["capacity"] = n_(
            "{n} person is signed up. With fewer places they keep theirs; nobody new gets one until enough withdraw.",
            "{n} people are signed up. With fewer places they keep theirs; nobody new gets one until enough withdraw.",
            stake.signed,
        )
        if stake.waiting:
            found["capacity"] += " " + _("With more places, the first of the {n} who wait move up.", n=stake.waiting)
    if lost := _goes_with(activity, stake):
        found["status"] = _("If it is cancelled: {what}", what=lost)
    if stake.organizations:
        found["held_on"] = n_(
            "{n} organisation took part that day. It follows to another day that is past; on a day to come it has not "
            "taken part.",
            "{n} organisations took part that day. They follow to another day that is past; on a day to come they have "
            "not taken part.",
            stake.organizations,
        )
    if (later := stake.activities - 1) > 0:
        found = {
            name: n_(
                "This one and {n} later one together: {what}", "This one and {n} later ones together: {what}",
                later, what=said,
            )
            for name, said in found.items()
        }  # fmt: skip
    return found


def _goes_with(activity: Activity, stake: Stake) -> str:
    """What becomes of sign-ups and organisations when it is cancelled; nothing where there are none."""
    said = []
    people = stake.signed + stake.waiting
    if people and activity.status is ActivityStatus.PLANNED:
        said.append(
            n_(
                "{n} person signed up or waits for a place and has to be told.",
                "{n} people signed up or wait for a place and have to be told.",
                people,
            )
        )
    if stake.organizations:
        said.append(
            n_(
                "{n} organisation that took part counts as not having done so.",
                "{n} organisations that took part count as not having done so.",
                stake.organizations,
            )
        )
    return " ".join(said)


def _repeat(view: session.View, activity: Activity) -> None:
    """Make a series of it."""
    form = session.submission("repeat")
    rhythms = {str(one): say(one.label) for one in Rhythm}
    rhythm = st.selectbox(_("How often?"), list(rhythms), format_func=rhythms.__getitem__, key=f"rhythm-{form}")
    weeks = 1
    if rhythm == Rhythm.WEEKS:
        weeks = st.number_input(_("Every how many weeks?"), 1, MOST_WEEKS, 1, key=f"weeks-{form}")
    ends = {"times": _("So many times"), "until": _("Until a day")}
    how = st.segmented_control(
        _("How long?"), list(ends), format_func=ends.__getitem__, default="times", required=True, key=f"ends-{form}"
    )
    times, until = None, None
    if how == "until":
        until = forms.day(_("Until when?"), activity.held_on + timedelta(weeks=12), key=f"until-{form}")
    else:
        times = st.number_input(_("How many times in all?"), 2, MOST_IN_SERIES, 8, key=f"times-{form}")
    repeat = Repeat(Rhythm(rhythm), int(weeks), until, times)
    try:
        days = repeat.days(activity.held_on)
    except Invalid as invalid:
        cards.told(*invalid.problems.values())
        return
    st.caption(
        plain(
            _(
                "{n} activities, the last one on {day}",
                n=number(len(days)),
                day=i18n.date(days[-1]),
            )
        )
    )
    if st.button(_("Make the series"), type="primary", icon=":material/event_repeat:", key="do_repeat"):
        where = (view.community_id, activity.id, activity.revision, repeat)
        made = n_("{n} activity stands in the calendar.", "{n} activities stand in the calendar.", len(days))
        drawer.act(lambda: data.tell(repeat_activity, *where, key=form, done=made), form="repeat")


def _end(view: session.View, found: Gathering) -> None:
    activity = found.activity
    if activity.status is not ActivityStatus.CANCELLED:
        st.markdown(_("It did not take place: it stays in the list and counts as cancelled."))
        own = data.ask(checkin.at_stake, view.community_id, activity.id)
        _warn_of(activity, own)
        where = (view.community_id, activity.id, activity.revision)
        if st.button(_("Cancel the activity"), icon=":material/event_busy:", key="activity-cancel"):
            said = _("The activity is cancelled.")
            drawer.act(lambda: data.tell(cancel_activity, *where, done=said), close=OPEN)
        later = activity.series_id is not None and activity.status is ActivityStatus.PLANNED
        whole = data.ask(checkin.at_stake, view.community_id, activity.id, series=True) if later else own
        if whole != own:
            _warn_of(activity, whole, _("With the later ones: {what}"))
        if later and st.button(
            _("Cancel it and all later planned ones"), icon=":material/event_busy:", key="series-cancel"
        ):
            said = _("The activity and the later ones of its series are cancelled.")
            drawer.act(lambda: data.tell(cancel_series, *where, done=said), close=OPEN)
    along = False
    if found.registered and may(session.actor(), Operation.DELETE, Activity.collection):
        along = st.checkbox(
            n_("and its {n} attendance with it", "and its {n} attendances with it", found.registered),
            key="activity-delete-along",
        )
    remove = partial(delete_activity, with_attendances=along)
    drawer.offer_deletion(OPEN, activity, remove, _("It was entered by mistake: it goes for good."))


def _warn_of(activity: Activity, stake: Stake, words: str = "{what}") -> None:
    if lost := _goes_with(activity, stake):
        st.warning(plain(words.format(what=lost)), icon=":material/campaign:")


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
    who = guests.somebody(view, names, f"{desk.round}")
    if who is None:
        return
    code, at = who.code, f"{desk.round}-{who.code or ''}"
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
                age_band=who.age_band,
                sex=who.sex,
                grid_id=who.grid_id,
                role=part,
                hours=hours,
                accept_new=who.fresh,
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
