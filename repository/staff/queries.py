"""What the team is like, what it lacks, who could take over: as of a day.

All of it is read off the team's own files: some tens or hundreds of documents of a community, whatever its history; of
training the one year asked about. Whoever may not read the files gets what is counted of all of them, cut so that
nobody is singled out: see ``team``.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from repository.access import Actor, Operation, Refused, Role, may, reach, require
from repository.filters import Is
from repository.grids import Post
from repository.metrics import Metric, Value, last_months, ratio
from repository.people import Person
from repository.record import midnight
from repository.staff import metrics
from repository.staff.assessing import results_of
from repository.staff.records import (
    EDUCATED,
    GRADES,
    KEY_TIERS,
    PROFESSIONAL,
    Education,
    Readiness,
    StaffAge,
    StaffCertificate,
    StaffMember,
    StaffSuccessor,
    StaffTraining,
    TrainingPlan,
    same_topic,
)
from repository.staff.scoring import (
    MIN_GROUP,
    AssessmentRound,
    Result,
    RoundState,
    told_to_themselves,
)
from repository.store import Document, NotFound, Store, Wanted
from repository.targets import judged
from repository.words import msg

FIGURES = "staff_figures"
"""The right to what is counted of the whole team."""
SERIES_MONTHS = 12
TRAININGS_LISTED = 2000
T = TypeVar("T")


# --- what is read
@dataclass(frozen=True)
class _Files:
    """The team's files as of a day: members in service, their certificates, and their training of that year so far."""

    on: date
    members: tuple[StaffMember, ...]
    past: tuple[StaffMember, ...]
    """Those who had left by then, or have not come yet."""
    certificates: Mapping[str, tuple[StaffCertificate, ...]]
    hours: Mapping[str, float]
    last_trained: Mapping[str, date]
    attended: Mapping[str, frozenset[str]]
    """By topic, as it is compared: who of the members attended."""
    plan: TrainingPlan | None
    successors: tuple[StaffSuccessor, ...]
    posts: tuple[Post, ...]
    gone: frozenset[str]
    """People no longer active."""
    rounds: tuple[AssessmentRound, ...]


def _office(actor: Actor) -> Actor:
    """Who reads the files for the actor, within the same communities: what leaves this room is for the functions below
    to cut."""
    return replace(actor, role=Role.ADMIN, grids=None, bound_to=None)


def _files(store: Store, actor: Actor, community_id: str, on: date) -> _Files:
    """Read once for everything a page asks, in one command."""
    return _filed(store.together(actor, community_id, _files_wanted(actor, community_id, on)), on)


def _files_wanted(actor: Actor, community_id: str, on: date) -> list[Wanted]:
    home = {"community_id": community_id}
    trained_in_year = {**home, "held_on": Is(gte=midnight(date(on.year, 1, 1)), lte=midnight(on))}
    wanted = [
        Wanted(StaffMember),
        Wanted(StaffCertificate),
        Wanted(StaffTraining, trained_in_year, fields=("person_id", "topic", "held_on", "hours")),
        Wanted(TrainingPlan, {**home, "year": on.year}),
        Wanted(StaffSuccessor),
        Wanted(Post),
        Wanted(Person, {**home, "active": False}, fields=("active",)),
        Wanted(AssessmentRound),
    ]
    return [each._replace(reader=_office(actor)) for each in wanted]


def _filed(found: Sequence[Sequence[Document]], on: date) -> _Files:
    """The files from what was ``_files_wanted``."""
    members = [StaffMember.from_document(document) for document in found[0]]
    serving = {member.person_id for member in members if member.serves_on(on)}
    certificates: dict[str, list[StaffCertificate]] = defaultdict(list)
    for document in found[1]:
        certificates[document["person_id"]].append(StaffCertificate.from_document(document))
    hours: Counter[str] = Counter()
    last: dict[str, date] = {}
    attended: dict[str, set[str]] = defaultdict(set)
    for row in found[2]:
        person, day = row["person_id"], row["held_on"].date()
        attended[same_topic(row["topic"])].add(person)
        if person in serving:
            hours[person] += row["hours"]
            last[person] = max(day, last.get(person, day))
    return _Files(
        on=on,
        members=tuple(member for member in members if member.person_id in serving),
        past=tuple(member for member in members if member.person_id not in serving),
        certificates={person: tuple(own) for person, own in certificates.items()},
        hours=hours,
        last_trained=last,
        attended={topic: frozenset(people) for topic, people in attended.items()},
        plan=next((TrainingPlan.from_document(document) for document in found[3]), None),
        successors=tuple(StaffSuccessor.from_document(document) for document in found[4]),
        posts=tuple(Post.from_document(document) for document in found[5]),
        gone=frozenset(document["_id"] for document in found[6]),
        rounds=tuple(sorted(map(AssessmentRound.from_document, found[7]), key=lambda each: (each.closes_on, each.id))),
    )


def certified_on(certificates: Iterable[StaffCertificate], day: date) -> bool:
    """Whether one of somebody's certificates is in social work and valid on a day."""
    return any(each.name in PROFESSIONAL and each.holds_on(day) for each in certificates)


def running_out(certificates: Iterable[StaffCertificate], day: date) -> list[StaffCertificate]:
    """Of each certificate's newest entry those that have run out by a day or will within EXPIRING_DAYS, the first to
    end on top; none in whose place a higher grade of it came that lasts as long."""
    newest: dict[str, StaffCertificate] = {}
    for each in certificates:
        known = newest.get(each.name)
        if each.obtained_on <= day and (known is None or _lasts(each) > _lasts(known)):
            newest[each.name] = each
    soon = day + timedelta(days=metrics.EXPIRING_DAYS)
    over = [
        each
        for each in newest.values()
        if each.valid_until is not None and each.valid_until <= soon and not _outgrown(each, newest)
    ]
    return sorted(over, key=lambda each: (each.valid_until or date.max, each.name))


def _outgrown(each: StaffCertificate, newest: Mapping[str, StaffCertificate]) -> bool:
    """Whether a higher grade of the same qualification took its place: one that lasts as long."""
    if each.name not in GRADES:
        return False
    higher = (newest[name] for name in GRADES[GRADES.index(each.name) + 1 :] if name in newest)
    return any(_lasts(other)[0] >= _lasts(each)[0] for other in higher)


def _lasts(each: StaffCertificate) -> tuple[date, date]:
    return each.valid_until or date.max, each.obtained_on


# --- what may be told
@dataclass(frozen=True)
class Count(Generic[T]):
    """How many of a team something is true of. None where telling it would single somebody out: then ``few`` says
    whether it is because these are fewer than MIN_GROUP, or because the others are."""

    of: T
    n: int | None
    few: bool = False


def cut(counts: Sequence[tuple[T, int]], least: int = MIN_GROUP) -> tuple[Count[T], ...]:
    """Counts of groups that make up a whole, as they may be told to whoever knows the whole: those of fewer than
    ``least`` people are withheld, and where that leaves fewer than ``least`` of them to be found by subtracting, the
    next smallest too; of a whole that is itself so small, everything. That a group has nobody is told else."""
    if 0 < sum(n for _of, n in counts) < least:
        return tuple(Count(of, None, few=True) for of, _n in counts)
    hidden = {place for place, (_of, n) in enumerate(counts) if 0 < n < least}
    few = set(hidden)
    rest = sorted((n, place) for place, (_of, n) in enumerate(counts) if n and place not in hidden)
    while hidden and rest and (len(hidden) < 2 or sum(counts[place][1] for place in hidden) < least):
        hidden.add(rest.pop(0)[1])
    return tuple(Count(of, None if place in hidden else n, place in few) for place, (of, n) in enumerate(counts))


class Wish(StrEnum):
    """The dimensions of a team that the source document wishes something of, by key."""

    AGE = "age"
    EDUCATION = "education"
    CERTIFIED = "certified"
    SERVICE = "service"
    PARTY = "party"
    RETURNED = "returned"


SERVICE_BANDS: Mapping[str, tuple[float, float]] = {
    "0": (0, metrics.EXPERIENCED_YEARS),
    "3": (metrics.EXPERIENCED_YEARS, 10),
    "10": (10, metrics.LONG_YEARS),
    "20": (metrics.LONG_YEARS, 1000),
}
"""Years of service, from and below."""


@dataclass(frozen=True)
class Dimension:
    """One dimension of the team against what is wished of it: how many fulfil the wish, of those of whom it is known;
    and, for whoever may see it, how many there are of each kind."""

    key: Wish
    fulfilled: Count[str]
    known: int
    unknown: int
    groups: tuple[tuple[str, int], ...] = ()
    value: Value | None = None
    """The metric, where one is declared; without a value where it is withheld."""


@dataclass(frozen=True)
class Team:
    """What the team is like. ``whole`` says whether the reader may see figures of single people; else groups of fewer
    than MIN_GROUP, and what would give them away, are withheld."""

    on: date
    size: int
    whole: bool
    dimensions: tuple[Dimension, ...]
    training: Value
    """``detail`` is what the plan asks for by the day, per head; None without a plan."""
    gaps: Count[str]
    gaps_value: Value
    expiring: Count[str]
    expiring_value: Value
    succession: Value
    key_posts: int
    without_successor: int


def told_on(actor: Actor, wanted: date) -> date:
    """The day as of which the team's figures are told: any to whoever may read the files; to others only the last days
    of months, so that somebody's coming and going cannot be had by subtracting two neighbouring days."""
    if may(actor, Operation.READ, StaffMember.collection):
        return wanted
    following = wanted + timedelta(days=1)
    return wanted if following.day == 1 else wanted.replace(day=1) - timedelta(days=1)


@judged
def team(store: Store, actor: Actor, community_id: str, *, on: date) -> Team:
    """What is the team like on a day, against what the source document wishes? For everybody; without the right to the
    files as of a month's end before (see ``settled_on``), with small groups withheld, and without the course. Raises
    Refused, Unavailable.
    """
    require(actor, Operation.READ, FIGURES)
    reach(actor, community_id)
    whole = may(actor, Operation.READ, StaffMember.collection)
    return _team(*_told_files(store, actor, community_id, on), whole)


def _told_files(
    store: Store, actor: Actor, community_id: str, on: date, within: Sequence[Sequence[Document]] | None = None
) -> tuple[_Files, _Files]:
    """The files as of the days that figures of people, and that figures of posts are told for: to whoever may read
    them, any. To others a month's end, and of people one only at which enough of them differ from the one told before:
    two neighbouring ends differ by whoever came between them, whose name everybody knows. ``within``: if what is
    ``glance_wanted`` was read already."""
    day = told_on(actor, on)
    files = _filed(within or store.together(actor, community_id, glance_wanted(actor, community_id, on=on)), day)
    if may(actor, Operation.READ, StaffMember.collection):
        return files, files
    everybody = {member.person_id: member for member in (*files.members, *files.past)}
    settled = settled_on(everybody, files.certificates, day)
    return (files if settled == day else _files(store, actor, community_id, settled)), files


def settled_on(
    members: Mapping[str, StaffMember], certificates: Mapping[str, Sequence[StaffCertificate]], day: date
) -> date:
    """The latest month's end up to ``day``, itself one, whose figures may be told beside those of all the ends before:
    from one that is told to the next at least MIN_GROUP people came, left, or answer another way, or nobody. Where none
    is, ``day``: then the team is too small for any figure."""

    def faces(end: date) -> dict[str, tuple[bool, bool]]:
        return {
            id: (certified_on(certificates.get(id, ()), end), member.has_served(metrics.EXPERIENCED_YEARS, end))
            for id, member in members.items()
            if member.serves_on(end)
        }

    told: date | None = None
    before: dict[str, tuple[bool, bool]] = {}
    for end in sorted({_month_end(each) for each in _turns(members, certificates)} | {day}):
        if end > day:
            break
        if told and faces(before_it := end.replace(day=1) - timedelta(days=1)) == before:
            told = max(told, before_it)  # nobody differs until then
        now = faces(end)
        changed = sum(before.get(id) != now.get(id) for id in before.keys() | now.keys())
        if changed >= MIN_GROUP or (told and not changed):
            told, before = end, now
    return told or day


def _turns(
    members: Mapping[str, StaffMember], certificates: Mapping[str, Sequence[StaffCertificate]]
) -> Iterator[date]:
    """Days on which somebody comes, is gone, has served long, or gains or loses a certificate."""
    for member in members.values():
        joined, years = member.joined_on, member.joined_on.year + int(metrics.EXPERIENCED_YEARS)
        yield joined
        yield date(years, 3, 1) if (joined.month, joined.day) == (2, 29) else joined.replace(year=years)
        if member.left_on:
            yield member.left_on + timedelta(days=1)
        for each in certificates.get(member.person_id, ()):
            yield each.obtained_on
            if each.valid_until and each.valid_until < date.max:
                yield each.valid_until + timedelta(days=1)


def _month_end(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)


def _team(files: _Files, lately: _Files, whole: bool, *, brief: bool = False) -> Team:
    """``brief``: without the dimensions."""
    size, found = len(files.members), _gaps(files)
    gaps = [gap for gap in found if gap.is_gap]
    expiring = sum(len(gap.expiring) for gap in found)
    posts = _key_posts(lately)
    bare = sum(not post.prepared for post in posts)
    trained = _trained(files)
    if not whole and size < MIN_GROUP:
        trained = replace(trained, value=None, detail=None)
    lacking, ending = _told("gaps", len(gaps), size, whole), _told("expiring", expiring, size, whole)
    return Team(
        on=files.on,
        size=size,
        whole=whole,
        dimensions=() if brief else tuple(_dimension(key, files, whole) for key in _WISHES),
        training=trained,
        gaps=lacking,
        gaps_value=Value(metrics.GAPS, lacking.n if size else None, size),
        expiring=ending,
        expiring_value=Value(metrics.EXPIRING, ending.n if size else None, size),
        succession=Value(metrics.SUCCESSION, ratio(len(posts) - bare, len(posts)), len(posts)),
        key_posts=len(posts),
        without_successor=bare,
    )


def _told(key: str, n: int, size: int, whole: bool) -> Count[str]:
    """A number of people as it may be told, beside the rest of the team."""
    if whole:
        return Count(key, n)
    return cut([(key, n), ("", max(0, size - n))])[0]


def _fulfils(key: Wish, member: StaffMember, files: _Files) -> bool | None:
    """Whether somebody is as the document wishes; None where that is not known."""
    if key == Wish.EDUCATION:
        return None if member.education is None else member.education in EDUCATED
    if key == Wish.CERTIFIED:
        return certified_on(files.certificates.get(member.person_id, ()), files.on)
    if key == Wish.AGE:
        return None if member.age_band is None else member.age_band is StaffAge.TO_35
    if key == Wish.SERVICE:
        return member.has_served(metrics.EXPERIENCED_YEARS, files.on)
    return member.party_member if key == Wish.PARTY else member.returned


_WISHES: Mapping[Wish, Metric | None] = {
    Wish.AGE: metrics.YOUNG,
    Wish.EDUCATION: metrics.EDUCATED,
    Wish.CERTIFIED: metrics.CERTIFIED,
    Wish.SERVICE: metrics.EXPERIENCED,
    Wish.PARTY: None,
    Wish.RETURNED: None,
}


def _dimension(key: Wish, files: _Files, whole: bool) -> Dimension:
    answers = [_fulfils(key, member, files) for member in files.members]
    yes, no = answers.count(True), answers.count(False)
    unknown = len(answers) - yes - no
    fulfilled: Count[str] = Count(key, yes)
    if not whole:
        fulfilled, _others, untold = cut([(key, yes), ("no", no), ("unknown", unknown)])
        if untold.n is None:  # then neither what is known nor what is not
            fulfilled = Count(key, None, fulfilled.few)
    metric = _WISHES[key]
    known = yes + no
    share = None if fulfilled.n is None else ratio(fulfilled.n, known)
    value = None if metric is None else Value(metric, share, known if share is not None or whole else len(answers))
    if value is not None and whole:
        value = replace(value, series=_course(key, files) if key in (Wish.CERTIFIED, Wish.SERVICE) else ())
    told_known = known if whole or fulfilled.n is not None else len(answers)
    return Dimension(
        key,
        fulfilled,
        told_known,
        len(answers) - told_known,
        tuple(_groups(key, files)) if whole else (),
        value,
    )


def _groups(key: Wish, files: _Files) -> list[tuple[str, int]]:
    """How many there are of each kind, in their order; the unknown last, where there are any."""
    if key == Wish.EDUCATION:
        counts = Counter(str(member.education or "") for member in files.members)
        order = [*map(str, Education), ""]
    elif key == Wish.AGE:
        counts = Counter(str(member.age_band or "") for member in files.members)
        order = [*map(str, StaffAge), ""]
    elif key == Wish.SERVICE:
        counts = Counter(_service_band(member, files.on) for member in files.members)
        order = list(SERVICE_BANDS)
    else:
        words = {True: "yes", False: "no", None: ""}
        counts = Counter(words[_fulfils(key, member, files)] for member in files.members)
        order = ["yes", "no", ""]
    return [(name, counts[name]) for name in order if name or counts[name]]


def _service_band(member: StaffMember, day: date) -> str:
    return [name for name, (least, _below) in SERVICE_BANDS.items() if member.has_served(int(least), day)][-1]


def _course(key: Wish, files: _Files) -> list[tuple[str, float | None]]:
    """The share at the end of each of the last SERIES_MONTHS months, the present one as of the day. Only of what the
    files say as of a day: education and age band stand there as last noted."""
    course = []
    everybody = (*files.members, *files.past)
    for month in last_months(files.on, SERIES_MONTHS):
        then = replace(files, on=min(_month_end(date(int(month[:4]), int(month[5:]), 1)), files.on))
        serving = [member for member in everybody if member.serves_on(then.on)]
        answers = [_fulfils(key, member, then) for member in serving]
        course.append((month, ratio(answers.count(True), len(answers))))
    return course


def _trained(files: _Files) -> Value:
    size = len(files.members)
    owed = None
    if files.plan is not None and size:
        owed = sum(files.plan.owed(member, files.on) for member in files.members) / size
    hours = sum(files.hours.get(member.person_id, 0) for member in files.members)
    return Value(metrics.trained(owed), ratio(hours, size), size, detail=owed)


# --- training gaps
@dataclass(frozen=True)
class Gap:
    """What one member's training lacks on a day."""

    person_id: str
    hours: float
    """Of the year so far."""
    owed: float | None
    """By the day, as the plan asks; None without a plan."""
    whole_year: float | None
    last_on: date | None
    """Their last training this year."""
    expiring: tuple[StaffCertificate, ...]
    on: date

    @property
    def missing(self) -> float:
        """Hours that are missing by the day."""
        return 0.0 if self.owed is None else max(0.0, round(self.owed - self.hours, 2))

    @property
    def expired(self) -> tuple[StaffCertificate, ...]:
        """Of the certificates those that have run out."""
        return tuple(each for each in self.expiring if each.valid_until is not None and each.valid_until < self.on)

    @property
    def is_gap(self) -> bool:
        """Whether hours are missing or a certificate has run out; one that is running out is a warning."""
        return bool(self.missing or self.expired)


@dataclass(frozen=True)
class TopicState:
    """How a planned topic stands: who of the team has learnt it, and whether its day is past."""

    topic: str
    by: date
    kind: str
    attended: int
    of: int
    overdue: bool


@dataclass(frozen=True)
class TrainingReview:
    """Who lacks training, which certificates run out, what the plan still owes."""

    on: date
    plan: TrainingPlan | None
    value: Value
    gaps_value: Value
    expiring_value: Value
    gaps: tuple[Gap, ...]
    """Everybody in service, the largest gap first."""
    topics: tuple[TopicState, ...]
    """Those that nobody has learnt yet first, by their day."""

    @property
    def lacking(self) -> tuple[Gap, ...]:
        """Those with a gap."""
        return tuple(gap for gap in self.gaps if gap.is_gap)

    @property
    def owing(self) -> tuple[TopicState, ...]:
        """Topics of the plan that nobody has learnt."""
        return tuple(topic for topic in self.topics if not topic.attended)


@judged
def training_review(store: Store, actor: Actor, community_id: str, *, on: date) -> TrainingReview:
    """Who lacks training on a day, which certificates run out, and what does the year's plan still owe? Raises Refused,
    Unavailable."""
    require(actor, Operation.READ, StaffMember.collection)
    files = _files(store, actor, community_id, on)
    gaps = sorted(_gaps(files), key=lambda gap: (-gap.missing, not gap.expired, not gap.expiring, gap.person_id))
    serving = {member.person_id for member in files.members}
    topics = [
        TopicState(each.topic, each.by, str(each.kind), len(attended), len(serving), each.by < on and not attended)
        for each in (files.plan.topics if files.plan else ())
        for attended in [files.attended.get(same_topic(each.topic), frozenset()) & serving]
    ]
    topics.sort(key=lambda each: (bool(each.attended), each.by, each.topic))
    size, lacking, ending = len(gaps), sum(gap.is_gap for gap in gaps), sum(len(gap.expiring) for gap in gaps)
    return TrainingReview(
        on,
        files.plan,
        _trained(files),
        Value(metrics.GAPS, lacking if size else None, size),
        Value(metrics.EXPIRING, ending if size else None, size),
        tuple(gaps),
        tuple(topics),
    )


def _gaps(files: _Files) -> list[Gap]:
    return [_gap(files, member) for member in files.members]


def _gap(files: _Files, member: StaffMember) -> Gap:
    person, plan = member.person_id, files.plan
    return Gap(
        person,
        round(files.hours.get(person, 0), 2),
        None if plan is None else plan.owed(member, files.on),
        None if plan is None else plan.owed(member, date(files.on.year, 12, 31)),
        files.last_trained.get(person),
        tuple(running_out(files.certificates.get(person, ()), files.on)),
        files.on,
    )


# --- succession
@dataclass(frozen=True)
class KeyPost:
    """A key post, who holds it, and who could take over."""

    post: Post
    holder_id: str | None
    successors: tuple[StaffSuccessor, ...]
    """In service, not the holder; those ready now first."""
    near_leaving: bool
    """The holder's band is the last one."""
    long_service: bool
    """The holder has served LONG_YEARS or longer."""
    holds: int
    """Posts of any kind that the holder has."""

    @property
    def prepared(self) -> bool:
        """Whether somebody is ready now."""
        return any(each.readiness is Readiness.NOW for each in self.successors)

    @property
    def at_risk(self) -> bool:
        """Whether nobody is ready, and the post is empty, or may soon be, or its holder has others too."""
        return not self.prepared and (
            self.holder_id is None or self.near_leaving or self.long_service or self.holds > 1
        )


@dataclass(frozen=True)
class SuccessionReview:
    """Who could take over which key post, and where nobody could."""

    on: date
    value: Value
    posts: tuple[KeyPost, ...]
    """Those at risk first, then those without a prepared successor."""
    named: tuple[str, ...]
    """Everybody who is a successor of one of them, by how many posts they could take."""

    @property
    def bare(self) -> tuple[KeyPost, ...]:
        """Those for which nobody is ready."""
        return tuple(post for post in self.posts if not post.prepared)

    @property
    def holding_several(self) -> tuple[str, ...]:
        """People who hold two posts or more, one of them a key post."""
        return tuple(dict.fromkeys(post.holder_id for post in self.posts if post.holder_id and post.holds > 1))


@judged
def succession(store: Store, actor: Actor, community_id: str, *, on: date) -> SuccessionReview:
    """Who could take over the key posts on a day, and where is that a risk? Raises Refused, Unavailable."""
    require(actor, Operation.READ, StaffMember.collection)
    files = _files(store, actor, community_id, on)
    posts = _key_posts(files)
    posts.sort(
        key=lambda each: (not each.at_risk, each.prepared, each.post.tier, each.post.grid_id or "", each.post.id)
    )
    count = Counter(one.person_id for each in posts for one in each.successors)
    prepared = sum(each.prepared for each in posts)
    value = Value(metrics.SUCCESSION, ratio(prepared, len(posts)), len(posts))
    return SuccessionReview(on, value, tuple(posts), tuple(sorted(count, key=lambda id: (-count[id], id))))


def _key_posts(files: _Files) -> list[KeyPost]:
    by_person = {member.person_id: member for member in files.members}
    left = {member.person_id for member in files.past if member.left_on and member.left_on < files.on}
    gone = files.gone | left  # a post whose holder has left is empty, whether it was vacated in its register or not
    held: Counter[str] = Counter()
    holders = {}
    for post in files.posts:
        holder = post.holder_on(files.on)
        holders[post.id] = None if holder in gone else holder
        if holders[post.id]:
            held[holders[post.id] or ""] += 1
    order = list(Readiness)
    found = []
    for post in files.posts:
        if post.tier not in KEY_TIERS:
            continue
        holder = holders[post.id]
        member = by_person.get(holder or "")
        ready = [
            each
            for each in files.successors
            if each.post_id == post.id and each.person_id in by_person and each.person_id != holder
            and each.person_id not in gone
        ]  # fmt: skip
        ready.sort(key=lambda each: (order.index(each.readiness), each.id))
        found.append(
            KeyPost(
                post,
                holder,
                tuple(ready),
                member is not None and member.age_band is StaffAge.FROM_55,
                member is not None and member.has_served(metrics.LONG_YEARS, files.on),
                held[holder] if holder else 0,
            )
        )
    return found


# --- registers
def fulfilling(
    store: Store, actor: Actor, community_id: str, *, on: date
) -> dict[Wish, tuple[frozenset[str], frozenset[str]]]:
    """By dimension who of those in service on a day is as wished, and who is not: the lists behind ``team``. Whoever it
    is not known of is in neither. Raises Refused, Unavailable."""
    require(actor, Operation.READ, StaffMember.collection)
    files = _files(store, actor, community_id, on)
    found = {}
    for key in Wish:
        answers = {member.person_id: _fulfils(key, member, files) for member in files.members}
        yes, no = (frozenset(id for id, said in answers.items() if said is wanted) for wanted in (True, False))
        found[key] = (yes, no)
    return found


def members(store: Store, actor: Actor, community_id: str) -> list[StaffMember]:
    """All files, the newest first; of those who have left too. Raises Refused, Unavailable."""
    return store.find(actor, StaffMember, community_id, sort=[("joined_on", -1), ("_id", 1)], limit=2000)


def certificates(store: Store, actor: Actor, community_id: str) -> list[StaffCertificate]:
    """The newest certificates, 2000 at most. Raises Refused, Unavailable."""
    return store.find(actor, StaffCertificate, community_id, sort=[("obtained_on", -1), ("_id", 1)], limit=2000)


def trainings(store: Store, actor: Actor, community_id: str, first: date, last: date) -> list[StaffTraining]:
    """The training between two days, newest first, TRAININGS_LISTED at most. Raises Refused, Unavailable."""
    between = {"held_on": Is(gte=midnight(first), lte=midnight(last))}
    return store.find(
        actor, StaffTraining, community_id, between, sort=[("held_on", -1), ("_id", 1)], limit=TRAININGS_LISTED
    )


def training_entry(store: Store, actor: Actor, community_id: str, id: str) -> StaffTraining:
    """One person's entry of a training. Raises NotFound, Refused, Unavailable."""
    return store.get(actor, StaffTraining, community_id, id)


def training_plans(store: Store, actor: Actor, community_id: str) -> list[TrainingPlan]:
    """The plans, newest year first. Raises Refused, Unavailable."""
    return store.find(actor, TrainingPlan, community_id, sort=[("year", -1)], limit=100)


# --- one file
@dataclass(frozen=True)
class StaffFile:
    """Everything about one member. To themselves, groups of raters that are too small are not told."""

    member: StaffMember
    gap: Gap | None
    """None for somebody who is not in service."""
    certificates: tuple[StaffCertificate, ...]
    trainings: tuple[StaffTraining, ...]
    """Newest first, 200 at most."""
    could_take: tuple[StaffSuccessor, ...]
    posts: tuple[Post, ...]
    results: tuple[tuple[AssessmentRound, Result], ...]


def staff_file(store: Store, actor: Actor, community_id: str, person_id: str, *, now: datetime) -> StaffFile:
    """One member's file: for whoever may read the files, and for the member, as their account names them; somebody who
    only says who they are, where nobody signs in, is not believed. Raises NotFound, Refused, Unavailable."""
    whole = may(actor, Operation.READ, StaffMember.collection)
    own = not actor.shared and isinstance(person_id, str) and person_id in actor.people
    if not whole and not own:
        raise Refused(msg("A file is for the member it is about, and for who leads the team. Nothing was changed."))
    reader = actor if whole else _office(actor)
    found = store.find(reader, StaffMember, community_id, {"person_id": person_id}, limit=1)
    if not found:
        raise NotFound(msg("This record is not there any more, or not in your charge."))
    member = found[0]
    today = now.date()
    files = _files(store, reader, community_id, today)
    its = {"person_id": person_id}
    newest = [("held_on", -1), ("_id", 1)]
    results = results_of(store, reader, community_id, person_id)
    if not whole:
        results = [(_without_others(held, person_id), told_to_themselves(result)) for held, result in results]
    return StaffFile(
        member=member,
        gap=_gap(files, member) if member.serves_on(today) else None,
        certificates=tuple(
            store.find(reader, StaffCertificate, community_id, its, sort=[("obtained_on", -1)], limit=200)
        ),
        trainings=tuple(store.find(reader, StaffTraining, community_id, its, sort=newest, limit=200)),
        could_take=tuple(each for each in files.successors if each.person_id == person_id) if whole else (),
        posts=tuple(post for post in files.posts if post.holder_on(today) == person_id),
        results=tuple(results),
    )


def _without_others(held: AssessmentRound, person_id: str) -> AssessmentRound:
    """A round as one of those assessed in it may see it: without who else is, and what was put right about them."""
    own = tuple(each for each in held.corrections if each.person_id == person_id)
    return held.model_copy(update={"people": (person_id,), "corrections": own})


# --- for the overview
class Assessed(StrEnum):
    """How the yearly assessment stands: none ever; one is open, or still open past its last day; the last one is longer
    ago than ASSESSED_DAYS; done."""

    NEVER = "never"
    RUNNING = "running"
    LATE = "late"
    OVERDUE = "overdue"
    DONE = "done"


@dataclass(frozen=True)
class StaffGlance:
    """The team in four figures. What is None was withheld, because it would single somebody out."""

    on: date
    size: int
    gaps: Count[str]
    gaps_value: Value
    key_posts: int
    without_successor: int
    succession: Value
    assessment: Assessed
    round_name: str
    round_day: date | None
    """When the round named closes, or closed."""


@judged
def staff_glance(
    store: Store,
    actor: Actor,
    community_id: str,
    *,
    on: date,
    within: Sequence[Sequence[Document]] | None = None,
) -> StaffGlance:
    """The team for the overview, in one small read. For everybody; see ``team`` for what is withheld. ``within``: if
    what is ``glance_wanted`` was read already. Raises Refused, Unavailable."""
    whole = may(actor, Operation.READ, StaffMember.collection)
    files, lately = _told_files(store, actor, community_id, on, within)
    found = _team(files, lately, whole, brief=True)
    state, held = _assessment(files.rounds, on)
    return StaffGlance(
        on=files.on,
        size=found.size,
        gaps=found.gaps,
        gaps_value=found.gaps_value,
        key_posts=found.key_posts,
        without_successor=found.without_successor,
        succession=found.succession,
        assessment=state,
        round_name=held.name if held else "",
        round_day=held.closes_on if held else None,
    )


def glance_wanted(actor: Actor, community_id: str, *, on: date) -> list[Wanted]:
    """What ``staff_glance`` reads. Raises Refused."""
    require(actor, Operation.READ, FIGURES)
    reach(actor, community_id)
    return _files_wanted(actor, community_id, told_on(actor, on))


def _assessment(rounds: Sequence[AssessmentRound], on: date) -> tuple[Assessed, AssessmentRound | None]:
    """How the yearly assessment stands, and the round that says so: one that is open, else the last one."""
    begun = [each for each in rounds if each.opens_on <= on]
    running = [each for each in begun if each.state is RoundState.OPEN]
    if running:
        oldest = running[0]
        return (Assessed.LATE if oldest.closes_on < on else Assessed.RUNNING), oldest
    if not begun:
        return Assessed.NEVER, None
    last = begun[-1]
    over = (on - last.closes_on).days > metrics.ASSESSED_DAYS
    return (Assessed.OVERDUE if over else Assessed.DONE), last
