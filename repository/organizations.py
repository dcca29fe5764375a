"""Organisations that the community works with: property companies and maintenance contractors, with their contract,
what they do and who of their staff is certified. Whom to call there is personal, and kept apart (``people.Contact``).

How a company does its orders is ``maintenance.company_scores``.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from repository.access import Actor, Operation, require
from repository.filters import Is
from repository.people import CONTACT_DAYS, Contact, drop_contact, keep_contact, keep_until
from repository.record import PAGE, Choice, Day, Index, Record, Shown, Term
from repository.rollups import day_of
from repository.store import FieldProblem, InUse, Store, Write, build, require_plain
from repository.words import msg

ENDING_DAYS = 90
"""A contract that ends within so many days is called out."""
YEARS = 10  # how long whom to call is kept where the contract names no end

_FACILITIES = "facilities"  # a room above this one; the store looks for references in plain fields only


class OrganizationKind(Choice):
    """What kind of organisation it is."""

    PROPERTY = "property", msg("Property company"), "物业公司", "物业企业", "物业服务企业"
    CONTRACTOR = "contractor", msg("Maintenance contractor"), "维保单位", "维修单位", "承包商"
    PUBLIC_BODY = "public_body", msg("Stationed public body"), "机关单位", "事业单位"
    ENTERPRISE = "enterprise", msg("Enterprise"), "企业"
    SCHOOL = "school", msg("School"), "学校"
    SOCIAL = "social", msg("Social organisation"), "社会组织"


COMPANIES = frozenset({OrganizationKind.PROPERTY, OrganizationKind.CONTRACTOR})
"""The kinds that work is given to."""


class CompanyService(Choice):
    """What a company does here; other words are kept as they are."""

    REPAIRS = "repairs", msg("Repairs"), "维修", "报修"
    LIFTS = "lifts", msg("Lift maintenance"), "电梯维保"
    CLEANING = "cleaning", msg("Cleaning"), "保洁"
    SECURITY = "security", msg("Security and gates"), "保安", "秩序维护"
    GREENERY = "greenery", msg("Greenery"), "绿化"
    FITNESS = "fitness", msg("Fitness equipment"), "健身器材"


class Organization(Record):
    """A property company, contractor, stationed body or other organisation."""

    collection = "organizations"
    title = msg("Organisations")
    grid_field = None
    natural_key = ("name",)
    indexes = (
        Index(("community_id", "name"), "a name is one organisation's", unique=True),
        Index(("community_id", "kind", "name"), "the companies; the stationed bodies"),
    )

    name: Annotated[str, Shown(aliases=("名称", "单位", "单位名称", "公司", "公司名称", "物业公司"))] = Field(
        min_length=1, max_length=120, title=msg("Name")
    )
    kind: Annotated[OrganizationKind, Shown(aliases=("单位类型", "性质"))] = Field(
        default=OrganizationKind.PROPERTY, title=msg("Kind")
    )
    services: Annotated[
        tuple[Annotated[str, Field(max_length=60)], ...], Term(of=CompanyService, aliases=("服务内容", "服务项目"))
    ] = Field(default=(), max_length=30, title=msg("Services"))
    contract_from: Annotated[date | None, Day(aliases=("合同开始", "合同起"))] = Field(
        default=None, ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("Contract from")
    )
    contract_until: Annotated[date | None, Day(aliases=("合同到期", "合同止", "合同截止"))] = Field(
        default=None, ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("Contract until")
    )
    staff: Annotated[int | None, Shown(unit=msg("people"), aliases=("员工数", "人员数"))] = Field(
        default=None, ge=0, le=1_000_000, title=msg("Staff here")
    )
    certified_staff: Annotated[int | None, Shown(unit=msg("people"), aliases=("持证人数",))] = Field(
        default=None, ge=0, le=1_000_000, title=msg("Certified staff")
    )
    active: bool = Field(default=True, title=msg("Active"), description=msg("Can be given work"))
    remark: Annotated[str | None, Shown(long=True, aliases=("备注",))] = Field(
        default=None, max_length=PAGE, title=msg("Remark")
    )

    @field_validator("contract_until")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("contract_from")
        if value and since and value < since:
            raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
        return value

    @field_validator("certified_staff")
    @classmethod
    def _of_the_staff(cls, value: int | None, info: ValidationInfo) -> int | None:
        staff = info.data.get("staff")
        if value is not None and staff is not None and value > staff:
            raise FieldProblem(msg("There cannot be more certified than there are: {staff}."), staff=staff)
        return value

    def days_left(self, on: date) -> int | None:
        """Days until the contract ends; negative when it has. None without an end."""
        return None if self.contract_until is None else (self.contract_until - on).days

    def ends_soon(self, on: date) -> bool:
        """Whether the contract ends within ENDING_DAYS, or has ended."""
        left = self.days_left(on)
        return self.active and left is not None and left <= ENDING_DAYS


# --- commands
def add_organization(
    store: Store,
    actor: Actor,
    community_id: str,
    values: Mapping[str, Any],
    *,
    key: str | None = None,
) -> Organization:
    """Enter an organisation. Raises Invalid, Duplicate (the name), Refused."""
    return store.insert(actor, build(Organization, {**values, "community_id": community_id}), key=key)


def edit_organization(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Organization:
    """Change what is known of it; whom to call there is kept by the contract as it is now. One that is no longer active
    keeps its past and gets no work. Raises Invalid, Duplicate, Conflict, NotFound, Refused."""

    def work(write: Write) -> Organization:
        before = write.read(Organization, community_id, id)
        changed = write.update(Organization, community_id, id, revision, changes)
        if changed.contract_until != before.contract_until:
            today = day_of(write.at, store.zone(community_id))
            keep_until(write, community_id, id, _since(changed, today), following=Organization)
        return changed

    return store.write(actor, work)


def set_contact(
    store: Store, actor: Actor, community_id: str, id: str, *, name: str | None, phone: str | None
) -> Organization:
    """Whom to call there from now on, in place of whoever it was; nobody, when both are empty. Raises Invalid,
    NotFound, Refused."""
    require(actor, Operation.UPDATE, Organization.collection)
    require(actor, Operation.DELETE, Contact.collection)

    def work(write: Write) -> Organization:
        found = write.read(Organization, community_id, id)
        drop_contact(write, community_id, id)
        _keep_contact(write, found, name, phone)
        return found

    return store.write(actor, work)


def remove_organization(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out one entered by mistake, and whom to call there; raises InUse while orders or facilities name it."""

    def work(write: Write) -> None:
        kept = {"community_id": community_id, "details.company_id": id}
        require_plain(kept)
        if write.store.db[_FACILITIES].find_one(kept, {"_id": 1}, session=write.session):
            raise InUse(msg("Not deleted, because facilities name it. Change those first."))
        write.delete(Organization, community_id, id, revision)
        drop_contact(write, community_id, id)

    store.write(actor, work)


def renew_contacts(store: Store, actor: Actor, community_id: str, *, on: date) -> int:
    """Before contacts are forgotten: whom to call where a sheet has extended the contract, or ended its end, is kept as
    long as the contract says; returns how many were due to be forgotten. Raises Refused."""
    require(actor, Operation.UPDATE, Organization.collection)
    over = {"expires_on": Is(lt=datetime.combine(on, time(), UTC))}
    due = [each.about_id for each in store.find(actor, Contact, community_id, over, limit=1000)]
    here = store.find(actor, Organization, community_id, {"_id": Is(among=due), "active": True}, limit=1000)
    last = timedelta(days=CONTACT_DAYS)
    longer = [one for one in here if one.contract_until is None or one.contract_until + last >= on]

    def work(write: Write) -> int:
        for one in longer:
            keep_until(write, community_id, one.id, _since(one, on), following=Organization)
        return len(longer)

    return store.write(actor, work)


def _keep_contact(write: Write, of: Organization, name: str | None, phone: str | None) -> None:
    """Until half a year after the contract, as any contact after its matter."""
    today = day_of(write.at, write.store.zone(of.community_id))
    keep_contact(write, of.community_id, of.id, None, name=name, phone=phone, since=_since(of, today))


def _since(of: Organization, today: date) -> date:
    return max(today, of.contract_until or today + timedelta(days=365 * YEARS))


# --- queries
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
