"""Due times: what putting one off leaves behind, what has to be said of it, and how an ending counts against it. The
same for repairs and for requests."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from repository.record import Part, far_away
from repository.store import Invalid
from repository.words import Message, msg

PUT_OFF = msg("Say why it is put off")
NOTED_WRONG = msg("Say what was wrong")


class Postponement(Part):
    """The due time of what is open was put off."""

    at: datetime = Field(title=msg("At"))
    due_before: datetime = Field(title=msg("Was due"))


def put_off(
    so_far: tuple[Postponement, ...], before: datetime | None, after: datetime | None, at: datetime
) -> dict[str, Any]:
    """The field that changes when something becomes due later; none when it does not. ``so_far``: what it held. Raises
    Invalid for a year in which nothing is due: what it is put off to would drop out of all figures."""
    if before is None or after is None or after <= before:
        return {}
    if far_away(after):
        raise Invalid({"": Message(msg("Nothing can be put off to the year {year}"), {"year": str(after.year)})})
    return {"postponements": (*so_far, Postponement(at=at, due_before=before))}


def told(reason: str | None, zone: ZoneInfo, *changes: tuple[Any, Any], ask: str = PUT_OFF) -> str:
    """What the story says of a change: what stood, what stands there now, and why. Raises Invalid without a reason."""
    said = (reason or "").strip()
    if not said:
        raise Invalid({"reason": Message(ask)})
    return ", ".join(" → ".join(_shown(value, zone) for value in change) for change in changes) + f"：{said}"


def _shown(value: Any, zone: ZoneInfo) -> str:
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def as_it_was(document: dict[str, Any], due: str, moment: datetime) -> None:
    """Take back, in a document whose due time is called ``due``, by what it was put off after a moment."""
    so_far = document.get("postponements", ())
    if later := [each for each in so_far if each["at"] > moment]:
        document[due] = later[0]["due_before"]
        document["postponements"] = [each for each in so_far if each["at"] <= moment]


def is_late(ended: datetime, due: datetime, postponements: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an ending is late: after the due time, or by one that was given when an earlier one had passed already.
    What is late cannot be made to have been in time."""
    return ended > due or any(each["due_before"] < each["at"] <= ended for each in postponements)


def late_in_mongo(ended: str, due: str) -> dict[str, Any]:
    """``is_late`` as an expression over a document that has ``postponements``; the moments are expressions too."""
    passed = {"$and": [{"$lt": ["$$put.due_before", "$$put.at"]}, {"$lte": ["$$put.at", ended]}]}
    each = {"$map": {"input": {"$ifNull": ["$postponements", []]}, "as": "put", "in": passed}}
    return {"$or": [{"$gt": [ended, due]}, {"$anyElementTrue": [each]}]}
