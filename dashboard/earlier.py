"""The imports that were made, and the way to take one back."""

import streamlit as st

from dashboard import data, imports, session, tables
from dashboard.i18n import MISSING, _, datetime_, plain, say
from repository import importer
from repository.importer import BatchKind, BatchStatus, ImportBatch


def show(view: session.View) -> None:
    """The list, and below it what can be taken back and what was left alone."""
    found = data.ask(importer.batches, view.community_id)
    if not found:
        st.info(_("Nothing has been imported yet."), icon=":material/inbox:")
        return
    rows = [
        {
            _("When"): batch.started_at.astimezone(view.zone).replace(tzinfo=None),
            _("File"): batch.source,
            _("Records"): _title_of(batch.record),
            _("What"): say(batch.kind.label),
            _("State"): say(batch.status.label) if batch.kind is BatchKind.IMPORT else MISSING,
            _("New"): batch.new,
            _("Changed"): batch.changed,
            _("Unchanged"): batch.unchanged,
            _("Flagged"): batch.flagged,
            _("Kept out"): batch.rejected,
            _("Taken out"): batch.removed,
            _("Left alone"): batch.left,
            _("By"): batch.created_by,
        }
        for batch in found
    ]
    tables.small(rows, key="batches")
    standing = {
        batch.id: batch for batch in found if batch.kind is BatchKind.IMPORT and batch.status is BatchStatus.COMMITTED
    }
    with st.container(border=True, key="undo"):
        st.header(_("Take an import back"), anchor=False)
        st.caption(
            _("New rows go, changed ones get their old values. What somebody edited since stays, and is listed here.")
        )
        if standing:
            _undo(view, standing)
        else:
            st.markdown(_("No import stands that could be taken back."))
        left = [batch for batch in found if batch.left_rows]
        if left:
            st.markdown(
                f"**{_('Left alone by {file}, {when}', file=plain(left[0].source), when=_when(left[0], view))}**"
            )
            tables.small(imports.left_rows(left[0]), key="left")


def _undo(view: session.View, standing: dict[str, ImportBatch]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            _("Import"),
            list(standing),
            format_func=lambda id: (
                f"{_when(standing[id], view)} · {standing[id].source} · " + imports.batch_line(standing[id])
            ),
            key="undo-which",
            width=560,
        )
        with st.popover(_("Take back"), icon=":material/undo:", key="undo-ask"):
            st.markdown(
                _(
                    "Take back {what} from {file}?",
                    what=plain(imports.batch_line(standing[chosen])),
                    file=plain(standing[chosen].source),
                )
            )
            if st.button(_("Take it back"), type="primary", key="do_undo"):
                with st.spinner(_("Taking back …")):
                    done = data.tell(importer.undo, view.community_id, chosen, done=_("The import is taken back."))
                if done is not None:
                    st.rerun()


def _when(batch: ImportBatch, view: session.View) -> str:
    return datetime_(batch.started_at, view.zone)


def _title_of(collection: str) -> str:
    return next((say(kind.title) for kind in importer.sheet_records() if kind.collection == collection), collection)
