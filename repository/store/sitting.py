"""Several questions at one sitting: what one of them has read, the others are told without reading it again.

For one answer that is made of many, such as a review: these ask for the same stocks, registers and targets over and
over. It lives as long as that answer is made; nothing of it is kept, and nothing can be written in it.
"""

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from pymongo.client_session import ClientSession

from repository.access import Actor
from repository.record import Record
from repository.store.database import Counters, Store, Wanted
from repository.store.footprint import Footprint
from repository.store.impersonal import Document
from repository.store.then import Then

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def at_one_sitting(store: Store) -> Store:
    """The store for the questions of one answer, as of now or of the moment it is of."""
    return _PastSitting(store) if isinstance(store, Then) else _Sitting(store)


class _Sitting(Store):
    """A store that reads nothing twice. Whoever asks, of what and how is part of what is remembered."""

    def __init__(self, store: Store) -> None:
        self.__dict__.update(store.__dict__)  # the same connection, and what is known of it
        self._records: dict[tuple[str, ...], list[Any]] = {}
        self._hidden: tuple[str, ...] | None = None
        self._rows: dict[tuple[str, ...], bytes] = {}

    def write(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """What was read would be true no more."""
        raise TypeError("nothing is written while an answer is made")

    def pending_batches(self, session: ClientSession | None = None) -> tuple[str, ...]:
        """As ``Store.pending_batches``, the same from first to last."""
        if session is not None:
            return super().pending_batches(session)
        if self._hidden is None:
            self._hidden = super().pending_batches()
        return self._hidden

    def find(
        self,
        actor: Actor,
        record: type[R],
        community_id: str,
        filter: Mapping[str, Any] | None = None,
        *,
        grids: frozenset[str] | None = None,
        sort: Sequence[tuple[str, int]] | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[R]:
        """As ``Store.find``."""
        asked = (actor, record, community_id, filter)
        how: dict[str, Any] = {"grids": grids, "sort": sort, "skip": skip, "limit": limit}
        key = _key(*asked, how)
        if key not in self._records:
            self._records[key] = super().find(*asked, **how)
        return [*self._records[key]]

    def count(
        self,
        actor: Actor,
        record: type[Record],
        community_id: str,
        filter: Mapping[str, Any] | None = None,
        *,
        grids: frozenset[str] | None = None,
    ) -> int:
        """As ``Store.count``."""
        asked, read = (actor, record, community_id, filter), super().count
        return self._once(_key("count", *asked, grids), lambda: read(*asked, grids=grids))

    def aggregate(
        self,
        actor: Actor,
        record: type[Record],
        community_id: str,
        pipeline: Sequence[Mapping[str, Any]],
        *,
        filter: Mapping[str, Any] | None = None,
        grids: frozenset[str] | None = None,
        index: tuple[str, ...] | None = None,
    ) -> list[Document]:
        """As ``Store.aggregate``."""
        asked, how = (actor, record, community_id, pipeline), {"filter": filter, "grids": grids, "index": index}
        read: Callable[..., list[Document]] = super().aggregate
        return self._once(_key("aggregate", *asked, how), lambda: read(*asked, **how))

    def together(
        self,
        actor: Actor,
        community_id: str,
        wanted: Sequence[Wanted | Counters],
        footprints: Sequence[Sequence[Footprint]] = (),
    ) -> list[list[Document]]:
        """As ``Store.together``; of what is wanted only what was not read yet."""
        keys = [_key("together", actor, community_id, each) for each in wanted]
        new = [place for place, key in enumerate(keys) if key not in self._rows]
        known = {place: self._told(key) for place, key in enumerate(keys) if key in self._rows}
        if new:
            noted = [footprints[place] for place in new] if footprints else ()
            found = super().together(actor, community_id, [wanted[place] for place in new], noted)
            known |= {place: self._keep(keys[place], rows) for place, rows in zip(new, found, strict=True)}
        return [known[place] for place in range(len(wanted))]

    def counters_of(
        self, community_id: str, wanted: Sequence[Mapping[str, Any]], projection: Mapping[str, Any] | None = None
    ) -> list[Document]:
        """As ``Store.counters_of``."""
        asked, read = (community_id, wanted, projection), super().counters_of
        return self._once(_key("counters", *asked), lambda: read(*asked))

    def _once(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        found: T = self._told(key) if key in self._rows else self._keep(key, read())
        return found

    def _keep(self, key: tuple[str, ...], found: T) -> T:
        self._rows[key] = pickle.dumps(found, pickle.HIGHEST_PROTOCOL)  # whoever is told may change what they are told
        return found

    def _told(self, key: tuple[str, ...]) -> Any:
        return pickle.loads(self._rows[key])  # noqa: S301 (our own, some lines above)


class _PastSitting(_Sitting, Then):
    """The same as of a moment that is over."""


def _key(*asked: Any) -> tuple[str, ...]:
    """What tells one reading from another: its words, with every value spelt out."""
    return tuple(map(repr, asked))
