"""Who did what, when, to which record, and what stood there before: searched, shown, and sealed.

Every write adds its entries in its own transaction (see ``store``); nothing ever changes or removes one, and where the
deployment allows, the app's own MongoDB user could not. What a stronger hand does is found out: entries that have come
to rest are sealed from time to time, each seal a digest over its entries and over the seal before it.

No clock decides what is at rest. Every seal has a mark, greater than the one before; the ids of the entries that a
transaction writes begin with the mark of the newest seal it sees. A transaction that does not see a seal began before
it, and is over within the minute the server gives it. So some minutes after a seal everything below its mark is there,
and the next seal takes it in. Whatever comes to lie below that mark later was put there by another hand.

A seal made with a key the database does not hold cannot be forged from inside it. That seals were taken out shows by
the entries that bear their marks, and by the newest seal as it was noted outside: in a file beside the key, on paper.
"""

from repository.audit.checking import Verdict, verify
from repository.audit.entries import Entry, Search, history, note_export, trail
from repository.audit.sealing import EVERY, REST, Seal, Unsealed, seal, seals

__all__ = [
    "EVERY",
    "REST",
    "Entry",
    "Seal",
    "Search",
    "Unsealed",
    "Verdict",
    "history",
    "note_export",
    "seal",
    "seals",
    "trail",
    "verify",
]
