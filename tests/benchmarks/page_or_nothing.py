"""The script the benchmark's server runs: the app, or nothing at all when the address asks for that."""

import streamlit as st

if "nothing" not in st.query_params:
    from dashboard.app import main

    main()
