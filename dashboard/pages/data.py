"""Data: bring sheets in, take them back, take data out, erase a resident; what each field means; whether the counters
are right."""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import streamlit as st

from dashboard import cards, data, dictionary, earlier, erasing, intake, session, tables
from dashboard.i18n import _, current, number, plain, say, translator
from repository import importer, recount
from repository.access import Actor, Operation, may
from repository.erasure import Erasure
from repository.importer import ImportBatch
from repository.record import Record
from repository.rollups import COUNTS
from repository.store import Store


def render() -> None:
    """One part at a time; which one stands in the URL."""
    cards.one_part(_parts(), session.view())


def _parts() -> dict[str, tuple[str, Callable[[session.View], None]]]:
    """The parts this reader may use."""
    actor = session.actor()
    found: dict[str, tuple[str, Callable[[session.View], None]]] = {}
    if importer.importable(actor):
        found["import"] = _("Import"), intake.show
    if may(actor, Operation.READ, ImportBatch.collection):
        found["batches"] = _("Earlier imports"), earlier.show
    found["export"] = _("Export and templates"), _export
    found["dictionary"] = _("Dictionary"), _dictionary
    if may(actor, Operation.CREATE, Erasure.collection):
        found["erase"] = _("Erase a resident"), erasing.show
    if may(actor, Operation.UPDATE, COUNTS):
        found["counters"] = _("Counters"), _counters
    return found


# --- out -------------------------------------------------------------------------------------------------------------
def _export(view: session.View) -> None:
    actor, language = session.actor(), current()
    kinds = {kind.collection: kind for kind in importer.sheet_records()}
    readable = [name for name in kinds if may(actor, Operation.READ, name)]
    left, right = st.columns(2, gap="small")
    with left, st.container(border=True, height="stretch", key="export"):
        st.header(_("Take records out"), anchor=False)
        st.caption(
            _(
                "All that you may see of {community}. The file can be changed and imported again.",
                community=plain(view.community),
            )
        )
        name = _kind(readable, kinds, "export-kind")
        with st.container(horizontal=True, gap="small"):
            for form, label, mime in (("xlsx", _("Excel sheet"), tables.XLSX), ("csv", "CSV", "text/csv")):
                st.download_button(
                    label,
                    data=data.fetch(partial(_exported, view.community_id, kinds[name], form)),
                    file_name=f"{name}.{form}",
                    mime=mime,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"export-{form}",
                )
    with right, st.container(border=True, height="stretch", key="template"):
        st.header(_("An empty sheet to fill in"), anchor=False)
        st.caption(_("With a line that explains each column, which the import skips, and the words to choose from."))
        wanted = _kind(list(kinds), kinds, "template-kind")
        st.download_button(
            _("Template"),
            data=lambda: _template(kinds[wanted], language),
            file_name=f"{wanted}-template.xlsx",
            mime=tables.XLSX,
            on_click="ignore",
            icon=":material/download:",
            key="template-xlsx",
        )


def _kind(names: list[str], kinds: dict[str, type[Record]], key: str) -> str:
    return st.selectbox(_("Records"), names, format_func=lambda name: say(kinds[name].title), key=key)


def _exported(community_id: str, kind: type[Record], form: Any, store: Store, actor: Actor) -> bytes:
    file = BytesIO()
    importer.export(store, actor, community_id, kind, file, form=form, translate=translator(current()))
    return file.getvalue()


def _template(kind: type[Record], language: str) -> bytes:
    file = BytesIO()
    importer.template(kind, file, translate=translator(language))
    return file.getvalue()


# --- what it means ---------------------------------------------------------------------------------------------------
def _dictionary(_view: session.View) -> None:
    kinds = {kind.collection: kind for kind in dictionary.records()}
    words = translator(current())
    name = st.selectbox(
        _("Records"),
        [*kinds, "counters"],
        format_func=lambda name: say(kinds[name].title) if name in kinds else _("Counters"),
        width=320,
        **session.in_url("of", [*kinds, "counters"], "work_orders"),
    )
    if name == "counters":
        rows = dictionary.counter_rows(words)
    else:
        rows = dictionary.field_rows(kinds[name], words)
        for part in dict.fromkeys(dictionary.parts_of(kinds[name])):
            rows += [
                {**row, _("Name"): f"{part.__name__}.{row[_('Name')]}"} for row in dictionary.field_rows(part, words)
            ]
    tables.small(rows, key="dictionary")
    tables.download_line(rows, name=f"dictionary-{name}", title=_("Data dictionary"), key="dictionary")


# --- whether it adds up ----------------------------------------------------------------------------------------------
def _counters(view: session.View) -> None:
    with st.container(border=True, key="counters"):
        st.header(_("Do the counters agree with the records?"), anchor=False)
        st.caption(
            _("Every page reads counters that are kept with each change. This counts all records again and compares.")
        )
        with st.container(horizontal=True, gap="small"):
            check = st.button(_("Count again"), icon=":material/calculate:", key="count-again")
            rebuild = st.button(_("Rebuild the counters"), icon=":material/construction:", key="rebuild")
        if rebuild:
            with st.spinner(_("Counting …")):
                steps = data.tell(recount.rebuild, view.community_id)
            if steps is not None:
                st.success(_("Rebuilt."), icon=":material/check_circle:")
        if check:
            with st.spinner(_("Counting …")):
                found = data.tell(recount.check, view.community_id)
            if found == []:
                st.success(_("All counters agree with the records."), icon=":material/check_circle:")
            elif found:
                st.error(_("{n} counters differ from the records.", n=number(len(found))), icon=":material/error:")
                rows = [
                    {
                        _("Counter"): f"{one.place.subject} {one.place.level} {one.place.period} {one.path}",
                        _("Kept"): one.kept,
                        _("Counted"): one.counted,
                    }
                    for one in found[:500]
                ]
                tables.small(rows, key="differences")
