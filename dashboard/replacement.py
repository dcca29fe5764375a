"""The replacement plan: what is replaced in which year, what was put off and what that costs, how often things fail;
the same as an Excel file for the budget meeting, and the decisions on one facility in its drawer."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

import streamlit as st

from dashboard import cards, data, drawer, i18n, inventory, navigation, session, spreadsheets, tables
from dashboard.i18n import MISSING, _, money, n_, number, percent, plain, say, term
from repository import audit, facilities
from repository.access import Actor, Operation, may
from repository.facilities import Category, Facility, FacilityKind, Inventory, Move, Planned, ServiceStatus
from repository.metrics import MINIMUM_N, State
from repository.replacement import (
    AVAILABILITY,
    FCI,
    LEAST_MONTHS,
    MTBF,
    Backlog,
    Band,
    Item,
    Reliability,
    Replacement,
    Sort,
    Waiting,
    band,
    facility_reliability,
    replacement_review,
)
from repository.store import Store
from repository.words import msg

Names = Mapping[str, Mapping[str, str]]
Rows = list[dict[str, Any]]

SHOWN, PHONE_ROWS = 8, 20
AHEAD = 15  # years a replacement can be put off to
BANDS: Mapping[Band, State] = {
    Band.GOOD: State.ON_TARGET,
    Band.FAIR: State.NEAR,
    Band.POOR: State.OFF_TARGET,
    Band.CRITICAL: State.OFF_TARGET,
}
DEFERRED = msg(
    "Deferred means past due and not done: the replacement cost of what is past its service life or in condition 5, "
    "whatever the plan says. What has no replacement cost, or neither age nor condition, is left out and counted apart."
)
WAITING = msg(
    "Repair cost of one facility and year past its service life, less that of a younger one of the same kind, from the "
    "work orders of the whole months since {day}. Preventive orders are left out, repairs without a cost add none. "
    "No data with fewer than {n} facilities or {least} item-months on either side. Danger and time out of order are "
    "not in it."
)


def render(view: session.View, names: Names, found: Inventory, category: Category | None) -> None:
    """Tiles, the years, the condition index, the plan and its facilities, what waiting costs, how often things fail."""
    review: Replacement = data.ask(replacement_review, view.community_id, view.grids, category, now=view.now)
    if not found.total.standing:
        st.markdown(":gray[" + _("There are no facilities here whose replacement could be planned.") + "]")
        navigation.link("facilities", _("Enter a facility"), part="register")
        return
    _tiles(found, review)
    left, right = st.columns([7, 5], gap="small")
    with left:
        inventory.plan(found, view.now.date(), names)
    with right:
        _condition(review, names)
    _summary(view, found, review, names)
    _list(view, review, names)
    left, right = st.columns(2, gap="small")
    with left:
        _waiting(review)
    with right:
        _reliability(review)


def _tiles(found: Inventory, review: Replacement) -> None:
    with cards.tiles(4):
        cards.tile(review.fci, page="", detail=_band_word(review.fci.value))
        late = _("overdue {cost}", cost=money(round(found.next_year.detail or 0)))
        cards.tile(found.next_year, page="", detail=late)
        cards.tile(found.past_life, page="")
        cards.tile(found.hazards, page="")


def _band_word(fci: float | None) -> str | None:
    known = band(fci)
    return say(known.label) if known else None


def _kind(category: Category, kind: str | None) -> str:
    return term(kind, FacilityKind) if kind else say(category.label)


# --- condition index
def _condition(review: Replacement, names: Names) -> None:
    total = sum(review.backlog.values(), Backlog())
    sides = {"grid": _("Grid"), "category": _("Category"), "site": _("Site")}
    with st.container(border=True, height="stretch", gap="xxsmall", key="chart_fci"):
        st.header(plain(_fci_finding(total)), anchor=False)
        said = [_("Facility condition index (FCI), n = {n}", n=number(total.n))]
        if total.unpriced:
            said.append(n_("{n} without replacement cost", "{n} without replacement cost", total.unpriced))
        if total.unjudged:
            said.append(n_("{n} without age and condition", "{n} without age and condition", total.unjudged))
        st.caption(plain(" · ".join(said)), help=plain(_definition(FCI.formula, DEFERRED)))
        by = st.segmented_control(
            _("Told apart by"),
            list(sides),
            format_func=sides.__getitem__,
            required=True,
            label_visibility="collapsed",
            **session.in_url("fci", list(sides), "grid"),
        )
        rows = fci_rows(review, names, by)
        st.table(
            [
                {
                    sides[by]: plain(row[sides[by]] or MISSING),
                    "FCI": _marked(row["FCI (%)"]),
                    "n": number(row[_("Items counted")]),
                    _("Renewal backlog"): plain(money(round(row[_("Deferred (yuan)")] * 100))),
                }
                for row in rows[:SHOWN]
            ],
            border="horizontal",
            hide_index=True,
        )
        st.space("stretch")
        cards.behind(rows, key="fci", title=_("Facility condition index"))


def _marked(points: float | None) -> str:
    known = band(None if points is None else points / 100)
    if known is None or points is None:
        return MISSING
    words = f"{percent(points / 100)} {say(known.label)}"
    return cards.mark(BANDS[known], words)


def _fci_finding(total: Backlog) -> str:
    known = band(total.fci)
    if known is None:
        return _("No replacement cost is known, so there is no condition index")
    return _(
        "{cost} of renewal put off: condition index {fci}, {band}",
        cost=money(total.renewal_cents + total.repair_cents),
        fci=percent(total.fci),
        band=say(known.label).lower(),
    )


def fci_rows(review: Replacement, names: Names, by: str) -> Rows:
    """The condition index by grid, category or site, worst first."""
    sums: dict[str, Backlog] = defaultdict(Backlog)
    for (grid, category, site), own in review.backlog.items():
        if by == "site" and not site:
            continue
        where = names["grids"].get(grid or "", "")
        sums[{"grid": where, "category": say(category.label), "site": f"{site} · {where}" if where else site or ""}[by]
             ] += own  # fmt: skip
    titles = {"grid": _("Grid"), "category": _("Category"), "site": _("Site")}
    return [
        {
            titles[by]: name,
            "FCI (%)": None if own.fci is None else round(own.fci * 100, 1),
            _("Band"): _band_word(own.fci),
            _("Deferred (yuan)"): (own.renewal_cents + own.repair_cents) / 100,
            _("Replacement value (yuan)"): own.worth_cents / 100,
            _("Renewals past due"): own.due,
            _("Items counted"): own.n,
            _("Without a price"): own.unpriced,
            _("Without age and condition"): own.unjudged,
        }
        for name, own in sorted(sums.items(), key=lambda pair: (-(pair[1].fci or 0), pair[0]))
    ]


# --- by year, grid and kind
def _of(category: Category, kind: str | None) -> str:
    return f"{category}/{kind or ''}"


def _summary(view: session.View, found: Inventory, review: Replacement, names: Names) -> None:
    rows = inventory.plan_rows(found.plan, names)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(_("The plan by year, grid and kind"), anchor=False, width="content")
        st.space("stretch")
        st.download_button(
            _("Excel for the budget meeting"),
            data=data.fetch(partial(_budget, review, names, view)),
            file_name=f"replacement-plan-{view.now:%Y-%m-%d}.xlsx",
            mime=tables.XLSX,
            on_click="ignore",
            icon=":material/download:",
            key="budget",
        )
    if not rows:
        st.markdown(":gray[" + _("Nothing falls due in the next five years.") + "]")
        return
    st.caption(_("Costs in yuan. A picked row shows its facilities below."))

    def picked() -> None:
        for name in ("year", "of_kind", "of_grid"):
            st.query_params.pop(name, None)
        if chosen := st.session_state["plan-summary"]["selection"]["rows"]:
            need = found.plan[chosen[0]]
            st.query_params["year"] = str(need.year)
            st.query_params["of_kind"] = _of(need.category, need.kind)
            st.query_params["of_grid"] = need.grid_id or "none"

    st.dataframe(
        tables.frame(rows),
        hide_index=True,
        row_height=38,
        height="content" if len(rows) <= 8 else 9 * 38,
        placeholder="",
        key="plan-summary",
        on_select=picked,
        selection_mode="single-row",
        column_config={
            _("Year"): st.column_config.NumberColumn(format="%d"),
            _("Cost (yuan)"): st.column_config.NumberColumn(format="localized"),
        },
        alt=_("The plan by year, grid and kind"),
    )


# --- the facilities behind it
def _list(view: session.View, review: Replacement, names: Names) -> None:
    years = [str(year) for year in sorted({item.year for item in review.items})]
    kinds = {_of(item.category, item.kind): _kind(item.category, item.kind) for item in review.items}
    grids = {item.grid_id or "none": names["grids"].get(item.grid_id or "", MISSING) for item in review.items}
    moves = {str(move): say(move.label) for move in Move} | {"overdue": _("Overdue")}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.empty()
        st.space("stretch")
        chosen = [
            _choice(_("Every year"), "year", {year: year for year in years}),
            _choice(_("All grids"), "of_grid", grids),
            _choice(_("All kinds"), "of_kind", kinds),
            _choice(_("All decisions"), "move", moves),
        ]
        wanted = [item for item in review.items if _chosen(item, *chosen)]
        rows = item_rows(wanted, names, view.zone)
        tables.download(
            rows,
            name="replacement-plan",
            title=_("Replacement plan"),
            key="plan-items",
            of=(Facility.collection, view.community_id),
        )
    cost = sum(item.cost_cents or 0 for item in wanted)
    heading.header(
        n_("{n} replacement: {cost}", "{n} replacements: {cost}", len(wanted), cost=money(cost)),
        anchor=False,
        width="content",
    )
    if deferred := [item for item in wanted if item.move is Move.DEFERRED]:
        st.caption(plain(_waited(deferred)), help=plain(_waiting_words(review)))
    if not wanted:
        st.markdown(":gray[" + _("Nothing here. Choose another list above.") + "]")
        return
    with st.container(key="wide_plan"):
        _table(wanted[: tables.PAGE], rows[: tables.PAGE])
        tables.first_of(tables.PAGE, len(wanted))
    with st.container(key="narrow_plan", gap="xsmall"):
        for item in wanted[:PHONE_ROWS]:
            _phone_row(item)
        tables.first_of(PHONE_ROWS, len(wanted))


def _choice(every: str, name: str, words: Mapping[str, str]) -> str:
    return str(
        st.selectbox(
            plain(every),
            ["", *words],
            format_func=lambda word: words[word] if word else every,
            label_visibility="collapsed",
            width=150,
            **session.in_url(name, words),
        )
    )


def _chosen(item: Item, year: str, grid: str, kind: str, move: str) -> bool:
    return (
        year in ("", str(item.year))
        and grid in ("", item.grid_id or "none")
        and kind in ("", _of(item.category, item.kind))
        and (item.overdue if move == "overdue" else move in ("", item.move))
    )


def _waited(deferred: Sequence[Item]) -> str:
    """What the deferrals cost in all, as far as anybody can tell."""
    told = [item.waiting_cents for item in deferred if item.waiting_cents is not None]
    said = n_("{n} was deferred", "{n} were deferred", len(deferred))
    if told:
        said += " · " + n_(
            "waiting costs {cost} more in repairs for {n} of them",
            "waiting costs {cost} more in repairs for {n} of them",
            len(told),
            cost=money(sum(told)),
        )
    if len(told) < len(deferred):
        said += " · " + n_("no data for {n}", "no data for {n}", len(deferred) - len(told))
    return said


def item_rows(items: Sequence[Item], names: Names, zone: tzinfo | None) -> Rows:
    """The facilities of the plan with what was decided."""
    return [
        {
            _("Planned year"): item.year,
            _("Code"): item.code,
            _("Name"): item.name,
            _("Kind"): _kind(item.category, item.kind),
            _("Grid"): names["grids"].get(item.grid_id or ""),
            _("Site"): item.site,
            _("Condition"): say(item.condition.label) if item.condition else None,
            _("Why it is due"): " · ".join(say(reason.label) for reason in item.reasons) or None,
            _("Due by service life"): item.due,
            _("Decision"): say(item.move.label),
            _("Reason"): item.reason,
            _("Decided by"): item.decided_by,
            _("Decided on"): item.decided_at.astimezone(zone).date() if item.decided_at else None,
            _("Cost (yuan)"): None if item.cost_cents is None else item.cost_cents / 100,
            _("Waiting costs (yuan)"): None if item.waiting_cents is None else item.waiting_cents / 100,
            _("Responsible person"): names["people"].get(item.responsible_id or ""),
        }
        for item in items
    ]


def _table(items: Sequence[Item], rows: Rows) -> None:
    columns = st.column_config
    table = tables.frame(rows)
    empty = [title for title in table if all(row[title] is None for row in rows)]
    table = table.drop(columns=empty)
    table[""] = [_("Decide") if may(session.actor(), Operation.UPDATE, Facility.collection) else _("Open")] * len(rows)

    def opened() -> None:
        drawer.open_at("facility", items[st.session_state["plan-open"]["row"]].id)

    st.dataframe(
        table,
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 10 else 11 * 38,
        placeholder="",
        key="plan-items-table",
        column_config={
            _("Planned year"): columns.NumberColumn(format="%d", pinned=True),
            _("Due by service life"): columns.NumberColumn(format="%d"),
            _("Cost (yuan)"): columns.NumberColumn(format="localized"),
            _("Waiting costs (yuan)"): columns.NumberColumn(format="localized"),
            _("Decided on"): columns.DateColumn(format="YYYY-MM-DD"),
            "": columns.ButtonColumn("", type="secondary", key="plan-open", on_click=opened, pinned=True),
        },
        alt=_("Replacement plan"),
    )


def _phone_row(item: Item) -> None:
    colour = "red" if item.overdue else "gray"
    words = f"{item.year} · {say(item.move.label)}"
    st.button(
        f"**{plain(item.name)}** · {plain(money(item.cost_cents))}  \n:{colour}-badge[{plain(words)}]",
        key=f"plan-{item.id}",
        width="stretch",
        on_click=drawer.open_at,
        args=("facility", item.id),
    )


# --- what waiting costs
def _definition(*texts: str) -> str:
    return " ".join(say(text) for text in texts)


def _waiting_words(review: Replacement) -> str:
    return say(WAITING).format(day=i18n.date(review.since), n=MINIMUM_N, least=LEAST_MONTHS)


def waiting_rows(waiting: Mapping[Sort, Waiting]) -> Rows:
    """By kind, what repairs cost past the service life and before; what waits most dearly first."""

    def dearest(pair: tuple[Sort, Waiting]) -> tuple[int, str]:
        yearly = pair[1].yearly_cents
        return (1 if yearly is None else -yearly, _kind(*pair[0]))

    def yuan(cents: float | None) -> float | None:
        return None if cents is None else round(cents / 100, 2)

    return [
        {
            _("Kind"): _kind(*sort),
            _("A year of waiting costs (yuan)"): yuan(each.yearly_cents),
            _("Repairs a year past life (yuan)"): yuan(each.old.yearly_cents),
            _("Repairs a year before (yuan)"): yuan(each.young.yearly_cents),
            _("Facilities past life"): each.old.items,
            _("Facilities before"): each.young.items,
            _("Repairs counted"): each.old.repairs + each.young.repairs,
            _("Without a cost"): each.old.uncosted + each.young.uncosted,
        }
        for sort, each in sorted(waiting.items(), key=dearest)
    ]


def _waiting(review: Replacement) -> None:
    rows = waiting_rows(review.waiting)
    dear = _("A year of waiting costs (yuan)")
    known = [row for row in rows if row[dear] is not None]
    finding = _("What waiting costs cannot be told yet")
    if known and not known[0][dear]:
        finding = _("Old facilities cost no more in repairs than young ones")
    elif known:
        finding = _(
            "A year of waiting costs {cost} in repairs: {kind}",
            kind=known[0][_("Kind")],
            cost=money(round(known[0][dear] * 100)),
        )
    _card(
        finding,
        _waiting_words(review),
        [{title: row[title] for title in list(row)[:4]} for row in known],
        rows,
        "waiting",
    )


def _failing_words() -> str:
    return "  \n".join(f"**{plain(say(each.title))}** {plain(say(each.formula))}" for each in (MTBF, AVAILABILITY))


def _card(finding: str, words: str, shown: Rows, rows: Rows, key: str, explained: str | None = None) -> None:
    with st.container(border=True, height="stretch", gap="xxsmall", key=f"chart_{key}"):
        st.header(plain(finding), anchor=False)
        st.caption(plain(words), help=explained)
        if shown:
            st.table(
                [
                    {
                        plain(title): plain(value if isinstance(value, str) else number(value))
                        for title, value in row.items()
                    }
                    for row in shown[:SHOWN]
                ],
                border="horizontal",
                hide_index=True,
            )
        st.space("stretch")
        if rows:
            cards.behind(rows, key=key, title=finding)


# --- how often things fail
def reliability_rows(found: Mapping[Sort, Reliability]) -> Rows:
    """By kind, M6 and M7 with what they rest on; no data below MINIMUM_N facilities."""
    return [
        {
            _("Kind"): _kind(*sort),
            _("Days between failures"): round(each.mtbf / 24, 1) if each.mtbf and each.items >= MINIMUM_N else None,
            _("Availability (%)"): None
            if each.availability is None or each.noted < MINIMUM_N
            else round(each.availability * 100, 2),
            _("Facilities"): each.items,
            _("Failures"): each.failures,
            _("Outages noted"): each.outages,
        }
        for sort, each in sorted(found.items(), key=lambda pair: -pair[1].failures)
    ]


def _reliability(review: Replacement) -> None:
    rows = reliability_rows(review.reliability)
    often = _("Days between failures")
    known = sorted((row for row in rows if row[often] is not None), key=lambda row: row[often])
    finding = _("How often things fail cannot be told yet")
    if known:
        finding = _("{kind} fails most often: every {n} days", kind=known[0][_("Kind")], n=number(known[0][often], 0))
    words = ""
    if review.since:
        since = i18n.date(review.since)
        words = _("Counted since {day}; kinds of {n} facilities or more.", day=since, n=MINIMUM_N)
    up = _("Availability (%)")
    known = [{**row, up: None if row[up] is None else percent(row[up] / 100)} for row in known]
    _card(finding, words, known, rows, "reliability", _failing_words())


# --- for the budget meeting
def book_of(review: Replacement, names: Names, now: datetime) -> dict[str, Rows]:
    """The sheets: by year, by grid, by kind, the facilities, the condition index, what waiting costs, definitions."""
    years = [now.year + later for later in range(facilities.YEARS)]

    def by(title: str, key: Callable[[Item], str]) -> Rows:
        cells: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for item in review.items:
            cells[key(item)][item.year] += item.cost_cents or 0
        return [
            {title: name}
            | {_("{year} (yuan)", year=str(year)): cost[year] / 100 for year in years}
            | {_("Five years (yuan)"): sum(cost[year] for year in years) / 100}
            for name, cost in sorted(cells.items())
        ]

    def year_row(year: int) -> dict[str, Any]:
        own = [item for item in review.items if item.year == year]
        told = [item.waiting_cents for item in own if item.waiting_cents is not None]
        return {
            _("Year"): year,
            _("Items"): len(own),
            _("Of these overdue"): sum(item.overdue for item in own),
            _("Of these deferred"): sum(item.move is Move.DEFERRED for item in own),
            _("Of these brought forward"): sum(item.move is Move.FORWARD for item in own),
            _("Cost (yuan)"): sum(item.cost_cents or 0 for item in own) / 100,
            _("Without a price"): sum(item.cost_cents is None for item in own),
            _("Waiting costs (yuan)"): sum(told) / 100 if told else None,
        }

    return {
        _("By year"): [year_row(year) for year in sorted({*years, *(item.year for item in review.items)})],
        _("By grid"): by(_("Grid"), lambda item: names["grids"].get(item.grid_id or "", MISSING)),
        _("By kind"): by(_("Kind"), lambda item: _kind(item.category, item.kind)),
        _("Facilities"): item_rows(review.items, names, now.tzinfo),
        _("Condition index"): fci_rows(review, names, "grid"),
        _("Cost of waiting"): waiting_rows(review.waiting),
        _("Definitions"): [
            {_("What"): what, _("Meaning"): meaning}
            for what, meaning in (
                (_("As of"), spreadsheets.as_text(now)),
                (_("Planned year"), _("The year somebody decided on, else the one in which the service life ends; this "
                                      "year for what is past its life, in condition 5 or out of order.")),
                (_("Cost (yuan)"), _("As decided, else the replacement cost; what has none adds none.")),
                (_("Waiting costs (yuan)"), _("A year of waiting, times the years a replacement was put off.") + " "
                 + _waiting_words(review)),
                (_("Condition index"), _definition(FCI.formula, DEFERRED, FCI.source)),
            )
        ],
    }  # fmt: skip


def _budget(review: Replacement, names: Names, view: session.View, store: Store, actor: Actor) -> bytes:
    """The file, on record by the time it is handed out."""
    content = spreadsheets.book(book_of(review, names, view.now))
    audit.note_export(store, actor, view.community_id, Facility.collection, rows=len(review.items), form="xlsx")
    return content


# --- in the drawer of one facility
def of_facility(view: session.View, found: Facility, lives: Mapping[str, float]) -> None:
    """When it is to be replaced and why then, how it kept so far, and the form that decides otherwise."""
    today = view.now.date()
    row = found.to_document()
    plan = facilities.planned(facilities.seen_on(row, today, facilities.life_of(row, lives)), today, session.zone())
    standing = found.status is not ServiceStatus.RETIRED
    if standing:
        st.markdown(plain(_plan_words(plan)))
    _how_reliable(view, found)
    if standing and may(session.actor(), Operation.UPDATE, Facility.collection):
        _decide(view, found, plan)
    if found.replacement_plan:
        st.table(
            [
                {
                    _("Decided on"): i18n.datetime_(each.at, session.zone()),
                    _("Planned year"): MISSING if each.year is None else plain(str(each.year)),
                    _("Instead of"): MISSING if each.instead_of is None else plain(str(each.instead_of)),
                    _("Reason"): plain(each.reason or (_("taken back") if each.year is None else "")),
                    _("By"): plain(each.by),
                }
                for each in reversed(found.replacement_plan)
            ],
            border="horizontal",
            hide_index=True,
        )


def _plan_words(plan: Planned) -> str:
    if plan.year is None:
        return _("No year is planned: neither its age nor a decision is known.")
    facts = {"year": str(plan.year), "cost": money(plan.cost_cents)}
    if plan.move is Move.AS_DUE:
        return _("To be replaced in {year}, by its service life and condition; cost {cost}.", **facts)
    return _("To be replaced in {year}, {decision}; cost {cost}.", decision=say(plan.move.label).lower(), **facts)


def _how_reliable(view: session.View, found: Facility) -> None:
    between, up, rests = data.ask(facility_reliability, view.community_id, found.id, now=view.now)
    if not rests.items:
        return
    said = (
        _("A failure every {n} days on average (n = {failures})", n=number(between.value / 24, 0), failures=between.n)
        if between.value is not None
        else n_(
            "{n} failure: too few to say how far apart they are",
            "{n} failures: too few to say how far apart they are",
            rests.failures,
        )
    )
    if up.value is not None:
        said += " · " + _("available {share} of the time", share=percent(up.value))
    elif rests.noted:
        said += " · " + _("no outage was noted")
    st.caption(plain(said), help=_failing_words())


def _decide(view: session.View, found: Facility, plan: Planned) -> None:
    form = f"plan.{found.id}"
    mine = drawer.draft(form, found, "replacement_plan")
    years = list(range(view.now.year, max(view.now.year + AHEAD, plan.year or 0) + 1))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        year = st.selectbox(
            _("Replace in"),
            years,
            index=years.index(plan.year) if plan.year in years else 0,
            width=130,
            key=f"plan-year-{mine.key}",
        )
        cost = st.number_input(
            _("Cost (yuan), if another"),
            min_value=0.0,
            max_value=1e9,
            value=None,
            width=190,
            key=f"plan-cost-{mine.key}",
        )
    late = plan.due is not None and year > plan.due
    reason = st.text_input(
        _("Why it is put off") if late else _("Reason (optional)"),
        max_chars=500,
        key=f"plan-reason-{mine.key}",
        **session.STAGED,
    )
    with st.container(horizontal=True, gap="small"):
        if st.button(_("Save the decision"), type="primary", icon=":material/check:", key="do_plan_year"):
            cents = None if cost is None else round(cost * 100)
            decision = {"year": year, "reason": reason, "cost_cents": cents}
            _tell(view, form, mine, facilities.plan_replacement, **decision)
        if plan.decision is not None and st.button(_("Take it back"), icon=":material/undo:", key="plan-back"):
            _tell(view, form, mine, facilities.take_back_plan)


def _tell(
    view: session.View, form: str, mine: drawer.Draft[Facility], command: Callable[..., Facility], **facts: Any
) -> None:
    done = _("The plan is changed.")
    drawer.act(
        lambda: data.tell(command, view.community_id, mine.opened.id, mine.stands.revision, done=done, **facts),
        form=form,
    )
