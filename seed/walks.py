"""Who walked the grids, which households they visited, what they met.

The story: grids 1 and 5 reach nearly every household in a quarter and grid 2 most; grid 4 does too little; grid 3, the
largest, walks half of what it should, visits hardly more than half of its households, and has not been out for nearly
three weeks. Nobody walks the safety points of grid 4 since its assistant left, and one assistant walks three grids.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random

from repository.due import Postponement
from repository.grids import Tier
from repository.hazards import Hazard
from repository.maintenance import Source, Status, WorkOrder
from repository.patrols import Became, Patrol, PatrolFinding, PatrolKind, PatrolPlan, Within
from seed.community import GRID_PLANS, GROUP_LEADERS_PER_GRID, GridPlan
from seed.estate import ASSISTANT_LEFT, COMMUNITY_ID, grid_id, person_id
from seed.history import local

DAYS = 420
"""Of patrols: the quarter before a year ago, and the year."""
VISITING, SAFETY, EQUIPMENT = 4, 7, 14
"""Days from one patrol to the next: households, safety points, facilities."""
REACHED = {"1": 0.97, "2": 0.92, "3": 0.54, "4": 0.87, "5": 0.96}
"""Share of a grid's households that its director reaches in a quarter."""
SILENT = 19
"""Days since anybody visited a household of grid 3."""
DAYS_OF_A_QUARTER = 91


def _plan(grid: GridPlan, kind: PatrolKind, tier: Tier, every: int, as_of: date, households: int | None) -> PatrolPlan:
    words = {PatrolKind.HOUSEHOLDS: "入户走访", PatrolKind.SAFETY: "安全点位巡查", PatrolKind.FACILITIES: "设施巡查"}
    return PatrolPlan(
        id=f"d-patrols-{grid.code}-{kind}", community_id=COMMUNITY_ID, name=f"{grid.name}{words[kind]}",
        grid_id=grid_id(grid.code), kind=kind, tier=tier, every_days=every, since=as_of - timedelta(days=DAYS),
        households=households, within=Within.QUARTER,
    )  # fmt: skip


def plans(as_of: date) -> list[PatrolPlan]:
    """Three for each grid; the safety points of grid 3 oftener, since so much there is old."""
    found = []
    for grid in GRID_PLANS:
        often = 5 if grid.code == "3" else SAFETY
        found += [
            _plan(grid, PatrolKind.HOUSEHOLDS, Tier.GRID_LEAD, VISITING, as_of, grid.households),
            _plan(grid, PatrolKind.SAFETY, Tier.COMMUNITY, often, as_of, None),
            _plan(grid, PatrolKind.FACILITIES, Tier.GROUP_LEADER, EQUIPMENT, as_of, None),
        ]
    return found


def patrols(
    as_of: date, planned: Sequence[PatrolPlan], orders: Sequence[WorkOrder], hazards: Sequence[Hazard]
) -> list[Patrol]:
    """A good year of them, oldest first; what was met became a work order or a hazard, and one finding waits."""
    rng = Random(4206)  # its own: other stories' figures stay as they are
    codes = {grid_id(grid.code): grid for grid in GRID_PLANS}
    found: list[Patrol] = []
    for plan in planned:
        grid = codes[plan.grid_id]
        found += _visits(plan, grid, as_of, rng) if plan.kind is PatrolKind.HOUSEHOLDS else _rounds(
            plan, grid, as_of, rng
        )  # fmt: skip
    found.sort(key=lambda each: (each.walked_on, each.id))
    return _met(found, as_of, orders, hazards)


def _visits(plan: PatrolPlan, grid: GridPlan, as_of: date, rng: Random) -> Iterator[Patrol]:
    """The director goes from door to door, another part of the grid each time, and to some a second time."""
    order, quarter, been = list(range(grid.households)), "", 0
    short = grid.code == "3"
    walks = DAYS_OF_A_QUARTER // plan.every_days / (2 if short else 1)
    each = REACHED[grid.code] * grid.households / walks
    for number in range(DAYS // plan.every_days + 1):
        day = plan.since + timedelta(days=number * plan.every_days)
        if day >= as_of or (short and (number % 2 or (as_of - day).days < SILENT)):
            continue
        if quarter != (quarter := f"{day.year}-{(day.month - 1) // 3}"):
            rng.shuffle(order)
            been = 0
        last = min(round(been + each), round(REACHED[grid.code] * grid.households))
        again = rng.sample(order[:been], min(been, 2))
        homes = [*order[been:last], *again]
        been = last
        keys = sorted({_key(grid.code, day.year, home) for home in homes})
        yield _patrol(
            plan, number, day, f"lead-{grid.code}", minutes=5 * rng.randint(14, 30), households=len(keys),
            doors=tuple(keys),
        )  # fmt: skip


def _rounds(plan: PatrolPlan, grid: GridPlan, as_of: date, rng: Random) -> Iterator[Patrol]:
    """Safety points and facilities, nearly as often as planned."""
    for number in range(DAYS // plan.every_days + 1):
        day = plan.since + timedelta(days=number * plan.every_days)
        ago = (as_of - day).days
        officer = {"4": "former-assistant-4", "5": "assistant-b"}.get(grid.code, "assistant-a")
        if plan.kind is PatrolKind.FACILITIES:
            index = GRID_PLANS.index(grid) * GROUP_LEADERS_PER_GRID
            officer = f"leader-{index + 1 + number % GROUP_LEADERS_PER_GRID}"
        elif grid.code == "4" and ago < ASSISTANT_LEFT:
            continue
        if ago < 1 or rng.random() < 0.06:
            continue
        yield _patrol(plan, number, day, officer, minutes=5 * rng.randint(6, 16))


def _key(code: str, year: int, home: int) -> str:
    """Stands for a household as a door's key does; of invented doors there is nothing to hide."""
    return hashlib.sha256(f"{code}|{year}|{home}".encode()).hexdigest()[:16]


def _patrol(plan: PatrolPlan, number: int, day: date, officer: str, **facts: object) -> Patrol:
    at = local(day, 18)
    stamp = {"created_at": at, "created_by": "演示数据", "updated_at": at, "updated_by": "演示数据"}
    return Patrol(
        id=f"{plan.id}-{number:03d}", community_id=COMMUNITY_ID, **stamp, kind=plan.kind, grid_id=plan.grid_id,
        plan_id=plan.id, officer_id=person_id(officer), walked_on=day, **facts,
    )  # fmt: skip


def _met(found: list[Patrol], as_of: date, orders: Sequence[WorkOrder], hazards: Sequence[Hazard]) -> list[Patrol]:
    """Findings: of each grid's newest orders and hazards that patrols reported, on the last patrol before that day."""
    taken: dict[int, list[PatrolFinding]] = {}

    def note(grid: str | None, day: date, finding: PatrolFinding) -> None:
        places = [place for place, each in enumerate(found) if each.grid_id == grid and each.walked_on <= day]
        if places:
            taken.setdefault(places[-1], []).append(finding)

    reported = [each for each in orders if each.source == Source.PATROL][-12:]
    for order in reported:
        text = order.description or f"{order.place or ''} {order.fault}".strip()
        note(order.grid_id, order.reported_at.date(), PatrolFinding(text=text, became=Became.ORDER, ref=order.id))
    for hazard in hazards:
        note(
            hazard.grid_id, hazard.found_at.date(), PatrolFinding(text=hazard.what, became=Became.HAZARD, ref=hazard.id)
        )
    note(grid_id("2"), as_of, PatrolFinding(text="滨江花园 1 栋楼道堆放纸箱，住户不在家"))
    return [
        each.model_copy(update={"findings": tuple(taken[place])}) if place in taken else each
        for place, each in enumerate(found)
    ]


def postponed(orders: Sequence[WorkOrder]) -> list[WorkOrder]:
    """The same orders; where one was put on hold, its due time was put off by three days then."""
    changed = []
    for order in orders:
        held = next((event.at for event in order.events if event.status is Status.ON_HOLD), None)
        before = order.due_at - timedelta(days=3) if order.due_at else None
        if held is None or before is None or before <= order.reported_at:
            changed.append(order)
            continue
        changed.append(order.model_copy(update={"postponements": (Postponement(at=held, due_before=before),)}))
    return changed
