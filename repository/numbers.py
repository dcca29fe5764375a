"""Phone and identity numbers that people write into sentences: where they stand, the sentence without them. Pure."""

import re

_S = r"[ .‐-―-]?"  # between the groups of a number
_IDENTITY = (  # of 18 digits: place, birthday, order
    rf"[1-9]\d{{5}}{_S}(?:18|19|20)\d\d{_S}(?:0[1-9]|1[0-2]){_S}(?:0[1-9]|[12]\d|3[01]){_S}\d{{3}}[\dXx]"
)
_PHONE = (
    # a mobile phone of the mainland, in the ways people group it
    rf"(?:(?:\+|00)?86{_S})?1[3-9]\d(?:{_S}\d{{4}}{_S}\d{{4}}|\d{_S}\d{{3}}{_S}\d{{4}}|\d\d{_S}\d{{6}})"
    # a landline with its area code
    rf"|[(（]?(?:010|02\d|0[3-9]\d\d)[)）]?{_S}\d{{3,4}}{_S}\d{{4}}|(?:\+|00)86{_S}[1-9]\d{{1,2}}{_S}\d{{3,4}}{_S}\d{{4}}"
)
_NUMBERS = re.compile(rf"(?<!\d)(?:(?P<identity>{_IDENTITY})|{_PHONE})(?!\d)")
_LONG_NUMBER = re.compile(r"\d{3}")
HIDDEN = "＊"
"""Stands for a digit that is not shown."""
_NARROW = {0xFF10 + digit: str(digit) for digit in range(10)} | {ord("＋"): "+", ord("－"): "-", ord("　"): " "}


def _numbers(text: str) -> list[re.Match[str]]:
    """The phone and identity numbers in a text, the last one first; each stands at the same place in the text."""
    if not _LONG_NUMBER.search(text):
        return []
    return list(reversed(list(_NUMBERS.finditer(text.translate(_NARROW)))))  # of the same length


def numbers_in(text: str) -> tuple[str, ...]:
    """What in a free text looks like a number somebody can be reached or identified by, as it stands there."""
    return tuple(text[found.start() : found.end()] for found in reversed(_numbers(text)))


def identities_in(text: str) -> tuple[str, ...]:
    """What in a free text looks like an identity number, as it stands there."""
    return tuple(text[found.start() : found.end()] for found in reversed(_numbers(text)) if found["identity"])


def masked(text: str) -> str:
    """A free text without the numbers somebody can be reached or identified by: of a phone's the first three digits and
    the last two are left, as of a contact, of an identity number nothing."""
    for found in _numbers(text):
        number = text[found.start() : found.end()]
        if not found["identity"]:
            places = [place for place, sign in enumerate(number) if sign.isdecimal()]
            hidden = set(places[3:-2])
            number = "".join(HIDDEN if place in hidden else sign for place, sign in enumerate(number))
        else:
            number = HIDDEN * 6
        text = f"{text[: found.start()]}{number}{text[found.end() :]}"
    return text


def unidentified(text: str) -> str:
    """A free text without identity numbers, which are kept nowhere; phone numbers stay."""
    for found in _numbers(text):
        if found["identity"]:
            text = f"{text[: found.start()]}{HIDDEN * 6}{text[found.end() :]}"
    return text


def without_numbers(text: str) -> str:
    """A free text with "…" for every phone and identity number."""
    for found in _numbers(text):
        text = f"{text[: found.start()]}…{text[found.end() :]}"
    return text
