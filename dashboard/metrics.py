"""Figures for whoever watches the servers, in the form Prometheus reads. No figure names a person or a record."""

import hmac
import time
from contextlib import suppress

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from dashboard.settings import Settings

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
requests = Counter("gridboard_requests_total", "Requests answered", ["status"], registry=REGISTRY)
seconds = Histogram(
    "gridboard_request_seconds",
    "Seconds until a request was answered",
    registry=REGISTRY,
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
pages = Gauge("gridboard_open_pages", "Pages that are open now", registry=REGISTRY)
sign_ins = Counter("gridboard_sign_ins_total", "Attempts to sign in", ["outcome"], registry=REGISTRY)
refusals = Counter(
    "gridboard_refusals_total", "Connections by a strange name or from another site", ["kind"], registry=REGISTRY
)
database = Gauge(
    "gridboard_database_seconds", "Seconds of a ping of the database; -1 while it is away", registry=REGISTRY
)
room = Gauge("gridboard_database_free_bytes", "Bytes free on the database's disk", registry=REGISTRY)
backup_age = Gauge("gridboard_backup_age_seconds", "Seconds since the newest backup; -1 without one", registry=REGISTRY)
job_done = Gauge(
    "gridboard_job_success_timestamp_seconds",
    "When a job of the server last succeeded; 0 before it did since the start",
    ["job"],
    registry=REGISTRY,
)
job_failing = Gauge("gridboard_job_failing", "1 while a job fails or does not get on", ["job"], registry=REGISTRY)

_database = ""  # its id, once it was reached: its backups grow old while it is away too


def allowed(settings: Settings, authorization: str) -> bool:
    """Did whoever asks bring the token? Without one set, nobody did."""
    wanted = f"Bearer {settings.metrics_token}"
    return bool(settings.metrics_token) and hmac.compare_digest(authorization.encode(), wanted.encode())


def exposition(settings: Settings) -> tuple[bytes, str]:
    """All figures as text, with its media type. Asks the database, so not for the event loop."""
    global _database  # noqa: PLW0603 (one database a process)
    from dashboard import data, tending
    from repository import backup
    from repository.store import utc_now
    from repository.words import Trouble

    began, now = time.perf_counter(), utc_now()
    try:
        store = data.store()
        store.ping()
        database.set(time.perf_counter() - began)
        if (free := store.room()) is not None:
            room.set(free)
        if settings.backup_folder is not None:
            _database = backup.database_id(store)
    except Trouble:
        database.set(-1)
    if settings.backup_folder is not None:
        newest = None
        with suppress(OSError):
            newest = backup.kept(settings.backup_folder, _database, now).newest
        backup_age.set(-1 if newest is None else max(0.0, (now - newest).total_seconds()))
    for job in tending.JOBS:
        if job.wanted(settings):
            came = tending.outcome(job.key)
            job_done.labels(job=job.key).set(came.done_at.timestamp() if came.done_at else 0)
            job_failing.labels(job=job.key).set(came.state(now) in {tending.State.FAILING, tending.State.STUCK})
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


def count(status: int, began: float) -> None:
    """A request was answered; ``began`` is of the monotonic clock."""
    requests.labels(status=f"{status // 100}xx").inc()
    seconds.observe(time.monotonic() - began)
