"""The ring, on real sockets: to many what `send` is to one."""

from __future__ import annotations

import errno
import socket
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat.config import Config, Server
from netchat.environment import system
from netchat.net import ring as ring_module
from netchat.net.ring import LARGEST, SLOTS, SendRing, open_ring

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def ring() -> Iterator[SendRing]:
    opened = open_ring()
    if opened is None:
        pytest.skip("no io_uring here")
    yield opened
    opened.close()


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [socket.socketpair() for _ in range(40)]
    for _, far in made:
        far.setblocking(False)
    yield made
    for near, far in made:
        near.close()
        far.close()


def numbers(pairs: list[Pair]) -> array[int]:
    return array("i", [near.fileno() for near, _ in pairs])


def fill(sock: socket.socket) -> None:
    sock.setblocking(False)
    try:
        while True:
            sock.send(bytes(65_536))
    except BlockingIOError:
        return


def test_all_are_sent_the_same(ring: SendRing, pairs: list[Pair]) -> None:
    assert ring.send(numbers(pairs), b"to all") == []
    assert {far.recv(64) for _, far in pairs} == {b"to all"}


def test_round_and_round_the_ring(ring: SendRing, pairs: list[Pair]) -> None:
    for turn in range(3 * SLOTS // len(pairs)):
        said = b"%d" % turn
        assert ring.send(numbers(pairs), said) == []
        assert {far.recv(64) for _, far in pairs} == {said}


def test_of_a_full_socket_it_is_told_wherever_it_stands(ring: SendRing, pairs: list[Pair]) -> None:
    for place in (0, 7, 39, 12):
        fill(pairs[place][0])
        full = [n for n, (near, _) in enumerate(pairs) if not _has_room(near)]
        for _ in range(SLOTS // len(pairs)):
            refused = ring.send(numbers(pairs), b"x")
            assert sorted(refused) == [(n, -errno.EAGAIN) for n in full]


def _has_room(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.send(b"-"))
    except BlockingIOError:
        return False


def test_what_a_socket_took_of_it_is_told(ring: SendRing, pairs: list[Pair]) -> None:
    near, far = pairs[3]
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    data = bytes(range(256)) * (LARGEST // 256)
    [(place, taken)] = ring.send(numbers(pairs[3:4]), data)
    assert place == 0
    assert 0 < taken < LARGEST
    assert far.recv(LARGEST) == data[:taken]


def test_one_who_has_gone_keeps_nobody_from_being_sent_to(
    ring: SendRing, pairs: list[Pair]
) -> None:
    pairs[0][1].close()
    closed = array("i", [10**6])
    refused = ring.send(numbers(pairs) + closed, b"x")
    assert sorted(refused) == [(0, -errno.EPIPE), (len(pairs), -errno.EBADF)]
    assert {far.recv(64) for _, far in pairs[1:]} == {b"x"}


def test_whom_the_kernel_does_not_get_to_took_nothing(
    ring: SendRing, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ring._call
    with monkeypatch.context() as patch:
        patch.setattr(ring, "_call", lambda number, fd, count: call(number, fd, count - 2))
        refused = ring.send(numbers(pairs), b"first")
    assert refused == [(38, -errno.EAGAIN), (39, -errno.EAGAIN)]
    assert ring.send(numbers(pairs), b"second") == []
    got = [far.recv(64) for _, far in pairs]
    assert got == [b"firstsecond"] * 38 + [b"second"] * 2


def test_a_kernel_without_memory_took_nothing(
    ring: SendRing, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> int:
        raise OSError(errno.ENOMEM, "no memory")

    with monkeypatch.context() as patch:
        patch.setattr(ring, "_call", fail)
        refused = ring.send(numbers(pairs), b"first")
    assert refused == [(n, -errno.EAGAIN) for n in range(40)]
    assert ring.send(numbers(pairs), b"second") == []
    assert {far.recv(64) for _, far in pairs} == {b"second"}


def test_where_there_is_none_that_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> int:
        raise OSError(errno.EPERM, "forbidden")

    monkeypatch.setattr(SendRing, "_call", forbid)
    assert open_ring() is None


def test_one_that_is_not_as_expected_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kernel that takes a flag and does not know what it means."""
    monkeypatch.setattr(ring_module, "_SKIP_SUCCESS", 0)
    assert open_ring() is None


def test_an_operator_can_do_without(ring: SendRing, tmp_path: Path) -> None:
    def opened(allowed: bool) -> object:
        config = Config(server=Server(durability="memory", io_uring=allowed))
        return system(config, tmp_path).open_ring()

    with_it, without_it = opened(True), opened(False)
    assert isinstance(with_it, SendRing)
    with_it.close()
    assert without_it is None
