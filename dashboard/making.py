"""Files that take a while: made beside the page, which says how far they are, and taken when they are there.

Who waits for one reads on, goes to another page and comes back. A file is of what stood on the page when its button was
pressed; where the page shows something else since, or is somebody else's, it is offered anew.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import streamlit as st

from dashboard import data, i18n, session
from dashboard.i18n import _, plain
from dashboard.pack import Told
from repository.access import Actor
from repository.store import Store

log = logging.getLogger("gridboard.making")

LOOK_SECONDS = 0.5
_at_once = threading.BoundedSemaphore(2)  # the same processors draw everybody's pages


@dataclass(frozen=True)
class File:
    """A file that is offered: what its button says, and who makes it."""

    word: str
    name: str
    mime: str
    make: Callable[[Told], bytes]


class Making:
    """One file under way, of ``of``: the ``share`` that is done, then the ``made`` file, or that it ``failed``."""

    def __init__(self, of: object, file: File) -> None:
        self.of, self.file = of, file
        self.share = 0.0
        self.made: bytes | None = None
        self.failed = False
        threading.Thread(target=self._run, args=(i18n.current(),), name="making", daemon=True).start()

    @property
    def under_way(self) -> bool:
        """Whether it is still waited for."""
        return self.made is None and not self.failed

    def _tell(self, done: int, parts: int) -> None:
        self.share = max(self.share, min(1.0, done / max(1, parts)))  # a paragraph that goes on overleaf comes again

    def _run(self, language: str) -> None:
        try:
            with _at_once, i18n.speaking(language):
                self.made = self.file.make(self._tell)
        except Exception:  # whatever it was, whoever waits has to be told
            log.exception("a file could not be made")
            self.failed = True


def _given(file: bytes, _store: Store, _actor: Actor) -> bytes:
    """The file as it was made, for whoever may still have it."""
    return file


def offer(files: Mapping[str, File], *, of: object, key: str) -> None:
    """A button for each file, which has it made of ``of``, compared with ``==``; how far it is; a button to take it."""
    waiting = any(making.under_way for making in session.held(key, dict[str, Making]).values())
    # looks by itself only while there is something to wait for
    st.fragment(_offered, run_every=LOOK_SECONDS if waiting else None)(files, of, key)


def _offered(files: Mapping[str, File], of: object, key: str) -> None:
    held = session.held(key, dict[str, Making])
    whose = (of, i18n.current(), session.actor().eyes)
    waiting = {name: making.share for name, making in held.items() if making.under_way}
    with st.container(horizontal=True, gap="small"):
        for name, file in files.items():
            found = held.get(name)
            if found is not None and found.made is not None and found.of == whose:
                st.download_button(
                    plain(_("Take {what}", what=file.word)),
                    data=data.fetch(partial(_given, found.made)),
                    file_name=file.name,
                    mime=file.mime,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"{key}-{name}-take",
                )
            elif st.button(
                plain(file.word),
                icon=":material/draft:",
                disabled=name in waiting,
                help=_("It is made while you read on"),
                key=f"{key}-{name}",
            ):
                held[name] = Making(whose, file)
                st.rerun()
    for name, share in waiting.items():
        st.progress(share, text=plain(_("{what} is being made …", what=held[name].file.word)))
    if any(making.failed and making.of == whose for making in held.values()):
        st.error(_("The file could not be made. Nothing was changed; try once more."), icon=":material/error:")
    if waiting and not any(held[name].under_way for name in waiting):
        st.rerun()  # there is nothing to wait for any more
