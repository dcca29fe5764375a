"""Who works in D community and what stands there: people, grids, posts, facilities.

The number of grids, directors and group leaders is the source document's (see ``community``); every person's name, and
every facility, is invented. A person's employer or job says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from repository.facilities import (
    Category,
    Condition,
    ConditionEntry,
    Control,
    Facility,
    FacilityKind,
    FitnessDetails,
    PersonnelDetails,
    PlannedReplacement,
    PropertyDetails,
    ServiceStatus,
    VehicleDetails,
    end_of_life,
)
from repository.grids import Grid, Point, Post, Tenure, Tier
from repository.organizations import Organization, OrganizationKind
from repository.people import Person, PersonKind
from seed.community import (
    GRID_PLANS,
    GROUP_LEADERS_PER_GRID,
    INVENTED,
    RESPONSIBLE_PER_GRID,
    SKETCH,
    STATIONED,
    outline,
)

COMMUNITY_ID = "d-community"
ZONE = ZoneInfo("Asia/Shanghai")


def grid_id(code: str) -> str:
    """The id of the grid with this code."""
    return f"d-grid-{code}"


# --- people ----------------------------------------------------------------------------------------------------------
COMMITTEE, STREET, NEIGHBOURS = "D社区居委会（演示人物）", "安富街道办（演示人物）", "D社区居民（演示人物）"
AN_FU, HE_SHUN = "安富物业" + INVENTED, "和顺物业" + INVENTED
MAKER, LIFTS = "康健器材厂" + INVENTED, "捷升电梯维保" + INVENTED

_STAFF = {
    "secretary": ("罗静", "社区书记"),
    "facilities": ("李建国", "设施主管"),
    "activities": ("刘敏", "活动专员"),
    "clerk": ("周倩", "资料员"),
    "repairer": ("张志强", "维修工"),
    "electrician": ("罗建", "电工"),
    "lead-1": ("赵国平", "1 号网格主任"),
    "lead-2": ("吴秀英", "2 号网格主任"),
    "lead-3": ("陈素芳", "3 号网格主任"),
    "lead-4": ("孙丽华", "4 号网格主任"),
    "lead-5": ("郑文", "5 号网格主任"),
}
_LEADERS = ("蒲永福", "谢桂兰", "曾德明", "江素珍", "雷世荣", "邓秀芳", "彭长贵", "苟玉梅", "冉光全", "田惠英")
_OFFICERS = {
    "street": ("何勇", "街道专职安全监管员", STREET),
    "assistant-a": ("蒋伟", "社区安全协管员", COMMITTEE),
    "assistant-b": ("冯婷", "社区安全协管员", COMMITTEE),
    "officer-1": ("向明亮", "小组安全员", NEIGHBOURS),
    "officer-2": ("余春华", "小组安全员", NEIGHBOURS),
    "officer-4": ("牟成刚", "小组安全员", NEIGHBOURS),
    "officer-5": ("税小平", "小组安全员", NEIGHBOURS),
}
_FORMER = {
    "former-officer-3": ("蒲继文", "原小组安全员", NEIGHBOURS),
    "former-assistant-4": ("游桂华", "原社区安全协管员", COMMITTEE),
}
"""Who held the two posts that stand vacant."""
_CONTRACTORS = {
    "an-fu": ("唐军", "维修班长", AN_FU),
    "he-shun": ("周强", "维修班长", HE_SHUN),
    "maker": ("毛立新", "售后", MAKER),
    "lifts": ("钟凯", "电梯维保员", LIFTS),
}
_CONTACTS = (
    ("郭蓉", "段志远", "白雪梅", "毕晓东", "涂娟", "樊桂芬")  # of the six public bodies
    + ("夏培林", "祝晓霞", "易大勇")  # of the three enterprises that are named
    + ("古良", "岳春梅", "文开富", "舒畅", "柏林", "简丹")  # of the six that are not
)


def person_id(key: str) -> str:
    """The id of a person by their key in the tables above."""
    return f"d-person-{key}"


def people() -> list[Person]:
    """Committee, group leaders, safety officers, contractors, and a contact in each stationed unit."""

    def person(key: str, name: str, kind: PersonKind, job: str, employer: str) -> Person:
        return Person(id=person_id(key), community_id=COMMUNITY_ID, name=name, kind=kind, job=job, employer=employer)

    found = [person(key, name, PersonKind.STAFF, job, COMMITTEE) for key, (name, job) in _STAFF.items()]
    for number, name in enumerate(_LEADERS):
        grid = GRID_PLANS[number // GROUP_LEADERS_PER_GRID]
        job = f"{grid.name}居民小组长"
        found.append(person(f"leader-{number + 1}", name, PersonKind.GROUP_LEADER, job, NEIGHBOURS))
    found += [person(key, *given[:1], PersonKind.OFFICER, *given[1:]) for key, given in _OFFICERS.items()]
    left = [person(key, *given[:1], PersonKind.OFFICER, *given[1:]) for key, given in _FORMER.items()]
    found += [each.model_copy(update={"active": False}) for each in left]
    found += [person(key, *given[:1], PersonKind.CONTRACTOR, *given[1:]) for key, given in _CONTRACTORS.items()]
    for number, (unit, name) in enumerate(zip(STATIONED, _CONTACTS, strict=True), 1):
        found.append(person(f"contact-{number}", name, PersonKind.ORGANIZATION, "联络员（演示人物）", unit.name))
    return found


_COMPANIES = {
    # key of who answers for it, name, kind, services, contract: days since it began and until it ends, staff, certified
    "an-fu": (AN_FU, OrganizationKind.PROPERTY, ("repairs", "cleaning", "security", "greenery"), 700, 395, 26, 18),
    "he-shun": (HE_SHUN, OrganizationKind.PROPERTY, ("repairs", "cleaning", "security"), 1_040, 55, 21, 6),
    "maker": (MAKER, OrganizationKind.CONTRACTOR, ("fitness",), 420, 310, 5, 4),
    "lifts": (LIFTS, OrganizationKind.CONTRACTOR, ("lifts",), 610, 485, 6, 6),
}
COMPANY_OF = {key: f"d-company-{key}" for key in _COMPANIES}
"""The id of the company by the key of the person who works for it."""


def companies(as_of: date) -> list[Organization]:
    """The property companies and contractors; the contract of 和顺物业 ends within two months, and few of its staff are
    certified (section 3.1: 物业管理专业程度低)."""
    return [
        Organization(
            id=COMPANY_OF[key],
            community_id=COMMUNITY_ID,
            name=name,
            kind=kind,
            services=services,
            contract_from=as_of - timedelta(days=began),
            contract_until=as_of + timedelta(days=ends),
            staff=staff,
            certified_staff=certified,
        )
        for key, (name, kind, services, began, ends, staff, certified) in _COMPANIES.items()
    ]


NAMES = {key: name for key, (name, *_) in (_STAFF | _OFFICERS | _CONTRACTORS).items()}
"""Name by key, for the events of work orders."""


# --- grids and posts -------------------------------------------------------------------------------------------------
def grids() -> list[Grid]:
    """The five grids with their sketched outlines."""
    return [
        Grid(
            id=grid_id(plan.code),
            community_id=COMMUNITY_ID,
            code=plan.code,
            name=plan.name,
            responsible_id=person_id(f"lead-{plan.code}"),
            households=plan.households,
            residents=plan.residents,
            sites=plan.sites,
            boundary=outline(plan),
            remark=SKETCH,
        )
        for plan in GRID_PLANS
    ]


ASSISTANT_LEFT, OFFICER_LEFT = 47, 152
"""Days since grid 4 has no safety assistant, and grid 3 no safety officer."""


def posts(as_of: date) -> list[Post]:
    """Every grid's director and two group leaders, all filled as the document says; and the safety network with two
    gaps: grid 3 has had no safety officer for five months, grid 4 no assistant for seven weeks."""
    found: list[Post] = []

    def post(tier: Tier, grid: str | None, holder: str, years: float, left_days_ago: int | None = None) -> None:
        gone = left_days_ago is not None
        since = as_of - timedelta(days=round(365 * years))
        until = as_of - timedelta(days=left_days_ago) if left_days_ago is not None else None
        found.append(
            Post(
                id=f"d-post-{len(found) + 1:02d}",
                community_id=COMMUNITY_ID,
                tier=tier,
                grid_id=grid_id(grid) if grid else None,
                holder_id=None if gone else person_id(holder),
                since=since,
                until=until,
                history=(Tenure(holder_id=person_id(holder), since=since, until=until),) if until else (),
            )
        )

    post(Tier.STREET, None, "street", 3.2)  # reaches every grid
    for index, plan in enumerate(GRID_PLANS):
        for _ in range(RESPONSIBLE_PER_GRID):
            post(Tier.GRID_LEAD, plan.code, f"lead-{plan.code}", 2 + index * 0.7)
        for number in range(GROUP_LEADERS_PER_GRID):
            leader = index * GROUP_LEADERS_PER_GRID + number + 1
            post(Tier.GROUP_LEADER, plan.code, f"leader-{leader}", 1 + leader * 0.4)
        assistant = {"4": "former-assistant-4", "5": "assistant-b"}.get(plan.code, "assistant-a")
        officer = "former-officer-3" if plan.code == "3" else f"officer-{plan.code}"
        post(Tier.COMMUNITY, plan.code, assistant, 2.1, ASSISTANT_LEFT if plan.code == "4" else None)
        post(Tier.GROUP, plan.code, officer, 1.4, OFFICER_LEFT if plan.code == "3" else None)
    return found


# --- facilities ------------------------------------------------------------------------------------------------------
_LIFE_YEARS = {  # defaults of the trade; fitness 8 years after GB 19272
    FacilityKind.BARRIER: 8,
    FacilityKind.DOOR: 8,
    FacilityKind.BOOTH: 10,
    FacilityKind.LIFT: 15,
    FacilityKind.LIGHTING: 10,
    FacilityKind.PUMP: 12,
    FacilityKind.DRAIN: 20,
    FacilityKind.WASTE: 8,
}
_YUAN = {
    FacilityKind.WALKER: 3_800,
    FacilityKind.BAR: 2_200,
    FacilityKind.TWISTER: 2_600,
    FacilityKind.LEG_PRESS: 3_000,
    FacilityKind.TABLE_TENNIS: 4_500,
    FacilityKind.SHOULDER: 2_800,
    FacilityKind.BARRIER: 28_000,
    FacilityKind.DOOR: 3_500,
    FacilityKind.BOOTH: 6_000,
    FacilityKind.LIFT: 380_000,
    FacilityKind.LIGHTING: 3_200,
    FacilityKind.PUMP: 18_000,
    FacilityKind.DRAIN: 45_000,
    FacilityKind.WASTE: 12_000,
}

# grid, site, kind, then age in months and condition of each piece: old and new side by side, numbered in this order
_FITNESS = (
    ("1", "文化广场", FacilityKind.WALKER, "14:1 14:1"),
    ("1", "文化广场", FacilityKind.LEG_PRESS, "14:1 80:3"),
    ("1", "文化广场", FacilityKind.BAR, "80:3"),
    ("1", "文化广场", FacilityKind.TWISTER, "80:3"),
    ("2", "滨江步道", FacilityKind.WALKER, "20:1 62:2 110:4"),
    ("2", "滨江步道", FacilityKind.SHOULDER, "62:3 62:2"),
    ("2", "滨江步道", FacilityKind.TWISTER, "20:1 99:4"),
    ("3", "体育公园", FacilityKind.BAR, "40:2 40:2 133:5"),
    ("3", "体育公园", FacilityKind.WALKER, "30:2 30:2 141:4 141:5"),
    ("3", "体育公园", FacilityKind.TWISTER, "12:1 118:4"),
    ("3", "体育公园", FacilityKind.LEG_PRESS, "118:4 118:4"),
    ("3", "体育公园", FacilityKind.TABLE_TENNIS, "60:3 125:4"),
    ("3", "幸福里", FacilityKind.SHOULDER, "122:5"),
    ("3", "幸福里", FacilityKind.WALKER, "122:4"),
    ("4", "老年活动中心", FacilityKind.WALKER, "75:3 75:3"),
    ("4", "老年活动中心", FacilityKind.SHOULDER, "34:2 98:4"),
    ("4", "老年活动中心", FacilityKind.TABLE_TENNIS, "50:2 50:3"),
    ("5", "百花园", FacilityKind.WALKER, "28:2 103:4"),
    ("5", "百花园", FacilityKind.BAR, "103:4"),
    ("5", "百花园", FacilityKind.TWISTER, "28:2"),
    ("5", "百花园", FacilityKind.TABLE_TENNIS, "70:3"),
)
# grid, name, age in months, condition, control, is the exit recorded
_VEHICLE = (
    ("1", "东门道闸", 14, 1, Control.SMART, True),
    ("1", "机关家属院道闸", 64, 3, Control.MANUAL, False),
    ("2", "西门道闸", 92, 3, Control.MANUAL, False),
    ("2", "滨江花园车库道闸", 30, 2, Control.SMART, True),
    ("3", "北门道闸", 88, 4, Control.MANUAL, False),
    ("4", "南门道闸", 70, 3, Control.MANUAL, False),
    ("4", "职工新村道闸", 85, 3, Control.MANUAL, False),
    ("5", "货运通道道闸", 101, 4, Control.MANUAL, False),
)
# grid, name, kind, age in months, condition, control, are visitors registered
_PERSONNEL = (
    ("1", "和苑 1 栋门禁", FacilityKind.DOOR, 26, 2, Control.SMART, True),
    ("1", "和苑 3 栋门禁", FacilityKind.DOOR, 26, 2, Control.SMART, True),
    ("1", "东门登记点", FacilityKind.BOOTH, 48, 2, Control.MANUAL, True),
    ("2", "滨江花园 1 栋门禁", FacilityKind.DOOR, 30, 2, Control.SMART, True),
    ("2", "滨江花园 2 栋门禁", FacilityKind.DOOR, 30, 3, Control.SMART, True),
    ("2", "西门登记点", FacilityKind.BOOTH, 90, 3, Control.MANUAL, False),
    ("3", "幸福里 2 栋门禁", FacilityKind.DOOR, 104, 4, Control.MANUAL, False),
    ("3", "幸福里 4 栋门禁", FacilityKind.DOOR, 104, 4, Control.NONE, False),
    ("3", "幸福里 6 栋门禁", FacilityKind.DOOR, 104, 3, Control.MANUAL, False),
    ("3", "北门登记点", FacilityKind.BOOTH, 112, 3, Control.MANUAL, False),
    ("4", "职工新村 5 栋门禁", FacilityKind.DOOR, 66, 3, Control.MANUAL, False),
    ("4", "南门登记点", FacilityKind.BOOTH, 66, 3, Control.MANUAL, True),
    ("5", "厂区宿舍 1 栋门禁", FacilityKind.DOOR, 97, 4, Control.NONE, False),
    ("5", "货运通道登记点", FacilityKind.BOOTH, 97, 3, Control.MANUAL, False),
)
# grid, name, kind, age in months, condition, property company
_PROPERTY = (
    ("1", "和苑 2 栋电梯", FacilityKind.LIFT, 96, 3, AN_FU),
    ("1", "文化广场路灯", FacilityKind.LIGHTING, 50, 2, AN_FU),
    ("1", "和苑排水管网", FacilityKind.DRAIN, 170, 3, AN_FU),
    ("1", "东门垃圾站", FacilityKind.WASTE, 40, 2, AN_FU),
    ("2", "滨江花园 1 栋电梯", FacilityKind.LIFT, 60, 2, AN_FU),
    ("2", "滨江花园 2 栋电梯", FacilityKind.LIFT, 60, 2, AN_FU),
    ("2", "滨江步道路灯", FacilityKind.LIGHTING, 84, 3, AN_FU),
    ("2", "滨江花园水泵", FacilityKind.PUMP, 60, 2, AN_FU),
    ("2", "西门垃圾站", FacilityKind.WASTE, 75, 3, AN_FU),
    ("3", "幸福里 6 栋电梯", FacilityKind.LIFT, 150, 4, HE_SHUN),
    ("3", "幸福里路灯", FacilityKind.LIGHTING, 126, 4, HE_SHUN),
    ("3", "体育公园路灯", FacilityKind.LIGHTING, 60, 3, HE_SHUN),
    ("3", "幸福里水泵", FacilityKind.PUMP, 150, 4, HE_SHUN),
    ("3", "幸福里排水管网", FacilityKind.DRAIN, 190, 4, HE_SHUN),
    ("3", "北门垃圾站", FacilityKind.WASTE, 99, 3, HE_SHUN),
    ("4", "职工新村路灯", FacilityKind.LIGHTING, 100, 3, HE_SHUN),
    ("4", "职工新村水泵", FacilityKind.PUMP, 110, 3, HE_SHUN),
    ("4", "职工新村排水管网", FacilityKind.DRAIN, 160, 3, HE_SHUN),
    ("4", "南门垃圾站", FacilityKind.WASTE, 55, 2, HE_SHUN),
    ("5", "厂区宿舍路灯", FacilityKind.LIGHTING, 90, 3, None),
    ("5", "百花园路灯", FacilityKind.LIGHTING, 36, 2, None),
    ("5", "厂区宿舍排水管网", FacilityKind.DRAIN, 140, 3, None),
    ("5", "货运通道垃圾站", FacilityKind.WASTE, 60, 3, None),
)
_GONE = (
    ("1", "东门旧道闸", Category.VEHICLE, FacilityKind.BARRIER, 118),
    ("1", "文化广场旧漫步机", Category.FITNESS, FacilityKind.WALKER, 150),
)
_UNUSABLE = {"体育公园 3 号单杠", "体育公园 4 号漫步机"}
_DECIDED = {
    # years from the one it was due in, days since it was decided, why, what it is to cost if not the same again
    "体育公园 4 号漫步机": (1, 60, "今年器材预算先换单杠，已停用，围挡至明年", None),
    "滨江步道 3 号漫步机": (1, 48, "等区体育局明年的健身路径配套名额", None),
    "老年活动中心 2 号太极推揉器": (2, 48, "使用人少，资金先用于体育公园", None),
    "货运通道道闸": (2, 75, "与厂区谈妥 2 年后随道路改造一并更换", None),
    "幸福里路灯": (1, 30, "等老旧小区改造立项", None),
    "滨江步道路灯": (-2, 20, "随滨江步道改造一并换成节能灯", 4_600),
    "幸福里 6 栋电梯": (-2, 15, "同一故障两次返修，业主大会同意动用维修资金", 420_000),
}
"""Replacements that were brought forward or put off: what the budget meeting argues about."""
_REMARKS = {
    "体育公园 3 号单杠": "立柱松动，已拉警戒带停用，待更换。",
    "北门道闸": "摄像头不识别车牌，门岗手工登记、手工抬杆。",
    "东门道闸": "由旧道闸换成自动识别。",
    "幸福里 6 栋电梯": "同一故障两次修复后再发。",
}


@dataclass(frozen=True)
class Standing:
    """A facility and what the history needs to know of it."""

    record: Facility
    grid: str
    gone_after: date | None
    """The last day it stood, for what was taken down."""


def facilities(as_of: date) -> list[Standing]:
    """Everything with a label, numbered grid by grid."""
    rng = Random(42)
    numbers: dict[str, int] = {}
    found: list[Standing] = []

    def stand(
        grid: str,
        name: str,
        site: str,
        kind: FacilityKind,
        months: int,
        condition: int,
        details: FitnessDetails | VehicleDetails | PersonnelDetails | PropertyDetails,
        *,
        gone: bool = False,
    ) -> None:
        numbers[grid] = numbers.get(grid, 0) + 1
        code = f"D{grid}-{numbers[grid]:02d}"
        status = ServiceStatus.OUT_OF_ORDER if name in _UNUSABLE else ServiceStatus.IN_SERVICE
        record = Facility(
            id=f"d-facility-{code}",
            community_id=COMMUNITY_ID,
            code=code,
            name=name,
            category=details.category,
            kind=kind.value,
            grid_id=grid_id(grid),
            site=site,
            position=_inside(rng, grid),
            installed_on=as_of - timedelta(days=round(months * 30.44) + rng.randrange(10)),
            service_life_years=_LIFE_YEARS.get(kind, 8),
            condition=Condition(str(condition)),
            status=ServiceStatus.RETIRED if gone else status,
            replacement_cost_cents=_YUAN[kind] * 100,
            responsible_id=person_id(f"lead-{grid}" if details.category is Category.FITNESS else "facilities"),
            details=details,
            remark=_REMARKS.get(name),
        )
        record = record.model_copy(update={"condition_history": tuple(_examinations(record, as_of, rng))})
        record = record.model_copy(update={"replacement_plan": tuple(_decisions(record, as_of))})
        found.append(Standing(record, grid, as_of - timedelta(days=14 * 30) if gone else None))

    for grid, site, kind, pieces in _FITNESS:
        for number, piece in enumerate(pieces.split(), 1):
            months, condition = map(int, piece.split(":"))
            standard = "GB 19272-2011" if months > 24 else "GB 19272-2024"
            stand(
                grid,
                f"{site} {number} 号{kind.spellings[0]}",
                site,
                kind,
                months,
                condition,
                FitnessDetails(material="钢", standard=standard, pieces=1),
            )
    for grid, name, months, condition, control, exits in _VEHICLE:
        details = VehicleDetails(control=control, lanes=2, records_exit=exits)
        stand(grid, name, name.removesuffix("道闸"), FacilityKind.BARRIER, months, condition, details)
    for grid, name, kind, months, condition, control, visitors in _PERSONNEL:
        stand(
            grid,
            name,
            name.removesuffix("门禁").removesuffix("登记点").strip(),
            kind,
            months,
            condition,
            PersonnelDetails(control=control, doors=1, visitors_registered=visitors),
        )
    for grid, name, kind, months, condition, company in _PROPERTY:
        system = kind.spellings[0]
        stand(
            grid,
            name,
            next((site for site in _sites(grid) if name.startswith(site)), name),
            kind,
            months,
            condition,
            PropertyDetails(company=company, company_id=_company_id(company), system=system),
        )
    for grid, name, category, kind, months in _GONE:
        gone_details = VehicleDetails(lanes=2) if category is Category.VEHICLE else FitnessDetails(pieces=1)
        stand(grid, name, name.split("旧")[0], kind, months, 5, gone_details, gone=True)
    return found


def _examinations(record: Facility, as_of: date, rng: Random) -> Iterator[ConditionEntry]:
    """Once a year in the three years before ``as_of`` somebody looked and graded, as long as it stood; a grade worse
    each time at most."""
    now = int(record.condition.value) if record.condition else 3
    gone = as_of - timedelta(days=14 * 30) if record.status is ServiceStatus.RETIRED else as_of
    lead = NAMES["facilities"]
    for years in (2, 1, 0):
        day = as_of - timedelta(days=365 * years + 20 + rng.randrange(60))
        if record.installed_on and record.installed_on < day < gone:
            grade = max(1, now - (years + rng.randrange(2)) // 2)
            at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)  # ten in the morning here
            yield ConditionEntry(at=at, by=lead, condition=Condition(str(grade)), status=ServiceStatus.IN_SERVICE)
    if record.status is not ServiceStatus.IN_SERVICE:
        day = min(gone, as_of - timedelta(days=7))
        at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
        yield ConditionEntry(at=at, by=lead, condition=record.condition, status=record.status)


def _decisions(record: Facility, as_of: date) -> Iterator[PlannedReplacement]:
    """What was decided about its replacement, in a year that is not over."""
    if record.name not in _DECIDED:
        return
    years, ago, why, yuan = _DECIDED[record.name]
    end = end_of_life(record, as_of)
    hazardous = end is None or end < as_of or record.condition is Condition.VERY_POOR
    due = as_of.year if end is None or hazardous else end.year
    day = as_of - timedelta(days=ago)
    yield PlannedReplacement(
        at=datetime(day.year, day.month, day.day, 7, tzinfo=UTC),
        by=NAMES["facilities"],
        year=max(as_of.year, due + years),
        instead_of=due,
        reason=why,
        cost_cents=yuan and yuan * 100,
    )


def _company_id(name: str | None) -> str | None:
    return next((COMPANY_OF[key] for key, (company, *_) in _COMPANIES.items() if company == name), None)


def _sites(grid: str) -> Iterator[str]:
    plan = next(plan for plan in GRID_PLANS if plan.code == grid)
    return (site.split(" ")[0] for site in plan.sites)


def _inside(rng: Random, grid: str) -> Point:
    """A place inside the grid: a mix of its corners, none of which weighs much more than another."""
    plan = next(plan for plan in GRID_PLANS if plan.code == grid)
    corners = outline(plan)
    weights = [rng.uniform(0.5, 1.5) for _ in corners]
    total = sum(weights)
    return Point(
        longitude=round(sum(c.longitude * w for c, w in zip(corners, weights, strict=True)) / total, 6),
        latitude=round(sum(c.latitude * w for c, w in zip(corners, weights, strict=True)) / total, 6),
    )
