"""Meetings: whether the cadence is kept, what is unfinished, what the next meeting deals with, and each meeting with
its agenda, attendance, decisions, action items and minutes."""

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import actions, agenda, cadence, cards, data, drawer, i18n, minutes, navigation, session, tables
from dashboard.i18n import MISSING, _, n_, number, plain
from repository import meetings
from repository.access import Operation, may
from repository.meetings import (
    OFTEN,
    ActionItem,
    Decision,
    Meeting,
    MeetingKind,
    Review,
    Unfinished,
)
from repository.store import Put

SHOWN_ON_PHONE = 12
SHORT = 60  # characters of what is to be done, on a phone


def render() -> None:
    """Five tiles, the year's calendar, what is unfinished beside the next meeting, the registers, the drawer."""
    view = session.view()
    found, names = data.ask_together(
        view.community_id,
        Put(meetings.review, (view.period,), {"now": view.now}),
        Put(meetings.answerable, (), {}),
    )
    if found.anything:
        with cards.tiles(5):
            missing = int(found.cadence.detail or 0)
            bare = replace(found.cadence, detail=None)  # the detail is no mean, as a tile would take it to be
            cards.tile(bare, page="", detail=_("{n} not held", n=number(missing)) if missing else None)
            cards.tile(found.carried_out, page="")
            cards.tile(found.carried_over, page="", detail=_("of {n} open", n=number(found.open_items)))
            cards.tile(found.consensus, page="")
            cards.tile(found.attendance, page="")
        cadence.show(found)
        left, right = st.columns([7, 5], gap="small")
        with left:
            _unfinished(view, found, names)
        with right:
            agenda.show(view, found, names)
        _registers(view, names)
    else:
        _begin(view)
    with session.today() as now:
        minutes.open_drawer(now, names)


def _begin(view: session.View) -> None:
    buttons = [(_("Import a sheet"), ":material/upload_file:")]
    enter = may(session.actor(), Operation.CREATE, Meeting.collection)
    if enter:
        buttons.insert(0, (_("Plan the first meeting"), ":material/add:"))
    pressed = cards.empty(
        _("No meetings yet"),
        _("Plan the next start-of-month meeting, or bring in the list you keep. From the first one on it is checked "
          "whether each month, quarter and year had its meeting."),
        *buttons,
        key="meetings",
    )  # fmt: skip
    if pressed is None:
        return
    if enter and pressed == 0:
        drawer.open_at(actions.MEETING, f"{drawer.NEW}.{MeetingKind.MONTHLY}.{view.now:%Y-%m}")
    else:
        navigation.go("data")


# --- what is unfinished
def _unfinished(view: session.View, found: Review, names: actions.Names) -> None:
    words = {
        "": _("All open"),
        "late": _("Overdue"),
        "often": _("Carried over ≥ {n} times", n=OFTEN),
        "closed": _("Closed"),
    }
    with st.container(border=True, gap="xsmall", height="stretch", key="unfinished"):
        st.header(plain(_finding(found, names)), anchor=False)
        which = st.segmented_control(
            _("Which"),
            list(words),
            format_func=words.__getitem__,
            required=True,
            label_visibility="collapsed",
            **session.in_url("which", words),
        )
        if which == "closed":
            _closed(view, names)
            return
        chosen = [
            each
            for each in found.unfinished
            if not which or (which == "late" and each.days_late) or (which == "often" and each.carried >= OFTEN)
        ]
        if not chosen:
            st.markdown(
                ":gray[" + _("Nothing here: what meetings give people to do stands here until it is done.") + "]"
            )
            return
        by_id = {each.item.id: each for each in chosen}
        with st.container(key="wide_items"):
            late, times = _("Days late"), _("Carried over")
            drawer.register(
                actions.ITEM,
                ActionItem,
                [each.item for each in chosen],
                key="items",
                columns=["what", "owner_id", late, times, "due_on"],
                names=names,
                more={
                    late: lambda item: by_id[item.id].days_late or None,
                    times: lambda item: by_id[item.id].carried or None,
                },
                late=late,
                total=number(found.open_items) if found.open_items > len(found.unfinished) and not which else None,
            )
        with st.container(key="narrow_items", gap="xsmall"):
            for each in chosen[:SHOWN_ON_PHONE]:
                _phone_row(each, names)
            tables.first_of(SHOWN_ON_PHONE, len(chosen))


def _finding(found: Review, names: actions.Names) -> str:
    if found.overdue:
        worst = found.unfinished[0]
        return n_(
            "{n} action item is overdue, by {days}: {who}",
            "{n} action items are overdue, the longest by {days}: {who}",
            found.overdue,
            days=i18n.days(worst.days_late),
            who=names["people"].get(worst.item.owner_id, MISSING),
        )
    if found.open_items:
        return n_("{n} action item is open, in time", "{n} action items are open, all in time", found.open_items)
    return _("Nothing is unfinished")


def _phone_row(each: Unfinished, names: actions.Names) -> None:
    item = each.item
    badges = " ".join(filter(None, (actions.state_badge(item, each.days_late), actions.carried_badge(each.carried))))
    what = item.what if len(item.what) <= SHORT else f"{item.what[: SHORT - 1]}…"
    label = f"**{plain(what)}** · {plain(names['people'].get(item.owner_id, MISSING))}  \n{badges}"
    st.button(label, key=f"phone-{item.id}", width="stretch", on_click=drawer.open_at, args=(actions.ITEM, item.id))


def _closed(view: session.View, names: actions.Names) -> None:
    items, total = data.ask_as_seen(meetings.closed_items, view.community_id, view.period)
    drawer.register(
        actions.ITEM, ActionItem, items, key="items-closed", names=names,
        columns=["what", "owner_id", "due_on", "closed_on", "state", "result"],
        total=number(total) if total > len(items) else None,
    )  # fmt: skip


# --- registers
def _registers(view: session.View, names: actions.Names) -> None:
    words = {"meetings": _("Meetings"), "decisions": _("Decisions")}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.empty()
        chosen = st.segmented_control(
            _("Register"),
            list(words),
            required=True,
            format_func=words.__getitem__,
            label_visibility="collapsed",
            **session.in_url("list", words, "meetings"),
        )
        st.space("stretch")
        if may(session.actor(), Operation.CREATE, Meeting.collection) and st.button(
            _("Plan a meeting"), icon=":material/add:", type="primary", key="do_meeting", width="content"
        ):
            drawer.open_at(actions.MEETING)
    if chosen == "decisions":
        _decided(view, heading)
        return
    found, total = data.ask_as_seen(meetings.meetings, view.community_id, view.period)
    heading.header(n_("{n} meeting", "{n} meetings", total), anchor=False, width="content")
    came, final = _("Attendance (%)"), _("Minutes")
    drawer.register(
        actions.MEETING,
        Meeting,
        found,
        key="meetings",
        columns=["name", "kind", "day", "time", "status", "chair_id", came, final, "place", "reason"],
        names=names,
        more={came: _share, final: _standing},
        total=number(total) if total > len(found) else None,
    )


def _share(found: Meeting) -> int | None:
    taken = found.present_ids or found.present_organization_ids
    return round(100 * found.attended / found.invited) if taken and found.invited else None


def _standing(found: Meeting) -> str | None:
    if found.locked:
        return _("final, version {n}", n=found.final)
    if found.correcting is not None:
        return _("being corrected")
    return _("draft") if found.draft else None


def _decided(view: session.View, heading: Any) -> None:
    found, total = data.ask_as_seen(meetings.decisions, view.community_id, view.period)
    heading.header(n_("{n} decision", "{n} decisions", total), anchor=False, width="content")
    of = {each.id: each.meeting_id for each in found}
    picked = tables.register(
        Decision,
        found,
        key="decisions",
        columns=["text", "outcome", "votes_for", "votes_against", "decided_on", _("Things changed")],
        more={_("Things changed"): lambda each: len(each.links) or None},
        total=number(total) if total > len(found) else None,
    )
    if picked != st.session_state.get("decisions.seen"):
        st.session_state["decisions.seen"] = picked
        if picked:
            drawer.open_at(actions.MEETING, of[picked])
