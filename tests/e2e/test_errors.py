"""Every error that the protocol names is told, and the next client is served.

The rows are in `provoking`. They are checked against the exception tree and against the
protocol's own list, so an error without a row cannot slip in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from netchat.errors import FatalError, RefusedError
from tests.e2e.client import until_true
from tests.e2e.planted import ServerThread
from tests.e2e.provoking import ROWS, Scene
from tests.e2e.support import ServerProcess

CLOSING = {
    "bad_frame", "frame_too_large", "bad_json", "login_timeout", "too_many_connections",
    "heartbeat_timeout", "replaced", "shutting_down", "kicked", "internal",
}  # fmt: skip
OPEN = {
    "bad_request", "unknown_type", "not_welcome", "already_welcome", "version_unsupported",
    "name_taken", "name_invalid", "bad_credentials", "bad_token", "auth_busy", "rate_limited",
    "room_invalid", "no_such_room", "not_in_room", "too_many_rooms", "no_such_user",
    "text_too_long", "id_conflict", "forbidden", "store_full", "store_failed",
}  # fmt: skip
RETRY_AFTER = {"rate_limited", "auth_busy", "store_full", "store_failed", "too_many_connections"}


def classes() -> Iterator[type[RefusedError]]:
    """The concrete errors: the leaves of the tree."""
    waiting: list[type[RefusedError]] = [RefusedError]
    while waiting:
        kind = waiting.pop()
        waiting += (below := kind.__subclasses__())
        if not below:
            yield kind


CODES = {kind.code: kind for kind in classes()}


def test_every_error_has_a_row() -> None:
    assert CODES.keys() == CLOSING | OPEN
    assert CODES.keys() == ROWS.keys()
    assert {code for code, kind in CODES.items() if issubclass(kind, FatalError)} == CLOSING


@pytest.mark.parametrize("code", ROWS)
def test_an_error_is_told_and_the_next_client_is_served(code: str, tmp_path: Path) -> None:
    deed, settings = ROWS[code]
    with ExitStack() as outer:
        server = make_server(tmp_path, settings)
        outer.enter_context(server)
        with ExitStack() as stack:
            client = deed(Scene(server, stack))
            error = client.recv()
            assert (error["type"], error["code"]) == ("error", code), error
            assert error.get("fatal", False) is (code in CLOSING)
            assert 20 < len(error["message"]) < 200 and error["message"].endswith(".")
            if code in RETRY_AFTER:
                assert error["retry_after"] > 0
            if code == "rate_limited":
                time.sleep(error["retry_after"])  # who waits as told is served
            if code in CLOSING:
                assert client.is_ended()
            else:
                assert client.is_silent()
        if code == "shutting_down":
            assert isinstance(server, ServerProcess) and server.wait() == 0
            server.start()
        until_true(lambda: is_served(server))
        if isinstance(server, ServerProcess):
            assert "Traceback" not in server.logs()


def make_server(folder: Path, settings: dict[str, Any] | None) -> ServerProcess | ServerThread:
    if settings is None:
        return ServerThread(folder)
    sets = (f"--set=limits.{name}={value}" for name, value in settings.items())
    return ServerProcess(folder, *sets)


def is_served(server: ServerProcess | ServerThread) -> bool:
    """The whole of a conversation. False where it is too early for it, said in so many words."""
    with server.client() as client:
        client.send({"type": "hello", "version": 1, "name": "next"})
        reply = client.recv()
        if reply.get("code") in {"too_many_connections", "name_taken"}:
            return False
        assert reply["type"] == "welcome", reply
        client.join("plaza", backlog=0)
        client.send({"type": "post", "room": "plaza", "text": "x", "id": "next"})
        reply = client.recv()
        client.bye()
        assert reply["type"] == "accepted" or reply["code"] in {"store_full", "store_failed"}
        return bool(reply["type"] == "accepted")
