"""Which figures need action, since when, and which of them beyond the days allowed (metric L1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from repository.metrics import Metric, Run, State, Value, declare
from repository.words import msg

LOUD = (State.OFF_TARGET, State.NEAR, State.UNKNOWN)
"""The states that need action, the loudest first; what is accepted needs none until its day."""

NEED_ACTION = declare(
    Metric(
        key="L1_need_action",
        title=msg("Figures that need action"),
        short=msg("Need action"),
        unit="figures",
        of=("targets", "accepted_deviations"),
        formula=msg("Figures that are off target, near it or unknown. Those with an accepted deviation do not count."),
        source=msg("Quality-time's metrics that require action"),
        minimum_n=1,
    )
)
BEYOND = declare(
    Metric(
        key="L1_beyond",
        title=msg("Days beyond the allowed reaction time"),
        short=msg("Days beyond"),
        unit="days",
        of=("targets", "accepted_deviations"),
        formula=msg(
            "Of the figure that has waited longest: days in its state − days allowed (off target 7, near 21, unknown "
            "3). Counted from the day at whose end it was noted in that state; where that was not noted, from the "
            "first month's end at which it was in it, so there are at least so many."
        ),
        source=msg("Quality-time's time to react"),
        minimum_n=1,
    )
)


@dataclass(frozen=True)
class Need:
    """A figure that needs action: its state and for how long, None where that is not known."""

    value: Value
    state: State
    run: Run | None


@dataclass(frozen=True)
class Attention:
    """What needs action, of those figures of which something is wanted."""

    count: Value
    beyond: Value
    needs: tuple[Need, ...]
    """Off target first; of these the longest beyond the days allowed, then the longest in its state."""
    accepted: tuple[Value, ...]
    """Deviations somebody answers for, the first to end first."""


def attention(values: Iterable[Value]) -> Attention:
    """Which of these judged figures need action; each metric is told once. ``beyond`` is no data where none of those
    that need action says since when, 0 where none does."""
    once = {value.metric.key: value for value in values if value.state is not None}
    needs = [Need(each, each.state, each.run) for each in once.values() if each.state in LOUD]
    needs.sort(key=lambda each: (LOUD.index(each.state), *_long(each.run)))
    known = [each.run.beyond for each in needs if each.run is not None]
    beyond = float(max(known)) if known else None if needs else 0.0
    accepted = sorted(
        (each for each in once.values() if each.accepted), key=lambda each: each.accepted.until if each.accepted else 0
    )
    return Attention(
        Value(NEED_ACTION, float(len(needs)) if once else None, len(once)),
        Value(BEYOND, beyond if once else None, len(once)),
        tuple(needs),
        tuple(accepted),
    )


def _long(run: Run | None) -> tuple[int, int]:
    return (1, 0) if run is None else (-run.beyond, -run.days)
