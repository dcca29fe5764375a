"""Requests on the page: the list to work from, what became of them, and the drawer that tells one request's story and
moves it along."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboard import cards, discretion, drawer, forms, minutes, navigation, orders, reception, session, tables, walking
from dashboard.data import ask, ask_in_passing, tell
from dashboard.discretion import mind_numbers
from dashboard.i18n import (
    MISSING,
    _,
    ago,
    datetime_,
    day_short,
    days_badge,
    duration,
    moment_short,
    n_,
    number,
    paragraphs,
    period,
    plain,
    say,
    term,
)
from dashboard.i18n import date as date_
from dashboard.session import View
from repository import maintenance, meetings
from repository import requests as room
from repository.access import Operation, may
from repository.activities import Activity, Format
from repository.grids import grid_names
from repository.maintenance import Fault, WorkOrder
from repository.meetings import Meeting
from repository.numbers import HIDDEN
from repository.people import Contact, contact_of, people, people_by_id
from repository.requests import (
    BY_THE_CLOCK,
    OPEN,
    Became,
    Channel,
    OutcomeKind,
    Request,
    RequestEvent,
    RequestPage,
    RequestReview,
    RequestStory,
    Satisfaction,
    Show,
    Status,
    Step,
    Topic,
    Urgency,
    themes,
)
from repository.words import msg

PARAMETER = "request"  # of the URL: the request whose drawer is open
STEP, BECOMES = "request-step", "request-becomes"  # forms drawn by hand
SHOWN = 100
PHONE_ROWS = 20
FORM_FIELDS = [name for name in Request.model_fields if name in room.EDITABLE]
COLOURS: Mapping[Status, str] = {
    Status.RECEIVED: "gray",
    Status.ACCEPTED: "blue",
    Status.RESOLVED: "orange",
    Status.CLOSED: "green",
    Status.DECLINED: "gray",
    Status.REFERRED: "gray",
}
MOVES: Mapping[Step, tuple[str, str]] = {
    Step.ACCEPTED: (msg("Respond"), ":material/call:"),
    Step.RESOLVED: (msg("Answer"), ":material/task_alt:"),
    Step.DECLINED: (msg("Decline"), ":material/block:"),
    Step.REFERRED: (msg("Refer"), ":material/forward:"),
    Step.CALLED: (msg("Call back"), ":material/phone_callback:"),
    Step.REOPENED: (msg("Reopen"), ":material/replay:"),
}
STEP_COLOURS: Mapping[Step, str] = {
    Step.ACCEPTED: "blue",
    Step.RESOLVED: "green",
    Step.CALLED: "green",
    Step.NOT_SOLVED: "red",
    Step.REOPENED: "orange",
    Step.UNREACHED: "orange",
    Step.BECAME: "violet",
    Step.RECEIVED: "gray",
    Step.DECLINED: "gray",
    Step.REFERRED: "gray",
    Step.CLOSED: "gray",
    Step.NOTE: "gray",
}


# --- the list --------------------------------------------------------------------------------------------------------
def work(view: View, review: RequestReview) -> None:
    """The list to work from, under one row of filters."""
    names = _names(view)
    staff = forms.told_apart({one.id: one.name for one in ask(people, view.community_id) if one.active})
    shows = {str(each): say(each.label) for each in Show}
    topics = {"": _("All topics"), **{row.category: term(row.category, Topic) for row in review.topics}}
    whose = {"": _("Everybody's"), **staff}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.container(width="content")
        st.space("stretch")
        whole = st.container(width="content")
        if may(session.actor(), Operation.CREATE, Request.collection) and st.button(
            _("Take a request"), type="primary", icon=":material/add:", key="do_receive"
        ):
            navigation.go("receive")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="request-filters"):
        show = st.selectbox(
            _("Show"),
            list(shows),
            format_func=shows.__getitem__,
            label_visibility="collapsed",
            width=230,
            **session.in_url("show", shows, Show.OPEN.value),
        )
        topic = st.selectbox(
            _("Topic"),
            list(topics),
            format_func=topics.__getitem__,
            label_visibility="collapsed",
            width=190,
            **session.in_url("topic", topics),
        )
        who = st.selectbox(
            _("Whose"),
            list(whose),
            format_func=whose.__getitem__,
            label_visibility="collapsed",
            width=170,
            **session.in_url("who", staff),
        )
        wanted = st.text_input(
            _("Search"),
            placeholder=_("Number, text, place"),
            label_visibility="collapsed",
            icon=":material/search:",
            width=220,
            **session.in_url("q"),
        )
    facts, said = _bounds(view)
    found = ask(
        room.request_list,
        view.community_id,
        now=view.now,
        show=show or Show.OPEN,
        period=view.period,
        grids=view.grids,
        category=topic or None,
        responsible_id=who or None,
        search=wanted or "",
        **facts,
    )
    chosen = Show(show or Show.OPEN)
    heading.header(_finding(view, found, chosen), anchor=False)
    if chosen not in _OF_NOW and SPAN_OF_THEMES not in st.query_params.get(reception.SPAN, ""):
        said.append(period(view.period))
    if said:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(plain(" · ".join(said)), width="content")
            if facts:
                navigation.link("requests", _("Show all again"), icon=":material/close:", show=show)
    with whole:
        tables.download(
            tables.rows_of(list(found.rows), names=names),
            name="requests",
            title=_("Requests"),
            key="requests",
            of=(Request.collection, view.community_id),
        )
    _list(view, found, names)


SPAN_OF_THEMES = "themes"
_OF_NOW = (Show.OPEN, Show.OVERDUE, Show.TO_ANSWER, Show.TO_CALL, Show.MEETING, Show.IDEAS)


def _bounds(view: View) -> tuple[dict[str, Any], list[str]]:
    """What a link of a figure adds to the filters, and how that is said."""
    facts: dict[str, Any] = {}
    said = []
    if word := st.query_params.get("word", "")[:20]:
        facts["word"] = word
        said.append(_("with the word “{word}”", word=word))
    if (urgency := st.query_params.get("urgency", "")) in set(Urgency):
        facts["urgency"] = urgency
        said.append(say(Urgency(urgency).label))
    if st.query_params.get(reception.SPAN) == SPAN_OF_THEMES:
        stretch = ask(themes, view.community_id, view.period, view.grids, now=view.now)
        facts |= {"since": stretch.since, "until": stretch.until}
        said.append(reception.span_words(stretch))
    return facts, said


def _names(view: View) -> dict[str, Mapping[str, str]]:
    return {"grids": ask(grid_names, view.community_id), "people": ask(people_by_id, view.community_id)}


def _finding(view: View, found: RequestPage, show: Show) -> str:
    """What the list says first."""
    if show in (Show.OPEN, Show.OVERDUE) and all(one.status in OPEN for one in found.rows):  # or named by its number
        late = [one for one in found.rows if _late_by(view, one)]
        if late:
            first = _("{urgency}: {what}", urgency=say(late[0].urgency.label), what=_short(late[0].text, 18))
            return plain(n_("{n} overdue: {first}", "{n} overdue, first: {first}", len(late), first=first))
        if found.rows:
            return n_("Nothing overdue, {n} open", "Nothing overdue, {n} open", found.total)
    if found.total >= room.MANY:
        return _("{n} or more requests", n=number(room.MANY))
    return n_("{n} request", "{n} requests", found.total)


def _short(text: str, most: int) -> str:
    first = text.split("\n", 1)[0]
    return first if len(first) <= most else f"{first[: most - 1]}…"


def _late_by(view: View, one: Request) -> timedelta | None:
    """How long overdue an open request is; None when it is not."""
    if one.status in OPEN and one.deadline_at and one.deadline_at < view.now:
        return view.now - one.deadline_at
    return None


def _list(view: View, found: RequestPage, names: Mapping[str, Mapping[str, str]]) -> None:
    if not found.rows:
        st.markdown(":gray[" + _("Nothing here. Choose another list above.") + "]")
        return
    with st.container(key="wide_requests"):
        _table(view, found.rows[:SHOWN], found.became, names)
        tables.first_of(SHOWN, len(found.rows))
    with st.container(key="narrow_requests", gap="xsmall"):
        for one in found.rows[:PHONE_ROWS]:
            _phone_row(view, one, found.became.get(one.id))
        tables.first_of(PHONE_ROWS, len(found.rows))


def _table(
    view: View, rows: tuple[Request, ...], became: Mapping[str, Became], names: Mapping[str, Mapping[str, str]]
) -> None:
    columns = st.column_config
    look = cards.look()
    words = {status: say(status.label) for status in Status}
    late = _("Days overdue")

    def days(one: Request) -> float | None:
        span = _late_by(view, one)
        return None if span is None else max(0.1, round(span.total_seconds() / 86_400, 1))

    shown = [
        {
            _("No."): one.number,
            _("What is wanted"): _short(one.text, 60),
            _("Topic"): term(one.category, Topic),
            _("Place"): one.place or MISSING,
            _("Grid"): names["grids"].get(one.grid_id or "", MISSING),
            _("Status"): [words[one.status]],
            late: days(one),
            _("Due"): _due(view, one),
            _("Responsible person"): names["people"].get(one.responsible_id or "", MISSING),
            _("What it became"): became_words(became[one.id]) if one.id in became else None,
        }
        for one in rows
    ]
    table = tables.frame(shown)
    if not any(row[late] for row in shown):
        table = table.drop(columns=late)
    if not any(row[_("What it became")] for row in shown):
        table = table.drop(columns=_("What it became"))
    table[""] = [_("Handle")] * len(rows)

    def opened() -> None:
        drawer.open_at(PARAMETER, rows[st.session_state["request-deal"]["row"]].id)

    st.dataframe(
        table,
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 10 else 11 * 38,
        placeholder="",
        key="request-table",
        column_config={
            _("No."): columns.TextColumn(pinned=True, width=80),
            _("What is wanted"): columns.TextColumn(width=230),
            _("Status"): columns.MultiselectColumn(
                options=list(words.values()), color=[look.grounds[COLOURS[status]] for status in Status]
            ),
            late: columns.ProgressColumn(
                late,
                format="%.1f",
                color="red",
                width=110,
                min_value=0,
                max_value=max(7, *(row[late] or 0 for row in shown)),
            ),
            "": columns.ButtonColumn("", type="secondary", key="request-deal", on_click=opened),
        },
        alt=_("Requests, overdue and urgent ones first"),
    )


def _due(view: View, one: Request) -> str:
    """By when it is to be answered: a moment where hours count, else a day."""
    if one.deadline_at is None:
        return MISSING
    local = one.deadline_at.astimezone(view.zone)
    return moment_short(local, view.now) if one.urgency in BY_THE_CLOCK else day_short(local.date())


def _when_badge(view: View, one: Request) -> str:
    if one.status not in OPEN:
        return ""
    span = _late_by(view, one)
    if span is None:
        return f":gray-badge[{plain(_('by {day}', day=_due(view, one)))}]"
    hours = span.total_seconds() / 3600
    words = duration(hours) if hours < 48 else days_badge(int(hours // 24))
    return f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=words))}]"


def _phone_row(view: View, one: Request, became: Became | None, *, wide: bool = True) -> None:
    badges = [_when_badge(view, one), f":{COLOURS[one.status]}-badge[{plain(say(one.status.label))}]"]
    more = " · ".join(filter(None, (one.number, term(one.category, Topic), became_words(became) if became else "")))
    st.button(
        f"**{plain(_short(one.text, 40))}** · {plain(_short(one.place or MISSING, 24))}  \n"
        f"{' '.join(filter(None, badges))} :small[:gray[{plain(more)}]]",
        key=f"request-{one.id}",
        width="stretch" if wide else "content",
        on_click=drawer.open_at,
        args=(PARAMETER, one.id),
    )


def became_words(became: Became) -> str:
    """What a request became and where that stands, in a few words."""
    kind = say(became.kind.label)
    if became.gone:
        return _("{kind}, taken out since", kind=kind)
    if became.elsewhere:
        return _("{kind}, not in your charge", kind=kind)
    if became.order is not None:
        return _("{number}: {status}", number=became.order.number, status=say(became.order.status.label))
    if became.activity is not None:
        return _("{kind}: {status}", kind=became.activity.name, status=say(became.activity.status.label))
    if became.meeting is not None:
        facts = {"name": became.meeting.name, "status": say(became.meeting.status.label)}
        return _("{name}: {status}", **facts)
    return kind


def outcomes(view: View) -> None:
    """What requests became, and whom nobody has told yet: work that is done, ideas, what waits for a meeting."""
    with st.container(border=True, gap="small", key="request-outcomes"):
        found = {
            show: ask(room.request_list, view.community_id, now=view.now, show=show, grids=view.grids)
            for show in (Show.TO_ANSWER, Show.MEETING, Show.IDEAS)
        }
        waiting = found[Show.TO_ANSWER].total
        st.header(
            n_(
                "The work is done for {n} request whose resident has not been answered",
                "The work is done for {n} requests whose residents have not been answered",
                waiting,
            )
            if waiting
            else _("Nobody waits for an answer to work that is done"),
            anchor=False,
        )
        for show, page in found.items():
            heads = {
                Show.TO_ANSWER: _("Work done: tell the resident"),
                Show.MEETING: _("For the next meeting"),
                Show.IDEAS: _("Ideas for activities"),
            }
            navigation.link(
                "requests",
                plain(_("{what} ({n})", what=heads[show], n=number(page.total))),
                **{**reception.params(show), "part": "work"},
            )
            with st.container(gap="xsmall", key=f"thumb_outcome_{show.value}"):
                for one in page.rows[:5]:
                    _phone_row(view, one, page.became.get(one.id), wide=False)


# --- the drawer ------------------------------------------------------------------------------------------------------
def open_drawer(view: View) -> None:
    """The drawer of the request the URL names, if it names one. Call it last."""
    wanted = drawer.opened(PARAMETER)
    if not wanted:
        return
    story = ask(room.request_story_if_any, view.community_id, wanted[:64])
    if story is None:
        st.warning(_("This request is not there any more, or not in your charge."), icon=":material/link_off:")
        return
    title = f"{plain(story.request.number)} · {plain(term(story.request.category, Topic))}"
    drawer.show(PARAMETER, title, lambda: _draw(view, story))


def _draw(view: View, story: RequestStory) -> None:
    _facts(view, story)
    one = story.request
    may_change = may(session.actor(), Operation.UPDATE, Request.collection)
    if not may_change:
        _timeline(one)
        return
    _steps(view, one)
    sections = {"story": _("Story"), "becomes": _("What it becomes"), "edit": _("Edit")}
    chosen = st.segmented_control(
        _("Section"),
        list(sections),
        default="story",
        required=True,
        format_func=sections.__getitem__,
        label_visibility="collapsed",
        key="request-section",
    )
    if chosen == "becomes":
        _becomes(view, story)
    elif chosen == "edit":
        _edit(view, one)
    else:
        _timeline(one)
        _remark(one)


def _facts(view: View, story: RequestStory) -> None:
    one = story.request
    names = _names(view)
    badges = [f":{COLOURS[one.status]}-badge[{plain(say(one.status.label))}]", _when_badge(view, one)]
    if one.urgency is not Urgency.ORDINARY:
        colour = "red" if one.urgency is Urgency.LIFE else "orange"
        badges.append(f":{colour}-badge[:material/priority_high: {plain(say(one.urgency.label))}]")
    if one.repeat_of:
        badges.append(":orange-badge[:material/replay: " + _("Came before") + "]")
    if one.reopenings:
        again = n_("Reopened {n} time.", "Reopened {n} times.", len(one.reopenings))
        badges.append(f":orange-badge[{plain(again)}]")
    if one.late:
        badges.append(":red-badge[" + _("Answered late") + "]")
    badges += [f":gray-badge[:material/flag: {plain(say(flag.label))}]" for flag in one.flags]
    st.markdown(" ".join(filter(None, badges)))
    st.markdown(paragraphs(one.text))
    discretion.in_full(one, room.reveal_request)
    _became(one, story.became)
    if one.channel == Channel.DOOR:
        walking.found_on(view, one.id)
    place = (one.place, names["grids"].get(one.grid_id or ""))
    if where := " · ".join(filter(None, place)):
        st.markdown(f":material/location_on: {plain(where)}")
    took = names["people"].get(one.received_by_id or "")
    came = f"{datetime_(one.received_at, view.zone)} · {ago(one.received_at, view.now)}"
    facts = {
        _("Received"): " · ".join(filter(None, (came, term(one.channel or "", Channel), took))),
        _("To be answered by"): _due(view, one),
        _("Responsible person"): names["people"].get(one.responsible_id or "", MISSING),
        _("Responded after"): _span(one, one.responded_at),
        _("Ended after"): _span(one, one.ended_at),
    }
    if one.resident:
        facts[_("Resident")] = one.resident
    if one.satisfaction is not None:
        facts[_("Called back")] = f"{say(one.satisfaction.label)} · {date_(one.called_on)}"
    if one.referred_to:
        facts[_("Referred to")] = one.referred_to
    with st.grid(2, min_column_width=150, gap="xxsmall") as cells:
        for name, fact in facts.items():
            with cells.cell():
                st.markdown(f":small[:gray[{plain(name)}]]  \n{plain(fact)}")
    if one.answer:
        name = _("Earlier answer") if one.status in OPEN else _("The answer")
        name = _("Reason") if one.status is Status.DECLINED else name
        st.markdown(f":small[:gray[{plain(name)}]]  \n{paragraphs(one.answer)}")
    _contact(one)
    minutes.decided(view, one.id)
    if story.before is not None:
        _to_request(story.before, _("Came before: {number}", number=plain(story.before.number)))
    for other in story.after[:3]:
        _to_request(other, _("Came again: {number}", number=plain(other.number)))


def _to_request(other: Request, label: str) -> None:
    st.button(
        label,
        type="tertiary",
        icon=":material/history:",
        key=f"to-{other.id}",
        on_click=drawer.open_at,
        args=(PARAMETER, other.id),
    )


def _span(one: Request, end: Any) -> str:
    return MISSING if end is None else duration(max(0.0, (end - one.received_at).total_seconds() / 3600))


def _contact(one: Request) -> None:
    if not may(session.actor(), Operation.READ, Contact.collection):
        return
    kept = ask_in_passing(contact_of, one.community_id, one.id)
    if kept is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            orders.contact(kept, one)


def _became(one: Request, became: Became | None) -> None:
    """What it became, with the way there; what is done asks for the answer."""
    if became is None:
        return
    with st.container(border=True, gap="xxsmall", key="request-became"):
        kind, words = say(became.kind.label), became_words(became)
        more = f" · {plain(words)}" if words != kind else ""
        st.markdown(f":material/alt_route: **{plain(kind)}**{more}")
        if became.order is not None:
            navigation.link(
                "maintenance", _("Look at {number}", number=plain(became.order.number)), order=became.order.id
            )
        if became.activity is not None:
            navigation.link("activities", _("Look at the activity"), activity=became.activity.id)
        if became.meeting is not None:
            navigation.link("meetings", _("Look at the meeting"), meeting=became.meeting.id)
        if became.done and one.status in OPEN and became.kind in (OutcomeKind.ORDER, OutcomeKind.ACTIVITY):
            st.markdown(":orange[:material/notifications_active: " + _("This is done: answer the resident.") + "]")


# --- steps
def _steps(view: View, one: Request) -> None:
    """What may be done next: one tap on what usually comes next, two on anything else."""
    moves = [Step.ACCEPTED] if one.status is Status.RECEIVED else []
    if one.status in OPEN:
        moves += [Step.RESOLVED, Step.DECLINED, Step.REFERRED]
    else:
        moves += [Step.CALLED] * (one.status is Status.RESOLVED) + [Step.REOPENED]
    usual = moves[0] if one.status in (*OPEN, Status.RESOLVED) else None
    mine = drawer.draft(f"{STEP}.{one.id}", one, "status", "callbacks")
    to = st.pills(
        _("Next step"),
        moves,
        default=usual,
        format_func=lambda step: f"{MOVES[step][1]} {say(MOVES[step][0])}",
        key=f"request-step-{one.id}-{one.status}",
    )
    if to is None:
        return
    if to is Step.CALLED:
        _call_back(view, one, mine)
        return
    command, facts = _wanted(view, one, to, mine.key)
    label, icon = MOVES[to]
    if st.button(plain(say(label)), icon=icon, type="primary", key=f"do_request-{mine.key}-{to}", width="stretch"):
        _tell(mine, STEP, command, _("{number}: {step}", number=one.number, step=say(to.label)), **facts)


def _wanted(view: View, one: Request, to: Step, key: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The command of a step, and what is asked for it."""
    if to is Step.ACCEPTED:
        staff = forms.told_apart({each.id: each.name for each in ask(people, view.community_id) if each.active})
        options = list(staff)
        who = st.selectbox(
            _("Who deals with it?"),
            options,
            index=options.index(one.responsible_id) if one.responsible_id in staff else None,
            format_func=staff.__getitem__,
            placeholder=_("Choose"),
            key=f"request-who-{key}",
        )
        note = st.text_input(
            _("What was said to the resident (optional)"), max_chars=300, key=f"request-note-{key}", **session.STAGED
        )
        return room.accept, {"responsible_id": who, "note": note or None}
    if to is Step.RESOLVED:
        return room.resolve, {"answer": _text(_("What was done and answered?"), f"request-answer-{key}")}
    if to is Step.DECLINED:
        return room.decline, {"reason": _text(_("Why?"), f"request-reason-{key}")}
    if to is Step.REFERRED:
        whom = st.text_input(
            _("To whom?"),
            placeholder=_("Such as: the water company"),
            max_chars=200,
            key=f"request-to-{key}",
            **session.STAGED,
        )
        return room.refer, {"to": whom}
    return room.reopen, {"reason": _text(_("Why?"), f"request-again-{key}")}


def _text(label: str, key: str) -> str:
    return st.text_area(label, max_chars=4000, height=90, key=key, on_change="ignore") or ""


def _call_back(view: View, one: Request, mine: drawer.Draft[Request]) -> None:
    key = mine.key
    tries = sum(not call.reached for call in one.callbacks)
    found = st.segmented_control(
        _("Was the resident reached?"),
        ["yes", "no"],
        format_func=lambda answer: _("Reached") if answer == "yes" else _("Not reached"),
        width="stretch",
        key=f"reached-{key}",
    )
    facts: dict[str, Any] = {"reached": found == "yes"}
    if found == "yes":
        told = st.segmented_control(
            _("Had anybody been in touch with them?"),
            ["yes", "no"],
            default="yes",
            format_func=lambda answer: _("Yes") if answer == "yes" else _("No"),
            width="stretch",
            key=f"contacted-{key}",
        )
        solved = st.segmented_control(
            _("Is it solved?"),
            ["yes", "no"],
            format_func=lambda answer: _("Solved") if answer == "yes" else _("Not solved: open it again"),
            width="stretch",
            key=f"solved-{key}",
        )
        facts |= {"contacted": told != "no", "solved": None if solved is None else solved == "yes"}
        facts["satisfaction"] = st.segmented_control(
            _("How satisfied are they?"),
            list(Satisfaction),
            format_func=lambda grade: say(grade.label),
            width="stretch",
            key=f"grade-{key}",
        )
    on = forms.day(_("On which day?"), view.now.date(), key=f"called-{key}", width=170)
    note = st.text_input(_("Remark (optional)"), max_chars=300, key=f"call-note-{key}", **session.STAGED)
    pressed = st.button(
        _("Note the call-back"),
        type="primary",
        icon=":material/phone_callback:",
        key=f"do_call-{key}",
        width="stretch",
        disabled=found is None,
    )
    if pressed:
        facts |= {"on": on if isinstance(on, date) else None, "note": note or None}
        _tell(mine, STEP, room.call_back, _("{number}: called back", number=one.number), **facts)
    if tries >= room.NEVER_REACHED and st.button(
        n_("Never reached in {n} try: close it", "Never reached in {n} tries: close it", tries),
        key=f"close-{key}",
        icon=":material/phone_disabled:",
    ):
        _tell(mine, STEP, room.close_unreached, _("{number}: closed", number=one.number))


def _tell(mine: drawer.Draft[Request], form: str, command: Callable[..., Any], done: str, **facts: Any) -> None:
    """Do it on the request as the reader last knew it; another's change in between is said over the form."""
    one = mine.stands
    said = {name: facts.get(name) for name in ("note", "answer", "reason", "to", "place", "name")}

    def do() -> Any:
        mind_numbers(f"{form}.{one.id}", discretion.ABOUT_A_REQUEST, **said)
        return tell(command, one.community_id, one.id, one.revision, done=done, key=mine.key, **facts)

    drawer.act(do, form=f"{form}.{one.id}")


# --- what it becomes
def _becomes(view: View, story: RequestStory) -> None:
    one, became = story.request, story.became
    if became is not None and not became.gone and one.outcome_id is not None:
        st.caption(_("It has become something already; that is where it goes on."))
        if became.meeting is not None and not became.done:
            _unmark(drawer.draft(f"{BECOMES}.{one.id}", one, "status", "outcome_kind", "outcome_id"), became)
        return
    refused = one.status in (Status.DECLINED, Status.REFERRED)
    if refused and became is None:
        st.caption(_("It is over. Reopen it before it becomes something."))
        return
    ways: dict[str, str] = {}
    if one.status in OPEN and may(session.actor(), Operation.CREATE, WorkOrder.collection):
        ways["order"] = _("A work order")
    if may(session.actor(), Operation.CREATE, Activity.collection):
        ways["activity"] = _("A planned activity")
    ways |= {"idea": _("An idea, kept for later"), "meeting": _("An item for the next meeting")}
    mine = drawer.draft(f"{BECOMES}.{one.id}", one, "status", "outcome_kind", "outcome_id")
    key = mine.key
    way = None
    if not refused:
        way = st.pills(_("What does it become?"), list(ways), format_func=ways.__getitem__, key=f"becomes-{key}")
    if way == "order":
        _to_order(view, one, mine)
    elif way == "activity":
        _to_activity(view, one, mine)
    elif way == "meeting":
        _to_meeting(view, mine)
    elif way == "idea":
        note = st.text_input(_("Remark (optional)"), max_chars=300, key=f"mark-note-{key}", **session.STAGED)
        if st.button(plain(ways[way]), type="primary", key=f"do_mark-{key}", width="stretch"):
            _tell(mine, BECOMES, room.mark, _("Noted."), kind=OutcomeKind.IDEA, note=note or None)
    if became is not None and one.outcome_id is None:
        _unmark(mine, became)


def _unmark(mine: drawer.Draft[Request], became: Became) -> None:
    if st.button(_("Take “{what}” back", what=plain(say(became.kind.label))), key=f"unmark-{mine.key}"):
        _tell(mine, BECOMES, room.mark, _("Taken back."), kind=None)


def _to_meeting(view: View, mine: drawer.Draft[Request]) -> None:
    """On the agenda of a meeting that is planned, or kept until one is."""
    key = mine.key
    coming: dict[str, str] = {}
    if may(session.actor(), Operation.UPDATE, Meeting.collection):
        found = ask(meetings.to_come, view.community_id, now=view.now)
        coming = {each.id: f"{each.day.isoformat()} {each.name}" for each in found}
    chosen = st.selectbox(
        _("Which meeting?"),
        ["", *coming],
        index=min(1, len(coming)),
        format_func=lambda id: coming.get(id) or _("The next one that is planned"),
        key=f"meeting-{key}",
    )
    note = st.text_input(_("Remark (optional)"), max_chars=300, key=f"mark-note-{key}", **session.STAGED)
    if not st.button(
        _("Put it to the meeting"), type="primary", icon=":material/groups:", key=f"do_mark-{key}", width="stretch"
    ):
        return
    if chosen:
        facts = {"meeting_id": chosen, "note": note or None}
        _tell(mine, BECOMES, room.put_to_meeting, _("It is on the agenda."), **facts)
    else:
        _tell(mine, BECOMES, room.mark, _("Noted."), kind=OutcomeKind.MEETING, note=note or None)


def _to_order(view: View, one: Request, mine: drawer.Draft[Request]) -> None:
    key = mine.key
    fault = st.pills(_("What is wrong?"), list(Fault), format_func=lambda word: say(word.label), key=f"fault-{key}")
    known = ask(maintenance.reportable, view.community_id)
    facility = st.selectbox(
        _("Facility (optional)"),
        list(known),
        index=None,
        format_func=known.__getitem__,
        placeholder=_("Name or code of the facility"),
        key=f"facility-{key}",
    )
    place = one.place
    if facility is None and not one.place:
        place = st.text_input(_("Place"), max_chars=200, key=f"order-place-{key}", **session.STAGED)
    dangerous = st.toggle(_("Dangerous"), value=one.urgency is Urgency.LIFE, key=f"danger-{key}")
    pressed = st.button(
        _("Open a work order"),
        type="primary",
        icon=":material/build:",
        key=f"do_order-{key}",
        width="stretch",
        disabled=fault is None,
    )
    if pressed:
        done = _("A work order was opened; its steps are told here.")
        facts = {"fault": str(fault), "facility_id": facility, "place": place or None, "dangerous": dangerous}
        _tell(mine, BECOMES, room.become_order, done, **facts)


def _to_activity(view: View, one: Request, mine: drawer.Draft[Request]) -> None:
    key = mine.key
    name = st.text_input(_("Name"), _short(one.text, 40), max_chars=200, key=f"activity-name-{key}", **session.STAGED)
    formats = {str(each): say(each.label) for each in Format}
    form = st.selectbox(
        _("Format"),
        list(formats),
        index=None,
        format_func=formats.__getitem__,
        placeholder=_("Choose"),
        key=f"activity-format-{key}",
    )
    first = view.now.date() + timedelta(days=14)
    day = forms.day(_("Date"), first, key=f"activity-day-{key}", width=170)
    pressed = st.button(
        _("Plan the activity"),
        type="primary",
        icon=":material/event:",
        key=f"do_activity-{key}",
        width="stretch",
        disabled=form is None,
    )
    if pressed:
        values = {"name": name, "format": form, "held_on": day}
        _tell(mine, BECOMES, room.become_activity, _("Planned; work it out on the Activities page."), values=values)


# --- story
def _timeline(one: Request) -> None:
    zone = session.zone()
    if not one.events:
        st.markdown(":gray[" + _("No steps were recorded: this request was imported.") + "]")
    with st.container(gap="xxsmall"):
        for event in reversed(one.events):
            colour = STEP_COLOURS[event.step]
            note = f"  \n{paragraphs(event.note)}" if event.note else ""
            st.markdown(
                f":{colour}-badge[{plain(_step(event))}] "
                f":small[:gray[{datetime_(event.at, zone)} · {plain(event.by)}]]{note}"
            )


def _step(event: RequestEvent) -> str:
    if event.became is not None:
        return _("Becomes: {what}", what=say(event.became.label))
    return say(event.step.label)


def _remark(one: Request) -> None:
    """A remark to the story: whatever others do to the request meanwhile, it is kept."""
    key = session.submission(f"request-remark-{one.id}")
    with (
        st.form(f"request-remark-form-{one.id}", border=False, clear_on_submit=False),
        st.container(horizontal=True, gap="small", vertical_alignment="bottom"),
    ):
        text = st.text_input(_("Remark"), max_chars=4000, key=f"remark-{key}")
        pressed = st.form_submit_button(_("Add"), icon=":material/add_comment:")
    if pressed:
        form, done = f"request-remark-{one.id}", _("Added to {number}", number=one.number)

        def add() -> Request | None:
            mind_numbers(form, discretion.ABOUT_A_REQUEST, text=text)
            return tell(room.remark, one.community_id, one.id, text, done=done, key=key)

        drawer.act(add, form=form)


def _edit(view: View, one: Request) -> None:
    references = {
        "grids": ask(grid_names, view.community_id),
        "people": forms.told_apart({each.id: each.name for each in ask(people, view.community_id) if each.active}),
    }

    def save(values: forms.Values, _submission: str) -> Request | None:
        typed = {"text": values.get("text"), "place": values.get("place"), "reason": values.reason}
        mind_numbers(one.id, discretion.TAKEN_DOWN, **typed)
        said = _("{number} saved", number=one.number)
        return tell(
            room.edit_request, view.community_id, one.id, values.revision, values, reason=values.reason, done=said
        )

    hides = _("Numbers stand here masked. Whoever changes this field takes them out of it for good.")
    saved = forms.edit(
        Request,
        key=f"request-{one.id}",
        current=one,
        fields=FORM_FIELDS,
        references=references,
        save=save,
        notes={name: hides for name in FORM_FIELDS if name in Request.masked and HIDDEN in (getattr(one, name) or "")},
        reason=_("Another receipt, or a deadline put off, needs it; the story tells it."),
    )
    if saved is not None:
        drawer.done()
    why = _("Delete a request that was entered by mistake: the figures then stand as if it never was.")
    drawer.offer_deletion(PARAMETER, one, room.remove_request, why)
