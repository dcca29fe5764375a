"""What several sections say, each of its own figures."""

from collections.abc import Sequence

from repository.metrics import ratio
from repository.review.document import Figure
from repository.words import Amount, Message, msg

NOTABLE = 0.1
"""A change of so much of what was is worth a word."""


def longest_overdue(what: str | Message, days: int) -> Message | None:
    """What is overdue longest, where anything is."""
    return Message(msg("Overdue longest: {what}, {days} d"), {"what": what, "days": days}) if days > 0 else None


def moved_most(figures: Sequence[Figure]) -> Message | None:
    """The figure that moved most against the period before, as a share of what it was."""
    moved = [
        (abs(ratio(figure.change or 0, figure.before or 0) or 0), figure)
        for figure in figures
        if figure.better is not None and figure.before
    ]
    share, figure = max(moved, key=lambda each: each[0], default=(0.0, None))
    if figure is None or share < NOTABLE:
        return None
    text = (
        msg("Moved most, for the better: {metric}, from {before} to {after}")
        if figure.better
        else msg("Moved most, for the worse: {metric}, from {before} to {after}")
    )
    both = {"before": figure.before or 0, "after": figure.value or 0}
    return Message(text, {"metric": figure.title, **{name: Amount(each, figure.unit) for name, each in both.items()}})
