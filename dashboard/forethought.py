"""Preventive maintenance on the Facilities page: how well the plans are kept, what is coming, and the plans."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import streamlit as st

from dashboard import cards, data, drawer, forms, i18n, navigation, session, tables
from dashboard.i18n import MISSING, _, days_badge, n_, number, plain
from repository import preventive
from repository.access import Operation, may
from repository.facilities import Category
from repository.maintenance import WorkOrder
from repository.preventive import AHEAD_DAYS, MaintenancePlan, PreventiveReview, Unit
from repository.store import Invalid

Names = Mapping[str, Mapping[str, str]]
PLAN, DUE = "maintenance_plan", "preventive"
"""URL parameters: what is open in the drawer."""
PHONE_ROWS = 20


def render(view: session.View, names: Names, category: Category | None) -> None:
    """Four tiles, the next 30 days, the plans."""
    today = view.now.date()
    plans = data.ask_as_seen(preventive.plans, view.community_id)
    if not plans:
        _begin()
    else:
        found = data.ask(preventive.review, view.community_id, view.period, view.grids, category, today=today)
        with cards.tiles(4):
            cards.tile(found.compliance, page="")
            cards.tile(found.schedule, page="")
            cards.tile(found.planned, page="", detail=_("of {hours} h", hours=number(found.planned.n)))
            late = int(found.coming.detail or 0)
            cards.tile(
                found.coming,
                page="",
                detail=_("{n} past their day", n=number(late)) if late else _("none past its day"),
            )
        _coming(view, found, names)
        _plans([plan for plan in plans if category in (None, plan.category)], names)
    _drawers(view.today, names)


def _begin() -> None:
    enters = may(session.actor(), Operation.CREATE, MaintenancePlan.collection)
    pressed = cards.empty(
        _("No maintenance plans yet"),
        _("A plan makes work orders ahead of time: oil the walkers every quarter, test the pumps before the rains."),
        *([(_("Enter a plan"), ":material/add:")] if enters else []),
        key="plans",
    )
    if pressed is not None:
        drawer.open_at(PLAN)


def _coming(view: session.View, found: PreventiveReview, names: Names) -> None:
    late = int(found.coming.detail or 0)
    total = int(found.coming.value or 0)
    if late:
        finding = n_("{n} preventive order is past its day", "{n} preventive orders are past their day", late)
    elif total or found.foreseen:
        finding = n_("{n} preventive order within 30 days", "{n} preventive orders within 30 days", total)
    else:
        finding = _("Nothing is planned for the next 30 days")
    rows = _rows(view, found, names)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(plain(finding), anchor=False, width="content")
        st.space("stretch")
        tables.download(
            rows,
            name="preventive",
            title=_("Preventive maintenance"),
            key="preventive",
            of=(WorkOrder.collection, view.community_id),
        )
        makes = view.past is None and may(session.actor(), Operation.CREATE, MaintenancePlan.collection)
        if makes and st.button(
            _("Make the orders now"),
            icon=":material/event_repeat:",
            key="generate",
            width="content",
            help=_("They are made by themselves every few minutes; making them again makes nothing twice."),
        ):
            _generate(view)
        if makes:
            _ahead(view)
    if not rows:
        return
    with st.container(key="wide_coming"):
        _table(found, rows)
        tables.first_of(len(found.orders), total)
    with st.container(key="narrow_coming", gap="xsmall"):
        for order in found.orders[:PHONE_ROWS]:
            _phone_row(view, order, names)
        tables.first_of(min(PHONE_ROWS, len(found.orders)), total)
    if found.foreseen:
        st.caption(
            plain(
                _("Orders without a number are made when their lead time begins; within {n} days:", n=AHEAD_DAYS)
                + " "
                + " · ".join(
                    f"{i18n.day_short(each.on)} {each.plan} ×{number(each.facilities)}" for each in found.foreseen[:6]
                )
            )
        )


def _generate(view: session.View) -> None:
    made = data.tell(preventive.generate, view.community_id)
    if made is not None:
        there = _("Every order that is due is there already.")
        session.toast(_made(made) if made.made or made.ended else there)
        st.rerun()


def _made(made: preventive.Generated) -> str:
    said = [n_("{n} order was made.", "{n} orders were made.", made.made)] if made.made else []
    if made.ended:
        said.append(n_("{n} order of a retired facility ended.", "{n} orders of retired facilities ended.", made.ended))
    return " ".join(said)


def _ahead(view: session.View) -> None:
    """The orders up to a chosen day, a year ahead by itself: first how many, then they are made."""
    inside = st.popover(
        _("Make orders ahead"), icon=":material/calendar_add_on:", key="generate-ahead", on_change="rerun"
    )
    if not inside.open:
        return
    today = view.now.date()
    with inside:
        until = forms.day(_("Up to"), today + timedelta(days=365), key="ahead-until")
        try:
            preventive.check_ahead(until, today)
        except Invalid as invalid:
            cards.told(*invalid.problems.values())
            return
        lacking = data.ask(preventive.lacking, view.community_id, until=until)
        day = i18n.date(until)
        if not lacking:
            st.markdown(plain(_("Every order until {day} is there already.", day=day)))
            return
        st.markdown("**" + plain(n_("{n} order until {day}", "{n} orders until {day}", lacking, day=day)) + "**")
        st.caption(_("What there is already is not made again, however often you press."))
        pressed = st.button(
            n_("Make {n} order", "Make {n} orders", lacking), type="primary", key="do_ahead", icon=":material/check:"
        )
        if not pressed:
            return
        with st.spinner(_("The orders are being made …")):
            made = data.tell(preventive.generate, view.community_id, until=until)
    if made is not None:
        there = _("Every order until {day} is there already.", day=day)
        session.toast(_made(made) if made.made or made.ended else there)
        st.rerun()


def _rows(view: session.View, found: PreventiveReview, names: Names) -> list[dict[str, Any]]:
    today = view.now.date()
    rows: list[dict[str, Any]] = [
        {
            _("Order"): order.number,
            _("Work to do"): order.fault,
            _("Facility"): names["facilities"].get(order.facility_id or "", order.place),
            _("Scheduled for"): order.scheduled_for,
            _("Days late"): max(0, (today - order.scheduled_for).days) or None if order.scheduled_for else None,
            _("In time until"): order.scheduled_for + timedelta(days=order.grace_days or 0)
            if order.scheduled_for
            else None,
            _("Estimated hours"): order.estimated_hours,
            _("Assignee"): names["people"].get(order.assignee_id or ""),
        }
        for order in found.orders
    ]
    for each in found.foreseen:
        rows.append(
            {
                _("Order"): None,
                _("Work to do"): each.plan,
                _("Facility"): n_("{n} facility", "{n} facilities", each.facilities),
                _("Scheduled for"): each.on,
                _("Days late"): None,
                _("In time until"): None,
                _("Estimated hours"): each.hours,
                _("Assignee"): None,
            }
        )
    return rows


def _table(found: PreventiveReview, rows: list[dict[str, Any]]) -> None:
    columns = st.column_config
    table, late = tables.frame(rows), _("Days late")
    if not any(row[late] for row in rows):
        table = table.drop(columns=late)
    table[""] = [_("Handle")] * len(found.orders) + [None] * len(found.foreseen)

    def opened() -> None:
        place = st.session_state["preventive-deal"]["row"]
        if place < len(found.orders):
            drawer.open_at(DUE, found.orders[place].id)

    st.dataframe(
        table,
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 10 else 11 * 38,
        placeholder="",
        key="preventive-table",
        column_config={
            late: columns.ProgressColumn(
                late, format="%d", color="red", min_value=0, max_value=max(7, *(row[late] or 0 for row in rows))
            ),
            _("Scheduled for"): columns.DateColumn(format="YYYY-MM-DD"),
            _("In time until"): columns.DateColumn(format="YYYY-MM-DD"),
            "": columns.ButtonColumn("", type="secondary", key="preventive-deal", on_click=opened),
        },
        alt=_("Preventive orders by their day"),
    )


def _phone_row(view: session.View, order: WorkOrder, names: Names) -> None:
    late = (view.now.date() - order.scheduled_for).days if order.scheduled_for else 0
    when = (
        f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=days_badge(late)))}]"
        if late > 0
        else f":gray-badge[{plain(_('due {day}', day=i18n.day_short(order.scheduled_for)))}]"
    )
    where = names["facilities"].get(order.facility_id or "", order.place or MISSING)
    st.button(
        f"**{plain(order.fault)}** · {plain(where)}  \n{when} :small[:gray[{plain(order.number)}]]",
        key=f"coming-{order.id}",
        width="stretch",
        on_click=drawer.open_at,
        args=(DUE, order.id),
    )


def _plans(plans: list[MaintenancePlan], names: Names) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(n_("{n} maintenance plan", "{n} maintenance plans", len(plans)), anchor=False, width="content")
        st.space("stretch")
        if may(session.actor(), Operation.CREATE, MaintenancePlan.collection) and st.button(
            _("Enter a plan"), icon=":material/add:", type="primary", key="do_plan", width="content"
        ):
            drawer.open_at(PLAN)
    rhythm = _("How often")
    columns = ["name", "category", "kind", "facility_id", "grid_id", rhythm, "since", "lead_days", "estimated_hours"]
    drawer.register(
        PLAN,
        MaintenancePlan,
        plans,
        key="maintenance-plans",
        columns=[*columns, "assignee_id", "active"],
        names=names,
        more={rhythm: how_often},
    )


def how_often(plan: MaintenancePlan) -> str:
    """Every 3 months, or in given months; from the last completion where that counts."""
    if plan.months:
        said = _("in {months}", months=i18n.listed(i18n.month_name(int(month)) for month in plan.months))
    else:
        said = {
            Unit.DAYS: n_("every day", "every {n} days", plan.every),
            Unit.WEEKS: n_("every week", "every {n} weeks", plan.every),
            Unit.MONTHS: n_("every month", "every {n} months", plan.every),
        }[plan.unit]
    return said if plan.basis is preventive.Basis.CALENDAR else _("{rhythm} after completion", rhythm=said)


# --- the drawers
def _drawers(view: session.View, names: Names) -> None:
    picks = {**names, "facilities": names["standing"]}
    if wanted := drawer.opened(PLAN):
        known = {plan.id: plan for plan in data.ask(preventive.plans, view.community_id)}
        if wanted == drawer.NEW and may(session.actor(), Operation.CREATE, MaintenancePlan.collection):
            drawer.show(PLAN, _("Enter a plan"), lambda: _new(view, picks))
        elif wanted in known:
            drawer.show(PLAN, plain(known[wanted].name), lambda: _edit(view, picks, known[wanted]))
    elif wanted := drawer.opened(DUE):
        from repository.maintenance import work_story_if_any

        story = data.ask(work_story_if_any, view.community_id, wanted[:64], now=view.now)
        if story is not None:
            order = story.row.order
            drawer.show(DUE, plain(f"{order.number} · {order.fault}"), lambda: _order(view, order, names))


def _new(view: session.View, names: Names) -> None:
    made = forms.edit(
        MaintenancePlan,
        key="maintenance-plan-new",
        references=names,
        defaults={"since": view.now.date(), "grid_id": view.grid_id},
        save=lambda values, submission: data.tell(
            preventive.add_plan, view.community_id, values, key=submission, done=_("The plan is entered.")
        ),
    )
    if made is not None:
        drawer.done(PLAN)


def _edit(view: session.View, names: Names, found: MaintenancePlan) -> None:
    st.markdown(plain(how_often(found)))
    st.caption(
        n_(
            "In time up to {n} day after its day (20 % of the interval, 28 days at most).",
            "In time up to {n} days after its day (20 % of the interval, 28 days at most).",
            found.grace_days,
        )
    )
    if not may(session.actor(), Operation.UPDATE, MaintenancePlan.collection):
        st.info(_("You may look at this but not change it."), icon=":material/lock:")
        return
    saved = forms.edit(
        MaintenancePlan,
        key="maintenance-plan-edit",
        current=found,
        references=names,
        save=lambda values, _submission: data.tell(
            preventive.edit_plan, view.community_id, found.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(PLAN)
    drawer.offer_deletion(PLAN, found, preventive.remove_plan)


def _order(view: session.View, order: WorkOrder, names: Names) -> None:
    where = names["facilities"].get(order.facility_id or "", order.place or "")
    st.markdown(plain(" · ".join(filter(None, (where, names["people"].get(order.assignee_id or ""))))))
    st.markdown(plain(_("Scheduled for {day}", day=i18n.date(order.scheduled_for))))
    if order.description:
        st.markdown(plain(order.description))
    navigation.link("maintenance", _("See the work order"), order=order.id)
    if not order.is_open or not may(session.actor(), Operation.UPDATE, WorkOrder.collection):
        return
    reason = st.text_input(_("Reason to postpone or skip"), max_chars=200, key=f"why-{order.id}", **session.STAGED)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        to = forms.day(_("Postpone to"), view.now.date() + timedelta(days=14), width=160, key=f"to-{order.id}")
        if st.button(_("Postpone"), icon=":material/event_upcoming:", key="postpone"):
            _not_as_planned(view, order, preventive.postpone, _("Postponed."), to, reason)
        if st.button(_("Skip it"), icon=":material/event_busy:", key="skip"):
            _not_as_planned(view, order, preventive.skip, _("Skipped; the reason stands in its story."), reason)
    st.caption(_("It goes on to be judged by the day it was scheduled for; a skipped one counts as not done."))


def _not_as_planned(view: session.View, order: WorkOrder, command: Any, done: str, *facts: Any) -> None:
    drawer.act(lambda: data.tell(command, view.community_id, order.id, order.revision, *facts, done=done), close=DUE)
