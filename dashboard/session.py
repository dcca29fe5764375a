"""Who looks, and what they chose to see: bound to the URL, so that a link shows the same view.

The only file that touches bare session state. Choices: ``lang``, ``community``, ``period``, ``as_of``, ``grid``,
``category``; where nobody signs in also ``me``, whose work is "my work". A choice that equals its default is left out
of the URL, and so is the role that is looked through in demonstration mode: a link shows what is there, not as whom.
"""

import re
import secrets
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import i18n
from dashboard.i18n import _
from dashboard.settings import Settings
from repository import access
from repository.access import Actor, Role
from repository.metrics import Kind, Period, PeriodTrouble
from repository.store import EVERYWHERE, Writes
from repository.words import Trouble

T = TypeVar("T")

CHOICES = ("lang", "community", "period", "as_of", "grid", "category", "me")
KINDS: tuple[Kind, ...] = ("month", "quarter", "year", "ever")
DEFAULT_PERIOD = "quarter"
SLIDE = "slide"
"""The parameter that holds the number of the slide of a review, from 1."""
EARLIEST = date(1990, 1, 1)  # no day before is looked at
_DAY = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
MOST_TYPED = 500  # characters that an input takes from the URL: more than any input there lets in
STAGED: Mapping[str, Any] = {"on_change": "ignore", "live": True}
"""For a line of text that is sent later: each pause in typing puts it aside at the server, without running the page.
Else it would be shown, and not sent, once the connection broke while the cursor stood in it."""


@dataclass(frozen=True)
class View:
    """What the reader chose. ``now`` is in the community's zone; ``grids`` is None for all of them.

    On a page that can tell of a past day, while one is looked at, ``now`` is its last moment, and what is asked with it
    is answered as of then (see ``data.ask``); ``present`` is always the real now.
    """

    community_id: str
    community: str
    demonstration: bool
    zone: ZoneInfo
    now: datetime
    period: Period
    grid_id: str | None
    category: str | None
    present: datetime

    @property
    def past(self) -> datetime | None:
        """The past moment that is looked at; None for now."""
        return self.now if self.now < self.present else None

    @property
    def today(self) -> "View":
        """The same as of the real now: for what is worked on."""
        return replace(self, now=self.present)

    def at(self, day: date) -> "View":
        """As of the end of a past day, in the period it lies in, unless an earlier one was chosen by name."""
        now = datetime.combine(day + timedelta(days=1), datetime.min.time(), self.zone) - timedelta(milliseconds=1)
        named = chosen("period") not in ("", *KINDS) and self.period.first <= day
        kind = self.period.kind if self.period.kind in KINDS else DEFAULT_PERIOD
        period = self.period if named else Period.containing(kind, day)
        return replace(self, now=now, period=period)

    @property
    def grids(self) -> frozenset[str] | None:
        """The grid filter as the queries take it."""
        return None if self.grid_id is None else frozenset({self.grid_id})


def begin() -> None:
    """At the start of every run: take over what the URL says, and write what it lacks (moving to another page clears
    it, the choices stay)."""
    state, url = st.session_state, st.query_params
    if "rejoined" not in state:
        came = _sent()
        state["rejoined"] = (_run(), any(came.values())) if came else None
    _set_again(state.pop("typing kept", ()))
    state["by itself"], state["drawn at"] = state.pop("goes by itself", False), time.monotonic()
    mark(None)
    if (here := dict(url)) != state.get("address", here):
        url.update(
            {}
        )  # a link to the page one is on gives it these parameters, but does not tell the browser's address
    state["address"] = here
    for name in CHOICES:
        if name in url:
            state[f"choice.{name}"] = url[name][:200]
        elif state.get(f"choice.{name}"):
            url[name] = state[f"choice.{name}"]
    if chosen("lang") not in i18n.LANGUAGES:
        state["lang"] = i18n.language_of_browser(st.context.locale)
    else:
        state["lang"] = chosen("lang")
    i18n.settle(state["lang"])


def go_by_itself() -> None:
    """The next run is the page's own doing, and nobody's."""
    st.session_state["goes by itself"] = True


def by_itself() -> bool:
    """Whether nobody did anything for this run."""
    return bool(st.session_state.get("by itself"))


def drawn_for() -> float:
    """How many seconds ago the page was last run."""
    return time.monotonic() - float(st.session_state.get("drawn at", 0.0))


def chosen(name: str) -> str:
    """The choice as it stands in the URL; empty when the default holds."""
    return str(st.session_state.get(f"choice.{name}") or "")


def choose(name: str, value: str | None) -> None:
    """Set a choice, in the URL too; None or empty goes back to the default."""
    if value:
        st.session_state[f"choice.{name}"] = value
        st.query_params[name] = value
    else:
        st.session_state.pop(f"choice.{name}", None)
        if name in st.query_params:
            del st.query_params[name]


def links(**params: str | None) -> dict[str, str]:
    """Query parameters of a link inside the app: the present choices, overruled by ``params`` (None drops one)."""
    own = {name: chosen(name) for name in CHOICES}
    return {name: value for name, value in {**own, **params}.items() if value}


def language() -> str:
    """``zh`` or ``en``."""
    return i18n.current()


def dark() -> bool:
    """Whether the reader's theme is the dark one."""
    return st.context.theme.type == "dark"


def land(key: str) -> None:
    """Note which page opens at the address without a path."""
    st.session_state["landing"] = key


def landing() -> str:
    """The page that opens at the address without a path."""
    return str(st.session_state.get("landing", ""))


class Mark(NamedTuple):
    """What the data stands at: a community (EVERYWHERE: the list of them), the writes it had seen, those at EVERYWHERE,
    and the minute."""

    community_id: str
    writes: Writes
    everywhere: Writes
    minute: datetime

    def of(self, read: Sequence[str]) -> Hashable:
        """What stays the same while what was ``read`` is what anybody would read. The list of communities is changed
        together with the number of the community it is about; what else a community's answer rests on of what belongs
        to none, such as accounts, is counted there alone."""
        if self.community_id == EVERYWHERE:
            return self.community_id, self.minute, self.writes.at(read)
        beyond = self.everywhere.of_each(name for name in read if name != "communities")
        return self.community_id, self.minute, self.writes.at(read), beyond


def mark(writes: Mapping[str, Writes] | None, minute: datetime | None = None) -> None:
    """Note what the data stands at in this run (see ``data``); None when that is not known any more."""
    st.session_state["mark"] = None if writes is None or minute is None else (dict(writes), minute)
    st.session_state["away"] = None


def away(trouble: Trouble) -> None:
    """Note that the database did not answer in this run; until the next ``mark``."""
    st.session_state["away"] = trouble


def is_away() -> Trouble | None:
    """What ``away`` noted."""
    trouble: Trouble | None = st.session_state.get("away")
    return trouble


def marked(about: Collection[Any]) -> Mark | None:
    """What the data stands at for a question with these arguments; None when that is not known."""
    if (noted := st.session_state.get("mark")) is None:
        return None
    writes, minute = noted
    for community_id, seen in writes.items():
        if community_id in about if community_id else not about:
            return Mark(community_id, seen, writes[EVERYWHERE], minute)
    return None


def community_before_settling() -> str:
    """The community this run will most likely be about."""
    seen: View | None = st.session_state.get("view")
    return chosen("community") or (seen.community_id if seen else "")


def first_time(what: str) -> bool:
    """Whether this run, be it of the script or of a fragment, says ``what`` for the first time."""
    run, said = st.session_state.get("said", (None, set()))
    if run is not _run():
        said = set()
    new = what not in said
    st.session_state["said"] = (_run(), said | {what})
    return new


# --- who
def actor() -> Actor:
    """Who acts in this run, as ``data.recognise`` found at its start."""
    known = last_recognised()
    return anybody() if known is None else known


def anybody() -> Actor:
    """Whoever opens the page where there is no sign-in: the configured role; in the demonstration the role chosen in
    the frame. Who they are they say themselves (see ``be``)."""
    role = Role(Settings.from_environment().role)
    grids = None
    if st.session_state.get("demonstration"):
        role = Role(st.session_state.get("choice.role") or role)
        if role is Role.GRID_WORKER and (charge := st.session_state.get("choice.charge")):
            grids = frozenset({str(charge)})
    people = (chosen("me"),) if chosen("me") else ()
    return access.anybody(role, i18n.say(role.label), grids, people)


def _run() -> object:
    """Something that is another one in each run, be it of the script, of a fragment or of a callback before them."""
    context = get_script_run_ctx()
    return None if context is None else context.cursors


def recognise(actor: Actor | None) -> Any:
    """Note who acts in this run. A browser that slept comes back to the session it had: where somebody else has signed
    in meanwhile, the page begins anew, with nothing that was chosen, typed or shown before."""
    state = st.session_state
    if actor is not None and actor.sign_in:
        if state.get("whose", actor.id) != actor.id:
            state.clear()
            st.rerun()
        state["whose"] = actor.id
    state["recognised"] = None if actor is None else (_run(), actor)
    return actor


def recognised() -> Actor | None:
    """Who acts, if that was asked in this run already."""
    known = st.session_state.get("recognised")
    return known[1] if known is not None and known[0] is _run() else None


def last_recognised() -> Actor | None:
    """Who acted when that was last asked."""
    known = st.session_state.get("recognised")
    return None if known is None else known[1]


def cookie(name: str) -> str:
    """A cookie the browser sent when it connected."""
    return str(st.context.cookies.get(name) or "")


def _sent() -> dict[str, str]:
    """The inputs whose values came from the browser with this run and were not drawn in it yet: the text in each, by
    widget id."""
    try:
        context = get_script_run_ctx()
        inside: Any = context.session_state._state._new_widget_state if context else None
        if inside is None:
            return {}
        waiting = {id: inside.states[id] for id in inside.states if id not in inside.widget_metadata}
        return {id: str(getattr(state.value, "string_value", "")).strip() for id, state in waiting.items()}
    except AttributeError:  # another Streamlit: what was typed is lost then, and nobody says so
        return {}


def _is_first_of_a_rejoined_page() -> bool:
    rejoined: tuple[object, bool] | None = st.session_state.get("rejoined")
    return rejoined is not None and rejoined[0] is _run()


def taken_up(pattern: str) -> re.Match[str] | None:
    """In the first run of a page that was open before this session was (see ``rejoin``): the first input it still has
    whose key matches ``pattern``. Whoever draws inputs under the same keys gets what was typed."""
    if not _is_first_of_a_rejoined_page():
        return None
    return next((found for id in _sent() if (found := re.search(pattern, id))), None)


def say_what_was_lost() -> None:
    """At the end of such a run: what was typed is still there, or part of it is not."""
    if not _is_first_of_a_rejoined_page() or not st.session_state["rejoined"][1]:
        return
    if any(_sent().values()):
        said = _(
            "The connection to GridBoard was lost for a while, and part of what you had typed with it. Look over what "
            "stands here before you save."
        )
        st.toast(i18n.plain(said), icon=":material/sync_problem:", duration="infinite")
    else:
        said = _("The connection to GridBoard was lost for a while. What you typed is still here; choose files anew.")
        st.toast(i18n.plain(said), icon=":material/sync:", duration="long")


def keep_typing() -> None:
    """Keep what stands in the inputs though this run does not draw them, and let the next run send it to the browser
    again, which has forgotten it. Files have to be chosen anew."""
    state = st.session_state
    before = state.get("typing kept") or ()
    kept = [key for key in state if key in before or _is_typed(str(key))]
    state["typing kept"] = kept
    _set_again(kept)


def _set_again(keys: Iterable[Any]) -> None:
    for key in keys:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def _is_typed(key: str) -> bool:
    """Whether the value of a key was typed or chosen. Neither a button's, which looks like a yes, nor that of chosen
    files, which looks like a list of nothing, may be set."""
    value = st.session_state[key]
    if isinstance(value, bool) or value == []:
        try:
            context = get_script_run_ctx()
            inside: Any = context.session_state._state if context else None
            about = inside._new_widget_state.widget_metadata.get(inside._get_widget_id(key))
            return about is not None and not about.value_type.endswith(("trigger_value", "uploader_state_value"))
        except AttributeError:  # another Streamlit: better a choice lost than a page
            return False
    kinds = (str, int, float, date)
    return isinstance(value, kinds) or (isinstance(value, list) and all(isinstance(one, kinds) for one in value))


def look_through(role: str, charge: str | None = None) -> None:
    """In demonstration mode: act as this role, a grid worker with one grid in charge."""
    st.session_state["choice.role"] = role
    st.session_state["choice.charge"] = charge
    st.session_state["recognised"] = None


def be(person_id: str | None) -> None:
    """Where nobody signs in: say who of the people register one is."""
    choose("me", person_id)
    st.session_state["recognised"] = None


# --- what
def settle(communities: list[Mapping[str, Any]], now: datetime, *, anybody: bool) -> View:
    """The view the choices make, among the communities there are; what cannot be is put back to its default.
    ``anybody``: there is no sign-in, so that in a demonstration every role may be tried."""
    by_id = {community["_id"]: community for community in communities}
    community = by_id.get(chosen("community"))
    if community is None:
        choose("community", None)
        community = communities[0]
    zone = ZoneInfo(community.get("time_zone") or "Asia/Shanghai")
    local = now.astimezone(zone)
    st.session_state["zone"] = str(zone)
    st.session_state["demonstration"] = anybody and all(other.get("demonstration") for other in communities)
    wish = chosen("period") or DEFAULT_PERIOD
    try:
        period = Period.containing(wish, local.date()) if wish in KINDS else Period.of(wish)
    except PeriodTrouble:
        choose("period", None)
        period = Period.containing(DEFAULT_PERIOD, local.date())
    view = View(
        community_id=community["_id"],
        community=community["name"],
        demonstration=bool(community.get("demonstration")),
        zone=zone,
        now=local,
        period=period,
        grid_id=chosen("grid") or None,
        category=chosen("category") or None,
        present=local,
    )
    st.session_state["view"] = view
    return view


def day_chosen() -> date | None:
    """The past day that the URL asks for; what is none is put back to today."""
    view, wish = st.session_state["view"], chosen("as_of")
    if not wish:
        return None
    day = None
    if _DAY.fullmatch(wish):
        with suppress(ValueError):
            day = date.fromisoformat(wish)
    if day is None or not EARLIEST <= day < view.present.date():
        choose("as_of", None)
        return None
    return day


def look_back(day: date) -> View:
    """Look at a past day from here on; see ``today``."""
    st.session_state["view"] = found = view().at(day)
    return found


@contextmanager
def today() -> Iterator[View]:
    """Inside, whatever is asked and done is as of the real now, also while a past day is looked at: for what is opened
    and worked on."""
    seen = view()
    st.session_state["view"] = seen.today
    try:
        yield seen.today
    finally:
        st.session_state["view"] = seen


def past() -> datetime | None:
    """The past moment that is looked at; None for now."""
    seen: View | None = st.session_state.get("view")
    return None if seen is None else seen.past


def view() -> View:
    """What the reader chose; settled by the frame before any page runs."""
    found: View = st.session_state["view"]
    return found


def zone() -> ZoneInfo:
    """The time zone of the community looked at."""
    return ZoneInfo(st.session_state.get("zone", "Asia/Shanghai"))


def in_url(name: str, options: Collection[str] | None = None, default: str = "") -> dict[str, Any]:
    """Key and on_change of a page's own input whose value stands in the URL as ``name``. Unlike ``bind``, which writes
    the label, this writes the value: a link then means the same in both languages."""
    key = f"url.{name}"
    value = st.query_params.get(name, default)[:MOST_TYPED]
    st.session_state[key] = value if options is None or value in options else default

    def changed() -> None:
        chosen = st.session_state[key]
        if chosen and chosen != default:
            st.query_params[name] = str(chosen)
        else:
            st.query_params.pop(name, None)

    return {"key": key, "on_change": changed}


# --- what comes and goes
def room_for_banners() -> None:
    """Keep a place here, at the top of the page or of a dialog, for banners that come and go: what stands below must
    not move up and down the tree of elements, for the browser would make it anew, without what is half typed."""
    st.session_state["banners"] = (_run(), st.container(gap="xsmall"))


def banners() -> Any:
    """The place kept in this run, or a new one right here."""
    run, place = st.session_state.get("banners", (None, None))
    return place if place is not None and run is _run() else st.container()


# --- what survives a rerun
def toast(text: str) -> None:
    """Say ``text`` in passing, after the rerun that follows a write."""
    st.session_state.setdefault("toasts", []).append(text)


def held(name: str, make: Callable[[], T]) -> T:
    """What this session holds under a name until it ends; made when it is first asked for."""
    key = f"held.{name}"
    if key not in st.session_state:
        st.session_state[key] = make()
    kept: T = st.session_state[key]
    return kept


def say_toasts() -> None:
    """Show what ``toast`` kept."""
    for text in st.session_state.pop("toasts", []):
        st.toast(i18n.plain(text), icon=":material/check_circle:")


def submission(form: str) -> str:
    """The idempotency key of a hand-drawn form's next submission: the same until ``submitted``, so that a double click
    or a retry counts once. Put it into the widgets' keys, and a submitted form starts empty."""
    key = f"submission.{form}"
    if key not in st.session_state:
        found = taken_up(rf"-({re.escape(form)}\.[0-9a-f]{{32}})$")
        st.session_state[key] = found[1] if found else f"{form}.{secrets.token_hex(16)}"
    return str(st.session_state[key])


def submitted(form: str) -> None:
    """The form went through: the next submission is another one."""
    st.session_state.pop(f"submission.{form}", None)
