"""What is said where somebody types a phone or identity number into a sentence, and the way to what is read masked."""

from collections.abc import Callable

import streamlit as st

from dashboard import drawer, session
from dashboard.data import tell
from dashboard.i18n import _
from repository.access import Operation, may
from repository.numbers import HIDDEN, identities_in, numbers_in
from repository.people import Contact, Purpose
from repository.record import Record
from repository.store import Invalid, masked_texts
from repository.words import Message, msg

TAKEN_DOWN = msg(
    "This looks like a phone or identity number: {numbers}. Everybody who may read requests reads this text, with "
    "phone numbers masked; identity numbers are not kept. Write whom to call back under Phone and take the number "
    "out here, or press again to leave it."
)
ABOUT_A_REQUEST = msg(
    "This looks like a phone or identity number: {numbers}. Everybody who may read requests reads this text, with "
    "phone numbers masked; identity numbers are not kept. Take the number out here, or press again to leave it."
)
REPORTED = msg(
    "This looks like a phone or identity number: {numbers}. Everybody who may read work orders reads this text and the "
    "phone numbers in it; identity numbers are not kept. Write whom to call back under Phone and take the number out "
    "here, or press again to leave it."
)
READ_BY_ALL = msg(
    "This looks like a phone or identity number: {numbers}. Everybody who may read this record reads this text and the "
    "phone numbers in it; identity numbers are not kept. Take the number out here, or press again to leave it."
)
NOT_KEPT = msg(
    "This looks like an identity number: {numbers}. Identity numbers are not kept: take it out, or press again to save "
    "the text without it."
)


def mind_numbers(form: str, text: str, /, **typed: str | None) -> None:
    """Before what was typed into a ``form`` is saved: raises Invalid with the ``text`` beside what holds a phone or
    identity number, once; pressed again with the same words it passes."""
    find = identities_in if text == NOT_KEPT else numbers_in
    found = {name: numbers for name, words in typed.items() if (numbers := find(words or ""))}
    key = f"numbers.{form}"
    if not found or st.session_state.get(key) == typed:
        return
    st.session_state[key] = typed
    raise Invalid({name: Message(text, {"numbers": ", ".join(numbers)}) for name, numbers in found.items()})


def hides(record: Record) -> bool:
    """Whether something in the record is read masked."""
    return any(HIDDEN in text for text in masked_texts(record))


def in_full(one: Record, reveal: Callable[..., Record]) -> None:
    """The way to what is masked in the texts of a record, for whoever may see how residents are reached. ``reveal`` is
    the command that notes who looked."""
    if not (hides(one) and may(session.actor(), Operation.READ, Contact.collection)):
        return

    def look(why: str) -> str | None:
        found = tell(reveal, one.community_id, one.id, why)
        return None if found is None else " · ".join(text for text in masked_texts(found) if numbers_in(text))

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(_("Phone numbers in the text are masked."), width="content")
        drawer.reveal(f"text-{one.id}", Purpose, look)
