"""The community and its grids: who answers for which, and how the load is shared."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from zoneinfo import available_timezones

from bson import ObjectId
from pydantic import Field, field_validator

from repository.access import Actor
from repository.people import AgeBand, Sex
from repository.record import LINE, PAGE, Choice, Day, Index, Part, Record, Ref, Shown
from repository.store import FieldProblem, Store, build
from repository.words import msg


class Population(Part):
    """How many people of one age band and sex live here, by the register."""

    age_band: AgeBand = Field(title=msg("Age band"))
    sex: Sex = Field(title=msg("Sex"))
    count: int = Field(ge=0, le=10_000_000, title=msg("People"))


class Community(Record):
    """A community (社区): the unit everything belongs to. Its id is its own ``community_id``."""

    collection = "communities"
    title = msg("Communities")
    grid_field = None
    natural_key = ("code",)
    indexes = (Index(("code",), "find a community by its code", unique=True),)

    code: Annotated[str, Shown(aliases=("社区代码", "统计代码"))] = Field(
        min_length=1, max_length=40, title=msg("Code")
    )
    name: Annotated[str, Shown(aliases=("社区", "社区名称"))] = Field(min_length=1, max_length=LINE, title=msg("Name"))
    district: str | None = Field(default=None, max_length=LINE, title=msg("District"))
    time_zone: str = Field(default="Asia/Shanghai", max_length=60, title=msg("Time zone"))
    households: Annotated[int, Shown(unit=msg("households"))] = Field(
        default=0, ge=0, le=10_000_000, title=msg("Households")
    )
    residents: Annotated[int, Shown(unit=msg("people"))] = Field(
        default=0, ge=0, le=100_000_000, title=msg("Residents")
    )
    crew_hours_per_week: Annotated[float, Shown(unit=msg("hours"))] = Field(
        default=80,
        ge=0.5,
        le=100_000,
        title=msg("Crew hours a week"),
        description=msg("Working hours of the repair crew; the backlog in weeks is measured by it"),
    )
    population: Annotated[tuple[Population, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=20, title=msg("Population by age and sex")
    )
    demonstration: Annotated[bool, Shown(form=False, table=False)] = Field(
        default=False, title=msg("Demonstration data")
    )

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise FieldProblem(msg("There is no time zone {zone}; write one like Asia/Shanghai."), zone=value)
        return value


class Point(Part):
    """A corner of a grid's outline or a facility's place, WGS 84 degrees."""

    longitude: float = Field(ge=-180, le=180, title=msg("Longitude"))
    latitude: float = Field(ge=-90, le=90, title=msg("Latitude"))


class Grid(Record):
    """A grid (网格): a part of the community with exactly one person who answers for it."""

    collection = "grids"
    title = msg("Grids")
    grid_field = "id"
    natural_key = ("code",)
    indexes = (Index(("community_id", "code"), "a grid's code is its own", unique=True),)

    code: Annotated[str, Shown(aliases=("网格编号", "网格号"))] = Field(
        min_length=1, max_length=LINE, title=msg("Code")
    )
    name: Annotated[str, Shown(aliases=("网格", "网格名称"))] = Field(min_length=1, max_length=LINE, title=msg("Name"))
    responsible_id: Annotated[str | None, Ref(to="people", aliases=("责任人", "网格责任人"))] = Field(
        default=None, max_length=64, title=msg("Responsible person")
    )
    households: Annotated[int | None, Shown(unit=msg("households"), aliases=("户数",))] = Field(
        default=None, ge=0, le=1_000_000, title=msg("Households")
    )
    residents: Annotated[int | None, Shown(unit=msg("people"), aliases=("人数", "人口"))] = Field(
        default=None, ge=0, le=10_000_000, title=msg("Residents")
    )
    sites: tuple[Annotated[str, Field(max_length=LINE)], ...] = Field(
        default=(), max_length=200, title=msg("Sites"), description=msg("Places in the grid, such as a park or a yard")
    )
    boundary: Annotated[tuple[Point, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=2000, title=msg("Outline")
    )
    remark: Annotated[str | None, Shown(long=True)] = Field(default=None, max_length=PAGE, title=msg("Remark"))


class Tier(Choice):
    """The three tiers of the safety network, and the grid's own posts (source document, section 2.2)."""

    STREET = "street", msg("Street: full-time supervisor"), "镇街专职安全监管员"
    COMMUNITY = "community", msg("Community: safety assistant"), "社区安全协管员"
    GROUP = "group", msg("Group: safety officer"), "小组安全员"
    GRID_LEAD = "grid_lead", msg("Grid director"), "网格主任", "片区主任"
    GROUP_LEADER = "group_leader", msg("Residents' group leader"), "居民小组长"


class Post(Record):
    """A post that should be filled, and who fills it. A vacant post has no holder."""

    collection = "posts"
    title = msg("Posts")
    name_field = "tier"
    indexes = (Index(("community_id", "grid_id", "tier"), "posts required and filled by grid and tier"),)

    tier: Tier = Field(title=msg("Post"))
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格",))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    holder_id: Annotated[str | None, Ref(to="people", aliases=("任职人",))] = Field(
        default=None, max_length=64, title=msg("Holder")
    )
    since: Annotated[date | None, Day()] = Field(
        default=None, ge=date(1950, 1, 1), le=date(2100, 12, 31), title=msg("Since")
    )
    until: Annotated[date | None, Day()] = Field(
        default=None, ge=date(1950, 1, 1), le=date(2100, 12, 31), title=msg("Until")
    )


def grid_names(store: Store, actor: Actor, community_id: str) -> dict[str, str]:
    """Name by id of the grids within the actor's reach, in order of their codes: for filters, pickers and tables."""
    return {grid.id: grid.name for grid in store.find(actor, Grid, community_id, sort=[("code", 1)], limit=2000)}


def found_community(store: Store, actor: Actor, values: Mapping[str, Any], *, key: str | None = None) -> Community:
    """Enter a community; its id is its own ``community_id``. Raises Invalid, Duplicate, Refused."""
    id = str(ObjectId())
    return store.insert(actor, build(Community, {**values, "id": id, "community_id": id}), key=key)
