"""What is measured of stationed organisations; the values come from ``queries.review``."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

PARTICIPATION = declare(
    Metric(
        key="U1",
        title=msg("Participation of stationed organisations"),
        short=msg("Taking part"),
        unit="percent",
        of=("organizations", "engagements"),
        formula=msg(
            "Stationed organisations that took part in the period (organised or joined an activity, worked on a "
            "project, met a need, attended a meeting) ÷ all active stationed ones; being contacted is not taking part"
        ),
        source=msg("The formula of community-work examinations; what counts is derived from section 3.2"),
        target=Target(low=0.7),
        page="organizations",
    )
)
SILENT = declare(
    Metric(
        key="U1_silent",
        title=msg("Silent organisations"),
        short=msg("Silent"),
        unit="organizations",
        of=("organizations", "engagements"),
        formula=msg(
            "Active stationed organisations that have not taken part for six months, or never, unless they came here "
            "later than that"
        ),
        source=msg("Derived from the source document, section 3.2"),
        target=Target(high=2, near=0.5),
        minimum_n=1,
        page="organizations",
    )
)
MATCHING = declare(
    Metric(
        key="U2",
        title=msg("Needs matched with a resource"),
        short=msg("Needs matched"),
        unit="percent",
        of=("needs",),
        formula=msg(
            "Needs matched in the period ÷ needs that stood on the list in it: unmatched when it began or listed "
            "during it, less those withdrawn. A match that fell through counts as never made"
        ),
        source=msg("The practice of resource and needs lists; the rate is derived"),
        target=Target(low=0.6),
        page="organizations",
    )
)
UNMATCHED = declare(
    Metric(
        key="U2_unmatched",
        title=msg("Unmatched needs"),
        short=msg("Unmatched"),
        unit="needs",
        of=("needs",),
        formula=msg("Needs on the list now that no organisation has taken on"),
        source=msg("Derived from the source document, section 3.2"),
        minimum_n=0,
        page="organizations",
    )
)
