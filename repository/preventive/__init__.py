"""Preventive maintenance: plans, the orders they make ahead of time, and how well they are kept."""

from repository.preventive.commands import (
    AHEAD_MOST,
    CHUNK,
    Generated,
    add_plan,
    edit_plan,
    generate,
    lacking,
    postpone,
    remove_plan,
    skip,
)
from repository.preventive.queries import (
    AHEAD_DAYS,
    Foreseen,
    Leaving,
    PreventiveReview,
    Upkeep,
    leaving,
    plans,
    review,
    upkeep,
)
from repository.preventive.records import Basis, MaintenancePlan, Month, Unit, to_make

__all__ = [
    "AHEAD_DAYS",
    "AHEAD_MOST",
    "Basis",
    "CHUNK",
    "Foreseen",
    "Generated",
    "Leaving",
    "MaintenancePlan",
    "Month",
    "PreventiveReview",
    "Unit",
    "Upkeep",
    "add_plan",
    "edit_plan",
    "generate",
    "lacking",
    "leaving",
    "plans",
    "postpone",
    "remove_plan",
    "review",
    "skip",
    "to_make",
    "upkeep",
]
