"""Records of the room: volunteers, and what a resident is recognised by. Both name a resident by code alone."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.activities.commands import PERSONAL
from repository.activities.records import FIRST_DAY, LAST_DAY, LONGEST_CODE
from repository.record import LINE, Day, Index, Record, Ref, Shown, Trace, day_then
from repository.rollups import REGISTERED, Atom
from repository.store import FieldProblem, Invalid
from repository.words import Message, msg

CARD_KEY = "card_key"  # (its name)  # pragma: allowlist secret
_CARD = re.compile(r"[0-9A-Z]{4,40}")


class Volunteer(Record):
    """A resident who is registered as a volunteer, from ``since`` to ``until`` (None: still). One record a resident."""

    collection = "volunteers"
    title = msg("Volunteers")
    name_field = "resident"
    natural_key = ("resident",)
    indexes = (
        Index(("community_id", "resident"), "a resident is registered once", unique=True),
        Index(("community_id", "since"), "the newest; a month's rebuild"),
        Index(("community_id", "until"), "who left in a month", where={"until": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("volunteers",)
    moments = ("since", "until")
    began = "since"
    stirred = ("until",)
    trace = Trace()

    resident: Annotated[str, Shown(aliases=("居民代码", "短码"))] = Field(
        min_length=1,
        max_length=LONGEST_CODE,
        title=msg("Resident code"),
        description=msg("A code, never a name or an ID number"),
    )
    since: Annotated[date, Day(aliases=("注册日期", "登记日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Registered since")
    )
    until: Annotated[date | None, Day(aliases=("退出日期",))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Registered until"), description=msg("The last day, if any")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格",))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    skills: Annotated[str | None, Shown(aliases=("特长", "服务特长"))] = Field(
        default=None, max_length=LINE, title=msg("Can help with")
    )

    @field_validator("until")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("since")
        if value and since and value < since:
            raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: who left later had not yet."""
        until = document.get("until")
        stays = until is not None and until > day_then(moment, zone)
        return super().as_it_stood(document, moment, {**was, "until": None} if stays else was, zone)

    @staticmethod
    def contributions(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``joined`` in the month of registration, ``left`` in that of the last day, by grid."""
        grid = document.get("grid_id") or ""
        for field, name in (("since", "joined"), ("until", "left")):
            if day := document.get(field):
                yield ("volunteers", "month", f"{day.year:04d}-{day.month:02d}", grid, "", name), 1

    @staticmethod
    def presence(document: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[tuple[str, str, str]]:
        """Resident key and the months of registration (``2024-03/``), kept beside the months they came in."""
        since, until = document["since"], document.get("until")
        last = f"{until.year:04d}-{until.month:02d}" if until else ""
        yield document["resident"], REGISTERED, f"{since.year:04d}-{since.month:02d}/{last}"


class ResidentCard(Record):
    """What a resident who comes again without their code is recognised by: the card they carry, of which only a keyed
    digest is kept, and the building they live in. No figure is made of it."""

    collection = "resident_cards"
    title = msg("Residents' cards")
    name_field = "resident"
    natural_key = ("resident",)
    personal = frozenset({"card", "building"})
    indexes = (
        Index(("community_id", "resident"), "a resident is recognised in one way", unique=True),
        Index(("community_id", "card"), "whose card this is", unique=True, where={"card": {"$exists": True}}),
        Index(("community_id", "grid_id", "building"), "who lives in a building of a grid"),
    )
    trace = Trace()

    resident: str = Field(min_length=1, max_length=LONGEST_CODE, title=msg("Resident code"))
    card: Annotated[str | None, Shown(form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Card, as a digest")
    )
    grid_id: Annotated[str | None, Ref(to="grids")] = Field(default=None, max_length=64, title=msg("Grid"))
    building: str | None = Field(default=None, max_length=40, title=msg("Building"))


def card_number(typed: str) -> str:
    """A card's number as its digest is made of it, however it was typed or read. Raises Invalid for what is none, and
    for an ID or phone number, which are never taken."""
    number = re.sub(r"[\s:-]+", "", unicodedata.normalize("NFKC", typed)).upper()
    if PERSONAL.fullmatch(number):
        raise Invalid({"card": Message(msg("The number of a card, never an ID or a phone number"))})
    if not _CARD.fullmatch(number):
        raise Invalid({"card": Message(msg("A card's number has 4 to 40 letters and digits"))})
    return number
