"""How the companies that work is given to do it: each scored on its own orders, from the counters by company and the
keys of what they owe. Nobody is ranked on fewer orders than the metric's minimum."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from repository.access import Actor, Operation, reach, require
from repository.filters import Is
from repository.maintenance.analysis import _rework, _satisfaction
from repository.maintenance.behind import Behind, _company_behind
from repository.maintenance.metrics import ON_TIME, RESPOND, _on_time, _Part
from repository.maintenance.queries import MANY, WorkList, _rows, _with_undated_last
from repository.maintenance.records import BY_COMPANY, WorkOrder
from repository.metrics import Metric, Period, Target, Value, declare, last_months, ratio
from repository.organizations import Organization, companies
from repository.record import Choice
from repository.rollups import estimated_median, month_bounds, month_of
from repository.store import Store
from repository.targets import judged
from repository.words import msg

Document = dict[str, Any]
SERIES_MONTHS = 12

CERTIFIED = declare(
    Metric(
        key="company_certified",
        title=msg("Certified staff"),
        short=msg("Certified"),
        unit="percent",
        of=("organizations",),
        formula=msg("Certified staff ÷ staff here, of the companies whose numbers are known"),
        source=msg("Derived from the source document, section 3.1: property management is not professional enough"),
        target=Target(low=0.6, near=0.25),
        minimum_n=1,
        page="facilities",
    )
)


@dataclass(frozen=True)
class CompanyScore:
    """One company in the period. Values whose n is below the metric's minimum are not ``enough`` and rank nowhere."""

    company: Organization
    ended: int
    open: int
    overdue: int
    on_time: Value
    respond: Value
    """Median hours, read off the histogram; ``detail`` is the mean."""
    rework: Value
    satisfaction: Value
    certified: Value
    cost_cents: int


@dataclass(frozen=True)
class CompanyReview:
    """All companies, and each of them: who ended most first."""

    on_time: Value
    rework: Value
    satisfaction: Value
    certified: Value
    ending: tuple[Organization, ...]
    """Those whose contract ends soon, or has ended; soonest first."""
    scores: tuple[CompanyScore, ...]

    @property
    def ranked(self) -> tuple[CompanyScore, ...]:
        """Best on time first: only those with enough orders to say so."""
        enough = [score for score in self.scores if score.on_time.enough]
        return tuple(sorted(enough, key=lambda score: (-(score.on_time.value or 0), score.company.name)))


class CompanyShow(Choice):
    """Which of a company's orders a list shows: those that one of its figures counts, or all."""

    OPEN = "open", msg("Open now")
    OVERDUE = "overdue", msg("Overdue at the period's end, or now")
    ENDED = "ended", msg("Ended in the period")
    TIMED = "timed", msg("With a due time: completed or ended late in the period, or overdue at its end")
    RESPONDED = "responded", msg("Answered in the period")
    REWORK = "rework", msg("Reopened as not fixed, or reported again, in the period")
    GRADED = "graded", msg("Ended in the period and graded")
    ALL = "all", msg("All")


_COUNTED = {
    CompanyShow.OVERDUE: Behind.OWED_LATE,
    CompanyShow.ENDED: Behind.ENDED,
    CompanyShow.TIMED: Behind.TIMED,
    CompanyShow.RESPONDED: Behind.RESPONDED,
    CompanyShow.REWORK: Behind.REWORK,
    CompanyShow.GRADED: Behind.GRADED,
}


@judged
def company_scores(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> CompanyReview:
    """How does each company do its orders? Flows are of the period; overdue is at its end, or now while it lasts.

    Raises Refused, Unavailable.
    """
    require(actor, Operation.READ, WorkOrder.collection)
    seen = reach(actor, community_id, grids)
    zone = store.zone(community_id)
    local = now.astimezone(zone)
    present, today = month_of(local, zone), local.date()
    series = last_months(min(period.last, today), SERIES_MONTHS)
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    parts: dict[str, _Part] = defaultdict(_Part)
    where: Document = {"period": Is(gte=min(first, series[0]))}
    where |= {} if seen is None else {"grid": Is(among=sorted(seen))}
    for cell in store.counters(community_id, "company_orders", "cell", where):
        for one in (parts[cell["category"]], parts[""]):
            one.months[cell["period"]].append(cell)
    late = {"$lt": ["$due_at", local.astimezone(UTC)]}
    soon = {"$lt": ["$due_at", month_bounds(present, zone)[1]]}
    for group in store.aggregate(
        actor,
        WorkOrder,
        community_id,
        [
            {"$set": {"due_at": {"$ifNull": ["$due_at", datetime.max.replace(tzinfo=UTC)]}}},
            {"$group": {"_id": {"c": "$company_id", "late": late, "soon": soon}, "n": {"$sum": 1}}},
        ],
        filter={"is_open": True, "company_id": Is(exists=True)},
        grids=seen,
        index=BY_COMPANY,
    ):
        key, n = group["_id"], group["n"]
        for one in (parts[key["c"]], parts[""]):
            one.stock.append({"open": n})
            one.overdue += n if key["late"] else 0
            one.ahead += n if key["soon"] and not key["late"] else 0

    in_period = sorted(month for month in parts[""].months if first <= month <= last)
    here = companies(store, actor, community_id)
    scores = [_score(one, parts[one.id], in_period, last, present, series) for one in here]
    scores = [score for score in scores if score.company.active or score.ended or score.open]
    whole = parts[""]
    known = [one for one in here if one.active and one.staff]
    return CompanyReview(
        on_time=_timed(whole, in_period, last, present, series)[0],
        rework=_rework(whole, in_period, series),
        satisfaction=_satisfaction(whole, in_period, series),
        certified=_certified(known),
        ending=tuple(
            sorted(
                (one for one in here if one.ends_soon(today)), key=lambda one: (one.contract_until or today, one.name)
            )
        ),
        scores=tuple(sorted(scores, key=lambda score: (-score.ended, -score.open, score.company.name))),
    )


def _score(
    company: Organization, of: _Part, months: list[str], last: str, present: str, series: list[str]
) -> CompanyScore:
    median = estimated_median(of.bins("respond", months))
    on_time, overdue = _timed(of, months, last, present, series)
    n = of.flow("respond_n", months)
    mean = ratio(of.flow("respond_seconds", months), n)
    return CompanyScore(
        company=company,
        ended=of.flow("ended", months),
        open=of.open,
        overdue=overdue,
        on_time=on_time,
        respond=Value(
            RESPOND,
            None if median is None else median / 3600,
            n,
            detail=None if mean is None else mean / 3600,
            estimated=True,
        ),
        rework=_rework(of, months, series),
        satisfaction=_satisfaction(of, months, series),
        certified=_certified([company]),
        cost_cents=of.flow("cost_cents", months),
    )


def _timed(of: _Part, months: list[str], last: str, present: str, series: list[str]) -> tuple[Value, int]:
    """M2 of these orders, and how many of them were overdue at the period's end."""
    ends = of.at_end_of([*series, last], present)
    by_month = [(month, _on_time(of, [month], ends[month][1])[0]) for month in series]
    return Value(ON_TIME, *_on_time(of, months, ends[last][1]), by_month), ends[last][1]


def _certified(of: list[Organization]) -> Value:
    known = [(one.certified_staff, one.staff) for one in of if one.staff and one.certified_staff is not None]
    staff = sum(n or 0 for _certified, n in known)
    return Value(CERTIFIED, ratio(sum(n or 0 for n, _staff in known), staff), staff)


def company_orders(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    company_id: str | None,
    now: datetime,
    show: CompanyShow | str = CompanyShow.OPEN,
    page: int = 1,
    rows: int = 20,
) -> WorkList:
    """The orders that a company's figure of the period counts (see ``work_behind``); what it owes now by due time, all
    it ever had newest first. None: those of any company. Raises Refused, Unavailable."""
    which = CompanyShow(show)
    if which in _COUNTED:
        return _company_behind(
            store, actor, community_id, period, grids, company_id, figure=_COUNTED[which], now=now, page=page, rows=rows
        )
    where: Document = {"company_id": Is(exists=True) if company_id is None else company_id}
    late = {**where, "is_open": True, "due_at": Is(lt=now.astimezone(UTC))}
    skip = max(page - 1, 0) * rows
    if which is CompanyShow.OPEN:
        where["is_open"] = True
        found = _with_undated_last(store, actor, community_id, where, grids, skip, rows)
    else:
        sort = [("reported_at", -1)]
        found = store.find(actor, WorkOrder, community_id, where, grids=grids, sort=sort, skip=skip, limit=rows)

    def many(filter: Document) -> int:
        counted = store.aggregate(
            actor, WorkOrder, community_id, [{"$limit": MANY}, {"$count": "n"}], filter=filter, grids=grids
        )
        return next((int(one["n"]) for one in counted), 0)

    return WorkList(_rows(store, actor, community_id, found, now), many(where), many(late))
