"""How a sheet's columns become a record's fields, and how one cell becomes one value.

A Mapping is plain data that a person can change and save. ``propose`` makes a first one from the headers; ``reader``
turns it into one function a field. The languages people use come in as translate functions: this house knows none.
"""

import re
import unicodedata
from collections import abc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from repository.importer.sheets import ENCODINGS, Sheet, from_serial
from repository.record import RECORDS, Day, FieldSpec, Precision, Record, Ref, field_specs, folded, spellings
from repository.words import Message, Trouble, msg

Translate = Callable[[str], str]
MISSING = ("-", "—", "/")
ID = "id"  # a sheet that was exported here may name its records by id
UNKNOWN_NAME = msg("No record is called “{text}”")
CREATABLE = ("grids", "people", "facilities")  # a text alone is enough to make one; of facilities, a gate
_FROM_A_TEXT = {"grids": ("code", "name"), "people": ("name",), "facilities": ("code", "name")}
_GATES = ("entry_logs", "gate_id")


class BadMapping(Trouble):
    """A mapping that does not fit its record or its sheet."""


class Column(BaseModel):
    """Where one field's values come from: a column (``header``), several (``template``, such as
    ``{Event Year}-{Event Month}``), or the same text for every row (``constant``).

    ``values`` says what a spelling in the sheet means (null: empty); ``format`` how its dates are written
    (a strptime pattern, or ``unix`` for seconds since 1970).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    header: str | None = None
    template: str | None = None
    constant: str | None = None
    values: dict[str, str | None] = Field(default_factory=dict)
    format: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "Column":
        if sum(source is not None for source in (self.header, self.template, self.constant)) != 1:
            raise ValueError(msg("A field takes its values from one place: a column, a template, or a constant"))
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """The columns it reads."""
        if self.header is not None:
            return (self.header,)
        return tuple(_PLACES.findall(self.template)) if self.template is not None else ()


_PLACES = re.compile(r"\{([^{}]+)\}")


class Mapping(BaseModel):
    """How one kind of sheet becomes records of one kind.

    ``zone`` is the time zone of moments that name none (the community's, if empty); ``missing`` the marks that mean
    "nothing"; ``key`` the fields by which a row finds its record again; ``create_missing`` the references that are
    made when no record bears the name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()
    zone: str | None = None
    missing: tuple[str, ...] = MISSING
    create_missing: tuple[str, ...] = ()
    sheet: str | None = None
    header_row: int | None = Field(default=None, ge=1, le=50)
    encoding: str | None = None

    @field_validator("record")
    @classmethod
    def _record(cls, value: str) -> str:
        if value not in RECORDS:
            raise ValueError(msg("There are no records of this kind"))
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(msg("There is no such time zone"))
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str | None) -> str | None:
        if value is not None and value not in ENCODINGS:
            raise ValueError(msg("This encoding is not supported"))
        return value

    @model_validator(mode="after")
    def _fields(self) -> "Mapping":
        known = fields_of(RECORDS[self.record])
        for name in (*self.columns, *self.key):
            if name not in known and name != ID:
                raise ValueError(msg("A field that these records do not have"))
        for name in self.key:
            if name not in self.columns:
                raise ValueError(msg("A key must be one of the mapped fields"))
        for name in self.create_missing:
            if name not in known or not self._is_creatable(name):
                raise ValueError(msg("Only grids, people and gates can be made from a name"))
        return self

    def _is_creatable(self, name: str) -> bool:
        mark = fields_of(RECORDS[self.record])[name].spec.mark
        if not isinstance(mark, Ref) or mark.to not in CREATABLE:
            return False
        return mark.to != "facilities" or (self.record, name) == _GATES

    @property
    def kind(self) -> type[Record]:
        """The Record class."""
        return RECORDS[self.record]

    @property
    def creatable(self) -> tuple[str, ...]:
        """The mapped references whose missing records may be made from a name."""
        return tuple(name for name in self.columns if name != ID and self._is_creatable(name))

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields that find a row's record: the id, else those no two records may share, else the chosen ones."""
        if ID in self.columns:
            return (ID,)
        for fields in unique_fields(self.kind):
            if fields and all(name in self.columns for name in fields):
                return fields
        return self.key

    def open(self, source: Any, name: str) -> Sheet:
        """The file as this mapping reads it. Raises BadSheet."""
        return Sheet(source, name, sheet=self.sheet, header_row=self.header_row, encoding=self.encoding)

    def require(self, sheet: Sheet) -> None:
        """Raise BadMapping where the sheet lacks a column that the mapping reads."""
        for column in self.columns.values():
            for header in column.headers:
                if header not in sheet.columns:
                    raise BadMapping(
                        msg("The sheet has no column “{header}”. Choose another file, or change the mapping."),
                        header=header,
                    )


@cache
def unique_fields(record: type[Record]) -> tuple[tuple[str, ...], ...]:
    """The sets of fields that no two records of a community share, those that have the first of them at least."""
    return tuple(tuple(key for key in index.keys if key != "community_id") for index in record.indexes if index.unique)


@dataclass(frozen=True)
class Target:
    """A field that a sheet can fill. ``name`` is ``details.area_m2`` for a piece of an embedded value, whose title is
    then ``within``."""

    name: str
    spec: FieldSpec
    within: str = ""
    precision: str = ""
    """The companion that says how much of a day is known."""

    def title(self, translate: Translate) -> str:
        """Its header in a template or an export."""
        own = translate(self.spec.title)
        return f"{translate(self.within)}: {own}" if self.within else own


@cache
def fields_of(record: type[Record]) -> abc.Mapping[str, Target]:
    """Everything a sheet can fill, in order of declaration: no lists of parts, nothing the record works out itself."""
    found: dict[str, Target] = {}
    for name, spec in field_specs(record).items():
        if spec.kind in ("part", "variant"):
            if spec.many:
                continue
            for part in spec.parts:
                for inner, piece in field_specs(part).items():
                    if inner != "category":
                        found.setdefault(f"{name}.{inner}", Target(f"{name}.{inner}", piece, spec.title))
        elif spec.mark.form or spec.mark.table:
            precision = spec.mark.precision if isinstance(spec.mark, Day) else ""
            found[name] = Target(name, spec, precision=precision)
    return found


# --- a first mapping from the headers --------------------------------------------------------------------------------
def _bare(header: str) -> str:
    """A header without its unit in brackets, marks and spaces."""
    text = re.sub(r"[(（\[【].*?[)）\]】]", "", unicodedata.normalize("NFKC", header))
    return re.sub(r"[\s_*:：.·/、-]+", "", text).casefold()


def propose(record: type[Record], sheet: Sheet, languages: Sequence[Translate]) -> Mapping:
    """A mapping of every column whose header is a field's name, title in one of the languages, or alias."""
    columns = _columns(record, sheet, languages)
    dated = {
        name: column
        for name, column in columns.items()
        if name in fields_of(record) and fields_of(record)[name].spec.kind in ("day", "moment")
    }
    for name, pattern in _patterns(sheet, dated).items():
        columns[name] = columns[name].model_copy(update={"format": pattern})
    key = tuple(name for name in record.natural_key if name in columns)
    return Mapping(
        record=record.collection,
        columns=columns,
        key=key if len(key) == len(record.natural_key) else (),
        sheet=sheet.sheet if len(sheet.names) > 1 else None,
    )


def likeliest(
    record: type[Record], kinds: Iterable[type[Record]], sheet: Sheet, languages: Sequence[Translate]
) -> type[Record] | None:
    """What the rows of a sheet are by its headers, where that is clearly something else than ``record``: a kind whose
    every demand is met, and that knows two columns more."""

    def fit(kind: type[Record]) -> tuple[bool, int]:
        columns = _columns(kind, sheet, languages)
        demands = (name for name, target in fields_of(kind).items() if target.spec.required and "." not in name)
        return all(name in columns for name in demands), len(columns)

    best = max((kind for kind in kinds if kind is not record), key=fit, default=None)
    if best is None:
        return None
    (meets, many), (_met, known) = fit(best), fit(record)
    return best if meets and many >= known + 2 else None


def _columns(record: type[Record], sheet: Sheet, languages: Sequence[Translate]) -> dict[str, Column]:
    ways: tuple[Callable[[Target], list[str]], ...] = (
        lambda target: [target.name],
        lambda target: [target.title(say) for say in languages],
        lambda target: [*target.spec.mark.aliases, *(say(target.spec.title) for say in languages)],
    )
    names: dict[str, str] = {}
    for wanted in ways:
        for target in fields_of(record).values():
            for name in wanted(target):
                names.setdefault(_bare(name), target.name)
    names.setdefault(ID, ID)
    for say in languages:
        names.setdefault(_bare(say(Record.model_fields[ID].title or ID)), ID)
    columns: dict[str, Column] = {}
    for header in sheet.columns:
        found = names.get(_bare(header)) or names.get(folded(header))
        if found and found not in columns:
            columns[found] = Column(header=header)
    return columns


_DAYS = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def _patterns(sheet: Sheet, dated: abc.Mapping[str, Column]) -> dict[str, str]:
    """The one pattern that reads a date column's first rows where the plain ways do not; none if two would."""
    texts: dict[str, list[str]] = {name: [] for name in dated}
    if not dated:
        return {}
    places = {name: sheet.columns.index(column.header) for name, column in dated.items() if column.header}
    for row in islice(sheet.rows(), 1000):
        for name, place in places.items():
            cell = row.cells[place]
            if isinstance(cell, str) and cell.strip() and cell.strip() not in MISSING:
                texts[name].append(cell.strip())
    found = {}
    for name, sample in texts.items():
        if not sample or _read_moment(sample[0]) is not None:
            continue
        fitting = [day + time for day in _DAYS for time in _TIMES if _all_fit(sample, day + time)]
        if len(fitting) == 1:
            found[name] = fitting[0]
    return found


def _all_fit(texts: Iterable[str], pattern: str) -> bool:
    try:
        for text in texts:
            datetime.strptime(text, pattern)  # noqa: DTZ007 (only whether it fits)
    except ValueError:
        return False
    return True


# --- from a cell to a value ------------------------------------------------------------------------------------------
class Unreadable(Exception):  # noqa: N818 (what it says of a cell)
    """A cell that is not what its field holds."""

    def __init__(self, text: str, /, **facts: Any) -> None:
        self.message = Message(text, facts)
        super().__init__(text)


Reader = Callable[[Any], Any]
_EXCEL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})
_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?")
_YES = {"是", "有", "对", "√", "yes", "y", "true", "1", "已", "x"}
_NO = {"否", "无", "没有", "×", "no", "n", "false", "0", "未"}
_UNITS = re.compile(r"(平方米|元|人次|人|户|年|场次|场|次|小时|m2|rmb)$")


def _text_of(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds").removesuffix(" 00:00:00")
    if isinstance(cell, bool):
        return "1" if cell else "0"
    return str(cell).strip()


LARGEST = 10**15  # what a number of a community may be; the database holds no more than some 9 * 10**18 分


def _number_of(cell: Any) -> Decimal:
    number = _any_number_of(cell)
    if not number.is_finite() or abs(number) > LARGEST:
        raise Unreadable(msg("This number is too large"))
    return number


def _any_number_of(cell: Any) -> Decimal:
    if isinstance(cell, bool) or (isinstance(cell, str) and cell in _EXCEL_ERRORS):
        raise Unreadable(msg("Must be a number"))
    if isinstance(cell, int | float):
        return Decimal(str(cell))
    text = unicodedata.normalize("NFKC", _text_of(cell)).replace(" ", "").replace("−", "-").casefold()
    text = _UNITS.sub("", text.strip("¥$€"))
    times = Decimal(1)
    if text.endswith("万"):
        text, times = text[:-1], Decimal(10_000)
    if not text or not _NUMBER.fullmatch(text):
        raise Unreadable(msg("Must be a number"))
    try:
        return Decimal(text.replace(",", "")) * times
    except InvalidOperation:
        raise Unreadable(msg("Must be a number")) from None


def _whole(cell: Any) -> int:
    number = _number_of(cell)
    if number != number.to_integral_value():
        raise Unreadable(msg("Must be a whole number"))
    return int(number)


def _cents(cell: Any) -> int:
    number = _number_of(cell) * 100
    if isinstance(cell, float):
        number = round(number, 6)  # a spreadsheet's 19.99 may carry a rest in its last binary digits
    if number != number.to_integral_value():
        raise Unreadable(msg("Money has two decimals at most"))
    return int(number)


def _yes_no(cell: Any) -> bool:
    if isinstance(cell, bool):
        return cell
    text = folded(_text_of(cell))
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise Unreadable(msg("Must be yes or no"))


_MOMENT = re.compile(
    r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})(?:\s*[-/.月]\s*(?P<day>\d{1,2})\s*日?)?月?"
    r"(?:[T\s]*(?P<half>上午|下午|中午|晚上|凌晨|早上|am|pm)?\s*(?P<hour>\d{1,2})[:时点](?P<minute>\d{1,2})?"
    r"(?:[:分](?P<second>\d{1,2})(?:[.,](?P<part>\d{1,9}))?秒?|分)?\s*(?P<half2>am|pm)?)?"
    r"\s*(?P<zone>z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(\d{4})\s*年?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?")


def _read_moment(text: str) -> tuple[datetime, Precision] | None:
    """The moment a text names in one of the plain ways, with its zone if it gives one; None if it names none."""
    text = unicodedata.normalize("NFKC", text).strip()
    try:
        if year := _YEAR.fullmatch(text):
            return datetime(int(year[1]), 1, 1), Precision.YEAR  # noqa: DTZ001 (the sheet's clock)
        if compact := _COMPACT.fullmatch(text):
            return datetime(*(int(part or 0) for part in compact.groups())), Precision.DAY  # type: ignore[arg-type]  # noqa: DTZ001
        found = _MOMENT.fullmatch(text)
        if found is None:
            return None
        year_, month = int(found["year"]), int(found["month"])
        if found["day"] is None:
            return None if found["hour"] else (datetime(year_, month, 1), Precision.MONTH)  # noqa: DTZ001
        hour = int(found["hour"] or 0)
        half = (found["half"] or found["half2"] or "").lower()
        if half in ("下午", "晚上", "中午", "pm") and hour < 12 and not (half == "中午" and hour == 11):
            hour += 12
        elif half in ("上午", "凌晨", "am") and hour == 12:
            hour = 0
        moment = datetime(  # noqa: DTZ001
            year_,
            month,
            int(found["day"]),
            hour,
            int(found["minute"] or 0),
            int(found["second"] or 0),
            int((found["part"] or "0").ljust(6, "0")[:6]),
        )
        if zone := found["zone"]:
            digits = zone.replace(":", "")
            shift = 0 if digits in "zZ" else int(digits[0] + "1") * (int(digits[1:3]) * 60 + int(digits[3:5]))
            moment = (moment - timedelta(minutes=shift)).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment, Precision.DAY


FIRST_YEAR, LAST_YEAR = 2, 9998  # beyond them no clock of another zone can be read


def _moment_of(cell: Any, pattern: str | None, epoch: datetime | None, zone: ZoneInfo) -> tuple[datetime, Precision]:
    """A cell's moment (with zone if it names one) and how much of it is known. Raises Unreadable."""
    moment, precision = _any_moment_of(cell, pattern, epoch, zone)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise Unreadable(msg("There is no such date"))
    return moment, precision


def _any_moment_of(
    cell: Any, pattern: str | None, epoch: datetime | None, zone: ZoneInfo
) -> tuple[datetime, Precision]:
    if isinstance(cell, datetime):
        return cell, Precision.DAY
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day), Precision.DAY  # noqa: DTZ001
    if pattern in ("unix", "unix_ms"):
        try:
            return datetime.fromtimestamp(float(_number_of(cell)) / (1000 if pattern == "unix_ms" else 1), UTC), (
                Precision.DAY
            )
        except (OverflowError, OSError, ValueError):
            raise Unreadable(msg("Must be a date and time, such as 2026-04-02 16:30")) from None
    if isinstance(cell, int | float) and not isinstance(cell, bool) and not pattern:
        if 1700 <= cell <= 2200 and float(cell).is_integer():
            return datetime(int(cell), 1, 1), Precision.YEAR  # noqa: DTZ001
        if 10_000 <= cell < 100_000:
            return from_serial(cell, epoch), Precision.DAY
    text = _text_of(cell)
    if pattern:
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007 (the mapping's zone comes later)
        except ValueError:
            raise Unreadable(msg("Is not written like {example}"), example=example_of(pattern, zone)) from None
        return moment, _precision_of(pattern)
    found = _read_moment(text)
    if found is None:
        raise Unreadable(msg("Is not a date that can be read; say in the mapping how dates are written"))
    return found


def _precision_of(pattern: str) -> Precision:
    names = set(re.findall(r"%-?([a-zA-Z])", pattern))
    if names & {"d", "j", "x", "c", "D"}:
        return Precision.DAY
    return Precision.MONTH if names & {"m", "b", "B"} else Precision.YEAR


def example_of(pattern: str, zone: ZoneInfo) -> str:
    """A moment written the way of ``pattern``."""
    return datetime(2026, 4, 20, 16, 30, 59, tzinfo=zone).strftime(pattern)


@dataclass(frozen=True)
class DayRead:
    """A calendar day as a sheet gives it."""

    day: date
    precision: Precision


class References:
    """Finds the record a text names, by id, code or name, within one community.

    ``create`` says for which collections a missing one may be made; ``made`` holds those, by folded text.
    """

    def __init__(self, load: Callable[[str], Iterator[tuple[str, Iterable[str]]]]) -> None:
        self._load = load
        self._known: dict[str, dict[str, set[str]]] = {}
        self.made: dict[str, dict[str, tuple[str, str]]] = {}
        """collection -> folded text -> (id, text)"""

    def _of(self, collection: str) -> dict[str, set[str]]:
        if collection not in self._known:
            known: dict[str, set[str]] = {}
            for id, names in self._load(collection):
                for name in (id, *names):
                    known.setdefault(folded(name), set()).add(id)
            self._known[collection] = known
        return self._known[collection]

    def find(self, collection: str, text: str) -> set[str]:
        """The ids of all records that a text may mean."""
        return self._of(collection).get(folded(text), set())

    def make(self, collection: str, text: str, new_id: Callable[[], str]) -> str:
        """The id of the record to be made for ``text``; the same text gets the same one."""
        made = self.made.setdefault(collection, {})
        return made.setdefault(folded(text), (new_id(), text))[0]


def reader(
    target: Target,
    column: Column,
    *,
    zone: ZoneInfo,
    languages: Sequence[Translate],
    references: References,
    new_id: Callable[[], str] | None,
    epoch: datetime | None,
) -> Reader:
    """The function from a filled cell to the field's value; it raises Unreadable.

    ``new_id`` is given where missing references may be made. A ref that several records match is returned as a
    frozenset of ids for the caller to settle.
    """
    spec = target.spec
    if spec.many:
        one = _reader(target, column, zone, languages, references, new_id, epoch)
        return lambda cell: tuple(one(piece) for piece in re.split(r"[;；、\n|]", _text_of(cell)) if piece.strip())
    return _reader(target, column, zone, languages, references, new_id, epoch)


def _reader(
    target: Target,
    column: Column,
    zone: ZoneInfo,
    languages: Sequence[Translate],
    references: References,
    new_id: Callable[[], str] | None,
    epoch: datetime | None,
) -> Reader:
    spec = target.spec
    if spec.kind in ("choice", "term"):
        words = spellings(spec.choices, languages) if spec.choices else {}
        closed = spec.kind == "choice"

        def word(cell: Any) -> Any:
            text = _text_of(cell)
            found = words.get(folded(text))
            if found is None and closed:
                raise Unreadable(msg("“{text}” is not one of the words for this field"), text=text[:60])
            return found or text

        return word
    if spec.kind == "day":

        def day(cell: Any) -> DayRead:
            moment, precision = _moment_of(cell, column.format, epoch, zone)
            if precision is not Precision.DAY and not target.precision:
                raise Unreadable(msg("Must be a date, such as 2026-04-02"))
            if moment.tzinfo is not None:
                moment = moment.astimezone(zone)
            return DayRead(moment.date(), precision)

        return day
    if spec.kind == "moment":

        def at(cell: Any) -> datetime:
            moment, precision = _moment_of(cell, column.format, epoch, zone)
            if precision is not Precision.DAY:
                raise Unreadable(msg("Must be a date and time, such as 2026-04-02 16:30"))
            # a time that the clocks skip in spring is read as the hour after; one that comes twice as the first
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)

        return at
    if spec.kind == "ref" and isinstance(spec.mark, Ref):
        to = spec.mark.to
        kept = {field_specs(RECORDS[to])[name].max_length or 0 for name in _FROM_A_TEXT[to]} if to in CREATABLE else {0}
        longest = min(kept)

        def ref(cell: Any) -> Any:
            text = _text_of(cell)
            ids = references.find(to, text)
            if len(ids) == 1:
                return next(iter(ids))
            if ids:
                return frozenset(ids)
            if new_id is None or len(text) > longest:
                raise Unreadable(UNKNOWN_NAME, text=text[:60])
            return references.make(to, text, new_id)

        return ref
    plain: dict[str, Reader] = {
        "integer": _whole,
        "number": lambda cell: float(_number_of(cell)),
        "money": _cents,
        "yes_no": _yes_no,
        "text": _text_of,
    }
    return plain[spec.kind]
