"""Residents over time: who comes again, who moves up, whom formats reach; figures against pandas on the raw rows."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from repository import activities
from repository.access import Actor, Role
from repository.activities import residents_review
from repository.metrics import Period
from repository.store import Store
from tests.conftest import NOW

D = "community-d"
ADMIN = Actor("a", "管理员", Role.ADMIN)


def test_print(demo_uri: str) -> None:
    store = Store.connect(demo_uri, clock=lambda: NOW)
    import time

    cid = store.communities(ADMIN)[0]["_id"]
    print(cid)
    for key in ("2026-03", "2026Q1", "2025", "ever"):
        t = time.perf_counter()
        r = residents_review(store, ADMIN, cid, Period.of(key), now=NOW)
        print(key, time.perf_counter() - t)
        print(r)
        t = time.perf_counter()
        print(activities.flow_runs(store, ADMIN, cid, Period.of(key), now=NOW), time.perf_counter() - t)
        t = time.perf_counter()
        print(activities.moved_up(store, ADMIN, cid, Period.of(key)), time.perf_counter() - t)
    t = time.perf_counter()
    print(activities.reach_of_formats(store, ADMIN, cid, now=NOW), time.perf_counter() - t)
    from repository import recount

    print(recount.check(store, ADMIN, cid))
