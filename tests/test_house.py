"""The architecture as tests: who may import whom, what stands where, and what is said of it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.navigation import PAGES
from repository.record import RECORDS

ROOT = Path(__file__).parents[1]
SOURCES = [path for room in ("repository", "dashboard", "seed") for path in sorted((ROOT / room).rglob("*.py"))]


def relative(path: Path) -> str:
    """A short name for the test's id."""
    return str(path.relative_to(ROOT))


def test_the_import_contracts_hold() -> None:
    check = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", check, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_public_things_say_what_they_mean(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a file says what it is for"
    silent = [
        f"{node.name} (line {node.lineno})"
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_every_page_has_its_file_and_every_file_its_row() -> None:
    files = {path.stem for path in (ROOT / "dashboard" / "pages").glob("*.py")} - {"__init__", "welcome"}

    assert {row.key for row in PAGES} == files


@pytest.mark.parametrize("path", sorted((ROOT / "dashboard" / "pages").glob("*.py")), ids=relative)
def test_a_page_reads_as_prose(path: Path) -> None:
    """No pipeline, no figure, no role, no bare session state on a page."""
    text = path.read_text(encoding="utf-8")
    for banned in (
        "plotly",
        "go.Figure",
        "groupby",
        "$match",
        "$group",
        "Role.",
        "actor().role",
        "unsafe_allow_html=True",
    ):
        assert banned not in text, banned
    assert len(text.splitlines()) <= 400


def test_a_day_is_asked_for_with_bounds_that_take_any() -> None:
    """A calendar keeps a day beyond its bounds, ten years off without any, and another one is saved."""
    asking = {
        relative(path) for path in (ROOT / "dashboard").rglob("*.py") if ".date_input(" in path.read_text("utf-8")
    }
    assert asking == {"dashboard/forms.py", "dashboard/app.py"}, "forms.day; what the frame asks for is not saved"


def test_the_entry_script_does_not_stand_beside_the_pages() -> None:
    assert not list((ROOT / "dashboard").glob("streamlit_app.py"))
    assert (ROOT / "streamlit_app.py").exists()


def test_every_index_leads_with_the_community_and_says_why() -> None:
    for record in RECORDS.values():
        for index in record.indexes:
            assert index.why
            # a batch is found by its own id, and imports in flight are asked for whatever their community
            leads = index.keys[0] in ("community_id", "batch_id", "in_flight")
            assert leads or record.collection == "communities", index


def test_architecture_names_every_room() -> None:
    words = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.stem for path in (ROOT / "repository").iterdir() if not path.name.startswith("_")}
    rooms |= {path.stem for path in (ROOT / "dashboard").glob("*.py") if not path.name.startswith("_")}

    assert sorted(room for room in rooms if room not in words) == []


def test_every_decision_is_one_short_page() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert pages
    for page in pages:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 80, page.name


def test_nothing_names_a_machine() -> None:
    """Paths of one machine and package registries have no place in the project."""
    found = subprocess.run(
        [
            "git",
            "grep",
            "-nIE",
            r"(^|[^A-Za-z0-9_.])/(work|farm)/|pypi\.org|registry\.npmjs",
            "--",
            ".",
            ":!tests/test_house.py",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
