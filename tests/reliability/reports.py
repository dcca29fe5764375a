"""I6: a thousand submissions nobody should send, at the public form: nothing is executed, nothing is kept that should
not be, and each gets a clear answer."""

import random
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from dashboard import data
from dashboard.limits import Rate
from dashboard.public import Rates
from repository import facilities, labels
from repository.maintenance import Fault, WorkOrder
from repository.photos import CHUNKS, FILES
from repository.store import Store
from tests.benchmarks.stand import Report
from tests.pages import Front, Page, front, picture
from tests.reliability.ground import ACTOR, home, opened
from tests.reliability.inputs import TEXTS

MANY, FEW = 1_000, 60
LARGE = b"x" * 50_000_000


class _Lively(HTMLParser):
    """Finds what a browser would run or fetch, as it reads the page: escaped text is none of it."""

    TAGS = frozenset({"script", "img", "iframe", "svg", "object", "embed", "base", "audio", "video"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or (name in {"href", "action", "src"} and ":" in (value or "")):
                self.found.append(f"{tag} {name}")
        if tag in self.TAGS:
            self.found.append(tag)


def _executes(page: Page) -> bool:
    reader = _Lively()
    reader.feed(page.text)
    return bool(reader.found)


def hostile_reports(report: Report, long: bool) -> None:
    """Scripts, formulas, 50 MB, fake images, bombs, missing and endless fields, used and forged tokens, wrong codes."""
    with home() as path:
        store = opened(path)
        before, data.store = data.store, lambda: store  # type: ignore[assignment]
        try:
            _run(report, store, MANY if long else FEW)
        finally:
            data.store = before


def _run(report: Report, store: Store, many: int) -> None:
    from tests.test_photos import hostile

    values = {"code": "F-1", "name": "单杠", "category": "fitness"}
    machine = facilities.add_facility(store, ACTOR, "D", values)
    code = labels.mint(store, ACTOR, "D", facilities=[machine.id])[0].code
    wide = Rate(10**9, 10**9, 1.0)
    visitor = front(Rates(wide, wide, wide, wide, wide))
    dice, files = random.Random(7), list(hostile().values())
    used = visitor.get(f"/r/{code}").token
    visitor.post(f"/r/{code}", {"token": used, "fault": "loose", "dangerous": "no"})
    texts = [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in TEXTS]

    def fresh() -> str:
        return visitor.get(f"/r/{code}").token

    def send(files: Any = None, **fields: str) -> Page:
        return visitor.post(f"/r/{code}", {"token": fresh(), "fault": "loose", "dangerous": "no", **fields}, files)

    def any_text() -> str:
        return dice.choice(texts)[: dice.choice((200, 100_000))]

    tricks: dict[str, Callable[[], Page]] = {
        "words": lambda: send(words=any_text()),
        "every field": lambda: send(**{name: any_text() for name in ("fault", "dangerous", "words", "name", "phone")}),
        "caller": lambda: send(name=any_text(), phone=any_text()),
        "missing": lambda: visitor.post(f"/r/{code}", {"token": fresh(), dice.choice(("fault", "words")): "loose"}),
        "used token": lambda: visitor.post(f"/r/{code}", {"token": used, "fault": "noise", "dangerous": "yes"}),
        "forged token": lambda: visitor.post(f"/r/{code}", {"token": any_text(), "fault": "noise", "dangerous": "no"}),
        "fake photo": lambda: send([("a.jpg", dice.choice(files), dice.choice(("image/jpeg", "text/html")))]),
        "file name": lambda: send([(any_text()[:300].replace("\0", ""), picture((9, 9)), "image/png")]),
        "too many": lambda: send([("a.jpg", picture((9, 9)), "image/jpeg")] * dice.randint(4, 12)),
        "same": lambda: visitor.call("POST", f"/r/{code}", data={"token": fresh(), "same": any_text()[:2000]}),
        "program": lambda: send(website="http://x.example"),
        "no form": lambda: visitor.call("POST", f"/r/{code}", content=dice.randbytes(3_000), headers=_kind(dice)),
        "code": lambda: visitor.get(f"/r/{labels.new_code()}"),
        "path": lambda: visitor.get("/r/", params={"code": any_text()[:3000]}),
        "link": lambda: visitor.call("POST", f"/t/{dice.randbytes(12).hex()}", data={"mended": "yes"}),
        "method": lambda: visitor.call(dice.choice(("PUT", "DELETE", "PATCH")), f"/r/{code}", content=b"x"),
    }
    answers: Counter[int] = Counter()
    unclear, executed = 0, 0
    names = list(tricks)
    for number in range(many):
        page = _large(visitor, code) if number % 100 == 7 else tricks[names[number % len(names)]]()
        answers[page.status] += 1
        unclear += not _clear(page)
        executed += _executes(page)
    _judge(report, store, answers, unclear, executed, many)


def _kind(dice: random.Random) -> dict[str, str]:
    kinds = ("multipart/form-data; boundary=x", "application/json", "application/x-www-form-urlencoded", "text/xml")
    return {"content-type": dice.choice(kinds)}


def _large(visitor: Front, code: str) -> Page:
    return visitor.call(
        "POST", f"/r/{code}", content=LARGE, headers={"content-type": "multipart/form-data; boundary=x"}
    )


def _clear(page: Page) -> bool:
    """A sentence, or the way to the report."""
    if page.status == 303:
        return page.where.startswith("/t/")
    return page.status in {200, 400, 404, 405, 409, 410, 411, 413, 415, 422} and len(page.said.strip()) > 40


def _judge(report: Report, store: Store, answers: Counter[int], unclear: int, executed: int, many: int) -> None:
    told = ", ".join(f"{n} × {status}" for status, n in sorted(answers.items()))
    report.line("answers", told, "none of 5xx", not any(status >= 500 for status in answers))
    report.line("unclear answers", f"{unclear} of {many}", "0", unclear == 0)
    report.line("pages with something to execute", str(executed), "0", executed == 0)
    orders = store.find(ACTOR, WorkOrder, "D", limit=5_000)
    strange = [
        order
        for order in orders
        if order.fault not in set(Fault)
        or len(order.description or "") > 500
        or any(ord(char) < 32 and char not in "\n\t" for char in order.description or "")
    ]
    report.line("orders with what should not be kept", f"{len(strange)} of {len(orders)}", "0", not strange)
    linked = {id for order in orders for id in order.photos}
    kept = list(store.db[FILES].find({}, {"filename": 1, "metadata": 1}))
    named = [one for one in kept if one["filename"] != f"{one['_id']}.jpg"]
    report.line("photos with a name of the sender's", str(len(named)), "0", not named)
    heads = {bytes(one["data"])[:3] for one in store.db[CHUNKS].find({"n": 0}, {"data": 1})}
    report.line("photos that are no JPEG", str(heads - {b"\xff\xd8\xff"}), "none", heads <= {b"\xff\xd8\xff"})
    loose = sum("loose_at" in one["metadata"] for one in kept)
    report.line("photos that no order names", str(loose), "all swept after a day", loose + len(linked) == len(kept))
    wrong = store.db["contacts"].count_documents({"phone": {"$not": {"$regex": "^[0-9+][0-9 -]{4,18}$"}, "$ne": None}})
    report.line("telephone numbers that are none", str(wrong), "0", wrong == 0)
