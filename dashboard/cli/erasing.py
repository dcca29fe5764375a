"""``gridboard erase-resident``: one resident taken out, after a look at what that takes."""

import argparse
import sys

from dashboard import i18n
from dashboard.cli.database import Stop, community_of, opened, operator
from dashboard.cli.usage import Command
from dashboard.settings import Settings
from repository.words import msg

REASONS = ("asked", "left", "mistake")


def erase(args: argparse.Namespace) -> int:
    """One resident, after a look at what that takes."""
    from dashboard import erasing
    from repository import erasure
    from repository.record import resident_key

    settings = Settings.from_environment()
    with opened(settings) as store:
        community_id = community_of(store, args.community)
        found = erasure.preview(store, operator(), community_id, args.code)
        if not found.records:
            raise Stop(msg("Nothing here names this code."))
        for kind, n, what in erasing.lines(found):
            print(f"  {kind}: {i18n.number(n)} · {what}")
        if not args.yes:
            if not sys.stdin.isatty():
                raise Stop(msg("Nothing was erased. Add --yes to erase without being asked."))
            if resident_key(input(i18n._("Type the code once more to erase for good: "))) != resident_key(args.code):
                print(i18n._("Nothing was erased."))
                return 1
        done = erasure.erase(store, operator(), community_id, args.code, args.because)
        erasing.note(store, settings)
    print(i18n._("Erased: {n} records. The code is not given again.", n=i18n.number(done.records)))
    return 0


def _options(made: argparse.ArgumentParser) -> None:
    made.add_argument("code", metavar="CODE", help="the resident's code, such as R-7K3Q")
    made.add_argument("--community", metavar="CODE", help="the community the resident belongs to")
    made.add_argument("--because", required=True, choices=REASONS, help="why")
    made.add_argument("--yes", action="store_true", help="erase without asking for the code a second time")


ERASE = Command(
    "erase-resident",
    "erase all that is kept of one resident",
    """\
清除一位居民的全部个人数据，不可恢复。

Shows first what goes, then asks for the code once more. Attendances are taken out and stay as heads counted; requests
and the work orders they became lose code, words and place; contacts and photos go. The code is not given again.""",
    erase,
    _options,
)
