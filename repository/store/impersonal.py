"""What of a record the trail may keep and a filter may ask: nothing somebody can be named or reached by."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from repository.numbers import masked, without_numbers
from repository.record import Part, Record, field_specs, sentences

R = TypeVar("R", bound=Record)

Document = dict[str, Any]


def unnamed(record: type[Record], document: Document | None, hidden: Sequence[str] = ()) -> Document | None:
    """What the audit may keep of a document: that a personal field, or one that tells of a resident (``hidden``), was
    there, not what it said; and of free text all but the numbers somebody can be reached or identified by, so that they
    can be erased where they were written."""
    if document is None:
        return None
    written = sentences(record)
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


def _unnumbered(value: Any, written: Mapping[str, Any] | None) -> Any:
    """Free text, or a part with some in it, without phone and identity numbers."""
    if isinstance(value, str):
        return without_numbers(value)
    if isinstance(value, list):
        return [_unnumbered(each, written) for each in value]
    if isinstance(value, dict) and written:
        return {name: _unnumbered(each, written[name]) if name in written else each for name, each in value.items()}
    return value


def without_personal(record: R) -> R:
    """The record without its personal fields, and without the numbers that stand in its free text (``masked``): both
    are given by ``Write.reveal`` only."""
    hidden: dict[str, Any] = dict.fromkeys(record.personal)
    for path in record.masked:
        name, _dot, leaf = path.partition(".")
        value = getattr(record, name)
        if value and (shown := _masked_parts(value, leaf) if leaf else masked(value)) != value:
            hidden[name] = shown
    return record.model_copy(update=hidden) if hidden else record


def _masked_parts(parts: tuple[Part, ...], leaf: str) -> tuple[Part, ...]:
    texts = [getattr(part, leaf) for part in parts]
    shown = [text and masked(text) for text in texts]
    if shown == texts:
        return parts
    return tuple(
        part if text == told else part.model_copy(update={leaf: told})
        for part, text, told in zip(parts, texts, shown, strict=True)
    )


def kept_whole(record: R, changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` of a record by somebody who read its parts masked: where a part's text stands as they read it, it
    stays as it was written."""
    whole = dict(changes)
    for path in record.masked:
        name, _dot, leaf = path.partition(".")
        if not leaf or not whole.get(name):
            continue
        parts = list(whole[name])
        for place, (now, stood) in enumerate(zip(parts, getattr(record, name), strict=False)):
            text = getattr(stood, leaf)
            if text and getattr(now, leaf) != text and getattr(now, leaf) == masked(text):
                parts[place] = now.model_copy(update={leaf: text})
        whole[name] = tuple(parts)
    return whole


def masked_texts(record: Record) -> tuple[str, ...]:
    """The texts of a record that are read masked, as they stand in it."""
    told: list[str | None] = []
    for name, leaf in sorted((name, leaf) for name, _dot, leaf in (path.partition(".") for path in record.masked)):
        value = getattr(record, name)
        told += [getattr(part, leaf) for part in value] if leaf else [value]
    return tuple(filter(None, told))


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
