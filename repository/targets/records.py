"""What a community wants of its figures, from which day on, and which deviations somebody answers for until when."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.metrics import Direction, State, Target
from repository.record import LINE, Choice, Day, Index, Part, Record, Ref, Shown, midnight
from repository.rollups import day_of
from repository.store import FieldProblem
from repository.words import msg

LARGEST = 1e12
MOST_ENTRIES = 200
MOST_TURNS = 5_000
REASON = 1000
"""Characters."""


class Span(Choice):
    """Of which periods something is wanted."""

    ANY = "any", msg("Every period")
    MONTH = "month", msg("Each month")
    QUARTER = "quarter", msg("Each quarter")
    YEAR = "year", msg("Each year")


def _bound(title: str) -> float | None:
    bound: float | None = Field(default=None, ge=0, le=LARGEST, allow_inf_nan=False, validate_default=True, title=title)
    return bound


class TargetEntry(Part):
    """What is wanted from a day on, in the metric's own unit (shares from 0 to 1, money in 分, times in hours), and who
    entered it when. Entries are added, none is ever changed."""

    from_on: Annotated[date, Day()] = Field(title=msg("From"))
    direction: Direction = Field(title=msg("Wanted"))
    low: float | None = _bound(msg("At least"))
    high: float | None = _bound(msg("At most"))
    near_low: float | None = _bound(msg("Near from"))
    near_high: float | None = _bound(msg("Near up to"))
    note: Annotated[str | None, Shown(long=True)] = Field(default=None, max_length=REASON, title=msg("Why"))
    entered_at: datetime = Field(title=msg("Entered at"))
    entered_on: Annotated[date, Day()] = Field(title=msg("Entered on"))
    entered_by: str = Field(min_length=1, max_length=LINE, title=msg("Entered by"))

    @field_validator("low", "high", "near_low", "near_high")
    @classmethod
    def _fits(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Only the bounds of its direction are there, in their order: near, low, high, near."""
        direction, low, high = (info.data.get(name) for name in ("direction", "low", "high"))
        below = direction in (Direction.HIGHER, Direction.BAND)
        above = direction in (Direction.LOWER, Direction.BAND)
        name = str(info.field_name)
        belongs = below if name.endswith("low") else above
        if value is None:
            if belongs and name in ("low", "high"):
                raise FieldProblem(msg("Please fill this in"))
            return None
        if not belongs:
            raise FieldProblem(msg("This bound does not go with the direction chosen"))
        if name == "high" and low is not None and value < low:
            raise FieldProblem(msg("The upper bound lies below the lower one"))
        if name == "near_low" and low is not None and value > low:
            raise FieldProblem(msg("The near-target lies beyond the target: near is what just misses it"))
        if name == "near_high" and high is not None and value < high:
            raise FieldProblem(msg("The near-target lies beyond the target: near is what just misses it"))
        return value

    @property
    def back_dated(self) -> bool:
        """Whether it was to hold before it was entered."""
        return self.from_on < self.entered_on

    @property
    def target(self) -> Target | None:
        """What it wants; None where it says that nothing is wanted any more."""
        if self.direction is Direction.NONE:
            return None
        return Target(self.low, self.high, near_low=self.near_low, near_high=self.near_high)


class MetricTarget(Record):
    """What a community wants of one metric in one kind of period: every word on it in the order they were entered."""

    collection = "targets"
    title = msg("Targets")
    name_field = "metric"
    grid_field = None
    natural_key = ("metric", "span")
    indexes = (Index(("community_id", "metric", "span"), "one history a metric and kind of period", unique=True),)

    began = "entries.entered_at"
    stirred = ("entries.entered_at",)

    metric: str = Field(min_length=1, max_length=60, title=msg("Figure"))
    span: Span = Field(default=Span.ANY, title=msg("Holds for"))
    entries: Annotated[tuple[TargetEntry, ...], Shown(form=False, table=False)] = Field(
        min_length=1, max_length=MOST_ENTRIES, title=msg("History")
    )

    @classmethod
    def as_it_stood(
        cls,
        document: Mapping[str, Any],
        moment: datetime,
        was: Mapping[str, Any],  # noqa: ARG003
        zone: ZoneInfo,  # noqa: ARG003
    ) -> dict[str, Any] | None:
        """As every record's: what was not said yet was not wanted yet, from whichever day on it is."""
        said = [entry for entry in document["entries"] if entry["entered_at"] <= moment]
        return {**document, "entries": said} if said else None

    def on(self, day: date) -> TargetEntry | None:
        """The entry that holds on a day: the one from the latest day on, of several from one day the last entered."""
        found = None
        for entry in self.entries:
            if entry.from_on <= day and (found is None or entry.from_on >= found.from_on):
                found = entry
        return found


class Acceptance(Record):
    """A deviation that somebody answers for until a day: the figure stays what it is, and nobody need act before."""

    collection = "accepted_deviations"
    title = msg("Accepted deviations")
    name_field = "metric"
    natural_key = ("metric", "accepted_on")
    indexes = (Index(("community_id", "metric", "until"), "what is accepted now"),)

    began = "accepted_on"
    stirred = ("created_at", "withdrawn_on")

    metric: str = Field(min_length=1, max_length=60, title=msg("Figure"))
    grid_id: Annotated[str | None, Ref(to="grids")] = Field(
        default=None, max_length=64, title=msg("Grid"), description=msg("None: the community, and each of its grids")
    )
    accepted_on: Annotated[date, Day()] = Field(title=msg("Accepted on"))
    until: Annotated[date, Day()] = Field(title=msg("Until"))
    reason: Annotated[str, Shown(long=True)] = Field(min_length=1, max_length=REASON, title=msg("Reason"))
    accepted_by: str = Field(min_length=1, max_length=60, title=msg("Who answers for it"))
    withdrawn_on: Annotated[date | None, Day()] = Field(default=None, title=msg("Taken back on"))
    withdrawn_by: str | None = Field(default=None, max_length=LINE, title=msg("Taken back by"))

    @field_validator("until")
    @classmethod
    def _after(cls, value: date, info: ValidationInfo) -> date:
        if (begins := info.data.get("accepted_on")) is not None and value < begins:
            raise FieldProblem(msg("This day lies before the deviation was accepted"))
        return value

    @classmethod
    def as_it_stood(
        cls,
        document: Mapping[str, Any],
        moment: datetime,
        was: Mapping[str, Any],  # noqa: ARG003
        zone: ZoneInfo,
    ) -> dict[str, Any] | None:
        """As every record's: taken back is what was so by the end of its day."""
        today = midnight(day_of(moment, zone))
        if document["accepted_on"] > today or document["created_at"] > moment:
            return None
        kept = document.get("withdrawn_on") is None or document["withdrawn_on"] <= today
        return {name: value for name, value in document.items() if kept or not name.startswith("withdrawn_")}

    def holds(self, day: date) -> bool:
        """Whether the deviation was accepted on a day; from the day on which it is taken back it is not."""
        return self.accepted_on <= day <= self.until and (self.withdrawn_on is None or day < self.withdrawn_on)


class Turn(Part):
    """A figure's state at the end of a day, where it was another the day before; None: nothing was wanted of it."""

    metric: str = Field(max_length=60, title=msg("Figure"))
    on: Annotated[date, Day()] = Field(title=msg("From"))
    state: State | None = Field(default=None, title=msg("State"))


class StatesNoted(Record):
    """In which state each figure of a moment was at the end of each day, as it was told then: the turns of them all,
    oldest first, and the last day that was looked at. One a community, whose id it has."""

    collection = "states_noted"
    title = msg("States day by day")
    name_field = "noted_on"
    grid_field = None
    natural_key = ("noted_on",)
    indexes = ()

    noted_on: Annotated[date, Day(form=False)] = Field(title=msg("Noted up to"))
    turns: Annotated[tuple[Turn, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=MOST_TURNS, title=msg("Turns")
    )

    def of_each(self) -> dict[str, tuple[tuple[date, State | None], ...]]:
        """The turns by metric."""
        found: dict[str, list[tuple[date, State | None]]] = {}
        for turn in self.turns:
            found.setdefault(turn.metric, []).append((turn.on, turn.state))
        return {metric: tuple(turns) for metric, turns in found.items()}
