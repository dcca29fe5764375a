"""The import part of the Data page: a file, what its columns are, what would happen, and the word to do it.

What a person has set stays on the ``_Bench`` until they take another file: no rerun, no look at another page loses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from typing import Any
from zoneinfo import available_timezones

import streamlit as st
from pydantic import ValidationError

from dashboard import cards, data, imports, navigation, session, spreadsheets, tables
from dashboard.i18n import MISSING, _, current, datetime_, listed, n_, number, plain, say, translator
from repository import importer
from repository.importer import Column, ImportBatch, Mapping, Preview, Sheet, Target
from repository.record import Choice, Record, folded, spellings
from repository.store import Invalid
from repository.words import Trouble

BENCH = "intake.bench"
PAGE_OF = {
    "grids": "grids",
    "posts": "grids",
    "facilities": "facilities",
    "work_orders": "maintenance",
    "activities": "activities",
    "attendances": "activities",
    "volunteers": "activities",
    "entry_logs": "facilities",
    "organizations": "organizations",
    "resources": "organizations",
    "needs": "organizations",
    "engagements": "organizations",
    "projects": "organizations",
    "project_tasks": "organizations",
}
WORDS = 20  # spellings of one column that can be given a meaning here


@dataclass
class _Bench:
    """One file being worked on."""

    name: str
    content: bytes
    record: type[Record]
    sheet: Sheet
    mapping: Mapping
    saved_as: str = ""
    version: int = 0
    """Counts what replaces the whole mapping: its widgets start anew."""
    preview: Preview | None = None
    result: ImportBatch | None = None
    again: bool = False
    """The preview is to be made anew at once."""
    words: dict[str, list[str]] = field(default_factory=dict)
    """The different texts in the first rows of each column."""

    def look(self) -> None:
        """Note what stands in the first rows."""
        seen: dict[str, dict[str, None]] = {header: {} for header in self.sheet.columns}
        for row in islice(self.sheet.rows(), 2000):
            for header, cell in zip(self.sheet.columns, row.cells, strict=True):
                text = "" if cell is None else str(cell).strip()
                if text and len(seen[header]) < 200:
                    seen[header][text] = None
        self.words = {header: list(texts) for header, texts in seen.items()}

    def take(self, mapping: Mapping, saved_as: str = "") -> None:
        """Work with another mapping."""
        self.mapping, self.saved_as = mapping, saved_as
        self.version += 1


def show(view: session.View) -> None:
    """The whole part, as far as the person has come."""
    kinds = importer.importable(session.actor())
    if not kinds:
        st.info(_("Your role may not import. Ask an administrator."), icon=":material/block:")
        return
    bench: _Bench | None = st.session_state.get(BENCH)
    if bench is None:
        _choose(view, kinds)
        return
    if bench.result is not None:
        _result(view, bench)
        return
    _head(view, bench, kinds)
    _columns(view, bench)
    _check(view, bench)
    if bench.preview is not None:
        _preview(bench, bench.preview)


# --- a file ----------------------------------------------------------------------------------------------------------
def _choose(view: session.View, kinds: Sequence[type[Record]]) -> None:
    names = {kind.collection: kind for kind in kinds}
    default = "work_orders" if "work_orders" in names else next(iter(names))
    left, right = st.columns([3, 2], gap="small")
    with left, st.container(border=True, height="stretch", key="upload"):
        st.header(_("Bring in a sheet you keep"), anchor=False)
        wanted = st.selectbox(
            _("What is one row?"),
            list(names),
            format_func=lambda name: say(names[name].title),
            **session.in_url("record", names, default),
        )
        cards.upload_words(".st-key-upload", _("Choose a file"))
        file = st.file_uploader(_("Excel or CSV file"), type=["xlsx", "csv", "txt"], key="intake-file")
        st.caption(_("Up to 10 MB. Nothing is written before you have seen what would happen and said yes."))
        if file is not None:
            _open(view, names[wanted], file.name, file.getvalue())
    with right, st.container(border=True, height="stretch", key="upload_how"):
        st.header(_("How it goes"), anchor=False)
        st.markdown(
            "\n".join(
                f"{n}. {line}"
                for n, line in enumerate(
                    (
                        _("Choose the file. Columns are matched by their headers."),
                        _("Look the matches over, change what is wrong, save them for next time."),
                        _("See what is new, what changes, and each row that has a problem."),
                        _("Import the good rows, or cancel. An import can be taken back as a whole."),
                    ),
                    start=1,
                )
            )
        )
        st.caption(_("No sheet yet? Templates are under “Export and templates”."))


def _open(view: session.View, record: type[Record], name: str, content: bytes) -> None:
    try:
        sheet = Sheet(content, name)
        _place(view, _Bench(name, content, record, sheet, Mapping(record=record.collection, columns={})))
    except Trouble as trouble:
        cards.told(trouble)


def _place(view: session.View, bench: _Bench) -> None:
    """Put a file on the bench with the mapping that fits it best. Raises BadSheet: many rows are read here."""
    saved = data.ask(importer.saved_mappings, view.community_id, bench.record.collection)
    saved_as, mapping = imports.mapping_for(bench.record, bench.sheet, list(saved.items()))
    bench.take(mapping, saved_as)
    bench.preview = None
    bench.look()
    st.session_state[BENCH] = bench
    st.rerun()


def _drop() -> None:
    st.session_state.pop(BENCH, None)
    st.session_state.pop("intake-file", None)


def _head(view: session.View, bench: _Bench, kinds: Sequence[type[Record]]) -> None:
    """The file, and what one row of it is."""
    names = {kind.collection: kind for kind in kinds}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="intake-head"):
        st.header(plain(bench.name), anchor=False, width="content")
        st.space("stretch")
        key = f"intake-kind-{bench.version}"
        st.session_state.setdefault(key, bench.record.collection)
        chosen = st.selectbox(
            _("What is one row?"), list(names), format_func=lambda name: say(names[name].title), key=key, width=200
        )
        if len(bench.sheet.names) > 1:
            key = f"intake-sheet-{bench.version}"
            st.session_state.setdefault(key, bench.sheet.sheet)
            tab = st.selectbox(_("Sheet"), bench.sheet.names, key=key, width=200)
        else:
            tab = bench.sheet.sheet
        st.button(_("Another file"), icon=":material/close:", on_click=_drop, key="intake-drop")
    other = importer.likeliest(names[chosen], kinds, bench.sheet, imports.EVERY_LANGUAGE)
    if other is not None:
        _doubt(names[chosen], other, f"intake-kind-{bench.version}")
    if chosen != bench.record.collection or tab != bench.sheet.sheet:
        try:
            sheet = Sheet(bench.content, bench.name, sheet=tab)
            _place(view, replace(bench, sheet=sheet, record=names[chosen]))
        except Trouble as trouble:
            cards.told(trouble)


def _doubt(record: type[Record], other: type[Record], key: str) -> None:
    """The headers are those of something else: that is said, and offered."""

    def take() -> None:
        st.session_state[key] = other.collection

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="intake-doubt"):
        facts = {"other": say(other.title), "this": say(record.title)}
        st.warning(
            plain(_("By its columns this is a sheet of “{other}”, not of “{this}”.", **facts)),
            icon=":material/help:",
            width="stretch",
        )
        label = plain(_("Take it as “{other}”", **facts))
        st.button(label, type="primary", on_click=take, key="do_intake-other", width="content")


# --- what the columns are --------------------------------------------------------------------------------------------
UNUSED, SAME, SEVERAL = "", "\0same", "\0several"


def _columns(view: session.View, bench: _Bench) -> None:
    """The mapping, field by field; what is fed first, the rest folded away."""
    targets = list(importer.fields_of(bench.record).values())
    fed = [target for target in targets if target.name in bench.mapping.columns or target.spec.required]
    rest = [target for target in targets if target not in fed]
    columns: dict[str, Column | None] = {}
    with st.container(border=True, gap="xsmall", key="intake-columns"):
        used = _headers(bench.mapping)
        free = listed(header for header in bench.sheet.columns if header not in used)
        said = _("Not used: {names}", names=plain(free)) if free else _("Every column is used.")
        st.header(_("What each column is"), anchor=False)
        st.caption(said + (" · " + _("mapping: {name}", name=plain(bench.saved_as)) if bench.saved_as else ""))
        if importer.ID in bench.mapping.columns:
            columns[importer.ID] = bench.mapping.columns[importer.ID]
            st.caption(_("The rows bear ids: they were exported here, and change the records they came from."))
        for target in fed:
            columns[target.name] = _row(bench, target)
        if rest:
            with st.expander(n_("{n} more field", "{n} more fields", len(rest)), key=f"intake-rest-{bench.version}"):
                for target in rest:
                    columns[target.name] = _row(bench, target)
        _settings(view, bench, {name: column for name, column in columns.items() if column is not None})


def _headers(mapping: Mapping) -> set[str]:
    return {header for column in mapping.columns.values() for header in column.headers}


def _row(bench: _Bench, target: Target) -> Column | None:
    """One field: where it comes from, and what that looks like."""
    at = f"intake-{bench.version}-{target.name}"
    now = bench.mapping.columns.get(target.name)
    options = [UNUSED, *bench.sheet.columns, SAME, SEVERAL]
    name, source, look = st.columns([3, 4, 5], gap="small", vertical_alignment="center")
    title = plain(target.title(translator(current())))
    name.markdown(f"**{title}**" if target.spec.required else title, help=say(target.spec.help) or None)
    if now is not None:
        start = now.header if now.header is not None else SAME if now.constant is not None else SEVERAL
    else:
        start = UNUSED
    st.session_state.setdefault(f"{at}-from", start if start in options else UNUSED)
    words = {UNUSED: MISSING, SAME: _("The same for every row"), SEVERAL: _("Made of several columns")}
    chosen = source.selectbox(
        title,
        options,
        format_func=lambda option: words.get(option, option),
        key=f"{at}-from",
        label_visibility="collapsed",
    )
    if chosen == UNUSED:
        if target.spec.required:
            look.caption(_("Every new record needs this"))
        return None
    if chosen == SAME:
        text = _constant(look, target, at, (now.constant or "") if now else "")
        return Column(constant=text) if text else None
    if chosen == SEVERAL:
        st.session_state.setdefault(f"{at}-template", (now.template or "") if now else "")
        template = look.text_input(
            title,
            key=f"{at}-template",
            label_visibility="collapsed",
            placeholder="{" + "}-{".join(bench.sheet.columns[:2]) + "}",
            help=_("Column names in braces, with what stands between them"),
        )
        return Column(template=template, format=now.format if now else None) if "{" in (template or "") else None
    with look.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        sample = [text for text in bench.words.get(chosen, ()) if text not in bench.mapping.missing][:3]
        st.caption(plain(" · ".join(text[:30] for text in sample)) or MISSING, width="stretch")
        return _reading(bench, target, chosen, at, now)


def _constant(look: Any, target: Target, at: str, text: str) -> str:
    """The value all rows get."""
    title = plain(target.title(translator(current())))
    st.session_state.setdefault(f"{at}-same", text)
    if target.spec.kind == "choice" and target.spec.choices:
        members = {member.value: member for member in target.spec.choices}
        if st.session_state[f"{at}-same"] not in members:
            st.session_state[f"{at}-same"] = next(iter(members))
        return str(
            look.selectbox(
                title,
                list(members),
                format_func=lambda value: say(members[value].label),
                key=f"{at}-same",
                label_visibility="collapsed",
            )
        )
    return str(look.text_input(title, key=f"{at}-same", label_visibility="collapsed") or "").strip()


def _reading(bench: _Bench, target: Target, header: str, at: str, now: Column | None) -> Column:
    """How the texts of a column are to be read: the date format, what a spelling means."""
    spec = target.spec
    pattern = now.format if now else None
    values = dict(now.values) if now and now.header == header else {}
    if spec.kind in ("day", "moment"):
        st.session_state.setdefault(f"{at}-format", pattern or "")
        pattern = str(st.session_state[f"{at}-format"] or "").strip() or None
        with st.popover(
            plain(pattern) if pattern else "",
            icon=":material/calendar_month:",
            help=_("How the dates are written"),
            key=f"{at}-dates",
        ):
            st.text_input(
                _("Date format"),
                key=f"{at}-format",
                placeholder=_("found by itself"),
                help=_("%Y year, %m month, %d day, %H:%M:%S time, %I:%M %p with AM or PM, unix for seconds since 1970"),
            )
            st.caption(_("Only needed where it is not found by itself, such as 04/02/2026: %m/%d/%Y"))
    if spec.choices is not None and spec.kind in ("choice", "term"):
        values = _spellings(bench, spec.choices, header, at, values, closed=spec.kind == "choice")
    return Column(header=header, format=pattern, values=values)


_AUTO, _EMPTY = "\0auto", "\0empty"


def _spellings(
    bench: _Bench, known: type[Choice], header: str, at: str, values: dict[str, str | None], *, closed: bool
) -> dict[str, str | None]:
    """What the texts of a column mean, where the words do not say it themselves."""
    meant = spellings(known, imports.EVERY_LANGUAGE)
    texts = [text for text in bench.words.get(header, ()) if text not in bench.mapping.missing][:WORDS]
    strange = [text for text in texts if folded(text) not in meant and text not in values]
    labels = {member.value: say(member.label) for member in known}
    label = number(len(strange)) if closed and strange else ""
    icon = ":material/help:" if closed and strange else ":material/translate:"
    with st.popover(label, icon=icon, help=_("What the words mean"), key=f"{at}-words"):
        for place, text in enumerate(texts):
            own = meant.get(folded(text))
            auto = say(own.label) if own else _("not known") if closed else _("kept as it is")
            key = f"{at}-{header}-{place}"
            start = _AUTO if text not in values else _EMPTY if values[text] is None else str(values[text])
            st.session_state.setdefault(key, start if start in (_AUTO, _EMPTY, *labels) else _AUTO)
            words = {_AUTO: f"({auto})", _EMPTY: _("nothing"), **labels}
            chosen = st.selectbox(plain(text), list(words), format_func=words.__getitem__, key=key)
            if chosen == _AUTO:
                values.pop(text, None)
            else:
                values[text] = None if chosen == _EMPTY else chosen
    return values


def _settings(view: session.View, bench: _Bench, columns: dict[str, Column]) -> None:
    """What holds for the whole sheet; then the mapping stands."""
    before, at = bench.mapping, f"intake-{bench.version}"
    bare = Mapping(record=before.record, columns=columns)
    zone_free = [name for name in columns if name != importer.ID and _kind(bench, name) == "moment"]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        missing = _kept_text(_("Marks that mean “nothing”"), f"{at}-missing", " ".join(before.missing), width=180)
        zone = before.zone
        if zone_free:
            zones = ["", *sorted(available_timezones())]
            st.session_state.setdefault(f"{at}-zone", before.zone or "")
            zone = st.selectbox(
                _("Time zone of the moments"),
                zones,
                format_func=lambda name: name or _("The community's ({zone})", zone=view.zone.key),
                key=f"{at}-zone",
                width=260,
            )
        create: list[str] = []
        if bare.creatable:
            st.session_state.setdefault(
                f"{at}-create", [name for name in before.create_missing if name in bare.creatable]
            )
            create = st.multiselect(
                _("Make what is not there yet"),
                bare.creatable,
                format_func=lambda name: imports.field_title(bench.record, name),
                key=f"{at}-create",
                width=260,
                placeholder=_("nothing"),
            )
        key: list[str] = []
        if not bare.keys:
            options = [name for name in columns if "." not in name]
            st.session_state.setdefault(f"{at}-key", [name for name in before.key if name in options])
            key = st.multiselect(
                _("Columns that tell rows apart"),
                options,
                format_func=lambda name: imports.field_title(bench.record, name),
                key=f"{at}-key",
                width=300,
                placeholder=_("none"),
                help=_("Without any, a later version of this file takes the place of this import as a whole."),
            )
    try:
        bench.mapping = Mapping(
            record=before.record,
            columns=columns,
            key=tuple(key),
            zone=zone or None,
            missing=tuple(missing.split()),
            create_missing=tuple(create),
            sheet=bench.sheet.sheet if len(bench.sheet.names) > 1 else None,
            header_row=before.header_row,
            encoding=before.encoding,
        )
    except ValidationError as error:
        cards.told(str(error.errors()[0]["ctx"]["error"]))
        return
    if bench.mapping.keys:
        names = listed(imports.field_title(bench.record, name) for name in bench.mapping.keys)
        st.caption(_("A row finds its record again by: {names}", names=plain(names)))
    _save(view, bench)


def _kind(bench: _Bench, name: str) -> str:
    return importer.fields_of(bench.record)[name].spec.kind


def _kept_text(label: str, key: str, start: str, **options: Any) -> str:
    st.session_state.setdefault(key, start)
    return str(st.text_input(label, key=key, **options) or "")


def _save(view: session.View, bench: _Bench) -> None:
    """Keep the mapping for next time, or take another one that was kept."""
    saved = data.ask(importer.saved_mappings, view.community_id, bench.record.collection)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if saved:
            key = f"intake-saved-{bench.version}"
            st.session_state.setdefault(key, bench.saved_as if bench.saved_as in saved else "")
            chosen = st.selectbox(
                _("Saved mappings"), ["", *saved], format_func=lambda name: name or MISSING, key=key, width=260
            )
            if chosen and chosen != bench.saved_as:
                missing = _headers(saved[chosen]) - set(bench.sheet.columns)
                if missing:
                    st.warning(_("This sheet lacks: {names}", names=plain(listed(sorted(missing)))))
                else:
                    bench.take(saved[chosen], chosen)
                    st.rerun()
        with st.popover(_("Save this mapping"), icon=":material/bookmark_add:", key=f"intake-save-{bench.version}"):
            name = st.text_input(_("Name"), key="intake-save-name", max_chars=200)
            if st.button(_("Save"), key="intake-save-now", disabled=not (name or "").strip()):
                try:
                    kept = data.tell(
                        importer.save_mapping,
                        view.community_id,
                        str(name),
                        bench.mapping,
                        done=_("The mapping is saved."),
                    )
                except Invalid as invalid:
                    cards.told(invalid)
                else:
                    if kept:
                        bench.saved_as = kept.name
                        st.rerun()


# --- what would happen -----------------------------------------------------------------------------------------------
def _check(view: session.View, bench: _Bench) -> None:
    if bench.preview is not None and bench.preview.eyes != session.actor().eyes:
        bench.preview = None  # it may show what the reader may not see any more
    stale = bench.preview is not None and bench.preview.mapping != bench.mapping
    if stale:
        bench.preview = None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pressed = st.button(
            _("See what would happen"),
            type="secondary" if bench.preview else "primary",
            icon=":material/fact_check:",
            disabled=not bench.mapping.columns,
            key="intake-check-again" if bench.preview else "do_intake-check",
        )
        if stale:
            st.caption(_("The mapping has changed since you looked."))
    if not (pressed or bench.again):
        return
    bench.again = False
    bar = st.progress(0.0, text=_("Reading …"))
    try:
        bench.preview = data.tell(
            importer.preview,
            view.community_id,
            bench.sheet,
            bench.mapping,
            languages=imports.EVERY_LANGUAGE,
            progress=lambda n: bar.progress(min(n % 20_000 / 20_000, 1.0), text=_("{n} rows read", n=number(n))),
        )
    finally:
        bar.empty()
    if bench.preview is not None:
        st.rerun()


def _preview(bench: _Bench, preview: Preview) -> None:
    """Counts, problems, changes; then yes or no."""
    with st.container(border=True, gap="small", key="intake-preview"):
        st.header(plain(imports.verdict(preview)), anchor=False)
        with st.container(horizontal=True, gap="medium"):
            for name, n in imports.counts(preview):
                st.metric(plain(name), number(n), width="content")
        for line in imports.remarks(preview):
            st.markdown(f":material/info: {plain(line)}")
        if nameless := imports.nameless(preview):
            st.button(
                _("Make the {names} that are not there", names=plain(listed(nameless.values()))),
                icon=":material/add_circle:",
                on_click=_make_missing,
                args=(bench, [*preview.mapping.create_missing, *nameless]),
                key="intake-make",
            )
        _problems(bench, preview)
        if preview.changes:
            with st.expander(n_("{n} changed row", "{n} changed rows", preview.counts.changed), key="intake-changes"):
                tables.small(imports.change_rows(preview), key="intake-change-rows")
        if preview.replaces and not preview.does_nothing:
            said = st.checkbox(imports.replacing(preview), key=f"intake-replacing-{preview.fingerprint}")
        else:
            said = False
        with st.container(horizontal=True, gap="small"):
            if not preview.does_nothing and st.button(
                _("Import the good rows") if preview.counts.rejected else _("Import"),
                type="primary",
                icon=":material/download_done:",
                disabled=preview.replaces is not None and not said,
                key="do_intake-commit",
            ):
                _commit(bench, preview, replacing=said)
            st.button(_("Cancel"), on_click=_drop, key="intake-cancel")


def _make_missing(bench: _Bench, fields: list[str]) -> None:
    st.session_state[f"intake-{bench.version}-create"] = fields
    bench.again = True


def _problems(bench: _Bench, preview: Preview) -> None:
    if not preview.problems:
        return
    total = sum(preview.kinds.values())
    rows = [imports.problem_row(problem, bench.record) for problem in preview.problems]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{n_('{n} remark on rows', '{n} remarks on rows', total)}**", width="content")
        if total > len(rows):
            st.caption(_("The first {n} are shown; the download has all.", n=number(len(rows))), width="content")
        st.space("stretch")
        st.download_button(
            _("All remarks"),
            data=data.fetch(lambda _store, _actor: _remarks(bench.record, preview)),
            file_name="problems.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key="intake-problems-csv",
        )
        if preview.counts.rejected:
            st.download_button(
                _("Rejected rows"),
                data=data.fetch(lambda _store, _actor: _rejected(preview)),
                file_name="rejected.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                help=_("The same columns, with the reasons: mend them there and bring that file in"),
                key="intake-rejected-csv",
            )
    tables.small(rows, key="intake-problem-rows")


def _remarks(record: type[Record], preview: Preview) -> bytes:
    return spreadsheets.csv_sheet([imports.problem_row(one, record) for one in preview.all_problems()])


def _rejected(preview: Preview) -> bytes:
    file = BytesIO()
    preview.write_rejected(file, translator(current()))
    return file.getvalue()


def _commit(bench: _Bench, preview: Preview, *, replacing: bool) -> None:
    # nothing is drawn inside: a click in the meantime waits, instead of breaking the import off
    with st.spinner(_("Importing; nobody sees the rows before all are there …")):
        batch = data.tell(importer.commit, preview, replacing=replacing)
        if batch is not None:
            bench.result = batch
    if batch is not None:
        st.rerun()


def _result(view: session.View, bench: _Bench) -> None:
    batch = bench.result
    if batch is None:
        return
    with st.container(border=True, gap="small", key="intake-result"):
        st.header(_("Imported: {what}", what=plain(imports.batch_line(batch))), anchor=False)
        st.caption(f"{plain(batch.source)} · {datetime_(batch.ended_at or datetime.now(UTC), view.zone)}")
        if batch.left:
            st.markdown(_("These rows were left as they are, because somebody changed them in the meantime:"))
            tables.small(imports.left_rows(batch), key="intake-left")
        with st.container(horizontal=True, gap="small"):
            st.button(
                _("Another file"), icon=":material/upload_file:", on_click=_drop, type="primary", key="do_intake-next"
            )
            page = PAGE_OF.get(bench.record.collection, "activities" if "activit" in bench.record.collection else "")
            if page:
                navigation.link(page, _("See the page"))
    cards.behind(
        [{_("What"): name, _("Rows"): n} for name, n in imports.counts(bench.preview)] if bench.preview else [],
        key="intake-counts",
        title=bench.name,
    )
