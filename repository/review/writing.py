"""Writes a review: its sections one by one, and of what they found the agenda of the meeting that looks at it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from repository import meetings
from repository.access import Actor, Refused, reach
from repository.grids import Community
from repository.metrics import Period, State
from repository.review.desk import Desk
from repository.review.document import AgendaEntry, Review, Section
from repository.review.sections import SECTIONS
from repository.store import Store, at_one_sitting
from repository.words import Amount, Message, Trouble, msg


class ReviewTrouble(Trouble):
    """A review that cannot be written."""


def reviewed(store: Store, actor: Actor, community_id: str, period: Period, *, now: datetime) -> Review:
    """The review of a month, quarter, year or range of months, in the words of every language, as the data stands
    ``now``; without the sections that the reader may not see.

    Raises ReviewTrouble for all of time, Refused, NotFound, Unavailable.
    """
    if period.kind == "ever":
        raise ReviewTrouble(msg("A review is of a month, a quarter, a year or a range of months. Choose one."))
    store = at_one_sitting(store)  # its sections ask for the same stocks, registers and targets
    desk = Desk(store, actor, community_id, period, period.previous, period.year_before, now)
    community = store.get(actor, Community, community_id, community_id)
    sections = tuple(_written(desk))
    seen = reach(actor, community_id)
    return Review(
        community=community.name,
        community_id=community_id,
        period=period.key,
        before=desk.before.key,
        year=desk.year.key,
        as_of=desk.day,
        written_at=now.isoformat(timespec="seconds"),
        demonstration=community.demonstration,
        agenda=_agenda(desk, sections),
        sections=sections,
        grids=() if seen is None else tuple(grid.name for grid in desk.posts.grids),
    )


def _written(desk: Desk) -> Iterator[Section]:
    """The sections that the reader may see."""
    for write in SECTIONS.values():
        with suppress(Refused):
            section = write(desk)
            yield replace(
                section,
                charts=tuple(chart.until(desk.day) for chart in section.charts if chart.tells),
                proposals=tuple(
                    each if each.who else replace(each, who=desk.posts.secretary) for each in section.proposals
                ),
            )


def _agenda(desk: Desk, sections: Sequence[Section]) -> tuple[AgendaEntry, ...]:
    """Overdue actions first, then what is unfinished, then what is off target and why, then what is to be decided."""
    left = meetings.review(desk.store, desk.actor, desk.community_id, desk.period, now=desk.now).unfinished
    actions = [
        AgendaEntry(
            "overdue" if each.days_late > 0 else "unfinished",
            Message("{what}", {"what": each.item.what}),
            who=desk.name(each.item.owner_id),
            due_on=each.item.due_on,
            days=each.days_late if each.days_late > 0 else None,
            page="meetings",
        )
        for each in left
    ]
    red = [
        AgendaEntry(
            "red",
            Message(
                msg("{metric}: {value}"), {"metric": figure.title, "value": Amount(figure.value or 0, figure.unit)}
            ),
            why=desk.causes.get(figure.metric),
            page=figure.page,
            params=figure.params,
        )
        for section in sections
        for figure in section.figures
        if figure.state is State.OFF_TARGET
    ]
    decide = [
        AgendaEntry("decide", each.text, who=each.who, due_on=each.due_on, page=each.page, params=each.params)
        for section in sections
        for each in section.proposals
    ]
    return (*sorted(actions, key=lambda each: each.kind != "overdue"), *red, *decide)
