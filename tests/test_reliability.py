"""The catalogue's rows in their short form; ``make soak`` runs the long ones and prints every figure."""

import pytest

from tests.benchmarks.stand import Report
from tests.reliability.rows import ROWS

TRIED_ELSEWHERE = {"D4": "test_embedded has its cases", "L2": "its figures are L1's too, and seconds are no hour"}


@pytest.mark.drill
@pytest.mark.parametrize("name", [name for name in ROWS if name not in TRIED_ELSEWHERE])
def test_a_row_of_the_catalogue_holds(name: str) -> None:
    report = Report()
    ROWS[name](report, False)
    assert [row for row in report.rows if row[3] == "MISSED"] == []
    assert report.rows
