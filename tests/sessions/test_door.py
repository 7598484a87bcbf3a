"""A door's session: turns, order, limits, and the ways in which it ends."""

from __future__ import annotations

import gc
import struct
import sys
from typing import Any, cast

import pytest

from netchat.chat import handlers
from netchat.chat.events import (
    Accepted,
    Bye,
    Error,
    Joined,
    Message,
    Pong,
    Welcome,
)
from netchat.chat.requests import Bye as SayBye
from netchat.chat.requests import Hello, Join, Ping, Typing
from netchat.wire.framing import frame
from netchat.wire.native import MAX_FRAME
from tests.chat.fakes import KeptLog, ManualWorker
from tests.chat.support import post
from tests.sessions.support import Client, House


def raw(client: Client, payload: bytes) -> None:
    client.sock.inbox += frame(payload)


def codes(events: list[Any]) -> list[str]:
    return [event.code if isinstance(event, Error) else type(event).__name__ for event in events]


# -- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\0\0\0\0", "bad_frame"),
        (struct.pack(">I", MAX_FRAME + 1), "frame_too_large"),
        (frame(b"{"), "bad_json"),
        (frame(b"[]"), "bad_json"),
    ],
)
def test_a_fatal_error_is_told_and_closes(data: bytes, code: str) -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    ana.sock.inbox += data
    ana.says(Ping())
    error = ana.gets(Error)
    assert (error.code, error.fatal) == (code, True)
    house.advance(10)
    assert ana.sock.closed


def test_a_fatal_error_waits_for_the_replies_of_the_posts_before_it() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana = house.enter("ana", "lobby")
    ana.heard()
    disk.stalled = True
    ana.asks(post("1"), post("2"))
    raw(ana, b"{")
    house.settle()
    assert ana.heard() == []
    disk.run()
    house.settle()
    assert codes(ana.heard()) == ["Accepted", "Accepted", "Message", "Message", "bad_json"]


def test_a_refused_request_keeps_its_place_behind_posts_and_its_ref() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana = house.enter("ana", "lobby")
    ana.heard()
    disk.stalled = True
    ana.asks(post("1"))
    raw(ana, b'{"type":"post","id":"p","ref":"r","room":"lobby"}')
    raw(ana, b'{"type":"dance"}')
    ana.asks(Ping())
    house.settle()
    disk.run()
    house.settle()
    events = ana.heard()
    assert codes(events) == ["Accepted", "Message", "bad_request", "unknown_type", "Pong"]
    assert (events[2].ref, events[2].id, events[2].field) == ("r", "p", "text")


def test_a_stranger_may_send_small_frames_only() -> None:
    house = House()
    peer = house.connect()
    peer.sock.inbox += struct.pack(">I", 4_097)
    house.settle()
    assert codes(peer.heard()) == ["frame_too_large"]


def test_one_who_is_welcome_may_send_large_frames() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.heard()
    ana.says(post("😀" * 4_000))
    ana.gets(Accepted, Message)


def test_five_refused_hellos_are_the_end_bad_ones_included() -> None:
    house = House()
    peer = house.connect()
    peer.says(Hello(version=1, name="a b"), Hello(version=2, name="ana"))
    raw(peer, b'{"type":"hello"}')
    raw(peer, b'{"type":"hello","version":true,"name":"ana"}')
    peer.says(Ping())
    assert codes(peer.heard()) == [
        "name_invalid",
        "version_unsupported",
        "bad_request",
        "bad_request",
        "Pong",
    ]
    peer.says(Hello(version=1, name=""), Ping())
    error = peer.gets(Error)
    assert (error.code, error.fatal) == ("name_invalid", True)


def test_a_bug_in_a_handler_ends_its_peer_and_not_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(cast(Any, handlers.HANDLERS), Ping, broken)
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    bob.heard()
    ana.heard()
    ana.says(Ping())
    error = ana.gets(Error)
    assert (error.code, error.fatal) == ("internal", True)
    bob.says(post("still here"))
    bob.gets(Accepted, Message)


# -- the end -------------------------------------------------------------------------------


def test_a_bye_closes_once_its_reply_has_been_taken() -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    ana.says(SayBye())
    ana.gets(Bye)
    ana.ends()
    assert ana.sock.closed
    assert "ana" not in house.hub.people.names


def test_a_replaced_connection_is_told_and_the_new_one_lives() -> None:
    house = House()
    ghost = house.enter("ana", "lobby")
    ghost.heard()
    ana = house.connect()
    ana.says(Hello(version=1, name="ana", token=ghost.token), Join(room="lobby"), Ping())
    ana.gets(Welcome, Joined, Pong)
    error = ghost.gets(Error)
    assert (error.code, error.fatal) == ("replaced", True)
    house.advance(10)
    assert ghost.sock.closed
    ana.heard()
    ana.says(post("1"), Ping())
    ana.gets(Accepted, Message, Pong)


def test_nothing_comes_behind_the_last_word() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ghost = house.enter("ana", "lobby")
    ghost.heard()
    disk.stalled = True
    ghost.says(post("1"))
    house.connect().says(Hello(version=1, name="ana", token=ghost.token))
    disk.run()
    house.settle()
    ghost.gets(Error)


def test_a_lost_connection_is_let_go_of_entirely() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.asks(Ping(), Typing(room="lobby"))
    ana.drops()
    assert not house.door.sessions
    assert ana.session.stopped
    assert ana.session.user is None
    assert ana.session.cursors == ()
    house.advance(120)
    assert house.hub.people.names == {}


# -- what is left of it --------------------------------------------------------------------


@pytest.mark.parametrize("last", ["drop", "bye", "stranger", "bad frame behind unread replies"])
def test_a_session_that_has_ended_is_known_to_nobody(last: str) -> None:
    """It is not the collector's, so a ring would stay for ever."""
    house = House()
    ana, bob = house.enter("ana", "lobby"), house.enter("bob", "lobby")
    gone = house.connect() if last == "stranger" else ana
    if last == "bye":
        gone.says(post("1"), SayBye())
    elif last == "bad frame behind unread replies":
        gone.stalls()
        bob.says(*(post("x" * 4_000) for _ in range(40)))
        raw(gone, b"{")
        house.settle()
        assert gone.session.held is not None
    else:
        gone.asks(post("1"), Ping())
    gone.drops()
    house.advance(300)
    session, gone.session = gone.session, bob.session
    cast(KeptLog, house.server.parts.store).batches.clear()  # no other log keeps its posts
    gc.collect()
    known = sys.getrefcount(session)
    assert known == 2  # this function, and the question
