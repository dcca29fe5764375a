"""Records and rows as tables on the page, and as sheets to take away.

A *row* here is a mapping from a column's title, in the reader's language, to a plain value: text, number, day, moment
on the community's clock (without zone) or None. ``register`` makes rows of records by their field specs; charts bring
their own. A cell never becomes a formula or a link in anybody's spreadsheet.
"""

import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import BaseModel

from dashboard import data, session
from dashboard.i18n import _, listed, number, plain, say, term
from dashboard.spreadsheets import as_text, csv_sheet, sheet
from repository import audit
from repository.access import Actor
from repository.record import Choice, Day, FieldSpec, Precision, Record, Ref, Term, field_specs
from repository.store import Store

Row = Mapping[str, Any]
Names = Mapping[str, Mapping[str, str]]
"""Names of referenced records by id, by collection: ``{"people": {id: name}}``."""

PAGE = 1000  # rows sent to the browser at once
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# --- records into rows -----------------------------------------------------------------------------------------------
def shown_fields(record_class: type[Record], fields: Iterable[str] | None = None) -> list[FieldSpec]:
    """The fields a table shows, in order: those named, else all but the embedded and those marked ``table=False``."""
    specs = field_specs(record_class)
    if fields is not None:
        return [specs[name] for name in fields]
    return [spec for spec in specs.values() if spec.mark.table and spec.kind not in ("part", "variant")]


def rows_of(
    records: Sequence[Record],
    *,
    columns: Iterable[str] | None = None,
    names: Names | None = None,
    zone: tzinfo | None = None,
    more: Mapping[str, Callable[[Any], Any]] | None = None,
) -> list[dict[str, Any]]:
    """Records as rows: words in the reader's language, references by name, money in yuan, moments on the clock of
    ``zone``. ``more`` adds computed columns by title, at the end or where ``columns`` names them; doubts get a column
    as soon as one record has any."""
    if not records:
        return []
    zone, more = zone or session.zone(), more or {}
    wanted = None if columns is None else list(columns)
    own = None if wanted is None else [name for name in wanted if name not in more]
    titles = _titles(shown_fields(type(records[0]), own))
    order = [*titles, *more]
    if wanted is not None:
        of_field = {spec.name: title for title, spec in titles.items()}
        order = [of_field.get(name, name) for name in wanted]
        order += [title for title in more if title not in order]
    doubtful = any(record.flags for record in records)
    rows = []
    for record in records:
        row = {
            title: more[title](record) if title in more else value_of(record, titles[title], names or {}, zone)
            for title in order
        }
        if doubtful:
            row[_("Doubts")] = listed(say(flag.label) for flag in record.flags) or None
        rows.append(row)
    return rows


def _titles(specs: Iterable[FieldSpec]) -> dict[str, FieldSpec]:
    """Specs by their column's title, units in it; a second column of the same title gets its field's name."""
    titled: dict[str, FieldSpec] = {}
    for spec in specs:
        unit = unit_beside(spec)
        title = _("{title} ({unit})", title=say(spec.title), unit=unit) if unit else say(spec.title)
        titled[f"{title} [{spec.name}]" if title in titled else title] = spec
    return titled


def unit_beside(spec: FieldSpec) -> str:
    """The unit to write beside a field's title; empty where there is none, or the title says it ("Residents")."""
    unit = _("yuan") if spec.kind == "money" else say(spec.mark.unit) if spec.mark.unit else ""
    return "" if unit.casefold() == say(spec.title).casefold() else unit


def value_of(record: BaseModel, spec: FieldSpec, names: Names, zone: tzinfo) -> Any:
    """A field's value for a row: a word, number, day or local moment, or None."""
    value = getattr(record, spec.name)
    if value is None:
        return None
    if spec.many:
        return listed(str(_plain_value(record, spec, item, names, zone)) for item in value) or None
    return _plain_value(record, spec, value, names, zone)


def _plain_value(record: BaseModel, spec: FieldSpec, value: Any, names: Names, zone: tzinfo) -> Any:
    if isinstance(spec.mark, Ref):
        return names.get(spec.mark.to, {}).get(value, value)
    if isinstance(spec.mark, Day):
        precision = getattr(record, spec.mark.precision, None) if spec.mark.precision else None
        if precision is Precision.YEAR:
            return f"{value.year:04d}"
        return f"{value:%Y-%m}" if precision is Precision.MONTH else value
    if isinstance(spec.mark, Term):
        return term(value, spec.mark.of)
    if isinstance(value, Choice):
        return say(value.label)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if spec.kind == "money":
        return value / 100
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None)
    return value


# --- on the page -----------------------------------------------------------------------------------------------------
def register(
    record_class: type[Record],
    rows: Sequence[Record],
    *,
    key: str,
    columns: Iterable[str] | None = None,
    names: Names | None = None,
    more: Mapping[str, Callable[[Any], Any]] | None = None,
    late: str | None = None,
    total: str | None = None,
    height: int | None = None,
) -> str | None:
    """Draw a register with search box and download, and return the id of the row the reader picked, or None.

    ``columns`` picks and orders fields and titles of ``more``, the computed columns (title -> function of the record);
    ``late`` names the one among these to draw as red bars (days overdue). ``names`` resolves references. ``total`` says
    how many there are in all, when ``rows`` are only the first of them.
    """
    columns = None if columns is None else list(columns)
    shown = rows_of(rows, columns=columns, names=names, more=more)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-tools"):
        wanted = st.text_input(
            _("Search"),
            key=f"{key}-search",
            type="search",
            placeholder=_("Search"),
            label_visibility="collapsed",
            icon=":material/search:",
            width=280,
            disabled=not rows,
        )
        st.space("stretch")
        found = matching(shown, wanted or "")
        count = st.empty()
        download(
            [shown[place] for place in found],
            name=record_class.collection,
            title=say(record_class.title),
            key=key,
            of=(record_class.collection, rows[0].community_id) if rows else None,
        )
    if not found:
        st.caption(
            _("Nothing here contains “{words}”.", words=plain(wanted)) if wanted else _("There is nothing here yet.")
        )
        return None
    first = 0
    if len(found) > PAGE:
        pages = -(-len(found) // PAGE)
        first = (min(st.pagination(pages, key=f"{key}-page"), pages) - 1) * PAGE
    page = found[first : first + PAGE]
    everything = plain(total or number(len(rows)))
    if total or len(page) < len(rows):
        count.caption(_("Showing {n} of {m}", n=number(len(page)), m=everything), width="content")
    else:
        count.caption(_("{n} in all", n=everything), width="content")
    ids = [rows[place].id for place in page]
    visible = [shown[place] for place in page]
    if columns is None:  # a column in which nothing stands takes room and tells nothing; the download has it
        filled = {title for row in shown for title, value in row.items() if value is not None}
        visible = [{title: value for title, value in row.items() if title in filled} for row in visible]
    state = st.dataframe(
        frame(visible),
        hide_index=True,
        height=height or ("content" if len(page) <= 12 else "auto"),
        row_height=38,
        placeholder="",
        column_config=_configured(
            record_class, [name for name in columns if name not in (more or {})] if columns else None, late, shown
        ),
        key=selection_key(key, ids),
        on_select="rerun",
        selection_mode="single-row",
        lazy=False,
        alt=say(record_class.title),
    )
    picked = state["selection"]["rows"]
    return ids[picked[0]] if picked and picked[0] < len(ids) else None


def first_of(shown: int, everything: int) -> None:
    """Say so where a list shows only its beginning."""
    if shown < everything:
        st.caption(_("The first {n} of {m}.", n=number(shown), m=number(everything)))


def selection_key(key: str, ids: Sequence[str]) -> str:
    """The session-state key of a register's selection. It belongs to exactly these rows in this order: a selection is
    kept by position, and must not slip to another record when rows come, go or are searched."""
    return f"{key}-{zlib.crc32('|'.join(ids).encode()):08x}"


def unselect(key: str) -> None:
    """Take back what the reader picked in a register, before it is drawn again."""
    for name in [str(name) for name in st.session_state if re.fullmatch(rf"{re.escape(key)}-[0-9a-f]{{8}}", str(name))]:
        st.session_state[name] = {"selection": {"rows": [], "columns": [], "cells": []}}


def matching(rows: Sequence[Row], wanted: str) -> list[int]:
    """Positions of the rows in whose shown texts every word of ``wanted`` occurs; case and width do not matter."""
    words = _folded(wanted).split()
    if not words:
        return list(range(len(rows)))
    texts = (_folded(" ".join(as_text(value) for value in row.values() if value is not None)) for row in rows)
    return [place for place, text in enumerate(texts) if all(word in text for word in words)]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows for the browser. Object columns, so that a whole number beside a gap stays a whole number."""
    titles = list(rows[0]) if rows else []
    return pd.DataFrame({title: pd.Series([row.get(title) for row in rows], dtype=object) for title in titles})


def _configured(
    record_class: type[Record], fields: Iterable[str] | None, late: str | None, rows: Sequence[Row]
) -> dict[str, Any]:
    config: dict[str, Any] = {}
    kinds = st.column_config
    for title, spec in _titles(shown_fields(record_class, fields)).items():
        help_text = say(spec.help) if spec.help else None
        if spec.many:
            config[title] = kinds.TextColumn(title, help=help_text)
        elif spec.kind == "day" and all(not isinstance(row.get(title), str) for row in rows):
            config[title] = kinds.DateColumn(title, help=help_text, format="YYYY-MM-DD")
        elif spec.kind == "moment":
            config[title] = kinds.DatetimeColumn(title, help=help_text, format="YYYY-MM-DD HH:mm")
        elif spec.kind == "money":
            config[title] = kinds.NumberColumn(title, help=help_text, format="localized")
        elif spec.kind in ("integer", "number"):
            config[title] = kinds.NumberColumn(title, help=help_text, format="%d" if spec.kind == "integer" else "%g")
        else:
            config[title] = kinds.TextColumn(
                title,
                help=help_text,
                pinned=spec.name in (record_class.natural_key or (record_class.name_field,)),
                width="medium" if spec.mark.long else None,
            )
    if late is not None:
        worst = max((row.get(late) or 0 for row in rows), default=0)
        config[late] = kinds.ProgressColumn(late, format="%d", color="red", min_value=0, max_value=max(worst, 1))
    return config


# --- to take away ----------------------------------------------------------------------------------------------------
def small(rows: Sequence[Row], *, key: str) -> None:
    """A handful of rows to look at."""
    st.dataframe(frame(rows), hide_index=True, key=key, placeholder="", height="auto")


Of = tuple[str, str]
"""Whose rows these are: a collection, and the community they are of."""


def download(
    rows: Sequence[Row] | Callable[[], Sequence[Row]], *, name: str, title: str, key: str, of: Of | None = None
) -> None:
    """A small button that offers the rows, or what makes them, as an Excel sheet or as CSV; written only when asked
    for. Rows ``of`` a collection, other than figures, are put on record when they are taken."""
    with st.container(width="content"):  # a fragment by itself takes all the room there is
        _offer(rows, name=name, title=title, key=key, of=of)


@st.fragment
def _offer(
    rows: Sequence[Row] | Callable[[], Sequence[Row]], *, name: str, title: str, key: str, of: Of | None
) -> None:
    inside = st.popover(
        "",
        icon=":material/download:",
        help=_("Download"),
        disabled=not rows,
        key=f"{key}-download",
        on_change="rerun",
    )
    if inside.open:
        with inside:
            download_line(rows() if callable(rows) else rows, name=name, title=title, key=key, of=of)


def download_line(rows: Sequence[Row], *, name: str, title: str, key: str, of: Of | None = None) -> None:
    """The two buttons themselves, in a row."""
    with st.container(horizontal=True, gap="xsmall"):
        st.download_button(
            _("Excel sheet"),
            data=data.fetch(partial(_taken, rows, "xlsx", title, of)),
            file_name=f"{name}.xlsx",
            mime=XLSX,
            on_click="ignore",
            icon=":material/download:",
            key=f"{key}-xlsx",
        )
        st.download_button(
            "CSV",
            data=data.fetch(partial(_taken, rows, "csv", title, of)),
            file_name=f"{name}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key=f"{key}-csv",
        )


def _taken(rows: Sequence[Row], form: str, title: str, of: Of | None, store: Store, actor: Actor) -> bytes:
    """The rows as a file, on record by the time it is handed out."""
    content = sheet(rows, title=title) if form == "xlsx" else csv_sheet(rows)
    if of is not None:
        collection, community_id = of
        audit.note_export(store, actor, community_id, collection, rows=len(rows), form=form)
    return content
