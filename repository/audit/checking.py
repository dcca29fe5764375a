"""Whether the trail is as it was sealed: each seal, each entry, and that none is missing."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from repository.access import Actor
from repository.audit.entries import require_whole
from repository.audit.sealing import (
    EVERY,
    REST,
    SEAL_SECONDS,
    Seal,
    between,
    hash_of,
    is_made_with,
    missing_head,
    stored_entries,
)
from repository.store import AUDIT, EVERYWHERE, READ_SECONDS, SEALS, Document, Store, entry_mark, our_errors
from repository.words import Message, msg

OVERDUE = REST + 2 * EVERY
"""By then an entry is sealed where a server runs: one seal closes its time, the next one takes it in."""
TOLD = 100  # problems put in words; the rest is counted


@dataclass(frozen=True)
class Verdict:
    """What checking found: how many seals there are, over how many entries, how many of those were read again, how many
    entries no seal covers yet, and the newest digest. A ``problem`` means that somebody was at the trail, or that it
    can't be proven that nobody was; a ``warning`` is for a person to judge."""

    seals: int
    entries: int
    reread: int
    unsealed: int
    head: str
    problems: tuple[Message, ...]
    warnings: tuple[Message, ...]


def verify(
    store: Store,
    actor: Actor,
    *,
    key: bytes = b"",
    head: str = "",
    head_file: Path | None = None,
    most: int | None = None,
) -> Verdict:
    """Check that every seal was made with the key, follows the one before it and fits its entries; and that no seal is
    missing: neither ``head``, a digest that was written down elsewhere, nor the one noted in ``head_file``, nor one
    whose mark entries bear. With ``most`` only so many of the newest entries are read again. Raises Refused,
    Unavailable.
    """
    require_whole(actor, EVERYWHERE)
    with our_errors(), store.client.start_session() as session:
        check = _Check(store, session, key)
        ends = check.ends()  # before the seals: those whose mark they may bear are there by now
        check.follow(head)
        check.rules()
        reread = check.reread(most)
        unsealed = check.beyond(ends)
        if (problem := missing_head(store, head_file)) is not None:
            check.problem(problem.text, **problem.params)
    return Verdict(
        check.seals,
        sum(check.counts),
        reread,
        unsealed,
        check.last.digest if check.last else "",
        check.all_problems(),
        tuple(check.warnings),
    )


@dataclass
class _Check:
    """One check under way: what was come upon, and of the seals that count what is needed of all of them at once."""

    store: Store
    session: ClientSession
    key: bytes
    problems: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    more: int = 0
    seals: int = 0
    last: Seal | None = None
    numbers: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    # --- what is found
    def problem(self, text: str, **facts: Any) -> None:
        if len(self.problems) < TOLD:
            self.problems.append(Message(text, facts))
        else:
            self.more += 1

    def warn(self, text: str, **facts: Any) -> None:
        self.warnings.append(Message(text, facts))

    def all_problems(self) -> tuple[Message, ...]:
        rest = [Message(msg("{n} further problems."), {"n": self.more})] if self.more else []
        return (*self.problems, *rest)

    # --- the collections
    def rules(self) -> None:
        """A collection of the trail may have no rule by which it loses entries or keeps them out."""
        with pymongo.timeout(READ_SECONDS):
            for info in self.store.db.list_collections(filter={"name": {"$in": [AUDIT, SEALS]}}):
                rules = [name for name in ("capped", "validator", "viewOn", "timeseries") if info["options"].get(name)]
                if "viewOn" not in rules:
                    indexes = self.store.db[info["name"]].list_indexes()
                    rules += [
                        f"expireAfterSeconds ({each['name']})" for each in indexes if "expireAfterSeconds" in each
                    ]
                for rule in rules:
                    self.problem(
                        msg("{collection} was given a rule that removes entries or keeps them out: {rule}."),
                        collection=info["name"],
                        rule=rule,
                    )

    def ends(self) -> list[Any]:
        """The least and the greatest id among the entries; none when there are none."""
        with pymongo.timeout(READ_SECONDS):
            found = [
                stored_entries(self.store).find_one({}, sort=[("_id", way)], session=self.session) for way in (1, -1)
            ]
        return [each["_id"] for each in found if each is not None]

    def _seals_from(self, number: int) -> Iterator[Document]:
        """All seals from a number on, in small reads: what is done in between may take long."""
        seals: Collection[Document] = self.store.db.get_collection(SEALS, read_concern=ReadConcern("majority"))
        beyond: Document = {"_id": {"$gte": number}}
        while True:
            with pymongo.timeout(READ_SECONDS):
                some = list(seals.find(beyond, session=self.session).sort("_id", 1).limit(500))
            yield from some
            if len(some) < 500:
                return
            beyond = {"_id": {"$gt": some[-1]["_id"]}}

    # --- the seals alone
    def follow(self, head: str) -> None:
        """Is each seal made with the key, and does it follow the one before? What a person vouched for with the key
        counts from there on."""
        foreign: list[Any] = []
        before, number, has_head = "", 0, not head
        for document in self._seals_from(0):
            self.seals += 1
            number += 1
            each, ours = Seal.from_document(document), is_made_with(self.key, document)
            if each is not None and each.adopts and ours:
                foreign.clear()
                self._begin_with(each)
            if document["_id"] != number:
                self.problem(msg("Seal {n} does not follow the one before it: seals are missing."), n=document["_id"])
                number = document["_id"]
            elif each is not None and not (each.before == before and self._continues(each)):
                self.problem(msg("Seal {n} does not follow the one before it: that one was changed."), n=number)
            if each is None or not ours:
                foreign.append(document["_id"])
            if each is not None:
                self._count(each)
                has_head = has_head or each.digest == head
            before = hash_of(document)
        with pymongo.timeout(READ_SECONDS):
            foreign += [
                each["_id"] for each in self.store.db[SEALS].find({"_id": {"$not": {"$type": "number"}}}).limit(10)
            ]
        if foreign:
            self.problem(
                msg(
                    "{n} seals ({first} to {last}) were not made with the key that is here, or were changed: they "
                    "prove nothing."
                ),
                n=len(foreign),
                first=foreign[0],
                last=foreign[-1],
            )
        if not has_head:
            self.problem(msg("No seal bears the digest {head}: seals were taken out or made anew."), head=head)

    def _begin_with(self, each: Seal) -> None:
        self.problems.clear()
        self.more, self.last = 0, None
        self.numbers, self.marks, self.times, self.counts = [], [], [], []
        self.warnings = []
        self.warn(
            msg("Seal {n} of {when} was made by hand: somebody vouched for everything that stood there before it."),
            n=each.number,
            when=_moment(each.at),
        )

    def _continues(self, each: Seal) -> bool:
        start, mark = (self.last.end, self.last.mark) if self.last else ("", 0)
        return each.start == start and each.end >= each.start and each.mark > mark

    def _count(self, each: Seal) -> None:
        self.last = each
        self.numbers.append(each.number)
        self.marks.append(each.mark)
        self.times.append(each.at)
        self.counts.append(each.count)

    # --- the entries under them
    def reread(self, most: int | None) -> int:
        """Read the entries that seals cover again, the newest ``most`` or all, and compare; returns how many."""
        first, left = len(self.counts), most
        while first and (left is None or left > 0):
            first -= 1
            left = None if left is None else left - self.counts[first]
        if first == len(self.counts):
            return 0
        when, reread = _When(self.marks, self.times), 0
        for document in self._seals_from(self.numbers[first]):
            each = Seal.from_document(document)
            if each is None or each.number > self.numbers[-1] or (each.start == each.end and not each.count):
                continue
            digest, count = hashlib.sha256(), 0
            with pymongo.timeout(SEAL_SECONDS):
                rows = stored_entries(self.store).find(between(each.start, each.end), session=self.session)
                for row in rows.sort("_id", 1):
                    digest.update(hashlib.sha256(row.raw).digest())
                    count += 1
                    when.look(row)
            facts = {"n": each.number, "when": _moment(each.at), "sealed": each.count, "found": count}
            if count != each.count:
                self.problem(msg("Seal {n} ({when}): {sealed} entries were sealed, {found} are there."), **facts)
            elif digest.hexdigest() != each.entries:
                self.problem(msg("Seal {n} ({when}): an entry was changed."), **facts)
            reread += count
        if when.strangers:
            self.problem(
                msg("{n} entries (such as {id}) bear the mark of no seal: another hand put them in."),
                n=when.strangers,
                id=when.a_stranger,
            )
        if when.odd:
            self.warn(
                msg(
                    "{n} entries (such as {id}) tell another time than that at which they came in: a clock was wrong "
                    "by more than five minutes, or somebody dated them."
                ),
                n=when.odd,
                id=when.an_odd_one,
            )
        return reread

    def beyond(self, ends: list[Any]) -> int:
        """What no seal covers: how many entries, and whether all of them may be there."""
        if not ends:
            return 0
        for id in ends:
            if not isinstance(id, str):
                self.problem(msg("Entry {id} is none that GridBoard made: another hand put it in."), id=repr(id)[:80])
        there: Document = {"$lte": ends[-1]} if isinstance(ends[-1], str) else {}
        beyond: Document = {"$gte": entry_mark((self.last.mark if self.last else 0) + 1), **there}
        if self.last is None:
            beyond["$regex"] = "^.{32}$"  # shorter ones are from before there were marks; the first seals take them in
        with pymongo.timeout(SEAL_SECONDS):
            n = stored_entries(self.store).count_documents({"_id": beyond}, session=self.session)
        if n:
            self.problem(
                msg(
                    "{n} entries (such as {id}) bear the mark of a seal that is not there: seals were taken out, or "
                    "another hand put the entries in."
                ),
                n=n,
                id=ends[-1],
            )
        open_ones = {"_id": {"$gte": self.last.end if self.last else "", **there}}
        span = {"_id": None, "n": {"$sum": 1}, "oldest": {"$min": "$at"}, "newest": {"$max": "$at"}}
        with pymongo.timeout(SEAL_SECONDS):
            rows = self.store.db[AUDIT].aggregate([{"$match": open_ones}, {"$group": span}], session=self.session)
            found = next(rows, None)
        if found is None:
            return 0
        oldest, newest = found["oldest"], found["newest"]
        if (
            isinstance(oldest, datetime)
            and isinstance(newest, datetime)
            and newest - oldest > OVERDUE
            and (self.last is None or newest - self.last.at > OVERDUE)
        ):
            self.problem(
                msg(
                    "{n} entries are not sealed, the oldest of {since}, though people worked on long after it. If no "
                    "server ran meanwhile, run gridboard audit seal twice, ten minutes apart. Else seals were taken "
                    "out."
                ),
                n=found["n"],
                since=_moment(oldest),
            )
        return int(found["n"])


_ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class _When:
    """Looks at when sealed entries came in: after the seal whose mark they bear, and before the next one."""

    def __init__(self, marks: list[int], times: list[datetime]) -> None:
        self._marks, self._times = marks, times
        self._mark, self._known, self._span = "", True, _ALWAYS
        self.strangers, self.a_stranger = 0, ""
        self.odd, self.an_odd_one = 0, ""

    def look(self, entry: RawBSONDocument) -> None:
        id, at = entry["_id"], entry.get("at")
        if id[:8] != self._mark:
            self._turn_to(id[:8])
        if not self._known:
            self.strangers, self.a_stranger = self.strangers + 1, id
        elif not (isinstance(at, datetime) and self._span[0] <= at <= self._span[1]):
            self.odd, self.an_odd_one = self.odd + 1, id

    def _turn_to(self, mark: str) -> None:
        self._mark, self._known, self._span = mark, False, _ALWAYS
        try:
            place = bisect_right(self._marks, int(mark, 16)) - 1
        except ValueError:
            return
        # what lies below the first seal that counts may bear the mark of one that does not
        self._known = place < 0 or entry_mark(self._marks[place]) == mark
        near = self._times[max(place, 0) : place + 2]
        earliest = min(near) - REST if place >= 0 else _ALWAYS[0]
        latest = max(near) + REST if place + 1 < len(self._times) else _ALWAYS[1]
        self._span = earliest, latest


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
