"""A resident comes again and does not know their code: by the card they carry, or by grid and building."""

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard import cards, data, session
from dashboard.i18n import _, plain, say
from repository.access import Actor, Operation, may
from repository.activities import Attendance, KnownResident
from repository.residents import ResidentCard, card_of, forget_card, keep_card, look_up, resident_of_card
from repository.store import Conflict, Duplicate, Invalid, Store

Names = Mapping[str, Mapping[str, str]]


def find(view: session.View, names: Names, at: str, found: Callable[[str], None]) -> None:
    """Ways to a code; ``found`` is called with it. ``at`` tells one round at the desk from another."""
    with st.popover(_("Without the code"), icon=":material/badge:", key=f"recognise-{at}"):
        number = st.text_input(
            _("Number of their card"),
            key=f"rec-card-{at}",
            help=_("Typed, or read by a reader that types it. It is not kept in plain."),
        )
        if st.button(_("Find by card"), key=f"do_rec-card-{at}", type="primary") and number.strip():
            try:
                code = data.ask_anew(resident_of_card, view.community_id, number)
            except Invalid as invalid:
                cards.told(*invalid.problems.values())
            else:
                if code:
                    found(code)
                st.caption(_("Nobody here is known by this card. Record them, then keep the card with their code."))
        if may(session.actor(), Operation.READ, ResidentCard.collection):
            _building(view, names, at, found)


def _building(view: session.View, names: Names, at: str, found: Callable[[str], None]) -> None:
    st.divider()
    grids = list(names["grids"])
    grid = st.selectbox(
        _("Grid they live in"), grids, format_func=lambda id: names["grids"].get(id, id), key=f"rec-grid-{at}"
    )
    building = st.text_input(_("Building"), placeholder="5", key=f"rec-building-{at}")
    st.caption(_("Who looked, and where, goes on record."))
    seen = f"recognise.seen-{at}"
    if st.button(_("Who of there came before"), key=f"do_rec-building-{at}") and grid:
        try:
            st.session_state[seen] = data.tell(look_up, view.community_id, grid, building)
        except Invalid as invalid:
            cards.told(*invalid.problems.values())
    there: tuple[KnownResident, ...] | None = st.session_state.get(seen)
    if there is None:
        return
    if not there:
        st.caption(_("Nobody of there is known."))
    for one in there:
        facts = [one.resident, *(say(each.label) for each in (one.age_band, one.sex) if each)]
        if st.button(plain(" · ".join(facts)), key=f"rec-{at}-{one.resident}", type="tertiary"):
            st.session_state.pop(seen)
            found(one.resident)


def keep(view: session.View, names: Names, chosen: Attendance, at: str, said: Callable[[str], None]) -> None:
    """What ``chosen`` is recognised by the next time: enter, replace, forget. ``said`` is told what was done."""
    actor = session.actor()
    if not may(actor, Operation.CREATE, ResidentCard.collection):
        return
    with st.expander(_("Recognise {code} the next time", code=plain(chosen.resident))):
        stands = data.ask(card_of, view.community_id, chosen.resident)
        if stands:
            st.caption(_("A card or a building is kept. What you enter takes its place."))
        number = st.text_input(_("Number of their card"), key=f"keep-card-{at}")
        building = st.text_input(_("Building"), placeholder="5", key=f"keep-building-{at}")
        grids = list(names["grids"])
        lives = chosen.grid_id if chosen.grid_id in grids else None
        grid = st.selectbox(
            _("Grid they live in"),
            grids,
            index=grids.index(lives) if lives else None,
            format_func=lambda id: names["grids"].get(id, id),
            placeholder=_("Not known"),
            key=f"keep-grid-{at}",
        )
        try:
            if st.button(_("Keep it"), type="primary", key=f"do_keep-{at}"):
                values = {"card": number or None, "building": building or None, "grid_id": grid}
                if data.tell(keep_card, view.community_id, chosen.resident, **values) is not None:
                    said(_("{code} will be recognised.", code=chosen.resident))
            if (
                stands
                and may(actor, Operation.DELETE, ResidentCard.collection)
                and st.button(_("Forget card and building"), icon=":material/delete:", key=f"keep-forget-{at}")
            ):
                data.tell(_forget, view.community_id, stands)
                said(_("Card and building of {code} are forgotten.", code=chosen.resident))
        except Invalid as invalid:
            cards.told(*invalid.problems.values())
        except (Conflict, Duplicate) as trouble:
            cards.told(trouble)


def _forget(store: Store, actor: Actor, community_id: str, stands: ResidentCard) -> bool:
    forget_card(store, actor, community_id, stands.id, stands.revision)
    return True
