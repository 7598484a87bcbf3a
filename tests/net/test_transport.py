from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.net.fanout import write_all
from netchat.net.reactor import READ, WRITE
from netchat.net.transport import JOINED, Transport
from tests.net.support import (
    FakeLoop,
    FakeSocket,
    Recorder,
    real_reactor,
    run_until,
    tcp_pair,
    tiny_pair,
)


def interest(loop: FakeLoop, sock: FakeSocket) -> int:
    key = loop.selector.keys.get(sock)
    return key.events if key else 0


def queue(transport: Transport) -> Sequence[bytes | memoryview]:
    """What it holds: blobs, and the rest of one."""
    held = transport._queue
    return held if isinstance(held, list) else [held] if held is not None else []


def is_of(held: bytes | memoryview, blob: bytes) -> bool:
    """Whether it is this very object, or a view of it."""
    return (held.obj if isinstance(held, memoryview) else held) is blob


# Writing


def test_write_only_queues_and_the_flush_sends() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, _ = loop.transport(sock)
    transport.write(b"hola")
    assert (sock.calls, transport.pending) == ([], 4)
    loop.tick()
    assert (sock.sent, transport.pending) == (b"hola", 0)


def test_several_blobs_leave_in_one_call() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, _ = loop.transport(sock)
    for blob in (b"a", b"", b"bc"):
        transport.write(blob)
    loop.tick()
    assert (sock.sent, sock.calls) == (b"abc", ["send"])


def test_many_bytes_in_several_blobs_leave_without_being_copied() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, _ = loop.transport(sock)
    blob = bytes(JOINED)
    transport.write(blob)
    transport.write(b"!")
    loop.tick()
    assert (sock.sent, sock.calls) == (blob + b"!", ["sendmsg"])


def test_a_short_send_keeps_the_rest() -> None:
    loop, sock = FakeLoop(), FakeSocket(3)
    transport, _ = loop.transport(sock)
    transport.write(b"hello")
    transport.write(b" world")
    loop.tick()
    assert (sock.sent, transport.pending) == (b"hel", 8)
    loop.tick((sock, WRITE))
    assert (sock.sent, transport.pending) == (b"hello world", 0)


def test_a_refusal_keeps_everything() -> None:
    loop, sock = FakeLoop(), FakeSocket(0)
    transport, _ = loop.transport(sock)
    transport.write(b"hello")
    loop.tick()
    assert (sock.sent, transport.pending) == (b"", 5)
    loop.tick((sock, WRITE))
    assert sock.sent == b"hello"


def test_interest_in_writing_is_registered_only_for_what_was_left_over() -> None:
    loop, sock = FakeLoop(), FakeSocket(2)
    transport, _ = loop.transport(sock)
    transport.write(b"hello")
    assert interest(loop, sock) == READ
    loop.tick()
    assert interest(loop, sock) == READ | WRITE
    loop.tick((sock, WRITE))
    assert interest(loop, sock) == READ


def test_a_shared_blob_stays_one_object_under_a_stuck_reader() -> None:
    loop = FakeLoop()
    blob = bytes(1_000)
    transports = [loop.transport(FakeSocket(10, 0))[0] for _ in range(3)]
    for transport in transports:
        transport.write(blob)
        transport.write(blob)
    loop.tick()
    for transport in transports:
        assert transport.pending == 1_990
        assert all(is_of(held, blob) for held in queue(transport))


def test_more_blobs_than_one_call_takes_are_no_refusal() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, _ = loop.transport(sock)
    for _ in range(1_500):
        transport.write(bytes(20))
    loop.tick()
    assert len(sock.sent) == 20_480
    loop.clock.advance(5.0)
    loop.tick((sock, WRITE))
    assert len(sock.sent) == 30_000
    assert transport.drained_at == 1_000.0


def test_the_instants_tell_hearing_sending_and_draining_apart() -> None:
    loop, sock = FakeLoop(), FakeSocket(5, 2, 0, 3)
    transport, _ = loop.transport(sock)

    def step(*ready: tuple[FakeSocket, int]) -> tuple[float, float, float]:
        loop.clock.advance(1.0)
        loop.tick(*ready)
        return transport.heard_at, transport.sent_at, transport.drained_at

    sock.incoming.append(b"x")
    assert step((sock, READ)) == (1_001, 1_000, 1_000)
    transport.write(b"hello")
    assert step() == (1_001, 1_002, 1_000)
    transport.write(b"hello")
    assert step() == (1_001, 1_003, 1_000)  # short: takes 2
    assert step((sock, WRITE)) == (1_001, 1_003, 1_000)  # refused
    assert step((sock, WRITE)) == (1_001, 1_005, 1_005)  # took the rest: it has read
    transport.write(b"hello")
    assert step() == (1_001, 1_006, 1_005)


def test_an_error_in_sending_ends_the_transport() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    error = BrokenPipeError()

    def broken(data: bytes) -> int:
        raise error

    sock.send = broken  # type: ignore[method-assign]
    transport.write(b"x")
    loop.tick()
    assert (recorder.upcalls, transport.pending) == ([], 0)
    loop.tick()
    assert recorder.lost == [error]


@given(
    st.lists(st.integers(0, 40)),
    st.lists(st.integers(0, 30)),
    st.lists(st.booleans(), min_size=1),
)
def test_every_byte_arrives_once_in_order_and_pending_counts_what_is_held(
    sizes: list[int], room: list[int], urgent: list[bool]
) -> None:
    loop, sock = FakeLoop(), FakeSocket(*room)
    transport, _ = loop.transport(sock, high=60, low=20)
    expected = bytearray()
    for number, size in enumerate(sizes):
        blob = bytes([number % 256]) * size
        expected += blob
        transport.write(blob, urgent[number % len(urgent)])
        if number % 3 == 0:
            loop.tick((sock, WRITE))
        held = sum(map(len, queue(transport)))
        assert transport.pending == held == len(expected) - len(sock.sent)
        counted = transport.pending if transport._events & WRITE else 0
        assert loop.reactor.unsent == counted
    for _ in range(len(room) + 1):
        loop.tick((sock, WRITE))
    assert sock.sent == expected
    assert transport.pending == loop.reactor.unsent == 0
    assert interest(loop, sock) == READ


def test_partial_sends_on_a_real_socket_lose_nothing() -> None:
    ours, theirs = tiny_pair()
    with real_reactor() as reactor, theirs:
        transport = Transport(reactor, ours, "peer")
        recorder = Recorder()
        transport.start(recorder)
        blob = bytes(range(256)) * 40
        for _ in range(20):
            transport.write(blob)
        reactor.run_once(0.0)
        assert 0 < transport.pending < 20 * len(blob)
        theirs.setblocking(False)
        got = bytearray()

        def all_here() -> bool:
            try:
                got.extend(theirs.recv(65_536))
            except BlockingIOError:
                return False
            return len(got) == 20 * len(blob)

        run_until(reactor, all_here)
        assert got == blob * 20
        assert recorder.upcalls == ["pause", "resume"]
        transport.abort()
        reactor.run_once(0.0)


# The marks


@pytest.mark.parametrize(("left", "pauses"), [(100, False), (101, True)])
def test_a_flush_that_leaves_more_than_the_high_mark_pauses(left: int, pauses: bool) -> None:
    loop, sock = FakeLoop(), FakeSocket(0)
    transport, recorder = loop.transport(sock, high=100, low=50)
    transport.write(bytes(left))
    assert recorder.upcalls == []
    loop.tick()
    assert recorder.upcalls == (["pause"] if pauses else [])


@pytest.mark.parametrize(("taken", "resumes"), [(150, True), (149, False)])
def test_a_flush_that_leaves_the_low_mark_or_less_resumes(taken: int, resumes: bool) -> None:
    loop, sock = FakeLoop(), FakeSocket(0, taken)
    transport, recorder = loop.transport(sock, high=100, low=50)
    transport.write(bytes(200))
    loop.tick()
    loop.tick((sock, WRITE))
    assert recorder.upcalls == (["pause", "resume"] if resumes else ["pause"])


def test_a_big_write_that_is_taken_at_once_pauses_nobody() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock, high=100, low=50)
    transport.write(bytes(1_000))
    loop.tick()
    assert recorder.upcalls == []


def test_a_stuck_reader_pauses_once_though_writes_go_on() -> None:
    loop, sock = FakeLoop(), FakeSocket(0, 0, 0)
    transport, recorder = loop.transport(sock, high=100, low=50)
    for _ in range(3):
        transport.write(bytes(60))
        loop.tick()
    assert recorder.upcalls == ["pause"]


def test_a_requested_drain_comes_with_the_next_flush_when_little_is_left() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock, high=100, low=50)
    transport.request_drain()
    assert recorder.upcalls == []
    loop.tick()
    loop.tick()
    assert recorder.upcalls == ["resume"]


def test_a_requested_drain_waits_for_the_low_mark_and_needs_no_pause() -> None:
    loop, sock = FakeLoop(), FakeSocket(0, 150)
    transport, recorder = loop.transport(sock, high=100, low=50)
    transport.write(bytes(200))
    transport.request_drain()
    loop.tick()
    assert recorder.upcalls == []
    loop.tick((sock, WRITE))
    assert recorder.upcalls == ["resume"]


def test_what_resuming_writes_leaves_in_the_next_tick() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    recorder.on_resume = lambda: transport.write(b"more")
    transport.request_drain()
    loop.tick()
    assert (sock.sent, loop.reactor.next_timeout()) == (b"", 0.0)
    loop.tick()
    assert sock.sent == b"more"


# Reading


def test_one_readiness_is_one_recv_of_the_budget() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    transport.recv_budget = 4
    sock.incoming += [b"123456", b"78"]
    loop.tick((sock, READ))
    assert recorder.data == b"1234"


def test_a_paused_transport_is_not_registered_and_not_upcalled() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    transport.pause_reading()
    transport.pause_reading()
    assert (transport.reading, interest(loop, sock)) == (False, 0)
    transport.resume_reading()
    transport.resume_reading()
    sock.incoming.append(b"x")
    loop.tick((sock, READ))
    assert (transport.reading, recorder.data) == (True, b"x")


def test_an_upcall_may_pause_another_transport_of_the_same_tick() -> None:
    loop, first, second = FakeLoop(), FakeSocket(), FakeSocket()
    _, recorder = loop.transport(first)
    other, silent = loop.transport(second)
    recorder.on_data = lambda data: other.pause_reading()
    first.incoming.append(b"x")
    second.incoming.append(b"y")
    loop.tick((first, READ), (second, READ))
    assert (recorder.data, silent.data) == (b"x", b"")


def test_an_upcall_may_end_another_transport_of_the_same_tick() -> None:
    loop, first, second = FakeLoop(), FakeSocket(), FakeSocket(0)
    _, recorder = loop.transport(first)
    other, silent = loop.transport(second)
    other.write(b"x")
    loop.tick()
    recorder.on_data = lambda data: other.abort()
    first.incoming.append(b"x")
    second.incoming.append(b"y")
    loop.tick((first, READ), (second, READ | WRITE))
    loop.tick()
    assert (silent.upcalls, second.sent) == (["lost"], b"")


def test_a_spurious_readiness_is_nothing() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    _, recorder = loop.transport(sock)
    loop.tick((sock, READ))
    assert recorder.upcalls == []


def test_after_the_peers_end_our_side_still_writes() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    sock.incoming.append(b"")
    loop.tick((sock, READ))
    assert (recorder.upcalls, interest(loop, sock)) == (["eof"], 0)
    transport.resume_reading()
    assert (transport.reading, interest(loop, sock)) == (False, 0)
    transport.write(b"still here")
    loop.tick()
    assert sock.sent == b"still here"
    assert not transport._closing


def test_a_reset_in_mid_stream_is_told_once_as_an_error() -> None:
    ours, theirs = tcp_pair()
    with real_reactor() as reactor:
        transport = Transport(reactor, ours, "peer")
        recorder = Recorder()
        transport.start(recorder)
        transport.write(b"x" * 100)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        run_until(reactor, lambda: recorder.lost)
        assert isinstance(recorder.lost[0], ConnectionError)
        assert recorder.upcalls == ["lost"]
        assert ours.fileno() == -1


def test_a_hang_up_that_nobody_asked_about_does_not_spin() -> None:
    ours, theirs = tcp_pair()
    with real_reactor() as reactor:
        transport = Transport(reactor, ours, "peer")
        transport.start(Recorder())
        transport.pause_reading()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        before = time.monotonic()
        reactor.run_once(0.03)
        assert time.monotonic() - before >= 0.025
        transport.abort()
        reactor.run_once(0.0)


def test_a_peer_that_goes_while_only_writing_is_awaited_is_noticed() -> None:
    ours, theirs = tiny_pair()
    with real_reactor() as reactor:
        transport = Transport(reactor, ours, "peer")
        recorder = Recorder()
        transport.start(recorder)
        transport.pause_reading()
        transport.write(bytes(100_000))
        reactor.run_once(0.0)
        theirs.close()
        run_until(reactor, lambda: recorder.lost)
        assert isinstance(recorder.lost[0], ConnectionError)


# Closing


def test_close_flushes_then_ends_our_side_then_waits_for_the_peer() -> None:
    loop, sock = FakeLoop(), FakeSocket(3)
    transport, recorder = loop.transport(sock)
    transport.write(b"goodbye")
    transport.close()
    assert transport._closing
    loop.tick()
    assert sock.calls == ["send"]
    loop.tick((sock, WRITE))
    assert (sock.sent, sock.calls) == (b"goodbye", ["send", "send", "shutdown"])
    sock.incoming += [b"late input", b""]
    loop.tick((sock, READ))
    loop.tick((sock, READ))
    assert not sock.closed
    loop.tick()
    assert sock.closed
    assert (recorder.upcalls, recorder.lost) == (["lost"], [None])
    assert interest(loop, sock) == 0


def test_close_after_the_peers_end_does_not_wait() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    recorder.on_eof = transport.close
    transport.write(b"bye")
    sock.incoming.append(b"")
    loop.tick((sock, READ))
    loop.tick()
    assert (sock.sent, sock.calls) == (b"bye", ["send", "shutdown", "close"])
    assert recorder.lost == [None]


def test_nothing_is_upcalled_or_written_after_close() -> None:
    loop, sock = FakeLoop(), FakeSocket(0)
    transport, recorder = loop.transport(sock, high=10, low=5)
    transport.request_drain()
    transport.write(bytes(20))
    transport.close()
    transport.close()
    transport.write(b"more")
    transport.request_drain()
    transport.resume_reading()
    assert (transport.pending, transport.reading) == (20, False)
    sock.incoming.append(b"x")
    loop.tick((sock, READ))
    loop.tick((sock, READ | WRITE))
    loop.tick((sock, READ))
    assert recorder.upcalls == []


def test_a_peer_that_does_not_take_the_last_bytes_is_aborted() -> None:
    loop, sock = FakeLoop(), FakeSocket(0)
    transport, recorder = loop.transport(sock)
    transport.write(b"bye")
    transport.close()
    while not recorder.lost:
        loop.reactor.run_once(9.0)
    assert loop.selector.timeouts == [0.0, 5.0, 9.0]
    assert [type(exc) for exc in recorder.lost] == [TimeoutError]


def test_a_peer_that_never_finishes_is_lingered_for_two_seconds() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    transport.close()
    while not recorder.lost:
        loop.reactor.run_once(9.0)
    assert recorder.lost == [None]
    assert loop.selector.timeouts == [0.0, 2.0, 9.0]


def test_a_flood_while_lingering_is_cut_off() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    transport.close()
    loop.tick()
    sock.incoming += [bytes(30_000)] * 10
    for _ in range(4):
        loop.tick((sock, READ))
    assert (recorder.lost, len(sock.incoming)) == ([None], 7)


def test_a_reset_while_lingering_is_told() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    transport.close()
    loop.tick((sock, READ))
    loop.tick((sock, READ))
    sock.incoming.append(ConnectionResetError())
    loop.tick((sock, READ))
    loop.tick()
    assert [type(exc) for exc in recorder.lost] == [ConnectionResetError]


def test_unread_input_does_not_destroy_the_last_words() -> None:
    ours, theirs = tcp_pair()
    with real_reactor() as reactor, theirs:
        transport = Transport(reactor, ours, "peer")
        recorder = Recorder()
        transport.start(recorder)
        transport.pause_reading()
        theirs.sendall(b"never read" * 100)
        transport.write(b"an error, and why")
        transport.close()
        run_until(reactor, lambda: reactor.next_timeout() != 0)
        theirs.sendall(b"nor this")
        reactor.run_once(0.0)
        assert theirs.recv(100) == b"an error, and why"
        assert theirs.recv(100) == b""
        theirs.close()
        run_until(reactor, lambda: recorder.lost)
        assert recorder.lost == [None]


def test_abort_drops_the_queue_and_closes_in_the_next_tick() -> None:
    loop, sock = FakeLoop(), FakeSocket(0)
    transport, recorder = loop.transport(sock)
    error = ValueError()
    transport.write(b"x")
    transport.abort(error)
    transport.abort(TypeError())
    transport.close()
    assert (transport.pending, transport._closing, sock.closed) == (0, True, False)
    loop.tick()
    loop.tick()
    assert (recorder.lost, sock.calls, interest(loop, sock)) == ([error], ["close"], 0)


def test_an_aborted_transport_keeps_no_timer_and_no_ring_of_references() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport, recorder = loop.transport(sock)
    transport.close()
    transport.abort(ValueError())
    loop.tick()
    assert loop.reactor.next_timeout() is None
    assert transport._protocol is not recorder


def test_a_transport_that_never_started_can_end_too() -> None:
    loop, sock = FakeLoop(), FakeSocket()
    transport = Transport(loop.reactor, sock, "peer")  # type: ignore[arg-type]
    transport.abort()
    loop.tick()
    assert sock.closed


def test_ending_from_within_every_upcall_tells_lost_once() -> None:
    for upcall in ("on_data", "on_eof", "on_resume"):
        for how in ("close", "abort"):
            loop, sock = FakeLoop(), FakeSocket()
            transport, recorder = loop.transport(sock)
            end = getattr(transport, how)
            setattr(recorder, upcall, lambda data=b"", end=end: end())
            sock.incoming += [b"" if upcall == "on_eof" else b"x", b"", b""]
            if upcall == "on_resume":
                transport.request_drain()
            for _ in range(6):
                loop.tick((sock, READ))
            assert recorder.lost == [None], (upcall, how)
            assert loop.reactor.next_timeout() is None


def test_what_is_written_to_all_is_written_to_each() -> None:
    loop, blob = FakeLoop(), bytes(100)
    socks = [FakeSocket(), FakeSocket(30, 0), FakeSocket(), FakeSocket()]
    transports = [loop.transport(sock)[0] for sock in socks]
    transports[0].write(b"before")
    transports[2].abort()
    transports[3].write(b"reply", urgent=True)
    write_all(transports, blob)
    assert [transport.pending for transport in transports] == [106, 100, 0, 105]
    loop.tick()
    assert [sock.sent for sock in socks] == [b"before" + blob, blob[:30], b"", b"reply" + blob]
    assert [transport.pending for transport in transports] == [0, 70, 0, 0]
    assert is_of(queue(transports[1])[0], blob)
