"""Who may do what, and where: generated from access.PERMISSIONS over every public function that takes an actor.

Each function has a row below that says which rights it needs and how it is called. A new function without a row
fails the first test; a function that forgets permission or scope fails one of the others.
"""

import importlib
import inspect
import pkgutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import repository
from repository import (
    accounts,
    activities,
    audit,
    backup,
    entries,
    facilities,
    grids,
    importer,
    maintenance,
    organizations,
    overview,
    people,
    recount,
)
from repository.access import FIELDS, PERMISSIONS, Actor, Operation, Refused, Role, may, may_set
from repository.accounts import User
from repository.activities import Activity, Attendance
from repository.entries import LOOKING, EntryException, EntryLog
from repository.facilities import Category, Condition, Facility
from repository.grids import Community, Grid, Post, Tier
from repository.importer import Sheet
from repository.maintenance import Status, WorkOrder
from repository.metrics import Period
from repository.migrations import migrate
from repository.organizations import Organization
from repository.people import AgeBand, Contact, Person, Purpose, Sex
from repository.record import RECORDS, Record
from repository.store import AUDIT, EVERYWHERE, SIGN_INS, InUse, NotFound, Store, Wanted
from repository.words import Trouble
from tests.conftest import NOW

TODAY = date(2026, 4, 2)
QUARTER = Period.of("2026Q2")
G2 = frozenset({"g2"})
MARK = "SECRET"
"""Stands in everything that belongs to grid g1 and in nothing else."""
ROOT = Actor("root", "管理员", Role.ADMIN)
ELSEWHERE = Actor("e", "别处", Role.ADMIN, communities=frozenset({"E"}))
NEXT_DOOR = Actor("n", "隔壁", Role.ADMIN, communities=frozenset({"D"}), grids=G2)


def same(text: str) -> str:
    """The words as they are."""
    return text


# --- the world: community D with a grid g1 full of secrets and a grid g2, and community E
def world(store: Store) -> None:
    """Fill an empty database."""
    when = NOW - timedelta(days=5)
    made: list[Record] = []
    for home, grid, mark in (("D", "g1", MARK), ("D", "g2", "open"), ("E", "x1", "else")):
        at = {"community_id": home}
        made += [
            Grid(id=grid, code=grid, name=f"{mark} grid", residents=300, responsible_id=f"p-{home}", **at),
            Post(id=f"post-{grid}", tier=Tier.GROUP, grid_id=grid, until=date(2026, 1, 1), **at),
            Facility(
                id=f"f-{grid}", code=f"{mark}-F", name=f"{mark} bar", category=Category.FITNESS, grid_id=grid,
                site=f"{mark} site", installed_on=date(2010, 1, 1), condition=Condition.VERY_POOR, **at,
            ),
            Facility(id=f"free-{grid}", code=f"{mark}-X", name="x", category=Category.PROPERTY, grid_id=grid, **at),
            WorkOrder(
                id=f"w-{grid}", number=f"{mark}-W", fault="loose", grid_id=grid, facility_id=f"f-{grid}",
                reported_at=when, due_at=when + timedelta(days=1), place=f"{mark} place", category=f"{mark} kind", **at,
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
            Activity(
                id=f"a-{grid}", name=f"{mark} talk", held_on=TODAY, format="lecture", grid_id=grid,
                place=f"{mark} hall", **at,
            ),
            Activity(id=f"bare-{grid}", name=f"{mark} walk", held_on=TODAY, format="sport", grid_id=grid, **at),
            Attendance(
                id=f"t-{grid}", activity_id=f"a-{grid}", resident=f"{mark}-R", held_on=TODAY, format="lecture",
                age_band=AgeBand.A60, sex=Sex.FEMALE, grid_id=grid, **at,
            ),
        ]  # fmt: skip
    homes: list[Record] = [Community(id=home, community_id=home, code=home, name=home) for home in "DE"]
    homes += [Person(id=f"p-{home}", community_id=home, name=f"p-{home}") for home in "DE"]
    homes += [Person(id=f"free-{home}", community_id=home, name=f"free-{home}") for home in "DE"]
    homes += [Organization(id=f"{id}-{home}", community_id=home, name=f"{id} co") for home in "DE" for id in ("o", "p")]
    for login, role in (("keeper", Role.ADMIN), ("guest", Role.VIEWER)):
        homes.append(User(id=f"u-{login}", community_id=EVERYWHERE, login=login, name=login, role=role))
    store.write(ROOT, lambda write: [write.insert(record) for record in [*homes, *made]])
    a_sign_in(store)


def a_sign_in(store: Store) -> None:
    """The guest is signed in somewhere."""
    until = NOW + timedelta(hours=8)
    facts = {"way": "password", "created_at": NOW, "seen_at": NOW, "address": "", "agent": "", "must_change": False}
    rights = {"login": "guest", "subject": None, "name": "guest", "role": "viewer", "communities": [], "grids": []}
    store.db[SIGN_INS].insert_one(
        {"_id": "s-guest", "user_id": "u-guest", "ends_at": until, "idle_at": until, **facts, **rights}
    )


Dump = dict[str, list[Any]]


def everything(store: Store) -> Dump:
    """All that is kept, for telling whether anything changed. Numbers that a refused write took leave a gap."""
    return {
        name: list(store.db[name].find().sort("_id", 1))
        for name in store.db.list_collection_names()
        if name not in ("migrations", "numbers")
    }


def restore(store: Store, before: Dump) -> None:
    """Put back what a call changed."""
    for name, documents in everything(store).items():
        if documents != before.get(name, []):
            store.db[name].delete_many({})
            if before.get(name):
                store.db[name].insert_many(before[name])
    store._there.clear()
    store.reread_pending()


# --- the table
Call = Callable[[Store, Actor], Any]


@dataclass(frozen=True)
class Row:
    """How a function is called on the world, and what it needs. ``where`` says what becomes of somebody who has grid
    g2 only: "cut" sees nothing of g1, "refused" is stopped, "whole" is about the whole community."""

    needs: tuple[tuple[Operation, str], ...]
    call: Call
    where: str = "cut"
    sets: tuple[str, ...] = ()
    """Fields it sets that not every role may set."""


READ, CREATE, UPDATE, DELETE, IMPORT = Operation
READS = tuple((READ, name) for name in ("grids", "people", "posts", "facilities", "work_orders", "activities"))


def read(name: str, call: Call, where: str = "cut", *more: tuple[Operation, str]) -> Row:
    """A query."""
    return Row(((READ, name), *more), call, where)


def change(operation: Operation, name: str, call: Call, where: str = "refused") -> Row:
    """A command."""
    return Row(((operation, name),), call, where)


def a_sheet() -> Sheet:
    """One facility in a file."""
    return Sheet("编号,名称,类别\nN-1,新的,健身器材\n".encode(), "设施.csv")


def a_preview(store: Store, actor: Actor) -> importer.Preview:
    """The sheet, judged for somebody."""
    mapping = importer.propose(Facility, a_sheet(), (same,))
    return importer.preview(store, actor, "D", a_sheet(), mapping, languages=(same,))


def an_undo(store: Store, actor: Actor) -> Any:
    """An import by the administrator, taken back by the actor."""
    known = store.db["import_batches"].find_one({"community_id": "D"})
    if known is None:
        batch = importer.commit(store, ROOT, a_preview(store, ROOT), patience=0)
        assert batch is not None
        known = {"_id": batch.id}
    return importer.undo(store, actor, "D", known["_id"], patience=0)


def _bare(store: Store, call: Callable[[], Any]) -> Any:
    """Nothing refers to g1 any more: only the right to delete it is asked."""
    for name in ("posts", "facilities", "work_orders", "activities", "attendances", "contacts", "entry_logs"):
        store.db[name].delete_many({"grid_id": "g1"})
    return call()


def a_path() -> Path:
    """A file that is not there yet."""
    return Path(tempfile.mkdtemp(prefix="gb-access-")) / "b.zip"


def _exported(store: Store, actor: Actor) -> str:
    file = BytesIO()
    importer.export(store, actor, "D", Facility, file, form="csv", translate=same)
    return file.getvalue().decode("utf-8-sig")


F1 = ("D", "f-g1", 1)
ROWS: Mapping[str, Row] = {
    # accounts: of all communities, so only for whoever has all of them in charge
    "accounts.add_user": change(
        CREATE,
        "users",
        lambda s, a: accounts.add_user(s, a, {"login": "new", "name": "新", "role": "viewer"}),
        "whole",
    ),
    "accounts.edit_user": change(
        UPDATE, "users", lambda s, a: accounts.edit_user(s, a, "u-guest", 1, {"role": "editor"}), "whole"
    ),
    "accounts.remove_user": change(DELETE, "users", lambda s, a: accounts.remove_user(s, a, "u-guest", 1), "whole"),
    "accounts.reset_password": change(
        UPDATE, "users", lambda s, a: accounts.reset_password(s, a, "u-guest", "violet anchor bread"), "whole"
    ),
    "accounts.end_sign_in": change(UPDATE, "users", lambda s, a: accounts.end_sign_in(s, a, "s-guest"), "whole"),
    "accounts.users": read("users", accounts.users, "whole"),
    "accounts.user_named": read("users", lambda s, a: accounts.user_named(s, a, "guest"), "whole"),
    "accounts.sign_ins": read("users", lambda s, a: accounts.sign_ins(s, a, "u-guest"), "whole"),
    # audit
    "audit.trail": read(AUDIT, lambda s, a: audit.trail(s, a, "D", audit.Search()), "refused"),
    "audit.history": read(AUDIT, lambda s, a: audit.history(s, a, "D", "facilities", "f-g1"), "refused"),
    "audit.seals": read(AUDIT, audit.seals, "refused"),
    "audit.verify": read(AUDIT, audit.verify, "refused"),
    # backup
    "backup.take": read(AUDIT, lambda s, a: backup.take(s, a, a_path()), "refused"),
    "backup.take_into": read(AUDIT, lambda s, a: backup.take_into(s, a, a_path().parent), "refused"),
    # people
    "people.add_person": change(CREATE, "people", lambda s, a: people.add_person(s, a, "D", {"name": "新"}), "whole"),
    "people.edit_person": change(
        UPDATE, "people", lambda s, a: people.edit_person(s, a, "D", "p-D", 1, {"job": "x"}), "whole"
    ),
    "people.remove_person": change(
        DELETE, "people", lambda s, a: people.remove_person(s, a, "D", "free-D", 1), "whole"
    ),
    "people.people": read("people", lambda s, a: people.people(s, a, "D")),
    "people.people_by_id": read("people", lambda s, a: people.people_by_id(s, a, "D")),
    "people.contact_of": read("contacts", lambda s, a: people.contact_of(s, a, "D", "w-g1")),
    "people.reveal": change(READ, "contacts", lambda s, a: people.reveal(s, a, "D", "c-g1", Purpose.CALL_BACK)),
    "people.forget_contact": change(DELETE, "contacts", lambda s, a: people.forget_contact(s, a, "D", "c-g1", 1)),
    "people.forget_expired": change(
        DELETE, "contacts", lambda s, a: people.forget_expired(s, a, "D", on=date(2027, 1, 1)), "whole"
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
        DELETE, "entry_logs", lambda s, a: entries.forget_expired(s, a, "D", on=date(2027, 1, 1)), "whole"
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
        CREATE, "organizations", lambda s, a: organizations.add_organization(s, a, "D", {"name": "新"}), "whole"
    ),
    "organizations.edit_organization": change(
        UPDATE,
        "organizations",
        lambda s, a: organizations.edit_organization(s, a, "D", "o-D", 1, {"staff": 3}),
        "whole",
    ),
    "organizations.set_contact": Row(
        ((UPDATE, "organizations"), (DELETE, "contacts")),
        lambda s, a: organizations.set_contact(s, a, "D", "o-D", name="x", phone=None),
        "whole",
    ),
    "organizations.remove_organization": change(
        DELETE, "organizations", lambda s, a: organizations.remove_organization(s, a, "D", "p-D", 1), "whole"
    ),
    "organizations.organizations": read("organizations", lambda s, a: organizations.organizations(s, a, "D"), "whole"),
    "organizations.companies": read("organizations", lambda s, a: organizations.companies(s, a, "D"), "whole"),
    "organizations.company_names": read("organizations", lambda s, a: organizations.company_names(s, a, "D"), "whole"),
    "maintenance.company_scores": read(
        "work_orders",
        lambda s, a: maintenance.company_scores(s, a, "D", QUARTER, now=NOW),
        "cut",
        (READ, "organizations"),
    ),
    "maintenance.company_orders": read(
        "work_orders", lambda s, a: maintenance.company_orders(s, a, "D", "o-D", now=NOW, show="all")
    ),
    # grids
    "grids.found_community": change(
        CREATE, "communities", lambda s, a: grids.found_community(s, a, {"code": "new", "name": "新"}), "whole"
    ),
    "grids.edit_community": change(
        UPDATE, "communities", lambda s, a: grids.edit_community(s, a, "D", 1, {"district": "纳溪"}), "whole"
    ),
    "grids.community": read("communities", lambda s, a: grids.community(s, a, "D")),
    "grids.add_grid": change(
        CREATE, "grids", lambda s, a: grids.add_grid(s, a, "D", {"code": "9", "name": "9", "responsible_id": "p-D"})
    ),
    "grids.edit_grid": change(UPDATE, "grids", lambda s, a: grids.edit_grid(s, a, "D", "g1", 1, {"name": "新"})),
    "grids.remove_grid": change(DELETE, "grids", lambda s, a: _bare(s, lambda: grids.remove_grid(s, a, "D", "g1", 1))),
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
        change(UPDATE, "work_orders", lambda s, a: maintenance.correct(s, a, "D", "w-g1", 1, {"number": "W-9"})),
        sets=("number",),
    ),
    "maintenance.delete": change(DELETE, "work_orders", lambda s, a: maintenance.delete(s, a, "D", "w-g1", 1)),
    "maintenance.work_figures": read("work_orders", lambda s, a: maintenance.work_figures(s, a, "D", QUARTER, now=NOW)),
    "maintenance.work_glance": read("work_orders", lambda s, a: maintenance.work_glance(s, a, "D", QUARTER, now=NOW)),
    "maintenance.work_review": read("work_orders", lambda s, a: maintenance.work_review(s, a, "D", QUARTER, now=NOW)),
    "maintenance.work_list": read("work_orders", lambda s, a: maintenance.work_list(s, a, "D", now=NOW, show="all")),
    "maintenance.most_overdue": read("work_orders", lambda s, a: maintenance.most_overdue(s, a, "D", now=NOW, most=9)),
    "maintenance.my_work": read("work_orders", lambda s, a: maintenance.my_work(s, a, "D", "p-D", now=NOW)),
    "maintenance.work_story": read(
        "work_orders", lambda s, a: maintenance.work_story(s, a, "D", "w-g1", now=NOW), "refused"
    ),
    "maintenance.work_story_if_any": read(
        "work_orders", lambda s, a: maintenance.work_story_if_any(s, a, "D", "w-g1", now=NOW)
    ),
    "maintenance.open_orders_like": read("work_orders", lambda s, a: maintenance.open_orders_like(s, a, "D", "f-g1")),
    "maintenance.promise": read("grids", lambda s, a: maintenance.promise(s, a, "D", grid_id="g1"), "whole"),
    "maintenance.facility_brief": read(
        "facilities", lambda s, a: maintenance.facility_brief(s, a, "D", code=f"{MARK}-F")
    ),
    "maintenance.reportable": read("facilities", lambda s, a: maintenance.reportable(s, a, "D")),
    "maintenance.work_categories": read("work_orders", lambda s, a: maintenance.work_categories(s, a, "D"), "whole"),
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
    "activities.came_by_grid": read("grids", lambda s, a: activities.came_by_grid(s, a, "D", QUARTER)),
    "activities.figures": read("activities", lambda s, a: activities.figures(s, a, "D", QUARTER, now=NOW)),
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
    # across
    "overview.glance": Row(READS, lambda s, a: overview.glance(s, a, "D", QUARTER, now=NOW)),
    "overview.compare": Row(READS, lambda s, a: overview.compare(s, a, "D", QUARTER, now=NOW)),
    # importer
    "importer.save_mapping": change(
        CREATE,
        "saved_mappings",
        lambda s, a: importer.save_mapping(s, a, "D", "设施", importer.propose(Facility, a_sheet(), (same,))),
        "whole",
    ),
    "importer.saved_mappings": read("saved_mappings", lambda s, a: importer.saved_mappings(s, a, "D", "facilities")),
    "importer.batches": read("import_batches", lambda s, a: importer.batches(s, a, "D")),
    "importer.prepare": change(
        IMPORT,
        "facilities",
        lambda s, a: importer.preparing.prepare(
            s, a, "D", a_sheet(), importer.propose(Facility, a_sheet(), (same,)), languages=(same,)
        ),
        "whole",
    ),
    "importer.preview": change(IMPORT, "facilities", a_preview, "whole"),
    "importer.commit": change(
        IMPORT, "facilities", lambda s, a: importer.commit(s, a, a_preview(s, ROOT), patience=0), "whole"
    ),
    "importer.undo": change(IMPORT, "facilities", an_undo, "whole"),
    "importer.export": read("facilities", _exported),
    # counters
    "recount.check": change(UPDATE, "monthly_counts", lambda s, a: recount.check(s, a, "D"), "whole"),
    "recount.rebuild": change(UPDATE, "monthly_counts", lambda s, a: recount.rebuild(s, a, "D"), "whole"),
}


TAKES_GRIDS = {"entries.gates", "entries.entry_review", "entries.entry_list", "maintenance.company_scores",
               "maintenance.company_orders",
               "facilities.register", "facilities.inventory", "maintenance.work_figures", "maintenance.work_glance",
               "maintenance.work_review", "maintenance.work_list", "maintenance.most_overdue", "activities.figures",
               "activities.calendar", "activities.upcoming", "overview.glance"}  # fmt: skip


def found() -> dict[str, Callable[..., Any]]:
    """Every public function of the rooms that takes a store and an actor, as room.function."""
    functions = {}
    for info in pkgutil.walk_packages(repository.__path__, "repository."):
        module = importlib.import_module(info.name)
        for name, function in vars(module).items():
            if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != module.__name__:
                continue
            if list(inspect.signature(function).parameters)[:2] == ["store", "actor"]:
                functions[f"{info.name.split('.')[1]}.{name}"] = function
    return functions


# --- tests
def test_every_public_function_that_takes_an_actor_has_a_row() -> None:
    assert set(found()) == set(ROWS)


def test_every_function_of_the_store_that_takes_an_actor_is_tried_below() -> None:
    takes = {
        name
        for name, function in vars(Store).items()
        if inspect.isfunction(function)
        and not name.startswith("_")
        and "actor" in inspect.signature(function).parameters
    }
    reads = {"find", "count", "aggregate", "together", "get", "communities", "first_month"}
    assert takes == reads | {"write", "insert", "update", "delete"}


@pytest.fixture(scope="module")
def made(server: Callable[[str], str]) -> Iterator[tuple[Store, Dump]]:
    """A database of this file's own with the world in it, and what it then holds."""
    store = Store.connect(server("gridboard_access"), clock=lambda: NOW)
    store.client.drop_database(store.db.name)
    migrate(store)
    world(store)
    yield store, everything(store)
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
    row, before = ROWS[name], everything(filled)
    for role in Role:
        actor = Actor(role, role, role)
        allowed = all(
            may(actor, operation, collection) and all(may_set(actor, operation, collection, name) for name in row.sets)
            for operation, collection in row.needs
        )
        try:
            row.call(filled, actor)
        except Refused:
            assert not allowed, f"{role} was refused"
            if name not in ("grids.remove_grid", "importer.undo"):  # their rows prepare the ground first
                assert everything(filled) == before
        else:
            assert allowed, f"{role} was let in"
        restore(filled, before)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if any(need != READ for need, _ in row.needs)])
def test_every_command_is_counted_so_that_answers_are_asked_anew(filled: Store, name: str) -> None:
    before, stood = filled.writes(["D", EVERYWHERE]), everything(filled)

    ROWS[name].call(filled, ROOT)

    after = filled.writes(["D", EVERYWHERE])
    assert any(after[id] > before[id] for id in before) or everything(filled) == stood


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"grids.found_community"}))
def test_nobody_reaches_into_another_community(filled: Store, name: str) -> None:
    if name == "importer.undo":
        importer.commit(filled, ROOT, a_preview(filled, ROOT), patience=0)
    before = everything(filled)

    answer: Any = None
    try:
        answer = ROWS[name].call(filled, ELSEWHERE)
    except (Refused, NotFound):
        pass
    else:
        assert answer is None or not answer, "somebody of E got an answer about D"
    if name != "grids.remove_grid":
        assert everything(filled) == before


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.where == "refused"])
def test_what_belongs_to_another_grid_is_out_of_reach(filled: Store, name: str) -> None:
    before = everything(filled)

    assert stopped(lambda: ROWS[name].call(filled, NEXT_DOOR))
    if name != "grids.remove_grid":
        assert everything(filled) == before


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
                    "entries.entry_rules", "importer.saved_mappings", "importer.batches", "activities.upcoming",
                    "maintenance.my_work"):  # fmt: skip
        assert seen != everybody, "the row proves nothing: the world has nothing to hide here"


@pytest.mark.parametrize("name", sorted(TAKES_GRIDS))
def test_a_grid_in_charge_gives_what_the_grid_filter_gives(filled: Store, name: str) -> None:
    """Counters are cut by hand, so a grid worker's figures must be the administrator's with that grid chosen; and
    asking for another grid gives nothing of it."""
    function = found()[name]
    wish = "seen" if "seen" in inspect.signature(function).parameters else "grids"
    more: dict[str, Any] = {"now": NOW} if "now" in inspect.signature(function).parameters else {}
    if name == "maintenance.most_overdue":
        more["most"] = 9
    if name == "facilities.inventory":
        more["on"] = TODAY
    if name == "maintenance.company_orders":
        more["company_id"] = "o-D"
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
        ]
    }
    if kept is not None:
        there = record.from_document(kept)
        copy = there.model_copy(update={"id": "copy", **({"code": "copy"} if hasattr(there, "code") else {})})
        copy = copy.model_copy(update={"community_id": "copy"}) if isinstance(copy, Community) else copy
        copy = copy.model_copy(update={"number": "copy"}) if isinstance(copy, WorkOrder) else copy
        copy = copy.model_copy(update={"name": "copy"}) if isinstance(copy, Organization) else copy
        copy = copy.model_copy(update={"resident": "copy"}) if isinstance(copy, Attendance) else copy
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
    if record.grid_field and documents:
        assert {getattr(each, record.grid_field) for each in filled.find(NEXT_DOOR, record, "D")} <= {"g2"}
        assert filled.together(NEXT_DOOR, "D", [Wanted(record)]) == [
            list(filled.documents(record, {"_id": {"$in": [each.id for each in filled.find(NEXT_DOOR, record, "D")]}}))
        ]
        assert filled.count(NEXT_DOOR, record, "D") == len(filled.find(NEXT_DOOR, record, "D"))
        assert filled.count(ROOT, record, "D", grids=G2) == filled.count(NEXT_DOOR, record, "D")


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


def test_the_months_and_communities_of_others_stay_unknown(filled: Store) -> None:
    assert [each["_id"] for each in filled.communities(ELSEWHERE)] == ["E"]
    with pytest.raises(Refused):
        filled.first_month(ELSEWHERE, "D")
    assert filled.first_month(ROOT, "D") == "2026-03"


def test_an_unknown_collection_is_nobodys() -> None:
    assert not any(may(Actor("x", "x", role), operation, "nothing") for role in Role for operation in Operation)
