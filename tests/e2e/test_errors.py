"""Every error that the protocol names, provoked over a real socket by the input it is for.

Each row gives the settings of its server and a function that does the deed; it returns the
client to whom the error comes next. The table is checked against the exception tree and the
protocol's own list, so an error without a row cannot slip in.
"""

from __future__ import annotations

import resource
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from netchat import errors
from netchat.chat import handlers, requests
from netchat.errors import FatalError, RefusedError
from tests.e2e.planted import ServerThread
from tests.e2e.support import RawClient, ServerProcess, frame, until_true

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

LATER = {
    "kicked": "there are no operators yet who could remove anybody",
    "auth_busy": "there are no accounts yet, so no password is ever hashed",
    "forbidden": "there are no rights yet that somebody could lack",
}


class Scene:
    """What a row has to hand: its server, and clients that are closed at the end."""

    def __init__(self, server: ServerProcess | ServerThread, stack: ExitStack) -> None:
        self.server = server
        self._stack = stack

    def client(self, name: str | None = None) -> RawClient:
        return self._stack.enter_context(self.server.client(name))

    def member(self, name: str = "ana") -> RawClient:
        client = self.client(name)
        client.join("lobby", backlog=0)
        return client

    @property
    def process(self) -> ServerProcess:
        assert isinstance(self.server, ServerProcess)
        return self.server

    @property
    def planted(self) -> ServerThread:
        assert isinstance(self.server, ServerThread)
        return self.server


Deed = Callable[[Scene], RawClient]
ROWS: dict[str, tuple[Deed, dict[str, Any] | None]] = {}


def row(code: str, **settings: Any) -> Callable[[Deed], Deed]:
    """A row on a server process with these settings of `limits`."""

    def add(deed: Deed) -> Deed:
        ROWS[code] = deed, settings
        return deed

    return add


def planted_row(code: str) -> Callable[[Deed], Deed]:
    """A row on a server in which the deed plants a fault."""

    def add(deed: Deed) -> Deed:
        ROWS[code] = deed, None
        return deed

    return add


def asking(client: RawClient, **request: Any) -> RawClient:
    client.send(request)
    return client


# -- those that close ----------------------------------------------------------------------


@row("bad_frame")
def _(scene: Scene) -> RawClient:
    client = scene.member()
    client.send_bytes(struct.pack("!I", 0))
    return client


@row("frame_too_large")
def _(scene: Scene) -> RawClient:
    client = scene.member()
    client.send_bytes(struct.pack("!I", 2**32 - 1))
    return client


@row("bad_json")
def _(scene: Scene) -> RawClient:
    client = scene.member()
    client.send_bytes(frame(b'{"type": "ping", "x": NaN}'))
    return client


@row("login_timeout", login_timeout=0.3)
def _(scene: Scene) -> RawClient:
    return scene.client()


@row("too_many_connections", connections_per_address=2)
def _(scene: Scene) -> RawClient:
    scene.client("ana")
    scene.client("ben")
    return scene.client()


@row("heartbeat_timeout", heartbeat=0.3, pong_timeout=0.3)
def _(scene: Scene) -> RawClient:
    client = scene.member()
    assert client.recv() == {"type": "ping"}
    return client


@row("replaced")
def _(scene: Scene) -> RawClient:
    client = scene.member()
    scene.client().hello("ana", token=client.token)
    return client


@row("shutting_down")
def _(scene: Scene) -> RawClient:
    client = scene.client()
    assert client.ask({"type": "ping"}) == {"type": "pong"}
    scene.process.send_signal(signal.SIGTERM)
    return client


@planted_row("internal")
def _(scene: Scene) -> RawClient:
    def buggy(*_: object) -> None:
        raise ZeroDivisionError("a bug that was planted by a test")

    client = scene.member()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(handlers.HANDLERS, requests.Rooms, buggy)
        asking(client, type="rooms")
        until_true(client.peek)
    return client


# -- those that leave it open --------------------------------------------------------------


@row("bad_request")
def _(scene: Scene) -> RawClient:
    return asking(scene.member(), type="join", room="lobby", backlog=301)


@row("unknown_type")
def _(scene: Scene) -> RawClient:
    return asking(scene.member(), type="teleport")


@row("not_welcome")
def _(scene: Scene) -> RawClient:
    return asking(scene.client(), type="rooms")


@row("already_welcome")
def _(scene: Scene) -> RawClient:
    return asking(scene.member(), type="hello", version=1, name="ana")


@row("version_unsupported")
def _(scene: Scene) -> RawClient:
    return asking(scene.client(), type="hello", version=2, name="ana")


@row("name_taken")
def _(scene: Scene) -> RawClient:
    scene.member("ana")
    return asking(scene.client(), type="hello", version=1, name="ANA")


@row("name_invalid")
def _(scene: Scene) -> RawClient:
    return asking(scene.client(), type="hello", version=1, name="ana maria")


@row("bad_credentials")
def _(scene: Scene) -> RawClient:
    return asking(scene.client(), type="hello", version=1, name="ana", password="secret")


@row("bad_token")
def _(scene: Scene) -> RawClient:
    return asking(scene.client(), type="hello", version=1, name="ana", token="made-up")


@row("rate_limited", request_rate=4, request_burst=6, patience=0.2)
def _(scene: Scene) -> RawClient:
    client = scene.client("ana")
    client.send(*[{"type": "ping"}] * 6)
    client.collect("pong", 5)
    return client


@row("room_invalid")
def _(scene: Scene) -> RawClient:
    return asking(scene.member(), type="join", room="two words")


@row("no_such_room")
def _(scene: Scene) -> RawClient:
    return asking(scene.member(), type="history", room="atlantis")


@row("not_in_room")
def _(scene: Scene) -> RawClient:
    scene.member("ben")
    return asking(scene.client("ana"), type="who", room="lobby")


@row("too_many_rooms", rooms=2)
def _(scene: Scene) -> RawClient:
    client = scene.member()
    client.join("second")
    return asking(client, type="join", room="third")


@row("no_such_user")
def _(scene: Scene) -> RawClient:
    return asking(scene.member(), type="post", to="nobody", text="x", id="1")


@row("text_too_long")
def _(scene: Scene) -> RawClient:
    return asking(scene.member(), type="post", room="lobby", text="x" * 4_001, id="1")


@row("id_conflict")
def _(scene: Scene) -> RawClient:
    client = scene.member()
    client.post("lobby", "one", "1")
    client.until("message")
    return asking(client, type="post", room="lobby", text="two", id="1")


@planted_row("store_full")
def _(scene: Scene) -> RawClient:
    def full(*_: object) -> None:
        raise errors.StoreFull

    client = scene.member()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.planted.server.log.store, "append", full)
        asking(client, type="post", room="lobby", text="x", id="1")
        until_true(client.peek)
    return client


@row("store_failed")
def _(scene: Scene) -> RawClient:
    """No file may grow any more: what writing meets is EFBIG. Later it may again."""
    client = scene.member()
    pid, size = scene.process.process.pid, resource.RLIMIT_FSIZE
    before = resource.prlimit(pid, size, (8_192, resource.RLIM_INFINITY))
    asking(client, type="post", room="lobby", text="x" * 4_000, id="1")
    until_true(client.peek)
    resource.prlimit(pid, size, before)
    return client


# -- the test of them all ------------------------------------------------------------------


def classes() -> Iterator[type[RefusedError]]:
    """The concrete errors: the leaves of the tree."""
    waiting: list[type[RefusedError]] = [RefusedError]
    while waiting:
        kind = waiting.pop()
        waiting += (below := kind.__subclasses__())
        if not below:
            yield kind


CODES = {kind.code: kind for kind in classes()}


def test_every_error_has_a_row_or_a_reason_to_have_none() -> None:
    assert CODES.keys() == CLOSING | OPEN
    assert CODES.keys() - ROWS.keys() == LATER.keys()
    assert ROWS.keys() <= CODES.keys()
    assert {code for code, kind in CODES.items() if issubclass(kind, FatalError)} == CLOSING


@pytest.mark.parametrize("code", ROWS)
def test_an_error_is_told_and_the_next_client_is_served(code: str, tmp_path: Path) -> None:
    deed, settings = ROWS[code]
    with ExitStack() as outer:
        server = outer.enter_context(make_server(tmp_path, settings))
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
    sets = [part for name, value in settings.items() for part in ("--set", f"limits.{name}={value}")]
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
