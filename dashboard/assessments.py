"""The part Assessment of the Staff page: rounds, their results beside what the work says, and the drawers in which
ballots are entered, rounds opened, closed and put right."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cards, data, drawer, forms, i18n, session, tables
from dashboard.i18n import MISSING, _, n_, number, percent, plain, say
from repository import staff
from repository.access import Operation, may
from repository.evidence import Evidence, evidence
from repository.metrics import State
from repository.staff import (
    AssessmentBallots,
    AssessmentRound,
    GroupResult,
    RaterGroup,
    RaterKind,
    Result,
    RoundReview,
    RoundState,
)
from repository.store import Invalid, build
from repository.words import Message, msg

Names = Mapping[str, Mapping[str, str]]
ROUND, BALLOTS = "round", "ballots"
"""URL parameters: the round in the drawer; the person, with the round before a dot, whose ballots are."""
FIELDS = ("name", "first", "last", "opens_on", "closes_on", "people", "min_raters", "min_residents")
PHONE_ROWS = 30
SHOWN_INVALID = 6
APART = "、"


# --- the part
def show(view: session.View, names: Names) -> None:
    """One round at a time, the newest first."""
    there = data.ask_as_seen(staff.rounds, view.community_id)
    if not there:
        _begin()
        return
    words = {each.id: each.name for each in there}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.selectbox(
            _("Assessment round"),
            list(words),
            format_func=lambda id: words.get(id, id),
            label_visibility="collapsed",
            width=280,
            **session.in_url("assessed", words, there[0].id),
        )
        st.space("stretch")
        if st.button(_("Open a round"), icon=":material/add:", type="primary", key="do_round", width="content"):
            drawer.open_at(ROUND)
        if st.button(_("Change or close"), icon=":material/edit:", key="round-edit", width="content"):
            drawer.open_at(ROUND, str(chosen))
    found = data.ask_as_seen(staff.round_review, view.community_id, str(chosen))
    _review(view, found, names)


def _begin() -> None:
    pressed = cards.empty(
        _("Nobody has been assessed yet"),
        _(
            "Open a round: who is assessed, for which time, by when the ballots come in. They are counted on paper and "
            "entered here, one by one or as tallies."
        ),
        (_("Open a round"), ":material/add:"),
        key="assessment",
    )
    if pressed == 0:
        drawer.open_at(ROUND)
        st.rerun()


def _review(view: session.View, found: RoundReview, names: Names) -> None:
    held = found.round
    with cards.tiles(3):
        open_ = held.state is RoundState.OPEN
        judged = {"target": None} if open_ else {}  # while ballots come in nothing is off target
        cards.tile(found.mean, page="")
        valid = replace(found.valid, metric=replace(found.valid.metric, **judged))
        cards.tile(valid, page="", detail=_("{n} of {all}", n=found.mean.n, all=len(found.results)))
        with st.container(border=True, gap=None, height="stretch", key="tile_raters"):
            st.markdown(
                _("Ballots"), help=_("Entered in this round, about everybody; each person needs the minimum number")
            )
            st.metric(
                _("Ballots"),
                f"{number(held.entered)} :small[:gray[{_('at least {n} each', n=number(held.min_raters))}]]",
                f":material/info: {_state_words(held, view)}",
                delta_color="off",
                delta_arrow="off",
                label_visibility="collapsed",
            )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(plain(_finding(found)), anchor=False, width="content")
        st.space("stretch")
        beside = _beside(view, held)
        rows = [_row(each, held, beside.get(each.person_id), names) for each in found.results]
        tables.download(
            rows, name="assessment", title=held.name, key="assessment",
            of=(AssessmentBallots.collection, view.community_id),
        )  # fmt: skip
    st.caption(
        plain(
            _(
                "{weights}. Valid from {n} raters on, {share} % of them ordinary residents. Work figures of {first} to "
                "{last} stand beside the result and are no part of it.",
                weights=" + ".join(f"{say(group.kind.label)} {group.weight} %" for group in held.groups),
                n=held.min_raters,
                share=held.min_residents,
                first=i18n.date(held.first),
                last=i18n.date(held.last),
            )
        )
    )
    _invalid(found, names)
    with st.container(key="wide_assessment"):
        _table(held, found.results, rows)
    with st.container(key="narrow_assessment", gap="xsmall"):
        for each in found.results[:PHONE_ROWS]:
            label = f"**{plain(names['people'].get(each.person_id, MISSING))}** {_badge(held, each)}"
            if st.button(label, key=f"assessed-{each.person_id}", width="stretch"):
                drawer.open_at(BALLOTS, f"{held.id}.{each.person_id}")
        tables.first_of(PHONE_ROWS, len(found.results))
    _corrections(held, names)


def _invalid(found: RoundReview, names: Names) -> None:
    """Which condition each invalid result of a closed round lacks."""
    if found.round.state is RoundState.OPEN:
        return
    invalid = [each for each in found.results if not each.valid]
    for each in invalid[:SHOWN_INVALID]:
        said = i18n.listed(map(say, each.missing))
        who = names["people"].get(each.person_id, MISSING)
        st.markdown(f":red[:material/dangerous:] **{plain(who)}** {plain(said)}")
    tables.first_of(SHOWN_INVALID, len(invalid))


def _state_words(held: AssessmentRound, view: session.View) -> str:
    if held.state is RoundState.CLOSED:
        return say(held.state.label)
    if held.closes_on < view.now.date():
        return _("Open, its last day is past")
    return _("Open until {day}", day=i18n.day_short(held.closes_on))


def _finding(found: RoundReview) -> str:
    held, results = found.round, found.results
    invalid = sum(not each.valid for each in results)
    if held.state is RoundState.OPEN:
        return n_(
            "{n} of {all} has the ballots a valid result needs",
            "{n} of {all} have the ballots a valid result needs",
            len(results) - invalid,
            all=len(results),
        )
    if not invalid:
        return _(
            "All {all} results are valid, {mean} points on average", all=len(results), mean=number(found.mean.value, 1)
        )
    return n_("{n} of {all} results is invalid", "{n} of {all} results are invalid", invalid, all=len(results))


def _badge(held: AssessmentRound, each: Result) -> str:
    if each.valid:
        return f":blue-badge[{plain(_('{n} points', n=number(each.score, 1)))}]"
    if held.state is RoundState.OPEN:
        return cards.badge(State.UNKNOWN, word=_("{n} of {all} raters", n=each.raters, all=held.min_raters))
    return cards.badge(State.OFF_TARGET, word=_("Invalid"))


def _beside(view: session.View, held: AssessmentRound) -> Mapping[str, Evidence]:
    """What the work says of everybody assessed in a round, in its time."""
    return data.ask(evidence, view.community_id, held.people, held.first, held.last, now=view.now)


def _row(each: Result, held: AssessmentRound, beside: Evidence | None, names: Names) -> dict[str, Any]:
    not_yet, enough = (_("Not enough yet"), _("Enough ballots"))
    if held.state is RoundState.CLOSED:
        not_yet, enough = _("Invalid"), _("Valid")
    row: dict[str, Any] = {
        _("Person"): names["people"].get(each.person_id, MISSING),
        _("Result"): each.score,
        _("State"): enough if each.valid else not_yet,
    }
    for group in each.groups:
        row[_part_of(group.group)] = None if group.part is None else round(group.part, 1)
    row[_("Raters")] = each.raters
    row[_("Ordinary residents (%)")] = round(100 * each.ordinary / each.raters) if each.raters else None
    if beside is not None:
        work = beside.work
        row |= {
            _("Orders handled"): work.handled,
            _("On time (%)"): None if work.share_on_time is None else round(100 * work.share_on_time),
            _("Reworked"): work.reworked,
            _("Overdue"): work.overdue,
            _("Inspections"): beside.inspections,
            _("Patrols"): beside.patrols.patrols,
            _("Households visited"): beside.patrols.visits,
            _("Requests answered"): beside.requests.ended,
            _("Requests answered late"): beside.requests.late,
            _("Action items done"): beside.items.done,
            _("Action items overdue"): beside.items.overdue,
            _("Posts"): len(beside.posts),
        }
    row[_("What is missing")] = i18n.listed(map(say, each.missing)) or None
    return row


def _part_of(group: RaterGroup) -> str:
    return _("{group} ({points})", group=say(group.kind.label), points=group.weight)


def _table(held: AssessmentRound, results: Sequence[Result], rows: Sequence[dict[str, Any]]) -> None:
    columns = st.column_config
    table = tables.frame(rows)
    table.insert(3, "", [_("Look at it")] * len(rows))

    def opened() -> None:
        drawer.open_at(BALLOTS, f"{held.id}.{results[st.session_state['assessed-open']['row']].person_id}")

    st.dataframe(
        table,
        hide_index=True,
        row_height=38,
        height="content" if len(table) <= 14 else 15 * 38,
        placeholder="",
        key="assessed-table",
        column_config={
            _("Person"): columns.TextColumn(pinned=True),
            _("Result"): columns.NumberColumn(format="%.2f"),
            **{_part_of(group): columns.NumberColumn(format="%.1f") for group in held.groups},
            "": columns.ButtonColumn("", type="secondary", key="assessed-open", on_click=opened),
        },
        alt=_("Results of the round, the invalid ones first"),
    )


def _corrections(held: AssessmentRound, names: Names) -> None:
    if not held.corrections:
        return
    st.header(
        n_("{n} correction after it was closed", "{n} corrections after it was closed", len(held.corrections)),
        anchor=False,
    )
    for each in reversed(held.corrections):
        st.markdown(f":small[{plain(_correction(each, names))}]")


def _correction(each: staff.Correction, names: Names | None) -> str:
    words = [i18n.datetime_(each.at, session.zone()), each.by]
    if names is not None:
        words.append(names["people"].get(each.person_id, MISSING))
    before, after = (_("invalid") if score is None else number(score, 2) for score in (each.before, each.after))
    return " · ".join([*words, say(each.group.label), f"{before} → {after}", each.reason])


def result_line(held: AssessmentRound, result: Result) -> None:
    """A round and what it says of one person: in their file."""
    st.markdown(f"**{plain(held.name)}** {_badge(held, result)}")
    words = [
        _(
            "{group} {part} of {weight}",
            group=say(each.group.kind.label),
            part=number(each.part, 1),
            weight=each.group.weight,
        )
        for each in result.groups
        if each.part is not None
    ]
    words += [say(missing) for missing in result.missing]
    words.append(_("{n} raters", n=number(result.raters)))
    st.markdown(f":small[:gray[{plain(' · '.join(words))}]]")
    for each in held.corrections:
        if each.person_id == result.person_id:
            st.markdown(f":small[{plain(_correction(each, None))}]")


def worded(found: Evidence) -> str:
    """What the work says of somebody, in words."""
    work = found.work
    words = [
        n_("{n} order handled", "{n} orders handled", work.handled),
        _("on time {share}", share=percent(work.share_on_time)),
        _("{n} reworked", n=number(work.reworked)),
        _("{n} overdue", n=number(work.overdue)),
        _("{n} inspections", n=number(found.inspections)),
        _(
            "{n} patrols, {visits} visits to homes",
            n=number(found.patrols.patrols),
            visits=number(found.patrols.visits),
        ),
        _("{n} requests answered, {late} late", n=number(found.requests.ended), late=number(found.requests.late)),
        _(
            "{n} action items done, {late} late, {overdue} overdue",
            n=number(found.items.done),
            late=number(found.items.late),
            overdue=number(found.items.overdue),
        ),
        _("{n} posts", n=number(len(found.posts))),
    ]
    return " · ".join(words)


# --- the drawers
def open_drawer(view: session.View, names: Names) -> None:
    """Draw what is open. Call it last."""
    if wanted := drawer.opened(ROUND):
        if wanted == drawer.NEW:
            if may(session.actor(), Operation.CREATE, AssessmentRound.collection):
                drawer.show(ROUND, _("Open a round"), lambda: _new_round(view, names))
            return
        held = next((each for each in data.ask(staff.rounds, view.community_id) if each.id == wanted), None)
        if held is None:
            _gone(ROUND)
            return
        drawer.show(ROUND, plain(held.name), lambda: _round(view, names, held))
    elif wanted := drawer.opened(BALLOTS):
        round_id, _dot, person = wanted.partition(".")
        there = {each.id: each for each in data.ask(staff.rounds, view.community_id)}
        if round_id not in there or person not in there[round_id].people:
            _gone(BALLOTS)
            return
        found = data.ask(staff.round_review, view.community_id, round_id)
        title = names["people"].get(person, MISSING)
        drawer.show(BALLOTS, plain(title), lambda: _ballots(view, found, person))


def _gone(parameter: str) -> None:
    st.warning(_("This record is not there any more, or not in your charge."), icon=":material/search_off:")
    drawer.close(parameter)


def _people(view: session.View, names: Names) -> dict[str, str]:
    today = view.now.date()
    there = data.ask(staff.members, view.community_id)
    return {each.person_id: names["people"].get(each.person_id, MISSING) for each in there if each.serves_on(today)}


def _new_round(view: session.View, names: Names) -> None:
    people = _people(view, names)
    if not people:
        st.info(_("Who is assessed is a member of the staff: enter those first."), icon=":material/info:")
    made = forms.edit(
        AssessmentRound,
        key="round-new",
        fields=FIELDS,
        references={**names, "people": people},
        defaults={"people": tuple(people), "opens_on": view.now.date()},
        save=lambda values, submission: data.tell(
            staff.open_round, view.community_id, values, key=submission, done=_("The round is open.")
        ),
    )
    if made is not None:
        drawer.open_at(ROUND, made.id)  # weights and items come next
        drawer.done()


def _round(view: session.View, names: Names, held: AssessmentRound) -> None:
    if held.state is RoundState.CLOSED:
        st.info(
            _("This round is closed. Open a person's ballots to put an entry right, with a reason."),
            icon=":material/lock:",
        )
        _weights(view, held)
        return
    if held.entered:
        st.caption(_("Ballots are entered: weights, items and minimums stay as they are; somebody can still be added."))
    saved = forms.edit(
        AssessmentRound,
        key="round-edit",
        fields=FIELDS,
        current=held,
        references={**names, "people": _people(view, names)},
        save=lambda values, _submission: data.tell(
            staff.edit_round, view.community_id, held.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done()
    _weights(view, held)
    with st.popover(_("Close the round"), icon=":material/lock:"):
        st.markdown(_("No more ballots are taken; what stands is the result. Corrections then need a reason."))
        if st.button(_("Close it"), type="primary", key="do_close_round"):
            drawer.act(
                lambda: data.tell(
                    staff.close_round, view.community_id, held.id, held.revision, done=_("The round is closed.")
                ),
                close=ROUND,
            )
    drawer.offer_deletion(ROUND, held, staff.remove_round, why=_("Only a round without ballots can be deleted."))


def _weights(view: session.View, held: AssessmentRound) -> None:
    """Groups of raters, their weights and items, as a table to change."""
    open_ = held.state is RoundState.OPEN and not held.entered
    form = f"groups.{held.id}"
    mine = drawer.draft(form, held, "groups")
    who, weight, points, items = _("Raters"), _("Weight (%)"), _("Points for an item"), _("Items assessed")
    words = {str(each): say(each.label) for each in RaterKind}
    table = pd.DataFrame(
        {
            who: pd.Series([words[str(each.kind)] for each in mine.opened.groups], dtype=object),
            weight: pd.Series([each.weight for each in mine.opened.groups], dtype="Int64"),
            points: pd.Series([each.points for each in mine.opened.groups], dtype="Float64"),
            items: pd.Series([APART.join(each.items) for each in mine.opened.groups], dtype=object),
        }
    )
    with st.expander(_("Weights and items")):
        typed = st.data_editor(
            table,
            hide_index=True,
            num_rows="dynamic" if open_ else "fixed",
            disabled=not open_,
            column_config={
                who: st.column_config.SelectboxColumn(options=list(words.values()), required=True),
                weight: st.column_config.NumberColumn(min_value=0, max_value=100, step=1, required=True),
                points: st.column_config.NumberColumn(min_value=0.5, max_value=100, required=True),
                items: st.column_config.TextColumn(width="large", required=True),
            },
            key=f"groups-{mine.key}",
        )
        st.caption(_("Items are set apart by commas. The weights add up to 100."))
        if not open_ or not st.button(_("Save weights and items"), key="do_groups", type="primary"):
            return
        back = {label: word for word, label in words.items()}

        def save() -> AssessmentRound | None:
            groups = tuple(
                build(
                    RaterGroup,
                    {
                        "kind": back.get(str(row[who]), ""),
                        "weight": None if pd.isna(row[weight]) else int(row[weight]),
                        "points": None if pd.isna(row[points]) else float(row[points]),
                        "items": _apart(str(row[items] or "")),
                    },
                )
                for row in typed.to_dict("records")
            )
            change, revision = staff.edit_round, mine.stands.revision
            return data.tell(change, view.community_id, held.id, revision, {"groups": groups}, done=_("Saved."))

        drawer.act(save, form=form)


def _apart(text: str) -> tuple[str, ...]:
    for sign in "，,;；\n":
        text = text.replace(sign, APART)
    return tuple(part.strip() for part in text.split(APART) if part.strip())


# --- one person's ballots
def _ballots(view: session.View, found: RoundReview, person: str) -> None:
    held = found.round
    result = next(each for each in found.results if each.person_id == person)
    st.markdown(f"{plain(held.name)} {_badge(held, result)}")
    for missing in result.missing:
        st.markdown(
            f":{'orange' if held.state is RoundState.OPEN else 'red'}[:material/warning: {plain(say(missing))}]"
        )
    st.table([_group_row(each) for each in result.groups], border="horizontal", hide_index=True)
    for each in result.groups:
        if each.n:
            st.markdown(f":small[:gray[{plain(_items(each))}]]")
    if (beside := _beside(view, held).get(person)) is not None:
        st.markdown("**" + _("What the work says") + "**")
        st.markdown(plain(worded(beside)))
        st.caption(_("Shown beside the result, never part of it."))
    if held.state is RoundState.OPEN:
        _enter(view, held, person)
    _entries(view, held, person)


def _group_row(each: GroupResult) -> dict[str, str]:
    return {
        _("Raters"): plain(say(each.group.kind.label)),
        _("Ballots"): number(each.n),
        _("Mean"): f"{number(each.mean, 2)} / {number(each.group.full)}",
        _("Counts"): f"{number(each.part, 2)} / {number(each.group.weight)}",
    }


def _items(each: GroupResult) -> str:
    means = zip(each.group.items, each.items, strict=True)
    said = " · ".join(f"{item} {number(mean, 1)}" for item, mean in means)
    return _("{group}: {items}", group=say(each.group.kind.label), items=said)


def _enter(view: session.View, held: AssessmentRound, person: str) -> None:
    form = f"ballots.{held.id}.{person}"
    key = session.submission(form)
    st.markdown("**" + _("Enter ballots") + "**")
    st.caption(_("Anonymous: who filled them in is not asked. Enter one, or a whole pile at once."))
    kinds = [str(group.kind) for group in held.groups]
    kind = st.segmented_control(
        _("Raters"),
        kinds,
        format_func=lambda kind: say(RaterKind(kind).label),
        default=kinds[0],
        required=True,
        key=f"kind-{key}",
    )
    group = held.group(str(kind)) or held.groups[0]
    pile = _pile(group, key)
    if st.button(_("Enter them"), type="primary", key="do_ballots", icon=":material/how_to_vote:"):
        drawer.act(
            lambda: data.tell(
                staff.enter_ballots,
                view.community_id,
                held.id,
                person,
                str(group.kind),
                key=key,
                done=_("The ballots are entered."),
                **pile.read(),
            ),
            form=form,
        )


class _Pile:
    """What stands in the inputs of a pile of ballots."""

    def __init__(self, group: RaterGroup, count: str, ordinary: bool, means: bool, typed: Sequence[str]) -> None:
        self.group, self.count, self.ordinary, self.means, self.typed = group, count, ordinary, means, typed

    def read(self) -> dict[str, Any]:
        """The ballots as the command takes them. Raises Invalid."""
        n = _number(self.count, _("Ballots"))
        if n != int(n) or n < 1:
            raise Invalid({"n": Message(msg("Ballots: a whole number from 1 on"))})
        points = [_number(text, item) for text, item in zip(self.typed, self.group.items, strict=True)]
        sums = [round(each * n, 2) for each in points] if self.means else points
        return {"n": int(n), "sums": sums, "ordinary": self.ordinary}


def _number(text: str, what: str) -> float:
    plain_text = unicodedata.normalize("NFKC", text).strip()
    try:
        found = float(plain_text)
    except ValueError:
        found = float("nan")
    if not abs(found) < 1e9:
        raise Invalid({"sums": Message(msg("“{item}”: a number is needed"), {"item": what})})
    return found


def _pile(group: RaterGroup, key: str, stood: AssessmentBallots | None = None) -> _Pile:
    """The inputs of a pile: how many, whose, and the points by item, all together or of a ballot on average."""
    ways = {"sums": _("Points of all together"), "means": _("Mean of a ballot")}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        count = st.text_input(
            _("Ballots"), value=str(stood.n if stood else 1), key=f"n-{group.kind}-{key}", width=100, **session.STAGED
        )
        way = st.segmented_control(
            _("Points are"), list(ways), format_func=ways.__getitem__, default="sums", required=True, key=f"way-{key}"
        )
    ordinary = False
    if group.kind is RaterKind.RESIDENTS:
        ordinary = st.toggle(
            _("Ordinary residents"),
            value=stood.ordinary if stood else True,
            key=f"ordinary-{key}",
            help=_("Not group leaders, delegates or officials"),
        )
    typed = []
    with st.grid(2, min_column_width=150, gap="small") as cells:
        for place, item in enumerate(group.items):
            with cells.cell():
                typed.append(
                    st.text_input(
                        plain(_("{item} (0 to {most} a ballot)", item=item, most=number(group.points))),
                        value=staff.amount(stood.sums[place]) if stood else "",
                        key=f"item-{group.kind}-{place}-{key}",
                        **session.STAGED,
                    )
                )
    return _Pile(group, count, ordinary, way == "means", typed)


def _entries(view: session.View, held: AssessmentRound, person: str) -> None:
    """What was entered, to take back while the round is open, to put right afterwards."""
    entries = data.ask(staff.entries_of, view.community_id, held.id, person)
    if not entries:
        return
    st.markdown("**" + _("What was entered") + "**")
    if len(entries) == staff.ENTRIES_LISTED:
        st.caption(_("The newest {n}.", n=number(len(entries))))
    for each in entries:
        group = held.group(str(each.group))
        if group is not None:
            _entry(view, held, group, each)


def _entry(view: session.View, held: AssessmentRound, group: RaterGroup, each: AssessmentBallots) -> None:
    words = [
        say(each.group.label),
        n_("{n} ballot", "{n} ballots", each.n),
        _("ordinary residents") if each.ordinary else "",
        _("{n} points on average", n=number(sum(each.sums) / each.n, 2)),
        i18n.datetime_(each.created_at, session.zone()) if each.created_at else "",
    ]
    said = plain(" · ".join(filter(None, words)))
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="xxsmall", vertical_alignment="center"):
        if each.struck is not None:
            st.markdown(f":gray[~~{said}~~ :small[{plain(each.struck)}]]", width="content")
            return
        st.markdown(f":small[{said}]", width="content")
        if held.state is RoundState.OPEN:
            if st.button(_("Take back"), key=f"back-{each.id}", type="tertiary", icon=":material/undo:"):
                drawer.act(partial(_take_back, view, each))
            return
        with st.popover(_("Put right"), key=f"right-{each.id}", type="tertiary", icon=":material/edit_note:"):
            _put_right(view, group, each)


def _take_back(view: session.View, each: AssessmentBallots) -> bool | None:
    def command(store: Any, actor: Any, community_id: str, id: str, revision: int) -> bool:
        staff.take_back_ballots(store, actor, community_id, id, revision)
        return True

    return data.tell(command, view.community_id, each.id, each.revision, done=_("Taken back."))


def _put_right(view: session.View, group: RaterGroup, each: AssessmentBallots) -> None:
    form = f"right.{each.id}"
    key = session.submission(form)
    pile = _pile(group, key, each)
    reason = st.text_input(_("Reason"), max_chars=300, key=f"reason-{key}", **session.STAGED)
    with st.container(horizontal=True, gap="small"):
        corrected = st.button(_("Put it right"), type="primary", key=f"do_right-{each.id}")
        struck = st.button(_("Strike it out"), key=f"strike-{each.id}")
    if not corrected and not struck:
        return

    def correct() -> AssessmentRound | None:
        given = {"n": 0, "sums": [], "ordinary": False} if struck else pile.read()
        return data.tell(
            staff.correct_ballots,
            view.community_id,
            each.id,
            each.revision,
            reason=reason,
            key=key,
            done=_("Put right; the old entry is kept."),
            **given,
        )

    drawer.act(correct, form=form)
