"""Everything that is true about the data. Start with ``record`` (what a record is), ``store`` (how it is kept)
and the room of your area: ``grids``, ``facilities``, ``maintenance``, ``activities``."""
