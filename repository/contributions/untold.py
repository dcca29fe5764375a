"""Why there is nothing to tell of what moved a figure, by metric."""

from collections.abc import Mapping

from repository.words import msg

_PEOPLE = msg(
    "Different people do not add up: who came here and there is one person. So it cannot be said how much of the "
    "change a grid or group brought."
)
_VOLUNTEERS = msg("How many volunteers a grid or group has is not told, so that nobody can be singled out.")
_FEW = msg("It is told of the team as a whole: of groups of so few people nothing is told.")
_HIGHEST = msg("It compares the highest with the mean or the lowest, so the parts do not add up to it.")
_LENGTHS = msg("It is the longest of several, so the parts do not add up to it.")
_PROJECTS = msg("Each project stands for itself: the list behind it says which are meant.")
_NOW = msg("It is counted as of now, whatever the period, so there is nothing before to compare it with.")

WHY_NOT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("participants", "participation_rate", "repeat_share", "new_share", "lapsed_share", "retained_share"),
            "representation",
        ),
        _PEOPLE,
    ),
    **dict.fromkeys(("volunteers_registered", "volunteers_active"), _VOLUNTEERS),
    "cost_per_participant": msg("It is divided by different people, who do not add up: no part has a share of it."),
    "volunteer_hours": msg("It is divided by different people, who do not add up: no part has a share of it."),
    "effective_formats": msg(
        "It says how evenly the formats are spread, which no format does by itself. How often each was held, and how "
        "that changed, is told of the activities held."
    ),
    "same_flow": _LENGTHS,
    "L1_need_action": msg("The list of what needs action says which figures these are, and since when."),
    "L1_beyond": _LENGTHS,
    **dict.fromkeys(("G8", "G8_open", "G8_requests", "G8_patrols", "G8_hours", "F6"), _HIGHEST),
    "work_weeks": msg(
        "It follows from how many work orders are open and what an open one contains on average: what moved these is "
        "told of the open work orders."
    ),
    "M6": msg("It is counted over three years, whatever the period, so that two periods hardly differ."),
    "M7": msg("It is counted over three years, whatever the period, so that two periods hardly differ."),
    "M8_coming": _NOW,
    "entries_open": _NOW,
    "T3": msg("A decision is counted by its outcome alone: the list of decisions says which meeting took it."),
    **dict.fromkeys(("U3", "U3_tasks", "U3_unclear", "U3_overdue"), _PROJECTS),
    **dict.fromkeys(
        (
            *("C1", "C1_valid", "C2_educated", "C2_certified", "C2_young", "C2_experienced", "C2_training"),
            *("C2_gaps", "C2_expiring", "C2_succession"),
        ),
        _FEW,
    ),
}
"""A sentence for each metric that is not taken apart."""
