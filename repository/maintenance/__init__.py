"""Work orders: what is broken, who mends it, how long it takes. The clock starts when the fault is reported."""

from repository.maintenance.records import (
    ANSWER_HOURS,
    DUE_HOURS,
    OPEN,
    TRANSITIONS,
    Event,
    Fault,
    Outcome,
    Priority,
    Reopening,
    Source,
    Status,
    WorkCategory,
    WorkOrder,
)

__all__ = [
    "ANSWER_HOURS",
    "DUE_HOURS",
    "OPEN",
    "TRANSITIONS",
    "Event",
    "Fault",
    "Outcome",
    "Priority",
    "Reopening",
    "Source",
    "Status",
    "WorkCategory",
    "WorkOrder",
]
