"""Hazards that somebody found: what, where, how grave, until when, what is done about it, and who looked again.

A dangerous work order is a hazard by itself and is not entered a second time: the register (``maintenance.dangers``)
shows both. A hazard that gets a work order follows its steps: done is rectified, verified is re-checked.

Its clock cannot be cheated: another deadline or level is a step of its story, putting off or playing down needs a
reason, and it stays owed from the day that was promised first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from repository.access import Actor
from repository.facilities import Facility
from repository.photos import let_go, link
from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Deed,
    Flag,
    Index,
    Record,
    Ref,
    Shown,
    Term,
    far_away,
    rewound,
)
from repository.rollups import Atom, day_of, month_of
from repository.store import Conflict, Invalid, NotFound, Store, Write, build
from repository.words import Message, msg
from repository.worktime import Worktime, worktime


class Level(Choice):
    """How grave, as the rules of safety work in China tell hazards apart (decree 16 of 2007 of the State Administration
    of Work Safety, article 3): a major one is hard to get rid of, so that what it is at has to stop, in whole or in
    part, until it is rectified; a general one can be rectified at once. A level stops nothing here by itself: a
    dangerous work order takes its facility out of service."""

    MAJOR = "major", msg("Major"), "重大隐患", "重大"
    GENERAL = "general", msg("General"), "一般隐患", "一般"


class Finding(Choice):
    """How it was found; other words are kept as they are."""

    PATROL = "patrol", msg("Patrol"), "巡查", "网格巡查"
    INSPECTION = "inspection", msg("Inspection"), "检查"
    REPORT = "report", msg("Report"), "举报", "居民反映"


class State(Choice):
    """Where a hazard stands. It is over when somebody else has looked again."""

    FOUND = "found", msg("To be rectified"), "待整改", "整改中"
    RECTIFIED = "rectified", msg("To be re-checked"), "待复查", "已整改"
    RECHECKED = "rechecked", msg("Rectified and re-checked"), "已复查", "已销号"


class Step(Choice):
    """What happened to a hazard."""

    FOUND = "found", msg("Found")
    RECTIFIED = "rectified", msg("Rectified")
    RECHECKED = "rechecked", msg("Re-checked: rectified")
    FAILED = "failed", msg("Re-checked: not rectified")
    CHANGED = "changed", msg("Deadline or level changed")


@dataclass(frozen=True)
class Allowance:
    """Days until a hazard must be rectified and re-checked, working or calendar days."""

    days: int
    working: bool


ALLOWANCES: Mapping[Level, Allowance] = MappingProxyType(
    {Level.MAJOR: Allowance(3, False), Level.GENERAL: Allowance(7, True)}
)
"""The usual deadlines, which each hazard may overrule: no standard gives one number for a community."""


def deadline(level: Level, found_on: date, times: Worktime) -> date:
    """The last day on which a hazard found ``found_on`` is rectified in time."""
    allowed = ALLOWANCES[level]
    day, left = found_on, allowed.days
    for _ in range(3660):  # a calendar without working days ends too
        if left == 0:
            break
        day += timedelta(days=1)
        left -= not allowed.working or times.works_on(day)
    return day


class HazardEvent(Deed):
    """One step of a hazard's story; of one that changed deadline or level, what stood before and what after."""

    step: Step = Field(title=msg("Step"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))
    deadline_before: date | None = Field(default=None, title=msg("Deadline before"))
    deadline_after: date | None = Field(default=None, title=msg("Deadline after"))
    level_before: Level | None = Field(default=None, title=msg("Level before"))
    level_after: Level | None = Field(default=None, title=msg("Level after"))


class Hazard(Record):
    """Something that can hurt somebody, found by a person."""

    collection = "hazards"
    title = msg("Hazards")
    name_field = "what"
    natural_key = ("what", "found_at")
    indexes = (
        Index(("community_id", "state", "deadline_on"), "what stands, the longest overdue first"),
        Index(("community_id", "found_at"), "newest first; a month's rebuild"),
        Index(("community_id", "facility_id", "found_at"), "a facility's hazards"),
        Index(("community_id", "events.at"), "a month's rebuild"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = ("hazards",)
    moments = ("found_at", "events.at")
    past = ("found_at", "rectified_at", "rechecked_at")
    began = "found_at"
    stirred = ("events.at", "rectified_at", "rechecked_at")
    traced = frozenset({"order_id", "responsible_id"})

    what: Annotated[str, Shown(aliases=("隐患内容", "隐患描述", "隐患"))] = Field(
        min_length=1, max_length=LINE, title=msg("What is dangerous")
    )
    level: Annotated[Level, Shown(aliases=("隐患等级", "级别"))] = Field(default=Level.GENERAL, title=msg("Level"))
    facility_id: Annotated[str | None, Ref(to="facilities", aliases=("设施", "设施编号"))] = Field(
        default=None, max_length=64, title=msg("Facility")
    )
    place: Annotated[str | None, Shown(aliases=("地点", "位置"))] = Field(
        default=None, max_length=LINE, title=msg("Place")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    source: Annotated[str | None, Term(of=Finding, aliases=("来源", "发现方式"))] = Field(
        default=Finding.PATROL, max_length=60, title=msg("Found by")
    )
    found_at: Annotated[datetime, Shown(aliases=("发现时间",))] = Field(title=msg("Found at"))
    deadline_on: Annotated[date, Day(aliases=("整改期限",))] = Field(
        ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("Deadline")
    )
    promised_on: Annotated[date | None, Day(form=False, table=False)] = Field(
        default=None,
        ge=date(1990, 1, 1),
        le=date(2100, 12, 31),
        title=msg("First deadline"),
        description=msg("Where it was put off"),
    )
    responsible_id: Annotated[str | None, Ref(to="people", aliases=("整改责任人", "责任人"))] = Field(
        default=None, max_length=64, title=msg("Responsible person")
    )
    measures: Annotated[str | None, Shown(long=True, aliases=("整改措施",))] = Field(
        default=None, max_length=PAGE, title=msg("Measures")
    )
    state: Annotated[State, Shown(form=False, aliases=("状态",))] = Field(default=State.FOUND, title=msg("State"))
    rectified_at: Annotated[datetime | None, Shown(form=False, aliases=("整改完成时间",))] = Field(
        default=None, title=msg("Rectified at")
    )
    rechecked_at: Annotated[datetime | None, Shown(form=False, aliases=("复查时间",))] = Field(
        default=None, title=msg("Re-checked at")
    )
    order_id: Annotated[str | None, Ref(to="work_orders", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Work order")
    )
    photos: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=20, title=msg("Photos")
    )
    events: Annotated[tuple[HazardEvent, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=200, title=msg("Story")
    )

    @classmethod
    def as_it_stood(
        cls,
        document: Mapping[str, Any],
        moment: datetime,
        was: Mapping[str, Any],
        zone: ZoneInfo,  # noqa: ARG003 (another record's days need it)
    ) -> dict[str, Any] | None:
        """As every record's: its story tells state, level and deadline. Of one that came by a sheet its moments do."""
        if document["found_at"] > moment:
            return None
        then = {**document}
        story = document.get("events", ())
        told = [event for event in story if event["at"] <= moment]
        if later := story[len(told) :]:
            then["events"] = told
            for event in reversed(later):
                then |= {
                    name: event[f"{name_before}_before"]
                    for name, name_before in (("deadline_on", "deadline"), ("level", "level"))
                    if event.get(f"{name_before}_before")
                }
            if document.get("promised_on") and not any(map(_put_off, told)) and any(map(_put_off, later)):
                then["promised_on"] = None
        steps = [event for event in told if event["step"] in _STATES]
        if any(event["step"] in _STATES for event in later):
            last = steps[-1]["step"] if steps else Step.FOUND.value
            rectified = [event["at"] for event in steps if event["step"] == Step.RECTIFIED.value]
            then["state"] = _STATES[last].value
            then["rectified_at"] = rectified[-1] if rectified and last != Step.FAILED.value else None
            then["rechecked_at"] = steps[-1]["at"] if last == Step.RECHECKED.value else None
        else:
            for name, before in (("rechecked_at", State.RECTIFIED), ("rectified_at", State.FOUND)):
                if then.get(name) and then[name] > moment:
                    then |= {name: None, "state": before.value}
        return rewound(then, was)

    @property
    def owed_on(self) -> date:
        """The last day on which it is in time, whatever was put off: the first deadline, or an earlier one since."""
        return min(self.deadline_on, self.promised_on or self.deadline_on)

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """A year no hazard here can have."""
        if far_away(document["found_at"]):
            yield Flag.YEAR_FAR_AWAY

    @staticmethod
    def contributions(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """``found``, and of these ``rectified`` and ``rechecked``, all in the month it was found, by grid and level;
        ``postponed`` and ``lowered`` in the months in which its deadline was put off or it was said to be less grave,
        by the level it has now."""
        grid, level, state = document.get("grid_id") or "", document["level"], document["state"]
        place = "hazards", "month", month_of(document["found_at"], zone), grid
        for name, which in (("postponed", _put_off), ("lowered", _lowered)):
            for month in sorted({month_of(event["at"], zone) for event in document.get("events", ()) if which(event)}):
                yield ("hazards", "month", month, grid, level, name), 1
        yield (*place, level, "found"), 1
        if state != State.FOUND.value:
            yield (*place, level, "rectified"), 1
        if state == State.RECHECKED.value:
            yield (*place, level, "rechecked"), 1


_STATES: Mapping[str, State] = MappingProxyType(
    {
        Step.FOUND: State.FOUND,
        Step.RECTIFIED: State.RECTIFIED,
        Step.RECHECKED: State.RECHECKED,
        Step.FAILED: State.FOUND,
    }
)
"""Where a hazard stands after a step; the others leave it where it stood."""


def _put_off(event: Mapping[str, Any]) -> bool:
    before, after = event.get("deadline_before"), event.get("deadline_after")
    return bool(before and after and after > before)


def _lowered(event: Mapping[str, Any]) -> bool:
    return event.get("level_before") == Level.MAJOR and event.get("level_after") != Level.MAJOR


SAY_WHO = msg(
    "Nobody signs in here, so say who you are first: whoever did the work must not be the one who looks again."
)
"""Where people cannot be told apart, a second look needs the name of who looks."""

EDITABLE = frozenset(
    {"what", "level", "facility_id", "place", "grid_id", "source", "deadline_on", "responsible_id", "measures"}
)
"""What ``edit_hazard`` may change; the steps have commands of their own."""


# --- commands
def report_hazard(
    store: Store,
    actor: Actor,
    community_id: str,
    values: Mapping[str, Any],
    *,
    then: Callable[[Write, Hazard], object] | None = None,
    key: str | None = None,
) -> Hazard:
    """Enter a hazard. Its grid comes from the facility; ``found_at`` is now and ``deadline_on`` what its level gives
    (ALLOWANCES, in the community's working time) unless given; ``photos`` are those of ``photos.keep``; ``then`` is
    done in the same transaction. Raises Invalid, Refused."""
    times = worktime(store, actor, community_id)

    def work(write: Write) -> Hazard:
        given = {"found_at": write.at, **{name: value for name, value in values.items() if value is not None}}
        given |= _place(write, community_id, given)
        level, found_on = Level(given.get("level", Level.GENERAL)), day_of(given["found_at"], times.zone)
        given.setdefault("deadline_on", deadline(level, found_on, times))
        hazard = build(Hazard, {**given, "community_id": community_id})
        if ahead := hazard.ahead(write.at):
            raise Invalid({name: Message(msg("This lies in the future")) for name in ahead})
        _check_deadline(hazard, times.zone)
        event = HazardEvent(at=hazard.found_at, by=actor.name, by_id=actor.id, step=Step.FOUND)
        made = write.insert(hazard.model_copy(update={"events": (event,), "state": State.FOUND}))
        link(write, made, made.photos)
        if then is not None:
            then(write, made)
        return made

    return store.write(actor, work, key=key)


def edit_hazard(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
) -> Hazard:
    """Change plain fields (EDITABLE). Another deadline or level is a step of the story, with what stood before, and
    putting off or saying that it is not major needs a ``reason``. What turns out to be major has the deadline of a
    major one from today on, if that is sooner and no other is given; once re-checked, the deadline stays. Raises
    Invalid, Conflict, NotFound, Refused."""
    if strange := changes.keys() - EDITABLE:
        raise TypeError(f"not to be changed here: {', '.join(sorted(strange))}")
    times = worktime(store, actor, community_id)

    def work(write: Write) -> Hazard:
        hazard = write.read(Hazard, community_id, id)
        if hazard.revision != revision:
            raise Conflict(hazard)  # rather than a reason asked for what stands already
        wanted = {**changes, **_place(write, community_id, {**dict(hazard), **changes})}
        changed = build(Hazard, {**dict(hazard), **wanted})
        graver = changed.level is Level.MAJOR and hazard.level is not Level.MAJOR
        if graver and changed.deadline_on == hazard.deadline_on and hazard.state is not State.RECHECKED:
            soon = deadline(Level.MAJOR, day_of(write.at, times.zone), times)
            wanted["deadline_on"] = min(soon, hazard.deadline_on)
            changed = changed.model_copy(update={"deadline_on": wanted["deadline_on"]})
        return write.update(
            Hazard, community_id, id, revision, wanted | _terms(hazard, changed, write, reason, times.zone)
        )

    return store.write(actor, work)


def _terms(before: Hazard, after: Hazard, write: Write, reason: str | None, zone: ZoneInfo) -> dict[str, Any]:
    """The fields that change with another deadline or level: none where both stay. Raises Invalid."""
    said = (reason or "").strip() or None
    changes = on_record(before, after, write.at, write.actor, said)
    if not changes:
        return {}
    step = dict(changes["events"][-1])
    if step["deadline_after"]:
        if before.state is State.RECHECKED:
            over = msg("It is over: it is judged by the deadline that held until then.")
            raise Invalid({"deadline_on": Message(over)})
        _check_deadline(after, zone)
    if _put_off(step) and said is None:
        raise Invalid({"reason": Message(msg("Say why it is put off"))})
    if _lowered(step) and said is None:
        raise Invalid({"reason": Message(msg("Say why it is not major"))})
    return changes


def on_record(before: Hazard, after: Hazard, at: datetime, by: Actor, reason: str | None) -> dict[str, Any]:
    """The fields that go with another deadline or level: a step of the story with what stood before, and the deadline
    that was promised. None where both stay. Pure; for whatever changes a hazard, imports included."""
    step: dict[str, Any] = {}
    if after.deadline_on != before.deadline_on:
        step |= {"deadline_before": before.deadline_on, "deadline_after": after.deadline_on}
    if after.level is not before.level:
        step |= {"level_before": before.level, "level_after": after.level}
    if not step:
        return {}
    told = _event(before, at, by, Step.CHANGED, reason, step)
    changes: dict[str, Any] = {"events": (*before.events, told)}
    if _put_off(step) and before.promised_on is None:
        changes["promised_on"] = before.deadline_on
    return changes


def _check_deadline(hazard: Hazard, zone: ZoneInfo) -> None:
    if hazard.deadline_on < day_of(hazard.found_at, zone):
        raise Invalid({"deadline_on": Message(msg("This lies before it was found"))})


def rectify(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, note: str | None = None
) -> Hazard:
    """Somebody says that the hazard is gone; somebody else has to look. Raises Invalid, Conflict, NotFound, Refused."""
    return _step(store, actor, community_id, id, revision, Step.RECTIFIED, note)


def recheck(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    passed: bool,
    note: str | None = None,
) -> Hazard:
    """Somebody else than who rectified it looked again: over, or open once more, which needs a ``note``. Raises
    Invalid, Conflict, NotFound, Refused."""
    if not passed and not (note or "").strip():
        raise Invalid({"note": Message(msg("Say what is still wrong"))})
    return _step(store, actor, community_id, id, revision, Step.RECHECKED if passed else Step.FAILED, note)


def remove_hazard(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out a hazard entered by mistake. Raises Conflict, InUse while a work order names it, NotFound, Refused."""

    def work(write: Write) -> None:
        found = write.read(Hazard, community_id, id)
        write.delete(Hazard, community_id, id, revision)
        let_go(write, found, found.photos)

    store.write(actor, work)


def _step(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, step: Step, note: str | None
) -> Hazard:
    def work(write: Write) -> Hazard:
        hazard = write.read(Hazard, community_id, id)
        return write.update(Hazard, community_id, id, revision, stepped(hazard, step, write.at, actor, note))

    return store.write(actor, work)


def stepped(hazard: Hazard, step: Step, at: datetime, by: Actor, note: str | None) -> dict[str, Any]:
    """The fields that change with a step. Pure. Raises Invalid for a step that cannot be."""
    before = {Step.RECTIFIED: State.FOUND, Step.RECHECKED: State.RECTIFIED, Step.FAILED: State.RECTIFIED}.get(step)
    if hazard.state is not before:
        facts = {"now": Message(hazard.state.label), "then": Message(step.label)}
        raise Invalid({"state": Message(msg("A hazard that is “{now}” cannot become “{then}”."), facts)})
    if step is not Step.RECTIFIED:
        last = next((event for event in reversed(hazard.events) if event.step is Step.RECTIFIED), None)
        # of one that came by a sheet nobody knows who rectified it
        if by.is_nobody:
            raise Invalid({"state": Message(SAY_WHO)})
        if last and by.is_who(last.by_id, last.by):
            raise Invalid(
                {"state": Message(msg("Somebody else must look again: {who} rectified it."), {"who": last.by})}
            )
    return _changes(hazard, step, at, by, note)


def _changes(hazard: Hazard, step: Step, at: datetime, by: Actor, note: str | None) -> dict[str, Any]:
    event = _event(hazard, at, by, step, (note or "").strip() or None, {})
    at = event.at
    moments: Mapping[Step, dict[str, Any]] = {
        Step.RECTIFIED: {"state": State.RECTIFIED, "rectified_at": at},
        Step.RECHECKED: {"state": State.RECHECKED, "rechecked_at": at},
        Step.FAILED: {"state": State.FOUND, "rectified_at": None, "rechecked_at": None},
    }
    return {**moments[step], "events": (*hazard.events, event)}


def _event(
    hazard: Hazard, at: datetime, by: Actor, step: Step, note: str | None, facts: Mapping[str, Any]
) -> HazardEvent:
    """A step; not before the last one, if another machine's clock was ahead."""
    at = max(at, hazard.events[-1].at if hazard.events else at)
    return build(HazardEvent, {"at": at, "by": by.name, "by_id": by.id, "step": step, "note": note, **facts})


# --- for the room of work orders
def link_order(write: Write, community_id: str, id: str, order_id: str, *, instead_of: str | None = None) -> None:
    """Note that a work order was opened for the hazard, or took the place of another one. Raises Invalid when it has
    yet another one already."""
    hazard = write.referred(Hazard, community_id, "hazard_id", id)
    if hazard.order_id not in (None, instead_of):
        raise Invalid({"hazard_id": Message(msg("This hazard has a work order already."))})
    write.update(Hazard, community_id, id, hazard.revision, {"order_id": order_id})


def unlink_order(write: Write, community_id: str, id: str, order_id: str, *, following: type[Record]) -> None:
    """The hazard's work order is taken out, as if it had never been entered; it can be given another one."""
    try:
        hazard = write.read(Hazard, community_id, id)
    except NotFound:
        return
    if hazard.order_id == order_id:
        write.update(Hazard, community_id, id, hazard.revision, {"order_id": None}, following=following)


def follow(write: Write, community_id: str, id: str, step: Step, number: str, *, following: type[Record]) -> None:
    """What a step of its work order does to a hazard, which whoever may take that step may do. One that stands
    elsewhere already is left as it is: the order has said who did the work and who looked, so nobody is asked again
    here."""
    try:
        hazard = write.read(Hazard, community_id, id)
    except NotFound:
        return
    fits = {
        Step.RECTIFIED: hazard.state is State.FOUND,
        Step.RECHECKED: hazard.state is State.RECTIFIED,
        Step.FAILED: hazard.state is not State.FOUND,
    }
    if fits.get(step):
        changes = _changes(hazard, step, write.at, write.actor, number)
        write.update(Hazard, community_id, id, hazard.revision, changes, following=following)


def _place(write: Write, community_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The grid of the facility; a problem where neither facility nor place is known."""
    if id := values.get("facility_id"):
        facility = write.referred(Facility, community_id, "facility_id", id)
        return {"grid_id": facility.grid_id or values.get("grid_id")}
    if not (values.get("place") or "").strip():
        raise Invalid({"place": Message(msg("Say where: choose a facility or write the place"))})
    own = write.actor.grids
    if own is not None and values.get("grid_id") is None and len(own) == 1:
        return {"grid_id": next(iter(own))}
    return {}
