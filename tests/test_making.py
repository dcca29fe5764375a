"""Files made beside the page: how far they are, taken when they are there, offered anew when the page shows another."""

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pptx import Presentation
from streamlit.testing.v1 import AppTest

from dashboard import making
from dashboard.pack import Told, paper, powerpoint, workbook
from repository import maintenance
from repository.access import Actor
from repository.metrics import Period
from repository.review import Review, reviewed
from repository.store import Store
from tests.conftest import NOW

Visit = Callable[..., AppTest]


@pytest.mark.parametrize("make", [powerpoint.presentation, paper.printed, workbook.workbook])
def test_whoever_makes_a_file_tells_how_far_it_is(yard: Store, admin: Actor, make: Callable[..., bytes]) -> None:
    review = reviewed(yard, admin, "d", Period.of("2026Q2"), now=NOW)
    told: list[tuple[int, int]] = []
    make(review, lambda done, parts: told.append((done, parts)))
    assert len(told) >= len(review.sections), "at each section at least"
    assert told[-1][0] >= 0.8 * told[-1][1]
    assert {parts for _done, parts in told} == {told[0][1]}
    assert all(0 <= done <= parts for done, parts in told)


def _buttons(at: AppTest) -> dict[str, Any]:
    return {button.key: button for button in at.get("button") + at.get("download_button") if button.key}


def test_a_file_is_made_while_the_page_is_read(
    yard: Store, admin: Actor, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), threading.Event()
    real = powerpoint.presentation

    def slow(review: Review, told: Told) -> bytes:
        told(1, 4)
        begun.set()
        assert go_on.wait(20)
        return real(review, told)

    monkeypatch.setattr(powerpoint, "presentation", slow)
    at = visit(mongodb_uri, "review", lang="en", period="2026Q2")
    _buttons(at)["review-files-pptx"].click().run()
    assert begun.wait(20)
    at.run()
    assert [(bar.value, bar.text) for bar in at.get("progress")] == [(25, "PowerPoint is being made …")]
    assert _buttons(at)["review-files-pptx"].disabled
    assert not _buttons(at)["review-files-pdf"].disabled, "the others can be asked for meanwhile"
    go_on.set()
    at = _until(at, lambda: "review-files-pptx-take" in _buttons(at))
    assert not at.get("progress")
    held: making.Making = at.session_state["held.review-files"]["pptx"]
    titles = [slide.shapes.title.text_frame.text for slide in Presentation(io.BytesIO(held.made or b"")).slides]
    assert titles[0] == "Review of Q2 2026", "in the language of the page"
    assert {header.value for header in at.header} >= {titles[3]}, "of what stands there"
    maintenance.log_repair(yard, admin, "d", fault="loose", facility_id="d-F-01")
    at.run()
    assert "review-files-pptx-take" not in _buttons(at), "what is there is not what stands on the page any more"
    assert "review-files-pptx" in _buttons(at)


def test_what_cannot_be_made_is_said_and_can_be_tried_again(
    yard: Store, mongodb_uri: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = workbook.workbook
    monkeypatch.setattr(workbook, "workbook", lambda *_args: 1 / 0)
    at = visit(mongodb_uri, "review", lang="en", period="2026Q2")
    _buttons(at)["review-files-xlsx"].click().run()
    at = _until(at, lambda: bool(at.error))
    assert "could not be made" in at.error[0].value
    monkeypatch.setattr(workbook, "workbook", real)
    at.run()
    _buttons(at)["review-files-xlsx"].click().run()
    at = _until(at, lambda: "review-files-xlsx-take" in _buttons(at))
    assert not at.error


def _until(at: AppTest, there: Callable[[], bool]) -> AppTest:
    for _ in range(100):
        if there():
            return at
        threading.Event().wait(0.1)
        at.run()
    raise AssertionError("it never came")
