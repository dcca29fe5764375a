"""From the scan to the sent report on a phone: one page, one submit; then the manager sees the photo in the order."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repository import labels, photos
from repository.access import Actor, Role
from repository.facilities import Facility
from repository.maintenance import Status, WorkOrder, log_repair, move
from repository.store import Store
from tests.browser import Server, Windows, visit
from tests.pages import picture

pytestmark = [pytest.mark.browser, pytest.mark.drill]

CLERK = Actor("clerk", "文员", Role.ADMIN)
MENDER = Actor("mender", "师傅", Role.FACILITY_MANAGER)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The real thing, with the demonstration loaded."""
    running = Server("--demo")
    yield running
    running.stop()


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    """The database behind the server, with the rights of the app."""
    from repository import embedded

    opened = Store.connect(embedded.start(server.home).uri)
    yield opened
    opened.close()


@pytest.mark.parametrize(("language", "scheme"), [("zh-CN", "light"), ("en-US", "dark")])
def test_one_page_and_one_submit(
    server: Server, store: Store, browser: Any, tmp_path: Path, language: str, scheme: str
) -> None:
    home = store.communities(CLERK)[0]["_id"]
    machine = store.find(CLERK, Facility, home, {"status": "in_service"}, limit=2)[language == "zh-CN"]
    code = labels.mint(store, CLERK, home, facilities=[machine.id])[0].code
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture((2400, 1800)))
    chinese = language == "zh-CN"
    pages: list[str] = []
    submits: list[str] = []
    weight = 0
    with visit(browser, width=390, language=language, scheme=scheme) as visitor:
        page = visitor.page

        def seen(request: Any) -> None:
            if request.method == "POST":
                submits.append(request.url)
            elif request.is_navigation_request():
                pages.append(request.url)

        def weighed(answer: Any) -> None:
            nonlocal weight
            if answer.request.method == "GET":
                weight += len(answer.body())

        page.on("request", seen)
        page.on("response", weighed)
        page.goto(f"{server.address}/r/{code}")
        assert weight < 100_000, "the page, with everything it asks for"
        assert page.locator("script").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_text("松动" if chinese else "Loose", exact=True).click()
        page.get_by_text("没有" if chinese else "No danger", exact=True).click()
        page.locator("#photos").set_input_files(photo)
        sizes = page.eval_on_selector_all(
            ".pick span, button", "all => all.map(one => one.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44, "large enough for a thumb"
        assert (len(pages), submits) == (1, [])
        page.locator("button").last.click()
        page.wait_for_url(re.compile(r"/t/"))
        assert len(submits) == 1
        assert ("已收到" if chinese else "has arrived") in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        order = store.find(CLERK, WorkOrder, home, {"facility_id": machine.id}, sort=[("created_at", -1)], limit=1)[0]
        assert len(order.photos) == 1
        assert order.number in page.inner_text("main")

        order = move(store, MENDER, home, order.id, order.revision, Status.DONE)
        page.reload()
        page.get_by_text("没有修好" if chinese else "No, it is not", exact=True).click()
        page.locator("button").last.click()
        page.get_by_text("正在返修" if chinese else "being done again").wait_for()
        assert store.get(CLERK, WorkOrder, home, order.id).status is Status.REOPENED
        assert visitor.outside == []
        assert visitor.errors == []
    assert server.complaints() == []


def test_the_order_shows_its_photo_small_and_large_and_takes_another(
    server: Server, store: Store, windows: Windows, tmp_path: Path
) -> None:
    home = store.communities(CLERK)[0]["_id"]
    facility = store.find(CLERK, Facility, home, {"status": "in_service"}, limit=1)[0]
    first = photos.keep(store, CLERK, home, picture((300, 900)))
    order = log_repair(store, CLERK, home, fault="loose", facility_id=facility.id, photos=[first])
    photo = tmp_path / "another.png"
    photo.write_bytes(picture((300, 900), "PNG"))
    visitor = windows(390)
    page = visitor.page
    page.goto(f"{server.address}/maintenance?order={order.id}")
    page.get_by_role("button", name="照片 1").wait_for(timeout=30_000)
    visitor.settled()
    page.wait_for_function("() => document.querySelectorAll('[role=dialog] img').length === 1", timeout=20_000)
    page.get_by_role("button", name="照片 1").click()
    page.wait_for_function("() => document.querySelectorAll('[role=dialog] img').length === 2", timeout=20_000)
    page.get_by_role("button", name="添加照片").click()
    add = page.get_by_test_id("stPopoverBody").get_by_role("button", name="增加", exact=True)
    assert add.is_disabled()
    assert add.evaluate("it => getComputedStyle(it).color") != "rgb(255, 255, 255)", "no white on white"
    page.locator("[data-testid=stFileUploaderDropzoneInput]").last.set_input_files(photo)
    add.click()
    page.get_by_role("button", name="照片 2").wait_for(timeout=20_000)
    assert len(store.get(CLERK, WorkOrder, home, order.id).photos) == 2
    assert visitor.outside == []
    assert server.complaints() == []


def test_a_sheet_of_labels_is_made_and_downloaded(server: Server, windows: Windows) -> None:
    page = windows().page
    page.goto(f"{server.address}/facilities?labels=sheet&category=fitness")
    page.get_by_role("button", name=re.compile("生成标签页")).wait_for(timeout=30_000)
    assert "GRIDBOARD_PUBLIC_URL" in page.inner_text("[role=dialog]")
    page.get_by_role("button", name=re.compile("生成标签页")).click()
    with page.expect_download(timeout=30_000) as caught:
        page.get_by_role("button", name="下载 PDF").click()
    content = Path(caught.value.path()).read_bytes()
    assert content.startswith(b"%PDF-")
    assert server.complaints() == []


def test_a_saved_decision_stays_in_sight_and_a_kind_is_read_in_one_line(server: Server, windows: Windows) -> None:
    visitor = windows(390)
    page = visitor.page
    page.goto(f"{server.address}/facilities?part=replacement")
    page.get_by_test_id("stTable").last.wait_for(timeout=30_000)
    visitor.settled()
    narrow = page.get_by_test_id("stTable").locator("tbody td:first-child")
    assert min(narrow.evaluate_all("all => all.map(it => it.offsetWidth)")) >= 60
    page.locator("[class*=st-key-narrow_] button").first.click()
    plan = page.get_by_role("tab", name="更换计划", exact=True)
    plan.click()
    visitor.settled()
    page.locator(".st-key-do_plan_year button").click()
    page.get_by_role("button", name="撤销").wait_for(timeout=20_000)
    assert plan.get_attribute("aria-selected") == "true"
    assert server.complaints() == []
