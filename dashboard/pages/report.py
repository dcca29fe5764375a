"""Log a repair, on a phone in the yard, in thirty seconds: what is wrong, is it dangerous, done. The label's link
(?facility=CODE) says where."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from dashboard import cards, gallery, navigation, session
from dashboard.data import ask, ask_in_passing, tell
from dashboard.discretion import REPORTED, mind_numbers
from dashboard.i18n import _, ago, day_short, listed, moment_short, n_, number, plain, say
from dashboard.i18n import date as date_
from dashboard.session import View
from repository import maintenance
from repository.access import Operation, may
from repository.facilities import Facility, ServiceStatus, age_years, end_of_life
from repository.grids import grid_names
from repository.maintenance import FacilityBrief, Fault, Priority, Promise, WorkOrder
from repository.people import CONTACT_DAYS
from repository.store import Invalid

ELSEWHERE = ""


def render() -> None:
    """The page."""
    view = session.view()
    if not may(session.actor(), Operation.CREATE, WorkOrder.collection):
        st.info(_("Your role may look but not log repairs."), icon=":material/visibility:")
        return
    if logged := st.query_params.get("logged"):
        _thanks(view, logged)
        return
    form = session.submission("report")
    where = _where(view, form)
    with st.container(key="thumb", gap="small"):
        fault = st.pills(
            _("What is wrong?"),
            list(Fault),
            format_func=lambda word: say(word.label),
            key=f"fault-{form}",
        )
        _already_known(view, where.get("facility_id"), fault)
        dangerous = st.segmented_control(
            _("Is it dangerous?"),
            [True, False],
            format_func=lambda answer: (
                (_("Yes, stop using it") if where.get("facility_id") else _("Yes, it is")) if answer else _("No danger")
            ),
            width="stretch",
            key=f"danger-{form}",
        )
        remark = st.text_input(
            _("Anything to add? (optional)"),
            placeholder=_("Such as: bolt missing on the left post"),
            max_chars=300,
            key=f"remark-{form}",
            **session.STAGED,
        )
        pictures = gallery.choose(form)
        caller = _caller(form)
        began = _began(view, form)
    with st.bottom, st.container(key="thumb_send", gap="xxsmall"):
        trouble = st.container()  # where the thumb is, not under the bar
        pressed = st.button(
            _("Send the report"), type="primary", icon=":material/send:", width="stretch", key="do_send"
        )
        st.caption(_promise(view, where, bool(dangerous), began), text_alignment="center")
    if pressed:
        with trouble:
            _send(view, where, fault, dangerous, remark, form, {**caller, "reported_at": began}, pictures)


# --- where
def _where(view: View, form: str) -> dict[str, Any]:
    """The facility of the label, or one picked from the list, or a place in words: as ``log_repair`` takes it."""
    code = st.query_params.get("facility")
    brief = ask(maintenance.facility_brief, view.community_id, code=code[:60]) if code else None
    if code and brief is None:
        st.warning(
            _("No facility here has the code {code}. Choose it from the list.", code=plain(code[:60])),
            icon=":material/qr_code:",
        )
    if brief is None:
        names = ask(maintenance.reportable, view.community_id)
        picked = st.selectbox(
            _("Where?"),
            [*names, ELSEWHERE],
            index=None,
            format_func=lambda id: names.get(id) or _("Somewhere else"),
            placeholder=_("Name or code of the facility"),
            key=f"facility-{form}",
        )
        if picked is None:
            return {}
        if picked == ELSEWHERE:
            return _elsewhere(view, form)
        brief = ask(maintenance.facility_brief, view.community_id, facility_id=picked)
    if brief is None:
        return {}
    _card(view, brief)
    return {"facility_id": brief.facility.id, "facility": brief.facility}


def _elsewhere(view: View, form: str) -> dict[str, Any]:
    place = st.text_input(
        _("Place"), placeholder=_("Such as: building 6, ground floor"), key=f"place-{form}", **session.STAGED
    )
    grids = ask(grid_names, view.community_id)
    grid = st.selectbox(
        _("Grid"),
        list(grids),
        index=0 if len(grids) == 1 else None,
        format_func=grids.__getitem__,
        placeholder=_("Choose"),
        key=f"grid-{form}",
    )
    return {"place": place, "grid_id": grid}


def _card(view: View, brief: FacilityBrief) -> None:
    facility = brief.facility
    today = view.now.date()
    facts = [brief.grid, facility.site, _age(facility, today)]
    if brief.last_reported_at:
        facts.append(_("last report {when}", when=_when(brief.last_reported_at, view)))
    with st.container(border=True, gap="xxsmall"):
        st.markdown(f":material/qr_code_2: **{plain(facility.name)}**")
        st.caption(plain(" · ".join(filter(None, facts))))
        if facility.status is ServiceStatus.OUT_OF_ORDER:
            st.markdown(":material/do_not_touch: :gray[" + _("Out of order already") + "]")


def _when(moment: datetime, view: View) -> str:
    """ "3 days ago"; from a month on the date says more."""
    recent = view.now - moment < timedelta(days=31)
    return ago(moment, view.now) if recent else date_(moment.astimezone(view.zone).date())


def _age(facility: Facility, today: date) -> str | None:
    age, end = age_years(facility, today), end_of_life(facility, today)
    if age is None or facility.installed_on is None:
        return None
    said = _("installed {year}", year=facility.installed_on.year)
    if end and end < today and (over := (today - end).days // 365) > 0:
        said += n_(", {n} year past its service life", ", {n} years past its service life", over)
    return said


def _caller(form: str) -> dict[str, str]:
    """Whom to call back, if anybody: behind a button, for it is seldom needed and kept apart."""
    with st.expander(_("Call somebody back (optional)"), icon=":material/call:"):
        name = st.text_input(_("Person's name"), key=f"caller-{form}", max_chars=60, **session.STAGED)
        phone = st.text_input(_("Phone"), key=f"phone-{form}", type="phone", max_chars=20, **session.STAGED)
        st.caption(
            _(
                "Kept apart from the order, masked, and forgotten some time after it is closed, after {n} days at the "
                "latest.",
                n=number(CONTACT_DAYS),
            )
        )
    return {"caller_name": name, "caller_phone": phone}


def _began(view: View, form: str) -> datetime | None:
    """When somebody told of it, where that was not just now: the clock runs from then."""
    today = datetime.combine(view.now.date(), time())  # bounds that move would empty the field
    with st.expander(_("It was reported earlier (optional)"), icon=":material/history:"):
        local = st.datetime_input(
            _("Reported at"),
            None,
            min_value=today - timedelta(days=365),
            max_value=today + timedelta(days=1),
            format="YYYY-MM-DD",
            key=f"began-{form}",
        )
        st.caption(_("Such as by a call last night: its time runs from then."))
    return None if local is None else local.replace(tzinfo=view.zone).astimezone(UTC)


# --- what then
def _already_known(view: View, facility_id: str | None, fault: Fault | None) -> None:
    """The same fault on the same facility is open: offered, not forced."""
    if not facility_id or not fault:
        return
    alike = ask_in_passing(maintenance.open_orders_like, view.community_id, facility_id, fault)
    if alike:
        with st.container(border=True, gap="xxsmall"):
            st.markdown(
                ":material/content_copy: "
                + plain(
                    _(
                        "Reported {when} already: {number}. You can add to it, or log it once more.",
                        when=ago(alike[0].reported_at, view.now),
                        number=alike[0].number,
                    )
                )
            )
            navigation.link("maintenance", _("Look at {number}", number=plain(alike[0].number)), order=alike[0].id)


def _promise(view: View, where: dict[str, Any], dangerous: bool, began: datetime | None) -> str:
    priority = Priority.URGENT if dangerous else Priority.NORMAL
    kept: Promise | None = ask_in_passing(
        maintenance.promise,
        view.community_id,
        facility=where.get("facility"),
        grid_id=where.get("grid_id"),
        priority=priority,
        now=began or view.now,
    )
    if kept is None:
        return ""
    when = moment_short(kept.answer_by, view.now)
    said = (
        _("Goes to {who}, answered by {when}", who=plain(kept.assignee), when=when)
        if kept.assignee
        else _("Answered by {when}", when=when)
    )
    return said + (" · " + _("holidays of that year are not announced yet") if kept.provisional else "")


def _send(
    view: View,
    where: dict[str, Any],
    fault: Fault | None,
    dangerous: bool | None,
    remark: str,
    form: str,
    told: dict[str, Any],
    pictures: list[bytes],
) -> None:
    if fault is None or dangerous is None or not where:
        missing = [
            question
            for question, open_ in (
                (_("where it is"), not where),
                (_("what is wrong"), fault is None),
                (_("whether it is dangerous"), dangerous is None),
            )
            if open_
        ]
        st.error(_("Still to answer: {questions}", questions=listed(missing)), icon=":material/arrow_upward:")
        return
    try:
        mind_numbers(form, REPORTED, description=remark, place=where.get("place"))
        photos = gallery.keep(view.community_id, pictures)
        if photos is None:
            return
        order = tell(
            maintenance.log_repair,
            view.community_id,
            fault=fault,
            facility_id=where.get("facility_id"),
            place=where.get("place"),
            grid_id=where.get("grid_id"),
            dangerous=dangerous,
            description=remark or None,
            photos=photos,
            **told,
            key=form,
        )
    except Invalid as problem:
        cards.told(*problem.problems.values())
        return
    if order is not None:
        session.submitted("report")
        st.query_params["logged"] = order.id
        st.rerun()


def _thanks(view: View, order_id: str) -> None:
    story = ask(maintenance.work_story_if_any, view.community_id, order_id[:64], now=view.now)
    if story is None:
        _again()
        return
    row = story.row
    with st.container(border=True, gap="xsmall"):
        st.header(
            ":green[:material/check_circle:] " + plain(_("Logged as {number}", number=row.order.number)), anchor=False
        )
        st.markdown(plain(" · ".join(filter(None, (row.facility, row.order.place, row.grid)))))
        if row.order.due_at:
            due = day_short(row.order.due_at.astimezone(view.zone).date())
            who = row.assignee
            st.markdown(
                plain(_("{who} has it; due {day}.", who=who, day=due) if who else _("To be mended by {day}.", day=due))
            )
        if row.order.dangerous and story.facility:
            st.markdown(":material/do_not_touch: " + _("The facility is marked as out of order: put up the sign."))
        navigation.link("maintenance", _("See the work order"), order=row.order.id)
    with st.bottom, st.container(key="thumb_send"):
        if st.button(_("Log another"), type="primary", icon=":material/add:", width="stretch", key="do_again"):
            _again()


def _again() -> None:
    st.query_params.pop("logged", None)
    st.query_params.pop("facility", None)
    st.rerun()
