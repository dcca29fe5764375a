"""A folder of backups: which of them are this database's, how old the newest is, which may go.

Several databases may share a folder, so a file's name bears the database's own id, which it keeps in ``meta``. A
restored copy is another database and gets another id: it neither counts nor removes what the first one left.
"""

import fcntl
import logging
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pymongo
from pymongo.errors import DuplicateKeyError

from repository.access import Actor
from repository.backup.taking import Taken, require_all, take
from repository.erasure import LedgerTrouble, ledger_name, note_ledger, read_ledger
from repository.store import META, WRITE_SECONDS, Store, our_errors

log = logging.getLogger("gridboard.backup")

IDENTITY = "identity"  # in META: which database this is
AHEAD = timedelta(minutes=5)
"""How far a file's name may run ahead of this machine's clock: servers differ by less."""
_PATTERN = re.compile(r"^gridboard-([0-9a-f]{8})-(\d{8}T\d{6})Z\.zip(\.age)?$")


@dataclass(frozen=True)
class Keep:
    """How many backups stay: the newest of so many days, weeks and months each."""

    days: int = 7
    weeks: int = 4
    months: int = 12


@dataclass(frozen=True)
class Copy:
    """One backup in a folder."""

    at: datetime
    path: Path
    bytes: int


@dataclass(frozen=True)
class Kept:
    """What a folder holds, newest first. ``ahead``: files of a moment that is still to come, because a clock was wrong
    or is wrong now; they stand for no backup, and stay. ``others``: how many files are of other databases."""

    copies: tuple[Copy, ...]
    ahead: tuple[Copy, ...]
    others: int

    @property
    def newest(self) -> datetime | None:
        """When the last backup was taken; None without one."""
        return self.copies[0].at if self.copies else None


def database_id(store: Store) -> str:
    """Which database this is: eight hex digits, drawn when they are first asked for. Raises Unavailable."""
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        while True:
            if found := store.db[META].find_one({"_id": IDENTITY}):
                return str(found["id"])
            try:
                store.db[META].insert_one({"_id": IDENTITY, "id": secrets.token_hex(4)})
            except DuplicateKeyError:
                continue  # another process was quicker


def name_of(database: str, at: datetime, *, encrypted: bool) -> str:
    """The file name of a backup of a database taken at a moment."""
    return f"gridboard-{database}-{at.astimezone(UTC):%Y%m%dT%H%M%S}Z.zip" + (".age" if encrypted else "")


def ledger_beside(path: Path) -> Path | None:
    """The list of erased residents beside a backup, if there is one of its database."""
    match = _PATTERN.match(path.name)
    beside = path.with_name(ledger_name(match[1])) if match else None
    return beside if beside is not None and beside.exists() else None


def note_erasures(store: Store, folder: Path) -> None:
    """Note beside the backups who was erased, for a restore of an older one: also in the lists of the databases from
    which this one was restored, for their backups stay. Raises OSError, Unavailable."""
    note_ledger(store, folder / ledger_name(database_id(store)))
    for path in folder.glob(ledger_name("*")):
        with suppress(LedgerTrouble):
            if read_ledger(path).key == store.erasure_key():
                note_ledger(store, path)


def kept(folder: Path, database: str, now: datetime) -> Kept:
    """The backups of a database in a folder; files that bear no such name, or hold nothing, are not looked at. Raises
    OSError for a folder that is not there or can't be read."""
    found, others = [], 0
    for path in folder.iterdir():
        match = _PATTERN.match(path.name)
        if not match:
            continue
        try:
            at, size = datetime.strptime(match[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC), path.stat().st_size
        except (ValueError, FileNotFoundError):  # no such day; or it has just been let go of
            continue
        if not size:
            continue  # a name that was reserved, by a process that was killed then
        if match[1] == database:
            found.append(Copy(at, path, size))
        else:
            others += 1
    found.sort(key=lambda copy: (copy.at, copy.path), reverse=True)
    ahead = tuple(copy for copy in found if copy.at > now + AHEAD)
    return Kept(tuple(found[len(ahead) :]), ahead, others)


def surplus(moments: Sequence[datetime], keep: Keep) -> list[datetime]:
    """Which backups may go: all but the newest of each of the last days, weeks and months, and never the newest."""
    newest = sorted(moments, reverse=True)
    staying = set(newest[:1])
    for form, most in (("%Y-%m-%d", keep.days), ("%G-%V", keep.weeks), ("%Y-%m", keep.months)):
        firsts: dict[str, datetime] = {}
        for moment in newest:
            firsts.setdefault(moment.strftime(form), moment)
        staying |= set(list(firsts.values())[:most])
    return [moment for moment in newest if moment not in staying]


def take_into(store: Store, actor: Actor, folder: Path, *, recipient: str = "", keep: Keep | None = None) -> Taken:
    """Take a backup into a folder and let go of this database's older ones that ``keep`` does not want. Raises as
    ``take`` does."""
    require_all(actor)
    return _take_into(store, actor, folder, database_id(store), recipient, keep)


def take_if_due(
    store: Store, actor: Actor, folder: Path, *, recipient: str = "", keep: Keep | None = None
) -> Taken | None:
    """The same if a backup is due; None if not, or while another process takes one: of several that ask in the same
    moment one does it. Raises as ``take`` does, and OSError."""
    require_all(actor)
    own = database_id(store)
    with _alone(folder, own) as alone:
        return _take_into(store, actor, folder, own, recipient, keep) if alone and due(store, folder) else None


@contextmanager
def _alone(folder: Path, database: str) -> Iterator[bool]:
    """Whether nobody else backs this database up into the folder; then nobody else does while this is entered. Where
    there can be no lock everybody is alone; what is wrong with the folder, whoever writes there is told."""
    with ExitStack() as held:
        try:
            # it stays: a file that is taken away locks nothing for whoever opened it before
            lock = held.enter_context((folder / f".gridboard-{database}.lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            log.info("no lock in %s: %s", folder, error)
        yield True


def _take_into(store: Store, actor: Actor, folder: Path, own: str, recipient: str, keep: Keep | None) -> Taken:
    taken = take(store, actor, folder / name_of(own, store.clock(), encrypted=bool(recipient)), recipient=recipient)
    if keep is not None:
        _let_go(folder, own, store.clock(), keep)
    return taken


def _let_go(folder: Path, database: str, now: datetime, keep: Keep) -> None:
    """The new backup is there: what goes wrong with the old ones is only told."""
    try:
        there = kept(folder, database, now)
        for copy in there.ahead:
            log.warning("%s bears a moment that is still to come; it stands for no backup, and stays", copy.path)
        going = set(surplus([copy.at for copy in there.copies], keep))
        for copy in there.copies:
            if copy.at in going:
                copy.path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("old backups could not be let go of: %s", error)


def due(store: Store, folder: Path, every: timedelta = timedelta(hours=24)) -> bool:
    """Is this database's newest backup in a folder older than that, or is there none? Raises Unavailable, OSError."""
    if not folder.is_dir():
        return True  # whoever takes it is told so
    now = store.clock()
    newest = kept(folder, database_id(store), now).newest
    return newest is None or now - newest >= every
