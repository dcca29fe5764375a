"""People who hold posts, get work, bring organisations. Residents are not here: they are pseudonymous keys."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from repository.access import Actor
from repository.record import LINE, Choice, Index, Record, Shown
from repository.store import Store, build
from repository.words import msg


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

    name: Annotated[str, Shown(aliases=("姓名", "Name"))] = Field(min_length=1, max_length=60, title=msg("Name"))
    kind: PersonKind = Field(default=PersonKind.STAFF, title=msg("Kind"))
    job: Annotated[str | None, Shown(aliases=("职务", "岗位"))] = Field(default=None, max_length=LINE, title=msg("Job"))
    employer: Annotated[str | None, Shown(aliases=("单位",))] = Field(
        default=None, max_length=LINE, title=msg("Employer")
    )
    active: bool = Field(default=True, title=msg("Active"), description=msg("Can be given work and posts"))


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


# --- queries
def people(store: Store, actor: Actor, community_id: str) -> list[Person]:
    """Everybody, active first, by name."""
    return store.find(actor, Person, community_id, sort=[("active", -1), ("name", 1)], limit=5000)


def people_by_id(store: Store, actor: Actor, community_id: str) -> dict[str, str]:
    """Everybody's name by id: what pickers, tables and sentences need."""
    found = store.aggregate(
        actor, Person, community_id, [{"$project": {"name": 1}}, {"$sort": {"name": 1}}, {"$limit": 5000}]
    )
    return {person["_id"]: person["name"] for person in found}
