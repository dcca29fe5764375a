"""The maintenance page on a foreign data set: the city of Los Angeles' 9,999 requests, imported with the saved mapping,
against pandas on the raw file."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from dashboard.i18n import translator
from repository import importer, recount
from repository.access import Actor, Role
from repository.grids import Community
from repository.importer import ImportBatch, Mapping
from repository.maintenance import (
    Outcome,
    Show,
    Status,
    WorkOrder,
    WorkReview,
    metrics,
    quality,
    work_categories,
    work_list,
    work_review,
)
from repository.metrics import Period
from repository.migrations import migrate
from repository.record import Flag
from repository.store import Store
from tests.conftest import DATA
from tests.test_import_real_data import documents
from tests.test_import_real_data import raw as untouched

pytestmark = pytest.mark.data
PACIFIC = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 4, 2, 8, 30, tzinfo=UTC).astimezone(PACIFIC)
SAVED = Path(__file__).parent / "mappings" / "la311_work_orders.json"
FILE = "la311_2017-12_subset.csv"


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """The file itself, its moments on the Pacific clock."""
    if not (DATA / FILE).exists():
        if os.environ.get("CI"):
            pytest.fail(f"{FILE} must be there in CI")
        pytest.skip(f"{FILE} is not beside this checkout")
    table = pd.read_csv(DATA / FILE, dtype=str, keep_default_na=False)
    for column in ("CreatedDate", "ClosedDate"):
        moments = pd.to_datetime(table[column], format="%m/%d/%Y %I:%M:%S %p", errors="coerce")
        table[column] = moments.dt.tz_localize(PACIFIC)
    table["RequestType"] = table["RequestType"].replace("Other", "other")  # a word we know, so it becomes ours
    table["hours"] = (table["ClosedDate"] - table["CreatedDate"]).dt.total_seconds() / 3600
    return table


@pytest.fixture(scope="module")
def brought(server: Callable[[str], str], raw: pd.DataFrame) -> Iterator[tuple[Store, importer.Preview, ImportBatch]]:
    """The file, imported as a clerk would, with what was seen before; the tests only read."""
    store, admin = Store.connect(server("gridboard_la"), clock=lambda: NOW), Actor("tester", "测试员", Role.ADMIN)
    store.client.drop_database(store.db.name)
    migrate(store)
    store.insert(
        admin,
        Community(id="la", community_id="la", code="LA", name="Los Angeles", time_zone="America/Los_Angeles"),
    )
    shown = look(store, admin)
    batch = importer.commit(store, admin, shown, patience=0)
    assert batch is not None
    yield store, shown, batch
    store.client.drop_database(store.db.name)
    store.close()


@pytest.fixture
def imported(brought: tuple[Store, importer.Preview, ImportBatch]) -> Store:
    """The database that holds it."""
    return brought[0]


def look(store: Store, admin: Actor) -> importer.Preview:
    """What importing the file would do now."""
    mapping = Mapping.model_validate_json(SAVED.read_text("utf-8"))
    languages = [translator("zh"), translator("en")]
    return importer.preview(store, admin, "la", mapping.open(DATA / FILE, FILE), mapping, languages=languages)


def repaired(table: pd.DataFrame) -> pd.Series:
    """The durations that count: completed, and not negative; zeros stay."""
    return table.loc[(table["Status"] == "Closed") & (table["hours"] >= 0), "hours"]


def test_the_page_says_what_the_raw_file_says(
    imported: Store, admin: Actor, raw: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = work_review(imported, admin, "la", Period.of("ever"), now=NOW).figures.repair
    assert quick.estimated
    assert quick.value == pytest.approx(repaired(raw).median(), rel=0.16)  # a bin of the histogram
    monkeypatch.setattr(metrics, "EXACT_UP_TO", len(raw))
    review = work_review(imported, admin, "la", Period.of("ever"), now=NOW)
    _same_figures(review, raw)
    _same_categories(review, raw)
    _same_months(review, raw)
    _the_period_cuts_flows(imported, admin, raw)
    _filters_cut_everything(imported, admin, raw)
    done = (raw["Status"] == "Closed") & raw["ClosedDate"].notna()
    rework = quality(imported, admin, "la", Period.of("ever"), now=NOW).rework
    assert (rework.n, rework.value) == (done.sum(), 0.0)  # nobody reopened anything, and no request names a facility
    assert recount.check(imported, admin, "la") == []


def _same_figures(review: WorkReview, raw: pd.DataFrame) -> None:
    figures, hours = review.figures, repaired(raw)
    assert sum(row.opened for row in review.categories) == len(raw) == 9_999
    assert figures.open.value == (raw["Status"] == "Open").sum() == 5
    assert figures.repair.n == len(hours)
    assert not figures.repair.estimated
    assert figures.repair.value == pytest.approx(hours.median())
    assert figures.repair.detail == pytest.approx(hours.mean())
    assert (hours == 0).sum() > 1_000  # zeros are kept, and pull the median down
    assert hours.median() < hours[hours > 0].median()
    assert ((raw["Status"] == "Closed") & (raw["hours"] < 0)).sum() == 12  # and the flagged are left out
    assert figures.on_time.value is None  # nothing was promised: no rate, not 100 %
    assert figures.weeks.value is None  # nobody estimated hours: no data, not zero
    assert figures.respond.value is None


def _same_categories(review: WorkReview, raw: pd.DataFrame) -> None:
    assert {row.category for row in review.categories} == set(raw["RequestType"])
    for row in review.categories:
        part = raw[raw["RequestType"] == row.category]
        hours = repaired(part)
        assert (row.opened, row.open) == (len(part), (part["Status"] == "Open").sum()), row.category
        assert (row.n, row.estimated) == (len(hours), False)
        assert row.median_hours == (pytest.approx(hours.median()) if len(hours) else None), row.category
        assert row.mean_hours == (pytest.approx(hours.mean()) if len(hours) else None), row.category


def _same_months(review: WorkReview, raw: pd.DataFrame) -> None:
    opened = raw["CreatedDate"].dt.strftime("%Y-%m").value_counts()
    over = raw[(raw["Status"] != "Open") & raw["ClosedDate"].notna()]
    ended = over["ClosedDate"].dt.strftime("%Y-%m").value_counts()
    nobody_knows = raw[(raw["Status"] != "Open") & raw["ClosedDate"].isna()]
    months = [each.month for each in review.course]
    assert months == sorted({*opened.index, *ended.index} | set(months))
    assert (months[0], months[-1]) == (min(opened.index), max(ended.index))
    for each in review.course:
        end = Period.of(each.month).bounds(PACIFIC)[1]
        assert each.opened == opened.get(each.month, 0), each
        assert each.ended == ended.get(each.month, 0), each
        backlog = (raw["CreatedDate"] < end).sum() - (over["ClosedDate"] < end).sum()
        assert each.backlog == backlog - (nobody_knows["CreatedDate"] < end).sum(), each
    assert review.course[-1].backlog == 5


def _the_period_cuts_flows(store: Store, admin: Actor, raw: pd.DataFrame) -> None:
    for key in ("2017-12", "2018-01", "2018Q1", "2018"):
        start, end = Period.of(key).bounds(PACIFIC)
        review = work_review(store, admin, "la", Period.of(key), now=NOW)
        inside = raw[(raw["ClosedDate"] >= start) & (raw["ClosedDate"] < end)]
        hours = repaired(inside)
        assert review.figures.repair.n == len(hours)
        assert review.figures.repair.value == pytest.approx(hours.median())
        assert review.figures.repair.detail == pytest.approx(hours.mean())
        opened = ((raw["CreatedDate"] >= start) & (raw["CreatedDate"] < end)).sum()
        assert sum(row.opened for row in review.categories) == opened


def _filters_cut_everything(store: Store, admin: Actor, raw: pd.DataFrame) -> None:
    council = raw["NCName"].value_counts().index[0]
    grid = store.db["grids"].find_one({"community_id": "la", "name": council})["_id"]
    part = raw[raw["NCName"] == council]
    review = work_review(store, admin, "la", Period.of("ever"), frozenset({grid}), now=NOW)
    assert sum(row.opened for row in review.categories) == len(part)
    assert review.figures.repair.value == pytest.approx(repaired(part).median())
    kind = part["RequestType"].value_counts().index[0]
    both = part[part["RequestType"] == kind]
    review = work_review(store, admin, "la", Period.of("ever"), frozenset({grid}), kind, now=NOW)
    assert [(row.category, row.opened) for row in review.categories] == [(kind, len(both))]
    assert review.figures.repair.value == pytest.approx(repaired(both).median())
    assert set(work_categories(store, admin, "la")) == set(raw["RequestType"])
    number = raw.loc[raw["Status"] == "Open", "SRNumber"].iloc[0]
    found = work_list(store, admin, "la", now=NOW, show=Show.ALL, search=number)
    assert [row.order.number for row in found.rows] == [number]


def test_the_page_itself_opens_on_it(
    imported: Store, server: Callable[[str], str], visit: Callable[..., Any], raw: pd.DataFrame
) -> None:
    at = visit(server("gridboard_la"), "maintenance", lang="en", period="ever")
    assert not at.exception
    figures = " ".join(metric.value for metric in at.metric)
    assert "5" in figures
    words = " ".join(frame.value.to_string() for frame in at.dataframe)
    for category in set(raw["RequestType"]) - {"other"}:
        assert category in words


def test_the_file_is_kept_row_by_row(brought: tuple[Store, importer.Preview, ImportBatch], admin: Actor) -> None:
    store, seen, batch = brought
    source = untouched(DATA / FILE)
    again = look(store, admin)
    assert again.does_nothing
    assert again.counts.unchanged == batch.rows
    assert (batch.new, batch.rejected, batch.flagged, batch.left) == (9999, 0, 12, 0)
    assert [problem.level for problem in seen.problems] == ["flagged"] * 12

    moments = {
        name: pd.to_datetime(source[name], format="%m/%d/%Y %I:%M:%S %p").dt.tz_localize("America/Los_Angeles")
        for name in ("CreatedDate", "ClosedDate")
    }
    early = source[moments["ClosedDate"] < moments["CreatedDate"]]
    assert [problem.row for problem in seen.problems] == [index + 2 for index in early.index]  # below the header
    assert {problem.column for problem in seen.problems} == {"ClosedDate"}

    found = documents(store, WorkOrder, "la").set_index("number")
    assert set(found.index) == set(source.SRNumber)
    source = source.set_index("SRNumber").loc[found.index]
    flagged = found.index[found["flags"].map(bool)]
    assert set(flagged) == set(early.SRNumber)
    assert set(found.loc[flagged, "flags"].map(tuple)) == {(Flag.ENDED_BEFORE_REPORTED,)}

    ended = found.outcome.fillna("").value_counts().to_dict()
    assert ended == {Outcome.COMPLETED: 9739, Outcome.CANCELLED: 246, Outcome.REFERRED: 9, "": 5}
    assert found.is_open.sum() == 5
    assert set(found.loc[~found.is_open, "status"]) == {Status.CLOSED}
    whole = {"CreatedDate": "reported_at", "ClosedDate": "ended_at"}
    for column, field in whole.items():
        local = pd.to_datetime(source[column], format="%m/%d/%Y %I:%M:%S %p", errors="coerce")
        local = local.dt.tz_localize("America/Los_Angeles").dt.tz_convert("UTC")
        if field == "ended_at":
            local = local.where(source.Status != "Open")  # an open order has no end
        assert (found[field].fillna(pd.Timestamp(0, tz="UTC")) == local.fillna(pd.Timestamp(0, tz="UTC"))).all()
    assert (found.grid.fillna("") == source.NCName).all()
    assert store.db["grids"].count_documents({"community_id": "la"}) == source.NCName[source.NCName != ""].nunique()
    known = {"Other": "other"}  # a word we have ourselves; every other type is kept as it is
    assert (found.category == source.RequestType.replace(known)).all()
    assert (found.source == source.RequestSource.replace({"Call": "phone"})).all()

    seconds = (moments["ClosedDate"] - moments["CreatedDate"]).dt.total_seconds()
    done = source.reset_index().Status.eq("Closed")
    durations = found.repair_seconds.dropna()
    raw_seconds = pd.Series(seconds.to_numpy(), index=untouched(DATA / FILE).SRNumber).loc[found.index].to_numpy()
    expected = pd.Series(raw_seconds)[done & (raw_seconds >= 0)]
    assert len(durations) == len(expected) == 9739 - 12
    assert durations.sum() == expected.sum()
    assert durations.median() == expected.median()
    assert (durations == 0).sum() == (expected == 0).sum() > 1000  # zeros stay in
