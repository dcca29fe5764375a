"""What must never be lost, torn or let in, tried for real: ``make soak`` prints the figures, ``make drill`` runs the
short versions (tests/test_reliability.py). docs/reliability.md maps the catalogue's rows to these and to other tests.
"""
