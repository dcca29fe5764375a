"""Patrols (网格巡查): who is to walk where and how often, what was walked, which households were visited, and what was
found and became of it."""

from repository.patrols.commands import (
    EDITABLE,
    add_plan,
    become_hazard,
    become_order,
    become_request,
    edit_patrol,
    edit_plan,
    log_patrol,
    remove_patrol,
    remove_plan,
)
from repository.patrols.doors import MOST_DOORS, Door, doors_of
from repository.patrols.metrics import COVERAGE, COVERAGE_POINTS, OVERDUE, WALKED, points
from repository.patrols.queries import (
    GridPatrols,
    OfficerMonth,
    PatrolReview,
    PatrolStory,
    PlanState,
    patrol_review,
    patrol_story,
    patrols_by_grid,
    patrols_by_officer,
    plans,
    which_found,
)
from repository.patrols.records import Became, Patrol, PatrolFinding, PatrolKind, PatrolPlan, Within

__all__ = [
    "COVERAGE",
    "COVERAGE_POINTS",
    "EDITABLE",
    "MOST_DOORS",
    "OVERDUE",
    "WALKED",
    "Became",
    "Door",
    "GridPatrols",
    "OfficerMonth",
    "Patrol",
    "PatrolFinding",
    "PatrolKind",
    "PatrolPlan",
    "PatrolReview",
    "PatrolStory",
    "PlanState",
    "Within",
    "add_plan",
    "become_hazard",
    "become_order",
    "become_request",
    "doors_of",
    "edit_patrol",
    "edit_plan",
    "log_patrol",
    "patrol_review",
    "patrol_story",
    "patrols_by_grid",
    "patrols_by_officer",
    "plans",
    "points",
    "remove_patrol",
    "remove_plan",
    "which_found",
]
