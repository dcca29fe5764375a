"""The stationed organisations (辖区单位) and what is done together: source document, sections 2.1 and 3.2.

The document names six public bodies and three of nine enterprises; what they offer, need and do here is invented. The
story is its complaint: goals, tasks and duties are unclear, so few take part. 养老院 and 泸天化 carry the lunch
project, which is clear and on plan; 企地共建文明小区 has neither target nor duties, is overdue and stands still. Most
of the enterprises have been silent for long or for ever, money is needed most and offered least.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from repository.activities import Activity, ActivityStatus, Format
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
from seed.community import STATIONED
from seed.estate import COMMUNITY_ID, NAMES, grid_id, person_id
from seed.history import local

NOTE = "演示数据：资源、需求、协议和参与情况均为虚构。"
_AT = (  # by place in STATIONED: grid, agreement signed and ending so many days from today (None: none), staff if known
    ("1", -500, 420, None), ("1", -480, 250, None), ("1", None, None, None), ("1", -390, 150, None),
    ("2", -390, -25, None), ("4", -325, 40, None),
    ("5", -600, 300, None), ("2", -700, -120, None), ("5", None, None, None),
    ("5", -200, 165, 320), ("2", None, None, 85), ("2", None, None, 140), ("5", None, None, 60), ("4", None, None, 210),
    ("3", None, None, 45),
)  # fmt: skip


def _id(name: str) -> str:
    """An organisation's id by the first letters of its name."""
    return next(f"d-org-{n}" for n, unit in enumerate(STATIONED, 1) if unit.name.startswith(name))


_RESOURCES = (
    ("泸天化", GiftKind.VENUE, "职工俱乐部礼堂", 300, "座", "周末及工作日晚间", "提前一周预约，自行保洁"),
    ("泸天化", GiftKind.PEOPLE, "青年志愿服务队", 25, "人", "周末", None),
    ("七化建", GiftKind.SKILLS, "电工焊工维修志愿队", 8, "人", "周六", "材料由社区准备"),
    ("西研院", GiftKind.VENUE, "科普展厅开放日", 60, "人次", "每月第一个周六", None),
    ("邮政银行", GiftKind.SKILLS, "反诈与理财知识宣讲", 4, "人", "工作日", None),
    ("养老院", GiftKind.VENUE, "老年助餐厨房和餐厅", 80, "份/日", "每日 11:00–13:00", "需办理食品安全备案"),
    ("养老院", GiftKind.SKILLS, "老年人健康评估", 3, "人", "周三下午", None),
    ("区委编办", GiftKind.PEOPLE, "机关青年志愿者", 12, "人", "周末", None),
    ("区委", GiftKind.VENUE, "机关会议室", 2, "间", "工作日晚间", "用于议事协商"),
    ("区政府", GiftKind.PEOPLE, "政务服务下沉人员", 3, "人", "每周二", None),
    ("安富机械厂", GiftKind.EQUIPMENT, "登高车和机修工具", 1, "套", "提前三天联系", "由厂方人员操作"),
    ("永丰建材", GiftKind.EQUIPMENT, "砂石水泥", 5, "吨", None, "自提"),
)

_OPEN = (
    # what, kind, whose (organisation, or a grid, or None for all), days ago, needed in so many days, quantity, unit
    ("北门道闸智能化改造经费", GiftKind.MONEY, None, "3", 210, -30, 60_000, "元"),
    ("体育公园老旧健身器材更换经费", GiftKind.MONEY, None, "3", 135, -15, 40_000, "元"),
    ("3 号网格老人就近助餐场地", GiftKind.VENUE, None, "3", 96, -6, 40, "份/日"),
    ("青少年暑期托管志愿者", GiftKind.PEOPLE, None, "5", 48, 60, 10, "人"),
    ("幸福里楼道照明检修电工", GiftKind.SKILLS, None, "3", 20, 15, 4, "人"),
    ("退休职工体检场地", GiftKind.VENUE, "七化建", None, 33, 30, 1, "处"),
    ("招工信息在社区发布", GiftKind.OTHER, "锦程商贸", None, 64, None, None, None),
)
_TAKEN_ON = (
    # what, kind, whose, grid, days ago: listed, matched, met (None: not yet), helper, its resource or None, project
    ("社区文艺演出场地", GiftKind.VENUE, None, None, 340, 330, 310, "泸天化", "职工俱乐部礼堂", None),
    ("爱心超市理货志愿者", GiftKind.PEOPLE, None, None, 300, 280, 240, "区委编办", "机关青年志愿者", "market"),
    ("防诈骗讲师", GiftKind.SKILLS, None, None, 190, 170, 80, "邮政银行", "反诈与理财知识宣讲", "fraud"),
    ("职工新村楼道灯更换材料", GiftKind.EQUIPMENT, None, "4", 260, 225, 150, "永丰建材", "砂石水泥", "lamps"),
    ("高龄老人健康评估", GiftKind.SKILLS, None, "4", 120, 105, 70, "养老院", "老年人健康评估", None),
    ("议事协商会场地", GiftKind.VENUE, None, "1", 75, 60, 22, "区委", "机关会议室", None),
    ("孤寡老人上门维修", GiftKind.SKILLS, None, "2", 55, 40, None, "七化建", "电工焊工维修志愿队", None),
    ("高龄老人午餐", GiftKind.VENUE, None, "4", 160, 140, None, "养老院", "老年助餐厨房和餐厅", "lunch"),
    ("政务代办进小区", GiftKind.PEOPLE, None, "2", 30, 12, None, "区政府", "政务服务下沉人员", None),
)


@dataclass(frozen=True)
class _Task:
    name: str
    duty: str | None
    unit: str | None
    person: str | None
    weight: float | None
    first: int
    due: int | None
    steps: tuple[tuple[int, int], ...] = ()
    """Days ago and progress."""


@dataclass(frozen=True)
class _Plan:
    """A project by days from today (negative: ago)."""

    name: str
    state: ProjectState
    first: int | None
    due: int | None
    ended: int | None
    lead: str | None
    unit: str | None
    others: tuple[str, ...]
    goal: str | None = None
    target: tuple[str, float, str] | None = None
    result: tuple[str, float, int] | None = None
    reason: str | None = None
    grid: str | None = None
    tasks: tuple[_Task, ...] = ()
    milestones: tuple[tuple[str, int, int | None], ...] = ()


_PROJECTS = {
    "market": _Plan(
        "爱心超市共建", ProjectState.DONE, -290, -200, -205, "activities", "区委编办", ("泸天化",),
        "爱心超市货架常满，志愿积分换得到日用品", ("每月兑换居民", 80, "人"),
        ("每周六有志愿者理货，积分兑换从每月 31 人增加到 92 人。", 92, 92),
        tasks=(
            _Task("理货排班", "每周六上午两名志愿者到岗", "区委编办", None, 2, -285, -210, ((-250, 50), (-212, 100))),
            _Task("募集日用品", "每季度一批，不少于 200 件", "泸天化", None, 1, -280, -205, ((-240, 60), (-207, 100))),
        ),
    ),
    "lamps": _Plan(
        "职工新村楼道照明改造", ProjectState.DONE, -220, -160, -140, "facilities", "永丰建材", ("七化建",),
        "职工新村 12 个单元夜里看得见路", ("改造单元", 12, "个"),
        ("12 个单元全部换成声控灯；材料晚到二十天。", 12, 1_380), grid="4",
        tasks=(
            _Task("供应灯具和管线", "按清单送到各单元", "永丰建材", None, 1, -215, -185, ((-190, 40), (-166, 100))),
            _Task("安装", "周六施工，两人一组", "七化建", None, 2, -185, -160, ((-165, 30), (-141, 100))),
        ),
    ),
    "fraud": _Plan(
        "反诈宣传进楼栋", ProjectState.DONE, -150, -30, -34, "activities", "邮政银行", ("区政府",),
        "老人接到诈骗电话知道挂断并告诉网格员", ("走到楼栋", 60, "栋"),
        ("走了 64 栋，发放提示卡 1,900 张；上季度上当 0 起。", 64, 1_900),
        tasks=(
            _Task("讲师培训", "培训楼栋长 30 名", "邮政银行", None, 1, -148, -110, ((-112, 100),)),
            _Task("入户宣传", "每周不少于四栋", None, "lead-2", 3, -110, -35, ((-80, 45), (-50, 80), (-36, 100))),
        ),
    ),
    "lunch": _Plan(
        "长者助餐点", ProjectState.RUNNING, -120, 90, None, "secretary", "养老院", ("泸天化", "区委编办"),
        "独居和高龄老人每天吃得上热饭", ("每日就餐老人", 60, "人"), grid="4",
        tasks=(
            _Task("厨房备案和设备检修", "办妥备案，检修排烟", "养老院", None, 2, -118, -70, ((-95, 60), (-72, 100))),
            _Task("摸清用餐名单", "五个网格逐户核对，只记代码", None, "lead-4", 1, -110, -60, ((-80, 70), (-58, 100))),
            _Task("送餐志愿排班", "工作日每天三人，周末四人", "泸天化", None, 2, -70, 30, ((-40, 40), (-12, 75))),
            _Task("志愿者健康证", "二十人办齐健康证", "泸天化", None, 1, -60, -15, ((-20, 100),)),
            _Task("试运营", "每天 20 份起，一个月", "养老院", None, 3, -30, 45, ((-8, 40),)),
            _Task("正式开餐", "每天 60 份，公布菜谱和价格", "养老院", None, 4, 30, 85),
        ),
        milestones=(("备案完成", -70, -72), ("试运营开始", -25, -22), ("正式开餐", 60, None)),
    ),
    "fire": _Plan(
        "幸福里消防联防", ProjectState.RUNNING, -100, 40, None, "lead-3", "安富机械厂", ("区政府", "七化建"),
        "幸福里楼道无杂物，消防通道全天畅通", ("清理楼道", 18, "个单元"), grid="3",
        tasks=(
            _Task("清理楼道杂物", "逐单元清理并拍照", None, "lead-3", 2, -95, -20, ((-60, 30), (-25, 45))),
            _Task("登高车配合检查外墙线路", "每月两次，厂方人员操作", "安富机械厂", None, 1, -90, -10),
            _Task("更换灭火器", "过期的全部更换，登记台账", "七化建", None, 1, -60, 30, ((-15, 20),)),
        ),
        milestones=(("首轮清理完成", -30, None),),
    ),
    "civil": _Plan(
        "企地共建文明小区", ProjectState.RUNNING, -330, -40, None, None, None, ("泸天化", "西研院", "江畔酒业"),
        "营造良好氛围，推动共建共治",
        tasks=(
            _Task("开展共建活动", None, None, None, None, -320, None, ((-280, 20),)),
            _Task("宣传动员", None, "西研院", None, None, -320, None),
        ),
    ),
    "gym": _Plan("健身器材更换共建", ProjectState.PLANNED, None, None, None, "facilities", None, ()),
    "parking": _Plan(
        "厂区宿舍错时停车", ProjectState.STOPPED, -260, -150, -190, "lead-5", "南溪物流", (),
        "夜间 40 个车位向居民开放", ("开放车位", 40, "个"),
        reason="厂区安全管理要求变化，夜间不再对外开放。", grid="5",
        tasks=(_Task("车位划线和登记", "登记车牌，发放临时证", "南溪物流", None, None, -255, -200, ((-230, 30),)),),
    ),
}  # fmt: skip
_CONTACTED = (("云溪电子", 150), ("锦程商贸", 64), ("江畔酒业", 240), ("南溪物流", 200), ("审计局", 45))
_MEETINGS = (
    ("区委", (335, 245, 150, 58)),
    ("区政府", (335, 150, 58)),
    ("泸天化", (335, 245, 150)),
    ("西研院", (300,)),
)
_HOSTS = (("养老院", Format.CLINIC), ("泸天化", Format.PERFORMANCE), ("邮政银行", Format.LECTURE))


@dataclass
class Partners:
    """All of it."""

    organizations: list[Organization] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    tasks: list[ProjectTask] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    engagements: list[Engagement] = field(default_factory=list)


def partners(as_of: date, held: Sequence[Activity]) -> Partners:
    """Everything up to ``as_of``; ``held`` are the activities, some of which an organisation held with the
    community."""
    made = Partners(list(organizations(as_of)))
    for number, (unit, kind, what, much, unit_of, when, on) in enumerate(_RESOURCES, 1):
        made.resources.append(
            Resource(
                id=f"d-resource-{number}", community_id=COMMUNITY_ID, organization_id=_id(unit), kind=kind, what=what,
                quantity=much, unit=unit_of, available=when, conditions=on, since=as_of - timedelta(days=360),
            )
        )  # fmt: skip
    for key, plan in _PROJECTS.items():
        _project(made, key, plan, as_of)
    made.needs = list(_needs(as_of, made.resources))
    made.engagements = list(_engagements(as_of, made, held))
    return made


def organizations(as_of: date) -> Iterator[Organization]:
    """The fifteen of section 2.1."""
    for number, (unit, (grid, signed, ends, staff)) in enumerate(zip(STATIONED, _AT, strict=True), 1):
        yield Organization(
            id=f"d-org-{number}",
            community_id=COMMUNITY_ID,
            name=unit.name,
            kind=OrganizationKind.PUBLIC_BODY if unit.public_body else OrganizationKind.ENTERPRISE,
            staff=staff,
            grid_id=grid_id(grid),
            liaison_id=person_id(f"contact-{number}"),
            agreement_from=None if signed is None else as_of + timedelta(days=signed),
            agreement_until=None if ends is None else as_of + timedelta(days=ends),
            agreement_file=None if signed is None else f"共建协议 {number:02d} 号（虚构），党建办",
            remark=NOTE,
        )


def _ago(as_of: date, days: int) -> date:
    return as_of - timedelta(days=days)


def _told(as_of: date, days: int, step: NeedStep, by: str) -> NeedEvent:
    return NeedEvent(at=local(_ago(as_of, days), 10), by=NAMES[by], step=step)


def _stamp(first: datetime, last: datetime, revision: int) -> dict[str, object]:
    by = NAMES["activities"]
    return {"created_at": first, "created_by": by, "updated_at": last, "updated_by": by, "revision": revision}


def _needs(as_of: date, resources: Sequence[Resource]) -> Iterator[Need]:
    offered = {one.what: one for one in resources}
    for number, (what, kind, whose, grid, ago, due, much, unit) in enumerate(_OPEN, 1):
        events = (_told(as_of, ago, NeedStep.LISTED, "activities"),)
        yield Need(
            id=f"d-need-{number}", community_id=COMMUNITY_ID, what=what, kind=kind,
            organization_id=_id(whose) if whose else None, grid_id=grid_id(grid) if grid else None, quantity=much,
            unit=unit, listed_on=_ago(as_of, ago), due_on=None if due is None else as_of + timedelta(days=due),
            events=events, **_stamp(events[0].at, events[-1].at, 1),
        )  # fmt: skip
    for number, (what, kind, whose, grid, ago, matched, met, helper, of, project) in enumerate(_TAKEN_ON, 51):
        told = [_told(as_of, ago, NeedStep.LISTED, "activities"), _told(as_of, matched, NeedStep.MATCHED, "secretary")]
        told += [] if met is None else [_told(as_of, met, NeedStep.MET, "activities")]
        yield Need(
            id=f"d-need-{number}", community_id=COMMUNITY_ID, what=what, kind=kind,
            organization_id=_id(whose) if whose else None, grid_id=grid_id(grid) if grid else None,
            listed_on=_ago(as_of, ago), state=NeedState.MATCHED if met is None else NeedState.MET,
            helper_id=_id(helper), resource_id=offered[of].id, matched_on=_ago(as_of, matched),
            met_on=None if met is None else _ago(as_of, met), project_id=f"d-project-{project}" if project else None,
            events=tuple(told), **_stamp(told[0].at, told[-1].at, len(told)),
        )  # fmt: skip


def _project(made: Partners, key: str, plan: _Plan, as_of: date) -> None:
    def day(offset: int | None) -> date | None:
        return None if offset is None else as_of + timedelta(days=offset)

    def event(offset: int, step: ProjectStep, note: str | None = None) -> ProjectEvent:
        return ProjectEvent(at=local(as_of + timedelta(days=offset), 9), by=NAMES["secretary"], step=step, note=note)

    began = plan.first if plan.first is not None else -25
    events = [event(began - 10, ProjectStep.ENTERED)]
    if plan.state is not ProjectState.PLANNED:
        events.append(event(began, ProjectStep.STARTED))
    if plan.ended is not None:
        over = ProjectStep.FINISHED if plan.state is ProjectState.DONE else ProjectStep.STOPPED
        events.append(event(plan.ended, over, plan.reason))
    measure, target, unit = plan.target or (None, None, None)
    result, achieved, reached = plan.result or (None, None, None)
    id = f"d-project-{key}"
    made.projects.append(
        Project(
            id=id, community_id=COMMUNITY_ID, name=plan.name, goal=plan.goal, measure=measure, target=target,
            target_unit=unit, lead_id=person_id(plan.lead) if plan.lead else None,
            organization_id=_id(plan.unit) if plan.unit else None, participants=tuple(_id(one) for one in plan.others),
            grid_id=grid_id(plan.grid) if plan.grid else None, starts_on=day(plan.first), due_on=day(plan.due),
            state=plan.state, ended_on=day(plan.ended), reason=plan.reason, result=result, achieved=achieved,
            residents_reached=reached, events=tuple(events), **_stamp(events[0].at, events[-1].at, len(events)),
        )
    )  # fmt: skip
    first = events[0].at
    for number, task in enumerate(plan.tasks, 1):
        who = task.person or "activities"
        steps = tuple(TaskStep(on=as_of + timedelta(days=on), by=NAMES[who], progress=far) for on, far in task.steps)
        last = steps[-1] if steps else None
        made.tasks.append(
            ProjectTask(
                id=f"{id}-{number}", community_id=COMMUNITY_ID, project_id=id, name=task.name, duty=task.duty,
                organization_id=_id(task.unit) if task.unit else None,
                person_id=person_id(task.person) if task.person else None, weight=task.weight,
                starts_on=day(task.first), due_on=day(task.due), steps=steps, progress=last.progress if last else 0,
                done_on=last.on if last and last.progress == 100 else None,
                **_stamp(first, local(last.on, 16) if last else first, 1 + len(steps)),
            )
        )  # fmt: skip
    for number, (name, due, reached_on) in enumerate(plan.milestones, 1):
        made.milestones.append(
            Milestone(
                id=f"{id}-m{number}", community_id=COMMUNITY_ID, project_id=id, name=name,
                due_on=as_of + timedelta(days=due), reached_on=day(reached_on), **_stamp(first, first, 1),
            )
        )  # fmt: skip


def _engagements(as_of: date, made: Partners, held: Sequence[Activity]) -> Iterator[Engagement]:
    """As the commands would have noted them, and what somebody entered by hand."""
    number = 0

    def part(organization: str, way: Way, what: str, on: date, **of: str) -> Engagement:
        nonlocal number
        number += 1
        at = local(on, 17)
        return Engagement(
            id=f"d-part-{number:03d}", community_id=COMMUNITY_ID, organization_id=organization, way=way, what=what,
            on=on, **of, **_stamp(at, at, 1),
        )  # fmt: skip

    for need in made.needs:
        if need.met_on is not None and need.helper_id is not None:
            yield part(need.helper_id, Way.NEED, need.what, need.met_on, need_id=need.id)
    named = {one.id: one.name for one in made.projects}
    for task in made.tasks:
        if task.organization_id is not None:
            what = f"{named[task.project_id]}：{task.name}"
            for step in task.steps:
                yield part(task.organization_id, Way.PROJECT, what, step.on, project_id=task.project_id)
    for one in made.projects:
        if one.state is ProjectState.DONE and one.ended_on is not None:
            for each in dict.fromkeys((one.organization_id, *one.participants)):
                if each is not None:
                    yield part(each, Way.PROJECT, one.name, one.ended_on, project_id=one.id)
    for unit, form in _HOSTS:
        alike = [one for one in held if one.format == form and one.status is ActivityStatus.HELD]
        for activity in [each for each in alike if (as_of - each.held_on).days < 330][::3]:
            yield part(_id(unit), Way.HOSTED, activity.name, activity.held_on, activity_id=activity.id)
    for unit, days in _MEETINGS:
        for ago in days:
            yield part(_id(unit), Way.MEETING, "共建联席会议", _ago(as_of, ago))
    for unit, ago in _CONTACTED:
        yield part(_id(unit), Way.CONTACT, "上门走访，介绍需求清单", _ago(as_of, ago))
