"""Photos of what is broken, in GridFS. Every photo is drawn anew before it is kept: a JPEG of at most 1600 pixels, and
nothing of what a phone writes into a picture (place, time, serial number) comes along.

GridFS takes no part in transactions. So a photo is uploaded first and is *loose*; the write that names it links it in
its own transaction (``link``), and what nobody has linked after a day is swept. A record names its photos in a field
or property ``photos``; whoever may read the record may see them, and nobody else. Two records may have the same one.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import gridfs
import pymongo
from bson import ObjectId
from gridfs import GridFSBucket

from repository.access import Actor, Operation, reach, require
from repository.filters import Is
from repository.record import Index, Record
from repository.store import READ_SECONDS, WRITE_SECONDS, Invalid, NotFound, Store, Write, our_errors, require_plain
from repository.words import Message, Trouble, msg

COLLECTION = "photos"
FILES, CHUNKS = "photos.files", "photos.chunks"
MOST_BYTES = 10 * 2**20
MOST = 20  # photos of one record
LOOSE_FOR = timedelta(days=1)
PIECES_FOR = timedelta(hours=1)
SWEEP_SECONDS, SWEPT_AT_ONCE = 60.0, 500
LOOSE = Index(("metadata.loose_at",), "those that nobody links", where={"metadata.loose_at": {"$exists": True}})
KINDS = ("image/jpeg", "image/png", "image/webp")

_SECONDS = 20.0  # for a child, all in all
_CHILDREN = threading.BoundedSemaphore(2)
_CHILD = str(Path(__file__).with_name("child.py"))
_OUTPUT = 8 * 2**20


class BadPhoto(Trouble):
    """The file can't be kept as a photo. Nothing was changed."""


_NO_PHOTO = msg("This file is no photo that can be read here. Choose a JPEG, PNG or WebP picture.")
_ENDS = {
    "pixels": msg("This picture has far too many pixels. Take a new photo with the phone's camera."),
    "memory": msg("This picture takes far too much memory. Take a new photo with the phone's camera."),
    "time": msg("This picture takes too long to read. Take a new photo with the phone's camera."),
}


@dataclass(frozen=True)
class Drawn:
    """A photo drawn anew, with a small one for lists; both JPEG."""

    large: bytes
    small: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Thumbnail:
    """A photo as a list shows it."""

    id: str
    small: bytes


# --- drawing anew ----------------------------------------------------------------------------------------------------
def redrawn(content: bytes) -> Drawn:
    """A picture as it may be kept: upright, small enough, without anything but its pixels. Raises BadPhoto."""
    if len(content) > MOST_BYTES:
        raise BadPhoto(
            msg("This photo has {size} MB; {most} MB are the most. Choose a smaller one."),
            size=round(len(content) / 2**20, 1),
            most=MOST_BYTES // 2**20,
        )
    if not content:
        raise BadPhoto(_NO_PHOTO)
    if not _CHILDREN.acquire(timeout=_SECONDS):
        raise BadPhoto(msg("Other photos are being read just now. Nothing was changed; try again in a minute."))
    try:
        head, body = _from_child(content)
    finally:
        _CHILDREN.release()
    if head.get("end") != "done":
        raise BadPhoto(_ENDS.get(str(head.get("end")), _NO_PHOTO))
    small = int(head["sizes"][0])
    return Drawn(body[small:], body[:small], head["width"], head["height"])


def _from_child(content: bytes) -> tuple[dict[str, Any], bytes]:
    environment = {name: value for name in ("PATH", "SYSTEMROOT", "LANG") if (value := os.environ.get(name))}
    try:
        done = subprocess.run(  # noqa: S603 (our own file, by this interpreter)
            [sys.executable, "-I", _CHILD, json.dumps({"path": sys.path})],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"OMP_NUM_THREADS": "1"},
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"end": "time"}, b""
    line, _newline, body = done.stdout.partition(b"\n")
    try:
        head = json.loads(line)
        whole = sum(head["sizes"]) == len(body) <= _OUTPUT
    except (ValueError, KeyError, TypeError):  # it was killed, or ended itself
        return {"end": "damaged"}, b""
    return (head, body) if whole else ({"end": "damaged"}, b"")


# --- keeping ---------------------------------------------------------------------------------------------------------
def keep(store: Store, actor: Actor, community_id: str, content: bytes) -> str:
    """Draw a photo anew and keep it, loose; returns the id by which a write links it. Raises BadPhoto, Refused, Full,
    Unavailable."""
    require(actor, Operation.CREATE, COLLECTION)
    reach(actor, community_id)
    store.require_room()
    drawn = redrawn(content)
    id = str(ObjectId())
    facts = {
        "community_id": community_id,
        "by": actor.id,
        "loose_at": store.clock(),
        "small": drawn.small,
        "width": drawn.width,
        "height": drawn.height,
    }
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        _bucket(store).upload_from_stream_with_id(id, f"{id}.jpg", drawn.large, metadata=facts)
    return id


def _bucket(store: Store) -> GridFSBucket:
    return GridFSBucket(store.db, COLLECTION)


def link(write: Write, record: Record, ids: Sequence[str]) -> None:
    """Say, in the write that names them, that these photos belong to ``record``: loose ones that this actor has kept.
    Raises Invalid when one is not there any more or is somebody else's."""
    if not ids:
        return
    files = write.store.db[FILES]
    where = {"_id": Is(among=list(ids)), "metadata.community_id": record.community_id}
    require_plain(where)
    mine = {**where, "metadata.loose_at": {"$exists": True}, "metadata.by": write.actor.id}
    found = files.update_many(
        mine, {"$set": {"metadata.about": [_about(record)]}, "$unset": {"metadata.loose_at": ""}}, session=write.session
    )
    if found.matched_count != len(set(ids)):
        raise Invalid({"photos": Message(msg("A photo is not there any more. Add it again."))})


def _about(record: Record) -> dict[str, str]:
    return {"collection": record.collection, "id": record.id}


def share(write: Write, old: Record, new: Record, ids: Iterable[str]) -> None:
    """What belongs to ``old`` belongs to ``new`` too, which names it from this write on."""
    theirs = {"_id": Is(among=list(ids)), "metadata.about.id": old.id}
    require_plain(theirs)
    write.store.db[FILES].update_many(theirs, {"$addToSet": {"metadata.about": _about(new)}}, session=write.session)


def hand_over(write: Write, old: Record, new: Record, ids: Iterable[str]) -> None:
    """What belonged to ``old`` belongs to ``new``, which names it from this write on."""
    named = list(ids)
    share(write, old, new, named)
    _take_from(write, old, named)


def let_go(write: Write, record: Record, ids: Iterable[str]) -> None:
    """``record`` is taken out, or names these no more: those that no other record has are loose, and swept unless
    something links them."""
    named = list(ids)
    _take_from(write, record, named)
    nobodys = {"_id": Is(among=named), "metadata.about": []}
    loose = {"$set": {"metadata.loose_at": write.at}, "$unset": {"metadata.about": ""}}
    write.store.db[FILES].update_many(nobodys, loose, session=write.session)


def _take_from(write: Write, record: Record, ids: Sequence[str]) -> None:
    own = {"_id": Is(among=list(ids)), "metadata.about.id": record.id}
    require_plain(own)
    write.store.db[FILES].update_many(own, {"$pull": {"metadata.about": {"id": record.id}}}, session=write.session)


def sweep(store: Store, actor: Actor, *, most: int = 500) -> int:
    """Take out the photos that nobody has linked within a day; returns how many. Raises Refused, Unavailable."""
    require(actor, Operation.DELETE, COLLECTION)
    within = {} if actor.communities is None else {"metadata.community_id": {"$in": sorted(actor.communities)}}
    old = {**within, "metadata.loose_at": {"$lt": store.clock() - LOOSE_FOR}}
    swept = 0
    with our_errors(writing=True), pymongo.timeout(WRITE_SECONDS):
        files, chunks = store.db[FILES], store.db[CHUNKS]
        for found in list(files.find(old, {"_id": 1}).limit(most)):
            # the file first and only while it is loose still: whoever links it now gets it, or is told it is gone
            if files.delete_one({**old, "_id": found["_id"]}).deleted_count:
                chunks.delete_many({"files_id": found["_id"]})
                swept += 1
    return swept


def sweep_pieces(store: Store, actor: Actor) -> int:
    """Take out the pieces of photos that are none: an upload that broke off and was begun anew, a sweep that was killed
    halfway; returns of how many. Of the last hour none, for an upload puts the pieces first. Looks at every photo's id,
    so not to be done all the time. Whose they were nobody can tell: none for whoever has only some communities. Raises
    Refused, Unavailable."""
    require(actor, Operation.DELETE, COLLECTION)
    if actor.communities is not None:
        return 0
    before = str(ObjectId.from_datetime(store.clock() - PIECES_FOR))  # an id says when it was made
    with our_errors(writing=True), pymongo.timeout(SWEEP_SECONDS):
        chunks = store.db[CHUNKS]
        found = chunks.aggregate(
            [
                {"$match": {"files_id": {"$lt": before}}},
                {"$group": {"_id": "$files_id"}},
                {"$lookup": {"from": FILES, "localField": "_id", "foreignField": "_id", "as": "file",
                             "pipeline": [{"$project": {"_id": 1}}]}},
                {"$match": {"file": []}},
                {"$limit": SWEPT_AT_ONCE},
            ]
        )  # fmt: skip
        lost = [one["_id"] for one in found]
        if lost:
            chunks.delete_many({"files_id": {"$in": lost}})
    return len(lost)


# --- looking ---------------------------------------------------------------------------------------------------------
def thumbnails(
    store: Store, actor: Actor, community_id: str, record: type[Record], record_id: str
) -> tuple[Thumbnail, ...]:
    """The photos of a record, small, in its order. Raises NotFound, Refused."""
    names = _photos(store, actor, community_id, record, record_id)
    with our_errors(), pymongo.timeout(READ_SECONDS):
        found = store.db[FILES].find(
            {"_id": {"$in": list(names)}, "metadata.community_id": community_id}, {"metadata.small": 1}
        )
        small = {one["_id"]: bytes(one["metadata"]["small"]) for one in found}
    return tuple(Thumbnail(id, small[id]) for id in names if id in small)


def photo(store: Store, actor: Actor, community_id: str, record: type[Record], record_id: str, photo_id: str) -> bytes:
    """One photo of a record, as a JPEG. Raises NotFound when the record does not name it, Refused."""
    gone = NotFound(msg("This photo is not there any more."))
    if photo_id not in _photos(store, actor, community_id, record, record_id):
        raise gone
    with our_errors(), pymongo.timeout(READ_SECONDS):
        try:
            return bytes(_bucket(store).open_download_stream(photo_id).read())
        except gridfs.NoFile:
            raise gone from None


def _photos(store: Store, actor: Actor, community_id: str, record: type[Record], record_id: str) -> tuple[str, ...]:
    require(actor, Operation.READ, COLLECTION)
    named: tuple[str, ...] = getattr(store.get(actor, record, community_id, record_id), "photos", ())
    return named
