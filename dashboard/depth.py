"""The part Residents of the page of activities: who comes again and who doesn't, from bystander to volunteer, how deep
the activities go, which formats reach those who stay away, and what runs the same way again and again."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import cards, charts, data, i18n, participation, session, volunteers
from dashboard.i18n import MISSING, _, n_, number, percent, plain, say, term
from repository.access import Operation, may
from repository.activities import (
    Attendance,
    Cohort,
    Comings,
    Figures,
    FlowRuns,
    Format,
    FormatCount,
    FormatReach,
    GridReview,
    Level,
    PartTaken,
    ResidentsReview,
    figures,
    flow_runs,
    moved_up,
    reach_of_formats,
    residents_of_grid,
    residents_review,
)
from repository.metrics import MINIMUM_N, State, last_months
from repository.people import AgeBand
from repository.words import msg

Rows = list[dict[str, Any]]
Review = ResidentsReview | GridReview
STEPS = {
    "bystander": msg("Bystanders"),
    "participant": msg("Only took part"),
    "co_organiser": msg("Co-organisers"),
    "volunteer": msg("Volunteers"),
}
_DARKEST = 0.4  # of a cohort: the share that the darkest cell stands for, at least
_RUNS = 6  # formats in the chart of what runs the same way


def render(view: session.View) -> None:
    """The part: of the whole community, or of one grid."""
    found = data.ask(residents_review, view.community_id, view.period, grids=view.grids, now=view.now)
    if found is None:
        _of_grid(view)
    else:
        taking_part = data.ask(figures, view.community_id, view.period, now=view.now)
        runs = data.ask(flow_runs, view.community_id, view.period, now=view.now)
        _tiles(found, runs)
        left, right = st.columns([7, 5], gap="small")
        with left:
            _comings(found)
        with right:
            _rungs(found)
            _depths(found)
        left, right = st.columns([7, 5], gap="small")
        with left:
            _reach(view, taking_part)
        with right:
            _same_way(runs)
        _cohorts(found)
    if found is not None and may(session.actor(), Operation.READ, Attendance.collection):
        _moved(view)
    volunteers.listed(view)


def _of_grid(view: session.View) -> None:
    """What may be told of one grid: who takes part of those who live there, who came again, how far they went."""
    found = data.ask(residents_of_grid, view.community_id, view.period, grids=view.grids, now=view.now)
    if found is None:
        cards.empty(
            _("Told of the whole community, or of one grid"),
            _("Of some grids together it is not told: what two choices differ by would be a few residents."),
            key="residents",
        )
        return
    taking_part = data.ask(figures, view.community_id, view.period, grids=view.grids, now=view.now)
    runs = data.ask(flow_runs, view.community_id, view.period, grids=view.grids, now=view.now)
    with cards.tiles(5):
        cards.tile(taking_part.participation, page="", detail=participation.of_whom(taking_part))
        cards.tile(taking_part.newcomers, page="")
        cards.tile(found.lapsed, page="", detail=_lapsed_of(found))
        cards.tile(found.retained, page="", detail=_retained_of(found))
        cards.tile(runs.longest, page="", spark=False)
    st.caption(f":material/info: {plain(participation.read_as(whole=False))} {plain(not_told(found))}")
    left, right = st.columns([7, 5], gap="small")
    with left:
        _comings(found)
    with right:
        _rungs(found)
    _same_way(runs)
    if may(session.actor(), Operation.READ, Attendance.collection):
        _moved(view)


def not_told(found: GridReview) -> str:
    """Why a grid's part is emptier than the community's; empty when nothing is withheld."""
    mine = found.comings
    if mine is None or (mine.lapsed is not None and found.rungs[1].people is not None):
        return ""
    return _(
        "Where any grid has fewer than {k} of a kind, no grid's are told: what the others leave would be these few. "
        "A quarter or a year tells more than a month.",
        k=number(found.smallest),
    )


def _tiles(found: ResidentsReview, runs: FlowRuns) -> None:
    with cards.tiles(5):
        cards.tile(found.lapsed, page="", detail=_lapsed_of(found))
        cards.tile(found.retained, page="", detail=_retained_of(found))
        cards.tile(found.deep, page="")
        cards.tile(runs.longest, page="", spark=False)
        cards.tile(found.satisfied, page="")
        cards.tile(found.cost, page="", detail=_("of {spend}", spend=i18n.money(found.spend_cents)))
        cards.tile(
            found.registered_share,
            page="",
            detail=""
            if found.registered is None
            else _("{n} of {all}", n=number(found.registered), all=number(found.residents)),
        )
        cards.tile(found.active, page="")
        cards.tile(found.hours, page="")
    for remark in (money_known(found), hours_known(found)):
        if remark:
            st.caption(f":material/info: {plain(remark)}")


def _retained_of(found: Review) -> str | None:
    """Of which year's first-timers; None where it is not told."""
    return i18n.period(found.retained_in) if found.retained.enough else None


def _lapsed_of(found: Review) -> str | None:
    """Of which period, where the one chosen is not over; None otherwise: then the target is said."""
    if found.lapsed_in == found.period or not found.lapsed.enough:
        return None
    return i18n.period(found.lapsed_in)


def money_known(found: ResidentsReview) -> str:
    """How many activities have no spend on record; empty when all have."""
    if not found.unpriced:
        return ""
    return n_(
        "Of {n} activity held no spend is recorded: the spend per resident leaves it out.",
        "Of {n} activities held no spend is recorded: the spend per resident leaves them out.",
        found.unpriced,
    )


def hours_known(found: ResidentsReview) -> str:
    """How many services have no hours on record; empty when all have."""
    missing = found.services - found.timed
    if not missing:
        return ""
    return n_(
        "{n} of {all} volunteers' services has no hours recorded: the hours a head leave it out.",
        "{n} of {all} volunteers' services have no hours recorded: the hours a head leave them out.",
        missing,
        all=number(found.services),
    )


# --- who comes again -------------------------------------------------------------------------------------------------
def _comings(found: Review) -> None:
    told = [each for each in found.course if each.new is not None]
    look = cards.look()
    words = (_("Came the month before too"), _("Back after a break"), _("First time ever"))
    figure = charts.stacked(
        [each.period for each in told],
        [
            (words[0], [each.stayed for each in told], look.main),
            (words[1], [each.back for each in told], look.pale),
            (words[2], [each.new for each in told], look.second),
        ],
        [number(each.people) for each in told],
        look=look,
    )
    few = len(found.course) - len(told)
    note = n_("{n} month is withheld: too few people.", "{n} months are withheld: too few people.", few) if few else ""
    cards.chart(
        who_comes_again(found),
        _("Different residents by month: each came at least once in it"),
        figure if any(each.people for each in told) else None,
        coming_rows(found.course),
        key="comings",
        note=f":small[:gray[{plain(note)}]]" if note else "",
    )


def who_comes_again(found: Review) -> str:
    """Who of the period before came again."""
    mine = found.comings
    if mine is None:
        return _("Who came again is told of whole months, quarters and years")
    if mine.before is None or mine.people is None:
        return _("So few came of this grid, or of another, that it is not told")
    if not mine.before and not mine.people:
        return _("Nobody was registered in this period or the one before")
    if not mine.before:
        return _("Nobody was registered in the period before: nobody could come again")
    if mine.lapsed is None:
        return _("So few came again, or stayed away, that it is not told")
    facts = {"n": number(mine.lapsed), "all": number(mine.before), "period": i18n.period(found.period.previous)}
    if not mine.over:
        return _("Of {all} who came in {period}, {n} have not come again yet", **facts)
    return _("Of {all} who came in {period}, {n} did not come again", **facts)


def coming_rows(course: Sequence[Comings]) -> Rows:
    """Month by month; nothing where it is withheld."""
    return [
        {
            _("Month"): each.period,
            _("Different residents"): each.people,
            _("First time ever"): each.new,
            _("Came the month before too"): each.stayed,
            _("Back after a break"): each.back,
            _("Came the month before, not in this"): each.lapsed if each.over else None,
        }
        for each in course
    ]


def _cohorts(found: ResidentsReview) -> None:
    shown = found.cohorts[:-1]  # of the newest no month after is over
    width = max((len(cohort.shares) for cohort in shown), default=0)
    figure = charts.heat(
        [cohort.month for cohort in shown],
        [str(place) for place in range(1, width + 1)],
        [[_dark(cohort, place) for place in range(1, width + 1)] for cohort in shown],
        [[_cell(cohort, place, found.smallest) for place in range(1, width + 1)] for cohort in shown],
        look=cards.look(),
        full=_DARKEST,
    )
    first = sum(cohort.size or 0 for cohort in shown)
    cards.chart(
        who_is_kept(found),
        _(
            "Of those who first came in a month (rows), the share who came 1, 2, … months later; n = {n}",
            n=number(first),
        ),
        figure if first else None,
        cohort_rows(shown, width, found.smallest),
        key="cohorts",
        note=f":small[:gray[{plain(_few(found.smallest))}]]" if any(c.few or c.size is None for c in shown) else "",
    )


def _few(smallest: int) -> str:
    return _("“<{k}”: too few people to be told.", k=number(smallest))


def _dark(cohort: Cohort, place: int) -> float | None:
    if place > len(cohort.shares):
        return None
    if place in cohort.few:
        return _DARKEST / 8  # a trace, the same whatever it hides
    return cohort.shares[place - 1]


def _cell(cohort: Cohort, place: int, smallest: int) -> str:
    if place > len(cohort.shares):
        return MISSING
    if cohort.size is None or place in cohort.few:
        return f"<{number(smallest)}"
    return percent(cohort.shares[place - 1])


def who_is_kept(found: Review) -> str:
    """Whether those who come for the first time come again."""
    kept = found.retained
    if not kept.enough:
        return _("Too few came for the first time to say whether they come again")
    facts = {"n": number(kept.n), "share": percent(kept.value)}
    facts["year"] = i18n.period(found.retained_in)
    if kept.state is State.ON_TARGET:
        return _("Of {n} first-timers of {year}, {share} came again within three months", **facts)
    return _("Of {n} first-timers of {year}, only {share} came again within three months", **facts)


def cohort_rows(shown: Sequence[Cohort], width: int, smallest: int) -> Rows:
    """A row a month of first coming."""
    return [
        {
            _("First came in"): cohort.month,
            _("First-timers"): f"<{number(smallest)}" if cohort.size is None else number(cohort.size),
            **{
                n_("{n} month later", "{n} months later", place): _cell(cohort, place, smallest)
                for place in range(1, width + 1)
            },
        }
        for cohort in shown
    ]


# --- how far they go -------------------------------------------------------------------------------------------------
def _rungs(found: Review) -> None:
    steps = [rung for rung in found.rungs if rung.step != "bystander"]
    figure = charts.bars(
        [say(STEPS[rung.step]) for rung in steps],
        [rung.people for rung in steps],
        [_rung_text(rung.people, rung.risen, found.smallest) for rung in steps],
        look=cards.look(),
    )
    aside = next((rung.people for rung in found.rungs if rung.step == "bystander"), None)
    caption = ""
    if found.rungs:
        caption = _(
            "Different residents by the furthest step they took in the period; beside it who had never come so far"
        )
    note = (
        _("Bystanders: {n} of {all} residents came to nothing.", n=number(aside), all=number(found.residents))
        if aside is not None
        else ""
    )
    cards.chart(
        how_far(found),
        caption,
        figure if any(rung.people for rung in steps) else None,
        [
            {
                _("Step"): say(STEPS[rung.step]),
                _("Residents"): rung.people,
                _("For the first time"): rung.risen,
            }
            for rung in found.rungs
        ],
        key="rungs",
        note=plain(note),
    )


def _rung_text(people: int | None, risen: int | None, smallest: int) -> str:
    if people is None:
        return MISSING
    if risen == 0:
        return number(people)
    return _("{n}  (new: {risen})", n=number(people), risen=f"<{number(smallest)}" if risen is None else number(risen))


def how_far(found: Review) -> str:
    """How many do more than take part."""
    if not found.rungs:
        return _("From bystander to volunteer is told of whole months, quarters and years")
    people = {rung.step: rung.people for rung in found.rungs}
    further = [people["co_organiser"], people["volunteer"]]
    if people["participant"] is None or None in further:
        return _("So few did more than take part that they are not told one by one")
    both = sum(n or 0 for n in further)
    if not both and not people["participant"]:
        return _("Nobody was registered in this period")
    if not both:
        return _("Nobody did more than take part")
    return n_(
        "{n} resident helped to organise or volunteered; {all} only took part",
        "{n} residents helped to organise or volunteered; {all} only took part",
        both,
        all=number(people["participant"]),
    )


def _depths(found: ResidentsReview) -> None:
    levels = found.depths
    figure = charts.bars(
        [say(depth.level.label) for depth in levels],
        [depth.visits + depth.heads for depth in levels],
        [
            _("{visits} in {n} sessions", visits=number(depth.visits + depth.heads), n=number(depth.sessions))
            for depth in levels
        ],
        look=cards.look(),
    )
    note = (
        n_("{n} session has no level recorded.", "{n} sessions have no level recorded.", found.unlevelled)
        if found.unlevelled
        else ""
    )
    cards.chart(
        how_deep(found),
        _("Visits (registered and counted) at sessions held, by participation level; n = {n}", n=number(found.deep.n)),
        figure if found.deep.n else None,
        [
            {
                _("Participation level"): say(depth.level.label),
                _("Sessions"): depth.sessions,
                _("Registered visits"): depth.visits,
                _("Heads counted"): depth.heads,
            }
            for depth in levels
        ],
        key="depths",
        note=f":small[:gray[{plain(note)}]]" if note else "",
    )


def how_deep(found: ResidentsReview) -> str:
    """Whether residents have a say or are told."""
    if not found.deep.enough:
        return _("How deep the activities go is not recorded")
    told = next(depth for depth in found.depths if depth.level is Level.INFORM)
    share = (told.visits + told.heads) / found.deep.n
    if found.deep.state is State.OFF_TARGET:
        return _("{share} of the visits were only to be told something", share=percent(share))
    return _("{share} of the visits were to something residents had a say in", share=percent(found.deep.value))


# --- sameness --------------------------------------------------------------------------------------------------------
def stay_away(found: Figures) -> list[AgeBand]:
    """The age bands that are missing: all that hardly come, else the one furthest below its share of the population.
    What is withheld counts as what it is together."""
    if found.n_ages < MINIMUM_N:
        return []
    rest = participation.together(found.ages, found.n_ages)
    fairness = {
        AgeBand(group.key): rest.representation if rest is not None and group.withheld else group.representation
        for group in found.ages
    }
    known = {band: share for band, share in fairness.items() if share is not None}
    hardly = [band for band, share in known.items() if share <= participation.HARDLY]
    least = min(known, key=lambda band: known[band], default=None)
    if hardly or least is None or known[least] >= 1 / participation.CLEARLY:
        return hardly
    return [least]


def untried(forms: Sequence[FormatCount], since: str) -> set[str]:
    """Formats not held since that month, or never."""
    return {form.format for form in forms if form.last_held is None or form.last_held < since}


def _reach(view: session.View, taking_part: Figures) -> None:
    missing = stay_away(taking_part)
    if not missing:
        cards.chart(_("No age clearly stays away in this period"), "", None, [], key="reach")
        return
    reached = data.ask(reach_of_formats, view.community_id, now=view.now)
    rare = untried(taking_part.variety.formats, last_months(view.now.date(), 12)[0])
    # of several, the one for whom a format that is not held makes most of a difference
    group = max(
        missing, key=lambda band: max((_share(each, band) for each in reached if each.format in rare), default=0)
    )
    shown = sorted(
        (each for each in reached if each.shares.get(group) is not None), key=lambda each: -_share(each, group)
    )
    figure = charts.bars(
        [term(each.format, Format) for each in shown],
        [each.shares[group] for each in shown],
        [_reach_text(each, group, each.format in rare) for each in shown],
        look=cards.look(),
    )
    cards.chart(
        what_would_reach(group, reached, rare),
        _(
            "Share of {group} among the different residents of known age who came to it, in the latest calendar year "
            "the format was held",
            group=participation.group_name(group),
        ),
        figure if shown else None,
        [
            {
                _("Format"): term(each.format, Format),
                _("Year"): each.year or _("never"),
                _("Residents of known age"): each.people,
                _("Share"): percent(each.shares.get(group)),
                _("Known from"): "" if each.year is None else _("another community") if each.elsewhere else _("here"),
                _("Last twelve months"): _("not held") if each.format in rare else _("held"),
            }
            for each in reached
        ],
        key="reach",
        note=f":small[:gray[{plain(words)}]]" if (words := unknown_reach(group, reached, rare)) else "",
    )


def _share(each: FormatReach, group: AgeBand) -> float:
    return each.shares.get(group) or 0.0


def _reach_text(each: FormatReach, group: AgeBand, rare: bool) -> str:
    facts = {"share": percent(each.shares[group]), "n": number(each.people), "year": each.year}
    if each.elsewhere:
        return _("{share} of {n}, elsewhere {year}", **facts)
    if rare:
        return _("{share} of {n}, last {year}", **facts)
    return _("{share} of {n}", **facts)


def what_would_reach(group: AgeBand, reached: Sequence[FormatReach], rare: set[str]) -> str:
    """Which format, not held for a year, reached those who stay away."""
    name = participation.group_name(group)
    tried = max((_share(each, group) for each in reached if each.format not in rare), default=0.0)
    best = max((each for each in reached if each.format in rare), key=lambda each: _share(each, group), default=None)
    if best is None or _share(best, group) <= 1.5 * tried:
        return _("{group} stay away, and no format tried so far reached them better", group=_capital(name))
    return _(
        "{group} stay away; of those who came to “{format}”, not held for a year, {share} were of their age",
        group=_capital(name),
        format=term(best.format, Format),
        share=percent(_share(best, group)),
    )


def unknown_reach(group: AgeBand, reached: Sequence[FormatReach], rare: set[str]) -> str:
    """Formats of which nobody knows whom they would reach, and those that are withheld."""
    never = [term(each.format, Format) for each in reached if each.format in rare and each.year is None]
    few = [term(each.format, Format) for each in reached if each.year is not None and each.shares.get(group) is None]
    said = []
    if never:
        said.append(
            _("Never tried within reach, so nobody knows whom it would bring: {formats}.", formats=i18n.listed(never))
        )
    if few:
        said.append(_("Withheld, with too few residents of one age: {formats}.", formats=i18n.listed(few)))
    return ("" if i18n.current() == "zh" else " ").join(said)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _same_way(found: FlowRuns) -> None:
    shown = found.runs[:_RUNS]
    target = found.longest.target
    bound = (target.high if target else None) or 0
    figure = charts.bars(
        [term(run.format, Format) for run in shown],
        [run.length for run in shown],
        [number(run.length) for run in shown],
        look=cards.look(),
        red=[place for place, run in enumerate(shown) if run.length > bound],
    )
    longest = shown[0] if shown else None
    note = ""
    if longest is not None and longest.length > bound:
        badge = cards.badge(State.OFF_TARGET, word=_("Sameness alarm"))
        steps = _(
            "“{steps}”, {first} to {last}",
            steps=longest.what,
            first=i18n.date(longest.first),
            last=i18n.date(longest.last),
        )
        note = f"{badge} {plain(steps)}"
    cards.chart(
        same_again(found),
        _("Activities of one format, one after the other, that ran the same way, up to the period's end"),
        figure if shown else None,
        [
            {
                _("Format"): term(run.format, Format),
                _("In a row"): run.length,
                _("First"): i18n.date(run.first),
                _("Last"): i18n.date(run.last),
                _("How it runs"): run.what,
                _("Told by"): _("its steps") if run.by_steps else _("theme, place and level"),
            }
            for run in found.runs
        ],
        key="same-way",
        note=note,
    )


def same_again(found: FlowRuns) -> str:
    """What was held the same way how often."""
    if not found.runs:
        return _("How the activities ran is not recorded")
    longest = found.runs[0]
    if longest.length == 1:
        return _("No format ran the same way twice in a row")
    return _(
        "“{format}” ran the same way {n} times in a row", format=term(longest.format, Format), n=number(longest.length)
    )


# --- who moved up ----------------------------------------------------------------------------------------------------
def _moved(view: session.View) -> None:
    """By code, for those who record attendance: the page shows numbers alone."""
    moved = data.ask(moved_up, view.community_id, view.period, grids=view.grids, now=view.now)
    if not moved:
        return
    words = n_(
        "{n} resident did more than before for the first time, {period}",
        "{n} residents did more than before for the first time, {period}",
        len(moved),
        period=i18n.period(view.period),
    )
    with st.expander(plain(words), icon=":material/trending_up:"):
        by_step = {step: [one for one in moved if one.step == step] for step in ("volunteer", "co_organiser")}
        for step, own in by_step.items():
            if own:
                codes = i18n.listed(f"{one.resident} ({one.month})" for one in own)
                st.markdown(f"**{plain(say(PartTaken(step).label))}** {plain(codes)}")
