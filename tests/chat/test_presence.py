"""Presence: net changes, at most once a second and room; counts alone in a crowd."""

from __future__ import annotations

from netchat.chat.events import LISTED_MEMBERS, Joined, Members, Presence
from netchat.chat.requests import Bye, Hello, Join, Leave, Who
from netchat.chat.rooms import Room
from tests.chat.support import Chat, Peer, post


def crowd(chat: Chat, count: int) -> list[Peer]:
    """So many people in the lobby, all of it told."""
    peers = [chat.connect() for _ in range(count)]
    for number, peer in enumerate(peers):
        peer.asks(Hello(version=1, name=f"p{number:04}"), Join(room="lobby"))
    chat.settle()
    chat.advance(2)
    for peer in peers:
        peer.skip()
    return peers


def lobby(chat: Chat) -> Room:
    room = chat.hub.directory.find("lobby")
    assert room is not None
    return room


def test_a_joiner_is_in_joined_and_a_second_later_in_the_presence() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.advance(2)
    ana.skip()
    bob = chat.enter("bob")
    bob.says(Join(room="lobby"))
    assert bob.gets(Joined).members == ["ana", "bob"]
    chat.advance(0.9)
    ana.gets()
    chat.advance(0.2)
    for peer in (ana, bob):
        presence = peer.gets(Presence)
        assert (presence.room, presence.count) == ("lobby", 2)
        assert (presence.joined, presence.away, presence.left) == (["bob"], [], [])
        assert presence.members is None


def test_the_changes_of_a_second_come_in_one_presence() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    bob, eve = chat.enter("bob", "lobby"), chat.enter("eve", "lobby")
    chat.advance(2)
    ana.skip()
    chat.enter("dan", "lobby")
    bob.says(Bye())
    eve.drops()
    chat.advance(1)
    presence = ana.gets(Presence)
    assert (presence.joined, presence.away, presence.left) == (["dan"], ["eve"], ["bob"])
    assert presence.count == 3
    chat.advance(5)
    ana.gets()


def test_who_came_and_left_within_the_second_is_not_told() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.advance(2)
    ana.skip()
    chat.enter("bob", "lobby").says(Leave(room="lobby"))
    chat.advance(2)
    ana.gets()


def test_who_left_and_came_again_within_the_second_is_not_told() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    chat.advance(2)
    ana.skip()
    bob.says(Leave(room="lobby"), Join(room="lobby"))
    chat.advance(2)
    ana.gets()


def test_joining_again_changes_nothing() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.advance(2)
    ana.skip()
    ana.joins("lobby")
    chat.advance(2)
    ana.gets()


def test_a_drop_is_away_and_the_end_of_its_hold_is_left() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    chat.advance(2)
    ana.skip()
    bob.drops()
    chat.advance(2)
    presence = ana.gets(Presence)
    assert (presence.away, presence.count) == (["bob"], 2)
    ana.says(Who(room="lobby"))
    rows = ana.gets(Members).members
    assert [(row.name, row.away) for row in rows] == [("ana", False), ("bob", True)]
    chat.advance(60)
    presence = ana.gets(Presence)
    assert (presence.left, presence.count) == (["bob"], 1)


def test_a_half_closed_connections_drop_is_away_too() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    chat.advance(2)
    ana.skip()
    chat.hub.end_input(bob)
    bob.drops()
    chat.advance(2)
    assert ana.gets(Presence).away == ["bob"]
    chat.advance(60)
    assert ana.gets(Presence).left == ["bob"]


def test_a_return_is_joined_in_the_rooms_that_are_joined_again() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby", "tea"), chat.enter("bob", "lobby", "tea")
    bob.drops()
    chat.advance(2)
    ana.skip()
    back = chat.enter("bob", "lobby", token=bob.token_text)
    chat.advance(2)
    assert ana.gets(Presence).joined == ["bob"]
    chat.advance(60)
    presence = ana.gets(Presence)
    assert (presence.room, presence.left) == ("tea", ["bob"])
    back.says(post("hola"))
    assert len(ana.skip()) == 1


def test_a_return_within_the_second_is_not_told_at_all() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    chat.advance(2)
    ana.skip()
    bob.drops()
    chat.enter("bob", "lobby", token=bob.token_text)
    chat.advance(5)
    ana.gets()


def test_a_return_that_drops_again_is_held_once_more() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby", "tea"), chat.enter("bob", "lobby", "tea")
    bob.drops()
    chat.advance(30)
    chat.enter("bob", "lobby", token=bob.token_text).drops()
    ana.skip()
    chat.advance(59)
    assert not [event for event in ana.got(Presence) if event.left]
    chat.advance(3)
    assert sorted(event.room for event in ana.got(Presence) if event.left) == ["lobby", "tea"]


def test_bye_leaves_the_rooms_where_one_was_away_as_well() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby", "tea"), chat.enter("bob", "lobby", "tea")
    bob.drops()
    chat.enter("bob", "lobby", token=bob.token_text).says(Bye())
    ana.skip()
    chat.advance(2)
    assert sorted(event.room for event in ana.got(Presence)) == ["lobby", "tea"]


def test_a_replaced_connection_is_away_until_its_rooms_are_joined_again() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    chat.advance(2)
    ana.skip()
    chat.enter("bob", token=bob.token_text)
    chat.advance(2)
    assert ana.gets(Presence).away == ["bob"]


# -- crowds --------------------------------------------------------------------------------


def test_a_room_of_200_lists_its_members() -> None:
    chat = Chat()
    peers = crowd(chat, LISTED_MEMBERS - 1)
    joined = chat.enter("zoe").joins("lobby")
    assert (joined.count, len(joined.members)) == (200, 200)
    chat.advance(1)
    assert peers[0].gets(Presence).joined == ["zoe"]


def test_a_room_of_more_than_200_tells_its_count_only() -> None:
    chat = Chat()
    peers = crowd(chat, LISTED_MEMBERS)
    joined = chat.enter("zoe").joins("lobby")
    assert (joined.count, joined.members) == (201, None)
    chat.advance(1)
    presence = peers[0].gets(Presence)
    assert presence.count == 201
    assert not (presence.joined or presence.away or presence.left or presence.members)


def test_a_crowd_whose_count_is_the_same_is_told_nothing() -> None:
    chat = Chat()
    peers = crowd(chat, LISTED_MEMBERS + 2)
    peers[0].says(Leave(room="lobby"), Join(room="lobby"))
    peers[1].drops()
    chat.advance(2)
    peers[2].gets()


def test_a_room_that_falls_to_200_is_sent_its_whole_list() -> None:
    chat = Chat()
    peers = crowd(chat, LISTED_MEMBERS + 1)
    peers[0].says(Bye())
    chat.advance(1)
    presence = peers[1].gets(Presence)
    assert presence.count == 200
    assert sorted(presence.members) == [f"p{number:04}" for number in range(1, 201)]
    assert (presence.joined, presence.left) == ([], [])
    peers[1].says(Leave(room="lobby"))
    peers[2].skip()
    chat.advance(1)
    assert peers[2].gets(Presence).left == ["p0001"]


def test_a_room_that_was_crowded_for_a_moment_is_sent_its_whole_list() -> None:
    chat = Chat()
    peers = crowd(chat, LISTED_MEMBERS)
    chat.enter("zoe", "lobby").says(Leave(room="lobby"))
    chat.advance(1)
    assert len(peers[0].gets(Presence).members) == 200


# -- readers that are behind ---------------------------------------------------------------


def test_a_reader_that_missed_a_notice_can_be_told_so() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.advance(2)
    ana.skip()
    room = lobby(chat)
    cursor = room.cursors[ana]
    room.move_to_lagging(cursor, 1)
    chat.enter("bob", "lobby")
    chat.enter("eve", "lobby").drops()
    chat.advance(1)
    ana.gets()
    assert cursor.seen != room.changes.version
    snapshot = room.snapshot()
    assert (snapshot.count, snapshot.members) == (3, ["ana", "bob", "eve"])
    assert snapshot.away == ["eve"]


def test_a_reader_that_missed_nothing_needs_no_list() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.advance(2)
    room = lobby(chat)
    assert room.cursors[ana].seen == room.changes.version


def test_a_forgotten_rooms_timer_tells_nobody() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    ana.says(Leave(room="lobby"))
    ana.skip()
    chat.advance(2)
    ana.gets()
