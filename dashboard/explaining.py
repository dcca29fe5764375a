"""Any figure, explained: what it means, how it is worked out and from what, on how much it rests, as of when, its
target, its course, and what moved it."""

from collections.abc import Mapping

import streamlit as st

from dashboard import cards, data, drawer, i18n, navigation, session
from dashboard.i18n import MISSING, _, plain, say
from repository.activities import Format
from repository.contributions import EXPLAINED, Contribution, moved
from repository.facilities import Category
from repository.grids import grid_names
from repository.maintenance import WorkCategory
from repository.metrics import Period, Value
from repository.record import RECORDS, Choice

EXPLAIN = "explain"
"""URL parameter: the metric that is explained."""


def opener(value: Value, key: str) -> None:
    """The button in the corner of a figure that explains it."""
    words = plain(_("What is {figure}?", figure=say(value.metric.short)))
    st.button(
        words, icon=":material/info:", type="tertiary", key=f"explain-{key}", on_click=drawer.open_at,
        args=(EXPLAIN, key),
    )  # fmt: skip


def show_if_asked(value: Value, key: str, page: str, params: Mapping[str, str | None]) -> None:
    """The explanation of a figure, where the address asks for it."""
    if drawer.opened(EXPLAIN) == key and session.first_time(f"explain-{key}"):
        drawer.show(EXPLAIN, plain(say(value.metric.title)), lambda: _explained(value, page, params), past=True)


def _explained(value: Value, page: str, params: Mapping[str, str | None]) -> None:
    view, metric = session.view(), value.metric
    shown = i18n.amount(value.value, metric.unit) if value.enough else MISSING
    big = f"{'≈ ' if value.estimated and value.enough else ''}{shown}"
    st.metric(plain(say(metric.short)), plain(big), label_visibility="collapsed")
    if value.state is not None:
        st.markdown(cards.badge(value.state, cards.lasting(value)))
    rows = {
        _("Worked out as"): say(metric.formula),
        _("Here"): _worked_out(value),
        _("Data from"): i18n.listed([say(RECORDS[name].title) for name in metric.of]),
        _("As of"): i18n.datetime_(min(view.period.until(view.now), view.now), session.zone()),
        _("Wanted"): i18n.target_words(value) or _("nothing is wanted of it"),
        _("Source"): say(metric.source) if metric.source else "",
    }
    for title, text in rows.items():
        if text:
            st.markdown(f":gray[{plain(title)}]  \n{plain(text)}")
    for text in cards.standing(value):
        st.markdown(plain(text))
    with st.container(horizontal=True, gap="small"):
        if page:
            navigation.link(page, _("The list behind it"), **params)
        navigation.link("targets", _("Target and history"), icon=":material/flag:", figure=metric.key)
    _course(value)
    if metric.key in EXPLAINED and not view.category:
        _moved(view, value)


def _worked_out(value: Value) -> str:
    """Numerator and denominator of a share; of what else is counted, on how many it rests."""
    if value.why:
        return _("no data: {why}", why=say(value.why))
    if not value.n:
        return _("there is nothing to count yet")
    if value.value is None or not value.enough:
        facts = {"n": i18n.number(value.n), "minimum": i18n.number(value.metric.minimum_n)}
        return _("it rests on {n}, and says something from {minimum} on", **facts)
    if value.metric.unit == "percent" and value.value * value.n == round(value.value * value.n, 6):
        return _("{part} of {n}", part=i18n.number(round(value.value * value.n)), n=i18n.number(value.n))
    if value.estimated:
        return _("it rests on {n}, by classes of duration", n=i18n.number(value.n))
    return _("it rests on {n}", n=i18n.number(value.n))


def _course(value: Value) -> None:
    """Month by month, with what was wanted then."""
    known = [(month, point) for month, point in value.series if point is not None]
    if not known:
        return
    unit = value.metric.unit
    rows = []
    for month, point in reversed(known):
        wanted = value.wanted(month)
        rows.append(
            [i18n.month(Period.of(month).first), i18n.amount(point, unit),
             i18n.target_bounds(wanted, unit) if wanted else MISSING]
        )  # fmt: skip
    st.markdown("**" + plain(_("Month by month")) + "**")
    cards.listed([_("Month"), _("Figure"), _("Wanted")], rows, right=(1,))


def _moved(view: session.View, value: Value) -> None:
    """What each grid, and each category, brought to the change against the period before."""
    found = data.ask(moved, view.community_id, view.period, value.metric.key, view.grids, now=view.now)
    if found is None:
        return
    unit, names = value.metric.unit, data.ask(grid_names, view.community_id)
    before, after = (i18n.amount(each, unit) for each in (found.before, found.after))
    st.markdown("**" + plain(_("What moved it from {before} to {after}", before=before, after=after)) + "**")
    for by, parts in found.by.items():
        share = unit == "percent"
        words = {"grid": _("Grid"), "category": _("Category"), "format": _("Format")}
        head = [words[by], _("Before → now"), _("Brought")]
        if share:
            head += [_("by its own share"), _("by its weight")]
        rows = [
            [
                names.get(each.part) or _("No grid") if by == "grid" else i18n.term(each.part, _kinds(value, by)),
                " → ".join(MISSING if one is None else i18n.amount(one, unit) for one in (each.before, each.after)),
                *_effects(each, share),
            ]
            for each in parts
        ]
        cards.listed(head, rows, right=tuple(range(1, len(head))))
    if unit == "percent":
        st.caption(
            _("In points; they add up to the change. By its own share: it did better or worse than before. By its "
              "weight: more or less of the whole was there.")
        )  # fmt: skip


def _kinds(value: Value, by: str) -> type[Choice]:
    """What the words of the parts are, where they are ours."""
    if by == "format":
        return Format
    return WorkCategory if "work_orders" in value.metric.of else Category


def _effects(each: Contribution, share: bool) -> list[str]:
    def signed(number: float) -> str:
        told = i18n.number(number, 1 if share else 0)
        return f"+{told}" if number > 0 else told

    if not share:
        return [signed(each.total)]
    return [signed(100 * part) for part in (each.total, each.rate, each.mix)]
