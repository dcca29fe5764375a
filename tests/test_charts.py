"""The figures: what is drawn, in which colour, that absence is drawn too, and that data is never markup."""

import math
import re
import xml.dom.minidom
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from typing import Any
from urllib.parse import unquote

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import cards, charts, i18n
from dashboard.charts import Shape, maps, palette
from dashboard.charts.axes import round_axis
from dashboard.charts.colours import readable
from dashboard.i18n import plain
from dashboard.participation import share_text
from repository.metrics import Held, Metric, State, Target, Value

LOOK = palette("light")


def drawn(builder: Callable[..., charts.Figure]) -> Callable[..., go.Figure]:
    """What a builder makes, as plotly reads it: it refuses what it does not know."""
    return lambda *args, **more: go.Figure(builder(*args, **more))


def texts(figure: go.Figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


def rgb(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    lights = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (rgb(one), rgb(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_palette_reads_on_its_ground(theme: str) -> None:
    look = palette(theme)
    assert contrast(look.ink, look.page) >= 7
    assert contrast(look.quiet, look.page) >= 4.5
    for state, ground in look.grounds.items():
        assert contrast(look.inks[state], ground) >= 4.5, state
    for colour in (look.main, look.slate, look.red):
        assert contrast(colour, look.page) >= 3
    assert look.red not in look.series, "red means overdue or off target and nothing else"
    for ground in look.ramp[1:8]:
        assert contrast(readable(ground), ground) >= 4.5, ground


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_least_of_something_is_told_from_nothing_and_from_the_page(theme: str) -> None:
    look = palette(theme)
    figure = drawn(charts.heat)(["1"], ["a", "b", "c"], [[0, 0.01, 0.4]], [["0", "1", "40"]], look=look, full=0.4)
    scale = [(share, colour) for share, colour in figure.data[0].colorscale]
    nothing, least = scale[0][1], [colour for share, colour in scale if share < 0.01 / 0.4][-1]
    assert contrast(nothing, look.page) >= 1.25
    assert contrast(least, look.page) >= 2 - 0.01
    assert contrast(least, nothing) >= 1.5
    assert scale[-1] == (1, look.ramp[-1])


def test_the_overdue_part_is_red_and_the_bar_as_long_as_the_whole() -> None:
    figure = drawn(charts.aged)(
        ["0-7", "8-14"], [24, 17], [3, 17], ["24 (3 overdue)", "17 (all)"], names=("overdue", "rest"), look=LOOK
    )
    late, rest = figure.data
    assert (list(late.x), late.marker.color) == ([3, 17], LOOK.red)
    assert (list(rest.x), rest.marker.color) == ([21, 0], LOOK.pale)
    assert [annotation.x for annotation in figure.layout.annotations] == [24, 17]
    assert texts(figure) == ["<b>24</b> (3 overdue)", "<b>17</b> (all)"]


def test_a_format_that_was_never_held_keeps_its_row() -> None:
    figure = drawn(charts.bars)(
        ["Lecture", "Sport", "Crafts"],
        [8, 0, 0],
        ["8", "0 none", "0 never held"],
        red=[0],
        boxes=[7, 1, 0],
        look=LOOK,
    )
    box, solid = figure.data
    assert list(box.x) == [7, 1, 0]
    assert box.marker.color == "rgba(0,0,0,0)"
    assert solid.marker.color == (LOOK.red, LOOK.main, LOOK.main)
    assert list(figure.layout.yaxis.ticktext) == ["Lecture  ", "Sport  ", "Crafts  "]
    assert [shape.y0 + 0.33 for shape in figure.layout.shapes] == [2], "a stroke where neither bar nor box stands"
    assert figure.layout.annotations[1].x == 1, "the text stands outside the hollow box"


def test_the_gap_is_filled_only_where_more_was_opened_than_ended() -> None:
    figure = drawn(charts.lines)(
        ["2026-01", "2026-02", "2026-03", "2026-04"],
        [5, 1, 5, 5],
        [1, 3, 1, None],
        names=("opened", "ended"),
        look=LOOK,
    )
    fills = [trace for trace in figure.data if trace.fill]
    assert len(fills) == 2, "one before the lines cross, one after they cross back"
    before = list(zip(fills[0].x, fills[0].y, strict=True))
    assert max(x for x, _y in before) == pytest.approx(2 / 3), "from a lead of 4 to one of -2 in one month"
    assert fills[0].fillcolor.endswith(",0.09)")
    courses = [trace for trace in figure.data if not trace.fill]
    assert list(courses[1].y) == [1, 3, 1, None], "what is not known is a gap, not a zero"
    assert texts(figure) == ["opened 5"], "a line without a last value has no label to put there"


def test_end_labels_do_not_cover_each_other() -> None:
    figure = drawn(charts.lines)(["2026-01", "2026-02"], [400, 401], [400, 400], names=("visits", "people"), look=LOOK)
    low, high = sorted(annotation.y for annotation in figure.layout.annotations)
    span = figure.layout.yaxis.range[1] - figure.layout.yaxis.range[0]
    assert (high - low) / span * 240 >= 19


@pytest.mark.parametrize("projector", [None, (210, 18)])
@pytest.mark.parametrize("ends", [(100, 100, 100), (0, 1, 0), (40, 41, 100)])
def test_three_lines_are_drawn_and_named_apart_below_the_top(
    ends: tuple[int, int, int], projector: tuple[int, int] | None
) -> None:
    first, second, third = ([100, end] for end in ends)
    figure = drawn(charts.lines)(
        ["2026-01", "2026-02"], first, second, third=third, names=("in", "out", "open"), look=LOOK, gap=False,
        projector=projector,
    )  # fmt: skip
    assert [(each.name, list(each.y)) for each in figure.data] == [("in", first), ("out", second), ("open", third)]
    assert len({(each.line.color, each.line.dash) for each in figure.data}) == 3, "told apart without colour too"
    assert figure.data[2].line.dash == "dash"
    assert set(texts(figure)) == {f"in {ends[0]}", f"out {ends[1]}", f"open {ends[2]}"}
    high, size = projector or (280, 14)
    bottom, top = figure.layout.yaxis.range
    heights = sorted(annotation.y for annotation in figure.layout.annotations)
    for low, above in zip(heights, heights[1:], strict=False):
        assert (above - low) / (top - bottom) * (high - 40) >= size + 5
    assert bottom <= heights[0]
    assert heights[-1] <= top, "what stands above the axis is not drawn"


def test_months_and_days_are_numbers_in_both_languages() -> None:
    year = [f"2025-{month:02d}" for month in range(5, 13)] + [f"2026-{month:02d}" for month in range(1, 5)]
    figure = drawn(charts.line)(year, list(range(12)), name="open", look=LOOK)
    assert list(figure.layout.xaxis.ticktext) == ["25-6", "8", "10", "12", "26-2", "4"]
    days = drawn(charts.line)(["2026-01-05", "2026-03-30"], [1, 2], name="open", look=LOOK)
    assert list(days.layout.xaxis.ticktext) == ["1-5", "3-30"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 7), (0, 98), (0, 550), (-3, 12), (0, 0.004), (0, 1_234_567)])
def test_an_axis_has_round_numbers_and_at_most_five_steps(low: float, high: float) -> None:
    bottom, top, step = round_axis(low, high)
    assert bottom <= low
    assert top >= high
    assert (top - bottom) / step <= 5.001
    lead = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert any(abs(lead - nice) < 1e-6 for nice in (1, 2, 2.5, 3, 5, 10))


def test_the_pyramid_puts_women_left_and_the_population_around() -> None:
    figure = drawn(charts.pyramid)(
        ["0-17", "75+"], [0.1, 0.29], [0.05, None], [0.2, 0.1], [0.2, 0.1],
        names=("Women", "Men"), look=LOOK, say=share_text,
    )  # fmt: skip
    left_box, right_box, left, right = figure.data
    assert [round(x, 6) for x in left.x] == [-10, -29]
    assert [round(x, 6) for x in right.x] == [5, 0]
    assert list(left_box.x) == [-20, -10]
    assert list(right_box.x) == [20, 10]
    assert figure.layout.xaxis.range == pytest.approx((-29, 29)), "both sides to one scale"
    assert texts(figure) == ["10", "29", "<b>Women</b>", "5.0", "—", "<b>Men</b>"]


SQUARE = [(105.0, 28.0), (105.01, 28.0), (105.01, 28.01), (105.0, 28.01)]


def test_the_map_is_plain_svg_true_to_shape_and_darker_with_the_value() -> None:
    east = [(x + 0.02, y) for x, y in SQUARE]
    figure = drawn(charts.grid_map)(
        [Shape("1", SQUARE, 2, "2"), Shape("2", east, 16, "16"), Shape("3", SQUARE)], look=LOOK
    )
    assert {trace.type for trace in figure.data} == {"scatter"}
    one, two, unknown = figure.data
    assert (one.fillcolor, two.fillcolor, unknown.fillcolor) == (LOOK.ramp[1], LOOK.ramp[7], LOOK.raised)
    width, height = max(one.x) - min(one.x), max(one.y) - min(one.y)
    assert width / height == pytest.approx(math.cos(math.radians(28.005)), rel=1e-4)
    assert figure.layout.yaxis.scaleanchor == "x"
    label = figure.layout.annotations[0]
    assert label.y == pytest.approx(28.005)
    assert label.x == pytest.approx((min(one.x) + max(one.x)) / 2)


def test_the_way_to_a_month_that_is_not_over_is_dotted() -> None:
    ticks = ["2026-02", "2026-03", "2026-04"]
    figure = charts.lines(ticks, [3, 4, 1], [2, 5, 0], names=("a", "b"), look=LOOK, gap=False, so_far=True)
    found = [
        (each["mode"], each.get("line", {}).get("dash"), list(each["x"]), list(each["y"])) for each in figure["data"]
    ]
    assert found == [
        ("lines", "dot", [1, 2], [4, 1]), ("lines+markers", None, [0, 1], [3, 4]),
        ("lines", "dot", [1, 2], [5, 0]), ("lines+markers", None, [0, 1], [2, 5]),
    ]  # fmt: skip
    whole = charts.lines(ticks, [3, 4, 1], [2, 5, 0], names=("a", "b"), look=LOOK, gap=False)
    assert [list(each["y"]) for each in whole["data"]] == [[3, 4, 1], [2, 5, 0]]


def test_a_map_without_outlines_shows_squares_and_a_line_has_a_centre() -> None:
    figure = drawn(charts.grid_map)([Shape(str(n), [], n, tone="red" if n == 2 else "") for n in range(5)], look=LOOK)
    assert len(figure.data) == 5
    assert figure.data[2].fillcolor == LOOK.grounds["red"]
    assert maps._centre([(0, 0), (2, 0), (4, 0)]) == (2, 0)
    assert drawn(charts.grid_map)([], look=LOOK).data == ()


def test_nothing_and_one_point_draw() -> None:
    for figure in (
        drawn(charts.bars)([], [], [], look=LOOK),
        drawn(charts.bars)(["a"], [None], ["—"], look=LOOK),
        drawn(charts.aged)([], [], [], [], names=("a", "b"), look=LOOK),
        drawn(charts.lines)([], [], [], names=("a", "b"), look=LOOK),
        drawn(charts.lines)(["2026-04"], [None], [None], names=("a", "b"), look=LOOK),
        drawn(charts.line)(["2026-04"], [0], name="a", look=LOOK, target=(0, "t")),
        drawn(charts.columns)([], [], [], look=LOOK),
        drawn(charts.pyramid)([], [], [], [], [], names=("a", "b"), look=LOOK, say=share_text),
        drawn(charts.pyramid)(["x"], [None], [None], [0], [0], names=("a", "b"), look=LOOK, say=share_text),
    ):
        assert figure.to_json()
    alone = drawn(charts.line)(["2026-04"], [3], name="a", look=LOOK).data[-1]
    assert list(alone.marker.size) == [8], "a single month is a point one can see"


def test_names_fold_where_a_phone_has_no_room_for_them_and_nobody_reads_a_third_decimal() -> None:
    long, short = "Cleaning and rubbish", "垃圾"
    told = drawn(charts.bars)([long, short], [16, 2], ["16 (9 repeats, 3 open)", "2"], look=LOOK).layout.yaxis.ticktext
    assert told == ("Cleaning  <br>and rubbish  ", "垃圾  ")
    assert drawn(charts.bars)([long], [16], ["16"], look=LOOK).layout.yaxis.ticktext == (f"{long}  ",)
    course = drawn(charts.line)(["2026-04", "2026-05"], [1.2, 1.368421053], name="max ÷ mean", look=LOOK)
    assert [note.text for note in course.layout.annotations] == ["max ÷ mean 1.37"]
    assert course.data[-1].hovertext[1].endswith(" 1.37")


def test_three_parts_have_a_key_that_says_which_is_which() -> None:
    def keyed(*names: str) -> Any:
        parts = [(name, [1], LOOK.main) for name in names]
        return drawn(charts.stacked)(["2026-04"], parts, ["3"], look=LOOK)

    figure = keyed("Waiting", "In work", "Done")
    assert "In work" in figure.layout.annotations[-1].text
    assert not any("Rest" in each.text for each in keyed("Overdue", "Rest").layout.annotations)


def test_data_in_a_chart_is_letters() -> None:
    evil = '<a href="http://x">%{y}</a> & <b>b</b>'
    figures = (
        drawn(charts.bars)([evil], [1], [evil], look=LOOK),
        drawn(charts.stacked)([evil], [(evil, [1], LOOK.main)], [evil], look=LOOK),
        drawn(charts.lines)(["2026-04"], [1], [2], names=(evil, evil), look=LOOK),
        drawn(charts.grid_map)([Shape(evil, SQUARE, 1, evil)], look=LOOK),
        drawn(charts.columns)([evil], [1], [evil], look=LOOK),
        drawn(charts.pyramid)([evil], [0.1], [0.1], [0.1], [0.1], names=(evil, evil), look=LOOK, say=share_text),
    )
    for figure in figures:
        said = figure.to_json()
        assert "<a" not in said
        assert "\\u003ca" not in said
        assert "hovertemplate" not in said


# --- cards ------------------------------------------------------------------------------------------------------------
OVERDUE = Metric("t_overdue", "Overdue orders", "Overdue", "orders", "open and past due", "M1", Target(high=15))
SHARE = Metric("t_share", "Ended on time", "On time", "percent", "on time / all", "M2", Target(low=0.85))


def drawn_tile(value: Value, language: str = "en", **more: object) -> AppTest:
    def page(value: object, language: str, more: dict) -> None:
        import streamlit as st

        from dashboard import cards

        st.session_state["lang"] = language
        cards.tile(value, page="", **more)

    at = AppTest.from_function(page, args=(value, language, more)).run()
    assert not at.exception
    return at


def test_a_tile_says_figure_unit_target_state_and_since_when() -> None:
    months = [("2026-02", 10.0), ("2026-03", 20.0), ("2026-04", 37.0)]
    at = drawn_tile(Value(OVERDUE, 37, 98, months), "zh")
    metric = at.metric[0]
    assert "37" in metric.value
    assert "件" in metric.value
    assert "15" in metric.value
    assert metric.delta == ":material/dangerous: 未达标", "how long is not known"
    held = Held(date(2026, 4, 20), OVERDUE.target)
    assert drawn_tile(Value(OVERDUE, 37, 98, months, held=held), "zh").metric[0].delta.endswith("未达标 · ≥ 20 天")
    noted = replace(held, turns=((date(2026, 4, 1), State.ON_TARGET), (date(2026, 4, 9), State.OFF_TARGET)))
    noted_stock = Value(OVERDUE, 37, 98, months, held=noted)
    assert drawn_tile(noted_stock, "zh").metric[0].delta.endswith("未达标 · 11 天")
    near = Value(OVERDUE, 16, 98, months, held=held)
    assert drawn_tile(near, "zh").metric[0].delta.endswith("接近"), (
        "off target before, near since: not known for how long"
    )
    share = drawn_tile(Value(SHARE, 0.7123, 98)).metric[0]
    assert share.value.startswith("71 :small[%]"), "no false precision"
    assert "85" in share.value
    assert "Off target" in share.delta


def test_a_tile_without_enough_behind_it_shows_no_figure() -> None:
    few = drawn_tile(Value(SHARE, 1.0, 3, [("2026-03", 1.0), ("2026-04", 1.0)])).metric[0]
    assert few.value.startswith("—")
    assert "n = 3, below 5" in few.value.replace("\\", "")
    assert "Unknown" in few.delta
    assert not few.proto.chart_data
    none = drawn_tile(Value(SHARE, None, 0)).metric[0]
    assert "no data" in none.value


def test_hours_become_days_and_the_mean_stands_beside_the_median() -> None:
    repair = Metric("t_repair", "Time to repair", "Repair", "hours", "median", "M5")
    metric = drawn_tile(Value(repair, 84, 40, detail=194.4, estimated=True)).metric[0]
    assert metric.value.replace("\\", "") == "≈ 3.5 :small[d] :small[:gray[mean 8.1]]"
    assert "No target set" in metric.delta


def test_every_state_has_its_own_shape_word_and_colour() -> None:
    with i18n.speaking("en"):
        said = [cards.badge(state, 23) for state in State]
    assert len({text.split("[")[0] for text in said}) == len({text.split(" ")[0] for text in said}) == len(State)
    assert all(text.endswith("· 23 d]") for text in said)
    assert cards.mark(State.ON_TARGET, 86) == "86"


def test_what_people_typed_is_never_markup() -> None:
    assert plain("a *b* :red[c] <b>") == r"a \*b\* \:" + "\u2060" + r"red\[c\] \<b\>"
    assert "\n" not in plain("# a\n\n- b")
    assert "\u00a0" in plain("≤\u00a015"), "a space that must not break stays one"
    assert plain("12:30") == r"12\:30"
    assert plain("件数 (件), 50 %; who's?") == "件数 (件), 50 %; who's?", "a label is read aloud as it is written"
    for lively in ("http://a.b", "www.a.b", "a@b.cn", ":smile:", "a -> b"):
        assert "\u2060" in plain(lively), lively


def test_a_chart_card_has_its_table_and_its_download() -> None:
    def page() -> None:
        import streamlit as st

        from dashboard import cards, charts

        st.session_state["lang"] = "zh"
        figure = charts.bars(["a"], [1], ["1"], look=cards.look())
        cards.chart("finding *x*", "n = 1", figure, [{"组": "=1+1", "件": 1}], key="c")
        cards.chart("nothing", "", None, [], key="n")
        cards.offline("16:12")
        cards.conflict("<b>陈</b>", None)

    at = AppTest.from_function(page).run()
    assert not at.exception
    assert at.header[0].value == r"finding \*x\*"
    assert len(at.get("plotly_chart")) == 1
    assert not at.dataframe, "drawn only for who opens it"
    at.session_state["c-behind"] = True
    at.run()
    assert not at.exception
    assert list(at.dataframe[0].value["件"]) == [1]
    assert len(at.get("download_button")) == 2
    assert "16\\:12" in at.warning[0].value
    assert "<b>" not in at.error[0].value


def test_a_conflict_names_who_and_when() -> None:
    def page(at: object) -> None:
        import streamlit as st

        from dashboard import cards

        st.session_state["lang"] = "zh"
        cards.conflict("陈素芳", at)

    at = AppTest.from_function(page, args=(datetime(2026, 4, 2, 8, 28, tzinfo=UTC),)).run()
    assert "陈素芳在 16:28 改过" in at.error[0].value


# --- a figure as it stands
def seen(figure: charts.Figure) -> tuple[str, list[list[tuple[float, float]]], str]:
    """A still figure's words, what its picture draws as points in percent of the plot, and the picture's markup."""
    html = str(charts.still(figure, "&<b>"))
    assert 'aria-label="&amp;&lt;b&gt;"' in html
    (picture,) = re.findall(r'src="data:image/svg[+]xml,([^"]*)"', html)
    drawing = unquote(picture)
    xml.dom.minidom.parseString(drawing)  # noqa: S318 (drawn here)
    points = [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in each.split())]
        for each in re.findall(r'points="([^"]+)"', drawing)
    ]
    return unescape(re.sub("<[^>]+>", " ", html)), points, drawing


def test_a_still_figure_has_its_bars_as_long_as_their_figures_are() -> None:
    words, bars, _picture = seen(charts.bars(["健身 <i>", "b"], [50, 100], ["50 %", "100 %"], look=LOOK))
    assert [max(x for x, _y in bar) for bar in bars] == [50, 100]
    assert [sorted({y for _x, y in bar}) for bar in bars] == [pytest.approx([8.5, 41.5]), pytest.approx([58.5, 91.5])]
    assert words.split() == ["健身", "<i>", "b", "50", "%", "100", "%"]
    words, (axis, *bars), _picture = seen(charts.columns(["2026", "2027"], [10, 40], ["1 万", "4 万"], look=LOOK))
    assert axis == [(0, 100), (100, 100)]
    heights = [100 - min(y for _x, y in bar) for bar in bars]
    assert heights[1] == pytest.approx(4 * heights[0], abs=0.01)
    assert "1 万" in words
    assert "2027" in words


def test_a_still_figure_has_its_lines_with_their_gaps_and_names() -> None:
    months = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
    figure = charts.lines(
        months, [10, 20, None, 40, 50], [5] * 5, third=[None, 30, None, None, None], names=["甲", "乙", "丙"],
        look=LOOK, gap=False, so_far=True,
    )  # fmt: skip
    words, lines, picture = seen(figure)
    told = [[round(60 * (1 - y / 100)) for _x, y in line] for line in lines]  # the axis ends at 60
    assert [10, 20] in told, "two months, then a gap"
    assert [40, 50] in told, "the way to the month that is not over"
    assert picture.count('stroke-dasharray="2 4"') == 2, "dotted"
    assert [40, 40] in told, "a month alone is a dot"
    assert [30, 30] in told
    assert {"甲 50", "乙 5", "26-1", "2"} <= {each.strip() for each in re.split(r"\s{2,}", words)}


def test_a_still_figure_of_other_marks_is_refused() -> None:
    with pytest.raises(KeyError):
        charts.still(charts.heat(["1"], ["a"], [[1]], [["1"]], look=LOOK), "")
