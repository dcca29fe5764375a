"""What is measured of patrols; the values come from ``queries.patrol_review``."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

COVERAGE_POINTS = ((0.95, 10), (0.90, 8), (0.85, 6))
"""Share of the households visited, and the points it is worth; 0 below (metric G6)."""

COVERAGE = declare(
    Metric(
        key="G6",
        title=msg("Households visited on patrol"),
        short=msg("Visited"),
        unit="percent",
        of=("patrols", "grids"),
        formula=msg(
            "Different households visited in the period ÷ households of the grids; worth 10 points from 95%, 8 from "
            "90%, 6 from 85%, else 0"
        ),
        source=msg("Grid assessment rules of Chinese communities, as a secondary source quotes them"),
        target=Target(low=COVERAGE_POINTS[0][0]),
        page="grids",
    )
)
WALKED = declare(
    Metric(
        key="G6_walked",
        title=msg("Planned patrols walked"),
        short=msg("Walked"),
        unit="percent",
        of=("patrols", "patrol_plans"),
        formula=msg("Patrols walked after a plan, as many as it asks for at most ÷ patrols planned up to the day"),
        source=msg("Our own definition, after the on-schedule share of maintenance"),
        target=Target(low=0.9),
        page="grids",
    )
)
OVERDUE = declare(
    Metric(
        key="G6_overdue",
        title=msg("Overdue patrols"),
        short=msg("Overdue walks"),
        unit="items",
        of=("patrols", "patrol_plans"),
        formula=msg("Patrol plans whose next patrol should have been walked before today"),
        source=msg("Our own definition"),
        target=Target(high=0),
        minimum_n=1,
        page="grids",
    )
)


def points(share: float | None) -> int | None:
    """What a grid's coverage is worth; None without data."""
    if share is None:
        return None
    return next((worth for bound, worth in COVERAGE_POINTS if share >= bound), 0)
