"""D community as the source document gives it: each figure beside the section that states it.

Source document: 王红梅, 党建引领基层社区治理现状及路径研究——以四川省泸州市纳溪区安富街道D社区为例,
DOI 10.69979/3029-2700.24.7.033. What it doesn't say is invented here and marked as such.
"""

from dataclasses import dataclass
from fractions import Fraction

from repository.grids import Point, Population
from repository.people import AgeBand, Sex

# --- section 2.1: the community as a whole ---------------------------------------------------------------------------
HOUSEHOLDS = 3034  # 2.1: 在册登记总户数 3034 户
RESIDENTS = 9102  # 2.1: 总人数 9102 人
GRIDS = 5  # 2.1: 共 5 个网格
RESPONSIBLE_PER_GRID = 1  # 2.1: 每一个网格配有一名责任人
PUBLIC_BODIES = ("区委", "区政府", "审计局", "区委编办", "邮政银行", "养老院")  # 2.1: 机关单位, all six by name
ENTERPRISES_NAMED = ("泸天化", "西研院", "七化建")  # 2.1: the three that are named …
ENTERPRISES = 9  # 2.1: … of 9 个大中型企业
DISTRICT = "四川省泸州市纳溪区安富街道"  # 2.1

# --- section 2.2: how the work is divided ----------------------------------------------------------------------------
GROUP_LEADERS_PER_GRID = 2  # 2.2: 每个责任片区由一位主任领管，并配备两位居民小组长
SAFETY_TIERS = 3  # 2.2: 镇专职安全监管人员、村居安全协管员、村民小组安全员

# --- what the document doesn't name ----------------------------------------------------------------------------------
INVENTED = "（虚构）"
ENTERPRISES_INVENTED = tuple(
    name + INVENTED for name in ("安富机械厂", "永丰建材", "江畔酒业", "南溪物流", "云溪电子", "锦程商贸")
)


@dataclass(frozen=True)
class StationedOrganization:
    """A unit stationed in the community (辖区单位)."""

    name: str
    public_body: bool
    invented: bool = False


STATIONED = (
    *(StationedOrganization(name, public_body=True) for name in PUBLIC_BODIES),
    *(StationedOrganization(name, public_body=False) for name in ENTERPRISES_NAMED),
    *(StationedOrganization(name, public_body=False, invented=True) for name in ENTERPRISES_INVENTED),
)

# --- population by age and sex ---------------------------------------------------------------------------------------
NAXI_2020 = {
    (AgeBand.A0, Sex.MALE): 37_352,
    (AgeBand.A18, Sex.MALE): 30_309,
    (AgeBand.A36, Sex.MALE): 68_158,
    (AgeBand.A60, Sex.MALE): 33_650,
    (AgeBand.A75, Sex.MALE): 11_965,
    (AgeBand.A0, Sex.FEMALE): 33_991,
    (AgeBand.A18, Sex.FEMALE): 27_499,
    (AgeBand.A36, Sex.FEMALE): 65_677,
    (AgeBand.A60, Sex.FEMALE): 33_662,
    (AgeBand.A75, Sex.FEMALE): 12_583,
}
"""Naxi district (510503) in the 2020 census, 354,846 people, from github.com/leiii/census (MIT, 2022 Lei Dong).

The census counts in five-year bands. 15 to 19 is cut 3 : 2 at 18, and 35 to 39 is cut 1 : 4 at 36: every year of age in
a band gets the same share of it.
"""


def largest_remainder(shares: list[int], total: int) -> list[int]:
    """``total`` divided in proportion to ``shares``, in whole numbers that add up to it exactly (Hare quota)."""
    exact = [Fraction(share * total, sum(shares)) for share in shares]
    whole = [int(part) for part in exact]
    by_remainder = sorted(range(len(shares)), key=lambda index: exact[index] - whole[index], reverse=True)
    for index in by_remainder[: total - sum(whole)]:
        whole[index] += 1
    return whole


def population(residents: int = RESIDENTS) -> tuple[Population, ...]:
    """Residents by age band and sex, in Naxi's proportions."""
    counts = largest_remainder(list(NAXI_2020.values()), residents)
    return tuple(
        Population(age_band=band, sex=sex, count=count) for (band, sex), count in zip(NAXI_2020, counts, strict=True)
    )


# --- the five grids (their sizes, names and outlines are invented; only the sums are the document's) -----------------
@dataclass(frozen=True)
class GridPlan:
    """One grid as the demonstration draws it."""

    code: str
    name: str
    households: int
    residents: int
    sites: tuple[str, ...]
    corners: str
    """Keys of ``CORNERS``, around the grid."""


GRID_PLANS = (
    GridPlan("1", "1 号网格", 548, 1629, ("文化广场", "和苑 1–6 栋", "东门", "机关家属院"), "ABPFE"),
    GridPlan("2", "2 号网格", 612, 1851, ("滨江步道", "滨江花园", "西门"), "EFQJI"),
    GridPlan("3", "3 号网格", 742, 2248, ("体育公园", "幸福里", "北门"), "FGRKJQ"),
    GridPlan("4", "4 号网格", 573, 1702, ("老年活动中心", "职工新村", "南门"), "BCGFP"),
    GridPlan("5", "5 号网格", 559, 1672, ("百花园", "厂区宿舍", "货运通道"), "CDHLKRG"),
)

_ORIGIN = (105.3655, 28.7665)  # near Anfu street, Naxi
_THOUSANDTHS = {
    "A": (0.0, 0.5), "B": (2.6, 0.0), "C": (5.4, 0.3), "D": (8.2, 0.8), "E": (0.3, 3.0), "F": (2.9, 2.6),
    "G": (5.2, 3.1), "H": (8.6, 3.4), "I": (0.2, 5.4), "J": (3.6, 5.7), "K": (5.9, 5.9), "L": (8.3, 5.5),
    "P": (2.5, 1.4), "Q": (3.1, 4.2), "R": (5.8, 4.5),
}  # fmt: skip
CORNERS = {
    key: Point(longitude=_ORIGIN[0] + x / 1000, latitude=_ORIGIN[1] + y / 1000) for key, (x, y) in _THOUSANDTHS.items()
}
"""Corners that neighbours share. A sketch: no real boundary was used."""
SKETCH = "网格边界为演示用示意图，非实际界线。"


def outline(plan: GridPlan) -> tuple[Point, ...]:
    """The grid's corners in order; the last is joined to the first."""
    return tuple(CORNERS[corner] for corner in plan.corners)
