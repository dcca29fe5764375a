"""One record opened beside the page it belongs to. Which one stands in the URL, so that a link opens it too."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard import cards, data, session, tables
from dashboard.i18n import _
from repository.access import Actor, Operation, may
from repository.record import Record
from repository.store import Store
from repository.words import Trouble

NEW = "new"


def opened(name: str) -> str | None:
    """What is open: an id, ``NEW``, or None. ``name`` is the URL parameter."""
    return st.query_params.get(name) or None


def open_at(name: str, what: str = NEW) -> None:
    """Open a record, or the form of a new one."""
    st.query_params[name] = what


def close(name: str) -> None:
    """Back to the page alone; the register's row is let go, so that it can be picked again."""
    st.query_params.pop(name, None)
    st.session_state[f"drawer.{name}.closed"] = True


def register(name: str, record_class: type[Record], rows: Sequence[Any], *, key: str, **options: Any) -> None:
    """A register (see ``tables.register``) whose picked row opens in the drawer."""
    seen = f"drawer.{name}.picked"
    if st.session_state.pop(f"drawer.{name}.closed", False):
        tables.unselect(key)
        st.session_state[seen] = None
    picked = tables.register(record_class, rows, key=key, **options)
    if picked != st.session_state.get(seen):
        st.session_state[seen] = picked
        if picked:
            open_at(name, picked)


def show(name: str, title: str, draw: Callable[[], None]) -> None:
    """Draw what is open at the right side of the page until it is dismissed. Once a run, last."""

    def run() -> None:
        session.room_for_banners()
        data.look_again(session.view().community_id)  # it runs again by itself
        if session.is_away():  # what stands here already need not be asked for, and saving would be the first to say it
            data.say_away(session.view().now)
        draw()

    st.dialog(title, width="medium", position="right", on_dismiss=lambda: close(name))(run)()


def done(name: str | None = None) -> None:
    """After a change: run the page anew, with the drawer closed if its name is given."""
    if name:
        close(name)
    st.rerun()


def offer_deletion(name: str, found: Record, remove: Callable[[Store, Actor, str, str, int], None]) -> None:
    """A way to take out what was entered by mistake, for whoever may; where others refer to it, that is said."""
    if not may(session.actor(), Operation.DELETE, type(found).collection):
        return

    def command(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> bool:
        remove(store, actor, community_id, id, revision)
        return True

    with st.popover(_("Delete"), icon=":material/delete:"):
        st.markdown(_("Only for what was entered by mistake. What others refer to is kept."))
        pressed = st.button(_("Delete it"), type="primary", key=f"do_delete-{name}")
    if not pressed:
        return
    try:
        gone = data.tell(command, found.community_id, found.id, found.revision, done=_("Deleted."))
    except Trouble as trouble:
        cards.told(trouble)
    else:
        if gone:
            done(name)
