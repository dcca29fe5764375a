"""The three walks in a real browser, in Chinese on a desk's screen and in English on a phone: a leader opens the
overview, a manager logs a repair, a clerk imports a sheet. Nothing is asked of another machine, and its log stays
quiet."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard import byhand
from dashboard.i18n import translator
from dashboard.navigation import PAGES
from repository import maintenance
from repository.access import Actor, Role
from repository.filters import Is
from repository.maintenance import WorkOrder
from repository.store import Store
from tests.browser import Server, Visit, Windows
from tests.pages import picture

pytestmark = pytest.mark.browser

READERS = pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [
        pytest.param(1440, "zh-CN", "light", id="1440-zh"),
        pytest.param(390, "en-US", "dark", id="390-en", marks=pytest.mark.drill),
    ],
)
HEIGHTS = {1440: 900, 390: 844}
# Streamlit looks for its server below the page's path first, when a page is opened by its address.
EXPECTED_ERRORS = (re.compile(r"404 \(Not Found\)"),)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The real thing, with the demonstration loaded."""
    running = Server("--demo")
    yield running
    running.stop()


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    """The database behind the server."""
    from repository import embedded

    opened = Store.connect(embedded.start(server.home).uri)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def quiet(server: Server) -> Iterator[None]:
    """No test may leave a line in the server's log."""
    before = len(server.complaints())
    yield
    assert server.complaints()[before:] == []


def unexpected(errors: list[str]) -> list[str]:
    """What the browser complained of and no test names."""
    return [error for error in errors if not any(known.search(error) for known in EXPECTED_ERRORS)]


def in_language(language: str) -> Any:
    """The app's own words in that browser's language."""
    return translator("zh" if language.startswith("zh") else "en")


WITH_TABLES = {"grids", "facilities", "maintenance", "activities"}


def leaks_of_a_table(visitor: Visit) -> list[str]:
    """Ways by which the page's first table could be taken without our download: Streamlit's own write a text that
    begins with = as a formula (docs/reliability.md)."""
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for(timeout=60_000)
    visitor.settled()
    table.scroll_into_view_if_needed()
    table.hover()
    page.get_by_test_id("stElementToolbarButton").first.wait_for(state="attached", timeout=30_000)
    names = [button.get_attribute("aria-label") or "" for button in page.get_by_role("button").all()]
    leaks = [name for name in names if re.search("download as|copy", name, re.I)]
    page.evaluate("navigator.clipboard.writeText('untouched')")
    table.click(position={"x": 60, "y": 60})
    page.keyboard.press("Control+c")
    page.wait_for_timeout(300)
    copied = page.evaluate("navigator.clipboard.readText()")
    return leaks if copied == "untouched" else [*leaks, f"copied: {copied}"]


@READERS
def test_every_page_opens_and_asks_nobody_else(
    server: Server, windows: Windows, width: int, language: str, scheme: str
) -> None:
    """Each in its language, on the screen it is opened on; at the desk, the pages' first tables are tried, and they are
    drawn anew on a phone's screen, every second page the other way round: then none is drawn but to be looked at."""
    say = in_language(language)
    visitor = windows(width, language, scheme)
    found: dict[str, Any] = {}
    tables: set[str] = set()
    screens = sorted({width, 390}, reverse=True)
    for row in PAGES:
        visitor.go(server.address, row.key if row.key != PAGES[0].key else "")
        visitor.page.get_by_role("heading", name=say(row.title), exact=True).first.wait_for(timeout=30_000)
        visitor.settled()
        for screen in screens:
            if screen != screens[0]:
                visitor.page.set_viewport_size({"width": screen, "height": HEIGHTS[screen]})
                visitor.settled()
            if screen == 1440 and row.key in WITH_TABLES:
                if leaks := leaks_of_a_table(visitor):
                    found[f"{row.key}, a table"] = leaks
                tables.add(row.key)
            wide = visitor.page.evaluate("document.documentElement.scrollWidth")
            if wide > screen:
                found[f"{row.key} at {screen}"] = f"scrolls sideways: {wide}"
        if visitor.page.locator("[data-testid=stException]").count():
            found[f"{row.key}, an exception"] = visitor.text()
        if wrong := visitor.outside + unexpected(visitor.errors):
            found[row.key] = [*wrong]
            visitor.outside.clear()
            visitor.errors.clear()
        screens.reverse()
    assert found == {}
    assert tables == (WITH_TABLES if width == 1440 else set())


@READERS
def test_a_leader_goes_from_a_number_to_the_list_behind_it(
    server: Server, windows: Windows, width: int, language: str, scheme: str
) -> None:
    say = in_language(language)
    visitor = windows(width, language, scheme)
    page = visitor.page
    page.goto(server.address)
    tile = page.locator("[data-tile=work_overdue]")
    tile.wait_for(timeout=30_000)
    visitor.settled()
    overdue = re.search(r"\d+", tile.locator(".figure").inner_text())
    assert overdue
    page.evaluate("() => { window.still = true }")

    tile.locator(".name a").click()

    page.get_by_role("heading", name=say("Maintenance"), exact=True).wait_for(timeout=30_000)
    visitor.settled()
    listed = page.get_by_role("heading", name=re.compile(rf"^{overdue.group()}\D")).first
    listed.wait_for(timeout=30_000)
    assert page.evaluate("() => window.still"), "the app was not loaded anew"
    assert visitor.outside == []
    assert unexpected(visitor.errors) == []

    page.go_back()
    tile.wait_for(timeout=30_000)
    visitor.settled()
    tile.locator(".explain").click()
    page.get_by_test_id("stDialog").wait_for(timeout=30_000)
    visitor.settled()
    assert overdue.group() in page.get_by_test_id("stDialog").inner_text()
    assert unexpected(visitor.errors) == []


LEADING = {
    "work": (("chart_ages", "overdue"), ("chart_flows", "came"), ("chart_course", "owed")),
    "analysis": (("chart_ageing", "open"), ("chart_often-fault", "opened"), ("chart_spread-repaired", "repaired")),
}


@pytest.mark.parametrize(("width", "part"), [(1440, "work"), pytest.param(390, "analysis", marks=pytest.mark.drill)])
def test_a_click_on_a_figure_opens_its_list(server: Server, windows: Windows, width: int, part: str) -> None:
    """The number at a bar's end, a part of a bar, a point of a line, a cell, a tile: each by one click, and back."""
    visitor = windows(width, "en-US")
    page = visitor.page
    back = page.get_by_text("Back to the figures")
    page.goto(f"{server.address}/maintenance?part={part}")
    if part == "work":
        page.locator(".st-key-tile_work_repair a:visible").first.click(timeout=90_000)  # the server's first page
        back.wait_for(timeout=30_000)
        visitor.settled()
        back.click()
        cells = page.locator(".st-key-chart_by-grid [data-testid=stDataFrame]").first
        cells.wait_for(timeout=30_000)
        visitor.settled()
        cells.scroll_into_view_if_needed()
        cells.click(position={"x": 40, "y": 52})
        page.wait_for_url(re.compile("of=opened.*|.*by=grid_id.*"), timeout=30_000)
        back.wait_for(timeout=30_000)
        visitor.settled()
        page.get_by_role("radio", name="Year", exact=True).click()  # of the list: the address tells which
        page.wait_for_url(re.compile("period=year"), timeout=30_000)
        visitor.settled()
        assert "of=opened" in page.url
        back.click()
        page.wait_for_url(lambda url: "of=" not in url, timeout=30_000)
        visitor.settled()
        page.get_by_role("radio", name="Quarter", exact=True).click()
        page.wait_for_url(lambda url: "period=" not in url, timeout=30_000)
        visitor.settled()
        assert "of=" not in page.url
        assert back.count() == 0
    for card, figure in LEADING[part]:
        link = page.locator(f'.st-key-{card} svg a[*|href*="of={figure}"]').last
        link.wait_for(timeout=30_000)
        visitor.settled()
        link.evaluate("it => it.scrollIntoView({block: 'center'})")
        visitor.settled()
        spot = link.evaluate(
            "it => { const r = it.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }"
        )
        page.mouse.click(*spot)  # playwright itself cannot tell what a text within a drawing covers
        page.wait_for_url(re.compile(f"of={figure}"), timeout=30_000)
        back.wait_for(timeout=30_000)
        assert "part=analysis" in page.url or part == "work"
        visitor.settled()
        back.click()
    assert visitor.outside == []
    assert unexpected(visitor.errors) == []


def test_one_step_back_from_a_figure_leads_to_its_slide(server: Server, windows: Windows) -> None:
    """From a figure and from what a table leaves out; the app is not loaded anew."""
    visitor = windows(1440, "en-US")
    page = visitor.page
    page.goto(f"{server.address}/review?slide=6")
    page.locator(".st-key-slide-foot").wait_for(timeout=60_000)
    visitor.settled()
    for leading in (".st-key-slide .of a", ".st-key-slide a.more"):
        link = page.locator(leading).first
        for _turn in range(9):
            if link.count():
                break
            page.keyboard.press("ArrowRight")
            visitor.settled()
        here = page.url
        page.evaluate("() => { window.still = true }")
        link.click()
        page.wait_for_url(lambda url: "/review" not in url, timeout=30_000)
        visitor.settled()
        page.go_back()
        page.locator(".st-key-slide-foot").wait_for(timeout=30_000)
        visitor.settled()
        assert page.url == here
        assert page.evaluate("() => window.still")
    assert visitor.outside == []
    assert unexpected(visitor.errors) == []


def test_slides_fit_a_projector_and_their_tables_break_no_name_on_a_phone(server: Server, windows: Windows) -> None:
    visitor = windows(1440)
    page = visitor.page
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{server.address}/review?slide=1")
    page.locator(".st-key-slide-foot").wait_for(timeout=60_000)
    visitor.settled()
    count = int(page.locator(".st-key-slide-foot").inner_text().split("/")[1].split()[0])
    for number in range(1, count + 1):
        beyond = page.get_by_test_id("stMain").evaluate("it => it.scrollHeight - it.clientHeight")
        assert beyond <= 0, f"slide {number} is {beyond} px too high"
        page.keyboard.press("ArrowRight")
        visitor.settled()
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Home")
    visitor.settled()
    looked = 0
    for _turn in range(count):
        high = page.locator(".lines :is(.day,.words:not(.wrap))").evaluate_all(
            "them => them.map(it => [it.innerText, it.firstChild && (range => {"
            "range.selectNodeContents(it); return new Set([...range.getClientRects()].map(r => r.top)).size"
            "})(document.createRange())])"
        )
        for words, rows in high:
            looked += 1
            assert rows <= 1 or len(words) > 4 and "-" not in words, f"“{words}” takes {rows} lines"
        page.keyboard.press("ArrowRight")
        visitor.settled()
    page.set_viewport_size({"width": 1440, "height": HEIGHTS[1440]})
    assert looked > 20


def test_the_frame_s_choices_change_page_and_link(server: Server, windows: Windows, store: Store) -> None:
    """What is behind the frame's buttons is drawn by itself, and still moves the page."""
    grid = store.db["grids"].find_one({}, sort=[("code", -1)])
    assert grid
    visitor = windows(language="en-US")
    page = visitor.page
    page.goto(f"{server.address}/maintenance")
    page.get_by_role("heading", name="Maintenance", exact=True).wait_for(timeout=30_000)
    visitor.settled()

    page.get_by_role("button", name="Filters").click()
    page.get_by_test_id("stPopoverBody").get_by_label("Grid").click()
    page.get_by_role("option", name=grid["name"]).click()
    page.wait_for_url(re.compile(f"grid={grid['_id']}"))
    page.get_by_text(re.compile(f"{grid['name']} · as of")).wait_for(timeout=30_000)
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Language, community, role").click()
    page.get_by_test_id("stPopoverBody").get_by_text("中文").click()
    page.get_by_role("heading", name="维修", exact=True).wait_for(timeout=30_000)

    page.keyboard.press("Escape")
    page.get_by_role("button", name="数据表").first.click()
    with page.expect_download() as taken:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name="CSV", exact=True).click()
    assert taken.value.suggested_filename.endswith(".csv")
    assert unexpected(visitor.errors) == []


@pytest.mark.parametrize(("language", "choose"), [("zh-CN", "zh"), ("en-US", "en")])
def test_the_menu_has_room_or_stands_behind_a_button(
    server: Server, windows: Windows, language: str, choose: str
) -> None:
    """As a row from where all its words fit, and until then as a list that a choice, or Escape, closes."""
    say = in_language(language)
    visitor = windows(language=language)
    page = visitor.page
    page.set_viewport_size({"width": byhand.ROOM[choose], "height": 800})
    page.goto(server.address)
    page.get_by_role("heading", name=say("Overview"), exact=True).wait_for(timeout=30_000)
    visitor.settled()
    page.evaluate("window.stayed = true")

    last = page.locator("#pages a").last
    bar, word = page.locator("nav.menu").bounding_box(), last.bounding_box()
    assert bar
    assert word
    assert word["x"] + word["width"] <= bar["x"] + bar["width"], "the last one is inside the row"
    last.click()
    page.get_by_role("heading", name=say("Administration"), exact=True).wait_for(timeout=30_000)
    visitor.settled()
    assert page.locator("#pages [aria-current=page]").all_inner_texts() == [say("Administration")]

    page.set_viewport_size({"width": byhand.ROOM[choose] - 1, "height": 800})
    assert not page.locator("#pages").is_visible()
    page.get_by_role("button", name=say("Menu"), exact=True).click()
    page.locator("#pages").wait_for()
    page.keyboard.press("Escape")
    page.locator("#pages").wait_for(state="hidden")
    page.get_by_role("button", name=say("Menu"), exact=True).click()
    page.get_by_role("link", name=say("Staff"), exact=True).click()
    page.get_by_role("heading", name=say("Staff"), exact=True).wait_for(timeout=30_000)
    assert not page.locator("#pages").is_visible()
    assert page.evaluate("window.stayed"), "it moved inside the app"
    assert unexpected(visitor.errors) == []


def test_a_manager_logs_a_repair_in_three_taps(server: Server, windows: Windows, store: Store) -> None:
    """In Chinese at a desk; on a phone, in English, from a label's link: the next test."""
    say = in_language("zh-CN")
    facility = store.db["facilities"].find_one({"status": "in_service"}, sort=[("code", 1)])
    assert facility
    before = store.db["work_orders"].count_documents({})
    visitor = windows()
    page = visitor.page
    page.goto(f"{server.address}/report?facility={facility['code']}")
    page.get_by_text(facility["name"]).first.wait_for(timeout=30_000)
    visitor.settled()

    page.get_by_role("radio", name=say("Noise"), exact=True).click()
    visitor.settled()
    page.locator('[class*="st-key-danger-"] [role=radio]').nth(1).click()
    visitor.settled()
    page.locator(".st-key-do_send button").click()

    page.locator(".st-key-do_again button").wait_for(timeout=30_000)
    visitor.settled()
    assert unexpected(visitor.errors) == []
    assert store.db["work_orders"].count_documents({}) == before + 1
    newest = WorkOrder.from_document(store.db["work_orders"].find_one(sort=[("created_at", -1)]) or {})
    assert (newest.facility_id, newest.fault, newest.dangerous) == (facility["_id"], "noise", False)


class Hand:
    """What a person does on a page, counted: each tap, each text typed, each file chosen."""

    def __init__(self, visitor: Any) -> None:
        self.visitor, self.done = visitor, []

    def tap(self, what: Any, name: str) -> None:
        """Tap on it, and wait until the page has answered."""
        self._do(name, what.tap)

    def type(self, what: Any, text: str) -> None:
        """Type into it."""
        self._do(text, lambda: what.fill(text))

    def choose(self, what: Any, file: Path) -> None:
        """Choose a file for it."""
        self._do(file.name, lambda: what.set_input_files(str(file)))

    def _do(self, name: str, act: Any) -> None:
        act()
        self.done.append(name)
        self.visitor.settled()


REPORT = ":is(.byhand a.do, .st-key-do_report button)"  # drawn by hand on Overview


@pytest.mark.parametrize("start", ["", "maintenance", "label"])
def test_a_repair_is_logged_on_a_phone_in_six_taps_or_inputs(
    server: Server, windows: Windows, store: Store, tmp_path: Path, start: str
) -> None:
    """From the page a manager has open: to the form, the facility found by its code, and all that the form asks. From a
    label's link, where the facility is known, with a photo too."""
    facility = store.db["facilities"].find_one({"status": "in_service"}, sort=[("code", -1)])
    assert facility
    visitor = windows(390, "en-US")
    page, hand = visitor.page, Hand(visitor)
    if start == "label":
        page.goto(f"{server.address}/report?facility={facility['code']}")
        page.get_by_text(facility["name"]).first.wait_for(timeout=30_000)
        visitor.settled()
    else:
        page.goto(f"{server.address}/{start}")
        page.locator(REPORT).wait_for(timeout=30_000)
        visitor.settled()
        hand.tap(page.locator(REPORT), "Log a repair")
        page.locator('[class*="st-key-facility-"]').wait_for(timeout=30_000)
        visitor.settled()
        hand.type(page.locator('[class*="st-key-facility-"] input'), facility["code"])
        hand.tap(page.get_by_role("option", name=facility["code"]).first, "the facility")
    hand.tap(page.get_by_role("radio", name="Noise", exact=True), "Noise")
    hand.tap(page.locator('[class*="st-key-danger-"] [role=radio]').nth(1), "No danger")
    if photo := start == "label":
        picked = tmp_path / "photo.jpg"
        picked.write_bytes(picture((1200, 900)))
        hand.choose(page.locator("input[type=file]").first, picked)
    hand.tap(page.locator(".st-key-do_send button"), "Send the report")

    page.locator(".st-key-do_again button").wait_for(timeout=30_000)
    visitor.settled()
    newest = WorkOrder.from_document(store.db["work_orders"].find_one(sort=[("created_at", -1)]) or {})
    assert (newest.facility_id, newest.fault, newest.dangerous) == (facility["_id"], "noise", False)
    assert len(newest.photos) == int(photo)
    assert len(hand.done) <= 6, hand.done
    assert visitor.outside == []
    assert unexpected(visitor.errors) == []


@READERS
def test_a_clerk_imports_a_sheet_and_takes_it_back(
    server: Server, windows: Windows, store: Store, tmp_path: Path, width: int, language: str, scheme: str
) -> None:
    say = in_language(language)
    code = f"F-{width}-{language[:2]}"
    sheet = tmp_path / f"{code}.csv"
    rows = [
        "编号,名称,类别,使用年限",
        f"{code}-1,新单杠,健身器材,8",
        f"{code}-2,,健身器材,8",
        f"{code}-3,新道闸,道闸,8",
    ]
    sheet.write_text("\n".join(rows), encoding="utf-8-sig")
    visitor = windows(width, language, scheme)
    page = visitor.page
    page.goto(f"{server.address}/data?record=facilities")
    page.get_by_role("heading", name=say("Data"), exact=True).wait_for(timeout=30_000)
    visitor.settled()
    page.locator("input[type=file]").first.set_input_files(str(sheet))
    visitor.settled()
    page.locator(".st-key-do_intake-check button").click()
    page.locator(".st-key-do_intake-commit button").wait_for(timeout=30_000)
    assert codes(store, code) == [], "nothing is written before the yes"
    page.locator(".st-key-do_intake-commit button").click()
    page.locator(".st-key-intake-result").wait_for(timeout=30_000)
    assert codes(store, code) == [f"{code}-1", f"{code}-3"]

    page.goto(f"{server.address}/data?part=batches")
    page.locator(".st-key-undo-ask button").click()
    page.locator(".st-key-do_undo button").click()
    page.get_by_text(say("The import is taken back.")).first.wait_for(timeout=30_000)
    visitor.settled()
    assert codes(store, code) == []
    assert visitor.outside == []
    assert unexpected(visitor.errors) == []


def codes(store: Store, start: str) -> list[str]:
    """The codes of the facilities whose code starts so."""
    found = store.db["facilities"].find({"code": {"$regex": f"^{start}"}})
    return sorted(facility["code"] for facility in found)


@pytest.mark.parametrize("path", ["data?part=dictionary", "admin?part=trail"])
def test_a_table_has_no_download_and_no_copy_but_ours(server: Server, windows: Windows, path: str) -> None:
    """Of the parts that no page opens with; the walk through all pages tries the others."""
    visitor = windows(language="en-US")
    visitor.page.goto(f"{server.address}/{path}")
    assert leaks_of_a_table(visitor) == []


def test_a_wrong_address_leads_to_the_pages(server: Server, windows: Windows) -> None:
    """Ours, in the reader's language, and not Streamlit's own message over its first page."""
    visitor = windows(390, "zh-CN")
    answer = visitor.page.goto(f"{server.address}/nonsense?part=x")
    assert (answer.status, visitor.page.inner_text("h1")) == (404, "网格看板 · 没有这个页面")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.page.get_by_role("link", name="网格", exact=True).click()
    visitor.settled()
    assert re.search(r"/grids(\?|$)", visitor.page.url)
    visitor.page.get_by_role("heading", name="网格", exact=True).wait_for(timeout=30_000)
    assert visitor.outside == []
    assert unexpected(visitor.errors) == []


def test_the_page_says_so_while_the_database_is_away_and_recovers(server: Server, windows: Windows) -> None:
    """Killed under a running app, the private server is started again by the app itself."""
    import signal

    from repository import embedded

    visitor = windows()
    visitor.page.goto(server.address)
    visitor.page.wait_for_selector("[data-tile]", timeout=30_000)
    pid = embedded.status(server.home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    visitor.page.goto(f"{server.address}/grids")

    visitor.page.wait_for_selector("h1", timeout=30_000)
    visitor.settled()
    assert visitor.page.locator("[data-testid=stException]").count() == 0
    visitor.page.goto(server.address)
    visitor.page.wait_for_selector("[data-tile]", timeout=30_000)
    server.log[:] = [line for line in server.log if "gridboard" not in line]  # this test's own: it killed the database


@pytest.mark.drill
def test_a_wall_shows_what_is_new_and_goes_on_after_the_night(windows: Windows) -> None:
    """Nobody touches it: what others did appears, and when the app was away and is back, so is the page."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    evening = Server("--demo", PORT=port, GRIDBOARD_REFRESH_SECONDS="2")
    try:
        wall = windows(1440, "en-US", "light")
        wall.page.goto(evening.address)
        place = "[data-tile=work_overdue] .figure"
        wall.page.wait_for_selector(place, timeout=60_000)
        wall.settled()
        begins = int(wall.page.inner_text(place).split()[0])
        _one_overdue_less(evening)
        _told(wall, place, begins - 1)
        evening.end_app()
        wall.page.wait_for_timeout(4_000)
        morning = Server(PORT=port, GRIDBOARD_HOME=str(evening.home), GRIDBOARD_REFRESH_SECONDS="2")
        _one_overdue_less(evening)
        _told(wall, place, begins - 2)
        assert wall.page.locator("[data-testid=stException]").count() == 0
        assert morning.complaints() == []
        morning.end_app()
    finally:
        evening.stop()


def _one_overdue_less(server: Server) -> None:
    """Somebody elsewhere takes an order out."""
    from repository import embedded

    actor = Actor("x", "别人", Role.ADMIN)
    store = Store.connect(embedded.start(server.home).uri)
    late = {"is_open": True, "due_at": Is(lt=store.clock())}
    (order,) = store.find(actor, WorkOrder, "d-community", late, limit=1)
    maintenance.delete(store, actor, "d-community", order.id, order.revision)
    store.close()


def _told(wall: Visit, place: str, figure: int) -> None:
    wall.page.wait_for_function(
        "([place, figure]) => document.querySelector(place)?.innerText.startsWith(`${figure}`)",
        arg=[place, figure],
        timeout=60_000,
    )
