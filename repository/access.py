"""Who may do what, and where. Pure: one table, applied by the store at every read and write.

Pages read ``may`` only to hide what would be refused anyway.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from repository.filters import Is
from repository.record import SYSTEM_FIELDS, Choice, Record, Ref, field_specs
from repository.words import Trouble, msg


class Role(Choice):
    """What a person is here for."""

    VIEWER = "viewer", msg("Viewer")
    GRID_WORKER = "grid_worker", msg("Grid worker")
    FACILITY_MANAGER = "facility_manager", msg("Facility manager")
    EDITOR = "editor", msg("Editor")
    SECRETARY = "secretary", msg("Secretary")  # pragma: allowlist secret (a role)
    ADMIN = "admin", msg("Administrator")


class Outsider(Choice):
    """Who acts without an account. No account can be given one of these."""

    RESIDENT = "resident", msg("Resident, by label")
    VISITOR = "visitor", msg("Visitor, at the door")


Anyone = Role | Outsider


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
    sign-in the actor stands for, which every write looks up again; empty for the command line and the open modes.
    ``bound_to``, of an outsider, is the one record it is all about, as collection and id: the facility or place whose
    label was scanned, the order that was reported, or the activity at whose door somebody stands. Of other records only
    those that name it are in reach.
    ``people`` and ``companies`` say who the actor is where work is given out: entries of those registers, as the
    account names them. They open nothing."""

    id: str
    name: str
    role: Anyone
    communities: frozenset[str] | None = None
    grids: frozenset[str] | None = None
    sign_in: str = ""
    bound_to: tuple[str, str] | None = None
    people: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether anybody may act as this one: a role, where nobody signs in."""
        return is_shared(self.id)

    @property
    def is_nobody(self) -> bool:
        """Whether anybody may act as this one, and does not say who."""
        return self.shared and not _said_to_be(self.id)

    def is_who(self, id: str | None, name: str) -> bool:
        """Whether this is who stands on record as having done something: by account, and where several share one by
        the person they say they are."""
        if id is None:
            return self.name == name
        if self.shared and is_shared(id) and not self.is_nobody:
            return _said_to_be(self.id) == _said_to_be(id)
        return self.id == id

    def named(self, id: str, name: str) -> "Actor":
        """One of those who share this: the person they say they are."""
        return replace(self, id=f"{self.id}:{id}", name=name)

    @property
    def eyes(self) -> "Eyes":
        """All that decides what the actor sees: two with the same eyes are given the same answers."""
        return self.role, self.communities, self.grids, self.bound_to


_SHARED = "role:"


def is_shared(id: str | None) -> bool:
    """Whether an actor of this id is anybody who opened the page, where nobody signs in."""
    return (id or "").startswith(_SHARED)


def _said_to_be(id: str) -> str:
    return id.removeprefix(_SHARED).partition(":")[2]


def anybody(role: "Role", name: str, grids: frozenset[str] | None = None, people: tuple[str, ...] = ()) -> Actor:
    """Whoever opens the page, where nobody signs in; ``people`` is who they say they are."""
    return Actor(f"{_SHARED}{role}", name, role, grids=grids, people=people)


Eyes = tuple[Anyone, frozenset[str] | None, frozenset[str] | None, tuple[str, str] | None]


class Refused(Trouble):
    """The actor may not do this. Nothing was changed."""

    of_people = True


_ALL = frozenset(Role)
_EDITORS = frozenset({Role.EDITOR, Role.SECRETARY, Role.ADMIN})
_FACILITIES = _EDITORS | {Role.FACILITY_MANAGER}
_FIELD = _FACILITIES | {Role.GRID_WORKER}
_ADMIN = frozenset({Role.ADMIN})
_LEADERS = _PERSONNEL = frozenset({Role.SECRETARY, Role.ADMIN})
_NOBODY: frozenset[Role] = frozenset()
_RESIDENT = frozenset({Outsider.RESIDENT})
_VISITOR = frozenset({Outsider.VISITOR})


def _row(
    read: frozenset[Anyone],
    create: frozenset[Anyone],
    update: frozenset[Anyone],
    delete: frozenset[Anyone],
    imports: frozenset[Anyone],
) -> Mapping[Operation, frozenset[Anyone]]:
    return MappingProxyType(dict(zip(Operation, (read, create, update, delete, imports), strict=True)))


PERMISSIONS: Mapping[str, Mapping[Operation, frozenset[Anyone]]] = MappingProxyType(
    {
        #                             read          create       update       delete     import
        "communities": _row(_ALL | _RESIDENT | _VISITOR, _ADMIN, _EDITORS, _ADMIN, _ADMIN),
        "grids": _row(_ALL | _VISITOR, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "posts": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        # what is wanted, and who answers for it being missed, is the leaders' to say; nothing of it is ever taken out
        "targets": _row(_ALL, _LEADERS, _LEADERS, _NOBODY, _NOBODY),
        "accepted_deviations": _row(_ALL, _LEADERS, _LEADERS, _NOBODY, _NOBODY),
        "states_noted": _row(_ALL, _ADMIN, _ADMIN, _NOBODY, _NOBODY),  # by the server itself, once a day
        "special_days": _row(_ALL | _RESIDENT, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "people": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "contacts": _row(_FIELD, _FIELD | _RESIDENT, _EDITORS, _EDITORS, _NOBODY),
        "photos": _row(_ALL, _FIELD | _RESIDENT, _NOBODY, _ADMIN, _NOBODY),
        "facilities": _row(_ALL | _RESIDENT, _FACILITIES, _FACILITIES, _EDITORS, _FACILITIES),
        "places": _row(_ALL | _RESIDENT, _FACILITIES, _FACILITIES, _EDITORS, _NOBODY),
        "labels": _row(_FIELD, _FACILITIES, _FACILITIES, _EDITORS, _NOBODY),
        "work_orders": _row(_ALL | _RESIDENT, _FIELD | _RESIDENT, _FIELD | _RESIDENT, _EDITORS, _FACILITIES),
        "checklists": _row(_ALL, _FACILITIES, _FACILITIES, _EDITORS, _NOBODY),
        "inspection_plans": _row(_ALL, _FACILITIES, _FACILITIES, _EDITORS, _FACILITIES),
        "inspections": _row(_ALL, _FIELD, _FIELD, _EDITORS, _NOBODY),
        "hazards": _row(_ALL, _FIELD, _FIELD, _EDITORS, _FACILITIES),
        "patrol_plans": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "patrols": _row(_ALL, _FIELD, _FIELD, _EDITORS, _EDITORS),
        # how much each colleague carries; how the grids share the work everybody reads
        "officer_loads": _row(_PERSONNEL, _NOBODY, _NOBODY, _NOBODY, _NOBODY),
        "maintenance_plans": _row(_ALL, _FACILITIES, _FACILITIES, _EDITORS, _FACILITIES),
        "entry_logs": _row(_ALL, _FIELD, _FIELD, _EDITORS, _FACILITIES),
        "entry_names": _row(_FIELD, _NOBODY, _NOBODY, _NOBODY, _NOBODY),
        "organizations": _row(_ALL, _FACILITIES, _FACILITIES, _EDITORS, _FACILITIES),
        "resources": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "needs": _row(_ALL, _EDITORS | {Role.GRID_WORKER}, _EDITORS | {Role.GRID_WORKER}, _EDITORS, _EDITORS),
        "engagements": _row(_ALL, _EDITORS | {Role.GRID_WORKER}, _EDITORS | {Role.GRID_WORKER}, _EDITORS, _EDITORS),
        "projects": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "project_tasks": _row(_ALL, _EDITORS, _EDITORS | {Role.GRID_WORKER}, _EDITORS, _EDITORS),
        "milestones": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _NOBODY),
        "activities": _row(
            _ALL | _VISITOR, _EDITORS | {Role.GRID_WORKER}, _EDITORS | {Role.GRID_WORKER} | _VISITOR, _EDITORS, _EDITORS
        ),
        "meetings": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        "decisions": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _NOBODY),
        "action_items": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _EDITORS),
        # a review at a meeting, and what was shown of it, which nobody changes
        "presentations": _row(_ALL, _EDITORS, _EDITORS, _EDITORS, _NOBODY),
        "kept_reviews": _row(_ALL, _EDITORS, _NOBODY, _EDITORS, _NOBODY),
        "attendances": _row(
            _EDITORS | {Role.GRID_WORKER} | _VISITOR,
            _EDITORS | {Role.GRID_WORKER} | _VISITOR,
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS,
        ),
        "sign_ups": _row(
            _EDITORS | {Role.GRID_WORKER} | _VISITOR,
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER} | _VISITOR,
            _EDITORS,
            _NOBODY,
        ),
        "doors": _row(
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS,
            _NOBODY,
        ),
        "volunteers": _row(
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS,
            _EDITORS,
        ),
        # to read is to look up who of a building came before: each look goes on record
        "resident_cards": _row(
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS | {Role.GRID_WORKER},
            _EDITORS,
            _NOBODY,
        ),
        # personal figures of colleagues; everybody reads what is counted of all of them, and each their own file
        "staff_members": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL),
        "staff_certificates": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL),
        "staff_trainings": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL),
        "training_plans": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL, _NOBODY),
        "staff_successors": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL, _NOBODY),
        "assessment_rounds": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL, _NOBODY),
        "assessment_ballots": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _PERSONNEL, _NOBODY),
        "staff_figures": _row(_ALL, _NOBODY, _NOBODY, _NOBODY, _NOBODY),
        "requests": _row(_ALL, _FIELD, _FIELD, _EDITORS, _EDITORS),
        # who was erased, by a keyed hash, and why; nothing that is here is changed by hand
        "erasures": _row(_PERSONNEL, _PERSONNEL, _PERSONNEL, _NOBODY, _NOBODY),
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
        "estimated_hours", "actual_hours", "description", "events", "reopenings", "source", "company_id", "assigned_at",
        "noticed_at", "kind", "plan_id", "inspection_id", "scheduled_for", "repeat_of", "merged_into", "held_seconds",
        "satisfaction", "labour", "photos", "hazard_id", "verified_at", "place_id", "also_reported", "request_id",
        "postponements",
    }
)  # fmt: skip
_REPORT_OF_A_RESIDENT = frozenset(
    {
        "number", "fault", "facility_id", "place_id", "place", "grid_id", "category", "priority", "dangerous", "source",
        "reported_at", "due_at", "assignee_id", "assigned_at", "repeat_of", "description", "photos", "events",
    }
)  # fmt: skip
_ANSWER_OF_A_RESIDENT = frozenset(
    {"status", "is_open", "outcome", "ended_at", "reopenings", "events", "satisfaction", "also_reported", "photos"}
)
_REQUEST_OF_A_WORKER = frozenset(
    {
        "text", "category", "urgency", "channel", "place", "grid_id", "resident", "status", "is_open", "received_by_id",
        "responsible_id", "responded_at", "ended_at", "late", "answer", "referred_to", "called_on", "solved",
        "satisfaction", "outcome_kind", "outcome_id", "repeat_of", "place_key", "words", "callbacks", "reopenings",
        "events", "deadline_at", "postponements",
    }
)  # fmt: skip
_ACTIVITY_OF_A_WORKER = frozenset(
    {
        "name", "held_on", "held_precision", "status", "format", "theme", "grid_id", "place", "organizer_id", "level",
        "intended_for", "sessions", "capacity", "headcount", "remark", "flow", "answers", "satisfied",
        "starts_at", "ends_at", "series_id",
    }
)  # fmt: skip
_COMMUNITY_OF_AN_EDITOR = frozenset(
    {
        "name",
        "district",
        "households",
        "residents",
        "crew_hours_per_week",
        "population",
        "service_lives",
        "working_hours",
        "service_levels",
        "request_deadlines",
        "entry_days",
        "contact_days",
        "month_meeting_days",
        "quarter_meeting_days",
        "year_meeting_days",
        "weight_response",
        "weight_solution",
        "weight_satisfaction",
        "entry_rules",
    }
)

_WRITES = (Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.IMPORT)
_FILES = (
    "staff_members", "staff_certificates", "staff_trainings", "training_plans", "staff_successors",
    "assessment_rounds", "assessment_ballots",
)  # fmt: skip
WHOLE = frozenset(
    {
        *(("users", operation) for operation in Operation),
        *((name, operation) for name in (*_FILES, "erasures") for operation in Operation),
        *((name, operation) for name in ("communities", "targets", "states_noted") for operation in _WRITES),
        ("monthly_counts", Operation.UPDATE),
    }
)
"""What concerns a community as a whole, or everybody: nobody may do it who has but some grids in charge, so that
nobody widens their own reach, or counts what belongs to others."""

FIELDS: Mapping[tuple[str, Anyone, Operation], frozenset[str]] = MappingProxyType(
    {
        # when the clock began is nobody's to change who is measured by it; money is the office's
        ("work_orders", Role.GRID_WORKER, Operation.CREATE): _ORDER_OF_A_WORKER | {"number", "reported_at"},
        ("work_orders", Role.GRID_WORKER, Operation.UPDATE): _ORDER_OF_A_WORKER,
        ("work_orders", Outsider.RESIDENT, Operation.CREATE): _REPORT_OF_A_RESIDENT,
        ("work_orders", Outsider.RESIDENT, Operation.UPDATE): _ANSWER_OF_A_RESIDENT,
        ("activities", Role.GRID_WORKER, Operation.CREATE): _ACTIVITY_OF_A_WORKER,
        ("activities", Role.GRID_WORKER, Operation.UPDATE): _ACTIVITY_OF_A_WORKER,
        # whoever checks in at the door says who came, and that it is being held
        ("activities", Outsider.VISITOR, Operation.UPDATE): frozenset({"status"}),
        ("sign_ups", Outsider.VISITOR, Operation.UPDATE): frozenset({"came"}),
        ("attendances", Outsider.VISITOR, Operation.CREATE): frozenset(
            {"activity_id", "resident", "held_on", "format", "age_band", "sex", "grid_id"}
        ),
        # when the clock of a request began is nobody's to change who is measured by it
        ("requests", Role.GRID_WORKER, Operation.UPDATE): _REQUEST_OF_A_WORKER,
        # who answers for a task says how far it is; what it is and until when is agreed with others
        ("project_tasks", Role.GRID_WORKER, Operation.UPDATE): frozenset({"progress", "done_on", "steps"}),
        # the code is on every export, the zone cuts every month, the mark opens a demonstration to anybody
        ("communities", Role.EDITOR, Operation.UPDATE): _COMMUNITY_OF_AN_EDITOR,
        ("communities", Role.SECRETARY, Operation.UPDATE): _COMMUNITY_OF_AN_EDITOR,
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
            role=label_of(actor.role),
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
            role=label_of(actor.role),
        )
    if _too_narrow(actor, operation, collection):
        raise Refused(
            msg("This concerns the whole community, and only some grids are in your charge. Nothing was changed.")
        )


def _role_may(actor: Actor, operation: Operation, collection: str) -> bool:
    return actor.role in PERMISSIONS.get(collection, {}).get(operation, _NOBODY)


def _too_narrow(actor: Actor, operation: Operation, collection: str) -> bool:
    return actor.grids is not None and (collection, operation) in WHOLE


def label_of(role: str) -> str:
    """What a role is called, as a marked text; a word that is no role stays as it is."""
    return next((one.label for kind in (Role, Outsider) for one in kind if one == role), role)


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
    if actor.bound_to is not None and record.collection not in _FOR_ALL:
        collection, id = actor.bound_to
        field = _naming(record, collection)
        own["_id" if field in ("", "id") else field] = id if field else Is(among=[])
    return own


_FOR_ALL = frozenset({"communities", "special_days", "grids"})
"""What is the same for everybody in a community, so that an outsider's bound does not cut it."""


@cache
def _naming(record: type[Record], collection: str) -> str:
    """The field by which a record is, or names, one of ``collection``; empty where it does neither."""
    if record.collection == collection:
        return "id"
    refs = ((spec.name, spec.mark) for spec in field_specs(record).values())
    return next((name for name, mark in refs if isinstance(mark, Ref) and mark.to == collection), "")


def require_reach(actor: Actor, record: Record) -> None:
    """Raise Refused if the record lies outside the actor's communities or grids, or is or names another than the one
    record an outsider is bound to."""
    if actor.bound_to is not None:
        collection, id = actor.bound_to
        field = _naming(type(record), collection)
        if field and getattr(record, field) != id:
            raise Refused(msg("This is about something else than the label. Nothing was changed."))
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
