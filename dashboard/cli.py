"""The ``gridboard`` command: the one place where everything is wired, and the one place that prints."""

import argparse
import gc
import getpass
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from dashboard import i18n
from dashboard.settings import (
    ENGINE_VARIABLES,
    HOST,
    PORT,
    ROLE,
    VARIABLES,
    Settings,
    SignInBy,
    keep_of,
    port_number,
    role_named,
)
from repository.words import Message, Trouble, msg

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


class Stop(Trouble):
    """A command can't go on; the message says what to do, and ``problems`` where."""

    def __init__(self, text: str, problems: Mapping[str, Message] | None = None, **facts: Any) -> None:
        super().__init__(text, **facts)
        self.problems = problems or {}


log = logging.getLogger("gridboard")


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


def _language_of_terminal() -> str:
    """The system's language, English when it names none."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "zh" if os.environ[name].lower().startswith("zh") else "en"
    return "en"


# ── the words of the command line ───────────────────────────────────────────────────────────────────────────────────


def parser() -> argparse.ArgumentParser:
    """Every command with its options and help."""
    top = argparse.ArgumentParser(
        prog="gridboard",
        description=DESCRIPTION,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"gridboard {_version()}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, do: Callable[[argparse.Namespace], int], line: str, more: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=line,
            description=f"{line[0].upper()}{line[1:]}.\n{more}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(do=do)
        return made

    run = command("run", run_command, "start the database and serve the pages", RUN)
    demo = run.add_mutually_exclusive_group()
    demo.add_argument("--demo", action="store_true", help="load the D community demonstration into an empty database")
    demo.add_argument("--demo-if-new", action="store_true", help="the same, only if the private database is brand-new")
    run.add_argument(
        "--host", help=f"address to serve on (default: HOST, else {HOST}; 0.0.0.0 opens it to the network)"
    )
    run.add_argument(
        "--port", type=_port, help=f"port (default: PORT, else {PORT} or, where that is taken, the next free one)"
    )
    run.add_argument("--role", help=f"role of everybody who opens the page (default: GRIDBOARD_ROLE, else {ROLE})")

    seed = command("seed", seed_command, "fill a database with demonstration or benchmark data", SEED)
    seed.add_argument("--demo", action="store_true", help="the D community demonstration, into an empty database")
    seed.add_argument(
        "--as-of", type=_day, metavar="DATE", help="the day the demonstration's history ends (YYYY-MM-DD)"
    )
    seed.add_argument("--work-orders", type=_count, metavar="N", help="benchmark data: how many work orders")
    seed.add_argument(
        "--communities", type=_count, metavar="K", default=1, help="… spread over K communities (default 1)"
    )
    seed.add_argument(
        "--attendances", type=_count, metavar="M", default=0, help="… with M attendances as well (default none)"
    )
    seed.add_argument(
        "--rounds", type=_count, metavar="R", default=0, help="… with R inspections and entries (default none)"
    )
    seed.add_argument(
        "--requests",
        type=_count,
        metavar="Q",
        default=0,
        help="… with Q requests, and patrols, sign-ups, meetings, staff and projects to them (default none)",
    )
    seed.add_argument("--seed", type=int, metavar="S", default=1, help="… the random numbers' seed (default 1)")

    bring = command("import", import_command, "bring in a CSV or Excel sheet, or take an import back", IMPORT)
    bring.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a .csv or .xlsx file")
    bring.add_argument("--record", metavar="NAME", help=_Late("what a row is: %(sheets)s"))
    bring.add_argument("--mapping", type=Path, metavar="FILE.json", help="a saved mapping of columns and spellings")
    bring.add_argument("--community", metavar="CODE", help="the community the rows belong to")
    bring.add_argument("--create-community", metavar="NAME", help="… which is made, under that code, if there is none")
    bring.add_argument("--time-zone", metavar="ZONE", help="… its time zone (default Asia/Shanghai)")
    bring.add_argument("--create-missing", action="store_true", help="make the grids and people that rows name")
    bring.add_argument("--yes", action="store_true", help="import the good rows without asking")
    bring.add_argument(
        "--replace",
        action="store_true",
        help="… also where no column tells rows apart, so that the rows of this file's earlier import go",
    )
    bring.add_argument(
        "--problems", type=Path, metavar="OUT.csv", help="write the rejected rows and their reasons here"
    )
    bring.add_argument("--undo", metavar="BATCH", help="take back a batch; what was edited since stays and is listed")

    export = command("export", export_command, "write a collection to an Excel or CSV file", EXPORT)
    export.add_argument("record", metavar="RECORD", help=_Late("%(sheets)s"))
    export.add_argument("--community", metavar="CODE", help="only this community")
    export.add_argument("--out", type=Path, metavar="FILE", help="FILE.xlsx or FILE.csv (default: RECORD.xlsx)")

    digest = command("digest", digest_command, "write a period's review as a short text, and as a PDF", DIGEST)
    digest.add_argument("--community", metavar="CODE", help="the community; may be left out where there is only one")
    digest.add_argument(
        "--period",
        default="month",
        metavar="PERIOD",
        help="month, quarter or year: the last one that is over (default month); or 2026-04, 2026Q2, 2026, "
        "2026-02..2026-06",
    )
    digest.add_argument("--language", choices=i18n.LANGUAGES, help="zh or en (default: the terminal's)")
    digest.add_argument("--pdf", type=Path, metavar="FILE.pdf", help="the whole review too, in this file")

    command(
        "doctor", doctor_command, "say whether all is well: engine, versions, paths, disk, indexes, counters", DOCTOR
    )
    command("stop", stop_command, "stop the pages served from this data folder, and the private database", STOP)

    user = command("user", user_command, "open, change and close the accounts of those who sign in", USER)
    user.add_argument("action", choices=USER_ACTIONS, help="what to do")
    user.add_argument("login", nargs="?", metavar="NAME", help="the sign-in name")
    user.add_argument("--name", metavar="TEXT", help="the person's name (default: the sign-in name)")
    user.add_argument(
        "--role", metavar="ROLE", help="viewer, grid_worker, facility_manager, editor, secretary or admin"
    )
    user.add_argument("--community", metavar="CODE", action="append", help="bound to this community; may be repeated")
    user.add_argument("--grid", metavar="CODE", action="append", help="bound to this grid; may be repeated")
    user.add_argument("--person", metavar="NAME", help="who this is in the people register")
    user.add_argument("--company", metavar="NAME", help="the company whose work is this account's too")
    user.add_argument("--subject", metavar="NAME", help="the name under which a single sign-on knows the person")
    user.add_argument("--no-password", action="store_true", help="add: only through a single sign-on")

    trail = command("audit", audit_command, "seal the audit trail, or check that nothing in it was changed", AUDIT)
    trail.add_argument(
        "action", choices=["seal", "verify"], help="verify changes nothing; exit code 1 if a seal breaks"
    )
    trail.add_argument("--head", metavar="DIGEST", default="", help="verify: a digest that was written down elsewhere")
    trail.add_argument(
        "--adopt", action="store_true", help="seal: vouch for the trail as it stands, also without the earlier key"
    )

    backup = command("backup", backup_command, "write the whole database to one file, while people work", BACKUP)
    backup.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the file to write")
    backup.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="write into this folder, which is there, named by the moment (GRIDBOARD_BACKUP_FOLDER)",
    )
    backup.add_argument(
        "--keep", type=_keep, metavar="D,W,M", help="… and keep so many days, weeks and months (GRIDBOARD_BACKUP_KEEP)"
    )
    backup.add_argument(
        "--recipient", metavar="age1…", help="encrypt for this age public key (GRIDBOARD_BACKUP_RECIPIENT)"
    )
    backup.add_argument("--new-key", action="store_true", help="only print a new pair of keys")

    back = command("restore", restore_command, "fill an empty database from a backup", RESTORE)
    back.add_argument("file", type=Path, metavar="FILE", help="a backup")
    back.add_argument("--identity", type=Path, metavar="FILE", help="the secret age key of an encrypted backup")
    back.add_argument("--check", action="store_true", help="only read the file and say whether it is whole")

    back.add_argument(
        "--erasures",
        type=Path,
        metavar="FILE",
        help="who was erased since (default: the list beside the backup); also erasures.json of the old GRIDBOARD_HOME",
    )

    gone = command("erase-resident", erase_command, "erase all that is kept of one resident", ERASE)
    gone.add_argument("code", metavar="CODE", help="the resident's code, such as R-7K3Q")
    gone.add_argument("--community", metavar="CODE", help="the community the resident belongs to")
    gone.add_argument("--because", required=True, choices=ERASE_REASONS, help="why")
    gone.add_argument("--yes", action="store_true", help="erase without asking for the code a second time")

    rollups = command(
        "rollups", rollups_command, "compare the monthly counters with the records, or rebuild them", ROLLUPS
    )
    rollups.add_argument("action", choices=["check", "rebuild"], help="check only reads; rebuild writes what is wrong")
    rollups.add_argument("--community", metavar="CODE", help="only this community")

    migrate = command("migrate", migrate_command, "bring the database to the form this version needs", MIGRATE)
    migrate.add_argument("--check", action="store_true", help="only list what is pending; exit code 1 if anything is")
    return top


class _Late(str):
    """A help text that names what comes as sheets: looked up when it is printed, for it takes the whole repository."""

    __slots__ = ()

    def __mod__(self, facts: Any) -> str:
        return super().__mod__({**facts, "sheets": _sheet_names()})


RUN = """\
启动数据库并打开看板。

Prints the address when it is serving. An empty database is greeted by a page that offers the demonstration or your own
sheets; only --demo and --demo-if-new load anything. People sign in with accounts (see `gridboard user`); the first one
is opened at the set-up address printed here. The demonstration has no sign-in: anybody may try every role."""
SEED = """\
写入演示数据或性能测试数据。

Benchmark data (--work-orders) goes only into an empty database, which is then marked as being for benchmarks."""
IMPORT = """\
导入 CSV 或 Excel 表格；可整批撤销。

Shows first what is new, changed, unchanged, flagged and rejected, then asks. The same file again changes nothing."""
EXPORT = """\
导出为 Excel 或 CSV。"""
DIGEST = """\
写出某一时段的评议摘要（可粘贴到微信或邮件），并可另存 PDF。

The text goes to the standard output; it says what every reader may see. For a cron job, on the 1st of each month:
  gridboard digest --period month --language zh --pdf /srv/reviews/month.pdf | mail -s 月度评议 team@example.org"""
DOCTOR = """\
检查运行环境、版本、路径、磁盘、索引和汇总数。

Changes nothing. Exit code 1 when something needs attention."""
STOP = """\
停止看板和它自带的数据库。

The data stays where it is; `gridboard run` starts it again. A server behind MONGODB_URI is never touched."""
ROLLUPS = """\
核对或重建月度汇总。"""
BACKUP = """\
把整个数据库备份到一个文件；备份时可以照常使用。

The file is written whole or not at all, readable by this user only. A backup that nobody has ever restored is a hope:
gridboard restore --check reads one, and a restore into another GRIDBOARD_HOME proves it."""
RESTORE = """\
从备份恢复到空数据库。

The file is judged before anything is written; the database opens only when everything reads back as it was."""
ERASE = """\
清除一位居民的全部个人数据，不可恢复。

Shows first what goes, then asks for the code once more. Attendances are taken out and stay as heads counted; requests
and the work orders they became lose code, words and place; contacts and photos go. The code is not given again."""
ERASE_REASONS = ("asked", "left", "mistake")
USER = """\
管理可以登录的账号。

add and password print a first password once; its owner has to change it at the first sign-in, within three days. lock
ends all sign-ins of the account; what its owner did stays on record."""
USER_ACTIONS = ("add", "list", "role", "password", "lock", "unlock", "sign-out", "remove")
AUDIT = """\
封存或核对操作记录。

The running server seals by itself, what is written within some twenty minutes. The digest that is printed can be
written down elsewhere and given to verify. After a lost or new key nothing is sealed until a person looked at the trail
and ran seal --adopt; verify names that seal from then on."""
MIGRATE = """\
把数据库升级到本版本需要的形式。

`gridboard run` does it by itself; several processes may do it at once."""


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gridboard")
    except PackageNotFoundError:
        return "(not installed)"


def _port(text: str) -> int:
    try:
        return port_number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    number = text.replace(",", "").replace("_", "")
    if not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not {text!r}")
    return int(number)


def _keep(text: str) -> Any:
    try:
        return keep_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _day(text: str) -> Any:
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day like 2026-04-02, not {text!r}") from None


# ── the database ────────────────────────────────────────────────────────────────────────────────────────────────────


def open_store(settings: Settings) -> Any:
    """The store these settings mean: MONGODB_URI's, else the private server's, started if need be. Raises Trouble."""
    uri, database = settings.uri, None
    if uri is None:
        from repository import embedded

        endpoint = embedded.start(settings.home)
        uri, database = endpoint.uri, endpoint.database
    from repository.store import Store

    return Store.connect(uri, database)


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Any]:
    """The store these settings mean, else those of the environment, closed in the end. Raises Trouble."""
    store = open_store(settings or Settings.from_environment())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file to fill that takes the name ``path`` when all has gone well; until then, and else, what bears that name
    stays. Raises Stop at once where nothing can be written."""
    kept = path.exists() and not path.is_file()  # a pipe, a terminal
    target = path if kept else path.resolve()
    draft = target if kept else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        file = draft.open("wb" if kept else "xb")
    except OSError as error:
        raise Stop(msg("{name} can't be written: {reason}."), name=path, reason=error.strerror or str(error)) from None
    if kept:
        with file:
            yield file
        return
    try:
        with file:
            yield file
        with suppress(FileNotFoundError):
            shutil.copymode(target, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _operator() -> Any:
    """Whoever can run commands here owns the data. The trail knows the system's user, under one name whatever the
    terminal's language."""
    from repository.access import Actor, Role

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return Actor("command-line", f"command line ({user})", Role.ADMIN)


def never_used(store: Any) -> bool:
    """Has nobody ever written a record here? The audit trail keeps an entry of each write, also of what was deleted."""
    return all(store.db[name].find_one({}, {"_id": 1}) is None for name in ("audit", "communities"))


def is_demonstration(store: Any) -> bool:
    """Is there at least one community, and is each marked as demonstration data?"""
    communities = store.db["communities"]
    return communities.find_one({"demonstration": True}) is not None and not communities.find_one(
        {"demonstration": {"$ne": True}}
    )


def load_demo(store: Any, as_of: Any = None) -> None:
    """The D community demonstration, into a database that holds nothing."""
    from seed import demo

    demo.load(store, as_of)


def _load_demo_aloud(store: Any, as_of: Any = None) -> None:
    print(i18n._("Loading the demonstration of D community …"), flush=True)
    load_demo(store, as_of)


@dataclass(frozen=True)
class Opening:
    """What a database is found to be when the pages start: whether anybody may use it as a demonstration, and the code
    that opens the first account where there is none."""

    demonstration: bool
    setup_code: str = ""


def prepare(settings: Settings, *, demo: bool, demo_if_new: bool) -> Opening:
    """Start or reach the database and bring it up to date; load the demonstration where that was asked for and allowed.

    Raises Trouble.
    """
    with opened(settings) as store:
        from repository import accounts, importer, migrations  # the database starts meanwhile

        for warning in store.engine().warnings if settings.uri else ():
            log.warning("%s", i18n.say(warning))
        migrations.migrate(store)
        importer.recover(store)
        if demo and not is_demonstration(store):
            if not never_used(store):
                raise Stop(
                    msg(
                        "This database already holds data, so the demonstration was not loaded. Nothing was changed. "
                        "Leave --demo out, or set GRIDBOARD_HOME to another folder."
                    )
                )
            _load_demo_aloud(store)
        elif demo_if_new and settings.embedded and never_used(store):
            _load_demo_aloud(store)
        demonstration = accounts.open_demonstration(store)
        way = settings.way(lambda: demonstration)
        code = accounts.setup_code(store) if way is SignInBy.ACCOUNTS and not accounts.anybody(store) else ""
        return Opening(demonstration and way is SignInBy.NONE, code)


# ── run and stop ────────────────────────────────────────────────────────────────────────────────────────────────────


def run_command(args: argparse.Namespace) -> int:
    """Database and web modules start side by side; the address is printed when both are there."""
    gc.disable()  # what is loaded stays, and looking through it again and again is a fifth of a start; see server.warm
    given = Settings.from_environment()
    settings = replace(
        given,
        host=args.host or given.host,
        port=given.port if args.port is None else args.port,
        port_fixed=given.port_fixed or args.port is not None,
        role=role_named(args.role) if args.role else given.role,
    )
    ready = _Beside(lambda: prepare(settings, demo=args.demo, demo_if_new=args.demo_if_new))
    settings.publish()

    from dashboard import server

    server.configure(settings)
    server.quiet_log(settings)
    for doubt in settings.doubts():
        log.warning("%s", i18n.say(doubt))
    server.preload(enough=ready.done)
    opening = ready.result()
    _refuse_open_door(settings, opening)
    try:
        door = server.listen(settings.host, settings.port, tries=0 if settings.port_fixed else 100)
    except OSError as error:
        raise Stop(
            msg(
                "Nothing is served: {host}, port {port} can't be had ({reason}). Another program has it, or this "
                "machine has no such address; end that program, or change PORT or HOST."
            ),
            host=settings.host,
            port=str(settings.port),
            reason=error.strerror or error,
        ) from error
    port = door.getsockname()[1]
    if settings.port not in {0, port}:
        print(i18n._("Port {taken} is taken; using {port}.", taken=settings.port, port=port), flush=True)
    settings = replace(settings, port=port)
    settings.publish()

    def announce() -> None:
        if opening.demonstration:
            print(
                i18n._("Demonstration: invented data, and no sign-in. Whoever reaches this page may change anything.")
            )
        if opening.setup_code:
            print(i18n._("There is no account yet. Open the first one here; the address works once, for a day:"))
            print(f"{address(settings)}/setup?code={opening.setup_code}")
        if settings.public_url:
            print(i18n._("Serving on {host}, port {port}, as:", host=settings.host, port=port))
        print(address(settings), flush=True)

    signal.signal(signal.SIGTERM, _leave)
    with suppress(KeyboardInterrupt), _Present(settings.home):
        server.serve(settings, door, announce)
    return 0


def _refuse_open_door(settings: Settings, opening: "Opening") -> None:
    """Real data without a sign-in stays on this machine."""
    if settings.sign_in is SignInBy.NONE and not opening.demonstration and settings.reachable:
        raise Stop(
            msg(
                "GRIDBOARD_SIGN_IN=none would let everybody who reaches {address} use real data. Nothing was started. "
                "Leave it out so that people sign in, or serve on 127.0.0.1 only, without GRIDBOARD_PUBLIC_URL, "
                "GRIDBOARD_PROXIES and GRIDBOARD_NAMES."
            ),
            address=settings.public_url or settings.host,
        )


def address(settings: Settings) -> str:
    """The address to open in a browser: the public one, else that on this machine."""
    if settings.public_url:
        return settings.public_url
    host = {"0.0.0.0": HOST, "::": HOST}.get(settings.host, settings.host)  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _leave(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


class _Beside:
    """Runs a function in a thread of its own; ``result`` waits and raises what it raised."""

    def __init__(self, work: Callable[[], Opening]) -> None:
        self._done: list[Opening] = []
        self._failed: list[BaseException] = []
        self._work = work
        self._language = i18n.current()
        self._thread = threading.Thread(target=self._run, name="database", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with i18n.speaking(self._language):
                self._done.append(self._work())
        except BaseException as error:
            self._failed.append(error)

    def done(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Opening:
        self._thread.join()
        if self._failed:
            raise self._failed[0]
        return self._done[0]


class _Present:
    """While entered, says in the data folder that this process serves from it: a locked file named by its number."""

    def __init__(self, home: Path) -> None:
        self._path = home / "serving" / str(os.getpid())

    def __enter__(self) -> None:
        import fcntl

        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f".{self._path.name}")
        self._file = draft.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        draft.replace(self._path)  # so nobody ever finds it unlocked, and takes it for one of the dead

    def __exit__(self, *_error: object) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()


def serving(home: Path) -> list[int]:
    """Process numbers of those who serve from ``home`` now; files of the dead are cleared away."""
    import fcntl

    found = []
    for path in (home / "serving").glob("[0-9]*"):
        with suppress(FileNotFoundError), path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(int(path.name))
            else:
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # not of one that just took the number
                    path.unlink()
    return found


def stop_command(_args: argparse.Namespace, *, wait_seconds: float = 15) -> int:
    """Ask the web servers of this data folder to leave, then the private database."""
    settings = Settings.from_environment()
    asked = serving(settings.home)
    for process in asked:
        try:
            os.kill(process, signal.SIGTERM)
        except ProcessLookupError:
            continue
        except PermissionError:
            raise Stop(
                msg("Process {number} is somebody else's, so nothing was stopped. Run this as that user."),
                number=str(process),
            ) from None
    deadline = time.monotonic() + wait_seconds
    while (left := serving(settings.home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        raise Stop(msg("Process {number} has not left. The database was left running for it."), number=str(left[0]))
    if asked:
        print(i18n._("Pages stopped."))
    if not settings.embedded:
        print(i18n._("The database behind MONGODB_URI was left alone."))
        return 0
    from repository import embedded

    stopped = embedded.stop(settings.home)
    print(i18n._("Database stopped.") if stopped else i18n._("The database was not running."))
    return 0


# ── the other commands ──────────────────────────────────────────────────────────────────────────────────────────────


def seed_command(args: argparse.Namespace) -> int:
    """Demonstration or benchmark data."""
    if bool(args.demo) == bool(args.work_orders):
        raise Stop(msg("Say what to write: --demo, or --work-orders N."))
    from repository import migrations

    with opened() as store:
        migrations.migrate(store)
        if args.demo:
            _load_demo_aloud(store, args.as_of)
            return 0
        from seed import bulk

        done = bulk.load(
            store,
            work_orders=args.work_orders,
            communities=args.communities,
            attendances=args.attendances,
            rounds=args.rounds,
            requests=args.requests,
            seed=args.seed,
            as_of=args.as_of,
        )
    print(
        i18n._(
            "{documents} documents of {communities} communities written in {seconds} s.",
            documents=i18n.number(done.documents),
            communities=i18n.number(done.communities),
            seconds=i18n.number(done.seconds),
        )
    )
    return 0


def import_command(args: argparse.Namespace) -> int:
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

    operator = _operator()
    mapping = _mapping_of(args)
    new = _new_community(store, args)
    needed = (mapping.record if mapping else args.record) != "communities"
    community_id = new.id if new else _community_of(store, args.community, needed=needed)
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
        seen = importer.preview(store, operator, community_id, sheet, mapping, languages=imports.EVERY_LANGUAGE)
        if rejected is not None:
            seen.write_rejected(rejected, i18n.translator(i18n.current()))
    print(f"{args.file.name} → {i18n.say(mapping.kind.title)}")
    print("  " + " · ".join(f"{name} {i18n.number(n)}" for name, n in imports.counts(seen)))
    for line in imports.remarks(seen):
        print(f"  {line}")
    for problem in seen.problems[:10]:
        print(f"  {imports.problem_line(problem, mapping.kind)}")
    if (more := sum(seen.kinds.values()) - len(seen.problems[:10])) > 0:
        print(i18n._("  … and {n} more", n=i18n.number(more)))
    print(imports.verdict(seen))
    if seen.does_nothing:
        return 1 if seen.counts.rejected else 0
    goes = seen.replaces is not None
    for said, asked, without in (
        (
            args.yes,
            i18n._("Import the good rows? [y/N] "),
            msg("Nothing was imported. Add --yes to import the good rows."),
        ),
        (
            args.replace or not goes,
            i18n._("{what}? [y/N] ", what=imports.replacing(seen)),
            msg("Nothing was imported. Add --replace to let the rows of that import go."),
        ),
    ):
        if said:
            continue
        if not sys.stdin.isatty():
            raise Stop(without)
        if input(asked).strip().lower() not in {"y", "yes", "是"}:
            print(i18n._("Nothing was imported."))
            return 1
    if new:
        store.insert(operator, new)
    batch = importer.commit(store, operator, seen, replacing=goes)
    if batch is not None:
        print(
            i18n._("Imported: {what}. To take it back: gridboard import --undo {id}").format(
                what=imports.batch_line(batch), id=batch.id
            )
        )
        _print_left(batch)
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


def _sheet_names() -> str:
    from repository import importer

    return ", ".join(record.collection for record in importer.sheet_records())


def _require_sheets_of(name: str) -> None:
    """Raise Stop unless records of this name come and go as sheets."""
    if name not in (names := _sheet_names()).split(", "):
        raise Stop(msg("There are no records called {name}. Choose one of: {names}."), name=name, names=names)


def _new_community(store: Any, args: argparse.Namespace) -> Any:
    """The community that --create-community names, not entered yet; None where it is not asked for or there already."""
    from repository.grids import new_community

    known = {one["code"] for one in store.communities(_operator())}
    if not args.create_community or args.community in known:
        return None
    values = {"code": args.community or args.create_community, "name": args.create_community}
    return new_community(values | ({"time_zone": args.time_zone} if args.time_zone else {}))


def _community_of(store: Any, code: str | None, *, needed: bool) -> str:
    """The id of the community with this code; without one, of the only one there is, and "" where none is needed."""
    found = [one["_id"] for one in store.communities(_operator()) if code in {None, one["code"]}]
    if code and not found:
        raise Stop(msg("There is no community with the code {code}."), code=code)
    if len(found) != 1 and needed:
        raise Stop(msg("There are several communities: say which one with --community."))
    return found[0] if len(found) == 1 else ""


def _take_back(store: Any, batch_id: str) -> int:
    """Undo, wherever the batch is."""
    from dashboard import imports
    from repository import importer
    from repository.store import NotFound

    operator = _operator()
    for community_id in ["", *(one["_id"] for one in store.communities(operator))]:
        with suppress(NotFound):
            batch = importer.undo(store, operator, community_id, batch_id)
            print(i18n._("Taken back: {what}.", what=imports.batch_line(batch)))
            _print_left(batch)
            return 0
    raise Stop(msg("There is no import {id}."), id=batch_id)


def _print_left(batch: Any) -> None:
    from dashboard import imports

    for row in imports.left_rows(batch)[:20]:
        print("  " + " · ".join(str(value) for value in row.values() if value))


def export_command(args: argparse.Namespace) -> int:
    """A collection out."""
    from repository import importer
    from repository.record import RECORDS as KINDS

    _require_sheets_of(args.record)
    out = args.out or Path(f"{args.record}.xlsx")
    form = out.suffix.lower().lstrip(".")
    if form not in {"csv", "xlsx"}:
        raise Stop(msg("Name a file that ends in .xlsx or .csv."))
    with opened() as store, written(out) as file:
        community_id = _community_of(store, args.community, needed=args.record != "communities")
        n = importer.export(
            store,
            _operator(),
            community_id,
            KINDS[args.record],
            file,
            form=form,
            translate=i18n.translator(i18n.current()),
        )
    print(
        i18n._(
            "{n} {records} written to {file}.", n=i18n.number(n), records=i18n.say(KINDS[args.record].title), file=out
        )
    )
    return 0


def digest_command(args: argparse.Namespace) -> int:
    """A review in few words."""
    from dashboard.pack import digest, paper
    from repository.access import Role
    from repository.metrics import Period
    from repository.review import reviewed

    settings = Settings.from_environment()
    with opened(settings) as store, i18n.speaking(args.language or i18n.current()):
        community_id = _community_of(store, args.community, needed=True)
        now = store.clock().astimezone(store.zone(community_id))
        if args.period in {"month", "quarter", "year"}:
            period = Period.containing(args.period, now.date()).previous
        else:
            period = Period.of(args.period)
        # it is passed on, so it holds what everybody may read
        reader = replace(_operator(), role=Role.VIEWER)
        review = reviewed(store, reader, community_id, period, now=now)
        address = settings.public_url and f"{settings.public_url}/review?community={community_id}&period={period.key}"
        if args.pdf:
            with written(args.pdf) as file:
                file.write(paper.printed(review))
        print(digest.told(review, address or ""), end="")
    return 0


def backup_command(args: argparse.Namespace) -> int:
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
            taken = backup.take(store, _operator(), args.file, recipient=recipient)
        else:
            keep = Keep(*(args.keep or settings.backup_keep))
            taken = backup.take_into(store, _operator(), folder, recipient=recipient, keep=keep)
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


def restore_command(args: argparse.Namespace) -> int:
    """A file into an empty database."""
    from repository import backup
    from repository.store import Store

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
    if settings.uri is None:
        from repository import embedded

        embedded.start(settings.home)
        store = Store.connect(embedded.operator_uri(settings.home), embedded.APP_DATABASE)
    else:
        store = Store.connect(settings.uri)
    with closing(store):
        manifest = backup.restore(
            store, args.file, identity=identity, by=_operator().name, ledger=args.erasures or None
        )
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


def erase_command(args: argparse.Namespace) -> int:
    """One resident, after a look at what that takes."""
    from dashboard import erasing
    from repository import erasure
    from repository.record import resident_key

    settings = Settings.from_environment()
    with opened(settings) as store:
        operator, community_id = _operator(), _community_of(store, args.community, needed=True)
        found = erasure.preview(store, operator, community_id, args.code)
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
        done = erasure.erase(store, operator, community_id, args.code, args.because)
        erasing.note(store, settings)
    print(i18n._("Erased: {n} records. The code is not given again.", n=i18n.number(done.records)))
    return 0


def user_command(args: argparse.Namespace) -> int:
    """The accounts."""
    from repository import accounts, migrations

    if not args.login and args.action != "list":
        raise Stop(msg("Name the account: gridboard user {action} NAME."), action=args.action)
    operator = _operator()
    with opened() as store:
        migrations.migrate(store)
        if args.action == "list":
            waiting = accounts.first_passwords(store, operator)
            for each in accounts.users(store, operator):
                state = "" if each.active else i18n._("closed")
                if each.active and (until := waiting.get(each.id)) is not None:
                    state = i18n._("first password until {until}", until=i18n.datetime_(until))
                print("\t".join((each.login, each.name, i18n.say(each.role.label), state)))
            return 0
        if args.action == "add":
            password = None if args.no_password else accounts.new_password()
            made = accounts.add_user(store, operator, _account_values(store, args), password=password)
            print(i18n._("Account {login} opened.", login=made.login))
            _print_password(password)
            return 0
        user = accounts.user_named(store, operator, args.login)
        if args.action == "role":
            values = _account_values(store, args, user)
            accounts.edit_user(store, operator, user.id, user.revision, values)
        elif args.action in {"lock", "unlock"}:
            accounts.edit_user(store, operator, user.id, user.revision, {"active": args.action == "unlock"})
        elif args.action == "password":
            password = accounts.new_password()
            accounts.reset_password(store, operator, user.id, password)
            _print_password(password)
        elif args.action == "sign-out":
            for each in accounts.sign_ins(store, operator, user.id):
                accounts.end_sign_in(store, operator, each.id)
        else:
            accounts.remove_user(store, operator, user.id, user.revision)
    print(i18n._("Done."))
    return 0


def _print_password(password: str | None) -> None:
    from repository.accounts import FIRST_HOURS

    if password is not None:
        print(i18n._("First password, shown only here: {password}", password=password))
        print(i18n._("It holds for {hours} hours.", hours=FIRST_HOURS))


def _account_values(store: Any, args: argparse.Namespace, user: Any = None) -> dict[str, Any]:
    """What the options say of an account; the rest as it stands."""
    from repository.organizations import company_names
    from repository.people import people_by_id

    communities = {one["code"]: one["_id"] for one in store.communities(_operator())}
    if unknown := set(args.community or ()) - set(communities):
        raise Stop(msg("There is no community with the code {code}."), code=unknown.pop())
    values: dict[str, Any] = {"login": args.login} if user is None else {}
    if args.name or user is None:
        values["name"] = args.name or args.login
    if args.role or user is None:
        values["role"] = args.role or "viewer"
    if args.subject:
        values["subject"] = args.subject
    if args.community:
        values["communities"] = [communities[code] for code in args.community]
    reach = values.get("communities") or (user.communities if user else ()) or communities.values()
    within = {code: id for code, id in communities.items() if id in reach}
    if args.grid:
        values["grids"] = [_grid_called(store, code, within) for code in args.grid]
    if args.person:
        values["people"] = _called(store, args.person, within, people_by_id)
    if args.company:
        values["companies"] = _called(store, args.company, within, company_names)
    return values


def _called(store: Any, name: str, communities: Mapping[str, str], asked: Callable[..., Any]) -> list[str]:
    """The ids of this name in some communities (ids by code): somebody may stand in the registers of several, once in
    each."""
    found: list[str] = []
    for code, where in communities.items():
        ids = [id for id, known in asked(store, _operator(), where).items() if known == name]
        if len(ids) > 1:
            raise Stop(
                msg("{name} stands {n} times in the register of {community}. Choose on the page Administration."),
                name=name,
                n=len(ids),
                community=code,
            )
        found += ids
    if not found:
        raise Stop(msg("{name} is not in the register."), name=name)
    return found


def _grid_called(store: Any, code: str, communities: Mapping[str, str]) -> str:
    """The id of the one grid of this code in some communities (ids by code): a code says which only within one."""
    from repository.grids import grids

    found = {
        where: grid.id
        for where, id in communities.items()
        for grid in grids(store, _operator(), id)
        if grid.code == code
    }
    if not found:
        raise Stop(msg("There is no grid with the code {code}."), code=code)
    if len(found) > 1:
        raise Stop(
            msg(
                "Several communities have a grid with the code {code}: {communities}. Choose one with --community, or "
                "choose the grids on the page Administration."
            ),
            code=code,
            communities=", ".join(sorted(found)),
        )
    return next(iter(found.values()))


def audit_command(args: argparse.Namespace) -> int:
    """Seals."""
    from repository import audit

    settings = Settings.from_environment()
    with opened(settings) as store:
        proof: dict[str, Any] = {
            "key": settings.audit_key(make=args.action == "seal"),
            "head_file": settings.audit_head,
        }
        if args.action == "seal":
            print(i18n._("{n} entries sealed.", n=i18n.number(audit.seal(store, **proof, adopt=args.adopt))))
        verdict = audit.verify(store, _operator(), **proof, head=args.head)
    print(
        i18n._(
            "{seals} seals over {entries} entries; {open} newer ones are not sealed yet.",
            seals=i18n.number(verdict.seals),
            entries=i18n.number(verdict.entries),
            open=i18n.number(verdict.unsealed),
        )
    )
    for warning in verdict.warnings:
        print(f"? {i18n.say(warning)}")
    for problem in verdict.problems:
        print(f"! {i18n.say(problem)}")
    if verdict.head:
        print(i18n._("Newest digest: {digest}", digest=verdict.head))
    return 1 if verdict.problems else 0


def rollups_command(args: argparse.Namespace) -> int:
    """Counters against records."""
    from repository import recount

    operator, wrong = _operator(), 0
    with opened() as store:
        chosen = [one for one in store.communities(operator) if args.community in {None, one["code"]}]
        if args.community and not chosen:
            raise Stop(msg("There is no community with the code {code}."), code=args.community)
        for one in chosen:
            if args.action == "rebuild":
                steps = recount.rebuild(store, operator, one["_id"])
                print(i18n._("{name}: rebuilt in {steps} steps.", name=one["name"], steps=i18n.number(steps)))
                continue
            found = recount.check(store, operator, one["_id"])
            wrong += len(found)
            print(i18n._("{name}: {n} counters differ from the records.", name=one["name"], n=i18n.number(len(found))))
            for each in found[:20]:
                where = "|".join(filter(None, (each.place.subject, each.place.level, each.place.period)))
                print(f"  {where} {each.place.grid} {each.place.category} {each.path}: {each.kept} ≠ {each.counted}")
    return 1 if wrong else 0


def migrate_command(args: argparse.Namespace) -> int:
    """The ledger of steps, validators and indexes."""
    from repository import migrations

    with opened() as store:
        done = migrations.pending(store) if args.check else migrations.migrate(store)
    for name in done:
        print(name)
    if not done:
        print(i18n._("The database is up to date."))
    return 1 if args.check and done else 0


# ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────────


DOCTOR_ORDERS = 100_000  # up to so many work orders the doctor counts them again, in some seconds


def doctor_command(_args: argparse.Namespace) -> int:
    """Facts first, then what needs attention. Starts nothing."""
    settings = Settings.from_environment()
    bad: list[str] = []
    _fact("GridBoard", f"{_version()}, Python {sys.version.split()[0]}, Streamlit {_version_of('streamlit')}")
    _fact(i18n._("Program"), Path(__file__).parent)
    if settings.embedded:
        running = _doctor_embedded(settings, bad)
    else:
        running = True
        _fact(i18n._("Database"), i18n._("the server behind MONGODB_URI"))
    if running:
        try:
            with opened(settings) as store:
                _doctor_store(store, settings, bad)
        except Trouble as trouble:
            bad.append(i18n.say(trouble))
    for line in bad:
        print(f"! {line}")
    return 1 if bad else 0


def _doctor_embedded(settings: Settings, bad: list[str]) -> bool:
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


def _doctor_store(store: Any, settings: Settings, bad: list[str]) -> None:
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
    operator = _operator()
    wrong = any(recount.check(store, operator, one["_id"]) for one in store.communities(operator))
    _fact(i18n._("Counters"), i18n._("differ from the records") if wrong else i18n._("agree with the records"))
    if wrong:
        bad.append(i18n._("Some counters differ from their records. Run: gridboard rollups rebuild"))


def _version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _fact(name: str, value: object) -> None:
    width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)
    print(f"{name}:{' ' * max(1, 12 - width)}{value}")


if __name__ == "__main__":
    sys.exit(main())
