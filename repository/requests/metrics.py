"""What is measured of requests; the values come from ``queries.request_review``."""

from collections.abc import Mapping
from types import MappingProxyType

from repository.metrics import Metric, Target, declare
from repository.requests.records import Satisfaction
from repository.words import msg

_BEIJING = msg("The three rates of Beijing's citizen hotline; valid is a call-back that reached the resident")

GRADES: Mapping[Satisfaction, float] = MappingProxyType(
    {Satisfaction.SATISFIED: 1.0, Satisfaction.BASICALLY: 0.9, Satisfaction.DISSATISFIED: 0.0}
)
"""What each answer counts in the satisfaction rate (metric N3)."""

OPEN = declare(
    Metric(
        key="requests_open",
        title=msg("Open requests"),
        short=msg("Open"),
        unit="cases",
        of=("requests",),
        formula=msg("All requests that were not answered, declined or referred yet, overdue ones included"),
        source=msg("Open includes overdue, as city service desks publish it"),
        target=Target(high=20, near=0.5),
        minimum_n=0,
        page="requests",
    )
)
OVERDUE = declare(
    Metric(
        key="requests_overdue",
        stock=True,
        title=msg("Overdue requests"),
        short=msg("Overdue"),
        unit="cases",
        of=("requests",),
        formula=msg(
            "Open requests whose deadline has passed: 2 hours for life or property and 24 hours for water, power, gas "
            "and heat, day and night; the end of the 7th calendar day for ordinary ones, of the 15th for complex ones, "
            "unless the community has set others"
        ),
        source=msg("Deadlines as Beijing drafted them in December 2021"),
        target=Target(high=0),
        minimum_n=0,
        page="requests",
    )
)
ON_TIME = declare(
    Metric(
        key="requests_on_time",
        title=msg("Requests answered on time"),
        short=msg("On time"),
        unit="percent",
        of=("requests",),
        formula=msg(
            "Answered, declined or referred by the deadline ÷ (on time + late + overdue at the end of the period)"
        ),
        source=msg("On-time share as the City of Austin publishes it: open and overdue work counts against it"),
        target=Target(low=0.9),
        page="requests",
    )
)
RESPONSE = declare(
    Metric(
        key="N1",
        title=msg("Response rate"),
        short=msg("Response share"),
        unit="percent",
        of=("requests",),
        formula=msg("Residents who had been contacted ÷ valid call-backs of the period"),
        source=_BEIJING,
        target=Target(low=0.95),
        page="requests",
    )
)
SOLVED = declare(
    Metric(
        key="N2",
        title=msg("Solution rate"),
        short=msg("Solved share"),
        unit="percent",
        of=("requests",),
        formula=msg("Residents who say that it is solved ÷ valid call-backs of the period"),
        source=_BEIJING,
        target=Target(low=0.85),
        page="requests",
    )
)
SATISFIED = declare(
    Metric(
        key="N3",
        title=msg("Satisfaction rate"),
        short=msg("Satisfied share"),
        unit="percent",
        of=("requests",),
        formula=msg("(satisfied + 0.9 × basically satisfied) ÷ valid call-backs of the period"),
        source=_BEIJING,
        target=Target(low=0.9),
        page="requests",
    )
)
COMPOSITE = declare(
    Metric(
        key="N4",
        title=msg("Composite of reception"),
        short=msg("Composite"),
        unit="points",
        of=("requests",),
        formula=msg(
            "Response, solution and satisfaction, each in percent, by the community's weights (0.1, 0.5 and 0.4 unless "
            "it says otherwise): 0 to 100 points"
        ),
        source=_BEIJING,
        target=Target(low=88),
        page="requests",
    )
)
REPEATS = declare(
    Metric(
        key="N6",
        title=msg("Repeated requests"),
        short=msg("Repeats"),
        unit="percent",
        of=("requests",),
        formula=msg(
            "Requests of the period that came again from the same resident or the same place, with the same topic, "
            "within 90 days ÷ requests entered here in the period; those that a sheet brought are left out"
        ),
        source=msg("Repeated appeals, as city hotlines report them; the window of 90 days is ours"),
        target=Target(high=0.15),
        page="requests",
    )
)
RECEIVED = declare(
    Metric(
        key="requests_received",
        title=msg("Requests received"),
        short=msg("Received"),
        unit="cases",
        of=("requests",),
        formula=msg("Requests received in the period, whatever became of them"),
        source=msg("Derived from the source document, section 2.2"),
        minimum_n=0,
        page="requests",
    )
)
