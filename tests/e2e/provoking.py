"""How each error is provoked: by the very input that it is for, over a real socket.

Each row has the settings of its server and a function that does the deed; it returns the
client to whom the error comes next.
"""

from __future__ import annotations

import resource
import signal
import struct
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast

import pytest

from netchat import errors
from netchat.admin import client as operator
from netchat.admin.requests import DisableUser, Kick
from netchat.chat import handlers, passwords, requests
from tests.e2e.client import RawClient, frame, until_true
from tests.e2e.planted import ServerThread
from tests.e2e.support import ServerProcess


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


@row("kicked")
def _(scene: Scene) -> RawClient:
    client = scene.member()
    operator.ask(scene.process.data, Kick(name="ana"))
    return client


@row("shutting_down")
def _(scene: Scene) -> RawClient:
    client = scene.client()
    assert client.ask({"type": "ping"}) == {"type": "pong"}
    scene.process.send_signal(signal.SIGTERM)
    return client


@planted_row("internal")
def _(scene: Scene) -> RawClient:
    def buggy(*_: Any) -> None:
        raise ZeroDivisionError("a bug that was planted by a test")

    client = scene.member()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cast("dict[Any, Any]", handlers.HANDLERS), requests.Rooms, buggy)
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
    scene.client().hello("ana", password="correct horse")
    return asking(scene.client(), type="hello", version=1, name="ana", password="guessed")


@planted_row("auth_busy")
def _(scene: Scene) -> RawClient:
    client = scene.client()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "QUEUE", 0)
        asking(client, type="hello", version=1, name="ana", password="correct horse")
        until_true(client.peek)
    return client


@row("forbidden")
def _(scene: Scene) -> RawClient:
    scene.client().hello("ana", password="correct horse")
    operator.ask(scene.process.data, DisableUser(name="ana"))
    return asking(scene.client(), type="hello", version=1, name="ana", password="correct horse")


@row("bad_token")
def _(scene: Scene) -> RawClient:
    return asking(scene.client(), type="hello", version=1, name="ana", token="made-up")


@row("rate_limited", request_rate=4, request_burst=5, patience=0.2)
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
        patch.setattr(scene.planted.server.parts.store, "append", full)
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
