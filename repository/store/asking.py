"""Questions that say what they want to read before they make anything of it, so that several of them are read in one
command and each still stands or falls by what it read itself."""

from collections.abc import Callable, Generator, Sequence
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast

from repository.access import Actor
from repository.store.database import Counters, Store, Wanted
from repository.store.footprint import Footprint, noting
from repository.store.impersonal import Document

P = ParamSpec("P")
T = TypeVar("T")
Steps = Generator[Sequence[Wanted | Counters], Sequence[Sequence[Document]], T]
"""Yields what it wants read of the community, is sent the rows of each, and returns its answer."""
Question = Callable[Concatenate[Store, Actor, str, P], T]


class Put(NamedTuple):
    """One question to a community, put: ``question(store, actor, community_id, *args, **kwargs)``."""

    question: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def in_steps(steps: Callable[Concatenate[Store, Actor, str, P], Steps[T]]) -> Question[P, T]:
    """A question from its steps. Asked by itself it reads by itself; see ``at_once``."""

    @wraps(steps)
    def question(store: Store, actor: Actor, community_id: str, *args: P.args, **kwargs: P.kwargs) -> T:
        ((answer, _footprint),) = at_once(store, actor, community_id, [Put(question, args, kwargs)])
        found: T = answer
        return found

    question.__dict__["steps"] = steps
    found: Question[P, T] = cast(Any, question)
    return found


def at_once(store: Store, actor: Actor, community_id: str, put: Sequence[Put]) -> list[tuple[Any, frozenset[str]]]:
    """The answers to several questions ``in_steps`` to one community, and what each was read from. Step by step what
    they want is read together. Raises what they raise."""
    footprints = [Footprint() for _ in put]
    answers: list[Any] = [None] * len(put)
    running = {
        place: one.question.__dict__["steps"](store, actor, community_id, *one.args, **one.kwargs)
        for place, one in enumerate(put)
    }
    rows: dict[int, list[list[Document]] | None] = dict.fromkeys(running)
    while running:
        wanted: dict[int, Sequence[Wanted | Counters]] = {}
        for place, steps in list(running.items()):
            with noting(footprints[place]):
                try:
                    wanted[place] = steps.send(rows[place])
                except StopIteration as done:
                    answers[place] = done.value
                    del running[place]
        each: list[Wanted | Counters] = []  # what several want is read once
        of: list[list[Footprint]] = []
        places: dict[int, list[int]] = {place: [] for place in wanted}  # where in it stands what a question wants
        for place, own in wanted.items():
            for one in own:
                if one not in each:
                    each.append(one)
                    of.append([])
                places[place].append(at := each.index(one))
                of[at].append(footprints[place])
        found = store.together(actor, community_id, each, of) if each else []
        rows = {place: [list(found[at]) for at in where] for place, where in places.items()}
    return [(answer, frozenset(footprint.read)) for answer, footprint in zip(answers, footprints, strict=True)]
