"""Rows into figures: a few builders with one look. Plotly figures as plain data, no Streamlit, no WebGL, no map tiles.

Texts come in already in the reader's language. Every builder takes ``look``, the colours of the reader's theme
(``cards.look()`` on a page). Blue and slate are data; red is overdue or off target and nothing else; a hollow box is
what the bar is compared with. Nothing to draw gives empty axes, never an error.
"""

from dashboard.charts.colours import Palette, palette
from dashboard.charts.courses import columns, heat, line, lines
from dashboard.charts.drawing import Figure
from dashboard.charts.maps import Shape, grid_map
from dashboard.charts.rows import aged, bars, dots, pyramid, stacked
from dashboard.charts.still import still

__all__ = [
    "Figure",
    "Palette",
    "Shape",
    "aged",
    "bars",
    "columns",
    "dots",
    "grid_map",
    "heat",
    "line",
    "lines",
    "palette",
    "pyramid",
    "stacked",
    "still",
]
