"""I3: anything in the place of any argument of any public function of the repository; none of it is a command."""

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bson import json_util
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import monitoring
from pymongo.errors import PyMongoError

from repository import accounts, checkin, embedded, facilities, hazards, maintenance, patrols, reports
from repository.checkin import Door
from repository.facilities import Facility
from repository.labels import Label
from repository.maintenance import WorkOrder
from repository.migrations import migrate
from repository.organizations import Organization
from repository.people import Person
from repository.store import Store
from repository.words import Trouble
from tests.benchmarks.stand import Report
from tests.conftest import NOW
from tests.reliability.ground import home
from tests.test_access import MARK, ROOT, ROWS, everything, found, ground, restore, world

# --- what is given


class Operator(str):
    """A dictionary's key that came with an argument: it stays one of these however often the dictionary is copied."""

    __slots__ = ()


KEYS = [Operator(name) for name in ("$ne", "$gt", "$in", "$where", "$expr", "$regex", "$EVIL")]
PATH = "$EVIL.path"  # a text that is a field's path where an expression stands
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(PATH)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*KEYS, "a.b", "name", "code", "_id", ""]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NOT_EQUAL = {Operator("$ne"): None}
"""The simplest attack, which every argument is tried with."""


class Watch(monitoring.CommandListener):
    """Looks into every command that is sent for what came with an argument and is taken for more than a value."""

    def __init__(self) -> None:
        self.now = ""  # what is being tried
        self.found: set[str] = set()
        self.seen = 0
        self.wrote = False

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """One command on its way."""
        self.seen += 1
        self.wrote |= event.command_name not in ("find", "aggregate", "getMore", "count")
        if any(isinstance(key, Operator) for key in _keys(event.command)) or PATH in _read(event.command):
            self.found.add(self.now)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to see."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to see."""


def _keys(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _keys(inner)


def _read(command: Mapping[str, Any]) -> str:
    """What of a command the server reads as expressions: the stages of a pipeline but the matches, and what is said to
    be literal, whose values are values."""
    pipelines = [command.get("pipeline", ()), *(each["u"] for each in command.get("updates", ()))]
    stages = [stage for pipeline in pipelines if isinstance(pipeline, list) for stage in pipeline]
    return json_util.dumps(_without_matches(stages))


def _without_matches(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_matches(inner) for key, inner in value.items() if key not in ("$match", "$literal")}
    return [_without_matches(inner) for inner in value] if isinstance(value, (list, tuple)) else value


# --- what is called

OURS: Mapping[str, str] = {
    "store": "not an argument", "write": "not an argument", "self": "not an argument", "cls": "not an argument",
    "actor": "made by the sign-in of what is stored", "visitor": "as an actor",
    "record": "a class, or what has been judged by it",
    "session": "the driver's", "client": "the driver's",
    "pipeline": "written in the rooms", "projection": "written in the rooms", "sort": "written in the rooms",
    "index": "written in the rooms", "facts": "written in the rooms", "atoms": "counted in the rooms",
    "presence": "counted in the rooms",
    "tried": "counted in the rooms", "also": "written in the rooms", "within": "read by the rooms",
    "path": "a file's place", "folder": "a file's place", "file": "an open file", "head_file": "a file's place",
    "patience": "seconds to sleep", "seconds": "seconds to wait",
    "work": "code", "then": "code", "progress": "code", "translate": "code", "languages": "code",
}  # fmt: skip
"""Parameters, whosever they are, that no caller's data can be: because they are …"""

NOT_TRIED: Mapping[str, str] = {
    "store.Store": "as Store.connect", "store.Store.connect": "the installation's own settings",
    "store.Write": "made by Store.write", "store.in_steps": "made where it stands",
    "store.Then": "made where it stands", "store.Then.write": "stops everybody",
    **dict.fromkeys(
        ("store.Then.aggregate", "store.Then.count", "store.Then.counters_of", "store.Then.documents",
         "store.Then.find", "store.Then.together"),
        "by the filters of Store, which are tried",
    ),
    "targets.judged": "made where it stands",
    "store.Store.take_erasure_key": "bytes of a file that erasure.read_ledger has judged",
    "store.Write.note": "its facts are written in the rooms", "store.Write.note_row": "of a record that was judged",
    **dict.fromkeys(
        ("importer.Flight", "importer.Flight.take_over", "importer.Flight.complete", "importer.Flight.flip"),
        "of a batch as it is stored; commit and undo, which are tried, make it",
    ),
    "maintenance.Ledger": "made by its read", "maintenance.Ledger.midnight": "moments that are compared with a field",
    "maintenance.Ledger.glance_wanted": "read by the rooms",
    "maintenance.Ledger.read_glance": "read by the rooms",
    "maintenance.Ledger.take_estimates": "read by the rooms",
    "review.Desk": "made by review.reviewed",
    **dict.fromkeys(
        (f"review.Desk.{name}"
         for name in ("because", "director", "grid", "in_weeks", "left", "name", "stock", "thrice")),
        "called by the sections of a review, with what they were told",
    ),
    "backup.Sink": "a file", "backup.Sink.write": "a file",
    "backup.restore": "its identity is a key for decryption; the rest is a file's place",
}  # fmt: skip
"""Public functions that take something and are not tried, because …"""

SECRET = "violet anchor bread"  # pragma: allowlist secret
TERMS = accounts.Terms()
DOOR = Door(id=f"{MARK}-D", community_id="D", activity_id="evening-g1", grid_id="g1")
LABEL = Label(id=f"{MARK}-L", community_id="D", facility_id="f-g1", grid_id="g1")


def _order(store: Store, id: str = "w-g1") -> WorkOrder:
    return store.get(ROOT, WorkOrder, "D", id)


Usual = Mapping[str, Any]
BESIDE: Mapping[str, Usual | Callable[[Store], Usual]] = {
    "accounts.setup_open": {"code": "x"},
    "accounts.set_up": {"code": "x", "login": "boss", "name": "b", "password": SECRET},
    "accounts.sign_in": {"login": "guest", "password": SECRET, "terms": TERMS},
    "accounts.sign_in_as": {"subject": "guest", "way": "header", "terms": TERMS},
    "accounts.visitor": {"token": "x", "terms": TERMS},
    "accounts.followed": {"token": "x"},
    "accounts.sign_out": {"token": "x", "terms": TERMS},
    "attempts.count": {"login": "guest", "user_id": None, "address": "10.0.0.1"},
    "attempts.forget": {"user_id": "u-guest", "login": "guest"},
    "accounts.change_password": {
        "visitor": accounts.Visitor(dataclasses.replace(ROOT, id="u-guest"), "guest", None, False),
        "old": SECRET,
        "new": "seven quiet lanterns",
    },
    "audit.seal": {},
    "backup.due": {"folder": Path("/nowhere")},
    "importer.recover": {"stale": timedelta(days=1)},
    "migrations.migrate": {},
    "once.first_use": {"what": "x", "good_for": timedelta(hours=1)},
    "people.keep_contact": {"community_id": "D", "about_id": "w-g1", "grid_id": "g1", "name": "甲", "phone": None},
    "people.keep_until": {"community_id": "D", "about_id": "w-g1", "since": NOW.date(), "following": Organization},
    "accounts.first_to_see": {"community_id": "D", "grid_id": "g1", "people": ["p"]},
    "accounts.sees": {"community_id": "D", "grid_id": "g1", "person_id": "p", "company_id": None},
    "maintenance.require_seen": {
        "community_id": "D", "grid_id": "g1", "assignee_id": f"{MARK}-p", "company_id": None
    },
    "patrols.keys_of": {"community_id": "D", "grid_id": "g1", "year": 2026, "doors": (patrols.Door("6", "101"),)},
    "people.drop_contact": {"community_id": "D", "about_id": "w-g1"},
    "people.move_contact": {"community_id": "D", "about_id": "w-g1", "grid_id": "g1", "following": WorkOrder},
    "labels.label_with": {"code": LABEL.id},
    "reports.board": {"code": LABEL.id},
    "reports.form_token": {"label": LABEL},
    "reports.report": lambda store: {
        "label": LABEL, "token": reports.form_token(store, LABEL), "fault": "loose", "dangerous": False,
        "words": "x", "pictures": (), "name": "甲", "phone": "",
    },
    "reports.see_too": lambda store: {
        "label": LABEL, "token": reports.form_token(store, LABEL), "order_id": "w-g1",
    },
    "reports.follow": {"token": "x"},
    "checkin.doorway": {"code": DOOR.id},
    "checkin.door_token": {"door": DOOR},
    "checkin.enter": lambda store: {
        "code": DOOR.id, "token": checkin.door_token(store, DOOR), "typed": f"{MARK}-W",
    },
    "checkin.walk_in": lambda store: {
        "code": DOOR.id, "token": checkin.door_token(store, DOOR), "age_band": "75+", "sex": "f", "grid_id": "g1",
    },
    "checkin.digest_of": {"activity_id": "evening-g1", "code": "AAAAAA"},
    "keyed.key": {"name": "x"},
    "keyed.sign": {"name": "x", "what": "x", "text": "x"},
    "signups.places_taken": {"community_id": "D", "activity_id": "evening-g1"},
    "signups.nobodys": {"community_id": "D", "codes": [f"{MARK}-S"]},
    "signups.note_came": {"community_id": "D", "activity_id": "evening-g1", "residents": [f"{MARK}-S"], "came": False},
    "signups.move_up": {"community_id": "D", "activity_id": "evening-g1", "capacity": 2},
    "signups.meet": {"community_id": "D", "held_on": NOW.date()},
    "signups.follow": {
        "community_id": "D", "activity_id": "evening-g1", "held_on": NOW.date(), "grid_id": "g1",
    },
    "reports.answer": {"token": "x", "mended": True, "satisfaction": 5},
    "recount.make_again": {"record": WorkOrder, "community_id": "D"},
    "recount.people_again": {"community_id": "D"},
    "recount.seen_again": {"community_id": "D"},
    "keyed.digest": {"name": "x", "text": "4711"},
    "photos.link": lambda store: {"record": _order(store), "ids": ["loose"]},
    "photos.hand_over": lambda store: {
        "old": _order(store), "new": _order(store, "pm-g1"), "ids": [f"{MARK}-photo"],
    },
    "photos.share": lambda store: {
        "old": _order(store), "new": _order(store, "pm-g1"), "ids": [f"{MARK}-photo"],
    },
    "photos.let_go": lambda store: {"record": _order(store), "ids": [f"{MARK}-photo"]},
    "hazards.link_order": {"community_id": "D", "id": "h-g1", "order_id": "w-g1"},
    "hazards.unlink_order": {"community_id": "D", "id": "h-g1", "order_id": "w-g1", "following": WorkOrder},
    "hazards.follow": {"community_id": "D", "id": "h-g1", "step": hazards.Step.RECTIFIED, "number": "W-1"},
    "organizations.note_part": {
        "community_id": "D", "organization_id": "o-D", "way": "joined", "what": "x", "on": NOW.date(),
    },
    "meetings.put_on_agenda": {"community_id": "D", "id": "next-D", "items": []},
    "meetings.take_off_agenda": {"community_id": "D", "id": "next-D", "ref": "x"},
    "organizations.drop_parts": {"community_id": "D", "need_id": "need-g1"},
    "organizations.move_parts": {
        "community_id": "D", "following": WorkOrder, "on": NOW.date(), "to": NOW.date(), "need_id": "need-g1",
    },
    "maintenance.open_order": lambda store: {
        "promise": maintenance.Promises.of(store, ROOT, "D"), "community_id": "D", "number": 77, "fault": "loose",
        "facility_id": "f-g1", "photos": (),
    },
    "maintenance.found_again": lambda store: {
        "order": _order(store), "promise": maintenance.Promises.of(store, ROOT, "D"), "note": "x", "dangerous": True,
    },
    "maintenance.found_in_order": lambda store: {"order": _order(store), "note": "x"},
    "maintenance.leave_undone": lambda store: {"order": _order(store), "why": "x"},
    "maintenance.said": lambda store: {"order": _order(store), "note": "x"},
    "maintenance.take_photos": lambda store: {
        "order": _order(store), "source": _order(store, "pm-g1"), "photos": (f"{MARK}-photo",),
    },
    "facilities.with_history": {
        "facility": Facility(community_id="D", code="N", name="n", category=facilities.Category.FITNESS, grid_id="g1"),
        "changes": {"condition": 2},
    },
    "store.Store.require_room": {},
    "store.Store.zone": {"community_id": "D"},
    "store.Store.erasure_key": {"make": True},
    "store.Store.erasure_id": {"community_id": "D", "code": "R-7K3Q"},
    "store.Store.erased": {"community_id": "D", "codes": ["R-7K3Q"]},
    "store.Store.documents": {"record": Person, "filter": {"name": "x"}},
    "store.Store.find": {"actor": ROOT, "record": Facility, "community_id": "D", "filter": {"code": "x"}},
    "store.Store.count": {"actor": ROOT, "record": Facility, "community_id": "D", "filter": {"code": "x"}},
    "store.Store.aggregate": {
        "actor": ROOT, "record": Facility, "community_id": "D", "pipeline": [], "filter": {"code": "x"},
    },
    "store.Store.together": {"actor": ROOT, "community_id": "D", "wanted": []},
    "store.Store.get": {"actor": ROOT, "record": Facility, "community_id": "D", "id": "f-g1"},
    "store.Store.names": {"actor": ROOT, "record": Facility, "community_ids": ["D"], "filter": {"code": "x"}},
    "store.Store.first_month": {"actor": ROOT, "community_id": "D"},
    "store.Store.counters": {"community_id": "D", "subject": "x", "level": "month", "filter": {"grid": "g1"}},
    "store.Store.counters_of": {"community_id": "D", "wanted": [{"grid": "g1"}]},
    "store.Store.writes": {"community_ids": ["D"]},
    "store.Store.write": {"actor": ROOT, "work": lambda write: write.read(Person, "D", "p-D")},
    "store.Store.insert": {"actor": ROOT, "record": Person(community_id="D", name="x")},
    "store.Store.update": {
        "actor": ROOT, "record": Person, "community_id": "D", "id": "p-D", "revision": 1, "changes": {"job": "x"},
    },
    "store.Store.delete": {"actor": ROOT, "record": Person, "community_id": "D", "id": "free-D", "revision": 1},
    "store.Store.next_number": {"actor": ROOT, "community_id": "D", "name": "x"},
    "store.Store.forget_zone": {"community_id": "D"},
    "store.Write.insert_many": {"records": [Person(community_id="D", name="x")]},
    "store.Write.referred": {"record": Person, "community_id": "D", "field": "assignee_id", "id": "p-D"},
    "store.Write.read": {"record": Person, "community_id": "D", "id": "p-D"},
    "store.Write.reveal": {"record": Person, "community_id": "D", "id": "p-D", "facts": {}},
    "store.Write.update": {
        "record": Person, "community_id": "D", "id": "p-D", "revision": 1, "changes": {"job": "x"},
    },
    "store.Write.delete": {"record": Person, "community_id": "D", "id": "free-D", "revision": 1},
    "store.Write.add_counts": {"community_id": "D", "atoms": {}},
    "store.Write.touch": {"community_id": "D"},
    "store.Write.came_before": {"community_id": "D", "known": {}},
    "store.Write.erase": {"record": Person, "community_id": "D", "id": "free-D"},
}  # fmt: skip
"""How those are called that the table of tests/test_access.py does not call."""


def _open_to_data(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in OURS]


def _untried(functions: Mapping[str, Callable[..., Any]]) -> set[str]:
    """Public functions that take data and that nothing here says how to call."""
    taking = {name for name, function in functions.items() if _open_to_data(function)}
    return taking - ROWS.keys() - BESIDE.keys() - NOT_TRIED.keys()


def _usual(name: str, function: Callable[..., Any], store: Store) -> dict[str, Any]:
    """The arguments with which the table of tests/test_access.py calls a function: overheard."""
    if name in BESIDE:
        beside = BESIDE[name]
        return dict(beside(store) if callable(beside) else beside)
    signature, heard = inspect.signature(function), list[dict[str, Any]]()

    def listen(*args: Any, **kwargs: Any) -> Any:
        heard.append(dict(signature.bind(*args, **kwargs).arguments))
        return function(*args, **kwargs)

    with ExitStack() as open_ones:
        for module in [each for key, each in sys.modules.items() if key.split(".")[0] == "repository"]:
            if vars(module).get(function.__name__) is function:
                open_ones.enter_context(patch.object(module, function.__name__, listen))
        ground(store, name)
        ROWS[name].call(store, ROOT)
    return {key: value for key, value in (heard[0] if heard else {"actor": ROOT}).items() if key != "store"}


def _places(function: Callable[..., Any], usual: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Every place where data can stand, with what makes the arguments of a value put there: each argument, each entry
    of one that is a mapping, each field of one that is made of some."""
    for name in _open_to_data(function):
        yield name, lambda value, name=name: {**usual, name: value}
        given = usual.get(name)
        if isinstance(given, Mapping):
            for key in given:
                yield (
                    f"{name}[{key}]",
                    lambda value, name=name, given=given, key=key: {**usual, name: {**given, key: value}},
                )
        elif dataclasses.is_dataclass(given) and not isinstance(given, type):
            for one in (field.name for field in dataclasses.fields(given) if field.init):
                yield (
                    f"{name}.{one}",
                    lambda value, name=name, given=given, one=one: {
                        **usual, name: dataclasses.replace(given, **{one: value}),
                    },
                )  # fmt: skip


class _Trial:
    """A database with the world of tests/test_access.py in it, which is put back after each call that changed it."""

    def __init__(self, store: Store, plain: Store, watch: Watch, examples: int) -> None:
        self.store, self.plain, self.watch, self.examples = store, plain, watch, examples
        self.drawn = _drawn()
        self.before = everything(plain)
        self.untyped: set[str] = set()
        self.drivers: set[str] = set()

    def call(self, name: str, function: Callable[..., Any], put: Callable[[Any], Any], value: Any) -> None:
        """Once, and whatever is raised is noted."""
        first = next(iter(inspect.signature(function).parameters), "")
        try:
            arguments = put(value)
            if name.startswith("store.Write.") or first == "write":
                self.store.write(ROOT, lambda write: function(write, **arguments))
            else:
                answer = function(*[self.store] * (first in ("store", "self")), **arguments)
                if inspect.isgenerator(answer):
                    list(answer)
        except Trouble:
            pass
        except PyMongoError as error:
            self.drivers.add(f"{self.watch.now}: {error}"[:160])
        except Exception as error:  # noqa: BLE001 (a mistake of the caller's program, told as Python tells it)
            self.untyped.add(type(error).__name__)
        if self.watch.wrote:
            restore(self.plain, self.before)
            self.store._there.clear()
            self.store.reread_pending()
            self.watch.wrote = False

    def try_all_of(self, name: str, function: Callable[..., Any]) -> int:
        """The simplest attack in every place, and as many random ones as are wanted; how many places there are."""
        places = 0
        for place, put in _places(function, _usual(name, function, self.store)):
            places, self.watch.now = places + 1, f"{name}({place})"

            attack = partial(self.call, name, function, put)
            attack(NOT_EQUAL)
            attack([NOT_EQUAL])
            if self.examples > 1:
                _at_random(attack, self.examples)
            else:
                attack(next(self.drawn))
        return places


def _at_random(attack: Callable[[Any], None], examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(ANYTHING)
    def each(value: Any) -> None:
        attack(value)

    each()


def _drawn() -> Iterator[Any]:
    """Random ones to take one from for each place: to draw for each anew takes longer than the call, and the first that
    is drawn is always None."""
    found: list[Any] = []
    _at_random(found.append, 300)
    return cycle(found)


def anything_for_every_argument(report: Report, long: bool) -> None:
    """Dictionaries, lists, operators as any argument: the server takes none for a test, a key or a path."""
    functions, watch = found(), Watch()
    untried = _untried(functions)
    report.line("public functions nothing says how to call", ", ".join(sorted(untried)) or "none", "none", not untried)
    with home() as path:
        endpoint = embedded.start(path)
        plain = Store.connect(embedded.operator_uri(path), endpoint.database, lambda: NOW)
        migrate(plain)
        world(plain)
        reports.form_token(plain, LABEL)  # makes the secret that forms are signed with
        store = Store.connect(endpoint.uri, endpoint.database, lambda: NOW, event_listeners=[watch])
        trial = _Trial(store, plain, watch, 40 if long else 1)
        places = sum(
            trial.try_all_of(name, function)
            for name, function in functions.items()
            if name not in NOT_TRIED and name not in untried and _open_to_data(function)
        )
        report.line("places tried / commands looked into", f"{places} / {watch.seen:,}", ">= 400", places >= 400)
        came = ", ".join(sorted(watch.found)) or "none"
        report.line("came in and was taken for more than a value", came, "none", not watch.found)
        raw = "; ".join(sorted(trial.drivers)) or "none"
        report.line("refused by the server instead of by us", raw, "none", not trial.drivers)
        report.line("refused by Python's own types with", ", ".join(sorted(trial.untyped)))
        watch.found, watch.now = set(), "the watch itself"
        list(store.db["people"].find({"name": {"$gt": [{**NOT_EQUAL}]}}))
        operator, watch.found = watch.found, set()
        list(store.db["people"].aggregate([{"$set": {"x": PATH}}]))
        seen = bool(operator) and bool(watch.found)
        report.line("an operator and a path sent past the store", "seen" if seen else "not seen", "seen", seen)
        store.close()
        plain.close()
