"""What a page draws goes to its browser in one piece, if it is drawn soon.

Streamlit sends elements while the script still runs, in lots some milliseconds apart, and for each lot the browser sets
up the whole page anew: two or three times for a slide that is drawn in 60 ms.
"""

import asyncio
import time
from typing import Any
from weakref import WeakKeyDictionary

WAIT_SECONDS, AGAIN_SECONDS = 0.1, 0.005


def in_one_piece(sessions: Any = None) -> None:
    """Have the sessions of this process keep what a run draws until it is over, but for ``WAIT_SECONDS`` at most: a
    page that takes longer comes in lots that far apart. To be called once. ``sessions``: Streamlit's class of them."""
    from streamlit.runtime.app_session import AppSession, AppSessionState

    sessions = sessions or AppSession
    at_once, waiting = sessions.flush_browser_queue, WeakKeyDictionary[Any, float]()

    def flush(session: Any) -> list[Any]:
        again = session._message_enqueued_callback  # None once it is shut down
        if again and session._state == AppSessionState.APP_IS_RUNNING:
            now = time.monotonic()
            if now - waiting.setdefault(session, now) < WAIT_SECONDS:
                asyncio.get_running_loop().call_later(AGAIN_SECONDS, again)
                return []
        waiting.pop(session, None)
        found: list[Any] = at_once(session)
        return found

    sessions.flush_browser_queue = flush
