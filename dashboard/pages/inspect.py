"""Inspect a facility with a phone in one hand: a big answer for each item, a remark only where something is wrong, one
press to save. What was tapped stands in the address, so that neither a dropped connection nor a closed tab loses it;
photos have to be chosen anew."""

from collections.abc import Sequence

import streamlit as st

from dashboard import cards, gallery, navigation, orders, session
from dashboard.data import ask, tell
from dashboard.i18n import _, days_badge, n_, number, plain, say
from dashboard.i18n import date as date_
from dashboard.session import View
from repository import inspections
from repository.access import Operation, may
from repository.facilities import Condition, ServiceStatus, facility_names
from repository.inspections import Checklist, Inspection, ItemResult, Task, Verdict
from repository.maintenance import facility_brief, reportable
from repository.store import Invalid, build

ANSWERS = {"p": Verdict.PASS, "f": Verdict.FAIL, "n": Verdict.NOT_APPLICABLE}
"""What stands in the address for each item: i0=p, of the list that answers= names."""

Answer = tuple[ItemResult | None, list[bytes]]
"""What was found of an item, if that is said already, and the photos chosen for it."""


def render() -> None:
    """The page."""
    view = session.view()
    if not may(session.actor(), Operation.CREATE, Inspection.collection):
        st.info(_("Your role may look but not inspect."), icon=":material/visibility:")
        return
    if done := st.query_params.get("done"):
        _thanks(view, done)
        return
    task = _where(view)
    if task is None:
        return
    _card(task)
    if task.orders:
        orders.ask_who_looks(key="looks")
    checklist = _checklist(task)
    if checklist is None:
        return
    _keep_to(_name(task, checklist))
    form = session.submission(_name(task, checklist))
    items = [_item(place, item, task, form) for place, item in enumerate(checklist.items)]
    condition = st.segmented_control(
        _("Its condition (optional)"),
        [str(each) for each in Condition],
        format_func=lambda word: say(Condition(word).label),
        **session.in_url("grade", [str(each) for each in Condition]),
    )
    remark = st.text_input(_("Anything to add? (optional)"), max_chars=300, **session.in_url("remark"))
    answered = [result for result, _pictures in items if result is not None]
    with st.bottom, st.container(key="thumb_send", gap="xxsmall"):
        trouble = st.container()
        left = len(checklist.items) - len(answered)
        pressed = st.button(
            _("Save the inspection"),
            type="primary",
            icon=":material/check:",
            width="stretch",
            key="do_save",
        )
        st.caption(_summary(answered, left, task), text_alignment="center")
    if pressed:
        with trouble:
            if left:
                st.error(
                    n_("{n} item still has no answer.", "{n} items still have no answer.", left),
                    icon=":material/arrow_upward:",
                )
            else:
                _save(view, form, task, checklist, items, condition, remark)


# --- what
def _where(view: View) -> Task | None:
    code = st.query_params.get("facility")
    brief = ask(facility_brief, view.community_id, code=code[:60]) if code else None
    if brief is not None and brief.facility.status is not ServiceStatus.RETIRED:
        return ask(inspections.task, view.community_id, facility_id=brief.facility.id, today=view.now.date())
    if code:
        st.warning(
            _("No facility here has the code {code}. Choose it from the list.", code=plain(code[:60])),
            icon=":material/qr_code:",
        )
    names = ask(reportable, view.community_id)
    picked = st.selectbox(
        _("Which facility?"),
        list(names),
        index=None,
        format_func=lambda id: names.get(id, id),
        placeholder=_("Name or code of the facility"),
        key="inspect-facility",
    )
    if picked and (brief := ask(facility_brief, view.community_id, facility_id=picked)):
        st.query_params["facility"] = brief.facility.code
        st.rerun()
    if not names:
        st.markdown(":gray[" + _("No facilities yet") + "]")
        navigation.link("facilities", _("Enter a facility"), part="register")
    elif not picked:
        navigation.link("facilities", _("Which inspections are due?"), part="inspections")
    return None


def _card(task: Task) -> None:
    facility = task.facility
    facts = [facility.code, facility.site]
    with st.container(border=True, gap="xxsmall"):
        st.markdown(f":material/fact_check: **{plain(facility.name)}**")
        st.caption(plain(" · ".join(filter(None, facts))))
        if facility.status is ServiceStatus.OUT_OF_ORDER:
            st.markdown(":material/do_not_touch: :red[" + _("Out of order: look whether it can be used again") + "]")


def _checklist(task: Task) -> Checklist | None:
    lists = {each.id: each for each in task.checklists if each.items}
    if not lists:
        st.markdown(":gray[" + _("No checklist fits this facility yet. Enter one under Facilities, Inspections.") + "]")
        return None
    first = next(iter(lists))
    chosen = first
    if len(lists) > 1:
        chosen = (
            st.selectbox(
                _("Checklist"),
                list(lists),
                format_func=lambda id: lists[id].name,
                **session.in_url("checklist", lists, first),
            )
            or first
        )
    due = task.due.get(chosen)
    if due is not None:
        last = _("last done {day}", day=date_(due.last_on)) if due.last_on else _("never done before")
        when = (
            _("overdue {days}", days=days_badge(due.overdue_days))
            if due.overdue_days
            else _("due {day}", day=date_(due.due_on))
        )
        st.caption(plain(f"{when} · {last}"))
    return lists[chosen]


def _keep_to(name: str) -> None:
    """Answers stand in the address by their place in the list: those of another one, or of this one before somebody
    edited it, answer nothing here."""
    before = st.query_params.get("answers", name)
    if before != name:
        if any(map(_is_answer, st.query_params)) and before.rpartition(".")[0] == name.rpartition(".")[0]:
            changed = _("The checklist was changed meanwhile. Look at its items anew.")
            st.warning(changed, icon=":material/sync_problem:")
        _drop_answers()
    if st.query_params.get("answers") != name:
        st.query_params["answers"] = name


def _item(place: int, item: inspections.ChecklistItem, task: Task, form: str) -> Answer:
    """One item: its three answers, and what is wrong where it is, in words and photos."""
    words = {"p": _("In order"), "f": _("Not in order"), "n": _("Not here")}
    with st.container(border=True, gap="xxsmall", key=f"thumb_item{place}"):
        danger = f" :orange[:material/warning: {_('dangerous')}]" if item.dangerous else ""
        st.markdown(f"**{number(place + 1)}. {plain(item.text)}**{danger}")
        if item.text in task.orders:
            known = _("Known: {number} stands for it. In order closes it.", number=task.orders[item.text])
            st.markdown(f":small[:blue[:material/build: {plain(known)}]]")
        answer = st.segmented_control(
            plain(item.text),
            list(words),
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width="stretch",
            **session.in_url(f"i{place}", words),
        )
        remark, pictures = None, []
        if answer == "f":
            remark = st.text_input(
                _("What is wrong? (optional)"),
                max_chars=200,
                placeholder=_("Such as: bolt missing on the left post"),
                **session.in_url(f"r{place}"),
            )
            pictures = gallery.choose(f"{place}-{form}")
    if not answer:
        return None, []
    same = {"text": item.text, "dangerous": item.dangerous, "fault": item.fault}
    try:
        return build(ItemResult, {**same, "verdict": ANSWERS[answer], "remark": remark or None}), pictures
    except Invalid as trouble:  # of the remark
        cards.told(*trouble.problems.values())
        return None, []


# --- then
def _summary(answered: Sequence[ItemResult], left: int, task: Task) -> str:
    faulty = [result for result in answered if result.verdict is Verdict.FAIL]
    said = []
    if left:
        said.append(n_("{n} item left", "{n} items left", left))
    if new := sum(not result.linked for result in inspections.with_orders(faulty, task.known)):
        said.append(n_("{n} work order will be opened", "{n} work orders will be opened", new))
    if any(result.dangerous for result in faulty):
        said.append(_("it is taken out of service at once"))
    return plain(" · ".join(said) or ("" if faulty else _("Everything is in order.")))


def _name(task: Task, checklist: Checklist) -> str:
    return f"inspect.{task.facility.id}.{checklist.id}.{checklist.revision}"


def _save(
    view: View,
    form: str,
    task: Task,
    checklist: Checklist,
    items: Sequence[Answer],
    condition: str | None,
    remark: str | None,
) -> None:
    answered = []
    for result, pictures in items:
        photos = gallery.keep(view.community_id, pictures)
        if photos is None or result is None:
            return
        answered.append(result.model_copy(update={"photos": tuple(photos)}))
    try:
        saved = tell(
            inspections.record_inspection,
            view.community_id,
            task.facility.id,
            checklist.id,
            answered,
            condition=Condition(condition) if condition else None,
            remark=remark or None,
            key=form,
        )
    except Invalid as problem:
        for message in problem.problems.values():
            st.error(plain(say(message)), icon=":material/error:")
        return
    if saved is not None:
        session.submitted(_name(task, checklist))
        _clear()
        st.query_params["done"] = saved.id
        st.rerun()


def _clear() -> None:
    """The next one starts empty."""
    for name in ("facility", "checklist", "answers", "grade", "remark", "done"):
        st.query_params.pop(name, None)
    _drop_answers()


def _drop_answers() -> None:
    for name in filter(_is_answer, [*st.query_params]):
        st.query_params.pop(name, None)


def _is_answer(name: str) -> bool:
    return name[:1] in ("i", "r") and name[1:].isdigit()


def _thanks(view: View, id: str) -> None:
    found, orders = ask(inspections.inspection, view.community_id, id[:64])
    with st.container(border=True, gap="xsmall"):
        st.header(":green[:material/check_circle:] " + plain(_("Saved: {name}", name=found.name)), anchor=False)
        names = ask(facility_names, view.community_id)
        where = names.get(found.facility_id, "")
        st.markdown(plain(" · ".join(filter(None, (where, found.inspector)))))
        for order in orders.values():
            navigation.link("maintenance", _("Look at {number}", number=plain(order.number)), order=order.id)
        there = ask(inspections.task, view.community_id, facility_id=found.facility_id, today=view.now.date())
        if found.stopped:
            st.markdown(":material/do_not_touch: " + _("The facility is marked as out of order: put up the sign."))
        elif there.facility.status is ServiceStatus.OUT_OF_ORDER:
            words = _("It stays out of service until somebody else than who found or mended the danger has looked.")
            st.markdown(":material/do_not_touch: " + words)
        elif not found.failed:
            st.markdown(_("All {n} items are in order or do not apply.", n=number(len(found.results))))
    due = ask(inspections.dues, view.community_id, today=view.now.date(), grids=view.grids)
    due = [each for each in due if (each.due_on - view.now.date()).days <= 7][:5]
    if due:
        st.markdown(f"**{_('What comes next')}**")
    for each in due:
        label = f"**{plain(each.name)}** · {plain(each.checklist)}"
        if st.button(label, key=f"next-{each.facility_id}-{each.checklist_id}", width="stretch"):
            _clear()
            navigation.go("inspect", facility=each.code, checklist=each.checklist_id)
    with st.bottom, st.container(key="thumb_send"):
        if st.button(
            _("Inspect another"), type="primary", icon=":material/fact_check:", width="stretch", key="do_again"
        ):
            _clear()
            st.rerun()
