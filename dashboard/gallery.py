"""Photos on the page: chosen on the phone, kept, shown small, opened large."""

from collections.abc import Sequence

import streamlit as st

from dashboard import cards, data
from dashboard.data import ask, tell
from dashboard.i18n import _, number
from repository import photos
from repository.record import Record

AT_ONCE = 6


def choose(key: str) -> list[bytes]:
    """Photos to add, from the camera or the album: what has been chosen so far. Needs no tap from who has none."""
    with st.container(key=f"photo_{key}", gap=None):
        cards.upload_words('[class*="st-key-photo_"]', _("Take or choose a photo"))
        files = st.file_uploader(
            _("Photos (optional)"),
            type=["jpg", "jpeg", "png", "webp"],
            accept_multiple_files=True,
            max_upload_size=photos.MOST_BYTES // 2**20,
            key=f"photos-{key}",
        )
        if len(files) > AT_ONCE:
            st.caption(_("Only the first {n} are taken.", n=AT_ONCE))
    return [file.getvalue() for file in files[:AT_ONCE]]


def keep(community_id: str, pictures: Sequence[bytes]) -> list[str] | None:
    """Keep these; returns their ids for the write that names them, None when one can't be kept, which is said."""
    ids = []
    for picture in pictures:
        id = tell(photos.keep, community_id, picture)
        if id is None:
            return None
        ids.append(id)
    return ids


def show(record: type[Record], community_id: str, record_id: str, names: Sequence[str]) -> None:
    """Those photos of a record that are named, small; one of them large when it is asked for. Nothing where there are
    none."""
    if not names:
        return
    chosen = f"photo.{record_id}"
    there = [one for one in ask(photos.thumbnails, community_id, record, record_id) if one.id in names]
    with st.container(horizontal=True, gap="xsmall"):
        for place, one in enumerate(there, start=1):
            with st.container(width=112, gap=None):
                st.image(one.small, width=112)
                if st.button(
                    _("Photo {n}", n=number(place)),
                    icon=":material/zoom_in:",
                    type="tertiary",
                    key=f"open-photo-{one.id}",
                ):
                    shown = st.session_state.get(chosen)
                    st.session_state[chosen] = None if shown == one.id else one.id
    wanted = st.session_state.get(chosen)
    if wanted in names:
        st.image(data.ask_anew(photos.photo, community_id, record, record_id, wanted), width="stretch")
