"""The script the benchmark's server runs: the app, or nothing at all, or next to nothing, as the address asks for."""

import streamlit as st

if "bare" in st.query_params:
    st.title("Bare")
    st.write("One line.")
elif "nothing" not in st.query_params:
    from dashboard.app import main

    main()
