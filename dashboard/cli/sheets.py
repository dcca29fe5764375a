"""``gridboard import`` and ``gridboard export``: records as sheets, in and out."""

import argparse
import json
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from dashboard import i18n
from dashboard.cli.database import Stop, community_of, opened, operator
from dashboard.cli.files import written
from dashboard.cli.usage import Command
from repository.words import msg


# --- import
def bring_in(args: argparse.Namespace) -> int:
    """A sheet in, or a batch back."""
    if bool(args.file) == bool(args.undo):
        raise Stop(msg("Name a file to import, or a batch to take back with --undo."))
    if args.file and not (args.record or args.mapping):
        raise Stop(msg("Say what a row is with --record."))
    if args.file and not args.file.is_file():
        raise Stop(msg("There is no file {name}."), name=str(args.file))
    from repository import importer, migrations

    with opened() as store:
        migrations.migrate(store)
        importer.recover(store)
        return _take_back(store, args.undo) if args.undo else _bring_in(store, args)


def _bring_in(store: Any, args: argparse.Namespace) -> int:
    """Preview, ask, commit. A new community is entered only when rows come in."""
    from dashboard import imports
    from repository import importer

    mapping = _mapping_of(args)
    new = _new_community(store, args)
    needed = (mapping.record if mapping else args.record) != "communities"
    community_id = new.id if new else community_of(store, args.community, needed=needed)
    if mapping is None:
        sheet = importer.Sheet(args.file, args.file.name)
        kind = next(record for record in importer.sheet_records() if record.collection == args.record)
        mapping = importer.propose(kind, sheet, imports.EVERY_LANGUAGE)
    else:
        sheet = mapping.open(args.file, args.file.name)
    if args.create_missing:
        mapping = mapping.model_copy(update={"create_missing": mapping.creatable})
    if new and not mapping.zone:
        mapping = mapping.model_copy(update={"zone": new.time_zone})
    with written(args.problems) if args.problems else nullcontext() as rejected:
        seen = importer.preview(store, operator(), community_id, sheet, mapping, languages=imports.EVERY_LANGUAGE)
        if rejected is not None:
            seen.write_rejected(rejected, i18n.translator(i18n.current()))
    _tell(seen, args.file.name, mapping.kind)
    if seen.does_nothing:
        return 1 if seen.counts.rejected else 0
    if not _agreed(seen, args):
        print(i18n._("Nothing was imported."))
        return 1
    if new:
        store.insert(operator(), new)
    batch = importer.commit(store, operator(), seen, replacing=seen.replaces is not None)
    if batch is not None:
        print(
            i18n._("Imported: {what}. To take it back: gridboard import --undo {id}").format(
                what=imports.batch_line(batch), id=batch.id
            )
        )
        _tell_left(batch)
    return 0


def _mapping_of(args: argparse.Namespace) -> Any:
    """The mapping of a file, checked against --record; None without one."""
    from pydantic import ValidationError

    from repository import importer
    from repository.store import invalid

    if args.record:
        _require_sheets_of(args.record)
    if not args.mapping:
        return None
    try:
        mapping = importer.Mapping.model_validate(json.loads(args.mapping.read_text("utf-8")))
    except ValidationError as error:
        raise Stop(msg("{name} is no mapping."), invalid(error).problems, name=args.mapping) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise Stop(msg("{name} can't be read: {reason}."), name=args.mapping, reason=reason) from None
    except ValueError:
        raise Stop(msg("{name} is no mapping: it is not written in JSON."), name=args.mapping) from None
    if args.record and mapping.record != args.record:
        raise Stop(msg("That mapping makes {record}, not {other}."), record=mapping.record, other=args.record)
    return mapping


def _new_community(store: Any, args: argparse.Namespace) -> Any:
    """The community that --create-community names, not entered yet; None where it is not asked for or there already."""
    from repository.grids import new_community

    known = {one["code"] for one in store.communities(operator())}
    if not args.create_community or args.community in known:
        return None
    values = {"code": args.community or args.create_community, "name": args.create_community}
    return new_community(values | ({"time_zone": args.time_zone} if args.time_zone else {}))


def _tell(seen: Any, name: str, kind: Any) -> None:
    """What the rows of a file called ``name`` would change, and what is wrong with the first of them."""
    from dashboard import imports

    print(f"{name} → {i18n.say(kind.title)}")
    print("  " + " · ".join(f"{word} {i18n.number(n)}" for word, n in imports.counts(seen)))
    for line in imports.remarks(seen):
        print(f"  {line}")
    for problem in seen.problems[:10]:
        print(f"  {imports.problem_line(problem, kind)}")
    if (more := sum(seen.kinds.values()) - len(seen.problems[:10])) > 0:
        print(i18n._("  … and {n} more", n=i18n.number(more)))
    print(imports.verdict(seen))


def _agreed(seen: Any, args: argparse.Namespace) -> bool:
    """Whether the good rows may come in and, where they replace an earlier import's, those may go. Raises Stop where
    it was not said and nobody can be asked."""
    from dashboard import imports

    for said, asked, without in (
        (
            args.yes,
            i18n._("Import the good rows? [y/N] "),
            msg("Nothing was imported. Add --yes to import the good rows."),
        ),
        (
            args.replace or seen.replaces is None,
            i18n._("{what}? [y/N] ", what=imports.replacing(seen)),
            msg("Nothing was imported. Add --replace to let the rows of that import go."),
        ),
    ):
        if said:
            continue
        if not sys.stdin.isatty():
            raise Stop(without)
        if input(asked).strip().lower() not in {"y", "yes", "是"}:
            return False
    return True


def _take_back(store: Any, batch_id: str) -> int:
    """Undo, wherever the batch is."""
    from dashboard import imports
    from repository import importer
    from repository.store import NotFound

    for community_id in ["", *(one["_id"] for one in store.communities(operator()))]:
        with suppress(NotFound):
            batch = importer.undo(store, operator(), community_id, batch_id)
            print(i18n._("Taken back: {what}.", what=imports.batch_line(batch)))
            _tell_left(batch)
            return 0
    raise Stop(msg("There is no import {id}."), id=batch_id)


def _tell_left(batch: Any) -> None:
    from dashboard import imports

    for row in imports.left_rows(batch)[:20]:
        print("  " + " · ".join(str(value) for value in row.values() if value))


# --- export
def export(args: argparse.Namespace) -> int:
    """A collection out."""
    from repository import importer
    from repository.record import RECORDS

    _require_sheets_of(args.record)
    kind = RECORDS[args.record]
    out = args.out or Path(f"{args.record}.xlsx")
    form = out.suffix.lower().lstrip(".")
    if form not in {"csv", "xlsx"}:
        raise Stop(msg("Name a file that ends in .xlsx or .csv."))
    with opened() as store, written(out) as file:
        community_id = community_of(store, args.community, needed=args.record != "communities")
        translate = i18n.translator(i18n.current())
        n = importer.export(store, operator(), community_id, kind, file, form=form, translate=translate)
    print(i18n._("{n} {records} written to {file}.", n=i18n.number(n), records=i18n.say(kind.title), file=out))
    return 0


# --- what people type
def _sheet_names() -> str:
    from repository import importer

    return ", ".join(record.collection for record in importer.sheet_records())


def _require_sheets_of(name: str) -> None:
    """Raise Stop unless records of this name come and go as sheets."""
    if name not in (names := _sheet_names()).split(", "):
        raise Stop(msg("There are no records called {name}. Choose one of: {names}."), name=name, names=names)


class _Late(str):
    """A help text that names what comes as sheets: looked up when it is printed, for it takes the whole repository."""

    __slots__ = ()

    def __mod__(self, facts: Any) -> str:
        return super().__mod__({**facts, "sheets": _sheet_names()})


def _import_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a .csv or .xlsx file")
    made.add_argument("--record", metavar="NAME", help=_Late("what a row is: %(sheets)s"))
    made.add_argument("--mapping", type=Path, metavar="FILE.json", help="a saved mapping of columns and spellings")
    made.add_argument("--community", metavar="CODE", help="the community the rows belong to")
    made.add_argument("--create-community", metavar="NAME", help="… which is made, under that code, if there is none")
    made.add_argument("--time-zone", metavar="ZONE", help="… its time zone (default Asia/Shanghai)")
    made.add_argument("--create-missing", action="store_true", help="make the grids and people that rows name")
    made.add_argument("--yes", action="store_true", help="import the good rows without asking")
    made.add_argument(
        "--replace",
        action="store_true",
        help="… also where no column tells rows apart, so that the rows of this file's earlier import go",
    )
    made.add_argument("--problems", type=Path, metavar="OUT.csv", help="write the rejected rows and their reasons here")
    made.add_argument("--undo", metavar="BATCH", help="take back a batch; what was edited since stays and is listed")


def _export_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("record", metavar="RECORD", help=_Late("%(sheets)s"))
    made.add_argument("--community", metavar="CODE", help="only this community")
    made.add_argument("--out", type=Path, metavar="FILE", help="FILE.xlsx or FILE.csv (default: RECORD.xlsx)")


IMPORT = Command(
    "import",
    "bring in a CSV or Excel sheet, or take an import back",
    """\
导入 CSV 或 Excel 表格；可整批撤销。

Shows first what is new, changed, unchanged, flagged and rejected, then asks. The same file again changes nothing.""",
    bring_in,
    _import_options,
)
EXPORT = Command(
    "export",
    "write a collection to an Excel or CSV file",
    """\
导出为 Excel 或 CSV。""",
    export,
    _export_options,
)
