"""What is measured of meetings."""

from repository.metrics import Metric, Target, declare
from repository.words import msg

CADENCE = declare(
    Metric(
        key="T1",
        title=msg("Required meetings held in time"),
        short=msg("Meetings in time"),
        unit="percent",
        of=("meetings",),
        formula=msg(
            "Required meetings held within their days ÷ required meetings whose days ended in the period or that were "
            "held: 12 + 4 + 1 a year. A month's is held in its first working days (5 unless the community says "
            "otherwise), a quarter's in its last (7), the year's in its first (20); late, early and missing ones count "
            "against"
        ),
        source=msg("Derived from the source document, section 2.2, which names no days"),
        target=Target(low=0.9),
        minimum_n=1,  # all there are, no sample
        page="meetings",
    )
)
CARRIED_OUT = declare(
    Metric(
        key="T2",
        title=msg("Action items done in time"),
        short=msg("Done in time"),
        unit="percent",
        of=("action_items",),
        formula=msg(
            "Items closed by their day ÷ (closed by their day + closed late + open and overdue at the period's end); "
            "what was dropped counts neither way"
        ),
        source=msg("The form of the on-time share of work orders (M2), on decisions' action items"),
        target=Target(low=0.85),
        page="meetings",
    )
)
CARRIED_OVER = declare(
    Metric(
        key="T2_carried",
        stock=True,
        title=msg("Action items carried over two meetings and more"),
        short=msg("Carried ≥ 2 times"),
        unit="items",
        of=("action_items", "meetings"),
        formula=msg("Open items that at least two meetings of their series found unfinished, as of now"),
        source=msg("Carry-over as 4minitz keeps it: open items go to the next meeting until they are done"),
        target=Target(high=0),
        minimum_n=0,
        page="meetings",
    )
)
CONSENSUS = declare(
    Metric(
        key="T3",
        title=msg("Decisions by consensus"),
        short=msg("Consensus"),
        unit="percent",
        of=("decisions",),
        formula=msg("Decisions recorded as consensus ÷ all decisions of the period, adjourned ones included"),
        source=msg("Derived from the source document, section 2.2: consensus before anything is carried out"),
        target=Target(low=0.9),
        page="meetings",
    )
)
ATTENDANCE = declare(
    Metric(
        key="T3_attendance",
        title=msg("Attendance at meetings"),
        short=msg("Attendance"),
        unit="percent",
        of=("meetings",),
        formula=msg(
            "Invited people and organisations that came ÷ those invited, of meetings held in the period where "
            "attendance was taken; guests count neither way"
        ),
        source=msg("Derived from the source document, section 2.2"),
        target=Target(low=0.8),
        page="meetings",
    )
)
