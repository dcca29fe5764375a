"""Which resource fits which need, and why: pure. A suggestion is ranked by what can be said for it, and says it; people
decide."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from repository.organizations.records import Need, Resource
from repository.record import Choice
from repository.words import msg

SUGGESTED = 5
"""So many are suggested for a need."""
_ENOUGH = 0.1
"""Of the shorter text's pairs of signs, so large a share in common is said to be alike: one pair of a short line."""


class Reason(Choice):
    """What speaks for a resource, or has to be asked about."""

    KIND = "kind", msg("Same kind")
    WORDS = "words", msg("Alike in words")
    ENOUGH = "enough", msg("Enough of it")
    TOO_LITTLE = "too_little", msg("Less than is needed")
    IN_TIME = "in_time", msg("Offered when it is needed")
    NEAR = "near", msg("Same grid")
    PROMISED = "promised", msg("Promised to other needs too")


_WEIGHT: Mapping[Reason, float] = {
    Reason.KIND: 3.0,
    Reason.WORDS: 4.0,  # times the root of how alike: one word in common tells more than the tenth
    Reason.ENOUGH: 1.0,
    Reason.TOO_LITTLE: -1.0,
    Reason.IN_TIME: 0.5,
    Reason.NEAR: 0.5,
    Reason.PROMISED: -0.5,
}


@dataclass(frozen=True)
class Suggestion:
    """A resource that fits a need; ``alike`` is how alike the words are, 0 to 1."""

    resource: Resource
    score: float
    alike: float
    reasons: tuple[Reason, ...]


_EVERYWHERE = frozenset({"社区", "居民", "网格", "单位", "the", "and", "for"})
"""Words that stand in half of the lists and tell nothing."""


@lru_cache(maxsize=20_000)
def words(text: str) -> frozenset[str]:
    """What a text is compared by: pairs of neighbouring Chinese signs, and Latin words. Chinese has no spaces, and two
    descriptions of the same thing share pairs of signs whichever way they are cut."""
    text = unicodedata.normalize("NFKC", text).casefold()
    pairs = {run[i : i + 2] for run in re.findall(r"[\u3400-\u9fff]+", text) for i in range(max(1, len(run) - 1))}
    return frozenset(pairs | {word for word in re.findall(r"[a-z0-9]+", text) if len(word) > 2}) - _EVERYWHERE


def alike(first: str, second: str) -> float:
    """The share of the shorter text's ``words`` that stand in the other too, 0 to 1."""
    return _shared(words(first), words(second))


def _shared(left: frozenset[str], right: frozenset[str]) -> float:
    return 0.0 if left.isdisjoint(right) else len(left & right) / min(len(left), len(right))


def suggest(
    need: Need,
    resources: Iterable[Resource],
    on: date,
    *,
    promised: Mapping[str, int] | None = None,
    grids: Mapping[str, str | None] | None = None,
    limit: int = SUGGESTED,
) -> list[Suggestion]:
    """The resources that fit a need, best first, no more than ``limit``. One fits that is of the need's kind or alike
    in words, is still offered on the day it is needed (today, where none is named), and is not the need's own
    organisation's. ``promised`` says how many other needs a resource is matched with, ``grids`` in which grid an
    organisation lies."""
    day = max(need.due_on or on, on)
    wanted = {words(need.what), words(f"{need.what} {need.detail or ''}")}  # one where nothing more is said
    found = []
    for each in resources:
        if each.organization_id == need.organization_id or (each.until is not None and each.until < on):
            continue
        if not each.offered(day):
            continue
        offered = words(each.what)
        same = max(_shared(said, offered) for said in wanted)
        reasons = []
        if each.kind is need.kind:
            reasons.append(Reason.KIND)
        if same >= _ENOUGH:
            reasons.append(Reason.WORDS)
        if not reasons:
            continue
        reasons += _further(need, each, promised or {}, grids or {})
        score = sum(_WEIGHT[one] * (same**0.5 if one is Reason.WORDS else 1) for one in reasons)
        found.append(Suggestion(each, score, same, tuple(reasons)))
    found.sort(key=lambda one: (-one.score, one.resource.what, one.resource.id))
    return found[:limit]


def _further(
    need: Need, each: Resource, promised: Mapping[str, int], grids: Mapping[str, str | None]
) -> Sequence[Reason]:
    reasons = []
    if need.quantity and each.quantity is not None and (need.unit or "") == (each.unit or ""):
        reasons.append(Reason.ENOUGH if each.quantity >= need.quantity else Reason.TOO_LITTLE)
    if need.due_on is not None:
        reasons.append(Reason.IN_TIME)
    if need.grid_id is not None and grids.get(each.organization_id) == need.grid_id:
        reasons.append(Reason.NEAR)
    if promised.get(each.id):
        reasons.append(Reason.PROMISED)
    return reasons
