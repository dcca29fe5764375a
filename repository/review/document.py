"""A review as a document: what slides, PowerPoint, PDF, Excel and digest show is this and nothing else.

So a number is the same in all of them, and a review that was shown can be kept and shown again as it was, whatever
was corrected since. Texts are messages: a review reads in every language, also one kept from long ago.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter

from repository.metrics import State, Value
from repository.words import Amount, Message

FORMAT = 1
"""Of what ``Review.packed`` writes; a later one reads this too."""
LISTED = 8
"""Rows of a table: what a slide holds."""
MONTHS = 12
"""Months of a chart."""
_LOUD = (State.OFF_TARGET, State.NEAR, State.UNKNOWN, State.ACCEPTED, State.ON_TARGET)

Where = Mapping[str, str]


# --- texts and cells keep their types in JSON
def _pack(cell: Any) -> Any:
    match cell:
        case Message():
            return {"say": cell.text, "with": {name: _pack(value) for name, value in cell.params.items()}}
        case Amount():
            return {"amount": cell.value, "unit": cell.unit}
        case datetime():
            raise TypeError("a review tells days, not moments")
        case date():
            return {"day": cell.isoformat()}
        case None | bool() | int() | float() | str():
            return cell
    raise TypeError(f"{type(cell).__name__} has no place in a review")


def _unpack(packed: Any) -> Any:
    match packed:
        case {"say": text, "with": facts}:
            return Message(text, {name: _unpack(value) for name, value in facts.items()})
        case {"day": day}:
            return date.fromisoformat(day)
        case {"amount": value, "unit": unit}:
            return Amount(value, unit)
    return packed


Said = Annotated[Message, PlainSerializer(_pack), BeforeValidator(_unpack)]
Cell = Annotated[Message | date | str | int | float | None, PlainSerializer(_pack), BeforeValidator(_unpack)]


@dataclass(frozen=True)
class Figure:
    """A metric in the period, in the one before and in the same one a year ago; None is "no data".

    What it is (``title`` to ``source``) is kept with it: a definition that changes later does not change what was
    shown. ``n`` is what the value rests on, below ``minimum_n`` it says nothing.
    """

    metric: str
    title: str
    short: str
    unit: str
    formula: str
    source: str
    minimum_n: int
    low: float | None
    high: float | None
    value: float | None
    n: int
    state: State | None
    before: float | None = None
    year: float | None = None
    detail: float | None = None
    estimated: bool = False
    months_off: int = 0
    """For how many months in a row, up to the period's end, it was not on target."""
    days: int | None = None
    """For how many days at least it had been in its state; None where that is not known."""
    beyond: int = 0
    """How many of them at least lay beyond those allowed for a reaction."""
    noted: bool = False
    """Whether these are all the days: it was noted when the state began."""
    near_low: float | None = None
    near_high: float | None = None
    """The last figures that still were near."""
    accepted_until: date | None = None
    accepted_by: str = ""
    accepted_for: str = ""
    """Until when its deviation was accepted, by whom and why."""
    why: str = ""
    """Why it is never told of such a period, in a few words."""
    series: tuple[tuple[str, float | None], ...] = ()
    page: str = "overview"
    params: Where = field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """Whether n reaches the minimum."""
        return self.value is not None and self.n >= self.minimum_n

    @property
    def change(self) -> float | None:
        """Against the period before; None where either is unknown."""
        return None if self.value is None or self.before is None or not self.enough else self.value - self.before

    @property
    def better(self) -> bool | None:
        """Whether the change is for the better; None where nothing changed or no direction is wanted."""
        change = self.change
        if not change or (self.low is None) == (self.high is None):
            return None
        return (change > 0) == (self.low is not None)

    @classmethod
    def of(
        cls,
        value: Value,
        before: Value | float | None = None,
        year: Value | float | None = None,
    ) -> "Figure":
        """The figure of a value beside those of the two other periods, whose n must be enough too."""
        metric = value.metric
        target, run, accepted = value.target, value.run, value.accepted
        near_low, near_high = target.edges if target else (None, None)
        return cls(
            metric=metric.key,
            title=metric.title,
            short=metric.short,
            unit=metric.unit,
            formula=metric.formula,
            source=metric.source,
            minimum_n=metric.minimum_n,
            low=target.low if target else None,
            high=target.high if target else None,
            value=value.value,
            n=value.n,
            state=value.state,
            before=_told(before),
            year=_told(year),
            detail=value.detail,
            estimated=value.estimated,
            months_off=_months_off(value),
            days=run.days if run else None,
            beyond=run.beyond if run else 0,
            noted=run.noted if run else False,
            near_low=near_low,
            near_high=near_high,
            accepted_until=accepted.until if accepted else None,
            accepted_by=accepted.by if accepted else "",
            accepted_for=accepted.reason if accepted else "",
            why=value.why,
            series=tuple(value.series),
            page=metric.page,
        )


def _told(value: Value | float | None) -> float | None:
    if isinstance(value, Value):
        return value.value if value.enough else None
    return value


def _months_off(value: Value) -> int:
    if value.since is None:
        return 0
    months = [month for month, _value in value.series]
    return len(months) - months.index(value.since)


@dataclass(frozen=True)
class Column:
    """A table's column: its title, and how its cells read (as a metric's unit, or as words or days)."""

    title: str
    kind: str = "words"


@dataclass(frozen=True)
class Table:
    """Rows behind a section; ``more`` others are left out, to be found on ``page``."""

    title: Said
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int = 0
    page: str = ""
    params: Where = field(default_factory=dict)

    @classmethod
    def of(
        cls, title: Said, columns: tuple[Column, ...], rows: Sequence[tuple[Cell, ...]], page: str, **params: str
    ) -> "Table":
        """The first rows, as many as are shown."""
        return cls(title, columns, tuple(rows[:LISTED]), max(0, len(rows) - LISTED), page, params)


class _OfMonth(Protocol):
    @property
    def month(self) -> str: ...


_Row = TypeVar("_Row", bound=_OfMonth)


@dataclass(frozen=True)
class Chart:
    """Few series over the same labels; ``title`` is the finding it proves, ``unit`` a metric's unit."""

    title: Said
    unit: str
    kind: Literal["columns", "lines", "bars"]
    labels: tuple[Cell, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]
    so_far: bool = False
    """Whether the last label is a month that was not over."""

    @classmethod
    def by_month(
        cls, title: Said, unit: str, rows: Sequence[_Row], series: Mapping[str, Callable[[_Row], float | None]]
    ) -> "Chart":
        """Columns over the last months there are rows of; ``series`` says by name what is drawn of a row."""
        shown = rows[-MONTHS:]
        drawn = tuple((name, tuple(map(value, shown))) for name, value in series.items())
        return cls(title, unit, "columns", tuple(row.month for row in shown), drawn)

    @property
    def tells(self) -> bool:
        """Whether there is anything to see: no counts of nothing."""
        values = [value for _name, values in self.series for value in values if value is not None]
        return any(values) or (self.unit == "percent" and bool(values))

    def until(self, day: date) -> "Chart":
        """The same as it stands on a ``day``: is its last month over by then?"""
        lasts = (day + timedelta(days=1)).month == day.month
        return replace(self, so_far=lasts and self.labels[-1:] == (f"{day:%Y-%m}",))


@dataclass(frozen=True)
class Proposal:
    """A decision the figures suggest: what, by whom, by when."""

    text: Said
    who: str = ""
    due_on: date | None = None
    page: str = ""
    params: Where = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """One system of the community's over the period. ``points`` are what the presenter may say, the first one first."""

    key: str
    title: str
    state: State
    headline: Said
    figures: tuple[Figure, ...]
    points: tuple[Said, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    comment: str = ""
    """What the presenter says of it."""

    @classmethod
    def of(
        cls,
        key: str,
        title: str,
        headline: Message,
        figures: Sequence[Figure],
        points: Sequence[Message | None] = (),
        **more: Any,
    ) -> "Section":
        """A section in the state of its figures: unknown where none rests on enough. No point is made of nothing."""
        known = [figure.state for figure in figures if figure.enough]
        state = loudest(known) if any(known) else State.UNKNOWN
        return cls(key, title, state, headline, tuple(figures), tuple(filter(None, points)), **more)


def loudest(states: Sequence[State | None]) -> State:
    """The state that asks most for action; on target without any."""
    return min((state for state in states if state is not None), key=_LOUD.index, default=State.ON_TARGET)


AgendaKind = Literal["overdue", "unfinished", "red", "decide"]


@dataclass(frozen=True)
class AgendaEntry:
    """What the meeting is to deal with: an overdue action, an unfinished one, a figure off target with its cause, a
    decision to take. ``days`` is how many days late."""

    kind: AgendaKind
    text: Said
    why: Said | None = None
    who: str = ""
    due_on: date | None = None
    days: int | None = None
    page: str = ""
    params: Where = field(default_factory=dict)


@dataclass(frozen=True)
class Review:
    """A period's review of a community, or of some of its grids."""

    community: str
    community_id: str
    period: str
    before: str
    year: str
    """The keys of the three periods."""
    as_of: date
    """The day its stocks are of."""
    written_at: str
    """The moment it was written, ISO, in UTC."""
    demonstration: bool
    agenda: tuple[AgendaEntry, ...]
    sections: tuple[Section, ...]
    grids: tuple[str, ...] = ()
    """Names of the grids it is cut to; none: the whole community."""
    format: int = field(default=FORMAT)

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure by its metric's key."""
        return {figure.metric: figure for section in self.sections for figure in section.figures}

    def packed(self) -> bytes:
        """As JSON."""
        return _REVIEW.dump_json(self)

    @staticmethod
    def unpacked(packed: bytes) -> "Review":
        """What ``packed`` wrote. Raises pydantic.ValidationError for anything else."""
        return _REVIEW.validate_json(packed)


_REVIEW: TypeAdapter[Review] = TypeAdapter(Review)


@dataclass(frozen=True)
class Difference:
    """A figure that is not any more what was shown."""

    figure: Figure
    """As it was shown."""
    value: float | None
    n: int


def differences(shown: Review, today: Review) -> tuple[Difference, ...]:
    """What a review written today says differently from the one shown: figures of the same metrics, by section."""
    now = today.figures
    return tuple(
        Difference(figure, now[key].value, now[key].n)
        for key, figure in shown.figures.items()
        if key in now and (now[key].value, now[key].n) != (figure.value, figure.n)
    )
