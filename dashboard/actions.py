"""Action items of meetings: how one stands, the drawer of one with its story, and those of the reader on My work."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import cards, data, drawer, forms, i18n, navigation, session
from dashboard.i18n import MISSING, _, days_badge, n_, number, plain, say
from repository import meetings
from repository.access import Operation, may
from repository.meetings import ActionItem, ItemState, Meeting
from repository.store import Invalid

Names = Mapping[str, Mapping[str, str]]
MEETING, ITEM = "meeting", "action"
"""URL parameters: the meeting, or the action item, whose drawer is open."""


def names_of(view: session.View) -> Names:
    """Who and which organisation by id: see ``meetings.answerable``."""
    return data.ask(meetings.answerable, view.community_id)


def may_write() -> bool:
    """Whether the reader keeps the minutes here."""
    return may(session.actor(), Operation.UPDATE, Meeting.collection)


def to_item(id: str) -> None:
    """Open an action item in place of the meeting it was seen in."""
    st.query_params.pop(MEETING, None)
    drawer.open_at(ITEM, id)


def to_meeting(id: str) -> None:
    """Open a meeting in place of the action item it was seen in."""
    st.query_params.pop(ITEM, None)
    drawer.open_at(MEETING, id)


def tell(view: session.View, found: Any, command: Callable[..., Any], done: str, *args: Any, **facts: Any) -> Any:
    """Run a command of the meetings' room on a record as it stands."""
    return data.tell(command, view.community_id, found.id, found.revision, *args, done=done, **facts)


def act(
    view: session.View, found: Any, command: Callable[..., Any], done: str, *args: Any, form: str | None = None,
    **facts: Any,
) -> None:  # fmt: skip
    """The same at a press of a button in a drawer: see ``drawer.act``."""
    drawer.act(lambda: tell(view, found, command, done, *args, **facts), form=form)


def state_badge(item: ActionItem, late: int) -> str:
    """Markdown of how an item stands: shape and word, not colour alone."""
    if item.state is ItemState.DONE:
        return f":green-badge[:material/check_circle: {plain(_('done {day}', day=i18n.day_short(item.closed_on)))}]"
    if item.state is ItemState.DROPPED:
        return f":gray-badge[:material/block: {plain(say(item.state.label))}]"
    if late:
        return f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=days_badge(late)))}]"
    return f":blue-badge[:material/schedule: {plain(_('due {day}', day=i18n.day_short(item.due_on)))}]"


def carried_badge(times: int) -> str:
    """Markdown of how often an item was carried over; empty for never."""
    if not times:
        return ""
    colour = "orange" if times >= meetings.OFTEN else "gray"
    return f":{colour}-badge[:material/repeat: {plain(n_('carried over once', 'carried over {n} times', times))}]"


# --- the drawer
def show(view: session.View, names: Names, found: ActionItem) -> None:
    """What stands in the drawer of one action item."""
    today = view.now.date()
    late = found.overdue_days(today)
    badges = [state_badge(found, late)]
    if found.moved:
        badges.append(
            f":gray-badge[:material/update: {plain(n_('day moved once', 'day moved {n} times', found.moved))}]"
        )
    st.markdown(" ".join(badges))
    facts = [
        names["people"].get(found.owner_id, MISSING),
        _("given {day}", day=i18n.date(found.given_on)),
        _("due {day}", day=i18n.date(found.due_on)),
        _("taken up by: {kind}", kind=say(found.series.label)),
    ]
    st.markdown(plain(" · ".join(facts)))
    if found.result:
        st.markdown(plain(_("Result: {result}", result=found.result)))
    if found.meeting_id:
        st.button(
            _("The meeting that gave it"), type="tertiary", icon=":material/groups:", key=f"of-{found.id}",
            on_click=to_meeting, args=(found.meeting_id,),
        )  # fmt: skip
    mine = found.owner_id in session.actor().people
    if found.is_open and (may_write() or mine):
        _finish(view, found)
    if may_write():
        _change(view, names, found)
    for event in reversed(found.events):
        told = (i18n.datetime_(event.at, session.zone()), say(event.step.label), event.by, event.note)
        st.markdown(f":small[{plain(' · '.join(filter(None, told)))}]")


def _finish(view: session.View, found: ActionItem) -> None:
    result = st.text_area(
        _("What came of it"), max_chars=1000, height=90, key=f"result-{found.id}", placeholder=_("In a few words"),
        on_change="ignore",
    )  # fmt: skip
    today = view.now.date()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="thumb_item"):
        done_on = forms.day(_("Done on"), today, key=f"done-{found.id}", width=160)
        if st.button(_("It is done"), type="primary", icon=":material/task_alt:", key="do_finish"):
            act(view, found, meetings.finish, _("Noted: it is done."), result=result, done_on=done_on)


def _change(view: session.View, names: Names, found: ActionItem) -> None:
    if not found.is_open:
        with st.popover(_("Reopen"), icon=":material/replay:", key=f"reopen-{found.id}"):
            why = st.text_input(_("What is not done?"), max_chars=200, key=f"undone-{found.id}", **session.STAGED)
            pressed = st.button(_("It is open again"), type="primary", key="do_reopen")
        if pressed:
            act(view, found, meetings.reopen, _("It is open again."), why)
    else:
        with st.expander(_("Another day, another owner")):
            reason = st.text_input(
                _("Reason"),
                max_chars=200,
                key=f"reason-{found.id}",
                help=_("Of another day or owner"),
                **session.STAGED,
            )
            saved = forms.edit(
                ActionItem,
                key="item-edit",
                fields=("what", "owner_id", "due_on"),
                current=found,
                references={"people": names["active"]},
                save=lambda values, _submission: _edited(view, found, values, reason),
            )
            if saved is not None:
                drawer.done()
        with st.popover(_("Not needed any more"), icon=":material/block:", key=f"drop-{found.id}"):
            because = st.text_input(_("Why?"), max_chars=200, key=f"dropped-{found.id}", **session.STAGED)
            pressed = st.button(_("Drop it"), type="primary", key="do_drop")
        if pressed:
            act(view, found, meetings.drop, _("It is dropped."), because)
    drawer.offer_deletion(ITEM, found, meetings.remove_item)


def _edited(view: session.View, found: ActionItem, values: forms.Values, reason: str | None) -> ActionItem | None:
    try:
        return data.tell(
            meetings.edit_item, view.community_id, found.id, values.revision, values, reason=reason, done=_("Saved.")
        )
    except Invalid as invalid:
        if "reason" in invalid.problems:  # its field stands above the form
            cards.told(_("Another day or owner needs a reason: write it above."))
            return None
        raise


# --- my work
def mine(view: session.View, people: Sequence[str]) -> int:
    """My open action items on the page My work, each with the way to its drawer; returns how many there are."""
    found = data.ask_in_passing(meetings.my_items, view.community_id, people, now=view.now) or []
    if not found:
        return 0
    late = sum(each.days_late > 0 for each in found)
    words = n_("{n} action item of a meeting", "{n} action items of meetings", len(found))
    if late:
        words += _(", {n} overdue", n=number(late))
    st.header(plain(words), anchor=False)
    for each in found:
        badges = filter(None, (state_badge(each.item, each.days_late), carried_badge(each.carried)))
        with st.container(border=True, gap="xxsmall", key=f"mine_item_{each.item.id}"):
            st.markdown(f"**{plain(each.item.what)}**")
            st.markdown(" ".join(badges))
            navigation.link("meetings", _("Details"), action=each.item.id)
    return len(found)
