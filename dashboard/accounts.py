"""Accounts on the page: the register, the drawer in which one is worked on, and first passwords to hand over."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import data, drawer, forms, session
from dashboard.i18n import _, datetime_, plain
from repository import accounts
from repository.accounts import User
from repository.filters import Is
from repository.grids import Grid
from repository.organizations import COMPANIES, Organization
from repository.people import Person
from repository.store import Store

OPEN = "account"
"""URL parameter: which account is open in the drawer."""
FIELDS = ("login", "name", "role", "communities", "grids", "people", "companies", "subject", "active")
COLUMNS = (
    *("login", "name", "role", "people", "companies", "communities", "grids"),
    *("subject", "active", "must_change", "last_sign_in_at"),
)

Names = Mapping[str, Mapping[str, str]]


def show(view: session.View) -> None:
    """All accounts; one of them in the drawer."""
    names = _names()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(_("Who may sign in"), anchor=False, width="content")
        st.space("stretch")
        if st.button(_("Open an account"), icon=":material/person_add:", type="primary", key="do_add_account"):
            drawer.open_at(OPEN)
    found = data.ask(accounts.users)
    if not found:
        st.info(
            _("There is no account yet. With the first one, everybody who opens this address has to sign in."),
            icon=":material/lock_open:",
        )
    else:
        drawer.register(OPEN, User, found, key="accounts", names=names, columns=COLUMNS)
    _password_once()
    wanted = drawer.opened(OPEN)
    if wanted == drawer.NEW:
        drawer.show(OPEN, _("New account"), lambda: _new(names))
    elif wanted and (user := next((each for each in found if each.id == wanted), None)) is not None:
        drawer.show(OPEN, plain(user.name), lambda: _one(view, names, user))


def _names() -> Names:
    """Communities and what an account can name of them; it bears its community's name where there are several."""
    communities = data.ask(Store.communities)
    titles = {one["_id"]: one["name"] for one in communities}
    names: dict[str, Mapping[str, str]] = {"communities": titles}
    for record, which in ((Grid, None), (Person, None), (Organization, {"kind": Is(among=sorted(COMPANIES))})):
        names[record.collection] = {
            id: name if len(titles) == 1 else f"{titles[community_id]} · {name}"
            for community_id, found in data.ask(Store.names, record, list(titles), which).items()
            for id, name in found.items()
        }
    return names


def _new(names: Names) -> None:
    password = st.session_state.setdefault("accounts.first", accounts.new_password())
    by_password = st.toggle(
        _("With a first password"),
        value=True,
        help=_(
            "It is shown once after saving. Its owner has to change it at the first sign-in, within {hours} hours.",
            hours=accounts.FIRST_HOURS,
        ),
    )

    def save(values: Any, _submission: str) -> User | None:
        return data.tell(accounts.add_user, values, password=password if by_password else None)

    made = forms.edit(User, key="account-new", save=save, fields=FIELDS, references=names)
    if made is not None:
        st.session_state.pop("accounts.first", None)
        if by_password:
            st.session_state["accounts.once"] = (made.login, password)
        drawer.done(OPEN)


def _one(view: session.View, names: Names, user: User) -> None:
    def save(values: Any, _submission: str) -> User | None:
        return data.tell(accounts.edit_user, user.id, values.revision, values, done=_("Saved."))

    if forms.edit(User, key="account", save=save, current=user, fields=FIELDS, references=names) is not None:
        drawer.done(OPEN)
    st.subheader(_("Password"), anchor=False)
    if (until := data.ask(accounts.first_passwords).get(user.id)) is not None:
        when = datetime_(until, view.zone)
        if until > view.now:
            st.caption(_("The first password holds until {until}.", until=when))
        else:
            st.caption(_("The first password held until {until}. Give a new one.", until=when))
    with st.container(horizontal=True, gap="small"):
        if st.button(_("Give a new first password"), icon=":material/key:", key="do_reset"):
            password = accounts.new_password()
            if data.tell(accounts.reset_password, user.id, password) is not None:
                st.session_state["accounts.once"] = (user.login, password)
                drawer.done(OPEN)
        with st.popover(_("Close the account"), icon=":material/person_remove:", key="account-remove"):
            st.markdown(_("What {name} did stays on record under the name.", name=plain(user.name)))
            if st.button(_("Close it for good"), type="primary", key="do_remove_account"):
                closed = _("The account is closed.")
                drawer.act(lambda: data.tell(accounts.remove_user, user.id, user.revision, done=closed), close=OPEN)
    _sign_ins(view, user)


def _sign_ins(view: session.View, user: User) -> None:
    st.subheader(_("Signed in now"), anchor=False)
    standing = [each for each in data.ask(accounts.sign_ins, user.id) if each.open]
    if not standing:
        st.caption(_("Nowhere."))
    for each in standing:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                _(
                    "since {since}, last seen {seen}, from {address}",
                    since=datetime_(each.created_at, view.zone),
                    seen=datetime_(each.seen_at, view.zone),
                    address=plain(each.address),
                )
                + f"  \n{plain(each.agent[:80])}"
            )
            pressed = st.button(_("Sign out"), key=f"do_end-{each.id[:12]}", icon=":material/logout:")
            if pressed and data.tell(accounts.end_sign_in, each.id, done=_("Signed out.")) is not None:
                drawer.done(OPEN)


def _password_once() -> None:
    """A first password, shown until it is put away."""
    once = st.session_state.get("accounts.once")
    if once is None:
        return
    login, password = once
    with st.container(border=True, key="once"):
        st.markdown(
            _(
                "First password of **{login}**. It is shown only here and now; hand it over. "
                "It holds for {hours} hours.",
                login=plain(login),
                hours=accounts.FIRST_HOURS,
            )
        )
        st.code(password, language=None)
        if st.button(_("Done"), key="do_put_away"):
            st.session_state.pop("accounts.once")
            st.rerun()
