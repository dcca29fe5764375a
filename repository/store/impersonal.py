"""What of a record the trail may keep and a filter may ask: nothing somebody can be named or reached by."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

from repository.record import LINE, Record, field_specs

R = TypeVar("R", bound=Record)

Document = dict[str, Any]


def unnamed(record: type[Record], document: Document | None, hidden: Sequence[str] = ()) -> Document | None:
    """What the audit may keep of a document: that a personal field, or one that tells of a resident (``hidden``), was
    there, not what it said; and of free text all but the numbers somebody can be reached or identified by, so that they
    can be erased where they were written."""
    if document is None:
        return None
    written = _written(record)
    kept: Document = {
        name: "…" if name in record.personal else _unnumbered(value, written[name]) if name in written else value
        for name, value in document.items()
    }
    for path in hidden:
        name, _dot, leaf = path.partition(".")
        if name in kept:
            kept[name] = [{**each, leaf: "…"} if leaf in each else each for each in kept[name]] if leaf else "…"
    return kept


def of_somebody(record: type[Record], *documents: Document | None) -> Sequence[str]:
    """The fields that the audit may not keep, if one of these states of a record names a resident."""
    trace = record.trace
    named = trace is not None and any(document and document.get(trace.field) for document in documents)
    return (*trace.emptied, *trace.unsaid) if trace and named else ()


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


@cache
def _written(owner: type[BaseModel]) -> Mapping[str, Any]:
    """The fields in which people write sentences: text of a line and more that is no name, key or code; with those
    within its parts."""
    codes = {"name"}
    if issubclass(owner, Record):
        codes |= {owner.name_field, *owner.natural_key}
        codes.update(key for index in owner.indexes if index.unique for key in index.keys)
    found: dict[str, Any] = {}
    for name, spec in field_specs(owner).items():
        if spec.parts:
            within = {key: value for part in spec.parts for key, value in _written(part).items()}
            if within:
                found[name] = within
        elif spec.kind in ("text", "term") and (spec.max_length or 0) >= LINE and name not in codes:
            found[name] = None
    return found


def _numbers(text: str) -> list[re.Match[str]]:
    """The phone and identity numbers in a text, the last one first; each stands at the same place in the text."""
    if not _LONG_NUMBER.search(text):
        return []
    return list(reversed(list(_NUMBERS.finditer(text.translate(_NARROW)))))  # of the same length


def numbers_in(text: str) -> tuple[str, ...]:
    """What in a free text looks like a number somebody can be reached or identified by, as it stands there."""
    return tuple(text[found.start() : found.end()] for found in reversed(_numbers(text)))


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


def _unnumbered(value: Any, written: Mapping[str, Any] | None) -> Any:
    """Free text, or a part with some in it, without phone and identity numbers."""
    if isinstance(value, str):
        for found in _numbers(value):
            value = f"{value[: found.start()]}…{value[found.end() :]}"
        return value
    if isinstance(value, list):
        return [_unnumbered(each, written) for each in value]
    if isinstance(value, dict) and written:
        return {name: _unnumbered(each, written[name]) if name in written else each for name, each in value.items()}
    return value


def without_personal(record: R) -> R:
    """The record without its personal fields, and without the numbers that stand in its free text (``masked``): both
    are given by ``Write.reveal`` only."""
    hidden: dict[str, Any] = dict.fromkeys(record.personal)
    for name in record.masked:
        text = getattr(record, name)
        if text is not None and (shown := masked(text)) != text:
            hidden[name] = shown
    return record.model_copy(update=hidden) if hidden else record


def require_impersonal(record: type[Record], filter: Any) -> None:
    """What is not shown is not searched for either: that would tell it digit by digit. A mistake of ours, if any."""
    if not record.personal:
        return
    if isinstance(filter, Mapping):
        if named := record.personal & {str(name).partition(".")[0] for name in filter}:
            raise TypeError(f"personal, so not to be searched for: {', '.join(sorted(named))}")
        filter = list(filter.values())
    if isinstance(filter, (list, tuple)):
        for each in filter:
            require_impersonal(record, each)


@cache
def names_of(record: type[Record]) -> tuple[str, ...]:
    """The fields by which people name a record, as far as the audit may keep them."""
    specs = field_specs(record)
    wanted = dict.fromkeys((record.name_field, *record.natural_key))
    return tuple(
        name for name in wanted if name in specs and specs[name].kind == "text" and name not in record.personal
    )


def difference(before: Document | None, after: Document | None) -> tuple[Document | None, Document | None]:
    """Of two states of a document the fields that differ; all of them of what was made or taken out."""
    if before is None or after is None:
        return before, after
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {name: before[name] for name in differing if name in before}, {
        name: after[name] for name in differing if name in after
    }
