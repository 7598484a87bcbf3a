"""Private talks: logs like any other, for the two alone."""

from __future__ import annotations

import pytest

from netchat.chat.events import (
    Accepted,
    Error,
    HistoryBefore,
    Joined,
    Left,
    Members,
    Message,
    Welcome,
)
from netchat.chat.requests import Bye, Hello, History, Join, Leave, Post, Request, Who
from tests.chat.fakes import EPOCH, ManualWorker
from tests.chat.support import Chat, Peer, post, seqs, texts


def talk() -> tuple[Chat, Peer, Peer, str]:
    """Ana and bob, who have said one thing each, and the room of their talk."""
    chat = Chat()
    ana, bob = chat.enter("Ana"), chat.enter("bob")
    ana.says(post("psst", to="BOB"))
    room: str = ana.got(Message)[0].room
    bob.says(post("yes?", to="ana"))
    ana.skip()
    bob.skip()
    return chat, ana, bob, room


def test_both_get_the_same_message_with_the_same_seq_without_join() -> None:
    chat = Chat()
    ana, bob, eve = chat.enter("Ana"), chat.enter("bob"), chat.enter("eve")
    ana.says(Post(text="psst", to="BOB", id="1", ref="r"))
    accepted, message = ana.gets(Accepted, Message)
    assert accepted.ref == "r"
    assert accepted.room == message.room
    assert message.room.startswith("@")
    assert (message.seq, message.sender, message.to) == (1, "Ana", "bob")
    assert bob.gets(Message) == message
    eve.gets()


def test_either_direction_is_the_same_log() -> None:
    _, ana, bob, room = talk()
    ana.says(post("again", to="bob"))
    message = bob.gets(Message)
    assert (message.room, message.seq) == (room, 3)


def test_a_post_may_name_the_talks_room() -> None:
    _, ana, bob, room = talk()
    bob.says(post("here", room=room))
    message = ana.gets(Message)
    assert (message.room, message.sender, message.to) == (room, "bob", "Ana")


def test_history_needs_no_join() -> None:
    _, _, bob, room = talk()
    bob.says(History(room=room))
    page = bob.gets(HistoryBefore)
    assert texts(page.messages) == ["psst", "yes?"]
    assert [message.to for message in page.messages] == ["bob", "Ana"]


def test_joined_counts_and_lists_the_two() -> None:
    _, ana, _, room = talk()
    ana.says(Join(room=room, backlog=1))
    joined, message = ana.gets(Joined, Message)
    assert (joined.room, joined.count, sorted(joined.members)) == (room, 2, ["Ana", "bob"])
    assert (joined.head, joined.first, message.seq) == (2, 1, 2)


def test_a_joined_talk_can_be_resumed_like_a_room() -> None:
    _, ana, _, room = talk()
    ana.says(Join(room=room, after=1, epoch=EPOCH))
    assert seqs(ana.gets(Joined, Message)[1:]) == [2]


def test_who_of_a_joined_talk_lists_the_two() -> None:
    _, ana, bob, room = talk()
    ana.joins(room)
    bob.drops()
    ana.says(Who(room=room))
    members = ana.gets(Members)
    assert [(row.name, row.away) for row in members.members] == [("Ana", False), ("bob", True)]
    assert members.complete


def test_leave_and_who_need_a_join() -> None:
    _, ana, _, room = talk()
    ana.says(Leave(room=room), Who(room=room))
    assert [error.code for error in ana.gets(Error, Error)] == ["not_in_room"] * 2


def test_a_talk_that_was_left_still_arrives() -> None:
    _, ana, bob, room = talk()
    ana.joins(room)
    ana.says(Leave(room=room))
    ana.gets(Left)
    bob.says(post("still there?", to="ana"))
    assert ana.gets(Message).text == "still there?"


@pytest.mark.parametrize("kind", [Join, Leave, History, Who])
def test_to_anybody_else_the_room_does_not_exist(kind: type[Join]) -> None:
    chat, _, _, room = talk()
    eve = chat.enter("eve")
    requests: list[Request] = [kind(room=room), post("let me in", room=room)]
    eve.says(*requests)
    assert [error.code for error in eve.gets(Error, Error)] == ["no_such_room"] * 2


def test_a_guessed_talk_is_not_made_by_a_join() -> None:
    ana = Chat().enter("ana")
    ana.says(Join(room="@guessed"), Join(room="@guessed"))
    assert [error.code for error in ana.gets(Error, Error)] == ["no_such_room"] * 2


def test_one_that_was_away_learns_of_it_from_talks() -> None:
    chat, ana, bob, room = talk()
    bob.drops()
    ana.says(post("later", to="bob"))
    back = chat.connect()
    back.says(Hello(version=1, name="bob", token=bob.token_text))
    welcome = back.gets(Welcome)
    assert [(row.room, row.with_, row.head) for row in welcome.talks] == [(room, "Ana", 3)]
    back.says(Join(room=room, after=2, epoch=EPOCH))
    assert texts(back.gets(Joined, Message)[1:]) == ["later"]


def test_one_who_returns_gets_new_messages_without_join() -> None:
    chat, ana, bob, _ = talk()
    bob.drops()
    back = chat.enter("bob", token=bob.token_text)
    ana.says(post("welcome back", to="bob"))
    assert back.gets(Message).text == "welcome back"


def test_a_message_committed_before_a_welcome_and_published_after_it_arrives() -> None:
    chat, ana, bob, room = talk()
    bob.drops()
    chat.publishing = False
    ana.says(post("now", to="bob"))
    back = chat.connect()
    back.says(Hello(version=1, name="bob", token=bob.token_text))
    assert back.gets(Welcome).talks[0].head == 2
    chat.publishing = True
    chat.settle()
    assert (message := back.gets(Message)).room == room
    assert message.seq == 3


def test_welcome_lists_the_newest_50_talks() -> None:
    chat = Chat()
    ana, names = chat.enter("ana"), [f"p{number}" for number in range(60)]
    for name in names:
        chat.enter(name)
        ana.says(post("hola", to=name))
    again = chat.connect()
    again.says(Hello(version=1, name="ana", token=ana.token_text))
    assert [row.with_ for row in again.gets(Welcome).talks] == names[:9:-1]


def test_a_stranger_who_takes_the_name_sees_nothing_of_it() -> None:
    chat, ana, bob, room = talk()
    bob.says(Bye())
    stranger = chat.connect()
    stranger.says(Hello(version=1, name="bob"), History(room=room))
    welcome, error = stranger.gets(Welcome, Error)
    assert (welcome.talks, error.code) == ([], "no_such_room")
    ana.says(post("is it you?", to="bob"))
    other = ana.got(Message)[0]
    assert other.room != room
    assert other.seq == 1
    stranger.gets(Message)


def test_a_talk_is_with_the_others_present_name_or_the_last_it_had() -> None:
    chat, ana, bob, room = talk()
    bob.says(Bye())
    chat.enter("bob")
    back = chat.enter("bobby", token=bob.token_text)
    again = chat.enter("Ana", token=ana.token_text)
    assert again.identity.name == "Ana"
    again.says(post("hey", room=room))
    assert again.got(Message)[0].to == "bobby"
    back.says(Bye())
    third = chat.connect()
    third.says(Hello(version=1, name="ana", token=ana.token_text))
    assert third.gets(Welcome).talks[0].with_ == "bobby"


def test_writing_to_one_whose_name_is_held_waits_for_him() -> None:
    chat, ana, bob, room = talk()
    bob.drops()
    ana.says(post("hm", to="bob"))
    ana.gets(Accepted, Message)
    chat.advance(61)
    ana.says(post("hm", to="bob"))
    assert ana.gets(Error).code == "no_such_user"
    ana.says(post("but here", room=room))
    ana.gets(Accepted, Message)


def test_talks_outlive_a_restart() -> None:
    chat, _, bob, room = talk()
    chat = chat.restarted()
    back = chat.connect()
    back.says(Hello(version=1, name="bob", token=bob.token_text), History(room=room))
    welcome, page = back.gets(Welcome, HistoryBefore)
    assert [(row.room, row.with_, row.head) for row in welcome.talks] == [(room, "Ana", 2)]
    assert len(page.messages) == 2


def test_a_first_message_reaches_a_reader_that_is_slow_once_it_has_read() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana"), chat.enter("bob")
    bob.slow = True
    ana.says(post("1", to="bob"), post("2", to="bob"))
    bob.gets()
    bob.slow = False
    chat.hub.outgoing.hungry.update(dict.fromkeys(bob.cursors))
    chat.settle()
    assert texts(bob.gets(Message, Message)) == ["1", "2"]


def test_after_the_end_of_its_input_a_party_gets_no_new_message() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana"), chat.enter("bob")
    chat.hub.end_input(bob)
    ana.says(post("1", to="bob"))
    bob.gets()
    bob.drops()
    back = chat.connect()
    back.says(Hello(version=1, name="bob", token=bob.token_text))
    assert back.gets(Welcome).talks[0].head == 1


def test_a_post_that_was_refused_lists_no_talk() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana, _ = chat.enter("ana"), chat.enter("bob")
    disk.stalled = True
    ana.says(post("1", to="bob"))
    disk.fail(OSError("no"))
    chat.settle()
    ana.gets(Error)
    again = chat.connect()
    again.says(Hello(version=1, name="ana", token=ana.token_text))
    assert again.gets(Welcome).talks == []
