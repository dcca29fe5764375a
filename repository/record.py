"""What a record is.

A field is declared once, on its Record: a type, a ``pydantic.Field`` with title and bounds, at most one mark. The
edit form, the table, the import template, the data dictionary and MongoDB's own validator are read off it through
``FieldSpec``. No I/O happens here.
"""

import re
import types
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import annotated_types
from bson import ObjectId
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from repository.numbers import unidentified
from repository.words import Message, msg

LINE = 200  # characters in one line of text
PAGE = 4000  # characters in a remark


class Choice(StrEnum):
    """A closed list of words. Each member carries its label (English, translated where it is shown) and the further
    spellings an import accepts: ``OPEN = "open", msg("Open"), "待修", "未结"``."""

    label: str
    spellings: tuple[str, ...]

    def __new__(cls, value: str, label: str = "", *spellings: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label or value
        member.spellings = spellings
        return member


def term(word: str, choices: type[Choice]) -> str | Message:
    """A word of an open list, to be translated where it is one of the ``choices``."""
    try:
        return Message(choices(word).label)
    except ValueError:
        return word


def folded(text: Any) -> str:
    """Text for comparing: one width, one case, single spaces."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", str(text))).strip().casefold()


def spellings(choices: type[Choice], languages: Iterable[Callable[[str], str]] = (str,)) -> dict[str, Choice]:
    """Every folded word that means a member: its value, its label in each language, its further spellings."""
    ways: tuple[Callable[[Choice], Iterable[str]], ...] = (
        lambda member: [member.value],
        lambda member: [say(member.label) for say in languages],
        lambda member: member.spellings,
    )
    words: dict[str, Choice] = {}
    for wanted in ways:
        for member in choices:
            for word in wanted(member):
                words.setdefault(folded(word), member)
    return words


_spellings = cache(spellings)


# --- marks -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Shown:
    """How a field meets people: other headers its column may have in a sheet, its unit (a marked text), several
    lines of text, and whether the generated form and table show it."""

    aliases: tuple[str, ...] = ()
    unit: str = ""
    long: bool = False
    form: bool = True
    table: bool = True


@dataclass(frozen=True)
class Ref(Shown):
    """The id of a record of the collection ``to``; people pick and import it by name."""

    to: str = ""


@dataclass(frozen=True)
class Term(Shown):
    """A word from an open list: ``of`` are the words we know and translate, any other short text is kept as it is. One
    of their spellings is kept as the word it means, whoever writes it, so that one thing is counted under one name."""

    of: type[Choice] | None = None


@dataclass(frozen=True)
class Day(Shown):
    """A calendar day, stored as midnight UTC. ``precision`` names the companion field that says how much of it is
    known (a sheet may give only the year)."""

    precision: str = ""


@dataclass(frozen=True)
class Money(Shown):
    """Integer 分 (1/100 yuan); shown and imported in yuan."""


class Precision(Choice):
    """How much of a calendar day is known; the rest stands at its first day."""

    DAY = "day", msg("Day"), "日"
    MONTH = "month", msg("Month only"), "月"
    YEAR = "year", msg("Year only"), "年"


class Flag(Choice):
    """Why a record came in with a doubt. Flagged records are shown and counted but left out of durations."""

    ENDED_BEFORE_REPORTED = "ended_before_reported", msg("Ended before it was reported")
    YEAR_FAR_AWAY = "year_far_away", msg("Year far away")
    RENEWED_BEFORE_INSTALLED = "renewed_before_installed", msg("Renewed before it was installed")
    LEFT_BEFORE_ENTERED = "left_before_entered", msg("Left before it came in")


def rewound(document: Mapping[str, Any], was: Mapping[str, Any]) -> dict[str, Any]:
    """A document with some of its fields as they were; None: they were not there."""
    return {name: value for name, value in {**document, **was}.items() if value is not None}


def entered_later(document: Mapping[str, Any], moment: datetime) -> bool:
    """Whether a document was made after a moment. Of what says by itself since when it is there that is no matter."""
    made = document.get("created_at")
    return made is not None and bool(made > moment)


def day_then(moment: datetime, zone: ZoneInfo) -> datetime:
    """The day of a moment, as days are stored."""
    return midnight(moment.astimezone(zone).date())


def midnight(day: date) -> datetime:
    """A calendar day as it is stored and asked for: no time zone moves it, so it is UTC's midnight."""
    return datetime.combine(day, time(), UTC)


LONGEST = 15
"""What ``lasted`` is of 45 years and more."""


def far_away(*moments: date | None) -> bool:
    """Whether a day or moment lies in a year in which nothing here can have happened or be due: a typing error."""
    return any(moment is not None and not 1990 <= moment.year <= 2060 for moment in moments)


# --- records ---------------------------------------------------------------------------------------------------------
def _clean(value: Any) -> Any:
    """Text as it is stored: composed (NFC), trimmed, and without control characters or lone surrogates."""
    if isinstance(value, str) and not isinstance(value, StrEnum):
        value = unicodedata.normalize("NFC", value).strip().replace("\r\n", "\n")
        if not value.isprintable() and any(
            unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in value
        ):
            raise ValueError(msg("Text may not contain control characters"))
    return value


class Part(BaseModel):
    """A piece of a record that has no life of its own, such as one event of a work order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _text(cls, value: Any, info: ValidationInfo) -> Any:
        return _unidentified(cls, info.field_name, _meant(cls, info.field_name, _clean(value)))


class Deed(Part):
    """Who did something to a record, and when: one step of its story begins with it."""

    at: datetime = Field(title=msg("At"))
    by: str = Field(max_length=LINE, title=msg("By"))
    by_id: str | None = Field(default=None, max_length=64, title=msg("Account"))


@dataclass(frozen=True)
class Index:
    """A MongoDB index and the question it answers. ``where`` makes it partial."""

    keys: tuple[str, ...]
    why: str
    unique: bool = False
    where: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The index's name on the server, made from its keys."""
        return "_".join(key.replace(".", "-") for key in self.keys) + ("_where" if self.where else "")


@dataclass(frozen=True)
class Trace:
    """How a record names a resident, and what becomes of it when they are erased.

    ``field`` holds their code, or with ``of`` the id of a record of that collection which does. The whole record goes,
    unless ``emptied`` names the fields that go: ``events.note`` is one of a list of parts. What is emptied is not
    copied into the audit either while the record names somebody, for nothing is ever taken out of that; nor is
    what stands in ``unsaid``.
    """

    field: str = "resident"
    of: str = ""
    emptied: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()


_CLOCK = re.compile(r"([0-9]{1,2})[:点时](?:([0-9]{2})(?::[0-9]{2}|分)?)?")


def clock_time(text: str) -> str | None:
    """A time of day as it is kept, ``09:00``, from how people and sheets write it: 9:00, 9：00, 9点, 9点30分, 09:00:00.
    None for what is none."""
    found = _CLOCK.fullmatch(unicodedata.normalize("NFKC", text).strip())
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (24, 0)
    return f"{hour:02d}:{minute:02d}" if hour <= 23 and minute <= 59 else None


def resident_key(code: str) -> str:
    """What two spellings of a resident's code have in common: ``r7k3q``, ``R-7K3Q`` and ``7K3Q`` are the same."""
    bare = re.sub(r"[\s‐-―-]", "", unicodedata.normalize("NFKC", code)).upper()
    return bare.removeprefix("R") if 5 <= len(bare) <= 7 else bare


RECORDS: dict[str, type["Record"]] = {}
"""Every Record class by its collection."""


class Record(BaseModel):
    """Base of everything that is stored. Frozen: a change is a new value that the store checks against the revision.

    ``id`` is the document's ``_id``; ``revision`` counts writes from 1; ``batch_id`` names the import that brought it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: ClassVar[str] = ""
    title: ClassVar[str] = ""
    """The collection's name for people (a marked text, plural)."""
    name_field: ClassVar[str] = "name"
    """The field a person recognises a record by."""
    natural_key: ClassVar[tuple[str, ...]] = ()
    """Fields that identify a record in a sheet, if the mapping does not say otherwise."""
    grid_field: ClassVar[str | None] = "grid_id"
    """The field that holds the grid the record belongs to, for scope; None where it belongs to the whole community."""
    indexes: ClassVar[tuple[Index, ...]] = ()
    subjects: ClassVar[tuple[str, ...]] = ()
    """The counters (see rollups) that ``contributions(document, zone)`` adds to; empty where none are kept."""
    moments: ClassVar[tuple[str, ...]] = ()
    """The fields whose month a document adds to: by them a month's counters are rebuilt."""
    past: ClassVar[tuple[str, ...]] = ()
    """Moments at which something has happened: none of them lies in the future."""
    personal: ClassVar[frozenset[str]] = frozenset()
    """Fields that say who somebody is or how to reach them: the audit never copies them, so that they can be erased."""
    masked: ClassVar[frozenset[str]] = frozenset()
    """Free text in which people write numbers that somebody can be reached by: read with these masked. ``events.note``
    is one of a list of parts."""
    stock: ClassVar[Mapping[str, Any] | None] = None
    """The documents that add to stocks; None where there are none."""
    began: ClassVar[str] = ""
    """The moment or day from which it is there. A record that names one, or what it was ``stirred`` by, can tell how it
    was at a moment that is over (``as_it_stood``)."""
    stirred: ClassVar[tuple[str, ...]] = ()
    """The moments by one of which, beside ``stock``, it is found that it has changed since; each has an index, but
    where there are some thousands at most."""
    counted: ClassVar[tuple[str, ...]] = ()
    """Moments or days for whose month it counts, however much later or sooner it ``began``; each has an index."""
    lasts: ClassVar[bool] = False
    """Whether there may be so many that those which were going on at a moment are found by how long things have
    happened to each: its documents have ``lasted``, with an index of that and when it ``began``."""
    ends_removed: ClassVar[bool] = False
    """Whether one that is not needed any more is taken out, so that it had been there: else it was a mistake."""
    traced: ClassVar[frozenset[str]] = frozenset()
    """Fields that change as the work goes on, and of which the audit trail alone tells how they were."""
    trace: ClassVar[Trace | None] = None
    """How it names a resident; None where it names none. A field called ``resident`` without it fails a test."""

    id: str = Field(default_factory=lambda: str(ObjectId()), max_length=64, title=msg("Id"))
    community_id: str = Field(max_length=64, title=msg("Community"))
    revision: int = Field(default=1, ge=1, title=msg("Revision"))
    created_at: datetime | None = Field(default=None, title=msg("Created at"))
    created_by: str | None = Field(default=None, max_length=LINE, title=msg("Created by"))
    updated_at: datetime | None = Field(default=None, title=msg("Updated at"))
    updated_by: str | None = Field(default=None, max_length=LINE, title=msg("Updated by"))
    batch_id: str | None = Field(default=None, max_length=64, title=msg("Import batch"))
    flags: tuple[Flag, ...] = Field(default=(), title=msg("Doubts"))
    lasted: int | None = Field(default=None, ge=0, le=LONGEST, title=msg("How long things happened to it"))

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.collection:
            RECORDS[cls.collection] = cls
            field_specs(cls)  # an annotation no face can draw is an error now, not a text box later

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return _clean(value)

    @field_validator("*", mode="after")
    @classmethod
    def _kept_as(cls, value: Any, info: ValidationInfo) -> Any:
        """A term is the word it means; a sentence tells no identity number. Moments are UTC with milliseconds, as
        MongoDB keeps them; one without a zone is refused."""
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError(msg("A moment needs its time zone"))
            value = value.astimezone(UTC)
            return value.replace(microsecond=value.microsecond // 1000 * 1000)
        return _unidentified(cls, info.field_name, _meant(cls, info.field_name, value))

    def ahead(self, now: datetime) -> list[str]:
        """Which of the moments that have happened (``past``) would lie in the future."""
        return [name for name in self.past if (at := getattr(self, name)) and at > now]

    @classmethod
    def doubts(cls, document: Mapping[str, Any]) -> Iterable[Flag]:  # noqa: ARG003 (subclasses read it)
        """The flags a document deserves. Pure; the store writes them beside the fields."""
        return ()

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """The document as it was at a moment, by its own history and, of the fields that are ``traced``, as they
        ``was``, where that is known to be otherwise; None before it was there. Pure."""
        if cls.began and document[cls.began] > cls.by_then(cls.began, moment, zone):
            return None
        return rewound(document, was)

    @classmethod
    def by_then(cls, name: str, moment: datetime, zone: ZoneInfo) -> datetime:
        """The last that one of its moments or days can be, as it is stored, of what had happened by a moment."""
        spec = field_specs(cls).get(name)
        return day_then(moment, zone) if spec is not None and spec.kind == "day" else moment

    @classmethod
    def how_long(cls, document: Mapping[str, Any]) -> int:
        """``lasted``: for how long things have happened to it since it began, by what it was ``stirred`` by and whoever
        changed it last, as a power of two of days that was not reached: 0 within the first day, 3 from the fourth to
        the eighth. That a sheet brought it is nothing that happened to it."""
        began: datetime = document[cls.began]
        moments: list[datetime | None] = [began]
        for path in cls.stirred:
            name, _dot, leaf = path.partition(".")
            value = document.get(name)
            moments += [part.get(leaf) for part in value or ()] if leaf else [value]
        if document["revision"] > 1 or "batch_id" not in document:
            moments.append(document.get("updated_at"))
        return min(LONGEST, (max(at for at in moments if at) - began).days.bit_length())

    def to_document(self) -> dict[str, Any]:
        """The document MongoDB stores: ``_id``, days as UTC midnights, words as plain strings, no empty fields."""
        given = vars(self).items()
        document = {("_id" if name == "id" else name): _stored(value) for name, value in given if value is not None}
        flags = [str(flag) for flag in self.doubts(document)]
        document["flags"] = flags
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The record a stored document stands for.

        What this app wrote was judged on its way in, and MongoDB's validator stands behind it, so it is only turned
        back, which takes a tenth of the time. A document with anything unexpected in it is judged anew.
        """
        back = _turned_back(cls, document)
        if back is not None:
            return back
        return cls.model_validate({("id" if name == "_id" else name): value for name, value in document.items()})

    @property
    def name_text(self) -> str:
        """How people recognise the record in a list or a picker."""
        return str(getattr(self, self.name_field))


SYSTEM_FIELDS = tuple(Record.model_fields)
"""Fields the store keeps; no form, sheet or command sets them."""


_AS_IT_IS = frozenset({str, int, float, bool, datetime})
"""Types of values that are stored as they are: most."""


def _stored(value: Any) -> Any:
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, date):
        return value if isinstance(value, datetime) else midnight(value)
    if isinstance(value, BaseModel):
        return {name: _stored(item) for name, item in vars(value).items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_stored(item) for item in value]
    return value


# --- and back --------------------------------------------------------------------------------------------------------
M = TypeVar("M", bound=BaseModel)
Turn = Callable[[Any], Any]


MIDNIGHT = time()


class _Odd(Exception):
    """A stored value that is not as this app writes it."""


def _moment_back(value: Any) -> datetime:
    if type(value) is not datetime or value.tzinfo is not UTC:
        raise _Odd
    return value


def _day_back(value: Any) -> date:
    # a day is stored as midnight; anything else is for pydantic to refuse, not for us to cut off
    if type(value) is not datetime or value.tzinfo is not UTC or value.time() != MIDNIGHT:
        raise _Odd
    return value.date()


def _kept(_value: Any) -> Any:
    """The turn of plain text, whole numbers and yes or no: nothing to do, so any other type is odd."""
    raise _Odd


def _listed(value: Any) -> list[Any]:
    if type(value) is not list:
        raise _Odd
    return value


def _plain(annotation: Any) -> type:
    """The plain type under Optional and Annotated."""
    while not isinstance(annotation, type):
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


def _number_back(value: Any) -> float:
    if type(value) not in (float, int):
        raise _Odd
    return float(value)


def _turn_of(annotation: Any) -> Turn:
    """How a stored value of this type is turned back; raises _Odd where it is not known."""
    origin, within = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _turn_of(within[0])
    if origin in (Union, types.UnionType):
        rest = tuple(arg for arg in within if arg is not type(None))  # an empty field is not stored
        if len(rest) == 1:
            return _turn_of(rest[0])
        kinds = {str(get_args(part.model_fields["category"].annotation)[0]): part for part in rest}
        return lambda value: _part_back(kinds[value["category"]], value)
    if origin in (list, tuple):
        one = _turn_of(within[0])
        if one is _kept:
            plain = _plain(within[0])
            return lambda value: tuple([item if type(item) is plain else _kept(item) for item in _listed(value)])
        return lambda value: tuple([one(item) for item in _listed(value)])
    if origin is Literal:
        return {str(word): word for word in within}.__getitem__
    if isinstance(annotation, type):
        if issubclass(annotation, StrEnum):
            return {member.value: member for member in annotation}.__getitem__
        if issubclass(annotation, BaseModel):
            return lambda value: _part_back(annotation, value)
        if annotation is float:
            return _number_back
        if annotation is datetime:
            return _moment_back
        if annotation is date:
            return _day_back
        if annotation in (str, int, bool):
            return _kept
    raise _Odd


@dataclass(frozen=True)
class _Way:
    """How documents of one class are turned back: by stored name the field, the type that is kept as it is, and the
    turn for any other; all fields with their defaults, in order; the names that must be there."""

    fields: Mapping[str, tuple[str, type | None, Turn]]
    defaults: Mapping[str, Any]
    required: frozenset[str]


@cache
def _way(owner: type[BaseModel]) -> _Way | None:
    fields: dict[str, tuple[str, type | None, Turn]] = {}
    required = set()
    for name, info in owner.model_fields.items():
        key = "_id" if name == "id" else name
        try:
            turn = _turn_of(info.annotation)
        except _Odd:
            return None
        fields[key] = (name, _plain(info.annotation) if turn is _kept else None, turn)
        if info.is_required() or info.default_factory is not None:
            required.add(key)
    return _Way(fields, {name: info.get_default() for name, info in owner.model_fields.items()}, frozenset(required))


def _turned_back(owner: type[M], document: Mapping[str, Any]) -> M | None:
    """The object a document was made from, or None when something in it is unexpected."""
    way = _way(owner)
    if way is None or not way.required <= document.keys():
        return None
    fields, values = way.fields, {**way.defaults}
    try:
        for key, value in document.items():
            name, kept, turn = fields[key]
            values[name] = value if type(value) is kept else turn(value)
    except (_Odd, KeyError, TypeError, AttributeError):
        return None
    given = set(document)
    if "_id" in given:
        given.remove("_id")
        given.add("id")
    back = owner.__new__(owner)
    put = object.__setattr__
    put(back, "__dict__", values)
    put(back, "__pydantic_fields_set__", given)
    put(back, "__pydantic_extra__", None)
    put(back, "__pydantic_private__", None)
    return back


def _part_back(owner: type[BaseModel], document: Mapping[str, Any]) -> BaseModel:
    back = _turned_back(owner, document)
    if back is None:
        raise _Odd
    return back


# --- field specs -----------------------------------------------------------------------------------------------------
Kind = Literal[
    "text", "integer", "number", "money", "yes_no", "choice", "term", "day", "moment", "ref", "part", "variant"
]


@dataclass(frozen=True)
class FieldSpec:
    """All that a face needs to know of a field. ``many`` means a list of ``kind``; ``parts`` are the Part classes of
    an embedded value (several for a ``variant``, told apart by their ``category`` literal)."""

    name: str
    kind: Kind
    title: str
    help: str
    required: bool
    many: bool
    choices: type[Choice] | None
    minimum: float | date | datetime | None
    maximum: float | date | datetime | None
    max_length: int | None
    parts: tuple[type[Part], ...]
    mark: Shown


_PLAIN: dict[type, Kind] = {bool: "yes_no", int: "integer", float: "number", str: "text"}


def _spec(owner: type[BaseModel], name: str, info: FieldInfo) -> FieldSpec:
    annotation: Any = info.annotation
    many = False
    metadata = list(info.metadata)
    while True:  # peel Optional, Annotated, list
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        elif origin in (Union, types.UnionType) and type(None) in get_args(annotation):
            rest = tuple(arg for arg in get_args(annotation) if arg is not type(None))
            annotation = rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007 (built from values)
        elif origin in (list, tuple):
            annotation, many = get_args(annotation)[0], True
        else:
            break
    marks = [mark for mark in metadata if isinstance(mark, Shown)]
    if len(marks) > 1:
        raise TypeError(f"{owner.__name__}.{name} bears {len(marks)} marks; one is the most")
    mark = marks[0] if marks else Shown()
    lowest = highest = longest = None
    for constraint in [*metadata, *(info.metadata if many else ())]:
        lowest = getattr(constraint, "ge", lowest)
        highest = getattr(constraint, "le", highest)
        if isinstance(constraint, annotated_types.MaxLen):
            longest = constraint.max_length
        elif (bound := getattr(constraint, "max_length", None)) is not None:
            longest = bound

    kind: Kind
    choices: type[Choice] | None = None
    parts: tuple[type[Part], ...] = ()
    members = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    if isinstance(mark, Ref):
        kind = "ref"
    elif isinstance(mark, Term):
        kind, choices = "term", mark.of
    elif isinstance(mark, Money):
        kind = "money"
    elif all(isinstance(member, type) and issubclass(member, Part) for member in members):
        kind, parts = ("part" if len(members) == 1 else "variant"), members
    elif get_origin(annotation) is Literal:
        kind = "text"
        longest = longest or LINE
    elif isinstance(annotation, type) and issubclass(annotation, Choice):
        kind, choices = "choice", annotation
    elif annotation is datetime:
        kind = "moment"
    elif annotation is date:
        kind = "day"
    elif annotation in _PLAIN:
        kind = _PLAIN[annotation]
    else:
        raise TypeError(f"{owner.__name__}.{name}: no face can draw {annotation!r}")
    if kind in ("text", "term", "ref") and longest is None:
        raise TypeError(f"{owner.__name__}.{name}: text needs a max_length")
    if not info.title:
        raise TypeError(f"{owner.__name__}.{name}: a field needs a title")
    return FieldSpec(
        name=name,
        kind=kind,
        title=info.title,
        help=info.description or "",
        required=info.is_required(),
        many=many,
        choices=choices,
        minimum=lowest,
        maximum=highest,
        max_length=longest,
        parts=parts,
        mark=mark,
    )


@cache
def field_specs(owner: type[BaseModel]) -> Mapping[str, FieldSpec]:
    """The specs of a Record's or Part's own fields, in order of declaration; the store's fields are left out.

    Raises TypeError for an annotation that no face can draw, a text without bounds or a field without a title.
    """
    skip = SYSTEM_FIELDS if issubclass(owner, Record) else ()
    return types.MappingProxyType(
        {name: _spec(owner, name, info) for name, info in owner.model_fields.items() if name not in skip}
    )


@cache
def _terms(owner: type[BaseModel]) -> Mapping[str, Mapping[str, Choice]]:
    """By field the spellings of the words it knows."""
    return {
        name: _spellings(spec.choices)
        for name, spec in field_specs(owner).items()
        if spec.kind == "term" and spec.choices is not None
    }


def _meant(owner: type[BaseModel], field: str | None, value: Any) -> Any:
    """A term, or several, as they are kept: the value behind a known spelling, any other word as it is."""
    known = _terms(owner).get(field or "")
    if known is None or value is None:
        return value
    if isinstance(value, str):
        return str(known.get(folded(value), value))
    return tuple(dict.fromkeys(str(known.get(folded(each), each)) for each in value))


@cache
def sentences(owner: type[BaseModel]) -> Mapping[str, Any]:
    """The fields in which people write sentences: text of a line and more that is no name, key or code; with those
    within its parts."""
    codes = {"name"}
    if issubclass(owner, Record):
        codes |= {owner.name_field, *owner.natural_key}
        codes.update(key for index in owner.indexes if index.unique for key in index.keys)
    found: dict[str, Any] = {}
    for name, spec in field_specs(owner).items():
        if spec.parts:
            within = {key: value for part in spec.parts for key, value in sentences(part).items()}
            if within:
                found[name] = within
        elif spec.kind in ("text", "term") and (spec.max_length or 0) >= LINE and name not in codes:
            found[name] = None
    return found


def _unidentified(owner: type[BaseModel], field: str | None, value: Any) -> Any:
    """What people wrote without identity numbers, which are kept nowhere; not of a personal field, which is erased in
    its own time."""
    if field not in sentences(owner) or field in getattr(owner, "personal", ()):
        return value
    if isinstance(value, str):
        return unidentified(value)
    if isinstance(value, tuple):
        return tuple(unidentified(each) if isinstance(each, str) else each for each in value)
    return value


# --- MongoDB's second lock -------------------------------------------------------------------------------------------
_BSON: dict[str, Any] = {
    "text": "string",
    "term": "string",
    "ref": "string",
    "choice": "string",
    "integer": ["int", "long"],
    "money": ["int", "long"],
    "number": ["double", "int", "long"],
    "yes_no": "bool",
    "day": "date",
    "moment": "date",
}


def _schema_of(spec: FieldSpec, info: FieldInfo) -> dict[str, Any]:
    if spec.kind in ("part", "variant"):
        shapes = [_object_schema(part) for part in spec.parts]
        schema: dict[str, Any] = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    else:
        schema = {"bsonType": _BSON[spec.kind]}
        if spec.kind == "choice" and spec.choices is not None:
            schema = {"enum": [member.value for member in spec.choices]}
        elif get_origin(info.annotation) is Literal:
            schema = {"enum": [str(_stored(value)) for value in get_args(info.annotation)]}
        elif spec.kind in ("text", "term", "ref"):
            schema["maxLength"] = _length_of_one(info.annotation) if spec.many else spec.max_length
        elif spec.kind in ("integer", "number", "money"):
            schema |= {
                key: bound for key, bound in (("minimum", spec.minimum), ("maximum", spec.maximum)) if bound is not None
            }
    return {"bsonType": "array", "items": schema} if spec.many else schema


def _length_of_one(annotation: Any) -> int:
    """The bound of one text of a list; that of the field bounds how many there are."""
    while (origin := get_origin(annotation)) is not Annotated:
        within = [each for each in get_args(annotation) if each is not type(None) and each is not Ellipsis]
        if origin is None or not within:
            return LINE
        annotation = within[0]
    bounds = [bound for each in get_args(annotation)[1:] if isinstance(each, FieldInfo) for bound in each.metadata]
    return next((bound.max_length for bound in bounds if isinstance(bound, annotated_types.MaxLen)), LINE)


def _object_schema(owner: type[BaseModel]) -> dict[str, Any]:
    properties = {}
    required = []
    for name, info in owner.model_fields.items():
        spec = _spec(owner, name, info)
        key = "_id" if name == "id" else name
        properties[key] = _schema_of(spec, info)
        if spec.required or name in ("id", "revision") or get_origin(info.annotation) is Literal:
            required.append(key)
    schema = {"bsonType": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})  # MongoDB refuses an empty list


def mongo_validator(record: type[Record]) -> dict[str, Any]:
    """The ``$jsonSchema`` validator of the record's collection, in MongoDB's dialect (no ``$ref``, ``integer`` or
    ``format``). pydantic judges at every entrance; this is the lock for hands that go around it."""
    schema = _object_schema(record)
    schema["properties"]["_before"] = {"bsonType": "object"}  # what a batch in flight replaced: see importer
    return {"$jsonSchema": schema}
