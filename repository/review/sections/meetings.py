"""Meetings: whether they are held, and whether what they decide is done."""

from repository import meetings
from repository.review.desk import Desk
from repository.review.document import LISTED, Column, Figure, Section, Table
from repository.review.phrases import longest_overdue
from repository.words import Message, counted, msg


def section(desk: Desk) -> Section:
    """What the desk's three periods tell of meetings."""
    found = desk.thrice(meetings.review, now=desk.now)
    left, _today = desk.left(lambda at: meetings.review(at.store, at.actor, at.community_id, at.period, now=at.now))
    rows = left.unfinished[:LISTED]
    if longest := max(left.unfinished, key=lambda each: each.days_late, default=None):
        desk.because(found.now.carried_out, longest_overdue(longest.item.what, longest.days_late))
    return Section.of(
        "meetings",
        msg("Meetings"),
        Message(
            msg("{items} open, {late} overdue"),
            {"items": counted(msg("{n} action item"), msg("{n} action items"), left.open_items), "late": left.overdue},
        )
        if left.open_items
        else Message(msg("Everything the meetings decided is done"))
        if found.now.anything
        else Message(msg("No meeting is on record")),
        [
            *found.figures("cadence", "carried_out"),
            Figure.of(left.carried_over),
            *found.figures("consensus", "attendance"),
        ],
        [
            Message(msg("Carried over two meetings and more: {n}"), {"n": int(left.carried_over.value)})
            if left.carried_over.value
            else None,
        ],
        tables=(
            Table(
                Message(msg("Unfinished action items")),
                (
                    Column(msg("What is to be done")),
                    Column(msg("Owner")),
                    Column(msg("Due"), "day"),
                    Column(msg("Days late"), "days"),
                    Column(msg("Carried over"), "items"),
                ),
                tuple(
                    (
                        each.item.what,
                        desk.name(each.item.owner_id),
                        each.item.due_on,
                        max(0, each.days_late) or None,
                        each.carried,
                    )
                    for each in rows
                ),
                more=left.open_items - len(rows),  # of all, of which the answer names the first
                page="meetings",
            ),
        ),
    )
