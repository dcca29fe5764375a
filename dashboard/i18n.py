"""Words, numbers and dates in the reader's language.

English texts are the keys; ``locale/zh_CN/LC_MESSAGES/gridboard.po`` holds the Chinese ones and is read at start.
``python -m dashboard.i18n update`` brings new texts into it, ``… fill`` puts translations in, ``… check`` lists gaps.
"""

import datetime as dt
import math
import re
import string
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from repository.words import Amount, Message, Trouble, msg

if TYPE_CHECKING:  # the command line starts the database before it imports what these bring along
    from repository.metrics import Period, Target, Value
    from repository.record import Choice

LANGUAGES = {"zh": "中文", "en": "English"}
DEFAULT = "zh"
MISSING = "—"
CATALOGUE = Path(__file__).parent / "locale" / "zh_CN" / "LC_MESSAGES" / "gridboard.po"

_spoken: ContextVar[str | None] = ContextVar("gridboard_language", default=None)
_chosen: ContextVar[str | None] = ContextVar("gridboard_language_of_the_run", default=None)


# ── whose language ──────────────────────────────────────────────────────────────────────────────────────────────────


def current() -> str:
    """The language of whoever reads now: that of ``speaking``, else of this browser session (key ``lang``), else zh."""
    spoken = _spoken.get() or _chosen.get()
    if spoken is not None:
        return spoken
    runner = sys.modules.get("streamlit.runtime.scriptrunner_utils.script_run_context")
    context = runner.get_script_run_ctx(suppress_warning=True) if runner else None
    if context is None:
        return DEFAULT
    # a fragment may run in a thread in which no frame has settled the language
    try:
        chosen = context.session_state["lang"]
    except KeyError:
        return DEFAULT
    return chosen if chosen in LANGUAGES else DEFAULT


def settle(language: str) -> None:
    """The run that begins speaks ``language``: asking the session for each of its thousand words takes longer than
    finding them."""
    _chosen.set(_known(language))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Everything inside is said in ``language``, whatever the session chose: exports, the command line, tests."""
    token = _spoken.set(_known(language))
    try:
        yield
    finally:
        _spoken.reset(token)


def language_of_browser(locale: str | None) -> str:
    """The language for a first visit: any Chinese gets zh, a browser that says nothing too, all others en."""
    if not locale:
        return DEFAULT
    return "zh" if locale.replace("_", "-").lower().split("-")[0] == "zh" else "en"


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"no such language: {language!r}")
    return language


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _texts() -> Mapping[str, str]:
    """English to Chinese; a plural pair is found under its singular."""
    from babel.messages.pofile import read_po

    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="zh_CN")
    return {
        entry.id if isinstance(entry.id, str) else entry.id[0]: entry.string
        if isinstance(entry.string, str)
        else entry.string[0]
        for entry in catalogue
        if entry.id and entry.string and not entry.fuzzy
    }


def translator(language: str) -> Callable[[str], str]:
    """The function that says a text in ``language``; an unknown text stays English. ValueError for other languages."""
    if _known(language) == "en":
        return _same
    return _chinese


def _same(text: str) -> str:
    return text


def _chinese(text: str) -> str:
    return _texts().get(text) or text


def _(text: str, **facts: Any) -> str:
    """``text`` in the reader's language; with facts its ``{names}`` are filled in."""
    said = translator(current())(text)
    return said.format(**facts) if facts else said


def n_(singular: str, plural: str, n: float, **facts: Any) -> str:
    """The reader's form for ``n`` things, with ``{n}`` (thousands separated) and the facts filled in."""
    language = current()
    said = (singular if n == 1 else plural) if language == "en" else _texts().get(singular) or plural
    return said.format(n=number(n), **facts)


def say(text: str | Message | Trouble, language: str | None = None) -> str:
    """A text, a message or an error's message in the reader's language.

    A message's facts are translated where they are messages themselves or titles that the catalogue knows; amounts are
    written as everybody writes them.
    """
    if isinstance(text, Trouble):
        text = text.message
    translate = translator(language or current())
    if isinstance(text, str):
        return translate(text)
    facts = {name: _fact(value, language) for name, value in text.params.items()}
    return translate(text.text).format(**facts)


def _fact(value: Any, language: str | None) -> Any:
    if isinstance(value, str | Message):
        return say(value, language)
    if isinstance(value, Amount):
        with speaking(language or current()):
            return amount(value.value, value.unit)
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)  # so many; what is no amount, such as a year, comes as a text
    return value


_PUNCTUATION = re.compile(r"([!#$&*+\-.:<=>@\[-`{-~])")  # what has no meaning in Markdown stays: a label is read aloud
_GAPS = re.compile(r"[^\S\u00a0]+")  # a space that must not break stays one
_LIVELY = re.compile(r":(?=[A-Za-z/+\-])|:(?=\d+:)|(?<=www)(?=\.)|(?=@)|[-<>=~](?=[-<>=])", re.IGNORECASE)


def plain(text: object) -> str:
    """Data on its way into Markdown (labels, headings, st.markdown, st.table): shown letter for letter, on one line.

    Punctuation is escaped. Links, icons, emoji names, arrows and colours that Streamlit makes after reading it are
    broken by a word joiner, which nobody sees.
    """
    one_line = _GAPS.sub(" ", str(text)).strip()
    lively = _LIVELY.sub(lambda found: found.group() + "\u2060", one_line)
    return _PUNCTUATION.sub(r"\\\1", lively)


def whole(text: str) -> str:
    """A day, or the like, that no end of a line cuts in two: by word joiners, which nobody sees."""
    return text.replace("-", "-\u2060")


def paragraphs(text: str) -> str:
    """The same for what somebody wrote on several lines: each stays one."""
    return "  \n".join(plain(line) for line in text.splitlines() if line.strip())


def term(word: str, known: "type[Choice] | None") -> str:
    """A word of an open list: translated when it is one of the ``known``, as it stands otherwise."""
    try:
        return say(known(word).label) if known else word
    except ValueError:
        return word


def period(which: "Period", language: str | None = None) -> str:
    """2026 年 4 月, 2026 年第 2 季度, 2026 年, 2026 年 2–6 月, 全部 / Apr 2026, Q2 2026, 2026, Feb–Jun 2026, all
    time."""
    language = language or current()
    if which.kind == "ever":
        return say(msg("all time"), language)
    if which.kind == "month":
        return month(which.first, language)
    if which.kind == "year":
        return f"{which.first.year} 年" if language == "zh" else str(which.first.year)
    if which.kind == "range":
        return _range(which.first, which.last, language)
    quarter = (which.first.month + 2) // 3
    return f"{which.first.year} 年第 {quarter} 季度" if language == "zh" else f"Q{quarter} {which.first.year}"


def _range(first: dt.date, last: dt.date, language: str) -> str:
    if first.year < last.year:
        return f"{month(first, language)} – {month(last, language)}"
    if language == "zh":
        return f"{first.year} 年 {first.month}–{last.month} 月"
    return f"{_MONTHS[first.month - 1]}–{month(last, language)}"


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _nothing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def number(value: float | None, decimals: int | None = None) -> str:
    """1,234 · 3.2 · −5 · — when missing. Without ``decimals``: none from 10 upwards or when whole, else one."""
    if _nothing(value):
        return MISSING
    value = cast(float, value)
    if decimals is None:
        decimals = 0 if float(value).is_integer() or round(abs(value), 1) >= 10 else 1
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        return text[1:] if not text.strip("-0.,") else "−" + text[1:]
    return text


def signed(value: float | None, decimals: int | None = None) -> str:
    """A difference: +3, −3, 0."""
    text = number(value, decimals)
    return "+" + text if not _nothing(value) and cast(float, value) > 0 and text.strip("0.,") else text


def percent(share: float | None) -> str:
    """A share between 0 and 1: 71%, 4.2% (one decimal under 10). What is not all never reads 100%, nor 0% if any."""
    if _nothing(share):
        return MISSING
    points = cast(float, share) * 100
    if 99.5 <= points < 100:
        return f"{min(points, 99.9):.1f}%"
    if 0 < points < 0.05:
        return "<0.1%"
    return number(points, 0 if abs(points) < 1e-9 or round(abs(points), 1) >= 10 else 1) + "%"


def money(fen: int | None, *, exact: bool = False, brief: bool = False, language: str | None = None) -> str:
    """Integer 分 for people: 9,877 元, 12.3 万元, 1.2 亿元; ¥9,877, ¥12.3 million. ``exact`` keeps every 分;
    ``brief``, where space is dear and yuan are said beside: 12.3 万; ¥123k, ¥1.2m."""
    if fen is None:
        return MISSING
    yuan = fen / 100
    chinese = (language or current()) == "zh"
    if brief and chinese:
        return money(fen, language="zh").removesuffix("元").rstrip()
    if exact:
        amount = number(yuan, 0 if fen % 100 == 0 else 2)
        return f"{amount} 元" if chinese else _yuan_sign(amount)
    size = abs(yuan)
    if chinese:
        if round(size) < 10_000:
            return f"{number(yuan, 0)} 元"
        if round(size, -3) < 100_000_000:
            return f"{_three_figures(yuan / 10_000)} 万元"
        return f"{_three_figures(yuan / 100_000_000)} 亿元"
    if brief and round(size) >= 100_000:
        thousands = round(size, -3) < 1_000_000
        return _yuan_sign(f"{number(yuan / 1000, 0)}k" if thousands else f"{_three_figures(yuan / 1_000_000)}m")
    if round(size) < 10_000_000:
        return _yuan_sign(number(yuan, 0))
    return _yuan_sign(f"{_three_figures(yuan / 1_000_000)} million")


def _three_figures(value: float) -> str:
    return number(value, 1 if round(abs(value), 1) < 100 else 0)


def _yuan_sign(amount: str) -> str:
    return "−¥" + amount[1:] if amount.startswith("−") else "¥" + amount


# ── dates and times ─────────────────────────────────────────────────────────────────────────────────────────────────

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


UNITS: Mapping[str, str] = {
    "orders": msg("orders"),
    "percent": "%",
    "weeks": msg("wk"),
    "hours": msg("h"),
    "items": msg("items"),
    "times": msg("times"),
    "people": msg("people"),
    "visits": msg("visits"),
    "events": msg("events"),
    "formats": msg("formats"),
    "posts": msg("posts"),
    "organizations": msg("organisations"),
    "needs": msg("needs"),
    "projects": msg("projects"),
    "years": msg("yr"),
    "money": msg("yuan"),
    "grade": msg("grade"),
    "points": msg("pts"),
    "lessons": msg("h of training"),
    "cases": msg("cases"),
    "service_hours": msg("h served"),
    "figures": msg("figures"),
    "days": msg("d"),
}
ONE: Mapping[str, str] = {
    "orders": msg("order"),
    "items": msg("item"),
    "people": msg("person"),
    "visits": msg("visit"),
    "events": msg("event"),
    "formats": msg("format"),
    "posts": msg("post"),
    "organizations": msg("organisation"),
    "needs": msg("need"),
    "projects": msg("project"),
    "points": msg("pt"),
    "cases": msg("case"),
    "figures": msg("figure"),
}
"""The unit of exactly one, where it differs."""


def figure_of(amount: float | None, unit: str) -> tuple[str, str]:
    """A figure in a metric's unit and that unit in words, as everybody shows it: shares as whole %, two days or more as
    days."""
    if unit == "percent":
        return percent(amount).removesuffix("%"), "%"
    if unit == "hours" and amount is not None and abs(amount) >= 48:
        return number(amount / 24), _("d")
    if unit == "money":  # the unit grows with the amount: 9,877 元, 12.3 万元
        return money(None if amount is None else round(amount)), ""
    if unit == "times":  # 1.22 against a bound of 1.2
        return number(amount, 2), say(UNITS[unit])
    figure = number(amount)
    return figure, say(ONE.get(unit, UNITS[unit]) if figure == "1" else UNITS[unit])


def amount(value: float | None, unit: str) -> str:
    """Figure and unit in one: 12 orders, 71%, 3 d."""
    figure, word = figure_of(value, unit)
    return f"{figure}{word}" if word in ("", "%") else f"{figure}\u00a0{word}"


def target_words(value: "Value") -> str:
    """What a value is held to, in words; empty without a target."""
    if value.target is None:
        return ""
    return _("target {bounds}", bounds=target_bounds(value.target, value.metric.unit))


def in_words(bound: float | None, unit: str) -> float | None:
    """A bound in the unit that people write it in: shares as %, money in yuan."""
    by = {"percent": 100.0, "money": 0.01}.get(unit, 1.0)
    return None if bound is None else round(bound * by, 6)


def bound_of(bound: float | None, unit: str) -> str:
    """A bound as it was set, in the unit that people write it in: a figure that just misses it must not read the
    same."""
    written = in_words(bound, unit)
    if written is None:
        return MISSING
    return number(written, next((digits for digits in (0, 1) if round(written, digits) == written), 2))


def target_bounds(target: "Target", unit: str) -> str:
    """≥ 85, ≤ 15 or 2–4, in ``unit``; empty where nothing is wanted."""
    low, high = (bound_of(bound, unit) for bound in (target.low, target.high))
    if target.low is not None and target.high is not None:
        return low if target.low == target.high else f"{low}–{high}"
    if target.low is None and target.high is None:
        return ""
    return f"≥\u00a0{low}" if target.low is not None else f"≤\u00a0{high}"


def date(day: dt.date | None) -> str:
    """2026-04-02, for tables and captions. A datetime must be cut to a day in the community's zone first."""
    return MISSING if day is None else day.isoformat()[:10]


def day_short(day: dt.date | None, language: str | None = None) -> str:
    """4 月 20 日 / 20 Apr, for sentences."""
    if day is None:
        return MISSING
    if (language or current()) == "zh":
        return f"{day.month} 月 {day.day} 日"
    return f"{day.day} {_MONTHS[day.month - 1]}"


def day_axis(day: dt.date) -> str:
    """4-2, for axes."""
    return f"{day.month}-{day.day}"


def listed(words: Iterable[str]) -> str:
    """Words in a row, as the language sets them apart."""
    return ("、" if current() == "zh" else ", ").join(words)


def month_name(month: int, language: str | None = None) -> str:
    """4 月 / Apr for month 1 to 12."""
    return f"{month} 月" if (language or current()) == "zh" else _MONTHS[month - 1]


def month(day: dt.date | None, language: str | None = None) -> str:
    """2026 年 4 月 / Apr 2026."""
    if day is None:
        return MISSING
    if (language or current()) == "zh":
        return f"{day.year} 年 {day.month} 月"
    return f"{_MONTHS[day.month - 1]} {day.year}"


def in_zone(moment: dt.datetime, zone: str | dt.tzinfo) -> dt.datetime:
    """The same moment on the community's clock. ValueError for a datetime without a zone: it could mean any time."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)


def datetime_(moment: dt.datetime | None, zone: str | dt.tzinfo = "Asia/Shanghai") -> str:
    """2026-04-02 14:05 on the clock of ``zone``."""
    return MISSING if moment is None else f"{in_zone(moment, zone):%Y-%m-%d %H:%M}"


def time_(moment: dt.datetime | None, zone: str | dt.tzinfo = "Asia/Shanghai") -> str:
    """14:05 on the clock of ``zone``."""
    return MISSING if moment is None else f"{in_zone(moment, zone):%H:%M}"


def moment_short(moment: dt.datetime, now: dt.datetime) -> str:
    """today 14:05, tomorrow 09:30, 20 Apr 14:05, on the clock of ``now``."""
    local = moment.astimezone(now.tzinfo)
    days_ahead = (local.date() - now.date()).days
    if days_ahead == 0:
        return _("today {time}", time=f"{local:%H:%M}")
    if days_ahead == 1:
        return _("tomorrow {time}", time=f"{local:%H:%M}")
    return f"{day_short(local.date())} {local:%H:%M}"


def duration(hours: float | None) -> str:
    """A length of time given in hours: minutes under one hour, hours under two days, then days."""
    if _nothing(hours):
        return MISSING
    hours = cast(float, hours)
    if abs(hours) < 1 and hours != 0:
        return n_("{n} minute", "{n} minutes", round(hours * 60))
    if abs(hours) < 48:
        return n_("{n} hour", "{n} hours", _plain(hours))
    return days(hours / 24)


def days(count: float | None) -> str:
    """23 days / 23 天, for sentences."""
    return MISSING if _nothing(count) else n_("{n} day", "{n} days", _plain(cast(float, count)))


def days_badge(count: float | None) -> str:
    """23 d / 23 天, for badges."""
    return MISSING if _nothing(count) else _("{n} d", n=number(count))


def _plain(value: float) -> float:
    """What ``number`` will show, so that 1.02 takes the singular."""
    rounded = round(value, 1)
    return rounded if abs(rounded) < 10 else round(value)


def ago(then: dt.datetime | dt.date, now: dt.datetime | dt.date) -> str:
    """How long before ``now``: just now, 5 minutes ago, 3 hours ago, 3 days ago; later moments read "in 3 days".

    Two days, or two moments that name their zones. Moments under two days apart count hours, days count days.
    """
    if isinstance(then, dt.datetime) and isinstance(now, dt.datetime):
        seconds = (now - then).total_seconds()
    else:
        seconds = (_day(now) - _day(then)).days * 86400.0
        if seconds == 0:
            return _("today")
    later, size = seconds < 0, abs(seconds)
    if size < 60:
        return _("just now")
    if size < 3600:
        n = int(size // 60)
        return n_("in {n} minute", "in {n} minutes", n) if later else n_("{n} minute ago", "{n} minutes ago", n)
    if size < 86400:
        n = int(size // 3600)
        return n_("in {n} hour", "in {n} hours", n) if later else n_("{n} hour ago", "{n} hours ago", n)
    n = int(size // 86400)
    return n_("in {n} day", "in {n} days", n) if later else n_("{n} day ago", "{n} days ago", n)


def _day(moment: dt.datetime | dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


# ── the catalogue's keeper ──────────────────────────────────────────────────────────────────────────────────────────

MARKS = frozenset({"_", "msg", "n_"})
SOURCES = ("dashboard", "repository", "seed")
SAME = "same in both languages"  # a comment in the catalogue: units and names that need no Chinese


def marked_texts(root: Path) -> Any:
    """A babel Catalog of every text marked in the sources under ``root``: the literals in ``_``, ``msg`` and ``n_``.

    Read from the syntax tree: babel's own reader misses what stands inside an f-string before Python 3.12.
    """
    import ast

    from babel.messages.catalog import Catalog

    found = Catalog(project="GridBoard", charset="utf-8", fuzzy=False)
    for path in sorted(path for source in SOURCES for path in (root / source).rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            mark = _called(call) if isinstance(call, ast.Call) else ""
            if mark not in MARKS:
                continue
            texts = [part.value for part in call.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if texts:
                plural = mark == "n_" and len(texts) > 1
                text = (texts[0], texts[1]) if plural else texts[0]
                found.add(text, None, [(str(path.relative_to(root)), call.lineno)])
    return found


def _called(call: Any) -> str:
    """The name of what a call calls, with or without its module."""
    return str(getattr(call.func, "id", "") or getattr(call.func, "attr", ""))


def read_catalogue(path: Path = CATALOGUE) -> Any:
    """The Chinese catalogue as a babel Catalog; an absent file is an empty one."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po

    if not path.exists():
        return Catalog(
            locale="zh_CN",
            project="GridBoard",
            version="0",
            charset="utf-8",
            fuzzy=False,
            header_comment="# GridBoard in Chinese. English texts are the keys; `make translations` brings new ones.",
            revision_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            creation_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            msgid_bugs_address="GridBoard",
            last_translator="GridBoard",
            language_team="zh_CN",
        )
    with path.open("rb") as file:
        return read_po(file, locale="zh_CN")


def problems(root: Path, path: Path = CATALOGUE) -> list[str]:
    """Everything that is wrong with the catalogue, one sentence each."""
    wrong = []
    catalogue = read_catalogue(path)
    marked = {_key(entry.id): entry for entry in marked_texts(root) if entry.id}
    known = {_key(entry.id): entry for entry in catalogue if entry.id}
    for text, entry in marked.items():
        where = f"{entry.locations[0][0]}:{entry.locations[0][1]}"
        wrong += [f"{where}: English text with Chinese in it: {each!r}" for each in _forms(entry.id) if _han(each)]
        if text not in known:
            wrong.append(f"{where}: not in the catalogue: {text!r}")
    for text, entry in known.items():
        if text not in marked:
            wrong.append(f"obsolete: {text!r}")
            continue
        said = _forms(entry.string)
        if not any(said):
            wrong.append(f"not translated: {text!r}")
            continue
        if entry.fuzzy:
            wrong.append(f"fuzzy: {text!r}")
        # Chinese has one form: what only an English singular leaves out ("one order") may be missing there.
        names = [_placeholders(each) for each in _forms(entry.id)]
        if any(_placeholders(each) not in names for each in said):
            wrong.append(f"placeholders differ: {text!r} -> {said[0]!r}")
        if not all(map(_han, said)) and _letters(text) and SAME not in entry.user_comments:
            wrong.append(f"no Chinese in the translation: {text!r} -> {said[0]!r}")
    for text in catalogue.obsolete:
        wrong.append(f"obsolete: {_key(text)!r}")
    return wrong


def update(root: Path, path: Path = CATALOGUE, fill: Mapping[str, str] | None = None) -> list[str]:
    """Merge newly marked texts into the catalogue, drop those nobody uses, add ``fill``; the texts still to translate.

    Translations are kept, never guessed. Safe while somebody else does the same: the file is locked and replaced.
    """
    import fcntl
    import os

    from babel.messages.pofile import write_po

    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        catalogue = read_catalogue(path)
        catalogue.update(marked_texts(root), no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        for entry in catalogue:
            said = (fill or {}).get(_key(entry.id)) if entry.id else None
            if said:
                entry.string = said if isinstance(entry.id, str) else (said,)
                entry.flags.discard("fuzzy")
                if not _han(said) and _letters(_key(entry.id)) and SAME not in entry.user_comments:
                    entry.user_comments.append(SAME)
        fresh = path.with_suffix(".po.new")
        with fresh.open("wb") as file:
            write_po(file, catalogue, width=0, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
        fresh.replace(path)
    finally:
        os.close(folder)
    _texts.cache_clear()
    return [_key(entry.id) for entry in catalogue if entry.id and not any(_forms(entry.string))]


def _key(text: Any) -> str:
    return text if isinstance(text, str) else text[0]


def _forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _placeholders(text: str) -> set[str]:
    return {name for _literal, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def _letters(text: str) -> bool:
    """Does the text say anything beside its placeholders?"""
    return any(letter.isalpha() for literal, *_rest in string.Formatter().parse(text) for letter in literal)


def _han(text: str) -> bool:
    return any("\u3400" <= letter <= "\u9fff" for letter in text)


def main(arguments: list[str]) -> int:
    """``update`` | ``fill FILE.json`` ({"English": "中文"}; - for standard input) | ``check``."""
    import json

    root = Path(__file__).resolve().parent.parent
    if arguments == ["check"]:
        found = problems(root)
        sys.stdout.write("".join(f"{line}\n" for line in found))
        return 1 if found else 0
    if arguments == ["update"]:
        rest = update(root)
    elif len(arguments) == 2 and arguments[0] == "fill":
        text = sys.stdin.read() if arguments[1] == "-" else Path(arguments[1]).read_text("utf-8")
        rest = update(root, fill=json.loads(text))
    else:
        sys.stderr.write(f"usage: python -m dashboard.i18n {main.__doc__}\n")
        return 2
    sys.stdout.write("".join(f'{json.dumps(text, ensure_ascii=False)}: "",\n' for text in rest))
    sys.stderr.write(f"{len(rest)} texts to translate in {CATALOGUE.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
