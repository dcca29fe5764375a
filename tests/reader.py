"""A browser without the browser: see Reader."""

import http.client
import time
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode


def signed_in(port: int, login: str, password: str, *, host: str = "127.0.0.1") -> str:
    """Through the door with a password: the cookie as the browser would send it."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    head = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", urlencode({"login": login, "password": password}), head)
    answer = connection.getresponse()
    assert answer.status == 303, answer.read()
    return (answer.headers["set-cookie"] or "").split(";")[0]


class Reader:
    """One session on the websocket. ``said`` is all that the last run sent, as it went over the line."""

    def __init__(self, port: int, page: str, query: str, *, cookie: str = "", before: str = "") -> None:
        """``before``: the id of a session to come back to."""
        from websockets.sync.client import connect

        self.page, self.query = page, query
        self.elements, self.kilobytes, self.failed = 0, 0.0, False
        self._hash = ""
        self.fragment = ""  # the id of the last one that was drawn
        self.said = b""
        self.session = ""  # its id
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://127.0.0.1:{port}/_stcore/stream",
                subprotocols=["streamlit", *(["none", before] if before else [])],  # type: ignore[list-item]
                origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
                additional_headers={"Cookie": cookie} if cookie else None,
                compression=None,
                max_size=None,
            )
        )

    def rerun(self, fragment: str = "") -> float:
        """Seconds from the request to the end of the script, or of the fragment with this id."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        request: Any = BackMsg()
        request.rerun_script.query_string = self.query
        request.rerun_script.page_name = self.page
        request.rerun_script.page_script_hash = self._hash
        request.rerun_script.fragment_id = fragment
        self.elements, size, self.failed, self.said = 0, 0, False, b""
        started = time.perf_counter()
        self._socket.send(request.SerializeToString())
        while True:
            answer = self._socket.recv(timeout=60)
            took = time.perf_counter() - started
            message: Any = ForwardMsg()
            message.ParseFromString(answer)
            size += len(answer)
            self.said += answer if isinstance(answer, bytes) else answer.encode()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id
            elif kind == "navigation":
                self._hash = message.navigation.page_script_hash
            elif kind == "delta":
                self.elements += 1
                self.fragment = message.delta.fragment_id or self.fragment
                self.failed = self.failed or message.delta.new_element.WhichOneof("type") == "exception"
            elif kind == "script_finished":
                self.kilobytes = size / 1000
                self.failed = self.failed or message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY
                return took

    def close(self) -> None:
        """End the session."""
        self._open.close()
