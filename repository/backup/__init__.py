"""The whole database in one file, taken while people work, and back into an empty one.

A backup is a zip of one BSON file per collection, in order of ``_id``, and a manifest with counts, SHA-256 digests,
validators and indexes; with a recipient it is encrypted in the age format (age-encryption.org/v1). Everything is read
in one snapshot session, so that a record, its audit entry and its counters agree, and what was written is read again
before it is given its name. Sign-ins stay out of it: nobody is signed in after a restore. Photos are collections like
the others. ``docs/decisions/0008-backup.md`` says why.

A restore first reads the whole file and judges it; nothing is written before that. Then it fills an empty database,
which nobody can write to meanwhile, reads it back, and only when every digest is right opens it.
"""

from repository.backup.archive import LEFT_OUT, BackupTrouble, Damaged, Manifest, Part, inspect, new_identity
from repository.backup.folder import (
    Copy,
    Keep,
    Kept,
    database_id,
    due,
    kept,
    name_of,
    note_erasures,
    surplus,
    take_if_due,
    take_into,
)
from repository.backup.restoring import is_empty, restore
from repository.backup.taking import Taken, declared, require_all, strangers, take, take_away

__all__ = [
    "LEFT_OUT",
    "BackupTrouble",
    "Copy",
    "Damaged",
    "Keep",
    "Kept",
    "Manifest",
    "Part",
    "Taken",
    "database_id",
    "declared",
    "due",
    "inspect",
    "is_empty",
    "kept",
    "name_of",
    "note_erasures",
    "new_identity",
    "require_all",
    "restore",
    "strangers",
    "surplus",
    "take",
    "take_away",
    "take_if_due",
    "take_into",
]
