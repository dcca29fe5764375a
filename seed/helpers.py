"""From bystander to volunteer: the same festival lecture seven times, to which the young don't come; one skills market
that reached them; a few who began to help, and three who became volunteers just now.

Drawn with a generator of its own, so that nothing else in the demonstration changes with it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from repository.activities import Activity, ActivityStatus, Format
from repository.activities.commands import code_of
from repository.people import AgeBand, Sex
from repository.residents import ResidentCard, Volunteer
from seed.community import GRID_PLANS
from seed.estate import COMMUNITY_ID, grid_id
from seed.history import local

Document = dict[str, Any]
FESTIVAL = "节日慰问讲座：领导致辞、专家讲课、发放慰问品、合影"
TIMES = 7  # that lecture, one time after the other
_HELPED_AT = {Format.PERFORMANCE.value, Format.CLINIC.value, Format.VOLUNTEER.value, Format.SPORT.value}
_LIKED = {Format.LECTURE.value: 0.66, Format.PERFORMANCE.value: 0.84, Format.MARKET.value: 0.95}
_YOUNG = 48  # at the last skills market
_SEASONED, _LATELY, _ALONGSIDE = 32, 3, 48


@dataclass(frozen=True)
class Helpers:
    """Attendances as documents, with the part each resident took; registrations; and who lives in which building."""

    attendances: list[Document]
    volunteers: list[Volunteer]
    cards: list[ResidentCard]


def told(held: Sequence[Activity], rng: Random) -> list[Activity]:
    """The activities with how they ran and what visitors said of them."""
    lectures = [one.id for one in held if one.format == Format.LECTURE and one.status is ActivityStatus.HELD]
    same = set(lectures[-TIMES:])
    found = []
    for one in held:
        changes: dict[str, Any] = {"flow": FESTIVAL} if one.id in same else {}
        if one.status is ActivityStatus.HELD and rng.random() < 0.7:
            answers = rng.randrange(18, 60)
            liked = _LIKED.get(one.format, 0.88)
            changes |= {"answers": answers, "satisfied": sum(rng.random() < liked for _ in range(answers))}
        found.append(one.model_copy(update=changes) if changes else one)
    return found


def helpers(held: Sequence[Activity], came: Sequence[Document], as_of: date, rng: Random) -> Helpers:
    """Who helped, who registered for it, and the young at the last skills market."""
    attendances = [*came, *_young(held, came, rng)]
    by_resident: dict[str, list[Document]] = defaultdict(list)
    for document in attendances:
        by_resident[document["resident"]].append(document)
    often = sorted(code for code, rows in by_resident.items() if len(rows) >= 25)
    rng.shuffle(often)
    seasoned, alongside = often[:_SEASONED], often[_SEASONED : _SEASONED + _ALONGSIDE]
    taken = {*seasoned, *alongside}
    newest = max(document["held_on"] for document in came)
    lately = sorted(
        document["resident"]
        for document in came
        if document["held_on"] == newest
        and document["resident"] not in taken
        and 3 <= len(by_resident[document["resident"]]) < 25
    )
    lately = rng.sample(lately, min(_LATELY, len(lately)))
    registered: list[Volunteer] = []
    for code in seasoned:
        since = as_of - timedelta(days=rng.randrange(200, 900))
        left = as_of - timedelta(days=rng.randrange(100, 180)) if len(registered) < 2 else None
        registered.append(_registration(code, by_resident, since, left, as_of))
        for document in by_resident[code]:
            day = document["held_on"].date()
            helps = document["format"] in _HELPED_AT and rng.random() < 0.3
            if since <= day <= (left or as_of) and helps:
                document["role"] = "volunteer"
                if rng.random() < 0.9:
                    document["hours"] = rng.choice((1.5, 2.0, 2.0, 3.0))
    for code in alongside:
        for document in by_resident[code]:
            if document["format"] == Format.PERFORMANCE and rng.random() < 0.6:
                document["role"] = "co_organiser"
    for code in lately:
        registered.append(_registration(code, by_resident, newest.date(), None, as_of))
        next(one for one in by_resident[code] if one["held_on"] == newest).update(role="volunteer", hours=2.0)
    return Helpers(attendances, registered, _cards(by_resident, newest, as_of, rng))


def _young(held: Sequence[Activity], came: Sequence[Document], rng: Random) -> list[Document]:
    market = [one for one in held if one.format == Format.MARKET and one.status is ActivityStatus.HELD]
    if not market:
        return []
    last, used = market[-1], {document["resident"] for document in came}
    grids = [plan.code for plan in GRID_PLANS for _ in range(plan.residents)]
    codes: dict[str, None] = {}
    while len(codes) < _YOUNG:
        code = code_of(rng.randrange(23**4))
        if code not in used:
            codes[code] = None
    return [
        {
            "_id": f"{last.id}-{code}",
            "community_id": COMMUNITY_ID,
            "revision": 1,
            "created_at": last.created_at,
            "created_by": last.created_by,
            "updated_at": last.updated_at,
            "updated_by": last.updated_by,
            "flags": [],
            "activity_id": last.id,
            "resident": code,
            "held_on": datetime.combine(last.held_on, time(), UTC),
            "format": last.format,
            "age_band": AgeBand.A18.value,
            "sex": rng.choice(list(Sex)).value,
            "grid_id": grid_id(rng.choice(grids)),
            **({"level": last.level.value} if last.level else {}),
        }
        for code in codes
    ]


def _registration(
    code: str, by_resident: dict[str, list[Document]], since: date, until: date | None, as_of: date
) -> Volunteer:
    homes = Counter(document["grid_id"] for document in by_resident[code])
    at = local(max(since, as_of - timedelta(days=900)), 6)
    return Volunteer(
        id=f"d-volunteer-{code}",
        community_id=COMMUNITY_ID,
        resident=code,
        since=since,
        until=until,
        grid_id=homes.most_common(1)[0][0],
        created_at=at,
        created_by="刘敏",
        updated_at=at,
        updated_by="刘敏",
    )


def _cards(by_resident: dict[str, list[Document]], newest: datetime, as_of: date, rng: Random) -> list[ResidentCard]:
    """Buildings of those who came to the newest activity; cards' numbers are read on the spot."""
    at = local(as_of, 6)
    return [
        ResidentCard(
            id=f"d-card-{code}",
            community_id=COMMUNITY_ID,
            resident=code,
            grid_id=rows[-1]["grid_id"],
            building=str(rng.randrange(1, 10)),
            created_at=at,
            created_by="刘敏",
            updated_at=at,
            updated_by="刘敏",
        )
        for code, rows in sorted(by_resident.items())
        if any(one["held_on"] == newest for one in rows)
    ]
