"""A review on a projector: one finding a slide, its figures, its chart, what is to be decided. Arrow keys, the
space bar, Home and End, and the PageUp and PageDown of a remote control turn the slides."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from dashboard import byhand, cards, charts, i18n, session
from dashboard.i18n import _, plain, say
from dashboard.pack import reading
from repository.metrics import State
from repository.review import Chart, Figure, Review, Section, Table

FIGURES, ROWS, LINES, CHOICES = 3, 6, 9, 2
PROJECTOR = 210, 18  # pixels of a chart on a slide, and of its letters
_LOUD = (State.OFF_TARGET, State.NEAR, State.UNKNOWN, State.ACCEPTED, State.ON_TARGET, None)


@dataclass(frozen=True)
class Slide:
    """What stands above, the finding, and what draws the rest."""

    above: str
    title: str
    draw: Callable[[], None]
    section: Section | None = None


def slides(review: Review) -> list[Slide]:
    """The slides in their order."""
    name = f"{review.community} · {reading.named(review)}"
    found = [Slide(review.community, reading.named(review), partial(_cover, review))]
    for read in reading.agenda(review):
        found.append(Slide(name, read.title, partial(_table, read)))
    for section in review.sections:
        found.append(
            Slide(f"{name} · {say(section.title)}", say(section.headline), partial(_section, section), section)
        )
    return found


def show(review: Review, enter: Callable[[Section | None], None] | None = None) -> None:
    """The slide that the address names; ``enter`` draws beside it what the meeting enters of its section."""
    deck = slides(review)
    asked = st.query_params.get(session.SLIDE, "1")
    number = min(max(int(asked), 1), len(deck)) if asked.isdecimal() and len(asked) < 4 else 1
    slide = deck[number - 1]
    cards.style_of_slides()
    with st.container(key="slide", gap="small"):
        st.caption(plain(slide.above))
        st.title(plain(slide.title), anchor=False)
        slide.draw()
        if number == 1:
            with st.container(key="slide-ahead"):  # what draws charts is loaded while the first slide is talked about
                cards.plot_ahead()
        st.space("stretch")
        _foot(review, number, len(deck), partial(enter, slide.section) if enter else None)


def _foot(review: Review, number: int, count: int, enter: Callable[[], None] | None) -> None:
    def turn(label: str, icon: str | None, by: int, keyed: str) -> None:
        st.button(
            plain(label),
            icon=icon,
            shortcut=keyed,
            type="tertiary",
            key=f"slide-{keyed.lower()}",
            on_click=_go,
            args=(number + by, count),
        )

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="slide-foot"):
        st.caption(plain(reading.stamp(review)), width="content")
        st.space("stretch")
        if enter:
            enter()
        st.caption(f"{i18n.number(number)} / {i18n.number(count)}", width="content")
        turn(_("Back"), ":material/arrow_back:", -1, "Left")
        turn(_("On"), ":material/arrow_forward:", 1, "Right")
        st.button(_("End"), icon=":material/close:", shortcut="Esc", type="tertiary", key="slide-close", on_click=_end)
        with st.container(key="remote"):  # what a remote control sends, and keys that presenters know
            turn(_("Back"), None, -1, "PageUp")
            turn(_("On"), None, 1, "PageDown")
            turn(_("On"), None, 1, "Space")
            turn(_("First slide"), None, 1 - number, "Home")
            turn(_("Last slide"), None, count - number, "End")
            byhand.follow()  # the script of the links, here where nothing is seen and no room is taken


def _go(to: int, count: int) -> None:
    st.query_params[session.SLIDE] = str(min(max(to, 1), count))


def _end() -> None:
    st.query_params.pop(session.SLIDE, None)


def _cover(review: Review) -> None:
    head, _rows = reading.summary(review)
    with st.container(key="slide-table"):
        cards.side_by_side(
            {
                plain(head[0]): [plain(say(each.title)) for each in review.sections],
                plain(head[1]): [cards.badge(each.state) for each in review.sections],
                plain(head[2]): [plain(say(each.headline)) for each in review.sections],
            },
            words=True,
        )


def _table(read: reading.Read) -> None:
    with st.container(key="slide-table"):
        rows = read.rows[:LINES]
        cards.listed(read.head, rows, read.right)
    left = len(read.rows) - len(rows)
    if left > 0 or read.note:
        st.caption(plain(read.note or i18n.n_("{n} more", "{n} more", left)))


def _section(section: Section) -> None:
    if section.comment:
        st.markdown(f":material/chat: {plain(section.comment)}")
    if section.points:
        st.markdown(plain(say(section.points[0])))
    left, right = st.columns([5, 3], gap="medium")
    with left:
        if section.charts:
            chart(section, section.charts[0], projector=PROJECTOR)
        elif section.tables:
            lines_behind(section.tables[0], ROWS - bool(section.proposals))
    with right:
        st.markdown(cards.badge(section.state))
        loud = sorted(section.figures, key=lambda figure: (not figure.enough, _LOUD.index(figure.state)))
        for figure in loud[:FIGURES]:
            _figure(figure)
    if section.proposals:
        with st.container(border=True, key="slide-decide", gap="xxsmall"):
            for each in section.proposals[:CHOICES]:
                due = _("by {day}", day=i18n.day_short(each.due_on)) if each.due_on else ""
                who = "　".join(part for part in (each.who, due) if part)
                head = f":material/gavel: **{_('To be decided')}**"
                st.markdown(f"{head}　{plain(say(each.text))}　:gray[{plain(who)}]")


def _figure(figure: Figure) -> None:
    with st.container(gap=None, key=f"slide-figure-{figure.metric}"):
        byhand.lead(figure.page, say(figure.title), **figure.params)
        wanted = i18n.target_bounds(reading.wanted(figure), figure.unit)
        target = f" :gray[{plain(_('target {bounds}', bounds=wanted))}]" if wanted else ""
        state = f" {cards.badge(figure.state, reading.accepted(figure))}" if figure.state is not None else ""
        st.markdown(f"**{plain(reading.amount(figure))}**{target}{state}")


def chart(section: Section, drawn: Chart, *, projector: tuple[int, int] | None = None) -> None:
    """One of a section's charts under its finding, with the rows behind it; ``projector``: its height and that of its
    letters in pixels, on a slide."""
    labels = [reading.label(each) for each in drawn.labels]
    unit = reading.unit(drawn.unit)
    values = [reading.plotted(values, drawn.unit) for _name, values in drawn.series]
    names = [say(name) for name, _values in drawn.series]
    look = cards.look()
    if drawn.kind == "bars" or len(values) == 1:
        texts = [i18n.amount(value, drawn.unit) for value in drawn.series[0][1]]
        figure = (charts.bars if drawn.kind == "bars" else charts.columns)(labels, values[0], texts, look=look)
        if projector:
            margin, (high, size) = figure["layout"]["margin"], projector  # larger letters need more room
            figure["layout"] |= {"height": high, "font": figure["layout"]["font"] | {"size": size}}
            figure["layout"]["margin"] = margin | {"r": margin["r"] * size / 12}
    else:
        figure = charts.lines(
            labels, *values[:2], third=values[2] if len(values) > 2 else (), names=names, look=look, gap=False,
            so_far=drawn.so_far, projector=projector,
        )  # fmt: skip
        unit = cards.so_far(unit) if drawn.so_far else unit
    title = _("Of")
    cards.chart(
        say(drawn.title),
        unit,
        figure,
        [dict(zip((title, *names), row, strict=True)) for row in zip(labels, *values, strict=True)],
        key=f"review-{section.key}",
    )


def lines_behind(behind: Table, most: int) -> None:
    """A section's table, ``most`` rows of it."""
    read = reading.tabled(behind)
    st.markdown(f"**{plain(read.title)}**")
    if not read.rows:
        st.caption(_("None."))
        return
    rows = read.rows[:most]
    cards.listed(read.head, rows, read.right)
    left = len(read.rows) - len(rows) + behind.more
    if left > 0 and behind.page:
        byhand.lead(behind.page, i18n.n_("{n} more", "{n} more", left), arrow=True, **behind.params)
