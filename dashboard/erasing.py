"""Erase one resident: what is kept of them, why, the code a second time; and who was erased so far, without a code."""

import logging

import streamlit as st

from dashboard import data, session, tables
from dashboard.i18n import _, date, n_, number, plain, say
from dashboard.settings import Settings
from repository import backup, erasure
from repository.access import Actor
from repository.erasure import Because, Found
from repository.record import RECORDS, resident_key
from repository.store import Invalid, Store
from repository.words import Message, Trouble

log = logging.getLogger("gridboard.erasing")

FORM = "erase"


def show(view: session.View) -> None:
    """The form, and below it the list."""
    with st.container(border=True, key="erase"):
        st.header(_("Erase a resident"), anchor=False)
        st.caption(
            _(
                "For whoever asks that nothing is kept of them. What they came to and asked for goes, with how to "
                "reach them and the photos; the figures keep their visits as heads counted. It cannot be taken back."
            )
        )
        _form(view)
    _so_far(view)


def note(store: Store, settings: Settings) -> None:
    """Note outside the database who was erased, for whoever restores an older backup. Raises OSError, Unavailable."""
    if settings.embedded:
        erasure.note_ledger(store, settings.home / "erasures.json")
    if settings.backup_folder is not None:
        backup.note_erasures(store, settings.backup_folder)


def lines(found: Found) -> list[tuple[str, int, str]]:
    """What an erasure would do: kind, how many, what becomes of them."""
    rows = [(say(RECORDS[name].title), n, _("Taken out")) for name, n in found.gone.items()]
    rows += [(say(RECORDS[name].title), n, _("Emptied: code, words, place")) for name, n in found.emptied.items()]
    rows += [(_("Call-back contacts"), found.contacts, _("Taken out"))] if found.contacts else []
    rows += [(_("Photos"), found.photos, _("Taken out within a day"))] if found.photos else []
    return rows


def _look(store: Store, actor: Actor, community_id: str, code: str) -> Found | Message:
    """What is kept, or why this is no code. Read anew each time: no answer with a code in it is kept."""
    try:
        return erasure.preview(store, actor, community_id, code)
    except Invalid as invalid:
        return next(iter(invalid.problems.values()))


def _form(view: session.View) -> None:
    key = session.submission(FORM)
    code = st.text_input(_("Resident code"), max_chars=40, key=f"erase-code-{key}", width=240, placeholder="R-7K3Q")
    if not code.strip():
        return
    found = data.ask_anew(_look, view.community_id, code)
    if isinstance(found, Message):
        st.error(plain(say(found)), icon=":material/error:")
        return
    if not found.records:
        st.info(_("Nothing here names this code."), icon=":material/search_off:")
        return
    tables.small(
        [{_("Records"): kind, _("How many"): n, _("What becomes of them"): what} for kind, n, what in lines(found)],
        key="erase-what",
    )
    words = {str(each): say(each.label) for each in Because}
    why = st.selectbox(
        _("Why?"), list(words), index=None, format_func=words.__getitem__, placeholder=_("Choose"),
        key=f"erase-why-{key}", width=360,
    )  # fmt: skip
    again = st.text_input(_("Type the code once more"), max_chars=40, key=f"erase-again-{key}", width=240)
    same = resident_key(again) == resident_key(code)
    if again.strip() and not same:
        st.warning(_("This is another code."), icon=":material/warning:")
    pressed = st.button(
        n_("Erase {n} record for good", "Erase {n} records for good", found.records),
        type="primary",
        icon=":material/delete_forever:",
        key=f"do_erase-{key}",
        disabled=why is None or not same,
    )
    if not pressed:
        return
    try:
        with st.spinner(_("Erasing …")):
            done = data.tell(
                erasure.erase, view.community_id, code, str(why), done=_("Erased; the code is not given again.")
            )
    except Invalid as invalid:
        st.error(plain(say(next(iter(invalid.problems.values())))), icon=":material/error:")
        return
    if done is None:
        return
    try:
        note(data.store(), Settings.from_environment())
    except (OSError, Trouble) as error:  # the server tries again by itself
        log.warning("who was erased was not noted beside the backups: %s", error)
    session.submitted(FORM)
    st.rerun()


def _so_far(view: session.View) -> None:
    found = data.ask(erasure.erasures, view.community_id)
    st.subheader(_("Erased so far"), anchor=False)
    if not found:
        st.markdown(":gray[" + plain(_("Nobody yet.")) + "]")
        return
    rows = [
        {
            _("On day"): date(one.erased_on),
            _("Why"): say(one.because.label),
            _("Records"): number(one.records),
            _("By"): one.created_by,
            _("State"): _("Complete") if one.complete else _("Goes on by itself"),
        }
        for one in found
    ]
    tables.small(rows, key="erased")
    st.caption(_("Who they were stands nowhere: the list knows a keyed hash of each code, so that none comes back."))
