"""What a question asks of a record: plain values, and the tests that only our own code can spell.

A value from outside may be anything, also a dictionary such as ``{"$ne": None}``, which the server would take for a
test that everything passes. So a field is asked for a plain value of its own type or for an ``Is``, which no caller's
data is; the store looks at every filter, and refuses any other. Pure.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any

from repository.record import Kind, Record, field_specs

_SPELT = {"among": "$in", "not_among": "$nin", "some": "$elemMatch"}


class Is(dict[str, Any]):
    """A test of one field that is more than "equal to": ``Is(gte=start, lt=end)``, ``Is(among=ids)``,
    ``Is(some={"at": Is(lt=now)})``. Its values are looked at like any other."""

    def __init__(self, **tests: Any) -> None:
        super().__init__({_SPELT.get(name, f"${name}"): value for name, value in tests.items()})


Types = tuple[type, ...]
_PLAIN: Types = (str, int, float, datetime, NoneType)
_KINDS: Mapping[Kind, Types] = {
    **dict.fromkeys(("text", "term", "ref", "choice"), (str, NoneType)),
    **dict.fromkeys(("integer", "money"), (int, NoneType)),
    "number": (int, float, NoneType),
    "yes_no": (bool, NoneType),
    **dict.fromkeys(("day", "moment"), (datetime, NoneType)),
    **dict.fromkeys(("part", "variant"), (NoneType,)),
}


@cache
def _types(record: type[Record]) -> Mapping[str, Types]:
    own = dict.fromkeys(("_id", "community_id", "batch_id"), (str, NoneType))
    return own | {name: _KINDS[spec.kind] for name, spec in field_specs(record).items()}


def strange(filter: Any, record: type[Record] | None = None) -> str | None:
    """The first field of a filter that is asked for what it cannot be, or None. Without ``record``: for what no stored
    value is."""
    if not isinstance(filter, Mapping):
        return ""
    types = _types(record) if record else {}
    for name, value in filter.items():
        if name in ("$and", "$or"):
            parts = value if isinstance(value, (list, tuple)) else [value]
            found = next((odd for part in parts if (odd := strange(part, record)) is not None), None)
            if found is not None:
                return found
        elif not isinstance(name, str) or name.startswith("$"):
            return str(name)
        elif not all(isinstance(one, types.get(name, _PLAIN)) for one in _asked(value)):
            return name
    return None


def _asked(value: Any) -> Iterator[Any]:
    """The values a field is compared with; one that no field can be for what is not fit to compare."""
    if not isinstance(value, Is):
        yield value
        return
    for test, operand in value.items():
        if test in ("$in", "$nin"):
            yield from operand if isinstance(operand, (list, tuple)) else [operand]
        elif test == "$elemMatch":
            if strange(operand) is not None:
                yield operand
        elif test != "$exists":
            yield operand
