"""Registered volunteers: their list, and the drawer in which a registration is entered, changed and ended."""

import streamlit as st

from dashboard import data, drawer, forms, i18n, session
from dashboard.i18n import _, n_, plain
from repository.access import Operation, may
from repository.grids import grid_names
from repository.residents import (
    Volunteer,
    edit_volunteer,
    register_volunteer,
    remove_volunteer,
    volunteers,
)

VOLUNTEER = "volunteer"  # of the URL: the registration whose drawer is open
_ASKED = ("resident", "since", "grid_id", "skills")


def listed(view: session.View) -> None:
    """The registrations, for those who may read them."""
    actor = session.actor()
    if not may(actor, Operation.READ, Volunteer.collection):
        return
    found = data.ask(volunteers, view.community_id, grids=view.grids, now=view.now)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(n_("{n} volunteer on record", "{n} volunteers on record", len(found)), anchor=False, width="content")
        st.space("stretch")
        if may(actor, Operation.CREATE, Volunteer.collection) and st.button(
            _("Register a volunteer"), icon=":material/volunteer_activism:", key="do_volunteer", width="content"
        ):
            drawer.open_at(VOLUNTEER)
    if found:
        drawer.register(
            VOLUNTEER,
            Volunteer,
            found,
            key="volunteers",
            columns=["resident", "since", "until", "grid_id", "skills"],
            names={"grids": data.ask(grid_names, view.community_id)},
        )


def open_drawer(view: session.View) -> None:
    """Draw the registration that is open, if one is."""
    wanted = drawer.opened(VOLUNTEER)
    actor = session.actor()
    if not wanted or not may(actor, Operation.READ, Volunteer.collection):
        return
    names = {"grids": data.ask(grid_names, view.community_id)}
    if wanted == drawer.NEW:
        if may(actor, Operation.CREATE, Volunteer.collection):
            drawer.show(VOLUNTEER, _("Register a volunteer"), lambda: _enter(view, names))
        return
    found = next((one for one in data.ask(volunteers, view.community_id) if one.id == wanted), None)
    if found is None:
        st.warning(_("This registration is not there any more, or not in your charge."), icon=":material/search_off:")
        drawer.close(VOLUNTEER)
        return
    drawer.show(VOLUNTEER, plain(found.resident), lambda: _change(view, names, found))


def _enter(view: session.View, names: dict[str, dict[str, str]]) -> None:
    st.caption(_("By the resident's code, never by name. Hours are entered with the attendance."))
    charge = session.actor().grids or frozenset()
    made = forms.edit(
        Volunteer,
        key="volunteer-new",
        fields=_ASKED,
        defaults={"since": view.now.date(), **({"grid_id": min(charge)} if charge else {})},
        references=names,
        save=lambda values, submission: data.tell(
            register_volunteer, view.community_id, values, key=submission, done=_("The volunteer is registered.")
        ),
    )
    if made is not None:
        drawer.done(VOLUNTEER)


def _change(view: session.View, names: dict[str, dict[str, str]], found: Volunteer) -> None:
    ends = i18n.date(found.until) if found.until else _("still registered")
    st.caption(plain(f"{i18n.date(found.since)} – {ends}"))
    if may(session.actor(), Operation.UPDATE, Volunteer.collection):
        saved = forms.edit(
            Volunteer,
            key="volunteer-edit",
            current=found,
            references=names,
            save=lambda values, _submission: data.tell(
                edit_volunteer, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done(VOLUNTEER)
    drawer.offer_deletion(
        VOLUNTEER, found, remove_volunteer, _("It was entered by mistake. Who stops is given a last day instead.")
    )
