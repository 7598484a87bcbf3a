from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.client.lines import MAX_LINE, Lines


@given(st.lists(st.binary(max_size=20)))
def test_lines_are_the_same_however_the_bytes_come(pieces: list[bytes]) -> None:
    whole, split = Lines(), Lines()
    found = [line for piece in pieces for line in split.feed(piece)] + split.rest()
    assert found == whole.feed(b"".join(pieces)) + whole.rest()


def test_either_line_end_is_taken_off_and_the_last_needs_none() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntwo\r\n\nthr") == ["one", "two", ""]
    assert lines.feed("ée".encode()) == []
    assert lines.rest() == ["thrée"]
    assert lines.rest() == []


def test_a_line_without_end_costs_no_memory_and_is_not_lost_in_silence() -> None:
    lines = Lines()
    taken: list[str] = []
    for _ in range(20):
        taken += lines.feed(b"x" * 20_000)
        assert len(lines._buffer) <= MAX_LINE
    taken += lines.feed(b"x\nnext\n")
    assert len(taken) == 2
    assert len(taken[0]) > MAX_LINE
    assert taken[1] == "next"


def test_bytes_that_are_no_text_become_placeholders() -> None:
    assert Lines().feed(b"\xff\n") == ["\ufffd"]
