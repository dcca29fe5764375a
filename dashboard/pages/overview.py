"""Overview: are things all right, and if not, what, since when, and who acts."""

import streamlit as st


def render() -> None:
    """The page."""
    st.write("…")
