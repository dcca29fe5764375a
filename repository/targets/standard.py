"""The standard: what a community's figures are held to on a day. It judges every value that leaves the repository.

A question that answers with values is ``judged``; so whoever asks it, for a page, a slide, a file or a digest, is told
the same state. Values of the past are held to what was wanted then.
"""

import inspect
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime
from functools import cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, get_args, get_type_hints

from repository.access import Actor, reach
from repository.filters import Is
from repository.metrics import Accepted, Held, Metric, Period, State, Target, Value
from repository.store import Document, Steps, Store, Wanted, in_steps
from repository.targets.records import Acceptance, MetricTarget, Span, StatesNoted

_WHOLES = (Span.QUARTER, Span.YEAR)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Standard:
    """What is wanted of each metric, and which deviations are accepted, in one community. Pure: no I/O."""

    targets: Mapping[tuple[str, str], MetricTarget]
    """By metric and span."""
    acceptances: tuple[Acceptance, ...] = ()
    turns: Mapping[str, tuple[tuple[date, State | None], ...]] = field(default_factory=dict)
    """By metric: see ``Held.turns``. Of the whole community."""

    def target(self, metric: Metric, day: date, span: str = Span.ANY) -> Target | None:
        """What is wanted of a metric on a day, of a month, a quarter, a year, a range of months or (``ever``) all of
        time: the community's own word on that kind of period, else its word on every period, else what the metric was
        declared with. On ranges and all of time there is no word of their own: they are held to that on every period.
        """
        if not metric.follows:
            for kind in (span, Span.ANY):
                own = self.targets.get((metric.key, kind))
                if own is not None and (entry := own.on(day)) is not None:
                    return entry.target
        return metric.target

    def accepted(self, metric: Metric, day: date, grid_id: str | None = None) -> Accepted | None:
        """Who answers for a deviation on a day, until when: in the whole community, or of one grid too. Of several the
        one that lasts longest."""
        found = [
            each
            for each in self.acceptances
            if each.metric == metric.key and each.holds(day) and each.grid_id in (None, grid_id)
        ]
        if not found:
            return None
        last = max(found, key=lambda each: (each.until, each.accepted_on))
        return Accepted(last.accepted_on, last.until, last.reason, last.accepted_by)

    def held(self, metric: Metric, day: date, span: str = Span.ANY, grid_id: str | None = None) -> Held:
        """What a value of the metric is held to on a day; ``span`` is the kind of period it is of."""
        return Held(
            day,
            self.target(metric, day, span),
            self.accepted(metric, day, grid_id),
            tuple(self._course(metric, day, span if metric.wholes and span in _WHOLES else Span.MONTH)),
            tuple(turn for turn in self.turns.get(metric.key, ()) if turn[0] < day) if metric.stock else (),
        )

    def _course(self, metric: Metric, day: date, span: str) -> Iterable[tuple[date, Target | None]]:
        """What was wanted of single months, or of the whole quarters or years that its course tells of."""
        bare = replace(metric, target=metric.wanted(span))
        own = [found for kind in (span, Span.ANY) if (found := self.targets.get((metric.key, kind)))]
        begins = {entry.from_on for each in own for entry in each.entries if entry.from_on <= day}
        return [(first, self.target(bare, first, span)) for first in (date.min, *sorted(begins))]

    def of_a_part(self) -> "Standard":
        """For figures of some grids or one category: what was noted of the whole is not theirs."""
        return replace(self, turns={}) if self.turns else self

    def judge(self, answer: T, day: date, span: str = Span.ANY, grid_id: str | None = None) -> T:
        """The answer with every value in it held to what was wanted on a day. A value that is held to something
        already, by a room that knows more of it, is left as it is."""

        def hold(value: Value) -> Value:
            return value if value.held else replace(value, held=self.held(value.metric, day, span, grid_id))

        found: T = _with_values(answer, hold)
        return found


# --- reading it
def wanted(actor: Actor, community_id: str) -> list[Wanted]:
    """What ``standard_of`` is made from, for ``Store.together``. Raises Refused."""
    whole = {
        "community_id": community_id,
        "_id": Is(among=[community_id] if reach(actor, community_id) is None else []),
    }
    return [
        Wanted(MetricTarget),
        Wanted(Acceptance, filter=_in_reach(actor, community_id)),
        Wanted(StatesNoted, filter=whole),
    ]


def standard_of(rows: Sequence[Sequence[Document]]) -> Standard:
    """The standard, from the rows of what is ``wanted``."""
    targets, acceptances, noted = rows
    own = [MetricTarget.from_document(each) for each in targets]
    found = [Acceptance.from_document(each) for each in acceptances]
    return Standard(
        {(each.metric, each.span): each for each in own},
        tuple(sorted(found, key=lambda each: each.id)),
        StatesNoted.from_document(noted[0]).of_each() if noted else {},
    )


def standard(store: Store, actor: Actor, community_id: str) -> Standard:
    """What this community's figures are held to. Raises Refused, Unavailable."""
    return standard_of(store.together(actor, community_id, wanted(actor, community_id)))


def _in_reach(actor: Actor, community_id: str) -> dict[str, Any]:
    """What concerns the whole community, and the grids in reach."""
    seen = reach(actor, community_id)
    own: dict[str, Any] = {"community_id": community_id}
    return own if seen is None else own | {"grid_id": Is(among=[None, *sorted(seen)])}


# --- questions whose values are judged
def judged(
    question: Callable[Concatenate[Store, Actor, str, P], T],
) -> Callable[Concatenate[Store, Actor, str, P], T]:
    """A question to a community whose answer's values are held to what was wanted on the day it speaks of: the last one
    of its ``period``, or ``now``, ``today`` or ``on`` while that lasts. One that is given what was read for it already
    (``within``) is judged by whoever read it; of one ``in_steps`` the standard is read with the first step."""
    shape = inspect.signature(question)
    steps = question.__dict__.get("steps")

    def held(by: Standard, answer: T, store: Store, actor: Actor, community_id: str, *args: Any, **kwargs: Any) -> T:
        given = shape.bind(store, actor, community_id, *args, **kwargs).arguments
        period: Period | None = given.get("period")
        at = given.get("now") or given.get("today") or given.get("on") or store.clock()
        day = at.astimezone(store.zone(community_id)).date() if isinstance(at, datetime) else at
        seen = reach(actor, community_id, given.get("grids"))
        whole = seen is None and given.get("category") is None
        return (by if whole else by.of_a_part()).judge(
            answer,
            day if period is None else min(day, period.last),
            Span.ANY if period is None else period.kind,
            next(iter(seen)) if seen is not None and len(seen) == 1 else None,
        )

    @wraps(question)
    def asked(store: Store, actor: Actor, community_id: str, *args: P.args, **kwargs: P.kwargs) -> T:
        answer = question(store, actor, community_id, *args, **kwargs)
        if kwargs.get("within") is not None:
            return answer
        return held(standard(store, actor, community_id), answer, store, actor, community_id, *args, **kwargs)

    def read_together(store: Store, actor: Actor, community_id: str, /, *args: Any, **kwargs: Any) -> Steps[T]:
        running = steps(store, actor, community_id, *args, **kwargs)  # type: ignore[misc]
        answer, rows = yield from _beside(running, wanted(actor, community_id))
        return held(standard_of(rows), answer, store, actor, community_id, *args, **kwargs)

    found: Any = asked if steps is None else in_steps(wraps(question)(read_together))
    found.__dict__ |= {"judged": True} if steps is None else {"judged": True, "steps": read_together}
    return found  # type: ignore[no-any-return]


def _beside(running: Steps[T], more: Sequence[Wanted]) -> Generator[Any, Any, tuple[T, Sequence[Sequence[Document]]]]:
    """Go through the steps of a question with ``more`` read at the first of them: its answer, and these rows."""
    rows: Sequence[Sequence[Document]] | None = None
    read: Sequence[Sequence[Document]] | None = None
    while True:
        try:
            asked = running.send(rows)  # type: ignore[arg-type]
        except StopIteration as done:
            return done.value, read if read is not None else (yield more)
        if read is None:
            found = yield [*asked, *more]
            rows, read = found[: len(asked)], found[len(asked) :]
        else:
            rows = yield asked


# --- the values of an answer
def _with_values(answer: Any, change: Callable[[Value], Value]) -> Any:
    """The same answer with each value in it changed: in dataclasses, tuples, lists and mappings, as their types say."""
    if isinstance(answer, Value):
        return change(answer)
    if isinstance(answer, tuple) and not hasattr(answer, "_fields"):
        return tuple(_with_values(each, change) for each in answer)
    if isinstance(answer, list):
        return [_with_values(each, change) for each in answer]
    if isinstance(answer, Mapping):
        return {key: _with_values(each, change) for key, each in answer.items()}
    names = _bearing(cast(Hashable, type(answer)))
    if not names:
        return answer
    return replace(answer, **{name: _with_values(getattr(answer, name), change) for name in names})


@cache
def _bearing(owner: Any) -> tuple[str, ...]:
    """The fields of a dataclass in which there can be a value."""
    if not is_dataclass(owner):
        return ()
    hints = get_type_hints(owner)
    return tuple(each.name for each in fields(owner) if bears(hints[each.name]))


def bears(kind: Any, above: tuple[Any, ...] = ()) -> bool:
    """Whether something of a type can hold a value."""
    if kind is Value:
        return True
    if isinstance(kind, type) and is_dataclass(kind):
        if kind in above:
            return False
        hints = get_type_hints(kind)
        return any(bears(hints[each.name], (*above, kind)) for each in fields(kind))
    return any(bears(each, above) for each in get_args(kind))


def is_judged(question: Callable[..., Any]) -> bool:
    """Whether ``judged`` stands above it."""
    return bool(cast(Any, question).__dict__.get("judged"))
