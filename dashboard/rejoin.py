"""A page that comes back to a server that does not know it any more: GridBoard was started again, or the page slept.

Streamlit opens a new session for it and waits for a click. One inside a fragment (a drawer, a filter) it drops without
a word, for the new session has no such fragment yet. Here the first click of such a page runs the whole page, with all
that stands in its inputs; ``session`` takes that up.

A page whose sign-in is over comes back on purpose: a socket is whose it was when it was opened, so the browser has to
open another one, with the cookie it has now.
"""

from collections.abc import Mapping
from typing import Any

GO_ON = "go-on"
"""The key of the button by which somebody goes on who has signed in again in another tab."""
GONE = {"type": "websocket.disconnect", "code": 1012}
"""What the server is told of a browser that was sent away to connect anew."""


def goes_on(message: Mapping[str, Any]) -> bool:
    """Whether a page's message says that this button was pressed: only then is it in there."""
    return f"-{GO_ON}".encode() in (message.get("bytes") or b"")


async def connect_anew(send: Any) -> None:
    """Let the browser open another socket, in the same session, and run the page on it."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    running: Any = ForwardMsg()
    running.session_status_changed.script_is_running = True  # what was running is run again by a page that comes back
    await send({"type": "websocket.send", "bytes": running.SerializeToString()})
    await send({"type": "websocket.close", "code": GONE["code"], "reason": "Signed in again."})


class Rejoin:
    """Stands right before Streamlit's websocket; everything else passes."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection."""
        before = _session_before(scope) if scope["type"] == "websocket" else ""
        if not before:
            await self.app(scope, receive, send)
            return
        over = False

        async def looked_over() -> Any:
            nonlocal over
            message = await receive()
            if not over and message.get("bytes"):
                sent, over = _whole(message["bytes"], before)
                message = message | {"bytes": sent}
            return message

        await self.app(scope, looked_over, send)


def _session_before(scope: Any) -> str:
    """The session the page had: Streamlit's script names it third among the subprotocols."""
    for name, value in scope["headers"]:
        if name.lower() == b"sec-websocket-protocol":
            parts = [part.strip() for part in value.decode("latin-1").split(",")]
            return parts[2] if len(parts) > 2 else ""
    return ""


def _whole(sent: bytes, before: str) -> tuple[bytes, bool]:
    """The message as the new session can follow it, and whether that is all there is to look at."""
    from google.protobuf.message import DecodeError
    from streamlit import runtime
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message: Any = BackMsg()
    try:
        message.ParseFromString(sent)
    except DecodeError:
        return sent, True  # for Streamlit to refuse
    if message.WhichOneof("type") != "rerun_script":
        return sent, False
    asked = message.rerun_script
    if not asked.fragment_id or runtime.get_instance().is_active_session(before):
        return sent, True
    asked.fragment_id, asked.is_auto_rerun = "", False
    return message.SerializeToString(), True
