"""What a community wants of its figures: targets from a day on, deviations that somebody answers for, the standard by
which every value is judged, and which figures need action. Below all rooms that have metrics."""

from repository.targets.attention import BEYOND, LOUD, NEED_ACTION, Attention, Need, attention
from repository.targets.commands import (
    ACCEPTANCE_FIELDS,
    FARTHEST_AHEAD,
    FARTHEST_BACK,
    LONGEST,
    TARGET_FIELDS,
    accept_deviation,
    note_states,
    set_target,
    take_back,
)
from repository.targets.queries import Line, Targets, states_noted, targets
from repository.targets.records import REASON, Acceptance, MetricTarget, Span, StatesNoted, TargetEntry, Turn
from repository.targets.standard import Standard, bears, is_judged, judged, standard, standard_of, wanted

__all__ = [
    "ACCEPTANCE_FIELDS",
    "BEYOND",
    "FARTHEST_AHEAD",
    "FARTHEST_BACK",
    "LONGEST",
    "LOUD",
    "NEED_ACTION",
    "REASON",
    "TARGET_FIELDS",
    "Acceptance",
    "Attention",
    "Line",
    "MetricTarget",
    "Need",
    "Span",
    "Standard",
    "StatesNoted",
    "TargetEntry",
    "Targets",
    "Turn",
    "accept_deviation",
    "attention",
    "bears",
    "is_judged",
    "judged",
    "note_states",
    "set_target",
    "standard",
    "standard_of",
    "states_noted",
    "take_back",
    "targets",
    "wanted",
]
