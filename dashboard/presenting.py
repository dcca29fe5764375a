"""The review at a meeting: which meeting, in which order the sections come and with what comments; what was shown, kept
and compared with today; decisions and action items typed in beside a slide."""

from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import streamlit as st

from dashboard import actions, cards, data, drawer, i18n, minutes, navigation, session
from dashboard.i18n import _, n_, plain, say
from dashboard.pack import reading
from repository import meetings
from repository.access import Operation, may
from repository.meetings import Meeting, MeetingStatus
from repository.metrics import Period
from repository.review import (
    Difference,
    KeptReview,
    Presentation,
    Review,
    Section,
    arrange,
    arranged,
    comment,
    keep,
    kept_reviews,
    prepare,
    presentation,
    reviewed,
    since_shown,
)

MEETING, KEPT = "meeting", "kept"
"""Parameters: the meeting the review is for, and which of those kept is shown."""
_HELD = "on-projector"
FAR = 90  # days to either side, of the meetings that are offered


@dataclass(frozen=True)
class Showing:
    """What the page shows, and for which meeting."""

    review: Review
    meeting: Meeting | None = None
    plan: Presentation | None = None
    all_kept: tuple[KeptReview, ...] = ()
    kept: KeptReview | None = None


def showing(view: session.View, period: Period) -> Showing:
    """The review the address asks for: of a meeting, as prepared or as it was shown; else of the period. As of a past
    day it is for no meeting: there is shown, and kept, what stands now."""
    if view.past is not None:
        then = _written(view, period)
        return Showing(replace(then, written_at=view.present.isoformat(timespec="seconds")))
    wanted = st.query_params.get(MEETING)
    meeting = next((each for each in _meetings(view) if each.id == wanted), None) if wanted else None
    if meeting is None:
        return Showing(_written(view, period))
    plan = data.ask(presentation, view.community_id, meeting.id)
    whole = session.actor().grids is None
    kept = tuple(data.ask(kept_reviews, view.community_id, meeting.id)) if plan and whole else ()
    chosen = next((each for each in kept if each.id == st.query_params.get(KEPT)), None)
    if chosen is not None:
        return Showing(chosen.review, meeting, plan, kept, chosen)
    review = _written(view, Period.of(plan.period) if plan else period)
    return Showing(arranged(review, plan), meeting, plan, kept)


def _written(view: session.View, period: Period) -> Review:
    """The review as of now; on a projector as it was when that began: no figure changes from one slide to the next,
    and no slide waits for all of them to be read."""
    asked = (session.actor().eyes, view.community_id, period.key, view.past, view.now.date())
    of, review = st.session_state.get(_HELD, (None, None))
    if session.SLIDE not in st.query_params or of != asked:
        review = data.ask(reviewed, view.community_id, period, now=view.now)
        st.session_state[_HELD] = asked, review
    return cast("Review", review)


def _meetings(view: session.View) -> list[Meeting]:
    """Those that a review may be for, the newest first."""
    found, _total = data.ask(meetings.meetings, view.community_id)
    return [each for each in found if each.status is not MeetingStatus.CANCELLED]


def name_of(meeting: Meeting) -> str:
    """A meeting's name and day."""
    return f"{meeting.name} · {i18n.date(meeting.day)}"


def bar(view: session.View, found: Showing, period: Period) -> None:
    """Choose the meeting; prepare, arrange and comment; what was kept."""
    if view.past is not None:
        return
    there = _meetings(view)
    near = [each for each in there if abs((each.day - view.now.date()).days) <= FAR or each == found.meeting]
    names = {each.id: name_of(each) for each in near}
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="presenting"):
        st.selectbox(
            _("For the meeting"),
            list(names),
            index=list(names).index(found.meeting.id) if found.meeting else None,
            format_func=lambda id: names.get(id, id),
            placeholder=_("No meeting"),
            key="presenting-meeting",
            on_change=_choose,
            width=280,
        )
        if found.meeting is None:
            return
        may_write = may(session.actor(), Operation.UPDATE, Presentation.collection)
        other = found.plan is None or found.plan.period != period.key
        if other and found.kept is None and may_write:
            words = _("Show {period} there", period=i18n.period(period))
            if st.button(plain(words), icon=":material/event_available:", key="do_prepare"):
                drawer.act(partial(data.tell, prepare, view.community_id, found.meeting.id, period.key))
        if found.plan is not None and found.kept is None and may_write:
            with st.popover(_("Arrange"), icon=":material/swap_vert:", key="arrange"):
                _arrange(view, found.plan, found.review)
            with st.popover(_("Comment"), icon=":material/chat:", key="comments"):
                _comment(view, found.plan, found.review)
        if found.all_kept:
            _kept(found)
        navigation.link("meetings", _("The meeting"), meeting=found.meeting.id)
    if found.kept is not None:
        _since(view, found.kept)


def _choose() -> None:
    st.query_params.pop(KEPT, None)
    chosen = st.session_state.get("presenting-meeting")
    if chosen:
        st.query_params[MEETING] = chosen
    else:
        st.query_params.pop(MEETING, None)


# --- arranging
def _arrange(view: session.View, plan: Presentation, review: Review) -> None:
    """The sections in their order, with what moves them or leaves them out."""
    titles = _titles(view, plan, review)
    order = list(titles)

    def put(order: list[str], hidden: tuple[str, ...]) -> None:
        drawer.act(lambda: data.tell(arrange, view.community_id, plan.id, plan.revision, order=order, hidden=hidden))

    for place, key in enumerate(order):
        left_out = key in plan.hidden
        with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", key=f"arrange-{key}"):
            words = plain(titles[key])
            st.markdown(f":gray[{words}]" if left_out else f"**{words}**", width="stretch")
            for step, icon, label in ((-1, "arrow_upward", _("Up")), (1, "arrow_downward", _("Down"))):
                to = place + step
                if st.button(
                    "", icon=f":material/{icon}:", type="tertiary", key=f"move-{key}{step}", help=plain(label),
                    disabled=not 0 <= to < len(order),
                ):  # fmt: skip
                    moved = [each for each in order if each != key]
                    moved.insert(to, key)
                    put(moved, plan.hidden)
            icon, label = ("visibility_off", _("Show again")) if left_out else ("visibility", _("Leave out"))
            if st.button("", icon=f":material/{icon}:", type="tertiary", key=f"hide-{key}", help=plain(label)):
                others = tuple(each for each in plan.hidden if each != key)
                put(order, others if left_out else (*others, key))


def _comment(view: session.View, plan: Presentation, review: Review) -> None:
    """What is said of one of the sections."""
    # in their own order, whatever was arranged: a browser shows the first of choices that changed while it was shut
    titles = _titles(view, plan.model_copy(update={"order": ()}), review)
    about = st.selectbox(_("Comment on"), list(titles), format_func=titles.__getitem__, key="comment-section")
    form = f"remark.{plan.id}.{about}"
    mine = drawer.draft(form, plan, "remarks")
    text = st.text_area(
        _("Comment"), value=mine.opened.remark(about), max_chars=1000, height=100, key=f"remark-{about}-{mine.key}",
        on_change="ignore", placeholder=_("What you want to say of it. It stands on the slide and in the files."),
    )  # fmt: skip
    if st.button(_("Save"), type="primary", icon=":material/check:", key="do_comment"):
        drawer.act(
            lambda: data.tell(comment, view.community_id, plan.id, mine.stands.revision, about, text, done=_("Saved.")),
            form=form,
        )


def _titles(view: session.View, plan: Presentation, review: Review) -> dict[str, str]:
    """The sections' names in their order, those left out too."""
    whole = data.ask(reviewed, view.community_id, Period.of(review.period), now=view.now)
    every = arranged(whole, plan.model_copy(update={"hidden": ()}))
    return {section.key: say(section.title) for section in every.sections}


# --- what was shown
def start(view: session.View, plan: Presentation | None) -> str | None:
    """Before the first slide: what is shown at a meeting is kept, so that it can be shown again; its id. None where
    there is no meeting, or the reader may not keep it."""
    actor = session.actor()
    if plan is None or not may(actor, Operation.CREATE, KeptReview.collection) or actor.grids is not None:
        return None
    kept = data.tell(keep, view.community_id, plan.id, now=view.present)
    return None if kept is None else kept.id


def _kept(found: Showing) -> None:
    zone = session.zone()
    names = {each.id: i18n.datetime_(each.shown_at, zone) for each in found.all_kept}
    st.selectbox(
        _("As shown"),
        ["", *names],
        index=list(names).index(found.kept.id) + 1 if found.kept else 0,
        format_func=lambda id: names.get(id) or _("As it is today"),
        key="presenting-kept",
        on_change=_choose_kept,
        width=220,
    )


def _choose_kept() -> None:
    chosen = st.session_state.get("presenting-kept")
    if chosen:
        st.query_params[KEPT] = chosen
    else:
        st.query_params.pop(KEPT, None)


def _since(view: session.View, kept: KeptReview) -> None:
    """What is told differently today, figure by figure."""
    since = data.ask(since_shown, view.community_id, kept.id, now=view.now)
    said = _("As it was shown on {when}.", when=i18n.datetime_(kept.shown_at, session.zone()))
    if not since.figures:
        st.info(plain(said + " " + _("All its figures are the same today.")), icon=":material/history:")
        return
    told = n_("{n} of {all} figures is told differently today.", "{n} of {all} figures are told differently today.",
              len(since.figures), all=i18n.number(since.compared))  # fmt: skip
    st.info(plain(f"{said} {told}"), icon=":material/history:")
    with st.expander(_("What is different"), key="since-shown"):
        cards.listed([_("Figure"), _("Shown then"), _("Today")], [_both(each) for each in since.figures], right=(1, 2))


def _both(each: Difference) -> list[str]:
    """A figure as it was shown and as it is today; where it reads the same, on how many it rests."""
    today = replace(each.figure, value=each.value, n=each.n)
    told = [reading.amount(figure) for figure in (each.figure, today)]
    if told[0] == told[1]:
        told = [
            f"{text} (n = {i18n.number(figure.n)})" for text, figure in zip(told, (each.figure, today), strict=True)
        ]
    return [say(each.figure.title), *told]


# --- at the meeting
def enter(view: session.View, meeting: Meeting, section: Section | None) -> None:
    """Decisions and action items of the meeting, typed in beside the slide."""
    with st.popover(_("Enter here"), icon=":material/gavel:", key="slide-enter", on_change="rerun") as inside:
        if not inside.open:
            return
        if meeting.day > view.now.date():
            st.caption(
                plain(_("The meeting is on {day}: from then on this is entered here.", day=i18n.date(meeting.day)))
            )
            return
        found = data.ask(meetings.meeting, view.community_id, meeting.id, now=view.now)
        if found.meeting.locked:
            st.caption(_("The minutes are final."))
            return
        decision, item = st.tabs([_("Decision"), _("Action item")])
        proposed = section.proposals[0] if section and section.proposals else None
        about = section.key if section else "cover"
        with decision:
            minutes.next_decision(view, found.meeting, about, say(proposed.text) if proposed else None)
        with item:
            minutes.give(view, actions.names_of(view), found, about, proposed.due_on if proposed else None)
