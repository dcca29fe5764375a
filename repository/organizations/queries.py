"""What pages ask about organisations: who takes part and who is silent, what is needed and what is offered."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from repository.access import Actor, Operation, reach, require, scope
from repository.filters import Is
from repository.flows import by_month
from repository.metrics import Period, Value, last_months, ratio
from repository.organizations.matching import Suggestion, suggest
from repository.organizations.metrics import MATCHING, PARTICIPATION, SILENT, UNMATCHED
from repository.organizations.records import (
    COMPANIES,
    Engagement,
    GiftKind,
    Need,
    NeedState,
    Organization,
    Resource,
)
from repository.record import midnight
from repository.rollups import path_word
from repository.store import Counters, Store, Wanted
from repository.targets import judged

Document = dict[str, Any]

LISTED = 500
"""So many of a list are read; it says how many there are."""
FITTED = 100
"""For so many needs of a list suggestions are sought: each is held against every resource."""
SILENT_MONTHS = 6
"""Who has not taken part for so long is silent."""
_SILENT_DAYS = 183
SERIES = 12


def is_long_ago(last_part: date, on: date) -> bool:
    """Whether somebody who took part last on that day is silent by now."""
    return (on - last_part).days > _SILENT_DAYS


@dataclass(frozen=True)
class Standing:
    """A stationed organisation, and how it stands with the community. ``times`` is how often it took part in the
    period; ``last_part`` and ``last_contact`` are the days it last took part and was last heard of at all."""

    organization: Organization
    times: int
    last_part: date | None
    last_contact: date | None
    resources: int
    needs: int
    """Of its own needs those unmatched."""

    def is_silent(self, on: date) -> bool:
        """Whether it has not taken part for SILENT_MONTHS, or never, unless it came here later than that."""
        since = self.last_part or self.organization.stationed_from
        return since is None or is_long_ago(since, on)


@dataclass(frozen=True)
class KindBalance:
    """Needs against resources of one kind: unmatched and matched ones now, those met in the period."""

    kind: GiftKind
    unmatched: int
    matched: int
    met: int
    resources: int
    """Offers that can be had today."""


@dataclass(frozen=True)
class OrganizationReview:
    """All that the page's first two parts show. ``standings`` are the active stationed organisations, by name;
    ``silent`` those of them that are, who never took part first."""

    participation: Value
    silence: Value
    matching: Value
    unmatched: Value
    standings: tuple[Standing, ...]
    silent: tuple[Standing, ...]
    ending: tuple[Organization, ...]
    """Whose agreement has ended or ends soon, the earliest first."""
    without: tuple[Organization, ...]
    """Who has signed none."""
    balance: tuple[KindBalance, ...]


@dataclass(frozen=True)
class Waiting:
    """An unmatched need, with what could be suggested for it."""

    need: Need
    days: int
    late: int
    suggestions: tuple[Suggestion, ...]


# --- registers
def organizations(store: Store, actor: Actor, community_id: str) -> list[Organization]:
    """All of them, by name."""
    return store.find(actor, Organization, community_id, sort=[("name", 1)], limit=2000)


def companies(store: Store, actor: Actor, community_id: str) -> list[Organization]:
    """The property companies and contractors, by name."""
    where = {"kind": Is(among=sorted(COMPANIES))}
    return store.find(actor, Organization, community_id, where, sort=[("name", 1)], limit=1000)


def company_names(store: Store, actor: Actor, community_id: str, *, former: bool = False) -> dict[str, str]:
    """The name by id of every company that can be given work, which pickers need, or with the ``former`` ones of all
    that did some."""
    return {one.id: one.name for one in companies(store, actor, community_id) if one.active or former}


def organization_names(store: Store, actor: Actor, community_id: str, *, former: bool = False) -> dict[str, str]:
    """The name by id of every active organisation, or with the ``former`` ones of all."""
    return {one.id: one.name for one in organizations(store, actor, community_id) if one.active or former}


def organization(store: Store, actor: Actor, community_id: str, id: str) -> Organization:
    """One of them. Raises NotFound, Refused."""
    return store.get(actor, Organization, community_id, id)


def resources(
    store: Store, actor: Actor, community_id: str, *, organization_id: str | None = None, on: date | None = None
) -> list[Resource]:
    """What is offered, by one organisation or by all, newest last; with ``on`` only what can be had that day or
    later. At most LISTED."""
    where: Document = {} if organization_id is None else {"organization_id": organization_id}
    if on is not None:
        where["$or"] = [{"until": None}, {"until": Is(gte=midnight(on))}]
    return store.find(actor, Resource, community_id, where, sort=[("organization_id", 1), ("what", 1)], limit=LISTED)


def needs(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    state: NeedState | None = None,
    organization_id: str | None = None,
    grids: frozenset[str] | None = None,
) -> list[Need]:
    """The needs, or those in one state or of one organisation, the newest first. At most LISTED."""
    where: Document = {} if state is None else {"state": str(state)}
    where |= {} if organization_id is None else {"organization_id": organization_id}
    return store.find(actor, Need, community_id, where, grids=grids, sort=[("listed_on", -1), ("_id", 1)], limit=LISTED)


def need(store: Store, actor: Actor, community_id: str, id: str, *, on: date) -> tuple[Need, tuple[Suggestion, ...]]:
    """One need, and while it is unmatched what is suggested for it. Raises NotFound, Refused."""
    found = store.get(actor, Need, community_id, id)
    if found.state is not NeedState.OPEN:
        return found, ()
    offered, promised, lie = _offers(store, actor, community_id, on)
    return found, tuple(suggest(found, offered, on, promised=promised, grids=lie))


def waiting(
    store: Store, actor: Actor, community_id: str, *, on: date, grids: frozenset[str] | None = None
) -> tuple[tuple[Waiting, ...], int]:
    """The unmatched needs, the longest waiting first, with the best suggestions for the first FITTED of them; and how
    many there are in all (at most LISTED are listed)."""
    where = {"state": NeedState.OPEN.value}
    found = store.find(actor, Need, community_id, where, grids=grids, sort=[("listed_on", 1)], limit=LISTED)
    total = len(found) if len(found) < LISTED else store.count(actor, Need, community_id, where, grids=grids)
    if not found:
        return (), 0
    offered, promised, lie = _offers(store, actor, community_id, on)
    rows = (
        Waiting(each, each.days_open(on), each.days_late(on), tuple(
            suggest(each, offered, on, promised=promised, grids=lie, limit=3) if place < FITTED else ()
        ))
        for place, each in enumerate(found)
    )  # fmt: skip
    return tuple(rows), total


def engagements(
    store: Store, actor: Actor, community_id: str, *, organization_id: str | None = None, period: Period | None = None
) -> list[Engagement]:
    """Who took part in what, newest first, of one organisation or of all, in a period or ever. At most LISTED."""
    where: Document = {} if organization_id is None else {"organization_id": organization_id}
    if period is not None:
        where["on"] = Is(gte=midnight(period.first), lte=midnight(period.last))
    return store.find(actor, Engagement, community_id, where, sort=[("on", -1), ("_id", 1)], limit=LISTED)


def engagement(store: Store, actor: Actor, community_id: str, id: str) -> Engagement:
    """One day on which an organisation took part. Raises NotFound, Refused."""
    return store.get(actor, Engagement, community_id, id)


def _offers(
    store: Store, actor: Actor, community_id: str, on: date
) -> tuple[list[Resource], dict[str, int], dict[str, str | None]]:
    """What active organisations offer today or later, to how many needs each is promised, where they lie."""
    there = {one.id: one.grid_id for one in organizations(store, actor, community_id) if one.active}
    offered = [one for one in resources(store, actor, community_id, on=on) if one.organization_id in there]
    rows = store.aggregate(
        replace(actor, grids=None),  # promised to another grid's need it is promised too
        Need,
        community_id,
        [{"$group": {"_id": "$resource_id", "n": {"$sum": 1}}}],
        filter={"state": NeedState.MATCHED.value, "resource_id": Is(exists=True)},
    )
    return offered, {row["_id"]: row["n"] for row in rows}, there


# --- the review
@judged
def review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    today: date,
) -> OrganizationReview:
    """Metrics U1 and U2 with the lists behind them. ``grids`` cuts the needs alone: an organisation is the whole
    community's. Raises Refused, Unavailable."""
    still = {"$or": [{"until": None}, {"until": Is(gte=midnight(today))}]}
    rows, gifts, open_by, met_in, parts = store.together(
        actor,
        community_id,
        [
            Wanted(Organization),
            Wanted(Resource, scope(actor, Resource, community_id) | still, first=("organization_id", LISTED)),
            _open_by(actor, community_id, grids, today),
            _met_in(actor, community_id, grids, period),
            _parts_wanted(actor, community_id, None),
        ],
    )
    everybody = sorted(map(Organization.from_document, rows), key=lambda one: one.name)
    active = [one for one in everybody if one.is_stationed(today, today)]
    took = _parts(parts)
    part = _last_days(store, actor, community_id, took_part=True)
    heard = _last_days(store, actor, community_id, took_part=False)
    offered = list(map(Resource.from_document, gifts))
    offers = Counter(one.organization_id for one in offered)
    there = {one.id for one in everybody if one.active}
    open_now = Counter({(row["_id"]["k"], row["_id"]["s"], row["_id"].get("o")): row["n"] for row in open_by})
    late = sum(row["late"] for row in open_by)
    unmatched = sum(n for (_kind, state, _id), n in open_now.items() if state == NeedState.OPEN)
    own = Counter({id: n for (_kind, _state, id), n in open_now.items() if _state == NeedState.OPEN and id})
    months = set(took) if period.kind == "ever" else set(period.months)
    times = Counter[str]()
    for month in months & took.keys():
        times.update(took[month])
    standings = tuple(
        Standing(
            one,
            times[one.id],
            part.get(one.id),
            max((day for day in (part.get(one.id), heard.get(one.id)) if day), default=None),
            offers[one.id],
            own[one.id],
        )
        for one in active
    )
    silent = tuple(
        sorted(
            (each for each in standings if each.is_silent(today)),
            key=lambda each: (each.last_part or date.min, each.organization.name),
        )
    )
    return OrganizationReview(
        participation=_participation(everybody, took, period, today),
        silence=Value(SILENT, len(silent) if standings else None, len(standings)),
        matching=_matching(store, actor, community_id, grids, period, today),
        unmatched=Value(UNMATCHED, unmatched, unmatched, detail=late),
        standings=standings,
        silent=silent,
        ending=tuple(
            sorted(
                (one for one in active if one.agreement_ends_soon(today)), key=lambda one: one.agreement_until or today
            )
        ),
        without=tuple(one for one in active if one.agreement_until is None and one.agreement_from is None),
        balance=_balance(
            open_now,
            {row["_id"]: row["n"] for row in met_in},
            [one for one in offered if one.organization_id in there and one.offered(today)],
        ),
    )


def _end(period: Period, today: date) -> date:
    return min(period.last, today)


def _parts_wanted(actor: Actor, community_id: str, months: list[str] | None) -> Counters:
    require(actor, Operation.READ, Engagement.collection)
    reach(actor, community_id)  # an organisation is no grid's
    within = {} if months is None else {"period": Is(gte=min(months), lte=max(months))}
    return Counters([{"subject": "engagements", "level": "month", **within}], {"period": 1, "by_category": 1})


def _parts(counters: Sequence[Document]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for row in counters:
        of = Counter({path_word(id): counts.get("took_part", 0) for id, counts in row.get("by_category", {}).items()})
        found[row["period"]] = Counter({id: n for id, n in of.items() if n > 0})
    return found


def taking_part(
    store: Store, actor: Actor, community_id: str, period: Period, *, today: date
) -> list[tuple[Organization, bool]]:
    """The organisations that metric U1 is a share of, and whether each took part in the period. Raises Refused,
    Unavailable."""
    months = None if period.kind == "ever" else period.months
    rows, counters = store.together(
        actor, community_id, [Wanted(Organization), _parts_wanted(actor, community_id, months)]
    )
    took, (first, last) = _parts(counters), _days(period, today)
    came = {id for month in took.keys() & set(took if months is None else months) for id in took[month]}
    everybody = map(Organization.from_document, rows)
    return [(one, one.id in came) for one in everybody if one.is_stationed(first, last)]


def _days(period: Period, today: date) -> tuple[date, date]:
    """The first day of a period and the last one up to today."""
    first, last = (date.min, today) if period.kind == "ever" else (period.first, min(period.last, today))
    return first, max(first, last)


def _participation(
    everybody: list[Organization], took: Mapping[str, Counter[str]], period: Period, today: date
) -> Value:
    """U1: by the organisations that were here in the period, or in each month of the series."""

    def share(months: set[str], first: date, last: date) -> tuple[float | None, int]:
        here = {one.id for one in everybody if one.is_stationed(first, last)}
        came = {id for month in months & took.keys() for id in took[month]}
        return ratio(len(here & came), len(here)), len(here)

    months = set(took) if period.kind == "ever" else set(period.months)
    value, n = share(months, *_days(period, today))
    series = []
    for month in last_months(_end(period, today), SERIES):
        whole = Period.of(month)
        series.append((month, share({month}, whole.first, whole.last)[0]))
    return Value(PARTICIPATION, value, n, tuple(series))


def _matching(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None,
    period: Period,
    today: date,
) -> Value:
    """U2, off the counters: the stock of unmatched needs and the flows of the period."""
    names = ("listed", "matched", "withdrawn")
    found = by_month(store, actor, community_id, Need.collection, names, grids=grids)
    now = f"{_end(period, today):%Y-%m}"

    flows = [(month, n["listed"], n["matched"], n["withdrawn"]) for month, n in found.items()]

    def rate(first: str, last: str) -> tuple[float | None, int]:
        stood = taken = 0
        for month, listed, matched, withdrawn in flows:
            if month < first:
                stood += listed - matched - withdrawn
            elif month <= last:
                stood += listed - withdrawn
                taken += matched
        return ratio(taken, stood), stood

    value, n = rate("" if period.kind == "ever" else period.months[0], now)
    series = tuple((month, rate(month, month)[0]) for month in last_months(_end(period, today), SERIES))
    return Value(MATCHING, value, n, series)


def _last_days(store: Store, actor: Actor, community_id: str, *, took_part: bool) -> dict[str, date]:
    """By organisation the last day it took part, or was only contacted: one look into the index for each."""
    keys = ("community_id", "took_part", "organization_id", "on")
    rows = store.aggregate(
        actor,
        Engagement,
        community_id,
        [
            {"$sort": dict.fromkeys(keys, -1)},
            {"$group": {"_id": "$organization_id", "on": {"$first": "$on"}}},
        ],
        filter={"took_part": took_part},
        index=keys,
    )
    return {row["_id"]: row["on"].date() for row in rows}


def _open_by(actor: Actor, community_id: str, grids: frozenset[str] | None, today: date) -> Wanted:
    """Needs that are not over, by kind, state and the organisation that has them; and how many of those nobody has
    taken on are past their day."""
    past = [{"$gt": ["$due_on", None]}, {"$lt": ["$due_on", midnight(today)]}]
    late = [{"$eq": ["$state", NeedState.OPEN.value]}, *past]
    group = {
        "_id": {"k": "$kind", "s": "$state", "o": "$organization_id"},
        "n": {"$sum": 1},
        "late": {"$sum": {"$cond": [{"$and": late}, 1, 0]}},
    }
    not_over = {"state": Is(among=[NeedState.OPEN.value, NeedState.MATCHED.value])}
    return Wanted(Need, scope(actor, Need, community_id, grids) | not_over, steps=({"$group": group},))


def _met_in(actor: Actor, community_id: str, grids: frozenset[str] | None, period: Period) -> Wanted:
    """By kind the needs that were met in a period."""
    met = {"met_on": Is(gte=midnight(period.first), lte=midnight(period.last))}
    group = {"$group": {"_id": "$kind", "n": {"$sum": 1}}}
    return Wanted(Need, scope(actor, Need, community_id, grids) | met, steps=(group,))


def _balance(
    open_now: Mapping[tuple[str, str, str | None], int], met: Mapping[str, int], offered: Iterable[Resource]
) -> tuple[KindBalance, ...]:
    there = Counter(one.kind for one in offered)
    found = []
    for kind in GiftKind:
        of = {state: sum(n for (k, s, _o), n in open_now.items() if (k, s) == (kind, state)) for state in NeedState}
        found.append(KindBalance(kind, of[NeedState.OPEN], of[NeedState.MATCHED], met.get(kind.value, 0), there[kind]))
    return tuple(found)


# --- for the overview
@dataclass(frozen=True)
class OrganizationGlance:
    """The same values as the page's, as far as they are cheap: U1 and what nobody has taken on."""

    participation: Value
    unmatched: Value


@judged
def glance(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    today: date,
    within: Sequence[Sequence[Document]] | None = None,
) -> OrganizationGlance:
    """In one command, or none: ``within``, if what is ``glance_wanted`` was read already. Raises Refused,
    Unavailable."""
    rows, open_needs, counters = within or store.together(
        actor, community_id, glance_wanted(actor, community_id, period, grids, today=today)
    )
    everybody = [Organization.from_document(row) for row in rows]
    late = sum(1 for one in open_needs if one.get("due_on") and one["due_on"] < midnight(today))
    return OrganizationGlance(
        _participation(everybody, _parts(counters), period, today),
        Value(UNMATCHED, len(open_needs), len(open_needs), detail=late),
    )


def glance_wanted(
    actor: Actor, community_id: str, period: Period, grids: frozenset[str] | None = None, *, today: date
) -> list[Wanted | Counters]:
    """What ``glance`` reads: two small lists and the counters of the months. Raises Refused."""
    unmatched = scope(actor, Need, community_id, grids) | {"state": NeedState.OPEN.value}
    months = None if period.kind == "ever" else sorted({*period.months, *last_months(_end(period, today), SERIES)})
    return [Wanted(Organization), Wanted(Need, unmatched, ("due_on",)), _parts_wanted(actor, community_id, months)]
