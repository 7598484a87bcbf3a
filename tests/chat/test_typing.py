"""Typing notices: passed on or dropped, never answered."""

from __future__ import annotations

from netchat.chat.events import Error, Message
from netchat.chat.events import Typing as TypingEvent
from netchat.chat.requests import Hello, Join, Leave, Typing
from netchat.chat.settings import ChatSettings
from tests.chat.support import Chat, post


def test_typing_in_a_room_reaches_its_members() -> None:
    chat = Chat()
    ana, bob = chat.enter("Ana", "Lobby"), chat.enter("bob", "lobby")
    ana.says(Typing(room="lobby", ref="1"))
    typing = bob.gets(TypingEvent)
    assert (typing.room, typing.sender, typing.ref) == ("Lobby", "Ana", None)


def test_typing_to_a_user_arrives_with_from_alone() -> None:
    chat = Chat()
    ana, bob, eve = (chat.enter(name) for name in ("ana", "bob", "eve"))
    ana.says(Typing(to="BOB"))
    typing = bob.gets(TypingEvent)
    assert (typing.sender, typing.room) == ("ana", None)
    ana.gets()
    eve.gets()


def test_typing_has_no_reply_whatever_it_is_about() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana"), chat.enter("bob", "lobby")
    ana.says(
        Typing(),
        Typing(to="nobody"),
        Typing(to="a b"),
        Typing(room="nowhere"),
        Typing(room="a b"),
        Typing(room="@x"),
        Typing(room="lobby"),  # not a member
    )
    ana.gets()
    bob.gets()


def test_before_welcome_typing_is_refused_like_all_else() -> None:
    peer = Chat().connect()
    peer.says(Typing(to="ana"))
    assert peer.gets(Error).code == "not_welcome"


def test_one_notice_in_three_seconds_is_passed_on_per_room() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby", "tea"), chat.enter("bob", "lobby", "tea")
    chat.advance(2)
    bob.skip()
    ana.says(Typing(room="lobby"), Typing(room="lobby"), Typing(room="tea"), Typing(to="bob"))
    assert [event.room for event in bob.got(TypingEvent)] == ["lobby", "tea", None]
    chat.advance(2.9)
    ana.says(Typing(room="lobby"), Typing(to="bob"))
    bob.gets()
    chat.advance(0.2)
    ana.says(Typing(room="lobby"))
    bob.gets(TypingEvent)


def test_the_pace_is_each_users_own() -> None:
    chat = Chat()
    ana, bob, eve = (chat.enter(name, "lobby") for name in ("ana", "bob", "eve"))
    ana.says(Typing(room="lobby"))
    bob.says(Typing(room="lobby"))
    assert [event.sender for event in eve.got(TypingEvent)] == ["ana", "bob"]


def test_the_memory_of_who_typed_where_is_bounded() -> None:
    chat = Chat(settings=ChatSettings(rooms=1_000))
    ana = chat.enter("ana", *(f"r{number}" for number in range(200)))
    ana.says(*(Typing(room=f"r{number}") for number in range(200)))
    assert ana.user is not None
    assert len(ana.user.typed or {}) <= 64


def test_nothing_is_passed_on_in_a_room_over_200() -> None:
    chat = Chat()
    peers = [chat.connect() for _ in range(201)]
    for number, peer in enumerate(peers):
        peer.asks(Hello(version=1, name=f"p{number}"), Join(room="lobby"))
    chat.settle()
    peers[0].says(Typing(room="lobby"))
    assert peers[1].got(TypingEvent) == []
    peers[2].says(Leave(room="lobby"))
    peers[0].says(Typing(room="lobby"))
    assert len(peers[1].got(TypingEvent)) == 1


def test_typing_in_a_talk_reaches_the_other_without_join() -> None:
    chat = Chat()
    ana, bob, eve = (chat.enter(name) for name in ("ana", "bob", "eve"))
    ana.says(post("psst", to="bob"))
    talk = bob.gets(Message).room
    bob.says(Typing(room=talk))
    eve.says(Typing(room=talk))
    typing = ana.got(TypingEvent)
    assert [(event.sender, event.room) for event in typing] == [("bob", talk)]
    bob.gets()
    eve.gets()


def test_typing_to_one_who_is_away_goes_nowhere() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana"), chat.enter("bob")
    bob.drops()
    ana.says(Typing(to="bob"))
    ana.gets()
