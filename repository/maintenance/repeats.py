"""What had been mended and is reported again, among many orders at once: for sheets and the demonstration, which bring
what nobody logged. Whoever logs one is told by the database (see ``log_repair``). Pure: no I/O."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from repository.maintenance.records import REPEAT_DAYS, Fault, Outcome, WorkKind


class Repairs:
    """Repairs of facilities that were completed, from documents, in any order."""

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str], list[tuple[datetime, str]]] = {}

    def add(self, document: Mapping[str, Any]) -> None:
        """Take in one order; one that is no completed repair of a facility is passed over."""
        facility, ended = document.get("facility_id"), document.get("ended_at")
        if facility and ended and document.get("outcome") == Outcome.COMPLETED:
            insort(self._ended.setdefault((facility, document["fault"]), []), (ended, document["_id"]))

    def before(self, document: Mapping[str, Any]) -> str | None:
        """The last repair of the same fault on the same facility within REPEAT_DAYS before a report (metric M11). Two
        faults that are "other" need not be the same."""
        if not may_repeat(document):
            return None
        at = document["reported_at"]
        known = self._ended.get((document["facility_id"], document["fault"]), [])
        first = bisect_left(known, at - timedelta(days=REPEAT_DAYS), key=_when)
        within = known[first : bisect_right(known, at, key=_when)]
        return next((id for _ended, id in reversed(within) if id != document["_id"]), None)


def _when(repair: tuple[datetime, str]) -> datetime:
    return repair[0]


def may_repeat(document: Mapping[str, Any]) -> bool:
    """Whether an order could be a repeat: somebody reported, at a moment to be trusted, what ails a facility."""
    told = document.get("kind") != WorkKind.PREVENTIVE and not document.get("flags")
    return bool(told and document.get("facility_id") and document["fault"] != Fault.OTHER)
