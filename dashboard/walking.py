"""Patrols on the Grids page: which households were visited, what was walked and what is overdue, and the drawers of a
plan and of a patrol, which is logged with a few taps."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import streamlit as st

from dashboard import cards, charts, data, drawer, forms, i18n, navigation, session
from dashboard.discretion import READ_BY_ALL, mind_numbers
from dashboard.i18n import MISSING, _, n_, number, percent, period, plain, say
from repository import patrols
from repository.access import Operation, may
from repository.hazards import Hazard, Level
from repository.maintenance import WorkOrder
from repository.metrics import State
from repository.patrols import (
    Became,
    GridPatrols,
    Patrol,
    PatrolFinding,
    PatrolKind,
    PatrolPlan,
    PatrolReview,
    PatrolStory,
    PlanState,
)
from repository.requests import Request

Names = Mapping[str, Mapping[str, str]]
PATROL, PLAN = "patrol", "patrol_plan"
"""URL parameters: what is open in the drawer."""
PART = "patrols"


def render(view: session.View) -> None:
    """Three tiles, the households visited beside the plans, the patrols of the period."""
    found = data.ask(patrols.patrol_review, view.community_id, view.period, view.grids, today=view.now.date())
    names = {
        "grids": found.places,
        "people": found.people,
        "patrol_plans": {each.plan.id: each.plan.name for each in found.plans},
    }
    if not found.plans and not found.lately:
        _begin()
    else:
        with st.container(key="narrow_log"):  # on a phone it is what one comes for
            _offer("do_patrol_first", "stretch")
        with cards.tiles(3):
            points = found.coverage.detail
            worth = _("{n} points of 10", n=number(points)) if points is not None else _by_now(found)
            cards.tile(found.coverage, page="", detail=worth)
            cards.tile(found.walked, page="")
            cards.tile(found.overdue, page="", detail=_("of {n} plans", n=number(found.overdue.n)))
        left, right = st.columns([5, 7], gap="small")
        with left:
            _visited(view, found, names)
        with right:
            _planned(found, names)
        _walked(found, names)
    _drawers(view.today, names)


def _begin() -> None:
    buttons = [(_("Plan a patrol"), ":material/add:")] if may(session.actor(), Operation.CREATE, "patrol_plans") else []
    pressed = cards.empty(
        _("No patrols yet"),
        _("Say who walks which grid and how often; officers then log what they walked on the phone."),
        *buttons,
        key="patrols",
    )
    if pressed is not None:
        drawer.open_at(PLAN)


def _by_now(found: PatrolReview) -> str:
    target = found.coverage.target
    return _("none due yet") if target is None else _("{share} due by now", share=percent(target.low))


# --- households visited
def _visited(view: session.View, found: PatrolReview, names: Names) -> None:
    known = [row for row in found.grids if row.share is not None]
    target = found.coverage.target
    due = (target.low if target else None) or 0
    figure = charts.bars(
        [names["grids"].get(row.grid_id, MISSING) for row in known],
        [100 * (row.share or 0) for row in known],
        [_visited_text(row) for row in known],
        look=cards.look(),
        boxes=[100 * due] * len(known) if due else [],
        red=[place for place, row in enumerate(known) if row.state is State.OFF_TARGET],
    )
    facts = {"period": period(view.period) if view.period.kind != "ever" else _("this year"), "share": percent(due)}
    caption = (
        _(
            "Different households visited in {period}, % of the grid's households; hollow: {share} due by {day}",
            day=i18n.day_short(found.on),
            **facts,
        )
        if due
        else _("Different households visited in {period}, % of the grid's households", **facts)
    )
    loose = sum(row.visits - row.visited for row in found.grids if row.visited is not None)
    if loose:
        caption += " · " + n_(
            "{n} visit more: a second one, or the door was not noted",
            "{n} visits more: a second one, or the door was not noted",
            loose,
        )
    cards.chart(
        _visited_finding(found, known, names),
        caption,
        figure if known else None,
        [
            {
                _("Grid"): names["grids"].get(row.grid_id),
                _("Households"): row.households,
                _("Visited"): row.visited,
                _("Visited (%)"): None if row.share is None else round(100 * row.share),
                _("Points"): row.points,
                _("Household visits"): row.visits,
                _("Patrols"): row.walked,
                _("Findings"): row.found,
            }
            for row in found.grids
        ],
        key="patrol-coverage",
        nothing=say(found.coverage.why) if found.coverage.why else "",
    )


def _visited_text(row: GridPatrols) -> str:
    text = _("{n} of {all} · {share}", n=number(row.visited), all=number(row.households), share=percent(row.share))
    return text if row.points is None else text + " · " + n_("{n} point", "{n} points", row.points)


def _visited_finding(found: PatrolReview, known: list[GridPatrols], names: Names) -> str:
    if found.coverage.why:
        return _("Which households were visited is told of whole months, quarters and years")
    if not known:
        return _("Which households were visited is not known yet")
    if not any(row.due or row.visited for row in known):
        return _("No visit to homes has been due yet")
    short = [row for row in known if row.state is State.OFF_TARGET]
    worst = min(known, key=lambda row: row.share or 0)
    facts = {"grid": names["grids"].get(worst.grid_id, MISSING), "share": percent(worst.share)}
    if not short:
        return _("No grid falls behind: the fewest households, {share}, were visited in {grid}", **facts)
    if len(short) == 1:
        return _("{grid} falls behind: {share} of its households were visited", **facts)
    return _("{n} grids fall behind, {grid} most: {share} of its households were visited", n=len(short), **facts)


# --- the plans
def _planned(found: PatrolReview, names: Names) -> None:
    late = [each for each in found.plans if each.overdue_days]
    finding = _("No patrol is overdue") if found.plans else _("No patrol is planned")
    if late:
        finding = n_(
            "{n} patrol is overdue, by {days}: {name}",
            "{n} patrols are overdue, the longest by {days}: {name}",
            len(late),
            days=i18n.days(late[0].overdue_days),
            name=late[0].plan.name,
        )
    by_id = {each.plan.id: each for each in found.plans}
    days, kept, visited = _("Days overdue"), _("Walked / planned"), _("Visited / to visit")
    next_on, who = _("Next due"), _("Walked by")
    with st.container(border=True, height="stretch", gap="xxsmall", key="patrols_planned"):
        st.header(plain(finding), anchor=False)
        st.caption(
            plain(
                _(
                    "As of {day}; walked and planned in the period, households in the plan's own month, quarter or "
                    "year",
                    day=i18n.day_short(found.on),
                )
            )
        )
        drawer.register(
            PLAN,
            PatrolPlan,
            [each.plan for each in found.plans],
            key="patrol-plans",
            columns=["name", who, next_on, days, kept, visited, "every_days"],
            names=names,
            more={
                who: lambda plan: _people(by_id[plan.id].holders, names),
                next_on: lambda plan: by_id[plan.id].due_on,
                days: lambda plan: by_id[plan.id].overdue_days or None,
                kept: lambda plan: f"{by_id[plan.id].walked} / {by_id[plan.id].planned}",
                visited: lambda plan: _target(by_id[plan.id]),
            },
            late=days,
            height=330,
        )
        if may(session.actor(), Operation.CREATE, PatrolPlan.collection) and st.button(
            _("Plan a patrol"), icon=":material/add:", key="add-patrol-plan", width="content"
        ):
            drawer.open_at(PLAN)


def _people(ids: tuple[str, ...], names: Names) -> str:
    return i18n.listed(names["people"].get(id, MISSING) for id in ids) if ids else _("nobody: the post is vacant")


def _target(state: PlanState) -> str | None:
    return None if state.visited is None else f"{number(state.visited)} / {number(state.plan.households)}"


# --- the patrols
def _walked(found: PatrolReview, names: Names) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = n_("{n} patrol in the period", "{n} patrols in the period", found.n)
        if found.findings:
            heading += " · " + n_("{n} finding", "{n} findings", found.findings)
        st.header(plain(heading), anchor=False, width="content")
        st.space("stretch")
        _offer("do_patrol", "content")
    met, waiting = _("Findings"), _("To be dealt with")
    drawer.register(
        PATROL,
        Patrol,
        found.lately,
        key="patrols",
        columns=["walked_on", "grid_id", "kind", "officer_id", "households", "minutes", met, waiting],
        names=names,
        more={
            met: lambda patrol: len(patrol.findings) or None,
            waiting: lambda patrol: sum(one.became is None for one in patrol.findings) or None,
        },
        total=number(found.n) if found.n > len(found.lately) else None,
    )


def _offer(key: str, width: Literal["content", "stretch"]) -> None:
    if may(session.actor(), Operation.CREATE, Patrol.collection) and st.button(
        _("Log a patrol"), icon=":material/add:", type="primary", key=key, width=width
    ):
        drawer.open_at(PATROL)


# --- the drawers
def _drawers(view: session.View, names: Names) -> None:
    if wanted := drawer.opened(PATROL):
        if wanted == drawer.NEW:
            if may(session.actor(), Operation.CREATE, Patrol.collection):
                drawer.show(PATROL, _("Log a patrol"), lambda: _log(view, names))
            return
        story = data.ask(patrols.patrol_story, view.community_id, wanted)
        title = f"{say(story.patrol.kind.label)} · {names['grids'].get(story.patrol.grid_id, MISSING)}"
        drawer.show(PATROL, plain(title), lambda: _one(view, names, story))
    elif wanted := drawer.opened(PLAN):
        if wanted == drawer.NEW:
            if may(session.actor(), Operation.CREATE, PatrolPlan.collection):
                drawer.show(PLAN, _("Plan a patrol"), lambda: _new_plan(view, names))
            return
        found = next((each for each in data.ask(patrols.plans, view.community_id) if each.id == wanted), None)
        if found is None:
            st.warning(_("This record is not there any more, or not in your charge."), icon=":material/search_off:")
            drawer.close(PLAN)
            return
        drawer.show(PLAN, plain(found.name), lambda: _plan(view, names, found))


def _new_plan(view: session.View, names: Names) -> None:
    made = forms.edit(
        PatrolPlan,
        key="patrol-plan-new",
        references=names,
        defaults={"since": view.now.date(), "every_days": 7, "grid_id": view.grid_id},
        save=lambda values, submission: data.tell(
            patrols.add_plan, view.community_id, values, key=submission, done=_("The entry is saved.")
        ),
    )
    if made is not None:
        drawer.done(PLAN)


def _plan(view: session.View, names: Names, found: PatrolPlan) -> None:
    if not may(session.actor(), Operation.UPDATE, PatrolPlan.collection):
        st.info(_("You may look at this but not change it."), icon=":material/lock:")
        return
    st.caption(_("To change the rhythm, end this plan and enter another: the past then stays what it was."))
    saved = forms.edit(
        PatrolPlan,
        key="patrol-plan-edit",
        current=found,
        references=names,
        save=lambda values, _submission: data.tell(
            patrols.edit_plan, view.community_id, found.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(PLAN)
    drawer.offer_deletion(PLAN, found, patrols.remove_plan)


def _log(view: session.View, names: Names) -> None:
    """A few taps: the grid and what for, the doors, what was met."""
    form, me = session.submission("patrol"), session.actor()
    charge = {id: name for id, name in names["grids"].items() if me.grids is None or id in me.grids}
    with st.container(key="thumb_patrol", gap="small"):
        first = view.grid_id if view.grid_id in charge else next(iter(charge)) if len(charge) == 1 else None
        grid = st.selectbox(
            _("Grid"), list(charge), index=list(charge).index(first) if first else None,
            format_func=charge.__getitem__, placeholder=_("Choose"), key=f"grid-{form}",
        )  # fmt: skip
        kind = st.pills(
            _("Kind of patrol"), list(PatrolKind), default=PatrolKind.HOUSEHOLDS, required=True,
            format_func=lambda each: say(each.label), key=f"kind-{form}",
        )  # fmt: skip
        plans = [
            each for each in data.ask(patrols.plans, view.community_id) if (each.grid_id, each.kind) == (grid, kind)
        ]
        running = [each for each in plans if each.runs_on(view.now.date())]
        doors, count = "", None
        if kind == PatrolKind.HOUSEHOLDS:
            doors = st.text_area(
                _("Doors visited"), placeholder=_("A line for each building: B6 101 102 201"), height=90,
                max_chars=3000, key=f"doors-{form}", on_change="ignore",
                help=_("Kept as keys nobody can read an address from; each household counts once in a period."),
            )  # fmt: skip
            count = st.number_input(
                _("Or how many households"), 0, 10_000, value=None, step=1, key=f"count-{form}",
                help=_("Without doors nobody can tell whether they were the same: they count as visits only."),
            )  # fmt: skip
        met = st.text_area(
            _("What was found (a line for each)"), height=68, max_chars=3000, key=f"met-{form}", on_change="ignore"
        )
        with st.expander(_("Day, officer, time taken")):
            day = forms.day(_("Date"), view.now.date(), key=f"day-{form}")
            people = forms.told_apart(names["people"])
            mine = me.people[0] if len(me.people) == 1 and me.people[0] in people else None
            officer = st.selectbox(
                _("Officer"), list(people), index=list(people).index(mine) if mine else None,
                format_func=people.__getitem__, placeholder=_("Choose"), key=f"officer-{form}",
            )  # fmt: skip
            minutes = st.number_input(
                _("Time taken (minutes)"), 1, 1440, value=None, step=5, key=f"minutes-{form}"
            )  # fmt: skip
        if st.button(_("Save"), type="primary", icon=":material/check:", key="do_log_patrol", width="stretch"):
            values = {
                "grid_id": grid or "",
                "kind": kind,
                "plan_id": running[0].id if len(running) == 1 else None,
                "officer_id": officer,
                "walked_on": day,
                "minutes": minutes,
                "households": count or 0,
            }
            if not grid:
                cards.told(_("Choose the grid"))
                return

            def log() -> Patrol | None:
                mind_numbers(form, READ_BY_ALL, met=met)
                made = data.tell(
                    patrols.log_patrol, view.community_id, values, doors=doors or "",
                    findings=(met or "").splitlines(), key=form, done=_("The patrol is saved."),
                )  # fmt: skip
                return _opened(made)

            drawer.act(log, form="patrol")


def _opened(made: Patrol | None) -> Patrol | None:
    """What was found is dealt with next, in the patrol's own drawer."""
    if made is not None:
        drawer.open_at(PATROL, made.id) if made.findings else drawer.close(PATROL)
    return made


def _one(view: session.View, names: Names, story: PatrolStory) -> None:
    found = story.patrol
    facts = [
        i18n.date(found.walked_on),
        names["people"].get(found.officer_id or ""),
        names["patrol_plans"].get(found.plan_id or ""),
        n_("{n} household", "{n} households", found.households) if found.households else None,
        n_("{n} minute", "{n} minutes", found.minutes) if found.minutes else None,
    ]
    st.markdown(plain(" · ".join(filter(None, facts))))
    if found.households and not found.doors:
        st.caption(_("The doors were not noted: these households count as visits, not as covered."))
    if found.remark:
        st.markdown(plain(found.remark))
    for place, one in enumerate(found.findings):
        with st.container(border=True, gap="xxsmall", key=f"finding-{place}"):
            st.markdown(plain(one.text))
            if one.became is not None:
                _what_became(one, story)
            elif may(session.actor(), Operation.UPDATE, Patrol.collection):
                _deal(view, found, place)
    if may(session.actor(), Operation.UPDATE, Patrol.collection):

        def save(values: forms.Values, _submission: str) -> Patrol | None:
            mind_numbers(f"patrol-{found.id}", READ_BY_ALL, remark=values.get("remark"))
            return data.tell(
                patrols.edit_patrol, view.community_id, found.id, values.revision, values, done=_("Saved.")
            )

        with st.expander(_("Correct the entry")):
            saved = forms.edit(
                Patrol,
                key="patrol-edit",
                fields=sorted(patrols.EDITABLE, key=list(Patrol.model_fields).index),
                current=found,
                references=names,
                save=save,
            )
            if saved is not None:
                drawer.done()
    drawer.offer_deletion(PATROL, found, patrols.remove_patrol)


def _what_became(one: PatrolFinding, story: PatrolStory) -> None:
    record = story.became.get(one.ref or "")
    label = say(one.became.label) if one.became else ""
    if isinstance(record, WorkOrder):
        where = _("{kind} {number}: {status}", kind=label, number=record.number, status=say(record.status.label))
        navigation.link("maintenance", plain(where), order=record.id)
    elif isinstance(record, Hazard):
        where = _("{kind}: {status}", kind=label, status=say(record.state.label))
        navigation.link("facilities", plain(where), part="hazards", hazard=record.id)
    elif isinstance(record, Request):
        where = _("{kind} {number}: {status}", kind=label, number=record.number, status=say(record.status.label))
        navigation.link("requests", plain(where), request=record.id)
    else:
        st.caption(plain(_("{kind}: not there any more, or not in your charge", kind=label)))


def _deal(view: session.View, found: Patrol, place: int) -> None:
    """One tap each: a work order, a hazard, a request."""
    key = f"{found.id}.{place}"
    where = st.text_input(_("Place"), max_chars=200, key=f"where-{key}", **session.STAGED)
    commands: tuple[tuple[Became, str, str, Callable[..., Any], str], ...] = (
        (Became.ORDER, "work_orders", ":material/build:", patrols.become_order, _("A work order was opened.")),
        (Became.HAZARD, "hazards", ":material/warning:", patrols.become_hazard, _("The hazard is entered.")),
        (Became.REQUEST, "requests", ":material/forum:", patrols.become_request, _("The request is taken.")),
    )
    with st.container(horizontal=True, gap="xsmall", key=f"thumb_{place}"):
        for became, collection, icon, command, done in commands:
            if not may(session.actor(), Operation.CREATE, collection):
                continue
            if st.button(say(became.label), icon=icon, key=f"{became}-{key}"):
                _become(view, found, place, command, done, where or None, f"finding.{key}.{became}")
        if may(session.actor(), Operation.CREATE, "hazards") and st.button(
            _("Major hazard"), icon=":material/dangerous:", key=f"major-{key}"
        ):
            done = _("The hazard is entered.")
            submission = f"finding.{key}.major"
            _become(view, found, place, patrols.become_hazard, done, where or None, submission, level=Level.MAJOR)


def _become(
    view: session.View,
    found: Patrol,
    place: int,
    command: Callable[..., Any],
    done: str,
    where: str | None,
    form: str,
    **facts: Any,
) -> None:
    drawer.act(
        lambda: data.tell(
            command, view.community_id, found.id, found.revision, place, place=where, key=session.submission(form),
            done=done, **facts,
        ),
        form=form,
    )  # fmt: skip


# --- from elsewhere
def found_on(view: session.View, ref: str) -> None:
    """In the drawer of a work order, hazard or request: the patrol on which it was found; nothing where it was none."""
    if (patrol := data.ask_in_passing(patrols.which_found, view.community_id, ref)) is not None:
        label = _("Found on the patrol of {day}", day=i18n.day_short(patrol.walked_on))
        navigation.link("grids", plain(label), icon=":material/directions_walk:", part=PART, patrol=patrol.id)
