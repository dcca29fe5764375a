"""Requests of residents: how many, of what, answered in time and to whose satisfaction."""

from repository import requests
from repository.record import term
from repository.review.desk import Desk
from repository.review.document import LISTED, Chart, Column, Section, Table
from repository.review.phrases import moved_most
from repository.words import Message, counted, msg


def section(desk: Desk) -> Section:
    """What the desk's three periods tell of requests."""
    found = desk.thrice(requests.request_review, now=desk.now)
    now = found.now
    figures = found.figures("received", "open", "overdue", "on_time", "response", "solved", "satisfied", "repeats")
    rising = max(now.topics[:LISTED], key=lambda row: row.opened - row.before, default=None)
    return Section.of(
        "requests",
        msg("Requests"),
        Message(
            msg("{requests} came in; {open} open, {late} overdue"),
            {
                "requests": counted(
                    msg("{n} request of a resident"), msg("{n} requests of residents"), int(now.received.value or 0)
                ),
                "open": int(now.open.value or 0),
                "late": int(now.overdue.value or 0),
            },
        )
        if now.received.value or now.open.value
        else Message(msg("No request came in, and none is open")),
        figures,
        [
            Message(
                msg("Comes up more often: “{topic}”, {n} (in the period before {before})"),
                {"topic": term(rising.category, requests.Topic), "n": rising.opened, "before": rising.before},
            )
            if rising and rising.opened > rising.before
            else None,
            moved_most(figures),
        ],
        charts=(
            Chart.by_month(
                Message(msg("Requests received and answered, by month")),
                "cases",
                now.months,
                {msg("Received"): lambda row: row.opened, msg("Answered"): lambda row: row.ended},
            ),
        ),
        tables=(
            Table.of(
                Message(msg("What residents ask for")),
                (
                    Column(msg("Topic")),
                    Column(msg("Received"), "cases"),
                    Column(msg("In the period before"), "cases"),
                    Column(msg("Open"), "cases"),
                ),
                [(term(row.category, requests.Topic), row.opened, row.before, row.open) for row in now.topics],
                page="requests",
            ),
        ),
    )
