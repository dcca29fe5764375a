"""Safety: hazards that stand, the three-tier network, patrols and inspections."""

from repository import inspections, maintenance, patrols
from repository.record import term
from repository.review.desk import Desk
from repository.review.document import Column, Figure, Proposal, Section, Table
from repository.review.phrases import longest_overdue
from repository.words import Message, counted, msg


def section(desk: Desk) -> Section:
    """What the desk's three periods tell of hazards and of who looks for them."""
    found = desk.thrice(maintenance.hazard_review, now=desk.now)
    left, today = desk.left(
        lambda at: maintenance.hazard_review(at.store, at.actor, at.community_id, at.period, now=at.now)
    )
    walks = desk.thrice(patrols.patrol_review, today=desk.today)
    rounds = desk.thrice(inspections.rounds, today=desk.today)
    gaps = desk.posts.staffing.gaps
    gap = (
        Message(
            msg("The first gap: {tier} in {grid}"),
            {"tier": Message(gaps[0][0].label), "grid": desk.grid(gaps[0][1])},
        )
        if gaps
        else None
    )
    desk.because(desk.posts.coverage, gap)
    if longest := max(left.standing, key=lambda each: each.overdue_days, default=None):
        desk.because(left.overdue, longest_overdue(term(longest.what, maintenance.Fault), longest.overdue_days))
    return Section.of(
        "safety",
        msg("Safety"),
        Message(
            msg("{hazards} standing, {late} past the deadline"),
            {
                "hazards": counted(msg("{n} hazard"), msg("{n} hazards"), len(left.standing)),
                "late": int(left.overdue.value or 0),
            },
        )
        if left.standing
        else Message(msg("No hazard stands")),
        [
            *found.figures("rectified"),
            Figure.of(left.overdue),
            desk.stock(desk.posts.coverage),
            *walks.figures("coverage"),
            *rounds.figures("on_time"),
        ],
        [
            Message(msg("Places of the safety network without an officer: {n}"), {"n": len(gaps)})
            if gaps
            else Message(msg("The three-tier safety network covers every grid."))
            if desk.grids
            else None,
            gap,
        ],
        tables=(
            Table.of(
                Message(msg("Hazards that stand")),
                (
                    Column(msg("Hazard")),
                    Column(msg("Level")),
                    Column(msg("Grid")),
                    Column(msg("Responsible")),
                    Column(msg("Days late"), "days"),
                ),
                [
                    (
                        term(each.what, maintenance.Fault),
                        Message(each.level.label),
                        desk.grid(each.grid_id),
                        desk.name(each.responsible_id),
                        each.overdue_days or None,
                    )
                    for each in left.standing
                ],
                page="facilities",
                part="hazards",
            ),
        ),
        proposals=tuple(
            Proposal(
                Message(msg("Rectify a major hazard: {what}"), {"what": term(each.what, maintenance.Fault)}),
                desk.name(each.responsible_id),
                desk.in_weeks(1),
                "facilities",
                {"part": "hazards", "hazard": each.id},
            )
            for each in today.standing[:1]
            if each.overdue_days
        ),
    )
