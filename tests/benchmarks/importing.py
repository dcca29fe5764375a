"""An import of 10,000 work orders from a CSV file, end to end: open, propose a mapping, preview, commit."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from dashboard.i18n import translator
from repository.importer import Sheet, commit, preview, propose
from repository.maintenance import Fault, Outcome, Priority, WorkOrder
from repository.store import Store
from seed import bulk
from tests.benchmarks.stand import ACTOR, SCALE, Report, Stand, median, seconds

MOST = 20.0
COMMUNITY = "bench-0001"
HEADERS = ("工单号", "故障", "地点", "类别", "优先级", "报修时间", "完成时间", "结果", "费用")


def run(stand: Stand, report: Report) -> None:
    """Under 20 s; 100,000 without trouble."""
    report.title("importing: a CSV file of work orders, from opening it to the end of the commit")
    store = stand.store("importing")
    if store.db["communities"].find_one({}) is None:
        bulk.load(store, work_orders=1_000)
    count = max(1_000, round(10_000 * min(1, SCALE * 10)))
    took = [_import(store, stand.folder / f"orders-{n}.csv", count, n) for n in range(3)]
    report.line(f"{count:,} rows", f"{median(took):.1f} s", f"<= {MOST:.0f} s", median(took) <= MOST)
    if SCALE >= 1:
        many = _import(store, stand.folder / "orders-many.csv", count * 10, 9)
        report.line(f"{count * 10:,} rows", f"{many:.0f} s")


def _import(store: Store, path: Path, count: int, series: int) -> float:
    _write(path, count, series)
    before = store.db["work_orders"].estimated_document_count()

    def whole() -> None:
        languages = [translator("en"), translator("zh")]
        sheet = Sheet(path, path.name)
        mapping = propose(WorkOrder, sheet, languages)
        shown = preview(store, ACTOR, COMMUNITY, sheet, mapping, languages=languages)
        commit(store, ACTOR, shown)

    took = seconds(whole)
    brought = store.db["work_orders"].estimated_document_count() - before
    if brought != count:
        raise AssertionError(f"{brought} of {count} rows came in")
    path.unlink()
    return took


def _write(path: Path, count: int, series: int) -> None:
    rng, start = Random(series), datetime(2024, 1, 1)  # noqa: DTZ001 (a sheet's own wall clock)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADERS)
        for number in range(count):
            reported = start + timedelta(minutes=rng.randrange(1_000_000))
            ended = reported + timedelta(hours=rng.lognormvariate(3, 1))
            rows.writerow(
                (
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
            )
