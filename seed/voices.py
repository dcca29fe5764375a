"""What residents came with in a year: 群众接待 as section 2.2 names it. Every resident and every word is invented.

What can be seen in it: the desk answers most in time and calls back less than half; electric bicycles that are charged
in stairwells come up more and more, most of them in grid 3; parents ask for something to do with their children, which
no activity answers (section 3.3); the lift of 幸福里 6 栋 comes again and again; the loose bar and the north gate have
become work orders; one order is done and nobody has told the resident yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from repository.maintenance import Outcome, WorkOrder
from repository.maintenance import Status as OrderStatus
from repository.requests import (
    CallBack,
    Channel,
    OutcomeKind,
    Reopening,
    Request,
    RequestEvent,
    Satisfaction,
    Status,
    Step,
    Topic,
    Urgency,
    deadline,
)
from repository.requests.records import REPEAT_DAYS
from seed.estate import COMMUNITY_ID, NAMES, ZONE, grid_id, person_id
from seed.history import LAGGING_GRID, end_of_history, local

DAYS = 400
A_DAY = 0.75  # requests
GRID_WEIGHTS = {"1": 0.9, "2": 1.0, LAGGING_GRID: 1.6, "4": 0.9, "5": 0.8}
PLACES = {
    "1": ("和苑 1 栋", "和苑 2 栋", "和苑 3 栋", "和苑 5 栋", "机关家属院"),
    "2": ("滨江花园 1 栋", "滨江花园 3 栋", "滨江花园 4 栋", "滨江步道"),
    "3": ("幸福里 1 栋", "幸福里 2 栋", "幸福里 3 栋", "幸福里 5 栋", "幸福里 6 栋", "北门"),
    "4": ("职工新村 2 栋", "职工新村 3 栋", "职工新村 5 栋", "老年活动中心"),
    "5": ("厂区宿舍 1 栋", "厂区宿舍 2 栋", "百花园"),
}


@dataclass(frozen=True)
class Voice:
    """Something people come with: how often, and in whose words."""

    topic: Topic
    weight: float
    texts: tuple[str, ...]
    urgency: Urgency = Urgency.ORDINARY
    rising: float = 1.0
    """How much more often in the last ninety days."""
    hard: float = 0.1
    """How often it is not solved."""


VOICES = (
    Voice(
        Topic.CHARGING,
        1.0,
        (
            "楼道里有人给电动车充电，怕起火",
            "电瓶车停在单元门口飞线充电，不安全",
            "充电桩太少，大家只好把电动车推进楼道充电",
            "楼上住户把电瓶车电池拿回家充电",
            "希望在楼下加装充电桩，电动车没地方充电",
        ),
        rising=4.5,
        hard=0.3,
    ),
    Voice(
        Topic.PARKING,
        1.6,
        (
            "小区停车位太少，晚上回来没地方停车",
            "外来车辆占了消防通道停车",
            "车位被杂物占着，停车很难",
            "路边乱停车，婴儿车过不去",
        ),
        rising=1.1,
        hard=0.3,
    ),
    Voice(
        Topic.CHILDREN,
        0.5,
        (
            "放学后孩子没人带，社区能不能办托管班",
            "希望有亲子手工这样的活动，周末带孩子参加",
            "暑假想给孩子找个托管的地方",
            "能不能办亲子阅读，年轻家长都愿意来",
        ),
        rising=3.5,
        hard=0.35,
    ),
    Voice(
        Topic.ACTIVITIES,
        0.6,
        (
            "活动老是健康讲座，年轻人不爱来",
            "希望晚上也有活动，上班的人白天来不了",
            "想办篮球赛，场地能不能借给我们",
        ),
        rising=1.4,
    ),
    Voice(
        Topic.CLEANING,
        1.8,
        (
            "垃圾桶满了两天没有清运，异味很大",
            "楼道没人保洁，灰尘很厚",
            "建筑垃圾堆在楼下没人拉走",
        ),
    ),
    Voice(
        Topic.NOISE,
        1.3,
        (
            "广场舞音响太大，影响孩子睡觉",
            "楼上装修，周末也在施工，噪音大",
            "楼下烧烤店夜里吵闹",
        ),
        hard=0.25,
    ),
    Voice(Topic.LEAK, 1.1, ("楼上渗水，厨房天花板发霉", "外墙漏雨，卧室墙皮脱落", "管道漏水，地下室有积水"), hard=0.2),
    Voice(Topic.DRAINS, 0.9, ("下水道堵塞，污水从地漏反上来", "井盖破损，晚上容易踩空", "雨后排水不畅，单元门口积水")),
    Voice(Topic.LIGHTING, 0.8, ("楼道灯坏了，老人晚上看不见", "路灯不亮，已经三天", "声控灯反应慢，要求换灯")),
    Voice(
        Topic.UTILITIES,
        0.5,
        ("整栋楼停水，从早上到现在", "家里跳闸停电，老人需要吸氧机", "燃气灶打不着火，邻居家也停气了"),
        Urgency.UTILITY,
    ),
    Voice(
        Topic.FIRE,
        0.35,
        ("楼道堆物挡住消防通道，还有烟头", "闻到燃气泄漏的异味，请马上来人", "消防栓没有水压"),
        Urgency.LIFE,
    ),
    Voice(
        Topic.PROPERTY,
        1.2,
        (
            "物业费收了不少，服务跟不上，要求公示用途",
            "物业管家电话打不通",
            "维修基金怎么申请，物业说不清楚",
        ),
        hard=0.3,
    ),
    Voice(Topic.WELFARE, 1.2, ("咨询低保怎么申请，需要什么材料", "养老金认证在手机上不会弄", "残疾证到期，在哪里换证")),
    Voice(
        Topic.ELDERLY, 0.8, ("老年食堂饭菜涨价，独居老人吃不起", "希望有人上门给老人理发", "适老化改造的扶手什么时候装")
    ),
    Voice(
        Topic.NEIGHBOURS,
        0.7,
        ("加装电梯一楼住户不同意，请社区调解", "邻居在公共过道装鞋柜，说了不听"),
        Urgency.COMPLEX,
        hard=0.35,
    ),
    Voice(
        Topic.FITNESS,
        0.6,
        ("健身器材坏了没人修，老人锻炼不安全", "漫步机踏板松动，孩子玩的时候差点摔倒", "健身器材生锈，要求更换"),
    ),
    Voice(Topic.PETS, 0.5, ("遛狗不牵绳，孩子害怕", "流浪狗在院子里追人")),
)
ANSWERS: dict[Topic, str] = {
    Topic.CHARGING: "已上门劝导并张贴告示，充电桩点位正在选址",
    Topic.PARKING: "与物业重新划线，消防通道设了隔离桩",
    Topic.CHILDREN: "已记录，目前没有场地和人手，年内再议",
    Topic.CLEANING: "已通知环卫当天清运，加密了巡查",
    Topic.NOISE: "上门协商，约定晚上九点前结束",
    Topic.UTILITIES: "已联系抢修，当晚恢复",
    Topic.FIRE: "当场清理并复查",
    Topic.WELFARE: "已当面告知材料并帮助申报",
}
USUAL = "已上门查看并处理，结果已告知居民"


def voices(as_of: date, orders: Sequence[WorkOrder]) -> tuple[list[Request], list[WorkOrder]]:
    """A year of requests up to the morning of ``as_of``, and the orders, of which three came of a request."""
    rng = Random(23)
    end = end_of_history(as_of)
    made: list[Request] = []
    for ago in range(DAYS, 0, -1):
        day = as_of - timedelta(days=ago)
        slow = 0.35 if day.weekday() >= 5 else 1.2
        for _ in range(_poisson(rng, A_DAY * slow * (1.35 if ago <= 90 else 1.0))):
            made.append(_heard(rng, day, ago, end))
    made += list(_told(as_of, end))
    kept = {order.id: order for order in orders}
    made += list(_became(as_of, kept, end))
    made.sort(key=lambda one: (one.received_at, one.id))
    numbered = [
        one.model_copy(update={"id": f"d-request-{number:05d}", "number": f"R-{number:05d}"})
        for number, one in enumerate(made, 1)
    ]
    for one in numbered:
        if one.outcome_kind is OutcomeKind.ORDER and one.outcome_id:
            kept[one.outcome_id] = kept[one.outcome_id].model_copy(update={"request_id": one.id})
    return _repeated(numbered), list(kept.values())


def _poisson(rng: Random, mean: float) -> int:
    """How many in a day: tries of one in twenty."""
    return sum(rng.random() < mean / 20 for _ in range(20))


def _heard(rng: Random, day: date, ago: int, end: datetime) -> Request:
    """One request, lived to its end as far as the history goes."""
    weights = [voice.weight * (voice.rising if ago <= 90 else 1.0) for voice in VOICES]
    voice = rng.choices(VOICES, weights)[0]
    grid = rng.choices(list(GRID_WEIGHTS), list(GRID_WEIGHTS.values()))[0]
    if voice.topic is Topic.CHARGING and rng.random() < 0.4:
        grid = LAGGING_GRID
    at = local(day, rng.randrange(8, 18), rng.randrange(60))
    channels = (Channel.DESK, Channel.PHONE, Channel.DOOR, Channel.WECHAT, Channel.LABEL, Channel.LETTER)
    facts: dict[str, Any] = {
        "text": rng.choice(voice.texts),
        "category": voice.topic.value,
        "urgency": voice.urgency,
        "channel": rng.choices(channels, (34, 26, 14, 18, 6, 2))[0].value,
        "grid": grid,
        "place": rng.choice(PLACES[grid]) if rng.random() < 0.8 else None,
        "resident": f"Q-{rng.randrange(0x10000):04X}" if rng.random() < 0.55 else None,
    }
    return _lived(rng, at, facts, voice, end)


def _lived(rng: Random, at: datetime, facts: dict[str, Any], voice: Voice, end: datetime) -> Request:
    """What becomes of a request: grid 3 answers late, a bit more than half are called back."""
    grid = facts.pop("grid")
    lead, desk = NAMES[f"lead-{grid}"], NAMES["clerk"]
    due = deadline(voice.urgency, at, ZONE)
    slack = (due - at).total_seconds()
    lagging = grid == LAGGING_GRID
    base = {
        "community_id": COMMUNITY_ID,
        "number": "-",
        "grid_id": grid_id(grid),
        "received_at": at,
        "deadline_at": due,
    }
    base |= {"received_by_id": person_id("clerk"), "responsible_id": person_id(f"lead-{grid}"), **facts}
    steps = [RequestEvent(at=at, by=desk, step=Step.RECEIVED)]
    told: dict[str, Any] = {}

    def went(step: Step, after: float, by: str, note: str | None = None) -> datetime | None:
        when = steps[-1].at + timedelta(seconds=max(120.0, after))
        if when >= end:
            return None
        steps.append(RequestEvent(at=when, by=by, step=step, note=note))
        return when

    answered = went(Step.ACCEPTED, slack * rng.uniform(0.02, 0.3), lead)
    if answered:
        told |= {"status": Status.ACCEPTED, "responded_at": answered}
        luck = rng.random()
        if luck < 0.04:
            told |= _over(went(Step.DECLINED, slack * 0.2, lead, "不属于社区职责，已当面说明"), Status.DECLINED)
        elif luck < 0.09:
            told |= _over(went(Step.REFERRED, slack * 0.2, lead, "区住建局"), Status.REFERRED, referred_to="区住建局")
        else:
            told |= _answered(rng, went, slack, lagging, lead, desk, voice)
    return Request(
        **{**base, **told},
        created_at=at,
        created_by=desk,
        updated_at=steps[-1].at,
        updated_by=steps[-1].by,
        revision=len(steps),
        events=tuple(steps),
    )


def _over(when: datetime | None, status: Status, **more: Any) -> dict[str, Any]:
    return {"status": status, "ended_at": when, **more} if when else {}


def _answered(
    rng: Random, went: Any, slack: float, lagging: bool, lead: str, desk: str, voice: Voice
) -> dict[str, Any]:
    """Answered, perhaps called back, perhaps open again and answered once more."""
    answer = ANSWERS.get(voice.topic, USUAL)
    late = rng.random() < (0.24 if lagging else 0.07)
    when = went(Step.RESOLVED, slack * (rng.uniform(0.9, 1.8) if late else rng.uniform(0.1, 0.6)), lead, answer)
    if when is None:
        return {}
    told: dict[str, Any] = {"status": Status.RESOLVED, "ended_at": when, "answer": answer}
    if rng.random() > 0.5:
        return told
    if rng.random() < 0.12:
        tried = went(Step.UNREACHED, 86_400 * rng.uniform(0.5, 3), desk)
        if tried:
            told["callbacks"] = (CallBack(on=tried.astimezone(ZONE).date(), by=desk, reached=False),)
        return told
    solved = rng.random() >= voice.hard * (1.5 if lagging else 1.0)
    called = went(Step.CALLED if solved else Step.NOT_SOLVED, 86_400 * rng.uniform(0.6, 5), desk)
    if called is None:
        return told
    grades = (Satisfaction.SATISFIED, Satisfaction.BASICALLY, Satisfaction.DISSATISFIED)
    grade = rng.choices(grades, (64, 30, 6) if solved else (0, 18, 82))[0]
    on = called.astimezone(ZONE).date()
    contacted = rng.random() < 0.95
    first = CallBack(on=on, by=desk, reached=True, contacted=contacted, solved=solved, satisfaction=grade)
    told["callbacks"] = (first,)
    if solved:
        return told | {"status": Status.CLOSED, "called_on": on, "solved": True, "satisfaction": grade}
    told["reopenings"] = (Reopening(ended_at=when, reopened_at=called, late=late, not_solved=True),)
    again = went(Step.RESOLVED, slack * rng.uniform(0.3, 1.1), lead, "再次上门处理")
    if again is None:
        return told | {"status": Status.ACCEPTED, "ended_at": None}
    told |= {"ended_at": again, "answer": "再次上门处理"}
    last = went(Step.CALLED, 86_400 * rng.uniform(0.6, 5), desk) if rng.random() < 0.7 else None
    if last is None:
        return told
    day = last.astimezone(ZONE).date()
    second = CallBack(on=day, by=desk, reached=True, contacted=True, solved=True, satisfaction=Satisfaction.BASICALLY)
    told["callbacks"] = (first, second)
    return told | {"status": Status.CLOSED, "called_on": day, "solved": True, "satisfaction": second.satisfaction}


def _told(as_of: date, end: datetime) -> Iterator[Request]:
    """What a presenter can point at, always as it stands this morning."""
    told = (
        # hours ago, grid, place, text, topic, urgency, resident, status, what it became
        (
            17.0,
            "5",
            "厂区宿舍 2 栋",
            "三楼住户把电瓶车推进楼道充电，插线板冒烟",
            Topic.CHARGING,
            Urgency.LIFE,
            "Q-3F01",
            Status.RECEIVED,
            None,
        ),
        (
            40.0,
            "3",
            "幸福里 2 栋",
            "整栋楼停水，从昨天下午到现在没有恢复",
            Topic.UTILITIES,
            Urgency.UTILITY,
            "Q-3F02",
            Status.ACCEPTED,
            None,
        ),
        (
            24.0 * 12,
            "3",
            "幸福里 3 栋",
            "楼道飞线充电，反映过一次，还是没人管",
            Topic.CHARGING,
            Urgency.ORDINARY,
            "Q-3F03",
            Status.ACCEPTED,
            OutcomeKind.MEETING,
        ),
        (
            24.0 * 9,
            "3",
            "幸福里 5 栋",
            "加装充电桩的事什么时候能定下来",
            Topic.CHARGING,
            Urgency.COMPLEX,
            "Q-3F04",
            Status.ACCEPTED,
            OutcomeKind.MEETING,
        ),
        (
            24.0 * 6,
            "2",
            "滨江花园 3 栋",
            "周末想带孩子参加亲子手工，社区从来没办过",
            Topic.CHILDREN,
            Urgency.ORDINARY,
            "Q-3F05",
            Status.ACCEPTED,
            OutcomeKind.IDEA,
        ),
        (
            24.0 * 4,
            "1",
            "和苑 2 栋",
            "放学后的托管班能不能设在文化广场",
            Topic.CHILDREN,
            Urgency.ORDINARY,
            "Q-3F06",
            Status.ACCEPTED,
            OutcomeKind.IDEA,
        ),
        (
            24.0 * 3,
            "4",
            "职工新村 3 栋",
            "希望办亲子运动会，家长都愿意帮忙",
            Topic.CHILDREN,
            Urgency.ORDINARY,
            "Q-3F07",
            Status.RECEIVED,
            OutcomeKind.IDEA,
        ),
    )
    for hours, grid, place, text, topic, urgency, resident, status, kind in told:
        at = end - timedelta(hours=hours)
        yield _standing(at, grid, place, text, topic, urgency, resident, status, kind)
    for ago in (61, 44, 23):  # the same lift, the same resident
        at = local(as_of - timedelta(days=ago), 9, 20)
        voice = Voice(Topic.LIFT, 1.0, ())
        facts = {
            "text": "幸福里 6 栋电梯又停了，老人上下楼不方便",
            "category": Topic.LIFT.value,
            "urgency": Urgency.ORDINARY,
            "channel": Channel.PHONE.value,
            "grid": LAGGING_GRID,
            "place": "幸福里 6 栋",
            "resident": "Q-6D06",
        }
        yield _lived(Random(ago), at, facts, voice, end)


def _standing(
    at: datetime,
    grid: str,
    place: str,
    text: str,
    topic: Topic,
    urgency: Urgency,
    resident: str,
    status: Status,
    kind: OutcomeKind | None,
    order: WorkOrder | None = None,
) -> Request:
    lead, desk = NAMES[f"lead-{grid}"], NAMES["clerk"]
    steps = [RequestEvent(at=at, by=desk, step=Step.RECEIVED)]
    told: dict[str, Any] = {}
    if status is Status.ACCEPTED:
        steps.append(RequestEvent(at=at + timedelta(minutes=40), by=lead, step=Step.ACCEPTED))
        told["responded_at"] = steps[-1].at
    if kind is not None:
        note = order.number if order else None
        steps.append(RequestEvent(at=at + timedelta(minutes=50), by=lead, step=Step.BECAME, became=kind, note=note))
    return Request(
        community_id=COMMUNITY_ID,
        number="-",
        text=text,
        category=topic.value,
        urgency=urgency,
        channel=Channel.DESK.value,
        place=place,
        grid_id=grid_id(grid),
        resident=resident,
        status=status,
        received_at=at,
        received_by_id=person_id("clerk"),
        responsible_id=person_id(f"lead-{grid}"),
        deadline_at=deadline(urgency, at, ZONE),
        outcome_kind=kind,
        outcome_id=order.id if order else None,
        created_at=at,
        created_by=desk,
        updated_at=steps[-1].at,
        updated_by=steps[-1].by,
        revision=len(steps),
        events=tuple(steps),
        **told,
    )


def _became(as_of: date, orders: dict[str, WorkOrder], end: datetime) -> Iterator[Request]:
    """Three orders that came of a request: the loose bar, the north gate, and one that is done while the resident has
    not been told."""
    wanted = (
        (_open_danger, "体育公园的单杠松动摇晃，老人锻炼很危险", Topic.FITNESS, "体育公园", "Q-4A01"),
        (_open_gate, "北门道闸不识别车牌，早高峰排队半小时", Topic.ENTRANCE, "北门", "Q-4A02"),
        (_done_lately, "", Topic.PROPERTY, None, "Q-4A03"),
    )
    taken: set[str] = set()
    for fits, text, topic, place, resident in wanted:
        fitting = (
            o for o in orders.values() if o.id not in taken and o.grid_id and o.reported_at < end and fits(o, as_of)
        )
        order = max(fitting, key=lambda one: (one.reported_at, one.id), default=None)
        if order is None or order.grid_id is None:
            continue
        taken.add(order.id)
        at = order.reported_at - timedelta(hours=1)
        where = place or order.place or "院内"
        words = text or f"{order.description or '设施坏了'}，请派人来修"
        grid = order.grid_id.removeprefix("d-grid-")
        yield _standing(
            at, grid, where, words, topic, Urgency.ORDINARY, resident, Status.ACCEPTED, OutcomeKind.ORDER, order
        )


def _open_danger(order: WorkOrder, _as_of: date) -> bool:
    return order.dangerous and order.is_open and order.category == "fitness" and order.grid_id == grid_id(LAGGING_GRID)


def _open_gate(order: WorkOrder, _as_of: date) -> bool:
    return order.is_open and order.category == "vehicle_access" and order.grid_id == grid_id(LAGGING_GRID)


def _done_lately(order: WorkOrder, as_of: date) -> bool:
    done = order.outcome is Outcome.COMPLETED and order.status in (OrderStatus.DONE, OrderStatus.VERIFIED)
    lately = order.ended_at is not None and (as_of - order.ended_at.astimezone(ZONE).date()).days < 60
    return done and lately and order.category in ("property", "other", "sanitation", "personnel_access")


def _repeated(requests: Sequence[Request]) -> list[Request]:
    """Each with the one it repeats, as the desk would find it."""
    last: dict[tuple[str, str], Request] = {}
    found = []
    for one in requests:
        keys = [(key, one.category) for key in (one.resident, "".join((one.place or "").split())) if key]
        before = [last[key] for key in keys if key in last]
        lately = [each for each in before if (one.received_at - each.received_at).days < REPEAT_DAYS]
        latest = max(lately, key=lambda each: each.received_at, default=None)
        found.append(one.model_copy(update={"repeat_of": latest.id if latest else None}))
        last |= dict.fromkeys(keys, one)
    return found
