"""Repairs: what came in, what was ended, what is overdue and where."""

from collections.abc import Sequence

from repository import contributions, maintenance
from repository.metrics import Period, State, Value
from repository.record import term
from repository.review.desk import Desk
from repository.review.document import Chart, Column, Figure, Proposal, Section, Table
from repository.review.phrases import NOTABLE, moved_most
from repository.words import Amount, Message, counted, msg


def section(desk: Desk) -> Section:
    """What the desk's three periods tell of repairs."""
    now, before, year = desk.thrice(maintenance.work_review, now=desk.now)
    figures = [Figure.of(*three) for three in zip(now.figures, before.figures, year.figures, strict=True)]
    opened = sum(row.opened for row in now.grids)
    ended = sum(row.ended for row in now.grids)
    kinds = sorted((row for row in now.categories if row.overdue), key=lambda row: -row.overdue)
    overdue = int(now.figures.overdue.value or 0)
    worst = _worst(now.grids)
    owed, settling = _now(desk, now)
    most = (
        Message(
            msg("Most overdue repairs: {grid}, {n} of {all}"),
            {"grid": desk.grid(worst.grid_id), "n": worst.overdue, "all": overdue},
        )
        if worst
        else None
    )
    because = _because(desk, before, now)
    desk.because(now.figures.overdue, most)
    desk.because(now.figures.on_time, because)
    return Section.of(
        "maintenance",
        msg("Maintenance"),
        Message(
            msg("{repairs} came in and {ended} ended; {open} open, {overdue} overdue"),
            {
                "repairs": counted(msg("{n} repair"), msg("{n} repairs"), opened),
                "ended": ended,
                "open": int(now.figures.open.value or 0),
                "overdue": overdue,
            },
        )
        if opened or ended or now.figures.open.value
        else Message(msg("No repair came in, and none is open")),
        figures,
        [
            most,
            Message(
                msg("{category}: {n} overdue of {open} open"),
                {
                    "category": term(kinds[0].category, maintenance.WorkCategory),
                    "n": kinds[0].overdue,
                    "open": kinds[0].open,
                },
            )
            if kinds
            else None,
            because,
            moved_most(figures),
        ],
        charts=(
            Chart.by_month(
                Message(msg("What came in, what was ended, what stayed open")),
                "orders",
                now.course,
                {
                    msg("Came in"): lambda row: row.opened + row.reopened,
                    msg("Ended"): lambda row: row.ended,
                    msg("Open at the end"): lambda row: row.backlog,
                },
            ),
        ),
        tables=(
            Table(
                Message(msg("Repairs by grid")),
                (
                    Column(msg("Grid")),
                    Column(msg("Came in"), "orders"),
                    Column(msg("Ended"), "orders"),
                    Column(msg("Open"), "orders"),
                    Column(msg("Overdue"), "orders"),
                    Column(msg("On time"), "percent"),
                ),
                tuple(
                    (desk.grid(row.grid_id), row.opened, row.ended, row.open, row.overdue, row.on_time)
                    for row in now.grids
                    if row.grid_id in desk.grids
                ),
                page="maintenance",
            ),
        ),
        proposals=(
            Proposal(
                counted(
                    msg("{grid} settles its {n} overdue repair"),
                    msg("{grid} settles its {n} overdue repairs"),
                    settling.overdue,
                    grid=desk.grid(settling.grid_id),
                ),
                desk.director(settling.grid_id),
                desk.in_weeks(2),
                "maintenance",
            ),
        )
        if settling and owed.state in (State.OFF_TARGET, State.NEAR)
        else (),
    )


def _worst(rows: Sequence[maintenance.GridRow]) -> maintenance.GridRow | None:
    """The grid in which most is overdue."""
    return max((row for row in rows if row.grid_id and row.overdue), key=lambda row: row.overdue, default=None)


def _now(desk: Desk, found: maintenance.WorkReview) -> tuple[Value, maintenance.GridRow | None]:
    """What is overdue now, and where most: what was so at the end of a period that is over may be settled since."""
    if desk.then is desk:
        return found.figures.overdue, _worst(found.grids)
    month = Period.containing("month", desk.today)
    today = maintenance.work_glance(desk.store, desk.actor, desk.community_id, month, now=desk.now)
    return today.overdue, _worst(today.grids)


def _because(desk: Desk, before: maintenance.WorkReview, now: maintenance.WorkReview) -> Message | None:
    """Which grid moved the share on time most, and by how much; nothing where it hardly moved or no grid did it."""
    movement = contributions.compared(*(contributions.of_work("work_on_time", each) for each in (before, now)))
    if movement is None or abs(movement.change) < NOTABLE / 2:
        return None
    grids = [
        each for each in movement.by.get(contributions.By.GRID, ()) if each.part and each.total * movement.change > 0
    ]
    if not grids:
        return None
    most = max(grids, key=lambda each: abs(each.total))
    return Message(
        msg("{metric} went from {before} to {after}; {grid} alone brought {n} points of it"),
        {
            "metric": movement.metric.title,
            "before": Amount(movement.before, movement.metric.unit),
            "after": Amount(movement.after, movement.metric.unit),
            "grid": desk.grid(most.part),
            "n": round(100 * abs(most.total)),
        },
    )
