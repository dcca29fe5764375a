"""One transaction: records with their revision check, the entries of the trail, the counters."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import (
    BulkWriteError,
    DuplicateKeyError,
)

from repository import rollups
from repository.access import Actor, Operation, require, require_fields, require_reach
from repository.filters import Is
from repository.record import RECORDS, SYSTEM_FIELDS, FieldSpec, Record, Ref, field_specs
from repository.store.errors import ERASED, GONE, Conflict, InUse, Invalid, NotFound, Unavailable, build
from repository.store.footprint import ANYTHING, Footprint, counters_about, written
from repository.store.impersonal import (
    Document,
    difference,
    kept_whole,
    names_of,
    of_somebody,
    unnamed,
    without_personal,
)
from repository.words import Message, msg

if TYPE_CHECKING:
    from repository.store.database import Store
R = TypeVar("R", bound=Record)
REFERENCE_SECONDS = 60.0  # how long a record that was named counts as there: a look at each would cost half an insert
EVERYWHERE = ""  # stands for no community: for the list of them


def _set(record: Record) -> Iterator[str]:
    """The fields of a new record that hold anything but what they hold by themselves."""
    values = dict(record)
    return (name for name, by_itself in _by_themselves(type(record)) if values[name] != by_itself)


@cache
def _by_themselves(record: type[Record]) -> tuple[tuple[str, Any], ...]:
    fields = ((name, info) for name, info in record.model_fields.items() if name not in SYSTEM_FIELDS)
    return tuple((name, info.get_default(call_default_factory=True)) for name, info in fields)


def own_key(actor: Actor, key: str) -> str:
    """A submission's key as it is kept: each person's are their own."""
    return f"{actor.id}|{key}"


def _ids(named: Any) -> Sequence[str]:
    """What a reference names: one, several, or nothing."""
    return named if isinstance(named, list) else (named,) if named else ()


@cache
def _references(record: type[Record]) -> tuple[FieldSpec, ...]:
    """The fields of ``record`` that name another record."""
    return tuple(spec for spec in field_specs(record).values() if spec.kind == "ref")


def _referring(collection: str) -> Iterator[tuple[type[Record], FieldSpec]]:
    """Every Record class and field that can name a record of ``collection``."""
    for record in RECORDS.values():
        for spec in _references(record):
            if isinstance(spec.mark, Ref) and spec.mark.to == collection:
                yield record, spec


def entry_mark(mark: int) -> str:
    """How the ids of the audit entries begin that were written under a seal of this ``mark`` (0: before the first)."""
    return f"{mark:08x}"


AUDIT, SEALS = "audit", "audit_seals"  # only ever added to: see audit


class Write:
    """What one transaction does; ``Store.write`` hands it to the callback and ends it with audit and counters."""

    def __init__(
        self,
        store: "Store",
        actor: Actor,
        session: ClientSession,
        key: str | None,
        mark: int,
        *,
        doubtful: bool = False,
    ) -> None:
        self.store = store
        self.actor = actor
        self.session = session
        self.at = store.clock()
        self._key = key
        self._mark = mark
        self._audit: list[Document] = []
        self._atoms: dict[str, rollups.Tally] = {}
        self._presence: dict[str, rollups.Presence] = {}
        self._known: dict[str, dict[str, Document | None]] = {}
        """community -> resident -> when they came, as read before."""
        self._doubtful = doubtful
        self._named: dict[tuple[str, str], dict[str, str]] = {}
        """(community, collection) -> id -> the field that names it: what must be there before this may count."""
        self._codes: dict[str, dict[str, str]] = {}
        """community -> resident's code -> the field that names it: who must not have been erased."""
        self._silent = False
        self.footprint = Footprint()
        """What the work read and changed so far."""
        self._meant: dict[str, set[str]] = {}
        """community -> collections whose change this write tells of, though it was made outside of it."""

    def read(self, record: type[R], community_id: str, id: str) -> R:
        """A record inside the transaction, within the actor's reach, without its personal fields. Raises NotFound,
        Refused."""
        return without_personal(record.from_document(self._stored(record, community_id, id)))

    @overload
    def referred(self, record: type[R], community_id: str, field: str, id: str) -> R: ...
    @overload
    def referred(self, record: type[R], community_id: str, field: str, id: str | None) -> R | None: ...
    def referred(self, record: type[R], community_id: str, field: str, id: str | None) -> R | None:
        """The record that ``field`` of another one names. Raises Invalid beside that field when it is gone, Refused."""
        if id is None:
            return None
        try:
            return self.read(record, community_id, id)
        except NotFound:
            raise Invalid({field: Message(msg("Choose one of the list"))}) from None

    def reveal(self, record: type[R], community_id: str, id: str, facts: Document) -> R:
        """A record with its personal fields, and nothing masked. That the actor looked, and the ``facts`` of why, goes
        on record. Raises NotFound, Refused."""
        require(self.actor, Operation.READ, record.collection)
        found = record.from_document(self._stored(record, community_id, id))
        self.note("reveal", record.collection, community_id, id, facts)
        return found

    def insert(self, record: R) -> R:
        """Add a record, stamped with actor and time; returns it as stored."""
        require(self.actor, Operation.CREATE, record.collection)
        require_reach(self.actor, record)
        require_fields(self.actor, Operation.CREATE, type(record), _set(record))
        stamp = {"created_at": self.at, "created_by": self.actor.name, "updated_at": self.at}
        record = record.model_copy(update={**stamp, "updated_by": self.actor.name, "revision": 1})
        document = record.to_document()
        self._name(type(record), {}, document)
        self._add(record.collection, [document])
        self._note(type(record), "create", None, document)
        return type(record).from_document(document)

    def insert_many(self, records: Sequence[R]) -> list[R]:
        """Add some hundred records of one class in two round trips: as ``insert``, each with its audit entry."""
        if not records:
            return []
        record = type(records[0])
        require(self.actor, Operation.CREATE, record.collection)
        stamp = {"created_at": self.at, "created_by": self.actor.name, "updated_at": self.at}
        stamp |= {"updated_by": self.actor.name, "revision": 1}
        documents = []
        for each in records:
            require_reach(self.actor, each)
            require_fields(self.actor, Operation.CREATE, record, _set(each))
            documents.append(each.model_copy(update=stamp).to_document())
            self._name(record, {}, documents[-1])
        self._add(record.collection, documents)
        for document in documents:
            self._note(record, "create", None, document)
        return [record.from_document(document) for document in documents]

    def _add(self, collection: str, documents: Sequence[Document]) -> None:
        """Documents in one round trip. Raises DuplicateKeyError however many there are."""
        into = self.store.db[collection]
        try:
            if len(documents) == 1:
                into.insert_one(documents[0], session=self.session)
            else:
                into.insert_many(documents, session=self.session)
        except BulkWriteError as error:
            first = error.details["writeErrors"][0]
            if first["code"] == 11000:  # as insert_one says it
                raise DuplicateKeyError(first["errmsg"], 11000, first) from error
            raise

    def update(
        self,
        record: type[R],
        community_id: str,
        id: str,
        revision: int,
        changes: Mapping[str, Any],
        *,
        following: type[Record] | None = None,
        own: bool = False,
    ) -> R:
        """Change fields; nothing happens if nothing differs. Raises Conflict unless ``revision`` is the current one.

        ``following`` names the record of which this change is a fixed consequence, such as a machine that is stopped
        by the report of a danger: then the right to change that one is what counts. ``own`` is for what everybody may
        say who may read it, once it is settled that it is theirs to say: that they have seen what they were given.
        """
        require(self.actor, Operation.READ if own else Operation.UPDATE, (following or record).collection)
        before = self._stored(record, community_id, id)
        current = record.from_document(before)
        if current.revision != revision:
            raise Conflict(without_personal(current))
        changed = build(record, {**dict(current), **kept_whole(current, changes)})
        require_reach(self.actor, changed)
        if changed == current:
            return without_personal(current)
        if following is None and not own:
            differing = (name for name in record.model_fields if getattr(changed, name) != getattr(current, name))
            require_fields(self.actor, Operation.UPDATE, record, differing)
        stamp = {"revision": revision + 1, "updated_at": self.at, "updated_by": self.actor.name}
        document = changed.model_copy(update=stamp).to_document()
        self._name(record, before, document)
        where = {"_id": id, "community_id": community_id, "revision": revision}
        result = self.store.db[record.collection].replace_one(where, document, session=self.session)
        if not result.matched_count:
            raise Conflict(without_personal(current))
        self._note(record, "update", before, document)
        return without_personal(record.from_document(document))

    def delete(
        self,
        record: type[Record],
        community_id: str,
        id: str,
        revision: int,
        *,
        following: type[Record] | None = None,
    ) -> None:
        """Take a record out. Raises Conflict when ``revision`` is not the current one, InUse while others refer to it:
        take those out first, in the same transaction if need be. ``following`` as for ``update``."""
        if following is None:
            require(self.actor, Operation.DELETE, record.collection)
        else:
            require(self.actor, Operation.UPDATE, following.collection)
        before = self._stored(record, community_id, id)
        if before["revision"] != revision:
            raise Conflict(without_personal(record.from_document(before)))
        self._require_unused(record, community_id, id)
        self.store._there.pop((community_id, record.collection, id), None)
        self.store.db[record.collection].delete_one(
            {"_id": id, "community_id": community_id, "revision": revision}, session=self.session
        )
        self._note(record, "delete", before, None)

    def erase(self, record: type[Record], community_id: str, id: str, changes: Mapping[str, Any] | None = None) -> None:
        """Of somebody who is erased: take a record out, or make ``changes`` to it, whatever its revision. The audit
        says that it was done and nothing of what stood there. Raises NotFound, InUse, Refused."""
        revision = self._stored(record, community_id, id)["revision"]
        self._silent = True
        try:
            if changes is None:
                self.delete(record, community_id, id, revision)
            else:
                self.update(record, community_id, id, revision, changes)
        finally:
            self._silent = False

    def add_counts(self, community_id: str, atoms: rollups.Tally, presence: rollups.Presence | None = None) -> None:
        """Counters of rows that were written in chunks before (an import's last step)."""
        self._atoms.setdefault(community_id, Counter()).update(atoms)
        if presence is not None:
            mine = self._presence.setdefault(community_id, rollups.Presence())
            for resident, cells in presence.times.items():
                mine.times[resident].update(cells)

    def came_before(self, community_id: str, known: Mapping[str, Document | None]) -> None:
        """When some residents came, as it was read before this transaction (see ``rollups.people_moved``): where that
        still stands, it is not read again. A second run after it did not stand takes nothing from before."""
        if not self._doubtful:
            self._known.setdefault(community_id, {}).update(known)

    def touch(self, community_id: str, collection: str = ANYTHING) -> None:
        """Count as a write of the community what leaves no other trace in this transaction: answers given before that
        rest on the ``collection``, or all of them, are asked for anew."""
        self._atoms.setdefault(community_id, Counter())
        self._meant.setdefault(community_id, set()).add(collection)

    def note(
        self, operation: str, collection: str, community_id: str, record_id: str, facts: Document | None = None
    ) -> None:
        """An audit entry of something that is no change of one record: a batch, a sign-in, a look at personal data."""
        entry = {"collection": collection, "record_id": record_id, "before": None, "after": facts}
        self._entry(community_id, operation, entry)

    def note_row(
        self, whole: Mapping[str, str], record: type[Record], before: Document | None, after: Document | None
    ) -> None:
        """An audit entry of one row of a batch. ``whole`` is what ``note`` will be given of the batch itself when it is
        complete: ``collection``, ``community_id``, ``record_id``. That entry tells who did it, and when; without it the
        row never counted."""
        row = {"_id": str(ObjectId()), "community_id": (after or before or {})["community_id"], "at": self.at}
        self._audit.append({**row, "part_of": dict(whole), **self._change(record, before, after)})

    def _stored(self, record: type[Record], community_id: str, id: str) -> Document:
        if not isinstance(id, str) or not isinstance(community_id, str):
            raise NotFound(GONE)
        found = self.store.db[record.collection].find_one(
            {"_id": id, "community_id": community_id}, session=self.session
        )
        if found is None or found.get("batch_id") in self.store.pending_batches():
            raise NotFound(GONE)
        before = found.pop("_before", None)
        if before is not None and before["batch_id"] in self.store.pending_batches():
            raise Unavailable(
                msg("This record is being imported just now. Nothing was changed; try again in a minute.")
            )
        require_reach(self.actor, record.from_document(found))
        self.store._there[community_id, record.collection, id] = time.monotonic()
        return found

    def _name(self, record: type[Record], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Remember which records the changed references name, to be looked up together at the end."""
        if after["community_id"] == EVERYWHERE:
            return  # an account's reach may name what is of any community, and what is gone
        trace = record.trace
        if trace and not trace.of and (code := after.get(trace.field)) and code != before.get(trace.field):
            self._codes.setdefault(after["community_id"], {})[code] = trace.field
        for spec in _references(record):
            if isinstance(spec.mark, Ref):
                there = _ids(before.get(spec.name))
                for id in _ids(after.get(spec.name)):
                    if id not in there:
                        self._named.setdefault((after["community_id"], spec.mark.to), {})[id] = spec.name

    def _require_named(self) -> None:
        """Raise Invalid beside a field that names a record the community does not have. One indexed read a collection,
        none for what was seen there within the minute. Two people who delete and name the same record at the same
        moment can pass each other by: the reader then shows the reference as missing."""
        problems = {}
        now = time.monotonic()
        known = self.store._there
        for (community_id, collection), fields in self._named.items():
            doubtful = [
                id for id in fields if now - known.get((community_id, collection, id), -1e9) > REFERENCE_SECONDS
            ]
            if not doubtful:
                continue
            there = self.store.db[collection].find(
                self.store._seen(RECORDS[collection], {"_id": Is(among=doubtful), "community_id": community_id}),
                {"_id": 1},
                session=self.session,
            )
            found = {document["_id"] for document in there}
            known.update(((community_id, collection, id), now) for id in found)
            for id in set(doubtful) - found:
                problems[fields[id]] = Message(msg("This is not there any more. Choose one of the list."))
        if len(known) > 100_000:
            known.clear()
        if problems:
            raise Invalid(problems)

    def _require_not_erased(self) -> None:
        for community_id, codes in self._codes.items():
            if erased := self.store.erased(community_id, list(codes), self.session):
                raise Invalid({codes[code]: Message(ERASED) for code in erased})

    def _require_unused(self, record: type[Record], community_id: str, id: str) -> None:
        uses: Message | None = None
        for other, spec in _referring(record.collection):
            n = self.store.db[other.collection].count_documents(
                {"community_id": community_id, spec.name: id}, limit=1000, session=self.session
            )
            if n:
                facts = {"what": Message(other.title), "field": Message(spec.title), "n": n}
                use = Message(msg("{what} ({field}): {n}"), facts)
                uses = Message(msg("{first}; {second}"), {"first": uses, "second": use}) if uses else use
        if uses:
            raise InUse(msg("Not deleted, because others refer to it. {uses}. Change those first."), uses=uses)

    def _note(self, record: type[Record], operation: str, before: Document | None, after: Document | None) -> None:
        kept = after or before or {}
        community_id = kept["community_id"]
        zone = self.store.zone(community_id)
        atoms = self._atoms.setdefault(community_id, Counter())
        atoms.update(rollups.tally(record, (after,) if after else (), zone))
        atoms.update(rollups.tally(record, (before,) if before else (), zone, -1))
        presence = self._presence.setdefault(community_id, rollups.Presence())
        presence.add(record, after, zone, 1)
        presence.add(record, before, zone, -1)
        self._entry(community_id, operation, self._change(record, before, after))

    def _change(self, record: type[Record], before: Document | None, after: Document | None) -> Document:
        """What an entry says of one record: which it is, how people name it, and the fields that differ."""
        facts: Document = {"collection": record.collection, "record_id": (after or before or {})["_id"]}
        if self._silent:
            return facts | {"before": before and {}, "after": after and {}}
        names = {each[name] for each in (before, after) if each for name in names_of(record) if each.get(name)}
        then, now = difference(before, after)
        if names:
            facts["names"] = sorted(names)
        hidden = of_somebody(record, before, after)
        return facts | {"before": unnamed(record, then, hidden), "after": unnamed(record, now, hidden)}

    def _entry(self, community_id: str, operation: str, facts: Document) -> None:
        entry: Document = {
            "_id": str(ObjectId()),  # the mark comes before it in the end
            "community_id": community_id,
            "at": self.at,
            "actor_id": self.actor.id,
            "actor_name": self.actor.name,
            "role": str(self.actor.role),
            "operation": operation,
            **facts,
        }
        if self._key is not None and not self._audit:
            entry["key"] = own_key(self.actor, self._key)
        self._audit.append(entry)
        collection = facts["collection"]
        self.touch(community_id, ANYTHING if collection == rollups.COUNTS else collection)
        if collection == "communities":
            self.touch(EVERYWHERE, collection)

    def _finish(self, since: int | None = None) -> None:
        """Write audit and counters. ``since`` is how many writes there must have been at EVERYWHERE (see Standing);
        MissingCounters where there were others."""
        self._require_named()
        self._require_not_erased()
        if self._audit:
            mark = entry_mark(self._mark)
            for entry in self._audit:
                entry["_id"] = mark + entry["_id"]
            self._add(AUDIT, self._audit)
        still = [] if since is None else [rollups.unchanged(EVERYWHERE, since)]
        changed = frozenset(self.footprint.changed)
        for community_id, atoms in self._atoms.items():
            moved = self._people_moved(community_id, atoms)
            counted = {counters_about(atom[0]) for atom, n in atoms.items() if n}
            counted |= {counters_about(rollups.SEEN)} if moved else set()
            told = written(changed | counted | self._meant.get(community_id, set()))
            rollups.apply(self.store.db, self.session, community_id, {**atoms, **told}, [*still, *moved])
            still = []
        if still:
            rollups.apply(self.store.db, self.session, EVERYWHERE, {}, still)

    def _people_moved(self, community_id: str, atoms: rollups.Tally) -> list[Any]:
        """Take in what residents' coming adds; returns what is to be changed of when they came."""
        changed = self._presence[community_id].changed() if community_id in self._presence else {}
        known = self._known.get(community_id, {})
        known = {resident: known[resident] for resident in changed.keys() & known.keys()}
        people, moved = rollups.people_moved(self.store.db, self.session, community_id, changed, known)
        atoms.update(people)
        return moved
