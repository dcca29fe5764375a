"""What is noted of a vehicle or a person that comes in, when it is complete, and what about it is out of the ordinary.

Who came is personal: it stands in one field (``who``), is masked in every list, and is blanked after some days, which
the community sets; what the figures need of it (whether it was noted at all) stays.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from repository.facilities import Control, Facility
from repository.grids import Community
from repository.record import PAGE, Choice, Flag, Index, Record, Ref, Shown, Term, far_away
from repository.rollups import Atom, month_of
from repository.words import msg


class EntryKind(Choice):
    """What came in."""

    VEHICLE = "vehicle", msg("Vehicle"), "车辆", "车", "机动车"
    PERSON = "person", msg("Person"), "人员", "访客", "行人", "人"


class Handling(Choice):
    """How it was let in."""

    SMART = (
        ("smart", msg("Recognised"), "智能", "自动", "自动放行", "自动识别", "自动开闸", "识别放行", "车牌识别")
        + ("系统放行", "系统自动放行", "正常放行", "刷卡", "刷脸", "人脸识别", "扫码")
    )  # fmt: skip
    MANUAL = (
        ("manual", msg("Let in by hand"), "人工", "手动", "人工放行", "手动放行", "人工开闸", "手动开闸", "手动抬杆")
        + ("手工登记", "登记放行", "遥控开闸", "遥控", "异常放行", "强制开闸")
    )  # fmt: skip


class EntryPurpose(Choice):
    """What for; other words are kept as they are."""

    RESIDENT = "resident", msg("Lives here"), "业主", "居民", "住户", "月租车", "固定车", "月卡车"
    VISIT = "visit", msg("Visit"), "访客", "探访", "走亲访友", "来访"
    DELIVERY = "delivery", msg("Delivery"), "快递", "外卖", "送货", "配送"
    SERVICE = "service", msg("Repair or service"), "维修", "施工", "家政", "服务"
    RIDE = "ride", msg("Taxi or ride"), "网约车", "出租车"
    OTHER = "other", msg("Other"), "其他", "临时车"


class EntryException(Choice):
    """What about an entry is out of the ordinary."""

    BY_HAND = "by_hand", msg("Let in by hand at a smart gate")
    NO_EXIT = "no_exit", msg("Left, nobody noted when")
    TOO_LONG = "too_long", msg("Visitor stayed too long")
    AT_NIGHT = "at_night", msg("Visitor came at night")


LONGEST_STAY: Mapping[EntryKind, timedelta] = {
    EntryKind.VEHICLE: timedelta(hours=24),
    EntryKind.PERSON: timedelta(hours=12),
}
"""A visitor who stays longer is an exception. Derived; nobody's rule that we know of."""
NIGHT = frozenset((23, 0, 1, 2, 3, 4))
"""Hours in which a visitor who comes is an exception."""
REQUIRED: Mapping[EntryKind, tuple[str, ...]] = {
    EntryKind.VEHICLE: ("who",),
    EntryKind.PERSON: ("who", "purpose", "host"),
}
"""What must be noted of an entry, beside its exit, where the community has not said otherwise."""
REQUIRABLE = ("who", "purpose", "host")
"""What a community can ask for."""
LOOKING = "entry_names"
"""Stands in ``access.PERMISSIONS`` for seeing in full who came."""


class EntryLog(Record):
    """One vehicle or person that came in through a gate, until it left. Who it was is forgotten after some days."""

    collection = "entry_logs"
    title = msg("Entry logs")
    name_field = "entered_at"
    natural_key = ("gate_id", "entered_at", "who")
    personal = frozenset({"who"})
    indexes = (
        Index(("community_id", "entered_at"), "newest first; a month's rebuild"),
        Index(("community_id", "gate_id", "entered_at"), "a gate's entries; what a sheet brings again"),
        Index(("community_id", "is_open", "entered_at"), "who is still inside", where={"is_open": True}),
        Index(("community_id", "complete", "entered_at"), "what was not noted completely", where={"complete": False}),
        Index(
            ("community_id", "exceptions", "entered_at"),
            "what was out of the ordinary",
            where={"exceptions": {"$exists": True}},
        ),
        Index(("community_id", "entered_at"), "who is to be forgotten", where={"who": {"$exists": True}}),
        Index(("community_id", "lasted", "entered_at"), "who was inside at a moment that is over"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("entries", "entry_hours")
    moments = ("entered_at",)
    past = ("entered_at", "left_at")
    began = "entered_at"
    stirred = ("left_at",)
    lasts = True
    traced = frozenset({"exit_unknown"})

    kind: Annotated[EntryKind, Shown(aliases=("类别", "类型", "出入类型"))] = Field(
        default=EntryKind.VEHICLE, title=msg("Vehicle or person")
    )
    gate_id: Annotated[
        str,
        Ref(
            to="facilities",
            aliases=("通道", "岗亭", "通道/岗亭", "通道名称", "岗亭名称", "入口", "入口通道", "入场通道", "入口名称")
            + ("进场通道", "出入口", "门岗"),
        ),
    ] = Field(min_length=1, max_length=64, title=msg("Gate"))
    who: Annotated[
        str | None,
        Shown(aliases=("车牌号", "车牌", "车牌号码", "号牌号码", "姓名", "访客姓名", "来访人", "来访人姓名")),
    ] = Field(default=None, max_length=60, title=msg("Number plate or name"))
    entered_at: Annotated[
        datetime,
        Shown(aliases=("入场时间", "进场时间", "进入时间", "入口时间", "驶入时间", "来访时间", "登记时间")),
    ] = Field(title=msg("Came in at"))
    left_at: Annotated[
        datetime | None,
        Shown(aliases=("出场时间", "离场时间", "离开时间", "出口时间", "驶出时间")),
    ] = Field(default=None, title=msg("Left at"))
    exit_unknown: Annotated[bool, Shown(form=False)] = Field(default=False, title=msg("Left, time unknown"))
    handling: Annotated[
        Handling | None, Shown(aliases=("放行方式", "开闸方式", "放行类型", "开闸类型", "入场方式"))
    ] = Field(default=None, title=msg("Let in"), description=msg("Empty: as the gate usually does"))
    purpose: Annotated[
        str | None, Term(of=EntryPurpose, aliases=("事由", "来访事由", "车辆类型", "车类型", "用户类型"))
    ] = Field(default=None, max_length=60, title=msg("Purpose"))
    host: Annotated[str | None, Shown(aliases=("到访楼栋", "楼栋", "被访楼栋", "到访地点"))] = Field(
        default=None, max_length=60, title=msg("Building visited"), description=msg("A building, not a name")
    )
    remark: Annotated[str | None, Shown(long=True, aliases=("备注",))] = Field(
        default=None, max_length=PAGE, title=msg("Remark")
    )
    grid_id: Annotated[str | None, Ref(to="grids", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    control: Annotated[Control | None, Shown(form=False, table=False)] = Field(
        default=None, title=msg("Entry control"), description=msg("Of the gate, at that time")
    )
    hour: Annotated[int, Shown(form=False, table=False)] = Field(
        default=0, ge=0, le=167, title=msg("Hour of the week"), description=msg("0 is Monday, midnight to one")
    )
    is_open: Annotated[bool, Shown(form=False, table=False)] = Field(default=True, title=msg("Still inside"))
    noted: Annotated[bool, Shown(form=False, table=False)] = Field(default=False, title=msg("Who it was is noted"))
    forgotten: Annotated[bool, Shown(form=False, table=False)] = Field(
        default=False, title=msg("Who it was has been erased")
    )
    complete: Annotated[bool, Shown(form=False, table=False)] = Field(default=False, title=msg("Noted completely"))
    exceptions: Annotated[tuple[EntryException, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=10, title=msg("Exceptions")
    )

    def to_document(self) -> dict[str, Any]:
        """As every record's; without exceptions there is no such field, so that their index holds only those with."""
        document = super().to_document()
        if not document["exceptions"]:
            del document["exceptions"]
        document["lasted"] = self.how_long(document)
        return document

    @classmethod
    def as_it_stood(
        cls,
        document: Mapping[str, Any],
        moment: datetime,
        was: Mapping[str, Any],
        zone: ZoneInfo,  # noqa: ARG003 (another record's days need it)
    ) -> dict[str, Any] | None:
        """As every record's: what has left since was inside, if nobody had said that it left unseen, and so neither
        noted completely nor known to have stayed too long. Of what differs who it was is masked."""
        if document["entered_at"] > moment:
            return None
        left = document.get("left_at")
        unseen = bool(was.get("exit_unknown", document["exit_unknown"]))
        if (left is not None and left <= moment) or (left is None and unseen is document["exit_unknown"]):
            return dict(document)
        then = shown(cls.from_document(document))
        then = then.model_copy(
            update={"left_at": None, "exit_unknown": unseen, "is_open": not unseen, "complete": False}
        )
        return then.model_copy(update={"exceptions": tuple(_exceptions(then))}).to_document()

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """Left before it came in; came in a year that no gate's log can be of."""
        left = document.get("left_at")
        if left and left < document["entered_at"]:
            yield Flag.LEFT_BEFORE_ENTERED
        if far_away(document["entered_at"], left):
            yield Flag.YEAR_FAR_AWAY

    @staticmethod
    def contributions(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """What one entry adds to the counters, in the month it came in; the category is the gate."""
        month = month_of(document["entered_at"], zone)
        grid, gate, kind = document.get("grid_id") or "", document["gate_id"], document["kind"]
        names = [kind]
        if document["complete"]:
            names.append(f"{kind}_complete")
        if document.get("handling") == Handling.SMART.value:
            names.append(f"{kind}_smart")
        if document.get("left_at"):
            names.append(f"{kind}_left")
        if odd := document.get("exceptions"):
            names += ["odd", *odd]
        for name in names:
            yield ("entries", "month", month, grid, gate, name), 1
        yield ("entry_hours", "cells", month, grid, gate, f"{kind}.{document['hour']:03d}"), 1


@dataclass(frozen=True)
class Gate:
    """What an entry takes over from the facility it came through."""

    grid_id: str | None
    control: Control | None

    @classmethod
    def of(cls, facility: Facility) -> "Gate":
        """As the facility stands now."""
        return cls(facility.grid_id, getattr(facility.details, "control", None))


@dataclass(frozen=True)
class EntryRules:
    """What a community asks of an entry, and how long it keeps who came. Pure."""

    zone: ZoneInfo
    required: Mapping[EntryKind, frozenset[str]]
    days: int

    @classmethod
    def of(cls, community: Community | None, zone: ZoneInfo) -> "EntryRules":
        """Its own rules, else ours."""
        own = {rule.kind: rule.required for rule in community.entry_rules} if community else {}
        days = community.entry_days if community else int(Community.model_fields["entry_days"].default)
        return cls(zone, {kind: frozenset(own.get(kind, REQUIRED[kind])) for kind in EntryKind}, days)

    def settle(self, entry: EntryLog, gate: Gate | None = None, *, named: bool = True) -> EntryLog:
        """``entry`` with all that follows from it: whether it is open and complete, its hour, its exceptions. From the
        ``gate`` it takes the grid, and the control as it is at this time; without one it keeps those it has. Not
        ``named``: who it was has not been read, so whether that is noted stays as it is."""
        control = entry.control if gate is None else gate.control
        smart = control is Control.SMART
        noted = bool(entry.who) if named and not entry.forgotten else entry.noted
        there = {"who": noted, "purpose": bool(entry.purpose), "host": bool(entry.host)}
        here = entry.entered_at.astimezone(self.zone)
        kept: dict[str, Any] = {
            "control": control,
            "grid_id": entry.grid_id if gate is None else gate.grid_id,
            "handling": entry.handling or (Handling.SMART if smart else Handling.MANUAL),
            "exit_unknown": entry.exit_unknown and entry.left_at is None,
            "is_open": entry.left_at is None and not entry.exit_unknown,
            "noted": noted,
            "hour": here.weekday() * 24 + here.hour,
            "complete": entry.left_at is not None and all(there[name] for name in self.required[entry.kind]),
        }
        settled = entry.model_copy(update=kept)
        return settled.model_copy(update={"exceptions": tuple(_exceptions(settled))})


def _exceptions(entry: EntryLog) -> Iterator[EntryException]:
    if entry.control is Control.SMART and entry.handling is Handling.MANUAL:
        yield EntryException.BY_HAND
    if entry.exit_unknown:
        yield EntryException.NO_EXIT
    if entry.purpose is None or entry.purpose == EntryPurpose.RESIDENT:
        return  # only of whom we know that they do not live here
    if entry.left_at and entry.left_at - entry.entered_at > LONGEST_STAY[entry.kind]:
        yield EntryException.TOO_LONG
    if entry.hour % 24 in NIGHT:
        yield EntryException.AT_NIGHT


def masked(who: str | None, kind: EntryKind) -> str | None:
    """Enough of a plate or name to recognise it by: 川E＊＊＊45, 王＊＊."""
    if not who:
        return who
    if kind is EntryKind.PERSON:
        return who[:1] + "＊" * max(1, len(who) - 1)
    return who[:2] + "＊" * (len(who) - 4) + who[-2:] if len(who) > 5 else "＊" * len(who)


def shown(entry: EntryLog) -> EntryLog:
    """An entry as everybody sees it. Never save what this returns."""
    return entry if entry.who is None else entry.model_copy(update={"who": masked(entry.who, entry.kind)})
