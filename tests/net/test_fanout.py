"""Fan-outs by a ring: to each member what its own flush would have done."""

from __future__ import annotations

import errno
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.net.fanout import write_all
from netchat.net.reactor import READ, WRITE
from netchat.net.transport import Transport

from .support import FakeLoop, FakeSocket, Recorder

BLOB = bytes(range(100))


class FakeRing:
    """Sends to fake sockets, and writes down to how many."""

    few = 1
    largest = 1_000

    def __init__(self) -> None:
        self.socks: dict[int, FakeSocket] = {}
        self.calls: list[int] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def send(self, numbers: array[int], data: bytes) -> list[tuple[int, int]]:
        self.calls.append(len(numbers))
        results = [self._send(self.socks[number], data) for number in numbers]
        return [(place, taken) for place, taken in enumerate(results) if taken != len(data)]

    @staticmethod
    def _send(sock: FakeSocket, data: bytes) -> int:
        try:
            return sock.send(data)
        except OSError as exc:
            return -(exc.errno or errno.EAGAIN)


class Room:
    """Members on fake sockets, in a loop with a ring."""

    def __init__(self, *socks: FakeSocket, **options: int) -> None:
        self.loop, self.ring, self.socks = FakeLoop(), FakeRing(), socks
        self.loop.reactor.ring = self.ring
        self.members: list[Transport] = []
        self.recorders: list[Recorder] = []
        for number, sock in enumerate(socks):
            sock.fileno = lambda number=number: number  # type: ignore[method-assign,misc]
            self.ring.socks[number] = sock
            member, recorder = self.loop.transport(sock, **options)
            self.members.append(member)
            self.recorders.append(recorder)

    @property
    def sent(self) -> list[bytes]:
        return [sock.sent for sock in self.socks]

    def tick(self, *ready: tuple[Any, int]) -> None:
        self.loop.tick(*ready)


def test_idle_members_are_sent_to_in_one_call() -> None:
    room = Room(*(FakeSocket() for _ in range(5)))
    write_all(room.members, BLOB)
    assert [member.pending for member in room.members] == [100] * 5
    room.loop.clock.advance(1.0)
    room.tick()
    assert room.ring.calls == [5]
    assert room.sent == [BLOB] * 5
    assert {member.pending for member in room.members} == {0}
    assert {member.sent_at for member in room.members} == {room.loop.reactor.now}
    assert not room.loop.reactor._flushes


def test_what_comes_after_goes_behind_it_in_one_send() -> None:
    room = Room(*(FakeSocket() for _ in range(4)))
    write_all(room.members, BLOB)
    room.members[1].write(b"reply", urgent=True)
    room.members[2].write(b"notice")
    room.tick()
    assert room.sent == [BLOB, BLOB + b"reply", BLOB + b"notice", BLOB]
    assert [sock.calls for sock in room.socks] == [["send"]] * 4
    assert room.ring.calls == [2]


def test_what_came_before_goes_before_it() -> None:
    room = Room(*(FakeSocket() for _ in range(4)))
    room.members[0].write(b"notice")
    room.members[3].write(b"reply", urgent=True)
    write_all(room.members, BLOB)
    room.tick()
    assert room.sent == [b"notice" + BLOB, BLOB, BLOB, b"reply" + BLOB]


def test_two_of_one_tick_go_together_to_whoever_is_in_both_rooms() -> None:
    room, other = Room(*(FakeSocket() for _ in range(4))), b"another room's"
    write_all(room.members[:3], BLOB)
    write_all(room.members[1:], other)
    room.tick()
    assert room.sent == [BLOB, BLOB + other, BLOB + other, other]
    assert {len(sock.calls) for sock in room.socks} == {1}


def test_what_was_not_taken_waits_and_is_sent_from_there() -> None:
    room = Room(FakeSocket(), FakeSocket(30), FakeSocket(0), FakeSocket())
    before = room.loop.reactor.now
    write_all(room.members, BLOB)
    room.loop.clock.advance(1.0)
    room.tick()
    assert room.sent == [BLOB, BLOB[:30], b"", BLOB]
    assert [member.pending for member in room.members] == [0, 70, 100, 0]
    assert room.members[2].sent_at == before
    assert room.loop.reactor.unsent == 170
    room.tick((room.socks[1], WRITE), (room.socks[2], WRITE))
    assert room.sent == [BLOB] * 4
    assert room.loop.reactor.unsent == 0


def test_a_member_whose_socket_fails_is_lost_and_nobody_else() -> None:
    room = Room(*(FakeSocket() for _ in range(3)))

    def fail(_data: bytes) -> int:
        raise OSError(errno.ECONNRESET, "reset")

    room.socks[1].send = fail  # type: ignore[method-assign,assignment]
    write_all(room.members, BLOB)
    room.tick()
    room.tick()
    assert room.sent == [BLOB, b"", BLOB]
    [lost] = room.recorders[1].lost
    assert isinstance(lost, ConnectionResetError)
    assert room.recorders[0].lost == room.recorders[2].lost == []


def test_a_slow_member_is_told_so() -> None:
    room = Room(FakeSocket(), FakeSocket(10), FakeSocket(), high=50, low=20)
    write_all(room.members, BLOB)
    room.tick()
    assert [recorder.upcalls for recorder in room.recorders] == [[], ["pause"], []]


def test_one_who_waits_for_its_drain_is_told() -> None:
    room = Room(*(FakeSocket() for _ in range(3)))
    room.members[1].request_drain()
    write_all(room.members, BLOB)
    room.members[2].request_drain()
    room.tick()
    assert room.sent == [BLOB] * 3
    assert [recorder.upcalls for recorder in room.recorders] == [[], ["resume"], ["resume"]]


def test_one_that_is_closed_sends_it_and_closes_one_aborted_does_not() -> None:
    room = Room(*(FakeSocket() for _ in range(3)))
    write_all(room.members, BLOB)
    room.members[0].close()
    room.members[1].abort()
    room.tick()
    assert room.sent == [BLOB, b"", BLOB]
    assert room.socks[0].calls[-1] == "shutdown"


def test_over_tls_nothing_is_sent_past_the_engine() -> None:
    sealed = FakeSocket()
    sealed.plain = False  # type: ignore[attr-defined]
    room = Room(FakeSocket(), sealed, FakeSocket())
    write_all(room.members, BLOB)
    room.tick()
    assert room.ring.calls == [2]
    assert room.sent == [BLOB] * 3


@pytest.mark.parametrize("size", [1_000, 1_001])
def test_what_is_too_large_for_the_ring_goes_one_by_one(size: int) -> None:
    room = Room(FakeSocket(), FakeSocket())
    write_all(room.members, bytes(size))
    room.tick()
    assert room.ring.calls == ([2] if size == 1_000 else [])
    assert room.sent == [bytes(size)] * 2


def test_a_protocol_that_fails_is_the_end_of_its_own_member() -> None:
    room = Room(FakeSocket(), FakeSocket(10), FakeSocket(), high=50, low=20)

    def fail() -> None:
        raise ValueError("a bug")

    room.recorders[1].pause_writing = fail  # type: ignore[method-assign]
    room.loop.reactor._strict = False
    write_all(room.members, BLOB)
    room.tick()
    room.tick()
    assert (room.sent[0], room.sent[2]) == (BLOB, BLOB)
    assert [len(recorder.lost) for recorder in room.recorders] == [0, 1, 0]


WRITES = st.lists(
    st.tuples(st.sampled_from(["all", "some", "one", "urgent", "tick"]), st.integers(0, 4)),
    max_size=12,
)
ROOM = st.lists(st.lists(st.sampled_from([0, 1, 7, 10**6]), max_size=8), min_size=5, max_size=5)


@given(WRITES, ROOM)
def test_each_member_gets_its_bytes_in_their_order(
    writes: list[tuple[str, int]], room_left: list[list[int]]
) -> None:
    room = Room(*(FakeSocket(*left) for left in room_left))
    owed = [b""] * 5
    for number, (what, which) in enumerate(writes):
        data = b"<%d>" % number * 5
        if what == "tick":
            room.tick(*((sock, READ | WRITE) for sock in room.socks))
            continue
        places = {"all": range(5), "some": range(which + 1)}.get(what, range(which, which + 1))
        for place in places:
            owed[place] += data
        if what in ("all", "some"):
            write_all([room.members[place] for place in places], data)
        else:
            room.members[which].write(data, urgent=what == "urgent")
    for _ in range(12):
        room.tick(*((sock, WRITE) for sock in room.socks))
    assert room.sent == owed
    assert {member.pending for member in room.members} == {0}
