"""permessage-deflate (RFC 7692), without context takeover both ways."""

from __future__ import annotations

import random
import re
import zlib

import pytest

from tests.conformance.peer import BINARY, CLOSE, CONT, PING, PONG, RSV1, TEXT, Got, Peer, frame

OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
TEXTS = "Se quedó callado, y el mar también. ".encode()


def deflated(data: bytes, bits: int = 12) -> bytes:
    squeeze = zlib.compressobj(wbits=-bits)
    return (squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(got: Got, bits: int = 15) -> bytes:
    if not got.rsv:
        return got.data
    assert got.rsv == RSV1
    return zlib.decompress(got.data + b"\x00\x00\xff\xff\x03\x00", wbits=-bits)


def agreed(peer: Peer) -> str:
    found = re.findall(r"Sec-WebSocket-Extensions: (.*)\r", peer.head + "\r")
    return found[0].strip() if found else ""


@pytest.mark.parametrize(
    "size", [16, 64, 256, 1_024, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072]
)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_compressed_messages_come_back(compressing: str, size: int, opcode: int) -> None:
    with Peer(compressing, OFFER) as peer:
        assert "server_no_context_takeover; client_no_context_takeover" in agreed(peer)
        data = (TEXTS * (size // len(TEXTS) + 1))[:size].decode(errors="ignore").encode()
        for _ in range(20):
            peer.send(frame(opcode, deflated(data), rsv=RSV1))
        for _ in range(20):
            got = peer.get()
            assert (got.opcode, inflated(got)) == (opcode, data)
        assert size < 256 or len(got.data) < size


def test_long_answers_are_compressed_and_noise_survives_it(compressing: str) -> None:
    noise = random.Random(1).randbytes(50_000)
    with Peer(compressing, OFFER) as peer:
        peer.send(frame(BINARY, noise), frame(TEXT, TEXTS * 100))
        assert inflated(peer.get()) == noise
        assert peer.get().rsv == RSV1


def test_messages_may_go_uncompressed_and_in_fragments(compressing: str) -> None:
    data = deflated(TEXTS * 9)
    with Peer(compressing, OFFER) as peer:
        peer.send(frame(TEXT, TEXTS))
        assert inflated(peer.get()) == TEXTS
        peer.send(
            frame(TEXT, data[:7], fin=False, rsv=RSV1), frame(PING, b"x"),
            frame(CONT, b"", fin=False), frame(CONT, data[7:]),
        )  # fmt: skip
        assert peer.get() == Got(PONG, b"x")
        assert inflated(peer.get()) == TEXTS * 9


@pytest.mark.parametrize(
    ("offer", "bits"),
    [
        ("permessage-deflate; server_no_context_takeover", 15),
        ("permessage-deflate; server_max_window_bits=9", 9),
        ("permessage-deflate; server_max_window_bits=15; client_max_window_bits", 15),
        ("permessage-deflate; client_no_context_takeover; client_max_window_bits=15", 15),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", 15),
        ("permessage-deflate; unknown, permessage-deflate", 15),
    ],
)
def test_what_is_offered_is_agreed_on_and_kept(compressing: str, offer: str, bits: int) -> None:
    with Peer(compressing, f"Sec-WebSocket-Extensions: {offer}") as peer:
        assert agreed(peer)
        peer.send(frame(TEXT, deflated(TEXTS * 200, 9), rsv=RSV1))
        got = peer.get()
        data = (
            zlib.decompress(got.data + b"\x00\x00\xff\xff\x03\x00", -bits) if got.rsv else got.data
        )
        assert data == TEXTS * 200


def test_nothing_is_agreed_on_where_it_is_switched_off(plain: str) -> None:
    with Peer(plain, OFFER) as peer:
        assert agreed(peer) == ""
        peer.send(frame(TEXT, deflated(TEXTS), rsv=RSV1))
        assert peer.get().data[:2] == (1002).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (frame(TEXT, b"\xff\xff\xff\xff", rsv=RSV1), 1002),
        (frame(TEXT, deflated(b"\xff\xfe"), rsv=RSV1), 1007),
        (frame(PING, b"", rsv=RSV1), 1002),
        (frame(TEXT, deflated(b"ab"), fin=False, rsv=RSV1) + frame(CONT, b"", rsv=RSV1), 1002),
    ],
    ids=["no deflate", "no UTF-8", "a ping", "a continuation"],
)
def test_what_is_wrongly_compressed_ends_the_connection(
    compressing: str, wrong: bytes, code: int
) -> None:
    with Peer(compressing, OFFER) as peer:
        peer.send(wrong)
        last = peer.rest()[-1]
        assert (last.opcode, last.data[:2]) == (CLOSE, code.to_bytes(2, "big"))


def test_a_bomb_is_not_inflated_beyond_the_limit(compressing: str) -> None:
    with Peer(compressing, OFFER) as peer:
        peer.send(frame(BINARY, deflated(bytes(65 << 20)), rsv=RSV1))
        assert peer.rest()[-1].data[:2] == (1009).to_bytes(2, "big")
