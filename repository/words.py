"""Text for people, named where it is made and translated where it is shown.

The English text is the catalogue key. ``msg`` only marks a literal so that the catalogues' extractor finds it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def msg(text: str) -> str:
    """Mark ``text`` for the catalogues; returns it unchanged."""
    return text


@dataclass(frozen=True)
class Amount:
    """A fact measured in a metric's unit (see ``metrics.Metric.unit``): money in 分, shares from 0 to 1, hours. The
    reader's language writes it."""

    value: float
    unit: str


@dataclass(frozen=True)
class Message:
    """A sentence with its facts kept apart: ``text`` is a ``str.format`` template in English.

    A parameter that is itself a Message, or a marked title, is translated before it is put in.
    """

    text: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def say(self, translate: Callable[[str], str]) -> str:
        """The sentence in the language of ``translate``."""
        facts = {
            name: value.say(translate) if isinstance(value, Message) else value for name, value in self.params.items()
        }
        return translate(self.text).format(**facts)

    def __str__(self) -> str:
        return self.say(lambda text: text)


def counted(one: str, many: str, n: float, **facts: Any) -> Message:
    """``n`` of something: the first text for exactly one of it, the second for any other number; both marked, both
    with ``{n}``. Chinese says both alike."""
    return Message(one if n == 1 else many, {"n": n, **facts})


class Trouble(Exception):
    """Something a person must be told: what happened, what was kept, what to do next.

    Raise a subclass with a marked text and its facts: ``Refused(msg("… {name} …"), name=…)``.
    """

    of_people = False
    """Whether its facts may be people's names or what they typed: then the log tells the text without them."""

    def __init__(self, text: str, **params: Any) -> None:
        self.message = Message(text, params)
        super().__init__(str(self.message))
