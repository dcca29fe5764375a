"""Facilities, part by part: what is a hazard, in what condition and how old, with the register; what comes through the
gates; the companies that keep it all."""

import streamlit as st

from dashboard import (
    cards,
    companies,
    dangers,
    data,
    drawer,
    entrances,
    forethought,
    i18n,
    inventory,
    labels,
    navigation,
    replacement,
    rounds,
    session,
    upkeep,
)
from dashboard.i18n import _, n_, say
from repository.access import Operation, may
from repository.facilities import (
    Category,
    Facility,
    Inventory,
    Reason,
    ServiceStatus,
    age_years,
    end_of_life,
    facility_names,
    in_good_order,
    register,
)
from repository.facilities import inventory as stock
from repository.grids import grid_names
from repository.organizations import company_names
from repository.people import people_by_id

COLUMNS = ["code", "name", "kind", "grid_id", "site", "condition", "status", "installed_on"]


def render() -> None:
    """Its parts: what there is, its inspections and upkeep, the hazards, who came in, when it is replaced, who keeps
    it."""
    cards.one_part(
        {
            "register": (_("Register"), _estate),
            "inspections": (_("Inspections"), _inspections),
            "preventive": (_("Preventive maintenance"), _preventive),
            "hazards": (_("Hazard register"), _hazards),
            "entrances": (_("Entrances"), entrances.show),
            "replacement": (_("Replacement plan"), _replacement),
            "companies": (_("Property companies"), companies.show),
        },
        session.view(),
    )


def _names(view: session.View) -> dict[str, dict[str, str]]:
    return {
        "grids": data.ask(grid_names, view.community_id),
        "people": data.ask(people_by_id, view.community_id),
        "facilities": data.ask(facility_names, view.community_id, retired=True),
        "standing": data.ask(facility_names, view.community_id),  # those that can be picked
        "organizations": data.ask(company_names, view.community_id),
    }


def _inspections(view: session.View) -> None:
    category = _category()
    _categories(category)
    rounds.render(view, _names(view), category)


def _preventive(view: session.View) -> None:
    category = _category()
    _categories(category)
    forethought.render(view, _names(view), category)


def _hazards(view: session.View) -> None:
    names = _names(view)
    found = data.ask(stock, view.community_id, on=view.now.date(), grids=view.grids, category=None)
    if wanted := dangers.render(view, names, found):
        drawer.open_at(upkeep.PARAMETER, wanted)
    if not drawer.opened(dangers.HAZARD):
        with session.today() as now:
            upkeep.show(now, names, found.lives, None)


def _replacement(view: session.View) -> None:
    category = _category()
    names = _names(view)
    found = data.ask(stock, view.community_id, on=view.now.date(), grids=view.grids, category=category)
    _categories(category)
    replacement.render(view, names, found, category)
    with session.today() as now:
        upkeep.show(now, names, found.lives, category)


def _estate(view: session.View) -> None:
    """Six tiles, four findings, one register, and the drawer of one facility."""
    category = _category()
    today = view.now.date()
    found = data.ask(stock, view.community_id, on=today, grids=view.grids, category=category)
    names = {"grids": data.ask(grid_names, view.community_id), "people": data.ask(people_by_id, view.community_id)}
    names["organizations"] = data.ask(company_names, view.community_id)
    _categories(category)
    if not found.total.standing and not view.grid_id and not category:
        _begin()
    else:
        _tiles(found, category)
        left, right = st.columns([7, 5], gap="small")
        with left:
            wanted = inventory.hazards(found, names)
        with right:
            inventory.condition(found)
        if wanted:
            drawer.open_at(upkeep.PARAMETER, wanted)
        left, right = st.columns([7, 5], gap="small")
        with left:
            inventory.ages(found, category, names)
        with right:
            inventory.plan(found, today, names)
        shown = _register(view, found, category, names)
        if labels.opened() and not drawer.opened(upkeep.PARAMETER):
            labels.show(view, shown, names)
    with session.today() as now:
        upkeep.show(now, names, found.lives, category)


def _category() -> Category | None:
    chosen = session.chosen("category")
    return Category(chosen) if chosen in set(Category) else None


def _categories(category: Category | None) -> None:
    """One choice for the whole page; Maintenance keeps it."""
    st.session_state["facilities.category"] = str(category or "")
    st.segmented_control(
        _("Category"),
        ["", *[str(each) for each in Category]],
        format_func=lambda word: say(Category(word).label) if word else _("All facilities"),
        required=True,
        label_visibility="collapsed",
        key="facilities.category",
        on_change=lambda: session.choose("category", st.session_state["facilities.category"] or None),
    )


def _begin() -> None:
    buttons = [(_("Import a sheet"), ":material/upload_file:")]
    if may(session.actor(), Operation.CREATE, Facility.collection):
        buttons.insert(0, (_("Enter a facility"), ":material/add:"))
    pressed = cards.empty(
        _("No facilities yet"),
        _("Enter the first one from its label, or bring in the asset sheet you keep."),
        *buttons,
        key="facilities",
    )
    if pressed is not None:
        if len(buttons) - pressed == 1:
            navigation.go("data")
        drawer.open_at(upkeep.PARAMETER)


def _tiles(found: Inventory, category: Category | None) -> None:
    gated = category in (None, Category.VEHICLE, Category.PERSONNEL)
    with cards.tiles(6 if gated else 5):
        cards.tile(found.good_order, page="")
        cards.tile(found.past_life, page="")
        cards.tile(found.hazards, page="")
        cards.tile(found.age_mix, page="", detail=inventory.mixed(found))
        if gated:
            cards.tile(found.smart, params={"part": "entrances"}, detail=inventory.gates(found))
        cards.tile(
            found.next_year,
            page="",
            detail=_("overdue {cost}", cost=i18n.money(round(found.next_year.detail or 0))),
        )


def _register(view: session.View, found: Inventory, category: Category | None, names: upkeep.Names) -> list[Facility]:
    """The register; returns what it shows."""
    words = {
        "": _("All not retired"),
        "poor": _("Not in good order"),
        "past": _("Past its life"),
        "hazard": _("Hazards"),
    }
    words |= {str(each): say(each.label) for each in ServiceStatus}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.empty()
        st.space("stretch")
        status = st.selectbox(
            _("Status"),
            list(words),
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width=170,
            **session.in_url("status", words),
        )
        if may(session.actor(), Operation.CREATE, Facility.collection) and st.button(
            _("Enter a facility"), icon=":material/add:", type="primary", key="do_facility", width="content"
        ):
            drawer.open_at(upkeep.PARAMETER)
        labels.button()
    retired = status == ServiceStatus.RETIRED
    rows = data.ask_as_seen(register, view.community_id, grids=view.grids, category=category, retired=retired)
    if status in ("hazard", "past"):
        wanted = {hazard.id for hazard in found.dangers if status == "hazard" or Reason.PAST_LIFE in hazard.reasons}
        rows = [row for row in rows if row.id in wanted]
    elif status == "poor":
        rows = [row for row in rows if in_good_order(row.status, row.condition) is False]
    elif status:
        rows = [row for row in rows if row.status == status]
    heading.header(n_("{n} facility", "{n} facilities", len(rows)), anchor=False, width="content")
    today = view.now.date()
    age, end = _("Age (years)"), _("Life ends")
    drawer.register(
        upkeep.PARAMETER,
        Facility,
        rows,
        key="facilities",
        columns=[*COLUMNS, age, end, "responsible_id", "replacement_cost_cents"],
        names=names,
        more={
            age: lambda row: None if (years := age_years(row, today)) is None else round(years, 1),
            end: lambda row: end_of_life(row, today, found.lives),
        },
    )
    return [] if retired else rows
