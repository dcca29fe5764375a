"""Large sets for benchmarks: communities as D is, with as many work orders and attendances as wanted.

Nothing here means anything, but the shape is right: five grids, some sixty facilities, five years, durations with a
long tail, a backlog of some weeks whatever the history, residents who come again and again. Documents are written as
the record classes would write them, without making a record of each; a test holds the two together.
"""

import time as clock
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from repository.activities import Activity, ActivityStatus, Attendance, Format, Level
from repository.entries import EntryLog
from repository.facilities import (
    Category,
    Condition,
    Facility,
    FacilityKind,
    FitnessDetails,
    PersonnelDetails,
    PropertyDetails,
    VehicleDetails,
)
from repository.grids import Community, Grid, Post
from repository.hazards import Hazard
from repository.inspections import Checklist, Inspection, InspectionPlan
from repository.maintenance import REPEAT_DAYS, Fault, Priority, Source, WorkCategory, WorkOrder
from repository.maintenance.commands import SERIES
from repository.organizations import Organization
from repository.patrols import Patrol, PatrolPlan
from repository.people import Person, PersonKind
from repository.preventive import MaintenancePlan
from repository.record import Record
from repository.requests import Request
from repository.requests.commands import SERIES as REQUESTS
from repository.signups import SignUp
from repository.store import Store
from repository.words import Trouble, msg
from seed import circle, desk
from seed.batch import SEEDER, Batch, loading, require_no_communities
from seed.community import GRID_PLANS, HOUSEHOLDS, RESIDENTS, largest_remainder, outline, population
from seed.estate import ZONE
from seed.rounds import checklists, companies, entries, hazards, inspection_plans, inspections, maintenance_plans

Document = dict[str, Any]

YEARS = 5
HEADS = 110  # attendances to one activity, about
FEWEST, MOST = 400, 4_000  # patrols of one community: half a year's and five years', as many as its grids walk


class NotForBenchmarks(Trouble):
    """The database wasn't made for benchmarks. Nothing was changed."""


@dataclass(frozen=True)
class _Amounts:
    """What one community gets."""

    orders: int
    visits: int
    rounds: int
    requests: int


@dataclass(frozen=True)
class Loaded:
    """What one load wrote, and how long it took."""

    communities: int
    work_orders: int
    attendances: int
    documents: int
    seconds: float


def load(
    store: Store,
    *,
    work_orders: int,
    communities: int = 1,
    attendances: int = 0,
    rounds: int = 0,
    requests: int = 0,
    seed: int = 1,
    as_of: date | None = None,
) -> Loaded:
    """Fill an empty database with ``communities`` communities that share the work orders and attendances evenly, and
    ``rounds`` inspections and as many entries through gates, with plans and hazards to them. With ``requests`` come as
    many sign-ups, as far as the attendances' activities have room for them, and to each community patrols, volunteers,
    a team with its files, meetings, stationed organisations and their projects.

    The history ends at the beginning of ``as_of`` (default: today in Shanghai). The database is marked as being for
    benchmarks, in ``meta``. Raises Occupied when it holds any community, NotForBenchmarks when it has been used.
    """
    began = clock.perf_counter()
    with loading(store, seconds=3_600):
        require_no_communities(store)
        if store.db["meta"].find_one({"_id": "purpose"}) is None:
            if store.db["audit"].find_one({}, {"_id": 1}) is not None:
                raise NotForBenchmarks(
                    msg(
                        "This database has been used for real work, so no benchmark data was written. Use an empty "
                        "one: set GRIDBOARD_HOME to another folder."
                    )
                )
            store.db["meta"].insert_one({"_id": "purpose", "benchmarks": True, "at": store.clock()})
        day = as_of or store.clock().astimezone(ZONE).date()
        end = datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
        ids = [f"bench-{number:04d}" for number in range(1, communities + 1)]
        with Batch(store, ids) as batch:
            orders = largest_remainder([1] * communities, work_orders)
            visits = largest_remainder([1] * communities, attendances)
            watched = largest_remainder([1] * communities, rounds)
            wanted = largest_remainder([1] * communities, requests)
            for number, id in enumerate(ids):
                amounts = _Amounts(orders[number], visits[number], watched[number], wanted[number])
                _community(batch, id, amounts, end, Random(f"{seed} {id}"))
            batch.finish(
                [_communities_record(id, number, end) for number, id in enumerate(ids, 1)],
                {"work_orders": work_orders, "attendances": attendances, "seed": seed, "as_of": day.isoformat()},
            )
        documents = sum(batch.written.values())
    return Loaded(communities, work_orders, attendances, documents, clock.perf_counter() - began)


def _communities_record(id: str, number: int, end: datetime) -> Document:
    return Community(
        id=id,
        community_id=id,
        **_stamp(end),
        code=f"B{number:04d}",
        name=f"测试社区 {number:04d}",
        households=HOUSEHOLDS,
        residents=RESIDENTS,
        population=population(),
    ).to_document()


def _stamp(at: datetime) -> Document:
    return {"created_at": at, "created_by": SEEDER.name, "updated_at": at, "updated_by": SEEDER.name}


def _community(batch: Batch, id: str, amounts: _Amounts, end: datetime, rng: Random) -> None:
    def add(kind: type[Record], records: Sequence[Record]) -> None:
        batch.add(kind, id, (record.to_document() for record in records), ZONE)

    grids = [f"{id}-{plan.code}" for plan in GRID_PLANS]
    people = [f"{id}-p{number:02d}" for number in range(12)]
    facilities = list(_facilities(id, grids, end, rng))
    add(
        Person,
        [
            Person(id=person, community_id=id, **_stamp(end), name=f"测试人员 {person[-2:]}", kind=PersonKind.STAFF)
            for person in people
        ],
    )
    add(
        Grid,
        [
            Grid(
                id=grid,
                community_id=id,
                **_stamp(end),
                code=plan.code,
                name=plan.name,
                responsible_id=people[index],
                households=plan.households,
                residents=plan.residents,
                sites=plan.sites,
                boundary=outline(plan),
            )
            for index, (grid, plan) in enumerate(zip(grids, GRID_PLANS, strict=True))
        ],
    )
    add(Post, list(circle.posts(id, _stamp(end), end, grids, people)))
    add(Facility, facilities)
    add(Organization, companies(id, _stamp(end), end))
    orders, visits, rounds = amounts.orders, amounts.visits, amounts.rounds
    batch.add(WorkOrder, id, _work_orders(id, orders, facilities, grids, people, end, rng), ZONE)
    batch.numbered(id, SERIES, orders)
    held: list[Activity] = []
    everybody: list[desk.Guest] = []
    came: dict[str, list[desk.Guest]] = {}
    if visits:
        held = list(_activities(id, visits, grids, people, end, rng))
        came = {one: [] for one in desk.listed(held, amounts.requests)}
        held = [one.model_copy(update={"capacity": desk.PLACES}) if one.id in came else one for one in held]
        everybody = _everybody(grids, rng)
        add(Activity, held)
        batch.add(Attendance, id, _attendances(held, visits, everybody, came, rng), ZONE)
    if rounds:
        stamp = _stamp(end)
        add(MaintenancePlan, maintenance_plans(id, stamp, end, people))
        add(Checklist, checklists(id, stamp))
        add(InspectionPlan, inspection_plans(id, stamp, end, rounds // len(facilities)))
        batch.add(Inspection, id, inspections(id, stamp, end, facilities, rounds), ZONE)
        add(Hazard, list(hazards(id, stamp, end, grids, max(20, rounds // 100))))
        batch.add(EntryLog, id, entries(id, stamp, end, facilities, rounds, rng), ZONE)
    if amounts.requests:
        stamp = _stamp(end)
        heard = desk.requests(id, stamp, end, amounts.requests, grids, people, held, YEARS, rng)
        batch.add(Request, id, heard, ZONE)
        batch.numbered(id, REQUESTS, amounts.requests)
        walking = desk.patrol_plans(id, stamp, end, min(max(amounts.requests // 10, FEWEST), MOST), grids)
        add(PatrolPlan, walking)
        batch.add(Patrol, id, desk.patrols(walking, stamp, end, people, orders), ZONE)
        told = [
            *circle.team(id, stamp, end, grids, people, YEARS),
            *circle.stationed(id, stamp, end, grids, people, YEARS),
        ]
        bodies = [one.id for one in told if isinstance(one, Organization)]
        told += circle.meetings(id, stamp, end, people, bodies, YEARS, rng)
        if everybody:
            planned, doors = desk.ahead(id, stamp, end, people)
            registered, cards = desk.helpers(id, stamp, end, everybody)
            told += [*planned, *doors, *registered, *cards]
            batch.add(SignUp, id, desk.sign_ups(stamp, end, [*held, *planned], came, everybody, rng), ZONE)
        for kind in dict.fromkeys(type(one) for one in told):
            add(kind, [one for one in told if isinstance(one, kind)])


_KINDS: tuple[tuple[Category, FacilityKind, int, int], ...] = (  # category, kind, how many, yuan
    (Category.FITNESS, FacilityKind.WALKER, 15, 3_800),
    (Category.FITNESS, FacilityKind.BAR, 10, 2_200),
    (Category.VEHICLE, FacilityKind.BARRIER, 8, 28_000),
    (Category.PERSONNEL, FacilityKind.DOOR, 12, 3_500),
    (Category.PROPERTY, FacilityKind.LIFT, 5, 380_000),
    (Category.PROPERTY, FacilityKind.LIGHTING, 10, 3_200),
)
_DETAILS = {
    Category.FITNESS: FitnessDetails(pieces=1),
    Category.VEHICLE: VehicleDetails(lanes=2),
    Category.PERSONNEL: PersonnelDetails(doors=1),
    Category.PROPERTY: PropertyDetails(),
}


def _facilities(id: str, grids: Sequence[str], end: datetime, rng: Random) -> Iterator[Facility]:
    number = 0
    for category, kind, count, yuan in _KINDS:
        for _ in range(count):
            number += 1
            yield Facility(
                id=f"{id}-f{number:03d}",
                community_id=id,
                **_stamp(end),
                code=f"F{number:03d}",
                name=f"{number} 号{kind.spellings[0]}",
                category=category,
                kind=kind.value,
                grid_id=grids[number % len(grids)],
                site=f"{number % 7 + 1} 区",
                installed_on=(end - timedelta(days=rng.randrange(200, 5000))).date(),
                service_life_years=8,
                condition=Condition(str(rng.randrange(1, 6))),
                replacement_cost_cents=yuan * 100,
                details=_DETAILS[category],
            )


# --- work orders -----------------------------------------------------------------------------------------------------
_HOURS = {  # median hours to mend
    WorkCategory.FITNESS: 40,
    WorkCategory.VEHICLE: 30,
    WorkCategory.PERSONNEL: 26,
    WorkCategory.PROPERTY: 48,
    WorkCategory.SANITATION: 12,
    WorkCategory.OTHER: 24,
}
_SHARES = (22, 12, 10, 32, 15, 9)
_Where = tuple[str | None, str, str]  # facility, place, grid
_DUE_HOURS = {Priority.URGENT: 24, Priority.NORMAL: 72, Priority.LOW: 240}  # about what three and ten workdays come to
REPEATED = 0.06  # of all orders: about what communities count as rework (M11)
_TABLE = 4096  # durations are drawn from tables of so many: a draw from a distribution costs five times as much


def _work_orders(
    id: str,
    count: int,
    facilities: Sequence[Facility],
    grids: Sequence[str],
    people: Sequence[str],
    end: datetime,
    rng: Random,
) -> Iterator[Document]:
    """``count`` orders in order of report, over five years with a little growth. Those whose fault had been mended on
    the same facility within REPEAT_DAYS are repeats, REPEATED of all at most: a large set has far more orders to a
    facility than any street."""
    span = YEARS * 365 * 86_400
    moments = sorted(int(span * rng.random() ** 0.9) for _ in range(count))
    start = end - timedelta(seconds=span)
    by_category: dict[str, list[_Where]] = {}
    for one in facilities:
        by_category.setdefault(one.category.value, []).append((one.id, one.site or "", one.grid_id or ""))
    categories = [category.value for category in _HOURS]
    hours = [_HOURS[WorkCategory(category)] for category in categories]
    anywhere: list[_Where] = [(None, "路口", grid) for grid in grids]
    places = [by_category.get(category, anywhere) for category in categories]
    drawn = rng.choices(range(len(categories)), _SHARES, k=_TABLE)
    priorities = rng.choices([one.value for one in Priority], (14, 54, 32), k=_TABLE)
    sources = rng.choices([one.value for one in Source], (46, 22, 9, 18, 5), k=_TABLE)
    faults = rng.choices([one.value for one in Fault], k=_TABLE)
    due = {level.value: timedelta(hours=_DUE_HOURS[level]) for level in Priority}
    lengths = [rng.lognormvariate(0, 0.9) if rng.random() < 0.97 else rng.uniform(12, 80) for _ in range(_TABLE)]
    answers = [int(3_600 * rng.lognormvariate(1, 0.8)) for _ in range(_TABLE)]
    draw = rng.getrandbits
    mended: dict[tuple[str, str], tuple[datetime, str]] = {}  # by facility and fault, the repair of the last report
    lasting, repeats = timedelta(days=REPEAT_DAYS), 0

    for number, moment in enumerate(moments, 1):
        # one random number of 60 bits gives five independent draws of 12
        bits = draw(60)
        index = drawn[bits & 4095]
        priority = priorities[(bits >> 12) & 4095]
        mixed = (bits >> 24) & 4095
        place = places[index]
        facility, site, grid = place[mixed % len(place)]
        reported = start + timedelta(seconds=moment)
        answer = answers[(bits >> 36) & 4095]
        responded = reported + timedelta(seconds=answer)
        length = int(lengths[bits >> 48] * hours[index] * 3_600) + 7_200
        length = max(length, answer + 1_800)
        ended = reported + timedelta(seconds=length)
        last = reported
        document: Document = {
            "_id": f"{id}-w{number:07d}",
            "community_id": id,
            "revision": 1,
            "created_at": reported,
            "created_by": SEEDER.name,
            "updated_by": SEEDER.name,
            "flags": [],
            "number": f"W-{number:05d}",
            "fault": faults[mixed],
            "place": site,
            "grid_id": grid,
            "category": categories[index],
            "priority": priority,
            "source": sources[mixed],
            "dangerous": not bits & 63,
            "status": "reported",
            "is_open": True,
            "reported_at": reported,
            "due_at": reported + due[priority],
            "assignee_id": people[mixed % 12],
            "events": [{"at": reported, "by": "居民", "status": "reported"}],
            "reopenings": [],
            "postponements": [],
            "kind": "corrective",
            "labour": [],
            "parts": [],
            "photos": [],
            "also_reported": 0,
        }
        if facility is not None:
            document["facility_id"] = facility
            what = facility, document["fault"]
            before = mended.get(what)
            if before and repeats < number * REPEATED and before[0] <= reported <= before[0] + lasting:
                document["repeat_of"] = before[1]
                repeats += 1
            if ended < end and document["fault"] != Fault.OTHER:
                mended[what] = ended, document["_id"]
        if mixed & 15:
            document["estimated_hours"] = 1 + (mixed & 7) / 2
        if responded < end:
            last = responded
            document["responded_at"] = responded
            document["respond_seconds"] = answer
            document["status"] = "assigned"
            if categories[index] == WorkCategory.PROPERTY:
                document |= {"company_id": f"{id}-o{1 + (mixed & 1)}", "assigned_at": responded}
            document["events"].append({"at": responded, "by": "测试人员 00", "status": "assigned"})
        if ended < end:
            last = ended
            document |= {
                "is_open": False,
                "status": "done",
                "outcome": "completed",
                "ended_at": ended,
                "repair_seconds": length,
                "actual_hours": 1 + (mixed & 15) / 4,
                "cost_cents": 1_000 * (mixed & 255),
            }
            document["events"].append({"at": ended, "by": "测试人员 01", "status": "done"})
            checked = ended + timedelta(hours=1 + (mixed & 63))
            if checked < end:
                last = checked
                document |= {"status": "verified", "verified_at": checked}
                document["events"].append({"at": checked, "by": "测试人员 02", "status": "verified"})
        document["updated_at"] = last
        document["lasted"] = (last - reported).days.bit_length()
        yield document


# --- activities ------------------------------------------------------------------------------------------------------
_HELPED_AT = frozenset({Format.PERFORMANCE.value, Format.VOLUNTEER.value})
_LEVELS = {
    Format.SPORT.value: Level.INVOLVE,
    Format.MARKET.value: Level.INVOLVE,
    Format.DELIBERATION.value: Level.CONSULT,
    Format.VOLUNTEER.value: Level.COLLABORATE,
}


def _activities(
    id: str, visits: int, grids: Sequence[str], people: Sequence[str], end: datetime, rng: Random
) -> Iterator[Activity]:
    count = max(1, visits // HEADS)
    days = sorted(rng.randrange(YEARS * 365) for _ in range(count))
    formats = rng.choices([one.value for one in Format], (60, 12, 10, 6, 3, 3, 3, 3), k=count)
    last = end.astimezone(ZONE).date() - timedelta(days=1)
    for number, (day, form) in enumerate(zip(days, formats, strict=True), 1):
        yield Activity(
            id=f"{id}-a{number:05d}",
            community_id=id,
            **_stamp(end),
            name=f"测试活动 {number}",
            held_on=last - timedelta(days=YEARS * 365 - 1 - day),
            status=ActivityStatus.HELD,
            format=form,
            grid_id=None if number % 3 else grids[number % len(grids)],
            organizer_id=people[0],
            headcount=0 if number % 10 else 40,
            level=_LEVELS.get(form, Level.INFORM),
            answers=30,
            satisfied=18 + number % 11,
        )


def _everybody(grids: Sequence[str], rng: Random) -> list[desk.Guest]:
    """The community's residents, those first who come most often."""
    groups = [(one.age_band.value, one.sex.value) for one in population() for _ in range(one.count)]
    rng.shuffle(groups)
    homes = [grid for grid, plan in zip(grids, GRID_PLANS, strict=True) for _ in range(plan.residents)]
    everybody = [
        (f"R-{number:04d}", band, sex, grid)
        for number, ((band, sex), grid) in enumerate(zip(groups, homes, strict=True), 1)
    ]
    rng.shuffle(everybody)
    return everybody


def _attendances(
    held: Sequence[Activity],
    visits: int,
    everybody: Sequence[desk.Guest],
    noted: Mapping[str, list[desk.Guest]],
    rng: Random,
) -> Iterator[Document]:
    """``visits`` attendances spread over the activities; few residents come often, most hardly ever, and those who come
    most often help. Who came to the activities ``noted`` is noted there."""
    bounds = list(accumulate(1 / (rank + 20) for rank in range(len(everybody))))
    helping = {code for code, *_ in everybody[: desk.HELPERS]}
    for activity, count in zip(held, largest_remainder([1] * len(held), visits), strict=True):
        came: dict[desk.Guest, None] = {}
        wanted = min(count, len(everybody))
        while len(came) < wanted:
            came.update(dict.fromkeys(rng.choices(everybody, cum_weights=bounds, k=wanted - len(came))))
        stamp = _stamp(activity.created_at or datetime.now(UTC))
        held_on = datetime.combine(activity.held_on, time(), UTC)
        if activity.id in noted:
            noted[activity.id].extend(came)
        served = activity.format in _HELPED_AT
        for resident, band, sex, grid in came:
            yield {
                "_id": f"{activity.id}-{resident}",
                "community_id": activity.community_id,
                "revision": 1,
                **stamp,
                "flags": [],
                "activity_id": activity.id,
                "resident": resident,
                "held_on": held_on,
                "format": activity.format,
                "age_band": band,
                "sex": sex,
                "grid_id": grid,
                **({"level": activity.level.value} if activity.level else {}),
                **({"role": "volunteer", "hours": 2.0} if served and resident in helping else {}),
            }
