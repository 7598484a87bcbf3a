"""The network's fakes hold to what real sockets do: one suite for both."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from .net import Net
from .pipe import Line
from .selector import SimSelector
from .world import World

LINE = Line(latency=3, segments=(1, 7, 100), partial=0.5, send_buffer=500, receive_buffer=500)


class Ends(Protocol):
    """A connection: the end under test, and what its peer can do."""

    sock: Any
    selector: selectors.BaseSelector

    def peer_sends(self, data: bytes) -> None: ...
    def peer_reads(self) -> bytes: ...
    def peer_finishes(self) -> None: ...
    def peer_resets(self) -> None: ...


class RealEnds:
    """Loopback TCP."""

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.peer = socket.create_connection(listener.getsockname())
        self.sock, _ = listener.accept()
        listener.close()
        self.sock.setblocking(False)
        self.peer.settimeout(5)
        self.selector = selectors.DefaultSelector()

    def peer_sends(self, data: bytes) -> None:
        self.peer.sendall(data)

    def peer_reads(self) -> bytes:
        return self.peer.recv(65_536)

    def peer_finishes(self) -> None:
        self.peer.shutdown(socket.SHUT_WR)

    def peer_resets(self) -> None:
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.peer.close()

    def close(self) -> None:
        self.selector.close()
        self.sock.close()
        self.peer.close()


class SimEnds:
    """The simulated network; also the client's program at the other end."""

    def __init__(self) -> None:
        self.world = World(7)
        self.net = Net(self.world)
        self.inbox = bytearray()
        self.selector = SimSelector(self.world, self.net, busy=1, spurious=0.0)
        [listener] = self.net.listen("", 0)
        self.link = self.net.connect(LINE, self, "test")
        self.world.run_to(1_000)
        self.sock, _ = listener.accept()

    def peer_sends(self, data: bytes) -> None:
        self.link.write(data)

    def peer_reads(self) -> bytes:
        self.world.run_to(self.world.now + 1_000)
        data = bytes(self.inbox)
        self.inbox.clear()
        return data

    def peer_finishes(self) -> None:
        self.link.finish()

    def peer_resets(self) -> None:
        self.link.connection.reset_server()

    def connected(self) -> None:
        """See Handler."""

    def received(self, data: bytes) -> None:
        self.inbox += data

    def ended(self) -> None:
        """See Handler."""

    def broken(self, why: str) -> None:
        """See Handler."""

    def close(self) -> None:
        self.sock.close()


@pytest.fixture(params=[RealEnds, SimEnds])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    made = request.param()
    yield made
    made.close()


def when(ends: Ends, events: int, step: Callable[[], Any]) -> Any:
    """The result of `step` once the selector calls the socket ready."""
    ends.selector.register(ends.sock, events)
    try:
        for _ in range(1_000):
            if ends.selector.select(1.0):
                try:
                    return step()
                except BlockingIOError:
                    continue
        raise AssertionError("The socket never was ready.")
    finally:
        ends.selector.unregister(ends.sock)


def read(ends: Ends, size: int = 65_536) -> bytes:
    data: bytes = when(ends, selectors.EVENT_READ, lambda: ends.sock.recv(size))
    return data


def test_nothing_to_read_blocks(ends: Ends) -> None:
    with pytest.raises(BlockingIOError):
        ends.sock.recv(10)


def test_bytes_keep_their_order_however_they_are_cut(ends: Ends) -> None:
    sent = bytes(range(256)) * 4
    ends.peer_sends(sent)
    got = b""
    while len(got) < len(sent):
        got += read(ends, 100)
    assert got == sent


def test_the_end_of_input_comes_behind_all_bytes_and_stays(ends: Ends) -> None:
    ends.peer_sends(b"last words")
    ends.peer_finishes()
    got = b""
    while data := read(ends):
        got += data
    assert got == b"last words"
    assert read(ends) == b""


def test_after_the_peers_end_it_can_still_be_written_to(ends: Ends) -> None:
    ends.peer_finishes()
    assert read(ends) == b""
    sent = when(ends, selectors.EVENT_WRITE, lambda: ends.sock.send(b"x"))
    assert (sent, ends.peer_reads()) == (1, b"x")


def test_a_full_buffer_blocks_and_what_was_taken_arrives_in_order(ends: Ends) -> None:
    data = bytes(range(251)) * 40
    taken = 0
    with pytest.raises(BlockingIOError):
        for _ in range(1_000_000):
            taken += ends.sock.send(data[taken % 251 :])
    got = b""
    while len(got) < taken:
        got += ends.peer_reads()
    assert got == (data * (taken // len(data) + 1))[:taken]


def test_several_buffers_leave_as_one(ends: Ends) -> None:
    buffers = [b"ab", memoryview(b"-cd-")[1:3], b"ef"]
    sent = when(ends, selectors.EVENT_WRITE, lambda: ends.sock.sendmsg(buffers))
    assert ends.peer_reads() == b"abcdef"[:sent]


def test_a_reset_is_ready_and_an_error(ends: Ends) -> None:
    ends.peer_resets()
    with pytest.raises(ConnectionResetError):
        read(ends)


def test_a_closed_socket_has_no_descriptor(ends: Ends) -> None:
    ends.sock.close()
    assert ends.sock.fileno() == -1
    with pytest.raises(ValueError):
        ends.selector.register(ends.sock, selectors.EVENT_READ)
