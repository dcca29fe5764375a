"""Take a request down, at the desk or at a door, in half a minute: what is wanted, how urgent, where, done."""

from datetime import timedelta
from typing import Any

import streamlit as st

from dashboard import cards, navigation, session
from dashboard.cases import PARAMETER
from dashboard.data import ask, tell
from dashboard.discretion import TAKEN_DOWN, mind_numbers
from dashboard.i18n import _, day_short, moment_short, number, plain, say, term
from dashboard.session import View
from repository import requests as room
from repository.access import Operation, may
from repository.grids import Community, community, grid_names
from repository.people import CONTACT_DAYS, people_by_id
from repository.requests import BY_THE_CLOCK, Channel, Request, Topic, Urgency, allowed, deadline
from repository.store import Invalid

LOGGED = "logged"
"""URL parameter: the request that was just taken."""


def render() -> None:
    """The page."""
    view = session.view()
    if not may(session.actor(), Operation.CREATE, Request.collection):
        st.info(_("Your role may look but not take requests."), icon=":material/visibility:")
        return
    if logged := st.query_params.get(LOGGED):
        _thanks(view, logged)
        return
    form = session.submission("receive")
    home = ask(community, view.community_id)
    with st.container(key="thumb", gap="small"):
        text = st.text_area(
            _("What does the resident want?"),
            placeholder=_("In their own words; such as: the lift of building 6 has stopped again"),
            max_chars=4000,
            height=110,
            key=f"text-{form}",
            on_change="ignore",
        )
        urgency = st.pills(
            _("How urgent is it?"),
            list(Urgency),
            default=Urgency.ORDINARY,
            required=True,
            format_func=lambda each: say(each.label),
            key=f"urgency-{form}",
        )
        channel = st.pills(
            _("How did it come?"),
            list(Channel),
            default=Channel.DESK,
            required=True,
            format_func=lambda each: say(each.label),
            key=f"channel-{form}",
        )
        where = _where(view, form)
        more = _more(form)
    with st.bottom, st.container(key="thumb_send", gap="xxsmall"):
        trouble = st.container()  # where the thumb is, not under the bar
        pressed = st.button(_("Take it down"), type="primary", icon=":material/send:", width="stretch", key="do_send")
        st.caption(_promise(view, home, Urgency(urgency), more["ago"]), text_alignment="center")
    if pressed:
        values = {"text": text or "", "urgency": urgency, "channel": channel, **where, **more}
        with trouble:
            _send(view, values, form)


def _where(view: View, form: str) -> dict[str, Any]:
    grids = ask(grid_names, view.community_id)
    with st.container(horizontal=True, gap="small"):
        place = st.text_input(
            _("Where? (optional)"),
            placeholder=_("Such as: building 6"),
            max_chars=200,
            key=f"place-{form}",
            **session.STAGED,
        )
        grid = st.selectbox(
            _("Grid"),
            list(grids),
            index=0 if len(grids) == 1 else list(grids).index(view.grid_id) if view.grid_id in grids else None,
            format_func=grids.__getitem__,
            placeholder=_("Choose"),
            key=f"grid-{form}",
        )
    return {"place": place or None, "grid_id": grid}


def _more(form: str) -> dict[str, Any]:
    """Topic, code, earlier receipt and whom to call back: behind a button, for none of it has to be."""
    with st.expander(_("Topic, resident, call-back (optional)"), icon=":material/call:"):
        topics = {str(each): say(each.label) for each in Topic}
        topic = st.selectbox(
            _("Topic"),
            list(topics),
            index=None,
            format_func=topics.__getitem__,
            placeholder=_("Found from the words"),
            key=f"topic-{form}",
        )
        code = st.text_input(
            _("Resident code"), max_chars=40, key=f"resident-{form}", help=_("A code, never a name or an ID number"),
            **session.STAGED,
        )  # fmt: skip
        hours = st.number_input(
            _("Came how many hours ago?"), 0.0, 8760.0, 0.0, 1.0, format="%g", key=f"ago-{form}",
            help=_("The deadline runs from when it came, not from when it is typed in."),
        )  # fmt: skip
        name = st.text_input(_("Person's name"), key=f"caller-{form}", max_chars=60, **session.STAGED)
        phone = st.text_input(
            _("Phone"), key=f"phone-{form}", type="phone", placeholder="138 0000 0000", max_chars=20, **session.STAGED
        )
        st.caption(
            _(
                "Kept apart from the request, masked, and forgotten some time after it is closed, after {n} days at "
                "the latest.",
                n=number(CONTACT_DAYS),
            )
        )
    me = session.actor().people
    facts: dict[str, Any] = {"category": topic, "resident": code or None}
    facts |= {"ago": hours or 0.0, "caller_name": name, "caller_phone": phone}
    return facts | {"received_by_id": me[0] if len(me) == 1 else None}


def _promise(view: View, home: Community, urgency: Urgency, ago: float) -> str:
    """By when it will have to be answered, counted from when it came, ``ago`` hours before."""
    amount = allowed(urgency, home.request_deadlines)
    due = deadline(urgency, view.now - timedelta(hours=ago), view.zone, home.request_deadlines)
    if urgency in BY_THE_CLOCK:
        when = moment_short(due, view.now)
        return _("To be answered by {when}: {n} hours, day and night", when=when, n=number(amount))
    day = day_short(due.astimezone(view.zone).date())
    return _("To be answered by {when}: {n} calendar days", when=day, n=number(amount))


def _send(view: View, values: dict[str, Any], form: str) -> None:
    ago = timedelta(hours=values.pop("ago"))
    caller = {name: values.pop(name) for name in ("caller_name", "caller_phone")}
    if ago:
        values["received_at"] = view.now - ago
    try:
        mind_numbers(form, TAKEN_DOWN, text=values["text"], place=values["place"])
        made = tell(room.take_request, view.community_id, values, **caller, key=form)
    except Invalid as problem:
        named = {
            "text": _("What does the resident want?"),
            "place": _("Where? (optional)"),
            "phone": _("Phone"),
            "grid_id": _("Grid"),
            "resident": _("Resident code"),
        }
        cards.told(
            *(
                _("{field}: {problem}", field=named[field], problem=say(message)) if field in named else message
                for field, message in problem.problems.items()
            )
        )
        return
    if made is not None:
        session.submitted("receive")
        st.query_params[LOGGED] = made.id
        st.rerun()


def _thanks(view: View, id: str) -> None:
    story = ask(room.request_story_if_any, view.community_id, id[:64])
    if story is None:
        _again()
        return
    one = story.request
    with st.container(border=True, gap="xsmall"):
        st.header(":green[:material/check_circle:] " + plain(_("Taken as {number}", number=one.number)), anchor=False)
        st.markdown(plain(" · ".join(filter(None, (term(one.category, Topic), one.place)))))
        who = ask(people_by_id, view.community_id).get(one.responsible_id or "")
        if one.deadline_at:
            local = one.deadline_at.astimezone(view.zone)
            when = moment_short(local, view.now) if one.urgency in BY_THE_CLOCK else day_short(local.date())
            said = (
                _("{who} answers by {when}.", who=who, when=when) if who else _("To be answered by {when}.", when=when)
            )
            st.markdown(plain(said))
        if story.before is not None:
            st.markdown(":material/replay: " + plain(_("The same came before: {number}", number=story.before.number)))
        navigation.link("requests", _("See the request"), **{PARAMETER: one.id})
    with st.bottom, st.container(key="thumb_send"):
        if st.button(_("Take another"), type="primary", icon=":material/add:", width="stretch", key="do_again"):
            _again()


def _again() -> None:
    st.query_params.pop(LOGGED, None)
    st.rerun()
