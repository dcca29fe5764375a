"""Where the tests' servers keep their data: in memory where there is plenty of it, else on the disk. A server that is
killed loses nothing by it; only a machine that goes down would, which no test tries."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 (each folder in it is made as tempfile makes them)
PLENTY = 6_000_000_000  # bytes: a new server takes 330 MB, and some eight of them run at once


def server_folder(prefix: str, inside: Path | None = None) -> Path:
    """A new folder with a short path, as sockets need it. ``make soak`` stays on the disk."""
    if inside is None and "PYTEST_VERSION" in os.environ and MEMORY.is_dir():
        enough = min(shutil.disk_usage(MEMORY).free, _unused()) >= PLENTY
        inside = MEMORY if enough else None
    return Path(tempfile.mkdtemp(prefix=prefix, dir=inside))


def _unused() -> int:
    """Bytes of memory that programs could have."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
