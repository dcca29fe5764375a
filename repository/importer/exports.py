"""Records as a sheet that the importer reads back without a change, and an empty sheet to fill in."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Literal

import pymongo

from repository.access import PERMISSIONS, Actor, Operation, Refused, require, scope
from repository.audit import note_export
from repository.filters import Is
from repository.importer.mapping import Target, Translate, fields_of
from repository.importer.sheets import NOTE, write_csv, write_xlsx
from repository.numbers import masked
from repository.record import RECORDS, Precision, Record, Ref
from repository.store import EVERYWHERE, Store, our_errors
from repository.words import msg

Form = Literal["csv", "xlsx"]
SECONDS = 120.0  # for reading what is written to the file

WAYS: Mapping[str, str] = {
    "text": msg("text"),
    "integer": msg("whole number"),
    "number": msg("number"),
    "money": msg("yuan"),
    "yes_no": msg("yes or no"),
    "choice": msg("one of the list"),
    "term": msg("one of the list, or another word"),
    "day": msg("a date, such as 2026-04-02"),
    "moment": msg("date and time, such as 2026-04-02 16:30"),
    "ref": msg("the name or code of one of: {what}"),
    "part": msg("text"),
    "variant": msg("text"),
}
"""How each kind of field is written in a sheet."""


def export(
    store: Store,
    actor: Actor,
    community_id: str,
    record: type[Record],
    file: IO[bytes],
    *,
    form: Form,
    translate: Translate,
) -> int:
    """Write the records the actor sees to ``file``, without personal fields and masked as they are read; returns how
    many. That it was done is entered in the audit; what stands in ``file`` may be given away only after that, when this
    returns.

    ``community_id`` may be ``EVERYWHERE`` for the communities themselves. Raises Refused (also for records that do not
    come as sheets), SignedOut, Full, Unavailable.
    """
    require(actor, Operation.READ, record.collection)
    if not any(PERMISSIONS[record.collection][Operation.IMPORT]):
        raise Refused(msg("These records are not taken out as a sheet."))
    targets = [target for name, target in fields_of(record).items() if name not in record.personal]
    header = [translate(msg("Id")), *(target.title(translate) for target in targets)]
    if record.collection == "communities" and community_id == EVERYWHERE:
        within: dict[str, Any] = {} if actor.communities is None else {"_id": Is(among=sorted(actor.communities))}
    else:
        within = scope(actor, record, community_id)
    names = _Names(store, community_id)
    zone = store.zone(community_id)
    written = 0

    def rows() -> Iterator[list[Any]]:
        nonlocal written
        for document in store.documents(record, within, sort=[("_id", 1)]):
            written += 1
            shown = {**document, **{name: masked(document[name]) for name in record.masked if name in document}}
            yield [document["_id"], *(_cell(target, shown, names, zone, translate) for target in targets)]

    with our_errors(), pymongo.timeout(SECONDS):
        if form == "csv":
            write_csv(file, header, rows())
        else:
            write_xlsx(file, translate(record.title), header, rows())
    note_export(store, actor, community_id, record.collection, rows=written, form=form)
    return written


def template(record: type[Record], file: IO[bytes], *, translate: Translate) -> None:
    """Write an empty Excel sheet for a kind of record: headers, a row that explains them (the importer skips it), and
    the words to choose from."""
    targets = list(fields_of(record).values())
    notes = [_explained(target, translate) for target in targets]
    notes[0] = f"{NOTE} {notes[0]}"
    write_xlsx(
        file,
        translate(record.title),
        [target.title(translate) for target in targets],
        (),
        notes=notes,
        choices=[_words(target, translate) for target in targets],
    )


def _explained(target: Target, translate: Translate) -> str:
    spec = target.spec
    what = translate(RECORDS[spec.mark.to].title) if isinstance(spec.mark, Ref) else ""
    way = translate(WAYS[spec.kind]).format(what=what)
    unit = f" ({translate(spec.mark.unit)})" if spec.mark.unit else ""
    need = translate(msg("required")) if spec.required else translate(msg("may stay empty"))
    helped = f" {translate(spec.help)}" if spec.help else ""
    return f"{need}; {way}{unit}.{helped}"


def _words(target: Target, translate: Translate) -> Sequence[str]:
    if target.spec.kind == "yes_no":
        return [translate(msg("yes")), translate(msg("no"))]
    return [translate(member.label) for member in target.spec.choices or ()]


class _Names:
    """What to call the records that others refer to: by code where there is one, else by name, else by id."""

    def __init__(self, store: Store, community_id: str) -> None:
        self._store, self._community_id = store, community_id
        self._known: dict[str, dict[str, str]] = {}

    def of(self, collection: str, id: str) -> str:
        if collection not in self._known:
            record = RECORDS[collection]
            field = next(name for name in ("code", "number", "name") if name in record.model_fields)
            names: dict[str, list[str]] = {}
            for document in self._store.documents(record, {"community_id": self._community_id}):
                names.setdefault(str(document.get(field) or document["_id"]), []).append(document["_id"])
            self._known[collection] = {ids[0]: name for name, ids in names.items() if len(ids) == 1}
        return self._known[collection].get(id, id)


def _cell(target: Target, document: Mapping[str, Any], names: _Names, zone: Any, translate: Translate) -> Any:
    spec, name = target.spec, target.name
    value: Any = document
    for step in name.split("."):
        value = (value or {}).get(step)
    if value is None:
        return None
    if spec.many:
        return "; ".join(map(str, value))
    if spec.kind in ("choice", "term") and spec.choices:
        known = {member.value: member.label for member in spec.choices}
        return translate(known[value]) if value in known else value
    if spec.kind == "ref" and isinstance(spec.mark, Ref):
        return names.of(spec.mark.to, value)
    if spec.kind == "money":
        return value // 100 if value % 100 == 0 else value / 100
    if spec.kind == "yes_no":
        return translate(msg("yes")) if value else translate(msg("no"))
    if isinstance(value, datetime):
        if spec.kind == "moment":
            return value.astimezone(zone).replace(tzinfo=None)
        known_to = document.get(target.precision) if target.precision else None
        if known_to == Precision.YEAR:
            return value.year
        return f"{value:%Y-%m}" if known_to == Precision.MONTH else value.date()
    return value
