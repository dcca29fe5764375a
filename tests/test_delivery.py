"""What a run draws is sent when it is over, or after a while."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from streamlit.runtime.app_session import AppSession, AppSessionState

from dashboard import delivery


class Session:
    """What of Streamlit's session the delivery looks at."""

    def __init__(self) -> None:
        self._state = AppSessionState.APP_NOT_RUNNING
        self.drawn: list[str] = []
        self.asked = 0

    def _message_enqueued_callback(self) -> None:
        self.asked += 1

    def flush_browser_queue(self) -> list[str]:
        """All there is."""
        told, self.drawn = self.drawn, []
        return told


@pytest.fixture
def session() -> type[Session]:
    """A class of sessions of its own."""

    class Own(Session):
        flush_browser_queue = Session.flush_browser_queue

    delivery.in_one_piece(Own)
    return Own


def test_a_run_is_sent_when_it_is_over_and_a_long_one_in_lots(
    session: type[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: now))

    async def told() -> None:
        nonlocal now
        one, other = session(), session()
        one.drawn, other.drawn = ["a"], ["x"]
        assert one.flush_browser_queue() == ["a"], "nothing runs"

        one._state, one.drawn = AppSessionState.APP_IS_RUNNING, ["b"]
        assert one.flush_browser_queue() == []
        assert other.flush_browser_queue() == ["x"], "each by itself"
        one.drawn.append("c")
        one._state = AppSessionState.APP_NOT_RUNNING
        assert one.flush_browser_queue() == ["b", "c"]

        one._state, one.drawn = AppSessionState.APP_IS_RUNNING, ["d"]
        assert one.flush_browser_queue() == []
        await asyncio.sleep(2 * delivery.AGAIN_SECONDS)
        assert one.asked == 2, "it is asked again, whether or not more is drawn"
        now += 2 * delivery.WAIT_SECONDS
        assert one.flush_browser_queue() == ["d"]
        one.drawn = ["e"]
        assert one.flush_browser_queue() == [], "the next lot waits as long"

    with ThreadPoolExecutor(1) as aside:  # the browser's tests leave a loop running in theirs
        aside.submit(asyncio.run, told()).result()


def test_streamlit_has_what_it_rests_on() -> None:
    """Private names, of the version that is pinned."""
    names = AppSession.__init__.__code__.co_names
    assert {"_state", "_message_enqueued_callback"} <= set(names)
    assert callable(AppSession.flush_browser_queue)
    assert AppSessionState.APP_IS_RUNNING
