"""What is measured of facilities; the values come from ``queries.inventory``."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

GOOD_ORDER = declare(
    Metric(
        key="F1",
        stock=True,
        title=msg("Facilities in good order"),
        short=msg("Good order"),
        unit="percent",
        of=("facilities",),
        formula=msg(
            "Condition 3 or better and not out of order ÷ facilities not retired whose condition is known or that are "
            "out of order"
        ),
        source=msg("Asset condition grades of the International Infrastructure Management Manual; threshold derived"),
        target=Target(low=0.9),
        page="facilities",
    )
)
CONDITION = declare(
    Metric(
        key="F2",
        title=msg("Mean condition"),
        short=msg("Condition"),
        unit="grade",
        of=("facilities",),
        formula=msg("Mean grade of the facilities not retired: 1 excellent, 5 very poor; ungraded ones are left out"),
        source=msg("Asset condition grades of the International Infrastructure Management Manual"),
        page="facilities",
    )
)
PAST_LIFE = declare(
    Metric(
        key="F3",
        stock=True,
        title=msg("Facilities past their service life"),
        short=msg("Past life"),
        unit="percent",
        of=("facilities",),
        formula=msg(
            "Older than their service life ÷ facilities not retired whose age is known. Service life: the facility's "
            "own, else the community's, else fitness 8 years, gates 8, lifts 15, lighting and pumps 10, drains 30, "
            "other property 15"
        ),
        source=msg("GB 19272-2011 for fitness equipment (sources differ, 4 to 8 years); the rest is trade custom"),
        target=Target(high=0.1),
        page="facilities",
    )
)
HAZARDS = declare(
    Metric(
        key="F_hazards",
        title=msg("Hazardous facilities"),
        short=msg("Hazards"),
        unit="items",
        of=("facilities",),
        formula=msg("Facilities not retired that are past their service life, in condition 5, or out of order"),
        source=msg("Derived from the source document, section 3.1"),
        target=Target(high=0),
        minimum_n=1,
        page="facilities",
    )
)
NEXT_YEAR = declare(
    Metric(
        key="F5",
        title=msg("Replacement cost next year"),
        short=msg("Next year"),
        unit="money",
        of=("facilities",),
        formula=msg(
            "Replacement cost of what is planned for the next calendar year: by the end of its service life, unless it "
            "was brought forward or deferred"
        ),
        source=msg("Five-year replacement need, as asset registers forecast it"),
        minimum_n=1,
        page="facilities",
    )
)
AGE_MIX = declare(
    Metric(
        key="F6",
        title=msg("Age difference within a site"),
        short=msg("Age mix"),
        unit="years",
        of=("facilities",),
        formula=msg("Largest of all sites: age of the oldest − age of the newest facility of one category"),
        source=msg("Derived from the source document, section 3.1: old and new fitness equipment side by side"),
        minimum_n=2,
        page="facilities",
    )
)
SMART = declare(
    Metric(
        key="F_smart",
        title=msg("Smart gates"),
        short=msg("Smart gates"),
        unit="percent",
        of=("facilities",),
        formula=msg("Vehicle and personnel entrances with smart control ÷ entrances whose control is known"),
        source=msg("Derived from the source document, section 3.1"),
        minimum_n=1,
        page="facilities",
    )
)
