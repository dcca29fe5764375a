"""Backups on the page: the ones that were taken, how old the newest is, how the server's own work goes, and one to take
away now."""

import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import streamlit as st

from dashboard import data, i18n, session, tables
from dashboard.i18n import _, ago, datetime_, n_, plain, say
from dashboard.settings import BACKUP_PATH, COOKIE, Settings
from repository import backup
from repository.access import Actor, Refused
from repository.store import utc_now
from repository.words import Trouble, msg

log = logging.getLogger("gridboard.backup")

LATE = timedelta(hours=36)
"""How old the newest backup may be before it is said."""


def show(view: session.View) -> None:
    """What is kept in the folder that was set, a link to one of this moment, and what the server does by itself."""
    settings = Settings.from_environment()
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
        if left_out := backup.strangers(data.store()):
            st.caption(_("Not GridBoard's, so in no backup: {names}", names=i18n.plain(", ".join(left_out))))
        st.link_button(
            _("Take a backup"),
            f"{settings.base}{BACKUP_PATH}?lang={i18n.current()}",
            icon=":material/download:",
        )
    _by_itself(view, settings)


def _kept(view: session.View, folder: Path) -> None:
    try:
        there = backup.kept(folder, backup.database_id(data.store()), view.present)
    except OSError as error:
        st.error(
            _("The folder {folder} can't be read: {reason}", folder=plain(folder), reason=plain(error.strerror or ""))
        )
        return
    if there.newest is None or view.present - there.newest > LATE:
        newest = _("The newest is of {when}.", when=datetime_(there.newest, view.zone)) if there.newest else ""
        st.error(_("The last backup is too long ago.") + " " + (newest or _("There is none.")), icon=":material/error:")
    else:
        st.success(
            n_(
                "{n} backup is kept, taken {ago}.",
                "{n} backups are kept; the newest was taken {ago}.",
                len(there.copies),
                ago=ago(there.newest, view.present),
            ),
            icon=":material/check_circle:",
        )
    if there.ahead:
        st.warning(
            n_(
                "{n} file bears a moment that is still to come: a clock was wrong when it was written, or is wrong "
                "now. It stands for no backup and is not deleted; look at the clock, then at the file.",
                "{n} files bear a moment that is still to come: a clock was wrong when they were written, or is wrong "
                "now. They stand for no backup and are not deleted; look at the clock, then at the files.",
                len(there.ahead),
            ),
            icon=":material/schedule:",
        )
    rows = [
        {
            _("When"): copy.at.astimezone(view.zone).replace(tzinfo=None),
            _("File"): copy.path.name,
            _("MB"): round(copy.bytes / 1e6, 1),
        }
        for copy in (*there.ahead, *there.copies)
    ]
    if rows:
        tables.small(rows, key="backups")
    if there.others:
        st.caption(
            n_(
                "{n} more file in this folder is of another database and is left alone.",
                "{n} more files in this folder are of other databases and are left alone.",
                there.others,
            )
        )


def _by_itself(view: session.View, settings: Settings) -> None:
    """Each job of the server: when it last succeeded, and how it is doing in words."""
    from dashboard import tending

    words = {
        tending.State.WAITING: _("Not done yet since the start"),
        tending.State.WELL: _("Works"),
        tending.State.FAILING: _("Fails"),
        tending.State.STUCK: _("Does not get on"),
    }
    st.subheader(_("What the server does by itself"), anchor=False)
    rows = []
    for job in tending.JOBS:
        if not job.wanted(settings):
            continue
        came = tending.outcome(job.key)
        state = words[came.state(utc_now())]
        rows.append(
            {
                _("What"): say(job.title),
                _("State"): f"{state}: {say(came.problem)}" if came.problem else state,
                _("Last succeeded"): came.done_at.astimezone(view.zone).replace(tzinfo=None) if came.done_at else None,
            }
        )
    tables.small(rows, key="by-itself")


def mind(view: session.View) -> None:
    """On every page, say to whoever may do something about it that the daily backup fails. Looks into no folder."""
    from dashboard import tending

    actor, came = session.actor(), tending.outcome(tending.BACKUP)
    state = came.state(utc_now())
    if state not in {tending.State.FAILING, tending.State.STUCK} or not _has_all(actor):
        return
    reason = say(came.problem) if came.problem else _("it does not get on, as if its folder did not answer.")
    since = (
        _("It last succeeded at {when}.", when=datetime_(came.done_at, view.zone))
        if came.done_at
        else _("It has not succeeded since the server was started.")
    )
    st.error(_("The daily backup fails: {reason}", reason=i18n.plain(reason)) + " " + since, icon=":material/backup:")


def _has_all(actor: Actor) -> bool:
    with suppress(Refused):
        backup.require_all(actor)
        return True
    return False


# --- handed out ------------------------------------------------------------------------------------------------------
_taking = threading.Lock()
_BUSY = msg("A backup is being taken just now. Try again when it is there.")
_PIECE = 1_000_000


def answer(request: Any, settings: Settings) -> Any:
    """A backup of this moment as a response, piece by piece from the disk; or why there is none. Not for the event
    loop."""
    from starlette.responses import PlainTextResponse, StreamingResponse

    fresh = {"cache-control": "no-store"}
    asked = request.query_params.get("lang", "")
    language = asked if asked in i18n.LANGUAGES else i18n.language_of_browser(request.headers.get("accept-language"))
    with i18n.speaking(language):
        try:
            name, file = _handed_out(request, settings)
        except Trouble as trouble:
            log.warning("no backup was handed out: %s", trouble)
            status = 403 if isinstance(trouble, Refused) else 503
            return PlainTextResponse(say(trouble), status_code=status, headers=fresh)
    size = os.fstat(file.fileno()).st_size
    head = {**fresh, "content-length": str(size), "content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_pieces(file), media_type="application/octet-stream", headers=head)


def _handed_out(request: Any, settings: Settings) -> tuple[str, IO[bytes]]:
    # a link on another site brings the cookie along
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise Refused(msg("A backup is taken on the page Administration only."))
    actor = data.acting(request.cookies.get(COOKIE, ""))
    if actor is None:
        raise Refused(msg("Sign in first."))
    if not _taking.acquire(blocking=False):
        raise backup.BackupTrouble(_BUSY)
    try:
        store, recipient = data.store(), settings.backup_recipient
        name = backup.name_of(backup.database_id(store), store.clock(), encrypted=bool(recipient))
        folder = settings.home if settings.embedded else Path(tempfile.gettempdir())
        return name, backup.take_away(store, actor, folder, name, recipient=recipient)
    finally:
        _taking.release()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
