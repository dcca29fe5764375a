"""The year's calendar on the Meetings page: which required meetings were held in their days, late, or not at all."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import actions, cards, drawer, i18n, minutes, session
from dashboard.i18n import MISSING, _, n_, plain, say
from repository import meetings
from repository.access import Operation, may
from repository.meetings import Cell, CellState, Meeting, MeetingKind, Review

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


def show(found: Review) -> None:
    """The year as a strip of cells, each a way to its meeting or to planning one, under the sentence it proves."""
    with st.container(border=True, gap="xsmall", key="chart_cadence"):
        st.header(plain(_cadence(found)), anchor=False)
        st.caption(
            plain(
                _(
                    "{year}: in time is a month's first {month} working days, a quarter's last {quarter}, the year's "
                    "first {days}; holidays move them.",
                    year=found.year,
                    month=found.days.month,
                    quarter=found.days.quarter,
                    days=found.days.year,
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
                on_click=drawer.open_at, args=(actions.MEETING, each.id),
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
        args=(actions.MEETING, wanted),
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
