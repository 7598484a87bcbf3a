"""Readers that are behind: constant memory, no hole, no repeat, nobody starved."""

from __future__ import annotations

import pytest

from netchat.chat.events import Accepted, Error, Gap, Joined, Left, Message
from netchat.chat.requests import History, Join, Leave, Ping
from netchat.errors import LogDamaged
from netchat.net.transport import HIGH
from netchat.sessions import delivery
from netchat.sessions.delivery import SLICE_BYTES
from tests.chat.fakes import ManualWorker
from tests.chat.support import post
from tests.sessions.support import Client, House

BOUND = HIGH + 2 * SLICE_BYTES
"""What a reader may pin: one slice above the mark, and some replies."""


def fill(client: Client, count: int, *, room: str = "lobby", size: int = 4_000) -> None:
    """Post so many messages, a turn's worth at a time."""
    for start in range(0, count, 50):
        posts = (post("x" * size, room=room) for _ in range(min(50, count - start)))
        client.says(*posts)


def members(house: House, *names: str, room: str = "lobby") -> list[Client]:
    clients = [house.enter(name, room) for name in names]
    for client in clients:
        client.heard()
    return clients


def test_a_slow_reader_costs_constant_memory_and_misses_nothing() -> None:
    house = House()
    ana, bob = members(house, "ana", "bob")
    bob.stalls()
    fill(ana, 300)
    assert bob.transport.pending < BOUND
    assert bob.session.slow
    bob.reads(100_000)
    assert bob.transport.pending < BOUND
    bob.reads()
    assert bob.seqs() == list(range(1, 301))
    fill(ana, 1)
    assert bob.seqs() == [301]
    assert not bob.session.slow


def test_a_reader_that_trickles_costs_constant_memory() -> None:
    house = House()
    ana, bob = members(house, "ana", "bob")
    bob.stalls()
    for _ in range(30):
        fill(ana, 10)
        bob.reads(5_000)
        assert bob.transport.pending < BOUND
    bob.reads()
    assert bob.seqs() == list(range(1, 301))


def test_one_who_is_behind_in_one_room_costs_constant_memory_in_the_others() -> None:
    """Waiting to drain must not switch off the pause that a second room would bring."""
    house = House()
    ana = house.enter("ana", "old", "busy")
    fill(ana, 200, room="old")
    bob = house.enter("bob", "busy")
    bob.stalls(10_000)
    bob.says(Join(room="old", after=0))
    for _ in range(10):
        fill(ana, 50, room="busy")
        bob.reads(1_000)
        assert bob.transport.pending < BOUND
    bob.reads()
    got = bob.got(Message)
    assert [m.seq for m in got if m.room == "busy"] == list(range(1, 501))
    assert [m.seq for m in got if m.room == "old"] == list(range(1, 201))


def test_a_room_joined_while_slow_is_not_live_before_the_peer_has_read() -> None:
    house = House()
    ana = house.enter("ana", "busy", "new")
    (bob,) = members(house, "bob", room="busy")
    bob.stalls()
    fill(ana, 30, room="busy")
    assert bob.session.slow
    bob.reads(bob.transport.pending - 40_000)  # between the marks: served, and still slow
    bob.says(Join(room="new"))
    fill(ana, 100, room="new")
    assert bob.transport.pending < BOUND
    bob.reads()
    got = bob.got(Message)
    assert [m.seq for m in got if m.room == "new"] == list(range(1, 101))
    assert [m.seq for m in got if m.room == "busy"] == list(range(1, 31))


def test_private_messages_to_a_stuck_reader_cost_constant_memory() -> None:
    house = House()
    ana, bob = members(house, "ana", "bob")
    bob.stalls()
    fill(ana, 40)
    for _ in range(6):
        ana.says(*(post("x" * 4_000, to="bob") for _ in range(50)))
    assert bob.transport.pending < BOUND
    bob.reads()
    talk = [message.seq for message in bob.got(Message) if message.to]
    assert talk == list(range(1, 301))


def test_fifty_rooms_resumed_from_the_log_cost_one_page_at_a_time() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    ana = house.enter("ana")
    rooms = [f"r{number}" for number in range(50)]
    ana.says(*(Join(room=room) for room in rooms))
    for room in rooms:
        fill(ana, 20, room=room)
    bob = house.enter("bob")
    bob.stalls()
    disk.stalled = True
    bob.says(*(Join(room=room, after=0) for room in rooms))
    assert len(disk.calls) == 1
    disk.stalled = False
    disk.run()
    house.settle()
    assert bob.transport.pending < BOUND + 65_536
    bob.reads()
    got = bob.got(Message)
    for room in rooms:
        assert [m.seq for m in got if m.room == room] == list(range(1, 21))


def test_a_quiet_room_is_not_starved_by_one_that_cannot_be_kept_up_with() -> None:
    house = House(budget=0)
    ana = house.enter("ana", "busy", "quiet")
    bob = house.enter("bob", "busy", "quiet")
    bob.heard()
    bob.stalls()
    fill(ana, 50, room="busy")
    fill(ana, 1, room="quiet")
    for _ in range(10):
        fill(ana, 20, room="busy")
        bob.reads(70_000)
    assert [message.seq for message in bob.got(Message) if message.room == "quiet"] == [1]


def test_requests_of_one_who_does_not_read_are_not_read_either() -> None:
    house = House()
    ana, bob = members(house, "ana", "bob")
    bob.stalls()
    fill(ana, 40)
    bob.says(*(Ping() for _ in range(50)))
    assert not bob.transport.reading
    assert bob.transport.pending < BOUND
    bob.reads()
    assert bob.transport.reading
    assert len([event for event in bob.heard() if type(event).__name__ == "Pong"]) == 50


# -- from the tail and from the log ----------------------------------------------------------


@pytest.mark.parametrize("budget", [0, 100_000, 2**30])
def test_a_join_from_the_beginning_is_fed_from_wherever_it_is(budget: int) -> None:
    house = House(budget=budget)
    (ana,) = members(house, "ana")
    fill(ana, 200)
    bob = house.enter("bob")
    bob.says(Join(room="lobby", after=0))
    assert bob.seqs() == list(range(1, 201))
    fill(ana, 1)
    assert bob.seqs() == [201]


def test_equal_reads_are_shared() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = members(house, "ana")
    fill(ana, 20, size=100)
    readers = [house.enter(f"p{number}") for number in range(5)]
    disk.stalled = True
    for reader in readers:
        reader.says(Join(room="lobby", after=10))
    assert len(disk.calls) == 1
    disk.run()
    house.settle()
    for reader in readers:
        assert reader.seqs() == list(range(11, 21))


def test_joining_again_while_a_page_is_read_goes_on_where_it_says() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = members(house, "ana")
    fill(ana, 20, size=100)
    bob = house.enter("bob")
    disk.stalled = True
    bob.says(Join(room="lobby", after=2))
    bob.says(Join(room="lobby", after=15))
    disk.run()
    house.settle()
    disk.stalled = False
    while disk.calls:
        disk.run()
        house.settle()
    assert bob.seqs() == list(range(16, 21))
    fill(ana, 1)
    assert bob.seqs() == [21]


def test_leaving_and_joining_while_a_page_is_read_takes_nothing_from_the_first_visit() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = members(house, "ana")
    fill(ana, 20, size=100)
    bob = house.enter("bob")
    disk.stalled = True
    bob.says(Join(room="lobby", after=2), Leave(room="lobby"), Join(room="lobby", after=18))
    disk.stalled = False
    while disk.calls:
        disk.run()
        house.settle()
    assert bob.seqs() == [19, 20]
    fill(ana, 1)
    assert bob.seqs() == [21]


def test_one_who_vanishes_while_a_page_is_read_takes_it_from_nobody() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = members(house, "ana")
    fill(ana, 20, size=100)
    bob, eve = house.enter("bob"), house.enter("eve")
    disk.stalled = True
    bob.says(Join(room="lobby", after=2))
    eve.says(Join(room="lobby", after=2))
    bob.drops()
    disk.stalled = False
    disk.run()
    house.settle()
    assert eve.seqs() == list(range(3, 21))


def test_a_page_that_cannot_be_read_is_asked_for_again_a_second_later() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = members(house, "ana")
    fill(ana, 20, size=100)
    bob = house.enter("bob")
    disk.stalled = True
    bob.says(Join(room="lobby", after=2))
    disk.fail(OSError("no"))
    house.settle()
    assert not disk.calls
    disk.stalled = False
    house.advance(delivery.RETRY)
    assert bob.seqs() == list(range(3, 21))


def test_what_is_trimmed_before_a_reader_got_there_is_told_as_a_gap() -> None:
    house = House(keep=20)
    ana, bob = members(house, "ana", "bob")
    bob.stalls()
    fill(ana, 200)
    bob.reads()
    events = [event for event in bob.heard() if isinstance(event, Gap | Message)]
    expected = 1
    for event in events:
        if isinstance(event, Gap):
            assert (event.start, event.reason) == (expected, "retention")
            assert event.epoch == house.hub.epoch
            expected = event.to + 1
        else:
            assert event.seq == expected
            expected += 1
    assert expected == 201
    assert any(isinstance(event, Gap) for event in events)


def test_a_page_that_was_trimmed_while_it_was_read_begins_with_a_gap() -> None:
    disk = ManualWorker()
    house = House(budget=0, keep=20, reading=disk)
    (ana,) = members(house, "ana")
    fill(ana, 20, size=100)
    bob = house.enter("bob")
    disk.stalled = True
    bob.says(Join(room="lobby", after=0))
    fill(ana, 10, size=100)
    disk.stalled = False
    while disk.calls:
        disk.run()
        house.settle()
    joined, gap, *messages = bob.gets(Joined, Gap, *[Message] * 20)
    assert joined.first == 1
    assert (gap.start, gap.to) == (1, 10)
    assert [message.seq for message in messages] == list(range(11, 31))


def test_a_connection_that_closes_is_fed_no_further() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = members(house, "ana")
    fill(ana, 200)
    bob = house.enter("bob")
    disk.stalled = True
    bob.says(Join(room="lobby", after=0))
    bob.sock.inbox += b"\0\0\0\0"  # a bad frame: fatal, and then the linger
    house.settle()
    disk.run()
    house.settle()
    assert not disk.calls


def test_damage_on_a_page_closes_its_room_and_no_other() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    ana, bob = members(house, "ana", "bob", room="attic")
    ana.says(Join(room="lobby"))
    fill(ana, 10)
    ana.heard()
    disk.stalled = True
    bob.says(Join(room="lobby", after=2))
    disk.fail(LogDamaged("The log is damaged: message 5 is not what was written."))
    house.settle()
    joined, error = bob.gets(Joined, Error)
    assert (joined.head, error.code) == (10, "store_failed")
    assert error.message == "The log is damaged: message 5 is not what was written."
    bob.says(Join(room="lobby"), post("on", room="attic"))
    again, *_ = bob.gets(Error, Accepted, Message)
    bob.says(History(room="lobby"), Leave(room="lobby"))
    page, _ = bob.gets(Error, Left)
    assert again.message == page.message == error.message
    ana.heard()
    ana.says(post("on"))
    assert ana.gets(Error).message == error.message
    assert not disk.calls, "the page is not asked for again"
