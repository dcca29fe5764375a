"""``gridboard backup`` and ``gridboard restore``: the whole database as one file, and back."""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from dashboard import i18n
from dashboard.cli.database import Stop, opened, operator
from dashboard.cli.running import serving
from dashboard.cli.usage import Command, argument
from dashboard.settings import Settings, keep_of
from repository.words import msg


def take(args: argparse.Namespace) -> int:
    """Everything into a file."""
    from repository import backup
    from repository.backup import Keep

    settings = Settings.from_environment()
    if args.new_key:
        secret, public = backup.new_identity()
        print(i18n._("Secret key; keep it away from this machine, without it no encrypted backup can be read:"))
        print(secret)
        print(i18n._("Public key, for --recipient or GRIDBOARD_BACKUP_RECIPIENT:"))
        print(public)
        return 0
    folder = args.folder or settings.backup_folder
    recipient = args.recipient or settings.backup_recipient
    if args.file is None and folder is None:
        raise Stop(msg("Name a file, or a folder with --folder."))
    with opened(settings) as store:
        if args.file is not None:
            taken = backup.take(store, operator(), args.file, recipient=recipient)
        else:
            keep = Keep(*(args.keep or settings.backup_keep))
            taken = backup.take_into(store, operator(), folder, recipient=recipient, keep=keep)
    size = i18n.number(taken.path.stat().st_size / 1e6, 1)
    print(i18n._("Backup written and read back: {path}, {size} MB.", path=taken.path, size=size))
    if taken.manifest.left_out:
        print(i18n._("Not GridBoard's, so not in it: {names}", names=", ".join(taken.manifest.left_out)))
    if taken.unrecorded is not None:
        print(
            i18n._("It is whole, but could not be put on record: {reason}", reason=i18n.say(taken.unrecorded)),
            file=sys.stderr,
        )
    return 0


def restore(args: argparse.Namespace) -> int:
    """A file into an empty database."""
    from repository import backup

    identity = ""
    if args.identity is not None:
        try:
            identity = args.identity.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise Stop(msg("{name} can't be read: {reason}."), name=args.identity, reason=str(error)) from None
    settings = Settings.from_environment()
    if args.check:
        manifest = backup.inspect(args.file, identity=identity)
        print(
            i18n._("The backup is whole: {n} documents of {when}.", n=i18n.number(manifest.documents), when=manifest.at)
        )
        return 0
    if pages := serving(settings.home):
        raise Stop(
            msg("Pages are served from this data folder by process {number}. Stop them first."), number=str(pages[0])
        )
    with closing(_to_fill(settings)) as store:
        ledger = args.erasures or None
        manifest = backup.restore(store, args.file, identity=identity, by=operator().name, ledger=ledger)
        if settings.audit_head is not None:  # noted of another database that was here before
            settings.audit_head.unlink(missing_ok=True)
    print(
        i18n._(
            "Restored and read back: {n} documents of {when}. Everybody has to sign in again.",
            n=i18n.number(manifest.documents),
            when=manifest.at,
        )
    )
    return 0


def _to_fill(settings: Settings) -> Any:
    """The store as its operator, who may do in the private database what the pages may not."""
    from repository.store import Store

    if settings.uri is not None:
        return Store.connect(settings.uri)
    from repository import embedded

    embedded.start(settings.home)
    return Store.connect(embedded.operator_uri(settings.home), embedded.APP_DATABASE)


def _backup_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the file to write")
    made.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="write into this folder, which is there, named by the moment (GRIDBOARD_BACKUP_FOLDER)",
    )
    made.add_argument(
        "--keep",
        type=argument(keep_of),
        metavar="D,W,M",
        help="… and keep so many days, weeks and months (GRIDBOARD_BACKUP_KEEP)",
    )
    made.add_argument(
        "--recipient", metavar="age1…", help="encrypt for this age public key (GRIDBOARD_BACKUP_RECIPIENT)"
    )
    made.add_argument("--new-key", action="store_true", help="only print a new pair of keys")


def _restore_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("file", type=Path, metavar="FILE", help="a backup")
    made.add_argument("--identity", type=Path, metavar="FILE", help="the secret age key of an encrypted backup")
    made.add_argument("--check", action="store_true", help="only read the file and say whether it is whole")
    made.add_argument(
        "--erasures",
        type=Path,
        metavar="FILE",
        help="who was erased since (default: the list beside the backup); also erasures.json of the old GRIDBOARD_HOME",
    )


BACKUP = Command(
    "backup",
    "write the whole database to one file, while people work",
    """\
把整个数据库备份到一个文件；备份时可以照常使用。

The file is written whole or not at all, readable by this user only. A backup that nobody has ever restored is a hope:
gridboard restore --check reads one, and a restore into another GRIDBOARD_HOME proves it.""",
    take,
    _backup_options,
)
RESTORE = Command(
    "restore",
    "fill an empty database from a backup",
    """\
从备份恢复到空数据库。

The file is judged before anything is written; the database opens only when everything reads back as it was.""",
    restore,
    _restore_options,
)
