"""Activities: who comes and who does not, whether everything looks alike, and who came today."""

from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st

from dashboard import (
    attendance,
    cards,
    charts,
    data,
    depth,
    drawer,
    i18n,
    navigation,
    participation,
    session,
    timetable,
    volunteers,
)
from dashboard.i18n import _, number, say, term
from repository.access import Operation, may
from repository.activities import (
    Activity,
    ActivityStatus,
    Figures,
    Format,
    calendar,
    figures,
    upcoming,
)
from repository.grids import grid_names
from repository.metrics import State
from repository.people import AgeBand, Sex

FEW, MANY = 30, 500  # activities in the list at first, and when all are asked for


def render() -> None:
    """The parts, and the drawers in which things are entered."""
    view = session.view()
    found = data.ask(figures, view.community_id, view.period, grids=view.grids, now=view.now)
    names = {"grids": data.ask(grid_names, view.community_id)}
    if _nothing_yet(found):
        _begin()
    else:
        cards.one_part(
            {
                "activities": (_("Activities"), lambda view: _activities(view, found, names)),
                "residents": (_("Residents"), depth.render),
                "calendar": (_("Calendar of activities"), lambda view: timetable.show(view, names)),
            },
            view,
        )
    if drawer.opened(attendance.OPEN):
        attendance.show(view.today, names)
    else:
        volunteers.open_drawer(view.today)


def _activities(view: session.View, found: Figures, names: dict[str, dict[str, str]]) -> None:
    """Six tiles, four findings, then the list."""
    whole = view.grids is None and session.actor().grids is None
    _tiles(found, whole)
    left, right = st.columns(2, gap="small")
    with left:
        _who_comes(found)
    with right:
        _what_is_held(found, whole)
    left, right = st.columns(2, gap="small")
    with left:
        _where_from(found)
    with right:
        _same_people(found, view.now.date())
    _list(view, found, names)


def _nothing_yet(found: Figures) -> bool:
    forms = found.variety.formats
    return not found.cancelled and all(form.last_held is None and not form.planned for form in forms)


def _begin() -> None:
    enter = may(session.actor(), Operation.CREATE, Activity.collection)
    buttons = [(_("Enter an activity"), ":material/add:")] if enter else []
    pressed = cards.empty(
        _("No activities yet"),
        _("Enter the first one, or bring in the sheet you keep: with who came, or with head-counts only."),
        *buttons,
        (_("Import a sheet"), ":material/upload_file:"),
        key="activities",
    )
    if pressed is not None:
        if pressed < len(buttons):
            drawer.open_at(attendance.OPEN)
        else:
            navigation.go("data")


# --- figures ---------------------------------------------------------------------------------------------------------
def _tiles(found: Figures, whole: bool) -> None:
    ever = found.period.kind == "ever"
    with cards.tiles(5 if ever else 6):
        cards.tile(found.held, page="")
        cards.tile(found.participation, page="", detail=participation.of_whom(found))
        cards.tile(found.visits, page="", detail=participation.visits_made_of(found))
        if not ever:
            cards.tile(found.newcomers, page="")
        cards.tile(found.repeat, page="")
        cards.tile(
            found.variety.effective,
            page="",
            detail=i18n.target_words(found.variety.effective),
        )
    for icon, remark in (
        ("info", participation.read_as(whole=whole)),
        ("hide_source", participation.not_recorded(found)),
    ):
        if remark:
            st.caption(f":material/{icon}: {i18n.plain(remark)}")


def _who_comes(found: Figures) -> None:
    """Age and sex against the population; of a single grid, where both together would tell too much, age alone."""
    both = any(group.share is not None for group in found.pyramid)
    groups = found.pyramid if both else found.ages
    figure, caption = None, ""
    if both:
        women, men = (participation.by_side(found, sex) for sex in (Sex.FEMALE, Sex.MALE))
        figure = charts.pyramid(
            [say(age.label) for age in AgeBand],
            [group.share for group in women],
            [group.share for group in men],
            [group.population_share for group in women],
            [group.population_share for group in men],
            names=(say(Sex.FEMALE.label), say(Sex.MALE.label)),
            look=cards.look(),
            say=participation.share_text,
        )
        caption = _(
            "Shares in %. Solid: participants of known age and sex (n = {n}); hollow: the community's {all} residents"
        )
    elif any(group.share is not None for group in groups):
        figure = charts.bars(
            [say(group.label) for group in groups],
            [group.share for group in groups],
            [participation.share_text(group.share) for group in groups],
            look=cards.look(),
            boxes=[group.population_share for group in groups],
        )
        caption = _("Shares in %. Solid: participants of known age (n = {n}); hollow: the community's {all} residents")
    lives = sum(group.population or 0 for group in groups) or None
    sexes = participation.by_sex(found) if figure else ""
    note = " ".join(filter(None, (sexes, participation.withheld(found, groups)))) if figure else ""
    cards.chart(
        participation.who_comes(found),
        caption.format(n=number(found.n_pyramid if both else found.n_ages), all=number(lives)),
        figure,
        participation.who_rows(found),
        key="pyramid",
        note=f":small[:gray[{i18n.plain(note)}]]" if note else "",
        nothing=participation.not_told(found, groups),
    )


def _what_is_held(found: Figures, whole: bool) -> None:
    variety = found.variety
    shown = participation.shown_formats(found)
    caption = _("Sessions, {period}", period=i18n.period(found.period))
    boxes: list[float | None] = []
    if found.period.kind != "ever":
        boxes = [form.before for form in shown]
        caption = _(
            "Sessions, {period}; hollow: {before}",
            period=i18n.period(found.period),
            before=i18n.period(found.period.previous),
        )
    note = ""
    if variety.alarm:
        badge = cards.badge(State.OFF_TARGET, participation.alarm_run(found), word=_("Sameness alarm"))
        note = f"{badge} {i18n.plain(participation.sameness(found))}  \n"
    if varied := participation.evenness(found):
        note += f":small[:gray[{i18n.plain(varied)}]]"
    figure = charts.bars(
        [term(form.format, Format) for form in shown],
        [form.sessions for form in shown],
        [participation.format_text(form) for form in shown],
        look=cards.look(),
        red=[0] if variety.alarm else [],
        boxes=boxes,
    )
    cards.chart(
        participation.what_is_held(found, whole=whole),
        caption,
        figure,
        participation.format_rows(found),
        key="formats",
        note=note,
    )


def _where_from(found: Figures) -> None:
    groups = found.grids
    known = any(group.share is not None for group in groups)
    note = participation.withheld(found, groups) if known else ""
    figure = charts.bars(
        [group.label for group in groups],
        [group.share for group in groups],
        [participation.grid_text(group) for group in groups],
        look=cards.look(),
        boxes=[group.population_share for group in groups],
    )
    cards.chart(
        participation.where_from(found),
        _(
            "Share of participants (n = {n}) by the grid they live in; hollow: share of the residents",
            n=number(found.n_grids),
        )
        if known
        else "",
        figure if known else None,
        participation.group_rows(groups, found.n_grids, _("Grid")),
        key="from-grids",
        note=f":small[:gray[{i18n.plain(note)}]]" if note else "",
        nothing=participation.not_told(found, groups),
    )


def _same_people(found: Figures, today: date) -> None:
    months = participation.whole_months(found, today)
    people = any(row.people for row in found.months)
    figure = charts.lines(
        [row.month for row in months],
        [row.registered if people else row.heads for row in months],
        [row.people for row in months],
        names=(_("visits"), _("people")),
        look=cards.look(),
        gap=False,
    )
    caption = ""
    if months and people:
        caption = _("Registered visits and the different residents behind them, by month, {first} to {last}.")
    elif months:
        caption = _("Heads counted, by month, {first} to {last}.")
    cards.chart(
        participation.same_people(found, today),
        " ".join(
            [caption.format(first=months[0].month, last=months[-1].month), participation.so_far(found, today)]
        ).strip()
        if months
        else "",
        figure if any(row.people or row.heads for row in months) else None,
        participation.month_rows(found),
        key="visits",
        nothing=participation.not_told(found, ()),
    )


# --- the list --------------------------------------------------------------------------------------------------------
def _list(view: session.View, found: Figures, names: dict[str, dict[str, str]]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = st.container(width="content")
        st.space("stretch")
        words = [form.format for form in found.variety.formats if form.last_held or form.planned]
        form = _choice("format", words, _("All formats"), lambda word: term(word, Format))
        states = [str(status) for status in ActivityStatus]
        status = _choice("status", states, _("Any status"), lambda word: say(ActivityStatus(word).label))
        enter = may(session.actor(), Operation.CREATE, Activity.collection)
        if enter and st.button(_("Enter an activity"), icon=":material/add:", type="primary", key="do_new_activity"):
            drawer.open_at(attendance.OPEN)
    listed = data.ask(
        calendar,
        view.community_id,
        view.period,
        grids=view.grids,
        format=form,
        status=ActivityStatus(status) if status else None,
        limit=MANY if st.query_params.get("all") else FEW,
        now=view.now,
    )
    title.header(participation.how_many(listed, view.period), anchor=False)
    _ahead(view)
    if missing := participation.silent(listed):
        st.caption(f":material/hide_source: {i18n.plain(missing)}")
    registered = {row.activity.id: row.registered for row in listed.rows}
    drawer.register(
        attendance.OPEN,
        Activity,
        [row.activity for row in listed.rows],
        key="activities",
        columns=["held_on", "name", "format", "grid_id", "place", "status", "sessions", _("Registered"), "headcount"],
        names=names,
        more={_("Registered"): lambda activity: registered[activity.id] or None},
    )
    if listed.more and len(listed.rows) < MANY:
        st.button(
            _("Show earlier ones too"),
            icon=":material/expand_more:",
            type="tertiary",
            key="activities.all",
            on_click=lambda: st.query_params.update({"all": "1"}),
        )


def _ahead(view: session.View) -> None:
    ahead = data.ask(upcoming, view.community_id, grids=view.grids, now=view.now, limit=4)
    if not ahead:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="ahead"):
        heading = _("Coming up")
        st.markdown(f":gray[{heading}]", width="content")
        for activity in ahead:
            words = f"{i18n.day_short(activity.held_on)} {i18n.plain(activity.name)}"
            if st.button(words, type="tertiary", icon=":material/event:", key=f"ahead-{activity.id}"):
                drawer.open_at(attendance.OPEN, activity.id)


def _choice(name: str, words: Sequence[str], everything: str, write: Callable[[str], str]) -> str | None:
    """A filter of the list that stands in the URL in words of no language."""
    key, wanted = f"activities.{name}", st.query_params.get(name, "")
    st.session_state[key] = wanted if wanted in words else ""

    def changed() -> None:
        if st.session_state[key]:
            st.query_params[name] = st.session_state[key]
        else:
            st.query_params.pop(name, None)

    return (
        st.selectbox(
            i18n.plain(everything),
            ["", *words],
            format_func=lambda word: write(word) if word else everything,
            key=key,
            on_change=changed,
            label_visibility="collapsed",
            width=150,
        )
        or None
    )
