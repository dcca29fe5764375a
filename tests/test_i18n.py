"""The catalogue is whole, and words, numbers and dates read as the two languages write them."""

import ast
import datetime as dt
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from dashboard import i18n
from dashboard.i18n import speaking
from repository.words import Message, Trouble, counted

ROOT = Path(__file__).resolve().parent.parent


# ── the catalogue ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_text_is_translated_and_nothing_else_is_kept() -> None:
    found = i18n.problems(ROOT)
    assert not found, "run `make translations`, then fill in:\n" + "\n".join(found)


def test_no_text_is_put_together_before_it_is_translated() -> None:
    made = []
    for source in i18n.SOURCES:
        for path in (ROOT / source).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name | ast.Attribute)
                    and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) in i18n.MARKS
                    and node.args
                    and isinstance(node.args[0], ast.JoinedStr)
                ):
                    made.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not made, "these can't be found in the catalogue; use {names} and format: " + ", ".join(made)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A root with sources of its own, and no catalogue yet."""
    for source in i18n.SOURCES:
        (tmp_path / source).mkdir()
    (tmp_path / "dashboard" / "page.py").write_text(
        '_("Open {name}")\ni18n.msg("kB")\nn_("{n} order", "{n} orders", 3)\n', "utf-8"
    )
    return tmp_path


def test_the_keeper_finds_each_kind_of_gap(small: Path) -> None:
    po = small / "x.po"
    assert len(i18n.problems(small, po)) == 3
    assert set(i18n.update(small, po)) == {"Open {name}", "kB", "{n} order"}
    assert sorted(problem.split(":")[0] for problem in i18n.problems(small, po)) == ["not translated"] * 3

    assert i18n.update(small, po, {"Open {name}": "打开 {nom}", "kB": "kB", "{n} order": "{n} 件"}) == []
    assert [problem.split(":")[0] for problem in i18n.problems(small, po)] == ["placeholders differ"]
    i18n.update(small, po, {"Open {name}": "Oeffne {name}"})
    assert i18n.problems(small, po) == [], "said to be the same in both languages"
    i18n.update(small, po, {"Open {name}": "打开 {name}"})

    (small / "dashboard" / "page.py").write_text('_("Open {name}")\nmsg("打开")\n', "utf-8")
    words = {problem.split(": ")[-2 if "Chinese" in problem else 0] for problem in i18n.problems(small, po)}
    assert "obsolete" in words
    assert "English text with Chinese in it" in words
    i18n.update(small, po)
    with po.open("rb") as file:
        assert {entry.id: entry.string for entry in read_po(file) if entry.id} == {
            "Open {name}": "打开 {name}",
            "打开": "",
        }, "translations are kept, unused ones dropped"


def test_a_fuzzy_translation_is_a_gap(small: Path) -> None:
    po = small / "x.po"
    i18n.update(small, po, {"Open {name}": "打开 {name}", "kB": "kB", "{n} order": "{n} 件"})
    po.write_text(po.read_text("utf-8").replace('msgid "Open', '#, fuzzy\nmsgid "Open'), "utf-8")
    assert [problem.split(":")[0] for problem in i18n.problems(small, po)] == ["fuzzy"]


# ── whose language ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_language_follows_the_browser_at_first() -> None:
    seen = {given: i18n.language_of_browser(given) for given in ("zh-CN", "zh", "ZH_hant", "en-US", "fr", "", None)}
    assert seen == {"zh-CN": "zh", "zh": "zh", "ZH_hant": "zh", "en-US": "en", "fr": "en", "": "zh", None: "zh"}


def test_without_a_reader_it_is_chinese_and_speaking_wins() -> None:
    assert i18n.current() == "zh"
    with speaking("en"):
        assert i18n._("today") == "today"
        with speaking("zh"):
            assert i18n._("today") == "今天"
        assert i18n.current() == "en"
    with pytest.raises(ValueError, match="no such language"):
        i18n.translator("fr")


def _page() -> None:
    import streamlit as st

    from dashboard.i18n import _

    st.radio("Language", ["zh", "en", "xx"], key="lang")

    @st.fragment
    def part() -> None:
        st.button("again")
        st.text(_("today"))

    part()


def test_a_session_reads_its_own_choice_also_in_a_fragment() -> None:
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_function(_page).run()
    assert page.text[0].value == "今天"
    page.radio[0].set_value("en").run()
    assert page.text[0].value == "today"
    page.button[0].click().run()
    assert page.text[0].value == "today"
    page.radio[0].set_value("xx").run()
    assert page.text[0].value == "今天"


def test_messages_are_said_with_their_facts_translated() -> None:
    inner = Message("{n} d", {"n": 3})
    assert i18n.say(Message("{what}: {who}, {when}", {"what": inner, "who": "李建国", "when": "today"}), "zh") == (
        "3 天: 李建国, 今天"
    )
    assert i18n.say(Trouble("{n} d", n=3), "en") == "3 d"
    assert i18n.say("today", "zh") == "今天"


def test_plurals() -> None:
    with speaking("en"):
        assert [i18n.n_("{n} day", "{n} days", n) for n in (0, 1, 2, 1234)] == [
            "0 days",
            "1 day",
            "2 days",
            "1,234 days",
        ]
    assert i18n.n_("{n} day", "{n} days", 1) == "1 天"
    assert i18n.n_("{n} thing of {who}", "{n} things of {who}", 2, who="Wang") == "2 things of Wang", "unknown: English"


# ── numbers, money, dates ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0, "0"),
        (3.0, "3"),
        (3.14, "3.1"),
        (9.96, "10"),
        (12.5, "12"),
        (-1234.5, "−1,234"),
        (-0.01, "0.0"),
        (None, "—"),
        (float("nan"), "—"),
        (float("inf"), "—"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert i18n.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (0.0001, "<0.1%"),
        (0.042, "4.2%"),
        (0.0996, "10%"),
        (0.714, "71%"),
        (0.996, "99.6%"),
        (0.9999, "99.9%"),
        (1, "100%"),
        (1.2, "120%"),
        (None, "—"),
    ],
)
def test_shares(share: float | None, text: str) -> None:
    assert i18n.percent(share) == text


@pytest.mark.parametrize(
    ("fen", "zh", "en"),
    [
        (0, "0 元", "¥0"),
        (8550, "86 元", "¥86"),
        (999_949, "9,999 元", "¥9,999"),
        (999_950, "1.0 万元", "¥10,000"),
        (12_345_678, "12.3 万元", "¥123,457"),
        (-1_234_500, "−1.2 万元", "−¥12,345"),
        (1_234_567_890, "1,235 万元", "¥12.3 million"),
        (123_456_789_012, "12.3 亿元", "¥1,235 million"),
        (None, "—", "—"),
    ],
)
def test_money(fen: int | None, zh: str, en: str) -> None:
    assert (i18n.money(fen, language="zh"), i18n.money(fen, language="en")) == (zh, en)


@pytest.mark.parametrize(
    ("yuan", "zh", "en"),
    [(9_877, "9,877", "¥9,877"), (99_999, "10.0 万", "¥99,999"), (100_000, "10.0 万", "¥100k"),
     (999_499, "99.9 万", "¥999k"), (999_500, "100 万", "¥1.0m"), (1_234_567, "123 万", "¥1.2m"),
     (-1_234_567, "−123 万", "−¥1.2m"), (123_456_789, "1.2 亿", "¥123m")],
)  # fmt: skip
def test_brief_money_fits_above_a_column(yuan: int, zh: str, en: str) -> None:
    assert (i18n.money(yuan * 100, brief=True, language="zh"), i18n.money(yuan * 100, brief=True, language="en")) == (
        zh,
        en,
    )


def test_exact_money_keeps_every_fen() -> None:
    assert i18n.money(8550, exact=True, language="zh") == "85.50 元"
    assert i18n.money(-1_234_500, exact=True, language="en") == "−¥12,345"
    assert i18n.signed(3) == "+3"
    assert i18n.signed(-3) == "−3"
    assert i18n.signed(0) == "0"


def test_days_and_moments() -> None:
    day = dt.date(2026, 4, 20)
    assert i18n.date(day) == "2026-04-20"
    assert (i18n.day_short(day, "zh"), i18n.day_short(day, "en")) == ("4 月 20 日", "20 Apr")
    assert (i18n.month(day, "zh"), i18n.month(day, "en")) == ("2026 年 4 月", "Apr 2026")
    assert (i18n.month_name(4, "zh"), i18n.month_name(4, "en")) == ("4 月", "Apr")
    assert i18n.day_axis(dt.date(2026, 4, 2)) == "4-2"
    night = dt.datetime(2026, 4, 19, 18, 5, tzinfo=dt.UTC)
    assert i18n.datetime_(night) == "2026-04-20 02:05", "the day begins in the community's zone"
    assert i18n.datetime_(night, "America/Los_Angeles") == "2026-04-19 11:05"
    assert i18n.time_(night) == "02:05"
    with pytest.raises(ValueError, match="time zone"):
        i18n.datetime_(night.replace(tzinfo=None))


def test_lengths_of_time() -> None:
    with speaking("en"):
        assert [i18n.duration(hours) for hours in (0, 0.5, 1, 1.02, 5.25, 30, 48, 500, None)] == [
            *("0 hours", "30 minutes", "1 hour", "1 hour", "5.2 hours", "30 hours", "2 days", "21 days", "—")
        ]
        assert i18n.days_badge(23) == "23 d"
    assert i18n.duration(500) == "21 天"
    assert i18n.days_badge(23) == "23 天"


def test_how_long_ago() -> None:
    now = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
    back = [
        now - dt.timedelta(**gap) for gap in ({"seconds": 5}, {"minutes": 5}, {"hours": 3}, {"days": 3}, {"days": -3})
    ]
    assert [i18n.ago(then, now) for then in back] == ["刚刚", "5 分钟前", "3 小时前", "3 天前", "3 天后"]
    assert i18n.ago(now.date(), now.date()) == "今天"
    with speaking("en"):
        assert i18n.ago(dt.date(2026, 4, 17), now.date()) == "3 days ago"
        assert i18n.ago(dt.date(2026, 4, 21), now.date()) == "in 1 day"


def test_words_in_a_row() -> None:
    with speaking("zh"):
        assert i18n.listed(["哪里坏了", "有没有危险"]) == "哪里坏了、有没有危险"
    with speaking("en"):
        assert i18n.listed(iter("ab")) == "a, b"


def test_a_number_in_a_sentence_is_written_like_any_other() -> None:
    with i18n.speaking("en"):
        assert (
            i18n.say(
                Message(
                    "{n} of {all}, {share}%, {yes}, {year}",
                    {
                        "n": 1662,
                        "all": -12_345,
                        "share": 7,
                        "yes": True,
                        "year": "2026",
                    },
                )
            )
            == "1,662 of −12,345, 7%, True, 2026"
        )
        assert (
            i18n.say(Message("{a}; {b}", {"a": counted("{n} order", "{n} orders", 2000), "b": 0})) == "2,000 orders; 0"
        )


def test_one_of_something_is_one() -> None:
    assert i18n.ONE.keys() < i18n.UNITS.keys()
    for unit in i18n.ONE:
        with i18n.speaking("en"):
            one, many, near = (i18n.figure_of(n, unit) for n in (1, 2, 1.2))
            assert (one[0], many[0]) == ("1", "2")
            assert one[1] != many[1] == near[1]
        with i18n.speaking("zh"):
            assert i18n.figure_of(1, unit)[1] == i18n.figure_of(2, unit)[1]
    with i18n.speaking("en"):
        assert i18n.amount(1, "projects") == "1\u00a0project"
