"""What a question read and what a write changed, noted as it goes out to the server: nobody declares it, so nobody can
forget to.

A question's ``Footprint`` names the collections it read, of the counters only those of some subjects. Each write counts
in its community's ``Writes`` which collections it changed, in its own transaction. While the numbers of what a question
read stand where they stood before it was asked, it would read the same again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from repository import rollups
from repository.store.impersonal import Document

ANYTHING = "*"
"""Stands for every collection: what was read, or changed, is not known more closely."""


# --- what is noted
@dataclass
class Footprint:
    """The collections that were read and changed within ``noting``; of the counters the subjects, as
    ``counters_about`` names them; ANYTHING where that is not known."""

    read: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)

    def reads(self, collection: str, filter: Any = None, pipeline: Any = ()) -> None:
        """Note a question to a collection: its filter, or the pipeline of an aggregation, with all that it joins."""
        stages = pipeline if isinstance(pipeline, (list, tuple)) else [pipeline]
        if filter is None and stages and isinstance(stages[0], Mapping):
            filter = stages[0].get("$match")
        self.read |= _names(collection, filter)
        for stage in stages:
            for operator, told in stage.items() if isinstance(stage, Mapping) else ():
                if operator == "$facet":
                    for branch in told.values():
                        self.reads(collection, filter, branch)
                elif operator in _JOINS:
                    other = told if isinstance(told, str) else told.get(_JOINS[operator], "")
                    self.reads(other, pipeline=() if isinstance(told, str) else told.get("pipeline", ()))
                elif operator in ("$out", "$merge"):
                    self.changed.add(ANYTHING)

    def changes(self, collection: str, filter: Any = None) -> None:
        """Note a change of a collection."""
        self.changed |= _names(collection, filter)


_JOINS = {"$lookup": "from", "$graphLookup": "from", "$unionWith": "coll"}
_NOTED: ContextVar[Footprint | None] = ContextVar("footprint", default=None)


@contextmanager
def noting(footprint: Footprint) -> Iterator[Footprint]:
    """Note in ``footprint`` what this thread reads and changes while inside; an outer one is told of it too."""
    outer = _NOTED.get()
    token = _NOTED.set(footprint)
    try:
        yield footprint
    finally:
        _NOTED.reset(token)
        if outer is not None:
            outer.read |= footprint.read
            outer.changed |= footprint.changed


def note_read(collection: str) -> None:
    """Note that the answer rests on a collection, though this process knew by heart what stands there."""
    if (footprint := _NOTED.get()) is not None:
        footprint.read.add(collection)


def counters_about(subject: str) -> str:
    """How a footprint calls the counters of one subject."""
    return f"{rollups.COUNTS}:{subject}"


def _names(collection: str, filter: Any) -> set[str]:
    if collection != rollups.COUNTS:
        return {collection or ANYTHING}
    subjects = _subjects(filter)
    if subjects is None or rollups.WRITES.subject in subjects:
        return {ANYTHING}
    return {counters_about(subject) for subject in subjects}


def _subjects(filter: Any) -> set[str] | None:
    """The subjects of the counters that a filter can match; None: it does not say."""
    if not isinstance(filter, Mapping):
        return None
    if (named := _strings(filter.get("subject"))) is not None:
        return named
    if (ids := _strings(filter.get("_id"))) is not None:
        parts = [id.rsplit("|", 5) for id in ids]
        return {part[1] for part in parts} if all(len(part) == 6 for part in parts) else None
    if isinstance(either := filter.get("$or"), (list, tuple)):
        found = [_subjects(one) for one in either]
        return None if None in found else {subject for one in found for subject in one or ()}
    return None


def _strings(value: Any) -> set[str] | None:
    """The values that a test lets pass; None where it is none that names them."""
    among = value["$in"] if isinstance(value, Mapping) and value.keys() == {"$in"} else [value]
    return set(among) if all(isinstance(one, str) for one in among) else None


# --- where it is noted: every way that the driver has from a collection to the server
class _Watched(Collection[Document]):
    """A collection that notes what is asked of it."""

    def __getitem__(self, name: str) -> Collection[Document]:
        return _watched(super().__getitem__(name))

    def with_options(self, *args: Any, **kwargs: Any) -> Any:
        return _watched(super().with_options(*args, **kwargs))


def _watched(plain: Collection[Any]) -> Collection[Any]:
    plain.__class__ = _Watched  # the driver makes its own
    return plain


class WatchedDatabase(Database[Document]):
    """A database whose collections note what is asked of them. What is asked of it as a whole reads ANYTHING."""

    def __getitem__(self, name: str) -> Collection[Document]:
        known: dict[str, Collection[Document]] = self.__dict__.setdefault("_known", {})
        if (found := known.get(name)) is None:  # the driver makes a new one each time
            found = known[name] = _watched(super().__getitem__(name))
        return found

    def with_options(self, *args: Any, **kwargs: Any) -> Any:
        plain: Any = super().with_options(*args, **kwargs)  # as GridFS does
        plain.__class__ = WatchedDatabase
        return plain

    def get_collection(self, *args: Any, **kwargs: Any) -> Any:
        return _watched(super().get_collection(*args, **kwargs))


_Note = Callable[[Footprint, str, Callable[[int, str], Any]], None]


def _noted(owner: type, name: str, note: _Note) -> None:
    plain = getattr(owner, name)

    @wraps(plain)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if (footprint := _NOTED.get()) is not None:
            note(footprint, self.name, lambda at, known_as: args[at] if len(args) > at else kwargs.get(known_as))
        return plain(self, *args, **kwargs)

    setattr(_Watched if owner is Collection else WatchedDatabase, name, noted)


def _filtered(footprint: Footprint, name: str, told: Callable[[int, str], Any]) -> None:
    footprint.reads(name, told(0, "filter") or {})


def _distinct(footprint: Footprint, name: str, told: Callable[[int, str], Any]) -> None:
    footprint.reads(name, told(1, "filter") or {})


def _aggregated(footprint: Footprint, name: str, told: Callable[[int, str], Any]) -> None:
    footprint.reads(name, pipeline=told(0, "pipeline"))


def _changed(footprint: Footprint, name: str, told: Callable[[int, str], Any]) -> None:
    footprint.changes(name, told(0, "filter"))


def _taken(footprint: Footprint, name: str, told: Callable[[int, str], Any]) -> None:
    _filtered(footprint, name, told)
    _changed(footprint, name, told)


def _whole(footprint: Footprint, _name: str, _told: Callable[[int, str], Any]) -> None:
    footprint.read.add(ANYTHING)


for _note, _methods in {
    _filtered: ("find", "find_raw_batches", "count_documents", "estimated_document_count"),
    _distinct: ("distinct",),
    _aggregated: ("aggregate", "aggregate_raw_batches"),
    _changed: (
        *("insert_one", "insert_many", "update_one", "update_many", "replace_one", "delete_one", "delete_many"),
        *("bulk_write", "drop", "rename"),
    ),
    _taken: ("find_one_and_delete", "find_one_and_replace", "find_one_and_update"),
    _whole: ("options", "index_information", "list_indexes", "watch"),
}.items():
    for _method in _methods:
        _noted(Collection, _method, _note)
for _method in ("command", "cursor_command", "aggregate", "list_collections", "list_collection_names", "watch"):
    _noted(Database, _method, _whole)


# --- what is counted
@dataclass(frozen=True)
class Writes:
    """How many writes a community has seen, and how many of them changed each collection."""

    n: int = 0
    told: int = 0
    """Those that said what they changed. A writer that does not, of an older version too, may have changed anything."""
    of: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read_from(cls, counted: Mapping[str, int]) -> "Writes":
        """From the numbers as ``written`` adds them up."""
        return cls(counted.get("n", 0), counted.get("told", 0), counted)

    def at(self, read: Iterable[str]) -> tuple[int, ...]:
        """What stays the same until something is written of what was ``read``, or nobody knows of what."""
        return (self.n - self.told, *self.of_each(read))

    def of_each(self, read: Iterable[str]) -> tuple[int, ...]:
        """How often each was written by those who told."""
        return tuple(self.n if name == ANYTHING else self.of.get(rollups.path_key(name), 0) for name in read)


def written(changed: Iterable[str] | None) -> Mapping[rollups.Atom, int]:
    """What a write that changed these collections (None: nobody knows which) adds to its community's numbers."""
    return rollups.writes_atoms(() if changed is None or ANYTHING in (names := set(changed)) else ("told", *names))
