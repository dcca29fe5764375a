"""Staff: what the team is like against what it should be, what it lacks, who could take over, how it is assessed. The
files of single people are for who leads the team; everybody finds their own."""

from collections.abc import Callable
from datetime import date

import streamlit as st

from dashboard import assessments, cards, data, drawer, navigation, personnel, session, succession, team
from dashboard.i18n import _
from repository.access import Operation, may
from repository.grids import grid_names
from repository.people import people_by_id
from repository.staff import StaffMember
from repository.staff import team as team_query


def render() -> None:
    """Its parts, as far as the reader may see them."""
    view = session.view()
    parts: dict[str, tuple[str, Callable[[session.View], None]]] = {"team": (_("Team structure"), _team)}
    if may(session.actor(), Operation.READ, StaffMember.collection):
        parts |= {
            "training": (_("Training"), _training),
            "succession": (_("Succession"), _succession),
            "assessment": (_("Assessment"), _assessment),
            "files": (_("Files"), _files),
        }
    if personnel.of_the_reader():
        parts["own"] = (_("My file"), _own)
    if len(parts) == 1:
        _team(view)
    else:
        cards.one_part(parts, view)


def _on(view: session.View) -> date:
    """The day as of which the team is looked at: the period's last one, or today while it lasts."""
    return min(view.now.date(), view.period.last)


def _names(view: session.View) -> personnel.Names:
    return {
        "people": data.ask(people_by_id, view.community_id),
        "grids": data.ask(grid_names, view.community_id),
    }


def _team(view: session.View) -> None:
    found = data.ask(team_query, view.community_id, on=_on(view))
    if not found.size and view.period.last < view.now.date():
        cards.empty(_("Nobody is in service on this day"), _("Choose a later period."), key="staff")
    elif not found.size:
        _begin()
    else:
        team.structure(found)
    if found.whole:
        personnel.open_drawer(view.today, _names(view))


def _begin() -> None:
    may_enter = may(session.actor(), Operation.CREATE, StaffMember.collection)
    buttons = []
    if may_enter:
        buttons = [(_("Enter somebody"), ":material/add:"), (_("Import a sheet"), ":material/upload_file:")]
    pressed = cards.empty(
        _("No staff yet"),
        _("Enter who works for the community, with the day they joined, or bring in the staff sheet you keep.")
        if may_enter
        else _("Who leads the team enters it; its figures then stand here."),
        *buttons,
        key="staff",
    )
    if pressed == 0:
        drawer.open_at(personnel.MEMBER)
        st.rerun()
    elif pressed == 1:
        navigation.go("data", record=StaffMember.collection)


def _training(view: session.View) -> None:
    names = _names(view)
    team.training(view, names, _on(view))
    personnel.open_drawer(view.today, names)


def _succession(view: session.View) -> None:
    names = _names(view)
    succession.show(view, names, _on(view))
    if not succession.open_drawer(view.today, names):
        personnel.open_drawer(view.today, names)


def _assessment(view: session.View) -> None:
    names = _names(view)
    assessments.show(view, names)
    assessments.open_drawer(view.today, names)


def _files(view: session.View) -> None:
    names = _names(view)
    personnel.registers(view, names)
    personnel.open_drawer(view.today, names)


def _own(view: session.View) -> None:
    personnel.own(view.today, _names(view))
