"""The cards of the maintenance page: how old the backlog is, whether it grows, where it takes long and is late. Each
title is the finding, computed from the data in the reader's language."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import behind, cards, charts, navigation, tables
from dashboard.i18n import MISSING, _, date, duration, month, n_, number, percent, period, plain, term
from dashboard.session import View
from repository.maintenance import Behind, CategoryRow, CourseMonth, GridRow, Side, WorkCategory, WorkReview
from repository.metrics import MINIMUM_N, Period

OLD = 2  # the last two age bands are "more than 30 days"
LOOK_BACK = 3  # complete months that the sentence on opened and ended speaks of
MANY_GRIDS = 10  # more are listed by what is overdue, fewer by name
COURSE = 6  # months that the sentence on the backlog speaks of


def ages(view: View, review: WorkReview) -> None:
    """How old is the open work, and how much of it is overdue?"""
    old = sum(band.open for band in review.ages[-OLD:])
    names = behind.band_names()
    places = range(len(names))
    cards.chart(
        n_("{n} has been open for more than 30 days", "{n} have been open for more than 30 days", old)
        if old
        else _("Nothing has been open for more than 30 days"),
        _("Open work orders by days since the report, overdue in brackets. As of {day}", day=date(view.now.date())),
        charts.aged(
            names,
            [band.open for band in review.ages],
            [band.overdue for band in review.ages],
            [_band_text(band.open, band.overdue) for band in review.ages],
            names=(_("Overdue"), _("Not overdue")),
            look=cards.look(),
            links=[behind.href(Behind.OPEN, band=band) for band in places],
            late=[behind.href(Behind.OVERDUE, band=band) for band in places],
            in_time=[behind.href(Behind.IN_TIME, band=band) for band in places],
        ),
        [
            {_("Age"): name, _("Open"): band.open, _("Overdue"): band.overdue}
            for name, band in zip(names, review.ages, strict=True)
        ]
        if sum(band.open for band in review.ages)
        else [],
        key="ages",
    )


def _band_text(owed: int, late: int) -> str:
    if not late:
        return number(owed)
    if late == owed:
        return _("{n} (all overdue)", n=number(owed))
    return _("{n} ({late} overdue)", n=number(owed), late=number(late))


def missing_estimates(review: WorkReview) -> None:
    """How much of the weeks of backlog is not estimated but the mean of its category."""
    if not review.unestimated or review.figures.weeks.value is None:
        return
    said = n_("{n} open order has no estimated hours", "{n} open orders have no estimated hours", review.unestimated)
    navigation.link("maintenance", f":small[{plain(said)}]", **behind.params(Behind.UNESTIMATED))
    st.caption(_("In the weeks of backlog the mean of its category stands for each."))


def flows(view: View, review: WorkReview) -> None:
    """Does more come in than is ended?"""
    months = review.course
    ticks = [each.month for each in months]
    so_far = ticks[-1:] == [f"{view.now:%Y-%m}"]
    told = _("Work orders a month, opened (reopened ones too) and ended. {span}", span=_span(ticks))
    cards.chart(
        _flow_finding(months, f"{view.now:%Y-%m}"),
        cards.so_far(told) if so_far else told,
        charts.lines(
            ticks,
            [each.opened + each.reopened for each in months],
            [each.ended for each in months],
            names=(_("Opened"), _("Ended")),
            look=cards.look(),
            so_far=so_far,
            links=[[behind.href(figure, period=month) for month in ticks] for figure in (Behind.CAME, Behind.ENDED)],
        ),
        [
            {
                _("Month"): each.month,
                _("Opened"): each.opened,
                _("Reopened"): each.reopened,
                _("Ended"): each.ended,
                _("Open at its end"): each.backlog,
                _("Overdue at its end"): each.overdue,
            }
            for each in months
        ],
        key="flows",
    )


def _flow_finding(months: Sequence[CourseMonth], present: str) -> str:
    recent = [each for each in months if each.month < present][-LOOK_BACK:]
    if not recent:
        return _("Opened and ended by month")
    more = sum(each.opened + each.reopened - each.ended for each in recent)
    facts = {"months": n_("{n} month", "{n} months", len(recent)), "n": number(abs(more))}
    if more > 0:
        return _("In the last {months} {n} more came in than were ended", **facts)
    if more < 0:
        return _("In the last {months} {n} more were ended than came in", **facts)
    return _("In the last {months} as many were ended as came in", **facts)


def course(review: WorkReview) -> None:
    """Does the backlog grow?"""
    months = review.course
    ticks = [each.month for each in months]
    cards.chart(
        _course_finding(months),
        _(
            "Open work orders at the end of each month, the last one now or at the period's end. {span}",
            span=_span(ticks),
        ),
        charts.line(
            ticks,
            [each.backlog for each in months],
            name=_("Open"),
            look=cards.look(),
            links=[behind.href(Behind.OWED, period=month) for month in ticks],
        ),
        [
            {_("Month"): each.month, _("Open at its end"): each.backlog, _("Overdue at its end"): each.overdue}
            for each in months
        ],
        key="course",
    )


def _course_finding(months: Sequence[CourseMonth]) -> str:
    if not months:
        return _("The backlog by month")
    then, now = months[-COURSE - 1 :][0], months[-1]
    facts = {
        "then": number(then.backlog),
        "now": number(now.backlog),
        "month": month(Period.of(then.month).first),
    }
    if now.backlog > then.backlog:
        return _("The backlog grew from {then} to {now} since {month}", **facts)
    if now.backlog < then.backlog:
        return _("The backlog fell from {then} to {now} since {month}", **facts)
    return _("The backlog stands at {now}, as in {month}", **facts)


def _span(ticks: Sequence[str]) -> str:
    return _("{first} to {last}", first=ticks[0], last=ticks[-1]) if ticks else ""


def categories(view: View, review: WorkReview) -> None:
    """What comes in by category, and how long does it take?"""
    _table(
        _category_finding(review.categories),
        _("{period}. Hours from report to repair, of completed orders; none where fewer than {n}").format(
            period=period(view.period), n=MINIMUM_N
        ),
        [
            {
                _("Category"): term(row.category, WorkCategory),
                _("Opened"): row.opened,
                _("Open"): row.open,
                _("Overdue"): row.overdue,
                _("Median hours"): _rounded(row.median_hours, row.n),
                _("Mean hours"): _rounded(row.mean_hours, row.n),
                _("Repaired"): row.n,
            }
            for row in review.categories
        ],
        key="categories",
        leads={
            _("Category"): Behind.OPENED,
            _("Opened"): Behind.OPENED,
            _("Open"): Behind.OWED,
            _("Overdue"): Behind.OWED_LATE,
            _("Median hours"): Behind.REPAIRED,
            _("Mean hours"): Behind.REPAIRED,
            _("Repaired"): Behind.REPAIRED,
        },
        by=Side.CATEGORY,
        of=[row.category for row in review.categories],
    )


def _category_finding(rows: Sequence[CategoryRow]) -> str:
    known = [row for row in rows if row.median_hours is not None and row.n >= MINIMUM_N]
    if not known:
        return _("Work by category")
    slowest = max(known, key=lambda row: row.median_hours or 0)
    name = term(slowest.category, WorkCategory)
    return _("{category} takes longest: half take over {time}", category=name, time=duration(slowest.median_hours))


def grids(view: View, review: WorkReview, names: Mapping[str, str]) -> None:
    """Which grid is late?"""
    named: Callable[[GridRow], str] = lambda row: names.get(row.grid_id, row.grid_id) or _("No grid")  # noqa: E731
    rows = sorted(review.grids, key=named)
    if len(rows) > MANY_GRIDS:
        rows.sort(key=lambda row: (-row.overdue, -row.open, -row.opened))
    _table(
        _grid_finding(rows, named),
        _(
            "{period}; open and overdue at its end, or now. On time: of what ended and what is overdue; "
            "no share and no mean where fewer than {n}"
        ).format(period=period(view.period), n=MINIMUM_N),
        [
            {
                _("Grid"): named(row),
                _("Opened"): row.opened,
                _("Ended"): row.ended,
                _("Open"): row.open,
                _("Overdue"): row.overdue,
                _("On time"): percent(row.on_time if row.on_time_n >= MINIMUM_N else None),
                _("Mean hours"): _rounded(row.mean_hours, row.n),
                _("Repaired"): row.n,
            }
            for row in rows
        ],
        key="by-grid",
        leads={
            _("Grid"): Behind.OPENED,
            _("Opened"): Behind.OPENED,
            _("Ended"): Behind.ENDED,
            _("Open"): Behind.OWED,
            _("Overdue"): Behind.OWED_LATE,
            _("On time"): Behind.TIMED,
            _("Mean hours"): Behind.REPAIRED,
            _("Repaired"): Behind.REPAIRED,
        },
        by=Side.GRID,
        of=[row.grid_id for row in rows],
    )


def _grid_finding(rows: Sequence[GridRow], named: Callable[[GridRow], str]) -> str:
    late = sum(row.overdue for row in rows)
    if not late:
        return _("No grid has overdue work")
    worst = max(rows, key=lambda row: row.overdue)
    return _("{grid} has {n} of the {all} overdue", grid=named(worst), n=number(worst.overdue), all=number(late))


def _table(
    finding: str,
    caption: str,
    rows: list[dict[str, Any]],
    *,
    key: str,
    leads: Mapping[str, Behind],
    by: Side,
    of: Sequence[str],
) -> None:
    """A card that is a table, in which overdue ones are bars. A cell that is picked opens the list behind it: ``leads``
    says by column what it counts, ``of`` whose the rows are."""
    with st.container(border=True, height="stretch", gap="xxsmall", key=f"chart_{key}"):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.header(plain(finding), anchor=False, width="stretch")
            tables.download(rows, name=key, title=finding, key=key)
        st.caption(plain(caption))
        if not rows:
            st.markdown(":gray[" + _("Nothing to show for this selection yet.") + "]")
            return
        picked = _figures(rows, overdue=_("Overdue"), key=key, alt=finding)
        if picked and picked[0] < len(of) and picked[1] in leads:
            navigation.go("maintenance", **behind.params(leads[picked[1]], by=by.value, key=of[picked[0]]))


def _figures(rows: list[dict[str, Any]], *, overdue: str, key: str, alt: str) -> tuple[int, str] | None:
    """Draws it; returns row and column of the cell that was picked."""
    table = pd.DataFrame(rows)
    if not table[overdue].any():
        table = table.drop(columns=overdue)
    words = [title for title in list(table)[1:] if isinstance(rows[0][title], str)]
    picked: Any = st.dataframe(
        table,
        hide_index=True,
        height="content" if len(rows) <= 8 else 9 * 35,
        placeholder=MISSING,
        on_select="rerun",
        selection_mode="single-cell",
        key=f"{key}-table",
        column_config={
            **{title: st.column_config.TextColumn(alignment="right") for title in words},
            **{title: st.column_config.NumberColumn(format="%.1f") for title in table.select_dtypes("float")},
            overdue: st.column_config.ProgressColumn(
                format="%d", color="red", min_value=0, max_value=max([row[overdue] for row in rows] + [1])
            ),
        },
        alt=alt,
    )
    cells = picked["selection"]["cells"]
    return (int(cells[0][0]), str(cells[0][1])) if cells else None


def _rounded(hours: float | None, n: int) -> float | None:
    """Hours for a cell; none where they rest on too few."""
    return None if hours is None or n < MINIMUM_N else round(hours, 1)
