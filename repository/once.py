"""What may be used once only, whichever of several processes is asked: noted in the database that they share, until it
is too old to be used at all."""

import hashlib
from datetime import timedelta

import pymongo
from pymongo.errors import DuplicateKeyError

from repository.attempts import ATTEMPTS
from repository.store import WRITE_SECONDS, Store, our_errors


def first_use(store: Store, what: str, good_for: timedelta) -> bool:
    """Is ``what`` used for the first time? It is noted as used; only its hash is kept. Raises Unavailable."""
    note = {"_id": f"once|{hashlib.sha256(what.encode()).hexdigest()}"}
    until = {"$setOnInsert": {"until": store.clock() + good_for}}
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        try:
            return store.db[ATTEMPTS].update_one(note, until, upsert=True).upserted_id is not None
        except DuplicateKeyError:  # two at once
            return False
