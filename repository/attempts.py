"""Guesses at passwords: how many were made, from where, and who has to wait.

A name stands here as its hash, for people type passwords into that field too. What is over is cleared away in passing,
never on somebody's way in: however many names a stranger invents, nobody waits for them.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Any

import pymongo
from pymongo.errors import DuplicateKeyError

from repository.store import READ_SECONDS, WRITE_SECONDS, Store, Write, our_errors
from repository.words import Trouble, msg

ATTEMPTS = "sign_in_attempts"
LOCKED, LOCKED_LONGEST = timedelta(minutes=15), timedelta(days=1)
TRIES = 5  # of one name from one address
TRIES_OF_A_NAME = 20  # from all addresses it has not come in from lately; the lock doubles each time
TRIES_OF_AN_ADDRESS = 50  # of all names that have not come in from it lately
KNOWN = timedelta(days=30)  # how long an address counts as one that a name comes in from
CLEARED_AT_ONCE = 5_000


class Locked(Trouble):
    """Too many wrong passwords from this address, for this name."""

    def __init__(self, until: datetime, now: datetime) -> None:
        super().__init__(
            msg("Too many wrong passwords. Try again in {minutes} minutes; the account is not lost."),
            minutes=ceil((until - now) / timedelta(minutes=1)),
        )


@dataclass(frozen=True)
class Try:
    """One try that was counted: by name and address, by name, by address; and what makes this address a known one."""

    pair: str
    name: str
    address: str
    known: str


def count(store: Store, login: str, user_id: str | None, address: str) -> Try:
    """Count a try before it is judged, so that a hundred at once get no more than five. Raises Locked, Unavailable.

    One name from one address has five tries; a name, from all addresses it has not come in from lately, and an
    address, of all names that have not come in from it lately, have more. So nobody locks out whoever comes in where
    they always do, and changing addresses or names does not help; an address that is locked leaves nothing behind.
    Known or not, every try takes the same steps.
    """
    who, place, now = _who(login), network(address), store.clock()
    known = f"known|{user_id or who}|{place}"
    with our_errors(), pymongo.timeout(READ_SECONDS):
        asked = {"_id": {"$in": [known, f"address||{place}", f"address|{known}|{place}"]}}
        there = {each["_id"]: each for each in store.db[ATTEMPTS].find(asked)}
    apart = known if known in there and there[known]["until"] > now else ""  # whose tries count for nobody else
    tried = Try(f"pair|{who}|{place}", f"name|{apart}|{who}", f"address|{apart}|{place}", known)
    of_address = there.get(tried.address)
    if of_address and of_address["n"] >= TRIES_OF_AN_ADDRESS and of_address["anew_at"] > now:
        raise Locked(of_address["anew_at"], now)
    for id, most in ((tried.pair, TRIES), (tried.name, TRIES_OF_A_NAME), (tried.address, TRIES_OF_AN_ADDRESS)):
        n, anew_at = _count(store, id, doubling_at=most + 1 if id == tried.name else None)
        if n > most:
            raise Locked(anew_at, now)
    return tried


def came_in(store: Store, tried: Try) -> None:
    """The password was right: the try does not count, and the address is a known one from now on."""
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        tries = store.db[ATTEMPTS]
        tries.delete_one({"_id": tried.pair})
        tries.update_many({"_id": {"$in": [tried.name, tried.address]}}, {"$inc": {"n": -1}})
        tries.update_one({"_id": tried.known}, {"$set": {"until": store.clock() + KNOWN}}, upsert=True)


def forget(write: Write, user_id: str, login: str, *, but: str | None = None) -> None:
    """A new password: the name is unlocked, everywhere, and no address but that one counts as known."""
    who = _who(login)
    begins = [f"pair|{who}|", f"name||{who}", f"name|known|{user_id}|", f"known|{user_id}|"]
    theirs: dict[str, Any] = {"$or": [{"_id": {"$regex": f"^{re.escape(each)}"}} for each in begins]}
    if but is not None:
        theirs["_id"] = {"$ne": f"known|{user_id}|{network(but)}"}
    write.store.db[ATTEMPTS].delete_many(theirs, session=write.session)


def clear(store: Store) -> None:
    """Take out what is over, some thousand at a time. Raises Unavailable."""
    over = {"until": {"$lt": store.clock()}}
    while True:
        with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
            ids = [each["_id"] for each in store.db[ATTEMPTS].find(over, {"_id": 1}).limit(CLEARED_AT_ONCE)]
            store.db[ATTEMPTS].delete_many({**over, "_id": {"$in": ids}})
        if len(ids) < CLEARED_AT_ONCE:
            return


def network(address: str) -> str:
    """What counts as one address: an IPv6 network of 64 bits is one subscriber's, whose machines choose the rest."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address.replace("|", "")
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return str(ip)


def _who(login: str) -> str:
    return hashlib.sha256(login.encode("utf-8", "surrogatepass")).hexdigest()


def _count(store: Store, id: str, doubling_at: int | None = None) -> tuple[int, datetime]:
    """How many tries this is since the count began anew, and when it will do so again: after ``LOCKED``; where it is
    ``doubling_at`` so many tries, after a lock twice as long as the one before, until a day without any."""
    now = store.clock()
    running = {"$gt": ["$anew_at", now]}
    remembered = {"$cond": [{"$gt": ["$until", now]}, {"$ifNull": ["$locks", 0]}, 0]}
    steps: list[dict[str, Any]] = [
        {
            "n": {"$cond": [running, {"$add": ["$n", 1]}, 1]},
            "anew_at": {"$cond": [running, "$anew_at", now + LOCKED]},
            "locks": remembered,
        }
    ]
    if doubling_at is not None:
        longer = {"$multiply": [_milliseconds(LOCKED), {"$pow": [2, "$locks"]}]}
        lock = {"$add": [now, {"$min": [longer, _milliseconds(LOCKED_LONGEST)]}]}
        begins = {"$eq": ["$n", doubling_at]}
        steps.append(
            {
                "anew_at": {"$cond": [begins, lock, "$anew_at"]},
                "locks": {"$cond": [begins, {"$add": ["$locks", 1]}, "$locks"]},
            }
        )
    kept = 0 if doubling_at is None else _milliseconds(LOCKED_LONGEST)
    steps.append({"until": {"$add": ["$anew_at", kept]}})
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        while True:
            try:
                found = store.db[ATTEMPTS].find_one_and_update(
                    {"_id": id},
                    [{"$set": step} for step in steps],
                    upsert=True,
                    return_document=pymongo.ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                continue  # two first ones at once
            return (1, now + LOCKED) if found is None else (int(found["n"]), found["anew_at"])


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
