"""Assessment rounds (metric C1): who judges, with what weight, by how many ballots; and what comes of it. Pure: no I/O.

Ballots are anonymous. Nobody fills one in under their own account, for the trail would then tell who said what: they
are paper, and whoever counts enters them, one by one or as the tally of a pile. Both are one kind of entry - so many
ballots and the points they gave in all - because means are re-divided from sums, and a pile's means weigh as many as it
has. Of who filled it in nothing is kept but the group, and whether they are ordinary residents.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.metrics import ratio
from repository.record import LINE, Choice, Day, Index, Part, Record, Ref, Shown, entered_later, rewound
from repository.staff.records import FIRST_DAY, LAST_DAY
from repository.store import FieldProblem
from repository.words import Message, msg

MIN_RATERS, MIN_RESIDENTS = 50, 70  # people, and percent of them that are ordinary residents
MOST_BALLOTS = 10_000  # in one entry
FINE = 6  # decimals that sums are rounded to


class RaterKind(Choice):
    """Who judges."""

    STREET = "street", msg("Street"), "街道", "街道评分"
    PEERS = "peers", msg("Peers"), "同事", "同事互评"
    RESIDENTS = "residents", msg("Residents"), "居民", "居民测评"


class RaterGroup(Part):
    """A group of raters: its weight, and the items each of them gives points for."""

    kind: RaterKind = Field(title=msg("Raters"))
    weight: int = Field(ge=0, le=100, title=msg("Weight (%)"))
    items: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = Field(
        min_length=1, max_length=20, title=msg("Items assessed")
    )
    points: float = Field(gt=0, le=100, title=msg("Points for an item, at most"))

    @property
    def full(self) -> float:
        """Points a ballot can give."""
        return self.points * len(self.items)


USUAL_GROUPS = (
    RaterGroup(kind=RaterKind.STREET, weight=30, items=("德", "能", "勤", "政", "廉"), points=6),
    RaterGroup(
        kind=RaterKind.PEERS,
        weight=10,
        items=(
            *("政治素质", "大局意识", "团结协作", "业务能力", "学习态度"),
            *("工作实绩", "责任担当", "群众观念", "遵章守纪", "廉洁自律"),
        ),
        points=1,
    ),
    RaterGroup(
        kind=RaterKind.RESIDENTS,
        weight=60,
        items=("服务态度", "业务能力", "办事效率", "联系群众", "解决问题", "廉洁公正"),
        points=10,
    ),
)
"""Weights, the street's items and the number of the peers' are Nanhu district's of 2015 (metric C1). What we have of
that notice names no items for peers and residents: these are ours, and a round may have others. A ballot's points are
its group's part of the hundred."""


class RoundState(Choice):
    """Whether ballots are still taken."""

    OPEN = "open", msg("Ballots are taken"), "进行中"
    CLOSED = "closed", msg("Round closed"), "已结束"


class Correction(Part):
    """What was put right after a round had been closed, with the result before and after; the ballots it replaced are
    kept."""

    at: datetime = Field(title=msg("At"))
    by: str = Field(max_length=LINE, title=msg("By"))
    reason: str = Field(min_length=1, max_length=LINE * 2, title=msg("Reason"))
    person_id: str = Field(max_length=64, title=msg("Person"))
    group: RaterKind = Field(title=msg("Raters"))
    before: float | None = Field(default=None, title=msg("Result before"))
    after: float | None = Field(default=None, title=msg("Result after"))


class AssessmentRound(Record):
    """One assessment of some members of the team for a stretch of time."""

    collection = "assessment_rounds"
    title = msg("Assessment rounds")
    natural_key = ("name",)
    grid_field = None
    indexes = (Index(("community_id", "closes_on"), "the newest rounds"),)
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset({"people", "groups", "min_raters", "min_residents", "opens_on", "closes_on", "entered"})
    ends_removed = True

    name: str = Field(min_length=1, max_length=LINE, title=msg("Name"))
    first: Annotated[date, Day()] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("Period from"))
    last: Annotated[date, Day()] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("Period to"))
    opens_on: Annotated[date, Day()] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("Ballots from"))
    closes_on: Annotated[date, Day()] = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("Ballots until"))
    people: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Ref(to="people")] = Field(
        default=(), max_length=500, title=msg("Who is assessed"), description=msg("At least one of the staff")
    )
    groups: Annotated[tuple[RaterGroup, ...], Shown(form=False, table=False)] = Field(
        default=USUAL_GROUPS, min_length=1, max_length=len(RaterKind), title=msg("Groups of raters")
    )
    min_raters: Annotated[int, Shown(unit=msg("ballots"))] = Field(
        default=MIN_RATERS, ge=1, le=100_000, title=msg("Raters, at least")
    )
    min_residents: Annotated[int, Shown(unit=msg("percent"))] = Field(
        default=MIN_RESIDENTS, ge=0, le=100, title=msg("Ordinary residents among them, at least")
    )
    state: Annotated[RoundState, Shown(form=False)] = Field(default=RoundState.OPEN, title=msg("State"))
    closed_at: Annotated[datetime | None, Shown(form=False, table=False)] = Field(default=None, title=msg("Closed at"))
    entered: Annotated[int, Shown(form=False)] = Field(default=0, ge=0, title=msg("Ballots entered"))
    corrections: Annotated[tuple[Correction, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=500, title=msg("Corrections")
    )

    @field_validator("last")
    @classmethod
    def _period_in_order(cls, value: date, info: ValidationInfo) -> date:
        return _in_order(value, info.data.get("first"))

    @field_validator("closes_on")
    @classmethod
    def _opening_in_order(cls, value: date, info: ValidationInfo) -> date:
        return _in_order(value, info.data.get("opens_on"))

    @field_validator("people")
    @classmethod
    def _each_person_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("groups")
    @classmethod
    def _whole(cls, value: tuple[RaterGroup, ...]) -> tuple[RaterGroup, ...]:
        if len({group.kind for group in value}) < len(value):
            raise FieldProblem(msg("A group of raters stands there twice."))
        total = sum(group.weight for group in value)
        if total != 100:
            raise FieldProblem(msg("The weights must add up to 100 %; they add up to {total} %."), total=total)
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: open until it was closed. What was put right in one that was closed is right there too."""
        closed = document.get("closed_at")
        if closed is not None and closed <= moment:
            return dict(document)
        then = super().as_it_stood(document, moment, was, zone)
        return then and rewound(then, {"state": RoundState.OPEN.value, "closed_at": None, "corrections": None})

    def group(self, kind: str) -> RaterGroup | None:
        """The group of raters of a kind, if this round has one."""
        return next((group for group in self.groups if group.kind == kind), None)


def _in_order(value: date, since: date | None) -> date:
    if since and value < since:
        raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
    return value


class AssessmentBallots(Record):
    """Ballots of one group about one person: how many, and the points they gave in all, item by item. Who filled them
    in is known to nobody here."""

    collection = "assessment_ballots"
    title = msg("Assessment ballots")
    name_field = "group"
    grid_field = None
    indexes = (Index(("community_id", "round_id", "person_id"), "a round's ballots"),)
    stirred = ("created_at",)

    round_id: Annotated[str, Ref(to="assessment_rounds")] = Field(max_length=64, title=msg("Assessment round"))
    person_id: Annotated[str, Ref(to="people")] = Field(max_length=64, title=msg("Person"))
    group: RaterKind = Field(title=msg("Raters"))
    n: Annotated[int, Shown(unit=msg("ballots"))] = Field(ge=1, le=MOST_BALLOTS, title=msg("Ballots"))
    ordinary: bool = Field(
        default=False, title=msg("Ordinary residents"), description=msg("Not group leaders, delegates or officials")
    )
    sums: Annotated[tuple[float, ...], Shown(form=False, table=False)] = Field(
        min_length=1, max_length=20, title=msg("Points by item, all ballots together")
    )
    struck: Annotated[str | None, Shown(form=False)] = Field(
        default=None, max_length=LINE * 2, title=msg("Struck out because")
    )
    replaces: Annotated[str | None, Shown(form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Takes the place of")
    )

    @classmethod
    def as_it_stood(
        cls,
        document: Mapping[str, Any],
        moment: datetime,
        was: Mapping[str, Any],  # noqa: ARG003 (another record's trail tells more)
        zone: ZoneInfo,  # noqa: ARG003
    ) -> dict[str, Any] | None:
        """As every record's; one that puts another right takes its place from the beginning."""
        return None if entered_later(document, moment) and document.get("replaces") is None else dict(document)


# --- what comes of it
@dataclass(frozen=True)
class Pile:
    """Ballots of one group about one person: how many, whether ordinary residents', and the points of all by item."""

    group: RaterKind
    n: int
    ordinary: bool
    sums: tuple[float, ...]

    @classmethod
    def of(cls, entry: AssessmentBallots) -> "Pile":
        """What an entry counts."""
        return cls(entry.group, entry.n, entry.ordinary, entry.sums)


@dataclass(frozen=True)
class GroupResult:
    """What one group gave one person."""

    group: RaterGroup
    n: int
    """Ballots."""
    items: tuple[float | None, ...]
    """Mean points by item."""

    @property
    def mean(self) -> float | None:
        """Mean points of a ballot; None without one, or where the items are not told."""
        known = [item for item in self.items if item is not None]
        return round(sum(known), FINE) if self.n and len(known) == len(self.items) else None

    @property
    def part(self) -> float | None:
        """The group's part of the hundred."""
        return None if self.mean is None else self.group.weight * self.mean / self.group.full


@dataclass(frozen=True)
class Result:
    """What a round says of one person. While a condition is ``missing`` the result is invalid (无效): no ``score``."""

    person_id: str
    score: float | None
    raters: int
    ordinary: int
    groups: tuple[GroupResult, ...]
    missing: tuple[Message, ...]

    @property
    def valid(self) -> bool:
        """Whether the minimum numbers are reached."""
        return not self.missing


def judged(held: AssessmentRound, person_id: str, ballots: Iterable[Pile]) -> Result:
    """What the ballots about a person come to, those struck out left away: each group's means re-divided from sums of
    points and of ballots, the groups weighted. Valid from the round's minimum of raters on, of all groups together,
    with the minimum share of ordinary residents among them, and a ballot at least of every group with a weight."""
    counted = list(ballots)
    groups = tuple(_of_group(group, [each for each in counted if each.group is group.kind]) for group in held.groups)
    raters = sum(each.n for each in groups)
    ordinary = sum(each.n for each in counted if each.ordinary and each.group is RaterKind.RESIDENTS)
    missing = []
    if raters < held.min_raters:
        missing.append(Message(msg("{n} of at least {least} raters"), {"n": raters, "least": held.min_raters}))
    if ordinary * 100 < held.min_residents * raters or (held.min_residents and not raters):
        facts: dict[str, Any] = {"n": ordinary, "all": raters, "least": held.min_residents}
        missing.append(Message(msg("{n} of {all} raters are ordinary residents, at least {least} % are needed"), facts))
    missing += [
        Message(msg("no ballot of “{group}”"), {"group": Message(each.group.kind.label)})
        for each in groups
        if each.group.weight and not each.n
    ]
    score = None
    if not missing:
        score = round_to(sum(each.part or 0 for each in groups))
    return Result(person_id, score, raters, ordinary, groups, tuple(missing))


def round_to(score: float) -> float:
    """A score as it is kept and shown: two decimals."""
    return float(f"{score + 1e-9:.2f}")


def _of_group(group: RaterGroup, ballots: Sequence[Pile]) -> GroupResult:
    n = sum(each.n for each in ballots)
    sums = [sum(each.sums[place] for each in ballots) for place in range(len(group.items))]
    return GroupResult(group, n, tuple(ratio(round(total, FINE), n) for total in sums))


def misfits(group: RaterGroup, n: int, sums: Sequence[Any]) -> Mapping[str, Message]:
    """What is wrong with the points of ``n`` ballots; empty when nothing is."""
    if len(sums) != len(group.items):
        facts: dict[str, Any] = {"n": len(group.items)}
        return MappingProxyType({"sums": Message(msg("Points for each of the {n} items are needed"), facts)})
    for item, total in zip(group.items, sums, strict=True):
        if not 0 <= total <= group.points * n + 10**-FINE:
            facts = {"item": item, "most": amount(group.points * n)}
            return MappingProxyType({"sums": Message(msg("“{item}”: 0 to {most} points in all"), facts)})
    return MappingProxyType({})


def amount(points: float) -> str:
    """Points as they are typed: all their decimals, and none that are not there."""
    return f"{points:.{FINE}f}".rstrip("0").rstrip(".")


# --- who sees what of it
MIN_GROUP = 5
"""k: what stands for fewer people than this is not shown to whoever may not see single persons' figures."""


def told_to_themselves(result: Result) -> Result:
    """The result as the person judged may see it: the groups only if none of them is so small that its mean says what
    single raters gave; one group's could else be had by subtracting."""
    small = any(0 < each.n < MIN_GROUP for each in result.groups)
    groups = tuple(
        GroupResult(each.group, each.n, tuple(None for _ in each.items)) if small else each for each in result.groups
    )
    return Result(result.person_id, result.score, result.raters, result.ordinary, groups, result.missing)
