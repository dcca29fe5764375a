"""The door of an activity, its hours, and how many of those who signed up came (metric P4)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from repository.activities import Activity
from repository.metrics import Metric, declare
from repository.record import Index, Record, Ref
from repository.words import msg

SHOWED_UP = declare(
    Metric(
        key="P4",
        title=msg("Came of those who signed up"),
        short=msg("Showed up"),
        unit="percent",
        of=("sign_ups",),
        formula=msg(
            "Residents who signed up and were registered ÷ residents who had a place, of activities that are over. Who "
            "withdrew or only waited is not counted, nor an activity at which nobody who signed up was registered: of "
            "that one it is not known."
        ),
        source=msg("Attendance rate of registered participants"),
        page="activities",
    )
)

OPENS_BEFORE = CLOSES_AFTER = timedelta(hours=2)
LASTS = timedelta(hours=3)  # an activity of which nobody said when it ends


class Door(Record):
    """The code at the door of one activity, under which its page for checking in is found. Not marked as a reference:
    an activity entered by mistake can be taken out though its door was printed. ``ended_at``: used no more."""

    collection = "doors"
    title = msg("Check-in doors")
    name_field = "id"
    indexes = (Index(("community_id", "activity_id"), "an activity's codes"),)

    activity_id: str = Field(max_length=64, title=msg("Activity"))
    grid_id: Annotated[str | None, Ref(to="grids")] = Field(default=None, max_length=64, title=msg("Grid"))
    ended_at: datetime | None = Field(default=None, title=msg("Used until"))


@dataclass(frozen=True)
class Hours:
    """When an activity begins and ends, and from when to when its door is open: on its day only. All in UTC."""

    begins: datetime
    ends: datetime
    opens: datetime
    closes: datetime

    @classmethod
    def of(cls, activity: Activity, zone: ZoneInfo) -> "Hours":
        """Of an activity on the clock of its community; one without hours lasts all day."""
        midnight = datetime.combine(activity.held_on, time(), zone)
        following = datetime.combine(activity.held_on + timedelta(days=1), time(), zone)
        begins, ends = midnight, following
        if activity.starts_at is not None:
            begins = datetime.combine(activity.held_on, time.fromisoformat(activity.starts_at), zone)
            ends = begins + LASTS
        if activity.ends_at is not None:
            ends = datetime.combine(activity.held_on, time.fromisoformat(activity.ends_at), zone)
        ends = min(max(begins, ends), following)
        return cls(begins, ends, max(midnight, begins - OPENS_BEFORE), min(following, ends + CLOSES_AFTER))
