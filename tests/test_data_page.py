"""The Data page: a sheet from the upload to the batch and back, what is set survives, who sees which part."""

import ast
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import dashboard
from dashboard import data, imports, intake, session, spreadsheets
from dashboard.pages import data as page
from dashboard.settings import SignInBy
from repository import accounts, importer, recount
from repository.access import Actor, Refused, Role
from repository.activities import Activity
from repository.entries import EntryLog
from repository.grids import Community
from repository.maintenance import Status, WorkOrder
from repository.people import Person, add_person
from repository.store import SignedOut, Store

C = "D"
SHEET = """工单号,故障描述,网格,状态,报修时间,额外
A1,松动,一网格,待修,2026-03-01 8:00,x
A2,漏水,一网格,修了一半,2026-03-02 8:00,y
A3,漏水,二网格,待修,昨天,z
""".encode("gb18030")


@pytest.fixture(autouse=True)
def community(store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    store.insert(admin, Community(id=C, community_id=C, code=C, name="D社区"))
    monkeypatch.setattr("repository.importer.batch.PATIENCE", 0)


@pytest.fixture
def opened(mongodb_uri: str, visit: Callable[..., Any]) -> Any:
    """The page with the sheet on the bench."""
    at = visit(mongodb_uri, "data", lang="zh")
    at.file_uploader(key="intake-file").upload("三月.csv", SHEET, "text/csv").run()
    assert not at.exception
    return at


def press(at: Any, key: str) -> Any:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def said(at: Any) -> str:
    return "\n".join(str(element.value) for element in (*at.header, *at.markdown, *at.caption, *at.error, *at.success))


def test_from_upload_to_undo(opened: Any, store: Store, admin: Actor) -> None:
    at = opened
    assert at.selectbox(key="intake-1-fault-from").value == "故障描述"
    assert "没用到的列：额外" in said(at)
    assert not at.warning, "it is what it was taken for"
    press(at, "do_intake-check")
    assert "没有一行能导入" in said(at)
    press(at, "intake-make")  # the grids that nobody made yet
    assert "将导入新增 1 行，2 行不导入" in said(at)
    assert store.count(admin, WorkOrder, C) == 0  # not before the yes

    at.selectbox(key="intake-1-status-状态-1").select("in_progress").run()  # what 修了一半 means
    assert "列对应改过了" in said(at)
    press(at, "do_intake-check")
    assert "将导入新增 2 行，1 行不导入" in said(at)
    press(at, "do_intake-commit")
    assert "已导入：新增 2 行" in said(at)
    found = {order.number: order.status for order in store.find(admin, WorkOrder, C)}
    assert found == {"A1": Status.REPORTED, "A2": Status.IN_PROGRESS}

    at.query_params["part"] = "batches"
    at.run()
    assert not at.exception
    press(at, "do_undo")
    assert store.count(admin, WorkOrder, C) == 0
    assert [batch.status for batch in importer.batches(store, admin, C)][1] == "undone"
    assert recount.check(store, admin, C) == []


def test_a_file_that_breaks_off_behind_its_first_rows_is_told_on_the_page(
    mongodb_uri: str, visit: Callable[..., Any]
) -> None:
    broken = "工单号,故障描述,报修时间\n" + "A1,松动,2026-03-01\n" * 60 + "x" * 140_000 + ",松动,2026-03-01\n"
    at = visit(mongodb_uri, "data", lang="zh")
    at.file_uploader(key="intake-file").upload("三月.csv", broken.encode(), "text/csv").run()
    assert not at.exception
    assert "文件不完整或已损坏" in said(at)
    assert intake.BENCH not in at.session_state


def test_a_gate_systems_sheet_is_known_by_its_columns(mongodb_uri: str, visit: Callable[..., Any]) -> None:
    gate = "序号,车牌号,入场时间,出场时间,通道名称,放行方式\n1,川E12345,2026-03-01 8:00,2026-03-01 9:00,东门,自动放行\n"
    at = visit(mongodb_uri, "data", lang="zh")
    at.file_uploader(key="intake-file").upload("停车记录.csv", gate.encode(), "text/csv").run()
    assert not at.exception
    (doubt,) = at.warning
    assert "出入记录" in doubt.value
    press(at, "do_intake-other")
    assert at.session_state[intake.BENCH].record is EntryLog
    assert not at.warning
    assert at.selectbox(key="intake-2-who-from").value == "车牌号"


def test_rows_of_an_earlier_import_go_only_after_a_tick(
    mongodb_uri: str, visit: Callable[..., Any], store: Store, admin: Actor
) -> None:
    def text(name: str) -> bytes:
        return f"活动名称,活动日期,活动形式\n{name},2026-03-01,讲座\n".encode()

    found = importer.Sheet(text("讲座"), "活动.csv")
    mapping = importer.propose(Activity, found, imports.EVERY_LANGUAGE)
    first = importer.preview(store, admin, C, found, mapping, languages=imports.EVERY_LANGUAGE)
    importer.commit(store, admin, first)
    at = visit(mongodb_uri, "data", lang="zh", record="activities")
    at.file_uploader(key="intake-file").upload("活动.csv", text("义诊"), "text/csv").run()
    press(at, "do_intake-check")
    assert at.button(key="do_intake-commit").disabled
    (tick,) = (box for box in at.checkbox if "intake-replacing" in box.key)
    assert "1" in tick.label
    tick.check().run()
    press(at, "do_intake-commit")
    assert [row.name for row in store.find(admin, Activity, C)] == ["义诊"]


def test_a_preview_made_with_other_rights_is_not_shown_any_more(opened: Any) -> None:
    at = press(opened, "do_intake-check")
    bench = at.session_state[intake.BENCH]
    assert "没有一行能导入" in said(at)
    bench.preview.eyes = (Role.EDITOR, None, None)
    at.run()
    assert not at.exception
    assert at.session_state[intake.BENCH].preview is None
    assert "没有一行能导入" not in said(at)


def test_cancelling_writes_nothing(opened: Any, store: Store, admin: Actor) -> None:
    press(opened, "do_intake-check")
    press(opened, "intake-cancel")
    assert opened.file_uploader
    assert importer.batches(store, admin, C) == []


def test_what_is_set_survives_a_look_at_another_part(opened: Any) -> None:
    at = opened
    at.selectbox(key="intake-1-description-from").select("额外").run()
    at.text_input(key="intake-1-missing").input("无").run()
    at.query_params["part"] = "dictionary"
    at.run()
    assert not at.exception
    del at.query_params["part"]
    at.run()
    assert at.selectbox(key="intake-1-description-from").value == "额外"
    bench = at.session_state[intake.BENCH]
    assert bench.mapping.columns["description"].header == "额外"
    assert bench.mapping.missing == ("无",)


def test_constants_templates_dates_and_saving(opened: Any, store: Store, admin: Actor) -> None:
    at = opened
    at.selectbox(key="intake-1-priority-from").select(intake.SAME).run()
    at.selectbox(key="intake-1-priority-same").select("urgent").run()
    at.selectbox(key="intake-1-place-from").select(intake.SEVERAL).run()
    at.text_input(key="intake-1-place-template").input("{网格}{额外}").run()
    at.text_input(key="intake-1-reported_at-format").input("%Y-%m-%d %H:%M").run()
    at.text_input(key="intake-save-name").input("物业月报").run()
    press(at, "intake-save-now")
    (mapping,) = importer.saved_mappings(store, admin, C, "work_orders").values()
    assert mapping.columns["priority"].constant == "urgent"
    assert mapping.columns["place"].template == "{网格}{额外}"
    assert mapping.columns["reported_at"].format == "%Y-%m-%d %H:%M"

    press(at, "intake-drop")
    at.file_uploader(key="intake-file").upload("四月.csv", SHEET, "text/csv").run()
    assert at.session_state[intake.BENCH].mapping == mapping  # it fits, so it is taken
    assert "列对应：物业月报" in said(at)


def test_another_kind_of_row(opened: Any) -> None:
    opened.selectbox(key="intake-kind-1").select("facilities").run()
    assert not opened.exception
    bench = opened.session_state[intake.BENCH]
    assert (bench.record.collection, bench.version) == ("facilities", 2)


def test_a_file_that_is_none_is_refused_in_words(mongodb_uri: str, visit: Callable[..., Any]) -> None:
    at = visit(mongodb_uri, "data", lang="zh")
    at.file_uploader(key="intake-file").upload("x.xlsx", b"PK\x03\x04nonsense", "application/zip").run()
    assert not at.exception
    assert "没有打开这个 Excel 文件" in said(at)


@pytest.mark.parametrize(
    ("role", "parts"),
    [
        ("viewer", ["export", "dictionary"]),
        ("grid_worker", ["export", "dictionary"]),
        ("facility_manager", ["import", "batches", "export", "dictionary"]),
        ("editor", ["import", "batches", "export", "dictionary"]),
        ("admin", ["import", "batches", "export", "dictionary", "erase", "counters"]),
    ],
)
def test_who_sees_which_part(mongodb_uri: str, visit: Callable[..., Any], role: str, parts: list[str]) -> None:
    for part in ["import", "batches", "export", "dictionary", "erase", "counters"]:
        at = visit(mongodb_uri, "data", role=role, lang="zh", part=part)
        assert not at.exception
        assert at.segmented_control(key="url.part").value == (part if part in parts else parts[0])


def test_counting_again(mongodb_uri: str, visit: Callable[..., Any], store: Store, admin: Actor) -> None:
    at = visit(mongodb_uri, "data", lang="zh", part="counters")
    press(at, "count-again")
    assert "全部一致" in said(at)
    place = {"_id": "wrong", "community_id": C, "subject": "work_orders", "level": "stock", "period": "now"}
    store.db["monthly_counts"].insert_one({**place, "total": {"open": 3}})
    press(at, "count-again")
    assert "不一致" in said(at)
    press(at, "rebuild")
    assert "已重建" in said(at)


# --- out
@pytest.fixture
def pressing(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], bytes]], tuple[accounts.User, Callable[[], bytes]]]:
    """A button drawn for an editor who signed in: the account, and what pressing it gives."""
    monkeypatch.setattr(data, "store", lambda: store)
    monkeypatch.setattr(data, "way_in", lambda: SignInBy.ACCOUNTS)
    user = accounts.add_user(store, admin, {"login": "wang", "name": "王", "role": "editor", "subject": "wang"})
    accounts.add_user(store, admin, {"login": "boss", "name": "书记", "role": "admin", "subject": "boss"})
    token, _ = accounts.sign_in_as(store, "wang", accounts.Way.PROXY, terms=accounts.Terms())
    visitor = accounts.visitor(store, token, accounts.Terms())
    assert visitor is not None
    monkeypatch.setattr(session, "actor", lambda: visitor.actor)
    monkeypatch.setattr(session, "cookie", lambda _name: token)
    return lambda draw: (user, draw())  # type: ignore[return-value]


def _export_button() -> Callable[[], bytes]:
    return data.fetch(partial(page._exported, C, Person, "csv"))


def _table_button() -> Callable[[], bytes]:
    return data.fetch(lambda _store, _actor: spreadsheets.csv_sheet([{"姓名": "张三"}]))


@pytest.mark.parametrize("draw", [_export_button, _table_button])
@pytest.mark.parametrize("taken", ["role", "grids", "sign-in"])
def test_a_file_is_for_who_presses_the_button_not_for_whom_it_was_drawn(
    store: Store, admin: Actor, pressing: Any, draw: Callable[[], Callable[[], bytes]], taken: str
) -> None:
    add_person(store, admin, C, {"name": "张三"})
    user, press = pressing(draw)
    assert "张三" in press().decode()
    entries = store.db["audit"].count_documents({"operation": "export", "actor_name": "王"})
    assert entries == (draw is _export_button)

    if taken == "sign-in":
        accounts.edit_user(store, admin, user.id, user.revision, {"active": False})
    else:
        accounts.edit_user(store, admin, user.id, user.revision, {taken: "viewer" if taken == "role" else ["g"]})
    with pytest.raises(SignedOut if taken == "sign-in" else Refused):
        press()
    assert store.db["audit"].count_documents({"operation": "export", "actor_name": "王"}) == entries


def test_every_download_asks_who_presses_it() -> None:
    """Each ``data=`` of a download button goes through ``data.fetch``; an empty template holds nothing of anybody."""
    found = []
    for path in Path(dashboard.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "download_button":
                (given,) = [keyword.value for keyword in node.keywords if keyword.arg == "data"]
                found.append(ast.unparse(given))
    assert len(found) >= 6
    bare = [text for text in found if not text.removeprefix("data.").startswith("fetch(")]
    assert bare == ["lambda: _template(kinds[wanted], language)"]
