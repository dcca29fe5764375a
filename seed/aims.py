"""What D community wants of its figures, raised from one year to the next; and what its secretary has accepted for a
while. All of it is invented."""

from collections.abc import Sequence
from datetime import date, timedelta

from repository.activities.metrics import PARTICIPATION
from repository.facilities.metrics import PAST_LIFE
from repository.maintenance.metrics import BACKLOG_WEEKS, ON_TIME
from repository.metrics import Direction, Metric
from repository.staff.metrics import CERTIFIED
from repository.targets import Acceptance, MetricTarget, Span, TargetEntry
from seed.estate import COMMUNITY_ID, NAMES
from seed.history import end_of_history

SECRETARY = NAMES["secretary"]

# metric, span: days ago from which on, days ago it was entered, at least, near from, why
_HISTORY: Sequence[tuple[Metric, Span, Sequence[tuple[int, int, float, float, str]]]] = (
    (
        ON_TIME,
        Span.ANY,
        (
            (720, 726, 0.75, 0.65, "首次定目标，按上年实际水平"),
            (355, 360, 0.8, 0.7, "年度会议提高"),
            (60, 66, 0.85, 0.75, "半年讲评后提高"),
        ),
    ),
    (
        PARTICIPATION,
        Span.QUARTER,
        ((355, 360, 0.08, 0.06, "年度会议"), (60, 66, 0.1, 0.08, "半年讲评后提高")),
    ),
    # decided at the meeting, entered three weeks late
    (CERTIFIED, Span.ANY, ((120, 99, 0.4, 0.3, "会议当日已定，补录"),)),
)


def targets(as_of: date) -> list[MetricTarget]:
    """The community's own targets with their history."""

    def entry(ago: int, entered: int, low: float, near: float, why: str) -> TargetEntry:
        day = as_of - timedelta(days=entered)
        return TargetEntry(
            from_on=as_of - timedelta(days=ago), direction=Direction.HIGHER, low=low, near_low=near, note=why,
            entered_on=day, entered_at=end_of_history(day), entered_by=SECRETARY,
        )  # fmt: skip

    return [
        MetricTarget(
            id=f"d-target-{metric.key}", community_id=COMMUNITY_ID, metric=metric.key, span=span,
            entries=tuple(entry(*each) for each in told),
        )
        for metric, span, told in _HISTORY
    ]  # fmt: skip


def acceptances(as_of: date) -> list[Acceptance]:
    """Old equipment waits for the next budget; a backlog in the rainy months was accepted once, and taken back."""

    def accepted(metric: Metric, ago: int, left: int, reason: str, back: int | None = None) -> Acceptance:
        return Acceptance(
            id=f"d-accepted-{metric.key}", community_id=COMMUNITY_ID, metric=metric.key, reason=reason,
            accepted_by=SECRETARY, accepted_on=as_of - timedelta(days=ago), until=as_of + timedelta(days=left),
            withdrawn_on=None if back is None else as_of - timedelta(days=back),
            withdrawn_by=None if back is None else SECRETARY,
        )  # fmt: skip

    return [
        accepted(PAST_LIFE, 24, 110, "超期健身器材已列入下年度更换预算，招标后分两批更换；此前加密巡检。"),
        accepted(BACKLOG_WEEKS, 190, -60, "汛期人手先保排涝，小修顺延。", back=130),
    ]
