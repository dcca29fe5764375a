"""What a facility is on one day, and in which year it is to be replaced: by its service life, unless somebody decided
otherwise. Pure, over documents as they are stored: thousands are looked through at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from repository.facilities.records import DAYS_A_YEAR, Category, Condition, ServiceStatus, last_day
from repository.record import Choice
from repository.words import msg

YEARS = 5  # of the replacement plan

Document = Mapping[str, Any]

RETIRED, OUT_OF_ORDER = str(ServiceStatus.RETIRED), str(ServiceStatus.OUT_OF_ORDER)
_VERY_POOR = str(Condition.VERY_POOR)


class Reason(Choice):
    """Why a facility is a hazard; worst first."""

    VERY_POOR = "very_poor", msg("Very poor condition")
    PAST_LIFE = "past_life", msg("Past its service life")
    OUT_OF_ORDER = "out_of_order", msg("Out of order")


class Move(Choice):
    """How the year of a replacement came about."""

    AS_DUE = "as_due", msg("By its service life")
    FORWARD = "forward", msg("Brought forward")
    DEFERRED = "deferred", msg("Deferred")
    SET = "set", msg("Set by hand")


@dataclass(frozen=True)
class Need:
    """What has to be replaced in one year in one grid. ``overdue``: past its life or unserviceable on the day asked
    for, or planned for a year that is over; without a decision it falls to the first year. ``uncosted`` of the
    ``count`` have no cost, and add none; ``deferred`` of them were put off to this year."""

    year: int
    grid_id: str | None
    category: Category
    kind: str | None
    overdue: bool
    count: int
    cost_cents: int
    uncosted: int
    deferred: int


class Seen(NamedTuple):
    """One facility as it is on the day asked for."""

    row: Document
    age: float | None
    end: date | None
    reasons: tuple[Reason, ...]


class Planned(NamedTuple):
    """When one facility is to be replaced. ``due`` is the year by its service life (this one for a hazard), None where
    that is not known; ``year`` what was decided, else the same: never one that is over."""

    due: int | None
    year: int | None
    move: Move
    missed: bool
    """It was planned for a year that is over."""
    cost_cents: int | None
    decision: Document | None


_REASONS = {
    holds: tuple(reason for reason, held in zip(Reason, holds, strict=True) if held)
    for holds in product((False, True), repeat=len(Reason))
}


def life_of(row: Document, lives: Mapping[str, float]) -> float:
    """Years of service: its own, else its kind's, else its category's."""
    return float(row.get("service_life_years") or lives.get(row.get("kind", ""), lives[row["category"]]))


def seen_on(row: Document, on: date, life: float) -> Seen:
    """How a facility stands ``on`` a day."""
    start, precision = service_on(row, on)
    end = last_day(start, precision, life) if start else None
    age = (on - start).days / DAYS_A_YEAR if start and start <= on else None
    poor, past, idle = row.get("condition") == _VERY_POOR, end is not None and end < on, row["status"] == OUT_OF_ORDER
    return Seen(row, age, end, _REASONS[poor, past, idle])


def service_on(row: Document, on: date) -> tuple[date | None, str]:
    """When the service that lasts ``on`` a day began, and how precisely that is known."""
    if (renewed := row.get("renewed_on")) and renewed.date() <= on:
        return renewed.date(), row["renewed_precision"]
    installed = row.get("installed_on")
    return (installed.date() if installed else None), row["installed_precision"]


def planned(seen: Seen, on: date, zone: ZoneInfo) -> Planned:
    """When it is to be replaced, as seen ``on`` a day. A decision holds until it is renewed or the next decision."""
    row = seen.row
    due = on.year if seen.reasons else seen.end.year if seen.end else None
    cost = row.get("replacement_cost_cents")
    decision = row["replacement_plan"][-1] if row.get("replacement_plan") else None
    if decision is None or decision.get("year") is None or _renewed_since(row, decision, zone):
        return Planned(due, due, Move.AS_DUE, False, cost, None)
    year, before = decision["year"], decision.get("instead_of")
    move = Move.SET if before in (None, year) else Move.FORWARD if year < before else Move.DEFERRED
    cost = decision.get("cost_cents", cost)
    return Planned(due, max(year, on.year), move, year < on.year, cost, decision)


def _renewed_since(row: Document, decision: Document, zone: ZoneInfo) -> bool:
    """Whether a renewal ended the decision: one nobody knew of then, on that day or later as far as it is known."""
    renewed = row.get("renewed_on")
    if renewed is None or renewed == decision.get("renewed_on"):
        return False
    return bool(last_day(renewed.date(), row["renewed_precision"], 0) >= decision["at"].astimezone(zone).date())


def needs(seen: Iterable[Seen], on: date, zone: ZoneInfo) -> tuple[Need, ...]:
    """The plan of this year and the ``YEARS`` - 1 that follow."""
    found: dict[tuple[int, str, str, str, bool], list[Planned]] = defaultdict(list)
    for each in seen:
        plan = planned(each, on, zone)
        if plan.year is not None and on.year <= plan.year < on.year + YEARS:
            place = (plan.year, each.row.get("grid_id") or "", each.row["category"], each.row.get("kind") or "")
            found[(*place, bool(each.reasons) or plan.missed)].append(plan)
    return tuple(
        Need(
            year=year,
            grid_id=grid or None,
            category=Category(category),
            kind=kind or None,
            overdue=overdue,
            count=len(plans),
            cost_cents=sum(plan.cost_cents or 0 for plan in plans),
            uncosted=sum(plan.cost_cents is None for plan in plans),
            deferred=sum(plan.move is Move.DEFERRED for plan in plans),
        )
        for (year, grid, category, kind, overdue), plans in sorted(found.items())
    )
