"""`gridboard import` and `gridboard export`, on a database of the test's own."""

import io
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import pytest

from dashboard import cli
from repository.access import Actor, Refused
from repository.activities import Activity
from repository.maintenance import WorkOrder
from repository.store import Store

SHEET = "工单号,故障,网格,报修时间\nA1,松动,一网格,2026-03-01\nA2,松动,一网格,昨天\nA3,松动,一网格,2026-03-02\n"


@pytest.fixture(autouse=True)
def here(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cli.database, "open_store", lambda _settings: store)
    monkeypatch.setattr(store, "close", lambda: None)
    monkeypatch.setattr("repository.importer.batch.PATIENCE", 0)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "台账.csv").write_text(SHEET, "utf-8")


def run(*words: str) -> int:
    return cli.main(list(words))


NEW = ("import", "台账.csv", "--record", "work_orders", "--community", "D", "--create-community", "D社区")


def test_a_sheet_into_a_new_community(store: Store, admin: Actor, capsys: pytest.CaptureFixture[str]) -> None:
    new = (*NEW, "--time-zone", "Asia/Tokyo")
    assert run(*new, "--yes") == 1  # nobody said that grids may be made
    assert "Kept out 3" in capsys.readouterr().out
    assert run(*new, "--create-missing", "--yes") == 0
    assert "New 2 · Changed 0 · Unchanged 0 · Flagged 0 · Kept out 1" in capsys.readouterr().out
    (community,) = store.communities(admin)
    assert (community["name"], community["code"], community["time_zone"]) == ("D社区", "D", "Asia/Tokyo")
    first = store.find(admin, WorkOrder, community["_id"])[0]
    assert first.reported_at.astimezone(ZoneInfo("Asia/Tokyo")).hour == 0, "the sheet is read in its zone"


def test_preview_problems_commit_undo_export(
    store: Store, admin: Actor, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "m.json").write_text(
        '{"record": "work_orders", "create_missing": ["grid_id"], "columns": {"number": {"header": "工单号"},'
        '"fault": {"header": "故障"}, "grid_id": {"header": "网格"}, "reported_at": {"header": "报修时间"}}}',
        "utf-8",
    )
    (_, file, _, _, *community) = NEW
    assert run("import", file, "--mapping", "m.json", *community, "--yes", "--problems", "out.csv") == 0
    said = capsys.readouterr().out
    assert "Rows 3 · New 2 · Changed 0 · Unchanged 0 · Flagged 0 · Kept out 1" in said
    assert "Row 3, 报修时间:" in said
    assert "A2,松动,一网格,昨天,3," in (tmp_path / "out.csv").read_text("utf-8-sig")
    community_id = store.communities(admin)[0]["_id"]
    assert {order.number for order in store.find(admin, WorkOrder, community_id)} == {"A1", "A3"}

    assert run("export", "work_orders", "--out", "o.csv") == 0
    assert run("import", "o.csv", "--record", "work_orders") == 0
    assert "Unchanged 2" in capsys.readouterr().out

    batch = said.split("--undo ")[1].split()[0]
    assert run("import", "--undo", batch) == 0
    assert "3 rows taken out" in capsys.readouterr().out  # with the grid
    assert store.count(admin, WorkOrder, community_id) == 0
    assert run("import", "--undo", batch) == 1


def test_a_yes_to_the_rows_is_none_to_what_would_go(
    store: Store, admin: Actor, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("import", "活动.csv", "--record", "activities", "--community", "D", "--create-community", "D社区", "--yes")
    for name in ("讲座", "义诊"):
        (tmp_path / "活动.csv").write_text(f"活动名称,活动日期,活动形式\n{name},2026-03-01,讲座\n", "utf-8")
        came = run(*words)
    assert came == 1
    shown = capsys.readouterr()
    assert "1 rows of that go" in shown.out
    assert "Add --replace" in shown.err
    community_id = store.communities(admin)[0]["_id"]
    assert [row.name for row in store.find(admin, Activity, community_id)] == ["讲座"]
    assert run(*words, "--replace") == 0
    assert [row.name for row in store.find(admin, Activity, community_id)] == ["义诊"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*NEW, "--create-missing"), "Add --yes"),
        (("import", "台账.csv", "--record", "nonsense"), "no records called"),
        (("import", "nowhere.csv", "--record", "grids"), "no file"),
        (("import", "台账.csv", "--record", "work_orders"), "say which one"),
        (("import", "台账.csv", "--mapping", "台账.csv"), "not written in JSON"),
        (("import", "台账.csv", "--mapping", "nowhere.json"), "can't be read"),
        (("export", "work_orders", "--out", "x.pdf"), ".xlsx or .csv"),
        (("import", "--undo", "nothing"), "no import"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: tuple[str, ...], said: str, store: Store, admin: Actor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 1
    shown: Any = capsys.readouterr()
    assert said in shown.err
    assert store.db["work_orders"].count_documents({}) == 0


# --- nothing is left of what was not done
class Terminal(io.StringIO):
    """Somebody sits before it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "said"), [("n\n", "Nothing was imported"), ("", "no answer, so nothing was done")], ids=["no", "Ctrl-D"]
)
def test_a_community_is_made_only_after_the_yes(
    answer: str, said: str, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert run(*NEW, "--create-missing") == 1
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert "Traceback" not in shown.err
    assert store.db["communities"].count_documents({}) == 0
    assert store.db["audit"].count_documents({}) == 0


def test_a_sheet_that_cannot_be_read_makes_no_community(store: Store, tmp_path: Path) -> None:
    (tmp_path / "台账.csv").write_bytes(b"\0\1\2")
    assert run(*NEW, "--create-missing", "--yes") == 1
    assert store.db["communities"].count_documents({}) == 0


def test_a_community_that_cannot_be_is_said_before_the_question(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*NEW, "--create-missing", "--yes", "--time-zone", "Mars/North") == 1
    assert "time_zone" in capsys.readouterr().err
    assert store.db["communities"].count_documents({}) == 0


@pytest.mark.parametrize(
    "words",
    [
        ("export", "work_orders", "--out", "nowhere/x.xlsx"),
        (*NEW, "--create-missing", "--yes", "--problems", "no/p.csv"),
    ],
    ids=["export", "import"],
)
def test_a_file_that_cannot_be_written_is_said_first(
    words: tuple[str, ...], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 1
    told = capsys.readouterr()
    assert "can't be written" in told.err
    assert "Rows" not in told.out
    assert store.db["audit"].count_documents({}) == 0


def test_an_export_replaces_a_file_only_when_it_is_on_record(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(*NEW, "--create-missing", "--yes") == 0
    out = tmp_path / "o.csv"
    out.write_text("of last month")
    out.chmod(0o640)

    def refused(*_anything: Any, **_more: Any) -> NoReturn:
        raise Refused("no")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", refused)
        assert run("export", "work_orders", "--out", "o.csv") == 1
    assert out.read_text() == "of last month"
    assert sorted(tmp_path.iterdir()) == sorted([out, tmp_path / "台账.csv"]), "no draft is left"
    assert run("export", "work_orders", "--out", "o.csv") == 0
    assert "A1" in out.read_text("utf-8-sig")
    assert out.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.iterdir()) == sorted([out, tmp_path / "台账.csv"])


def test_what_is_wrong_with_a_mapping_is_said_by_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.json").write_text('{"record": "nonsense", "header_row": 99}')
    assert run("import", "台账.csv", "--mapping", "m.json") == 1
    told = capsys.readouterr().err
    assert told.splitlines()[0] == "m.json is no mapping."
    assert {line.split(":")[0].strip() for line in told.splitlines()[1:]} == {"record", "columns", "header_row"}
    for word in ("pydantic", "Traceback", "input_value", "type="):
        assert word not in told
