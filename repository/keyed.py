"""Secrets of the database that never leave it, and what is made with them: marks that nobody else can make, and digests
by which a code is found again that is itself not kept."""

import base64
import hmac
import secrets

import pymongo

from repository.store import META, READ_SECONDS, Store, our_errors


def key(store: Store, name: str) -> bytes:
    """The secret of this name, made when it is first asked for. Raises Unavailable."""
    with our_errors(), pymongo.timeout(READ_SECONDS):
        named = {"_id": str(name)}
        found = store.db[META].find_one(named)
        if found is None:
            store.db[META].update_one(named, {"$setOnInsert": {"key": secrets.token_bytes(32)}}, upsert=True)
            found = store.db[META].find_one(named)
    return bytes(found["key"]) if found else b""


def sign(store: Store, name: str, what: str, text: str) -> str:
    """A mark on ``text`` that only this database can make, of 192 bits; ``what`` keeps marks for different uses apart.
    Raises Unavailable."""
    mac = hmac.digest(key(store, name), f"{what}|{text}".encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(mac[:24]).decode()


def digest(store: Store, name: str, text: str) -> str:
    """What a text is known again by without being kept: its digest with the secret of this name, 64 signs. Raises
    Unavailable."""
    return hmac.digest(key(store, name), text.encode("utf-8", "replace"), "sha256").hex()
