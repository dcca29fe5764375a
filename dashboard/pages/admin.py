"""Administration: who may sign in, what was done by whom, backups. Administrators only."""

from collections.abc import Callable

import streamlit as st

from dashboard import accounts, backups, cards, session, trail
from dashboard.i18n import _
from repository.access import Operation, may
from repository.accounts import User
from repository.store import AUDIT


def render() -> None:
    """One part at a time; which one stands in the URL."""
    view = session.view()
    parts = _parts()
    if not parts:
        st.info(_("Only administrators have something to do here."), icon=":material/lock:")
        return
    cards.one_part(parts, view)


def _parts() -> dict[str, tuple[str, Callable[[session.View], None]]]:
    """The parts this reader may use."""
    actor = session.actor()
    found: dict[str, tuple[str, Callable[[session.View], None]]] = {}
    if may(actor, Operation.READ, User.collection) and actor.communities is None:
        found["accounts"] = _("Accounts"), accounts.show
    if may(actor, Operation.READ, AUDIT):
        found["trail"] = _("Audit trail"), trail.show
    if "accounts" in found and actor.grids is None:
        found["seals"] = _("Is it complete?"), trail.seals
        found["backups"] = _("Backups"), backups.show
    return found
