"""Catalogue I2 in a real browser: every text field of every record, a file's name, its headers and cells, and the URL
bear texts that would like to be more than text; every page, drawer, chart, alert and toast is opened over them."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest

from dashboard import byhand
from repository import accounts, embedded
from repository.access import Actor, Role
from repository.activities import Activity, ActivityStatus, Attendance
from repository.facilities import Category, Condition, ConditionEntry, Facility
from repository.grids import Community, Grid, Post, Tier
from repository.maintenance import Event, Status, WorkOrder
from repository.people import Contact, Person
from repository.record import Record, field_specs
from repository.signups import SignUp
from repository.store import Store, build
from repository.words import Trouble
from tests.browser import Server, visit
from tests.reliability.inputs import LIVELY, TEXTS
from tests.test_browser import unexpected

pytestmark = [pytest.mark.browser, pytest.mark.drill]

LINK = LIVELY[0]
ALL = " ".join(text.replace("\n", " ") for text in LIVELY)
ACTOR = Actor("h", LINK, Role.ADMIN)
# Streamlit's protobuf library tries whether it may use WebAssembly, and goes on without.
WATCH = """
window.broken = [];
document.addEventListener('securitypolicyviolation', e => {
  if (e.blockedURI !== 'wasm-eval') window.broken.push(e.violatedDirective + ' ' + e.blockedURI);
});
"""
FOREIGN = """() => {
  const ours = location.origin, found = [...window.broken];
  const inside = (url) => { try { const to = new URL(url, location.href);
    return to.origin === ours || (to.protocol === 'blob:' || url.startsWith('data:image/')); } catch { return false } };
  for (const a of document.querySelectorAll('a')) {
    const to = a.getAttribute('href') ?? a.getAttribute('xlink:href') ?? '';
    if (to && !inside(to)) found.push('a ' + to);
  }
  for (const one of document.querySelectorAll('img, iframe, embed, object, source, image, use')) {
    const to = one.getAttribute('src') ?? one.getAttribute('href') ?? '';
    if (['IFRAME', 'EMBED', 'OBJECT'].includes(one.tagName) || (to && !inside(to))) found.push(one.tagName + ' ' + to);
  }
  for (const one of document.querySelectorAll('#root script'))
    if (one.textContent !== OURS) found.push('script ' + one.textContent.slice(0, 50));
  for (const one of document.querySelectorAll('[onerror], [onload], [onclick]')) found.push('handler ' + one.tagName);
  if (document.querySelector('.katex')) found.push('formula');
  return found;
}""".replace("OURS", json.dumps(byhand.links()))


def filled(record: type[Record], text: str, **values: Any) -> Record | None:
    """A record with ``text`` in each of its text fields, as far as it fits; None when the record refuses it."""
    given: dict[str, Any] = {}
    for name, spec in field_specs(record).items():
        if spec.kind in ("text", "term") and name not in values and name != "phone":
            one = text[: spec.max_length or 200]
            given[name] = (one,) if spec.many else one
    try:
        return build(record, {"community_id": "D", **given, **values})
    except Trouble:
        return None


def town(store: Store) -> dict[str, str]:
    """A community in which every record of every kind bears one of the texts; the last of each kind bears them all.
    Returns the ids of those."""
    now = datetime.now(UTC)
    today = now.date()
    last: dict[str, str] = {}

    def put(name: str, record: Record | None) -> str | None:
        if record is None:
            return None
        try:
            last[name] = store.insert(ACTOR, record).id
        except Trouble:
            return None
        return last[name]

    put("community", filled(Community, LINK, id="D", time_zone="Asia/Shanghai", residents=900, households=300))
    texts = [*TEXTS, ALL]
    people = [id for text in texts if (id := put("person", filled(Person, text)))]
    grids = []
    for place, text in enumerate((*LIVELY[:4], ALL)):
        values = {"responsible_id": people[-1 - place], "residents": 200, "households": 80}
        if id := put("grid", filled(Grid, text, code=f"{place}{text}"[:20], **values)):
            grids.append(id)
    for tier in Tier:
        put("post", filled(Post, LINK, tier=tier, grid_id=grids[-1], holder_id=people[-1], since=date(2024, 1, 1)))
    for place, text in enumerate(texts):
        past = today - timedelta(days=place + 3)
        entry = ConditionEntry(at=now, by=LINK, condition=Condition.POOR, note=ALL)
        shared = {"category": list(Category)[place % 2], "installed_on": date(2005, 1, 1), "condition": Condition.POOR}
        facility = put(
            "facility",
            filled(
                Facility,
                text,
                code=f"{place} {text}"[:60],
                grid_id=grids[place % len(grids)],
                responsible_id=people[-1],
                condition_history=(entry,),
                **shared,
            ),
        )
        event = Event(at=now, by=LINK, status=Status.REPORTED, note=ALL)
        put(
            "order",
            filled(
                WorkOrder,
                text,
                number=f"{place} {text}"[:60],
                facility_id=facility,
                grid_id=grids[place % len(grids)],
                assignee_id=people[-1],
                reported_at=now - timedelta(days=place % 20 + 1),
                due_at=now - timedelta(hours=3),
                dangerous=True,
                status=Status.ON_HOLD,
                events=(event,),
            ),
        )
        activity = put(
            "activity",
            filled(
                Activity,
                text,
                held_on=past,
                status=ActivityStatus.HELD,
                grid_id=grids[0],
                organizer_id=people[-1],
                headcount=None,
                starts_at="09:00",
                ends_at="10:00",
            ),
        )
        if activity:
            came = {"activity_id": activity, "held_on": past, "format": (text[:100] or "x")}
            put("attendance", filled(Attendance, text, resident=f"{place}{text}"[:40], grid_id=grids[0], **came))
            signed = {"activity_id": activity, "held_on": past, "asked_at": now, "grid_id": grids[0], "came": True}
            put("sign_up", filled(SignUp, text, resident=f"{place}{text}"[:40], lives_in=grids[0], **signed))
    put("contact", filled(Contact, LINK, about_id=last["order"], phone="13800001111", expires_on=today))
    made = accounts.add_user(store, ACTOR, {"login": "evil", "name": ALL[:60], "role": "viewer", "subject": ALL[:200]})
    last["account"] = made.id
    return last


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Real data without a sign-in, on this machine only."""
    running = Server(GRIDBOARD_SIGN_IN="none")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ids(server: Server) -> dict[str, str]:
    """The town, and who stands for all of it."""
    endpoint = embedded.start(server.home)
    store = Store.connect(endpoint.uri, endpoint.database)
    try:
        return town(store)
    finally:
        store.close()


ASTRAY = """chart => [...chart.querySelectorAll('.hoverlayer a, text a')].some(
    a => a.closest('.hoverlayer') || !(a.getAttribute('xlink:href') || a.getAttribute('href') || '').startsWith('?'))"""
"""Whether a chart has a link that does not lead to one of the page's own lists."""


class Looking:
    """A browser page over the town that notes whatever came alive in it."""

    def __init__(self, server: Server, visitor: Any) -> None:
        self.server, self.visitor, self.page = server, visitor, visitor.page
        self.wrong: list[str] = []
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("popup", lambda popup: self.wrong.append(f"popup {popup.url}"))
        self.page.add_init_script(WATCH)

    def at(self, path: str) -> None:
        """Open a page, let it draw, and look."""
        self.page.goto(f"{self.server.address}/{path}")
        self.page.wait_for_selector("h1", timeout=60_000)
        self.look(path)

    def look(self, where: str) -> None:
        """Note what there is and should not be."""
        self.visitor.settled()
        found = self.page.evaluate(FOREIGN)
        self.wrong += [f"{where}: {one}" for one in found]
        if self.page.locator("[data-testid=stException]").count():
            self.wrong.append(f"{where}: an exception")
        if self.page.get_by_text("This page could not be shown").count():
            self.wrong.append(f"{where}: a page that failed")

    def hover(self, where: str) -> None:
        """Move over the charts and look at what they say."""
        for chart in self.page.locator(".js-plotly-plot:visible").all()[:8]:
            chart.scroll_into_view_if_needed()
            box = chart.bounding_box()
            if box is None:
                continue
            for across in (0.15, 0.3, 0.5, 0.75):
                for down in (0.2, 0.45, 0.7):
                    self.page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
                    self.page.wait_for_timeout(60)
            if chart.evaluate(ASTRAY):
                self.wrong.append(f"{where}: a link in a chart")

    def forget(self) -> None:
        """Begin to note anew."""
        self.wrong.clear()
        self.visitor.outside.clear()
        self.visitor.errors.clear()

    def done(self) -> list[str]:
        """All that was noted, with what the browser itself complained of or asked of others."""
        return self.wrong + self.visitor.outside + unexpected(self.visitor.errors)


@pytest.fixture(scope="module")
def opened(server: Server, ids: dict[str, str], browser: Any) -> Iterator[Looking]:
    """One browser for all of it: what it loaded once it need not load again."""
    with visit(browser, language="en-US") as visitor:
        yield Looking(server, visitor)


@pytest.fixture
def looking(opened: Looking, server: Server) -> Iterator[Looking]:
    """Fails at the end with whatever came alive."""
    before = len(server.complaints())
    opened.forget()
    yield opened
    assert opened.done() == []
    assert [line for line in server.complaints()[before:] if "ERROR" in line or "Traceback" in line] == []


@pytest.mark.parametrize("path", ["", "grids", "facilities", "maintenance", "activities", "report"])
def test_pages_and_their_charts_show_letters(looking: Looking, path: str) -> None:
    looking.at(path)
    assert "evil.example" in looking.visitor.text() or path == "report", "the texts are there"
    looking.hover(path)
    if path in ("facilities", "activities"):
        looking.page.get_by_role("button", name="Table").first.click()
        looking.look(f"{path}, a table")


SAID = quote(f"{LINK} <img src=x onerror=alert(1)> $\\href{{https://evil.example}}{{x}}$")


@pytest.mark.parametrize(
    "path",
    [
        f"report?facility={SAID}",
        f"facilities?facility={SAID}&status={SAID}&category={SAID}",
        f"maintenance?order={SAID}&grid={SAID}&q={SAID}&show={SAID}&who={SAID}",
        f"activities?activity={SAID}&format={SAID}&period={SAID}",
        f"activities?part=calendar&month={SAID}&look={SAID}",
        f"admin?part={SAID}&account={SAID}&community={SAID}&lang={SAID}",
    ],
    ids=lambda path: path.partition("?")[0],
)
def test_what_stands_in_the_url_is_letters(looking: Looking, path: str) -> None:
    looking.at(path)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("maintenance?order=", "order"),
        ("facilities?facility=", "facility"),
        ("activities?activity=", "activity"),
        ("grids?edit_grid=", "grid"),
        ("grids?person=", "person"),
        ("grids?post=", "post"),
        ("admin?part=accounts&account=", "account"),
    ],
)
def test_drawers_show_letters(looking: Looking, ids: dict[str, str], path: str, name: str) -> None:
    looking.at(path + ids[name])
    dialog = looking.page.get_by_role("dialog")
    dialog.wait_for(timeout=60_000)
    looking.look(path)
    for tab in dialog.get_by_role("tab").all()[1:]:
        tab.click()
        looking.look(f"{path}, a tab")


@pytest.mark.parametrize("path", [f"report?facility={quote(f'0 {LINK}'[:60])}", "report?logged="])
def test_the_repair_form_shows_letters(looking: Looking, ids: dict[str, str], path: str) -> None:
    looking.at(path + ids["order"] if path.endswith("logged=") else path)
    assert "evil.example" in looking.visitor.text()


@pytest.mark.parametrize(
    ("page", "parts"),
    [("admin", {"", "trail", "seals", "backups"}), ("data", {"", "batches", "export", "dictionary", "counters"})],
)
def test_administration_and_data_show_letters(looking: Looking, page: str, parts: set[str]) -> None:
    """Each part after the other, as its name is tapped; the first is not in the address."""
    looking.at(page)
    seen = set()
    for name in looking.page.locator(".st-key-url-part [role=radio]").all():
        name.click()
        looking.look(f"{page}, {name.inner_text()}")
        seen.add("".join(re.findall(r"[?&]part=(\w+)", looking.page.url)))
    assert seen >= parts


def test_a_toast_and_an_alert_show_letters(looking: Looking, ids: dict[str, str]) -> None:
    looking.at(f"maintenance?order={ids['order']}")
    dialog = looking.page.get_by_role("dialog")
    dialog.get_by_label("Remark (optional)").first.fill(LINK)
    dialog.get_by_role("radio", name=re.compile("Assign|Resume|Start|in progress", re.I)).first.click()
    looking.look("a step chosen")
    looking.page.locator("[class*='st-key-do_step-'] button").click()
    looking.page.get_by_test_id("stToast").wait_for(timeout=30_000)
    assert "evil.example" in looking.page.get_by_test_id("stToast").inner_text()
    looking.look("a toast")
    looking.at(f"activities?activity={ids['activity']}")
    code = looking.page.get_by_role("textbox", name="Resident's code")
    code.fill("[x](//evil.example)")
    code.press("Tab")
    dialog.get_by_text("Nobody has come with this code before").wait_for(timeout=30_000)
    looking.visitor.settled()
    dialog.get_by_role("button", name="Record").click()
    dialog.get_by_role("alert").filter(has_text="evil.example").wait_for(timeout=30_000)
    looking.look("an alert")


# --- a file
def csv_file() -> bytes:
    """Headers and cells that are all of it."""
    head = ["编号", "名称", "类别", "使用年限", *LIVELY]
    rows = [[f"H-{place} {text}"[:60], text, "健身器材" if place % 2 else text, text, *LIVELY]
            for place, text in enumerate(LIVELY)]  # fmt: skip
    rows.append(["H-good", ALL[:200], "健身器材", "8", *LIVELY])
    out = io.StringIO()
    import csv

    csv.writer(out).writerows([head, *rows])
    return out.getvalue().encode("utf-8-sig")


def book_with_a_link_for_a_number() -> bytes:
    """A numeric cell that holds a link in Markdown: the reader's refusal quotes it."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["a", "b"])
    sheet.append([1, 2])
    plain, out = io.BytesIO(), io.BytesIO()
    book.save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert b"<v>1</v>" in part
                part = part.replace(b"<v>1</v>", f"<v>{LINK}</v>".encode()).replace(b't="n"', b"", 1)
            new.writestr(name, part)
    return out.getvalue()


NAMES = ("[Sign in](https:evil.example) www.evil.example", "<img src=x onerror=alert(1)> $\\href{evil.example}{x}$")


@pytest.mark.parametrize("name", NAMES, ids=["link", "picture"])
def test_a_file_s_name_headers_and_cells_are_letters(looking: Looking, name: str) -> None:
    page = looking.page
    looking.at("data?record=facilities")
    kind = {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": csv_file()}
    page.locator("input[type=file]").first.set_input_files(kind)
    page.locator(".st-key-do_intake-check button").wait_for(timeout=30_000)
    looking.look("what the columns are")
    page.locator(".st-key-do_intake-check button").click()
    page.locator(".st-key-intake-preview").wait_for(timeout=30_000)
    looking.look("the preview")
    if name == NAMES[0]:
        page.locator(".st-key-do_intake-commit button").click()
        page.locator(".st-key-intake-result").wait_for(timeout=30_000)
        looking.look("the result")
        looking.at("data?part=batches")
        page.locator(".st-key-undo-ask button").click()
        looking.look("taking it back")


def test_a_refusal_that_quotes_the_file_shows_letters(looking: Looking) -> None:
    page = looking.page
    looking.at("data?record=facilities")
    kind = {"name": f"{NAMES[0]}.xlsx", "mimeType": "application/zip", "buffer": book_with_a_link_for_a_number()}
    page.locator("input[type=file]").first.set_input_files(kind)
    page.get_by_test_id("stAlert").wait_for(timeout=60_000)
    assert "evil.example" in page.get_by_test_id("stAlert").inner_text()
    looking.look("the refusal")


def test_every_text_field_bears_them(server: Server, ids: dict[str, str], tmp_path: Path) -> None:
    """The town is what it claims to be: nothing above was looked at in vain."""
    endpoint = embedded.start(server.home)
    store = Store.connect(endpoint.uri, endpoint.database)
    try:
        for record in (Community, Person, Grid, Facility, WorkOrder, Activity, Attendance):
            for name, spec in field_specs(record).items():
                if spec.kind in ("text", "term") and name not in ("time_zone", "starts_at", "ends_at"):
                    there = store.db[record.collection].count_documents({name: re.compile("evil")})
                    assert there, f"{record.__name__}.{name}"
    finally:
        store.close()
