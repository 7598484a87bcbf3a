from __future__ import annotations

import errno
import logging
import os
import socket
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from netchat.net import listener as module
from netchat.net.listener import Listener, open_listener
from netchat.net.reactor import READ
from tests.net.support import FakeLoop, real_reactor, run_until


class Accepted:
    """What accept() returns."""

    def __init__(self) -> None:
        self.blocking = True
        self.closed = False

    def setblocking(self, flag: bool) -> None:
        self.blocking = flag

    def close(self) -> None:
        self.closed = True


class Door:
    """A listening socket. `next` is what accept() does, an errno is raised; then nobody."""

    def __init__(self, *outcomes: int | Accepted) -> None:
        self.next = list(outcomes)
        self.accepts = 0
        self.closed = False

    def accept(self) -> tuple[Accepted, str]:
        self.accepts += 1
        outcome = self.next.pop(0) if self.next else errno.EAGAIN
        if isinstance(outcome, int):
            raise OSError(outcome, os.strerror(outcome))
        return outcome, "peer"

    def getsockname(self) -> Any:
        return ("::1", 7000, 0, 0)

    def close(self) -> None:
        self.closed = True


def listening(door: Door, **options: int) -> tuple[FakeLoop, Listener, list[Accepted]]:
    loop = FakeLoop()
    got: list[Accepted] = []
    listener = Listener(loop.reactor, door, lambda sock, peer: got.append(sock), **options)  # type: ignore[arg-type]
    return loop, listener, got


def test_accepted_sockets_are_made_ready_for_the_loop() -> None:
    door = Door(Accepted(), Accepted())
    loop, listener, got = listening(door)
    loop.tick((door, READ))
    assert len(got) == 2
    for sock in got:
        assert not sock.blocking
    listener.close()


def test_a_crowd_is_accepted_by_the_budget() -> None:
    door = Door(*(Accepted() for _ in range(300)))
    loop, listener, got = listening(door)
    loop.tick((door, READ))
    assert (len(got), door.accepts) == (128, 128)
    loop.tick((door, READ))
    assert len(got) == 256
    listener.close()


def _work(loop: FakeLoop, seconds: float, _now: float) -> bool:
    loop.clock.advance(seconds)
    return False


def test_a_crowd_whose_accepts_take_long_waits_for_the_next_tick() -> None:
    door = Door(*(Accepted() for _ in range(300)))
    loop, listener, got = listening(door)
    accept = door.accept

    def slow_accept() -> tuple[Accepted, str]:
        loop.clock.advance(0.000_3)
        return accept()

    door.accept = slow_accept  # type: ignore[method-assign]
    loop.tick((door, READ))
    assert len(got) == 7, "two milliseconds"
    loop.reactor.collect.append(partial(_work, loop, 0.02))
    loop.tick((door, READ))
    before = len(got)
    loop.tick((door, READ))
    assert len(got) - before > 16, "a quarter of the tick before"
    listener.close()


@pytest.mark.parametrize("code", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN])
def test_a_connection_that_broke_while_waiting_does_not_stop_the_next(code: int) -> None:
    door = Door(code, Accepted())
    loop, listener, got = listening(door)
    loop.tick((door, READ))
    assert len(got) == 1
    listener.close()


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_exhaustion_leaves_the_selector_and_comes_back_by_timer(code: int) -> None:
    door = Door(code, code)
    loop, listener, got = listening(door)
    loop.tick((door, READ))
    assert door not in loop.selector.keys
    loop.clock.advance(0.09)
    loop.tick()
    assert door not in loop.selector.keys
    loop.clock.advance(0.02)
    loop.tick()
    assert door in loop.selector.keys
    door.next = [Accepted()]
    loop.tick((door, READ))
    assert len(got) == 1
    listener.close()


def test_an_error_that_nobody_foresaw_does_not_spin_either() -> None:
    door = Door(errno.EINVAL)
    loop, listener, _ = listening(door)
    loop.tick((door, READ))
    assert (door.accepts, door in loop.selector.keys) == (1, False)
    listener.close()


def test_with_no_descriptors_left_one_waiting_client_is_sent_away() -> None:
    shed, waiting = Accepted(), Accepted()
    door = Door(errno.EMFILE, shed, waiting)
    loop, listener, got = listening(door)
    loop.tick((door, READ))
    assert (shed.closed, got, door.next) == (True, [], [waiting])
    assert listener._reserve is not None
    listener.close()


def test_the_reserve_is_free_while_the_client_is_sent_away() -> None:
    door = Door()
    loop, listener, _ = listening(door)
    held: list[bool] = []

    def accept() -> Any:
        held.append(listener._reserve is not None)
        raise OSError(errno.EMFILE, "none left")

    door.accept = accept  # type: ignore[method-assign]
    loop.tick((door, READ))
    assert held == [True, False]
    listener.close()


def test_the_reserve_is_given_back_at_the_end() -> None:
    door = Door(errno.EMFILE, Accepted())
    loop, listener, _ = listening(door)
    loop.tick((door, READ))
    reserve = listener._reserve
    assert reserve is not None
    os.fstat(reserve)
    listener.close()
    with pytest.raises(OSError):
        os.fstat(reserve)


def test_with_no_memory_left_nobody_is_sent_away() -> None:
    waiting = Accepted()
    door = Door(errno.ENOMEM, waiting)
    loop, listener, _ = listening(door)
    loop.tick((door, READ))
    assert door.next == [waiting]
    listener.close()


def test_a_reserve_that_was_snatched_is_taken_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(errno.EMFILE)
    loop, listener, _ = listening(door)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_take_reserve", lambda: None)
        loop.tick((door, READ))
    assert listener._reserve is None
    loop.clock.advance(0.2)
    loop.tick()
    assert listener._reserve is not None
    listener.close()


def test_exhaustion_is_logged_at_most_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    loop, listener, _ = listening(door)
    with caplog.at_level(logging.ERROR, logger="netchat.net"):
        for _ in range(25):
            door.next = [errno.EMFILE]
            loop.tick((door, READ))
            loop.clock.advance(0.1)
            loop.tick()
    assert len(caplog.records) == 3
    listener.close()


def test_one_that_cannot_be_taken_over_is_closed_and_the_listener_lives() -> None:
    door = Door(Accepted(), Accepted())
    first, second = door.next
    loop = FakeLoop(strict=False)
    got: list[Any] = []

    def accepted(sock: Any, peer: Any) -> None:
        if sock is first:
            raise ZeroDivisionError
        got.append(sock)

    listener = Listener(loop.reactor, door, accepted)  # type: ignore[arg-type]
    loop.tick((door, READ))
    loop.tick((door, READ))
    assert isinstance(first, Accepted)
    assert first.closed
    assert got == [second]
    listener.close()


def test_one_that_died_before_it_was_made_ready_is_closed() -> None:
    dead = Accepted()

    def refuse(flag: bool) -> None:
        raise OSError(errno.EINVAL, "gone")

    dead.setblocking = refuse  # type: ignore[method-assign]
    door = Door(dead, Accepted())
    loop, listener, got = listening(door)
    loop.tick((door, READ))
    assert dead.closed
    assert len(got) == 1
    listener.close()


def test_closing_within_an_accept_stops_at_once() -> None:
    door = Door(Accepted(), Accepted())
    loop = FakeLoop()
    listener = Listener(loop.reactor, door, lambda sock, peer: listener.close())  # type: ignore[arg-type]
    loop.tick((door, READ))
    assert (door.accepts, door.closed, door in loop.selector.keys) == (1, True, False)


def test_closing_while_paused_is_for_good() -> None:
    door = Door(errno.EMFILE)
    loop, listener, _ = listening(door)
    loop.tick((door, READ))
    listener.close()
    listener.close()
    assert loop.reactor.next_timeout() is None
    assert door.closed


def test_the_address_is_written_as_people_write_it() -> None:
    _, listener, _ = listening(Door())
    assert listener.address == "[::1]:7000"
    listener.close()


def test_a_real_listener_accepts_a_real_client() -> None:
    (sock,) = open_listener("127.0.0.1", 0)
    with real_reactor() as reactor:
        got: list[tuple[socket.socket, Any]] = []
        listener = Listener(reactor, sock, lambda *accepted: got.append(accepted))
        host, _, port = listener.address.rpartition(":")
        with socket.create_connection((host, int(port))) as client:
            run_until(reactor, lambda: got)
            assert got[0][1] == client.getsockname()
            assert not got[0][0].getblocking()
            got[0][0].close()
        listener.close()
        assert sock.fileno() == -1


def test_everywhere_means_every_family_on_one_port() -> None:
    sockets = open_listener("", 0)
    ports = {sock.getsockname()[1] for sock in sockets}
    families = {sock.family for sock in sockets}
    for sock in sockets:
        sock.close()
    assert len(ports) == 1
    assert len(families) == len(sockets)


def test_a_port_in_use_is_an_error_and_leaves_nothing_open() -> None:
    with closing(open_listener("127.0.0.1", 0)[0]) as first:
        with pytest.raises(OSError) as caught:
            open_listener("127.0.0.1", first.getsockname()[1])
        assert caught.value.errno == errno.EADDRINUSE


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError):
        open_listener("192.0.2.1", 0)


def test_accepted_sockets_inherit_what_is_set_of_them_once() -> None:
    [door] = open_listener("127.0.0.1", 0, patience=52.5)
    with door, socket.create_connection(door.getsockname()):
        door.setblocking(True)
        sock, _ = door.accept()
        with closing(sock):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16_384
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 52_500
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in (65_536, 131_072)
