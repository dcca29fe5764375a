"""The words of an import: what the Data page and the command line say about a preview, a problem, a batch."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from dashboard.i18n import LANGUAGES, MISSING, _, current, datetime_, listed, n_, number, say, translator
from repository import importer
from repository.importer import ID, ImportBatch, Mapping, Preview, Problem
from repository.record import RECORDS, Record, Ref

EVERY_LANGUAGE = [translator(language) for language in LANGUAGES]
"""A sheet may be written in any of them, whoever reads it."""

LEVELS = ("rejected", "flagged", "note")


def level(problem: Problem) -> str:
    """What became of the row."""
    return {
        "rejected": _("stays out"),
        "flagged": _("comes in, flagged"),
        "note": _("comes in"),
    }[problem.level]


def field_title(record: type[Record], name: str) -> str:
    """A field's title in the reader's language; ``details.area_m2`` is "Details: Area"."""
    if name == ID:
        return _("Id")
    targets = importer.fields_of(record)
    if name in targets:
        return targets[name].title(translator(current()))
    return say(record.model_fields[name].title or name) if name in record.model_fields else name


def counts(preview: Preview) -> list[tuple[str, int]]:
    """The figures of a preview, by name; those that are only sometimes there are left out when 0."""
    found = preview.counts
    always = [
        (_("Rows"), found.rows),
        (_("New"), found.new),
        (_("Changed"), found.changed),
        (_("Unchanged"), found.unchanged),
        (_("Flagged"), found.flagged),
        (_("Kept out"), found.rejected),
    ]
    return always + [(_("Taken out"), found.removed)] * bool(found.removed)


def verdict(preview: Preview) -> str:
    """One sentence: what importing would do."""
    found = preview.counts
    if preview.same and preview.does_nothing:
        return _(
            "This content came in on {when} already. There is nothing to import.",
            when=datetime_(preview.same.at, preview.zone),
        )
    if preview.does_nothing:
        if found.rejected:
            return _("No row can come in; see why below.")
        return _("Everything in this file is there already.")
    parts = []
    if found.new:
        parts.append(n_("{n} new row", "{n} new rows", found.new))
    if found.changed:
        parts.append(n_("{n} changed row", "{n} changed rows", found.changed))
    what = listed(parts)
    if found.rejected:
        return _("{what} will come in, {n} stay out.", what=what, n=number(found.rejected))
    return _("{what} will come in.", what=what)


def remarks(preview: Preview) -> Iterator[str]:
    """What else a person should know before confirming."""
    if preview.replaces:
        yield _(
            "No column tells the rows of this file apart, so it takes the place of the import of {file} on {when}: "
            "{n} rows of that go. If this is another sheet, give its file another name.",
            file=preview.replaces.source,
            when=datetime_(preview.replaces.at, preview.zone),
            n=number(preview.counts.removed),
        )
    for collection, names in preview.made.items():
        yield _(
            "{n} {records} will be made because rows name them: {names}",
            n=number(len(names)),
            records=say(RECORDS[collection].title),
            names=listed(names[:8]) + (" …" if len(names) > 8 else ""),
        )
    unfed = [
        field_title(preview.mapping.kind, name)
        for name, target in importer.fields_of(preview.mapping.kind).items()
        if target.spec.required and "." not in name and name not in preview.mapping.columns
    ]
    if unfed and preview.counts.rejected:
        yield _("No column feeds {fields}, which every new record needs.", fields=listed(unfed))


def replacing(preview: Preview) -> str:
    """What somebody has to say yes to before rows of an earlier import go."""
    return n_("{n} row of the earlier import may go", "{n} rows of the earlier import may go", preview.counts.removed)


def nameless(preview: Preview) -> dict[str, str]:
    """The references whose missing records the import could make from their names: what they are called, by field."""
    marks = {name: importer.fields_of(preview.mapping.kind)[name].spec.mark for name in preview.mapping.creatable}
    headers = {name: listed(preview.mapping.columns[name].headers) for name in marks}
    unknown = {column for _level, column, text in preview.kinds if text == importer.UNKNOWN_NAME}
    return {
        name: say(RECORDS[mark.to].title)
        for name, mark in marks.items()
        if isinstance(mark, Ref) and headers[name] in unknown and name not in preview.mapping.create_missing
    }


def problem_row(problem: Problem, record: type[Record]) -> dict[str, Any]:
    """A problem as a row of a table."""
    return {
        _("Row"): problem.row,
        _("Column"): problem.column or field_title(record, problem.field) if problem.field else MISSING,
        _("What stands there"): problem.text,
        _("What is the matter"): say(problem.message),
        _("The row"): level(problem),
    }


def problem_line(problem: Problem, record: type[Record]) -> str:
    """A problem as a line of text."""
    row = problem_row(problem, record)
    where = _("Row {row}, {column}", row=problem.row, column=row[_("Column")])
    return f"{where}: {say(problem.message)} ({problem.text}) – {level(problem)}"


def change_rows(preview: Preview, limit: int = 200) -> list[dict[str, Any]]:
    """What would change, field by field."""
    return [
        {
            _("Row"): change.row,
            _("Record"): change.name,
            _("Field"): field_title(preview.mapping.kind, change.field),
            _("Stands there"): _said(change.before, preview),
            _("Sheet says"): _said(change.after, preview),
            _("Last changed by"): change.by,
        }
        for change in preview.changes[:limit]
    ]


def _said(value: Any, preview: Preview) -> str:
    if value is None:
        return MISSING
    if isinstance(value, datetime):
        return datetime_(value, preview.zone)
    return ", ".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def batch_line(batch: ImportBatch) -> str:
    """What a finished batch did."""
    parts = [
        (n_("{n} new row", "{n} new rows", batch.new), batch.new),
        (n_("{n} changed row", "{n} changed rows", batch.changed), batch.changed),
        (n_("{n} row taken out", "{n} rows taken out", batch.removed), batch.removed),
        (n_("{n} row left alone", "{n} rows left alone", batch.left), batch.left),
    ]
    return listed(text for text, n in parts if n) or _("nothing")


def left_rows(batch: ImportBatch) -> list[dict[str, Any]]:
    """The rows a batch left as they are, and why."""
    return [
        {_("Record"): row.name, _("Why it was left"): say(row.why.label), _("Changed by"): row.by}
        for row in batch.left_rows
    ]


def mapping_for(
    record: type[Record], sheet: importer.Sheet, saved: Sequence[tuple[str, Mapping]] = ()
) -> tuple[str, Mapping]:
    """The saved mapping whose columns the sheet has, the fullest first, with its name; else a proposal, named ""."""
    fitting = [
        (name, mapping)
        for name, mapping in saved
        if all(header in sheet.columns for column in mapping.columns.values() for header in column.headers)
    ]
    if fitting:
        return max(fitting, key=lambda named: len(named[1].columns))
    return "", importer.propose(record, sheet, EVERY_LANGUAGE)
