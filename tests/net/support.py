"""Fakes for the network: a clock and a selector under the test's control, sockets in memory,
and a protocol that writes down what it is told."""

from __future__ import annotations

import selectors
import socket
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from netchat.net.clock import SystemClock
from netchat.net.epoll import EpollSelector
from netchat.net.reactor import Reactor
from netchat.net.transport import RECV_BUDGET, Transport


class FakeClock:
    """Stands still until told; starts at 1,000 s, on a fixed day."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.epoch_ms = 1_795_323_600_000

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return self.epoch_ms + int((self.seconds - 1_000.0) * 1_000)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class FakeSelector(selectors.BaseSelector):
    """Reports what `make_ready` was told, once each; a sleep advances the clock at once.

    `timeouts` holds what each select was asked to wait. To sleep for ever is an error.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.timeouts: list[float | None] = []
        self.keys: dict[Any, selectors.SelectorKey] = {}
        self._ready: list[tuple[Any, int]] = []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        assert events, "interest 0"
        assert fileobj not in self.keys, "registered twice"
        key = selectors.SelectorKey(fileobj, len(self.keys), events, data)
        self.keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self.keys.pop(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self.unregister(fileobj)
        return self.register(fileobj, events, data)

    def make_ready(self, fileobj: Any, mask: int) -> None:
        self._ready.append((fileobj, mask))

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.timeouts.append(timeout)
        ready, self._ready = self._ready, []
        found = [
            (self.keys[fileobj], mask & self.keys[fileobj].events)
            for fileobj, mask in ready
            if fileobj in self.keys and mask & self.keys[fileobj].events
        ]
        if not found:
            assert timeout is not None, "it would sleep for ever"
            self.clock.advance(max(0.0, timeout))
        return found

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self.keys

    def close(self) -> None:
        self.keys.clear()


class FakeSocket:
    """A stream socket in memory. `room` is what the next sends take, one number each: 0 is a
    refusal; with none left everything is taken. `incoming` is what the next recvs return."""

    def __init__(self, *room: int) -> None:
        self.room = list(room)
        self.incoming: list[bytes | OSError] = []
        self.sent = b""
        self.calls: list[str] = []
        self.closed = False

    def fileno(self) -> int:
        return id(self)

    def send(self, data: bytes) -> int:
        return self._take("send", bytes(data))

    def sendmsg(self, buffers: list[bytes | memoryview]) -> int:
        assert len(buffers) <= 1_024, "more than IOV_MAX buffers"
        return self._take("sendmsg", b"".join(buffers))

    def _take(self, call: str, data: bytes) -> int:
        self.calls.append(call)
        room = self.room.pop(0) if self.room else len(data)
        if not room and data:
            raise BlockingIOError
        self.sent += data[:room]
        return min(room, len(data))

    def recv(self, size: int) -> bytes:
        if not self.incoming:
            raise BlockingIOError
        data = self.incoming.pop(0)
        if isinstance(data, OSError):
            raise data
        return data[:size]

    def shutdown(self, how: int) -> None:
        self.calls.append("shutdown")

    def close(self) -> None:
        self.calls.append("close")
        self.closed = True


class Recorder:
    """A TransportProtocol that writes down its upcalls."""

    def __init__(self) -> None:
        self.upcalls: list[str] = []
        self.data = b""
        self.lost: list[Exception | None] = []
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_eof: Callable[[], None] = lambda: None
        self.on_resume: Callable[[], None] = lambda: None

    def data_received(self, data: bytes, now: float) -> None:
        self.upcalls.append("data")
        self.data += data
        self.on_data(data)

    def eof_received(self, now: float) -> None:
        self.upcalls.append("eof")
        self.on_eof()

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        self.upcalls.append("lost")
        self.lost.append(exc)

    def pause_writing(self) -> None:
        self.upcalls.append("pause")

    def resume_writing(self) -> None:
        self.upcalls.append("resume")
        self.on_resume()


class FakeLoop:
    """A reactor on a fake selector and a fake clock; needs no closing."""

    def __init__(self, *, strict: bool = True) -> None:
        self.clock = FakeClock()
        self.selector = FakeSelector(self.clock)
        self.reactor = Reactor(self.selector, self.clock, strict=strict)
        close_in_the_end(self.reactor)

    def transport(self, sock: Any, **options: int) -> tuple[Transport, Recorder]:
        """A started transport; options are marks and budgets of its own."""
        budget = options.pop("recv_budget", RECV_BUDGET)
        kind = type("OneTransport", (Transport,), options)
        transport: Transport = kind(self.reactor, sock, "peer", recv_budget=budget)
        recorder = Recorder()
        transport.start(recorder)
        return transport, recorder

    def tick(self, *ready: tuple[Any, int]) -> None:
        """One tick that never sleeps, with these file objects ready."""
        for fileobj, mask in ready:
            self.selector.make_ready(fileobj, mask)
        self.reactor.run_once(0.0)


def close_in_the_end(reactor: Reactor) -> None:
    """Its only real sockets are closed when it is forgotten."""
    wakeup = reactor._wakeup
    weakref.finalize(reactor, _close, wakeup.reader, wakeup._writer)


def _close(*sockets: socket.socket) -> None:
    for sock in sockets:
        sock.close()


@contextmanager
def real_reactor() -> Iterator[Reactor]:
    """A strict reactor on the system's selector and clock."""
    reactor = Reactor(EpollSelector(), SystemClock(), strict=True)
    try:
        yield reactor
    finally:
        reactor.close()


def run_until(reactor: Reactor, done: Callable[[], object], seconds: float = 5.0) -> None:
    """Tick until it is done; an AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "not done in time"
        reactor.run_once(0.05)


def tiny_pair() -> tuple[socket.socket, socket.socket]:
    """A connected pair with the smallest buffers; the first is non-blocking."""
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.settimeout(5)
    ours.setblocking(False)
    return ours, theirs


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """The same over TCP on loopback, where resets are real."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    theirs.settimeout(5)
    ours.setblocking(False)
    return ours, theirs
