"""The store that a command works on, who works on it, and the community that is meant."""

import getpass
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dashboard.settings import Settings
from repository.words import Message, Trouble, msg


class Stop(Trouble):
    """A command can't go on; the message says what to do, and ``problems`` where."""

    def __init__(self, text: str, problems: Mapping[str, Message] | None = None, **facts: Any) -> None:
        super().__init__(text, **facts)
        self.problems = problems or {}


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


def operator() -> Any:
    """Whoever can run commands here owns the data. The trail knows the system's user, under one name whatever the
    terminal's language."""
    from repository.access import Actor, Role

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return Actor("command-line", f"command line ({user})", Role.ADMIN)


def communities_called(store: Any, code: str | None) -> list[Any]:
    """The community with this code, or all of them without one. Raises Stop where there is none of it."""
    found = [one for one in store.communities(operator()) if code in {None, one["code"]}]
    if code and not found:
        raise Stop(msg("There is no community with the code {code}."), code=code)
    return found


def community_of(store: Any, code: str | None, *, needed: bool = True) -> str:
    """The id of the community with this code; without one, of the only one there is, and "" where none is needed."""
    found = communities_called(store, code)
    if len(found) != 1 and needed:
        raise Stop(msg("There are several communities: say which one with --community."))
    return found[0]["_id"] if len(found) == 1 else ""
