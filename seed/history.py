"""Three years of work orders that tell what the source document says of the facilities (section 3.1).

Every order lives by the same rules; whatever would happen after the end of the history hasn't happened yet, and so the
open orders, the backlog and what is overdue follow from the lives and are never set by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TypeVar

from repository.facilities import ConditionEntry, Facility, FacilityKind, ServiceStatus
from repository.grids import Community
from repository.maintenance import (
    OPEN,
    SERVICE_LEVELS,
    Event,
    Fault,
    Outcome,
    Priority,
    Reopening,
    Repairs,
    Source,
    Status,
    WorkCategory,
    WorkOrder,
    promised,
)
from repository.worktime import Worktime
from seed.community import GRID_PLANS
from seed.estate import COMMUNITY_ID, COMPANY_OF, HE_SHUN, NAMES, ZONE, Standing, grid_id, person_id

T = TypeVar("T")
WORKTIME = Worktime(ZONE, Community.model_fields["working_hours"].default)
ANSWERS = (Status.ACCEPTED, Status.ASSIGNED, Status.IN_PROGRESS, Status.DONE, Status.REJECTED)
YEARS = 3
STRAIN_DAYS = 95  # how long ago the backlog began to grow
LAGGING_GRID = "3"

_PER_WEEK = 8.6
_PRIORITIES = ((Priority.URGENT, 14), (Priority.NORMAL, 54), (Priority.LOW, 32))
_SOURCES = ((Source.RESIDENT, 46), (Source.PHONE, 18), (Source.PATROL, 22), (Source.INSPECTION, 9), (Source.STAFF, 5))
_GRID_WEIGHTS = {"1": 0.9, "2": 1.0, LAGGING_GRID: 1.5, "4": 0.95, "5": 0.9}
_HOLDS = ("等配件", "等厂家上门", "等物业公司报价", "待街道审批经费")


@dataclass(frozen=True)
class Kind:
    """How one category of work behaves: its share of all orders, the median hours to mend a normal one, typical hours
    of work and cost in yuan, and what people say is wrong."""

    category: WorkCategory
    share: float
    median_hours: float
    work_hours: float
    yuan: float
    faults: tuple[tuple[Fault, str], ...]


_KINDS = (
    Kind(
        WorkCategory.PROPERTY,
        0.31,
        40,
        4.0,
        420,
        (
            (Fault.DEAD, "灯不亮"),
            (Fault.DEAD, "停运，按键没反应"),
            (Fault.LEAK, "接口漏水"),
            (Fault.LEAK, "污水外溢"),
            (Fault.NOISE, "运行异响"),
            (Fault.BROKEN, "外壳破损"),
            (Fault.ELECTRIC, "线头外露，疑似漏电"),
        ),
    ),
    Kind(
        WorkCategory.FITNESS,
        0.24,
        36,
        2.5,
        180,
        (
            (Fault.LOOSE, "底座松动"),
            (Fault.LOOSE, "螺丝缺失，晃动"),
            (Fault.NOISE, "轴承异响"),
            (Fault.BROKEN, "踏板断裂"),
            (Fault.BROKEN, "把手开裂"),
            (Fault.DEAD, "卡死，转不动"),
        ),
    ),
    Kind(
        WorkCategory.VEHICLE,
        0.11,
        34,
        3.0,
        350,
        (
            (Fault.DEAD, "不识别车牌"),
            (Fault.DEAD, "不抬杆"),
            (Fault.BROKEN, "栏杆被撞断"),
            (Fault.NOISE, "电机异响"),
        ),
    ),
    Kind(
        WorkCategory.PERSONNEL,
        0.09,
        30,
        2.0,
        160,
        ((Fault.DEAD, "刷卡没反应"), (Fault.BROKEN, "门锁损坏，关不上"), (Fault.OTHER, "登记簿缺页，访客没登记")),
    ),
    Kind(
        WorkCategory.SANITATION,
        0.15,
        12,
        1.5,
        60,
        ((Fault.OTHER, "垃圾堆放未清运"), (Fault.OTHER, "楼道堆物"), (Fault.LEAK, "下水道返臭、积水")),
    ),
    Kind(
        WorkCategory.OTHER,
        0.10,
        26,
        2.0,
        90,
        ((Fault.BROKEN, "路面坑洼"), (Fault.BROKEN, "宣传栏玻璃破碎"), (Fault.OTHER, "树枝遮挡路灯")),
    ),
)
_TURNS = ((Fault.NOISE, "轴承异响"), (Fault.DEAD, "卡死，转不动"), (Fault.LOOSE, "底座松动"))
_OF_KIND: Mapping[str, tuple[tuple[Fault, str], ...]] = {
    FacilityKind.LIGHTING: (
        (Fault.DEAD, "灯不亮"),
        (Fault.BROKEN, "灯罩破损"),
        (Fault.LOOSE, "灯杆松动"),
        (Fault.ELECTRIC, "线头外露，疑似漏电"),
    ),
    FacilityKind.LIFT: (
        (Fault.DEAD, "停运，按键没反应"),
        (Fault.NOISE, "运行异响"),
        (Fault.BROKEN, "按键面板破损"),
    ),
    FacilityKind.PUMP: (
        (Fault.LEAK, "接口漏水"),
        (Fault.NOISE, "运行异响"),
        (Fault.DEAD, "水泵不启动"),
        (Fault.ELECTRIC, "线头外露，疑似漏电"),
    ),
    FacilityKind.DRAIN: ((Fault.LEAK, "污水外溢"), (Fault.BROKEN, "井盖破损"), (Fault.OTHER, "管道堵塞")),
    FacilityKind.WASTE: ((Fault.BROKEN, "箱体破损"), (Fault.LOOSE, "投放门松脱"), (Fault.OTHER, "满溢未清")),
    FacilityKind.BAR: ((Fault.LOOSE, "立柱松动"), (Fault.BROKEN, "横杠锈裂")),
    FacilityKind.TABLE_TENNIS: ((Fault.LOOSE, "网架松动"), (Fault.BROKEN, "台面开裂")),
    FacilityKind.TWISTER: (*_TURNS, (Fault.BROKEN, "转盘开裂")),
    FacilityKind.SHOULDER: (*_TURNS, (Fault.BROKEN, "把手开裂")),
    FacilityKind.DOOR: ((Fault.DEAD, "刷卡没反应"), (Fault.BROKEN, "门锁损坏，关不上")),
    FacilityKind.BOOTH: ((Fault.OTHER, "登记簿缺页，访客没登记"), (Fault.BROKEN, "登记台破损")),
}
"""What can be wrong with a facility of this kind; with others anything of their category."""
_BY_CATEGORY = {kind.category.value: kind for kind in _KINDS}


@dataclass
class _Case:
    """A fault on its way to becoming a work order."""

    at: datetime
    grid: str
    kind: Kind
    fault: Fault
    words: str
    priority: Priority
    source: Source
    standing: Standing | None = None
    place: str | None = None
    dangerous: bool = False
    due: datetime | None = None
    estimate: float | None = None
    assignee: str = "repairer"
    steps: list[Event] = field(default_factory=list)
    outcome_if_closed: Outcome = Outcome.COMPLETED
    cost_cents: int = 0
    hours: float = 0.0

    def step(self, at: datetime, status: Status, by: str, note: str | None = None) -> datetime:
        """Add a step; one that would come before the last comes a minute after it. Returns when."""
        if self.steps:
            at = max(at, self.steps[-1].at + timedelta(minutes=1))
        self.steps.append(Event(at=at, by=by, status=status, note=note))
        return at


def local(day: date, hour: int, minute: int = 0) -> datetime:
    """A wall-clock time in the community, in UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def end_of_history(as_of: date) -> datetime:
    """The morning of ``as_of``, before the day's work: nothing has happened after it."""
    return local(as_of, 7, 30)


def work_orders(as_of: date, standing: Sequence[Standing], rng: Random) -> list[WorkOrder]:
    """All orders up to the end of the history, oldest first, numbered in that order."""
    end = end_of_history(as_of)
    cases = [*_everyday(as_of, standing, rng), *_threads(as_of, {one.record.name: one for one in standing})]
    cases = sorted((case for case in cases if case.at < end), key=lambda case: (case.at, case.words))
    return [_order(number, case, end) for number, case in enumerate(cases, 1)]


def with_repeats(orders: Sequence[WorkOrder]) -> list[WorkOrder]:
    """What did not last is marked, as logging the second report does."""
    repairs, told = Repairs(), [order.to_document() for order in orders]
    for document in told:
        repairs.add(document)
    return [
        order.model_copy(update={"repeat_of": repairs.before(document)})
        for order, document in zip(orders, told, strict=True)
    ]


def out_of_order(standing: Sequence[Standing], orders: Sequence[WorkOrder]) -> list[Facility]:
    """The facilities, out of order where a dangerous fault is still open, as entering such a fault makes them."""
    dangers = {order.facility_id: order for order in orders if order.dangerous and order.status in OPEN}
    found = []
    for one in standing:
        record, danger = one.record, dangers.get(one.record.id)
        if danger is not None and record.status is ServiceStatus.IN_SERVICE:
            entry = ConditionEntry(
                at=danger.reported_at,
                by=danger.events[0].by,
                condition=record.condition,
                status=ServiceStatus.OUT_OF_ORDER,
                note=danger.description,
                order_id=danger.id,
            )
            history = sorted((*record.condition_history, entry), key=lambda past: past.at)
            update = {"status": ServiceStatus.OUT_OF_ORDER, "condition_history": tuple(history)}
            record = record.model_copy(update=update)
        found.append(record)
    return found


# --- everyday life ---------------------------------------------------------------------------------------------------
def _everyday(as_of: date, standing: Sequence[Standing], rng: Random) -> Iterator[_Case]:
    steady = _Steady()
    for age in range(365 * YEARS, -1, -1):
        day = as_of - timedelta(days=age)
        strain = max(0.0, 1 - age / STRAIN_DAYS)  # 0 before the last months, 1 at the end
        rate = _PER_WEEK / 7 * (1 - 0.1 * age / (365 * YEARS)) * (1 + 0.8 * strain)
        rate *= 0.7 if day.weekday() >= 5 else 1.12
        for _ in range(steady.whole("reports", rate)):
            yield _case(rng, day, strain, standing, steady)


def _case(rng: Random, day: date, strain: float, standing: Sequence[Standing], steady: "_Steady") -> _Case:
    grid = _pick(rng, tuple(_GRID_WEIGHTS.items()))
    kind = _pick(rng, tuple((kind, kind.share) for kind in _KINDS))
    there = [
        one
        for one in standing
        if one.grid == grid
        and one.record.category.value == kind.category.value
        and (one.record.installed_on or day) <= day
        and (one.gone_after is None or day <= one.gone_after)
    ]
    thing = _pick(rng, tuple((one, _wear(one, day)) for one in there)) if there else None
    fault, words = _fitting(thing, *rng.choice(kind.faults))
    priority = _pick(rng, _PRIORITIES)
    dangerous = fault is Fault.ELECTRIC or (priority is Priority.URGENT and rng.random() < 0.25)
    place = None
    if thing is None:
        plan = next(plan for plan in GRID_PLANS if plan.code == grid)
        place = f"{rng.choice(plan.sites)}{rng.choice(('东侧', '西侧', '入口', '楼下', '旁边'))}"
    case = _Case(
        at=local(day, int(rng.triangular(7, 21, 9)), rng.randrange(60)),
        grid=grid,
        kind=kind,
        fault=fault,
        words=words,
        priority=Priority.URGENT if dangerous else priority,
        source=_pick(rng, _SOURCES),
        standing=thing,
        place=place,
        dangerous=dangerous,
        assignee=_assignee(kind, thing, fault),
        hours=round(max(0.5, rng.lognormvariate(0, 0.5) * kind.work_hours) * 2) / 2,
    )
    case.estimate = None if rng.random() < 0.08 else max(0.5, round(case.hours * rng.uniform(0.7, 1.3) * 2) / 2)
    case.cost_cents = round(rng.lognormvariate(0, 0.8) * kind.yuan) * 100
    case.due = None if steady.whole("no due", 0.02) else _due(case.at, case.priority)
    _live(rng, case, strain, steady)
    return case


def _fitting(thing: Standing | None, fault: Fault, words: str) -> tuple[Fault, str]:
    """The same fault as it is on this thing, or another that it can have."""
    known = _OF_KIND.get(thing.record.kind or "", ()) if thing else ()
    if not known or (fault, words) in known:
        return fault, words
    return next((one for one in known if one[0] is fault), known[len(words) % len(known)])


def _due(at: datetime, priority: Priority) -> datetime:
    """By when the community promises to have it mended."""
    return promised(SERVICE_LEVELS[priority], WORKTIME, at)[1]


def _wear(one: Standing, day: date) -> float:
    """How much likelier this thing is to break than one in good order: by condition, and by age past its life."""
    record = one.record
    condition = int(record.condition.value) if record.condition else 3
    age = (day - record.installed_on).days / 365 if record.installed_on else 5
    return (0.25, 0.6, 1.0, 1.8, 2.6)[condition - 1] * (1.5 if age > (record.service_life_years or 8) else 1.0)


def _assignee(kind: Kind, thing: Standing | None, fault: Fault) -> str:
    if thing is not None and thing.record.kind == "lift":
        return "lifts"
    if kind.category is WorkCategory.PROPERTY and thing is not None and thing.record.details is not None:
        company = getattr(thing.record.details, "company", None)
        if company:
            return "he-shun" if company == HE_SHUN else "an-fu"
    if fault in (Fault.ELECTRIC, Fault.DEAD):
        return "electrician"
    return "repairer"


def _live(rng: Random, case: _Case, strain: float, steady: "_Steady") -> None:
    """The whole life of an order, as it would go if there were no end of the history."""
    lagging = case.grid == LAGGING_GRID
    lead = NAMES[f"lead-{case.grid}"]
    keeper, worker = NAMES["facilities"], NAMES[case.assignee]
    reporter = {Source.PATROL: f"{lead}", Source.INSPECTION: keeper, Source.STAFF: NAMES["clerk"]}.get(
        case.source, "居民"
    )
    case.step(case.at, Status.REPORTED, reporter, case.words)
    answer = {Priority.URGENT: 0.6, Priority.NORMAL: 2.5, Priority.LOW: 5.0}[case.priority]
    answer *= rng.lognormvariate(0, 0.7) * (1.6 if lagging else 1.0) * (1 + (1.2 if lagging else 0.4) * strain)
    responded = _working(case.at + timedelta(hours=answer), rng, urgent=case.priority is Priority.URGENT)

    fate = rng.random()
    if fate < 0.025:
        case.step(responded, Status.REJECTED, keeper, "不属于社区维修范围，已向报修人说明")
        return
    if fate < 0.065:
        case.outcome_if_closed, note = rng.choice(
            (
                (Outcome.CANCELLED, "报修人自行解决，撤回"),
                (Outcome.DUPLICATE, "与在办工单重复，合并办理"),
                (Outcome.REFERRED, "转供电、供水单位处理"),
            )
        )
        case.step(responded, Status.CLOSED, keeper, note)
        return

    case.step(responded, Status.ACCEPTED, keeper)
    assigned = case.step(
        _working(responded + timedelta(hours=rng.uniform(0.2, 3)), rng), Status.ASSIGNED, keeper, f"派 {worker}"
    )
    hours = case.kind.median_hours * {Priority.URGENT: 0.32, Priority.NORMAL: 0.8, Priority.LOW: 1.9}[case.priority]
    hours *= rng.lognormvariate(-0.2, 0.68) * ((1.45 if lagging else 1.0) + (1.3 if lagging else 0.3) * strain)
    done = max(assigned + timedelta(hours=1), case.at + timedelta(hours=hours))
    stuck = 0.11 + (0.62 if lagging else 0.27) * min(1.0, strain * 1.6)
    if (
        case.kind.category is WorkCategory.FITNESS
        and case.standing is not None
        and _wear(case.standing, case.at.date()) > 1.5
    ):
        stuck *= 1.4  # nothing to mend it with: no parts are made for what is past its life
    if steady.whole(f"stuck {case.grid}", stuck):
        begun = _working(assigned + timedelta(hours=rng.uniform(2, 30)), rng)
        done = begun + timedelta(days=rng.uniform(14, 45) * (1 + 2.4 * min(1.0, strain * 1.6)))
        if steady.whole("on hold", 0.6):
            begun = case.step(begun, Status.IN_PROGRESS, worker)
            held = _working(begun + timedelta(hours=rng.uniform(1, 20)), rng)
            case.step(held, Status.ON_HOLD, worker, rng.choice(_HOLDS))
        elif steady.whole("begun", 0.6):  # begun and left; the rest nobody has come for yet
            case.step(begun, Status.IN_PROGRESS, worker, "已到场查看")
        if (
            case.priority is not Priority.URGENT
            and case.due is not None
            and steady.whole(f"agreed {case.grid}", 0.3 if lagging else 0.62)
        ):
            case.due = case.at + timedelta(days=rng.randrange(45, 100, 5))  # agreed with whoever reported it
        if case.steps[-1].status is not Status.IN_PROGRESS:
            case.step(_working(done - timedelta(hours=3), rng), Status.IN_PROGRESS, worker, "复工")
    elif done - assigned > timedelta(hours=6):
        case.step(_working(assigned + (done - assigned) * 0.6, rng), Status.IN_PROGRESS, worker)
    done = _finish(rng, case, max(done, case.steps[-1].at + timedelta(minutes=30)), lead)
    if rng.random() < (0.07 if case.kind.category is WorkCategory.PROPERTY else 0.03):
        back = case.step(
            _working(done + timedelta(days=rng.uniform(2, 12)), rng), Status.REOPENED, lead, "同样的问题又出现"
        )
        case.step(_working(back + timedelta(hours=rng.uniform(1, 24)), rng), Status.ASSIGNED, keeper, f"派 {worker}")
        _finish(rng, case, back + timedelta(days=rng.lognormvariate(0.8, 0.6)), lead)


def _finish(rng: Random, case: _Case, done: datetime, lead: str) -> datetime:
    """Done, verified by the grid's director, closed; returns when it stood closed."""
    done = case.step(_working(done, rng), Status.DONE, NAMES[case.assignee])
    seen = case.step(_working(done + timedelta(hours=rng.uniform(4, 60)), rng), Status.VERIFIED, lead)
    return case.step(_working(seen + timedelta(hours=rng.uniform(1, 40)), rng), Status.CLOSED, NAMES["facilities"])


# --- the threads -----------------------------------------------------------------------------------------------------
def _threads(as_of: date, standing: dict[str, Standing]) -> Iterator[_Case]:
    """The stories a presenter can point at: see ``demo``."""
    keeper = NAMES["facilities"]

    def ago(days: float) -> datetime:
        return local(as_of, 9) - timedelta(days=days)

    def case(name: str, days: float, fault: Fault, words: str, priority: Priority, assignee: str) -> _Case:
        thing = standing[name]
        made = _Case(
            at=ago(days),
            grid=thing.grid,
            kind=_BY_CATEGORY[thing.record.category.value],
            fault=fault,
            words=words,
            priority=priority,
            source=Source.RESIDENT,
            standing=thing,
            due=_due(ago(days), priority),
            estimate=4.0,
            assignee=assignee,
            hours=3.0,
            cost_cents=26_000,
        )
        made.step(made.at, Status.REPORTED, "居民", words)
        made.step(ago(days - 0.1), Status.ACCEPTED, keeper)
        made.step(ago(days - 0.2), Status.ASSIGNED, keeper, f"派 {NAMES[assignee]}")
        return made

    def ended(made: _Case, days: float) -> _Case:
        made.step(ago(days), Status.DONE, NAMES[made.assignee])
        made.step(ago(days - 1), Status.VERIFIED, NAMES[f"lead-{made.grid}"])
        made.step(ago(days - 2), Status.CLOSED, keeper)
        return made

    for days, took in ((640, 2), (410, 3), (190, 5)):
        bar = case("体育公园 3 号单杠", days, Fault.LOOSE, "立柱松动", Priority.NORMAL, "repairer")
        yield ended(bar, days - took)
    bar = case("体育公园 3 号单杠", 7, Fault.LOOSE, "立柱松动，一拉就晃，有人险些摔倒", Priority.URGENT, "maker")
    bar.dangerous = True
    bar.step(ago(6.5), Status.ON_HOLD, keeper, "超期服役，已停用，等厂家更换")
    yield bar

    for days, took in ((200, 2), (120, 4), (70, 6), (35, 8)):
        gate = case("北门道闸", days, Fault.DEAD, "不识别车牌，手工抬杆", Priority.NORMAL, "he-shun")
        yield ended(gate, days - took)
    gate = case("北门道闸", 6, Fault.DEAD, "不识别车牌，早高峰排队到路口", Priority.URGENT, "he-shun")
    gate.step(ago(5), Status.ON_HOLD, NAMES["he-shun"], "等配件：摄像头停产，等替代型号")
    yield gate

    for days, took in ((560, 2), (520, 3), (480, 2), (455, 4)):
        old = case("东门旧道闸", days, Fault.DEAD, "不抬杆", Priority.NORMAL, "electrician")
        yield ended(old, days - took)

    lift = case("幸福里 6 栋电梯", 52, Fault.DEAD, "停运，困人一次", Priority.URGENT, "lifts")
    lift.dangerous = True
    lift.step(ago(47), Status.DONE, NAMES["lifts"], "更换门机皮带")
    lift.step(ago(41), Status.REOPENED, NAMES["lead-3"], "同样的问题又出现")
    lift.step(ago(40), Status.ASSIGNED, keeper, f"派 {NAMES['lifts']}")
    lift.step(ago(33), Status.DONE, NAMES["lifts"], "调整门机参数")
    lift.step(ago(25), Status.REOPENED, NAMES["lead-3"], "第二次返工")
    lift.step(ago(24), Status.ASSIGNED, keeper, f"派 {NAMES['lifts']}")
    lift.step(ago(20), Status.ON_HOLD, NAMES["lifts"], "等物业公司付款后更换控制板")
    yield lift


# --- from a life to a record -----------------------------------------------------------------------------------------
def _order(number: int, case: _Case, end: datetime) -> WorkOrder:
    """The order as it stands at the end of the history: later steps haven't happened."""
    steps = [step for step in case.steps if step.at < end]
    outcome: Outcome | None = None
    ended: datetime | None = None
    reopenings: list[Reopening] = []
    for step in steps:
        if step.status in (Status.DONE, Status.REJECTED) or (step.status is Status.CLOSED and ended is None):
            ended = step.at
            outcome = {Status.DONE: Outcome.COMPLETED, Status.REJECTED: Outcome.REJECTED}.get(
                step.status, case.outcome_if_closed
            )
        elif step.status is Status.REOPENED and ended and outcome:
            reopenings.append(Reopening(ended_at=ended, reopened_at=step.at, outcome=outcome))
            ended = outcome = None
    worked = ended is not None and outcome is Outcome.COMPLETED
    assigned = any(step.status is Status.ASSIGNED for step in steps)
    hold = steps[-1].note if steps[-1].status is Status.ON_HOLD else None
    return WorkOrder(
        id=f"d-order-{number:05d}",
        community_id=COMMUNITY_ID,
        created_at=case.at,
        created_by=steps[0].by,
        updated_at=steps[-1].at,
        updated_by=steps[-1].by,
        revision=len(steps),
        number=f"W-{number:05d}",
        fault=case.fault,
        facility_id=case.standing.record.id if case.standing else None,
        place=case.place,
        grid_id=grid_id(case.grid),
        category=case.kind.category.value,
        priority=case.priority,
        source=case.source.value,
        dangerous=case.dangerous,
        status=steps[-1].status,
        outcome=outcome,
        reported_at=case.at,
        responded_at=next((step.at for step in steps if step.status in ANSWERS), None),
        due_at=case.due,
        ended_at=ended,
        assignee_id=person_id(case.assignee) if assigned else None,
        company_id=COMPANY_OF.get(case.assignee) if assigned else None,
        satisfaction=_satisfaction(number, case) if worked else None,
        hold_reason=hold,
        estimated_hours=case.estimate,
        actual_hours=case.hours if worked else None,
        cost_cents=case.cost_cents if worked else None,
        description=case.words,
        events=tuple(steps),
        reopenings=tuple(reopenings),
    )


def _satisfaction(number: int, case: _Case) -> int | None:
    """What every third reporter said of it: worse where it took long or came back, and of 和顺物业."""
    if number % 3:
        return None
    done = [step for step in case.steps if step.status is Status.DONE]
    days = (done[0].at - case.at).days
    lost = (days > 3) + (days > 14) + (len(done) > 1) + (case.assignee == "he-shun")
    return max(1, 5 - lost - (number % 9 == 0))


# --- chance ----------------------------------------------------------------------------------------------------------
def _pick(rng: Random, weighted: Sequence[tuple[T, float]]) -> T:
    return rng.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]


class _Steady:
    """Shares without luck: of a tenth, every tenth. The story must come out the same on any day."""

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}

    def whole(self, name: str, amount: float) -> int:
        """How many whole ones are due once ``amount`` more is owed."""
        owed = self._owed.get(name, 0.5) + amount
        self._owed[name] = owed - int(owed)
        return int(owed)


def _working(at: datetime, rng: Random, *, urgent: bool = False) -> datetime:
    """The moment itself if people are at work (8 to 18; urgent 7 to 22), else soon after they begin again."""
    opens, shuts = (7, 22) if urgent else (8, 18)
    here = at.astimezone(ZONE)
    if opens <= here.hour < shuts:
        return here.replace(second=0, microsecond=0).astimezone(UTC)
    day = here.date() if here.hour < opens else here.date() + timedelta(days=1)
    return local(day, opens, rng.randrange(1, 59))
