"""What is measured of the team (metric C2) and of its assessment (C1).

The source document names what a team should be - younger, more professional, experienced, trained (sections 3.2, 4.2) -
and no numbers: thresholds and targets are ours, here in one place.
"""

from dataclasses import replace

from repository.metrics import Metric, Target, declare
from repository.words import msg

YOUNG_UNTIL = 35  # years of age: the band StaffAge.TO_35
EXPERIENCED_YEARS = 3  # of service
LONG_YEARS = 20  # of service: a holder who will not be there for ever
EXPIRING_DAYS = 90  # before a certificate runs out
ASSESSED_DAYS = 366  # a team is assessed once a year at least

_OURS = msg("Dimension from the source document, section 4.2; threshold and target are our own")

EDUCATED = declare(
    Metric(
        key="C2_educated",
        title=msg("Staff with college education or higher"),
        short=msg("College or more"),
        unit="percent",
        of=("staff_members",),
        formula=msg("Staff in service with college or higher ÷ staff in service whose education is known"),
        source=_OURS,
        target=Target(low=0.8),
        page="staff",
    )
)
CERTIFIED = declare(
    Metric(
        key="C2_certified",
        title=msg("Staff certified in social work"),
        short=msg("Certified"),
        unit="percent",
        of=("staff_members", "staff_certificates"),
        formula=msg(
            "Staff in service with a certificate in social work (assistant, social worker, senior) valid on the day ÷ "
            "staff in service"
        ),
        source=_OURS,
        target=Target(low=0.5),
        page="staff",
    )
)
YOUNG = declare(
    Metric(
        key="C2_young",
        title=msg("Staff of 35 and younger"),
        short=msg("35 or younger"),
        unit="percent",
        of=("staff_members",),
        formula=msg("Staff in service whose band is 35 and younger ÷ staff in service whose age band is known"),
        source=_OURS,
        target=Target(low=0.3),
        page="staff",
    )
)
EXPERIENCED = declare(
    Metric(
        key="C2_experienced",
        title=msg("Staff with three years of service or more"),
        short=msg("3+ years"),
        unit="percent",
        of=("staff_members",),
        formula=msg("Staff in service who joined three years before the day or earlier ÷ staff in service"),
        source=_OURS,
        target=Target(low=0.6),
        page="staff",
    )
)
TRAINED = declare(
    Metric(
        key="C2_training",
        title=msg("Training hours per head this year"),
        short=msg("Training"),
        unit="lessons",
        of=("staff_members", "staff_trainings"),
        formula=msg(
            "Hours of training since 1 January of staff in service ÷ staff in service. Wanted is what the year's plan "
            "asks for by the day; without a plan there is no target"
        ),
        source=msg("Derived from the source document, section 4.2: lectures and training classes"),
        page="staff",
        follows=msg("The year's training plan says what is wanted by the day."),
    )
)
GAPS = declare(
    Metric(
        key="C2_gaps",
        stock=True,
        title=msg("Staff with a training gap"),
        short=msg("Training gaps"),
        unit="people",
        of=("staff_members", "staff_trainings", "training_plans"),
        formula=msg(
            "Staff in service who have fewer hours than the plan asks for by the day, or a certificate that has run "
            "out without a new one"
        ),
        source=msg("Derived from the source document, section 3.2: part of the staff were never trained"),
        target=Target(high=0),
        minimum_n=1,
        page="staff",
    )
)
EXPIRING = declare(
    Metric(
        key="C2_expiring",
        title=msg("Certificates that run out"),
        short=msg("Running out"),
        unit="items",
        of=("staff_certificates",),
        formula=msg("Certificates of staff in service, no newer one there, that end within 90 days or have ended"),
        source=msg("Derived; the 90 days are our own"),
        target=Target(high=0),
        minimum_n=0,
        page="staff",
    )
)
SUCCESSION = declare(
    Metric(
        key="C2_succession",
        stock=True,
        title=msg("Key posts with a prepared successor"),
        short=msg("Successors"),
        unit="percent",
        of=("posts", "staff_successors"),
        formula=msg("Grid directors and safety assistants with somebody in service who is ready now ÷ those posts"),
        source=msg("Derived from the source document, section 4.2: competition, and training from among the young"),
        target=Target(low=1.0),
        minimum_n=1,
        page="staff",
    )
)
ASSESSED = declare(
    Metric(
        key="C1",
        title=msg("Assessment, mean of the valid results"),
        short=msg("Assessment"),
        unit="points",
        of=("assessment_rounds", "assessment_ballots"),
        formula=msg(
            "30 % street (5 items of 6 points) + 10 % peers (10 items) + 60 % residents, of each person; valid from 50 "
            "raters on, 70 % of them ordinary residents. A round may set other weights and minimums"
        ),
        source=msg("Nanhu district's notice of 2015 on assessing community workers (a copy)"),
        page="staff",
    )
)
VALID = declare(
    Metric(
        key="C1_valid",
        title=msg("Assessments that are valid"),
        short=msg("Valid results"),
        unit="percent",
        of=("assessment_rounds", "assessment_ballots"),
        formula=msg("People whose result reaches the round's minimum numbers ÷ people assessed in it"),
        source=msg("Nanhu district's notice of 2015: below the minimum numbers a result is invalid"),
        target=Target(low=1.0),
        minimum_n=1,
        page="staff",
    )
)


def trained(owed: float | None) -> Metric:
    """TRAINED with what the plan asks for by the day, per head; without a target where there is no plan."""
    return TRAINED if owed is None else replace(TRAINED, target=Target(low=owed))
