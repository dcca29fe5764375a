"""The part Entrances of the Facilities page: what comes through which gate and when, how completely it is noted, the
way to full coverage; who is inside, let out with one tap; and the drawer of one entry. Nobody is shown in full here."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import cards, charts, data, drawer, forms, i18n, navigation, session
from dashboard.i18n import MISSING, _, n_, number, percent, plain, say, term
from repository import entries
from repository.access import Operation, may
from repository.entries import (
    AT_ONCE,
    LOOKING,
    REQUIRABLE,
    EntryException,
    EntryKind,
    EntryLog,
    EntryMonth,
    EntryPurpose,
    EntryReview,
    GateRow,
    Reason,
    Show,
    entry_list,
    entry_review,
)
from repository.facilities import Category, Control, Facility
from repository.grids import Community, EntryRule, community, edit_community
from repository.record import field_specs
from repository.words import Trouble, msg

PARAMETER = "entry"  # of the URL: the entry whose drawer is open
SETTINGS = "entry_settings"
QUICK = ("gate_id", "who", "purpose", "host")
CORRECTED = ("gate_id", "kind", "entered_at", "left_at", "handling", "purpose", "host", "remark")
COLUMNS = ("entered_at", "gate_id", "kind", "who", "left_at", "handling", "purpose", "host")
INSIDE_SHOWN, GATES_SHOWN = 8, 12
WEEKDAYS = (msg("Mon"), msg("Tue"), msg("Wed"), msg("Thu"), msg("Fri"), msg("Sat"), msg("Sun"))


def show(view: session.View) -> None:
    """The part."""
    there = data.ask_as_seen(entries.gates, view.community_id, grids=view.grids)
    gate = next((one for one in there if one.id == st.query_params.get("gate")), None)
    gate_id = gate.id if gate else None
    found = data.ask(entry_review, view.community_id, view.period, grids=view.grids, gate_id=gate_id, now=view.now)
    names = {"facilities": forms.told_apart({one.id: one.name for one in there})}
    if not there and not found.entries.value:
        _no_gates()
    else:
        _head(view, names["facilities"])
        with st.container(gap="small"):  # in which who is inside comes first on a phone
            _tiles(found)
            if view.past is None:
                _inside(view, names["facilities"], gate_id)
        if found.entries.value is None:
            cards.empty(
                _("No entries in the log yet"),
                _("Note the first one at the gate, or bring in what the gate system exports."),
                key="entries",
            )
        else:
            left, right = st.columns([7, 5], gap="small")
            with left:
                _gates(found)
            with right:
                _months(view, found)
            _hours(found)
        _list(view, found, names, gate_id)
    with session.today() as now:
        if view.past is not None:
            there = data.ask(entries.gates, view.community_id, grids=view.grids)
            gate = next((one for one in there if one.id == gate_id), None)
            names = {"facilities": forms.told_apart({one.id: one.name for one in there})}
        _drawer(now, names, there, gate)


def _no_gates() -> None:
    buttons = [(_("Import a sheet"), ":material/upload_file:")]
    if enter := may(session.actor(), Operation.CREATE, Facility.collection):
        buttons.insert(0, (_("Enter a facility"), ":material/add:"))
    pressed = cards.empty(
        _("No gates yet"),
        _("Enter the gates and doors as facilities, or bring in what a gate system exports: its gates can be made."),
        *buttons,
        key="gates",
    )
    if pressed == 0 and enter:
        navigation.go("facilities", facility=drawer.NEW, category=Category.VEHICLE.value)
    elif pressed is not None:
        navigation.go("data", record=EntryLog.collection)


def _head(view: session.View, gates: Mapping[str, str]) -> None:
    words = {"": _("All gates"), **gates}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.selectbox(
            _("Gate"),
            list(words),
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width=200,
            **session.in_url("gate", gates),
        )
        st.caption(plain(i18n.period(view.period)), width="content")
        st.space("stretch")
        if may(session.actor(), Operation.UPDATE, Community.collection) and st.button(
            _("Rules"), icon=":material/settings:", key="entry-rules", width="content"
        ):
            drawer.open_at(SETTINGS, "rules")
        if gates and may(session.actor(), Operation.CREATE, EntryLog.collection):
            with st.container(key="thumb_entry", width="content"):
                if st.button(_("Note an entry"), icon=":material/add:", type="primary", key="do_entry"):
                    drawer.open_at(PARAMETER)


def _tiles(found: EntryReview) -> None:
    def to(show: Show) -> dict[str, str | None]:
        return {"part": "entrances", "entries": show.value, "gate": st.query_params.get("gate")}

    with cards.tiles(6):
        cards.tile(found.entries, params=to(Show.ALL))
        for value in found.complete.values():
            cards.tile(value, params=to(Show.INCOMPLETE))
        cards.tile(found.smart, params=to(Show.ALL))
        cards.tile(found.left_open, params=to(Show.LEFT_OPEN))
        cards.tile(found.odd, params=to(Show.EXCEPTIONS))


# --- who is inside ---------------------------------------------------------------------------------------------------
def _inside(view: session.View, gates: Mapping[str, str], gate_id: str | None) -> None:
    """Whoever came last, each with a button that lets them out: what a guard does all day."""
    if not may(session.actor(), Operation.UPDATE, EntryLog.collection):
        return
    inside = data.ask(entry_list, view.community_id, now=view.now, grids=view.grids, gate_id=gate_id, rows=INSIDE_SHOWN)
    if not inside.rows:
        return
    with st.container(border=True, gap="xxsmall", key="lead_inside"):
        st.header(n_("{n} is still inside", "{n} are still inside", inside.total), anchor=False)
        st.caption(_("The last to come in; one tap when they leave."))
        with st.grid(2, min_column_width=300, gap=("xxsmall", "medium")) as cells:
            for place, row in enumerate(inside.rows):
                with cells.cell(), st.container(key=f"thumb_inside_{place}"):
                    _leaving(view, row, gates)


def _leaving(view: session.View, row: EntryLog, gates: Mapping[str, str]) -> None:
    who = row.who or (_("erased") if row.forgotten else _("not noted"))
    label = f"**{plain(who)}** · {plain(gates.get(row.gate_id, MISSING))}  \n:small[:gray[{plain(_when(view, row))}]]"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xxsmall"):
        st.markdown(label, width="content")
        st.button(
            _("Left now"),
            icon=":material/logout:",
            key=f"out-{row.id}-{row.revision}",
            on_click=_let_out,
            args=(view.community_id, row),
        )


def _let_out(community_id: str, row: EntryLog) -> None:
    try:
        data.tell(
            entries.let_out,
            community_id,
            row.id,
            row.revision,
            done=_("Noted: left."),
            key=session.submission(f"out-{row.id}-{row.revision}"),
        )
    except Trouble as trouble:  # somebody else was quicker: the next run shows what stands there
        session.toast(say(trouble))


def _when(view: session.View, row: EntryLog) -> str:
    return _("since {when}", when=i18n.moment_short(row.entered_at.astimezone(view.zone), view.now))


# --- findings --------------------------------------------------------------------------------------------------------
def _gates(found: EntryReview) -> None:
    """Which gate lets in how much by recognition, and what is missing to full coverage."""
    used = [gate for gate in found.gates if gate.entries]
    shown = used[:GATES_SHOWN]
    figure = charts.bars(
        [gate.name for gate in shown],
        [gate.entries for gate in shown],
        [_gate_text(gate) for gate in shown],
        look=cards.look(),
        red=[place for place, gate in enumerate(shown) if gate.control is not Control.SMART],
    )
    caption = _("Entries by gate, in brackets how many of them by recognition; red: not a smart gate")
    if silent := sum(gate.standing and not gate.entries for gate in found.gates):
        caption += " · " + n_("{n} gate notes nothing", "{n} gates note nothing", silent)
    cards.chart(_gate_finding(found), caption, figure if shown else None, _gate_rows(found.gates), key="gates")


def _gate_text(gate: GateRow) -> str:
    return _("{n} ({share})", n=number(gate.entries), share=percent(gate.smart_share))


def _gate_finding(found: EntryReview) -> str:
    manual = found.manual
    standing = sum(gate.standing for gate in found.gates)
    if not standing:
        return _("No gate is in service any more")
    if not manual:
        return _("All {n} gates are smart", n=number(standing))
    by_hand = sum(gate.entries for gate in manual)
    share = by_hand / found.entries.n if found.entries.n else None
    if share is None:
        return _("{n} of {all} gates are not smart", n=number(len(manual)), all=number(standing))
    return _(
        "{n} of {all} gates are not smart; {share} of all entries come through them",
        n=number(len(manual)),
        all=number(standing),
        share=percent(share),
    )


def _gate_rows(gates: Sequence[GateRow]) -> list[dict[str, Any]]:
    return [
        {
            _("Gate"): gate.name,
            _("Entry control"): say(gate.control.label) if gate.control else MISSING,
            _("Entries"): gate.entries,
            _("Recognised"): _share(gate.smart_share),
            _("Noted completely"): _share(gate.complete_share),
            _("Exit noted"): _share(gate.left / gate.entries if gate.entries else None),
            _("Exceptions"): gate.odd,
        }
        for gate in gates
    ]


def _share(value: float | None) -> str:
    return MISSING if value is None else percent(value)


def _months(view: session.View, found: EntryReview) -> None:
    """Whether noting gets better: F8 by month, vehicles beside people."""

    def shares(kind: EntryKind) -> list[float | None]:
        return [
            round(100 * each.complete[kind] / each.entries[kind], 1) if each.entries[kind] else None
            for each in found.months
        ]

    vehicles, people = shares(EntryKind.VEHICLE), shares(EntryKind.PERSON)
    so_far = [each.month for each in found.months[-1:]] == [f"{view.now:%Y-%m}"]
    figure = charts.lines(
        [each.month for each in found.months],
        vehicles,
        people,
        names=(_("vehicles"), _("people")),
        look=cards.look(),
        gap=False,
        so_far=so_far,
    )
    told = _("Share noted completely, exit included, in %, by month of entry")
    known = any(value is not None for value in (*vehicles, *people))
    cards.chart(
        _month_finding(found),
        cards.so_far(told) if so_far else told,
        figure if known else None,
        _month_rows(found.months),
        key="complete",
    )


def _month_finding(found: EntryReview) -> str:
    vehicles, people = (found.complete[kind] for kind in (EntryKind.VEHICLE, EntryKind.PERSON))
    facts = {"vehicles": _share(vehicles.value), "people": _share(people.value)}
    if vehicles.value is None and people.value is None:
        return _("Nothing was noted in this period")
    if people.value is None:
        return _("{vehicles} of vehicles are noted completely", **facts)
    if vehicles.value is None:
        return _("{people} of visitors are noted completely", **facts)
    return _("{vehicles} of vehicles and {people} of visitors are noted completely", **facts)


def _month_rows(months: Sequence[EntryMonth]) -> list[dict[str, Any]]:
    return [
        {
            _("Month"): each.month,
            _("Vehicles"): each.entries[EntryKind.VEHICLE],
            _("Vehicles noted completely"): each.complete[EntryKind.VEHICLE],
            _("People"): each.entries[EntryKind.PERSON],
            _("People noted completely"): each.complete[EntryKind.PERSON],
            _("Recognised"): each.smart,
        }
        for each in months
    ]


def _hours(found: EntryReview) -> None:
    """When the gates are busiest."""
    days = [say(day) for day in WEEKDAYS]
    figure = charts.heat(
        days,
        [f"{hour}" for hour in range(24)],
        found.hours,
        [
            [_("{day} {hour}:00: {n}", day=day, hour=hour, n=number(n)) for hour, n in enumerate(row)]
            for day, row in zip(days, found.hours, strict=True)
        ],
        look=cards.look(),
    )
    peak = found.peak
    finding = _("When they come in")
    if peak:
        finding = _("Busiest on {day} from {hour} to {next}", day=days[peak[0]], hour=f"{peak[1]}:00",
                    next=f"{(peak[1] + 1) % 24}:00")  # fmt: skip
    rows = [
        {_("Day"): day} | {f"{hour}:00": n for hour, n in enumerate(row)}
        for day, row in zip(days, found.hours, strict=True)
    ]
    cards.chart(
        finding,
        _("Entries by day of the week and hour they came in, n = {n}", n=number(found.entries.n)),
        figure if peak else None,
        rows,
        key="hours",
    )


# --- the list --------------------------------------------------------------------------------------------------------
def _list(view: session.View, found: EntryReview, names: Mapping[str, Mapping[str, str]], gate_id: str | None) -> None:
    words = [str(each) for each in Show]
    head = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with head:
        heading = st.container(width="content")
        shown = st.segmented_control(
            _("Show"),
            words,
            required=True,
            format_func=lambda word: say(Show(word).label),
            label_visibility="collapsed",
            **session.in_url("entries", words, Show.ALL.value),
        )
        which = None
        if shown == Show.EXCEPTIONS:
            kinds = {"": _("All exceptions")} | {str(each): say(each.label) for each in EntryException}
            which = st.selectbox(
                _("Exception"),
                list(kinds),
                format_func=kinds.__getitem__,
                label_visibility="collapsed",
                width=240,
                **session.in_url("exception", kinds),
            )
    listed = data.ask(
        entry_list,
        view.community_id,
        now=view.now,
        show=shown,
        within=view.period,
        grids=view.grids,
        gate_id=gate_id,
        exception=which or None,
    )
    more = f"{number(listed.total)}+" if listed.total >= entries.MANY else number(listed.total)
    heading.header(_("{n} entries", n=more) if listed.total != 1 else _("1 entry"), anchor=False)
    closing = shown == Show.LEFT_OPEN and listed.rows and view.past is None
    if closing and may(session.actor(), Operation.UPDATE, EntryLog.collection):
        some = listed.rows[:AT_ONCE]
        st.button(
            n_("They left, time unknown ({n} listed)", "They left, time unknown ({n} listed)", len(some)),
            icon=":material/door_open:",
            key="close-unknown",
            on_click=_close,
            args=(view.community_id, {row.id: row.revision for row in some}),
        )
    gone = {row.id: row.name for row in found.gates}
    drawer.register(
        PARAMETER,
        EntryLog,
        listed.rows,
        key="entries",
        columns=[*COLUMNS, _("Exceptions")],
        names={"facilities": gone | dict(names["facilities"])},
        more={_("Exceptions"): lambda row: i18n.listed(say(each.label) for each in row.exceptions) or None},
        total=more if listed.total >= entries.MANY else None,
    )
    if listed.total >= entries.MANY:
        st.caption(
            _(
                "Only the newest {n} are listed and searched: choose a gate or a month for others.",
                n=number(listed.total),
            )
        )


def _close(community_id: str, visits: Mapping[str, int]) -> None:
    try:
        data.tell(entries.close_unknown, community_id, visits, done=_("Closed: left, time unknown."))
    except Trouble as trouble:
        session.toast(say(trouble))


# --- the drawer ------------------------------------------------------------------------------------------------------
def _drawer(
    view: session.View, names: Mapping[str, Mapping[str, str]], gates: Sequence[Facility], gate: Facility | None
) -> None:
    wanted = drawer.opened(PARAMETER)
    if wanted == drawer.NEW:
        if may(session.actor(), Operation.CREATE, EntryLog.collection):
            drawer.show(PARAMETER, _("Note an entry"), lambda: _enter(view, names, gates, gate))
    elif wanted:
        found = data.ask(entries.entry, view.community_id, wanted)
        drawer.show(PARAMETER, plain(found.who or say(found.kind.label)), lambda: _one(view, names, found))
    elif drawer.opened(SETTINGS) and may(session.actor(), Operation.UPDATE, Community.collection):
        drawer.show(SETTINGS, _("What is noted at the gates"), lambda: _settings(view))


def _enter(
    view: session.View, names: Mapping[str, Mapping[str, str]], gates: Sequence[Facility], gate: Facility | None
) -> None:
    """The gate's own form: where, who, what for. When is now."""
    kinds = [str(kind) for kind in EntryKind]
    usual = EntryKind.PERSON if gate and gate.category is Category.PERSONNEL else EntryKind.VEHICLE
    kind = st.segmented_control(
        _("What comes in?"),
        kinds,
        default=usual.value,
        required=True,
        format_func=lambda word: say(EntryKind(word).label),
        key="entry-kind",
        width="stretch",
    )
    right = Category.PERSONNEL if kind == EntryKind.PERSON else Category.VEHICLE
    first = next((one for one in gates if one.category is right), None)
    made = forms.edit(
        EntryLog,
        key=f"entry-new-{kind}",
        fields=QUICK,
        defaults={"kind": EntryKind(kind), "gate_id": gate.id if gate else first.id if first else None},
        references=names,
        submit=_("Came in now"),
        save=lambda values, submission: data.tell(
            entries.log_entry, view.community_id, values, key=submission, done=_("Noted: came in.")
        ),
    )
    st.caption(_("Who it was is kept for {n} days, masked, then erased.", n=number(_days(view))))
    if made is not None:
        drawer.done(PARAMETER)


def _days(view: session.View) -> int:
    found: Community = data.ask(community, view.community_id)
    return found.entry_days


def _one(view: session.View, names: Mapping[str, Mapping[str, str]], found: EntryLog) -> None:
    zone = session.zone()
    badges = [f":gray-badge[{plain(say(found.kind.label))}]"]
    if found.is_open:
        badges.append(":blue-badge[" + _("Still inside") + "]")
    elif found.complete:
        badges.append(":green-badge[" + _("Noted completely") + "]")
    else:
        badges.append(":orange-badge[" + _("Incomplete") + "]")
    badges += [f":orange-badge[:material/warning: {plain(say(each.label))}]" for each in found.exceptions]
    badges += [f":gray-badge[:material/flag: {plain(say(flag.label))}]" for flag in found.flags]
    st.markdown(" ".join(badges))
    facts = {
        _("Gate"): names["facilities"].get(found.gate_id, MISSING),
        _("Came in at"): i18n.datetime_(found.entered_at, zone),
        _("Left at"): i18n.datetime_(found.left_at, zone) if found.left_at else MISSING,
        _("Let in"): say(found.handling.label) if found.handling else MISSING,
        _("Purpose"): term(found.purpose, EntryPurpose) if found.purpose else MISSING,
        _("Building visited"): found.host or MISSING,
    }
    with st.grid(2, min_column_width=150, gap="xxsmall") as cells:
        for name, fact in facts.items():
            with cells.cell():
                st.markdown(f":small[:gray[{plain(name)}]]  \n{plain(fact)}")
    if found.remark:
        st.markdown(plain(found.remark))
    _who(found)
    if not may(session.actor(), Operation.UPDATE, EntryLog.collection):
        return
    if found.is_open:
        with st.container(horizontal=True, gap="small", key="thumb_out"):
            if st.button(_("Left now"), icon=":material/logout:", type="primary", key="do_out"):
                drawer.act(
                    lambda: data.tell(
                        entries.let_out, found.community_id, found.id, found.revision, done=_("Noted: left.")
                    ),
                    close=PARAMETER,
                )
            if st.button(_("Left, time unknown"), icon=":material/door_open:", key="out-unknown"):
                visits, said = {found.id: found.revision}, _("Closed: left, time unknown.")
                drawer.act(
                    lambda: data.tell(entries.close_unknown, found.community_id, visits, done=said), close=PARAMETER
                )
    with st.expander(_("Correct the entry")):
        saved = forms.edit(
            EntryLog,
            key="entry-edit",
            current=found,
            fields=CORRECTED,
            references=names,
            save=lambda values, _submission: data.tell(
                entries.edit_entry, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done(PARAMETER)
    drawer.offer_deletion(PARAMETER, found, entries.remove_entry, _("Only for what was entered by mistake."))


def _who(found: EntryLog) -> None:
    """Who it was: masked, in full for a reason that goes on record."""
    if not found.who:
        st.caption(_("Who it was has been erased.") if found.forgotten else _("Who it was is not noted."))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":material/badge: " + plain(found.who), width="content")
        if not may(session.actor(), Operation.READ, LOOKING):
            return

        def look(why: str) -> str | None:
            seen = data.tell(entries.reveal_entry, found.community_id, found.id, why)
            return None if seen is None else seen.who or MISSING

        drawer.reveal(found.id, Reason, look)


def _settings(view: session.View) -> None:
    """What must be noted of a vehicle and of a person, and for how long who it was is kept."""
    found: Community = data.ask(community, view.community_id)
    rules = data.ask(entries.entry_rules, view.community_id)
    form = "entry-rules"
    mine = drawer.draft(form, found, "entry_rules", "entry_days")
    titles = {name: say(field_specs(EntryLog)[name].title) for name in REQUIRABLE}
    chosen: dict[EntryKind, list[str]] = {}
    for kind in EntryKind:
        held = [name for name in REQUIRABLE if name in rules.required[kind]]
        chosen[kind] = st.pills(
            _("Of a vehicle") if kind is EntryKind.VEHICLE else _("Of a person"),
            list(REQUIRABLE),
            selection_mode="multi",
            default=held,
            format_func=titles.__getitem__,
            key=f"required-{kind}-{mine.key}",
        )
    days = st.number_input(
        _("Days that plates and names are kept"), 1, 3660, mine.opened.entry_days, key=f"entry-days-{mine.key}"
    )
    st.caption(
        _("An entry is complete with these and the time they left. What came in before keeps the rule of its day.")
    )
    if st.button(_("Save"), type="primary", icon=":material/check:", key="do_entry_rules"):
        own = tuple(EntryRule(kind=str(kind), required=tuple(names)) for kind, names in chosen.items())
        changes = {"entry_rules": own, "entry_days": int(days)}
        drawer.act(
            lambda: data.tell(edit_community, view.community_id, mine.stands.revision, changes, done=_("Saved.")),
            close=SETTINGS,
            form=form,
        )
