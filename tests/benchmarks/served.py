"""The app's own server with ``page_or_nothing`` for its script: ``python -m tests.benchmarks.served``.

Settings come from the environment, as always; prints the port when it answers.
"""

from dataclasses import replace
from pathlib import Path

from dashboard import server
from dashboard.settings import Settings


def serve() -> None:
    """Serve until terminated."""
    settings = Settings.from_environment()
    server.script = lambda: str(Path(__file__).with_name("page_or_nothing.py"))
    server.configure(settings)
    server.preload()
    door = server.listen("127.0.0.1", settings.port)
    settings = replace(settings, port=door.getsockname()[1])
    settings.publish()
    server.serve(settings, door, lambda: print(settings.port, flush=True))  # noqa: T201 (the benchmark reads it)


if __name__ == "__main__":
    serve()
