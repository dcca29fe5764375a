"""The part Succession of the Staff page: which key posts somebody could take over, which nobody could, and the drawer
in which a successor is named."""

from collections.abc import Mapping
from datetime import date

import streamlit as st

from dashboard import cards, data, drawer, forms, session, tables
from dashboard.i18n import MISSING, _, listed, n_, number, plain, say
from repository import staff
from repository.access import Operation, may
from repository.grids import Tier
from repository.metrics import State
from repository.staff import LONG_YEARS, KeyPost, Readiness, StaffSuccessor, SuccessionReview

Names = Mapping[str, Mapping[str, str]]
SUCCESSOR = "successor"  # of the URL: who could take over, in the drawer
MARKS = {
    Readiness.NOW: ":green[:material/check_circle: **{}**]",
    Readiness.SOON: ":orange[:material/schedule: {}]",
    Readiness.LATER: ":gray[:material/school: {}]",
}
ACROSS = 8  # successors beside each other in the table


def show(view: session.View, names: Names, on: date) -> None:
    """The tile, posts against people, and everybody who is named."""
    found = data.ask(staff.succession, view.community_id, on=on)
    if not found.posts:
        cards.empty(
            _("No key posts yet"),
            _("Grid directors and safety assistants are entered on the page Grids, under Posts."),
            key="succession",
        )
        return
    _head(found, names)
    _table(found, names)
    rows = [one for each in found.posts for one in each.successors]
    if rows:
        st.header(plain(_named(len(found.named), len(rows))), anchor=False)
        posts = {each.post.id: post_name(each.post.tier, each.post.grid_id, names) for each in found.posts}
        drawer.register(
            SUCCESSOR,
            StaffSuccessor,
            rows,
            key="successors",
            columns=["post_id", "person_id", "readiness", "note"],
            names={**names, "posts": posts},
        )


def _named(people: int, rows: int) -> str:
    """How many people the register names, and in how many entries where one could take several posts."""
    said = n_("{n} successor is named", "{n} successors are named", people)
    return said if people == rows else _("{people}, in {n} entries", people=said, n=number(rows))


def _head(found: SuccessionReview, names: Names) -> None:
    bare, risky = len(found.bare), sum(each.at_risk for each in found.posts)
    if not bare:
        finding = _("Somebody is ready for each of the {all} key posts", all=len(found.posts))
    elif risky:
        finding = n_(
            "Nobody is ready for {n} of {all} key posts; {risky} of them at risk",
            "Nobody is ready for {n} of {all} key posts; {risky} of them at risk",
            bare,
            all=len(found.posts),
            risky=number(risky),
        )
    else:
        finding = _("Nobody is ready for {n} of {all} key posts", n=bare, all=len(found.posts))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(plain(finding), anchor=False, width="content")
        st.space("stretch")
        rows = [
            {
                _("Post"): post_name(each.post.tier, each.post.grid_id, names),
                _("Holder"): names["people"].get(each.holder_id or "", None if each.holder_id is None else MISSING),
                _("Risk"): listed(_risks(each)) or None,
                _("Successors"): listed(
                    f"{names['people'].get(one.person_id, MISSING)} ({say(one.readiness.label)})"
                    for one in each.successors
                )
                or None,
            }
            for each in found.posts
        ]
        tables.download(
            rows,
            name="succession",
            title=_("Succession"),
            key="succession",
            of=(StaffSuccessor.collection, session.view().community_id),
        )
        if may(session.actor(), Operation.CREATE, StaffSuccessor.collection) and st.button(
            _("Name a successor"), icon=":material/person_add:", type="primary", key="do_successor", width="content"
        ):
            drawer.open_at(SUCCESSOR)
    several = [names["people"].get(id, MISSING) for id in found.holding_several]
    said = _(
        "At risk: nobody is ready, and the post is empty, or its holder is 55 or older, has served {n} years, or has "
        "other posts too",
        n=LONG_YEARS,
    )
    if several:
        said += " · " + _("holding several posts: {people}", people=listed(several))
    st.caption(plain(said))


def _table(found: SuccessionReview, names: Names) -> None:
    """Posts against people on a desktop; on a phone one card a post."""
    across = found.named[:ACROSS]
    table: dict[str, list[str]] = {
        _("Post"): [plain(post_name(each.post.tier, each.post.grid_id, names)) for each in found.posts],
        _("Holder"): [_holder(each, names) for each in found.posts],
        _("Risk"): [_state(each) for each in found.posts],
    }
    for id in across:
        table[plain(names["people"].get(id, MISSING))] = [_cell(each, id) for each in found.posts]
    with st.container(key="wide_succession"):
        cards.side_by_side(table)
        if len(found.named) > ACROSS:
            st.caption(_("The first {n} of {m}.", n=ACROSS, m=len(found.named)))
    with st.container(key="narrow_succession", gap="xsmall"):
        for each in found.posts:
            with st.container(border=True, gap="xxsmall"):
                name = plain(post_name(each.post.tier, each.post.grid_id, names))
                st.markdown(f"**{name}** · {_holder(each, names)}")
                st.markdown(_state(each))
                for one in each.successors:
                    who = plain(names["people"].get(one.person_id, MISSING))
                    st.markdown(f"{who} {MARKS[one.readiness].format(plain(say(one.readiness.label)))}")


def _holder(each: KeyPost, names: Names) -> str:
    return plain(names["people"].get(each.holder_id or "", MISSING))  # that it is vacant is said as its risk


def _risks(each: KeyPost) -> list[str]:
    said = []
    if each.holder_id is None:
        said.append(_("vacant"))
    if each.near_leaving:
        said.append(_("55 or older"))
    if each.long_service:
        said.append(_("{n} years of service or more", n=LONG_YEARS))
    if each.holds > 1:
        said.append(_("holds {n} posts", n=each.holds))
    return said


def _state(each: KeyPost) -> str:
    risks = listed(_risks(each))
    if each.at_risk:
        return cards.mark(State.OFF_TARGET, risks)
    if not each.prepared:
        return cards.mark(State.NEAR, _("nobody ready"))
    return plain(risks) if risks else ""


def _cell(each: KeyPost, person: str) -> str:
    one = next((one for one in each.successors if one.person_id == person), None)
    return "" if one is None else MARKS[one.readiness].format(plain(say(one.readiness.label)))


def post_name(tier: Tier, grid_id: str | None, names: Names) -> str:
    """How a post is called: its grid, and what it is."""
    where = names["grids"].get(grid_id or "", _("whole community"))
    return f"{where} · {say(tier.label)}"


# --- the drawer
def open_drawer(view: session.View, names: Names) -> bool:
    """Draw what is open; whether anything is."""
    if not (wanted := drawer.opened(SUCCESSOR)):
        return False
    found = data.ask(staff.succession, view.community_id, on=view.now.date())
    posts = {each.post.id: post_name(each.post.tier, each.post.grid_id, names) for each in found.posts}
    there = data.ask(staff.members, view.community_id)
    today = view.now.date()
    people = {each.person_id: names["people"].get(each.person_id, MISSING) for each in there if each.serves_on(today)}
    picks = {**names, "posts": posts, "people": people}
    if wanted == drawer.NEW:
        if may(session.actor(), Operation.CREATE, StaffSuccessor.collection):
            drawer.show(SUCCESSOR, _("Name a successor"), lambda: _new(view, picks))
        return True
    named = next((one for each in found.posts for one in each.successors if one.id == wanted), None)
    if named is None:
        st.warning(_("This record is not there any more, or not in your charge."), icon=":material/search_off:")
        drawer.close(SUCCESSOR)
        return True
    title = names["people"].get(named.person_id, MISSING)
    drawer.show(SUCCESSOR, plain(title), lambda: _one(view, picks, named))
    return True


def _new(view: session.View, picks: Names) -> None:
    if not picks["people"]:
        st.info(_("Successors are members of the staff: enter those first."), icon=":material/info:")
    made = forms.edit(
        StaffSuccessor,
        key="successor-new",
        references=picks,
        save=lambda values, submission: data.tell(
            staff.add_successor, view.community_id, values, key=submission, done=_("The entry is saved.")
        ),
    )
    if made is not None:
        drawer.done(SUCCESSOR)


def _one(view: session.View, picks: Names, named: StaffSuccessor) -> None:
    saved = forms.edit(
        StaffSuccessor,
        key="successor-edit",
        current=named,
        references=picks,
        save=lambda values, _submission: data.tell(
            staff.edit_successor, view.community_id, named.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(SUCCESSOR)
    drawer.offer_deletion(
        SUCCESSOR, named, staff.remove_successor, why=_("When they are no successor of that post any more.")
    )
