"""The one door to the data, and the only file that keeps any of it: the store, and the last answers.

``ask`` reads, ``tell`` writes. An answer is given again while nothing was written of what it was read from, within the
minute the frame shows as its "as of": that is what a fresh reading would say too. The store notes what each question
reads, and every write counts in its own transaction what it changed, so one small read a run tells, whoever wrote and
from which process. While the database is away the last good answer serves, with a banner that says of when it is.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Concatenate, NamedTuple, NoReturn, ParamSpec, TypeVar

import streamlit as st

from dashboard import cards, logs, session
from dashboard.i18n import current, say, speaking, time_
from dashboard.settings import COOKIE, Settings, SignInBy
from repository import accounts, embedded
from repository.access import Actor, Refused, Role, anybody
from repository.importer import recover
from repository.migrations import migrate
from repository.people import Person
from repository.store import (
    EVERYWHERE,
    ROOM_NEEDED,
    ROOM_SCARCE,
    Conflict,
    Duplicate,
    Footprint,
    Invalid,
    Put,
    SignedOut,
    Store,
    Then,
    Unavailable,
    at_once,
    noting,
    utc_now,
)
from repository.words import Trouble, msg

log = logging.getLogger("gridboard.data")

P = ParamSpec("P")
T = TypeVar("T")

KEPT_ANSWERS = 500
clock = utc_now  # what the store calls now; a test puts its own here before the store is made
WAY_SECONDS = 2.0  # how long it holds that nothing but demonstration data is there
REVIVE_SECONDS = 10.0  # between two attempts to start a private server that died
LOOK_SECONDS = 3.0  # how often a page that bears a banner looks whether it may go


@st.cache_resource(on_release=lambda store: store.close(), show_spinner=False)
def store() -> Store:
    """The process's store, connected and migrated on first use. Raises Trouble."""
    forget()  # what another database answered
    settings = Settings.from_environment()
    if settings.uri:
        found = Store.connect(settings.uri, clock=clock)
    else:
        endpoint = embedded.start(settings.home)
        found = Store.connect(endpoint.uri, endpoint.database, clock=clock)
    migrate(found)
    recover(found)
    return found


def database_alive() -> bool:
    """Whether the database answers; starts a private server that died."""
    try:
        store().ping()
    except Unavailable:
        if not _revive():
            return False
        store().ping()
    return True


def unready() -> list[str]:
    """Why this process should be sent no readers just now; empty when it should. Raises Trouble."""
    reasons = []
    if not database_alive():
        return ["database unreachable"]
    if store().restoring():
        reasons.append("the database is being restored")
    if (free := store().room()) is not None and free < ROOM_NEEDED:
        reasons.append("the database's disk is nearly full")
    return reasons


# --- who -------------------------------------------------------------------------------------------------------------
_demonstration: tuple[float, bool] = (-1e9, False)


def way_in() -> SignInBy:
    """How readers come in: as the settings say, else by accounts, but for a demonstration. Raises Trouble."""
    return Settings.from_environment().way(_only_demonstration)


def _only_demonstration() -> bool:
    """Whether there is nothing but demonstration data and no account, as it was found a moment ago: a community that
    is entered, or an account, closes the door."""
    global _demonstration  # noqa: PLW0603 (one answer a process)
    read_at, found = _demonstration
    if time.monotonic() - read_at > WAY_SECONDS:
        try:
            found = revived(lambda: accounts.open_demonstration(store()))
        except Unavailable:
            if read_at < 0:
                raise
            return found  # as it was before the database went away
        _demonstration = (time.monotonic(), found)
    return found


def visitor(token: str, *, by_itself: bool = False) -> accounts.Visitor | None:
    """Who a sign-in's token stands for; None for nobody. Raises Trouble."""
    return revived(lambda: accounts.visitor(store(), token, terms(), by_itself=by_itself))


def acting(token: str) -> Actor | None:
    """Who acts in a request that is no page's, with this sign-in; None for nobody. Raises Trouble."""
    if way_in() is SignInBy.NONE:
        role = Role(Settings.from_environment().role)
        return anybody(role, say(role.label))
    return _signed_in(token)


def _signed_in(token: str, *, by_itself: bool = False) -> Actor | None:
    found = visitor(token, by_itself=by_itself)
    return None if found is None or found.must_change else found.actor


def terms() -> accounts.Terms:
    """How long a sign-in holds here."""
    settings = Settings.from_environment()
    return accounts.Terms(timedelta(minutes=settings.idle_minutes), timedelta(hours=settings.session_hours))


def seal_proof() -> dict[str, Any]:
    """What proves the audit trail's seals from outside the database: the key, and the newest seal as it was noted."""
    settings = Settings.from_environment()
    return {"key": settings.audit_key(), "head_file": settings.audit_head}


def recognise() -> Actor:
    """Who acts in this run, looked up once a run: what an administrator takes away is gone at the next action.

    While the database is away, whoever was recognised before goes on looking at what was shown before. Raises
    SignedOut.
    """
    if (known := session.recognised()) is not None:
        return known
    before = session.last_recognised()
    if before is not None and session.is_away() is not None:
        return before
    try:
        if way_in() is SignInBy.NONE:
            actor = _anybody()
            logs.user_id.set(actor.id)
            return session.recognise(actor)
        found = _signed_in(session.cookie(COOKIE), by_itself=session.by_itself())
    except Unavailable:
        if before is None:
            raise
        return before
    if found is None:
        session.recognise(None)
        raise SignedOut
    logs.user_id.set(found.id)
    return session.recognise(found)


def _anybody() -> Actor:
    """Whoever opens the page where nobody signs in: whoever of the people register they say they are, or just the role.
    What one did another may verify, who says so too."""
    actor, home = session.anybody(), session.community_before_settling()
    if actor.sign_in or not actor.people or not home:
        return actor
    found = revived(lambda: store().find(actor, Person, home, {"_id": actor.people[0]}, limit=1))
    return actor.named(found[0].id, found[0].name) if found else actor


_revived_at = -1e9
_revival = threading.Lock()


def _revive() -> bool:
    """Start a private server that died under us, at most once in a while; True when it may answer again. One that
    lives and does not answer is left to itself: whoever asks should hear so soon."""
    global _revived_at  # noqa: PLW0603 (one server a process)
    settings = Settings.from_environment()
    if settings.uri:
        return False
    with _revival:
        if time.monotonic() - _revived_at < REVIVE_SECONDS:
            return True  # another session has just done so
        if embedded.status(settings.home).running:
            return False
        try:
            embedded.start(settings.home)
        except Trouble as trouble:
            log.error("the private database could not be started again: %s", trouble)  # noqa: TRY400
            return False
        finally:
            _revived_at = time.monotonic()
    log.warning("the private database had died and was started again")
    return True


def revived(work: Callable[[], T]) -> T:
    """What ``work`` returns, with a private server that died started again for it. Raises Trouble."""
    try:
        return work()
    except Unavailable:
        if not _revive():
            raise
        return work()


class _Kept(NamedTuple):
    """An answer, when it was given, what it was read from, and where that stood before it was asked for."""

    at: datetime
    read: tuple[str, ...]
    stood: Hashable
    answer: Any

    def stands(self, mark: session.Mark | None) -> bool:
        return mark is not None and self.stood == mark.of(self.read)


def _kept(mark: session.Mark | None, read: Iterable[str], answer: Any) -> _Kept:
    read = tuple(sorted(read))
    return _Kept(store().clock(), read, None if mark is None else mark.of(read), answer)


class _Answers:
    """The last good answers by question, actor and arguments; the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, key: Any, answer: "_Kept") -> None:
        with self._lock:
            self._kept[key] = answer
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_ANSWERS:
                self._kept.popitem(last=False)

    def last(self, key: Any) -> "_Kept | None":
        with self._lock:
            return self._kept.get(key)

    def forget(self) -> None:
        """Ask everything anew."""
        with self._lock:
            self._kept.clear()


_answers = _Answers()
forget = _answers.forget


class Asked(NamedTuple):
    """A question that was put to the database: its name, and how to put it again."""

    name: str
    again: Callable[[], Any]


_asked: list[Asked] | None = None
_AS_SEEN: ContextVar[bool] = ContextVar("as seen", default=False)


@contextmanager
def noted() -> Iterator[list[Asked]]:
    """Collect what this process asks the database while inside: for the benchmark and the tests."""
    global _asked  # noqa: PLW0603
    _asked = found = []
    try:
        yield found
    finally:
        _asked = None


def look_again(community_id: str) -> None:
    """Note what the community's data stands at: at the start of each run, and of what runs by itself, such as a
    dialog. Without it every answer is read anew."""
    now, look = store().clock(), partial(store().writes, (EVERYWHERE, community_id))
    if _asked is not None:
        _asked.append(Asked("repository.store.Store.writes", look))
    try:
        session.mark(look(), now.replace(second=0, microsecond=0))
    except Unavailable as trouble:
        session.mark(None)
        session.away(trouble)  # whoever asks in this run need not wait for it again


def ask(query: Callable[Concatenate[Store, Actor, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The answer to ``query(store, actor, *args, **kwargs)``, for whoever looks at the page; asked with the ``now`` of
    a past day that is looked at, as of that day.

    While the database is away: one banner with the time of what is shown, and the last good answer to the same
    question; without one the page ends there. A refusal or another Trouble is said and ends the page too.
    """
    try:
        return _answer(query, args, kwargs)
    except Unavailable:
        _end_here()


def ask_in_passing(query: Callable[Concatenate[Store, Actor, P], T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """As ``ask``, for what the page can do without: None while the database is away and did not answer it before."""
    try:
        return _answer(query, args, kwargs)
    except Unavailable:
        return None


def _answer(query: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """See ``ask``. Raises Unavailable."""
    who, past = _present(), _past(kwargs)
    key = _key(who, query, args, kwargs)
    kept = _answers.last(key)
    mark = session.marked(args)
    if kept is not None and kept.stands(mark):
        return _lent(kept.answer)
    try:
        with noting(Footprint()) as footprint:
            answer = _read(query, who, args, kwargs, past)
    except Unavailable:
        if kept is None:
            raise
        say_away(kept.at)
        return _lent(kept.answer)
    except Trouble as trouble:
        cards.told(trouble, icon=":material/block:")
        st.stop()
    if _asked is not None:
        _asked.append(Asked(key[0], partial(query, _as_of(past, args), who, *args, **kwargs)))
    _answers.keep(key, _kept(mark, footprint.read, answer))
    return _lent(answer)


def ask_as_seen(query: Callable[Concatenate[Store, Actor, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``ask``, for what is asked of no day, such as a register: as of the past day, if one is looked at."""
    token = _AS_SEEN.set(True)
    try:
        return ask(query, *args, **kwargs)
    finally:
        _AS_SEEN.reset(token)


def _key(who: Actor, query: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """By which an answer is kept."""
    told = {name: value for name, value in kwargs.items() if name != "now"}  # the clock is in the mark
    return f"{query.__module__}.{query.__qualname__}", who.eyes, repr(args), repr(sorted(told.items())), _past(kwargs)


def _past(kwargs: Mapping[str, Any]) -> datetime | None:
    """As of which past moment a question is asked: that which is looked at, where its ``now``, or the day that is its
    today, is that moment's. None for now."""
    if (past := session.past()) is None or _AS_SEEN.get():
        return past
    asked = [kwargs.get(name) for name in ("now", "today", "on")]
    return past if past in asked or past.date() in asked else None


_then: tuple[Hashable, Then] | None = None


def _as_of(past: datetime | None, about: Collection[Any]) -> Store:
    """The store that a question is put to. What has to be read of a past moment first holds for the next question too,
    while nothing is written in its community."""
    global _then  # noqa: PLW0603 (what was looked at last)
    if past is None:
        return store()
    if (mark := session.marked(about)) is None:
        return Then(store(), past)
    stands = (store(), past, mark.community_id, mark.writes.n)
    kept = _then
    if kept is None or kept[0] != stands:
        kept = _then = (stands, Then(store(), past))
    return kept[1]


def ask_together(community_id: str, *put: Put) -> list[Any]:
    """The answers to several questions ``in_steps`` about a community, as ``ask`` gives each: those that do not stand
    are read together."""
    who, mark = _present(), session.marked([community_id])
    keys = [_key(who, one.question, (community_id, *one.args), one.kwargs) for one in put]
    kept = [_answers.last(key) for key in keys]
    fallen = [place for place, one in enumerate(kept) if one is None or not one.stands(mark)]
    anew = [put[place] for place in fallen]
    past = next((found for one in put if (found := _past(one.kwargs)) is not None), None)
    try:
        found = _read(at_once, who, (community_id, anew), {}, past) if anew else []
    except Unavailable:
        lost = [one for place in fallen if (one := kept[place]) is not None]
        if len(lost) < len(fallen):
            _end_here()
        say_away(min(one.at for one in lost))
        return [None if one is None else _lent(one.answer) for one in kept]
    except Trouble as trouble:
        cards.told(trouble, icon=":material/block:")
        st.stop()
    if _asked is not None and anew:
        name = " + ".join(keys[place][0] for place in fallen)
        _asked.append(Asked(name, partial(at_once, _as_of(past, [community_id]), who, community_id, anew)))
    for place, (answer, read) in zip(fallen, found, strict=True):
        kept[place] = one = _kept(mark, read, answer)
        _answers.keep(keys[place], one)
    return [None if one is None else _lent(one.answer) for one in kept]


def ask_anew(query: Callable[Concatenate[Store, Actor, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``ask``, for what is too large to be kept, such as a photo: read anew each time."""
    who = _present()
    try:
        return _read(query, who, args, kwargs, _past(kwargs))
    except Unavailable:
        _end_here()
    except Trouble as trouble:
        cards.told(trouble, icon=":material/block:")
        st.stop()


def _read(
    query: Callable[..., T], who: Actor, args: tuple[Any, ...], kwargs: dict[str, Any], past: datetime | None
) -> T:
    """What the database says, or said of the past, with a private server that died started again for it; Unavailable at
    once where this run has found it away before."""
    try:
        if (away := session.is_away()) is not None:
            raise away
        return query(_as_of(past, args), who, *args, **kwargs)
    except Unavailable:
        if not _revive():
            raise
        return query(_as_of(past, args), who, *args, **kwargs)


def _present() -> Actor:
    """Who acts; says so and ends the run when it is nobody any more."""
    try:
        return recognise()
    except SignedOut as trouble:
        cards.told(trouble, icon=":material/lock:")
        st.stop()
    except Unavailable:
        _end_here()


# --- banners that go by themselves -----------------------------------------------------------------------------------
@st.fragment(run_every=LOOK_SECONDS)
def _until(over: Callable[[], bool]) -> None:
    """Stands below a banner: runs the page again once it is ``over``. What was typed stays, as after any click."""
    if over():
        st.rerun()


def keep_fresh() -> None:
    """Have a page that is left open, such as on a wall, read what it shows anew from time to time."""
    seconds = Settings.from_environment().refresh_seconds
    st.fragment(_read_anew, run_every=seconds)(seconds)


def _read_anew(seconds: int) -> None:
    if session.drawn_for() > seconds / 2:
        session.go_by_itself()
        st.rerun()


class _Look:
    """Whether the database is back, looked at for all pages together: a hundred that wait must not be what it meets
    first, and each look may take seconds."""

    def __init__(self) -> None:
        self._at, self._back = -1e9, True
        self._lock = threading.Lock()

    def lost(self) -> None:
        """A page has just found it away."""
        self._at, self._back = time.monotonic(), False

    def back(self) -> bool:
        """Does it answer again? Starts a private server that died."""
        if time.monotonic() - self._at > LOOK_SECONDS / 2 and self._lock.acquire(blocking=False):
            try:
                self._back = database_alive()
            except Trouble:
                self._back = False
            finally:
                self._at = time.monotonic()
                self._lock.release()
        return self._back


_look = _Look()


def say_away(as_of: datetime | None) -> bool:
    """The banner of a database that is away, once a run, with the time of what is shown if anything is; False when it
    stands already."""
    if not session.first_time("offline"):
        return False
    _look.lost()
    with session.banners():
        cards.offline(None if as_of is None else time_(as_of, session.zone()))
        _until(_look.back)
    return True


def _end_here() -> NoReturn:
    """End the run where the database would have to be asked; what stands in inputs below is kept for the next one."""
    if not say_away(None):
        cards.rest_is_away()
    session.keep_typing()
    st.stop()


def mind_the_room() -> None:
    """Say when the database's disk is nearly full, before and after nothing can be written any more."""
    if (level := _scarcity()) is not None:
        free, readonly = level
        with session.banners():
            cards.scarce(free, readonly=readonly)
            _until(lambda: (now := _scarcity()) is None or now[1] is not readonly)


def _scarcity() -> tuple[int, bool] | None:
    """How much disk is free where that is little, and whether it is too little to write."""
    try:
        free = None if session.is_away() else store().room()
    except Trouble:
        free = None  # the banner of a database that is away stands there already
    return None if free is None or free >= ROOM_SCARCE else (free, free < ROOM_NEEDED)


_led_at: datetime | None = None


def mind_the_leader() -> None:
    """Say when a replica set has no primary: what is read may lag behind, and nothing can be written."""
    if session.is_away():
        return
    if _led():
        return
    with session.banners():
        cards.lagging(None if _led_at is None else time_(_led_at, session.zone()))
        _until(_led)


def _led() -> bool:
    global _led_at  # noqa: PLW0603 (one database a process)
    if led := store().led():
        _led_at = store().clock()
    return led


def _lent(answer: T) -> T:
    """An answer as a page may have it: its own list or mapping, so that it can't change what others are given."""
    return copy(answer) if isinstance(answer, (list, dict)) else answer


def tell(
    command: Callable[Concatenate[Store, Actor, P], T], *args: P.args, done: str | None = None, **kwargs: P.kwargs
) -> T | None:
    """Run ``command(store, actor, *args, **kwargs)``; ``done`` is a toast that survives the rerun.

    Raises Invalid, Conflict and Duplicate for the form to show beside its fields; any other Trouble is said here and
    gives None, with nothing lost.
    """
    if (past := session.past()) is not None and past in kwargs.values():
        raise TypeError("what is done is done now, whatever day is looked at")
    session.mark(None)
    try:
        result = command(store(), recognise(), *args, **kwargs)
    except (Invalid, Conflict, Duplicate):
        raise
    except Trouble as trouble:
        if isinstance(trouble, Unavailable):
            _revive()
        cards.told(trouble, icon=":material/cloud_off:" if isinstance(trouble, Unavailable) else ":material/block:")
        return None
    if done:
        session.toast(done)
    return result


def fetch(work: Callable[[Store, Actor], bytes]) -> Callable[[], bytes]:
    """What a download button runs when it is pressed: ``work(store, actor)``.

    That is outside of any run of the page, over a socket that may have been open for long. So who acts is looked up at
    the press; whoever may see other things by then than when the button was drawn has to look at the page again. It is
    written in the language of the page. Raises SignedOut, Refused, Unavailable.
    """
    drawn_for, token, language = session.actor(), session.cookie(COOKIE), current()

    def pressed() -> bytes:
        who = drawn_for
        if way_in() is not SignInBy.NONE:
            found = _signed_in(token)
            if found is None:
                raise SignedOut
            who = found
        if who.eyes != drawn_for.eyes:
            raise Refused(msg("Your rights have been changed since this page was drawn. Look at it again."))
        with speaking(language):
            return work(store(), who)

    return pressed


def load_demo() -> None:
    """Fill an empty database with the demonstration of D community."""
    from dashboard.cli import load_demo as load  # the one place that may wire in the seed

    load(store())
    forget()
