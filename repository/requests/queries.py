"""How requests are answered: figures from the counters, lists from indexes. Every figure has the list it counts."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from repository import flows
from repository.access import Actor, Operation, may, reach, require
from repository.activities import Activity
from repository.filters import Is
from repository.grids import Community
from repository.maintenance import Outcome, WorkOrder
from repository.maintenance import Status as OrderStatus
from repository.meetings import Meeting, MeetingStatus
from repository.metrics import Metric, Period, Value, last_months, ratio, whole_months
from repository.numbers import masked
from repository.record import Choice, midnight
from repository.requests import metrics
from repository.requests.records import (
    ANSWERED,
    BY_DEADLINE,
    BY_RECEIPT,
    BY_RESPONSIBLE,
    SUBJECT,
    OutcomeKind,
    Request,
    Satisfaction,
    Status,
    Urgency,
)
from repository.rollups import NOW, day_begins, month_bounds, month_of, path_key, path_word
from repository.store import NotFound, Store
from repository.targets import judged
from repository.words import msg

Document = dict[str, Any]

SERIES_MONTHS = 12
MANY = 500
"""A list goes and counts no further."""
SEARCHED = 5_000
"""A search looks no further."""
FLOWS = (
    *("opened", "entered", "repeat", "of_responded", "of_resolved", "of_called", "of_satisfied"),
    *("ended", "end_unknown", "reopened", "not_solved", "on_time", "late", "fell_overdue", "left_overdue"),
    *("called", "contacted", "solved", "unreached", *(f"said_{each}" for each in Satisfaction)),
)
DONE = frozenset({OrderStatus.DONE, OrderStatus.VERIFIED, OrderStatus.CLOSED})
"""The statuses in which a work order owes no work, if it was completed."""


class Show(Choice):
    """Which requests a list shows; those of a period where the past is asked."""

    OPEN = "open", msg("Open")
    OVERDUE = "overdue", msg("Overdue")
    TO_ANSWER = "to_answer", msg("Work done, to be answered")
    TO_CALL = "to_call", msg("To be called back")
    MEETING = "meeting", msg("For the next meeting")
    IDEAS = "ideas", msg("Ideas for activities")
    ALL = "all", msg("All of the period")
    RESPONDED = "responded", msg("Of the period: responded")
    RESOLVED = "resolved", msg("Of the period: answered")
    CALLED = "called", msg("Of the period: called back")
    CONTENT = "content", msg("Of the period: satisfied")
    ENDED = "ended", msg("Ended in the period")
    ON_TIME = "on_time", msg("Ended by the deadline")
    LATE = "late", msg("Ended late")
    SPOKEN = "spoken", msg("Reached in the period")
    CONTACTED = "contacted", msg("Said: was contacted")
    SOLVED = "solved", msg("Said: solved")
    UNSOLVED = "unsolved", msg("Said: not solved")
    SATISFIED = "satisfied", msg("Said: satisfied")
    BASICALLY = "basically", msg("Said: basically satisfied")
    DISSATISFIED = "dissatisfied", msg("Said: dissatisfied")
    REOPENED = "reopened", msg("Reopened in the period")
    REPEATS = "repeats", msg("Repeats")


@dataclass(frozen=True)
class Stage:
    """One step of what became of the period's requests, and its list."""

    show: Show
    n: int


@dataclass(frozen=True)
class TopicRow:
    """One topic in the period: how many came, and in the period before; how many are owed now."""

    category: str
    opened: int
    before: int
    open: int
    repeats: int


@dataclass(frozen=True)
class ReceptionMonth:
    """What came in and what was answered in one month; what was owed and overdue at its end (now, for the present)."""

    month: str
    opened: int
    reopened: int
    ended: int
    backlog: int
    overdue: int


@dataclass(frozen=True)
class RequestReview:
    """How are residents' requests answered in the period? Values as metrics.py declares them."""

    received: Value
    open: Value
    overdue: Value
    on_time: Value
    response: Value
    solved: Value
    satisfied: Value
    composite: Value
    repeats: Value
    weights: tuple[int, int, int]
    """Of response, solution and satisfaction in the composite, in percent."""
    funnel: tuple[Stage, ...]
    """Of the requests received in the period: responded, answered, called back, satisfied."""
    grades: Mapping[Satisfaction, int]
    """What was said at the valid call-backs of the period."""
    unreached: int
    reopened: int
    """Of the period; ``not_solved`` of these because the resident said so."""
    not_solved: int
    urgencies: Mapping[Urgency, int]
    """Open now, by urgency."""
    to_call: int
    topics: tuple[TopicRow, ...]
    """Most requests first."""
    months: tuple[ReceptionMonth, ...]


@dataclass(frozen=True)
class Became:
    """What a request became, as it stands: ``done`` asks for an answer, ``gone`` that it be given something else;
    ``elsewhere`` is what is there but out of the actor's reach."""

    kind: OutcomeKind
    order: WorkOrder | None = None
    activity: Activity | None = None
    meeting: Meeting | None = None
    done: bool = False
    gone: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class RequestStory:
    """One request with what became of it and what it repeats."""

    request: Request
    became: Became | None
    before: Request | None
    """The one it repeats."""
    after: tuple[Request, ...]
    """Those that repeat it."""


@dataclass(frozen=True)
class RequestPage:
    """Requests as a list shows them; ``total`` stops at MANY."""

    rows: tuple[Request, ...]
    total: int
    became: Mapping[str, Became]
    """What those that became something became, by the request's id."""


@dataclass(frozen=True)
class GridRequests:
    """What one grid's requests did in a month: received, ended by their deadline and after it, said by the resident not
    to be solved, put off; and how many were open and overdue at its end (now, for the present month)."""

    grid_id: str
    month: str
    opened: int
    ended: int
    on_time: int
    late: int
    not_solved: int
    postponed: int
    open: int
    overdue: int


# --- figures
@judged
def request_review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> RequestReview:
    """How many requests came, how many are owed, how were they answered, what do residents say? Raises Refused,
    Unavailable."""
    require(actor, Operation.READ, Request.collection)
    zone = store.zone(community_id)
    home = store.find(actor, Community, community_id, {"_id": community_id}, limit=1)
    weights = _weights(home[0] if home else None)
    today = now.astimezone(zone).date()
    end = min(period.last, today)
    series = last_months(end, SERIES_MONTHS)
    present = month_of(now, zone)
    first = min(series[0], f"{period.first:%Y-%m}", f"{period.previous.first:%Y-%m}")
    span = [first, max(present, f"{period.last:%Y-%m}")]
    flow = flows.by_month(store, actor, community_id, SUBJECT, FLOWS, months=span, grids=grids)
    own = [month for month in flow if f"{period.first:%Y-%m}" <= month <= f"{period.last:%Y-%m}"]
    total: Counter[str] = sum((flow[month] for month in own), Counter())
    stock = _stock(store, actor, community_id, grids)
    late_now, later = _overdue(store, actor, community_id, grids, now)
    course = _course(flow, series, present, stock["open"], late_now, later)
    last = course[-1]
    known = bool(flow) or bool(stock)

    def share(metric: Metric, part: Callable[[Counter[str]], float], whole: Callable[[Counter[str]], int]) -> Value:
        months = [(month, ratio(part(flow[month]), whole(flow[month]))) for month in series]
        return Value(metric, ratio(part(total), whole(total)), whole(total), months)

    def spoken(counts: Counter[str]) -> int:
        return counts["called"]

    def content(counts: Counter[str]) -> float:
        return sum(weight * counts[f"said_{grade}"] for grade, weight in metrics.GRADES.items())

    def composite(counts: Counter[str]) -> float | None:
        parts = [ratio(part, spoken(counts)) for part in (counts["contacted"], counts["solved"], content(counts))]
        weighed = [weight * part for weight, part in zip(weights, parts, strict=True) if part is not None]
        return sum(weighed) if len(weighed) == len(parts) else None

    def punctual(counts: Counter[str], overdue: int) -> tuple[int, int]:
        return counts["on_time"], counts["on_time"] + counts["late"] + overdue

    in_time, decided = punctual(total, last.overdue)
    by_month = [(row.month, ratio(*punctual(flow[row.month], row.overdue))) for row in course]
    return RequestReview(
        received=Value(
            metrics.RECEIVED,
            total["opened"] if known else None,
            total["opened"],
            [(m, flow[m]["opened"]) for m in series],
        ),
        open=Value(
            metrics.OPEN, last.backlog if known else None, last.backlog, [(row.month, row.backlog) for row in course]
        ),
        overdue=Value(
            metrics.OVERDUE, last.overdue if known else None, last.backlog, [(row.month, row.overdue) for row in course]
        ),
        on_time=Value(metrics.ON_TIME, ratio(in_time, decided), decided, by_month),
        response=share(metrics.RESPONSE, lambda n: n["contacted"], spoken),
        solved=share(metrics.SOLVED, lambda n: n["solved"], spoken),
        satisfied=share(metrics.SATISFIED, content, spoken),
        composite=Value(
            metrics.COMPOSITE, composite(total), spoken(total), [(month, composite(flow[month])) for month in series]
        ),
        repeats=share(metrics.REPEATS, lambda n: n["repeat"], lambda n: n["entered"]),
        weights=weights,
        funnel=(
            Stage(Show.ALL, total["opened"]),
            Stage(Show.RESPONDED, total["of_responded"]),
            Stage(Show.RESOLVED, total["of_resolved"]),
            Stage(Show.CALLED, total["of_called"]),
            Stage(Show.CONTENT, total["of_satisfied"]),
        ),
        grades={grade: total[f"said_{grade}"] for grade in Satisfaction},
        unreached=total["unreached"],
        reopened=total["reopened"],
        not_solved=total["not_solved"],
        urgencies={urgency: stock[f"urgency_{urgency}"] for urgency in Urgency},
        to_call=stock["to_call"],
        topics=_topics(store, actor, community_id, period, grids),
        months=tuple(course),
    )


def _stock(store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None) -> Counter[str]:
    """What is true now, of the actor's grids."""
    seen = reach(actor, community_id, grids)
    found: Counter[str] = Counter()
    for document in store.counters(community_id, SUBJECT, "stock", {"period": NOW}):
        branches = (
            [document.get("total", {})]
            if seen is None
            else [document.get("by_grid", {}).get(path_key(grid), {}) for grid in seen]
        )
        for branch in branches:
            found.update(branch)
    return found


def _overdue(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None, now: datetime
) -> tuple[int, int]:
    """How many are overdue now, and how many more fall overdue this month unless they are answered."""
    zone = store.zone(community_id)
    _start, month_end = month_bounds(month_of(now, zone), zone)
    counts = [
        store.count(actor, Request, community_id, {"is_open": True, "deadline_at": when}, grids=grids)
        for when in (Is(lt=now.astimezone(UTC)), Is(gte=now.astimezone(UTC), lt=month_end))
    ]
    return counts[0], counts[1]


def _course(
    flow: Mapping[str, Counter[str]], series: Sequence[str], present: str, backlog: int, overdue: int, later: int
) -> list[ReceptionMonth]:
    """Month by month: today's stocks, walked back through the flows since."""
    rows: list[ReceptionMonth] = []
    for month in sorted({*flow, *series}, reverse=True):
        if month > present:
            continue
        counts = flow.get(month, Counter())
        if month in series:
            row = ReceptionMonth(month, counts["opened"], counts["reopened"], counts["ended"], backlog, overdue)
            rows.append(row)
        fell = counts["fell_overdue"] - (later if month == present else 0)
        backlog -= counts["opened"] + counts["reopened"] - counts["ended"] - counts["end_unknown"]
        overdue -= fell - counts["left_overdue"]
    return rows[::-1]


def requests_by_grid(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> tuple[GridRequests, ...]:
    """How did each grid's requests go, month by month? The period's months that have any counters, and the twelve up to
    its end (now, while it lasts). Raises Refused, Unavailable."""
    require(actor, Operation.READ, Request.collection)
    seen, zone = reach(actor, community_id, grids), store.zone(community_id)
    present, last = month_of(now, zone), min(period.last, now.astimezone(zone).date())
    series = last_months(last, SERIES_MONTHS)
    start = f"{period.first:%Y-%m}"
    flow: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    owed: Counter[str] = Counter()
    wanted: list[Document] = [
        {"subject": SUBJECT, "level": "month", "period": Is(gte=min(start, series[0]))},
        {"subject": SUBJECT, "level": "stock", "period": NOW},
    ]
    for document in store.counters_of(community_id, wanted, {"by_category": 0, "by_cell": 0}):
        for key, branch in document.get("by_grid", {}).items():
            if seen is not None and path_word(key) not in seen:
                continue
            if document["level"] == "stock":
                owed[path_word(key)] += branch.get("open", 0)
            else:
                flow[path_word(key)][document["period"]].update(branch)
    _start, month_end = month_bounds(present, zone)
    late: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    overdue_now = {"$lt": ["$deadline_at", now.astimezone(UTC)]}
    for group in store.aggregate(
        actor,
        Request,
        community_id,
        [{"$group": {"_id": {"g": "$grid_id", "late": overdue_now}, "n": {"$sum": 1}}}],
        filter={"is_open": True, "deadline_at": Is(lt=month_end)},
        grids=grids,
        index=BY_DEADLINE,
    ):
        grid = group["_id"].get("g") or ""
        overdue, later = late[grid]
        late[grid] = (overdue + group["n"], later) if group["_id"]["late"] else (overdue, later + group["n"])
    found = []
    for grid in sorted({*flow, *owed}):
        own = flow[grid]
        months = sorted({*series, *(month for month in own if start <= month <= series[-1])})
        for row in _course(own, months, present, owed[grid], *late[grid]):
            counts = own.get(row.month, Counter())
            found.append(
                GridRequests(
                    grid, row.month, row.opened, row.ended, counts["on_time"], counts["late"], counts["not_solved"],
                    counts["postponed"], row.backlog, row.overdue,
                )
            )  # fmt: skip
    return tuple(found)


def owed_by_topic(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> dict[str, tuple[int, int]]:
    """By topic, how many requests were open at the period's end (now, while it lasts), and how many of these overdue:
    what ``request_review`` tells, told apart. Raises Refused, Unavailable."""
    zone = store.zone(community_id)
    present, last = month_of(now, zone), f"{period.last:%Y-%m}"
    # what is due later this month is counted as fallen overdue already
    of = {"late": Is(lt=now.astimezone(UTC)), "ahead": Is(gte=now.astimezone(UTC), lt=month_bounds(present, zone)[1])}
    facts = {name: {"$sum": {"$cond": [_between(when), 1, 0]}} for name, when in of.items()}
    group = {"$group": {"_id": "$category", "n": {"$sum": 1}, **facts}}
    rows = store.aggregate(
        actor, Request, community_id, [group], filter={"is_open": True}, grids=grids, index=BY_DEADLINE
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    found |= {row["_id"]: Counter(open=row["n"], late=row["late"], ahead=row["ahead"]) for row in rows}
    if last < present:  # today's, walked back through the flows since, as ``_course`` does
        since = f"{period.following.first:%Y-%m}"
        names = ("opened", "reopened", "ended", "end_unknown", "fell_overdue", "left_overdue")
        for (_grid, topic), n in flows.in_cells(
            store, actor, community_id, SUBJECT, names, first=since, last=present, grids=grids
        ).items():
            found[topic]["open"] -= n["opened"] + n["reopened"] - n["ended"] - n["end_unknown"]
            found[topic]["late"] -= n["fell_overdue"] - n["left_overdue"]
        for counts in found.values():
            counts["late"] += counts["ahead"]
    return {topic: (counts["open"], counts["late"]) for topic, counts in found.items()}


def _between(when: Is) -> Document:
    return {"$and": [{"$gt": ["$deadline_at", None]}, *({test: ["$deadline_at", at]} for test, at in when.items())]}


MOST_RECEIVED = 5_000


def received_for(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], first: date, last: date
) -> dict[str, int]:
    """How many requests of one day to another, both included, each of some people answers for; of the newest
    MOST_RECEIVED at most. Raises Refused, Unavailable."""
    zone = store.zone(community_id)
    begins, ends = day_begins(first, zone), day_begins(last + timedelta(days=1), zone)
    pipeline: list[Document] = [
        {"$sort": {"received_at": -1}},
        {"$limit": MOST_RECEIVED},
        {"$match": {"responsible_id": {"$in": sorted(set(people))}}},
        {"$group": {"_id": "$responsible_id", "n": {"$sum": 1}}},
    ]
    rows = store.aggregate(
        actor, Request, community_id, pipeline, filter={"received_at": Is(gte=begins, lt=ends)}, index=BY_RECEIPT
    )
    return {row["_id"]: int(row["n"]) for row in rows}


@dataclass(frozen=True)
class Answered:
    """The requests one person answers for that ended between two days: answered, declined or referred; ``late`` after
    their deadline."""

    ended: int = 0
    late: int = 0


def answered_by(
    store: Store, actor: Actor, community_id: str, people: Sequence[str], first: date, last: date
) -> dict[str, Answered]:
    """What ended from one day to another, both included, of the requests each of some people answers for; one that was
    opened again has not ended. Who had none is left out. Whole months are read from counters, the days before and after
    them from the requests. Raises Refused, Unavailable."""
    require(actor, Operation.READ, Request.collection)
    zone, seen, keys = store.zone(community_id), reach(actor, community_id), {path_key(id): id for id in people}
    months, rest = whole_months(first, last)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    within: Document = {"period": Is(among=months), **({} if seen is None else {"grid": Is(among=sorted(seen))})}
    fields = {"period": 1, **{f"of.{key}": 1 for key in keys}}
    for document in store.counters(community_id, ANSWERED, "cell", within, fields) if months and keys else ():
        for key, counts in document.get("of", {}).items():
            found[keys[key]].update(counts)
    late = {"$sum": {"$cond": [{"$eq": ["$late", True]}, 1, 0]}}
    group = {"$group": {"_id": "$responsible_id", "ended": {"$sum": 1}, "late": late}}
    for begin, end in rest:
        between = Is(gte=day_begins(begin, zone), lt=day_begins(end + timedelta(days=1), zone))
        where = {"responsible_id": Is(among=sorted(set(people))), "ended_at": between}
        for row in store.aggregate(actor, Request, community_id, [group], filter=where, index=BY_RESPONSIBLE):
            found[row["_id"]].update(ended=int(row["ended"]), late=int(row["late"]))
    return {id: Answered(counts["ended"], counts["late"]) for id, counts in found.items() if counts["ended"]}


def _topics(
    store: Store, actor: Actor, community_id: str, period: Period, grids: frozenset[str] | None
) -> tuple[TopicRow, ...]:
    """The topics of a period, of the period before, and of what is owed now; from the counters."""
    seen = reach(actor, community_id, grids)
    counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(name: str, months: Period) -> None:
        within: Document = {"period": Is(gte=f"{months.first:%Y-%m}", lte=f"{months.last:%Y-%m}")}
        if seen is None:
            for document in store.counters(community_id, SUBJECT, "month", within, {"period": 1, "by_category": 1}):
                for key, branch in document.get("by_category", {}).items():
                    counts[path_word(key)][name] += branch.get("opened", 0)
                    counts[path_word(key)][f"{name}_repeats"] += branch.get("repeat", 0)
            return
        for cell in store.counters(community_id, SUBJECT, "cell", {**within, "grid": Is(among=sorted(seen))}):
            counts[cell["category"]][name] += cell.get("opened", 0)
            counts[cell["category"]][f"{name}_repeats"] += cell.get("repeat", 0)

    add("now", period)
    if period.previous != period:
        add("before", period.previous)
    for document in store.counters(community_id, SUBJECT, "stock", {"period": NOW}):
        branches = document.get("by_category", {}).items() if seen is None else [
            pair for grid in seen for pair in document.get("by_cell", {}).get(path_key(grid), {}).items()
        ]  # fmt: skip
        for key, branch in branches:
            counts[path_word(key)]["open"] += branch.get("open", 0)
    rows = [
        TopicRow(category, n["now"], n["before"], n["open"], n["now_repeats"])
        for category, n in counts.items()
        if n["now"] or n["before"] or n["open"]
    ]
    return tuple(sorted(rows, key=lambda row: (-row.opened, -row.open, row.category)))


# --- lists
def request_list(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    now: datetime,
    show: Show | str = Show.OPEN,
    period: Period | None = None,
    grids: frozenset[str] | None = None,
    category: str | None = None,
    word: str | None = None,
    urgency: Urgency | str | None = None,
    responsible_id: str | None = None,
    search: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    rows: int = MANY,
) -> RequestPage:
    """Which requests match: what is owed with the longest overdue first and the most urgent before others, what waits
    for a call-back with the longest waiting first, the past newest first. ``since`` and ``until`` bound the receipt, in
    place of the period. ``search`` is looked for among the first SEARCHED; a whole number is found whatever the list
    shows. Raises Refused, Unavailable."""
    shown = Show(show)
    more: Document = {}
    if since is not None or until is not None:
        bounds = {name: at for name, at in (("gte", since), ("lt", until)) if at is not None}
        more["received_at"] = Is(**bounds)
    more |= {name: value for name, value in (("category", category), ("words", word)) if value is not None}
    more |= {} if responsible_id is None else {"responsible_id": responsible_id}
    more |= {} if urgency is None else {"urgency": Urgency(urgency).value}
    order: list[tuple[str, int]] = [("received_at", -1)]
    if shown in (Show.OPEN, Show.OVERDUE, Show.TO_ANSWER):
        order = [("deadline_at", 1)]
    elif shown is Show.TO_CALL:
        order = [("ended_at", 1)]
    search = "".join(char if char.isprintable() else " " for char in search).strip()
    every = [where | more for where in _where(store, community_id, shown, period, now)]
    if search:
        every = [{"_id": Is(among=_matching(store, actor, community_id, one, order, grids, search))} for one in every]
    several = [store.find(actor, Request, community_id, one, grids=grids, sort=order, limit=MANY) for one in every]
    found = list({one.id: one for some in several for one in some}.values())
    became = _became(store, actor, community_id, found)
    if shown is Show.TO_ANSWER:
        found = [one for one in found if one.id in became and became[one.id].done]
    if shown in (Show.OPEN, Show.OVERDUE, Show.TO_ANSWER):
        found.sort(key=lambda one: by_urgency(one, now))
    elif len(several) > 1:
        found = sorted(found, key=lambda one: one.received_at, reverse=True)[:MANY]
    if search:
        number = Is(among=[search[:60], search.upper()[:60]])
        named = store.find(actor, Request, community_id, {"number": number}, grids=grids, limit=2)
        found = list({one.id: one for one in [*named, *found]}.values())
        became |= _became(store, actor, community_id, named)
    first = tuple(found[:rows])
    return RequestPage(first, len(found), {one.id: became[one.id] for one in first if one.id in became})


def by_urgency(request: Request, now: datetime) -> tuple[bool, int, datetime, str]:
    """What comes first: overdue before the rest, among these the more urgent, then the longest overdue."""
    due = request.deadline_at or datetime.max.replace(tzinfo=UTC)
    return due >= now, list(Urgency).index(request.urgency), due, request.id


def _matching(
    store: Store,
    actor: Actor,
    community_id: str,
    where: Document,
    order: Sequence[tuple[str, int]],
    grids: frozenset[str] | None,
    search: str,
) -> list[str]:
    """The ids of those in which every word of a search occurs somewhere; what is masked is not searched, for that would
    tell it digit by digit."""
    given = [word[:60] for word in search.split()[:5]]
    words = [Is(regex=re.escape(word), options="i") for word in given]
    somewhere = [{"$or": [{name: word} for name in _SEARCHED]} for word in words]
    steps: list[Document] = [{"$sort": dict(order)}, {"$limit": SEARCHED}, {"$match": {"$and": somewhere}}]
    steps += [{"$limit": MANY}]
    digits = [word.casefold() for word in given if any(sign.isdecimal() for sign in word)]
    shown = dict.fromkeys(_SEARCHED, 1) if digits else {}
    steps += [{"$project": {"_id": 1, **shown}}]
    found = store.aggregate(actor, Request, community_id, steps, filter=where, grids=grids)
    return [each["_id"] for each in found if not digits or _shows(each, digits)]


_SEARCHED = ("number", "text", "place", "resident")


def _shows(row: Document, words: Sequence[str]) -> bool:
    texts = [masked(each).casefold() if name in Request.masked else each.casefold() for name, each in row.items()]
    return all(any(word in text for text in texts) for word in words)


def _where(store: Store, community_id: str, show: Show, period: Period | None, now: datetime) -> tuple[Document, ...]:
    """What a list asks for: each with an index of its own, the server finds none for "either"."""
    zone = store.zone(community_id)
    start, end = (period or Period.of("ever")).bounds(zone)
    received = {"received_at": Is(gte=start, lt=end)}
    resolved = Is(among=[Status.RESOLVED.value, Status.CLOSED.value])
    days = {"gte": midnight(period.first), "lte": midnight(period.last)} if period else {}

    # what is asked of a part's field twice is what lets the server take that field's partial index
    def said(**facts: Any) -> Document:
        call = {"on": Is(**days) if days else Is(exists=True), "reached": True, **facts}
        return {"callbacks.on": Is(exists=True), "callbacks": Is(some=call)}

    def ended(**facts: bool) -> tuple[Document, ...]:
        spell = {"ended_at": Is(gte=start, lt=end), **facts}
        again = Is(some=spell | {"reopened_at": Is(gte=start)})
        return {**spell, "is_open": False}, {"reopenings.reopened_at": Is(exists=True), "reopenings": again}

    content = Is(among=[Satisfaction.SATISFIED.value, Satisfaction.BASICALLY.value])
    wanted: Mapping[Show, Document | tuple[Document, ...]] = {
        Show.OPEN: {"is_open": True},
        Show.OVERDUE: {"is_open": True, "deadline_at": Is(lt=now.astimezone(UTC))},
        Show.TO_ANSWER: {"is_open": True, "outcome_kind": OutcomeKind.ORDER.value},
        Show.TO_CALL: {"status": Status.RESOLVED.value},
        Show.MEETING: {"outcome_kind": OutcomeKind.MEETING.value, "outcome_id": Is(exists=False)},
        Show.IDEAS: {"outcome_kind": OutcomeKind.IDEA.value},
        Show.ALL: received,
        Show.RESPONDED: {**received, "$or": [{"responded_at": Is(exists=True)}, {"status": resolved}]},
        Show.RESOLVED: {**received, "status": resolved},
        Show.CALLED: {**received, "status": Status.CLOSED.value, "called_on": Is(exists=True), "solved": True},
        Show.CONTENT: {**received, "status": Status.CLOSED.value, "solved": True, "satisfaction": content},
        Show.ENDED: ended(),
        Show.ON_TIME: ended(late=False),
        Show.LATE: ended(late=True),
        Show.SPOKEN: said(),
        Show.CONTACTED: said(contacted=True),
        Show.SOLVED: said(solved=True),
        Show.UNSOLVED: said(solved=False),
        Show.SATISFIED: said(satisfaction=Satisfaction.SATISFIED.value),
        Show.BASICALLY: said(satisfaction=Satisfaction.BASICALLY.value),
        Show.DISSATISFIED: said(satisfaction=Satisfaction.DISSATISFIED.value),
        Show.REOPENED: {
            "reopenings.reopened_at": Is(exists=True),
            "reopenings": Is(some={"reopened_at": Is(gte=start, lt=end)}),
        },
        Show.REPEATS: {**received, "repeat_of": Is(exists=True), "batch_id": None},
    }
    found = wanted[show]
    return found if isinstance(found, tuple) else (found,)


def _weights(home: Community | None) -> tuple[int, int, int]:
    """Of response, solution and satisfaction in the composite (metric N4), in percent: the community's, or ours."""
    if home is not None:
        return home.weight_response, home.weight_solution, home.weight_satisfaction
    response, solution, satisfaction = (
        int(Community.model_fields[f"weight_{name}"].default) for name in ("response", "solution", "satisfaction")
    )
    return response, solution, satisfaction


def for_meeting(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None = None, *, limit: int = MANY
) -> list[Request]:
    """Requests marked to be put to the next meeting that no meeting has taken up yet, the oldest first. Raises Refused,
    Unavailable."""
    where = {"outcome_kind": OutcomeKind.MEETING.value, "outcome_id": Is(exists=False)}
    return store.find(actor, Request, community_id, where, grids=grids, sort=[("received_at", 1)], limit=limit)


def came_of(store: Store, actor: Actor, community_id: str, id: str) -> list[Request]:
    """The requests that became this activity, or that this meeting took up: the way back. Raises Refused,
    Unavailable."""
    return store.find(actor, Request, community_id, {"outcome_id": id}, sort=[("received_at", 1)], limit=20)


# --- one
def request_story(store: Store, actor: Actor, community_id: str, id: str) -> RequestStory:
    """One request, what became of it, what it repeats and what repeats it. Raises NotFound, Refused, Unavailable."""
    found = store.get(actor, Request, community_id, id)
    before = store.find(actor, Request, community_id, {"_id": found.repeat_of}, limit=1) if found.repeat_of else []
    after = store.find(actor, Request, community_id, {"repeat_of": id}, sort=[("received_at", 1)], limit=20)
    became = _became(store, actor, community_id, [found])
    return RequestStory(found, became.get(id), before[0] if before else None, tuple(after))


def request_story_if_any(store: Store, actor: Actor, community_id: str, id: str) -> RequestStory | None:
    """The same, or None for one that is not there or out of reach. Raises Refused, Unavailable."""
    try:
        return request_story(store, actor, community_id, id)
    except NotFound:
        return None


def _became(store: Store, actor: Actor, community_id: str, found: Sequence[Request]) -> dict[str, Became]:
    """What requests became, with what is out of reach told from what was taken out."""
    if not any(one.outcome_kind for one in found):
        return {}
    became = _becomings(store, actor, community_id, found)
    unseen = {one.id: one for one in found if one.id in became and became[one.id].gone}
    for record in (WorkOrder, Activity) if unseen else ():
        where = {
            "community_id": community_id,
            "_id": Is(among=sorted({str(one.outcome_id) for one in unseen.values()})),
        }
        there = {each["_id"] for each in store.documents(record, where, projection={"_id": 1})}
        for id, one in unseen.items():
            if one.outcome_id in there:
                became[id] = Became(became[id].kind, elsewhere=True)
    return became


def _becomings(store: Store, actor: Actor, community_id: str, found: Sequence[Request]) -> dict[str, Became]:
    """What requests became, as it stands now; a merged order is the one it went into."""
    ids = {
        kind: [one.outcome_id for one in found if one.outcome_kind is kind and one.outcome_id] for kind in OutcomeKind
    }
    orders = _by_id(store, actor, community_id, WorkOrder, ids[OutcomeKind.ORDER])
    merged = [order.merged_into for order in orders.values() if order.merged_into]
    orders |= _by_id(store, actor, community_id, WorkOrder, merged)
    activities = _by_id(store, actor, community_id, Activity, ids[OutcomeKind.ACTIVITY])
    meetings = _by_id(store, actor, community_id, Meeting, ids[OutcomeKind.MEETING])
    became = {}
    for one in found:
        kind = one.outcome_kind
        if kind is OutcomeKind.ORDER:
            order = orders.get(one.outcome_id or "")
            order = orders.get(order.merged_into, order) if order and order.merged_into else order
            done = order is not None and order.status in DONE and order.outcome is Outcome.COMPLETED
            became[one.id] = Became(kind, order=order, done=done, gone=order is None)
        elif kind is OutcomeKind.ACTIVITY:
            activity = activities.get(one.outcome_id or "")
            held = activity is not None and str(activity.status) == "held"
            became[one.id] = Became(kind, activity=activity, done=held, gone=activity is None)
        elif kind is OutcomeKind.MEETING and one.outcome_id:
            meeting = meetings.get(one.outcome_id)
            held = meeting is not None and meeting.status is MeetingStatus.HELD
            became[one.id] = Became(kind, meeting=meeting, done=held, gone=meeting is None)
        elif kind is not None:
            became[one.id] = Became(kind)
    return became


def _by_id(store: Store, actor: Actor, community_id: str, record: Any, ids: Sequence[str | None]) -> dict[str, Any]:
    wanted = sorted({id for id in ids if id})
    if not wanted or not may(actor, Operation.READ, record.collection):
        return {}
    return {
        one.id: one for one in store.find(actor, record, community_id, {"_id": Is(among=wanted)}, limit=len(wanted))
    }
