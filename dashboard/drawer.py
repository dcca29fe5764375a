"""One record opened beside the page it belongs to. Which one stands in the URL, so that a link opens it too."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from dashboard import cards, data, session, tables
from dashboard.i18n import _, plain, say
from repository.access import Actor, Operation, may
from repository.record import Choice, Record
from repository.store import Conflict, Invalid, Store
from repository.words import Trouble

NEW = "new"
R = TypeVar("R", bound=Record)


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


def show(name: str, title: str, draw: Callable[[], None], *, past: bool = False) -> None:
    """Draw what is open at the right side of the page until it is dismissed. Once a run, last. It is as of now, for it
    is worked on, unless it tells of a ``past`` day that is looked at."""

    def run() -> None:
        session.room_for_banners()
        data.look_again(session.view().community_id)  # it runs again by itself
        if session.is_away():  # what stands here already need not be asked for, and saving would be the first to say it
            data.say_away(session.view().present)
        with nullcontext() if past else session.today():
            draw()

    st.dialog(title, width="medium", position="right", on_dismiss=lambda: close(name))(run)()


def done(name: str | None = None) -> None:
    """After a change: run the page anew, with the drawer closed if its name is given."""
    if name:
        close(name)
    st.rerun()


def act(command: Callable[[], Any], *, close: str | None = None, form: str | None = None) -> None:
    """Do it, then show what stands there now, with the drawer closed if its name is given; what is wrong is said here
    and nothing typed is lost. ``form`` is the submission (or draft) that then went through."""
    try:
        answer = command()
    except Invalid as invalid:
        cards.told(*invalid.problems.values())
    except Conflict as conflict:
        if form and (mine := st.session_state.get(_place(form))) is not None:
            mine.stands, mine.met = conflict.current, True
            st.rerun()  # said over the form, and still said when something else in the drawer runs the page anew
        cards.conflict(conflict.current.updated_by, conflict.current.updated_at)
        if st.button(_("Show what stands there now"), icon=":material/refresh:"):
            st.rerun()
    except Trouble as trouble:
        cards.told(trouble)
    else:
        if answer is not None:
            if form:
                session.submitted(form)
            done(close)


@dataclass
class Draft(Generic[R]):
    """What somebody types about a record: ``key`` for the widgets, the record ``opened`` it begins from and as it
    ``stands`` to their knowledge; ``met`` says that somebody else saved first."""

    key: str
    opened: R
    stands: R
    met: bool = False


def draft(form: str, found: R, *fields: str) -> Draft[R]:
    """A form drawn by hand over some ``fields`` of a record: what is typed stays until ``act`` saved it, whatever else
    is changed in the record meanwhile. Only where these fields were changed it is said that somebody else was first;
    one's own can then be saved over it knowingly, or let go."""
    key = session.submission(form)
    mine: Draft[R] | None = st.session_state.get(_place(form))
    drawn = any(key in str(name) for name in st.session_state)  # else nothing is typed: the drawer has been closed
    if mine is None or mine.key != key or not drawn:
        mine = Draft(key, found, found)
    elif all(getattr(found, name) == getattr(mine.stands, name) for name in fields):
        mine.stands = found
    st.session_state[_place(form)] = mine
    with st.empty():
        if mine.met:
            with st.container(gap="xsmall"):
                cards.conflict(mine.stands.updated_by, mine.stands.updated_at)
                if st.button(_("Show what stands there now"), icon=":material/refresh:", key=f"let-go-{key}"):
                    session.submitted(form)
                    st.rerun()
    return mine


def _place(form: str) -> str:
    """Of a draft: one for all forms of a kind (``plan.F-01``), since one drawer is open at a time."""
    return f"draft.{form.partition('.')[0]}"


def reveal(of: str, reasons: type[Choice], look: Callable[[str], str | None]) -> None:
    """A way to see in full what is shown masked, for a reason that goes on record. ``look`` fetches the words."""
    with st.popover(_("Show"), key=f"reveal-{of}"):
        words = {str(each): say(each.label) for each in reasons}
        why = st.selectbox(_("What for?"), list(words), format_func=words.__getitem__, key=f"why-{of}")
        st.caption(_("Who looked, when and why goes on record."))
        if st.button(_("Show"), type="primary", key=f"do_reveal-{of}") and (seen := look(why)) is not None:
            st.markdown("**" + plain(seen) + "**")


def offer_deletion(
    name: str, found: Record, remove: Callable[[Store, Actor, str, str, int], object], why: str | None = None
) -> None:
    """A way to take out what was entered by mistake, for whoever may; where others refer to it, that is said. ``why``
    says what deletion is for, where it is something of its own."""
    if not may(session.actor(), Operation.DELETE, type(found).collection):
        return

    def command(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> bool:
        remove(store, actor, community_id, id, revision)
        return True

    with st.popover(_("Delete"), icon=":material/delete:"):
        st.markdown(plain(why or _("Only for what was entered by mistake. What others refer to is kept.")))
        pressed = st.button(_("Delete it"), type="primary", key=f"do_delete-{name}")
    if pressed:
        act(
            lambda: data.tell(command, found.community_id, found.id, found.revision, done=_("Deleted.")),
            close=name,
        )
