"""Join and leave: what `joined` says, where the backlog starts, which gaps are told."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from netchat.chat.events import Accepted, Error, Gap, Joined, Left, Message, Pong
from netchat.chat.events import Bye as ByeEvent
from netchat.chat.requests import Bye, Join, Leave, Ping, Post, Rooms
from netchat.chat.settings import ChatSettings
from tests.chat.fakes import EPOCH
from tests.chat.support import Chat, Peer, post, seqs, texts


def filled(count: int, *, keep: int = 50_000) -> tuple[Chat, Peer]:
    """A chat whose lobby holds `count` messages by ana, and bob, who is not in it."""
    chat = Chat(keep=keep)
    ana = chat.enter("ana", "lobby")
    for number in range(1, count + 1):
        ana.says(post(str(number)))
    ana.skip()
    return chat, chat.enter("bob")


def backlog(peer: Peer, **options: Any) -> list[Any]:
    """The messages that a join of the lobby brings."""
    peer.says(Join(room="lobby", **options))
    joined, *rest = peer.skip()
    assert isinstance(joined, Joined)
    assert all(isinstance(event, Message) for event in rest), rest
    return rest


def test_join_makes_the_room_and_says_what_is_in_it() -> None:
    chat = Chat(settings=ChatSettings(topics={"Lobby": "All and nothing"}))
    ana = chat.enter("ana")
    ana.says(Join(room="LOBBY", ref="1"))
    joined = ana.gets(Joined)
    assert (joined.ref, joined.room, joined.epoch) == ("1", "LOBBY", EPOCH)
    assert (joined.head, joined.first, joined.count) == (0, 1, 1)
    assert (joined.members, joined.topic) == (["ana"], "All and nothing")


def test_a_room_is_spelled_as_at_its_creation() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "Lobby"), chat.enter("bob")
    assert bob.joins("LOBBY").room == "Lobby"
    bob.says(post("hola", room="lobbY"))
    assert bob.gets(Accepted, Message)[1].room == "Lobby"
    assert ana.gets(Message).room == "Lobby"


def test_a_name_that_cannot_be_a_room_is_room_invalid() -> None:
    ana = Chat().enter("ana")
    ana.says(Join(room="a b"))
    assert ana.gets(Error).code == "room_invalid"


def test_after_with_backlog_is_a_bad_request() -> None:
    ana = Chat().enter("ana")
    ana.says(Join(room="lobby", after=0, backlog=0))
    assert ana.gets(Error).code == "bad_request"


def test_no_more_rooms_than_allowed_may_be_joined() -> None:
    ana = Chat(settings=ChatSettings(rooms=2)).enter("ana", "one", "two")
    ana.says(Join(room="three"), Join(room="two"))
    error, _ = ana.gets(Error, Joined)
    assert error.code == "too_many_rooms"
    ana.says(Leave(room="one"), Join(room="three"))
    ana.gets(Left, Joined)


def test_talks_do_not_count_among_the_joined_rooms() -> None:
    chat = Chat(settings=ChatSettings(rooms=1))
    ana, bob = chat.enter("ana", "one"), chat.enter("bob")
    bob.says(post("psst", to="ana"))
    ana.joins(ana.gets(Message).room)
    ana.says(Join(room="two"), Leave(room="one"), Join(room="two"))
    error, *_ = ana.gets(Error, Left, Joined)
    assert error.code == "too_many_rooms"


def test_a_refused_join_leaves_no_room_behind() -> None:
    ana = Chat(settings=ChatSettings(rooms=1)).enter("ana", "one")
    ana.says(Join(room="two"), Rooms())
    _, rooms = ana.skip()
    assert [row.room for row in rooms.rooms] == ["one"]


# -- the backlog ---------------------------------------------------------------------------


def test_a_join_brings_the_last_50_messages() -> None:
    _, bob = filled(60)
    assert seqs(backlog(bob)) == list(range(11, 61))


@pytest.mark.parametrize(("count", "first"), [(0, 61), (1, 60), (60, 1), (300, 1)])
def test_a_join_brings_as_many_as_it_asks_for(count: int, first: int) -> None:
    _, bob = filled(60)
    assert seqs(backlog(bob, backlog=count)) == list(range(first, 61))


def test_the_backlog_is_followed_by_what_is_new() -> None:
    chat, bob = filled(3)
    bob.joins("lobby", backlog=0)
    chat.peers[0].says(post("4"))
    assert bob.gets(Message).seq == 4


@pytest.mark.parametrize(("after", "first"), [(0, 1), (2, 3), (3, 4)])
def test_a_join_resumes_behind_what_the_client_holds(after: int, first: int) -> None:
    _, bob = filled(3)
    assert seqs(backlog(bob, after=after, epoch=EPOCH)) == list(range(first, 4))


def test_without_an_epoch_a_join_resumes_within_the_present_one() -> None:
    _, bob = filled(3)
    assert seqs(backlog(bob, after=1)) == [2, 3]


def test_a_join_with_another_epoch_drops_the_position() -> None:
    _, bob = filled(3)
    bob.says(Join(room="lobby", after=2, epoch="old"))
    joined, gap, *messages = bob.gets(Joined, Gap, Message, Message, Message)
    assert (gap.room, gap.start, gap.to) == ("lobby", 1, 2)
    assert (gap.reason, gap.epoch) == ("epoch_changed", EPOCH)
    assert joined.first == 1
    assert seqs(messages) == [1, 2, 3]


def test_a_join_from_beyond_the_head_drops_the_position() -> None:
    _, bob = filled(2)
    bob.says(Join(room="lobby", after=9, epoch=EPOCH))
    gap = bob.gets(Joined, Gap, Message, Message)[1]
    assert (gap.start, gap.to, gap.reason) == (1, 9, "epoch_changed")


def test_from_the_beginning_there_is_no_gap_in_any_epoch() -> None:
    _, bob = filled(2)
    assert seqs(backlog(bob, after=0, epoch="old")) == [1, 2]


def test_what_the_log_no_longer_keeps_is_told_as_a_gap() -> None:
    _, bob = filled(10, keep=4)
    bob.says(Join(room="lobby", after=2, epoch=EPOCH))
    joined, gap, *messages = bob.gets(Joined, Gap, *[Message] * 4)
    assert (joined.first, joined.head) == (7, 10)
    assert (gap.start, gap.to, gap.reason, gap.epoch) == (3, 6, "retention", EPOCH)
    assert seqs(messages) == [7, 8, 9, 10]


def test_there_is_no_gap_where_the_next_seq_is_the_first_one_held() -> None:
    _, bob = filled(10, keep=4)
    assert seqs(backlog(bob, after=6, epoch=EPOCH)) == [7, 8, 9, 10]


def test_a_backlog_reaches_back_as_far_as_the_log_does() -> None:
    _, bob = filled(10, keep=4)
    assert seqs(backlog(bob, backlog=300)) == [7, 8, 9, 10]


def test_one_who_joins_before_messages_are_published_gets_them_once() -> None:
    chat, bob = filled(3)
    ana = chat.peers[0]
    chat.publishing = False
    ana.says(post("4"))
    bob.says(Join(room="lobby"))
    chat.publishing = True
    ana.says(post("5"))
    joined, *messages = bob.skip()
    assert joined.head == 3
    assert seqs(messages) == [1, 2, 3, 4, 5]


# -- again ---------------------------------------------------------------------------------


def test_joining_again_brings_the_backlog_again_and_live_messages_once() -> None:
    chat, bob = filled(3)
    backlog(bob)
    assert seqs(backlog(bob)) == [1, 2, 3]
    chat.peers[0].says(post("4"))
    assert bob.gets(Message).seq == 4


def test_joining_again_loses_nothing_that_is_still_on_its_way() -> None:
    chat, bob = filled(10)
    chat.feeding = False
    bob.says(Join(room="lobby", after=2))
    bob.says(Join(room="lobby", backlog=1))
    chat.feeding = True
    chat.settle()
    assert seqs(bob.got(Message)) == list(range(3, 11))


def test_joining_again_with_after_starts_where_it_says() -> None:
    chat, bob = filled(10)
    chat.feeding = False
    bob.says(Join(room="lobby", after=2))
    bob.says(Join(room="lobby", after=8))
    chat.feeding = True
    chat.settle()
    assert seqs(bob.got(Message)) == [9, 10]


def test_joining_again_does_not_count_twice() -> None:
    ana = Chat().enter("ana", "lobby")
    assert ana.joins("lobby").count == 1
    ana.says(Leave(room="lobby"))
    ana.gets(Left)


# -- leaving -------------------------------------------------------------------------------


def test_who_has_left_gets_nothing_more() -> None:
    chat, bob = filled(1)
    bob.joins("lobby")
    bob.says(Leave(room="lobby", ref="9"))
    left = bob.gets(Left)
    assert (left.ref, left.room) == ("9", "lobby")
    chat.peers[0].says(post("2"))
    bob.gets()


def test_leaving_a_room_one_is_not_in_is_not_in_room() -> None:
    _, bob = filled(1)
    bob.says(Leave(room="lobby"), Leave(room="nowhere"), Leave(room="a b"))
    errors = bob.gets(Error, Error, Error)
    assert [error.code for error in errors] == ["not_in_room", "no_such_room", "room_invalid"]


def test_a_room_in_which_nothing_was_written_is_forgotten_with_its_last_member() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "Lobby")
    ana.says(Leave(room="lobby"))
    bob.says(Rooms(), Leave(room="lobby"), Rooms())
    assert [len(page.rooms) for page in bob.skip() if hasattr(page, "rooms")] == [1, 0]
    assert ana.joins("LOBBY").room == "LOBBY"
    chat.advance(5)


def test_a_forgotten_room_and_its_successor_are_not_mixed_up() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    ana.says(Leave(room="lobby"), Join(room="lobby"), post("hola"))
    ana.gets(Left, Joined, Accepted, Message)
    chat.advance(2)
    bob = chat.enter("bob", "lobby")
    bob.says(post("hi"))
    assert ana.got(Message)[0].seq == bob.got(Message)[-1].seq == 2


def test_a_room_in_which_was_written_is_kept() -> None:
    chat, bob = filled(1)
    chat.peers[0].says(Leave(room="lobby"))
    assert texts(backlog(bob)) == ["1"]


def test_rooms_and_their_logs_outlive_a_restart() -> None:
    chat, _ = filled(3)
    chat.advance(1)
    chat = chat.restarted()
    eve = chat.enter("eve")
    assert seqs(backlog(eve, after=1, epoch=EPOCH)) == [2, 3]
    eve.says(post("4"))
    assert eve.gets(Accepted, Message)[1].seq == 4


def test_a_damaged_room_is_served_as_store_failed() -> None:
    chat, _ = filled(3)
    chat.log.damaged[1] = "Its seqs do not add up."
    eve = chat.restarted().enter("eve")
    eve.says(Join(room="lobby"))
    error = eve.gets(Error)
    assert (error.code, error.message) == ("store_failed", "Its seqs do not add up.")
    assert error.retry_after > 0


# -- leave and bye behind posts ------------------------------------------------------------


@pytest.mark.parametrize("last", [Leave(room="lobby"), Bye()])
def test_leave_and_bye_behind_a_post_follow_its_accepted_and_its_message(
    last: Leave | Bye,
) -> None:
    ana = Chat().enter("ana", "lobby")
    ana.says(post("hola"), last)
    accepted, message, _ = ana.skip()
    assert isinstance(accepted, Accepted)
    assert isinstance(message, Message)


@pytest.mark.parametrize("last", [Leave(room="lobby"), Bye()])
def test_leave_and_bye_behind_a_post_wait_for_a_reader_that_has_not_caught_up(
    last: Leave | Bye,
) -> None:
    chat, bob = filled(3)
    chat.feeding = False
    bob.says(Join(room="lobby"), post("4"), last)
    bob.gets(Joined, Accepted)
    bob.asks()
    chat.settle()
    bob.gets()
    chat.feeding = True
    chat.settle()
    *messages, end = bob.skip()
    assert seqs(messages) == [1, 2, 3, 4]
    assert isinstance(end, Left | ByeEvent)


def test_leave_does_not_wait_for_a_backlog() -> None:
    chat, bob = filled(3)
    chat.feeding = False
    bob.says(Join(room="lobby"), Leave(room="lobby"), Ping())
    bob.gets(Joined, Left, Pong)


def test_every_reader_gets_every_seq_once_whenever_it_joins() -> None:
    chat, bob = filled(20)
    ana = chat.peers[0]
    got: list[int] = []
    for round_ in range(6):
        chat.publishing = round_ % 2 == 0
        ana.asks(*(Post(room="lobby", text="x", id=f"r{round_}-{n}") for n in range(3)))
        bob.asks(Join(room="lobby", after=got[-1] if got else 5))
        chat.settle()
        got += seqs(bob.got(Message))
    chat.publishing = True
    chat.settle()
    got += seqs(bob.got(Message))
    assert got[0] == 6
    assert all(later == earlier + 1 for earlier, later in pairwise(got)), got
    assert got[-1] == 38
