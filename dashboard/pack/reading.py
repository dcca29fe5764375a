"""How a review reads, in the language of whoever asks (see ``i18n.speaking``): what slides and files put on a page.

One function for each kind of text, so that a number reads the same wherever it stands.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboard import i18n
from dashboard.i18n import MISSING, _, figure_of, n_, say
from repository.metrics import Period, State, Target
from repository.review import AgendaEntry, Chart, Column, Figure, Review, Section, Table
from repository.words import Message, msg

AGENDA = {
    "overdue": msg("Overdue actions"),
    "unfinished": msg("Unfinished actions"),
    "red": msg("Off target"),
    "decide": msg("To be decided"),
}
MARKS = {
    State.ON_TARGET: "●",
    State.NEAR: "▲",
    State.OFF_TARGET: "■",
    State.ACCEPTED: "◆",
    State.UNKNOWN: "○",
}
"""A shape for each state beside its word and colour; every font has them."""
COLOURS = {
    State.ON_TARGET: "2E7D4F",
    State.NEAR: "B26A00",
    State.OFF_TARGET: "B3261E",
    State.ACCEPTED: "5B6770",
    State.UNKNOWN: "5B6770",
}
SERIES = ("1F5FA8", "D98A1F", "6B7785", "3C8D6E")


def named(review: Review) -> str:
    """What the review is called."""
    return _("Review of {period}", period=i18n.period(Period.of(review.period)))


def stamp(review: Review) -> str:
    """As of when it speaks, of what, and that its data is invented where it is: the foot of every page."""
    parts = [
        review.community,
        " · ".join(review.grids),
        _("as of {day}", day=i18n.date(review.as_of)),
        _("written {day}", day=review.written_at[:10]),
        say(msg("Demonstration: invented data")) if review.demonstration else "",
    ]
    return " · ".join(part for part in parts if part)


def amount(figure: Figure) -> str:
    """The value with its unit; what rests on too little is not told."""
    if not figure.enough:
        if 0 < figure.n < figure.minimum_n:
            return _("n = {n}, below {minimum}", n=i18n.number(figure.n), minimum=figure.minimum_n)
        return _("no data: {why}", why=say(figure.why)) if figure.why else _("no data")
    return ("≈ " if figure.estimated else "") + i18n.amount(figure.value, figure.unit)


def other(value: float | None, figure: Figure) -> str:
    """The figure in another period."""
    return i18n.amount(value, figure.unit) if value is not None else MISSING


def target(figure: Figure) -> str:
    """≥ 85, ≤ 15, or nothing."""
    return i18n.target_bounds(wanted(figure), figure.unit) or MISSING


def wanted(figure: Figure) -> Target:
    """What is wanted of a figure."""
    return Target(figure.low, figure.high)


def state(figure: Figure) -> str:
    """In words, and for how long."""
    if figure.state is None:
        return MISSING
    return " · ".join(filter(None, (marked(figure.state), accepted(figure) or run(figure))))


def accepted(figure: Figure) -> str | None:
    """Until when its deviation is accepted, and by whom."""
    if figure.accepted_until is None:
        return None
    return _("until {day}, {who}", day=i18n.day_short(figure.accepted_until), who=figure.accepted_by)


def run(figure: Figure) -> str | None:
    """For how many days it has been in its state, in words; nothing where that is not known, or it is as it should."""
    if not figure.days or figure.state is State.ON_TARGET:
        return None
    return i18n.days_badge(figure.days) if figure.noted else _("≥ {n} d", n=i18n.number(figure.days))


def figure_rows(figures: Iterable[Figure]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of figures."""
    head = [_("Figure"), _("Value"), _("Target"), _("State"), _("Period before"), _("A year ago")]
    rows = [
        [say(each.title), amount(each), target(each), state(each), other(each.before, each), other(each.year, each)]
        for each in figures
    ]
    return head, rows


def cell(value: Any, column: Column) -> str:
    """A table's cell in words."""
    if value is None:
        return MISSING
    if isinstance(value, Message | str):
        return say(value) if isinstance(value, Message) else value
    if isinstance(value, date):
        return i18n.date(value)
    if column.kind == "days":
        return i18n.number(value)
    return i18n.amount(value, column.kind) if column.kind in ("money", "percent") else figure_of(value, column.kind)[0]


def label(value: Any) -> str:
    """A chart's label."""
    return say(value) if isinstance(value, Message) else str(value)


def sort(chart: Chart) -> str:
    """What a chart's labels are, as the head of their column."""
    if chart.kind == "bars":
        return _("Category")
    return _("Month") if any("-" in str(each) for each in chart.labels) else _("Year")


def labels(chart: Chart) -> list[str]:
    """A chart's labels; a month that was not over has a star, which ``measured`` explains."""
    told = [label(each) for each in chart.labels]
    return [*told[:-1], f"{told[-1]}*"] if chart.so_far else told


def measured(chart: Chart) -> str:
    """A chart's unit in words, and what its star means."""
    words = unit(chart.unit)
    return _("{unit} (* the month so far)", unit=words) if chart.so_far else words


def plotted(values: Sequence[float | None], unit: str) -> list[float | None]:
    """A chart's values in the unit its axis names: % and yuan."""
    by = {"percent": 100.0, "money": 0.01}.get(unit, 1.0)
    return [None if value is None else value * by for value in values]


def unit(name: str) -> str:
    """A chart's unit in words."""
    return say(i18n.UNITS[name])


@dataclass(frozen=True)
class Read:
    """A table in words; the columns at ``right`` are numbers, ``note`` says what was left out."""

    title: str
    head: list[str]
    rows: list[list[str]]
    right: tuple[int, ...] = ()
    note: str = ""
    places: tuple[int, ...] = ()
    """Which of all columns are there."""


def entry(each: AgendaEntry) -> list[str]:
    """What, why, who, due, days late."""
    return [
        say(each.text),
        say(each.why) if each.why else "",
        each.who,
        i18n.date(each.due_on) if each.due_on else "",
        _("{n} d late", n=i18n.number(each.days)) if each.days else "",
    ]


LONG = (0, 1)
"""The agenda's columns of sentences, which may take a second line."""


def agenda(review: Review) -> Iterator[Read]:
    """The agenda by kind, without columns in which nothing stands."""
    head = [_("What"), _("Why"), _("Who"), _("Due"), _("Overdue")]
    for kind, title in AGENDA.items():
        rows = [entry(each) for each in review.agenda if each.kind == kind]
        places = tuple(place for place in range(len(head)) if any(row[place] for row in rows))
        if rows:
            yield Read(
                _("Agenda: {what}", what=say(title)),
                [head[place] for place in places],
                [[row[place] for place in places] for row in rows],
                places=places,
            )


def tabled(behind: Table) -> Read:
    """A section's table."""
    columns = behind.columns
    return Read(
        say(behind.title),
        [say(column.title) for column in columns],
        [[cell(value, column) for value, column in zip(row, columns, strict=True)] for row in behind.rows],
        tuple(place for place, column in enumerate(columns) if column.kind not in ("words", "day")),
        n_("{n} more in GridBoard", "{n} more in GridBoard", behind.more) if behind.more > 0 else "",
    )


def need(review: Review) -> str:
    """How many areas need action."""
    loud = sum(each.state in (State.OFF_TARGET, State.NEAR) for each in review.sections)
    return _("Areas that need action: {n} of {all}", n=loud, all=len(review.sections))


def heading(section: Section) -> str:
    """The section's name with its state in shape and word."""
    return f"{say(section.title)}　{marked(section.state)}"


def summary(review: Review) -> tuple[list[str], list[list[str]]]:
    """Every area, its state, its finding."""
    rows = [[say(each.title), marked(each.state), say(each.headline)] for each in review.sections]
    return [_("Section"), _("State"), _("In one sentence")], rows


def marked(which: State) -> str:
    """A state in shape and word."""
    return f"{MARKS[which]} {say(which.label)}"


def points(section: Section) -> list[str]:
    """What the presenter says, then the talking points."""
    comment = [_("Comment: {words}", words=section.comment)] if section.comment else []
    return comment + [say(point) for point in section.points]


def definitions(review: Review) -> list[tuple[str, str, str]]:
    """Name, formula, source of every figure, once."""
    return [
        (say(each.title), say(each.formula), say(each.source) if each.source else "")
        for each in review.figures.values()
    ]
