"""What can hurt somebody, as the hazard register shows it: the hazards people found, and beside them the dangerous work
orders, which are hazards by themselves and are not entered twice. What is dangerous by its age or condition alone is
read off the inventory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from repository import flows
from repository.access import Actor, scope
from repository.filters import Is
from repository.hazards import Hazard, Level, State
from repository.maintenance.records import STANDING, Priority, Status, WorkOrder
from repository.metrics import Metric, Period, Target, Value, declare, last_months, ratio
from repository.store import Store, Wanted
from repository.targets import judged
from repository.words import msg

Document = dict[str, Any]

LISTED = 500
NAMED = 2  # dangers that a leader is told one by one
LONGEST = 30  # overdue orders among which the pressing ones go first, and major hazards among which those longest so
_OF_LATE = ("facility_id", "place", "number", "fault", "dangerous", "priority", "assignee_id", "due_at")
SERIES_MONTHS = 12
STANDS: Document = {"state": Is(among=[State.FOUND.value, State.RECTIFIED.value])}
DANGEROUS: Document = {"dangerous": True, "status": Is(among=sorted(STANDING)), "hazard_id": Is(exists=False)}
"""Orders that are hazards by themselves."""

RECTIFIED = declare(
    Metric(
        key="S1",
        title=msg("Hazards rectified and re-checked"),
        short=msg("Rectification"),
        unit="percent",
        of=("hazards", "work_orders"),
        formula=msg(
            "Hazards rectified and re-checked by somebody else ÷ hazards found in the period; dangerous work orders "
            "are among them, major by nature, re-checked when verified"
        ),
        source=msg("Hazard rectification rate, as safety work in China reports it; major hazards shown apart"),
        target=Target(low=0.95),
        minimum_n=1,
        page="facilities",
    )
)
MAJOR = declare(
    Metric(
        key="S1_major",
        title=msg("Major hazards rectified and re-checked"),
        short=msg("Of these major"),
        unit="percent",
        of=("hazards", "work_orders"),
        formula=msg(
            "The same for major hazards alone, by the level they have now; those that were lowered from major in the "
            "period are told beside it"
        ),
        source=msg("Hazard rectification rate, as safety work in China reports it; major hazards shown apart"),
        target=Target(low=1.0),
        minimum_n=1,
        page="facilities",
    )
)
OVERDUE = declare(
    Metric(
        key="S1_overdue",
        title=msg("Hazards past their deadline"),
        short=msg("Past deadline"),
        unit="items",
        of=("hazards", "work_orders"),
        formula=msg(
            "Hazards not re-checked by now whose first deadline is past, dangerous work orders among them: what was "
            "put off is counted all the same, and told beside it"
        ),
        source=msg("Derived from the source document, section 3.1"),
        target=Target(high=0),
        minimum_n=0,
        page="facilities",
    )
)


@dataclass(frozen=True)
class Danger:
    """A hazard in the register, or a dangerous work order as one."""

    id: str
    what: str
    level: Level
    state: State
    facility_id: str | None
    place: str | None
    grid_id: str | None
    found_at: datetime
    deadline_on: date | None
    promised_on: date | None
    """The deadline that was promised first, where it was put off: it is overdue by that one."""
    responsible_id: str | None
    order_id: str | None
    number: str | None
    """Of the dangerous order this is; None for a hazard."""
    by_inspection: bool
    overdue_days: int


@dataclass(frozen=True)
class HazardReview:
    """How many hazards are got rid of, and which stand?"""

    rectified: Value
    major: Value
    lowered: int
    """How many were said in the period to be major no longer."""
    overdue: Value
    """``detail`` is how many of them are major."""
    put_off: int
    """Of those that are overdue: how many were put off to a later day."""
    standing: tuple[Danger, ...]
    """Major first, then the longest past its deadline; LISTED at most of each kind."""


@judged
def hazard_review(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
) -> HazardReview:
    """How many of the hazards found in the period were rectified and re-checked, and what stands now? Raises Refused,
    Unavailable."""
    today = now.date()
    months = last_months(min(today, period.last), SERIES_MONTHS)
    span = [min(months[0], f"{period.first:%Y-%m}"), f"{period.last:%Y-%m}"]

    def flow(subject: str, names: Sequence[str], category: str | None = None) -> dict[str, Any]:
        return flows.by_month(store, actor, community_id, subject, names, months=span, grids=grids, category=category)

    found = flow("hazards", ("found", "rechecked", "lowered"))
    grave = flow("hazards", ("found", "rechecked"), Level.MAJOR.value)
    orders = flow("work_orders", ("hazard", "hazard_checked"))

    def rate(of: dict[str, Any], chosen: Sequence[str]) -> tuple[int, int]:
        counted = [of[month] for month in chosen if month in of]
        danger = [orders[month] for month in chosen if month in orders]
        checked = sum(month["rechecked"] for month in counted) + sum(month["hazard_checked"] for month in danger)
        return checked, sum(month["found"] for month in counted) + sum(month["hazard"] for month in danger)

    own = sorted((found.keys() | orders.keys()) & set(period.months))
    standing = standing_dangers(store, actor, community_id, grids, now=now)
    late = [danger for danger in standing if danger.overdue_days > 0]
    (checked, n), (major_checked, major_n) = rate(found, own), rate(grave, own)
    return HazardReview(
        rectified=Value(RECTIFIED, ratio(checked, n), n, [(m, ratio(*rate(found, [m]))) for m in months]),
        major=Value(MAJOR, ratio(major_checked, major_n), major_n, [(m, ratio(*rate(grave, [m]))) for m in months]),
        lowered=sum(found[month]["lowered"] for month in own if month in found),
        overdue=Value(OVERDUE, len(late), len(standing), detail=sum(each.level is Level.MAJOR for each in late)),
        put_off=sum(each.promised_on is not None for each in late),
        standing=standing,
    )


def standing_dangers(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None = None, *, now: datetime
) -> tuple[Danger, ...]:
    """Hazards not re-checked yet, and dangerous orders not verified yet that are no hazard's: major first, then the
    longest past its first deadline. Raises Refused, Unavailable."""
    found = store.find(actor, Hazard, community_id, STANDS, grids=grids, sort=[("deadline_on", 1)], limit=LISTED)
    orders = store.find(actor, WorkOrder, community_id, DANGEROUS, grids=grids, sort=[("due_at", 1)], limit=LISTED)
    mine = [*(_of_hazard(each, now) for each in found), *(_of_order(order, now) for order in orders)]
    return tuple(
        sorted(mine, key=lambda each: (each.level is not Level.MAJOR, -each.overdue_days, each.found_at, each.id))
    )


@dataclass(frozen=True)
class Late:
    """Which overdue order is it, where, since how many days, and whose? ``pressing``: dangerous or urgent."""

    id: str
    facility_id: str | None
    place: str
    """What was written of it, else the order's number."""
    fault: str
    pressing: bool
    assignee_id: str | None
    days: int


@dataclass(frozen=True)
class Urgent:
    """What a leader must hear of today, the longest due first, NAMED of each kind of danger at most."""

    stopped: tuple[Danger, ...]
    """Facilities that an inspection shut."""
    late: tuple[Danger, ...]
    """Major hazards past their first deadline."""
    overdue: tuple[Late, ...]
    """Of the LONGEST overdue orders the dangerous first, then the urgent."""


def urgent(
    store: Store,
    actor: Actor,
    community_id: str,
    grids: frozenset[str] | None = None,
    *,
    now: datetime,
    within: Sequence[Sequence[Document]] | None = None,
) -> Urgent:
    """What cannot wait? ``within``: if what is ``urgent_wanted`` was read already. Raises Refused, Unavailable."""
    wanted = within or store.together(actor, community_id, urgent_wanted(actor, community_id, grids, now=now))
    shut, hazards, orders = wanted

    def pressing(order: Document) -> tuple[bool, bool]:
        return bool(order.get("dangerous")), order["priority"] == Priority.URGENT

    late = sorted(orders, key=lambda order: (*(not each for each in pressing(order)), order["due_at"], order["_id"]))
    grave = [_of_hazard(Hazard.from_document(each), now) for each in hazards]
    return Urgent(
        tuple(_of_order(WorkOrder.from_document(order), now) for order in shut),
        tuple(sorted(grave, key=lambda each: (-each.overdue_days, each.id))[:NAMED]),
        tuple(
            Late(
                id=order["_id"],
                facility_id=order.get("facility_id"),
                place=order.get("place") or order["number"],
                fault=order["fault"],
                pressing=any(pressing(order)),
                assignee_id=order.get("assignee_id"),
                days=(now - order["due_at"]).days,
            )
            for order in late
        ),
    )


def urgent_wanted(
    actor: Actor, community_id: str, grids: frozenset[str] | None = None, *, now: datetime
) -> list[Wanted]:
    """What ``urgent`` reads."""
    orders, hazards = scope(actor, WorkOrder, community_id, grids), scope(actor, Hazard, community_id, grids)
    shut = {**orders, **DANGEROUS, "inspection_id": Is(exists=True), "facility_id": Is(exists=True)}
    today = datetime.combine(now.date(), time(), UTC)
    past = {"$or": [{"deadline_on": Is(lt=today)}, {"promised_on": Is(lt=today)}]}
    late = {**hazards, **STANDS, **past, "level": Level.MAJOR.value}
    overdue = {**orders, "is_open": True, "due_at": Is(lt=now)}
    return [
        Wanted(WorkOrder, shut, first=("due_at", NAMED)),
        Wanted(Hazard, late, first=("deadline_on", LONGEST)),
        Wanted(WorkOrder, overdue, _OF_LATE, first=("due_at", LONGEST)),
    ]


def _of_hazard(hazard: Hazard, now: datetime) -> Danger:
    return Danger(
        id=hazard.id,
        what=hazard.what,
        level=hazard.level,
        state=hazard.state,
        facility_id=hazard.facility_id,
        place=hazard.place,
        grid_id=hazard.grid_id,
        found_at=hazard.found_at,
        deadline_on=hazard.deadline_on,
        promised_on=hazard.owed_on if hazard.owed_on < hazard.deadline_on else None,
        responsible_id=hazard.responsible_id,
        order_id=hazard.order_id,
        number=None,
        by_inspection=False,
        overdue_days=max(0, (now.date() - hazard.owed_on).days),
    )


def _of_order(order: WorkOrder, now: datetime) -> Danger:
    due, first = (at.astimezone(now.tzinfo).date() if at else None for at in (order.due_at, _promised(order)))
    return Danger(
        id=order.id,
        what=order.description.split("\n", 1)[0][:80] if order.description else order.fault,
        level=Level.MAJOR,
        state=State.RECTIFIED if order.status is Status.DONE else State.FOUND,
        facility_id=order.facility_id,
        place=order.place,
        grid_id=order.grid_id,
        found_at=order.reported_at,
        deadline_on=due,
        promised_on=first if first and due and first < due else None,
        responsible_id=order.assignee_id,
        order_id=order.id,
        number=order.number,
        by_inspection=order.inspection_id is not None,
        overdue_days=max(0, (now.date() - first).days) if first else 0,
    )


def _promised(order: WorkOrder) -> datetime | None:
    """By when it was first promised, or an earlier moment since."""
    before = [each.due_before for each in order.postponements[:1]]
    return None if order.due_at is None else min([order.due_at, *before])


def hazard(store: Store, actor: Actor, community_id: str, id: str) -> tuple[Hazard, WorkOrder | None]:
    """One hazard and its work order. Raises NotFound, Refused, Unavailable."""
    found = store.get(actor, Hazard, community_id, id)
    orders = store.find(actor, WorkOrder, community_id, {"_id": found.order_id}, limit=1) if found.order_id else []
    return found, orders[0] if orders else None


def hazards_over(
    store: Store, actor: Actor, community_id: str, grids: frozenset[str] | None = None, *, limit: int = 200
) -> tuple[list[Hazard], int]:
    """The newest hazards that are over, and how many are in all. Raises Refused, Unavailable."""
    where = {"state": State.RECHECKED.value}
    found = store.find(actor, Hazard, community_id, where, grids=grids, sort=[("found_at", -1)], limit=limit)
    if len(found) < limit:
        return found, len(found)
    return found, store.count(actor, Hazard, community_id, where, grids=grids)
