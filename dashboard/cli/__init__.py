"""The ``gridboard`` command: the one place where everything is wired, and the one place that prints.

A command stands with its options and its help in the file of its matter; what is heavy is imported when one runs.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from dashboard import i18n
from dashboard.cli import accounts, backups, digest, erasing, running, seeding, sheets, trail, upkeep
from dashboard.cli.database import Stop
from dashboard.cli.running import Opening, address, prepare, serving
from dashboard.cli.seeding import load_demo
from dashboard.cli.usage import version_of
from dashboard.settings import ENGINE_VARIABLES, VARIABLES
from repository.words import Trouble

DESCRIPTION = """\
GridBoard: the dashboard a Chinese urban community opens every morning.
网格看板：社区每天早上打开的看板。

With nothing set, the data lives in a private MongoDB under GRIDBOARD_HOME; MONGODB_URI points to a server instead.
"""
ENVIRONMENT = "\n".join(
    [
        "environment (each NAME also as NAME_FILE, a file that holds the value):",
        *(f"  {name:<28} {what}" for name, what in VARIABLES.items()),
        "for the private MongoDB (not as a file):",
        *(f"  {name:<28} {what}" for name, what in ENGINE_VARIABLES.items()),
    ]
)
COMMANDS = (
    running.RUN,
    seeding.SEED,
    sheets.IMPORT,
    sheets.EXPORT,
    digest.DIGEST,
    upkeep.DOCTOR,
    running.STOP,
    accounts.USER,
    trail.AUDIT,
    backups.BACKUP,
    backups.RESTORE,
    erasing.ERASE,
    upkeep.ROLLUPS,
    upkeep.MIGRATE,
)
"""In the order in which the help lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0 done, 1 a problem that was printed as a sentence, 2 wrong usage."""
    with i18n.speaking(_language_of_terminal()):
        parsed = parser().parse_args(arguments)
        try:
            return parsed.do(parsed)
        except Trouble as trouble:
            print(i18n.say(trouble), file=sys.stderr)
            for field, problem in getattr(trouble, "problems", {}).items():
                print(f"  {field}: {i18n.say(problem)}", file=sys.stderr)
            return 1
        except EOFError:
            print(i18n._("There was no answer, so nothing was done."), file=sys.stderr)
            return 1
        except OSError as error:
            reason = error.strerror or str(error)
            about = f"{reason}: {error.filename}" if error.filename else reason
            print(i18n._("The system says: {reason}.", reason=about), file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130


def parser() -> argparse.ArgumentParser:
    """Every command with its options and help."""
    top = argparse.ArgumentParser(
        prog="gridboard",
        description=DESCRIPTION,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"gridboard {version_of('gridboard')}")
    added = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        made = added.add_parser(
            command.name,
            help=command.line,
            description=f"{command.line[0].upper()}{command.line[1:]}.\n{command.more}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(do=command.do)
        command.options(made)
    return top


def _language_of_terminal() -> str:
    """The system's language, English when it names none."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "zh" if os.environ[name].lower().startswith("zh") else "en"
    return "en"


__all__ = [
    "Opening",
    "Stop",
    "address",
    "load_demo",
    "main",
    "parser",
    "prepare",
    "serving",
]
