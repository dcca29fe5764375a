"""How the work is shared, on the Grids page: between the grids, month by month, and between those who hold the same
kind of post."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import cards, charts, data, i18n, session
from dashboard.i18n import MISSING, _, n_, number, period, plain, say
from repository.metrics import MINIMUM_N, State
from repository.workload import HEAVY, Load, Measure, Officer, Workload, workload


def render(view: session.View) -> None:
    """The spreads as tiles, one of them month by month beside the grids, and the officers."""
    found = data.ask(workload, view.community_id, view.period, view.grids, now=view.now)
    with cards.tiles(4):
        for value in found.spreads.values():
            cards.tile(value, page="")
    words = {
        "open": say(Measure.OPEN.label),
        "requests": say(Measure.REQUESTS.label),
        "patrols": say(Measure.PATROLS.label),
        "hours": say(Measure.HOURS.label),
    }
    chosen = Measure(
        st.segmented_control(
            _("Measured by"),
            list(words),
            format_func=words.__getitem__,
            required=True,
            label_visibility="collapsed",
            **session.in_url("measure", words, str(Measure.REQUESTS)),
        )
    )
    left, right = st.columns(2, gap="small")
    with left:
        _course(found, chosen)
    with right:
        _grids(view, found, chosen)
    _officers(view, found)


def _course(found: Workload, measure: Measure) -> None:
    value = found.spreads[measure]
    ticks = [month for month, _spread in value.series]
    points = [spread for _month, spread in value.series]
    known = [spread for spread in points if spread is not None]
    above = sum(spread > HEAVY for spread in known)
    finding = _("Too little of it in every month to tell how it is shared")
    if known:
        finding = (
            _(
                "In {n} of {all} months one grid had more than {times} times the mean",
                n=above,
                all=len(known),
                times=number(HEAVY, 1),
            )
            if above
            else _("In no month a grid had more than {times} times the mean", times=number(HEAVY, 1))
        )
    figure = charts.line(
        ticks,
        points,
        name=_("max ÷ mean"),
        look=cards.look(),
        area=False,
        target=(HEAVY, _("limit")),
    )
    cards.chart(
        finding,
        _(
            "{measure}: the grid with most ÷ mean per grid, times, by month; months with fewer than {n} are left out",
            measure=say(measure.label),
            n=MINIMUM_N,
        ),
        figure if known else None,
        [
            {_("Month"): tick, _("Max ÷ mean"): None if point is None else round(point, 2)}
            for tick, point in zip(ticks, points, strict=True)
        ],
        key="workload-course",
    )


def _grids(view: session.View, found: Workload, measure: Measure) -> None:
    amounts = [load.of(measure) or 0 for _grid, load in found.grids]
    total = sum(amounts)
    mean = total / len(amounts) if amounts else 0
    figure = charts.bars(
        [grid.name for grid, _load in found.grids],
        amounts,
        [number(amount) for amount in amounts],
        look=cards.look(),
        boxes=[mean] * len(amounts),
        red=[place for place, amount in enumerate(amounts) if total >= MINIMUM_N and amount > HEAVY * mean],
    )
    finding = _("No grid carries more than another")
    if total < MINIMUM_N:
        finding = _("Too little in the period to tell how it is shared")
    elif mean:
        most = max(found.grids, key=lambda pair: pair[1].of(measure) or 0)
        times = (most[1].of(measure) or 0) / mean
        finding = _("{grid} has {times} times the mean", grid=most[0].name, times=number(times, 2))
    when = _("at the end of {period}, or now") if measure is Measure.OPEN else _("in {period}")
    caption = _(
        "{measure} {when}, n = {n}; hollow: the mean of {mean}",
        measure=say(measure.label),
        when=when.format(period=_span(view)),
        n=number(total),
        mean=number(mean),
    )
    rows = [{_("Grid"): grid.name, **_row(load)} for grid, load in found.grids]
    cards.chart(finding, caption, figure if total else None, rows, key="workload-grids")


def _span(view: session.View) -> str:
    return _("the last twelve months") if view.period.kind == "ever" else period(view.period)


def _row(load: Load) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for measure in Measure:
        amount = load.of(measure)
        found[say(measure.label)] = None if amount is None else round(amount, 1)
    return found


# --- people
def _officers(view: session.View, found: Workload) -> None:
    names, places = found.names, {grid.id: grid.code for grid, _load in found.grids}
    heavy = [each for each in found.officers if each.heavy]
    with st.container(border=True, gap="xxsmall", key="officers"):
        st.header(plain(_officer_finding(found, heavy, names)), anchor=False)
        limit = number(HEAVY, 1)
        st.caption(
            plain(
                _(
                    "Work in {period}, open orders now. Households are shared by those who hold the same post of a "
                    "grid. Coloured: more than {times} times the mean of those with the same post, where there are {n} "
                    "or more of it",
                    period=_span(view),
                    times=limit,
                    n=MINIMUM_N,
                )
            )
        )
        if not found.everybody:
            words = _("What each colleague carries is shown to the secretary; you see yourself.")
            st.caption(f":material/lock: {plain(words)}")
        if not found.officers:
            return
        _table(found.officers, names, places)
        rows = [
            {
                _("Officer"): names.get(each.person_id, MISSING),
                _("Post"): say(each.tier.label),
                _("Grids"): i18n.listed(places.get(grid, MISSING) for grid in each.grids) or _("whole community"),
                **_row(each.load),
                _("Most, times the mean"): round(max(each.times.values()), 2) if each.times else None,
            }
            for each in found.officers
        ]
        cards.behind(rows, key="officers", title=_("Officers' work"))


def _officer_finding(found: Workload, heavy: Sequence[Officer], names: Mapping[str, str]) -> str:
    if not found.officers:
        return _("Nobody holds a post yet") if found.everybody else _("Officers' work")
    if not heavy:
        return _("Nobody carries more than {times} times the mean of those with the same post", times=number(HEAVY, 1))
    worst = max(heavy, key=lambda each: each.heavy[0][1])
    measure, times = worst.heavy[0]
    facts = {
        "name": names.get(worst.person_id, MISSING),
        "times": number(times, 2),
        "measure": say(measure.label),
        "post": say(worst.tier.label),
    }
    too = dict.fromkeys(each.person_id for each in heavy if each.person_id != worst.person_id)  # one may hold several
    if not too:
        return _("{name} carries {times} times the mean of “{post}”: {measure}", **facts)
    others = i18n.listed(names.get(id, MISSING) for id in too)
    return _("{name} carries {times} times the mean of “{post}”: {measure}; too much also {others}", others=others,
             **facts)  # fmt: skip


SHOWN = 12


def _table(officers: Sequence[Officer], names: Mapping[str, str], places: Mapping[str, str]) -> None:
    """A row an officer; on a phone a card."""
    told = [measure for measure in Measure if any(each.load.of(measure) for each in officers)]
    shown = officers[:SHOWN]
    with st.container(key="wide_officers"):
        rows = [
            {_("Officer"): _who(each, names, places), **{say(one.label): _amount(each, one) for one in told}}
            for each in shown
        ]
        st.table(rows, border="horizontal", hide_index=True)
    with st.container(key="narrow_officers", gap="xsmall"):
        for each in shown:
            with st.container(border=True, gap="xxsmall"):
                st.markdown(_who(each, names, places))
                st.markdown(" · ".join(f":gray[{plain(say(one.label))}] {_amount(each, one)}" for one in told))
    if len(officers) > SHOWN:
        st.caption(_("and {n} more", n=len(officers) - SHOWN))


def _who(each: Officer, names: Mapping[str, str], places: Mapping[str, str]) -> str:
    return f"**{plain(names.get(each.person_id, MISSING))}**  \n:small[:gray[{plain(_post(each, places))}]]"


def _amount(each: Officer, measure: Measure) -> str:
    """How much of it they carry, marked where it is too much."""
    amount, times = each.load.of(measure), each.times.get(measure)
    text = number(amount, 0) if amount is not None else MISSING
    if times and times > HEAVY:
        return cards.mark(State.OFF_TARGET, f"{text} (×{number(times, 2)})")
    return plain(text)


def _post(each: Officer, places: Mapping[str, str]) -> str:
    own = i18n.listed(places.get(grid, MISSING) for grid in each.grids)
    where = n_("grid {codes}", "grids {codes}", len(each.grids), codes=own) if own else _("whole community")
    return f"{say(each.tier.label)} · {where}"
