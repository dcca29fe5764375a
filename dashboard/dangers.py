"""The hazard register on the Facilities page: what stands and until when, what was got rid of, and one hazard's
drawer. Dangerous work orders stand in it as what they are; what is dangerous by age or condition stands beside it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import cards, data, drawer, forms, i18n, inventory, minutes, navigation, orders, session, tables, walking
from dashboard.i18n import MISSING, _, days_badge, n_, number, plain, say, term
from repository import hazards, maintenance
from repository.access import Operation, is_shared, may
from repository.facilities import Inventory
from repository.hazards import Finding, Hazard, Level, State
from repository.maintenance import Danger, Fault, HazardReview, WorkOrder

Names = Mapping[str, Mapping[str, str]]
HAZARD = "hazard"  # of the URL: the hazard whose drawer is open
COLOURS = {State.FOUND: "red", State.RECTIFIED: "orange", State.RECHECKED: "green"}
TERMS = frozenset({"deadline_on", "level"})  # what is changed on record, with a reason
SHOWN = 100
PHONE_ROWS = 20


def render(view: session.View, names: Names, found: Inventory) -> str | None:
    """Three tiles, what stands, what is a hazard by itself, what is over. The id of the facility the reader opens."""
    review = data.ask(maintenance.hazard_review, view.community_id, view.period, view.grids, now=view.now)
    with cards.tiles(3):
        cards.tile(review.rectified, page="")
        lowered = n_("{n} lowered from major", "{n} lowered from major", review.lowered)
        cards.tile(review.major, page="", detail=lowered if review.lowered else None)
        major = int(review.overdue.detail or 0)
        late = replace(review.overdue, detail=None)  # the detail is no mean, as a tile would take it to be
        said = [_("{n} of them major", n=major) if major else ""]
        said.append(n_("{n} put off", "{n} put off", review.put_off) if review.put_off else "")
        cards.tile(late, page="", detail=" · ".join(filter(None, said)) or None)
    _standing(view, review, names)
    wanted = inventory.hazards(found, names)
    over, total = data.ask_as_seen(maintenance.hazards_over, view.community_id, view.grids)
    if over:
        st.header(n_("{n} hazard is over", "{n} hazards are over", total), anchor=False)
        columns = ["what", "level", "facility_id", "place", "found_at", "promised_on", "deadline_on"]
        columns += ["rectified_at", "rechecked_at"]
        more = number(total) if total > len(over) else None
        drawer.register(HAZARD, Hazard, over, key="hazards-over", columns=columns, names=names, total=more)
    if opened := drawer.opened(HAZARD):
        _drawer(view.today, names, opened)
    return wanted


def _standing(view: session.View, review: HazardReview, names: Names) -> None:
    words = {"": _("All that stand"), "late": _("Past the deadline"), "stopped": _("Out of service by an inspection")}
    words |= {str(level): say(level.label) for level in Level}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.empty()
        st.space("stretch")
        which = st.selectbox(
            _("Which"),
            list(words),
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width=260,
            **session.in_url("which", words),
        )
        chosen = [each for each in review.standing if _wanted(each, which)]
        rows = [_row(each, names) for each in chosen]
        tables.download(
            rows, name="hazards", title=_("Hazards"), key="hazard-register", of=(Hazard.collection, view.community_id)
        )
        if may(session.actor(), Operation.CREATE, Hazard.collection) and st.button(
            _("Enter a hazard"), icon=":material/add:", type="primary", key="do_hazard", width="content"
        ):
            drawer.open_at(HAZARD)
    late = sum(each.overdue_days > 0 for each in review.standing)
    heading.header(
        n_("{n} hazard is past its deadline", "{n} hazards are past their deadline", late)
        if late
        else n_("{n} hazard stands", "{n} hazards stand", len(review.standing)),
        anchor=False,
        width="content",
    )
    if not chosen:
        st.markdown(":gray[" + _("Nothing here. Choose another list above.") + "]")
        return
    with st.container(key="wide_dangers"):
        _table(chosen[:SHOWN], rows[:SHOWN])
        tables.first_of(SHOWN, len(chosen))
    with st.container(key="narrow_dangers", gap="xsmall"):
        for each in chosen[:PHONE_ROWS]:
            _phone_row(each, names)
        tables.first_of(PHONE_ROWS, len(chosen))


def _wanted(each: Danger, which: str | None) -> bool:
    if which == "late":
        return each.overdue_days > 0
    if which == "stopped":
        return each.by_inspection
    return not which or each.level == which


def _place(each: Danger, names: Names) -> str:
    return names["facilities"].get(each.facility_id or "", each.place or MISSING)


def _row(each: Danger, names: Names) -> dict[str, Any]:
    return {
        _("What is dangerous"): term(each.what, Fault),
        _("Level"): say(each.level.label),
        _("Where"): _place(each, names),
        _("Grid"): names["grids"].get(each.grid_id or ""),
        _("State"): say(each.state.label),
        _("Days late"): each.overdue_days or None,
        _("First deadline"): each.promised_on,
        _("Deadline"): each.deadline_on,
        _("Responsible person"): names["people"].get(each.responsible_id or ""),
        _("Work order"): each.number,
    }


def _table(chosen: list[Danger], rows: list[dict[str, Any]]) -> None:
    columns = st.column_config
    table, late, first = tables.frame(rows), _("Days late"), _("First deadline")
    table = table.drop(columns=[name for name in (late, first) if not any(row[name] for row in rows)])
    table[""] = [_("Handle")] * len(rows)

    def opened() -> None:
        each = chosen[st.session_state["danger-deal"]["row"]]
        if each.number is None:
            drawer.open_at(HAZARD, each.id)
        else:
            st.session_state["dangers.go"] = each.id

    st.dataframe(
        table,
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 10 else 11 * 38,
        placeholder="",
        key="danger-table",
        column_config={
            _("What is dangerous"): columns.TextColumn(width="medium"),
            late: columns.ProgressColumn(
                late, format="%d", color="red", min_value=0, max_value=max(7, *(row[late] or 0 for row in rows))
            ),
            first: columns.DateColumn(format="YYYY-MM-DD"),
            _("Deadline"): columns.DateColumn(format="YYYY-MM-DD"),
            "": columns.ButtonColumn("", type="secondary", key="danger-deal", on_click=opened),
        },
        alt=_("Hazards that stand, the major ones first"),
    )
    if (order := st.session_state.pop("dangers.go", None)) is not None:
        navigation.go("maintenance", order=order)


def _phone_row(each: Danger, names: Names) -> None:
    late = each.overdue_days
    badge = f":{COLOURS[each.state]}-badge[{plain(say(each.state.label))}]"
    when = f":red-badge[{plain(_('overdue {days}', days=days_badge(late)))}]" if late else ""
    label = (
        f"**{plain(term(each.what, Fault))}** · {plain(_place(each, names))}  \n"
        f"{badge} {when} :small[:gray[{plain(say(each.level.label))}]]"
    )
    if st.button(label, key=f"danger-{each.id}", width="stretch"):
        if each.number is not None:
            navigation.go("maintenance", order=each.id)
        drawer.open_at(HAZARD, each.id)


# --- the drawer
def _drawer(view: session.View, names: Names, wanted: str) -> None:
    picks = {**names, "facilities": names["standing"]}
    if wanted == drawer.NEW:
        if may(session.actor(), Operation.CREATE, Hazard.collection):
            drawer.show(HAZARD, _("Enter a hazard"), lambda: _new(view, picks))
        return
    found, order = data.ask(maintenance.hazard, view.community_id, wanted)
    drawer.show(HAZARD, plain(found.what), lambda: _one(view, names, picks, found, order))


def _new(view: session.View, names: Names) -> None:
    st.caption(
        _("Without a deadline of its own: major within 3 days, general within 7 working days. A dangerous fault is "
          "better logged as a repair: it stops the facility and stands here by itself.")
    )  # fmt: skip
    made = forms.edit(
        Hazard,
        key="hazard-new",
        fields=("what", "level", "facility_id", "place", "grid_id", "source", "responsible_id", "measures"),
        references=names,
        defaults={"grid_id": view.grid_id},
        save=lambda values, submission: data.tell(
            hazards.report_hazard, view.community_id, values, key=submission, done=_("The hazard is entered.")
        ),
    )
    if made is not None:
        drawer.done(HAZARD)


def _one(view: session.View, names: Names, picks: Names, found: Hazard, order: WorkOrder | None) -> None:
    late = (view.now.date() - found.owed_on).days if found.state is not State.RECHECKED else 0
    badges = [
        f":{COLOURS[found.state]}-badge[{plain(say(found.state.label))}]",
        f":{'red' if found.level is Level.MAJOR else 'gray'}-badge[{plain(say(found.level.label))}]",
    ]
    if late > 0:
        badges.append(f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=days_badge(late)))}]")
    st.markdown(" ".join(badges))
    where = names["facilities"].get(found.facility_id or "", found.place or "")
    facts = [where, names["people"].get(found.responsible_id or ""), term(found.source or "", Finding)]
    st.markdown(plain(" · ".join(filter(None, facts))))
    st.markdown(plain(_("To be rectified and re-checked by {day}", day=i18n.date(found.deadline_on))))
    if found.owed_on < found.deadline_on:
        first = _("Put off: it is judged by its first deadline, {day}.", day=i18n.date(found.owed_on))
        st.markdown(f":material/event_upcoming: {plain(first)}")
    if found.measures:
        st.markdown(plain(found.measures))
    if order is not None:
        navigation.link("maintenance", _("Look at {number}", number=plain(order.number)), order=order.id)
    if found.source == Finding.PATROL:
        walking.found_on(view, found.id)
    minutes.decided(view, found.id)
    if may(session.actor(), Operation.UPDATE, Hazard.collection):
        _steps(view, found, order)
        with st.expander(_("Change the deadline or level")):
            _terms(view, found)
        with st.expander(_("Correct the entry")):
            saved = forms.edit(
                Hazard,
                key="hazard-edit",
                fields=sorted(hazards.EDITABLE - TERMS, key=list(Hazard.model_fields).index),
                current=found,
                references=picks,
                save=lambda values, _submission: data.tell(
                    hazards.edit_hazard, view.community_id, found.id, values.revision, values, done=_("Saved.")
                ),
            )
            if saved is not None:
                drawer.done()
    drawer.offer_deletion(HAZARD, found, hazards.remove_hazard)
    for event in reversed(found.events):
        said = " · ".join(
            filter(
                None,
                (
                    i18n.datetime_(event.at, session.zone()),
                    say(event.step.label),
                    *_changed(event),
                    _by(event),
                    event.note,
                ),
            )
        )
        st.markdown(f":small[{plain(said)}]")


def _terms(view: session.View, found: Hazard) -> None:
    """Another deadline or level: on record, with what stood before. What is typed stays until it is saved."""
    form = f"terms.{found.id}"
    mine = drawer.draft(form, found, "deadline_on", "level")
    over = found.state is State.RECHECKED
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        day = forms.day(
            _("Deadline"),
            mine.opened.deadline_on,
            width=160,
            disabled=over,
            key=f"terms-day-{mine.key}",
        )
        level = st.segmented_control(
            _("Level"),
            list(Level),
            default=mine.opened.level,
            required=True,
            format_func=lambda one: say(one.label),
            key=f"terms-level-{mine.key}",
        )
    reason = st.text_input(_("Reason"), max_chars=300, key=f"terms-reason-{mine.key}", **session.STAGED)
    st.caption(
        _("It goes on record with what stood before. Putting off, or from major to general, needs the reason; what was "
          "put off goes on to be judged by its first deadline. What becomes major has the deadline of a major one.")
    )  # fmt: skip
    if st.button(_("Change it"), type="primary", key="do_terms", icon=":material/check:"):
        typed: dict[str, Any] = {"deadline_on": day, "level": level}
        changes = {name: value for name, value in typed.items() if value != getattr(mine.opened, name)}
        if not changes:
            st.info(_("Choose what to change."), icon=":material/info:")
            return
        drawer.act(
            lambda: data.tell(
                hazards.edit_hazard,
                view.community_id,
                found.id,
                mine.stands.revision,
                changes,
                reason=reason,
                done=_("Changed, and on record."),
            ),
            form=form,
        )


def _changed(event: hazards.HazardEvent) -> list[str]:
    """What another deadline or level was before and is since."""
    said = []
    if event.level_before and event.level_after:
        said.append(f"{say(event.level_before.label)} → {say(event.level_after.label)}")
    if event.deadline_before and event.deadline_after:
        said.append(f"{i18n.date(event.deadline_before)} → {i18n.date(event.deadline_after)}")
    return said


def _by(event: hazards.HazardEvent) -> str:
    looked = event.step is hazards.Step.RECHECKED and is_shared(event.by_id)
    return _("{who}, who did not sign in", who=event.by) if looked else event.by


def _steps(view: session.View, found: Hazard, order: WorkOrder | None) -> None:
    if found.state is State.RECHECKED:
        return
    if found.state is State.RECTIFIED:
        orders.ask_who_looks(key=f"looks-{found.id}")
    note = st.text_input(_("Remark"), max_chars=300, key=f"hazard-note-{found.id}-{found.state}", **session.STAGED)
    with st.container(horizontal=True, gap="small", key="thumb_hazard"):
        if found.state is State.FOUND:
            if st.button(_("It is rectified"), type="primary", key="do_rectify", icon=":material/task_alt:"):
                _tell(view, found, hazards.rectify, _("Noted; somebody else looks again."), note=note or None)
            opens = order is None and may(session.actor(), Operation.CREATE, WorkOrder.collection)
            if opens and st.button(_("Open a work order"), key="hazard-order", icon=":material/build:"):
                _open_order(view, found)
        else:
            if st.button(_("Looked again: it is gone"), type="primary", key="do_recheck", icon=":material/verified:"):
                _tell(view, found, hazards.recheck, _("Re-checked."), passed=True, note=note or None)
            if st.button(_("Still there"), key="recheck-failed", icon=":material/replay:"):
                _tell(view, found, hazards.recheck, _("Open once more."), passed=False, note=note or None)


def _open_order(view: session.View, found: Hazard) -> None:
    drawer.act(
        lambda: data.tell(
            maintenance.log_repair,
            view.community_id,
            fault=str(Fault.OTHER),
            facility_id=found.facility_id,
            place=found.place,
            grid_id=found.grid_id,
            dangerous=found.level is Level.MAJOR,
            source=found.source,
            assignee_id=found.responsible_id,
            description=found.what,
            also={"hazard_id": found.id},
            key=session.submission(f"hazard.{found.id}"),
            done=_("A work order was opened; its steps move the hazard along."),
        )
    )


def _tell(view: session.View, found: Hazard, command: Callable[..., Any], done: str, **facts: Any) -> None:
    drawer.act(lambda: data.tell(command, view.community_id, found.id, found.revision, done=done, **facts))
