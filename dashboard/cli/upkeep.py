"""``gridboard doctor``, ``rollups`` and ``migrate``: is all well, and what brings it back."""

import argparse
import sys
import unicodedata
from pathlib import Path
from typing import Any

from dashboard import i18n
from dashboard.cli.database import communities_called, opened, operator
from dashboard.cli.running import serving
from dashboard.cli.usage import Command, version_of
from dashboard.settings import Settings
from repository.words import Trouble

DOCTOR_ORDERS = 100_000  # up to so many work orders the doctor counts them again, in some seconds


# --- doctor
def doctor(_args: argparse.Namespace) -> int:
    """Facts first, then what needs attention. Starts nothing."""
    settings = Settings.from_environment()
    bad: list[str] = []
    versions = f"{version_of('gridboard')}, Python {sys.version.split()[0]}, Streamlit {version_of('streamlit')}"
    _fact("GridBoard", versions)
    _fact(i18n._("Program"), Path(__file__).parents[1])
    if settings.embedded:
        running = _look_at_ours(settings, bad)
    else:
        running = True
        _fact(i18n._("Database"), i18n._("the server behind MONGODB_URI"))
    if running:
        try:
            with opened(settings) as store:
                _look_into(store, settings, bad)
        except Trouble as trouble:
            bad.append(i18n.say(trouble))
    for line in bad:
        print(f"! {line}")
    return 1 if bad else 0


def _look_at_ours(settings: Settings, bad: list[str]) -> bool:
    """Binary, folder, disk of the private server; is it running?"""
    from repository import embedded

    status = embedded.status(settings.home)
    _fact(i18n._("Data folder"), settings.home)
    running = i18n._("private, running as process {number}", number=status.pid)
    _fact(i18n._("Database"), running if status.running else i18n._("private, not running"))
    _fact("mongod", f"{status.binary} {status.binary_version}" if status.binary else i18n._("not found"))
    _fact(i18n._("Log"), status.log)
    _fact(i18n._("Free disk"), f"{status.free_bytes / 1e9:.1f} GB")
    if status.binary is None:
        try:
            embedded.find_binary()
        except Trouble as trouble:
            bad.append(i18n.say(trouble))
    if status.free_bytes < 1_000_000_000:
        bad.append(i18n._("Less than 1 GB of disk space is free; make room before the database has to stop."))
    pages = ", ".join(map(str, serving(settings.home)))
    _fact(i18n._("Pages"), i18n._("served by process {number}", number=pages) if pages else i18n._("not served"))
    return status.running


def _look_into(store: Any, settings: Settings, bad: list[str]) -> None:
    """What only a running database can tell: version, how far it is migrated, whether the counters are right."""
    from repository import migrations, recount

    engine = store.engine()
    _fact(i18n._("Engine"), f"MongoDB {engine.version}, {engine.topology}")
    bad.extend(i18n.say(warning) for warning in engine.warnings if not settings.embedded)
    waiting = migrations.pending(store)
    pending = i18n._("{n} pending: {names}", n=i18n.number(len(waiting)), names=", ".join(waiting))
    _fact(i18n._("Migrations"), pending if waiting else i18n._("none pending"))
    if waiting:
        bad.append(i18n._("The database is not up to date. Run: gridboard migrate"))
    names = store.db.list_collection_names()
    _fact(i18n._("Indexes"), i18n.number(sum(len(store.db[name].index_information()) for name in names)))
    orders = store.db["work_orders"].estimated_document_count()
    if orders > DOCTOR_ORDERS:
        long = i18n._("not checked: {n} work orders take a while; run gridboard rollups check", n=i18n.number(orders))
        _fact(i18n._("Counters"), long)
        return
    wrong = any(recount.check(store, operator(), one["_id"]) for one in store.communities(operator()))
    _fact(i18n._("Counters"), i18n._("differ from the records") if wrong else i18n._("agree with the records"))
    if wrong:
        bad.append(i18n._("Some counters differ from their records. Run: gridboard rollups rebuild"))


def _fact(name: str, value: object) -> None:
    width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)
    print(f"{name}:{' ' * max(1, 12 - width)}{value}")


# --- rollups and migrate
def rollups(args: argparse.Namespace) -> int:
    """Counters against records."""
    from repository import recount

    wrong = 0
    with opened() as store:
        for one in communities_called(store, args.community):
            if args.action == "rebuild":
                steps = recount.rebuild(store, operator(), one["_id"])
                print(i18n._("{name}: rebuilt in {steps} steps.", name=one["name"], steps=i18n.number(steps)))
                continue
            found = recount.check(store, operator(), one["_id"])
            wrong += len(found)
            print(i18n._("{name}: {n} counters differ from the records.", name=one["name"], n=i18n.number(len(found))))
            for each in found[:20]:
                where = "|".join(filter(None, (each.place.subject, each.place.level, each.place.period)))
                print(f"  {where} {each.place.grid} {each.place.category} {each.path}: {each.kept} ≠ {each.counted}")
    return 1 if wrong else 0


def migrate(args: argparse.Namespace) -> int:
    """The ledger of steps, validators and indexes."""
    from repository import migrations

    with opened() as store:
        done = migrations.pending(store) if args.check else migrations.migrate(store)
    for name in done:
        print(name)
    if not done:
        print(i18n._("The database is up to date."))
    return 1 if args.check and done else 0


# --- what people type
def _rollups_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("action", choices=["check", "rebuild"], help="check only reads; rebuild writes what is wrong")
    made.add_argument("--community", metavar="CODE", help="only this community")


def _migrate_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--check", action="store_true", help="only list what is pending; exit code 1 if anything is")


DOCTOR = Command(
    "doctor",
    "say whether all is well: engine, versions, paths, disk, indexes, counters",
    """\
检查运行环境、版本、路径、磁盘、索引和汇总数。

Changes nothing. Exit code 1 when something needs attention.""",
    doctor,
)
ROLLUPS = Command(
    "rollups",
    "compare the monthly counters with the records, or rebuild them",
    """\
核对或重建月度汇总。""",
    rollups,
    _rollups_options,
)
MIGRATE = Command(
    "migrate",
    "bring the database to the form this version needs",
    """\
把数据库升级到本版本需要的形式。

`gridboard run` does it by itself; several processes may do it at once.""",
    migrate,
    _migrate_options,
)
