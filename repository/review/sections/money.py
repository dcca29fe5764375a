"""Money: what is to be replaced in which year and what that costs, and what activities cost."""

from repository import activities, facilities, replacement
from repository.review.desk import Desk
from repository.review.document import Chart, Column, Figure, Section, Table
from repository.words import Amount, Message, counted, msg


def section(desk: Desk) -> Section:
    """The replacement plan as of the end of the desk's period, and the cost of activities in all three."""
    now, before, year = desk.thrice(activities.residents_review, now=desk.now)
    then = desk.then
    plan = replacement.replacement_review(then.store, then.actor, then.community_id, now=then.now)
    estate = facilities.inventory(then.store, then.actor, then.community_id, on=then.today, course=False)
    years = sorted({item.year for item in plan.items})
    cost = {year: sum(item.cost_cents or 0 for item in plan.items if item.year == year) for year in years}
    figures = [desk.stock(estate.next_year), desk.stock(plan.fci)]
    if now is not None:
        figures.append(Figure.of(now.cost, before.cost if before else None, year.cost if year else None))
    return Section.of(
        "money",
        msg("Money"),
        counted(
            msg("Replacements planned in one year: {money}"),
            msg("Replacements planned over {n} years: {money}"),
            len(years),
            money=Amount(sum(cost.values()), "money"),
        )
        if years
        else Message(msg("Nothing is to be replaced")),
        figures,
        [Message(msg("Put off by decision: {n}"), {"n": len(plan.deferred)}) if plan.deferred else None],
        charts=(
            Chart(
                Message(msg("Replacement cost by year")),
                "money",
                "columns",
                tuple(str(year) for year in years),
                ((msg("Cost"), tuple(float(cost[year]) for year in years)),),
            ),
        )
        if years
        else (),
        tables=(
            Table.of(
                Message(msg("To be replaced first")),
                (
                    Column(msg("Facility")),
                    Column(msg("Grid")),
                    Column(msg("Planned for"), "words"),
                    Column(msg("Replacement cost"), "money"),
                ),
                [
                    (f"{item.code} {item.name}", desk.grid(item.grid_id), str(item.year), item.cost_cents)
                    for item in plan.items
                ],
                page="facilities",
                part="replacement",
            ),
        ),
    )
