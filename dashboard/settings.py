"""Where GridBoard keeps its data, which database it speaks to, and where it serves: read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from repository.words import Trouble, msg

PORT = 8501
HOST = "127.0.0.1"
ROLE = "admin"  # until there is a sign-in, whoever can reach the page is the person at this machine


class BadSetting(Trouble, ValueError):
    """A variable of the environment can't be used."""


VARIABLES = (
    "GRIDBOARD_HOME",
    "MONGODB_URI",
    "HOST",
    "PORT",
    "GRIDBOARD_ROLE",
    "GRIDBOARD_DEMO",
    "GRIDBOARD_NAMES",
)


@dataclass(frozen=True)
class Settings:
    """One process's settings.

    ``home`` is the data folder (embedded database, keys, logs); with a ``uri`` the embedded server is off entirely.
    ``role`` is the role everybody has until sign-in exists; ``demo`` allows switching it on the page.
    ``names`` are further host names under which readers may reach the page (a proxy, a name in the office network).
    """

    home: Path
    uri: str | None = None
    host: str = HOST
    port: int = PORT
    role: str = ROLE
    demo: bool = False
    names: tuple[str, ...] = ()

    @property
    def embedded(self) -> bool:
        """True when this process's database is the private one under ``home``."""
        return self.uri is None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """The settings of GRIDBOARD_HOME, MONGODB_URI, HOST, PORT, GRIDBOARD_ROLE, GRIDBOARD_DEMO, GRIDBOARD_NAMES.

        An empty variable counts as unset. Raises BadSetting when PORT is no port.
        """
        source = os.environ if environ is None else environ
        given = {name: value.strip() for name in VARIABLES if (value := source.get(name))}
        return cls(
            home=Path(given.get("GRIDBOARD_HOME") or default_home()).expanduser().absolute(),
            uri=given.get("MONGODB_URI") or None,
            host=given.get("HOST") or HOST,
            port=port_number(given.get("PORT") or str(PORT)),
            role=given.get("GRIDBOARD_ROLE") or ROLE,
            demo=given.get("GRIDBOARD_DEMO", "") not in {"", "0"},
            names=tuple(name for name in given.get("GRIDBOARD_NAMES", "").replace(",", " ").split() if name),
        )

    def publish(self) -> None:
        """Write these settings to the environment, where the pages of this process read them."""
        values = {
            "GRIDBOARD_HOME": str(self.home),
            "MONGODB_URI": self.uri or "",
            "HOST": self.host,
            "PORT": str(self.port),
            "GRIDBOARD_ROLE": self.role,
            "GRIDBOARD_DEMO": "1" if self.demo else "",
            "GRIDBOARD_NAMES": " ".join(self.names),
        }
        os.environ.update(values)


def default_home() -> str:
    """The folder in which this system keeps a user's data."""
    from platformdirs import user_data_dir

    return user_data_dir("gridboard", appauthor=False)


def port_number(text: str) -> int:
    """A TCP port, 0 for any free one; BadSetting for anything else."""
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise BadSetting(msg("PORT must be a number from 0 to 65535, not {value}."), value=text)
    return int(text)
