"""Residents by their codes: who is registered as a volunteer, and how somebody is recognised who comes again without
knowing their code: by a card, or by grid and building. Never a name."""

from repository.residents.commands import (
    edit_volunteer,
    forget_card,
    keep_card,
    look_up,
    register_volunteer,
    remove_volunteer,
)
from repository.residents.queries import card_of, resident_of_card, volunteers
from repository.residents.records import ResidentCard, Volunteer

__all__ = [
    "ResidentCard",
    "Volunteer",
    "card_of",
    "edit_volunteer",
    "forget_card",
    "keep_card",
    "look_up",
    "register_volunteer",
    "remove_volunteer",
    "resident_of_card",
    "volunteers",
]
