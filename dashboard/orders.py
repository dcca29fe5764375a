"""Work orders on the page: the list to work from, and the drawer that tells one order's story and moves it along."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cards, discretion, drawer, forms, gallery, minutes, navigation, session, tables, walking
from dashboard.data import ask, tell
from dashboard.discretion import mind_numbers
from dashboard.i18n import (
    MISSING,
    _,
    ago,
    datetime_,
    day_short,
    days_badge,
    duration,
    money,
    n_,
    number,
    plain,
    say,
    term,
    time_,
)
from repository import maintenance
from repository.access import Operation, Outsider, is_shared, may, may_set
from repository.facilities import ServiceStatus
from repository.grids import grid_names
from repository.maintenance import (
    CLOSING,
    EDITABLE,
    OPEN,
    REPEAT_DAYS,
    Changed,
    Event,
    Fault,
    Outcome,
    Priority,
    Source,
    SparePart,
    Status,
    Story,
    WorkCategory,
    WorkKind,
    WorkList,
    WorkOrder,
    WorkRow,
    held_seconds,
)
from repository.organizations import company_names
from repository.people import Contact, Masked, Person, Purpose, contact_of, people, reveal
from repository.record import Record
from repository.store import Invalid, build
from repository.words import Message, msg

PARAMETER = "order"  # of the URL: the order whose drawer is open

COLOURS: Mapping[Status, str] = {
    Status.REPORTED: "gray",
    Status.ACCEPTED: "blue",
    Status.ASSIGNED: "blue",
    Status.IN_PROGRESS: "blue",
    Status.ON_HOLD: "violet",
    Status.REOPENED: "orange",
    Status.DONE: "green",
    Status.VERIFIED: "green",
    Status.CLOSED: "gray",
    Status.REJECTED: "gray",
}
STEPS: Mapping[Status, tuple[str, str]] = {
    Status.ACCEPTED: (msg("Accept"), ":material/inventory:"),
    Status.ASSIGNED: (msg("Assign"), ":material/person_add:"),
    Status.IN_PROGRESS: (msg("Start work"), ":material/build:"),
    Status.ON_HOLD: (msg("Put on hold"), ":material/pause:"),
    Status.DONE: (msg("Mark as done"), ":material/task_alt:"),
    Status.VERIFIED: (msg("Verify"), ":material/verified:"),
    Status.CLOSED: (msg("Close"), ":material/lock:"),
    Status.REJECTED: (msg("Reject"), ":material/block:"),
    Status.REOPENED: (msg("Reopen"), ":material/replay:"),
}
USUAL: Mapping[Status, Status] = {
    Status.REPORTED: Status.ACCEPTED,
    Status.ACCEPTED: Status.IN_PROGRESS,
    Status.ASSIGNED: Status.IN_PROGRESS,
    Status.IN_PROGRESS: Status.DONE,
    Status.ON_HOLD: Status.IN_PROGRESS,
    Status.REOPENED: Status.IN_PROGRESS,
    Status.DONE: Status.VERIFIED,
    Status.VERIFIED: Status.CLOSED,
}
"""What usually comes next: chosen beforehand, so that moving along takes one tap."""

FORM_FIELDS = [name for name in WorkOrder.model_fields if name in EDITABLE]
ROWS = 12
"""Of a list at once: as many as a phone shows without much scrolling."""


# --- the list --------------------------------------------------------------------------------------------------------
def work_table(found: WorkList, *, key: str) -> None:
    """The orders of a list, each with a button that opens its drawer; on a phone a list of large buttons."""
    if not found.rows:
        st.markdown(":gray[" + _("Nothing here. Choose another list above.") + "]")
        return
    with st.container(key=f"wide_{key}"):
        _table(found, key)
    with st.container(key=f"narrow_{key}", gap="xsmall"):
        for place, row in enumerate(found.rows):
            again = any(row.order.id == before.order.id for before in found.rows[:place])  # it ended twice
            _phone_row(row, f"{key}-{place}" if again else key)


def work_pages(page: Callable[[int, int], WorkList], *, key: str, pages: Any, whole: Any) -> WorkList:
    """A list by the page: ``page`` gives one by its number, of so many rows. The pager goes into the place ``pages``, a
    download of the whole list, not only of what is shown, into ``whole``. Returns the first page, for the heading."""
    first = found = page(1, ROWS)
    if first.total > ROWS:
        chosen = pages.pagination(-(-first.total // ROWS), key=f"{key}-page", max_visible_pages=5)
        found = first if chosen == 1 else page(chosen, ROWS)
    with whole:
        tables.download(
            (lambda: rows_to_take_away(page(1, maintenance.MANY))) if first.rows else (),
            name="work_orders",
            title=_("Work orders"),
            key=key,
            of=(WorkOrder.collection, session.view().community_id),
        )
    work_table(found, key=key)
    return first


def _table(found: WorkList, key: str) -> None:
    columns = st.column_config
    look = cards.look()
    status_words = {status: say(status.label) for status in Status}
    late, deal = _("Days overdue"), _("Handle")
    table = pd.DataFrame(
        {
            _("Order"): [row.order.number for row in found.rows],
            _("Fault"): [fault_of(row.order) for row in found.rows],
            _("Where"): [row.facility or row.order.place or MISSING for row in found.rows],
            _("Grid"): [row.grid or MISSING for row in found.rows],
            _("Status"): [[status_words[row.order.status]] for row in found.rows],
            late: [row.overdue_days or None for row in found.rows],
            _("Due"): [_due(row) for row in found.rows],
            _("Priority"): [say(row.order.priority.label) for row in found.rows],
            _("Assignee"): [row.assignee or MISSING for row in found.rows],
            "": [deal for _row in found.rows],
        }
    )
    if not any(row.overdue_days for row in found.rows):
        table = table.drop(columns=late)
    clicked = f"{key}-deal"

    def opened() -> None:
        drawer.open_at(PARAMETER, found.rows[st.session_state[clicked]["row"]].order.id)

    worst = max((row.overdue_days for row in found.rows), default=1)
    # many at once are changed as the reader sees them, and what is over nobody changes
    may_change = session.past() is None and may(session.actor(), Operation.UPDATE, WorkOrder.collection)
    drawn, picked = _picked_before(found, key)
    chosen: Any = st.dataframe(
        table,
        on_select="rerun" if may_change else "ignore",
        selection_mode="multi-row",
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 10 else 11 * 38,
        placeholder="",
        key=drawn,
        column_config={
            _("Order"): columns.TextColumn(pinned=True, width=90),
            _("Fault"): columns.TextColumn(width="medium"),
            _("Where"): columns.TextColumn(width="medium"),
            _("Status"): columns.MultiselectColumn(
                options=list(status_words.values()), color=[look.grounds[COLOURS[status]] for status in Status]
            ),
            late: columns.ProgressColumn(format="%d", color="red", min_value=0, max_value=max(worst, 7)),
            "": columns.ButtonColumn("", type="secondary", key=clicked, on_click=opened),
        },
        alt=_("Work orders, the most urgent first"),
    )
    if not may_change:
        return
    rows = [found.rows[place].order for place in chosen["selection"]["rows"]]
    now = {order.id: picked.get(order.id) or order.revision for order in rows}
    st.session_state[f"{key}-picked"] = (drawn, now)
    _say_left(*st.session_state.pop(f"{key}-left", (0, {})))
    if rows:
        _many({order.id: order for order in rows}, now, key)


def _picked_before(found: WorkList, key: str) -> tuple[str, dict[str, int | None]]:
    """The key of the table, which belongs to these rows as they stand, and what the reader has picked, each by the
    revision they saw: when somebody changes a row meanwhile, what was picked stays so, and that is told before it is
    changed over."""
    drawn = tables.selection_key(f"{key}-table", [f"{row.order.id}.{row.order.revision}" for row in found.rows])
    last, picked = st.session_state.get(f"{key}-picked", (drawn, {}))
    if last not in st.session_state:  # the reader was elsewhere meanwhile
        return drawn, {}
    if last != drawn:
        rows = [place for place, row in enumerate(found.rows) if row.order.id in picked]
        st.session_state[drawn] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return drawn, picked


def _many(picked: Mapping[str, WorkOrder], seen: Mapping[str, int], key: str) -> None:
    """What can be done to all that are picked at once."""
    community_id = next(iter(picked.values())).community_id
    names, firms = _people(), ask(company_names, community_id)
    with st.container(border=True, horizontal=True, gap="small", vertical_alignment="bottom", key="many-orders"):
        st.markdown("**" + n_("{n} picked", "{n} picked", len(picked)) + "**", width="content")
        who = st.selectbox(
            _("Assignee"), list(names), index=None, format_func=names.__getitem__, placeholder=_("Leave"), width=170,
            key="many-who",
        )  # fmt: skip
        company = st.selectbox(
            _("Company"), list(firms), index=None, format_func=firms.__getitem__, placeholder=_("Leave"), width=170,
            key="many-company",
        )  # fmt: skip
        urgency = st.selectbox(
            _("Priority"), list(Priority), index=None, format_func=lambda one: say(one.label), placeholder=_("Leave"),
            width=130, key="many-priority",
        )  # fmt: skip
        due = forms.day(_("Due"), None, width=180, key="many-due")
        why = st.text_input(
            _("Reason"), placeholder=_("To put off"), max_chars=300, width=170, key="many-why", **session.STAGED
        )
        pressed = st.button(_("Change all"), type="primary", key="do_many", icon=":material/done_all:")
        if verify := any(order.status is Status.DONE for order in picked.values()):
            verify = st.button(say(STEPS[Status.VERIFIED][0]), key="do_verify_many", icon=STEPS[Status.VERIFIED][1])
    if any(order.status is Status.DONE for order in picked.values()):
        ask_who_looks(key=f"{key}-looks")
    if verify:
        _tell_many(maintenance.verify_many, picked, seen, key)
        return
    if not pressed:
        return
    given = {"assignee_id": who, "company_id": company}
    changes: dict[str, Any] = {name: id for name, id in given.items() if id}
    if urgency:
        changes["priority"] = urgency
    if isinstance(due, date):
        changes["due_at"] = datetime.combine(due, time(18), session.zone()).astimezone(UTC)
    if not changes:
        st.info(_("Choose what to change."), icon=":material/info:")
        return
    _tell_many(maintenance.change_many, picked, seen, key, changes, reason=why)


def _tell_many(
    command: Callable[..., Changed],
    picked: Mapping[str, WorkOrder],
    seen: Mapping[str, int],
    key: str,
    *facts: Any,
    **more: Any,
) -> None:
    """Do it to all that are picked, and say which were left."""
    told = tell(command, next(iter(picked.values())).community_id, seen, *facts, **more)
    if told is None:
        return
    # what was left stays picked, now as it stands
    st.session_state[f"{key}-picked"] = (st.session_state[f"{key}-picked"][0], dict.fromkeys(told.left))
    if told.left:
        left = {picked[id].number: say(why) for id, why in told.left.items()}
        st.session_state[f"{key}-left"] = (len(told.done), left)
    else:
        session.toast(n_("{n} changed", "{n} changed", len(told.done)))
    st.rerun()


def _say_left(done: int, left: Mapping[str, str]) -> None:
    """Which of many were not changed, and why."""
    if left:
        st.warning(
            plain(n_("{n} was changed. Left as they are:", "{n} were changed. Left as they are:", done))
            + "  \n"
            + "  \n".join(plain(f"{number}: {why}") for number, why in left.items()),
            icon=":material/rule:",
        )


def _phone_row(row: WorkRow, key: str) -> None:
    order = row.order
    where = plain(row.facility or order.place or MISSING)
    st.button(
        f"**{plain(fault_of(order))}** · {where}  \n{when_badge(row)} :small[:gray[{plain(order.number)} · "
        f"{plain(say(order.status.label))}]]",
        key=f"{key}-{order.id}",
        width="stretch",
        on_click=drawer.open_at,
        args=(PARAMETER, order.id),
    )


def finding(found: WorkList, who: str | None = None) -> str:
    """What a list says first; ``who`` is whose it is."""
    today = sum(row.due_today for row in found.rows)
    if found.overdue >= maintenance.MANY:
        said = _("{n} or more overdue, do these first", n=number(maintenance.MANY))
    elif found.overdue:
        said = n_("{n} overdue, do it first", "{n} overdue, do these first", found.overdue)
    elif today:
        said = n_("Nothing overdue, {n} due today", "Nothing overdue, {n} due today", today)
    elif found.total >= maintenance.MANY:
        said = _("{n} or more work orders", n=number(maintenance.MANY))
    else:
        said = n_("{n} work order", "{n} work orders", found.total)
    return _("{who}: {what}", who=plain(who), what=said) if who else said


def rows_to_take_away(found: WorkList) -> list[dict[str, Any]]:
    """The list as a sheet has it."""
    zone = session.zone()
    names = {
        "facilities": {row.order.facility_id: row.facility for row in found.rows},
        "grids": {row.order.grid_id: row.grid for row in found.rows},
        "people": {row.order.assignee_id: row.assignee for row in found.rows},
    }
    return tables.rows_of([row.order for row in found.rows], names=names, zone=zone)  # type: ignore[arg-type]


def fault_of(order: WorkOrder) -> str:
    """What is wrong, in a few words: what was written about it where the fault itself is only one of the usual ones."""
    if order.description and order.fault in set(Fault):
        first = order.description.split("\n", 1)[0]
        if len(first) <= 40:
            return first
    return term(order.fault, Fault)


def _due(row: WorkRow) -> str:
    if row.order.due_at is None:
        return _("no due time")
    if row.due_today:
        return _("today {time}", time=time_(row.order.due_at, session.zone()))
    return day_short(row.order.due_at.astimezone(session.zone()).date())


def when_badge(row: WorkRow) -> str:
    """How soon an open order is due, or how long overdue."""
    if row.overdue_days:
        words = _("overdue {days}", days=days_badge(row.overdue_days))
        return f":red-badge[:material/dangerous: {plain(words)}]"
    if row.due_today:
        return f":orange-badge[:material/schedule: {plain(_due(row))}]"
    if row.order.status in OPEN:
        words = _("due {day}", day=_due(row)) if row.order.due_at else _due(row)
        return f":gray-badge[{plain(words)}]"
    return ""


# --- the drawer ------------------------------------------------------------------------------------------------------
def open_drawer() -> None:
    """The drawer of the order the URL names, if it names one."""
    order_id = drawer.opened(PARAMETER)
    if not order_id:
        return
    view = session.view()
    story = ask(maintenance.work_story_if_any, view.community_id, order_id[:64], now=view.now)
    if story is None:
        st.warning(_("This work order is not there any more, or not in your charge."), icon=":material/link_off:")
        return
    title = f"{plain(story.row.order.number)} · {plain(fault_of(story.row.order))}"
    drawer.show(PARAMETER, title, lambda: _draw(story))


def _draw(story: Story) -> None:
    _facts(story)
    if story.moves:
        _steps(story)
    sections = {"story": _("Story"), "effort": _("Hours and cost"), "edit": _("Edit")}
    if may_set(session.actor(), Operation.UPDATE, WorkOrder.collection, "reported_at"):
        sections["correct"] = _("Correct the entry")
    chosen = "story"
    if story.moves:
        chosen = st.segmented_control(
            _("Section"),
            list(sections),
            default="story",
            required=True,
            format_func=sections.__getitem__,
            label_visibility="collapsed",
            key="order-section",
        )
    if chosen == "effort":
        _effort(story)
    elif chosen == "edit":
        _edit(story)
    elif chosen == "correct":
        _correct(story.row.order)
    else:
        _timeline(story)


def _facts(story: Story) -> None:
    row, order, zone = story.row, story.row.order, session.zone()
    badges = [f":{COLOURS[order.status]}-badge[{plain(say(order.status.label))}]", when_badge(row)]
    if order.priority is Priority.URGENT:
        badges.append(f":orange-badge[:material/priority_high: {plain(say(order.priority.label))}]")
    if order.dangerous:
        badges.append(":red-badge[:material/warning: " + _("Dangerous") + "]")
    if order.repeat_of:
        words = n_("Again within {n} day", "Again within {n} days", REPEAT_DAYS)
        badges.append(f":orange-badge[:material/replay: {plain(words)}]")
    if order.also_reported:
        words = n_("{n} more sees it too", "{n} more see it too", order.also_reported)
        badges.append(f":gray-badge[:material/group: {plain(words)}]")
    if order.kind is not WorkKind.CORRECTIVE:
        badges.append(f":blue-badge[{plain(say(order.kind.label))}]")
    if order.outcome and order.outcome is not Outcome.COMPLETED:
        badges.append(f":gray-badge[{plain(say(order.outcome.label))}]")
    badges += [f":gray-badge[:material/flag: {plain(say(flag.label))}]" for flag in order.flags]
    st.markdown(" ".join(filter(None, badges)))
    if order.hold_reason:
        st.markdown(":material/pause_circle: " + plain(_("Waits for: {reason}", reason=order.hold_reason)))
    words = (row.facility, order.place, row.grid, term(order.category, WorkCategory), term(order.fault, Fault))
    place = " · ".join(dict.fromkeys(filter(None, words)))
    st.markdown(f":material/location_on: {plain(place)}")
    if story.facility and story.facility.status is ServiceStatus.OUT_OF_ORDER:
        st.markdown(":material/do_not_touch: " + _("The facility is out of order."))
    if story.facility and story.facility.status is ServiceStatus.RETIRED:
        st.markdown(":material/archive: " + _("The facility is retired."))
    if order.outcome is Outcome.WITHDRAWN:
        st.markdown(":gray[" + _("The facility was retired before its day: it counts as neither due nor done.") + "]")
    facts = {
        _("Reported at"): f"{datetime_(order.reported_at, zone)} · {ago(order.reported_at, session.view().now)}",
        _("Due"): datetime_(order.due_at, zone),
        _("Assignee"): row.assignee or MISSING,
        _("Answered after"): _span(order.reported_at, order.responded_at),
        _("Ended after"): _span(order.reported_at, order.ended_at),
        _("Hours and cost"): _effort_words(order),
    }
    if order.company_id:
        facts[_("Company")] = ask(company_names, order.community_id, former=True).get(order.company_id, MISSING)
    if held := held_seconds(order.events, order.ended_at or session.view().now):
        facts[_("Of this on hold")] = duration(held / 3600)
    with st.grid(2, min_column_width=150, gap="xxsmall") as cells:
        for name, fact in facts.items():
            with cells.cell():
                st.markdown(f":small[:gray[{plain(name)}]]  \n{plain(fact)}")
    if order.description and order.description != fault_of(order):
        st.markdown(plain(order.description))
    _contact(order)
    _comes_from(order)
    if order.merged_into:
        _to_order(order.merged_into, _("Went into another order: open it"), ":material/merge:")
    if order.repeat_of:
        _to_order(order.repeat_of, _("The repair before this one"), ":material/history:")
    shown = {order.merged_into, order.repeat_of}
    for other in [each for each in story.alike if each.id not in shown][:3]:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            _to_order(
                other.id,
                _("Also open here: {number} {fault}", number=plain(other.number), fault=plain(fault_of(other))),
                ":material/content_copy:",
            )
            if story.moves and order.status in OPEN:
                _merge(order, other)


def _comes_from(order: WorkOrder) -> None:
    """The way back to what opened it."""
    if order.inspection_id:
        navigation.link(
            "facilities", _("The inspection that found it"), part="inspections", inspection=order.inspection_id
        )
    if order.plan_id:
        navigation.link("facilities", _("The plan that made it"), part="preventive", maintenance_plan=order.plan_id)
    if order.request_id:
        navigation.link("requests", _("The resident's request it came of"), request=order.request_id)
    if order.hazard_id:
        navigation.link("facilities", _("Its entry in the hazard register"), part="hazards", hazard=order.hazard_id)
    if order.source == Source.PATROL:
        walking.found_on(session.view(), order.id)
    minutes.decided(session.view(), order.id)


def _to_order(order_id: str, label: str, icon: str) -> None:
    st.button(
        label, type="tertiary", icon=icon, key=f"to-{order_id}", on_click=drawer.open_at, args=(PARAMETER, order_id)
    )


def _merge(order: WorkOrder, other: WorkOrder) -> None:
    """This one is a duplicate of another: it goes into that one."""
    with st.popover(_("Merge"), icon=":material/merge:", key=f"merge-{other.id}"):
        st.markdown(
            plain(
                _(
                    "{number} is closed as a duplicate. {other} goes on, with the photos and the danger of both.",
                    number=order.number,
                    other=other.number,
                )
            )
        )
        if st.button(_("Merge into {number}", number=plain(other.number)), type="primary", key=f"do_merge-{other.id}"):
            drawer.act(
                lambda: tell(
                    maintenance.merge,
                    order.community_id,
                    order.id,
                    order.revision,
                    other.id,
                    done=_("{number} went into {other}", number=order.number, other=other.number),
                    key=session.submission(f"merge-{order.id}-{order.revision}"),
                )
            )


def _contact(order: WorkOrder) -> None:
    """Whom to call back."""
    if not may(session.actor(), Operation.READ, Contact.collection):
        return
    kept = ask(contact_of, order.community_id, order.id)
    if kept is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        contact(kept, order)


def contact(kept: Masked, of: Record) -> None:
    """Whom to call about a record: masked, in full for a reason that goes on record."""

    def called(who: Contact | Masked) -> str:
        return " ".join(filter(None, (who.name, who.phone)))

    def look(why: str) -> str | None:
        found = tell(reveal, of.community_id, kept.id, why)
        return None if found is None else called(found)

    st.markdown(":material/call: " + plain(called(kept)), width="content")
    drawer.reveal(of.id, Purpose, look)


def _span(start: datetime, end: datetime | None) -> str:
    return MISSING if end is None else duration((end - start).total_seconds() / 3600)


def _effort_words(order: WorkOrder) -> str:
    planned = _("planned {hours} h", hours=number(order.estimated_hours)) if order.estimated_hours else ""
    taken = _("{hours} h", hours=number(order.actual_hours)) if order.actual_hours else ""
    return " · ".join(filter(None, (planned, taken, money(order.cost_cents) if order.cost_cents else ""))) or MISSING


def _steps(story: Story) -> None:
    """What may be done next: one tap on what usually comes next, two on anything else."""
    order = story.row.order
    usual = USUAL.get(order.status)
    to = st.pills(
        _("Next step"),
        list(story.moves),
        default=usual if usual in story.moves else None,
        format_func=lambda status: f"{STEPS[status][1]} {say(STEPS[status][0])}",
        key=f"step-{order.id}-{order.revision}",
    )
    if to is None:
        return
    facts: dict[str, Any] = {}
    if to is Status.ON_HOLD:
        facts["hold_reason"] = st.text_input(
            _("What does it wait for?"),
            placeholder=_("Such as a spare part"),
            key=f"hold-{order.id}",
            **session.STAGED,
        )
    if to is Status.ASSIGNED:
        facts["assignee_id"] = _person(order, key=f"who-{order.id}")
        facts["company_id"] = _company(order, key=f"company-{order.id}")
    if to is Status.CLOSED and order.status in OPEN:
        facts["outcome"] = st.segmented_control(
            _("How did it end?"),
            sorted(CLOSING),
            format_func=lambda outcome: say(outcome.label),
            width="stretch",
            key=f"outcome-{order.id}",
        )
    if to is Status.DONE:
        with st.container(horizontal=True, gap="small"):
            facts["actual_hours"] = st.number_input(
                _("Hours of work (optional)"), 0.0, 10_000.0, order.actual_hours, 0.5, key=f"hours-{order.id}"
            )
            if _counts_money():
                yuan = st.number_input(
                    _("Cost in yuan (optional)"), 0.0, 1e9, _yuan(order.cost_cents), 10.0, key=f"cost-{order.id}"
                )
                facts["cost_cents"] = None if yuan is None else round(yuan * 100)
    if to is Status.VERIFIED:
        ask_who_looks(key=f"looks-{order.id}")
    demanded = to is Status.REJECTED
    note = st.text_input(
        _("Why?") if demanded else _("Remark (optional)"), key=f"note-{order.id}-{to}", **session.STAGED
    )
    label, icon = STEPS[to]
    if not st.button(
        plain(say(label)), icon=icon, type="primary", key=f"do_step-{order.id}-{order.revision}", width="stretch"
    ):
        return
    form = f"order-{order.id}-{order.revision}"

    def move() -> WorkOrder | None:
        mind_numbers(form, discretion.READ_BY_ALL, note=note, hold_reason=facts.get("hold_reason"))
        return tell(
            maintenance.move,
            order.community_id,
            order.id,
            order.revision,
            to,
            note=note or None,
            done=_("{number}: {status}", number=order.number, status=say(to.label)),
            key=session.submission(form),
            **facts,
        )

    drawer.act(move)


def ask_who(question: str, *, key: str) -> bool:
    """Where nobody signs in: who of the people here one is, which goes on record. Whether that is said."""
    names = _people()
    st.session_state[key] = session.chosen("me") if session.chosen("me") in names else None
    st.selectbox(
        plain(question),
        list(names),
        format_func=names.__getitem__,
        placeholder=_("Choose your name"),
        key=key,
        on_change=lambda: session.be(st.session_state[key]),
    )
    return session.chosen("me") in names


def ask_who_looks(*, key: str) -> None:
    """The same, where whoever looks must not be who did the work."""
    if session.actor().shared:
        ask_who(_("Who looks again?"), key=key)
        st.caption(_("Nobody signs in here: the name goes on record, and that nobody checked it."))


def _person(order: WorkOrder, *, key: str) -> str | None:
    names = _people()
    options = list(names)
    return st.selectbox(
        _("Who does it?"),
        options,
        index=options.index(order.assignee_id) if order.assignee_id in names else None,
        format_func=names.__getitem__,
        placeholder=_("Choose"),
        key=key,
    )


def _company(order: WorkOrder, *, key: str) -> str | None:
    names = ask(company_names, order.community_id)
    options = list(names)
    if not options:
        return None
    return st.selectbox(
        _("Which company? (optional)"),
        options,
        index=options.index(order.company_id) if order.company_id in names else None,
        format_func=names.__getitem__,
        placeholder=_("Choose"),
        key=key,
    )


def _people() -> dict[str, str]:
    """Who can be given work, to pick from."""
    found: list[Person] = ask(people, session.view().community_id)
    return forms.told_apart({person.id: person.name for person in found if person.active})


def _yuan(cents: int | None) -> float | None:
    return None if cents is None else cents / 100


def _timeline(story: Story) -> None:
    order, zone = story.row.order, session.zone()
    lines = []
    for event in reversed(order.events):
        colour = COLOURS[event.status]
        note = f"  \n{plain(event.note)}" if event.note else ""
        lines.append(
            f":{colour}-badge[{plain(say(event.status.label))}] "
            f":small[:gray[{datetime_(event.at, zone)} · {plain(_by(event))}]]{note}"
        )
    if not lines:
        lines.append(":gray[" + _("No steps were recorded: this order was imported.") + "]")
    with st.container(gap="xxsmall"):
        for line in lines:
            st.markdown(line)
    gallery.show(WorkOrder, order.community_id, order.id, order.photos)
    if story.moves:
        _add_photos(order)
        _remark(order)
    if order.reopenings:
        again = n_("Reopened {n} time.", "Reopened {n} times.", len(order.reopenings))
        st.caption(again)


def _by(event: Event) -> str:
    """Who took a step; whoever scanned a label has no name but a word for what they are."""
    if event.by == Outsider.RESIDENT.label:
        return say(Outsider.RESIDENT.label)
    looked = event.status is Status.VERIFIED and is_shared(event.by_id)
    return _("{who}, who did not sign in", who=event.by) if looked else event.by


def _add_photos(order: WorkOrder) -> None:
    key = session.submission(f"photos-{order.id}")
    with st.popover(_("Add photos"), icon=":material/add_a_photo:", key=f"add-photos-{order.id}"):
        pictures = gallery.choose(key)
        pressed = st.button(_("Add"), type="primary", disabled=not pictures, key=f"do_add_photos-{key}")
    if not pressed:
        return
    ids = gallery.keep(order.community_id, pictures)
    if ids is None:
        return

    def add() -> WorkOrder | None:
        changed = tell(
            maintenance.comment,
            order.community_id,
            order.id,
            "",
            photos=ids,
            done=_("Added to {number}", number=order.number),
            key=key,
        )
        if changed is not None:
            session.submitted(f"photos-{order.id}")
        return changed

    drawer.act(add)


def _remark(order: WorkOrder) -> None:
    """A remark to the story: whatever others do to the order meanwhile, it is kept."""
    key = session.submission(f"remark-{order.id}")
    with (
        st.form(f"remark-form-{order.id}", border=False, clear_on_submit=False),
        st.container(horizontal=True, gap="small", vertical_alignment="bottom"),
    ):
        text = st.text_input(_("Remark"), max_chars=4000, key=f"remark-{key}")
        pressed = st.form_submit_button(_("Add"), icon=":material/add_comment:")
    if pressed:

        def said() -> WorkOrder | None:
            mind_numbers(f"remark-{order.id}", discretion.READ_BY_ALL, text=text)
            done = _("Added to {number}", number=order.number)
            found = tell(maintenance.comment, order.community_id, order.id, text, done=done, key=key)
            if found is not None:
                session.submitted(f"remark-{order.id}")
            return found

        drawer.act(said)


def _counts_money() -> bool:
    """Whether what a repair cost is this reader's to enter."""
    return may_set(session.actor(), Operation.UPDATE, WorkOrder.collection, "cost_cents")


def _effort(story: Story) -> None:
    """Hours and who worked them, parts, other cost: added to what there is."""
    order = story.row.order
    names = _people()
    st.caption(_("So far: {effort}", effort=_effort_words(order)))
    _spent(order, names)
    with st.form(f"effort-{order.id}-{order.revision}", border=False):
        with st.container(horizontal=True, gap="small"):
            hours = st.number_input(_("Hours to add"), 0.0, 10_000.0, 0.0, 0.5)
            who = st.selectbox(
                _("Whose (optional)"),
                list(names),
                index=list(names).index(order.assignee_id) if order.assignee_id in names else None,
                format_func=names.__getitem__,
                placeholder=_("Choose"),
            )
        part, quantity, price, yuan = "", 1.0, 0.0, 0.0
        spots: dict[str, Any] = {}
        if _counts_money():
            with st.container(horizontal=True, gap="small"):
                part, spots["name"] = _with_spot(st.text_input, _("Part (optional)"), max_chars=200)
                quantity, spots["quantity"] = _with_spot(st.number_input, _("Quantity"), 0.0, 100_000.0, 1.0, 1.0)
                price = st.number_input(_("Unit price, yuan"), 0.0, 1e8, 0.0, 1.0)
            yuan = st.number_input(_("Other cost, in yuan"), 0.0, 1e9, 0.0, 10.0)
        note = st.text_input(_("Remark (optional)"))
        pressed = st.form_submit_button(_("Add"), icon=":material/add:")
    if pressed:
        try:
            parts = _parts(part, quantity, price)
        except Invalid as invalid:  # of a part typed without its name, or with none of it
            for name, problem in invalid.problems.items():
                cards.told(problem, spot=spots.get(name))
            return
        form = f"effort-{order.id}-{order.revision}"

        def add() -> WorkOrder | None:
            mind_numbers(form, discretion.READ_BY_ALL, note=note)
            return tell(
                maintenance.add_effort,
                order.community_id,
                order.id,
                order.revision,
                hours=hours,
                person_id=who if hours else None,
                parts=parts,
                cost_cents=round(yuan * 100),
                note=note or None,
                done=_("Added to {number}", number=order.number),
                key=session.submission(form),
            )

        drawer.act(add)


def _with_spot(widget: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """A field with the place under it where its problem is told."""
    with st.container(gap="xxsmall"):
        return widget(*args, **kwargs), st.empty()


def _parts(name: str, quantity: float, price: float) -> list[SparePart]:
    """The part that was typed, if any was: quantity and price belong to one. Raises Invalid by field."""
    if not (name.strip() or price or quantity != 1):
        return []
    if not name.strip():
        raise Invalid({"name": Message(msg("Name the part that this quantity or price is of"))})
    if quantity <= 0:
        raise Invalid({"quantity": Message(msg("Say how many of it"))})
    return [build(SparePart, {"name": name, "quantity": quantity, "unit_cost_cents": round(price * 100)})]


def _spent(order: WorkOrder, names: Mapping[str, str]) -> None:
    """The hours and parts there are, line by line."""
    lines = [
        {
            _("Day"): day_short(each.on),
            _("What"): plain(names.get(each.person_id or "", MISSING)),
            _("Amount"): _("{hours} h", hours=number(each.hours)),
            _("Cost"): MISSING,
        }
        for each in order.labour
    ]
    if _counts_money():
        lines += [
            {
                _("Day"): MISSING,
                _("What"): plain(part.name),
                _("Amount"): f"× {number(part.quantity)}",
                _("Cost"): money(part.cost_cents),
            }
            for part in order.parts
        ]
    if lines:
        st.table(lines, border="horizontal", hide_index=True)


def _edit(story: Story) -> None:
    order = story.row.order
    view = session.view()
    references = {
        "facilities": ask(maintenance.reportable, view.community_id),
        "grids": ask(grid_names, view.community_id),
        "people": _people(),
        "organizations": ask(company_names, view.community_id),
    }

    def save(values: forms.Values, submission: str) -> WorkOrder | None:
        typed = {"description": values.get("description"), "place": values.get("place"), "reason": values.reason}
        mind_numbers(f"edit-{order.id}", discretion.READ_BY_ALL, **typed)
        return tell(
            maintenance.edit,
            view.community_id,
            order.id,
            values.revision,
            values,
            reason=values.reason,
            done=_("{number} saved", number=order.number),
            key=submission,
        )

    if forms.edit(
        WorkOrder,
        key=f"order-{order.id}",
        current=order,
        fields=FORM_FIELDS,
        references=references,
        save=save,
        reason=_("Putting the due time off needs it, also by a lower priority; the story tells it."),
    ):
        st.rerun()
    why = _("Delete an order that was entered by mistake: the figures then stand as if it never was.")
    drawer.offer_deletion(PARAMETER, order, maintenance.delete, why)


def _correct(order: WorkOrder) -> None:
    """A number or moment that was entered wrongly: what stands in the story stays, the figures follow."""
    moments = [name for name in ("reported_at", "responded_at", "ended_at") if getattr(order, name)]

    def save(values: forms.Values, submission: str) -> WorkOrder | None:
        return tell(
            maintenance.correct,
            order.community_id,
            order.id,
            values.revision,
            values,
            values.reason or "",
            done=_("{number} saved", number=order.number),
            key=submission,
        )

    st.caption(
        _("The figures then stand as if it had been entered so from the start; the story tells what stood here and why "
          "it was wrong.")
    )  # fmt: skip
    if forms.edit(
        WorkOrder, key=f"order-right-{order.id}", current=order, fields=["number", *moments], save=save,
        reason=_("What was wrong"),
    ):  # fmt: skip
        st.rerun()
