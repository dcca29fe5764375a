"""Three years of activities that all look alike, with the same residents coming (source document, section 3.3).

Residents are codes. The 9,102 of them have the community's age and sex structure; a core of elderly residents comes to
nearly everything, a wider ring now and then, and most of the young never.
"""

import calendar
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from repository.activities import Activity, ActivityStatus, Format, Level
from repository.people import AgeBand, Sex
from seed.community import GRID_PLANS, population
from seed.estate import COMMUNITY_ID, grid_id, person_id
from seed.history import YEARS, local

_CODE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none is mistaken for another  # pragma: allowlist secret
_CORE, _RING = 230, 1_400
_EAGER = {AgeBand.A0: 0.25, AgeBand.A18: 0.2, AgeBand.A36: 0.6, AgeBand.A60: 1.5, AgeBand.A75: 1.0}
_OUTDOORS = {AgeBand.A0: 0.5, AgeBand.A18: 0.35, AgeBand.A36: 1.0, AgeBand.A60: 0.9, AgeBand.A75: 0.2}


@dataclass(frozen=True)
class Resident:
    """A pseudonymous resident: a short code that staff can read out, age band, sex, grid."""

    code: str
    age_band: AgeBand
    sex: Sex
    grid: str


@dataclass(frozen=True)
class _Manner:
    """How one format goes: the share of the core that comes, how many others, who they are, and what it costs."""

    level: Level
    core: float
    others: int
    eager: Mapping[AgeBand, float]
    yuan: int
    names: tuple[str, ...]


_MANNERS = {
    Format.LECTURE: _Manner(
        Level.INFORM,
        0.32,
        30,
        _EAGER,
        400,
        (
            "高血压防治",
            "糖尿病饮食",
            "谨防电信诈骗",
            "冬季养生",
            "消防安全",
            "医保政策",
            "合理用药",
            "老年心理",
            "法律常识",
        ),
    ),
    Format.PERFORMANCE: _Manner(Level.INFORM, 0.42, 75, _EAGER, 3_500, ("坝坝舞展演", "川剧坐唱", "重阳文艺演出")),
    Format.CLINIC: _Manner(Level.INFORM, 0.40, 45, _EAGER, 900, ("测血压血糖", "口腔检查", "中医推拿")),
    Format.SPORT: _Manner(Level.INVOLVE, 0.08, 55, _OUTDOORS, 1_800, ("健步走", "乒乓球友谊赛")),
    Format.VOLUNTEER: _Manner(Level.COLLABORATE, 0.05, 35, _OUTDOORS, 300, ("清洁家园", "植树")),
    Format.MARKET: _Manner(Level.INVOLVE, 0.12, 70, _OUTDOORS, 1_200, ("便民集市", "旧物交换")),
}
"""Deliberation and parent-child crafts are missing on purpose: they were never tried."""

_SHARES = {  # of the formats above in their order, by years before the end: the last year knows little but lectures
    2: (44, 18, 14, 11, 7, 6),
    1: (56, 18, 12, 7, 4, 3),
    0: (70, 16, 10, 2, 2, 0),
}
_TIMES = {
    Format.LECTURE: ("15:00", "16:30"),
    Format.PERFORMANCE: ("19:00", "21:00"),
    Format.CLINIC: ("09:00", "11:30"),
    Format.SPORT: ("08:00", "10:00"),
    Format.VOLUNTEER: ("09:00", "11:00"),
    Format.MARKET: ("09:00", "12:00"),
}
_LATEST = "LLPLLCLLPLL"  # the last eleven, oldest first: eight lectures
_LETTER = {"L": Format.LECTURE, "P": Format.PERFORMANCE, "C": Format.CLINIC}


def residents(rng: Random) -> list[Resident]:
    """9,102 residents with the structure of ``community.population`` and the sizes of the five grids."""
    groups = [(one.age_band, one.sex) for one in population() for _ in range(one.count)]
    rng.shuffle(groups)
    grids = [plan.code for plan in GRID_PLANS for _ in range(plan.residents)]
    codes: dict[str, None] = {}  # a set that keeps the order in which they were drawn
    while len(codes) < len(groups):
        codes["R-" + "".join(rng.choices(_CODE, k=4))] = None
    return [Resident(code, band, sex, grid) for code, (band, sex), grid in zip(codes, groups, grids, strict=True)]


class _Pool:
    """Residents to draw from, likelier the more inclined they are."""

    def __init__(self, residents: Sequence[Resident], eager: Mapping[AgeBand, float]) -> None:
        self._residents = residents
        self._bounds = list(accumulate(_inclined(one, eager) for one in residents))

    def draw(self, count: int, rng: Random) -> list[Resident]:
        """``count`` different residents."""
        drawn: dict[str, Resident] = {}
        while len(drawn) < count:
            for one in rng.choices(self._residents, cum_weights=self._bounds, k=count - len(drawn)):
                drawn[one.code] = one
        return list(drawn.values())


class _Crowd:
    """Who comes: a core, a ring of acquaintances, and everybody else."""

    def __init__(self, everybody: Sequence[Resident], rng: Random) -> None:
        self._rng = rng
        old = [one for one in everybody if one.age_band in (AgeBand.A60, AgeBand.A75)]
        self._core = _Pool(old, _EAGER).draw(_CORE, rng)
        ring = _Pool(everybody, _EAGER).draw(_RING, rng)
        self._pools = {
            id(manner): (_Pool(ring, manner.eager), _Pool(everybody, manner.eager)) for manner in _MANNERS.values()
        }

    def at(self, manner: _Manner, years_ago: float) -> list[Resident]:
        """The residents at one activity, each once. The core comes ever more often, the others ever less."""
        share, expected = manner.core * (1.12 - 0.14 * years_ago), manner.others * (0.95 + 0.1 * years_ago)
        came = {one.code: one for one in self._core if self._rng.random() < share * _reach(one)}
        wanted = max(5, round(self._rng.gauss(expected, expected / 6)))
        known = round(wanted * 0.78)
        for pool, count in zip(self._pools[id(manner)], (known, wanted - known), strict=True):
            for one in pool.draw(count, self._rng):
                came.setdefault(one.code, one)
        return list(came.values())


def _inclined(one: Resident, eager: Mapping[AgeBand, float]) -> float:
    return eager[one.age_band] * (1.5 if one.sex is Sex.FEMALE else 1.0) * _reach(one)


def _reach(one: Resident) -> float:
    """Grid 3 is reached least."""
    return 0.6 if one.grid == "3" else 1.0


def activities(as_of: date, rng: Random) -> list[Activity]:
    """What was held before ``as_of``, oldest first, and three that are planned for the weeks after it."""
    days = list(_days(as_of, rng))
    formats = [_format((as_of - day).days, rng) for day in days]
    formats[-len(_LATEST) :] = [_LETTER[letter] for letter in _LATEST]
    held: list[Activity] = []
    counts: dict[Format, int] = {}
    for number, (day, form) in enumerate(zip(days, formats, strict=True), 1):
        counts[form] = counts.get(form, 0) + 1
        held.append(_activity(number, day, form, counts[form], rng))
    for number, (days_ahead, form) in enumerate(
        ((6, Format.LECTURE), (13, Format.LECTURE), (24, Format.PERFORMANCE)), len(days) + 1
    ):
        counts[form] = counts.get(form, 0) + 1
        planned = _activity(number, as_of + timedelta(days=days_ahead), form, counts[form], rng)
        written = {"created_at": local(as_of, 6), "updated_at": local(as_of, 6)}
        unknown = {"status": ActivityStatus.PLANNED, "headcount": None, "spend_cents": None, **written}
        held.append(planned.model_copy(update=unknown))
    return held


def _days(as_of: date, rng: Random) -> Iterator[date]:
    """Four or five days in each of the 36 months before ``as_of``, the newest some days ago."""
    month = as_of.year * 12 + as_of.month - 1
    found: set[date] = set()
    for back in range(12 * YEARS, -1, -1):
        year, index = divmod(month - back, 12)
        length = calendar.monthrange(year, index + 1)[1]
        for day in rng.sample(range(1, length + 1), 4 + (rng.random() < 0.4)):
            found.add(date(year, index + 1, day))
    first = as_of - timedelta(days=365 * YEARS)
    yield from sorted(day for day in found if first <= day < as_of)


def _format(age: int, rng: Random) -> Format:
    return rng.choices(list(_MANNERS), _SHARES[min(2, age // 365)])[0]


def _activity(number: int, day: date, form: Format, nth: int, rng: Random) -> Activity:
    manner = _MANNERS[form]
    theme = manner.names[nth % len(manner.names)]
    name = f"健康大讲堂第 {nth} 讲：{theme}" if form is Format.LECTURE else f"{theme}（第 {nth} 次）"
    local_to = rng.choice(GRID_PLANS) if form in (Format.CLINIC, Format.VOLUNTEER) else None
    place = "社区会议室" if form is Format.LECTURE else (local_to.sites[0] if local_to else "文化广场")
    budget = round(manner.yuan * rng.uniform(0.8, 1.3), -1)
    uncounted = form in (Format.PERFORMANCE, Format.MARKET, Format.SPORT)  # onlookers who don't register
    forgotten = rng.random() < 0.04
    return Activity(
        id=f"d-activity-{number:03d}",
        community_id=COMMUNITY_ID,
        created_at=local(day, 6),
        created_by="刘敏",
        updated_at=local(day, 6),
        updated_by="刘敏",
        name=name,
        held_on=day,
        starts_at=_TIMES[form][0],
        ends_at=_TIMES[form][1],
        format=form.value,
        theme=theme,
        grid_id=grid_id(local_to.code) if local_to else None,
        place=place,
        organizer_id=person_id("activities"),
        level=manner.level,
        intended_for="全体居民",
        capacity=120 if form is Format.LECTURE else None,
        headcount=None if forgotten else (rng.randrange(30, 140) if uncounted else 0),
        budget_cents=int(budget) * 100,
        spend_cents=round(budget * rng.uniform(0.75, 1.05)) * 100,
    )


def attendances(held: Sequence[Activity], as_of: date, rng: Random) -> Iterator[dict[str, Any]]:
    """Who came to each activity that was held, as documents."""
    crowd = _Crowd(residents(rng), rng)
    for activity in held:
        if activity.status is not ActivityStatus.HELD:
            continue
        held_on = datetime.combine(activity.held_on, time(), UTC)
        for one in crowd.at(_MANNERS[Format(activity.format)], (as_of - activity.held_on).days / 365):
            # as Attendance would write it: a record object for each of many thousands would take most of the time
            yield {
                "_id": f"{activity.id}-{one.code}",
                "community_id": COMMUNITY_ID,
                "revision": 1,
                "created_at": activity.created_at,
                "created_by": activity.created_by,
                "updated_at": activity.updated_at,
                "updated_by": activity.updated_by,
                "flags": [],
                "activity_id": activity.id,
                "resident": one.code,
                "held_on": held_on,
                "format": activity.format,
                "age_band": one.age_band.value,
                "sex": one.sex.value,
                "grid_id": grid_id(one.grid),
                **({"level": activity.level.value} if activity.level else {}),
            }
