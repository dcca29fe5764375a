"""What a review says by itself, over thousands of states that the data could be in: good grammar in both languages,
each number in a sentence one of those it was made from, and nothing claimed of too little."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, datetime
from types import SimpleNamespace as Some
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

import repository
from dashboard import i18n
from repository import activities, facilities
from repository.access import Actor, Role
from repository.grids import Grid, Tier
from repository.hazards import Level
from repository.metrics import METRICS, UNTOLD, Metric, Period, State, Value
from repository.people import AgeBand
from repository.review import SECTIONS, sections
from repository.review.desk import Desk
from repository.review.document import Section, loudest
from tests.test_sentences import COUNT, both, counted, numbers, share

GRIDS = [Grid(id=f"g{n}", community_id="d", code=str(n), name=f"{n} 号网格", responsible_id=f"p{n}") for n in (1, 2, 3)]
NOW = datetime(2026, 4, 2, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
PERIODS = ("2026Q1", "2025Q4", "2025Q1")
MANY = settings(max_examples=400)
SHARE, STOCK = METRICS["work_on_time"], METRICS["work_overdue"]
GRID = st.sampled_from(["g1", "g2", "g3", ""])


def desk(staffing: Any = None) -> Any:
    periods = [Period.of(key) for key in PERIODS]
    made = Desk(None, Actor("a", "a", Role.ADMIN), "d", *periods, NOW)  # type: ignore[arg-type]
    made.__dict__["then"] = made  # the rooms that stand in know one answer
    made.__dict__["posts"] = Some(
        grids=GRIDS, names={"p1": "王芳", "p3": "李敏"}, staffing=staffing,
        coverage=Value(SHARE, 1.0, 9), filled=Value(SHARE, 1.0, 9),
    )  # fmt: skip
    return made


def written(section: str, at: Any, **rooms: Callable[..., Any]) -> tuple[Section, list[str], list[str]]:
    """A section, its headline and its points in English; whatever it says is said well in both languages."""
    with ExitStack() as stack:
        for name, answer in rooms.items():
            room, question = name.split("__")
            stack.enter_context(patch.object(getattr(repository, room), question, answer))
        found = SECTIONS[section](at)
    points = [both(point)[1] for point in found.points]
    for each in found.proposals:
        both(each.text)
    for each in (*found.tables, *found.charts):
        both(each.title)
    known = [figure.state for figure in found.figures if figure.enough]
    assert found.state is (loudest(known) if any(known) else State.UNKNOWN), "nothing is claimed of so few"
    return found, [both(found.headline)[1]], points


def thrice(answers: tuple[Any, Any, Any], place: int = 3) -> Callable[..., Any]:
    """A question that answers each of the three periods."""
    by_key = dict(zip(PERIODS, answers, strict=True))
    return lambda *asked, **_more: by_key[asked[place].key]


def moved(found: Section, points: list[str]) -> None:
    """What is said to have moved most did, by so much, and which way."""
    for text in points:
        if not text.startswith("Moved most"):
            continue
        way, title, before, after = re.fullmatch(
            r"Moved most, for the (better|worse): (.+), from (.+) to (.+)", text
        ).groups()  # type: ignore[union-attr]
        changes = {
            figure.title: abs((figure.change or 0) / figure.before)
            for figure in found.figures
            if figure.before and figure.better is not None
        }
        assert changes[title] == max(changes.values())
        with i18n.speaking("en"):
            assert any(
                figure.title == title and figure.better == (way == "better") and figure.enough
                and (i18n.amount(figure.before, figure.unit), i18n.amount(figure.value, figure.unit)) == (before, after)
                for figure in found.figures
            )  # fmt: skip


@st.composite
def work(draw: st.DrawFn) -> Any:
    rows = draw(st.lists(st.tuples(GRID, COUNT, COUNT, COUNT, COUNT), unique_by=lambda row: row[0], max_size=4))
    grids = tuple(
        Some(grid_id=grid, opened=opened, ended=ended, open=late + more, overdue=late, on_time=None, on_time_n=0)
        for grid, opened, ended, late, more in rows
    )
    late = sum(row.overdue for row in grids)
    kinds = draw(st.lists(st.tuples(COUNT, COUNT), max_size=3))
    return Some(
        figures=Figures(
            open=counted(METRICS["work_open"], sum(row.open for row in grids), []),
            overdue=counted(STOCK, late, draw(st.lists(COUNT, max_size=3))),
            on_time=draw(share(SHARE)),
        ),
        grids=grids,
        categories=tuple(
            Some(category=str(word), overdue=a, open=a + b)
            for word, (a, b) in zip(("property", "fitness", "雨棚"), kinds, strict=False)
        ),
        course=(),
    )


class Figures(Some):
    """As the named tuple of the room: its values one by one, and by name."""

    def __iter__(self) -> Any:
        return iter((self.open, self.overdue, self.on_time))


@MANY
@given(st.tuples(work(), work(), work()))
def test_of_maintenance(answers: tuple[Any, Any, Any]) -> None:
    now = answers[0]
    with patch.object(sections.maintenance, "_because", lambda *_asked: None):
        found, (headline,), points = written("maintenance", desk(), maintenance__work_review=thrice(answers))
    sums = [sum(getattr(row, name) for row in now.grids) for name in ("opened", "ended", "open", "overdue")]
    assert numbers(headline) == (sums if any(sums) else [])
    worst = max((row for row in now.grids if row.grid_id), key=lambda row: row.overdue, default=None)
    said = next((text for text in points if text.startswith("Most overdue")), "")
    assert bool(said) == bool(worst and worst.overdue)
    if said:
        assert numbers(said) == [worst.overdue, sums[3]]
        assert next(grid for grid in GRIDS if grid.name in said).id in [
            row.grid_id for row in now.grids if row.overdue == worst.overdue
        ]
    for text in points:
        if " overdue of " in text:
            assert tuple(numbers(text)) in {(row.overdue, row.open) for row in now.categories}
    for proposal in found.proposals:
        assert numbers(both(proposal.text)[1]) == [worst.overdue]
    moved(found, points)


@MANY
@given(
    COUNT,
    COUNT,
    st.integers(0, 9),
    st.none() | st.integers(-99, 99),
    st.floats(0, 30),
    share(SHARE),
    st.dictionaries(st.sampled_from(["g1", "g2", "g3", None]), st.tuples(st.integers(0, 9), st.floats(0, 1))),
)
def test_of_facilities(
    hazards: int, more: int, dangers: int, past: int | None, ages: float, good: Value, by: dict[Any, Any]
) -> None:
    row = Some(code="F-01", name="单杠", grid_id="g1", reasons=(), days_past=past, cost_cents=100,
               status=facilities.ServiceStatus.IN_SERVICE, responsible_id="p1")  # fmt: skip
    estate = Some(
        dangers=(row,) * dangers, by_category={},
        by_grid={grid: Some(standing=9, graded=n, good_order=part if n else None) for grid, (n, part) in by.items()},
        past_life=good,
        smart=good, condition=good, total=Some(standing=hazards + more),
        sites=(Some(site="体育公园", difference=ages),),
    )  # fmt: skip
    at = desk()
    estate.good_order, estate.hazards = good, counted(METRICS["F_hazards"], hazards, [])
    found, (headline,), points = written("facilities", at, facilities__inventory=lambda *_a, **_k: estate)
    causes = {metric: both(cause)[1] for metric, cause in at.causes.items()}
    enough = {grid: part for grid, (n, part) in by.items() if grid and n >= SHARE.minimum_n}
    assert (SHARE.key in causes) == (len(enough) > 1), "nothing is compared with itself, or of too few"
    if SHARE.key in causes:
        worst = {names.name for names in GRIDS if enough.get(names.id) == min(enough.values())}
        assert any(f"Lowest in {name}: " in causes[SHARE.key] for name in worst)
    assert ("F_hazards" in causes) == (dangers > 0)
    assert numbers(headline) == ([hazards, hazards + more] if hazards else [more] if more else [])
    assert bool(points) == (ages >= sections.facilities.MIXED_YEARS)
    assert len(found.tables[0].rows) + found.tables[0].more == dangers
    told = {each[3] for each in found.tables[0].rows}
    assert told <= {past if past and past > 0 else None}, "what is not past its life is so by no days"


@st.composite
def crowd(draw: st.DrawFn) -> Any:
    people = draw(st.none() | COUNT)
    why = draw(st.sampled_from(["", UNTOLD])) if people is None else ""
    sessions = draw(st.lists(COUNT, min_size=1, max_size=4))
    words = [str(word) for word in [*activities.Format, "义诊"]]
    formats = [Some(format=words[place], sessions=n) for place, n in enumerate(sessions)]
    held = sum(sessions)
    return Some(
        held=Value(METRICS["activities_held"], held, held),
        participants=Value(METRICS["participants"], people, people or 0, why=why),
        participation=draw(share(METRICS["participation_rate"])),
        visits=counted(METRICS["visits"], (people or 0) + draw(COUNT), []),
        repeat=draw(share(METRICS["repeat_share"])),
        newcomers=draw(share(METRICS["new_share"])),
        variety=Some(
            effective=draw(share(METRICS["effective_formats"])),
            formats=formats,
            commonest=max(formats, key=lambda each: each.sessions) if held else None,
        ),
        ages=[
            Some(label=band.label, people=3, share=a, population_share=b,
                 representation=a / b if a is not None and b else None)
            for band, (a, b) in zip(AgeBand, draw(st.lists(
                st.tuples(st.floats(0, 1) | st.none(), st.floats(0, 1) | st.none()), max_size=5)), strict=False)
        ],
        months=(),
    )  # fmt: skip


@MANY
@given(st.tuples(crowd(), crowd(), crowd()))
def test_of_participation(answers: tuple[Any, Any, Any]) -> None:
    now = answers[0]
    found, (headline,), points = written("participation", desk(), activities__figures=thrice(answers))
    held, people = now.held.value, now.participants.value
    told = [held, people, now.visits.value] if people is not None else [held] if held else []
    assert numbers(headline) == ([held, now.visits.value] if now.participants.why else told)
    for text in points:
        if "of one kind" in text:
            most = now.variety.commonest.sessions
            assert numbers(text)[:2] == [most, held]
            assert most * 2 > held > 1
        elif "of the population" in text:
            least = min(group.representation for group in now.ages if group.representation is not None)
            assert least < sections.participation.FAIR
            shares = {
                (round((group.share or 0) * 100), round((group.population_share or 0) * 100))
                for group in now.ages
                if group.representation == least
            }
            assert tuple(int(n) for n in re.findall(r"(\d+)%", text)) in shares
    moved(found, points)


@MANY
@given(
    COUNT,
    st.lists(st.tuples(st.sampled_from(list(Tier)), st.sampled_from(["g1", "g2", "g3"])), max_size=4),
    st.lists(st.integers(0, 9), max_size=3),
)
def test_of_safety(standing: int, gaps: list[tuple[Tier, str]], late: list[int]) -> None:
    rows = tuple(
        Some(id=f"h{place}", what="leak" if place else "线路外露", level=Level.MAJOR, grid_id="g1", responsible_id="p1",
             overdue_days=days)
        for place, days in enumerate(late)
    )  # fmt: skip
    of = Some(rectified=Value(SHARE, 0.5, 9), overdue=counted(STOCK, len(rows), []), standing=rows)
    walk = Some(coverage=Value(SHARE, 0.5, 9))
    look = Some(**dict.fromkeys(("on_time", "overdue", "done", "value", "values"), Value(SHARE, 0.5, 9)))
    look.figures = (look.on_time,)
    found, (headline,), points = written(
        "safety", desk(Some(gaps=gaps)),
        maintenance__hazard_review=lambda *_a, **_k: of,
        patrols__patrol_review=lambda *_a, **_k: walk,
        inspections__rounds=lambda *_a, **_k: look,
    )  # fmt: skip
    assert set(numbers(headline)) <= {len(rows), int(of.overdue.value or 0), sum(days > 0 for days in late)}
    assert [numbers(text) for text in points if "without an officer" in text] == ([[len(gaps)]] if gaps else [])
    assert len(found.proposals) == (1 if late and late[0] else 0)
    known = {"zh": "漏水", "en": "Water leak"}
    for language, word in known.items():
        with i18n.speaking(language):
            whats = [i18n.say(row[0]) for row in found.tables[0].rows]
        assert set(whats[1:]) <= {word}, "the fault of a dangerous order is no word of a person's"


@MANY
@given(st.lists(COUNT, max_size=4), st.integers(0, 3), COUNT, st.integers(0, 9))
def test_of_organizations(times: list[int], silent: int, unclear: int, days: int) -> None:
    quiet = Some(organization=Some(name="某银行"), last_part=date(2025, 1, 1), needs=2)
    of = Some(
        standings=[Some(times=n) for n in times], silent=(quiet,) * silent, participation=Value(SHARE, 0.5, 9),
        silence=counted(STOCK, silent, []), matching=Value(SHARE, 0.5, 9), unmatched=counted(STOCK, 1, []),
    )  # fmt: skip
    late = (Some(task=Some(name="授课"), project=Some(name="普法"), days=days),) * bool(days)
    built = Some(completion=Value(SHARE, 0.5, 9), unclear=counted(METRICS["U3_unclear"], unclear, []), late_tasks=late)
    _found, (headline,), points = written(
        "organizations", desk(),
        organizations__review=lambda *_a, **_k: of, projects__review=lambda *_a, **_k: built,
    )  # fmt: skip
    assert numbers(headline) == ([sum(n > 0 for n in times), len(times)] if times else [])
    assert [numbers(text) for text in points if "unclear" in text] == ([[unclear]] if unclear else [])
    assert [numbers(text) for text in points if "overdue" in text] == ([[days]] if days else [])


@MANY
@given(st.lists(st.tuples(st.sampled_from(list(Tier)), st.sampled_from(["g1", None])), max_size=3), COUNT, COUNT)
def test_of_the_team(empty: list[tuple[Tier, str | None]], without: int, more: int) -> None:
    vacancies = tuple(Some(tier=tier, grid_id=grid, since=None, days=None) for tier, grid in empty)
    team = Some(
        dimensions=(), gaps_value=counted(STOCK, 1, []), succession=Value(SHARE, 0.5, 9),
        without_successor=without, key_posts=without + more,
    )  # fmt: skip
    _found, (headline,), points = written("team", desk(Some(vacancies=vacancies)), staff__team=lambda *_a, **_k: team)
    assert numbers(headline) == ([len(empty)] if empty else [])
    assert [numbers(text) for text in points] == ([[without, without + more]] if without else [])


@MANY
@given(COUNT, COUNT, COUNT, st.booleans())
def test_of_meetings(open_items: int, late: int, carried: int, held: bool) -> None:
    of = Some(
        anything=held or open_items > 0,
        unfinished=(),
        open_items=open_items,
        overdue=late,
        carried_over=counted(METRICS["T2_carried"], carried, []),
        **dict.fromkeys(("cadence", "carried_out", "consensus", "attendance"), Value(SHARE, 0.5, 9)),
    )
    _found, (headline,), points = written("meetings", desk(), meetings__review=lambda *_a, **_k: of)
    assert numbers(headline) == ([open_items, late] if open_items else [])
    assert ("is done" in headline) == (held and not open_items)
    assert [numbers(text) for text in points] == ([[carried]] if carried else [])


@MANY
@given(st.tuples(*[st.tuples(COUNT, COUNT, COUNT, share(METRICS["requests_on_time"]))] * 3),
       st.lists(st.tuples(COUNT, COUNT), max_size=3))  # fmt: skip
def test_of_requests(answers: Any, rows: list[tuple[int, int]]) -> None:
    topics = tuple(
        Some(category=word, opened=now, before=then, open=1)
        for word, (now, then) in zip(("environment", "托管亲子", "lift"), rows, strict=False)
    )

    def of(received: int, open_: int, late: int, kept: Value) -> Any:
        return Some(
            received=counted(METRICS["requests_received"], received, []),
            open=counted(METRICS["requests_open"], open_, []),
            overdue=counted(METRICS["requests_overdue"], late, []),
            topics=topics, months=(),
            **dict.fromkeys(("on_time", "response", "solved", "satisfied", "repeats"), kept),
        )  # fmt: skip

    found, (headline,), points = written(
        "requests", desk(), requests__request_review=thrice(tuple(of(*each) for each in answers))
    )
    assert numbers(headline) == (list(answers[0][:3]) if any(answers[0][:2]) else [])
    rising = [text for text in points if text.startswith("Comes up")]
    assert bool(rising) == any(now > then for now, then in rows)
    for text in rising:
        assert tuple(numbers(text)) in {pair for pair in rows if pair[0] - pair[1] == max(a - b for a, b in rows)}
    moved(found, points)


@MANY
@given(st.lists(st.tuples(st.integers(2026, 2031), st.none() | COUNT), max_size=5), st.integers(0, 3))
def test_of_money(items: list[tuple[int, int | None]], put_off: int) -> None:
    plan = Some(
        items=[Some(code="F", name="单杠", grid_id="g1", year=year, cost_cents=cost) for year, cost in items],
        deferred=(None,) * put_off, fci=Value(METRICS["M13"], 0.2, 9),
    )  # fmt: skip
    estate = Some(next_year=counted(METRICS["F5"], 3, []))
    _found, (headline,), points = written(
        "money", desk(),
        activities__residents_review=lambda *_a, **_k: None,
        replacement__replacement_review=lambda *_a, **_k: plan,
        facilities__inventory=lambda *_a, **_k: estate,
    )  # fmt: skip
    if items:
        with i18n.speaking("en"):
            money = i18n.amount(sum(cost or 0 for _year, cost in items), "money")
        assert money in headline.replace("\u00a0", " ") or money in headline
        years = len({year for year, _cost in items})
        assert ("one year" in headline) if years == 1 else numbers(headline)[0] == years
    else:
        assert numbers(headline) == []
    assert [numbers(text) for text in points] == ([[put_off]] if put_off else [])


def test_the_metrics_that_stand_in_are_there() -> None:
    assert isinstance(SHARE, Metric)
    assert len(SECTIONS) == 9 == len([name for name in globals() if name.startswith("test_of_")])
