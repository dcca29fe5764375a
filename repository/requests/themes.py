"""What residents come with again and again: topics and words of a stretch of time beside the stretch before.

The words of each text are kept with it, so a theme is one indexed aggregation. One person who comes five times is no
theme: at least MINIMUM requests of SEVERAL different residents or places are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from repository.access import Actor
from repository.filters import Is
from repository.metrics import Period
from repository.requests.queries import by_urgency
from repository.requests.records import BY_RECEIPT, Request
from repository.requests.vocabulary import Topic
from repository.store import Store

MINIMUM = 3
"""Requests a theme needs within its stretch of time."""
SEVERAL = 2
"""Different residents or places it needs."""
READ = 5_000
"""Requests that are read of the two stretches together: the newest."""
DAYS = {"month": 31, "quarter": 92, "year": 366, "ever": 366}
LISTED = 12


@dataclass(frozen=True)
class Theme:
    """Something several residents came with. ``word`` is a word of the texts, or "" for the topic as a whole."""

    word: str
    category: str
    """The topic most of them are about."""
    n: int
    before: int
    residents: int
    """Different residents, or places where no code was noted."""
    open: int

    @property
    def rise(self) -> int:
        """How many more came than in the stretch before."""
        return self.n - self.before


@dataclass(frozen=True)
class Themes:
    """The themes of a stretch of time, the fastest rising first. ``cut`` says that only the newest READ were read."""

    since: datetime
    until: datetime
    topics: tuple[Theme, ...]
    words: tuple[Theme, ...]
    n: int
    cut: bool


def themes(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Themes:
    """What came up, as many days as the period has up to its end (or now), beside as many days before. Raises Refused,
    Unavailable."""
    return _themes(store, actor, community_id, period.until(now), DAYS[period.kind], grids)


def _themes(
    store: Store, actor: Actor, community_id: str, until: datetime, days: int, grids: frozenset[str] | None
) -> Themes:
    end = until.astimezone(UTC).replace(microsecond=0)
    since = end - timedelta(days=days)
    within: dict[str, Any] = {"received_at": Is(gte=since - timedelta(days=days), lt=end)}
    fields = {"category": 1, "words": 1, "received_at": 1, "is_open": 1, "resident": 1, "place_key": 1}
    now = {"$cond": [{"$gte": ["$received_at", since]}, 1, 0]}
    who = {"$ifNull": ["$resident", "$place_key"]}

    def grouped(by: Any) -> list[dict[str, Any]]:
        held = {"$cond": [{"$and": [{"$gte": ["$received_at", since]}, {"$ne": [who, None]}]}, who, "$$REMOVE"]}
        return [
            {
                "$group": {
                    "_id": by,
                    "n": {"$sum": now},
                    "all": {"$sum": 1},
                    "who": {"$addToSet": held},
                    "open": {"$sum": {"$cond": ["$is_open", now, 0]}},
                }
            },
            {"$project": {"n": 1, "all": 1, "open": 1, "who": {"$size": "$who"}}},
        ]

    by_word = [{"$unwind": "$words"}, *grouped({"word": "$words", "category": "$category"})]
    # the people of one word's topics may be the same: they are counted over all of them
    people = [
        {"$unwind": "$words"},
        {"$match": {"received_at": {"$gte": since}}},
        {"$group": {"_id": "$words", "who": {"$addToSet": {"$ifNull": [who, "$$REMOVE"]}}}},
        {"$project": {"who": {"$size": "$who"}}},
        {"$match": {"who": {"$gte": SEVERAL}}},
    ]
    pipeline: list[Mapping[str, Any]] = [
        {"$sort": {"received_at": -1}},
        {"$limit": READ + 1},
        {"$project": fields},
        {"$facet": {"topics": grouped("$category"), "words": by_word, "people": people, "n": [{"$count": "n"}]}},
    ]
    found = store.aggregate(actor, Request, community_id, pipeline, filter=within, grids=grids, index=BY_RECEIPT)
    facets = found[0] if found else {"topics": [], "words": [], "people": [], "n": []}
    topics = [
        Theme("", row["_id"], row["n"], row["all"] - row["n"], row["who"], row["open"])
        for row in facets["topics"]
        if row["_id"] != Topic.OTHER
    ]
    read = facets["n"][0]["n"] if facets["n"] else 0
    people_of = {row["_id"]: row["who"] for row in facets["people"]}
    return Themes(
        since=since,
        until=end,
        topics=_chosen(topics),
        words=_chosen(_words(facets["words"], people_of)),
        n=sum(row["n"] for row in facets["topics"]),
        cut=read > READ,
    )


def _words(rows: Sequence[Mapping[str, Any]], people: Mapping[str, int]) -> list[Theme]:
    """A word's requests over all topics, with the topic most of them have. A word that says no more than its topic's
    name is left to the topic."""
    own = {topic.spellings[0]: topic.value for topic in Topic}
    total: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        total.setdefault(row["_id"]["word"], []).append(row)
    found = []
    for word, parts in total.items():
        most = max(parts, key=lambda row: (row["n"], row["all"], row["_id"]["category"]))
        if own.get(word) == most["_id"]["category"]:
            continue
        n, everything = sum(row["n"] for row in parts), sum(row["all"] for row in parts)
        opened = sum(row["open"] for row in parts)
        found.append(Theme(word, most["_id"]["category"], n, everything - n, people.get(word, 0), opened))
    return found


def _chosen(found: Sequence[Theme]) -> tuple[Theme, ...]:
    """Those that are themes: rising first, then by how many came."""
    enough = [one for one in found if one.n >= MINIMUM and one.residents >= SEVERAL]
    return tuple(sorted(enough, key=lambda one: (-one.rise, -one.n, one.category, one.word))[:LISTED])


@dataclass(frozen=True)
class Glance:
    """What a leader must know of the requests, in one line."""

    open: int
    overdue: int
    urgent: Request | None
    """The first to be dealt with: overdue before the rest, the more urgent among these."""
    rising: Theme | None
    """The topic that rose most in a month, if one did."""


def request_glance(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None = None, *, now: datetime
) -> Glance:
    """How many requests are owed and overdue, which comes first, what comes up: two small indexed reads of what is open
    and of two months. Raises Refused, Unavailable."""
    most = 200
    where = {"is_open": True}
    found = store.find(actor, Request, community_id, where, grids=grids, sort=[("deadline_at", 1)], limit=most)
    count = len(found) if len(found) < most else store.count(actor, Request, community_id, where, grids=grids)
    late = sum(one.deadline_at is not None and one.deadline_at < now for one in found)
    if late == most:
        late = store.count(
            actor, Request, community_id, {**where, "deadline_at": Is(lt=now.astimezone(UTC))}, grids=grids
        )
    first = min(found, key=lambda one: by_urgency(one, now), default=None)
    rising = [one for one in _themes(store, actor, community_id, now, 31, grids).topics if one.rise > 0]
    return Glance(count, late, first, rising[0] if rising else None)
