"""The calendar part of the Activities page: a month as a grid or a list, who has a place and who waits, and how many of
those who signed up came."""

import calendar
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboard import attendance, cards, charts, drawer, i18n, session, tables
from dashboard.data import ask
from dashboard.i18n import MISSING, _, n_, number, percent, plain, say
from dashboard.session import View
from repository.access import Operation, may
from repository.activities import Activity, ActivityStatus
from repository.checkin import ShownUp, Slot, Timetable, shown_up, timetable
from repository.metrics import Period, PeriodTrouble

MARKS = {
    ActivityStatus.PLANNED: ":blue[:material/schedule:]",
    ActivityStatus.HELD: ":green[:material/check:]",
    ActivityStatus.CANCELLED: ":gray[:material/block:]",
}
"""A silhouette of its own for each status."""
MOST_OF_A_DAY = 4  # in a cell of the grid; the list has all
MOST_ON_A_PHONE = 100
LETTERS = 14  # of a name in a cell


def show(view: View, names: dict[str, dict[str, str]]) -> None:
    """The month, then what became of its sign-ups."""
    month = _chosen(view.now.date())
    found = ask(timetable, view.community_id, month, grids=view.grids, now=view.now)
    came = ask(shown_up, view.community_id, view.period, grids=view.grids, now=view.now)
    with st.container(border=True, gap="xsmall", key="chart_calendar"):
        st.header(plain(_finding(found)), anchor=False)
        _steer(view, month)
        if st.session_state["url.look"] == "list":
            _register(found, names)
        else:
            with st.container(key="wide_calendar", gap="xxsmall"):
                _grid(found, view.now.date())
            with st.container(key="narrow_calendar", gap="xxsmall"):
                _days(found)
        legend = "  ".join(f"{MARKS[status]} {plain(say(status.label))}" for status in ActivityStatus)
        places = _("places taken ÷ places, + on the waiting list")
        st.caption(f"{legend}  ·  {plain(places)}")
        if found.more:
            st.caption(_("The first {n} of the month.", n=number(len(found.slots))))
    left, right = st.columns(2, gap="small")
    with left:
        _course(view, came)
    with right:
        _no_shows(found)


def _chosen(today: date) -> str:
    """The month that stands in the URL; this one without it."""
    wanted = st.query_params.get("month", "")
    try:
        if len(wanted) == 7 and Period.of(wanted).kind == "month":
            return wanted
    except PeriodTrouble:
        pass
    return f"{today:%Y-%m}"


def _steer(view: View, month: str) -> None:
    this = Period.of(month)

    def go(to: str) -> None:
        st.query_params["month"] = to

    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="calendar-steer"):
        before, after = (this.previous.key,), (this.following.key,)
        st.button(
            ":material/chevron_left:", help=_("Earlier month"), type="tertiary", key="calendar-before", on_click=go,
            args=before,
        )  # fmt: skip
        st.button(
            ":material/chevron_right:", help=_("Later month"), type="tertiary", key="calendar-after", on_click=go,
            args=after,
        )  # fmt: skip
        st.markdown(f"**{plain(i18n.month(this.first))}**", width="content")
        today = f"{view.now:%Y-%m}"
        if month != today:
            st.button(_("This month"), type="tertiary", key="calendar-today", on_click=go, args=(today,))
        st.space("stretch")
        looks = {"month": _("Month"), "list": _("As a list")}
        st.segmented_control(
            _("How"),
            list(looks),
            format_func=looks.__getitem__,
            required=True,
            label_visibility="collapsed",
            **session.in_url("look", looks, "month"),
        )
        if may(session.actor(), Operation.CREATE, Activity.collection):
            enter = _("Enter an activity")
            st.button(
                enter, icon=":material/add:", key="do_calendar_new", on_click=drawer.open_at, args=(attendance.OPEN,)
            )


def _finding(found: Timetable) -> str:
    month = i18n.month(Period.of(found.month).first)
    standing = [slot for slot in found.slots if slot.activity.status is not ActivityStatus.CANCELLED]
    if not found.slots:
        return _("{month}: nothing is planned", month=month)
    said = n_("{month}: {n} activity", "{month}: {n} activities", len(standing), month=month)
    parts = []
    if found.places:
        parts.append(_("{taken} of {places} places taken", taken=number(found.taken), places=number(found.places)))
    if found.waiting:
        parts.append(n_("{n} on a waiting list", "{n} on waiting lists", found.waiting))
    gone = len(found.slots) - len(standing)
    if gone:
        parts.append(n_("{n} cancelled", "{n} cancelled", gone))
    return " · ".join([said, *parts])


# --- a month
def _grid(found: Timetable, today: date) -> None:
    first = Period.of(found.month).first
    by_day: dict[date, list[Slot]] = {}
    for slot in found.slots:
        by_day.setdefault(slot.activity.held_on, []).append(slot)
    for column, number_ in zip(st.columns(7, gap="xxsmall"), range(7), strict=True):
        column.markdown(f":small[:gray[{plain(_weekday(number_))}]]")
    start = first - timedelta(days=first.weekday())
    for week in range(len(calendar.monthcalendar(first.year, first.month))):
        for place, column in enumerate(st.columns(7, gap="xxsmall")):
            day = start + timedelta(days=7 * week + place)
            with column.container(border=True, height="stretch", gap=None, key=f"line_{day:%m%d}"):
                if day.month != first.month:
                    st.markdown(f":small[:gray[{number(day.day)}]]")
                    continue
                st.markdown(f":blue-badge[{number(day.day)}]" if day == today else f":small[**{number(day.day)}**]")
                slots = by_day.get(day, [])
                for slot in slots[:MOST_OF_A_DAY]:
                    _entry(slot, "cell", LETTERS)
                if len(slots) > MOST_OF_A_DAY:
                    st.caption(_("+ {n} more", n=number(len(slots) - MOST_OF_A_DAY)))


def _days(found: Timetable) -> None:
    """The same as a list by day, for a phone."""
    day: date | None = None
    if not found.slots:
        nothing = _("Nothing in this month.")
        st.markdown(f":gray[{nothing}]")
    for slot in found.slots[:MOST_ON_A_PHONE]:
        if slot.activity.held_on != day:
            day = slot.activity.held_on
            st.markdown(f"**{plain(i18n.day_short(day))}** :gray[{plain(_weekday(day.weekday()))}]")
        _entry(slot, "row", 60)
    tables.first_of(MOST_ON_A_PHONE, len(found.slots))


def _entry(slot: Slot, where: str, letters: int) -> None:
    activity = slot.activity
    name = activity.name if len(activity.name) <= letters else f"{activity.name[: letters - 1]}…"
    words = plain(" ".join(filter(None, (activity.starts_at, name, _taken(slot)))))
    if activity.status is ActivityStatus.CANCELLED:
        words = f"~~{words}~~"
    words = f"{MARKS[activity.status]} {words}"
    st.button(
        f":small[{words}]" if where == "cell" else words,
        type="tertiary",
        width="stretch",
        help=plain(f"{activity.name} · {say(activity.status.label)}") if where == "cell" else None,
        key=f"calendar-{where}-{activity.id}",
        on_click=drawer.open_at,
        args=(attendance.OPEN, activity.id),
    )


def _taken(slot: Slot) -> str:
    """18/20 +3: places taken, places, and who waits; nothing without sign-ups."""
    if not slot.signed + slot.waiting:
        return ""
    said = number(slot.signed)
    if slot.activity.capacity is not None:
        said += f"/{number(slot.activity.capacity)}"
    return f"{said} +{number(slot.waiting)}" if slot.waiting else said


def _weekday(number_: int) -> str:
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")][number_]


def _register(found: Timetable, names: dict[str, dict[str, str]]) -> None:
    slots = {slot.activity.id: slot for slot in found.slots}

    def column(pick: Any) -> Any:
        return lambda activity: pick(slots[activity.id])

    more = {
        _("Signed up"): column(lambda slot: slot.signed or None),
        _("Waiting"): column(lambda slot: slot.waiting or None),
        _("Came of them"): column(lambda slot: slot.came if slot.known else None),
        _("Did not come"): column(lambda slot: slot.missed),
    }
    drawer.register(
        attendance.OPEN,
        Activity,
        [slot.activity for slot in found.slots],
        key="calendar-list",
        columns=["held_on", "starts_at", "name", "status", "grid_id", "place", "capacity", *more],
        names=names,
        more=more,
    )


# --- who came of those who signed up
def _course(view: View, found: ShownUp) -> None:
    value = found.value
    months = [(month, share) for month, share in value.series if share is not None]
    title = say(value.metric.title)
    if not value.enough:
        finding = _("Too few signed up to say how many of them come") if found.signed else _("No sign-ups to look at")
    else:
        finding = _("{share} of those who sign up come", share=percent(value.value))
    caption = _(
        "{title}, {period}: {came} of {signed} (n), {activities} activities that are over; the line by month, in %",
        title=title,
        period=i18n.period(view.period),
        came=number(found.came),
        signed=number(found.signed),
        activities=number(found.activities),
    )
    shares = [None if share is None else round(100 * share, 1) for _month, share in value.series]
    figure = charts.line(
        [month for month, _share in value.series], shares, name=_("Showed up"), look=cards.look(), area=False
    )
    cards.chart(
        finding,
        caption if found.signed else "",
        figure if months else None,
        [
            {_("Month"): month, _("Showed up (%)"): share}
            for (month, _share), share in zip(value.series, shares, strict=True)
        ],
        key="shown-up",
    )


def _no_shows(found: Timetable) -> None:
    known = [slot for slot in found.slots if slot.known]
    ranked = sorted(known, key=lambda slot: (-(slot.missed or 0), slot.activity.held_on))[:8]
    missed = sum(slot.missed or 0 for slot in known)
    silent = sum(slot.over and slot.signed > 0 and not slot.came for slot in found.slots)
    month = i18n.month(Period.of(found.month).first)
    look = cards.look()
    finding = (
        n_(
            "{n} who had a place did not come in {month}",
            "{n} who had a place did not come in {month}",
            missed,
            month=month,
        )
        if known
        else _("In {month} no activity with sign-ups is over yet", month=month)
    )
    note = ""
    if silent:
        words = n_(
            "Of {n} activity with sign-ups it was not recorded who came.",
            "Of {n} activities with sign-ups it was not recorded who came.",
            silent,
        )
        note = f":small[:gray[{plain(words)}]]"
    cards.chart(
        finding,
        _(
            "People who had a place, by activity: blue came, red did not; most missing first; n = {n}",
            n=number(sum(s.signed for s in known)),
        )
        if known
        else "",
        charts.stacked(
            [_named(slot) for slot in ranked],
            [
                (_("Came"), [slot.came for slot in ranked], look.main),
                (_("Did not come"), [slot.missed for slot in ranked], look.red),
            ],
            [_share_of(slot) for slot in ranked],
            look=look,
        )
        if ranked
        else None,
        _rows(known),
        key="no-shows",
        note=note,
    )


def _named(slot: Slot) -> str:
    name = slot.activity.name
    return f"{i18n.day_axis(slot.activity.held_on)} {name if len(name) <= LETTERS else f'{name[: LETTERS - 1]}…'}"


def _share_of(slot: Slot) -> str:
    value = slot.showed_up
    return percent(value.value) if value.enough else _("n = {n}", n=number(value.n))


def _rows(slots: Sequence[Slot]) -> list[dict[str, Any]]:
    return [
        {
            _("Day"): i18n.date(slot.activity.held_on),
            _("Activity"): slot.activity.name,
            _("Signed up"): slot.signed,
            _("Came of them"): slot.came,
            _("Did not come"): slot.missed,
            _("Showed up (%)"): round(100 * (slot.showed_up.value or 0)) if slot.showed_up.enough else MISSING,
        }
        for slot in slots
    ]
