"""What a review is written from: a store, whoever reads, three periods, and the answers to one question for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from repository.access import Actor
from repository.grids import Grid, PostsOnDay, posts_on
from repository.metrics import Period, Value
from repository.review.document import Figure
from repository.store import Put, Store, Then, at_once, at_one_sitting
from repository.words import Message

T = TypeVar("T")


class Three(NamedTuple, Generic[T]):
    """An answer for the period, for the one before and for the same one a year ago."""

    now: T
    before: T
    year: T

    def figures(self, *names: str) -> list[Figure]:
        """The figures of the values that bear these names in the answers."""
        return [Figure.of(*map(attrgetter(name), self)) for name in names]


@dataclass(frozen=True)
class Desk:
    """What every section is written from."""

    store: Store
    actor: Actor
    community_id: str
    period: Period
    before: Period
    year: Period
    now: datetime
    causes: dict[str, Message] = field(default_factory=dict)
    """What explains a figure, by metric: of others the agenda gives no reason."""

    def because(self, value: Value, cause: Message | None) -> None:
        """Say what explains a figure, where something is known to."""
        if cause is not None:
            self.causes[value.metric.key] = cause

    @property
    def today(self) -> date:
        """On the community's calendar."""
        return self.now.date()

    def in_weeks(self, weeks: int) -> date:
        """The day so many weeks from today."""
        return self.today + timedelta(weeks=weeks)

    @property
    def day(self) -> date:
        """The day stocks are of: the period's last, or today while it lasts."""
        return min(self.period.last, self.today)

    @property
    def moment(self) -> datetime:
        """The moment stocks are of."""
        return self.period.until(self.now)

    @cached_property
    def then(self) -> "Desk":
        """The same, as of the period's end; while it lasts there is no difference."""
        if self.moment >= self.now:
            return self
        last = self.moment - timedelta(milliseconds=1)
        return replace(self, store=at_one_sitting(Then(self.store, last)), now=last)

    def left(self, ask: Callable[["Desk"], T]) -> tuple[T, T]:
        """What there was at the end of the period, which is what it is judged by, and what there is now, which is what
        can still be decided."""
        then = ask(self.then)
        return then, then if self.then is self else ask(self)

    @cached_property
    def posts(self) -> PostsOnDay:
        """The posts, with grids and names."""
        return posts_on(self.store, self.actor, self.community_id, self.period, today=self.today)

    @cached_property
    def grids(self) -> Mapping[str, Grid]:
        """By id."""
        return {grid.id: grid for grid in self.posts.grids}

    def name(self, person_id: str | None) -> str:
        """Somebody's name, or nothing."""
        return self.posts.names.get(person_id or "", "")

    def director(self, grid_id: str | None) -> str:
        """Who answers for a grid, by name, or nothing."""
        found = self.grids.get(grid_id or "")
        return self.name(found.responsible_id) if found else ""

    def grid(self, grid_id: str | None) -> str:
        """A grid's name, or nothing."""
        return found.name if (found := self.grids.get(grid_id or "")) else ""

    def thrice(self, question: Callable[..., T], **told: Any) -> Three[T]:
        """The answer to a question for the three periods; one that is asked in steps is read for all of them at
        once."""
        periods = self.period, self.before, self.year
        asked = (self.store, self.actor, self.community_id)
        if hasattr(question, "steps"):
            return Three(*(each for each, _read in at_once(*asked, [Put(question, (of,), told) for of in periods])))
        return Three(*(question(*asked, of, **told) for of in periods))

    def stock(self, value: Value) -> Figure:
        """A stock: the other two values are those of its course at the ends of their months, as far as it reaches."""
        course = dict(value.series)
        ends = (f"{period.last:%Y-%m}" for period in (self.before, self.year))
        return Figure.of(value, *map(course.get, ends))
