"""What the Targets page is made of: the figures that need action, the targets of all, accepted deviations, and the
drawer of one figure in which its target is set and its deviation accepted. Nothing is ever overwritten there."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import streamlit as st

from dashboard import cards, data, drawer, forms, glance, i18n, navigation, session, tables
from dashboard.i18n import MISSING, _, n_, plain, say
from repository import targets
from repository.access import Operation, may
from repository.grids import grids
from repository.metrics import METRICS, Direction, Metric, State, Target, Value
from repository.targets import Acceptance, Line, MetricTarget, Need, Span, TargetEntry, Targets

METRIC = "figure"  # of the URL: the metric whose drawer is open
_BELOW = (Direction.HIGHER, Direction.BAND)
_ABOVE = (Direction.LOWER, Direction.BAND)


# --- what needs action
def needs(view: session.View) -> None:
    """Each figure that needs action: its state, since when, how long beyond its time; then what is accepted."""
    found = glance.look(view)[0].attention
    st.header(plain(glance.headline(found)), anchor=False)
    if said := glance.beyond(found):
        st.markdown(f":material/timer: {plain(said)}")
    for place, each in enumerate(found.needs):
        _need(each, place)
    if found.accepted:
        st.header(
            plain(n_("{n} deviation is accepted", "{n} deviations are accepted", len(found.accepted))), anchor=False
        )
        for value in found.accepted:
            _accepted(value)
    st.caption(
        plain(
            _(
                "Within how many days somebody must have reacted: off target 7, near 21, unknown 3. Each day's end the "
                "state of figures of a moment is noted, and days are counted from there; of others, and before the "
                "notes begin, from the first month's end at which a figure was in its state: so there are at least so "
                "many, and what began since the end of last month is not counted yet."
            )
        )
    )


def _need(each: Need, place: int) -> None:
    value = each.value
    with st.container(border=True, gap="xxsmall", key=f"need_{value.metric.key}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            label = f"**{plain(say(value.metric.title))}**"
            navigation.link(value.metric.page, label, icon=None, help=cards.about(value))
            st.markdown(cards.badge(each.state), width="content")
            st.space("stretch")
            _opener(value.metric, f"need-{place}")
        told = [i18n.amount(value.value, value.metric.unit) if value.enough else _("no data or too few cases")]
        told += [words for words in (i18n.target_words(value), *cards.standing(value)) if words]
        if each.run is None:
            told.append(_("Since when is not known"))
        st.markdown(f":gray[{plain(' · '.join(told))}]")


def _accepted(value: Value) -> None:
    with st.container(border=True, gap="xxsmall", key=f"accepted_{value.metric.key}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            navigation.link(
                value.metric.page, f"**{plain(say(value.metric.title))}**", icon=None, help=cards.about(value)
            )
            st.markdown(cards.badge(State.ACCEPTED, cards.lasting(value)), width="content")
            st.space("stretch")
            _opener(value.metric, "accepted")
        told = [i18n.amount(value.value, value.metric.unit), i18n.target_words(value), *cards.standing(value)]
        st.markdown(f":gray[{plain(' · '.join(told))}]")


def _opener(metric: Metric, where: str) -> None:
    words = _("Target and history")
    if st.button(words, icon=":material/flag:", type="tertiary", key=f"open-{where}-{metric.key}", width="content"):
        drawer.open_at(METRIC, metric.key)


# --- all targets
def all_of_them(view: session.View) -> None:
    """Every figure with what is wanted of it; the one that is picked opens in the drawer."""
    found = data.ask(targets.targets, view.community_id, on=view.now.date())
    own = sum(line.own is not None for line in found.lines)
    st.header(
        plain(
            n_(
                "{n} target is the community's own; the others are GridBoard's",
                "{n} targets are the community's own; the others are GridBoard's",
                own,
            )
        ),
        anchor=False,
    )
    rows = [_line(line) for line in found.lines]
    wanted = st.text_input(
        _("Search"), key="targets-search", type="search", placeholder=_("Search"), label_visibility="collapsed",
        icon=":material/search:", width=280,
    )  # fmt: skip
    places = tables.matching(rows, wanted)
    if not places:
        st.caption(_("Nothing matches."))
        return
    key = tables.selection_key("targets", [f"{found.lines[place].metric.key}" for place in places])
    if st.session_state.pop(f"drawer.{METRIC}.closed", False):
        tables.unselect("targets")
        st.session_state["targets.picked"] = None
    picked = st.dataframe(
        tables.frame([rows[place] for place in places]),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
        height=560,
        alt=_("Targets"),
    )["selection"]["rows"]
    chosen = found.lines[places[picked[0]]].metric.key if picked and picked[0] < len(places) else None
    if chosen != st.session_state.get("targets.picked"):
        st.session_state["targets.picked"] = chosen
        if chosen:
            drawer.open_at(METRIC, chosen)
    tables.download(rows, name="targets", title=_("Targets"), key="targets-all")


def _line(line: Line) -> dict[str, Any]:
    return {
        _("Page"): say(navigation.BY_KEY[line.metric.page].title),
        _("Figure"): say(line.metric.title),
        _("Holds for"): say(line.span.label),
        _("Wanted"): bounds(line.target, line.metric) or say(Direction.NONE.label),
        _("Near"): near(line.target, line.metric) or None,
        _("Set by"): _("the community") if line.own else MISSING if line.metric.follows else "GridBoard",
        _("Accepted until"): line.accepted.until if line.accepted else None,
    }


def bounds(target: Target | None, metric: Metric) -> str:
    """≥ 85%, ≤ 15 orders, or 2–4 weeks."""
    return "" if target is None else _with_unit(i18n.target_bounds(target, metric.unit), metric)


def near(target: Target | None, metric: Metric) -> str:
    """Which figures just miss it: from 77, up to 18."""
    if target is None:
        return ""
    low, high = (i18n.bound_of(edge, metric.unit) for edge in target.edges)
    if target.direction is Direction.BAND:
        return _with_unit(f"{low}–{high}", metric)
    if target.direction is Direction.HIGHER:
        return _("from {bound}", bound=_with_unit(low, metric))
    return _("up to {bound}", bound=_with_unit(high, metric)) if target.direction is Direction.LOWER else ""


def _with_unit(text: str, metric: Metric) -> str:
    unit = say(i18n.UNITS[metric.unit])
    return text if not text or not unit else f"{text}{unit}" if unit == "%" else f"{text}\u00a0{unit}"


# --- accepted deviations
def acceptances(view: session.View) -> None:
    """What is accepted now, and what was."""
    found = data.ask(targets.targets, view.community_id, on=view.now.date())
    today = view.now.date()
    running = [each for each in found.acceptances if each.holds(today)]
    if not found.acceptances:
        cards.empty(
            _("No deviation is accepted"),
            _(
                "Where a figure must miss its target for a while, a leader accepts it until a day, with the reason: "
                "then nobody need act before. Open the figure under Targets."
            ),
            key="acceptances",
        )
        return
    st.header(
        plain(n_("{n} deviation is accepted", "{n} deviations are accepted", len(running)))
        if running
        else _("No deviation is accepted just now"),
        anchor=False,
    )
    places = {grid.id: grid.name for grid in data.ask(grids, view.community_id)}
    for each in found.acceptances:
        _acceptance(view, each, places, titled=True)


def _acceptance(view: session.View, each: Acceptance, places: Mapping[str, str], *, titled: bool) -> None:
    """One of them, and how to take it back."""
    runs = each.holds(view.now.date())
    metric = METRICS.get(each.metric)
    with st.container(border=True, gap="xxsmall", key=f"acceptance-{each.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if titled and metric is not None:
                st.markdown(f"**{plain(say(metric.title))}**", width="content")
            if runs:
                st.markdown(cards.badge(State.ACCEPTED, _until(each)), width="content")
            else:
                st.markdown(f":gray-badge[:material/history: {plain(_('over'))}]", width="content")
            where = places.get(each.grid_id, MISSING) if each.grid_id else _("whole community")
            st.markdown(f":gray[{plain(where)}]", width="content")
            st.space("stretch")
            if runs and may(session.actor(), Operation.UPDATE, Acceptance.collection):
                back = partial(
                    data.tell, targets.take_back, view.community_id, each.id, each.revision, done=_("Taken back.")
                )
                if st.button(_("Take back"), icon=":material/undo:", key=f"back-{each.id}"):
                    drawer.act(back)
        st.markdown(plain(each.reason))
        facts = {"who": each.accepted_by, "by": each.created_by or "?", "first": i18n.date(each.accepted_on)}
        told = [_("Accepted by {who} on {first}, until {last}", last=i18n.date(each.until), **facts)]
        if facts["by"] != each.accepted_by:
            told.append(_("entered by {by}", by=facts["by"]))
        if each.withdrawn_on:
            told.append(
                _("taken back on {day} by {who}", day=i18n.date(each.withdrawn_on), who=each.withdrawn_by or "?")
            )
        st.caption(plain(" · ".join(told)))


def _until(each: Acceptance) -> str:
    return _("until {day}, {who}", day=i18n.day_short(each.until), who=each.accepted_by)


# --- one figure
def open_drawer(view: session.View) -> None:
    """The figure that the address names."""
    metric = METRICS.get(drawer.opened(METRIC) or "")
    if metric is not None:
        drawer.show(METRIC, plain(say(metric.title)), lambda: _figure(view, metric))


def _figure(view: session.View, metric: Metric) -> None:
    """What it is, what is wanted of it, what was, and the two forms."""
    today = view.now.date()
    found = data.ask(targets.targets, view.community_id, on=today)
    st.caption(plain(say(metric.formula)))
    lines = {line.span: line for line in found.lines if line.metric.key == metric.key}
    for line in lines.values():
        wanted = bounds(line.target, metric) or say(Direction.NONE.label)
        beside = _("near {bounds}", bounds=near(line.target, metric)) if line.target else ""
        span = f"{say(line.span.label)}: " if len(lines) > 1 else ""
        st.markdown(f"{plain(span)}**{plain(wanted)}** :gray[{plain(beside)}]")
    if metric.follows:
        st.info(plain(say(metric.follows)), icon=":material/info:")
    for line in lines.values():
        if line.own is not None:
            _history(line.own, metric, named=len(lines) > 1)
    if may(session.actor(), Operation.CREATE, MetricTarget.collection) and not metric.follows:
        with _opened(_("Set a target"), ":material/flag:", f"set-{metric.key}"):
            _set(view, metric, found, lines)
    places = {grid.id: grid.name for grid in data.ask(grids, view.community_id)}
    own = [each for each in found.acceptances if each.metric == metric.key]
    if own:
        st.subheader(_("Accepted deviations"), anchor=False)
        for each in own:
            _acceptance(view, each, places, titled=False)
    if may(session.actor(), Operation.CREATE, Acceptance.collection):
        with _opened(_("Accept a deviation"), ":material/pause_circle:", f"accept-{metric.key}"):
            _accept(view, metric, places)


def _opened(title: str, icon: str, key: str) -> Any:
    """A form to open. It stays open when what stands above it changes, so that what is wrong with it is seen."""
    return st.expander(title, icon=icon, key=key, on_change="rerun")


def _history(own: MetricTarget, metric: Metric, *, named: bool) -> None:
    title = _("How the target was set")
    st.subheader(plain(f"{title} · {say(own.span.label)}" if named else title), anchor=False)
    for _place, entry in sorted(enumerate(own.entries), key=lambda each: (each[1].from_on, each[0]), reverse=True):
        st.markdown(_entry(entry, metric))


def _entry(entry: TargetEntry, metric: Metric) -> str:
    """What was wanted from which day on; who entered it when, and why."""
    wanted = bounds(entry.target, metric) or say(Direction.NONE.label)
    beside = [_("from {day} on", day=i18n.date(entry.from_on))]
    if entry.target is not None:
        beside.append(_("near {bounds}", bounds=near(entry.target, metric)))
    entered = _("entered on {day} by {who}", day=i18n.date(entry.entered_on), who=entry.entered_by)
    if entry.back_dated:
        entered = _("{entered}, back-dated", entered=entered)
    said = _("{entered}: {why}", entered=entered, why=entry.note) if entry.note else entered
    return f"**{plain(wanted)}** {plain(' · '.join(beside))}  \n:small[:gray[{plain(said)}]]"


def _set(view: session.View, metric: Metric, found: Targets, lines: Mapping[Span, Line]) -> None:
    """The form of a new entry. It begins with what holds now."""
    spans = list(Span)
    span = st.segmented_control(
        _("Holds for"),
        spans,
        default=next(iter(lines), Span.ANY),
        format_func=lambda each: plain(say(each.label)),
        required=True,
        key=f"span-{metric.key}",
        help=_("What is set for one kind of period goes before what is set for every period."),
    )
    form = f"target.{metric.key}.{span}"
    own = found.targets_of(metric.key, span)
    mine = drawer.draft(form, own, "entries") if own is not None else None
    key = mine.key if mine else session.submission(form)
    now = found.standard.target(metric, view.now.date(), span)
    unit = say(i18n.UNITS[metric.unit])
    way = st.selectbox(
        _("Wanted"),
        list(Direction),
        index=list(Direction).index(now.direction if now else Direction.HIGHER),
        format_func=lambda each: say(each.label),
        key=f"way-{key}",
    )
    low, high = (now.low, now.high) if now else (None, None)
    near_low, near_high = (now.near_low, now.near_high) if now else (None, None)
    typed: dict[str, float | None] = {}
    with st.container(horizontal=True, gap="small"):
        if way in _BELOW:
            typed["low"] = _number(_("At least"), low, unit, metric, f"low-{key}")
            typed["near_low"] = _number(_("Near from"), near_low, unit, metric, f"near-low-{key}")
        if way in _ABOVE:
            typed["high"] = _number(_("At most"), high, unit, metric, f"high-{key}")
            typed["near_high"] = _number(_("Near up to"), near_high, unit, metric, f"near-high-{key}")
    if way is not Direction.NONE:
        st.caption(_("A near-target left empty is a tenth of the target away from it."))
    from_on = forms.day(
        _("Holds from"), view.now.date(), key=f"from-{key}", width=170,
        help=_("What ended before keeps its target. A day that is over needs a reason, which stays on record."),
    )  # fmt: skip
    note = st.text_area(
        _("Why"), max_chars=targets.REASON, height=80, key=f"why-{key}", placeholder=_("In a few words"),
        on_change="ignore",
    )  # fmt: skip
    if st.button(_("Set the target"), type="primary", icon=":material/check:", key=f"do_target-{metric.key}"):
        values = {"direction": way, "from_on": from_on, "note": note or None, **typed}
        revision = mine.stands.revision if mine else 0
        act = partial(
            data.tell, targets.set_target, view.community_id, metric.key, values,
            span=span, revision=revision, key=key, done=_("The target is set."),
        )  # fmt: skip
        drawer.act(act, form=form)


def _number(label: str, value: float | None, unit: str, metric: Metric, key: str) -> float | None:
    """A bound, typed in the unit in which people write it, as it is kept."""
    shown = i18n.in_words(value, metric.unit)
    typed = st.number_input(
        plain(f"{label} ({unit})" if unit else label), value=shown, min_value=0.0, step=None, format="%g", key=key,
        width=170, on_change="ignore",
    )  # fmt: skip
    if typed is None:
        return None
    return round(float(typed) * {"percent": 0.01, "money": 100.0}.get(metric.unit, 1.0), 8)


def _accept(view: session.View, metric: Metric, places: Mapping[str, str]) -> None:
    form = f"accept.{metric.key}"
    key = session.submission(form)
    today: date = view.now.date()
    st.caption(
        _(
            "The figure stays what it is and is shown as accepted: until that day nobody need act. For the whole "
            "community it holds for each grid too."
        )
    )
    whole = _("whole community")
    choices = ["", *places] if session.actor().grids is None else [*places]
    with st.container(horizontal=True, gap="small"):
        grid = st.selectbox(
            _("Grid"), choices, format_func=lambda id: places.get(id, whole), key=f"grid-{key}", width=220
        )
        until = forms.day(_("Accepted until"), today + timedelta(days=90), key=f"until-{key}", width=170)
        who = st.text_input(
            _("Who answers for it"), value=session.actor().name, max_chars=60, key=f"who-{key}", **session.STAGED
        )
    reason = st.text_area(
        _("Reason"), max_chars=targets.REASON, height=90, key=f"reason-{key}", placeholder=_("In a few words"),
        on_change="ignore",
    )  # fmt: skip
    if st.button(_("Accept it"), type="primary", icon=":material/pause_circle:", key=f"do_accept-{metric.key}"):
        values = {"metric": metric.key, "grid_id": grid or None, "until": until, "reason": reason, "accepted_by": who}
        act = partial(
            data.tell,
            targets.accept_deviation,
            view.community_id,
            values,
            key=key,
            done=_("The deviation is accepted."),
        )
        drawer.act(act, form=form)
