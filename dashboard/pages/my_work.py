"""My work, on a phone with one hand: what is overdue first, then what is due today, then by priority; what is new is
marked until it is seen, and the next step is one tap away."""

import streamlit as st

from dashboard import actions, drawer, navigation, orders, session
from dashboard.data import ask, tell
from dashboard.i18n import _, n_, plain, say
from dashboard.session import View
from repository import maintenance
from repository.access import Operation, may
from repository.accounts import User
from repository.maintenance import TRANSITIONS, Priority, Status, WorkOrder, WorkRow
from repository.organizations import company_names
from repository.people import people, people_by_id
from repository.words import msg

ROWS = 15
HOLD = "hold"
"""URL parameter: the order of which it is asked what it waits for."""
WAITS_FOR = (
    msg("a spare part"),
    msg("the maker or a contractor"),
    msg("somebody to open the door"),
    msg("the weather"),
)
"""What work usually waits for: a tap each."""


def render() -> None:
    """The page."""
    view, me = session.view(), session.actor()
    if not me.sign_in and not _whose(view):
        return
    if not _is_somebody(view):
        return
    found = ask(maintenance.my_work, view.community_id, me.people, me.companies, now=view.now)
    given = actions.mine(view, me.people)
    if not found.rows and given:
        return
    if not found.rows:
        st.header(":green[:material/task_alt:] " + _("Nothing to do"), anchor=False)
        st.caption(_("What is given to you appears here, and every page says so."))
        return
    st.header(plain(orders.finding(found)), anchor=False)
    may_change = may(me, Operation.UPDATE, WorkOrder.collection)
    if not may_change:
        st.info(_("Your role may look but not change. Ask an administrator for another one."), icon=":material/lock:")
    _news(view, [row.order for row in found.rows if row.order.is_new])
    pages = -(-len(found.rows) // ROWS)
    place = st.container()
    page = st.pagination(pages, key="mine-page", max_visible_pages=5) if pages > 1 else 1
    with place, st.container(gap="small", key="thumb_mine"):
        for row in found.rows[(page - 1) * ROWS : page * ROWS]:
            _card(view, row, may_change)
    orders.open_drawer()


# --- whose
def _whose(view: View) -> bool:
    """Nobody signs in here: whoever opens the page says who they are. False where there is nobody to be yet."""
    if not any(person.active for person in ask(people, view.community_id)):
        st.markdown(":gray[" + _("Nobody is in the register of people yet, so no work can be given out.") + "]")
        navigation.link("grids", _("Enter the first person"))
        return False
    orders.ask_who(_("Whose work?"), key="mine.who")
    return True


def _is_somebody(view: View) -> bool:
    """Whether whoever looks is in the registers of this community; says what to do where they are not."""
    me = session.actor()
    if {*me.people} & ask(people_by_id, view.community_id).keys():
        return True
    if {*me.companies} & ask(company_names, view.community_id).keys():
        return True
    if not me.sign_in:
        st.caption(_("The choice stays in the address: open the page with it next time, and new work is announced."))
        return False
    st.info(
        _(
            "Your account does not say yet who you are among the people and companies of {community}, so no work can "
            "be shown as yours. An administrator chooses it under Administration, Accounts, in your account: “Is”, or "
            "“Works for”.",
            community=plain(view.community),
        ),
        icon=":material/person_search:",
    )
    if may(me, Operation.UPDATE, User.collection):
        navigation.link("admin", _("Open the accounts"), part="accounts", account=me.id)
    return False


# --- what
def _news(view: View, new: list[WorkOrder]) -> None:
    """What was given to me and not seen yet, and one tap that says it is."""
    if not new:
        return
    with st.container(border=True, gap="xsmall", key="thumb_news"):
        words = n_("{n} order is new for you", "{n} orders are new for you", len(new))
        st.markdown(f":blue[:material/notifications_active:] **{plain(words)}**")
        label = _("Seen: I know that it is mine") if len(new) == 1 else _("All seen: I know that they are mine")
        if st.button(label, icon=":material/done_all:", width="stretch", key="do_seen_all"):
            _seen(view, [order.id for order in new])


def _seen(view: View, ids: list[str]) -> None:
    if tell(maintenance.notice, view.community_id, ids) is not None:
        st.rerun()


def _card(view: View, row: WorkRow, may_change: bool) -> None:
    """One order: what, where, how soon, and what can be done at once."""
    order = row.order
    badges = [orders.when_badge(row)]
    if order.is_new:
        badges.insert(0, ":blue-badge[:material/fiber_new: " + _("New for you") + "]")
    if order.dangerous:
        badges.append(":red-badge[:material/warning: " + _("Dangerous") + "]")
    elif order.priority is Priority.URGENT:
        badges.append(f":orange-badge[:material/priority_high: {plain(say(order.priority.label))}]")
    where = " · ".join(filter(None, (row.facility, order.place, row.grid)))
    with st.container(border=True, gap="xsmall", key=f"mine_{order.id}"):
        st.markdown(f"**{plain(orders.fault_of(order))}**  \n{plain(where)}")
        st.markdown(" ".join(filter(None, badges)))
        if order.hold_reason:
            st.markdown(":material/pause_circle: " + plain(_("Waits for: {reason}", reason=order.hold_reason)))
        st.caption(plain(f"{order.number} · {say(order.status.label)}"))
        with st.container(horizontal=True, gap="xsmall"):
            if may_change:
                _steps(view, order)
            st.button(
                _("Details"),
                key=f"open-{order.id}",
                on_click=drawer.open_at,
                args=(orders.PARAMETER, order.id),
            )
        if st.query_params.get(HOLD) == order.id and Status.ON_HOLD in TRANSITIONS[order.status]:
            _hold(view, order)


# --- then
def _steps(view: View, order: WorkOrder) -> None:
    """The next step, and the one aside. The key says which: a tap on one step must never be taken for another, and a
    remark that somebody made meanwhile must not lose it."""
    to = Status.DONE if order.status is Status.IN_PROGRESS else Status.IN_PROGRESS
    label, icon = orders.STEPS[to]
    if st.button(plain(say(label)), icon=icon, type="primary", width="stretch", key=f"do_next-{order.id}-{to}"):
        _move(view, order, to)
    if Status.ON_HOLD in TRANSITIONS[order.status]:
        asked = st.query_params.get(HOLD) == order.id
        st.button(
            _("Hold"),
            icon=":material/expand_less:" if asked else ":material/pause:",
            key=f"hold-{order.id}",
            on_click=drawer.close if asked else drawer.open_at,
            args=(HOLD,) if asked else (HOLD, order.id),
        )


def _hold(view: View, order: WorkOrder) -> None:
    """What does it wait for? A tap on what it usually is, or a few words."""
    st.markdown("**" + _("What does it wait for?") + "**")
    for place, reason in enumerate(WAITS_FOR):
        if st.button(plain(say(reason)), width="stretch", key=f"wait-{order.id}-{place}"):
            _move(view, order, Status.ON_HOLD, say(reason))
    words = st.text_input(
        _("Something else"), max_chars=200, placeholder=_("In a few words"), key=f"wait-{order.id}", **session.STAGED
    )
    if st.button(_("Put on hold"), type="primary", width="stretch", key=f"do_hold-{order.id}"):
        _move(view, order, Status.ON_HOLD, words)


def _move(view: View, order: WorkOrder, to: Status, reason: str | None = None) -> None:
    def moved() -> WorkOrder | None:
        changed = tell(
            maintenance.move,
            view.community_id,
            order.id,
            order.revision,
            to,
            hold_reason=reason,
            done=_("{number}: {status}", number=order.number, status=say(to.label)),
            key=session.submission(f"order-{order.id}-{order.revision}"),
        )
        if changed is not None:
            drawer.close(HOLD)
        return changed

    drawer.act(moved)
