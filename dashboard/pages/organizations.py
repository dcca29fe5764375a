"""Local organisations (辖区单位), part by part: who takes part, what is needed and offered, what is done together, and
the registers."""

from datetime import timedelta

from dashboard import cards, data, drawer, needs, projects, session, stationed
from dashboard.i18n import _
from repository.activities import calendar
from repository.grids import grid_names
from repository.metrics import Period
from repository.organizations import organization_names
from repository.people import people_by_id
from repository.projects import project_names

RECENT = 60  # activities that can be picked as what an organisation took part in


def render() -> None:
    """One part, chosen in the URL; then the drawer of whatever is open."""
    view = session.view()
    names = _names(view)
    cards.one_part(
        {
            "participation": (_("Who takes part"), lambda view: stationed.participation(view, names)),
            "matching": (_("Needs and resources"), lambda view: needs.render(view, names)),
            "projects": (_("Projects"), lambda view: projects.render(view, names)),
            "register": (_("Register"), lambda view: stationed.registers(view, names)),
        },
        view,
    )
    with session.today() as now:
        for opens in (stationed.open_drawer, needs.open_drawer, projects.open_drawer):
            if opens(now, names):
                return


def _names(view: session.View) -> stationed.Names:
    """What can be picked, and under ``all`` what any record may name."""
    everybody = data.ask(organization_names, view.community_id, former=True)
    names = {
        "organizations": data.ask(organization_names, view.community_id),
        "everybody": everybody,
        "grids": data.ask(grid_names, view.community_id),
        "people": data.ask(people_by_id, view.community_id),
        "projects": data.ask(project_names, view.community_id),
        "every_project": data.ask(project_names, view.community_id, over=True),
    }
    if any(drawer.opened(name) for name in (stationed.ENGAGEMENT, needs.NEED, projects.PROJECT)):
        ever, soon = Period.of("ever"), view.now.date() + timedelta(days=60)
        found = data.ask(calendar, view.community_id, ever, limit=RECENT).rows
        names["activities"] = {
            row.activity.id: f"{row.activity.held_on.isoformat()} {row.activity.name}"
            for row in found
            if row.activity.held_on <= soon
        }
    return names
