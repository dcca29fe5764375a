"""C: many at once. Nothing is overwritten silently, and an import is all or nothing."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

from repository import embedded, importer, recount
from repository.maintenance import WorkOrder
from repository.store import Conflict, Store
from tests.benchmarks.stand import Report
from tests.reliability.ground import ACTOR, an_order, home, opened


def eight_on_one_order(report: Report, long: bool) -> None:
    """Eight people click on the same order: every click has its effect or is reported as a conflict."""
    clicks = 150 if long else 25
    with home() as path:
        store = opened(path)
        order = store.insert(ACTOR, an_order("W-1"))
        took: list[float] = []

        def click(_person: int) -> int:
            conflicts = 0
            for _ in range(clicks):
                while True:
                    now = store.get(ACTOR, WorkOrder, "D", order.id)
                    began = time.perf_counter()
                    try:
                        cost = (now.cost_cents or 0) + 1
                        store.update(ACTOR, WorkOrder, "D", order.id, now.revision, {"cost_cents": cost})
                    except Conflict:
                        conflicts += 1
                    else:
                        break
                    finally:
                        took.append(time.perf_counter() - began)
            return conflicts

        with ThreadPoolExecutor(8) as pool:
            conflicts = sum(pool.map(click, range(8)))
        found = store.get(ACTOR, WorkOrder, "D", order.id)
        entries = store.db["audit"].count_documents({"record_id": order.id})
        every = 8 * clicks
        report.line("effects", f"{found.cost_cents} of {every}", str(every), found.cost_cents == every)
        report.line("conflicts told", str(conflicts), "> 0", conflicts > 0)
        report.line("audit entries", str(entries), str(found.revision), entries == found.revision)
        slow = quantiles(took, n=100)[98]
        report.line("p99 of a click", f"{slow:.3f} s", "< 1 s", slow < 1 if long else None)
        store.close()


_IMPORT = """
import sys
from pathlib import Path
from repository import importer
from repository.access import Actor, Role
from repository.maintenance import WorkOrder
from repository.store import Store
store = Store.connect(sys.argv[1], "gridboard")
actor = Actor("a", "a", Role.ADMIN)
sheet = importer.Sheet(Path(sys.argv[2]), "big.csv")
mapping = importer.propose(WorkOrder, sheet, [str]).model_copy(update={"create_missing": ("grid_id",)})
seen = importer.preview(store, actor, "D", sheet, mapping, languages=[str])
print("begin", flush=True)
importer.commit(store, actor, seen, patience=0)
print("done", flush=True)
"""


def imports_that_are_killed(report: Report, long: bool) -> None:
    """An import dies at a random moment: nothing of it is seen, and the next start clears it away."""
    rows, deaths, dice = (20_000, 10, random.Random(3)) if long else (1_500, 2, random.Random(3))
    lines = (f"K{n},松动,,{n % 5}网格,已办结,2026-02-{n % 28 + 1:02d} 8:00,2026-03-01 9:00,{n}" for n in range(rows))
    file = Path(tempfile.mkdtemp(prefix="gb-csv-")) / "big.csv"
    file.write_text("工单号,故障,类别,网格,状态,报修时间,完成时间,费用\n" + "\n".join(lines))
    with home() as path:
        store = opened(path)
        uri = embedded.start(path).uri
        whole = partly = 0
        for _ in range(deaths):
            child = subprocess.Popen(
                [sys.executable, "-c", _IMPORT, uri, str(file)], stdout=subprocess.PIPE, text=True, env=os.environ
            )
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(dice.uniform(0.05, 1.2 if long else 0.5))
            child.send_signal(signal.SIGKILL)
            child.communicate()
            fresh = Store(store.client, store.db.name)
            seen = fresh.count(ACTOR, WorkOrder, "D")
            importer.recover(fresh, stale=timedelta(days=-10_000))
            after = fresh.count(ACTOR, WorkOrder, "D")
            whole += after in {0, rows}
            partly += seen not in {0, rows}
            if after == rows:
                batch = fresh.find(ACTOR, importer.ImportBatch, "D", {"kind": "import"}, sort=[("_id", -1)], limit=1)[0]
                importer.undo(fresh, ACTOR, "D", batch.id, patience=0)
        report.line("all or nothing", f"{whole} of {deaths}", f"{deaths} of {deaths}", whole == deaths)
        report.line("seen half done", str(partly), "0", partly == 0)
        for expected in (rows, 0):
            before = Store(store.client, store.db.name).count(ACTOR, WorkOrder, "D")
            subprocess.run([sys.executable, "-c", _IMPORT, uri, str(file)], check=False, capture_output=True)
            new = Store(store.client, store.db.name).count(ACTOR, WorkOrder, "D") - before
            report.line("new rows", f"{new:,}", f"{expected:,}", new == expected)
        wrong = len(recount.check(Store(store.client, store.db.name), ACTOR, "D"))
        report.line("counters that differ", str(wrong), "0", wrong == 0)
        store.close()
