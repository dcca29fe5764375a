"""What the Staff page says of the team: each dimension against what is wished, who lacks training, which certificates
run out, what the year's plan still owes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cards, charts, data, drawer, i18n, personnel, session, tables
from dashboard.i18n import MISSING, _, days_badge, listed, n_, number, percent, plain, say, term
from repository import staff
from repository.access import Operation, may
from repository.metrics import State, Value
from repository.staff import (
    EXPERIENCED_YEARS,
    LONG_YEARS,
    MIN_GROUP,
    CertificateName,
    Dimension,
    Education,
    Gap,
    StaffAge,
    StaffTraining,
    Team,
    TrainingReview,
    Wish,
)

Names = Mapping[str, Mapping[str, str]]
PHONE_ROWS = 20
SHOWN = 100
SHOWN_CERTIFICATES, SHOWN_TOPICS = 8, 8


# --- the structure
def structure(found: Team) -> None:
    """Tiles, the shares against their targets, and how each dimension is made up."""
    values = [each.value for each in found.dimensions if each.value is not None]
    with cards.tiles(len(values) + 3):
        for each in found.dimensions:
            if each.value is not None:
                told = each.fulfilled
                _tile(each.value, few=told.few, withheld=told.n is None)
        small = not found.whole and 0 < found.size < MIN_GROUP
        _tile(found.training, withheld=small)
        _tile(found.gaps_value, few=found.gaps.few, withheld=found.gaps.n is None)
        _tile(found.succession, detail=_bare(found))
    if not found.whole:
        st.caption(
            _(
                "As of {day}, the end of a month. Figures of fewer than {k} people, and what would give them away, are "
                "withheld (“<{k}”); single files are for who leads the team.",
                day=i18n.date(found.on),
                k=MIN_GROUP,
            )
        )
    left, right = st.columns([7, 5], gap="small")
    with left:
        _against_the_wish(found)
    with right:
        _made_up(found)


def _bare(found: Team) -> str:
    return _("{n} of {all} without", n=number(found.without_successor), all=number(found.key_posts))


def _tile(value: Value, *, few: bool = False, withheld: bool = False, detail: str | None = None) -> None:
    """A metric; one that is withheld says so instead of a figure."""
    if not withheld:
        shown = value if value.metric.unit != "lessons" else replace(value, series=(), detail=None)
        cards.tile(shown, page="", detail=detail)
        return
    metric = value.metric
    with st.container(border=True, gap=None, height="stretch", key=f"tile_{metric.key}"):
        st.markdown(say(metric.short), help=cards.about(replace(value, value=None, n=0)))
        figure = f"<{MIN_GROUP}" if few else MISSING
        st.metric(
            say(metric.short),
            f"{plain(figure)} :small[:gray[{plain(i18n.target_words(value))}]]",
            f"{cards.ICONS[State.UNKNOWN]} {_('Withheld')}",
            delta_color="gray",
            delta_arrow="off",
            label_visibility="collapsed",
        )


def _against_the_wish(found: Team) -> None:
    """The shares as bars, hollow boxes what is wished."""
    wished = [each for each in found.dimensions if each.value is not None]
    known = [each for each in wished if each.value is not None and each.value.value is not None]
    off = [each for each in known if each.value is not None and each.value.state in (State.OFF_TARGET, State.NEAR)]
    if not known:
        finding = _("What the team is like cannot be told")
    elif not off and len(known) < len(wished):
        finding = _("The team is as the document wishes in what can be told")
    elif not off:
        finding = _("The team is as the document wishes in all {all} respects", all=len(known))
    elif len(known) < len(wished):
        words = i18n.listed(personnel.word(each.key) for each in off)
        finding = _("In what can be told the team falls short: {which}", which=words)
    else:
        worst = min(off, key=_distance)
        finding = n_(
            "The team falls short in {n} of {all} respects: {worst}",
            "The team falls short in {n} of {all} respects, furthest in: {worst}",
            len(off),
            all=len(known),
            worst=personnel.word(worst.key),
        )
    targets = [_target(each) for each in wished]
    figure = charts.bars(
        [personnel.word(each.key) for each in wished],
        [100 * (each.value.value or 0) if each.value else 0 for each in wished],
        [_share_text(each) for each in wished],
        look=cards.look(),
        boxes=[100 * (target or 0) for target in targets],
        red=[place for place, each in enumerate(wished) if each.value and each.value.state is State.OFF_TARGET],
        pale=True,
    )
    rows = [
        {
            _("Dimension"): personnel.word(each.key),
            _("Fulfil it"): each.fulfilled.n if each.fulfilled.n is not None else _few(each),
            _("Of"): each.known,
            _("Share (%)"): None
            if each.value is None or each.value.value is None
            else round(100 * each.value.value, 1),
            _("Wanted (%)"): None if (target := _target(each)) is None else round(100 * target),
        }
        for each in found.dimensions
    ]
    cards.chart(
        finding,
        _(
            "Share of the staff in service, %, as of {day}, n = {n}; hollow: the target",
            day=i18n.date(found.on),
            n=number(found.size),
        ),
        figure if found.size else None,
        rows,
        key="wishes",
    )


def _distance(each: Dimension) -> float:
    target = _target(each)
    return ((each.value.value or 0) / target) if each.value and target else 1.0


def _target(each: Dimension) -> float | None:
    return each.value.target.low if each.value and each.value.target else None


def _share_text(each: Dimension) -> str:
    if each.value is None or each.value.value is None:
        return _few(each) if each.fulfilled.n is None else MISSING
    return f"{percent(each.value.value)} ({number(each.fulfilled.n)}/{number(each.known)})"


def _few(each: Dimension) -> str:
    return f"<{MIN_GROUP}" if each.fulfilled.few else _("withheld")


def _made_up(found: Team) -> None:
    """Each dimension on a line of its own: how many of which kind, and the state in words."""
    with st.container(border=True, height="stretch", gap="xsmall", key="team_dimensions"):
        st.header(n_("How the team of {n} is made up", "How the team of {n} is made up", found.size), anchor=False)
        for each in found.dimensions:
            if each.fulfilled.n is None:
                words = cards.badge(State.UNKNOWN, word=_("Withheld"))
                figure = _few(each)
            else:
                words = _badge(each.value)
                figure = f"{number(each.fulfilled.n)} / {number(each.known)}"
            called = plain(personnel.word(each.key))
            label = f"**{called}** {plain(figure)} {words}"
            if not found.whole:
                st.markdown(label)
            elif st.button(label, type="tertiary", key=f"wish-{each.key}", width="content", help=_("Who they are")):
                personnel.list_of(each.key)
            said = [f"{_group(each.key, name)} {number(n)}" for name, n in each.groups]
            if said:
                st.markdown(f":small[:gray[{plain(' · '.join(said))}]]")


def _badge(value: Value | None) -> str:
    """The state of a metric in words; nothing for a dimension without one."""
    if value is None:
        return ""
    return cards.badge(value.state, cards.lasting(value) if value.accepted else None)


def _group(key: Wish, name: str) -> str:
    if not name:
        return _("not noted")
    if key is Wish.EDUCATION:
        return say(Education(name).label)
    if key is Wish.AGE:
        return say(StaffAge(name).label)
    if key is Wish.SERVICE:
        bands = {
            "0": _("under {n} years", n=EXPERIENCED_YEARS),
            "3": _("{n} to 9 years", n=EXPERIENCED_YEARS),
            "10": _("10 to {n} years", n=LONG_YEARS - 1),
            "20": _("{n} years or more", n=LONG_YEARS),
        }
        return bands[name]
    return _("Yes") if name == "yes" else _("No")


# --- training
def training(view: session.View, names: Names, on: date) -> None:
    """Who lacks hours, which certificates run out, what the plan still owes."""
    found = data.ask(staff.training_review, view.community_id, on=on)
    members = {each.person_id: each.id for each in data.ask_as_seen(staff.members, view.community_id)}
    size = len(found.gaps)
    with cards.tiles(3):
        target = None if found.value.detail is None else _("by now {n}", n=personnel.hours(found.value.detail))
        cards.tile(replace(found.value, series=(), detail=None), page="", detail=target)
        cards.tile(found.gaps_value, page="", detail=_("of {n}", n=number(size)))
        cards.tile(found.expiring_value, page="")
    _gap_list(found, names, members)
    left, right = st.columns(2, gap="small")
    with left:
        _running_out(found, names, members)
    with right:
        _plan(found)


def _gap_list(found: TrainingReview, names: Names, members: Mapping[str, str]) -> None:
    gaps = found.lacking
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(plain(_gap_finding(found, names)), anchor=False, width="content")
        st.space("stretch")
        rows = [_gap_row(gap, names) for gap in gaps]
        tables.download(
            rows, name="training-gaps", title=_("Training gaps"), key="training-gaps",
            of=(StaffTraining.collection, session.view().community_id),
        )  # fmt: skip
        if may(session.actor(), Operation.CREATE, StaffTraining.collection) and st.button(
            _("Enter training"), icon=":material/school:", type="primary", key="do_training", width="content"
        ):
            drawer.open_at(personnel.TRAINING)
    said = _("Hours since 1 January {year}, as of {day}", year=str(found.on.year), day=i18n.date(found.on))
    if found.plan is None:
        said += " · " + _("no plan says how many there should be")
    else:
        facts = {"hours": number(found.plan.hours), "year": str(found.plan.year)}
        said += " · " + _("the plan asks for {hours} h a head in {year}, less of who came later", **facts)
    st.caption(plain(said))
    if not gaps:
        return
    with st.container(key="wide_gaps"):
        _gap_table(gaps[:SHOWN], rows[:SHOWN], members)
        tables.first_of(SHOWN, len(gaps))
    with st.container(key="narrow_gaps", gap="xsmall"):
        for gap in gaps[:PHONE_ROWS]:
            _gap_line(gap, names, members)
        tables.first_of(PHONE_ROWS, len(gaps))


def _gap_finding(found: TrainingReview, names: Names) -> str:
    gaps = found.lacking
    if not found.gaps:
        return _("Nobody is in service on this day")
    if not gaps:
        if found.plan is None:
            return _("Without a plan nobody owes hours, and no certificate has run out")
        return _("Nobody lacks training")
    worst = gaps[0]
    who = names["people"].get(worst.person_id, MISSING)
    if worst.missing:
        return n_(
            "{n} of {all} lacks training: {who}, {hours} h",
            "{n} of {all} lack training, {who} the most: {hours} h",
            len(gaps),
            all=len(found.gaps),
            who=who,
            hours=personnel.hours(worst.missing),
        )
    return n_(
        "{n} of {all} has a certificate that has run out",
        "{n} of {all} have a certificate that has run out",
        len(gaps),
        all=len(found.gaps),
    )


def _gap_row(gap: Gap, names: Names) -> dict[str, Any]:
    return {
        _("Person"): names["people"].get(gap.person_id, MISSING),
        _("Hours of training"): gap.hours,
        _("Due by now"): None if gap.owed is None else round(gap.owed, 1),
        _("Missing (h)"): gap.missing or None,
        _("In the whole year"): None if gap.whole_year is None else round(gap.whole_year, 1),
        _("Last training"): gap.last_on,
        _("Certificates"): listed(
            _("{name}: {day}", name=term(each.name, CertificateName), day=i18n.date(each.valid_until))
            for each in gap.expiring
        )
        or None,
    }


def _gap_table(gaps: Sequence[Gap], rows: Sequence[dict[str, Any]], members: Mapping[str, str]) -> None:
    columns = st.column_config
    table, missing = tables.frame(rows), _("Missing (h)")
    table = table.drop(columns=[title for title in table.columns if all(pd.isna(value) for value in table[title])])
    table[""] = [_("Look at it")] * len(rows)

    def opened() -> None:
        person = gaps[st.session_state["gap-open"]["row"]].person_id
        drawer.open_at(personnel.MEMBER, members.get(person, ""))

    most = max((gap.missing for gap in gaps), default=0)
    st.dataframe(
        table,
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 10 else 11 * 38,
        placeholder="",
        key="gap-table",
        column_config={
            missing: columns.ProgressColumn(missing, format="%.1f", color="red", min_value=0, max_value=max(most, 1)),
            _("Last training"): columns.DateColumn(format="YYYY-MM-DD"),
            _("Certificates"): columns.TextColumn(width="medium"),
            "": columns.ButtonColumn("", type="secondary", key="gap-open", on_click=opened),
        },
        alt=_("Who lacks training, the most first"),
    )


def _gap_line(gap: Gap, names: Names, members: Mapping[str, str]) -> None:
    said = []
    if gap.missing:
        said.append(f":red-badge[:material/dangerous: {plain(_('{n} h missing', n=personnel.hours(gap.missing)))}]")
    said += [f":red-badge[{plain(term(each.name, CertificateName))}]" for each in gap.expired]
    label = f"**{plain(names['people'].get(gap.person_id, MISSING))}** {' '.join(said)}"
    if st.button(label, key=f"gap-{gap.person_id}", width="stretch"):
        drawer.open_at(personnel.MEMBER, members.get(gap.person_id, ""))


def _running_out(found: TrainingReview, names: Names, members: Mapping[str, str]) -> None:
    """Certificates that have run out or will soon, the first on top."""
    ending = sorted(
        ((each, gap.person_id) for gap in found.gaps for each in gap.expiring),
        key=lambda pair: (pair[0].valid_until or date.max, pair[1]),
    )
    over = sum(each.valid_until is not None and each.valid_until < found.on for each, _person in ending)
    if not ending:
        finding = _("No certificate runs out within {n} days", n=staff.EXPIRING_DAYS)
    elif over:
        facts = {"over": number(over), "days": staff.EXPIRING_DAYS}
        finding = n_(
            "{n} certificate has run out or will within {days} days, {over} already",
            "{n} certificates have run out or will within {days} days, {over} already",
            len(ending),
            **facts,
        )
    else:
        finding = n_(
            "{n} certificate runs out within {days} days",
            "{n} certificates run out within {days} days",
            len(ending),
            days=staff.EXPIRING_DAYS,
        )
    with st.container(border=True, height="stretch", gap="xxsmall", key="todo_certificates"):
        st.header(plain(finding), anchor=False)
        st.caption(_("Of each kind the newest one; renew it and enter the new one"))
        for each, person in ending[:SHOWN_CERTIFICATES]:
            left = ((each.valid_until or found.on) - found.on).days
            with st.container(
                horizontal=True, horizontal_alignment="distribute", gap="xxsmall", vertical_alignment="center"
            ):
                words = f"{names['people'].get(person, MISSING)} · {term(each.name, CertificateName)}"
                state = State.OFF_TARGET if left < 0 else State.NEAR
                if st.button(
                    f":{cards.COLOURS[state]}[{cards.ICONS[state]}] {plain(words)}",
                    type="tertiary",
                    key=f"ending-{each.id}",
                    width="content",
                ):
                    drawer.open_at(personnel.MEMBER, members.get(person, ""))
                when = (
                    _("over for {days}", days=days_badge(-left)) if left < 0 else _("in {days}", days=days_badge(left))
                )
                st.markdown(f":small[:gray[{i18n.date(each.valid_until)} · {plain(when)}]]", width="content")
        tables.first_of(SHOWN_CERTIFICATES, len(ending))
        if ending:
            st.space("stretch")
            rows = [
                {
                    _("Person"): names["people"].get(person, MISSING),
                    _("Certificate"): term(each.name, CertificateName),
                    _("Valid until"): each.valid_until,
                    _("Days left"): ((each.valid_until or found.on) - found.on).days,
                }
                for each, person in ending
            ]
            cards.behind(rows, key="ending", title=finding)


def _plan(found: TrainingReview) -> None:
    """The year's planned topics, those nobody has learnt on top."""
    plan, owing = found.plan, found.owing
    late = sum(topic.overdue for topic in owing)
    if plan is None:
        finding = _("There is no training plan for {year}", year=str(found.on.year))
    elif not plan.topics:
        finding = _("The plan of {year} names no topic", year=str(plan.year))
    elif not owing:
        finding = _("Everything the plan of {year} names has been held", year=str(plan.year))
    elif late:
        facts = {"all": len(plan.topics), "year": str(plan.year), "late": number(late)}
        finding = n_(
            "The plan of {year} still owes {n} of {all} topics, {late} past its day",
            "The plan of {year} still owes {n} of {all} topics, {late} past their day",
            len(owing),
            **facts,
        )
    else:
        facts = {"all": len(plan.topics), "year": str(plan.year)}
        finding = n_(
            "The plan of {year} still owes {n} of {all} topics",
            "The plan of {year} still owes {n} of {all} topics",
            len(owing),
            **facts,
        )
    with st.container(border=True, height="stretch", gap="xxsmall", key="training_plan"):
        st.header(plain(finding), anchor=False)
        st.caption(_("Held: somebody in service attended a training of this name in the year"))
        for topic in found.topics[:SHOWN_TOPICS]:
            with st.container(horizontal=True, horizontal_alignment="distribute", gap="xxsmall"):
                if topic.attended:
                    icon, words = (
                        f":green[{cards.ICONS[State.ON_TARGET]}]",
                        _("{n} of {all} came", n=topic.attended, all=topic.of),
                    )
                elif topic.overdue:
                    icon, words = (
                        f":red[{cards.ICONS[State.OFF_TARGET]}]",
                        _("overdue {days}", days=days_badge((found.on - topic.by).days)),
                    )
                else:
                    icon, words = ":gray[:material/schedule:]", _("by {day}", day=i18n.day_short(topic.by))
                st.markdown(f"{icon} {plain(topic.topic)}", width="content")
                st.markdown(f":small[:gray[{plain(words)}]]", width="content")
        tables.first_of(SHOWN_TOPICS, len(found.topics))
        st.space("stretch")
        if may(session.actor(), Operation.UPDATE, staff.TrainingPlan.collection):
            label = _("Change the plan") if plan else _("Enter the plan of {year}", year=str(found.on.year))
            if st.button(plain(label), icon=":material/edit_calendar:", key="plan", width="content"):
                drawer.open_at(personnel.PLAN, plan.id if plan else drawer.NEW)
