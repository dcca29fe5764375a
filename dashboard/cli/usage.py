"""What a command is, and how its arguments are read."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


def _none(_made: argparse.ArgumentParser) -> None:
    """A command without options."""


@dataclass(frozen=True)
class Command:
    """One command: its name, its help in a line and in full, what it does, and its options."""

    name: str
    line: str
    more: str
    do: Callable[[argparse.Namespace], int]
    options: Callable[[argparse.ArgumentParser], None] = _none


def argument(read: Callable[[str], T]) -> Callable[[str], T]:
    """``read`` as an argument's type: what its ValueError says is what people read of wrong usage."""

    def of(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return of


def version_of(package: str) -> str:
    """Which version of a package is installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
