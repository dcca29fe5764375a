"""Take the README's pictures anew: ``python -m tests.pictures``, with the demonstration as it stands today."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from repository import embedded, maintenance
from repository.access import Actor, Role
from repository.maintenance import Status
from repository.store import Store
from tests.browser import FLAGS, Server, chromium, visit

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SHOTS = (
    ("overview-zh", "", 1440, "zh-CN", "light"),
    ("overview-en-dark", "", 1440, "en-US", "dark"),
    ("grids-zh", "grids", 1440, "zh-CN", "light"),
    ("facilities-zh", "facilities", 1440, "zh-CN", "light"),
    ("maintenance-zh", "maintenance", 1440, "zh-CN", "light"),
    ("analysis-zh", "maintenance?part=analysis", 1440, "zh-CN", "light"),
    ("inspections-zh", "facilities?part=inspections", 1440, "zh-CN", "light"),
    ("replacement-zh", "facilities?part=replacement", 1440, "zh-CN", "light"),
    ("activities-zh", "activities", 1440, "zh-CN", "light"),
    ("residents-zh", "activities?part=residents", 1440, "zh-CN", "light"),
    ("calendar-zh", "activities?part=calendar", 1440, "zh-CN", "light"),
    ("patrols-zh", "grids?part=patrols", 1440, "zh-CN", "light"),
    ("handling-zh", "grids?part=handling", 1440, "zh-CN", "light"),
    ("organizations-zh", "organizations", 1440, "zh-CN", "light"),
    ("staff-zh", "staff", 1440, "zh-CN", "light"),
    ("meetings-zh", "meetings", 1440, "zh-CN", "light"),
    ("requests-zh", "requests", 1440, "zh-CN", "light"),
    ("review-zh", "review?period=quarter", 1440, "zh-CN", "light"),
    ("slide-zh", "review?period=quarter&slide=7", 1440, "zh-CN", "light"),
    ("targets-zh", "targets", 1440, "zh-CN", "light"),
    ("data-zh", "data", 1440, "zh-CN", "light"),
    ("admin-zh", "admin?part=trail", 1440, "zh-CN", "light"),
    ("report-zh-390", "report", 390, "zh-CN", "light"),
)


def _something_done(server: Server) -> None:
    """A repair that was logged, moved along and changed, so that the trail has something to tell."""
    endpoint = embedded.start(server.home)
    store = Store.connect(endpoint.uri, endpoint.database)
    for name in ("王芳", "张志强", "李敏"):
        actor = Actor(name, name, Role.FACILITY_MANAGER)
        community = store.communities(actor)[0]["_id"]
        order = maintenance.log_repair(store, actor, community, fault="loose", place="东门")
        order = maintenance.move(store, actor, community, order.id, order.revision, Status.IN_PROGRESS)
        maintenance.edit(store, actor, community, order.id, order.revision, {"place": "东门健身区"})
    store.close()


def main() -> None:
    """One server, one browser, one picture a page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    server = Server("--demo")
    try:
        _something_done(server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            for name, path, width, language, scheme in SHOTS:
                with visit(browser, width=width, language=language, scheme=scheme) as visitor:
                    visitor.page.goto(f"{server.address}/{path}")
                    visitor.page.wait_for_selector("h1", timeout=30_000)
                    visitor.settled()
                    visitor.page.wait_for_timeout(2_500)
                    visitor.page.screenshot(path=PICTURES / f"{name}.png")
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
