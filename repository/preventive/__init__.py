"""Preventive maintenance: plans, the orders they make ahead of time, and how well they are kept."""

from repository.preventive.commands import (
    CHUNK,
    Generated,
    add_plan,
    edit_plan,
    generate,
    postpone,
    remove_plan,
    skip,
)
from repository.preventive.queries import (
    AHEAD_DAYS,
    Foreseen,
    PreventiveReview,
    Upkeep,
    plans,
    review,
    upkeep,
)
from repository.preventive.records import Basis, MaintenancePlan, Month, Unit, to_make

__all__ = [
    "AHEAD_DAYS",
    "Basis",
    "CHUNK",
    "Foreseen",
    "Generated",
    "MaintenancePlan",
    "Month",
    "PreventiveReview",
    "Unit",
    "Upkeep",
    "add_plan",
    "edit_plan",
    "generate",
    "plans",
    "postpone",
    "remove_plan",
    "review",
    "skip",
    "to_make",
    "upkeep",
]
