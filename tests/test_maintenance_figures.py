"""Every figure of the maintenance page against pandas on the raw rows: months, quarters, years and all time, with and
without grid and category, on random orders with reopenings, doubts, missing due times, and neighbours as decoys."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from repository import recount
from repository.access import Actor, Refused, Role
from repository.grids import Community, Grid
from repository.maintenance import (
    AGE_BANDS,
    OPEN,
    Event,
    Outcome,
    Priority,
    Reopening,
    Status,
    WorkOrder,
    behind,
    glance_wanted,
    log_repair,
    move,
    work_figures,
    work_glance,
    work_review,
)
from repository.maintenance import analysis as room_of
from repository.maintenance import metrics as room
from repository.metrics import Period, State, last_months
from repository.migrations import migrate
from repository.store import Store

NOW = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)  # 16:30 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
LOCAL = NOW.astimezone(SHANGHAI)
GRIDS = ["g1", "g2", "g3", None]
CATEGORIES = ["fitness", "property", "路灯.$%照明"]


def random_order(rng: random.Random, number: int, community_id: str = "d") -> WorkOrder:
    """An order with a history that can be, ending before now."""
    if rng.random() < 0.3:  # many recent ones, so that every age band holds some
        reported = NOW - timedelta(seconds=rng.randrange(0, 70 * 86400))
    else:
        reported = NOW - timedelta(seconds=rng.randrange(0, 800 * 86400))
    due = None if rng.random() < 0.15 else reported + timedelta(hours=rng.choice([0, 24, 72, 240, 24 * 45]))
    if due and rng.random() < 0.1:
        due = NOW + timedelta(hours=rng.randrange(-16, 9))  # due today, before now or after
    moments, at = [], reported
    for _ in range(rng.choice([0, 0, 1, 1, 1, 1, 2, 3, 4, 5])):
        at = at + timedelta(seconds=rng.choice([0, 59, 3600, 86400, 10 * 86400]) + rng.randrange(0, 3600))
        if at < NOW:
            moments.append(at)
    reopenings = [
        Reopening(ended_at=moments[i], reopened_at=moments[i + 1], outcome=Outcome.COMPLETED,
                  verified_at=moments[i] + (moments[i + 1] - moments[i]) / 2 if number % 2 else None)
        for i in range(0, len(moments) - 1, 2)
    ]  # fmt: skip
    ended = moments[-1] if len(moments) % 2 else None
    values: dict[str, Any] = {
        "community_id": community_id,
        "number": f"{community_id}-{number}",
        "fault": "坏了",
        "place": "门口",
        "facility_id": f"f{number % 7}" if number % 3 else None,
        "assignee_id": f"p{number % 4}" if number % 5 else None,
        "grid_id": rng.choice(GRIDS),
        "category": rng.choice(CATEGORIES),
        "priority": rng.choice(list(Priority)),
        "reported_at": reported,
        "due_at": due,
        "reopenings": reopenings,
        "estimated_hours": rng.choice([None, None, 1.5, 4, 20]),
        "responded_at": min(reported + timedelta(seconds=rng.randrange(0, 90000)), NOW) if rng.random() < 0.7 else None,
    }
    if ended:
        values |= {
            "status": rng.choice([Status.DONE, Status.CLOSED]),
            "ended_at": ended,
            "outcome": rng.choice([Outcome.COMPLETED] * 4 + [Outcome.CANCELLED]),
        }
        if not reopenings and rng.random() < 0.06:
            values["ended_at"] = reported - timedelta(hours=rng.randrange(1, 600))  # flagged
        elif not reopenings and rng.random() < 0.04:
            values |= {"ended_at": None, "outcome": None, "status": Status.CLOSED}  # an import that doesn't know when
    else:
        values["status"] = rng.choice([Status.REPORTED, Status.ASSIGNED, Status.ON_HOLD])
    return WorkOrder.model_validate(values | lived(values, number))


def lived(values: dict[str, Any], number: int) -> dict[str, Any]:
    """What else became of it: by a company, a repeat, merged into another, on hold twice, verified later, graded, put
    off in time or too late."""
    more: dict[str, Any] = {"company_id": f"c{number % 2}"} if number % 3 else {}
    if number % 4 == 0 and values["due_at"]:
        put_off = values["reported_at"] + timedelta(hours=number % 90)
        before = values["due_at"] - timedelta(hours=1 + number % 70)
        more["postponements"] = [{"at": put_off, "due_before": before}]
    if number % 9 == 0:
        more["repeat_of"] = "an earlier one"
    ended, completed = values.get("ended_at"), values.get("outcome") is Outcome.COMPLETED
    first = values["reopenings"][0].ended_at if values["reopenings"] else ended or NOW
    steps = []
    if number % 5 == 0 and first > values["reported_at"]:
        part = (first - values["reported_at"]) / 8
        for place, status in enumerate([Status.ON_HOLD, Status.IN_PROGRESS, Status.ON_HOLD, Status.ASSIGNED]):
            steps.append((values["reported_at"] + (place + 1) * part, status))
    if ended and not completed and number % 2:
        more |= {"outcome": Outcome.DUPLICATE, "merged_into": "the other one"}
    if ended and completed:
        steps.append((ended, Status.DONE))
        if values["status"] is Status.CLOSED and number % 3:
            steps.append((min(ended + timedelta(days=number % 40), NOW), Status.VERIFIED))
        if number % 4 == 0:
            more["satisfaction"] = 1 + number % 5
    return more | {"events": [Event(at=at, by="王师傅", status=status) for at, status in steps]}


@pytest.fixture(scope="module")
def rows() -> list[WorkOrder]:
    rng = random.Random(20260402)
    return [random_order(rng, number) for number in range(320)]


@pytest.fixture(scope="module")
def filled(template: Store, rows: list[WorkOrder]) -> Iterator[Store]:
    """The orders in community d, decoys in community e, and counters made from them; the tests only read."""
    admin = Actor("tester", "测试员", Role.ADMIN)
    store = Store(template.client, "gridboard_figures", lambda: NOW)
    store.client.drop_database(store.db.name)
    migrate(store)
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区", crew_hours_per_week=60))
    store.insert(admin, Community(id="e", community_id="e", code="E", name="E社区"))
    rng = random.Random(7)
    decoys = [random_order(rng, number, "e") for number in range(60)]
    store.db["work_orders"].insert_many([order.to_document() for order in [*rows, *decoys]])
    recount.rebuild(store, admin, "d")
    recount.rebuild(store, admin, "e")
    assert recount.check(store, admin, "d") == []
    yield store
    store.client.drop_database(store.db.name)


# --- the same questions, asked of the raw rows
def frame(rows: Sequence[WorkOrder], grids: frozenset[str] | None, category: str | None) -> pd.DataFrame:
    documents = [order.to_document() for order in rows]
    table = pd.DataFrame(documents).reindex(
        columns=["grid_id", "category", "priority", "status", "is_open", "outcome", "reported_at", "responded_at",
                 "due_at", "ended_at", "estimated_hours", "reopenings", "postponements", "flags", "facility_id",
                 "assignee_id", "company_id"]
    )  # fmt: skip
    for column in ("reported_at", "responded_at", "due_at", "ended_at"):
        table[column] = pd.to_datetime(table[column], utc=True)
    table["flagged"] = table["flags"].map(bool)
    if grids is not None:
        table = table[table["grid_id"].isin(grids)]
    return table if category is None else table[table["category"] == category]


def spells(table: pd.DataFrame) -> pd.DataFrame:
    """One row per span in which work was owed: began, ended (missing: still) and how, due, flagged, by when a due time
    was put off that had passed; rows that are over nobody knows when have none."""
    found = []
    for row in table.itertuples():
        began = row.reported_at
        passed = min((one["at"] for one in row.postponements or [] if one["at"] > one["due_before"]), default=pd.NaT)
        rest = (row.due_at, row.flagged, row.reported_at, passed)
        for past in row.reopenings or []:
            found.append((began, pd.Timestamp(past["ended_at"]), past["outcome"], *rest))
            began = pd.Timestamp(past["reopened_at"])
        if row.is_open or not pd.isna(row.ended_at):
            found.append((began, row.ended_at, row.outcome, *rest))
    columns = ["began", "ended", "outcome", "due", "flagged", "reported", "passed"]
    table = pd.DataFrame(found, columns=columns)
    for column in ("began", "ended", "due", "reported", "passed"):
        table[column] = pd.to_datetime(table[column], utc=True)
    return table


def open_at(spans: pd.DataFrame, moment: datetime) -> int:
    """Began minus ended before the moment: the definition a negative duration cannot break."""
    return int((spans["began"] < moment).sum() - (spans["ended"] < moment).sum())


def overdue_at(spans: pd.DataFrame, moment: datetime) -> int:
    owed = spans[(spans["began"] < moment) & ~(spans["ended"] < moment)]
    return int(((owed["due"] < moment) & ~(owed["flagged"] & owed["ended"].notna())).sum())


def on_time(spans: pd.DataFrame, start: datetime, end: datetime, as_of: datetime) -> tuple[float | None, int]:
    ended = spans[(spans["ended"] >= start) & (spans["ended"] < end) & spans["due"].notna() & ~spans["flagged"]]
    ended = ended[ended["outcome"] != "withdrawn"]
    late = (ended["ended"] > ended["due"]) | (ended["passed"] <= ended["ended"])
    kept = int((~late & (ended["outcome"] == "completed")).sum())
    n = kept + int(late.sum()) + overdue_at(spans, as_of)
    return (kept / n if n else None), n


def durations(table: pd.DataFrame, column: str, start: datetime, end: datetime) -> pd.Series:
    good = table[~table["flagged"] & (table[column] >= start) & (table[column] < end)]
    if column == "ended_at":
        good = good[good["outcome"] == "completed"]
    return ((good[column] - good["reported_at"]).dt.total_seconds() // 1) / 3600


PERIODS = ["2026-04", "2026-03", "2026-05", "2026Q2", "2026Q1", "2025Q4", "2026", "2025", "2024", "ever"]
PERIODS += ["2025-11..2026-03"]
KINDS = ["2026-04", "2026-05", "2026Q1", "2025", "ever"]  # one of each: what lasts, what comes, what is over
FILTERS = [
    (None, None),
    (frozenset({"g1"}), None),
    (frozenset({"g2", "g3"}), None),
    (None, "fitness"),
    (None, "路灯.$%照明"),
    (frozenset({"g1"}), "property"),
    (frozenset({"nowhere"}), None),
]


def periods(grids: frozenset[str] | None, category: str | None) -> list[str]:
    """All of them where nothing is filtered, and one of each kind where something is."""
    return PERIODS if grids is category is None else KINDS


@pytest.mark.parametrize(("grids", "category"), FILTERS)
def test_every_figure_agrees_with_the_raw_rows(filled, admin, rows, grids, category):
    table = frame(rows, grids, category)
    spans = spells(table)
    for key in periods(grids, category):
        period = Period.of(key)
        start, end = period.bounds(SHANGHAI)
        as_of = min(end, NOW)
        review = work_review(filled, admin, "d", period, grids, category, now=LOCAL)
        figures = review.figures
        assert figures == work_figures(filled, admin, "d", period, grids, category, now=LOCAL), key
        assert (figures.open.value, figures.overdue.value) == (open_at(spans, as_of), overdue_at(spans, as_of)), key
        assert (figures.on_time.value, figures.on_time.n) == on_time(spans, start, end, as_of), key
        for value, column in ((figures.respond, "responded_at"), (figures.repair, "ended_at")):
            taken = durations(table, column, start, end)
            assert value.n == len(taken), key
            assert not value.estimated
            if len(taken):
                assert value.value == pytest.approx(taken.median()), (key, column)
                assert value.detail == pytest.approx(taken.mean()), (key, column)
            else:
                assert value.value is None, key
                assert value.detail is None, key
        for month, value in figures.open.series:
            month_end = min(Period.of(month).bounds(SHANGHAI)[1], NOW)
            assert value == open_at(spans, month_end), (key, month)
        for month, value in figures.overdue.series:
            month_end = min(Period.of(month).bounds(SHANGHAI)[1], NOW)
            assert value == overdue_at(spans, month_end), (key, month)
        for month, value in figures.on_time.series:
            first, last = Period.of(month).bounds(SHANGHAI)
            assert value == on_time(spans, first, last, min(last, NOW))[0], (key, month)
        for month, value in figures.repair.series:
            taken = durations(table, "ended_at", *Period.of(month).bounds(SHANGHAI)).sort_values()
            lower_middle = taken.iloc[(len(taken) - 1) // 2] if len(taken) else None
            assert (value is None) == (lower_middle is None)
            assert value is None or value == pytest.approx(lower_middle, rel=0.16, abs=1 / 60)  # a bin's width


@pytest.mark.parametrize(("grids", "category"), FILTERS)
def test_course_and_tables_agree_with_the_raw_rows(filled, admin, rows, grids, category):
    table = frame(rows, grids, category)
    spans = spells(table)

    @cache
    def only(column: str, word: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
        part = table[table[column] == word] if word else table[table[column].isna()]
        return part, spells(part)

    for key in periods(grids, category):
        period = Period.of(key)
        start, end = period.bounds(SHANGHAI)
        review = work_review(filled, admin, "d", period, grids, category, now=LOCAL)
        for month in review.course:
            first, last = Period.of(month.month).bounds(SHANGHAI)
            assert month.opened == ((table["reported_at"] >= first) & (table["reported_at"] < last)).sum()
            assert month.ended == ((spans["ended"] >= first) & (spans["ended"] < last)).sum()
            again = spans[spans["began"] != spans["reported"]]
            assert month.reopened == ((again["began"] >= first) & (again["began"] < last)).sum()
            assert (month.backlog, month.overdue) == (
                open_at(spans, min(last, NOW)),
                overdue_at(spans, min(last, NOW)),
            ), (key, month)
        for rows_of, column in ((review.categories, "category"), (review.grids, "grid_id")):
            seen = {}
            for row in rows_of:
                word = row.category if column == "category" else row.grid_id
                seen[word] = row
                part, own = only(column, word)
                assert row.opened == ((part["reported_at"] >= start) & (part["reported_at"] < end)).sum()
                assert row.ended == ((own["ended"] >= start) & (own["ended"] < end)).sum()
                assert (row.open, row.overdue) == (open_at(own, min(end, NOW)), overdue_at(own, min(end, NOW))), key
                taken = durations(part, "ended_at", start, end)
                assert row.n == len(taken)
                assert row.mean_hours == (pytest.approx(taken.mean()) if len(taken) else None)
                if column == "category":
                    assert row.median_hours == (pytest.approx(taken.median()) if len(taken) else None)
                else:
                    assert (row.on_time, row.on_time_n) == on_time(own, start, end, min(end, NOW))
            assert sum(row.open for row in rows_of) == review.figures.open.value
            assert sum(row.overdue for row in rows_of) == review.figures.overdue.value
        if not category:
            glance = work_glance(filled, admin, "d", period, grids, now=LOCAL)
            assert glance.grids == review.grids
            assert (glance.overdue, glance.on_time) == (review.figures.overdue, review.figures.on_time)
            assert glance.kind is None, "nobody asked"
            wanted = glance_wanted(filled, admin, "d", period, grids, now=LOCAL, kinds=True)
            kinds = work_glance(
                filled, admin, "d", period, grids, now=LOCAL, within=filled.together(admin, "d", wanted)
            )
            assert kinds.grids == glance.grids
            for read, judged in ((kinds.overdue, glance.overdue), (kinds.on_time, glance.on_time)):
                assert (read.value, read.n, read.series) == (judged.value, judged.n, judged.series)
            late = {word: overdue_at(only("category", word)[1], min(end, NOW)) for word in table["category"].unique()}
            most = min(late.items(), key=lambda one: (-one[1], one[0])) if any(late.values()) else None
            assert kinds.kind == most, key


@pytest.mark.parametrize(("grids", "category"), FILTERS)
def test_ages_priorities_and_statuses_agree_with_the_raw_rows(filled, admin, rows, grids, category):
    table = frame(rows, grids, category)
    owed = table[table["is_open"]]
    review = work_review(filled, admin, "d", Period.of("2026Q2"), grids, category, now=LOCAL)
    days = (
        pd.Timestamp(LOCAL.date()) - owed["reported_at"].dt.tz_convert(SHANGHAI).dt.tz_localize(None).dt.normalize()
    ).dt.days
    for band in review.ages:
        inside = owed[(days >= band.low) & (days <= (band.high or 10**6))]
        assert (band.open, band.overdue) == (len(inside), int((inside["due_at"] < NOW).sum())), band
    assert sum(band.open for band in review.ages) == review.figures.open.value
    assert dict(review.priorities) == {priority: int((owed["priority"] == priority).sum()) for priority in Priority}
    assert dict(review.statuses) == {status: n for status in Status if (n := int((owed["status"] == status).sum()))}


@pytest.mark.parametrize(("grids", "category"), FILTERS)
def test_weeks_of_backlog_agree_with_the_raw_rows(filled, admin, rows, grids, category):
    whole, table = frame(rows, None, None), frame(rows, grids, category)
    owed = table[table["is_open"]]
    months = last_months(LOCAL.date(), 12)
    first, last = Period.of(months[0]).bounds(SHANGHAI)[0], Period.of(months[-1]).bounds(SHANGHAI)[1]
    recent = whole[(whole["reported_at"] >= first) & (whole["reported_at"] < last)]
    usual = recent.groupby("category")["estimated_hours"].mean()
    hours = owed["estimated_hours"].fillna(owed["category"].map(usual)).sum()
    value = work_figures(filled, admin, "d", Period.of("2026Q2"), grids, category, now=LOCAL).weeks
    assert value.value == pytest.approx(hours / 60)
    assert (value.n, value.estimated) == (len(owed), False)
    assert value.series[-1] == ("2026-04", pytest.approx(hours / 60))
    past = work_figures(filled, admin, "d", Period.of("2025"), grids, category, now=LOCAL)
    if len(owed):
        assert past.weeks.value == pytest.approx(past.open.value * hours / len(owed) / 60)
        assert past.weeks.estimated  # the content of past work is not kept


def test_above_the_limit_the_median_is_estimated_and_says_so(filled, admin, rows, monkeypatch):
    monkeypatch.setattr(room, "EXACT_UP_TO", 50)
    table = frame(rows, None, None)
    start, end = Period.of("ever").bounds(SHANGHAI)
    review = work_review(filled, admin, "d", Period.of("ever"), now=LOCAL)
    for value, column in ((review.figures.respond, "responded_at"), (review.figures.repair, "ended_at")):
        assert value.estimated
        taken = durations(table, column, start, end).sort_values()
        assert value.value == pytest.approx(taken.iloc[(len(taken) - 1) // 2], rel=0.16, abs=1 / 60)
    assert all(row.estimated for row in review.categories)


def test_a_grid_worker_sees_own_grids_only(filled, admin, rows):
    worker = Actor("w", "网格员", Role.GRID_WORKER, grids=frozenset({"g1"}))
    period = Period.of("2026Q2")
    seen = work_review(filled, worker, "d", period, now=LOCAL)
    assert seen == work_review(filled, admin, "d", period, frozenset({"g1"}), now=LOCAL)
    assert {row.grid_id for row in seen.grids} == {"g1"}
    outside = work_review(filled, worker, "d", period, frozenset({"g2"}), now=LOCAL)
    assert (outside.figures.open.value, outside.grids) == (0, ())
    stranger = Actor("x", "别处", Role.VIEWER, communities=frozenset({"e"}))
    with pytest.raises(Refused):
        work_figures(filled, stranger, "d", period, now=LOCAL)


def test_an_empty_community_has_no_data_and_not_zero_percent(store, admin):
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    review = work_review(store, admin, "d", Period.of("2026Q2"), now=LOCAL)
    for value in review.figures:
        assert (value.value, value.n, value.state) == (None, 0, State.UNKNOWN)
    assert (review.categories, review.grids) == ((), ())
    assert [band.open for band in review.ages] == [0] * 5


def test_hand_counted(store, admin):
    """Three orders: one on time, one late, one open and overdue; one without due time stays out of the rate."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区", crew_hours_per_week=10))
    store.insert(admin, Grid(id="g1", community_id="d", code="1", name="一"))

    def order(number: int, reported: str, due: str | None, ended: str | None) -> None:
        moment = lambda text: datetime.fromisoformat(text).replace(tzinfo=SHANGHAI) if text else None  # noqa: E731
        store.insert(
            admin,
            WorkOrder(
                community_id="d",
                number=str(number),
                fault="坏",
                place="门口",
                grid_id="g1",
                category="fitness",
                reported_at=moment(reported),
                due_at=moment(due),
                ended_at=moment(ended),
                outcome=Outcome.COMPLETED if ended else None,
                status=Status.DONE if ended else Status.REPORTED,
                estimated_hours=5,
            ),
        )

    order(1, "2026-04-01 08:00", "2026-04-01 10:00", "2026-04-01 10:00")  # 2 hours, on time to the minute
    order(2, "2026-03-01 00:30", "2026-03-04 00:30", "2026-04-01 00:30")  # 744 hours, late; 00:30 is April there
    order(3, "2026-03-20 09:00", "2026-04-02 16:29", None)  # overdue by a minute
    order(4, "2026-04-02 09:00", "2026-04-02 16:30", None)  # due this very minute: not yet overdue
    order(5, "2026-04-01 09:00", None, "2026-04-01 13:00")  # 4 hours, no due time
    figures = work_figures(store, admin, "d", Period.of("2026-04"), now=LOCAL)
    assert (figures.open.value, figures.overdue.value) == (2, 1)
    assert (figures.on_time.value, figures.on_time.n) == (pytest.approx(1 / 3), 3)
    assert (figures.repair.value, figures.repair.detail, figures.repair.n) == (4, 250, 3)
    assert figures.weeks.value == 1  # two orders of five hours, ten hours a week
    assert figures.respond.value is None
    assert figures.on_time.state is State.UNKNOWN  # n = 3 is below five
    march = work_figures(store, admin, "d", Period.of("2026-03"), now=LOCAL)
    assert (march.open.value, march.overdue.value, march.repair.value) == (2, 1, None)


# --- behind the backlog
@pytest.mark.parametrize(("grids", "category"), [(None, None), (frozenset({"g1"}), None), (None, "fitness")])
@pytest.mark.parametrize("side", list(room_of.Side))
def test_ageing_agrees_with_the_raw_rows(filled, admin, rows, grids, category, side):
    table = frame(rows, grids, category)
    table = table[table.status.isin([str(status) for status in OPEN])]
    days = (LOCAL.date() - table.reported_at.dt.tz_convert(SHANGHAI).dt.date).map(lambda delta: delta.days)
    expected = {}
    for key, own in table.assign(days=days, key=table[side.value].fillna("")).groupby("key"):
        bands = tuple(
            int(((own.days >= low) & (own.days <= (10**6 if high is None else high))).sum()) for low, high in AGE_BANDS
        )
        expected[key] = (bands, int((own.due_at < NOW).sum()))
    found = room_of.ageing(filled, admin, "d", side, grids, category, now=NOW)
    assert {row.key: (row.bands, row.overdue) for row in found} == expected
    assert [row.overdue for row in found] == sorted((row.overdue for row in found), reverse=True)


@pytest.mark.parametrize("grids", [None, frozenset({"g2"})])
@pytest.mark.parametrize("period", ["2026-03", "2026Q1", "2025", "ever"])
def test_quality_agrees_with_the_raw_rows(filled, admin, rows, grids, period):
    which = Period.of(period) if period != "ever" else Period.containing("ever", LOCAL.date())
    start, end = which.bounds(SHANGHAI)
    mine = [row for row in rows if grids is None or row.grid_id in grids]

    def within(moment):
        return moment is not None and start <= moment < min(end, NOW)

    ended = [row.ended_at for row in mine if row.ended_at and row.outcome is Outcome.COMPLETED]
    ended += [past.ended_at for row in mine for past in row.reopenings if past.outcome is Outcome.COMPLETED]
    n = sum(within(moment) for moment in ended)
    rework = sum(
        within(past.reopened_at) for row in mine for past in row.reopenings if past.outcome is Outcome.COMPLETED
    )
    rework += sum(within(row.reported_at) for row in mine if row.repeat_of)
    found = room_of.quality(filled, admin, "d", which, grids, now=LOCAL)
    assert (found.rework.n, found.rework.value) == (n, pytest.approx(rework / n) if n else None)
    grades = [row.satisfaction for row in mine if row.satisfaction and within(row.ended_at)]
    assert (found.satisfaction.n, found.satisfaction.value) == (
        len(grades),
        pytest.approx(sum(grades) / len(grades)) if grades else None,
    )
    held = [seconds for row in mine if within(row.ended_at) and (seconds := on_hold(row))]
    assert (found.held.n, found.held.value) == (
        len(held),
        pytest.approx(sum(held) / len(held) / 3600) if held else None,
    )
    assert found.repair.n == sum(found.repair.steps)


def on_hold(row: WorkOrder) -> int:
    """Seconds between each step to "on hold" and the next one, whole ones."""
    steps = [(event.at, event.status) for event in row.events]
    spans = [
        after - before
        for (before, status), (after, _next) in zip(steps, steps[1:], strict=False)
        if status is Status.ON_HOLD
    ]
    return int(sum(span.total_seconds() for span in spans))


def test_the_stages_of_the_present_are_the_statuses_of_the_rows(filled, admin, rows):
    found = room_of.quality(filled, admin, "d", Period.containing("quarter", LOCAL.date()), now=LOCAL).stages[-1]
    statuses = [row.status for row in rows]
    waiting = statuses.count(Status.REPORTED)
    assert found.waiting == waiting
    assert found.working == sum(status in OPEN for status in statuses) - waiting
    assert found.to_verify == sum(row.status is Status.DONE and row.outcome is Outcome.COMPLETED for row in rows)


@pytest.mark.parametrize(("by", "field"), [("fault", "fault"), ("facility_id", "facility_id")])
def test_what_is_reported_most_agrees_with_the_raw_rows(filled, admin, rows, by, field, monkeypatch):
    period = Period.of("2026Q1")
    start, end = period.bounds(SHANGHAI)
    told = [getattr(row, field) for row in rows if start <= row.reported_at < end and getattr(row, field)]
    found = room_of.ranking(filled, admin, "d", by, period, now=LOCAL)
    assert (found.total, found.left_out) == (len(told), False)
    assert {row.key: row.reports for row in found.rows} == {key: told.count(key) for key in set(told)}
    monkeypatch.setattr(room_of, "NEWEST", 5)
    few = room_of.ranking(filled, admin, "d", "fault", period, now=LOCAL)
    assert (few.total, few.left_out) == (5, True)


def test_what_a_plan_asked_for_is_not_among_what_is_reported(filled, admin, rows):
    """Neither in a ranking nor in the list behind one of its rows."""
    period = Period.of("2026Q1")
    planned = [row.id for row in rows if row.facility_id][::3]
    filled.db["work_orders"].update_many({"_id": {"$in": planned}}, {"$set": {"kind": "preventive"}})
    try:
        start, end = period.bounds(SHANGHAI)
        there = [row for row in rows if start <= row.reported_at < end and row.id not in planned]
        for by in ("fault", "facility_id"):
            told = [getattr(row, by) for row in there if getattr(row, by)]
            found = room_of.ranking(filled, admin, "d", by, period, now=LOCAL)
            assert found.total == len(told) > 0
            for row in found.rows:
                assert listed(filled, admin, "opened", period, by=by, key=row.key) == row.reports == told.count(row.key)
    finally:
        filled.db["work_orders"].update_many({"_id": {"$in": planned}}, {"$set": {"kind": "corrective"}})


# --- the list behind every figure
def listed(store, actor, figure, period, grids=None, category=None, **more):
    """How many rows the list has that a figure leads to."""
    found = behind.work_behind(
        store, actor, "d", period, grids, category, figure=figure, now=LOCAL, rows=behind.MANY, **more
    )
    assert len(found.rows) == found.total
    return found.total


@pytest.mark.parametrize(("grids", "category"), [*FILTERS[:4], FILTERS[5]])
def test_every_figure_of_the_page_has_as_many_rows_behind_it(filled, admin, rows, grids, category):
    mine = [row for row in rows if (not grids or row.grid_id in grids) and category in (None, row.category)]
    for key in periods(grids, category):
        period = Period.of(key)
        which = (period, grids, category)
        review = work_review(filled, admin, "d", *which, now=LOCAL)
        found = room_of.quality(filled, admin, "d", *which, now=LOCAL)
        figures = review.figures
        # who ended before being reported is in no list between the two, where the counters hold one against them
        end = min(period.bounds(SHANGHAI)[1], NOW)
        doubtful = sum(bool(row.ended_at and row.ended_at < end <= row.reported_at) for row in mine)

        assert listed(filled, admin, "owed", *which) == figures.open.value + doubtful, key
        assert listed(filled, admin, "owed_late", *which) == figures.overdue.value, key
        assert listed(filled, admin, "timed", *which) == figures.on_time.n, key
        assert listed(filled, admin, "responded", *which) == figures.respond.n, key
        assert listed(filled, admin, "repaired", *which) == figures.repair.n, key
        if found.rework.n:
            assert listed(filled, admin, "rework", *which) == round(found.rework.value * found.rework.n), key
        assert listed(filled, admin, "graded", *which) == found.satisfaction.n, key
        assert listed(filled, admin, "held", *which) == found.held.n, key
        for name, spread in (("responded", found.respond), ("repaired", found.repair)):
            counts = [listed(filled, admin, name, *which, step=step) for step in range(len(spread.steps))]
            assert counts == list(spread.steps), (key, name)
        for row in review.categories:
            own = (period, grids, row.category)
            assert listed(filled, admin, "opened", *which, by="category", key=row.category) == row.opened
            assert listed(filled, admin, "ended", *own) == row.ended
            assert listed(filled, admin, "owed_late", *own) == row.overdue
            assert listed(filled, admin, "repaired", *own) == row.n
        for row in review.grids:
            own = {"by": "grid_id", "key": row.grid_id}
            assert listed(filled, admin, "opened", *which, **own) == row.opened
            assert listed(filled, admin, "ended", *which, **own) == row.ended
            assert listed(filled, admin, "owed_late", *which, **own) == row.overdue
            assert listed(filled, admin, "timed", *which, **own) == row.on_time_n
        for by in ("fault", "facility_id"):
            told = room_of.ranking(filled, admin, "d", by, *which, now=LOCAL)
            for row in told.rows:
                assert listed(filled, admin, "opened", *which, by=by, key=row.key) == row.reports


@pytest.mark.parametrize(("grids", "category"), FILTERS[:4])
def test_every_point_of_the_courses_has_as_many_rows_behind_it(filled, admin, rows, grids, category):
    mine = [row for row in rows if (not grids or row.grid_id in grids) and category in (None, row.category)]
    review = work_review(filled, admin, "d", Period.of("2026Q2"), grids, category, now=LOCAL)
    stages = room_of.quality(filled, admin, "d", Period.of("2026Q2"), grids, category, now=LOCAL).stages
    for each in review.course:
        which = (Period.of(each.month), grids, category)
        end = min(which[0].bounds(SHANGHAI)[1], NOW)
        doubtful = sum(bool(row.ended_at and row.ended_at < end <= row.reported_at) for row in mine)
        assert listed(filled, admin, "came", *which) == each.opened + each.reopened
        assert listed(filled, admin, "reopened", *which) == each.reopened
        assert listed(filled, admin, "ended", *which) == each.ended
        assert listed(filled, admin, "owed", *which) == each.backlog + doubtful
        assert listed(filled, admin, "owed_late", *which) == each.overdue
    for each in stages:
        which = (Period.of(each.month), grids, category)
        end = min(which[0].bounds(SHANGHAI)[1], NOW)
        doubtful = sum(bool(row.ended_at and row.ended_at < end <= row.reported_at) for row in mine)
        counts = [listed(filled, admin, name, *which) for name in ("waiting", "working", "to_verify")]
        assert sum(counts[:2]) == each.waiting + each.working + doubtful, each
        if not doubtful:
            assert counts == [each.waiting, each.working, each.to_verify], each


@pytest.mark.parametrize("checked", [True, False])
def test_reopening_leaves_what_was_waiting_for_verification_as_it_was(
    yard: Store, admin: Actor, mender: Actor, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """Done in January, verified in the same month or never, reopened in March: so it waited in January and February,
    or in none of the two."""
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    monkeypatch.setattr(yard, "clock", lambda: at)
    order = log_repair(yard, mender, "d", fault="loose", place="东门")
    order = move(yard, mender, "d", order.id, order.revision, Status.DONE)
    if checked:
        at += timedelta(days=3)
        order = move(yard, admin, "d", order.id, order.revision, Status.VERIFIED)
    at = datetime(2026, 3, 5, 8, tzinfo=UTC)
    move(yard, admin, "d", order.id, order.revision, Status.REOPENED)
    monkeypatch.undo()
    stages = room_of.quality(yard, admin, "d", Period.of("2026Q2"), now=LOCAL).stages
    waited = {each.month: each.to_verify for each in stages if each.month >= "2026-01"}
    assert waited == {"2026-01": not checked, "2026-02": not checked, "2026-03": 0, "2026-04": 0}
    for month, n in waited.items():
        assert listed(yard, admin, "to_verify", Period.of(month), None, None) == n
    assert recount.check(yard, admin, "d") == []


@pytest.mark.parametrize("side", list(room_of.Side))
def test_every_part_of_the_ageing_has_as_many_rows_behind_it(filled, admin, side):
    period = Period.of("2025Q1")  # ages are of now, whatever the period
    for grids, category in FILTERS[:4]:
        which = (period, grids, category)
        for row in room_of.ageing(filled, admin, "d", side, grids, category, now=LOCAL):
            own = {"by": side.value, "key": row.key}
            assert listed(filled, admin, "open", *which, **own) == row.open
            assert listed(filled, admin, "overdue", *which, **own) == row.overdue
            counts = [listed(filled, admin, "open", *which, **own, band=band) for band in range(len(AGE_BANDS))]
            assert counts == list(row.bands)
        review = work_review(filled, admin, "d", *which, now=LOCAL)
        assert listed(filled, admin, "unestimated", *which) == review.unestimated
        for place, band in enumerate(review.ages):
            assert listed(filled, admin, "open", *which, band=place) == band.open
            assert listed(filled, admin, "overdue", *which, band=place) == band.overdue


def test_a_list_behind_a_figure_stays_in_reach_and_ends(filled, admin, rows, monkeypatch):
    period = Period.of("ever")
    worker = Actor("g", "王师傅", Role.GRID_WORKER, grids=frozenset({"g1"}))
    own = sum(row.grid_id == "g1" for row in rows)
    assert listed(filled, worker, "opened", period) == own
    assert listed(filled, worker, "opened", period, by="grid_id", key="g2") == 0
    assert listed(filled, worker, "opened", period, by="grid_id") == 0, "orders of no grid are not in a worker's reach"
    pages = [
        behind.work_behind(filled, worker, "d", period, figure="opened", now=LOCAL, page=page, rows=7).rows
        for page in range(1, -(-own // 7) + 1)
    ]
    numbers = [row.order.number for page in pages for row in page]
    assert len(set(numbers)) == own
    reported = [row.order.reported_at for page in pages for row in page]
    assert reported == sorted(reported, reverse=True)
    newest = sorted(rows, key=lambda row: row.reported_at, reverse=True)[:5]
    some = newest[0].fault
    monkeypatch.setattr(behind, "NEWEST", 5)
    found = listed(filled, admin, "opened", period, by="fault", key=some)
    assert found == sum(row.fault == some for row in newest), "of the newest five only"
    assert listed(filled, admin, "opened", period) == len(rows)
    monkeypatch.setattr(behind, "MANY", 3)
    assert listed(filled, admin, "opened", period) == 3


# --- on the demonstration, as its seed tells it
@pytest.mark.parametrize("period", ["2026-03", "2026Q1", "2025", "ever"])
def test_the_demonstration_s_figures_agree_with_pandas_on_its_rows(demo_uri, admin, period):
    """M2, M4, M5 and M11, reopened, held and merged orders among them."""
    store = Store.connect(demo_uri, clock=lambda: NOW)
    try:
        told = [WorkOrder.from_document(document) for document in store.db["work_orders"].find()]
        community = told[0].community_id
        which = Period.of(period)
        start, end = which.bounds(SHANGHAI)
        figures = work_figures(store, admin, community, which, now=LOCAL)
        found = room_of.quality(store, admin, community, which, now=LOCAL)
    finally:
        store.close()
    table = frame(told, None, None)
    assert (figures.on_time.value, figures.on_time.n) == on_time(spells(table), start, end, min(end, NOW))
    asked = [row for row in told if row.kind != "preventive"]  # nobody waited for what was planned
    for value, column in ((figures.respond, "responded_at"), (figures.repair, "ended_at")):
        taken = durations(frame(asked, None, None), column, start, end)
        assert len(taken) > 5
        assert (value.n, value.value, value.detail) == (
            len(taken),
            pytest.approx(taken.median()),
            pytest.approx(taken.mean()),
        )
    rework, n = reworked(told, start, end)
    assert any(start <= at < end for at in repeated(told))
    assert (found.rework.n, found.rework.value) == (n, pytest.approx(rework / n))
    held = [seconds for row in told if row.ended_at and start <= row.ended_at < end and (seconds := on_hold(row))]
    assert (found.held.n, found.held.value) == (
        len(held),
        pytest.approx(sum(held) / len(held) / 3600) if held else None,
    )


def reworked(told: Sequence[WorkOrder], start: datetime, end: datetime) -> tuple[int, int]:
    """What was done again, and of how many repairs: from the moments alone, whatever the rows say of repeats."""
    ends = [(row.ended_at, row.outcome) for row in told if not row.is_open and row.ended_at]
    ends += [(past.ended_at, past.outcome) for row in told for past in row.reopenings]
    n = sum(start <= at < end for at, outcome in ends if outcome is Outcome.COMPLETED)
    again = sum(start <= past.reopened_at < end for row in told for past in row.reopenings)
    return again + sum(start <= at < end for at in repeated(told)), n


def repeated(told: Sequence[WorkOrder]) -> list[datetime]:
    """When what had been mended on the same facility within 30 days before was reported again."""
    rows = [(row.facility_id, row.fault, row.kind, row.reported_at, row.ended_at, row.outcome) for row in told]
    table = pd.DataFrame(rows, columns=["facility", "fault", "kind", "reported", "ended", "outcome"])
    table = table[table["facility"].notna() & (table["fault"] != "other")]
    done = table[(table["outcome"] == "completed") & table["ended"].notna()]
    pairs = (
        table[table["kind"] != "preventive"].reset_index().merge(done, on=["facility", "fault"], suffixes=("", "_was"))
    )
    since = pairs["reported"] - pairs["ended_was"]
    lasted = (since >= timedelta(0)) & (since <= timedelta(days=30))
    return list(pairs[lasted].drop_duplicates("index")["reported"])
