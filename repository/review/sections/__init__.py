"""The sections of a review: each asks its area's own question for the three periods and puts the answers into words.

Nothing is computed here that an area's room computes already.
"""

from collections.abc import Callable, Mapping

from repository.review.desk import Desk
from repository.review.document import Section
from repository.review.sections import (
    facilities,
    maintenance,
    meetings,
    money,
    organizations,
    participation,
    requests,
    safety,
    team,
)

SECTIONS: Mapping[str, Callable[[Desk], Section]] = {
    "facilities": facilities.section,
    "maintenance": maintenance.section,
    "participation": participation.section,
    "safety": safety.section,
    "organizations": organizations.section,
    "team": team.section,
    "meetings": meetings.section,
    "requests": requests.section,
    "money": money.section,
}
"""In the order they are shown."""

__all__ = ["SECTIONS"]
