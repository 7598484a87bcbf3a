"""A WebSocket frame's size, and its payload where it is what browsers send, from its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from netchat.wire.wsframe import plain_text, size_of_frame

SIZES = [0, 1, 125, 126, 127, 128, 65_535, 65_536]


def frame(payload: bytes, opcode: Opcode = Opcode.TEXT, *, mask: bool = True) -> bytes:
    return Frame(opcode, payload).serialize(mask=mask)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mask", [True, False])
def test_the_size_is_known_once_the_length_has_come(size: int, mask: bool) -> None:
    whole = frame(bytes(size), mask=mask)
    known = 2 if size < 126 else 4 if size < 65_536 else 10
    for cut in range(min(16, len(whole) + 1)):
        assert size_of_frame(b"x" + whole[:cut], 1) == (len(whole) if cut >= known else 0)


@given(st.binary(max_size=300), st.binary(max_size=20), st.binary(max_size=20))
def test_a_whole_masked_text_is_read(payload: bytes, before: bytes, behind: bytes) -> None:
    data = before + frame(payload) + behind
    assert plain_text(data, len(before), 300) == (payload, len(data) - len(behind))


@pytest.mark.parametrize("size", SIZES[:-1])
def test_it_is_not_read_before_all_of_it_has_come_nor_beyond_the_bound(size: int) -> None:
    whole = frame(b"x" * size)
    for cut in (*range(min(10, len(whole))), len(whole) - 1):
        assert plain_text(whole[:cut], 0, size) is None
    assert plain_text(whole, 0, size) is not None
    assert plain_text(whole, 0, size - 1) is None


@pytest.mark.parametrize(
    "other",
    [
        frame(b"x", Opcode.BINARY),
        frame(b"x", Opcode.CONT),
        frame(b"x", Opcode.PING),
        frame(b"x" * 10, mask=False),
        frame(b"x" * 200, mask=False),
        frame(b"x" * 65_536),
        Frame(Opcode.TEXT, b"x", fin=False).serialize(mask=True),
        b"\xc1" + frame(b"x")[1:],  # a reserved bit: compressed
    ],
)
def test_everything_else_is_the_librarys(other: bytes) -> None:
    assert plain_text(other, 0, 10**6) is None
