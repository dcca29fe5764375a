"""People who hold posts, get work, bring organisations. Residents are not here: they are pseudonymous keys; only whom a
repair needs to call back is kept, apart, masked, for as long as it takes, and every look at it with its reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

import pymongo
from pydantic import Field

from repository import rollups
from repository.access import Actor, Operation, require, scope
from repository.filters import Is
from repository.record import LINE, Choice, Day, Index, Record, Ref, Shown, midnight
from repository.store import READ_SECONDS, Invalid, Store, Write, build, our_errors
from repository.words import Message, msg


class PersonKind(Choice):
    """In what capacity a person is here."""

    STAFF = "staff", msg("Community staff"), "社区工作人员", "干部", "staff"
    GROUP_LEADER = "group_leader", msg("Residents' group leader"), "居民小组长"
    OFFICER = "officer", msg("Safety officer"), "安全员"
    CONTRACTOR = "contractor", msg("Contractor"), "承包商", "物业", "维修单位"
    ORGANIZATION = "organization", msg("Stationed organisation"), "辖区单位"


class AgeBand(Choice):
    """Five bands that the community's activities are planned by. No birth dates are kept."""

    A0 = "0-17", msg("0–17"), "0–17", "未成年"
    A18 = "18-35", msg("18–35"), "18–35", "青年"
    A36 = "36-59", msg("36–59"), "36–59", "中年"
    A60 = "60-74", msg("60–74"), "60–74", "老年"
    A75 = "75+", msg("75+"), "75岁以上", "高龄"


class Sex(Choice):
    """As the register has it."""

    FEMALE = "f", msg("Female"), "女", "女性", "F"
    MALE = "m", msg("Male"), "男", "男性", "M"


class Person(Record):
    """Somebody who can hold a post or be given work. Contact data is not kept here."""

    collection = "people"
    title = msg("People")
    grid_field = None
    natural_key = ("name",)
    indexes = (Index(("community_id", "name"), "pick a person by name"),)
    stirred = ("updated_at",)
    traced = frozenset({"active"})

    name: Annotated[str, Shown(aliases=("名称", "Name"))] = Field(
        min_length=1, max_length=60, title=msg("Person's name")
    )
    kind: PersonKind = Field(default=PersonKind.STAFF, title=msg("Kind"))
    job: Annotated[str | None, Shown(aliases=("职务", "岗位"))] = Field(default=None, max_length=LINE, title=msg("Job"))
    employer: Annotated[str | None, Shown(aliases=("单位",))] = Field(
        default=None, max_length=LINE, title=msg("Employer")
    )
    active: bool = Field(default=True, title=msg("Active"), description=msg("Can be given work and posts"))


_JOBS = re.compile(r"[、,，;；/|兼]")
_SECRETARY = re.compile(r"(?<!副)书记(?!员|助理)|\bsecretary\b", re.IGNORECASE)
_ANOTHER = re.compile(  # a character alone may be of a place: 团结社区, 前进社区, 平原社区
    r"^[（(]?原|^[（(]?前(?=任|社区|党|支部|总支|书记)|(?<=社区)[原前](?=任|党|支部|总支|书记)|团(委|工委|支部|总支)?书记|共青团"
    r"|纪(委|检|工委)|\b(deputy|vice|former|assistant|youth)\b",
    re.IGNORECASE,
)


def is_secretary(document: Mapping[str, Any]) -> bool:
    """Whether somebody is the community's secretary (书记), by the words their job was written in: of its own staff, no
    deputy or assistant, nobody who was it before, none of the youth league or of discipline. Of several jobs one is
    enough."""
    if document.get("kind", PersonKind.STAFF) != PersonKind.STAFF:
        return False
    jobs = map(str.strip, _JOBS.split(document.get("job") or ""))
    return any(_SECRETARY.search(job) and not _ANOTHER.search(job) for job in jobs)


class Purpose(Choice):
    """Why somebody looks at how a resident can be reached (个人信息保护法, article 6: for a clear purpose only)."""

    CALL_BACK = "call_back", msg("Call back about what was reported"), "回访"
    VISIT = "visit", msg("Agree on a time to come"), "上门"
    CORRECT = "correct", msg("Check that it is right"), "核对"
    ASKED = "asked", msg("The person asked what is kept"), "本人查询"


class Contact(Record):
    """How to reach whoever reported something, until ``expires_on``. Kept apart from what was reported."""

    collection = "contacts"
    title = msg("Call-back contacts")
    personal = frozenset({"name", "phone"})
    indexes = (
        Index(("community_id", "about_id"), "whom to call back about this"),
        Index(("community_id", "expires_on"), "those that are to be forgotten"),
    )

    about_id: str = Field(
        max_length=64, title=msg("About"), description=msg("The work order, request or organisation it belongs to")
    )
    grid_id: Annotated[str | None, Ref(to="grids")] = Field(default=None, max_length=64, title=msg("Grid"))
    name: str | None = Field(default=None, max_length=60, title=msg("Person's name"))
    phone: str | None = Field(default=None, max_length=20, pattern=r"^[0-9+][0-9 -]{4,18}$", title=msg("Phone"))
    expires_on: Annotated[date, Day()] = Field(title=msg("Forgotten on"))


CONTACT_DAYS = 180
"""How many days a contact is kept."""


@dataclass(frozen=True)
class Masked:
    """A contact as everybody sees it who may work on the matter: enough to recognise it by."""

    id: str
    revision: int
    name: str
    phone: str
    expires_on: date


# --- commands
def add_person(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Person:
    """Enter somebody. Raises Invalid, Refused."""
    return store.insert(actor, build(Person, {**values, "community_id": community_id}), key=key)


def edit_person(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Person:
    """Change what is known of somebody. Who is no longer active keeps the past, and fills no post. Raises Invalid,
    Conflict, NotFound, Refused."""
    return store.update(actor, Person, community_id, id, revision, changes)


def remove_person(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out somebody entered by mistake; raises InUse while a post, a grid, a facility or work names them."""
    store.delete(actor, Person, community_id, id, revision)


def keep_contact(
    write: Write,
    community_id: str,
    about_id: str,
    grid_id: str | None,
    *,
    name: str | None,
    phone: str | None,
    since: date | None = None,
) -> Contact | None:
    """Keep how to reach somebody for CONTACT_DAYS, or so long from ``since`` on, inside the write that makes what it is
    about; None when nothing was said. Raises Invalid, Refused."""
    if not (name or "").strip() and not (phone or "").strip():
        return None
    values = {"community_id": community_id, "about_id": about_id, "grid_id": grid_id}
    last = (since or rollups.day_of(write.at, write.store.zone(community_id))) + timedelta(days=CONTACT_DAYS)
    return write.insert(build(Contact, {**values, "name": name or None, "phone": phone or None, "expires_on": last}))


def purpose_of(word: Purpose | str) -> Purpose:
    """What somebody says they look for. Raises Invalid for what is no reason."""
    try:
        return Purpose(word)
    except ValueError:
        raise Invalid({"purpose": Message(msg("Choose one of the list"))}) from None


def reveal(store: Store, actor: Actor, community_id: str, id: str, purpose: Purpose | str) -> Contact:
    """A contact in full. Who looked, when and why goes on record. Raises Invalid for a reason that is none, NotFound,
    Refused."""
    require(actor, Operation.READ, Contact.collection)
    why = purpose_of(purpose)

    def work(write: Write) -> Contact:
        about_id = write.read(Contact, community_id, id).about_id
        return write.reveal(Contact, community_id, id, {"purpose": str(why), "about_id": about_id})

    return store.write(actor, work, vital=True)


def move_contact(
    write: Write, community_id: str, about_id: str, grid_id: str | None, *, following: type[Record]
) -> None:
    """The contact of what went to another grid goes with it, inside the same write: who has the matter in charge sees
    whom to call back, and who had it before does not any more. ``following`` is the record that went."""
    about = {"community_id": community_id, "about_id": about_id}
    for document in write.store.documents(Contact, about, session=write.session):
        changes = {"grid_id": grid_id}
        write.update(Contact, community_id, document["_id"], document["revision"], changes, following=following)


def drop_contact(write: Write, community_id: str, about_id: str) -> None:
    """Erase the contact of what is being taken out, inside the same write."""
    about = {"community_id": community_id, "about_id": about_id}
    for document in write.store.documents(Contact, about, session=write.session):
        write.delete(Contact, community_id, document["_id"], document["revision"])


def keep_until(write: Write, community_id: str, about_id: str, since: date, *, following: type[Record]) -> None:
    """What is kept of a matter is kept CONTACT_DAYS from ``since`` on, inside the write of ``following`` that moves it.
    Raises Refused."""
    about = {"community_id": community_id, "about_id": about_id}
    for document in write.store.documents(Contact, about, session=write.session):
        changes = {"expires_on": since + timedelta(days=CONTACT_DAYS)}
        write.update(Contact, community_id, document["_id"], document["revision"], changes, following=following)


def forget_contact(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Erase a contact: it is nowhere any more, in the audit neither. Raises Conflict, NotFound, Refused."""
    store.delete(actor, Contact, community_id, id, revision)


def forget_expired(store: Store, actor: Actor, community_id: str, *, on: date) -> int:
    """Erase the contacts whose time is over; returns how many. Raises Refused."""
    require(actor, Operation.DELETE, Contact.collection)
    over = {"expires_on": Is(lt=midnight(on))}
    found = store.find(actor, Contact, community_id, over, limit=1000)
    for each in found:
        store.delete(actor, Contact, community_id, each.id, each.revision)
    return len(found)


# --- queries
def contact_of(store: Store, actor: Actor, community_id: str, about_id: str) -> Masked | None:
    """How to reach whoever reported this, masked; None when nothing is kept. Raises Refused, Unavailable."""
    require(actor, Operation.READ, Contact.collection)
    within = {"$and": [scope(actor, Contact, community_id), {"about_id": about_id}]}
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = next(store.documents(Contact, within, limit=1), None)  # whole, for what the mask leaves of it
    if found is None:
        return None
    one = Contact.from_document(found)
    name = one.name[:1] + "＊" * (len(one.name) - 1) if one.name else ""
    digits = one.phone or ""
    phone = digits[:3] + "＊" * max(0, len(digits) - 5) + digits[-2:] if len(digits) > 6 else "＊" * len(digits)
    return Masked(one.id, one.revision, name, phone, one.expires_on)


def people(store: Store, actor: Actor, community_id: str) -> list[Person]:
    """Everybody, active first, by name."""
    return store.find(actor, Person, community_id, sort=[("active", -1), ("name", 1)], limit=5000)


def people_by_id(store: Store, actor: Actor, community_id: str) -> dict[str, str]:
    """Everybody's name by id: what pickers, tables and sentences need."""
    found = store.aggregate(
        actor, Person, community_id, [{"$project": {"name": 1}}, {"$sort": {"name": 1}}, {"$limit": 5000}]
    )
    return {person["_id"]: person["name"] for person in found}
