"""Checklists to begin with, entered once on demand and from then on the community's own to change.

The kinds and their usual intervals are those of EN 1176-7, after which GB 19272 asks the same of outdoor fitness
equipment: routine visual inspections weekly, operational ones every one to three months, the main one yearly. The
items are put in our own words. Words of the data, so they stand in Chinese here, not in a catalogue.
"""

from repository.facilities import Category, FacilityKind
from repository.inspections.records import ChecklistItem, InspectionKind
from repository.maintenance import Fault

ROUTINE, OPERATIONAL, ANNUAL = InspectionKind
Given = tuple[str, InspectionKind, Category, FacilityKind | None, int, tuple[ChecklistItem, ...]]


def _item(text: str, fault: Fault = Fault.OTHER, *, danger: bool = False) -> ChecklistItem:
    return ChecklistItem(text=text, fault=fault, dangerous=danger)


CHECKLISTS: tuple[Given, ...] = (
    (
        "健身器材日常巡检",
        ROUTINE,
        Category.FITNESS,
        None,
        7,
        (
            _item("立柱与基础牢固，用力推不晃动", Fault.LOOSE, danger=True),
            _item("螺栓、护帽齐全，无外露尖角", Fault.LOOSE, danger=True),
            _item("把手、踏板、座板完好，无断裂", Fault.BROKEN, danger=True),
            _item("地面平整，缓冲层无破损，无积水和杂物"),
            _item("标牌和使用说明清晰", Fault.BROKEN),
        ),
    ),
    (
        "健身器材操作检查",
        OPERATIONAL,
        Category.FITNESS,
        None,
        91,
        (
            _item("转动部位灵活，无卡滞和异响", Fault.NOISE),
            _item("轴承、链条磨损在允许范围内", Fault.NOISE),
            _item("限位和缓冲装置有效", Fault.BROKEN, danger=True),
            _item("焊缝无裂纹，管材无明显变形", Fault.BROKEN, danger=True),
            _item("紧固件力矩符合要求", Fault.LOOSE),
            _item("防腐层完好，无锈蚀穿孔", Fault.BROKEN),
        ),
    ),
    (
        "健身器材年度主检",
        ANNUAL,
        Category.FITNESS,
        None,
        365,
        (
            _item("基础无开裂、下沉，预埋件未锈蚀", Fault.BROKEN, danger=True),
            _item("主要承力部件壁厚和焊缝符合 GB 19272", Fault.BROKEN, danger=True),
            _item("间隙、孔洞不会夹住手指、头颈", Fault.BROKEN, danger=True),
            _item("安全使用年限未到", Fault.OTHER),
            _item("更换过的零件与原件一致"),
            _item("缓冲地面的厚度和跌落高度相符"),
        ),
    ),
    (
        "车辆道闸检查",
        OPERATIONAL,
        Category.VEHICLE,
        None,
        30,
        (
            _item("抬杆、落杆到位，防砸装置有效", Fault.DEAD, danger=True),
            _item("车牌识别正确", Fault.DEAD),
            _item("断电时可手动抬杆", Fault.DEAD),
            _item("线缆、外壳完好，无漏电", Fault.ELECTRIC, danger=True),
        ),
    ),
    (
        "人员出入口检查",
        OPERATIONAL,
        Category.PERSONNEL,
        None,
        30,
        (
            _item("门开关自如，火灾时可手动打开", Fault.DEAD, danger=True),
            _item("读卡、登记设备工作正常", Fault.DEAD),
            _item("登记记录完整"),
        ),
    ),
    (
        "电梯巡检",
        ROUTINE,
        Category.PROPERTY,
        FacilityKind.LIFT,
        15,
        (
            _item("轿厢应急照明和呼救通话有效", Fault.DEAD, danger=True),
            _item("层门、轿门关闭可靠，无人开不开", Fault.BROKEN, danger=True),
            _item("平层准确，运行无异响", Fault.NOISE),
            _item("使用标志在有效期内", Fault.OTHER),
        ),
    ),
    (
        "路灯照明检查",
        ROUTINE,
        Category.PROPERTY,
        FacilityKind.LIGHTING,
        30,
        (
            _item("灯具全部亮", Fault.DEAD),
            _item("灯杆不歪斜，检修门关好", Fault.LOOSE, danger=True),
            _item("线路无外露，漏电保护有效", Fault.ELECTRIC, danger=True),
        ),
    ),
)
"""Name, kind, category, kind of facility (None: the whole category), usual interval in days, items."""
