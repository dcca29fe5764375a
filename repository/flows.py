"""What happened month by month, read off the counters: for the rooms whose figures need no more than sums of flows."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from repository.access import Actor, Operation, reach, require
from repository.filters import Is
from repository.record import RECORDS
from repository.rollups import path_key
from repository.store import Store


def by_month(
    store: Store,
    actor: Actor,
    community_id: str,
    subject: str,
    names: Collection[str],
    *,
    months: Sequence[str] | None = None,
    grids: frozenset[str] | None = None,
    category: str | None = None,
) -> dict[str, Counter[str]]:
    """Month -> counter name -> number, of the ``names`` asked for, cut to the actor's grids, the wished ones and a
    category; ``months`` None: all there are. Raises Refused, Unavailable."""
    require(actor, Operation.READ, subject)
    seen = reach(actor, community_id, grids)
    names = [path_key(name) for name in names]
    within = {} if months is None else {"period": Is(gte=min(months), lte=max(months))} if months else {}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    if seen is None:
        branch = "total" if category is None else f"by_category.{path_key(category)}"
        fields = {"period": 1, **{f"{branch}.{name}": 1 for name in names}}
        for document in store.counters(community_id, subject, "month", within, fields):
            branch_of = document
            for part in branch.split("."):
                branch_of = branch_of.get(part, {})
            found[document["period"]].update(branch_of)
        return found
    where = {**within, "grid": Is(among=sorted(seen))} | ({} if category is None else {"category": category})
    fields = {"period": 1, **dict.fromkeys(names, 1)}
    for cell in store.counters(community_id, subject, "cell", where, fields):
        found[cell["period"]].update({name: cell[name] for name in names if name in cell})
    return found


def in_cells(
    store: Store,
    actor: Actor,
    community_id: str,
    subject: str,
    names: Collection[str],
    *,
    first: str,
    last: str,
    grids: frozenset[str] | None = None,
) -> dict[tuple[str, str], Counter[str]]:
    """(grid, category) -> counter name -> number, of the ``names`` asked for, over the months from ``first`` (empty:
    from the beginning) to ``last``; cut to the actor's grids and the wished ones. Raises Refused, also for whoever may
    not read the records that are counted, and Unavailable."""
    kept_by = (name for name, record in RECORDS.items() if subject in record.subjects)
    require(actor, Operation.READ, next(kept_by, subject))
    seen = reach(actor, community_id, grids)
    names = [path_key(name) for name in names]
    where = {"period": Is(gte=first, lte=last)} | ({} if seen is None else {"grid": Is(among=sorted(seen))})
    fields = {"grid": 1, "category": 1, **dict.fromkeys(names, 1)}
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cell in store.counters(community_id, subject, "cell", where, fields):
        found[cell["grid"], cell["category"]].update({name: cell[name] for name in names if name in cell})
    return found
