"""What the server does by itself while it runs for weeks, and what came of it.

Each job has a thread of its own: one that fails, or waits for a folder that does not answer, keeps no other from its
work. What came of them is kept in memory, for the page Administration, the banner and the figures.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from dashboard import data, erasing
from dashboard.settings import Settings
from repository import (
    accounts,
    audit,
    backup,
    checkin,
    embedded,
    entries,
    erasure,
    importer,
    organizations,
    overview,
    people,
    photos,
    preventive,
    reports,
    signups,
)
from repository.access import Actor, Role
from repository.store import Store, utc_now
from repository.words import Message, Trouble, msg

log = logging.getLogger("gridboard.tending")

FIRST_SECONDS, APART_SECONDS, EVERY_SECONDS = 60.0, 7.0, 600.0
"""The first job begins some time after the start, each other a little after the one before: all at once they would make
whoever looks at a page wait."""
STUCK = timedelta(hours=2)  # a job that takes longer does not get on: a backup is given up after one
TENDER = Actor("server", "GridBoard", Role.ADMIN)


class State(StrEnum):
    """How a job is doing."""

    WAITING = "waiting"
    WELL = "well"
    FAILING = "failing"
    STUCK = "stuck"


@dataclass(frozen=True)
class Outcome:
    """What came of a job so far: when its last run began, when one last succeeded, and what went wrong with the last,
    None if nothing did."""

    began_at: datetime | None = None
    done_at: datetime | None = None
    problem: Message | None = None
    running: bool = False

    def state(self, now: datetime) -> State:
        """At this moment."""
        if self.running and self.began_at is not None and now - self.began_at > STUCK:
            return State.STUCK
        if self.problem is not None:
            return State.FAILING
        return State.WAITING if self.done_at is None else State.WELL


@dataclass(frozen=True)
class Job:
    """Something to be done again and again, as often as all others if ``every`` says nothing, in seconds; ``work`` may
    raise anything."""

    key: str
    title: str
    work: Callable[[Settings], None]
    wanted: Callable[[Settings], bool] = lambda _settings: True
    every: float | None = None


def _rotate_log(settings: Settings) -> None:
    embedded.rotate_log(settings.home)


def _seal(settings: Settings) -> None:
    audit.seal(data.store(), settings.audit_key(make=True), head_file=settings.audit_head)


def _end_imports(_settings: Settings) -> None:
    importer.recover(data.store())


def _everywhere(work: Callable[[Store, str], object]) -> None:
    """In every community, also when it fails in one."""
    store, failed = data.store(), None
    for one in store.communities(TENDER):
        try:
            work(store, one["_id"])
        except Trouble as trouble:
            failed = trouble
    if failed is not None:
        raise failed


def _today(store: Store, community_id: str) -> date:
    return store.clock().astimezone(store.zone(community_id)).date()


def _forget(_settings: Settings) -> None:
    def work(store: Store, id: str) -> None:
        today = _today(store, id)
        organizations.renew_contacts(store, TENDER, id, on=today)
        people.forget_expired(store, TENDER, id, on=today)
        erasure.forget_closed(store, TENDER, id, on=today)

    _everywhere(work)


def _forget_entries(_settings: Settings) -> None:
    _everywhere(lambda store, id: entries.forget_expired(store, TENDER, id, on=_today(store, id)))


def _erase_again(_settings: Settings) -> None:
    _everywhere(lambda store, id: erasure.carry_on(store, TENDER, id))


def _note_erasures(settings: Settings) -> None:
    erasing.note(data.store(), settings)


def _tend_sign_ups(_settings: Settings) -> None:
    def work(store: Store, id: str) -> None:
        checkin.reconcile(store, TENDER, id)
        signups.forget_sign_ups(store, TENDER, id, on=_today(store, id))

    _everywhere(work)


def _sweep(_settings: Settings) -> None:
    store = data.store()
    photos.sweep(store, TENDER)
    reports.clear_links(store)


def _sweep_pieces(_settings: Settings) -> None:
    photos.sweep_pieces(data.store(), TENDER)


def _plan(_settings: Settings) -> None:
    _everywhere(lambda store, community_id: preventive.generate(store, TENDER, community_id))


def _back_up(settings: Settings) -> None:
    if settings.backup_folder is not None:
        keep = backup.Keep(*settings.backup_keep)
        backup.take_if_due(data.store(), TENDER, settings.backup_folder, recipient=settings.backup_recipient, keep=keep)


def _note_states(_settings: Settings) -> None:
    _everywhere(lambda store, id: overview.note_days(store, TENDER, id, now=store.clock()))


def _clear(_settings: Settings) -> None:
    accounts.clear_away(data.store())


BACKUP = "backup"
JOBS = (
    Job(BACKUP, msg("Take a backup every day"), _back_up, lambda settings: settings.backup_folder is not None),
    Job("seal", msg("Seal the audit trail"), _seal),
    Job("contacts", msg("Erase contacts whose time is over"), _forget),
    Job("sign-ins", msg("Clear away sign-ins and tries that are over"), _clear),
    Job("imports", msg("Bring imports that broke off to an end"), _end_imports, every=60.0),
    Job("entries", msg("Erase who came in at the gates, after its time"), _forget_entries),
    Job("erased", msg("Erase again who was erased and came back"), _erase_again, every=86_400.0),
    Job("erasures", msg("Note beside the backups who was erased"), _note_erasures),
    Job(
        "sign-ups",
        msg("Note who of those signed up came by import; erase who signed up, after its time"),
        _tend_sign_ups,
    ),
    Job("photos", msg("Erase photos that nothing names, and private links whose time is over"), _sweep),
    Job("pieces", msg("Erase what is left of photos whose upload broke off"), _sweep_pieces, every=86_400.0),
    Job("states", msg("Note each day in which state the figures were"), _note_states),
    Job("plans", msg("Make the preventive orders that fall due"), _plan),
    Job("log", msg("Keep the database's log small"), _rotate_log, lambda settings: settings.embedded),
)

_outcomes: dict[str, Outcome] = {}


def outcome(key: str) -> Outcome:
    """What came of a job of this process so far."""
    return _outcomes.get(key, Outcome())


def forget() -> None:
    """As after a start."""
    _outcomes.clear()


def run(job: Job, settings: Settings) -> None:
    """Do a job once and note what came of it; raises nothing."""
    before = outcome(job.key)
    _outcomes[job.key] = replace(before, began_at=utc_now(), running=True)
    problem: Message | None = None
    try:
        job.work(settings)
    except (OSError, Trouble) as error:
        log.warning("%s was put off: %s", job.key, error)
        problem = (
            error.message
            if isinstance(error, Trouble)
            else Message(msg("The system says: {reason}."), {"reason": error.strerror or str(error)})
        )
    except Exception as error:
        log.exception("%s failed", job.key)
        problem = Message(msg("It failed ({error}); the full account is in the log."), {"error": type(error).__name__})
    done_at = before.done_at if problem else utc_now()
    _outcomes[job.key] = replace(outcome(job.key), done_at=done_at, problem=problem, running=False)


def start(settings: Settings) -> None:
    """Do every job from now on, each in a thread of its own, as long as this process lives."""
    for place, job in enumerate(job for job in JOBS if job.wanted(settings)):
        told = (job, settings, FIRST_SECONDS + place * APART_SECONDS)
        threading.Thread(target=_for_ever, args=told, name=f"tend {job.key}", daemon=True).start()


def _for_ever(job: Job, settings: Settings, after: float) -> None:
    time.sleep(after)
    while True:
        run(job, settings)
        time.sleep(EVERY_SECONDS if job.every is None else job.every)
