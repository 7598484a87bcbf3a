"""The length-prefixed framing, alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.errors import BadFrame, FatalError, FrameTooLarge
from netchat.wire.framing import LengthPrefixed, frame
from tests.wire.support import cut_up, pull

LIMIT = 100

payloads = st.lists(st.binary(min_size=1, max_size=LIMIT), max_size=8)


def fed(*pieces: bytes, limit: int = LIMIT) -> LengthPrefixed:
    framing = LengthPrefixed(limit)
    for piece in pieces:
        framing.receive_data(piece)
    return framing


def held(framing: LengthPrefixed) -> int:
    return len(framing._data)


def test_a_frame_is_its_length_in_big_endian_and_its_payload() -> None:
    assert frame(b"{}") == b"\x00\x00\x00\x02{}"


@given(payloads, st.lists(st.integers(0, 1000)))
def test_any_split_gives_the_same_payloads(expected: list[bytes], places: list[int]) -> None:
    framing = LengthPrefixed(LIMIT)
    got: list[bytes] = []
    for piece in cut_up(b"".join(map(frame, expected)), places):
        framing.receive_data(piece)
        got += pull(framing.next_payload)
    assert got == expected
    assert held(framing) == 0


@given(payloads)
def test_byte_by_byte_gives_the_same_payloads(expected: list[bytes]) -> None:
    stream = b"".join(map(frame, expected))
    framing = fed(*(stream[at : at + 1] for at in range(len(stream))))
    assert list(pull(framing.next_payload)) == expected


@given(payloads, st.lists(st.integers(0, 1000)), st.lists(st.integers(0, 3)))
def test_pulling_now_and_then_gives_the_same_payloads(
    expected: list[bytes], places: list[int], pulls: list[int]
) -> None:
    framing = LengthPrefixed(LIMIT)
    got: list[bytes] = []
    for number, piece in enumerate(cut_up(b"".join(map(frame, expected)), places)):
        framing.receive_data(piece)
        for _ in range(pulls[number] if number < len(pulls) else 0):
            if framing.complete:
                got.append(framing.next_payload() or b"")
    got += pull(framing.next_payload)
    assert got == expected


@given(st.lists(st.binary(max_size=20)))
def test_garbage_fails_with_a_framing_error_or_not_at_all(pieces: list[bytes]) -> None:
    framing = LengthPrefixed(LIMIT)
    for piece in pieces:
        framing.receive_data(piece)
        foreseen = framing.complete
        try:
            given_out = framing.next_payload() is not None
        except FatalError as error:
            given_out = True
            assert type(error) in (BadFrame, FrameTooLarge)
        assert given_out == foreseen
        assert held(framing) <= sum(map(len, pieces))


def rest(framing: LengthPrefixed) -> int:
    """Bytes that no payload has been made of yet."""
    return len(framing._data) - framing._at


def test_complete_and_what_is_held_follow_the_bytes() -> None:
    framing = fed()
    assert (framing.complete, rest(framing)) == (False, 0)
    framing.receive_data(b"\x00\x00")
    assert (framing.complete, rest(framing)) == (False, 2)
    framing.receive_data(b"\x00\x02{")
    assert (framing.complete, rest(framing)) == (False, 5)
    framing.receive_data(b"}\x00")
    assert (framing.complete, rest(framing)) == (True, 7)
    assert framing.next_payload() == b"{}"
    assert (framing.complete, rest(framing)) == (False, 1)


def test_a_payload_of_exactly_the_limit_passes() -> None:
    assert fed(frame(b"x" * LIMIT)).next_payload() == b"x" * LIMIT


@pytest.mark.parametrize("length", [LIMIT + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_longer_length_is_refused_on_sight_and_nothing_is_kept(length: int) -> None:
    header = length.to_bytes(4, "big")
    framing = fed(header[:3])
    assert framing.next_payload() is None
    framing.receive_data(header[3:])
    assert framing.complete
    with pytest.raises(FrameTooLarge):
        framing.next_payload()
    framing.receive_data(b"x" * 10_000)
    assert held(framing) == 0


def test_length_zero_is_a_bad_frame() -> None:
    framing = fed(b"\x00\x00\x00\x00")
    assert framing.complete
    with pytest.raises(BadFrame):
        framing.next_payload()


def test_frames_before_a_bad_length_still_come_out() -> None:
    framing = fed(frame(b"a") + b"\x00\x00\x00\x00")
    assert framing.next_payload() == b"a"
    with pytest.raises(BadFrame):
        framing.next_payload()


def test_a_failure_stays_even_if_good_frames_and_a_higher_limit_follow() -> None:
    framing = fed(frame(b"x" * (LIMIT + 1)))
    for _ in range(2):
        with pytest.raises(FrameTooLarge):
            framing.next_payload()
        framing.max_frame = 1000
        framing.receive_data(frame(b"a"))


def test_the_limit_may_change_between_two_pulls() -> None:
    framing = fed(frame(b"a") + frame(b"x" * (LIMIT + 1)))
    assert framing.next_payload() == b"a"
    framing.max_frame = LIMIT + 1
    assert framing.next_payload() == b"x" * (LIMIT + 1)


def test_bytes_that_meet_an_empty_buffer_are_not_copied() -> None:
    data = frame(b"a") + frame(b"b")
    assert fed(data)._data is data


def test_what_has_been_pulled_is_let_go_though_the_buffer_never_runs_dry() -> None:
    framing = fed(frame(b"x" * 50))
    for _ in range(1000):
        framing.receive_data(frame(b"x" * 50))
        assert framing.next_payload() == b"x" * 50
    assert held(framing) < 200


def test_the_rest_of_a_long_read_does_not_pin_it() -> None:
    framing = fed(frame(b"x" * 50) * 100 + b"\x00")
    assert len(list(pull(framing.next_payload))) == 100
    assert held(framing) == 1
