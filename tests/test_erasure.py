"""One resident is erased: nowhere any more, not brought back by any way in, and the figures as a rebuild gives them."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard import cli
from dashboard.i18n import translator
from repository import (
    activities,
    audit,
    backup,
    checkin,
    erasure,
    importer,
    maintenance,
    people,
    photos,
    recount,
    requests,
)
from repository.access import Actor, Refused, Role
from repository.activities import Activity, ActivityStatus, Attendance
from repository.erasure import Because
from repository.grids import Community, edit_community
from repository.importer import Sheet
from repository.maintenance import WorkOrder
from repository.people import Contact
from repository.record import RECORDS, Record, field_specs
from repository.requests import Request
from repository.rollups import COUNTS, SEEN
from repository.signups import SignUp
from repository.store import AUDIT, ERASURES, LEDGER, META, Invalid, Store
from tests.conftest import NOW, once
from tests.pages import picture

CODE, OTHER = "R-7K3Q", "R-9XYZ"
TALE = "三栋二单元501的王婆婆听不清"
DAYS = (date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10))


def whole(store: Store, *without: str) -> str:
    """Everything that stands in the database, but for some collections."""
    names = set(store.db.list_collection_names()) - {*without, ERASURES, META, "system.views"}
    told = "\n".join(f"{name} {one}" for name in sorted(names) for one in store.db[name].find())
    return re.sub(r"\b[0-9a-f]{24,}\b", "", told)  # ids: any digits may stand in them


def figures(store: Store) -> dict[str, int]:
    """The year's distinct people, and its visits: registered and counted."""
    year = store.db[COUNTS].find_one({"community_id": "d", "subject": "residents", "period": "2026"}) or {}
    visits = sum(
        one.get("total", {}).get("visits", 0)
        for one in store.db[COUNTS].find({"community_id": "d", "subject": "attendances", "level": "month"})
    )
    heads = sum(
        one.get("total", {}).get("heads", 0)
        for one in store.db[COUNTS].find({"community_id": "d", "subject": "activities", "level": "month"})
    )
    return {"people": year.get("total", {}).get("unique", 0), "visits": visits + heads}


def bring(store: Store, who: Actor, record: type[Record], text: str) -> Any:
    """Import a sheet; gives the preview and the batch."""
    sheet = Sheet(text.encode(), f"{record.collection}.csv")
    mapping = importer.propose(record, sheet, (translator("zh"),))
    seen = importer.preview(store, who, "d", sheet, mapping, languages=(translator("zh"),))
    return seen, importer.commit(store, who, seen, patience=0) if seen.counts.new + seen.counts.changed else None


@pytest.fixture
@once
def told(yard: Store, admin: Actor, mender: Actor) -> Store:
    """A community in which R-7K3Q came three times, asked for something by two spellings of the code, and was heard."""
    for place, day in enumerate(DAYS):
        held = Activity(id=f"a{place}", community_id="d", name=f"讲座{place}", format="lecture", held_on=day)
        yard.insert(admin, held.model_copy(update={"headcount": 7 if place == 0 else None}))
        codes = f"{CODE} 75+ 女 1\n" * (place < 2) + f"{OTHER} 18-35 男 2"
        assert not activities.record_attendances(yard, admin, "d", f"a{place}", codes, accept_new=True).problems
    _seen, batch = bring(yard, admin, Attendance, f"活动,居民代码,日期,年龄段\n讲座2,{CODE},2026-03-10,75+\n")
    assert batch is not None
    (came,) = yard.find(admin, Attendance, "d", {"batch_id": batch.id})
    activities.correct_attendance(yard, admin, "d", came.id, came.revision, {"sex": "f"})
    left = importer.undo(yard, admin, "d", batch.id)
    assert [row.name for row in left.left_rows] == [CODE], "it was edited since"
    facts = {"text": TALE, "grid_id": "d-g1", "place": "3栋2单元501"}
    first = requests.take_request(
        yard, mender, "d", {**facts, "resident": "r7k3q"}, caller_name="王婆婆", caller_phone="13900001111"
    )
    order = requests.become_order(yard, mender, "d", first.id, first.revision, fault="loose")
    seen = photos.keep(yard, mender, "d", picture())
    with_photo = maintenance.log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=[seen])

    def hand(write: Any) -> None:  # as an inspector's photo is shown by the order it came to
        photos.share(write, with_photo, order, [seen])
        write.update(WorkOrder, "d", order.id, order.revision, {"photos": (seen,)})

    yard.write(mender, hand)
    order = yard.get(mender, WorkOrder, "d", order.id)
    maintenance.move(yard, mender, "d", order.id, order.revision, maintenance.Status.REJECTED, note="重复")
    second = requests.take_request(yard, mender, "d", {**facts, "text": "再说一次：" + TALE, "resident": CODE})
    second = requests.resolve(yard, mender, "d", second.id, second.revision, answer="已上门看过" + TALE)
    requests.remark(yard, mender, "d", second.id, "女儿叫王小妹")
    head = "编号,诉求内容,居民代码,接待时间\n"
    _seen, batch = bring(yard, admin, Request, f"{head}{second.number},又说一次：{TALE},{CODE},2026-04-02 16:30\n")
    assert batch is not None
    assert batch.changed == 1
    requests.take_request(yard, mender, "d", {**facts, "text": "路灯不亮", "place": "东门", "resident": OTHER})
    return yard


def test_who_is_erased_is_nowhere_and_stays_away(told: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    before = figures(told)
    found = erasure.preview(told, admin, "d", "r7k3q")
    assert (dict(found.gone), dict(found.emptied)) == ({"attendances": 3}, {"requests": 2, "work_orders": 1})
    assert (found.contacts, found.photos, found.heads, found.records) == (1, 1, 3, 6)
    kept = {
        name: list(told.db[name].find({"resident": {"$in": [CODE, "r7k3q"]}})) for name in ("attendances", "requests")
    }
    (replaced,) = told.db[LEDGER].find({"before.resident": CODE})
    assert replaced["before"]["text"].endswith(TALE)
    last_entry = max(one["_id"] for one in told.db[AUDIT].find({}, {"_id": 1}))

    # cut off in the middle, and brought to its end
    keep_head, heads = erasure._keep_head, []

    def dies(write: Any, attendance: Any) -> None:
        heads.append(attendance["_id"])
        if len(set(heads)) == 2:  # a transaction may run again
            raise KeyboardInterrupt
        keep_head(write, attendance)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "CHUNK", 1)
        patch.setattr(erasure, "_keep_head", dies)
        with pytest.raises(KeyboardInterrupt):
            erasure.erase(told, admin, "d", CODE, Because.ASKED)
    (row,) = erasure.erasures(told, admin, "d")
    assert (row.complete, row.records) == (False, 1)
    assert recount.check(told, admin, "d") == [], "as far as it came it is whole"
    done = erasure.erase(told, admin, "d", " R-7K3Q ", "asked")
    assert (done.complete, done.records, done.because) == (True, 6, Because.ASKED)

    # nowhere, in no spelling; the trail has pseudonyms from before, and never had the words
    text = whole(told, AUDIT)
    for gone in ("7K3Q", "7k3q", "王婆婆", "单元501", "13900001111", "王小妹"):
        assert gone not in text, gone
    assert told.db[AUDIT].count_documents({"names": CODE}) == 4
    everything = [str(one) for one in told.db[AUDIT].find()]
    assert not any(said in one for one in everything for said in ("婆婆", "王小妹", "13900001111", "2单元501"))
    later = [str(one) for one in told.db[AUDIT].find({"_id": {"$gt": last_entry}})]
    assert later
    assert not any(said in one for one in later for said in ("7K3Q", "7k3q", "单元501", "75+"))
    entries = audit.trail(told, admin, "d", audit.Search(collection=ERASURES))
    assert {(one.actor, one.record_id) for one in entries} == {(admin.name, row.id)}
    (entered,) = [one for one in entries if one.operation == "create"]
    assert (entered.after["because"], entered.name) == ("asked", "asked")

    # the past keeps its visits, and has one person less; everything as a rebuild gives it
    after = figures(told)
    assert after == {"people": before["people"] - 1, "visits": before["visits"]}
    assert [told.get(admin, Activity, "d", f"a{n}").headcount for n in range(3)] == [8, 1, 1]
    assert recount.check(told, admin, "d") == []
    recount.rebuild(told, admin, "d")
    assert figures(told) == after
    assert told.db[COUNTS].count_documents({"subject": SEEN, "resident": OTHER}) == 1
    other = told.find(admin, Request, "d", {"resident": OTHER})[0]
    assert (other.text, other.place) == ("路灯不亮", "东门"), "nobody else's"
    emptied = [one for one in told.find(admin, Request, "d") if one.resident is None]
    assert {(one.text, one.place, one.answer, one.words) for one in emptied} == {("…", None, None, ())}
    assert all(event.note is None for one in emptied for event in one.events)
    (order,) = [one for one in told.find(admin, WorkOrder, "d") if one.request_id]
    assert (order.description, order.photos, order.place) == (None, (), "…")
    assert told.db[Contact.collection].count_documents({}) == 0

    # no way back in: by hand, by sheet, by the undo of one; and a row that is there all the same goes again
    with pytest.raises(Invalid, match="second look") as refused:
        activities.record_attendance(told, admin, "d", "a1", resident="7k3q", accept_new=True)
    assert "erased" in str(refused.value.problems["resident"].text)
    with pytest.raises(Invalid):
        requests.take_request(told, admin, "d", {"text": "x", "grid_id": "d-g1", "resident": "r-7k3q"})
    seen, _nothing = bring(
        told, admin, Attendance, "活动,居民代码,日期\n讲座2,7K3Q,2026-03-10\n讲座1,R-4444,2026-02-10\n"
    )
    assert (seen.counts.new, seen.counts.rejected, seen.problems[0].field) == (1, 1, "resident")
    importer.undo(told, admin, "d", replaced["batch_id"])
    assert "婆婆" not in whole(told), "an undo does not bring it back"
    with pytest.raises(Invalid, match="second look"):
        erasure.erase(told, admin, "d", "R-3333", "asked")
    told.db["requests"].delete_many({"_id": {"$in": [one["_id"] for one in kept["requests"]]}})
    for name, rows in kept.items():
        told.db[name].insert_many(rows)
    recount.rebuild(told, admin, "d")
    assert erasure.carry_on(told, admin, "d") == 1
    assert "7K3Q" not in whole(told, AUDIT)
    assert recount.check(told, admin, "d") == []
    assert erasure.carry_on(told, admin, "d") == 0
    assert erasure.carry_on(told, admin, "e") == 0
    for nobody in (Actor("n", "n", Role.EDITOR), Actor("g", "g", Role.ADMIN, grids=frozenset({"d-g1"}))):
        with pytest.raises(Refused):
            erasure.erase(told, nobody, "d", OTHER, "asked")


def test_an_older_backup_does_not_bring_anybody_back(
    told: Store, admin: Actor, server: Callable[[str], str], tmp_path: Path
) -> None:
    taken = tmp_path / backup.name_of(backup.database_id(told), NOW, encrypted=False)
    backup.take(told, admin, taken)
    backup.note_erasures(told, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1, "nobody was erased yet"
    erasure.erase(told, admin, "d", CODE, "left")
    backup.note_erasures(told, tmp_path)
    (ledger,) = tmp_path.glob("*.erasures.json")
    assert "7K3Q" not in ledger.read_text()
    assert ledger.stat().st_mode & 0o077 == 0

    target = Store.connect(server("gridboard_restored"), clock=lambda: NOW)
    try:
        for damage in ("", "{}"):
            target.client.drop_database(target.db.name)
            bad = tmp_path / "bad.json"
            bad.write_text(damage)
            with pytest.raises(erasure.LedgerTrouble, match="can't be read"):
                backup.restore(target, taken, ledger=bad)
            assert backup.is_empty(target)
        backup.restore(target, taken, by="恢复者")
        assert "7K3Q" not in whole(target, AUDIT)
        assert "婆婆" not in whole(target)
        (row,) = erasure.erasures(target, admin, "d")
        assert (row.because, row.complete, row.records) == (Because.LEFT, True, 6)
        assert recount.check(target, admin, "d") == []
        assert target.erased("d", ["7k3q", OTHER]) == {"7k3q"}
        erasure.erase(target, admin, "d", OTHER, "left")
        (tmp_path / "gridboard-00000000.erasures.json").write_text("{}")  # of a stranger: left alone
        backup.note_erasures(target, tmp_path)
        lists = {path.name: path.read_text() for path in tmp_path.glob("*.erasures.json")}
        assert len(lists) == 3, "the old database's, whose backups stay, and its own"
        assert lists.pop("gridboard-00000000.erasures.json") == "{}"
        assert len(set(lists.values())) == 1
        assert all(text.count("_id") == 4 for text in lists.values())
    finally:
        target.client.drop_database(target.db.name)
        target.close()


def test_the_command_and_the_page_ask_twice(
    told: Store, admin: Actor, mongodb_uri: str, visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("GRIDBOARD_BACKUP_FOLDER", str(tmp_path))
    at = visit(mongodb_uri, "data", role="secretary", lang="en", part="erase", community="d")

    def field(name: str) -> Any:
        return next(
            one
            for one in (*at.text_input, *at.button, *at.selectbox)
            if str(one.key).startswith((f"erase-{name}-", f"{name}_erase-"))
        )

    def written() -> str:
        return " ".join(f"{one.value}" for one in (*at.info, *at.error, *at.warning, *at.caption, *at.markdown))

    field("code").set_value("张三").run()
    assert "never a name" in written()
    field("code").set_value("R-3333").run()
    assert "Nothing here names this code" in written()
    field("code").set_value("7k3q").run()
    assert not at.exception
    assert field("do").disabled
    field("why").select("asked").run()
    field("again").set_value(OTHER).run()
    assert "another code" in written()
    assert field("do").disabled
    field("again").set_value(CODE).run()
    assert field("do").label == "Erase 6 records for good"
    field("do").click().run()
    assert not at.exception
    assert field("code").value == "", "nothing of it stays in the form"
    assert "7K3Q" not in whole(told, AUDIT)
    assert len(list(tmp_path.glob("*.erasures.json"))) == 1

    monkeypatch.setattr(cli.database, "open_store", lambda _settings: told)
    monkeypatch.setattr(told, "close", lambda: None)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    words = ["erase-resident", OTHER, "--community", "d", "--because", "left"]
    assert cli.main(words) == 1
    assert "Add --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for typed, code, said in ((CODE, 1, "Nothing was erased"), ("r-9xyz", 0, "Erased: 4 records")):
        monkeypatch.setattr("builtins.input", lambda _ask, typed=typed: typed)
        assert cli.main(words) == code
        assert said in capsys.readouterr().out
    assert OTHER not in whole(told, AUDIT)
    assert {one.because for one in erasure.erasures(told, admin, "d")} == {Because.ASKED, Because.LEFT}
    assert cli.main([*words, "--yes"]) == 1
    assert "Nothing here names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "left"),
    [
        ("3栋2单元501", "3栋2单元"),
        ("幸福里三栋二单元5楼1号，漏水", "幸福里三栋二单元，漏水"),
        ("３号楼１２０１ 室", "３号楼"),
        ("A座1203门口的灯", "A座门口的灯"),
        ("3-2-501", "3-2"),
        ("501室", "…"),
        ("3栋2单元", "3栋2单元"),
        ("安富街120号路灯旁", "安富街120号路灯旁"),
        ("7栋负一楼电梯间", "7栋负一楼电梯间"),
    ],
)
def test_a_place_without_the_door_is_left_of_a_home(place: str, left: str) -> None:
    assert erasure.without_flat(place) == left


def test_what_is_under_way_goes_on_without_who_is_erased(yard: Store, admin: Actor, mender: Actor) -> None:
    """An open order keeps as much of where they live as finding the damage takes, and the next one gets their place at
    an activity to come; at one that is over nobody moves up."""
    for id, days in (("a", 3), ("b", 1)):
        ahead = NOW.date() + timedelta(days=days)
        planned = Activity(id=id, community_id="d", name=id, format="lecture", held_on=ahead, capacity=1)
        yard.insert(admin, planned.model_copy(update={"status": ActivityStatus.PLANNED}))
        for code in (CODE, OTHER, "R-AAAA"):
            checkin.sign_up(yard, admin, "d", id, resident=code, accept_new=True)
    facts = {"text": TALE, "grid_id": "d-g1", "place": "3栋2单元501", "resident": CODE}
    orders = []
    for place, facility in ((None, None), (None, "d-F-01"), ("3栋2单元501 门口", None), ("东门", None)):
        asked = requests.take_request(yard, mender, "d", facts)
        made = requests.become_order(
            yard, mender, "d", asked.id, asked.revision, fault="loose", place=place, facility_id=facility
        )
        orders.append(made.id)
    yard.clock = lambda: NOW + timedelta(days=2)  # type: ignore[method-assign]

    erasure.erase(yard, admin, "d", CODE, Because.ASKED)

    assert [yard.get(admin, WorkOrder, "d", id).place for id in orders] == ["3栋2单元", "…", "3栋2单元 门口", "东门"]
    assert "单元501" not in whole(yard, "grids", AUDIT)
    listed = {(one.activity_id, one.resident): str(one.state) for one in yard.find(admin, SignUp, "d")}
    assert listed == {
        ("a", OTHER): "signed", ("a", "R-AAAA"): "waiting", ("b", OTHER): "waiting", ("b", "R-AAAA"): "waiting"
    }  # fmt: skip
    assert recount.check(yard, admin, "d") == []


def test_contacts_go_some_days_after_the_end(yard: Store, admin: Actor, mender: Actor) -> None:
    """30 days unless the community says otherwise; what waits for a call-back keeps them, 180 days at the latest."""
    moment = [NOW]
    yard.clock = lambda: moment[0]  # type: ignore[method-assign]
    reach = {"caller_name": "王", "caller_phone": "13900001111"}
    made = {
        name: requests.take_request(yard, mender, "d", {"text": name, "grid_id": "d-g1"}, **reach)
        for name in ("open", "answered", "declined", "closed", "reopened")
    }
    for name in ("answered", "closed", "reopened"):
        one = made[name]
        made[name] = requests.resolve(yard, mender, "d", one.id, one.revision, answer="好了")
    one = made["declined"]
    requests.decline(yard, mender, "d", one.id, one.revision, reason="不属于")
    for name in ("closed", "reopened"):
        one, said = made[name], {"reached": True, "solved": True, "satisfaction": "satisfied"}
        made[name] = requests.call_back(yard, mender, "d", one.id, one.revision, **said)  # type: ignore[arg-type]
    orders = [
        maintenance.log_repair(yard, mender, "d", fault="loose", facility_id=f"d-F-0{n}", **reach) for n in (1, 2, 2)
    ]
    names = {one.id: name for name, one in made.items()} | {one.id: f"order {n}" for n, one in enumerate(orders)}
    one = orders[0]
    maintenance.move(yard, mender, "d", one.id, one.revision, maintenance.Status.REJECTED, note="重复")
    maintenance.merge(yard, mender, "d", orders[2].id, orders[2].revision, orders[1].id)

    def left(days: int) -> set[str]:
        moment[0] = NOW + timedelta(days=days)
        erasure.forget_closed(yard, admin, "d", on=moment[0].date())
        return {names[one.about_id] for one in yard.find(admin, Contact, "d")}

    moment[0] = NOW + timedelta(days=20)
    one = made["reopened"]
    requests.reopen(yard, mender, "d", one.id, one.revision, reason="又坏了")
    assert len(left(30)) == 8
    still = {"open", "answered", "reopened", "order 1", "order 2"}
    assert left(31) == still
    moment[0] = NOW + timedelta(days=40)
    one = orders[1]
    maintenance.move(yard, mender, "d", one.id, yard.get(admin, WorkOrder, "d", one.id).revision, "rejected", note="x")
    home = yard.find(admin, Community, "d", {"_id": "d"})[0]
    edit_community(yard, admin, "d", home.revision, {"contact_days": 2})
    assert left(42) == still
    assert left(43) == {"open", "answered", "reopened"}, "the merged one goes with the one it went into"
    assert people.forget_expired(yard, admin, "d", on=NOW.date() + timedelta(days=181)) == 3


def names_residents(owner: type[Any], path: str = "") -> Iterator[str]:
    """Fields called after a resident, in parts too."""
    for name, spec in field_specs(owner).items():
        if name == "resident" or name.startswith("resident_"):
            yield path + name
        for part in spec.parts:
            yield from names_residents(part, f"{path}{name}.")


def test_every_record_that_names_a_resident_says_what_becomes_of_it() -> None:
    for name, record in RECORDS.items():
        trace, named = record.trace, list(names_residents(record))
        assert len(named) == len([trace for _ in named if trace and not trace.of and named == [trace.field]]), (
            f"{name} names residents ({', '.join(named)}): declare its trace (record.Trace)"
        )
        if trace is None:
            continue
        fields = field_specs(record)
        assert trace.field in fields, name
        assert any(index.keys[:2] == ("community_id", trace.field) for index in record.indexes) or any(
            trace.field in index.keys for index in record.indexes
        ), f"{name}: erasing reads by {trace.field}"
        for path in trace.emptied:
            root, _dot, leaf = path.partition(".")
            assert root in fields, f"{name}.{path}"
            assert not leaf or all(not field_specs(part)[leaf].required for part in fields[root].parts), path
        assert not trace.of or RECORDS[trace.of].trace is not None
