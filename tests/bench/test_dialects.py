from __future__ import annotations

from typing import cast

import pytest

from bench.crowd import Crowd
from bench.ledger import Ledger
from bench.peers.dialects import DIALECTS, Irc, Mqtt, Nats, Redis, WebSocket
from bench.peers.member import PeerMember
from bench.text import MARK, compose
from netchat.net.transport import Transport
from tests.bench.support import FakeTransport


def test_posts_are_what_the_protocols_ask_for() -> None:
    assert Redis().post("r", b"hi") == b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nr\r\n$2\r\nhi\r\n"
    assert Nats().post("r", b"hi") == b"PUB r 2\r\nhi\r\n"
    assert Mqtt().post("r", b"hi") == b"\x30\x05\x00\x01rhi"
    assert Irc().post("r", b"hi") == b"PRIVMSG #r :hi\r\n"
    assert WebSocket().post("r", b"hi") == b"\x81\x82\x00\x00\x00\x00hi"


def test_long_posts_have_long_lengths() -> None:
    assert Mqtt().post("r", b"x" * 200)[:3] == b"\x30\xcb\x01"
    assert WebSocket().post("r", b"x" * 200)[:4] == b"\x81\xfe\x00\xc8"


@pytest.mark.parametrize("name", DIALECTS)
def test_no_greeting_holds_the_mark(name: str) -> None:
    for posts_only in (False, True):
        assert MARK not in DIALECTS[name].greet("b1.0.1", "b1-0001", posts_only)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_member_is_in_once_it_is_told_so_and_then_counts_marks(name: str) -> None:
    crowd, ledger, dialect = Crowd(), Ledger("room"), DIALECTS[name]
    ledger.members = 1
    crowd.ledgers = [ledger]
    member = PeerMember(crowd, ledger, "m", 64, dialect, posts_only=False)
    crowd.members = [member]
    member.start(cast(Transport, FakeTransport()))
    ready = b"hello there\r\n" + dialect.ready
    for at in range(len(ready)):
        assert crowd.joined == 0
        member.data_received(ready[at : at + 1], 0.0)
    assert crowd.joined == 1
    member.post(due=1)
    stream = dialect.post("room", compose(1, 2, 64).encode())
    member.data_received(stream[:-10], 0.0)
    member.data_received(stream[-10:], 0.0)
    assert (crowd.delivered, crowd.is_settled, crowd.settle().faults) == (1, True, 0)


def test_keepalives_are_answered() -> None:
    assert Nats().answer(b"PING\r\n") == b"PONG\r\n"
    assert Irc().answer(b"PING :me\r\n") == b"PONG :me\r\n"
    assert WebSocket().answer(b"\x89\x02ab") == b"\x8a\x82\x00\x00\x00\x00ab"
