"""Grids: where they lie, how they stand beside each other, who fills which post, how the load is shared; and in parts
of their own who held the posts, what is walked, how the work is shared over time and how well it is handled."""

import streamlit as st

from dashboard import (
    cards,
    data,
    drawer,
    handled,
    i18n,
    navigation,
    posts,
    registers,
    session,
    sharing,
    tenures,
    walking,
)
from dashboard.i18n import _
from repository.access import Operation, may
from repository.grids import Grid, Post
from repository.overview import Comparison, compare


def render() -> None:
    """Its parts; the first needs nothing of the others."""
    cards.one_part(
        {
            "overview": (_("Grids"), _overview),
            "posts": (_("Posts over time"), tenures.render),
            walking.PART: (_("Patrols"), walking.render),
            "workload": (_("Workload"), sharing.render),
            "handling": (_("Handling"), handled.render),
        },
        session.view(),
    )


def _overview(view: session.View) -> None:
    """Four tiles, the map beside the profiles, the safety network beside the vacancies, the load, the registers."""
    found = data.ask(compare, view.community_id, view.period, now=view.now)
    names = {
        "grids": {grid.id: grid.name for grid in found.grids},
        "people": found.people,
    }
    if found.grids:
        _figures(view, found, names)
    else:
        _begin(bool(names["people"]))
    registers.show(view, names, found.grids)
    registers.open_drawer(view.today, names)


def _figures(view: session.View, found: Comparison, names: posts.Names) -> None:
    with cards.tiles(4):
        cards.tile(found.posts.filled, page="")
        cards.tile(found.posts.coverage, page="")
        cards.tile(found.load, page="", detail=i18n.target_words(found.load))
        cards.tile(found.estate.good_order)
    left, right = st.columns([5, 7], gap="small")
    with left:
        posts.where(found)
    with right:
        posts.side_by_side(found, names)
    left, right = st.columns([7, 5], gap="small")
    with left:
        posts.network(found.posts, found.grids, names)
    with right:
        fills = view.past is None and may(session.actor(), Operation.UPDATE, Post.collection)
        wanted = posts.posts(found.posts, names, fills)
    if wanted:
        registers.fill(wanted)
    left, right = st.columns(2, gap="small")
    with left:
        posts.load(found)
    with right:
        posts.work(found)


def _begin(people_there: bool) -> None:
    """Before the first grid: people come first, because every grid has somebody who answers for it."""
    buttons = [(_("Import a sheet"), ":material/upload_file:")]
    if may(session.actor(), Operation.CREATE, Grid.collection):
        label = _("Enter a grid") if people_there else _("Enter the first person")
        buttons.insert(0, (label, ":material/add:"))
    pressed = cards.empty(
        _("No grids yet"),
        _("A grid has exactly one responsible person: enter the people first, then the grids. Or import your sheets."),
        *buttons,
        key="grids",
    )
    if pressed is not None:
        if len(buttons) - pressed == 1:
            navigation.go("data")
        drawer.open_at(registers.GRID if people_there else registers.PERSON)
