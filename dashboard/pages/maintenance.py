"""Maintenance: the work to do, the longest overdue first; then how much is owed, how old it is, and where it takes
long."""

import streamlit as st

from dashboard import analysis, backlog, behind, cards, forms, navigation, orders, session
from dashboard.data import ask
from dashboard.i18n import _, say
from dashboard.session import View
from repository.grids import grid_names
from repository.maintenance import Behind, Show, WorkList, WorkReview, quality, work_list, work_review
from repository.people import people

PARTS = WORK, ANALYSIS = "work", "analysis"
FIGURES = (Behind.OWED, Behind.OWED_LATE, Behind.TIMED, Behind.OWED, Behind.RESPONDED, Behind.REPAIRED)
"""What the tiles count, in their order."""


def render() -> None:
    """The page."""
    view = session.view()
    if figure := behind.asked():
        behind.show(view, figure)
        with session.today():
            orders.open_drawer()
        return
    seen = (view.community_id, view.period, view.grids, view.category)
    if cards.part_asked(PARTS) == ANALYSIS:  # which needs nothing of the other part
        found = ask(quality, *seen, now=view.now)
        known = found.known
    else:
        review = ask(work_review, *seen, now=view.now)
        known = review.figures.open.value is not None
    if not known:
        _nothing_yet()
        return
    cards.one_part(
        {
            WORK: (_("Work"), lambda view: _all_of_it(view, review)),
            ANALYSIS: (_("Behind the backlog"), lambda view: analysis.show(view, found)),
        },
        view,
    )
    with session.today():
        orders.open_drawer()


def _all_of_it(view: View, review: WorkReview) -> None:
    """The figures, the list to work from, and how the backlog stands."""
    with st.container(gap="small"):
        with cards.tiles(6):
            for value, figure in zip(review.figures, FIGURES, strict=True):
                cards.tile(value, page="maintenance", params=behind.params(figure))
        backlog.missing_estimates(review)
        with st.container(gap="small", key="lead_work"):
            _work(view)
    left, right = st.columns(2, gap="small")
    with left:
        backlog.ages(view, review)
    with right:
        backlog.flows(view, review)
    left, right = st.columns(2, gap="small")
    with left:
        backlog.course(review)
    with right:
        backlog.categories(view, review)
    if len(review.grids) > 1:
        backlog.grids(view, review, ask(grid_names, view.community_id))


def _nothing_yet() -> None:
    pressed = cards.empty(
        _("No work orders yet"),
        _("Log the first repair, or bring in the sheet you already keep."),
        (_("Log a repair"), ":material/add:"),
        (_("Import a sheet"), ":material/upload:"),
    )
    if pressed is not None:
        navigation.go(("report", "data")[pressed])


def _work(view: View) -> None:
    """The list to work from, under one row of filters."""
    names = forms.told_apart({person.id: person.name for person in ask(people, view.community_id) if person.active})
    shows = [str(each) for each in Show]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.container(width="content")
        st.space("stretch")
        whole = st.container(width="content")
        if st.button(_("Log a repair"), type="primary", icon=":material/add:", key="do_report"):
            navigation.go("report")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="work-filters"):
        show = st.segmented_control(
            _("Show"),
            shows,
            required=True,
            format_func=lambda choice: say(Show(choice).label),
            label_visibility="collapsed",
            **session.in_url("show", shows, Show.OPEN.value),
        )
        who = st.selectbox(
            _("Whose"),
            ["", *names],
            format_func=lambda id: names.get(id) or _("Everybody's"),
            label_visibility="collapsed",
            width=180,
            **session.in_url("who", names),
        )
        wanted = st.text_input(
            _("Search"),
            placeholder=_("Number, fault, place"),
            label_visibility="collapsed",
            icon=":material/search:",
            width=220,
            **session.in_url("q"),
        )
        st.space("stretch")
        pages = st.empty()

    def page(number: int, rows: int) -> WorkList:
        return ask(
            work_list,
            view.community_id,
            show=show,
            assignee_id=who or None,
            search=wanted or "",
            grids=view.grids,
            category=view.category,
            now=view.now,
            page=number,
            rows=rows,
        )

    found = orders.work_pages(page, key="work", pages=pages, whole=whole)
    heading.header(orders.finding(found, names.get(who or "")), anchor=False)
