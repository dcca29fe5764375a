"""Facilities: in what order they are, what is past its life, what can hurt somebody."""

from collections import Counter

from repository import facilities
from repository.review.desk import Desk
from repository.review.document import Chart, Column, Proposal, Section, Table
from repository.words import Amount, Message, counted, msg

MIXED_YEARS = 5
"""Ages that differ by so much at one site are worth a word."""


def section(desk: Desk) -> Section:
    """What stands at the end of the desk's period."""
    estate, today = desk.left(lambda at: facilities.inventory(at.store, at.actor, at.community_id, on=at.today))
    by_category = sorted(estate.by_category.items(), key=lambda each: -each[1].standing)
    hazards = int(estate.hazards.value or 0)
    first = facilities.first_to_go(today.dangers)
    _explain(desk, estate)
    return Section.of(
        "facilities",
        msg("Facilities"),
        counted(
            msg("{n} of {all} facilities is hazardous"),
            msg("{n} of {all} facilities are hazardous"),
            hazards,
            all=estate.total.standing,
        )
        if hazards
        else Message(msg("No facility of {all} is hazardous"), {"all": estate.total.standing})
        if estate.total.standing
        else Message(msg("No facility is on the register")),
        [*map(desk.stock, (estate.good_order, estate.past_life, estate.hazards, estate.smart, estate.condition))],
        [
            Message(
                msg("At {site} the ages differ by {years}"),
                {"site": estate.sites[0].site, "years": Amount(estate.sites[0].difference, "years")},
            )
            if estate.sites and estate.sites[0].difference >= MIXED_YEARS
            else None,
        ],
        charts=(
            Chart(
                Message(msg("Facilities in good order by category")),
                "percent",
                "bars",
                tuple(Message(category.label) for category, _figures in by_category),
                ((msg("In good order"), tuple(figures.good_order for _category, figures in by_category)),),
            ),
        ),
        tables=(
            Table.of(
                Message(msg("Facilities that can hurt somebody, or stand idle")),
                (
                    Column(msg("Facility")),
                    Column(msg("Grid")),
                    Column(msg("Why")),
                    Column(msg("Days past its life"), "days"),
                    Column(msg("Replacement cost"), "money"),
                ),
                [
                    (
                        f"{row.code} {row.name}",
                        desk.grid(row.grid_id),
                        Message(row.reasons[0].label) if row.reasons else "",
                        row.days_past if (row.days_past or 0) > 0 else None,
                        row.cost_cents,
                    )
                    for row in estate.dangers
                ],
                page="facilities",
            ),
        ),
        proposals=(
            Proposal(
                Message(msg("Take out of use or replace {name}"), {"name": first.name}),
                desk.name(first.responsible_id),
                desk.in_weeks(2),
                "facilities",
            ),
        )
        if first
        else (),
    )


def _explain(desk: Desk, estate: facilities.Inventory) -> None:
    """In which grid fewest are in good order, and in which most are hazardous."""
    enough = estate.good_order.metric.minimum_n
    shares = {
        grid: each.good_order
        for grid, each in estate.by_grid.items()
        if grid and each.good_order is not None and each.graded >= enough
    }
    if len(shares) > 1:
        poorest = min(shares, key=shares.__getitem__)
        facts = {"grid": desk.grid(poorest), "share": Amount(shares[poorest], "percent")}
        desk.because(estate.good_order, Message(msg("Lowest in {grid}: {share}"), facts))
    for grid, n in Counter(row.grid_id for row in estate.dangers if row.grid_id).most_common(1):
        all_of_them = int(estate.hazards.value or 0)
        desk.because(
            estate.hazards,
            Message(msg("Most in {grid}: {n} of {all}"), {"grid": desk.grid(grid), "n": n, "all": all_of_them}),
        )
