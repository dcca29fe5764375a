"""In the drawer of an activity: who signed up and who waits, one tap for who is here, and its door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard import cards, drawer, i18n, labels, labelsheet, recognise, session, tables
from dashboard.data import ask, ask_in_passing, fetch, tell
from dashboard.i18n import _, number, percent, plain, say
from dashboard.server import LOOPBACK
from dashboard.session import View
from repository import checkin
from repository.access import Operation, may
from repository.activities import ActivityStatus, known_residents, resident_code
from repository.checkin import Door, Guests, spoken_code
from repository.grids import community
from repository.labels import spoken
from repository.people import AgeBand, Sex
from repository.signups import SignUp, SignUpState, Way
from repository.store import Conflict, Duplicate, Invalid, NotFound

Names = Mapping[str, Mapping[str, str]]
SHOWN = 60  # people to tap at once: more are found by their code


@dataclass(frozen=True)
class Somebody:
    """Whom the form means: a code, None for somebody new; what is said of them; ``fresh``: the code may be new."""

    code: str | None
    age_band: AgeBand | None
    sex: Sex | None
    grid_id: str | None
    fresh: bool


def somebody(view: View, names: Names, key: str) -> Somebody | None:
    """The inputs that say who it is, with what is known of a code that was typed; None while that can't be read."""
    at = key
    if found := st.session_state.pop(f"recognised-{key}", None):
        st.session_state[f"att-code-{key}"] = found
    typed = st.text_input(
        _("Resident's code"),
        placeholder="R-7K3Q",
        key=f"att-code-{at}",
        help=_("Left empty, the resident is new and gets a code. A code, never a name or an ID number."),
    )
    recognise.find(view, names, key, partial(_recognised, key))
    code, known = None, None
    if typed.strip():
        try:
            code = resident_code(typed)
        except Invalid as invalid:
            cards.told(invalid.problems["resident"])
            return None
        known = ask(known_residents, view.community_id, [code]).get(code)
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
    return Somebody(code, band, sex, grid, fresh)


def _recognised(key: str, code: str) -> None:
    st.session_state[f"recognised-{key}"] = code
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is running
        st.rerun()


@dataclass
class _Desk:
    """What was just said at the desk of one activity; ``round`` names its inputs."""

    activity_id: str
    round: int = 0
    said: str = ""
    submission: str = field(default_factory=lambda: session.submission("sign-up"))

    def turn(self, said: str) -> None:
        """The next one, please; redraws the drawer."""
        self.round += 1
        self.said = said
        session.submitted("sign-up")
        self.submission = session.submission("sign-up")
        try:
            st.rerun(scope="fragment")
        except StreamlitAPIException:  # the whole page is running, such as right after the drawer was opened
            st.rerun()


def show(view: View, names: Names, found: Guests) -> None:
    """Who signed up, and what can be done about it before, on the day and after."""
    desk = st.session_state.get("guests.desk")
    if desk is None or desk.activity_id != found.activity.id:
        desk = st.session_state["guests.desk"] = _Desk(found.activity.id)
    slot, capacity = found.slot, found.activity.capacity
    with st.container(horizontal=True, gap="medium"):
        taken = number(slot.signed) if capacity is None else f"{number(slot.signed)} / {number(capacity)}"
        st.metric(_("Signed up"), taken, width="content")
        if slot.waiting:
            st.metric(_("Waiting"), number(slot.waiting), width="content")
        if slot.came:
            st.metric(_("Came of them"), number(slot.came), width="content")
        if slot.missed is not None:
            value = slot.showed_up
            st.metric(_("Did not come"), number(slot.missed), width="content")
            if value.enough:
                st.metric(say(value.metric.short), percent(value.value), width="content", help=cards.about(value))
    if slot.over and slot.signed and not slot.came:
        st.caption(_("It is over, and nobody who signed up was recorded as having come: so that is not known."))
    if desk.said:
        st.success(plain(desk.said), icon=":material/check_circle:")
    cancelled = found.activity.status is ActivityStatus.CANCELLED
    enter = may(session.actor(), Operation.CREATE, SignUp.collection)
    if cancelled:
        st.caption(_("It was cancelled: nobody can sign up."))
    today = found.activity.held_on == view.now.date()
    if today and not cancelled and found.sign_ups:
        _tap(view, found, desk)
    if enter and not slot.over and not cancelled:
        with st.expander(_("Sign somebody up"), expanded=not today or not found.sign_ups, icon=":material/person_add:"):
            _sign_up(view, names, found, desk)
    if found.sign_ups:
        with st.expander(_("The whole list"), expanded=not today, icon=":material/list:"):
            _list(view, names, found, desk)


def _sign_up(view: View, names: Names, found: Guests, desk: _Desk) -> None:
    who = somebody(view, names, f"up-{desk.round}")
    if who is None:
        return
    way = st.segmented_control(
        _("Signed up by way of"),
        list(Way),
        format_func=lambda way: say(way.label),
        default=Way.DESK,
        required=True,
        key=f"up-way-{desk.round}",
    )
    full = found.slot.full
    label = _("Put on the waiting list") if full else _("Sign up")
    if not st.button(label, type="primary", icon=":material/how_to_reg:", key="do_sign_up"):
        return
    try:
        made = tell(
            checkin.sign_up,
            view.community_id,
            desk.activity_id,
            resident=who.code,
            age_band=who.age_band,
            sex=who.sex,
            lives_in=who.grid_id,
            way=way,
            accept_new=who.fresh,
            key=desk.submission,
        )
    except (Invalid, Duplicate, Conflict) as trouble:
        _say_problems(trouble)
        return
    if made is not None:
        facts = {"code": made.sign_up.resident, "once": spoken_code(made.code)}
        if made.ahead is None:
            desk.turn(_("{code} has a place. Code for the door, told this once: {once}", **facts))
        else:
            facts["n"] = number(made.ahead)
            desk.turn(_("{code} is on the waiting list, {n} before them. Code for the door: {once}", **facts))


def _tap(view: View, found: Guests, desk: _Desk) -> None:
    """One tap for who is here, those who are not yet here first."""
    words = st.text_input(
        _("Search"),
        placeholder=_("Resident code"),
        label_visibility="collapsed",
        type="search",
        icon=":material/search:",
        key="guests-search",
    )
    wanted = "".join(filter(str.isalnum, words or "")).upper()
    people = [
        one
        for one in sorted(found.sign_ups, key=lambda one: (one.came, one.state is SignUpState.WAITING, one.resident))
        if one.state is not SignUpState.WITHDRAWN
        and (not wanted or wanted in "".join(filter(str.isalnum, one.resident)))
    ]
    for one in people[:SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"thumb_{one.id}"):
            traits = " · ".join(plain(say(each.label)) for each in (one.age_band, one.sex) if each)
            waits = _("waiting")
            more = f" :orange-badge[{plain(waits)}]" if one.state is SignUpState.WAITING else ""
            here = ":green[:material/check_circle:] " if one.came else ""
            st.markdown(f"{here}**{plain(one.resident)}** :gray[{traits}]{more}", width="stretch")
            if one.came:
                if may(session.actor(), Operation.DELETE, "attendances"):
                    _act(_("Undo"), f"undo-{one.id}", ":material/undo:", desk, one, _taken_back, view)
            elif may(session.actor(), Operation.CREATE, "attendances"):
                _act(_("Came"), f"came-{one.id}", ":material/check:", desk, one, _here, view)
    tables.first_of(SHOWN, len(people))


def _act(
    label: str, key: str, icon: str, desk: _Desk, one: SignUp, do: Callable[[View, SignUp], str | None], view: View
) -> None:
    if st.button(label, icon=icon, key=f"guest-{key}"):
        try:
            said = do(view, one)
        except (Invalid, Duplicate, Conflict) as trouble:
            _say_problems(trouble)
            return
        if said is not None:
            desk.turn(said)


def _here(view: View, one: SignUp) -> str | None:
    made = tell(checkin.check_in, view.community_id, one.id)
    return None if made is None else _("{code} is here.", code=one.resident)


def _taken_back(view: View, one: SignUp) -> str | None:
    def command(*args: object) -> bool:
        checkin.undo_check_in(*args)  # type: ignore[arg-type]
        return True

    return _("{code} is not here after all.", code=one.resident) if tell(command, view.community_id, one.id) else None


def _list(view: View, names: Names, found: Guests, desk: _Desk) -> None:
    picked = tables.register(
        SignUp,
        found.sign_ups,
        key=f"guests-{desk.round}",
        columns=[
            "resident",
            "state",
            *(["came"] if found.slot.came else []),
            "way",
            "asked_at",
            "age_band",
            "sex",
            "lives_in",
        ],
        names=names,
        height=260,
    )
    one = next((each for each in found.sign_ups if each.id == picked), None)
    if one is None:
        return
    actor, where = session.actor(), (view.community_id, one.id)
    with st.container(horizontal=True, gap="small"):
        if may(actor, Operation.UPDATE, SignUp.collection) and one.state is not SignUpState.WITHDRAWN:
            if not one.came and not found.slot.over:
                _act(_("Withdraw"), "withdraw", ":material/person_remove:", desk, one, _withdrawn, view)
            _act(_("New code for the door"), "code", ":material/password:", desk, one, _renewed, view)
        if one.came and may(actor, Operation.DELETE, "attendances"):
            _act(_("Undo: did not come"), "undo", ":material/undo:", desk, one, _taken_back, view)
        elif may(actor, Operation.DELETE, SignUp.collection) and st.button(
            _("Entered by mistake"), icon=":material/delete:", key="guest-delete"
        ):
            drawer.act(
                lambda: tell(_removed, *where, one.revision, done=_("Deleted.")),
            )


def _withdrawn(view: View, one: SignUp) -> str | None:
    gone = tell(checkin.withdraw, view.community_id, one.id, one.revision)
    if gone is None:
        return None
    said = _("{code} has withdrawn.", code=one.resident)
    if gone.moved_up:
        codes = i18n.listed(each.resident for each in gone.moved_up)
        said += " " + _("Now has the place, and should be told: {codes}", codes=codes)
    return said


def _renewed(view: View, one: SignUp) -> str | None:
    code = tell(checkin.renew_code, view.community_id, one.id, one.revision)
    if code is None:
        return None
    return _("New code for the door for {code}, told this once: {once}", code=one.resident, once=spoken_code(code))


def _removed(*args: object) -> bool:
    checkin.remove_sign_up(*args)  # type: ignore[arg-type]
    return True


# --- the door
def door(view: View, found: Guests) -> None:
    """The code at the door, to show on a screen or to print."""
    activity, zone = found.activity, view.zone
    when = _(
        "Open from {opens} to {closes} on the day.",
        opens=i18n.time_(found.hours.opens, zone),
        closes=i18n.time_(found.hours.closes, zone) if found.hours.closes.astimezone(zone).hour else "24:00",
    )
    st.markdown(
        plain(
            _(
                "Whoever comes scans this and checks in alone: by the one-time code of the sign-up, by their own code, "
                "or as somebody new who is given one. No name is asked for."
            )
        )
    )
    st.caption(plain(when))
    make = may(session.actor(), Operation.CREATE, Door.collection)
    if found.door is None:
        if make and st.button(_("Make the code"), type="primary", icon=":material/qr_code_2:", key="do_door"):
            drawer.act(lambda: tell(checkin.open_door, view.community_id, activity.id))
        return
    where = labels.address()
    link = labelsheet.door_link(where, found.door)
    st.image(labelsheet.picture(link), width=320)
    st.metric(_("Code at the door"), plain(spoken(found.door)), width="content")
    st.caption(plain(link))
    if urlsplit(where).hostname in LOOPBACK:
        st.warning(
            _(
                "Only this machine reaches this address, so the code would lead nowhere. Set GRIDBOARD_PUBLIC_URL to "
                "the address that phones use."
            ),
            icon=":material/wifi_off:",
        )
    home = ask_in_passing(community, view.community_id)
    begins = activity.starts_at or ""
    day = f"{i18n.date(activity.held_on)} {begins}".strip()
    code = found.door
    st.download_button(
        _("Sheet for the door (PDF)"),
        data=fetch(
            lambda _store, _actor: labelsheet.door_sheet(
                code, where, activity.name, " · ".join(filter(None, (day, activity.place))), home.name if home else ""
            )
        ),
        file_name=f"door-{i18n.date(activity.held_on)}.pdf",
        mime="application/pdf",
        on_click="ignore",
        icon=":material/print:",
        key="door-pdf",
    )
    if make and may(session.actor(), Operation.UPDATE, Door.collection):
        with st.popover(_("The code is misused"), icon=":material/autorenew:", type="tertiary"):
            st.markdown(_("With a new code the old one leads nowhere any more: print the sheet again."))
            if st.button(_("Give it a new code"), key="do_door_renew"):
                drawer.act(lambda: tell(checkin.renew_door, view.community_id, activity.id))


def _say_problems(trouble: Invalid | Duplicate | Conflict | NotFound) -> None:
    cards.told(*(trouble.problems.values() if isinstance(trouble, Invalid) else [trouble]))
