"""Local organisations: who takes part, which needs are matched, how joint projects stand."""

from repository import organizations, projects
from repository.review.desk import Desk
from repository.review.document import Column, Figure, Proposal, Section, Table
from repository.words import Message, counted, msg


def section(desk: Desk) -> Section:
    """What the desk's three periods tell of stationed organisations."""
    found = desk.thrice(organizations.review, today=desk.today)
    work = desk.thrice(projects.review, today=desk.today)
    left, today = desk.left(
        lambda at: organizations.review(at.store, at.actor, at.community_id, at.period, today=at.today)
    )
    running, _today = desk.left(
        lambda at: projects.review(at.store, at.actor, at.community_id, at.period, today=at.today)
    )
    standings, late, unclear = found.now.standings, running.late_tasks, int(running.unclear.value or 0)
    return Section.of(
        "organizations",
        msg("Local organisations"),
        Message(
            msg("{n} of {all} stationed organisations took part"),
            {"n": sum(each.times > 0 for each in standings), "all": len(standings)},
        )
        if standings
        else Message(msg("No stationed organisation is on the register")),
        [
            *found.figures("participation"),
            Figure.of(left.silence),
            *found.figures("matching"),
            Figure.of(left.unmatched),
            *work.figures("completion"),
            Figure.of(running.unclear),
        ],
        [
            counted(
                msg("In {n} project goals or duties are unclear"),
                msg("In {n} projects goals or duties are unclear"),
                unclear,
            )
            if unclear
            else None,
            Message(
                msg("Longest overdue: {task} ({project}), {days} d"),
                {"task": late[0].task.name, "project": late[0].project.name, "days": late[0].days},
            )
            if late
            else None,
        ],
        tables=(
            Table.of(
                Message(msg("Organisations that were not heard of for long")),
                (
                    Column(msg("Organisation")),
                    Column(msg("Last took part"), "day"),
                    Column(msg("Unmatched needs"), "needs"),
                ),
                [(each.organization.name, each.last_part, each.needs) for each in left.silent],
                page="organizations",
            ),
        ),
        proposals=tuple(
            Proposal(
                Message(msg("Visit {name} and agree on a first task"), {"name": each.organization.name}),
                due_on=desk.in_weeks(4),
                page="organizations",
            )
            for each in today.silent[:1]
        ),
    )
