"""What is measured of inspections."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

ON_TIME = declare(
    Metric(
        key="F7",
        title=msg("Inspections on time"),
        short=msg("Inspected"),
        unit="percent",
        of=("inspections", "inspection_plans"),
        formula=msg(
            "Inspections done by their due day ÷ due days of the period that are past or answered; a weekly one that "
            "nobody made for three weeks counts three times"
        ),
        source=msg(
            "Inspections by due day; kinds and usual intervals after EN 1176-7 and GB 19272: weekly, quarterly, yearly"
        ),
        target=Target(low=0.95),
        page="facilities",
    )
)
OVERDUE = declare(
    Metric(
        key="F7_overdue",
        title=msg("Overdue inspections"),
        short=msg("Overdue checks"),
        unit="items",
        of=("inspections", "inspection_plans"),
        formula=msg("Facilities whose inspection was due before today and has not been made, one for each checklist"),
        source=msg("Derived from the plans"),
        target=Target(high=0),
        minimum_n=1,
        page="facilities",
    )
)
FAILED = declare(
    Metric(
        key="F7_failed",
        title=msg("Inspections that found something"),
        short=msg("Found faulty"),
        unit="percent",
        of=("inspections",),
        formula=msg("Inspections with an item not in order ÷ inspections made in the period"),
        source=msg("Derived from the source document, section 3.1"),
        page="facilities",
    )
)
