"""How the community is run: stationed organisations, the team, meetings, the reception of residents, a line each."""

from datetime import datetime

from repository import meetings, projects, requests, staff
from repository.access import Actor
from repository.metrics import Period, State
from repository.overview.answers import Line, worst
from repository.overview.judging import judging_of
from repository.record import term
from repository.store import Put, Steps, Store, at_once, in_steps
from repository.targets import wanted as standard_wanted
from repository.words import Message, counted, msg


@in_steps
def of_organizations(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> Steps[Line]:
    """Do stationed organisations take part? Raises Refused, Unavailable."""
    today = now.date()
    wanted = projects.glance_wanted(actor, community_id, period, seen, today=today)
    *found, aims, accepted, noted = yield [*wanted, *standard_wanted(actor, community_id)]
    tasks = yield projects.tasks_wanted(actor, community_id, found[0])
    answer = projects.glance(store, actor, community_id, period, seen, today=today, within=[*found, *tasks])
    return _organizations(judging_of([aims, accepted, noted], actor, community_id, now, seen, period).judged(answer))


@in_steps
def of_staff(store: Store, actor: Actor, community_id: str, *, now: datetime) -> Steps[Line]:
    """Is the team trained, and are its key posts succeeded to? Raises Refused, Unavailable."""
    *found, aims, accepted, noted = yield [
        *staff.glance_wanted(actor, community_id, on=now.date()),
        *standard_wanted(actor, community_id),
    ]
    answer = staff.staff_glance(store, actor, community_id, on=now.date(), within=found)
    return _team(judging_of([aims, accepted, noted], actor, community_id, now, None).judged(answer))


@in_steps
def of_meetings(store: Store, actor: Actor, community_id: str, *, now: datetime) -> Steps[Line]:
    """Are meetings held, and what they decided done? Raises Refused, Unavailable."""
    *found, aims, accepted, noted = yield [
        *meetings.glance_wanted(actor, community_id),
        *standard_wanted(actor, community_id),
    ]
    answer = meetings.glance(store, actor, community_id, now=now, within=found)
    return _meetings(judging_of([aims, accepted, noted], actor, community_id, now, None).judged(answer))


@in_steps
def of_requests(
    store: Store, actor: Actor, community_id: str, seen: frozenset[str] | None = None, *, now: datetime
) -> Steps[Line]:
    """Are residents' requests answered in time? Raises Refused, Unavailable."""
    wanted = requests.glance_wanted(actor, community_id, seen, now=now)
    *found, aims, accepted, noted = yield [*wanted, *standard_wanted(actor, community_id)]
    answer = requests.request_glance(store, actor, community_id, seen, now=now, within=found)
    return _requests(judging_of([aims, accepted, noted], actor, community_id, now, seen).judged(answer))


def systems(
    store: Store,
    actor: Actor,
    community_id: str,
    period: Period,
    seen: frozenset[str] | None = None,
    *,
    now: datetime,
) -> tuple[Line, ...]:
    """Stationed organisations, the team, meetings, the reception of residents: is each kept up? Raises Refused,
    Unavailable."""
    put = of_systems(period, seen, now)
    return tuple(answer for answer, _footprint in at_once(store, actor, community_id, put))


def of_systems(period: Period, seen: frozenset[str] | None, now: datetime) -> list[Put]:
    """The questions that ``systems`` puts, for whoever puts others with them."""
    return [
        Put(of_organizations, (period, seen), {"now": now}),
        *(Put(each, (), {"now": now}) for each in (of_staff, of_meetings)),
        Put(of_requests, (seen,), {"now": now}),
    ]


def _organizations(found: projects.CoConstructionGlance) -> Line:
    part, unmatched = found.organizations.participation, found.organizations.unmatched
    if not part.n:
        return Line("organizations", State.UNKNOWN, Message(msg("No stationed organisation is entered yet")), None)
    return Line(
        "organizations",
        part.state or State.UNKNOWN,
        counted(
            msg("{n} of {all} stationed organisations takes part"),
            msg("{n} of {all} stationed organisations take part"),
            round((part.value or 0) * part.n),
            all=part.n,
        ),
        Message(
            msg("{needs}; {unclear}"),
            {
                "needs": counted(
                    msg("{n} need nobody has taken on"), msg("{n} needs nobody has taken on"), int(unmatched.value or 0)
                ),
                "unclear": counted(
                    msg("goals or duties are unclear in {n} project"),
                    msg("goals or duties are unclear in {n} projects"),
                    int(found.unclear.value or 0),
                ),
            },
        ),
        values=(part, unmatched, found.unclear),
    )


def _team(found: staff.StaffGlance) -> Line:
    if not found.size:
        return Line("staff", State.UNKNOWN, Message(msg("No file of the team is entered yet")), None)
    if found.gaps.n is None:
        finding = Message(msg("How many of the team of {all} lack training is withheld"), {"all": found.size})
    else:
        finding = counted(
            msg("{n} of {all} in the team lacks training or a valid certificate"),
            msg("{n} of {all} in the team lack training or a valid certificate"),
            found.gaps.n,
            all=found.size,
        )
    states = [value.state for value in (found.gaps_value, found.succession) if value.state]
    return Line(
        "staff",
        worst(states) if states else State.UNKNOWN,
        finding,
        Message(
            msg("Nobody is ready to take over {n} of {all} key posts"),
            {"n": found.without_successor, "all": found.key_posts},
        )
        if found.key_posts
        else None,
        values=(found.gaps_value, found.succession),
    )


def _meetings(found: meetings.Glance) -> Line:
    if not found.anything:
        return Line("meetings", State.UNKNOWN, Message(msg("No meeting is on record yet")), None)
    missing = len(found.missing)
    not_held = counted(msg("{n} required meeting was not held"), msg("{n} required meetings were not held"), missing)
    late = counted(msg("{n} action item is overdue"), msg("{n} action items are overdue"), found.overdue)
    if missing and found.overdue:
        finding = Message(msg("{meetings}, {items}"), {"meetings": not_held, "items": late})
    elif missing or found.overdue:
        finding = not_held if missing else late
    else:
        finding = Message(msg("Meetings are held and what they decided is in time"))
    more = Message(msg("Next: {name}, {day}"), {"name": found.next.name, "day": found.next.day}) if found.next else None
    carried = found.carried_over.state or State.ON_TARGET
    state = State.OFF_TARGET if missing else worst([carried, State.NEAR if found.overdue else State.ON_TARGET])
    which = {"which": "late"} if found.overdue else {}
    return Line("meetings", state, finding, more, which, (found.carried_over,))


def _requests(found: requests.Glance) -> Line:
    rising, kind = found.rising, found.kind
    more = (
        Message(
            msg("“{topic}” comes up more and more: {n} in 31 days, before {before}"),
            {"topic": term(rising.category, requests.Topic), "n": rising.n, "before": rising.before},
        )
        if rising
        else None
    )
    if kind:
        own = {"topic": term(kind[0], requests.Topic), "n": kind[1]}
        most = Message(msg("About “{topic}”") if kind[1] == found.overdue else msg("“{topic}” has {n} of them"), own)
        more = Message(msg("{most}; {rising}"), {"most": most, "rising": more}) if more else most
    if not found.open:
        finding = Message(msg("No request of a resident is open"))
        return Line("requests", State.ON_TARGET, finding, more, values=(found.late,))
    return Line(
        "requests",
        found.late.state or State.ON_TARGET,
        counted(
            msg("{n} of {all} open requests of residents is overdue"),
            msg("{n} of {all} open requests of residents are overdue"),
            found.overdue,
            all=found.open,
        ),
        more,
        {"show": "overdue"} if found.overdue else {},
        (found.late,),
    )
