"""The audit trail on the page: search, one record's history with what differed, and whether the trail is complete."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from time import monotonic
from typing import Any

import streamlit as st

from dashboard import cards, data, forms, session, tables
from dashboard.i18n import MISSING, _, datetime_, money, number, plain, say
from repository import audit
from repository.access import label_of
from repository.audit import Entry, Search
from repository.record import RECORDS, SYSTEM_FIELDS, FieldSpec, field_specs
from repository.rollups import COUNTS
from repository.store import AUDIT, EVERYWHERE
from repository.words import msg

AT_ONCE = 200
STEPS = 20  # of one record's history on a page
REREAD = 100_000  # entries read again for one press of a button: some seconds
OPERATIONS: Mapping[str, str] = {
    "create": msg("Entered"),
    "update": msg("Changed"),
    "delete": msg("Taken out"),
    "import": msg("Imported"),
    "export": msg("Taken out as a sheet"),
    "undo": msg("Import taken back"),
    "seed": msg("Demonstration loaded"),
    "sign_in": msg("Signed in"),
    "sign_out": msg("Signed out"),
    "password_change": msg("Password changed"),
    "password_reset": msg("First password given"),
    "reveal": msg("Looked at personal data"),
    "backup": msg("Backup taken"),
    "restore": msg("Backup restored"),
    "recount": msg("Counters made anew"),
    "forget": msg("Erased who came, after its time"),
}
"""What can have been done."""
WHOLES: Mapping[str, str] = {AUDIT: msg("Everything"), COUNTS: msg("Counters")}
"""What is done to no record, but to all there is of something."""


def show(view: session.View) -> None:
    """The newest entries that match, and the history of the record that is picked."""
    st.header(_("Who did what, and when"), anchor=False)
    search, community_id = _search(view)
    key = f"trail-{community_id}-{hash(search)}"  # another search begins at its newest
    page = _page(key)
    found = data.ask(audit.trail, community_id, search, most=AT_ONCE + 1, skip=(page - 1) * AT_ONCE)
    shown = found[:AT_ONCE]
    if not shown:
        st.info(_("Nothing was done that matches."), icon=":material/search_off:")
        return
    rows = [_row(entry, view) for entry in shown]
    picked = st.dataframe(
        tables.frame(rows),
        hide_index=True,
        key=f"{key}-{page}",
        on_select="rerun",
        selection_mode="single-row",
        alt=_("Audit trail"),
    )["selection"]["rows"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _turn(key, page, more=len(found) > AT_ONCE)
        st.space("stretch")
        tables.download(rows, name="audit", title=_("Audit trail"), key="trail", of=(AUDIT, community_id))
    if picked and picked[0] < len(shown):
        _history(view, shown[picked[0]])


def _page(key: str) -> int:
    """Which page of a list is looked at."""
    return int(st.session_state.get(f"{key}-page", 1) or 1)


def _turn(key: str, page: int, *, more: bool) -> None:
    """To the other pages of a list, as far as it is known."""
    if page > 1 or more:
        st.pagination(page + more, key=f"{key}-page")
    if more:
        st.caption(_("There are older ones on the next page."))


def _search(view: session.View) -> tuple[Search, str]:
    kinds = {name: say(record.title) for name, record in RECORDS.items()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="trail-search"):
        where = st.segmented_control(
            _("Where"),
            [view.community_id, EVERYWHERE],
            format_func=lambda id: plain(view.community) if id else _("Accounts"),
            required=True,
            default=view.community_id,
            key="trail-where",
        )
        which = st.text_input(_("Which"), placeholder=_("Number, code or name"), width=180, key="trail-which")
        operation = st.selectbox(
            _("What"),
            ["", *OPERATIONS],
            format_func=lambda word: _operation(word) if word else _("Anything"),
            width=180,
        )
        collection = st.selectbox(
            _("Records"),
            ["", *kinds],
            format_func=lambda name: kinds.get(name) or _("All records"),
            width=180,
        )
        name = st.text_input(_("By"), placeholder=_("As it stands in the list"), width=180)
        since = forms.day(_("From"), None, width=150)
        until = forms.day(_("To"), None, width=150)
    search = Search(
        operation=operation or "",
        collection=collection or "",
        actor=(name or "").strip(),
        which=(which or "").strip(),
        since=_midnight(since, view),
        until=_midnight(until and until + timedelta(days=1), view),
    )
    return search, str(where or "")


def _midnight(day: date | None, view: session.View) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), view.zone)


def _operation(word: str) -> str:
    return say(OPERATIONS[word]) if word in OPERATIONS else word


def _row(entry: Entry, view: session.View) -> dict[str, Any]:
    return {
        _("When"): entry.at.astimezone(view.zone).replace(tzinfo=None),
        _("By"): entry.actor,
        _("Role"): say(label_of(entry.role)),
        _("What"): _operation(entry.operation),
        _("Records"): _title(entry.collection),
        _("Which"): _which(entry),
        _("Fields"): "、".join(_field(entry.collection, name) for name in _changed(entry))[:200],
    }


def _title(collection: str) -> str:
    if collection in RECORDS:
        return say(RECORDS[collection].title)
    return say(WHOLES[collection]) if collection in WHOLES else collection


def _which(entry: Entry) -> str:
    """The record as people know it, else by its id."""
    return entry.name if entry.name not in {"", "…"} else entry.record_id


def _changed(entry: Entry) -> list[str]:
    """The fields an update changed; none for what was made or taken out whole."""
    if entry.change != "update":
        return []
    return _told(entry)


def _told(entry: Entry) -> list[str]:
    """The fields an entry speaks of, without those the store keeps by itself."""
    return sorted((entry.before.keys() | entry.after.keys()) - {*SYSTEM_FIELDS, "_id"})


def _field(collection: str, name: str) -> str:
    spec = _spec(collection, name)
    return say(spec.title) if spec else name


def _spec(collection: str, name: str) -> FieldSpec | None:
    record = RECORDS.get(collection)
    return field_specs(record).get(name) if record else None


def _history(view: session.View, entry: Entry) -> None:
    """What was done to one record, newest first: each step with what stood there before and after."""
    key = f"history-{entry.record_id}"
    page = _page(key)
    which = (entry.community_id, entry.collection, entry.record_id)
    steps = data.ask(audit.history, *which, most=STEPS + 1, skip=(page - 1) * STEPS)
    with st.container(border=True, key="history"):
        st.subheader(
            _("History of {what}: {which}", what=plain(_title(entry.collection)), which=plain(_which(entry))),
            anchor=False,
        )
        for step in steps[:STEPS]:
            came = f" · {plain(_operation(step.change))} · {plain(step.file)}" if step.batch else ""
            st.markdown(
                f"**{plain(_operation(step.operation))}**{came} · {datetime_(step.at, view.zone)} · {plain(step.actor)}"
                f" ({plain(say(label_of(step.role)))})"
            )
            names = _told(step)
            rows = [
                {
                    _("Field"): _field(step.collection, name),
                    _("Before"): value_said(step.before.get(name), _spec(step.collection, name), view.zone),
                    _("After"): value_said(step.after.get(name), _spec(step.collection, name), view.zone),
                }
                for name in names
            ]
            if rows:
                tables.small(rows, key=f"step-{step.id}")
        _turn(key, page, more=len(steps) > STEPS)


def value_said(value: Any, spec: FieldSpec | None, zone: tzinfo) -> str:
    """A value as the database has it in the reader's words: enum labels, yuan, days, moments on the clock of ``zone``.
    Without a ``spec`` it is a fact of what is no change of a record."""
    if value is None or value == []:
        return MISSING
    if isinstance(value, list):
        return "、".join(value_said(each, spec, zone) for each in value)
    if isinstance(value, dict):
        inner = {name: each for part in (spec.parts if spec else ()) for name, each in field_specs(part).items()}
        return " · ".join(
            f"{say(inner[name].title) if name in inner else name}: {value_said(each, inner.get(name), zone)}"
            for name, each in value.items()
        )
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if spec is not None and spec.kind == "day" else datetime_(value, zone)
    if spec is not None and spec.kind == "money":
        return money(value, exact=True)
    labels = {member.value: member.label for member in (spec.choices if spec else None) or ()}
    return say(labels[value]) if value in labels else str(value)


def seals(view: session.View) -> None:
    """What is sealed, the newest digest to write down, and a check of all of it."""
    st.header(_("Is the trail complete?"), anchor=False)
    st.caption(
        _(
            "Some twenty minutes after they were written, entries are sealed together: a digest over them and over "
            "the seal before. An entry that is changed, taken out or put in afterwards breaks it. Write the newest "
            "digest into the minutes of a meeting, and nobody can make all seals anew without its being seen."
        )
    )
    found = data.ask(audit.seals)
    if found:
        st.markdown(_("Newest digest, of {when}:", when=datetime_(found[0].at, view.zone)))
        st.code(found[0].digest, language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        head = st.text_input(_("A digest you wrote down (optional)"), width=520)
        check = st.button(_("Check all seals"), icon=":material/verified:", key="do_verify", type="primary")
    if not check:
        return
    began = monotonic()
    with st.spinner(_("Counting …")):
        verdict = data.tell(audit.verify, **data.seal_proof(), head=(head or "").strip(), most=REREAD)
    if verdict is None:
        return
    facts = {
        "seals": number(verdict.seals),
        "entries": number(verdict.entries),
        "open": number(verdict.unsealed),
        "reread": number(verdict.reread),
        "seconds": number(monotonic() - began, 1),
    }
    lines = [
        _("{seals} seals over {entries} entries; {open} newer ones are not sealed yet.", **facts),
        _("{reread} entries were read again in {seconds} s.", **facts),
    ]
    if verdict.reread < verdict.entries:
        lines.append(_("Older ones were left out here; gridboard audit verify reads all of them."))
    if verdict.problems:
        cards.told(*lines, *verdict.problems)
    else:
        st.success(_("All seals hold.") + " " + " ".join(lines), icon=":material/check_circle:")
    if verdict.warnings:
        st.warning("  \n".join(plain(say(each)) for each in verdict.warnings), icon=":material/warning:")
