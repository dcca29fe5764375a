"""Inspections on the Facilities page: what is due, what was found, the plans and checklists; and in a facility's drawer
when it is due and what was found there."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cards, data, drawer, forms, gallery, i18n, navigation, session, tables
from dashboard.i18n import MISSING, _, days_badge, n_, number, plain, say, term
from repository import inspections, preventive
from repository.access import Operation, may
from repository.facilities import Category, Facility, ServiceStatus
from repository.inspections import (
    Checklist,
    ChecklistItem,
    Due,
    Inspection,
    InspectionKind,
    InspectionPlan,
    Rounds,
    Verdict,
)
from repository.maintenance import Fault
from repository.metrics import State
from repository.store import build

Names = Mapping[str, Mapping[str, str]]
INSPECTION, CHECKLIST, PLAN = "inspection", "checklist", "inspection_plan"
"""URL parameters: what is open in the drawer."""
SHOWN_DUE = 60
PHONE_ROWS = 20
VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.PASS: ("green", ":material/check_circle:"),
    Verdict.FAIL: ("red", ":material/dangerous:"),
    Verdict.NOT_APPLICABLE: ("gray", ":material/hide_source:"),
}


# --- the part
def render(view: session.View, names: Names, category: Category | None) -> None:
    """Three tiles, what is due, what was found lately, the registers of checklists and plans."""
    today = view.now.date()
    found = data.ask(inspections.rounds, view.community_id, view.period, view.grids, category, today=today)
    names = {**names, "checklists": data.ask_as_seen(inspections.checklist_names, view.community_id)}
    if not names["checklists"]:
        _begin(view)
    else:
        with cards.tiles(3):
            cards.tile(found.on_time, page="")
            soon = int(found.overdue.detail or 0)
            cards.tile(found.overdue, page="", detail=_("{n} more within 7 days", n=number(soon)))
            cards.tile(found.failed, page="")
        _due(view, found, names)
        _registers(view, found, names)
    _drawers(view.today, names)


def _begin(view: session.View) -> None:
    enters = may(session.actor(), Operation.CREATE, Checklist.collection)
    buttons = (
        [
            (_("Enter the usual checklists"), ":material/playlist_add_check:"),
            (_("Enter a checklist"), ":material/add:"),
        ]
        if enters
        else []
    )
    pressed = cards.empty(
        _("No checklists yet"),
        _("The usual ones cover fitness equipment after GB 19272, gates, lifts and lighting; change them as you like."),
        *buttons,
        key="checklists",
    )
    if pressed == 0:
        made = data.tell(
            inspections.enter_standard_checklists,
            view.community_id,
            since=view.present.date(),
            key=session.submission("checklists"),
            done=_("The usual checklists are entered, each with a plan."),
        )
        if made is not None:
            session.submitted("checklists")
            st.rerun()
    elif pressed == 1:
        drawer.open_at(CHECKLIST)


def _finding(found: Rounds) -> str:
    late = int(found.overdue.value or 0)
    if late:
        worst = found.due[0]
        return n_(
            "{n} inspection is overdue, the longest by {days}: {name}",
            "{n} inspections are overdue, the longest by {days}: {name}",
            late,
            days=i18n.days(worst.overdue_days),
            name=worst.name,
        )
    if not found.due:
        return _("No plan demands an inspection yet")
    return _("No inspection is overdue; the next is due on {day}", day=i18n.day_short(found.due[0].due_on))


def _due(view: session.View, found: Rounds, names: Names) -> None:
    words = {"": _("All due"), "overdue": _("Overdue"), **{str(kind): say(kind.label) for kind in InspectionKind}}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(plain(_finding(found)), anchor=False, width="content")
        st.space("stretch")
        wanted = st.selectbox(
            _("Which"),
            list(words),
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width=210,
            **session.in_url("due", words),
        )
        chosen = [
            each
            for each in found.due
            if not wanted or (each.overdue_days > 0 if wanted == "overdue" else each.kind == wanted)
        ]
        rows = [_due_row(each, names) for each in chosen]
        tables.download(
            rows,
            name="inspections_due",
            title=_("Inspections due"),
            key="due",
            of=(Inspection.collection, view.community_id),
        )
    tables.first_of(len(found.due), found.total)
    if not chosen:
        st.markdown(":gray[" + _("Nothing here. Choose another list above.") + "]")
        return
    inspects = may(session.actor(), Operation.CREATE, Inspection.collection)
    with st.container(key="wide_due"):
        _due_table(chosen[:SHOWN_DUE], rows[:SHOWN_DUE], inspects=inspects)
        tables.first_of(SHOWN_DUE, len(chosen))
    with st.container(key="narrow_due", gap="xsmall"):
        for each in chosen[:PHONE_ROWS]:
            _phone_row(each, inspects=inspects)
        tables.first_of(min(PHONE_ROWS, len(chosen)), len(chosen))


def _due_row(each: Due, names: Names) -> dict[str, Any]:
    return {
        _("Code"): each.code,
        _("Facility"): each.name,
        _("Checklist"): each.checklist,
        _("Days overdue"): each.overdue_days or None,
        _("Due"): each.due_on,
        _("Last done"): each.last_on,
        _("Every (days)"): each.every_days,
        _("Grid"): names["grids"].get(each.grid_id or ""),
        _("Inspector"): names["people"].get(each.inspector_id or ""),
    }


def _due_table(chosen: list[Due], rows: list[dict[str, Any]], *, inspects: bool) -> None:
    columns = st.column_config
    table = tables.frame(rows)
    late = _("Days overdue")
    if not any(each.overdue_days for each in chosen):
        table = table.drop(columns=late)
    config: dict[str, Any] = {
        _("Code"): columns.TextColumn(pinned=True, width=80),
        late: columns.ProgressColumn(
            late, format="%d", color="red", min_value=0, max_value=max(7, *(each.overdue_days for each in chosen))
        ),
        _("Due"): columns.DateColumn(format="YYYY-MM-DD"),
        _("Last done"): columns.DateColumn(format="YYYY-MM-DD"),
    }
    if inspects:
        table[""] = [_("Inspect")] * len(chosen)

        def go() -> None:
            each = chosen[st.session_state["due-inspect"]["row"]]
            st.session_state["rounds.go"] = (each.code, each.checklist_id)

        config[""] = columns.ButtonColumn("", type="secondary", key="due-inspect", on_click=go)
    st.dataframe(
        table,
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 10 else 11 * 38,
        placeholder="",
        key="due-table",
        column_config=config,
        alt=_("Inspections due, the longest overdue first"),
    )
    if (where := st.session_state.pop("rounds.go", None)) is not None:
        navigation.go("inspect", facility=where[0], checklist=where[1])


def _phone_row(each: Due, *, inspects: bool) -> None:
    when = (
        f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=days_badge(each.overdue_days)))}]"
        if each.overdue_days
        else f":gray-badge[{plain(_('due {day}', day=i18n.day_short(each.due_on)))}]"
    )
    label = f"**{plain(each.name)}** · {plain(each.checklist)}  \n{when} :small[:gray[{plain(each.code)}]]"
    if st.button(label, key=f"due-{each.facility_id}-{each.checklist_id}", width="stretch", disabled=not inspects):
        navigation.go("inspect", facility=each.code, checklist=each.checklist_id)


def _registers(view: session.View, found: Rounds, names: Names) -> None:
    words = {"lately": _("Found lately"), "plans": _("Inspection plans"), "checklists": _("Checklists")}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.segmented_control(
            _("Register"),
            list(words),
            required=True,
            format_func=words.__getitem__,
            label_visibility="collapsed",
            **session.in_url("list", words, "lately"),
        )
        st.space("stretch")
        if chosen == "lately":
            if may(session.actor(), Operation.CREATE, Inspection.collection):
                navigation.link("inspect", _("Inspect something else"), icon=":material/fact_check:")
        elif may(session.actor(), Operation.CREATE, Checklist.collection):
            label = _("Enter a plan") if chosen == "plans" else _("Enter a checklist")
            if st.button(label, icon=":material/add:", key="do_add_rounds", type="primary", width="content"):
                drawer.open_at(PLAN if chosen == "plans" else CHECKLIST)
    if chosen == "plans":
        rows = data.ask_as_seen(inspections.plans, view.community_id)
        drawer.register(PLAN, InspectionPlan, rows, key="inspection-plans", names=names)
    elif chosen == "checklists":
        lists = data.ask_as_seen(inspections.checklists, view.community_id)
        count = _("Items")
        columns = ["name", "inspection_kind", "category", "kind", count, "active"]
        drawer.register(
            CHECKLIST, Checklist, lists, key="checklists", columns=columns, more={count: lambda row: len(row.items)}
        )
    else:
        columns = ["done_at", "facility_id", "name", "failed", "stopped", "inspector", "grid_id", "remark"]
        drawer.register(INSPECTION, Inspection, found.lately, key="inspections", columns=columns, names=names)


# --- the drawers
def _drawers(view: session.View, names: Names) -> None:
    picks = {**names, "facilities": names["standing"]}
    if wanted := drawer.opened(INSPECTION):
        found, orders = data.ask(inspections.inspection, view.community_id, wanted)
        where = names["facilities"].get(found.facility_id, found.facility_id)
        numbers = {id: order.number for id, order in orders.items()}
        drawer.show(INSPECTION, plain(f"{where} · {found.name}"), lambda: _one(found, numbers))
    elif wanted := drawer.opened(CHECKLIST):
        if wanted == drawer.NEW:
            drawer.show(CHECKLIST, _("Enter a checklist"), lambda: _new(view, picks, CHECKLIST))
        else:
            lists = {each.id: each for each in data.ask(inspections.checklists, view.community_id)}
            if wanted in lists:
                drawer.show(CHECKLIST, plain(lists[wanted].name), lambda: _checklist(view, lists[wanted]))
    elif wanted := drawer.opened(PLAN):
        if wanted == drawer.NEW:
            drawer.show(PLAN, _("Enter a plan"), lambda: _new(view, picks, PLAN))
        else:
            plans = {each.id: each for each in data.ask(inspections.plans, view.community_id)}
            if wanted in plans:
                drawer.show(PLAN, plain(plans[wanted].name), lambda: _plan(view, picks, plans[wanted]))


def _one(found: Inspection, numbers: Mapping[str, str]) -> None:
    when = i18n.datetime_(found.done_at, session.zone())
    st.markdown(plain(" · ".join((when, found.inspector, say(found.inspection_kind.label)))))
    if found.stopped:
        st.markdown(f":red[:material/do_not_touch: {_('It was taken out of service.')}]")
    for result in found.results:
        colour, icon = VERDICTS[result.verdict]
        with st.container(border=True, gap="xxsmall"):
            st.markdown(f":{colour}[{icon}] {plain(result.text)}")
            if result.remark:
                st.markdown(f":small[{plain(result.remark)}]")
            gallery.show(Inspection, found.community_id, found.id, result.photos)
            if result.order_id:
                label = numbers.get(result.order_id, MISSING)
                navigation.link("maintenance", _("Look at {number}", number=plain(label)), order=result.order_id)
    if found.condition:
        st.markdown(plain(_("Condition noted: {condition}", condition=say(found.condition.label))))
    if found.remark:
        st.markdown(plain(found.remark))
    drawer.offer_deletion(INSPECTION, found, inspections.remove_inspection)


def _new(view: session.View, names: Names, what: str) -> None:
    add, record = (
        (inspections.add_checklist, Checklist) if what == CHECKLIST else (inspections.add_plan, InspectionPlan)
    )
    made = forms.edit(
        record,
        key=f"{what}-new",
        references=names,
        defaults={"since": view.now.date()} if record is InspectionPlan else None,
        save=lambda values, submission: data.tell(
            add, view.community_id, values, key=submission, done=_("The entry is saved.")
        ),
    )
    if made is not None:
        if what == CHECKLIST:
            drawer.open_at(CHECKLIST, made.id)  # its items come next
            drawer.done()
        drawer.done(what)


def _plan(view: session.View, names: Names, found: InspectionPlan) -> None:
    if not may(session.actor(), Operation.UPDATE, InspectionPlan.collection):
        st.info(_("You may look at this but not change it."), icon=":material/lock:")
        return
    saved = forms.edit(
        InspectionPlan,
        key="inspection-plan-edit",
        current=found,
        references=names,
        save=lambda values, _submission: data.tell(
            inspections.edit_plan, view.community_id, found.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(PLAN)
    drawer.offer_deletion(PLAN, found, inspections.remove_plan)


def _checklist(view: session.View, found: Checklist) -> None:
    edits = may(session.actor(), Operation.UPDATE, Checklist.collection)
    form = f"items.{found.id}"
    mine = drawer.draft(form, found, "items")
    look, fault, danger = _("What to look at"), _("Fault"), _("Dangerous if not in order")
    words = {str(each): say(each.label) for each in Fault}
    table = pd.DataFrame(
        {
            look: pd.Series([item.text for item in mine.opened.items], dtype=object),
            fault: pd.Series([term(item.fault, Fault) for item in mine.opened.items], dtype=object),
            danger: pd.Series([item.dangerous for item in mine.opened.items], dtype=bool),
        }
    )
    typed = st.data_editor(
        table,
        hide_index=True,
        num_rows="dynamic" if edits else "fixed",
        disabled=not edits,
        column_config={
            look: st.column_config.TextColumn(width="large", required=True, max_chars=200),
            fault: st.column_config.SelectboxColumn(options=list(words.values())),
            danger: st.column_config.CheckboxColumn(default=False),
        },
        key=f"items-{mine.key}",
    )
    st.caption(_("A dangerous item that is not in order takes the facility out of service at once."))
    if not edits:
        return
    if st.button(_("Save the items"), type="primary", key="do_items", icon=":material/check:"):
        back = {label: word for word, label in words.items()}

        def save() -> Checklist | None:
            items = tuple(
                build(
                    ChecklistItem,
                    {
                        "text": row[look],
                        "fault": back.get(row[fault], row[fault] or str(Fault.OTHER)),
                        "dangerous": bool(row[danger]),
                    },
                )
                for row in typed.to_dict("records")
                if str(row[look] or "").strip()
            )
            change, revision = inspections.edit_checklist, mine.stands.revision
            return data.tell(change, view.community_id, found.id, revision, {"items": items}, done=_("Saved."))

        drawer.act(save, form=form)
    with st.expander(_("Name and kind")):
        saved = forms.edit(
            Checklist,
            key="checklist-edit",
            current=found,
            save=lambda values, _submission: data.tell(
                inspections.edit_checklist, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done()
    drawer.offer_deletion(CHECKLIST, found, inspections.remove_checklist)


# --- in the drawer of a facility
def of_facility(view: session.View, found: Facility) -> None:
    """When it is due for inspection and maintenance, when that was last done, and what was found. Of a retired one only
    the past is told."""
    if found.status is ServiceStatus.RETIRED:
        st.markdown(f":gray[{_('It is retired: nothing is due any more.')}]")
    else:
        _due_here(view, found)
    for past in data.ask(inspections.inspections_of, view.community_id, found.id, limit=5):
        said = _("in order") if not past.failed else n_("{n} item not in order", "{n} items not in order", past.failed)
        colour = "red" if past.failed else "green"
        day = i18n.date(past.done_on)
        st.markdown(f":small[{day} · {plain(past.name)} · :{colour}[{plain(said)}] · {plain(past.inspector)}]")


def _due_here(view: session.View, found: Facility) -> None:
    today = view.now.date()
    ask = partial(data.ask, today=today)
    due = ask(inspections.dues, view.community_id, facility_id=found.id)
    kept = ask(preventive.upkeep, view.community_id, found.id)
    if may(session.actor(), Operation.CREATE, Inspection.collection):
        navigation.link("inspect", _("Inspect it now"), icon=":material/fact_check:", facility=found.code)
    rows = [
        {
            _("What"): plain(each.checklist),
            _("Last done"): i18n.date(each.last_on) if each.last_on else _("never"),
            _("Next due"): _when(each.due_on, each.overdue_days),
        }
        for each in due
    ]
    for plan in kept:
        late = (today - plan.next_on).days if plan.next_on and plan.order else 0
        rows.append(
            {
                _("What"): plain(plan.plan.name),
                _("Last done"): i18n.date(plan.last_on) if plan.last_on else _("never"),
                _("Next due"): _when(plan.next_on, max(0, late)) if plan.next_on else MISSING,
            }
        )
    if rows:
        st.table(rows, border="horizontal", hide_index=True)
    else:
        st.markdown(f":gray[{_('No plan covers it: neither inspections nor preventive maintenance.')}]")


def _when(day: Any, overdue: int) -> str:
    if overdue:
        return cards.mark(State.OFF_TARGET, _("overdue {days}", days=days_badge(overdue)))
    return i18n.date(day)
