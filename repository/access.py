"""Who may do what, and where. Pure: one table, applied by the store at every read and write.

Pages read ``may`` only to hide what would be refused anyway.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from repository.filters import Is
from repository.record import SYSTEM_FIELDS, Choice, Record
from repository.words import Trouble, msg


class Role(Choice):
    """What a person is here for."""

    VIEWER = "viewer", msg("Viewer")
    GRID_WORKER = "grid_worker", msg("Grid worker")
    FACILITY_MANAGER = "facility_manager", msg("Facility manager")
    EDITOR = "editor", msg("Editor")
    ADMIN = "admin", msg("Administrator")


class Operation(StrEnum):
    """What can be done to a collection."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    IMPORT = "import"


@dataclass(frozen=True)
class Actor:
    """Who is acting. ``communities`` and ``grids`` bound the reach; None means all of them. ``sign_in`` names the open
    sign-in the actor stands for, which every write looks up again; empty for the command line and the open modes."""

    id: str
    name: str
    role: Role
    communities: frozenset[str] | None = None
    grids: frozenset[str] | None = None
    sign_in: str = ""

    @property
    def eyes(self) -> "Eyes":
        """All that decides what the actor sees: two with the same eyes are given the same answers."""
        return self.role, self.communities, self.grids


Eyes = tuple[Role, frozenset[str] | None, frozenset[str] | None]


class Refused(Trouble):
    """The actor may not do this. Nothing was changed."""

    of_people = True


_ALL = frozenset(Role)
_EDITORS = frozenset({Role.EDITOR, Role.ADMIN})
_FACILITIES = _EDITORS | {Role.FACILITY_MANAGER}
_FIELD = _FACILITIES | {Role.GRID_WORKER}
_ADMIN = frozenset({Role.ADMIN})
_NOBODY: frozenset[Role] = frozenset()


def _row(
    read: frozenset[Role],
    create: frozenset[Role],
    update: frozenset[Role],
    delete: frozenset[Role],
    imports: frozenset[Role],
) -> Mapping[Operation, frozenset[Role]]:
    return MappingProxyType(dict(zip(Operation, (read, create, update, delete, imports), strict=True)))


PERMISSIONS: Mapping[str, Mapping[Operation, frozenset[Role]]] = MappingProxyType(
    {
        #                             read          create       update       delete     import
        "communities": _row(_ALL, _ADMIN, _EDITORS, _ADMIN, _ADMIN),
        "grids": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "posts": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "people": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "contacts": _row(_FIELD, _FIELD, _EDITORS, _EDITORS, _NOBODY),
        "facilities": _row(_ALL, _FACILITIES, _FACILITIES, _EDITORS, _FACILITIES),
        "work_orders": _row(_ALL, _FIELD, _FIELD, _EDITORS, _FACILITIES),
        "activities": _row(_ALL, _EDITORS | {Role.GRID_WORKER}, _EDITORS | {Role.GRID_WORKER}, _EDITORS, _EDITORS),
        "attendances": _row(
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS,
        ),
        "import_batches": _row(_FACILITIES, _FACILITIES, _FACILITIES, _NOBODY, _NOBODY),
        "saved_mappings": _row(_FACILITIES, _FACILITIES, _FACILITIES, _FACILITIES, _NOBODY),
        "users": _row(_ADMIN, _ADMIN, _ADMIN, _ADMIN, _NOBODY),
        "audit": _row(_ADMIN, _NOBODY, _NOBODY, _NOBODY, _NOBODY),
        "monthly_counts": _row(_ALL, _NOBODY, _ADMIN, _NOBODY, _NOBODY),
    }
)


_ORDER_OF_A_WORKER = frozenset(
    {
        "fault", "facility_id", "place", "grid_id", "category", "priority", "dangerous", "status", "is_open", "outcome",
        "responded_at", "due_at", "ended_at", "repair_seconds", "respond_seconds", "assignee_id", "hold_reason",
        "estimated_hours", "actual_hours", "description", "events", "reopenings", "source",
    }
)  # fmt: skip
_ACTIVITY_OF_A_WORKER = frozenset(
    {
        "name", "held_on", "held_precision", "status", "format", "theme", "grid_id", "place", "organizer_id", "level",
        "intended_for", "sessions", "capacity", "headcount", "remark",
    }
)  # fmt: skip
_COMMUNITY_OF_AN_EDITOR = frozenset(
    {"name", "district", "households", "residents", "crew_hours_per_week", "population", "service_lives"}
)

_WRITES = (Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.IMPORT)
WHOLE = frozenset(
    {
        *(("users", operation) for operation in Operation),
        *(("communities", operation) for operation in _WRITES),
        ("monthly_counts", Operation.UPDATE),
    }
)
"""What concerns a community as a whole, or everybody: nobody may do it who has but some grids in charge, so that
nobody widens their own reach, or counts what belongs to others."""

FIELDS: Mapping[tuple[str, Role, Operation], frozenset[str]] = MappingProxyType(
    {
        # when the clock began is nobody's to change who is measured by it; money is the office's
        ("work_orders", Role.GRID_WORKER, Operation.CREATE): _ORDER_OF_A_WORKER | {"number", "reported_at"},
        ("work_orders", Role.GRID_WORKER, Operation.UPDATE): _ORDER_OF_A_WORKER,
        ("activities", Role.GRID_WORKER, Operation.CREATE): _ACTIVITY_OF_A_WORKER,
        ("activities", Role.GRID_WORKER, Operation.UPDATE): _ACTIVITY_OF_A_WORKER,
        # the code is on every export, the zone cuts every month, the mark opens a demonstration to anybody
        ("communities", Role.EDITOR, Operation.UPDATE): _COMMUNITY_OF_AN_EDITOR,
    }
)
"""Where a role may write records of a collection but not all of their fields: those it may set. What is not listed
here may be written whole."""


def may_set(actor: Actor, operation: Operation, collection: str, field: str) -> bool:
    """Whether the role may set this field when it creates or updates; asks nothing about the record itself."""
    open_ones = FIELDS.get((collection, actor.role, operation))
    return may(actor, operation, collection) and (open_ones is None or field in open_ones)


def require_fields(actor: Actor, operation: Operation, record: type[Record], fields: Iterable[str]) -> None:
    """Raise Refused, naming them, for fields that the role may not set, or that nobody sets."""
    open_ones = FIELDS.get((record.collection, actor.role, operation))
    if closed := [each for each in fields if each in SYSTEM_FIELDS or not (open_ones is None or each in open_ones)]:
        raise Refused(
            msg("Your role ({role}) may not set: {fields}. Nothing was changed."),
            role=Role(actor.role).label,
            fields=", ".join(sorted(closed)),
        )


def may(actor: Actor, operation: Operation, collection: str) -> bool:
    """Whether the actor may do this at all; where is ``reach``'s business. An unknown collection is refused."""
    return _role_may(actor, operation, collection) and not _too_narrow(actor, operation, collection)


def require(actor: Actor, operation: Operation, collection: str) -> None:
    """Raise Refused unless ``may``."""
    if not _role_may(actor, operation, collection):
        raise Refused(
            msg("Your role ({role}) may not do this. Nothing was changed; ask an administrator."),
            role=Role(actor.role).label,
        )
    if _too_narrow(actor, operation, collection):
        raise Refused(
            msg("This concerns the whole community, and only some grids are in your charge. Nothing was changed.")
        )


def _role_may(actor: Actor, operation: Operation, collection: str) -> bool:
    return actor.role in PERMISSIONS.get(collection, {}).get(operation, _NOBODY)


def _too_narrow(actor: Actor, operation: Operation, collection: str) -> bool:
    return actor.grids is not None and (collection, operation) in WHOLE


def reach(actor: Actor, community_id: str, grids: frozenset[str] | None = None) -> frozenset[str] | None:
    """The grids of a community an actor sees: the wished ``grids`` (None: all) cut to the actor's own.

    Raises Refused for a community out of reach, and for what is no id at all.
    """
    if not isinstance(community_id, str):
        raise Refused(msg("This community is not in your charge. Nothing was changed."))
    if grids is not None and not (isinstance(grids, (frozenset, set)) and all(isinstance(id, str) for id in grids)):
        raise Refused(msg("This belongs to a grid that is not in your charge. Nothing was changed."))
    if actor.communities is not None and community_id not in actor.communities:
        raise Refused(msg("This community is not in your charge. Nothing was changed."))
    if actor.grids is None:
        return grids
    return actor.grids if grids is None else actor.grids & grids


def scope(actor: Actor, record: type[Record], community_id: str, grids: frozenset[str] | None = None) -> dict[str, Any]:
    """The filter that keeps a read of ``record`` within the actor's reach; leads with ``community_id``."""
    seen = reach(actor, community_id, grids)
    own: dict[str, Any] = {"community_id": community_id}
    if record.grid_field and seen is not None:
        own["_id" if record.grid_field == "id" else record.grid_field] = Is(among=sorted(seen))
    return own


def require_reach(actor: Actor, record: Record) -> None:
    """Raise Refused if the record lies outside the actor's communities or grids."""
    seen = reach(actor, record.community_id)
    if seen is not None and record.grid_field and getattr(record, record.grid_field) not in seen:
        raise Refused(msg("This belongs to a grid that is not in your charge. Nothing was changed."))


def in_reach(actor: Actor, record: type[Record], document: Mapping[str, Any]) -> bool:
    """Whether a stored document of ``record`` lies within the actor's communities and grids."""
    if actor.communities is not None and document.get("community_id") not in actor.communities:
        return False
    if actor.grids is None or not record.grid_field:
        return True
    return document.get("_id" if record.grid_field == "id" else record.grid_field) in actor.grids
