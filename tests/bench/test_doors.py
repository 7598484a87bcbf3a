from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.crowd import Crowd
from bench.doors import DOORS, PING, PONG, TEXT, Door, masked
from bench.ledger import Ledger
from bench.member import NetchatMember
from netchat.chat.events import Message, Presence
from netchat.net.transport import Transport
from netchat.wire.base import Wire
from netchat.wire.native import NATIVE
from netchat.wire.websocket import PING_FRAME, WEBSOCKET
from tests.bench.support import ROOM, FakeTransport, joined, message

WIRES: list[tuple[Door, Wire, bytes]] = [
    (DOORS["native"], NATIVE, b""),
    (DOORS["web"], WEBSOCKET, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
]


@pytest.mark.parametrize(("door", "wire", "head"), WIRES)
@pytest.mark.parametrize("size", [1, 60, 200, 4_000, 17_000])
def test_a_frame_of_any_size_is_cut_once_it_is_whole(
    door: Door, wire: Wire, head: bytes, size: int
) -> None:
    event = Message(room=ROOM, seq=1, time=0, sender="m", text="x" * size, id="i")
    data = wire.encode(event)
    assert door.cut(data[:-1], 0) is None and door.cut(data[:3], 0) is None
    place = door.cut(b"-" + data + b"more", 1)
    assert place is not None
    assert (data[place[0] - 1 :][:16], place[1]) == (b'{"type":"message', len(data) + 1)


def test_what_carries_nothing_has_no_payload_and_a_ping_has_an_answer() -> None:
    web = DOORS["web"]
    assert web.cut(PING_FRAME, 0) == (2, 2)
    assert web.answer(PING_FRAME) == masked(PONG, b"")
    assert web.answer(bytes([PING, 2]) + b"ab") == masked(PONG, b"ab")
    assert web.answer(bytes([TEXT, 0])) == b""
    head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    assert web.cut(head[:-1], 0) is None and web.cut(head + b"\x81", 0) == (len(head), len(head))


@pytest.mark.parametrize(("door", "wire", "head"), WIRES)
@given(cuts=st.lists(st.integers(1, 300), max_size=20))
def test_a_member_checks_its_stream_at_any_door(
    door: Door, wire: Wire, head: bytes, cuts: list[int]
) -> None:
    crowd, ledger, transports = Crowd(), Ledger(ROOM), [FakeTransport(), FakeTransport()]
    ledger.members = 2
    crowd.ledgers = [ledger]
    members = [NetchatMember(crowd, ledger, f"m{i}", 64, "join", door) for i in range(2)]
    crowd.members = list(members)
    for seq in range(1, 6):
        ledger.post(f"id{seq}")
    crowd.owed = 10
    news = [wire.encode(message(seq, f"id{seq}")) for seq in range(1, 6)]
    presence = wire.encode(Presence(room=ROOM, count=2))
    stream = head + wire.encode(joined(2)) + presence + b"".join(news[:3]) + presence
    stream += b"".join(news[3:])
    for member, transport in zip(members, transports, strict=True):
        member.start(cast(Transport, transport))
        at = 0
        for cut in [*cuts, len(stream)]:
            if piece := stream[at : at + cut]:
                member.data_received(piece, 0.0)
            at += cut
    assert crowd.joined == 2
    tally = crowd.settle()
    assert (tally.faults, tally.delivered) == (0, 10)
