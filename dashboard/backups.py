"""Backups on the page: the ones that were taken, how old the newest is, and one to take away now."""

import tempfile
from datetime import timedelta
from pathlib import Path

import streamlit as st

from dashboard import data, session, tables
from dashboard.i18n import _, ago, datetime_, n_, plain, say
from dashboard.settings import Settings
from repository import backup
from repository.access import Actor
from repository.words import Trouble

LATE = timedelta(hours=36)
"""How old the newest backup may be before it is said."""


def show(view: session.View) -> None:
    """What is kept in the folder that was set, and a button for one of this moment."""
    settings, actor = Settings.from_environment(), session.actor()
    st.header(_("Backups"), anchor=False)
    if settings.backup_folder is None:
        st.warning(
            _("No folder is set (GRIDBOARD_BACKUP_FOLDER), so no backup is taken by itself."),
            icon=":material/backup:",
        )
    else:
        _kept(view, settings.backup_folder)
    with st.container(border=True, key="backup-now"):
        st.subheader(_("A backup of this moment"), anchor=False)
        st.caption(
            _(
                "Everything in one file: records, accounts and the audit trail, as they stand now. Keep it where only "
                "you can read it. It is put back with: gridboard restore FILE"
            )
        )
        st.download_button(
            _("Take a backup"),
            data=lambda: _taken(settings, actor),
            file_name=backup.name_of(view.now, encrypted=bool(settings.backup_recipient)),
            on_click="ignore",
            icon=":material/download:",
            key="backup-file",
        )


def _kept(view: session.View, folder: Path) -> None:
    try:
        found = backup.kept(folder)
        rows = [
            {
                _("When"): moment.astimezone(view.zone).replace(tzinfo=None),
                _("File"): path.name,
                _("MB"): round(path.stat().st_size / 1e6, 1),
            }
            for moment, path in found
        ]
    except OSError as error:
        st.error(
            _("The folder {folder} can't be read: {reason}", folder=plain(folder), reason=plain(error.strerror or ""))
        )
        return
    if not found or view.now - found[0][0] > LATE:
        newest = _("The newest is of {when}.", when=datetime_(found[0][0], view.zone)) if found else _("There is none.")
        st.error(_("The last backup is too long ago.") + " " + newest, icon=":material/error:")
    else:
        st.success(
            n_(
                "{n} backup is kept, taken {ago}.",
                "{n} backups are kept; the newest was taken {ago}.",
                len(found),
                ago=ago(found[0][0], view.now),
            ),
            icon=":material/check_circle:",
        )
    if rows:
        tables.small(rows, key="backups")


def _taken(settings: Settings, actor: Actor) -> bytes:
    """A backup in memory, for the browser. Runs when the button is pressed, outside the page's run."""
    with tempfile.TemporaryDirectory(prefix="gridboard-backup-") as room:
        path = Path(room) / "backup"
        try:
            backup.take(data.store(), actor, path, recipient=settings.backup_recipient)
        except Trouble as trouble:
            raise RuntimeError(say(trouble)) from trouble
        return path.read_bytes()
