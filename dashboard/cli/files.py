"""Files that a command leaves: whole under their name, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dashboard.cli.database import Stop
from repository.words import msg


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file to fill that takes the name ``path`` when all has gone well; until then, and else, what bears that name
    stays. Raises Stop at once where nothing can be written."""
    kept = path.exists() and not path.is_file()  # a pipe, a terminal
    target = path if kept else path.resolve()
    draft = target if kept else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        file = draft.open("wb" if kept else "xb")
    except OSError as error:
        raise Stop(msg("{name} can't be written: {reason}."), name=path, reason=error.strerror or str(error)) from None
    if kept:
        with file:
            yield file
        return
    try:
        with file:
            yield file
        with suppress(FileNotFoundError):
            shutil.copymode(target, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
