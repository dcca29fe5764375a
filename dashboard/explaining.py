"""Any figure, explained: what it means, how it is worked out and from what, on how much it rests, as of when, its
target, its course, and what moved it."""

from collections.abc import Mapping, Sequence
from math import isclose

import streamlit as st

from dashboard import cards, data, drawer, i18n, navigation, session
from dashboard.i18n import MISSING, _, plain, say
from repository.activities import Format
from repository.contributions import OTHERS, WHY_NOT, By, Contribution, Movement, moved
from repository.entries import EntryKind
from repository.facilities import Category
from repository.grids import Tier, grid_names
from repository.hazards import Level
from repository.inspections import InspectionKind
from repository.maintenance import WorkCategory
from repository.meetings import MeetingKind
from repository.metrics import METRICS, Metric, Period, Value
from repository.organizations import GiftKind, OrganizationKind
from repository.record import RECORDS, Choice
from repository.requests import Topic

EXPLAIN = "explain"
"""URL parameter: the metric that is explained."""
LISTED = 12
"""Parts that are named one by one, those that brought most."""


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
    if metric.key in WHY_NOT:
        st.caption(plain(_("What moved it: {why}", why=say(WHY_NOT[metric.key]))))
    elif not view.category:
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
    if value.metric.wholes and session.view().period.kind in ("quarter", "year"):
        whole = _("Each month shows the figure of the whole quarter or year it lies in, and what is wanted of that.")
        st.caption(plain(whole))


def _moved(view: session.View, value: Value) -> None:
    """What each grid, category and so on brought to the change against the period before. Nothing where the figure
    shown is of something else than the period's end or of a part only, such as the orders of companies."""
    found = data.ask(moved, view.community_id, view.period, value.metric.key, view.grids, now=view.now)
    if found is None:
        if value.enough and view.period.kind != "ever":
            st.caption(plain(_("The period before rests on too little to say what moved it.")))
        return
    over, shown = view.period.last < view.now.date(), value.detail if found.mean else value.value
    at_ends = found.stock and over
    if not at_ends and (shown is None or not isclose(found.after, shown, rel_tol=1e-9)):
        return
    unit = value.metric.unit
    before, after = (i18n.amount(each, unit) for each in (found.before, found.after))
    if found.mean:
        st.caption(plain(_("The one in the middle is made of no parts; the mean beside it is.")))
        title = _("What moved the mean from {before} to {after}", before=before, after=after)
    elif at_ends:
        title = _("What moved it from {before} to {after}, at the ends of the two periods", before=before, after=after)
    else:
        title = _("What moved it from {before} to {after}", before=before, after=after)
    if not any(each.total for parts in found.by.values() for each in parts):
        if not found.change:
            st.caption(plain(_("No part moved it against the period before.")))
        return
    st.markdown("**" + plain(title) + "**")
    grids = data.ask(grid_names, view.community_id)
    for by, parts in found.by.items():
        _parts(found, by, parts, grids)
    if any(_weighed(parts) for parts in found.by.values()):
        st.caption(
            _("In points; they add up to the change. By its own share: it did better or worse than before. By its "
              "weight: more or less of the whole was there.")
            if unit == "percent" else
            _("They add up to the change. By its own figure: it did better or worse than before. By its weight: more "
              "or less of the whole was there.")
        )  # fmt: skip


def _weighed(parts: Sequence[Contribution]) -> bool:
    """Whether any part brought something by its weight."""
    return any(each.mix for each in parts)


def _parts(found: Movement, by: By, parts: Sequence[Contribution], grids: Mapping[str, str]) -> None:
    """What each part brought, those that brought least in one row."""
    unit, head, weighed = found.metric.unit, [say(by.label), _("Before → now"), _("Brought")], _weighed(parts)
    if weighed:
        head += [_("by its own share") if unit == "percent" else _("by its own figure"), _("by its weight")]

    def brought(*some: Contribution) -> list[str]:
        rate, mix = sum(each.rate for each in some), sum(each.mix for each in some)
        return [_signed(effect, found) for effect in ((rate + mix, rate, mix) if weighed else (rate + mix,))]

    rows = []
    for each in parts[:LISTED]:
        values = (MISSING if one is None else i18n.amount(one, unit) for one in (each.before, each.after))
        rows.append([_name(found, each.part, by, grids), " → ".join(values), *brought(each)])
    if rest := parts[LISTED:]:
        rows.append([_("{n} others", n=i18n.number(len(rest))), "", *brought(*rest)])
    cards.listed(head, rows, right=tuple(range(1, len(head))))


def _name(found: Movement, part: str, by: By, grids: Mapping[str, str]) -> str:
    """What a part is called."""
    if part == OTHERS:
        return _("Other grids, and of no grid")
    if by is By.GRID:
        return grids.get(part) or _("No grid")
    if by is By.MEASURE:
        return say(METRICS[part].title)
    if part in found.names:
        return found.names[part]
    return i18n.term(part, _words(found.metric, by)) or MISSING


def _words(metric: Metric, by: By) -> type[Choice] | None:
    """What the words of the parts are, where they are ours."""
    of = {By.FORMAT: Format, By.TOPIC: Topic, By.LEVEL: Level, By.TIER: Tier}
    if by is By.CATEGORY:
        return Category if "facilities" in metric.of else WorkCategory
    if by is By.KIND:
        return next((kinds for name, kinds in _KINDS.items() if name in metric.of), None)
    return of.get(by)


_KINDS: Mapping[str, type[Choice]] = {
    "entry_logs": EntryKind,
    "inspections": InspectionKind,
    "needs": GiftKind,
    "organizations": OrganizationKind,
    "meetings": MeetingKind,
    "action_items": MeetingKind,
}
"""By what metrics are counted from."""


def _signed(number: float, found: Movement) -> str:
    """What a part brought, in points of a share."""
    unit, size = found.metric.unit, abs(number)
    if unit in ("money", "hours"):
        told = i18n.amount(size, unit)
    elif unit == "percent":
        told = i18n.number(100 * size, 1)
    else:
        told = i18n.number(size, 2 if found.divided else 0)
    if not any(sign in told for sign in "123456789"):
        return told
    return f"+{told}" if number > 0 else f"\u2212{told}"
