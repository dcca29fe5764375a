"""What Overview says by itself, over thousands of states that the data could be in: good grammar in both languages,
each claim true of the figures it was made from, and no claim that rests on too little."""

import re
from types import SimpleNamespace as Some
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import i18n
from repository import activities, facilities, maintenance, overview, projects, requests, staff
from repository.activities.metrics import EFFECTIVE_FORMATS, PARTICIPANTS, PARTICIPATION
from repository.facilities.metrics import GOOD_ORDER
from repository.grids import COVERAGE, POSTS, Grid, Tier
from repository.maintenance.metrics import ON_TIME, OVERDUE_ORDERS
from repository.meetings.queries import Glance as MeetingsGlance
from repository.metrics import METRICS, Metric, State, Value
from repository.requests.themes import Glance as RequestsGlance
from repository.requests.themes import Theme
from repository.words import Message

GRIDS = [Grid(id=f"g{n}", community_id="d", code=str(n), name=f"{n} 号网格", responsible_id=f"p{n}") for n in (1, 2, 3)]
NAMES = {"p1": "王芳", "p3": "李敏"}
MANY = settings(max_examples=700)
COUNT = st.integers(0, 3) | st.integers(0, 4_000)


def share(metric: Metric) -> st.SearchStrategy[Value]:
    """A share and what it is one of; small numbers, at which a state must not be claimed, among them."""
    of = COUNT.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    return of.map(lambda of: Value(metric, of[0] / of[1] if of[1] else None, of[1]))


def counted(metric: Metric, n: int, before: list[int]) -> Value:
    return Value(metric, n, n, [(f"2026-{month:02d}", value) for month, value in enumerate([*before, n], 1)])


def both(message: Message | None) -> list[str]:
    """The sentence in both languages; each has all it needs and nothing that is not said."""
    if message is None:
        return []
    said = []
    for language in ("zh", "en"):
        with i18n.speaking(language):
            text = i18n.say(message)
        assert text == text.strip()
        assert text
        for slip in ("{", "}", "None", "  ", "nan", "inf", "..", ",.", "；。", "，，"):
            assert slip not in text, text
        assert not re.search(r"岁 ?岁|件 ?件|years? years?", text), text
        said.append(text)
    _in_good_english(said[1])
    return said


def _in_good_english(text: str) -> None:
    """One of something is one; any other number of it are many; what follows agrees."""
    for number, noun in re.findall(
        r"(?<!of )(?<![\d,.–-])(\d[\d,]*) (?:(?:required|action|stationed|key) )*([a-z]+)", text
    ):
        if noun in ("of", "in", "to", "overdue", "past", "ended", "open", "took", "d"):
            continue
        many = noun.endswith("s") or noun == "people"
        assert (number == "1") != many, text
    for number, verb in re.findall(r"(?<![\d,])([\d,]+) of [\d,]+ [a-z ]*?(takes?|lacks?|is|are)\b", text):
        assert (number == "1") == (verb in ("takes", "lacks", "is")), text


def numbers(text: str) -> list[int]:
    without_names = re.sub(r"\d 号网格", "", text)
    return [int(found.replace(",", "")) for found in re.findall(r"(?<![A-Za-z])\d[\d,]*", without_names)]


@MANY
@given(
    st.lists(st.tuples(st.sampled_from(["g1", "g2", "g3", ""]), COUNT), unique_by=lambda row: row[0], max_size=4),
    st.lists(COUNT, min_size=0, max_size=5),
    share(ON_TIME),
    share(GOOD_ORDER),
    st.integers(0, 3),
    st.none() | st.tuples(st.sampled_from([*maintenance.WorkCategory, "雨棚"]), COUNT.filter(bool)),
)
def test_of_repairs_and_facilities(
    rows: list[tuple[str, int]],
    before: list[int],
    on_time: Value,
    good: Value,
    dangers: int,
    kind: tuple[str, int] | None,
) -> None:
    overdue = sum(n for _grid, n in rows)
    work: Any = Some(
        overdue=counted(OVERDUE_ORDERS, overdue, before),
        on_time=on_time,
        grids=tuple(Some(grid_id=grid, overdue=n) for grid, n in rows),
        kind=kind and (str(kind[0]), kind[1]),
    )
    estate: Any = Some(good_order=good, dangers=(None,) * dangers)
    found = overview._facilities_concern(GRIDS, work, estate, NAMES)
    finding, why = both(found.finding)[1], both(found.why)[1]
    both(found.link)
    told = numbers(finding)
    if not overdue:
        assert finding == "No repair is overdue"
    elif "rose" in finding or "fell" in finding:
        first, last, months = told
        assert (first, last, months) == (before[-3], overdue, 3)
        assert ("rose" in finding) == (first < last)
        assert first != last
    else:
        assert told == [overdue]
    worst = max((n for grid, n in rows if grid), default=0)
    of_kind = [kind[1]] if kind else []
    assert numbers(why) == [*([worst] if worst else []), *of_kind, dangers]
    if kind:
        name = kind[0].label if isinstance(kind[0], maintenance.WorkCategory) else kind[0]
        assert re.search(rf"category “{name}” (has )?{kind[1]:,}\b", why), why
        assert (name if name == "雨棚" else "类") in both(found.why)[0]
    if worst:
        grid = next(each for each in GRIDS if each.name in why)
        assert (grid.id, worst) in rows
        assert found.who == tuple(filter(None, [NAMES.get(grid.responsible_id or "")]))
    states = [value.state for value in (work.overdue, on_time, good) if value.state]
    assert found.state == overview.worst(states)
    if on_time.n < ON_TIME.minimum_n and good.n < GOOD_ORDER.minimum_n and not overdue:
        assert found.state is State.UNKNOWN, "nothing is claimed of so few"


@MANY
@given(
    share(POSTS),
    share(COVERAGE),
    st.lists(st.tuples(st.sampled_from(list(Tier)), st.sampled_from(["g1", "g2", "g3", None])), max_size=4),
    st.integers(0, 4),
)
def test_of_the_team_and_the_network(
    filled: Value, coverage: Value, empty: list[tuple[Tier, str | None]], gaps: int
) -> None:
    posts: Any = Some(
        filled=filled,
        coverage=coverage,
        gaps=(None,) * gaps,
        vacancies=tuple(Some(tier=tier, grid_id=grid) for tier, grid in empty),
    )
    found = overview._team_concern(GRIDS, posts, NAMES)
    finding, why = both(found.finding)[1], both(found.why)[1]
    assert numbers(finding) == ([len(empty)] if empty else [])
    assert numbers(why) == ([gaps] if gaps else [])
    assert len(found.who) <= 2
    assert set(found.who) <= {
        NAMES.get(each.responsible_id or "") for each in GRIDS if each.id in {g for _t, g in empty}
    }


@MANY
@given(
    COUNT,
    st.lists(COUNT, min_size=1, max_size=4),
    share(PARTICIPATION),
    share(EFFECTIVE_FORMATS),
    st.lists(st.tuples(st.floats(0, 1) | st.none(), st.floats(0, 1) | st.none()), max_size=4),
    st.booleans(),
)
def test_of_participation(
    people: int,
    sessions: list[int],
    rate: Value,
    effective: Value,
    groups: list[tuple[float | None, float | None]],
    withheld: bool,
) -> None:
    words = [*activities.Format, "义诊"]
    formats = [Some(format=str(words[place]), sessions=n) for place, n in enumerate(sessions)]
    bands = [
        Some(label=f"{18 + place}–{35 + place}", share=a, population_share=b) for place, (a, b) in enumerate(groups)
    ]
    crowd: Any = Some(
        held=Some(value=sum(sessions)),
        variety=Some(formats=formats, effective=effective),
        participation=rate,
        participants=Value(PARTICIPANTS, people, people),
        ages=bands,
        withheld=withheld,
    )
    found = overview._participation_concern(crowd)
    finding, why = both(found.finding)[1], both(found.why)[1]
    held, most = sum(sessions), max(sessions)
    if not held:
        assert numbers(finding) == []
    elif "of one kind" in finding:
        assert numbers(finding)[:2] == [most, held]
        assert most * 2 > held > 1
    else:
        assert numbers(finding) == [held, sum(n > 0 for n in sessions)]
    if withheld:
        assert numbers(why) == [], "a number that is withheld is told nowhere"
    if "%" in why:
        assert people >= PARTICIPATION.minimum_n
        assert numbers(why)[0] == people


@MANY
@given(share(METRICS["U1"]), *[COUNT] * 5, *[st.integers(0, 30)] * 3)
def test_of_the_systems(
    part: Value, unmatched: int, unclear: int, open_: int, missing: int, late: int, gaps: int, without: int, more: int
) -> None:
    missing %= 4
    of = {key: Value(METRICS[key], n, n) for key, n in (("U2_unmatched", unmatched), ("U3_unclear", unclear))}
    line = overview._organizations(
        projects.CoConstructionGlance(Some(participation=part, unmatched=of["U2_unmatched"]), of["U3_unclear"])  # type: ignore[arg-type]
    )
    finding = both(line.finding)[1]
    assert numbers(finding) == ([round((part.value or 0) * part.n), part.n] if part.n else [])
    if part.n:
        assert numbers(both(line.more)[1]) == [unmatched, unclear]

    carried = Value(METRICS["T2_carried"], 0, late)
    found = overview._meetings(MeetingsGlance((None,) * missing, late, carried, None, None, True))  # type: ignore[arg-type]
    assert numbers(both(found.finding)[1]) == [n for n in (missing, late) if n]
    assert (found.state is State.OFF_TARGET) >= bool(missing)

    overdue = min(late, open_)
    of_late = Value(METRICS["requests_overdue"], overdue, open_)
    rising = Theme("", requests.Topic.LIFT.value, more + 1, more, more, 0) if without else None
    kind = ("parking" if gaps else "广场舞", min(overdue, gaps + 1)) if overdue else None
    asked = overview._requests(RequestsGlance(open_, overdue, of_late, rising, kind))
    assert numbers(both(asked.finding)[1]) == ([overdue, open_] if open_ else [])
    told = [*([kind[1]] if kind and kind[1] < overdue else []), *([more + 1, 31, more] if rising else [])]
    assert [n for text in both(asked.more)[1:] for n in numbers(text)] == told

    size = gaps + more
    file: Any = Some(
        size=size, gaps=Some(n=gaps if size > 4 else None), gaps_value=Value(METRICS["C2_gaps"], gaps, size),
        key_posts=without + more, without_successor=without, succession=Value(METRICS["C2_succession"], 0.5, more),
    )  # fmt: skip
    team = overview._team(file)
    assert numbers(both(team.finding)[1]) == ([] if not size else [size] if size <= 4 else [gaps, size])
    if team.more:
        assert numbers(both(team.more)[1]) == [without, without + more]


def test_the_rooms_are_those_the_overview_reads() -> None:
    """The stand-ins above have what the real answers have."""
    assert {"overdue", "on_time", "grids", "kind"} <= maintenance.WorkGlance.__dataclass_fields__.keys()
    assert {"good_order", "dangers"} <= facilities.EstateGlance.__dataclass_fields__.keys()
    assert {"held", "variety", "participation", "participants", "ages", "withheld"} <= (
        activities.Figures.__dataclass_fields__.keys()
    )
    assert {"size", "gaps", "gaps_value", "key_posts", "without_successor", "succession"} <= (
        staff.StaffGlance.__dataclass_fields__.keys()
    )
