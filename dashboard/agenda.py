"""The next meeting on the Meetings page: its agenda, what is carried over to it, and what other rooms have for it."""

from collections.abc import Sequence

import streamlit as st

from dashboard import actions, data, drawer, i18n, minutes, session
from dashboard.i18n import _, n_, plain, say, term
from repository import maintenance, meetings, requests
from repository.access import Operation, may
from repository.hazards import Hazard
from repository.maintenance import Fault, WorkOrder
from repository.meetings import AgendaItem, Business, Cell, Link, Linked, Meeting, Minuted, Review
from repository.organizations import Organization, companies

OFFERED = 4  # of each kind, from other rooms


def show(view: session.View, found: Review, names: actions.Names) -> None:
    """The next meeting with its agenda as it stands, and what is not on it yet."""
    with st.container(border=True, gap="xsmall", height="stretch", key="next_meeting"):
        if found.next is None:
            _nothing_planned(found)
            return
        minuted = data.ask(meetings.meeting, view.community_id, found.next.id, now=view.now)
        meeting = minuted.meeting
        days = (meeting.day - view.now.date()).days
        soon = _("today") if days == 0 else n_("in {n} day", "in {n} days", days)
        st.header(plain(_("Next: {name}, {soon}", name=meeting.name, soon=soon)), anchor=False)
        facts = (minutes.when(meeting.day, meeting.time), meeting.place, names["people"].get(meeting.chair_id or ""))
        st.caption(plain(" · ".join(filter(None, facts))))
        if meeting.agenda:
            minutes.show_agenda(meeting.agenda, minuted.names, key="next")
        else:
            st.markdown(":gray[" + _("Nothing is on the agenda yet.") + "]")
        if view.past is None and actions.may_write():
            _offers(view, minuted, found.business)
        st.button(
            _("Open the meeting"), icon=":material/open_in_new:", key="open-next", on_click=drawer.open_at,
            args=(actions.MEETING, meeting.id),
        )  # fmt: skip
        if found.unplanned is not None and found.unplanned.required.last <= meeting.day:
            _plan(found.unplanned)


def _nothing_planned(found: Review) -> None:
    st.header(_("No meeting is planned"), anchor=False)
    if found.unplanned is not None:
        _plan(found.unplanned)


def _plan(cell: Cell) -> None:
    need = cell.required
    text = _(
        "{kind} for {period} is to be held from {first} to {last}",
        kind=say(need.kind.label), period=minutes.period_words(need.period),
        first=i18n.day_short(need.first), last=i18n.day_short(need.last),
    )  # fmt: skip
    st.markdown(plain(text))
    if session.past() is None and may(session.actor(), Operation.CREATE, Meeting.collection):
        st.button(
            _("Plan it"), type="primary", icon=":material/event_available:", key="do_plan", on_click=drawer.open_at,
            args=(actions.MEETING, f"{drawer.NEW}.{need.kind}.{need.period}"),
        )  # fmt: skip


def _offers(view: session.View, found: Minuted, business: Business | None) -> None:
    """What is not on the agenda yet and should be: carried-over items with one press, the rest to choose from."""
    meeting = found.meeting
    if business is None:
        return
    known = {item.link for item in meeting.agenda}
    carried = [item for each in business.carried if (item := meetings.agenda_item(each)).link not in known]
    carried = carried[: meetings.AGENDA - len(meeting.agenda)]  # the longest overdue first
    if carried:
        label = n_("Put the carried-over item first", "Put the {n} carried-over items first", len(carried))
        if st.button(label, type="primary", icon=":material/vertical_align_top:", key="do_carry"):
            _take_up(view, meeting, carried)
    offers = {item.link: item for item in _of_other_rooms(view, business) if item.link not in known}
    if not offers:
        return
    keys = {f"{link.about}:{link.ref}": item for link, item in offers.items() if link is not None}
    chosen = st.multiselect(
        _("From elsewhere"),
        list(keys),
        format_func=lambda key: keys[key].text if key in keys else key,
        placeholder=n_("{n} matter that may belong here", "{n} matters that may belong here", len(keys)),
        key=f"offers-{meeting.id}-{meeting.revision}",
    )
    if chosen and st.button(_("Put on the agenda"), icon=":material/playlist_add:", key="take-up"):
        _take_up(view, meeting, [keys[key] for key in chosen])


def _take_up(view: session.View, meeting: Meeting, items: Sequence[AgendaItem]) -> None:
    drawer.act(
        lambda: data.tell(
            requests.take_up, view.community_id, meeting.id, meeting.revision, items, done=_("It is on the agenda.")
        )
    )


def _of_other_rooms(view: session.View, business: Business) -> list[AgendaItem]:
    """Overdue items of other series, what was adjourned, major hazards past their deadline, the most urgent of the
    overdue orders, requests that were marked for a meeting, contracts that end: as agenda items."""
    found = [meetings.agenda_item(each) for each in business.elsewhere[:OFFERED]]
    found += [_about(Linked.DECISION, each.id, _("Adjourned: {what}", what=each.text)) for each in business.adjourned]
    reads = session.actor()
    if may(reads, Operation.READ, Hazard.collection) and may(reads, Operation.READ, WorkOrder.collection):
        urgent = data.ask(maintenance.urgent, view.community_id, now=view.now)
        found += [_about(Linked.HAZARD, each.id, _("Major hazard: {what}", what=each.what)) for each in urgent.late]
        for late in urgent.overdue[:OFFERED]:
            facts = {"days": i18n.days(late.days), "fault": term(late.fault, Fault), "where": late.place}
            found.append(_about(Linked.WORK_ORDER, late.id, _("Overdue by {days}: {fault}, {where}", **facts)))
    for one in data.ask(requests.for_meeting, view.community_id, limit=OFFERED):
        found.append(_about(Linked.REQUEST, one.id, _("Request {number}: {what}", number=one.number, what=one.text)))
    if may(reads, Operation.READ, Organization.collection):
        today = view.now.date()
        for each in data.ask(companies, view.community_id):
            if each.ends_soon(today) and each.contract_until:
                text = _("Contract of {name} ends on {day}", name=each.name, day=i18n.date(each.contract_until))
                found.append(_about(Linked.ORGANIZATION, each.id, text))
    return found


def _about(kind: Linked, id: str, text: str) -> AgendaItem:
    return AgendaItem(text=text.strip()[:200], link=Link(about=kind, ref=id))
