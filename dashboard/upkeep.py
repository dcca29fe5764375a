"""One facility in the drawer: how it stands, what can be done to it, its form and its history."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from dashboard import cards, data, drawer, forms, i18n, labels, minutes, navigation, replacement, rounds, session
from dashboard.i18n import MISSING, _, n_, number, plain, say, term
from repository import facilities, maintenance, preventive
from repository.access import Operation, may
from repository.facilities import Category, Condition, Facility, FacilityKind, ServiceStatus, age_years, end_of_life
from repository.metrics import State

Names = Mapping[str, Mapping[str, str]]
PARAMETER = "facility"  # of the URL: the facility whose drawer is open
STATES = {
    ServiceStatus.IN_SERVICE: State.ON_TARGET,
    ServiceStatus.OUT_OF_ORDER: State.OFF_TARGET,
    ServiceStatus.RETIRED: State.UNKNOWN,
}


def show(view: session.View, names: Names, lives: Mapping[str, float], category: Category | None) -> None:
    """Draw the drawer if one is open. Call it last."""
    wanted = drawer.opened(PARAMETER)
    if wanted == drawer.NEW:
        if may(session.actor(), Operation.CREATE, Facility.collection):
            drawer.show(PARAMETER, _("Enter a facility"), lambda: _enter(view, names, category))
    elif wanted:
        found = data.ask(facilities.facility, view.community_id, wanted)
        drawer.show(PARAMETER, plain(f"{found.code} {found.name}"), lambda: _one(view, names, lives, found))


def _enter(view: session.View, names: Names, category: Category | None) -> None:
    made = forms.edit(
        Facility,
        key="facility-new",
        defaults={"category": category, "grid_id": view.grid_id} if category else {"grid_id": view.grid_id},
        references=names,
        save=lambda values, submission: data.tell(
            facilities.add_facility, view.community_id, values, key=submission, done=_("The facility is entered.")
        ),
    )
    if made is not None:
        drawer.done(PARAMETER)


def _one(view: session.View, names: Names, lives: Mapping[str, float], found: Facility) -> None:
    _facts(found, names, lives, view.now.date())
    with st.container(horizontal=True, gap="small"):
        navigation.link("report", _("Log a repair"), icon=":material/build:", facility=found.code)
        navigation.link("maintenance", _("Its work orders"), show="all", q=found.code)
    minutes.decided(view, found.id)
    labels.line(found)
    if not may(session.actor(), Operation.UPDATE, Facility.collection):
        rounds.of_facility(view, found)
        replacement.of_facility(view, found, lives)
        _history(found)
        return
    state, due, plan, form, history = st.tabs(
        [_("Condition"), _("Inspections and upkeep"), _("Replacement plan"), _("Edit"), _("History")],
        key="facility-tabs",
        on_change="rerun",
    )
    with plan:
        replacement.of_facility(view, found, lives)
    with due:
        rounds.of_facility(view, found)
    with state:
        if found.status is not ServiceStatus.RETIRED:
            _examine(view, found)
            _service(view, found)
        _end(view, found)
    with form:
        saved = forms.edit(
            Facility,
            key="facility-edit",
            current=found,
            references=names,
            save=lambda values, _submission: data.tell(
                facilities.edit_facility, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done()
    with history:
        _history(found)


def _facts(found: Facility, names: Names, lives: Mapping[str, float], on: date) -> None:
    words = [cards.badge(STATES[found.status], word=say(found.status.label))]
    if found.condition:
        bad = found.condition is Condition.VERY_POOR
        state = State.OFF_TARGET if bad else State.NEAR if found.condition is Condition.POOR else State.ON_TARGET
        words.append(cards.badge(state, word=say(found.condition.label)))
    st.markdown(" ".join(words))
    place = [say(found.category.label), term(found.kind, FacilityKind) if found.kind else "", found.site or ""]
    place += [names["grids"].get(found.grid_id or "", ""), names["people"].get(found.responsible_id or "", "")]
    st.markdown(plain(" · ".join(word for word in place if word)))
    age, end = age_years(found, on), end_of_life(found, on, lives)
    if age is None or end is None:
        st.markdown(f":gray[{_('Its age is not known: enter the day or year it was installed.')}]")
        return
    life = number(facilities.service_life(found, lives))
    facts = {"age": number(age), "life": life, "end": i18n.date(end)}
    said = (
        _("{age} years old; its service life of {life} years ended on {end}.", **facts)
        if end < on
        else _("{age} years old; its service life of {life} years ends on {end}.", **facts)
    )
    st.markdown(f":red[{plain(said)}]" if end < on else plain(said))


def _examine(view: session.View, found: Facility) -> None:
    form = f"examine.{found.id}"
    key = session.submission(form)
    with st.container(key="thumb"):
        grade = st.segmented_control(
            _("How does it look?"),
            list(Condition),
            default=None,
            format_func=lambda condition: say(condition.label),
            key=f"examine-{key}",
        )
        note = st.text_input(
            _("Remark (optional)"),
            key=f"examine-note-{key}",
            max_chars=200,
            **session.STAGED,
        )
    if st.button(
        _("Note this condition"), type="primary", key="do_examine", icon=":material/check:", disabled=not grade
    ):
        _tell(view, found, facilities.examine, _("Condition noted."), form, condition=grade, note=note or None)


def _service(view: session.View, found: Facility) -> None:
    if found.status is ServiceStatus.IN_SERVICE:
        if st.button(_("Put out of order"), icon=":material/block:", key="stop"):
            _tell(view, found, facilities.put_out_of_order, _("Out of order from now on."))
        return
    dangers = data.ask(maintenance.standing_dangers, view.community_id, view.grids, now=view.now)
    orders = [each for each in dangers if each.facility_id == found.id and each.number]
    if orders:
        st.warning(
            _("A danger still stands here. It ends, and this is back in service, when somebody has looked again."),
            icon=":material/dangerous:",
        )
        for each in orders:
            navigation.link("maintenance", _("Look at {number}", number=plain(each.number or "")), order=each.id)
    words = _("Put back in service all the same") if orders else _("Put back in service")
    if st.button(words, icon=":material/play_arrow:", key="restart"):
        _tell(view, found, facilities.put_back_in_service, _("Back in service."))


def _end(view: session.View, found: Facility) -> None:
    with st.container(horizontal=True, gap="small"):
        if found.status is not ServiceStatus.RETIRED:
            with st.popover(_("Replaced by a new one"), icon=":material/autorenew:"):
                _what_becomes(view, found)
                _replace(view, found)
            with st.popover(_("Retire"), icon=":material/archive:"):
                st.markdown(_("It is taken down for good. Its past stays; it no longer counts."))
                _what_becomes(view, found)
                if st.button(_("Retire it"), type="primary", key="do_retire"):
                    _tell(view, found, facilities.retire, _("Retired."))
        why = _("Only for what was entered by mistake. Work orders that name it prevent it.")
        drawer.offer_deletion(PARAMETER, found, facilities.remove_facility, why)


def _what_becomes(view: session.View, found: Facility) -> None:
    """Before it is retired: which of its open work orders end with it, and which stay."""
    left = data.ask(preventive.leaving, view.community_id, found.id)
    if left.ends:
        words = n_(
            "{n} preventive order that nobody has begun ends with it.",
            "{n} preventive orders that nobody has begun end with it.",
            left.ends,
        )
        st.markdown(f":material/event_busy: {plain(words)}")
    if left.staying:
        words = n_("{n} order stays open under it:", "{n} orders stay open under it:", left.staying)
        numbers = i18n.listed([order.number for order in left.stays])
        more = _("and {n} more", n=number(left.staying - len(left.stays))) if left.staying > len(left.stays) else ""
        st.markdown(f":orange[:material/build:] {plain(' '.join(filter(None, (words, numbers, more))))}")
        navigation.link("maintenance", _("See its open orders"), show="open", q=found.code)


def _replace(view: session.View, found: Facility) -> None:
    made = forms.edit(
        Facility,
        key="facility-replace",
        fields=("code", "installed_on", "replacement_cost_cents"),
        defaults={
            "name": found.name,
            "category": found.category,
            "installed_on": view.now.date(),
            "replacement_cost_cents": found.replacement_cost_cents,
        },
        submit=_("Enter the new one, retire this one"),
        save=lambda values, submission: _replaced(view, found, values, submission),
    )
    if made is not None:
        drawer.open_at(PARAMETER, made.id)
        drawer.done()


def _replaced(view: session.View, found: Facility, values: forms.Values, submission: str) -> Facility | None:
    return data.tell(
        facilities.replace,
        view.community_id,
        found.id,
        found.revision,
        code=values.get("code", ""),
        installed_on=values.get("installed_on") or view.present.date(),
        cost_cents=values.get("replacement_cost_cents"),
        key=submission,
        done=_("Replaced: the old one is retired."),
    )


def _tell(
    view: session.View, found: Facility, command: Callable[..., Any], done: str, form: str | None = None, **facts: Any
) -> None:
    drawer.act(lambda: data.tell(command, view.community_id, found.id, found.revision, done=done, **facts), form=form)


def _history(found: Facility) -> None:
    if not found.condition_history:
        st.markdown(f":gray[{_('Nothing has been noted yet.')}]")
        return
    st.table(
        [
            {
                _("At"): i18n.datetime_(entry.at, session.zone()),
                _("Condition"): say(entry.condition.label) if entry.condition else MISSING,
                _("Service status"): say(entry.status.label) if entry.status else MISSING,
                _("By"): plain(entry.by),
                _("Note"): plain(entry.note or ""),
            }
            for entry in reversed(found.condition_history)
        ],
        border="horizontal",
        hide_index=True,
    )
