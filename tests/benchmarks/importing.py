"""An import of 10,000 work orders, and of 100,000 rows of a gate system, from a CSV file: open, propose a mapping,
preview, commit."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from dashboard.i18n import translator
from repository.entries import EntryLog
from repository.facilities import Category
from repository.importer import Sheet, commit, preview, propose
from repository.maintenance import Fault, Outcome, Priority, WorkOrder
from repository.record import Record
from repository.store import Store
from seed import bulk
from tests.benchmarks.stand import ACTOR, SCALE, Report, Stand, median, seconds

MOST = 20.0
GATE_MOST = 200.0  # ten times the rows, ten times the time
COMMUNITY = "bench-0001"


def run(stand: Stand, report: Report) -> None:
    """Under 20 s; 100,000 without trouble."""
    report.title("importing: a CSV file of work orders, from opening it to the end of the commit")
    store = stand.store("importing")
    if store.db["communities"].find_one({}) is None:
        bulk.load(store, work_orders=1_000)
    count = max(1_000, round(10_000 * min(1, SCALE * 10)))
    took = [_import(store, WorkOrder, stand.folder / f"orders-{n}.csv", _orders(count, n)) for n in range(3)]
    report.line(f"{count:,} rows", f"{median(took):.1f} s", f"<= {MOST:.0f} s", median(took) <= MOST)
    if SCALE >= 1:
        many = _import(store, WorkOrder, stand.folder / "orders-many.csv", _orders(count * 10, 9))
        report.line(f"{count * 10:,} rows", f"{many:.0f} s")
    gates = store.db["facilities"].distinct("code", {"community_id": COMMUNITY, "category": Category.VEHICLE.value})
    took = [_import(store, EntryLog, stand.folder / "gate.csv", _entries(store, count * 10, gates))]
    report.line(
        f"{count * 10:,} rows of a gate system", f"{took[0]:.0f} s", f"<= {GATE_MOST:.0f} s", took[0] <= GATE_MOST
    )


def _import(store: Store, record: type[Record], path: Path, rows: Iterable[Sequence[object]]) -> float:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    count = sum(1 for _ in path.open(encoding="utf-8")) - 1
    before = store.db[record.collection].estimated_document_count()

    def whole() -> None:
        languages = [translator("en"), translator("zh")]
        sheet = Sheet(path, path.name)
        mapping = propose(record, sheet, languages)
        shown = preview(store, ACTOR, COMMUNITY, sheet, mapping, languages=languages)
        commit(store, ACTOR, shown)

    took = seconds(whole)
    brought = store.db[record.collection].estimated_document_count() - before
    if brought != count:
        raise AssertionError(f"{brought} of {count} rows came in")
    path.unlink()
    return took


def _orders(count: int, series: int) -> Iterator[Sequence[object]]:
    rng, start = Random(series), datetime(2024, 1, 1)  # noqa: DTZ001 (a sheet's own wall clock)
    yield "工单号", "故障", "地点", "类别", "优先级", "报修时间", "完成时间", "结果", "费用"
    for number in range(count):
        reported = start + timedelta(minutes=rng.randrange(1_000_000))
        ended = reported + timedelta(hours=rng.lognormvariate(3, 1))
        yield (
            f"S{series}-{number:06d}",
            rng.choice([one.spellings[0] for one in Fault]),
            f"{rng.randrange(1, 40)} 栋",
            rng.choice(("健身器材", "物业管理", "环境卫生")),
            rng.choice([one.spellings[0] for one in Priority]),
            f"{reported:%Y-%m-%d %H:%M}",
            f"{ended:%Y-%m-%d %H:%M}",
            Outcome.COMPLETED.spellings[0],
            rng.randrange(0, 900),
        )


def _entries(store: Store, count: int, gates: Sequence[str]) -> Iterator[Sequence[object]]:
    """A month of a busy gate, each row once: its second and its plate differ."""
    rng = Random(1)
    start = store.clock().astimezone(store.zone(COMMUNITY)).replace(tzinfo=None) - timedelta(days=29)
    yield "车牌号", "入场时间", "出场时间", "通道/岗亭", "放行方式"
    for number in range(count):
        came = start + timedelta(seconds=number * 24)
        left = came + timedelta(minutes=rng.randrange(1, 600))
        yield (
            f"川E{number % 100_000:05d}",
            f"{came:%Y-%m-%d %H:%M:%S}",
            f"{left:%Y-%m-%d %H:%M:%S}" if number % 20 else "",
            rng.choice(gates),
            rng.choice(("自动放行", "自动放行", "手动抬杆")),
        )
