from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.text import LONGEST, MARK, SHORTEST, compose, find_times, times

instants = st.integers(0, 2**62)


@given(instants, st.integers(0, 2**47), st.integers(SHORTEST, LONGEST))
def test_a_text_carries_its_times_has_its_size_and_one_mark(due: int, wait: int, size: int) -> None:
    text = compose(due, due + wait, size)
    assert len(text) == size
    assert text.encode().count(MARK) == 1 and text.encode().endswith(MARK)
    assert times(text) == (due, due + wait)


def test_whole_texts_are_found_in_a_piece_of_any_stream() -> None:
    first, second = (compose(at, at + 5, 40).encode() for at in (10, 20))
    stream = b"PRIVMSG #x :" + first + b"\r\nPRIVMSG #x :" + second + b"\r\n"
    assert list(find_times(stream)) == [(10, 15), (20, 25)]
    assert list(find_times(stream[20:])) == [(20, 25)]
    assert list(find_times(stream[:-6])) == [(10, 15)]
