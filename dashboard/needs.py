"""The part Needs and resources of the page of local organisations: what waits for somebody, what is offered of its
kind, and a need's drawer, in which the two are matched."""

from collections.abc import Callable
from datetime import date
from typing import Any

import streamlit as st

from dashboard import cards, charts, data, drawer, forms, i18n, navigation, session, stationed
from dashboard.i18n import MISSING, _, days_badge, n_, number, plain, say
from dashboard.stationed import Names
from repository import organizations
from repository.access import Operation, may
from repository.organizations import (
    FITTED,
    NEED_FIELDS,
    Need,
    NeedState,
    OrganizationReview,
    Suggestion,
    Waiting,
)
from repository.projects import Project, link_need

NEED = "need"  # of the URL: the need whose drawer is open
COLOURS = {NeedState.OPEN: "red", NeedState.MATCHED: "blue", NeedState.MET: "green", NeedState.WITHDRAWN: "gray"}
FORM = ("what", "kind", "organization_id", "grid_id", "quantity", "unit", "listed_on", "due_on", "detail")


def render(view: session.View, names: Names) -> None:
    """Needs against resources by kind, what waits for somebody, the register of needs."""
    today = view.now.date()
    found = stationed.review(view)
    rows, total = data.ask(organizations.waiting, view.community_id, on=today, grids=view.grids)
    everything = data.ask_as_seen(organizations.needs, view.community_id, grids=view.grids)
    if not everything:
        _begin()
        return
    stationed.tiles(found)
    _by_kind(found, rows)
    _waiting(rows, total, names)
    _register(everything, names)


def _begin() -> None:
    enters = may(session.actor(), Operation.CREATE, Need.collection)
    pressed = cards.empty(
        _("No needs are listed yet"),
        _("List what residents, the community or an organisation need; what fits of the resources is suggested."),
        *([(_("List a need"), ":material/add:")] if enters else []),
        (_("Import a sheet"), ":material/upload_file:"),
        key="needs",
    )
    if pressed is not None:
        if enters and pressed == 0:
            drawer.open_at(NEED)
            st.rerun()
        navigation.go("data", record=Need.collection)


def _by_kind(found: OrganizationReview, rows: tuple[Waiting, ...]) -> None:
    look = cards.look()
    kinds = found.balance
    words = (_("Unmatched"), _("Matched"), _("Met in the period"))
    figure = charts.stacked(
        [say(each.kind.label) for each in kinds],
        [
            (words[0], [each.unmatched for each in kinds], look.red),
            (words[1], [each.matched for each in kinds], look.main),
            (words[2], [each.met for each in kinds], look.pale),
        ],
        [n_("{n} offered", "{n} offered", each.resources) for each in kinds],
        look=look,
    )
    cards.chart(
        _finding(found, rows),
        _("Needs by kind; beside them how many resources of the kind can be had today"),
        figure,
        [
            {
                _("Kind"): say(each.kind.label),
                words[0]: each.unmatched,
                words[1]: each.matched,
                words[2]: each.met,
                _("Resources"): each.resources,
            }
            for each in kinds
        ],
        key="by-kind",
    )


def _finding(found: OrganizationReview, rows: tuple[Waiting, ...]) -> str:
    bare = [each for each in found.balance if each.unmatched and not each.resources]
    worst = max(bare, key=lambda each: each.unmatched, default=None)
    if worst is not None:
        return n_(
            "{kind}: {n} need is unmatched, and nobody offers any",
            "{kind}: {n} needs are unmatched, and nobody offers any",
            worst.unmatched,
            kind=say(worst.kind.label),
        )
    if rows:
        return _("Something is offered for every kind of need; what waits has to be matched")
    return _("Every need on the list is matched")


def _waiting(rows: tuple[Waiting, ...], total: int, names: Names) -> None:
    late = sum(each.late > 0 for each in rows)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = n_("{n} need waits for somebody", "{n} needs wait for somebody", total)
        st.header(
            heading
            + (_(", the longest for {days}", days=i18n.days(rows[0].days)) if rows and rows[0].days > 0 else ""),
            anchor=False,
            width="content",
        )
        st.space("stretch")
        if may(session.actor(), Operation.CREATE, Need.collection) and st.button(
            _("List a need"), icon=":material/add:", type="primary", key="do_need", width="content"
        ):
            drawer.open_at(NEED)
    if not rows:
        return
    if late:
        st.caption(n_("{n} is past the day it was needed.", "{n} are past the day they were needed.", late))
    if len(rows) > FITTED:
        st.caption(
            _("What fits best stands here for the first {n}; of another it is told when it is opened.", n=FITTED)
        )
    by_id = {each.need.id: each for each in rows}
    days, fits, whose = _("Days waiting"), _("Fits best"), _("Whose need")
    drawer.register(
        NEED,
        Need,
        [each.need for each in rows],
        key="waiting",
        columns=["what", days, fits, "kind", whose, "due_on"],
        names=names,
        more={
            days: lambda need: by_id[need.id].days,
            fits: lambda need: _best(by_id[need.id], names),
            whose: lambda need: whose_need(need, names),
        },
        late=days,
        total=number(total) if total > len(rows) else None,
    )


def _best(each: Waiting, names: Names) -> str | None:
    if not each.suggestions:
        return None
    first = each.suggestions[0].resource
    return f"{names['everybody'].get(first.organization_id, '')} · {first.what}"


def whose_need(need: Need, names: Names) -> str:
    """Who needs it: the organisation, or the grid's residents, or the community."""
    if need.organization_id is not None:
        return names["everybody"].get(need.organization_id, MISSING)
    return names["grids"].get(need.grid_id or "", _("whole community"))


def _register(everything: list[Need], names: Names) -> None:
    words = {"": _("All needs"), **{str(each): say(each.label) for each in NeedState}}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.empty()
        st.space("stretch")
        which = st.selectbox(
            _("State"),
            list(words),
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width=170,
            **session.in_url("state", words),
        )
    rows = [each for each in everything if not which or each.state == which]
    heading.header(n_("{n} need on record", "{n} needs on record", len(rows)), anchor=False, width="content")
    drawer.register(
        NEED,
        Need,
        rows,
        key="needs",
        columns=["what", "state", "kind", "organization_id", "grid_id", "listed_on", "helper_id", "matched_on",
                 "met_on", "project_id"],
        names={**names, "organizations": names["everybody"], "projects": names["every_project"]},
        total=stationed.more_than(everything),
    )  # fmt: skip


# --- the drawer
def open_drawer(view: session.View, names: Names) -> bool:
    """Draw the need that is open; whether one is."""
    wanted = drawer.opened(NEED)
    if wanted is None:
        return False
    if wanted == drawer.NEW:
        stationed.enter(
            view, names, NEED, Need, organizations.add_need, _("List a need"),
            fields=FORM, defaults={"listed_on": view.now.date(), "grid_id": view.grid_id},
        )  # fmt: skip
        return True
    found, suggested = data.ask(organizations.need, view.community_id, wanted, on=view.now.date())
    drawer.show(NEED, plain(found.what), lambda: _one(view, names, found, suggested))
    return True


def _one(view: session.View, names: Names, found: Need, suggested: tuple[Suggestion, ...]) -> None:
    today = view.now.date()
    late = found.days_late(today)
    badges = [f":{COLOURS[found.state]}-badge[{plain(say(found.state.label))}]"]
    if found.state is NeedState.OPEN:
        badges.append(f":gray-badge[{plain(_('waiting {days}', days=days_badge(found.days_open(today))))}]")
    if late:
        badges.append(f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=days_badge(late)))}]")
    st.markdown(" ".join(badges))
    stationed.facts(_facts(found, names))
    if found.detail:
        st.markdown(plain(found.detail))
    if found.project_id is not None and st.button(
        plain(names["every_project"].get(found.project_id, _("Project"))),
        icon=":material/flag:",
        key=f"need-project-{found.id}",
    ):
        stationed.go_to("project", found.project_id, leaving=NEED)
    if may(session.actor(), Operation.UPDATE, Need.collection):
        _steps(names, found, suggested, today)
        with st.expander(_("Change the entry")):
            saved = forms.edit(
                Need,
                key="need-edit",
                fields=[name for name in FORM if name in NEED_FIELDS],
                current=found,
                references=names,
                save=lambda values, _submission: data.tell(
                    organizations.edit_need, view.community_id, found.id, values.revision, values, done=_("Saved.")
                ),
            )
            if saved is not None:
                drawer.done()
    drawer.offer_deletion(NEED, found, organizations.remove_need)
    for event in reversed(found.events):
        said = (i18n.datetime_(event.at, session.zone()), say(event.step.label), event.by, event.note)
        st.markdown(f":small[{plain(' · '.join(filter(None, said)))}]")


def _facts(found: Need, names: Names) -> dict[str, str]:
    much = f"{number(found.quantity)} {found.unit or ''}" if found.quantity is not None else MISSING
    told = {
        _("Kind"): say(found.kind.label),
        _("Whose need"): whose_need(found, names),
        _("Quantity"): much,
        _("Needed by"): i18n.date(found.due_on) if found.due_on else MISSING,
    }
    if found.helper_id is not None:
        told[_("Matched with")] = names["everybody"].get(found.helper_id, MISSING)
        told[_("Matched on")] = i18n.date(found.matched_on)
    return told


def _steps(names: Names, found: Need, suggested: tuple[Suggestion, ...], today: date) -> None:
    if found.state is NeedState.OPEN:
        _match(names, found, suggested)
    note = st.text_input(_("Remark"), max_chars=300, key=f"need-note-{found.id}-{found.state}", **session.STAGED)
    said, on = note or None, today
    if found.state is NeedState.MATCHED:  # it may be noted later than it was
        on = forms.day(_("Met on"), today, key=f"met-on-{found.id}", width=170)
    with st.container(horizontal=True, gap="small", key="thumb_need"):
        if found.state is NeedState.MATCHED:
            if st.button(_("It is met"), type="primary", key="do_meet", icon=":material/task_alt:"):
                _tell(found, organizations.meet_need, _("Met; the organisation has taken part."), note=said, on=on)
            if st.button(_("The match fell through"), key="unmatch", icon=":material/link_off:"):
                _tell(found, organizations.unmatch_need, _("It waits on the list again."), note=said)
        if found.state in (NeedState.OPEN, NeedState.MATCHED):
            if st.button(_("No longer needed"), key="withdraw", icon=":material/cancel:"):
                _tell(found, organizations.withdraw_need, _("Withdrawn."), note=said)
        elif st.button(_("List it again"), key="reopen", icon=":material/replay:"):
            _tell(found, organizations.reopen_need, _("It waits on the list again."), note=said)
    if found.state in (NeedState.MATCHED, NeedState.MET):
        _leads_to(names, found)


def _match(names: Names, found: Need, suggested: tuple[Suggestion, ...]) -> None:
    st.markdown(f"**{plain(_('What fits'))}**")
    if not suggested:
        st.caption(_("Nothing on the list of resources fits. Ask an organisation, and choose it here."))
    for one in suggested:
        who = names["everybody"].get(one.resource.organization_id, MISSING)
        why = " · ".join(say(reason.label) for reason in one.reasons)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"fits-{one.resource.id}"):
            st.markdown(f"{plain(one.resource.what)} · {plain(who)}  \n:small[:gray[{plain(why)}]]", width="stretch")
            if st.button(_("Match"), key=f"match-{one.resource.id}", icon=":material/handshake:"):
                _tell(found, organizations.match_need, _("Matched."), resource_id=one.resource.id)
    others = forms.told_apart({id: name for id, name in names["organizations"].items() if id != found.organization_id})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        helper = st.selectbox(
            _("Another organisation"),
            list(others),
            index=None,
            format_func=others.__getitem__,
            placeholder=_("Choose"),
            key=f"helper-{found.id}",
            width=260,
        )
        if st.button(_("Match"), key="match-helper", icon=":material/handshake:", disabled=helper is None):
            _tell(found, organizations.match_need, _("Matched."), helper_id=helper)


def _leads_to(names: Names, found: Need) -> None:
    """A project of its own, one that is there, or an activity; and the way back from a wrong one."""
    if found.project_id is not None:
        if st.button(_("Not this project"), key="unlink-project", type="tertiary", icon=":material/link_off:"):
            _tell(found, link_need, _("Saved."), project_id=None)
    elif may(session.actor(), Operation.CREATE, Project.collection):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            if st.button(_("Make it a project"), icon=":material/flag:", key="need-to-project"):
                stationed.go_to("project", f"{drawer.NEW}.{found.id}", leaving=NEED)
            running = forms.told_apart(names["projects"])
            chosen = st.selectbox(
                _("Or add it to a project"),
                list(running),
                index=None,
                format_func=running.__getitem__,
                placeholder=_("Choose"),
                key=f"link-{found.id}",
                width=240,
            )
            if chosen and st.button(_("Add"), key="link-project"):
                _tell(found, link_need, _("Saved."), project_id=chosen)
    held = names.get("activities", {})
    if found.activity_id is not None:
        st.markdown(plain(_("Led to: {name}", name=held.get(found.activity_id, _("an activity")))))
        if st.button(_("Not this activity"), key="unlink-activity", type="tertiary", icon=":material/link_off:"):
            _tell(found, organizations.lead_to, _("Saved."), activity_id=None)
    elif held:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            activity = st.selectbox(
                _("Led to an activity"),
                list(held),
                index=None,
                format_func=held.__getitem__,
                placeholder=_("Choose"),
                key=f"led-{found.id}",
                width=300,
            )
            if activity and st.button(_("Save"), key="lead-to"):
                _tell(found, organizations.lead_to, _("Saved."), activity_id=activity)


def _tell(found: Need, command: Callable[..., Any], done: str, **facts: Any) -> None:
    drawer.act(lambda: data.tell(command, found.community_id, found.id, found.revision, done=done, **facts))
