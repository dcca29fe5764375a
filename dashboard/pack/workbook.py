"""A review as an Excel workbook: every figure as a number, and the lists behind the sections, whole rows."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from dashboard import i18n, spreadsheets
from dashboard.i18n import _, say
from dashboard.pack import Told, reading, to_nobody
from repository.review import AgendaEntry, Chart, Column, Figure, Review
from repository.words import Message

Row = Mapping[str, Any]


def workbook(review: Review, told: Told = to_nobody) -> bytes:
    """The review as an .xlsx in the reader's language: figures, agenda, a sheet for each list, definitions; ``told``
    how many of its sections are read."""
    sheets: dict[str, list[Row]] = {
        _("Figures"): [_figure(say(section.title), each) for section in review.sections for each in section.figures],
        _("Agenda"): [_entry(row) for row in review.agenda],
    }
    for place, section in enumerate(review.sections):
        told(place, len(review.sections) + 1)
        for chart in section.charts:
            sheets[_name(sheets, say(chart.title))] = _drawn(chart)
        for table in section.tables:
            sheets[_name(sheets, say(table.title))] = [
                {_heading(column): _cell(value, column) for value, column in zip(row, table.columns, strict=True)}
                for row in table.rows
            ]
    sheets[_("Definitions")] = [
        {_("Figure"): name, _("How it is worked out"): formula, _("Source"): source}
        for name, formula, source in reading.definitions(review)
    ]
    sheets[_("About")] = [{_("About"): line} for line in (reading.named(review), *reading.stamp(review).split(" · "))]
    return spreadsheets.book(sheets)


def _drawn(chart: Chart) -> list[Row]:
    unit = reading.measured(chart)
    columns = {f"{say(name)} ({unit})": reading.plotted(values, chart.unit) for name, values in chart.series}
    return [
        {reading.sort(chart): of} | {title: values[place] for title, values in columns.items()}
        for place, of in enumerate(reading.labels(chart))
    ]


def _name(taken: Mapping[str, Any], title: str) -> str:
    """A sheet's name that is not taken yet: Excel has room for 31 characters."""
    name = title[:31].strip()
    number = 2
    while name.casefold() in {each.casefold() for each in taken}:
        name = f"{title[:27].strip()} ({number})"
        number += 1
    return name


def _figure(area: str, figure: Figure) -> Row:
    return {
        _("Section"): area,
        _("Figure"): say(figure.title),
        _("Value"): _measured(figure.value if figure.enough else None, figure.unit),
        _("Unit"): reading.unit(figure.unit),
        "n": figure.n,
        _("At least"): _measured(figure.low, figure.unit),
        _("At most"): _measured(figure.high, figure.unit),
        _("State"): say(figure.state.label) if figure.state else say(figure.why) if figure.why else None,
        _("Months not on target"): figure.months_off or None,
        _("Days in this state, at least"): figure.days,
        _("Days beyond the allowed time, at least"): figure.beyond or None,
        _("Accepted until"): figure.accepted_until,
        _("Accepted by"): figure.accepted_by or None,
        _("Accepted because"): figure.accepted_for or None,
        _("Period before"): _measured(figure.before, figure.unit),
        _("A year ago"): _measured(figure.year, figure.unit),
    }


def _measured(value: float | None, unit: str) -> float | None:
    return reading.plotted([value], unit)[0]


def _entry(each: AgendaEntry) -> Row:
    what, why, who, _due, _late = reading.entry(each)
    return {
        _("Kind"): say(reading.AGENDA[each.kind]),
        _("What"): what,
        _("Why"): why,
        _("Who"): who,
        _("Due"): each.due_on,
        _("Days late"): each.days,
    }


def _heading(column: Column) -> str:
    title = say(column.title)
    if column.kind in ("percent", "money"):
        return f"{title} ({i18n.say(i18n.UNITS[column.kind])})"
    return title


def _cell(value: Any, column: Column) -> Any:
    if isinstance(value, Message):
        return say(value)
    if isinstance(value, date | str) or value is None:
        return value
    return _measured(value, column.kind)
