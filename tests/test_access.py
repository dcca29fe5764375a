"""Who may do what, and where: generated from access.PERMISSIONS over every public function that takes a store.

Each function has a row below that says which rights it needs and how it is called, or stands in a table with the
reason why it names no actor. A new one in neither fails the first test; one that forgets permission or scope fails one
of the others; and whatever reads past the store's scope is named with what cuts it instead.
"""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import monitoring

import repository
from dashboard.session import Mark
from repository import (
    accounts,
    activities,
    audit,
    backup,
    checkin,
    contributions,
    entries,
    erasure,
    evidence,
    facilities,
    flows,
    grids,
    handling,
    hazards,
    importer,
    inspections,
    keyed,
    labels,
    maintenance,
    meetings,
    organizations,
    overview,
    patrols,
    people,
    photos,
    preventive,
    projects,
    recount,
    replacement,
    requests,
    residents,
    review,
    signups,
    staff,
    targets,
    workload,
    worktime,
)
from repository.access import FIELDS, PERMISSIONS, WHOLE, Actor, Operation, Refused, Role, may, may_set
from repository.accounts import User
from repository.activities import Activity, Attendance
from repository.checkin import Door
from repository.entries import LOOKING, EntryException, EntryLog
from repository.facilities import Category, Condition, Facility
from repository.grids import Community, Grid, Post, Tier
from repository.hazards import Hazard
from repository.importer import Sheet
from repository.inspections import Checklist, Inspection, InspectionPlan, ItemResult
from repository.labels import Label, Place
from repository.maintenance import OPEN, Outcome, Status, WorkOrder
from repository.meetings import ActionItem, AgendaItem, Decision, Link, Linked, Meeting, Version
from repository.metrics import Period
from repository.migrations import migrate
from repository.organizations import Engagement, Need, Organization, Resource
from repository.patrols import Patrol, PatrolPlan
from repository.people import AgeBand, Contact, Person, Purpose, Sex
from repository.preventive import MaintenancePlan
from repository.projects import Milestone, Project, ProjectTask
from repository.record import RECORDS, Record
from repository.requests import Request
from repository.residents import ResidentCard, Volunteer
from repository.residents.records import CARD_KEY
from repository.review import KeptReview, Presentation, Review, pack
from repository.signups import SignUp
from repository.staff import (
    AssessmentBallots,
    AssessmentRound,
    StaffCertificate,
    StaffMember,
    StaffSuccessor,
    StaffTraining,
    TrainingPlan,
)
from repository.store import (
    ANYTHING,
    AUDIT,
    EVERYWHERE,
    SIGN_INS,
    Conflict,
    Footprint,
    InUse,
    NotFound,
    Put,
    Store,
    Then,
    Wanted,
    Write,
    Writes,
    at_once,
    counters_about,
    in_steps,
    noting,
)
from repository.targets import Acceptance, MetricTarget
from repository.words import Trouble
from repository.worktime import SpecialDay
from tests.conftest import NOW, bring, sums
from tests.pages import picture

TODAY = date(2026, 4, 2)
QUARTER = Period.of("2026Q2")
LEDGER = maintenance.metrics.Ledger
G2 = frozenset({"g2"})
MARK = "SECRET"
"""Stands in everything that belongs to grid g1 and in nothing else."""
ROOT = Actor("root", "管理员", Role.ADMIN)
ELSEWHERE = Actor("e", "别处", Role.ADMIN, communities=frozenset({"E"}))
NEXT_DOOR = Actor("n", "隔壁", Role.ADMIN, communities=frozenset({"D"}), grids=G2)
NARROW = Actor("m", "网格", Role.ADMIN, grids=G2)


def same(text: str) -> str:
    """The words as they are."""
    return text


# --- the world: community D with a grid g1 full of secrets and a grid g2, and community E
def world(store: Store) -> None:
    """Fill an empty database."""
    keyed.key(store, CARD_KEY)  # made when it is first asked for, by whoever asks
    when = NOW - timedelta(days=5)
    made: list[Record] = []
    for home, grid, mark in (("D", "g1", MARK), ("D", "g2", "open"), ("E", "x1", "else")):
        at = {"community_id": home}
        made += [
            Grid(id=grid, code=grid, name=f"{mark} grid", residents=300, responsible_id=f"p-{home}", **at),
            Post(id=f"post-{grid}", tier=Tier.GROUP, grid_id=grid, until=date(2026, 1, 1), **at),
            Facility(
                id=f"f-{grid}", code=f"{mark}-F", name=f"{mark} bar", category=Category.FITNESS, grid_id=grid,
                site=f"{mark} site", installed_on=date(2010, 1, 1), condition=Condition.VERY_POOR,
                replacement_plan=({"at": when, "by": "x", "year": 2027, "reason": f"{mark} money"},), **at,
            ),
            Facility(id=f"free-{grid}", code=f"{mark}-X", name="x", category=Category.PROPERTY, grid_id=grid, **at),
            WorkOrder(
                id=f"w-{grid}", number=f"{mark}-W", fault="loose", grid_id=grid, facility_id=f"f-{grid}",
                reported_at=when, due_at=when + timedelta(days=1), place=f"{mark} place", category=f"{mark} kind",
                photos=(f"{mark}-photo",), assignee_id=f"p-{home}", assigned_at=when, **at,
            ),
            Facility(id=f"gate-{grid}", code=f"{mark}-G", name=f"{mark} gate", category="vehicle_access", grid_id=grid,
                     **at),
            EntryLog(
                id=f"e-{grid}", gate_id=f"gate-{grid}", grid_id=grid, who=f"{mark} plate", entered_at=when, remark=mark,
                exceptions=(EntryException.BY_HAND,), **at,
            ),
            WorkOrder(
                id=f"wc-{grid}", number=f"{mark}-C", fault="loose", place=f"{mark} c", grid_id=grid, reported_at=when,
                company_id=f"o-{home}", **at,
            ),
            Contact(
                id=f"c-{grid}", about_id=f"w-{grid}", grid_id=grid, name=f"{mark} caller", phone="13800138000",
                expires_on=TODAY, **at,
            ),
            WorkOrder(
                id=f"pm-{grid}", number=f"{mark}-PM", fault=f"{mark} oil", grid_id=grid, facility_id=f"f-{grid}",
                reported_at=when, kind="preventive", scheduled_for=TODAY, due_at=NOW + timedelta(hours=2),
                plan_id=f"mp-{grid}", category="fitness", dangerous=True, inspection_id=f"i-{grid}", **at,
            ),
            MaintenancePlan(
                id=f"mp-{grid}", name=f"{mark} oil", category=Category.FITNESS, grid_id=grid, since=TODAY, **at
            ),
            MaintenancePlan(
                id=f"free-mp-{grid}", name=f"{mark} free", category=Category.FITNESS, grid_id=grid, since=TODAY,
                active=False, **at,
            ),
            InspectionPlan(
                id=f"ip-{grid}", name=f"{mark} weekly", checklist_id=f"l-{home}", every_days=7, since=TODAY,
                grid_id=grid, **at,
            ),
            Inspection(
                id=f"i-{grid}", name="list", inspection_kind="routine", facility_id=f"f-{grid}", category="fitness",
                grid_id=grid, checklist_id=f"l-{home}", done_at=when, done_on=when.date(), due_days=(when.date(),),
                results=(ItemResult(text=f"{mark} post", verdict="fail", order_id=f"pm-{grid}"),),
                inspector=f"{mark} eye",
                **at,
            ),
            Hazard(
                id=f"h-{grid}", what=f"{mark} wire", place="x", grid_id=grid, found_at=when, deadline_on=TODAY, **at
            ),
            PatrolPlan(id=f"pp-{grid}", name=f"{mark} walk", grid_id=grid, every_days=7, since=when.date(), **at),
            PatrolPlan(id=f"free-pp-{grid}", name=f"{mark} free", grid_id=grid, every_days=7, since=TODAY, **at),
            Patrol(
                id=f"pt-{grid}", grid_id=grid, walked_on=when.date(), plan_id=f"pp-{grid}", officer_id=f"p-{home}",
                doors=(f"{mark}-door",), findings=({"text": f"{mark} boxes"}, {
                    "text": "x", "became": "hazard", "ref": f"h-{grid}"}), **at,
            ),
            Hazard(
                id=f"over-{grid}", what=f"{mark} gone", place="x", grid_id=grid, found_at=when, deadline_on=TODAY,
                state="rechecked", **at,
            ),
            WorkOrder(
                id=f"done-{grid}", number=f"{mark}-D", fault="dead", grid_id=grid, reported_at=when, ended_at=NOW,
                status=Status.DONE, outcome=Outcome.COMPLETED, place=f"{mark} place", category=f"{mark} kind", **at,
            ),
            Request(
                id=f"r-{grid}", number=f"{mark}-R", text=f"{mark} 电梯停了", grid_id=grid, received_at=when,
                place=f"{mark} stairs", resident=f"{mark}-Q", category="lift", deadline_at=when + timedelta(days=1),
                responsible_id=f"p-{home}", **at,
            ),
            Request(
                id=f"ra-{grid}", number=f"{mark}-A", text=f"{mark} 停车难", grid_id=grid, received_at=when,
                status="resolved", ended_at=when, answer=f"{mark} done", outcome_kind="meeting",
                responsible_id=f"p-{home}", **at,
            ),
            Request(
                id=f"ru-{grid}", number=f"{mark}-U", text=f"{mark} 漏水", grid_id=grid, received_at=when,
                status="resolved", ended_at=when,
                callbacks=({"on": when.date(), "by": "x", "reached": False},) * 3,
                outcome_kind="activity", outcome_id=f"a-{grid}", **at,
            ),
            Acceptance(
                id=f"ac-{grid}", metric="work_open", grid_id=grid, accepted_on=TODAY, until=TODAY,
                reason=f"{mark} roof", accepted_by="y", **at,
            ),
            Need(id=f"need-{grid}", what=f"{mark} rice", grid_id=grid, listed_on=TODAY, **at),
            Need(
                id=f"nm-{grid}", what=f"{mark} hall", grid_id=grid, listed_on=TODAY, matched_on=TODAY, state="matched",
                helper_id=f"o-{home}", resource_id=f"r-{home}", **at,
            ),
            Need(
                id=f"nw-{grid}", what=f"{mark} tent", grid_id=grid, listed_on=TODAY, withdrawn_on=TODAY,
                state="withdrawn", **at,
            ),
            Place(id=f"y-{grid}", name=f"{mark} stairs", grid_id=grid, **at),
            Label(id=f"{mark}-L", facility_id=f"f-{grid}", grid_id=grid, **at),
            Activity(
                id=f"a-{grid}", name=f"{mark} talk", held_on=TODAY, format="lecture", grid_id=grid,
                place=f"{mark} hall", flow=f"{mark} flow", **at,
            ),
            Activity(id=f"bare-{grid}", name=f"{mark} walk", held_on=TODAY, format="sport", grid_id=grid, **at),
            Attendance(
                id=f"t-{grid}", activity_id=f"a-{grid}", resident=f"{mark}-R", held_on=TODAY, format="lecture",
                age_band=AgeBand.A60, sex=Sex.FEMALE, grid_id=grid, role="volunteer", **at,
            ),
            Volunteer(id=f"vo-{grid}", resident=f"{mark}-R", since=TODAY, grid_id=grid, **at),
            ResidentCard(
                id=f"rc-{grid}", resident=f"{mark}-R", card=f"{mark}-{grid}-digest", building=f"{mark}-B".upper(),
                grid_id=grid, **at,
            ),
            Activity(id=f"evening-{grid}", name=f"{mark} crafts", held_on=TODAY, format="craft", grid_id=grid,
                     capacity=1, **at),
            Attendance(id=f"te-{grid}", activity_id=f"evening-{grid}", resident=f"{mark}-S", held_on=TODAY,
                       format="craft", grid_id=grid, **at),
            SignUp(id=f"su-{grid}", activity_id=f"evening-{grid}", resident=f"{mark}-S", held_on=TODAY, grid_id=grid,
                   asked_at=when, came=True, code_digest=f"{mark}-digest", **at),
            SignUp(id=f"sw-{grid}", activity_id=f"evening-{grid}", resident=f"{mark}-W", held_on=TODAY, grid_id=grid,
                   asked_at=when, state="waiting", **at),
            SignUp(id=f"sb-{grid}", activity_id=f"bare-{grid}", resident=f"{mark}-B", held_on=TODAY, grid_id=grid,
                   asked_at=when, came=True, **at),
            Door(id=f"{mark}-D", activity_id=f"evening-{grid}", grid_id=grid, **at),
            Activity(id=f"ahead-{grid}", name=f"{mark} choir", held_on=TODAY + timedelta(days=7), format="x",
                     status="planned", grid_id=grid, **at),
        ]  # fmt: skip
    homes: list[Record] = [Community(id=home, community_id=home, code=home, name=home) for home in "DE"]
    homes += [Person(id=f"p-{home}", community_id=home, name=f"p-{home}") for home in "DE"]
    homes += [Person(id=f"free-{home}", community_id=home, name=f"free-{home}") for home in "DE"]
    homes += [SpecialDay(id=f"sd-{home}", community_id=home, day=date(2026, 4, 4), working=True) for home in "DE"]
    wanted = {"from_on": TODAY, "direction": "none", "entered_at": NOW, "entered_on": TODAY, "entered_by": "y"}
    homes += [
        MetricTarget(id=f"mt-{home}", community_id=home, metric="on_time_share", entries=(wanted,)) for home in "DE"
    ]
    homes += [Checklist(id=f"l-{home}", community_id=home, name="list", category=Category.FITNESS) for home in "DE"]
    homes += [
        Checklist(id=f"free-l-{home}", community_id=home, name="free", category=Category.FITNESS) for home in "DE"
    ]
    homes += [Organization(id=f"{id}-{home}", community_id=home, name=f"{id} co") for home in "DE" for id in ("o", "p")]
    homes += [each for home in "DE" for each in a_team(home)]
    homes += [made for home in "DE" for made in a_meeting(home)]
    for home in "DE":
        at, of, on = {"community_id": home}, {"organization_id": f"o-{home}"}, {"on": TODAY}
        homes += [Organization(id=f"s-{home}", name="s body", kind="public_body", **at)]
        homes += [Resource(id=f"{id}-{home}", what=f"{id} hall", **of, **at) for id in ("r", "free-r")]
        homes += [Engagement(id=f"en-{home}", what="came", **of, **on, **at)]
        homes += [Project(id=f"{id}-{home}", name=f"{id} lunch", **at) for id in ("pr", "free-pr")]
        homes += [Project(id=f"run-{home}", name="run lunch", state="running", **at)]
        homes += [Project(id=f"end-{home}", name="end lunch", state="stopped", ended_on=TODAY, **at)]
        homes += [ProjectTask(id=f"pt-{home}", name="cook", project_id=f"run-{home}", **at)]
        homes += [Milestone(id=f"ms-{home}", name="open", project_id=f"pr-{home}", due_on=TODAY, **at)]
    for login, role in (("keeper", Role.ADMIN), ("guest", Role.VIEWER)):
        homes.append(User(id=f"u-{login}", community_id=EVERYWHERE, login=login, name=login, role=role))
    everybody = [*homes, *made]  # the communities come first: what is theirs asks for their time zone
    for start in range(0, len(everybody), 50):
        some = everybody[start : start + 50]
        store.write(ROOT, lambda write, some=some: [write.insert(record) for record in some])
    a_photo(store)
    a_sign_in(store)


def a_team(home: str) -> list[Record]:
    """Somebody's file, which is nobody's grid's, with one entry of each kind and an assessment that is open."""
    at, whose = {"community_id": home}, {"community_id": home, "person_id": f"p-{home}"}
    return [
        StaffMember(id=f"sm-{home}", joined_on=date(2020, 1, 1), **whose),
        StaffCertificate(id=f"sc-{home}", name="mediator", obtained_on=date(2024, 1, 1), **whose),
        StaffTraining(id=f"st-{home}", topic="x", held_on=date(2026, 2, 1), hours=4, **whose),
        TrainingPlan(id=f"tp-{home}", year=2026, hours=40, **at),
        Post(id=f"key-{home}", tier=Tier.COMMUNITY, **at),
        StaffSuccessor(id=f"ss-{home}", post_id=f"key-{home}", **whose),
        AssessmentRound(
            id=f"ar-{home}", name="x", first=date(2026, 1, 1), last=TODAY, opens_on=TODAY, closes_on=TODAY,
            people=(f"p-{home}",), entered=1, **at,
        ),
        AssessmentBallots(id=f"ab-{home}", round_id=f"ar-{home}", group="street", n=1, sums=(1,) * 5, **whose),
        AssessmentRound(
            id=f"free-ar-{home}", name="free", first=date(2026, 1, 1), last=TODAY, opens_on=TODAY, closes_on=TODAY,
            people=(f"p-{home}",), **at,
        ),
    ]  # fmt: skip


def a_meeting(home: str) -> list[Record]:
    """One that was held, with a decision and what it gave somebody to do; one to come; one whose minutes are final; one
    that was cancelled."""
    at, day = {"community_id": home}, TODAY - timedelta(days=1)
    final = Version(number=1, text="final", at=NOW, by="x")
    decided = {"meeting_id": f"m-{home}", "decided_on": day, **at}
    item = {"meeting_id": f"m-{home}", "given_on": day, "owner_id": f"p-{home}", "due_on": TODAY, **at}
    links = () if home == "E" else (Link(about="facilities", ref="f-g1"), Link(about="facilities", ref="f-g2"))
    return [
        Meeting(id=f"m-{home}", name="april", kind="monthly", day=day, status="held", draft="draft", **at),
        Meeting(id=f"next-{home}", name="may", kind="monthly", day=date(2026, 5, 6), **at),
        Meeting(id=f"today-{home}", name="now", kind="ad_hoc", reason="x", day=TODAY, **at),
        Meeting(id=f"bare-{home}", name="bare", kind="ad_hoc", reason="x", day=TODAY, **at),
        Meeting(
            id=f"final-{home}", name="march", kind="monthly", day=date(2026, 3, 2), status="held",
            versions=(final,), **at,
        ),
        Meeting(
            id=f"open-{home}", name="year", kind="annual", day=date(2026, 1, 5), status="held",
            versions=(final,), draft="final", correcting="x", **at,
        ),
        Meeting(
            id=f"off-{home}", name="off", kind="monthly", day=date(2026, 2, 3), status="cancelled",
            cancelled_because="snow", **at,
        ),
        Decision(id=f"c-{home}", text="decided", links=links, **decided),
        Decision(id=f"free-c-{home}", text="free", number=2, **decided),
        Presentation(id=f"m-{home}", meeting_id=f"m-{home}", period="2026Q2", **at),
        Presentation(id=f"final-{home}", meeting_id=f"final-{home}", period="2026Q1", **at),
        KeptReview(
            id=f"kr-{home}", meeting_id=f"m-{home}", period="2026Q2", as_of=TODAY, shown_at=NOW,
            packed=pack(
                Review("D", home, "2026Q2", "2026Q1", "2025Q2", TODAY, NOW.isoformat(), demonstration=False, agenda=(),
                       sections=())
            ), **at,
        ),
        ActionItem(id=f"ai-{home}", what="do", **item),
        ActionItem(id=f"done-ai-{home}", what="did", state="done", closed_on=day, **item),
    ]  # fmt: skip


def a_photo(store: Store) -> None:
    """Of the order in grid g1; one that nobody has named for a week; and a piece of one that never came to be."""
    for id, community, more in ((f"{MARK}-photo", "D", {}), ("loose", "D", {"loose_at": NOW - timedelta(days=7)})):
        facts = {"community_id": community, "small": MARK.encode(), **more}
        store.db[photos.FILES].insert_one(
            {"_id": id, "length": 6, "chunkSize": 9, "uploadDate": NOW, "metadata": facts}
        )
        store.db[photos.CHUNKS].insert_one({"_id": id, "files_id": id, "n": 0, "data": MARK.encode()})
    lost = {"files_id": str(ObjectId.from_datetime(NOW - timedelta(days=1))), "n": 0, "data": MARK.encode()}
    store.db[photos.CHUNKS].insert_one({"_id": "lost", **lost})


def a_sign_in(store: Store) -> None:
    """The guest is signed in somewhere."""
    until = NOW + timedelta(hours=8)
    facts = {"way": "password", "created_at": NOW, "seen_at": NOW, "address": "", "agent": "", "must_change": False}
    rights = {"login": "guest", "subject": None, "name": "guest", "role": "viewer", "communities": [], "grids": []}
    store.db[SIGN_INS].insert_one(
        {"_id": "s-guest", "user_id": "u-guest", "ends_at": until, "idle_at": until, **facts, **rights}
    )


class Dump(dict[str, list[Any]]):
    """All that is kept by collection, and by what sum the server knows each."""

    sums: Mapping[str, str] = {}

    @functools.cached_property
    def raw(self) -> Mapping[str, Mapping[Any, RawBSONDocument]]:
        """The same, as it is stored, by id."""
        return {name: {one["_id"]: RawBSONDocument(bson.encode(one)) for one in rows} for name, rows in self.items()}


_READ: dict[str, Dump] = {}
"""What was last read of each database."""


def everything(store: Store) -> Dump:
    """All that is kept, for telling whether anything changed: in one question, for it is asked some thousand times; and
    of what the server's sums say is as it was when this was last asked, what was read then. Where it was put back and
    nothing sent since, nothing is asked; ``made`` looks at the end whether that held."""
    if store.client is PEN.client and PEN.stands is not None:
        return PEN.stands
    stands, known = sums(store), _READ.get(store.db.name, Dump())
    names = sorted((stands.keys() or set(store.db.list_collection_names())) - {"migrations"})
    anew = [name for name in names if name not in known or not stands or known.sums.get(name) != stands[name]]
    marked = {name: [{"$sort": {"_id": 1}}, {"$project": {"_id": 0, "of": name, "it": "$$ROOT"}}] for name in anew}
    dump = Dump({name: [] if name in marked else known[name] for name in names})
    looks = [{"$unionWith": {"coll": name, "pipeline": marked[name]}} for name in anew]
    for one in store.db["none"].aggregate(looks) if looks else ():
        dump[one["of"]].append(one["it"])
    dump.sums = stands
    _READ[store.db.name] = dump
    return dump


def changed(store: Store, before: Dump) -> set[str]:
    """The collections that hold something else now: by the server's sums, which is quicker than reading all."""
    if store.client is PEN.client and PEN.stands is before:
        return set()
    stands = sums(store)
    if not stands or not before.sums:
        now = everything(store)
        return {name for name in now if now[name] != before.get(name, [])}
    there = stands.keys() | before.sums.keys()
    return {name for name in there if stands.get(name) != before.sums.get(name)} - {"migrations"}


class Pen(monitoring.CommandListener):
    """What a store holds for certain: what was last put back, until it is written with; most calls only ask."""

    ASKS = frozenset({"find", "getMore", "count", "distinct", "dbHash", "listCollections", "hello", "ping"})

    def __init__(self) -> None:
        self.stands: Dump | None = None
        self.client: Any = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        stages = event.command.get("pipeline", ())
        asks = event.command_name in self.ASKS or (
            event.command_name == "aggregate" and not any({"$merge", "$out"} & {*stage} for stage in stages)
        )
        if not asks and event.command_name not in {"killCursors", "endSessions"}:
            self.stands = None

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


PEN = Pen()
"""Of the store that all tests here share."""


def restore(store: Store, before: Dump) -> None:
    """Put back what a call changed."""
    heard = store.client is PEN.client  # others have stores of their own
    if heard and PEN.stands is before:
        return
    bring(store, {name: before.raw.get(name, {}) for name in changed(store, before)})
    store._there.clear()
    store.reread_pending()
    if heard:
        PEN.stands = before


# --- the table
Call = Callable[[Store, Actor], Any]


@dataclass(frozen=True)
class Row:
    """How a function is called on the world, and what it needs. ``where`` says what becomes of somebody who has grid
    g2 only: "cut" sees nothing of g1, "refused" is stopped, "common" is let in, because it is about what belongs to no
    grid, such as people; and touches nothing of g1."""

    needs: tuple[tuple[Operation, str], ...]
    call: Call
    where: str = "cut"
    sets: tuple[str, ...] = ()
    """Fields it sets that not every role may set."""


READ, CREATE, UPDATE, DELETE, IMPORT = Operation
READS = tuple((READ, name) for name in ("grids", "people", "posts", "facilities", "work_orders", "activities"))
OF_ALL = tuple(
    (READ, name)
    for name in (
        *("organizations", "needs", "engagements", "projects", "project_tasks", "staff_figures", "meetings"),
        *("action_items", "special_days", "requests"),
    )
)


OF_FIGURES = (*READS, *OF_ALL, *((READ, name) for name in ("hazards", "inspections", "entry_logs", "patrols")))
TAKEN_APART = sorted(contributions.EXPLAINED)


def read(name: str, call: Call, where: str = "cut", *more: tuple[Operation, str]) -> Row:
    """A query."""
    return Row(((READ, name), *more), call, where)


def change(operation: Operation, name: str, call: Call, where: str = "refused") -> Row:
    """A command."""
    return Row(((operation, name),), call, where)


def a_sheet() -> Sheet:
    """The facility of g1 in a file, with another name."""
    return Sheet("id,名称\nf-g1,新的\n".encode(), "设施.csv")


def a_preview(store: Store, actor: Actor) -> importer.Preview:
    """The sheet, judged for somebody."""
    mapping = importer.propose(Facility, a_sheet(), (same,))
    return importer.preview(store, actor, "D", a_sheet(), mapping, languages=(same,))


def a_commit(store: Store, actor: Actor) -> Any:
    """What the administrator was shown, done by the actor as if it had been shown to them: each row is asked for."""
    return importer.commit(store, actor, replace(a_preview(store, ROOT), eyes=actor.eyes), patience=0)


def an_import(store: Store) -> str:
    """An import by the administrator; the one that is there already, if any."""
    known = store.db["import_batches"].find_one({"community_id": "D"})
    if known is None:
        batch = importer.commit(store, ROOT, a_preview(store, ROOT), patience=0)
        assert batch is not None
        return batch.id
    return str(known["_id"])


def an_undo(store: Store, actor: Actor) -> Any:
    """That import, taken back by the actor."""
    return importer.undo(store, actor, "D", an_import(store), patience=0)


def _bare(store: Store) -> None:
    """Nothing refers to g1 any more: only the right to delete it is asked."""
    for name in ("posts", "facilities", "work_orders", "activities", "attendances", "contacts", "hazards", "places",
                 "labels", "inspections", "inspection_plans", "maintenance_plans", "entry_logs",
                 "requests", "needs", "patrols", "patrol_plans", "volunteers", "resident_cards", "sign_ups",
                 "doors", "accepted_deviations"):  # fmt: skip
        store.db[name].delete_many({"grid_id": "g1"})


@cache
def scratch() -> "tempfile.TemporaryDirectory[str]":
    """Goes with the process."""
    return tempfile.TemporaryDirectory(prefix="gb-access-")


def a_path() -> Path:
    """A file that is not there yet, in a folder of its own."""
    return Path(tempfile.mkdtemp(dir=scratch().name)) / "b.zip"


def _no_orders(store: Store) -> None:
    """No order comes of the inspection any more."""
    store.db["work_orders"].delete_many({})


def _rectified(store: Store) -> None:
    """Somebody says that the hazard of g1 is gone, so that somebody else may look again."""
    now = store.db["hazards"].find_one({"_id": "h-g1"}) or {}
    if now["state"] == "found":
        hazards.rectify(store, Actor("r", "整改人", Role.ADMIN), "D", "h-g1", now["revision"])


def _a_piece(store: Store) -> None:
    """An upload broke off long ago."""
    store.db["photos.chunks"].insert_one({"files_id": "0" * 24, "n": 0, "data": b"x"})


def _recheck(store: Store, actor: Actor) -> Any:
    stands = store.db["hazards"].find_one({"_id": "h-g1"}) or {}
    return hazards.recheck(store, actor, "D", "h-g1", stands["revision"], passed=True)


def _done(store: Store) -> None:
    """Somebody says that the repairs of both grids are done, so that somebody else may verify them."""
    for id in ("w-g1", "w-g2"):
        order = store.get(ROOT, WorkOrder, "D", id)
        if order.status in OPEN:
            maintenance.move(store, Actor("r", "维修人", Role.ADMIN), "D", id, order.revision, Status.DONE)


def _verify_many(store: Store, actor: Actor) -> Any:
    seen = {one["_id"]: one["revision"] for one in store.db["work_orders"].find({"_id": {"$in": ["w-g1", "w-g2"]}})}
    return maintenance.verify_many(store, actor, "D", seen)


def _closed(store: Store) -> None:
    """Only a closed round is put right."""
    store.db["assessment_rounds"].update_one({"_id": "ar-D"}, {"$set": {"state": "closed"}})


PREPARE: Mapping[str, Callable[[Store], Any]] = {
    "grids.remove_grid": _bare,
    "hazards.recheck": _rectified,
    "inspections.remove_inspection": _no_orders,
    "importer.undo": an_import,
    "maintenance.verify_many": _done,
    "photos.sweep_pieces": _a_piece,
    "staff.add_successor": lambda store: store.db["staff_successors"].delete_many({}),
    "staff.correct_ballots": _closed,
}
"""What has to be so before a row can be called; what is compared begins there."""


def ground(store: Store, name: str) -> None:
    """Prepare the world for a row."""
    PREPARE.get(name, lambda _store: None)(store)


def an_order(number: str) -> WorkOrder:
    """Of grid g1, as a room above that of work orders makes it."""
    return WorkOrder(community_id="D", number=number, fault="loose", grid_id="g1", place="x", reported_at=NOW)


@cache
def a_picture() -> bytes:
    """A photo that can be kept."""
    return picture((9, 9))


def within_evening(store: Store, actor: Actor, work: Callable[[Write], Any]) -> Any:
    """Inside a Write that has read the activity of g1, as those do who call what is below activities."""

    def all_of_it(write: Write) -> Any:
        write.read(Activity, "D", "evening-g1")
        return work(write)

    return store.write(actor, all_of_it)


F1 = ("D", "f-g1", 1)
ROWS: Mapping[str, Row] = {
    # accounts: of all communities, so only for whoever has all of them and of their grids in charge
    "accounts.add_user": change(
        CREATE,
        "users",
        lambda s, a: accounts.add_user(s, a, {"login": "new", "name": "新", "role": "viewer"}),
        "refused",
    ),
    "accounts.edit_user": change(
        UPDATE, "users", lambda s, a: accounts.edit_user(s, a, "u-guest", 1, {"role": "editor"}), "refused"
    ),
    "accounts.remove_user": change(DELETE, "users", lambda s, a: accounts.remove_user(s, a, "u-guest", 1), "refused"),
    "accounts.reset_password": change(
        UPDATE, "users", lambda s, a: accounts.reset_password(s, a, "u-guest", "violet anchor bread"), "refused"
    ),
    "accounts.end_sign_in": change(UPDATE, "users", lambda s, a: accounts.end_sign_in(s, a, "s-guest"), "refused"),
    "accounts.users": read("users", accounts.users, "refused"),
    "accounts.user_named": read("users", lambda s, a: accounts.user_named(s, a, "guest"), "refused"),
    "accounts.first_passwords": read("users", accounts.first_passwords, "refused"),
    "accounts.sign_ins": read("users", lambda s, a: accounts.sign_ins(s, a, "u-guest"), "refused"),
    # audit
    "audit.trail": read(AUDIT, lambda s, a: audit.trail(s, a, "D", audit.Search()), "refused"),
    "audit.history": read(AUDIT, lambda s, a: audit.history(s, a, "D", "facilities", "f-g1"), "refused"),
    "audit.note_export": read(
        "facilities", lambda s, a: audit.note_export(s, a, "D", "facilities", rows=1, form="csv"), "common"
    ),
    "audit.seals": read(AUDIT, audit.seals, "refused"),
    "audit.verify": read(AUDIT, audit.verify, "refused"),
    # backup
    "backup.take": read(AUDIT, lambda s, a: backup.take(s, a, a_path()), "refused"),
    "backup.take_into": read(AUDIT, lambda s, a: backup.take_into(s, a, a_path().parent), "refused"),
    "backup.take_if_due": read(AUDIT, lambda s, a: backup.take_if_due(s, a, a_path().parent), "refused"),
    "backup.take_away": read(AUDIT, lambda s, a: backup.take_away(s, a, a_path().parent, "x").close(), "refused"),
    # people
    "people.add_person": change(CREATE, "people", lambda s, a: people.add_person(s, a, "D", {"name": "新"}), "common"),
    "people.edit_person": change(
        UPDATE, "people", lambda s, a: people.edit_person(s, a, "D", "p-D", 1, {"job": "x"}), "common"
    ),
    "people.remove_person": change(
        DELETE, "people", lambda s, a: people.remove_person(s, a, "D", "free-D", 1), "common"
    ),
    "people.people": read("people", lambda s, a: people.people(s, a, "D")),
    "people.people_by_id": read("people", lambda s, a: people.people_by_id(s, a, "D")),
    "people.contact_of": read("contacts", lambda s, a: people.contact_of(s, a, "D", "w-g1")),
    "people.reveal": change(READ, "contacts", lambda s, a: people.reveal(s, a, "D", "c-g1", Purpose.CALL_BACK)),
    "people.forget_contact": change(DELETE, "contacts", lambda s, a: people.forget_contact(s, a, "D", "c-g1", 1)),
    "people.forget_expired": change(
        DELETE, "contacts", lambda s, a: people.forget_expired(s, a, "D", on=date(2027, 1, 1)), "common"
    ),
    # entries
    "entries.log_entry": change(
        CREATE, "entry_logs", lambda s, a: entries.log_entry(s, a, "D", {"gate_id": "gate-g1", "who": "x"})
    ),
    "entries.let_out": change(UPDATE, "entry_logs", lambda s, a: entries.let_out(s, a, "D", "e-g1", 1)),
    "entries.close_unknown": change(UPDATE, "entry_logs", lambda s, a: entries.close_unknown(s, a, "D", {"e-g1": 1})),
    "entries.edit_entry": change(
        UPDATE, "entry_logs", lambda s, a: entries.edit_entry(s, a, "D", "e-g1", 1, {"host": "6"})
    ),
    "entries.remove_entry": change(DELETE, "entry_logs", lambda s, a: entries.remove_entry(s, a, "D", "e-g1", 1)),
    "entries.reveal_entry": change(
        READ, LOOKING, lambda s, a: entries.reveal_entry(s, a, "D", "e-g1", entries.Reason.DAMAGE)
    ),
    "entries.forget_expired": change(
        DELETE, "entry_logs", lambda s, a: entries.forget_expired(s, a, "D", on=date(2027, 1, 1)), "common"
    ),
    "entries.entry_rules": read("communities", lambda s, a: entries.entry_rules(s, a, "D")),
    "entries.gates": read("facilities", lambda s, a: entries.gates(s, a, "D")),
    "entries.entry_review": read(
        "entry_logs", lambda s, a: entries.entry_review(s, a, "D", QUARTER, now=NOW), "cut", (READ, "facilities")
    ),
    "entries.entry_list": read("entry_logs", lambda s, a: entries.entry_list(s, a, "D", now=NOW, show="all")),
    "entries.entry": read("entry_logs", lambda s, a: entries.entry(s, a, "D", "e-g1"), "refused"),
    # organizations
    "organizations.add_organization": change(
        CREATE, "organizations", lambda s, a: organizations.add_organization(s, a, "D", {"name": "新"}), "common"
    ),
    "organizations.edit_organization": change(
        UPDATE,
        "organizations",
        lambda s, a: organizations.edit_organization(s, a, "D", "o-D", 1, {"staff": 3}),
        "common",
    ),
    "organizations.set_contact": Row(
        ((UPDATE, "organizations"), (DELETE, "contacts")),
        lambda s, a: organizations.set_contact(s, a, "D", "o-D", name="x", phone=None),
        "refused",
    ),
    "organizations.renew_contacts": Row(
        ((READ, "contacts"), (UPDATE, "organizations")),
        lambda s, a: organizations.renew_contacts(s, a, "D", on=date(2027, 1, 1)),
        "common",
    ),
    "organizations.remove_organization": change(
        DELETE, "organizations", lambda s, a: organizations.remove_organization(s, a, "D", "p-D", 1), "common"
    ),
    "organizations.organizations": read("organizations", lambda s, a: organizations.organizations(s, a, "D"), "common"),
    "organizations.companies": read("organizations", lambda s, a: organizations.companies(s, a, "D"), "common"),
    "organizations.company_names": read("organizations", lambda s, a: organizations.company_names(s, a, "D"), "common"),
    **{
        f"organizations.{name}": read("organizations", call, "common")
        for name, call in {
            "organization_names": lambda s, a: organizations.organization_names(s, a, "D"),
            "organization": lambda s, a: organizations.organization(s, a, "D", "o-D"),
        }.items()
    },
    "organizations.resources": read("resources", lambda s, a: organizations.resources(s, a, "D"), "common"),
    "organizations.engagements": read("engagements", lambda s, a: organizations.engagements(s, a, "D"), "common"),
    "organizations.engagement": read("engagements", lambda s, a: organizations.engagement(s, a, "D", "en-D"), "common"),
    "organizations.needs": read("needs", lambda s, a: organizations.needs(s, a, "D")),
    "organizations.need": read("needs", lambda s, a: organizations.need(s, a, "D", "need-g1", on=TODAY), "refused"),
    "organizations.waiting": read("needs", lambda s, a: organizations.waiting(s, a, "D", on=TODAY)),
    "organizations.review": read("needs", lambda s, a: organizations.review(s, a, "D", QUARTER, today=TODAY)),
    "organizations.taking_part": read(
        "organizations", lambda s, a: organizations.taking_part(s, a, "D", QUARTER, today=TODAY), "common"
    ),
    "organizations.glance": read("needs", lambda s, a: organizations.glance(s, a, "D", QUARTER, today=TODAY)),
    "organizations.add_resource": change(
        CREATE,
        "resources",
        lambda s, a: organizations.add_resource(s, a, "D", {"organization_id": "o-D", "what": "x"}),
        "common",
    ),
    "organizations.edit_resource": change(
        UPDATE, "resources", lambda s, a: organizations.edit_resource(s, a, "D", "r-D", 1, {"unit": "x"}), "common"
    ),
    "organizations.remove_resource": change(
        DELETE, "resources", lambda s, a: organizations.remove_resource(s, a, "D", "free-r-D", 1), "common"
    ),
    "organizations.add_engagement": change(
        CREATE,
        "engagements",
        lambda s, a: organizations.add_engagement(
            s, a, "D", {"organization_id": "o-D", "what": "x", "on": TODAY, "way": "contact"}
        ),
        "common",
    ),
    "organizations.edit_engagement": change(
        UPDATE, "engagements", lambda s, a: organizations.edit_engagement(s, a, "D", "en-D", 1, {"people": 3}), "common"
    ),
    "organizations.remove_engagement": change(
        DELETE, "engagements", lambda s, a: organizations.remove_engagement(s, a, "D", "en-D", 1), "common"
    ),
    "organizations.add_need": change(
        CREATE, "needs", lambda s, a: organizations.add_need(s, a, "D", {"what": "x", "grid_id": "g1"})
    ),
    "organizations.edit_need": change(
        UPDATE, "needs", lambda s, a: organizations.edit_need(s, a, "D", "need-g1", 1, {"unit": "x"})
    ),
    "organizations.remove_need": change(
        DELETE, "needs", lambda s, a: organizations.remove_need(s, a, "D", "need-g1", 1)
    ),
    "organizations.match_need": change(
        UPDATE, "needs", lambda s, a: organizations.match_need(s, a, "D", "need-g1", 1, resource_id="r-D")
    ),
    "organizations.unmatch_need": change(
        UPDATE, "needs", lambda s, a: organizations.unmatch_need(s, a, "D", "nm-g1", 1, note="x")
    ),
    "organizations.meet_need": Row(
        ((UPDATE, "needs"), (CREATE, "engagements")),
        lambda s, a: organizations.meet_need(s, a, "D", "nm-g1", 1),
        "refused",
    ),
    "organizations.withdraw_need": change(
        UPDATE, "needs", lambda s, a: organizations.withdraw_need(s, a, "D", "need-g1", 1, note="x")
    ),
    "organizations.reopen_need": change(
        UPDATE, "needs", lambda s, a: organizations.reopen_need(s, a, "D", "nw-g1", 1, note="x")
    ),
    "organizations.lead_to": change(
        UPDATE, "needs", lambda s, a: organizations.lead_to(s, a, "D", "nm-g1", 1, activity_id="a-g1")
    ),
    # projects: the whole community's
    "projects.add_project": change(
        CREATE, "projects", lambda s, a: projects.add_project(s, a, "D", {"name": "新"}), "common"
    ),
    "projects.edit_project": change(
        UPDATE, "projects", lambda s, a: projects.edit_project(s, a, "D", "pr-D", 1, {"goal": "x"}), "common"
    ),
    "projects.remove_project": change(
        DELETE, "projects", lambda s, a: projects.remove_project(s, a, "D", "free-pr-D", 1), "common"
    ),
    "projects.link_need": change(
        UPDATE, "needs", lambda s, a: projects.link_need(s, a, "D", "nm-g1", 1, project_id="pr-D")
    ),
    "projects.start_project": change(
        UPDATE, "projects", lambda s, a: projects.start_project(s, a, "D", "pr-D", 1), "common"
    ),
    "projects.finish_project": change(
        UPDATE, "projects", lambda s, a: projects.finish_project(s, a, "D", "pr-D", 1, result="x"), "common"
    ),
    "projects.stop_project": change(
        UPDATE, "projects", lambda s, a: projects.stop_project(s, a, "D", "pr-D", 1, reason="x"), "common"
    ),
    "projects.resume_project": change(
        UPDATE, "projects", lambda s, a: projects.resume_project(s, a, "D", "end-D", 1), "common"
    ),
    "projects.add_task": change(
        CREATE,
        "project_tasks",
        lambda s, a: projects.add_task(s, a, "D", {"project_id": "pr-D", "name": "x"}),
        "common",
    ),
    "projects.edit_task": Row(
        ((UPDATE, "project_tasks"),),
        lambda s, a: projects.edit_task(s, a, "D", "pt-D", 1, {"duty": "x"}),
        "common",
        ("duty",),
    ),
    "projects.remove_task": change(
        DELETE, "project_tasks", lambda s, a: projects.remove_task(s, a, "D", "pt-D", 1), "common"
    ),
    "projects.report_progress": Row(
        ((UPDATE, "project_tasks"),),
        lambda s, a: projects.report_progress(s, a, "D", "pt-D", 1, progress=100),
        "common",
        ("progress", "done_on", "steps"),
    ),
    "projects.add_milestone": change(
        CREATE,
        "milestones",
        lambda s, a: projects.add_milestone(s, a, "D", {"project_id": "pr-D", "name": "x", "due_on": TODAY}),
        "common",
    ),
    "projects.edit_milestone": change(
        UPDATE, "milestones", lambda s, a: projects.edit_milestone(s, a, "D", "ms-D", 1, {"name": "x"}), "common"
    ),
    "projects.remove_milestone": change(
        DELETE, "milestones", lambda s, a: projects.remove_milestone(s, a, "D", "ms-D", 1), "common"
    ),
    "projects.projects": read("projects", lambda s, a: projects.projects(s, a, "D"), "common"),
    "projects.project_names": read("projects", lambda s, a: projects.project_names(s, a, "D"), "common"),
    "projects.project": read("projects", lambda s, a: projects.project(s, a, "D", "pr-D", today=TODAY), "common"),
    "projects.task": read("project_tasks", lambda s, a: projects.task(s, a, "D", "pt-D"), "common"),
    "projects.milestone": read("milestones", lambda s, a: projects.milestone(s, a, "D", "ms-D"), "common"),
    "projects.tasks_of": read("project_tasks", lambda s, a: projects.tasks_of(s, a, "D", "o-D"), "common"),
    "projects.review": read("projects", lambda s, a: projects.review(s, a, "D", QUARTER, today=TODAY), "common"),
    "projects.glance": read("projects", lambda s, a: projects.glance(s, a, "D", QUARTER, today=TODAY)),
    "maintenance.work_by_grid": read("work_orders", lambda s, a: maintenance.work_by_grid(s, a, "D", QUARTER, now=NOW)),
    "maintenance.company_scores": read(
        "work_orders",
        lambda s, a: maintenance.company_scores(s, a, "D", QUARTER, now=NOW),
        "cut",
        (READ, "organizations"),
    ),
    "maintenance.company_orders": read(
        "work_orders",
        lambda s, a: maintenance.company_orders(s, a, "D", QUARTER, company_id="o-D", now=NOW, show="all"),
    ),
    # grids
    "grids.found_community": change(
        CREATE, "communities", lambda s, a: grids.found_community(s, a, {"code": "new", "name": "新"}), "refused"
    ),
    "grids.edit_community": change(
        UPDATE, "communities", lambda s, a: grids.edit_community(s, a, "D", 1, {"district": "纳溪"}), "refused"
    ),
    "grids.community": read("communities", lambda s, a: grids.community(s, a, "D")),
    "grids.add_grid": change(
        CREATE, "grids", lambda s, a: grids.add_grid(s, a, "D", {"code": "9", "name": "9", "responsible_id": "p-D"})
    ),
    "grids.edit_grid": change(UPDATE, "grids", lambda s, a: grids.edit_grid(s, a, "D", "g1", 1, {"name": "新"})),
    "grids.remove_grid": change(DELETE, "grids", lambda s, a: grids.remove_grid(s, a, "D", "g1", 1)),
    "grids.grids": read("grids", lambda s, a: grids.grids(s, a, "D")),
    "grids.grid_names": read("grids", lambda s, a: grids.grid_names(s, a, "D")),
    "grids.add_post": change(
        CREATE, "posts", lambda s, a: grids.add_post(s, a, "D", {"tier": "group", "grid_id": "g1"})
    ),
    "grids.edit_post": change(
        UPDATE, "posts", lambda s, a: grids.edit_post(s, a, "D", "post-g1", 1, {"tier": "group_leader"})
    ),
    "grids.appoint": change(
        UPDATE, "posts", lambda s, a: grids.appoint(s, a, "D", "post-g1", 1, holder_id="p-D", since=TODAY)
    ),
    "grids.vacate": change(UPDATE, "posts", lambda s, a: grids.vacate(s, a, "D", "post-g1", 1, on=TODAY)),
    "grids.remove_post": change(DELETE, "posts", lambda s, a: grids.remove_post(s, a, "D", "post-g1", 1)),
    "grids.posts": read("posts", lambda s, a: grids.posts(s, a, "D")),
    "grids.setting": read(
        "communities",
        lambda s, a: grids.setting(s, a, "D"),
        "cut",
        *((READ, name) for name in ("grids", "posts", "people")),
    ),
    "grids.posts_on": read(
        "posts", lambda s, a: grids.posts_on(s, a, "D", QUARTER, today=TODAY), "cut", (READ, "grids"), (READ, "people")
    ),
    "grids.staffing": read("posts", lambda s, a: grids.staffing(s, a, "D", on=TODAY), "cut", (READ, "grids")),
    # facilities
    "facilities.add_facility": change(
        CREATE,
        "facilities",
        lambda s, a: facilities.add_facility(
            s, a, "D", {"code": "N", "name": "新", "category": "fitness", "grid_id": "g1"}
        ),
    ),
    "facilities.edit_facility": change(
        UPDATE, "facilities", lambda s, a: facilities.edit_facility(s, a, *F1, {"site": "x"})
    ),
    "facilities.examine": change(
        UPDATE, "facilities", lambda s, a: facilities.examine(s, a, *F1, condition=Condition.GOOD)
    ),
    "facilities.put_out_of_order": change(UPDATE, "facilities", lambda s, a: facilities.put_out_of_order(s, a, *F1)),
    "facilities.put_back_in_service": change(
        UPDATE, "facilities", lambda s, a: facilities.put_back_in_service(s, a, *F1, note="x")
    ),
    "facilities.retire": change(UPDATE, "facilities", lambda s, a: facilities.retire(s, a, *F1)),
    "facilities.replace": Row(
        ((UPDATE, "facilities"), (CREATE, "facilities")),
        lambda s, a: facilities.replace(s, a, *F1, code="N", installed_on=TODAY),
        "refused",
    ),
    "facilities.plan_replacement": change(
        UPDATE, "facilities", lambda s, a: facilities.plan_replacement(s, a, *F1, year=2028, reason="x")
    ),
    "facilities.take_back_plan": change(UPDATE, "facilities", lambda s, a: facilities.take_back_plan(s, a, *F1)),
    "facilities.remove_facility": change(
        DELETE, "facilities", lambda s, a: facilities.remove_facility(s, a, "D", "free-g1", 1)
    ),
    "facilities.register": read("facilities", lambda s, a: facilities.register(s, a, "D")),
    "facilities.facility": read("facilities", lambda s, a: facilities.facility(s, a, "D", "f-g1"), "refused"),
    "facilities.facility_by_code": read(
        "facilities", lambda s, a: facilities.facility_by_code(s, a, "D", f"{MARK}-F"), "refused"
    ),
    "facilities.facility_names": read("facilities", lambda s, a: facilities.facility_names(s, a, "D")),
    "facilities.service_lives": read("communities", lambda s, a: facilities.service_lives(s, a, "D")),
    "facilities.inventory": read("facilities", lambda s, a: facilities.inventory(s, a, "D", on=TODAY)),
    # maintenance
    "maintenance.log_repair": change(
        CREATE, "work_orders", lambda s, a: maintenance.log_repair(s, a, "D", fault="loose", facility_id="f-g1")
    ),
    "maintenance.move": change(
        UPDATE, "work_orders", lambda s, a: maintenance.move(s, a, "D", "w-g1", 1, Status.IN_PROGRESS)
    ),
    "maintenance.assign": change(UPDATE, "work_orders", lambda s, a: maintenance.assign(s, a, "D", "w-g1", 1, "p-D")),
    "maintenance.add_effort": change(
        UPDATE, "work_orders", lambda s, a: maintenance.add_effort(s, a, "D", "w-g1", 1, hours=2)
    ),
    "maintenance.edit": change(
        UPDATE, "work_orders", lambda s, a: maintenance.edit(s, a, "D", "w-g1", 1, {"place": "x"})
    ),
    "maintenance.correct": replace(
        change(UPDATE, "work_orders", lambda s, a: maintenance.correct(s, a, "D", "w-g1", 1, {"number": "W-9"}, "x")),
        sets=("number",),
    ),
    "maintenance.delete": change(DELETE, "work_orders", lambda s, a: maintenance.delete(s, a, "D", "w-g1", 1)),
    "maintenance.work_figures": read("work_orders", lambda s, a: maintenance.work_figures(s, a, "D", QUARTER, now=NOW)),
    "maintenance.work_glance": read("work_orders", lambda s, a: maintenance.work_glance(s, a, "D", QUARTER, now=NOW)),
    "maintenance.glance_wanted": read(
        "work_orders", lambda s, a: s.together(a, "D", maintenance.glance_wanted(s, a, "D", QUARTER, now=NOW))[1:]
    ),
    "maintenance.Ledger.at": read(
        "work_orders",
        lambda s, a: s.together(a, "D", LEDGER.at(s, a, "D", QUARTER, None, None, NOW).glance_wanted())[1:],
    ),
    "maintenance.work_review": read("work_orders", lambda s, a: maintenance.work_review(s, a, "D", QUARTER, now=NOW)),
    "maintenance.work_list": read("work_orders", lambda s, a: maintenance.work_list(s, a, "D", now=NOW, show="all")),
    "maintenance.my_work": read("work_orders", lambda s, a: maintenance.my_work(s, a, "D", ["p-D"], now=NOW)),
    "maintenance.new_work": read("work_orders", lambda s, a: maintenance.new_work(s, a, "D", ["p-D"], ["o-D"])),
    "maintenance.work_story": read(
        "work_orders", lambda s, a: maintenance.work_story(s, a, "D", "w-g1", now=NOW), "refused"
    ),
    "maintenance.work_story_if_any": read(
        "work_orders", lambda s, a: maintenance.work_story_if_any(s, a, "D", "w-g1", now=NOW)
    ),
    "maintenance.open_orders_like": read("work_orders", lambda s, a: maintenance.open_orders_like(s, a, "D", "f-g1")),
    "maintenance.promise": read("grids", lambda s, a: maintenance.promise(s, a, "D", grid_id="g1", now=NOW)),
    "maintenance.facility_brief": read(
        "facilities", lambda s, a: maintenance.facility_brief(s, a, "D", code=f"{MARK}-F")
    ),
    "maintenance.reportable": read("facilities", lambda s, a: maintenance.reportable(s, a, "D")),
    "maintenance.work_categories": read("work_orders", lambda s, a: maintenance.work_categories(s, a, "D")),
    "maintenance.comment": change(UPDATE, "work_orders", lambda s, a: maintenance.comment(s, a, "D", "w-g1", "看过了")),
    "maintenance.notice": change(
        READ, "work_orders", lambda s, a: maintenance.notice(s, replace(a, people=("p-D",)), "D", ["w-g1"])
    ),
    "maintenance.merge": change(UPDATE, "work_orders", lambda s, a: maintenance.merge(s, a, "D", "w-g1", 1, "pm-g1")),
    "maintenance.change_many": change(
        UPDATE,
        "work_orders",
        lambda s, a: maintenance.change_many(s, a, "D", {"w-g1": 1, "w-g2": 1}, {"place": "x"}),
        "cut",
    ),
    "maintenance.verify_many": change(UPDATE, "work_orders", _verify_many, "cut"),
    "maintenance.numbered": change(
        CREATE,
        "work_orders",
        lambda s, a: maintenance.numbered(s, a, "D", 1, lambda write, number: write.insert(an_order(f"W-{number}"))),
    ),
    "maintenance.require_place": read(
        "facilities", lambda s, a: maintenance.require_place(s, a, "D", "f-g1"), "refused"
    ),
    "maintenance.quality": read("work_orders", lambda s, a: maintenance.quality(s, a, "D", QUARTER, now=NOW)),
    "maintenance.work_behind": read(
        "work_orders", lambda s, a: maintenance.work_behind(s, a, "D", Period.of("ever"), figure="opened", now=NOW)
    ),
    "maintenance.ageing": read("work_orders", lambda s, a: maintenance.ageing(s, a, "D", "category", now=NOW)),
    "maintenance.ranking": read(
        "work_orders", lambda s, a: maintenance.ranking(s, a, "D", "fault", Period.of("2026Q1"), now=NOW)
    ),
    "maintenance.Ledger.read": read(
        "work_orders", lambda s, a: in_steps(LEDGER.read)(s, a, "D", QUARTER, None, None, NOW, parts=True).all
    ),
    "maintenance.Ledger.read_flows": read(
        "work_orders", lambda s, a: in_steps(LEDGER.read_flows)(s, a, "D", QUARTER, None, None, NOW).all
    ),
    "maintenance.Promises.of": read("special_days", lambda s, a: maintenance.Promises.of(s, a, "D"), "common"),
    # working time
    # what is wanted, and what is accepted
    "targets.set_target": change(
        CREATE,
        "targets",
        lambda s, a: targets.set_target(s, a, "D", "work_open", {"direction": "none", "from_on": TODAY}),
    ),
    "targets.accept_deviation": change(
        CREATE,
        "accepted_deviations",
        lambda s, a: targets.accept_deviation(
            s,
            a,
            "D",
            {"metric": "work_on_time", "grid_id": "g1", "until": TODAY, "reason": "x", "accepted_by": "y"},
        ),
    ),
    "targets.take_back": change(UPDATE, "accepted_deviations", lambda s, a: targets.take_back(s, a, "D", "ac-g1", 1)),
    "targets.standard": read("targets", lambda s, a: targets.standard(s, a, "D"), "cut", (READ, "accepted_deviations")),
    "targets.states_noted": read("states_noted", lambda s, a: targets.states_noted(s, a, "D"), "refused"),
    "targets.note_states": change(
        UPDATE, "states_noted", lambda s, a: targets.note_states(s, a, "D", [(TODAY - timedelta(days=9), [])])
    ),
    "targets.targets": read(
        "targets", lambda s, a: targets.targets(s, a, "D", on=TODAY), "cut", (READ, "accepted_deviations")
    ),
    "worktime.set_day": change(
        CREATE, "special_days", lambda s, a: worktime.set_day(s, a, "D", TODAY, working=False), "common"
    ),
    "worktime.drop_day": change(DELETE, "special_days", lambda s, a: worktime.drop_day(s, a, "D", "sd-D", 1), "common"),
    "worktime.worktime": read("special_days", lambda s, a: worktime.worktime(s, a, "D"), "common"),
    "worktime.year": read("special_days", lambda s, a: worktime.year(s, a, "D", 2026), "common"),
    "maintenance.see_too": change(UPDATE, "work_orders", lambda s, a: maintenance.see_too(s, a, "D", "w-g1")),
    "maintenance.confirm": change(
        UPDATE, "work_orders", lambda s, a: maintenance.confirm(s, a, "D", "done-g1", mended=True)
    ),
    # photos and labels
    "photos.keep": change(CREATE, "photos", lambda s, a: photos.keep(s, a, "D", a_picture()), "common"),
    "photos.sweep": change(DELETE, "photos", photos.sweep, "common"),
    "photos.sweep_pieces": change(DELETE, "photos", photos.sweep_pieces, "common"),
    "photos.thumbnails": read(
        "photos", lambda s, a: photos.thumbnails(s, a, "D", WorkOrder, "w-g1"), "refused", (READ, "work_orders")
    ),
    "photos.photo": read(
        "photos",
        lambda s, a: photos.photo(s, a, "D", WorkOrder, "w-g1", f"{MARK}-photo"),
        "refused",
        (READ, "work_orders"),
    ),
    "labels.add_place": change(
        CREATE, "places", lambda s, a: labels.add_place(s, a, "D", {"name": "新", "grid_id": "g1"})
    ),
    "labels.edit_place": change(UPDATE, "places", lambda s, a: labels.edit_place(s, a, "D", "y-g1", 1, {"site": "x"})),
    "labels.remove_place": change(DELETE, "places", lambda s, a: labels.remove_place(s, a, "D", "y-g1", 1)),
    "labels.mint": change(CREATE, "labels", lambda s, a: labels.mint(s, a, "D", places=["y-g1"])),
    "labels.renew": Row(
        ((UPDATE, "labels"), (CREATE, "labels")), lambda s, a: labels.renew(s, a, "D", facility_id="f-g1"), "refused"
    ),
    "labels.places": read("places", lambda s, a: labels.places(s, a, "D")),
    "labels.code_of": read("labels", lambda s, a: labels.code_of(s, a, "D", facility_id="f-g1")),
    # activities
    "activities.add_activity": change(
        CREATE,
        "activities",
        lambda s, a: activities.add_activity(
            s, a, "D", {"name": "新", "held_on": TODAY, "format": "lecture", "grid_id": "g1"}
        ),
    ),
    "activities.edit_activity": change(
        UPDATE, "activities", lambda s, a: activities.edit_activity(s, a, "D", "a-g1", 1, {"place": "x"})
    ),
    "activities.cancel_activity": change(
        UPDATE, "activities", lambda s, a: activities.cancel_activity(s, a, "D", "bare-g1", 1)
    ),
    "activities.delete_activity": Row(
        ((DELETE, "activities"), (DELETE, "attendances")),
        lambda s, a: activities.delete_activity(s, a, "D", "a-g1", 1, with_attendances=True),
        "refused",
    ),
    "activities.set_headcount": change(
        UPDATE, "activities", lambda s, a: activities.set_headcount(s, a, "D", "a-g1", 1, 7)
    ),
    "activities.record_attendance": change(
        CREATE,
        "attendances",
        lambda s, a: activities.record_attendance(
            s, a, "D", "a-g1", resident=None, age_band=AgeBand.A60, sex=Sex.MALE, grid_id="g1"
        ),
    ),
    "activities.record_attendances": change(
        CREATE,
        "attendances",
        lambda s, a: activities.record_attendances(s, a, "D", "a-g1", f"{MARK}-N", accept_new=True),
    ),
    "activities.correct_attendance": change(
        UPDATE, "attendances", lambda s, a: activities.correct_attendance(s, a, "D", "t-g1", 1, {"age_band": "75+"})
    ),
    "activities.take_back_attendance": change(
        DELETE, "attendances", lambda s, a: activities.take_back_attendance(s, a, "D", "t-g1", 1)
    ),
    "activities.repeat_activity": Row(
        ((CREATE, "activities"), (UPDATE, "activities")),
        lambda s, a: activities.repeat_activity(s, a, "D", "ahead-g1", 1, activities.Repeat(times=3)),
        "refused",
    ),
    "activities.edit_series": change(
        UPDATE, "activities", lambda s, a: activities.edit_series(s, a, "D", "ahead-g1", 1, {"place": "x"})
    ),
    "activities.cancel_series": change(
        UPDATE, "activities", lambda s, a: activities.cancel_series(s, a, "D", "ahead-g1", 1)
    ),
    # signing up and checking in
    "signups.places_taken": read(
        "activities", lambda s, a: within_evening(s, a, lambda w: signups.places_taken(w, "D", "evening-g1")), "refused"
    ),
    "signups.nobodys": read(
        "activities", lambda s, a: within_evening(s, a, lambda w: signups.nobodys(w, "D", [f"{MARK}-S"])), "refused"
    ),
    "signups.note_came": change(
        UPDATE,
        "sign_ups",
        lambda s, a: within_evening(s, a, lambda w: signups.note_came(w, "D", "evening-g1", [f"{MARK}-S"], came=False)),
    ),
    "signups.move_up": change(
        UPDATE, "sign_ups", lambda s, a: within_evening(s, a, lambda w: signups.move_up(w, "D", "evening-g1", 2))
    ),
    "signups.meet": read(
        "activities", lambda s, a: within_evening(s, a, lambda w: signups.meet(w, "D", TODAY)), "refused"
    ),
    "signups.follow": read(
        "activities",
        lambda s, a: within_evening(s, a, lambda w: signups.follow(w, "D", "evening-g1", TODAY, "g1")),
        "refused",
    ),
    "signups.forget_sign_ups": change(
        DELETE, "sign_ups", lambda s, a: signups.forget_sign_ups(s, a, "D", on=TODAY + timedelta(days=400)), "cut"
    ),
    "checkin.sign_up": change(
        CREATE,
        "sign_ups",
        lambda s, a: checkin.sign_up(s, a, "D", "evening-g1", resident=f"{MARK}-N", accept_new=True, key="k"),
    ),
    "checkin.withdraw": change(UPDATE, "sign_ups", lambda s, a: checkin.withdraw(s, a, "D", "sw-g1", 1)),
    "checkin.renew_code": change(UPDATE, "sign_ups", lambda s, a: checkin.renew_code(s, a, "D", "sw-g1", 1)),
    "checkin.remove_sign_up": change(DELETE, "sign_ups", lambda s, a: checkin.remove_sign_up(s, a, "D", "sw-g1", 1)),
    "checkin.check_in": change(CREATE, "attendances", lambda s, a: checkin.check_in(s, a, "D", "sw-g1")),
    "checkin.undo_check_in": change(DELETE, "attendances", lambda s, a: checkin.undo_check_in(s, a, "D", "su-g1")),
    "checkin.reconcile": change(UPDATE, "sign_ups", lambda s, a: checkin.reconcile(s, a, "D"), "cut"),
    "checkin.open_door": change(CREATE, "doors", lambda s, a: checkin.open_door(s, a, "D", "ahead-g1")),
    "checkin.renew_door": change(CREATE, "doors", lambda s, a: checkin.renew_door(s, a, "D", "evening-g1")),
    "checkin.timetable": read("activities", lambda s, a: checkin.timetable(s, a, "D", "2026-04", now=NOW)),
    "checkin.shown_up": read(
        "activities", lambda s, a: checkin.shown_up(s, a, "D", QUARTER, now=NOW + timedelta(days=2))
    ),
    "checkin.at_stake": read("activities", lambda s, a: checkin.at_stake(s, a, "D", "evening-g1"), "refused"),
    "checkin.guests": read("activities", lambda s, a: checkin.guests(s, a, "D", "evening-g1", now=NOW)),
    "activities.came_by_grid": read("grids", lambda s, a: activities.came_by_grid(s, a, "D", QUARTER)),
    "activities.residents_review": read(
        "communities", lambda s, a: activities.residents_review(s, a, "D", QUARTER, now=NOW), "common"
    ),
    "activities.residents_of_grid": read(
        "communities",
        lambda s, a: activities.residents_of_grid(s, a, "D", QUARTER, grids=frozenset({"g1"}), now=NOW),
    ),
    "activities.reach_of_formats": read(
        "communities", lambda s, a: activities.reach_of_formats(s, a, "D", now=NOW), "common"
    ),
    "activities.flow_runs": read(
        "activities", lambda s, a: activities.flow_runs(s, a, "D", QUARTER, grids=frozenset({"g1"}), now=NOW)
    ),
    "activities.moved_up": read("attendances", lambda s, a: activities.moved_up(s, a, "D", QUARTER)),
    # residents by code
    "residents.register_volunteer": change(
        CREATE,
        "volunteers",
        lambda s, a: residents.register_volunteer(s, a, "D", {"resident": "R-7K3Q", "since": TODAY, "grid_id": "g1"}),
    ),
    "residents.edit_volunteer": change(
        UPDATE, "volunteers", lambda s, a: residents.edit_volunteer(s, a, "D", "vo-g1", 1, {"skills": "x"})
    ),
    "residents.remove_volunteer": change(
        DELETE, "volunteers", lambda s, a: residents.remove_volunteer(s, a, "D", "vo-g1", 1)
    ),
    "residents.volunteers": read("volunteers", lambda s, a: residents.volunteers(s, a, "D")),
    "residents.keep_card": change(
        CREATE,
        "resident_cards",
        lambda s, a: residents.keep_card(s, a, "D", "R-7K3Q", card="4711", building="5", grid_id="g1"),
    ),
    "residents.forget_card": change(
        DELETE, "resident_cards", lambda s, a: residents.forget_card(s, a, "D", "rc-g1", 1)
    ),
    "residents.look_up": Row(
        ((READ, "resident_cards"), (READ, "attendances")),
        lambda s, a: residents.look_up(s, a, "D", "g1", f"{MARK}-B"),
        "refused",
    ),
    "residents.resident_of_card": Row(
        ((CREATE, "attendances"),), lambda s, a: residents.resident_of_card(s, a, "D", "4711"), "common"
    ),
    "residents.card_of": read("resident_cards", lambda s, a: residents.card_of(s, a, "D", f"{MARK}-R")),
    "activities.figures": read("activities", lambda s, a: activities.figures(s, a, "D", QUARTER, now=NOW)),
    "activities.figures_wanted": read(
        "activities",
        lambda s, a: s.together(a, "D", [Wanted(Activity), *activities.figures_wanted(s, a, "D", QUARTER, now=NOW)])[
            :1
        ],
    ),
    "activities.calendar": read("activities", lambda s, a: activities.calendar(s, a, "D", QUARTER)),
    "activities.upcoming": read("activities", lambda s, a: activities.upcoming(s, a, "D", now=NOW)),
    "activities.gathering": read("activities", lambda s, a: activities.gathering(s, a, "D", "a-g1")),
    "activities.attendances_of": Row(
        ((READ, "attendances"), (READ, "activities")),
        lambda s, a: activities.attendances_of(s, a, "D", "a-g1"),
        "refused",
    ),
    "activities.known_residents": read(
        "attendances", lambda s, a: activities.known_residents(s, a, "D", [f"{MARK}-R"])
    ),
    # patrols
    "patrols.add_plan": change(
        CREATE,
        "patrol_plans",
        lambda s, a: patrols.add_plan(s, a, "D", {"name": "new", "grid_id": "g1", "every_days": 7, "since": TODAY}),
    ),
    "patrols.edit_plan": change(
        UPDATE, "patrol_plans", lambda s, a: patrols.edit_plan(s, a, "D", "pp-g1", 1, {"every_days": 9})
    ),
    "patrols.remove_plan": change(DELETE, "patrol_plans", lambda s, a: patrols.remove_plan(s, a, "D", "free-pp-g1", 1)),
    "patrols.log_patrol": change(
        CREATE,
        "patrols",
        lambda s, a: patrols.log_patrol(
            s, a, "D", {"grid_id": "g1", "walked_on": TODAY}, doors="6 101", findings=("x",)
        ),
    ),
    "patrols.edit_patrol": change(
        UPDATE, "patrols", lambda s, a: patrols.edit_patrol(s, a, "D", "pt-g1", 1, {"minutes": 9})
    ),
    "patrols.remove_patrol": change(DELETE, "patrols", lambda s, a: patrols.remove_patrol(s, a, "D", "pt-g1", 1)),
    "patrols.become_order": Row(
        ((UPDATE, "patrols"), (CREATE, "work_orders")),
        lambda s, a: patrols.become_order(s, a, "D", "pt-g1", 1, 0, facility_id="f-g1"),
        "refused",
    ),
    "patrols.become_hazard": Row(
        ((UPDATE, "patrols"), (CREATE, "hazards")),
        lambda s, a: patrols.become_hazard(s, a, "D", "pt-g1", 1, 0, facility_id="f-g1"),
        "refused",
    ),
    "patrols.become_request": Row(
        ((UPDATE, "patrols"), (CREATE, "requests")),
        lambda s, a: patrols.become_request(s, a, "D", "pt-g1", 1, 0, place="x"),
        "refused",
    ),
    "patrols.plans": read("patrol_plans", lambda s, a: patrols.plans(s, a, "D")),
    "patrols.patrol_review": read(
        "patrols",
        lambda s, a: patrols.patrol_review(s, a, "D", QUARTER, today=TODAY),
        "cut",
        (READ, "patrol_plans"),
        (READ, "grids"),
        (READ, "posts"),
    ),
    "patrols.patrols_by_grid": read("patrols", lambda s, a: patrols.patrols_by_grid(s, a, "D", ["2026-03", "2026-04"])),
    "patrols.patrols_by_officer": read(
        "patrols", lambda s, a: patrols.patrols_by_officer(s, a, "D", ["2026-03", "2026-04"])
    ),
    "patrols.walked_by": read("patrols", lambda s, a: patrols.walked_by(s, a, "D", ["p-D"], date(2026, 1, 1), TODAY)),
    "patrols.patrol_story": read("patrols", lambda s, a: patrols.patrol_story(s, a, "D", "pt-g1"), "refused"),
    "patrols.which_found": read("patrols", lambda s, a: patrols.which_found(s, a, "D", "h-g1")),
    # how the grids share and handle their work
    "handling.handling": read(
        "work_orders",
        lambda s, a: handling.handling(s, a, "D", QUARTER, now=NOW),
        "cut",
        (READ, "requests"),
        (READ, "grids"),
    ),
    "workload.workload": read(
        "work_orders",
        lambda s, a: workload.workload(s, a, "D", QUARTER, now=NOW),
        "cut",
        (READ, "requests"),
        (READ, "patrols"),
        (READ, "posts"),
    ),
    # hazards
    "hazards.report_hazard": change(
        CREATE,
        "hazards",
        lambda s, a: hazards.report_hazard(s, a, "D", {"what": "x", "place": "y", "grid_id": "g1"}),
    ),
    "hazards.edit_hazard": change(
        UPDATE, "hazards", lambda s, a: hazards.edit_hazard(s, a, "D", "h-g1", 1, {"measures": "x"})
    ),
    "hazards.rectify": change(UPDATE, "hazards", lambda s, a: hazards.rectify(s, a, "D", "h-g1", 1)),
    "hazards.recheck": change(UPDATE, "hazards", _recheck),
    "hazards.remove_hazard": change(DELETE, "hazards", lambda s, a: hazards.remove_hazard(s, a, "D", "h-g1", 1)),
    "maintenance.hazard": read("hazards", lambda s, a: maintenance.hazard(s, a, "D", "h-g1"), "refused"),
    "maintenance.hazard_review": read(
        "hazards", lambda s, a: maintenance.hazard_review(s, a, "D", QUARTER, now=NOW), "cut", (READ, "work_orders")
    ),
    "maintenance.standing_dangers": read(
        "hazards", lambda s, a: maintenance.standing_dangers(s, a, "D", now=NOW), "cut", (READ, "work_orders")
    ),
    "maintenance.urgent": read(
        "hazards",
        lambda s, a: maintenance.urgent(s, a, "D", now=NOW),
        "cut",
        (READ, "work_orders"),
    ),
    "maintenance.hazards_over": read("hazards", lambda s, a: maintenance.hazards_over(s, a, "D")),
    # staff: files of the whole community's, for who leads the team
    "staff.add_member": change(
        CREATE,
        "staff_members",
        lambda s, a: staff.add_member(s, a, "D", {"person_id": "free-D", "joined_on": TODAY}),
    ),
    "staff.edit_member": change(
        UPDATE, "staff_members", lambda s, a: staff.edit_member(s, a, "D", "sm-D", 1, {"remark": "x"})
    ),
    "staff.leave": change(
        UPDATE, "staff_members", lambda s, a: staff.leave(s, a, "D", "sm-D", 1, on=TODAY, reason="retired")
    ),
    "staff.remove_member": change(DELETE, "staff_members", lambda s, a: staff.remove_member(s, a, "D", "sm-D", 1)),
    "staff.add_certificate": change(
        CREATE,
        "staff_certificates",
        lambda s, a: staff.add_certificate(s, a, "D", {"person_id": "p-D", "name": "fire", "obtained_on": TODAY}),
    ),
    "staff.edit_certificate": change(
        UPDATE, "staff_certificates", lambda s, a: staff.edit_certificate(s, a, "D", "sc-D", 1, {"name": "x"})
    ),
    "staff.remove_certificate": change(
        DELETE, "staff_certificates", lambda s, a: staff.remove_certificate(s, a, "D", "sc-D", 1)
    ),
    "staff.add_training": change(
        CREATE,
        "staff_trainings",
        lambda s, a: staff.add_training(s, a, "D", {"topic": "y", "held_on": TODAY, "hours": 2}, ["p-D"]),
    ),
    "staff.edit_training": change(
        UPDATE, "staff_trainings", lambda s, a: staff.edit_training(s, a, "D", "st-D", 1, {"hours": 3})
    ),
    "staff.remove_training": change(
        DELETE, "staff_trainings", lambda s, a: staff.remove_training(s, a, "D", "st-D", 1)
    ),
    "staff.add_training_plan": change(
        CREATE, "training_plans", lambda s, a: staff.add_training_plan(s, a, "D", {"year": 2027, "hours": 9})
    ),
    "staff.edit_training_plan": change(
        UPDATE, "training_plans", lambda s, a: staff.edit_training_plan(s, a, "D", "tp-D", 1, {"hours": 9})
    ),
    "staff.remove_training_plan": change(
        DELETE, "training_plans", lambda s, a: staff.remove_training_plan(s, a, "D", "tp-D", 1)
    ),
    "staff.add_successor": change(
        CREATE,
        "staff_successors",
        lambda s, a: staff.add_successor(s, a, "D", {"post_id": "key-D", "person_id": "p-D"}),
    ),
    "staff.edit_successor": change(
        UPDATE, "staff_successors", lambda s, a: staff.edit_successor(s, a, "D", "ss-D", 1, {"readiness": "now"})
    ),
    "staff.remove_successor": change(
        DELETE, "staff_successors", lambda s, a: staff.remove_successor(s, a, "D", "ss-D", 1)
    ),
    "staff.open_round": change(
        CREATE,
        "assessment_rounds",
        lambda s, a: staff.open_round(
            s,
            a,
            "D",
            {"name": "n", "first": TODAY, "last": TODAY, "opens_on": TODAY, "closes_on": TODAY, "people": ("p-D",)},
        ),
    ),
    "staff.edit_round": change(
        UPDATE, "assessment_rounds", lambda s, a: staff.edit_round(s, a, "D", "ar-D", 1, {"name": "y"})
    ),
    "staff.close_round": change(UPDATE, "assessment_rounds", lambda s, a: staff.close_round(s, a, "D", "ar-D", 1)),
    "staff.remove_round": change(
        DELETE, "assessment_rounds", lambda s, a: staff.remove_round(s, a, "D", "free-ar-D", 1)
    ),
    "staff.enter_ballots": change(
        CREATE,
        "assessment_ballots",
        lambda s, a: staff.enter_ballots(s, a, "D", "ar-D", "p-D", "street", n=1, sums=[1] * 5),
    ),
    "staff.take_back_ballots": change(
        DELETE, "assessment_ballots", lambda s, a: staff.take_back_ballots(s, a, "D", "ab-D", 1)
    ),
    "staff.correct_ballots": change(
        UPDATE,
        "assessment_ballots",
        lambda s, a: staff.correct_ballots(s, a, "D", "ab-D", 1, n=0, sums=[], reason="x"),
    ),
    "staff.members": read("staff_members", lambda s, a: staff.members(s, a, "D"), "refused"),
    "staff.certificates": read("staff_certificates", lambda s, a: staff.certificates(s, a, "D"), "refused"),
    "staff.trainings": read(
        "staff_trainings", lambda s, a: staff.trainings(s, a, "D", date(2026, 1, 1), TODAY), "refused"
    ),
    "staff.training_entry": read("staff_trainings", lambda s, a: staff.training_entry(s, a, "D", "st-D"), "refused"),
    "staff.training_plans": read("training_plans", lambda s, a: staff.training_plans(s, a, "D"), "refused"),
    "staff.fulfilling": read("staff_members", lambda s, a: staff.fulfilling(s, a, "D", on=TODAY), "refused"),
    "staff.training_review": read("staff_members", lambda s, a: staff.training_review(s, a, "D", on=TODAY), "refused"),
    "staff.succession": read("staff_members", lambda s, a: staff.succession(s, a, "D", on=TODAY), "refused"),
    "staff.staff_file": read("staff_members", lambda s, a: staff.staff_file(s, a, "D", "p-D", now=NOW), "refused"),
    "staff.rounds": read("assessment_rounds", lambda s, a: staff.rounds(s, a, "D"), "refused"),
    "staff.round_review": read("assessment_rounds", lambda s, a: staff.round_review(s, a, "D", "ar-D"), "refused"),
    "staff.entries_of": read("assessment_ballots", lambda s, a: staff.entries_of(s, a, "D", "ar-D", "p-D"), "refused"),
    "staff.results_of": read("assessment_rounds", lambda s, a: staff.results_of(s, a, "D", "p-D"), "refused"),
    "evidence.evidence": read(
        "assessment_rounds", lambda s, a: evidence.evidence(s, a, "D", ["p-D"], TODAY, TODAY, now=NOW), "refused"
    ),
    "staff.team": read("staff_figures", lambda s, a: staff.team(s, a, "D", on=TODAY), "common"),
    "staff.staff_glance": read("staff_figures", lambda s, a: staff.staff_glance(s, a, "D", on=TODAY), "common"),
    "maintenance.load_of": read("work_orders", lambda s, a: maintenance.load_of(s, a, "D", ["p-D"], QUARTER.months)),
    "maintenance.work_of": read(
        "work_orders",
        lambda s, a: maintenance.work_of(s, a, "D", ["p-D"], date(2026, 1, 1), TODAY, now=NOW + timedelta(days=9)),
    ),
    # meetings
    "meetings.plan_meeting": change(
        CREATE,
        "meetings",
        lambda s, a: meetings.plan_meeting(s, a, "D", {"name": "x", "kind": "monthly", "day": date(2026, 7, 1)}),
        "common",
    ),
    "meetings.edit_meeting": change(
        UPDATE, "meetings", lambda s, a: meetings.edit_meeting(s, a, "D", "m-D", 1, {"place": "x"}), "common"
    ),
    "meetings.take_up": change(
        UPDATE, "meetings", lambda s, a: meetings.take_up(s, a, "D", "next-D", 1, [AgendaItem(text="x")]), "common"
    ),
    "meetings.hold": change(
        UPDATE, "meetings", lambda s, a: meetings.hold(s, a, "D", "today-D", 1, people=["p-D"]), "common"
    ),
    "meetings.cancel": change(UPDATE, "meetings", lambda s, a: meetings.cancel(s, a, "D", "next-D", 1, "x"), "common"),
    "meetings.plan_again": change(
        UPDATE, "meetings", lambda s, a: meetings.plan_again(s, a, "D", "off-D", 1), "common"
    ),
    "meetings.remove_meeting": change(
        DELETE, "meetings", lambda s, a: meetings.remove_meeting(s, a, "D", "bare-D", 1), "common"
    ),
    "meetings.write_minutes": change(
        UPDATE, "meetings", lambda s, a: meetings.write_minutes(s, a, "D", "m-D", 1, "x"), "common"
    ),
    "meetings.finalize": change(UPDATE, "meetings", lambda s, a: meetings.finalize(s, a, "D", "m-D", 1), "common"),
    "meetings.correct": change(
        UPDATE, "meetings", lambda s, a: meetings.correct(s, a, "D", "final-D", 1, "x"), "common"
    ),
    "meetings.withdraw": change(UPDATE, "meetings", lambda s, a: meetings.withdraw(s, a, "D", "open-D", 1), "common"),
    "meetings.decide": change(
        CREATE, "decisions", lambda s, a: meetings.decide(s, a, "D", "m-D", {"text": "x"}), "common"
    ),
    "meetings.edit_decision": change(
        UPDATE, "decisions", lambda s, a: meetings.edit_decision(s, a, "D", "c-D", 1, {"text": "x"}), "common"
    ),
    "meetings.link_decision": change(
        UPDATE,
        "decisions",
        lambda s, a: meetings.link_decision(s, a, "D", "free-c-D", 1, [Link(about="facilities", ref="f-g1")]),
    ),
    "meetings.remove_decision": change(
        DELETE, "decisions", lambda s, a: meetings.remove_decision(s, a, "D", "free-c-D", 1), "common"
    ),
    "meetings.give": change(
        CREATE,
        "action_items",
        lambda s, a: meetings.give(s, a, "D", "m-D", {"what": "x", "owner_id": "p-D", "due_on": TODAY}),
        "common",
    ),
    "meetings.edit_item": change(
        UPDATE, "action_items", lambda s, a: meetings.edit_item(s, a, "D", "ai-D", 1, {"what": "x"}), "common"
    ),
    "meetings.finish": change(
        UPDATE, "action_items", lambda s, a: meetings.finish(s, a, "D", "ai-D", 1, result="x"), "common"
    ),
    "meetings.drop": change(UPDATE, "action_items", lambda s, a: meetings.drop(s, a, "D", "ai-D", 1, "x"), "common"),
    "meetings.reopen": change(
        UPDATE, "action_items", lambda s, a: meetings.reopen(s, a, "D", "done-ai-D", 1, "x"), "common"
    ),
    "meetings.remove_item": change(
        DELETE, "action_items", lambda s, a: meetings.remove_item(s, a, "D", "ai-D", 1), "common"
    ),
    "meetings.answerable": read(
        "people", lambda s, a: meetings.answerable(s, a, "D"), "common", (READ, "organizations")
    ),
    "meetings.review": read("meetings", lambda s, a: meetings.review(s, a, "D", QUARTER, now=NOW), "common"),
    "meetings.kept_by_kind": read(
        "meetings", lambda s, a: meetings.kept_by_kind(s, a, "D", QUARTER, now=NOW), "common"
    ),
    "meetings.calendar": read("meetings", lambda s, a: meetings.calendar(s, a, "D", 2026, now=NOW), "common"),
    "meetings.glance": read("meetings", lambda s, a: meetings.glance(s, a, "D", now=NOW), "common"),
    "meetings.meetings": read("meetings", lambda s, a: meetings.meetings(s, a, "D"), "common"),
    "meetings.meeting": read("meetings", lambda s, a: meetings.meeting(s, a, "D", "m-D", now=NOW).names),
    "meetings.business": read("meetings", lambda s, a: meetings.business(s, a, "D", "next-D", now=NOW), "common"),
    "meetings.to_come": read("meetings", lambda s, a: meetings.to_come(s, a, "D", now=NOW), "common"),
    "meetings.decision": read("decisions", lambda s, a: meetings.decision(s, a, "D", "c-D"), "common"),
    "meetings.action_item": read("action_items", lambda s, a: meetings.action_item(s, a, "D", "ai-D"), "common"),
    "meetings.my_items": read("action_items", lambda s, a: meetings.my_items(s, a, "D", ["p-D"], now=NOW), "common"),
    "meetings.items_kept": read(
        "action_items",
        lambda s, a: meetings.items_kept(s, a, "D", ["p-D"], date(2026, 1, 1), TODAY, on=date(2027, 1, 1)),
        "common",
    ),
    "meetings.closed_items": read("action_items", lambda s, a: meetings.closed_items(s, a, "D", QUARTER)[0], "common"),
    "meetings.decisions": read("decisions", lambda s, a: meetings.decisions(s, a, "D", QUARTER)[0], "common"),
    "meetings.decided_on": read("decisions", lambda s, a: meetings.decided_on(s, a, "D", "f-g2"), "common"),
    "meetings.names": read(
        "facilities",
        lambda s, a: meetings.names(s, a, "D", [Link(about="facilities", ref=id) for id in ("f-g1", "f-g2")]),
    ),
    "meetings.linkable": read("facilities", lambda s, a: meetings.linkable(s, a, "D", Linked.FACILITY)),
    # requests
    "erasure.preview": change(CREATE, "erasures", lambda s, a: erasure.preview(s, a, "D", f"{MARK}-R")),
    "erasure.erase": change(CREATE, "erasures", lambda s, a: erasure.erase(s, a, "D", f"{MARK}-R", "asked")),
    "erasure.carry_on": change(CREATE, "erasures", lambda s, a: erasure.carry_on(s, a, "D")),
    "erasure.take_ledger": change(CREATE, "erasures", lambda s, a: erasure.take_ledger(s, a, None)),
    "erasure.forget_closed": change(
        DELETE, "contacts", lambda s, a: erasure.forget_closed(s, a, "D", on=date(2027, 1, 1)), "common"
    ),
    "erasure.erasures": read("erasures", lambda s, a: erasure.erasures(s, a, "D"), "refused"),
    "requests.take_request": change(
        CREATE, "requests", lambda s, a: requests.take_request(s, a, "D", {"text": "漏水", "grid_id": "g1"})
    ),
    "requests.accept": change(UPDATE, "requests", lambda s, a: requests.accept(s, a, "D", "r-g1", 1, note="x")),
    "requests.resolve": change(UPDATE, "requests", lambda s, a: requests.resolve(s, a, "D", "r-g1", 1, answer="x")),
    "requests.decline": change(UPDATE, "requests", lambda s, a: requests.decline(s, a, "D", "r-g1", 1, reason="x")),
    "requests.refer": change(UPDATE, "requests", lambda s, a: requests.refer(s, a, "D", "r-g1", 1, to="x")),
    "requests.call_back": change(
        UPDATE,
        "requests",
        lambda s, a: requests.call_back(s, a, "D", "ra-g1", 1, reached=True, solved=True, satisfaction="satisfied"),
    ),
    "requests.close_unreached": change(
        UPDATE, "requests", lambda s, a: requests.close_unreached(s, a, "D", "ru-g1", 1)
    ),
    "requests.reopen": change(UPDATE, "requests", lambda s, a: requests.reopen(s, a, "D", "ra-g1", 1, reason="x")),
    "requests.remark": change(UPDATE, "requests", lambda s, a: requests.remark(s, a, "D", "r-g1", "x")),
    "requests.edit_request": change(
        UPDATE, "requests", lambda s, a: requests.edit_request(s, a, "D", "r-g1", 1, {"place": "x"})
    ),
    "requests.remove_request": change(DELETE, "requests", lambda s, a: requests.remove_request(s, a, "D", "r-g1", 1)),
    "requests.become_order": Row(
        ((UPDATE, "requests"), (CREATE, "work_orders")),
        lambda s, a: requests.become_order(s, a, "D", "r-g1", 1, fault="loose", facility_id="f-g1"),
        "refused",
    ),
    "requests.become_activity": Row(
        ((UPDATE, "requests"), (CREATE, "activities")),
        lambda s, a: requests.become_activity(
            s, a, "D", "r-g1", 1, {"name": "x", "format": "craft", "held_on": date(2026, 5, 1)}
        ),
        "refused",
    ),
    "requests.mark": change(UPDATE, "requests", lambda s, a: requests.mark(s, a, "D", "r-g1", 1, "idea")),
    "requests.came_of": read("requests", lambda s, a: requests.came_of(s, a, "D", "a-g1")),
    "requests.take_up": Row(
        ((UPDATE, "meetings"),),
        lambda s, a: requests.take_up(s, a, "D", "next-D", 1, [AgendaItem(text="x")]),
        "common",
    ),
    "requests.put_to_meeting": Row(
        ((UPDATE, "requests"), (UPDATE, "meetings")),
        lambda s, a: requests.put_to_meeting(s, a, "D", "ra-g1", 1, "next-D"),
        "refused",
    ),
    "requests.request_review": read("requests", lambda s, a: requests.request_review(s, a, "D", QUARTER, now=NOW)),
    "requests.request_list": read("requests", lambda s, a: requests.request_list(s, a, "D", now=NOW)),
    "requests.owed_by_topic": read("requests", lambda s, a: requests.owed_by_topic(s, a, "D", QUARTER, now=NOW)),
    "requests.requests_by_grid": read("requests", lambda s, a: requests.requests_by_grid(s, a, "D", QUARTER, now=NOW)),
    "requests.received_for": read(
        "requests", lambda s, a: requests.received_for(s, a, "D", ["p-D"], TODAY - timedelta(days=9), TODAY)
    ),
    "requests.answered_by": read(
        "requests", lambda s, a: requests.answered_by(s, a, "D", ["p-D"], TODAY - timedelta(days=9), TODAY)
    ),
    "requests.reveal_request": change(
        READ, "contacts", lambda s, a: requests.reveal_request(s, a, "D", "r-g1", Purpose.CALL_BACK)
    ),
    "requests.for_meeting": read("requests", lambda s, a: requests.for_meeting(s, a, "D")),
    "requests.request_story": read("requests", lambda s, a: requests.request_story(s, a, "D", "r-g1"), "refused"),
    "requests.request_story_if_any": read("requests", lambda s, a: requests.request_story_if_any(s, a, "D", "r-g1")),
    "requests.request_glance": read("requests", lambda s, a: requests.request_glance(s, a, "D", now=NOW)),
    "requests.themes": read("requests", lambda s, a: requests.themes(s, a, "D", QUARTER, now=NOW)),
    # inspections
    "inspections.made_by": read(
        "inspections",
        lambda s, a: inspections.made_by(s, a, "D", [f"{MARK} eye", "open eye"], NOW - timedelta(days=9), NOW),
    ),
    "inspections.add_checklist": change(
        CREATE,
        "checklists",
        lambda s, a: inspections.add_checklist(s, a, "D", {"name": "new", "category": "fitness"}),
        "common",
    ),
    "inspections.edit_checklist": change(
        UPDATE, "checklists", lambda s, a: inspections.edit_checklist(s, a, "D", "l-D", 1, {"name": "x"}), "common"
    ),
    "inspections.remove_checklist": change(
        DELETE, "checklists", lambda s, a: inspections.remove_checklist(s, a, "D", "free-l-D", 1), "common"
    ),
    "inspections.enter_standard_checklists": change(
        CREATE, "checklists", lambda s, a: inspections.enter_standard_checklists(s, a, "D", since=TODAY)
    ),
    "inspections.add_plan": change(
        CREATE,
        "inspection_plans",
        lambda s, a: inspections.add_plan(
            s, a, "D", {"name": "x", "checklist_id": "l-D", "every_days": 7, "since": TODAY, "grid_id": "g1"}
        ),
    ),
    "inspections.edit_plan": change(
        UPDATE, "inspection_plans", lambda s, a: inspections.edit_plan(s, a, "D", "ip-g1", 1, {"every_days": 9})
    ),
    "inspections.remove_plan": change(
        DELETE, "inspection_plans", lambda s, a: inspections.remove_plan(s, a, "D", "ip-g1", 1)
    ),
    "inspections.record_inspection": change(
        CREATE,
        "inspections",
        lambda s, a: inspections.record_inspection(
            s, a, "D", "f-g1", "l-D", [ItemResult(text="x", dangerous=True, verdict="fail")]
        ),
    ),
    "inspections.remove_inspection": change(
        DELETE,
        "inspections",
        lambda s, a: inspections.remove_inspection(s, a, "D", "i-g1", 1),
    ),
    "inspections.dues": read("inspections", lambda s, a: inspections.dues(s, a, "D", today=TODAY)),
    "inspections.rounds": read("inspections", lambda s, a: inspections.rounds(s, a, "D", QUARTER, today=TODAY)),
    "inspections.task": read(
        "inspections", lambda s, a: inspections.task(s, a, "D", facility_id="f-g1", today=TODAY), "refused"
    ),
    "inspections.inspections_of": read("inspections", lambda s, a: inspections.inspections_of(s, a, "D", "f-g1")),
    "inspections.inspection": read("inspections", lambda s, a: inspections.inspection(s, a, "D", "i-g1"), "refused"),
    "inspections.checklists": read("checklists", lambda s, a: inspections.checklists(s, a, "D"), "common"),
    "inspections.checklist_names": read("checklists", lambda s, a: inspections.checklist_names(s, a, "D"), "common"),
    "inspections.plans": read("inspection_plans", lambda s, a: inspections.plans(s, a, "D")),
    # preventive
    "preventive.add_plan": change(
        CREATE,
        "maintenance_plans",
        lambda s, a: preventive.add_plan(
            s, a, "D", {"name": "x", "category": "fitness", "since": TODAY, "grid_id": "g1"}
        ),
    ),
    "preventive.edit_plan": change(
        UPDATE, "maintenance_plans", lambda s, a: preventive.edit_plan(s, a, "D", "mp-g1", 1, {"every": 9})
    ),
    "preventive.remove_plan": change(
        DELETE, "maintenance_plans", lambda s, a: preventive.remove_plan(s, a, "D", "free-mp-g1", 1)
    ),
    "preventive.generate": Row(
        ((CREATE, "work_orders"), (UPDATE, "maintenance_plans")),
        lambda s, a: preventive.generate(s, a, "D", until=date(2026, 6, 30)),
        "common",
    ),
    "preventive.skip": change(UPDATE, "work_orders", lambda s, a: preventive.skip(s, a, "D", "pm-g1", 1, "x")),
    "preventive.postpone": change(
        UPDATE, "work_orders", lambda s, a: preventive.postpone(s, a, "D", "pm-g1", 1, date(2026, 5, 1), "x")
    ),
    "preventive.lacking": Row(
        ((READ, "maintenance_plans"), (READ, "facilities"), (READ, "work_orders")),
        lambda s, a: preventive.lacking(s, a, "D", until=date(2026, 6, 30)),
    ),
    "preventive.leaving": read("work_orders", lambda s, a: preventive.leaving(s, a, "D", "f-g1")),
    "preventive.plans": read("maintenance_plans", lambda s, a: preventive.plans(s, a, "D")),
    "preventive.kept_in_cells": read(
        "work_orders", lambda s, a: preventive.kept_in_cells(s, a, "D", QUARTER, today=TODAY)
    ),
    "preventive.review": read("work_orders", lambda s, a: preventive.review(s, a, "D", QUARTER, today=TODAY)),
    "preventive.upkeep": read("facilities", lambda s, a: preventive.upkeep(s, a, "D", "f-g1", today=TODAY), "refused"),
    "replacement.replacement_review": Row(
        ((READ, "facilities"), (READ, "work_orders")), lambda s, a: replacement.replacement_review(s, a, "D", now=NOW)
    ),
    "replacement.facility_reliability": Row(
        ((READ, "facilities"), (READ, "work_orders")),
        lambda s, a: replacement.facility_reliability(s, a, "D", "f-g1", now=NOW),
        "refused",
    ),
    "flows.by_month": read("work_orders", lambda s, a: flows.by_month(s, a, "D", "work_orders", ["opened"])),
    "flows.in_cells": read(
        "work_orders", lambda s, a: flows.in_cells(s, a, "D", "work_orders", ["opened"], first="", last="2026-06")
    ),
    # across
    "overview.glance": Row(READS, lambda s, a: overview.glance(s, a, "D", QUARTER, now=NOW)),
    "overview.note_days": Row(
        (*READS, (UPDATE, "states_noted")), lambda s, a: overview.note_days(s, a, "D", now=NOW), "refused"
    ),
    "overview.team": Row(READS, lambda s, a: overview.team(s, a, "D", now=NOW)),
    "overview.repairs": Row(READS, lambda s, a: overview.repairs(s, a, "D", QUARTER, now=NOW)),
    "overview.estate": Row(READS, lambda s, a: overview.estate(s, a, "D", now=NOW)),
    "overview.crowd": Row(READS, lambda s, a: overview.crowd(s, a, "D", QUARTER, now=NOW)),
    "overview.of_organizations": Row(OF_ALL, lambda s, a: overview.of_organizations(s, a, "D", QUARTER, now=NOW)),
    "overview.of_staff": Row(OF_ALL, lambda s, a: overview.of_staff(s, a, "D", now=NOW)),
    "overview.of_meetings": Row(OF_ALL, lambda s, a: overview.of_meetings(s, a, "D", now=NOW), "common"),
    "overview.of_requests": Row(OF_ALL, lambda s, a: overview.of_requests(s, a, "D", now=NOW)),
    "store.at_once": Row(READS, lambda s, a: at_once(s, a, "D", [Put(overview.team, (), {"now": NOW})])),
    "overview.systems": Row(OF_ALL, lambda s, a: overview.systems(s, a, "D", QUARTER, now=NOW)),
    "review.reviewed": Row(READS, lambda s, a: review.reviewed(s, a, "D", QUARTER, now=NOW)),
    "contributions.moved": Row(
        OF_FIGURES, lambda s, a: [contributions.moved(s, a, "D", QUARTER, each, now=NOW) for each in TAKEN_APART[::8]]
    ),
    "contributions.made_of": Row(
        OF_FIGURES, lambda s, a: [contributions.made_of(s, a, "D", QUARTER, each, now=NOW) for each in TAKEN_APART]
    ),
    "review.presentation": read("presentations", lambda s, a: review.presentation(s, a, "D", "m-D"), "common"),
    "review.kept_reviews": read("kept_reviews", lambda s, a: review.kept_reviews(s, a, "D", "m-D"), "refused"),
    "review.since_shown": Row(
        (*READS, (READ, "kept_reviews")), lambda s, a: review.since_shown(s, a, "D", "kr-D", now=NOW), "refused"
    ),
    "review.prepare": change(
        CREATE, "presentations", lambda s, a: review.prepare(s, a, "D", "next-D", "2026Q2"), "common"
    ),
    "review.arrange": change(
        UPDATE,
        "presentations",
        lambda s, a: review.arrange(s, a, "D", "m-D", 1, order=("team",), hidden=("money",)),
        "common",
    ),
    "review.comment": change(
        UPDATE, "presentations", lambda s, a: review.comment(s, a, "D", "m-D", 1, "team", "x"), "common"
    ),
    "review.keep": change(CREATE, "kept_reviews", lambda s, a: review.keep(s, a, "D", "m-D", now=NOW)),
    "review.forget_presentation": change(
        DELETE, "presentations", lambda s, a: review.forget_presentation(s, a, "D", "m-D", 1)
    ),
    "overview.compare": Row(READS, lambda s, a: overview.compare(s, a, "D", QUARTER, now=NOW)),
    # importer
    "importer.save_mapping": change(
        CREATE,
        "saved_mappings",
        lambda s, a: importer.save_mapping(s, a, "D", "设施", importer.propose(Facility, a_sheet(), (same,))),
        "common",
    ),
    "importer.saved_mappings": read("saved_mappings", lambda s, a: importer.saved_mappings(s, a, "D", "facilities")),
    "importer.batches": read("import_batches", lambda s, a: importer.batches(s, a, "D")),
    "importer.prepare": change(
        IMPORT,
        "facilities",
        lambda s, a: importer.preparing.prepare(
            s, a, "D", a_sheet(), importer.propose(Facility, a_sheet(), (same,)), languages=(same,)
        ),
        "cut",
    ),
    "importer.preview": change(IMPORT, "facilities", a_preview, "cut"),
    "importer.commit": change(IMPORT, "facilities", a_commit),
    "importer.undo": change(IMPORT, "facilities", an_undo),
    "importer.export": read("facilities", lambda s, a: exported(s, a, Facility)),
    # counters
    "recount.check": change(UPDATE, "monthly_counts", lambda s, a: recount.check(s, a, "D"), "refused"),
    "recount.rebuild": change(UPDATE, "monthly_counts", lambda s, a: recount.rebuild(s, a, "D"), "refused"),
}


TAKES_GRIDS = {"handling.handling", "workload.workload", "patrols.patrol_review",
               "maintenance.work_by_grid", "requests.requests_by_grid",
               "entries.gates", "entries.entry_review", "entries.entry_list", "maintenance.company_scores",
               "maintenance.company_orders", "maintenance.work_behind",
               "facilities.register", "facilities.inventory", "maintenance.work_figures", "maintenance.work_glance",
               "maintenance.work_review", "maintenance.work_list", "activities.figures",
               "activities.calendar", "activities.upcoming", "checkin.shown_up", "overview.glance", "overview.repairs",
               "overview.estate", "inspections.dues",
               "inspections.rounds", "preventive.review", "maintenance.hazard_review", "maintenance.standing_dangers",
               "maintenance.urgent", "maintenance.hazards_over", "replacement.replacement_review",
               "organizations.review", "organizations.glance", "organizations.needs", "projects.glance"}  # fmt: skip


NO_ACTOR: Mapping[str, str] = {
    "store.at_one_sitting": "a store, which is told the actor at each question; see tests/test_sitting.py",
    "store.in_steps": "makes a question, which names its actor when it is asked",
    "targets.judged": "makes a question, which names its actor when it is asked",
    # who is acting is only found out by these; what they do is tried in test_accounts
    "accounts.sign_in": "makes an actor of a password",
    "accounts.sign_in_as": "makes an actor of what a single sign-on says",
    "accounts.visitor": "tells the actor a token stands for",
    "accounts.followed": "yes or no, for whoever has the token",
    "accounts.sign_out": "ends the sign-in whose token is shown, and no other",
    "accounts.change_password": "one's own, with the old password and an open sign-in; a Visitor says whose",
    "accounts.anybody": "yes or no, before anybody is signed in",
    "accounts.open_demonstration": "yes or no, before anybody is signed in",
    "accounts.setup_code": "for whoever starts the server, to open the first account with",
    "accounts.setup_open": "yes or no, for whoever knows the code",
    "accounts.set_up": "opens the first account and no other, with the code",
    "attempts.count": "counts a try at signing in, before anybody is",
    "attempts.came_in": "makes up for a try that was none",
    "attempts.forget": "unlocks a name, within a change of its account",
    "patrols.keys_of": "makes keys of the doors of a patrol, which log_patrol has asked for",
    # the machine's own upkeep
    "attempts.clear": "takes out tries that are over",
    "accounts.clear_away": "takes out sign-ins and tries that are over",
    "audit.seal": "hashes what is at rest; gives a number",
    "audit.missing_head": "what a file beside the key says of a seal, for the command line and a verdict",
    "audit.stored_entries": "builds what verify and seal read; both ask for the whole reach",
    "reports.clear_links": "private links whose time is over; gives a number",
    # whoever scans a label or follows a private link has no account: an Outsider is made of it, bound to one record
    "labels.label_with": "tells the label a code stands for",
    "reports.board": "makes an outsider of a label's code; tried in test_public",
    "reports.form_token": "a random word with a sign, no part of any record",
    "reports.report": "makes an outsider of a label; tried in test_public",
    "reports.see_too": "makes an outsider of a label; tried in test_public",
    "reports.follow": "makes an outsider of a private link; tried in test_public",
    "reports.answer": "makes an outsider of a private link; tried in test_public",
    "review.Desk": "bears its actor, whom it names in each question it puts",
    **{
        f"review.Desk.{name}": "of what those questions told, which are tried in their own rows"
        for name in (
            *("because", "day", "director", "grid", "grids", "in_weeks", "left", "moment", "name", "posts"),
            *("stock", "then", "thrice", "today"),
        )
    },
    "maintenance.Ledger": "bears its actor; what read has taken in",
    **{
        f"maintenance.Ledger.{name}": "of what read has taken in"
        for name in (
            *("as_of", "ends", "flow_months", "glance_wanted", "is_past", "last", "latest_kind", "midnight"),
            *("present", "read_glance", "series", "today", "known", "estimates_wanted", "take_estimates"),
        )
    },
    # whoever stands at a door has no account: an Outsider is made of its code, bound to one activity
    "checkin.doorway": "makes an outsider of a door's code; tried in test_door",
    "checkin.door_token": "a random word with a sign, no part of any record",
    "checkin.enter": "makes an outsider of a door's code; tried in test_door",
    "checkin.walk_in": "makes an outsider of a door's code; tried in test_door",
    "checkin.digest_of": "of a code that is known already; no part of any record",
    "keyed.key": "a random word of the database, no part of any record",
    "keyed.sign": "a mark made with it",
    "backup.due": "looks at file names only",
    "backup.note_erasures": "hashes and a key, into a file beside the backups",
    "erasure.note_ledger": "hashes and a key, into a file beside the backups",
    "backup.database_id": "a random word that names the database, no part of any record",
    "backup.strangers": "names of collections that are not ours",
    "backup.Sink": "the file a backup is written to",
    "backup.Sink.flush": "the file a backup is written to",
    "backup.Sink.write": "the file a backup is written to",
    "once.first_use": "remembers the hash of what was redeemed; gives yes or no",
    "backup.is_empty": "yes or no, before a restore",
    "backup.restore": "fills an empty database, from the command line, before there is anybody",
    "recount.people_again": "brings counters to the records, when what is counted has changed",
    "keyed.digest": "makes a digest; whoever keeps or looks for it asks for permission",
    "recount.seen_again": "brings what is kept to the records, when what is kept has changed",
    "recount.make_again": "brings counters to the records, when what is counted has changed",
    "importer.recover": "ends what a killed process left half done",
    "importer.Flight": "bears its actor; it knows a batch, and Chunks asks for each of its rows",
    "importer.Flight.enter": "the batch that commit and undo have asked for",
    "importer.Flight.take_over": "of a process that is gone, for recover",
    "importer.Flight.hold": "the batch's own document",
    "importer.Flight.flip": "makes count what Chunks has asked for",
    "importer.Flight.complete": "flips, tidies or rolls back",
    "importer.Flight.tidy": "drops copies, and rows that the flip took out",
    "importer.Flight.roll_back": "brings back what stood before",
    "importer.Flight.ledger": "for undo, which asks for all of it first, and for the end of a batch",
    "importer.Flight.within": "a filter",
    "migrations.pending": "names of steps",
    "migrations.migrate": "brings validators and indexes to the declarations",
    # inside a transaction, whose Write names the actor and asks at each change
    "people.keep_contact": "inserts through Write",
    "people.move_contact": "updates through Write, with the record that went",
    "people.drop_contact": "deletes through Write",
    "people.keep_until": "updates through Write",
    "accounts.first_to_see": "one of those it is asked about, who may be given work",
    "accounts.sees": "yes or no, inside a Write that gives somebody work",
    "maintenance.require_seen": "yes or no, inside a Write that gives somebody work",
    "photos.link": "names photos of the actor's own in the write that names them",
    "photos.share": "of a record that was read through the Write with another one",
    "photos.hand_over": "of a record that was read through the Write to another one",
    "photos.let_go": "of a record that is changed through the Write",
    "hazards.link_order": "reads and updates through Write",
    "hazards.unlink_order": "reads and updates through Write",
    "hazards.follow": "reads and updates through Write",
    "meetings.put_on_agenda": "updates through Write",
    "meetings.take_off_agenda": "updates through Write",
    "organizations.note_part": "inserts through Write",
    "organizations.drop_parts": "deletes through Write",
    "organizations.move_parts": "changes through Write",
    "maintenance.open_order": "reads and inserts through Write",
    "maintenance.found_again": "updates through Write",
    "maintenance.found_in_order": "updates through Write",
    "maintenance.leave_undone": "updates through Write",
    "maintenance.said": "makes a value only; the caller updates through Write",
    "maintenance.take_photos": "updates through Write",
    "facilities.with_history": "changes values only; the caller updates through Write",
    "facilities.follows_retirement": "marks what is done in the Write that retires, which bears its actor",
    # the server behind the store
    "store.Store": "opens nothing by itself",
    "store.Store.connect": "opens the database for the process",
    "store.Store.engine": "the server's version",
    "store.Store.room": "bytes free",
    "store.Store.require_room": "bytes free",
    "store.Store.restoring": "yes or no",
    "store.Store.require_open": "yes or no",
    "store.Store.end_abandoned": "ends transactions that a killed process left open; gives a number",
    "store.Store.ping": "yes or no",
    "store.Store.led": "yes or no",
    "store.Store.close": "closes connections",
    "store.Store.zone": "a time zone, which cuts months for everybody",
    "store.Store.forget_zone": "what this process remembers",
    "store.Store.pending_batches": "ids of imports whose rows nobody sees",
    "store.Store.reread_pending": "what this process remembers",
    "store.Store.erasure_key": "the key of hashes, for this process",
    "store.Store.take_erasure_key": "the same, when a database was restored",
    "store.Store.erasure_id": "a hash of a code that was given",
    "store.Store.erased": "which of the codes that were given may not be used",
    "store.Store.writes": "how many writes there were, and nothing of them",
    # below the scope: who calls them is in PAST_THE_SCOPE, and what cuts it there
    "store.Store.documents": "the rooms' own reading",
    "store.Store.counters": "the rooms' own reading",
    "store.Store.counters_of": "the rooms' own reading",
    "store.Then": "opens nothing by itself",
    "store.Then.documents": "the rooms' own reading",
    "store.Then.counters_of": "the rooms' own reading",
    "store.Then.write": "stops everybody",
    # Write is made by Store.write, which looks the actor up
    "store.Write": "bears its actor",
    "store.Write.add_counts": "numbers of rows that were written through an import's own checks",
    "store.Write.touch": "says that something was written",
    "store.Write.came_before": "hands over what was read before",
    "store.Write.note": "adds an entry under the actor's name",
    "store.Write.note_row": "adds an import's entry of one row, which the batch's own checks let through",
}
"""Public functions that take a store and no actor, because …"""

TRIED_BELOW = {
    "store.Store": {
        "find",
        "count",
        "aggregate",
        "together",
        "get",
        "communities",
        "names",
        "first_month",
        "next_number",
    }
    | {"write", "insert", "update", "delete"},
    "store.Write": {"read", "referred", "reveal", "insert", "insert_many", "update", "delete"} | {"erase"},
    "store.Then": {"find", "count", "aggregate", "together"},
}

PAST_THE_SCOPE: Mapping[str, str] = {
    "accounts": "accounts, passwords and sign-ins are nobody's grid's; each function has its row or reason above",
    "attempts": "tries at signing in, no records",
    "audit": "_require_whole: of a whole community, for whoever has all of it",
    "backup": "of everything, for whoever has all of it",
    "migrations": "no records",
    "once.first_use": "hashes of what was redeemed, no records",
    "recount": "WHOLE: for whoever has the whole community",
    "activities.commands": "inside a Write, of an activity that was read through it; codes are no secret, see told",
    "activities.depth.moved_up": "only of residents whose attendances in reach were read",
    "activities.depth._counters": "counters of the whole community, for whoever has all of it",
    "activities.depth._reached": "counters of whole communities, for whoever has all of it",
    "residents.commands": "scope, or inside a Write that asks for each card it changes",
    "residents.queries.resident_of_card": "scope",
    "activities.queries._People": "its own documents: of counters, cut by seen",
    "activities.queries.figures_wanted": "counters, cut by seen in figures",
    "activities.queries._held": "counters, cut by seen",
    "activities.queries.grids_wanted": "a counter, cut to the grids of the setting in came_by_grid",
    "checkin.commands": "inside a Write, of an activity that was read through it; whether a new code is somebody's",
    "checkin.door._door_with": "the door itself, for whoever has its code",
    "checkin.queries._by_activity": "counters, cut by seen",
    "signups": "inside a Write, of an activity that was read through it; forget_sign_ups: scope",
    "activities.series": "inside a Write, of a series one of which was read through it",
    "keyed.key": "a random word, no record",
    "targets.commands": "inside a Write: targets are the whole community's, an acceptance's own grid was asked for",
    "entries.commands.forget_expired": "scope",
    "entries.queries._counts": "counters, cut by seen",
    "entries.queries._hours": "counters, cut by seen",
    "entries.queries._masked": "scope; only for the mask",
    "erasure": "WHOLE: for whoever has the whole community",
    "flows.by_month": "counters, cut by reach",
    "flows.in_cells": "counters, cut by reach",
    "grids._require_active": "inside a Write: whether a person is active",
    "grids._settle": "inside a Write, of a post that was read through it",
    "grids.posts": "_posts_in_reach",
    "importer.batch": "of batches; of rows only for _require_all_of, before an undo",
    "importer.chunks": "Chunks._require_reach asks for each row",
    "importer.flight": "of batches, and of rows that Chunks has asked for",
    "importer.exports._Names.of": "what the rows in reach point at, by name",
    "importer.exports.export": "scope",
    "importer.preparing._Judge._names": "scope",
    "importer.preparing._Judge._taken": "whether a code is another's, which every write of it tells",
    "importer.preparing._Judge.existing": "in_reach, before a row is compared",
    "importer.preparing._Judge.find_unnumbered": "in_reach",
    "importer.preparing._Judge.mark_repeats": "repairs of facilities that the rows name, which were in reach",
    "inspections.commands": "inside a Write, of a facility that was read through it; checklists are everybody's",
    "labels._labels": "inside a Write, of a facility or place that was read through it",
    "labels.label_with": "the label itself, for whoever has scanned it",
    "maintenance.commands._restore": "inside a Write: whether another danger is open",
    "maintenance.commands._a_danger_stopped": "inside a Write: whether an order has this number",
    "maintenance.commands._skip_taken": "the last number",
    "maintenance.commands._mended_lately": "inside a Write, of an order's own facility",
    "preventive.commands._follow": "scope",
    "maintenance.companies.company_scores": "counters, cut by seen",
    "maintenance.persons._counted": "counters, cut by seen",
    "meetings.queries._flows_wanted": "counters of what is no grid's, read after reach",
    "maintenance.metrics.Ledger": "counters, cut by seen in _branches and _cell_counters_wanted",
    "maintenance.queries.work_categories": "counters of the grids in reach",
    "meetings.commands": "inside a Write, of a meeting that was read through it; meetings are the whole community's",
    "staff.assessing._of_person": "inside a Write, of a round that was read through it",
    "staff.commands.remove_member": "deletes through Write",
    "staff.commands._require_members": "inside a Write: whether people have a file",
    "organizations.commands.remove_organization": "inside a Write: whether a facility names it",
    "organizations.commands.note_part": "inside a Write: whether it is noted already",
    "organizations.commands._parts": "inside a Write, which changes or deletes each",
    "organizations.commands._not_cancelled": "inside a Write: whether an activity was cancelled",
    "organizations.queries._parts_wanted": "counters of what is no grid's, after reach",
    "projects.commands": "inside a Write, of a project that was read through it, or deletes through it",
    "projects.queries._closed": "counters of what is no grid's, after reach",
    "photos": "bytes without a grid; named by a record that was read, or linked inside a Write",
    "reports": "private links and the secret they are made with; records are read as the outsider they stand for",
    "requests.commands._earlier": "inside a Write: cut to the actor's grids in _likes; an id only",
    "requests.commands._mark_later": "inside a Write: cut to the actor's grids in _likes",
    "requests.commands._repeating": "in_reach",
    "requests.commands._skip_taken": "the last number",
    "patrols.doors._secret": "the secret that doors' keys are made with, no record",
    "patrols.queries._households": "counters, cut by seen",
    "patrols.queries._plans": "counters of plans, of which those in reach are looked up",
    "patrols.queries.patrols_by_grid": "counters, cut by seen",
    "patrols.queries.patrols_by_officer": "counters, cut by seen",
    "replacement._open": "counters, cut by seen",
    "replacement._orders": "counters, cut by seen",
    "requests.queries._stock": "counters, cut by seen",
    "requests.queries.answered_by": "counters, cut by seen",
    "requests.queries._topics": "counters, cut by seen",
    "requests.queries.requests_by_grid": "counters, cut by seen",
    "people.contact_of": "scope; only for the mask",
    "people.move_contact": "updates through Write",
    "staff.commands._require_new": "inside a Write: whether files of the whole community have this training",
    "requests.queries._became": "whether what a request in reach became is there; nothing of it is told",
    "requests.commands._to_become": "inside a Write: whether what a request in reach became is there",
    "people.drop_contact": "deletes through Write",
    "people.keep_until": "updates through Write",
}
"""Which functions, or all of a class or module, read or write past ``Store``'s scope, and what keeps them in reach."""
RAW = {"db", "client", "documents", "counters", "counters_of"}


def takes_a_store(function: Callable[..., Any]) -> bool:
    """By a parameter's name or annotation, or because it says nothing of what it takes."""
    for parameter in inspect.signature(function).parameters.values():
        said = parameter.annotation
        words = re.findall(r"\w+", said.__name__ if isinstance(said, type) else str(said))
        if parameter.name in {"store", "write"} or {"Store", "Write"} & {*words}:
            return True
        if parameter.kind is parameter.VAR_POSITIONAL and said is parameter.empty:
            return True
    return False


def home(thing: Any) -> str:
    """The module something was written in, whatever was wrapped around it."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    return str(getattr(inspect.unwrap(thing), "__module__", ""))


def found() -> dict[str, Callable[..., Any]]:
    """Every public function and method of the rooms that takes a store, and all of those of Store and Write, as
    room.function or room.Class.method."""
    functions: dict[str, Callable[..., Any]] = {}

    def note(key: str, function: Callable[..., Any]) -> None:
        assert functions.setdefault(key, function) is function, f"two functions are called {key}: rename one"

    for info in pkgutil.walk_packages(repository.__path__, "repository."):
        module = importlib.import_module(info.name)
        room = info.name.split(".")[1]
        for name, thing in vars(module).items():
            if name.startswith("_") or not callable(thing) or home(thing) != module.__name__:
                continue
            if not isinstance(thing, type):
                if takes_a_store(thing):
                    note(f"{room}.{name}", thing)
                continue
            holds = thing in (Store, Write) or ("__init__" in vars(thing) and takes_a_store(thing))
            if holds:
                note(f"{room}.{name}", thing)
            for method, function in vars(thing).items():
                told = (getattr(function, name, None) for name in ("fget", "func", "__func__"))
                bare = next((each for each in told if each is not None), function)
                if callable(bare) and not method.startswith("_") and (holds or takes_a_store(bare)):
                    note(f"{room}.{name}.{method}", bare)
    return functions


# --- tests
def test_every_public_function_that_takes_a_store_has_a_row_or_a_reason() -> None:
    there = set(found())
    tried = {f"{owner}.{method}" for owner, methods in TRIED_BELOW.items() for method in methods}
    assert there - ROWS.keys() - NO_ACTOR.keys() - tried == set(), "give it a row, or say why it names no actor"
    assert (ROWS.keys() | NO_ACTOR.keys() | tried) - there == set(), "it is not there any more"
    assert not ROWS.keys() & NO_ACTOR.keys()


def test_a_function_that_names_its_actor_has_a_row() -> None:
    for name, function in found().items():
        if any(
            parameter.name == "actor" or parameter.annotation is Actor
            for parameter in inspect.signature(function).parameters.values()
        ):
            bears_it = {"store.Write", "importer.Flight", "maintenance.Ledger", "review.Desk"}
            assert name not in NO_ACTOR or name in bears_it, name


def used_raw() -> set[str]:
    """Every function of the rooms that uses what knows no scope, as module.Class.function."""
    used = set()

    def look(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                look(child, f"{name}.{child.name}")
            else:
                if isinstance(child, ast.Attribute) and child.attr in RAW:
                    used.add(name)
                if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == "Counters":
                    used.add(name)  # as counters_of
                look(child, name)

    root = Path(repository.__path__[0])
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] not in {"store", "embedded"}:
            look(ast.parse(path.read_text("utf-8")), ".".join(parts))
    return used


def test_whatever_reads_past_the_scope_says_what_cuts_it() -> None:
    def within(name: str, known: str) -> bool:
        return name == known or name.startswith(f"{known}.")

    used = used_raw()
    assert {name for name in used if not any(within(name, known) for known in PAST_THE_SCOPE)} == set()
    assert {known for known in PAST_THE_SCOPE if not any(within(name, known) for name in used)} == set()


def test_a_new_function_in_any_shape_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the two tests above rest on."""

    def leak(place: Store, whom: str) -> list[Any]:
        return [place, whom]

    def hidden(**_: Any) -> Callable[..., Any]:
        return lambda *given: given

    class Desk:
        def __init__(self, store: Any) -> None:
            self.store = store

        def all(self) -> Any:
            return self.store

        @functools.cached_property
        def once(self) -> Any:
            return self.store

    shapes = {
        "leak": leak, "kept": functools.cache(leak), "part": functools.partial(leak, whom="x"), "made": hidden(),
        "Desk": Desk,
    }  # fmt: skip
    for name, shape in shapes.items():
        for thing in (shape, leak, Desk):
            if not isinstance(thing, functools.partial):
                monkeypatch.setattr(thing, "__module__", people.__name__, raising=False)
        monkeypatch.setattr(people, name, shape, raising=False)
    assert {f"people.{name}" for name in shapes} | {"people.Desk.all", "people.Desk.once"} <= found().keys()

    monkeypatch.setattr(leak, "__module__", maintenance.queries.__name__)
    monkeypatch.setattr(maintenance.queries, "move", leak, raising=False)
    with pytest.raises(AssertionError, match=r"two functions are called maintenance\.move"):
        found()


@pytest.fixture(scope="module")
def made(server: Callable[[str], str]) -> Iterator[tuple[Store, Dump]]:
    """A database of this file's own with the world in it, and what it then holds."""
    store = Store.connect(server("gridboard_access"), clock=lambda: NOW, event_listeners=[PEN])
    PEN.client, PEN.stands = store.client, None
    store.client.drop_database(store.db.name)
    migrate(store)
    world(store)
    keyed.key(store, "any")  # its collection is there, so that what is put back is as it was
    before = everything(store)
    yield store, before
    PEN.stands = None
    assert changed(store, before) == set(), "something was written past the pen"
    store.client.drop_database(store.db.name)
    store.close()


@pytest.fixture
def filled(made: tuple[Store, Dump]) -> Iterator[Store]:
    """The store with the world in it, put back afterwards."""
    store, before = made
    yield store
    restore(store, before)


def stopped(call: Callable[[], Any]) -> bool:
    """Whether permission or scope stood in the way: any other trouble is the test's own mistake."""
    try:
        call()
    except (Refused, NotFound):
        return True
    return False


@pytest.mark.parametrize("name", ROWS)
def test_each_role_may_what_the_table_of_permissions_says(filled: Store, name: str) -> None:
    row = ROWS[name]
    ground(filled, name)
    before = everything(filled)
    actors = [Actor(role, role, role) for role in Role]
    allowed = {
        actor.role
        for actor in actors
        if all(
            may(actor, operation, collection) and all(may_set(actor, operation, collection, name) for name in row.sets)
            for operation, collection in row.needs
        )
    }
    refused = [actor.role for actor in actors if actor.role not in allowed]
    for actor in sorted(actors, key=lambda actor: actor.role in allowed):
        try:
            row.call(filled, actor)
        except Refused:
            assert actor.role not in allowed, f"{actor.role} was refused"
            if actor.role == refused[-1]:
                assert changed(filled, before) == set(), f"by one of {refused}"
        else:
            assert actor.role in allowed, f"{actor.role} was let in"
            if any(operation != READ for operation, _ in row.needs):
                restore(filled, before)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if all(need == READ for need, _ in row.needs)])
def test_what_is_over_is_told_to_whom_the_same_is_told_now(filled: Store, name: str) -> None:
    """As of a moment after all there is everybody is told what they are told now, and nobody more."""
    ground(filled, name)
    past = Then(filled, datetime(2059, 7, 1, tzinfo=UTC))
    for actor in (ROOT, NARROW, *(Actor(role, role, role) for role in Role)):
        told: list[Any] = []
        for store in (filled, past):
            try:
                told.append(words(ROWS[name].call(store, actor)))
            except (Refused, NotFound) as trouble:
                told.append(type(trouble))
            except TypeError:  # it writes that somebody looked
                assert store is past
                told.append(told[0])
        assert told[0] == told[1], actor


IN_CHUNKS = {"importer.commit", "importer.undo", "recount.rebuild"}
"""They change many records past the transaction that tells of them, so they say nothing of which."""
UNSEEN = {
    "photos.keep",
    "photos.sweep",
    "photos.sweep_pieces",
}  # of photos that no record names, so that no answer tells of them
QUESTIONS = [name for name, row in ROWS.items() if all(need == READ for need, _ in row.needs)]
TURNS = 6  # of the kept answers how many are compared with a fresh one after each command


def read_on_the_wire(uri: str) -> tuple[Store, set[str]]:
    """A store, and what it is seen to read by whoever listens to the driver: collections, and subjects of counters by
    the documents that came."""
    seen: set[str] = set()

    class Wire(monitoring.CommandListener):
        def started(self, event: monitoring.CommandStartedEvent) -> None:
            if event.command_name in {"find", "aggregate", "count", "distinct"}:
                seen.add(event.command[event.command_name])
                joined(event.command.get("pipeline", ()))

        def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
            for one in event.reply.get("cursor", {}).get("firstBatch", ()):
                if (counter := re.fullmatch(r"D\|(\w+)\|\w+\|[^|]*\|[^|]*\|[^|]*", str(one.get("_id")))) is not None:
                    seen.add(counters_about(counter[1]))

        def failed(self, event: monitoring.CommandFailedEvent) -> None:
            pass

    def joined(part: Any) -> None:
        if isinstance(part, Mapping):
            for key, value in part.items():
                if key in {"$lookup", "$unionWith", "$graphLookup"}:
                    seen.add(value if isinstance(value, str) else value.get("from") or value["coll"])
                joined(value)
        elif isinstance(part, (list, tuple)):
            for one in part:
                joined(one)

    return Store.connect(uri, clock=lambda: NOW, event_listeners=[Wire()]), seen


@pytest.fixture(scope="module")
def kept(made: tuple[Store, Dump], server: Callable[[str], str]) -> Mapping[str, tuple[frozenset[str], Any]]:
    """What each question answers in the world, and what its footprint says it read; which covers what was read. None
    of those that write, or that answer with what is another thing each time."""
    store, seen = read_on_the_wire(server("gridboard_access"))
    found: dict[str, tuple[frozenset[str], Any]] = {}
    for name in QUESTIONS:
        seen.clear()
        with noting(Footprint()) as footprint:
            answer = ROWS[name].call(store, ROOT)
        changes = bool(footprint.changed)
        if changes:
            PEN.stands = None  # written with the other store
            restore(*made)
        counters = {each for each in footprint.read if each.startswith(counters_about(""))}
        whole = footprint.read | ({"monthly_counts"} if counters else set())
        assert ANYTHING in footprint.read or seen <= whole, f"{name} reads {seen - whole} unseen"
        if not changes and words(ROWS[name].call(made[0], ROOT)) == words(answer):
            found[name] = frozenset(footprint.read), answer
    store.close()
    assert len(found) > 150
    return found


def words(answer: Any) -> list[str]:
    """All that an answer says, in whatever order the server told it."""
    return sorted(re.findall(r"\w+", repr(answer)))


def moved(before: Mapping[str, Writes], after: Mapping[str, Writes], read: Iterable[str], place: str = "D") -> bool:
    """Whether an answer that was read from these falls."""
    minute, read = NOW, tuple(sorted(read))
    then, now = (Mark(place, each[place], each[EVERYWHERE], minute).of(read) for each in (before, after))
    return then != now


def parts(dump: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """What is kept, as footprints call it."""
    found = {name: rows for name, rows in dump.items() if name != "monthly_counts"}
    for one in dump.get("monthly_counts", ()):
        found.setdefault(counters_about(one["subject"]), []).append({**one, "met": None})
    return found


@pytest.mark.parametrize(
    "name", [name for name, row in ROWS.items() if any(need != READ for need, _ in row.needs) and name not in UNSEEN]
)
def test_every_command_counts_what_it_changes_so_that_answers_are_asked_anew(
    filled: Store, name: str, kept: Mapping[str, tuple[frozenset[str], Any]]
) -> None:
    """Whatever any question reads of and the command changed has another number; and of the answers that still stand,
    some in each turn are what is answered now."""
    ground(filled, name)
    before, stood = filled.writes(["D", EVERYWHERE]), everything(filled)

    ROWS[name].call(filled, ROOT)

    after = filled.writes(["D", EVERYWHERE])
    differs = changed(filled, stood)
    assert any(after[id].n > before[id].n for id in before) or not differs
    then, now = parts(stood), parts(everything(filled)) if differs else {}
    read = {each for names, _answer in kept.values() for each in names} & (then.keys() | now.keys())
    for each in sorted(read) if differs else ():
        if then.get(each, []) != now.get(each, []):
            of = EVERYWHERE if each in {"users", "passwords"} or name == "grids.found_community" else "D"
            assert moved(before, after, [each], of), f"{each} was changed and not counted"
    if name in PREPARE:
        return  # the kept answers are older
    standing = [each for each in kept if not moved(before, after, kept[each][0])]
    assert standing or name in IN_CHUNKS, "everything is asked anew"
    start = sum(name.encode()) * TURNS
    for each in {standing[(start + turn) % len(standing)] for turn in range(TURNS)} if standing else ():
        fresh = ROWS[each].call(filled, ROOT)
        assert words(fresh) == words(kept[each][1]), f"{each} still stood"


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"grids.found_community"}))
def test_nobody_reaches_into_another_community(filled: Store, name: str) -> None:
    ground(filled, name)
    before = everything(filled)

    answer: Any = None
    try:
        answer = ROWS[name].call(filled, ELSEWHERE)
    except (Refused, NotFound):
        pass
    else:
        assert answer is None or not answer, "somebody of E got an answer about D"
    assert changed(filled, before) == set()


def of_g1(dump: Dump) -> Dump:
    """What belongs to grid g1, its counters, and what stands above all grids."""

    def belongs(name: str, one: Mapping[str, Any]) -> bool:
        return "g1" in (one.get("grid_id"), one.get("grid"), one["_id"]) or name in ("communities", "users", SIGN_INS)

    kept = {name: [one for one in documents if belongs(name, one)] for name, documents in dump.items()}
    counted = {one["_id"]: one["by_grid"]["g1"] for one in dump["monthly_counts"] if "g1" in one.get("by_grid", {})}
    return Dump({**kept, "counted": [counted]})


@pytest.mark.parametrize("actor", [NEXT_DOOR, NARROW], ids=["of one community", "of all communities"])
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.where == "refused"])
def test_what_belongs_to_another_grid_is_out_of_reach(filled: Store, name: str, actor: Actor) -> None:
    ground(filled, name)
    before = everything(filled)

    assert stopped(lambda: ROWS[name].call(filled, actor))
    after = everything(filled)
    assert of_g1(after) == of_g1(before)
    # one says that it broke off, of the other the callers ask for the reach before it takes a number
    assert after == before or name in {"importer.commit", "maintenance.numbered"}


@pytest.mark.parametrize("actor", [NEXT_DOOR, NARROW], ids=["of one community", "of all communities"])
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.where == "common"])
def test_what_belongs_to_no_grid_touches_none(filled: Store, name: str, actor: Actor) -> None:
    before = of_g1(everything(filled))

    answer = repr(ROWS[name].call(filled, actor))
    assert MARK not in answer
    assert of_g1(everything(filled)) == before


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.where == "cut"])
def test_nothing_of_another_grid_is_seen(filled: Store, name: str) -> None:
    row = ROWS[name]
    everybody = repr(row.call(filled, ROOT))

    try:
        seen = repr(row.call(filled, NEXT_DOOR))
    except Refused:
        return
    assert MARK not in seen
    assert "'g1'" not in seen
    if name not in ("people.people", "people.people_by_id", "grids.community", "facilities.service_lives",
                    "entries.entry_rules", "importer.saved_mappings", "importer.batches",
                    "activities.upcoming"):  # fmt: skip
        assert seen != everybody, "the row proves nothing: the world has nothing to hide here"


@pytest.mark.parametrize("name", sorted(TAKES_GRIDS))
def test_a_grid_in_charge_gives_what_the_grid_filter_gives(filled: Store, name: str) -> None:
    """Counters are cut by hand, so a grid worker's figures must be the administrator's with that grid chosen; and
    asking for another grid gives nothing of it."""
    function = found()[name]
    wish = "seen" if "seen" in inspect.signature(function).parameters else "grids"
    more: dict[str, Any] = {"now": NOW} if "now" in inspect.signature(function).parameters else {}
    if name == "facilities.inventory":
        more["on"] = TODAY
    if "today" in inspect.signature(function).parameters:
        more["today"] = TODAY
    if name == "maintenance.company_orders":
        more["company_id"] = "o-D"
    if name == "maintenance.work_behind":
        more["figure"] = "opened"
    period = [QUARTER] if "period" in inspect.signature(function).parameters else []

    in_charge = function(filled, NEXT_DOOR, "D", *period, **more)
    chosen = function(filled, ROOT, "D", *period, **{wish: G2}, **more)
    beyond = function(filled, NEXT_DOOR, "D", *period, **{wish: frozenset({"g1"})}, **more)

    if name == "activities.figures":  # a chosen grid stands beside all others
        in_charge, chosen = replace(in_charge, grids=()), replace(chosen, grids=())
    if name != "overview.glance":  # it names every grid in reach beside the chosen ones
        assert in_charge == chosen
    assert MARK not in repr(beyond)


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.collection)
@pytest.mark.parametrize("role", list(Role))
def test_the_store_asks_the_table_for_every_collection(filled: Store, record: type[Record], role: Role) -> None:
    actor, name = Actor(role, role, role), record.collection
    kept = filled.db[name].find_one({"community_id": "D"})
    tried: dict[Operation, list[Callable[[], Any]]] = {
        READ: [
            lambda: filled.find(actor, record, "D", limit=1),
            lambda: filled.count(actor, record, "D"),
            lambda: filled.aggregate(actor, record, "D", [{"$limit": 1}]),
            lambda: filled.together(actor, "D", [Wanted(record)]),
            *([lambda: filled.names(actor, record, ["D"])] if record.name_field not in record.personal else []),
        ]
    }
    if kept is not None:
        there = record.from_document(kept)
        copy = there.model_copy(update={"id": "copy", **({"code": "copy"} if hasattr(there, "code") else {})})
        copy = copy.model_copy(update={"community_id": "copy"}) if isinstance(copy, Community) else copy
        copy = copy.model_copy(update={"number": "copy", "plan_id": None}) if isinstance(copy, WorkOrder) else copy
        copy = copy.model_copy(update={"number": "copy"}) if isinstance(copy, Request) else copy
        copy = copy.model_copy(update={"name": "copy"}) if isinstance(copy, Checklist) else copy
        copy = copy.model_copy(update={"name": "copy"}) if isinstance(copy, Place) else copy
        copy = copy.model_copy(update={"day": TODAY}) if isinstance(copy, SpecialDay) else copy
        copy = copy.model_copy(update={"name": "copy"}) if isinstance(copy, Organization | Project) else copy
        by_code = Attendance | Volunteer | ResidentCard | SignUp
        copy = copy.model_copy(update={"resident": "copy"}) if isinstance(copy, by_code) else copy
        copy = copy.model_copy(update={"card": "copy"}) if isinstance(copy, ResidentCard) else copy
        if isinstance(copy, StaffMember | StaffSuccessor):
            copy = copy.model_copy(update={"person_id": "free-D"})
        copy = copy.model_copy(update={"metric": "copy"}) if isinstance(copy, MetricTarget) else copy
        copy = copy.model_copy(update={"year": 2030}) if isinstance(copy, TrainingPlan) else copy
        tried[READ].append(lambda: filled.get(actor, record, "D", there.id))
        tried[CREATE] = [lambda: filled.insert(actor, copy)]
        tried[UPDATE] = [lambda: filled.update(actor, record, "D", there.id, there.revision, {})]
        tried[DELETE] = [lambda: filled.delete(actor, record, "D", there.id, there.revision)]
    for operation, calls in tried.items():
        for call in calls:
            try:
                call()
            except Refused:
                assert role not in PERMISSIONS[name][operation]
            except InUse:
                assert role in PERMISSIONS[name][operation]
            else:
                assert role in PERMISSIONS[name][operation]


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.collection)
def test_the_store_keeps_everybody_within_reach(filled: Store, record: type[Record]) -> None:
    name = record.collection
    with pytest.raises(Refused):
        filled.find(ELSEWHERE, record, "D")
    with pytest.raises(Refused):
        filled.count(ELSEWHERE, record, "D")
    with pytest.raises(Refused):
        filled.aggregate(ELSEWHERE, record, "D", [])
    with pytest.raises(Refused):
        filled.together(ELSEWHERE, "D", [Wanted(record, {"community_id": "D"})])
    with pytest.raises(TypeError if record.name_field in record.personal else Refused):
        filled.names(ELSEWHERE, record, ["D"])
    documents = list(filled.db[name].find({"community_id": "D"}))
    for document in documents:
        there = record.from_document(document)
        assert stopped(lambda there=there: filled.get(ELSEWHERE, record, "D", there.id))
        assert stopped(lambda there=there: filled.update(ELSEWHERE, record, "D", there.id, 1, {}))
        assert stopped(lambda there=there: filled.delete(ELSEWHERE, record, "D", there.id, 1))
        assert stopped(lambda there=there: filled.insert(ELSEWHERE, there.model_copy(update={"id": "copy"})))
        if record.grid_field and getattr(there, record.grid_field) == "g1":
            assert stopped(lambda there=there: filled.get(NEXT_DOOR, record, "D", there.id))
            assert stopped(lambda there=there: filled.update(NEXT_DOOR, record, "D", there.id, 1, {}))
            assert stopped(lambda there=there: filled.delete(NEXT_DOOR, record, "D", there.id, 1))
            assert stopped(lambda there=there: filled.insert(NEXT_DOOR, there.model_copy(update={"id": "copy"})))
            named = functools.partial(Write.referred, field="x")
            for look in (Write.read, named, functools.partial(Write.reveal, facts={})):
                work = functools.partial(look, record=record, community_id="D", id=there.id)
                assert stopped(functools.partial(filled.write, NEXT_DOOR, work))
    if record.grid_field and documents:
        assert {getattr(each, record.grid_field) for each in filled.find(NEXT_DOOR, record, "D")} <= {"g2"}
        (seen,) = filled.together(NEXT_DOOR, "D", [Wanted(record)])
        assert [record.from_document(each) for each in seen] == filled.find(NEXT_DOOR, record, "D")
        if record.name_field not in record.personal:
            assert filled.names(NEXT_DOOR, record, ["D"])["D"].keys() == {
                each.id for each in filled.find(NEXT_DOOR, record, "D")
            }
        assert filled.count(NEXT_DOOR, record, "D") == len(filled.find(NEXT_DOOR, record, "D"))
        assert filled.count(ROOT, record, "D", grids=G2) == filled.count(NEXT_DOOR, record, "D")


# --- who somebody is
PERSONAL: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "contacts": ("c-g1", {"expires_on": TODAY + timedelta(days=1)}),
    "entry_logs": ("e-g1", {"host": "6"}),
    "resident_cards": ("rc-g1", {"resident": "other"}),
}
"""A record with personal fields, and a change of another one."""


@pytest.mark.parametrize("record", [one for one in RECORDS.values() if one.personal], ids=lambda one: one.collection)
def test_personal_fields_come_out_of_nothing_but_reveal(filled: Store, record: type[Record]) -> None:
    """Absent, not hidden: whoever asks, however they ask."""
    id, change = PERSONAL[record.collection]
    kept = filled.db[record.collection].find_one({"_id": id})
    assert kept is not None
    said = [str(kept[name]) for name in record.personal]
    whole = Actor("whole", "全", Role.ADMIN)
    named = sorted(record.personal)[0]

    def conflict() -> Any:
        with pytest.raises(Conflict) as told:
            filled.update(whole, record, "D", id, 9, change)
        with pytest.raises(Conflict) as more:
            filled.delete(whole, record, "D", id, 9)
        return told.value.current, more.value.current

    ways: list[Callable[[], Any]] = [
        lambda: filled.find(whole, record, "D"),
        lambda: filled.get(whole, record, "D", id),
        lambda: filled.aggregate(whole, record, "D", [{"$set": {"copy": f"${named}"}}]),
        lambda: filled.together(whole, "D", [Wanted(record)]),
        lambda: filled.together(whole, "D", [Wanted(record, fields=(named,))]),
        lambda: filled.write(whole, lambda write: write.read(record, "D", id)),
        lambda: filled.update(whole, record, "D", id, 1, {}),
        conflict,
        lambda: filled.update(whole, record, "D", id, 1, change),
    ]
    for way in ways:
        answer = repr(way())
        assert answer
        assert not any(each in answer for each in said), answer
    still = filled.db[record.collection].find_one({"_id": id})
    assert still is not None
    assert [str(still[name]) for name in record.personal] == said  # what was not shown was not lost
    entries = filled.db[AUDIT].count_documents({"operation": "reveal"})
    shown = filled.write(whole, lambda write: write.reveal(record, "D", id, {"purpose": "test"}))
    assert all(each in repr(shown) for each in said)
    assert filled.db[AUDIT].count_documents({"operation": "reveal", "actor_id": "whole"}) == entries + 1


@pytest.mark.parametrize("filter", [{"phone": {"$regex": "^138"}}, {"$or": [{"x": 1}, {"$and": [{"name": "x"}]}]}])
def test_personal_fields_are_not_found_out_by_searching(filled: Store, filter: dict[str, Any]) -> None:
    searches: list[Callable[[], Any]] = [
        lambda: filled.find(ROOT, Contact, "D", filter),
        lambda: filled.count(ROOT, Contact, "D", filter),
        lambda: filled.aggregate(ROOT, Contact, "D", [], filter=filter),
        lambda: filled.together(ROOT, "D", [Wanted(Contact, {"community_id": "D", **filter})]),
    ]
    for search in searches:
        with pytest.raises(TypeError):
            search()


# --- sheets, in and out
def exported(store: Store, actor: Actor, record: type[Record], community_id: str = "D") -> str:
    """The sheet as text."""
    file = BytesIO()
    importer.export(store, actor, community_id, record, file, form="csv", translate=same)
    return file.getvalue().decode("utf-8-sig")


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.collection)
def test_every_kind_of_record_goes_out_within_rights_and_reach(filled: Store, record: type[Record]) -> None:
    rights = PERMISSIONS[record.collection]
    for role in Role:
        actor = Actor(role, role, role)
        try:
            rows = exported(filled, actor, record)
        except Refused:
            assert not rights[IMPORT] or role not in rights[READ]
            continue
        assert rights[IMPORT]
        assert role in rights[READ]
        assert "13800138000" not in rows
        (entry,) = filled.db[AUDIT].find({"operation": "export", "actor_id": str(role)})
        assert (entry["collection"], entry["community_id"]) == (record.collection, "D")
        assert entry["after"] == {"rows": len(rows.splitlines()) - 1, "form": "csv"}
    with pytest.raises(Refused):
        exported(filled, ELSEWHERE, record)
    if record is Community:
        everywhere = exported(filled, ELSEWHERE, record, EVERYWHERE)
        assert [line.split(",")[0] for line in everywhere.splitlines()[1:]] == ["E"]
    elif rights[IMPORT]:
        with pytest.raises(Refused):
            exported(filled, ELSEWHERE, record, EVERYWHERE)
        for narrow in (NEXT_DOOR, NARROW):
            if (record.collection, READ) in WHOLE:
                with pytest.raises(Refused):
                    exported(filled, narrow, record)
            else:
                assert MARK not in exported(filled, narrow, record)


CHANGED = {"grids": "remark", "posts": "until", "people": "job", "facilities": "remark", "work_orders": "description",
           "activities": "remark", "attendances": "sex", "volunteers": "skills",
           "communities": "district", "special_days": "name", "inspection_plans": "name", "hazards": "what",
           "patrol_plans": "name", "patrols": "remark", "maintenance_plans": "name",
           "entry_logs": "remark", "organizations": "remark", "staff_members": "remark", "staff_certificates": "name",
           "staff_trainings": "topic", "meetings": "place", "action_items": "result",
           "requests": "text", "resources": "conditions", "needs": "detail", "engagements": "what", "projects": "goal",
           "project_tasks": "duty"}  # fmt: skip


@pytest.mark.parametrize("actor", [NEXT_DOOR, NARROW, ELSEWHERE], ids=["of a grid", "of a grid anywhere", "of E"])
@pytest.mark.parametrize("record", importer.sheet_records(), ids=lambda record: record.collection)
def test_every_kind_of_record_comes_in_within_reach(filled: Store, record: type[Record], actor: Actor) -> None:
    """All that the administrator takes out, brought back with a change by somebody with less in charge."""
    field = CHANGED[record.collection]
    value = {"until": "2027-05-05", "sex": "m"}.get(field, "changed")
    ids = [row.split(",")[0] for row in exported(filled, ROOT, record).splitlines()[1:]]
    sheet = Sheet("\n".join([f"id,{field}", *(f"{id},{value}" for id in ids)]).encode(), "x.csv")
    mapping = importer.propose(record, sheet, (same,))
    before = of_g1(everything(filled))

    def preview(whose: Actor) -> importer.Preview:
        return importer.preview(filled, whose, "D", sheet, mapping, languages=(same,))

    everybody = preview(ROOT)
    assert everybody.counts.changed >= 1
    with pytest.raises((Refused, importer.Outdated)):
        importer.commit(filled, actor, everybody, patience=0)
    if record.grid_field or record is Community or actor is ELSEWHERE:
        with pytest.raises(Refused):  # as if it had been shown to them
            importer.commit(filled, actor, replace(everybody, eyes=actor.eyes), patience=0)
    assert of_g1(everything(filled)) == before
    try:
        own = preview(actor)
    except Refused:
        assert (record.collection, IMPORT) in WHOLE or actor is ELSEWHERE
        return
    assert not any(MARK in repr(change) for change in own.changes)
    importer.commit(filled, actor, own, patience=0)
    assert of_g1(everything(filled)) == before
    of_theirs = {"_id" if record is Grid else "grid_id": "g2"} if record.grid_field else {}
    assert own.counts.changed == filled.db[record.collection].count_documents({"_id": {"$in": ids}, **of_theirs})


def test_a_preview_is_for_the_rights_it_was_made_with(filled: Store) -> None:
    """Grids that are cut between the preview and the yes."""
    preview = a_preview(filled, ROOT)
    for other in (NEXT_DOOR, ELSEWHERE, Actor("r", "r", Role.EDITOR), replace(ROOT, grids=frozenset({"g1"}))):
        before = everything(filled)
        with pytest.raises((importer.Outdated, Refused)):
            importer.commit(filled, other, preview, patience=0)
        assert changed(filled, before) == set()
    assert importer.commit(filled, ROOT, preview, patience=0) is not None


@pytest.mark.parametrize("rows", ["id,grid_id\nf-g2,g1", "code,name,category,grid_id\nN1,x,fitness,g1"])
def test_a_sheet_puts_nothing_into_another_grid(filled: Store, rows: str) -> None:
    sheet = Sheet(rows.encode(), "x.csv")
    mapping = importer.propose(Facility, sheet, (same,))
    own = importer.preview(filled, NEXT_DOOR, "D", sheet, mapping, languages=(same,))
    assert (own.counts.rejected, own.does_nothing) == (1, True)
    everybody = importer.preview(filled, ROOT, "D", sheet, mapping, languages=(same,))
    before = of_g1(everything(filled))
    with pytest.raises(Refused):
        importer.commit(filled, NEXT_DOOR, replace(everybody, eyes=NEXT_DOOR.eyes), patience=0)
    assert of_g1(everything(filled)) == before
    assert filled.get(ROOT, Facility, "D", "f-g2").grid_id == "g2"


def test_what_a_record_of_another_grid_holds_is_not_found_out_by_bringing_it(filled: Store) -> None:
    """A right guess and a wrong one are told the same."""
    told = []
    for name in (f"{MARK} bar", "another"):
        sheet = Sheet(f"id,name\nf-g1,{name}\n".encode(), "x.csv")
        mapping = importer.propose(Facility, sheet, (same,))
        seen = importer.preview(filled, NEXT_DOOR, "D", sheet, mapping, languages=(same,))
        told.append((seen.counts, [(one.field, one.message) for one in seen.problems]))
    assert told[0] == told[1]
    assert told[0][0].rejected == 1


def test_rows_of_other_grids_that_an_import_left_alone_are_not_named(filled: Store) -> None:
    preview = a_preview(filled, ROOT)
    filled.update(ROOT, Facility, "D", "f-g1", 1, {"remark": "meanwhile"})
    batch = importer.commit(filled, ROOT, preview, patience=0)
    assert batch is not None
    assert batch.left_rows[0].name == f"{MARK} bar"
    (seen,) = importer.batches(filled, NEXT_DOOR, "D")
    assert MARK not in repr(seen)
    assert seen.left_rows[0].record_id == "f-g1"


def test_an_import_is_taken_back_by_who_has_all_its_rows(filled: Store) -> None:
    """Brought, replaced and made rows: each alone keeps somebody of another grid, or of a lesser role, from it."""
    both = Sheet(b"id,remark\nf-g1,new\nf-g2,new\n", "x.csv")
    batch = importer.commit(
        filled,
        ROOT,
        importer.preview(filled, ROOT, "D", both, importer.propose(Facility, both, (same,)), languages=(same,)),
        patience=0,
    )
    assert batch is not None
    before = everything(filled)
    for narrow in (NEXT_DOOR, NARROW):
        with pytest.raises(Refused):
            importer.undo(filled, narrow, "D", batch.id, patience=0)
    assert changed(filled, before) == set()
    importer.undo(filled, ROOT, "D", batch.id, patience=0)
    assert filled.get(ROOT, Facility, "D", "f-g1").remark is None

    new = Sheet(b"code,name,category,responsible_id\nN1,x,fitness,somebody new\n", "y.csv")
    mapping = importer.propose(Facility, new, (same,)).model_copy(update={"create_missing": ("responsible_id",)})
    made = importer.commit(
        filled, ROOT, importer.preview(filled, ROOT, "D", new, mapping, languages=(same,)), patience=0
    )
    assert made is not None
    assert made.made == 1
    before = everything(filled)
    with pytest.raises(Refused):
        importer.undo(filled, Actor("f", "f", Role.FACILITY_MANAGER), "D", made.id, patience=0)
    assert changed(filled, before) == set()
    importer.undo(filled, Actor("d", "d", Role.EDITOR), "D", made.id, patience=0)
    assert filled.count(ROOT, Person, "D", {"name": "somebody new"}) == 0


def test_no_role_imports_fields_that_it_may_not_set() -> None:
    """An import asks for the right to import and for no list of fields: so nobody with a list may import."""
    for collection, role, _operation in FIELDS:
        assert role not in PERMISSIONS[collection][IMPORT]


# --- submissions
def test_a_submissions_key_is_its_owners(filled: Store) -> None:
    """The same key of somebody else makes another record; and what was made is given again only within reach."""
    mine = filled.insert(ROOT, Person(community_id="D", name="甲"), key="same")
    other = Actor("e2", "别处", Role.ADMIN, communities=frozenset({"E"}))
    theirs = filled.insert(other, Person(community_id="E", name="乙"), key="same")
    assert (theirs.name, theirs.community_id) == ("乙", "E")
    assert filled.insert(ROOT, Person(community_id="D", name="甲"), key="same") == mine

    report = {"fault": "loose", "facility_id": "f-g1", "key": "repair"}
    maintenance.log_repair(filled, ROOT, "D", **report)
    for cut in (replace(ROOT, grids=G2), replace(ROOT, communities=frozenset({"E"}))):
        assert stopped(lambda cut=cut: filled.insert(cut, Person(community_id="E", name="丙"), key="repair"))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("record", [WorkOrder, Activity, Community], ids=lambda record: record.collection)
def test_a_role_sets_the_fields_of_its_list_and_no_others(filled: Store, record: type[Record], role: Role) -> None:
    """Field by field, past every command: straight at the store."""
    actor = Actor(role, role, role)
    if not may(actor, UPDATE, record.collection):
        return
    kept = filled.db[record.collection].find_one({"community_id": "D"})
    assert kept is not None
    values = {
        "number": "new", "fault": "new", "place": "new", "category": "new", "reported_at": NOW - timedelta(days=9),
        "cost_cents": 7, "actual_hours": 3.0, "name": "new", "budget_cents": 7, "spend_cents": 7, "remark": "new",
        "code": "new", "time_zone": "UTC", "demonstration": True, "district": "new", "households": 9,
    }  # fmt: skip
    tried = 0
    for field, value in values.items():
        if field not in record.model_fields:
            continue
        tried += 1
        now = filled.get(ROOT, record, "D", kept["_id"])
        try:
            filled.update(actor, record, "D", now.id, now.revision, {field: value})
        except Refused:
            assert not may_set(actor, UPDATE, record.collection, field), field
        else:
            assert may_set(actor, UPDATE, record.collection, field), field
    assert tried > 4


def test_a_new_record_brings_no_field_that_its_maker_may_not_set(filled: Store) -> None:
    worker = Actor("w", "w", Role.GRID_WORKER)
    activity = {"community_id": "D", "name": "x", "held_on": TODAY, "format": "lecture", "grid_id": "g1"}
    filled.insert(worker, Activity(**activity))
    with pytest.raises(Refused, match="budget_cents"):
        filled.insert(worker, Activity(**activity, budget_cents=5))
    with pytest.raises(Refused, match="cost_cents"):
        filled.insert(
            worker, WorkOrder(community_id="D", number="n", fault="x", reported_at=NOW, grid_id="g1", cost_cents=5)
        )


def test_the_lists_name_fields_that_there_are() -> None:
    for (collection, _role, operation), fields in FIELDS.items():
        assert operation in {CREATE, UPDATE}
        assert fields < set(RECORDS[collection].model_fields)


def test_a_record_cannot_be_carried_out_of_reach(filled: Store) -> None:
    for changes in ({"grid_id": "g1"}, {"community_id": "E"}):
        with pytest.raises(Trouble):
            filled.update(NEXT_DOOR, Facility, "D", "f-g2", 1, changes)
    assert filled.get(ROOT, Facility, "D", "f-g2").grid_id == "g2"


def test_what_another_grid_knows_of_a_resident_is_not_told_to_who_types_the_code(filled: Store) -> None:
    worker = Actor("w", "w", Role.GRID_WORKER, grids=G2)
    code, grid = f"{MARK}-R", "g2"
    made = activities.record_attendance(filled, worker, "D", "a-g2", resident=code, grid_id=grid)
    assert (made.age_band, made.sex) == (None, None)  # but the code is not taken for a strange one
    made = activities.record_attendance(filled, ROOT, "D", "bare-g2", resident=code, grid_id=grid)
    assert made.age_band is None  # of the latest attendance, which the worker entered
    made = activities.record_attendance(filled, ROOT, "D", "bare-g1", resident="open-R", grid_id="g1")
    assert (made.age_band, made.sex) == (AgeBand.A60, Sex.FEMALE)


def test_the_months_and_communities_of_others_stay_unknown(filled: Store) -> None:
    assert [each["_id"] for each in filled.communities(ELSEWHERE)] == ["E"]
    with pytest.raises(Refused):
        filled.first_month(ELSEWHERE, "D")
    assert filled.first_month(ROOT, "D") == "2026-03"


@pytest.mark.parametrize("actor", [ELSEWHERE, NEXT_DOOR, NARROW], ids=["of E", "of a grid", "of a grid anywhere"])
@pytest.mark.parametrize("place", [{"grid_id": "g1", "place": "gate"}, {"facility_id": "f-g1"}], ids=str)
def test_who_may_not_report_there_takes_no_number(filled: Store, actor: Actor, place: dict[str, str]) -> None:
    with pytest.raises(Refused):
        maintenance.log_repair(filled, actor, "D", fault="loose", **place)
    with pytest.raises(Refused):
        filled.next_number(ELSEWHERE, "D", maintenance.commands.SERIES)
    assert list(filled.db["numbers"].find()) == []
    assert maintenance.log_repair(filled, ROOT, "D", fault="loose", **place).number == "W-00001"


def test_an_unknown_collection_is_nobodys() -> None:
    assert not any(may(Actor("x", "x", role), operation, "nothing") for role in Role for operation in Operation)
