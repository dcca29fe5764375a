"""A review on a projector: one finding a slide, its figures, its chart, what is to be decided. Arrow keys, the
space bar, Home and End, and the PageUp and PageDown of a remote control turn the slides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from markupsafe import Markup

from dashboard import byhand, cards, charts, i18n, session
from dashboard.i18n import _, plain, say
from dashboard.pack import reading
from repository.metrics import State
from repository.review import Chart, Figure, Review, Section, Table

FIGURES, ROWS, LINES, CHOICES = 3, 6, 9, 2
PROJECTOR = 260, 18  # pixels of a chart on a slide, and of its letters
Row = Mapping[str, Any]
_LOUD = (State.OFF_TARGET, State.NEAR, State.UNKNOWN, State.ACCEPTED, State.ON_TARGET, None)


@dataclass(frozen=True)
class Slide:
    """What stands above, the finding, and what writes the rest: all by hand, for a slide turns in a third of a
    second."""

    above: str
    title: str
    write: Callable[[], Markup]
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
    with st.container(key="slide", gap=None):  # on 1080 lines the fullest slide just fits
        head = Markup('<p class="quiet">{}</p><h1>{}</h1>').format(slide.above, slide.title)
        byhand.draw(head, slide.write())
        st.space("stretch")
        _foot(review, number, len(deck), slide.section, partial(enter, slide.section) if enter else None)


def _foot(review: Review, number: int, count: int, section: Section | None, enter: Callable[[], None] | None) -> None:
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

    quiet = Markup('<div class="byhand"><span class="quiet">{}</span></div>')
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="slide-foot"):
        st.html(quiet.format(reading.stamp(review)), width="content")
        st.space("stretch")
        if section and section.charts:
            with st.container(width="content"):
                _behind(section)
        if enter:
            enter()
        st.html(quiet.format(f"{i18n.number(number)} / {i18n.number(count)}"), width="content")
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


def _cover(review: Review) -> Markup:
    head, _rows = reading.summary(review)
    rows = [(say(each.title), byhand.state(each.state), say(each.headline)) for each in review.sections]
    return byhand.listed(head, rows, wrap=(2,))


def _table(read: reading.Read) -> Markup:
    rows = read.rows[:LINES]
    left = len(read.rows) - len(rows)
    long = [place for place, column in enumerate(read.places) if column in reading.LONG]
    more = byhand.paragraph(i18n.n_("{n} more", "{n} more", left), kind="quiet") if left > 0 else ""
    return byhand.listed(read.head, rows, read.right, long) + more


def _section(section: Section) -> Markup:
    """The comment, the first point; its chart or its table, beside it the figures that need action most; what is to be
    decided."""
    main = byhand.NOTHING
    if section.charts:
        main = _chart(section.charts[0])
    elif section.tables:
        main = lines_behind(section.tables[0], ROWS - bool(section.proposals))
    loud = sorted(section.figures, key=lambda figure: (not figure.enough, _LOUD.index(figure.state)))
    beside = byhand.column("", byhand.state(section.state), *(_figure(figure) for figure in loud[:FIGURES]))
    return byhand.NOTHING.join(
        (
            byhand.paragraph(section.comment, icon_name="chat"),
            byhand.paragraph(say(section.points[0]) if section.points else ""),
            byhand.row("slide", (main, beside)),
            _decide(section),
        )
    )


def _chart(drawn: Chart) -> Markup:
    figure, unit, _rows = _plotted(drawn, projector=PROJECTOR)
    title = say(drawn.title)
    return Markup('<section class="card"><h2>{}</h2><p class="quiet">{}</p>{}</section>').format(
        title, unit, charts.still(figure, f"{title} {unit}")
    )


def _behind(section: Section) -> None:
    """The rows behind a slide's chart."""
    drawn = section.charts[0]
    _figure, _unit, rows = _plotted(drawn)
    cards.behind(rows, key=f"review-{section.key}", title=say(drawn.title))


def _decide(section: Section) -> Markup:
    """What the section proposes to decide, who would have to act, and until when."""
    lines = []
    for each in section.proposals[:CHOICES]:
        due = _("by {day}", day=i18n.day_short(each.due_on)) if each.due_on else ""
        who = "　".join(part for part in (each.who, due) if part)
        lines.append(
            Markup('<p>{} <b>{}</b>　{}　<span class="quiet">{}</span></p>').format(
                byhand.icon("gavel"), _("To be decided"), say(each.text), who
            )
        )
    if not lines:
        return byhand.NOTHING
    return Markup('<section class="card decide">{}</section>').format(byhand.NOTHING.join(lines))


def _figure(figure: Figure) -> Markup:
    wanted = i18n.target_bounds(reading.wanted(figure), figure.unit)
    return Markup('<p class="of">{}<br><b>{}</b> <span class="quiet">{}</span> {}</p>').format(
        byhand.link(figure.page, say(figure.title), **figure.params),
        reading.amount(figure),
        _("target {bounds}", bounds=wanted) if wanted else "",
        byhand.state(figure.state, reading.accepted(figure)) if figure.state is not None else "",
    )


def chart(section: Section, drawn: Chart) -> None:
    """One of a section's charts under its finding, with the rows behind it."""
    figure, unit, rows = _plotted(drawn)
    cards.chart(say(drawn.title), unit, figure, rows, key=f"review-{section.key}")


def _plotted(drawn: Chart, *, projector: tuple[int, int] | None = None) -> tuple[charts.Figure, str, list[Row]]:
    """The figure, its unit in words, and its rows; ``projector``: its height and that of its letters in pixels."""
    labels = [reading.label(each) for each in drawn.labels]
    values = [reading.plotted(values, drawn.unit) for _name, values in drawn.series]
    names = [say(name) for name, _values in drawn.series]
    unit, look = reading.unit(drawn.unit), cards.look()
    if drawn.kind == "bars" or len(values) == 1:
        texts = [i18n.amount(value, drawn.unit) for value in drawn.series[0][1]]
        figure = (charts.bars if drawn.kind == "bars" else charts.columns)(labels, values[0], texts, look=look)
        if projector:
            layout, (high, size) = figure["layout"], projector  # larger letters need more room
            layout["margin"]["r"] *= size / layout["font"]["size"]
            layout["height"], layout["font"]["size"] = high, size
    else:
        figure = charts.lines(
            labels, *values[:2], third=values[2] if len(values) > 2 else (), names=names, look=look, gap=False,
            so_far=drawn.so_far, projector=projector,
        )  # fmt: skip
        unit = cards.so_far(unit) if drawn.so_far else unit
    rows = [dict(zip((reading.sort(drawn), *names), row, strict=True)) for row in zip(labels, *values, strict=True)]
    return figure, unit, rows


def lines_behind(behind: Table, most: int) -> Markup:
    """A section's table, ``most`` rows of it, and the way to the rest."""
    read = reading.tabled(behind)
    if not read.rows:
        return byhand.column(read.title, byhand.paragraph(_("None."), kind="quiet"))
    rows = read.rows[:most]
    left = len(read.rows) - len(rows) + behind.more
    more = i18n.n_("{n} more", "{n} more", left) if left > 0 and behind.page else ""
    return byhand.column(
        read.title,
        byhand.listed(read.head, rows, read.right),
        byhand.link(behind.page, byhand.onward(more), kind="more", **behind.params) if more else byhand.NOTHING,
    )
