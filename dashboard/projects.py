"""The part Projects of the page of local organisations: how far each is against its plan, what is unclear about it, and
the drawers of a project, its tasks and its milestones."""

from collections.abc import Callable
from datetime import date
from typing import Any

import streamlit as st

from dashboard import cards, charts, data, drawer, forms, i18n, minutes, session, stationed, tables
from dashboard.i18n import MISSING, _, days_badge, n_, number, percent, plain, say
from dashboard.stationed import Names
from repository import projects
from repository.access import Operation, may
from repository.projects import (
    PROJECT_FIELDS,
    RUNNING,
    TASK_FIELDS,
    Milestone,
    Missing,
    Outline,
    Project,
    ProjectReview,
    ProjectState,
    ProjectStory,
    ProjectTask,
)

PROJECT, TASK, MILESTONE = "project", "task", "milestone"
"""URL parameters: what is open in the drawer. A new task or milestone is ``new.`` and its project's id, a new project
``new`` or ``new.`` and the id of the need it comes from."""
SHOWN = 12
COLOURS = {
    ProjectState.PLANNED: "gray",
    ProjectState.RUNNING: "blue",
    ProjectState.DONE: "green",
    ProjectState.STOPPED: "orange",
}


def render(view: session.View, names: Names) -> None:
    """Four tiles, progress against plan, what is unclear, overdue tasks, the register."""
    today = view.now.date()
    found = data.ask(projects.review, view.community_id, view.period, today=today)
    everything = data.ask_as_seen(projects.projects, view.community_id)
    if not everything:
        _begin()
        return
    with cards.tiles(4):
        where = {"part": "projects"}
        cards.tile(found.completion, params=where)
        cards.tile(found.tasks, params=where)
        cards.tile(found.unclear, params=where)
        cards.tile(found.overdue, params=where)
    left, right = st.columns([7, 5], gap="small")
    with left:
        _against_plan(found, today)
    with right:
        _unclear(found)
    _late_tasks(found, names)
    _register(found, everything, names)


def _begin() -> None:
    enters = may(session.actor(), Operation.CREATE, Project.collection)
    pressed = cards.empty(
        _("No projects yet"),
        _("A project says what will be different, by how much, who does what, and until when."),
        *([(_("Enter a project"), ":material/add:")] if enters else []),
        key="projects",
    )
    if pressed is not None:
        drawer.open_at(PROJECT)
        st.rerun()


def _against_plan(found: ProjectReview, today: date) -> None:
    there = sorted(
        (one for one in found.open if one.progress is not None), key=lambda one: not (one.behind or one.late)
    )
    lagging = sum(one.behind or one.late > 0 for one in there)
    open_ones = there[:SHOWN]
    behind = list(range(min(lagging, SHOWN)))
    figure = charts.bars(
        [one.project.name for one in open_ones],
        [one.progress for one in open_ones],
        [f"{percent(one.progress)} / {percent(one.planned)}" for one in open_ones],
        look=cards.look(),
        red=behind,
        boxes=[one.planned for one in open_ones],
    )
    cards.chart(
        n_("{n} project is behind its plan", "{n} projects are behind their plan", lagging)
        if lagging
        else _("No project is behind its plan"),
        _("Progress / plan. Solid: tasks done by weight; hollow: where it should be on {day}; red: behind, or overdue",
          day=i18n.date(today))
        + (" · " + _("The first {n} of {m}.", n=number(SHOWN), m=number(len(there))) if len(there) > SHOWN else ""),
        figure if open_ones else None,
        [
            {
                _("Project"): one.project.name,
                _("State"): say(one.project.state.label),
                _("Progress (%)"): None if one.progress is None else round(one.progress * 100),
                _("Planned (%)"): None if one.planned is None else round(one.planned * 100),
                _("Tasks"): len(one.tasks),
                _("Overdue tasks"): one.late_tasks,
                _("Days late"): one.late or None,
            }
            for one in found.open
        ],
        key="against-plan",
    )  # fmt: skip


def _unclear(found: ProjectReview) -> None:
    unclear = [one for one in found.open if one.missing]
    with st.container(border=True, height="stretch", gap="xxsmall", key="line_unclear"):
        st.header(
            n_(
                "{n} of {m} open projects is unclear",
                "{n} of {m} open projects are unclear",
                len(unclear),
                m=number(len(found.open)),
            )
            if unclear
            else _("Goals and duties of all open projects are clear"),
            anchor=False,
        )
        st.caption(_("Clear means: a goal, a measurable target, a due day; every task with who, until when and what."))
        for one in unclear[:SHOWN]:
            label = f":orange[:material/help:] **{plain(one.project.name)}**"
            if st.button(label, type="tertiary", key=f"unclear-{one.project.id}", width="content"):
                drawer.open_at(PROJECT, one.project.id)
            st.markdown(f":small[{plain(missing_words(one.missing))}]")
        tables.first_of(SHOWN, len(unclear))


def missing_words(missing: tuple[Missing, ...]) -> str:
    """What a project lacks, in words."""
    return i18n.listed(
        say(each.gap.label) + (_(" ({n})", n=number(each.tasks)) if each.tasks else "") for each in missing
    )


def _late_tasks(found: ProjectReview, names: Names) -> None:
    if not found.late_tasks:
        return
    st.header(n_("{n} task is overdue", "{n} tasks are overdue", len(found.late_tasks)), anchor=False)
    by_id = {each.task.id: each for each in found.late_tasks}
    days = _("Days late")
    drawer.register(
        TASK,
        ProjectTask,
        [each.task for each in found.late_tasks],
        key="late-tasks",
        columns=["name", days, "project_id", "organization_id", "person_id", "due_on", "progress"],
        names=_all(names),
        more={days: lambda task: by_id[task.id].days},
        late=days,
    )


def _all(names: Names) -> Names:
    return {**names, "organizations": names["everybody"], "projects": names["every_project"]}


def _register(found: ProjectReview, everything: list[Project], names: Names) -> None:
    words = {"": _("All projects"), **{str(each): say(each.label) for each in ProjectState}}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.empty()
        st.space("stretch")
        which = st.selectbox(
            _("State"),
            list(words),
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width=170,
            **session.in_url("project_state", words),
        )
        if may(session.actor(), Operation.CREATE, Project.collection) and st.button(
            _("Enter a project"), icon=":material/add:", type="primary", key="do_project", width="content"
        ):
            drawer.open_at(PROJECT)
    rows = [one for one in everything if not which or one.state == which]
    heading.header(n_("{n} project", "{n} projects", len(rows)), anchor=False, width="content")
    known = {one.project.id: one for one in found.outlines}
    far = _("Progress (%)")
    drawer.register(
        PROJECT,
        Project,
        rows,
        key="projects",
        columns=["name", "state", far, "organization_id", "lead_id", "starts_on", "due_on", "ended_on",
                 "residents_reached"],
        names=_all(names),
        more={far: lambda one: _percent(one, known)},
    )  # fmt: skip


def _percent(one: Project, known: dict[str, Outline]) -> int | None:
    """Of what ended before the period only whether it was finished is read."""
    if one.state is ProjectState.DONE:
        return 100
    far = known[one.id].progress if one.id in known else None
    return None if far is None else round(far * 100)


# --- the drawers
def open_drawer(view: session.View, names: Names) -> bool:
    """Draw what is open of this file; whether anything is."""
    today = view.now.date()
    if wanted := drawer.opened(PROJECT):
        if wanted.startswith(drawer.NEW):
            need_id = wanted.partition(".")[2] or None
            stationed.enter(
                view, names, PROJECT, Project, projects.add_project, _("Enter a project"), fields=PROJECT_FIELDS,
                **({"need_id": need_id} if need_id else {}),
            )  # fmt: skip
        else:
            story = data.ask(projects.project, view.community_id, wanted, today=today)
            drawer.show(PROJECT, plain(story.outline.project.name), lambda: _project(view, names, story))
        return True
    if wanted := drawer.opened(TASK):
        of = wanted.partition(".")[2]
        if wanted.startswith(drawer.NEW):
            stationed.enter(
                view, names, TASK, ProjectTask, projects.add_task, _("Enter a task"), fields=TASK_FIELDS,
                defaults={"project_id": of if of in names["projects"] else None},
            )  # fmt: skip
        else:
            task = data.ask(projects.task, view.community_id, wanted)
            drawer.show(TASK, plain(task.name), lambda: _task(view, names, task))
        return True
    if wanted := drawer.opened(MILESTONE):
        of = wanted.partition(".")[2]
        if wanted.startswith(drawer.NEW):
            stationed.enter(
                view, names, MILESTONE, Milestone, projects.add_milestone, _("Enter a milestone"),
                defaults={"project_id": of if of in names["projects"] else None},
            )  # fmt: skip
        else:
            milestone = data.ask(projects.milestone, view.community_id, wanted)
            drawer.show(
                MILESTONE,
                plain(milestone.name),
                lambda: _milestone(view, names, milestone),
            )
        return True
    return False


def _milestone(view: session.View, names: Names, one: Milestone) -> None:
    stationed.facts(
        {
            _("Project"): names["every_project"].get(one.project_id, MISSING),
            _("To stand by"): i18n.date(one.due_on),
            _("Reached on"): i18n.date(one.reached_on) if one.reached_on else MISSING,
        }
    )
    stationed.change(view, _all(names), MILESTONE, one, projects.edit_milestone, projects.remove_milestone)


def _project(view: session.View, names: Names, story: ProjectStory) -> None:
    one, outline = story.outline.project, story.outline
    badges = [f":{COLOURS[one.state]}-badge[{plain(say(one.state.label))}]"]
    if outline.late:
        badges.append(f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=days_badge(outline.late)))}]")
    if outline.behind:
        badges.append(f":red-badge[:material/trending_down: {plain(_('behind its plan'))}]")
    st.markdown(" ".join(badges))
    if outline.missing:
        st.warning(plain(_("Unclear: {what}", what=missing_words(outline.missing))), icon=":material/help:")
    if one.goal:
        st.markdown(plain(one.goal))
    stationed.facts(_facts(one, outline, names))
    if one.result:
        st.markdown(f"**{plain(_('What came of it'))}**  \n{plain(one.result)}")
    if one.reason:
        st.markdown(f"**{plain(_('Why it was stopped'))}**  \n{plain(one.reason)}")
    _course(story)
    _tasks(view, names, story)
    _milestones(view, story)
    minutes.decided(view, one.id)
    for need in story.needs:
        if st.button(
            plain(_("For the need: {what}", what=need.what)),
            icon=":material/front_hand:",
            type="tertiary",
            key=f"of-{need.id}",
        ):
            stationed.go_to("need", need.id, leaving=PROJECT)
    if may(session.actor(), Operation.UPDATE, Project.collection):
        _steps(one, view.now.date())
        with st.expander(_("Change the entry")):
            stationed.change(
                view, names, PROJECT, one, projects.edit_project, projects.remove_project, fields=PROJECT_FIELDS
            )
    for event in reversed(one.events):
        said = (i18n.datetime_(event.at, session.zone()), say(event.step.label), event.by, event.note)
        st.markdown(f":small[{plain(' · '.join(filter(None, said)))}]")


def _facts(one: Project, outline: Outline, names: Names) -> dict[str, str]:
    wanted = f"{one.measure or ''} {number(one.target)} {one.target_unit or ''}".strip()
    days = " – ".join(i18n.whole(i18n.date(day)) if day else MISSING for day in (one.starts_on, one.due_on))
    told = {
        _("Target"): MISSING if one.target is None else wanted,
        _("Begins – to be finished by"): days,
        _("Led by"): names["people"].get(one.lead_id or "", MISSING),
        _("Leading organisation"): names["everybody"].get(one.organization_id or "", MISSING),
        _("Organisations taking part"): i18n.listed(names["everybody"].get(id, MISSING) for id in one.participants)
        or MISSING,
        _("Progress"): _("{share}, planned {plan}", share=percent(outline.progress), plan=percent(outline.planned)),
    }
    if one.achieved is not None:
        told[_("Achieved")] = f"{number(one.achieved)} {one.target_unit or ''}"
    if one.residents_reached is not None:
        told[_("Residents reached")] = number(one.residents_reached)
    return told


def _course(story: ProjectStory) -> None:
    points = story.course
    if len(points) < 3 or all(point.actual is None for point in points):
        return
    figure = charts.lines(
        [point.on.isoformat() for point in points],
        [None if point.planned is None else round(point.planned * 100, 1) for point in points],
        [None if point.actual is None else round(point.actual * 100, 1) for point in points],
        names=(_("Plan"), _("Actual")),
        look=cards.look(),
    )
    cards.chart(
        _("Progress against plan"),
        _("% of all tasks by weight; grey: the plan, blue: what was reported"),
        figure,
        [
            {
                _("On day"): point.on,
                _("Planned (%)"): None if point.planned is None else round(point.planned * 100, 1),
                _("Progress (%)"): None if point.actual is None else round(point.actual * 100, 1),
            }
            for point in points
        ],
        key=f"course-{story.outline.project.id}",
    )


def _tasks(view: session.View, names: Names, story: ProjectStory) -> None:
    one, today = story.outline.project, view.now.date()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(n_('{n} task', '{n} tasks', len(story.outline.tasks)))}**", width="content")
        st.space("stretch")
        if (
            one.state in RUNNING
            and may(session.actor(), Operation.CREATE, ProjectTask.collection)
            and st.button(_("Enter a task"), icon=":material/add:", key="add-task", width="content")
        ):
            stationed.go_to(TASK, f"{drawer.NEW}.{one.id}", leaving=PROJECT)
    with st.container(gap=None, key=f"line_tasks-{one.id}"):
        _task_lines(names, story, today)


def _task_lines(names: Names, story: ProjectStory, today: date) -> None:
    one = story.outline.project
    for task in story.outline.tasks:
        who = names["everybody"].get(task.organization_id or "") or names["people"].get(task.person_id or "")
        late = task.days_late(today) if one.state in RUNNING else 0
        state = (
            f":green[:material/check_circle: {plain(i18n.date(task.done_on))}]"
            if task.done_on
            else f":red[:material/dangerous: {plain(_('overdue {days}', days=days_badge(late)))}]"
            if late
            else f":gray[{plain(percent(task.progress / 100))} · {plain(i18n.date(task.due_on) or MISSING)}]"
        )
        nobody = plain(who) if who else f":orange[{plain(_('nobody responsible'))}]"
        label = f"**{plain(task.name)}** · {nobody} · {state}"
        if st.button(label, type="tertiary", key=f"task-{task.id}", width="content"):
            stationed.go_to(TASK, task.id, leaving=PROJECT)


def _milestones(view: session.View, story: ProjectStory) -> None:
    one, today = story.outline.project, view.now.date()
    with st.container(gap=None, key=f"line_milestones-{one.id}"):
        _milestone_lines(story, today)
    if (
        one.state in RUNNING
        and may(session.actor(), Operation.CREATE, Milestone.collection)
        and st.button(_("Enter a milestone"), icon=":material/flag:", key="add-milestone", width="content")
    ):
        stationed.go_to(MILESTONE, f"{drawer.NEW}.{one.id}", leaving=PROJECT)


def _milestone_lines(story: ProjectStory, today: date) -> None:
    for each in story.milestones:
        late = each.days_late(today) if story.outline.project.state in RUNNING else 0
        state = (
            f":green[:material/flag: {plain(i18n.date(each.reached_on))}]"
            if each.reached_on
            else f":red[:material/flag: {plain(_('overdue {days}', days=days_badge(late)))}]"
            if late
            else f":gray[:material/flag: {plain(i18n.date(each.due_on))}]"
        )
        if st.button(f"{state} {plain(each.name)}", type="tertiary", key=f"milestone-{each.id}", width="content"):
            stationed.go_to(MILESTONE, each.id, leaving=PROJECT)


def _steps(one: Project, today: date) -> None:
    with st.container(horizontal=True, gap="small", key="thumb_project"):
        if one.state is ProjectState.PLANNED and st.button(
            _("Work begins"), type="primary", key="do_start", icon=":material/play_arrow:"
        ):
            _tell(one, projects.start_project, _("The project runs."))
        if one.state in RUNNING:
            with st.popover(_("It is finished"), icon=":material/task_alt:", key=f"finish-{one.id}"):
                _finish(one, today)
            with st.popover(_("Stop it"), icon=":material/cancel:", key=f"stop-{one.id}"):
                why = st.text_area(_("Why?"), max_chars=2000, key=f"stop-why-{one.id}")
                on = _ended_on(one, today, "stopped")
                if st.button(_("Stop the project"), type="primary", key="do_stop"):
                    _tell(one, projects.stop_project, _("Stopped."), reason=why, on=on)
        elif st.button(_("Take it up again"), key="resume", icon=":material/replay:"):
            _tell(one, projects.resume_project, _("The project runs."))


def _finish(one: Project, today: date) -> None:
    result = st.text_area(_("What came of it"), value=one.result or "", max_chars=4000, key=f"result-{one.id}")
    unit = one.target_unit or ""
    achieved = st.number_input(
        plain(_("Achieved ({unit})", unit=unit) if unit else _("Achieved")), min_value=0.0, value=one.achieved,
        key=f"achieved-{one.id}",
    )  # fmt: skip
    reached = st.number_input(
        _("Residents reached"), min_value=0, value=one.residents_reached, step=1, key=f"reached-{one.id}"
    )
    on = _ended_on(one, today, "finished")
    if st.button(_("Finish the project"), type="primary", key="do_finish"):
        _tell(
            one, projects.finish_project, _("Finished."), result=result, achieved=achieved, residents_reached=reached,
            on=on,
        )  # fmt: skip


def _ended_on(one: Project, today: date, how: str) -> date | None:
    """The day it ended, which may be noted later: by it a project is in time or late."""
    return forms.day(_("Ended on"), today, key=f"{how}-on-{one.id}", width=170)


def _tell(one: Project, command: Callable[..., Any], done: str, **facts: Any) -> None:
    drawer.act(lambda: data.tell(command, one.community_id, one.id, one.revision, done=done, **facts))


def _task(view: session.View, names: Names, task: ProjectTask) -> None:
    today = view.now.date()
    runs = task.project_id in names["projects"]
    late = task.days_late(today) if runs else 0
    state = (
        f":green-badge[{plain(_('done on {day}', day=i18n.date(task.done_on)))}]"
        if task.done_on
        else f":red-badge[:material/dangerous: {plain(_('overdue {days}', days=days_badge(late)))}]"
        if late
        else f":blue-badge[{plain(percent(task.progress / 100))}]"
    )
    st.markdown(state)
    if st.button(
        plain(names["every_project"].get(task.project_id, _("Project"))),
        icon=":material/arrow_back:",
        type="tertiary",
        key=f"back-{task.id}",
    ):
        stationed.go_to(PROJECT, task.project_id, leaving=TASK)
    if task.duty:
        st.markdown(plain(task.duty))
    stationed.facts(
        {
            _("Responsible organisation"): names["everybody"].get(task.organization_id or "", MISSING),
            _("Responsible person"): names["people"].get(task.person_id or "", MISSING),
            _("Due on"): i18n.date(task.due_on) if task.due_on else MISSING,
            _("Weight"): number(task.weight),
        }
    )
    if not runs:
        st.info(_("This project is over. Take it up again first."), icon=":material/lock:")
    elif may(session.actor(), Operation.UPDATE, ProjectTask.collection):
        mine = drawer.draft(f"progress.{task.id}", task, "progress", "done_on")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="thumb_task"):
            far = st.slider(_("Progress (%)"), 0, 100, value=task.progress, step=5, key=f"far-{mine.key}")
            on = forms.day(_("On day"), today, key=f"on-{mine.key}")
        note = st.text_input(_("Remark"), max_chars=300, key=f"said-{mine.key}", **session.STAGED)
        if st.button(_("Report progress"), type="primary", key="do_progress", icon=":material/check:"):
            drawer.act(
                lambda: data.tell(
                    projects.report_progress, view.community_id, task.id, mine.stands.revision, progress=far, on=on,
                    note=note or None, done=_("Saved."),
                ),
                form=f"progress.{task.id}",
            )  # fmt: skip
    if may(session.actor(), Operation.DELETE, ProjectTask.collection):
        with st.expander(_("Change the entry")):
            own = {task.project_id: names["every_project"].get(task.project_id, MISSING)}
            picks = {**_all(names), "projects": names["projects"] | own}
            stationed.change(view, picks, TASK, task, projects.edit_task, projects.remove_task, fields=TASK_FIELDS)
    for step in reversed(task.steps):
        said = (i18n.date(step.on), percent(step.progress / 100), step.by, step.note)
        st.markdown(f":small[{plain(' · '.join(filter(None, said)))}]")
