"""Which households were visited, without keeping where they live.

An officer writes building and door; what is kept is a key of them, made with a secret of the database and anew for each
year, so that the same door is counted once in a period and no list of addresses, and no household's years, can be read
off the patrols (docs/decisions/0019-visited-households.md).
"""

import base64
import hmac
import re
import secrets
import unicodedata
from typing import NamedTuple

import pymongo

from repository.store import META, READ_SECONDS, Invalid, Store, our_errors
from repository.words import Message, msg

MOST_DOORS = 200
"""Households that one patrol visits at most."""
_SECRET = "patrol_secret"  # noqa: S105 (its name)  # pragma: allowlist secret
_BETWEEN = re.compile(r"[\s,，、;；:：.。]+")


class Door(NamedTuple):
    """A household as an officer writes it."""

    building: str
    number: str


def doors_of(text: str) -> tuple[Door, ...]:
    """The doors of a text, each once: a line for each building, its name and then its doors (``6栋 101 102 201``).
    Width, case and what stands between do not matter. Raises Invalid for a line without doors and for more than
    MOST_DOORS."""
    found: dict[Door, None] = {}
    for line in unicodedata.normalize("NFKC", text).casefold().splitlines():
        words = [word for word in _BETWEEN.split(line) if word]
        if not words:
            continue
        if len(words) == 1:
            problem = msg("“{line}”: write the building first, then its doors, such as B6 101 102")
            raise Invalid({"doors": Message(problem, {"line": words[0][:40]})})
        found |= dict.fromkeys(Door(words[0], word) for word in words[1:])
    if len(found) > MOST_DOORS:
        raise Invalid({"doors": Message(msg("{most} doors are the most in one patrol"), {"most": MOST_DOORS})})
    return tuple(found)


def keys_of(store: Store, community_id: str, grid_id: str, year: int, doors: tuple[Door, ...]) -> tuple[str, ...]:
    """What is kept of the doors. The same door of a grid has the same key all year, and another one the next."""
    if not doors:
        return ()
    secret = _secret(store)

    def key(door: Door) -> str:
        text = "|".join((community_id, grid_id, str(year), *door))
        return base64.urlsafe_b64encode(hmac.digest(secret, text.encode("utf-8", "replace"), "sha256")[:12]).decode()

    return tuple(sorted(map(key, doors)))


def _secret(store: Store) -> bytes:
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[META].find_one({"_id": _SECRET})
        if found is None:
            store.db[META].update_one({"_id": _SECRET}, {"$setOnInsert": {"key": secrets.token_bytes(32)}}, upsert=True)
            found = store.db[META].find_one({"_id": _SECRET})
    return bytes(found["key"]) if found else b""
