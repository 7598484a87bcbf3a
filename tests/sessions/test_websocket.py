"""WebSocket members beside native ones: encoded once a wire, pings, floods, goodbyes."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.chat.events import Message, Pong
from netchat.chat.requests import Hello, Join, Ping, Post
from netchat.sessions.door import DoorSession
from netchat.sessions.websocket import WebSocketSession
from netchat.wire.messages import decode_event, encode
from netchat.wire.websocket import (
    AT_ONCE,
    MAX_FRAGMENTS,
    CompressedWire,
    WebSocketServer,
    WebSocketWire,
)
from tests.conformance.peer import CLOSE, CONT, KEY, PING, PONG, TEXT, close, frame
from tests.sessions.support import House, Socket, web_entrance

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY.encode() + b"\r\n\r\n"
)


class WebClient:
    """A WebSocket peer behind its upgrade, on a socket of the support module's."""

    def __init__(self, house: House, name: str = "") -> None:
        self.house = house
        self.sock = Socket()
        house.clients.append(self)  # type: ignore[arg-type]
        web = web_entrance(house)
        house.let_in(web, self.sock)
        self.sends(UPGRADE)
        assert self.sock.outbox.startswith(b"HTTP/1.1 101 ")
        self.sock.outbox.clear()
        self.session = next(reversed(house.door.sessions))
        if name:
            self.says(Hello(version=1, name=name), Join(room="lobby"))
            self.heard()

    def says(self, *requests: Any) -> None:
        self.sends(*(frame(TEXT, encode(request)) for request in requests))

    def sends(self, *frames: bytes) -> None:
        self.sock.inbox += b"".join(frames)
        self.house.settle()

    def frames(self) -> list[tuple[int, bytes]]:
        """What has come since the last time; none is compressed or longer than 64 KiB."""
        data, found = bytes(self.sock.outbox), []
        self.sock.outbox.clear()
        while data:
            size, at = data[1], 2
            if size == 126:
                size, at = int.from_bytes(data[2:4], "big"), 4
            found.append((data[0] & 15, data[at : at + size]))
            data = data[at + size :]
        return found

    def heard(self) -> list[Any]:
        return [decode_event(data) for opcode, data in self.frames() if opcode == TEXT]


@pytest.fixture
def house() -> House:
    return House()


def test_a_room_is_encoded_once_for_all_websocket_members(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = house.enter("nadia", "lobby")
    webs = [WebClient(house, f"w{number}") for number in range(20)]
    encoded: list[int] = []
    real = WebSocketWire.encode_slice

    def counted(wire: WebSocketWire, messages: Any) -> Any:
        encoded.append(len(messages))
        return real(wire, messages)

    monkeypatch.setattr(WebSocketWire, "encode_slice", counted)
    slices = house.delivery.encoded
    native.says(*(Post(room="lobby", text=str(n), id=str(n)) for n in range(7)))
    assert encoded == [7]
    assert house.delivery.encoded - slices == 2  # one a wire
    for web in webs:
        assert [event.text for event in web.heard() if isinstance(event, Message)] == list(
            "0123456"
        )


def test_a_ping_is_answered_behind_what_was_asked_before(house: House) -> None:
    web = WebClient(house, "wera")
    web.sends(frame(TEXT, encode(Post(room="lobby", text="a", id="1"))), frame(PING, b"then"))
    kinds = [(opcode, data[:9]) for opcode, data in web.frames()]
    assert [opcode for opcode, _ in kinds] == [TEXT, TEXT, PONG]


def test_a_silent_peer_is_asked_by_a_ping_frame(house: House) -> None:
    web = WebClient(house, "wera")
    house.advance(30.0)
    assert (PING, b"") in web.frames()


def test_posts_before_a_close_are_stored_and_answered(house: House) -> None:
    web, native = WebClient(house, "wera"), house.enter("nadia", "lobby")
    posts = [frame(TEXT, encode(Post(room="lobby", text="a", id=str(n)))) for n in range(600)]
    web.sends(*posts, close(1001))
    frames = web.frames()
    assert sum(b'"accepted"' in data for _, data in frames) == 600
    assert frames[-1] == (CLOSE, b"\x03\xe9")
    assert len(native.seqs()) == 600


def test_nothing_follows_the_close_frame(house: House) -> None:
    web, native = WebClient(house, "wera"), house.enter("nadia", "lobby")
    web.frames()
    web.sends(frame(TEXT, b"{"))
    native.says(Post(room="lobby", text="late", id="1"))
    assert [opcode for opcode, _ in web.frames()] == [TEXT, CLOSE]


def test_a_flood_of_pings_costs_the_others_little_and_holds_nothing(house: House) -> None:
    web = WebClient(house, "wera")
    web.sock.window = 0
    web.sends(frame(PING, b"x" * 125) * 5_000)
    assert web.session.transport.pending < 2 * 65_536
    assert not web.session.transport.reading
    web.sock.window = 10**9
    for _ in range(50):
        house.settle()
    assert sum(opcode == PONG for opcode, _ in web.frames()) == 5_000


def test_a_compressed_slice_is_the_same_for_all_and_each_message_by_itself() -> None:
    wire = CompressedWire()
    messages = [Message("lobby", seq, 1, "ana", "la la la " * 100, str(seq)) for seq in range(1, 4)]
    blob, ends = wire.encode_slice(messages)
    assert blob == b"".join(wire.encode(message) for message in messages)
    assert ends[-1] == len(blob) - len(wire.encode(messages[-1])) and len(blob) < 600


def test_the_session_has_no_fields_beyond_those_of_its_kind() -> None:
    assert WebSocketSession.__struct_fields__ == DoorSession.__struct_fields__
    assert not hasattr(WebSocketServer(), "__dict__")


def test_a_message_that_is_begun_behind_a_full_turn_has_its_own_time_to_come() -> None:
    """To the session, bytes that the library has not seen may be a message or a beginning."""
    house = House()
    ana = WebClient(house, "ana")
    pings = frame(TEXT, encode(Ping())) * 255
    long = long_ping(1_000)
    ana.sends(long[:100])
    house.advance(6)
    ana.sends(long[100:], pings, long[:100])
    house.advance(6)
    assert not ana.session.closing
    house.advance(6)
    assert ana.session.closing


def in_fragments(payload: bytes, count: int) -> bytes:
    """A text message of so many frames; all is in the last one."""
    begun = frame(TEXT, fin=False) + frame(CONT, fin=False) * (count - 2)
    return begun + frame(CONT, payload)


def test_a_message_of_many_fragments_is_read_a_few_at_a_time() -> None:
    machine = WebSocketServer()
    machine.receive_data(in_fragments(encode(Ping()), MAX_FRAGMENTS))
    calls = 0
    while (request := machine.next_request()) is None:
        assert machine.pending
        calls += 1
    assert request == Ping() and not machine.pending
    assert calls == (MAX_FRAGMENTS - 1) // AT_ONCE


def test_it_is_answered_though_nothing_more_comes(house: House) -> None:
    web = WebClient(house, "wera")
    web.sends(in_fragments(encode(Ping()), MAX_FRAGMENTS))
    assert web.heard() == [Pong()]
    web.sends(in_fragments(encode(Ping()), MAX_FRAGMENTS + 1))
    assert [event.code for event in web.heard()] == ["frame_too_large"]
    assert web.session.closing


def long_ping(letters: int) -> bytes:
    return frame(TEXT, b'{"type":"ping","x":"' + b"x" * letters + b'"}')
