"""The part Property companies of the Facilities page: each company on its own orders, its contract and its people; the
orders of one; and its drawer."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from dashboard import behind, cards, charts, data, drawer, forms, i18n, navigation, orders, session
from dashboard.i18n import MISSING, _, money, n_, number, percent, plain, say, term
from repository import organizations
from repository.access import Operation, may
from repository.maintenance import CompanyReview, CompanyScore, CompanyShow, WorkList, company_orders, company_scores
from repository.metrics import Value
from repository.organizations import COMPANIES, CompanyService, Organization
from repository.people import Contact, contact_of

PARAMETER = "company"  # of the URL: the company whose drawer is open
OF = "of"  # of the URL: the company whose orders are listed
FIELDS = ("name", "kind", "services", "contract_from", "contract_until", "staff", "certified_staff", "active", "remark")
"""What is asked of a company; what stationed organisations are asked is on their own page."""


def show(view: session.View) -> None:
    """The part."""
    found = data.ask(company_scores, view.community_id, view.period, grids=view.grids, now=view.now)
    if not found.scores:
        _nothing_yet()
    else:
        _head(view)
        _tiles(found)
        _ending(found, view.now.date())
        _on_time(found)
        _register(found)
        _orders(view, found)
    _drawer(view.today, found)
    if not drawer.opened(PARAMETER):
        with session.today():
            orders.open_drawer()


def _nothing_yet() -> None:
    buttons = [(_("Import a sheet"), ":material/upload_file:")]
    if enter := may(session.actor(), Operation.CREATE, Organization.collection):
        buttons.insert(0, (_("Enter a company"), ":material/add:"))
    pressed = cards.empty(
        _("No companies yet"),
        _("Enter the property companies and contractors; orders that name them are scored here by themselves."),
        *buttons,
        key="companies",
    )
    if pressed == 0 and enter:
        drawer.open_at(PARAMETER)
        st.rerun()
    elif pressed is not None:
        navigation.go("data", record=Organization.collection)


def _head(view: session.View) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(plain(i18n.period(view.period)), width="content")
        st.space("stretch")
        if may(session.actor(), Operation.CREATE, Organization.collection) and st.button(
            _("Enter a company"), icon=":material/add:", type="primary", key="do_company", width="content"
        ):
            drawer.open_at(PARAMETER)


def _tiles(found: CompanyReview) -> None:
    listed = {
        CompanyShow.TIMED: found.on_time,
        CompanyShow.REWORK: found.rework,
        CompanyShow.GRADED: found.satisfaction,
        None: found.certified,  # the register below is its list
    }
    with cards.tiles(4):
        for which, value in listed.items():
            where = {"part": "companies", "show": which.value if which else None}
            cards.tile(value, page="facilities", params=where, key=f"companies_{value.metric.key}")


def _ending(found: CompanyReview, today: date) -> None:
    """Contracts that end soon are called out."""
    for company in found.ending:
        left = company.days_left(today) or 0
        said = (
            _("The contract with {name} ended on {day}.", name=company.name, day=i18n.date(company.contract_until))
            if left < 0
            else n_(
                "The contract with {name} ends in {n} day, on {day}.",
                "The contract with {name} ends in {n} days, on {day}.",
                left,
                name=company.name,
                day=i18n.date(company.contract_until),
            )
        )
        if st.button(
            f":orange[:material/event_busy:] {plain(said)}",
            type="tertiary",
            key=f"ending-{company.id}",
            width="content",
        ):
            drawer.open_at(PARAMETER, company.id)


def _on_time(found: CompanyReview) -> None:
    """Who keeps the promised times: only companies with enough orders are compared."""
    ranked = found.ranked
    few = [score.company.name for score in found.scores if not score.on_time.enough]
    target = found.on_time.target
    low = target.low if target else None
    figure = charts.bars(
        [score.company.name for score in ranked],
        [score.on_time.value for score in ranked],
        [_("{share} (n = {n})", share=percent(score.on_time.value), n=number(score.on_time.n)) for score in ranked],
        look=cards.look(),
        red=[place for place, score in enumerate(ranked) if low is not None and (score.on_time.value or 0) < low],
    )
    caption = _(
        "Completed on time ÷ (these + ended late + overdue now), the company's own orders; red: below {target}",
        target=percent(low),
    )
    if few:
        caption += " · " + _("too few orders to compare: {names}", names=i18n.listed(few))
    cards.chart(
        _finding(ranked),
        caption,
        figure if ranked else None,
        [{_("Company"): score.company.name, **_figures(score)} for score in found.scores],
        key="companies",
    )


def _finding(ranked: tuple[CompanyScore, ...]) -> str:
    if not ranked:
        return _("No company has enough orders to be compared yet")
    worst = ranked[-1]
    return _(
        "{name} ends {share} of its orders on time; {n} are overdue",
        name=worst.company.name,
        share=percent(worst.on_time.value),
        n=number(worst.overdue),
    )


def _figures(score: CompanyScore) -> dict[str, Any]:
    return {
        _("Ended"): score.ended,
        _("Open"): score.open,
        _("Overdue"): score.overdue,
        _("On time"): figure(score.on_time),
        _("Response (median)"): figure(score.respond),
        _("Rework"): figure(score.rework),
        _("Satisfaction"): figure(score.satisfaction),
        _("Certified"): figure(score.certified),
        _("Cost (yuan)"): score.cost_cents / 100,
    }


def figure(value: Value) -> str:
    """A value with its n; below the minimum only the n, so that nobody is judged by it."""
    if not value.enough:
        return _("n = {n}, too few", n=number(value.n)) if value.n else MISSING
    amount, unit = i18n.figure_of(value.value, value.metric.unit)
    said = amount + ("%" if unit == "%" else f" {unit}" if value.metric.unit == "hours" else "")
    return f"{'≈ ' if value.estimated else ''}{said}"


def _register(found: CompanyReview) -> None:
    figures = {score.company.id: _figures(score) for score in found.scores}
    columns = {title: lambda company, title=title: figures[company.id][title] for title in next(iter(figures.values()))}
    st.header(n_("{n} company", "{n} companies", len(found.scores)), anchor=False)
    drawer.register(
        PARAMETER,
        Organization,
        [score.company for score in found.scores],
        key="companies",
        columns=["name", "kind", *columns, "contract_until"],
        more=columns,
    )


def _orders(view: session.View, found: CompanyReview) -> None:
    """The orders behind the figures of all companies, or of one."""
    names = {"": _("All companies"), **{score.company.id: score.company.name for score in found.scores}}
    shows = {each.value: say(each.label) for each in CompanyShow}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.container(width="content")
        of = st.selectbox(
            _("Company"),
            list(names),
            format_func=names.__getitem__,
            label_visibility="collapsed",
            width=260,
            **session.in_url(OF, names),
        )
        which = st.selectbox(
            _("Show"),
            list(shows),
            format_func=shows.__getitem__,
            label_visibility="collapsed",
            width=320,
            **session.in_url("show", shows, CompanyShow.OPEN.value),
        )
        pages = st.empty()
        whole = st.container(width="content")

    def page(number: int, rows: int) -> WorkList:
        return data.ask(
            company_orders,
            view.community_id,
            view.period,
            view.grids,
            company_id=of or None,
            now=view.now,
            show=which,
            page=number,
            rows=rows,
        )

    listed = orders.work_pages(page, key="company-orders", pages=pages, whole=whole)
    heading.header(behind.count(listed.total), anchor=False)


# --- the drawer ------------------------------------------------------------------------------------------------------
def _drawer(view: session.View, found: CompanyReview) -> None:
    wanted = drawer.opened(PARAMETER)
    if wanted == drawer.NEW:
        if may(session.actor(), Operation.CREATE, Organization.collection):
            drawer.show(PARAMETER, _("Enter a company"), lambda: _enter(view))
    elif wanted:
        there = data.ask(organizations.organizations, view.community_id)
        company = next((one for one in there if one.id == wanted), None)
        if company is None:
            st.warning(_("This record is not there any more, or not in your charge."), icon=":material/search_off:")
            drawer.close(PARAMETER)
            return
        score = next((one for one in found.scores if one.company.id == wanted), None)
        drawer.show(PARAMETER, plain(company.name), lambda: _one(view, company, score))


def _enter(view: session.View) -> None:
    made = forms.edit(
        Organization,
        key="company-new",
        fields=FIELDS,
        save=lambda values, submission: data.tell(
            organizations.add_organization, view.community_id, values, key=submission, done=_("The company is entered.")
        ),
    )
    if made is not None:
        drawer.done(PARAMETER)


def _one(view: session.View, company: Organization, score: CompanyScore | None) -> None:
    facts: Mapping[str, str] = {
        _("Kind"): say(company.kind.label),
        _("Services"): i18n.listed(term(word, CompanyService) for word in company.services) or MISSING,
        _("Contract"): " – ".join(
            i18n.date(day) if day else MISSING for day in (company.contract_from, company.contract_until)
        ),
        _("Certified staff"): f"{number(company.certified_staff)} / {number(company.staff)}",
    }
    if score is not None and company.kind in COMPANIES:
        facts = {**facts, **{name: str(value) for name, value in list(_figures(score).items())[:-1]}}
        facts = {**facts, _("Cost"): money(score.cost_cents)}
    leads = {
        _("Ended"): CompanyShow.ENDED,
        _("Open"): CompanyShow.OPEN,
        _("Overdue"): CompanyShow.OVERDUE,
        _("On time"): CompanyShow.TIMED,
        _("Response (median)"): CompanyShow.RESPONDED,
        _("Rework"): CompanyShow.REWORK,
        _("Satisfaction"): CompanyShow.GRADED,
    }
    with st.grid(2, min_column_width=150, gap="xxsmall") as cells:
        for name, fact in facts.items():
            with cells.cell():
                if listed := leads.get(name):
                    st.markdown(f":small[:gray[{plain(name)}]]")
                    where = {"part": "companies", OF: company.id, "show": listed.value}
                    navigation.link("facilities", plain(fact), icon=":material/chevron_right:", **where)
                else:
                    st.markdown(f":small[:gray[{plain(name)}]]  \n{plain(fact)}")
    if company.remark:
        st.markdown(plain(company.remark))
    whom_to_call(company)
    navigation.link("facilities", _("Its work orders"), part="companies", of=company.id, show=CompanyShow.ALL.value)
    if not may(session.actor(), Operation.UPDATE, Organization.collection):
        return
    saved = forms.edit(
        Organization,
        key="company-edit",
        fields=FIELDS,
        current=company,
        save=lambda values, _submission: data.tell(
            organizations.edit_organization, view.community_id, company.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(PARAMETER)
    drawer.offer_deletion(PARAMETER, company, organizations.remove_organization)


def whom_to_call(company: Organization) -> None:
    """Whom to call there; editors say who it is."""
    if not may(session.actor(), Operation.READ, Contact.collection):
        return
    kept = data.ask(contact_of, company.community_id, company.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if kept is None:
            st.markdown(":material/call: " + plain(_("Nobody to call is noted.")), width="content")
        else:
            orders.contact(kept, company)
        if may(session.actor(), Operation.DELETE, Contact.collection):
            with st.popover(_("Change"), key=f"contact-{company.id}"):
                name = st.text_input(_("Person's name"), key=f"contact-name-{company.id}", max_chars=60)
                phone = st.text_input(_("Phone"), key=f"contact-phone-{company.id}", max_chars=20)
                st.caption(_("This replaces the name and the number that are kept."))
                if st.button(_("Save"), type="primary", key=f"do_contact-{company.id}"):
                    if name.strip() or phone.strip():
                        _set_contact(company, name, phone)
                    else:
                        st.error(_("Enter a name or a number."))
                if kept is not None and st.button(_("Nobody to call any more"), key=f"drop_contact-{company.id}"):
                    _set_contact(company, "", "")


def _set_contact(company: Organization, name: str, phone: str) -> None:
    drawer.act(
        lambda: data.tell(
            organizations.set_contact,
            company.community_id,
            company.id,
            name=name.strip() or None,
            phone=phone.strip() or None,
            done=_("Saved."),
        )
    )
