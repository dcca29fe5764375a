"""The colours of a theme, and what is mixed of them."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

THEME = Path(__file__).parents[1] / "theme" / "config.toml"
NONE = "rgba(0,0,0,0)"


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, read from theme/config.toml: the only place they are written down."""

    font: str
    page: str
    raised: str
    ink: str
    quiet: str
    rule: str
    series: tuple[str, ...]
    ramp: tuple[str, ...]
    states: dict[str, str]
    grounds: dict[str, str]
    inks: dict[str, str]

    @property
    def main(self) -> str:
        """What the chart is about."""
        return self.series[0]

    @property
    def second(self) -> str:
        """The other of two, lighter."""
        return self.series[1]

    @property
    def slate(self) -> str:
        """The one compared with."""
        return self.series[2]

    @property
    def pale(self) -> str:
        """Plain stock: bars whose exceptions are coloured."""
        return self.ramp[2] if self.page.upper() == "#FFFFFF" else self.ramp[4]

    @property
    def red(self) -> str:
        """Overdue or off target."""
        return self.states["red"]


@cache
def palette(theme: Literal["light", "dark"] | str | None) -> Palette:
    """The palette of Streamlit's ``theme.type``; anything but ``dark`` is light."""
    settings = tomllib.loads(THEME.read_text("utf-8"))["theme"]
    colours = settings["dark" if theme == "dark" else "light"]
    names = ("red", "orange", "green", "violet", "gray", "blue")
    return Palette(
        font=settings["font"].replace("'", ""),
        page=colours["backgroundColor"],
        raised=colours["secondaryBackgroundColor"],
        ink=colours["textColor"],
        quiet=colours["grayTextColor"],
        rule=colours["borderColor"],
        series=tuple(colours["chartCategoricalColors"]),
        ramp=tuple(colours["chartSequentialColors"]),
        states={name: colours[f"{name}Color"] for name in names},
        grounds={name: colours[f"{name}BackgroundColor"] for name in names},
        inks={name: colours[f"{name}TextColor"] for name in names},
    )


def faded(colour: str, strength: float) -> str:
    """``colour`` that lets through what is behind it; ``strength`` from 0 to 1."""
    red, green, blue = _parts(colour)
    return f"rgba({red},{green},{blue},{strength})"


def readable(ground: str) -> str:
    """Dark or white ink, whichever reads better on ``ground``."""
    shares = [part / 255 for part in _parts(ground)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#FFFFFF" if 1.05 / (light + 0.05) > (light + 0.05) / 0.058 else "#121923"


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
