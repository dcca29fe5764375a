"""What the activities' figures say: findings as sentences, and the rows behind each chart. Pure, in the reader's
language; nothing is computed here that the repository computes."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from dashboard import i18n
from dashboard.i18n import MISSING, _, n_, number, percent, say, term
from repository.activities import Calendar, Figures, Format, FormatCount, Group, MonthOfActivities
from repository.metrics import MINIMUM_N, Period
from repository.people import AgeBand, Sex
from repository.words import msg

Rows = list[dict[str, Any]]

CLEARLY = 1.25  # so many times its share of the population: worth a headline
HARDLY = 0.25  # so little of it: hardly anybody comes
MOST_FORMATS, MOST_UNUSED = 10, 4  # bars in the chart of formats, and how many of them may stand at zero

_AGES = {
    AgeBand.A0: msg("children"),
    AgeBand.A18: msg("the 18–35s"),
    AgeBand.A36: msg("the 36–59s"),
    AgeBand.A60: msg("the 60–74s"),
    AgeBand.A75: msg("people over 75"),
}


# --- who comes -------------------------------------------------------------------------------------------------------
def who_comes(found: Figures) -> str:
    """Which ages fill the room and which are missing; those that are withheld are spoken of together."""
    ages = [group for group in found.ages if not group.withheld]
    if found.withheld or (not ages and not _off_the_lattice(found)):
        return _("So few came that it is not told who they are")
    if found.participants.value is None and not found.untold:
        return _("Nobody was registered, so who came is not known")
    if not ages:
        return _("Who came is told of whole months, quarters and years")
    if found.n_ages < MINIMUM_N:
        return _("Too few participants whose age is known to compare")
    rest = together(found.ages, found.n_ages)
    missing = min([*ages, *([rest] if rest else [])], key=_fairness)
    old = [group for group in ages if group.key in (AgeBand.A60, AgeBand.A75)]
    many = sum(group.people or 0 for group in old) / found.n_ages
    here = sum(group.population_share or 0 for group in old)
    if here and len(old) == 2 and many / here >= CLEARLY:
        first = _("People of 60 and over are {share} of those who come", share=percent(many))
    else:
        most = max(ages, key=_fairness)
        if _fairness(most) < CLEARLY:
            return _("All ages come in about the share they have here")
        first = _("{group} are {share} of those who come", group=_capital(_age(most)), share=percent(most.share))
    if _fairness(missing) <= HARDLY:
        return _("{first}, {group} hardly at all", first=first, group=_age(missing))
    if _fairness(missing) < 1 / CLEARLY:
        return _("{first}, {group} only {share}", first=first, group=_age(missing), share=percent(missing.share))
    return first


def _off_the_lattice(found: Figures) -> bool:
    """Whether of such a period no groups of people are told."""
    return found.untold or found.period.kind == "ever"


def together(groups: Sequence[Group], n: int) -> Group | None:
    """Those of ``groups`` that are withheld, as one (its key is theirs, with a space between): what the others leave
    of the ``n`` whose group is known is no secret. None without any, or where nothing is told."""
    hidden = [group for group in groups if group.withheld]
    if not hidden or not n:
        return None
    people = n - sum(group.people or 0 for group in groups)
    lives = [group.population for group in hidden]
    shares = [group.population_share for group in hidden]
    return Group(
        " ".join(group.key for group in hidden),
        msg("Withheld, together"),
        people,
        people / n if n >= MINIMUM_N else None,
        None if None in lives else sum(number or 0 for number in lives),
        None if None in shares else sum(share or 0 for share in shares),
    )


def _age(group: Group) -> str:
    names = [say(_AGES[AgeBand(key)]) for key in group.key.split()]
    if len(names) == 1:
        return names[0]
    return _("{names} and {last} together", names=i18n.listed(names[:-1]), last=names[-1])


def group_name(band: AgeBand) -> str:
    """An age band in the middle of a sentence."""
    return say(_AGES[band])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fairness(group: Group) -> float:
    """Its representation; an unknown population says nothing."""
    return (group.representation or 0.0) if group.population_share else 1.0


def by_side(found: Figures, sex: Sex) -> list[Group]:
    """One side of the pyramid, youngest first."""
    return [group for group in found.pyramid if group.key.endswith(f"_{sex}")]


def group_rows(groups: Sequence[Group], n: int, first: str) -> Rows:
    """Groups of people against the population, and what is withheld of the ``n`` of whom the group is known;
    ``first`` is the title of the column that names them."""
    rest = together(groups, n)
    return [
        {
            first: say(group.label),
            _("Participants"): group.people,
            _("Share of participants"): percent(group.share),
            _("Residents"): group.population,
            _("Share of residents"): percent(group.population_share),
            _("Representation"): MISSING if group.representation is None else number(group.representation, 1),
            _("Participation rate"): percent(group.rate),
        }
        for group in (*groups, *([rest] if rest else []))
    ]


def share_text(share: float | None) -> str:
    """What stands at a bar, its unit being said above."""
    return MISSING if share is None else percent(share).removesuffix("%")


def withheld(found: Figures, groups: Sequence[Group]) -> str:
    """What a missing number means; empty where every group is told."""
    if not any(group.withheld for group in groups) or found.participants.value == 0:
        return ""
    if _off_the_lattice(found):
        return _("Groups are told of whole months, quarters and years.")
    return _(
        "“{mark}” is withheld: groups of fewer than {k} people, and others they could be worked out from.",
        mark=MISSING,
        k=number(found.smallest),
    )


def pyramid_rows(found: Figures) -> Rows:
    """The pyramid's groups with their sex."""
    rows: Rows = []
    for sex in Sex:
        rows += [{_("Sex"): say(sex.label), **row} for row in group_rows(by_side(found, sex), 0, _("Age band"))]
    return rows


def who_rows(found: Figures) -> Rows:
    """Behind the chart of who comes: by age band and sex together where that is told, by age band, by sex."""
    age, sex = _("Age band"), _("Sex")
    rows = pyramid_rows(found) if any(group.share is not None for group in found.pyramid) else []
    rows += [{sex: _("All"), **row} for row in group_rows(found.ages, found.n_ages, age)]
    of_sex = group_rows(found.sexes, found.n_sexes, sex)
    return rows + [{sex: row[sex], age: _("All"), **row} for row in of_sex]


def by_sex(found: Figures) -> str:
    """Women among those who come and among the residents; empty where that is not told."""
    women = next((group for group in found.sexes if group.key == Sex.FEMALE), None)
    if women is None or women.share is None or women.population_share is None:
        return ""
    facts = {"share": percent(women.share), "lives": percent(women.population_share), "n": number(found.n_sexes)}
    return _("Women: {share} of those who come, {lives} of the residents (n = {n}).", **facts)


# --- what is held ----------------------------------------------------------------------------------------------------
def what_is_held(found: Figures, *, whole: bool = True) -> str:
    """Whether the activities look alike; ``whole``: those of the whole community, not of one grid."""
    variety = found.variety
    top = variety.commonest
    if top is None:
        return _("No activity was held in this period") if whole else _("This grid held no activity of its own")
    facts = {
        "n": number(top.sessions),
        "all": number(variety.diversity.sessions),
        "format": term(top.format, Format),
        "formats": number(variety.diversity.richness),
    }
    if variety.alarm:
        return _("Much the same: {n} of {all} sessions are “{format}”", **facts)
    if variety.diversity.richness == 1:
        return _("Every session was “{format}”", **facts)
    return _("{formats} formats; most often “{format}”, {n} of {all}", **facts)


def sameness(found: Figures) -> str:
    """The alarm's own line: how varied, what is wanted, what is planned."""
    effective = found.variety.effective
    target = effective.target
    said = _(
        "Effective formats {n}, target {target}.",
        n=number(effective.value, 1),
        target=number(target.low if target else None),
    )
    planned = [form for form in found.variety.formats if form.planned]
    if planned:
        ahead = n_("{n} format is planned ahead.", "{n} formats are planned ahead.", len(planned))
        said += ("" if i18n.current() == "zh" else " ") + ahead
    return said


def evenness(found: Figures) -> str:
    """How varied the formats are, in the numbers behind the effective one; empty without sessions."""
    variety = found.variety.diversity
    if variety.entropy is None:
        return ""
    return _(
        "Diversity H′ {entropy}, evenness J {evenness}, effective formats {effective}; n = {n} sessions.",
        entropy=number(variety.entropy, 2),
        evenness=number(variety.evenness, 2),
        effective=number(variety.effective, 1),
        n=number(variety.sessions),
    )


def alarm_run(found: Figures) -> str | None:
    """For how long, in words of a badge."""
    months = found.variety.months_below
    return n_("{n} month in a row", "{n} months in a row", months) if months else None


def shown_formats(found: Figures) -> list[FormatCount]:
    """The formats the chart has room for: what is held most, and some of those that are not, never held first."""
    held = [form for form in found.variety.formats if form.sessions or form.before]
    unused = [form for form in found.variety.formats if not (form.sessions or form.before)]
    unused.sort(key=lambda form: form.last_held or "")
    kept = unused[:MOST_UNUSED]
    shown = held[: MOST_FORMATS - len(kept)]
    return [*shown, *sorted(kept, key=lambda form: form.last_held or "", reverse=True)]


def format_text(form: FormatCount) -> str:
    """What stands at the end of a format's bar: absence is the finding."""
    if form.sessions:
        return number(form.sessions)
    if form.last_held is None:
        return _("0  never held")
    return _("0  last in {month}", month=form.last_held)


def format_rows(found: Figures) -> Rows:
    """All formats, also those the chart has no room for."""
    return [
        {
            _("Format"): term(form.format, Format),
            _("Sessions"): form.sessions,
            _("Period before"): form.before,
            _("Planned"): form.planned,
            _("Last held"): form.last_held or _("never"),
        }
        for form in found.variety.formats
    ]


# --- where they come from --------------------------------------------------------------------------------------------
def where_from(found: Figures) -> str:
    """Which grid's residents are missing."""
    known = [group for group in found.grids if group.population_share and group.share is not None]
    if not known:
        return _("Participants by grid: not enough is known to compare")
    least = min(known, key=_fairness)
    if _fairness(least) >= 1 / CLEARLY:
        return _("All grids come in about the share they have")
    return _(
        "{grid} has {lives} of the residents but {share} of those who come",
        grid=least.label,
        lives=percent(least.population_share),
        share=percent(least.share),
    )


def grid_text(group: Group) -> str:
    """What stands at the end of a grid's bar: its share against its residents'."""
    return _(
        "{share} (residents {lives})",
        share=percent(group.share),
        lives=percent(group.population_share),
    )


# --- the same people again -------------------------------------------------------------------------------------------
def whole_months(found: Figures, today: date) -> list[MonthOfActivities]:
    """The months that are over: a month that has just begun looks like a fall."""
    return [row for row in found.months if row.month < f"{today:%Y-%m}"]


def so_far(found: Figures, today: date) -> str:
    """What the running month has brought; empty when the period is over."""
    running = [row for row in found.months if row.month == f"{today:%Y-%m}"]
    if not running or not running[0].people:
        return ""
    return _(
        "This month so far: {visits} by {people}.",
        visits=i18n.amount(running[0].registered, "visits"),
        people=i18n.amount(running[0].people, "people"),
    )


def same_people(found: Figures, today: date) -> str:
    """Whether more visits mean more people: the newest whole months against as many before them."""
    whole = [row for row in whole_months(found, today) if row.people]
    half = min(len(whole) // 2, 6)
    if half < 2:
        if any(row.heads for row in found.months) and not any(row.people for row in found.months):
            return _("Only heads were counted: how many people came is not known")
        return _("Visits and the people behind them")
    early, late = whole[-2 * half : -half], whole[-half:]
    visits, people = (_change(early, late, name) for name in ("registered", "people"))
    facts = {"visits": percent(abs(visits)), "people": percent(abs(people))}
    if visits >= 0.05 and 0.02 <= people < visits / 2:
        return _("Visits are up {visits}, people only {people}", **facts)
    if visits >= 0.05 and people < 0.02:
        return _("Visits are up {visits}, people are not: the same ones come", **facts)
    if visits <= -0.05 and people <= -0.05:
        return _("Fewer come: visits down {visits}, people down {people}", **facts)
    if people >= 0.05:
        return _("More residents come: {people} more than before", **facts)
    each = sum(row.registered or 0 for row in late) / sum(row.people or 0 for row in late)
    return _("Hardly a change: whoever comes, comes {n} times a month", n=number(each, 1))


def _change(early: Sequence[MonthOfActivities], late: Sequence[MonthOfActivities], name: str) -> float:
    before = sum(getattr(row, name) or 0 for row in early)
    return (sum(getattr(row, name) or 0 for row in late) - before) / before if before else 0.0


def month_rows(found: Figures) -> Rows:
    """Month by month."""
    return [
        {
            _("Month"): row.month,
            _("Sessions"): row.events,
            _("Registered visits"): row.registered,
            _("Heads counted"): row.heads,
            _("Different residents"): row.people,
            _("Effective formats, three months"): None if row.effective is None else round(row.effective, 2),
        }
        for row in found.months
    ]


# --- beside the tiles ------------------------------------------------------------------------------------------------
def not_told(found: Figures, groups: Sequence[Group]) -> str:
    """What stands in place of a breakdown of which nothing is told; empty where there is nothing to tell."""
    if not found.withheld and not any(group.withheld for group in groups):
        return ""
    if found.participants.value == 0:
        return ""
    if _off_the_lattice(found):
        return _("Groups are told of whole months, quarters and years.")
    return _(
        "Withheld, because single people could be worked out: groups of fewer than {k} are not told. A longer period "
        "or the whole community may say more.",
        k=number(found.smallest),
    )


def of_whom(found: Figures) -> str:
    """The participation rate's own numbers: how many of whom."""
    return _("{n} of {all}", n=number(found.participants.value), all=number(found.residents))


def visits_made_of(found: Figures) -> str:
    """What part of the visits was only counted; else how often each came."""
    if found.withheld:
        return ""
    if found.registered is None:
        return _("heads only")
    if found.heads:
        return _("{heads} only counted", heads=number(found.heads))
    return _("{n} a head", n=number(found.visits.detail, 1)) if found.visits.detail else ""


def read_as(*, whole: bool) -> str:
    """How the tiles are meant when a grid is chosen."""
    if whole:
        return ""
    return _("A grid is chosen: sessions are those it held itself, people are its residents, wherever they took part.")


def not_recorded(found: Figures) -> str:
    """What the visits leave out where only heads were counted; empty when nothing."""
    if found.withheld:
        return _("So few people came of this place that their number is withheld.")
    if found.registered is None and found.uncounted:
        return n_(
            "{n} activity has no head-count: unknown, not zero.",
            "{n} activities have no head-count: unknown, not zero.",
            found.uncounted,
        )
    return ""


# --- the list --------------------------------------------------------------------------------------------------------
def how_many(listed: Calendar, period: Period) -> str:
    """The list's title."""
    facts = {"period": i18n.period(period)}
    if listed.more:
        return _("The latest {n} activities, {period}", n=number(len(listed.rows)), **facts)
    return n_("{n} activity, {period}", "{n} activities, {period}", len(listed.rows), **facts)


def silent(listed: Calendar) -> str:
    """Activities in the list of which nobody knows who or how many came; empty when there are none."""
    if not listed.unrecorded:
        return ""
    return n_(
        "At {n} of them nobody was registered or counted: its visitors are missing above.",
        "At {n} of them nobody was registered or counted: their visitors are missing above.",
        listed.unrecorded,
    )
