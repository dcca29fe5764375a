"""What the activities are measured by (metrics P1, P2, P3, P5, P6): declarations and the pure sums behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from types import MappingProxyType

from repository.metrics import Metric, Target, declare
from repository.words import msg

HELD = declare(
    Metric(
        key="activities_held",
        title=msg("Activities held"),
        short=msg("Sessions held"),
        unit="events",
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
        formula=msg("Different residents who took part ÷ residents of the community, or of the grid chosen."),
        source=msg("Resident participation rate; targets are our own"),
        target=Target(low=0.10),
        page="activities",
    )
)
PARTICIPATION_TARGETS: Mapping[str, Target | None] = MappingProxyType(
    {"month": Target(low=0.05), "quarter": Target(low=0.10), "year": Target(low=0.25), "ever": None}
)
"""The longer the period, the more people have had a chance to come. [derived]"""
VISITS = declare(
    Metric(
        key="visits",
        title=msg("Visits"),
        short=msg("Visits"),
        unit="visits",
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
        formula=msg("Residents who came at least twice in the period ÷ residents who took part in it."),
        source=msg("Repeat participation"),
        page="activities",
    )
)
NEWCOMERS = declare(
    Metric(
        key="new_share",
        title=msg("First-time participants"),
        short=msg("First time"),
        unit="percent",
        formula=msg("Residents whose first activity ever lies in the period ÷ residents who took part in it."),
        source=msg("New participation; the target is our own"),
        target=Target(low=0.30),
        page="activities",
    )
)
EFFECTIVE_FORMATS = declare(
    Metric(
        key="effective_formats",
        title=msg("Effective number of formats"),
        short=msg("Formats"),
        unit="formats",
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
        formula=msg("A group's share of the participants ÷ its share of the population: 1 is fair."),
        source=msg("By age band, sex and grid"),
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
