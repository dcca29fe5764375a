"""What the activities are measured by (metrics P1, P2, P3, P5, P6): declarations and the pure sums behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

from repository.metrics import Metric, Target, declare
from repository.words import msg

HELD = declare(
    Metric(
        key="activities_held",
        title=msg("Activities held"),
        short=msg("Sessions held"),
        unit="events",
        of=("activities",),
        formula=msg("Sessions that took place in the period. Planned and cancelled ones are not counted."),
        source=msg("Own definition"),
        minimum_n=0,
        page="activities",
    )
)
PARTICIPANTS = declare(
    Metric(
        key="participants",
        title=msg("Residents who took part"),
        short=msg("Residents"),
        unit="people",
        of=("attendances",),
        formula=msg("Different residents registered at activities of the period: who comes twice counts once."),
        source=msg("Gross and distinct are always shown together"),
        minimum_n=0,
        page="activities",
    )
)
PARTICIPATION = declare(
    Metric(
        key="participation_rate",
        title=msg("Participation rate"),
        short=msg("Taking part"),
        unit="percent",
        of=("attendances", "communities"),
        formula=msg("Different residents who took part ÷ residents of the community, or of the grid chosen."),
        source=msg("Resident participation rate; targets are our own"),
        target=Target(low=0.10),
        # the longer the period, the more people have had a chance to come [derived]
        by_span=(
            ("month", Target(low=0.05)),
            ("quarter", Target(low=0.10)),
            ("year", Target(low=0.25)),
            ("ever", None),
        ),
        wholes=True,
        page="activities",
    )
)
VISITS = declare(
    Metric(
        key="visits",
        title=msg("Visits"),
        short=msg("Visits"),
        unit="visits",
        of=("activities", "attendances"),
        formula=msg("Registered attendances, plus the heads counted where nobody was registered one by one."),
        source=msg("Gross and distinct are always shown together"),
        minimum_n=0,
        page="activities",
    )
)
REPEAT = declare(
    Metric(
        key="repeat_share",
        title=msg("Came twice or more"),
        short=msg("Came again"),
        unit="percent",
        of=("attendances",),
        formula=msg("Residents who came at least twice in the period ÷ residents who took part in it."),
        source=msg("Repeat participation"),
        wholes=True,
        page="activities",
    )
)
NEWCOMERS = declare(
    Metric(
        key="new_share",
        title=msg("First-time participants"),
        short=msg("First time"),
        unit="percent",
        of=("attendances",),
        formula=msg("Residents whose first activity ever lies in the period ÷ residents who took part in it."),
        source=msg("New participation; the target is our own"),
        target=Target(low=0.30),
        wholes=True,
        page="activities",
    )
)
EFFECTIVE_FORMATS = declare(
    Metric(
        key="effective_formats",
        title=msg("Effective number of formats"),
        short=msg("Formats"),
        unit="formats",
        of=("activities",),
        formula=msg(
            "e to the power of H′, where H′ = −Σ p ln p and p is a format's share of the sessions: as many formats as "
            "would be equally common. By month: over the three months that end with it."
        ),
        source=msg("Shannon index (IUPAC Gold Book), its exponential; the target is our own"),
        target=Target(low=4),
        page="activities",
    )
)
REPRESENTATION = declare(
    Metric(
        key="representation",
        title=msg("Representation"),
        short=msg("Represented"),
        unit="times",
        of=("attendances", "communities"),
        formula=msg("A group's share of the participants ÷ its share of the population: 1 is fair."),
        source=msg("By age band, sex and grid"),
        page="activities",
    )
)

LAPSED = declare(
    Metric(
        key="lapsed_share",
        title=msg("Did not come again"),
        short=msg("Lapsed"),
        unit="percent",
        of=("attendances",),
        formula=msg(
            "Residents who came in the period before and not in this one ÷ residents who came in the period before. Of "
            "the latest period that is over."
        ),
        source=msg("Own definition; the target is our own"),
        target=Target(high=0.5),
        page="activities",
    )
)
RETAINED = declare(
    Metric(
        key="retained_share",
        title=msg("First-time participants who came again"),
        short=msg("Retained"),
        unit="percent",
        of=("attendances",),
        formula=msg(
            "Of the residents who first came in a calendar year, those who came again in one of the three months after "
            "the first. Of the latest year of which those three months are over for everybody."
        ),
        source=msg("Retention by month of first coming; the target is our own"),
        target=Target(low=0.3),
        page="activities",
    )
)
DEEP = declare(
    Metric(
        key="deep_share",
        title=msg("Visits with a say"),
        short=msg("With a say"),
        unit="percent",
        of=("activities", "attendances"),
        formula=msg(
            "Visits (registered, and heads counted) to activities of the levels Involve, Collaborate and Empower ÷ "
            "visits to activities whose level is recorded."
        ),
        source=msg("IAP2's spectrum of participation; the target is our own"),
        target=Target(low=0.2),
        page="activities",
    )
)
SAME_FLOW = declare(
    Metric(
        key="same_flow",
        title=msg("The same again, in a row"),
        short=msg("In a row"),
        unit="events",
        of=("activities",),
        formula=msg(
            "The most activities of one format, one after the other up to the period's end, that ran the same way: the "
            "same steps, or where those are not recorded the same theme, place and participation level."
        ),
        source=msg("Own definition; the bound is our own"),
        target=Target(high=3, near_high=4),
        minimum_n=1,
        page="activities",
    )
)
VISITORS_SATISFIED = declare(
    Metric(
        key="visitors_satisfied",
        title=msg("Satisfied visitors"),
        short=msg("Satisfied"),
        unit="percent",
        of=("activities",),
        formula=msg("Satisfied ÷ visitors who were asked how it was. Only counted, per activity: nobody is named."),
        source=msg("Own definition; the target is our own"),
        target=Target(low=0.85),
        page="activities",
    )
)
COST = declare(
    Metric(
        key="cost_per_participant",
        title=msg("Spend per resident who took part"),
        short=msg("Per resident"),
        unit="money",
        of=("activities", "attendances"),
        formula=msg("Spend of the period's activities, as far as recorded ÷ different residents who took part in it."),
        source=msg("Own definition"),
        page="activities",
    )
)
REGISTERED_SHARE = declare(
    Metric(
        key="volunteers_registered",
        title=msg("Residents registered as volunteers"),
        short=msg("Volunteers"),
        unit="percent",
        of=("volunteers",),
        formula=msg("Volunteers registered at the period's end, or now ÷ residents of the community."),
        source=msg("Volunteer registration rate of cities' reports; the target is our own"),
        target=Target(low=0.02),
        page="activities",
    )
)
ACTIVE_SHARE = declare(
    Metric(
        key="volunteers_active",
        title=msg("Volunteers who served"),
        short=msg("Served"),
        unit="percent",
        of=("volunteers", "attendances"),
        formula=msg(
            "Volunteers who served at least once in the period, in a month in which they were registered ÷ volunteers "
            "registered at any time in it."
        ),
        source=msg("Volunteer activity rate of cities' reports; the target is our own"),
        target=Target(low=0.5),
        page="activities",
    )
)
SERVICE_HOURS = declare(
    Metric(
        key="volunteer_hours",
        title=msg("Hours served per volunteer"),
        short=msg("Hours a head"),
        unit="service_hours",
        of=("attendances",),
        formula=msg(
            "Hours served, as far as recorded ÷ different residents who served as volunteers, registered or not."
        ),
        source=msg("Hours per head of cities' reports"),
        page="activities",
    )
)

WINDOW = 3  # months over which a month's diversity is taken: one month alone has too few activities to be varied


@dataclass(frozen=True)
class Diversity:
    """How varied the formats are. ``entropy`` is H′ in nats, ``evenness`` J = H′ ÷ ln S, ``effective`` e^H′; all None
    without sessions. ``richness`` is S, the number of formats; a single one has J = 0 (metric P5)."""

    sessions: int
    richness: int
    entropy: float | None
    evenness: float | None
    effective: float | None


def diversity(sessions: Mapping[str, int]) -> Diversity:
    """Diversity of sessions by format (metric P5: Shannon's H′, Pielou's J)."""
    held = [n for n in sessions.values() if n > 0]
    total = sum(held)
    if not total:
        return Diversity(0, 0, None, None, None)
    entropy = abs(-sum(n / total * log(n / total) for n in held))  # abs: a single format gives -0.0
    evenness = entropy / log(len(held)) if len(held) > 1 else 0.0
    return Diversity(total, len(held), entropy, evenness, exp(entropy))
