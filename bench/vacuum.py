"""The real server where the kernel costs nothing: what is left is its Python.

A selector finds ready what it is told to, sockets take everything and keep none of it. All
that stands between a `recv` and the `send`s of a fan-out runs as it does in production.
"""

from __future__ import annotations

import dataclasses
import selectors
import socket
import time
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

from bench.scenario import Scenario
from netchat.chat import requests
from netchat.config import Config, Limits, Web
from netchat.config import Server as Settings
from netchat.environment import system
from netchat.net.ring import FEW, LARGEST
from netchat.server import Server
from netchat.wire.framing import frame
from netchat.wire.messages import encode

READ = selectors.EVENT_READ

PATIENCE = 1_000
"""Ticks after which who has not come in, or what has not been delivered, never will."""

STRIDE = 7
"""Publishers take turns in an order that does not follow the rooms'."""


class NullSocket:
    """Takes all that is sent; gives what was laid into it."""

    __slots__ = ("inbox", "send")

    def __init__(self) -> None:
        self.inbox = b""
        self.send = len

    def recv(self, _size: int) -> bytes:
        """All of it at once."""
        if not self.inbox:
            raise BlockingIOError
        data, self.inbox = self.inbox, b""
        return data

    def sendmsg(self, buffers: list[bytes]) -> int:
        """See `send`."""
        return sum(map(len, buffers))

    def fileno(self) -> int:
        """A number, as a socket has one."""
        return 0

    def setblocking(self, _flag: bool) -> None: ...
    def setsockopt(self, *_: object) -> None: ...
    def close(self) -> None: ...


class NullRing:
    """Sends to many who take all."""

    few = FEW
    largest = LARGEST

    def send(self, numbers: array[int], data: bytes) -> list[tuple[int, int]]:
        """Nobody refuses anything."""
        return []


class NullListener(NullSocket):
    """Lets in those who wait."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[NullSocket] = []

    def accept(self) -> tuple[NullSocket, tuple[str, int]]:
        """The next one."""
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.pop(), ("127.0.0.1", 0)

    def getsockname(self) -> tuple[str, int]:
        """An address, as a socket has one."""
        return "127.0.0.1", 0


class NullSelector(selectors.BaseSelector):
    """Finds ready, once, whom it is told of."""

    def __init__(self) -> None:
        self.keys: dict[Any, selectors.SelectorKey] = {}
        self.arrived: set[Any] = set()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See BaseSelector."""
        key = self.keys[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See BaseSelector."""
        return self.keys.pop(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See BaseSelector."""
        return self.register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See BaseSelector. Nobody sleeps here."""
        arrived, self.arrived = self.arrived, set()
        return [(self.keys[each], READ) for each in arrived]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """See BaseSelector."""
        return self.keys


class Vacuum:
    """A crowd that has joined a server. Use as a context."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._selector = NullSelector()
        self._listener = NullListener()
        config = Config(
            server=Settings(durability="memory"),
            limits=Limits(enabled=False, heartbeat=3_600),
            web=Web(listen=[]),
        )
        environment = dataclasses.replace(
            system(config, folder),
            selector=self._selector,
            listen=lambda _host, _port: [cast(socket.socket, self._listener)],
            open_admin=lambda: None,
            open_ring=NullRing,
        )
        self._server = Server(config, environment, strict=True)
        self._posted = self._owed = 0
        self.joining_ns = 0
        """CPU time in which everybody has come in."""
        self._publishers: list[tuple[NullSocket, str]] = []

    def __enter__(self) -> Self:
        self._server.start()
        for room in range(self._scenario.rooms):
            self._let_in(room)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _let_in(self, index: int) -> None:
        scenario, room, server = self._scenario, f"r{index}", self._server
        sockets = [NullSocket() for _ in range(scenario.members(index))]
        self._publishers += [(sock, room) for sock in sockets[: scenario.publishers_of(index)]]
        for number, sock in enumerate(sockets):
            hello = requests.Hello(version=1, name=f"u{index}.{number}")
            sock.inbox = _frames(hello, requests.Join(room=room, backlog=0))
        self._listener.waiting += sockets
        began = time.process_time_ns()
        while self._listener.waiting:
            self._selector.arrived.add(self._listener)
            server.reactor.run_once(0.0)
        self._selector.arrived.update(sockets)
        for _ in range(PATIENCE):
            server.reactor.run_once(0.0)
            found = server.hub.directory.find(room)
            if found is not None and found.count == len(sockets):
                self.joining_ns += time.process_time_ns() - began
                return
        raise RuntimeError("The server does not let everybody in.")

    def _give(self, sock: NullSocket, *asked: requests.Request) -> None:
        sock.inbox += _frames(*asked)
        self._selector.arrived.add(sock)

    def figures(self) -> dict[str, float]:
        """What the server has counted."""
        server = self._server
        return {
            "connections": server.door.census.total,
            "accepted": server.hub.accepted,
            "delivered": server.delivery.delivered,
        }

    def play(self, count: int) -> int:
        """So many posts arrive at once: the CPU nanoseconds until all are delivered."""
        scenario, text = self._scenario, "x" * self._scenario.size
        for _ in range(count):
            self._posted += 1
            sock, room = self._publishers[self._posted * STRIDE % len(self._publishers)]
            self._give(sock, requests.Post(room=room, text=text, id=f"p{self._posted}"))
        self._owed += count * scenario.clients // scenario.rooms
        reactor, delivery = self._server.reactor, self._server.delivery
        began = time.process_time_ns()
        for _ in range(PATIENCE):
            reactor.run_once(0.0)
            if delivery.delivered >= self._owed:
                return time.process_time_ns() - began
        raise RuntimeError("The server does not deliver.")


def _frames(*asked: requests.Request) -> bytes:
    return b"".join(frame(encode(request)) for request in asked)
