from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from netchat.net import handshake as module
from netchat.net.handshake import (
    HANDSHAKE_TIMEOUT,
    PENDING,
    Handshake,
    Handshakes,
    NotTls,
)
from netchat.net.listener import Listener
from netchat.net.reactor import READ, WRITE
from netchat.net.tls import TlsSocket, client_context, server_context
from netchat.net.transport import Transport
from tests.certificates import write_files
from tests.net.support import FakeLoop, FakeSocket, Recorder, real_reactor, run_until
from tests.net.tls import Line, contexts, engine


class Guest:
    """Somebody who comes to a server in memory: an engine, and the line to it."""

    def __init__(self, host: str = "localhost") -> None:
        self.line = Line()
        self.engine, self.incoming, self.outgoing = engine(contexts()[1], host)

    def step(self) -> bytes:
        """What there is to be sent to the server next."""
        self.incoming.write(self.line.sent)
        self.line.sent = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.engine.do_handshake()
        return self.outgoing.read()


class Waiting:
    """A listener, as far as Handshakes know one."""

    def __init__(self) -> None:
        self.held = False

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False


class Party:
    """Handshakes on a fake loop, and who came through."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.committing = False
        self.shakes = Handshakes(self.loop.reactor, contexts()[0], lambda: self.committing)
        self.loop.reactor.collect.append(self.shakes.advance)
        self.listener = Waiting()
        self.inside: list[tuple[TlsSocket, Any]] = []

    def admit(self, guest: Guest) -> Guest:
        self.shakes.begin(
            guest.line,  # type: ignore[arg-type]
            "peer",
            accepted=lambda sock, peer: self.inside.append((sock, peer)),
            not_tls=b"TLS, please.",
            listener=self.listener,  # type: ignore[arg-type]
        )
        return guest

    def tick(self, *guests: Guest) -> None:
        self.loop.tick(*((guest.line, READ | WRITE) for guest in guests))

    def settle(self, guest: Guest) -> None:
        """Both sides speak until the handshake is over, or can get no further."""
        for _ in range(2):
            guest.line.inbox += guest.step()
            for _ in range(3):
                self.tick(guest)


@pytest.fixture
def party() -> Party:
    return Party()


def test_a_handshake_ends_with_a_socket_that_speaks(party: Party) -> None:
    guest = party.admit(Guest())
    party.settle(guest)
    [(sock, peer)] = party.inside
    assert peer == "peer" and party.shakes.done == 1
    guest.engine.write(b"hola")
    guest.line.inbox += guest.outgoing.read()
    assert sock.recv(65_536) == b"hola"
    assert guest.line not in party.loop.selector.keys


def test_byte_by_byte_in_both_directions_it_ends_the_same(party: Party) -> None:
    guest = party.admit(Guest())
    for _ in range(2):
        for byte in guest.step():
            guest.line.inbox, guest.line.room = bytes([byte]), 1
            party.tick(guest)
        while guest.line.room == 0:
            guest.line.room = 1
            party.tick(guest)
    assert len(party.inside) == 1


def test_what_follows_the_handshake_is_left_to_the_selector(party: Party) -> None:
    guest = party.admit(Guest())
    guest.line.inbox += guest.step()
    party.tick(guest)
    finished = guest.step()
    guest.engine.write(b"hola")
    behind = guest.outgoing.read()
    guest.line.inbox += finished + behind
    for _ in range(3):
        party.tick(guest)
    [(sock, _)] = party.inside
    assert guest.line.inbox == behind
    assert sock.recv(65_536) == b"hola"


@pytest.mark.parametrize("first", [b"\x00\x00\x00\x10{}", b"GET / HTTP/1.1\r\n", b"PROXY "])
def test_who_does_not_speak_tls_is_told_and_nothing_of_it_is_taken(
    party: Party, first: bytes
) -> None:
    guest = party.admit(Guest())
    guest.line.inbox = first
    party.tick(guest)
    assert guest.line.sent == b"TLS, please."
    assert guest.line.calls == [f"shutdown {socket.SHUT_WR}"]
    assert not party.inside and party.shakes.failed == 1


def test_bytes_in_front_of_a_handshake_are_never_data(party: Party) -> None:
    """A data record, in the clear, ahead of everything."""
    guest = party.admit(Guest())
    guest.line.inbox = b"\x17\x03\x03\x00\x05hello" + guest.step()
    for _ in range(5):
        party.tick(guest)
    assert not party.inside and party.shakes.failed == 1
    assert guest.line.calls == ["close"]


def test_a_length_that_no_record_has_is_not_waited_for(party: Party) -> None:
    guest = party.admit(Guest())
    guest.line.inbox = b"\x16\x03\x01\xff\xff"
    party.tick(guest)
    assert guest.line.sent == b"TLS, please."


def test_the_deadline_does_not_move(party: Party) -> None:
    guest = party.admit(Guest())
    hello = guest.step()
    for second in range(int(HANDSHAKE_TIMEOUT)):
        guest.line.inbox = hello[second : second + 1]
        party.tick(guest)
        assert not guest.line.calls
        party.loop.clock.advance(1.0)
    party.tick(guest)
    assert guest.line.calls == ["close"] and party.shakes.failed == 1


def test_a_peer_that_leaves_is_forgotten(party: Party) -> None:
    guest = party.admit(Guest())
    guest.line.ended = True
    party.tick(guest)
    assert guest.line.calls == ["close"]
    assert not party.shakes._pending and not party.loop.selector.keys.keys() & {guest.line}


def test_what_the_engine_has_against_it_is_told_to_the_peer(party: Party) -> None:
    guest = party.admit(Guest())
    guest.line.inbox = b"\x16\x03\x01\x00\x05hello"
    party.tick(guest)
    assert guest.line.sent[:1] == b"\x15", "an alert"
    assert guest.line.calls == ["close"]


@pytest.fixture
def slow_engine(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step takes 0.06 ms."""
    step = Handshake.step

    def slowly(handshake: Handshake) -> None:
        step(handshake)
        party.loop.clock.advance(0.000_06)

    monkeypatch.setattr(Handshake, "step", slowly)


def come(party: Party, count: int) -> list[Guest]:
    """So many, whose first record is there."""
    guests = [party.admit(Guest()) for _ in range(count)]
    for guest in guests:
        guest.line.inbox = guest.step()
    return guests


def answered(guests: list[Guest]) -> int:
    return sum(bool(guest.line.sent) for guest in guests)


@pytest.mark.usefixtures("slow_engine")
def test_a_tick_has_little_time_for_steps_and_does_not_sleep_before_the_rest(party: Party) -> None:
    guests = come(party, 3)
    party.tick(*guests)
    assert answered(guests) == 2
    assert party.loop.reactor.next_timeout() == 0
    party.tick(*guests)
    assert answered(guests) == 3


@pytest.mark.usefixtures("slow_engine")
def test_a_long_tick_is_followed_by_more_steps(party: Party) -> None:
    work = [0.008]

    def hook(_now: float) -> bool:
        party.loop.clock.advance(work.pop() if work else 0.0)
        return False

    party.loop.reactor.collect.append(hook)
    party.tick()
    guests = come(party, 40)
    party.tick(*guests)
    assert answered(guests) == 34, "a quarter of 8 ms"


@pytest.mark.usefixtures("slow_engine")
def test_however_long_a_step_takes_each_tick_makes_one(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENGINE", 0.0)
    guests = come(party, 3)
    for done in (1, 2, 3):
        party.tick(*guests)
        assert answered(guests) == done


@pytest.mark.usefixtures("slow_engine")
def test_while_posts_are_committed_steps_rest_but_not_for_long(party: Party) -> None:
    guests = come(party, 7)
    party.tick(*guests)
    assert answered(guests) == 2
    party.committing = True
    for done in (4, 6):
        party.tick()
        assert answered(guests) == done - 2
        rest = party.loop.reactor.next_timeout()
        assert rest == pytest.approx(module.REST, abs=0.000_2), "it wakes up by itself"
        party.loop.reactor.run_once()
        assert answered(guests) == done
    party.tick()
    assert answered(guests) == 6
    party.committing = False
    party.tick()
    assert answered(guests) == 7, "no longer than the commit"


@pytest.mark.usefixtures("slow_engine")
def test_a_record_behind_one_that_waits_is_not_read(party: Party) -> None:
    guests = come(party, 3)
    last = guests[-1].line
    last.inbox += b"\x17\x03\x03"
    party.tick(*guests)
    party.loop.selector.make_ready(last, READ)
    assert last.inbox == b"\x17\x03\x03"


def test_beyond_the_bound_nobody_is_accepted_until_there_is_room(party: Party) -> None:
    guests = [party.admit(Guest()) for _ in range(PENDING)]
    assert party.listener.held
    guests[7].line.ended = True
    party.tick(guests[7])
    assert not party.listener.held


def test_who_keeps_us_waiting_makes_room_for_others(party: Party) -> None:
    stallers = [party.admit(Guest()) for _ in range(PENDING)]
    assert party.listener.held
    party.loop.clock.advance(module.GRACE)
    party.tick()
    assert not party.listener.held
    honest = party.admit(Guest())
    assert stallers[0].line.calls == ["close"] and not stallers[1].line.calls
    party.settle(honest)
    assert len(party.inside) == 1


def test_a_listener_that_is_held_leaves_them_to_the_kernel() -> None:
    with real_reactor() as reactor, socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        came: list[socket.socket] = []
        listener = Listener(reactor, sock, lambda each, peer: came.append(each))
        listener.hold()
        with socket.create_connection(sock.getsockname()):
            reactor.run_once(0.01)
            assert not came
            listener.release()
            listener.release()
            run_until(reactor, lambda: came)
            listener.hold()
            listener.close()
            came[0].close()


def test_what_is_over_is_forgotten_without_the_collector(party: Party) -> None:
    gc.disable()
    try:
        through, refused = party.admit(Guest()), party.admit(Guest())
        engines = [weakref.ref(each._engine) for each in party.shakes._pending]
        party.settle(through)
        refused.line.inbox = b"no TLS"
        party.tick(refused)
        party.inside.clear()
        party.tick()
        assert [engine() for engine in engines] == [None, None]
    finally:
        gc.enable()


def test_giving_up_closes_all_of_them(party: Party) -> None:
    guests = [party.admit(Guest()) for _ in range(3)]
    party.shakes.cancel()
    assert all(guest.line.calls == ["close"] for guest in guests)
    assert not party.loop.selector.keys.keys() & {guest.line for guest in guests}


# -- the client's side, on real sockets ----------------------------------------------------


def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> tuple[list[Any], list[Any]]:
    """Both ends on one loop; what each made of it: a TlsSocket or an error."""
    results: tuple[list[Any], list[Any]] = ([], [])
    with real_reactor() as reactor:
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
        ends: list[Callable[[], Handshake]] = [
            partial(Handshake, reactor, ours, server, results[0].append, results[0].append),
            partial(
                Handshake, reactor, theirs, client, results[1].append, results[1].append, host=host
            ),
        ]
        for end in ends:
            end()
        run_until(reactor, lambda: all(results))
        for sock in (ours, theirs):
            sock.close()
    return results


def test_a_client_shakes_hands_with_whom_it_trusts() -> None:
    ours, theirs = shake(contexts()[0], contexts()[1], "localhost")
    assert isinstance(ours[0], TlsSocket) and isinstance(theirs[0], TlsSocket)


def test_a_client_refuses_another_host_and_another_authority(tmp_path: Path) -> None:
    [_], [error] = shake(contexts()[0], contexts()[1], "example.org")
    assert isinstance(error, ssl.SSLCertVerificationError) and "example.org" in str(error)
    files = write_files(tmp_path, which=1)
    stranger = server_context(files.certificate, files.key)
    [told], [error] = shake(stranger, contexts()[1], "localhost")
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert isinstance(told, OSError), "the server learns of it by an alert"
    [_], [fine] = shake(stranger, client_context(insecure=True), "localhost")
    assert isinstance(fine, TlsSocket)


def test_a_client_knows_a_server_without_tls_when_it_hears_one() -> None:
    loop, line = FakeLoop(), Line()
    told: list[object] = []
    Handshake(
        loop.reactor,
        line,  # type: ignore[arg-type]
        contexts()[1],
        told.append,
        told.append,
        host="localhost",
    )
    assert line.sent[:1] == b"\x16"
    line.inbox = b"\0\0\0\x02{}"
    loop.tick((line, READ))
    assert isinstance(told[0], NotTls)


def test_plain_transports_have_grown_by_nothing() -> None:
    loop = FakeLoop()
    transport = Transport(loop.reactor, FakeSocket(), "peer")  # type: ignore[arg-type]
    transport.start(Recorder())
    assert not hasattr(transport, "__dict__")
    assert not any("tls" in slot for slot in Transport.__struct_fields__)
