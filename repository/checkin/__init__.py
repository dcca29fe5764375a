"""Signing up and checking in: who has a place and who waits, who is here, at the desk and at the door, and how many of
those who signed up came. Above activities, whose attendances it records."""

from repository.checkin.commands import (
    MOST_SIGN_UPS,
    SignedUp,
    Withdrawn,
    check_in,
    open_door,
    reconcile,
    remove_sign_up,
    renew_code,
    renew_door,
    sign_up,
    spoken_code,
    undo_check_in,
    withdraw,
)
from repository.checkin.door import (
    Closed,
    Doorway,
    StaleForm,
    Standing,
    door_token,
    doorway,
    enter,
    walk_in,
)
from repository.checkin.queries import Guests, ShownUp, Slot, Timetable, guests, shown_up, timetable
from repository.checkin.records import SHOWED_UP, Door, Hours

__all__ = [
    "MOST_SIGN_UPS",
    "SHOWED_UP",
    "Closed",
    "Door",
    "Doorway",
    "Guests",
    "Hours",
    "ShownUp",
    "SignedUp",
    "Slot",
    "Standing",
    "StaleForm",
    "Timetable",
    "Withdrawn",
    "check_in",
    "door_token",
    "doorway",
    "enter",
    "guests",
    "open_door",
    "reconcile",
    "remove_sign_up",
    "renew_code",
    "renew_door",
    "shown_up",
    "sign_up",
    "spoken_code",
    "timetable",
    "undo_check_in",
    "walk_in",
    "withdraw",
]
