"""What residents come with again and again: topics and words of a stretch of time beside the stretch before.

The words of each text are kept with it, so a theme is one indexed aggregation. One person who comes five times is no
theme: at least MINIMUM requests of SEVERAL different residents or places are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from repository.access import Actor, scope
from repository.filters import Is
from repository.metrics import Period, Value
from repository.requests.metrics import OVERDUE
from repository.requests.records import BY_RECEIPT, Request
from repository.requests.vocabulary import Topic
from repository.store import Store, Wanted
from repository.targets import judged

Document = dict[str, Any]

MINIMUM = 3
"""Requests a theme needs within its stretch of time."""
SEVERAL = 2
"""Different residents or places it needs."""
READ = 2_000
"""Requests that are read of the two stretches together, at most."""
DAYS = {"month": 31, "quarter": 92, "year": 366, "ever": 366}
"""Of the range they are as many as it has, and a year's at most."""
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
    """The themes of a stretch of time, the fastest rising first. ``cut`` says that it was made shorter, because more
    than READ came in it and the one before: what is compared has been read whole."""

    since: datetime
    until: datetime
    topics: tuple[Theme, ...]
    words: tuple[Theme, ...]
    n: int
    nameless: int
    """Of these, requests with neither a resident's code nor a place: nobody knows from how many people they came, so
    they make no theme by themselves."""
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
    """What came up, as many days as the period has up to its end (or now), or fewer (see ``Themes.cut``), beside as
    many days before. Raises Refused, Unavailable."""
    days = DAYS.get(period.kind) or min(DAYS["year"], (period.last - period.first).days + 1)
    return _themes(store, actor, community_id, period.until(now), days, grids)


def _themes(
    store: Store, actor: Actor, community_id: str, until: datetime, days: int, grids: frozenset[str] | None
) -> Themes:
    since, within = _stretches(until, days)
    by_word = [{"$unwind": "$words"}, *_grouped({"word": "$words", "category": "$category"}, since)]
    # the people of one word's topics may be the same: they are counted over all of them
    people = [
        {"$unwind": "$words"},
        {"$match": {"received_at": {"$gte": since}}},
        {"$group": {"_id": "$words", "who": {"$addToSet": {"$ifNull": [_WHO, "$$REMOVE"]}}}},
        {"$project": {"who": {"$size": "$who"}}},
        {"$match": {"who": {"$gte": SEVERAL}}},
    ]
    facets: Mapping[str, Any] = {
        "topics": _grouped("$category", since),
        "words": by_word,
        "people": people,
        "read": [{"$group": {"_id": None, **_read_of(since)}}],
    }
    steps = [*_read("category", "words", "received_at", "is_open", "resident", "place_key"), {"$facet": facets}]
    (found,) = store.aggregate(actor, Request, community_id, steps, filter=within, grids=grids, index=BY_RECEIPT)
    read = found["read"][0] if found["read"] else {"n": 0}
    if read["n"] > READ and days > 1:
        whole = (within["received_at"]["$lt"] - read["oldest"]).days // 2
        return replace(_themes(store, actor, community_id, until, max(1, min(whole, days - 1)), grids), cut=True)
    people_of = {row["_id"]: row["who"] for row in found["people"]}
    return Themes(
        since=since,
        until=within["received_at"]["$lt"],
        topics=_chosen(_topics(found["topics"])),
        words=_chosen(_words(found["words"], people_of)),
        n=sum(row["n"] for row in found["topics"]),
        nameless=read.get("nameless", 0),
        cut=read["n"] > READ,
    )


_WHO = {"$ifNull": ["$resident", "$place_key"]}


def _stretches(until: datetime, days: int) -> tuple[datetime, dict[str, Any]]:
    """When the stretch of ``days`` that ends with ``until`` began, and the filter of it and the one before."""
    end = until.astimezone(UTC).replace(microsecond=0)
    since = end - timedelta(days=days)
    return since, {"received_at": Is(gte=since - timedelta(days=days), lt=end)}


def _read(*fields: str) -> list[dict[str, Any]]:
    """The newest of them, and what is needed of each."""
    return [{"$sort": {"received_at": -1}}, {"$limit": READ + 1}, {"$project": {"_id": 0, **dict.fromkeys(fields, 1)}}]


def _read_of(since: datetime) -> dict[str, Any]:
    """What is counted of all that is read."""
    nameless = {"$and": [{"$gte": ["$received_at", since]}, {"$eq": [{"$ifNull": [_WHO, None]}, None]}]}
    return {
        "n": {"$sum": 1},
        "oldest": {"$min": "$received_at"},
        "nameless": {"$sum": {"$cond": [nameless, 1, 0]}},
    }


def _grouped(by: Any, since: datetime) -> list[dict[str, Any]]:
    """Stages that count, by something: of the stretch since, of both together, and from how many people."""
    now = {"$cond": [{"$gte": ["$received_at", since]}, 1, 0]}
    held = {"$cond": [{"$and": [{"$gte": ["$received_at", since]}, {"$ne": [_WHO, None]}]}, _WHO, "$$REMOVE"]}
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


def _topics(rows: Sequence[Mapping[str, Any]]) -> list[Theme]:
    return [
        Theme("", row["_id"], row["n"], row["all"] - row["n"], row["who"], row["open"])
        for row in rows
        if row["_id"] != Topic.OTHER
    ]


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
    late: Value
    """``overdue`` as the metric it is."""
    rising: Theme | None
    """The topic that rose most in a month, if one did."""
    kind: tuple[str, int] | None = None
    """Of which topic most are overdue, and how many; "other" is none. None where none are."""


@judged
def request_glance(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
    within: Sequence[Sequence[Document]] | None = None,
) -> Glance:
    """How many requests are owed and overdue, and what comes up. ``within``: if what is ``glance_wanted`` was read
    already. Raises Refused, Unavailable."""
    owed, topics = within or store.together(actor, community_id, glance_wanted(actor, community_id, grids, now=now))
    rising = [one for one in _chosen(_topics(topics)) if one.rise > 0]
    opened, overdue = (sum(row[name] for row in owed) for name in ("open", "overdue"))
    late = Value(OVERDUE, overdue, opened)
    kinds = [(row["_id"], row["overdue"]) for row in owed if row["overdue"] and row["_id"] != Topic.OTHER]
    most = min(kinds, key=lambda one: (-one[1], one[0]), default=None)
    return Glance(opened, overdue, late, rising[0] if rising else None, most)


def glance_wanted(
    actor: Actor, community_id: str, grids: frozenset[str] | None = None, *, now: datetime
) -> list[Wanted]:
    """What ``request_glance`` reads: what is open, off its index, and the topics of two months."""
    here = scope(actor, Request, community_id, grids)
    since, within = _stretches(now, DAYS["month"])
    late = {"$and": [{"$gt": ["$deadline_at", None]}, {"$lt": ["$deadline_at", now.astimezone(UTC)]}]}
    counted = {"$group": {"_id": "$category", "open": {"$sum": 1}, "overdue": {"$sum": {"$cond": [late, 1, 0]}}}}
    topics = [*_read("category", "received_at", "is_open", "resident", "place_key"), *_grouped("$category", since)]
    return [
        Wanted(Request, here | {"is_open": True}, steps=(counted,)),
        Wanted(Request, here | within, steps=tuple(topics)),
    ]
