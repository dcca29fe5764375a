"""A page that comes back to a server that does not know it any more: GridBoard was started again, or the page slept.

Streamlit opens a new session for it and waits for a click. One inside a fragment (a drawer, a filter) it drops without
a word, for the new session has no such fragment yet. Here the first click of such a page runs the whole page, with all
that stands in its inputs; ``session`` takes that up.
"""

from typing import Any


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
