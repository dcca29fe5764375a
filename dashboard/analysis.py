"""The second part of the maintenance page: whose the old work is, where it piles up, what breaks again, how long it
really takes. Each title is the finding, computed from the data in the reader's language."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import behind, cards, charts, session
from dashboard.data import ask
from dashboard.i18n import _, date, duration, n_, number, percent, period, say
from dashboard.session import View
from repository.facilities import facility_names
from repository.maintenance import (
    BY_FAULT,
    NEWEST,
    Ageing,
    Behind,
    Quality,
    Ranking,
    Side,
    Spread,
    Stages,
    ageing,
    ranking,
)

STAGES = (Behind.WAITING, Behind.WORKING, Behind.TO_VERIFY)
SHOWN = 8  # rows of a chart; the table behind it has all


def show(view: View, found: Quality) -> None:
    """Three tiles, and what lies behind the backlog."""
    with cards.tiles(3):
        for value, figure in zip(found, (Behind.REWORK, Behind.GRADED, Behind.HELD), strict=True):
            cards.tile(value, page="maintenance", params=behind.params(figure))
    left, right = st.columns([7, 5], gap="small")
    with left:
        _ageing(view)
    with right:
        _stages(found.stages)
    left, right = st.columns(2, gap="small")
    with left:
        _often(view, Side.FACILITY.value, ask(facility_names, view.community_id, retired=True).get)
    with right:
        _often(view, BY_FAULT, behind.names(view, BY_FAULT))
    left, right = st.columns(2, gap="small")
    with left:
        _spread(view, found.respond, _("answered"), Behind.RESPONDED)
    with right:
        _spread(view, found.repair, _("mended"), Behind.REPAIRED)


# --- whose the open work is
def _ageing(view: View) -> None:
    sides = [str(side) for side in Side]
    by = st.segmented_control(
        _("Told apart by"),
        sides,
        required=True,
        format_func=lambda side: say(Side(side).label),
        label_visibility="collapsed",
        **session.in_url("by", sides, Side.GRID.value),
    )
    rows: list[Ageing] = ask(ageing, view.community_id, by, view.grids, view.category, now=view.now)
    named = behind.names(view, by)
    shown = rows[:SHOWN]
    bands = behind.band_names()
    look = cards.look()
    parts = [
        (name, [row.bands[place] for row in shown], colour)
        for place, (name, colour) in enumerate(zip(bands, look.ramp[1:9:2] + (look.red,), strict=False))
    ]
    figure = charts.stacked(
        [named(row.key) for row in shown],
        parts,
        [_("{n} ({late} overdue)", n=number(row.open), late=number(row.overdue)) for row in shown],
        look=look,
        links=[behind.href(Behind.OPEN, by=by, key=row.key) for row in shown],
        cells=[
            [behind.href(Behind.OPEN, by=by, key=row.key, band=band) for row in shown] for band in range(len(bands))
        ],
    )
    caption = _("Open work orders by days since the report, oldest red. As of {day}", day=date(view.now.date()))
    if len(rows) > len(shown):
        caption += " · " + _("{n} of {all}, most overdue first", n=len(shown), all=number(len(rows)))
    cards.chart(
        _ageing_finding(rows, named),
        caption,
        figure if shown else None,
        [
            {
                say(Side(by).label): named(row.key),
                **dict(zip(bands, row.bands, strict=True)),
                _("Open"): row.open,
                _("Overdue"): row.overdue,
            }
            for row in rows
        ],
        key="ageing",
    )


def _ageing_finding(rows: Sequence[Ageing], named: Callable[[str], str]) -> str:
    late = sum(row.overdue for row in rows)
    if not rows:
        return _("Nothing is open")
    if not late:
        return _("Nothing of it is overdue")
    return _("{who} has {n} of the {all} overdue", who=named(rows[0].key), n=number(rows[0].overdue), all=number(late))


# --- where it piles up
def _stages(stages: Sequence[Stages]) -> None:
    look = cards.look()
    labels = [each.month for each in stages]
    parts = [
        (_("Waiting for an answer"), [each.waiting for each in stages], look.slate),
        (_("In work or on hold"), [each.working for each in stages], look.main),
        (_("To be verified"), [each.to_verify for each in stages], look.pale),
    ]
    cards.chart(
        _stage_finding(stages),
        _("Work orders by where they stood at the end of each month, the last one now or at the period's end"),
        charts.stacked(
            labels,
            parts,
            [number(e.waiting + e.working + e.to_verify) for e in stages],
            look=look,
            links=[behind.href(Behind.STOOD, period=each.month) for each in stages],
            cells=[[behind.href(figure, period=each.month) for each in stages] for figure in STAGES],
        )
        if any(each.waiting + each.working + each.to_verify for each in stages)
        else None,
        [
            {_("Month"): each.month, parts[0][0]: each.waiting, parts[1][0]: each.working, parts[2][0]: each.to_verify}
            for each in stages
        ],
        key="stages",
    )


def _stage_finding(stages: Sequence[Stages]) -> str:
    if not stages:
        return _("Where the work stood")
    now = stages[-1]
    most = max((now.waiting, "waiting"), (now.working, "working"), (now.to_verify, "verify"))
    if not most[0]:
        return _("Nothing is waiting anywhere")
    words = {
        "waiting": _("Most wait for a first answer: {n}", n=number(most[0])),
        "working": _("Most are in work or on hold: {n}", n=number(most[0])),
        "verify": _("Most wait to be verified: {n}", n=number(most[0])),
    }
    return words[most[1]]


# --- what breaks
def _often(view: View, by: str, named: Callable[[str], str | None]) -> None:
    found: Ranking = ask(ranking, view.community_id, by, view.period, view.grids, view.category, now=view.now)
    shown = found.rows[:SHOWN]
    labels = [named(row.key) or _("No longer in the register") for row in shown]
    caption = _("{period}. Reports, share of {n}").format(period=period(view.period), n=number(found.total))
    if found.left_out:
        caption += " · " + _("the newest {n} only", n=number(NEWEST))
    cards.chart(
        _often_finding(found, labels, by),
        caption,
        charts.bars(
            labels,
            [row.reports for row in shown],
            [f"{number(row.reports)} ({percent(row.reports / found.total)})" for row in shown],
            look=cards.look(),
            links=[behind.href(Behind.OPENED, by=by, key=row.key) for row in shown],
        )
        if shown
        else None,
        [
            {
                _("Reported"): named(row.key) or row.key,
                _("Reports"): row.reports,
                _("Share"): percent(row.reports / found.total),
            }
            for row in found.rows
        ],
        key=f"often-{by}",
    )


def _often_finding(found: Ranking, labels: Sequence[str], by: str) -> str:
    if not found.rows:
        return _("No facility was reported") if by == "facility_id" else _("Nothing was reported")
    few = next(
        place
        for place in range(1, len(found.rows) + 1)
        if sum(row.reports for row in found.rows[:place]) * 2 >= found.total or place == len(found.rows)
    )
    if by == "facility_id":
        return _("{name} was reported most: {n}", name=labels[0], n=number(found.rows[0].reports))
    return n_("{n} fault makes up half of all reports", "{n} faults make up half of all reports", few)


# --- how long it takes
def _spread(view: View, found: Spread, done: str, figure: Behind) -> None:
    """Durations in steps that people think in."""
    counts, names = found.steps, behind.step_names()
    slow = sum(counts[5:])
    cards.chart(
        n_("{n} took more than a week to be {done}", "{n} took more than a week to be {done}", slow, done=done)
        if slow
        else _("None took more than a week to be {done}", done=done),
        _("{period}. Orders by time since the report; mean {mean}, n = {n}").format(
            period=period(view.period), mean=duration(found.mean_hours), n=number(found.n)
        ),
        charts.bars(
            names,
            counts,
            [f"{number(n)} ({percent(n / found.n)})" if n else "0" for n in counts],
            look=cards.look(),
            red=[5, 6],
            links=[behind.href(figure, step=step) if n else "" for step, n in enumerate(counts)],
        )
        if found.n
        else None,
        [{_("Time"): name, _("Orders"): n} for name, n in zip(names, counts, strict=True)] if found.n else [],
        key=f"spread-{figure}",
    )
