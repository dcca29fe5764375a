"""What a community promises and when it works: hours, holidays, times by priority. Drawn in its settings."""

from datetime import date, time
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cards, data, drawer, forms, i18n, session
from dashboard.i18n import MISSING, _, n_, plain, say, term
from repository import worktime
from repository.access import Operation, may
from repository.grids import Community, RequestDeadline, Span, edit_community
from repository.maintenance import SERVICE_LEVELS, Priority, WorkCategory, work_categories
from repository.requests import BY_THE_CLOCK, DEADLINES, Urgency, allowed
from repository.worktime import SpecialDay, announced_until

SPANS = 3


def settings(view: session.View, found: Community) -> None:
    """Working hours, promised times, deadlines of requests, and the calendar of a year."""
    st.subheader(_("Working hours"), anchor=False)
    _hours(view, found)
    st.subheader(_("Promised times"), anchor=False)
    _levels(view, found)
    st.subheader(_("Deadlines of requests"), anchor=False)
    _deadlines(view, found)
    st.subheader(_("Holidays and make-up workdays"), anchor=False)
    _calendar(view)


def save(view: session.View, form: str, mine: drawer.Draft[Community], **changes: Any) -> None:
    """Save what was typed over a part of the community."""
    revision, done = mine.stands.revision, _("Saved.")
    drawer.act(lambda: data.tell(edit_community, view.community_id, revision, changes, done=done), form=form)


def _hours(view: session.View, found: Community) -> None:
    mine = drawer.draft("hours", found, "working_hours")
    spans: list[Span | None] = [*mine.opened.working_hours]
    spans += [None] * (SPANS - len(spans))
    typed: list[tuple[time | None, time | None]] = []
    for place, span in enumerate(spans):
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            begins = _time(_("From"), span and span.begins, f"begins-{place}-{mine.key}")
            ends = _time(_("To"), span and span.ends, f"ends-{place}-{mine.key}")
            typed.append((begins, ends))
    st.caption(_("A line left empty does not count. The clock of a promise stands still outside these hours."))
    if st.button(_("Save the hours"), key="save_hours"):
        if any((one is None) != (other is None) for one, other in typed):
            cards.told(_("Not saved: a line needs both times, or none."))
            return
        wanted = [{"begins": _minute(one), "ends": _minute(other) or 1440} for one, other in typed if one and other]
        save(view, "hours", mine, working_hours=wanted)


def _time(label: str, minute: int | None, key: str) -> time | None:
    value = None if minute is None else time(minute % 1440 // 60, minute % 60)
    return st.time_input(plain(label), value, step=900, key=key, width=130)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _levels(view: session.View, found: Community) -> None:
    """A line a priority, and further ones for a category; empty lines follow ours."""
    mine = drawer.draft("levels", found, "service_levels")
    own = {(level.priority, level.category): level for level in mine.opened.service_levels}
    lines: list[tuple[Priority, str | None]] = [(priority, None) for priority in Priority]
    lines += [(Priority(p), c) for p, c in own if c is not None and p in set(Priority)]
    categories = {str(each): say(each.label) for each in WorkCategory}
    known = (*data.ask(work_categories, view.community_id), *(category for _priority, category in own if category))
    categories |= {word: term(word, WorkCategory) for word in known}
    others = _("All others")  # a word: an empty cell of this table says None
    shown = [own.get(line) or SERVICE_LEVELS[line[0]] for line in lines]
    names = _("Priority"), _("Category"), _("Answer (h)"), _("Repair (h)"), _("Nights and holidays count")
    table = pd.DataFrame(
        {
            names[0]: [say(priority.label) for priority, _category in lines],
            names[1]: [categories.get(category or "") or others for _priority, category in lines],
            names[2]: [level.answer_hours for level in shown],
            names[3]: [level.due_hours for level in shown],
            names[4]: [level.round_the_clock for level in shown],
        }
    )
    columns = st.column_config
    typed = st.data_editor(
        table,
        hide_index=True,
        num_rows="dynamic",
        column_config={
            names[0]: columns.SelectboxColumn(options=[say(each.label) for each in Priority], required=True),
            names[1]: columns.SelectboxColumn(options=[others, *categories.values()], default=others),
            names[2]: columns.NumberColumn(min_value=0.1, max_value=10_000, required=True),
            names[3]: columns.NumberColumn(min_value=0.1, max_value=10_000, required=True),
            names[4]: columns.CheckboxColumn(default=False),
        },
        key=f"levels-{mine.key}",
    )
    st.caption(
        _(
            "Hours are working hours unless nights and holidays count. A line of all others holds for every category "
            "that has none of its own. New orders follow it; those that are open keep their due time."
        )
    )
    if st.button(_("Save the promised times"), key="save_levels"):
        by_label = {say(each.label): str(each) for each in Priority}
        by_name = {name: word for word, name in categories.items()}
        rows = [
            {
                "priority": by_label.get(str(row[names[0]]), ""),
                "category": by_name.get(str(row[names[1]])),
                "answer_hours": row[names[2]],
                "due_hours": row[names[3]],
                "round_the_clock": bool(row[names[4]]),
            }
            for row in typed.to_dict("records")
        ]
        save(view, "levels", mine, service_levels=[row for row in rows if row != _usual(row)])


def _deadlines(view: session.View, found: Community) -> None:
    """A line an urgency: hours that run day and night, or calendar days."""
    mine = drawer.draft("deadlines", found, "request_deadlines")
    urgency, within, unit = _("Urgency"), _("Answered within"), _("Counted in")
    table = pd.DataFrame(
        {
            urgency: [say(each.label) for each in Urgency],
            within: [allowed(each, mine.opened.request_deadlines) for each in Urgency],
            unit: [_("hours, day and night") if each in BY_THE_CLOCK else _("calendar days") for each in Urgency],
        }
    )
    typed = st.data_editor(
        table,
        hide_index=True,
        disabled=[urgency, unit],
        column_config={within: st.column_config.NumberColumn(min_value=1, max_value=1000, step=1, required=True)},
        key=f"deadlines-{mine.key}",
    )
    st.caption(_("Days end at midnight, holidays counted. New requests follow it; those that are open keep theirs."))
    if st.button(_("Save the deadlines"), key="save_deadlines"):
        amounts = zip(Urgency, typed[within], strict=True)
        rows = [
            RequestDeadline(urgency=each, amount=int(amount))
            for each, amount in amounts
            if pd.notna(amount) and int(amount) != DEADLINES[each]
        ]
        save(view, "deadlines", mine, request_deadlines=tuple(rows))


def _usual(row: dict[str, Any]) -> dict[str, Any]:
    """The line as it would stand if nobody had changed it: not kept, so that it follows ours."""
    if row["category"] is not None or row["priority"] not in set(Priority):
        return {}
    return SERVICE_LEVELS[Priority(row["priority"])].model_dump()


def _calendar(view: session.View) -> None:
    this_year = view.now.year
    year = st.segmented_control(
        _("Year"),
        [this_year - 1, this_year, this_year + 1],
        default=this_year,
        required=True,
        label_visibility="collapsed",
        key="calendar-year",
    )
    days = data.ask(worktime.year, view.community_id, int(year))
    if int(year) > announced_until() and not any(day.own for day in days):
        st.warning(
            _(
                "The holidays of {year} are not known yet: only weekends are left out, and due times of that year are "
                "provisional. Enter them below once the State Council has announced them.",
                year=plain(str(year)),
            ),
            icon=":material/event_busy:",
        )
    if days:
        st.table(
            [
                {
                    _("Date"): i18n.date(day.day),
                    _("What for"): plain(day.name or MISSING),
                    _("Working day"): _("Yes") if day.working else _("No"),
                    _("Source"): _("Entered here") if day.own else _("Announced"),
                }
                for day in days
            ],
            border="horizontal",
            hide_index=True,
        )
        st.caption(n_("{n} day against the rule", "{n} days against the rule", len(days)))
    if not may(session.actor(), Operation.CREATE, SpecialDay.collection):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        day = forms.day(_("Date"), date(int(year), 1, 1), key=f"special-{year}", width=150)
        name = st.text_input(_("What for"), max_chars=60, key=f"special-name-{year}", width=180, **session.STAGED)
        working = st.toggle(_("Working day"), key=f"special-working-{year}")
        entered = st.button(_("Enter the day"), key="do_special", type="primary", icon=":material/add:")
    if entered and isinstance(day, date):
        facts = {"working": working, "name": name}
        drawer.act(lambda: data.tell(worktime.set_day, view.community_id, day, done=_("Saved."), **facts))
    for each in days:
        if each.own and st.button(
            _("Take back {day}", day=i18n.day_short(each.day)),
            key=f"drop-{each.id}",
            type="tertiary",
            icon=":material/undo:",
        ):
            back = _("What was announced holds again.")
            gone = partial(data.tell, worktime.drop_day, view.community_id, each.id, each.revision, done=back)
            drawer.act(gone)
