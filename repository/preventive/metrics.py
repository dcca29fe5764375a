"""What is measured of preventive maintenance."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

COMPLIANCE = declare(
    Metric(
        key="M8",
        title=msg("Preventive maintenance compliance"),
        short=msg("PM in time"),
        unit="percent",
        of=("work_orders", "maintenance_plans"),
        formula=msg(
            "Preventive orders done by their day + grace ÷ preventive orders due in the period; grace is 20 % of the "
            "interval, 28 days at most. Skipped ones count as not done, those still within their grace not at all, nor "
            "those whose facility was retired before their day"
        ),
        source=msg("PM compliance as the Society for Maintenance and Reliability Professionals (SMRP) defines it"),
        target=Target(low=0.9),
        page="facilities",
    )
)
SCHEDULE = declare(
    Metric(
        key="M9",
        title=msg("Schedule compliance"),
        short=msg("As scheduled"),
        unit="percent",
        of=("work_orders",),
        formula=msg(
            "Scheduled orders done by the day they were scheduled for ÷ orders scheduled in the period up to now; work "
            "that came in between is never added"
        ),
        source=msg("Schedule compliance as maintenance planners use it: 85 to 95 % is good, 100 % deserves a question"),
        target=Target(low=0.85),
        page="facilities",
    )
)
PLANNED = declare(
    Metric(
        key="M10",
        title=msg("Planned share of working hours"),
        short=msg("Planned work"),
        unit="percent",
        of=("work_orders",),
        formula=msg("Hours of preventive orders ÷ hours of all orders that ended in the period"),
        source=msg("SMRP metric 5.3.1; 80 to 90 % is the goal cited for factories, so no target is set here"),
        page="facilities",
    )
)
COMING = declare(
    Metric(
        key="M8_coming",
        title=msg("Preventive orders of the next 30 days"),
        short=msg("Next 30 days"),
        unit="orders",
        of=("work_orders", "maintenance_plans"),
        formula=msg("Open preventive orders scheduled up to 30 days from today, those past their day included"),
        source=msg("Derived from the plans"),
        minimum_n=0,
        page="facilities",
    )
)
