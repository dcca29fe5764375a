"""Questions that cross areas: are things all right, and if not, what, since when, and who acts.

Nothing is computed here that an area's room computes already; here it is put side by side, judged and put into words.
"""

from repository.overview.answers import (
    Action,
    Cell,
    Comparison,
    Concern,
    Crowd,
    Estate,
    Glance,
    Line,
    Repairs,
    Row,
    Team,
    off_target,
    worst,
)
from repository.overview.concerns import MOST_ACTIONS
from repository.overview.lines import of_meetings, of_organizations, of_requests, of_staff, systems
from repository.overview.queries import compare, crowd, estate, glance, note_days, put_together, repairs, team

__all__ = [
    "MOST_ACTIONS",
    "Action",
    "Cell",
    "Comparison",
    "Concern",
    "Crowd",
    "Estate",
    "Glance",
    "Line",
    "Repairs",
    "Row",
    "Team",
    "compare",
    "crowd",
    "estate",
    "glance",
    "note_days",
    "of_meetings",
    "of_organizations",
    "of_requests",
    "of_staff",
    "off_target",
    "put_together",
    "repairs",
    "systems",
    "team",
    "worst",
]
