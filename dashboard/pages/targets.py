"""Targets: which figures need action and since when, what is wanted of each, which deviations somebody answers for."""

from dashboard import cards, session, targets
from dashboard.i18n import _


def render() -> None:
    """One part at a time; the drawer of a figure beside it."""
    view = session.view()
    parts = {
        "need": (_("Need action"), targets.needs),
        "all": (_("Targets"), targets.all_of_them),
        "accepted": (_("Accepted deviations"), targets.acceptances),
    }
    cards.one_part(parts, view)
    with session.today() as today:
        targets.open_drawer(today)
