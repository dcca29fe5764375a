"""The ways to start besides ``make run``: a built wheel from any folder, and ``streamlit run`` for those used to it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.benchmarks.reruns import Reader
from tests.browser import KNOWN_LINES

pytestmark = pytest.mark.drill

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel of this checkout installs, and nothing else of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    kept = shutil.ignore_patterns(".*", "tests", "docs", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "source", ignore=kept)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(folder / "source")],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("gridboard-*.whl"))
    if not wheels and not os.environ.get("CI"):
        pytest.skip(f"no wheel without the build back end: {built.stderr[-300:]}")
    assert wheels, built.stderr
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


@contextmanager
def started(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A server, stopped afterwards; its log may hold nothing but what is known."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        _said, log = process.communicate(timeout=30)
    rest = [line for line in log.splitlines() if line.strip() and not any(known.search(line) for known in KNOWN_LINES)]
    assert rest == []


def opens(port: int) -> None:
    """The page runs to its end and has something on it."""
    reader = Reader(port, "", "lang=en")
    reader.rerun()
    reader.close()
    assert reader.elements > 10
    assert not reader.failed


def test_a_wheel_holds_all_it_needs_and_runs_from_any_folder(site: Path, demo_uri: str, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(site), "MONGODB_URI": demo_uri, "PORT": "0", "GRIDBOARD_HOME": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-P", "-c", "import dashboard, repository, seed; print(dashboard.__file__)"],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(told.stdout.strip()).is_relative_to(site), "the checkout has no part in this"
    with started(["-P", "-m", "dashboard.cli", "run"], tmp_path, environment) as process:
        assert process.stdout is not None
        assert "Demonstration" in process.stdout.readline(), "said aloud"
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)\n", process.stdout.readline())
        assert found
        opens(int(found[1]))
        with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/healthz", timeout=20) as answer:
            assert answer.status == 200


def test_streamlit_run_works_as_well(demo_uri: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "streamlit", "run", str(ROOT / "streamlit_app.py")]
    command += ["--server.port", str(port), "--server.headless", "true", "--server.address", "127.0.0.1"]
    environment = {"MONGODB_URI": demo_uri, "GRIDBOARD_HOME": str(tmp_path)}
    with started(command, tmp_path, environment):
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                time.sleep(0.2)
        opens(port)
