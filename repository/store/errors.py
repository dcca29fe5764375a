"""What leaves the store when something goes wrong: a handful of errors, each a sentence a person can act on, and how
the driver's become ours."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from bson.errors import InvalidDocument, InvalidStringData
from pydantic import BaseModel, ValidationError
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from repository.record import Record
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.store")
M = TypeVar("M", bound=BaseModel)
NO_KEYS = 211  # "No keys found for HMAC": for some moments after its start a server refuses what names a cluster time


class NotFound(Trouble):
    """The record is not there, or not for this actor."""

    of_people = True


class Unavailable(Trouble):
    """The database does not answer. Nothing was changed."""


class TooMuchSince(Trouble):
    """How it was on a past day is not found out in time, or is too much for one question."""

    def __init__(self) -> None:
        super().__init__(
            msg(
                "Too much has happened since that day to find out in time how it was. Choose a later day, or go back "
                "to today and choose the month, quarter or year: each is shown as it ended."
            )
        )


class OutcomeUnknown(Trouble):
    """The database stopped answering in the middle of a write; whether it counted is not known."""


class Duplicate(Trouble):
    """A record with the same identifying fields exists. ``fields`` names them."""

    of_people = True

    def __init__(self, text: str, *, fields: tuple[str, ...] = (), **params: Any) -> None:
        super().__init__(text, **params)
        self.fields = fields


class SignedOut(Trouble):
    """The sign-in is over: ended, revoked, or not used for too long. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            msg("You are not signed in any more. Nothing was changed. Sign in in another tab, then do it again here.")
        )


class Full(Trouble):
    """The database's disk is nearly full: everything can be read, nothing is written until there is room again."""


class Restoring(Trouble):
    """The database is being filled from a backup, or that was cut off: nobody may use it. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            msg(
                "The database is being restored from a backup just now, so nothing was changed. Try again when that is "
                "done. If the restore was cut off, an administrator has to run it once more: gridboard restore FILE"
            )
        )


class Unsuitable(Trouble):
    """The server cannot keep GridBoard's promises (a standalone has no transactions)."""


class InUse(Trouble):
    """Other records refer to this one. Nothing was deleted."""

    of_people = True


class Invalid(Trouble):
    """Values that no record may hold. ``problems`` says what is wrong beside each field ("" for the whole)."""

    of_people = True

    def __init__(self, problems: Mapping[str, Message]) -> None:
        super().__init__(msg("Not saved: some entries need a second look. What you typed is still here."))
        self.problems = problems


class Conflict(Trouble):
    """Somebody changed the record since it was opened. ``current`` is what stands there now."""

    of_people = True

    def __init__(self, current: Record) -> None:
        super().__init__(
            msg(
                "Not saved: {who} changed this in the meantime. Your changes are still here; compare, then save again."
            ),
            who=current.updated_by or "?",
        )
        self.current = current


GONE = msg("This record is not there any more, or not in your charge.")
ERASED = msg("This code was erased for good and is not entered again. Give a new code.")
FIELD_MISFIT = msg("This value does not fit here")
_FIELD_PROBLEMS: Mapping[str, str] = {
    "missing": msg("Please fill this in"),
    "string_too_long": msg("Too long: {max_length} characters at most"),
    "string_too_short": msg("Please fill this in"),
    "greater_than_equal": msg("Must be {ge} or more"),
    "less_than_equal": msg("Must be {le} or less"),
    "too_long": msg("Too many entries: {max_length} at most"),
    "too_short": msg("Please fill this in"),
    "enum": msg("Choose one of the list"),
    "literal_error": msg("Choose one of the list"),
    "int_parsing": msg("Must be a whole number"),
    "int_from_float": msg("Must be a whole number"),
    "float_parsing": msg("Must be a number"),
    "finite_number": msg("Must be a number"),
    "date_parsing": msg("Must be a date, such as 2026-04-02"),
    "date_from_datetime_parsing": msg("Must be a date, such as 2026-04-02"),
    "datetime_parsing": msg("Must be a date and time, such as 2026-04-02 16:30"),
    "datetime_from_date_parsing": msg("Must be a date and time, such as 2026-04-02 16:30"),
}


def invalid(error: ValidationError) -> Invalid:
    """pydantic's verdict in the reader's words, by field."""
    problems: dict[str, Message] = {}
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        kind, facts = problem["type"], problem.get("ctx", {})
        if kind == "value_error":
            cause = facts.get("error")
            message = cause.message if isinstance(cause, Trouble) else Message(str(cause))
        else:
            bounds = {
                name: int(fact) if isinstance(fact, float) and fact.is_integer() else fact
                for name, fact in facts.items()
            }
            message = Message(_FIELD_PROBLEMS.get(kind, FIELD_MISFIT), bounds)
        problems.setdefault(field, message)
    return Invalid(problems)


def build(record: type[M], values: Mapping[str, Any]) -> M:
    """A record, or a piece of one, from plain values; raises Invalid with a problem beside each field."""
    try:
        return record.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None


class FieldProblem(Trouble, ValueError):
    """A rule across fields, raised inside a Record's validators."""


@contextmanager
def our_errors(*, writing: bool = False, committing: bool = False) -> Iterator[None]:
    """The driver's errors as ours, for every call of it; the details go to the log, never to the page.

    ``writing``: a write on its own, of which a broken line leaves the outcome open. ``committing``: a transaction, of
    which it is open only from its commit on; whatever fails before that has changed nothing.
    """
    try:
        yield
    except DuplicateKeyError as error:
        fields = tuple(key for key in (error.details or {}).get("keyPattern", {}) if key != "community_id")
        values = (error.details or {}).get("keyValue", {})
        raise Duplicate(
            msg("Not saved: {value} exists already. Open that one, or give this another code."),
            fields=fields,
            value=", ".join(str(values.get(field, field)) for field in fields),
        ) from error
    except (UnicodeEncodeError, InvalidDocument, InvalidStringData, DocumentTooLarge) as error:
        raise Invalid(
            {"": Message(msg("This text can't be stored or looked for: half a character, or far too long."))}
        ) from error
    except PyMongoError as error:
        if _outcome_open(error, writing=writing, committing=committing):
            log.warning("write outcome unknown: %s", error)
            raise OutcomeUnknown(
                msg(
                    "It is not known whether this was saved: the database stopped answering. Look before you try again."
                )
            ) from error
        if isinstance(error, ExecutionTimeout) or error.has_error_label("TransientTransactionError"):
            log.warning("database did not answer in time: %s", error)
            raise Unavailable(msg("The database did not answer in time. Nothing was changed; try again.")) from error
        if isinstance(error, OperationFailure) and error.code == NO_KEYS:
            log.warning("database has only just started: %s", error)
            raise Unavailable(
                msg("The database cannot be reached just now. Nothing was changed; try again.")
            ) from error
        if isinstance(error, OperationFailure) and error.code == 121:
            log.error("refused by the collection's validator: %s", error.details)
            raise Invalid({"": Message(msg("The database refused these values."))}) from error
        if isinstance(error, OperationFailure) and error.code == 13:
            raise Unsuitable(
                msg("The database's user lacks a right that this needs: {reason}. Nothing was changed."),
                reason=str((error.details or {}).get("errmsg", error))[:300],
            ) from error
        if isinstance(error, OperationFailure) and error.code == 18:
            raise Unsuitable(
                msg("The database does not accept the user or the password in MONGODB_URI. Nothing was changed.")
            ) from error
        # "Sessions are not supported" is what the driver says of a deployment of which it has just lost sight
        if error.timeout or isinstance(error, (ConnectionFailure, ConfigurationError)):
            log.warning("database unavailable: %s", error)
            raise Unavailable(
                msg("The database cannot be reached just now. Nothing was changed; try again.")
            ) from error
        log.exception("database refused an operation")
        raise


def _outcome_open(error: PyMongoError, *, writing: bool, committing: bool) -> bool:
    """Whether what was asked may have been done though the answer is an error.

    The driver labels what fails at a commit, whatever it is; a majority that is not heard of in time is a write concern
    error (also when the server is stopped in mid-write); a write on its own is open once it may have been sent. What a
    server that has just started refuses may be the second sending of what the one before it did.
    """
    if committing and error.has_error_label("UnknownTransactionCommitResult"):
        return True
    if (writing or committing) and isinstance(error, (WTimeoutError, WriteConcernError)):
        return True
    if (writing or committing) and isinstance(error, OperationFailure) and error.code == NO_KEYS:
        return True
    if not writing:
        return False
    sent = isinstance(error, ConnectionFailure) and not isinstance(error, ServerSelectionTimeoutError)
    return sent or isinstance(error, ExecutionTimeout)
