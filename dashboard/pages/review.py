"""Review: a period's review, written by the data: to read, to show on a projector, to take away."""

from dataclasses import replace
from functools import partial

import streamlit as st

from dashboard import byhand, cards, i18n, making, navigation, presenting, session, slides
from dashboard.i18n import _, plain, say
from dashboard.pack import reading
from repository.metrics import Period
from repository.review import Figure, Review, Section

MIME = {
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS = 5


def render() -> None:
    """The agenda and nine sections, or one slide of them."""
    view = session.view()
    period = view.period if view.period.kind != "ever" else Period.containing("year", view.now.date())
    found = presenting.showing(view, period)
    review = found.review
    if session.SLIDE in st.query_params:
        slides.show(review, partial(presenting.enter, view, found.meeting) if found.meeting else None)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(plain(reading.named(review)), anchor=False, width="content")
        st.space("stretch")
        words = _("Show on a projector")
        if st.button(words, type="primary", icon=":material/slideshow:", key="do_present"):
            _present(view, found)
        with st.container(width="content"):
            _files(view, review)
    st.caption(plain(reading.stamp(review)))
    presenting.bar(view, found, period)
    _agenda(review)
    for section in review.sections:
        _section(section)


def _present(view: session.View, found: presenting.Showing) -> None:
    """From the first slide; what is shown at a meeting is kept, unless it is one that was."""
    if found.kept is None and (kept := presenting.start(view, found.plan)):
        st.query_params[presenting.KEPT] = kept
    st.query_params[session.SLIDE] = "1"
    st.rerun()


def _files(view: session.View, review: Review) -> None:
    """What stands on the page, to take away."""
    from dashboard.pack import paper, powerpoint, workbook

    makers = {"pptx": powerpoint.presentation, "pdf": paper.printed, "xlsx": workbook.workbook}
    name = f"{view.community}-{i18n.period(Period.of(review.period))}"
    if view.past is not None:
        name += f"-{i18n.date(review.as_of)}"
    files = {
        form: making.File(word, f"{name}.{form}", MIME[form], partial(makers[form], review))
        for form, word in {"pptx": "PowerPoint", "pdf": "PDF", "xlsx": "Excel"}.items()
    }
    making.offer(files, of=replace(review, written_at=""), key="review-files")


def _agenda(review: Review) -> None:
    if not review.agenda:
        return
    with st.container(border=True, gap="xxsmall", key="review-agenda"):
        st.header(_("Agenda"), anchor=False)
        for kind, title in reading.AGENDA.items():
            entries = [each for each in review.agenda if each.kind == kind]
            if not entries:
                continue
            st.markdown(f"**{plain(say(title))}** :gray-badge[{i18n.number(len(entries))}]")
            for each in entries:
                what, why, who, due, late = reading.entry(each)
                beside = " · ".join(part for part in (who, due, late) if part)
                with st.container(horizontal=True, horizontal_alignment="distribute", gap="xxsmall"):
                    navigation.link(
                        each.page or "overview", plain(" · ".join(filter(None, (what, why)))), icon=None, **each.params
                    )
                    st.markdown(f":small[:gray[{plain(beside)}]]", width="content")


def _section(section: Section) -> None:
    with st.container(border=True, gap="xsmall", key=f"review-section-{section.key}"):
        st.markdown(f"**{plain(say(section.title))}** {cards.badge(section.state)}")
        st.header(plain(say(section.headline)), anchor=False)
        if section.comment:
            st.markdown(f":material/chat: {plain(section.comment)}")
        for point in section.points:
            st.markdown(f"- {plain(say(point))}")
        _figures(section.figures)
        if section.charts or section.tables:
            left, right = st.columns(2, gap="small")
            with left:
                for drawn in section.charts:
                    slides.chart(section, drawn)
                if not section.charts:
                    for behind in section.tables:
                        byhand.draw(slides.lines_behind(behind, ROWS))
            with right:
                for behind in section.tables if section.charts else ():
                    byhand.draw(slides.lines_behind(behind, ROWS))


def _figures(figures: tuple[Figure, ...]) -> None:
    head, rows = reading.figure_rows(figures)
    columns = {plain(title): [plain(row[place]) for row in rows] for place, title in enumerate(head)}
    cards.side_by_side(columns)
