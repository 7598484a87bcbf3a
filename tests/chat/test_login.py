"""Saying hello, coming back by token, and saying bye."""

from __future__ import annotations

import pytest

from netchat.chat.events import Accepted, Bye, Error, Joined, Message, Pong, Welcome
from netchat.chat.requests import Bye as SayBye
from netchat.chat.requests import Hello, Join, Leave, Ping, Request, Rooms
from netchat.chat.requests import Pong as SayPong
from netchat.chat.settings import ChatSettings
from tests.chat.fakes import EPOCH
from tests.chat.support import Chat, Peer, post

DAY = 24 * 3600.0


def hello(name: str, token: str | None = None, version: int = 1, **rest: str) -> Hello:
    return Hello(version=version, name=name, token=token, **rest)


def refused(peer: Peer, request: Request, code: str) -> Error:
    peer.says(request)
    error: Error = peer.gets(Error)
    assert error.code == code, error
    return error


def test_hello_is_answered_by_welcome() -> None:
    chat = Chat(settings=ChatSettings(server="netchat/1", heartbeat=25, rooms=7))
    ana = chat.connect()
    ana.says(Hello(version=1, name="Ana", ref="r"))
    welcome = ana.gets(Welcome)
    assert (welcome.ref, welcome.version, welcome.server) == ("r", 1, "netchat/1")
    assert (welcome.name, welcome.session, welcome.epoch) == ("Ana", "s1", EPOCH)
    assert (welcome.heartbeat, welcome.talks) == (25, [])
    assert welcome.limits["frame"] == 65_536
    assert welcome.limits["text"] == 4_000
    assert welcome.limits["rooms"] == 7
    assert welcome.token


def test_another_version_is_unsupported_and_the_next_try_counts() -> None:
    peer = Chat().connect()
    refused(peer, hello("ana", version=2), "version_unsupported")
    peer.says(hello("ana"))
    peer.gets(Welcome)


def test_a_wrong_name_is_name_invalid() -> None:
    refused(Chat().connect(), hello("a b"), "name_invalid")


def test_a_name_is_taken_however_it_is_spelled() -> None:
    chat = Chat()
    chat.enter("Ana")
    refused(chat.connect(), hello("\uff21NA"), "name_taken")


def test_a_second_hello_is_already_welcome() -> None:
    ana = Chat().enter("ana")
    refused(ana, hello("eve"), "already_welcome")
    ana.says(Ping())
    ana.gets(Pong)


@pytest.mark.parametrize(
    "request_", [Join(room="lobby"), Leave(room="lobby"), post("hola"), Rooms(), SayPong()]
)
def test_before_welcome_only_hello_ping_and_bye_are_legal(request_: Request) -> None:
    refused(Chat().connect(), request_, "not_welcome")


def test_a_stranger_may_ping_and_say_bye() -> None:
    peer = Chat().connect()
    peer.says(Ping(ref="1"), SayBye(ref="2"))
    pong, bye = peer.gets(Pong, Bye)
    assert (pong.ref, bye.ref, bye.reason) == ("1", "2", "bye")
    assert peer.closed


def test_the_fifth_refused_hello_is_the_last() -> None:
    peer = Chat().connect()
    for _ in range(4):
        assert not refused(peer, hello("a b"), "name_invalid").fatal
    assert refused(peer, hello("a b"), "name_invalid").fatal
    assert peer.closed


def test_of_the_five_tries_only_refused_hellos_count() -> None:
    peer = Chat().connect()
    for _ in range(10):
        refused(peer, Join(room="lobby"), "not_welcome")
    for _ in range(4):
        refused(peer, hello("a b"), "name_invalid")
    peer.says(hello("ana"))
    peer.gets(Welcome)


def test_what_is_sent_behind_a_hello_is_served_after_welcome() -> None:
    ana = Chat().connect()
    ana.says(hello("ana"), Join(room="lobby"), post("hola"))
    ana.gets(Welcome, Joined, Accepted, Message)


def test_what_is_sent_behind_a_refused_hello_is_not_welcome_until_the_next_try() -> None:
    ana = Chat().connect()
    ana.says(hello("a b"), Join(room="lobby"), hello("ana"), Join(room="lobby"))
    first, second, *_ = ana.gets(Error, Error, Welcome, Joined)
    assert (first.code, second.code) == ("name_invalid", "not_welcome")


def test_bye_frees_the_name_at_once() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    ana.says(SayBye())
    assert ana.gets(Bye).reason == "bye"
    assert ana.closed
    chat.enter("ana")


def test_nothing_is_served_behind_a_bye() -> None:
    ana = Chat().enter("ana")
    ana.says(SayBye(), Ping())
    ana.gets(Bye)


def test_a_dropped_connections_name_is_held_for_60_seconds() -> None:
    chat = Chat()
    chat.enter("ana").drops()
    chat.advance(59)
    refused(chat.connect(), hello("ana"), "name_taken")
    chat.advance(2)
    chat.enter("ana")


def test_only_the_last_drops_hold_counts() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    ana.drops()
    chat.advance(50)
    chat.enter("ana", token=ana.token_text).drops()
    chat.advance(59)
    refused(chat.connect(), hello("ana"), "name_taken")
    chat.advance(1)
    chat.enter("ana")


def test_the_servers_own_bye_holds_the_name() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    chat.hub.say_bye(ana, "shutting_down", 1.5)
    chat.tick()
    bye = ana.gets(Bye)
    assert (bye.reason, bye.retry_after) == ("shutting_down", 1.5)
    ana.drops()
    refused(chat.connect(), hello("ana"), "name_taken")


def test_a_token_takes_the_name_back_at_once() -> None:
    chat = Chat()
    ana = chat.enter("Ana")
    ana.drops()
    again = chat.connect()
    again.says(hello("ana", ana.token_text))
    assert again.gets(Welcome).name == "Ana"  # as the server spells it


def test_a_token_takes_the_name_from_a_connection_that_is_believed_alive() -> None:
    chat = Chat()
    ghost = chat.enter("ana", "lobby")
    ana = chat.enter("ana", token=ghost.token_text)
    error = ghost.gets(Error)
    assert (error.code, error.fatal, ghost.closed) == ("replaced", True, True)
    ghost.drops()
    ana.says(Ping())
    ana.gets(Pong)


def test_a_replaced_connections_drop_does_not_end_the_new_one() -> None:
    chat = Chat()
    ghost = chat.enter("ana", "lobby")
    ana = chat.enter("ana", "lobby", token=ghost.token_text)
    ghost.drops()
    chat.advance(120)
    ana.skip()
    ana.says(post("still here"))
    ana.gets(Accepted, Message)
    refused(chat.connect(), hello("ana"), "name_taken")


def test_an_unknown_token_is_a_bad_token() -> None:
    refused(Chat().connect(), hello("ana", "guessed"), "bad_token")
    refused(Chat().connect(), hello("ana", "\ud800"), "bad_token")


def test_a_token_is_not_good_for_another_name() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    refused(chat.connect(), hello("eve", ana.token_text), "bad_token")
    ana.says(SayBye())
    refused(chat.connect(), hello("eve", ana.token_text), "bad_token")


def test_a_token_whose_name_has_gone_renames_the_guest() -> None:
    chat = Chat()
    first = chat.enter("ana", "lobby")
    first.says(post("hola", id="a-1"))
    first.says(SayBye())
    chat.enter("Ana")
    second = chat.connect()
    second.says(hello("ana", first.token_text))
    assert second.gets(Error).code == "name_taken"
    chat.enter("bob")
    refused(second, hello("bob", first.token_text), "name_taken")
    second.says(hello("anita", first.token_text), Join(room="lobby", backlog=0))
    assert second.gets(Welcome, Joined)[0].name == "anita"
    second.says(post("hola", id="a-1"))
    assert second.gets(Accepted).duplicate


def test_a_token_may_be_used_again_and_again() -> None:
    chat = Chat()
    token = chat.enter("ana").token_text
    for _ in range(3):
        chat.enter("ana", token=token)


def test_a_token_is_good_for_30_days_after_its_last_use() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    chat.advance(29 * DAY)
    ana.drops()
    chat.advance(29 * DAY)
    ana = chat.enter("ana", token=ana.token_text)
    ana.says(SayBye())
    chat.advance(30 * DAY + 1)
    refused(chat.connect(), hello("ana", ana.token_text), "bad_token")


def test_a_connection_open_for_months_can_still_be_taken_back() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    chat.advance(40 * DAY)
    chat.enter("ana", token=ana.token_text)


def test_a_token_works_over_a_restart() -> None:
    chat = Chat()
    ana = chat.enter("Ana")
    chat.advance(2)  # written behind
    chat = chat.restarted()
    again = chat.connect()
    again.says(hello("ana", ana.token_text))
    assert again.gets(Welcome).name == "Ana"


def test_after_a_restart_the_hold_runs_anew() -> None:
    chat = Chat()
    chat.enter("ana")
    chat.enter("bob").says(SayBye())
    chat.advance(2)
    chat = chat.restarted()
    chat.enter("bob")
    chat.advance(59)
    refused(chat.connect(), hello("ana"), "name_taken")
    chat.advance(2)
    chat.enter("ana")


def test_after_a_crash_in_the_first_month_too_the_token_is_good_during_the_hold() -> None:
    chat = Chat()
    ana = chat.enter("ana")
    chat.advance(40 * DAY)
    chat = chat.restarted()
    chat.enter("ana", token=ana.token_text)


def test_an_identity_is_never_reused() -> None:
    chat = Chat()
    chat.enter("ana", "lobby").says(post("one", id="a-1"), SayBye())
    other = chat.enter("ana", "lobby")
    other.says(post("two", id="a-1"))
    accepted = other.gets(Accepted, Message)[0]
    assert (accepted.seq, accepted.duplicate) == (2, False)
    chat.advance(2)
    third = chat.restarted().enter("eve", "lobby")
    third.says(post("three", id="a-1"))
    assert not third.gets(Accepted, Message)[0].duplicate
