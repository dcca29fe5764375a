"""Who works for D community, what they learnt, who could take over, how they were assessed. All of it is invented; that
part of the staff has little education and was never trained, and that it is to become younger and more professional, is
the source document's (sections 3.2 and 4.2).

What it tells: of thirteen, seven went to college and three are certified; two graduates came back home. The director of
grid 2 has served for twenty-one years, is near leaving, and nobody is ready. Grid 3's director has hardly been to any
training. In the last assessment two results are invalid: too few raters in grid 3, too few ordinary residents among
those of one assistant. One tally was added up wrongly and put right after the round had been closed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from repository.staff import (
    USUAL_GROUPS,
    AssessmentBallots,
    AssessmentRound,
    CertificateLevel,
    CertificateName,
    Correction,
    Education,
    Pile,
    PlannedTopic,
    RaterGroup,
    RaterKind,
    Readiness,
    RoundState,
    StaffAge,
    StaffCertificate,
    StaffMember,
    StaffSuccessor,
    StaffTraining,
    TrainingKind,
    TrainingPlan,
    judged,
)
from seed.estate import COMMUNITY_ID, NAMES, person_id
from seed.history import local

HOURS = 40.0  # the plan's, for each person and year

_TEAM: Mapping[str, tuple[float, Education, StaffAge, bool, bool, str | None, float]] = {
    # years of service, education, age band, party member, graduate who came back, specialism, how often at training
    "secretary": (9.2, Education.BACHELOR, StaffAge.TO_45, True, False, "行政管理", 0.95),
    "facilities": (23.4, Education.SENIOR, StaffAge.FROM_55, True, False, None, 0.35),
    "activities": (1.6, Education.BACHELOR, StaffAge.TO_35, True, True, "社会工作", 0.97),
    "clerk": (0.9, Education.BACHELOR, StaffAge.TO_35, False, True, "信息管理", 0.97),
    "repairer": (12.3, Education.JUNIOR, StaffAge.TO_54, False, False, None, 0.2),
    "electrician": (8.1, Education.SENIOR, StaffAge.TO_54, False, False, "电工", 0.2),
    "lead-1": (2.6, Education.COLLEGE, StaffAge.TO_45, True, False, "物业管理", 0.95),
    "lead-2": (21.5, Education.SENIOR, StaffAge.FROM_55, True, False, None, 0.55),
    "lead-3": (11.4, Education.SENIOR, StaffAge.TO_54, False, False, None, 0.2),
    "lead-4": (6.3, Education.COLLEGE, StaffAge.TO_45, True, False, "社区管理", 0.9),
    "lead-5": (14.2, Education.COLLEGE, StaffAge.TO_54, True, False, None, 0.6),
    "assistant-a": (2.4, Education.COLLEGE, StaffAge.TO_35, False, False, "安全工程", 0.95),
    "assistant-b": (5.1, Education.SENIOR, StaffAge.TO_45, False, False, None, 0.6),
}
_CERTIFICATES = (
    # who, certificate, grade, years ago, days until it runs out
    ("secretary", CertificateName.SOCIAL_WORKER, CertificateLevel.INTERMEDIATE, 3.1, None),
    ("activities", CertificateName.ASSISTANT, CertificateLevel.JUNIOR, 1.2, None),
    ("lead-1", CertificateName.ASSISTANT, CertificateLevel.JUNIOR, 2.9, 38),
    ("lead-4", CertificateName.ASSISTANT, CertificateLevel.JUNIOR, 3.2, -40),
    ("assistant-a", CertificateName.SAFETY, None, 2.2, 61),
    ("assistant-b", CertificateName.SAFETY, None, 2.8, 400),
    ("facilities", CertificateName.FIRE, None, 6.0, None),
)
_HELD = (
    # month, day, topic, hours, form
    (1, 14, "党的创新理论宣讲", 2.0, TrainingKind.LECTURE),
    (2, 25, "安全隐患排查", 4.0, TrainingKind.PRACTICE),
    (3, 18, "社区治理与群众工作", 8.0, TrainingKind.CLASS),
    (4, 22, "人民调解实务", 4.0, TrainingKind.CLASS),
    (5, 20, "消防安全", 4.0, TrainingKind.LECTURE),
    (6, 17, "社会工作师考前培训", 12.0, TrainingKind.CLASS),
    (8, 19, "网格走访与信息采集", 4.0, TrainingKind.PRACTICE),
    (9, 16, "公文与会议纪要写作", 2.0, TrainingKind.ONLINE),
    (10, 21, "心理疏导与沟通", 6.0, TrainingKind.CLASS),
    (11, 12, "年度政策解读", 2.0, TrainingKind.LECTURE),
)
_NEVER_HELD = ((3, 15, "智慧社区平台操作", TrainingKind.PRACTICE), (6, 30, "应急处置演练", TrainingKind.PRACTICE))
_SUCCESSORS = (
    # post (as seed.estate numbers them), who, how ready, what is still needed
    ("d-post-02", "activities", Readiness.NOW, None),
    ("d-post-12", "assistant-a", Readiness.NOW, None),
    ("d-post-07", "clerk", Readiness.LATER, "先在 2 号网格跟班半年"),
    ("d-post-17", "activities", Readiness.SOON, "补调解实务"),
    ("d-post-20", "clerk", Readiness.SOON, "考取安全员证"),
)
ASSESSED = tuple(key for key in _TEAM if key != "secretary")


@dataclass
class TeamFiles:
    """All of it."""

    members: list[StaffMember] = field(default_factory=list)
    certificates: list[StaffCertificate] = field(default_factory=list)
    trainings: list[StaffTraining] = field(default_factory=list)
    plans: list[TrainingPlan] = field(default_factory=list)
    successors: list[StaffSuccessor] = field(default_factory=list)
    rounds: list[AssessmentRound] = field(default_factory=list)
    ballots: list[AssessmentBallots] = field(default_factory=list)


def team(as_of: date) -> TeamFiles:
    """Everything up to the morning of ``as_of``."""
    rng = Random(5)
    made = TeamFiles()
    for key, (years, education, age, party, returned, specialism, _often) in _TEAM.items():
        made.members.append(
            StaffMember(
                id=f"d-staff-{key}", community_id=COMMUNITY_ID, person_id=person_id(key),
                joined_on=as_of - timedelta(days=round(365.2425 * years)), education=education, age_band=age,
                party_member=party, returned=returned, specialism=specialism,
            )
        )  # fmt: skip
    for number, (key, name, level, years, left) in enumerate(_CERTIFICATES, 1):
        made.certificates.append(
            StaffCertificate(
                id=f"d-certificate-{number}", community_id=COMMUNITY_ID, person_id=person_id(key), name=name,
                level=level, obtained_on=as_of - timedelta(days=round(365.2425 * years)),
                valid_until=None if left is None else as_of + timedelta(days=left),
            )
        )  # fmt: skip
    for year in (as_of.year - 1, as_of.year):
        made.trainings += _trainings(year, as_of, rng)
        made.plans.append(_plan(year))
    for number, (post, key, ready, note) in enumerate(_SUCCESSORS, 1):
        made.successors.append(
            StaffSuccessor(
                id=f"d-successor-{number}", community_id=COMMUNITY_ID, post_id=post, person_id=person_id(key),
                readiness=ready, note=note,
            )
        )  # fmt: skip
    for held, ballots in (_last_year(as_of, rng), _running(as_of, rng)):
        made.rounds.append(held)
        made.ballots += ballots
    return made


def _trainings(year: int, as_of: date, rng: Random) -> Iterator[StaffTraining]:
    for number, (month, day, topic, hours, kind) in enumerate(_HELD, 1):
        on = date(year, month, day)
        for key, (years, *_rest, often) in _TEAM.items():
            came = rng.random() < often  # drawn for everybody, so that a later day changes nothing before it
            joined = as_of - timedelta(days=round(365.2425 * years))
            if came and on < as_of and joined <= on:
                yield StaffTraining(
                    id=f"d-training-{year}-{number}-{key}", community_id=COMMUNITY_ID, person_id=person_id(key),
                    topic=topic, held_on=on, hours=hours, kind=kind,
                )  # fmt: skip


def _plan(year: int) -> TrainingPlan:
    topics = [(date(year, month, 28), topic, kind) for month, _day, topic, _hours, kind in _HELD]
    topics += [(date(year, month, day), topic, kind) for month, day, topic, kind in _NEVER_HELD]
    return TrainingPlan(
        id=f"d-training-plan-{year}",
        community_id=COMMUNITY_ID,
        year=year,
        hours=HOURS,
        topics=tuple(PlannedTopic(topic=topic, by=by, kind=kind) for by, topic, kind in sorted(topics)),
    )


# --- assessments
_LEVEL = {"lead-1": 0.93, "activities": 0.94, "lead-4": 0.9, "lead-3": 0.74, "facilities": 0.82}  # of the points


def _pile(held: str, group: RaterGroup, key: str, n: int, ordinary: bool, rng: Random, place: int) -> AssessmentBallots:
    """A pile of ballots, each item in half points."""
    level = _LEVEL.get(key, 0.86) - (0.03 if ordinary else 0)
    sums = tuple(
        min(group.points * n, round(2 * n * group.points * (level + rng.uniform(-0.04, 0.04))) / 2) for _ in group.items
    )
    return AssessmentBallots(
        id=f"{held}-{key}-{place}", community_id=COMMUNITY_ID, round_id=held, person_id=person_id(key),
        group=group.kind, n=n, ordinary=ordinary, sums=sums,
    )  # fmt: skip


def _piles(held: str, key: str, counts: tuple[int, int, int, int], rng: Random) -> list[AssessmentBallots]:
    """The street's, the peers', other residents' and ordinary residents' ballots."""
    street, peers, residents = USUAL_GROUPS
    groups = ((street, False), (peers, False), (residents, False), (residents, True))
    return [
        _pile(held, group, key, n, ordinary, rng, place)
        for place, ((group, ordinary), n) in enumerate(zip(groups, counts, strict=True), 1)
        if n
    ]


def _last_year(as_of: date, rng: Random) -> tuple[AssessmentRound, list[AssessmentBallots]]:
    """The yearly assessment, closed in January: two results are invalid, one was put right."""
    year = as_of.year if as_of >= date(as_of.year, 2, 1) else as_of.year - 1
    id = f"d-round-{year - 1}"
    ballots: list[AssessmentBallots] = []
    for key in ASSESSED:
        counts = {"lead-3": (3, 8, 2, 22), "assistant-b": (3, 8, 24, 30)}.get(key, (3, 8, 6, 44))
        ballots += _piles(id, key, counts, rng)
    right = next(each for each in ballots if each.id == f"{id}-lead-1-4")
    short = tuple(round(total - 40, 1) for total in right.sums)
    reason = "居民票少算一沓，复核后补齐"
    wrong = right.model_copy(update={"id": f"{right.id}-old", "sums": short, "struck": reason})
    ballots = [each.model_copy(update={"replaces": wrong.id}) if each.id == right.id else each for each in ballots]
    held = AssessmentRound(
        id=id, community_id=COMMUNITY_ID, name=f"{year - 1} 年度考核", first=date(year - 1, 1, 1),
        last=date(year - 1, 12, 31), opens_on=date(year, 1, 8), closes_on=date(year, 1, 22),
        people=tuple(person_id(key) for key in ASSESSED), state=RoundState.CLOSED,
        closed_at=local(date(year, 1, 23), 17), entered=sum(each.n for each in ballots),
    )  # fmt: skip
    own = [each for each in ballots if each.person_id == right.person_id and each.id != right.id]
    before = judged(held, right.person_id, [Pile.of(each) for each in [*own, wrong]]).score
    after = judged(held, right.person_id, [Pile.of(each) for each in [*own, right]]).score
    made = Correction(
        at=local(date(year, 1, 26), 10), by=NAMES["secretary"], reason=reason, person_id=right.person_id,
        group=RaterKind.RESIDENTS, before=before, after=after,
    )  # fmt: skip
    return held.model_copy(update={"corrections": (made,)}), [*ballots, wrong]


def _running(as_of: date, rng: Random) -> tuple[AssessmentRound, list[AssessmentBallots]]:
    """One that is open: the street and the peers are in, residents' ballots are still coming."""
    opened = as_of - timedelta(days=10)
    last = opened - timedelta(days=1)
    id = "d-round-running"
    ballots: list[AssessmentBallots] = []
    for place, key in enumerate(ASSESSED):
        ballots += _piles(id, key, (3, 8, 4, 38 if place < 3 else 9), rng)
    held = AssessmentRound(
        id=id, community_id=COMMUNITY_ID, name=f"{last.year} 年 {last.month} 月民主评议",
        first=last - timedelta(days=180), last=last, opens_on=opened, closes_on=as_of + timedelta(days=11),
        people=tuple(person_id(key) for key in ASSESSED), entered=sum(each.n for each in ballots),
    )  # fmt: skip
    return held, ballots
