"""The parts Who takes part and Register of the page of local organisations, and the drawers of an organisation, of what
it offers and of what it took part in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import streamlit as st

from dashboard import cards, charts, companies, data, drawer, forms, i18n, minutes, navigation, session, tables
from dashboard.i18n import MISSING, _, n_, number, percent, plain, say
from repository import organizations
from repository.access import Operation, may
from repository.organizations import (
    COMPANIES,
    LISTED,
    SILENT_MONTHS,
    Engagement,
    NeedState,
    Organization,
    OrganizationKind,
    OrganizationReview,
    Resource,
    Standing,
    Way,
)
from repository.projects import ProjectTask, tasks_of
from repository.record import Record

Names = Mapping[str, Mapping[str, str]]
ORGANIZATION, RESOURCE, ENGAGEMENT = "organization", "resource", "engagement"
"""URL parameters: what is open in the drawer."""
FIELDS = (
    "name", "kind", "staff", "address", "grid_id", "liaison_id", "stationed_from", "stationed_until", "agreement_from",
    "agreement_until", "agreement_file", "active", "remark",
)  # fmt: skip
"""What is asked of a stationed organisation; a company's contract is asked for on the Facilities page."""
SHOWN = 12
LINES = 8  # of each kind in an organisation's drawer
R = TypeVar("R", bound=Record)


def review(view: session.View) -> OrganizationReview:
    """What the first two parts show."""
    return data.ask(organizations.review, view.community_id, view.period, grids=view.grids, today=view.now.date())


# --- who takes part
def participation(view: session.View, names: Names) -> None:
    """Four tiles, who took part how often, who is silent, whose agreement runs out."""
    found = review(view)
    if not found.standings:
        _begin()
        return
    tiles(found)
    left, right = st.columns([5, 7], gap="small")
    with left:
        _took_part(found, view)
    with right:
        _silent(found, view.now.date(), names)
    _agreements(found, view.now.date())


def tiles(found: OrganizationReview) -> None:
    """U1 and U2 with what stands open."""
    late = int(found.unmatched.detail or 0)
    with cards.tiles(4):
        cards.tile(found.participation, params={"part": "participation"})
        never = sum(each.last_part is None for each in found.silent)
        cards.tile(
            found.silence,
            params={"part": "participation"},
            detail=_("{n} of them never", n=number(never)) if never else None,
        )
        cards.tile(found.matching, params={"part": "matching"})
        cards.tile(
            found.unmatched,
            params={"part": "matching"},
            detail=_("{n} past the day they were needed", n=number(late)) if late else _("none past its day"),
        )


def _begin() -> None:
    enters = may(session.actor(), Operation.CREATE, Organization.collection)
    pressed = cards.empty(
        _("No stationed organisations yet"),
        _("Enter the public bodies, enterprises, schools and social organisations here, or import a sheet."),
        *([(_("Enter an organisation"), ":material/add:")] if enters else []),
        (_("Import a sheet"), ":material/upload_file:"),
        key="stationed",
    )
    if pressed is not None:
        if enters and pressed == 0:
            drawer.open_at(ORGANIZATION)
            st.rerun()
        navigation.go("data", record=Organization.collection)


def _took_part(found: OrganizationReview, view: session.View) -> None:
    ranked = sorted(found.standings, key=lambda each: (-each.times, each.organization.name))
    came = [each for each in ranked if each.times]
    shown = ranked[: max(SHOWN, 1)]
    figure = charts.bars(
        [each.organization.name for each in shown],
        [each.times for each in shown],
        [n_("{n} time", "{n} times", each.times) for each in shown],
        look=cards.look(),
    )
    cards.chart(
        _("{n} of {m} stationed organisations took part", n=number(len(came)), m=number(len(ranked))),
        _("How often each took part: {period}", period=i18n.period(view.period))
        + (" · " + _("the first {n}", n=number(len(shown))) if len(shown) < len(ranked) else ""),
        figure,
        [
            {
                _("Organisation"): each.organization.name,
                _("Kind"): say(each.organization.kind.label),
                _("Times"): each.times,
                _("Last took part"): each.last_part,
            }
            for each in ranked
        ],
        key="took-part",
    )


def _silent(found: OrganizationReview, today: date, names: Names) -> None:
    never, last, heard = _("Never took part"), _("Last took part"), _("Last contact")
    by_id = {each.organization.id: each for each in found.silent}
    with st.container(border=True, height="stretch", gap="xxsmall", key="silent"):
        st.header(
            n_(
                "{n} organisation has been silent for {months} months",
                "{n} organisations have been silent for {months} months",
                len(found.silent),
                months=number(SILENT_MONTHS),
            )
            if found.silent
            else _("Nobody has been silent for {months} months", months=number(SILENT_MONTHS)),
            anchor=False,
        )
        if not found.silent:
            return
        untold = [each.organization.name for each in found.silent if each.last_contact is None]
        if untold:
            st.caption(plain(_("Nobody has spoken to {names} yet.", names=_some(untold))))

        def when(one: Organization) -> str:
            day = by_id[one.id].last_part
            return never if day is None else i18n.ago(day, today)

        drawer.register(
            ORGANIZATION,
            Organization,
            [each.organization for each in found.silent],
            key="silent-ones",
            columns=["name", last, heard, "kind", "liaison_id"],
            names={**names, "organizations": names["everybody"]},
            more={last: when, heard: lambda one: by_id[one.id].last_contact},
        )


def _agreements(found: OrganizationReview, today: date) -> None:
    if not found.ending and not found.without:
        return
    st.header(
        n_("{n} agreement has ended or ends soon", "{n} agreements have ended or end soon", len(found.ending))
        if found.ending
        else _("No agreement ends soon"),
        anchor=False,
    )
    with st.container(gap=None, key="line_agreements"):
        _ending(found, today)
    if found.without:
        names = _some([one.name for one in found.without])
        st.caption(plain(_("Without an agreement: {names}", names=names)))


def _some(names: Sequence[str]) -> str:
    """Names in a row, and how many more there are."""
    shown, more = i18n.listed(names[:SHOWN]), len(names) - SHOWN
    return shown if more <= 0 else _("{names} and {n} more", names=shown, n=number(more))


def _ending(found: OrganizationReview, today: date) -> None:
    for one in found.ending[:SHOWN]:
        left = (one.agreement_until - today).days if one.agreement_until else 0
        said = (
            _("The agreement with {name} ended on {day}.", name=one.name, day=i18n.date(one.agreement_until))
            if left < 0
            else n_(
                "The agreement with {name} ends in {n} day, on {day}.",
                "The agreement with {name} ends in {n} days, on {day}.",
                left,
                name=one.name,
                day=i18n.date(one.agreement_until),
            )
        )
        if st.button(
            f":orange[:material/event_busy:] {plain(said)}", type="tertiary", key=f"agreement-{one.id}", width="content"
        ):
            drawer.open_at(ORGANIZATION, one.id)
    tables.first_of(SHOWN, len(found.ending))


# --- the registers
def registers(view: session.View, names: Names) -> None:
    """One at a time, chosen in the URL: organisations, resources, who took part."""
    words = {
        "organizations": _("Organisations"),
        "resources": _("Resources"),
        "engagements": _("What they took part in"),
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.empty()
        chosen = st.segmented_control(
            _("Register"),
            list(words),
            required=True,
            format_func=words.__getitem__,
            label_visibility="collapsed",
            **session.in_url("list", words, "organizations"),
        )
        st.space("stretch")
        add(str(chosen))
    if chosen == "resources":
        rows: Sequence[Record] = data.ask_as_seen(organizations.resources, view.community_id)
        heading.header(n_("{n} resource", "{n} resources", len(rows)), anchor=False, width="content")
        drawer.register(RESOURCE, Resource, rows, key="resources", names=_all(names), total=more_than(rows))
    elif chosen == "engagements":
        rows = data.ask_as_seen(organizations.engagements, view.community_id, period=view.period)
        heading.header(n_("{n} time", "{n} times", len(rows)), anchor=False, width="content")
        columns = ["on", "organization_id", "way", "what", "people"]
        drawer.register(ENGAGEMENT, Engagement, rows, key="engagements", columns=columns, names=_all(names),
                        total=more_than(rows))  # fmt: skip
    else:
        rows = data.ask_as_seen(organizations.organizations, view.community_id)
        heading.header(n_("{n} organisation", "{n} organisations", len(rows)), anchor=False, width="content")
        drawer.register(
            ORGANIZATION,
            Organization,
            rows,
            key="organizations",
            columns=["name", "kind", "grid_id", "liaison_id", "staff", "agreement_until", "active"],
            names=_all(names),
        )


def _all(names: Names) -> Names:
    return {**names, "organizations": names["everybody"], "projects": names["every_project"]}


def more_than(rows: Sequence[Record]) -> str | None:
    """For a list that reaches its bound: that there may be more."""
    return _("{n} and more", n=number(LISTED)) if len(rows) >= LISTED else None


def add(which: str) -> None:
    """The button that enters one of a register."""
    kinds: Mapping[str, tuple[str, type[Record], str]] = {
        "organizations": (ORGANIZATION, Organization, _("Enter an organisation")),
        "resources": (RESOURCE, Resource, _("Enter a resource")),
        "engagements": (ENGAGEMENT, Engagement, _("Enter who took part")),
    }
    parameter, record, label = kinds[which]
    if may(session.actor(), Operation.CREATE, record.collection) and st.button(
        plain(label), icon=":material/add:", type="primary", key=f"do_add_{which}", width="content"
    ):
        drawer.open_at(parameter)


# --- the drawers
def open_drawer(view: session.View, names: Names) -> bool:
    """Draw what is open of this file; whether anything is."""
    today = view.now.date()
    if wanted := drawer.opened(ORGANIZATION):
        if wanted == drawer.NEW:
            enter(
                view, names, ORGANIZATION, Organization, organizations.add_organization, _("Enter an organisation"),
                fields=FIELDS, defaults={"kind": OrganizationKind.ENTERPRISE},
            )  # fmt: skip
        else:
            found = find(data.ask(organizations.organizations, view.community_id), wanted, ORGANIZATION)
            if found is not None:
                drawer.show(ORGANIZATION, plain(found.name), lambda: _organization(view, names, found))
        return True
    if wanted := drawer.opened(RESOURCE):
        of = wanted.partition(".")[2]
        if wanted.startswith(drawer.NEW):
            enter(
                view, names, RESOURCE, Resource, organizations.add_resource, _("Enter a resource"),
                defaults={"organization_id": of if of in names["organizations"] else None},
            )  # fmt: skip
        else:
            there = find(data.ask(organizations.resources, view.community_id), wanted, RESOURCE)
            if there is not None:
                drawer.show(RESOURCE, plain(there.what), lambda: _resource(view, names, there))
        return True
    if wanted := drawer.opened(ENGAGEMENT):
        of, _dot, way = wanted.removeprefix(f"{drawer.NEW}.").partition(".")
        if wanted.startswith(drawer.NEW):
            enter(
                view, names, ENGAGEMENT, Engagement, organizations.add_engagement, _("Enter who took part"),
                defaults={
                    "organization_id": of if of in names["organizations"] else None,
                    "way": Way(way) if way in set(Way) else Way.JOINED,
                    "on": today,
                },
            )  # fmt: skip
        else:
            part = data.ask(organizations.engagement, view.community_id, wanted)
            drawer.show(
                ENGAGEMENT,
                plain(part.what),
                lambda: _engagement(view, names, part),
            )
        return True
    return False


def find(rows: Sequence[R], wanted: str, parameter: str) -> R | None:
    """The one that is open; where it is gone, that is said."""
    found = next((one for one in rows if one.id == wanted), None)
    if found is None:
        st.warning(_("This record is not there any more, or not in your charge."), icon=":material/search_off:")
        drawer.close(parameter)
    return found


def enter(
    view: session.View,
    names: Names,
    parameter: str,
    record: type[R],
    command: Callable[..., R],
    title: str,
    *,
    fields: Sequence[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    **more: Any,
) -> None:
    """The form of a new record, in a drawer; nothing for who may not enter one."""
    if not may(session.actor(), Operation.CREATE, record.collection):
        return

    def draw() -> None:
        made = forms.edit(
            record,
            key=f"{parameter}-new",
            fields=fields,
            references=names,
            defaults=defaults,
            save=lambda values, submission: data.tell(
                command, view.community_id, values, key=submission, done=_("The entry is saved."), **more
            ),
        )
        if made is not None:
            drawer.done(parameter)

    drawer.show(parameter, plain(title), draw)


def change(
    view: session.View,
    names: Names,
    parameter: str,
    found: R,
    edit: Callable[..., R],
    remove: Callable[..., None],
    *,
    fields: Sequence[str] | None = None,
) -> None:
    """The form of a record that is there, and a way to take it out."""
    if may(session.actor(), Operation.UPDATE, found.collection):
        saved = forms.edit(
            type(found),
            key=f"{parameter}-edit",
            current=found,
            fields=fields,
            references=names,
            save=lambda values, _submission: data.tell(
                edit, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done(parameter)
    else:
        st.info(_("You may look at this but not change it."), icon=":material/lock:")
    drawer.offer_deletion(parameter, found, remove)


def facts(of: Mapping[str, str]) -> None:
    """Small facts side by side."""
    with st.grid(2, min_column_width=150, gap="xxsmall") as cells:
        for name, fact in of.items():
            with cells.cell():
                st.markdown(f":small[:gray[{plain(name)}]]  \n{plain(fact)}")


def go_to(parameter: str, wanted: str, *, leaving: str) -> None:
    """From one drawer into another."""
    drawer.close(leaving)
    drawer.open_at(parameter, wanted)
    st.rerun()


def _organization(view: session.View, names: Names, one: Organization) -> None:
    today = view.now.date()
    standing = next((each for each in review(view).standings if each.organization.id == one.id), None)
    facts(_facts(one, standing, names, today))
    if one.remark:
        st.markdown(plain(one.remark))
    companies.whom_to_call(one)
    if one.kind in COMPANIES:
        navigation.link("facilities", _("Its work orders"), part="companies", of=one.id, show="all")
    _history(view, names, one)
    minutes.decided(view, one.id)
    with st.container(horizontal=True, gap="small"):
        if may(session.actor(), Operation.CREATE, Engagement.collection):
            if st.button(_("Enter who took part"), icon=":material/how_to_reg:", key=f"part-{one.id}"):
                go_to(ENGAGEMENT, f"{drawer.NEW}.{one.id}", leaving=ORGANIZATION)
            if st.button(_("Note a contact"), icon=":material/call:", key=f"contacted-{one.id}"):
                go_to(ENGAGEMENT, f"{drawer.NEW}.{one.id}.{Way.CONTACT.value}", leaving=ORGANIZATION)
        if may(session.actor(), Operation.CREATE, Resource.collection) and st.button(
            _("Enter a resource"), icon=":material/add:", key=f"offer-{one.id}"
        ):
            go_to(RESOURCE, f"{drawer.NEW}.{one.id}", leaving=ORGANIZATION)
    with st.expander(_("Change the entry")):
        change(
            view, names, ORGANIZATION, one, organizations.edit_organization, organizations.remove_organization,
            fields=None if one.kind in COMPANIES else FIELDS,
        )  # fmt: skip


def _facts(one: Organization, standing: Standing | None, names: Names, today: date) -> Mapping[str, str]:
    agreed = " – ".join(
        i18n.whole(i18n.date(day)) if day else MISSING for day in (one.agreement_from, one.agreement_until)
    )
    told = {
        _("Kind"): say(one.kind.label),
        _("Grid"): names["grids"].get(one.grid_id or "", MISSING),
        _("Liaison"): names["people"].get(one.liaison_id or "", MISSING),
        _("Staff here"): number(one.staff),
        _("Agreement"): agreed if one.agreement_from or one.agreement_until else _("none"),
    }
    if one.agreement_file:
        told[_("Agreement's file")] = one.agreement_file
    if one.address:
        told[_("Address")] = one.address
    if standing is not None:
        day = standing.last_part
        told[_("Last took part")] = _("never") if day is None else i18n.ago(day, today)
        told[_("Last contact")] = i18n.date(standing.last_contact) if standing.last_contact else _("never")
    return told


def _history(view: session.View, names: Names, one: Organization) -> None:
    """What it offers, needs, has to do and did."""
    today = view.now.date()
    offered = data.ask(organizations.resources, view.community_id, organization_id=one.id)
    wanted = data.ask(organizations.needs, view.community_id, organization_id=one.id)
    tasks = data.ask(tasks_of, view.community_id, one.id)
    did = data.ask(organizations.engagements, view.community_id, organization_id=one.id)
    owed = [task for task in tasks if task.done_on is None and task.project_id in names["projects"]]
    offers = [
        f":material/volunteer_activism: {plain(_('{group}: {items}', group=_('Offers'), items=each.what))}"
        for each in offered
    ]
    needs = [
        f":material/front_hand: {plain(_('{group}: {items}', group=_('Needs'), items=each.what))}"
        f" · {plain(say(each.state.label))}"
        for each in wanted
        if each.state is not NeedState.WITHDRAWN
    ]
    duties = [_owed(task, names, today) for task in owed]
    past = [f":small[{plain(i18n.date(each.on))} · {plain(say(each.way.label))} · {plain(each.what)}]" for each in did]
    for lines in (offers, needs, duties, past):
        for line in lines[:LINES]:
            st.markdown(line)
        tables.first_of(LINES, len(lines))


def _owed(task: ProjectTask, names: Names, today: date) -> str:
    """A task that is not done, of a project that is not over."""
    late = task.days_late(today)
    when = _("overdue {days}", days=i18n.days_badge(late)) if late else percent(task.progress / 100)
    said = _("{group}: {items}", group=names["projects"][task.project_id], items=task.name)
    return f":material/task_alt: {plain(said)} · {plain(when)}"


def _engagement(view: session.View, names: Names, one: Engagement) -> None:
    facts(
        {
            _("Organisation"): names["everybody"].get(one.organization_id, MISSING),
            _("On day"): i18n.date(one.on),
            _("How it took part"): say(one.way.label),
            _("How many came"): number(one.people),
        }
    )
    change(view, names, ENGAGEMENT, one, organizations.edit_engagement, organizations.remove_engagement)


def _resource(view: session.View, names: Names, one: Resource) -> None:
    much = f"{number(one.quantity)} {one.unit or ''}" if one.quantity is not None else MISSING
    facts(
        {
            _("Organisation"): names["everybody"].get(one.organization_id, MISSING),
            _("Kind"): say(one.kind.label),
            _("Quantity"): much,
            _("When available"): one.available or MISSING,
            _("Offered from"): i18n.date(one.since) if one.since else MISSING,
            _("Offered until"): i18n.date(one.until) if one.until else MISSING,
        }
    )
    if one.conditions:
        st.markdown(plain(_("{group}: {items}", group=_("Conditions"), items=one.conditions)))
    change(view, names, RESOURCE, one, organizations.edit_resource, organizations.remove_resource)
