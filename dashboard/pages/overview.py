"""Overview: in ten seconds, are things all right, and if not, what, since when, and who acts."""

from collections.abc import Iterator

from markupsafe import Markup

from dashboard import byhand, cards, data, explaining, glance, i18n, navigation, session
from dashboard.i18n import _, n_, say
from repository.access import Operation, may
from repository.maintenance import WorkOrder
from repository.metrics import State
from repository.overview import Action, Concern, Glance, Line, Row
from repository.words import msg

SYSTEMS = {
    "organizations": msg("Local organisations"),
    "staff": msg("Staff"),
    "meetings": msg("Meetings"),
    "requests": msg("Requests"),
}
AREAS = {"facilities": msg("Facilities"), "team": msg("Team and posts"), "participation": msg("Participation")}


def render() -> None:
    """Three troubles, seven tiles, five grids, today's list: one screen; below it, how the community is run."""
    view = session.view()
    found, lines = glance.look(view)
    if not found.grids:
        _begin()
        return
    byhand.draw(
        byhand.row("three", [_concern(concern) for concern in found.concerns]),
        _headline(found),
        byhand.row("tiles", [byhand.tile(value, i18n.target_words(value)) for value in found.values]),
        byhand.row("two", [_grids(found), _today(found.actions, past=view.past is not None)]),
        byhand.column(_("How the community is run"), byhand.row("four", [_system(line) for line in lines])),
    )
    for value in found.values:
        explaining.show_if_asked(value, value.metric.key, value.metric.page, navigation.LISTS.get(value.metric.key, {}))
    if view.past is None:  # what is over does not change by itself
        data.keep_fresh()


def _begin() -> None:
    pressed = cards.empty(
        _("This community has no grids yet"),
        _("Bring in the sheet of grids you keep, or enter the first grid by hand."),
        (_("Import a sheet"), ":material/upload_file:"),
        (_("Enter a grid"), ":material/add:"),
        key="overview",
    )
    if pressed is not None:
        navigation.go("data" if pressed == 0 else "grids")


def _concern(concern: Concern) -> Markup:
    return byhand.trouble(
        say(AREAS[concern.area]),
        concern.state,
        cards.lasting(concern.pressing) if concern.pressing.state is concern.state else None,
        say(concern.finding),
        say(concern.why),
        " · ".join((*concern.who, *_by(concern))),
        page=concern.page,
        label=say(concern.link),
        params=concern.params,
    )


def _by(concern: Concern) -> Iterator[str]:
    """By when they must act, or should have."""
    if concern.by is None:
        return
    day = i18n.day_short(concern.by)
    late = concern.by < session.view().now.date()
    yield _("should have acted by {day}", day=day) if late else _("to act by {day}", day=day)


def _headline(found: Glance) -> Markup:
    """How many figures need action, which are overdue for it, and the way to log a repair."""
    count = found.attention
    parts = [Markup('<h2 title="{}">{}</h2>').format(cards.about_plainly(count.count), glance.headline(count))]
    if count.needs or count.accepted:
        words = Markup("{} {}").format(_("Which, and since when"), byhand.icon("arrow_forward"))
        parts.append(byhand.link("targets", words, kind="more"))
    if may(session.actor(), Operation.CREATE, WorkOrder.collection):
        words = Markup("{} {}").format(byhand.icon("add"), _("Log a repair"))
        parts.append(byhand.link("report", words, kind="do"))
    if late := glance.beyond(count):
        hint = cards.about_plainly(count.beyond)
        parts.append(Markup('<p class="whole" title="{}">{} {}</p>').format(hint, byhand.icon("timer"), late))
    return Markup('<div class="head">{}</div>').format(byhand.NOTHING.join(parts))


def _grids(found: Glance) -> Markup:
    lagging = found.lagging
    title = _("The grids side by side")
    if lagging and len(found.grids) > 1:
        title = _(
            "{grid} is off target in {n} of {all}",
            grid=lagging[0].name,
            n=i18n.number(lagging[1]),
            all=len(found.rows),
        )
    rows = [(_row_name(row), [_cell(row, grid.id) for grid in found.grids]) for row in found.rows]
    return byhand.column(title, byhand.compared([_("Grid"), *(grid.code for grid in found.grids)], rows))


def _system(line: Line) -> Markup:
    return byhand.trouble(
        say(SYSTEMS[line.page]),
        line.state,
        None,
        say(line.finding),
        say(line.more) if line.more else "",
        "",
        page=line.page,
        label=_("See more"),
        params=line.params,
    )


def _row_name(row: Row) -> Markup:
    unit = "%" if row.metric.unit == "percent" else say(i18n.UNITS[row.metric.unit])
    bounds = i18n.target_bounds(row.target, row.metric.unit)
    said = ", ".join(part for part in (unit, bounds) if part)
    return Markup("{} <small>{}</small>").format(say(row.metric.short), said)


def _cell(row: Row, grid_id: str) -> Markup | str:
    cell = row.cells[grid_id]
    if cell.state is State.UNKNOWN:
        return i18n.MISSING
    figure = byhand.mark(cell.state, i18n.figure_of(cell.value, row.metric.unit)[0])
    return byhand.link(row.metric.page, figure, **{"grid": grid_id, **navigation.LISTS.get(row.metric.key, {})})


def _today(actions: tuple[Action, ...], *, past: bool) -> Markup:
    if not actions:
        title = _("Nothing had to be done") if past else _("Nothing has to be done today")
        return byhand.column(title, byhand.NOTHING)
    lines = []
    for action in actions:
        late = _("{days} overdue", days=i18n.days_badge(action.days)) if action.days else ""
        who = " · ".join(part for part in (action.who or "", late) if part)
        lines.append(byhand.todo(action.state, say(action.what), who, page=action.page, params=action.params))
    if past:
        title = n_("{n} thing had to be done", "{n} things had to be done", len(actions))
    else:
        title = n_("{n} thing to do today", "{n} things to do today", len(actions))
    return byhand.column(title, Markup("<ul>{}</ul>").format(byhand.NOTHING.join(lines)))
