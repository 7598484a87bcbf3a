"""One select tells of many files. What is done for one of them may close another, and open a third
under the same number: what was told of the second is for nobody then. All on real sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netchat.net import gate, handshake
from netchat.net.gate import Arrival
from netchat.net.handshake import HEADER, Handshakes
from netchat.net.listener import Listener
from netchat.net.reactor import READ, Reactor
from netchat.net.transport import Transport
from tests.net.support import Recorder, real_reactor, run_until
from tests.net.tls import contexts


class Ear:
    """A Pollable that counts."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.heard = 0
        self.then = then

    def ready(self, mask: int, now: float) -> None:
        self.heard += 1
        self.then()

    def failed(self, exc: Exception) -> None:
        raise AssertionError from exc


def test_an_event_is_not_for_whoever_has_the_number_by_then() -> None:
    with real_reactor() as reactor:
        first, second = socket.socketpair(), socket.socketpair()
        opened: list[socket.socket] = []

        def replace() -> None:
            old = second[0].fileno()
            reactor.unregister(second[0])
            second[0].close()
            opened.extend(socket.socketpair())
            assert opened[0].fileno() == old
            reactor.register(opened[0], READ, newcomer)

        newcomer, gone = Ear(), Ear()
        reactor.register(first[0], READ, Ear(replace))
        reactor.register(second[0], READ, gone)
        first[1].send(b"x")  # what is ready first is told first
        second[1].send(b"y")
        reactor.run_once(0)
        assert (gone.heard, newcomer.heard) == (1, 0)
        for sock in (*first, *second, *opened):
            sock.close()


@contextmanager
def entrance(reactor: Reactor, accepted: Callable[[Any, Any], None]) -> Iterator[Any]:
    """Where peers come in; its address."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        listener = Listener(reactor, sock.dup(), accepted)
        yield sock.getsockname()
        listener.close()


def test_who_comes_in_the_tick_in_which_another_is_ended_gets_nothing_of_it() -> None:
    inside: list[tuple[Transport, Recorder]] = []

    def let_in(sock: Any, peer: Any) -> None:
        transport, recorder = Transport(reactor, sock, peer), Recorder()
        transport.start(recorder)
        inside.append((transport, recorder))

    with real_reactor() as reactor, entrance(reactor, let_in) as address:
        killer, victim = (socket.create_connection(address) for _ in range(2))
        run_until(reactor, lambda: len(inside) == 2)
        (_, first), (ended, second) = inside
        first.on_data = lambda data: ended.abort()
        killer.send(b"end it")
        newcomer = socket.create_connection(address)
        newcomer.send(b"mine")
        victim.send(b"not mine")
        reactor.run_once(0)
        assert first.data == b"end it" and len(inside) == 3
        third = inside[2][1]
        run_until(reactor, lambda: third.data)
        assert (second.upcalls, third.upcalls, third.data) == (["lost"], ["data"], b"mine")
        for transport, _ in inside:
            transport.abort()
        reactor.run_once(0)
        for sock in (killer, victim, newcomer):
            sock.close()


def test_a_handshake_that_is_over_takes_nothing_of_the_one_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshake, "HANDSHAKE_TIMEOUT", 0.0)

    def begin(sock: Any, peer: Any) -> None:
        numbers.append(sock.fileno())
        shakes.begin(sock, peer, accepted=never, not_tls=b"", listener=None)  # type: ignore[arg-type]

    numbers: list[int] = []
    with real_reactor() as reactor, entrance(reactor, begin) as address:
        shakes = Handshakes(reactor, contexts()[0])
        late = socket.create_connection(address)
        run_until(reactor, lambda: numbers)
        newcomer = socket.create_connection(address)
        late.send(b"\x16")
        reactor.run_once(0)
        assert len(set(numbers)) == 1 and len(numbers) == 2
        assert (shakes.failed, shakes.pending) == (1, 1)
        assert next(iter(shakes._pending))._missing == HEADER
        shakes.cancel()
        late.close()
        newcomer.close()


def test_a_proxy_that_is_late_takes_nothing_of_the_one_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "PROXY_TIMEOUT", 0.0)
    arrivals: dict[Arrival, int] = {}

    def arrive(sock: Any, peer: Any) -> None:
        arrivals[Arrival(reactor, sock, peer, never, over.append)] = sock.fileno()

    over: list[Arrival] = []
    with real_reactor() as reactor, entrance(reactor, arrive) as address:
        late = socket.create_connection(address)
        run_until(reactor, lambda: arrivals)
        newcomer = socket.create_connection(address)
        late.send(b"PROXY ")
        reactor.run_once(0)
        assert len(set(arrivals.values())) == 1
        first, second = arrivals
        assert over == [first]
        second.cancel()
        late.close()
        newcomer.close()


def never(sock: Any, peer: Any) -> None:
    raise AssertionError
