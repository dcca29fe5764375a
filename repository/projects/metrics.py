"""What is measured of co-construction projects; the values come from ``queries.review``."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

COMPLETION = declare(
    Metric(
        key="U3",
        title=msg("Projects finished on time"),
        short=msg("Timely projects"),
        unit="percent",
        of=("projects",),
        formula=msg(
            "Projects finished in the period by their due day ÷ (finished in it on time or late + overdue at its end). "
            "Stopped ones and those without a due day are not counted"
        ),
        source=msg("On-time rate in which open and overdue counts against, as for work orders"),
        target=Target(low=0.8),
        minimum_n=3,  # a community finishes a handful a year
        page="organizations",
    )
)
TASKS = declare(
    Metric(
        key="U3_tasks",
        title=msg("Project tasks done on time"),
        short=msg("Timely tasks"),
        unit="percent",
        of=("project_tasks",),
        formula=msg(
            "Project tasks done in the period by their due day ÷ (done in it on time or late + overdue at its end). "
            "Those of stopped projects do not stay overdue"
        ),
        source=msg("On-time rate in which open and overdue counts against, as for work orders"),
        target=Target(low=0.8),
        page="organizations",
    )
)
UNCLEAR = declare(
    Metric(
        key="U3_unclear",
        stock=True,
        title=msg("Projects with unclear goals or duties"),
        short=msg("Unclear"),
        unit="projects",
        of=("projects", "project_tasks"),
        formula=msg(
            "Planned and running projects that lack a goal, a measurable target, a due day, tasks, or for any task "
            "somebody responsible who is still active, a due day or a duty that is spelt out"
        ),
        source=msg("Derived from the source document, section 3.2"),
        target=Target(high=0),
        minimum_n=1,
        page="organizations",
    )
)
OVERDUE = declare(
    Metric(
        key="U3_overdue",
        title=msg("Overdue projects"),
        short=msg("Overdue"),
        unit="projects",
        of=("projects",),
        formula=msg("Planned and running projects past their due day"),
        source=msg("Derived from the source document, section 3.2"),
        target=Target(high=0),
        minimum_n=0,
        page="organizations",
    )
)
