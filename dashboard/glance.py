"""The overview's questions, put once for the page itself and for the list behind what needs action."""

from collections.abc import Sequence

from dashboard import data, i18n, session
from dashboard.i18n import _, number, say
from repository.overview import (
    Glance,
    Line,
    crowd,
    estate,
    of_meetings,
    of_organizations,
    of_requests,
    of_staff,
    put_together,
    repairs,
    team,
)
from repository.store import Put
from repository.targets import Attention


def look(view: session.View) -> tuple[Glance, Sequence[Line]]:
    """How things stand, and how the community is run."""
    now = {"now": view.now}
    here = (view.period, view.grids)
    staffed, standing, work, came, *lines = data.ask_together(
        view.community_id,
        Put(team, (view.grids,), now),
        Put(estate, (view.grids,), now),
        Put(repairs, here, now),
        Put(crowd, here, now),
        Put(of_organizations, here, now),
        Put(of_staff, (), now),
        Put(of_meetings, (), now),
        Put(of_requests, (view.grids,), now),
    )
    return put_together(session.actor(), staffed, standing, work, came, view.grids, lines), lines


def headline(found: Attention) -> str:
    """How many figures need action, of how many."""
    if not found.needs:
        return (
            _("All {n} figures are on target or accepted", n=number(found.count.n))
            if found.accepted
            else _("All {n} figures are on target", n=number(found.count.n))
        )
    return _("{off} of {n} figures need action", off=number(found.count.value), n=number(found.count.n))


def beyond(found: Attention) -> str:
    """How long the longest has waited beyond the days allowed, as far as that is known; empty where none has."""
    late = [each for each in found.needs if each.run is not None and each.run.beyond]
    if not late:
        return ""
    longest = max(late, key=lambda each: each.run.beyond if each.run else 0)
    facts = {
        "n": number(len(late)),
        "figure": say(longest.value.metric.title),
        "days": i18n.days(longest.run.beyond if longest.run else 0),
    }
    if longest.run is not None and longest.run.noted:
        return _("{n} beyond the time allowed to react, {figure} longest: by {days}", **facts)
    return _("{n} beyond the time allowed to react, {figure} longest: by {days} at least", **facts)
