"""Real files, each with its saved mapping, against pandas on the raw file. Los Angeles whole: test_la_figures.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dashboard.i18n import translator
from repository import importer, recount
from repository.access import Actor
from repository.activities import Activity
from repository.facilities import Category, Facility
from repository.grids import Community, Grid
from repository.importer import ImportBatch, Mapping, Preview
from repository.record import Precision
from repository.store import Store

pytestmark = pytest.mark.data
MAPPINGS = Path(__file__).parent / "mappings"
LANGUAGES = [translator("zh"), translator("en")]
C = "abroad"


def look(store: Store, admin: Actor, path: Path, mapping: str, name: str = "") -> Preview:
    saved = Mapping.model_validate_json((MAPPINGS / f"{mapping}.json").read_text("utf-8"))
    return importer.preview(store, admin, C, saved.open(path, name or path.name), saved, languages=LANGUAGES)


def bring(store: Store, admin: Actor, path: Path, mapping: str, zone: str) -> tuple[Preview, ImportBatch]:
    store.insert(admin, Community(id=C, community_id=C, code=C, name=C, time_zone=zone))
    seen = look(store, admin, path, mapping)
    batch = importer.commit(store, admin, seen, patience=0)
    assert batch is not None
    assert recount.check(store, admin, C) == []
    again = look(store, admin, path, mapping)
    assert again.does_nothing
    assert again.counts.unchanged == batch.rows
    return seen, batch


def raw(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def documents(store: Store, record: type[Any], community: str = C) -> pd.DataFrame:
    grids = {grid["_id"]: grid["name"] for grid in store.documents(Grid, {"community_id": community})}
    table = pd.DataFrame(list(store.documents(record, {"community_id": community})))
    table["grid"] = table["grid_id"].map(grids) if "grid_id" in table else None
    return table


def test_a_corrected_los_angeles_file(
    store: Store, admin: Actor, data_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = data_file("la311_2017-12_subset.csv")
    small = tmp_path / "la.csv"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    small.write_text("".join(lines[:1015]), "utf-8")  # the first early one is row 1015
    _, batch = bring(store, admin, small, "la311_work_orders", "America/Los_Angeles")
    assert (batch.new, batch.flagged) == (1014, 1)
    wrong = lines[1014].split(",")
    assert wrong[12] == "12/30/2017 12:00:00 AM"
    wrong[12] = "12/31/2017 12:00:00 AM"
    mended = "".join([*lines[:1014], ",".join(wrong), *lines[1015:1020]])
    small.write_text(mended, "utf-8")
    seen = look(store, admin, small, "la311_work_orders")
    assert (seen.counts.new, seen.counts.changed, seen.counts.unchanged, seen.counts.flagged) == (5, 1, 1013, 0)
    importer.commit(store, admin, seen, patience=0)
    assert store.db["work_orders"].count_documents({"community_id": C, "flags.0": {"$exists": True}}) == 0
    assert recount.check(store, admin, C) == []


def test_timberland_as_activities(store: Store, admin: Actor, data_file: Callable[[str], Path]) -> None:
    path = data_file("timberland_programs_2021.csv")
    _, batch = bring(store, admin, path, "timberland_activities", "America/Los_Angeles")
    source = raw(path)
    assert (batch.new, batch.rejected, batch.flagged, batch.made) == (1308, 0, 0, source.Library.nunique())
    found = documents(store, Activity)
    assert found.headcount.isna().sum() == (source.Attendance == "").sum() == 435  # not recorded is not nobody
    assert (found.headcount == 0).sum() == (source.Attendance == "0").sum() == 13
    assert found.headcount.sum() == pd.to_numeric(source.Attendance).sum() == 28527
    assert found.sessions.sum() == pd.to_numeric(source.Events).sum() == 2195
    assert set(found.held_precision) == {Precision.MONTH}
    assert set(found.held_on.dt.day) == {1}
    assert found.held_on.dt.month.value_counts().to_dict() == source["Event Month"].astype(int).value_counts().to_dict()
    assert found.intended_for.value_counts().to_dict() == source["Age Group"].value_counts().to_dict()  # not split
    assert found.format.nunique() == source.Category.nunique() == 82
    assert found.groupby("grid").sessions.sum().to_dict() == (
        source.assign(n=source.Events.astype(int)).groupby("Library").n.sum().to_dict()
    )
    totals = {"heads": 0, "events": 0, "uncounted": 0}
    for month in store.counters(C, "activities", "month"):
        for name in totals:
            totals[name] += month["total"].get(name, 0)
    assert totals == {"heads": 28527, "events": 2195, "uncounted": 435}
    undone = importer.undo(store, admin, C, batch.id, patience=0)
    assert (undone.left, store.db["activities"].count_documents({}), store.db["grids"].count_documents({})) == (0, 0, 0)
    assert recount.check(store, admin, C) == []


def test_berlin_as_facilities(store: Store, admin: Actor, data_file: Callable[[str], Path]) -> None:
    path = data_file("berlin_playgrounds.csv")
    seen, batch = bring(store, admin, path, "berlin_facilities", "Europe/Berlin")
    source = raw(path)
    built, renewed = source["Baujahr"], source["letztes Sanierungsjahr"].str.strip()
    assert (batch.new, batch.rejected, batch.made) == (1879, 0, source.Bezirk.nunique())
    found = documents(store, Facility).set_index("code").loc[source["Schlüssel"]]
    assert found.installed_on.isna().sum() == (built == "-").sum() == 1129
    assert found.renewed_on.isna().sum() == ((renewed == "-") | (renewed == "")).sum() == 1456 + 3
    years = found.installed_on.dt.year.dropna().astype(int).astype(str)
    assert years.tolist() == built[built != "-"].tolist()
    assert set(found.loc[found.installed_on.notna().to_numpy(), "installed_precision"]) == {Precision.YEAR}
    assert set(found.category) == {Category.FITNESS}
    area = found.details.map(lambda details: details.get("area_m2") if isinstance(details, dict) else None)
    expected = pd.to_numeric(source["Größe in m² (Kataster)"].replace("-", None))
    assert area.sum() == pytest.approx(expected.sum())
    assert area.isna().sum() == expected.isna().sum() == 2
    early = source[pd.to_numeric(renewed, errors="coerce") < pd.to_numeric(built, errors="coerce")]
    assert [problem.row for problem in seen.problems] == [index + 2 for index in early.index]
    assert batch.flagged == len(early) == 1
    assert set(found.index[found["flags"].map(bool)]) == set(early["Schlüssel"])
    assert found.grid.tolist() == source.Bezirk.tolist()


def test_new_york_has_no_end(store: Store, admin: Actor, data_file: Callable[[str], Path]) -> None:
    """An Excel file whose completed tickets say nothing of when: closed, in no duration, and exact duplicates once."""
    path = data_file("nyc_publicstuff_2010-2018.xlsx")
    store.insert(admin, Community(id=C, community_id=C, code=C, name=C, time_zone="America/New_York"))
    seen = look(store, admin, path, "nyc_work_orders")
    source = pd.read_excel(path, dtype=str, keep_default_na=False, engine="openpyxl")
    assert seen.counts.rows == len(source)
    distinct = source.drop_duplicates("ID")
    assert seen.counts.new == len(distinct) - seen.counts.rejected
    assert seen.counts.new + seen.counts.unchanged + seen.counts.rejected == len(source)
    assert seen.counts.rejected == 0
    importer.commit(store, admin, seen, patience=0)
    assert store.db["work_orders"].count_documents({"fault": "N/A"}) == (distinct.Title == "N/A").sum() > 0
    done = (distinct.Status == "completed").sum()
    unknown = sum(month["total"].get("end_unknown", 0) for month in store.counters(C, "work_orders", "month"))
    assert unknown == done > 200
    assert store.db["work_orders"].count_documents({"community_id": C, "repair_seconds": {"$exists": True}}) == 0
    assert recount.check(store, admin, C) == []
