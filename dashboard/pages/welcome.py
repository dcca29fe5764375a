"""An empty database greets: see the demonstration, or start with your own community."""

import streamlit as st

from dashboard import data, forms, i18n, session
from dashboard.i18n import _
from repository.grids import Community, found_community


def render() -> None:
    """Two ways to begin."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        other = "en" if session.language() == "zh" else "zh"
        if st.button(i18n.LANGUAGES[other], icon=":material/language:", type="tertiary", key="welcome.lang"):
            session.choose("lang", other)
            st.rerun()
    st.title(_("GridBoard is ready, and empty"), anchor=False)
    st.caption(_("Grids, facilities, repairs and activities of a community, on a database of your own."))
    demo, own = st.columns(2, gap="small")
    with demo, st.container(border=True, height="stretch", key="welcome_demo"):
        st.header(_("Look around first"), anchor=False)
        st.write(
            _(
                "Load the demonstration: D community in Luzhou, five grids, three years of repairs and activities. "
                "Invented, apart from the figures of the study it follows. It stays marked as a demonstration."
            )
        )
        if st.button(_("Load the demonstration"), icon=":material/play_circle:", type="primary", key="do_demo"):
            with st.spinner(_("Loading the demonstration …")):
                data.load_demo()
            st.rerun()
    with own, st.container(border=True, height="stretch", key="welcome_own"):
        st.header(_("Start with your own community"), anchor=False)
        st.write(_("Name it; then bring in the sheets you keep on the Data page: grids first, then the rest."))
        made = forms.edit(
            Community,
            key="welcome.community",
            fields=("code", "name", "district", "households", "residents", "time_zone"),
            save=lambda values, submission: data.tell(found_community, values, key=submission),
        )
        if made is not None:
            st.rerun()
