"""Overview in a real browser, from the address typed to the last change on the page, against a page of one title and
one line that the same server serves: as somebody's first visit, and as a later one. And a slide of the review, from the
key to the last change."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from statistics import median
from typing import Any

from tests.benchmarks.stand import ROUNDS, Report, Stand, ms, ratio
from tests.browser import FLAGS, chromium, visit

COLD, WARM, SLIDE = 1.3, 2.0, 0.300
QUIET = 700  # milliseconds without a change: the page is there
_NOTE_CHANGES = """(() => {
  window.changed = performance.now();
  const seen = new MutationObserver(() => { window.changed = performance.now(); });
  seen.observe(document, { subtree: true, childList: true, characterData: true });
})()"""
_PLACE = "/\\d+ \\/ \\d+/.exec(document.querySelector('.st-key-slide-foot')?.innerText)?.[0]"
PATHS = {"bare": "?bare", "overview": ""}


def run(stand: Stand, report: Report) -> None:
    """Cold at most 1.3 times the bare page, warm at most twice; a slide within 300 ms."""
    report.title("glancing: Overview in a browser, against a bare page; a slide of the review")
    found = chromium()
    if found is None:
        report.line("no Chromium here", "not measured")
        return
    from playwright.sync_api import sync_playwright

    from seed import demo

    store = stand.store("demonstration")
    if store.db["communities"].find_one({}) is None:
        demo.load(store)
    environment = os.environ | {
        "GRIDBOARD_HOME": str(stand.home("demonstration")),
        "MONGODB_URI": "",
        "PORT": "0",
        "GRIDBOARD_ROLE": "admin",
        "GRIDBOARD_SIGN_IN": "none",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.served"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=found, args=FLAGS)
            _overview(browser, address, report)
            _slides(browser, address, report)
            browser.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _overview(browser: Any, address: str, report: Report) -> None:
    cold: dict[str, list[float]] = defaultdict(list)
    warm: dict[str, list[float]] = defaultdict(list)
    for turn in range(ROUNDS + 1):
        for name, path in PATHS.items():
            with visit(browser) as visitor:
                visitor.page.add_init_script(_NOTE_CHANGES)
                first, again = (_opened(visitor.page, f"{address}/{path}") for _ in range(2))
            if turn:  # the first wakes the server
                cold[name].append(first)
                warm[name].append(again)
    for word, took, most in (("first visit", cold, COLD), ("later visit", warm, WARM)):
        times = ratio(took["overview"], took["bare"])
        report.line(f"bare page, {word}", ms(median(took["bare"])))
        report.line(
            f"Overview, {word}", f"{ms(median(took['overview']))} = {times:.2f} x", f"<= {most} x", times <= most
        )


def _slides(browser: Any, address: str, report: Report) -> None:
    took = []
    with visit(browser) as visitor:
        page = visitor.page
        page.add_init_script(_NOTE_CHANGES)
        _opened(page, f"{address}/review?period=quarter&slide=1")
        last = int(_place(page).split("/")[1])
        for key in ["ArrowRight"] * (last - 1) + ["ArrowLeft"] * (last - 1):
            before = _place(page)
            page.evaluate("() => { window.pressed = performance.now(); }")
            page.keyboard.press(key)
            page.wait_for_function(f"before => ({_PLACE}) !== before", arg=before, polling=20)
            took.append(_quiet(page) - float(page.evaluate("() => window.pressed")) / 1000)
    report.line(f"{len(took)} slides, the middle one", ms(median(took)), f"<= {ms(SLIDE)}", median(took) <= SLIDE)
    report.line("the slowest", ms(max(took)), f"<= {ms(SLIDE)}", max(took) <= SLIDE)


def _place(page: Any) -> str:
    """Which slide of how many: 3 / 14."""
    return str(page.evaluate(f"() => {_PLACE}"))


def _opened(page: Any, url: str) -> float:
    """Seconds from the address to the last change."""
    page.goto(url)
    page.wait_for_selector("[data-testid=stAppViewContainer] h1:visible", timeout=60_000)
    return _quiet(page)


def _quiet(page: Any) -> float:
    """When the page last changed, in seconds since it was asked for, once it has not for a while."""
    page.wait_for_function(f"() => performance.now() - window.changed > {QUIET}", polling=50, timeout=60_000)
    return float(page.evaluate("() => window.changed")) / 1000
