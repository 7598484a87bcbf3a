"""Text is UTF-8 (RFC 3629), checked as it comes: wrong bytes end the connection with 1007."""

from __future__ import annotations

import pytest

from tests.conformance.peer import BINARY, CLOSE, CONT, TEXT, Got, Peer, frame

KOSME = "Hello-µ@ßöäüàá-UTF-8!! κόσμε".encode()

VALID = [
    "", "κόσμε", "\x00", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd",
    "\uffff", "\ufdd0", "\U00010000", "\U0001fffe", "\U0010ffff", "👩‍👩‍👧",
]  # fmt: skip

INVALID = {
    "a continuation alone": b"\x80",
    "the last continuation alone": b"\xbf",
    "64 continuations": bytes(range(0x80, 0xC0)),
    "starts of two followed by spaces": b" ".join(bytes([n]) for n in range(0xC0, 0xE0)),
    "starts of three followed by spaces": b" ".join(bytes([n]) for n in range(0xE0, 0xF0)),
    "starts of four followed by spaces": b" ".join(bytes([n]) for n in range(0xF0, 0xF8)),
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "two cut short": b"\xc3",
    "three cut short": b"\xe0\xa0",
    "four cut short": b"\xf0\x90\x80",
    "never": b"\xfe",
    "never either": b"\xff",
    "an overlong slash": b"\xc0\xaf",
    "an overlong slash of three": b"\xe0\x80\xaf",
    "an overlong slash of four": b"\xf0\x80\x80\xaf",
    "the longest overlong of two": b"\xc1\xbf",
    "the longest overlong of three": b"\xe0\x9f\xbf",
    "the longest overlong of four": b"\xf0\x8f\xbf\xbf",
    "an overlong zero": b"\xc0\x80",
    "a high surrogate": b"\xed\xa0\x80",
    "a low surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "beyond the last": b"\xf4\x90\x80\x80",
    "wrong in the middle": "κόσμε".encode() + b"\xed\xa0\x80edited",
}


def ends_with_1007(peer: Peer) -> None:
    last = peer.get()
    assert (last.opcode, last.data[:2]) == (CLOSE, (1007).to_bytes(2, "big"))


@pytest.mark.parametrize("text", VALID)
def test_text_comes_back_whole_and_byte_by_byte(peer: Peer, text: str) -> None:
    data = text.encode()
    peer.send(frame(TEXT, data))
    assert peer.get() == Got(TEXT, data)
    pieces = [frame(CONT, data[at : at + 1], fin=False) for at in range(len(data))]
    peer.send(frame(TEXT, fin=False), *pieces, frame(CONT))
    assert peer.get() == Got(TEXT, data)


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID)
def test_what_is_no_utf8_ends_the_connection(plain: str, data: bytes) -> None:
    with Peer(plain) as whole:
        whole.send(frame(TEXT, data))
        ends_with_1007(whole)
    with Peer(plain) as cut:
        pieces = [frame(CONT, data[at : at + 1], fin=False) for at in range(len(data))]
        cut.send(frame(TEXT, fin=False), *pieces, frame(CONT))
        ends_with_1007(cut)


def test_wrong_bytes_are_noticed_at_the_end_of_their_fragment(peer: Peer) -> None:
    peer.send(frame(TEXT, KOSME + b"\xf4\x90\x80\x80", fin=False))  # the message is not over
    ends_with_1007(peer)


def test_a_character_may_be_cut_by_fragments(peer: Peer) -> None:
    peer.send(frame(TEXT, KOSME[:-1], fin=False), frame(CONT, KOSME[-1:]))
    assert peer.get() == Got(TEXT, KOSME)


def test_binary_need_not_be_utf8(peer: Peer) -> None:
    peer.send(frame(BINARY, b"\xff\xfe", fin=False), frame(CONT, b"\x80"))
    assert peer.get() == Got(BINARY, b"\xff\xfe\x80")
