"""What is measured of entries; the values come from ``queries.entry_review``."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

_DERIVED = msg("Derived from the source document, section 3.1")

VEHICLES_COMPLETE = declare(
    Metric(
        key="F8_vehicles",
        title=msg("Vehicle entries noted completely"),
        short=msg("Vehicles noted"),
        unit="percent",
        of=("entry_logs",),
        formula=msg(
            "Vehicles that came in the period with all that must be noted and the time they left ÷ all that came"
        ),
        source=_DERIVED,
        target=Target(low=0.9),
        page="facilities",
    )
)
PEOPLE_COMPLETE = declare(
    Metric(
        key="F8_people",
        title=msg("Visitors noted completely"),
        short=msg("Visitors noted"),
        unit="percent",
        of=("entry_logs",),
        formula=msg(
            "People who came in the period with all that must be noted and the time they left ÷ all who were noted"
        ),
        source=_DERIVED,
        target=Target(low=0.9),
        page="facilities",
    )
)
SMART_SHARE = declare(
    Metric(
        key="entries_smart",
        title=msg("Entries recognised automatically"),
        short=msg("Recognised"),
        unit="percent",
        of=("entry_logs",),
        formula=msg("Entries of the period let in by recognition of plate, card or face ÷ all entries"),
        source=_DERIVED,
        target=Target(low=0.8),
        page="facilities",
    )
)
ENTRIES = declare(
    Metric(
        key="entries",
        title=msg("Entries"),
        short=msg("Entries"),
        unit="visits",
        of=("entry_logs",),
        formula=msg("Vehicles and people noted at the gates in the period"),
        source=_DERIVED,
        minimum_n=0,
        page="facilities",
    )
)
LEFT_OPEN = declare(
    Metric(
        key="entries_open",
        title=msg("Visits not closed"),
        short=msg("Not closed"),
        unit="visits",
        of=("entry_logs",),
        formula=msg("Came in before today and not noted as gone; counted up to 1,000, whatever the period"),
        source=_DERIVED,
        target=Target(high=20, near=0.5),
        minimum_n=0,
        page="facilities",
    )
)
EXCEPTIONS = declare(
    Metric(
        key="entries_odd",
        title=msg("Exceptions"),
        short=msg("Exceptions"),
        unit="visits",
        of=("entry_logs",),
        formula=msg(
            "Entries of the period let in by hand at a smart gate, whose exit nobody noted, or of visitors at night "
            "(23 to 5) or for too long (vehicles over 24 h, people over 12 h)"
        ),
        source=_DERIVED,
        minimum_n=0,
        page="facilities",
    )
)
