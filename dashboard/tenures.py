"""Who held which post on a day, on the Grids page: cover and vacancies as they were then, and every post's holders."""

from datetime import date
from typing import Any

import streamlit as st

from dashboard import cards, data, i18n, posts, registers, session
from dashboard.i18n import MISSING, _, n_, plain, say
from repository import grids
from repository.access import Operation, may
from repository.grids import Post, PostsOnDay

Names = posts.Names
SHOWN = 12


def render(view: session.View) -> None:
    """Two tiles with their course, cover and vacancies of the day, who held what when."""
    found = data.ask(grids.posts_on, view.community_id, view.period, today=view.now.date())
    names = {"grids": {grid.id: grid.name for grid in found.grids}, "people": found.names}
    today = found.on == view.present.date()
    st.caption(
        plain(
            _("As of {day}, today", day=i18n.date(found.on))
            if today
            else _("As of {day}", day=i18n.date(found.on))
            if found.on == view.now.date()
            else _("As of {day}, the end of the chosen period", day=i18n.date(found.on))
        )
    )
    with cards.tiles(4):
        cards.tile(found.filled, page="")
        cards.tile(found.coverage, page="")
    left, right = st.columns([7, 5], gap="small")
    with left:
        posts.network(found.staffing, found.grids, names, on=found.on)
    with right:
        wanted = posts.posts(found.staffing, names, today and may(session.actor(), Operation.UPDATE, Post.collection))
    if wanted:
        registers.fill(wanted)
    _held(found, names)
    registers.open_drawer(view.today, names)


def _held(found: PostsOnDay, names: Names) -> None:
    rows = [row for post in found.posts for row in held_rows(post, names)]
    past = sum(len(post.history) for post in found.posts)
    with st.container(border=True, gap="xxsmall", key="posts_held"):
        title = n_("{n} term in office is over", "{n} terms in office are over", past)
        st.header(plain(title if past else _("No post has changed hands on record")), anchor=False)
        st.caption(_("Those who left, the last ones first; who held a post is noted when it changes hands here"))
        over = [row for post in found.posts for row in held_rows(post, names)[1:]]
        over.sort(key=lambda row: row[_("Until")], reverse=True)
        if over:
            words = [_term(row) for row in over[:SHOWN]]
            st.table(words, border="horizontal", hide_index=True)
        cards.behind(rows, key="posts-held", title=_("Holders of posts"))


def _term(row: dict[str, Any]) -> dict[str, str]:
    """Three columns: five leave a phone no room for a name."""

    def joined(mark: str, *titles: str) -> dict[str, str]:
        return {plain(mark.join(titles)): plain(mark.join(_cell(row[title]) for title in titles))}

    return joined(" · ", _("Post"), _("Grid")) | joined("", _("Holder")) | joined(" – ", _("Since"), _("Until"))


def _cell(value: Any) -> str:
    return i18n.date(value) if isinstance(value, date) else str(value or MISSING)


def held_rows(post: Post, names: Names) -> list[dict[str, Any]]:
    """A post's holders as a table: the present one and those before."""

    def row(holder: str | None, since: Any, until: Any) -> dict[str, Any]:
        return {
            _("Post"): say(post.tier.label),
            _("Grid"): names["grids"].get(post.grid_id or "", _("whole community")),
            _("Holder"): names["people"].get(holder, MISSING) if holder else _("vacant"),
            _("Since"): since,
            _("Until"): until,
        }

    own = [row(post.holder_id, post.since, post.until)] if post.holder_id else [row(None, post.until, None)]
    return own + [row(past.holder_id, past.since, past.until) for past in reversed(post.history)]
