"""A review as files: PowerPoint, PDF and Excel, in the words of ``reading`` and the numbers of the review."""

from collections.abc import Callable

Told = Callable[[int, int], None]
"""What whoever makes a file tells on the way: how many of its parts are done, of how many."""


def to_nobody(done: int, parts: int) -> None:
    """For whoever does not wait to be told."""
