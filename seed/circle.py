"""The people around a large set: the team with its files, meetings with what they decided and gave people to do,
stationed organisations with needs and projects. They do not grow with the orders: five years of them for each
community, each as its record class has it. See ``bulk``, whose communities they belong to."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from repository.grids import Community, Post, Tenure, Tier
from repository.meetings import (
    SERIES,
    ActionItem,
    AgendaItem,
    Decision,
    Given,
    ItemEvent,
    ItemState,
    ItemStep,
    Meeting,
    MeetingKind,
    MeetingStatus,
    Outcome,
    Resolved,
    Version,
    required,
)
from repository.organizations import (
    Engagement,
    GiftKind,
    Need,
    NeedEvent,
    NeedState,
    NeedStep,
    Organization,
    OrganizationKind,
    Resource,
    Way,
)
from repository.projects import Milestone, Project, ProjectEvent, ProjectState, ProjectStep, ProjectTask, TaskStep
from repository.record import Record
from repository.staff import (
    USUAL_GROUPS,
    AssessmentBallots,
    AssessmentRound,
    CertificateName,
    Education,
    PlannedTopic,
    Readiness,
    RoundState,
    StaffAge,
    StaffCertificate,
    StaffMember,
    StaffSuccessor,
    StaffTraining,
    TrainingKind,
    TrainingPlan,
)
from repository.worktime import Worktime
from seed.community import STATIONED
from seed.estate import ZONE

Stamp = Mapping[str, Any]
COURSES = 10  # a year, for everybody
HOURS = 40.0


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(4), UTC)


def posts(id: str, stamp: Stamp, end: datetime, grids: Sequence[str], people: Sequence[str]) -> Iterator[Post]:
    """Every tier in every grid, two leaders of residents' groups, each with three holders before the present one."""
    today = end.astimezone(ZONE).date()
    for index, grid in enumerate(grids):
        for place, tier in enumerate((*Tier, Tier.GROUP_LEADER)):
            since = today - timedelta(days=200 + 60 * place + 11 * index)
            others = people[len(grids) :]
            holder = people[index] if tier is Tier.GRID_LEAD else others[(index + 2 * place) % len(others)]
            past = tuple(
                Tenure(
                    holder_id=people[(index + place + back) % len(people)],
                    since=since - timedelta(days=500 * back),
                    until=since - timedelta(days=500 * (back - 1) + 1),
                )
                for back in (3, 2, 1)
            )
            second = "-2" if place == len(Tier) else ""
            yield Post(
                id=f"{grid}-{tier}{second}", community_id=id, **stamp, tier=tier, grid_id=grid, holder_id=holder,
                since=since, history=past,
            )  # fmt: skip


# --- the team
def team(id: str, stamp: Stamp, end: datetime, grids: Sequence[str], people: Sequence[str], years: int) -> list[Record]:
    """A file for each of ``people``, certificates, training, plans, successors, an assessment for each year."""
    today = end.astimezone(ZONE).date()
    made: list[Record] = []
    for number, person in enumerate(people):
        made.append(
            StaffMember(
                id=f"{person}-s", community_id=id, **stamp, person_id=person,
                joined_on=today - timedelta(days=120 + 640 * number), education=list(Education)[number % 5],
                age_band=list(StaffAge)[number % 4], party_member=number % 3 != 0, returned=number % 5 == 0,
            )
        )  # fmt: skip
        if number % 2:
            made.append(
                StaffCertificate(
                    id=f"{person}-c", community_id=id, **stamp, person_id=person,
                    name=list(CertificateName)[number % 5], obtained_on=today - timedelta(days=700),
                    valid_until=today + timedelta(days=30 * number),
                )
            )  # fmt: skip
    for place, grid in enumerate(grids):
        made.append(
            StaffSuccessor(
                id=f"{grid}-next", community_id=id, **stamp, post_id=f"{grid}-{Tier.GRID_LEAD}",
                person_id=people[len(grids) + place], readiness=list(Readiness)[place % 3],
            )
        )  # fmt: skip
    for back in reversed(range(years)):
        year = today.year - back
        topics = [(f"测试课程 {month}", date(year, month, 15)) for month in range(1, COURSES + 1)]
        planned = tuple(PlannedTopic(topic=topic, by=on, kind=TrainingKind.CLASS) for topic, on in topics)
        made.append(TrainingPlan(id=f"{id}-tp{year}", community_id=id, **stamp, year=year, hours=HOURS, topics=planned))
        made += [
            StaffTraining(
                id=f"{person}-t{year}{month:02d}", community_id=id, **stamp, person_id=person, topic=topic,
                held_on=on, hours=5.0, kind=list(TrainingKind)[month % 4],
            )
            for month, (topic, on) in enumerate(topics)
            for number, person in enumerate(people)
            if on < today and (month + number) % 5
        ]  # fmt: skip
        made += _assessment(id, stamp, year, today, people)
    return made


def _assessment(id: str, stamp: Stamp, year: int, today: date, people: Sequence[str]) -> Iterator[Record]:
    opens = date(year, 1, 8)
    if opens + timedelta(days=20) > today:
        return
    held = f"{id}-ar{year}"
    counts = ((0, False, 3), (1, False, 8), (2, False, 6), (2, True, 44))
    ballots = [
        _pile(id, stamp, held, number, person, place, counts[place])
        for number, person in enumerate(people)
        for place in range(len(counts))
    ]
    yield AssessmentRound(
        id=held, community_id=id, **stamp, name=f"{year - 1} 年度考核", first=date(year - 1, 1, 1),
        last=date(year - 1, 12, 31), opens_on=opens, closes_on=opens + timedelta(days=14), people=tuple(people),
        state=RoundState.CLOSED, closed_at=_noon(opens + timedelta(days=15)), entered=sum(each.n for each in ballots),
    )  # fmt: skip
    yield from ballots


def _pile(
    id: str, stamp: Stamp, held: str, number: int, person: str, place: int, counted: tuple[int, bool, int]
) -> AssessmentBallots:
    which, ordinary, n = counted
    group = USUAL_GROUPS[which]
    return AssessmentBallots(
        id=f"{held}-{number:02d}{place}", community_id=id, **stamp, round_id=held, person_id=person, group=group.kind,
        n=n, ordinary=ordinary, sums=tuple(round(group.points * n * (0.72 + number / 50), 1) for _ in group.items),
    )  # fmt: skip


# --- meetings
def meetings(
    id: str, stamp: Stamp, end: datetime, people: Sequence[str], bodies: Sequence[str], years: int, rng: Random
) -> Iterator[Record]:
    """Those that must be held, with minutes; two decisions each and what they gave people to do, of which every
    second one of the last four months is open; and the next one."""
    today = end.astimezone(ZONE).date()
    times = Worktime(ZONE, Community.model_fields["working_hours"].default)
    needs = [need for year in range(today.year - years, today.year + 2) for need in required(year, times)]
    needs.sort(key=lambda each: (each.last, each.kind))
    past = [need for need in needs if need.last < today]
    coming = [need for need in needs if need.last >= today and need.kind is MeetingKind.MONTHLY]
    for number, need in enumerate([*past, *coming[:1]]):
        held = need.last < today
        name = f"测试会议 {need.period} {need.kind.spellings[0]}"
        day = need.last
        meeting = Meeting(
            id=f"{id}-g{number:03d}", community_id=id, **stamp, name=name, kind=need.kind, day=day, time="09:00",
            period=need.period, status=MeetingStatus.HELD if held else MeetingStatus.PLANNED, place="会议室",
            chair_id=people[0], recorder_id=people[1], invited_ids=tuple(people),
            invited_organization_ids=tuple(bodies[:6]),
            present_ids=tuple(one for one in people if rng.random() < 0.85) if held else (),
            present_organization_ids=tuple(one for one in bodies[:6] if rng.random() < 0.5) if held else (),
            agenda=(AgendaItem(text="未完成事项", minutes=15), AgendaItem(text="下阶段工作计划", minutes=20)),
        )  # fmt: skip
        if not held:
            yield meeting
            continue
        decided = [
            Decision(
                id=f"{meeting.id}-d{place}", community_id=id, **stamp, meeting_id=meeting.id, number=place,
                decided_on=day, text=f"测试决议 {number}-{place}",
                outcome=Outcome.ADJOURNED if number % 7 == 0 and place == 2 else Outcome.CONSENSUS,
            )
            for place in (1, 2)
        ]  # fmt: skip
        given = [_given(meeting, one, stamp, people[(number + one.number) % len(people)], today) for one in decided]
        minutes = Version(
            number=1, text="测试纪要", at=_noon(day), by="测试人员 01", present_ids=meeting.present_ids,
            present_organization_ids=meeting.present_organization_ids,
            decisions=tuple(Resolved(text=one.text, outcome=one.outcome) for one in decided),
            items=tuple(Given(what=one.what, owner_id=one.owner_id, due_on=one.due_on) for one in given),
        )  # fmt: skip
        yield meeting.model_copy(update={"versions": (minutes,)})
        yield from decided
        yield from given
        for place, body in enumerate(meeting.present_organization_ids):
            yield Engagement(
                id=f"{meeting.id}-e{place}", community_id=id, **stamp, organization_id=body, way=Way.MEETING, what=name,
                on=day, meeting_id=meeting.id,
            )  # fmt: skip


def _given(meeting: Meeting, decision: Decision, stamp: Stamp, owner: str, today: date) -> ActionItem:
    due = meeting.day + timedelta(days=20)
    done = due + timedelta(days=(decision.number * 7 + meeting.day.day) % 12 - 8)
    lasting = decision.number == 2 and (today - meeting.day).days < 120  # carried from meeting to meeting
    over = done < today and not lasting
    events = [ItemEvent(at=_noon(meeting.day), by="测试人员 01", step=ItemStep.GIVEN)]
    if over:
        events.append(ItemEvent(at=_noon(done), by="测试人员 02", step=ItemStep.DONE, note="已落实"))
    return ActionItem(
        id=f"{decision.id}-i", community_id=meeting.community_id, **stamp, what=f"测试事项 {decision.text[5:]}",
        owner_id=owner, due_on=due, given_on=meeting.day, series=SERIES[meeting.kind], meeting_id=meeting.id,
        decision_id=decision.id, state=ItemState.DONE if over else ItemState.OPEN, closed_on=done if over else None,
        result="已落实" if over else None, events=tuple(events),
    )  # fmt: skip


# --- organisations
def stationed(
    id: str, stamp: Stamp, end: datetime, grids: Sequence[str], people: Sequence[str], years: int
) -> list[Record]:
    """The fifteen of the source document by kind, with resources, five years of needs, projects and taking part."""
    today = end.astimezone(ZONE).date()
    bodies = [f"{id}-u{number:02d}" for number in range(len(STATIONED))]
    made: list[Record] = []
    for number, (body, unit) in enumerate(zip(bodies, STATIONED, strict=True)):
        kind = OrganizationKind.PUBLIC_BODY if unit.public_body else OrganizationKind.ENTERPRISE
        signed = today - timedelta(days=300 + 20 * number)
        made += [
            Organization(
                id=body, community_id=id, **stamp, name=f"测试单位 {number:02d}", kind=kind, staff=40,
                grid_id=grids[number % len(grids)],
                agreement_from=signed if number % 3 else None,
                agreement_until=signed + timedelta(days=730) if number % 3 else None,
            ),
            Resource(
                id=f"{body}-r", community_id=id, **stamp, organization_id=body, kind=list(GiftKind)[number % 5],
                what=f"测试资源 {number:02d}", since=today - timedelta(days=700),
            ),
        ]  # fmt: skip
    for number in range(12 * years):
        made += _need(id, stamp, number, today, grids, bodies)
    for number in range(6 * years):
        made += _project(id, stamp, number, today, people, bodies)
    return made


def _need(
    id: str, stamp: Stamp, number: int, today: date, grids: Sequence[str], bodies: Sequence[str]
) -> Iterator[Record]:
    """One a month, met after some weeks; the newest are open or only matched."""
    listed = today - timedelta(days=30 * number + 3)
    matched, met = listed + timedelta(days=20), listed + timedelta(days=45)
    state = NeedState.OPEN if matched >= today or number % 9 == 4 else NeedState.MET
    if state is NeedState.MET and met >= today:
        state = NeedState.MATCHED
    place = number % len(bodies)
    steps = [(listed, NeedStep.LISTED)]
    steps += [(matched, NeedStep.MATCHED)] if state is not NeedState.OPEN else []
    steps += [(met, NeedStep.MET)] if state is NeedState.MET else []
    taken = state is not NeedState.OPEN
    yield Need(
        id=f"{id}-n{number:03d}", community_id=id, **stamp, what=f"测试需求 {number:03d}",
        kind=list(GiftKind)[place % 5], grid_id=grids[number % len(grids)], listed_on=listed,
        due_on=listed + timedelta(days=60), state=state, helper_id=bodies[place] if taken else None,
        resource_id=f"{bodies[place]}-r" if taken else None, matched_on=matched if taken else None,
        met_on=met if state is NeedState.MET else None,
        events=tuple(NeedEvent(at=_noon(on), by="测试人员 00", step=step) for on, step in steps),
    )  # fmt: skip
    if state is NeedState.MET:
        yield Engagement(
            id=f"{id}-n{number:03d}-e", community_id=id, **stamp, organization_id=bodies[place], way=Way.NEED,
            what=f"测试需求 {number:03d}", on=met, need_id=f"{id}-n{number:03d}",
        )  # fmt: skip


def _project(
    id: str, stamp: Stamp, number: int, today: date, people: Sequence[str], bodies: Sequence[str]
) -> Iterator[Record]:
    """One every second month, for half a year; the newest run, one of them past its day."""
    first = today - timedelta(days=60 * number + 10)
    due, ended = first + timedelta(days=150), first + timedelta(days=150 + number % 4 * 15 - 20)
    over = ended < today
    lead, other = bodies[number % len(bodies)], bodies[(number + 4) % len(bodies)]
    key = f"{id}-j{number:03d}"
    steps = [(first, ProjectStep.ENTERED), (first, ProjectStep.STARTED)]
    steps += [(ended, ProjectStep.FINISHED)] if over else []
    yield Project(
        id=key, community_id=id, **stamp, name=f"测试项目 {number:03d}", goal="测试目标", measure="服务人数",
        target=60, target_unit="人", lead_id=people[number % len(people)], organization_id=lead, participants=(other,),
        starts_on=first, due_on=due, state=ProjectState.DONE if over else ProjectState.RUNNING,
        ended_on=ended if over else None, result="测试成果" if over else None, achieved=55 if over else None,
        residents_reached=120 if over else None,
        events=tuple(ProjectEvent(at=_noon(on), by="测试人员 00", step=step) for on, step in steps),
    )  # fmt: skip
    for place in range(4):
        until = first + timedelta(days=30 * (place + 1))
        done = min(until + timedelta(days=(number + place) % 3 * 6 - 6), ended)
        finished = over or done < today
        on = done if finished else today - timedelta(days=1)
        reported = TaskStep(on=on, by="测试人员 00", progress=100 if finished else 40)
        yield ProjectTask(
            id=f"{key}-{place}", community_id=id, **stamp, project_id=key, name=f"测试任务 {place + 1}",
            duty="每周一次" if place or number % 3 else None, organization_id=lead if place % 2 else other,
            weight=place + 1,
            starts_on=first, due_on=until, steps=(reported,), progress=reported.progress,
            done_on=done if finished else None,
        )  # fmt: skip
        yield Engagement(
            id=f"{key}-{place}-e", community_id=id, **stamp, organization_id=lead if place % 2 else other,
            way=Way.PROJECT, what=f"测试项目 {number:03d}", on=on, project_id=key,
        )  # fmt: skip
    yield Milestone(
        id=f"{key}-m", community_id=id, **stamp, project_id=key, name="测试里程碑",
        due_on=first + timedelta(days=75), reached_on=first + timedelta(days=80) if over else None,
    )  # fmt: skip
