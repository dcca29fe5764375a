"""Drawn by hand: one piece of HTML, where a browser takes longer to set up elements than people look at them.

For the frame's menu and head, which stand on every page, for Overview, which is glanced at, on a phone and on a wall,
for the slides of a review, which turn at once, and for nothing that is filled in. Whatever is data is escaped by
``Markup``, which is what everything here takes and gives. A link moves inside the app (theme/links.js).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote

import streamlit as st
from markupsafe import Markup

from dashboard import cards, explaining, navigation, session
from dashboard.charts import Palette, palette
from dashboard.i18n import MISSING, _, say
from repository.metrics import State, Value

THEME = Path(__file__).parent / "theme"
STATIC = THEME.with_name("static")
NOTHING = Markup()
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
ROOM = {"zh": 1100, "en": 1340}
"""From how many pixels on the menu's row has room for its words."""


def draw(*parts: Markup) -> None:
    """Put the parts below each other, each as wide as what they stand in."""
    st.html(Markup('<div class="byhand sheet">{}</div>').format(NOTHING.join(parts)))


@cache
def links() -> str:
    """The script that follows links inside the app; the server's policy names it by its hash."""
    return (THEME / "links.js").read_text("utf-8")


@cache
def look(language: str) -> str:
    """The CSS of all that is by hand, on every page; where the menu has room for its row depends on the language."""
    light, dark = palette("light"), palette("dark")
    colours = {name: (getattr(light, name), getattr(dark, name)) for name in ("rule", "quiet", "page")}
    colours["on-blue"] = "#FFFFFF", dark.page
    for name in light.states:
        colours |= {
            f"{name}-ink": (light.inks[name], dark.inks[name]),
            f"{name}-ground": (light.grounds[name], dark.grounds[name]),
            f"{name}-line": (light.states[name], dark.states[name]),
        }
    named = "".join(f"--{name}:light-dark({one},{other});" for name, (one, other) in colours.items())
    of_states = "".join(
        f".byhand .{name}{{--ink:var(--{name}-ink);--ground:var(--{name}-ground)}}" for name in light.states
    )
    css = "".join((THEME / name).read_text("utf-8") for name in ("frame.css", "byhand.css"))
    return f".byhand{{{named}}}{of_states}{css.replace('ROOM', str(ROOM[language] - 1))}"


def head(menu: Markup, title: str, note: str, *, badge: Markup = NOTHING, beside: Markup = NOTHING) -> None:
    """The menu, and the page's name with what stands beside it. Drawn before anything else of the page."""
    st.html(
        Markup('{}<header class="byhand title"><h1>{}</h1>{}<p class="quiet">{}</p>{}</header>').format(
            menu, title, badge, note, beside
        )
    )
    follow()


def follow() -> None:
    """Have the page's links by hand move inside the app."""
    st.html(f"<script>{links()}</script>", unsafe_allow_javascript=True, width="content")


def lead(page: str, words: str, *, arrow: bool = False, **params: str | None) -> None:
    """A link alone, among elements that are not by hand; see ``link``. One of Streamlit's own pushes two addresses, so
    that the way back to the same page takes two steps."""
    content = onward(words) if arrow else words
    st.html(Markup('<div class="byhand alone">{}</div>').format(link(page, content, **params)))


def menu(here: str) -> Markup:
    """The pages in a row, ``here`` being the one that is looked at; where there is no room, behind a button."""
    offered = [(say(row.title), row.key == here, navigation.address(row.key)) for row in navigation.open_pages()]
    entries = _one_of(offered, Markup('aria-current="page"'))
    return Markup(
        '<nav class="byhand menu" aria-label="{}"><button popovertarget="pages" aria-label="{}">{}</button>'
        '<a data-inside class="home" href="{}"><img src="{}" alt="{}"></a><div id="pages" popover>{}</div></nav>'
    ).format(
        _("Menu"),
        _("Menu"),
        icon("menu"),
        navigation.address(session.landing()),
        _logo(session.language()),
        _("GridBoard"),
        entries,
    )


@cache
def _logo(language: str) -> str:
    return f"data:image/svg+xml,{quote((STATIC / f'logo-{language}.svg').read_text('utf-8'))}"


def badge(icon_name: str, words: str, colour: str, hint: str = "") -> Markup:
    """A word on a ground of its colour."""
    return Markup('<span class="badge {}" title="{}">{} {}</span>').format(colour, hint, icon(icon_name), words)


def choices(name: str, offered: Sequence[tuple[str, bool, str]]) -> Markup:
    """A row of which one is chosen: the word of each, whether it is, and the address that chooses it."""
    words = _one_of(offered, Markup('aria-current="true"'))
    return Markup('<nav class="byhand choices" aria-label="{}">{}</nav>').format(name, words)


def _one_of(offered: Sequence[tuple[str, bool, str]], mark: Markup) -> Markup:
    """Links, of which one bears the mark of where one is."""
    return NOTHING.join(
        Markup('<a data-inside href="{}" {}>{}</a>').format(where, mark if chosen else "", word)
        for word, chosen, where in offered
    )


def icon(name: str) -> Markup:
    """A drawing that a screen reader passes by; ``name`` as in ``:material/name:``."""
    bare = name.removeprefix(":material/").removesuffix(":")
    return Markup('<i aria-hidden="true" translate="no">{}</i>').format(bare)


def link(page: str, words: Markup | str, *, kind: str = "", hint: str = "", **params: str | None) -> Markup:
    """A link to a page with the reader's choices, overruled by ``params``."""
    return Markup('<a data-inside href="{}" class="{}" title="{}">{}</a>').format(
        navigation.address(page, **params), kind, hint, words
    )


def state(which: State | None, since: str | None = None) -> Markup:
    """A state as shape, word and how long."""
    if which is None:
        return Markup('<span class="state gray">{} {}</span>').format(icon("info"), _("No target set"))
    said = " · ".join(filter(None, (say(which.label), since)))
    return Markup('<span class="state {}">{} {}</span>').format(cards.COLOURS[which], icon(cards.ICONS[which]), said)


def mark(which: State, text: str) -> Markup:
    """A figure in its state's shape and colour; on target it stays plain."""
    if which is State.ON_TARGET:
        return Markup.escape(text)
    colour = cards.COLOURS[which]
    return Markup('<b class="{}">{} {}</b>').format(colour, icon(cards.ICONS[which]), text)


def row(kind: str, parts: Sequence[Markup]) -> Markup:
    """Side by side while there is room: ``three``, ``four``, ``tiles``, or ``two`` columns."""
    return Markup('<div class="row {}">{}</div>').format(kind, NOTHING.join(parts))


def column(title: str, *content: Markup) -> Markup:
    """What stands below each other, under a heading if there is one."""
    heading = Markup("<h2>{}</h2>").format(title) if title else NOTHING
    return Markup('<section class="column">{}{}</section>').format(heading, NOTHING.join(content))


def paragraph(words: str, *, icon_name: str = "", kind: str = "") -> Markup:
    """A line of text, if there is any."""
    sign = Markup("{} ").format(icon(icon_name)) if icon_name else ""
    return Markup('<p class="{}">{}{}</p>').format(kind, sign, words) if words else NOTHING


def onward(words: str) -> Markup:
    """Words that lead to a list."""
    return Markup("{} {}").format(words, icon("arrow_forward"))


def trouble(
    name: str,
    which: State,
    since: str | None,
    finding: str,
    why: str,
    who: str,
    *,
    page: str,
    label: str,
    params: Mapping[str, str | None],
) -> Markup:
    """One of the three troubles: what changed, why, who acts by when, the way to the list."""
    return Markup(
        '<section class="card"><p><b>{}</b> {}</p><h3>{}</h3>{}<div class="last">{}{}</div></section>'
    ).format(
        name,
        state(which, since),
        finding,
        Markup("<p>{}</p>").format(why) if why else "",
        Markup('<p class="quiet">{} {}</p>').format(icon("person"), who) if who else "",
        link(page, onward(label), kind="more", **params),
    )


def tile(value: Value, detail: str) -> Markup:
    """A metric as ``cards.tile`` shows it: its name leads to the list behind it, its corner explains it."""
    metric, (unit, beside) = value.metric, cards.beside(value, detail)
    name = link(
        metric.page,
        Markup("{} {}").format(say(metric.short), icon("chevron_right")),
        hint=cards.about_plainly(value),
        **navigation.LISTS.get(metric.key, {}),
    )
    course = [point for _month, point in value.series if point is not None] if value.enough else []
    what = _("What is {figure}?", figure=say(metric.short))
    return Markup(
        '<section class="card tile" data-tile="{}"><p class="name">{}</p><p class="figure">{}{}{}</p>{}{}{}</section>'
    ).format(
        metric.key,
        name,
        cards.shown(value),
        Markup(" <small>{}</small>").format(unit) if unit else "",
        Markup(" <small>{}</small>").format(beside) if beside else "",
        state(value.state, cards.lasting(value)),
        _spark(course, cards.COLOURS[value.state] if value.state else "gray") if len(course) > 1 else "",
        Markup('<a data-inside class="explain" href="{}" title="{}" aria-label="{}">{}</a>').format(
            navigation.address(session.landing(), **{explaining.EXPLAIN: metric.key}), what, what, icon("info")
        ),
    )


def _spark(course: Sequence[float], colour: str) -> Markup:
    """The course as a line. Its words are the list of months behind the tile's corner."""
    look: Palette = palette("dark" if session.dark() else "light")
    low, high = min(course), max(course)
    line = " ".join(
        f"{100 * place / (len(course) - 1):.1f},{37 - 34 * (point - low) / (high - low) if high > low else 20:.1f}"
        for place, point in enumerate(course)
    )
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 40" preserveAspectRatio="none">'
        f'<polyline points="{line}" fill="none" stroke="{look.states[colour]}" stroke-width="2" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"/></svg>'
    )
    return Markup('<img alt="" src="data:image/svg+xml,{}">').format(quote(drawn))


def compared(head: Sequence[str], rows: Sequence[tuple[Markup, Sequence[Markup | str]]]) -> Markup:
    """Names at the left, figures beside them."""
    titles = NOTHING.join(Markup('<th scope="col">{}</th>').format(title) for title in head)
    lines = NOTHING.join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            name, NOTHING.join(Markup("<td>{}</td>").format(cell) for cell in cells)
        )
        for name, cells in rows
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(titles, lines)


def listed(
    head: Sequence[str],
    rows: Sequence[Sequence[Markup | str]],
    right: Collection[int] = (),
    wrap: Collection[int] = (0,),
) -> Markup:
    """A table of lines: the columns at ``right`` are numbers, those at ``wrap`` may take a second line; on a phone all
    words may, but none within a name or a day."""

    def kind(place: int, cell: str) -> str:
        if place in right:
            return ""
        return "words day" if _DAY.fullmatch(cell) else "words wrap" if place in wrap else "words"

    def cells(tag: Markup, line: Sequence[Markup | str]) -> Markup:
        return NOTHING.join(
            Markup('<{} class="{}">{}</{}>').format(tag, kind(place, cell), cell or MISSING, tag)
            for place, cell in enumerate(line)
        )

    lines = NOTHING.join(Markup("<tr>{}</tr>").format(cells(Markup("td"), line)) for line in rows)
    return Markup('<table class="lines"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(
        cells(Markup("th"), head), lines
    )


def todo(which: State, what: str, who: str, *, page: str, params: Mapping[str, str | None]) -> Markup:
    """A line of today's list: what to do, who and until when."""
    words = Markup('<span class="{}">{}</span> {}').format(cards.COLOURS[which], icon(cards.ICONS[which]), what)
    return Markup('<li>{}<span class="quiet">{}</span></li>').format(link(page, words, **params), who)
