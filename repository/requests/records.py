"""A resident's need or complaint (群众诉求): how it came, by when it is answered, what the answer was, what the
resident says of it when called back, and what it became."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from repository.due import Postponement, as_it_was, is_late
from repository.filters import Is
from repository.grids import RequestDeadline
from repository.numbers import masked
from repository.record import (
    LINE,
    PAGE,
    Choice,
    Day,
    Deed,
    Flag,
    Index,
    Part,
    Record,
    Ref,
    Shown,
    Term,
    Trace,
    far_away,
)
from repository.requests.vocabulary import MOST_WORDS, Topic, words_of
from repository.rollups import Atom, day_of, month_of, path_key
from repository.words import msg

SUBJECT, ANSWERED = "requests", "person_requests"
PLACE_KEY = LINE * 4
REPEAT_DAYS = 90
"""The same resident or place with the same topic within so many days is a repeat (metric N6)."""


class Channel(Choice):
    """How a request came; other words are kept as they are."""

    DESK = "desk", msg("At the desk"), "窗口", "来访", "接待"
    PHONE = "phone", msg("Phone"), "电话", "来电", "热线"
    LABEL = "label", msg("By a label"), "扫码", "二维码"
    DOOR = "door", msg("Door to door"), "上门", "走访", "入户"
    WECHAT = "wechat", msg("WeChat, typed in"), "微信", "微信群"
    LETTER = "letter", msg("Letter"), "来信", "意见箱"


class Urgency(Choice):
    """How soon a request must be answered (metric N5)."""

    LIFE = "life", msg("Life or property"), "危及生命财产", "紧急", "特急"
    UTILITY = "utility", msg("Water, power, gas, heat"), "水电气热", "加急"
    ORDINARY = "ordinary", msg("Ordinary"), "一般", "普通"
    COMPLEX = "complex", msg("Complex"), "疑难", "复杂"


BY_THE_CLOCK = frozenset({Urgency.LIFE, Urgency.UTILITY})
"""Urgencies whose deadline is so many elapsed hours, day and night. That of the others is the end of a calendar day,
holidays counted."""
DEADLINES: Mapping[Urgency, int] = MappingProxyType(
    {Urgency.LIFE: 2, Urgency.UTILITY: 24, Urgency.ORDINARY: 7, Urgency.COMPLEX: 15}
)
"""Hours (BY_THE_CLOCK) or days until a request is to be answered, where a community has not said otherwise."""


def allowed(urgency: Urgency, own: Iterable[RequestDeadline] = ()) -> int:
    """Hours or days until an answer is due: the community's ``own``, else DEADLINES."""
    return next((each.amount for each in own if each.urgency == urgency), DEADLINES[urgency])


def deadline(urgency: Urgency, received_at: datetime, zone: ZoneInfo, own: Iterable[RequestDeadline] = ()) -> datetime:
    """By when a request is to be answered: elapsed hours, or the end of the last calendar day in ``zone``."""
    amount = allowed(urgency, own)
    if urgency in BY_THE_CLOCK:
        return received_at + timedelta(hours=amount)
    last = day_of(received_at, zone) + timedelta(days=amount)
    return datetime.combine(last, time(23, 59, 59), zone).astimezone(UTC)


class Status(Choice):
    """Where a request stands."""

    RECEIVED = "received", msg("Received"), "已登记", "待受理", "待响应"
    ACCEPTED = "accepted", msg("Responded"), "已受理", "办理中", "处理中"
    RESOLVED = "resolved", msg("Answered"), "已办结", "待回访", "已解决"
    CLOSED = "closed", msg("Called back"), "已回访", "已关闭", "办结归档"
    DECLINED = "declined", msg("Declined"), "不予受理", "退回"
    REFERRED = "referred", msg("Referred elsewhere"), "转办", "移交"


OPEN = frozenset({Status.RECEIVED, Status.ACCEPTED})
"""An answer is owed."""
ENDINGS = frozenset({Status.RESOLVED, Status.DECLINED, Status.REFERRED})
"""How the clock ends."""


class Satisfaction(Choice):
    """What the resident says of the answer when called back."""

    SATISFIED = "satisfied", msg("Satisfied"), "满意"
    BASICALLY = "basically", msg("Basically satisfied"), "基本满意"
    DISSATISFIED = "dissatisfied", msg("Dissatisfied"), "不满意"


class OutcomeKind(Choice):
    """What a request became."""

    ORDER = "order", msg("Work order"), "工单"
    ACTIVITY = "activity", msg("Activity"), "活动"
    IDEA = "idea", msg("Idea for an activity"), "活动建议"
    MEETING = "meeting", msg("For the next meeting"), "上会"


class Step(Choice):
    """What happened to a request."""

    RECEIVED = "received", msg("Received")
    ACCEPTED = "accepted", msg("Responded")
    RESOLVED = "resolved", msg("Answered")
    DECLINED = "declined", msg("Declined")
    REFERRED = "referred", msg("Referred elsewhere")
    CALLED = "called", msg("Called back: solved")
    NOT_SOLVED = "not_solved", msg("Called back: not solved")
    UNREACHED = "unreached", msg("Called back: not reached")
    CLOSED = "closed", msg("Closed without a call-back")
    REOPENED = "reopened", msg("Reopened")
    BECAME = "became", msg("Became something")
    NOTE = "note", msg("Remark")


CALLS = frozenset({Step.CALLED, Step.NOT_SOLVED, Step.UNREACHED})
"""Tries to reach the resident."""
_AFTER: Mapping[str, Status] = MappingProxyType(
    {
        Step.RECEIVED: Status.RECEIVED,
        Step.ACCEPTED: Status.ACCEPTED,
        Step.RESOLVED: Status.RESOLVED,
        Step.DECLINED: Status.DECLINED,
        Step.REFERRED: Status.REFERRED,
        Step.CALLED: Status.CLOSED,
        Step.CLOSED: Status.CLOSED,
        Step.NOT_SOLVED: Status.ACCEPTED,
        Step.REOPENED: Status.ACCEPTED,
    }
)
"""Where a request stands after a step; the others leave it where it stood."""
_ANSWERS = frozenset({Step.RESOLVED, Step.DECLINED})
"""The steps whose note is the answer."""


class RequestEvent(Deed):
    """One step of a request's story."""

    step: Step = Field(title=msg("Step"))
    became: OutcomeKind | None = Field(default=None, title=msg("What it became"))
    note: str | None = Field(default=None, max_length=PAGE, title=msg("Note"))


class CallBack(Part):
    """One try to hear what the resident says of the answer. One that reached them is valid (metrics N1 to N4)."""

    on: date = Field(title=msg("Day"))
    by: str = Field(max_length=LINE, title=msg("By"))
    reached: bool = Field(title=msg("Reached"))
    contacted: bool | None = Field(default=None, title=msg("Had been contacted"))
    solved: bool | None = Field(default=None, title=msg("Solved"))
    satisfaction: Satisfaction | None = Field(default=None, title=msg("Satisfaction"))


class Reopening(Part):
    """An ending that did not last: both flows stay counted where they happened."""

    ended_at: datetime = Field(title=msg("Ended at"))
    reopened_at: datetime = Field(title=msg("Reopened at"))
    late: bool | None = Field(default=None, title=msg("After the deadline"))
    not_solved: bool = Field(default=False, title=msg("Not solved, said the resident"))


def place_key(place: str | None) -> str | None:
    """A place as two spellings of it are compared: width, case and spaces do not matter, nor whose phone number stands
    beside it. What is written out longer than any place is cut."""
    text = unicodedata.normalize("NFKC", masked(place)) if place else ""
    return "".join(text.casefold().split())[:PLACE_KEY] or None


BY_DEADLINE = ("community_id", "is_open", "deadline_at", "grid_id", "urgency", "category")
BY_RESPONSIBLE = ("community_id", "responsible_id", "ended_at", "late")
BY_RECEIPT = (
    *("community_id", "received_at", "grid_id", "category"),
    *("is_open", "resident", "place_key", "responsible_id"),
)


class Request(Record):
    """A need or complaint. ``ended_at`` is when it was answered, declined or referred: the clock of its deadline."""

    collection = "requests"
    title = msg("Requests")
    name_field = "number"
    natural_key = ("number",)
    indexes = (
        Index(("community_id", "number"), "a number is one request's", unique=True),
        Index(
            BY_DEADLINE,
            "what is owed, the longest overdue first; by topic from keys alone",
            where={"is_open": True},
        ),
        Index(BY_RECEIPT, "newest first; a month's rebuild; topics of a period and who answers, from keys alone"),
        Index(("community_id", "category", "received_at"), "a topic's requests"),
        Index(("community_id", "words", "received_at"), "the requests in which a word stands"),
        Index(("community_id", "status", "ended_at"), "whom to call back, the longest waiting first"),
        Index(("community_id", "ended_at", "late"), "ended in a period, in time or late"),
        Index(
            BY_RESPONSIBLE,
            "what somebody answered between two days, from index keys",
            where={"responsible_id": {"$exists": True}},
        ),
        Index(
            ("community_id", "reopenings.reopened_at"),
            "reopened in a period; a month's rebuild",
            where={"reopenings.reopened_at": {"$exists": True}},
        ),
        Index(("community_id", "lasted", "received_at"), "what was going on at a moment that is over"),
        Index(("community_id", "postponements.at"), "a month's rebuild", where={"postponements.at": {"$exists": True}}),
        Index(
            ("community_id", "callbacks.on"),
            "called back in a period; a month's rebuild",
            where={"callbacks.on": {"$exists": True}},
        ),
        Index(
            ("community_id", "resident", "category", "received_at"),
            "whether a resident comes again with the same",
            where={"resident": {"$exists": True}},
        ),
        Index(
            ("community_id", "place_key", "category", "received_at"),
            "whether the same comes again from a place",
            where={"place_key": {"$exists": True}},
        ),
        Index(
            ("community_id", "repeat_of", "received_at"),
            "repeats in a period; of which request",
            where={"repeat_of": {"$exists": True}},
        ),
        Index(
            ("community_id", "outcome_kind", "received_at"),
            "what became of requests: ideas, what is put to a meeting",
            where={"outcome_kind": {"$exists": True}},
        ),
        Index(("community_id", "outcome_id"), "of which request this came", where={"outcome_id": {"$exists": True}}),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    subjects = (SUBJECT, ANSWERED)
    moments = (
        "received_at",
        "deadline_at",
        "ended_at",
        "reopenings.ended_at",
        "reopenings.reopened_at",
        "callbacks.on",
        "postponements.at",
    )
    past = ("received_at", "responded_at", "ended_at")
    masked = frozenset({"text", "place", "answer", "events.note"})
    began = "received_at"
    stirred = ("ended_at", "reopenings.reopened_at", "postponements.at", "callbacks.on")
    lasts = True
    traced = frozenset({"responsible_id", "deadline_at", "urgency", "outcome_kind", "outcome_id", "referred_to"})
    trace = Trace(emptied=("text", "place", "place_key", "words", "answer", "events.note"))
    stock: ClassVar[Mapping[str, Any] | None] = MappingProxyType(
        {
            "$or": [
                {"is_open": True},
                {"status": Status.RESOLVED.value},
                {"outcome_kind": Is(among=[OutcomeKind.IDEA.value, OutcomeKind.MEETING.value])},
            ]
        }
    )

    number: Annotated[str, Shown(aliases=("编号", "登记号", "序号"))] = Field(
        min_length=1, max_length=60, title=msg("Request number")
    )
    text: Annotated[str, Shown(long=True, aliases=("内容", "诉求内容", "反映问题", "诉求"))] = Field(
        min_length=1, max_length=PAGE, title=msg("What is wanted")
    )
    category: Annotated[str, Term(of=Topic, aliases=("类别", "诉求类别", "问题类型"))] = Field(
        default=Topic.OTHER, min_length=1, max_length=60, title=msg("Topic")
    )
    urgency: Annotated[Urgency, Shown(aliases=("紧急程度", "等级"))] = Field(
        default=Urgency.ORDINARY, title=msg("Urgency")
    )
    channel: Annotated[str | None, Term(of=Channel, aliases=("渠道", "来源", "受理方式"))] = Field(
        default=Channel.DESK, max_length=60, title=msg("Channel")
    )
    place: Annotated[str | None, Shown(aliases=("地点", "地址", "楼栋"))] = Field(
        default=None, max_length=LINE, title=msg("Place")
    )
    grid_id: Annotated[str | None, Ref(to="grids", aliases=("网格", "所属网格"))] = Field(
        default=None, max_length=64, title=msg("Grid")
    )
    resident: Annotated[str | None, Shown(aliases=("居民代码", "短码"))] = Field(
        default=None,
        max_length=40,
        title=msg("Resident code"),
        description=msg("A code, never a name or an ID number"),
    )
    status: Annotated[Status, Shown(form=False, aliases=("状态", "办理状态"))] = Field(
        default=Status.RECEIVED, title=msg("Status")
    )
    is_open: Annotated[bool, Shown(form=False, table=False)] = Field(default=True, title=msg("Open"))
    received_at: Annotated[datetime, Shown(aliases=("登记时间", "受理日期", "接待时间", "日期"))] = Field(
        title=msg("Received at")
    )
    received_by_id: Annotated[str | None, Ref(to="people", aliases=("接待人", "登记人"))] = Field(
        default=None, max_length=64, title=msg("Received by")
    )
    responsible_id: Annotated[str | None, Ref(to="people", aliases=("责任人", "承办人"))] = Field(
        default=None, max_length=64, title=msg("Responsible person")
    )
    deadline_at: Annotated[datetime | None, Shown(aliases=("期限", "办理期限"))] = Field(
        default=None, title=msg("To be answered by")
    )
    responded_at: Annotated[datetime | None, Shown(form=False, aliases=("响应时间",))] = Field(
        default=None, title=msg("Responded at")
    )
    ended_at: Annotated[datetime | None, Shown(form=False, aliases=("办结时间", "答复时间"))] = Field(
        default=None, title=msg("Answered at")
    )
    late: Annotated[bool | None, Shown(form=False, table=False)] = Field(default=None, title=msg("After the deadline"))
    answer: Annotated[str | None, Shown(form=False, long=True, aliases=("答复", "办理结果", "处理结果"))] = Field(
        default=None, max_length=PAGE, title=msg("Answer")
    )
    referred_to: Annotated[str | None, Shown(form=False, aliases=("转办单位",))] = Field(
        default=None, max_length=LINE, title=msg("Referred to")
    )
    called_on: Annotated[date | None, Day(form=False, aliases=("回访日期",))] = Field(
        default=None, ge=date(1990, 1, 1), le=date(2100, 12, 31), title=msg("Called back on")
    )
    solved: Annotated[bool | None, Shown(form=False, aliases=("是否解决",))] = Field(default=None, title=msg("Solved"))
    satisfaction: Annotated[Satisfaction | None, Shown(form=False, aliases=("满意度", "满意情况"))] = Field(
        default=None, title=msg("Satisfaction")
    )
    outcome_kind: Annotated[OutcomeKind | None, Shown(form=False)] = Field(default=None, title=msg("What it became"))
    outcome_id: Annotated[str | None, Shown(form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Id of what it became")
    )
    repeat_of: Annotated[str | None, Ref(to="requests", form=False, table=False)] = Field(
        default=None, max_length=64, title=msg("Repeat of")
    )
    place_key: Annotated[str | None, Shown(form=False, table=False)] = Field(
        default=None, max_length=PLACE_KEY, title=msg("Place, as it is compared")
    )
    words: Annotated[tuple[Annotated[str, Field(max_length=20)], ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=MOST_WORDS, title=msg("Words of its text")
    )
    callbacks: Annotated[tuple[CallBack, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Call-backs")
    )
    reopenings: Annotated[tuple[Reopening, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Reopenings")
    )
    postponements: Annotated[tuple[Postponement, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=100, title=msg("Postponements")
    )
    events: Annotated[tuple[RequestEvent, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=500, title=msg("Story")
    )

    def to_document(self) -> dict[str, Any]:
        """As every record's, with what follows from the other fields made to agree with them: whether it is open or
        late, its place as it is compared, the words of its text."""
        if self.called_on and self.solved is not None and not self.callbacks:  # as a sheet tells it
            said = {"solved": self.solved, "satisfaction": self.satisfaction}
            call = CallBack(on=self.called_on, by="", reached=True, contacted=True, **said)
            return self.model_copy(update={"callbacks": (call,)}).to_document()
        document = super().to_document()
        document["is_open"] = self.status in OPEN
        for name in ("late", "place_key", "words"):
            document.pop(name, None)
        if (key := place_key(self.place)) is not None:
            document["place_key"] = key
        if words := words_of(self.text, self.place):
            document["words"] = list(words)
        if self.ended_at and self.deadline_at and self.status not in OPEN:
            document["late"] = is_late(self.ended_at, self.deadline_at, document["postponements"])
        document["lasted"] = self.how_long(document)
        return document

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's: its spells say whether an answer was owed, the steps made by then what had been said."""
        if document["received_at"] > moment:
            return None
        kept = {**document}
        as_it_was(kept, "deadline_at", moment)
        spells, story, calls = (document.get(name, ()) for name in ("reopenings", "events", "callbacks"))
        steps = [step for step in story if step["at"] <= moment]
        undone = [spell for spell in spells if spell["reopened_at"] > moment]
        made = [call for call in calls if call["on"].date() <= day_of(moment, zone)]
        if sum(step["step"] in CALLS for step in story) == len(calls):  # the steps know the hour
            made = list(calls[: sum(step["step"] in CALLS for step in steps)])
        answer = document.get("responded_at")
        late = any(at and at > moment for at in (document.get("ended_at"), answer))
        if stirred := bool(late or undone or len(steps) < len(story) or len(made) < len(calls)):
            held = undone[0] if undone else document  # the ending that stood, or was to come
            over = not (held is document and document["is_open"])
            over = over and (held.get("ended_at") is None or held["ended_at"] <= moment)
            kept["ended_at"] = held.get("ended_at") if over else None
            kept |= {"events": steps, "callbacks": made}
            kept["reopenings"] = [spell for spell in spells if spell["reopened_at"] <= moment]
            kept["responded_at"] = answer if answer and answer <= moment else None
            ends = [step["step"] for step in steps if step["step"] in _AFTER]
            status = _AFTER[ends[-1]] if ends else Status.RESOLVED if over else Status.RECEIVED
            if (status in OPEN) is over:  # a sheet told no steps
                status = Status(document["status"]) if held is document and over else Status.RESOLVED
                status = status if over else Status.ACCEPTED if kept["responded_at"] else Status.RECEIVED
            if status is Status.RECEIVED and kept["responded_at"]:  # what became an order is dealt with
                status = Status.ACCEPTED
            kept["status"] = status.value
            said = made[-1] if made and made[-1]["reached"] and status is Status.CLOSED else {}
            kept |= {"called_on": said.get("on"), "solved": said.get("solved")}
            kept["satisfaction"] = said.get("satisfaction")
            if any(step["step"] in _ANSWERS for step in story):
                given = [step.get("note") for step in steps if step["step"] in _ANSWERS]
                kept["answer"] = given[-1] if given else None
        kept |= was
        if not stirred and kept == document:  # then nothing follows from it
            return kept
        return cls.from_document({name: value for name, value in kept.items() if value is not None}).to_document()

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:
        """Ended before it was received; a moment in a year no request here can have."""
        ended = document.get("ended_at")
        if ended and ended < document["received_at"]:
            yield Flag.ENDED_BEFORE_REPORTED
        if far_away(*(document.get(name) for name in ("received_at", "responded_at", "deadline_at", "ended_at"))):
            yield Flag.YEAR_FAR_AWAY

    @staticmethod
    def contributions(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[Atom, int]]:
        """What one request adds to the counters: flows in the month they happened, what became of a month's requests
        (``of_…``) in the month they were received, what is owed now as a stock. Of whoever answers for it ``ended`` and
        ``late``, in the month it ended: all of a month and grid in one document (``of.p1.ended``)."""
        grid, category = document.get("grid_id") or "", document["category"]
        received, due, ended = document["received_at"], document.get("deadline_at"), document.get("ended_at")
        status = document["status"]

        def flow(at: datetime, name: str) -> tuple[Atom, int]:
            return (SUBJECT, "month", month_of(at, zone), grid, category, name), 1

        def stock(name: str) -> tuple[Atom, int]:
            return (SUBJECT, "stock", "now", grid, category, name), 1

        if (person := document.get("responsible_id")) and ended:
            own = (ANSWERED, "cells", month_of(ended, zone), grid, "")
            yield (*own, f"of.{path_key(person)}.ended"), 1
            if document.get("late"):
                yield (*own, f"of.{path_key(person)}.late"), 1
        yield flow(received, "opened")
        calls = document.get("callbacks", ())
        valid = calls[-1] if calls and calls[-1]["reached"] else None
        if document.get("responded_at") or status in (Status.RESOLVED.value, Status.CLOSED.value):
            yield flow(received, "of_responded")
        if status in (Status.RESOLVED.value, Status.CLOSED.value):
            yield flow(received, "of_resolved")
            if status == Status.CLOSED.value and valid and valid.get("solved"):
                yield flow(received, "of_called")
                if valid.get("satisfaction") in (Satisfaction.SATISFIED.value, Satisfaction.BASICALLY.value):
                    yield flow(received, "of_satisfied")
        if not document.get("batch_id"):  # of what a sheet brought nobody looked for an earlier one
            yield flow(received, "entered")
            if document.get("repeat_of"):
                yield flow(received, "repeat")
        for call in calls:
            month = f"{call['on'].year:04d}-{call['on'].month:02d}"  # a calendar day: no time zone moves it
            atom = SUBJECT, "month", month, grid, category
            if not call["reached"]:
                yield (*atom, "unreached"), 1
                continue
            yield (*atom, "called"), 1
            for name in ("contacted", "solved"):
                if call.get(name):
                    yield (*atom, name), 1
            if grade := call.get("satisfaction"):
                yield (*atom, f"said_{grade}"), 1
        for month in sorted({month_of(each["at"], zone) for each in document.get("postponements", ())}):
            yield (SUBJECT, "month", month, grid, category, "postponed"), 1
        yield from _course(document, flow, received, due, ended)
        if document["is_open"]:
            yield stock("open")
            yield stock(f"urgency_{document['urgency']}")
        elif status == Status.RESOLVED.value:
            yield stock("to_call")
        kind = document.get("outcome_kind")
        if kind == OutcomeKind.IDEA.value:
            yield stock("ideas")
        if kind == OutcomeKind.MEETING.value and not document.get("outcome_id"):
            yield stock("for_meeting")


def _course(
    document: Mapping[str, Any], flow: Any, received: datetime, due: datetime | None, ended: datetime | None
) -> Iterator[tuple[Atom, int]]:
    """Endings in time and late, reopenings, and when it became overdue and stopped being so."""
    spells = [
        (past["ended_at"], past["reopened_at"], past.get("not_solved")) for past in document.get("reopenings", ())
    ]
    if not document["is_open"] and ended:
        spells.append((ended, None, False))
    if not document["is_open"] and not ended:
        yield flow(received, "end_unknown")  # it left nobody knows when, so the course leaves it out
    began = received
    for end, reopened, not_solved in spells:
        yield flow(end, "ended")
        if reopened:
            yield flow(reopened, "reopened")
            if not_solved:
                yield flow(reopened, "not_solved")
        if due is None or document.get("flags"):
            yield flow(end, "no_due")
        else:
            yield flow(end, "late" if is_late(end, due, document.get("postponements", ())) else "on_time")
            if end > due:
                yield flow(max(due, began), "fell_overdue")
                yield flow(end, "left_overdue")
        began = reopened or began
    if document["is_open"] and due:
        yield flow(max(due, began), "fell_overdue")
