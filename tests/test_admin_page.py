"""The page Administration, run as the app runs it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboard import data, tending, trail
from dashboard.i18n import speaking, translator
from dashboard.settings import Settings
from repository import accounts, audit, backup, importer
from repository.access import Actor, Role
from repository.facilities import Category, Facility
from repository.grids import Community
from repository.maintenance import WorkOrder
from repository.record import field_specs
from repository.store import RESTORING, SIGN_INS, Full, Store
from tests.conftest import NOW, once
from tests.test_accounts import GOOD

Visit = Callable[..., Any]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """As these tests open the pages."""
    with speaking("en"):
        yield


@pytest.fixture
@once
def town(store: Store, admin: Actor) -> Store:
    """A community and a facility that was renamed."""
    store.insert(admin, Community(id="d", community_id="d", code="D", name="D社区"))
    swing = store.insert(admin, Facility(community_id="d", code="F-1", name="秋千", category=Category.FITNESS))
    store.update(admin, Facility, "d", swing.id, 1, {"name": "跷跷板 <b>"})
    return store


def said(at: Any) -> str:
    """All text of a page."""
    kinds = ("markdown", "caption", "header", "subheader", "title", "info", "warning", "error", "success", "code")
    return " ".join(str(element.value) for kind in kinds for element in getattr(at, kind))


def press(at: Any, key: str) -> Any:
    """A button by its key."""
    return next(button for button in at.button if button.key == key).click().run()


@pytest.mark.parametrize("part", ["accounts", "trail", "seals", "backups"])
def test_every_part_opens_for_an_administrator(town: Store, mongodb_uri: str, visit: Visit, part: str) -> None:
    for lang in ("zh", "en"):
        at = visit(mongodb_uri, "admin", part=part, lang=lang)
        assert not at.exception
        assert not at.error or part == "backups"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_else_sees_anything_there(town: Store, mongodb_uri: str, visit: Visit, role: Role) -> None:
    for part in ("accounts", "trail", "seals", "backups"):
        at = visit(mongodb_uri, "admin", role=role, part=part, lang="en")
        assert not at.exception
        assert "Only administrators" in said(at)
        assert not at.dataframe


def test_an_account_is_opened_and_its_first_password_shown_once(
    town: Store, mongodb_uri: str, visit: Visit, admin: Actor
) -> None:
    at = visit(mongodb_uri, "admin", lang="en", account="new")
    for key, value in (("login", "wang"), ("name", "王芳")):
        next(one for one in at.text_input if one.key == f"account-new-{key}-1").set_value(value)
    next(one for one in at.selectbox if one.key == "account-new-role-1").set_value("viewer")
    at = press(at, "do_account-new-1")
    assert not at.exception
    (user,) = accounts.users(town, admin)
    assert (user.login, user.role, user.must_change) == ("wang", Role.VIEWER, True)
    password = at.code[0].value
    accounts.sign_in(town, "wang", password, terms=accounts.Terms())
    assert "It holds for 72 hours" in said(at)
    at = press(at, "do_put_away")
    assert password not in said(at)


def test_an_account_tells_until_when_its_first_password_holds(
    town: Store, mongodb_uri: str, visit: Visit, admin: Actor
) -> None:
    made = accounts.add_user(town, admin, {"login": "wang", "name": "王芳", "role": "viewer"}, password=GOOD)
    assert "The first password holds until " in said(visit(mongodb_uri, "admin", lang="en", account=made.id))
    long_ago = town.clock() - timedelta(hours=accounts.FIRST_HOURS, seconds=1)
    town.db[accounts.PASSWORDS].update_one({"_id": made.id}, {"$set": {"at": long_ago}})
    data.forget()
    assert "Give a new one" in said(visit(mongodb_uri, "admin", lang="en", account=made.id))
    accounts.edit_user(town, admin, made.id, made.revision, {"must_change": False})
    assert "The first password" not in said(visit(mongodb_uri, "admin", lang="en", account=made.id))


def test_a_trail_line_tells_what_was_changed(town: Store, mongodb_uri: str, visit: Visit) -> None:
    at = visit(mongodb_uri, "admin", lang="en", part="trail")
    table = at.dataframe[0].value
    assert list(table["Which"]) == ["跷跷板 <b>", "跷跷板 <b>", "D社区"]
    assert list(table["What"]) == ["Changed", "Entered", "Entered"]
    assert table["Fields"][0] == "Name"


def test_seals_are_checked_on_the_page(town: Store, mongodb_uri: str, visit: Visit) -> None:
    for minutes in (10, 20):
        audit.seal(town, now=NOW + timedelta(minutes=minutes))
    at = press(visit(mongodb_uri, "admin", lang="en", part="seals"), "do_verify")
    assert "All seals hold. 2 seals over 3 entries" in said(at)
    assert "3 entries were read again in" in said(at)
    town.db["audit"].delete_one({"collection": "facilities"})
    at = press(visit(mongodb_uri, "admin", lang="en", part="seals"), "do_verify")
    assert "3 entries were sealed, 2 are there" in said(at).replace("\\", "")


def test_what_one_press_does_not_read_again_is_said(
    town: Store, mongodb_uri: str, visit: Visit, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.seal(town, now=NOW)
    for minutes in (10, 20):
        town.update(admin, Community, "d", "d", minutes // 10, {"district": str(minutes)})
        audit.seal(town, now=NOW + timedelta(minutes=minutes))
    audit.seal(town, now=NOW + timedelta(minutes=30))
    monkeypatch.setattr(trail, "REREAD", 1)
    at = press(visit(mongodb_uri, "admin", lang="en", part="seals"), "do_verify")
    assert "1 entries were read again" in said(at)
    assert "gridboard audit verify reads all of them" in said(at)


def search(at: Any, which: str) -> Any:
    """Look for what is done to one thing."""
    return next(box for box in at.text_input if box.key == "trail-which").set_value(which).run()


def test_everything_about_one_record_is_found_by_its_code(
    town: Store, mongodb_uri: str, visit: Visit, admin: Actor
) -> None:
    sheet = importer.Sheet("编号,名称,类别\nF-1,秋千,健身器材\nF-2,单杠,健身器材\n".encode(), "四月 <b>.csv")
    languages = [translator("zh")]
    mapping = importer.propose(Facility, sheet, languages)
    shown = importer.preview(town, admin, "d", sheet, mapping, languages=languages)
    importer.commit(town, admin, shown, patience=0)
    at = search(visit(mongodb_uri, "admin", lang="en", part="trail"), "F-1")
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table["What"]) == ["Imported", "Changed", "Entered"]
    assert table["Fields"][0] == "Name"
    key = f"trail-d-{hash(audit.Search(which='F-1'))}-1"
    at.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    assert "**Imported** · Changed · 四月 \\<b" in said(at.run())
    changed = at.dataframe[1].value
    assert dict(zip(changed["Before"], changed["After"], strict=True)) == {"跷跷板 <b>": "秋千"}
    at = search(at, "F-2")
    assert list(at.dataframe[0].value["What"]) == ["Imported"]
    at = search(at, "F-")
    assert "Nothing was done that matches" in said(at)


def test_a_history_too_long_for_one_page_says_so(
    town: Store, mongodb_uri: str, visit: Visit, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for revision in range(1, 4):
        town.update(admin, Community, "d", "d", revision, {"district": f"district {revision}"})
    monkeypatch.setattr(trail, "STEPS", 3)

    def history(at: Any, page: int) -> list[str]:
        at.session_state[f"trail-d-{hash(audit.Search())}-1"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
        at.session_state["history-d-page"] = page
        at = at.run()
        assert not at.exception
        return [str(line.value) for line in at.markdown if str(line.value).startswith("**")]

    at = visit(mongodb_uri, "admin", lang="en", part="trail")
    assert [line.split("**")[1] for line in history(at, 1)] == ["Changed"] * 3
    assert "There are older ones on the next page" in said(at)
    assert [line.split("**")[1] for line in history(at, 2)] == ["Entered"]
    assert "There are older ones on the next page" not in said(at)


def test_a_backup_that_is_too_old_is_said(
    town: Store, mongodb_uri: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, admin: Actor
) -> None:
    assert "No folder is set" in said(visit(mongodb_uri, "admin", lang="en", part="backups"))
    monkeypatch.setenv("GRIDBOARD_BACKUP_FOLDER", str(tmp_path))
    assert "There is none" in said(visit(mongodb_uri, "admin", lang="en", part="backups"))
    backup.take_into(town, admin, tmp_path)
    assert "1 backup is kept" in said(visit(mongodb_uri, "admin", lang="en", part="backups"))
    later = NOW + timedelta(days=2)
    assert "too long ago" in said(visit(mongodb_uri, "admin", lang="en", part="backups", now=later))


def test_what_a_folder_of_backups_holds_besides_is_said(
    town: Store, mongodb_uri: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, admin: Actor
) -> None:
    monkeypatch.setenv("GRIDBOARD_BACKUP_FOLDER", str(tmp_path))
    backup.take_into(town, admin, tmp_path)
    ahead = backup.name_of(backup.database_id(town), NOW + timedelta(days=9), encrypted=False)
    for name in (ahead, backup.name_of("0" * 8, NOW, encrypted=False), "gridboard-0-2026.zip"):
        (tmp_path / name).write_text("x")
    town.db["my-reports"].insert_one({})
    try:
        at = visit(mongodb_uri, "admin", lang="en", part="backups")
    finally:
        town.db["my-reports"].drop()
    text = said(at)
    assert "1 backup is kept" in text
    assert "1 file bears a moment that is still to come" in text
    assert "1 more file in this folder is of another database" in text
    assert "in no backup: my" in text


def test_what_the_server_does_by_itself_is_told_in_words(
    town: Store, mongodb_uri: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDBOARD_BACKUP_FOLDER", str(tmp_path))
    settings = Settings.from_environment()
    job = {job.key: job for job in tending.JOBS}
    tending.forget()

    def fails(_settings: Settings) -> None:
        raise Full("no room at all")

    try:
        tending.run(replace(job["seal"], work=lambda _settings: None), settings)
        tending.run(replace(job["backup"], work=fails), settings)
        at = visit(mongodb_uri, "admin", lang="en", part="backups")
        table = next(one.value for one in at.dataframe if "Last succeeded" in one.value)
        rows = {row["What"]: row for row in table.to_dict("records")}
        assert rows["Seal the audit trail"]["State"] == "Works"
        assert rows["Seal the audit trail"]["Last succeeded"] is not None
        assert rows["Take a backup every day"]["State"] == "Fails: no room at all"
        assert rows["Erase contacts whose time is over"]["State"] == "Not done yet since the start"

        assert "The daily backup fails: no room at all" in said(visit(mongodb_uri, "grids", lang="en"))
        assert "daily backup" not in said(visit(mongodb_uri, "grids", lang="en", role="editor"))
        tending.run(replace(job["backup"], work=lambda _settings: None), settings)
        assert "daily backup" not in said(visit(mongodb_uri, "grids", lang="en"))
    finally:
        tending.forget()


def test_a_page_opened_during_a_restore_says_so(store: Store, mongodb_uri: str, visit: Visit) -> None:
    """Not that this is an empty database, to be filled."""
    at = visit(mongodb_uri, lang="en")
    assert "being restored" not in said(at)
    store.db[SIGN_INS].insert_one({"_id": RESTORING})
    at = at.run()
    assert not at.exception
    assert "being restored from a backup" in said(at)
    assert not at.button


def test_a_disk_that_fills_up_is_said_on_every_page(
    town: Store, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free, words in ((700_000_000, "filling up"), (400_000_000, "nothing can be changed")):
        monkeypatch.setattr(Store, "room", lambda _store, free=free: free)
        at = visit(mongodb_uri, "grids", lang="en")
        assert not at.exception
        assert words in said(at)


def test_the_last_administrator_cannot_be_closed_and_a_new_password_ends_sign_ins(
    town: Store, mongodb_uri: str, visit: Visit, admin: Actor
) -> None:
    boss = accounts.add_user(town, admin, {"login": "boss", "name": "书记", "role": "admin"}, password=GOOD)
    token, _ = accounts.sign_in(town, "boss", GOOD, terms=accounts.Terms())
    at = press(visit(mongodb_uri, "admin", lang="en", account=boss.id), "do_remove_account")
    assert "Somebody must be left" in said(at)
    assert accounts.anybody(town)

    at = press(visit(mongodb_uri, "admin", lang="en", account=boss.id), "do_reset")
    assert not at.exception
    password = at.code[0].value
    assert accounts.visitor(town, token, accounts.Terms()) is None
    accounts.sign_in(town, "boss", password, terms=accounts.Terms())


def test_the_history_says_values_as_people_read_them() -> None:
    shanghai, midnight = ZoneInfo("Asia/Shanghai"), datetime(2026, 4, 2, tzinfo=UTC)
    facility, order = field_specs(Facility), field_specs(WorkOrder)
    kept = [
        (midnight, facility["installed_on"], "2026-04-02"),
        (midnight, order["reported_at"], "2026-04-02 08:00"),
        (midnight, None, "2026-04-02 08:00"),
        (123_45, facility["replacement_cost_cents"], "123.45 元"),
        ("fitness", facility["category"], "健身器材"),
        (True, None, "是"),
        (False, None, "否"),
        (None, facility["name"], trail.MISSING),
        (7, None, "7"),
        ({"x": True}, None, "x: 是"),
    ]
    with speaking("zh"):
        assert [trail.value_said(value, spec, shanghai) for value, spec, _said in kept] == [said for *_, said in kept]
        parts = trail.value_said({"category": "fitness"}, facility["details"], shanghai)
    assert "category" not in parts
