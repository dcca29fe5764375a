"""Requests: how residents are answered and what they say of it; the list to work from, overdue and urgent first; what
comes up again and again, and what became of it."""

import streamlit as st

from dashboard import cards, cases, navigation, reception, session
from dashboard.data import ask
from dashboard.i18n import _
from dashboard.session import View
from repository.access import Operation, may
from repository.requests import Request, RequestReview, Show, request_review, themes


def render() -> None:
    """The page."""
    view = session.view()
    review = ask(request_review, view.community_id, view.period, view.grids, now=view.now)
    if review.open.value is None:
        _nothing_yet()
        return
    cards.one_part(
        {
            "work": (_("Handling"), lambda view: _work(view, review)),
            "themes": (_("What comes up"), lambda view: _themes(view, review)),
        },
        view,
    )
    with session.today() as today:
        cases.open_drawer(today)


def _work(view: View, review: RequestReview) -> None:
    """The figures, the list to work from, and how requests are answered."""
    shows = (Show.OPEN, Show.OVERDUE, Show.LATE, Show.CONTACTED, Show.SOLVED, Show.SATISFIED, Show.SPOKEN, Show.REPEATS)
    values = (
        *(review.open, review.overdue, review.on_time, review.response, review.solved, review.satisfied),
        *(review.composite, review.repeats),
    )
    with st.container(gap="small"):
        with cards.tiles(4):
            for value, show in zip(values, shows, strict=True):
                cards.tile(value, params=reception.params(show))
        with st.container(gap="small", key="lead_requests"):
            cases.work(view, review)
    left, right = st.columns([7, 5], gap="small")
    with left:
        reception.funnel(view, review)
    with right:
        reception.grades(view, review)
    left, right = st.columns([7, 5], gap="small")
    with left:
        reception.months(view, review)
    with right:
        reception.urgencies(review)


def _themes(view: View, review: RequestReview) -> None:
    """What several residents come with, the fastest rising first, and what became of it."""
    found = ask(themes, view.community_id, view.period, view.grids, now=view.now)
    left, right = st.columns(2, gap="small")
    with left:
        reception.rising(found)
    with right:
        reception.words(found)
    reception.topics(view, review)
    cases.outcomes(view)


def _nothing_yet() -> None:
    buttons = [(_("Import a sheet"), ":material/upload_file:")]
    if enter := may(session.actor(), Operation.CREATE, Request.collection):
        buttons.insert(0, (_("Take a request"), ":material/add:"))
    pressed = cards.empty(
        _("No requests yet"),
        _("Take down the first one at the desk, or bring in the register you keep."),
        *buttons,
        key="requests",
    )
    if pressed == 0 and enter:
        navigation.go("receive")
    elif pressed is not None:
        navigation.go("data", record=Request.collection)
