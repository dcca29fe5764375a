"""The script Streamlit runs. It must not stand beside dashboard/pages/: there Streamlit's legacy page discovery
would let a deep link run a page without the frame."""

from dashboard.app import main

main()
