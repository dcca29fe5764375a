"""Secrets that the database itself keeps, so that every process that shares it signs alike."""

import hmac
import secrets

import pymongo

from repository.store import META, READ_SECONDS, Store, our_errors, require_plain


def server_key(store: Store, name: str) -> bytes:
    """The secret of this name: 32 bytes, made when it is first asked for. Raises Unavailable."""
    require_plain({"_id": name})
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[META].find_one({"_id": name})
        if found is None:
            store.db[META].update_one({"_id": name}, {"$setOnInsert": {"key": secrets.token_bytes(32)}}, upsert=True)
            found = store.db[META].find_one({"_id": name})
    return bytes(found["key"]) if found else b""


def keyed_digest(store: Store, name: str, text: str) -> str:
    """What a text is known again by without being kept: its digest with the secret of this name, 64 signs. Raises
    Unavailable."""
    return hmac.digest(server_key(store, name), text.encode("utf-8", "replace"), "sha256").hex()
