"""The database as its records say it was at a moment that is over.

Records that can tell (``Record.as_it_stood``) are read as they stood then, and their counters as those would have been;
so any question that is asked of it with that moment as its ``now`` answers what was true, by the same rules as today's.
A wrong entry that was put right later is right there too. What does not declare how it was is read as it is.

Nothing of this costs a question about the real now anything. What is over costs the reading of what changed since among
the records that were there then, and of what was open, once for each ``Then``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import DocumentTooLarge, ExecutionTimeout, NetworkTimeout, OperationFailure

from repository import rollups
from repository.access import Actor, Operation, require, scope
from repository.filters import Is
from repository.record import LONGEST, RECORDS, Record
from repository.store.database import Counters, Store, Wanted, _counters, _hint, _period
from repository.store.errors import Invalid, TooMuchSince, Unavailable, our_errors
from repository.store.footprint import Footprint
from repository.store.impersonal import Document, require_impersonal
from repository.store.writing import AUDIT

PAST_SECONDS = 20.0  # how long a question may take: the first of a moment has to find out what has changed since
_HISTORY = dict.fromkeys(("community_id", "collection", "record_id", "at"), 1)  # the index of the trail of one record
_TOO_LARGE = (10334, 13548)  # what the server says of more than 16 MB in one document, or in its hands
_WERE = "were_"  # before a collection's name: how what has changed since was


@dataclass(frozen=True)
class _Since:
    """What one kind of record has become since: which documents differ, how they were, and by how much the counters
    differ; those of later months, and what is true now, are counted from nothing."""

    ids: tuple[str, ...]
    were: tuple[Document, ...]
    counters: tuple[Document, ...]
    month_too: bool
    """Whether those of the month itself are counted from nothing too."""


class Then(Store):
    """A store as of a ``moment``, for reading alone; of one community, or few."""

    patience = PAST_SECONDS

    def __init__(self, store: Store, moment: datetime) -> None:
        self.__dict__.update(store.__dict__)  # the same connection, and what is known of it
        self.moment = moment.astimezone(UTC)
        self.clock = lambda: min(self.moment, store.clock())  # for what is asked without a ``now``
        self._since: dict[tuple[str, str | None], _Since] = {}

    def write(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Nothing can be changed in what is over: a command that comes here was given the wrong store."""
        raise TypeError("what is over is read, never written")

    # --- reading, as the store does it
    def documents(
        self,
        record: type[Record],
        filter: Mapping[str, Any],
        *,
        session: ClientSession | None = None,
        projection: Mapping[str, Any] | None = None,
        sort: Sequence[tuple[str, int]] | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> Iterator[Document]:
        """As ``Store.documents``."""
        pending = self.pending_batches(session)
        stages = self._matching(record, self._seen(record, filter, pending))
        if sort and limit:  # of what has not changed no more than that, by its index
            stages[1:1] = [{"$sort": dict(sort)}, {"$limit": int(skip) + limit}]
        stages += [{"$sort": dict(sort)}] if sort else []
        stages += [{"$skip": int(skip)}] if skip else []
        stages += [{"$limit": limit}] if limit else []
        stages += [{"$project": dict(projection)}] if projection else []
        given = self._given(_community(filter), {record.collection})
        for document in self.db[record.collection].aggregate(stages, session=session, **given):
            yield self._as_seen(document, pending)

    def find(self, *args: Any, **kwargs: Any) -> Any:
        """As ``Store.find``. Raises TooMuchSince."""
        with _in_time():
            return super().find(*args, **kwargs)

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
        found = self.aggregate(actor, record, community_id, [{"$count": "n"}], filter=filter, grids=grids)
        return int(found[0]["n"]) if found else 0

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
        """As ``Store.aggregate``. Raises TooMuchSince."""
        require(actor, Operation.READ, record.collection)
        require_impersonal(record, filter)
        match = self._seen(record, {**scope(actor, record, community_id, grids), **(filter or {})})
        with _in_time():
            how: Document = {"batchSize": 10_000} | ({} if index is None else _hint(record, index))
            bare = [{"$unset": sorted(record.personal)}] if record.personal else []
            stages = self._matching(record, match)
            stages[1:1] = _newest(pipeline)
            stages += [*bare, *map(dict, pipeline)]
            how |= self._given(community_id, {record.collection})
            return self.db[record.collection].aggregate(stages, **how).to_list()

    def together(
        self,
        actor: Actor,
        community_id: str,
        wanted: Sequence[Wanted | Counters],
        footprints: Sequence[Sequence[Footprint]] = (),
    ) -> list[list[Document]]:
        """As ``Store.together``. Raises TooMuchSince."""
        with _in_time():
            found = super().together(actor, community_id, wanted, footprints)
        return [
            _added_up(rows) if isinstance(each, Counters) else rows for each, rows in zip(wanted, found, strict=True)
        ]

    def _branch(self, actor: Actor, community_id: str, wanted: Wanted, pending: tuple[str, ...]) -> list[Document]:
        first, *rest = super()._branch(actor, community_id, wanted, pending)
        stages = self._matching(wanted.record, first["$match"])
        stages[1:1] = _newest(rest)
        return [*stages, *rest]

    def counters_of(
        self, community_id: str, wanted: Sequence[Mapping[str, Any]], projection: Mapping[str, Any] | None = None
    ) -> list[Document]:
        """As ``Store.counters_of``. Raises TooMuchSince."""
        if not wanted:
            return []
        with _in_time():
            stages = self._counting(community_id, wanted, projection)
            found = self.db[rollups.COUNTS].aggregate(stages, batchSize=10_000).to_list()
        return sorted(_added_up(found), key=_period)

    def _counting(
        self, community_id: str, wanted: Sequence[Mapping[str, Any]], projection: Mapping[str, Any] | None
    ) -> list[Document]:
        within = _counters(community_id, wanted)
        shown: list[Document] = [{"$project": dict(projection)}] if projection else []
        asked = {subject for one in wanted for subject in _subjects(one["subject"])}
        differ: list[Document] = []
        anew: list[Document] = []
        for record in RECORDS.values():
            if _tells(record) and asked.intersection(record.subjects):
                since = self._of(record, community_id)
                later = {"$gte" if since.month_too else "$gt": self._month(community_id)}  # "now" is behind all months
                anew.append({"subject": {"$in": list(record.subjects)}, "period": later})
                differ += [one for one in since.counters if one["subject"] in asked]
        if not anew:
            return [{"$match": within}, *shown]
        stages: list[Document] = [{"$match": {**within, "$nor": anew}}]
        if differ:
            stages.append({"$unionWith": {"pipeline": [{"$documents": {"$literal": differ}}, {"$match": within}]}})
        return [*stages, *shown]

    def _given(self, community_id: str | None, collections: Collection[str]) -> Document:
        """How what has changed since was, once for all parts of a command."""
        known = {name: self._since.get((name, community_id)) for name in collections}
        were = {f"{_WERE}{name}": {"$literal": list(since.were)} for name, since in known.items() if since}
        return {"let": were} if were else {}

    # --- what was
    def _matching(self, record: type[Record], match: Document) -> list[Document]:
        """Stages that give what matches of the records as they were."""
        community_id = _community(match)
        if not _tells(record) or community_id is None:
            return [{"$match": match}]
        since = self._of(record, community_id)
        same: list[Document] = [match]
        same += [{record.began: {"$lte": self._by_then(record, record.began, community_id)}}] if record.began else []
        same += [{"_id": {"$nin": list(since.ids)}}] if since.ids else []
        stages: list[Document] = [{"$match": {"community_id": community_id, "$and": same}}]
        if since.were:
            were = [{"$documents": f"$${_WERE}{record.collection}"}, {"$match": match}]
            stages.append({"$unionWith": {"pipeline": were}})
        return stages

    def _month(self, community_id: str) -> str:
        return rollups.month_of(self.moment, self.zone(community_id))

    def _of(self, record: type[Record], community_id: str) -> _Since:
        key = record.collection, community_id
        if key not in self._since:
            self._since[key] = self._read(record, community_id)
        return self._since[key]

    def _read(self, record: type[Record], community_id: str) -> _Since:
        zone, month = self.zone(community_id), self._month(community_id)
        began, by_then = record.began, self._by_then(record, record.began, community_id)
        removed = self._removed(record, community_id) if record.ends_removed else []
        bounds = rollups.month_bounds(month, zone)
        month_too = record.lasts and _is_early(self.moment, bounds)
        found = self._going_on(record, community_id, bounds[0] if month_too else None) if record.lasts else []
        there = [*removed, *found]
        there = [document for document in there if not began or document[began] <= by_then]
        trail = self._trail(record, community_id, [document["_id"] for document in there])
        if not record.lasts:
            found = self._stirred(record, community_id, sorted(trail))
        changed: dict[str, Document | None] = {}
        same: list[Document] = []
        other: list[Document] = []
        for document in found:
            then = record.as_it_stood(document, self.moment, trail.get(document["_id"], {}), zone)
            (same if then == document else other).append(document)
            if then is None and began in document and document[began] > by_then:
                continue  # that it was not there can be seen in it
            if then != document:
                changed[document["_id"]] = then
        for document in removed:
            then = record.as_it_stood(document, self.moment, trail.get(document["_id"], {}), zone)
            if then is not None:
                changed[document["_id"]] = then
        were = [then for then in changed.values() if then is not None]
        differ = rollups.tally(record, were, zone)
        is_anew = month.__le__ if month_too else month.__lt__
        for atom, n in rollups.tally(record, other, zone).items():
            differ[atom] -= 0 if is_anew(atom[2]) else n
        for atom, n in rollups.tally(record, same, zone).items():
            differ[atom] += n if is_anew(atom[2]) else 0
        counters = [
            {"_id": place.document_id(community_id), **place.fields(community_id), **rollups.nested(paths)}
            for place, paths in rollups.spread(differ).items()
        ]
        return _Since(tuple(changed), tuple(were), tuple(counters), month_too)

    def _going_on(self, record: type[Record], community_id: str, start: datetime | None) -> list[Document]:
        """What may have changed since, or counts for what was to come, of a record of which there are many: by how long
        things have happened to it, from index keys. From the ``start`` of the month: all that counts for that month;
        else what began in the rest of it."""
        began, by_then, end = record.began, self.moment, self._end_of_month(record, record.began, community_id)
        since = start or by_then
        spans: list[Document] = [
            {"lasted": power, began: Is(gt=_began_after(since, power), lte=by_then)} for power in range(LONGEST)
        ]
        spans += [{"lasted": over, began: Is(lte=by_then)} for over in (LONGEST, None)]  # None: of a former version
        found = self._looked_up(record, community_id, spans, ("community_id", "lasted", began))
        stock = record.stock or {"$or": []}
        ways: list[Document] = [{"$and": [{began: Is(lte=by_then)}, way]} for way in stock.get("$or", [stock])]
        ways += [] if start else [{began: Is(gt=by_then, lt=end)}]
        found |= self._looked_up(record, community_id, [*ways, *self._counting_later(record, community_id, start)])
        return list(found.values())

    def _stirred(self, record: type[Record], community_id: str, traced: Sequence[str]) -> list[Document]:
        """As ``_going_on``, of one of which there are few: by each moment at which something happens to it, and of
        which the trail tells so."""
        began, by_then = record.began, self._by_then(record, record.began, community_id)
        end = self._end_of_month(record, began, community_id)
        stock = record.stock or {"$or": []}
        ways: list[Mapping[str, Any]] = [*stock.get("$or", [stock])]
        ways += [{name: Is(gt=self._by_then(record, name, community_id))} for name in record.stirred]
        ways += [{"_id": Is(among=traced)}] if traced else []
        if began:
            ways = [{"$and": [{began: Is(lt=end)}, way]} for way in ways]
            ways += [{began: Is(gt=by_then, lt=end)}]
        return list(
            self._looked_up(record, community_id, [*ways, *self._counting_later(record, community_id)]).values()
        )

    def _counting_later(self, record: type[Record], community_id: str, start: datetime | None = None) -> list[Document]:
        """Which count for a later month than that of the moment, with its ``start`` for that one too; or began after
        the moment and count for no later one."""
        began, by_then = record.began, self._by_then(record, record.began, community_id)
        ends = {name: self._end_of_month(record, name, community_id) for name in (began, *record.counted)}
        ways: list[Document] = []
        for name in record.counted:
            since: Document = {name: Is(gte=ends[name] if start is None else start - timedelta(days=1))}
            ways += [{"$and": [{began: Is(lt=ends[began])}, since]}] if began else [since]
            ways += [{began: Is(gt=by_then), name: Is(lt=ends[name])}] if began else []
        return ways

    def _looked_up(
        self, record: type[Record], community_id: str, ways: Sequence[Mapping[str, Any]], index: tuple[str, ...] = ()
    ) -> dict[str, Document]:
        """By id, what is found in one of several ways, each by an index of its own or all by one."""
        if not ways:
            return {}
        home, pending = {"community_id": community_id}, self.pending_batches()
        either = self._seen(record, {"$or": [{"$and": [home, way]} for way in ways]}, pending)
        found = self.db[record.collection].find(either, batch_size=10_000, **(_hint(record, index) if index else {}))
        return {document["_id"]: self._as_seen(document, pending) for document in found}

    def _removed(self, record: type[Record], community_id: str) -> list[Document]:
        """What was taken out since and had been entered by then, as it was last."""
        within = {"community_id": community_id, "at": {"$gt": self.moment}, "operation": "delete"}
        within |= {"collection": record.collection, "before.created_at": {"$lte": self.moment}}
        entries = self.db[AUDIT].find(within, {"before": 1}, hint=_HISTORY)  # of few: not all that was done since
        return [entry["before"] for entry in entries]

    def _by_then(self, record: type[Record], name: str, community_id: str) -> datetime:
        return record.by_then(name, self.moment, self.zone(community_id))

    def _end_of_month(self, record: type[Record], name: str, community_id: str) -> datetime:
        is_day = self._by_then(record, name, community_id) != self.moment  # days are stored as those of UTC
        zone = ZoneInfo("UTC") if is_day else self.zone(community_id)
        return rollups.month_bounds(self._month(community_id), zone)[1]

    def _trail(self, record: type[Record], community_id: str, ids: Sequence[str]) -> dict[str, Document]:
        """By id, of the records that were there: how those fields stood that the audit trail alone tells, as far as
        they have changed since. ``ids``: which may have, beside those it is found of."""
        fields = sorted(record.traced)
        if not fields:
            return {}
        sides = [f"{side}.{name}" for name in fields for side in ("before", "after")]
        within: Document = {"community_id": community_id, "collection": record.collection, "at": {"$gt": self.moment}}
        if "updated_at" in record.stirred:  # of few: by id, so that the rows of imports are among them
            lately = {"community_id": community_id, "updated_at": {"$gt": self.moment}}
            ids = [*ids, *(each["_id"] for each in self.db[record.collection].find(lately, {"_id": 1}))]
        else:
            within["operation"] = {"$exists": True}
        if record.lasts or "updated_at" in record.stirred:
            within["record_id"] = {"$in": list(ids)}
        entries = self.db[AUDIT].aggregate(
            [
                {"$match": {**within, "$or": [{side: {"$exists": True}} for side in sides]}},
                {"$sort": {"at": 1, "_id": 1}},
                {"$project": {"record_id": 1, **dict.fromkeys(sides, 1)}},
                {"$group": {"_id": "$record_id", "entries": {"$push": "$$ROOT"}}},
                {"$match": {"entries.0.before": {"$exists": True}}},  # else it was not there
            ],
            hint=_HISTORY,  # else all that was done since in the community would be looked through
        )
        found: dict[str, Document] = {}
        for group in entries:
            was = found.setdefault(group["_id"], {})
            for entry in group["entries"]:
                before = entry.get("before") or {}
                for name in before.keys() | (entry.get("after") or {}).keys():
                    was.setdefault(name, before.get(name))
        return found


@contextmanager
def _in_time() -> Iterator[None]:
    """Say of what is not answered in time, or is too large to be asked, that it is the past which is too much."""
    try:
        with our_errors(), pymongo.timeout(PAST_SECONDS):
            try:
                yield
            except OperationFailure as error:
                if error.code in _TOO_LARGE:
                    raise TooMuchSince from error
                raise
    except (Unavailable, Invalid) as trouble:
        if isinstance(trouble.__cause__, (ExecutionTimeout, NetworkTimeout, DocumentTooLarge)):
            raise TooMuchSince from trouble
        raise


def _is_early(moment: datetime, month: tuple[datetime, datetime]) -> bool:
    """Whether less of the month has passed than is left of it: then what has passed is read, else the rest."""
    return moment - month[0] < month[1] - moment


def _began_after(moment: datetime, power: int) -> datetime:
    """After which it began if something happened to it after a moment, less than so many days (a power of two) after it
    began; the day of what happened to it may be stored as that of UTC."""
    return moment - timedelta(days=2**power + 1)


def _tells(record: type[Record]) -> bool:
    """Whether it can tell how it was."""
    return bool(record.began or record.stirred)


def _subjects(subject: Any) -> Sequence[str]:
    return [subject] if isinstance(subject, str) else subject["$in"]


def _newest(stages: Sequence[Mapping[str, Any]]) -> list[Document]:
    """The first two stages, where they take so many in some order: as many are enough of a part."""
    taken = [dict(stage) for stage in stages[:2]]
    return taken if [*map(list, taken)] == [["$sort"], ["$limit"]] else []


def _community(match: Any) -> str | None:
    """The one community a filter is about."""
    own = match.get("community_id")
    if isinstance(own, str):
        return own
    found = (_community(part) for part in match.get("$and", ()))
    return next((one for one in found if one is not None), None)


def _added_up(rows: Sequence[Document]) -> list[Document]:
    """Counter documents with those added to them that tell by how much they differed."""
    found: dict[str, Document] = {}
    for row in rows:
        there = found.get(row["_id"])
        if there is None:
            found[row["_id"]] = row
        else:
            _add(there, row)
    return list(found.values())


def _add(to: Document, more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping):
            _add(to.setdefault(name, {}), value)
        elif isinstance(value, int):
            to[name] = to.get(name, 0) + value
