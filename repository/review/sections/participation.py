"""Activities: how many residents came, who stays away, and whether all are of one kind."""

from repository import activities
from repository.metrics import State
from repository.record import term
from repository.review.desk import Desk
from repository.review.document import Chart, Column, Proposal, Section, Table
from repository.review.phrases import moved_most
from repository.words import Message, counted, msg

FAIR = 0.8
"""Representation below it is worth a word (P6; 1 is fair)."""


def section(desk: Desk) -> Section:
    """What the desk's three periods tell of activities."""
    found = desk.thrice(activities.figures, now=desk.now)
    now = found.now
    figures = found.figures(
        "held", "participants", "participation", "visits", "repeat", "newcomers", "variety.effective"
    )
    same, absent = _one_kind(now), _staying_away(now)
    desk.because(now.variety.effective, same)
    desk.because(now.participation, absent)
    untried = [each.format for each in now.variety.formats if not each.sessions]
    return Section.of(
        "participation",
        msg("Participation"),
        _headline(now),
        figures,
        [same, absent, moved_most(figures)],
        charts=(
            Chart.by_month(
                Message(msg("Visits and residents who took part, by month")),
                "people",
                now.months,
                {msg("Visits"): lambda row: row.registered, msg("Residents"): lambda row: row.people},
            ),
        ),
        tables=(
            Table(
                Message(msg("Who came, against the population")),
                (
                    Column(msg("Age band")),
                    Column(msg("People"), "people"),
                    Column(msg("Share of those who came"), "percent"),
                    Column(msg("Share of the population"), "percent"),
                ),
                tuple((group.label, group.people, group.share, group.population_share) for group in now.ages),
                page="activities",
            ),
        ),
        proposals=(
            Proposal(
                Message(
                    msg("Plan an activity of another kind: {format}"), {"format": term(untried[0], activities.Format)}
                )
                if untried
                else Message(msg("Plan an activity of another kind")),
                page="activities",
            ),
        )
        if now.variety.effective.state in (State.OFF_TARGET, State.NEAR)
        else (),
    )


def _headline(now: activities.Figures) -> Message:
    held, residents = int(now.held.value or 0), now.participants.value
    events = counted(msg("{n} activity"), msg("{n} activities"), held)
    visits = counted(msg("{n} visit"), msg("{n} visits"), int(now.visits.value or 0))
    if residents is not None:
        return Message(
            msg("{activities}: {residents} took part, {visits}"),
            {
                "activities": events,
                "residents": counted(msg("{n} resident"), msg("{n} residents"), int(residents)),
                "visits": visits,
            },
        )
    if now.participants.why and now.visits.value is not None:
        return Message(msg("{activities}: {visits}"), {"activities": events, "visits": visits})
    return Message(msg("Held: {activities}"), {"activities": events}) if held else Message(msg("No activity was held"))


def _one_kind(now: activities.Figures) -> Message | None:
    """Whether more than half of several activities were of one kind."""
    held, commonest = int(now.held.value or 0), now.variety.commonest
    if commonest is None or held < 2 or commonest.sessions * 2 <= held:
        return None
    return Message(
        msg("{n} of {held} activities were of one kind: {format}"),
        {"n": commonest.sessions, "held": held, "format": term(commonest.format, activities.Format)},
    )


def _staying_away(now: activities.Figures) -> Message | None:
    """The age band that is represented least, where that is unfair."""
    groups = [(group.representation, group) for group in now.ages if group.representation is not None]
    representation, away = min(groups, key=lambda each: each[0], default=(1.0, None))
    if away is None or representation >= FAIR:
        return None
    return Message(
        msg("{band} years: {share}% of those who came, {population}% of the population"),
        {
            "band": away.label,
            "share": round((away.share or 0) * 100),
            "population": round((away.population_share or 0) * 100),
        },
    )
