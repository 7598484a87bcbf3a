"""The conversation with which the protocol ends, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Object, RawClient, framed
from tests.e2e.support import ServerProcess

REQUESTS: list[Object] = [
    {"type": "hello", "version": 1, "name": "ana"},
    {"type": "join", "room": "lobby", "ref": "1"},
    {"type": "post", "room": "lobby", "text": "hola", "id": "a-1"},
]


def check(events: list[Object]) -> None:
    welcome, joined, accepted, message = events
    token, epoch, session = welcome["token"], welcome["epoch"], welcome["session"]
    assert len(token) >= 22
    assert re.fullmatch(r"\S+", epoch) and re.fullmatch(r"s\d+", session)
    assert re.fullmatch(r"netchat/\d+\.\d+(\.\d+)?\S*", welcome["server"])
    assert welcome["limits"].items() >= {"frame": 65_536, "text": 4_000, "rooms": 100}.items()
    assert welcome == {
        "type": "welcome", "version": 1, "server": welcome["server"], "name": "ana",
        "session": session, "token": token, "epoch": epoch, "heartbeat": 25,
        "limits": welcome["limits"], "talks": [],
    }  # fmt: skip
    assert joined == {
        "type": "joined", "ref": "1", "room": "lobby", "epoch": epoch, "head": 0, "first": 1,
        "count": 1, "members": ["ana"], "topic": "",
    }  # fmt: skip
    time = accepted["time"]
    assert isinstance(time, int) and time > 1_700_000_000_000
    place = {"room": "lobby", "seq": 1, "time": time}
    assert accepted == {"type": "accepted", "id": "a-1", **place}
    assert message == {"type": "message", **place, "from": "ana", "text": "hola", "id": "a-1"}


def one_by_one(client: RawClient) -> Iterator[Object]:
    for request in REQUESTS:
        yield client.ask(request)
    yield client.recv()


def byte_by_byte(client: RawClient) -> Iterator[Object]:
    for byte in framed(*REQUESTS):
        client.send_bytes(bytes([byte]))
    yield from (client.recv() for _ in range(4))


def all_at_once(client: RawClient) -> Iterator[Object]:
    client.send(*REQUESTS)
    yield from (client.recv() for _ in range(4))


@pytest.mark.parametrize("way", [one_by_one, byte_by_byte, all_at_once])
def test_the_conversation_of_the_protocol(
    tmp_path: Path, way: Callable[[RawClient], Iterator[Object]]
) -> None:
    with ServerProcess(tmp_path) as server, server.client() as client:
        check(list(way(client)))
        assert client.is_silent()
