"""The drawers of the Meetings page: one meeting with agenda, attendance, decisions, action items and minutes; one
action item with its story. And the way back to a decision from what it changed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import actions, data, drawer, forms, i18n, navigation, session
from dashboard.actions import ITEM, MEETING, Names, act, carried_badge, may_write, state_badge, tell, to_item
from dashboard.i18n import MISSING, _, n_, number, plain, say
from repository import meetings
from repository.access import Operation, may
from repository.meetings import (
    REQUIRED,
    ActionItem,
    AgendaItem,
    Cell,
    CellState,
    Decision,
    Link,
    Linked,
    Meeting,
    MeetingKind,
    MeetingStatus,
    Minuted,
    Outcome,
    Resolved,
    Unfinished,
    Version,
)
from repository.metrics import Period, PeriodTrouble
from repository.store import build
from repository.words import Message

TO_PLAN = (CellState.DUE, CellState.COMING)
STATUS = {MeetingStatus.PLANNED: "blue", MeetingStatus.HELD: "green", MeetingStatus.CANCELLED: "gray"}
OUTCOMES = {
    Outcome.CONSENSUS: ("green", ":material/handshake:"),
    Outcome.MAJORITY: ("orange", ":material/how_to_vote:"),
    Outcome.ADJOURNED: ("gray", ":material/update:"),
}
NEW_FIELDS = (
    "kind", "name", "day", "time", "period", "reason", "place", "chair_id", "recorder_id", "invited_ids",
    "invited_organization_ids",
)  # fmt: skip


def period_words(period: str | None) -> str:
    """April 2026, Q1 2026, 2026; empty for what is for no period."""
    return i18n.period(Period.of(period)) if period else ""


def when(day: Any, time: str | None = None) -> str:
    """A day and its hour, for sentences."""
    return " ".join(filter(None, (i18n.day_short(day), time)))


def open_drawer(view: session.View, names: Names) -> None:
    """Draw what is open. Call it last."""
    if wanted := drawer.opened(ITEM):
        found = data.ask(meetings.action_item, view.community_id, wanted)
        drawer.show(ITEM, plain(found.what), lambda: _item(view, names, found))
    elif wanted := drawer.opened(MEETING):
        if wanted.split(".", maxsplit=1)[0] == drawer.NEW:
            if may(session.actor(), Operation.CREATE, Meeting.collection):
                drawer.show(MEETING, _("Plan a meeting"), lambda: _new(view, names, wanted))
            return
        minuted = data.ask(meetings.meeting, view.community_id, wanted, now=view.now)
        drawer.show(MEETING, plain(minuted.meeting.name), lambda: _one(view, names, minuted))


def _item(view: session.View, names: Names, found: ActionItem) -> None:
    """An action item, and what the decision it comes of is about."""
    actions.show(view, names, found)
    if found.decision_id is None:
        return
    of = data.ask(meetings.decision, view.community_id, found.decision_id)
    st.markdown(plain(_("It comes of the decision: {what}", what=of.text)))
    words = data.ask(meetings.names, view.community_id, of.links)
    for place, link in enumerate(of.links):
        _away(words, link, key=f"{found.id}-{place}")


# --- a new meeting
def _new(view: session.View, names: Names, wanted: str) -> None:
    """The form begins with what the last meeting was like: who is invited hardly changes. ``wanted`` may name the kind
    and the period it is for (``new.monthly.2026-05``)."""
    parts = wanted.split(".")
    known = len(parts) == 3 and parts[1] in set(REQUIRED) and _is_period(parts[2])
    if known:
        kind, period = MeetingKind(parts[1]), parts[2]
    else:
        words = {str(each): say(each.label) for each in MeetingKind}
        chosen = st.segmented_control(
            _("Kind"), list(words), default=str(MeetingKind.MONTHLY), required=True,
            format_func=lambda word: plain(words[word]), key="meeting-kind",
        )  # fmt: skip
        kind, period = MeetingKind(chosen), ""
    cell = _cell_of(view, kind, period)
    defaults: dict[str, Any] = {"kind": kind, "time": "09:00", "name": _name_of(kind, period)}
    if cell is not None:
        defaults |= {"period": cell.required.period, "name": _name_of(kind, cell.required.period)}
        defaults["day"] = max(cell.required.opens, view.now.date())
    last = next(iter(data.ask(meetings.meetings, view.community_id)[0]), None)
    if last is not None:
        kept = ("place", "chair_id", "recorder_id", "invited_ids", "invited_organization_ids", "time")
        defaults |= {name: value for name in kept if (value := getattr(last, name))}
        st.caption(_("Place, chair and who is invited are those of “{name}”.", name=plain(last.name)))
    without = {"kind", "reason"} if kind in REQUIRED else {"kind", "period"}
    made = forms.edit(
        Meeting,
        key=f"meeting-new-{kind}-{period}",
        fields=[name for name in NEW_FIELDS if name not in without],
        defaults=defaults,
        references=names,
        save=lambda values, submission: data.tell(
            meetings.plan_meeting, view.community_id, values, key=submission, done=_("The meeting is entered.")
        ),
    )
    if made is not None:
        drawer.open_at(MEETING, made.id)
        drawer.done()


def _is_period(words: str) -> bool:
    try:
        return bool(Period.of(words))
    except PeriodTrouble:
        return False


def _cell_of(view: session.View, kind: MeetingKind, period: str) -> Cell | None:
    """The required meeting that is to be planned: that of the period, or the next of its kind that nobody has."""
    if kind not in REQUIRED:
        return None
    first = int(period[:4]) if period else view.now.year
    for year in (first, first + 1):
        for cell in data.ask(meetings.calendar, view.community_id, year, now=view.now):
            if cell.required.kind is kind and (
                cell.required.period == period if period else cell.meeting is None and cell.state in TO_PLAN
            ):
                return cell
    return None


def _name_of(kind: MeetingKind, period: str) -> str:
    return _("{period}: {kind}", period=period_words(period), kind=say(kind.label)) if period else say(kind.label)


# --- one meeting
def _one(view: session.View, names: Names, found: Minuted) -> None:
    meeting = found.meeting
    badges = [
        f":{STATUS[meeting.status]}-badge[{plain(say(meeting.status.label))}]",
        f":gray-badge[{plain(say(meeting.kind.label))}]",
    ]
    if meeting.locked:
        badges.append(f":green-badge[:material/lock: {plain(_('minutes final, version {n}', n=meeting.final))}]")
    elif meeting.correcting is not None:
        badges.append(f":orange-badge[:material/edit_note: {plain(_('being corrected'))}]")
    st.markdown(" ".join(badges))
    people = names["people"]
    facts = [
        when(meeting.day, meeting.time),
        _("for {period}", period=period_words(meeting.period)) if meeting.period else "",
        meeting.place,
        _("chair {name}", name=people.get(meeting.chair_id, MISSING)) if meeting.chair_id else "",
        _("minutes by {name}", name=people.get(meeting.recorder_id, MISSING)) if meeting.recorder_id else "",
    ]
    st.markdown(plain(" · ".join(fact for fact in facts if fact)))
    if meeting.reason:
        st.markdown(plain(_("Called for: {reason}", reason=meeting.reason)))
    if meeting.status is not MeetingStatus.CANCELLED:
        navigation.link("review", _("Its review"), icon=":material/slideshow:", meeting=meeting.id)
    if meeting.cancelled_because:
        st.markdown(":material/event_busy: " + plain(_("Cancelled: {reason}", reason=meeting.cancelled_because)))
    open_now = may_write() and not meeting.locked
    over = meeting.status is MeetingStatus.PLANNED and meeting.day <= view.now.date()
    if over and open_now:
        st.info(_("Its day has come: tick who is there, or enter the first decision, and it is held."))
    titles = [
        _("Agenda ({n})", n=number(len(meeting.agenda))),
        _("Who came"),
        _("Decisions ({n})", n=number(len(found.decisions))),
        _("Action items ({n})", n=number(len(found.items))),
        _("Minutes"),
        _("Details"),
    ]
    tabs = st.tabs(titles, key=f"meeting-tabs-{meeting.id}")
    with tabs[0]:
        _agenda(view, names, found, open_now)
    with tabs[1]:
        _attendance(view, names, meeting, open_now)
    with tabs[2]:
        _decisions(view, found, open_now)
    with tabs[3]:
        _items(view, names, found, open_now)
    with tabs[4]:
        _minutes(view, names, meeting)
    with tabs[5]:
        _details(view, names, meeting, open_now)


def _away(words: Mapping[Link, Message], link: Link, *, key: str) -> None:
    """The way to what an item or decision is about."""
    name = words.get(link)
    known = _("not there any more, or not in your charge") if name is None else say(name)
    label = plain(_("{kind}: {name}", kind=say(link.about.label), name=known))
    if name is None:
        st.markdown(f":small[:gray[{label}]]")
        return
    page, params = _place_of(link)
    if link.about is Linked.ACTION_ITEM:
        st.button(label, type="tertiary", icon=":material/task:", key=f"away-{key}", on_click=to_item, args=(link.ref,))
    elif page in navigation.BY_KEY:
        navigation.link(page, label, **params)
    else:
        st.markdown(f":small[{label}]")


def _place_of(link: Link) -> tuple[str, dict[str, str | None]]:
    """The page something is on, and what opens it there."""
    places: dict[Linked, tuple[str, dict[str, str | None]]] = {
        Linked.WORK_ORDER: ("maintenance", {"order": link.ref}),
        Linked.FACILITY: ("facilities", {"facility": link.ref}),
        Linked.HAZARD: ("facilities", {"part": "hazards", "hazard": link.ref}),
        Linked.MAINTENANCE_PLAN: ("facilities", {"part": "preventive", "maintenance_plan": link.ref}),
        Linked.INSPECTION_PLAN: ("facilities", {"part": "inspections"}),
        Linked.ACTIVITY: ("activities", {"activity": link.ref}),
        Linked.PROJECT: ("organizations", {"project": link.ref}),
        Linked.REQUEST: ("requests", {"request": link.ref}),
    }
    if link.about is Linked.ORGANIZATION:
        own = "organizations" in navigation.BY_KEY
        return ("organizations", {"organization": link.ref}) if own else (
            "facilities", {"part": "companies", "company": link.ref},
        )  # fmt: skip
    return places.get(link.about, ("", {}))


# --- agenda
def _agenda(view: session.View, names: Names, found: Minuted, open_now: bool) -> None:
    meeting = found.meeting
    if not meeting.agenda:
        st.markdown(":gray[" + _("Nothing is on the agenda yet.") + "]")
    show_agenda(found.meeting.agenda, found.names, key="drawer")
    if found.unfinished:
        st.markdown("**" + n_("{n} unfinished item", "{n} unfinished items", len(found.unfinished)) + "**")
        for each in found.unfinished:
            _line(each, names)
    if not open_now:
        return
    waiting = [item for item in map(meetings.agenda_item, found.unfinished) if not _on(meeting.agenda, item)]
    waiting = waiting[: meetings.AGENDA - len(meeting.agenda)]  # the longest overdue first
    if waiting and meeting.status is MeetingStatus.PLANNED and st.button(
        n_("Put the unfinished item first", "Put the {n} unfinished items first", len(waiting)),
        icon=":material/vertical_align_top:", key=f"carry-{meeting.id}",
    ):  # fmt: skip
        act(view, meeting, meetings.take_up, _("They are on the agenda."), waiting)
    with st.expander(_("Edit the agenda"), expanded=not meeting.agenda, icon=":material/edit:"):
        _edit_agenda(view, meeting)


def show_agenda(agenda: Sequence[AgendaItem], words: Mapping[Link, Message], *, key: str) -> None:
    """An agenda in order, each item with the way to what it is about. ``key`` tells page and drawer apart."""
    for place, item in enumerate(agenda, 1):
        planned = _("{n} min", n=item.minutes) if item.minutes else ""
        st.markdown(f"{plain(place)}\\. {plain(item.text)} :gray[{plain(planned)}]".removesuffix(" :gray[]"))
        if item.link is not None:
            _away(words, item.link, key=f"{key}-{place}-{item.link.ref}")


def _on(agenda: Sequence[AgendaItem], item: AgendaItem) -> bool:
    return any(each.link == item.link for each in agenda)


def _edit_agenda(view: session.View, found: Meeting) -> None:
    """The items as a small table: the number puts them in order, a row with no words goes."""
    form = f"agenda.{found.id}"
    mine = drawer.draft(form, found, "agenda")
    place, text, planned = _("No."), _("Item"), _("Minutes planned")
    rows = mine.opened.agenda
    table = pd.DataFrame(
        {
            place: pd.Series([n for n, _item in enumerate(rows, 1)], dtype="Int64"),
            text: pd.Series([item.text for item in rows], dtype=object),
            planned: pd.Series([item.minutes for item in rows], dtype="Int64"),
        }
    )
    typed = st.data_editor(
        table,
        hide_index=True,
        num_rows="dynamic",
        column_config={
            place: st.column_config.NumberColumn(min_value=1, max_value=99, step=1, width="small"),
            text: st.column_config.TextColumn(width="large", max_chars=200),
            planned: st.column_config.NumberColumn(min_value=0, max_value=600, step=5, width="small"),
        },
        key=f"agenda-{mine.key}",
    )
    st.caption(_("The numbers put the items in order. What an item is about stays with its words."))
    if st.button(_("Save the agenda"), type="primary", key="do_agenda", icon=":material/check:"):
        links = {item.text: item.link for item in rows}

        def save() -> Meeting | None:
            kept = [row for row in typed.to_dict("records") if str(row[text] or "").strip()]
            kept.sort(key=lambda row: 99 if pd.isna(row[place]) else row[place])
            items = tuple(
                build(
                    AgendaItem,
                    {
                        "text": str(row[text]).strip(),
                        "minutes": None if pd.isna(row[planned]) else int(row[planned]),
                        "link": links.get(str(row[text]).strip()),
                    },
                )
                for row in kept
            )
            change, revision = meetings.edit_meeting, mine.stands.revision
            return data.tell(change, view.community_id, found.id, revision, {"agenda": items}, done=_("Saved."))

        drawer.act(save, form=form)


# --- attendance
def _attendance(view: session.View, names: Names, found: Meeting, open_now: bool) -> None:
    there = {*found.present_ids, *found.present_organization_ids}
    invited = {
        **{id: names["people"].get(id, _("No longer in the list")) for id in found.invited_ids},
        **{id: names["organizations"].get(id, _("No longer in the list")) for id in found.invited_organization_ids},
    }
    if there:
        text = _("{n} of {m} who should attend came", n=number(found.attended), m=number(found.invited))
        st.markdown(f"**{plain(text)}**")
    if not open_now or found.status is MeetingStatus.CANCELLED:
        _who_came(names, found, invited, there)
        return
    if found.day > view.now.date():
        st.caption(_("Attendance is taken on the day. Whom you invite stands under Details."))
        for name in invited.values():
            st.markdown(f":small[{plain(name)}]")
        return
    if not invited:
        st.caption(_("Nobody is invited yet: choose under Details who should attend, or below who came."))
    form = f"attendance.{found.id}"
    mine = drawer.draft(form, found, "present_ids", "present_organization_ids")
    ticked = {*mine.opened.present_ids, *mine.opened.present_organization_ids}
    with st.container(key="thumb_attendance"), st.grid(2, min_column_width=150, gap="xsmall"):
        marks = {
            id: st.checkbox(plain(name), value=id in ticked, key=f"tick-{id}-{mine.key}")
            for id, name in invited.items()
        }
    others = {id: name for id, name in names["active"].items() if id not in invited}
    bodies = {id: name for id, name in names["organizations"].items() if id not in invited}
    known = forms.told_apart(
        {**others, **bodies, **{id: names["people"].get(id, id) for id in ticked - invited.keys()}}
    )
    guests = st.multiselect(
        _("Also there, without an invitation"),
        list(known),
        default=[id for id in known if id in ticked],
        format_func=lambda id: known.get(id, id),
        placeholder=_("Choose"),
        key=f"guests-{mine.key}",
    )
    label = _("It is held: these came") if found.status is MeetingStatus.PLANNED else _("Save the attendance")
    if st.button(label, type="primary", icon=":material/how_to_reg:", key="do_attendance"):
        came = [id for id, mark in marks.items() if mark] + list(guests)
        act(
            view,
            mine.stands,
            meetings.hold,
            _("The attendance is saved."),
            form=form,
            people=[id for id in came if id in names["people"]],
            organizations=[id for id in came if id in names["organizations"]],
        )


def _who_came(names: Names, found: Meeting, invited: Mapping[str, str], there: set[str]) -> None:
    if not there and found.status is MeetingStatus.HELD:
        st.markdown(":gray[" + _("Attendance was not taken.") + "]")
    for id, name in invited.items():
        icon = ":green[:material/check_circle:]" if id in there else ":gray[:material/radio_button_unchecked:]"
        word = _("came") if id in there else _("did not come")
        st.markdown(f"{icon} {plain(name)} :small[:gray[{plain(word)}]]" if there else plain(name))
    for id in sorted(there - invited.keys()):
        name = names["people"].get(id) or names["organizations"].get(id, MISSING)
        st.markdown(f":blue[:material/person_add:] {plain(name)} :small[:gray[{plain(_('came uninvited'))}]]")


# --- decisions
def _votes(each: Decision | Resolved) -> str:
    if each.votes_for is None:
        return ""
    return _(
        "for {n}, against {m}, abstained {k}",
        n=number(each.votes_for), m=number(each.votes_against or 0), k=number(each.abstained or 0),
    )  # fmt: skip


def outcome_badge(each: Decision | Resolved) -> str:
    """Markdown of how a decision came about, with the votes."""
    colour, icon = OUTCOMES[each.outcome]
    return f":{colour}-badge[{icon} {plain(' · '.join(filter(None, (say(each.outcome.label), _votes(each)))))}]"


def _decisions(view: session.View, found: Minuted, open_now: bool) -> None:
    meeting = found.meeting
    if not found.decisions:
        st.markdown(":gray[" + _("Nothing was decided yet.") + "]")
    for each in found.decisions:
        with st.container(border=True, gap="xxsmall", key=f"decision-{each.id}"):
            st.markdown(f"**{plain(each.number)}\\. {plain(each.text)}**")
            st.markdown(outcome_badge(each))
            for place, link in enumerate(each.links):
                _away(found.names, link, key=f"decision-{each.id}-{place}")
            if may_write():
                _work_on(view, each, found.names, open_now)
    ready = open_now and meeting.status is not MeetingStatus.CANCELLED and meeting.day <= view.now.date()
    if ready and may(session.actor(), Operation.CREATE, Decision.collection):
        st.markdown("**" + _("Next decision") + "**")
        next_decision(view, meeting)


def next_decision(view: session.View, meeting: Meeting, about: str = "", text: str | None = None) -> None:
    """The form of a decision; ``about`` tells forms of one meeting apart, ``text`` is proposed."""
    made = forms.edit(
        Decision,
        key=f"decision-new-{meeting.id}{about}",
        fields=("text", "outcome", "votes_for", "votes_against", "abstained"),
        defaults={"text": text} if text else None,
        submit=_("Enter the decision"),
        save=lambda values, submission: data.tell(
            meetings.decide, view.community_id, meeting.id, values, key=submission, done=_("Decided.")
        ),
    )
    if made is not None:
        drawer.done()


def _work_on(view: session.View, each: Decision, words: Mapping[Link, Message], open_now: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        with st.popover(_("What it changed"), icon=":material/link:", type="tertiary", key=f"links-{each.id}"):
            _links(view, each, words)
        if open_now:
            with st.popover(_("Correct"), icon=":material/edit:", type="tertiary", key=f"edit-{each.id}"):
                saved = forms.edit(
                    Decision,
                    key=f"decision-{each.id}",
                    fields=("text", "outcome", "votes_for", "votes_against", "abstained"),
                    current=each,
                    save=lambda values, _submission: data.tell(
                        meetings.edit_decision, view.community_id, each.id, values.revision, values, done=_("Saved.")
                    ),
                )
                if saved is not None:
                    drawer.done()
                if st.button(_("Take it out"), icon=":material/delete:", key=f"drop-{each.id}"):
                    _gone(view, each, meetings.remove_decision)


def _gone(view: session.View, each: Any, command: Callable[..., None]) -> None:
    def remove(*args: Any, **facts: Any) -> bool:
        command(*args, **facts)
        return True

    drawer.act(lambda: data.tell(remove, view.community_id, each.id, each.revision, done=_("Deleted.")))


def _links(view: session.View, each: Decision, words: Mapping[Link, Message]) -> None:
    st.caption(_("Whoever opens the work order, facility or plan finds this decision there."))
    kinds = {str(one): say(one.label) for one in meetings.known_kinds() if one is not Linked.DECISION}
    about = st.selectbox(
        _("Kind"),
        list(kinds),
        index=None,
        format_func=kinds.__getitem__,
        placeholder=_("Choose"),
        key=f"about-{each.id}",
    )
    if about is not None:
        known = data.ask(meetings.linkable, view.community_id, Linked(about))
        offered = forms.told_apart({id: say(name) for id, name in known.items()})
        chosen = st.selectbox(
            _("Which"),
            list(offered),
            index=None,
            format_func=offered.__getitem__,
            placeholder=_("Choose"),
            key=f"which-{each.id}-{about}",
        )
        if st.button(
            _("Link it"), type="primary", icon=":material/add_link:", key=f"do_link-{each.id}", disabled=not chosen
        ):
            link = Link(about=Linked(about), ref=str(chosen))
            act(view, each, meetings.link_decision, _("Linked."), (*each.links, link))
    for place, link in enumerate(each.links):
        name = words.get(link)
        label = _("Unlink {name}", name=plain(say(name)) if name else plain(say(link.about.label)))
        if st.button(label, type="tertiary", icon=":material/link_off:", key=f"unlink-{each.id}-{place}"):
            act(view, each, meetings.link_decision, _("Unlinked."), tuple(one for one in each.links if one != link))


# --- action items
def _line(each: Unfinished, names: Names) -> None:
    item = each.item
    owner = names["people"].get(item.owner_id, MISSING)
    badges = " ".join(
        filter(None, (state_badge(item, each.days_late if item.is_open else 0), carried_badge(each.carried)))
    )
    label = f"**{plain(item.what)}** · {plain(owner)}  \n{badges}"
    with st.container(key=f"line_{item.id}"):
        st.button(label, key=f"line-{item.id}", width="stretch", on_click=to_item, args=(item.id,))


def _items(view: session.View, names: Names, found: Minuted, open_now: bool) -> None:
    meeting, today = found.meeting, view.now.date()
    if not found.items:
        st.markdown(":gray[" + _("Nobody was given anything to do yet.") + "]")
    for item in found.items:
        _line(Unfinished(item, 0, item.overdue_days(today)), names)
    ready = open_now and meeting.status is not MeetingStatus.CANCELLED and meeting.day <= today
    if not (ready and may(session.actor(), Operation.CREATE, ActionItem.collection)):
        return
    st.markdown("**" + _("Give somebody something to do") + "**")
    give(view, names, found)


def give(view: session.View, names: Names, found: Minuted, about: str = "", due_on: date | None = None) -> None:
    """The form of an action item; ``about`` tells forms of one meeting apart, ``due_on`` is proposed."""
    meeting = found.meeting
    of = {each.id: f"{each.number}. {each.text[:60]}" for each in found.decisions}
    made = forms.edit(
        ActionItem,
        key=f"item-new-{meeting.id}{about}",
        defaults={"due_on": due_on} if due_on else None,
        fields=("what", "owner_id", "due_on", *(("decision_id",) if of else ())),
        references={"people": names["active"], "decisions": of},
        submit=_("Give it"),
        save=lambda values, submission: data.tell(
            meetings.give, view.community_id, meeting.id, values, key=submission, done=_("Given.")
        ),
    )
    if made is not None:
        drawer.done()


# --- minutes
def _minutes(view: session.View, names: Names, found: Meeting) -> None:
    if may_write() and not found.locked:
        _draft(view, found)
    elif not found.versions:
        st.markdown(":gray[" + _("There are no minutes yet.") + "]")
    if found.versions:
        _versions(view, names, found)


def _draft(view: session.View, found: Meeting) -> None:
    if found.correcting is not None:
        st.warning(
            plain(_("Correction of version {n}: {reason}", n=found.final, reason=found.correcting)),
            icon=":material/edit_note:",
        )
    form = f"minutes.{found.id}"
    mine = drawer.draft(form, found, "draft")
    text = st.text_area(
        _("Draft of the minutes"),
        value=mine.opened.draft or "",
        height=260,
        key=f"minutes-{mine.key}",
        placeholder=_("What was discussed, in a few lines. Decisions and action items are added by themselves."),
        on_change="ignore",
    )
    with st.container(horizontal=True, gap="small"):
        save = st.button(_("Save the draft"), icon=":material/save:", key="do_draft")
        final = st.button(_("Make it final"), type="primary", icon=":material/lock:", key="do_final")
        withdrawn = found.correcting is not None and st.button(
            _("Nothing to correct after all"), icon=":material/undo:", key="withdraw"
        )
    st.caption(_("Final minutes are locked, with attendance, decisions and action items as they stand."))
    if save:
        act(view, mine.stands, meetings.write_minutes, _("The draft is saved."), text, form=form)
    if final:

        def finalized() -> Meeting | None:
            stands = mine.stands
            if (text or None) != stands.draft:
                kept = tell(view, stands, meetings.write_minutes, "", text)
                if kept is None:
                    return None
                stands = mine.stands = kept
            return tell(view, stands, meetings.finalize, _("The minutes are final."))

        drawer.act(finalized, form=form)
    if withdrawn:
        act(view, found, meetings.withdraw, _("The minutes stand as they were."), form=form)


def _versions(view: session.View, names: Names, found: Meeting) -> None:
    labels = {
        each.number: _("Version {n} of {day}", n=each.number, day=i18n.datetime_(each.at, session.zone()))
        for each in reversed(found.versions)
    }
    chosen = found.versions[-1].number
    if len(labels) > 1:
        chosen = st.selectbox(
            _("Version"), list(labels), format_func=labels.__getitem__, key=f"version-{found.id}-{found.final}"
        )
    version = next(each for each in found.versions if each.number == chosen)
    st.markdown(f":small[:gray[{plain(labels[chosen])} · {plain(version.by)}]]")
    if version.reason:
        st.markdown(plain(_("Corrected because: {reason}", reason=version.reason)))
    _read(names, version)
    if found.locked and may_write():
        with st.popover(_("Correct the minutes"), icon=":material/edit_note:", key=f"correct-{found.id}"):
            st.markdown(
                plain(_("This version stays as it is; what you change becomes version {n}.", n=found.final + 1))
            )
            reason = st.text_input(_("Why is it corrected?"), max_chars=200, key=f"why-{found.id}", **session.STAGED)
            pressed = st.button(_("Open a correction"), type="primary", key="do_correct")
        if pressed:
            act(view, found, meetings.correct, _("The correction is open."), reason)


def _read(names: Names, version: Version) -> None:
    for line in version.text.splitlines():
        st.markdown(plain(line)) if line.strip() else st.space("xxsmall")
    came = [names["people"].get(id, MISSING) for id in version.present_ids]
    came += [names["organizations"].get(id, MISSING) for id in version.present_organization_ids]
    if came:
        st.markdown(f"**{plain(_('Present ({n})', n=number(len(came))))}** {plain(i18n.listed(came))}")
    if version.decisions:
        st.markdown(f"**{_('Decisions')}**")
        for place, each in enumerate(version.decisions, 1):
            st.markdown(f"{plain(place)}\\. {plain(each.text)} {outcome_badge(each)}")
    if version.items:
        st.markdown(f"**{_('Action items')}**")
        for given in version.items:
            owner = names["people"].get(given.owner_id, MISSING)
            due = _("due {day}", day=i18n.whole(i18n.date(given.due_on)))
            st.markdown(plain(f"{given.what} · {owner} · {due}"))


# --- details
def _details(view: session.View, names: Names, found: Meeting, open_now: bool) -> None:
    if not may_write():
        st.info(_("You may look at this but not change it."), icon=":material/lock:")
        return
    if not open_now:
        st.info(plain(say(meetings.LOCKED)), icon=":material/lock:")
        return
    saved = forms.edit(
        Meeting,
        key="meeting-edit",
        fields=NEW_FIELDS,
        current=found,
        references={**names, "people": names["people"]},
        save=lambda values, _submission: data.tell(
            meetings.edit_meeting, view.community_id, found.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done()
    with st.container(horizontal=True, gap="small"):
        if found.status is MeetingStatus.PLANNED:
            with st.popover(_("Cancel the meeting"), icon=":material/event_busy:", key=f"cancel-{found.id}"):
                why = st.text_input(_("Why?"), max_chars=200, key=f"because-{found.id}", **session.STAGED)
                pressed = st.button(_("It does not take place"), type="primary", key="do_cancel")
            if pressed:
                act(view, found, meetings.cancel, _("The meeting is cancelled."), why)
        elif st.button(_("Plan it again"), icon=":material/event_repeat:", key=f"again-{found.id}"):
            act(view, found, meetings.plan_again, _("The meeting is planned."))
        drawer.offer_deletion(MEETING, found, meetings.remove_meeting)


# --- elsewhere
def decided(view: session.View, id: str) -> None:
    """What was decided about a record, in the drawer of that record: a line for each decision, with the way to its
    meeting; nothing where there is none."""
    for found in data.ask_in_passing(meetings.decided_on, view.community_id, id) or ():
        decision = found.decision
        text = decision.text if len(decision.text) <= 60 else decision.text[:60] + "…"
        label = _("Decided {day}: {what}", day=i18n.day_short(decision.decided_on), what=text)
        navigation.link(
            "meetings", plain(label), icon=":material/gavel:", meeting=decision.meeting_id, help=plain(found.meeting)
        )
