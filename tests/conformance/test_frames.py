"""Framing, pings, reserved bits, opcodes, fragments: what comes back is what was sent."""

from __future__ import annotations

import struct

import pytest

from tests.conformance.peer import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    Got,
    Peer,
    close,
    frame,
)

A = Got(TEXT, b"Hello, world!")
HELLO = frame(TEXT, b"Hello, world!")


def code(got: Got) -> int:
    assert got.opcode == CLOSE
    found: int = struct.unpack(">H", got.data[:2])[0]
    return found


def ends(peer: Peer, *before: Got, closes: int = 1002) -> None:
    """Exactly these frames come, then a close with this code, then the end."""
    *frames, last = peer.rest()
    assert frames == list(before)
    assert code(last) == closes


# -- framing -------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, 200_000])
def test_messages_of_every_length_come_back(peer: Peer, opcode: int, size: int) -> None:
    peer.send(frame(opcode, b"*" * size))
    assert peer.get() == (opcode, b"*" * size, True, 0)


@pytest.mark.parametrize("chop", [1, 2, 997])
def test_it_does_not_matter_how_the_bytes_are_cut(peer: Peer, chop: int) -> None:
    peer.send(frame(TEXT, b"*" * 3_000), HELLO, chop=chop)
    assert [peer.get(), peer.get()] == [Got(TEXT, b"*" * 3_000), A]


def test_a_frame_that_is_not_masked_ends_the_connection(peer: Peer) -> None:
    peer.send(frame(TEXT, b"bare", masked=False))
    ends(peer)


@pytest.mark.parametrize(("size", "piece"), [(1 << 20, 1 << 20), (4 << 20, 4_096), (1 << 18, 64)])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_long_messages_in_fragments_come_back(
    peer: Peer, opcode: int, size: int, piece: int
) -> None:
    data = b"*" * size
    cuts = range(0, size, piece)
    frames = [
        frame(CONT if at else opcode, data[at : at + piece], fin=at + piece >= size) for at in cuts
    ]
    peer.send(*frames)
    got = peer.get()
    assert (got.opcode, len(got.data), got.data == data) == (opcode, size, True)


def test_sixteen_megabytes_come_back(peer: Peer) -> None:
    data = b"*" * (16 << 20)
    peer.send(frame(BINARY, data))
    assert peer.get().data == data


def test_a_thousand_messages_come_back_in_order(peer: Peer) -> None:
    sent = [b"%d" % number * 20 for number in range(1_000)]
    for data in sent:
        peer.send(frame(TEXT, data))
    assert [peer.get().data for _ in sent] == sent


# -- pings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"Hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125]
)
@pytest.mark.parametrize("chop", [0, 1])
def test_a_ping_is_answered_with_its_own_bytes(peer: Peer, data: bytes, chop: int) -> None:
    peer.send(frame(PING, data), chop=chop)
    assert peer.get() == Got(PONG, data)


def test_a_ping_of_126_bytes_ends_the_connection(peer: Peer) -> None:
    peer.send(frame(PING, b"\xfe" * 126))
    ends(peer)


def test_a_pong_that_nobody_asked_for_is_ignored(peer: Peer) -> None:
    peer.send(frame(PONG), frame(PONG, b"unasked"), frame(PING, b"1"))
    assert peer.get() == Got(PONG, b"1")


@pytest.mark.parametrize("chop", [0, 1])
def test_ten_pings_are_answered_in_order(peer: Peer, chop: int) -> None:
    peer.send(*(frame(PING, b"%d" % number) for number in range(10)), chop=chop)
    assert [peer.get() for _ in range(10)] == [Got(PONG, b"%d" % number) for number in range(10)]


# -- reserved bits and opcodes -------------------------------------------------------------


@pytest.mark.parametrize("rsv", [RSV1, RSV2, RSV3, RSV1 | RSV2, RSV2 | RSV3, RSV1 | RSV2 | RSV3])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
@pytest.mark.parametrize("chop", [0, 1])
def test_reserved_bits_end_the_connection_behind_what_came_before(
    peer: Peer, rsv: int, opcode: int, chop: int
) -> None:
    peer.send(HELLO, frame(opcode, b"", rsv=rsv), frame(PING), chop=chop)
    ends(peer, A)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("data", [b"", b"reserved"])
def test_reserved_opcodes_end_the_connection_behind_what_came_before(
    peer: Peer, opcode: int, data: bytes
) -> None:
    peer.send(HELLO, frame(opcode, data), frame(PING))
    ends(peer, A)


# -- fragments -----------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_control_frame_in_fragments_ends_the_connection(peer: Peer, opcode: int) -> None:
    peer.send(frame(opcode, b"frag", fin=False), frame(CONT, b"ment"))
    ends(peer)


@pytest.mark.parametrize("chop", [0, 1])
def test_fragments_are_joined_and_pings_between_them_answered_at_once(
    peer: Peer, chop: int
) -> None:
    peer.send(
        frame(TEXT, b"fragment1", fin=False), frame(PING, b"ping"),
        frame(CONT, b"", fin=False), frame(PING, b"pong"), frame(CONT, b"fragment2"), chop=chop,
    )  # fmt: skip
    wanted = [Got(PONG, b"ping"), Got(PONG, b"pong"), Got(TEXT, b"fragment1fragment2")]
    assert [peer.get() for _ in wanted] == wanted


def test_empty_fragments_make_an_empty_message(peer: Peer) -> None:
    peer.send(frame(TEXT, fin=False), frame(CONT, fin=False), frame(CONT))
    assert peer.get() == Got(TEXT, b"")


@pytest.mark.parametrize("fin", [True, False])
def test_a_continuation_of_nothing_ends_the_connection(peer: Peer, fin: bool) -> None:
    peer.send(HELLO, frame(CONT, b"of nothing", fin=fin), HELLO)
    ends(peer, A)


def test_a_continuation_behind_a_whole_message_ends_the_connection(peer: Peer) -> None:
    peer.send(
        frame(TEXT, b"one", fin=False), frame(CONT, b"two"), frame(CONT, b"three", fin=False),
        frame(TEXT, b"four", fin=False), frame(CONT, b"five"),
    )  # fmt: skip
    ends(peer, Got(TEXT, b"onetwo"))


def test_a_message_inside_another_ends_the_connection(peer: Peer) -> None:
    peer.send(frame(TEXT, b"one", fin=False), frame(TEXT, b"two"))
    ends(peer)


# -- closing -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012,
                                    1013, 1014, 3000, 3999, 4000, 4999])  # fmt: skip
def test_a_close_is_echoed_with_its_code(peer: Peer, number: int) -> None:
    peer.send(close(number, b"good-bye"))
    ends(peer, closes=number)


@pytest.mark.parametrize("number", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000,
                                    65535])  # fmt: skip
def test_a_close_with_a_code_that_there_is_not_is_a_breach(peer: Peer, number: int) -> None:
    peer.send(close(number))
    ends(peer)


def test_a_close_without_a_code_is_echoed_without_one(peer: Peer) -> None:
    peer.send(close())
    assert peer.rest() == [Got(CLOSE, b"")]


def test_a_close_of_one_byte_is_a_breach(peer: Peer) -> None:
    peer.send(frame(CLOSE, b"\x03"))
    ends(peer)


@pytest.mark.parametrize(("size", "closes"), [(123, 1000), (124, 1002)])
def test_a_reason_has_at_most_123_bytes(peer: Peer, size: int, closes: int) -> None:
    peer.send(close(1000, b"*" * size))
    ends(peer, closes=closes)


def test_a_reason_that_is_no_utf8_is_wrong(peer: Peer) -> None:
    peer.send(close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"))
    ends(peer, closes=1007)


@pytest.mark.parametrize("behind", [HELLO, frame(PING), close(1001)], ids=["text", "ping", "close"])
def test_nothing_behind_a_close_is_answered(peer: Peer, behind: bytes) -> None:
    peer.send(HELLO, close(1000), behind)
    ends(peer, A, closes=1000)


def test_a_close_may_cut_a_message_short(peer: Peer) -> None:
    peer.send(frame(TEXT, b"fragment1", fin=False), close(1000), frame(CONT, b"fragment2"))
    ends(peer, closes=1000)


def test_a_close_without_a_code_may_cut_a_message_short(peer: Peer) -> None:
    peer.send(frame(TEXT, b"fragment1", fin=False), close(), frame(CONT, b"fragment2"))
    assert peer.rest() == [Got(CLOSE, b"")]


def test_a_long_message_goes_back_before_the_close(peer: Peer) -> None:
    peer.send(frame(TEXT, b"*" * (1 << 18)), close(1000), frame(PING))
    ends(peer, Got(TEXT, b"*" * (1 << 18)), closes=1000)
