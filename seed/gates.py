"""What came in through the gates. Documents are written as ``EntryLog`` would write them, without making a record of
each; a test holds the two together.

The story of the demonstration (section 3.1: 车辆进出管理不够智能化, 人员进出登记不科学): at the north gate the guard
writes plates by hand, misses one in four, and never writes when a car leaves; the east gate did no better until its
smart gate came, and has noted nearly everything since.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from repository.entries import REQUIRED, EntryException, EntryKind
from repository.entries.records import LONGEST_STAY, NIGHT
from repository.facilities import Category, Control, Facility
from repository.grids import Community
from seed.batch import SEEDER

Document = dict[str, Any]
KEPT_DAYS = int(Community.model_fields["entry_days"].default)


@dataclass(frozen=True)
class Traffic:
    """One gate: entries a day, the share of which plate or name is noted, and of which the exit is; the share let in by
    recognition; from and until when it stands (days before the end)."""

    id: str
    grid_id: str | None
    kind: EntryKind
    control: Control | None
    a_day: float
    noted: float
    exits: float
    smart: float
    since: int
    until: int = 0


_SHAPE = {  # how entries spread over the hours of a workday and of a day off
    False: (1, 0, 0, 0, 0, 2, 6, 14, 16, 10, 9, 10, 12, 9, 8, 9, 11, 20, 26, 18, 11, 7, 4, 2),
    True: (2, 1, 0, 0, 0, 1, 3, 6, 10, 14, 15, 13, 11, 10, 12, 13, 12, 13, 14, 12, 9, 7, 5, 3),
}
_PURPOSES = {
    EntryKind.VEHICLE: (("resident", 62), ("visit", 17), ("delivery", 13), ("service", 5), ("ride", 3)),
    EntryKind.PERSON: (("visit", 44), ("delivery", 34), ("service", 15), ("other", 7)),
}
_STAY_HOURS = {"resident": 11.0, "visit": 2.2, "delivery": 0.25, "service": 2.5, "ride": 0.2, "other": 1.0}
_SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡林郭何高罗"
_GIVEN = ("建国", "秀英", "伟", "敏", "静", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "明", "超")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"  # pragma: allowlist secret


def traffic(standing: Sequence[Facility], gone: Mapping[str, int], length: int) -> list[Traffic]:
    """How the demonstration's gates are used. ``gone``: how many days ago those that are gone were taken down."""
    found = []
    for one in standing:
        if one.category not in (Category.VEHICLE, Category.PERSONNEL):
            continue
        control = getattr(one.details, "control", None)
        if control is Control.NONE:
            continue  # nobody writes anything there: the gap that no figure of entries shows
        kind = EntryKind.VEHICLE if one.category is Category.VEHICLE else EntryKind.PERSON
        until = gone.get(one.id, 0)
        built = length if one.installed_on is None or one.id in gone else max(gone.values(), default=length)
        smart = control is Control.SMART
        exits = bool(getattr(one.details, "records_exit", False)) or bool(
            getattr(one.details, "visitors_registered", False)
        )
        a_day = (3.0 if smart else 1.6) if kind is EntryKind.VEHICLE else (1.5 if smart else 0.7)
        noted, leaves = (0.985, 0.97) if smart else (0.86, 0.78) if exits else (0.8, 0.3)
        if one.name.startswith("北门"):
            a_day, noted, leaves = (4.8, 0.74, 0.0) if kind is EntryKind.VEHICLE else (1.1, 0.6, 0.08)
        elif one.name.startswith("东门"):
            a_day *= 1.5
        since = built if one.name.startswith("东门道闸") else length
        found.append(
            Traffic(one.id, one.grid_id, kind, control, a_day, noted, leaves, 0.965 if smart else 0.0, since, until)
        )
    return found


def entries(
    community_id: str, gates: Sequence[Traffic], end: datetime, days: int, zone: ZoneInfo, rng: Random
) -> Iterator[Document]:
    """What came in at these gates in the ``days`` before ``end``, gate by gate in order of time; who came only as long
    as such names are kept."""
    bounds = {off: list(accumulate(shape)) for off, shape in _SHAPE.items()}
    forgotten_before = _midnight(end.astimezone(zone).date() - timedelta(days=KEPT_DAYS), zone)
    today = _midnight(end.astimezone(zone).date(), zone)
    for number, gate in enumerate(gates):
        owed = number / max(len(gates), 1)
        draw = _Draw(rng, gate.kind)
        for back in range(min(days, gate.since), gate.until - 1 if gate.until else -1, -1):
            day = end.astimezone(zone).date() - timedelta(days=back)
            off = day.weekday() >= 5
            owed += gate.a_day * (0.85 if off else 1.06)
            count, owed = int(owed), owed - int(owed)
            start = _midnight(day, zone)
            moments = sorted(
                rng.choices(range(24), cum_weights=bounds[off], k=1)[0] * 3600 + rng.randrange(3600)
                for _ in range(count)
            )
            for place, second in enumerate(moments):
                at = start + timedelta(seconds=second)
                if at < end:
                    id = f"{gate.id}-e{back:04d}{place:04d}"
                    yield _document(id, community_id, gate, at, end, today, forgotten_before, day.weekday(), draw)


class _Draw:
    """Chance from tables: a draw from a distribution costs five times as much."""

    def __init__(self, rng: Random, kind: EntryKind) -> None:
        words, weights = zip(*_PURPOSES[kind], strict=True)
        self.bits = rng.getrandbits
        self.purposes = rng.choices(words, weights, k=1024)
        self.stays = [rng.lognormvariate(0, 0.7) for _ in range(1024)]
        self.kind = kind

    def who(self) -> str:
        bits = self.bits(40)
        if self.kind is EntryKind.PERSON:
            return _SURNAMES[bits % 20] + _GIVEN[(bits >> 8) % 16]
        return "川E" + "".join(_LETTERS[(bits >> shift) % 34] for shift in (5, 11, 17, 23, 29))


def _document(
    id: str,
    community_id: str,
    gate: Traffic,
    at: datetime,
    end: datetime,
    today: datetime,
    forgotten_before: datetime,
    weekday: int,
    draw: _Draw,
) -> Document:
    bits = draw.bits(60)
    purpose = draw.purposes[bits & 1023]
    stay = timedelta(hours=_STAY_HOURS[purpose] * draw.stays[(bits >> 10) & 1023])
    noted = (bits >> 20) % 1000 < gate.noted * 1000
    exit_noted = (bits >> 30) % 1000 < gate.exits * 1000
    smart = (bits >> 40) % 1000 < gate.smart * 1000
    has_purpose = gate.kind is EntryKind.VEHICLE or (bits >> 50) % 10 > 0
    has_host = gate.kind is EntryKind.PERSON and (bits >> 55) % 8 > 0
    left = (at + stay).replace(microsecond=0)
    gone = exit_noted and left < end
    inside = not gone and (left >= end if exit_noted else at >= today)
    hour = weekday * 24 + (at.hour + 8) % 24  # the demonstration's clock: Shanghai has no summer time
    has = {"who": noted, "purpose": has_purpose, "host": has_host}
    document: Document = {
        "_id": id,
        "community_id": community_id,
        "revision": 1,
        "created_at": at,
        "created_by": SEEDER.name,
        "updated_at": left if gone else at,
        "updated_by": SEEDER.name,
        "flags": [],
        "kind": gate.kind.value,
        "gate_id": gate.id,
        "entered_at": at,
        "exit_unknown": not gone and not inside,
        "handling": "smart" if smart else "manual",
        "hour": hour,
        "is_open": inside,
        "noted": noted,
        "forgotten": at < forgotten_before,
        "complete": gone and all(has[name] for name in REQUIRED[gate.kind]),
    }
    if gate.grid_id is not None:
        document["grid_id"] = gate.grid_id
    if gate.control is not None:
        document["control"] = gate.control.value
    if noted and at >= forgotten_before:
        document["who"] = draw.who()
    if gone:
        document["left_at"] = left
    if has_purpose:
        document["purpose"] = purpose
    if has_host:
        document["host"] = f"{1 + (bits >> 57) % 7} 栋"
    odd = []
    if gate.control is Control.SMART and not smart:
        odd.append(EntryException.BY_HAND.value)
    if not gone and not inside:
        odd.append(EntryException.NO_EXIT.value)
    if has_purpose and purpose != "resident":
        if gone and left - at > LONGEST_STAY[gate.kind]:
            odd.append(EntryException.TOO_LONG.value)
        if hour % 24 in NIGHT:
            odd.append(EntryException.AT_NIGHT.value)
    if odd:
        document["exceptions"] = odd
    document["lasted"] = (document["updated_at"] - at).days.bit_length()
    return document


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
