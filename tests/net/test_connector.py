from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from netchat.net.connector import Connector, connect, new_socket
from netchat.net.reactor import WRITE
from tests.net.support import FakeLoop, real_reactor, run_until


class Dialling:
    """A socket that connects to whatever its network says."""

    def __init__(self, network: FakeNetwork) -> None:
        self.network = network
        self.code = 0
        self.closed = False

    def connect_ex(self, address: Any) -> int:
        self.network.tried.append(address)
        self.code = self.network.answers.get(address, errno.EINPROGRESS)
        return self.code if self.code in self.network.at_once else errno.EINPROGRESS

    def getsockopt(self, level: int, option: int) -> int:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR)
        return 0 if self.code == errno.EINPROGRESS else self.code

    def getpeername(self) -> None:
        if self.code:
            raise OSError(errno.ENOTCONN, "not connected")

    def close(self) -> None:
        self.closed = True


class FakeNetwork:
    """Addresses and how each answers: 0 connects, an errno refuses; none never answers."""

    def __init__(self, **answers: int) -> None:
        self.answers = answers
        self.at_once: set[int] = set()
        self.addresses: list[str] = list(answers)
        self.sockets: list[Dialling] = []
        self.tried: list[str] = []
        self.connected: list[tuple[Any, Any]] = []
        self.failed: list[OSError] = []
        self.loop = FakeLoop()

    def connect(self, timeout: float = 6.0) -> Connector:
        return connect(
            self.loop.reactor, "host", 7000,
            lambda sock, peer: self.connected.append((sock, peer)), self.failed.append, timeout,
            resolve=lambda host, port: [(socket.AF_INET, address) for address in self.addresses],
            new_socket=self.new_socket,  # type: ignore[arg-type]
        )  # fmt: skip

    def new_socket(self, family: int) -> Dialling:
        self.sockets.append(Dialling(self))
        return self.sockets[-1]

    def answer(self) -> None:
        """The address being tried answers."""
        self.loop.tick((self.sockets[-1], WRITE))

    def assert_over(self) -> None:
        """Nothing is left: no timer, no registration, no open socket but the connected."""
        assert self.loop.reactor.next_timeout() is None
        assert not any(sock in self.loop.selector.keys for sock in self.sockets)
        taken = [sock for sock, _ in self.connected]
        assert all(sock.closed == (sock not in taken) for sock in self.sockets)


def test_nothing_is_called_before_connect_has_returned() -> None:
    network = FakeNetwork()
    network.connect()
    assert not network.failed
    network.loop.tick()
    assert len(network.failed) == 1
    network.assert_over()


def test_the_first_address_that_answers_is_taken() -> None:
    network = FakeNetwork(a=0, b=0)
    network.connect()
    network.loop.tick()
    network.answer()
    assert network.connected == [(network.sockets[0], "a")]
    assert network.tried == ["a"]
    network.assert_over()


@pytest.mark.parametrize("at_once", [True, False])
def test_an_address_that_refuses_leads_to_the_next(at_once: bool) -> None:
    network = FakeNetwork(a=errno.ECONNREFUSED, b=0)
    if at_once:
        network.at_once = {errno.ECONNREFUSED}
    network.connect()
    network.loop.tick()
    network.answer()
    if not at_once:
        network.answer()
    assert [peer for _, peer in network.connected] == ["b"]
    network.assert_over()


def test_when_all_refuse_the_last_error_is_told() -> None:
    network = FakeNetwork(a=errno.ENETUNREACH, b=errno.ECONNREFUSED)
    network.connect()
    network.loop.tick()
    network.answer()
    network.answer()
    assert [type(exc) for exc in network.failed] == [ConnectionRefusedError]
    network.assert_over()


def test_silent_addresses_share_the_time_and_end_in_a_timeout() -> None:
    network = FakeNetwork()
    network.addresses = ["a", "b", "c"]
    network.connect(timeout=6.0)
    started = []
    while not network.failed:
        network.loop.reactor.run_once(60.0)
        started.append((network.loop.clock.monotonic() - 1_000, list(network.tried)))
    assert started == [
        (0.0, ["a"]), (2.0, ["a", "b"]), (4.0, ["a", "b", "c"]), (6.0, ["a", "b", "c"]),
    ]  # fmt: skip
    assert isinstance(network.failed[0], TimeoutError)
    network.assert_over()


def test_a_dead_first_address_leaves_time_for_the_second() -> None:
    network = FakeNetwork(b=0)
    network.addresses = ["a", "b"]
    network.connect(timeout=6.0)
    network.loop.tick()
    network.loop.clock.advance(3.0)
    network.loop.tick()
    network.answer()
    assert [peer for _, peer in network.connected] == ["b"]
    network.assert_over()


def test_an_answer_in_the_tick_in_which_its_time_ends_is_not_taken_for_the_next_address_s() -> None:
    network = FakeNetwork(a=0)
    network.addresses = ["a", "b"]
    network.connect(timeout=6.0)
    network.loop.tick()
    network.loop.clock.advance(3.0)
    network.answer()
    assert network.tried == ["a", "b"] and not network.connected
    network.sockets[1].code = 0
    network.answer()
    assert network.connected == [(network.sockets[1], "b")]
    network.assert_over()


@pytest.mark.parametrize("ticks", [0, 1])
def test_a_cancelled_attempt_calls_nobody(ticks: int) -> None:
    network = FakeNetwork(a=0)
    handle = network.connect()
    for _ in range(ticks):
        network.loop.tick()
    handle.cancel()
    handle.cancel()
    network.loop.tick()
    assert not (network.connected or network.failed)
    network.assert_over()


def test_cancelling_afterwards_leaves_the_socket_alone() -> None:
    network = FakeNetwork(a=0)
    handle = network.connect()
    network.loop.tick()
    network.answer()
    handle.cancel()
    network.assert_over()


def test_a_failing_callee_does_not_leak_its_socket() -> None:
    loop = FakeLoop(strict=False)
    network = FakeNetwork(a=0)
    network.loop = loop

    def fail(sock: Any, peer: Any) -> None:
        raise ZeroDivisionError

    connect(
        loop.reactor, "host", 7000, fail, network.failed.append, 6.0,
        resolve=lambda host, port: [(socket.AF_INET, "a")],
        new_socket=network.new_socket,  # type: ignore[arg-type]
    )  # fmt: skip
    loop.tick()
    network.answer()
    network.assert_over()
    assert loop.reactor.errors == 1


def test_a_real_connection_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, real_reactor() as reactor:
        got: list[tuple[socket.socket, Any]] = []
        failed: list[OSError] = []
        port = server.getsockname()[1]
        connect(reactor, "127.0.0.1", port, lambda *args: got.append(args), failed.append, 5.0)
        run_until(reactor, lambda: got or failed)
        assert not failed
        ((sock, peer),) = got
        assert peer == ("127.0.0.1", port)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not sock.getblocking()
        sock.close()


def test_a_refused_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with real_reactor() as reactor:
        failed: list[OSError] = []
        connect(reactor, "127.0.0.1", port, lambda sock, peer: None, failed.append, 5.0)
        run_until(reactor, lambda: failed)
        assert isinstance(failed[0], ConnectionRefusedError)


def test_a_host_that_is_no_name_is_told() -> None:
    with real_reactor() as reactor:
        failed: list[OSError] = []
        connect(reactor, "a" * 300, 7000, lambda sock, peer: None, failed.append, 5.0)
        run_until(reactor, lambda: failed)
        assert failed[0].errno == errno.EINVAL


def test_a_new_socket_does_not_block() -> None:
    with new_socket(socket.AF_INET) as sock:
        assert not sock.getblocking()
