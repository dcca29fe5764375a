"""What operators copy: the container file, the systemd units. No container engine and no init system run here, so they
are read, and each command in them is tried as far as it goes."""

import ast
import fnmatch
import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "operations"
UNITS = sorted(FOLDER.glob("*.service")) + sorted(FOLDER.glob("*.timer"))


def instructions() -> list[tuple[str, str]]:
    """The container file's instructions with their arguments, lines joined."""
    text = re.sub(r"\\\n", " ", (FOLDER / "Containerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path of the checkout out: the last line that matches it or a folder above says."""
    out = False
    parts = path.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").removeprefix("**/")
        anywhere = "**/" in rule
        if any(fnmatch.fnmatchcase(one.rsplit("/", 1)[-1] if anywhere else one, pattern) for one in above):
            out = not rule.startswith("!")
    return out


# --- the container
def test_everything_that_is_copied_is_there_and_may_come_in() -> None:
    copied = [shlex.split(given) for word, given in instructions() if word == "COPY" and "--from" not in given]
    sources = [source for *names, _target in copied for source in names]
    assert {"dashboard", "repository", "seed", "pyproject.toml", ".ci/constraints.txt"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored(source), source
    assert "." not in sources


@pytest.mark.parametrize(
    "path",
    [".git/config", ".gridboard/admin.pw", ".gridboard/db/WiredTiger", ".venv/bin/python", "tests/conftest.py",
     "backup.zip", "people.xlsx", ".env", "dashboard/__pycache__/app.pyc", "docs/guide.zh.md", ".ci/run"],
)  # fmt: skip
def test_no_history_no_data_and_no_keys_come_in(path: str) -> None:
    assert ignored(path)


def test_what_the_package_needs_comes_in() -> None:
    needed = subprocess.run(
        ["git", "ls-files", "dashboard", "repository", "seed"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    assert [path for path in needed if ignored(path)] == []


def test_the_last_stage_is_slim_and_runs_as_nobody_special() -> None:
    stages = [place for place, (word, _given) in enumerate(instructions()) if word == "FROM"]
    assert len(stages) == 2
    last = instructions()[stages[-1] :]
    assert [given for word, given in last if word == "COPY"] == ["--from=build /opt/gridboard /opt/gridboard"]
    assert [given for word, given in last if word == "USER"] == ["gridboard"]
    command = next(json.loads(given) for word, given in last if word == "CMD")
    assert command == ["gridboard", "run"]
    assert any("libcurl4" in given for word, given in last if word == "RUN"), "the private server needs it"


def probe() -> list[str]:
    """The health check's command, with this Python."""
    given = next(given for word, given in instructions() if word == "HEALTHCHECK")
    command: list[str] = json.loads(given[given.index("[") :])
    return [sys.executable, *command[1:]]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_follows_the_port_and_the_answer(status: int, healthy: bool) -> None:
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing to say."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as there:
        threading.Thread(target=there.serve_forever, daemon=True).start()
        env = os.environ | {"PORT": str(there.server_port)}
        done = subprocess.run(probe(), env=env, capture_output=True, check=False, timeout=60)
        there.shutdown()
    assert (done.returncode == 0) is healthy
    assert asked == ["/healthz"]


# --- systemd
def commands(unit: Path) -> list[list[str]]:
    """What a unit runs."""
    return [shlex.split(line.split("=", 1)[1]) for line in unit.read_text().splitlines() if line.startswith("Exec")]


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_the_commands_of_the_units_are_commands_of_ours(unit: Path) -> None:
    assert commands(unit)
    for program, name, *arguments in commands(unit):
        assert program == "/opt/gridboard/bin/gridboard"
        done = subprocess.run(
            [sys.executable, "-m", "dashboard.cli", name, "--help"],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        for option in arguments:
            assert not option.startswith("--") or option in done.stdout, option


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not on this machine")
    program = tmp_path / "gridboard"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copies = []
    for unit in UNITS:
        copy = tmp_path / unit.name
        text = unit.read_text().replace("/opt/gridboard/bin/gridboard", str(program))
        copy.write_text(re.sub(r"^User=.*$", "User=root", text, flags=re.M))
        copies.append(str(copy))
    done = subprocess.run(
        [tool, "verify", "--man=no", *copies], capture_output=True, text=True, check=False, timeout=120,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "gridboard" in line]
    assert ours == []


def lines_of(unit: str) -> set[str]:
    """What a unit says, without comments."""
    return {line for line in (FOLDER / unit).read_text().splitlines() if line and not line.startswith("#")}


def test_no_unit_kills_the_database() -> None:
    """After a crash systemd passes ExecStop over and kills the rest of the group, unless it is told to leave it."""
    served, backup = lines_of("gridboard.service"), lines_of("gridboard-backup.service")
    assert {"KillMode=process", "ExecStopPost=/opt/gridboard/bin/gridboard stop"} <= served
    assert {"KillMode=process", "After=gridboard.service"} <= backup
    assert not [line for line in served | backup if line.startswith("ExecStop=")]
    assert not [line for line in backup if "stop" in line.lower()], "others may use it"


def test_the_timer_starts_a_unit_that_is_there() -> None:
    for timer in FOLDER.glob("*.timer"):
        assert timer.with_suffix(".service").exists()
        assert re.search(r"^OnCalendar=", timer.read_text(), re.M)


# --- what lint asks others
def test_the_audit_says_aloud_what_it_did_not_look_for() -> None:
    text = (ROOT / ".ci" / "audit").read_text()
    ast.parse(text)
    assert "NOT LOOKED FOR" in text
