"""What a page is laid out of: tiles, chart cards, badges, the empty card, banners. Nothing here reads data.

Data meets Markdown only through ``plain``: what people typed is shown as they typed it, never as markup.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import streamlit as st

from dashboard import navigation, session
from dashboard.i18n import (
    MISSING,
    _,
    current,
    day_short,
    days,
    days_badge,
    figure_of,
    number,
    plain,
    say,
    target_words,
)
from dashboard.i18n import date as date_
from repository.metrics import REACTION_DAYS, State, Value
from repository.words import Message, Trouble

if TYPE_CHECKING:
    from dashboard.charts import Figure, Palette

P = ParamSpec("P")

ICONS: Mapping[State, str] = {
    State.ON_TARGET: ":material/check_circle:",
    State.NEAR: ":material/warning:",
    State.OFF_TARGET: ":material/dangerous:",
    State.ACCEPTED: ":material/pause_circle:",
    State.UNKNOWN: ":material/hide_source:",
}
"""A silhouette of its own for each state: colour alone tells nothing to some."""

COLOURS: Mapping[State, str] = {
    State.ON_TARGET: "green",
    State.NEAR: "orange",
    State.OFF_TARGET: "red",
    State.ACCEPTED: "violet",
    State.UNKNOWN: "gray",
}


def drawn_once(draw: Callable[P, None]) -> Callable[P, None]:
    """For a drawing that depends on its arguments alone, not on language, theme or database, and takes no input: what
    was drawn before is sent again as it was, some 10 kB each."""

    @cache
    def kept() -> Callable[P, None]:  # made when first drawn: without a running server Streamlit warns of it
        return st.cache_data(draw, show_spinner=False, max_entries=500)

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        kept()(*args, **kwargs)

    return drawn


def style(of_frame: str) -> None:
    """The CSS that says what Streamlit cannot, and ``of_frame``'s; called once by the frame. Each line hangs on an
    st-key.

    Nothing here asks what an element has in it (``:has``): a browser then looks anew at each element that comes, which
    takes as long as half of Overview. See ``style_of_lists`` and ``style_of_slides``."""
    st.html(
        "<style>"
        # a wall screen: baseFontSize is one number for all screens
        "@media (min-width:1800px){html{font-size:20px}}"
        # a line of the agenda is read whole on a phone, and a table of six columns fits
        ".st-key-review-agenda a{padding-left:0}"
        ".st-key-review-agenda a *{white-space:normal!important;overflow:visible!important}"
        '@media (max-width:640px){[class*="st-key-review-section"] :is(th,td){padding:.25rem .12rem!important}'
        '[class*="st-key-review-section"] :is(td,th,td *){font-size:.72rem}'
        # and a chart in a section has the width that its months need
        '[class*="st-key-chart_review-"]{padding:.75rem .25rem!important}}'
        # a page link is indented by 8 px: bring it under the figure
        '[class*="st-key-tile_"] a,[class*="st-key-todo"] a,[class*="st-key-need_"] a,[class*="st-key-accepted_"] a{padding-left:0;padding-right:0}'  # noqa: E501
        # a link to another list of the page one is on is a link, and not the place in a menu where one stands
        '[data-testid="stPageLink"] a:not(:hover,:focus-visible){background:none!important}'
        '[class*="st-key-tile_"] a *{font-weight:inherit!important}'
        # a tile's name that leads nowhere is as large and as high as one that is a link
        '[class*="st-key-tile_"] .stMarkdown p{font-size:.875rem;line-height:1.25rem}'
        # in the tile's corner, an icon whose words only a screen reader says
        '[class*="st-key-tile_"]{position:relative}'
        '[class*="st-key-explain-"]{position:absolute;top:.3rem;right:.3rem;width:auto!important}'
        '[class*="st-key-explain-"] button{padding:.2rem;min-height:0}'
        '[class*="st-key-explain-"] button p{position:absolute;width:1px;overflow:hidden;clip-path:inset(50%)}'
        '[class*="st-key-explain-"] button{opacity:.55}[class*="st-key-explain-"] button:is(:hover,:focus-visible){opacity:1}'  # noqa: E501
        '[data-testid="stDialog"] td:first-child{white-space:nowrap}@media (max-width:640px){[data-testid="stDialog"] :is(th,td){padding:.25rem .3rem!important;font-size:.82rem}}'  # noqa: E501
        # a long figure takes a second line rather than losing its target
        '[class*="st-key-tile_"] :is([data-testid="stMetricValue"],[data-testid="stMetricDelta"]) *{white-space:normal!important}'  # noqa: E501
        # on paper the logo would lie over the page's name, and a figure beside its target would shrink to nothing
        '@media print{[data-testid="stHeader"]{display:none!important}'
        '[class*="st-key-tile_"] .stMarkdownEllipsis{font-size:1em!important}}'
        # what a line of a table is about is no column of single signs on a phone
        '@media (max-width:640px){[data-testid="stTable"] tbody td:first-child{min-width:5.5em}}'
        # icon and number of a cell stay together, and so does each part of a name
        '[class*="st-key-grids"] :is(td,td *){word-break:keep-all!important;overflow-wrap:normal!important}'
        '[class*="st-key-grids"] td :is(.stMarkdownColoredText,.stMarkdownColoredText *){white-space:nowrap!important}'
        # on a phone a row's name keeps words together, and five grids still fit
        '@media (max-width:640px){[class*="st-key-grids"] :is(th,td){padding:.25rem .12rem!important}'
        '[class*="st-key-grids"] tbody th{min-width:5.5em}[class*="st-key-grids"] :is(td,th,td *){font-size:.8rem}}'
        # plotly's own blue of a link is hard to read on the dark page
        ".js-plotly-plot .plotly .main-svg a{fill:light-dark(#1A4F8C,#96C1F3)}"
        # choices take a second line rather than a swipe
        '@media (max-width:640px){[data-testid="stButtonGroup"] [role="radiogroup"]{flex-wrap:wrap}}'
        # a drawer stands beside the app, which alone knows its colour scheme
        f'[data-testid="stDialog"]{{color-scheme:{"dark" if session.dark() else "light"}}}'
        # primary buttons: white on the light theme's blue, dark ink on the dark theme's
        '[class*="st-key-do_"] button[data-testid*="-primary"]:enabled{color:light-dark(#FFFFFF,#12171E)}'
        # a finger always shows a table's toolbar, over the line above it; search and download stand there already
        '@media (max-width:640px){[data-testid="stElementToolbar"]{display:none}}'
        # 44 px for thumbs
        '[class*="st-key-thumb"] button{min-height:2.75rem}'
        '[class*="st-key-narrow_"] :is(button,button *){justify-content:flex-start;text-align:left}'
        # a line of a list that opens what it tells of
        ':is([class*="st-key-line_"],[class*="st-key-thumb_outcome_"],[class*="st-key-ending-"]) :is(button,button *)'
        "{justify-content:flex-start;text-align:left}"
        # what nobody may miss stands on a ground of its own
        ".st-key-new-work{background:light-dark(#E5EEF8,#182F4A)}"
        # the table behind a chart: a quiet word, not a button
        '[class*="st-key-rows_"] button{min-height:1.5rem;padding:0}'
        # what the frame's icons are called is only read aloud; how many filters are set is seen
        '.st-key-frame-choices [data-testid="stPopoverButton"] p{font-size:0}'
        '.st-key-frame-choices [data-testid="stPopoverButton"] strong{font-size:.875rem}'
        f"{of_frame}</style>"
    )


def style_of_lists() -> None:
    """The CSS of what is a table on a desktop and a list of buttons on a phone, for pages that have such."""
    st.html(
        "<style>"
        # a table of many columns on a desktop, the same as a list of large buttons on a phone
        '@media (max-width:640px){[data-testid="stLayoutWrapper"]:has(>[class*="st-key-wide_"]){display:none}}'
        '@media (min-width:641px){[data-testid="stLayoutWrapper"]:has(>[class*="st-key-narrow_"]){display:none}}'
        # what is to be done comes before the figures where there is room for one of them only
        '@media (max-width:640px){[data-testid="stLayoutWrapper"]:has(>[class*="st-key-lead_"]){order:-1}}'
        "</style>"
    )


def style_of_slides() -> None:
    """The CSS of a page that is a slide."""
    st.html(
        "<style>"
        "html{font-size:clamp(16px,1.5vw,29px)!important}"
        # a slide has no frame about it and fills the screen; a remote control's buttons are heard, not seen
        "[data-testid='stHeader']{display:none!important}"
        "[data-testid='stMainBlockContainer']{padding:1.5rem 3.5rem 0!important}"
        ".st-key-slide{min-height:calc(100vh - 2.5rem);padding-bottom:3rem}"  # what is long scrolls clear of the foot
        ".st-key-remote{position:absolute;left:-999rem}"
        ".st-key-slide h1{font-size:1.6rem!important;font-weight:600;line-height:1.2;padding:0!important}"
        ".st-key-slide-foot{position:fixed;bottom:.4rem;left:3.5rem;right:3.5rem;width:auto!important}"
        # the table behind a chart opens upwards and shows its columns
        "[data-testid='stPopoverBody']{min-width:min(26rem,100vw - 2rem);min-height:min(20rem,60vh)}"
        ".st-key-slide .byhand table{font-size:.9rem}.st-key-slide-foot .quiet{font-size:.875rem}"
        # on a phone, where a presenter looks it through, all of it stands below each other
        "@media (max-width:640px){[data-testid='stMainBlockContainer']{padding:1rem 1rem 0!important}"
        ".st-key-slide-foot{position:static;margin-top:1rem}.st-key-slide h1{font-size:1.3rem!important}"
        ".st-key-slide .byhand table{font-size:.75rem}"
        ".st-key-slide .plot{font-size:.65rem}}"
        "</style>"
    )


def upload_words(place: str, choose: str) -> None:
    """Let the file uploaders in ``place``, a CSS selector, say ``choose``: Streamlit's own words are English only."""
    uploader = f'{place} [data-testid="stFileUploader'
    st.html(
        f'<style>{uploader}DropzoneInstructions"]{{display:none}}{uploader}"] button p{{font-size:0}}'
        f"{uploader}\"] button p::after{{content:'{choose}';font-size:1rem}}</style>"
    )


def part_asked(parts: Iterable[str]) -> str:
    """The part of a page that ``one_part`` is going to draw."""
    keys = list(parts)
    wanted = st.query_params.get("part", "")
    return wanted if wanted in keys else keys[0]


def one_part(parts: Mapping[str, tuple[str, Callable[[session.View], None]]], view: session.View) -> None:
    """A page made of parts: their names in a row, and the one that stands in the URL drawn below. ``parts`` is name
    and drawing by key."""
    chosen = st.segmented_control(
        _("Part"),
        list(parts),
        format_func=lambda key: plain(parts[key][0]),
        required=True,
        label_visibility="collapsed",
        **session.in_url("part", parts, next(iter(parts))),
    )
    parts[str(chosen)][1](view)


def look() -> "Palette":
    """The colours of the reader's theme, for the builders of ``charts``."""
    from dashboard.charts import palette

    return palette("dark" if session.dark() else "light")


# --- states ----------------------------------------------------------------------------------------------------------
def badge(state: State | None, since: int | str | None = None, *, word: str | None = None) -> str:
    """Markdown of a state's badge: shape, word and how long (days, or words of their own). For a metric without a
    target: "no target set"."""
    colour = COLOURS[state] if state else "gray"
    # badges are written in brackets, so a bracket in the words is escaped twice by plain: fine, it stays a bracket
    return f":{colour}-badge[{_state_words(state, since, word)}]"


def mark(state: State, text: object) -> str:
    """Markdown of a figure in its state's colour and shape, for a table's cell; on target it stays plain."""
    if state is State.ON_TARGET:
        return plain(text)
    return f":{COLOURS[state]}[{ICONS[state]}\u00a0**{plain(text)}**]"


def _state_words(state: State | None, since: int | str | None, word: str | None = None) -> str:
    if state is None:
        return ":material/info: " + _("No target set")
    said = plain(word or say(state.label))
    if since is not None:
        said += " · " + (days_badge(since) if isinstance(since, int) else plain(since))
    return f"{ICONS[state]} {said}"


# --- tiles -----------------------------------------------------------------------------------------------------------
def tile(
    value: Value,
    *,
    page: str | None = None,
    params: Mapping[str, str | None] | None = None,
    detail: str | None = None,
    key: str | None = None,
    spark: bool = True,
) -> None:
    """A metric: its name (a link to the list behind it; formula, source and n on hover), the figure with unit and
    target, its state and since when, and its course in the state's colour. Put tiles into ``tiles()``.

    ``page`` defaults to the metric's own; "" draws no link. ``detail`` is a text beside the figure, in place of the
    target; without it a second figure of the value is shown as the mean.
    """
    from dashboard import explaining  # which shows cards

    metric = value.metric
    name = say(metric.short)
    big, (unit, rest) = shown(value), beside(value, detail)
    with st.container(border=True, gap=None, height="stretch", key=f"tile_{key or metric.key}"):
        where = metric.page if page is None else page
        if where:
            navigation.link(where, name, icon=":material/chevron_right:", help=about(value), **(params or {}))
        else:
            st.markdown(name)
        big = f"{big} :small[{plain(unit)}]" if unit else big
        course = [point for _month, point in value.series if point is not None]
        st.metric(
            name,
            f"{big} :small[:gray[{plain(rest)}]]" if rest else big,
            _state_words(value.state, lasting(value)),
            delta_color=COLOURS[value.state] if value.state else "gray",  # type: ignore[arg-type]
            delta_arrow="off",
            label_visibility="collapsed",
            chart_data=course if spark and value.enough and len(course) > 1 else None,
        )
        explaining.opener(value, key or metric.key)
    explaining.show_if_asked(value, key or metric.key, where, params or {})


def shown(value: Value) -> str:
    """The figure on a tile."""
    if not value.enough:
        return MISSING
    return f"{'≈ ' if value.estimated else ''}{figure_of(value.value, value.metric.unit)[0]}"


def beside(value: Value, detail: str | None = None) -> tuple[str, str]:
    """What stands beside it: the unit where it has to be said, and the ``detail``, else a second figure or the target;
    or why there is no figure."""
    metric = value.metric
    if not value.enough:
        if 0 < value.n < metric.minimum_n:
            return "", _("n = {n}, below {minimum}", n=number(value.n), minimum=metric.minimum_n)
        return "", say(value.why) if value.why else _("no data")
    # in English the name says what is counted ("Overdue orders"); a measure word there is Chinese grammar
    measured = metric.unit in _MEASURES or current() == "zh"
    unit = figure_of(value.value, metric.unit)[1] if measured else ""
    return unit, detail or _second(value) or target_words(value)


_MEASURES = ("percent", "weeks", "hours", "years", "lessons", "service_hours")


def tiles(count: int) -> Any:
    """The grid that tiles stand in: all in one row on a desktop, in pairs on a phone."""
    return st.grid(max(count, 1), min_column_width=158, gap="xsmall")


def about(value: Value) -> str:
    """What a metric's tooltip says: full name, formula, target, n, source."""
    title, *lines = (plain(line) for line in _about(value))
    return "  \n".join((f"**{title}**", *lines))


def about_plainly(value: Value) -> str:
    """The same without a look, in lines."""
    return "\n".join(_about(value))


def _about(value: Value) -> Iterator[str]:
    metric = value.metric
    yield say(metric.title)
    yield say(metric.formula)
    if wanted := target_words(value):
        yield wanted
    yield from standing(value)
    yield _("No data: {why}", why=say(value.why)) if value.why else f"n = {number(value.n)}"
    if value.estimated:
        yield _("Estimated from duration classes; exact below 10,000.")
    if metric.source:
        yield _("Source: {source}", source=say(metric.source))


def _second(value: Value) -> str:
    if value.detail is None:
        return ""
    figure, unit = figure_of(value.detail, value.metric.unit)
    same = figure_of(value.value, value.metric.unit)[1] == unit
    return _("mean {figure}", figure=figure if same else f"{figure} {unit}")


def lasting(value: Value) -> str | None:
    """Beside the state: until when a deviation is accepted and by whom, or for how many days it has been in its state,
    as far as that is known: as ``standing`` tells it in a sentence."""
    if accepted := value.accepted:
        return _("until {day}, {who}", day=day_short(accepted.until), who=accepted.by)
    run = value.run
    if run is None or not run.days or value.state is State.ON_TARGET:
        return None
    return days_badge(run.days) if run.noted else _("≥ {n} d", n=number(run.days))


def standing(value: Value) -> list[str]:
    """For how long a figure has been in its state, how far beyond the days allowed, and who answers for a deviation
    and why: a sentence each."""
    if accepted := value.accepted:
        facts = {"who": accepted.by, "first": date_(accepted.since), "last": date_(accepted.until)}
        return [
            _("{who} accepted the deviation on {first}, until {last}: {reason}", reason=accepted.reason, **facts),
        ]
    run = value.run
    if run is None or value.state is None or value.state is State.ON_TARGET:
        return []
    if run.since is None:
        return [_("In this state since after the end of last month")]
    facts = {"day": date_(run.since), "days": days(run.days)}
    since = _("In this state since {day}: {days}", **facts)
    said = [since if run.noted else _("In this state since {day} at least: {days}", **facts)]
    if run.beyond:
        allowed = days(REACTION_DAYS[value.state])
        said.append(_("{days} beyond the {allowed} allowed", days=days(run.beyond), allowed=allowed))
    return said


# --- cards -----------------------------------------------------------------------------------------------------------
def so_far(caption: str) -> str:
    """A chart's caption that also says what the dotted way to its last month means."""
    return f"{caption} · {_('dotted: the month so far')}"


def chart(
    finding: str,
    caption: str,
    figure: "Figure | None",
    rows: Sequence[Mapping[str, Any]],
    *,
    key: str,
    note: str = "",
    nothing: str = "",
) -> None:
    """A chart under the sentence it proves, with the table behind it to open and to take away.

    ``caption`` says unit, period and n. ``rows`` are the figures drawn, by column title. ``note`` is a line of Markdown
    between caption and chart (escape data in it). Without a figure, or without rows, the card says why (``nothing``),
    else that there is nothing yet.
    """
    with st.container(border=True, height="stretch", gap="xxsmall", key=f"chart_{key}"):
        st.header(plain(finding), anchor=False)
        if caption:
            st.caption(plain(caption))
        if note:
            st.markdown(note)
        if figure is None or not rows:
            st.space("small")
            said = nothing or _("Nothing to show for this selection yet.")
            st.markdown(f":gray[{plain(said)}]")
            return
        _plot(json.dumps(figure), key=f"{key}-figure", alt=f"{finding} {caption}")
        st.space("stretch")
        behind(rows, key=key, title=finding)


@drawn_once
def _plot(figure: str, *, key: str, alt: str) -> None:
    """Draw a figure, given as JSON: that is what can be told from another one quickest."""
    config = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "responsive": True}
    st.plotly_chart(json.loads(figure), theme=None, config=config, key=key, alt=alt)


@st.fragment
def behind(rows: Sequence[Mapping[str, Any]], *, key: str, title: str) -> None:
    """The table behind a chart, in a popover, with its download; drawn when it is opened."""
    from dashboard import tables

    with st.container(key=f"rows_{key}"):
        inside = st.popover(
            _("Table"), type="tertiary", icon=":material/table_rows:", key=f"{key}-behind", on_change="rerun"
        )
    if inside.open:
        with inside:
            tables.small(rows, key=f"{key}-rows")
            tables.download_line(rows, name=key, title=title, key=key)


def empty(sentence: str, next_step: str = "", *buttons: tuple[str, str], key: str = "empty") -> int | None:
    """What is not there and how it gets there. ``buttons`` are (label, icon), the first one primary; returns the
    position of the one just pressed, or None."""
    pressed = None
    with st.container(border=True, horizontal_alignment="center", gap="xsmall", key=f"empty_{key}"):
        st.space("small")
        st.header(plain(sentence), anchor=False, text_alignment="center")
        if next_step:
            st.markdown(f":gray[{plain(next_step)}]", text_alignment="center")
        if buttons:
            with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
                for place, (label, icon) in enumerate(buttons):
                    first = place == 0
                    if st.button(
                        plain(label),
                        icon=icon or None,
                        type="primary" if first else "secondary",
                        key=f"{'do_' if first else ''}{key}-{place}",
                    ):
                        pressed = place
        st.space("small")
    return pressed


@drawn_once
def side_by_side(table: Mapping[str, Sequence[str]]) -> None:
    """A small table of Markdown cells that reaches screen readers: first column the names, the others figures."""
    import pandas as pd

    frame = pd.DataFrame(dict(table)).set_index(next(iter(table)))
    styled = frame.style.set_properties(**{"text-align": "right !important"}).set_table_styles(
        [{"selector": "th.col_heading", "props": "text-align: right !important"}]
    )
    st.table(styled)


def listed(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> None:
    """A small table of plain texts, a line each; the columns at ``right`` are numbers."""
    rule = ["---:" if place in right else "---" for place in range(len(head))]
    lines = [[plain(cell) for cell in head], rule, *([plain(cell) or MISSING for cell in row] for row in rows)]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


# --- banners ---------------------------------------------------------------------------------------------------------
def told(*troubles: Trouble | Message | str, icon: str = ":material/error:", spot: Any = None) -> None:
    """What went wrong, in an alert (in ``spot`` if given): a line each, letter for letter. The one way a Trouble, whose
    facts may be anything that stood in a file or was typed, comes onto a page."""
    (st if spot is None else spot).error("  \n".join(plain(say(each)) for each in troubles), icon=icon)


def offline(as_of: str | None) -> None:
    """The database is away: what is shown is of ``as_of`` (a clock time), or nothing can be shown."""
    if as_of:
        rest = _("The page shows the figures of {time}; you can read but not change.", time=plain(as_of))
    else:
        rest = _("Nothing can be shown until it is back.")
    first = _("The database cannot be reached just now.")
    last = _("The page goes on by itself, and what you typed is kept.")
    st.warning(f"**{first}** {rest} {last}", icon=":material/cloud_off:")


def rest_is_away() -> None:
    """Where a page ends because what follows was not asked before the database went away."""
    words = _("The rest of the page is shown when the database is back.")
    st.caption(f":material/cloud_off: {words}")


def lagging(since: str | None) -> None:
    """Reads are answered by members that follow a leader there is not just now; ``since`` about when (a clock time)."""
    first = _("What is shown may lag behind.")
    if since:
        rest = _(
            "Since about {time} the database has no leading member: everything can be read, nothing can be saved "
            "until it has one again. What you type stays here.",
            time=plain(since),
        )
    else:
        rest = _(
            "The database has no leading member just now: everything can be read, nothing can be saved until it has "
            "one again. What you type stays here."
        )
    st.warning(f"**{first}** {rest}", icon=":material/sync_disabled:")


def scarce(free: int, *, readonly: bool) -> None:
    """The database's disk is nearly full; ``free`` in bytes."""
    megabytes = number(free / 1e6, 0)
    if readonly:
        st.error(
            _(
                "The disk of the database is nearly full ({free} MB free): everything can be read, nothing can be "
                "changed until there is room again. Tell whoever looks after this machine.",
                free=megabytes,
            ),
            icon=":material/hard_drive:",
        )
    else:
        st.warning(
            _(
                "The disk of the database is filling up: {free} MB are free. Below 500 MB nothing can be changed.",
                free=megabytes,
            ),
            icon=":material/hard_drive:",
        )


def conflict(who: str | None, at: datetime | None) -> None:
    """Somebody else saved first."""
    from dashboard.i18n import time_

    facts = {"who": plain(who or _("Somebody")), "time": time_(at, session.zone()) if at else ""}
    first = (
        _("Not saved: {who} changed this at {time}.").format(**facts)
        if at
        else _("Not saved: {who} changed this.").format(**facts)
    )
    rest = _("Your changes are still here; compare, then choose.")
    st.error(f"**{first}** {rest}", icon=":material/sync_problem:")
