"""``gridboard run`` and ``gridboard stop``: the database and the pages, from the first moment to the last."""

import argparse
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dashboard import i18n
from dashboard.cli.database import Stop, opened
from dashboard.cli.seeding import is_demonstration, load_demo_aloud, never_used
from dashboard.cli.usage import Command, argument
from dashboard.settings import HOST, PORT, ROLE, Settings, SignInBy, port_number, role_named
from repository.words import msg

log = logging.getLogger("gridboard")


# --- run
def run(args: argparse.Namespace) -> int:
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
    signal.signal(signal.SIGTERM, _leave)
    with suppress(KeyboardInterrupt), _Present(settings.home):
        server.serve(settings, door, lambda: _announce(settings, opening))
    return 0


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
            load_demo_aloud(store)
        elif demo_if_new and settings.embedded and never_used(store):
            load_demo_aloud(store)
        demonstration = accounts.open_demonstration(store)
        way = settings.way(lambda: demonstration)
        code = accounts.setup_code(store) if way is SignInBy.ACCOUNTS and not accounts.anybody(store) else ""
        return Opening(demonstration and way is SignInBy.NONE, code)


def _refuse_open_door(settings: Settings, opening: Opening) -> None:
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


def _announce(settings: Settings, opening: Opening) -> None:
    """Say that the pages are there, and where."""
    if opening.demonstration:
        print(i18n._("Demonstration: invented data, and no sign-in. Whoever reaches this page may change anything."))
    if opening.setup_code:
        print(i18n._("There is no account yet. Open the first one here; the address works once, for a day:"))
        print(f"{address(settings)}/setup?code={opening.setup_code}")
    if settings.public_url:
        print(i18n._("Serving on {host}, port {port}, as:", host=settings.host, port=settings.port))
    print(address(settings), flush=True)


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


# --- who serves, and stop
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


LEAVING = 15  # s that pages may take to leave


def stop(_args: argparse.Namespace) -> int:
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
    deadline = time.monotonic() + LEAVING
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


# --- what people type
def _options(made: argparse.ArgumentParser) -> None:
    demo = made.add_mutually_exclusive_group()
    demo.add_argument("--demo", action="store_true", help="load the D community demonstration into an empty database")
    demo.add_argument("--demo-if-new", action="store_true", help="the same, only if the private database is brand-new")
    made.add_argument(
        "--host", help=f"address to serve on (default: HOST, else {HOST}; 0.0.0.0 opens it to the network)"
    )
    made.add_argument(
        "--port",
        type=argument(port_number),
        help=f"port (default: PORT, else {PORT} or, where that is taken, the next free one)",
    )
    made.add_argument("--role", help=f"role of everybody who opens the page (default: GRIDBOARD_ROLE, else {ROLE})")


RUN = Command(
    "run",
    "start the database and serve the pages",
    """\
启动数据库并打开看板。

Prints the address when it is serving. An empty database is greeted by a page that offers the demonstration or your own
sheets; only --demo and --demo-if-new load anything. People sign in with accounts (see `gridboard user`); the first one
is opened at the set-up address printed here. The demonstration has no sign-in: anybody may try every role.""",
    run,
    _options,
)
STOP = Command(
    "stop",
    "stop the pages served from this data folder, and the private database",
    """\
停止看板和它自带的数据库。

The data stays where it is; `gridboard run` starts it again. A server behind MONGODB_URI is never touched.""",
    stop,
)
