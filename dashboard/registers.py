"""The registers of the Grids page (grids, posts, people) and the community's settings, each with its drawer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from dashboard import data, drawer, forms, promises, session
from dashboard.i18n import MISSING, _, number, plain, say
from repository import grids, people
from repository.access import Actor, Operation, may
from repository.facilities import SERVICE_LIFE_YEARS, Category, FacilityKind
from repository.grids import Community, Grid, Population, Post, ServiceLife, Tier, Vacancy
from repository.people import AgeBand, Person, Sex
from repository.record import Record
from repository.store import Store

Names = Mapping[str, Mapping[str, str]]
GRID, POST, PERSON, SETTINGS = "edit_grid", "post", "person", "settings"
"""URL parameters: what is open in the drawer."""
R = TypeVar("R", bound=Record)


def show(view: session.View, names: Names, there: Sequence[Grid]) -> None:
    """One register at a time, chosen in the URL: that of the grids that are ``there``, of posts, of people."""
    words = {"grids": _("Grids"), "posts": _("Posts"), "people": _("People")}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(_("Registers"), anchor=False, width="content")
        chosen = st.segmented_control(
            _("Register"),
            list(words),
            required=True,
            format_func=words.__getitem__,
            label_visibility="collapsed",
            **session.in_url("list", words, "grids"),
        )
        st.space("stretch")
        if may(session.actor(), Operation.UPDATE, Community.collection) and st.button(
            _("Settings"), icon=":material/settings:", key="settings", width="content"
        ):
            drawer.open_at(SETTINGS, "community")
        _add(chosen)
    if chosen == "posts":
        found = data.ask_as_seen(grids.posts, view.community_id)
        drawer.register(POST, Post, found, key="posts", names=names)
    elif chosen == "people":
        found_people = data.ask_as_seen(people.people, view.community_id)
        drawer.register(PERSON, Person, found_people, key="people", names=names)
    else:
        drawer.register(GRID, Grid, there, key="grids", names=names)


def _add(chosen: str) -> None:
    kinds = {
        "grids": (GRID, Grid, _("Enter a grid")),
        "posts": (POST, Post, _("Enter a post")),
        "people": (PERSON, Person, _("Enter a person")),
    }
    parameter, record, label = kinds[chosen]
    if may(session.actor(), Operation.CREATE, record.collection) and st.button(
        plain(label), icon=":material/add:", type="primary", key=f"do_add_{chosen}", width="content"
    ):
        drawer.open_at(parameter)


def fill(vacancy: Vacancy) -> None:
    """Open the post that stands vacant, or the form of one that is not registered yet."""
    drawer.open_at(POST, vacancy.post_id or f"{drawer.NEW}.{vacancy.tier}.{vacancy.grid_id or ''}")


# --- the drawer
def open_drawer(view: session.View, names: Names) -> None:
    """Draw what is open. Call it last."""
    if wanted := drawer.opened(GRID):
        _drawer_of(view, names, GRID, wanted, Grid, grids.grids, grids.add_grid, grids.edit_grid, grids.remove_grid)
    elif wanted := drawer.opened(POST):
        _drawer_of(view, names, POST, wanted, Post, grids.posts, grids.add_post, grids.edit_post, grids.remove_post)
    elif wanted := drawer.opened(PERSON):
        _drawer_of(
            view, names, PERSON, wanted, Person, people.people, people.add_person, people.edit_person,
            people.remove_person,
        )  # fmt: skip
    elif drawer.opened(SETTINGS) and may(session.actor(), Operation.UPDATE, Community.collection):
        drawer.show(SETTINGS, _("Settings of the community"), lambda: _settings(view))


def _drawer_of(
    view: session.View,
    names: Names,
    parameter: str,
    wanted: str,
    record: type[R],
    read: Callable[[Store, Actor, str], list[R]],
    add: Callable[..., R],
    edit: Callable[..., R],
    remove: Callable[..., None],
) -> None:
    if wanted.split(".", maxsplit=1)[0] == drawer.NEW:
        if may(session.actor(), Operation.CREATE, record.collection):
            drawer.show(parameter, _("New entry"), lambda: _new(view, names, parameter, wanted, record, add))
        return
    found = next((each for each in data.ask(read, view.community_id) if each.id == wanted), None)
    if found is None:
        st.warning(_("This record is not there any more, or not in your charge."), icon=":material/search_off:")
        drawer.close(parameter)
        return
    title = say(found.tier.label) if isinstance(found, Post) else found.name_text
    drawer.show(parameter, plain(title), lambda: _one(view, names, parameter, found, edit, remove))


def _new(view: session.View, names: Names, parameter: str, wanted: str, record: type[R], add: Callable[..., R]) -> None:
    defaults: dict[str, Any] = {}
    if record is Post and wanted.count(".") >= 2:
        _word, tier, grid = wanted.split(".", 2)
        defaults = {
            "tier": Tier(tier) if tier in set(Tier) else None,
            "grid_id": grid if grid in names["grids"] else None,
        }
        defaults["since"] = view.now.date()
    if record is Grid and not names["people"]:
        st.info(_("Every grid has exactly one responsible person: enter people first."), icon=":material/info:")
    made = forms.edit(
        record,
        key=f"{parameter}-new",
        references=names,
        defaults=defaults,
        save=lambda values, submission: data.tell(
            add, view.community_id, values, key=submission, done=_("The entry is saved.")
        ),
    )
    if made is not None:
        drawer.done(parameter)


def _one(
    view: session.View,
    names: Names,
    parameter: str,
    found: R,
    edit: Callable[..., R],
    remove: Callable[..., None],
) -> None:
    if not may(session.actor(), Operation.UPDATE, found.collection):
        st.info(_("You may look at this but not change it."), icon=":material/lock:")
    if isinstance(found, Post):
        _post(view, names, found)
    if not may(session.actor(), Operation.UPDATE, found.collection):
        return
    place = st.expander(_("Correct the entry")) if isinstance(found, Post) else st.container()
    with place:
        _edit(view, names, parameter, found, edit)
    drawer.offer_deletion(parameter, found, remove)


def _edit(view: session.View, names: Names, parameter: str, found: R, edit: Callable[..., R]) -> None:
    saved = forms.edit(
        type(found),
        key=f"{parameter}-edit",
        current=found,
        references=names,
        save=lambda values, _submission: data.tell(
            edit, view.community_id, found.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(parameter)


def _post(view: session.View, names: Names, found: Post) -> None:
    """Appointing and vacating: what happens to a post most often."""
    today = view.now.date()
    holder = found.holder_on(today)
    where = names["grids"].get(found.grid_id or "", _("whole community"))
    if holder:
        name = names["people"].get(holder, holder)
        since = _("since {day}", day=found.since.isoformat()) if found.since else ""
        st.markdown(plain(" · ".join(part for part in (where, name, since) if part)))
    else:
        since_day = found.vacant_since(today)
        since = _("since {day}", day=since_day.isoformat()) if since_day else ""
        st.markdown(f"{plain(where)} · :red[:material/dangerous: **{_('vacant')}** {plain(since)}]")
    for past in reversed(found.history):
        name = names["people"].get(past.holder_id, MISSING)
        first = past.since.isoformat() if past.since else _("a day nobody noted")
        said = _("{name}: {first} to {last}", name=name, first=first, last=past.until.isoformat())
        st.markdown(f":small[:gray[{plain(said)}]]")
    if not may(session.actor(), Operation.UPDATE, Post.collection):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if holder:
            last = forms.day(_("Last day"), today, key=f"last-{found.id}", width=160)
            if st.button(_("The holder leaves"), icon=":material/logout:", key="vacate"):
                _tell(view, found, grids.vacate, _("The post is vacant."), on=last)
        else:
            people = forms.told_apart(names["people"])
            chosen = st.selectbox(
                _("New holder"),
                list(people),
                index=None,
                format_func=people.__getitem__,
                key=f"holder-{found.id}",
                placeholder=_("Choose"),
                width=200,
            )
            first = forms.day(_("From"), today, key=f"from-{found.id}", width=160)
            if st.button(
                _("Appoint"), icon=":material/person_add:", type="primary", key="do_appoint", disabled=not chosen
            ):
                _tell(view, found, grids.appoint, _("Appointed."), holder_id=chosen, since=first)
    st.space("small")


def _tell(view: session.View, found: Record, command: Callable[..., Any], done: str, **facts: Any) -> None:
    drawer.act(lambda: data.tell(command, view.community_id, found.id, found.revision, done=done, **facts), close=POST)


# --- the community
def _settings(view: session.View) -> None:
    found = data.ask(grids.community, view.community_id)
    saved = forms.edit(
        Community,
        key="settings",
        current=found,
        save=lambda values, _submission: data.tell(
            grids.edit_community, view.community_id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(SETTINGS)
    people, lives, times = st.tabs([_("Residents by age and sex"), _("Service life"), _("Promised times")])
    with people:
        _population(view, found)
    with lives:
        _service_lives(view, found)
    with times:
        promises.settings(view, found)


def _population(view: session.View, found: Community) -> None:
    """The figures participation is measured against."""
    mine = drawer.draft("population", found, "population")
    held = {(row.age_band, row.sex): row.count for row in mine.opened.population}
    female, male = say(Sex.FEMALE.label), say(Sex.MALE.label)
    table = pd.DataFrame(
        {
            _("Age"): [say(band.label) for band in AgeBand],
            female: [held.get((band, Sex.FEMALE)) for band in AgeBand],
            male: [held.get((band, Sex.MALE)) for band in AgeBand],
        }
    ).astype({female: "Int64", male: "Int64"})
    count = st.column_config.NumberColumn(min_value=0, max_value=10_000_000, step=1)
    typed = st.data_editor(
        table,
        hide_index=True,
        disabled=[_("Age")],
        column_config={female: count, male: count},
        key=f"population-{mine.key}",
    )
    total = int(typed[female].fillna(0).sum() + typed[male].fillna(0).sum())
    st.caption(_("{n} in this table; the register says {m}", n=number(total), m=number(found.residents)))
    if st.button(_("Save the table"), key="save_population"):
        rows = [
            Population(age_band=band, sex=sex, count=int(typed[name].iloc[place]))
            for place, band in enumerate(AgeBand)
            for sex, name in ((Sex.FEMALE, female), (Sex.MALE, male))
            if pd.notna(typed[name].iloc[place])
        ]
        promises.save(view, "population", mine, population=tuple(rows))


def _service_lives(view: session.View, found: Community) -> None:
    """Years by category and kind, where the facility itself does not say."""
    words = {str(each): say(each.label) for each in (*Category, *FacilityKind)}
    mine = drawer.draft("service-lives", found, "service_lives")
    own = {life.of: life.years for life in mine.opened.service_lives}
    words |= {word: word for word in own if word not in words}
    usual, here = _("Usual (years)"), _("Here (years)")
    table = pd.DataFrame(
        {
            _("Category or kind"): list(words.values()),
            usual: [SERVICE_LIFE_YEARS.get(word) for word in words],
            here: [own.get(word) for word in words],
        }
    ).astype({usual: "Float64", here: "Float64"})
    typed = st.data_editor(
        table,
        hide_index=True,
        disabled=[_("Category or kind"), usual],
        column_config={here: st.column_config.NumberColumn(min_value=0.5, max_value=200, step=0.5)},
        key=f"lives-{mine.key}",
    )
    st.caption(_("A kind without years of its own follows its category; empty means the usual years."))
    if st.button(_("Save the years"), key="save_lives"):
        rows = [
            ServiceLife(of=word, years=float(typed[here].iloc[place]))
            for place, word in enumerate(words)
            if pd.notna(typed[here].iloc[place])
        ]
        promises.save(view, "service-lives", mine, service_lives=tuple(rows))
