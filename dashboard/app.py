"""The frame: who looks, at which community and period, in which language; the menu; then the page. No content."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup

from dashboard import backups, byhand, cards, data, i18n, navigation, rejoin, session
from dashboard.i18n import _, plain, say
from dashboard.session import View
from dashboard.settings import Settings, SignInBy
from repository import accounts
from repository.access import Role
from repository.grids import grid_names
from repository.metrics import Period, PeriodTrouble, months_between
from repository.store import SignedOut, Store, Unavailable
from repository.words import Trouble


def main(landing: str = navigation.PAGES[0].key) -> None:
    """One run of the script. ``landing`` is the page that opens at the address without a path."""
    session.begin()
    st.set_page_config(
        page_title=_("GridBoard"),
        page_icon=str(byhand.STATIC / "icon.svg"),
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    cards.style(byhand.look(session.language()))
    session.room_for_banners()
    likely = session.community_before_settling()
    data.look_again(likely)
    try:
        data.recognise()
    except SignedOut:
        _signed_out(landing)
        return
    except Unavailable:
        pass  # the first question says so
    communities = data.ask(Store.communities)
    if not communities:
        _welcome(landing)
        return
    view = session.settle(communities, data.store().clock(), anybody=data.way_in() is SignInBy.NONE)
    if view.community_id != likely:
        data.look_again(view.community_id)
    chosen = st.navigation(navigation.all_pages(landing), position="hidden")  # the menu is drawn by hand
    row = navigation.BY_KEY[chosen.url_path or landing]
    st.set_page_config(page_title=f"{say(row.title)} · {_('GridBoard')}")
    if not row.by_hand:
        cards.style_of_lists()
    day = _day_chosen(view)
    session.say_toasts()
    if day and row.past:
        view = session.look_back(day)
    with st.container(key="page", gap="small"):
        if not (row.key == "review" and session.SLIDE in st.query_params):  # a slide has no frame about it
            _head(row, view, communities)
        if day:
            _mind_the_day(row, day)
        data.mind_the_leader()
        data.mind_the_room()
        backups.mind(view)
        if row.key != "my_work":  # where it stands at the top anyway
            _mind_new_work(view)
        chosen.run()
    session.say_what_was_lost()


def _logo() -> None:
    """Where no menu is."""
    st.logo(str(byhand.STATIC / f"logo-{session.language()}.svg"), size="large")


def _signed_out(landing: str) -> None:
    """What stands in a page that was left open for too long, or whose sign-in was ended elsewhere."""
    session.keep_typing()
    _logo()
    st.navigation(navigation.all_pages(landing), position="hidden")
    here = "/" + st.context.url.split("/", 3)[-1] if st.context.url else "/"
    query = urlencode({"next": f"{here.partition('?')[0]}?{urlencode(dict(st.query_params))}"})
    with st.container(border=True, key="signed-out"):
        st.subheader(_("You are not signed in any more"), anchor=False)
        st.write(
            _(
                "The sign-in was ended, or was not used for too long. What you typed is still here: sign in in a new "
                "tab, come back to this one and go on."
            )
        )
        with st.container(horizontal=True, gap="small"):
            st.link_button(
                _("Sign in"),
                f"{Settings.from_environment().base}/login?{query}",
                type="primary",
                icon=":material/login:",
            )
            st.button(_("Go on"), icon=":material/refresh:", key=rejoin.GO_ON)


def _welcome(landing: str) -> None:
    """There is no community yet: whatever was asked for, this is where it begins."""
    from dashboard.pages import welcome

    _logo()
    st.navigation(navigation.all_pages(landing), position="hidden")
    try:
        data.store().require_open()
    except Trouble as trouble:  # it is empty only until its backup is back
        st.info(plain(say(trouble)), icon=":material/settings_backup_restore:")
        return
    welcome.render()


def _head(row: navigation.PageRow, view: View, communities: list[Any]) -> None:
    """The menu; below it title and as-of on the left; period, filters and person on the right."""
    where = view.community
    if view.grid_id and "grid" in row.choices:
        grids = data.ask(grid_names, view.community_id)
        where += " · " + grids.get(view.grid_id, view.grid_id)
    if row.periods and view.period.kind == "range":
        where += " · " + i18n.period(view.period)
    badge = byhand.NOTHING
    if view.demonstration:
        anybody = _("Whoever opens this page may look through any role's eyes and change anything.")
        hint = anybody if st.session_state.get("demonstration") else ""
        badge = byhand.badge("science", _("Demonstration: invented data"), "orange", hint)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="head"):
        byhand.head(
            byhand.menu(row.key),
            say(row.title),
            _("{community} · as of {moment}", community=where, moment=i18n.datetime_(view.now, view.zone)),
            badge=badge,
            beside=_periods_by_hand(row, view) if row.by_hand else byhand.NOTHING,
        )
        if row.periods and not row.by_hand:
            _periods(view)
        with st.container(horizontal=True, width="content", gap="xxsmall", key="frame-choices"):
            # a fragment by itself takes all the room there is
            if row.periods or row.choices:
                with st.container(width="content"):
                    _filters(row, view)
            with st.container(width="content"):
                _person(view, communities)


def _day_chosen(view: View) -> date | None:
    """The past day that is looked at; one before there was anything is put back to today, with a word."""
    day = session.day_chosen()
    if day is None:
        return None
    first = data.ask(Store.first_month, view.community_id)
    if first is not None and day < Period.of(first).first:
        session.choose("as_of", None)
        session.toast(_("There is nothing before {month}: this is today.", month=i18n.month(Period.of(first).first)))
        return None
    return day


def _mind_the_day(row: navigation.PageRow, day: date) -> None:
    """Say plainly that a past day is looked at, or that this page is today's all the same; and the way back."""
    shown = i18n.date(day)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="as-of"):
        if row.past:
            words = _("As it was at the end of {day}. What you open from here is as it is now.", day=shown)
            st.markdown(f":material/history: **{plain(words)}**", width="content")
        else:
            words = _("This page shows today, not {day}.", day=shown)
            st.caption(f":material/history: {plain(words)}", width="content")
        st.button(
            _("Back to today"),
            icon=":material/today:",
            type="tertiary",
            key="back-to-today",
            on_click=lambda: session.choose("as_of", None),
        )


def _mind_new_work(view: View) -> None:
    """Say to whoever was given work and has not seen it yet that it is there: on every page, until it is seen."""
    actor = session.actor()
    if not (actor.people or actor.companies):
        return
    from repository.maintenance import new_work

    if n := data.ask_in_passing(new_work, view.community_id, actor.people, actor.companies):
        words = i18n.n_("{n} new order for you: look at it", "{n} new orders for you: look at them", n)
        with session.banners(), st.container(border=True, key="new-work"):
            navigation.link("my_work", f":blue[:material/notifications_active:] **{plain(words)}**")


def _kinds(view: View) -> dict[str, str]:
    """The kinds of period that are offered, by their names."""
    names = {
        "month": _("Month"),
        "quarter": _("Quarter"),
        "year": _("Year"),
        "ever": _("All"),
    }
    if view.period.kind == "range":
        names["range"] = _("Range")
    return names


def _periods_by_hand(row: navigation.PageRow, view: View) -> Markup:
    names = _kinds(view)
    wishes = {kind: None if kind == session.DEFAULT_PERIOD else kind for kind in names}
    wishes["range"] = view.period.key
    return byhand.choices(
        _("Period"),
        [
            (name, kind == view.period.kind, navigation.address(row.key, period=wishes[kind]))
            for kind, name in names.items()
        ],
    )


def _periods(view: View) -> None:
    names = _kinds(view)
    st.session_state["frame.period"] = view.period.kind

    def changed() -> None:
        kind = st.session_state["frame.period"]
        session.choose("period", None if kind == session.DEFAULT_PERIOD else kind)

    st.segmented_control(
        _("Period"),
        list(names),
        format_func=names.__getitem__,
        required=True,
        key="frame.period",
        label_visibility="collapsed",
        on_change=changed,
    )


@st.fragment  # what is behind the button is drawn when it is opened, without the page
def _filters(row: navigation.PageRow, view: View) -> None:
    _leave_if_chosen()
    set_ones = sum(bool(session.chosen(name)) for name in row.choices) + (
        session.chosen("period") not in ("", *session.KINDS)
    )
    set_ones += view.past is not None
    label = _("Filters") + (f" **{i18n.number(set_ones)}**" if set_ones else "")  # of which only the number is seen
    inside = st.popover(label, icon=":material/tune:", key="frame.filters", on_change="rerun")
    if not inside.open:
        return
    with inside:
        if row.periods and view.period.kind not in ("range", "ever"):
            keys = [period.key for period in _choices_of(view)]
            st.session_state["frame.at"] = view.period.key
            st.selectbox(
                _("Which one"),
                keys,
                format_func=lambda key: i18n.period(Period.of(key)),
                key="frame.at",
                on_change=lambda: _choose("period", st.session_state["frame.at"]),
            )
        if row.periods:
            _months(view)
        if row.past:
            _day(view)
        if "grid" in row.choices:
            grids = data.ask(grid_names, view.community_id)
            options = ["", *grids]
            st.session_state["frame.grid"] = view.grid_id if view.grid_id in grids else ""
            st.selectbox(
                _("Grid"),
                options,
                format_func=lambda key: grids.get(key) or _("All grids"),
                key="frame.grid",
                on_change=lambda: _choose("grid", st.session_state["frame.grid"]),
            )
        if "category" in row.choices:
            from repository.maintenance import WorkCategory, work_categories

            words = ["", *data.ask(work_categories, view.community_id)]
            st.session_state["frame.category"] = view.category if view.category in words else ""
            st.selectbox(
                _("Category"),
                words,
                format_func=lambda word: i18n.term(word, WorkCategory) if word else _("All categories"),
                key="frame.category",
                on_change=lambda: _choose("category", st.session_state["frame.category"]),
            )


def _day(view: View) -> None:
    """As of which day the page is shown."""
    today, first = view.present.date(), data.ask(Store.first_month, view.community_id)
    st.session_state["frame.as_of"] = view.now.date()

    def changed() -> None:
        day = st.session_state["frame.as_of"]
        _choose("as_of", None if day is None or day >= today else day.isoformat())

    earliest = min(view.now.date(), max(session.EARLIEST, Period.of(first).first) if first else today)
    st.date_input(
        _("As of"), min_value=earliest, max_value=today, format="YYYY-MM-DD", key="frame.as_of", on_change=changed
    )


def _months(view: View) -> None:
    """From which month to which: any range, or the month, quarter or year that it is."""
    ends = {"frame.first": _("From month"), "frame.last": _("To month")}
    shown = () if view.period.kind == "ever" else (view.period.months[0], view.period.months[-1])
    months = sorted({*months_between(_first_day(view), view.now.date()), *shown}, reverse=True)

    def changed() -> None:
        chosen = sorted(filter(None, (st.session_state[end] for end in ends)))
        try:
            _choose("period", Period.of(f"{chosen[0]}..{chosen[-1]}").key if chosen else None)
        except PeriodTrouble as trouble:
            session.toast(say(trouble))

    with st.container(horizontal=True, gap="xsmall"):
        for end, month in zip(ends, shown or (None, None), strict=True):
            st.session_state[end] = month
            st.selectbox(
                ends[end],
                months,
                format_func=lambda key: i18n.month(Period.of(key).first),
                placeholder=_("Choose"),
                key=end,
                on_change=changed,
            )


def _first_day(view: View) -> date:
    """From when on there is data, fifteen years back at most."""
    first = data.ask(Store.first_month, view.community_id)
    start = Period.of(first).first if first else view.now.date()
    return max(start, date(view.now.year - 15, 1, 1))


def _choices_of(view: View) -> list[Period]:
    """The periods of the chosen kind, newest first: from this one back to the first data."""
    start = _first_day(view)
    period = Period.containing(view.period.kind, view.now.date())
    found = []
    while period.last >= start:
        found.append(period)
        period = period.previous
    return found if view.period in found else [view.period, *found]


def _choose(name: str, value: str | None) -> None:
    """A choice behind one of the frame's buttons: the page has to run anew."""
    session.choose(name, value)
    st.session_state["frame.chosen"] = True


def _leave_if_chosen() -> None:
    if st.session_state.pop("frame.chosen", False):
        st.rerun()


@st.fragment
def _person(view: View, communities: list[Any]) -> None:
    _leave_if_chosen()
    inside = st.popover(
        _("Language, community, role"), icon=":material/account_circle:", key="frame.person", on_change="rerun"
    )
    if not inside.open:
        return
    with inside:
        st.session_state["frame.lang"] = session.language()
        st.segmented_control(
            _("Language"),
            list(i18n.LANGUAGES),
            format_func=i18n.LANGUAGES.__getitem__,
            required=True,
            key="frame.lang",
            on_change=lambda: _choose("lang", st.session_state["frame.lang"]),
        )
        if len(communities) > 1:
            names = {community["_id"]: community["name"] for community in communities}
            st.session_state["frame.community"] = view.community_id
            st.selectbox(
                _("Community"),
                list(names),
                format_func=names.__getitem__,
                key="frame.community",
                on_change=_move_community,
            )
        if st.session_state.get("demonstration"):
            _roles(view)
        else:
            _account()


def _account() -> None:
    """Who is signed in, and the way out."""
    actor = session.actor()
    if not actor.sign_in:
        st.caption(_("You act as: {role}", role=i18n.plain(actor.name)))
        return
    st.caption(_("Signed in as {name} ({role})", name=i18n.plain(actor.name), role=say(actor.role.label)))
    with st.container(horizontal=True, gap="small"):
        base = Settings.from_environment().base
        if data.way_in() is SignInBy.ACCOUNTS:
            st.link_button(_("Password"), f"{base}/password", icon=":material/key:")
        st.button(_("Sign out"), icon=":material/logout:", key="sign-out", on_click=_sign_out, args=(actor.sign_in,))


def _sign_out(id: str) -> None:
    data.tell(accounts.end_sign_in, id)
    st.session_state["frame.chosen"] = True


def _move_community() -> None:
    _choose("community", st.session_state["frame.community"])
    session.choose("grid", None)
    session.choose("category", None)


def _roles(view: View) -> None:
    """In demonstration mode anybody may look through any role's eyes."""
    grids = data.ask(grid_names, view.community_id)
    st.session_state["frame.role"] = session.actor().role

    def changed() -> None:
        role = st.session_state["frame.role"]
        session.look_through(role, next(iter(grids), None) if role == Role.GRID_WORKER else None)
        st.session_state["frame.chosen"] = True

    st.selectbox(
        _("Look through the eyes of"),
        list(Role),
        format_func=lambda role: say(role.label),
        key="frame.role",
        on_change=changed,
    )
    st.caption(_("Demonstration only. A grid worker has the first grid in charge."))
