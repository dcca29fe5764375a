"""docs/coverage.md: whatever it names is there."""

import ast
import re
from pathlib import Path

import pytest

from dashboard.dictionary import records
from dashboard.navigation import BY_KEY
from repository import handling, overview, preventive, replacement, reports, workload  # noqa: F401 (declare metrics)
from repository.metrics import METRICS

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [234]\.\d ", line)
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1][:30]}")
def test_every_row_names_what_is_there(row: list[str]) -> None:
    _section, said, page, kinds, metrics, test = row
    assert len(said) > 10
    key, path = re.fullmatch(r"\[(\w+)\]\(/(.+)\)", page).groups()  # type: ignore[union-attr]
    assert path.partition("?")[0] == key
    assert BY_KEY[key].shown
    assert set(kinds.split(", ")) <= {record.collection for record in records()}
    assert set(metrics.split(", ")) <= METRICS.keys()
    file, name = test.split("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


def test_the_sections_that_describe_or_find_fault_are_all_there() -> None:
    assert {row[0] for row in ROWS} == {"2.1", "2.2", "3.1", "3.2", "3.3", "4.1", "4.2", "4.3"}
