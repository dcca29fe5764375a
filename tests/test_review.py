"""A review says what the areas say, the same in every file made of it, and can be kept and shown again."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pptx import Presentation
from pypdf import PdfReader

from dashboard import cards, i18n
from dashboard.cli import main
from dashboard.pack import digest, paper, powerpoint, reading, workbook
from repository import (
    activities,
    facilities,
    grids,
    maintenance,
    meetings,
    organizations,
    overview,
    projects,
    requests,
    staff,
    targets,
)
from repository.access import Actor, Role
from repository.grids import Community
from repository.metrics import METRICS, Held, Period, State, Target, Value
from repository.review import SECTIONS, AgendaEntry, Figure, Proposal, Review, Section, Table, differences, reviewed
from repository.review.document import Column
from repository.review.writing import ReviewTrouble
from repository.store import Store, Then
from repository.words import Amount, Message
from tests.conftest import NOW

LOCAL = NOW.astimezone(ZoneInfo("Asia/Shanghai"))
READER = Actor("leader", "书记", Role.SECRETARY)
QUARTER = Period.of("2026Q1")
RANGE = Period.of("2025-11..2026-03")
UNTOLD_OF = {
    "2026Q1": (),
    RANGE.key: ("participants", "participation_rate", "repeat_share", "new_share", "G6", "cost_per_participant"),
}
"""Figures of different people or households, which a range has not."""
of_both = pytest.mark.parametrize("review", [QUARTER, RANGE], ids=lambda each: each.key, indirect=True)


@pytest.fixture(scope="module")
def demo(demo_uri: str) -> Iterator[Store]:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    yield store
    store.close()


@pytest.fixture(scope="module")
def review(demo: Store, request: pytest.FixtureRequest) -> Review:
    return reviewed(demo, READER, "d-community", getattr(request, "param", QUARTER), now=LOCAL)


@of_both
def test_figures_are_those_of_the_areas_in_all_three_periods(demo: Store, review: Review) -> None:
    found = review.figures
    assert set(SECTIONS) == {section.key for section in review.sections}
    where = (demo, READER, "d-community")
    keys = {"2026Q1": ("2025Q4", "2025Q1"), "2025-11..2026-03": ("2025-06..2025-10", "2024-11..2025-03")}
    assert (review.before, review.year) == keys[review.period]
    for name, key in (("value", review.period), ("before", review.before), ("year", review.year)):
        period = Period.of(key)
        values = [
            *maintenance.work_figures(*where, period, now=LOCAL),
            activities.figures(*where, period, now=LOCAL).participants,
            activities.figures(*where, period, now=LOCAL).visits,
            activities.figures(*where, period, now=LOCAL).variety.effective,
            meetings.review(*where, period, now=LOCAL).cadence,
            requests.request_review(*where, period, now=LOCAL).on_time,
        ]
        for value in values:
            told = value.value if name == "value" or value.enough else None
            assert getattr(found[value.metric.key], name) == pytest.approx(told), (value.metric.key, key)
    estate = facilities.inventory(*where, on=date(2026, 3, 31))
    assert (found["F1"].value, found["F1"].n) == (estate.good_order.value, estate.good_order.n)
    assert found["F1"].before == dict(estate.good_order.series)[f"{Period.of(review.before).last:%Y-%m}"]
    standard = targets.standard(*where)
    assert {figure.metric for figure in found.values() if figure.why} == set(UNTOLD_OF[review.period])
    for figure in found.values():
        if figure.why:
            assert (figure.value, figure.before, figure.year, figure.low, figure.state) == (None,) * 5
            continue
        target = standard.target(METRICS[figure.metric], date(2026, 3, 31), Period.of(review.period).kind)
        assert (figure.low, figure.high) == ((target.low, target.high) if target else (None, None))


def test_today_s_list_and_the_review_mean_the_same_facility(demo: Store, review: Review) -> None:
    """What is to be taken out of use first; and it is in use."""
    now = overview.glance(demo, READER, "d-community", QUARTER, now=LOCAL)
    (listed,) = [each for each in now.actions if each.page == "facilities" and "facility" in each.params]
    (proposed,) = next(each for each in review.sections if each.key == "facilities").proposals
    found = facilities.facility(demo, READER, "d-community", listed.params["facility"])
    assert found.status == facilities.ServiceStatus.IN_SERVICE
    assert listed.what.params["name"] == proposed.text.params["name"] == found.name
    with i18n.speaking("zh"):
        assert i18n.say(listed.what) == i18n.say(proposed.text)


@pytest.mark.parametrize("key", ["2025Q4", "2026-02"])
def test_what_there_is_of_a_period_that_is_over_is_what_there_was_at_its_end(demo: Store, key: str) -> None:
    period = Period.of(key)
    found = reviewed(demo, READER, "d-community", period, now=LOCAL)
    end = period.until(LOCAL) - timedelta(milliseconds=1)
    told = {}
    for at, now in ((Then(demo, end), end), (demo, LOCAL)):
        where, today = (at, READER, "d-community"), now.date()
        estate, work = facilities.inventory(*where, on=today), meetings.review(*where, period, now=now)
        values = [
            *(estate.good_order, estate.hazards, estate.condition, estate.next_year),
            *(maintenance.hazard_review(*where, period, now=now).overdue, work.carried_over),
            *(organizations.review(*where, period, today=today).silence, staff.team(*where, on=today).gaps_value),
            projects.review(*where, period, today=today).unclear,
        ]
        told[at] = {value.metric.key: value.value for value in values}
    then, now_ = told.values()
    assert {name: found.figures[name].value for name in then} == then
    assert sum(then[name] != now_[name] for name in then) > 3, "else anything would do"
    (section,) = [each for each in found.sections if each.key == "meetings"]
    work = meetings.review(Then(demo, end), READER, "d-community", period, now=end)
    assert [section.headline.params["items"].params["n"], section.headline.params["late"]] == [
        work.open_items, work.overdue
    ]  # fmt: skip
    assert found.figures["F1"].value == dict(facilities.inventory(demo, READER, "d-community", on=LOCAL.date())
                                             .good_order.series)[f"{period.last:%Y-%m}"]  # fmt: skip


def test_agenda_is_in_the_order_a_meeting_takes_it(review: Review) -> None:
    kinds = [entry.kind for entry in review.agenda]
    order = ("overdue", "unfinished", "red", "decide")
    assert kinds == sorted(kinds, key=order.index)
    assert set(kinds) == set(order), "the demonstration has something of each"
    late = [entry.days for entry in review.agenda if entry.kind == "overdue"]
    assert late == sorted(late, reverse=True)
    red = {figure.title for figure in review.figures.values() if figure.state is State.OFF_TARGET}
    assert {entry.text.params["metric"] for entry in review.agenda if entry.kind == "red"} == red
    # a reason is given of the figure it explains, and of no other that stands in the same section
    why = [str(entry.why) for entry in review.agenda if entry.kind == "red" and entry.why]
    assert len(why) == len(set(why)) > 1


def test_every_proposal_names_somebody(demo: Store, review: Review) -> None:
    """The grid's director, or else the secretary."""
    told = {str(each.text): each.who for section in review.sections for each in section.proposals}
    posts = grids.setting(demo, READER, "d-community")
    directors = {grid.name: posts.names[grid.responsible_id or ""] for grid in posts.grids}
    assert all(told.values())
    assert {who for text, who in told.items() if "another kind" in text} == {posts.secretary}
    vacant = [each for section in review.sections for each in section.proposals if "Fill a post" in each.text.text]
    assert [each.who for each in vacant] == [directors[str(each.text.params["grid"])] for each in vacant] != []


@pytest.mark.parametrize("key", ["2025Q1", "2025Q4", "2026-03"])
def test_what_is_proposed_can_still_be_decided(demo: Store, key: str) -> None:
    """Whatever period is reviewed: repairs that are overdue now, posts that are vacant now."""
    texts = []
    for period in (key, "2026-04"):
        found = reviewed(demo, READER, "d-community", Period.of(period), now=LOCAL)
        told = {section.key: section.proposals for section in found.sections}
        texts.append([str(each.text) for name in ("maintenance", "team") for each in told[name]])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2


def test_a_file_says_for_how_many_days_as_the_page_does() -> None:
    months = [("2026-02", 40.0), ("2026-03", 41.0), ("2026-04", 42.0)]
    held = Held(date(2026, 4, 20), Target(high=15))
    noted = replace(held, turns=((date(2026, 4, 1), State.ON_TARGET), (date(2026, 4, 9), State.OFF_TARGET)))
    with i18n.speaking("en"):
        for of, told in ((held, "≥ 51 d"), (noted, "11 d")):
            value = Value(METRICS["work_overdue"], 42, 90, months, held=of)
            assert reading.run(Figure.of(value)) == cards.lasting(value) == told


def test_a_kept_review_is_the_same_and_tells_what_changed_since(review: Review) -> None:
    kept = Review.unpacked(review.packed())
    assert kept == review
    assert differences(kept, review) == ()
    section = review.sections[1]
    changed = replace(section, figures=(replace(section.figures[0], value=99.0, n=99), *section.figures[1:]))
    today = replace(review, sections=(review.sections[0], changed, *review.sections[2:]))
    (difference,) = differences(kept, today)
    assert (difference.figure.metric, difference.value, difference.n) == (section.figures[0].metric, 99.0, 99)


def test_of_a_community_with_nothing_nothing_is_claimed(store: Store, admin: Actor) -> None:
    """Neither that all is well, nor that none of 0 is bad; and no chart is drawn of nothing."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D 社区"))
    found = reviewed(store, admin, "d", QUARTER, now=LOCAL)
    with i18n.speaking("en"):
        said = [i18n.say(text) for section in found.sections for text in (section.headline, *section.points)]
    assert not [text for text in said if re.search(r"\d|every|everything", text, re.IGNORECASE)]
    assert not [chart for section in found.sections for chart in section.charts]
    assert {section.state for section in found.sections if section.key in ("meetings", "team")} == {State.UNKNOWN}
    assert not found.agenda


def test_of_a_year_before_all_activities_it_is_not_said_that_nobody_came(demo: Store) -> None:
    found = reviewed(demo, READER, "d-community", Period.of("2019"), now=LOCAL)
    for key in ("participants", "participation_rate", "visits"):
        assert found.figures[key].value is None
    assert found.figures["participation_rate"].state is State.UNKNOWN
    (section,) = [each for each in found.sections if each.key == "participation"]
    with i18n.speaking("en"):
        assert i18n.say(section.headline) == "No activity was held"


def test_there_is_no_review_of_all_time(demo: Store) -> None:
    with pytest.raises(ReviewTrouble):
        reviewed(demo, READER, "d-community", Period.of("ever"), now=LOCAL)


# --- files -----------------------------------------------------------------------------------------------------------
def _slides(content: bytes) -> list[list[str]]:
    """Every table row of a presentation, as its cells."""
    rows = []
    for slide in Presentation(io.BytesIO(content)).slides:
        for shape in slide.shapes:
            if shape.has_table:
                rows += [[cell.text for cell in row.cells] for row in shape.table.rows]
    return rows


def _printed(content: bytes) -> str:
    return "".join(re.sub(r"\s", "", page.extract_text()) for page in PdfReader(io.BytesIO(content)).pages)


@pytest.mark.parametrize("language", ["zh", "en"])
@of_both
def test_every_figure_is_the_same_in_powerpoint_pdf_and_excel(review: Review, language: str) -> None:
    with i18n.speaking(language):
        rows = _slides(powerpoint.presentation(review))
        pdf = _printed(paper.printed(review))
        book = openpyxl.load_workbook(io.BytesIO(workbook.workbook(review)))
        sheet = book.worksheets[0]
        head = [cell.value for cell in sheet[1]]
        written = {row[1].value: row for row in sheet.iter_rows(min_row=2)}
        for figure in review.figures.values():
            title, amount = i18n.say(figure.title), reading.amount(figure)
            assert [title, amount, reading.target(figure), reading.state(figure)] in [row[:4] for row in rows]
            assert re.sub(r"\s", "", title + amount) in pdf, (title, amount)
            raw = written[title][head.index(i18n._("Value"))].value
            if figure.enough:
                by = {"percent": 100, "money": 0.01}.get(figure.unit, 1)
                assert raw == pytest.approx((figure.value or 0) * by)
            else:
                assert raw is None
        for stamped in (review.community, i18n.date(review.as_of), i18n._("Demonstration: invented data")):
            assert re.sub(r"\s", "", stamped) in pdf
            assert stamped in "\n".join(str(row[0].value) for row in book.worksheets[-1].iter_rows())
        every = i18n.say(next(iter(review.figures.values())).formula)
        assert any(every in cell for row in rows for cell in row)
        assert re.sub(r"\s", "", every)[:40] in pdf


@pytest.mark.parametrize("language", ["zh", "en"])
@of_both
def test_the_digest_tells_the_same_figures_in_few_words(review: Review, language: str) -> None:
    with i18n.speaking(language):
        text = digest.told(review, "https://example.org/review?period=2026Q1")
        lines = text.splitlines()
        for section in review.sections:
            place = lines.index(
                f"{reading.marked(section.state)} {i18n.say(section.title)} — {i18n.say(section.headline)}"
            )
            off = [one for one in section.figures if one.enough and one.state is State.OFF_TARGET]
            for figure, line in zip(off[: digest.TOLD], lines[place + 1 :], strict=False):
                assert re.match(
                    rf"  · {re.escape(i18n.say(figure.title))}(: |：){re.escape(reading.amount(figure))} ?[(（]", line
                )
                assert reading.target(figure) in line
        for stamped in (
            reading.named(review),
            review.community,
            i18n.date(review.as_of),
            i18n._("Demonstration: invented data"),
        ):
            assert stamped in text
        late = [entry for entry in review.agenda if entry.kind == "overdue"]
        assert i18n._("{what}: {n}", what=i18n._("Overdue actions"), n=len(late)) in text
        assert reading.entry(late[0])[0] in text
        assert (i18n._("Off target") in text) == any(one.kind == "red" for one in review.agenda)
    assert len(text) < 3000
    assert text.rstrip().endswith("https://example.org/review?period=2026Q1")
    assert not re.search(r"[{}<>*_]|None", text)


def test_the_command_prints_the_digest_and_keeps_the_whole_review(
    demo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONGODB_URI", demo_uri)
    arguments = ["digest", "--period", "2026Q1", "--language", "zh", "--pdf", str(tmp_path / "q.pdf")]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert said.startswith("2026 年第 1 季度工作复盘\n")
    assert "维修" in said
    assert re.sub(r"\s", "", said.splitlines()[0]) in _printed((tmp_path / "q.pdf").read_bytes())
    assert main(["digest", "--period", RANGE.key, "--language", "en"]) == 0
    assert capsys.readouterr().out.startswith("Review of Nov 2025 – Mar 2026\n")
    assert main([*arguments[:2], "2026-03..2025-11"]) == 1
    assert main([*arguments[:2], "ever"]) == 1
    assert main([*arguments[:2], "2026-13"]) == 1
    assert capsys.readouterr().out == "", "nothing is told that is none"


def test_charts_are_native_and_carry_their_unit(review: Review) -> None:
    with i18n.speaking("en"):
        deck = Presentation(io.BytesIO(powerpoint.presentation(review)))
        units = [reading.unit(chart.unit) for section in review.sections for chart in section.charts]
    drawn = [shape.chart for slide in deck.slides for shape in slide.shapes if shape.has_chart]
    wanted = [chart for section in review.sections for chart in section.charts]
    assert len(drawn) == len(wanted) >= 4
    for chart, of, unit in zip(drawn, wanted, units, strict=True):
        assert chart.value_axis.has_title
        assert chart.value_axis.axis_title.text_frame.text == unit
        (first, *_rest), (_name, values) = chart.plots[0].series, of.series[0]
        assert list(first.values) == pytest.approx(reading.plotted(values, of.unit), nan_ok=True)


def test_a_month_that_is_not_over_is_marked_in_every_chart_of_months(demo: Store) -> None:
    """Its few days look like a fall otherwise."""
    charts = {}
    for period, of in (("over", QUARTER), ("running", Period.of("2026-04"))):
        found = reviewed(demo, READER, "d-community", of, now=LOCAL)
        charts[period] = [each for section in found.sections for each in section.charts if each.kind == "columns"]
        assert Review.unpacked(found.packed()) == found
    monthly = [each for each in charts["running"] if each.labels[-1] == "2026-04"]
    assert len(monthly) >= 3
    assert all(each.so_far for each in monthly)
    assert not any(each.so_far for each in charts["over"])
    with i18n.speaking("en"):
        assert reading.labels(monthly[0])[-2:] == ["2026-03", "2026-04*"]
        drawn = [each for section in reviewed(demo, READER, "d-community", QUARTER, now=LOCAL).sections
                 for each in section.charts]  # fmt: skip
        assert {"Month", "Year", "Category"} == {reading.sort(each) for each in drawn}
        assert reading.measured(monthly[0]).endswith("(* the month so far)")
        assert "*" not in reading.measured(charts["over"][0]) + "".join(reading.labels(charts["over"][0]))


HOSTILE = '=HYPERLINK("x")<script>alert(1)</script>&\u202e 很长' + "长" * 300


def _hostile(review: Review) -> Review:
    bad = Message("{what}", {"what": HOSTILE})
    table = Table(bad, (Column(HOSTILE), Column("Days", "days")), ((HOSTILE, 3), (None, None)))
    section = replace(
        review.sections[0],
        headline=bad,
        points=(bad,) * 9,
        tables=(table,),
        proposals=(Proposal(bad, HOSTILE, date(2026, 5, 1)),),
    )
    entry = AgendaEntry("overdue", bad, who=HOSTILE, due_on=date(2026, 5, 1), days=10**6)
    return replace(review, community=HOSTILE, sections=(section,), agenda=(entry,) * 40)


def test_what_people_typed_is_text_in_every_file_and_nothing_leaves_a_slide(review: Review) -> None:
    bad = _hostile(review)
    with i18n.speaking("zh"):
        deck = Presentation(io.BytesIO(powerpoint.presentation(bad)))
        paper.printed(bad)
        book = openpyxl.load_workbook(io.BytesIO(workbook.workbook(bad)))
    for sheet in book.worksheets:
        assert all(cell.data_type != "f" and not cell.hyperlink for row in sheet.iter_rows() for cell in row)
    for slide in deck.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.top >= 0
            assert shape.left + shape.width <= deck.slide_width
            assert shape.top + shape.height <= deck.slide_height, (shape.name, shape.height)


# --- words -----------------------------------------------------------------------------------------------------------
FACT = st.one_of(
    st.none(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.dates(),
    st.builds(Amount, st.floats(0, 1e9), st.sampled_from(sorted({metric.unit for metric in METRICS.values()}))),
)


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.one_of(FACT, st.builds(Message, st.just("{n}"), st.fixed_dictionaries({"n": FACT})))
    )
)
def test_a_message_survives_being_kept(facts: dict[str, Any]) -> None:
    said = Message("x", facts)
    proposal = Proposal(said, due_on=date(2026, 1, 1) + timedelta(days=1))
    section = Section("facilities", "Facilities", State.NEAR, said, (), (said,), proposals=(proposal,))
    kept = Review("D", "d", "2026Q1", "2025Q4", "2025Q1", date(2026, 3, 31), "2026-04-02", False, (), (section,))
    assert Review.unpacked(kept.packed()) == kept


@pytest.mark.parametrize(
    ("low", "high", "value", "before", "better"),
    [
        (0.9, None, 0.8, 0.7, True),
        (0.9, None, 0.6, 0.7, False),
        (None, 15.0, 4.0, 6.0, True),
        (None, 15.0, 9.0, 6.0, False),
        (2.0, 4.0, 3.0, 1.0, None),
        (None, None, 3.0, 1.0, None),
        (0.9, None, 0.7, 0.7, None),
        (0.9, None, 0.7, None, None),
    ],
)
def test_better_is_towards_the_target(
    low: float | None, high: float | None, value: float, before: float | None, better: bool | None
) -> None:
    figure = Figure("m", "M", "M", "percent", "", "", 5, low, high, value, 10, None, before)
    assert figure.better is better
