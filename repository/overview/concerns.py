"""The three troubles in words, and what has to be done today."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType

from repository import activities, facilities, maintenance
from repository.access import Actor, Operation, may
from repository.grids import GRID_POSTS, Grid, Staffing, Tier, Vacancy
from repository.maintenance import Fault, WorkCategory
from repository.metrics import State, Value
from repository.overview.answers import WORST_FIRST, Action, Concern, Estate, worst
from repository.record import term
from repository.targets import LOUD
from repository.words import Amount, Message, counted, msg

MOST_ACTIONS = 7


def facilities_concern(
    there: Sequence[Grid],
    work: maintenance.WorkGlance,
    estate: facilities.EstateGlance,
    names: Mapping[str, str],
) -> Concern:
    """What is overdue, since when more or fewer, where and of which category most, who answers for it."""
    by_id = {grid.id: grid for grid in there}
    late = max((row for row in work.grids if row.grid_id in by_id), key=lambda row: row.overdue, default=None)
    count = int(work.overdue.value or 0)
    facts: dict[str, str | int | Message] = {}
    if work.kind:
        facts |= {"category": term(work.kind[0], WorkCategory), "many": work.kind[1]}
    if late and late.overdue:
        place: Grid | None = by_id[late.grid_id]
        facts |= {"grid": by_id[late.grid_id].name, "n": late.overdue, "dangers": _hazardous(len(estate.dangers))}
        text = (
            msg("{grid} has {n} of them, the category “{category}” {many}; {dangers}.")
            if work.kind
            else msg("{grid} has {n} of them; {dangers}.")
        )
    else:
        dangers, place = _dangers(by_id, estate.dangers)
        facts |= {"dangers": dangers}
        if work.kind:
            text = msg("The category “{category}” has {many} of them; {dangers}.")
        else:
            text = msg("{dangers}.") if estate.dangers else msg("No facility is hazardous.")
    return Concern(
        "facilities",
        worst([value.state for value in (work.overdue, work.on_time, estate.good_order) if value.state]),
        _pressing(work.overdue, work.on_time, estate.good_order),
        _overdue(work.overdue),
        Message(text, facts),
        _named([place] if place else [], names),
        "maintenance",
        Message(msg("See {count} overdue"), {"count": count}) if count else Message(msg("See the repairs")),
    )


def _overdue(orders: Value) -> Message:
    """How many orders are overdue, against three months before."""
    count = int(orders.value or 0)
    before = next((then for _month, then in orders.series[-4:-3]), None)
    if orders.value is None:
        return Message(msg("No repair is on record yet"))
    if not count and before:
        return counted(
            msg("No repair is overdue, {n} was 3 months ago"),
            msg("No repair is overdue, {n} were 3 months ago"),
            int(before),
        )
    if not count:
        return Message(msg("No repair is overdue"))
    if before is None or before == count:
        return counted(msg("{n} order is overdue"), msg("{n} orders are overdue"), count)
    rose = msg("Overdue orders rose from {before} to {count} in 3 months")
    fell = msg("Overdue orders fell from {before} to {count} in 3 months")
    return Message(rose if before < count else fell, {"before": int(before), "count": count})


def _hazardous(n: int) -> Message:
    if not n:
        return Message(msg("no facility is hazardous"))
    return counted(msg("{n} facility is hazardous"), msg("{n} facilities are hazardous"), n)


def _dangers(by_id: Mapping[str, Grid], dangers: Sequence[facilities.Hazard]) -> tuple[Message, Grid | None]:
    """How many facilities are hazardous, and the grid in which most are, named where there are several."""
    said, places = _hazardous(len(dangers)), Counter(id for each in dangers if (id := each.grid_id) and id in by_id)
    if not places:
        return said, None
    grid, n = min(places.items(), key=lambda one: (-one[1], one[0]))
    if len(by_id) > 1:
        text = msg("{dangers}, in {grid}") if n == len(dangers) else msg("{dangers}, {n} of them in {grid}")
        said = Message(text, {"dangers": said, "grid": by_id[grid].name, "n": n})
    return said, by_id[grid]


def _named(grids: Iterable[Grid], names: Mapping[str, str]) -> tuple[str, ...]:
    """Who answers for the grids, in their order, two at most."""
    found = [name for grid in grids if grid.responsible_id and (name := names.get(grid.responsible_id))]
    return tuple(dict.fromkeys(found))[:2]


def _pressing(*values: Value) -> Value:
    """The one to which somebody must have reacted first; where that is not known the worst, of these the first."""
    return min(values, key=lambda one: (one.react_by or date.max, WORST_FIRST.index(one.state or State.ON_TARGET)))


def team_concern(there: Sequence[Grid], posts: Staffing, names: Mapping[str, str]) -> Concern:
    """Which posts are vacant, since when more or fewer, where most are and for how long, who answers for it."""
    state = worst([value.state for value in (posts.filled, posts.coverage) if value.state])
    empty = posts.vacancies or tuple(Vacancy(tier, grid, None, None, None) for tier, grid in posts.gaps)
    lacking = _lacking(there, empty)
    return Concern(
        "team",
        state,
        _pressing(posts.filled, posts.coverage),
        _vacant(posts),
        _lacked(lacking, _unexplained(posts))
        if lacking
        else Message(msg("The three-tier safety network covers every grid.")),
        _named([grid for grid, _empty in lacking if grid], names),
        "grids",
        Message(msg("See the posts")),
    )


def _vacant(posts: Staffing) -> Message:
    """What is vacant and how that changed, told apart: the grids' own posts are what the tile "posts filled" counts."""
    n, gaps = len(posts.vacancies), len(posts.gaps)
    own = any(vacancy.tier in GRID_POSTS for vacancy in posts.vacancies)
    before = None
    if posts.before is not None:
        before = sum(m for tier, m in posts.before.items() if own or not n or tier not in GRID_POSTS)
    if not n and gaps:
        return counted(
            msg("Every required post is filled, but {n} place of the safety network has no officer"),
            msg("Every required post is filled, but {n} places of the safety network have no officer"),
            gaps,
        )
    if not n and before:
        return counted(
            msg("Every required post is filled, {n} was vacant 3 months ago"),
            msg("Every required post is filled, {n} were vacant 3 months ago"),
            before,
        )
    if not n:
        return Message(msg("Every required post is filled"))
    facts = {"before": before, "count": n}
    if before is not None and before < n:
        rose = msg("Vacant posts rose from {before} to {count} in 3 months")
        return Message(
            rose if own else msg("Vacant posts of the safety network rose from {before} to {count} in 3 months"), facts
        )
    if before is not None and before > n:
        fell = msg("Vacant posts fell from {before} to {count} in 3 months")
        return Message(
            fell if own else msg("Vacant posts of the safety network fell from {before} to {count} in 3 months"), facts
        )
    if own:
        return counted(msg("{n} required post is vacant"), msg("{n} required posts are vacant"), n)
    return counted(
        msg("{n} post of the safety network is vacant"), msg("{n} posts of the safety network are vacant"), n
    )


_OFFICERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        Tier.STREET: (msg("{n} safety supervisor"), msg("{n} safety supervisors")),
        Tier.COMMUNITY: (msg("{n} safety assistant"), msg("{n} safety assistants")),
        Tier.GROUP: (msg("{n} safety officer"), msg("{n} safety officers")),
        Tier.GRID_LEAD: (msg("{n} grid director"), msg("{n} grid directors")),
        Tier.GROUP_LEADER: (msg("{n} residents’ group leader"), msg("{n} residents’ group leaders")),
    }
)


def _lacking(there: Sequence[Grid], empty: Iterable[Vacancy]) -> list[tuple[Grid | None, list[Vacancy]]]:
    """What is empty by grid (None: a post for all of them): where most is first, of these where it is for longest."""
    by_id = {grid.id: grid for grid in there}
    places: dict[str | None, list[Vacancy]] = {}
    for vacancy in empty:
        places.setdefault(vacancy.grid_id if vacancy.grid_id in by_id else None, []).append(vacancy)
    order = {id: place for place, id in enumerate([*by_id, None])}
    found = sorted(places.items(), key=lambda one: (-len(one[1]), -max(v.days or 0 for v in one[1]), order[one[0]]))
    return [(by_id[id] if id else None, vacancies) for id, vacancies in found]


def _unexplained(posts: Staffing) -> int:
    """Places of the network without an officer though no post for them is vacant: the one there is serves elsewhere."""
    if not posts.vacancies:
        return 0
    known = {(vacancy.tier, vacancy.grid_id) for vacancy in posts.vacancies}
    return sum((tier, grid) not in known and (tier, None) not in known for tier, grid in posts.gaps)


def _lacked(lacking: Sequence[tuple[Grid | None, list[Vacancy]]], gaps: int) -> Message:
    """The two places that lack most, what they lack, and how many there are beyond."""
    first, *others = [_of_place(grid, vacancies) for grid, vacancies in lacking[:2]]
    said = first[0]
    if others:
        said = Message(msg("{one}, {other}"), {"one": said, "other": others[0][0]})
    if rest := sum(len(vacancies) for _grid, vacancies in lacking) - first[1] - sum(n for _said, n in others):
        said = counted(msg("{said}, and {n} more is missing"), msg("{said}, and {n} more are missing"), rest, said=said)
    if gaps:
        said = counted(
            msg("{said}; {n} other place of the safety network has no officer"),
            msg("{said}; {n} other places of the safety network have no officer"),
            gaps,
            said=said,
        )
    return Message(msg("{said}."), {"said": said})


def _of_place(grid: Grid | None, vacancies: Sequence[Vacancy]) -> tuple[Message, int]:
    """Which posts are empty in a grid, the two of which most are, and how many these are."""
    tiers = Counter(vacancy.tier for vacancy in vacancies).most_common(2)
    posts = [counted(*_OFFICERS[tier], n) for tier, n in tiers]
    what = posts[0] if len(posts) == 1 else Message(msg("{one} and {other}"), {"one": posts[0], "other": posts[1]})
    told = sum(n for _tier, n in tiers)
    if grid:
        said = Message(msg("{grid} lacks {what}"), {"grid": grid.name, "what": what})
    else:
        said = Message(msg("{what} is missing") if told == 1 else msg("{what} are missing"), {"what": what})
    if len(vacancies) == 1 and (days := vacancies[0].days):
        said = Message(msg("{said} ({days})"), {"said": said, "days": counted(msg("{n} day"), msg("{n} days"), days)})
    return said, told


def participation_concern(
    there: Sequence[Grid], crowd: activities.Figures, organizers: Sequence[str], names: Mapping[str, str]
) -> Concern:
    """What was held and who came, against the period before, where fewest did, who organises it."""
    variety, rate = crowd.variety, crowd.participation
    state = worst([value.state for value in (rate, variety.effective) if value.state])
    people = int(crowd.participants.value or 0)
    told = rate.value is not None and not rate.why and not crowd.withheld and people >= rate.metric.minimum_n
    least = _least(there, crowd) if told and state in LOUD else None
    acting = [name for id in organizers if (name := names.get(id))][:1]
    charged = _named([least[0]] if least else there if len(there) == 1 and not acting else [], names)
    return Concern(
        "participation",
        state,
        _pressing(rate, variety.effective),
        _held_of_kinds(crowd),
        _came(crowd, people, least),
        tuple(dict.fromkeys([*acting, *charged])) if state in LOUD else (),
        "activities",
        Message(msg("See the activities")),
    )


def _held_of_kinds(crowd: activities.Figures) -> Message:
    """What was held, of how many kinds, and what it was in the period before."""
    held, formats = int(crowd.held.value or 0), sorted(crowd.variety.formats, key=lambda each: -each.sessions)
    before = sum(each.before for each in formats)
    if not held and before:
        text = msg("No activity was held in this period, {n} in the one before")
        return Message(text, {"n": before})
    if not held:
        return Message(msg("No activity was held in this period"))
    most = formats[0] if formats else None
    if most and most.sessions * 2 > held > 1:
        facts = {"n": most.sessions, "held": held, "format": term(most.format, activities.Format)}
        if before:
            text = msg("{n} of {held} activities were of one kind: {format}; {m} of {before} in the period before")
            return Message(text, {**facts, "m": most.before, "before": before})
        return Message(msg("{n} of {held} activities were of one kind: {format}"), facts)
    kinds = sum(each.sessions > 0 for each in formats)
    both: dict[str, Message | int] = {
        "activities": counted(msg("{n} activity"), msg("{n} activities"), held),
        "kinds": counted(msg("{n} kind"), msg("{n} kinds"), kinds),
    }
    if before:
        return Message(msg("{activities} of {kinds}, {n} in the period before"), {**both, "n": before})
    return Message(msg("{activities} of {kinds}"), both)


def _came(crowd: activities.Figures, people: int, least: tuple[Grid, float] | None) -> Message:
    """Who came, who did not, and where fewest did; nothing of what may not be told."""
    rate = crowd.participation
    if crowd.withheld:
        return Message(msg("So few took part that their number is withheld."))
    if rate.why:
        return Message(msg("Different residents are told of whole months, quarters and years."))
    if crowd.participants.value is None:
        registered = msg("Who came was not registered one by one.")
        return Message(registered if crowd.held.value else msg("No visit is on record."))
    said = counted(msg("{n} resident took part"), msg("{n} residents took part"), people)
    if before := _came_before(crowd):
        said = Message(msg("{people} ({n} before)"), {"people": said, "n": before})
    absent = min(
        (group for group in crowd.ages if group.share is not None and group.population_share),
        key=lambda group: (group.share or 0) / (group.population_share or 1),
        default=None,
    )
    if absent is not None and absent.share is not None and people >= rate.metric.minimum_n:
        facts = {
            "people": said,
            "band": absent.label,
            "share": round(absent.share * 100),
            "population": round((absent.population_share or 0) * 100),
        }
        said = Message(msg("{people}; {band} are {share}% of them, {population}% of the population"), facts)
    if least:
        facts = {"said": said, "grid": least[0].name, "rate": Amount(least[1], "percent")}
        said = Message(msg("{said}; lowest rate in {grid}: {rate}"), facts)
    return Message(msg("{said}."), {"said": said})


def _came_before(crowd: activities.Figures) -> int | None:
    """How many different people came in the period before, as far as the course of the rate tells it."""
    rate, period = crowd.participation, crowd.period
    if period.kind not in ("month", "quarter", "year"):
        return None
    told = [share for month, share in rate.series if share is not None and month in period.previous.months]
    return round(told[-1] * rate.n) if told else None


def _least(there: Sequence[Grid], crowd: activities.Figures) -> tuple[Grid, float] | None:
    """The one grid of several of whose people the smallest share came; None where any of these may not be told."""
    by_id, enough = {grid.id: grid for grid in there}, crowd.participation.metric.minimum_n
    rates = {group.key: group.rate for group in crowd.grids if group.key in by_id and (group.population or 0) >= enough}
    told = [(id, rate) for id, rate in rates.items() if rate is not None]
    if len(told) < 2 or len(told) < len(there):
        return None
    found = min(told, key=lambda one: one[1])
    return (by_id[found[0]], found[1]) if sum(rate == found[1] for _id, rate in told) == 1 else None


# --- today
def actions(
    actor: Actor,
    there: Sequence[Grid],
    estate: Estate,
    urgent: maintenance.Urgent,
    posts: Staffing,
    crowd: activities.Figures,
    names: Mapping[str, str],
) -> tuple[Action, ...]:
    """What has to be done today, MOST_ACTIONS at most, what cannot wait first."""
    found: list[Action] = []
    for risk in urgent.stopped:
        where = estate.found.names.get(risk.facility_id or "", risk.place or "")
        found.append(
            Action(
                State.OFF_TARGET,
                Message(msg("Mend and re-check {place}: an inspection shut it"), {"place": where}),
                names.get(risk.responsible_id or ""),
                risk.overdue_days or None,
                "facilities",
                {"part": "hazards", "which": "stopped"},
            )
        )
    for risk in urgent.late[:1]:
        found.append(
            Action(
                State.OFF_TARGET,
                Message(msg("Rectify a major hazard: {what}"), {"what": risk.what}),
                names.get(risk.responsible_id or ""),
                risk.overdue_days,
                "facilities",
                {"part": "hazards", "hazard": risk.id},
            )
        )
    shut = {risk.order_id for risk in urgent.stopped}
    rest = MOST_ACTIONS - 3 - len(found)
    for order in [order for order in urgent.overdue if order.id not in shut][:rest]:
        where = estate.found.names.get(order.facility_id or "", order.place)
        found.append(
            Action(
                State.OFF_TARGET if order.pressing else State.NEAR,
                Message(msg("Mend {place}: {fault}"), {"place": where, "fault": term(order.fault, Fault)}),
                names.get(order.assignee_id or ""),
                order.days,
                "maintenance",
                {"order": order.id},
            )
        )
    overdue = estate.overdue
    if overdue:
        found.append(
            Action(
                State.NEAR,
                Message(msg("Inspections that are overdue: {n}"), {"n": len(overdue)}),
                names.get(overdue[0].inspector_id or ""),
                overdue[0].overdue_days,
                "facilities",
                {"part": "inspections", "due": "overdue"},
            )
        )
    by_id = {grid.id: grid for grid in there}
    for vacancy in posts.vacancies[:1]:
        grid = by_id.get(vacancy.grid_id or "")
        post = Message(Tier(vacancy.tier).label)
        found.append(
            Action(
                State.NEAR,
                Message(msg("Fill a post in {grid}: {post}"), {"grid": grid.name, "post": post})
                if grid
                else Message(msg("Fill a post: {post}"), {"post": post}),
                names.get(grid.responsible_id or "") if grid else None,
                None,
                "grids",
                {},
            )
        )
    if danger := facilities.first_to_go(estate.found.dangers):
        found.append(
            Action(
                State.NEAR,
                Message(msg("Take out of use or replace {name}"), {"name": danger.name}),
                names.get(danger.responsible_id or ""),
                danger.days_past if (danger.days_past or 0) > 0 else None,
                "facilities",
                {"facility": danger.id},
            )
        )
    if crowd.variety.effective.state in (State.OFF_TARGET, State.NEAR) and may(actor, Operation.CREATE, "activities"):
        found.append(Action(State.NEAR, Message(msg("Plan an activity of another kind")), None, None, "activities", {}))
    return tuple(sorted(found, key=lambda action: WORST_FIRST.index(action.state))[:MOST_ACTIONS])
