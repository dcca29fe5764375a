"""Whether what was true at a moment is told the same whatever is done later: for every room that is asked as of a day.

    def commands(world): ...   # one random step; ``world.clock.now`` may be moved on, ``world.random`` chooses
    def ask(store, at): ...    # everything the room tells at a moment: figures and lists, as plain values

    World(store, clock, seed).holds(commands, ask)

Commands are run up to a moment, the room is asked at that moment; more commands are run; then it is asked again as of
that moment, which must give the same. ``told`` makes an answer comparable.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from repository.store import Store
from repository.words import Trouble
from tests.conftest import Clock


class World:
    """A store whose clock is moved, and what chooses what is done in it."""

    def __init__(self, store: Store, clock: Clock, seed: int = 0) -> None:
        self.store, self.clock, self.random = store, clock, random.Random(seed)

    def pass_time(self, most: timedelta = timedelta(hours=30)) -> None:
        """Let some time go by; to whole seconds, as people's steps are some apart."""
        self.clock.now += timedelta(seconds=self.random.randint(60, int(most.total_seconds())))

    def do(self, step: Callable[["World"], Any], times: int) -> None:
        """So many steps with time between them; one that may not be just now is left out."""
        for _ in range(times):
            self.pass_time()
            try:
                step(self)
            except Trouble:
                continue

    def holds(
        self,
        step: Callable[["World"], Any],
        ask: Callable[[Store, datetime], Any],
        *,
        before: int = 25,
        after: int = 25,
        past: Callable[[Store, datetime], Store] = lambda store, _at: store,
    ) -> None:
        """Assert it. ``past``: the store as it is asked for what is over."""
        self.do(step, before)
        self.pass_time()
        moment = self.clock.now
        then = told(ask(self.store, moment))
        self.pass_time()
        self.do(step, after)
        now = told(ask(past(self.store, moment), moment))
        found = differences(then, now)
        assert not found, "\n".join([f"{len(found)} differ", *found[:25]])


def told(answer: Any) -> Any:
    """An answer as plain values that can be compared, without what every write changes of a record."""
    if isinstance(answer, BaseModel):
        left = {"revision", "updated_at", "updated_by", "lasted"}
        return {name: told(value) for name, value in answer if name not in left}
    if is_dataclass(answer) and not isinstance(answer, type):
        return {each.name: told(getattr(answer, each.name)) for each in fields(answer)}
    if isinstance(answer, Mapping):
        return {str(key): told(value) for key, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return [told(each) for each in answer]
    if isinstance(answer, (set, frozenset)):
        return sorted(map(str, answer))
    return answer


def differences(then: Any, now: Any, at: str = "") -> list[str]:
    """Where two answers differ, by name: what was told then, and now."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [
            found
            for key in sorted(then.keys() | now.keys())
            for found in differences(then.get(key), now.get(key), f"{at}.{key}")
        ]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [found for place, (one, other) in pairs for found in differences(one, other, f"{at}[{place}]")]
    return [] if then == now else [f"{at}: {then!r} then, {now!r} now"]
