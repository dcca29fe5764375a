"""What an overview answers, and the parts it is put together from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

from repository import activities, facilities, inspections, maintenance
from repository.grids import Grid, Setting, Staffing
from repository.metrics import Metric, State, Target, Value
from repository.targets import Attention, Standard
from repository.words import Message

WORST_FIRST = (State.OFF_TARGET, State.NEAR, State.UNKNOWN, State.ACCEPTED, State.ON_TARGET)


@dataclass(frozen=True)
class Concern:
    """One of the three troubles of the source document (section 3) as it stands: a finding, why, and who acts."""

    area: Literal["facilities", "team", "participation"]
    state: State
    pressing: Value
    """Of the figures it rests on the one to which somebody must have reacted first, by whose days it is told."""
    finding: Message
    why: Message
    who: tuple[str, ...]
    """Names of the people who act; empty when nobody must."""
    page: str
    link: Message
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def by(self) -> date | None:
        """By when they must have acted, at the latest."""
        return self.pressing.react_by


@dataclass(frozen=True)
class Cell:
    """One grid's figure for one metric: a share where the metric's unit is percent."""

    value: float | None
    n: int
    state: State


@dataclass(frozen=True)
class Row:
    """One metric over the grids. ``target`` is what a single grid is held to."""

    metric: Metric
    target: Target
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Action:
    """Something to do today: what, who, how many days late (None: no date), and where."""

    state: State
    what: Message
    who: str | None
    days: int | None
    page: str
    params: Mapping[str, str]


@dataclass(frozen=True)
class Glance:
    """The overview's answer."""

    concerns: tuple[Concern, ...]
    values: tuple[Value, ...]
    """The tiles, in their order."""
    grids: tuple[Grid, ...]
    rows: tuple[Row, ...]
    actions: tuple[Action, ...]
    figures: tuple[Value, ...]
    """The tiles, and the figures that the lines below them rest on."""
    attention: Attention
    """Which of these figures need action (metric L1)."""

    @property
    def lagging(self) -> tuple[Grid, int] | None:
        """The one grid that is off target in most rows and in how many; None when two share that or none is."""
        return _lagging(self.grids, self.rows)


@dataclass(frozen=True)
class Comparison:
    """The grids side by side on the same metrics, and what the rows were made from."""

    grids: tuple[Grid, ...]
    rows: tuple[Row, ...]
    open: Mapping[str, int]
    """Open work orders by grid, now."""
    load: Value
    posts: Staffing
    estate: facilities.EstateGlance
    people: Mapping[str, str]
    """Everybody's name by id, active first, by name."""

    @property
    def lagging(self) -> tuple[Grid, int] | None:
        """As ``Glance.lagging``."""
        return _lagging(self.grids, self.rows)


@dataclass(frozen=True)
class Estate:
    """The facilities, and the inspections that are overdue, the longest first."""

    found: facilities.EstateGlance
    overdue: tuple[inspections.Due, ...]


@dataclass(frozen=True)
class Repairs:
    """The work, and what of it cannot wait."""

    work: maintenance.WorkGlance
    urgent: maintenance.Urgent


@dataclass(frozen=True)
class Team:
    """Who is there, how the posts are filled, and what figures are held to."""

    within: Setting
    posts: Staffing
    standard: Standard


@dataclass(frozen=True)
class Crowd:
    """What was held and who came, and who organises it: ids of people, whoever does most first."""

    figures: activities.Figures
    organizers: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """How one system of the community's stands: a finding, what more there is to know, and where."""

    page: str
    state: State
    finding: Message
    more: Message | None
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    values: tuple[Value, ...] = ()
    """The judged figures it rests on."""


def worst(states: Sequence[State]) -> State:
    """The state that asks loudest for action; on target without any."""
    return min(states, key=WORST_FIRST.index, default=State.ON_TARGET)


def off_target(there: Sequence[Grid], rows: Sequence[Row]) -> dict[str, int]:
    """Grid id -> in how many of the compared figures it is off target; near does not count."""
    return {grid.id: sum(row.cells[grid.id].state is State.OFF_TARGET for row in rows) for grid in there}


def _lagging(there: Sequence[Grid], rows: Sequence[Row]) -> tuple[Grid, int] | None:
    counts = off_target(there, rows)
    most = max(counts.values(), default=0)
    worst = [grid for grid in there if counts[grid.id] == most]
    return (worst[0], most) if most and len(worst) == 1 else None
