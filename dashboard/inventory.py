"""What the Facilities page says: its findings, its charts and the rows behind them. Wording, no data access."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from dashboard import cards, charts
from dashboard.i18n import MISSING, _, days, money, n_, number, percent, plain, say, term
from repository.facilities import (
    Category,
    Condition,
    Control,
    FacilityKind,
    Hazard,
    Inventory,
    Need,
    Reason,
    Site,
)

Names = Mapping[str, Mapping[str, str]]
SHOWN_SITES, SHOWN_HAZARDS = 8, 6


def gates(found: Inventory) -> str:
    """How many of the vehicle and personnel entrances are smart, beside the tile's figure."""
    said = []
    for category, name in ((Category.VEHICLE, _("vehicles")), (Category.PERSONNEL, _("people"))):
        known = sum(n for (where, _control), n in found.controls.items() if where is category)
        if known:
            said.append(f"{name} {found.controls.get((category, Control.SMART), 0)}/{known}")
    return " · ".join(said)


def mixed(found: Inventory) -> str:
    """How many sites mix ages, beside the tile's figure."""
    count = int(found.age_mix.detail or 0)
    return n_("{n} site", "{n} sites", count) if count else ""


# --- condition
def condition(found: Inventory) -> None:
    """How many stand in which condition."""
    counts: dict[Condition | None, int] = dict.fromkeys([*Condition, None], 0)
    for (_of, grade), n in found.conditions.items():
        counts[grade] += n
    bad = counts[Condition.POOR] + counts[Condition.VERY_POOR]
    graded = sum(n for grade, n in counts.items() if grade)
    if not graded:
        finding = _("No facility has been graded yet")
    elif bad:
        finding = n_(
            "{n} of {all} graded facilities is in poor condition or worse",
            "{n} of {all} graded facilities are in poor condition or worse",
            bad,
            all=number(graded),
        )
    else:
        finding = _("None of {all} graded facilities is in poor condition", all=number(graded))
    grades = [grade for grade in counts if grade or counts[None]]
    labels = [say(grade.label) if grade else _("Not graded") for grade in grades]
    values = [counts[grade] for grade in grades]
    total = sum(values)
    figure = charts.bars(
        labels,
        values,
        [f"{number(n)} ({percent(n / total)})" if n else "0" for n in values] if total else ["0"] * len(values),
        look=cards.look(),
        red=[place for place, grade in enumerate(grades) if grade is Condition.VERY_POOR],
        pale=True,
    )
    rows = [
        {
            _("Category"): say(category.label),
            _("Condition"): say(grade.label) if grade else _("Not graded"),
            _("Items"): n,
        }
        for category in Category
        for grade in grades
        if (n := found.conditions.get((category, grade), 0))
    ]
    mean = number(found.condition.value, 1)
    cards.chart(
        finding,
        _("Facilities not retired, items; mean grade {mean}, n = {n}", mean=mean, n=number(found.condition.n)),
        figure if total else None,
        rows,
        key="condition",
    )


# --- age
def ages(found: Inventory, category: Category | None, names: Names) -> None:
    """How old each thing is against its service life, site by site."""
    if category is None and any(site.category is Category.FITNESS for site in found.sites):
        category = Category.FITNESS  # the trouble the source document names; the others are one choice away
    sites = [site for site in found.sites if category is None or site.category is category]
    shown = sites[:SHOWN_SITES]
    caption = _("Years since installed or renewed, one dot each")
    if category:
        caption = _("{category}: years since installed or renewed, one dot each", category=say(category.label))
    caption += " · " + _("red: past its service life")
    if len(sites) > len(shown):
        caption += " · " + _("{n} of {all} sites, largest difference first", n=len(shown), all=len(sites))
    life = found.lives[category] if category else 0
    limit = (life, _("{n} years", n=number(life))) if life else None
    figure = charts.dots(
        [site.site for site in shown],
        [site.ages for site in shown],
        [_span(site) for site in shown],
        look=cards.look(),
        red=[site.past for site in shown],
        unit=_("years"),
        limit=limit,
    )
    cards.chart(
        _age_finding(sites, found.total.aged), caption, figure if shown else None, _age_rows(sites, names), key="ages"
    )


def _span(site: Site) -> str:
    if round(site.oldest) == round(site.newest):
        return _("{age} yr", age=number(site.oldest, 0))
    return _("{newest}–{oldest} yr", newest=number(site.newest, 0), oldest=number(site.oldest, 0))


def _age_finding(sites: list[Site], known: int) -> str:
    past = sum(sum(site.past) for site in sites)
    aged = sum(site.n for site in sites)
    if not sites and known:
        return _("No site is noted where a facility's age is known")
    if not sites:
        return _("No facility's age is known yet")
    if past and sites[0].difference >= 1:
        return _(
            "{site} mixes {difference} years of age; {past} of {n} are past their life",
            site=sites[0].site,
            difference=number(sites[0].difference, 0),
            past=past,
            n=number(aged),
        )
    if past:
        return _("{past} of {n} are past their service life", past=past, n=number(aged))
    return _("None of {n} is past its service life", n=number(aged))


def _age_rows(sites: list[Site], names: Names) -> list[dict[str, Any]]:
    return [
        {
            _("Site"): site.site,
            _("Grid"): names["grids"].get(site.grid_id or ""),
            _("Category"): say(site.category.label),
            _("Items"): site.n,
            _("Newest (years)"): round(site.newest, 1),
            _("Oldest (years)"): round(site.oldest, 1),
            _("Past life"): sum(site.past),
        }
        for site in sites
    ]


# --- the plan
def plan(found: Inventory, on: date, names: Names) -> None:
    """What has to be replaced in each of five years, and what it costs."""
    years = range(on.year, on.year + 5)
    by_year = {year: [need for need in found.plan if need.year == year] for year in years}
    late = [need for need in found.plan if need.overdue]
    count = {year: sum(need.count for need in needs) for year, needs in by_year.items()}
    cost = {year: sum(need.cost_cents for need in needs) for year, needs in by_year.items()}
    priced = any(cost.values())
    values = [cost[year] / 100 if priced else count[year] for year in years]
    foot = [
        sum(need.cost_cents / 100 if priced else need.count for need in late if need.year == year) for year in years
    ]
    figure = charts.columns(
        [f"{year}\n{_items(count[year])}" if priced else str(year) for year in years],
        values,
        [money(cost[year], brief=True) if priced else _items(count[year]) for year in years],
        look=cards.look(),
        overdue=foot,
    )
    total, uncosted = sum(count.values()), sum(need.uncosted for need in found.plan)
    caption = _("Replacement cost by planned year, yuan; red: past its life or unserviceable already")
    if not priced:
        caption = _("Items by planned year; red: past its life or unserviceable already")
    elif uncosted:
        caption += " · " + n_("{n} item without a price", "{n} items without a price", uncosted)
    cards.chart(_plan_finding(late, total, sum(cost.values())), caption, figure if total else None,
                plan_rows(found.plan, names), key="plan")  # fmt: skip


def _items(count: int) -> str:
    return n_("{n} item", "{n} items", count)


def _plan_finding(late: list[Need], total: int, cost: int) -> str:
    due = sum(need.count for need in late)
    if not total:
        return _("Nothing falls due in the next five years")
    if due:
        return n_(
            "{n} item is due now, {total} within five years: {cost}",
            "{n} items are due now, {total} within five years: {cost}",
            due,
            total=number(total),
            cost=money(cost),
        )
    return n_("{n} item falls due within five years: {cost}", "{n} items fall due within five years: {cost}", total,
              cost=money(cost))  # fmt: skip


def plan_rows(needs: tuple[Need, ...], names: Names) -> list[dict[str, Any]]:
    """The plan by year, grid and kind."""
    return [
        {
            _("Year"): need.year,
            _("Grid"): names["grids"].get(need.grid_id or ""),
            _("Category"): say(need.category.label),
            _("Kind"): term(need.kind, FacilityKind) if need.kind else None,
            _("Due"): _("now") if need.overdue else _("in the course of the year"),
            _("Items"): need.count,
            _("Of these deferred"): need.deferred,
            _("Cost (yuan)"): need.cost_cents / 100,
            _("Without a price"): need.uncosted,
        }
        for need in needs
    ]


# --- hazards
def hazards(found: Inventory, names: Names) -> str | None:
    """What can hurt somebody, worst first; the id of the one the reader opens."""
    wanted = None
    dangers = found.dangers
    with st.container(border=True, height="stretch", gap="xxsmall", key="chart_hazards"):
        st.header(plain(_hazard_finding(dangers)), anchor=False)
        st.caption(
            _("Very poor, past the service life, or out of order; of {n} facilities", n=number(found.total.standing))
        )
        for hazard in dangers[:SHOWN_HAZARDS]:
            with st.container(
                horizontal=True, horizontal_alignment="distribute", gap="xxsmall", vertical_alignment="center"
            ):
                colour = "orange" if hazard.reasons == (Reason.PAST_LIFE,) else "red"
                icon = ":material/dangerous:" if colour == "red" else ":material/warning:"
                label = f":{colour}[{icon}] {plain(hazard.name)}"
                if st.button(label, type="tertiary", key=f"hazard-{hazard.id}", width="content"):
                    wanted = hazard.id
                st.markdown(f":small[:gray[{plain(_why(hazard, names))}]]", width="content")
        if len(dangers) > SHOWN_HAZARDS:
            st.space("stretch")
        cards.behind(hazard_rows(dangers, names), key="hazards", title=_("Hazardous facilities")) if dangers else None
    return wanted


def _hazard_finding(dangers: tuple[Hazard, ...]) -> str:
    if not dangers:
        return _("No facility is a hazard")
    worst = sum(Reason.VERY_POOR in hazard.reasons for hazard in dangers)
    past = sum(Reason.PAST_LIFE in hazard.reasons for hazard in dangers)
    return n_(
        "{n} hazard: {worst} in very poor condition, {past} past its life",
        "{n} hazards: {worst} in very poor condition, {past} past their life",
        len(dangers),
        worst=worst,
        past=past,
    )


def _why(hazard: Hazard, names: Names) -> str:
    said = [say(reason.label) for reason in hazard.reasons if reason is not Reason.PAST_LIFE]
    if Reason.PAST_LIFE in hazard.reasons and hazard.days_past:
        said.append(_("past its life by {days}", days=_long(hazard.days_past)))
    who = names["people"].get(hazard.responsible_id or "")
    return " · ".join([*said, *([who] if who else [])])


def _long(count: int) -> str:
    return days(count) if count < 365 else n_("{n} year", "{n} years", round(count / 365.25, 1))


def hazard_rows(dangers: tuple[Hazard, ...], names: Names) -> list[dict[str, Any]]:
    """The hazards as a table."""
    return [
        {
            _("Code"): hazard.code,
            _("Name"): hazard.name,
            _("Kind"): term(hazard.kind, FacilityKind) if hazard.kind else None,
            _("Grid"): names["grids"].get(hazard.grid_id or ""),
            _("Site"): hazard.site,
            _("Reason"): " · ".join(say(reason.label) for reason in hazard.reasons),
            _("Age (years)"): None if hazard.age_years is None else round(hazard.age_years, 1),
            _("Days past its life"): hazard.days_past if Reason.PAST_LIFE in hazard.reasons else None,
            _("Responsible person"): names["people"].get(hazard.responsible_id or "", MISSING),
        }
        for hazard in dangers
    ]
