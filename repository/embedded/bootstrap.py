"""The set-up inside the server: replica set, administrator, the app's user. Every step can be repeated."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure

from repository.embedded.directory import PAUSE, EmbeddedTrouble, Places, note, read_meta
from repository.embedded.server import SET, too_slow
from repository.words import msg

APP_DATABASE = "gridboard"

_APP_USER = "gridboard"
_APP_ROLE = "application"
_ADMIN_USER = "admin"
_MAJORITY = {"w": "majority", "j": True}


CHANGEABLE = (
    "accepted_deviations",
    "action_items",
    "activities",
    "assessment_ballots",
    "assessment_rounds",
    "attendances",
    "checklists",
    "communities",
    "contacts",
    "decisions",
    "doors",
    "engagements",
    "entry_logs",
    "erasures",
    "facilities",
    "grids",
    "hazards",
    "import_batches",
    "import_changes",
    "inspection_plans",
    "inspections",
    "kept_reviews",
    "labels",
    "maintenance_plans",
    "meetings",
    "meta",
    "migrations",
    "milestones",
    "monthly_counts",
    "needs",
    "numbers",
    "organizations",
    "passwords",
    "patrol_plans",
    "patrols",
    "people",
    "photos.chunks",
    "photos.files",
    "places",
    "posts",
    "presentations",
    "project_tasks",
    "projects",
    "report_links",
    "requests",
    "resident_cards",
    "residents_seen",  # of older versions: emptied by a migration
    "resources",
    "saved_mappings",
    "sign_in_attempts",
    "sign_ins",
    "sign_ups",
    "special_days",
    "staff_certificates",
    "staff_members",
    "staff_successors",
    "staff_trainings",
    "states_noted",
    "targets",
    "training_plans",
    "users",
    "volunteers",
    "work_orders",
)
"""Collections in which the app's user may change and remove, and to which it may give indexes and rules. Everywhere
else, as in the audit trail, it only adds: an index can make documents expire, and a rule keep new ones out."""

TRAIL: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "audit": (
        {
            "name": "community_id_collection_record_id_at",
            "key": {"community_id": 1, "collection": 1, "record_id": 1, "at": 1},
        },
        {
            "name": "community_id_at__id_where",
            "key": {"community_id": 1, "at": 1, "_id": 1},
            "partialFilterExpression": {"operation": {"$exists": True}},
        },
        {
            "name": "community_id_names_where",
            "key": {"community_id": 1, "names": 1},
            "partialFilterExpression": {"names": {"$exists": True}},
        },
        {
            "name": "key_where",
            "key": {"key": 1},
            "unique": True,
            "partialFilterExpression": {"key": {"$exists": True}},
        },
    ),
    "audit_seals": (),
}
"""The trail's collections with their indexes, as the migrations declare them; the administrator makes them, because the
app's user may not."""


class _Code:
    """MongoDB's error numbers that a start expects."""

    UNAUTHORIZED = 13
    WRONG_PASSWORD = 18
    ALREADY_INITIATED = 23
    NOT_YET_INITIATED = 94
    ROLE_EXISTS = 51002
    USER_EXISTS = 51003


def converge(places: Places, deadline: float, *, check_login: bool) -> bool:
    """Bring the running server to: primary, admin user, app user; True when the app user was created now."""
    with _client(places) as bare:
        _await_primary(places, bare, deadline)
        if check_login:
            note(places, mongod=bare.server_info()["version"])  # only now: a program that fails must not bar others
        meta = read_meta(places)
        if meta.get("ready") and meta.get("rights") == _rights() and not (check_login and _login_refused(places)):
            return False
        with _done_before(_Code.UNAUTHORIZED, _Code.USER_EXISTS):
            # Until the first user exists the server lets a local client create it, and only that.
            bare.admin.command(
                "createUser",
                _ADMIN_USER,
                pwd=places.admin_password.read_text(),
                roles=["root"],
                mechanisms=["SCRAM-SHA-256"],
                writeConcern=_MAJORITY,
            )
    created = _create_app_user(places)
    note(places, ready=True, rights=_rights())
    return created


def _privileges() -> list[dict[str, Any]]:
    """What the app's user may do: read and add anywhere in its database, change and remove where it must."""
    everywhere = ["find", "insert", "listCollections", "listIndexes"]
    everywhere += ["validate", "collStats", "dbStats", "changeStream"]
    by_name = ["update", "remove", "createCollection", "createIndex", "collMod"]
    rows = [{"resource": {"db": APP_DATABASE, "collection": ""}, "actions": everywhere}]
    return rows + [{"resource": {"db": APP_DATABASE, "collection": name}, "actions": by_name} for name in CHANGEABLE]


def _rights() -> str:
    """A mark of the privileges and the trail, by which a later start sees that they have to be brought up to date."""
    return hashlib.sha256(json.dumps([_privileges(), TRAIL]).encode()).hexdigest()[:16]


def _await_primary(places: Places, bare: MongoClient[dict[str, Any]], deadline: float) -> None:
    began = time.monotonic()
    host = str(places.socket)
    initiated = False
    while True:
        hello = bare.admin.command("hello")
        if hello.get("isWritablePrimary"):
            return
        if "setName" not in hello:  # new, or moved away from the address it knows, or still reading its settings
            if not initiated:
                with _done_before(_Code.UNAUTHORIZED, _Code.ALREADY_INITIATED):
                    bare.admin.command("replSetInitiate", {"_id": SET, "members": [{"_id": 0, "host": host}]})
                initiated = True
            else:
                _readdress(places, host)
        if time.monotonic() > deadline:
            raise too_slow(places, time.monotonic() - began)
        time.sleep(PAUSE)


def _readdress(places: Places, host: str) -> None:
    """Tell a server whose directory was moved or restored elsewhere that it is itself."""
    # As a member of its own set: the one account that exists even if the directory moved before the set-up was done.
    member = {"username": "__system", "password": places.keyfile.read_text(), "authSource": "local"}
    try:
        with _client(places, authMechanism="SCRAM-SHA-256", **member) as own:
            config = own.admin.command("replSetGetConfig")["config"]
            if config["members"][0]["host"] != host:
                config["members"][0]["host"] = host
                config["version"] += 1
                own.admin.command("replSetReconfig", config, force=True)
    except OperationFailure as error:
        if error.code != _Code.NOT_YET_INITIATED:  # it is still reading its settings
            raise


def _create_app_user(places: Places) -> bool:
    account: Mapping[str, Any] = {
        "pwd": places.app_password.read_text(),
        "roles": [_APP_ROLE],
        "mechanisms": ["SCRAM-SHA-256"],
        "writeConcern": _MAJORITY,
    }
    try:
        with _admin(places) as admin:
            database = admin[APP_DATABASE]
            _make_trail(database)
            role: Mapping[str, Any] = {"roles": [], "privileges": _privileges(), "writeConcern": _MAJORITY}
            try:
                database.command("createRole", _APP_ROLE, **role)
            except OperationFailure as error:
                if error.code != _Code.ROLE_EXISTS:
                    raise
                database.command("updateRole", _APP_ROLE, **role)
            try:
                database.command("createUser", _APP_USER, **account)
            except OperationFailure as error:
                if error.code != _Code.USER_EXISTS:
                    raise
                database.command("updateUser", _APP_USER, **account)  # app.pw may have been lost and made anew
                return False
            return True
    except OperationFailure as error:
        if error.code == _Code.WRONG_PASSWORD:
            raise _wrong_password(places) from error
        raise


def _make_trail(database: Database[dict[str, Any]]) -> None:
    """The trail's collections with their indexes and nothing else: what an earlier role let the app's user put on them,
    such as an index that makes entries expire, is taken off. Seals of the first form, which none of today's can follow,
    are put aside."""
    seals = database["audit_seals"]
    if seals.find_one({}) is not None and seals.find_one({"mark": {"$exists": True}}) is None:
        seals.rename("audit_seals_first_form")
    there = {info["name"]: info for info in database.list_collections()}
    for name, wanted in TRAIL.items():
        if name not in there:
            database.create_collection(name)
        elif there[name]["options"].get("validator"):
            database.command("collMod", name, validator={})
        found = {each["name"]: each for each in database[name].list_indexes() if each["name"] != "_id_"}
        right = {each["name"] for each in wanted if _is_same(each, found.get(each["name"], {}))}
        for foreign in found.keys() - right:
            database[name].drop_index(foreign)
        if missing := [each for each in wanted if each["name"] not in right]:
            database.command("createIndexes", name, indexes=missing)


def _is_same(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether an index as the server tells of it is the one that was asked for."""
    told = {name: value for name, value in found.items() if name != "v"}
    return told == wanted and list(told["key"]) == list(wanted["key"])


def _login_refused(places: Places) -> bool:
    try:
        with MongoClient[dict[str, Any]](app_uri(places)) as app:
            app[APP_DATABASE].command("ping")
    except OperationFailure as error:
        if error.code == _Code.WRONG_PASSWORD:
            return True
        raise
    return False


def _client(places: Places, **options: Any) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        f"mongodb://{quote_plus(str(places.socket))}/",
        directConnection=True,
        serverSelectionTimeoutMS=500,  # its socket has just answered; if it fails, the caller looks again
        retryWrites=False,
        **{"socketTimeoutMS": 30_000, **options},
    )


def _admin(places: Places) -> MongoClient[dict[str, Any]]:
    return _client(
        places,
        socketTimeoutMS=None,  # an index over a trail of many years takes its time
        username=_ADMIN_USER,
        password=places.admin_password.read_text(),
        authSource="admin",
        authMechanism="SCRAM-SHA-256",
    )


def app_uri(places: Places) -> str:
    """The app user's address of the server, with its password in it."""
    return _uri(places, _APP_USER, places.app_password.read_text(), APP_DATABASE)


def admin_uri(places: Places) -> str:
    """The administrator's address of the app's database, with the password in it: for a restore, which drops what a
    cut-off one left."""
    return _uri(places, _ADMIN_USER, places.admin_password.read_text(), "admin")


def _uri(places: Places, user: str, password: str, source: str) -> str:
    return (
        f"mongodb://{user}:{quote_plus(password)}@{quote_plus(str(places.socket))}/{APP_DATABASE}"
        f"?directConnection=true&replicaSet={SET}&authSource={source}&authMechanism=SCRAM-SHA-256"
        "&w=majority&journal=true&retryWrites=true&serverSelectionTimeoutMS=3000"
    )


def _wrong_password(places: Places) -> EmbeddedTrouble:
    return EmbeddedTrouble(
        msg(
            "The database in {home} does not accept the password in {file}. Nothing was changed. Put back the file "
            "that belongs to this database, for example from a backup."
        ),
        home=places.home,
        file=places.admin_password,
    )


@contextmanager
def _done_before(*codes: int) -> Iterator[None]:
    """Let pass the answers of the server that mean "done before"."""
    try:
        yield
    except OperationFailure as error:
        if error.code not in codes:
            raise
