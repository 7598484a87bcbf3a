"""Delivery: one encoding a slice, replies first, nobody's hole and nobody's repeat."""

from __future__ import annotations

import pytest

from netchat.chat.events import Accepted, Joined, Left, Message, Pong, Presence, Typing
from netchat.chat.requests import Bye, Join, Leave, Ping
from netchat.chat.requests import Typing as Types
from netchat.net import flushing
from netchat.net.flushing import FLUSH_SLICE
from netchat.net.transport import HIGH
from netchat.sessions.delivery import SLICE_BYTES
from tests.chat.fakes import ManualWorker
from tests.chat.support import post
from tests.sessions.support import House


def test_a_slice_is_encoded_once_and_the_same_object_goes_to_every_member() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    readers = [house.enter(f"p{number}", "lobby") for number in range(20)]
    before = house.delivery.encoded
    for reader in readers:
        reader.sock.blobs.clear()
    ana.says(post("1"), post("2"), post("3"))
    assert house.delivery.encoded == before + 1
    assert house.delivery.delivered == 3 * 21
    first = readers[0].sock.blobs
    assert len(first) == 1
    assert all(reader.sock.blobs[0] is first[0] for reader in readers)
    assert readers[7].seqs() == [1, 2, 3]


def test_one_who_has_fallen_behind_is_fed_the_same_objects() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    readers = [house.enter(f"p{number}", "lobby") for number in range(3)]
    for reader in readers[1:]:
        reader.session.pause_writing()
    ana.says(post("x"))
    before = house.delivery.encoded
    for reader in readers[1:]:
        reader.session.resume_writing()
    house.settle()
    assert house.delivery.encoded == before
    blobs = [reader.sock.blobs[-1] for reader in readers]
    assert blobs[0] is blobs[1] is blobs[2]


def test_replies_precede_room_events_of_the_same_moment() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    ana.heard()
    ana.asks(post("1"))
    bob.asks(Ping(), post("2"))
    house.settle()
    ana.gets(Accepted, Message, Message)
    bob.gets(Pong, Accepted, Message, Message)


def test_accepted_is_followed_by_the_message_in_the_same_send() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.heard()
    ana.asks(post("1"))
    house.tick()
    ana.gets(Accepted, Message)


def test_one_who_joins_in_the_tick_of_a_post_gets_it_once() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob")
    ana.says(post("1"))
    ana.asks(post("2"))
    bob.asks(Join(room="lobby"))
    house.settle()
    joined, *messages = bob.gets(Joined, Message, Message)
    assert joined.head == 1
    assert [message.seq for message in messages] == [1, 2]


def test_a_slice_is_bounded_and_a_room_publishes_one_a_tick() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    bob.heard()
    bob.stalls()
    disk.stalled = True
    ana.says(post("first"))
    ana.says(*(post("x" * 4_000) for _ in range(59)))
    disk.run()
    house.tick()
    house.tick()
    disk.stalled = False
    disk.run()  # 59 at once
    while house.hub.outgoing.dirty:
        house.tick()
        assert bob.transport.pending <= HIGH + SLICE_BYTES
    bob.reads()
    assert bob.seqs() == list(range(1, 61))


def test_publishing_makes_way_while_many_transports_wait_to_be_flushed() -> None:
    house = House()
    ana = house.enter("ana", "lobby", "tea")
    ana.heard()
    house.waiting = FLUSH_SLICE
    ana.asks(post("1"), Ping())
    for _ in range(3):
        house.tick()
    ana.gets(Accepted)
    ana.asks()
    house.waiting = 0
    house.settle()
    ana.gets(Message, Pong)


def test_what_gathered_meanwhile_leaves_as_one_slice() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    house.waiting = FLUSH_SLICE
    for number in range(5):
        ana.asks(post(str(number)))
        house.tick()
    before = house.delivery.encoded
    house.waiting = 0
    house.settle()
    assert house.delivery.encoded == before + 1
    assert bob.seqs() == [1, 2, 3, 4, 5]


def test_a_notice_reaches_the_live_members_encoded_once() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    eve = house.enter("eve")
    house.advance(2)
    for client in (ana, bob, eve):
        client.heard()
        client.sock.blobs.clear()
    ana.says(Types(room="lobby"))
    bob.gets(Typing)
    eve.gets()
    assert bob.sock.blobs[0] is ana.sock.blobs[0]


def test_a_notice_to_one_user_is_dropped_where_it_is_not_reading() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    bob.heard()
    bob.stalls()
    ana.says(*(post("x" * 4_000) for _ in range(6)))
    ana.says(Types(to="bob"))
    bob.reads()
    assert bob.got(Typing) == []


def test_a_reader_that_missed_a_presence_is_sent_the_whole_list_once_it_has_caught_up() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    house.advance(2)
    bob.heard()
    bob.stalls()
    ana.says(*(post("x" * 4_000) for _ in range(40)))
    assert bob.session.slow
    house.enter("eve", "lobby")
    house.advance(2)
    bob.reads()
    events = bob.heard()
    presence = events.pop()
    assert isinstance(presence, Presence)
    assert sorted(presence.members or []) == ["ana", "bob", "eve"]
    assert not [event for event in events if isinstance(event, Presence)]


def test_a_reader_that_missed_none_is_sent_none() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    house.advance(2)
    bob.heard()
    bob.stalls()
    ana.says(*(post("x" * 4_000) for _ in range(40)))
    bob.reads()
    assert len(bob.seqs()) == 40


def test_a_slow_member_that_leaves_gets_its_own_message_first() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    ana.says(*(post("x" * 4_000) for _ in range(5)))
    bob.heard()
    bob.session.pause_writing()
    bob.says(post("mine"), Leave(room="lobby"))
    bob.gets(Accepted)
    bob.session.resume_writing()
    house.settle()
    bob.gets(Message, Left)


def test_a_fed_reader_that_says_bye_is_fed_no_further() -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob")
    ana.says(*(post("x" * 4_000) for _ in range(100)))
    bob.asks(Join(room="lobby", after=0), Bye())
    house.settle()
    assert bob.session.cursors == ()
    assert bob.seqs() != list(range(1, 101))


def test_a_reply_is_not_put_off_behind_a_fan_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushing, "FLUSH_SLICE", 2)
    house = House()
    readers = [house.enter(f"p{number}", "lobby") for number in range(6)]
    ana = house.enter("ana", "lobby")
    for client in (ana, *readers):
        client.heard()
    ana.asks(post("1"))
    house.tick()
    ana.gets(Accepted, Message)
    assert sum(bool(reader.heard()) for reader in readers) == 2


@pytest.mark.parametrize("text", ["x", '"' * 4_000, "\U0001f600" * 4_000])
def test_no_slice_is_above_the_high_mark_whatever_is_in_it(text: str) -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    room = "\U0001f600" * 64
    ana, bob = house.enter("ana", room), house.enter("bob", room)
    bob.heard()
    bob.sock.blobs.clear()
    disk.stalled = True
    ana.says(post("first", room=room))
    ids = (f"{number:03}".ljust(64, "\U0001f600") for number in range(250))
    ana.says(*(post(text, room=room, id=id) for id in ids))
    disk.stalled = False
    disk.run()
    house.settle()
    while disk.calls:
        disk.run()
        house.settle()
    assert max(map(len, bob.sock.blobs)) <= HIGH
    assert len(bob.seqs()) == 251


def test_a_room_in_which_all_are_behind_is_kept_in_the_tail_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    ana.stalls()
    bob.stalls()
    ana.says(*(post("x" * 4_000) for _ in range(40)))
    assert not house.hub.directory.open("lobby").live
    reads: list[object] = []
    monkeypatch.setattr(house.hub.reader, "after", lambda *args: reads.append(args))
    ana.reads()
    bob.reads()
    assert bob.seqs() == list(range(1, 41))
    assert reads == []
