"""What a text is about: the words in it that can be a theme, and the topic they point to.

Chinese is written without spaces, so a segmenter finds the words: rjieba (docs/decisions/0014), which is loaded when
the first text is read and works offline. Names of people and places, numbers and dates are no themes: they are left
out, which also keeps who somebody is out of the list.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from repository.record import Choice
from repository.words import msg

MOST_WORDS = 12
"""Words kept of one text."""
LONGEST = 12


class Topic(Choice):
    """What a request is about; other words are kept as they are. Its spellings are the words of a text that point to
    it."""

    LIFT = "lift", msg("Lift"), "电梯", "升降机"
    UTILITIES = (
        "utilities",
        msg("Water, power, gas, heat"),
        "停水",
        "停电",
        "断电",
        "没水",
        "没电",
        "停气",
        "燃气",
        "天然气",
        "供暖",
        "暖气",
        "跳闸",
    )
    PARKING = "parking", msg("Parking"), "停车", "停车位", "车位", "乱停车", "停车难", "乱停乱放"
    CHARGING = "charging", msg("Electric bicycles"), "电动车", "电瓶车", "充电桩", "充电", "飞线"
    ENTRANCE = "entrance", msg("Gates and doors"), "门禁", "道闸", "单元门", "门锁", "车牌"
    DRAINS = "drains", msg("Drains"), "下水道", "排水", "污水", "地漏", "井盖", "化粪池", "管道堵塞"
    LEAK = "leak", msg("Leaks"), "漏水", "渗水", "漏雨", "水管"
    LIGHTING = "lighting", msg("Lighting"), "路灯", "照明", "楼道灯", "声控灯", "灯不亮"
    CLEANING = "cleaning", msg("Cleaning and rubbish"), "垃圾", "垃圾桶", "清运", "保洁", "异味", "环境卫生"
    NOISE = "noise", msg("Noise and disturbance"), "噪音", "噪声", "扰民", "音响", "广场舞"
    FIRE = "fire", msg("Fire safety"), "消防", "消防通道", "堆物", "杂物", "堆放", "起火", "消防栓"
    FITNESS = "fitness", msg("Fitness equipment"), "健身器材", "健身设施", "单杠", "双杠", "漫步机", "器材"
    PROPERTY = "property", msg("Property management"), "物业", "物业费", "物业公司", "物管", "维修基金"
    NEIGHBOURS = "neighbours", msg("Disputes between neighbours"), "邻里", "纠纷", "邻居", "调解"
    WELFARE = (
        "welfare",
        msg("Benefits and certificates"),
        "低保",
        "社保",
        "医保",
        "养老金",
        "残疾证",
        "救助",
        "补贴",
        "证明",
    )
    ELDERLY = "elderly", msg("Care for the elderly"), "助老", "助餐", "老年食堂", "养老", "适老化"
    CHILDREN = "children", msg("Children"), "亲子", "托管", "托管班", "暑托班", "带娃", "儿童", "手工"
    ACTIVITIES = "activities", msg("Culture and activities"), "活动", "文体活动", "讲座", "合唱", "书画", "健康讲座"
    PETS = "pets", msg("Pets"), "养犬", "宠物", "遛狗", "流浪狗", "流浪猫", "狗叫"
    OTHER = "other", msg("Other"), "其他"


_OWN = """
道闸 托管班 暑托班 广场舞 地漏 楼道灯 声控灯 飞线 物管 适老化 乱停车
充电桩 单元门 助餐 健身器材 健身设施 漫步机 停车难 停车位 电瓶车
消防通道 亲子 手工课 微改造
"""
OWN = tuple(_OWN.split())
"""Words of a community's everyday work that the segmenter's own dictionary splits."""

_STOP = """
什么 时候 没有 希望 要求 反映 问题 情况 解决 社区 居民 小区 居委会
处理 影响 可以 需要 咨询 联系 建议 方便 单元 电话 请问 怎么 现在
已经 一直 多次 有人 没人 不能 能否 是否 可能 应该 进行 发生 出现
存在 造成 导致 觉得 认为 知道 麻烦 帮忙 谢谢 感谢 尽快 及时 相关
有关 部门 工作 人员 工作人员 大家 自己 家里 我家 业主 住户 群众 同志
老师 师傅 严重 特别 非常 经常 长期 每天 不好 不到 不行 不了 还有
就是 这个 那个 这样 地方 位置 附近 旁边 门口 东西 事情 办法 原因
时间 安排 提供 协调 出面 请求 投诉 举报 来访 来电 上门 诉求 意见
答复 回复 看看 过来 起来 出来 下来 上来 下楼 上楼 走路 容易 困难
不便 不敢 不再 不会 不够 不亮 不热 太吵 太高 怎么办 想办 好几 几天 左右 以后 以前 之前 之后
修好 担心 楼上住户 没人修 很大 老是 适合 办理 不停 时常
可惜 一点 起码 请来 需求 组织
人带 带去 出去 回来 回家 说话
"""
STOP = frozenset(_STOP.split())
"""Words that stand in every text and say nothing of what it is about."""

_KINDS = ("n", "v", "a", "l", "i", "j", "x", "z")  # nouns, verbs, adjectives, set phrases, words it does not know
_NAMES = ("nr", "ns", "nt", "nrt", "nrfg")  # of people, places, institutions


SAME: Mapping[str, str] = MappingProxyType(
    {
        other: word
        for word, others in {
            "停车": "停车位 车位 乱停车 停车难 停车难题",
            "电动车": "电瓶车 电动自行车",
            "电梯": "升降机",
            "燃气": "天然气 煤气",
            "停电": "断电 没电",
            "停水": "没水",
            "路灯": "路灯不亮",
            "楼道灯": "楼道灯不亮",
            "漏水": "渗水 漏雨",
            "噪音": "噪声 扰民",
            "健身器材": "健身设施 健身器械",
            "垃圾": "垃圾桶 生活垃圾",
            "物业": "物管 物业公司",
            "托管": "托管班 暑托班 晚托班",
            "养犬": "遛狗 养狗",
        }.items()
        for other in others.split()
    }
)
"""The word that stands for another one in the themes."""
_TOPIC_OF: Mapping[str, Topic] = MappingProxyType(
    {spelling: topic for topic in Topic if topic is not Topic.OTHER for spelling in topic.spellings}
)


@cache
def _segmenter() -> Any:
    from rjieba import Jieba  # when the first text is read: its dictionary costs a third of a second

    found = Jieba()
    for word in sorted({*OWN, *SAME, *SAME.values(), *_TOPIC_OF}):
        if not found.has_word(word):
            found.add_word(word, None, "n")
    return found


def words_of(text: str, place: str | None = None) -> tuple[str, ...]:
    """The words of a text that can be a theme, in their order, each once, MOST_WORDS at most; what only names its
    ``place`` is none. The same text gives the same words."""
    found: dict[str, None] = {}
    for word, kind in _segmenter().tag(unicodedata.normalize("NFKC", text)):
        if word not in SAME and word not in _TOPIC_OF:
            if kind.startswith(_NAMES) or not kind.startswith(_KINDS) or word in STOP or not _is_word(word):
                continue
            if word in (place or ""):
                continue
        found[SAME.get(word, word)] = None
        if len(found) == MOST_WORDS:
            break
    return tuple(found)


def _is_word(word: str) -> bool:
    told = 2 <= len(word) <= LONGEST and all("\u4e00" <= sign <= "\u9fff" for sign in word)
    return told and word[0] not in "一二三四五六七八九十两几"


def topic_of(words: tuple[str, ...]) -> Topic:
    """The topic most of the words point to, the first one of several; OTHER where none does. A word points where the
    first one in it does that can: 亲子活动, 门禁卡."""
    pointed = [topic for word in words if (topic := _pointed(word)) is not None]
    return max(pointed, key=pointed.count, default=Topic.OTHER)


def _pointed(word: str) -> Topic | None:
    begins = [(word.find(spelling), -len(spelling), topic) for spelling, topic in _TOPIC_OF.items() if spelling in word]
    return min(begins)[2] if begins else None
