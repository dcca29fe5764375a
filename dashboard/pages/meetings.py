"""Meetings: whether the cadence is kept, what is unfinished, what the next meeting deals with, and each meeting with
its agenda, attendance, decisions, action items and minutes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import cards, data, drawer, i18n, minutes, navigation, session, tables
from dashboard.i18n import MISSING, _, n_, number, plain, say, term
from repository import maintenance, meetings
from repository.access import Operation, may
from repository.hazards import Hazard
from repository.maintenance import Fault, WorkOrder
from repository.meetings import (
    MONTH_DAYS,
    OFTEN,
    QUARTER_DAYS,
    YEAR_DAYS,
    ActionItem,
    AgendaItem,
    Business,
    Cell,
    CellState,
    Decision,
    Link,
    Linked,
    Meeting,
    MeetingKind,
    Minuted,
    Review,
    Unfinished,
)
from repository.organizations import Organization, companies, organizations
from repository.people import people

MARKS: Mapping[CellState, tuple[str, str]] = {
    CellState.IN_TIME: ("green", ":material/check_circle:"),
    CellState.LATE: ("orange", ":material/warning:"),
    CellState.EARLY: ("orange", ":material/fast_forward:"),
    CellState.MISSING: ("red", ":material/dangerous:"),
    CellState.DUE: ("blue", ":material/pending:"),
    CellState.COMING: ("gray", ":material/event:"),
    CellState.BEFORE: ("gray", ":material/hide_source:"),
}
"""A silhouette of its own for each state of a required meeting."""
SHOWN_ON_PHONE = 12
OFFERED = 4  # of each kind, from other rooms


def render() -> None:
    """Five tiles, the year's calendar, what is unfinished beside the next meeting, the registers, the drawer."""
    view = session.view()
    found = data.ask(meetings.review, view.community_id, view.period, now=view.now)
    everybody = data.ask(people, view.community_id)
    names = {
        "people": {person.id: person.name for person in everybody},
        "active": {person.id: person.name for person in everybody if person.active},
        "organizations": {each.id: each.name for each in data.ask(organizations, view.community_id)},
    }
    if found.anything:
        with cards.tiles(5):
            missing = int(found.cadence.detail or 0)
            bare = replace(found.cadence, detail=None)  # the detail is no mean, as a tile would take it to be
            cards.tile(bare, page="", detail=_("{n} not held", n=number(missing)) if missing else None)
            cards.tile(found.carried_out, page="")
            cards.tile(found.carried_over, page="", detail=_("of {n} open", n=number(found.open_items)))
            cards.tile(found.consensus, page="")
            cards.tile(found.attendance, page="")
        _calendar(found)
        left, right = st.columns([7, 5], gap="small")
        with left:
            _unfinished(view, found, names)
        with right:
            _next(view, found, names)
        _registers(view, names)
    else:
        _begin(view)
    minutes.open_drawer(view, names)


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
        drawer.open_at(minutes.MEETING, f"{drawer.NEW}.{MeetingKind.MONTHLY}.{view.now:%Y-%m}")
    else:
        navigation.go("data")


# --- the year
def _calendar(found: Review) -> None:
    with st.container(border=True, gap="xsmall", key="chart_cadence"):
        st.header(plain(_cadence(found)), anchor=False)
        st.caption(
            plain(
                _(
                    "{year}: in time is a month's first {month} working days, a quarter's last {quarter}, the year's "
                    "first {days}; holidays move them.",
                    year=found.year,
                    month=MONTH_DAYS,
                    quarter=QUARTER_DAYS,
                    days=YEAR_DAYS,
                )  # fmt: skip
            )
            + (" " + _("Days of years whose holidays are not announced yet may move.") if _provisional(found) else "")
        )
        for count, kinds in ((12, (MeetingKind.MONTHLY,)), (5, (MeetingKind.QUARTERLY, MeetingKind.ANNUAL))):
            chosen = [each for each in found.cells if each.required.kind in kinds]
            with st.grid(count, min_column_width=92, gap="xxsmall"):
                for each in chosen:
                    _cell(each)
        for each in found.unrecorded[:3]:
            text = _("“{name}” was planned for {day}: was it held?", name=each.name, day=i18n.day_short(each.day))
            st.button(
                f":orange[:material/help:] {plain(text)}", type="tertiary", key=f"unrecorded-{each.id}",
                on_click=drawer.open_at, args=(minutes.MEETING, each.id),
            )  # fmt: skip
        cards.behind(_behind(found.cells), key="cadence", title=_cadence(found))


def _cadence(found: Review) -> str:
    """What the calendar says, in one sentence."""
    missing = [each for each in found.cells if each.state is CellState.MISSING]
    late = sum(each.state is CellState.LATE for each in found.cells)
    held = [each for each in found.cells if each.state in meetings.DECIDED]
    if missing:
        named = i18n.listed(_short(each) for each in missing[:4]) + ("…" if len(missing) > 4 else "")
        return n_(
            "{n} required meeting of {year} was not held: {which}",
            "{n} required meetings of {year} were not held: {which}",
            len(missing), year=found.year, which=named,
        )  # fmt: skip
    if late:
        return n_(
            "All required meetings were held, {n} of them late",
            "All required meetings were held, {n} of them late",
            late,
        )
    if not held:
        return _("No required meeting of {year} has come up yet", year=found.year)
    return n_(
        "The one required meeting so far was held in time", "All {n} required meetings so far were held in time",
        len(held),
    )  # fmt: skip


def _provisional(found: Review) -> bool:
    return any(each.required.provisional for each in found.cells)


def _short(each: Cell) -> str:
    """Apr, Q1, the year's: the cell's name where the year is known."""
    kind, period = each.required.kind, each.required.period
    if kind is MeetingKind.MONTHLY:
        return i18n.month_name(int(period[5:]))
    if kind is MeetingKind.QUARTERLY:
        return _("quarter {n}", n=period[5:])
    return _("start of year")


def _day_of(each: Cell) -> str:
    if each.state is CellState.BEFORE:
        return ""
    if each.meeting is not None and each.state is not CellState.MISSING:
        return i18n.day_axis(each.meeting.day)
    if each.state in (CellState.DUE, CellState.COMING):
        return _("by {day}", day=i18n.day_axis(each.required.last))
    return ""


def _state_of(each: Cell) -> str:
    if each.state is CellState.COMING and each.meeting is not None:
        return _("Planned")
    return say(each.state.label)


def _word(each: Cell) -> str:
    """The state in as few letters as a cell of the calendar has room for."""
    if each.state is CellState.COMING and each.meeting is not None:
        return _("Planned")
    words = {
        CellState.IN_TIME: _("In time"),
        CellState.LATE: _("Late"),
        CellState.EARLY: _("Early"),
        CellState.MISSING: _("Not held"),
        CellState.DUE: _("Due now"),
        CellState.COMING: _("To come"),
        CellState.BEFORE: _("No record"),
    }
    return words[each.state]


def _cell(each: Cell) -> None:
    colour, icon = MARKS[each.state]
    day = f"  \n:small[:gray[{plain(_day_of(each) or MISSING)}]]"
    label = f"**{plain(_short(each).capitalize())}**  \n:{colour}[{icon}] :small[{plain(_word(each))}]{day}"
    actor = session.actor()
    plans = each.state is not CellState.BEFORE and may(actor, Operation.CREATE, Meeting.collection)
    wanted = each.meeting.id if each.meeting else f"{drawer.NEW}.{each.required.kind}.{each.required.period}"
    days = _("{first} to {last}", first=i18n.date(each.required.first), last=i18n.date(each.required.last))
    st.button(
        label,
        key=f"cell-{each.required.period}",
        width="stretch",
        disabled=each.meeting is None and not plans,
        help=plain(days),
        on_click=drawer.open_at,
        args=(minutes.MEETING, wanted),
    )


def _behind(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    return [
        {
            _("Required meeting"): f"{say(each.required.kind.label)} · {minutes.period_words(each.required.period)}",
            _("From"): each.required.first,
            _("To"): each.required.last,
            _("State"): _state_of(each),
            _("Date"): each.meeting.day if each.meeting else None,
            _("Days late"): each.days_late or None,
        }
        for each in cells
    ]


# --- what is unfinished
def _unfinished(view: session.View, found: Review, names: minutes.Names) -> None:
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
                minutes.ITEM,
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


def _finding(found: Review, names: minutes.Names) -> str:
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


def _phone_row(each: Unfinished, names: minutes.Names) -> None:
    item = each.item
    badges = " ".join(filter(None, (minutes.state_badge(item, each.days_late), minutes.carried_badge(each.carried))))
    label = f"**{plain(item.what)}** · {plain(names['people'].get(item.owner_id, MISSING))}  \n{badges}"
    st.button(label, key=f"phone-{item.id}", width="stretch", on_click=drawer.open_at, args=(minutes.ITEM, item.id))


def _closed(view: session.View, names: minutes.Names) -> None:
    items, total = data.ask(meetings.closed_items, view.community_id, view.period)
    drawer.register(
        minutes.ITEM, ActionItem, items, key="items-closed", names=names,
        columns=["what", "owner_id", "due_on", "closed_on", "state", "result"],
        total=number(total) if total > len(items) else None,
    )  # fmt: skip


# --- the next meeting
def _next(view: session.View, found: Review, names: minutes.Names) -> None:
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
            minutes.show_agenda(meeting.agenda, minuted.names)
        else:
            st.markdown(":gray[" + _("Nothing is on the agenda yet.") + "]")
        if minutes.may_write():
            _offers(view, minuted)
        st.button(
            _("Open the meeting"), icon=":material/open_in_new:", key="open-next", on_click=drawer.open_at,
            args=(minutes.MEETING, meeting.id),
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
    if may(session.actor(), Operation.CREATE, Meeting.collection):
        st.button(
            _("Plan it"), type="primary", icon=":material/event_available:", key="do_plan", on_click=drawer.open_at,
            args=(minutes.MEETING, f"{drawer.NEW}.{need.kind}.{need.period}"),
        )  # fmt: skip


def _offers(view: session.View, found: Minuted) -> None:
    """What is not on the agenda yet and should be: carried-over items with one press, the rest to choose from."""
    meeting = found.meeting
    business = data.ask(meetings.business, view.community_id, meeting.id, now=view.now)
    known = {item.link for item in meeting.agenda}
    carried = [item for each in business.carried if (item := meetings.agenda_item(each)).link not in known]
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
            meetings.take_up, view.community_id, meeting.id, meeting.revision, items, done=_("It is on the agenda.")
        )
    )


def _of_other_rooms(view: session.View, business: Business) -> list[AgendaItem]:
    """Overdue items of other series, what was adjourned, major hazards past their deadline, the most urgent of the
    overdue orders, contracts that end: as agenda items."""
    found = [meetings.agenda_item(each) for each in business.elsewhere[:OFFERED]]
    found += [_about(Linked.DECISION, each.id, _("Adjourned: {what}", what=each.text)) for each in business.adjourned]
    reads = session.actor()
    if may(reads, Operation.READ, Hazard.collection):
        _shut, major = data.ask(maintenance.urgent_dangers, view.community_id, now=view.now, most=OFFERED)
        found += [_about(Linked.HAZARD, each.id, _("Major hazard: {what}", what=each.what)) for each in major]
    if may(reads, Operation.READ, WorkOrder.collection):
        for late in data.ask(maintenance.most_overdue, view.community_id, now=view.now, most=OFFERED):
            facts = {"days": i18n.days(late.days), "fault": term(late.fault, Fault), "where": late.place}
            found.append(_about(Linked.WORK_ORDER, late.id, _("Overdue by {days}: {fault}, {where}", **facts)))
    if may(reads, Operation.READ, Organization.collection):
        today = view.now.date()
        for each in data.ask(companies, view.community_id):
            if each.ends_soon(today) and each.contract_until:
                text = _("Contract of {name} ends on {day}", name=each.name, day=i18n.date(each.contract_until))
                found.append(_about(Linked.ORGANIZATION, each.id, text))
    return found


def _about(kind: Linked, id: str, text: str) -> AgendaItem:
    return AgendaItem(text=text.strip()[:200], link=Link(about=kind, ref=id))


# --- registers
def _registers(view: session.View, names: minutes.Names) -> None:
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
            drawer.open_at(minutes.MEETING)
    if chosen == "decisions":
        _decided(view, heading)
        return
    found, total = data.ask(meetings.meetings, view.community_id, view.period)
    heading.header(n_("{n} meeting", "{n} meetings", total), anchor=False, width="content")
    came, final = _("Attendance (%)"), _("Minutes")
    drawer.register(
        minutes.MEETING,
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
    found, total = data.ask(meetings.decisions, view.community_id, view.period)
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
            drawer.open_at(minutes.MEETING, of[picked])
