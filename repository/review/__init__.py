"""The review of a period: written from the data, shown on slides, in PowerPoint, PDF and Excel, and kept as shown."""

from repository.review.document import (
    AgendaEntry,
    Chart,
    Column,
    Difference,
    Figure,
    Proposal,
    Review,
    Section,
    Table,
    differences,
)
from repository.review.writing import SECTIONS, reviewed

__all__ = [
    "SECTIONS",
    "AgendaEntry",
    "Chart",
    "Column",
    "Difference",
    "Figure",
    "Proposal",
    "Review",
    "Section",
    "Table",
    "differences",
    "reviewed",
]
